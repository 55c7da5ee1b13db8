/* SPDX-License-Identifier: BSD-2-Clause */
/* PsActiveProcessHead, each process's threads, processors; what damage leaves of them. */
#include "support/thread_world.h"

static const char *const builds[] = {"nt/7601-x64.layout", "nt/14393-x64.layout",
				     "nt/19041-x64.layout"};
#define BUILDS (sizeof(builds) / sizeof(builds[0]))

static void lists_are_read_in_order(void **state)
{
	struct thread_world w;
	size_t i;

	(void)state;
	for (i = 0; i < BUILDS; i++) {
		const struct fs_process *p;

		tw_make(&w, builds[i]);
		tw_three(&w);
		tw_read(&w);
		p = w.model.processes;
		assert_int_equal(w.model.nprocesses, 2);
		assert_int_equal(w.model.threads_looked, FS_LOOKED_WHOLE);
		assert_null(w.model.threads_why);
		assert_true(p[0].address == TW_SYSTEM && p[1].address == TW_OTHER);
		assert_true(p[0].by_list && p[0].pid.v == 4 && p[1].pid.v == 0x2a4);
		assert_string_equal(p[0].image.s, "System");
		assert_string_equal(p[1].image.s, "services.exe");
		assert_true(p[0].directory_table_base.v == 0x1ad000);
		assert_int_equal(p[0].nthreads, 2);
		assert_int_equal(p[0].threads_stop, FS_STOP_CLOSED);
		assert_true(w.model.threads[p[0].threads[1]].address == TW_THREAD2);
		assert_int_equal(w.model.threads[p[1].threads[0]].process, 1);
		tw_free(&w);
	}
}

static void fields_of_a_thread(void **state)
{
	struct thread_world w;
	const struct fs_thread *t;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	fake_write(w.d, TW_THREAD + 0x154, 77, 4);     /* ContextSwitches */
	fake_write(w.d, TW_THREAD + 0x1b4, 0x1000, 4); /* WaitTime */
	fake_write(w.d, TW_THREAD3 + 0x1b4, 0xfffffff0, 4);
	fake_write(w.d, TW_THREAD3 + 0x283, 36, 1);	     /* WaitReason */
	fake_write(w.d, 0xfffff78000000320, 0x100000010, 8); /* TickCount */
	fake_write(w.d, 0xfffff78000000004, 0x0fa00000, 4);
	tw_read(&w);
	t = tw_at(&w, TW_THREAD);
	assert_true(t->tid.v == 0x10 && t->pid.v == 4 && t->context_switches.v == 77);
	assert_true(t->stack_limit.v == TW_STACK - 0x4000 && t->stack_base.v == TW_STACK);
	assert_true(t->kernel_stack.v == TW_STACK - 0x400);
	assert_string_equal(t->state_name, "Ready");
	assert_int_equal(t->waits_looked, FS_LOOKED_WHOLE);
	assert_int_equal(t->waiting_ticks.state, FS_NONE); /* it does not wait */
	assert_true(w.model.tick_100ns.v == 156250);
	t = tw_at(&w, TW_THREAD3);
	assert_string_equal(t->wait_reason_name, "WrRundown");
	/* WaitTime is the low half of the tick count, which went over */
	assert_true(t->waiting_ticks.v == 0x20);
	tw_free(&w);
}

/* The list of processes breaks: what lies behind the break is reached from the other end. */
static void a_broken_list_is_walked_from_both_ends(void **state)
{
	struct thread_world w;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	fake_write(w.d, TW_SYSTEM + 0x448, 0xfffff00000000000, 8); /* Flink: not mapped */
	tw_read(&w);
	assert_int_equal(w.model.nprocesses, 2);
	assert_int_equal(w.model.nthreads, 3);
	assert_int_equal(w.model.threads_looked, FS_LOOKED_PARTLY);
	assert_non_null(w.model.threads_why);
	tw_free(&w);
}

static void a_loop_ends(void **state)
{
	struct thread_world w;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	fake_write(w.d, TW_OTHER + 0x448, TW_SYSTEM + 0x448, 8);
	fake_write(w.d, TW_THREAD2 + 0x4e8, TW_THREAD + 0x4e8, 8);
	tw_read(&w);
	assert_int_equal(w.model.nprocesses, 2);
	assert_int_equal(w.model.processes[0].nthreads, 2);
	assert_int_equal(w.model.processes[0].threads_stop, FS_STOP_CYCLE);
	assert_true(w.model.processes[0].threads_gap >= 0);
	assert_int_equal(w.model.threads_looked, FS_LOOKED_PARTLY);
	tw_free(&w);
}

static void what_has_another_type_is_no_thread(void **state)
{
	struct thread_world w;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	fake_write(w.d, TW_THREAD2, 7, 1);
	fake_write(w.d, TW_OTHER, 0, 1);
	tw_read(&w);
	assert_int_equal(w.model.nprocesses, 1);
	assert_int_equal(w.model.nthreads, 1);
	assert_int_equal(w.model.threads_looked, FS_LOOKED_PARTLY);
	/* each has a gap with its address */
	assert_int_equal(w.model.ngaps >= 2, 1);
	tw_free(&w);
}

