/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists that were not walked whole, and what no list reached. */
#include "support/article.h"
#include "support/shown.h"
#include "support/test.h"

static struct model_maker k;
static struct shown s;
static struct fs_gap gap = {"FLT_FILTER.PrimaryLink", 0xffffe78f92aeda30, true, FS_NOT_IN_DUMP,
			    NULL, false};

/* Three forward, four backward, ten counted. */
static void make_torn(void)
{
	static const char *const names[] = {"a", "b", "c", "w", "x", "y", "z"};
	struct fs_list *l = &k.frame[0].filters;
	size_t i;

	mm_begin(&k);
	k.m.gaps = &gap;
	k.m.ngaps = 1;
	(void)mm_frame(&k, 0xffffe78f8d415010, 0);
	for (i = 0; i < 7; i++) {
		(void)mm_filter(&k, 0, 0xffffe78f92000010 + i * 0x1000, names[i], 0);
		k.filter[i].by_forward = i < 3;
		k.filter[i].by_backward = i >= 3;
	}
	l->count = mm_value(10);
	l->forward = 3;
	l->backward = 4;
	l->stop = FS_STOP_UNREADABLE;
	l->backward_stop = FS_STOP_UNREADABLE;
	l->stop_at = 0xffffe78f92aeda30;
	l->gap = 0;
}

static void two_directions_are_told_apart(void **state)
{
	const char *doc = "frames.0";

	(void)state;
	make_torn();
	shown_text(&s, &k.m);
	view_filters(&s.v);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(s.c.text,
				   "FLT_FILTER: ffffe78f92002010 \"c\" \"326020\"\n"
				   "(7 of 10 reached: 3 forward, 4 backward; not-in-dump at "
				   "0xffffe78f92aeda30)"
				   "\n"
				   "FLT_FILTER: ffffe78f92003010 \"w\" \"326020\"\n"));
	shown_free(&s);
	shown_json(&s, &k.m);
	view_export(&s.v);
	assert_true(shown_end(&s));
	assert_int_equal(int_at(at(s.doc, doc), "filter_count"), 10);
	assert_int_equal(json_array_size(at(at(s.doc, doc), "filters")), 7);
	assert_int_equal(int_at(at(s.doc, doc), "walk.count"), 10);
	assert_int_equal(int_at(at(s.doc, doc), "walk.forward"), 3);
	assert_int_equal(int_at(at(s.doc, doc), "walk.backward"), 4);
	assert_string_equal(string_at(at(s.doc, doc), "walk.stopped"), "unreadable");
	assert_null(at(at(s.doc, doc), "volumes_walk"));
	assert_null(at(at(s.doc, doc), "filters.0.walk"));
	shown_free(&s);
}

/* "Frame 0" rests on an offset like any other value does. */
static void unproved_frame_number_is_marked(void **state)
{
	(void)state;
	make_torn();
	k.m.fltmgr.id = "fltmgr-19041-x64";
	shown_text(&s, &k.m);
	view_filters(&s.v);
	view_volumes(&s.v);
	assert_true(shown_end(&s));
	assert_null(strstr(s.c.text, "\"Frame 0\" ?"));
	shown_free(&s);
	k.frame[0].id.unproved = true;
	shown_text(&s, &k.m);
	view_filters(&s.v);
	view_volumes(&s.v);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(s.c.text, "Filter List: ffffe78f8d4150c0 \"Frame 0\" ?\n"
					     "Volume List: ffffe78f8d415140 \"Frame 0\" ?\n"));
	shown_free(&s);
}

/* A closed list whose count is another, and one whose Blink does not fit. */
static void closed_is_not_whole(void **state)
{
	(void)state;
	article_make(&k);
	k.filter[1].instances.count = mm_value(4);
	k.filter[0].instances.broken_at = 0xfffffa8006dcca28;
	k.filter[0].instances.broken_blink = 0x41414141;
	k.filter[0].instances.broken_expected = 0xfffffa8006dcca20;
	k.frame[0].filters.wrong_at = 0xfffffa8006dd0000;
	shown_text(&s, &k.m);
	view_frames(&s.v);
	assert_true(shown_end(&s));
	assert_non_null(strstr(s.c.text, "(3 of 4 reached: 3 forward, 0 backward; the links are "
					 "closed)"));
	assert_non_null(strstr(s.c.text, "(the object at 0xfffffa8006dd0000 is of another type)"));
	assert_non_null(strstr(s.c.text, "(Blink at 0xfffffa8006dcca28 is 0x41414141, expected "
					 "0xfffffa8006dcca20)"));
	shown_free(&s);
	shown_json(&s, &k.m);
	view_frames(&s.v);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "frames.1.filters.0.walk.stopped"), "closed");
	assert_string_equal(string_at(s.doc, "frames.0.filters.0.walk.broken.blink"), "0x41414141");
	shown_free(&s);
}

