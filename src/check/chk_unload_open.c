/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No rule of its own: an owned FilterUnloadLock is an unload under way (facts: section 0,
 * [run]). Where no rule could say what that unload does, it is told here, and nothing
 * is decided: the owner does not wait (it hangs nowhere, in this picture), or nothing
 * tells which filter's unload it runs.
 */
#include "check/unload.h"

static const char advice[] =
	"A dump taken a minute later tells an unload that goes on from one that hangs. The stack "
	"of the lock's owner (fltscope's `k` command) shows which driver it is in.";

/* "thread 0x… (System, 4.34), which has waited for 18 minutes for …" */
static const char *owner_words(struct check_run *run, const struct unload_lock *u)
{
	const char *words = waits_for_words(run, u->thread), *label;
	const struct fs_thread *t = u->thread >= 0 ? &run->m->threads[u->thread] : NULL;

	if (!u->held)
		return "a thread that was not read";
	if (!t)
		return run_text(run, "thread 0x%llx, which was not read",
				(unsigned long long)u->owner->thread.v);
	label = thread_label(run, u->thread);
	if (thread_waits(t))
		return run_text(run, "%s, which waits%s for %s", label,
				waited_words(run, u->thread), words ? words : "what was not read");
	return run_text(run, "%s, which %s%s", label,
			thread_is_up(t) ? "does not wait: it is "
			: t->state_name ? "is "
					: "is in a state that was not read",
			t->state_name ? t->state_name : "");
}

static void lock_evidence(struct check_run *run, evidence_vec *ev, const struct unload_lock *u)
{
	evidence_hex(run, ev, &u->lock->active_count, u->lock->address,
		     "FilterUnloadLock.ActiveCount", "an unload of this frame is under way");
	if (u->held)
		evidence_hex(run, ev, &u->owner->thread, u->lock->address,
			     "FilterUnloadLock.OwnerThread", "the thread that runs it");
	wait_evidence(run, ev, u->thread);
}

static void owner_is(struct check_run *run, struct fs_verdict *v, const struct unload_lock *u)
{
	if (!u->held)
		return;
	v->culprit = (struct fs_subject){"thread", u->owner->thread.v, ""};
	if (u->thread < 0 || !thread_waits(&run->m->threads[u->thread]))
		return;
	v->waiter_thread = run->m->threads[u->thread].address;
	v->waiter_sure = confidence_cap(FS_PROVED, &u->owner->thread);
}

/* --- the filter is known, and its unload's thread does not wait ---------------------- */

static void goes_on(struct check_run *run, size_t i, const struct unload_lock *u)
{
	struct fs_verdict *v;
	evidence_vec ev = {0};

	if (verdict_exists(run, i))
		return;
	v = pending_verdict(run, i);
	if (!v)
		return;
	v->summary = run_text(run,
			      "The unload of %s was begun and is not done: the unload lock of its "
			      "frame (0x%llx) is held for it by %s.",
			      v->name, (unsigned long long)u->lock->address, owner_words(run, u));
	v->advice = advice;
	lock_evidence(run, &ev, u);
	evidence_hex(run, &ev, &run->m->filters[i].object.flags.value, run->m->filters[i].address,
		     "FLT_OBJECT.Flags", "not DRAINING: FltUnregisterFilter was not reached");
	v->because = evidence_take(run, &ev, &v->nbecause);
	owner_is(run, v, u);
	not_checked_add(run, "unload-callback-blocked",
			"the thread that runs the unload did not wait when the dump was taken");
}

/* --- the filter is not known ------------------------------------------------------- */

/* Those that it can be; when nothing shows one, any filter of the frame that is in S0 or was
 * not read. */
static bool meant(const struct check_run *run, const struct unload_lock *u, size_t i, bool any)
{
	if (!any)
		return unload_may_be(run, u, i);
	return unload_lock_of(run, i) == u &&
	       (run->stages[i] == FS_S0 || run->stages[i] == FS_STAGE_UNKNOWN);
}

static size_t count(const struct check_run *run, const struct unload_lock *u, bool any)
{
	size_t i, n = 0;

	for (i = 0; i < run->m->nfilters; i++)
		n += meant(run, u, i, any);
	return n;
}

static bool take_candidates(struct check_run *run, struct fs_verdict *v,
			    const struct unload_lock *u, bool any)
{
	uint64_t *c = arena_alloc(run->a, (count(run, u, any) + 1) * sizeof(*c));
	size_t i;

	if (!c) {
		run->out_of_memory = true;
		return false;
	}
	v->candidates = c;
	for (i = 0; i < run->m->nfilters; i++)
		if (meant(run, u, i, any))
			c[v->ncandidates++] = run->m->filters[i].address;
	return true;
}

