/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread waits for: the wait blocks of KTHREAD.WaitBlockList. Up to Windows 7
 * they are a ring (NextWaitBlock), later an array (WaitBlockCount); the layout tells.
 */
#include "nt/look.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "read/list.h"

/* MAXIMUM_WAIT_OBJECTS (wdm.h), and the block of the timeout's timer. */
#define WAITS_MAX 65u
/* Threads on one object's list of wait blocks. */
#define WAITERS_MAX 65536u

/* KWAIT_REASON of wdm.h, those that no build has under another number. */
static const char *const reasons[] = {
	"Executive",	    "FreePage",		"PageIn",
	"PoolAllocation",   "DelayExecution",	"Suspended",
	"UserRequest",	    "WrExecutive",	"WrFreePage",
	"WrPageIn",	    "WrPoolAllocation", "WrDelayExecution",
	"WrSuspended",	    "WrUserRequest",	NULL,
	"WrQueue",	    "WrLpcReceive",	"WrLpcReply",
	"WrVirtualMemory",  "WrPageOut",	"WrRendezvous",
	"WrKeyedEvent",	    "WrTerminated",	"WrProcessInSwap",
	"WrCpuRateControl", "WrCalloutStack",	"WrKernel",
	"WrResource",	    "WrPushLock",	"WrMutex",
	"WrQuantumEnd",	    "WrDispatchInt",	"WrPreempted",
	"WrYieldExecution", "WrFastMutex",	"WrGuardedMutex",
	"WrRundown",
};

/* WAIT_TYPE of wdm.h. */
static const char *const wait_types[] = {
	"WaitAll", "WaitAny", "WaitNotification", "WaitDequeue", "WaitDpc",
};

const char *nt_wait_reason(struct nt_look *k, uint64_t reason)
{
	const char *name = k->r->nt ? layout_enum_name(k->r->nt, "_KWAIT_REASON", reason) : NULL;

	/* a layout's text may not outlive the model */
	if (name)
		return model_text(k->b, name);
	return reason < sizeof(reasons) / sizeof(reasons[0]) ? reasons[reason] : NULL;
}

/* KOBJECTS, in WinDbg's words; the same numbers on all builds up to here. */
static const char *const kinds[] = {
	"NotificationEvent",
	"SynchronizationEvent",
	"Mutant",
	"Process",
	"Queue",
	"Semaphore",
	"Thread",
	"Gate",
	"NotificationTimer",
	"SynchronizationTimer",
};

const char *nt_dispatcher_kind(struct nt_look *k, uint64_t type)
{
	static const char suffix[] = "Object";
	const char *name;
	char text[64];
	size_t n;

	type = KOBJECT_TYPE(type);
	if (type < sizeof(kinds) / sizeof(kinds[0]))
		return kinds[type];
	name = k->r->nt ? layout_enum_name(k->r->nt, "_KOBJECTS", type) : NULL;
	n = name ? strlen(name) : 0;
	if (n < sizeof(suffix) || n >= sizeof(text) || strncmp(name, "Spare", 5) == 0 ||
	    strncmp(name, "Maximum", 7) == 0)
		return NULL;
	memcpy(text, name, n + 1);
	if (strcmp(text + n - (sizeof(suffix) - 1), suffix) == 0)
		text[n - (sizeof(suffix) - 1)] = 0;
	return model_text(k->b, text);
}

/* The object's own fields; the rest of w is set. */
static void read_object(struct nt_look *k, struct fs_wait *w)
{
	uint64_t va = w->object.v;

	w->type = w->signal_state = w->owner = model_none();
	w->owner_thread = w->thread = -1;
	if (!fs_is_read(&w->object))
		return;
	if (!vm_is_kernel_va(k->r->vm, va) || va % vm_pointer_size(k->r->vm)) {
		w->type.state = FS_MISSING;
		w->type.at = va;
		w->type.gap = nt_gap(
			k, "KWAIT_BLOCK.Object", w->object.at, FS_CORRUPT,
			"KWAIT_BLOCK.Object is 0x%" PRIx64 ", which is no kernel object", va);
		return;
	}
	w->type = nt_value(k->r, k->b, va, F_DISPATCHER_HEADER_Type);
	w->signal_state = w->type; /* one gap when it is not there */
	if (!fs_is_read(&w->type))
		return;
	w->signal_state = nt_value(k->r, k->b, va, F_DISPATCHER_HEADER_SignalState);
	w->kind = nt_dispatcher_kind(k, w->type.v);
	if (KOBJECT_TYPE(w->type.v) == KOBJECT_MUTANT)
		w->owner = nt_value(k->r, k->b, va, F_KMUTANT_OwnerThread);
}

