/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The check engine. A check is a pure function over the model: it adds
 * findings and, where it explains why a driver does not unload, verdicts.
 * checks.def lists them and says how to add one.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/arena.h"
#include "base/vec.h"
#include "fltscope/finding.h"
#include "fltscope/ledger.h"

/* Run all checks. Everything in *ret lives in the arena. */
enum fs_status check_all(const struct fs_model *model, struct arena *arena, struct fs_report *ret,
			 struct fs_error *err);

/* --- for the checks themselves ------------------------------------------- */

typedef VEC(struct fs_evidence) evidence_vec;
/* Things of one kind that are named as evidence; the message tells how many there are. */
#define EVIDENCE_MAX 8

/* What a filter's verdict said before a cause was found, and how much the cause weighs. */
struct cause {
	size_t base; /* premises */
	const char *summary;
	uint64_t weight;
};

struct check_run {
	const struct fs_model *m;
	struct arena *a;
	VEC(struct fs_finding) findings;
	VEC(struct fs_verdict) verdicts;
	VEC(struct fs_not_checked) not_checked;
	enum fs_stage *stages;   /* by filter index */
	const char **stage_why;
	size_t *own_instance; /* by filter index: find_unload_instance() */
	uint64_t *user_handles; /* by filter index: FLT_CCBs that handles lead to */
	struct cause *causes; /* by filter index */
	struct unload_lock *unloads; /* by frame index (unload.h) */
	struct fs_graph *graph;
	bool out_of_memory;
};

/* printf into the run's arena; "" (and out_of_memory) when it is exhausted. */
__attribute__((format(printf, 2, 3))) const char *run_text(struct check_run *run, const char *fmt,
							    ...);

/* Append one premise. `v` gives the address it was read from; `object` is used
 * when that is not known. */
__attribute__((format(printf, 7, 8))) void evidence_add(struct check_run *run, evidence_vec *ev,
							const struct fs_value *v, uint64_t object,
							const char *field, const char *fact,
							const char *fmt, ...);
/* The premise "this value is …" in hexadecimal. */
void evidence_hex(struct check_run *run, evidence_vec *ev, const struct fs_value *v,
		  uint64_t object, const char *field, const char *fact);
/* Move the premises into the arena. */
struct fs_evidence *evidence_take(struct check_run *run, evidence_vec *ev, size_t *ret_n);

/* A new finding of a rule with the rule's title and severity; NULL when out of memory. */
struct fs_finding *finding_add(struct check_run *run, const char *rule, enum fs_confidence c,
			       const char *kind, uint64_t address, const char *name);
/* The verdict of a filter: the one that exists, or a new one with its stage filled in. */
struct fs_verdict *verdict_for(struct check_run *run, size_t filter);
bool verdict_exists(const struct check_run *run, size_t filter);
/* The verdict is what the finding says: its cause, confidence, evidence and advice. */
void verdict_tells(struct check_run *run, struct fs_verdict *v, const struct fs_finding *fd);
/* What the rule advises; "" when there is no such rule. */
const char *rule_advice(const char *id);
void not_checked_add(struct check_run *run, const char *rule, const char *why);

/* No verdict is surer than its weakest premise: a value that was not read, or
 * was read through an unproved offset, leaves `possible`. */
enum fs_confidence confidence_cap(enum fs_confidence c, const struct fs_value *v);

/* --- what several checks ask ---------------------------------------------- */

/* Never NULL; for messages: the name, "[NoName]" for an empty one (as !fltkd.filter has it); when
 * it was not read, what its callbacks' module is, else "(name not read)". */
const char *filter_label(struct check_run *run, size_t filter);
/* \Driver\X of its DRIVER_OBJECT as far as read, else "". */
const char *driver_label(const struct check_run *run, size_t driver);
/* Whose code are the filter's callbacks? index of the module, or -1; *ret_gone
 * is set when every callback lies in a module that was unloaded, or in none, and
 * every loaded module is known. */
int32_t filter_code_module(const struct fs_model *m, const struct fs_filter *f, bool *ret_gone,
			   const char **ret_symbol);
/* Its callbacks lie in no module that is known, and not every module is. */
bool filter_code_unknown(const struct fs_model *m, const struct fs_filter *f);
/* Has somebody asked for this driver's unload through the service manager? */
struct unload_request {
	const struct fs_device *pending_device; /* with DOE_UNLOAD_PENDING, NULL none */
	const struct fs_device *held_device;    /* ReferenceCount or AttachedDevice not 0 */
	bool invoked;                           /* DRVO_UNLOAD_INVOKED */
	bool known;                             /* flags and the device chain were read */
};
struct unload_request unload_requested(const struct fs_model *m, int32_t driver);

/* FltpMiniFilterDriverUnload's walk for one DRIVER_OBJECT, replayed (facts:
 * unload-causes.md section 0): frames in FrameList order, filters in list order,
 * forward links only, as the code does. */
struct replay {
	size_t *match; /* filters whose DriverObject is this one, in walk order */
	size_t n;
	size_t certain; /* the first so many matches are certain to be met in this order */
};
enum reference { REFERENCE_UNKNOWN, REFERENCE_FAILS, REFERENCE_TAKES };
bool replay_walk(struct check_run *run, uint64_t driver_object, struct replay *ret);
/* Would FltObjectReference on this filter succeed? */
enum reference replay_reference(const struct fs_filter *f);

/* Stage S0..S5 of one filter with the reason in words. */
enum fs_stage stage_of(struct check_run *run, size_t filter, const char **ret_why);

