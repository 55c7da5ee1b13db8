/* SPDX-License-Identifier: BSD-2-Clause */
/* ARM64 unwind codes, run. */
#include <inttypes.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "unwind/impl.h"

enum {
	SLOT = 8,
	INTEGERS = 31,
	VECTORS = 32,
	PSTATE_MODE = 15, /* SPSR.M: 0 is EL0 */
	/* _KTRAP_FRAME and CONTEXT of ARM64: winnt.h, and the unwinder of dotnet/runtime */
	TRAP_SPSR = 0x90,
	TRAP_SP = 0x98,
	TRAP_X0 = 0xa0,
	TRAP_REGS = 19,
	TRAP_LR = 0x138,
	TRAP_FP = 0x140,
	TRAP_PC = 0x148,
	CONTEXT_CPSR = 4,
	CONTEXT_X0 = 8,
	CONTEXT_REGS = 31,
	CONTEXT_SP = 0x100,
	CONTEXT_PC = 0x108,
};

struct run {
	struct unwind *u;
	struct unwind_result *r;
	unsigned nexts; /* save_next codes that wait for their pair */
	bool done;
};

static enum fs_status invalid(uint8_t code, struct fs_error *err)
{
	return fs_fail(err, FS_CORRUPT, "unwind code 0x%02x makes no sense here", code);
}

static enum fs_status move_sp(struct run *x, uint64_t bytes, struct fs_error *err)
{
	return add_u64(x->r->regs.sp, bytes, &x->r->regs.sp)
		       ? FS_OK
		       : fs_fail(err, FS_CORRUPT,
				 "the stack pointer runs out of the address space");
}

static enum fs_status load_reg(struct run *x, unsigned reg, uint64_t at, struct fs_error *err)
{
	enum fs_status st = unwind_slot(x->u, at, &x->r->regs.gpr[reg], err);

	if (st)
		return st;
	x->r->regs.known |= 1u << reg;
	if (reg == ARM64_LR)
		x->r->ret_at = at;
	return FS_OK;
}

/* Registers from `first` on, at sp + offset; `moves`: then sp goes up by offset, and they are at
 * sp. Vector registers say nothing about frames. */
static enum fs_status restore(struct run *x, bool vectors, unsigned first, unsigned count,
			      uint64_t offset, bool moves, struct fs_error *err)
{
	uint64_t at = x->r->regs.sp;
	enum fs_status st = FS_OK;
	unsigned i;

	count += 2 * x->nexts;
	x->nexts = 0;
	if (first + count > (vectors ? VECTORS : INTEGERS))
		return fs_fail(err, FS_CORRUPT, "unwind codes restore register %u", first + count);
	if (!moves && !add_u64(at, offset, &at))
		return fs_fail(err, FS_CORRUPT, "a slot out of the address space");
	for (i = 0; !st && i < count && !vectors; i++)
		st = load_reg(x, first + i, at + (uint64_t)i * SLOT, err);
	return !st && moves ? move_sp(x, offset, err) : st;
}

static enum fs_status restore_many(struct run *x, unsigned n, uint64_t at, struct fs_error *err)
{
	enum fs_status st = FS_OK;
	unsigned i;

	for (i = 0; !st && i < n; i++)
		st = load_reg(x, i, at + (uint64_t)i * SLOT, err);
	return st;
}

/* The state that a trap frame or a CONTEXT at `sp` holds. */
static enum fs_status restore_frame(struct run *x, unsigned regs, uint64_t first, uint64_t sp,
				    uint64_t pc, uint64_t mode, struct fs_error *err)
{
	struct unwind_result *r = x->r;
	uint64_t base = r->regs.sp, word = 0;
	enum fs_status st = restore_many(x, regs, base + first, err);

	if (!st && regs == TRAP_REGS)
		st = load_reg(x, ARM64_LR, base + TRAP_LR, err);
	if (!st && regs == TRAP_REGS)
		st = load_reg(x, ARM64_FP, base + TRAP_FP, err);
	if (!st)
		st = unwind_slot(x->u, (base + mode) & ~7ull, &word, err);
	if (!st)
		st = unwind_slot(x->u, base + sp, &r->regs.sp, err);
	if (!st)
		st = unwind_slot(x->u, base + pc, &r->regs.ip, err);
	if (st)
		return st;
	word = mode & 4 ? word >> 32 : word & UINT32_MAX;
	r->ret_at = base + pc;
	r->trap = true;
	r->user = (word & PSTATE_MODE) == 0;
	return FS_OK;
}

