/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread, as !thread prints it (facts: transcript 22). */
#include "view/threads.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

const char *shown(struct view *v, const struct fs_value *val, enum number_style style)
{
	bool mark = val->state == FS_READ && val->unproved;

	return mark ? text_printf(v, "%s%s", text_value(v, val, style), text_mark(v, true))
		    : text_value(v, val, style);
}

const char *text_cid(struct view *v, const struct fs_thread *t)
{
	const char *pid = fs_is_read(&t->pid) ? text_printf(v, "%04" PRIx64, t->pid.v) : "????";
	bool unproved = t->pid.unproved || t->tid.unproved;
	const char *tid = fs_is_read(&t->tid) ? text_printf(v, "%04" PRIx64, t->tid.v) : "????";

	/* Windows 7's layout does not know the thread's own, but its process does */
	if (!fs_is_read(&t->pid) && t->process >= 0 &&
	    fs_is_read(&v->m->processes[t->process].pid)) {
		pid = text_printf(v, "%04" PRIx64, v->m->processes[t->process].pid.v);
		unproved = unproved || v->m->processes[t->process].pid.unproved;
	}
	return text_printf(v, "%s.%s%s", pid, tid, text_mark(v, unproved));
}

/* Ticks as 00:00:01.046. */
static const char *text_ticks(struct view *v, const struct fs_value *ticks)
{
	const struct fs_value *each = &v->m->tick_100ns;
	uint64_t ms;

	if (!fs_is_read(ticks))
		return text_value(v, ticks, NUM_DEC);
	if (!fs_is_read(each) || each->v == 0 || ticks->v > UINT64_MAX / each->v)
		return text_printf(v, "%" PRIu64 " ticks%s", ticks->v,
				   text_mark(v, ticks->unproved));
	ms = ticks->v * each->v / 10000;
	return text_printf(v, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64 "%s",
			   ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000,
			   text_mark(v, ticks->unproved));
}

/* "WAIT: (WrRundown) KernelMode", "RUNNING on processor 0", "READY" … */
static const char *text_state(struct view *v, const struct fs_thread *t)
{
	const char *reason = t->wait_reason_name, *mode = "";
	char name[40] = "";
	size_t i;

	if (!fs_is_read(&t->state))
		return shown(v, &t->state, NUM_DEC);
	if (t->state.v == FS_THREAD_WAITING) {
		if (fs_is_read(&t->wait_mode))
			mode = text_printf(v, " %s%s", t->wait_mode.v ? "UserMode" : "KernelMode",
					   text_mark(v, t->wait_mode.unproved));
		if (reason)
			reason = text_printf(v, "%s%s", reason,
					     text_mark(v, t->wait_reason.unproved));
		else
			reason = shown(v, &t->wait_reason, NUM_DEC);
		return text_printf(v, "WAIT: (%s)%s", reason, mode);
	}
	for (i = 0; t->state_name && t->state_name[i] && i + 1 < sizeof(name); i++)
		name[i] = (char)toupper((unsigned char)t->state_name[i]);
	if (t->state.v == FS_THREAD_RUNNING && t->processor >= 0)
		return text_printf(v, "RUNNING on processor %" PRId32, t->processor);
	return name[0] ? text_printf(v, "%s", name) : text_printf(v, "state %" PRIu64, t->state.v);
}

static void text_waits(struct view *v, const struct fs_thread *t)
{
	const struct fs_lock *l = fs_lock_waited_for(v->m, (int32_t)(t - v->m->threads));
	size_t i;

	for (i = 0; i < t->nwaits; i++) {
		const struct fs_wait *w = &t->waits[i];
		const char *kind = w->kind ? w->kind : "Unknown";

		if (fs_is_read(&w->type) == false && w->type.state == FS_MISSING)
			kind = text_missing(v, w->type.gap);
		emit_line(v->e, "        %s  %s%s%s", shown(v, &w->object, NUM_PTR), kind,
			  fs_is_read(&w->owner) && w->owner.v
				  ? text_printf(v, " - owning thread %s", shown(v, &w->owner, NUM_PTR))
				  : "",
			  w->thread >= 0 ? text_printf(v, " Cid %s",
						       text_cid(v, &v->m->threads[w->thread]))
					 : "");
	}
	if (l)
		emit_line(v->e, "        of Resource @ 0x%s  %s%s%s%s", text_ptr(v, l->address),
			  l->what, l->nowners ? " - owning thread " : "",
			  l->nowners ? shown(v, &l->owners[0].thread, NUM_PTR) : "",
			  l->nowners > 1 ? text_printf(v, " and %zu more", l->nowners - 1) : "");
	if (t->waits_looked == FS_LOOKED_PARTLY)
		emit_styled(v->e, EMIT_WARN, "        (not all that it waits for could be read)");
}

