/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KPRCBs, through KiProcessorBlock; what a triage dump stored of one. And what is left to do once
 * all threads are read.
 */
#include "nt/look.h"

#include <inttypes.h>

#include "base/cursor.h"

/* MAXIMUM_PROC_PER_SYSTEM of Windows 11 x64 is below this. */
#define PROCESSORS_MAX 2048u

static struct fs_processor *room(struct nt_look *k, size_t n)
{
	struct fs_processor *v = arena_alloc(k->b->arena, n * sizeof(*v));

	if (!v)
		k->b->out_of_memory = true;
	return v;
}

/* The thread that runs there. */
static void running(struct nt_look *k, struct fs_processor *p)
{
	struct fs_thread *t;

	p->thread = fs_is_read(&p->current_thread) ? nt_thread(k, p->current_thread.v) : -1;
	p->idle = fs_is_read(&p->current_thread) && fs_is_read(&p->idle_thread) &&
		  p->current_thread.v && p->current_thread.v == p->idle_thread.v;
	if (p->thread < 0)
		return;
	t = &k->b->model->threads[p->thread];
	t->by_processor = true;
	t->processor = (int32_t)p->number;
	if (fs_is_read(&t->state))
		nt_tell(k, CLAIM_RUNNING, t->state.v == FS_THREAD_RUNNING, t->address);
}

static void read_prcb(struct nt_look *k, uint32_t i, uint64_t prcb)
{
	struct fs_model *m = k->b->model;
	struct fs_processor p = {.number = i, .prcb = prcb, .thread = -1};
	struct fs_value number;

	p.current_thread = nt_value(k->r, k->b, prcb, F_KPRCB_CurrentThread);
	p.next_thread = nt_value(k->r, k->b, prcb, F_KPRCB_NextThread);
	p.idle_thread = nt_value(k->r, k->b, prcb, F_KPRCB_IdleThread);
	number = nt_value(k->r, k->b, prcb, F_KPRCB_Number);
	if (fs_is_read(&number) && number.v != i)
		nt_gap(k, "KPRCB.Number", number.at, FS_CORRUPT,
		       "KPRCB.Number is %" PRIu64 ", expected %u", number.v, i);
	running(k, &p);
	m->processors[m->nprocessors++] = p;
}

/* A triage dump has no KiProcessorBlock: the crashing processor's thread is known from its copy. */
static void stored_processor(struct nt_look *k)
{
	struct fs_model *m = k->b->model;
	struct fs_processor p = {.number = k->sites.current_processor, .thread = -1};

	if (!k->sites.current_thread)
		return;
	if (!k->sites.current_processor_known) {
		(void)nt_thread(k, k->sites.current_thread);
		return;
	}
	m->processors = room(k, 1);
	if (!m->processors)
		return;
	p.current_thread = model_none();
	p.current_thread.v = k->sites.current_thread;
	p.current_thread.state = FS_READ;
	p.next_thread = p.idle_thread = model_none();
	running(k, &p);
	m->processors[m->nprocessors++] = p;
}

/* Where nothing says how many there are: KiProcessorBlock's pointers up to the first that is 0,
 * as far as each leads to the KPRCB of that number. */
static uint32_t count_processors(struct nt_look *k)
{
	const size_t ptr = vm_pointer_size(k->r->vm);
	uint32_t i;

	for (i = 0; k->sites.processor_block && i < PROCESSORS_MAX; i++) {
		uint64_t number;
		uint8_t b[8] = {0};

		if (vm_read(k->r->vm, k->sites.processor_block + i * ptr, b, ptr,
			    "KiProcessorBlock", NULL) ||
		    !vm_is_kernel_va(k->r->vm, load_u64(b)) ||
		    obj_read(k->r, load_u64(b), F_KPRCB_Number, &number, NULL) || number != i)
			break;
	}
	return i;
}

void nt_read_processors(struct nt_look *k)
{
	uint32_t n = k->sites.processors ? k->sites.processors : count_processors(k), i;
	const size_t ptr = vm_pointer_size(k->r->vm);

	if (n > PROCESSORS_MAX)
		n = PROCESSORS_MAX;
	if (!k->sites.processor_block || !n) {
		stored_processor(k);
		return;
	}
	k->b->model->processors = room(k, n);
	for (i = 0; k->b->model->processors && i < n; i++) {
		struct fs_error err = {0};
		uint8_t b[8] = {0};

		if (vm_read(k->r->vm, k->sites.processor_block + i * ptr, b, ptr,
			    "KiProcessorBlock", &err)) {
			model_gap(k->b, "KiProcessorBlock", &err);
			return;
		}
		if (!vm_is_kernel_va(k->r->vm, load_u64(b))) {
			nt_gap(k, "KiProcessorBlock", k->sites.processor_block + i * ptr,
			       FS_CORRUPT,
			       "KiProcessorBlock[%u] is 0x%" PRIx64 ", which is no KPRCB", i,
			       load_u64(b));
			continue;
		}
		read_prcb(k, i, load_u64(b));
	}
}
