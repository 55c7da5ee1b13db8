/* SPDX-License-Identifier: BSD-2-Clause */
/* What one instruction does to the values of a path. */
#include "code/follow_impl.h"

#include <string.h>

static const struct follow_value unknown = {FOLLOW_UNKNOWN, 0, 0};

bool step_tell(struct follow *f, struct state *s, struct follow_event *e)
{
	return f->observe(f->ctx, f->result, e, s->mark);
}

/* Offsets wrap as addresses do. */
static struct follow_value plus(struct follow_value v, uint64_t n, uint64_t at)
{
	if (v.origin == FOLLOW_UNKNOWN || v.origin == FOLLOW_BYTE)
		return unknown;
	return (struct follow_value){v.origin, (int64_t)((uint64_t)v.off + n), at};
}

/* What an instruction makes out of what it made itself is a counter of a loop. Its values
 * would be as many as the rounds; nothing is known of it instead. */
static struct follow_value count(struct follow_value v, uint64_t n, uint64_t at)
{
	return v.at == at && v.origin != FOLLOW_STACK ? unknown : plus(v, n, at);
}

static struct follow_value address_of(const struct follow *f, const struct state *s,
				      const struct insn *in, const struct insn_operand *o)
{
	uint64_t index;

	if (o->segment)
		return unknown;
	if (o->base == INSN_REG_PC)
		return value_const(in->ref, in->va);
	if (o->index != INSN_REG_NONE) {
		if (!value_is_const(register_read(f, s, o->index, 8), 8, &index))
			return unknown;
		return plus(register_read(f, s, o->base, 8),
			    (uint64_t)o->disp + (index << o->shift), in->va);
	}
	if (o->base == INSN_REG_NONE)
		return value_const((uint64_t)o->disp, in->va);
	return plus(register_read(f, s, o->base, 8), (uint64_t)o->disp, in->va);
}

/* lea. */
static struct follow_value effective_address(const struct follow *f, const struct state *s,
					     const struct insn *in)
{
	const struct insn_operand *o = &in->operand[1];

	if (in->operand[0].size != 8)
		return unknown;
	if (o->base < INSN_REGS && o->index == INSN_REG_NONE && !o->segment)
		return count(register_read(f, s, o->base, 8), (uint64_t)o->disp, in->va);
	return address_of(f, s, in, o);
}

static struct follow_value load(struct follow *f, struct state *s, const struct insn *in,
				struct follow_value address, unsigned size, bool *alive)
{
	struct follow_event e = {.kind = FOLLOW_LOAD, .va = in->va, .a = address};
	struct follow_value v = unknown;

	if (address.origin == FOLLOW_STACK)
		return slot_read(s, address.off, size);
	state_touch(s, address.origin);
	if (!step_tell(f, s, &e))
		*alive = false;
	if (size == 8)
		v.origin = origin_load(f, address.origin, address.off, in->va);
	if (v.origin != FOLLOW_UNKNOWN)
		v.at = in->va;
	return v;
}

static bool store(struct follow *f, struct state *s, const struct insn *in,
		  struct follow_value address, unsigned size, struct follow_value v)
{
	struct follow_event e = {.kind = FOLLOW_STORE, .va = in->va, .a = address, .b = v};

	if (address.origin == FOLLOW_STACK) {
		slot_write(s, address.off, size, v);
		return true;
	}
	state_touch(s, address.origin);
	return step_tell(f, s, &e);
}

struct follow_value step_operand(struct follow *f, struct state *s, const struct insn *in,
				 const struct insn_operand *o, bool *alive)
{
	if (o->kind == INSN_O_REG)
		return o->high_byte || (in->machine == INSN_ARM64 && o->index != INSN_REG_NONE)
			       ? unknown
			       : register_read(f, s, o->reg, o->size);
	if (o->kind == INSN_O_IMM)
		return value_const(o->imm, in->va);
	if (o->kind == INSN_O_MEM)
		return load(f, s, in, address_of(f, s, in, o), o->size, alive);
	return unknown;
}

bool step_put(struct follow *f, struct state *s, const struct insn *in,
	      const struct insn_operand *o, struct follow_value v)
{
	if (o->kind == INSN_O_MEM)
		return store(f, s, in, address_of(f, s, in, o), o->size, v);
	if (o->kind == INSN_O_REG)
		register_write(f, s, o->reg, o->size, o->high_byte ? unknown : v);
	if (o->kind == INSN_O_REG && o->reg == f->sp)
		s->framed = true;
	return true;
}

static struct follow_value combine(const struct insn *in, struct follow_value a,
				   struct follow_value b, unsigned size)
{
	bool has_a, has_b;
	uint64_t ca = 0, cb = 0;

