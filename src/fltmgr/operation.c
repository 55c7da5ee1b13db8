/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an instance that drains waits for: its cache-aware rundown, and the
 * operations that TrackCompletionNodes lists, each with its IRP_CTRL (facts:
 * unload-causes.md 5 to 7; fltkd-commands.md for type words).
 */
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "fltmgr/holders.h"

#define SLOTS_MAX   4096 /* processors, and as many lists */
#define STRIDE_MAX  4096
#define PENDING_MAX 4096
/* _FLT_TYPE.Signature of an IRP_CTRL (facts: fltkd-commands). */
#define IRP_CTRL_SIGNATURE 0xf104u
#define IRP_WORK_SIGNATURE 0xf123u /* of the FLTP_WORKITEM in it, when that is queued */

/* Slots of instances at rest: those of a server with 64 processors and 16,000 instances. */
#define SLOTS_BUDGET (1u << 20)

/* The slots together; any one that waits tells the wait block. */
static void sum_slots(struct collect *c, struct fs_cache_aware *r, bool unproved)
{
	uint64_t sum = 0, i, slot;
	struct fs_error err;

	r->slot = arena_alloc(c->b->arena, FS_SLOTS_KEPT * sizeof(*r->slot));
	if (!r->slot) {
		c->out_of_memory = true;
		return;
	}
	for (i = 0; i < r->number.v; i++) {
		uint64_t at = r->slots.v + i * r->stride.v;
		uint8_t raw[8] = {0};

		if (vm_read(c->r.vm, at, raw, c->ptr, "EX_RUNDOWN_REF_CACHE_AWARE slot", &err) !=
		    FS_OK) {
			(void)model_gap(c->b, "EX_RUNDOWN_REF_CACHE_AWARE.RunRefs", &err);
			return;
		}
		slot = load_u64(raw);
		if (i < FS_SLOTS_KEPT)
			r->slot[r->nslot++] = slot;
		if (slot & 1) {
			uint64_t block = slot & ~1ull;

			if (!block) {
				r->state = FS_RUNDOWN_DRAINED;
				return;
			}
			if (!vm_is_kernel_va(c->r.vm, block) || block % c->ptr)
				return;
			r->state = FS_RUNDOWN_WAITING;
			r->wait_block = block;
			r->wait_count = wait_block_count(c, block, unproved);
			return;
		}
		/* taken on one processor, dropped on another: modulo 2^64, as the kernel does */
		sum += c->ptr == 8 ? (uint64_t)((int64_t)slot >> 1)
				   : (uint64_t)((int32_t)(uint32_t)slot >> 1);
	}
	r->state = FS_RUNDOWN_ACTIVE;
	r->count = sum;
}

static void operation_rundown(struct collect *c, const struct fs_instance *in,
			      struct fs_cache_aware *r)
{
	struct fobj o;

	r->wait_count = model_none();
	if (!fs_has(&in->operation_rundown, UINT64_MAX))
		return;
	fobj_open(c, &o, in->operation_rundown.v, T_EX_RUNDOWN_REF_CACHE_AWARE,
		  "EX_RUNDOWN_REF_CACHE_AWARE");
	r->slots = fobj_value(c, &o, P1(EX_RUNDOWN_REF_CACHE_AWARE, RunRefs));
	r->number = fobj_value(c, &o, P1(EX_RUNDOWN_REF_CACHE_AWARE, Number));
	r->stride = fobj_value(c, &o, P1(EX_RUNDOWN_REF_CACHE_AWARE, RunRefSize));
	if (!fs_is_read(&r->slots) || !fs_is_read(&r->number) || !fs_is_read(&r->stride))
		return;
	if (!r->number.v || r->number.v > SLOTS_MAX || r->stride.v < c->ptr ||
	    r->stride.v > STRIDE_MAX || !vm_is_kernel_va(c->r.vm, r->slots.v)) {
		(void)collect_gap(c, "EX_RUNDOWN_REF_CACHE_AWARE", o.va, FS_CORRUPT,
				  "OperationRundownRef has %llu slots of %llu bytes",
				  (unsigned long long)r->number.v, (unsigned long long)r->stride.v);
		return;
	}
	sum_slots(c, r, in->operation_rundown.unproved);
}

typedef VEC(struct fs_pending) pending_vec;

