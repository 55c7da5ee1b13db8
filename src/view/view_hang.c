/* SPDX-License-Identifier: BSD-2-Clause */
/* hang: who is inside which filter, on what, for how long; a sentence for each filter. */
#include "view/hang.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "view/common.h"
#include "view/stacks.h"

enum { STUCK_MS = 1000 };

/* A driver's name as WinDbg has it: without its suffix. */
static const char *driver(struct view *v, int32_t module)
{
	const char *name = module >= 0 ? v->m->modules[module].name : NULL;
	const char *dot = name ? strrchr(name, '.') : NULL;

	if (!name)
		return "a module without a name";
	return dot ? text_printf(v, "%.*s", (int)(dot - name), name) : name;
}

/* Milliseconds; -1: not known. */
static int64_t waited(const struct fs_model *m, const struct fs_thread *t)
{
	if (!fs_is_read(&t->waiting_ticks) || !fs_is_read(&m->tick_100ns) ||
	    t->waiting_ticks.v > INT64_MAX / 10000000 || m->tick_100ns.v > 10000000)
		return -1;
	return (int64_t)(t->waiting_ticks.v * m->tick_100ns.v / 10000);
}

/* 1d.00:48:53.796, 23h:56:06.250, 1m:25.406, 3s.984: as Mex writes times. */
static const char *text_time(struct view *v, int64_t ms)
{
	int64_t s = ms / 1000, f = ms % 1000;

	if (s >= 86400)
		return text_printf(v, "%" PRId64 "d.%02d:%02d:%02d.%03d", s / 86400,
				   (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60), (int)f);
	if (s >= 3600)
		return text_printf(v, "%" PRId64 "h:%02d:%02d.%03d", s / 3600, (int)(s / 60 % 60),
				   (int)(s % 60), (int)f);
	if (s >= 60)
		return text_printf(v, "%" PRId64 "m:%02d.%03d", s / 60, (int)(s % 60), (int)f);
	return text_printf(v, "%" PRId64 "s.%03d", s, (int)f);
}

static const char *call_name(enum fs_hang_call call)
{
	static const char *const names[] = {"callback", "pre-operation", "post-operation"};

	return names[call];
}

/* In words of what a program does. */
static const char *doing(struct view *v, const struct fs_hang_operation *o)
{
	const char *name;

	if (!o->irp || !fs_is_read(&o->major))
		return NULL;
	if (o->major.v == 0x12 || o->major.v == 0x02)
		return "closing";
	if (o->major.v == 0x00)
		return "opening";
	if (o->major.v == 0x03)
		return "reading";
	if (o->major.v == 0x04)
		return "writing";
	name = fs_major_name((uint8_t)o->major.v);
	return text_printf(v, "%s of", name ? name : "an operation");
}

static const char *file_of(struct view *v, const struct fs_hang_operation *o)
{
	if (o->file_name.state == FS_READ && o->file_name.s && *o->file_name.s)
		return text_printf(v, "\"%s\"", o->file_name.s);
	return fs_is_read(&o->file_object)
		       ? text_printf(v, "file %s", text_ptr(v, o->file_object.v))
		       : "a file";
}

/* " closing "\x\y"", " closing "a" or reading "b" (two IRPs …)"; "" not known. */
static const char *operation_of(struct view *v, const struct fs_hang_thread *h)
{
	const char *all = "";
	size_t i;

	if (h->operation.irp) {
		const char *act = doing(v, &h->operation);

		return act ? text_printf(v, " %s %s", act, file_of(v, &h->operation)) : "";
	}
	for (i = 0; i < h->npossible; i++) {
		const char *act = doing(v, &h->possible[i]);

		all = text_printf(v, "%s%s%s %s (IRP %s)", all, i ? " or " : "",
				  act ? act : "something with", file_of(v, &h->possible[i]),
				  text_ptr(v, h->possible[i].irp));
	}
	return h->npossible ? text_printf(v, " %s (which of these %zu the stack does not say)",
					      all, h->npossible)
			      : "";
}

static const char *thread_of(struct view *v, const struct fs_thread *t)
{
	const char *image = image_of_thread(v, t);

	return text_printf(v, "%s thread %s", image ? image : "(process not known)",
			   text_ptr(v, t->address));
}

/* What it waits for, and who has it. */
static const char *waits_for(struct view *v, const struct fs_hang_thread *h)
{
	const struct fs_thread *t = &v->m->threads[h->thread];
	const struct fs_wait *w = t->nwaits ? &t->waits[0] : NULL;
	const char *what, *owner = "";

	if (h->lock)
		what = text_printf(v, "the lock %s at %s", h->lock->what,
				   text_ptr(v, h->lock->address));
	else if (w && fs_is_read(&w->object))
		what = text_printf(v, "%s %s%s%s%s", w->kind ? w->kind : "an object",
				   text_ptr(v, w->object.v), h->object.symbol ? " (" : "",
				   h->object.symbol ? h->object.symbol : "",
				   h->object.symbol ? ")" : "");
	else
		return h->waits ? "something that could not be read" : "nothing: it does not wait";
	if (h->lock && h->lock->nowners && h->lock->owners[0].index >= 0)
		owner = text_printf(v, ", which %s%s %s",
				    thread_of(v, &v->m->threads[h->lock->owners[0].index]),
				    h->lock->nowners > 1 ? " and others" : "",
				    h->lock->nowners > 1 ? "share" : "owns");
	else if (!h->lock && w->thread >= 0)
		owner = text_printf(v, ", which is %s", thread_of(v, &v->m->threads[w->thread]));
	else if (!h->lock && w->owner_thread >= 0)
		owner = text_printf(v, ", which %s owns",
				    thread_of(v, &v->m->threads[w->owner_thread]));
	return text_printf(v, "%s%s", what, owner);
}