	has_a = value_is_const(a, size, &ca);
	has_b = value_is_const(b, size, &cb);
	switch (in->op) {
	case INSN_ADD:
		if (has_b)
			return count(a, cb, in->va);
		return has_a ? count(b, ca, in->va) : unknown;
	case INSN_SUB:
		return has_b ? count(a, 0 - cb, in->va) : unknown;
	case INSN_AND:
		if ((has_a && ca == 0) || (has_b && cb == 0))
			return value_const(0, in->va);
		return has_a && has_b ? value_const(ca & cb, in->va) : unknown;
	case INSN_OR:
		if (has_b && cb == 0)
			return a;
		if (has_a && ca == 0)
			return b;
		return has_a && has_b ? value_const(ca | cb, in->va) : unknown;
	case INSN_XOR:
		return has_a && has_b ? value_const(ca ^ cb, in->va) : unknown;
	case INSN_SHIFT:
		return has_a && has_b && !in->keeps_sign && cb < 8u * size
			       ? value_const(ca >> cb, in->va)
			       : unknown;
	default:
		return unknown;
	}
}

static bool same_register(const struct insn_operand *a, const struct insn_operand *b)
{
	return a->kind == INSN_O_REG && b->kind == INSN_O_REG && a->reg == b->reg &&
	       a->size == b->size && !a->high_byte && !b->high_byte;
}

static bool arithmetic(struct follow *f, struct state *s, const struct insn *in)
{
	const struct insn_operand *o = in->operand;
	unsigned size = o[0].size;
	bool alive = true;
	struct follow_value a = step_operand(f, s, in, &o[1], &alive);
	struct follow_value b = step_operand(f, s, in, &o[2], &alive), r;

	if (in->machine != INSN_ARM64)
		s->flags.kind = FLAGS_NONE;
	if ((in->op == INSN_XOR || in->op == INSN_SUB) && same_register(&o[1], &o[2]))
		r = value_const(0, in->va);
	else
		r = combine(in, a, b, size);
	/* 8-byte pointers do not live in narrower registers */
	if (size != 8 && r.origin != FOLLOW_CONST && r.origin != FOLLOW_BYTE)
		r = unknown;
	return step_put(f, s, in, &o[0], r) && alive;
}

static bool move(struct follow *f, struct state *s, const struct insn *in)
{
	const struct insn_operand *o = in->operand;
	bool alive = true;
	struct follow_value v = step_operand(f, s, in, &o[1], &alive), base;
	unsigned m = o[0].kind == INSN_O_MEM ? 0 : 1;

	if (in->extends && !(in->mnemonic[3] == 'z' && v.origin == FOLLOW_CONST))
		v = unknown;
	if (in->pre_index) { /* the address is counted from the base as it was */
		base = address_of(f, s, in, &o[m]);
		alive = step_put(f, s, in, &o[0], v) && alive;
		register_write(f, s, o[m].base, 8, base);
	} else {
		base = in->post_index ? register_read(f, s, o[m].base, 8) : unknown;
		alive = step_put(f, s, in, &o[0], v) && alive;
		if (in->post_index)
			register_write(f, s, o[m].base, 8, plus(base, o[2].imm, in->va));
	}
	if ((in->pre_index || in->post_index) && o[m].base == f->sp)
		s->framed = true;
	return alive;
}

/* movk */
static bool insert(struct follow *f, struct state *s, const struct insn *in)
{
	const struct insn_operand *o = in->operand;
	uint64_t mask = UINT64_C(0xffff) << o[1].shift, was;
	bool known = value_is_const(register_read(f, s, o[0].reg, o[0].size), o[0].size, &was);

	return step_put(f, s, in, &o[0],
			known ? value_const((was & ~mask) | o[1].imm, in->va) : unknown);
}

/* ldp, stp */
static bool move_two(struct follow *f, struct state *s, const struct insn *in)
{
	const struct insn_operand *o = in->operand;
	struct follow_value address = address_of(f, s, in, &o[2]), second, v[2], base;
	unsigned size = o[0].size, i;
	bool alive = true;

	second = plus(address, size, in->va);
	base = in->post_index ? plus(address, o[3].imm, in->va) : address;
	if (o[2].written) {
		alive = store(f, s, in, address, size, register_read(f, s, o[0].reg, size)) &&
			store(f, s, in, second, size, register_read(f, s, o[1].reg, size));
	} else {
		v[0] = load(f, s, in, address, size, &alive);
		v[1] = load(f, s, in, second, size, &alive);
		for (i = 0; i < 2; i++)
			register_write(f, s, o[i].reg, size, v[i]);
	}
	if (in->pre_index || in->post_index) {
		register_write(f, s, o[2].base, 8, base);
		s->framed |= o[2].base == f->sp;
	}
	return alive;
}

static bool stack_move(struct follow *f, struct state *s, const struct insn *in)
{
	struct follow_value sp = register_read(f, s, f->sp, 8), v;
	bool alive = true;

	s->framed = true;
	if (in->op == INSN_PUSH) {
		v = step_operand(f, s, in, &in->operand[0], &alive);
		sp = plus(sp, (uint64_t)-8, in->va);
		if (sp.origin == FOLLOW_STACK)
			slot_write(s, sp.off, 8, v);
		register_write(f, s, f->sp, 8, sp);
	} else {
		v = sp.origin == FOLLOW_STACK ? slot_read(s, sp.off, 8) : unknown;
		register_write(f, s, f->sp, 8, plus(sp, 8, in->va));
		alive = step_put(f, s, in, &in->operand[0], v);
	}
	return alive;
}

