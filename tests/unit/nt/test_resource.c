/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ERESOURCE: owners and waiters. Offsets: 0x10 OwnerTable, 0x18 ActiveCount, 0x1a Flag, 0x20
 * SharedWaiters, 0x28 ExclusiveWaiters, 0x30 OwnerEntry, 0x48 and 0x4c the numbers of
 * waiters, on every build.
 */
#include "support/thread_world.h"

static const struct nt_lock_place place = {"a lock", FS_LOCK_OTHER, 3, false};

static void empty(struct thread_world *w, const char *layout)
{
	unsigned i;

	tw_make(w, layout);
	tw_three(w);
	for (i = 0; i < 0x68; i += 8)
		fake_write(w->d, TW_LOCK + i, 0, 8);
}

static void own(struct thread_world *w, uint64_t thread, uint16_t count, uint16_t flag)
{
	fake_write(w->d, TW_LOCK + 0x18, count, 2);
	fake_write(w->d, TW_LOCK + 0x1a, flag, 2);
	fake_write(w->d, TW_LOCK + 0x30, thread, 8);
	fake_write(w->d, TW_LOCK + 0x38, 0x10, 4); /* OwnerCount 2 from 1607, 4 before */
}

/* Everything is read as the session does; the lock, NULL when it was not kept. */
static const struct fs_lock *look(struct thread_world *w)
{
	tw_begin(w);
	assert_true(nt_read_lock(w->k, TW_LOCK, &place));
	nt_read_processes(w->k);
	nt_finish_locks(w->k);
	nt_finish_threads(w->k);
	return fs_lock_at(&w->model, TW_LOCK);
}

static void one_that_nobody_has_is_not_kept(void **state)
{
	const struct nt_lock_place keep = {"a lock", FS_LOCK_FRAME, 0, true};
	struct thread_world w;
	const struct fs_lock *l;

	(void)state;
	empty(&w, "nt/19041-x64.layout");
	assert_null(look(&w));
	assert_true(nt_read_lock(w.k, TW_LOCK, &keep));
	l = fs_lock_at(&w.model, TW_LOCK);
	assert_false(l->owned);
	assert_int_equal(l->owners_looked, FS_LOOKED_WHOLE);
	/* none there: no gap, unless it must be kept */
	assert_false(nt_read_lock(w.k, 0xffffe00000000000, &place));
	assert_int_equal(w.model.ngaps, 0);
	assert_false(nt_read_lock(w.k, 0xffffe00000000000, &keep));
	assert_int_equal(w.model.ngaps, 1);
	tw_free(&w);
}

static void an_exclusive_owner(void **state)
{
	static const struct {
		const char *layout;
		uint64_t count;
	} cases[] = {
		{"nt/7601-x64.layout", 4}, {"nt/14393-x64.layout", 2}, {"nt/19041-x64.layout", 2}};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct thread_world w;
		const struct fs_lock *l;

		empty(&w, cases[i].layout);
		own(&w, TW_THREAD2, 1, 0x80);
		l = look(&w);
		assert_true(l->owned && l->exclusive);
		assert_int_equal(l->nowners, 1);
		assert_int_equal(l->owners_looked, FS_LOOKED_WHOLE);
		assert_true(l->owners[0].is_thread);
		assert_true(l->owners[0].count.v == cases[i].count);
		assert_true(w.model.threads[l->owners[0].index].address == TW_THREAD2);
		assert_string_equal(l->what, "a lock");
		assert_int_equal(l->index, 3);
		assert_int_equal(l->waiters_looked, FS_LOOKED_WHOLE);
		tw_free(&w);
	}
}

static void owners_that_share(void **state)
{
	const uint64_t table = TW_LOCK + 0x800;
	struct thread_world w;
	const struct fs_lock *l;

	(void)state;
	empty(&w, "nt/19041-x64.layout");
	own(&w, TW_THREAD, 3, 0);
	fake_write(w.d, TW_LOCK + 0x10, table, 8);
	fake_write(w.d, table + 8, 4, 4); /* entries, the first of which has none */
	fake_write(w.d, table + 0x10, TW_THREAD2, 8);
	fake_write(w.d, table + 0x18, 8, 8);
	fake_write(w.d, table + 0x20, 0, 8);
	fake_write(w.d, table + 0x28, 0, 8);
	fake_write(w.d, table + 0x30, TW_THREAD3 | 3, 8); /* no thread: an owner pointer */
	fake_write(w.d, table + 0x38, 8, 8);
	l = look(&w);
	assert_int_equal(l->nowners, 3);
	assert_int_equal(l->owners_looked, FS_LOOKED_WHOLE);
	assert_true(w.model.threads[l->owners[1].index].address == TW_THREAD2);
	assert_false(l->owners[2].is_thread);
	assert_int_equal(l->owners[2].index, -1);
	assert_true(l->owners[2].thread.v == (TW_THREAD3 | 3));
	assert_false(l->exclusive);
	tw_free(&w);
}