/* Only what has lasted is stuck: any thread waits now and then. */
static const char *how_long(struct view *v, const struct fs_hang_thread *h)
{
	int64_t ms = waited(v->m, &v->m->threads[h->thread]);

	if (!h->waits)
		return "runs";
	if (ms < 0)
		return "waits (since when is not known)";
	return text_printf(v, "%s for %s", ms < STUCK_MS ? "has waited" : "is stuck",
			   text_time(v, ms));
}

/* The article's conclusion: who is stuck, in which filter, on what. */
static const char *sentence(struct view *v, const struct fs_hang_thread *h)
{
	const struct fs_thread *t = &v->m->threads[h->thread];
	const char *called = driver(v, h->module);
	const char *where = h->blocked_in == h->module ? text_printf(v, "it waits in %s", called)
						       : text_printf(v, "below it %s holds it up",
								     driver(v, h->blocked_in));

	return text_printf(
		v, "%s %s%s: the Filter Manager called %s%s%s, and %s, waiting for %s.",
		thread_of(v, t), how_long(v, h), operation_of(v, h),
		h->call == FS_HANG_CALLBACK ? "" : text_printf(v, "the %s", call_name(h->call)),
		h->call == FS_HANG_CALLBACK ? "" : " of ", called,
		h->waits ? where : text_printf(v, "it runs in %s", driver(v, h->blocked_in)),
		waits_for(v, h));
}

static void json_operation(struct view *v, const char *key, const struct fs_hang_operation *o)
{
	if (!o->irp) {
		emit_null(v->e, key);
		return;
	}
	emit_object_begin(v->e, key);
	emit_address(v->e, "irp", o->irp);
	emit_address(v->e, "found_at", o->at);
	emit_string(v->e, "major",
		    fs_is_read(&o->major) ? fs_major_name((uint8_t)o->major.v) : NULL);
	if (fs_is_read(&o->file_object))
		emit_address(v->e, "file_object", o->file_object.v);
	else
		emit_null(v->e, "file_object");
	emit_string(v->e, "file_name", plain(&o->file_name));
	emit_object_end(v->e);
}

static void json_wait(struct view *v, const struct fs_hang_thread *h)
{
	const struct fs_thread *t = &v->m->threads[h->thread];
	const struct fs_wait *w = t->nwaits ? &t->waits[0] : NULL;
	int64_t ms = waited(v->m, t);

	if (!h->waits || !w || !fs_is_read(&w->object)) {
		emit_null(v->e, "waits_for");
	} else {
		emit_object_begin(v->e, "waits_for");
		emit_address(v->e, "object", w->object.v);
		emit_string(v->e, "kind", w->kind);
		emit_string(v->e, "symbol", h->object.symbol);
		if (h->lock)
			emit_address(v->e, "lock", h->lock->address);
		if (h->lock && h->lock->nowners && h->lock->owners[0].index >= 0)
			emit_address(v->e, "owner",
				     v->m->threads[h->lock->owners[0].index].address);
		else if (w->owner_thread >= 0)
			emit_address(v->e, "owner", v->m->threads[w->owner_thread].address);
		else
			emit_null(v->e, "owner");
		emit_object_end(v->e);
	}
	if (h->waits && ms >= 0)
		emit_uint(v->e, "waiting_ms", (uint64_t)ms);
	else
		emit_null(v->e, "waiting_ms");
}

static void json_thread(struct view *v, const struct fs_hang_thread *h)
{
	const struct fs_thread *t = &v->m->threads[h->thread];
	size_t i;

	emit_object_begin(v->e, NULL);
	emit_address(v->e, "thread", t->address);
	emit_string(v->e, "process", image_of_thread(v, t));
	if (fs_is_read(&t->pid))
		emit_uint(v->e, "pid", t->pid.v);
	if (fs_is_read(&t->tid))
		emit_uint(v->e, "tid", t->tid.v);
	emit_string(v->e, "call", call_name(h->call));
	emit_string(v->e, "blocked_in", driver(v, h->blocked_in));
	emit_string(v->e, "blocked_at", v->m->threads[h->thread].stack.frame[h->blocked].ip.symbol);
	emit_string(v->e, "state", t->state_name);
	emit_bool(v->e, "unwound", h->proved);
	json_wait(v, h);
	json_operation(v, "operation", &h->operation);
	emit_array_begin(v->e, "possible_operations");
	for (i = 0; !h->operation.irp && i < h->npossible; i++)
		json_operation(v, NULL, &h->possible[i]);
	emit_array_end(v->e);
	emit_string(v->e, "sentence", sentence(v, h));
	json_kernel_stack(v, &t->stack);
	emit_object_end(v->e);
}

