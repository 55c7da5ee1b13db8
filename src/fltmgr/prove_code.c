/* SPDX-License-Identifier: BSD-2-Clause */
/* The code of a filter: whose it is, callbacks, operations. */
#include <stdlib.h>
#include <string.h>

#include "fltmgr/prove.h"

/* IRP_MJ_OPERATION_END (fltKernel.h) ends a filter's operations. */
#define OPERATION_END 0x80u
/* FltMgr knows 50 majors, so an honest table has at most 51 entries. */
#define OPERATIONS_MAX 64

static const enum field_id callbacks[] = {
	F_FLT_FILTER_FilterUnload,
	F_FLT_FILTER_InstanceSetup,
	F_FLT_FILTER_InstanceQueryTeardown,
	F_FLT_FILTER_InstanceTeardownStart,
	F_FLT_FILTER_InstanceTeardownComplete,
	F_FLT_FILTER_PreVolumeMount,
	F_FLT_FILTER_PostVolumeMount,
	F_FLT_FILTER_GenerateFileName,
	F_FLT_FILTER_NormalizeNameComponent,
	F_FLT_FILTER_NormalizeNameComponentEx,
	F_FLT_FILTER_NormalizeContextCleanup,
	F_FLT_FILTER_KtmNotification,
	F_FLT_FILTER_SectionNotification,
	F_FLT_FILTER_OldDriverUnload,
};
#define CALLBACKS (sizeof(callbacks) / sizeof(callbacks[0]))
_Static_assert(I_CB_OldDriverUnload - I_CB_FilterUnload + 1 == CALLBACKS,
	       "invariants.def and this table name the same callbacks");

/*
 * The module of the filter's driver: by its DRIVER_OBJECT, or where that was
 * not captured by most of its callbacks. A callback in another module is no
 * evidence: Filter Verifier, for one, puts FltMgr's own there.
 */
const struct module *pv_filter_module(const struct prover *p, uint64_t filter)
{
	const struct module *best = NULL;
	uint64_t driver, start;
	size_t i, lead = 0;

	if (pv_read(p, filter, F_FLT_FILTER_DriverObject, &driver) &&
	    pv_driver(p, driver) == PV_YES &&
	    pv_read(p, driver, F_DRIVER_OBJECT_DriverStart, &start))
		return module_at(p->m, start);
	for (i = 0; i < CALLBACKS; i++) {
		const struct module *at;
		uint64_t va;

		if (!pv_read(p, filter, callbacks[i], &va) || !(at = module_at(p->m, va)) ||
		    at == p->fltmgr)
			continue;
		if (!lead)
			best = at;
		lead = best == at ? lead + 1 : lead - 1;
	}
	return lead > 1 ? best : NULL;
}

void prove_callbacks(struct prover *p, uint64_t filter, const struct module *own)
{
	size_t i;

	for (i = 0; i < CALLBACKS; i++) {
		enum inv id = (enum inv)(I_CB_FilterUnload + i);
		uint64_t va;

		if (!pv_read(p, filter, callbacks[i], &va))
			continue;
		switch (pv_code(p, va, own)) {
		case PV_CODE_OWN:
			inv_hold(p, id, 1);
			break;
		case PV_CODE_BAD:
			inv_fail(p, id, filter, "0x%llx is in no module", (unsigned long long)va);
			break;
		case PV_CODE_ZERO:
		case PV_CODE_OTHER:
			break;
		}
	}
}

/*
 * FltRegisterFilter replaces DriverUnload with FltMgr's own exactly when there is
 * a FilterUnload (facts: unload-causes.md 15 and 17). That tells it from the other
 * callbacks where each of those is missing in some such filter.
 */
