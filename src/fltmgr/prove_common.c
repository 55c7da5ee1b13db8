/* SPDX-License-Identifier: BSD-2-Clause */
/* What the proofs of all objects share: bounded reads, strings, lists, code addresses. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "fltmgr/prove.h"

bool pv_has(const struct prover *p, enum field_id f)
{
	return layout_field(reader_layout(&p->r, f), f) != NULL;
}

uint64_t pv_offset(const struct prover *p, enum field_id f)
{
	const struct layout_field *x = layout_field(reader_layout(&p->r, f), f);

	return x ? x->offset : 0;
}

bool pv_read(const struct prover *p, uint64_t obj, enum field_id f, uint64_t *ret)
{
	return obj_read(&p->r, obj, f, ret, NULL) == FS_OK;
}

bool pv_u64(const struct prover *p, uint64_t va, uint64_t *ret)
{
	if (vm_pointer_size(p->r.vm) == 4) {
		uint32_t v;

		if (vm_read_u32(p->r.vm, va, &v, "pointer", NULL) != FS_OK)
			return false;
		*ret = v;
		return true;
	}
	return vm_read_u64(p->r.vm, va, ret, "pointer", NULL) == FS_OK;
}

bool pv_kernel(const struct prover *p, uint64_t va)
{
	return vm_is_kernel_va(p->r.vm, va) && !(va & (vm_pointer_size(p->r.vm) - 1));
}

uint64_t pv_base(const struct prover *p, uint32_t type)
{
	return pv_offset(p, type == OBJ_TYPE_FILTER	? F_FLT_FILTER_Base
			    : type == OBJ_TYPE_INSTANCE ? F_FLT_INSTANCE_Base
							: F_FLT_VOLUME_Base);
}

enum pv_is pv_object(const struct prover *p, uint64_t va, uint32_t type)
{
	uint64_t flags;

	if (!pv_kernel(p, va))
		return PV_NO;
	if (!pv_read(p, va + pv_base(p, type), F_FLT_OBJECT_Flags, &flags))
		return PV_UNREADABLE;
	return (flags & OBJ_TYPE_MASK) == type && !(flags & ~(OBJ_TYPE_MASK | OBJ_STATE_MASK))
		       ? PV_YES
		       : PV_NO;
}

/* IO_TYPE_DEVICE 3, IO_TYPE_DRIVER 4 (wdm.h); Size is at least the structure. */
static enum pv_is io_object(const struct prover *p, uint64_t va, uint64_t type,
			    enum field_id type_field, enum field_id size_field, enum type_id t)
{
	uint64_t got, size;

	if (!pv_kernel(p, va))
		return PV_NO;
	if (!pv_read(p, va, type_field, &got) || !pv_read(p, va, size_field, &size))
		return PV_UNREADABLE;
	return got == type && size >= layout_type_size(p->r.nt, t) && size ? PV_YES : PV_NO;
}

enum pv_is pv_driver(const struct prover *p, uint64_t va)
{
	return io_object(p, va, 4, F_DRIVER_OBJECT_Type, F_DRIVER_OBJECT_Size, T_DRIVER_OBJECT);
}

enum pv_is pv_device(const struct prover *p, uint64_t va)
{
	return io_object(p, va, 3, F_DEVICE_OBJECT_Type, F_DEVICE_OBJECT_Size, T_DEVICE_OBJECT);
}

enum pv_string pv_string(struct prover *p, uint64_t obj, enum field_id f, struct ustr *ret)
{
	struct ustr u = {0};
	enum fs_status st = obj_ustr(&p->r, obj, f, &p->scratch, &u, NULL);

	if (st == FS_NO_MEMORY)
		p->out_of_memory = true;
	*ret = u;
	if (st == FS_CORRUPT)
		return PV_STR_BAD;
	if (st != FS_OK)
		return PV_STR_UNREADABLE;
	/* The whole descriptor zero says nothing; an empty string that has a buffer of
	 * its own says little more. */
	if (!u.length)
		return PV_STR_EMPTY;
	return u.sane ? PV_STR_OK : PV_STR_BAD;
}

bool pv_is_altitude(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (!digits)
		return false;
	s += digits;
	if (!*s)
		return true;
	if (*s++ != '.')
		return false;
	digits = strspn(s, "0123456789");
	return digits && !s[digits];
}

