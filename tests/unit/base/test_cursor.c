/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void reads_little_endian(void **state)
{
	struct cursor c;
	uint8_t a;
	uint64_t b;

	(void)state;
	cursor_init(&c, bytes, sizeof(bytes), 0x1000, "block");
	assert_int_equal(cursor_u8(&c, &a, NULL), FS_OK);
	assert_int_equal(cursor_u64(&c, &b, NULL), FS_OK);
	assert_int_equal(a, 1);
	assert_true(b == 0x0908070605040302ull);
	assert_int_equal(c.prev, 1);
}

static void never_advances_on_failure(void **state)
{
	struct cursor c;
	struct fs_error err;
	uint32_t v = 77;
	size_t n;

	(void)state;
	for (n = 0; n < 4; n++) {
		cursor_init(&c, bytes, n, 0x1000, "block");
		assert_int_equal(cursor_u32(&c, &v, &err), FS_CORRUPT);
		assert_int_equal(c.pos, 0);
		assert_int_equal(v, 77);
		assert_true(err.has_address && err.address == 0x1000);
		assert_non_null(strstr(err.text, "expected 4 bytes"));
	}
}

static void huge_lengths_do_not_wrap(void **state)
{
	struct cursor c;

	(void)state;
	cursor_init(&c, bytes, sizeof(bytes), 0, "block");
	assert_int_equal(cursor_skip(&c, 4, NULL), FS_OK);
	assert_int_equal(cursor_skip(&c, SIZE_MAX, NULL), FS_CORRUPT);
	assert_int_equal(cursor_seek(&c, SIZE_MAX, NULL), FS_CORRUPT);
	assert_int_equal(c.pos, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_little_endian),
		cmocka_unit_test(never_advances_on_failure),
		cmocka_unit_test(huge_lengths_do_not_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
