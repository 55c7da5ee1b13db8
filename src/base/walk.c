/* SPDX-License-Identifier: BSD-2-Clause */
#include "fltscope/walk.h"

#include <stddef.h>

static const char *const names[] = {
	[FS_STOP_NOT_WALKED] = "not-walked", [FS_STOP_CLOSED] = "closed",
	[FS_STOP_CYCLE] = "cycle",	     [FS_STOP_UNREADABLE] = "unreadable",
	[FS_STOP_BAD_LINK] = "bad-link",     [FS_STOP_LIMIT] = "limit",
};

const char *fs_stop_name(enum fs_stop stop)
{
	return (size_t)stop < sizeof(names) / sizeof(names[0]) ? names[stop] : "unknown";
}
