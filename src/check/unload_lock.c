/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FLTP_FRAME.FilterUnloadLock: one for each frame, held exclusively over the whole
 * unload of a filter (facts: unload-causes.md section 0, [run]). Whose unload its
 * owner runs follows from the filter whose rundown the owner waits for; else from
 * the only filter that is being unloaded at all.
 */
#include "check/unload.h"

#include <stdlib.h>
#include <string.h>

static const struct unload_lock unread = {.thread = -1, .filter = -1, .sure = FS_POSSIBLE};

const struct unload_lock *unload_lock_of(const struct check_run *run, size_t filter)
{
	int32_t frame = run->m->filters[filter].frame;

	return frame >= 0 && run->unloads ? &run->unloads[frame] : &unread;
}

enum fs_confidence mechanism_known(const struct check_run *run)
{
	return run->m->rundown_accounting ? FS_PROVED : FS_LIKELY;
}

bool in_progress(const struct fs_filter *f)
{
	return fs_has(&f->flags.value, FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS);
}

struct ccb {
	size_t filter;
	uint64_t address;
};

static int by_filter(const void *a, const void *b)
{
	const struct ccb *x = a, *y = b;

	if (x->filter != y->filter)
		return x->filter < y->filter ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* FilterCreate's and FilterFindFirst's handles on each filter that were found: each FLT_CCB has
 * one PointerCount, however many handles lead to it. */
static bool count_user_handles(struct check_run *run)
{
	const struct fs_model *m = run->m;
	struct ccb *v = malloc((m->nhandles + 1) * sizeof(*v));
	size_t i, n = 0;

	run->user_handles = arena_alloc(run->a, (m->nfilters + 1) * sizeof(*run->user_handles));
	if (!v || !run->user_handles) {
		free(v);
		return false;
	}
	for (i = 0; i < m->nhandles; i++) {
		const struct fs_handle *h = &m->handles[i];

		if (h->kind == FS_HANDLE_FILTER && h->ccb && h->index >= 0 &&
		    (size_t)h->index < m->nfilters)
			v[n++] = (struct ccb){(size_t)h->index, h->ccb};
	}
	if (n)
		qsort(v, n, sizeof(*v), by_filter);
	for (i = 0; i < n; i++)
		run->user_handles[v[i].filter] += i == 0 || by_filter(&v[i - 1], &v[i]) != 0;
	free(v);
	return true;
}

/* 1 is the registration's, one for each server port, one for each user's handle; what is more
 * may be the unload's. */
enum runs unload_runs(const struct check_run *run, size_t filter)
{
	const struct fs_filter *f = &run->m->filters[filter];
	const struct fs_value *p = &f->object.pointer_count;

	if (!fs_is_read(p) || p->unproved)
		return RUNS_UNKNOWN;
	if (p->v <= 1)
		return RUNS_NOT;
	if (!fs_is_read(&f->connection_count) || f->connection_count.unproved)
		return RUNS_UNKNOWN;
	if (p->v - 1 <= f->connection_count.v)
		return RUNS_NOT;
	return p->v - 1 - f->connection_count.v > run->user_handles[filter] ? RUNS_MAYBE : RUNS_NOT;
}

static bool draining(const struct check_run *run, size_t i)
{
	const struct fs_value *v = &run->m->filters[i].object.flags.value;

	return fs_has(v, FS_OBJ_DRAINING) && fs_lacks(v, FS_OBJ_ZOMBIED);
}

static void filter_is(struct unload_lock *u, size_t filter, enum fs_confidence c)
{
	u->filter = (int32_t)filter;
	u->sure = c;
}

/* The filter whose rundown the owner waits for. */
static bool by_wait(struct check_run *run, struct unload_lock *u, size_t frame)
{
	size_t i;

	for (i = 0; u->thread >= 0 && i < run->m->nfilters; i++) {
		struct waiter w;

		if (run->m->filters[i].frame != (int32_t)frame || !draining(run, i))
			continue;
		w = waiter_of(run, i);
		if (w.thread == u->thread && w.block) {
			filter_is(u, i, w.sure);
			return true;
		}
	}
	return false;
}

/* Code of the filter's module that FltMgr called, on the owner's stack. */
static bool by_stack(struct check_run *run, struct unload_lock *u, size_t frame)
{
	const struct fs_model *m = run->m;
	enum fs_confidence sure = FS_POSSIBLE;
	int32_t found = -1;
	size_t i;

	for (i = 0; u->thread >= 0 && i < m->nfilters; i++) {
		const char *symbol;
		struct on_stack s;
		int32_t module;
		bool gone;

		if (m->filters[i].frame != (int32_t)frame ||
		    fs_has(&m->filters[i].object.flags.value, FS_OBJ_ZOMBIED))
			continue;
		module = filter_code_module(m, &m->filters[i], &gone, &symbol);
		if (module < 0 || module == m->fltmgr_module)
			continue;
		s = stack_code_of(&m->threads[u->thread], module, m->fltmgr_module);
		if (!s.frame)
			continue;
		if (found >= 0)
			return false;
		found = (int32_t)i;
		sure = s.sure;
	}
	if (found < 0)
		return false;
	filter_is(u, (size_t)found, sure);
	return true;
}

/* Is it being unregistered, by nobody who is known to be another thread? */
static bool drains_unseen(const struct check_run *run, const struct unload_lock *u, size_t i)
{
	struct waiter w;

	if (!draining(run, i))
		return false;
	w = waiter_of(run, i);
	return u->thread < 0 || w.thread < 0 || w.thread == u->thread;
}

/* Was every filter of the frame reached, and is it known how far each is? Else the owner's
 * may be among the others. */
bool frame_seen(const struct check_run *run, size_t frame)
{
	const struct fs_list *l = &run->m->frames[frame].filters;
	size_t i;

	for (i = 0; i < run->m->nfilters; i++)
		if (run->m->filters[i].frame == (int32_t)frame &&
		    run->stages[i] == FS_STAGE_UNKNOWN)
			return false;
	return l->stop == FS_STOP_CLOSED && !l->wrong_at;
}

static bool in_s0(const struct check_run *run, size_t i)
{
	return run->stages[i] == FS_S0 && unload_runs(run, i) != RUNS_NOT;
}

bool unload_may_be(const struct check_run *run, const struct unload_lock *u, size_t filter)
{
	const struct fs_filter *f = &run->m->filters[filter];

	if (unload_lock_of(run, filter) != u)
		return false;
	if (u->drains)
		return drains_unseen(run, u, filter);
	/* the lock is held to the end, when the filter is ZOMBIED already */
	return u->live ? in_s0(run, filter)
		       : run->stages[filter] == FS_S5 && !fs_lacks(&f->object.pointer_count, UINT64_MAX);
}

bool unload_under_way(const struct unload_lock *u)
{
	return u->lock && u->lock->exclusive && !u->free;
}

/* The only filter that it can be: of those that drain, else of those in S0. */
static void by_exclusion(struct check_run *run, struct unload_lock *u, size_t frame)
{
	size_t i, n = 0, last = 0;
	bool sure = frame_seen(run, frame);

	if (!u->drains && !u->live)
		return;
	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_filter *f = &run->m->filters[i];

		if (!unload_may_be(run, u, i))
			continue;
		/* one that nothing is known of is a candidate only when it was begun */
		if (!u->drains && unload_runs(run, i) == RUNS_UNKNOWN && !in_progress(f)) {
			sure = false;
			continue;
		}
		last = i;
		n++;
	}
	/* of those in S0 a PointerCount alone names none while one of the frame was not read */
	if (n == 1 && (sure || u->drains || in_progress(&run->m->filters[last])))
		filter_is(u, last, sure ? FS_LIKELY : FS_POSSIBLE);
}

