/* SPDX-License-Identifier: BSD-2-Clause */
/* FLT_FILTER: names, flags, driver, context registrations, lists. */
#include <stdlib.h>
#include <string.h>

#include "fltmgr/prove.h"

/* The filter flags are few and low (facts: CHANGES.md 7: eight bits on 22000). */
#define FILTER_FLAGS_MAX 0xffffu

/* Is `want` among the first words of the structure at va? */
static bool mentions(const struct prover *p, uint64_t va, uint64_t want)
{
	unsigned i, ptr = vm_pointer_size(p->r.vm);
	uint64_t word;

	for (i = 0; pv_kernel(p, va) && i < 8; i++) {
		if (pv_u64(p, va + (uint64_t)i * ptr, &word) && word == want)
			return true;
	}
	return false;
}

/* The first entry of a mutex list; 0 when the list is empty or not readable. */
static uint64_t first_entry(const struct prover *p, uint64_t filter, enum field_id list)
{
	uint64_t head, flink;

	if (!pv_has(p, F_FLT_MUTEX_LIST_HEAD_mList) ||
	    obj_field(&p->r, filter, list, &head, NULL) != FS_OK)
		return 0;
	head += pv_offset(p, F_FLT_MUTEX_LIST_HEAD_mList);
	return pv_linked(p, head) == PV_YES && pv_u64(p, head, &flink) && flink != head ? flink : 0;
}

/*
 * The three lists look alike. A server port names its filter, a client names its
 * server port (FLT_SERVER_PORT_OBJECT.Filter, FLT_PORT_OBJECT.ServerPort); both
 * begin with the link that the lists use.
 */
static void filter_ports(struct prover *p, uint64_t filter)
{
	uint64_t server = first_entry(p, filter, F_FLT_FILTER_ConnectionList);
	uint64_t client = first_entry(p, filter, F_FLT_FILTER_PortList), word;
	unsigned i, ptr = vm_pointer_size(p->r.vm);

	if (server && mentions(p, server, filter))
		inv_hold(p, I_FILTER_SERVERS, 1);
	else if (server && pv_u64(p, server + 7ull * ptr, &word))
		inv_fail(p, I_FILTER_SERVERS, filter, "0x%llx is no server port of it",
			 (unsigned long long)server);
	/* From behind the link on: the list's neighbours name nothing. */
	for (i = 2; client && i < 8; i++) {
		if (!pv_u64(p, client + (uint64_t)i * ptr, &word))
			return;
		if (pv_kernel(p, word) && word != filter && mentions(p, word, filter)) {
			inv_hold(p, I_FILTER_CLIENTS, 1);
			return;
		}
	}
	if (client)
		inv_fail(p, I_FILTER_CLIENTS, filter, "0x%llx is no client of its ports",
			 (unsigned long long)client);
}

static void filter_strings(struct prover *p, uint64_t filter)
{
	struct ustr name, altitude;

	switch (pv_string(p, filter, F_FLT_FILTER_Name, &name)) {
	case PV_STR_OK:
		if (pv_is_name(name.text)) {
			inv_hold(p, I_FILTER_NAME, 1);
			break;
		}
		inv_fail(p, I_FILTER_NAME, filter, "no letter in it");
		break;
	case PV_STR_BAD:
		inv_fail(p, I_FILTER_NAME, filter, "no UNICODE_STRING");
		break;
	default:
		break;
	}
	switch (pv_string(p, filter, F_FLT_FILTER_DefaultAltitude, &altitude)) {
	case PV_STR_OK:
		if (pv_is_altitude(altitude.text)) {
			inv_hold(p, I_FILTER_ALTITUDE, 1);
			break;
		}
		inv_fail(p, I_FILTER_ALTITUDE, filter, "not a number");
		break;
	case PV_STR_BAD:
		inv_fail(p, I_FILTER_ALTITUDE, filter, "no UNICODE_STRING");
		break;
	default: /* a ZOMBIED filter's altitude is empty */
		break;
	}
}

static void filter_flags(struct prover *p, uint64_t filter)
{
	uint64_t v, known = layout_enum_mask(p->r.fltmgr, "_FLT_FILTER_FLAGS");

	if (!pv_read(p, filter, F_FLT_FILTER_Flags, &v))
		return;
	/* A newer build may have a bit that this layout does not name. */
	if (v > FILTER_FLAGS_MAX)
		inv_fail(p, I_FILTER_FLAGS, filter, "flags are 0x%llx", (unsigned long long)v);
	else if (v && !(v & ~known))
		inv_hold(p, I_FILTER_FLAGS, 1);
}

