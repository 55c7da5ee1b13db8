/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 21: a victim. Another filter's unload holds the frame's FilterUnloadLock, and
 * this one's waits for it: DRAINING is clear, and PointerCount has the unload's own
 * (facts: 21; [run]: held over the whole unload). Who waits is not named by the
 * lock on every build; it is proved when as many wait as unloads were begun, and this one
 * is known to be begun: a user's handle on a filter has a PointerCount as well.
 */
#include "check/unload.h"

#include <string.h>

/* May a second unload of the owner's filter wait as well? Each has a PointerCount. */
static bool owner_waits_too(const struct fs_filter *f)
{
	const struct fs_value *p = &f->object.pointer_count, *c = &f->connection_count;

	return fs_is_read(p) && fs_is_read(c) && p->v > c->v && p->v - 1 - c->v >= 2;
}

/* A filter of the frame that an unload may be at work on, but the owner's. */
static bool candidate(const struct check_run *run, size_t i, const struct unload_lock *u)
{
	const struct fs_filter *f = &run->m->filters[i];
	enum runs r = unload_runs(run, i);

	return run->stages[i] == FS_S0 && u->filter != (int32_t)i &&
	       (r == RUNS_MAYBE || (r == RUNS_UNKNOWN && in_progress(f)));
}

static size_t candidates(const struct check_run *run, size_t like, const struct unload_lock *u)
{
	size_t i, n = 0;

	for (i = 0; i < run->m->nfilters; i++)
		n += run->m->filters[i].frame == run->m->filters[like].frame &&
		     candidate(run, i, u);
	if (u->filter >= 0)
		n += owner_waits_too(&run->m->filters[u->filter]);
	return n;
}

/* As many unloads of the frame were asked for as threads wait: none is left for a filter of
 * which nothing says so. */
static bool all_claimed(const struct check_run *run, const struct unload_lock *u, size_t like,
			uint64_t waiting)
{
	size_t i, n = 0;

	for (i = 0; i < run->m->nfilters; i++)
		n += run->m->filters[i].frame == run->m->filters[like].frame &&
		     candidate(run, i, u) && unload_asked(run, i);
	return n >= waiting;
}

/* How many wait for it exclusively; false: not read. */
static bool waiters(const struct fs_lock *l, uint64_t *ret)
{
	*ret = l->exclusive_count.v;
	return fs_is_read(&l->exclusive_count) && !l->exclusive_count.unproved;
}

static enum fs_confidence sure(const struct check_run *run, size_t i, const struct unload_lock *u)
{
	const struct fs_filter *f = &run->m->filters[i];
	enum fs_confidence c = mechanism_known(run);
	uint64_t n;

	if (!waiters(u->lock, &n) || n != candidates(run, i, u) ||
	    unload_runs(run, i) != RUNS_MAYBE)
		c = in_progress(f) ? FS_LIKELY : FS_POSSIBLE;
	/* a handle on the filter has a PointerCount as an unload has; the waiter may be of another */
	if (!in_progress(f) && c > (unload_asked(run, i) ? FS_LIKELY : FS_POSSIBLE))
		c = unload_asked(run, i) ? FS_LIKELY : FS_POSSIBLE;
	/* the waiter may be of one that was not read */
	if (c > FS_LIKELY && !frame_seen(run, (size_t)f->frame))
		c = FS_LIKELY;
	if (u->filter < 0)
		c = FS_POSSIBLE;
	else if (u->sure < c)
		c = u->sure;
	c = confidence_cap(c, &f->object.flags.value);
	c = confidence_cap(c, &f->object.pointer_count);
	return confidence_cap(c, &u->owner->thread);
}

/* The one waiter, when there is no other candidate that it could be of. */
static int32_t thread_of(const struct check_run *run, size_t i, const struct unload_lock *u)
{
	return u->lock->nwaiters == 1 && candidates(run, i, u) == 1 ? u->lock->waiters[0].thread
								    : -1;
}

static struct fs_evidence *premises(struct check_run *run, size_t i, const struct unload_lock *u,
				    size_t *ret_n)
{
	const struct fs_filter *f = &run->m->filters[i];
	const struct fs_lock *l = u->lock;
	evidence_vec ev = {0};
	struct waiter w;
	size_t k;

	evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "not DRAINING: its unload has not begun its work");
	evidence_hex(run, &ev, &f->object.pointer_count, f->address, "FLT_OBJECT.PointerCount",
		     "an unload that runs has one of it, a handle on the filter too");
	evidence_hex(run, &ev, &u->owner->thread, l->address, "FilterUnloadLock.OwnerThread",
		     "the thread that holds the frame's unload lock");
	if (fs_is_read(&l->exclusive_count))
		evidence_add(run, &ev, &l->exclusive_count, l->address,
			     "FilterUnloadLock.NumberOfExclusiveWaiters", "so many wait for it",
			     "%llu", (unsigned long long)l->exclusive_count.v);
	/* what a stack alone shows is no premise: the waiter is told with how sure that is */
	for (k = 0; k < l->nwaiters && k < EVIDENCE_MAX; k++)
		if (l->waiters[k].how != FS_WAITER_STACK)
			lock_waiter_evidence(
				run, &ev, &l->waiters[k],
				run_text(run, "%s waits for it",
					 thread_label(run, l->waiters[k].thread)));
	if (u->filter >= 0) {
		w = waiter_of(run, (size_t)u->filter);
		evidence_hex(run, &ev, &run->m->filters[u->filter].object.rundown.raw,
			     run->m->filters[u->filter].address, "FLT_OBJECT.RundownRef",
			     "the filter whose unload that thread runs");
		waiter_evidence(run, &ev, &w);
	}
	return evidence_take(run, &ev, ret_n);
}

