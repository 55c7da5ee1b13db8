/* SPDX-License-Identifier: BSD-2-Clause */
/* The judgement of `check`, on models and reports written by hand. */
#include "support/model_maker.h"
#include "support/shown.h"
#include "support/test.h"

#include "view/check_results.h"

#define FRAME  0xffffe00101001010
#define ALPHA  0xffffe00101020010
#define BETA   0xffffe00101022d80
#define OBJECT 0xffffe00100120e30

static struct model_maker k;
static struct arena a;
static struct fs_report r;
static struct fs_verdict verdicts[3];
static struct fs_finding findings[3];
static struct fs_not_checked unchecked[3];
static enum fs_stage stages[MM_MAX];
static struct check_ask ask;
static struct res_dump d;

/* Two live filters, Alpha and Beta, and nothing to say about them. */
static int begin(void **state)
{
	(void)state;
	arena_deinit(&a);
	mm_begin(&k);
	(void)mm_frame(&k, FRAME, 0);
	(void)mm_filter(&k, 0, ALPHA, "Alpha", OBJECT);
	(void)mm_filter(&k, 0, BETA, "Beta", OBJECT + 0x1000);
	stages[0] = stages[1] = FS_S0;
	memset(verdicts, 0, sizeof(verdicts));
	memset(findings, 0, sizeof(findings));
	memset(unchecked, 0, sizeof(unchecked));
	r = (struct fs_report){.verdicts = verdicts,
			       .findings = findings,
			       .not_checked = unchecked,
			       .stages = stages};
	ask = (struct check_ask){.fail_on = RES_ERROR};
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_deinit(&a);
	return 0;
}

static enum res_status judge(void)
{
	arena_deinit(&a);
	d = (struct res_dump){.path = "x.dmp"};
	assert_true(check_build(&a, &ask, &k.m, &r, &d));
	return d.status;
}

static void stuck(const char *cause, enum fs_verdict_state state)
{
	verdicts[0] = (struct fs_verdict){.filter = ALPHA,
					  .driver = "\\Driver\\AlphaSvc",
					  .name = "Alpha",
					  .state = state,
					  .stage = FS_S3,
					  .cause_id = cause,
					  .cause_title = cause,
					  .summary = "Alpha waits."};
	r.nverdicts = 1;
}

static void zombie(enum fs_severity severity)
{
	findings[0] = (struct fs_finding){.rule = "zombie-leftover",
					  .severity = severity,
					  .subject = {"filter", BETA, "Beta"},
					  .message = "Beta is left over."};
	r.nfindings = 1;
}

static void nothing_to_say(void **state)
{
	(void)state;
	assert_int_equal(judge(), RES_CLEAN);
	assert_null(d.problem);
	assert_non_null(d.looked_at);
	assert_int_equal(d.nitems, 0);
}

/* Silence counts only when everything was looked at. */
static void what_was_not_looked_at(void **state)
{
	(void)state;
	stages[1] = FS_STAGE_UNKNOWN;
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_non_null(strstr(d.problem, "the state of 1 told"));
	(void)begin(NULL);
	k.frame[0].filters.stop = FS_STOP_UNREADABLE;
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_non_null(strstr(d.problem, "not every list is whole"));
	/* a finding is one all the same */
	zombie(FS_ERROR);
	assert_int_equal(judge(), RES_FINDINGS);
	assert_non_null(d.problem);
}

static void stuck_without_a_cause(void **state)
{
	(void)state;
	stuck(NULL, FS_ST_STUCK);
	assert_int_equal(judge(), RES_FINDINGS);
	assert_int_equal(d.nitems, 1);
	assert_string_equal(d.items[0].rule, CHECK_RULE_UNFINISHED);
	assert_int_equal(d.items[0].level, RES_ERROR);
	assert_string_equal(d.items[0].driver, "\\Driver\\AlphaSvc");
	/* only slow, perhaps: neither a finding nor a pass */
	stuck(NULL, FS_ST_UNKNOWN);
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_int_equal(d.items[0].kind, RES_OPEN);
	assert_int_equal(d.open, 1);
	/* healthy */
	stuck(NULL, FS_ST_HEALTHY);
	assert_int_equal(judge(), RES_CLEAN);
	assert_int_equal(d.nitems, 0);
}

/* One thing that a verdict and a finding tell is told once, with both their facts. */
static void verdict_and_finding_are_one(void **state)
{
	(void)state;
	zombie(FS_ERROR);
	stuck("zombie-leftover", FS_ST_STUCK);
	verdicts[0].culprit = (struct fs_subject){"filter", BETA, "Beta"};
	assert_int_equal(judge(), RES_FINDINGS);
	assert_int_equal(d.nitems, 1);
	assert_string_equal(d.items[0].name, "Beta");
	assert_string_equal(d.items[0].driver, "\\Driver\\AlphaSvc");
	assert_string_equal(d.items[0].stage, "S3");
	/* another rule, another thing: two */
	verdicts[0].cause_id = "corrupt-list";
	assert_int_equal(judge(), RES_FINDINGS);
	assert_int_equal(d.nitems, 2);
	assert_null(d.items[0].driver);
	assert_string_equal(d.items[1].rule, "corrupt-list");
	assert_int_equal(d.counted, 2);
}

