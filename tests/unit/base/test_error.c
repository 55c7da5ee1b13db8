/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"
#include "base/checked.h"
#include "base/vec.h"
#include "fltscope/error.h"
#include "support/test.h"

static void context_is_prepended_and_kind_kept(void **state)
{
	struct fs_error err;

	(void)state;
	assert_int_equal(fs_fail_at(&err, FS_PAGED_OUT, 0x1234, "page %d", 7), FS_PAGED_OUT);
	assert_int_equal(fs_prepend(&err, FS_PAGED_OUT, "FLT_FILTER.Name"), FS_PAGED_OUT);
	assert_string_equal(err.text, "FLT_FILTER.Name: page 7");
	assert_true(err.has_address && err.address == 0x1234);
	assert_int_equal(fs_fail(NULL, FS_LIMIT, "x"), FS_LIMIT);
	assert_int_equal(fs_prepend(NULL, FS_LIMIT, "x"), FS_LIMIT);
}

static void long_text_is_cut_not_overrun(void **state)
{
	struct fs_error err;
	char big[2000];
	int i;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void)fs_fail(&err, FS_CORRUPT, "%s", big);
	for (i = 0; i < 5; i++)
		(void)fs_prepend(&err, FS_CORRUPT, "%s", big);
	assert_int_equal(strlen(err.text), FS_ERROR_TEXT - 1);
}

static void names_are_those_of_the_contract(void **state)
{
	(void)state;
	assert_string_equal(fs_status_name(FS_NOT_IN_DUMP), "not-in-dump");
	assert_string_equal(fs_status_name(FS_PAGED_OUT), "paged-out");
	assert_string_equal(fs_status_name(FS_CORRUPT), "corrupt");
	assert_string_equal(fs_status_name(FS_UNSUPPORTED), "unsupported");
	assert_string_equal(fs_status_name(FS_LIMIT), "limit");
	assert_string_equal(fs_status_name((enum fs_status)999), "unknown");
}

static void arithmetic_does_not_wrap(void **state)
{
	uint64_t r = 5;
	size_t s = 5;

	(void)state;
	assert_false(add_u64(UINT64_MAX, 1, &r));
	assert_false(mul_u64(UINT64_MAX / 2, 3, &r));
	assert_false(mul_size(SIZE_MAX, 2, &s));
	assert_true(r == 5 && s == 5);
	assert_true(range_ok(0, 0, 0));
	assert_true(range_ok(4, 4, 8));
	assert_false(range_ok(4, 5, 8));
	assert_false(range_ok(9, 0, 8));
	assert_false(range_ok(4, UINT64_MAX, 8));
}

static void arena_and_vec_give_zeroed_memory(void **state)
{
	struct arena a = {0};
	VEC(uint32_t) v = {0};
	unsigned char *p;
	size_t i;

	(void)state;
	p = arena_alloc(&a, 100000);
	for (i = 0; i < 100000; i++)
		assert_int_equal(p[i], 0);
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 5), "x-5");
	assert_null(arena_alloc(&a, SIZE_MAX / 2));
	for (i = 0; i < 1000; i++) {
		uint32_t *e = vec_push(&v);

		assert_int_equal(*e, 0);
		*e = (uint32_t)i;
	}
	assert_int_equal(v.v[999], 999);
	vec_free(&v);
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(context_is_prepended_and_kind_kept),
		cmocka_unit_test(long_text_is_cut_not_overrun),
		cmocka_unit_test(names_are_those_of_the_contract),
		cmocka_unit_test(arithmetic_does_not_wrap),
		cmocka_unit_test(arena_and_vec_give_zeroed_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
