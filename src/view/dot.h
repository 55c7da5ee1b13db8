/* SPDX-License-Identifier: BSD-2-Clause */
/* The wait-for graph of a report as nodes and edges for Graphviz (emit/dot.h). */
#ifndef VIEW_DOT_H
#define VIEW_DOT_H

#include "base/arena.h"
#include "emit/dot.h"
#include "fltscope/finding.h"

/* Everything in *ret lives in the arena or in the report. False: out of memory. */
bool view_dot(struct arena *a, const struct fs_graph *g, struct dot_graph *ret);

#endif
