/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 28: a filter whose unregistration is done and whose memory is still
 * linked. The look-alikes that stay silent: an empty frame (frames never go
 * away), and a filter that is draining but not ZOMBIED.
 */
#include "check/check.h"

/* Never the DRIVER_OBJECT's name: that pointer is not counted, and may be another
 * driver's by now (rule 27). What the callbacks lie in is the driver. */
static const char *whose(struct check_run *run, const struct fs_filter *f)
{
	const struct fs_model *m = run->m;
	const char *symbol;
	int32_t module;
	bool gone;
	size_t i;

	module = filter_code_module(m, f, &gone, &symbol);
	if (module >= 0)
		return m->modules[module].name ? m->modules[module].name : "";
	for (i = 0; gone && i < m->nunloaded; i++) {
		uint64_t va = f->callback[FS_CB_FilterUnload].va.v;

		if (va >= m->unloaded[i].start && va < m->unloaded[i].end && m->unloaded[i].name)
			return m->unloaded[i].name;
	}
	return "";
}

static const char *holders(const struct fs_value *pointer_count)
{
	if (!fs_is_read(pointer_count))
		return "how many still hold it was not read";
	return pointer_count->v ? "something still holds its PointerCount"
				: "its PointerCount is 0, so nothing that counts holds it";
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
		bool gone;

		if (run->stages[i] != FS_S5)
			continue;
		(void)filter_code_module(m, f, &gone, &symbol);
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
			     : holders(&f->object.pointer_count));
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
		v->driver = whose(run, f);
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
