/* SPDX-License-Identifier: BSD-2-Clause */
/* What an emitter writes, as a string. */
#ifndef SUPPORT_CAPTURE_H
#define SUPPORT_CAPTURE_H

#include <stdbool.h>
#include <stdio.h>

struct emit;

struct capture {
	FILE *f;
	char *text; /* after capture_end */
	size_t n;
};

void capture_begin(struct capture *c);
/* emit_finish; its answer. */
bool capture_end(struct capture *c, struct emit *e);
void capture_free(struct capture *c);

/* Do the lines of `wanted` (separated by \n) appear as whole lines of `text`, in
 * order, white space aside? Names the first that does not on stderr. */
bool lines_in_order(const char *text, const char *wanted);
/* One such line. */
bool has_line(const char *text, const char *line);

#endif
