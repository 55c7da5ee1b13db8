/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DOT language: an ID in quotes has one escape of its own, \", and escString
 * labels read \n, \l, \N and the like besides, so that a backslash is doubled.
 * What could act on a terminal is made visible first: people `cat` such files.
 */
#include "emit/dot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* One line of a label, up to n bytes. */
static bool write_line(FILE *out, const char *s, size_t n)
{
	char *line = strndup(s, n), *safe = NULL;
	size_t size, i;
	bool ok = false;

	if (!line)
		return false;
	size = escape_terminal(line, NULL, 0) + 1;
	safe = malloc(size);
	if (safe) {
		(void)escape_terminal(line, safe, size);
		ok = true;
		for (i = 0; ok && safe[i]; i++) {
			if (safe[i] == '"' || safe[i] == '\\')
				ok = fputc('\\', out) != EOF;
			ok = ok && fputc(safe[i], out) != EOF;
		}
	}
	free(line);
	free(safe);
	return ok;
}

static bool write_label(FILE *out, const char *s)
{
	bool ok = fputs("label=\"", out) != EOF;

	while (ok && *s) {
		size_t n = strcspn(s, "\n");

		ok = write_line(out, s, n);
		s += n;
		if (ok && *s) {
			ok = fputs("\\n", out) != EOF;
			s++;
		}
	}
	return ok && fputc('"', out) != EOF;
}

static bool write_node(FILE *out, size_t i, const struct dot_node *n)
{
	return fprintf(out, "\tn%zu [shape=%s, ", i, n->shape) > 0 && write_label(out, n->label) &&
	       fputs(n->strong ? ", color=red, penwidth=2];\n" : "];\n", out) != EOF;
}

static bool write_edge(FILE *out, const struct dot_edge *e)
{
	return fprintf(out, "\tn%zu -> n%zu [", e->from, e->to) > 0 && write_label(out, e->label) &&
	       fprintf(out, "%s%s];\n", e->dashed ? ", style=dashed" : "",
		       e->strong ? ", color=red, penwidth=2" : "") > 0;
}

bool dot_write(FILE *out, const struct dot_graph *g)
{
	bool ok = fprintf(out, "digraph %s {\n\trankdir=LR;\n\tnode [fontname=\"monospace\"];\n",
			  g->name) > 0;
	size_t i;

	for (i = 0; ok && i < g->nnodes; i++)
		ok = write_node(out, i, &g->node[i]);
	for (i = 0; ok && i < g->nedges; i++)
		ok = write_edge(out, &g->edge[i]);
	ok = ok && fputs("}\n", out) != EOF;
	if (ok && fflush(out) != 0)
		ok = false;
	if (!ok && !errno)
		errno = EIO;
	return ok;
}
