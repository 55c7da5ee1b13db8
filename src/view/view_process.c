/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes, as !process 0 0 prints them; processors, as !running does. */
#include "view/threads.h"

#include <inttypes.h>

static const char *hex4(struct view *v, const struct fs_value *val)
{
	return fs_is_read(val)
		       ? text_printf(v, "%04" PRIx64 "%s", val->v, text_mark(v, val->unproved))
		       : shown(v, val, NUM_DEC);
}

static const char *count(struct view *v, const struct fs_value *val)
{
	return val->state == FS_NONE ? "not known" : text_value(v, val, NUM_DEC);
}

static void text_process(struct view *v, const struct fs_process *p)
{
	emit_line(v->e, "PROCESS %s", text_ptr(v, p->address));
	emit_line(v->e, "    Session: %s  Cid: %s    Peb: %s  ParentCid: %s",
		  shown(v, &p->session, NUM_PTR), hex4(v, &p->pid), shown(v, &p->peb, NUM_PTR),
		  hex4(v, &p->parent_pid));
	emit_line(v->e, "    DirBase: %s  ObjectTable: %s  HandleCount: %s",
		  shown(v, &p->directory_table_base, NUM_PTR), shown(v, &p->object_table, NUM_PTR),
		  count(v, &p->handle_count));
	emit_line(v->e, "    Image: %s%s",
		  plain(&p->image) ? plain(&p->image) : text_string(v, &p->image, NULL),
		  text_mark(v, p->image.state == FS_READ && p->image.unproved));
}