static const char *whose(struct check_run *run, const struct unload_lock *u)
{
	const char *unread = frame_seen(run, (size_t)(u - run->unloads))
				     ? ""
				     : ", or of a filter of the frame that was not read";
	const char *names = "";
	size_t i, n = 0, all = count(run, u, false);

	for (i = 0; i < run->m->nfilters && n < EVIDENCE_MAX; i++)
		if (unload_may_be(run, u, i)) {
			names = run_text(run, "%s%s%s%s", names, n ? " or " : "",
					 filter_label(run, i),
					 run->stages[i] == FS_S5 ? " (unregistered already)" : "");
			n++;
		}
	if (!n)
		return *unread ? "not every filter of the frame was read"
			       : "no filter's PointerCount shows an unload at work";
	return run_text(run, "it may be that of %s%s%s", names,
			all > n ? run_text(run, ", or of %zu more", all - n) : "", unread);
}

static void candidate_evidence(struct check_run *run, evidence_vec *ev, const struct unload_lock *u)
{
	size_t i, n = 0;

	for (i = 0; i < run->m->nfilters && n < EVIDENCE_MAX; i++) {
		const struct fs_filter *f = &run->m->filters[i];

		if (!unload_may_be(run, u, i))
			continue;
		n++;
		evidence_hex(run, ev, &f->object.pointer_count, f->address,
			     "FLT_OBJECT.PointerCount",
			     run_text(run,
				      "%s: an unload that runs has one of it, a handle on the "
				      "filter too",
				      filter_label(run, i)));
	}
}

static const char *frame_name(struct check_run *run, size_t frame)
{
	const struct fs_frame *f = &run->m->frames[frame];

	return fs_is_read(&f->id) ? run_text(run, "Frame %llu", (unsigned long long)f->id.v)
				  : run_text(run, "Frame 0x%llx", (unsigned long long)f->address);
}

static void not_known(struct check_run *run, size_t frame, const struct unload_lock *u, bool any)
{
	struct fs_verdict *v = vec_push(&run->verdicts);
	evidence_vec ev = {0};

	if (!v) {
		run->out_of_memory = true;
		return;
	}
	v->frame = run->m->frames[frame].address;
	v->name = frame_name(run, frame);
	v->driver = "";
	v->culprit.name = "";
	v->state = FS_ST_UNKNOWN;
	v->stage = FS_STAGE_UNKNOWN;
	v->confidence = FS_POSSIBLE;
	v->summary = run_text(run,
			      "An unload is under way in %s and is not done: its unload lock "
			      "(0x%llx) is held by %s. Whose unload it is is not known: %s.",
			      v->name, (unsigned long long)u->lock->address, owner_words(run, u),
			      whose(run, u));
	v->advice = advice;
	lock_evidence(run, &ev, u);
	candidate_evidence(run, &ev, u);
	v->because = evidence_take(run, &ev, &v->nbecause);
	if (!take_candidates(run, v, u, any))
		return;
	owner_is(run, v, u);
	not_checked_add(run, "unload-callback-blocked",
			"an unload is under way, and whose it is is not known");
	not_checked_add(run, "blocked-by-other-unload",
			"an unload is under way, and whose it is is not known");
}

/* A verdict of each filter that it can be says the same; but a leftover's says nothing of a
 * thread that still waits. */
static bool told(const struct check_run *run, const struct unload_lock *u)
{
	size_t i;

	if (!u->drains && !u->live && u->thread >= 0 && thread_waits(&run->m->threads[u->thread]))
		return false;
	for (i = 0; i < run->m->nfilters; i++)
		if (unload_may_be(run, u, i) && !verdict_exists(run, i))
			return false;
	return true;
}

void chk_unload_open(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nframes; i++) {
		const struct unload_lock *u = &run->unloads[i];
		bool none = count(run, u, false) == 0;

		if (!unload_under_way(u))
			continue;
		if (u->filter < 0 && (none || !told(run, u)))
			not_known(run, i, u, none);
		else if (u->filter >= 0 && run->stages[u->filter] == FS_S0 && u->thread >= 0 &&
			 thread_is_up(&run->m->threads[u->thread]))
			goes_on(run, (size_t)u->filter, u);
	}
}
