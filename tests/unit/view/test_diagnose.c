/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/article.h"
#include "support/shown.h"
#include "support/test.h"

static struct model_maker k;
static struct shown s;

static struct fs_evidence because[] = {
	{"the zombied filter has this DRIVER_OBJECT", 0xfffffa8006dcc9b0, "FLT_FILTER.DriverObject",
	 "0xfffffa8003673c80"},
	{"no UnloadInProgress", 0xfffffa800290d948, "FLT_FILTER.Flags", "0x2"},
};
static struct fs_verdict stuck = {
	.driver = "\\Driver\\MyDrv",
	.filter = 0xfffffa800290d900,
	.driver_object = 0xfffffa8003673c80,
	.name = "MyDrv",
	.state = FS_ST_STUCK,
	.stage = FS_S0,
	.cause_id = "driver-object-crosslink",
	.cause_title = "a zombie holds the driver object",
	.confidence = FS_PROVED,
	.summary = "MyDrv cannot unload.",
	.because = because,
	.nbecause = 2,
	.culprit = {"filter", 0xfffffa8006dcc960, "SomeDrv"},
	.advice = "Restart.",
};
static struct fs_finding finding = {
	.rule = "zombie-leftover",
	.title = "left over",
	.severity = FS_WARNING,
	.confidence = FS_LIKELY,
	.subject = {"filter", 0xfffffa8006dcc960, "SomeDrv"},
	.message = "SomeDrv was unregistered and is still there.",
	.evidence = because,
	.nevidence = 1,
};
static struct fs_not_checked unchecked[] = {
	{"leaked-context", "no ledger yet"},
	{"lock-cycle", "locks are not read"},
	{"open-files", "no ledger yet"},
};
static enum fs_stage stages[] = {FS_S5, FS_S0};
static const char *whys[] = {"DRAINING and ZOMBIED", NULL};

static struct fs_report report(void)
{
	article_make(&k);
	return (struct fs_report){.verdicts = &stuck,
				  .nverdicts = 1,
				  .findings = &finding,
				  .nfindings = 1,
				  .not_checked = unchecked,
				  .nnot_checked = 3,
				  .stages = stages,
				  .stage_why = whys};
}

static void a_stuck_driver_in_text(void **state)
{
	struct fs_report r = report();

	(void)state;
	shown_text(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, NULL), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(
		s.c.text, "\\Driver\\MyDrv: stuck, driver-object-crosslink (proved)\n"
			  "FLT_FILTER: fffffa800290d900 \"MyDrv\"  stage S0\n"
			  "MyDrv cannot unload.\n"
			  "Restart.\n"
			  "Evidence:\n"
			  "0xfffffa8006dcc9b0  FLT_FILTER.DriverObject = 0xfffffa8003673c80  the "
			  "zombied filter has this DRIVER_OBJECT\n"
			  "0xfffffa800290d948  FLT_FILTER.Flags = 0x2  no UnloadInProgress\n"
			  "warning: zombie-leftover (likely)\n"
			  "SomeDrv was unregistered and is still there.\n"
			  "S5  FLT_FILTER: fffffa8006dcc960 \"SomeDrv\"  DRAINING and ZOMBIED\n"
			  "Not checked:\n"
			  "leaked-context, open-files: no ledger yet\n"
			  "lock-cycle: locks are not read\n"
			  "Gaps: Every value that was looked for could be read.\n"));
	assert_null(strstr(s.c.text, "No driver was found"));
	assert_null(strstr(s.c.text, "S0  FLT_FILTER"));
	shown_free(&s);
}

