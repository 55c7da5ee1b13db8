/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a walk over a linked list stopped. */
#ifndef FLTSCOPE_WALK_H
#define FLTSCOPE_WALK_H

enum fs_stop {
	FS_STOP_NOT_WALKED,
	FS_STOP_CLOSED,     /* came back to the head */
	FS_STOP_CYCLE,      /* came back to an entry that is not the head */
	FS_STOP_UNREADABLE, /* the links of an entry are not in the dump */
	FS_STOP_BAD_LINK,   /* a link is no kernel address, or misaligned */
	FS_STOP_LIMIT,
};

/* "not-walked", "closed", "cycle", "unreadable", "bad-link", "limit". */
const char *fs_stop_name(enum fs_stop stop);

#endif
