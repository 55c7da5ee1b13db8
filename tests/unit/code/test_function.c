/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/test.h"

#include "code/function.h"
#include "support/article_bytes.h"

/* The article's listing is the whole function: every line once, in order. */
static void article_lines(void **state)
{
	struct code_function fn = {0};
	struct code c;
	struct code_source s;
	size_t i;

	(void)state;
	article(&c);
	s = source(&c);
	assert_int_equal(code_function_walk(&s, UNLOAD, UNLOAD, UNLOAD + c.n, &fn, NULL), FS_OK);
	assert_true(fn.complete);
	assert_int_equal(fn.lines.n, UNLOAD_LINES);
	for (i = 0; i < UNLOAD_LINES; i++) {
		assert_int_equal(fn.lines.v[i].va, article_unload[i].va);
		assert_int_equal(fn.lines.v[i].size, strlen(article_unload[i].bytes) / 2);
	}
	code_function_deinit(&fn);
	/* the same without bounds: nothing jumps far */
	memset(&fn, 0, sizeof(fn));
	assert_int_equal(code_function_walk(&s, UNLOAD, 0, 0, &fn, NULL), FS_OK);
	assert_int_equal(fn.lines.n, UNLOAD_LINES);
	code_function_deinit(&fn);
}

static void cut_short(void **state)
{
	struct code_function fn = {0};
	struct fs_error err = {0};
	struct code c;
	struct code_source s;
	size_t n, whole;

	(void)state;
	article(&c);
	whole = c.n;
	s = source(&c);
	/* the first instruction has three bytes: with less there is nothing to list */
	for (n = 3; n < whole; n++) {
		memset(&fn, 0, sizeof(fn));
		c.n = n;
		assert_int_equal(code_function_walk(&s, UNLOAD, 0, 0, &fn, &err), FS_OK);
		assert_false(fn.complete);
		assert_int_equal(fn.why.status, FS_NOT_IN_DUMP);
		assert_true(fn.why.address >= UNLOAD + n); /* where it goes on, or jumps to */
		assert_true(fn.lines.n < UNLOAD_LINES);
		code_function_deinit(&fn);
	}
	memset(&fn, 0, sizeof(fn));
	c.n = 0;
	assert_int_equal(code_function_walk(&s, UNLOAD, 0, 0, &fn, &err), FS_NOT_IN_DUMP);
	assert_int_equal(err.address, UNLOAD);
	assert_int_equal(code_function_walk(&s, s.end, 0, 0, &fn, &err), FS_INVALID);
	code_function_deinit(&fn);
}

/* je +2; jmp far (backwards, out of the function); ret; int 3; ret never reached */
static void branches(void **state)
{
	static const uint8_t bytes[] = {0x74, 0x02, 0xeb, 0x80, 0xc3, 0xcc, 0xc3};
	struct code c = {.va = UNLOAD, .n = sizeof(bytes)};
	struct code_source s = source(&c);
	struct code_function fn = {0};

	(void)state;
	memcpy(c.bytes, bytes, sizeof(bytes));
	assert_int_equal(code_function_walk(&s, UNLOAD, 0, 0, &fn, NULL), FS_OK);
	assert_true(fn.complete);
	assert_int_equal(fn.lines.n, 3);
	assert_int_equal(fn.lines.v[2].va, UNLOAD + 4);
	code_function_deinit(&fn);
}

/* Nothing but nops to the end of the image: bounded, and said. */
static enum fs_status read_nops(void *ctx, uint64_t va, void *buf, size_t n, struct fs_error *err)
{
	(void)ctx;
	(void)va;
	(void)err;
	memset(buf, 0x90, n);
	return FS_OK;
}

static void bounded(void **state)
{
	struct code_source s = {
		.machine = INSN_X64, .read = read_nops, .begin = 0, .end = UINT64_MAX};
	struct code_function fn = {0};

	(void)state;
	assert_int_equal(code_function_walk(&s, 0x1000, 0, 0, &fn, NULL), FS_OK);
	assert_false(fn.complete);
	assert_int_equal(fn.why.status, FS_LIMIT);
	assert_int_equal(fn.lines.n, CODE_MAX_INSNS);
	code_function_deinit(&fn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(article_lines),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(branches),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
