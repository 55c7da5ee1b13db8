/* SPDX-License-Identifier: BSD-2-Clause */
/* An owned FilterUnloadLock is an unload under way (facts: section 0, [run]): where no rule
 * tells what it does, or whose it is, it is told all the same, and nothing is decided. */
#include "support/waits_bench.h"

/* `worker` owns the lock and waits; two filters have a PointerCount more. */
static void two(struct bench *b)
{
	bench_begin(b);
	mm_unloading(&b->k, b->fox, false);
	mm_unloading(&b->k, b->delta, false);
	mm_own(&b->k, b->lock, b->worker);
	(void)mm_wait(&b->k, b->worker, 0xffffa20f10eb9000ull, "NotificationEvent");
	b->k.m.tick_100ns = mm_value(156250);
	b->k.thread[b->worker].waiting_ticks = mm_value(70000);
}

static const struct fs_verdict *only(const struct bench *b)
{
	assert_int_equal(b->r.nverdicts, 1);
	assert_null(b->r.verdicts[0].cause_id);
	assert_int_equal(b->r.verdicts[0].state, FS_ST_UNKNOWN);
	return &b->r.verdicts[0];
}

static void whose_it_is_is_not_known(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	two(&b);
	bench_run(&b);
	v = only(&b);
	assert_int_equal(v->filter, 0);
	assert_int_equal(v->frame, FRAME0);
	assert_int_equal(v->ncandidates, 2);
	assert_int_equal(v->candidates[0], FOX);
	assert_int_equal(v->candidates[1], DELTA);
	assert_int_equal(v->waiter_thread, WORKER);
	assert_non_null(strstr(v->summary, "NotificationEvent"));
	assert_non_null(strstr(v->summary, "18 minutes"));
	assert_non_null(strstr(v->summary, "FoxMon or DeltaAv"));
	assert_true(bench_cites(v->because, v->nbecause, "FilterUnloadLock.OwnerThread"));
	assert_true(mm_unchecked(&b.r, "unload-callback-blocked"));
	/* how many references one has was not read: it may be that, and the other is not accused */
	b.k.filter[b.fox].object.pointer_count = mm_missing();
	bench_run(&b);
	assert_int_equal(only(&b)->filter, 0);
	assert_int_equal(only(&b)->ncandidates, 2);
	assert_non_null(strstr(only(&b)->summary, "FoxMon or DeltaAv"));
	arena_deinit(&b.a);
}

static void no_filter_shows_an_unload(void **state)
{
	struct bench b = {0};

	(void)state;
	two(&b);
	b.k.filter[b.fox].object.pointer_count = b.k.filter[b.delta].object.pointer_count =
		mm_value(1);
	bench_run(&b);
	assert_int_equal(only(&b)->ncandidates, 2);
	assert_non_null(strstr(only(&b)->summary, "no filter's PointerCount"));
	/* nor was the thread read */
	b.k.m.nthreads = 0;
	b.k.owner[b.lock][0].index = -1;
	bench_run(&b);
	assert_int_equal(only(&b)->waiter_thread, 0);
	assert_int_equal(only(&b)->culprit.address, WORKER);
	assert_non_null(strstr(only(&b)->summary, "not read"));
	/* nor is it known who that is */
	b.k.lock[b.lock].nowners = 0;
	bench_run(&b);
	assert_null(only(&b)->culprit.kind);
	/* look-alike: nobody owns it */
	two(&b);
	b.k.lock[b.lock].active_count = mm_value(0);
	b.k.lock[b.lock].exclusive = false;
	b.k.lock[b.lock].nowners = 0;
	bench_run(&b);
	assert_int_equal(b.r.nverdicts, 0);
	assert_false(mm_unchecked(&b.r, "unload-callback-blocked"));
	arena_deinit(&b.a);
}

static void a_thread_that_does_not_wait_hangs_nowhere(void **state)
{
	static const uint64_t up[] = {FS_THREAD_READY, FS_THREAD_RUNNING, FS_THREAD_STANDBY,
				      FS_THREAD_DEFERRED_READY};
	struct bench b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(up) / sizeof(up[0]); i++) {
		two(&b);
		b.k.thread[b.worker].state = mm_value(up[i]);
		bench_run(&b);
		assert_int_equal(only(&b)->waiter_thread, 0);
		assert_non_null(strstr(only(&b)->summary, "does not wait"));
		/* only one can be it */
		b.k.filter[b.fox].object.pointer_count = mm_value(1);
		bench_run(&b);
		assert_int_equal(only(&b)->filter, DELTA);
		assert_int_equal(only(&b)->waiter_thread, 0);
		assert_int_equal(only(&b)->culprit.address, WORKER);
		assert_true(mm_unchecked(&b.r, "unload-callback-blocked"));
	}
	arena_deinit(&b.a);
}

/* A filter that drains says for itself what it does. */
static void an_unload_that_is_known_is_told_once(void **state)
{
	struct bench b = {0};

	(void)state;
	bench_begin(&b);
	bench_s3(&b, 1);
	bench_run(&b);
	assert_int_equal(b.r.nverdicts, 1);
	assert_int_equal(b.r.verdicts[0].filter, FOX);
	/* its waiter and the lock's owner were not read */
	b.k.m.nthreads = 0;
	b.k.lock[b.lock].nowners = 0;
	bench_run(&b);
	assert_int_equal(b.r.nverdicts, 1);
	assert_int_equal(b.r.verdicts[0].filter, FOX);
	arena_deinit(&b.a);
}

/* The lock is held to the end, when the filter is a leftover already. */
static void an_unload_of_a_leftover(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	two(&b);
	b.k.filter[b.delta].object.pointer_count = mm_value(1);
	mm_zombie(&b.k, b.fox);
	bench_run(&b);
	v = mm_verdict(&b.r, 0);
	assert_int_equal(v->ncandidates, 1);
	assert_int_equal(v->candidates[0], FOX);
	assert_non_null(strstr(v->summary, "FoxMon (unregistered already)"));
	assert_int_equal(mm_verdict(&b.r, FOX)->state, FS_ST_LEFTOVER);
	/* nothing is known of the thread: the leftover's verdict is all there is to say */
	b.k.m.nthreads = 0;
	b.k.owner[b.lock][0].index = -1;
	bench_run(&b);
	assert_null(mm_verdict(&b.r, 0));
	assert_int_equal(mm_verdict(&b.r, FOX)->state, FS_ST_LEFTOVER);
	arena_deinit(&b.a);
}

/* Who waits for the lock may be one of them; who runs it may be another. */
static void a_begun_unload_and_a_third_filter(void **state)
{
	struct bench b = {0};

	(void)state;
	two(&b);
	b.k.filter[b.delta].flags.value.v |= FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS;
	bench_run(&b);
	assert_string_equal(mm_verdict(&b.r, DELTA)->cause_id, "unload-callback-blocked");
	assert_non_null(strstr(mm_verdict(&b.r, DELTA)->summary, "may not have"));
	assert_int_equal(mm_verdict(&b.r, 0)->ncandidates, 2);
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_it_is_is_not_known),
		cmocka_unit_test(no_filter_shows_an_unload),
		cmocka_unit_test(a_thread_that_does_not_wait_hangs_nowhere),
		cmocka_unit_test(an_unload_that_is_known_is_told_once),
		cmocka_unit_test(an_unload_of_a_leftover),
		cmocka_unit_test(a_begun_unload_and_a_third_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
