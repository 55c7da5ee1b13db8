/* SPDX-License-Identifier: BSD-2-Clause */
#include "code/follow_impl.h"

#include <string.h>

#include "base/checked.h"

static const struct follow_value unknown = {FOLLOW_UNKNOWN, 0, 0};

void state_init(const struct follow *f, struct state *s)
{
	/* Microsoft x64 and ARM64 calling conventions */
	static const unsigned x64[] = {1, 2, 8, 9}, arm64[] = {0, 1, 2, 3};
	const unsigned *arg = f->machine == INSN_ARM64 ? arm64 : x64;
	unsigned i;

	memset(s, 0, sizeof(*s));
	s->va = f->entry;
	for (i = 0; i < 4; i++)
		s->reg[arg[i]].origin = FOLLOW_ARG + i;
	s->reg[f->sp].origin = FOLLOW_STACK;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t mix_value(uint64_t h, const struct follow_value *v)
{
	return mix(mix(h, v->origin), (uint64_t)v->off);
}

/* `at` tells where, not what: two paths that differ in nothing else are one. */
uint64_t state_hash(const struct state *s)
{
	uint64_t h = mix(1, s->va), slots = 0;
	size_t i;

	for (i = 0; i < INSN_REGS; i++)
		h = mix_value(h, &s->reg[i]);
	for (i = 0; i < FOLLOW_SLOTS; i++) /* in any order */
		if (s->slot[i].size)
			slots += mix_value(mix((uint64_t)s->slot[i].off, s->slot[i].size),
					   &s->slot[i].value);
	h = mix(h, slots);
	h = mix(mix(h, s->flags.kind), s->flags.size);
	h = mix_value(mix_value(h, &s->flags.a), &s->flags.b);
	h = mix(mix(mix(h, s->flags.decided), s->flags.holds), s->flags.cond);
	for (i = 0; i < FOLLOW_FACTS; i++)
		h = mix(mix(h, s->fact[i].origin), s->fact[i].negative);
	for (i = 0; i < FOLLOW_ORIGINS / 64; i++)
		h = mix(h, s->touched[i]);
	for (i = 0; i < FOLLOW_MARKS; i++)
		h = mix(h, s->mark[i]);
	return mix(h, s->framed);
}

static unsigned origin_add(struct follow *f, const struct follow_origin *o)
{
	struct follow_result *r = f->result;
	unsigned i;

	for (i = FOLLOW_FIRST; i < r->origins; i++)
		if (r->origin[i].is_result == o->is_result && r->origin[i].parent == o->parent &&
		    r->origin[i].off == o->off && (!o->is_result || r->origin[i].va == o->va))
			return i;
	if (r->origins >= FOLLOW_ORIGINS)
		return FOLLOW_UNKNOWN;
	r->origin[r->origins] = *o;
	return r->origins++;
}

unsigned origin_load(struct follow *f, unsigned parent, int64_t off, uint64_t va)
{
	const struct follow_origin *p = &f->result->origin[parent];
	struct follow_origin o = {.parent = parent, .off = off, .va = va, .nesting = 1};

	if (parent == FOLLOW_UNKNOWN || parent == FOLLOW_BYTE || parent == FOLLOW_STACK)
		return FOLLOW_UNKNOWN;
	if (parent >= FOLLOW_FIRST) {
		/* the next element of the list that this one is in */
		if (off == 0 && !p->is_result)
			return parent;
		o.nesting = p->nesting + 1;
	}
	if (o.nesting > FOLLOW_MAX_NESTING)
		return FOLLOW_UNKNOWN;
	return origin_add(f, &o);
}

unsigned origin_result(struct follow *f, uint64_t va)
{
	struct follow_origin o = {.is_result = true, .va = va};

	return origin_add(f, &o);
}

static uint64_t cut(uint64_t v, unsigned size)
{
	return size >= 8 || size == 0 ? v : v & ((UINT64_C(1) << 8 * size) - 1);
}

struct follow_value value_const(uint64_t v, uint64_t at)
{
	return (struct follow_value){FOLLOW_CONST, (int64_t)v, at};
}

bool value_is_const(struct follow_value v, unsigned size, uint64_t *ret)
{
	if (v.origin != FOLLOW_CONST && !(v.origin == FOLLOW_BYTE && size == 1))
		return false;
	*ret = cut((uint64_t)v.off, size);
	return true;
}

/* A result stays what it is in its low half: NTSTATUS in eax, BOOLEAN in al. */
static bool is_result(const struct follow *f, struct follow_value v)
{
	return v.origin >= FOLLOW_FIRST && v.off == 0 && f->result->origin[v.origin].is_result;
}

struct follow_value register_read(const struct follow *f, const struct state *s, unsigned reg,
				  unsigned size)
{
	struct follow_value v;
	uint64_t c;

	if (reg == INSN_REG_ZERO)
		return value_const(0, 0);
	if (reg >= INSN_REGS)
		return unknown;
	v = s->reg[reg];
	if (size == 8)
		return v.origin == FOLLOW_BYTE ? unknown : v;
	if (is_result(f, v))
		return v;
	/* a part of a pointer is nothing, a part of a number is a number */
	return value_is_const(v, size, &c) ? value_const(c, v.at) : unknown;
}

void register_write(const struct follow *f, struct state *s, unsigned reg, unsigned size,
		    struct follow_value v)
{
	uint64_t c;

	if (reg >= INSN_REGS || reg == INSN_REG_ZERO)
		return;
	if (size == 8 || (size == 4 && is_result(f, v))) {
		s->reg[reg] = v;
	} else if (value_is_const(v, size, &c) && (size == 4 || size == 1)) {
		s->reg[reg] = value_const(c, v.at);
		if (size == 1)
			s->reg[reg].origin = FOLLOW_BYTE;
	} else {
		s->reg[reg] = unknown;
	}
}

struct follow_value slot_read(const struct state *s, int64_t off, unsigned size)
{
	size_t i;

	for (i = 0; i < FOLLOW_SLOTS; i++)
		if (s->slot[i].size == size && size && s->slot[i].off == off)
			return s->slot[i].value;
	return unknown;
}

void slot_forget(struct state *s, int64_t off, uint64_t size)
{
	size_t i;

	for (i = 0; i < FOLLOW_SLOTS; i++) {
		struct slot *t = &s->slot[i];

		/* distances, so that nothing can overflow */
		if (t->size && (t->off >= off ? (uint64_t)t->off - (uint64_t)off < size
					      : (uint64_t)off - (uint64_t)t->off < t->size))
			t->size = 0;
	}
}

void slot_write(struct state *s, int64_t off, unsigned size, struct follow_value v)
{
	size_t i;

	slot_forget(s, off, size);
	if (v.origin == FOLLOW_UNKNOWN || size == 0)
		return;
	for (i = 0; i < FOLLOW_SLOTS; i++) {
		if (s->slot[i].size)
			continue;
		s->slot[i] = (struct slot){off, size, v};
		return;
	}
	/* no room: the slot reads as unknown */
}

void state_touch(struct state *s, unsigned origin)
{
	if (origin >= FOLLOW_ARG)
		s->touched[origin / 64] |= UINT64_C(1) << origin % 64;
}

static bool not_null(const struct state *s, struct follow_value v)
{
	return v.origin == FOLLOW_STACK ||
	       (v.origin >= FOLLOW_ARG && (s->touched[v.origin / 64] >> v.origin % 64 & 1));
}

static bool compare(uint64_t a, uint64_t b, unsigned size, enum insn_cond cond, bool *ret)
{
	unsigned shift = size < 8 ? 64 - 8 * size : 0;
	int64_t sa = (int64_t)(a << shift), sb = (int64_t)(b << shift);

	switch (cond) {
	case INSN_EQ:
		*ret = a == b;
		return true;
	case INSN_NE:
		*ret = a != b;
		return true;
	case INSN_LT:
		*ret = sa < sb;
		return true;
	case INSN_GE:
		*ret = sa >= sb;
		return true;
	case INSN_GT:
		*ret = sa > sb;
		return true;
	case INSN_LE:
		*ret = sa <= sb;
		return true;
	case INSN_BELOW:
		*ret = a < b;
		return true;
	case INSN_ABOVE_EQ:
		*ret = a >= b;
		return true;
	case INSN_ABOVE:
		*ret = a > b;
		return true;
	case INSN_BELOW_EQ:
		*ret = a <= b;
		return true;
	case INSN_SIGN:
		*ret = (int64_t)((a - b) << shift) < 0;
		return true;
	case INSN_NO_SIGN:
		*ret = (int64_t)((a - b) << shift) >= 0;
		return true;
	case INSN_COND_OTHER:
	default:
		return false;
	}
}

/* v against zero. */
static enum verdict ask_zero(const struct state *s, struct follow_value v, unsigned size,
			     enum insn_cond cond)
{
	size_t i;

	if ((cond == INSN_EQ || cond == INSN_NE) && size == 8 && not_null(s, v))
		return cond == INSN_NE ? VERDICT_YES : VERDICT_NO;
	if (size != 4 || v.origin < FOLLOW_FIRST || v.off != 0)
		return VERDICT_OPEN;
	for (i = 0; i < FOLLOW_FACTS; i++) {
		if (s->fact[i].origin != v.origin)
			continue;
		if (cond == INSN_SIGN || cond == INSN_LT)
			return s->fact[i].negative ? VERDICT_YES : VERDICT_NO;
		if (cond == INSN_NO_SIGN || cond == INSN_GE)
			return s->fact[i].negative ? VERDICT_NO : VERDICT_YES;
		if (s->fact[i].negative && (cond == INSN_EQ || cond == INSN_GT))
			return VERDICT_NO;
		if (s->fact[i].negative && (cond == INSN_NE || cond == INSN_LE))
			return VERDICT_YES;
		return VERDICT_OPEN;
	}
	if (cond == INSN_SIGN || cond == INSN_LT)
		return VERDICT_SIGN;
	return cond == INSN_NO_SIGN || cond == INSN_GE ? VERDICT_NOT_SIGN : VERDICT_OPEN;
}

static enum insn_cond opposite(enum insn_cond cond)
{
	static const enum insn_cond table[] = {
		[INSN_EQ] = INSN_NE,
		[INSN_NE] = INSN_EQ,
		[INSN_LT] = INSN_GE,
		[INSN_GE] = INSN_LT,
		[INSN_GT] = INSN_LE,
		[INSN_LE] = INSN_GT,
		[INSN_BELOW] = INSN_ABOVE_EQ,
		[INSN_ABOVE_EQ] = INSN_BELOW,
		[INSN_ABOVE] = INSN_BELOW_EQ,
		[INSN_BELOW_EQ] = INSN_ABOVE,
		[INSN_SIGN] = INSN_NO_SIGN,
		[INSN_NO_SIGN] = INSN_SIGN,
		[INSN_COND_OTHER] = INSN_COND_OTHER,
	};

	return table[cond];
}

enum verdict flags_ask(const struct state *s, const struct flags *flags, enum insn_cond cond)
{
	struct follow_value a = flags->a, b = flags->b;
	unsigned size = flags->size;
	uint64_t ca, cb;
	bool has_a, has_b, same, holds;

	if (flags->kind != FLAGS_NONE && flags->decided && cond != INSN_COND_OTHER) {
		if (cond == flags->cond)
			return flags->holds ? VERDICT_YES : VERDICT_NO;
		if (cond == opposite(flags->cond))
			return flags->holds ? VERDICT_NO : VERDICT_YES;
	}
	if (flags->kind == FLAGS_NONE || size == 0 || size > 8)
		return VERDICT_OPEN;
	same = a.origin == b.origin && a.off == b.off && a.origin != FOLLOW_UNKNOWN;
	has_a = value_is_const(a, size, &ca);
	has_b = value_is_const(b, size, &cb);
	if (has_a && has_b) {
		if (flags->kind == FLAGS_TEST) {
			ca &= cb;
			cb = 0;
		}
		if (!compare(ca, cb, size, cond, &holds))
			return VERDICT_OPEN;
		return holds ? VERDICT_YES : VERDICT_NO;
	}
	if (flags->kind == FLAGS_COMPARE)
		return has_b && cb == 0 ? ask_zero(s, a, size, cond) : VERDICT_OPEN;
	if (same || (has_b && cb == cut(UINT64_MAX, size)))
		return ask_zero(s, a, size, cond);
	/* test eax,80000000h */
	if (has_b && cb == UINT64_C(1) << (8 * size - 1) && (cond == INSN_EQ || cond == INSN_NE))
		return ask_zero(s, a, size, cond == INSN_EQ ? INSN_NO_SIGN : INSN_SIGN);
	return VERDICT_OPEN;
}

void fact_forget(struct state *s, unsigned origin)
{
	size_t i;

	for (i = 0; i < FOLLOW_FACTS; i++)
		if (s->fact[i].origin == origin)
			s->fact[i] = (struct fact){0};
	s->touched[origin / 64] &= ~(UINT64_C(1) << origin % 64);
}

void fact_add(struct state *s, unsigned origin, bool negative)
{
	size_t i;

	for (i = 0; i < FOLLOW_FACTS; i++)
		if (s->fact[i].origin == 0) {
			s->fact[i] = (struct fact){origin, negative};
			return;
		}
}
