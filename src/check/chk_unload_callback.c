/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 20: FilterUnload itself does not come back. FltpDoUnloadFilter holds the
 * frame's FilterUnloadLock while it calls it, and the filter does not drain before
 * FltUnregisterFilter (facts: 20 [code], [run]). Look-alikes that stay silent: the
 * lock's owner is another filter's waiter (21, where this filter is a victim), a
 * DriverEntry that unregisters (19), which takes no lock, and an owner that does not wait
 * (chk_unload_open.c).
 */
#include "check/unload.h"

static enum fs_confidence sure(const struct check_run *run, size_t i, const struct unload_lock *u)
{
	const struct fs_filter *f = &run->m->filters[i];
	enum fs_confidence c = u->filter == (int32_t)i ? u->sure : FS_POSSIBLE;

	c = c < mechanism_known(run) ? c : mechanism_known(run);
	/* a callback that still runs may come back */
	if (u->thread < 0 || !thread_waits(&run->m->threads[u->thread]))
		c = FS_POSSIBLE;
	c = confidence_cap(c, &f->object.flags.value);
	return confidence_cap(c, &u->owner->thread);
}

static const char *what_it_does(struct check_run *run, const struct unload_lock *u, bool ours,
				const struct fs_stack_frame *below)
{
	const struct fs_thread *t = u->thread >= 0 ? &run->m->threads[u->thread] : NULL;
	const char *words = waits_for_words(run, u->thread);
	const char *runs = ours ? "runs it" : "runs an unload of its frame, which may be this one,";

	if (!t)
		return run_text(run, "the thread that %s (0x%llx) was not read", runs,
				(unsigned long long)u->owner->thread.v);
	if (words)
		return run_text(run, "%s %s%s and waits for %s", thread_label(run, u->thread), runs,
				blocked_below_words(run, u->thread, below), words);
	return run_text(run, "%s %s%s%s", thread_label(run, u->thread), runs,
			t->state_name ? " and is " : "", t->state_name ? t->state_name : "");
}

static void fire(struct check_run *run, size_t i, const struct unload_lock *u)
{
	const struct fs_filter *f = &run->m->filters[i];
	struct fs_subject culprit = {"thread", u->owner->thread.v, ""};
	const struct fs_stack_frame *below = NULL;
	const char *symbol;
	struct on_stack s;
	struct fs_finding *fd;
	evidence_vec ev = {0};
	int32_t module;
	bool gone, ours = u->filter == (int32_t)i;

	module = filter_code_module(run->m, f, &gone, &symbol);
	if (module >= 0)
		below = stack_blocked_below(run, u->thread, module);
	fd = finding_add(run, "unload-callback-blocked", sure(run, i, u), "filter", f->address,
			 filter_label(run, i));
	if (!fd)
		return;
	fd->message = run_text(run, "The FilterUnload callback of %s %s come back: %s",
			       fd->subject.name, ours ? "has not" : "may not have",
			       what_it_does(run, u, ours, below));
	evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "not DRAINING: FltUnregisterFilter was not reached");
	evidence_hex(run, &ev, &u->owner->thread, u->lock->address, "FilterUnloadLock.OwnerThread",
		     "the thread that runs an unload of this frame");
	evidence_hex(run, &ev, &f->object.pointer_count, f->address, "FLT_OBJECT.PointerCount",
		     "an unload that runs has one of it");
	wait_evidence(run, &ev, u->thread);
	if (module >= 0 && u->thread >= 0) {
		s = stack_code_of(&run->m->threads[u->thread], module, run->m->fltmgr_module);
		frame_evidence(run, &ev, s.frame, "the driver's code, on the thread's stack");
		frame_evidence(run, &ev, s.caller, "FltMgr, which called it");
		frame_evidence(run, &ev, below,
			       "another driver below it, in which the thread is blocked");
	}
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	/* in a cycle of waits (22) it is a finding beside that cause */
	if (pending_verdict(run, i) && !cycle_explains(run, i))
		verdict_cause(run, i, fd, 0, culprit);
}

void chk_unload_callback(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_filter *f = &run->m->filters[i];
		const struct unload_lock *u = unload_lock_of(run, i);

		if (run->stages[i] != FS_S0 || !u->held)
			continue;
		/* one that does not wait hangs nowhere */
		if (u->thread >= 0 && thread_is_up(&run->m->threads[u->thread]))
			continue;
		/* whose unload the owner runs is not known: it may be any that was begun */
		if (u->filter == (int32_t)i ||
		    (u->filter < 0 && in_progress(f) && unload_runs(run, i) != RUNS_NOT))
			fire(run, i, u);
	}
}
