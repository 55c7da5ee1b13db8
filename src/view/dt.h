/* SPDX-License-Identifier: BSD-2-Clause */
/* Between view_dt.c (fields and depth) and view_dt_value.c (values). */
#ifndef VIEW_DT_H
#define VIEW_DT_H

#include "view/common.h"
#include "view/debug.h"

struct dt {
	struct view *v;
	const struct view_debug *d;
	const struct view_dt *ask;
	struct view_result r;
};

/* Where a type or field stands. */
struct dt_place {
	bool has; /* false: only the type is shown */
	uint64_t va;
	unsigned depth;
};

bool dt_pointer(struct dt *t, uint64_t va, uint64_t *ret);
/* The column behind the colon: the value, its type without a place, or why it is missing. */
const char *dt_text(struct dt *t, const struct fs_field *f, struct dt_place at);
/* "value" and what belongs to it, for machines. */
void dt_value(struct dt *t, const struct fs_field *f, struct dt_place at);

#endif
