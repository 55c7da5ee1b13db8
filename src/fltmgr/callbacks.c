/* SPDX-License-Identifier: BSD-2-Clause */
/* A filter's callbacks: what it registered, and for which operations. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "fltmgr/collect.h"
#include "nt/nt.h"

#define OPERATIONS_MAX 64   /* fltKernel.h knows fewer majors; each can be registered once */
#define OPERATION_END  0x80 /* IRP_MJ_OPERATION_END of fltKernel.h */

void filter_callbacks(struct collect *c, const struct fobj *o, struct fs_filter *f)
{
#define CB(name) f->callback[FS_CB_##name] = fobj_code(c, o, P1(FLT_FILTER, name))
	CB(FilterUnload);
	CB(InstanceSetup);
	CB(InstanceQueryTeardown);
	CB(InstanceTeardownStart);
	CB(InstanceTeardownComplete);
	CB(PreVolumeMount);
	CB(PostVolumeMount);
	CB(GenerateFileName);
	CB(NormalizeNameComponent);
	CB(NormalizeNameComponentEx);
	CB(NormalizeContextCleanup);
	CB(KtmNotification);
	CB(SectionNotification);
	CB(OldDriverUnload);
#undef CB
}

/* One entry. *ret_end: it is the terminator. False: it is not in the dump. */
static bool read_operation(struct collect *c, uint64_t va, struct fs_operation *ret, bool *ret_end)
{
	struct fs_value major, flags;
	struct fobj o;

	fobj_open(c, &o, va, T_FLT_OPERATION_REGISTRATION, "FLT_OPERATION_REGISTRATION");
	major = fobj_value(c, &o, P1(FLT_OPERATION_REGISTRATION, MajorFunction));
	if (!fs_is_read(&major))
		return false;
	*ret_end = major.v == OPERATION_END;
	if (*ret_end)
		return true;
	flags = fobj_value(c, &o, P1(FLT_OPERATION_REGISTRATION, Flags));
	if (!fs_is_read(&flags))
		return false;
	ret->address = va;
	ret->major = (uint8_t)major.v;
	ret->flags = (uint32_t)flags.v;
	ret->pre = fobj_code(c, &o, P1(FLT_OPERATION_REGISTRATION, PreOperation));
	ret->post = fobj_code(c, &o, P1(FLT_OPERATION_REGISTRATION, PostOperation));
	return true;
}

static void keep_operations(struct collect *c, struct fs_filter *f, const struct fs_operation *ops,
			    size_t n)
{
	if (!n)
		return;
	f->operations = arena_alloc(c->b->arena, n * sizeof(*ops));
	if (!f->operations) {
		c->out_of_memory = true;
		return;
	}
	memcpy(f->operations, ops, n * sizeof(*ops));
	f->noperations = n;
}

void filter_operations(struct collect *c, struct fs_filter *f)
{
	size_t stride = layout_type_size(c->r.fltmgr, T_FLT_OPERATION_REGISTRATION), n;
	struct fs_operation ops[OPERATIONS_MAX];
	uint64_t va = f->operations_pointer.v;
	bool end = false;

	f->operations_stop = FS_STOP_NOT_WALKED;
	if (!fs_is_read(&f->operations_pointer) || !va || !stride)
		return;
	if (!vm_is_kernel_va(c->r.vm, va)) {
		f->operations_stop = FS_STOP_BAD_LINK;
		(void)collect_gap(c, "FLT_FILTER.Operations", f->address, FS_CORRUPT,
				  "Operations of FLT_FILTER 0x%llx is 0x%llx, no kernel address",
				  (unsigned long long)f->address, (unsigned long long)va);
		return;
	}
	memset(ops, 0, sizeof(ops));
	f->operations_stop = FS_STOP_LIMIT;
	for (n = 0; n < OPERATIONS_MAX; n++) {
		if (!read_operation(c, va, &ops[n], &end)) {
			f->operations_stop = FS_STOP_UNREADABLE;
			break;
		}
		if (end) {
			f->operations_stop = FS_STOP_CLOSED;
			break;
		}
		if (!add_u64(va, stride, &va)) {
			f->operations_stop = FS_STOP_BAD_LINK;
			n++;
			break;
		}
	}
	if (f->operations_stop == FS_STOP_LIMIT)
		(void)collect_gap(c, "FLT_FILTER.Operations", f->operations_pointer.v, FS_LIMIT,
				  "no IRP_MJ_OPERATION_END within %d operation registrations",
				  OPERATIONS_MAX);
	keep_operations(c, f, ops, n);
}

/* Does this code pointer agree with "all in one loaded module"? */
static bool same_module(const struct fs_code *code, int32_t *module)
{
	if (code->va.state != FS_READ || !code->va.v)
		return true;
	if (code->module < 0)
		return false;
	if (*module < 0)
		*module = code->module;
	return *module == code->module;
}

void filter_name_by_callbacks(struct collect *c, struct fs_filter *f)
{
	int32_t module = -1;
	const char *name;
	size_t i;

	if (f->name.state != FS_MISSING)
		return;
	/* OldDriverUnload belongs to the driver, and not to what it registered. */
	for (i = 0; i < FS_CB_COUNT; i++)
		if (i != FS_CB_OldDriverUnload && !same_module(&f->callback[i], &module))
			return;
	for (i = 0; module < 0 && i < f->noperations; i++)
		if (!same_module(&f->operations[i].pre, &module) ||
		    !same_module(&f->operations[i].post, &module))
			return;
	if (module < 0 || (size_t)module >= c->m->list.n)
		return;
	name = c->m->list.v[module].name;
	if (name)
		f->name_by_callbacks = arena_strdup(c->b->arena, name);
}