static enum fs_status special(struct run *x, uint8_t code, struct fs_error *err)
{
	struct unwind_result *r = x->r;
	uint64_t base = r->regs.sp;
	enum fs_status st;

	switch (code) {
	case 0xe8: /* MSFT_OP_TRAP_FRAME */
		return restore_frame(x, TRAP_REGS, TRAP_X0, TRAP_SP, TRAP_PC, TRAP_SPSR, err);
	case 0xe9: /* MSFT_OP_MACHINE_FRAME */
		st = unwind_slot(x->u, base + SLOT, &r->regs.ip, err);
		if (!st)
			st = unwind_slot(x->u, base, &r->regs.sp, err);
		r->ret_at = base + SLOT;
		r->trap = true;
		r->user = !st && !x->u->mem.kernel(x->u->mem.ctx, r->regs.ip);
		return st;
	case 0xea: /* MSFT_OP_CONTEXT */
		return restore_frame(x, CONTEXT_REGS, CONTEXT_X0, CONTEXT_SP, CONTEXT_PC,
				     CONTEXT_CPSR, err);
	case 0xec: /* MSFT_OP_CLEAR_UNWOUND_TO_CALL */
		if (!(r->regs.known >> ARM64_LR & 1))
			return fs_fail(err, FS_NOT_FOUND, "the return address was not saved");
		r->regs.ip = unwind_strip_pac(r->regs.gpr[ARM64_LR]);
		r->trap = true;
		return FS_OK;
	default: /* ARM64EC, and what is reserved */
		return fs_fail(err, FS_UNSUPPORTED, "unwind code 0x%02x", code);
	}
}

/* save_any_reg: 11100111'0pxrrrrr'ffoooooo */
static enum fs_status any_reg(struct run *x, const uint8_t *p, struct fs_error *err)
{
	bool pair = p[1] >> 6 & 1, moves = p[1] >> 5 & 1;
	unsigned kind = p[2] >> 6, offset = p[2] & 63;
	uint64_t scale = moves || pair || kind == 2 ? 16 : 8;

	if (p[1] >> 7 || kind == 3 || (!pair && x->nexts))
		return invalid(p[0], err);
	return restore(x, kind != 0, p[1] & 31, 1 + pair, (offset + moves) * scale, moves, err);
}

/* The codes of two bytes. */
static enum fs_status two(struct run *x, const uint8_t *p, struct fs_error *err)
{
	uint32_t w = (uint32_t)p[0] << 8 | p[1];
	unsigned z6 = w & 63, z5 = w & 31, x6 = w >> 6, x5 = w >> 5;
	uint64_t moved6 = (z6 + 1) * 8u, moved5 = (z5 + 1) * 8u;
	bool pair = (p[0] >= 0xc8 && p[0] <= 0xcf) || (p[0] >= 0xd8 && p[0] <= 0xdb);
	enum fs_status st;

	if (x->nexts && !pair)
		return invalid(p[0], err);
	if (p[0] <= 0xc7) /* alloc_m */
		return move_sp(x, (w & 0x7ff) * 16u, err);
	if (p[0] <= 0xcb) /* save_regp */
		return restore(x, false, 19 + (x6 & 15), 2, z6 * 8u, false, err);
	if (p[0] <= 0xcf) /* save_regp_x */
		return restore(x, false, 19 + (x6 & 15), 2, moved6, true, err);
	if (p[0] <= 0xd3) /* save_reg */
		return restore(x, false, 19 + (x6 & 15), 1, z6 * 8u, false, err);
	if (p[0] <= 0xd5) /* save_reg_x */
		return restore(x, false, 19 + (x5 & 15), 1, moved5, true, err);
	if (p[0] <= 0xd7) { /* save_lrpair */
		st = restore(x, false, 19 + 2 * (x6 & 7), 1, z6 * 8u, false, err);
		return st ? st : restore(x, false, ARM64_LR, 1, z6 * 8u + SLOT, false, err);
	}
	if (p[0] <= 0xd9) /* save_fregp */
		return restore(x, true, 8 + (x6 & 7), 2, z6 * 8u, false, err);
	if (p[0] <= 0xdb) /* save_fregp_x */
		return restore(x, true, 8 + (x6 & 7), 2, moved6, true, err);
	if (p[0] <= 0xdd) /* save_freg */
		return restore(x, true, 8 + (x6 & 7), 1, z6 * 8u, false, err);
	if (p[0] == 0xde) /* save_freg_x */
		return restore(x, true, 8 + (x5 & 7), 1, moved5, true, err);
	return invalid(p[0], err);
}

