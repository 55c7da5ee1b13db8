/* SPDX-License-Identifier: BSD-2-Clause */
/* Every line that the article prints appears, in order (facts: transcripts 00). */
#include "support/article.h"
#include "support/shown.h"
#include "support/test.h"

static struct model_maker k;
static struct shown s;

static void frames(void **state)
{
	(void)state;
	article_make(&k);
	shown_text(&s, &k.m);
	view_frames(&s.v);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(
		s.c.text,
		"Frame List: fffff880013302c0\n"
		"FLTP_FRAME: fffffa80039e5010 \"Frame 1\" \"429998.99 to 429999.280700\"\n"
		"FLT_FILTER: fffffa8006dcc960 \"SomeDrv\" \"[NoName]\"\n"
		"FLTP_FRAME: fffffa8001b2aac0 \"Frame 0\" \"0 to 429998.99\"\n"
		"FLT_FILTER: fffffa800290d900 \"MyDrv\" \"326020\"\n"
		"FLT_INSTANCE: fffffa80031b4330 \"MyDrv Instance\" \"326020\"\n"
		"FLT_INSTANCE: fffffa800699d170 \"MyDrv Instance\" \"326020\"\n"
		"FLT_INSTANCE: fffffa8003658b40 \"MyDrv Instance\" \"326020\"\n"));
	/* the levels of transcripts 07, and nothing but these lines */
	assert_non_null(strstr(s.c.text, "\n   FLTP_FRAME: "));
	assert_non_null(strstr(s.c.text, "\n      FLT_FILTER: "));
	assert_non_null(strstr(s.c.text, "\n         FLT_INSTANCE: "));
	assert_null(strstr(s.c.text, "FLT_OBJECT"));
	assert_null(strchr(s.c.text, '?'));
	assert_null(strchr(s.c.text, '('));
	shown_free(&s);
}

static void filters(void **state)
{
	(void)state;
	article_make(&k);
	shown_text(&s, &k.m);
	view_filters(&s.v);
	assert_true(shown_end(&s));
	/* RegisteredFilters.rList is at frame + 0xb0 (facts: fltkd-commands.md) */
	assert_true(lines_in_order(
		s.c.text, "Filter List: fffffa80039e50c0 \"Frame 1\"\n"
			  "FLT_FILTER: fffffa8006dcc960 \"SomeDrv\" \"[NoName]\"\n"
			  "Filter List: fffffa8001b2ab70 \"Frame 0\"\n"
			  "FLT_FILTER: fffffa800290d900 \"MyDrv\" \"326020\"\n"
			  "FLT_INSTANCE: fffffa8003658b40 \"MyDrv Instance\" \"326020\"\n"));
	assert_non_null(strstr(s.c.text, "\n   FLT_FILTER: "));
	shown_free(&s);
}

static void filter_somedrv(void **state)
{
	(void)state;
	article_make(&k);
	shown_text(&s, &k.m);
	view_filter(&s.v, 0);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(
		s.c.text, "FLT_FILTER: fffffa8006dcc960 \"SomeDrv\" \"[NoName]\"\n"
			  "FLT_OBJECT: fffffa8006dcc960 [02000003] Filter DRAINING ZOMBIED\n"
			  "RundownRef : 0x0000000000000001 (0) drained\n"
			  "PointerCount : 0x00000001\n"
			  "PrimaryLink : [fffffa800b400020-fffffa80039e50c0]\n"
			  "Frame : fffffa80039e5010 \"Frame 1\"\n"
			  "Flags : [00000002] FilteringInitiated\n"
			  "DriverObject : 0xfffffa8003673c80\n"
			  "FilterLink : [fffffa800b400020-fffffa80039e50c0]\n"
			  "PreVolumeMount : 0000000000000000 (null)\n"
			  "PostVolumeMount : 0000000000000000 (null)\n"));
	/* where transcripts 01 has them */
	assert_non_null(strstr(s.c.text, "\n   FLT_OBJECT: fffffa8006dcc960  [02000003] Filter"));
	assert_non_null(strstr(s.c.text, "\n      RundownRef               : 0x"));
	assert_non_null(strstr(s.c.text, "\n   Frame                    : fffffa80"));
	shown_free(&s);
}

static void filter_mydrv(void **state)
{
	(void)state;
	article_make(&k);
	shown_text(&s, &k.m);
	view_filter(&s.v, 1);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(s.c.text, "FLT_FILTER: fffffa800290d900 \"MyDrv\" \"326020\"\n"
					     "FLT_OBJECT: fffffa800290d900 [02000000] Filter\n"
					     "RundownRef : 0x0000000000000044 (34)\n"
					     "PointerCount : 0x00000001\n"
					     "PrimaryLink : [fffffa8004770020-fffffa8001cb5390]\n"
					     "Frame : fffffa8001b2aac0 \"Frame 0\"\n"
					     "Flags : [00000002] FilteringInitiated\n"));
	shown_free(&s);
}

