/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/test.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "emit/emit.h"
#include "support/capture.h"

static void rows_and_indent_are_those_of_fltkd(void **state)
{
	struct capture c;
	struct emit *e;

	(void)state;
	capture_begin(&c);
	e = emit_text_create(c.f, false);
	assert_true(emit_is_text(e));
	emit_line(e, "FLT_FILTER: %s", "x");
	emit_indent(e, 1);
	emit_row(e, "RundownRef", "0x%x", 0x44);
	emit_indent(e, 1);
	emit_row(e, "InstanceTeardownComplete", "%s", "y");
	emit_indent(e, -9);
	emit_blank(e);
	emit_line(e, "end   ");
	assert_true(capture_end(&c, e));
	/* transcripts 01: three columns a level, the label padded to 25 */
	assert_string_equal(c.text, "FLT_FILTER: x\n"
				    "   RundownRef               : 0x44\n"
				    "      InstanceTeardownComplete : y\n"
				    "\n"
				    "end\n");
	capture_free(&c);
}

static void structure_is_not_for_people(void **state)
{
	struct capture c;
	struct emit *e;

	(void)state;
	capture_begin(&c);
	e = emit_text_create(c.f, true);
	emit_object_begin(e, NULL);
	emit_string(e, "a", "b");
	emit_array_begin(e, "c");
	emit_uint(e, NULL, 1);
	emit_address(e, NULL, 2);
	emit_bool(e, NULL, true);
	emit_null(e, NULL);
	emit_array_end(e);
	emit_object_end(e);
	assert_true(capture_end(&c, e));
	assert_int_equal(c.n, 0);
	capture_free(&c);
}

/* Everything that a name can hold, in every kind of line. */
static void nothing_acts_on_the_terminal(void **state)
{
	static const char evil[] = "a\x1b[31mb\nc\rd\x07\xe2\x80\xae\xc2\x9b\xff\x7f";
	struct capture c;
	struct emit *e;
	size_t i, lines = 0;

	(void)state;
	capture_begin(&c);
	e = emit_text_create(c.f, false);
	emit_line(e, "%s", evil);
	emit_styled(e, EMIT_BAD, "%s", evil);
	emit_row(e, evil, "%s", evil);
	emit_paragraph(e, evil);
	assert_true(capture_end(&c, e));
	for (i = 0; i < c.n; i++) {
		unsigned char b = (unsigned char)c.text[i];

		lines += b == '\n';
		assert_true(b == '\n' || (b >= 0x20 && b < 0x7f));
	}
	assert_int_equal(lines, 4);
	assert_non_null(strstr(c.text, "a\\x1b[31mb\\x0ac\\x0dd\\x07\\u{202e}\\u{009b}\\xff\\x7f"));
	capture_free(&c);
}

static void colours_only_when_asked(void **state)
{
	struct capture c;
	struct emit *e;

	(void)state;
	capture_begin(&c);
	e = emit_text_create(c.f, true);
	emit_indent(e, 1);
	emit_styled(e, EMIT_BAD, "bad");
	emit_styled(e, EMIT_PLAIN, "plain");
	assert_true(capture_end(&c, e));
	assert_string_equal(c.text, "   \x1b[31mbad\x1b[0m\n   plain\n");
	capture_free(&c);
}

static void long_lines_are_whole(void **state)
{
	char name[5000];
	struct capture c;
	struct emit *e;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	capture_begin(&c);
	e = emit_text_create(c.f, false);
	emit_row(e, "Name", "%s", name);
	assert_true(capture_end(&c, e));
	assert_int_equal(c.n, 25 + 2 + 4999 + 1);
	capture_free(&c);
}

static void paragraphs_wrap(void **state)
{
	char text[1200] = "", *line;
	struct capture c;
	struct emit *e;
	int i, lines = 0, words = 0;

	(void)state;
	for (i = 0; i < 100; i++)
		strcat(text, "word\xc3\xa9  ");
	strcat(text, "an-address-that-is-much-longer-than-a-line-of-eighty-columns-but-stays-whole-"
		     "to-be-copied");
	capture_begin(&c);
	e = emit_text_create(c.f, false);
	emit_indent(e, 2);
	emit_paragraph(e, text);
	assert_true(capture_end(&c, e));
	for (line = strtok(c.text, "\n"); line; line = strtok(NULL, "\n")) {
		char *p;
		size_t columns = 0;

		lines++;
		assert_memory_equal(line, "      ", 6);
		assert_int_not_equal(line[6], ' ');
		for (p = line; (p = strstr(p, "word\xc3\xa9")); p++)
			words++;
		for (p = line; *p; p++)
			columns += ((unsigned char)*p & 0xc0) != 0x80;
		/* 6 + 12 words of 5 columns and 11 blanks = 77; one more would be 83 */
		if (!strstr(line, "an-address"))
			assert_true(columns <= 80 && (columns == 77 || words == 100));
	}
	assert_int_equal(words, 100);
	assert_int_equal(lines, 10);
	capture_free(&c);
}

static void a_full_disk_is_told(void **state)
{
	FILE *f = fopen("/dev/full", "w");
	struct emit *e;

	(void)state;
	if (!f) {
		print_message("skipped: no /dev/full\n");
		skip();
	}
	e = emit_text_create(f, false);
	emit_line(e, "lost");
	errno = 0;
	assert_false(emit_finish(e));
	assert_int_equal(errno, ENOSPC);
	(void)fclose(f);
}

static void a_reader_that_went_away_is_told(void **state)
{
	struct emit *e;
	int fd[2];
	FILE *f;

	(void)state;
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_int_equal(pipe(fd), 0);
	(void)close(fd[0]);
	f = fdopen(fd[1], "w");
	assert_non_null(f);
	e = emit_json_create(f);
	emit_object_begin(e, NULL);
	emit_object_end(e);
	errno = 0;
	assert_false(emit_finish(e));
	assert_int_equal(errno, EPIPE);
	(void)fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_and_indent_are_those_of_fltkd),
		cmocka_unit_test(structure_is_not_for_people),
		cmocka_unit_test(nothing_acts_on_the_terminal),
		cmocka_unit_test(colours_only_when_asked),
		cmocka_unit_test(long_lines_are_whole),
		cmocka_unit_test(paragraphs_wrap),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(a_reader_that_went_away_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
