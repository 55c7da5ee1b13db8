/* SPDX-License-Identifier: BSD-2-Clause */
/* Meanings: the pages of Microsoft's "Bug Check Code Reference". */
#include "fltscope/model.h"
#include "support/test.h"

/* The records and instructions that the pages name, and no others. */
static void what_points_where(void **state)
{
	static const struct {
		uint64_t code, first;
		enum fs_argument_kind kind[4];
	} known[] = {
		{0x0a, 0, {FS_ARG_PLAIN, FS_ARG_PLAIN, FS_ARG_PLAIN, FS_ARG_INSTRUCTION}},
		{0xd1, 0, {FS_ARG_PLAIN, FS_ARG_PLAIN, FS_ARG_PLAIN, FS_ARG_INSTRUCTION}},
		{0x1e, 0xc0000005, {FS_ARG_EXCEPTION_CODE, FS_ARG_INSTRUCTION}},
		{0x3b, 0xc0000005, {FS_ARG_EXCEPTION_CODE, FS_ARG_INSTRUCTION, FS_ARG_CONTEXT}},
		{0x50, 0, {FS_ARG_PLAIN, FS_ARG_PLAIN, FS_ARG_INSTRUCTION}},
		{0x7e, 0, {FS_ARG_EXCEPTION_CODE, FS_ARG_INSTRUCTION, FS_ARG_EXCEPTION_RECORD,
			   FS_ARG_CONTEXT}},
		{0x1000007e, 0, {FS_ARG_EXCEPTION_CODE, FS_ARG_INSTRUCTION, FS_ARG_EXCEPTION_RECORD,
				 FS_ARG_CONTEXT}},
		{0x8e, 0, {FS_ARG_EXCEPTION_CODE, FS_ARG_INSTRUCTION, FS_ARG_TRAP_FRAME}},
		{0x1000008e, 0, {FS_ARG_EXCEPTION_CODE, FS_ARG_INSTRUCTION, FS_ARG_TRAP_FRAME}},
		{0x139, 3, {FS_ARG_PLAIN, FS_ARG_TRAP_FRAME, FS_ARG_EXCEPTION_RECORD}},
		{0x139, 77, {FS_ARG_PLAIN, FS_ARG_TRAP_FRAME, FS_ARG_EXCEPTION_RECORD}},
		{0xce, 0, {FS_ARG_PLAIN, FS_ARG_PLAIN, FS_ARG_INSTRUCTION}},
		{0xc9, 0x226, {FS_ARG_PLAIN, FS_ARG_CODE}},
		{0xc9, 0x3, {FS_ARG_PLAIN}},
		{0xe3, 0, {FS_ARG_PLAIN}},
		{0xf5, 0x6d, {FS_ARG_PLAIN}},
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		bool sure = false;
		const struct fs_argument *a =
			fs_bugcheck_arguments(known[i].code, known[i].first, &sure);

		assert_non_null(a);
		assert_true(sure);
		for (j = 0; j < 4; j++)
			if (a[j].kind != known[i].kind[j])
				fail_msg("0x%x, parameter %zu", (unsigned)known[i].code, j + 1);
	}
}

static void what_depends(void **state)
{
	bool sure = true;

	(void)state;
	assert_non_null(fs_bugcheck_arguments(0x24, 0, &sure));
	assert_false(sure); /* only with NtfsExceptionFilter on the stack */
	assert_string_equal(fs_bugcheck_arguments(0x9f, 3, NULL)[3].name, "the IRP that is held up");
	assert_string_equal(fs_bugcheck_arguments(0x9f, 9, NULL)[3].name, "depends on argument 1");
	assert_string_equal(fs_bugcheck_arguments(0xf5, 0x6e, NULL)[2].name, "CONTEXT_NODE");
	/* the look-alikes: no page, or another one */
	assert_null(fs_bugcheck_arguments(0x161, 0, NULL));
	assert_null(fs_bugcheck_arguments(0x2000007e, 0, NULL));
	assert_null(fs_bugcheck_arguments(0x10000000000007eULL, 0, NULL));
}

/* Every row is whole, for every first parameter. */
static void every_row_has_four(void **state)
{
	uint64_t code, first;
	size_t i;

	(void)state;
	for (code = 0; code < 0x200; code++)
		for (first = 0; first < 0x220; first++) {
			const struct fs_argument *a = fs_bugcheck_arguments(code, first, NULL);

			for (i = 0; a && i < 4; i++)
				assert_true(a[i].name && a[i].name[0]);
		}
}

static void names_of_exceptions(void **state)
{
	(void)state;
	assert_string_equal(fs_exception_name(0xffffffffc0000005), "STATUS_ACCESS_VIOLATION");
	assert_string_equal(fs_exception_name(0x80000003), "STATUS_BREAKPOINT");
	assert_null(fs_exception_name(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_points_where),
		cmocka_unit_test(what_depends),
		cmocka_unit_test(every_row_has_four),
		cmocka_unit_test(names_of_exceptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
