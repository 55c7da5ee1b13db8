/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packed unwind data stands for one canonical prologue ("ARM64 exception handling", "Packed
 * unwind data"). It is written out as the codes it stands for, so that one reader serves both.
 */
#include <inttypes.h>
#include <string.h>

#include "unwind/impl.h"

enum {
	FLAG_FRAGMENT = 2,
	CR_SAVES_LR = 1,
	CR_CHAINED_PAC = 2,
	CR_CHAINED = 3,
	ALLOC_MAX = 4080, /* of one sub */
	OPS_MAX = 32,
};

/* The prologue in the order that it runs. */
struct prologue {
	struct {
		uint8_t b[4], n;
		bool home, set_fp;
	} op[OPS_MAX];
	unsigned n;
	unsigned saved; /* slots of 8 bytes in the save area that are used */
	unsigned area;	/* slots of it */
	bool moved;	/* the first save has made room for it */
};

static void emit(struct prologue *p, unsigned n, uint32_t word)
{
	unsigned i;

	if (p->n == OPS_MAX)
		return;
	for (i = 0; i < n; i++)
		p->op[p->n].b[i] = (uint8_t)(word >> 8 * (n - 1 - i));
	p->op[p->n++].n = (uint8_t)n;
}

static void alloc(struct prologue *p, unsigned bytes)
{
	if (bytes < 512)
		emit(p, 1, bytes / 16);
	else
		emit(p, 2, 0xc000u | bytes / 16);
}

/* The first save decrements the stack pointer by the whole area, the others are plain. */
static void save(struct prologue *p, unsigned slots, uint32_t plain, uint32_t moving)
{
	if (p->moved)
		emit(p, 2, plain | p->saved);
	else
		emit(p, 2, moving | (p->area - 1));
	p->moved = true;
	p->saved += slots;
}

static void save_integers(struct prologue *p, unsigned regs, bool lr)
{
	unsigned i;

	if (regs == 1 && lr) { /* no stp with x19 and lr decrements */
		alloc(p, p->area * 8);
		p->moved = true;
	}
	for (i = 0; i + 1 < regs; i += 2)
		save(p, 2, 0xc800u | i << 6, 0xcc00u | i << 6);
	if (regs % 2 && lr)
		save(p, 2, 0xd600u | i / 2 << 6, 0);
	else if (regs % 2)
		save(p, 1, 0xd000u | i << 6, 0xd400u | i << 5);
	else if (lr)
		save(p, 1, 0xd000u | 11u << 6, 0xd400u | 11u << 5);
}

static void save_vectors(struct prologue *p, unsigned regs)
{
	unsigned i;

	for (i = 0; i + 1 < regs; i += 2)
		save(p, 2, 0xd800u | i << 6, 0xda00u | i << 6);
	if (regs % 2)
		save(p, 1, 0xdc00u | i << 6, 0xde00u | i << 5);
}

static void make_locals(struct prologue *p, unsigned bytes, bool chained)
{
	if (chained && bytes <= 512) {
		emit(p, 1, 0x80u | (bytes / 8 - 1)); /* save_fplr_x */
	} else {
		alloc(p, bytes <= ALLOC_MAX ? bytes : ALLOC_MAX);
		if (bytes > ALLOC_MAX)
			alloc(p, bytes - ALLOC_MAX);
		if (chained)
			emit(p, 1, 0x40); /* save_fplr at 0 */
	}
	if (chained) {
		p->op[p->n].set_fp = true;
		emit(p, 1, 0xe1);
	}
}

static void write_codes(const struct prologue *p, bool epilog, struct arm64_info *x)
{
	unsigned i;

	for (i = p->n; i-- > 0;) {
		if (epilog && (p->op[i].home || p->op[i].set_fp))
			continue;
		memcpy(x->code + x->nbytes, p->op[i].b, p->op[i].n);
		x->nbytes += p->op[i].n;
	}
	x->code[x->nbytes++] = 0xe4; /* end */
}

enum fs_status arm64_expand(uint32_t packed, struct arm64_info *ret, struct fs_error *err)
{
	unsigned cr = packed >> 21 & 3, regi = packed >> 16 & 15, regf = packed >> 13 & 7, i;
	bool homes = packed >> 20 & 1, chained = cr == CR_CHAINED || cr == CR_CHAINED_PAC;
	unsigned frame = (packed >> 23) * 2, floats = regf ? regf + 1 : 0, locals;
	struct prologue p = {0};

	p.area = regi + (cr == CR_SAVES_LR) + floats;
	if (p.area && homes)
		p.area += 8;
	p.area = (p.area + 1) & ~1u;
	if (regi > 10 || p.area > frame || (chained && frame - p.area < 2))
		return fs_fail(err, FS_CORRUPT, "packed unwind data 0x%08" PRIx32, packed);
	locals = (frame - p.area) * 8;
	if (cr == CR_CHAINED_PAC)
		emit(&p, 1, 0xfc);
	save_integers(&p, regi, cr == CR_SAVES_LR);
	save_vectors(&p, floats);
	for (i = 0; i < 4 && homes && p.moved; i++) {
		p.op[p.n].home = true;
		emit(&p, 1, 0xe3); /* stores of arguments: nothing to undo */
	}
	if (locals)
		make_locals(&p, locals, chained);
	ret->length = packed >> 2 & 0x7ff;
	ret->fragment = (packed & 3) == FLAG_FRAGMENT;
	if (ret->fragment)
		ret->code[ret->nbytes++] = 0xe5; /* end_c: the prologue was elsewhere */
	write_codes(&p, false, ret);
	if (!ret->fragment) {
		ret->single_epilog = true;
		ret->epilog_index = ret->nbytes;
		write_codes(&p, true, ret);
	}
	return FS_OK;
}