static void a_thread_on_two_lists_is_one_process_s(void **state)
{
	struct thread_world w;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_process(&w, TW_SYSTEM, 4, "System");
	tw_process(&w, TW_OTHER, 8, "x");
	tw_thread(&w, TW_THREAD, TW_SYSTEM, 0x10, TW_STACK);
	/* the other's head leads to it too */
	fake_links(w.d, TW_OTHER + 0x5e0, TW_THREAD + 0x4e8, TW_THREAD + 0x4e8);
	tw_read(&w);
	assert_int_equal(w.model.processes[0].nthreads, 1);
	assert_int_equal(w.model.processes[1].nthreads, 0);
	assert_int_equal(tw_at(&w, TW_THREAD)->process, 0);
	tw_free(&w);
}

/* Without the list: the thread that a processor runs, and its process. */
static void processors_lead_to_threads(void **state)
{
	const uint64_t prcb = 0xffffa00000050180;
	struct thread_world w;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	w.sites.process_head = 0;
	w.sites.processor_block = TW_BLOCK;
	w.sites.processors = 0xffffffff; /* bounded; the second pointer is none */
	fake_write(w.d, TW_BLOCK, prcb, 8);
	fake_write(w.d, TW_BLOCK + 8, 0, 8);
	fake_write(w.d, prcb + 8, TW_THREAD2, 8);
	fake_write(w.d, prcb + 0x10, 0, 8);
	fake_write(w.d, prcb + 0x18, TW_THREAD2, 8);
	fake_write(w.d, prcb + 0x24, 0, 4);
	tw_read(&w);
	assert_int_equal(w.model.nprocessors, 1);
	assert_true(w.model.processors[0].idle);
	assert_int_equal(w.model.nthreads, 1);
	assert_true(tw_at(&w, TW_THREAD2)->by_processor);
	assert_int_equal(tw_at(&w, TW_THREAD2)->processor, 0);
	assert_int_equal(w.model.nprocesses, 1);
	assert_false(w.model.processes[0].by_list);
	assert_int_equal(w.model.threads_looked, FS_LOOKED_PARTLY);
	tw_free(&w);
}

static bool same_or_missing(const struct fs_value *a, const struct fs_value *b)
{
	return a->state != FS_READ || (b->state == FS_READ && a->v == b->v);
}

/* Each page in turn is not in the dump, or ends somewhere in it: less is read, never
 * another thing. */
static void truncation(void **state)
{
	struct thread_world whole, w;
	size_t page, cut;

	(void)state;
	tw_make(&whole, "nt/19041-x64.layout");
	tw_three(&whole);
	tw_read(&whole);
	for (page = 0; page < whole.d->npages; page++)
		for (cut = 0; cut < 4096; cut += 56) {
			size_t i;

			tw_make(&w, "nt/19041-x64.layout");
			tw_three(&w);
			w.d->cut = w.d->page[page].pa + cut;
			tw_begin(&w);
			nt_read_processes(w.k);
			nt_finish_threads(w.k);
			assert_true(w.model.nthreads <= 3 && w.model.nprocesses <= 2);
			for (i = 0; i < w.model.nthreads; i++) {
				const struct fs_thread *t = &w.model.threads[i];
				const struct fs_thread *x = tw_at(&whole, t->address);

				assert_true(same_or_missing(&t->state, &x->state));
				assert_true(same_or_missing(&t->tid, &x->tid));
				assert_true(same_or_missing(&t->stack_limit, &x->stack_limit));
				assert_true(
					same_or_missing(&t->process_pointer, &x->process_pointer));
				assert_true(t->nwaits <= x->nwaits);
			}
			if (w.model.nthreads < 3)
				assert_int_not_equal(w.model.threads_looked, FS_LOOKED_WHOLE);
			tw_free(&w);
		}
	tw_free(&whole);
}

/* A layout that is not the image's own is proved by what was read. */
static void what_nothing_confirms_is_unproved(void **state)
{
	struct thread_world w;
	const struct fs_thread *t;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	w.sites.exact = false;
	tw_read(&w);
	t = tw_at(&w, TW_THREAD3);
	assert_false(t->stack_limit.unproved || t->process_pointer.unproved || t->tid.unproved);
	assert_false(t->waits[0].object.unproved);
	assert_true(t->wait_reason.unproved && t->context_switches.unproved);
	/* no processor was read, so no thread is known to run */
	assert_true(t->state.unproved);
	tw_free(&w);
	tw_make(&w, "nt/19041-x64.layout");
	tw_three(&w);
	w.sites.exact = false;
	fake_write(w.d, TW_THREAD + 0x38, 0x1234, 8); /* StackBase */
	fake_write(w.d, TW_THREAD2 + 0x38, 0x1234, 8);
	tw_read(&w);
	assert_true(tw_at(&w, TW_THREAD3)->stack_base.unproved);
	assert_int_equal(w.model.nt.nrefused, 3);
	tw_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_in_order),
		cmocka_unit_test(fields_of_a_thread),
		cmocka_unit_test(a_broken_list_is_walked_from_both_ends),
		cmocka_unit_test(a_loop_ends),
		cmocka_unit_test(what_has_another_type_is_no_thread),
		cmocka_unit_test(a_thread_on_two_lists_is_one_process_s),
		cmocka_unit_test(processors_lead_to_threads),
		cmocka_unit_test(truncation),
		cmocka_unit_test(what_nothing_confirms_is_unproved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
