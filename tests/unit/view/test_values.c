/* SPDX-License-Identifier: BSD-2-Clause */
/* Values that are missing, unproved or hostile. */
#include "support/article.h"
#include "support/shown.h"
#include "support/test.h"

static struct model_maker k;
static struct shown s;
static struct fs_gap gaps[2];

static void make(void)
{
	article_make(&k);
	gaps[0] = (struct fs_gap){"FLT_FILTER.Name", 0xfffffa80deadb000, true, FS_NOT_IN_DUMP,
				  "the page is not in the dump", false};
	gaps[1] = (struct fs_gap){"DRIVER_OBJECT.Flags", 0, false, FS_CORRUPT, NULL, false};
	k.m.gaps = gaps;
	k.m.ngaps = 2;
}

static struct fs_string missing_string(int32_t gap)
{
	return (struct fs_string){.state = FS_MISSING, .gap = gap};
}

static struct fs_value missing(int32_t gap)
{
	return (struct fs_value){.state = FS_MISSING, .gap = gap};
}

static void a_missing_value_says_why_and_where(void **state)
{
	(void)state;
	make();
	k.filter[1].name = missing_string(0);
	k.filter[1].name_by_callbacks = "MyDrv.sys";
	k.filter[1].driver_object = missing(1);
	k.filter[1].driver = -1;
	k.filter[1].object.rundown.raw = missing(0);
	k.filter[1].object.rundown.state = FS_RUNDOWN_UNKNOWN;
	shown_text(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_true(has_line(s.c.text, "FLT_FILTER: fffffa800290d900 (not-in-dump at "
				       "0xfffffa80deadb000) \"326020\"  (callbacks in MyDrv.sys)"));
	assert_true(has_line(s.c.text, "RundownRef : (not-in-dump at 0xfffffa80deadb000)"));
	assert_true(has_line(s.c.text, "DriverObject : (corrupt)"));
	/* nothing is made up for it */
	assert_null(strstr(s.c.text, "drained"));
	shown_free(&s);

	shown_json(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "filter.name"), "(null)");
	assert_string_equal(string_at(s.doc, "filter.name_by_callbacks"), "MyDrv.sys");
	assert_string_equal(string_at(s.doc, "filter.driver_object"), "(null)");
	assert_string_equal(string_at(s.doc, "filter.object.rundown"), "(null)");
	assert_string_equal(string_at(s.doc, "gaps.0.what"), "FLT_FILTER.Name");
	assert_string_equal(string_at(s.doc, "gaps.0.address"), "0xfffffa80deadb000");
	assert_string_equal(string_at(s.doc, "gaps.0.reason"), "not-in-dump");
	assert_string_equal(string_at(s.doc, "gaps.1.reason"), "corrupt");
	assert_null(at(s.doc, "gaps.1.address"));
	shown_free(&s);
}

