/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of --ignore: a reason is mandatory, and what is wrong has a line number. */
#include "support/test.h"

#include "cli/ignore.h"

static struct ignore_file f;
static char why[256];

static bool parse_n(const char *s, size_t n)
{
	char *text = malloc(n + 1);

	assert_non_null(text);
	memcpy(text, s, n);
	text[n] = '\0';
	ignore_deinit(&f);
	why[0] = '\0';
	return ignore_parse(&f, text, n, why, sizeof(why));
}

static bool parse(const char *s)
{
	return parse_n(s, strlen(s));
}

static void lines(void **state)
{
	(void)state;
	assert_true(parse("# a comment\n"
			  "\n"
			  "zombie-leftover # all of them\r\n"
			  "\tzombie-leftover  *\t#  star\n"
			  "corrupt-list Frame 1 # with a space\n"
			  "corrupt-list C#Drv # hash # in both"));
	assert_int_equal(f.n, 4);
	assert_string_equal(f.lines[0].rule, "zombie-leftover");
	assert_null(f.lines[0].subject);
	assert_string_equal(f.lines[0].reason, "all of them");
	assert_int_equal(f.lines[0].line, 3);
	assert_null(f.lines[1].subject);
	assert_string_equal(f.lines[1].reason, "star");
	assert_string_equal(f.lines[2].subject, "Frame 1");
	assert_string_equal(f.lines[3].subject, "C#Drv");
	assert_string_equal(f.lines[3].reason, "hash # in both");
	assert_int_equal(f.lines[3].line, 6);
	assert_true(parse(""));
	assert_int_equal(f.n, 0);
	ignore_deinit(&f);
}

static void wrong(const char *text, const char *words)
{
	assert_false(parse(text));
	if (!strstr(why, words))
		fail_msg("'%s' does not say '%s'", why, words);
}

static void wrong_lines(void **state)
{
	(void)state;
	wrong("zombie-leftover", "line 1: there is no reason");
	wrong("zombie-leftover #ok\nzombie-leftover Beta\n", "line 2: there is no reason");
	wrong("zombie-leftover C#Drv\n", "line 1: there is no reason");
	wrong("\n\nzombie-leftover # \t\r\n", "line 3: the reason is empty");
	wrong("zombie # reason\n", "line 1: there is no such rule");
	wrong("ZOMBIE-LEFTOVER # reason\n", "line 1: there is no such rule");
	wrong("* # reason\n", "line 1: there is no such rule");
	assert_false(parse_n("zombie-leftover\0 # x", 20));
	assert_non_null(strstr(why, "no text"));
	ignore_deinit(&f);
}

/* Of a good file cut anywhere, each line is whole or an error. */
static void truncated(void **state)
{
	static const char good[] = "zombie-leftover Beta # because\ncorrupt-list # so\n";
	size_t n, i;

	(void)state;
	for (n = 0; n < sizeof(good); n++) {
		bool ok = parse_n(good, n);

		for (i = 0; ok && i < f.n; i++)
			assert_true(f.lines[i].reason[0] != '\0');
		assert_true(ok || strncmp(why, "line ", 5) == 0);
	}
	ignore_deinit(&f);
}

static void files(void **state)
{
	struct ignore_file g;

	(void)state;
	assert_false(ignore_read(&g, "/nonexistent/file", why, sizeof(why)));
	assert_true(why[0] != '\0');
	assert_false(ignore_read(&g, "/", why, sizeof(why)));
	assert_false(ignore_read(&g, "/dev/zero", why, sizeof(why)));
	assert_non_null(strstr(why, "more than"));
	ignore_deinit(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(wrong_lines),
		cmocka_unit_test(truncated),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
