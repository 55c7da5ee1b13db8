/* SPDX-License-Identifier: BSD-2-Clause */
/* The exception directory: which function an address lies in. */
#include <inttypes.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "unwind/impl.h"

enum { INDIRECT_MAX = 4 };

static uint32_t entry_size(const struct unwind *u)
{
	return u->machine == UNWIND_ARM64 ? 8 : 12;
}

static enum fs_status read_entry(struct unwind *u, const struct unwind_image *image, uint64_t rva,
				 struct function *ret, struct fs_error *err)
{
	uint8_t b[12];
	enum fs_status st;

	if (!range_ok(rva, entry_size(u), image->size))
		return fs_fail_at(err, FS_CORRUPT, image->base + rva,
				  "RUNTIME_FUNCTION at +0x%" PRIx64 ": outside its image", rva);
	st = unwind_bytes(u, image->base + rva, b, entry_size(u), err);
	if (st)
		return st;
	ret->begin = load_u32(b);
	ret->end = u->machine == UNWIND_ARM64 ? 0 : load_u32(b + 4);
	ret->data = load_u32(b + (u->machine == UNWIND_ARM64 ? 4 : 8));
	return FS_OK;
}

/* ARM64 says how long a function is in the packed word or in its .xdata. */
static enum fs_status arm64_end(struct unwind *u, const struct unwind_image *image,
				struct function *f, uint32_t next, struct fs_error *err)
{
	uint32_t words = f->data >> 2 & 0x7ff;
	uint8_t x[4];
	enum fs_status st;

	if ((f->data & 3) == 3) { /* stands for a stretch of another one: up to the next */
		f->end = next;
		return FS_OK;
	}
	if ((f->data & 3) == 0) {
		if (!range_ok(f->data, 4, image->size))
			return fs_fail_at(err, FS_CORRUPT, image->base + f->begin,
					  ".xdata at +0x%" PRIx32 ": outside its image", f->data);
		st = unwind_bytes(u, image->base + f->data, x, 4, err);
		if (st)
			return st;
		words = load_u32(x) & 0x3ffff;
	}
	f->end = words * 4 <= UINT32_MAX - f->begin ? f->begin + words * 4 : UINT32_MAX;
	return FS_OK;
}

/* An entry may stand for another one, whose codes count: x64 with bit 0 of the UNWIND_INFO's
 * RVA set, ARM64 with both bits of the flag. */
static enum fs_status resolve(struct unwind *u, const struct unwind_image *image,
			      struct function *f, struct fs_error *err)
{
	uint32_t mask = u->machine == UNWIND_ARM64 ? 3 : 1;
	unsigned i;

	for (i = 0; i < INDIRECT_MAX; i++) {
		uint32_t rva = f->data & ~mask;
		enum fs_status st;

		if ((f->data & mask) != mask)
			return FS_OK;
		st = read_entry(u, image, rva, f, err);
		if (!st && u->machine == UNWIND_ARM64)
			st = arm64_end(u, image, f, image->size, err);
		if (st)
			return st;
	}
	return fs_fail_at(err, FS_CORRUPT, image->base + f->begin,
			  "RUNTIME_FUNCTIONs stand for each other without end");
}

static enum fs_status search(struct unwind *u, const struct unwind_image *image, uint32_t rva,
			     struct function *ret, struct fs_error *err)
{
	uint32_t step = entry_size(u), lo = 0, hi = image->table_size / step;
	uint32_t next = image->size;
	struct function f = {0}, best = {0};
	enum fs_status st;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		st = read_entry(u, image, image->table_rva + (uint64_t)mid * step, &f, err);
		if (st)
			return st;
		if (f.begin <= rva) {
			best = f;
			lo = mid + 1;
		} else {
			next = f.begin;
			hi = mid;
		}
	}
	if (lo && u->machine == UNWIND_ARM64) {
		st = arm64_end(u, image, &best, next, err);
		if (st)
			return st;
	}
	if (!lo || rva >= best.end)
		return fs_fail(err, FS_NOT_FOUND, "in no function of its image's .pdata");
	if (best.end > image->size)
		return fs_fail_at(err, FS_CORRUPT, image->base + best.begin,
				  ".pdata: a function from +0x%" PRIx32 " to +0x%" PRIx32,
				  best.begin, best.end);
	st = resolve(u, image, &best, err);
	if (st)
		return st;
	if (best.begin >= best.end || best.end > image->size)
		return fs_fail_at(err, FS_CORRUPT, image->base + best.begin,
				  ".pdata: a function from +0x%" PRIx32 " to +0x%" PRIx32,
				  best.begin, best.end);
	*ret = best;
	return FS_OK;
}

static enum fs_status find(struct unwind *u, uint64_t ip, struct unwind_image *image,
			   struct function *ret, struct fs_error *err)
{
	enum fs_status st = u->mem.image(u->mem.ctx, ip, image, &u->from_image, err);

	if (st)
		return st;
	if (ip < image->base || ip - image->base >= image->size)
		return fs_fail(err, FS_INVALID, "0x%" PRIx64 " is not in the image given", ip);
	if (!image->table_size)
		return fs_fail(err, FS_UNSUPPORTED, "its image has no .pdata");
	if (image->table_size > TABLE_BYTES_MAX ||
	    !range_ok(image->table_rva, image->table_size, image->size))
		return fs_fail_at(err, FS_CORRUPT, image->base,
				  ".pdata: 0x%" PRIx32 " bytes at +0x%" PRIx32, image->table_size,
				  image->table_rva);
	return search(u, image, (uint32_t)(ip - image->base), ret, err);
}

enum fs_status unwind_find(struct unwind *u, uint64_t ip, struct unwind_image *ret_image,
			   struct function *ret, struct fs_error *err)
{
	struct function_slot *s = &u->functions[(ip ^ ip >> 12 ^ ip >> 24) & (FUNCTION_SLOTS - 1)];
	struct unwind_image image = {0};
	struct function fn = {0};
	bool before = u->from_image;
	enum fs_status st;

	if (!s->used || s->ip != ip) {
		u->from_image = false;
		st = find(u, ip, &image, &fn, err);
		if (st != FS_OK && !(st == FS_NOT_FOUND && image.size)) {
			u->from_image |= before;
			return st;
		}
		*s = (struct function_slot){.ip = ip,
					    .image = image,
					    .fn = fn,
					    .used = true,
					    .from_image = u->from_image,
					    .status = st};
	}
	u->from_image = before | s->from_image;
	*ret_image = s->image;
	if (s->status)
		return fs_fail(err, s->status,
			       "0x%" PRIx64 ": in no function of its image's .pdata", ip);
	*ret = s->fn;
	return FS_OK;
}

enum fs_status unwind_find_caller(struct unwind *u, uint64_t ip, struct unwind_image *ret_image,
				  struct function *ret, struct fs_error *err)
{
	struct unwind_image image;
	struct function fn;
	enum fs_status st = unwind_find(u, ip - 1, ret_image, ret, err);

	if (st == FS_NOT_FOUND)
		return unwind_find(u, ip, ret_image, ret, err);
	if (st || ip - ret_image->base != ret->end)
		return st;
	/* Behind the last instruction of one function begins the next: a call that does not come
	 * back stands before it, or else the address was put there as where to begin. */
	if (unwind_call_before(u, ip, &u->from_image) == 0 &&
	    unwind_find(u, ip, &image, &fn, NULL) == FS_OK && image.base + fn.begin == ip) {
		*ret_image = image;
		*ret = fn;
	}
	return FS_OK;
}
