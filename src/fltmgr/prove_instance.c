/* SPDX-License-Identifier: BSD-2-Clause */
/* FLT_INSTANCE: names, its cache-aware rundown, contexts, callback nodes. */
#include <stdlib.h>
#include <string.h>

#include "fltmgr/prove.h"

/* CallbackNodes is indexed by major + 22: 22 majors of FltMgr's own (0xea to
 * 0xff, as signed numbers) come before IRP_MJ_CREATE. Read in structures that the
 * real 19041 driver made. */
#define NODE_CREATE 22
#define NODES	    50
#define NODE_OPS    64
#define NODE_WORDS  6 /* a _CALLBACK_NODE is 0x30 bytes on every build known */

static void instance_strings(struct prover *p, uint64_t inst)
{
	struct ustr s;
	enum pv_string got = pv_string(p, inst, F_FLT_INSTANCE_Altitude, &s);

	if (got == PV_STR_BAD || (got == PV_STR_OK && !pv_is_altitude(s.text)))
		inv_fail(p, I_INSTANCE_ALTITUDE, inst, "no altitude");
	else if (got == PV_STR_OK)
		inv_hold(p, I_INSTANCE_ALTITUDE, 1);
	got = pv_string(p, inst, F_FLT_INSTANCE_Name, &s);
	if (got == PV_STR_BAD || (got == PV_STR_OK && !pv_is_name(s.text)))
		inv_fail(p, I_INSTANCE_NAME, inst, "no name");
	else if (got == PV_STR_OK)
		inv_hold(p, I_INSTANCE_NAME, 1);
}

static void instance_flags(struct prover *p, uint64_t inst)
{
	uint64_t v, known = layout_enum_mask(p->r.fltmgr, "_FLT_INSTANCE_FLAGS");

	if (!pv_read(p, inst, F_FLT_INSTANCE_Flags, &v))
		return;
	if (v > 0xffff)
		inv_fail(p, I_INSTANCE_FLAGS, inst, "flags are 0x%llx", (unsigned long long)v);
	else if (v && !(v & ~known))
		inv_hold(p, I_INSTANCE_FLAGS, 1);
}

static void instance_volume(struct prover *p, uint64_t inst)
{
	uint64_t volume;

	if (!pv_read(p, inst, F_FLT_INSTANCE_Volume, &volume))
		return;
	switch (pv_object(p, volume, OBJ_TYPE_VOLUME)) {
	case PV_YES:
		inv_hold(p, I_INSTANCE_VOLUME, 1);
		break;
	case PV_NO:
		inv_fail(p, I_INSTANCE_VOLUME, inst, "0x%llx is no volume",
			 (unsigned long long)volume);
		break;
	case PV_UNREADABLE:
		break;
	}
}

/* nt's EX_RUNDOWN_REF_CACHE_AWARE: as many slots as processors, each a multiple
 * of a pointer apart. */
static void instance_rundown(struct prover *p, uint64_t inst)
{
	uint64_t ref, refs, size, number;
	unsigned ptr = vm_pointer_size(p->r.vm);

	if (!pv_read(p, inst, F_FLT_INSTANCE_OperationRundownRef, &ref) || !ref)
		return;
	if (!pv_kernel(p, ref)) {
		inv_fail(p, I_INSTANCE_RUNDOWN, inst, "0x%llx is no address",
			 (unsigned long long)ref);
		return;
	}
	if (!pv_read(p, ref, F_EX_RUNDOWN_REF_CACHE_AWARE_RunRefs, &refs) ||
	    !pv_read(p, ref, F_EX_RUNDOWN_REF_CACHE_AWARE_RunRefSize, &size) ||
	    !pv_read(p, ref, F_EX_RUNDOWN_REF_CACHE_AWARE_Number, &number))
		return;
	if (pv_kernel(p, refs) && size >= ptr && size <= 4096 && !(size % ptr) && number >= 1 &&
	    number <= 4096)
		inv_hold(p, I_INSTANCE_RUNDOWN, 1);
	else
		inv_fail(p, I_INSTANCE_RUNDOWN, inst, "no EX_RUNDOWN_REF_CACHE_AWARE at 0x%llx",
			 (unsigned long long)ref);
}

/*
 * A CONTEXT_NODE points at the registration of its filter. Where in the node
 * is the layout's business elsewhere; here any of its first words will do,
 * since no other structure has such a pointer.
 */
