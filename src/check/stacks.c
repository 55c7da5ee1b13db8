/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads and their stacks, as the rules ask about them. A frame that was found by
 * scanning may be left over from an earlier call, and one that rests on an image file is not
 * of the dump alone: neither proves. */
#include "check/unload.h"

#include <string.h>

bool thread_waits(const struct fs_thread *t)
{
	return fs_is_read(&t->state) && t->state.v == FS_THREAD_WAITING;
}

bool thread_is_up(const struct fs_thread *t)
{
	return fs_is_read(&t->state) &&
	       (t->state.v == FS_THREAD_READY || t->state.v == FS_THREAD_RUNNING ||
		t->state.v == FS_THREAD_STANDBY || t->state.v == FS_THREAD_DEFERRED_READY);
}

const char *waited_words(struct check_run *run, int32_t thread)
{
	const struct fs_thread *t = thread >= 0 ? &run->m->threads[thread] : NULL;
	const struct fs_value *tick = &run->m->tick_100ns;
	uint64_t s;

	if (!t || !thread_waits(t) || !fs_is_read(&t->waiting_ticks) || t->waiting_ticks.unproved ||
	    !fs_is_read(tick) || tick->unproved || t->waiting_ticks.v > INT64_MAX / 10000000 ||
	    tick->v > 10000000)
		return "";
	s = t->waiting_ticks.v * tick->v / 10000000;
	if (s < 120)
		return run_text(run, " for %llu second%s", (unsigned long long)s, plural(s));
	return run_text(run, " for %llu minutes", (unsigned long long)(s / 60));
}

const char *thread_label(struct check_run *run, int32_t thread)
{
	const struct fs_model *m = run->m;
	const struct fs_thread *t;
	const struct fs_process *p;
	bool ids; /* in a sentence an unproved one could not be told from a fact */

	if (thread < 0)
		return "a thread that was not read";
	t = &m->threads[thread];
	ids = fs_is_read(&t->pid) && !t->pid.unproved && fs_is_read(&t->tid) && !t->tid.unproved;
	p = t->process >= 0 ? &m->processes[t->process] : NULL;
	if (p && p->image.state == FS_READ && !p->image.unproved && p->image.s[0] && ids)
		return run_text(run, "thread 0x%llx (%s, %llx.%llx)",
				(unsigned long long)t->address, p->image.s,
				(unsigned long long)t->pid.v, (unsigned long long)t->tid.v);
	if (ids)
		return run_text(run, "thread 0x%llx (%llx.%llx)", (unsigned long long)t->address,
				(unsigned long long)t->pid.v, (unsigned long long)t->tid.v);
	return run_text(run, "thread 0x%llx", (unsigned long long)t->address);
}

static const char *object_words(struct check_run *run, const struct fs_wait *w)
{
	if (w->thread >= 0)
		return run_text(run, "the end of %s", thread_label(run, w->thread));
	if (!fs_is_read(&w->object))
		return "an object that was not read";
	if (w->owner_thread >= 0)
		return run_text(run, "a mutant 0x%llx that %s owns",
				(unsigned long long)w->object.v,
				thread_label(run, w->owner_thread));
	return run_text(run, "%s 0x%llx", w->kind ? w->kind : "an object at",
			(unsigned long long)w->object.v);
}

const char *lock_words(struct check_run *run, const struct fs_lock *l)
{
	const struct fs_model *m = run->m;
	const char *what = l->what ? l->what : "ERESOURCE";

	if (l->of == FS_LOCK_FRAME && l->index < m->nframes && fs_is_read(&m->frames[l->index].id))
		return run_text(run, "%s of Frame %llu", what,
				(unsigned long long)m->frames[l->index].id.v);
	if (l->of == FS_LOCK_FILTER && l->index < m->nfilters)
		return run_text(run, "%s of %s", what, filter_label(run, l->index));
	if (l->of == FS_LOCK_VOLUME && l->index < m->nvolumes &&
	    m->volumes[l->index].device_name.state == FS_READ)
		return run_text(run, "%s of %s", what, m->volumes[l->index].device_name.s);
	return run_text(run, "%s 0x%llx", what, (unsigned long long)l->address);
}

const char *lock_waiter_field(const struct fs_lock_waiter *w)
{
	if (w->how == FS_WAITER_OBJECT)
		return "KWAIT_BLOCK.Object";
	/* a pointer that leads to a stack, but to no wait of its thread */
	if (w->how == FS_WAITER_CHAIN || (w->list_at && w->at == w->list_at))
		return "ERESOURCE waiters";
	return "stack slot (scanned)";
}

void lock_waiter_evidence(struct check_run *run, evidence_vec *ev, const struct fs_lock_waiter *w,
			  const char *fact)
{
	evidence_add(run, ev, NULL, w->at, lock_waiter_field(w), fact, "0x%llx",
		     (unsigned long long)w->value);
	if (w->list_at && w->list_at != w->at)
		evidence_add(run, ev, NULL, w->list_at,
			     w->exclusive ? "ERESOURCE.ExclusiveWaiters"
					  : "ERESOURCE.SharedWaiters",
			     "the lock's own word leads to that wait", "0x%llx",
			     (unsigned long long)w->list_value);
}