static void a_table_that_lies(void **state)
{
	static const uint32_t sizes[] = {0xffffffff, 65537, 65536, 257};
	const uint64_t table = TW_LOCK + 0x800;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct thread_world w;
		const struct fs_lock *l;

		empty(&w, "nt/19041-x64.layout");
		own(&w, TW_THREAD, 1, 0);
		fake_write(w.d, TW_LOCK + 0x10, table, 8);
		fake_write(w.d, table + 8, sizes[i], 4);
		l = look(&w);
		/* what stands there is told, with a gap for the rest */
		assert_int_equal(l->nowners, 1);
		assert_int_equal(l->owners_looked, FS_LOOKED_PARTLY);
		assert_int_equal(w.model.ngaps, 1);
		tw_free(&w);
	}
}

static void a_table_that_is_nowhere(void **state)
{
	static const uint64_t where[] = {0x1000, 0xfffffffffffffff0, 0xffffe00000000000};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		struct thread_world w;
		const struct fs_lock *l;

		empty(&w, "nt/19041-x64.layout");
		own(&w, TW_THREAD, 1, 0x80);
		fake_write(w.d, TW_LOCK + 0x10, where[i], 8);
		l = look(&w);
		assert_int_equal(l->nowners, 1);
		assert_int_equal(l->owners_looked, FS_LOOKED_PARTLY);
		tw_free(&w);
	}
}

static void an_owner_that_is_no_thread(void **state)
{
	struct thread_world w;
	const struct fs_lock *l;

	(void)state;
	empty(&w, "nt/19041-x64.layout");
	own(&w, TW_EVENT, 1, 0x80);
	l = look(&w);
	assert_true(l->owners[0].is_thread); /* by its low bits */
	assert_int_equal(l->owners[0].index, -1);
	tw_free(&w);
}

/* To 8.1: a semaphore for those that share, an event for the others. */
static void waiters_on_an_object(void **state)
{
	struct thread_world w;
	const struct fs_lock *l;

	(void)state;
	empty(&w, "nt/7601-x64.layout");
	own(&w, TW_THREAD2, 1, 0x80);
	tw_object(&w, TW_EVENT + 0x200, 5);
	tw_wait(&w, TW_THREAD, 0, 1, TW_EVENT + 0x200);
	fake_write(w.d, TW_LOCK + 0x20, TW_EVENT + 0x200, 8);
	fake_write(w.d, TW_LOCK + 0x28, TW_EVENT, 8); /* TW_THREAD3 waits for that */
	fake_write(w.d, TW_LOCK + 0x48, 1, 4);
	fake_write(w.d, TW_LOCK + 0x4c, 1, 4);
	l = look(&w);
	assert_int_equal(l->nwaiters, 2);
	assert_int_equal(l->waiters_looked, FS_LOOKED_WHOLE);
	assert_true(w.model.threads[l->waiters[0].thread].address == TW_THREAD);
	assert_true(l->waiters[0].exclusive_known && !l->waiters[0].exclusive);
	assert_true(w.model.threads[l->waiters[1].thread].address == TW_THREAD3);
	assert_true(l->waiters[1].exclusive_known && l->waiters[1].exclusive);
	assert_int_equal(l->waiters[1].how, FS_WAITER_OBJECT);
	tw_free(&w);
}

/* An entry on the thread's stack with an event behind it, and the thread that waits for that. */
static uint64_t entry(struct thread_world *w, uint64_t thread, uint64_t stack, uint64_t next)
{
	uint64_t at = stack - 0x300;

	fake_write(w->d, at, next, 8);
	tw_object(w, at + 0x10, 1);
	tw_wait(w, thread, 0, 1, at + 0x10);
	fake_write(w->d, thread + w->o->wait_reason, 27, 1);
	return at;
}

static void waiters_on_a_chain(void **state)
{
	struct thread_world w;
	const struct fs_lock *l;
	uint64_t second;

	(void)state;
	empty(&w, "nt/14393-x64.layout");
	own(&w, TW_THREAD3, 1, 0x80);
	second = entry(&w, TW_THREAD2, TW_STACK2, 0);
	fake_write(w.d, TW_LOCK + 0x20, entry(&w, TW_THREAD, TW_STACK, second), 8);
	fake_write(w.d, TW_LOCK + 0x48, 2, 4);
	l = look(&w);
	assert_int_equal(l->nwaiters, 2);
	assert_int_equal(l->waiters_looked, FS_LOOKED_WHOLE);
	assert_int_equal(l->waiters[1].how, FS_WAITER_CHAIN);
	assert_true(l->waiters[1].value == second);
	assert_true(w.model.threads[l->waiters[1].thread].address == TW_THREAD2);
	tw_free(&w);
	/* a chain that comes back to itself, with the largest count */
	empty(&w, "nt/14393-x64.layout");
	own(&w, TW_THREAD3, 1, 0x80);
	second = entry(&w, TW_THREAD2, TW_STACK2, TW_STACK2 - 0x300);
	fake_write(w.d, TW_LOCK + 0x20, second, 8);
	fake_write(w.d, TW_LOCK + 0x48, 0xffffffff, 4);
	l = look(&w);
	assert_int_equal(l->nwaiters, 1);
	assert_int_equal(l->waiters_looked, FS_LOOKED_PARTLY);
	assert_non_null(l->waiters_why);
	tw_free(&w);
}

