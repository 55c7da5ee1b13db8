/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ERESOURCEs of others: every resource of the system is on one list (ERESOURCE.SystemResourcesList,
 * which ExInitializeResourceLite puts it on), so that any of the Filter Manager's leads to them
 * all. Only those are kept that a thread is seen to wait for; the list's head, which is no
 * resource, falls out the same way.
 */
#include "nt/look.h"

#include <string.h>

#include "nt/waiters.h"
#include "read/list.h"

#define RESOURCES_MAX 262144u
/* Threads that resources are held against in all: a list that is made up could have waiters
 * everywhere. */
#define COMPARES_MAX (64u << 20)

/* It waits for a resource, and none of those known is surely it. */
static bool unexplained(const struct fs_model *m, size_t thread)
{
	const struct fs_thread *t = &m->threads[thread];
	size_t i, k;

	if (!fs_is_read(&t->state) || t->state.v != FS_THREAD_WAITING || !t->wait_reason_name ||
	    strcmp(t->wait_reason_name, "WrResource") != 0)
		return false;
	for (i = 0; i < m->nlocks; i++)
		for (k = 0; k < m->locks[i].nwaiters; k++)
			if (m->locks[i].waiters[k].thread == (int32_t)thread &&
			    m->locks[i].waiters[k].how != FS_WAITER_STACK)
				return false;
	return true;
}

/* Where the links of a resource that was read are; 0 none. */
static uint64_t any_links(const struct nt_look *k, const struct layout_field *links)
{
	const struct fs_model *m = k->b->model;
	size_t i;

	for (i = 0; i < m->nlocks; i++)
		if (fs_is_read(&m->locks[i].active_count))
			return m->locks[i].address + links->offset;
	return 0;
}

/* Does one of its words lead to a thread that waits? *left: threads that may still be looked at. */
static bool is_waited_for(struct waiters *w, uint64_t va, size_t *left)
{
	static const enum field_id fields[2][2] = {
		{F_ERESOURCE_NumberOfSharedWaiters, F_ERESOURCE_SharedWaiters},
		{F_ERESOURCE_NumberOfExclusiveWaiters, F_ERESOURCE_ExclusiveWaiters}};
	const struct fs_model *m = w->k->b->model;
	uint64_t count, word, at;
	size_t i, t;

	for (i = 0; i < 2; i++) {
		if (obj_read(w->k->r, va, fields[i][0], &count, NULL) || !count ||
		    obj_field(w->k->r, va, fields[i][1], &at, NULL) ||
		    vm_read_ptr(w->k->r->vm, at, &word, "ERESOURCE waiters", NULL))
			continue;
		if (waiters_stack_of(w, word) >= 0)
			return true;
		for (t = 0; word && *left && t < m->nthreads; t++, (*left)--)
			if (fs_thread_waits_for(&m->threads[t], word))
				return true;
	}
	return false;
}

void nt_other_locks(struct waiters *w)
{
	static const struct nt_lock_place place = {"ERESOURCE", FS_LOCK_OTHER, 0, false};
	struct nt_look *k = w->k;
	const struct layout_field *links =
		k->r->nt ? layout_field(k->r->nt, F_ERESOURCE_SystemResourcesList) : NULL;
	size_t left = COMPARES_MAX, i, n;
	struct list_walk all;
	struct fs_error err;
	uint64_t head;

	for (i = 0; i < k->b->model->nthreads && !unexplained(k->b->model, i); i++)
		;
	head = links && i < k->b->model->nthreads ? any_links(k, links) : 0;
	if (!head ||
	    list_walk(k->r->vm, head, RESOURCES_MAX, "ERESOURCE.SystemResourcesList", &all, NULL))
		return;
	for (i = 0; left && i < all.entries.n; i++) {
		uint64_t va = all.entries.v[i].link - links->offset;

		n = k->b->model->nlocks;
		if (model_find_lock(k->b, va) >= 0 || !is_waited_for(w, va, &left) ||
		    !nt_read_lock(k, va, &place) || k->b->model->nlocks == n)
			continue;
		waiters_look_at(w, n);
	}
	if (!left) {
		(void)fs_fail_at(&err, FS_LIMIT, head,
				 "ERESOURCE.SystemResourcesList at 0x%llx: too many of its "
				 "resources have waiters, the rest is not looked at",
				 (unsigned long long)head);
		(void)model_gap(k->b, "ERESOURCE.SystemResourcesList", &err);
	}
	list_walk_deinit(&all);
}
