/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 18: a filter that FltMgr still calls, whose driver is gone: its unload
 * was mandatory and the callback did not unregister it, or a DriverEntry failed
 * without unregistering. Look-alikes that stay silent: a zombie (28), whose code
 * nobody calls any more. Where the module list was not read whole it is not known.
 */
#include "check/check.h"

static void fire(struct check_run *run, size_t i, const char *symbol)
{
	const struct fs_filter *f = &run->m->filters[i];
	enum fs_confidence c = symbol ? FS_PROVED : FS_LIKELY;
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
			 "%s is registered and live, but the code of its callbacks is no "
			 "longer loaded%s%s: the next operation that reaches it crashes the "
			 "system",
			 fd->subject.name, symbol ? ", it was in " : "", symbol ? symbol : "");
	evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "FltUnregisterFilter was not called: not DRAINING");
	for (k = 0; k < FS_CB_COUNT && ev.n < EVIDENCE_MAX; k++)
		if (k != FS_CB_OldDriverUnload && fs_has(&f->callback[k].va, UINT64_MAX))
			evidence_hex(run, &ev, &f->callback[k].va, f->address,
				     fs_callback_name((enum fs_callback)k),
				     "a callback in no loaded module");
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	v = verdict_for(run, i);
	if (!v || v->cause_id)
		return;
	v->state = FS_ST_LEFTOVER;
	v->cause_id = fd->rule;
	v->cause_title = fd->title;
	v->confidence = fd->confidence;
	v->because = fd->evidence;
	v->nbecause = fd->nevidence;
	v->summary = run_text(run, "%s.", fd->message);
	v->advice = rule_advice(fd->rule);
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
			fire(run, i, symbol);
		else if (filter_code_unknown(m, &m->filters[i]))
			not_checked_add(run, "unloaded-without-unregister",
					run_text(run,
						 "the callbacks of %s (FLT_FILTER 0x%llx) lie in "
						 "no module that is known, and the list of "
						 "modules was not read whole: whether their code "
						 "is loaded is not known",
						 filter_label(run, i),
						 (unsigned long long)m->filters[i].address));
	}
}
