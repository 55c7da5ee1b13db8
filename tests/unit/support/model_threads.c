/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/model_maker.h"

#include <string.h>

size_t mm_module(struct model_maker *k, const char *name, uint64_t base)
{
	size_t i = k->m.nmodules++;

	k->module[i] = (struct fs_module){.name = name, .base = base, .size = 0x10000};
	return i;
}

static struct fs_code code(const struct model_maker *k, int32_t module, uint64_t offset)
{
	uint64_t base = module >= 0 ? k->module[module].base : 0x10000;

	return (struct fs_code){.va = mm_value(base + offset), .module = module};
}

void mm_code_of(struct model_maker *k, size_t filter, size_t module)
{
	struct fs_filter *f = &k->filter[filter];

	f->callback[FS_CB_FilterUnload] = code(k, (int32_t)module, 0x1000);
	if (f->driver >= 0)
		k->driver[f->driver].module = (int32_t)module;
}

size_t mm_thread(struct model_maker *k, uint64_t va, uint64_t stack_limit)
{
	size_t i = k->m.nthreads++;
	struct fs_thread *t = &k->thread[i];

	t->address = va;
	t->process = -1;
	t->processor = -1;
	t->pid = mm_value(4);
	t->tid = mm_value(0x100 + 4 * i);
	t->state = mm_value(FS_THREAD_WAITING);
	t->state_name = "Waiting";
	t->stack_limit = mm_value(stack_limit);
	t->stack_base = mm_value(stack_limit + 0x6000);
	t->start.module = t->win32_start.module = -1;
	t->waits = k->wait[i];
	t->waits_looked = FS_LOOKED_WHOLE;
	t->stack.frame = k->stack[i];
	return i;
}

struct fs_wait *mm_wait(struct model_maker *k, size_t thread, uint64_t object, const char *kind)
{
	struct fs_thread *t = &k->thread[thread];
	struct fs_wait *w = &k->wait[thread][t->nwaits++];

	*w = (struct fs_wait){.address = t->address + 0x140,
			      .object = mm_value(object),
			      .kind = kind,
			      .owner_thread = -1,
			      .thread = -1};
	w->object.at = w->address + 0x20;
	return w;
}

void mm_wait_block(struct model_maker *k, size_t thread, uint64_t block)
{
	(void)mm_wait(k, thread, block + 8, "SynchronizationEvent");
}

void mm_call(struct model_maker *k, size_t thread, int32_t module, const char *symbol,
	     enum fs_frame_how how)
{
	struct fs_stack *s = &k->thread[thread].stack;
	struct fs_stack_frame *f = &s->frame[s->n];

	*f = (struct fs_stack_frame){.ip = code(k, module, 0x2000 + 0x10 * s->n), .how = how};
	f->sp = k->thread[thread].stack_limit.v + 0x1000 + 0x100 * s->n;
	f->ip.symbol = symbol;
	s->n++;
	s->end = FS_STACK_BOTTOM;
}

size_t mm_lock(struct model_maker *k, uint64_t va, const char *what)
{
	size_t i = k->m.nlocks++;
	struct fs_lock *l = &k->lock[i];

	l->address = va;
	l->what = what;
	l->of = FS_LOCK_OTHER;
	l->active_count = mm_value(0);
	l->flag = mm_value(0);
	l->shared_count = mm_value(0);
	l->exclusive_count = mm_value(0);
	l->owners = k->owner[i];
	l->waiters = k->waiter[i];
	l->owners_looked = l->waiters_looked = FS_LOOKED_WHOLE;
	return i;
}

size_t mm_unload_lock(struct model_maker *k, size_t frame)
{
	size_t i = mm_lock(k, k->frame[frame].address + 0x208, "FLTP_FRAME.FilterUnloadLock");

	k->lock[i].of = FS_LOCK_FRAME;
	k->lock[i].index = frame;
	k->frame[frame].filter_unload_lock = k->lock[i].address;
	return i;
}

void mm_own(struct model_maker *k, size_t lock, size_t thread)
{
	struct fs_lock *l = &k->lock[lock];
	struct fs_lock_owner *o = &k->owner[lock][l->nowners++];

	*o = (struct fs_lock_owner){.thread = mm_value(k->thread[thread].address),
				    .count = mm_value(1),
				    .is_thread = true,
				    .index = (int32_t)thread};
	o->thread.at = l->address + 0x30;
	l->active_count = mm_value(1);
	l->flag = mm_value(FS_RESOURCE_OWNED_EXCLUSIVE);
	l->owned = l->exclusive = true;
}

void mm_wait_lock(struct model_maker *k, size_t lock, size_t thread, enum fs_waiter_how how)
{
	struct fs_lock *l = &k->lock[lock];

	k->waiter[lock][l->nwaiters++] =
		(struct fs_lock_waiter){.thread = (int32_t)thread,
					.how = how,
					.exclusive = true,
					.exclusive_known = true,
					.at = k->thread[thread].stack_limit.v + 0x5000};
	l->exclusive_count.v++;
}

void mm_all_looked(struct model_maker *k)
{
	k->m.threads_looked = k->m.stacks_looked = FS_LOOKED_WHOLE;
}

void mm_drain(struct model_maker *k, size_t filter, uint64_t block, uint64_t left)
{
	struct fs_rundown *r = &k->filter[filter].object.rundown;

	k->filter[filter].object.flags.value.v |= FS_OBJ_DRAINING;
	r->raw = mm_value(block | 1);
	r->state = FS_RUNDOWN_WAITING;
	r->wait_block = block;
	r->wait_count = mm_value(left);
}

void mm_unloading(struct model_maker *k, size_t filter, bool flag)
{
	k->filter[filter].object.pointer_count.v++;
	k->filter[filter].connection_count = mm_value(0);
	if (flag)
		k->filter[filter].flags.value.v |= FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS;
}

bool mm_unchecked(const struct fs_report *r, const char *rule)
{
	size_t i;

	for (i = 0; i < r->nnot_checked; i++)
		if (strcmp(r->not_checked[i].rule, rule) == 0)
			return true;
	return false;
}