static void read_lock(const struct fs_model *m, const struct fs_frame *f, struct unload_lock *u)
{
	const struct fs_lock *l =
		f->filter_unload_lock ? fs_lock_at(m, f->filter_unload_lock) : NULL;
	size_t i;

	*u = unread;
	if (!l || !fs_is_read(&l->active_count))
		return;
	u->lock = l;
	u->free = l->active_count.v == 0;
	for (i = 0; !u->free && l->exclusive && i < l->nowners; i++)
		if (fs_has(&l->owners[i].thread, UINT64_MAX)) {
			u->held = true;
			u->owner = &l->owners[i];
			u->thread = l->owners[i].is_thread ? l->owners[i].index : -1;
			break;
		}
}

static void count_candidates(const struct check_run *run, struct unload_lock *u, size_t frame)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		if (run->m->filters[i].frame != (int32_t)frame)
			continue;
		u->drains += drains_unseen(run, u, i);
		u->live += in_s0(run, i);
	}
}

bool make_unload_locks(struct check_run *run)
{
	const struct fs_model *m = run->m;
	struct unload_lock *u = arena_alloc(run->a, (m->nframes + 1) * sizeof(*u));
	size_t i;

	if (!u || !count_user_handles(run))
		return false;
	for (i = 0; i < m->nframes; i++)
		read_lock(m, &m->frames[i], &u[i]);
	run->unloads = u;
	return true;
}

void name_unload_locks(struct check_run *run)
{
	struct unload_lock *u = run->unloads;
	size_t i;

	for (i = 0; i < run->m->nframes; i++) {
		if (!unload_under_way(&u[i]))
			continue;
		count_candidates(run, &u[i], i);
		if (u[i].held && !by_wait(run, &u[i], i) && !by_stack(run, &u[i], i))
			by_exclusion(run, &u[i], i);
	}
}
