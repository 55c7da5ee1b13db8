/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 27: a zombied filter that carries the DRIVER_OBJECT of a living one
 * (seed 004). What it does depends on the build's unload walk, a layout fact:
 *   gives-up  the first match cannot be referenced: nothing is unloaded
 *   goes-on   the next match is taken: untidy, but the unload works
 *   unknown   both outcomes are named
 * Look-alikes that stay silent: an unload that is only queued (no second filter
 * with that object), and one driver with two live filters.
 */
#include "check/check.h"

#include <string.h>

struct crosslink {
	size_t victim, zombie;
	bool zombie_first;  /* the walk meets the zombie before the victim */
	bool order_certain; /* nothing unread could come before */
	int32_t before;	    /* the walk meets this filter before either of them, -1 none */
	enum reference ref; /* of the zombie */
	bool gone;	    /* the zombie's code is no longer loaded */
	int32_t module;	    /* of the zombie's code, -1 */
};

static bool gives_up(const struct fs_model *m)
{
	return m->unload_walk && strcmp(m->unload_walk, "gives-up") == 0;
}

static bool goes_on(const struct fs_model *m)
{
	return m->unload_walk && strcmp(m->unload_walk, "goes-on") == 0;
}

static const char *frame_name(struct check_run *run, const struct fs_filter *f)
{
	if (f->frame < 0 || !fs_is_read(&run->m->frames[f->frame].id))
		return "a frame whose id was not read";
	return run_text(run, "Frame %llu%s", (unsigned long long)run->m->frames[f->frame].id.v,
			run->m->frames[f->frame].id.unproved ? " (that number is unproved)" : "");
}

static const char *reference_fact(const struct crosslink *x)
{
	switch (x->ref) {
	case REFERENCE_FAILS:
		return "its rundown gives no more references (odd), so FltObjectReference fails";
	case REFERENCE_TAKES:
		return "its rundown still gives references (even), so FltObjectReference may "
		       "succeed";
	default:
		return "whether FltObjectReference fails on it is not known";
	}
}

/* The walk stops at the zombie, as far as was read. */
static bool blocks(const struct fs_model *m, const struct crosslink *x)
{
	return gives_up(m) && x->ref == REFERENCE_FAILS;
}

static struct fs_evidence *premises(struct check_run *run, const struct crosslink *x, size_t *ret_n)
{
	const struct fs_model *m = run->m;
	const struct fs_filter *z = &m->filters[x->zombie], *v = &m->filters[x->victim];
	struct unload_request q = unload_requested(m, v->driver);
	evidence_vec ev = {0};

	evidence_hex(run, &ev, &z->driver_object, z->address, "FLT_FILTER.DriverObject",
		     "the zombied filter has this DRIVER_OBJECT");
	evidence_hex(run, &ev, &v->driver_object, v->address, "FLT_FILTER.DriverObject",
		     "the living filter has the same one");
	evidence_hex(run, &ev, &z->object.flags.value, z->address, "FLT_OBJECT.Flags",
		     "the first one is DRAINING ZOMBIED");
	evidence_hex(run, &ev, &z->object.rundown.raw, z->address, "FLT_OBJECT.RundownRef",
		     reference_fact(x));
	evidence_hex(run, &ev, &v->flags.value, v->address, "FLT_FILTER.Flags",
		     fs_has(&v->flags.value, FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS)
			     ? "UnloadInProgress: FltMgr did reach the living filter"
			     : "no UnloadInProgress: FltMgr never asked the living filter");
	evidence_hex(run, &ev, &v->object.flags.value, v->address, "FLT_OBJECT.Flags",
		     "the living filter is not DRAINING");
	if (q.pending_device)
		evidence_hex(run, &ev, &q.pending_device->extension_flags.value,
			     q.pending_device->devobj_extension.v,
			     "_DEVOBJ_EXTENSION.ExtensionFlags",
			     "DOE_UNLOAD_PENDING: the unload was asked for");
	if (v->driver >= 0)
		evidence_hex(run, &ev, &m->drivers[v->driver].flags.value,
			     m->drivers[v->driver].address, "DRIVER_OBJECT.Flags",
			     q.invoked ? "DRVO_UNLOAD_INVOKED: DriverUnload was handed to a worker"
				       : "DRVO_UNLOAD_INVOKED is not set");
	if (x->gone)
		evidence_hex(run, &ev, &z->callback[FS_CB_FilterUnload].va, z->address,
			     "FLT_FILTER.FilterUnload",
			     "the zombied filter's code is in no loaded module");
	return evidence_take(run, &ev, ret_n);
}