/* A cause below the level does not make a pass of a driver that may be stuck. */
static void unknown_is_no_pass(void **state)
{
	(void)state;
	zombie(FS_WARNING);
	stuck("zombie-leftover", FS_ST_UNKNOWN);
	verdicts[0].culprit = (struct fs_subject){"filter", BETA, "Beta"};
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_int_equal(d.nitems, 2);
	assert_int_equal(d.items[0].fate, RES_TOLD);
	assert_int_equal(d.items[1].kind, RES_OPEN);
	assert_string_equal(d.items[1].rule, CHECK_RULE_UNFINISHED);
	ask.fail_on = RES_WARNING;
	assert_int_equal(judge(), RES_FINDINGS);
	assert_int_equal(d.nitems, 1);
	/* known to be left over, and below the level: that is a pass */
	ask.fail_on = RES_ERROR;
	verdicts[0].state = FS_ST_LEFTOVER;
	assert_int_equal(judge(), RES_CLEAN);
	assert_int_equal(d.nitems, 1);
	/* without a finding of its own */
	verdicts[0].state = FS_ST_UNKNOWN;
	r.nfindings = 0;
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_int_equal(d.nitems, 1);
	assert_string_equal(d.items[0].rule, "zombie-leftover");
}

static void levels(void **state)
{
	static const enum fs_severity severities[] = {FS_NOTE, FS_WARNING, FS_ERROR};
	static const enum res_level levels_[] = {RES_NOTE, RES_WARNING, RES_ERROR};
	size_t i, j;

	(void)state;
	for (i = 0; i < 3; i++)
		for (j = 0; j < 3; j++) {
			zombie(severities[i]);
			ask.fail_on = levels_[j];
			assert_int_equal(judge(), i >= j ? RES_FINDINGS : RES_CLEAN);
			assert_int_equal(d.nitems, 1);
			assert_int_equal(d.items[0].fate, i >= j ? RES_COUNTS : RES_TOLD);
		}
}

static void rules_that_were_not_checked(void **state)
{
	static const char *const corrupt[] = {"corrupt-list"}, *const zombies[] = {
								       "zombie-leftover"};

	(void)state;
	unchecked[0] = (struct fs_not_checked){"corrupt-list", "a reason"};
	r.nnot_checked = 1;
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_string_equal(d.items[0].message, "a reason");
	/* not asked for */
	ask.rules = zombies;
	ask.nrules = 1;
	assert_int_equal(judge(), RES_CLEAN);
	assert_int_equal(d.nitems, 0);
	/* for one driver it matters when that is in trouble, or when the rule is named */
	ask.nrules = 0;
	ask.driver = "Beta";
	assert_int_equal(judge(), RES_CLEAN);
	assert_int_equal(d.items[0].fate, RES_TOLD);
	ask.rules = corrupt;
	ask.nrules = 1;
	assert_int_equal(judge(), RES_UNDECIDED);
	ask.nrules = 0;
	ask.driver = "Alpha";
	stuck(NULL, FS_ST_UNKNOWN);
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_int_equal(d.open, 2);
	/* a rule whose findings would be below the level is not needed */
	(void)begin(NULL);
	unchecked[0] = (struct fs_not_checked){"zombie-leftover", "a reason"};
	r.nnot_checked = 1;
	assert_int_equal(judge(), RES_CLEAN);
	ask.fail_on = RES_WARNING;
	assert_int_equal(judge(), RES_UNDECIDED);
	/* nobody knows how bad a rule is that is not in the table */
	(void)begin(NULL);
	unchecked[0] = (struct fs_not_checked){"no-rule-of-this-version", "a reason"};
	r.nnot_checked = 1;
	assert_int_equal(judge(), RES_UNDECIDED);
}

