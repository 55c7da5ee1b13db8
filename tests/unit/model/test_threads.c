/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose stack is it, who waits for what: questions about a hand-written model. */
#include "support/test.h"

#include "fltscope/model.h"

#define READ(x) {.v = (x), .state = FS_READ, .gap = -1}

static struct fs_wait waits[] = {
	{.address = 0x10, .object = READ(0xffffb00000001708u)},
	{.address = 0x40, .object = {.v = 0xffffb00000001800u, .state = FS_MISSING, .gap = 0}},
};
static struct fs_thread threads[] = {
	{.address = 0xffffa001, .stack_limit = READ(0x1000), .stack_base = READ(0x4000),
	 .waits = waits, .nwaits = 2},
	{.address = 0xffffa002, .stack_limit = READ(0x8000), .stack_base = READ(0x9000)},
	{.address = 0xffffa003, .stack_limit = READ(0x8800), .stack_base = READ(0xa000)},
	{.address = 0xffffa004, .stack_limit = {.gap = -1}, .stack_base = READ(0x7000)},
};
static struct fs_lock locks[] = {{.address = 0x500}, {.address = 0x600}};
static const struct fs_model model = {
	.threads = threads, .nthreads = 4, .locks = locks, .nlocks = 2};

static void stack_belongs_to_one_thread(void **state)
{
	(void)state;
	assert_int_equal(fs_thread_of_stack(&model, 0x1000), 0);
	assert_int_equal(fs_thread_of_stack(&model, 0x3fff), 0);
	assert_int_equal(fs_thread_of_stack(&model, 0x4000), -1);
	assert_int_equal(fs_thread_of_stack(&model, 0xfff), -1);
	/* limits that were not read bound nothing */
	assert_int_equal(fs_thread_of_stack(&model, 0x6fff), -1);
}

static void two_that_claim_the_same_stack_prove_nothing(void **state)
{
	(void)state;
	assert_int_equal(fs_thread_of_stack(&model, 0x8000), 1);
	assert_int_equal(fs_thread_of_stack(&model, 0x8900), -1);
	assert_int_equal(fs_thread_of_stack(&model, 0x9000), 2);
}

static void a_wait_names_its_object_only_when_read(void **state)
{
	(void)state;
	assert_ptr_equal(fs_thread_waits_for(&threads[0], 0xffffb00000001708u), &waits[0]);
	assert_null(fs_thread_waits_for(&threads[0], 0xffffb00000001800u));
	assert_null(fs_thread_waits_for(&threads[1], 0xffffb00000001708u));
}

static void by_address(void **state)
{
	(void)state;
	assert_int_equal(fs_thread_at(&model, 0xffffa003), 2);
	assert_int_equal(fs_thread_at(&model, 0xffffa005), -1);
	assert_ptr_equal(fs_lock_at(&model, 0x600), &locks[1]);
	assert_null(fs_lock_at(&model, 0x601));
}

static void states_have_the_kernel_s_names(void **state)
{
	(void)state;
	assert_string_equal(fs_thread_state_name(FS_THREAD_WAITING), "Waiting");
	assert_string_equal(fs_thread_state_name(FS_THREAD_RUNNING), "Running");
	assert_null(fs_thread_state_name(10));
	assert_null(fs_thread_state_name(~0ull));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stack_belongs_to_one_thread),
		cmocka_unit_test(two_that_claim_the_same_stack_prove_nothing),
		cmocka_unit_test(a_wait_names_its_object_only_when_read),
		cmocka_unit_test(by_address),
		cmocka_unit_test(states_have_the_kernel_s_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
