/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 8: a teardown waits for an operation (S1) whose callback has not returned: a
 * thread has the driver's code on its stack, called by FltMgr, and it is not the one
 * that unloads. Look-alike that stays silent: a pended operation (5), whose callback
 * has returned. The catalogue knows 8 from cases only, so it is never proved.
 */
#include "check/unload.h"

#include <string.h>

/* Its own name, where a PDB gives one; an operation is what FltMgr's walks call. */
static bool other_callback(const struct fs_stack_frame *caller)
{
	const char *s = caller && caller->ip.symbol ? strchr(caller->ip.symbol, '!') : NULL;

	return s && strncmp(s + 1, "FltpPerform", 11) != 0 && strncmp(s + 1, "Fltp", 4) == 0;
}

struct blocked {
	struct on_stack at;
	int32_t thread;
	size_t n; /* how many threads are like that */
	const char *unseen; /* why there may be more; NULL: every stack was looked at */
};

/* Does it unload the filter, or tear an instance of it down? */
static bool tears_down(const struct check_run *run, size_t i, int32_t thread)
{
	const struct fs_model *m = run->m;
	const struct unload_lock *u = unload_lock_of(run, i);
	size_t k;

	if (thread == waiter_of(run, i).thread || (u->held && thread == u->thread))
		return true;
	for (k = 0; k < m->filters[i].instances.n; k++) {
		const struct fs_instance *in = &m->instances[m->filters[i].instances.entries[k]];

		if (torn_down(in) && waiter_of_instance(m, in).thread == thread)
			return true;
	}
	return false;
}

static struct blocked look(struct check_run *run, size_t i, int32_t module)
{
	const struct fs_model *m = run->m;
	struct blocked b = {.thread = -1};
	size_t t;

	for (t = 0; t < m->nthreads; t++) {
		const char *why = b.unseen ? NULL : stack_not_followed(run, (int32_t)t);
		struct on_stack s;

		if (why && !tears_down(run, i, (int32_t)t))
			b.unseen = why;
		if (!m->threads[t].stack.n)
			continue;
		s = stack_code_of(&m->threads[t], module, m->fltmgr_module);
		if (!s.frame || other_callback(s.caller) || tears_down(run, i, (int32_t)t))
			continue;
		if (b.n++ == 0) {
			b.at = s;
			b.thread = (int32_t)t;
		}
	}
	return b;
}

/* The operations that the instance waits for, but those that 5 to 7 tell of. */
static bool waits_for_others(const struct fs_instance *in, uint64_t *ret_left)
{
	struct operations o = operations_of(in);

	*ret_left = o.left;
	return !o.counted || o.left > 0;
}

static void fire(struct check_run *run, size_t i, size_t instance, const struct blocked *b,
		 uint64_t left)
{
	const struct fs_instance *in = &run->m->instances[instance];
	const struct fs_thread *t = &run->m->threads[b->thread];
	const struct fs_stack_frame *below =
		stack_blocked_below(run, b->thread, b->at.frame->ip.module);
	const char *words = waits_for_words(run, b->thread);
	enum fs_confidence c = FS_LIKELY;
	struct fs_finding *fd;
	evidence_vec ev = {0};

	/* nobody is known to wait for operations: the teardown may be elsewhere */
	if (!in->holders || in->holders->operations.state != FS_RUNDOWN_WAITING)
		c = FS_POSSIBLE;
	if (!thread_waits(t))
		c = FS_POSSIBLE;
	c = confidence_cap(c, &in->object.flags.value);
	fd = finding_add(run, "callback-blocked", c, "filter", run->m->filters[i].address,
			 filter_label(run, i));
	if (!fd)
		return;
	fd->message = run_text(run,
			       "A callback of %s has not returned: %s is in it%s%s%s%s. FLT_INSTANCE "
			       "0x%llx waits for its operation",
			       fd->subject.name, thread_label(run, b->thread),
			       blocked_below_words(run, b->thread, below),
			       words ? " and waits for " : "", words ? words : "",
			       b->n > 1 ? run_text(run, " (%zu threads are)", b->n) : "",
			       (unsigned long long)in->address);
	frame_evidence(run, &ev, b->at.frame, "the driver's code, on the thread's stack");
	frame_evidence(run, &ev, b->at.caller, "FltMgr, which called it");
	frame_evidence(run, &ev, below, "another driver below it, in which the thread is blocked");
	wait_evidence(run, &ev, b->thread);
	operations_evidence(run, &ev, in);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	if (!cycle_explains(run, i))
		verdict_cause_of(run, i, instance, fd, left,
				 (struct fs_subject){"thread", t->address, ""});
}

static bool try_instance(struct check_run *run, size_t i, size_t instance, const struct blocked *b)
{
	const struct fs_instance *in = instance == SIZE_MAX ? NULL : &run->m->instances[instance];
	uint64_t left;

	if (!in || instance_stage(in) != FS_S1 || !waits_for_others(in, &left))
		return false;
	if (b->thread >= 0)
		fire(run, i, instance, b, left);
	else if (b->unseen)
		not_checked_add(run, "callback-blocked", b->unseen);
	return true;
}

static void look_at_filter(struct check_run *run, size_t i)
{
	const struct fs_model *m = run->m;
	const char *symbol;
	struct blocked b;
	int32_t module;
	bool gone;
	size_t k;

	if (m->stacks_looked != FS_LOOKED_WHOLE)
		not_checked_add(run, "callback-blocked",
				"not every thread's stack could be looked at");
	module = filter_code_module(m, &m->filters[i], &gone, &symbol);
	if (module < 0 || module == m->fltmgr_module)
		return;
	b = look(run, i, module);
	/* the unload's own first */
	if (try_instance(run, i, run->own_instance[i], &b))
		return;
	for (k = 0; k < m->filters[i].instances.n; k++)
		if (try_instance(run, i, m->filters[i].instances.entries[k], &b))
			return;
}

static bool any_in_s1(const struct check_run *run, size_t i)
{
	const struct fs_list *l = &run->m->filters[i].instances;
	size_t k;

	for (k = 0; k < l->n; k++)
		if (instance_stage(&run->m->instances[l->entries[k]]) == FS_S1)
			return true;
	return false;
}

void chk_callback_blocked(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++)
		if (instances_matter(run, i) && any_in_s1(run, i))
			look_at_filter(run, i);
}