static void ignored(void **state)
{
	struct check_ignore g[2] = {
		{.rule = "zombie-leftover", .subject = "Alpha", .reason = "no"},
		{.rule = "zombie-leftover", .subject = "beta", .reason = "yes"}};

	(void)state;
	zombie(FS_ERROR);
	ask.ignores = g;
	ask.nignores = 1;
	assert_int_equal(judge(), RES_FINDINGS);
	assert_false(g[0].used);
	ask.nignores = 2;
	assert_int_equal(judge(), RES_CLEAN);
	assert_false(g[0].used);
	assert_true(g[1].used);
	assert_int_equal(d.items[0].fate, RES_IGNORED);
	assert_string_equal(d.items[0].reason, "yes");
	assert_int_equal(d.ignored, 1);
	/* the rule's name must be the whole one */
	g[1].rule = "zombie";
	assert_int_equal(judge(), RES_FINDINGS);
	/* a subject does not excuse a rule that was not checked at all */
	(void)begin(NULL);
	unchecked[0] = (struct fs_not_checked){"corrupt-list", "a reason"};
	r.nnot_checked = 1;
	g[0] = (struct check_ignore){.rule = "corrupt-list", .subject = "Beta", .reason = "x"};
	ask.ignores = g;
	ask.nignores = 1;
	assert_int_equal(judge(), RES_UNDECIDED);
	g[0].subject = NULL;
	assert_int_equal(judge(), RES_CLEAN);
}

static bool matched(const char *kind)
{
	size_t i;

	for (i = 0; i < d.nmatches; i++)
		if (strcmp(d.matches[i].kind, kind) == 0)
			return true;
	return false;
}

static void names_of_a_driver(void **state)
{
	static const char *const names[] = {"alpha",	"AlphaDrv", "\\Driver\\AlphaDrv",
					    "AlphaSvc", "AlphaImg", "alphaimg.SYS"};
	static const char *const kinds[] = {"filter",  "driver-object", "driver-object",
					    "service", "image",		"image"};
	size_t i;

	(void)state;
	(void)mm_driver(&k, OBJECT, "\\Driver\\AlphaDrv");
	mm_link_drivers(&k);
	k.module[0] = (struct fs_module){.name = "AlphaImg.sys", .base = 0xfffff80234000000};
	k.m.nmodules = 1;
	k.driver[0].module = 0;
	k.driver[0].service_key = mm_string("\\REGISTRY\\MACHINE\\SYSTEM\\Services\\AlphaSvc");
	zombie(FS_ERROR); /* about Beta */
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ask.driver = names[i];
		if (judge() != RES_CLEAN || !matched(kinds[i]))
			fail_msg("%s: status %d, %s", names[i], (int)d.status, kinds[i]);
		assert_int_equal(d.nitems, 0);
		findings[0].subject.address = ALPHA;
		assert_int_equal(judge(), RES_FINDINGS);
		findings[0].subject.address = k.driver[0].address;
		assert_int_equal(judge(), RES_FINDINGS);
		findings[0].subject.address = BETA;
	}
	ask.driver = "Beta";
	assert_int_equal(judge(), RES_FINDINGS);
	/* its state was not read; the other's does not matter */
	r.nfindings = 0;
	stages[1] = FS_STAGE_UNKNOWN;
	assert_int_equal(judge(), RES_UNDECIDED);
	ask.driver = "alpha";
	assert_int_equal(judge(), RES_CLEAN);
}

static void a_driver_that_is_gone(void **state)
{
	struct fs_unloaded gone = {"Gone.sys", 0xfffff80234100000, 0xfffff80234128000};

	(void)state;
	ask.driver = "Gone";
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_non_null(strstr(d.problem, "never seen"));
	k.m.unloaded = &gone;
	k.m.nunloaded = 1;
	assert_int_equal(judge(), RES_CLEAN);
	assert_non_null(strstr(d.looked_at, "was unloaded"));
	assert_true(matched("unloaded-image"));
	/* it may be loaded again where nobody could look */
	k.m.modules_whole = false;
	assert_int_equal(judge(), RES_UNDECIDED);
	k.m.modules_whole = true;
	k.frame[0].filters.stop = FS_STOP_UNREADABLE;
	assert_int_equal(judge(), RES_UNDECIDED);
	k.frame[0].filters.stop = FS_STOP_CLOSED;
	/* loaded, and no filter of it: its object may be leaked (25), which stays open */
	k.module[0] = (struct fs_module){.name = "gone.sys", .base = 0xfffff80234100000};
	k.m.nmodules = 1;
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_int_equal(d.nitems, 1);
	assert_string_equal(d.items[0].rule, "driver-object-leaked");
	assert_null(strstr(d.looked_at, "was unloaded"));
}