static void every_stop_has_its_words(void **state)
{
	static const struct {
		enum fs_stop stop;
		const char *words;
	} cases[] = {
		{FS_STOP_CYCLE, "cycle: 0x1000 leads back to 0x2000"},
		{FS_STOP_BAD_LINK, "bad link at 0x1000: 0x2000"},
		{FS_STOP_LIMIT, "limit reached at 0x1000"},
		{FS_STOP_UNREADABLE, "links not readable at 0x1000"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		article_make(&k);
		k.frame[1].filters.stop = cases[i].stop;
		k.frame[1].filters.stop_at = 0x1000;
		k.frame[1].filters.stop_value = 0x2000;
		shown_text(&s, &k.m);
		view_frames(&s.v);
		assert_true(shown_end(&s));
		assert_non_null(strstr(s.c.text, cases[i].words));
		shown_free(&s);
	}
}

/* A volume with an instance whose filter is on no reached part of the list. */
static void make_lost(void)
{
	static size_t on_volume[2];
	size_t lost, other;

	article_make(&k);
	/* the volume of Frame 0 */
	k.m.nvolumes = 1;
	k.volume[0].address = 0xfffffa8002a40010;
	k.volume[0].frame = 1;
	k.volume[0].by_forward = true;
	k.volume[0].device_name = mm_string("\\Device\\HarddiskVolume1");
	k.volume[0].instances = (struct fs_list){
		.stop = FS_STOP_CLOSED, .gap = -1, .n = 2, .forward = 2, .entries = on_volume};
	k.frame[1].volumes.entries = k.frame_entries + 3;
	k.frame[1].volumes.entries[0] = 0;
	k.frame[1].volumes.n = k.frame[1].volumes.forward = 1;
	k.frame[1].volumes.count = mm_value(1);
	/* its filter: reached through the instance only */
	other = mm_filter(&k, 1, 0xfffffa8009999010, "Eighth", 0);
	k.frame[1].filters.n--;
	k.frame[1].filters.forward--;
	k.frame[1].filters.count = mm_value(1);
	k.filter[other].by_forward = false;
	k.filter[other].by_instance = true;
	lost = mm_instance(&k, other, 0xfffffa8007777010);
	k.filter[other].instances.n = 0;
	k.instance[lost].by_filter = false;
	k.instance[lost].by_volume = true;
	k.instance[lost].volume = 0;
	k.instance[lost].name = mm_string("Eighth Instance");
	k.instance[0].volume = 0;
	on_volume[0] = 0;
	on_volume[1] = lost;
}

static void what_no_list_reached_is_not_lost(void **state)
{
	(void)state;
	make_lost();
	shown_json(&s, &k.m);
	view_export(&s.v);
	assert_true(shown_end(&s));
	assert_int_equal(json_array_size(at(s.doc, "frames.1.other_instances")), 1);
	assert_string_equal(string_at(s.doc, "frames.1.other_instances.0.name"), "Eighth Instance");
	assert_string_equal(string_at(s.doc, "frames.1.other_filters.0.name"), "Eighth");
	assert_int_equal(json_array_size(at(s.doc, "frames.1.filters")), 1);
	/* those of reached filters are not repeated, nor stand under the other frame */
	assert_int_equal(json_array_size(at(s.doc, "frames.0.other_instances")), 0);
	assert_true(array_has(s.doc, "frames.1.volumes.0.instances", "0xfffffa8007777010"));
	assert_true(array_has(s.doc, "frames.1.volumes.0.instances", "0xfffffa80031b4330"));
	shown_free(&s);

	shown_text(&s, &k.m);
	view_frames(&s.v);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(s.c.text,
				   "(on no reached part of the list, but named by an instance:)\n"
				   "FLT_FILTER: fffffa8009999010 \"Eighth\" \"326020\"\n"
				   "(reached only through a volume:)\n"));
	shown_free(&s);

	shown_text(&s, &k.m);
	view_volumes(&s.v);
	assert_true(shown_end(&s));
	assert_true(lines_in_order(
		s.c.text, "Volume List: fffffa8001b2abf0 \"Frame 0\"\n"
			  "FLT_VOLUME: fffffa8002a40010 \"\\Device\\HarddiskVolume1\"\n"
			  "FLT_INSTANCE: fffffa80031b4330 \"MyDrv Instance\" \"326020\"\n"));
	shown_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_directions_are_told_apart),
		cmocka_unit_test(unproved_frame_number_is_marked),
		cmocka_unit_test(closed_is_not_whole),
		cmocka_unit_test(every_stop_has_its_words),
		cmocka_unit_test(what_no_list_reached_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
