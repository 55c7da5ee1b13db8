/* SPDX-License-Identifier: BSD-2-Clause */
/* The Filter Manager's ERESOURCEs, as !locks prints them (facts: transcripts 20 and 32). */
#include "view/threads.h"

#include <inttypes.h>

static const char *held(struct view *v, const struct fs_lock *l)
{
	if (!fs_is_read(&l->active_count))
		return text_value(v, &l->active_count, NUM_DEC);
	if (!l->owned)
		return "Not owned";
	if (l->exclusive)
		return "Exclusively owned";
	return text_printf(v, "Shared %s", text_count(v, l->nowners, "owning thread"));
}

static void text_owners(struct view *v, const struct fs_lock *l)
{
	const char *line = "";
	size_t i;

	for (i = 0; i < l->nowners; i++) {
		const struct fs_lock_owner *o = &l->owners[i];

		line = text_printf(v, "%s%s-%02" PRIx64 "%s ", line, text_ptr(v, o->thread.v),
				   fs_is_read(&o->count) ? o->count.v : 0, "<*>");
		if (!o->is_thread)
			line = text_printf(v, "%s*** Actual Thread %s ", line,
					   text_ptr(v, o->thread.v & ~3ull));
	}
	if (l->nowners)
		emit_line(v->e, "     Threads: %s", line);
	if (l->owned && l->owners_looked != FS_LOOKED_WHOLE)
		emit_styled(v->e, EMIT_WARN, "     (not every owner could be read)");
}

static const char *guess(const struct fs_lock_waiter *w)
{
	return w->how == FS_WAITER_STACK ? " (by its stack)" : "";
}

static void text_waiters(struct view *v, const struct fs_lock *l)
{
	static const char *const titles[] = {"Shared Access", "Exclusive Access", "Access"};
	size_t kind, i;

	for (kind = 0; kind < 3; kind++) {
		bool told = false;

		for (i = 0; i < l->nwaiters; i++) {
			const struct fs_lock_waiter *w = &l->waiters[i];
			size_t of = !w->exclusive_known ? 2 : w->exclusive ? 1 : 0;

			if (of != kind || w->thread < 0)
				continue;
			if (!told)
				emit_line(v->e, "     Threads Waiting On %s:", titles[kind]);
			told = true;
			emit_line(v->e, "              %s%s",
				  text_ptr(v, v->m->threads[w->thread].address), guess(w));
		}
	}
	if (l->waiters_why)
		emit_styled(v->e, EMIT_WARN, "     (%s)", l->waiters_why);
}

static void text_lock(struct view *v, const struct fs_lock *l)
{
	emit_line(v->e, "Resource @ 0x%s    %s    %s", text_ptr(v, l->address), held(v, l),
		  l->what);
	if (fs_has(&l->contention_count, ~0ull))
		emit_line(v->e, "    Contention Count = %" PRIu64, l->contention_count.v);
	if (fs_has(&l->shared_count, ~0ull))
		emit_line(v->e, "    NumberOfSharedWaiters = %" PRIu64, l->shared_count.v);
	if (fs_has(&l->exclusive_count, ~0ull))
		emit_line(v->e, "    NumberOfExclusiveWaiters = %" PRIu64, l->exclusive_count.v);
	text_owners(v, l);
	text_waiters(v, l);
}

static void json_owners(struct view *v, const struct fs_lock *l)
{
	size_t i;

	if (l->owners_looked == FS_LOOKED_NOT)
		return;
	emit_array_begin(v->e, "owners");
	for (i = 0; i < l->nowners; i++) {
		struct fields f;

		fields_begin(v, &f, NULL);
		show_value(v, &f, "thread", NULL, &l->owners[i].thread, NUM_PTR);
		show_value(v, &f, "count", NULL, &l->owners[i].count, NUM_DEC);
		emit_bool(v->e, "is_thread", l->owners[i].is_thread);
		fields_end(v, &f);
	}
	emit_array_end(v->e);
	emit_bool(v->e, "owners_whole", l->owners_looked == FS_LOOKED_WHOLE);
}

