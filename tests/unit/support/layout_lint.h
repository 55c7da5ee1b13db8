/* SPDX-License-Identifier: BSD-2-Clause */
/* What a shipped layout must keep to; used by `make check-layouts` and its test. */
#ifndef SUPPORT_LAYOUT_LINT_H
#define SUPPORT_LAYOUT_LINT_H

#include <stddef.h>

#include "layout/layout.h"

struct lint {
	void (*say)(void *arg, const char *text); /* one complaint, without newline */
	void *arg;
	size_t complaints;
};

/* Every rule; `file` as in pdb-layouts ("nt/19041-x64.layout"). */
void lint_layout(struct lint *lint, const struct layout *l, const char *file);

#endif
