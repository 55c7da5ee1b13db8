/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that have several outcomes: each is a path of its own. */
#include "code/follow_impl.h"

/* The path on which the condition holds, or does not, with what is known on it. */
static bool outcome(struct follow *f, const struct state *s, const struct insn *in,
		    enum verdict question, bool yes, struct state *ret)
{
	const struct flags *flags = &s->flags;
	struct follow_event e = {.va = in->va, .a = flags->a, .b = flags->b};
	bool about_equality = in->cond == INSN_EQ || in->cond == INSN_NE;

	*ret = *s;
	ret->flags.decided = true;
	ret->flags.holds = yes;
	ret->flags.cond = in->cond;
	if (question == VERDICT_SIGN || question == VERDICT_NOT_SIGN) {
		e.kind = FOLLOW_SIGN;
		e.negative = yes == (question == VERDICT_SIGN);
		fact_add(ret, flags->a.origin, e.negative);
		return step_tell(f, ret, &e);
	}
	if (flags->kind == FLAGS_COMPARE && flags->size == 8 && !flags->decided && about_equality &&
	    (in->cond == INSN_EQ) == yes) {
		e.kind = FOLLOW_EQUAL;
		return step_tell(f, ret, &e);
	}
	return true;
}

static void after(struct follow *f, struct state *s, const struct insn *in, bool yes)
{
	uint64_t next = in->va + in->size;
	bool alive = true;

	if (in->op == INSN_JUMP_IF && yes && !(in->has_target && follow_in_image(f, in->target))) {
		follow_incomplete(f, FS_UNSUPPORTED, in->va, "a branch out of the image");
		return;
	}
	if (in->op == INSN_JUMP_IF && yes)
		next = in->target;
	else if (in->op == INSN_SET)
		alive = step_put(f, s, in, &in->operand[0], value_const(yes, in->va));
	else if (in->op == INSN_SELECT)
		alive = step_put(f, s, in, &in->operand[0],
				 step_operand(f, s, in, &in->operand[yes ? 1 : 2], &alive)) &&
			alive;
	if (alive)
		follow_later(f, s, next);
}

static void conditional(struct follow *f, struct state *s, const struct insn *in)
{
	struct state n;
	enum verdict v;
	bool alive = true;

	if (in->op == INSN_JUMP_IF && in->operands == 2) /* cbz and its like ask for themselves */
		s->flags = (struct flags){.kind = FLAGS_TEST,
					  .size = in->operand[0].size,
					  .a = step_operand(f, s, in, &in->operand[0], &alive),
					  .b = value_const(in->operand[1].imm, in->va)};
	v = flags_ask(s, &s->flags, in->cond);
	if (v != VERDICT_NO && outcome(f, s, in, v, true, &n))
		after(f, &n, in, true);
	if (v != VERDICT_YES && outcome(f, s, in, v, false, &n))
		after(f, &n, in, false);
}

/* The top bits of a status: two, of which one is the sign, are few enough to try each. */
static bool shifted_status(struct follow *f, struct state *s, const struct insn *in)
{
	const struct insn_operand *o = in->operand;
	struct follow_value v;
	struct state n;
	unsigned bits, top;
	struct insn ask = *in;
	bool alive = true, negative;
	enum verdict q;

	if (in->operands != 3 || o[0].kind != INSN_O_REG || o[0].size != 4 ||
	    o[2].kind != INSN_O_IMM || (o[2].imm != 30 && o[2].imm != 31))
		return false;
	v = step_operand(f, s, in, &o[1], &alive);
	if (v.origin < FOLLOW_FIRST || v.off != 0)
		return false;
	bits = o[2].imm == 30 ? 4 : 2;
	ask.cond = INSN_SIGN;
	s->flags = (struct flags){.kind = FLAGS_TEST, .size = 4, .a = v, .b = v};
	q = flags_ask(s, &s->flags, INSN_SIGN);
	for (top = 0; top < bits; top++) {
		negative = (top & bits >> 1) != 0;
		if ((q == VERDICT_NO && negative) || (q == VERDICT_YES && !negative) ||
		    !outcome(f, s, &ask, q, negative, &n))
			continue;
		n.flags.kind = FLAGS_NONE;
		if (step_put(f, &n, in, &o[0],
			     value_const(in->keeps_sign && negative ? top | (0 - bits) : top,
					 in->va)))
			follow_later(f, &n, in->va + in->size);
	}
	return true;
}

bool fork_insn(struct follow *f, struct state *s, const struct insn *in)
{
	switch (in->op) {
	case INSN_JUMP_IF:
	case INSN_SET:
	case INSN_SELECT:
		conditional(f, s, in);
		return true;
	case INSN_SHIFT:
		return shifted_status(f, s, in);
	default:
		return false;
	}
}