static const char *owned_lock_words(struct check_run *run, const struct fs_lock *l)
{
	const char *what = lock_words(run, l);

	if (!l->nowners || !l->owners[0].is_thread || l->owners[0].index < 0)
		return what;
	if (l->nowners > 1)
		return run_text(run, "%s, which %s and %zu more have", what,
				thread_label(run, l->owners[0].index), l->nowners - 1);
	return run_text(run, "%s, which %s has", what, thread_label(run, l->owners[0].index));
}

/* What the i-th object is; of the only one, the lock that it is an entry of. */
static const char *wait_words(struct check_run *run, int32_t thread, size_t i)
{
	const struct fs_thread *t = &run->m->threads[thread];
	const struct fs_lock *l = t->nwaits == 1 ? fs_lock_waited_for(run->m, thread) : NULL;

	return l ? owned_lock_words(run, l) : object_words(run, &t->waits[i]);
}

const char *waits_for_words(struct check_run *run, int32_t thread)
{
	const struct fs_thread *t = thread >= 0 ? &run->m->threads[thread] : NULL;
	const char *which;

	if (!t || !thread_waits(t) || !t->nwaits)
		return NULL;
	if (t->nwaits == 1)
		return wait_words(run, thread, 0);
	which = fs_thread_waits_for_which(t);
	return run_text(run, "%s%s%zu objects, %s first", which ? which : "", which ? " of " : "",
			t->nwaits, object_words(run, &t->waits[0]));
}

void wait_evidence(struct check_run *run, evidence_vec *ev, int32_t thread)
{
	const struct fs_thread *t = thread >= 0 ? &run->m->threads[thread] : NULL;
	size_t i;

	if (!t)
		return;
	if (fs_is_read(&t->state))
		evidence_add(run, ev, &t->state, t->address, "KTHREAD.State",
			     "what the thread does", "%llu%s%s", (unsigned long long)t->state.v,
			     t->state_name ? " " : "", t->state_name ? t->state_name : "");
	for (i = 0; thread_waits(t) && i < t->nwaits && i < EVIDENCE_MAX; i++)
		evidence_hex(run, ev, &t->waits[i].object, t->waits[i].address,
			     "KWAIT_BLOCK.Object", wait_words(run, thread, i));
}

static bool in_module(const struct fs_stack_frame *f, int32_t module)
{
	return module >= 0 && fs_is_read(&f->ip.va) && f->ip.module == module;
}

struct on_stack stack_code_of(const struct fs_thread *t, int32_t module, int32_t caller)
{
	struct on_stack found = {NULL, NULL, FS_POSSIBLE};
	bool whole = true;
	size_t i;

	for (i = 0; i < t->stack.n; i++) {
		const struct fs_stack_frame *f = &t->stack.frame[i],
					    *next = i + 1 < t->stack.n ? f + 1 : NULL;

		whole = whole && fs_frame_proves(f);
		if (!in_module(f, module) || (next && in_module(next, module)))
			continue;
		if (caller >= 0 && (!next || !in_module(next, caller)))
			continue;
		found.frame = f;
		found.caller = next;
		found.sure = whole && (caller < 0 || fs_frame_proves(next)) ? FS_PROVED : FS_LIKELY;
	}
	return found;
}

struct inside thread_inside(const struct check_run *run, const struct fs_code *routine, int32_t but)
{
	const struct fs_model *m = run->m;
	size_t t, i;

	for (t = 0; fs_has(&routine->va, UINT64_MAX) && t < m->nthreads; t++) {
		const struct fs_stack *s = &m->threads[t].stack;

		if ((int32_t)t == but)
			continue;
		for (i = 0; i + 1 < s->n && fs_frame_proves(&s->frame[i]); i++) {
			const struct fs_stack_frame *f = &s->frame[i];

			if (routine->va.v >= f->function && routine->va.v < f->function_end &&
			    in_module(f + 1, m->fltmgr_module) && fs_frame_proves(f + 1))
				return (struct inside){(int32_t)t, f, f + 1};
		}
	}
	return (struct inside){-1, NULL, NULL};
}

const char *inside_words(struct check_run *run, const struct inside *in)
{
	const char *words = waits_for_words(run, in->thread);

	return run_text(run, "%s is in it%s%s%s", thread_label(run, in->thread),
			blocked_below_words(run, in->thread,
					    stack_blocked_below(run, in->thread,
								in->frame->ip.module)),
			words ? " and waits for " : "", words ? words : "");
}

void inside_evidence(struct check_run *run, evidence_vec *ev, const struct inside *in)
{
	frame_evidence(run, ev, in->frame, "the routine, on the thread's stack");
	frame_evidence(run, ev, in->caller, "FltMgr, which called it");
	wait_evidence(run, ev, in->thread);
}