static void waiters_behind_an_untyped_pointer(void **state)
{
	struct thread_world w;
	const struct fs_lock *l;

	(void)state;
	empty(&w, "nt/19041-x64.layout");
	own(&w, TW_THREAD3, 1, 0x80);
	fake_write(w.d, TW_LOCK + 0x28, entry(&w, TW_THREAD, TW_STACK, 0), 8);
	fake_write(w.d, TW_LOCK + 0x4c, 1, 4);
	l = look(&w);
	assert_int_equal(l->nwaiters, 1);
	assert_int_equal(l->waiters[0].how, FS_WAITER_OBJECT);
	assert_true(l->waiters[0].exclusive_known && l->waiters[0].exclusive);
	assert_true(w.model.threads[l->waiters[0].thread].address == TW_THREAD);
	tw_free(&w);
	/* it leads to no stack of a thread that waits */
	empty(&w, "nt/19041-x64.layout");
	own(&w, TW_THREAD3, 1, 0x80);
	fake_write(w.d, TW_LOCK + 0x28, TW_STACK2 - 0x300, 8);
	fake_write(w.d, TW_LOCK + 0x4c, 1, 4);
	l = look(&w);
	assert_int_equal(l->nwaiters, 0);
	assert_int_equal(l->waiters_looked, FS_LOOKED_PARTLY);
	tw_free(&w);
}

/* Nothing leads to them: they wait for a resource, and its address is on their stacks. */
static void waiters_by_their_stacks(void **state)
{
	struct thread_world w;
	const struct fs_lock *l;

	(void)state;
	empty(&w, "nt/19041-x64.layout");
	own(&w, TW_THREAD3, 1, 0x80);
	(void)entry(&w, TW_THREAD, TW_STACK, 0);
	(void)entry(&w, TW_THREAD2, TW_STACK2, 0);
	fake_write(w.d, TW_STACK - 0x100, TW_LOCK, 8);
	/* below where it stands: left from a call that is over */
	fake_write(w.d, TW_STACK2 - 0x800, TW_LOCK, 8);
	fake_write(w.d, TW_LOCK + 0x4c, 2, 4);
	l = look(&w);
	assert_int_equal(l->nwaiters, 1);
	assert_int_equal(l->waiters[0].how, FS_WAITER_STACK);
	assert_true(l->waiters[0].at == TW_STACK - 0x100);
	assert_int_equal(l->waiters_looked, FS_LOOKED_PARTLY);
	tw_free(&w);
	/* it waits for something else */
	empty(&w, "nt/19041-x64.layout");
	own(&w, TW_THREAD3, 1, 0x80);
	(void)entry(&w, TW_THREAD, TW_STACK, 0);
	fake_write(w.d, TW_THREAD + 0x283, 36, 1);
	fake_write(w.d, TW_STACK - 0x100, TW_LOCK, 8);
	fake_write(w.d, TW_LOCK + 0x4c, 1, 4);
	assert_int_equal(look(&w)->nwaiters, 0);
	tw_free(&w);
}

static void truncation(void **state)
{
	unsigned cut;

	(void)state;
	/* the last thing that is wanted is NumberOfExclusiveWaiters */
	for (cut = 1; cut < 0x50; cut++) {
		struct thread_world w;

		tw_make(&w, "nt/19041-x64.layout");
		tw_three(&w);
		(void)fake_at(w.d, TW_LOCK);
		own(&w, TW_THREAD2, 1, 0x80);
		w.d->cut = fake_get64(w.d, fake_entry(w.d, TW_LOCK, 1)) & 0x000ffffffffff000ull;
		w.d->cut += (TW_LOCK & 0xfff) + cut;
		tw_begin(&w);
		assert_false(nt_read_lock(w.k, TW_LOCK, &place));
		assert_int_equal(w.model.nlocks, 0);
		tw_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_nobody_has_is_not_kept),
		cmocka_unit_test(an_exclusive_owner),
		cmocka_unit_test(owners_that_share),
		cmocka_unit_test(a_table_that_lies),
		cmocka_unit_test(a_table_that_is_nowhere),
		cmocka_unit_test(an_owner_that_is_no_thread),
		cmocka_unit_test(waiters_on_an_object),
		cmocka_unit_test(waiters_on_a_chain),
		cmocka_unit_test(waiters_behind_an_untyped_pointer),
		cmocka_unit_test(waiters_by_their_stacks),
		cmocka_unit_test(truncation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