static void what_the_build_lacks_is_left_out(void **state)
{
	(void)state;
	make();
	memset(&k.filter[1].object.pointer_count, 0, sizeof(struct fs_value));
	memset(&k.filter[1].flags, 0, sizeof(struct fs_flags));
	shown_text(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_null(strstr(s.c.text, "PointerCount"));
	assert_null(strstr(s.c.text, "\n   Flags"));
	assert_null(strstr(s.c.text, "SectionNotification"));
	shown_free(&s);
	shown_json(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_null(at(s.doc, "filter.object.pointer_count"));
	assert_null(at(s.doc, "filter.flags"));
	shown_free(&s);
}

static void an_unproved_value_is_marked_and_named(void **state)
{
	(void)state;
	make();
	k.m.fltmgr.id = "fltmgr-19041-x64";
	k.m.fltmgr.source = FS_LAYOUT_FAMILY;
	k.filter[1].object.pointer_count.unproved = true;
	k.filter[1].flags.value.unproved = true;
	k.filter[1].callback[FS_CB_PostVolumeMount].va.unproved = true;
	shown_text(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_true(has_line(s.c.text, "PointerCount : 0x00000001"));
	assert_true(has_line(s.c.text, "Flags : [00000002] FilteringInitiated"));
	assert_true(has_line(s.c.text, "PostVolumeMount : 0000000000000000 (null)"));
	/* the rows are those of !fltkd; below them stands which are unproved, and only those */
	assert_true(has_line(s.c.text, "? unproved: PointerCount, Flags, PostVolumeMount"));
	assert_true(has_line(s.c.text, "PreVolumeMount : 0000000000000000 (null)"));
	assert_true(has_line(s.c.text, "RundownRef : 0x0000000000000044 (34)"));
	assert_non_null(strstr(s.c.text, "? (3 values):"));
	assert_non_null(strstr(s.c.text, "fltmgr-19041-x64"));
	shown_free(&s);

	shown_json(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	/* the value is kept */
	assert_int_equal(int_at(s.doc, "filter.object.pointer_count"), 1);
	assert_true(array_has(s.doc, "filter.object.unproved", "pointer_count"));
	assert_true(array_has(s.doc, "filter.unproved", "flags"));
	assert_false(array_has(s.doc, "filter.unproved", "frame"));
	assert_true(array_has(s.doc, "filter.callbacks.unproved", "PostVolumeMount"));
	assert_int_equal(json_array_size(at(s.doc, "filter.callbacks.unproved")), 1);
	assert_null(at(s.doc, "filter.instances.0.unproved"));
	shown_free(&s);
}

/* Names that would forge lines, columns or colours. */
static void a_hostile_name_stays_in_its_quotes(void **state)
{
	static const char evil[] = "E\" \"326020\"\nFLT_FILTER: fffffa8000000000 \"Fake\x1b[2J"
				   "\xe2\x80\xae\xef\xbf\xbd";
	size_t lines = 0, honest = 0;
	const char *p;

	(void)state;
	make();
	shown_text(&s, &k.m);
	view_frames(&s.v);
	assert_true(shown_end(&s));
	for (p = s.c.text; *p; p++)
		honest += *p == '\n';
	shown_free(&s);

	k.filter[1].name = mm_string(evil);
	k.filter[1].altitude = mm_string(evil);
	k.instance[0].name = mm_string(evil);
	k.frame[1].altitude_low = mm_string(evil);
	shown_text(&s, &k.m);
	view_frames(&s.v);
	assert_true(shown_end(&s));
	for (p = s.c.text; *p; p++) {
		lines += *p == '\n';
		assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
	}
	assert_int_equal(lines, honest);
	assert_null(strstr(s.c.text, "\nFLT_FILTER"));
	assert_non_null(strstr(s.c.text, "\"E\\x22 \\x22326020\\x22\\x0aFLT_FILTER: "
					 "fffffa8000000000 \\x22Fake\\x1b[2J\\u{202e}"));
	shown_free(&s);

	shown_json(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "filter.name"), evil);
	assert_string_equal(string_at(s.doc, "filter.altitude"), evil);
	shown_free(&s);
}

static void flags_without_a_name_are_numbers(void **state)
{
	static const char *const names[] = {
		"MANDATORY_UNLOAD_IN_PROGRESS", "FILTERING_INITIATED", "NAME_PROVIDER",
		"BACKED_BY_PAGEFILE",		"SUPPORTS_DAX_VOLUME", "FILTERS_READ_WRITE"};

	(void)state;
	make();
	k.filter[1].flags.value = mm_value(0xf7);
	k.filter[1].flags.names = names;
	k.filter[1].flags.count = 6;
	k.filter[1].flags.unknown = 0x40;
	shown_text(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	/* the words of !fltkd (facts: fltkd-commands.md) */
	assert_true(has_line(s.c.text,
			     "Flags : [000000f7] UnloadInProgress FilteringInitiated NameProvider "
			     "BackedByPagefile SupportsDaxVolume FiltersReadWrite 0x40"));
	shown_free(&s);
	shown_json(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	/* for machines the names of the PDB */
	assert_true(array_has(s.doc, "filter.flags.names", "MANDATORY_UNLOAD_IN_PROGRESS"));
	assert_string_equal(string_at(s.doc, "filter.flags.unknown"), "0x40");
	assert_int_equal(int_at(s.doc, "filter.flags.value"), 0xf7);
	shown_free(&s);
}

/* The type bits are a type, not unknown flags, whatever the reader left in `unknown`. */
static void type_bits_are_not_unknown(void **state)
{
	(void)state;
	make();
	k.filter[1].object.flags.unknown = 0x02000010;
	shown_json(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "filter.object.flags.unknown"), "0x10");
	shown_free(&s);
	k.filter[1].object.flags.value = mm_value(0x04000000);
	k.filter[1].object.flags.unknown = 0;
	shown_text(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	/* what the word says, not what it should say */
	assert_true(has_line(s.c.text, "FLT_OBJECT: fffffa800290d900  [04000000] Volume"));
	shown_free(&s);
}

static void a_waiter_is_shown_with_its_block(void **state)
{
	struct fs_rundown *r = &k.filter[1].object.rundown;

	(void)state;
	make();
	r->raw = mm_value(0xfffff88004fd1ad1);
	r->state = FS_RUNDOWN_WAITING;
	r->wait_block = 0xfffff88004fd1ad0;
	r->wait_count = mm_value(2);
	shown_text(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_true(has_line(s.c.text, "RundownRef : 0xfffff88004fd1ad1 (2) waiting, wait block "
				       "fffff88004fd1ad0"));
	shown_free(&s);
	r->wait_count = missing(0);
	shown_json(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "filter.object.rundown.state"), "waiting");
	/* a string: it has more than 53 bits */
	assert_string_equal(string_at(s.doc, "filter.object.rundown.raw"), "0xfffff88004fd1ad1");
	assert_string_equal(string_at(s.doc, "filter.object.rundown.wait_block"),
			    "0xfffff88004fd1ad0");
	assert_string_equal(string_at(s.doc, "filter.object.rundown.count"), "(null)");
	shown_free(&s);
}

static void code_addresses(void **state)
{
	struct fs_code *cb = k.filter[1].callback;

	(void)state;
	make();
	cb[FS_CB_FilterUnload] =
		(struct fs_code){.va = mm_value(0xfffff8016d0c80f0), .symbol = "prjflt+0x80f0"};
	cb[FS_CB_InstanceSetup] = (struct fs_code){.va = mm_value(0xfffff8016d0c6600)};
	cb[FS_CB_OldDriverUnload] = (struct fs_code){.va = mm_value(0xfffff88004c01000),
						     .symbol = "SomeDrv.sys+0x1000",
						     .unloaded = true};
	shown_text(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(s.c.text,
				   "FilterUnload : fffff8016d0c80f0  prjflt+0x80f0\n"
				   "InstanceSetup : fffff8016d0c6600  (no module)\n"
				   "OldDriverUnload : fffff88004c01000  SomeDrv.sys+0x1000 "
				   "(unloaded)\n"));
	shown_free(&s);
	shown_json(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "filter.callbacks.FilterUnload.symbol"),
			    "prjflt+0x80f0");
	assert_null(at(s.doc, "filter.callbacks.InstanceSetup.symbol"));
	assert_true(json_is_true(at(s.doc, "filter.callbacks.OldDriverUnload.unloaded")));
	shown_free(&s);
}

/* 32-bit dumps have eight digits (facts: transcripts 29). */
static void pointers_are_as_wide_as_the_machine(void **state)
{
	(void)state;
	make();
	k.m.dump.machine = "x86";
	k.filter[1].address = 0x94144008;
	k.filter[1].object.rundown.raw = mm_value(8);
	k.filter[1].object.rundown.count = 4;
	shown_text(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_true(has_line(s.c.text, "FLT_OBJECT: 94144008  [02000000] Filter"));
	assert_true(has_line(s.c.text, "RundownRef : 0x00000008 (4)"));
	shown_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_value_says_why_and_where),
		cmocka_unit_test(what_the_build_lacks_is_left_out),
		cmocka_unit_test(an_unproved_value_is_marked_and_named),
		cmocka_unit_test(a_hostile_name_stays_in_its_quotes),
		cmocka_unit_test(flags_without_a_name_are_numbers),
		cmocka_unit_test(type_bits_are_not_unknown),
		cmocka_unit_test(a_waiter_is_shown_with_its_block),
		cmocka_unit_test(code_addresses),
		cmocka_unit_test(pointers_are_as_wide_as_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