static void accuse(struct check_run *run, size_t i, const struct unload_lock *u,
		   const struct fs_finding *fd)
{
	struct fs_subject culprit = {"thread", u->owner->thread.v, ""};
	struct fs_verdict *v = pending_verdict(run, i);
	int32_t t = thread_of(run, i, u);

	if (!v)
		return;
	if (u->filter >= 0)
		culprit = (struct fs_subject){"filter", run->m->filters[u->filter].address,
					      filter_label(run, (size_t)u->filter)};
	verdict_cause(run, i, fd, 0, culprit);
	v = verdict_for(run, i);
	if (!v || v->cause_id != fd->rule)
		return;
	v->advice = fd->advice;
	v->culprit_thread = u->owner->thread.v;
	if (t >= 0) {
		v->waiter_thread = run->m->threads[t].address;
		v->waiter_sure = u->lock->waiters[0].how == FS_WAITER_STACK ? FS_LIKELY : FS_PROVED;
		/* whose wait it is follows from the finding: it is no surer */
		if (v->waiter_sure > fd->confidence)
			v->waiter_sure = fd->confidence;
	}
}

/* The owner's filter, told from one of the same name by its address. */
static const char *owner_label(struct check_run *run, const struct unload_lock *u,
			       const struct fs_finding *fd)
{
	const char *name = filter_label(run, (size_t)u->filter);

	return strcmp(name, fd->subject.name) != 0
		       ? name
		       : run_text(run, "%s 0x%llx", name,
				  (unsigned long long)run->m->filters[u->filter].address);
}

static const char *in_words(struct check_run *run, const struct unload_lock *u,
			    const struct fs_finding *fd, bool asked)
{
	const char *holder;

	if (u->filter < 0)
		return run_text(
			run,
			"It may wait for the unload lock of its frame, which thread 0x%llx holds "
			"for an unload that is not known",
			(unsigned long long)u->owner->thread.v);
	holder = run_text(run, "the unload of %s holds (%s, stage %s)",
			  owner_label(run, u, fd),
			  u->thread >= 0 ? thread_label(run, u->thread)
					 : run_text(run, "thread 0x%llx",
						    (unsigned long long)u->owner->thread.v),
			  fs_stage_name(run->stages[u->filter]));
	if (!asked)
		return run_text(run,
				"Nothing says that its unload was asked for. If it was, it may "
				"wait for the unload lock of its frame, which %s; a handle on the "
				"filter looks the same",
				holder);
	if (fd->confidence == FS_POSSIBLE)
		return run_text(run, "It may wait for the unload lock of its frame, which %s",
				holder);
	return run_text(run,
			"It waits for the unload lock of its frame, which %s. Nothing is wrong "
			"with %s: %s %s",
			holder, fd->subject.name,
			u->thread >= 0 && thread_is_up(&run->m->threads[u->thread])
				? "it goes on after"
				: "what hangs is",
			owner_label(run, u, fd));
}

static void fire(struct check_run *run, size_t i, const struct unload_lock *u)
{
	const struct fs_filter *f = &run->m->filters[i];
	struct fs_finding *fd = finding_add(run, "blocked-by-other-unload", sure(run, i, u),
					    "filter", f->address, filter_label(run, i));

	if (!fd)
		return;
	if (u->filter < 0)
		fd->advice = "Look at the thread that holds the lock (fltscope's `k` command shows "
			     "its stack): once its unload is done, this one goes on.";
	fd->message = in_words(run, u, fd, unload_asked(run, i));
	fd->evidence = premises(run, i, u, &fd->nevidence);
	/* nobody is known to wait for this filter's unload */
	if (unload_asked(run, i))
		accuse(run, i, u, fd);
}

void chk_other_unload(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct unload_lock *u = unload_lock_of(run, i);
		uint64_t n;

		if (!u->held || !candidate(run, i, u) || (waiters(u->lock, &n) && !n))
			continue;
		/* a handle on a filter looks like this; an unload that was begun does not */
		if (u->filter < 0 && !in_progress(&run->m->filters[i]))
			continue;
		/* nor one, when the waiter may be a second unload of the owner's filter */
		if (u->filter >= 0 && !unload_asked(run, i) &&
		    owner_waits_too(&run->m->filters[u->filter]))
			continue;
		if (!unload_asked(run, i) && waiters(u->lock, &n) && all_claimed(run, u, i, n))
			continue;
		fire(run, i, u);
	}
}