static void read_irp_ctrl(struct collect *c, struct fs_pending *p)
{
	const struct fpath *node = P1(IRP_CTRL, PendingCallbackNode);
	struct fobj o, n = {.what = "CALLBACK_NODE", .gap = -1};

	if (!fs_has(&p->irp_ctrl, UINT64_MAX))
		return;
	fobj_open(c, &o, p->irp_ctrl.v, T_IRP_CTRL, "IRP_CTRL");
	p->type = fobj_value(c, &o, P2(IRP_CTRL, Type, FLT_TYPE, Signature));
	p->major = fobj_value(c, &o, P1(IRP_CTRL, MajorFunction));
	p->irp = fobj_value(c, &o, P1(IRP_CTRL, Irp));
	p->initiating = fobj_value(c, &o, P1(IRP_CTRL, InitiatingInstance));
	p->pending_node = fobj_value(c, &o, node);
	p->data = fobj_field_va(c, &o, P1(IRP_CTRL, Data));
	if (fs_has(&p->pending_node, UINT64_MAX) && vm_is_kernel_va(c->r.vm, p->pending_node.v)) {
		n.va = p->pending_node.v;
		n.what = "CALLBACK_NODE";
		p->pending_instance = fobj_value(c, &n, P1(CALLBACK_NODE, Instance));
		/* a node of the instance stands there: enough for a layout of this build */
		p->pending_instance.unproved |=
			p->pending_node.unproved && c->choice->match == LMATCH_FAMILY;
	}
	if (fobj_field_va(c, &o, P1(IRP_CTRL, FltWork))) {
		n.va = fobj_field_va(c, &o, P1(IRP_CTRL, FltWork));
		n.what = "FLTP_WORKITEM";
		p->work_type = fobj_value(c, &n, P2(FLTP_WORKITEM, Type, FLT_TYPE, Signature));
		/* a work item's word stands where a layout of this build has it */
		if (fs_is_read(&p->work_type) && p->work_type.v == IRP_WORK_SIGNATURE &&
		    c->choice->match != LMATCH_FAMILY)
			p->work_type.unproved = false;
	}
}

static bool add_nodes(struct collect *c, const struct fobj *list, const struct fpath *head,
		      bool waiting, pending_vec *v)
{
	struct fs_addresses a;
	uint32_t link = 0;
	size_t i;

	if (path_trust(c, P1(COMPLETION_NODE, InstanceLink), &link) < TRUST_UNPROVED)
		return false;
	collect_addresses(c, list, head, link, &a);
	for (i = 0; i < a.n && v->n < PENDING_MAX; i++) {
		struct fs_pending *p = vec_push(v);
		struct fobj o;
		struct fs_value back;

		if (!p) {
			c->out_of_memory = true;
			return false;
		}
		fobj_open(c, &o, a.v[i], T_COMPLETION_NODE, "COMPLETION_NODE");
		back = fobj_value(c, &o, P1(COMPLETION_NODE, InstanceTrackingList));
		p->address = a.v[i];
		p->waiting = waiting;
		p->irp_ctrl = fobj_value(c, &o, P1(COMPLETION_NODE, IrpCtrl));
		/* it names the list that it was reached by */
		if (fs_is_read(&back) && back.v == list->va)
			p->irp_ctrl.unproved = false;
		read_irp_ctrl(c, p);
	}
	return fs_addresses_whole(&a) && i == a.n;
}

/* The lists stand a cache line or more apart: where the next one names the same owner. */
static uint64_t stride_of(struct collect *c, uint64_t first, uint64_t owner, uint32_t back)
{
	uint64_t step, word, size = layout_type_size(c->r.fltmgr, T_COMPLETION_NODE_TRACKING_LIST);
	uint8_t raw[8] = {0};
	struct fs_error err;

	for (step = size; size && step <= 0x200; step += c->ptr) {
		if (vm_read(c->r.vm, first + step + back, raw, c->ptr, "tracking list", &err) !=
		    FS_OK)
			return 0;
		word = load_u64(raw);
		if (word == owner)
			return step;
	}
	return 0;
}

static enum fs_looked tracked(struct collect *c, const struct fs_instance *in, pending_vec *v)
{
	struct fs_value n, first;
	uint32_t back = 0;
	uint64_t stride = 0, i;
	struct fobj o;
	bool whole = true;

	fobj_open(c, &o, in->track_completion_nodes.v, T_TRACK_COMPLETION_NODES,
		  "TRACK_COMPLETION_NODES");
	n = fobj_value(c, &o, P1(TRACK_COMPLETION_NODES, NumLists));
	first = fobj_value(c, &o, P1(TRACK_COMPLETION_NODES, TrackingLists));
	if (!fs_is_read(&n) || !fs_is_read(&first) || !n.v || n.v > SLOTS_MAX ||
	    !vm_is_kernel_va(c->r.vm, first.v) ||
	    path_trust(c, P1(COMPLETION_NODE_TRACKING_LIST, TrackCtrl), &back) < TRUST_UNPROVED)
		return FS_LOOKED_PARTLY;
	if (n.v > 1) {
		stride = stride_of(c, first.v, o.va, back);
		whole = stride != 0;
	}
	for (i = 0; i < n.v && (i == 0 || stride); i++) {
		struct fobj list = {.va = first.v + i * stride,
				    .what = "COMPLETION_NODE_TRACKING_LIST",
				    .gap = -1};
		struct fs_value owner =
			fobj_value(c, &list, P1(COMPLETION_NODE_TRACKING_LIST, TrackCtrl));

		if (!fs_is_read(&owner) || owner.v != o.va)
			return FS_LOOKED_PARTLY;
		whole &= add_nodes(c, &list, P1(COMPLETION_NODE_TRACKING_LIST, ActiveList), false,
				   v);
		whole &= add_nodes(c, &list, P1(COMPLETION_NODE_TRACKING_LIST, WaitingList), true,
				   v);
	}
	return whole && v->n < PENDING_MAX ? FS_LOOKED_WHOLE : FS_LOOKED_PARTLY;
}