static void filter_driver(struct prover *p, uint64_t filter)
{
	uint64_t driver;

	if (!pv_read(p, filter, F_FLT_FILTER_DriverObject, &driver) || !driver)
		return;
	switch (pv_driver(p, driver)) {
	case PV_YES:
		inv_hold(p, I_FILTER_DRIVER, 1);
		break;
	case PV_NO:
		inv_fail(p, I_FILTER_DRIVER, filter, "0x%llx is no DRIVER_OBJECT",
			 (unsigned long long)driver);
		break;
	case PV_UNREADABLE:
		break;
	}
}

/* One registration: does it point back? */
static enum pv_is registration(const struct prover *p, uint64_t va, uint64_t filter)
{
	uint64_t back;

	if (!pv_kernel(p, va))
		return PV_NO;
	if (!pv_read(p, va, F_ALLOCATE_CONTEXT_HEADER_Filter, &back))
		return PV_UNREADABLE;
	return back == filter ? PV_YES : PV_NO;
}

static void context_registration(struct prover *p, uint64_t va, uint64_t filter, unsigned slot)
{
	uint64_t type, kind, next;

	if (pv_read(p, va, F_ALLOCATE_CONTEXT_HEADER_ContextType, &type)) {
		/* FLT_VOLUME_CONTEXT 1, FLT_INSTANCE_CONTEXT 2, … (fltKernel.h) */
		if (type == 1u << slot) {
			inv_hold(p, I_FILTER_CONTEXTS, 1);
			inv_hold(p, I_CONTEXT_TYPE, 1);
		} else {
			/* Another type's bit: the array begins elsewhere; no bit: the type does. */
			bool bit = type && !(type & (type - 1)) && type < 0x100;

			inv_fail(p, bit ? I_FILTER_CONTEXTS : I_CONTEXT_TYPE, va,
				 "slot %u has type 0x%llx", slot, (unsigned long long)type);
		}
	}
	if (pv_read(p, va, F_ALLOCATE_CONTEXT_HEADER_AllocationType, &kind)) {
		if (kind >= 1 && kind <= 3)
			inv_hold(p, I_CONTEXT_KIND, 1);
		else
			inv_fail(p, I_CONTEXT_KIND, va, "AllocationType is %llu",
				 (unsigned long long)kind);
	}
	if (!pv_read(p, va, F_ALLOCATE_CONTEXT_HEADER_Next, &next) || !next)
		return;
	if (registration(p, next, filter) == PV_YES)
		inv_hold(p, I_CONTEXT_NEXT, 1);
	else if (registration(p, next, filter) == PV_NO)
		inv_fail(p, I_CONTEXT_NEXT, va, "0x%llx is no registration",
			 (unsigned long long)next);
}

static void weigh_registration(struct prover *p, uint64_t va, uint64_t filter, enum inv place)
{
	switch (registration(p, va, filter)) {
	case PV_YES:
		inv_hold(p, I_CONTEXT_FILTER, 1);
		break;
	case PV_NO:
		/* One that names the filter elsewhere has its Filter elsewhere. */
		inv_fail(p, mentions(p, va, filter) ? I_CONTEXT_FILTER : place, filter,
			 "0x%llx is no registration of the filter", (unsigned long long)va);
		break;
	case PV_UNREADABLE:
		break;
	}
}

static void filter_contexts(struct prover *p, uint64_t filter)
{
	uint64_t array, head, va;
	unsigned ptr = vm_pointer_size(p->r.vm);
	const struct layout_field *f = layout_field(p->r.fltmgr, F_FLT_FILTER_SupportedContexts);
	unsigned i, slots = f ? f->size / ptr : 0;

	if (obj_field(&p->r, filter, F_FLT_FILTER_SupportedContexts, &array, NULL) != FS_OK)
		return;
	for (i = 0; i < slots && i < 16; i++) {
		if (!pv_u64(p, array + (uint64_t)i * ptr, &va) || !va)
			continue;
		weigh_registration(p, va, filter, I_FILTER_CONTEXTS);
		if (registration(p, va, filter) == PV_YES)
			context_registration(p, va, filter, i);
	}
	if (!pv_read(p, filter, F_FLT_FILTER_SupportedContextsListHead, &head) || !head)
		return;
	weigh_registration(p, head, filter, I_FILTER_CONTEXT_HEAD);
	if (registration(p, head, filter) == PV_YES)
		inv_hold(p, I_FILTER_CONTEXT_HEAD, 1);
}

