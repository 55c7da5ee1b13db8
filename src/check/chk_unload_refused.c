/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 16: FilterUnload said no. A refusal of `fltmc unload` leaves no trace in
 * memory at all, so that nothing can be found of it. A mandatory unload (a service
 * stop) leaves FLT_FILTER.Flags bit 0 set when its callback failed or did not
 * unregister the filter (facts: [run], amendment 9): that is what is looked for,
 * with the unload lock free and no PointerCount of an unload that still runs. A mandatory
 * unload comes through DriverUnload, so DRVO_UNLOAD_INVOKED is set then: without it the
 * flag alone is no more than possible.
 * Look-alikes that stay silent: an unload that waits (21) or runs (20).
 */
#include "check/unload.h"

static const char *in_words(struct check_run *run, const char *name, const struct fs_driver *d)
{
	if (d && fs_has(&d->flags.value, FS_DRVO_UNLOAD_INVOKED))
		return run_text(run,
				"A mandatory unload of %s is over and did not unregister it: its "
				"FilterUnload failed, or did not call FltUnregisterFilter",
				name);
	return run_text(run,
			"UnloadInProgress is set on %s, and nobody unloads it. A mandatory unload may "
			"be over that did not unregister it, but it comes through DriverUnload, and "
			"%s",
			name,
			d && fs_is_read(&d->flags.value)
				? "DRVO_UNLOAD_INVOKED of its driver is clear"
				: "whether DRVO_UNLOAD_INVOKED of its driver is set was not read");
}

static void fire(struct check_run *run, size_t i, const struct unload_lock *u)
{
	const struct fs_filter *f = &run->m->filters[i];
	const struct fs_driver *d = f->driver >= 0 ? &run->m->drivers[f->driver] : NULL;
	bool invoked = d && fs_has(&d->flags.value, FS_DRVO_UNLOAD_INVOKED);
	enum fs_confidence c = invoked ? FS_LIKELY : FS_POSSIBLE;
	struct fs_finding *fd;
	struct fs_verdict *v;
	evidence_vec ev = {0};

	c = confidence_cap(confidence_cap(c, &f->flags.value), &f->object.pointer_count);
	c = confidence_cap(c, &u->lock->active_count);
	fd = finding_add(run, "unload-refused", c, "filter", f->address, filter_label(run, i));
	if (!fd)
		return;
	if (!invoked) /* a flag alone fails no check */
		fd->severity = FS_WARNING;
	fd->message = in_words(run, fd->subject.name, d);
	if (d)
		evidence_hex(run, &ev, &d->flags.value, d->address, "DRIVER_OBJECT.Flags",
			     invoked ? "DRVO_UNLOAD_INVOKED: its DriverUnload was handed to a worker"
				     : "DRVO_UNLOAD_INVOKED is clear");
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
	v->state = invoked ? FS_ST_REFUSED : FS_ST_UNKNOWN;
	verdict_tells(run, v, fd);
	v->summary = run_text(run, "%s%s", v->summary,
			      invoked ? " The I/O manager frees the driver all the same: FltMgr then "
					"calls code that is gone."
				      : "");
}

void chk_unload_refused(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_filter *f = &run->m->filters[i];
		const struct unload_lock *u = unload_lock_of(run, i);

		if (run->stages[i] == FS_S0 && in_progress(f) && u->free &&
		    unload_runs(run, i) == RUNS_NOT)
			fire(run, i, u);
	}
}
