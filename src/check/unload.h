/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which thread waits for what, and which filter's unload it runs: what the rules
 * about threads and locks share. Facts: unload-causes.md, "How to read a wait" and
 * section 0.
 */
#ifndef CHECK_UNLOAD_H
#define CHECK_UNLOAD_H

#include "check/check.h"

/* The thread that waits for a rundown. */
struct waiter {
	int32_t thread;		     /* index, -1: not known */
	enum fs_confidence sure;     /* proved: on its stack, and its KWAIT_BLOCK names the event */
	uint64_t block;		     /* VA of the EX_RUNDOWN_WAIT_BLOCK, 0: by the lock it holds */
	const struct fs_wait *wait;  /* NULL: its wait blocks do not name the event */
	const struct fs_value *held; /* OwnerThread of FilterUnloadLock, when that names it */
};
struct waiter waiter_of_block(const struct fs_model *m, uint64_t block);
/* Every thread was read, and the block is on no stack, nor does one wait for its event: then it is
 * not sure that somebody waits. */
bool wait_block_is_stray(const struct fs_model *m, uint64_t block);
/* Who tears this instance down: by the rundown it waits for. */
struct waiter waiter_of_instance(const struct fs_model *m, const struct fs_instance *in);
/* Which of a draining filter's instances does its unload tear down? By the owner of the frame's
 * unload lock: the one that it waits for, or the only one that nobody else is known to wait
 * for. SIZE_MAX: it may be any of those that are torn down. */
size_t find_unload_instance(const struct check_run *run, size_t filter);
/* Who runs this filter's unload, in any stage. */
struct waiter waiter_of(const struct check_run *run, size_t filter);
/* The premises that this is the waiter. */
void waiter_evidence(struct check_run *run, evidence_vec *ev, const struct waiter *w);

/* FLTP_FRAME.FilterUnloadLock of one frame: FltpDoUnloadFilter holds it exclusively over
 * the whole unload. FltUnregisterFilter alone does not take it. */
struct unload_lock {
	const struct fs_lock *lock; /* NULL: not read */
	bool free;		    /* it was read, and nobody owns it */
	bool held;		    /* exclusively; `owner` then is its OwnerThread */
	const struct fs_lock_owner *owner;
	int32_t thread;		 /* index of the owner, -1 */
	int32_t filter;		 /* whose unload the owner runs, -1 not known */
	enum fs_confidence sure; /* of `filter` */
	size_t drains;		 /* filters that drain, and may be the owner's */
	size_t live;		 /* filters in S0 that may be */
};
/* By frame index; run->unloads is made once: the locks and who owns them, and, when the stages
 * are known, whose unload that is. */
bool make_unload_locks(struct check_run *run);
void name_unload_locks(struct check_run *run);
/* Owned, by a thread that was read or not: an unload is under way. */
bool unload_under_way(const struct unload_lock *u);
/* Whose unload the owner runs is not known: can it be this filter's? */
bool unload_may_be(const struct check_run *run, const struct unload_lock *u, size_t filter);
/* That of a filter's frame; never NULL. */
const struct unload_lock *unload_lock_of(const struct check_run *run, size_t filter);

/* May FltpDoUnloadFilter be at work on a filter that is still in S0? While it is, it has a
 * PointerCount of its own (facts: [run]); a user's handle on the filter has one too. */
enum runs { RUNS_NOT, RUNS_UNKNOWN, RUNS_MAYBE };
enum runs unload_runs(const struct check_run *run, size_t filter);
/* Was every filter of the frame reached, and is it known how far each is? */
bool frame_seen(const struct check_run *run, size_t frame);
bool in_progress(const struct fs_filter *f); /* its Flags say a service stop began */

/* The verdict of a filter in S0 whose unload was asked for, begun with what is known. */
struct fs_verdict *pending_verdict(struct check_run *run, size_t filter);
/* Was the unload of a filter in S0 asked for, as far as it shows? */
bool unload_asked(const struct check_run *run, size_t filter);

/* Is a cycle of waits (rule 22) what this filter's unload waits for, in the end? */
bool cycle_explains(const struct check_run *run, size_t filter);

/* Rule 25b for one module: the threads that began in it and have not ended. */
void driver_threads(struct check_run *run, int32_t module, const char *kind, uint64_t address,
		    const char *name);

