/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 22: threads that wait for each other. The catalogue has the mechanism as
 * inferred, so that it is never more than likely; a cycle that rests on a waiter
 * who was found by scanning a stack is likely only when as many were found as the
 * lock counts. Look-alike that stays silent: a chain that ends (21).
 */
#include "check/graph.h"

#include <string.h>

bool cycle_explains(const struct check_run *run, size_t filter)
{
	const struct fs_graph *g = run->graph;

	return g && graph_leads_to_cycle(g, graph_node_of(g, FS_NODE_FILTER, (int32_t)filter)) >= 0;
}

static bool counted(const struct fs_model *m, const struct fs_graph *g, const struct fs_edge *e)
{
	const struct fs_node *to = &g->node[e->to];
	const struct fs_lock *l;

	if (e->certain)
		return true;
	if (to->kind != FS_NODE_LOCK || to->index < 0)
		return false;
	l = &m->locks[to->index];
	return fs_is_read(&l->shared_count) && fs_is_read(&l->exclusive_count) &&
	       l->nwaiters == l->shared_count.v + l->exclusive_count.v;
}

static enum fs_confidence sure(const struct fs_model *m, const struct fs_graph *g,
			       const struct fs_cycle *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (!counted(m, g, &g->edge[c->edge[i]]))
			return FS_POSSIBLE;
	return FS_LIKELY;
}

/* "thread A waits for X, which is owned by thread B, which waits for …" */
static const char *in_words(struct check_run *run, const struct fs_graph *g,
			    const struct fs_cycle *c)
{
	const char *s = g->node[g->edge[c->edge[0]].from].label;
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct fs_edge *e = &g->edge[c->edge[i]];

		s = run_text(run, "%s%s%s %s", s, i ? ", which " : " ", e->what,
			     g->node[e->to].label);
	}
	return s;
}

/* The lock's waiter that an edge stands for; NULL: the edge is no wait for a lock. */
static const struct fs_lock_waiter *waiter_in(const struct fs_model *m, const struct fs_graph *g,
					      const struct fs_edge *e)
{
	const struct fs_node *from = &g->node[e->from], *to = &g->node[e->to];
	size_t i;

	if (from->kind != FS_NODE_THREAD || to->kind != FS_NODE_LOCK || to->index < 0)
		return NULL;
	for (i = 0; i < m->locks[to->index].nwaiters; i++)
		if (m->locks[to->index].waiters[i].thread == from->index)
			return &m->locks[to->index].waiters[i];
	return NULL;
}

static struct fs_evidence *premises(struct check_run *run, const struct fs_graph *g,
				    const struct fs_cycle *c, size_t *ret_n)
{
	evidence_vec ev = {0};
	size_t i;

	for (i = 0; i < c->n && i < 4 * EVIDENCE_MAX; i++) {
		const struct fs_edge *e = &g->edge[c->edge[i]];
		const struct fs_lock_waiter *w = waiter_in(run->m, g, e);
		const char *fact = run_text(run, "%s %s %s", g->node[e->from].label, e->what,
					    g->node[e->to].label);

		if (w)
			lock_waiter_evidence(run, &ev, w, fact);
		else
			evidence_add(run, &ev, NULL, e->at, e->field, fact, "0x%llx",
				     (unsigned long long)e->value);
	}
	return evidence_take(run, &ev, ret_n);
}

/* Begin where a thread waits, so that the sentence reads well. */
static void turn(const struct fs_graph *g, struct fs_cycle *c)
{
	size_t i, first;

	for (i = 0; i < c->n; i++)
		if (g->node[g->edge[c->edge[0]].from].kind != FS_NODE_THREAD) {
			first = c->edge[0];
			memmove(c->edge, c->edge + 1, (c->n - 1) * sizeof(*c->edge));
			c->edge[c->n - 1] = first;
		}
}

/* The other thread of the cycle: the one that the unload waits for, in the end. */
static struct fs_subject other_thread(const struct fs_graph *g, const struct fs_cycle *c,
				      uint64_t own)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct fs_node *n = &g->node[g->edge[c->edge[i]].from];

		if (n->kind == FS_NODE_THREAD && n->address != own)
			return (struct fs_subject){"thread", n->address, ""};
	}
	return (struct fs_subject){NULL, 0, ""};
}

static void conclude(struct check_run *run, size_t filter, const struct fs_finding *fd,
		     const struct fs_cycle *c)
{
	struct waiter w = waiter_of(run, filter);
	uint64_t own = w.thread >= 0 ? run->m->threads[w.thread].address : 0;

	if (run->stages[filter] == FS_S0 && !pending_verdict(run, filter))
		return;
	/* more than any count of references: nothing else matters while it stands */
	verdict_cause(run, filter, fd, UINT64_MAX, other_thread(run->graph, c, own));
}

/* The filter whose unload waits in it, from the `from`-th on; nfilters: none. */
static size_t filter_in(const struct check_run *run, size_t from, size_t cycle)
{
	const struct fs_graph *g = run->graph;

	for (; from < run->m->nfilters; from++)
		if (graph_leads_to_cycle(g, graph_node_of(g, FS_NODE_FILTER, (int32_t)from)) ==
		    (int32_t)cycle)
			break;
	return from;
}

void chk_lock_cycle(struct check_run *run)
{
	struct fs_graph *g = run->graph;
	const struct fs_model *m = run->m;
	size_t i, k;

	for (i = 0; i < g->ncycles; i++) {
		struct fs_cycle *c = &g->cycle[i];
		struct fs_finding *fd;

		turn(g, c);
		k = filter_in(run, 0, i);
		if (k < m->nfilters)
			fd = finding_add(run, "lock-cycle", sure(m, g, c), "filter",
					 m->filters[k].address, filter_label(run, k));
		else
			fd = finding_add(run, "lock-cycle", sure(m, g, c), "thread",
					 g->node[g->edge[c->edge[0]].from].address, "");
		if (!fd)
			return;
		fd->message = run_text(run, "Threads wait for each other: %s", in_words(run, g, c));
		fd->evidence = premises(run, g, c, &fd->nevidence);
		for (; k < m->nfilters; k = filter_in(run, k + 1, i))
			conclude(run, k, fd, c);
	}
}
