/* SPDX-License-Identifier: BSD-2-Clause */
/* info, lm, layouts, rules, and what every document begins and ends with. */
#include "support/article.h"
#include "support/shown.h"
#include "support/test.h"

static struct model_maker k;
static struct shown s;

static void make(void)
{
	size_t i;

	article_make(&k);
	k.m.dump.build = mm_value(7601);
	k.m.dump.bugcheck = mm_value(0x50);
	for (i = 0; i < 4; i++)
		k.m.dump.bugcheck_parameter[i] = mm_value(i ? i : 0xffffe78f90345f71);
	/* 2015-01-13 02:41:07 UTC: 1421116867 s of Unix time */
	k.m.dump.time = mm_value((UINT64_C(1421116867) + UINT64_C(11644473600)) * 10000000);
	k.m.dump.uptime = mm_value(UINT64_C(86123) * 10000000 + 9999999);
	k.m.nmodules = 2;
	k.module[0] = (struct fs_module){.name = "FLTMGR.SYS",
					 .base = 0xfffff88001310000,
					 .size = 0x4c000,
					 .timestamp = mm_value(0x4ce7929c),
					 .pdb_name = "C:\\x\\fltMgr.pdb",
					 .pdb_guid = "1D7B",
					 .pdb_age = 1};
	k.module[1] = (struct fs_module){
		.name = "evil\x1b[2J\n.sys", .base = UINT64_MAX - 0xfff, .size = 0x2000};
	k.m.fltmgr_module = 0;
}

static void the_dump_object(void **state)
{
	(void)state;
	make();
	shown_json(&s, &k.m);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "schema"), "fltscope.test/1");
	assert_int_equal(int_at(s.doc, "dump.build"), 7601);
	assert_int_equal(int_at(s.doc, "dump.bugcheck.code"), 0x50);
	assert_string_equal(string_at(s.doc, "dump.bugcheck.parameters.0"), "0xffffe78f90345f71");
	assert_int_equal(json_array_size(at(s.doc, "dump.bugcheck.parameters")), 4);
	assert_string_equal(string_at(s.doc, "dump.time"), "2015-01-13T02:41:07Z");
	assert_int_equal(int_at(s.doc, "dump.uptime_seconds"), 86123);
	assert_true(json_is_false(at(s.doc, "dump.truncated")));
	assert_null(at(s.doc, "dump.directory_table_base"));
	assert_true(json_is_array(at(s.doc, "gaps")));
	shown_free(&s);
}

/* Header times that no calendar holds. */
static void impossible_times(void **state)
{
	static const uint64_t times[] = {0, 1, UINT64_MAX, 0x5045474150454741};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		make();
		k.m.dump.time = mm_value(times[i]);
		shown_json(&s, &k.m);
		view_info(&s.v, NULL);
		assert_true(shown_end(&s));
		assert_null(at(s.doc, "dump.time"));
		assert_non_null(at(s.doc, "dump.time_raw"));
		shown_free(&s);
		shown_text(&s, &k.m);
		view_info(&s.v, NULL);
		assert_true(shown_end(&s));
		shown_free(&s);
	}
}

static void modules(void **state)
{
	(void)state;
	make();
	shown_text(&s, &k.m);
	view_lm(&s.v, NULL);
	assert_true(shown_end(&s));
	assert_true(has_line(s.c.text, "fffff880`01310000 fffff880`0135c000   FLTMGR.SYS  "
				       "(fltMgr.pdb 1D7B 1)"));
	/* a size beyond the address space ends there, and the name acts on nothing */
	assert_true(has_line(s.c.text, "ffffffff`fffff000 ffffffff`ffffffff   "
				       "evil\\x1b[2J\\x0a.sys"));
	shown_free(&s);
	shown_json(&s, &k.m);
	view_lm(&s.v, "fltmgr");
	assert_true(shown_end(&s));
	assert_int_equal(json_array_size(at(s.doc, "modules")), 1);
	assert_string_equal(string_at(s.doc, "modules.0.pdb.guid"), "1D7B");
	assert_int_equal(int_at(s.doc, "modules.0.size"), 0x4c000);
	shown_free(&s);
}

static void no_state(void **state)
{
	(void)state;
	make();
	k.m.found = false;
	k.m.nframes = 0;
	k.m.not_found = "FLTMGR.SYS is not in this dump";
	shown_json(&s, &k.m);
	view_export(&s.v);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "not_found"), "FLTMGR.SYS is not in this dump");
	/* an empty list would say that there are none */
	assert_null(at(s.doc, "frames"));
	assert_int_equal(json_array_size(at(s.doc, "modules")), 2);
	shown_free(&s);
}

static void gaps_line(struct fs_gap *gaps, size_t n, const char *line)
{
	make();
	k.m.gaps = gaps;
	k.m.ngaps = n;
	shown_text(&s, &k.m);
	view_info(&s.v, NULL);
	assert_true(shown_end(&s));
	assert_true(has_line(s.c.text, line));
	shown_free(&s);
}

static void gaps_are_summed_up(void **state)
{
	struct fs_gap gaps[] = {{"a", 1, true, FS_NOT_IN_DUMP, NULL, false},
				{"b", 2, true, FS_PAGED_OUT, NULL, false},
				{"c", 3, true, FS_NOT_IN_DUMP, NULL, false}};

	(void)state;
	gaps_line(gaps, 3, "Gaps : 3 values could not be read (2 not-in-dump, 1 paged-out)");
	/* what is corrupt was read, and is not believed */
	gaps[1].reason = FS_CORRUPT;
	gaps_line(gaps, 3, "Gaps : 3 values could not be read or trusted (2 not-in-dump, 1 corrupt)");
}

