/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 23 (S3 with an instance of another thread) against S1 and S2, where the
 * filter's own thread tears it down; rule 8 against 5 (S1). */
#include "support/waits_bench.h"

#define INSTANCE 0xffffa20f10e01c10ull

static struct fs_instance_holders holders;
static struct fs_pending pended;

static struct fs_instance *tearing(struct bench *b)
{
	struct fs_instance *in;

	bench_begin(b);
	in = &b->k.instance[mm_instance(&b->k, b->fox, INSTANCE)];
	in->object.flags.value.v |= FS_OBJ_DRAINING;
	in->holders = &holders;
	holders = (struct fs_instance_holders){.tracked = FS_LOOKED_WHOLE,
					       .work = {.searched = FS_LOOKED_WHOLE},
					       .searched = FS_LOOKED_WHOLE};
	return in;
}

static void operations_wait(uint64_t block, uint64_t left)
{
	holders.operations.state = FS_RUNDOWN_WAITING;
	holders.operations.wait_block = block;
	holders.operations.wait_count = mm_value(left);
}

static struct fs_instance *race(struct bench *b)
{
	struct fs_instance *in = tearing(b);

	bench_s3(b, 1);
	operations_wait(BLOCK2, 1);
	mm_wait_block(&b->k, b->second, BLOCK2);
	return in;
}

static void another_thread_tears_it_down(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	(void)race(&b);
	bench_run(&b);
	v = bench_verdict(&b, FOX, "teardown-race", FS_PROVED);
	assert_int_equal(v->stage, FS_S3);
	assert_int_equal(v->waiter_thread, WORKER);
	assert_string_equal(v->culprit.kind, "thread");
	assert_int_equal(v->culprit.address, SECOND);
	SILENT(&b, "leaked-filter-reference", "leaked-context", "leaked-instance-reference",
	       "pended-pre-operation", "callback-blocked");
	/* its callbacks run: nobody waits there */
	holders.operations.state = FS_RUNDOWN_ACTIVE;
	bench_run(&b);
	v = bench_verdict(&b, FOX, "teardown-race", FS_LIKELY);
	assert_string_equal(v->culprit.kind, "instance");
	arena_deinit(&b.a);
}

/* Combination: the instance, and two references that nothing explains. */
static void the_race_and_a_leak(void **state)
{
	struct bench b = {0};

	(void)state;
	(void)race(&b);
	b.k.filter[b.fox].object.rundown.wait_count = mm_value(3);
	bench_run(&b);
	assert_non_null(mm_finding(&b.r, "teardown-race"));
	assert_non_null(mm_finding(&b.r, "leaked-filter-reference"));
	(void)bench_verdict(&b, FOX, "teardown-race", FS_PROVED);
	arena_deinit(&b.a);
}

static void its_own_thread_is_no_race(void **state)
{
	struct bench b = {0};
	struct fs_instance *in;

	(void)state;
	in = tearing(&b); /* S1 */
	b.k.filter[b.fox].object.flags.value.v |= FS_OBJ_DRAINING;
	operations_wait(BLOCK1, 1);
	mm_wait_block(&b.k, b.worker, BLOCK1);
	mm_own(&b.k, b.lock, b.worker);
	bench_run(&b);
	assert_int_equal(mm_verdict(&b.r, FOX)->stage, FS_S1);
	assert_int_equal(mm_verdict(&b.r, FOX)->waiter_thread, WORKER);
	SILENT(&b, "teardown-race", "callback-blocked");
	in->track_completion_nodes = mm_value(0); /* S2 */
	in->object.rundown.state = FS_RUNDOWN_WAITING;
	in->object.rundown.wait_block = BLOCK1;
	in->object.rundown.wait_count = mm_value(1);
	bench_run(&b);
	assert_int_equal(mm_verdict(&b.r, FOX)->stage, FS_S2);
	assert_int_equal(mm_verdict(&b.r, FOX)->waiter_thread, WORKER);
	SILENT(&b, "teardown-race");
	/* S3, and the wait blocks of both lie on one stack: one thread cannot wait twice */
	(void)race(&b);
	operations_wait(BLOCK1, 1);
	bench_run(&b);
	SILENT(&b, "teardown-race");
	/* S3 without an instance */
	bench_begin(&b);
	bench_s3(&b, 1);
	bench_run(&b);
	SILENT(&b, "teardown-race");
	b.k.filter[b.fox].instances.stop = FS_STOP_UNREADABLE;
	bench_run(&b);
	assert_true(mm_unchecked(&b.r, "teardown-race"));
	arena_deinit(&b.a);
}