static void the_contract(void **state)
{
	struct fs_report r = report();
	const json_t *d;

	(void)state;
	shown_json(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, NULL), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	d = at(s.doc, "verdicts.0");
	assert_string_equal(string_at(d, "driver"), "\\Driver\\MyDrv");
	assert_string_equal(string_at(d, "filter"), "0xfffffa800290d900");
	assert_string_equal(string_at(d, "name"), "MyDrv");
	assert_string_equal(string_at(d, "state"), "stuck");
	assert_string_equal(string_at(d, "stage"), "S0");
	assert_string_equal(string_at(d, "cause.id"), "driver-object-crosslink");
	assert_string_equal(string_at(d, "cause.title"), "a zombie holds the driver object");
	assert_string_equal(string_at(d, "confidence"), "proved");
	assert_string_equal(string_at(d, "because.0.fact"),
			    "the zombied filter has this DRIVER_OBJECT");
	assert_string_equal(string_at(d, "because.0.address"), "0xfffffa8006dcc9b0");
	assert_string_equal(string_at(d, "because.0.field"), "FLT_FILTER.DriverObject");
	assert_string_equal(string_at(d, "because.0.value"), "0xfffffa8003673c80");
	assert_string_equal(string_at(d, "culprit.kind"), "filter");
	assert_string_equal(string_at(d, "culprit.address"), "0xfffffa8006dcc960");
	assert_string_equal(string_at(d, "advice"), "Restart.");
	assert_null(at(d, "waiter")); /* not known: absent */
	d = at(s.doc, "findings.0");
	assert_string_equal(string_at(d, "rule"), "zombie-leftover");
	assert_string_equal(string_at(d, "severity"), "warning");
	assert_string_equal(string_at(d, "subject.kind"), "filter");
	assert_string_equal(string_at(d, "subject.name"), "SomeDrv");
	assert_string_equal(string_at(d, "evidence.0.field"), "FLT_FILTER.DriverObject");
	assert_string_equal(string_at(s.doc, "not_checked.1.rule"), "lock-cycle");
	assert_string_equal(string_at(s.doc, "not_checked.1.why"), "locks are not read");
	assert_string_equal(string_at(s.doc, "stages.0.stage"), "S5");
	assert_true(json_is_array(at(s.doc, "gaps")));
	shown_free(&s);
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void a_healthy_system_is_one_line(void **state)
{
	static enum fs_stage rest[] = {FS_S0, FS_S0};
	struct fs_report r = report();

	(void)state;
	r.nverdicts = r.nfindings = 0;
	r.stages = rest;
	shown_text(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, NULL), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	assert_int_equal(count_lines(s.c.text), 1);
	assert_non_null(strstr(s.c.text,
			       "No driver was found stuck, refused or left over: 2 frames, "
			       "2 filters, 3 instances, 0 volumes"));
	assert_non_null(strstr(s.c.text, "3 rules not checked"));
	shown_free(&s);

	/* a verdict that says healthy is no bad news, but a finding is not swallowed */
	stuck.state = FS_ST_HEALTHY;
	r.nverdicts = r.nfindings = 1;
	shown_text(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, NULL), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	stuck.state = FS_ST_STUCK;
	assert_true(has_line(s.c.text, "warning: zombie-leftover (likely)"));
	assert_non_null(strstr(s.c.text, "No driver was found stuck"));
	assert_null(strstr(s.c.text, "MyDrv: healthy"));
	shown_free(&s);
}

/* A verdict of unknown outcome is shown, and is not called stuck. */
static void an_unknown_outcome_is_shown(void **state)
{
	struct fs_report r = report();

	(void)state;
	stuck.state = FS_ST_UNKNOWN;
	stuck.confidence = FS_POSSIBLE;
	shown_text(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, NULL), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	stuck.state = FS_ST_STUCK;
	stuck.confidence = FS_PROVED;
	assert_true(
		has_line(s.c.text, "\\Driver\\MyDrv: unknown, driver-object-crosslink (possible)"));
	assert_null(strstr(s.c.text, "No driver was found"));
	shown_free(&s);
}

static void one_driver_only(void **state)
{
	static const char *const same[] = {"MyDrv", "mydrv.sys", "\\Driver\\MyDrv"};
	struct fs_report r = report();
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		shown_json(&s, &k.m);
		assert_int_equal(view_diagnose(&s.v, &r, same[i]), VIEW_ANSWERED);
		assert_true(shown_end(&s));
		assert_int_equal(json_array_size(at(s.doc, "verdicts")), 1);
		shown_free(&s);
	}
	/* known, but nobody says anything about it but the finding */
	shown_json(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, "SomeDrv"), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	assert_int_equal(json_array_size(at(s.doc, "verdicts")), 0);
	assert_int_equal(json_array_size(at(s.doc, "findings")), 1);
	shown_free(&s);
	/* the look-alike: a name that only begins like it */
	shown_json(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, "MyDr"), VIEW_NOT_KNOWN);
	assert_true(shown_end(&s));
	assert_int_equal(json_array_size(at(s.doc, "verdicts")), 0);
	shown_free(&s);
}