static void json_waiters(struct view *v, const struct fs_lock *l)
{
	static const char *const how[] = {"object", "chain", "stack"};
	size_t i;

	if (l->waiters_looked == FS_LOOKED_NOT)
		return;
	emit_array_begin(v->e, "waiters");
	for (i = 0; i < l->nwaiters; i++) {
		const struct fs_lock_waiter *w = &l->waiters[i];

		if (w->thread < 0)
			continue;
		emit_object_begin(v->e, NULL);
		emit_address(v->e, "thread", v->m->threads[w->thread].address);
		if ((size_t)w->how < 3)
			emit_string(v->e, "how", how[w->how]);
		if (w->exclusive_known)
			emit_bool(v->e, "exclusive", w->exclusive);
		emit_address(v->e, "at", w->at);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
	emit_bool(v->e, "waiters_whole", l->waiters_looked == FS_LOOKED_WHOLE);
	if (l->waiters_why)
		emit_string(v->e, "waiters_why", l->waiters_why);
}

void show_lock(struct view *v, const char *key, size_t index)
{
	const struct fs_lock *l = &v->m->locks[index];
	struct fields f;

	fields_begin(v, &f, key);
	emit_address(v->e, "address", l->address);
	emit_string(v->e, "what", l->what);
	show_value(v, &f, "active_count", NULL, &l->active_count, NUM_DEC);
	show_value(v, &f, "flag", NULL, &l->flag, NUM_DEC);
	emit_bool(v->e, "owned", l->owned);
	emit_bool(v->e, "exclusive", l->exclusive);
	show_value(v, &f, "contention_count", NULL, &l->contention_count, NUM_DEC);
	show_value(v, &f, "shared_waiters", NULL, &l->shared_count, NUM_DEC);
	show_value(v, &f, "exclusive_waiters", NULL, &l->exclusive_count, NUM_DEC);
	json_owners(v, l);
	json_waiters(v, l);
	fields_end(v, &f);
	if (emit_is_text(v->e))
		text_lock(v, l);
}

void view_locks(struct view *v)
{
	const struct fs_model *m = v->m;
	size_t i, owned = 0;

	if (emit_is_text(v->e))
		emit_line(v->e, "**** DUMP OF THE FILTER MANAGER'S RESOURCE OBJECTS ****");
	emit_array_begin(v->e, "locks");
	for (i = 0; i < m->nlocks; i++) {
		if (emit_is_text(v->e) && m->locks[i].of == FS_LOCK_OTHER &&
		    (!i || m->locks[i - 1].of != FS_LOCK_OTHER))
			emit_line(v->e, "**** RESOURCE OBJECTS OF OTHERS THAT A THREAD WAITS FOR ****");
		entity_begin(v);
		show_lock(v, NULL, i);
		emit_blank(v->e);
		owned += m->locks[i].owned;
	}
	emit_array_end(v->e);
	if (!emit_is_text(v->e))
		return;
	if (m->locks_looked == FS_LOOKED_NOT)
		emit_paragraph(v->e, "Locks of this build are not of a kind that is known, or none "
				     "is in the dump.");
	else
		emit_line(v->e, "%s currently held%s", text_count(v, owned, "lock"),
			  m->locks_looked == FS_LOOKED_WHOLE
				  ? "; all others were looked at"
				  : "; not all others could be looked at");
}

void json_threads(struct view *v)
{
	const struct fs_model *m = v->m;
	size_t i;

	if (emit_is_text(v->e))
		return;
	emit_array_begin(v->e, "locks");
	for (i = 0; i < m->nlocks; i++)
		show_lock(v, NULL, i);
	emit_array_end(v->e);
	if (m->threads_looked == FS_LOOKED_NOT)
		return;
	emit_array_begin(v->e, "processes");
	for (i = 0; i < m->nprocesses; i++)
		show_process(v, NULL, i, (struct process_parts){false, 0});
	emit_array_end(v->e);
	emit_array_begin(v->e, "threads");
	for (i = 0; i < m->nthreads; i++) {
		entity_begin(v);
		show_thread(v, NULL, i, THREAD_WHOLE);
	}
	emit_array_end(v->e);
	if (m->threads_why)
		emit_string(v->e, "threads_why", m->threads_why);
}
