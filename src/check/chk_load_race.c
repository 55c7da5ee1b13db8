/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 31: a driver is loaded while its unload still runs, in two workers of
 * nt!IopLoadUnloadDriver. Windows serialises these since 8 (facts: 31 [case]; the
 * nt layout's `load-unload`), so that on such a build it is no finding. Look-alike
 * that stays silent: two unloads, or an unload alone.
 */
#include "check/unload.h"

#include <string.h>

struct worker {
	int32_t thread;
	const struct fs_stack_frame *driver, *worker;
	bool unloads;
};

/* A thread in IopLoadUnloadDriver with the module's code on its stack. */
static bool is_worker(const struct fs_model *m, size_t t, int32_t module, struct worker *ret)
{
	const struct fs_thread *th = &m->threads[t];
	struct on_stack any = stack_code_of(th, module, -1);

	ret->thread = (int32_t)t;
	ret->driver = any.frame;
	ret->worker = stack_function(th, "IopLoadUnloadDriver");
	ret->unloads = stack_code_of(th, module, m->fltmgr_module).frame != NULL &&
		       (stack_function(th, "FltpMiniFilterDriverUnload") ||
			stack_function(th, "FltpDoUnloadFilter"));
	return ret->driver && ret->worker;
}

static const struct fs_driver *object_of(const struct fs_model *m, int32_t module, bool unloaded)
{
	size_t i;

	for (i = 0; i < m->ndrivers; i++) {
		const struct fs_value *f = &m->drivers[i].flags.value;

		if (!m->drivers[i].valid || m->drivers[i].module != module)
			continue;
		if (unloaded ? fs_has(f, FS_DRVO_UNLOAD_INVOKED)
			     : fs_lacks(f, FS_DRVO_INITIALIZED | FS_DRVO_UNLOAD_INVOKED))
			return &m->drivers[i];
	}
	return NULL;
}

static void fire(struct check_run *run, size_t i, const struct worker *load,
		 const struct worker *unload, const struct fs_driver *old,
		 const struct fs_driver *fresh)
{
	const struct fs_filter *f = &run->m->filters[i];
	bool races = run->m->load_unload && strcmp(run->m->load_unload, "races") == 0;
	struct fs_finding *fd = finding_add(run, "load-unload-race",
					    races && load && unload ? FS_LIKELY : FS_POSSIBLE,
					    "filter", f->address, filter_label(run, i));
	evidence_vec ev = {0};

	if (!fd)
		return;
	fd->message = run_text(run, "%s is being loaded again while its unload is not done%s",
			       fd->subject.name,
			       load && unload ? run_text(run, ": %s loads it and %s unloads it",
							 thread_label(run, load->thread),
							 thread_label(run, unload->thread))
					      : "");
	if (load && unload) {
		frame_evidence(run, &ev, load->worker, "a worker that loads or unloads drivers");
		frame_evidence(run, &ev, load->driver, "the driver's code, being loaded");
		frame_evidence(run, &ev, unload->worker, "another one");
		frame_evidence(run, &ev, unload->driver, "the driver's code, being unloaded");
	}
	if (old && fresh) {
		evidence_hex(run, &ev, &old->flags.value, old->address, "DRIVER_OBJECT.Flags",
			     "DRVO_UNLOAD_INVOKED: this object of the driver is being unloaded");
		evidence_hex(run, &ev, &fresh->flags.value, fresh->address, "DRIVER_OBJECT.Flags",
			     "DRVO_INITIALIZED is clear: this one is being loaded");
	}
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
}

static void look(struct check_run *run, size_t i, int32_t module)
{
	const struct fs_model *m = run->m;
	struct worker load = {.thread = -1}, unload = {.thread = -1};
	const struct fs_driver *old = object_of(m, module, true),
			       *fresh = object_of(m, module, false);
	size_t t;

	for (t = 0; t < m->nthreads; t++) {
		struct worker w;

		if (!m->threads[t].stack.n || !is_worker(m, t, module, &w))
			continue;
		if (w.unloads && unload.thread < 0)
			unload = w;
		else if (!w.unloads && load.thread < 0)
			load = w;
	}
	if (load.thread >= 0 && unload.thread >= 0)
		fire(run, i, &load, &unload, old, fresh);
	else if (old && fresh && old != fresh)
		fire(run, i, NULL, NULL, old, fresh);
}

/* One filter for each module: the one that is first. */
static bool module_seen(const struct check_run *run, size_t filter, int32_t module)
{
	const char *symbol;
	bool gone;
	size_t i;

	for (i = 0; i < filter; i++)
		if (filter_code_module(run->m, &run->m->filters[i], &gone, &symbol) == module)
			return true;
	return false;
}

void chk_load_race(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	if (m->load_unload && strcmp(m->load_unload, "serialised") == 0)
		return;
	for (i = 0; i < m->nfilters; i++) {
		const char *symbol;
		int32_t module;
		bool gone;

		module = filter_code_module(m, &m->filters[i], &gone, &symbol);
		if (module >= 0 && module != m->fltmgr_module && !module_seen(run, i, module))
			look(run, i, module);
	}
}
