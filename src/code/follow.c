/* SPDX-License-Identifier: BSD-2-Clause */
/* The paths of a function: depth first, each state once, every bound counted. */
#include "code/follow_impl.h"

#include <stdlib.h>
#include <string.h>

void follow_incomplete(struct follow *f, enum fs_status status, uint64_t va, const char *what)
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
		follow_incomplete(f, FS_NO_MEMORY, f->entry, "out of memory");
		return false;
	}
	memmove(f->seen.v + lo + 1, f->seen.v + lo, (f->seen.n - 1 - lo) * sizeof(*slot));
	f->seen.v[lo] = hash;
	return true;
}

void follow_later(struct follow *f, const struct state *s, uint64_t va)
{
	struct state *n;

	if (f->pending.n >= FOLLOW_MAX_PATHS) {
		follow_incomplete(f, FS_LIMIT, va, "too many paths");
		return;
	}
	n = vec_push(&f->pending);
	if (!n) {
		follow_incomplete(f, FS_NO_MEMORY, va, "out of memory");
		return;
	}
	*n = *s;
	n->va = va;
}

bool follow_in_image(const struct follow *f, uint64_t va)
{
	return va >= f->source->begin && va < f->source->end;
}

/* Out of the function for good: to another image, through a pointer, or with the frame
 * taken down again (a jump inside a function that has a frame keeps it). */
static bool is_tail_call(const struct follow *f, const struct state *s, const struct insn *in)
{
	const struct follow_value *sp = &s->reg[f->sp];

	return !in->has_target || !follow_in_image(f, in->target) ||
	       (s->framed && sp->origin == FOLLOW_STACK && sp->off == 0);
}

/* One instruction. False when the path ends or was put back among the pending ones. */
static bool step(struct follow *f, struct state *s)
{
	struct fs_error err = {0};
	struct insn in;

	if (++f->steps > FOLLOW_MAX_STEPS) {
		follow_incomplete(f, FS_LIMIT, s->va, "too many steps");
		return false;
	}
	if (code_decode(f->source, f->decoder, s->va, &in, &err) != FS_OK) {
		if (f->result->complete) {
			f->result->complete = false;
			f->result->why = err;
		}
		return false;
	}
	if (fork_insn(f, s, &in))
		return false;
	switch (in.op) {
	case INSN_JUMP:
		if (is_tail_call(f, s, &in))
			return step_call(f, s, &in, true);
		follow_later(f, s, in.target);
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
			follow_incomplete(f, FS_CORRUPT, in.va, "no instruction");
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
			follow_incomplete(f, FS_LIMIT, s.va, "too many paths");
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
	status = code_readable(s, entry, err);
	if (status == FS_OK)
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
