/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No rule of its own: who waits, told in every verdict about an unload that is not
 * done, and which of the rules about threads and locks could not be decided for it.
 */
#include "check/graph.h"

#include <string.h>

static bool same(const struct fs_evidence *a, const struct fs_evidence *b)
{
	return a->address == b->address && strcmp(a->field, b->field) == 0;
}

static void append(struct check_run *run, struct fs_verdict *v, evidence_vec *more)
{
	struct fs_evidence *e = arena_alloc(run->a, (v->nbecause + more->n + 1) * sizeof(*e));
	size_t i, k;

	if (!e) {
		run->out_of_memory = true;
		vec_free(more);
		return;
	}
	if (v->nbecause)
		memcpy(e, v->because, v->nbecause * sizeof(*e));
	for (i = 0; i < more->n; i++) {
		for (k = 0; k < v->nbecause && !same(&e[k], &more->v[i]); k++)
			;
		if (k == v->nbecause)
			e[v->nbecause++] = more->v[i];
	}
	v->because = e;
	vec_free(more);
}

static void tell(struct check_run *run, struct fs_verdict *v, size_t filter)
{
	struct waiter w = waiter_of(run, filter);
	evidence_vec ev = {0};

	if (v->waiter_thread || w.thread < 0)
		return;
	/* known by the lock that it holds alone, and it does not wait */
	if (w.held && thread_is_up(&run->m->threads[w.thread]))
		return;
	v->waiter_thread = run->m->threads[w.thread].address;
	v->waiter_sure = w.sure;
	waiter_evidence(run, &ev, &w);
	append(run, v, &ev);
}

static void not_decided(struct check_run *run, const struct fs_verdict *v)
{
	static const char why[] = "not every thread and lock could be read";
	const struct fs_model *m = run->m;
	size_t i;

	/* a proved cause leaves nothing open */
	if ((v->state != FS_ST_STUCK && v->state != FS_ST_UNKNOWN) ||
	    (v->cause_id && v->confidence == FS_PROVED))
		return;
	if (m->threads_looked != FS_LOOKED_WHOLE || !m->nlocks || run->graph->limited)
		not_checked_add(run, "lock-cycle", why);
	for (i = 0; i < m->nlocks; i++)
		if (m->locks[i].waiters_looked != FS_LOOKED_WHOLE ||
		    m->locks[i].owners_looked != FS_LOOKED_WHOLE)
			not_checked_add(run, "lock-cycle", why);
	if (m->threads_looked != FS_LOOKED_WHOLE)
		not_checked_add(run, "driver-thread-running", "not every thread could be read");
}

void chk_waiters(struct check_run *run)
{
	size_t i, k;

	for (i = 0; i < run->verdicts.n; i++) {
		struct fs_verdict *v = &run->verdicts.v[i];

		for (k = 0; k < run->m->nfilters; k++)
			if (run->m->filters[k].address == v->filter && run->stages[k] != FS_S5 &&
			    v->state != FS_ST_REFUSED)
				tell(run, v, k);
		not_decided(run, v);
	}
}