/* An instance in the middle of its teardown: DRAINING, not ZOMBIED. */
bool torn_down(const struct fs_instance *in);
/* S1 or S2, of one that is; else, and when it was not read, unknown. */
enum fs_stage instance_stage(const struct fs_instance *in);

/* Does what holds an instance of it up matter? While instances are torn down, by its unload (S1,
 * S2) or without one (S0: FltDetachVolume, a dismount). */
bool instances_matter(const struct check_run *run, size_t filter);

/* chk_operations.c: the references of operations that an instance's teardown waits for (S1). */
struct operations {
	bool waits, counted;   /* somebody waits for them; the wait block's Count was read */
	bool damaged;	       /* no machine has so many operations in flight */
	uint64_t count, found; /* that Count; what was found, which may be more */
	uint64_t left;	       /* of count */
};
struct operations operations_of(const struct fs_instance *in);
/* How sure it is that an operation is waited for, by the count of them: where nothing, or less
 * than was found, is waited for, not all of that is held. */
enum fs_confidence operations_sure(const struct fs_model *m, enum fs_confidence c,
				   const struct fs_instance *in);
void operations_evidence(struct check_run *run, evidence_vec *ev, const struct fs_instance *in);

/* held.c: who holds a filter that waits in S3. */
bool held_account(const struct check_run *run, size_t filter, struct fs_ledger *ret);
/* How sure it is that this entry is (part of) what the filter waits for. */
enum fs_confidence held_confidence(const struct check_run *run, const struct fs_ledger *l,
				   const struct fs_ledger_entry *e);
const char *held_total(struct check_run *run, const struct fs_ledger *l);
/* The count of a list of holders, as a premise. */
void list_count_evidence(struct check_run *run, evidence_vec *ev, const struct fs_value *count,
			 uint64_t head, const char *field, const char *fact,
			 const struct fs_ledger_entry *e);
/* "2 of 3 references to the filter are", and no number when the account contradicts itself. */
const char *held_part(struct check_run *run, const struct fs_ledger *l, uint64_t n);
const char *plural(uint64_t n); /* "s" unless n is 1 */
/* chk_over_released.c: attached, and nobody has a reference to it any more. */
bool over_released(const struct fs_context *x);
/* All work items of it that memory has were looked at, and none is there in any state. */
bool no_work_items(const struct fs_work *w);
/* handle_holder.c: which process has a handle that leads there. NULL: none was found. */
const struct fs_handle *client_handle(const struct check_run *run, const struct fs_filter *f);
/* "NAME (process 0x…, pid 0x1268) by its handle 0x1c4" */
const char *handle_text(struct check_run *run, const struct fs_handle *h);
void handle_evidence(struct check_run *run, evidence_vec *ev, const struct fs_handle *h);
/* The process as a culprit; kind NULL when the handle is NULL or its process is not known. */
struct fs_subject handle_culprit(struct check_run *run, const struct fs_handle *h);
/* What the Filter Verifier counts as not given back, as premises; false: nothing. */
bool verifier_evidence(struct check_run *run, size_t filter, evidence_vec *ev);
/* Call `each` for every instance of a filter in the middle of its teardown. */
void each_draining(struct check_run *run, size_t filter,
		   void (*each)(struct check_run *run, size_t filter, size_t instance));
/* This finding explains the filter's verdict, unless a surer one does, or an equally
 * sure one that weighs as much. culprit.kind NULL: none. */
void verdict_cause(struct check_run *run, size_t filter, const struct fs_finding *fd,
		   uint64_t weight, struct fs_subject culprit);
/* The same for a finding about one instance: that of an instance which the filter's unload does
 * not wait for explains nothing. */
void verdict_cause_of(struct check_run *run, size_t filter, size_t instance,
		      const struct fs_finding *fd, uint64_t weight, struct fs_subject culprit);
/* The same for a part of a filter's account. Where not all holders were looked at and as much as
 * this is not explained, another one may be the main cause: the verdict is no proof of this. */
void verdict_held(struct check_run *run, const struct fs_finding *fd, const struct fs_ledger *l,
		  uint64_t weight, struct fs_subject culprit);
/* The same for operations of an instance: deferred I/O of one may be what they wait for. */
void verdict_operations(struct check_run *run, size_t filter, size_t instance,
			const struct fs_finding *fd, uint64_t weight, struct fs_subject culprit);
/* No deferred I/O item has a reference to the instance: all were looked for, or it has none. */
bool deferred_excluded(const struct check_run *run, size_t instance);

/* --- the checks (checks.def) ----------------------------------------------- */
void chk_draining(struct check_run *run);
void chk_pending(struct check_run *run);
void chk_crosslink(struct check_run *run);
void chk_zombie(struct check_run *run);
void chk_corrupt_list(struct check_run *run);
void chk_leaked_context(struct check_run *run);
void chk_leaked_filter(struct check_run *run);
void chk_leaked_instance(struct check_run *run);
void chk_leaked_volume(struct check_run *run);
void chk_open_files(struct check_run *run);
void chk_server_port(struct check_run *run);
void chk_client_ports(struct check_run *run);
void chk_no_unload(struct check_run *run);
void chk_no_stop(struct check_run *run);
void chk_gone(struct check_run *run);
void chk_frames(struct check_run *run);
void chk_over_released(struct check_run *run);
void chk_pended_pre(struct check_run *run);
void chk_pended_post(struct check_run *run);
void chk_own_io(struct check_run *run);
void chk_deferred_io(struct check_run *run);
void chk_work_item(struct check_run *run);
void chk_port_stuck(struct check_run *run);
void chk_verifier(struct check_run *run);

#endif
