/* SPDX-License-Identifier: BSD-2-Clause */
/* What threads wait for: arrays and rings of wait blocks, and objects that lie. */
#include "support/thread_world.h"

static void kinds_are_winDbg_s(void **state)
{
	static const struct {
		uint8_t type;
		const char *kind;
	} cases[] = {{0, "NotificationEvent"},
		     {1, "SynchronizationEvent"},
		     {2, "Mutant"},
		     {3, "Process"},
		     {4, "Queue"},
		     {5, "Semaphore"},
		     {6, "Thread"},
		     {8, "NotificationTimer"},
		     {9, "SynchronizationTimer"},
		     {0x80, "NotificationEvent"}, /* while it is locked */
		     {0x15, "PriQueue"},
		     {0xa, NULL},
		     {0x7f, NULL}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct thread_world w;
		const struct fs_thread *t;

		tw_make(&w, "nt/19041-x64.layout");
		tw_three(&w);
		fake_write(w.d, TW_EVENT, cases[i].type, 1);
		tw_read(&w);
		t = tw_at(&w, TW_THREAD3);
		assert_int_equal(t->nwaits, 1);
		assert_true(t->waits[0].object.v == TW_EVENT);
		assert_true(t->waits[0].type.v == cases[i].type);
		if (cases[i].kind)
			assert_string_equal(t->waits[0].kind, cases[i].kind);
		else
			assert_null(t->waits[0].kind);
		tw_free(&w);
	}
}

static void many_objects(void **state)
{
	static const char *const builds[] = {"nt/7601-x64.layout", "nt/19041-x64.layout"};
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct thread_world w;
		const struct fs_thread *t;

		tw_make(&w, builds[i]);
		tw_three(&w);
		tw_object(&w, TW_EVENT + 0x100, 2);
		fake_write(w.d, TW_EVENT + 0x100 + 0x28, TW_THREAD2, 8); /* KMUTANT.OwnerThread */
		tw_wait(&w, TW_THREAD, 0, 3, TW_EVENT);
		tw_wait(&w, TW_THREAD, 1, 3, TW_EVENT + 0x100);
		tw_object(&w, TW_THREAD2, 6);
		tw_wait(&w, TW_THREAD, 2, 3, TW_THREAD2);
		tw_read(&w);
		t = tw_at(&w, TW_THREAD);
		assert_int_equal(t->nwaits, 3);
		assert_int_equal(t->waits_looked, FS_LOOKED_WHOLE);
		assert_int_equal(t->waits[0].owner.state, FS_NONE);
		assert_string_equal(t->waits[1].kind, "Mutant");
		assert_true(w.model.threads[t->waits[1].owner_thread].address == TW_THREAD2);
		assert_string_equal(t->waits[2].kind, "Thread");
		assert_true(w.model.threads[t->waits[2].thread].address == TW_THREAD2);
		assert_ptr_equal(fs_thread_waits_for(t, TW_EVENT + 0x100), &t->waits[1]);
		tw_free(&w);
	}
}

static void more_than_a_thread_can_wait_for(void **state)
{
	struct thread_world w;
	const struct fs_thread *t;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	fake_write(w.d, TW_THREAD3 + 0x24b, 0xff, 1);
	tw_read(&w);
	t = tw_at(&w, TW_THREAD3);
	assert_int_equal(t->nwaits, 0);
	assert_int_equal(t->waits_looked, FS_LOOKED_PARTLY);
	assert_string_equal(w.model.gaps[0].what, "KTHREAD.WaitBlockCount");
	tw_free(&w);
	/* as many as may be: those behind the first are no blocks of its */
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	fake_write(w.d, TW_THREAD3 + 0x24b, 65, 1);
	tw_read(&w);
	t = tw_at(&w, TW_THREAD3);
	assert_int_equal(t->nwaits, 1);
	assert_int_equal(t->waits_looked, FS_LOOKED_PARTLY);
	tw_free(&w);
}

/* Windows 7: the ring never comes back to where it began. */
static void a_ring_that_is_none(void **state)
{
	struct thread_world w;
	const struct fs_thread *t;

	(void)state;
	tw_make(&w, "nt/7601-x64.layout");
	tw_three(&w);
	tw_wait(&w, TW_THREAD, 0, 2, TW_EVENT);
	tw_wait(&w, TW_THREAD, 1, 2, TW_EVENT);
	fake_write(w.d, TW_THREAD + 0x108 + 0x30 + 0x20, TW_THREAD + 0x108 + 0x30, 8);
	tw_read(&w);
	t = tw_at(&w, TW_THREAD);
	assert_int_equal(t->waits_looked, FS_LOOKED_PARTLY);
	assert_int_equal(t->nwaits, 65);
	tw_free(&w);
}

static void blocks_of_another_thread(void **state)
{
	struct thread_world w;
	const struct fs_thread *t;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	fake_write(w.d, TW_THREAD3 + 0x140 + 0x18, TW_THREAD, 8);
	tw_read(&w);
	t = tw_at(&w, TW_THREAD3);
	assert_int_equal(t->nwaits, 0);
	assert_int_equal(t->waits_looked, FS_LOOKED_PARTLY);
	assert_string_equal(w.model.gaps[0].what, "KWAIT_BLOCK.Thread");
	tw_free(&w);
}

static void objects_that_are_none(void **state)
{
	static const uint64_t where[] = {0x1000, 0, TW_EVENT + 1, 0xffffe00000000000};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		struct thread_world w;
		const struct fs_thread *t;

		tw_make(&w, "nt/19041-x64.layout");
		tw_three(&w);
		fake_write(w.d, TW_THREAD3 + 0x140 + 0x20, where[i], 8);
		tw_read(&w);
		t = tw_at(&w, TW_THREAD3);
		assert_int_equal(t->nwaits, 1);
		assert_int_equal(t->waits[0].type.state, FS_MISSING);
		assert_null(t->waits[0].kind);
		assert_int_equal(t->waits[0].thread, -1);
		assert_true(t->waits[0].type.gap >= 0);
		tw_free(&w);
	}
}

/* The thread is on no list: the event that it waits for leads to it. */
static void an_object_leads_to_its_waiters(void **state)
{
	struct thread_world w;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	w.sites.process_head = 0;
	tw_begin(&w);
	nt_reach_waiters(w.k, TW_EVENT);
	nt_reach_waiters(w.k, 0x1000);
	nt_reach_waiters(w.k, 0xffffe00000000000);
	nt_finish_threads(w.k);
	assert_int_equal(w.model.nthreads, 1);
	assert_false(tw_at(&w, TW_THREAD3)->by_process);
	/* and its process by its pointer */
	assert_true(w.model.processes[tw_at(&w, TW_THREAD3)->process].address == TW_OTHER);
	tw_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_winDbg_s),
		cmocka_unit_test(many_objects),
		cmocka_unit_test(more_than_a_thread_can_wait_for),
		cmocka_unit_test(a_ring_that_is_none),
		cmocka_unit_test(blocks_of_another_thread),
		cmocka_unit_test(objects_that_are_none),
		cmocka_unit_test(an_object_leads_to_its_waiters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