const char *shown_time(struct view *v, const struct fs_value *time)
{
	const char *s = fs_is_read(time) ? text_filetime(v, time->v) : NULL;

	if (!fs_is_read(time))
		return time->state == FS_NONE ? "not known" : text_value(v, time, NUM_PTR_0X);
	return text_printf(v, "%s%s", s ? s : text_value(v, time, NUM_PTR_0X),
			   text_mark(v, time->unproved));
}

static const char *text_code(struct view *v, const struct fs_code *c)
{
	if (!fs_is_read(&c->va))
		return text_value(v, &c->va, NUM_PTR_0X);
	if (!c->symbol)
		return text_printf(v, "0x%" PRIx64 "%s", c->va.v, text_mark(v, c->va.unproved));
	return text_printf(v, "%s (0x%" PRIx64 ")%s", c->symbol, c->va.v,
			   text_mark(v, c->va.unproved));
}

static void text_whole(struct view *v, const struct fs_thread *t)
{
	const struct fs_string *image =
		t->process >= 0 ? &v->m->processes[t->process].image : NULL;
	struct fs_value ticks = t->waiting_ticks;

	ticks.unproved = false; /* the count before it has the mark */
	emit_line(v->e, "Owning Process            %s       Image:         %s%s",
		  shown(v, &t->process_pointer, NUM_PTR),
		  image ? text_string(v, image, NULL) : "?",
		  text_mark(v, image && image->state == FS_READ && image->unproved));
	emit_line(v->e, "Wait Start TickCount      %-14s Ticks: %s%s",
		  shown(v, &t->wait_time, NUM_DEC),
		  t->waiting_ticks.state == FS_NONE ? "not known"
						    : shown(v, &t->waiting_ticks, NUM_DEC),
		  fs_is_read(&t->waiting_ticks)
			  ? text_printf(v, " (%s)", text_ticks(v, &ticks))
			  : "");
	emit_line(v->e, "Context Switch Count      %s", shown(v, &t->context_switches, NUM_DEC));
	emit_line(v->e, "CreateTime                %s", shown_time(v, &t->create_time));
	if (t->exit_time.state != FS_NONE)
		emit_line(v->e, "ExitTime                  %s", shown_time(v, &t->exit_time));
	emit_line(v->e, "UserTime                  %s", text_ticks(v, &t->user_time));
	emit_line(v->e, "KernelTime                %s", text_ticks(v, &t->kernel_time));
	if (t->start.va.state != FS_NONE)
		emit_line(v->e, "Start Address %s", text_code(v, &t->start));
	if (t->win32_start.va.state != FS_NONE)
		emit_line(v->e, "Win32 Start Address %s", text_code(v, &t->win32_start));
	emit_line(v->e, "Stack Init %s Current %s", shown(v, &t->initial_stack, NUM_PTR),
		  shown(v, &t->kernel_stack, NUM_PTR));
	emit_line(v->e, "Base %s Limit %s", shown(v, &t->stack_base, NUM_PTR),
		  shown(v, &t->stack_limit, NUM_PTR));
	emit_line(v->e, "Priority %s BasePriority %s", shown(v, &t->priority, NUM_DEC),
		  shown(v, &t->base_priority, NUM_DEC));
}

static void json_named(struct view *v, const char *key, const struct fs_value *val,
		       const char *name)
{
	if (val->state == FS_NONE)
		return;
	if (val->state == FS_MISSING) {
		emit_null(v->e, key);
		return;
	}
	emit_object_begin(v->e, key);
	emit_uint(v->e, "value", val->v);
	if (name)
		emit_string(v->e, "name", name);
	emit_object_end(v->e);
}

static void json_waits(struct view *v, const struct fs_thread *t)
{
	const struct fs_lock *l = fs_lock_waited_for(v->m, (int32_t)(t - v->m->threads));
	size_t i;

	if (t->waits_looked == FS_LOOKED_NOT)
		return;
	emit_array_begin(v->e, "waits");
	for (i = 0; i < t->nwaits; i++) {
		const struct fs_wait *w = &t->waits[i];
		struct fields f;

		fields_begin(v, &f, NULL);
		emit_address(v->e, "address", w->address);
		json_named(v, "wait_type", &w->wait_type, w->wait_type_name);
		show_value(v, &f, "object", NULL, &w->object, NUM_PTR);
		json_named(v, "type", &w->type, w->kind);
		if (fs_is_read(&w->type) && w->owner.state != FS_NONE)
			show_value(v, &f, "owner", NULL, &w->owner, NUM_PTR);
		fields_end(v, &f);
	}
	emit_array_end(v->e);
	if (l)
		emit_address(v->e, "waits_for_lock", l->address);
	emit_bool(v->e, "waits_whole", t->waits_looked == FS_LOOKED_WHOLE);
}

