/* SPDX-License-Identifier: BSD-2-Clause */
/* ARM64 .xdata, and which codes are to be undone at an address ("ARM64 exception handling"). */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "unwind/impl.h"

enum { SINGLE_EPILOG = 1 << 21, END = 0xe4, END_C = 0xe5 };

unsigned arm64_code_size(uint8_t first)
{
	static const uint8_t size[32] = {4, 1, 2, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1,
					 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 1, 1, 1, 1};

	return first < 0xc0 ? 1 : first < 0xe0 ? 2 : size[first - 0xe0];
}

/* Frames that the kernel's own entry code makes are no instructions. */
unsigned arm64_code_instructions(uint8_t first)
{
	return first < 0xe8 || first >= 0xf8;
}

static enum fs_status read_full(struct unwind *u, const struct unwind_image *image, uint32_t rva,
				struct arm64_info *ret, struct fs_error *err)
{
	uint64_t va = image->base + rva, n;
	uint32_t header, words, header_bytes = 4;
	uint8_t b[8];
	enum fs_status st;

	if (rva & 3 || !range_ok(rva, 8, image->size))
		return fs_fail_at(err, FS_CORRUPT, va, ".xdata at +0x%" PRIx32, rva);
	st = unwind_bytes(u, va, b, 4, err);
	if (st)
		return st;
	header = load_u32(b);
	if (header >> 18 & 3)
		return fs_fail_at(err, FS_UNSUPPORTED, va, ".xdata of version %" PRIu32,
				  header >> 18 & 3);
	ret->length = header & 0x3ffff;
	ret->nscopes = header >> 22 & 31;
	words = header >> 27;
	if (!ret->nscopes && !words) {
		st = unwind_bytes(u, va + 4, b, 4, err);
		if (st)
			return st;
		ret->nscopes = load_u16(b);
		words = b[2];
		header_bytes = 8;
	}
	ret->single_epilog = (header & SINGLE_EPILOG) != 0;
	if (ret->single_epilog) {
		ret->epilog_index = ret->nscopes;
		ret->nscopes = 0;
	}
	ret->scopes_va = va + header_bytes;
	n = header_bytes + 4ull * ret->nscopes;
	if (!range_ok(rva + n, 4ull * words, image->size))
		return fs_fail_at(err, FS_CORRUPT, va, ".xdata goes beyond its image");
	ret->nbytes = 4 * words;
	return unwind_bytes(u, va + n, ret->code, ret->nbytes, err);
}

enum fs_status arm64_info_read(struct unwind *u, const struct unwind_image *image,
			       const struct function *fn, struct arm64_info *ret,
			       struct fs_error *err)
{
	memset(ret, 0, sizeof(*ret));
	if (fn->data & 3)
		return arm64_expand(fn->data, ret, err);
	return read_full(u, image, fn->data, ret, err);
}

/* Instructions that the codes from `at` to their end stand for. */
static uint32_t instructions(const struct arm64_info *x, uint32_t at)
{
	uint32_t n = 0;

	while (at < x->nbytes && x->code[at] != END && x->code[at] != END_C) {
		n += arm64_code_instructions(x->code[at]);
		at += arm64_code_size(x->code[at]);
	}
	return n;
}

/* Is the instruction in an epilogue whose codes begin at `index`, which starts at `start`? */
static bool within(const struct arm64_info *x, uint32_t offset, uint32_t start, uint32_t index)
{
	return offset >= start && offset - start < instructions(x, index) + 1; /* and its ret */
}

static enum fs_status choose(struct unwind *u, const struct arm64_info *x, uint32_t offset,
			     uint32_t *ret_at, uint32_t *ret_skip, struct fs_error *err)
{
	uint32_t n = instructions(x, 0), i;

	*ret_at = 0;
	*ret_skip = 0;
	if (offset < n) {
		*ret_skip = n - offset;
		return FS_OK;
	}
	if (x->single_epilog) {
		uint32_t size = instructions(x, x->epilog_index) + 1;

		if (size <= x->length && within(x, offset, x->length - size, x->epilog_index)) {
			*ret_at = x->epilog_index;
			*ret_skip = offset - (x->length - size);
		}
		return FS_OK;
	}
	for (i = 0; i < x->nscopes; i++) {
		uint32_t scope, start;
		uint8_t b[4];
		enum fs_status st = unwind_bytes(u, x->scopes_va + 4ull * i, b, 4, err);

		if (st)
			return st;
		scope = load_u32(b);
		start = scope & 0x3ffff;
		if (offset < start) /* they are in order */
			break;
		if (within(x, offset, start, scope >> 22)) {
			*ret_at = scope >> 22;
			*ret_skip = offset - start;
			break;
		}
	}
	return FS_OK;
}

enum fs_status arm64_step(struct unwind *u, const struct unwind_regs *regs, bool exact,
			  struct unwind_result *ret, struct fs_error *err)
{
	struct unwind_image image = {0};
	struct function fn = {0};
	struct arm64_info info;
	uint32_t rva, at = 0, skip = 0;
	enum fs_status st;
	bool saved;

	st = exact ? unwind_find(u, regs->ip, &image, &fn, err)
		   : unwind_find_caller(u, regs->ip, &image, &fn, err);
	if (st == FS_NOT_FOUND && exact && image.size) {
		st = FS_OK; /* a leaf: the link register still holds the return address */
	} else if (!st) {
		st = arm64_info_read(u, &image, &fn, &info, err);
		/* of a return address, the call is what is under way */
		rva = (uint32_t)(regs->ip - image.base) - (exact ? 0 : 4);
		if (!st && rva >= fn.begin && rva < fn.end)
			st = choose(u, &info, (rva - fn.begin) / 4, &at, &skip, err);
		if (!st)
			st = arm64_run(u, &info, at, skip, ret, err);
	}
	if (st || ret->trap)
		return st;
	saved = ret->ret_at != 0;
	if (!saved && !(exact && regs->known >> ARM64_LR & 1))
		return fs_fail(err, FS_NOT_FOUND, "the return address was not saved");
	ret->regs.ip = unwind_strip_pac(ret->regs.gpr[ARM64_LR]);
	ret->code_at = ret->regs.ip;
	return FS_OK;
}
