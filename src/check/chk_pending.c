/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers whose unload was asked for (DOE_UNLOAD_PENDING, DRVO_UNLOAD_INVOKED,
 * FLTFL_MANDATORY_UNLOAD_IN_PROGRESS) while their filter is still in S0. What
 * is known is told; why is left to the rules that can prove it. "Queued but not
 * run yet" looks exactly like this (facts: unload-causes.md, How to read a wait).
 */
#include "check/check.h"

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
	if (q->held_device)
		evidence_hex(run, ev, &q->held_device->reference_count, q->held_device->address,
			     "DEVICE_OBJECT.ReferenceCount", "a device of it is still in use");
	evidence_hex(run, ev, &f->flags.value, f->address, "FLT_FILTER.Flags",
		     fs_has(&f->flags.value, FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS)
			     ? "UnloadInProgress: FltpDoUnloadFilter was entered by a service stop"
			     : "no UnloadInProgress");
	evidence_hex(run, ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "not DRAINING");
}

static const char *what_is_known(const struct fs_filter *f, const struct unload_request *q)
{
	if (fs_has(&f->flags.value, FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS))
		return "FltMgr has begun it, but the filter is not draining: it waits for another "
		       "unload "
		       "of this frame, its FilterUnload callback has not returned or did not "
		       "unregister the filter";
	if (q->invoked)
		return "the unload is queued, and FltMgr has not begun it for this filter";
	if (q->held_device)
		return "the I/O manager has not called DriverUnload, since a device of the driver "
		       "is "
		       "still open or attached";
	return "the I/O manager has marked it, and DriverUnload was not called";
}

void chk_pending(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter *f = &m->filters[i];
		struct unload_request q = unload_requested(m, f->driver);
		evidence_vec ev = {0};
		struct fs_verdict *v;

		if (run->stages[i] != FS_S0 || verdict_exists(run, i) ||
		    (!q.invoked && !q.pending_device &&
		     !fs_has(&f->flags.value, FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS)))
			continue;
		v = verdict_for(run, i);
		if (!v)
			return;
		v->state = FS_ST_UNKNOWN;
		v->confidence = FS_POSSIBLE;
		v->summary = run_text(run, "The unload of %s was asked for and is not done: %s.",
				      v->name, what_is_known(f, &q));
		v->advice =
			"A dump taken a minute later tells a queued unload from one that hangs.";
		request_evidence(run, &ev, f, &q);
		v->because = evidence_take(run, &ev, &v->nbecause);
		not_checked_add(run, "unload-callback-blocked",
				"stacks are not read by this version");
		not_checked_add(run, "blocked-by-other-unload",
				"the owner of FilterUnloadLock is not read by this version");
		not_checked_add(run, "device-handles-open",
				"the handles behind a device's ReferenceCount are not read by this "
				"version");
	}
}