/* Every name that check takes: service, driver object and image need not be called as the filter. */
static void any_name_of_a_driver(void **state)
{
	static const struct {
		const char *name, *kind;
	} names[] = {{"MySvc", "service"}, {"odd", "image"}, {"ODD.SYS", "image"}};
	struct fs_report r = report();
	size_t i, image;

	(void)state;
	image = mm_module(&k, "Odd.sys", 0xfffff80777700000);
	k.driver[0].service_key = mm_string("\\Registry\\Machine\\System\\Services\\MySvc");
	k.filter[1].callback[FS_CB_InstanceSetup] = (struct fs_code){
		.va = mm_value(0xfffff80777701000),
		.module = (int32_t)image,
	};
	for (i = 0; i < 3; i++) {
		shown_json(&s, &k.m);
		assert_int_equal(view_diagnose(&s.v, &r, names[i].name), VIEW_ANSWERED);
		assert_true(shown_end(&s));
		assert_int_equal(json_array_size(at(s.doc, "verdicts")), 1);
		assert_string_equal(string_at(s.doc, "matches.0.kind"), names[i].kind);
		shown_free(&s);
	}
	shown_text(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, "odd"), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(s.c.text, "matches image Odd.sys 0xfffff80777700000\n"
					     "\\Driver\\MyDrv: stuck, driver-object-crosslink "
					     "(proved)\n"));
	shown_free(&s);
	/* the look-alike: an image that is loaded, and no filter's code lies in it */
	k.filter[1].callback[FS_CB_InstanceSetup].module = -1;
	shown_text(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, "odd"), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	assert_non_null(strstr(s.c.text, "odd has no filter registered"));
	assert_null(strstr(s.c.text, "stuck, driver-object-crosslink"));
	shown_free(&s);
}

/* Its image was unloaded; a callback of the filter lies where it was. */
static void a_driver_that_is_gone(void **state)
{
	struct fs_report r = report();
	struct fs_unloaded gone = {"Gone.sys", 0xfffff80234100000, 0xfffff80234128000};
	size_t i = 0;

	(void)state;
	while (i < k.m.nfilters && k.m.filters[i].address != stuck.filter)
		i++;
	assert_true(i < k.m.nfilters);
	k.m.filters[i].callback[FS_CB_InstanceSetup] = (struct fs_code){
		.va = {.state = FS_READ, .v = 0xfffff80234101200},
		.symbol = "<Unloaded_Gone.sys>+0x1200",
		.module = -1,
		.unloaded = true,
	};
	shown_json(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, "Gone"), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	assert_int_equal(json_array_size(at(s.doc, "verdicts")), 1);
	shown_free(&s);
	/* gone, and nothing of it is left */
	k.m.filters[i].callback[FS_CB_InstanceSetup].symbol = "<Unloaded_Gone2.sys>+0x1200";
	shown_json(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, "Gone"), VIEW_NOT_KNOWN);
	assert_true(shown_end(&s));
	shown_free(&s);
	k.m.unloaded = &gone;
	k.m.nunloaded = 1;
	shown_json(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, "Gone"), VIEW_ANSWERED);
	assert_true(shown_end(&s));
	assert_int_equal(json_array_size(at(s.doc, "verdicts")), 0);
	shown_free(&s);
}

static enum view_answer silent_text(struct fs_report *r, const char *driver)
{
	enum view_answer a;

	r->nverdicts = r->nfindings = 0;
	shown_text(&s, &k.m);
	a = view_diagnose(&s.v, r, driver);
	assert_true(shown_end(&s));
	return a;
}