static void text_thread(struct view *v, const struct fs_hang_thread *h)
{
	const struct fs_stack *s = &v->m->threads[h->thread].stack;
	size_t i;

	emit_paragraph(v->e, sentence(v, h));
	if (!h->proved)
		emit_line(v->e, "(by frames that a scan or an image file gave)");
	emit_indent(v->e, 1);
	for (i = 0; i < s->n; i++)
		emit_line(v->e, "%s %s%s", text_ptr(v, s->frame[i].ip.va.v),
			  text_site(v, &s->frame[i].ip), text_how(&s->frame[i]));
	emit_indent(v->e, -1);
	emit_blank(v->e);
}

static bool shown(const struct view *v, const struct fs_hang_thread *h,
		  const struct view_threads *which)
{
	return thread_is_wanted(v->m, &v->m->threads[h->thread], which);
}

static bool first_of(const struct view *v, const struct fs_hang *hang, size_t i,
		     const struct view_threads *which)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (hang->v[k].module == hang->v[i].module && shown(v, &hang->v[k], which))
			return false;
	return shown(v, &hang->v[i], which);
}

static void group(struct view *v, const struct fs_hang *hang, size_t first,
		  const struct view_threads *which)
{
	const struct fs_hang_thread *h = &hang->v[first];
	const char *filter = h->filter >= 0 ? plain(&v->m->filters[h->filter].name) : NULL;
	size_t i, n = 0;

	for (i = first; i < hang->n; i++)
		n += hang->v[i].module == h->module && shown(v, &hang->v[i], which);
	entity_begin(v);
	emit_object_begin(v->e, NULL);
	emit_string(v->e, "module", driver(v, h->module));
	emit_string(v->e, "filter", filter);
	if (h->filter >= 0)
		emit_address(v->e, "address", v->m->filters[h->filter].address);
	emit_string(v->e, "kind", h->filter >= 0 ? "minifilter" : "other");
	emit_uint(v->e, "count", n);
	if (emit_is_text(v->e)) {
		emit_line(v->e, "%s inside %s%s%s%s", text_count(v, n, "thread"),
			  driver(v, h->module), filter ? " (filter \"" : "", filter ? filter : "",
			  filter ? "\")" : ", which is no filter that was found");
		emit_blank(v->e);
	}
	emit_array_begin(v->e, "threads");
	for (i = first; i < hang->n; i++) {
		if (hang->v[i].module != h->module || !shown(v, &hang->v[i], which))
			continue;
		json_thread(v, &hang->v[i]);
		if (emit_is_text(v->e))
			text_thread(v, &hang->v[i]);
	}
	emit_array_end(v->e);
	emit_object_end(v->e);
}

/* A stack that breaks off may hide a filter behind the break: each is told. */
static size_t broken_stacks(struct view *v, const struct view_threads *which)
{
	size_t i, n = 0;

	emit_array_begin(v->e, "broken_stacks");
	for (i = 0; i < v->m->nthreads; i++) {
		const struct fs_thread *t = &v->m->threads[i];

		if (t->stack.end != FS_STACK_BROKEN || !thread_is_wanted(v->m, t, which))
			continue;
		emit_object_begin(v->e, NULL);
		emit_address(v->e, "thread", t->address);
		emit_string(v->e, "why", t->stack.why);
		emit_object_end(v->e);
		if (emit_is_text(v->e))
			emit_line(v->e, "The stack of %s breaks off%s%s%s%s: what lies behind is not known.",
				  thread_of(v, t), t->stack.n ? " at " : "",
				  t->stack.n ? text_site(v, &t->stack.frame[t->stack.n - 1].ip) : "",
				  t->stack.why ? ": " : "", t->stack.why ? t->stack.why : "");
		n++;
	}
	emit_array_end(v->e);
	return n;
}

bool view_hang(struct view *v, const struct fs_hang *hang, const struct view_threads *which)
{
	size_t i, whole = 0, groups = 0, broken;

	for (i = 0; i < v->m->nthreads; i++)
		whole += v->m->threads[i].stack.end == FS_STACK_BOTTOM ||
			 v->m->threads[i].stack.end == FS_STACK_USER;
	emit_array_begin(v->e, "filters");
	for (i = 0; i < hang->n; i++)
		if (first_of(v, hang, i, which)) {
			group(v, hang, i, which);
			groups++;
		}
	emit_array_end(v->e);
	broken = broken_stacks(v, which);
	emit_uint(v->e, "threads_total", v->m->nthreads);
	emit_uint(v->e, "stacks_whole", whole);
	if (emit_is_text(v->e)) {
		if (!groups)
			emit_line(v->e, "No thread was found inside a filter%s.",
				  broken ? " on the stacks that could be followed" : "");
		emit_line(v->e, "%zu of %zu threads have a stack that could be followed to its end.",
			  whole, v->m->nthreads);
	}
	return groups || (whole && !broken);
}