/* One block of the thread's; false: it is none of its. */
static bool read_block(struct nt_look *k, uint64_t thread, uint64_t block, struct fs_wait *ret)
{
	struct fs_value owner = nt_value(k->r, k->b, block, F_KWAIT_BLOCK_Thread);
	struct list_links own, head;

	*ret = (struct fs_wait){.address = block};
	if (!fs_is_read(&owner))
		return false;
	nt_tell(k, CLAIM_WAIT_THREAD, owner.v == thread, block);
	if (owner.v != thread) {
		nt_gap(k, "KWAIT_BLOCK.Thread", owner.at, FS_CORRUPT,
		       "KWAIT_BLOCK.Thread is 0x%" PRIx64 ", expected the thread 0x%" PRIx64
		       " whose wait block it is",
		       owner.v, thread);
		return false;
	}
	ret->wait_type = nt_value(k->r, k->b, block, F_KWAIT_BLOCK_WaitType);
	if (fs_is_read(&ret->wait_type) &&
	    ret->wait_type.v < sizeof(wait_types) / sizeof(wait_types[0]))
		ret->wait_type_name = wait_types[ret->wait_type.v];
	ret->object = nt_value(k->r, k->b, block, F_KWAIT_BLOCK_Object);
	read_object(k, ret);
	/* the only waiter of an object: their links must be each other's */
	if (fs_is_read(&ret->type) &&
	    obj_links(k->r, block, F_KWAIT_BLOCK_WaitListEntry, &own, NULL) == FS_OK &&
	    own.flink == own.blink &&
	    obj_links(k->r, ret->object.v, F_DISPATCHER_HEADER_WaitListHead, &head, NULL) == FS_OK)
		nt_tell(k, CLAIM_WAIT_OBJECT,
			head.flink == own.self && own.flink == head.self && ret->kind, block);
	return true;
}

struct blocks {
	struct fs_wait v[WAITS_MAX];
	size_t n;
	bool whole;
};

static void take_array(struct nt_look *k, struct fs_thread *t, uint64_t list, uint64_t count,
		       struct blocks *ret)
{
	uint32_t size = layout_type_size(k->r->nt, T_KWAIT_BLOCK);
	size_t i;

	ret->whole = size > 0 && count <= WAITS_MAX;
	if (count > WAITS_MAX)
		nt_gap(k, "KTHREAD.WaitBlockCount", t->address, FS_CORRUPT,
		       "KTHREAD.WaitBlockCount is %" PRIu64 ", more than a thread can wait for",
		       count);
	for (i = 0; ret->whole && i < count; i++) {
		uint64_t block;

		if (!add_u64(list, i * size, &block) ||
		    !read_block(k, t->address, block, &ret->v[ret->n])) {
			ret->whole = false;
			break;
		}
		ret->n++;
	}
}

static void take_ring(struct nt_look *k, struct fs_thread *t, uint64_t list, struct blocks *ret)
{
	uint64_t block = list;

	ret->whole = true;
	while (block != 0) {
		struct fs_value next;

		if (ret->n == WAITS_MAX) {
			nt_gap(k, "KWAIT_BLOCK.NextWaitBlock", block, FS_CORRUPT,
			       "the wait blocks of thread 0x%" PRIx64 " do not come round",
			       t->address);
			ret->whole = false;
			return;
		}
		if (!vm_is_kernel_va(k->r->vm, block) ||
		    !read_block(k, t->address, block, &ret->v[ret->n])) {
			ret->whole = false;
			return;
		}
		ret->n++;
		next = nt_value(k->r, k->b, block, F_KWAIT_BLOCK_NextWaitBlock);
		if (!fs_is_read(&next)) {
			ret->whole = false;
			return;
		}
		block = next.v == list ? 0 : next.v;
	}
}

static void keep(struct nt_look *k, struct fs_thread *t, const struct blocks *all)
{
	t->waits_looked = all->whole ? FS_LOOKED_WHOLE : FS_LOOKED_PARTLY;
	if (all->n == 0)
		return;
	t->waits = arena_alloc(k->b->arena, all->n * sizeof(*t->waits));
	if (!t->waits) {
		k->b->out_of_memory = true;
		return;
	}
	memcpy(t->waits, all->v, all->n * sizeof(*t->waits));
	t->nwaits = all->n;
}

void nt_read_waits(struct nt_look *k, size_t thread)
{
	struct fs_thread t = k->b->model->threads[thread];
	struct blocks all = {.n = 0};
	struct fs_value list, count;

	if (!fs_is_read(&t.state))
		return;
	if (t.state.v != FS_THREAD_WAITING) {
		k->b->model->threads[thread].waits_looked = FS_LOOKED_WHOLE;
		return;
	}
	list = nt_object_value(k->r, k->b, &k->object, 0, F_KTHREAD_WaitBlockList);
	count = nt_object_value(k->r, k->b, &k->object, 0, F_KTHREAD_WaitBlockCount);
	if (!fs_is_read(&list))
		return;
	if (fs_is_read(&count))
		take_array(k, &t, list.v, count.v, &all);
	else if (count.state == FS_NONE && layout_field(k->r->nt, F_KWAIT_BLOCK_NextWaitBlock))
		take_ring(k, &t, list.v, &all);
	else
		return;
	keep(k, &t, &all);
	k->b->model->threads[thread] = t;
}

void nt_reach_waiters(struct nt_look *k, uint64_t object)
{
	const struct layout_field *link =
		k->r->nt ? layout_field(k->r->nt, F_KWAIT_BLOCK_WaitListEntry) : NULL;
	struct list_walk w;
	uint64_t head;
	size_t i;

	if (!link || !vm_is_kernel_va(k->r->vm, object) ||
	    obj_field(k->r, object, F_DISPATCHER_HEADER_WaitListHead, &head, NULL) ||
	    list_walk(k->r->vm, head, WAITERS_MAX, "DISPATCHER_HEADER.WaitListHead", &w, NULL))
		return;
	for (i = 0; i < w.entries.n; i++) {
		uint64_t block = w.entries.v[i].link - link->offset, thread;

		if (obj_read(k->r, block, F_KWAIT_BLOCK_Thread, &thread, NULL) == FS_OK)
			(void)nt_thread(k, thread);
	}
	list_walk_deinit(&w);
}
