/* SPDX-License-Identifier: BSD-2-Clause */
/* What needs all threads: whose they are, who owns what they wait for, how long they have waited.
 */
#include "nt/look.h"

#include "base/cursor.h"

/*
 * KUSER_SHARED_DATA (ntddk.h) is mapped at a fixed address of every system of 64 and of 32
 * bits and never moved: TickCountMultiplier at 4, TickCount at 0x320.
 */
#define SHARED_USER_DATA   0xfffff78000000000ull
#define SHARED_USER_DATA32 0xffdf0000u
enum { SHARED_MULTIPLIER = 4, SHARED_TICKS = 0x320 };

static struct fs_value read_u64(struct nt_look *k, uint64_t va, const char *what)
{
	struct fs_error err = {0};
	uint64_t v = 0;
	enum fs_status st = vm_read_u64(k->r->vm, va, &v, what, &err);
	struct fs_value ret = model_value(k->b, what, st, v, &err);

	ret.at = va;
	return ret;
}

static struct fs_value read_u32(struct nt_look *k, uint64_t va, const char *what)
{
	struct fs_error err = {0};
	uint32_t v = 0;
	enum fs_status st = vm_read_u32(k->r->vm, va, &v, what, &err);
	struct fs_value ret = model_value(k->b, what, st, v, &err);

	ret.at = va;
	return ret;
}

/* The clock is wanted for waits and for the time that threads ran. */
static void read_clock(struct nt_look *k)
{
	struct fs_model *m = k->b->model;
	uint64_t shared = vm_pointer_size(k->r->vm) == 8 ? SHARED_USER_DATA : SHARED_USER_DATA32;
	struct fs_value multiplier;
	uint64_t increment;

	m->tick_count = m->tick_100ns = model_none();
	if (!m->nthreads)
		return;
	if (k->sites.tick_count)
		m->tick_count = read_u64(k, k->sites.tick_count, "KeTickCount");
	if (k->sites.maximum_increment)
		m->tick_100ns = read_u32(k, k->sites.maximum_increment, "KeMaximumIncrement");
	if (!fs_is_read(&m->tick_count))
		m->tick_count = read_u64(k, shared + SHARED_TICKS, "KUSER_SHARED_DATA.TickCount");
	if (fs_is_read(&m->tick_100ns))
		return;
	/* GetTickCount: milliseconds are TickCount * TickCountMultiplier >> 24; the multiplier
	 * is rounded down. */
	multiplier = read_u32(k, shared + SHARED_MULTIPLIER,
			      "KUSER_SHARED_DATA.TickCountMultiplier");
	m->tick_100ns = multiplier;
	increment = (multiplier.v * 10000 + (1u << 24) - 1) >> 24;
	if (!fs_is_read(&multiplier))
		return;
	if (increment > 0)
		m->tick_100ns.v = increment;
	else
		m->tick_100ns = model_none();
}

static void finish_waits(struct nt_look *k, struct fs_thread *t)
{
	const struct fs_value *now = &k->b->model->tick_count;
	size_t i;

	for (i = 0; i < t->nwaits; i++) {
		struct fs_wait *w = &t->waits[i];

		if (fs_is_read(&w->owner) && w->owner.v)
			w->owner_thread = model_find_thread(k->b, w->owner.v);
		if (fs_is_read(&w->object))
			w->thread = model_find_thread(k->b, w->object.v);
	}
	t->waiting_ticks = model_none();
	if (!fs_is_read(&t->state) || t->state.v != FS_THREAD_WAITING ||
	    !fs_is_read(&t->wait_time) || !fs_is_read(now))
		return;
	/* WaitTime is the low half of the tick count; nobody waits since before the start */
	if ((uint32_t)(now->v - t->wait_time.v) > now->v)
		return;
	t->waiting_ticks = t->wait_time;
	t->waiting_ticks.v = (uint32_t)(now->v - t->wait_time.v);
}

/* Owners of mutants that no list led to. */
static void reach_mutant_owners(struct nt_look *k)
{
	size_t i, w;

	for (i = 0; i < k->b->model->nthreads; i++)
		for (w = 0; w < k->b->model->threads[i].nwaits; w++) {
			const struct fs_value *owner = &k->b->model->threads[i].waits[w].owner;

			if (fs_is_read(owner) && owner->v)
				(void)nt_thread(k, owner->v);
		}
}

static void reach_processes(struct nt_look *k)
{
	size_t i;

	for (i = 0; i < k->b->model->nthreads; i++) {
		struct fs_thread *t = &k->b->model->threads[i];
		int32_t p;

		if (t->process >= 0 || !fs_is_read(&t->process_pointer))
			continue;
		p = nt_process(k, t->process_pointer.v);
		k->b->model->threads[i].process = p;
	}
}

void nt_finish_threads(struct nt_look *k)
{
	struct fs_model *m = k->b->model;
	size_t i;

	reach_mutant_owners(k);
	reach_processes(k);
	read_clock(k);
	for (i = 0; i < m->nthreads; i++) {
		const struct fs_thread *t = &m->threads[i];

		finish_waits(k, &m->threads[i]);
		if (fs_is_read(&t->start.va) && vm_is_kernel_va(k->r->vm, t->start.va.v))
			nt_tell(k, CLAIM_START, t->start.module >= 0 || t->start.unloaded,
				t->address);
	}
	nt_judge_threads(k);
	if (!m->nthreads)
		m->threads_looked = FS_LOOKED_NOT;
	else
		m->threads_looked = k->limited ? FS_LOOKED_PARTLY : FS_LOOKED_WHOLE;
	m->threads_why = k->why;
}