/* Does FltMgr's code already work on the victim? Then 27 does not explain it. */
static bool victim_reached(const struct fs_filter *v)
{
	return fs_has(&v->flags.value, FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS) ||
	       fs_has(&v->object.flags.value, FS_OBJ_DRAINING);
}

static enum fs_confidence confidence_of(struct check_run *run, const struct crosslink *x)
{
	const struct fs_filter *z = &run->m->filters[x->zombie], *v = &run->m->filters[x->victim];
	struct unload_request q = unload_requested(run->m, v->driver);
	enum fs_confidence c = FS_PROVED;

	if (!run->m->unload_walk || !x->order_certain || x->ref != REFERENCE_FAILS ||
	    x->before >= 0)
		return FS_POSSIBLE;
	/* DriverUnload was not handed over: the I/O manager may be waiting for a device */
	if (!q.known || !q.invoked)
		c = q.held_device ? FS_POSSIBLE : FS_LIKELY;
	c = confidence_cap(c, &z->driver_object);
	c = confidence_cap(c, &v->driver_object);
	c = confidence_cap(c, &z->object.flags.value);
	c = confidence_cap(c, &z->object.rundown.raw);
	c = confidence_cap(c, &v->object.flags.value);
	return confidence_cap(c, &v->flags.value);
}

static const char *outcome(struct check_run *run, const struct crosslink *x, const char *victim)
{
	const struct fs_model *m = run->m;

	if (!x->zombie_first)
		return run_text(run,
				"the unload walk meets %s first, so its unload is not affected",
				victim);
	if (x->before >= 0)
		return run_text(run,
				"the unload walk meets FLT_FILTER 0x%llx, which has it too, "
				"before either of them",
				(unsigned long long)m->filters[x->before].address);
	if (gives_up(m) && !blocks(m, x))
		return run_text(run,
				"the unload walk meets it first, and gives up only when it cannot "
				"reference it, which is not certain: %s may be unable to unload",
				victim);
	if (gives_up(m))
		return run_text(run,
				"the unload walk meets it first, cannot reference it and gives up: "
				"%s cannot unload",
				victim);
	if (goes_on(m))
		return run_text(run,
				"the unload walk of this build skips it and goes on to %s, so this "
				"alone does not stop the unload",
				victim);
	return run_text(
		run,
		"whether this build's unload walk gives up at it (as Windows 7 SP1 does: %s "
		"could not unload) or goes on (as 17763, 19041 and 22000 do) is not known",
		victim);
}

static struct fs_finding *find(struct check_run *run, const struct crosslink *x, const char *victim)
{
	const struct fs_filter *z = &run->m->filters[x->zombie];
	struct fs_finding *f = finding_add(run, "driver-object-crosslink", confidence_of(run, x),
					   "filter", z->address, filter_label(run, x->zombie));

	if (!f)
		return NULL;
	/* cause-ids.tsv: a warning where the build's unload walk goes on */
	if (goes_on(run->m) || !x->zombie_first || x->before >= 0)
		f->severity = FS_WARNING;
	f->message = run_text(
		run,
		"DRIVER_OBJECT 0x%llx of %s is also in the zombied FLT_FILTER 0x%llx \"%s\" "
		"of %s; %s",
		(unsigned long long)z->driver_object.v, victim, (unsigned long long)z->address,
		filter_label(run, x->zombie), frame_name(run, z), outcome(run, x, victim));
	f->evidence = premises(run, x, &f->nevidence);
	return f;
}

