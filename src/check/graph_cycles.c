/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cycles of the wait-for graph: the strongly connected components by Tarjan's
 * algorithm (SIAM J. Comput. 1, 1972), without recursion since the dump decides how
 * deep it goes; and in each of them a shortest cycle by breadth-first search.
 */
#include "check/graph.h"

#include <stdlib.h>
#include <string.h>

struct tarjan {
	const struct fs_graph *g;
	size_t *first, *next; /* edges by the node they leave: chains, SIZE_MAX ends */
	size_t *index, *low;  /* visit number + 1; 0 not visited */
	size_t *stack, nstack;
	size_t *call, *edge, ncall; /* the recursion: node, and its edge that is looked at */
	size_t *component, ncomponents;
	bool *on_stack;
	size_t visits;
};

static bool make(struct tarjan *t, const struct fs_graph *g)
{
	size_t **arrays[] = {&t->first, &t->index, &t->low,	 &t->stack,
			     &t->call,	&t->edge,  &t->component};
	size_t i;

	t->g = g;
	for (i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		*arrays[i] = calloc(g->nnodes + 1, sizeof(size_t));
		if (!*arrays[i])
			return false;
	}
	t->next = calloc(g->nedges + 1, sizeof(size_t));
	t->on_stack = calloc(g->nnodes + 1, sizeof(bool));
	if (!t->next || !t->on_stack)
		return false;
	for (i = 0; i < g->nnodes; i++)
		t->first[i] = t->component[i] = SIZE_MAX;
	for (i = g->nedges; i-- > 0;) {
		t->next[i] = t->first[g->edge[i].from];
		t->first[g->edge[i].from] = i;
	}
	return true;
}

static void unmake(struct tarjan *t)
{
	free(t->first);
	free(t->next);
	free(t->index);
	free(t->low);
	free(t->stack);
	free(t->call);
	free(t->edge);
	free(t->component);
	free(t->on_stack);
}

static void enter(struct tarjan *t, size_t node)
{
	t->index[node] = t->low[node] = ++t->visits;
	t->stack[t->nstack++] = node;
	t->on_stack[node] = true;
	t->call[t->ncall] = node;
	t->edge[t->ncall++] = t->first[node];
}

static void leave(struct tarjan *t)
{
	size_t node = t->call[--t->ncall], parent;

	if (t->ncall) {
		parent = t->call[t->ncall - 1];
		if (t->low[node] < t->low[parent])
			t->low[parent] = t->low[node];
	}
	if (t->low[node] != t->index[node])
		return;
	do {
		parent = t->stack[--t->nstack];
		t->on_stack[parent] = false;
		t->component[parent] = t->ncomponents;
	} while (parent != node);
	t->ncomponents++;
}

static void components(struct tarjan *t)
{
	size_t i;

	for (i = 0; i < t->g->nnodes; i++) {
		if (t->index[i])
			continue;
		enter(t, i);
		while (t->ncall) {
			size_t top = t->ncall - 1, e = t->edge[top], to;

			if (e == SIZE_MAX) {
				leave(t);
				continue;
			}
			t->edge[top] = t->next[e];
			to = t->g->edge[e].to;
			if (!t->index[to])
				enter(t, to);
			else if (t->on_stack[to] && t->index[to] < t->low[t->call[top]])
				t->low[t->call[top]] = t->index[to];
		}
	}
}

/* A shortest way from `start` back to it inside its component. The arrays of the
 * search serve again: `low` is the edge that led to a node, `stack` the queue. */
static size_t *shortest(struct check_run *run, struct tarjan *t, size_t start, size_t *ret_n)
{
	const struct fs_graph *g = t->g;
	size_t head = 0, tail = 0, i, e, n = 0, last = SIZE_MAX, *way;

	for (i = 0; i < g->nnodes; i++)
		t->low[i] = SIZE_MAX;
	t->stack[tail++] = start;
	while (head < tail && last == SIZE_MAX) {
		size_t node = t->stack[head++];

		for (e = t->first[node]; e != SIZE_MAX; e = t->next[e]) {
			size_t to = g->edge[e].to;

			if (t->component[to] != t->component[start] || t->low[to] != SIZE_MAX)
				continue;
			t->low[to] = e;
			if (to == start) {
				last = e;
				break;
			}
			t->stack[tail++] = to;
		}
	}
	if (last == SIZE_MAX)
		return NULL;
	for (e = last, n = 1; g->edge[e].from != start; n++)
		e = t->low[g->edge[e].from];
	way = arena_alloc(run->a, n * sizeof(*way));
	if (!way) {
		run->out_of_memory = true;
		return NULL;
	}
	for (e = last, i = n; i-- > 0; e = t->low[g->edge[e].from])
		way[i] = e;
	*ret_n = n;
	return way;
}

static void mark(struct fs_graph *g, struct fs_cycle *c)
{
	size_t i;

	c->certain = true;
	for (i = 0; i < c->n; i++) {
		struct fs_edge *e = &g->edge[c->edge[i]];

		e->in_cycle = true;
		g->node[e->from].in_cycle = true;
		c->certain = c->certain && e->certain;
	}
}

/* One cycle for each component that has one, from its first node. */
static bool collect(struct check_run *run, struct tarjan *t, struct fs_graph *g)
{
	bool *done = calloc(t->ncomponents + 1, sizeof(*done));
	size_t *size = calloc(t->ncomponents + 1, sizeof(*size));
	size_t i, several = 0;

	for (i = 0; done && size && i < g->nnodes; i++)
		several += ++size[t->component[i]] == 2;
	g->cycle = arena_alloc(run->a, (several + 1) * sizeof(*g->cycle));
	for (i = 0; done && size && g->cycle && i < g->nnodes; i++) {
		struct fs_cycle *c = &g->cycle[g->ncycles];

		if (size[t->component[i]] < 2 || done[t->component[i]])
			continue;
		done[t->component[i]] = true;
		c->edge = shortest(run, t, i, &c->n);
		if (!c->edge)
			continue;
		mark(g, c);
		g->ncycles++;
	}
	i = done && size && g->cycle;
	free(done);
	free(size);
	return i;
}

bool graph_cycles(struct check_run *run, struct fs_graph *g)
{
	struct tarjan t = {0};
	bool ok = make(&t, g);

	if (ok) {
		components(&t);
		ok = collect(run, &t, g);
	}
	unmake(&t);
	return ok && !run->out_of_memory;
}

size_t graph_node_of(const struct fs_graph *g, enum fs_node_kind kind, int32_t index)
{
	size_t i;

	for (i = 0; i < g->nnodes; i++)
		if (g->node[i].kind == kind && g->node[i].index == index)
			return i;
	return SIZE_MAX;
}

static bool is_of(const struct fs_graph *g, const struct fs_cycle *c, size_t node)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (g->edge[c->edge[i]].from == node)
			return true;
	return false;
}

int32_t graph_leads_to_cycle(const struct fs_graph *g, size_t node)
{
	size_t i, k;

	for (i = 0; node != SIZE_MAX && i < g->ncycles; i++) {
		if (is_of(g, &g->cycle[i], node))
			return (int32_t)i;
		for (k = 0; k < g->nedges; k++)
			if (g->edge[k].from == node && is_of(g, &g->cycle[i], g->edge[k].to) &&
			    g->node[g->edge[k].to].kind == FS_NODE_THREAD)
				return (int32_t)i;
	}
	return -1;
}
