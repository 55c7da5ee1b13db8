/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an epilogue is under way, what is left of it is run. Version 2 says where epilogues
 * are; version 1 leaves it to the code, which may only look like this ("x64 prolog and epilog"):
 *
 *	add rsp, N | lea rsp, [frame register + N]	or neither
 *	pop ...						any number
 *	ret | jmp out of the function
 */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "unwind/impl.h"

enum { LOOK_BYTES = 64, POPS_MAX = 17 };
enum { PUSH_NONVOL = 0, ALLOC_SMALL = 2, PUSH_MACHFRAME = 10 };

struct code {
	const uint8_t *p;
	size_t n, at;
	uint64_t va; /* of p[0] */
};

static bool have(const struct code *c, size_t n)
{
	return n <= c->n - c->at;
}

/* What the first instruction makes of the stack pointer. False: it is not one of the two. */
static bool take_adjust(struct code *c, const struct x64_info *info, const struct unwind_regs *regs,
			uint64_t *sp)
{
	const uint8_t *p = c->p + c->at;
	unsigned reg;

	if (!have(c, 4))
		return false;
	if (p[0] == 0x48 && p[2] == 0xc4 && (p[1] == 0x83 || (p[1] == 0x81 && have(c, 7)))) {
		*sp += p[1] == 0x83 ? (uint64_t)(int64_t)(int8_t)p[3]
				    : (uint64_t)(int64_t)(int32_t)load_u32(p + 3);
		c->at += p[1] == 0x83 ? 4 : 7;
		return true;
	}
	if ((p[0] & 0xfe) != 0x48 || p[1] != 0x8d)
		return false;
	reg = (p[0] & 1u) << 3 | (p[2] & 7u);
	if (!info->frame_reg || reg != info->frame_reg || !(regs->known >> reg & 1))
		return false;
	if ((p[2] & 0xf8) == 0x60) { /* an 8-bit displacement; 4 would be a SIB byte */
		if ((p[2] & 7) == 4)
			return false;
		*sp = regs->gpr[reg] + (uint64_t)(int64_t)(int8_t)p[3];
		c->at += 4;
		return true;
	}
	if ((p[2] & 0xf8) == 0xa0 && (p[2] & 7) != 4 && have(c, 7)) {
		*sp = regs->gpr[reg] + (uint64_t)(int64_t)(int32_t)load_u32(p + 3);
		c->at += 7;
		return true;
	}
	return false;
}

static size_t take_pops(struct code *c, uint8_t reg[POPS_MAX])
{
	size_t n = 0;

	while (n < POPS_MAX && have(c, 2)) {
		const uint8_t *p = c->p + c->at;

		if ((p[0] & 0xf8) == 0x58) {
			reg[n++] = p[0] & 7;
			c->at += 1;
		} else if ((p[0] & 0xf0) == 0x40 && (p[1] & 0xf8) == 0x58) {
			reg[n++] = (uint8_t)((p[0] & 1) << 3 | (p[1] & 7));
			c->at += 2;
		} else {
			break;
		}
	}
	return n;
}

/* A jump out of the function ends it; one to another piece of the same function does not, nor
 * one into the middle of anything. */
static enum fs_status leaves(struct unwind *u, const struct unwind_image *image,
			     const struct function *fn, uint64_t target, bool *ret,
			     struct fs_error *err)
{
	uint64_t rva = target - image->base;
	struct unwind_image there = {0};
	struct function own = *fn, other = {0};
	enum fs_status st;

	*ret = true;
	if (rva >= fn->begin && rva < fn->end) {
		st = rva == fn->begin ? x64_primary(u, image, &own, err) : FS_OK;
		*ret = rva == fn->begin && own.begin == fn->begin;
		return st;
	}
	st = unwind_find(u, target, &there, &other, err);
	if (st == FS_NOT_FOUND)
		return FS_OK; /* a leaf function, or another image's */
	if (!st && there.base == image->base) {
		uint32_t begin = other.begin;

		st = x64_primary(u, image, &own, err);
		if (!st)
			st = x64_primary(u, image, &other, err);
		*ret = !st && begin == rva && (own.begin != other.begin || rva == own.begin);
	}
	return st;
}

static enum fs_status ends(struct unwind *u, const struct unwind_image *image,
			   const struct function *fn, struct code *c, bool *ret,
			   struct fs_error *err)
{
	const uint8_t *p;

	*ret = false;
	if (have(c, 1) && c->p[c->at] == 0xf2) /* bnd, for control flow only */
		c->at++;
	p = c->p + c->at;
	if (!have(c, 1))
		return FS_OK;
	if (p[0] == 0xc3 || (p[0] == 0xc2 && have(c, 3)) ||
	    (p[0] == 0xf3 && have(c, 2) && p[1] == 0xc3)) {
		*ret = true;
		return FS_OK;
	}
	if (p[0] == 0xeb && have(c, 2))
		return leaves(u, image, fn, c->va + c->at + 2 + (uint64_t)(int64_t)(int8_t)p[1],
			      ret, err);
	if (p[0] == 0xe9 && have(c, 5))
		return leaves(u, image, fn,
			      c->va + c->at + 5 + (uint64_t)(int64_t)(int32_t)load_u32(p + 1), ret,
			      err);
	/* jmp [rip + N]; with REX.W any indirect jump, which says by it that it leaves */
	*ret = (p[0] == 0xff && have(c, 6) && p[1] == 0x25) ||
	       ((p[0] & 0xf8) == 0x48 && have(c, 3) && p[1] == 0xff && (p[2] & 0x38) == 0x20);
	return FS_OK;
}