/* An operation is in FoxMon's callback on `second`, which waits for an event. */
static void blocked(struct bench *b, enum fs_frame_how how)
{
	(void)tearing(b);
	b->k.filter[b->fox].object.flags.value.v |= FS_OBJ_DRAINING;
	operations_wait(BLOCK1, 2);
	mm_wait_block(&b->k, b->worker, BLOCK1);
	mm_own(&b->k, b->lock, b->worker);
	(void)mm_wait(&b->k, b->second, 0xffffa20f11111110ull, "NotificationEvent");
	mm_call(&b->k, b->second, NT, "nt!KiSwapContext+0x76", FS_FRAME_CONTEXT);
	mm_call(&b->k, b->second, FOX_SYS, "foxmon+0x2010", how);
	mm_call(&b->k, b->second, FLTMGR, "FLTMGR!FltpPerformPreCallbacks+0x2f6", how);
	mm_call(&b->k, b->second, NT, "nt!IopParseDevice+0x7c8", how);
}

static void a_callback_that_waits(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	blocked(&b, FS_FRAME_UNWOUND);
	bench_run(&b);
	v = bench_verdict(&b, FOX, "callback-blocked", FS_LIKELY); /* [case] only */
	assert_int_equal(v->culprit.address, SECOND);
	assert_int_equal(v->waiter_thread, WORKER);
	assert_non_null(strstr(v->summary, "NotificationEvent"));
	SILENT(&b, "pended-pre-operation", "own-io-outstanding", "teardown-race",
	       "unload-callback-blocked");
	assert_false(mm_unchecked(&b.r, "callback-blocked"));
	blocked(&b, FS_FRAME_SCANNED);
	bench_run(&b);
	(void)bench_verdict(&b, FOX, "callback-blocked", FS_LIKELY);
	blocked(&b, FS_FRAME_POINTER);
	bench_run(&b);
	(void)bench_verdict(&b, FOX, "callback-blocked", FS_LIKELY);
	/* another routine of the driver that FltMgr calls is no operation */
	b.k.thread[b.second].stack.frame[2].ip.symbol = "FLTMGR!FltpFilterMessage+0x51";
	bench_run(&b);
	SILENT(&b, "callback-blocked");
	/* no stacks: it is open */
	b.k.m.stacks_looked = FS_LOOKED_NOT;
	b.k.thread[b.second].stack.n = 0;
	bench_run(&b);
	SILENT(&b, "callback-blocked");
	assert_true(mm_unchecked(&b.r, "callback-blocked"));
	arena_deinit(&b.a);
}

/* 5: the callback has returned; the thread waits in FltMgr for the pended operation. */
static void a_pended_operation_is_no_blocked_callback(void **state)
{
	struct bench b = {0};

	(void)state;
	blocked(&b, FS_FRAME_UNWOUND);
	b.k.thread[b.second].stack.n = 1;
	pended = (struct fs_pending){.address = 0xffffa20f11000010ull,
				     .irp_ctrl = mm_value(0xffffa20f12000010ull),
				     .type = mm_value(0xf104),
				     .initiating = mm_value(0),
				     .work_type = mm_value(0),
				     .pending_node = mm_value(0xffffa20f10e02010ull),
				     .pending_instance = mm_value(INSTANCE)};
	holders.pending = &pended;
	holders.npending = 1;
	bench_run(&b);
	(void)bench_verdict(&b, FOX, "pended-pre-operation", FS_PROVED);
	SILENT(&b, "callback-blocked");
	/* both: two of the pended one, two of the callback */
	b.k.thread[b.second].stack.n = 4;
	holders.operations.wait_count = mm_value(4);
	bench_run(&b);
	assert_non_null(mm_finding(&b.r, "callback-blocked"));
	assert_non_null(mm_finding(&b.r, "pended-pre-operation"));
	/* the pended one alone holds them all: another operation is in a callback elsewhere */
	holders.operations.wait_count = mm_value(2);
	bench_run(&b);
	SILENT(&b, "callback-blocked");
	arena_deinit(&b.a);
}