static void instance_context(struct prover *p, uint64_t inst)
{
	unsigned i, ptr = vm_pointer_size(p->r.vm);
	uint64_t node, filter, word, back, type;
	bool whole = true;

	if (!pv_read(p, inst, F_FLT_INSTANCE_Context, &node) || !node ||
	    !pv_read(p, inst, F_FLT_INSTANCE_Filter, &filter))
		return;
	for (i = 0; pv_kernel(p, node) && i < 8; i++) {
		if (!pv_u64(p, node + (uint64_t)i * ptr, &word)) {
			whole = false;
			continue;
		}
		if (!pv_kernel(p, word))
			continue;
		if (!pv_read(p, word, F_ALLOCATE_CONTEXT_HEADER_Filter, &back) ||
		    !pv_read(p, word, F_ALLOCATE_CONTEXT_HEADER_ContextType, &type)) {
			whole = false;
		} else if (back == filter && type == 2) { /* FLT_INSTANCE_CONTEXT */
			inv_hold(p, I_INSTANCE_CONTEXT, 1);
			return;
		}
	}
	if (whole)
		inv_fail(p, I_INSTANCE_CONTEXT, inst, "0x%llx has no registration",
			 (unsigned long long)node);
}

/*
 * TRACK_COMPLETION_NODES leads to tracking lists that point back at it
 * (_COMPLETION_NODE_TRACKING_LIST.TrackCtrl). Null, as after the drain, is no evidence.
 */
static void instance_track(struct prover *p, uint64_t inst)
{
	unsigned i, k, ptr = vm_pointer_size(p->r.vm);
	uint64_t track, lists, word;
	bool whole = true;

	if (!pv_read(p, inst, F_FLT_INSTANCE_TrackCompletionNodes, &track) || !track)
		return;
	/* The neighbours in any list point back, too. */
	if (!pv_kernel(p, track) || pv_linked(p, track) == PV_YES) {
		inv_fail(p, I_INSTANCE_TRACK, inst, "0x%llx is no such structure",
			 (unsigned long long)track);
		return;
	}
	for (i = 0; i < 3; i++) {
		if (!pv_u64(p, track + (uint64_t)i * ptr, &lists)) {
			whole = false;
			continue;
		}
		if (!pv_kernel(p, lists) || lists == track)
			continue;
		for (k = 0; k < 16; k++) {
			if (!pv_u64(p, lists + (uint64_t)k * ptr, &word)) {
				whole = false;
			} else if (word == track) {
				inv_hold(p, I_INSTANCE_TRACK, 1);
				return;
			}
		}
	}
	if (whole)
		inv_fail(p, I_INSTANCE_TRACK, inst, "nothing at 0x%llx points back",
			 (unsigned long long)track);
}

/* The callbacks that the filter registered for a major, if any. */
static enum pv_is registered(const struct prover *p, uint64_t filter, uint64_t want,
			     uint64_t *ret_pre, uint64_t *ret_post)
{
	uint64_t size = layout_type_size(p->r.fltmgr, T_FLT_OPERATION_REGISTRATION);
	uint64_t op, major;
	unsigned i;

	if (!size || !pv_read(p, filter, F_FLT_FILTER_Operations, &op) || !pv_kernel(p, op))
		return PV_UNREADABLE;
	for (i = 0; i < NODE_OPS; i++, op += size) {
		if (!pv_read(p, op, F_FLT_OPERATION_REGISTRATION_MajorFunction, &major))
			return PV_UNREADABLE;
		if (major == 0x80) /* IRP_MJ_OPERATION_END */
			return PV_NO;
		if (major == want)
			return pv_read(p, op, F_FLT_OPERATION_REGISTRATION_PreOperation, ret_pre) &&
					       pv_read(p, op,
						       F_FLT_OPERATION_REGISTRATION_PostOperation,
						       ret_post)
				       ? PV_YES
				       : PV_UNREADABLE;
	}
	return PV_NO;
}

/* The instance's own address in a node: else it does not begin where the layout
 * says. One is enough: an array that begins one element late has strangers in it. */
static enum pv_is knows_instance(const struct prover *p, uint64_t va, uint64_t inst)
{
	unsigned i, ptr = vm_pointer_size(p->r.vm);
	uint64_t word;