static bool compare(struct follow *f, struct state *s, const struct insn *in)
{
	bool alive = true;
	struct follow_value a = step_operand(f, s, in, &in->operand[0], &alive);
	struct follow_value b = step_operand(f, s, in, &in->operand[1], &alive);
	struct follow_event e = {.kind = FOLLOW_COMPARE, .va = in->va, .a = a, .b = b};

	s->flags = (struct flags){.kind = in->op == INSN_COMPARE ? FLAGS_COMPARE : FLAGS_TEST,
				  .size = in->operand[0].size,
				  .a = a,
				  .b = b};
	/* a comparison with an immediate is no comparison of addresses */
	if (in->op == INSN_COMPARE && in->operand[0].size == 8 && alive)
		alive = step_tell(f, s, &e);
	return alive;
}

/* Everything that it may have changed is lost. */
static void lose(struct follow *f, struct state *s, const struct insn *in)
{
	struct follow_value a;
	unsigned i, r;
	uint32_t word;

	for (i = 0; i < in->operands; i++) {
		if (in->operand[i].kind != INSN_O_MEM)
			continue;
		a = address_of(f, s, in, &in->operand[i]);
		if (a.origin == FOLLOW_STACK && in->operand[i].written)
			slot_forget(s, a.off, in->operand[i].size ? in->operand[i].size : 64);
		else if (a.origin != FOLLOW_STACK)
			state_touch(s, a.origin);
	}
	for (r = 0; r < INSN_REGS; r++)
		if (in->writes >> r & 1)
			register_write(f, s, r, 8, unknown);
	if (in->op == INSN_DATA && in->machine == INSN_ARM64 && in->size == 4) {
		/* an instruction that the decoder does not know: Rd or Rt, and Rs or Rm */
		memcpy(&word, in->bytes, 4);
		register_write(f, s, word & 31, 8, unknown);
		register_write(f, s, word >> 16 & 31, 8, unknown);
	}
	if (in->writes >> f->sp & 1)
		s->framed = true;
	s->flags.kind = FLAGS_NONE;
}

bool step_call(struct follow *f, struct state *s, const struct insn *in, bool tail)
{
	static const unsigned x64_args[] = {1, 2, 8, 9}, arm64_args[] = {0, 1, 2, 3};
	bool arm = f->machine == INSN_ARM64;
	/* the volatile registers: rax, rcx, rdx, r8 to r11; x0 to x17 and lr */
	uint64_t lost = arm ? UINT64_C(0x4003ffff) : UINT64_C(0x0f07);
	struct follow_event e = {.kind = FOLLOW_CALL, .va = in->va};
	struct follow_value sp = register_read(f, s, f->sp, 8);
	bool alive = true;
	unsigned i;

	if (!in->has_target && in->operands)
		(void)step_operand(f, s, in, &in->operand[0], &alive);
	for (i = 0; i < 4; i++)
		e.arg[i] = register_read(f, s, arm ? arm64_args[i] : x64_args[i], 8);
	e.target = in->has_target ? in->target : 0;
	e.result = origin_result(f, in->va);
	if (e.result != FOLLOW_UNKNOWN)
		fact_forget(s, e.result); /* of an earlier round */
	if (!alive || !step_tell(f, s, &e))
		return false;
	for (i = 0; i < INSN_REGS; i++)
		if (lost >> i & 1)
			register_write(f, s, i, 8, unknown);
	if (sp.origin == FOLLOW_STACK && !arm)
		slot_forget(s, sp.off, 32); /* the callee's home space */
	register_write(f, s, 0, 8, (struct follow_value){e.result, 0, in->va});
	s->flags.kind = FLAGS_NONE;
	return !tail || step_return(f, s, in);
}

bool step_return(struct follow *f, struct state *s, const struct insn *in)
{
	struct follow_event e = {.kind = FOLLOW_RETURN, .va = in->va};

	e.a = register_read(f, s, 0, 4);
	(void)step_tell(f, s, &e);
	return false;
}

bool step_insn(struct follow *f, struct state *s, const struct insn *in)
{
	switch (in->op) {
	case INSN_NOP:
		return true;
	case INSN_MOVE:
		return move(f, s, in);
	case INSN_MOVE_2:
		return move_two(f, s, in);
	case INSN_ADDRESS:
		return step_put(f, s, in, &in->operand[0], effective_address(f, s, in));
	case INSN_ADD:
	case INSN_SUB:
	case INSN_AND:
	case INSN_OR:
	case INSN_XOR:
	case INSN_SHIFT:
		if (in->operands == 3)
			return arithmetic(f, s, in);
		break;
	case INSN_PUSH:
	case INSN_POP:
		return stack_move(f, s, in);
	case INSN_COMPARE:
	case INSN_TEST:
		return compare(f, s, in);
	case INSN_DATA:
		if (in->machine != INSN_ARM64)
			return false;
		break;
	case INSN_INSERT:
		return insert(f, s, in);
	default:
		break;
	}
	lose(f, s, in);
	return true;
}
