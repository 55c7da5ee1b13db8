/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fltmgr's own code says of the fields that its unload walk uses.
 *
 * FltRegisterFilter puts FltpMiniFilterDriverUnload into DRIVER_OBJECT.DriverUnload of each
 * minifilter that can be stopped, so a filter's driver object leads there. Where the code
 * is not in the dump, or is not that function, nothing is said.
 */
#include <inttypes.h>

#include "code/recover.h"
#include "fltmgr/prove.h"

#define FUNCTIONS_MAX 4 /* different ones: one is usual, a hook inside fltmgr is not */

/* DriverUnload of a filter's driver, when it is fltmgr's. */
static bool unload_routine(const struct prover *p, uint64_t filter, uint64_t *ret)
{
	uint64_t driver;

	return pv_read(p, filter, F_FLT_FILTER_DriverObject, &driver) &&
	       pv_driver(p, driver) == PV_YES &&
	       pv_read(p, driver, F_DRIVER_OBJECT_DriverUnload, ret) && *ret &&
	       module_at(p->m, *ret) == p->fltmgr;
}

static void compare(struct prover *p, enum inv id, const struct recovered *code, uint64_t layout)
{
	if (!code->known)
		return;
	if (code->value == layout)
		inv_hold(p, id, 1);
	else
		inv_fail(p, id, code->at, "code says 0x%" PRIx64 ", the layout 0x%" PRIx64,
			 code->value, layout);
}

static void compare_all(struct prover *p, const struct recover_offsets *o)
{
	uint64_t list = pv_offset(p, F_FLT_RESOURCE_LIST_HEAD_rList);
	uint64_t lock = pv_offset(p, F_FLT_RESOURCE_LIST_HEAD_rLock);
	struct recovered filters = {0}, locks = {0};

	if (p->site->frame_list)
		compare(p, I_CODE_FRAMES, &o->frame_list, p->site->frame_list);
	if (pv_has(p, F_FLTP_FRAME_Links) && pv_has(p, F_FLTP_FRAME_RegisteredFilters) &&
	    pv_has(p, F_FLT_RESOURCE_LIST_HEAD_rList)) {
		filters = recover_in_frame(&o->link_to_filters, pv_offset(p, F_FLTP_FRAME_Links));
		compare(p, I_CODE_FILTERS, &filters,
			pv_offset(p, F_FLTP_FRAME_RegisteredFilters) + list);
	}
	if (o->link_to_filters.known && o->link_to_filters_lock.known &&
	    pv_has(p, F_FLT_RESOURCE_LIST_HEAD_rList) &&
	    pv_has(p, F_FLT_RESOURCE_LIST_HEAD_rLock)) {
		locks = o->link_to_filters_lock;
		locks.value = o->link_to_filters.value - o->link_to_filters_lock.value;
		compare(p, I_CODE_LOCK, &locks, list - lock);
	}
	if (pv_has(p, F_FLT_OBJECT_PrimaryLink))
		compare(p, I_CODE_LINK, &o->primary_link,
			pv_base(p, OBJ_TYPE_FILTER) + pv_offset(p, F_FLT_OBJECT_PrimaryLink));
	if (pv_has(p, F_FLT_FILTER_DriverObject))
		compare(p, I_CODE_DRIVER, &o->driver_object,
			pv_offset(p, F_FLT_FILTER_DriverObject));
}

/* What it does when the reference fails; two functions that differ say nothing. */
static void take_walk(struct prover *p, const struct recover_offsets *o)
{
	const char *walk = o->walk == RECOVER_WALK_GIVES_UP  ? "gives-up"
			   : o->walk == RECOVER_WALK_GOES_ON ? "goes-on"
							     : NULL;

	if (p->walk_seen && p->walk != walk)
		walk = NULL;
	p->walk_seen = true;
	p->walk = walk;
	p->walk_at = walk ? o->walk_at : 0;
}

void prove_unload(struct prover *p)
{
	uint64_t seen[FUNCTIONS_MAX];
	struct code_source source;
	size_t i, n = 0;

	if (!p->fltmgr || code_source_vm(p->r.vm, p->fltmgr->base,
					 p->fltmgr->base + p->fltmgr->size, &source, NULL) != FS_OK)
		return;
	for (i = 0; i < p->filters.n && n < FUNCTIONS_MAX; i++) {
		struct recover_offsets o;
		uint64_t va;
		enum fs_status st;

		if (!unload_routine(p, p->filters.v[i], &va) || !pv_once(seen, n, va))
			continue;
		seen[n++] = va;
		st = recover_offsets(&source, RECOVER_DRIVER_UNLOAD, va, &o, NULL);
		if (st == FS_NO_MEMORY)
			p->out_of_memory = true;
		if (st != FS_OK)
			continue;
		compare_all(p, &o);
		take_walk(p, &o);
	}
}
