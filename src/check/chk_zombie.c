/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 28: a filter whose unregistration is done and whose memory is still
 * linked. The look-alikes that stay silent: an empty frame (frames never go
 * away), and a filter that is draining but not ZOMBIED.
 */
#include "check/check.h"

static const char *whose(struct check_run *run, const struct fs_filter *f, bool gone,
			 const char *symbol, int32_t module)
{
	if (module >= 0 && run->m->modules[module].name)
		return run->m->modules[module].name;
	if (gone && symbol)
		return run_text(run, "%s (unloaded)", symbol);
	(void)f;
	return "";
}

void chk_zombie(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter *f = &m->filters[i];
		const char *symbol, *name;
		struct fs_finding *fd;
		struct fs_verdict *v;
		evidence_vec ev = {0};
		int32_t module;
		bool gone;

		if (run->stages[i] != FS_S5)
			continue;
		module = filter_code_module(m, f, &gone, &symbol);
		name = filter_label(run, i);
		/* FltpDoUnloadFilter itself holds the last reference for a moment; once the
		 * driver's image is gone it cannot be running */
		fd = finding_add(
			run, "zombie-leftover",
			confidence_cap(gone ? FS_PROVED : FS_LIKELY, &f->object.flags.value),
			"filter", f->address, name);
		if (!fd)
			return;
		fd->message = run_text(
			run, "%s is unregistered (DRAINING ZOMBIED) but still linked; %s", name,
			gone ? "the code its callbacks were in is no longer loaded"
			     : "something still holds its PointerCount");
		evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
			     "FltUnregisterFilter has finished");
		evidence_hex(run, &ev, &f->object.rundown.raw, f->address, "FLT_OBJECT.RundownRef",
			     "the rundown is drained when this is 1");
		evidence_hex(run, &ev, &f->object.pointer_count, f->address,
			     "FLT_OBJECT.PointerCount", "holders that keep the memory");
		fd->evidence = evidence_take(run, &ev, &fd->nevidence);
		v = verdict_for(run, i);
		if (!v)
			return;
		v->driver = whose(run, f, gone, symbol, module);
		v->state = FS_ST_LEFTOVER;
		v->cause_id = fd->rule;
		v->cause_title = fd->title;
		v->confidence = fd->confidence;
		v->because = fd->evidence;
		v->nbecause = fd->nevidence;
		v->summary = run_text(run,
				      "%s. Who holds it is not known: handles and connection ports "
				      "are not read by this version.",
				      fd->message);
		v->advice = rule_advice(fd->rule);
	}
}
