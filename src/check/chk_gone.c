/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 18: a filter that FltMgr still calls, whose driver is gone: its unload
 * was mandatory and the callback did not unregister it, or a DriverEntry failed
 * without unregistering. Look-alikes that stay silent: a zombie (28), whose code
 * nobody calls any more. Where the module list was not read whole it is not known.
 * Where some of its routines are gone and some are not, one of the pointers may be damaged: it
 * is likely when FilterUnload alone is still there, else possible; of code that lies in no
 * module at all, and in none that was unloaded, nothing is known.
 */
#include "check/check.h"

/* Where the routines lie that FltMgr calls of it: its callbacks and its operations'. */
struct routines {
	size_t loaded, gone, nowhere; /* gone: in a module that was unloaded */
	size_t called_loaded;	      /* of loaded, those beside FilterUnload */
	const char *symbol;	      /* of the first that is gone */
};

static void count_routine(struct routines *r, const struct fs_code *c, bool unload)
{
	if (!fs_is_read(&c->va) || !c->va.v || c->va.unproved)
		return;
	if (c->module >= 0) {
		r->loaded++;
		r->called_loaded += !unload;
	} else if (c->unloaded) {
		r->gone++;
		if (!r->symbol)
			r->symbol = c->symbol;
	} else {
		r->nowhere++;
	}
}

static struct routines routines_of(const struct fs_filter *f)
{
	struct routines r = {0};
	size_t i;

	for (i = 0; i < FS_CB_COUNT; i++)
		if (i != FS_CB_OldDriverUnload)
			count_routine(&r, &f->callback[i], i == FS_CB_FilterUnload);
	for (i = 0; i < f->noperations; i++) {
		count_routine(&r, &f->operations[i].pre, false);
		count_routine(&r, &f->operations[i].post, false);
	}
	return r;
}

static void routine_evidence(struct check_run *run, evidence_vec *ev, const struct fs_code *c,
			     uint64_t at, const char *field)
{
	if (ev->n < EVIDENCE_MAX && fs_has(&c->va, UINT64_MAX) && c->module < 0)
		evidence_hex(run, ev, &c->va, at, field, "a callback in no loaded module");
}

/* `what`: how many of its callbacks; NULL: all of them. */
static void fire(struct check_run *run, size_t i, enum fs_confidence c, const char *what,
		 const char *symbol)
{
	const struct fs_filter *f = &run->m->filters[i];
	struct fs_finding *fd;
	struct fs_verdict *v;
	evidence_vec ev = {0};
	size_t k;

	c = confidence_cap(c, &f->object.flags.value);
	fd = finding_add(run, "unloaded-without-unregister", c, "filter", f->address,
			 filter_label(run, i));
	if (!fd)
		return;
	fd->message =
		run_text(run,
			 "%s is registered and live, but the code of %s is no "
			 "longer loaded%s%s: %s crashes the system",
			 fd->subject.name, what ? what : "its callbacks",
			 symbol ? ", it was in " : "", symbol ? symbol : "",
			 what ? "a call of one" : "the next operation that reaches it");
	evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "FltUnregisterFilter was not called: not DRAINING");
	for (k = 0; k < FS_CB_COUNT; k++)
		if (k != FS_CB_OldDriverUnload)
			routine_evidence(run, &ev, &f->callback[k], f->address,
					 fs_callback_name((enum fs_callback)k));
	for (k = 0; k < f->noperations; k++) {
		routine_evidence(run, &ev, &f->operations[k].pre, f->operations[k].address,
				 "FLT_OPERATION_REGISTRATION.PreOperation");
		routine_evidence(run, &ev, &f->operations[k].post, f->operations[k].address,
				 "FLT_OPERATION_REGISTRATION.PostOperation");
	}
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	v = verdict_for(run, i);
	if (!v || v->cause_id)
		return;
	v->state = fd->confidence == FS_POSSIBLE ? FS_ST_UNKNOWN : FS_ST_LEFTOVER;
	verdict_tells(run, v, fd);
}

/* Not all of it is gone. */
static void in_part(struct check_run *run, size_t i)
{
	struct routines r = routines_of(&run->m->filters[i]);

	if (r.gone)
		fire(run, i, r.called_loaded || r.nowhere ? FS_POSSIBLE : FS_LIKELY,
		     run_text(run, "%zu of its %zu callbacks", r.gone,
			      r.gone + r.loaded + r.nowhere),
		     r.symbol);
	else if (r.nowhere && run->m->modules_whole)
		not_checked_add(run, "unloaded-without-unregister",
				run_text(run,
					 "%zu of the %zu callbacks of %s (FLT_FILTER 0x%llx) lie "
					 "in no module, loaded or unloaded",
					 r.nowhere, r.loaded + r.nowhere, filter_label(run, i),
					 (unsigned long long)run->m->filters[i].address));
}

void chk_gone(struct check_run *run)
{
	const struct fs_model *m = run->m;
	const char *symbol;
	bool gone;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		if (run->stages[i] != FS_S0)
			continue;
		(void)filter_code_module(m, &m->filters[i], &gone, &symbol);
		if (gone)
			fire(run, i, symbol ? FS_PROVED : FS_LIKELY, NULL, symbol);
		else if (filter_code_unknown(m, &m->filters[i]))
			not_checked_add(run, "unloaded-without-unregister",
					run_text(run,
						 "the callbacks of %s (FLT_FILTER 0x%llx) lie in "
						 "no module that is known, and the list of "
						 "modules was not read whole: whether their code "
						 "is loaded is not known",
						 filter_label(run, i),
						 (unsigned long long)m->filters[i].address));
		else
			in_part(run, i);
	}
}
