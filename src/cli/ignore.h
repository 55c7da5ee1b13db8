/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of --ignore: what a team has looked at and lives with, a line each:
 *
 *	# a comment
 *	RULE # reason                     every subject of this rule
 *	RULE * # reason                   the same
 *	RULE SUBJECT NAME # reason        one filter, driver, frame, volume … by name
 *
 * A reason is mandatory. It begins after a '#' that has white space before it.
 */
#ifndef CLI_IGNORE_H
#define CLI_IGNORE_H

#include "view/check_results.h"

struct ignore_file {
	struct check_ignore *lines;
	size_t n;
	char *text; /* what the lines point into */
};

/* Take over `text` (malloc'ed, n bytes and a NUL behind them). False with "LINE: what is
 * wrong" in `why`; deinit in both cases. */
bool ignore_parse(struct ignore_file *f, char *text, size_t n, char *why, size_t why_size);
bool ignore_read(struct ignore_file *f, const char *path, char *why, size_t why_size);
void ignore_deinit(struct ignore_file *f);

#endif
