/* SPDX-License-Identifier: BSD-2-Clause */
/* hang: who is inside which filter, on what, for how long; a sentence for each filter. */
#include "view/hang.h"

#include "view/common.h"
#include "view/stacks.h"

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
	int64_t ms = hang_waited(v->m, t);
	const char *which;
	size_t i;

	if (!h->waits || !w || !fs_is_read(&w->object)) {
		emit_null(v->e, "waits_for");
	} else {
		emit_object_begin(v->e, "waits_for");
		emit_address(v->e, "object", w->object.v);
		emit_string(v->e, "kind", w->kind);
		emit_string(v->e, "symbol", h->object.symbol);
		if (h->lock)
			emit_address(v->e, "lock", h->lock->address);
		if (h->rundown.address) {
			emit_string(v->e, "rundown_of", h->rundown.of);
			emit_address(v->e, "rundown_object", h->rundown.address);
		}
		if (h->lock && h->lock->nowners && h->lock->owners[0].index >= 0)
			emit_address(v->e, "owner",
				     v->m->threads[h->lock->owners[0].index].address);
		else if (w->owner_thread >= 0)
			emit_address(v->e, "owner", v->m->threads[w->owner_thread].address);
		else
			emit_null(v->e, "owner");
		emit_object_end(v->e);
	}
	which = h->waits && t->nwaits > 1 ? fs_thread_waits_for_which(t) : NULL;
	if (which)
		emit_string(v->e, "wait_type", which);
	emit_array_begin(v->e, "wait_objects");
	for (i = 0; h->waits && i < t->nwaits; i++) {
		emit_object_begin(v->e, NULL);
		if (fs_is_read(&t->waits[i].object))
			emit_address(v->e, "object", t->waits[i].object.v);
		else
			emit_null(v->e, "object");
		emit_string(v->e, "kind", t->waits[i].kind);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
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
	emit_string(v->e, "call", hang_call_name(h->call));
	emit_string(v->e, "innermost", hang_driver(v, h->inner));
	emit_string(v->e, "blocked_in", hang_driver(v, h->blocked_in));
	emit_string(v->e, "blocked_at", v->m->threads[h->thread].stack.frame[h->blocked].ip.symbol);
	emit_string(v->e, "state", t->state_name);
	emit_bool(v->e, "unwound", h->proved);
	json_wait(v, h);
	json_operation(v, "operation", &h->operation);
	emit_array_begin(v->e, "possible_operations");
	for (i = 0; !h->operation.irp && i < h->npossible; i++)
		json_operation(v, NULL, &h->possible[i]);
	emit_array_end(v->e);
	emit_string(v->e, "sentence", hang_sentence(v, h));
	json_kernel_stack(v, &t->stack);
	emit_object_end(v->e);
}

static void text_thread(struct view *v, const struct fs_hang_thread *h)
{
	const struct fs_stack *s = &v->m->threads[h->thread].stack;
	size_t i;

	emit_paragraph(v->e, hang_sentence(v, h));
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
	emit_string(v->e, "module", hang_driver(v, h->module));
	emit_string(v->e, "filter", filter);
	if (h->filter >= 0)
		emit_address(v->e, "address", v->m->filters[h->filter].address);
	emit_string(v->e, "kind", h->filter >= 0 ? "minifilter" : "other");
	emit_uint(v->e, "count", n);
	if (emit_is_text(v->e)) {
		emit_line(v->e, "%s inside %s%s%s%s", text_count(v, n, "thread"),
			  hang_driver(v, h->module), filter ? " (filter \"" : "", filter ? filter : "",
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

		if (t->stack.end != FS_STACK_BROKEN || fs_thread_is_idle(v->m, i) ||
		    !thread_is_wanted(v->m, t, which))
			continue;
		emit_object_begin(v->e, NULL);
		emit_address(v->e, "thread", t->address);
		emit_string(v->e, "why", t->stack.why);
		emit_object_end(v->e);
		if (emit_is_text(v->e))
			emit_line(v->e, "The stack of %s breaks off%s%s%s%s: what lies behind is not known.",
				  hang_thread(v, t), t->stack.n ? " at " : "",
				  t->stack.n ? text_site(v, &t->stack.frame[t->stack.n - 1].ip) : "",
				  t->stack.why ? ": " : "", t->stack.why ? t->stack.why : "");
		n++;
	}
	emit_array_end(v->e);
	return n;
}

enum { NAMED_MAX = 5 }; /* lines of text for stacks that were not followed */

static bool is_whole(const struct fs_stack *s)
{
	return s->end == FS_STACK_BOTTOM || s->end == FS_STACK_USER;
}

static const char *why_not_followed(const struct fs_stack *s)
{
	if (s->why)
		return s->why;
	switch (s->end) {
	case FS_STACK_LIMIT:
		return "it has more frames than are looked at";
	case FS_STACK_RUNNING:
		return "it runs, and its registers are not in the dump";
	case FS_STACK_NOT_LOOKED:
		return "it was not looked at";
	default:
		return "where it goes on is not known";
	}
}

static const char *how_far(struct view *v, const struct fs_stack *s)
{
	if (s->end != FS_STACK_UNREADABLE && s->end != FS_STACK_LIMIT && s->end != FS_STACK_BROKEN)
		return "";
	return text_printf(v, " (after %s)", text_count(v, s->n, "frame"));
}

static void json_not_followed(struct view *v, const struct fs_thread *t)
{
	emit_object_begin(v->e, NULL);
	emit_address(v->e, "thread", t->address);
	emit_string(v->e, "stack_end", fs_stack_end_name(t->stack.end));
	emit_uint(v->e, "frames", t->stack.n);
	emit_string(v->e, "why", why_not_followed(&t->stack));
	emit_object_end(v->e);
}

/* All that have no whole stack, but those that broken_stacks names: text tells the first of them. */
static void not_followed(struct view *v, const struct view_threads *which)
{
	size_t i, n = 0;

	emit_array_begin(v->e, "not_followed");
	for (i = 0; i < v->m->nthreads; i++) {
		const struct fs_thread *t = &v->m->threads[i];

		if (is_whole(&t->stack) || !thread_is_wanted(v->m, t, which) ||
		    (t->stack.end == FS_STACK_BROKEN && !fs_thread_is_idle(v->m, i)))
			continue;
		json_not_followed(v, t);
		if (emit_is_text(v->e) && n == 0)
			emit_line(v->e, "Not followed to the end:");
		if (emit_is_text(v->e) && n < NAMED_MAX)
			emit_line(v->e, "   %s: %s%s", hang_thread(v, t),
				  why_not_followed(&t->stack), how_far(v, &t->stack));
		n++;
	}
	if (emit_is_text(v->e) && n > NAMED_MAX)
		emit_line(v->e, "   and %zu more (--json names them all)", n - NAMED_MAX);
	emit_array_end(v->e);
}

bool view_hang(struct view *v, const struct fs_hang *hang, const struct view_threads *which)
{
	size_t i, whole = 0, groups = 0, broken;

	for (i = 0; i < v->m->nthreads; i++)
		whole += is_whole(&v->m->threads[i].stack);
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
	not_followed(v, which);
	return groups || (whole && !broken);
}
