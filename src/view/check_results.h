/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a report to what `check` tells (emit/results.h): which findings count,
 * which questions stay open, what is ignored and why. Built once a dump; every
 * format tells the same.
 */
#ifndef VIEW_CHECK_RESULTS_H
#define VIEW_CHECK_RESULTS_H

#include "emit/results.h"
#include "view/driver_match.h"
#include "view/view.h"

/* Beside the catalogue: an unload was begun and is not done, and no rule says why.
 * An error when the driver is known to be stuck, an open question else. */
#define CHECK_RULE_UNFINISHED "unload-unfinished"

/* A line of the ignore file. */
struct check_ignore {
	const char *rule, *subject, *reason; /* subject NULL: every one */
	size_t line;
	bool used;
};

/* What was asked. */
struct check_ask {
	enum res_level fail_on;
	const char *driver;	  /* NULL: every driver */
	const char *const *rules; /* ids; none: every rule */
	size_t nrules;
	struct check_ignore *ignores;
	size_t nignores;
};

/* The rule table with what was asked for; NULL when out of memory. */
struct res_rule *check_rules(struct arena *a, const struct check_ask *ask, size_t *ret_n);
/* The catalogue and CHECK_RULE_UNFINISHED behind it (check_rules.c). */
size_t check_rule_count(void);
const struct fs_rule *check_rule_at(size_t i);
const struct fs_rule *check_rule_named(const char *id); /* NULL: there is none */
/* Does the rule look at threads, or at their stacks? */
bool check_needs_threads(const char *id);
/* Why it could not look at all of them; NULL: it did, or it does not need to. */
const char *check_not_read(const struct fs_model *m, const char *id);

/* Fill everything but the path. Strings live in the arena, the model and the report.
 * Lines of ask->ignores that were needed become used. False: out of memory. */
bool check_build(struct arena *a, struct check_ask *ask, const struct fs_model *m,
		 const struct fs_report *r, struct res_dump *ret);
/* A dump that cannot be told about: no state (model given), or not even a dump. */
void check_cannot(struct res_dump *d, enum res_status status, const char *problem);

/* Text, JSON document, or a line of JSON a dump. Owner: results_end, which leaves the
 * emitter alone. `v` is the caller's; its model is the dump's that is told. */
enum check_shape { CHECK_DOCUMENT, CHECK_LINES };
struct results *view_check_create(struct view *v, enum check_shape shape);

#endif
