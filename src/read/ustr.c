/* SPDX-License-Identifier: BSD-2-Clause */
#include "read/ustr.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/str.h"

/* UNICODE_STRING (ntdef.h): Length, MaximumLength in bytes, then Buffer aligned as
 * a pointer, on every build. */
static enum fs_status read_descriptor(struct vm *vm, uint64_t va, const char *what,
				      struct ustr *ret, struct fs_error *err)
{
	const size_t ptr = vm_pointer_size(vm);
	uint8_t b[16];
	enum fs_status st = vm_read(vm, va, b, 2 * ptr, what, err);

	if (st != FS_OK)
		return st;
	*ret = (struct ustr){
		.length = load_u16(b),
		.maximum_length = load_u16(b + 2),
		.buffer = ptr == 8 ? load_u64(b + 8) : load_u32(b + 4),
	};
	return FS_OK;
}

static enum fs_status check_descriptor(const struct vm *vm, uint64_t va, const char *what,
				       const struct ustr *u, struct fs_error *err)
{
	if (u->length % 2 != 0 || u->length > u->maximum_length)
		return fs_fail_at(err, FS_CORRUPT, va,
				  "%s at 0x%" PRIx64 ": a UNICODE_STRING of Length %u and "
				  "MaximumLength %u cannot be",
				  what, va, (unsigned)u->length, (unsigned)u->maximum_length);
	if (u->length > 0 && !vm_is_kernel_va(vm, u->buffer))
		return fs_fail_at(err, FS_CORRUPT, va,
				  "%s at 0x%" PRIx64 ": Buffer 0x%" PRIx64 " of %u bytes is no "
				  "kernel address",
				  what, va, u->buffer, (unsigned)u->length);
	return FS_OK;
}

/* Most names are short: those need no heap on the way. */
#define SHORT_UNITS 256u

static enum fs_status read_text(struct vm *vm, const char *what, struct arena *a, struct ustr *u,
				struct fs_error *err)
{
	const size_t units = u->length / 2u, room = units * 3 + 1;
	uint8_t small[SHORT_UNITS * 5 + 1];
	uint8_t *raw = units <= SHORT_UNITS ? small : malloc(u->length + room);
	enum fs_status st;
	char *text;
	size_t n;

	if (!raw)
		return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", what);
	st = vm_read(vm, u->buffer, raw, u->length, what, err);
	if (st == FS_OK) {
		text = (char *)raw + u->length;
		n = utf16le_to_utf8(raw, units, text, room);
		u->sane = utf16le_is_sane(raw, units);
		u->text = arena_strndup(a, text, n);
		if (!u->text)
			st = fs_fail(err, FS_NO_MEMORY, "%s: out of memory", what);
	}
	if (raw != small)
		free(raw);
	return st;
}

enum fs_status ustr_read(const struct reader *r, uint64_t va, const char *what, struct arena *a,
			 struct ustr *ret, struct fs_error *err)
{
	enum fs_status st = read_descriptor(r->vm, va, what, ret, err);

	if (st == FS_OK)
		st = check_descriptor(r->vm, va, what, ret, err);
	if (st == FS_OK && r->text_left && *r->text_left < ret->length)
		st = fs_fail_at(err, FS_LIMIT, va,
				"%s at 0x%" PRIx64 ": the names of this dump are longer together "
				"than are kept",
				what, va);
	if (st == FS_OK)
		st = read_text(r->vm, what, a, ret, err);
	if (st == FS_OK && r->text_left)
		*r->text_left -= ret->length;
	return st;
}

enum fs_status obj_ustr(const struct reader *r, uint64_t addr, enum field_id f, struct arena *a,
			struct ustr *ret, struct fs_error *err)
{
	const struct field_decl *d = field_decl(f);
	uint64_t va;
	enum fs_status st;

	if (d->kind != FK_USTR)
		return fs_fail(err, FS_INVALID, "%s is no UNICODE_STRING", d->full);
	st = obj_field(r, addr, f, &va, err);
	if (st != FS_OK)
		return st;
	return ustr_read(r, va, d->full, a, ret, err);
}
