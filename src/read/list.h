/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doubly linked lists of a hostile dump: walked forwards, and backwards from
 * the head whenever the forward walk does not come round. Each direction can
 * reach entries the other cannot.
 */
#ifndef READ_LIST_H
#define READ_LIST_H

#include "base/vec.h"
#include "fltscope/walk.h"
#include "read/object.h"

struct list_entry {
	uint64_t link;   /* VA of the LIST_ENTRY */
	bool by_forward, by_backward;
	bool links_read; /* false: its address is known, but its links are not in the dump */
};

struct list_walk {
	uint64_t head; /* VA of the head LIST_ENTRY */
	/* Forward entries in order, then those only reached backwards, in list
	 * order too (so the last one is head.Blink). */
	VEC(struct list_entry) entries;
	size_t forward, backward; /* entries reached by each direction; backward is 0 when not walked */
	enum fs_stop stop;          /* of the forward walk */
	enum fs_stop backward_stop; /* FS_STOP_NOT_WALKED when the forward walk closed */
	uint64_t stop_at;    /* VA of the LIST_ENTRY at which the forward walk stopped */
	uint64_t stop_value; /* the Flink read there, when it was read */
	uint64_t backward_stop_at, backward_stop_value;
	enum fs_status why;  /* of an unreadable link: not-in-dump, paged-out … */
	/* The first entry (or the head) whose Blink is not the entry before it. The
	 * walk goes on past it: its address was reached all the same. 0 when none. */
	uint64_t broken_at, broken_blink, broken_expected;
};

/* `head` itself unreadable is an error; everything after is told in the walk.
 * max bounds the number of entries (FS_STOP_LIMIT). Owner: list_walk_deinit. */
enum fs_status list_walk(struct vm *vm, uint64_t head, size_t max, const char *what,
			 struct list_walk *ret, struct fs_error *err);
void list_walk_deinit(struct list_walk *w);

#endif