static void drvobj(void **state)
{
	(void)state;
	article_make(&k);
	shown_text(&s, &k.m);
	view_drvobj(&s.v, 0);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(s.c.text, "Driver object (fffffa8003673c80) is for:\n"
					     "    \\Driver\\MyDrv\n"
					     "Driver Extension List: (id , addr)\n"
					     "Device Object list:\n"
					     "fffffa8002e8f550\n"));
	assert_true(has_line(s.c.text, "Flags : [00000011] DRVO_UNLOAD_INVOKED DRVO_INITIALIZED"));
	shown_free(&s);
}

static void devobj(void **state)
{
	(void)state;
	article_make(&k);
	shown_text(&s, &k.m);
	view_devobj(&s.v, 0);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(
		s.c.text, "Device object (fffffa8002e8f550) is for:\n"
			  "    MyDrv \\Driver\\MyDrv DriverObject fffffa8003673c80\n"
			  "Current Irp 00000000 RefCount 0 Type 00000022 Flags 00000040\n"
			  "Dacl fffff9a1000846e1 DevExt 00000000 DevObjExt fffffa8002e8f6a0\n"
			  "ExtensionFlags (0x00000801) DOE_UNLOAD_PENDING, DOE_DEFAULT_SD_PRESENT\n"
			  "Characteristics (0000000000)\n"
			  "Device queue is not busy.\n"));
	shown_free(&s);
}

/* The contract's keys, with the article's values. */
static void exported(void **state)
{
	const char *f = "frames.0.filters.0";
	json_t *filter;

	(void)state;
	article_make(&k);
	shown_json(&s, &k.m);
	view_export(&s.v);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "dump.format"), "dmp-kernel");
	assert_string_equal(string_at(s.doc, "frames.0.address"), "0xfffffa80039e5010");
	assert_string_equal(string_at(s.doc, "frames.0.name"), "Frame 1");
	assert_int_equal(int_at(s.doc, "frames.0.id"), 1);
	assert_string_equal(string_at(s.doc, "frames.0.altitude.low"), "429998.99");
	assert_string_equal(string_at(s.doc, "frames.0.altitude.high"), "429999.280700");
	assert_int_equal(int_at(s.doc, "frames.0.filter_count"), 1);
	assert_int_equal(json_array_size(at(s.doc, "frames.0.other_instances")), 0);
	assert_null(at(s.doc, "frames.0.walk"));
	filter = at(s.doc, f);
	assert_string_equal(string_at(filter, "address"), "0xfffffa8006dcc960");
	assert_string_equal(string_at(filter, "name"), "SomeDrv");
	assert_string_equal(string_at(filter, "altitude"), "");
	/* the very example of the contract */
	assert_int_equal(int_at(filter, "object.flags.value"), 33554435);
	assert_true(array_has(filter, "object.flags.names", "DRAINING"));
	assert_true(array_has(filter, "object.flags.names", "ZOMBIED"));
	assert_string_equal(string_at(filter, "object.flags.unknown"), "0x0");
	assert_string_equal(string_at(filter, "object.rundown.raw"), "0x1");
	assert_string_equal(string_at(filter, "object.rundown.state"), "drained");
	assert_int_equal(int_at(filter, "object.pointer_count"), 1);
	assert_string_equal(string_at(filter, "frame"), "0xfffffa80039e5010");
	assert_string_equal(string_at(filter, "driver_object.address"), "0xfffffa8003673c80");
	assert_string_equal(string_at(filter, "driver_object.name"), "\\Driver\\MyDrv");
	assert_string_equal(string_at(filter, "callbacks.PreVolumeMount.address"), "0x0");
	/* the build's layout has no such field: not null, not zero, absent */
	assert_null(at(filter, "callbacks.SectionNotification"));
	assert_null(at(filter, "active_opens"));
	assert_non_null(at(filter, "ledger"));
	assert_null(at(filter, "unproved"));
	filter = at(s.doc, "frames.1.filters.0");
	assert_string_equal(string_at(filter, "object.rundown.state"), "active");
	assert_int_equal(int_at(filter, "object.rundown.count"), 34);
	assert_int_equal(json_array_size(at(filter, "instances")), 3);
	assert_string_equal(string_at(filter, "instances.2.address"), "0xfffffa8003658b40");
	assert_true(
		array_has(s.doc, "drivers.0.devices.0.extension_flags.names", "UNLOAD_PENDING"));
	assert_true(json_is_array(at(s.doc, "gaps")));
	shown_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),	  cmocka_unit_test(filters),
		cmocka_unit_test(filter_somedrv), cmocka_unit_test(filter_mydrv),
		cmocka_unit_test(drvobj),	  cmocka_unit_test(devobj),
		cmocka_unit_test(exported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