static void conclude(struct check_run *run, const struct crosslink *x, const struct fs_finding *f)
{
	const struct fs_filter *z = &run->m->filters[x->zombie], *v = &run->m->filters[x->victim];
	struct unload_request q = unload_requested(run->m, v->driver);
	struct fs_verdict *vd;

	/* nobody asked, or FltMgr is past the walk: the finding says all there is */
	if (goes_on(run->m) || !x->zombie_first || x->before >= 0 || victim_reached(v) ||
	    (!q.invoked && !q.pending_device))
		return;
	vd = verdict_for(run, x->victim);
	if (!vd || (vd->cause_id && vd->confidence >= f->confidence))
		return;
	vd->state = blocks(run->m, x) ? FS_ST_STUCK : FS_ST_UNKNOWN;
	vd->cause_id = f->rule;
	vd->cause_title = f->title;
	vd->confidence = f->confidence;
	vd->because = f->evidence;
	vd->nbecause = f->nevidence;
	vd->culprit = (struct fs_subject){"filter", z->address, filter_label(run, x->zombie)};
	vd->summary = run_text(
		run,
		"%s %s unload. Its DRIVER_OBJECT 0x%llx is also in FLT_FILTER 0x%llx "
		"\"%s\" (DRAINING "
		"ZOMBIED) of %s, which the unload walk meets first%s. Its own filter "
		"0x%llx was never "
		"asked (no UnloadInProgress).",
		vd->name, blocks(run->m, x) ? "cannot" : "may be unable to",
		(unsigned long long)v->driver_object.v, (unsigned long long)z->address,
		filter_label(run, x->zombie), frame_name(run, z),
		blocks(run->m, x)  ? ", cannot reference, and gives up at"
		: gives_up(run->m) ? ", and gives up at if it cannot reference it"
				   : "; on Windows 7 SP1 the walk gives up there, on 17763, "
				     "19041 and 22000 it "
				     "goes on, and for this build it is not known",
		(unsigned long long)v->address);
	vd->advice = rule_advice(f->rule);
}

/* One finding for each living filter behind the first match, one for every other zombie:
 * as many as there are filters, not as there are pairs. */
static void examine(struct check_run *run, const struct replay *w, size_t zombie_at)
{
	const struct fs_model *m = run->m;
	const struct fs_filter *z = &m->filters[w->match[zombie_at]];
	struct crosslink x = {.zombie = w->match[zombie_at], .ref = replay_reference(z)};
	const char *symbol;
	size_t i;

	x.module = filter_code_module(m, z, &x.gone, &symbol);
	for (i = 0; i < w->n; i++) {
		const struct fs_filter *v = &m->filters[w->match[i]];
		struct fs_finding *f;

		if (!fs_lacks(&v->object.flags.value, FS_OBJ_ZOMBIED))
			continue;
		x.victim = w->match[i];
		x.zombie_first = zombie_at < i;
		x.order_certain = (x.zombie_first ? zombie_at : i) < w->certain;
		x.before = zombie_at && i ? (int32_t)w->match[0] : -1;
		f = find(run, &x, filter_label(run, x.victim));
		if (f)
			conclude(run, &x, f);
		if (!f || zombie_at > 0)
			return;
	}
}

static bool zombied_with_object(const struct fs_filter *f)
{
	return fs_is_read(&f->driver_object) && f->driver_object.v != 0 &&
	       fs_has(&f->object.flags.value, FS_OBJ_ZOMBIED);
}

/* The walk of an earlier zombie with the same object told of this one too. */
static bool walked_before(const struct fs_model *m, size_t filter)
{
	size_t i;

	for (i = 0; i < filter; i++)
		if (zombied_with_object(&m->filters[i]) &&
		    m->filters[i].driver_object.v == m->filters[filter].driver_object.v)
			return true;
	return false;
}

void chk_crosslink(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i, k;

	for (i = 0; i < m->nfilters; i++) {
		struct replay w;

		if (!fs_is_read(&m->filters[i].driver_object)) {
			not_checked_add(run, "driver-object-crosslink",
					"the DriverObject of at least one filter was not read");
			continue;
		}
		if (!zombied_with_object(&m->filters[i]) || walked_before(m, i))
			continue;
		if (!replay_walk(run, m->filters[i].driver_object.v, &w))
			return;
		for (k = 0; k < w.n; k++)
			if (zombied_with_object(&m->filters[w.match[k]]))
				examine(run, &w, k);
	}
}
