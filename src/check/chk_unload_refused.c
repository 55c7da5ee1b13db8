/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 16: FilterUnload said no. A refusal of `fltmc unload` leaves no trace in
 * memory at all, so that nothing can be found of it. A mandatory unload (a service
 * stop) leaves FLT_FILTER.Flags bit 0 set when its callback failed or did not
 * unregister the filter (facts: [run], amendment 9): that is what is looked for,
 * with the unload lock free and no PointerCount of an unload that still runs.
 * Look-alikes that stay silent: an unload that waits (21) or runs (20).
 */
#include "check/unload.h"

static void fire(struct check_run *run, size_t i, const struct unload_lock *u)
{
	const struct fs_filter *f = &run->m->filters[i];
	enum fs_confidence c = FS_LIKELY;
	struct fs_finding *fd;
	struct fs_verdict *v;
	evidence_vec ev = {0};

	c = confidence_cap(confidence_cap(c, &f->flags.value), &f->object.pointer_count);
	c = confidence_cap(c, &u->lock->active_count);
	fd = finding_add(run, "unload-refused", c, "filter", f->address, filter_label(run, i));
	if (!fd)
		return;
	/* cause-ids.tsv: a note. The driver of a mandatory one goes all the same (18) */
	fd->severity = FS_ERROR;
	fd->message = run_text(run,
			       "A mandatory unload of %s is over and did not unregister it: its "
			       "FilterUnload failed, or did not call FltUnregisterFilter",
			       fd->subject.name);
	evidence_hex(run, &ev, &f->flags.value, f->address, "FLT_FILTER.Flags",
		     "UnloadInProgress: a mandatory unload was begun");
	evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "not DRAINING: FltUnregisterFilter was not called");
	evidence_hex(run, &ev, &f->object.pointer_count, f->address, "FLT_OBJECT.PointerCount",
		     "none of it is an unload's that runs");
	evidence_hex(run, &ev, &u->lock->active_count, u->lock->address,
		     "FilterUnloadLock.ActiveCount", "nobody holds the frame's unload lock");
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	v = verdict_for(run, i);
	if (!v || v->cause_id)
		return;
	v->state = FS_ST_REFUSED;
	v->cause_id = fd->rule;
	v->cause_title = fd->title;
	v->confidence = fd->confidence;
	v->because = fd->evidence;
	v->nbecause = fd->nevidence;
	v->summary =
		run_text(run,
			 "%s. The I/O manager frees the driver all the same: FltMgr then calls "
			 "code that is gone.",
			 fd->message);
	v->advice = rule_advice(fd->rule);
}

void chk_unload_refused(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_filter *f = &run->m->filters[i];
		const struct unload_lock *u = unload_lock_of(run, i);

		if (run->stages[i] == FS_S0 && in_progress(f) && u->free &&
		    unload_runs(run->m, f) == RUNS_NOT)
			fire(run, i, u);
	}
}
