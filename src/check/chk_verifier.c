/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 26: the Filter Verifier watches the filter, and its unregistration waits for it
 * (S4). What it counts as not given back is named: by the order in which !fltkd
 * prints the kinds, so a name is inferred; an object that is a filter, instance or
 * volume of this dump is not. Look-alike: a DisconnectNotify that does not return (14).
 */
#include "check/check.h"

static const struct fs_verifier *verifier_of(const struct check_run *run, size_t filter)
{
	const struct fs_filter_holders *h = run->m->filters[filter].holders;

	return h ? h->verifier : NULL;
}

static const char *kind(struct check_run *run, size_t i)
{
	const char *name = fs_verifier_kind_name(i);

	return name ? run_text(run, "not given back; kind %zu, by its place %s", i, name)
		    : run_text(run, "not given back; kind %zu", i);
}

bool verifier_evidence(struct check_run *run, size_t filter, evidence_vec *ev)
{
	const struct fs_verifier *v = verifier_of(run, filter);
	bool any = false;
	size_t i, n = 0;

	for (i = 0; v && i < v->ncounts; i++)
		if (fs_has(&v->count[i], UINT64_MAX)) {
			any = true;
			evidence_add(run, ev, &v->count[i], v->address,
				     "FLT_VERIFIER_EXTENSION.Count", kind(run, i), "%llu",
				     (unsigned long long)v->count[i].v);
		}
	for (i = 0; v && i < v->n && n < EVIDENCE_MAX; i++) {
		n++;
		evidence_hex(run, ev, &v->object[i].object, v->object[i].address,
			     "FLT_VERIFIER_OBJECT.Object",
			     v->object[i].is_flt_object
				     ? "a reference to this filter, instance or volume"
				     : "what is not given back");
	}
	return any || n;
}

static void fire(struct check_run *run, size_t i)
{
	const struct fs_filter *f = &run->m->filters[i];
	const struct fs_filter_holders *h = f->holders;
	enum fs_confidence c = FS_POSSIBLE;
	struct fs_finding *fd;
	evidence_vec ev = {0};
	bool leaks;

	evidence_hex(run, &ev, &f->verifier_extension, f->address, "FLT_FILTER.VerifierExtension",
		     "the Filter Verifier watches this filter");
	leaks = verifier_evidence(run, i, &ev);
	/* with something to complain about, and no client that could be disconnected */
	if (leaks && h && fs_addresses_whole(&h->client_list) && !h->nclients)
		c = FS_LIKELY;
	c = confidence_cap(c, &f->verifier_extension);
	fd = finding_add(run, "verifier-wait", confidence_cap(c, &f->object.flags.value), "filter",
			 f->address, filter_label(run, i));
	if (!fd) {
		vec_free(&ev);
		return;
	}
	fd->message =
		run_text(run, "%s is watched by the Filter Verifier, which %s", fd->subject.name,
			 leaks ? "counts things that it has not given back; its unregistration "
				 "waits for the Verifier's report, or for the break into a debugger"
			       : "checks at its unregistration what it has not given back");
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	verdict_cause(run, i, fd, leaks ? 2 : 1, (struct fs_subject){NULL, 0, ""});
}

void chk_verifier(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_value *v = &run->m->filters[i].verifier_extension;

		if (run->stages[i] != FS_S4)
			continue;
		if (fs_has(v, UINT64_MAX))
			fire(run, i);
		else if (!fs_is_read(v))
			not_checked_add(run, "verifier-wait",
					"whether the Filter Verifier watches the filter was not "
					"read");
	}
}
