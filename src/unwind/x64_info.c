/* SPDX-License-Identifier: BSD-2-Clause */
/* UNWIND_INFO, versions 1 and 2 ("x64 exception handling"). */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "unwind/impl.h"

enum {
	PUSH_NONVOL,
	ALLOC_LARGE,
	ALLOC_SMALL,
	SET_FPREG,
	SAVE_NONVOL,
	SAVE_NONVOL_FAR,
	EPILOG, /* version 1 called it SAVE_XMM, and nothing emits it */
	SPARE,
	SAVE_XMM128,
	SAVE_XMM128_FAR,
	PUSH_MACHFRAME,
	OPS
};

/* How many slots an operation takes. 0: there is none such. */
static unsigned slots_of(unsigned op, unsigned info)
{
	static const uint8_t slots[OPS] = {1, 2, 1, 1, 2, 3, 2, 3, 2, 3, 1};

	if (op >= OPS || (op == ALLOC_LARGE && info > 1) || (op == PUSH_MACHFRAME && info > 1))
		return 0;
	return op == ALLOC_LARGE ? slots[op] + info : slots[op];
}

/* The bytes that an operation is about, from its further slots. */
static uint32_t value_of(unsigned op, unsigned info, const uint8_t *more)
{
	switch (op) {
	case ALLOC_LARGE:
		return info ? load_u32(more) : load_u16(more) * 8u;
	case ALLOC_SMALL:
		return info * 8 + 8;
	case SAVE_NONVOL:
		return load_u16(more) * 8u;
	case SAVE_XMM128:
		return load_u16(more) * 16u;
	case SAVE_NONVOL_FAR:
	case SAVE_XMM128_FAR:
		return load_u32(more);
	case PUSH_MACHFRAME:
		return info * 8;
	default:
		return 0;
	}
}

/* Version 2 begins with its epilogues, in an even number of slots: first how long each is and
 * whether one ends the function, then where others begin, counted back from the end. */
static unsigned take_epilogs(const uint8_t *slots, unsigned count, struct x64_info *x)
{
	unsigned i, at;

	for (i = 0; i < count && (slots[2 * i + 1] & 15) == EPILOG; i++) {
		at = slots[2 * i] | (unsigned)(slots[2 * i + 1] >> 4) << 8;
		if (i == 0) {
			x->epilog_size = slots[0];
			x->epilog_at_end = (slots[1] >> 4 & 1) != 0;
		} else if (at) {
			x->epilog[x->nepilogs++] = (uint16_t)at;
		}
	}
	return i;
}

enum fs_status x64_info_parse(const uint8_t *header, const uint8_t *slots, struct x64_info *ret,
			      struct fs_error *err)
{
	unsigned count = header[2], i, need;
	struct x64_info *x = ret;

	memset(x, 0, sizeof(*x));
	x->version = header[0] & 7;
	x->flags = header[0] >> 3;
	x->prolog = header[1];
	x->frame_reg = header[3] & 15;
	x->frame_offset = header[3] >> 4;
	if (x->version != 1 && x->version != 2)
		return fs_fail(err, FS_UNSUPPORTED, "UNWIND_INFO of version %u", x->version);
	i = x->version == 2 ? take_epilogs(slots, count, x) : 0;
	for (; i < count; i += need) {
		const uint8_t *s = slots + 2 * i;
		unsigned op = s[1] & 15, info = s[1] >> 4;

		need = slots_of(op, info);
		if (!need || need > count - i)
			return fs_fail(err, FS_CORRUPT,
				       "UNWIND_INFO: operation %u, information %u, in slot %u of "
				       "%u",
				       op, info, i, count);
		if (op == SET_FPREG && (!x->frame_reg || x->frame_reg == X64_RSP))
			return fs_fail(err, FS_CORRUPT,
				       "UNWIND_INFO: a frame register is set, but none is named");
		x->op[x->nops++] = (struct x64_op){s[0], (uint8_t)op, (uint8_t)info,
						   value_of(op, info, s + 2)};
	}
	return FS_OK;
}

static enum fs_status load(struct unwind *u, const struct unwind_image *image, uint32_t rva,
			   struct x64_info *x, struct fs_error *err)
{
	uint8_t header[4], slots[2 * 256 + 12];
	uint64_t va = image->base + rva;
	unsigned count, parent;
	enum fs_status st;
	size_t n;

	if (rva & 3 || !range_ok(rva, 4, image->size))
		return fs_fail_at(err, FS_CORRUPT, va, "UNWIND_INFO at +0x%" PRIx32, rva);
	st = unwind_bytes(u, va, header, sizeof(header), err);
	if (st)
		return st;
	count = (header[2] + 1u) & ~1u;
	parent = header[0] >> 3 & X64_CHAINED ? 12 : 0;
	n = parent ? 2 * count + parent : 2 * (size_t)header[2];
	if (!range_ok((uint64_t)rva + 4, n, image->size))
		return fs_fail_at(err, FS_CORRUPT, va, "UNWIND_INFO: it goes beyond its image");
	memset(slots, 0, sizeof(slots));
	st = n ? unwind_bytes(u, va + 4, slots, n, err) : FS_OK;
	if (!st)
		st = x64_info_parse(header, slots, x, err);
	if (st)
		return fs_prepend(err, st, "0x%" PRIx64, va);
	x->va = va;
	if (parent)
		x->parent = (struct function){load_u32(slots + 2 * count),
					      load_u32(slots + 2 * count + 4),
					      load_u32(slots + 2 * count + 8)};
	return FS_OK;
}

enum fs_status x64_info_read(struct unwind *u, const struct unwind_image *image,
			     const struct function *fn, const struct x64_info **ret,
			     struct fs_error *err)
{
	uint64_t va = image->base + fn->data;
	struct info_slot *s = &u->infos[(va >> 2 ^ va >> 11) & (INFO_SLOTS - 1)];
	bool before = u->from_image;
	enum fs_status st;

	if (!s->used || s->info.va != va) {
		u->from_image = false;
		s->used = false;
		st = load(u, image, fn->data, &s->info, err);
		s->from_image = u->from_image;
		u->from_image |= before;
		if (st)
			return st;
		s->used = true;
	}
	u->from_image = before | s->from_image;
	*ret = &s->info;
	return FS_OK;
}

enum fs_status x64_primary(struct unwind *u, const struct unwind_image *image, struct function *fn,
			   struct fs_error *err)
{
	const struct x64_info *info = NULL;
	unsigned i;

	for (i = 0; i < CHAIN_MAX; i++) {
		enum fs_status st = x64_info_read(u, image, fn, &info, err);

		if (st || !(info->flags & X64_CHAINED))
			return st;
		*fn = info->parent;
	}
	return fs_fail_at(err, FS_CORRUPT, image->base + fn->data,
			  "UNWIND_INFO is chained without end");
}
