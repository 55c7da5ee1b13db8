/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86 has no unwind data. A function that sets up a frame leaves the caller's EBP at EBP and its
 * return address behind it; one that does not (FPO) leaves EBP its caller's, and then a frame is
 * missing from the chain. So these frames are marked, and no verdict rests on them.
 */
#include <inttypes.h>

#include "unwind/impl.h"

enum { WORD = 4 };

static enum fs_status ends(struct fs_error *err, uint64_t ebp)
{
	return fs_fail(err, FS_NOT_FOUND,
		       "32-bit code has no unwind data, and EBP 0x%" PRIx64
		       " leads to no further frame",
		       ebp);
}

enum fs_status x86_step(struct unwind *u, const struct unwind_regs *regs, struct unwind_result *r,
			struct fs_error *err)
{
	const struct unwind_segment *s = unwind_segment_of(u->stack, regs->sp, 0);
	const struct unwind_memory *mem = &u->mem;
	uint64_t ebp = regs->gpr[X86_EBP], next, ip;
	enum fs_status st;

	if (!(regs->known & 1u << X86_EBP))
		return fs_fail(err, FS_NOT_FOUND, "32-bit code has no unwind data");
	if (ebp % WORD != 0 || ebp < regs->sp || !s ||
	    unwind_segment_of(u->stack, ebp, 2 * WORD) != s)
		return ends(err, ebp);
	st = unwind_slot(u, ebp, &next, err);
	if (!st)
		st = unwind_slot(u, ebp + WORD, &ip, err);
	if (st)
		return st;
	if (!mem->kernel(mem->ctx, ip) || mem->executable(mem->ctx, ip) == 0 ||
	    unwind_call_before(u, ip, &u->from_image) != 1)
		return ends(err, ebp);
	r->regs = (struct unwind_regs){.ip = ip, .sp = ebp + 2 * WORD, .known = 1u << X86_EBP};
	r->regs.gpr[X86_EBP] = next;
	r->ret_at = ebp + WORD;
	r->code_at = ip;
	return FS_OK;
}
