/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits for whom: threads, the locks and mutants they wait for and own, rundowns,
 * and the filters and instances whose unload and teardown they run. Part of the
 * report (finding.h), owned by the handle; labels may quote the dump.
 *
 * An edge leads from what waits to what it waits for: thread to lock to the thread
 * that owns it; filter to the thread that runs its unload; thread to the rundown it
 * waits for; rundown to what holds it. A cycle of edges never ends by itself.
 */
#ifndef FLTSCOPE_GRAPH_H
#define FLTSCOPE_GRAPH_H

#include "fltscope/value.h"

enum fs_node_kind {
	FS_NODE_THREAD,
	FS_NODE_LOCK,	 /* ERESOURCE */
	FS_NODE_MUTANT,	 /* KMUTANT */
	FS_NODE_RUNDOWN, /* EX_RUNDOWN_REF of a filter or an instance */
	FS_NODE_FILTER,
	FS_NODE_INSTANCE,
	FS_NODE_HOLDER, /* what holds a rundown: a context, a port, an operation */
};
const char *fs_node_kind_name(enum fs_node_kind k); /* "thread", "lock", … */

struct fs_node {
	enum fs_node_kind kind;
	uint64_t address;  /* VA: ETHREAD, ERESOURCE, EX_RUNDOWN_REF … */
	int32_t index;	   /* of the thread, filter, instance or lock in the model; -1 */
	const char *label; /* for people: "FilterUnloadLock of Frame 0" */
	bool in_cycle;
};

struct fs_edge {
	size_t from, to;   /* nodes, by index */
	const char *what;  /* "waits for", "is owned by", "is held by" … */
	const char *field; /* what proves it: "ERESOURCE.OwnerEntry.OwnerThread" */
	uint64_t at, value; /* VA of that field, and what stands there */
	bool certain;	   /* false: found by scanning a stack, or one of several reasons */
	bool in_cycle;
};

struct fs_cycle {
	size_t *edge; /* edges, by index, each beginning where the one before ends */
	size_t n;
	bool certain; /* each edge is */
};

struct fs_graph {
	struct fs_node *node;
	size_t nnodes;
	struct fs_edge *edge;
	size_t nedges;
	/* One for each group of nodes that wait for each other: a shortest one in it. */
	struct fs_cycle *cycle;
	size_t ncycles;
	bool limited; /* larger than is kept: not all of it is here */
};

#endif
