/* SPDX-License-Identifier: BSD-2-Clause */
/* One ETHREAD, which begins with its KTHREAD. */
#include "nt/look.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define AT(member) offsetof(struct fs_thread, member)
static const struct nt_field fields[] = {
	{AT(process_pointer), F_KTHREAD_Process},
	{AT(state), F_KTHREAD_State},
	{AT(wait_reason), F_KTHREAD_WaitReason},
	{AT(wait_mode), F_KTHREAD_WaitMode},
	{AT(wait_time), F_KTHREAD_WaitTime},
	{AT(context_switches), F_KTHREAD_ContextSwitches},
	{AT(priority), F_KTHREAD_Priority},
	{AT(base_priority), F_KTHREAD_BasePriority},
	{AT(kernel_time), F_KTHREAD_KernelTime},
	{AT(user_time), F_KTHREAD_UserTime},
	{AT(initial_stack), F_KTHREAD_InitialStack},
	{AT(stack_base), F_KTHREAD_StackBase},
	{AT(stack_limit), F_KTHREAD_StackLimit},
	{AT(kernel_stack), F_KTHREAD_KernelStack},
	{AT(trap_frame), F_KTHREAD_TrapFrame},
	{AT(teb), F_KTHREAD_Teb},
	{AT(win32_thread), F_KTHREAD_Win32Thread},
	{AT(create_time), F_ETHREAD_CreateTime},
	{AT(exit_time), F_ETHREAD_ExitTime},
	{AT(start.va), F_ETHREAD_StartAddress},
	{AT(win32_start.va), F_ETHREAD_Win32StartAddress},
};

const struct nt_field *nt_thread_fields(size_t *ret_n)
{
	*ret_n = sizeof(fields) / sizeof(fields[0]);
	return fields;
}

void nt_tell(struct nt_look *k, enum nt_claim c, bool held, uint64_t at)
{
	struct nt_tally *t = &k->claim[c];

	if (held)
		t->held++;
	else if (!t->failed++)
		t->failed_at = at;
}

int32_t nt_gap(struct nt_look *k, const char *what, uint64_t va, enum fs_status st, const char *fmt,
	       ...)
{
	struct fs_error err = {.status = st, .has_address = true, .address = va};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	return model_gap(k->b, what, &err);
}

void nt_limited(struct nt_look *k, const char *why)
{
	k->limited = true;
	if (!k->why)
		k->why = why;
}

/* Is there a dispatcher object of this type at va? What is missing may be one. */
static bool is_thread(struct nt_look *k)
{
	struct fs_value type = nt_object_value(k->r, k->b, &k->object, 0, F_DISPATCHER_HEADER_Type);
	bool ok = fs_is_read(&type) && KOBJECT_TYPE(type.v) == KOBJECT_THREAD;

	if (!fs_is_read(&type))
		return false;
	nt_tell(k, CLAIM_THREAD_TYPE, ok, k->object.va);
	if (!ok)
		nt_gap(k, "ETHREAD", k->object.va, FS_CORRUPT,
		       "there is no thread at 0x%" PRIx64 ": DISPATCHER_HEADER.Type is %" PRIu64
		       ", expected %d",
		       k->object.va, type.v, KOBJECT_THREAD);
	return ok;
}

static void read_cid(struct nt_look *k, struct fs_thread *t)
{
	const struct layout_field *cid = k->r->nt ? layout_field(k->r->nt, F_ETHREAD_Cid) : NULL;

	t->pid = t->tid = model_none();
	if (!cid)
		return;
	t->pid = nt_object_value(k->r, k->b, &k->object, cid->offset, F_CLIENT_ID_UniqueProcess);
	t->tid = nt_object_value(k->r, k->b, &k->object, cid->offset, F_CLIENT_ID_UniqueThread);
}

