/* SPDX-License-Identifier: BSD-2-Clause */
/* Order of candidates: exact, then build, then the older neighbour, then distance. */
#include "support/test.h"

#include "layout/layout.h"

static void want_order(const struct layout_want *want, const char *const *ids, size_t n,
		       enum layout_match first)
{
	struct layout_candidates c = {0};
	struct fs_error err = {0};

	if (layout_select(want, &c, &err) != FS_OK)
		fail_msg("%s", err.text);
	assert_in_range(c.n, n, 100);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(layout_id(c.v[i].layout), ids[i]);
	assert_int_equal(c.v[0].match, first);
	for (size_t i = 0; i < c.n; i++) {
		assert_int_equal(layout_module(c.v[i].layout), want->module);
		/* build 0 is no candidate for a build */
		assert_true(layout_build(c.v[i].layout) != 0);
		if (i)
			assert_true(c.v[i].match >= c.v[i - 1].match);
	}
	layout_candidates_free(&c);
	assert_int_equal(c.n, 0);
}

#define ORDER(want, first, ...)                                                                    \
	do {                                                                                       \
		static const char *const ids[] = {__VA_ARGS__};                                    \
		want_order((want), ids, sizeof(ids) / sizeof(ids[0]), (first));                    \
	} while (0)

static void exact_beats_build_beats_family(void **state)
{
	struct layout_want w = {.module = LM_FLTMGR, .machine = "x64", .build = 17763};

	(void)state;
	ORDER(&w, LMATCH_BUILD, "fltmgr-17763-x64", "fltmgr-19041-x64");
	/* the image of 10.0.19041.1806, whatever build the dump's header says */
	w.guid_age = "ED2863C6FA7552FA5C922F86ED4418F01";
	ORDER(&w, LMATCH_EXACT, "fltmgr-19041-x64", "fltmgr-17763-x64");
	w.guid_age = NULL;
	w.timestamp = 0xb57cd7ef;
	w.size_of_image = 0x6d000;
	ORDER(&w, LMATCH_EXACT, "fltmgr-19041-x64", "fltmgr-17763-x64");
}

static void looks_like_the_image_but_is_not(void **state)
{
	struct layout_want w = {.module = LM_FLTMGR, .machine = "x64", .build = 17763};

	(void)state;
	w.timestamp = 0xb57cd7ef;
	ORDER(&w, LMATCH_BUILD, "fltmgr-17763-x64"); /* the time stamp alone */
	w.size_of_image = 0x6e000;
	ORDER(&w, LMATCH_BUILD, "fltmgr-17763-x64"); /* another size */
	w.size_of_image = 0x6d000;
	w.guid_age = "ED2863C6FA7552FA5C922F86ED4418F02"; /* the PDB of another age decides */
	ORDER(&w, LMATCH_BUILD, "fltmgr-17763-x64");
	w.guid_age = ""; /* no PDB record in the dump */
	ORDER(&w, LMATCH_EXACT, "fltmgr-19041-x64");
	/* an image without time stamp is not every image without one */
	w = (struct layout_want){.module = LM_NT, .machine = "x64", .build = 19041};
	ORDER(&w, LMATCH_BUILD, "nt-19041-x64");
}

static void between_two_builds_takes_the_older(void **state)
{
	struct layout_want w = {.module = LM_FLTMGR, .machine = "x64"};

	(void)state;
	w.build = 18362; /* 599 above 17763, 679 below 19041 */
	ORDER(&w, LMATCH_FAMILY, "fltmgr-17763-x64", "fltmgr-19041-x64");
	w.build = 21996; /* 4 below 22000, but fields are added over time */
	ORDER(&w, LMATCH_FAMILY, "fltmgr-19041-x64", "fltmgr-22000-x64");
	w.build = 19045;
	ORDER(&w, LMATCH_FAMILY, "fltmgr-19041-x64");
	w.build = 22631;
	ORDER(&w, LMATCH_FAMILY, "fltmgr-22000-x64");
	w.build = 26200;
	ORDER(&w, LMATCH_FAMILY, "fltmgr-26100-x64", "fltmgr-22000-x64", "fltmgr-19041-x64",
	      "fltmgr-17763-x64", "fltmgr-14393-x64", "fltmgr-9600-x64", "fltmgr-7601-x64");
	w.build = 9200; /* 8 */
	ORDER(&w, LMATCH_FAMILY, "fltmgr-7601-x64", "fltmgr-9600-x64", "fltmgr-14393-x64");
	w.build = 7600; /* older than all: nothing is left but distance */
	ORDER(&w, LMATCH_FAMILY, "fltmgr-7601-x64", "fltmgr-9600-x64");
	w.build = 0;
	ORDER(&w, LMATCH_FAMILY, "fltmgr-26100-x64", "fltmgr-22000-x64");
}

static void one_image_does_not_speak_for_its_build(void **state)
{
	struct layout_want w = {.module = LM_NT, .machine = "x64", .build = 7601};

	(void)state;
	ORDER(&w, LMATCH_BUILD, "nt-7601-x64");
	w.guid_age = "339E74133576439CBCDF7E0229DA37731"; /* 6.1.7601.24540 */
	ORDER(&w, LMATCH_EXACT, "nt-7601.24540-x64", "nt-7601-x64");
}

static void says_when_there_is_none(void **state)
{
	struct layout_want w = {.module = LM_FLTMGR, .machine = "arm64", .build = 22631};
	struct layout_candidates c = {.n = 77};
	struct fs_error err = {0};

	(void)state;
	assert_int_equal(layout_select(&w, &c, &err), FS_NOT_FOUND);
	assert_string_equal(err.text, "no shipped layout of fltmgr.sys for arm64");
	assert_int_equal(c.n, 77);
}

/* A pointer of 32 bits is never looked for in a layout of 64. */
static void a_machine_has_its_own_builds(void **state)
{
	struct layout_want w = {.module = LM_FLTMGR, .machine = "x86", .build = 19041};

	(void)state;
	ORDER(&w, LMATCH_BUILD, "fltmgr-19041-x86", "fltmgr-14393-x86", "fltmgr-9600-x86",
	      "fltmgr-7601-x86");
	w.build = 15063; /* none of its own: the older neighbour */
	ORDER(&w, LMATCH_FAMILY, "fltmgr-14393-x86", "fltmgr-19041-x86");
	w.build = 10240;
	ORDER(&w, LMATCH_FAMILY, "fltmgr-9600-x86", "fltmgr-7601-x86", "fltmgr-14393-x86");
	w.module = LM_NT;
	ORDER(&w, LMATCH_FAMILY, "nt-9600-x86", "nt-7601-x86", "nt-14393-x86");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_beats_build_beats_family),
		cmocka_unit_test(looks_like_the_image_but_is_not),
		cmocka_unit_test(between_two_builds_takes_the_older),
		cmocka_unit_test(a_machine_has_its_own_builds),
		cmocka_unit_test(one_image_does_not_speak_for_its_build),
		cmocka_unit_test(says_when_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
