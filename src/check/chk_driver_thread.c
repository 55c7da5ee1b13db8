/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 25b: system threads of a driver that is being unloaded, or should be gone,
 * still run (facts: 25b [inf], so never more than likely). Look-alike that stays
 * silent: a live filter's threads are as they should be.
 */
#include "check/unload.h"

static bool ended(const struct fs_thread *t)
{
	return (t->state_name && t->state_name[0] == 'T' && t->state_name[1] == 'e') ||
	       fs_has(&t->exit_time, UINT64_MAX);
}

static bool starts_in(const struct fs_thread *t, int32_t module)
{
	return (fs_has(&t->start.va, UINT64_MAX) && t->start.module == module) ||
	       (fs_has(&t->win32_start.va, UINT64_MAX) && t->win32_start.module == module);
}

static void evidence_of(struct check_run *run, evidence_vec *ev, int32_t t, int32_t module)
{
	const struct fs_thread *th = &run->m->threads[t];
	const struct fs_code *c = th->start.module == module ? &th->start : &th->win32_start;

	evidence_add(run, ev, &c->va, th->address,
		     c == &th->start ? "ETHREAD.StartAddress" : "ETHREAD.Win32StartAddress",
		     run_text(run, "%s began in the driver", thread_label(run, t)), "%s",
		     c->symbol ? c->symbol : run_text(run, "0x%llx", (unsigned long long)c->va.v));
}

void driver_threads(struct check_run *run, int32_t module, const char *kind, uint64_t address,
		    const char *name)
{
	const struct fs_model *m = run->m;
	enum fs_confidence c = FS_LIKELY;
	const char *words;
	struct fs_finding *fd;
	evidence_vec ev = {0};
	int32_t first = -1;
	size_t t, n = 0, unread = 0;

	for (t = 0; module >= 0 && t < m->nthreads; t++) {
		unread += !fs_is_read(&m->threads[t].start.va) &&
			  !fs_is_read(&m->threads[t].win32_start.va);
		if (!starts_in(&m->threads[t], module) || ended(&m->threads[t]))
			continue;
		if (n++ == 0)
			first = (int32_t)t;
		if (n <= EVIDENCE_MAX)
			evidence_of(run, &ev, (int32_t)t, module);
	}
	if (unread)
		not_checked_add(run, "driver-thread-running",
				"where threads began was not read of all of them");
	if (!n) {
		vec_free(&ev);
		return;
	}
	wait_evidence(run, &ev, first);
	words = waits_for_words(run, first);
	fd = finding_add(run, "driver-thread-running", c, kind, address, name);
	if (!fd) {
		vec_free(&ev);
		return;
	}
	fd->message = run_text(run, "%zu system thread%s that began in %s %s not ended: %s%s%s", n,
			       plural(n), m->modules[module].name ? m->modules[module].name : name,
			       n == 1 ? "has" : "have", thread_label(run, first),
			       words ? " waits for " : "", words ? words : "");
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
}

void chk_driver_thread(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct unload_lock *u = unload_lock_of(run, i);
		const char *symbol;
		int32_t module;
		bool gone;

		if (run->stages[i] == FS_STAGE_UNKNOWN ||
		    (run->stages[i] == FS_S0 && !unload_asked(run, i) &&
		     !(u->held && u->filter == (int32_t)i)))
			continue;
		module = filter_code_module(m, &m->filters[i], &gone, &symbol);
		if (module != m->fltmgr_module)
			driver_threads(run, module, "filter", m->filters[i].address,
				       filter_label(run, i));
	}
}
