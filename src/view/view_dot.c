/* SPDX-License-Identifier: BSD-2-Clause */
/* Who waits for whom, as a graph for Graphviz. */
#include "view/dot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *shape_of(enum fs_node_kind k)
{
	switch (k) {
	case FS_NODE_THREAD:
		return "box";
	case FS_NODE_LOCK:
	case FS_NODE_MUTANT:
		return "hexagon";
	case FS_NODE_RUNDOWN:
		return "ellipse";
	case FS_NODE_FILTER:
	case FS_NODE_INSTANCE:
		return "component";
	case FS_NODE_HOLDER:
		break;
	}
	return "note";
}

static bool node(struct arena *a, const struct fs_node *n, struct dot_node *ret)
{
	char address[24];

	(void)snprintf(address, sizeof(address), "0x%" PRIx64, n->address);
	ret->shape = shape_of(n->kind);
	ret->strong = n->in_cycle;
	/* most labels name the address already */
	ret->label =
		strstr(n->label, address) ? n->label : arena_printf(a, "%s\n%s", n->label, address);
	return ret->label != NULL;
}

bool view_dot(struct arena *a, const struct fs_graph *g, struct dot_graph *ret)
{
	size_t i;

	*ret = (struct dot_graph){.name = "wait_for"};
	ret->node = arena_alloc(a, (g->nnodes + 1) * sizeof(*ret->node));
	ret->edge = arena_alloc(a, (g->nedges + 1) * sizeof(*ret->edge));
	if (!ret->node || !ret->edge)
		return false;
	for (i = 0; i < g->nnodes; i++)
		if (!node(a, &g->node[i], &ret->node[i]))
			return false;
	for (i = 0; i < g->nedges; i++) {
		const struct fs_edge *e = &g->edge[i];

		ret->edge[i] =
			(struct dot_edge){.from = e->from,
					  .to = e->to,
					  .label = e->at ? arena_printf(a, "%s\n%s 0x%" PRIx64,
									e->what, e->field, e->at)
							 : e->what,
					  .dashed = !e->certain,
					  .strong = e->in_cycle};
		if (!ret->edge[i].label)
			return false;
	}
	ret->nnodes = g->nnodes;
	ret->nedges = g->nedges;
	return true;
}
