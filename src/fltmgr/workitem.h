/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work items: the search in memory (workitem.c) and the queues they stand in
 * (workqueue.c). Between the files that look for holders.
 */
#ifndef FLTMGR_WORKITEM_H
#define FLTMGR_WORKITEM_H

#include "fltmgr/holders.h"

struct work_search {
	struct holders *h;
	VEC(struct fs_work_item) items;
	bool limited; /* there were more than are kept */
};

/* Does this build's layout know what a work item is? */
bool work_known(struct collect *c);
/* Filters and instances whose work items are worth looking for, appended to ret. */
bool work_wanted(const struct holders *h, va_vec *ret);
/* A word at `at` is one of them: keep the work item around it, when it is one. */
void work_hit(struct work_search *w, uint64_t at);
/* Hand what was found to the model; `looked`: how far memory was searched. */
void work_finish(struct work_search *w, enum fs_looked looked);

/* workqueue.c: a pointer-sized word, without a gap when it is not there. */
bool work_word(struct collect *c, uint64_t va, uint64_t *ret);
/* The same for where a list leads. NONE: no link can be there. UNREAD: one may be, but the
 * dump does not tell; what the first such read failed with is kept in *unread. */
enum work_link { WORK_LINK_READ, WORK_LINK_NONE, WORK_LINK_UNREAD };
struct work_unread {
	uint64_t va; /* 0: everything could be read */
	struct fs_error err;
};
enum work_link work_link(struct collect *c, uint64_t va, uint64_t *ret, struct work_unread *unread);
/* The KPRIQUEUE, KQUEUE or _THROTTLE_ELEMENT on whose list this LIST_ENTRY stands; 0: its
 * list was not followed round, or has no head that is one; *unread: or that could not be read. */
uint64_t work_queue_of(struct collect *c, uint64_t link, struct work_unread *unread);
/* FltGlobals.ThrottledWorkCtrl, into the model. */
void read_throttles(struct collect *c);

#endif