bool pv_is_name(const char *s)
{
	for (; *s; s++) {
		/* Any byte of a multi-byte character counts as a letter. */
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s & 0x80))
			return true;
	}
	return false;
}

bool pv_once(const uint64_t *v, size_t n, uint64_t va)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (v[i] == va)
			return false;
	}
	return true;
}

void pv_keep_instance(struct prover *p, uint64_t va)
{
	uint64_t *slot;

	if (p->instances.n >= PROVE_MAX_INSTANCES || !pv_once(p->instances.v, p->instances.n, va))
		return;
	slot = vec_push(&p->instances);
	if (!slot)
		p->out_of_memory = true;
	else
		*slot = va;
}

enum pv_is pv_linked(const struct prover *p, uint64_t link)
{
	unsigned ptr = vm_pointer_size(p->r.vm);
	uint64_t flink, blink, back, forth;

	if (!pv_u64(p, link, &flink) || !pv_u64(p, link + ptr, &blink))
		return PV_UNREADABLE;
	if (!pv_kernel(p, flink) || !pv_kernel(p, blink))
		return PV_NO;
	if (!pv_u64(p, flink + ptr, &back) || !pv_u64(p, blink, &forth))
		return PV_UNREADABLE;
	return back == link && forth == link ? PV_YES : PV_NO;
}

/* An ERESOURCE begins with SystemResourcesList (every nt layout known): an
 * initialised one is linked both ways. Zeros are a lock that was never made. */
void pv_resource(struct prover *p, uint64_t va, enum inv id)
{
	uint64_t first;

	/* It is never alone on that list: a link to itself is some other list's head. */
	if (!pv_u64(p, va, &first) || !first || first == va)
		return;
	switch (pv_linked(p, va)) {
	case PV_YES:
		inv_hold(p, id, 1);
		break;
	case PV_NO:
		inv_fail(p, id, va, "0x%llx is not linked both ways", (unsigned long long)va);
		break;
	case PV_UNREADABLE:
		break;
	}
}

/* How the walk of a list speaks for its head's offset. */
static void weigh_walk(struct prover *p, const struct list_walk *w, enum inv closed)
{
	size_t agree = w->forward;

	if (w->stop == FS_STOP_CLOSED && !w->broken_at) {
		inv_hold(p, closed, agree ? agree : 1);
		return;
	}
	if (w->stop == FS_STOP_UNREADABLE && !w->broken_at)
		return;
	if (w->stop == FS_STOP_LIMIT && !w->broken_at) {
		inv_hold(p, closed, 1);
		return;
	}
	/* The entries before the break are still linked as they should. */
	if (w->broken_at) {
		inv_fail(p, closed, w->broken_at, "Blink is 0x%llx, expected 0x%llx",
			 (unsigned long long)w->broken_blink,
			 (unsigned long long)w->broken_expected);
		if (agree > 2 && w->stop == FS_STOP_CLOSED)
			inv_hold(p, closed, agree - 2);
		return;
	}
	inv_fail(p, closed, w->stop_at, "%s at 0x%llx", fs_stop_name(w->stop),
		 (unsigned long long)w->stop_at);
	if (agree > 1)
		inv_hold(p, closed, agree - 1);
}

static void weigh_count(struct prover *p, const struct pv_list *l, size_t n)
{
	uint64_t count;

	if (!pv_read(p, l->list, F_FLT_RESOURCE_LIST_HEAD_rCount, &count))
		return;
	if (count == n) {
		if (n) /* 0 of 0 is what any padding says */
			inv_hold(p, I_LIST_COUNT, 1);
	} else {
		inv_fail(p, I_LIST_COUNT, l->list, "rCount is %llu, %zu entries",
			 (unsigned long long)count, n);
	}
}

bool pv_resource_list(struct prover *p, const struct pv_list *l, struct pv_addresses *ret)
{
	struct list_walk w = {0};
	uint64_t head;
	size_t i;

	*ret = (struct pv_addresses){.total = SIZE_MAX};
	if (pv_has(p, F_FLT_RESOURCE_LIST_HEAD_rLock))
		pv_resource(p, l->list + pv_offset(p, F_FLT_RESOURCE_LIST_HEAD_rLock), I_LIST_LOCK);
	head = l->list + pv_offset(p, F_FLT_RESOURCE_LIST_HEAD_rList);
	if (list_walk(p->r.vm, head, l->walk, "rList", &w, NULL) != FS_OK)
		return false;
	weigh_walk(p, &w, l->closed);
	if (w.stop == FS_STOP_CLOSED) {
		ret->total = w.entries.n;
		weigh_count(p, l, w.entries.n);
	}
	for (i = 0; i < w.entries.n && ret->a.n < l->max; i++) {
		uint64_t *slot = vec_push(&ret->a);

		if (!slot) {
			p->out_of_memory = true;
			break;
		}
		*slot = w.entries.v[i].link - l->link_offset;
	}
	list_walk_deinit(&w);
	return true;
}