static enum fs_status from_fp(struct run *x, uint64_t below, struct fs_error *err)
{
	enum fs_status st;
	uint64_t sp;

	if (!(x->r->regs.known >> ARM64_FP & 1))
		return fs_fail(err, FS_NOT_FOUND, "its frame hangs on x29, which is not known");
	sp = x->r->regs.gpr[ARM64_FP] - below;
	st = unwind_check_frame(x->u, x->r->regs.sp, sp, err);
	if (!st)
		x->r->regs.sp = sp;
	return st;
}

static enum fs_status other(struct run *x, const uint8_t *p, struct fs_error *err)
{
	if (p[0] == 0xe6) { /* save_next */
		x->nexts++;
		return FS_OK;
	}
	if (p[0] == 0xe7)
		return any_reg(x, p, err);
	if (x->nexts)
		return invalid(p[0], err);
	switch (p[0]) {
	case 0xe0: /* alloc_l */
		return move_sp(x, ((uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3]) * 16, err);
	case 0xe1: /* set_fp */
		return from_fp(x, 0, err);
	case 0xe2: /* add_fp */
		return from_fp(x, p[1] * 8u, err);
	case 0xe4: /* end */
		x->done = true;
		return FS_OK;
	case 0xe3: /* nop */
	case 0xe5: /* end_c: the parent's codes follow */
		return FS_OK;
	case 0xfc: /* pac_sign_lr */
		x->r->regs.gpr[ARM64_LR] = unwind_strip_pac(x->r->regs.gpr[ARM64_LR]);
		return FS_OK;
	default:
		/* 0xf8 on: reserved, without an effect on frames */
		return p[0] >= 0xf8 ? FS_OK : special(x, p[0], err);
	}
}

static enum fs_status one(struct run *x, const uint8_t *p, struct fs_error *err)
{
	if (p[0] >= 0xe0)
		return other(x, p, err);
	if (p[0] >= 0xc0)
		return two(x, p, err);
	if (p[0] >= 0x20 && p[0] <= 0x3f) /* save_r19r20_x */
		return restore(x, false, 19, 2, (p[0] & 31) * 8u, true, err);
	if (x->nexts)
		return invalid(p[0], err);
	if (p[0] <= 0x1f) /* alloc_s */
		return move_sp(x, p[0] * 16u, err);
	if (p[0] <= 0x7f) /* save_fplr */
		return restore(x, false, ARM64_FP, 2, (p[0] & 63) * 8u, false, err);
	return restore(x, false, ARM64_FP, 2, ((p[0] & 63) + 1) * 8u, true, err); /* save_fplr_x */
}

enum fs_status arm64_run(struct unwind *u, const struct arm64_info *info, uint32_t at,
			 uint32_t skip, struct unwind_result *r, struct fs_error *err)
{
	struct run x = {.u = u, .r = r};
	enum fs_status st = FS_OK;

	while (!st && !x.done && at < info->nbytes) {
		const uint8_t *p = info->code + at;
		unsigned size = arm64_code_size(p[0]);

		if (size > info->nbytes - at)
			return invalid(p[0], err);
		at += size;
		if (skip && p[0] != 0xe4 && p[0] != 0xe5)
			skip -= arm64_code_instructions(p[0]);
		else
			st = one(&x, p, err);
	}
	if (!st && !x.done)
		return fs_fail(err, FS_CORRUPT, "unwind codes without an end");
	return st;
}
