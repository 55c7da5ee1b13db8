/* SPDX-License-Identifier: BSD-2-Clause */
/* view_waits.c: the waiting thread of a verdict, and the wait-for graph. */
#ifndef VIEW_WAITS_H
#define VIEW_WAITS_H

#include "view/common.h"

void json_waiter(struct view *v, const struct fs_verdict *d);
void text_waiter(struct view *v, const struct fs_verdict *d);
void json_wait_for(struct view *v, const struct fs_graph *g);

#endif
