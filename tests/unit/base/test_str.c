/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/str.h"
#include "support/test.h"

static void utf16_gives_utf8(void **state)
{
	/* "aé€" and U+1F600 as a surrogate pair */
	static const uint8_t s[] = {'a', 0, 0xe9, 0, 0xac, 0x20, 0x3d, 0xd8, 0x00, 0xde};
	char buf[32];

	(void)state;
	assert_int_equal(utf16le_to_utf8(s, 5, buf, sizeof(buf)), 10);
	assert_string_equal(buf, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_true(utf16le_is_sane(s, 5));
}

static void utf16_never_overruns(void **state)
{
	static const uint8_t s[] = {0xac, 0x20, 0xac, 0x20, 0x3d, 0xd8, 0x00, 0xde};
	char buf[16];
	size_t n;

	(void)state;
	for (n = 1; n < sizeof(buf); n++) {
		memset(buf, 0x7e, sizeof(buf));
		assert_true(utf16le_to_utf8(s, 4, buf, n) < n);
		assert_int_equal(buf[n], n < sizeof(buf) ? 0x7e : 0);
	}
}

static void bad_utf16_is_replaced_and_not_sane(void **state)
{
	static const uint8_t lone_high[] = {0x3d, 0xd8, 'a', 0};
	static const uint8_t lone_low[] = {0x00, 0xde};
	static const uint8_t nul[] = {'a', 0, 0, 0, 'b', 0};
	static const uint8_t esc[] = {0x1b, 0};
	char buf[32];

	(void)state;
	(void)utf16le_to_utf8(lone_high, 2, buf, sizeof(buf));
	assert_string_equal(buf, "\xef\xbf\xbd"
				 "a");
	(void)utf16le_to_utf8(nul, 3, buf, sizeof(buf));
	assert_string_equal(buf, "a\xef\xbf\xbd"
				 "b");
	assert_false(utf16le_is_sane(lone_high, 2));
	assert_false(utf16le_is_sane(lone_low, 1));
	assert_false(utf16le_is_sane(nul, 3));
	assert_false(utf16le_is_sane(esc, 1));
}

static void terminal_sees_no_controls(void **state)
{
	char buf[128];

	(void)state;
	(void)escape_terminal("\\Device\\Mup", buf, sizeof(buf));
	assert_string_equal(buf, "\\Device\\Mup");
	(void)escape_terminal("a\x1b[31m\n\x7f", buf, sizeof(buf));
	assert_string_equal(buf, "a\\x1b[31m\\x0a\\x7f");
	(void)escape_terminal("\xc2\x9b", buf, sizeof(buf)); /* C1 CSI */
	assert_string_equal(buf, "\\u{009b}");
	(void)escape_terminal("\xe2\x80\xae", buf, sizeof(buf)); /* right-to-left override */
	assert_string_equal(buf, "\\u{202e}");
	(void)escape_terminal("\xff\xc0\xaf\xed\xa0\x80", buf,
			      sizeof(buf)); /* invalid, overlong, surrogate */
	assert_string_equal(buf, "\\xff\\xc0\\xaf\\xed\\xa0\\x80");
	(void)escape_terminal("\xed\x95\x9c", buf, sizeof(buf)); /* Hangul passes */
	assert_string_equal(buf, "\xed\x95\x9c");
}

static void escape_is_bounded_and_tells_its_length(void **state)
{
	char buf[8];

	(void)state;
	assert_int_equal(escape_terminal("\x01\x02\x03", buf, sizeof(buf)), 12);
	assert_string_equal(buf, "\\x01\\x0");
	assert_int_equal(utf8_repair("a\0b\xff", 4, buf, sizeof(buf)), 8);
	assert_string_equal(buf, "a\xef\xbf\xbd"
				 "b\xef\xbf");
}

static void addresses_in_every_spelling(void **state)
{
	static const char *const good[] = {"0xfffffa80039e5010", "fffffa80039e5010",
					   "fffffa80`039e5010", "0xFFFFFA80`039E5010"};
	static const char *const bad[] = {"",	 "0x",	"`", "fffffa80`", "fffffa80039e50100",
					  "12g", " 12", "-1"};
	uint64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		v = 0;
		assert_true(parse_address(good[i], &v));
		assert_true(v == 0xfffffa80039e5010ull);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		v = 7;
		assert_false(parse_address(bad[i], &v));
		assert_int_equal(v, 7);
	}
}

/* Hexadecimal, and decimal behind 0n, as WinDbg. */
static void numbers(void **state)
{
	static const char *const bad[] = {"0n", "0n12a", "0n18446744073709551616", "0n-1", "", "12g"};
	uint64_t v = 0;
	size_t i;

	(void)state;
	assert_true(parse_number("0n4712", &v) && v == 4712);
	assert_true(parse_number("0N0", &v) && v == 0);
	assert_true(parse_number("4712", &v) && v == 0x4712);
	assert_true(parse_number("0x1268", &v) && v == 4712);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(parse_number(bad[i], &v));
}

static void names_compare_as_windows_does(void **state)
{
	(void)state;
	assert_true(str_ieq("FltMgr.sys", "FLTMGR.SYS"));
	assert_false(str_ieq("FltMgr.sys", "FLTMGR.SY"));
	assert_true(str_istarts("FLTMGR.SYS", "fltmgr"));
	assert_false(str_istarts("FLT", "fltmgr"));
	assert_string_equal(path_base("\\SystemRoot\\System32\\drivers\\fltmgr.sys"), "fltmgr.sys");
	assert_string_equal(path_base("a/b\\c"), "c");
	assert_string_equal(path_base("c"), "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(utf16_gives_utf8),
		cmocka_unit_test(utf16_never_overruns),
		cmocka_unit_test(bad_utf16_is_replaced_and_not_sane),
		cmocka_unit_test(terminal_sees_no_controls),
		cmocka_unit_test(escape_is_bounded_and_tells_its_length),
		cmocka_unit_test(addresses_in_every_spelling),
		cmocka_unit_test(names_compare_as_windows_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
