/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cursor.h"

#include <string.h>

#include "base/checked.h"

void cursor_init(struct cursor *c, const void *data, size_t size, uint64_t base, const char *what)
{
	*c = (struct cursor){.data = data, .size = size, .base = base, .what = what};
}

enum fs_status cursor_seek(struct cursor *c, size_t pos, struct fs_error *err)
{
	if (pos > c->size)
		return fs_fail_at(err, FS_CORRUPT, c->base + pos,
				  "%s: offset 0x%zx lies past its end 0x%zx", c->what, pos,
				  c->size);
	c->pos = pos;
	return FS_OK;
}

enum fs_status cursor_view(struct cursor *c, size_t n, const uint8_t **ret, struct fs_error *err)
{
	if (!range_ok(c->pos, n, c->size))
		return fs_fail_at(err, FS_CORRUPT, c->base + c->pos,
				  "%s at 0x%llx: expected %zu bytes, have %zu", c->what,
				  (unsigned long long)(c->base + c->pos), n, c->size - c->pos);
	*ret = c->data + c->pos;
	c->prev = c->pos;
	c->pos += n;
	return FS_OK;
}

enum fs_status cursor_skip(struct cursor *c, size_t n, struct fs_error *err)
{
	const uint8_t *p = NULL;

	return cursor_view(c, n, &p, err);
}

enum fs_status cursor_bytes(struct cursor *c, void *ret, size_t n, struct fs_error *err)
{
	size_t at = c->pos;
	enum fs_status st = cursor_skip(c, n, err);

	if (st == FS_OK && n > 0)
		memcpy(ret, c->data + at, n);
	return st;
}

enum fs_status cursor_u8(struct cursor *c, uint8_t *ret, struct fs_error *err)
{
	return cursor_bytes(c, ret, 1, err);
}

enum fs_status cursor_u16(struct cursor *c, uint16_t *ret, struct fs_error *err)
{
	uint8_t b[2] = { 0 };
	enum fs_status st = cursor_bytes(c, b, sizeof(b), err);

	if (st == FS_OK)
		*ret = load_u16(b);
	return st;
}

enum fs_status cursor_u32(struct cursor *c, uint32_t *ret, struct fs_error *err)
{
	uint8_t b[4] = { 0 };
	enum fs_status st = cursor_bytes(c, b, sizeof(b), err);

	if (st == FS_OK)
		*ret = load_u32(b);
	return st;
}

enum fs_status cursor_u64(struct cursor *c, uint64_t *ret, struct fs_error *err)
{
	uint8_t b[8] = { 0 };
	enum fs_status st = cursor_bytes(c, b, sizeof(b), err);

	if (st == FS_OK)
		*ret = load_u64(b);
	return st;
}
