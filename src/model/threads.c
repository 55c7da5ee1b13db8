/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions about the threads and locks of a model. */
#include <string.h>

#include "fltscope/model.h"

unsigned fs_pointer_size(const struct fs_dump *d)
{
	return d->machine && strcmp(d->machine, "x86") == 0 ? 4 : 8;
}

int32_t fs_thread_of_stack(const struct fs_model *m, uint64_t va)
{
	int32_t found = -1;
	size_t i;

	for (i = 0; i < m->nthreads; i++) {
		const struct fs_thread *t = &m->threads[i];

		if (!fs_is_read(&t->stack_limit) || !fs_is_read(&t->stack_base) ||
		    va < t->stack_limit.v || va >= t->stack_base.v)
			continue;
		if (found >= 0)
			return -1;
		found = (int32_t)i;
	}
	return found;
}

int32_t fs_thread_at(const struct fs_model *m, uint64_t address)
{
	size_t i;

	for (i = 0; i < m->nthreads; i++)
		if (m->threads[i].address == address)
			return (int32_t)i;
	return -1;
}

const struct fs_wait *fs_thread_waits_for(const struct fs_thread *t, uint64_t object)
{
	size_t i;

	for (i = 0; i < t->nwaits; i++)
		if (fs_is_read(&t->waits[i].object) && t->waits[i].object.v == object)
			return &t->waits[i];
	return NULL;
}

const char *fs_thread_waits_for_which(const struct fs_thread *t)
{
	static const char *const which[] = {"all", "any"}; /* WaitAll, WaitAny */
	size_t i;

	for (i = 0; i < t->nwaits; i++)
		if (!fs_is_read(&t->waits[i].wait_type) ||
		    t->waits[i].wait_type.v != t->waits[0].wait_type.v)
			return NULL;
	return t->nwaits && t->waits_looked == FS_LOOKED_WHOLE && t->waits[0].wait_type.v < 2
		       ? which[t->waits[0].wait_type.v]
		       : NULL;
}

bool fs_thread_is_idle(const struct fs_model *m, size_t thread)
{
	size_t i;

	for (i = 0; i < m->nprocessors; i++)
		if (m->processors[i].thread == (int32_t)thread && m->processors[i].idle)
			return true;
	return false;
}

const struct fs_lock *fs_lock_at(const struct fs_model *m, uint64_t address)
{
	size_t i;

	for (i = 0; i < m->nlocks; i++)
		if (m->locks[i].address == address)
			return &m->locks[i];
	return NULL;
}

const struct fs_lock *fs_lock_waited_for(const struct fs_model *m, int32_t thread)
{
	size_t i, k;

	for (i = 0; i < m->nlocks; i++)
		for (k = 0; k < m->locks[i].nwaiters; k++)
			if (m->locks[i].waiters[k].thread == thread &&
			    m->locks[i].waiters[k].how != FS_WAITER_STACK)
				return &m->locks[i];
	return NULL;
}

/* KTHREAD_STATE: nt's PDB; the same numbers since Vista, 9 since 10. */
const char *fs_thread_state_name(uint64_t state)
{
	static const char *const names[] = {
		"Initialized", "Ready",	     "Running",	      "Standby",     "Terminated",
		"Waiting",     "Transition", "DeferredReady", "GateWaitObsolete",
		"WaitingForProcessInSwap",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : NULL;
}

const char *fs_cpu_mode_name(enum fs_cpu_mode mode)
{
	return mode == FS_CPU_KERNEL ? "kernel" : mode == FS_CPU_USER ? "user" : "unknown";
}

const char *fs_stack_end_name(enum fs_stack_end end)
{
	switch (end) {
	case FS_STACK_NOT_LOOKED:
		break;
	case FS_STACK_BOTTOM:
		return "bottom";
	case FS_STACK_USER:
		return "user";
	case FS_STACK_UNREADABLE:
		return "unreadable";
	case FS_STACK_BROKEN:
		return "broken";
	case FS_STACK_LIMIT:
		return "limit";
	case FS_STACK_RUNNING:
		return "running";
	}
	return "not-looked";
}
