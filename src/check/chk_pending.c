/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers whose unload was asked for (DOE_UNLOAD_PENDING, DRVO_UNLOAD_INVOKED,
 * FLTFL_MANDATORY_UNLOAD_IN_PROGRESS) while their filter is still in S0: what the
 * verdict of such a filter begins with, and what is left to say when no rule
 * explains it. "Queued but not run yet" looks exactly like this (facts:
 * unload-causes.md, How to read a wait).
 */
#include "check/unload.h"

static void request_evidence(struct check_run *run, evidence_vec *ev, const struct fs_filter *f,
			     const struct unload_request *q)
{
	const struct fs_driver *d = f->driver >= 0 ? &run->m->drivers[f->driver] : NULL;

	if (q->pending_device)
		evidence_hex(run, ev, &q->pending_device->extension_flags.value,
			     q->pending_device->devobj_extension.v,
			     "_DEVOBJ_EXTENSION.ExtensionFlags",
			     "the I/O manager has marked its device DOE_UNLOAD_PENDING");
	if (d)
		evidence_hex(
			run, ev, &d->flags.value, d->address, "DRIVER_OBJECT.Flags",
			q->invoked ? "DRVO_UNLOAD_INVOKED: its DriverUnload was handed to a worker"
				   : "DRVO_UNLOAD_INVOKED is clear");
	if (q->held_device && fs_has(&q->held_device->reference_count, UINT64_MAX))
		evidence_hex(run, ev, &q->held_device->reference_count, q->held_device->address,
			     "DEVICE_OBJECT.ReferenceCount", "a device of it is open");
	evidence_hex(run, ev, &f->flags.value, f->address, "FLT_FILTER.Flags",
		     in_progress(f)
			     ? "UnloadInProgress: FltpDoUnloadFilter was entered by a service stop"
			     : "no UnloadInProgress");
	evidence_hex(run, ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "not DRAINING");
}

static const char *what_is_known(const struct fs_filter *f, const struct unload_request *q)
{
	if (in_progress(f))
		return "FltMgr has begun it, but the filter is not draining: either it waits for "
		       "another unload of this frame, or its FilterUnload callback has not "
		       "returned, or that has returned and did not unregister the filter";
	if (q->invoked)
		return "the unload is queued, and FltMgr has not begun it for this filter";
	if (q->held_device)
		return "the I/O manager has not called DriverUnload, since a device of the driver "
		       "is "
		       "still open or attached";
	return "the I/O manager has marked it, and DriverUnload was not called";
}

bool unload_asked(const struct check_run *run, size_t filter)
{
	const struct fs_filter *f = &run->m->filters[filter];
	struct unload_request q = unload_requested(run->m, f->driver);

	return q.invoked || q.pending_device || in_progress(f);
}

/* FltMgr has begun it when its own flag says so, or when the lock's owner runs it. */
static const char *how_far(struct check_run *run, size_t filter, const char *name)
{
	if (in_progress(&run->m->filters[filter]) ||
	    unload_lock_of(run, filter)->filter == (int32_t)filter)
		return run_text(run, "The unload of %s was begun and is not done.", name);
	if (unload_asked(run, filter))
		return run_text(run, "The unload of %s was asked for and is not done.", name);
	return run_text(run, "An unload of %s may have been asked for.", name);
}

struct fs_verdict *pending_verdict(struct check_run *run, size_t filter)
{
	bool begun = verdict_exists(run, filter);
	struct fs_verdict *v = verdict_for(run, filter);
	struct unload_request q = unload_requested(run->m, run->m->filters[filter].driver);
	evidence_vec ev = {0};

	if (!v || begun)
		return v;
	v->state = FS_ST_UNKNOWN;
	v->confidence = FS_POSSIBLE;
	v->summary = how_far(run, filter, v->name);
	v->advice = "A dump taken a minute later tells a queued unload from one that hangs.";
	request_evidence(run, &ev, &run->m->filters[filter], &q);
	v->because = evidence_take(run, &ev, &v->nbecause);
	return v;
}

static void not_decided(struct check_run *run, size_t i)
{
	const struct unload_lock *u = unload_lock_of(run, i);
	const char *no_lock = "the frame's FilterUnloadLock was not read";

	if (!u->lock || (!u->free && !u->held)) {
		not_checked_add(run, "unload-callback-blocked", no_lock);
		not_checked_add(run, "blocked-by-other-unload", no_lock);
	}
	not_checked_add(run, "unload-refused",
			"a FilterUnload that refuses leaves nothing in memory but, when the unload "
			"was mandatory, FLT_FILTER.Flags bit 0: only the caller's status tells it");
}

void chk_pending(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_filter *f = &run->m->filters[i];
		struct unload_request q = unload_requested(run->m, f->driver);
		struct fs_verdict *v;

		if (run->stages[i] != FS_S0 || verdict_exists(run, i) || !unload_asked(run, i))
			continue;
		v = pending_verdict(run, i);
		if (!v)
			return;
		v->summary = run_text(run, "The unload of %s was asked for and is not done: %s.",
				      v->name, what_is_known(f, &q));
		not_decided(run, i);
	}
}