/* What the container does not say is the dump object's own gap; one world's are the same in all. */
static void gaps_of_the_dump_stand_with_it(void **state)
{
	struct fs_gap gaps[] = {{.what = "DUMP_HEADER.BugCheckCode", .reason = FS_NOT_FOUND, .of_dump = true},
				{.what = "FLT_FILTER.Name", .reason = FS_PAGED_OUT}};

	(void)state;
	make();
	k.m.gaps = gaps;
	k.m.ngaps = 2;
	shown_json(&s, &k.m);
	view_export(&s.v);
	assert_true(shown_end(&s));
	assert_int_equal(json_array_size(at(s.doc, "dump.gaps")), 1);
	assert_string_equal(string_at(s.doc, "dump.gaps.0.what"), "DUMP_HEADER.BugCheckCode");
	assert_string_equal(string_at(s.doc, "dump.gaps.0.reason"), "not-found");
	assert_int_equal(json_array_size(at(s.doc, "gaps")), 1);
	assert_string_equal(string_at(s.doc, "gaps.0.what"), "FLT_FILTER.Name");
	shown_free(&s);
	/* info counts them all */
	shown_text(&s, &k.m);
	view_info(&s.v, NULL);
	assert_true(shown_end(&s));
	assert_true(has_line(s.c.text, "Gaps : 2 values could not be read (1 paged-out, 1 not-found)"));
	shown_free(&s);
	/* no list where there is none */
	k.m.ngaps = 0;
	shown_json(&s, &k.m);
	view_export(&s.v);
	assert_true(shown_end(&s));
	assert_null(at(s.doc, "dump.gaps"));
	assert_int_equal(json_array_size(at(s.doc, "gaps")), 0);
	shown_free(&s);
}

static void the_proof_of_a_layout(void **state)
{
	struct fs_layout_check checks[] = {
		{"frame type word", "_FLT_TYPE.Signature", 2, 0, 0, NULL},
		{"filter.Frame points back", "_FLT_FILTER.Frame", 3, 1, 0xfffffa8006dcc980,
		 "0x0 is no frame"}};
	const char *unproved[] = {"_FLT_INSTANCE.Context"};
	struct fs_layout_candidate candidates[] = {
		{"fltmgr-22000-x64", "family", 1, 9, true, "9 anchors failed"}};
	const char *const known[] = {"fltmgr/7601-x64.layout"};

	(void)state;
	make();
	k.m.fltmgr = (struct fs_layout){.id = "fltmgr-7601-x64",
					.source = FS_LAYOUT_FAMILY,
					.checks = checks,
					.nchecks = 2,
					.held = 5,
					.failed = 1,
					.unproved = unproved,
					.nunproved = 1,
					.candidates = candidates,
					.ncandidates = 1};
	shown_text(&s, &k.m);
	view_layouts(&s.v, known, 1);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(
		s.c.text, "nt: no layout was accepted\n"
			  "fltmgr: fltmgr-7601-x64 (family), 5 checks held, 1 failed\n"
			  "frame type word: 2 held\n"
			  "filter.Frame points back: 3 held, 1 failed, first at "
			  "0xfffffa8006dcc980: 0x0 is no frame\n"
			  "_FLT_INSTANCE.Context\n"
			  "fltmgr-22000-x64 (family): 1 held, 9 failed, refused: 9 anchors failed\n"
			  "Shipped layouts (1):\n"));
	shown_free(&s);
	shown_json(&s, &k.m);
	view_layouts(&s.v, known, 1);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "fltmgr.source"), "family");
	assert_string_equal(string_at(s.doc, "nt.source"), "none");
	assert_null(at(s.doc, "nt.id"));
	assert_string_equal(string_at(s.doc, "fltmgr.proof.1.failed_at"), "0xfffffa8006dcc980");
	assert_true(array_has(s.doc, "fltmgr.unproved", "_FLT_INSTANCE.Context"));
	assert_true(array_has(s.doc, "known", "fltmgr/7601-x64.layout"));
	shown_free(&s);
}

static const struct fs_rule *rule(size_t i)
{
	static const struct fs_rule r = {
		"zombie-leftover", "a zombie", "28", FS_WARNING, "why", NULL, "do"};

	return i == 0 ? &r : NULL;
}

static const struct fs_rule *two_rules(size_t i)
{
	static const struct fs_rule other = {
		"zombie", "another", "30", FS_ERROR, "why", NULL, "do"};

	return i == 0 ? rule(0) : &other;
}

/* The look-alike: an id that another one begins with. */
static void one_rule_alone(void **state)
{
	(void)state;
	shown_json(&s, NULL);
	view_rules(&s.v, two_rules, 2, "zombie");
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "rules.0.number"), "30");
	assert_null(at(s.doc, "rules.1"));
	shown_free(&s);
}

static void rules_need_no_dump(void **state)
{
	(void)state;
	shown_json(&s, NULL);
	view_rules(&s.v, rule, 1, NULL);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "rules.0.id"), "zombie-leftover");
	assert_string_equal(string_at(s.doc, "rules.0.severity"), "warning");
	assert_null(at(s.doc, "rules.0.reads"));
	assert_null(at(s.doc, "dump"));
	assert_null(at(s.doc, "gaps"));
	shown_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dump_object),
		cmocka_unit_test(impossible_times),
		cmocka_unit_test(modules),
		cmocka_unit_test(no_state),
		cmocka_unit_test(gaps_are_summed_up),
		cmocka_unit_test(gaps_of_the_dump_stand_with_it),
		cmocka_unit_test(the_proof_of_a_layout),
		cmocka_unit_test(rules_need_no_dump),
		cmocka_unit_test(one_rule_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
