/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queues of work items: nt's (KPRIQUEUE from Windows 8 on, KQUEUE before, inside
 * EX_WORK_QUEUE) and the Filter Manager's own (FltGlobals.ThrottledWorkCtrl). nt's
 * are reached from an item that stands in them: its list comes round through the
 * queue's head, and the head proves itself by the DISPATCHER_HEADER in front of it.
 */
#include <string.h>

#include "base/cursor.h"
#include "fltmgr/workitem.h"

/* KOBJECTS (nt's PDB): QueueObject, PriQueueObject. */
#define QUEUE_OBJECT	4u
#define PRIQUEUE_OBJECT 21u
#define PRIORITIES	32u
/* Items of one queue that are followed to find its head. */
#define FOLLOW_MAX    1024u
#define THROTTLES_MAX 16u

bool work_word(struct collect *c, uint64_t va, uint64_t *ret)
{
	uint8_t raw[8] = {0};

	if (!vm_is_kernel_va(c->r.vm, va) || va % c->ptr ||
	    vm_read(c->r.vm, va, raw, c->ptr, "work queue", NULL) != FS_OK)
		return false;
	*ret = load_u64(raw);
	return true;
}

enum work_link work_link(struct collect *c, uint64_t va, uint64_t *ret, struct work_unread *unread)
{
	uint8_t raw[8] = {0};
	struct fs_error err;

	if (!vm_is_kernel_va(c->r.vm, va) || va % c->ptr)
		return WORK_LINK_NONE;
	if (vm_read(c->r.vm, va, raw, c->ptr, "work queue", &err) == FS_OK) {
		*ret = load_u64(raw);
		return WORK_LINK_READ;
	}
	if (!unread->va) {
		unread->va = va;
		unread->err = err;
	}
	return WORK_LINK_UNREAD;
}

/* DISPATCHER_HEADER: Type is its first byte, Size in 4-byte units its third (wdm.h, the
 * same on every build). */
bool is_dispatcher(struct collect *c, uint64_t va, unsigned type, size_t size)
{
	uint8_t raw[4];

	return vm_is_kernel_va(c->r.vm, va) && va % c->ptr == 0 &&
	       vm_read(c->r.vm, va, raw, sizeof(raw), "DISPATCHER_HEADER", NULL) == FS_OK &&
	       raw[0] == type && raw[2] == size / 4;
}

/* A head is named by both its neighbours, as any entry is. */
bool is_linked(struct collect *c, uint64_t link)
{
	uint64_t flink, blink, x;

	return work_word(c, link, &flink) && work_word(c, link + c->ptr, &blink) &&
	       work_word(c, flink + c->ptr, &x) && x == link && work_word(c, blink, &x) &&
	       x == link;
}

static bool is_pri_queue(struct collect *c, uint64_t queue, uint64_t lists)
{
	unsigned i;

	if (!is_dispatcher(c, queue, PRIQUEUE_OBJECT, layout_type_size(c->r.nt, T_KPRIQUEUE)))
		return false;
	for (i = 0; i < PRIORITIES; i++)
		if (!is_linked(c, lists + (uint64_t)i * 2 * c->ptr))
			return false;
	return true;
}

static uint64_t nt_queue(struct collect *c, uint64_t head)
{
	const struct layout_field *pri, *plain;
	unsigned i;

	if (!c->r.nt)
		return 0;
	pri = layout_field(c->r.nt, F_KPRIQUEUE_EntryListHead);
	plain = layout_field(c->r.nt, F_KQUEUE_EntryListHead);
	for (i = 0; pri && i < PRIORITIES; i++) {
		uint64_t lists = head - (uint64_t)i * 2 * c->ptr;

		if (is_pri_queue(c, lists - pri->offset, lists))
			return lists - pri->offset;
	}
	if (plain && is_dispatcher(c, head - plain->offset, QUEUE_OBJECT,
				   layout_type_size(c->r.nt, T_KQUEUE)))
		return head - plain->offset;
	return 0;
}

static uint64_t own_queue(struct collect *c, uint64_t head)
{
	const struct fs_model *m = c->b->model;
	size_t i;

	for (i = 0; i < m->nthrottles; i++)
		if (m->throttles[i].pending.head == head)
			return m->throttles[i].address;
	return 0;
}

uint64_t work_queue_of(struct collect *c, uint64_t link, struct work_unread *unread)
{
	uint64_t at = link, next, back, queue;
	unsigned n;

	for (n = 0; n < FOLLOW_MAX; n++) {
		if (work_link(c, at, &next, unread) != WORK_LINK_READ || next == link ||
		    work_link(c, next + c->ptr, &back, unread) != WORK_LINK_READ || back != at)
			return 0;
		at = next;
		queue = own_queue(c, at);
		if (!queue)
			queue = nt_queue(c, at);
		if (queue)
			return queue;
	}
	return 0;
}

/* How many queues there are is the length of the array on this build. */
static size_t throttle_count(struct collect *c, uint64_t *ret_stride)
{
	const struct layout_field *f = layout_field(c->r.fltmgr, F_THROTTLED_WORK_ITEM_CTRL_Queues);
	size_t size = layout_type_size(c->r.fltmgr, T_THROTTLE_ELEMENT);

	*ret_stride = size;
	if (!f || !size || f->size % size || f->size / size > THROTTLES_MAX)
		return 0;
	return f->size / size;
}

static void throttle(struct collect *c, uint64_t va, struct fs_throttle *ret)
{
	struct fobj o;
	uint32_t off = 0;

	memset(ret, 0, sizeof(*ret));
	fobj_open(c, &o, va, T_THROTTLE_ELEMENT, "_THROTTLE_ELEMENT");
	ret->address = va;
	ret->running = fobj_value(c, &o, P1(THROTTLE_ELEMENT, RunningCount));
	ret->limit = fobj_value(c, &o, P1(THROTTLE_ELEMENT, RunningLimit));
	(void)path_trust(c, P1(WORK_QUEUE_ITEM, List), &off);
	collect_addresses(c, &o, P1(THROTTLE_ELEMENT, PendingList), off, &ret->pending);
}

void read_throttles(struct collect *c)
{
	struct fs_model *m = c->b->model;
	struct fobj globals = {.va = m->globals.v, .what = "FltGlobals", .gap = -1};
	const struct fpath *queues =
		P2(GLOBALS, ThrottledWorkCtrl, THROTTLED_WORK_ITEM_CTRL, Queues);
	uint64_t at, stride, i, n, lists = 0;
	uint32_t off;
	enum trust trust = path_trust(c, queues, &off);

	if (!fs_is_read(&m->globals) || m->nthrottles)
		return;
	at = fobj_field_va(c, &globals, queues);
	n = at ? throttle_count(c, &stride) : 0;
	if (!n)
		return;
	/* An offset that nothing confirms must at least lead to lists. The one of an exact
	 * layout may be wrong, too: FltGlobals' tail differs between service builds (10.0.19041.1806
	 * has it 0x40 higher than the PDB that the layout is from); then no list is there at all. */
	for (i = 0; i < n; i++)
		lists += is_linked(c, at + i * stride);
	if (!lists || (trust != TRUST_FULL && lists < n))
		return;
	m->throttles = arena_alloc(c->b->arena, n * sizeof(*m->throttles));
	if (!m->throttles) {
		c->out_of_memory = true;
		return;
	}
	for (i = 0; i < n; i++)
		throttle(c, at + i * stride, &m->throttles[m->nthrottles++]);
}
