/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows from the model: verdicts (one per driver about which there is
 * something to say), findings (one per rule and subject), and what could not
 * be checked. Owned by the handle; strings may quote the dump.
 */
#ifndef FLTSCOPE_FINDING_H
#define FLTSCOPE_FINDING_H

#include "fltscope/graph.h"
#include "fltscope/model.h"

enum fs_severity { FS_NOTE, FS_WARNING, FS_ERROR };
enum fs_confidence { FS_POSSIBLE, FS_LIKELY, FS_PROVED };
enum fs_verdict_state { FS_ST_UNKNOWN, FS_ST_HEALTHY, FS_ST_REFUSED, FS_ST_LEFTOVER, FS_ST_STUCK };
enum fs_stage { FS_STAGE_UNKNOWN, FS_S0, FS_S1, FS_S2, FS_S3, FS_S4, FS_S5 };

const char *fs_severity_name(enum fs_severity s);     /* "note" "warning" "error" */
const char *fs_confidence_name(enum fs_confidence c); /* "possible" "likely" "proved" */
const char *fs_verdict_state_name(enum fs_verdict_state s);
const char *fs_stage_name(enum fs_stage s); /* "S0" … "S5", "unknown" */

/* One premise, read in this dump. */
struct fs_evidence {
	const char *fact;  /* a sentence fragment: "the zombied filter is met first" */
	uint64_t address;  /* VA of the field */
	const char *field; /* "FLT_FILTER.DriverObject" */
	const char *value; /* as text: "0xfffffa8003673c80" */
};

struct fs_subject {
	const char *kind; /* "filter", "driver", "list", "frame", "instance", "volume", "thread" … */
	uint64_t address;
	const char *name; /* "" when not known */
};

struct fs_finding {
	const char *rule; /* slug of the cause catalogue */
	const char *title;
	enum fs_severity severity;
	enum fs_confidence confidence;
	struct fs_subject subject;
	const char *message;
	const char *advice; /* the rule's; "" none */
	struct fs_evidence *evidence;
	size_t nevidence;
};

/* One driver's unload; or one that is under way in a frame, and nothing tells whose it is:
 * then filter is 0, frame the FLTP_FRAME, and it can be one of the candidates. */
struct fs_verdict {
	const char *driver; /* "\\Driver\\MyDrv" or the module's name */
	uint64_t filter;    /* FLT_FILTER, 0 when none */
	uint64_t driver_object;
	const char *name;   /* filter name; "Frame 0" when the filter is not known */
	uint64_t frame;
	const uint64_t *candidates; /* FLT_FILTERs */
	size_t ncandidates;
	enum fs_verdict_state state;
	enum fs_stage stage;
	const char *cause_id, *cause_title; /* NULL when no rule explains it */
	enum fs_confidence confidence;
	const char *summary; /* what is stuck; who holds it: sentences for a person */
	struct fs_evidence *because;
	size_t nbecause;
	struct fs_subject culprit; /* kind NULL when none */
	uint64_t culprit_thread;   /* KTHREAD of the culprit, 0 none or not known */
	uint64_t waiter_thread;    /* KTHREAD, 0 when not known */
	enum fs_confidence waiter_sure; /* that it is that thread */
	const char *advice;
};

struct fs_not_checked {
	const char *rule;
	const char *why;
};

struct fs_report {
	struct fs_verdict *verdicts;        size_t nverdicts;
	struct fs_finding *findings;        size_t nfindings;
	struct fs_not_checked *not_checked; size_t nnot_checked;
	/* The stage of every filter of the model, by index, with what it rests on. */
	enum fs_stage *stages;
	const char **stage_why;
	const struct fs_graph *wait_for; /* who waits for whom */
};

/* The catalogue, for `rules`. */
struct fs_rule {
	const char *id, *title;
	const char *number; /* in the catalogue: "27", "25b" */
	enum fs_severity severity;
	const char *explanation, *reads, *advice;
};
size_t fs_rule_count(void);
const struct fs_rule *fs_rule_at(size_t i);

#endif