static void json_stack(struct view *v, struct fields *f, const struct fs_thread *t)
{
	show_value(v, f, "initial_stack", NULL, &t->initial_stack, NUM_PTR);
	show_value(v, f, "stack_base", NULL, &t->stack_base, NUM_PTR);
	show_value(v, f, "stack_limit", NULL, &t->stack_limit, NUM_PTR);
	show_value(v, f, "kernel_stack", NULL, &t->kernel_stack, NUM_PTR);
	show_value(v, f, "trap_frame", NULL, &t->trap_frame, NUM_PTR);
	show_value(v, f, "teb", NULL, &t->teb, NUM_PTR);
}

static void json_thread(struct view *v, const char *key, const struct fs_thread *t)
{
	struct fields f;

	fields_begin(v, &f, key);
	emit_address(v->e, "address", t->address);
	show_value(v, &f, "process", NULL, &t->process_pointer, NUM_PTR);
	if (t->process >= 0)
		show_string(v, NULL, "image", NULL, &v->m->processes[t->process].image);
	show_value(v, &f, "pid", NULL, &t->pid, NUM_DEC);
	show_value(v, &f, "tid", NULL, &t->tid, NUM_DEC);
	json_named(v, "state", &t->state, t->state_name);
	fields_mark(&f, "state", t->state.unproved);
	if (t->processor >= 0)
		emit_uint(v->e, "processor", (uint64_t)t->processor);
	json_named(v, "wait_reason", &t->wait_reason, t->wait_reason_name);
	fields_mark(&f, "wait_reason", t->wait_reason.unproved);
	show_value(v, &f, "wait_mode", NULL, &t->wait_mode, NUM_DEC);
	show_value(v, &f, "wait_time", NULL, &t->wait_time, NUM_DEC);
	show_value(v, &f, "waiting_ticks", NULL, &t->waiting_ticks, NUM_DEC);
	json_waits(v, t);
	show_value(v, &f, "context_switches", NULL, &t->context_switches, NUM_DEC);
	show_value(v, &f, "priority", NULL, &t->priority, NUM_DEC);
	show_value(v, &f, "base_priority", NULL, &t->base_priority, NUM_DEC);
	show_value(v, &f, "kernel_time", NULL, &t->kernel_time, NUM_DEC);
	show_value(v, &f, "user_time", NULL, &t->user_time, NUM_DEC);
	json_filetime(v, &f, "create_time", &t->create_time);
	json_filetime(v, &f, "exit_time", &t->exit_time);
	if (t->start.va.state != FS_NONE)
		show_code(v, &f, "start", NULL, &t->start);
	if (t->win32_start.va.state != FS_NONE)
		show_code(v, &f, "win32_start", NULL, &t->win32_start);
	json_stack(v, &f, t);
	fields_end(v, &f);
}

void show_thread(struct view *v, const char *key, size_t index, enum thread_parts parts)
{
	const struct fs_thread *t = &v->m->threads[index];

	if (!emit_is_text(v->e)) {
		json_thread(v, key, t);
		return;
	}
	emit_line(v->e, "THREAD %s  Cid %s  Teb: %s Win32Thread: %s %s%s", text_ptr(v, t->address),
		  text_cid(v, t), shown(v, &t->teb, NUM_PTR), shown(v, &t->win32_thread, NUM_PTR),
		  text_state(v, t), text_mark(v, t->state.unproved));
	text_waits(v, t);
	if (parts == THREAD_WHOLE)
		text_whole(v, t);
}

/* How far threads were read, when not whole. */
static void how_far(struct view *v)
{
	if (!v->m->threads_why)
		return;
	emit_string(v->e, "threads_why", v->m->threads_why);
	if (emit_is_text(v->e))
		emit_paragraph(v->e,
			       text_printf(v, "Not every thread was read: %s.", v->m->threads_why));
}

void view_threads(struct view *v)
{
	size_t i;

	emit_array_begin(v->e, "threads");
	for (i = 0; i < v->m->nthreads; i++) {
		entity_begin(v);
		show_thread(v, NULL, i, THREAD_HEAD);
	}
	emit_array_end(v->e);
	how_far(v);
	if (emit_is_text(v->e))
		emit_line(v->e, "%s", text_count(v, v->m->nthreads, "thread"));
}

void view_thread(struct view *v, size_t index)
{
	entity_begin(v);
	show_thread(v, "thread", index, THREAD_WHOLE);
}
