/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A directed graph for Graphviz (https://graphviz.org/doc/info/lang.html). The view
 * fills plain data, this writes it; labels may hold anything the dump held.
 */
#ifndef EMIT_DOT_H
#define EMIT_DOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct dot_node {
	const char *label; /* lines end with '\n' */
	const char *shape; /* of Graphviz: "box", "ellipse" … */
	bool strong;	   /* part of what is wrong */
};

struct dot_edge {
	size_t from, to; /* nodes, by index */
	const char *label;
	bool dashed; /* not certain */
	bool strong;
};

struct dot_graph {
	const char *name; /* an identifier */
	struct dot_node *node;
	size_t nnodes;
	struct dot_edge *edge;
	size_t nedges;
};

/* False, with errno, when writing failed. */
bool dot_write(FILE *out, const struct dot_graph *g);

#endif
