/* SPDX-License-Identifier: BSD-2-Clause */
/* The paths of a function: depth first, each state once, every bound counted. */
#include "code/follow_impl.h"

#include <stdlib.h>
#include <string.h>

static void incomplete(struct follow *f, enum fs_status status, uint64_t va, const char *what)
{
	if (!f->result->complete)
		return;
	f->result->complete = false;
	(void)fs_fail_at(&f->result->why, status, va, "function at 0x%llx: %s at 0x%llx",
			 (unsigned long long)f->entry, what, (unsigned long long)va);
}

/* True when this state is new; then it is remembered. */
static bool first_time(struct follow *f, uint64_t hash)
{
	size_t lo = 0, hi = f->seen.n;
	uint64_t *slot;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->seen.v[mid] == hash)
			return false;
		if (f->seen.v[mid] < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	slot = vec_push(&f->seen);
	if (!slot) {
		incomplete(f, FS_NO_MEMORY, f->entry, "out of memory");
		return false;
	}
	memmove(f->seen.v + lo + 1, f->seen.v + lo, (f->seen.n - 1 - lo) * sizeof(*slot));
	f->seen.v[lo] = hash;
	return true;
}

static void later(struct follow *f, const struct state *s, uint64_t va)
{
	struct state *n;

	if (f->pending.n >= FOLLOW_MAX_PATHS) {
		incomplete(f, FS_LIMIT, va, "too many paths");
		return;
	}
	n = vec_push(&f->pending);
	if (!n) {
		incomplete(f, FS_NO_MEMORY, va, "out of memory");
		return;
	}
	*n = *s;
	n->va = va;
}

static bool in_image(const struct follow *f, uint64_t va)
{
	return va >= f->source->begin && va < f->source->end;
}

/* Out of the function for good: to another image, through a pointer, or with the frame
 * taken down again (a jump inside a function that has a frame keeps it). */
static bool is_tail_call(const struct follow *f, const struct state *s, const struct insn *in)
{
	const struct follow_value *sp = &s->reg[f->sp];

	return !in->has_target || !in_image(f, in->target) ||
	       (s->framed && sp->origin == FOLLOW_STACK && sp->off == 0);
}

/* One way out of a conditional branch, with what is known on it. */
static void take(struct follow *f, const struct state *s, uint64_t va, const struct insn *in,
		 enum verdict question, bool yes)
{
	const struct flags *flags = &s->flags;
	struct follow_event e = {.va = in->va, .a = flags->a, .b = flags->b};
	struct state n = *s;
	bool equal = (in->cond == INSN_EQ) == yes;

	n.flags.kind = flags->kind;
	if (question == VERDICT_SIGN || question == VERDICT_NOT_SIGN) {
		e.kind = FOLLOW_SIGN;
		e.negative = yes == (question == VERDICT_SIGN);
		fact_add(&n, flags->a.origin, e.negative);
		if (!step_tell(f, &n, &e))
			return;
	} else if (flags->kind == FLAGS_COMPARE && flags->size == 8 && equal &&
		   (in->cond == INSN_EQ || in->cond == INSN_NE)) {
		e.kind = FOLLOW_EQUAL;
		if (!step_tell(f, &n, &e))
			return;
	}
	later(f, &n, va);
}

static void branch(struct follow *f, struct state *s, const struct insn *in)
{
	uint64_t next = in->va + in->size;
	enum verdict v;
	bool alive = true;

	if (in->operands == 2) /* cbz and its like do not touch the flags, but nobody asks later */
		s->flags = (struct flags){FLAGS_TEST, in->operand[0].size,
					  step_operand(f, s, in, &in->operand[0], &alive),
					  value_const(in->operand[1].imm, in->va)};
	v = flags_ask(s, &s->flags, in->cond);
	if (v != VERDICT_NO) {
		if (in->has_target && in_image(f, in->target))
			take(f, s, in->target, in, v, true);
		else
			incomplete(f, FS_UNSUPPORTED, in->va, "a branch out of the image");
	}
	if (v != VERDICT_YES)
		take(f, s, next, in, v, false);
}

/* One instruction. False when the path ends or was put back among the pending ones. */
static bool step(struct follow *f, struct state *s)
{
	struct fs_error err = {0};
	struct insn in;

	if (++f->steps > FOLLOW_MAX_STEPS) {
		incomplete(f, FS_LIMIT, s->va, "too many steps");
		return false;
	}
	if (code_decode(f->source, f->decoder, s->va, &in, &err) != FS_OK) {
		if (f->result->complete) {
			f->result->complete = false;
			f->result->why = err;
		}
		return false;
	}
	switch (in.op) {
	case INSN_JUMP:
		if (is_tail_call(f, s, &in))
			return step_call(f, s, &in, true);
		later(f, s, in.target);
		return false;
	case INSN_JUMP_IF:
		branch(f, s, &in);
		return false;
	case INSN_CALL:
		s->va += in.size;
		return step_call(f, s, &in, false);
	case INSN_RETURN:
		return step_return(f, s, &in);
	case INSN_TRAP:
		return false;
	default:
		s->va += in.size;
		if (in.op == INSN_DATA && f->machine != INSN_ARM64)
			incomplete(f, FS_CORRUPT, in.va, "no instruction");
		return step_insn(f, s, &in);
	}
}

static void walk_paths(struct follow *f)
{
	struct state s;

	while (f->pending.n > 0) {
		s = f->pending.v[--f->pending.n];
		if (!first_time(f, state_hash(&s)))
			continue;
		if (++f->paths > FOLLOW_MAX_PATHS) {
			incomplete(f, FS_LIMIT, s.va, "too many paths");
			return;
		}
		while (step(f, &s))
			;
		if (f->steps > FOLLOW_MAX_STEPS)
			return;
	}
}

enum fs_status follow_function(const struct code_source *s, uint64_t entry, follow_observer observe,
			       void *ctx, struct follow_result *ret, struct fs_error *err)
{
	struct follow f = {.source = s,
			   .machine = s->machine,
			   .observe = observe,
			   .ctx = ctx,
			   .result = ret,
			   .entry = entry};
	enum fs_status status;
	struct state *first;
	struct insn in;

	memset(ret, 0, sizeof(*ret));
	ret->complete = true;
	ret->origins = FOLLOW_FIRST;
	if (s->machine == INSN_X86)
		return fs_fail(err, FS_UNSUPPORTED, "values in 32-bit x86 code are not followed");
	status = insn_decoder_create(s->machine, &f.decoder, err);
	if (status != FS_OK)
		return status;
	f.sp = insn_stack_register(s->machine);
	status = code_decode(s, f.decoder, entry, &in, err);
	if (status == FS_OK) {
		first = vec_push(&f.pending);
		if (first) {
			state_init(&f, first);
			walk_paths(&f);
		} else {
			status = fs_fail(err, FS_NO_MEMORY, "function at 0x%llx: out of memory",
					 (unsigned long long)entry);
		}
	}
	vec_free(&f.pending);
	vec_free(&f.seen);
	insn_decoder_destroy(f.decoder);
	return status;
}
