/* SPDX-License-Identifier: BSD-2-Clause */
/* JUnit and SARIF, with strings that neither may let through as they are. */
#include "support/capture.h"
#include "support/test.h"

#include <jansson.h>

#include "emit/results.h"
#include "support/shown.h"

/* Everything that XML 1.0 cannot say or must quote: C0, DEL, C1, a lone continuation byte,
 * U+FFFE, U+FFFF, an encoded surrogate, markup, the end of CDATA. */
static const char hostile[] = "\x01\x08\x0b\x1b[31m\x7f\xc2\x85\x80\xef\xbf\xbe\xef\xbf\xbf"
			      "\xed\xa0\x80<b>&amp;]]>\"'\n\t";
static const char visible[] = "\\x01\\x08\\x0b\\x1b[31m\\x7f\\u{0085}\\x80\\u{fffe}\\u{ffff}"
			      "\\xed\\xa0\\x80&lt;b&gt;&amp;amp;]]&gt;";

static struct res_evidence evidence[] = {{hostile, hostile, hostile, 0xfffffa8006dcc9b0}};
static struct res_item items[] = {
	{.kind = RES_FINDING,
	 .fate = RES_COUNTS,
	 .rule = "a-rule",
	 .title = "A",
	 .level = RES_ERROR,
	 .message = hostile,
	 .confidence = "proved",
	 .subject = "filter",
	 .name = hostile,
	 .address = 0xfffffa8006dcc960,
	 .driver = hostile,
	 .state = "stuck",
	 .stage = "S0",
	 .evidence = evidence,
	 .nevidence = 1},
	{.kind = RES_FINDING,
	 .fate = RES_IGNORED,
	 .rule = "a-rule",
	 .title = "A",
	 .level = RES_WARNING,
	 .message = "ignored",
	 .confidence = "likely",
	 .subject = "filter",
	 .name = "x",
	 .address = 1,
	 .reason = hostile},
	{.kind = RES_FINDING,
	 .fate = RES_TOLD,
	 .rule = "b-rule",
	 .title = "B",
	 .level = RES_NOTE,
	 .message = "below",
	 .confidence = "likely",
	 .subject = "frame",
	 .address = 2},
	{.kind = RES_OPEN,
	 .fate = RES_COUNTS,
	 .rule = "c-rule",
	 .title = "C",
	 .level = RES_ERROR,
	 .message = "open"},
	{.kind = RES_OPEN,
	 .fate = RES_TOLD,
	 .rule = "d-rule",
	 .title = "D",
	 .level = RES_NOTE,
	 .message = "not needed"},
};
static struct res_rule rules[] = {
	{.id = "a-rule", .title = "A", .level = RES_ERROR, .asked = true},
	{.id = "b-rule", .title = "B", .level = RES_NOTE, .asked = true},
	{.id = "c-rule", .title = "C", .level = RES_ERROR, .asked = true},
	{.id = "d-rule", .title = "D", .level = RES_NOTE, .asked = true},
	{.id = "quiet", .title = "Q", .level = RES_ERROR, .asked = true},
	{.id = "not-asked", .title = "N", .level = RES_ERROR},
};
static const struct res_run run = {
	.tool = "fltscope", .version = "0", .fail_on = RES_ERROR, .rules = rules, .nrules = 6};
static const struct res_dump whole = {.path = hostile,
				      .status = RES_FINDINGS,
				      .looked_at = "all",
				      .items = items,
				      .nitems = 5,
				      .findings = 3,
				      .counted = 1,
				      .ignored = 1,
				      .open = 1};
static const struct res_dump broken = {
	.path = "/a b/c:d%.dmp", .status = RES_UNREADABLE, .problem = hostile};
static const struct res_dump half = {.path = "half", .status = RES_UNDECIDED, .problem = "half"};

static char *written(struct results *(*create)(FILE *out, struct fs_error *err))
{
	static const struct res_unused unused = {"file", "a-rule", NULL, hostile, 7};
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct results *w = create(f, NULL);

	assert_non_null(w);
	results_begin(w, &run);
	results_dump(w, &whole);
	results_dump(w, &broken);
	results_dump(w, &half);
	assert_int_equal(w->totals.status, RES_UNREADABLE);
	assert_true(results_end(w, &unused, 1));
	(void)fclose(f);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("not there: %s\n%s", part, text);
}

