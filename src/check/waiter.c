/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits (facts: unload-causes.md, "How to read a wait"): an EX_RUNDOWN_REF that
 * is waited for holds the address of a wait block on the waiter's kernel stack. It
 * is proved when the thread's KWAIT_BLOCK names the event of that block as well.
 */
#include "check/unload.h"

static const struct waiter nobody = {.thread = -1, .sure = FS_POSSIBLE};

/* On a stack that KeExpandKernelStackAndCallout added, only the wait itself tells. */
static int32_t thread_that_waits_for(const struct fs_model *m, uint64_t event)
{
	int32_t found = -1;
	size_t i;

	for (i = 0; i < m->nthreads; i++) {
		if (!fs_thread_waits_for(&m->threads[i], event))
			continue;
		if (found >= 0)
			return -1;
		found = (int32_t)i;
	}
	return found;
}

struct waiter waiter_of_block(const struct fs_model *m, uint64_t block)
{
	/* The event stands behind Count, a word as wide as a pointer (facts: {+0 Count, +8
	 * KEVENT} on 64 bits). */
	const uint64_t event = block + fs_pointer_size(&m->dump);
	struct waiter w = nobody;

	if (!block || event < block)
		return w;
	w.block = block;
	w.sure = FS_LIKELY;
	w.thread = fs_thread_of_stack(m, block);
	if (w.thread < 0) {
		w.thread = thread_that_waits_for(m, event);
		if (w.thread >= 0)
			w.wait = fs_thread_waits_for(&m->threads[w.thread], event);
		return w;
	}
	w.wait = fs_thread_waits_for(&m->threads[w.thread], event);
	if (w.wait && !w.wait->object.unproved)
		w.sure = FS_PROVED;
	return w;
}

bool wait_block_is_stray(const struct fs_model *m, uint64_t block)
{
	return m->threads_looked == FS_LOOKED_WHOLE && waiter_of_block(m, block).thread < 0;
}

struct waiter waiter_of_instance(const struct fs_model *m, const struct fs_instance *in)
{
	const struct fs_instance_holders *h = in->holders;

	if (in->object.rundown.state == FS_RUNDOWN_WAITING)
		return waiter_of_block(m, in->object.rundown.wait_block);
	if (h && h->operations.state == FS_RUNDOWN_WAITING)
		return waiter_of_block(m, h->operations.wait_block);
	return nobody;
}

/* In S4 nothing of the filter is waited for but a port's callbacks. */
static struct waiter waiter_of_ports(const struct fs_model *m, const struct fs_filter *f)
{
	size_t i;

	for (i = 0; f->holders && i < f->holders->nclients; i++) {
		const struct fs_rundown *r = &f->holders->clients[i].messages;

		if (r->state == FS_RUNDOWN_WAITING)
			return waiter_of_block(m, r->wait_block);
	}
	return nobody;
}

/* The one that the lock's owner waits for; else the only one that nobody is known to wait for. */
static size_t owners_instance(const struct fs_model *m, const struct fs_list *l, int32_t owner)
{
	size_t i, idle = SIZE_MAX, n = 0;

	for (i = 0; i < l->n; i++) {
		const struct fs_instance *in = &m->instances[l->entries[i]];
		struct waiter w;

		if (!torn_down(in))
			continue;
		w = waiter_of_instance(m, in);
		if (w.thread >= 0 && w.thread == owner)
			return l->entries[i];
		if (!w.block && n++ == 0)
			idle = l->entries[i];
	}
	return n == 1 ? idle : SIZE_MAX;
}

size_t find_unload_instance(const struct check_run *run, size_t filter)
{
	const struct unload_lock *u = unload_lock_of(run, filter);

	if (!u->held || u->thread < 0 ||
	    !fs_has(&run->m->filters[filter].object.flags.value, FS_OBJ_DRAINING))
		return SIZE_MAX;
	return owners_instance(run->m, &run->m->filters[filter].instances, u->thread);
}

/* Of several that tear instances down, nothing tells which one unloads the filter. */
static struct waiter by_instances(const struct check_run *run, size_t filter)
{
	const struct fs_model *m = run->m;
	const struct fs_list *l = &m->filters[filter].instances;
	size_t i, own = run->own_instance[filter];
	struct waiter found = nobody;

	if (own != SIZE_MAX)
		return waiter_of_instance(m, &m->instances[own]);
	for (i = 0; i < l->n; i++) {
		const struct fs_instance *in = &m->instances[l->entries[i]];
		struct waiter w = torn_down(in) ? waiter_of_instance(m, in) : nobody;

		if (!w.block)
			continue;
		if (found.block && w.thread != found.thread) {
			found.sure = FS_POSSIBLE;
			return found;
		}
		if (!found.block || w.sure > found.sure)
			found = w;
	}
	return found;
}

static struct waiter by_rundown(const struct check_run *run, size_t filter)
{
	switch (run->stages[filter]) {
	case FS_S3:
		return waiter_of_block(run->m, run->m->filters[filter].object.rundown.wait_block);
	case FS_S1:
	case FS_S2:
		return by_instances(run, filter);
	case FS_S4:
		return waiter_of_ports(run->m, &run->m->filters[filter]);
	default:
		return nobody;
	}
}

struct waiter waiter_of(const struct check_run *run, size_t filter)
{
	struct waiter w = by_rundown(run, filter);
	const struct unload_lock *u = unload_lock_of(run, filter);
	bool instances = run->stages[filter] == FS_S1 || run->stages[filter] == FS_S2;

	/* a thread that tears an instance down need not be the one that unloads */
	if (u->filter != (int32_t)filter || !u->held || u->thread < 0 ||
	    (w.thread >= 0 && (!instances || w.thread == u->thread)))
		return w;
	w = nobody;
	w.thread = u->thread;
	w.sure = u->sure;
	w.held = &u->owner->thread;
	return w;
}

void waiter_evidence(struct check_run *run, evidence_vec *ev, const struct waiter *w)
{
	const struct fs_thread *t;

	if (w->thread < 0)
		return;
	t = &run->m->threads[w->thread];
	if (w->held)
		evidence_hex(run, ev, w->held, t->address, "FilterUnloadLock.OwnerThread",
			     "this thread holds the unload lock of the frame");
	if (w->block && fs_is_read(&t->stack_limit) && fs_is_read(&t->stack_base))
		evidence_add(run, ev, &t->stack_limit, t->address, "KTHREAD.StackLimit",
			     w->block >= t->stack_limit.v && w->block < t->stack_base.v
				     ? "the wait block lies on this thread's kernel stack"
				     : "the wait block is not between StackLimit and StackBase",
			     "0x%llx", (unsigned long long)t->stack_limit.v);
	if (w->wait)
		evidence_hex(run, ev, &w->wait->object, w->wait->address, "KWAIT_BLOCK.Object",
			     "the thread waits for the event of that wait block");
}