static void read_fields(struct nt_look *k, struct fs_thread *t)
{
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*(struct fs_value *)(void *)((char *)t + fields[i].at) =
			nt_object_value(k->r, k->b, &k->object, 0, fields[i].f);
	/* KeyedWaitChain stands in the same place, and is what it is until the thread ends */
	if (!fs_has(&t->state, UINT64_MAX) || t->state.v != FS_THREAD_TERMINATED)
		t->exit_time = model_none();
	read_cid(k, t);
	t->start = nt_code(k->b, k->m, t->start.va);
	t->win32_start = nt_code(k->b, k->m, t->win32_start.va);
	if (fs_is_read(&t->state))
		t->state_name = fs_thread_state_name(t->state.v);
	if (fs_is_read(&t->wait_reason))
		t->wait_reason_name = nt_wait_reason(k, t->wait_reason.v);
}

/* The stack of a thread that lives: whole pages, and where it stands lies in them. */
static void judge_stack(struct nt_look *k, const struct fs_thread *t)
{
	bool sane, in;

	if (!fs_is_read(&t->stack_base) || !fs_is_read(&t->stack_limit) ||
	    !fs_is_read(&t->initial_stack) || t->stack_base.v == 0)
		return;
	sane = t->stack_limit.v < t->stack_base.v && t->stack_limit.v % 4096 == 0 &&
	       t->stack_base.v % 4096 == 0 && vm_is_kernel_va(k->r->vm, t->stack_limit.v) &&
	       t->initial_stack.v > t->stack_limit.v && t->initial_stack.v <= t->stack_base.v;
	nt_tell(k, CLAIM_STACK, sane, t->address);
	/* a running thread's is where it last stood */
	if (!fs_is_read(&t->kernel_stack) || !fs_is_read(&t->state) ||
	    t->state.v != FS_THREAD_WAITING)
		return;
	in = t->kernel_stack.v >= t->stack_limit.v && t->kernel_stack.v < t->stack_base.v &&
	     t->kernel_stack.v % vm_pointer_size(k->r->vm) == 0;
	nt_tell(k, CLAIM_STACK_CURRENT, in, t->address);
}

int32_t nt_thread(struct nt_look *k, uint64_t va)
{
	int32_t known = model_find_thread(k->b, va);
	struct fs_thread t;
	size_t i = 0;

	if (known >= 0)
		return known;
	if (!vm_is_kernel_va(k->r->vm, va) || va % 8) {
		nt_gap(k, "ETHREAD", va, FS_CORRUPT,
		       "0x%" PRIx64 " cannot be the address of a thread", va);
		return -1;
	}
	nt_object_open(k->r, &k->object, va, k->thread_span, "ETHREAD");
	if (!is_thread(k))
		return -1;
	if (model_add_thread(k->b, va, &i)) {
		nt_limited(k, "there are more threads than are kept");
		return -1;
	}
	t = k->b->model->threads[i];
	read_fields(k, &t);
	judge_stack(k, &t);
	k->b->model->threads[i] = t;
	nt_read_waits(k, i);
	return (int32_t)i;
}

int32_t nt_reach_thread(struct nt_look *k, uint64_t va)
{
	return nt_thread(k, va);
}

struct nt_look *nt_look_create(const struct reader *r, const struct modules *m,
			       struct model_builder *b, const struct nt_sites *sites)
{
	struct nt_look *k = calloc(1, sizeof(*k));
	size_t own;

	if (!k)
		return NULL;
	k->r = r;
	k->m = m;
	k->b = b;
	k->sites = *sites;
	k->thread_span = nt_type_span(r, T_KTHREAD);
	own = nt_type_span(r, T_ETHREAD);
	if (own > k->thread_span)
		k->thread_span = own;
	k->process_span = nt_type_span(r, T_KPROCESS);
	own = nt_type_span(r, T_EPROCESS);
	if (own > k->process_span)
		k->process_span = own;
	return k;
}

void nt_look_free(struct nt_look *k)
{
	free(k);
}