void prove_filter_unload(struct prover *p)
{
	size_t i, k, taken = 0, lacks[CALLBACKS] = {0}, excluded = 0;
	uint64_t driver, unload, va;

	for (i = 0; i < p->filters.n; i++) {
		uint64_t filter = p->filters.v[i];

		if (pv_object(p, filter, OBJ_TYPE_FILTER) != PV_YES ||
		    !pv_read(p, filter, F_FLT_FILTER_DriverObject, &driver) ||
		    pv_driver(p, driver) != PV_YES ||
		    !pv_read(p, driver, F_DRIVER_OBJECT_DriverUnload, &unload) || !unload ||
		    module_at(p->m, unload) != p->fltmgr)
			continue;
		taken++;
		for (k = 0; k < CALLBACKS; k++)
			lacks[k] += pv_read(p, filter, callbacks[k], &va) && !va;
	}
	/* A few without it are zombies whose driver object is another's now. */
	if (lacks[0] * 2 > taken)
		inv_fail(p, I_FILTER_UNLOAD, p->filters.v[0], "0 in %zu of %zu filters", lacks[0],
			 taken);
	for (k = 1; k < CALLBACKS; k++)
		excluded += lacks[k] > lacks[0];
	if (excluded == CALLBACKS - 1)
		inv_hold(p, I_FILTER_UNLOAD, 1);
}

static void operation_code(struct prover *p, uint64_t op, enum field_id f, enum inv id,
			   const struct module *own)
{
	uint64_t va;

	if (!pv_read(p, op, f, &va))
		return;
	if (pv_code(p, va, own) == PV_CODE_OWN)
		inv_hold(p, id, 1);
	else if (pv_code(p, va, own) == PV_CODE_BAD)
		inv_fail(p, id, op, "0x%llx is in no module", (unsigned long long)va);
}

/* Majors up to the end mark; PV_UNREADABLE when the dump cuts the table. */
static enum pv_is operation_table(struct prover *p, uint64_t op, const struct module *own,
				  unsigned *ret_n, uint64_t *ret_major)
{
	uint64_t size = layout_type_size(p->r.fltmgr, T_FLT_OPERATION_REGISTRATION);
	bool seen[256] = {false};
	unsigned i;

	for (i = 0; i < OPERATIONS_MAX; i++, op += size) {
		if (!pv_read(p, op, F_FLT_OPERATION_REGISTRATION_MajorFunction, ret_major))
			return PV_UNREADABLE;
		*ret_n = i;
		if (*ret_major == OPERATION_END)
			return PV_YES;
		/* 0 to IRP_MJ_MAXIMUM_FUNCTION, and FltMgr's own from the top (fltKernel.h);
		 * a second time only if these are no majors. */
		if ((*ret_major > 0x1b && *ret_major < 0xea) || seen[*ret_major & 0xff])
			return PV_NO;
		seen[*ret_major & 0xff] = true;
		operation_code(p, op, F_FLT_OPERATION_REGISTRATION_PreOperation, I_OPERATION_PRE,
			       own);
		operation_code(p, op, F_FLT_OPERATION_REGISTRATION_PostOperation, I_OPERATION_POST,
			       own);
	}
	return PV_NO;
}

void prove_operations(struct prover *p, uint64_t filter, const struct module *own)
{
	uint32_t size = layout_type_size(p->r.fltmgr, T_FLT_FILTER);
	uint64_t table, major = 0;
	unsigned n = 0;
	bool behind;

	if (!layout_type_size(p->r.fltmgr, T_FLT_OPERATION_REGISTRATION) ||
	    !pv_read(p, filter, F_FLT_FILTER_Operations, &table) || !table)
		return;
	if (!pv_kernel(p, table)) {
		inv_fail(p, I_FILTER_OPERATIONS, filter, "0x%llx is no address",
			 (unsigned long long)table);
		return;
	}
	/* No other pointer of a filter leads right behind it. */
	behind = size && table == filter + size;
	if (behind) {
		inv_hold(p, I_FILTER_SIZE, 1);
		inv_hold(p, I_FILTER_OPERATIONS, 1);
	} else if (size) {
		inv_fail(p, I_FILTER_SIZE, filter, "operations at 0x%llx",
			 (unsigned long long)table);
	}
	switch (operation_table(p, table, own, &n, &major)) {
	case PV_YES:
		inv_hold(p, I_FILTER_OPERATIONS, n ? 1 : 0);
		inv_hold(p, I_OPERATION_MAJOR, n ? 1 : 0);
		break;
	case PV_NO:
		inv_fail(p, behind ? I_OPERATION_MAJOR : I_FILTER_OPERATIONS, filter,
			 "entry %u of 0x%llx has major 0x%llx", n, (unsigned long long)table,
			 (unsigned long long)major);
		break;
	case PV_UNREADABLE:
		break;
	}
}