static enum fs_status by_code(struct unwind *u, const struct unwind_image *image,
			      const struct function *fn, const struct x64_info *info,
			      struct unwind_result *r, bool *ret_found, struct fs_error *err)
{
	uint8_t bytes[LOOK_BYTES], reg[POPS_MAX];
	struct code c = {.p = bytes, .va = r->regs.ip};
	struct fs_error e = {0};
	uint64_t sp = r->regs.sp, end = image->base + image->size;
	enum fs_status st;
	size_t i, n, want = sizeof(bytes);

	if (want > end - c.va)
		want = (size_t)(end - c.va);
	st = unwind_bytes(u, c.va, bytes, want, &e);
	c.n = st == FS_OK ? want : e.has_address && e.address > c.va ? e.address - c.va : 0;
	if (c.n > want || (c.n == 0 && st != FS_OK)) {
		/* a prologue is no epilogue */
		if ((uint32_t)(c.va - image->base) - fn->begin < info->prolog)
			return FS_OK;
		if (err)
			*err = e;
		return fs_prepend(err, st, "code, to tell an epilogue by");
	}
	(void)take_adjust(&c, info, &r->regs, &sp);
	n = take_pops(&c, reg);
	st = ends(u, image, fn, &c, ret_found, err);
	if (st || !*ret_found)
		return st;
	r->regs.sp = sp;
	for (i = 0; i < n; i++) {
		st = x64_pop(u, r, reg[i], err);
		if (st)
			return st;
	}
	return x64_return(u, r, err);
}

/* The pushes of the prologue, last first, of which `done` bytes of pops were run. */
static enum fs_status run_pops(struct unwind *u, const struct x64_info *info, unsigned i,
			       uint32_t done, struct unwind_result *r, struct fs_error *err)
{
	uint32_t at = 0;
	enum fs_status st = FS_OK;

	for (; !st && i < info->nops && info->op[i].op == PUSH_NONVOL; i++) {
		if (at >= done)
			st = x64_pop(u, r, info->op[i].reg, err);
		at += info->op[i].reg >= 8 ? 2 : 1;
	}
	if (!st && i < info->nops && info->op[i].op == ALLOC_SMALL && info->op[i].value == 8) {
		if (at >= done) /* flags, popped into a register that need not be kept */
			r->regs.sp += 8;
		i++;
	}
	if (st)
		return st;
	if (i < info->nops && info->op[i].op == PUSH_MACHFRAME)
		return x64_machine_frame(u, 0, r, err);
	if (i < info->nops)
		return fs_fail_at(err, FS_CORRUPT, info->va,
				  "UNWIND_INFO: what stands before the pushes is no epilogue's");
	return x64_return(u, r, err);
}

static enum fs_status by_data(struct unwind *u, const struct unwind_image *image,
			      struct function fn, const struct x64_info *info, uint32_t done,
			      struct unwind_result *r, struct fs_error *err)
{
	unsigned depth, i;

	for (depth = 0; depth < CHAIN_MAX; depth++) {
		enum fs_status st;

		for (i = 0; i < info->nops; i++)
			if (info->op[i].op == PUSH_NONVOL || info->op[i].op == PUSH_MACHFRAME)
				break;
		if (i < info->nops || !(info->flags & X64_CHAINED))
			return run_pops(u, info, i, done, r, err);
		fn = info->parent;
		st = x64_info_read(u, image, &fn, &info, err);
		if (st)
			return st;
	}
	return fs_fail_at(err, FS_CORRUPT, info->va, "UNWIND_INFO is chained without end");
}

enum fs_status x64_epilog(struct unwind *u, const struct unwind_image *image,
			  const struct function *fn, const struct x64_info *info,
			  struct unwind_result *r, bool *ret_found, struct fs_error *err)
{
	uint32_t rva = (uint32_t)(r->regs.ip - image->base), at;
	unsigned i;

	*ret_found = false;
	if (info->version < 2)
		return by_code(u, image, fn, info, r, ret_found, err);
	at = fn->end - info->epilog_size;
	*ret_found = info->epilog_at_end && rva - at < info->epilog_size;
	for (i = 0; !*ret_found && i < info->nepilogs; i++) {
		at = fn->end - info->epilog[i];
		*ret_found = rva - at < info->epilog_size;
	}
	return *ret_found ? by_data(u, image, *fn, info, rva - at, r, err) : FS_OK;
}