/* I/O that the filter issued itself is on none of its own instance's lists: an IRP_CTRL
 * anywhere that names the instance as the one that began it. */
struct own_io {
	struct collect *c;
	pending_vec *v;
	uint32_t offset; /* of InitiatingInstance */
};

static void note_own_io(void *arg, uint64_t at, uint64_t value)
{
	struct own_io *x = arg;
	struct fs_pending p = {.address = 0}, *kept;
	size_t i;

	(void)value;
	if (at < x->offset || (at - x->offset) % (2 * x->c->ptr) || x->v->n >= PENDING_MAX)
		return;
	p.irp_ctrl = (struct fs_value){
		.v = at - x->offset, .at = at - x->offset, .state = FS_READ, .gap = -1};
	read_irp_ctrl(x->c, &p);
	if (!fs_is_read(&p.type) || p.type.v != IRP_CTRL_SIGNATURE)
		return;
	for (i = 0; i < x->v->n; i++)
		if (x->v->v[i].irp_ctrl.v == p.irp_ctrl.v)
			return;
	/* its type word and the instance's address both stand where this layout says */
	if (x->c->choice->match != LMATCH_FAMILY)
		p.initiating.unproved = p.irp_ctrl.unproved = false;
	kept = vec_push(x->v);
	if (kept)
		*kept = p;
	else
		x->c->out_of_memory = true;
}

static enum fs_looked own_io(struct holders *h, uint64_t instance, pending_vec *v)
{
	struct own_io x = {.c = h->c, .v = v};
	struct search s = {.v = &instance, .n = 1, .hit = note_own_io, .arg = &x};

	if (path_trust(h->c, P1(IRP_CTRL, InitiatingInstance), &x.offset) < TRUST_UNPROVED)
		return FS_LOOKED_NOT;
	return search_memory(h, &s);
}

void instance_operations(struct holders *h, size_t instance)
{
	struct collect *c = h->c;
	struct fs_instance *in = &c->b->model->instances[instance];
	struct fs_instance_holders *ih = instance_holders(c, instance);
	pending_vec v = {0};

	if (!ih)
		return;
	operation_rundown(c, in, &ih->operations);
	in->operations = &ih->operations;
	if (fs_has(&in->track_completion_nodes, UINT64_MAX) &&
	    vm_is_kernel_va(c->r.vm, in->track_completion_nodes.v))
		ih->tracked = tracked(c, in, &v);
	if (ih->tracked != FS_LOOKED_NOT)
		ih->searched = own_io(h, in->address, &v);
	if (v.n) {
		ih->pending = arena_alloc(c->b->arena, v.n * sizeof(*v.v));
		if (ih->pending) {
			memcpy(ih->pending, v.v, v.n * sizeof(*v.v));
			ih->npending = v.n;
		} else {
			c->out_of_memory = true;
		}
	}
	vec_free(&v);
}

void instance_rundowns(struct holders *h)
{
	struct collect *c = h->c;
	struct fs_model *m = c->b->model;
	size_t i, n, left = SLOTS_BUDGET;

	for (i = 0; i < m->ninstances && !c->out_of_memory; i++) {
		struct fs_instance *in = &m->instances[i];
		struct fs_cache_aware *r;

		if (in->operations || !fs_has(&in->operation_rundown, UINT64_MAX))
			continue;
		if (!left) {
			(void)collect_gap(c, "EX_RUNDOWN_REF_CACHE_AWARE", in->operation_rundown.v,
					  FS_LIMIT, "%u slots of instances were read", SLOTS_BUDGET);
			return;
		}
		r = arena_alloc(c->b->arena, sizeof(*r));
		if (!r) {
			c->out_of_memory = true;
			return;
		}
		operation_rundown(c, in, r);
		in->operations = r;
		/* as many as were looked at, whatever came of it */
		n = fs_is_read(&r->number) && r->number.v <= SLOTS_MAX ? (size_t)r->number.v : 1;
		left -= n < left ? n : left;
	}
}
