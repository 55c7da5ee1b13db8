/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentence of hang: who is stuck, in which filter, doing what, on what. */
#include <inttypes.h>
#include <string.h>

#include "view/common.h"
#include "view/hang.h"
#include "view/stacks.h"

enum { STUCK_MS = 1000, OBJECTS_SHOWN = 4 };

/* A driver's name as WinDbg has it: without its suffix. */
const char *hang_driver(struct view *v, int32_t module)
{
	const char *name = module >= 0 ? v->m->modules[module].name : NULL;
	const char *dot = name ? strrchr(name, '.') : NULL;

	if (!name)
		return "a module without a name";
	return dot ? text_printf(v, "%.*s", (int)(dot - name), name) : name;
}

/* Milliseconds; -1: not known. */
int64_t hang_waited(const struct fs_model *m, const struct fs_thread *t)
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

const char *hang_call_name(enum fs_hang_call call)
{
	static const char *const names[] = {"callback", "pre-operation", "post-operation", "own"};

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
	return h->npossible ? text_printf(v, " %s (which of these %zu the stack does not say)", all,
					  h->npossible)
			    : "";
}

const char *hang_thread(struct view *v, const struct fs_thread *t)
{
	const char *image = image_of_thread(v, t);

	return text_printf(v, "%s thread %s", image ? image : "(process not known)",
			   text_ptr(v, t->address));
}

static const char *object_of(struct view *v, const struct fs_wait *w, const char *symbol)
{
	const char *what, *owner = "";

	if (!fs_is_read(&w->object))
		return "something that could not be read";
	what = text_printf(v, "%s %s%s%s%s", w->kind ? w->kind : "an object",
			   text_ptr(v, w->object.v), symbol ? " (" : "", symbol ? symbol : "",
			   symbol ? ")" : "");
	if (w->thread >= 0)
		owner = text_printf(v, ", which is %s", hang_thread(v, &v->m->threads[w->thread]));
	else if (w->owner_thread >= 0)
		owner = text_printf(v, ", which %s owns",
				    hang_thread(v, &v->m->threads[w->owner_thread]));
	return text_printf(v, "%s%s", what, owner);
}

static const char *lock_of(struct view *v, const struct fs_lock *l)
{
	const char *what = text_printf(v, "the lock %s at %s", l->what, text_ptr(v, l->address));

	if (!l->nowners || l->owners[0].index < 0)
		return what;
	return text_printf(v, "%s, which %s%s", what,
			   hang_thread(v, &v->m->threads[l->owners[0].index]),
			   l->nowners > 1 ? " and others share" : " owns");
}

/* What an unload waits for: "the rundown of FLT_INSTANCE ffff…, which "X"'s teardown began". */
static const char *rundown_of(struct view *v, const struct fs_hang_rundown *r)
{
	const char *name = r->filter >= 0 ? plain(&v->m->filters[r->filter].name) : NULL;

	return text_printf(v, "the rundown of %s %s%s%s%s", r->of, text_ptr(v, r->address),
			   name ? " of the filter \"" : "", name ? name : "",
			   !name       ? ""
			   : r->unload ? "\", which is being unloaded"
				       : "\"");
}

/* What it waits for, and who has it. */
static const char *waits_for(struct view *v, const struct fs_hang_thread *h)
{
	const struct fs_thread *t = &v->m->threads[h->thread];
	const char *all = "", *which;
	size_t i;

	if (!h->waits)
		return "nothing: it does not wait";
	if (h->rundown.address)
		return rundown_of(v, &h->rundown);
	if (h->lock)
		return lock_of(v, h->lock);
	if (!t->nwaits)
		return "something that could not be read";
	if (t->nwaits == 1)
		return object_of(v, &t->waits[0], h->object.symbol);
	for (i = 0; i < t->nwaits && i < OBJECTS_SHOWN; i++)
		all = text_printf(v, "%s%s%s", all, i ? "; " : "",
				  object_of(v, &t->waits[i], i ? NULL : h->object.symbol));
	which = fs_thread_waits_for_which(t);
	return text_printf(v, "%s%s%zu objects (%s%s)", which ? which : "", which ? " of " : "",
			   t->nwaits, all,
			   t->nwaits > OBJECTS_SHOWN ? "; and more" : "");
}

/* Only what has lasted is stuck: any thread waits now and then. */
static const char *how_long(struct view *v, const struct fs_hang_thread *h)
{
	int64_t ms = hang_waited(v->m, &v->m->threads[h->thread]);

	if (!h->waits)
		return "runs";
	if (ms < 0)
		return "waits (since when is not known)";
	return text_printf(v, "%s for %s", ms < STUCK_MS ? "has waited" : "is stuck",
			   text_time(v, ms));
}

/* Where it stands: in the filter, below it, or in the Filter Manager that the filter called. */
static const char *where_of(struct view *v, const struct fs_hang_thread *h)
{
	bool below = h->blocked_in != h->module;

	if (!h->waits)
		return text_printf(v, "it runs in %s", hang_driver(v, h->blocked_in));
	if (h->blocked_in == v->m->fltmgr_module)
		return "it waits in the Filter Manager";
	if (!below)
		return text_printf(v, "it waits in %s", hang_driver(v, h->module));
	if (h->inner != h->module)
		return text_printf(v,
				   "below it, where the Filter Manager called %s, %s holds it up",
				   hang_driver(v, h->inner), hang_driver(v, h->blocked_in));
	return text_printf(v, "below it %s holds it up", hang_driver(v, h->blocked_in));
}

/* The article's conclusion: who is stuck, in which filter, on what. */
const char *hang_sentence(struct view *v, const struct fs_hang_thread *h)
{
	const char *called = hang_driver(v, h->module), *how;

	if (h->call == FS_HANG_OWN)
		how = text_printf(
			v, "code of %s that the Filter Manager did not call has called it", called);
	else if (h->call == FS_HANG_CALLBACK)
		how = text_printf(v, "the Filter Manager called %s", called);
	else
		how = text_printf(v, "the Filter Manager called the %s of %s",
				  hang_call_name(h->call), called);
	return text_printf(v, "%s %s%s: %s, and %s, waiting for %s.",
			   hang_thread(v, &v->m->threads[h->thread]), how_long(v, h),
			   operation_of(v, h), how, where_of(v, h), waits_for(v, h));
}
