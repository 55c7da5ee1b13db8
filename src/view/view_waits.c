/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread that waits, of a verdict; and who waits for whom, of the report. */
#include "view/waits.h"

#include <inttypes.h>

#include "view/common.h"
#include "view/stacks.h"

static const struct fs_thread *thread_at(const struct fs_model *m, uint64_t address)
{
	int32_t t = address && m ? fs_thread_at(m, address) : -1;

	return t >= 0 ? &m->threads[t] : NULL;
}

void json_waiter(struct view *v, const struct fs_verdict *d)
{
	const struct fs_thread *t = thread_at(v->m, d->waiter_thread);
	struct fields f;

	if (!d->waiter_thread)
		return;
	fields_begin(v, &f, "waiter");
	emit_address(v->e, "thread", d->waiter_thread);
	emit_string(v->e, "confidence", fs_confidence_name(d->waiter_sure));
	if (t) {
		if (image_of_thread(v, t))
			emit_string(v->e, "process", image_of_thread(v, t));
		if (fs_is_read(&t->pid))
			show_value(v, &f, "pid", NULL, &t->pid, NUM_DEC);
		if (fs_is_read(&t->tid))
			show_value(v, &f, "tid", NULL, &t->tid, NUM_DEC);
		json_kernel_stack(v, &t->stack);
	}
	fields_end(v, &f);
}

/* WinDbg's !thread: THREAD address  Cid pid.tid  …; the stack in its columns. */
void text_waiter(struct view *v, const struct fs_verdict *d)
{
	const struct fs_thread *t = thread_at(v->m, d->waiter_thread);
	const char *cid = "", *image = NULL;
	size_t i;

	if (!d->waiter_thread || !emit_is_text(v->e))
		return;
	if (t && fs_is_read(&t->pid) && fs_is_read(&t->tid))
		cid = text_printf(v, "  Cid %04" PRIx64 ".%04" PRIx64 "%s", t->pid.v, t->tid.v,
				  text_mark(v, t->pid.unproved || t->tid.unproved));
	if (t)
		image = image_of_thread(v, t);
	emit_line(v->e, "Waiting thread: %s%s%s%s (%s)", text_ptr(v, d->waiter_thread), cid,
		  image ? "  " : "", image ? image : "", fs_confidence_name(d->waiter_sure));
	if (!t)
		return;
	emit_indent(v->e, 1);
	for (i = 0; i < t->stack.n; i++) {
		const struct fs_stack_frame *f = &t->stack.frame[i];

		emit_line(v->e, "%s %s%s", text_ptr(v, f->sp),
			  f->ip.symbol		  ? f->ip.symbol
			  : fs_is_read(&f->ip.va) ? text_ptr(v, f->ip.va.v)
						  : "(not read)",
			  text_how(f));
	}
	if (t->stack.why)
		emit_paragraph(v->e, text_printf(v, "The stack ends here: %s", t->stack.why));
	emit_indent(v->e, -1);
}

static void json_node(struct view *v, size_t id, const struct fs_node *n)
{
	emit_object_begin(v->e, NULL);
	emit_uint(v->e, "id", id);
	emit_string(v->e, "kind", fs_node_kind_name(n->kind));
	emit_address(v->e, "address", n->address);
	emit_string(v->e, "label", n->label);
	emit_object_end(v->e);
}

static void json_edge(struct view *v, const struct fs_edge *e)
{
	emit_object_begin(v->e, NULL);
	emit_uint(v->e, "from", e->from);
	emit_uint(v->e, "to", e->to);
	emit_string(v->e, "what", e->what);
	emit_string(v->e, "field", e->field);
	if (e->at)
		emit_address(v->e, "address", e->at);
	else
		emit_null(v->e, "address");
	emit_bool(v->e, "certain", e->certain);
	emit_object_end(v->e);
}

static void json_cycles(struct view *v, const struct fs_graph *g)
{
	size_t i, k;

	emit_array_begin(v->e, "cycles");
	for (i = 0; i < g->ncycles; i++) {
		emit_array_begin(v->e, NULL);
		for (k = 0; k < g->cycle[i].n; k++)
			emit_uint(v->e, NULL, g->edge[g->cycle[i].edge[k]].from);
		emit_array_end(v->e);
	}
	emit_array_end(v->e);
}

void json_wait_for(struct view *v, const struct fs_graph *g)
{
	size_t i;

	if (!g)
		return;
	emit_object_begin(v->e, "wait_for");
	emit_array_begin(v->e, "nodes");
	for (i = 0; i < g->nnodes; i++)
		json_node(v, i, &g->node[i]);
	emit_array_end(v->e);
	emit_array_begin(v->e, "edges");
	for (i = 0; i < g->nedges; i++)
		json_edge(v, &g->edge[i]);
	emit_array_end(v->e);
	json_cycles(v, g);
	if (g->limited)
		emit_bool(v->e, "limited", true);
	emit_object_end(v->e);
}
