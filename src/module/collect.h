/* SPDX-License-Identifier: BSD-2-Clause */
/* What loaded.c, unloaded.c and symbolize.c share while a struct modules is filled. */
#ifndef MODULE_COLLECT_H
#define MODULE_COLLECT_H

#include "module/module.h"

/* Keep an error as a gap; `what` is a static string. */
void modules_gap(struct modules *m, const char *what, const struct fs_error *err);
/* Sort by base, and tell overlapping ranges. Once, when the list is whole. */
enum fs_status modules_index(struct modules *m, struct fs_error *err);
enum fs_status modules_read_triage_unloaded(struct dump *d, struct modules *m,
					    struct fs_error *err);

#endif