static size_t times(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

static void junit(void **state)
{
	char *text = written(results_junit_create);
	const unsigned char *p;

	(void)state;
	for (p = (const unsigned char *)text; *p; p++)
		if ((*p < 0x20 && *p != '\n') || *p == 0x7f)
			fail_msg("byte 0x%02x leaves", *p);
	has(text, visible);
	assert_null(strstr(text, "<b>"));
	assert_null(strstr(text, "\xef\xbf\xbe"));
	/* the dump, five items, the quiet rule; no testcase for what was not asked */
	has(text, "tests=\"7\" failures=\"1\" errors=\"1\" skipped=\"2\"");
	has(text, "<failure type=\"error\"");
	has(text, "<error type=\"undecided\" message=\"open\"");
	has(text, "<skipped message=\"not needed\"");
	assert_null(strstr(text, "not-asked"));
	/* below the level: passes, and is told */
	has(text, "<system-out>below\n");
	/* nothing passes in a dump that could not be read, or not be decided */
	has(text, "<testsuite name=\"/a b/c:d%.dmp\" tests=\"1\" failures=\"0\" errors=\"1\"");
	has(text, "<testsuite name=\"half\" tests=\"6\" failures=\"0\" errors=\"1\" skipped=\"5\"");
	assert_int_equal(times(text, "<failure "), 1);
	assert_int_equal(times(text, "<skipped "), 2 + 5);
	assert_int_equal(times(text, "<error "), 3);
	free(text);
}

static void sarif(void **state)
{
	char *text = written(results_sarif_create);
	json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	(void)state;
	assert_non_null(doc);
	assert_string_equal(string_at(doc, "version"), "2.1.0");
	assert_int_equal(json_array_size(at(doc, "runs.0.tool.driver.rules")), 6);
	assert_int_equal(json_array_size(at(doc, "runs.0.results")), 3);
	assert_string_equal(string_at(doc, "runs.0.results.0.ruleId"), "a-rule");
	assert_int_equal(int_at(doc, "runs.0.results.2.ruleIndex"), 1);
	assert_string_equal(string_at(doc, "runs.0.results.0.level"), "error");
	assert_string_equal(string_at(doc, "runs.0.results.2.level"), "note");
	assert_string_equal(
		string_at(doc,
			  "runs.0.results.0.locations.0.logicalLocations.0.properties.address"),
		"0xfffffa8006dcc960");
	assert_int_equal(json_array_size(at(doc, "runs.0.results.0.suppressions")), 0);
	assert_string_equal(string_at(doc, "runs.0.results.1.suppressions.0.kind"), "external");
	assert_string_equal(string_at(doc, "runs.0.results.0.properties.evidence.0.address"),
			    "0xfffffa8006dcc9b0");
	assert_int_equal(int_at(doc, "runs.0.invocations.0.exitCode"), 3);
	assert_true(json_is_false(at(doc, "runs.0.invocations.0.executionSuccessful")));
	/* two open questions, two dumps with a problem, one line of the ignore file */
	assert_int_equal(
		json_array_size(at(doc, "runs.0.invocations.0.toolExecutionNotifications")), 5);
	has(text, "\"uri\": \"file:///a%20b/c%3Ad%25.dmp\"");
	json_decref(doc);
	free(text);
}

static void a_full_disk(void **state)
{
	struct results *(*const create[])(FILE *, struct fs_error *) = {results_junit_create, results_sarif_create};
	size_t i, j;

	(void)state;
	for (i = 0; i < 2; i++) {
		FILE *f = fopen("/dev/full", "w");
		struct results *w = f ? create[i](f, NULL) : NULL;

		if (!w)
			skip();
		results_begin(w, &run);
		for (j = 0; j < 40; j++)
			results_dump(w, &whole);
		assert_false(results_end(w, NULL, 0));
		(void)fclose(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(junit),
		cmocka_unit_test(sarif),
		cmocka_unit_test(a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
