/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `check` found, as plain data, and the formats that tell it. The view
 * fills the data once; a format is a writer: begun, told each dump, ended.
 * Everything is borrowed; a dump's data may go once its writer was told.
 */
#ifndef EMIT_RESULTS_H
#define EMIT_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fltscope/error.h"

enum res_level { RES_NOTE, RES_WARNING, RES_ERROR };
const char *res_level_name(enum res_level l); /* "note" "warning" "error", as SARIF has them */

/* Exit status of `check`, of one dump and of all (DESIGN.md, Command line). */
enum res_status {
	RES_CLEAN = 0,	    /* nothing at or above the level, and everything asked was decided */
	RES_FINDINGS = 1,   /* something at or above the level */
	RES_UNREADABLE = 3, /* the file cannot be read as a dump */
	RES_UNDECIDED = 4,  /* no Filter Manager state, or something asked could not be decided */
};
const char *res_status_name(enum res_status s); /* "clean" "findings" "unreadable" "undecided" */
/* Of many dumps the worst decides: 3, then 1, then 4, then 0. */
enum res_status res_worse(enum res_status a, enum res_status b);

enum res_kind {
	RES_FINDING,
	RES_OPEN, /* a question that this dump does not answer */
};
enum res_fate {
	RES_COUNTS,  /* makes the status: a finding at or above the level, a question asked */
	RES_TOLD,    /* below the level, or a question that need not be answered */
	RES_IGNORED, /* by a line of the ignore file, which gives the reason */
};

struct res_evidence {
	const char *fact, *field, *value; /* NULL: not given */
	uint64_t address;
};

struct res_item {
	enum res_kind kind;
	enum res_fate fate;
	const char *rule, *title;
	enum res_level level;
	const char *message;		    /* what was found; of a question: why it is open */
	const char *confidence;		    /* NULL for a question */
	const char *subject, *name;	    /* "filter", "SomeDrv"; NULL: the dump as a whole */
	uint64_t address;		    /* of the subject, 0 none */
	const char *driver;		    /* of the verdict, NULL none */
	const char *state, *stage;	    /* likewise: "stuck", "S3" */
	const char *culprit_kind, *culprit; /* likewise */
	uint64_t culprit_address;
	const char *advice; /* NULL none */
	struct res_evidence *evidence;
	size_t nevidence;
	const char *reason; /* why it is ignored */
};

/* One thing of the dump that --driver's name fits. */
struct res_match {
	const char *kind; /* "filter", "driver-object", "service", "image", "unloaded-image" */
	const char *name;
	uint64_t address;
};

struct res_dump {
	const char *path;
	enum res_status status;
	const char *problem; /* why it is unreadable or undecided as a whole; NULL when it is not */
	const char *looked_at; /* "2 frames, 9 filters, …"; NULL when not decided */
	struct res_item *items;
	size_t nitems;
	struct res_match *matches;
	size_t nmatches;
	size_t findings, counted, ignored, open; /* of items: findings, those that count, … */
};

struct res_rule {
	const char *id, *title, *explanation, *reads, *advice;
	enum res_level level;
	bool asked; /* false: --rule names others */
};

/* A line of the ignore file that nothing needed. */
struct res_unused {
	const char *file, *rule, *subject, *reason;
	size_t line;
};

struct res_run {
	const char *tool, *version;
	enum res_level fail_on;
	const char *driver; /* --driver, NULL */
	struct res_rule *rules;
	size_t nrules;
};

struct res_totals {
	size_t dumps, clean, findings, unreadable, undecided;
	enum res_status status;
};

struct results;
struct results_ops {
	void (*begin)(struct results *w);
	void (*dump)(struct results *w, const struct res_dump *d);
	/* also frees what the format owns; the last call */
	void (*end)(struct results *w, const struct res_unused *unused, size_t n);
};
/* First member of every writer's own state; that state is the caller's who made it. */
struct results {
	const struct results_ops *ops;
	const struct res_run *run;
	struct res_totals totals;
	int error; /* errno of the first failure to write */
};

/* NULL: out of memory (FS_NO_MEMORY), or the library that writes it is not installed
 * (FS_UNSUPPORTED). Owner: results_end. */
struct results *results_junit_create(FILE *out, struct fs_error *err);
struct results *results_sarif_create(FILE *out, struct fs_error *err);

void results_begin(struct results *w, const struct res_run *run);
void results_dump(struct results *w, const struct res_dump *d);
/* False, with errno, when writing failed. */
bool results_end(struct results *w, const struct res_unused *unused, size_t n);

#endif
