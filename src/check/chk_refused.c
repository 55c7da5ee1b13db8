/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules 15 and 17: drivers that by design cannot be stopped. They differ by
 * FilterUnload: without it nothing unloads the driver; with it and DriverUnload
 * taken away, only `fltmc unload` does (facts: FltRegisterFilter leaves no other
 * trace of FLTFL_REGISTRATION_DO_NOT_SUPPORT_SERVICE_STOP).
 */
#include "check/check.h"

/* An internal routine of FltMgr stands in DriverUnload while such a filter is unloaded. */
static bool at_rest(const struct check_run *run, size_t i)
{
	return run->stages[i] == FS_S0;
}

/* The pointer is not counted: only an object that names the filter's own code is its own. */
static const struct fs_driver *own_driver(const struct check_run *run, size_t i)
{
	const struct fs_model *m = run->m;
	const struct fs_filter *f = &m->filters[i];
	const struct fs_driver *d = f->driver >= 0 ? &m->drivers[f->driver] : NULL;
	const char *symbol;
	bool gone;
	int32_t module;

	if (!d || !d->valid)
		return NULL;
	module = filter_code_module(m, f, &gone, &symbol);
	return module >= 0 && d->module == module ? d : NULL;
}

static void tell(struct check_run *run, size_t i, struct fs_finding *fd, const char *message)
{
	const struct fs_filter *f = &run->m->filters[i];
	const struct fs_driver *d = own_driver(run, i);
	struct unload_request q = unload_requested(run->m, f->driver);
	struct fs_verdict *v;
	evidence_vec ev = {0};

	if (!fd)
		return;
	fd->message = message;
	evidence_hex(run, &ev, &f->callback[FS_CB_FilterUnload].va, f->address,
		     "FLT_FILTER.FilterUnload", "the filter's unload callback");
	if (d)
		evidence_hex(run, &ev, &d->driver_unload.va, d->address,
			     "DRIVER_OBJECT.DriverUnload", "what a service stop would call");
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	/* only who was asked refused */
	if (!q.pending_device && !q.invoked)
		return;
	v = verdict_for(run, i);
	if (!v || v->cause_id)
		return;
	v->state = FS_ST_REFUSED;
	verdict_tells(run, v, fd);
}

void chk_no_unload(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_value *u = &run->m->filters[i].callback[FS_CB_FilterUnload].va;
		enum fs_confidence c = confidence_cap(FS_PROVED, u);

		if (!at_rest(run, i) || !fs_lacks(u, UINT64_MAX))
			continue;
		tell(run, i,
		     finding_add(run, "no-unload-callback", c, "filter", run->m->filters[i].address,
				 filter_label(run, i)),
		     run_text(run,
			      "%s registered no FilterUnload callback, so it cannot be unloaded",
			      filter_label(run, i)));
	}
}

void chk_no_stop(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_value *u = &run->m->filters[i].callback[FS_CB_FilterUnload].va;
		const struct fs_driver *d = own_driver(run, i);

		if (!at_rest(run, i) || !fs_has(u, UINT64_MAX) || !d ||
		    !fs_lacks(&d->driver_unload.va, UINT64_MAX))
			continue;
		tell(run, i,
		     finding_add(run, "service-stop-not-supported",
				 confidence_cap(confidence_cap(FS_PROVED, u), &d->driver_unload.va),
				 "filter", run->m->filters[i].address, filter_label(run, i)),
		     run_text(run,
			      "%s does not support a service stop (DriverUnload is 0): only `fltmc "
			      "unload` can unload it",
			      filter_label(run, i)));
	}
}