bool pv_field_list(struct prover *p, uint64_t obj, enum field_id head, struct pv_list list,
		   struct pv_addresses *ret)
{
	*ret = (struct pv_addresses){.total = SIZE_MAX};
	if (obj_field(&p->r, obj, head, &list.list, NULL) != FS_OK)
		return false;
	return pv_resource_list(p, &list, ret);
}

void pv_mutex_list(struct prover *p, uint64_t obj, enum field_id head_field, enum inv closed)
{
	struct list_walk w = {0};
	uint64_t head, count;

	if (!pv_has(p, F_FLT_MUTEX_LIST_HEAD_mList) ||
	    obj_field(&p->r, obj, head_field, &head, NULL) != FS_OK)
		return;
	head += pv_offset(p, F_FLT_MUTEX_LIST_HEAD_mList);
	if (list_walk(p->r.vm, head, PROVE_WALK_OBJECT, field_decl(head_field)->name, &w, NULL) !=
	    FS_OK)
		return;
	weigh_walk(p, &w, closed);
	if (w.stop == FS_STOP_CLOSED &&
	    obj_read2(&p->r, obj, head_field, F_FLT_MUTEX_LIST_HEAD_mCount, &count, NULL) ==
		    FS_OK) {
		/* mCount >> 1 is the count, bit 0 mInvalid (facts: CHANGES.md 7) */
		if (count >> 1 != w.entries.n)
			inv_fail(p, I_MUTEX_COUNT, head, "mCount is 0x%llx, %zu entries",
				 (unsigned long long)count, w.entries.n);
		else if (count >> 1)
			inv_hold(p, I_MUTEX_COUNT, 1);
	}
	list_walk_deinit(&w);
}

void pv_rundown(struct prover *p, uint64_t object, uint64_t least)
{
	uint64_t va, raw, flags, pointers;

	if (pv_read(p, object, F_FLT_OBJECT_PointerCount, &pointers)) {
		if (pointers && pointers < 0x100000)
			inv_hold(p, I_OBJECT_POINTERS, 1);
		else
			inv_fail(p, I_OBJECT_POINTERS, object, "PointerCount is 0x%llx",
				 (unsigned long long)pointers);
	}
	if (!pv_read(p, object, F_FLT_OBJECT_Flags, &flags) ||
	    obj_field(&p->r, object, F_FLT_OBJECT_RundownRef, &va, NULL) != FS_OK ||
	    !pv_u64(p, va, &raw))
		return;
	if (raw & 1) {
		/* drained, or the address of a wait block: only while it goes away */
		if ((flags & OBJ_STATE_MASK) && (raw == 1 || pv_kernel(p, raw & ~1ull)))
			inv_hold(p, I_OBJECT_RUNDOWN, 1);
		else
			inv_fail(p, I_OBJECT_RUNDOWN, va, "0x%llx without DRAINING",
				 (unsigned long long)raw);
	} else if (raw >> 32) {
		inv_fail(p, I_OBJECT_RUNDOWN, va, "0x%llx is no count", (unsigned long long)raw);
	} else if (!(flags & OBJ_STATE_MASK) && raw >> 1 < least) {
		inv_fail(p, I_OBJECT_RUNDOWN, va, "%llu references, at least %llu expected",
			 (unsigned long long)raw >> 1, (unsigned long long)least);
	} else if (raw) {
		inv_hold(p, I_OBJECT_RUNDOWN, 1);
	}
}

enum pv_code pv_code(const struct prover *p, uint64_t va, const struct module *own)
{
	const struct module *at;

	if (!va)
		return PV_CODE_ZERO;
	at = module_at(p->m, va);
	if (at)
		return at == own ? PV_CODE_OWN : PV_CODE_OTHER;
	if (unloaded_at(p->m, va))
		return PV_CODE_OTHER;
	return p->m->complete || !vm_is_kernel_va(p->r.vm, va) ? PV_CODE_BAD : PV_CODE_OTHER;
}
