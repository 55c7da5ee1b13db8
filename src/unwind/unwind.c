/* SPDX-License-Identifier: BSD-2-Clause */
/* The unwinder as an object, its memory, and one step of either machine. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "unwind/impl.h"

enum fs_status unwind_create(enum unwind_machine machine, const struct unwind_memory *mem,
			     struct unwind **ret, struct fs_error *err)
{
	struct unwind *u = calloc(1, sizeof(*u));
	enum fs_status st = FS_OK;

	if (u) {
		u->machine = machine;
		u->mem = *mem;
		/* untouched slots take no memory */
		u->functions = calloc(FUNCTION_SLOTS, sizeof(*u->functions));
		u->infos = calloc(INFO_SLOTS, sizeof(*u->infos));
		u->calls = calloc(CALL_SLOTS, sizeof(*u->calls));
	}
	if (!u || !u->functions || !u->infos || !u->calls)
		st = fs_fail(err, FS_NO_MEMORY, "out of memory");
	else
		st = insn_decoder_create(machine == UNWIND_ARM64 ? INSN_ARM64
					 : machine == UNWIND_X86 ? INSN_X86
								 : INSN_X64,
					 &u->decoder, err);
	if (st) {
		unwind_destroy(u);
		return st;
	}
	*ret = u;
	return FS_OK;
}

void unwind_destroy(struct unwind *u)
{
	if (!u)
		return;
	insn_decoder_destroy(u->decoder);
	free(u->functions);
	free(u->infos);
	free(u->calls);
	free(u);
}

enum fs_status unwind_bytes(struct unwind *u, uint64_t va, void *buf, size_t n,
			    struct fs_error *err)
{
	return u->mem.image_bytes(u->mem.ctx, va, buf, n, &u->from_image, err);
}

const struct unwind_segment *unwind_segment_of(const struct unwind_stack *s, uint64_t va,
					       uint64_t n)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (va >= s->segment[i].low && s->segment[i].high >= n &&
		    va <= s->segment[i].high - n)
			return &s->segment[i];
	return NULL;
}

bool unwind_is_on_stack(const struct unwind_stack *s, uint64_t va)
{
	return unwind_segment_of(s, va, 1) != NULL;
}

enum fs_status unwind_slot(struct unwind *u, uint64_t va, uint64_t *ret, struct fs_error *err)
{
	unsigned n = unwind_word(u);
	uint8_t b[8] = {0};
	enum fs_status st;

	if (!unwind_segment_of(u->stack, va, n))
		return fs_fail_at(err, FS_CORRUPT, va, "0x%" PRIx64 " is not on the thread's stack",
				  va);
	st = u->mem.stack(u->mem.ctx, va, b, n, err);
	if (!st)
		*ret = load_u64(b);
	return st;
}

enum fs_status unwind_check_frame(const struct unwind *u, uint64_t sp, uint64_t frame,
				  struct fs_error *err)
{
	const struct unwind_segment *from = unwind_segment_of(u->stack, sp, 0);

	if (frame >= sp || (from && unwind_segment_of(u->stack, frame, 0) != from))
		return FS_OK;
	return fs_fail_at(err, FS_CORRUPT, frame,
			  "the frame register, 0x%" PRIx64 ", lies below the stack pointer", frame);
}

uint64_t unwind_strip_pac(uint64_t va)
{
	uint64_t high = ~((1ull << 48) - 1);

	return va >> 55 & 1 ? va | high : va & ~high;
}

enum fs_status unwind_step(struct unwind *u, const struct unwind_stack *stack,
			   const struct unwind_regs *regs, bool exact, struct unwind_result *ret,
			   struct fs_error *err)
{
	struct unwind_result r = {.regs = *regs};
	enum fs_status st;

	u->stack = stack;
	u->from_image = false;
	st = u->machine == UNWIND_ARM64 ? arm64_step(u, regs, exact, &r, err)
	     : u->machine == UNWIND_X86 ? x86_step(u, regs, &r, err)
					: x64_step(u, regs, exact, &r, err);
	u->stack = NULL;
	if (st)
		return st;
	r.from_image = u->from_image;
	*ret = r;
	return FS_OK;
}
