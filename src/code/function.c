/* SPDX-License-Identifier: BSD-2-Clause */
#include "code/function.h"

#include <string.h>

#include "base/checked.h"

struct walker {
	const struct code_source *source;
	struct insn_decoder *decoder;
	struct code_function *fn;
	uint64_t entry, begin, end;
	VEC(uint64_t) pending;
};

void code_function_deinit(struct code_function *fn)
{
	vec_free(&fn->lines);
}

/* Where va is, or where it would be put. */
static bool find(const struct code_function *fn, uint64_t va, size_t *ret)
{
	size_t lo = 0, hi = fn->lines.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (fn->lines.v[mid].va < va)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret = lo;
	return lo < fn->lines.n && fn->lines.v[lo].va == va;
}

static void incomplete(struct walker *w, enum fs_status status, uint64_t va, const char *what)
{
	if (!w->fn->complete)
		return;
	w->fn->complete = false;
	(void)fs_fail_at(&w->fn->why, status, va, "function at 0x%llx: %s at 0x%llx",
			 (unsigned long long)w->entry, what, (unsigned long long)va);
}

static bool belongs(const struct walker *w, uint64_t target, bool conditional)
{
	if (target < w->source->begin || target >= w->source->end)
		return false;
	if (w->begin != w->end)
		return conditional || (target >= w->begin && target < w->end);
	return conditional || (target >= w->entry && target - w->entry < CODE_NEAR);
}

static bool later(struct walker *w, uint64_t va)
{
	uint64_t *p = vec_push(&w->pending);

	if (!p) {
		incomplete(w, FS_NO_MEMORY, va, "out of memory");
		return false;
	}
	*p = va;
	return true;
}

/* One instruction into the list. False when this run of code ends. */
static bool take(struct walker *w, uint64_t va, uint64_t *next)
{
	struct fs_error err = {0};
	struct code_line *line;
	struct insn in;
	size_t at;

	if (find(w->fn, va, &at))
		return false;
	if (w->fn->lines.n >= CODE_MAX_INSNS) {
		incomplete(w, FS_LIMIT, va, "too many instructions");
		return false;
	}
	if (code_decode(w->source, w->decoder, va, &in, &err) != FS_OK) {
		if (w->fn->complete)
			w->fn->why = err;
		w->fn->complete = false;
		return false;
	}
	line = vec_push(&w->fn->lines);
	if (!line) {
		incomplete(w, FS_NO_MEMORY, va, "out of memory");
		return false;
	}
	memmove(w->fn->lines.v + at + 1, w->fn->lines.v + at,
		(w->fn->lines.n - 1 - at) * sizeof(*line));
	w->fn->lines.v[at] = (struct code_line){va, in.size};
	if (in.op == INSN_DATA && in.machine != INSN_ARM64) {
		incomplete(w, FS_CORRUPT, va, "no instruction");
		return false;
	}
	if (in.has_target && in.op != INSN_CALL && belongs(w, in.target, in.op == INSN_JUMP_IF) &&
	    !later(w, in.target))
		return false;
	return !insn_ends_flow(&in) && add_u64(va, in.size, next);
}

enum fs_status code_function_walk(const struct code_source *s, uint64_t entry, uint64_t begin,
				  uint64_t end, struct code_function *ret, struct fs_error *err)
{
	struct walker w = {.source = s, .fn = ret, .entry = entry, .begin = begin, .end = end};
	enum fs_status status = code_readable(s, entry, err);
	struct insn first;
	uint64_t va;

	if (status == FS_OK)
		status = insn_decoder_create(s->machine, &w.decoder, err);
	if (status != FS_OK)
		return status;
	ret->complete = true;
	status = code_decode(s, w.decoder, entry, &first, err);
	if (status == FS_OK && !later(&w, entry))
		status = fs_fail(err, FS_NO_MEMORY, "function at 0x%llx: out of memory",
				 (unsigned long long)entry);
	while (status == FS_OK && w.pending.n > 0) {
		va = w.pending.v[--w.pending.n];
		while (take(&w, va, &va))
			;
	}
	vec_free(&w.pending);
	insn_decoder_destroy(w.decoder);
	return status;
}