/* How long it has run, or ran: until the dump was written. */
static const char *elapsed(struct view *v, const struct fs_process *p)
{
	const struct fs_value *end = fs_has(&p->exit_time, UINT64_MAX) ? &p->exit_time
								       : &v->m->dump.time;
	uint64_t ms;

	if (!fs_is_read(&p->create_time) || !fs_is_read(&p->exit_time) || !fs_is_read(end) ||
	    end->v < p->create_time.v || !text_filetime(v, p->create_time.v) ||
	    !text_filetime(v, end->v))
		return "not known";
	ms = (end->v - p->create_time.v) / 10000;
	return text_printf(v, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, ms / 3600000,
			   ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

static void text_times(struct view *v, const struct fs_process *p)
{
	emit_line(v->e, "    CreateTime                        %s", shown_time(v, &p->create_time));
	if (fs_has(&p->exit_time, UINT64_MAX) || p->exit_time.state == FS_MISSING)
		emit_line(v->e, "    ExitTime                          %s",
			  shown_time(v, &p->exit_time));
	emit_line(v->e, "    ElapsedTime                       %s", elapsed(v, p));
}

/* Handles of this process that lead to something of the Filter Manager. */
static void show_handles(struct view *v, size_t index)
{
	size_t i;

	if (v->m->handles_looked == FS_LOOKED_NOT)
		return;
	emit_array_begin(v->e, "handles");
	for (i = 0; i < v->m->nhandles; i++) {
		const struct fs_handle *h = &v->m->handles[i];

		if (h->process != (int32_t)index)
			continue;
		emit_object_begin(v->e, NULL);
		emit_address(v->e, "value", h->value);
		emit_address(v->e, "object", h->object);
		show_value(v, NULL, "granted_access", NULL, &h->granted_access, NUM_PTR);
		emit_string(v->e, "kind", fs_handle_kind_name(h->kind));
		emit_address(v->e, "target", h->target);
		if (h->ccb)
			emit_address(v->e, "ccb", h->ccb);
		emit_object_end(v->e);
		if (emit_is_text(v->e))
			emit_line(v->e,
				  "    %04" PRIx64
				  ": Object: %s  GrantedAccess: %s  leads to %s %s",
				  h->value, text_ptr(v, h->object),
				  text_value(v, &h->granted_access, NUM_HEX8),
				  fs_handle_kind_name(h->kind), text_ptr(v, h->target));
	}
	emit_array_end(v->e);
}

static void json_process(struct view *v, struct fields *f, const struct fs_process *p)
{
	emit_address(v->e, "address", p->address);
	show_string(v, f, "image", NULL, &p->image);
	show_value(v, f, "pid", NULL, &p->pid, NUM_DEC);
	show_value(v, f, "parent_pid", NULL, &p->parent_pid, NUM_DEC);
	show_value(v, f, "session", NULL, &p->session, NUM_PTR);
	show_value(v, f, "peb", NULL, &p->peb, NUM_PTR);
	show_value(v, f, "directory_table_base", NULL, &p->directory_table_base, NUM_PTR);
	show_value(v, f, "object_table", NULL, &p->object_table, NUM_PTR);
	show_value(v, f, "handle_count", NULL, &p->handle_count, NUM_DEC);
	show_value(v, f, "commit_charge", NULL, &p->commit_charge, NUM_DEC);
	show_value(v, f, "exit_status", NULL, &p->exit_status, NUM_PTR);
	json_filetime(v, f, "create_time", &p->create_time);
	if (!fs_is_read(&p->exit_time) || p->exit_time.v) /* 0: it lives */
		json_filetime(v, f, "exit_time", &p->exit_time);
	emit_uint(v->e, "thread_count", p->nthreads);
	if (p->threads_stop != FS_STOP_CLOSED && p->by_list)
		emit_string(v->e, "threads_stopped", fs_stop_name(p->threads_stop));
}

void show_process(struct view *v, const char *key, size_t index, struct process_parts parts)
{
	const struct fs_process *p = &v->m->processes[index];
	struct fields f;
	size_t i;

	entity_begin(v);
	fields_begin(v, &f, key);
	json_process(v, &f, p);
	if (emit_is_text(v->e))
		text_process(v, p);
	if (emit_is_text(v->e) && parts.times)
		text_times(v, p);
	show_handles(v, index);
	if (parts.threads) {
		emit_array_begin(v->e, "threads");
		emit_indent(v->e, 3);
		for (i = 0; i < p->nthreads; i++)
			show_thread(v, NULL, p->threads[i],
				    parts.threads > 1 ? THREAD_WHOLE : THREAD_HEAD);
		emit_indent(v->e, -3);
		emit_array_end(v->e);
	}
	fields_end(v, &f);
}

void view_process(struct view *v, const size_t *index, size_t n, unsigned threads)
{
	size_t i;

	if (emit_is_text(v->e))
		emit_line(v->e, "**** NT ACTIVE PROCESS DUMP ****");
	emit_array_begin(v->e, "processes");
	for (i = 0; i < n; i++) {
		show_process(v, NULL, index[i], (struct process_parts){n == 1, threads});
		emit_blank(v->e);
	}
	emit_array_end(v->e);
	if (v->m->threads_why) {
		emit_string(v->e, "threads_why", v->m->threads_why);
		if (emit_is_text(v->e))
			emit_paragraph(v->e, text_printf(v, "Not everything was read: %s.",
							 v->m->threads_why));
	}
}

/* --- !running ------------------------------------------------------------------ */

static const char *current(struct view *v, const struct fs_processor *p)
{
	const struct fs_value *priority =
		p->thread >= 0 ? &v->m->threads[p->thread].priority : NULL;

	if (!priority || !fs_is_read(priority))
		return shown(v, &p->current_thread, NUM_PTR);
	return text_printf(v, "%s (%2" PRIu64 "%s)", shown(v, &p->current_thread, NUM_PTR),
			   priority->v, text_mark(v, priority->unproved));
}

static void text_processor(struct view *v, const struct fs_processor *p)
{
	const struct fs_thread *t = p->thread >= 0 ? &v->m->threads[p->thread] : NULL;
	const char *image = t && t->process >= 0 ? plain(&v->m->processes[t->process].image) : NULL;

	emit_line(v->e, "%3" PRIu32 "    %s  %s  %s  %s%s", p->number,
		  p->prcb ? text_ptr(v, p->prcb) : "(not in dump)   ", current(v, p),
		  p->next_thread.state == FS_READ && p->next_thread.v == 0
			  ? "                "
			  : shown(v, &p->next_thread, NUM_PTR),
		  shown(v, &p->idle_thread, NUM_PTR),
		  p->idle ? "  idle"
		  : image ? text_printf(v, "  %s %s%s", text_cid(v, t), image,
					text_mark(v, v->m->processes[t->process].image.unproved))
			  : "");
}

static void json_processor(struct view *v, const struct fs_processor *p)
{
	struct fields f;

	fields_begin(v, &f, NULL);
	emit_uint(v->e, "number", p->number);
	if (p->prcb)
		emit_address(v->e, "prcb", p->prcb);
	show_value(v, &f, "current_thread", NULL, &p->current_thread, NUM_PTR);
	show_value(v, &f, "next_thread", NULL, &p->next_thread, NUM_PTR);
	show_value(v, &f, "idle_thread", NULL, &p->idle_thread, NUM_PTR);
	emit_bool(v->e, "idle", p->idle);
	fields_end(v, &f);
}

void view_running(struct view *v)
{
	const struct fs_model *m = v->m;
	size_t i;

	if (emit_is_text(v->e))
		emit_line(
			v->e,
			"       Prcbs             Current         (pri)   Next              Idle");
	emit_array_begin(v->e, "processors");
	for (i = 0; i < m->nprocessors; i++) {
		entity_begin(v);
		json_processor(v, &m->processors[i]);
		if (emit_is_text(v->e))
			text_processor(v, &m->processors[i]);
	}
	emit_array_end(v->e);
	if (emit_is_text(v->e) && fs_is_read(&m->dump.processors) &&
	    m->dump.processors.v != m->nprocessors)
		emit_line(v->e, "%s of %" PRIu64 " read",
			  text_count(v, m->nprocessors, "processor"), m->dump.processors.v);
	emit_array_begin(v->e, "threads");
	for (i = 0; i < m->nprocessors; i++)
		if (m->processors[i].thread >= 0 && !m->processors[i].idle) {
			emit_blank(v->e);
			show_thread(v, NULL, (size_t)m->processors[i].thread, THREAD_WHOLE);
		}
	emit_array_end(v->e);
}