/* Rule 18: the filter of an image that was unloaded is the one that was asked about. */
static void a_driver_that_is_gone_and_its_filter_is_not(void **state)
{
	struct fs_unloaded gone = {"Gone.sys", 0xfffff80234100000, 0xfffff80234128000};
	struct fs_code *c = &k.filter[1].callback[FS_CB_InstanceSetup];

	(void)state;
	k.m.unloaded = &gone;
	k.m.nunloaded = 1;
	*c = (struct fs_code){mm_value(0xfffff80234101200), "<Unloaded_Gone.sys>+0x1200", -1, true};
	zombie(FS_ERROR); /* about Beta */
	ask.driver = "gone";
	assert_int_equal(judge(), RES_FINDINGS);
	assert_true(matched("unloaded-image"));
	stages[1] = FS_STAGE_UNKNOWN;
	r.nfindings = 0;
	assert_int_equal(judge(), RES_UNDECIDED);
	stages[1] = FS_S0;
	/* look-alikes: a name that only begins like it, and what a driver hooked */
	zombie(FS_ERROR);
	c->symbol = "<Unloaded_Gone2.sys>+0x1200";
	assert_int_equal(judge(), RES_CLEAN);
	c->symbol = "<Unloaded_Gone.sys>+0x1200";
	k.filter[1].callback[FS_CB_OldDriverUnload] = *c;
	*c = (struct fs_code){.module = -1};
	assert_int_equal(judge(), RES_CLEAN);
}

/* The checks say that they were not decided only where something is stuck; who names a rule
 * asks it of a healthy dump too. */
static void a_named_rule_that_looked_at_nothing(void **state)
{
	static const char *const rules[] = {"lock-cycle", "driver-thread-running",
					    "callback-blocked", "corrupt-list"};
	size_t i;

	(void)state;
	assert_int_equal(judge(), RES_CLEAN);
	ask.nrules = 1;
	k.m.threads_why = "no thread was asked for";
	for (i = 0; i < 3; i++) {
		ask.rules = &rules[i];
		assert_int_equal(judge(), RES_UNDECIDED);
		assert_int_equal(d.open, 1);
		assert_string_equal(d.items[0].message, k.m.threads_why);
	}
	ask.rules = &rules[3];
	assert_int_equal(judge(), RES_CLEAN);
	ask.rules = &rules[2];
	k.m.threads_looked = FS_LOOKED_WHOLE;
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_non_null(strstr(d.items[0].message, "stack"));
	ask.rules = &rules[0];
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_non_null(strstr(d.items[0].message, "lock"));
	/* what the report says of it is said once */
	unchecked[0] = (struct fs_not_checked){"lock-cycle", "a reason"};
	r.nnot_checked = 1;
	assert_int_equal(judge(), RES_UNDECIDED);
	assert_int_equal(d.nitems, 1);
	r.nnot_checked = 0;
	mm_all_looked(&k);
	k.m.locks_looked = FS_LOOKED_WHOLE;
	for (i = 0; i < 3; i++) {
		ask.rules = &rules[i];
		assert_int_equal(judge(), RES_CLEAN);
	}
}

static void the_worst_wins(void **state)
{
	static const enum res_status order[] = {RES_UNREADABLE, RES_FINDINGS, RES_UNDECIDED,
						RES_CLEAN};
	size_t i, j;

	(void)state;
	for (i = 0; i < 4; i++)
		for (j = 0; j < 4; j++)
			assert_int_equal(res_worse(order[i], order[j]), order[i < j ? i : j]);
}

/* Each dump a line, whatever stands in a name. */
static void a_line_a_dump(void **state)
{
	struct res_run run = {.tool = "fltscope", .version = "0"};
	struct capture c;
	struct view v = {0};
	struct results *w;
	const char *line;
	json_t *doc;

	(void)state;
	zombie(FS_WARNING);
	findings[0].subject.name = "two\nlines\x01\xff";
	(void)judge();
	capture_begin(&c);
	v.e = emit_json_lines_create(c.f);
	v.m = &k.m;
	w = view_check_create(&v, CHECK_LINES);
	assert_non_null(w);
	results_begin(w, &run);
	results_dump(w, &d);
	results_dump(w, &d);
	assert_true(results_end(w, NULL, 0));
	assert_true(capture_end(&c, v.e));
	line = strchr(c.text, '\n');
	assert_non_null(line);
	assert_ptr_equal(strchr(line + 1, '\n'), c.text + c.n - 1);
	doc = json_loadb(c.text, (size_t)(line - c.text), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	assert_string_equal(string_at(doc, "schema"), "fltscope.check/1");
	assert_string_equal(string_at(doc, "findings.0.subject.name"),
			    "two\nlines\x01\xef\xbf\xbd");
	assert_int_equal(int_at(doc, "status"), 0);
	json_decref(doc);
	capture_free(&c);
	arena_deinit(&v.tmp);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_to_say),
		T(what_was_not_looked_at),
		T(stuck_without_a_cause),
		T(verdict_and_finding_are_one),
		T(unknown_is_no_pass),
		T(levels),
		T(rules_that_were_not_checked),
		T(ignored),
		T(names_of_a_driver),
		T(a_driver_that_is_gone),
		T(a_driver_that_is_gone_and_its_filter_is_not),
		T(a_named_rule_that_looked_at_nothing),
		T(the_worst_wins),
		T(a_line_a_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