/* The unload's thread waits for `second` (S2), another one for `first` (S1), which has a pended
 * operation: what the unload waits for is the cause, the rest is told beside it. */
static size_t two_instances(struct bench *b)
{
	struct fs_instance *in = tearing(b);
	size_t own;

	b->k.filter[b->fox].object.flags.value.v |= FS_OBJ_DRAINING;
	mm_unloading(&b->k, b->fox, false);
	operations_wait(BLOCK2, 2);
	mm_wait_block(&b->k, b->second, BLOCK2);
	pended = (struct fs_pending){.address = 0xffffa20f11000010ull,
				     .irp_ctrl = mm_value(0xffffa20f12000010ull),
				     .type = mm_value(0xf104),
				     .initiating = mm_value(0),
				     .work_type = mm_value(0),
				     .pending_node = mm_value(0xffffa20f10e01f00ull),
				     .pending_instance = mm_value(INSTANCE)};
	holders.pending = &pended;
	holders.npending = 1;
	in->track_completion_nodes = mm_value(0xffffa20f11000000ull);
	own = mm_instance(&b->k, b->fox, INSTANCE + 0x1000);
	in = &b->k.instance[own];
	in->object.flags.value.v |= FS_OBJ_DRAINING;
	in->track_completion_nodes = mm_value(0);
	in->object.rundown.raw = mm_value(BLOCK1 | 1);
	in->object.rundown.state = FS_RUNDOWN_WAITING;
	in->object.rundown.wait_block = BLOCK1;
	in->object.rundown.wait_count = mm_value(1);
	mm_wait_block(&b->k, b->worker, BLOCK1);
	mm_own(&b->k, b->lock, b->worker);
	return own;
}

static void the_unloads_instance_is_the_locks_owners(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;
	size_t own;

	(void)state;
	(void)two_instances(&b);
	bench_run(&b);
	v = bench_verdict(&b, FOX, "leaked-instance-reference", FS_POSSIBLE);
	assert_int_equal(v->stage, FS_S2);
	assert_int_equal(v->waiter_thread, WORKER);
	assert_int_equal(v->waiter_sure, FS_PROVED);
	assert_int_equal(v->culprit.address, INSTANCE + 0x1000);
	assert_int_equal(mm_finding(&b.r, "pended-pre-operation")->confidence, FS_PROVED);
	assert_int_equal(mm_finding(&b.r, "teardown-race")->confidence, FS_LIKELY);
	/* its callbacks run: nobody waits for that instance, and the owner for something else */
	own = two_instances(&b);
	b.k.instance[own].track_completion_nodes = mm_value(0xffffa20f11000800ull);
	b.k.instance[own].object.rundown.state = FS_RUNDOWN_ACTIVE;
	b.k.thread[b.worker].nwaits = 0;
	bench_run(&b);
	v = mm_verdict(&b.r, FOX);
	assert_null(v->cause_id);
	assert_int_equal(v->stage, FS_S1);
	assert_int_equal(v->waiter_thread, WORKER);
	assert_non_null(mm_finding(&b.r, "pended-pre-operation"));
	/* nobody owns the lock: it may be either */
	(void)two_instances(&b);
	b.k.lock[b.lock].active_count = mm_value(0);
	b.k.lock[b.lock].exclusive = false;
	b.k.lock[b.lock].nowners = 0;
	bench_run(&b);
	v = bench_verdict(&b, FOX, "pended-pre-operation", FS_LIKELY);
	assert_int_equal(v->waiter_sure, FS_POSSIBLE);
	assert_non_null(mm_finding(&b.r, "leaked-instance-reference"));
	SILENT(&b, "teardown-race");
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_thread_tears_it_down),
		cmocka_unit_test(the_race_and_a_leak),
		cmocka_unit_test(its_own_thread_is_no_race),
		cmocka_unit_test(a_callback_that_waits),
		cmocka_unit_test(a_pended_operation_is_no_blocked_callback),
		cmocka_unit_test(the_unloads_instance_is_the_locks_owners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
