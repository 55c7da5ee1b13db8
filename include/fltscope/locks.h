/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ERESOURCEs: who owns them, who waits for them. Part of the model (model.h).
 * Facts: unload-causes.md, "How to read a wait": the owner stands in the structure on
 * every build, an OwnerThread with low bits set is no thread; waiters are pointers to
 * a KSEMAPHORE and a KEVENT (7 to 8.1), a KWAIT_CHAIN (14393), untyped (19041 on).
 */
#ifndef FLTSCOPE_LOCKS_H
#define FLTSCOPE_LOCKS_H

#include "fltscope/holders.h"
#include "fltscope/value.h"

enum fs_lock_of { FS_LOCK_GLOBAL, FS_LOCK_FRAME, FS_LOCK_FILTER, FS_LOCK_VOLUME, FS_LOCK_OTHER };

struct fs_lock_owner {
	struct fs_value thread; /* OwnerThread as it stands there */
	struct fs_value count;	/* of recursive acquisitions */
	bool is_thread;		/* its low bits are clear */
	int32_t index;		/* of the thread, -1 */
};

enum fs_waiter_how {
	FS_WAITER_OBJECT, /* its KWAIT_BLOCK names the resource's event or semaphore */
	FS_WAITER_CHAIN,  /* it is on the resource's own chain of waiters */
	FS_WAITER_STACK,  /* it waits for some resource, and its stack leads to this one (its address, or
			   * the frame, filter or volume that it is of): a guess */
};

struct fs_lock_waiter {
	int32_t thread; /* index */
	enum fs_waiter_how how;
	bool exclusive, exclusive_known;
	uint64_t at, value; /* VA of the word that says so, and what stands there */
	/* The resource's own word that led to it (SharedWaiters or ExclusiveWaiters); at 0: none */
	uint64_t list_at, list_value;
};

struct fs_lock {
	uint64_t address; /* ERESOURCE */
	const char *what; /* "FLTP_FRAME.FilterUnloadLock" */
	enum fs_lock_of of;
	size_t index; /* of the frame, filter or volume */
	struct fs_value active_count, flag, contention_count;
	struct fs_value shared_count, exclusive_count; /* NumberOf…Waiters */
	struct fs_value shared_waiters, exclusive_waiters; /* the pointers */
	bool owned;	/* ActiveCount was read and is not 0 */
	bool exclusive; /* ResourceOwnedExclusive (0x80) in Flag */
	struct fs_lock_owner *owners;
	size_t nowners;
	enum fs_looked owners_looked;
	struct fs_lock_waiter *waiters;
	size_t nwaiters;
	enum fs_looked waiters_looked;
	const char *waiters_why; /* a sentence when they were not or partly found, NULL */
};
#define FS_RESOURCE_OWNED_EXCLUSIVE 0x80u /* wdm.h: ResourceOwnedExclusive */

/* The lock at an address; NULL when it was not read. */
struct fs_model;
const struct fs_lock *fs_lock_at(const struct fs_model *m, uint64_t address);
/* The lock that a thread (index) is known to wait for; NULL none. What its stack alone leads to is a
 * guess, and does not count. */
const struct fs_lock *fs_lock_waited_for(const struct fs_model *m, int32_t thread);

#endif