/* What unloads hold is known for the builds whose code was read and run: no more than
 * likely on others. */
enum fs_confidence mechanism_known(const struct check_run *run);

/* --- threads in words ------------------------------------------------------ */

/* "thread 0x… (System 4.28)" */
const char *thread_label(struct check_run *run, int32_t thread);
bool thread_waits(const struct fs_thread *t); /* read, and KTHREAD.State is Waiting */
bool thread_is_up(const struct fs_thread *t); /* read, and it does not wait: it hangs nowhere */
/* " for 18 minutes"; "" when it does not wait, or for how long was not read. */
const char *waited_words(struct check_run *run, int32_t thread);
/* "FLTP_FRAME.FilterUnloadLock of Frame 0" */
const char *lock_words(struct check_run *run, const struct fs_lock *l);
/* The field whose word says that this thread waits for the lock. */
const char *lock_waiter_field(const struct fs_lock_waiter *w);
/* That word, and the resource's own one that led to it. */
void lock_waiter_evidence(struct check_run *run, evidence_vec *ev, const struct fs_lock_waiter *w,
			  const char *fact);
/* What it waits for, in words: "a NotificationEvent 0x…"; NULL when not known. */
const char *waits_for_words(struct check_run *run, int32_t thread);
void wait_evidence(struct check_run *run, evidence_vec *ev, int32_t thread);

/* --- stacks ------------------------------------------------------------------ */

/* Code of `module` on the thread's stack that was called by code of `caller` (-1: any). */
struct on_stack {
	const struct fs_stack_frame *frame;  /* the outermost such frame of module, NULL none */
	const struct fs_stack_frame *caller; /* the frame below it, NULL */
	enum fs_confidence sure;	     /* proved when every frame up to there was unwound */
};
struct on_stack stack_code_of(const struct fs_thread *t, int32_t module, int32_t caller);
/* A frame whose symbol, by a PDB or an export, is this function; NULL none. */
const struct fs_stack_frame *stack_function(const struct fs_thread *t, const char *name);
/* Does the stack reach back to where the thread began, each frame unwound? */
bool stack_is_whole(const struct fs_thread *t);
/* A thread, not `but`, that stands in this routine: the unwind data say that a frame is of the
 * function that has its address, FltMgr called it, and every frame up to there was unwound. */
struct inside {
	int32_t thread; /* -1 none */
	const struct fs_stack_frame *frame, *caller;
};
struct inside thread_inside(const struct check_run *run, const struct fs_code *routine, int32_t but);
/* "thread 0x… (copy.exe, 2a4.38) is in it and waits for …" */
const char *inside_words(struct check_run *run, const struct inside *in);
void inside_evidence(struct check_run *run, evidence_vec *ev, const struct inside *in);
/* Where another driver that the module called, itself or through FltMgr, holds the thread up: the
 * innermost frame that is neither the kernel's nor FltMgr's; NULL: the module does itself. */
const struct fs_stack_frame *stack_blocked_below(const struct check_run *run, int32_t thread,
						 int32_t module);
/* ", blocked below it in X.sys (filter "X")"; "" for NULL. */
const char *blocked_below_words(struct check_run *run, int32_t thread,
				const struct fs_stack_frame *f);
/* Why a driver's code may stand on this stack and not be seen: it breaks off, or could not be
 * read. NULL: it was looked at. */
const char *stack_not_followed(struct check_run *run, int32_t thread);
void frame_evidence(struct check_run *run, evidence_vec *ev, const struct fs_stack_frame *f,
		    const char *fact);

/* --- the checks (checks.def) ----------------------------------------------- */
void chk_callback_blocked(struct check_run *run);
void chk_unload_refused(struct check_run *run);
void chk_driver_entry(struct check_run *run);
void chk_unload_callback(struct check_run *run);
void chk_other_unload(struct check_run *run);
void chk_lock_cycle(struct check_run *run);
void chk_teardown_race(struct check_run *run);
void chk_device_handles(struct check_run *run);
void chk_driver_leaked(struct check_run *run);
void chk_driver_thread(struct check_run *run);
void chk_load_race(struct check_run *run);
/* An unload that is under way, and of which no rule could say what it does. */
void chk_unload_open(struct check_run *run);
/* After all rules: who waits, in every verdict, and what could not be decided. */
void chk_waiters(struct check_run *run);

#endif
