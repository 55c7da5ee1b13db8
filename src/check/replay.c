/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FltpMiniFilterDriverUnload, replayed: FrameList forwards, each frame's
 * RegisteredFilters forwards, first filter with this DriverObject whose
 * FltObjectReference succeeds. Source: the article's listing (Windows 7 SP1)
 * and the disassembly of 17763, 19041 and 22000 (facts: unload-causes.md 0, 27).
 */
#include "check/check.h"

#include <stdlib.h>
#include <string.h>

enum reference replay_reference(const struct fs_filter *f)
{
	const struct fs_rundown *r = &f->object.rundown;

	switch (r->state) {
	case FS_RUNDOWN_ACTIVE:
		return REFERENCE_TAKES;
	case FS_RUNDOWN_DRAINED:
	case FS_RUNDOWN_WAITING:
		/* bit 0 set: ExAcquireRundownProtection refuses */
		return REFERENCE_FAILS;
	default:
		return REFERENCE_UNKNOWN;
	}
}

struct walk_state {
	VEC(size_t) match;
	size_t certain;
	bool sure; /* nothing before this point could be another match */
};

static bool visit(struct walk_state *w, const struct fs_model *m, size_t filter, uint64_t object)
{
	const struct fs_filter *f = &m->filters[filter];
	size_t *p;

	if (!fs_is_read(&f->driver_object)) {
		w->sure = false;
		return true;
	}
	if (f->driver_object.v != object)
		return true;
	p = vec_push(&w->match);
	if (!p)
		return false;
	*p = filter;
	if (w->sure)
		w->certain = w->match.n;
	return true;
}

bool replay_walk(struct check_run *run, uint64_t object, struct replay *ret)
{
	const struct fs_model *m = run->m;
	struct walk_state w = {.sure = true};
	bool ok = true;
	size_t i, k;

	for (i = 0; ok && i < m->nframes; i++) {
		const struct fs_list *l = &m->frames[i].filters;

		/* entries reached only backwards are met after a stretch nobody has seen */
		if (i >= m->frame_list.forward || m->frame_list.wrong_at || l->wrong_at)
			w.sure = false;
		for (k = 0; ok && k < l->n; k++) {
			if (k >= l->forward)
				w.sure = false;
			ok = visit(&w, m, l->entries[k], object);
		}
		if (l->stop != FS_STOP_CLOSED || l->forward != l->n)
			w.sure = false;
	}
	ret->n = w.match.n;
	ret->certain = w.certain;
	ret->match = NULL;
	if (ok && w.match.n > 0) {
		ret->match = arena_alloc(run->a, w.match.n * sizeof(*ret->match));
		ok = ret->match != NULL;
		if (ok)
			memcpy(ret->match, w.match.v, w.match.n * sizeof(*ret->match));
	}
	vec_free(&w.match);
	if (!ok)
		run->out_of_memory = true;
	return ok;
}
