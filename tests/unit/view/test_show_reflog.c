/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference trace log as `filter` shows it. */
#include "support/article.h"
#include "support/shown.h"
#include "support/test.h"

static struct model_maker k;
static struct shown s;
static struct fs_filter_holders holders;
static struct fs_ref_log ref_log;
static struct fs_ref_event event[12];
static struct fs_gap gap = {"FLT_FILTER.Base.ReferenceTraceLog", 0xffffa20f14000000, true,
			    FS_NOT_IN_DUMP, NULL, false};

/* Twelve: every third is a release by somebody else. */
static void make(void)
{
	static const char *const symbol[] = {
		"foxmon+0x0", "foxmon+0x1", "foxmon+0x2", "foxmon+0x3", "foxmon+0x4", "foxmon+0x5",
		"foxmon+0x6", "foxmon+0x7", "foxmon+0x8", "foxmon+0x9", "foxmon+0xa", "foxmon+0xb"};
	size_t i;

	mm_begin(&k);
	k.m.gaps = &gap;
	k.m.ngaps = 1;
	(void)mm_frame(&k, 0xffffa20f10cc8010, 0);
	(void)mm_filter(&k, 0, 0xffffa20f10e19010, "FoxMon", 0);
	mm_code_of(&k, 0, mm_module(&k, "foxmon.sys", 0xfffff80560000000));
	holders = (struct fs_filter_holders){.log = &ref_log};
	k.filter[0].holders = &holders;
	memset(event, 0, sizeof(event));
	for (i = 0; i < 12; i++) {
		event[i].delta = i % 3 == 2 ? -1 : 1;
		event[i].rundown = 4;
		event[i].nframes = 2;
		event[i].frame[0] = (struct fs_code){.va = mm_value(0xfffff80552431000),
						     .symbol = "fltmgr+0x1000",
						     .module = -1};
		event[i].frame[1] = (struct fs_code){.va = mm_value(0xfffff80560000000 + i),
						     .symbol = symbol[i],
						     .module = i % 3 == 2 ? -1 : 0};
	}
	ref_log = (struct fs_ref_log){.pointer = mm_value(0xffffa20f14000000),
				      .event = event,
				      .n = 12,
				      .looked = FS_LOOKED_WHOLE};
}

static void text(void)
{
	shown_text(&s, &k.m);
	view_filter(&s.v, 0);
	assert_true(shown_end(&s));
}

static void json(void)
{
	shown_json(&s, &k.m);
	view_filter(&s.v, 0);
	assert_true(shown_end(&s));
}

static void newest_are_shown(void **state)
{
	(void)state;
	make();
	text();
	assert_non_null(strstr(s.c.text, "12 entries, 8 of the driver's own"));
	assert_null(strstr(s.c.text, "+1 foxmon+0x3\n"));
	assert_true(lines_in_order(s.c.text, "+1 foxmon+0x4\n-1 fltmgr+0x1000\n+1 foxmon+0x6\n"
					     "+1 foxmon+0x7\n-1 fltmgr+0x1000\n+1 foxmon+0x9\n"
					     "+1 foxmon+0xa\n-1 fltmgr+0x1000\n"));
	shown_free(&s);
	ref_log.looked = FS_LOOKED_PARTLY;
	text();
	assert_non_null(strstr(s.c.text, "at least 12 entries"));
	shown_free(&s);
}

static void documents_have_all(void **state)
{
	(void)state;
	make();
	ref_log.pointer.unproved = true;
	json();
	assert_int_equal(json_array_size(at(s.doc, "filter.reference_log")), 12);
	assert_string_equal(string_at(s.doc, "filter.reference_log.11.delta"), "-1");
	assert_string_equal(string_at(s.doc, "filter.reference_log.10.delta"), "+1");
	assert_string_equal(string_at(s.doc, "filter.reference_log.10.rundown"), "0x4");
	assert_string_equal(string_at(s.doc, "filter.reference_log.10.stack.1.symbol"),
			    "foxmon+0xa");
	assert_string_equal(string_at(s.doc, "filter.reference_log.10.stack.1.address"),
			    "0xfffff8056000000a");
	assert_null(at(s.doc, "filter.reference_log_at_least"));
	assert_true(array_has(s.doc, "filter.unproved", "reference_log"));
	shown_free(&s);
	ref_log.looked = FS_LOOKED_PARTLY;
	json();
	assert_true(json_is_true(at(s.doc, "filter.reference_log_at_least")));
	shown_free(&s);
}

static void off_and_unread_are_told_apart(void **state)
{
	(void)state;
	make();
	ref_log = (struct fs_ref_log){.pointer = mm_value(0)};
	text();
	assert_null(strstr(s.c.text, "Reference log"));
	shown_free(&s);
	json();
	assert_null(at(s.doc, "filter.reference_log"));
	shown_free(&s);
	ref_log.pointer = mm_missing();
	text();
	assert_non_null(strstr(s.c.text, "(not-in-dump at 0xffffa20f14000000)"));
	shown_free(&s);
	json();
	assert_true(json_is_null(at(s.doc, "filter.reference_log")));
	shown_free(&s);
	/* on, and not in the dump */
	ref_log.pointer = mm_value(0xffffa20f14000000);
	text();
	assert_non_null(strstr(s.c.text, "ffffa20f14000000  (not read)"));
	shown_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_are_shown),
		cmocka_unit_test(documents_have_all),
		cmocka_unit_test(off_and_unread_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