static void filter_instances(struct prover *p, uint64_t filter, size_t *ret_total)
{
	struct pv_addresses found;
	size_t i;

	pv_field_list(p, filter, F_FLT_FILTER_InstanceList,
		      (struct pv_list){0, pv_offset(p, F_FLT_INSTANCE_FilterLink),
				       I_FILTER_INSTANCES, PROVE_MAX_PER_LIST, PROVE_WALK_OBJECT},
		      &found);
	for (i = 0; i < found.a.n; i++) {
		uint64_t va = found.a.v[i], back;

		switch (pv_object(p, va, OBJ_TYPE_INSTANCE)) {
		case PV_YES:
			inv_hold(p, I_INSTANCE_TYPE, 1);
			break;
		case PV_NO:
			inv_fail(p, I_INSTANCE_TYPE, va, "not an instance");
			continue;
		case PV_UNREADABLE:
			continue;
		}
		if (pv_read(p, va, F_FLT_INSTANCE_Filter, &back)) {
			if (back == filter)
				inv_hold(p, I_INSTANCE_FILTER, 1);
			else
				inv_fail(p, I_INSTANCE_FILTER, va, "0x%llx, expected 0x%llx",
					 (unsigned long long)back, (unsigned long long)filter);
		}
		pv_keep_instance(p, va);
	}
	*ret_total = found.total;
	vec_free(&found.a);
}

/* The list that found it says filter; does the object agree? */
static bool is_filter(struct prover *p, uint64_t filter)
{
	uint64_t frame;
	size_t i;

	switch (pv_object(p, filter, OBJ_TYPE_FILTER)) {
	case PV_YES:
		inv_hold(p, I_FILTER_TYPE, 1);
		break;
	case PV_NO:
		inv_fail(p, I_FILTER_TYPE, filter, "not a filter");
		return false;
	case PV_UNREADABLE:
		/* A layout that does not know the flags has the list's word only. */
		if (pv_has(p, F_FLT_OBJECT_Flags))
			return false;
		break;
	}
	if (!pv_read(p, filter, F_FLT_FILTER_Frame, &frame))
		return true;
	for (i = 0; i < p->frames.n; i++) {
		if (p->frames.v[i] == frame) {
			inv_hold(p, I_FILTER_FRAME, 1);
			return true;
		}
	}
	inv_fail(p, I_FILTER_FRAME, filter, "0x%llx is no frame", (unsigned long long)frame);
	return true;
}

void prove_filters(struct prover *p)
{
	size_t i, total = 0;

	for (i = 0; i < p->filters.n; i++) {
		uint64_t filter = p->filters.v[i];
		const struct module *own;
		struct list_links l;

		if (!is_filter(p, filter))
			continue;
		own = pv_filter_module(p, filter);
		filter_instances(p, filter, &total);
		pv_rundown(p, filter + pv_base(p, OBJ_TYPE_FILTER),
			   total == SIZE_MAX ? 1 : 1 + total);
		filter_strings(p, filter);
		filter_flags(p, filter);
		filter_driver(p, filter);
		prove_callbacks(p, filter, own);
		filter_contexts(p, filter);
		prove_operations(p, filter, own);
		pv_mutex_list(p, filter, F_FLT_FILTER_ActiveOpens, I_FILTER_OPENS);
		pv_mutex_list(p, filter, F_FLT_FILTER_ConnectionList, I_FILTER_CONNECTIONS);
		pv_mutex_list(p, filter, F_FLT_FILTER_PortList, I_FILTER_PORTS);
		filter_ports(p, filter);
		if (obj_links(&p->r, filter, F_FLT_FILTER_VerifiedFiltersLink, &l, NULL) == FS_OK &&
		    (l.flink || l.blink)) {
			if (pv_linked(p, l.self) == PV_YES)
				inv_hold(p, I_FILTER_VERIFIED, 1);
			else if (pv_linked(p, l.self) == PV_NO)
				inv_fail(p, I_FILTER_VERIFIED, l.self, "links do not agree");
		}
	}
	if (p->filters.n)
		prove_filter_unload(p);
}