/* "Nothing found" says how much was looked at, and is no answer when that is nothing. */
static void silence_is_not_health(void **state)
{
	struct fs_report r = report();
	enum fs_stage some[] = {FS_STAGE_UNKNOWN, FS_S0},
		      none[] = {FS_STAGE_UNKNOWN, FS_STAGE_UNKNOWN};

	(void)state;
	r.stages = some;
	assert_int_equal(silent_text(&r, NULL), VIEW_ANSWERED);
	assert_non_null(strstr(s.c.text, "among the 1 filter whose state could be told (2 counted, "
					 "2 reached)"));
	shown_free(&s);
	/* the one that was asked for is not the one that could be read */
	assert_int_equal(silent_text(&r, "SomeDrv"), VIEW_UNDECIDED);
	assert_non_null(strstr(s.c.text, "Nothing can be said about SomeDrv"));
	shown_free(&s);
	k.filter[0].driver = -1;
	assert_int_equal(silent_text(&r, "MyDrv"), VIEW_ANSWERED);
	assert_non_null(strstr(s.c.text, "MyDrv was not found stuck"));
	shown_free(&s);

	r.stages = none;
	assert_int_equal(silent_text(&r, NULL), VIEW_UNDECIDED);
	assert_non_null(strstr(s.c.text, "Nothing can be said"));
	assert_null(strstr(s.c.text, "No driver"));
	shown_free(&s);
	shown_json(&s, &k.m);
	assert_int_equal(view_diagnose(&s.v, &r, NULL), VIEW_UNDECIDED);
	assert_true(shown_end(&s));
	assert_int_equal(int_at(s.doc, "coverage.filters_counted"), 2);
	assert_int_equal(int_at(s.doc, "coverage.filters_decided"), 0);
	shown_free(&s);

	/* all that was reached is fine, but the list breaks off */
	r.stages = stages;
	k.frame[0].filters.stop = FS_STOP_UNREADABLE;
	k.frame[0].filters.count = mm_value(10);
	assert_int_equal(silent_text(&r, NULL), VIEW_ANSWERED);
	assert_non_null(strstr(s.c.text,
			       "among the 2 filters whose state could be told (11 counted, "
			       "2 reached, not every list whole)"));
	shown_free(&s);
}

static void names_of_drivers(void **state)
{
	(void)state;
	assert_true(view_same_driver("\\FileSystem\\luafv", "LUAFV.SYS"));
	assert_true(view_same_driver("\\Driver\\MyDrv", "mydrv"));
	assert_false(view_same_driver("\\Driver\\MyDrv", "MyDrv2"));
	assert_false(view_same_driver("\\Driver\\", ""));
	assert_false(view_same_driver(NULL, "x"));
	assert_false(view_same_driver("x", NULL));
}

/* What a container's header cannot say is no loss of the Filter Manager's state. */
static void the_dumps_own_gaps_are_not_counted(void **state)
{
	static enum fs_stage rest[] = {FS_S0, FS_S0};
	struct fs_gap gaps[] = {{.what = "DUMP_HEADER.BugCheckCode", .reason = FS_NOT_FOUND, .of_dump = true},
				{.what = "FLT_FILTER.Name", .reason = FS_PAGED_OUT}};
	struct fs_report r = report();
	size_t n;

	(void)state;
	r.nverdicts = r.nfindings = 0;
	r.stages = rest;
	for (n = 1; n <= 2; n++) {
		struct fs_model m = k.m;

		m.gaps = gaps;
		m.ngaps = n;
		shown_text(&s, &m);
		(void)view_diagnose(&s.v, &r, NULL);
		assert_true(shown_end(&s));
		assert_null(strstr(s.c.text, "not-found"));
		assert_int_equal(strstr(s.c.text, "1 value could not be read (1 paged-out)") != NULL,
				 n == 2);
		shown_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stuck_driver_in_text),
		cmocka_unit_test(the_contract),
		cmocka_unit_test(a_healthy_system_is_one_line),
		cmocka_unit_test(the_dumps_own_gaps_are_not_counted),
		cmocka_unit_test(an_unknown_outcome_is_shown),
		cmocka_unit_test(one_driver_only),
		cmocka_unit_test(any_name_of_a_driver),
		cmocka_unit_test(a_driver_that_is_gone),
		cmocka_unit_test(silence_is_not_health),
		cmocka_unit_test(names_of_drivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