	if (pv_linked(p, va) != PV_YES)
		return PV_UNREADABLE;
	for (i = 0; i < NODE_WORDS; i++) {
		if (!pv_u64(p, va + (uint64_t)i * ptr, &word))
			return PV_UNREADABLE;
		if (word == inst)
			return PV_YES;
	}
	return PV_NO;
}

static void node(struct prover *p, uint64_t inst, uint64_t filter, uint64_t va, unsigned slot)
{
	uint64_t back, pre, post, want_pre, want_post;
	enum pv_is is;
	struct list_links l;

	if (!pv_read(p, va, F_CALLBACK_NODE_Instance, &back))
		return;
	if (back != inst) {
		inv_fail(p, I_NODE_INSTANCE, va, "0x%llx, expected 0x%llx",
			 (unsigned long long)back, (unsigned long long)inst);
		return;
	}
	inv_hold(p, I_NODE_INSTANCE, 1);
	if (obj_links(&p->r, va, F_CALLBACK_NODE_CallbackLinks, &l, NULL) == FS_OK) {
		if (pv_linked(p, l.self) == PV_YES)
			inv_hold(p, I_NODE_LINKS, 1);
		else if (pv_linked(p, l.self) == PV_NO)
			inv_fail(p, I_NODE_LINKS, va, "links do not agree");
	}
	/* Name providers' nodes at FltMgr's own slots have no operation behind them. */
	if (slot < NODE_CREATE || !pv_read(p, va, F_CALLBACK_NODE_PreOperation, &pre) ||
	    !pv_read(p, va, F_CALLBACK_NODE_PostOperation, &post))
		return;
	is = registered(p, filter, slot - NODE_CREATE, &want_pre, &want_post);
	if (is == PV_UNREADABLE)
		return;
	if (is == PV_NO)
		inv_fail(p, I_INSTANCE_NODES, va, "slot %u: no such operation", slot);
	else if (pre != want_pre || post != want_post)
		inv_fail(p, I_INSTANCE_NODES, va, "slot %u: other callbacks than registered", slot);
	else
		inv_hold(p, I_INSTANCE_NODES, 1);
}

static void instance_nodes(struct prover *p, uint64_t inst)
{
	uint32_t size = layout_type_size(p->r.fltmgr, T_FLT_INSTANCE);
	uint64_t array, filter, va, first = UINT64_MAX;
	unsigned i, ptr = vm_pointer_size(p->r.vm), known = 0, strange = 0;

	if (!pv_has(p, F_CALLBACK_NODE_Instance) ||
	    obj_field(&p->r, inst, F_FLT_INSTANCE_CallbackNodes, &array, NULL) != FS_OK ||
	    !pv_read(p, inst, F_FLT_INSTANCE_Filter, &filter))
		return;
	for (i = 0; i < NODES; i++) {
		if (!pv_u64(p, array + (uint64_t)i * ptr, &va) || !va)
			continue;
		if (!pv_kernel(p, va)) {
			inv_fail(p, I_INSTANCE_NODES, inst, "slot %u is 0x%llx", i,
				 (unsigned long long)va);
			return;
		}
		node(p, inst, filter, va, i);
		known += knows_instance(p, va, inst) == PV_YES;
		strange += knows_instance(p, va, inst) == PV_NO;
		first = va < first ? va : first;
	}
	if (known)
		inv_hold(p, I_INSTANCE_BASE, 1);
	else if (strange)
		inv_fail(p, I_INSTANCE_BASE, inst, "not in any of its nodes");
	if (first == UINT64_MAX || !size)
		return;
	if (first == inst + size)
		inv_hold(p, I_INSTANCE_SIZE, 1);
	else
		inv_fail(p, I_INSTANCE_SIZE, inst, "first node at 0x%llx",
			 (unsigned long long)first);
}

void prove_instances(struct prover *p)
{
	size_t i;

	for (i = 0; i < p->instances.n; i++) {
		uint64_t inst = p->instances.v[i];

		if (pv_object(p, inst, OBJ_TYPE_INSTANCE) != PV_YES)
			continue;
		pv_rundown(p, inst + pv_base(p, OBJ_TYPE_INSTANCE), 0);
		instance_volume(p, inst);
		instance_strings(p, inst);
		instance_flags(p, inst);
		instance_rundown(p, inst);
		instance_context(p, inst);
		instance_track(p, inst);
		instance_nodes(p, inst);
	}
}
