/* SPDX-License-Identifier: BSD-2-Clause */
/* Building the wait-for graph (fltscope/graph.h). */
#ifndef CHECK_GRAPH_H
#define CHECK_GRAPH_H

#include "check/unload.h"
#include "fltscope/graph.h"

/* More than any real hang has; beyond it the graph says so. */
#define GRAPH_MAX_NODES 8192
#define GRAPH_MAX_EDGES 32768

struct graph_builder {
	struct check_run *run;
	VEC(struct fs_node) node;
	VEC(struct fs_edge) edge;
	/* node + 1 of each entity of the model, by its index; 0 none */
	uint32_t *thread, *lock, *filter, *instance, *filter_rundown, *instance_rundown;
	bool limited;
};

/* Everything but what holds the rundowns, which the verdicts tell: run->graph. */
bool graph_build(struct check_run *run);
/* Add the culprits of the verdicts; after all rules have run. */
bool graph_finish(struct check_run *run);

/* Fill g->cycle (graph_cycles.c); false when out of memory. */
bool graph_cycles(struct check_run *run, struct fs_graph *g);

/* The node of a thread or filter by its index in the model, SIZE_MAX: none. */
size_t graph_node_of(const struct fs_graph *g, enum fs_node_kind kind, int32_t index);
/* Is there a way from node to a cycle's nodes without leaving edges? The cycle, or -1. */
int32_t graph_leads_to_cycle(const struct fs_graph *g, size_t node);

#endif
