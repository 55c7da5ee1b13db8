/* SPDX-License-Identifier: BSD-2-Clause */
/* One x64 frame: what its prologue did, undone. */
#include <inttypes.h>

#include "base/checked.h"
#include "unwind/impl.h"

enum {
	PUSH_NONVOL = 0,
	ALLOC_LARGE = 1,
	ALLOC_SMALL = 2,
	SET_FPREG = 3,
	SAVE_NONVOL = 4,
	SAVE_NONVOL_FAR = 5,
	PUSH_MACHFRAME = 10,
	KERNEL_CS = 0x10, /* KGDT64_R0_CODE; user mode has 0x23 and 0x33 */
	RPL_USER = 3,
	SLOT = 8,
};

static enum fs_status overflow(uint64_t sp, struct fs_error *err)
{
	return fs_fail_at(err, FS_CORRUPT, sp, "the stack pointer runs out of the address space");
}

enum fs_status x64_pop(struct unwind *u, struct unwind_result *r, unsigned reg,
		       struct fs_error *err)
{
	enum fs_status st = unwind_slot(u, r->regs.sp, &r->regs.gpr[reg], err);

	if (st)
		return st;
	r->regs.known |= 1u << reg;
	return add_u64(r->regs.sp, SLOT, &r->regs.sp) ? FS_OK : overflow(r->regs.sp, err);
}

enum fs_status x64_return(struct unwind *u, struct unwind_result *r, struct fs_error *err)
{
	enum fs_status st = unwind_slot(u, r->regs.sp, &r->regs.ip, err);

	if (st)
		return st;
	r->ret_at = r->regs.sp;
	r->code_at = r->regs.ip;
	return add_u64(r->regs.sp, SLOT, &r->regs.sp) ? FS_OK : overflow(r->regs.sp, err);
}

/* SS, RSP, RFLAGS, CS, RIP were pushed, in this order (Intel SDM vol. 3, 6.14.2). */
enum fs_status x64_machine_frame(struct unwind *u, unsigned skip, struct unwind_result *r,
				 struct fs_error *err)
{
	uint64_t at, ip, cs, sp;
	enum fs_status st;

	if (!add_u64(r->regs.sp, skip, &at))
		return overflow(r->regs.sp, err);
	st = unwind_slot(u, at, &ip, err);
	if (!st)
		st = unwind_slot(u, at + SLOT, &cs, err);
	if (!st)
		st = unwind_slot(u, at + 3 * SLOT, &sp, err);
	if (st)
		return st;
	if (cs != KERNEL_CS && (cs >> 16 || (cs & RPL_USER) != RPL_USER))
		return fs_fail_at(err, FS_CORRUPT, at + SLOT,
				  "machine frame: 0x%" PRIx64 " is no code selector", cs);
	r->regs.ip = ip;
	r->regs.sp = sp;
	r->ret_at = at;
	r->code_at = 0;
	r->trap = true;
	r->user = cs != KERNEL_CS;
	return FS_OK;
}

static enum fs_status frame_pointer(const struct x64_info *info, const struct unwind_regs *regs,
				    uint64_t *ret, struct fs_error *err)
{
	if (!(regs->known >> info->frame_reg & 1))
		return fs_fail(err, FS_NOT_FOUND,
			       "its frame hangs on register %u, which nothing has saved",
			       info->frame_reg);
	*ret = regs->gpr[info->frame_reg] - info->frame_offset * 16u;
	return FS_OK;
}

static bool has_frame(const struct x64_info *info, uint32_t offset)
{
	unsigned i;

	if (!info->frame_reg)
		return false;
	if (offset >= info->prolog || (info->flags & X64_CHAINED))
		return true;
	for (i = 0; i < info->nops; i++)
		if (info->op[i].op == SET_FPREG)
			return offset >= info->op[i].at;
	return false;
}

static enum fs_status undo(struct unwind *u, const struct x64_info *info, const struct x64_op *op,
			   uint64_t base, struct unwind_result *r, struct fs_error *err)
{
	enum fs_status st;
	uint64_t at = 0;

	switch (op->op) {
	case PUSH_NONVOL:
		return x64_pop(u, r, op->reg, err);
	case ALLOC_LARGE:
	case ALLOC_SMALL:
		return add_u64(r->regs.sp, op->value, &r->regs.sp) ? FS_OK
								   : overflow(r->regs.sp, err);
	case SET_FPREG:
		st = frame_pointer(info, &r->regs, &at, err);
		if (!st)
			st = unwind_check_frame(u, r->regs.sp, at, err);
		if (!st)
			r->regs.sp = at;
		return st;
	case SAVE_NONVOL:
	case SAVE_NONVOL_FAR:
		if (!add_u64(base, op->value, &at))
			return overflow(base, err);
		st = unwind_slot(u, at, &r->regs.gpr[op->reg], err);
		if (!st)
			r->regs.known |= 1u << op->reg;
		return st;
	case PUSH_MACHFRAME:
		return x64_machine_frame(u, op->value, r, err);
	default:
		return FS_OK; /* vector registers never say where a frame is */
	}
}

/* The pieces of a function one after the other, up to the one with its entry. */
static enum fs_status undo_all(struct unwind *u, const struct unwind_image *image,
			       struct function fn, uint32_t rva, struct unwind_result *r,
			       struct fs_error *err)
{
	uint64_t base = r->regs.sp;
	unsigned depth, i;

	for (depth = 0; depth < CHAIN_MAX; depth++) {
		const struct x64_info *info = NULL;
		/* of a piece elsewhere in the image: all of the prologue was run */
		uint32_t offset = rva - fn.begin;
		enum fs_status st = x64_info_read(u, image, &fn, &info, err);
		bool whole;

		if (st)
			return st;
		whole = depth || offset >= fn.end - fn.begin;
		if (has_frame(info, whole ? UINT32_MAX : offset))
			st = frame_pointer(info, &r->regs, &base, err);
		for (i = 0; !st && i < info->nops; i++)
			if (whole || offset >= info->op[i].at)
				st = undo(u, info, &info->op[i], base, r, err);
		if (st)
			return st;
		if (!(info->flags & X64_CHAINED))
			return r->trap ? FS_OK : x64_return(u, r, err);
		if (r->trap)
			return fs_fail_at(err, FS_CORRUPT, info->va,
					  "UNWIND_INFO: a machine frame within a function");
		fn = info->parent;
	}
	return fs_fail_at(err, FS_CORRUPT, image->base + fn.data,
			  "UNWIND_INFO is chained without end");
}

enum fs_status x64_step(struct unwind *u, const struct unwind_regs *regs, bool exact,
			struct unwind_result *ret, struct fs_error *err)
{
	struct unwind_image image = {0};
	const struct x64_info *info = NULL;
	struct function fn = {0};
	bool found = false;
	enum fs_status st;

	st = exact ? unwind_find(u, regs->ip, &image, &fn, err)
		   : unwind_find_caller(u, regs->ip, &image, &fn, err);
	/* A function without an entry changes no register that must be kept, nor the stack
	 * pointer, and calls nothing: it is where the processor stands, or it is none. */
	if (st == FS_NOT_FOUND && exact && image.size)
		return x64_return(u, ret, err);
	if (!st)
		st = x64_info_read(u, &image, &fn, &info, err);
	if (!st && exact)
		st = x64_epilog(u, &image, &fn, info, ret, &found, err);
	if (!st && !found)
		st = undo_all(u, &image, fn, (uint32_t)(regs->ip - image.base), ret, err);
	return st;
}