static bool is_kernels(const struct fs_model *m, int32_t module)
{
	const char *name = module >= 0 ? m->modules[module].name : NULL;

	return module == 0 || module == m->fltmgr_module || (name && strcmp(name, "hal.dll") == 0);
}

/* A filter by its callbacks' module; -1 none. */
static int32_t filter_in(const struct check_run *run, int32_t module)
{
	const char *symbol;
	bool gone;
	size_t i;

	for (i = 0; i < run->m->nfilters; i++)
		if (filter_code_module(run->m, &run->m->filters[i], &gone, &symbol) == module)
			return (int32_t)i;
	return -1;
}

const struct fs_stack_frame *stack_blocked_below(const struct check_run *run, int32_t thread,
						 int32_t module)
{
	const struct fs_stack *s = thread >= 0 ? &run->m->threads[thread].stack : NULL;
	size_t i;

	for (i = 0; s && i < s->n && is_kernels(run->m, s->frame[i].ip.module); i++)
		;
	if (!s || i >= s->n || s->frame[i].ip.module < 0 || s->frame[i].ip.module == module)
		return NULL;
	/* below it only when the driver itself is further out */
	return stack_code_of(&run->m->threads[thread], module, -1).frame > &s->frame[i]
		       ? &s->frame[i]
		       : NULL;
}

const char *blocked_below_words(struct check_run *run, int32_t thread,
				const struct fs_stack_frame *f)
{
	const struct fs_stack *s = &run->m->threads[thread].stack;
	const char *name = f ? run->m->modules[f->ip.module].name : NULL;
	int32_t filter = f ? filter_in(run, f->ip.module) : -1;
	bool sure = true;
	size_t i;

	if (!f)
		return "";
	for (i = 0; i < s->n && &s->frame[i] <= f; i++)
		sure = sure && fs_frame_proves(&s->frame[i]);
	return run_text(run, "%s blocked below it in %s%s%s%s", sure ? "," : ", it seems",
			name ? name : "a module without a name", filter >= 0 ? " (filter " : "",
			filter >= 0 ? filter_label(run, (size_t)filter) : "",
			filter >= 0 ? ")" : "");
}

/* "IopLoadDriver" in "nt!IopLoadDriver+0x1a"; a prefix alone is another function. */
const struct fs_stack_frame *stack_function(const struct fs_thread *t, const char *name)
{
	size_t i, n = strlen(name);

	for (i = 0; i < t->stack.n; i++) {
		const char *s = t->stack.frame[i].ip.symbol;

		s = s ? strchr(s, '!') : NULL;
		if (s && strncmp(s + 1, name, n) == 0 && (s[1 + n] == '\0' || s[1 + n] == '+'))
			return &t->stack.frame[i];
	}
	return NULL;
}

bool stack_is_whole(const struct fs_thread *t)
{
	size_t i;

	if (t->stack.end != FS_STACK_BOTTOM && t->stack.end != FS_STACK_USER)
		return false;
	for (i = 0; i < t->stack.n; i++)
		if (!fs_frame_proves(&t->stack.frame[i]))
			return false;
	return t->stack.n > 0;
}

const char *stack_not_followed(struct check_run *run, int32_t thread)
{
	const struct fs_thread *t = &run->m->threads[thread];
	const struct fs_stack *s = &t->stack;
	size_t i;

	if (fs_thread_is_idle(run->m, (size_t)thread))
		return NULL;
	switch (s->end) {
	case FS_STACK_BROKEN:
	case FS_STACK_LIMIT:
		return run_text(run, "the stack of %s breaks off after %zu frame%s%s%s",
				thread_label(run, thread), s->n, plural(s->n), s->why ? ": " : "",
				s->why ? s->why : "");
	case FS_STACK_UNREADABLE:
	case FS_STACK_RUNNING:
		/* a scan has looked at every slot, unless some could not be told; frame pointers
		 * pass over functions that keep none */
		for (i = 0; i < s->n && s->frame[i].how != FS_FRAME_POINTER; i++)
			;
		if (s->n && i == s->n && !s->unverified)
			return NULL;
		return run_text(run, "the stack of %s could not be followed%s%s",
				thread_label(run, thread), s->why ? ": " : "", s->why ? s->why : "");
	default:
		return NULL;
	}
}

void frame_evidence(struct check_run *run, evidence_vec *ev, const struct fs_stack_frame *f,
		    const char *fact)
{
	if (!f)
		return;
	evidence_add(run, ev, NULL, f->sp,
		     fs_frame_proves(f) ? "stack frame"
		     : f->how == FS_FRAME_POINTER ? "stack frame (frame pointer)"
		     : f->from_image		  ? "stack frame (image file)"
						  : "stack frame (scanned)",
		     fact, "%s",
		     f->ip.symbol ? f->ip.symbol
				  : run_text(run, "0x%llx", (unsigned long long)f->ip.va.v));
}
