/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 20 and 21, told apart by whose wait the owner of FilterUnloadLock waits. The
 * victim's numbers are those of the emulated run (facts: [run], cause 21). */
#include "support/waits_bench.h"

/* DeltaAv's unload waits for the lock that FoxMon's holds. */
static void victim(struct bench *b)
{
	bench_begin(b);
	bench_s3(b, 1);
	mm_unloading(&b->k, b->delta, true);
	mm_wait_lock(&b->k, b->lock, b->second, FS_WAITER_STACK);
}

static void the_victim_is_told_from_the_culprit(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	victim(&b);
	bench_run(&b);
	v = bench_verdict(&b, DELTA, "blocked-by-other-unload", FS_PROVED);
	assert_int_equal(v->stage, FS_S0);
	assert_string_equal(v->culprit.kind, "filter");
	assert_int_equal(v->culprit.address, FOX);
	assert_string_equal(v->culprit.name, "FoxMon");
	assert_int_equal(v->culprit_thread, WORKER);
	assert_int_equal(v->waiter_thread, SECOND);
	assert_int_equal(v->waiter_sure, FS_LIKELY); /* it was found by scanning */
	assert_true(
		bench_cites(v->because, v->nbecause, "FilterUnloadLock.NumberOfExclusiveWaiters"));
	v = mm_verdict(&b.r, FOX);
	assert_int_equal(v->stage, FS_S3);
	assert_int_equal(v->waiter_thread, WORKER);
	assert_int_equal(v->waiter_sure, FS_PROVED);
	assert_true(bench_cites(v->because, v->nbecause, "KWAIT_BLOCK.Object"));
	SILENT(&b, "unload-callback-blocked", "lock-cycle", "device-handles-open",
	       "unregister-in-driver-entry", "unload-refused", "teardown-race");
	arena_deinit(&b.a);
}

static void a_victim_is_proved_by_counting(void **state)
{
	struct bench b = {0};

	(void)state;
	victim(&b);
	b.k.lock[b.lock].exclusive_count = mm_missing();
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "blocked-by-other-unload", FS_LIKELY);
	/* somebody else has a handle on it: fltmc's unload would look the same */
	victim(&b);
	b.k.filter[b.delta].flags.value.v &= ~(uint64_t)FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS;
	b.k.lock[b.lock].exclusive_count = mm_value(2);
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "blocked-by-other-unload")->confidence, FS_POSSIBLE);
	/* nobody waits: a handle on a live filter is no unload */
	b.k.lock[b.lock].exclusive_count = mm_value(0);
	bench_run(&b);
	SILENT(&b, "blocked-by-other-unload", "unload-callback-blocked");
	assert_null(mm_verdict(&b.r, DELTA));
	/* no PointerCount of an unload: it is not begun */
	victim(&b);
	b.k.filter[b.delta].object.pointer_count = mm_value(1);
	bench_run(&b);
	SILENT(&b, "blocked-by-other-unload");
	arena_deinit(&b.a);
}

/* A user's handle on a live filter, while somebody waits for the lock, and nothing says that its
 * unload was asked for. */
static void a_handle_is_no_unload(void **state)
{
	struct bench b = {0};

	(void)state;
	victim(&b);
	b.k.filter[b.delta].flags.value.v &= ~(uint64_t)FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS;
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "blocked-by-other-unload")->confidence, FS_POSSIBLE);
	assert_null(mm_verdict(&b.r, DELTA));
	/* the waiter may be a second unload of the owner's own filter */
	b.k.filter[b.fox].object.pointer_count = mm_value(3);
	b.k.filter[b.fox].connection_count = mm_value(0);
	bench_run(&b);
	SILENT(&b, "blocked-by-other-unload");
	assert_null(mm_verdict(&b.r, DELTA));
	/* beside an unload that was begun it is one candidate more */
	b.k.filter[b.delta].flags.value.v |= FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS;
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "blocked-by-other-unload", FS_LIKELY);
	arena_deinit(&b.a);
}

static void who_the_owner_is_must_be_known(void **state)
{
	struct bench b = {0};

	(void)state;
	/* the wait block may lie there by chance */
	victim(&b);
	b.k.thread[b.worker].nwaits = 0;
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "blocked-by-other-unload", FS_LIKELY);
	/* threads were not read: FoxMon is the only one that drains */
	victim(&b);
	b.k.m.nthreads = 0;
	b.k.owner[b.lock][0].index = -1;
	b.k.lock[b.lock].nwaiters = 0;
	b.k.m.threads_looked = FS_LOOKED_NOT;
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "blocked-by-other-unload", FS_LIKELY);
	assert_true(mm_unchecked(&b.r, "lock-cycle"));
	/* the lock was not read */
	victim(&b);
	b.k.frame[0].filter_unload_lock = 0;
	bench_run(&b);
	SILENT(&b, "blocked-by-other-unload", "unload-callback-blocked");
	assert_int_equal(mm_verdict(&b.r, DELTA)->state, FS_ST_UNKNOWN);
	assert_true(mm_unchecked(&b.r, "blocked-by-other-unload"));
	assert_true(mm_unchecked(&b.r, "unload-callback-blocked"));
	arena_deinit(&b.a);
}

