/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory, in the form of !vm: "Name:  pages (  Kb)" (the first seed's article shows it). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "view/threads.h"

#define KB_A_PAGE 4u

static void row(struct view *v, const char *name, const struct fs_value *val, bool bytes)
{
	if (!emit_is_text(v->e))
		return;
	if (!fs_is_read(val))
		emit_line(v->e, "%-30s %s", text_printf(v, "%s:", name),
			  val->at ? shown(v, val, NUM_DEC) : "not known");
	else if (bytes)
		emit_line(v->e, "%-30s %14s (%11" PRIu64 " Kb)", text_printf(v, "%s:", name), "",
			  val->v / 1024);
	else
		emit_line(v->e, "%-30s %14" PRIu64 " (%11" PRIu64 " Kb)%s",
			  text_printf(v, "%s:", name), val->v,
			  val->v <= UINT64_MAX / KB_A_PAGE ? val->v * KB_A_PAGE : UINT64_MAX,
			  text_mark(v, val->unproved));
}

static int by_commit(const void *a, const void *b, void *arg)
{
	const struct fs_process *p = arg;
	const struct fs_value *x = &p[*(const size_t *)a].commit_charge;
	const struct fs_value *y = &p[*(const size_t *)b].commit_charge;

	return x->v > y->v ? -1 : x->v < y->v;
}

static void processes(struct view *v)
{
	const struct fs_model *m = v->m;
	size_t *order = calloc(m->nprocesses + 1, sizeof(*order)), i, n = 0;

	for (i = 0; order && i < m->nprocesses; i++)
		if (fs_is_read(&m->processes[i].commit_charge))
			order[n++] = i;
	if (n)
		qsort_r(order, n, sizeof(*order), by_commit, m->processes);
	emit_array_begin(v->e, "processes");
	for (i = 0; i < n; i++) {
		const struct fs_process *p = &m->processes[order[i]];
		struct fields f;

		entity_begin(v);
		fields_begin(v, &f, NULL);
		emit_address(v->e, "address", p->address);
		show_value(v, &f, "pid", NULL, &p->pid, NUM_DEC);
		show_string(v, &f, "image", NULL, &p->image);
		show_value(v, &f, "commit_charge", NULL, &p->commit_charge, NUM_DEC);
		fields_end(v, &f);
		row(v,
		    text_printf(v, "   %04" PRIx64 " %s", fs_is_read(&p->pid) ? p->pid.v : 0,
				plain(&p->image) ? plain(&p->image) : "?"),
		    &p->commit_charge, false);
	}
	emit_array_end(v->e);
	free(order);
}

void view_vm(struct view *v, const struct view_counter *counters, size_t n)
{
	size_t i;

	emit_object_begin(v->e, "counters");
	for (i = 0; i < n; i++) {
		show_value(v, NULL, counters[i].name, NULL, &counters[i].value, NUM_DEC);
		row(v, counters[i].name, &counters[i].value, counters[i].bytes);
	}
	emit_object_end(v->e);
	emit_blank(v->e);
	processes(v);
}