/* The same picture without FoxMon's wait: the owner is in DeltaAv's own callback. */
static void callback(struct bench *b, enum fs_frame_how how)
{
	bench_begin(b);
	mm_unloading(&b->k, b->delta, true);
	mm_own(&b->k, b->lock, b->worker);
	(void)mm_wait(&b->k, b->worker, 0xffffa20f11111110ull, "NotificationEvent");
	mm_call(&b->k, b->worker, NT, "nt!KiSwapContext+0x76", FS_FRAME_CONTEXT);
	mm_call(&b->k, b->worker, DELTA_SYS, "deltaav+0x2010", how);
	mm_call(&b->k, b->worker, FLTMGR, "FLTMGR!FltpDoUnloadFilter+0xa3", how);
	mm_call(&b->k, b->worker, NT, "nt!ExpWorkerThread+0x14f", how);
}

static void a_callback_that_does_not_come_back(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	callback(&b, FS_FRAME_UNWOUND);
	bench_run(&b);
	v = bench_verdict(&b, DELTA, "unload-callback-blocked", FS_PROVED);
	assert_int_equal(v->stage, FS_S0);
	assert_int_equal(v->waiter_thread, WORKER);
	assert_string_equal(v->culprit.kind, "thread");
	assert_int_equal(v->culprit.address, WORKER);
	assert_non_null(strstr(v->summary, "NotificationEvent"));
	SILENT(&b, "blocked-by-other-unload", "lock-cycle", "unregister-in-driver-entry",
	       "unload-refused", "device-handles-open");
	/* frames that were scanned may be left over */
	callback(&b, FS_FRAME_SCANNED);
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "unload-callback-blocked", FS_LIKELY);
	/* x86: between frames that frame pointers lead to, others may be missing */
	callback(&b, FS_FRAME_POINTER);
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "unload-callback-blocked", FS_LIKELY);
	/* without a stack: the only filter that is being unloaded */
	b.k.thread[b.worker].stack.n = 0;
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "unload-callback-blocked", FS_LIKELY);
	/* a thread that runs may come back */
	b.k.thread[b.worker].state = mm_value(FS_THREAD_RUNNING);
	bench_run(&b);
	SILENT(&b, "unload-callback-blocked");
	assert_int_equal(mm_verdict(&b.r, DELTA)->state, FS_ST_UNKNOWN);
	arena_deinit(&b.a);
}

/* Combination: a blocked callback and its victim are both found. */
static void a_blocked_callback_has_victims(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	callback(&b, FS_FRAME_UNWOUND);
	mm_unloading(&b.k, b.fox, true);
	mm_wait_lock(&b.k, b.lock, b.second, FS_WAITER_OBJECT);
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "unload-callback-blocked", FS_PROVED);
	v = bench_verdict(&b, FOX, "blocked-by-other-unload", FS_PROVED);
	assert_int_equal(v->culprit.address, DELTA);
	assert_int_equal(v->waiter_sure, FS_PROVED);
	/* without the stack either of them may be the one */
	b.k.thread[b.worker].stack.n = 0;
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "unload-callback-blocked")->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
}

/* 16: the lock is free and no unload has a PointerCount, but the flag stayed. */
static void a_mandatory_unload_that_was_refused(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;
	struct fs_value *flags;

	(void)state;
	bench_begin(&b);
	b.k.filter[b.delta].flags.value.v |= FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS;
	/* the flag alone: a mandatory unload comes through DriverUnload */
	flags = &b.k.driver[b.k.filter[b.delta].driver].flags.value;
	*flags = mm_value(0x12);
	bench_run(&b);
	v = mm_verdict(&b.r, DELTA);
	assert_int_equal(v->state, FS_ST_UNKNOWN);
	assert_int_equal(v->confidence, FS_POSSIBLE);
	assert_non_null(strstr(v->summary, "DRVO_UNLOAD_INVOKED of its driver is clear"));
	assert_int_equal(mm_finding(&b.r, "unload-refused")->severity, FS_WARNING);
	flags->state = FS_MISSING;
	bench_run(&b);
	v = mm_verdict(&b.r, DELTA);
	assert_int_equal(v->confidence, FS_POSSIBLE);
	assert_non_null(strstr(v->summary, "was not read"));
	*flags = mm_value(0x13);
	bench_run(&b);
	v = mm_verdict(&b.r, DELTA);
	assert_string_equal(v->cause_id, "unload-refused");
	assert_int_equal(mm_finding(&b.r, "unload-refused")->severity, FS_ERROR);
	assert_int_equal(v->state, FS_ST_REFUSED);
	assert_int_equal(v->confidence, FS_LIKELY);
	assert_int_equal(v->waiter_thread, 0);
	SILENT(&b, "unload-callback-blocked", "blocked-by-other-unload");
	/* look-alike: it has just been begun and has not taken the lock */
	b.k.filter[b.delta].object.pointer_count = mm_value(2);
	bench_run(&b);
	SILENT(&b, "unload-refused");
	assert_true(mm_unchecked(&b.r, "unload-refused"));
	/* a live filter says nothing of refusals that leave no trace */
	bench_begin(&b);
	bench_run(&b);
	assert_int_equal(b.r.nverdicts + b.r.nfindings + b.r.nnot_checked, 0);
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_victim_is_told_from_the_culprit),
		cmocka_unit_test(a_victim_is_proved_by_counting),
		cmocka_unit_test(a_handle_is_no_unload),
		cmocka_unit_test(who_the_owner_is_must_be_known),
		cmocka_unit_test(a_callback_that_does_not_come_back),
		cmocka_unit_test(a_blocked_callback_has_victims),
		cmocka_unit_test(a_mandatory_unload_that_was_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
