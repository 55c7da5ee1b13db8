/* SPDX-License-Identifier: BSD-2-Clause */
/* The choice among the shipped layouts, and what is said when none fits. */
#include "fltmgr/fltmgr.h"
#include "support/flt_world.h"
#include "support/test.h"

static struct flt_world w;
static struct arena arena;
static struct fltmgr_choice choice;
static struct fs_error err;

static int setup(void **state)
{
	(void)state;
	fw_small(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fltmgr_choice_deinit(&choice);
	arena_deinit(&arena);
	fw_end(&w);
	return 0;
}

static enum fs_status choose(uint32_t build, struct layout *user)
{
	struct fltmgr_given given = {.user = user};

	fw_collect(&w);
	return fltmgr_choose(&w.r, &w.modules, build, &given, &arena, &choice, &err);
}

/* The world is 19041's; 14393 and 17763 read what is in it just as well, so the
 * build's own must win; 7601 does not fit and says why. */
static void nearest_build_wins_ties(void **state)
{
	size_t i, refused = 0;

	(void)state;
	if (choose(19041, NULL) != FS_OK)
		fail_msg("%s", err.text);
	assert_string_equal(layout_id(choice.layout), "fltmgr-19041-x64");
	assert_int_equal(choice.source, FS_LAYOUT_FAMILY);
	assert_int_equal(choice.match, LMATCH_BUILD);
	assert_true(choice.candidates.n >= 5);
	for (i = 0; i < choice.candidates.n; i++) {
		const struct fs_layout_candidate *c = &choice.candidates.v[i];

		assert_int_equal(c->refused, c->why != NULL);
		refused += c->refused;
		if (strcmp(c->id, "fltmgr-7601-x64") == 0)
			assert_true(c->refused);
	}
	assert_true(refused >= 1 && refused < choice.candidates.n);
	assert_int_equal(choice.site.frame_list, FW_HEAD);
}

/* An unknown build between two: the older is nearer, and it is family. */
static void unknown_build_takes_family(void **state)
{
	(void)state;
	if (choose(20348, NULL) != FS_OK)
		fail_msg("%s", err.text);
	assert_string_equal(layout_id(choice.layout), "fltmgr-19041-x64");
	assert_int_equal(choice.match, LMATCH_FAMILY);
	assert_int_equal(choice.source, FS_LAYOUT_FAMILY);
}

static struct layout *parse(const char *without)
{
	char *text = fw_layout_text(without);
	struct layout *l = NULL;

	assert_int_equal(layout_parse("mine", text, strlen(text), NULL, NULL, &l, &err), FS_OK);
	free(text);
	return l;
}

/* --layout is tried alone, and believed where nothing speaks. */
static void user_layout_is_tried_alone(void **state)
{
	struct layout *mine = parse(NULL);

	(void)state;
	if (choose(19041, mine) != FS_OK)
		fail_msg("%s", err.text);
	assert_ptr_equal(choice.layout, mine);
	assert_int_equal(choice.source, FS_LAYOUT_USER);
	assert_int_equal(choice.candidates.n, 1);
	assert_string_equal(choice.candidates.v[0].match, "user");
}

static void refused_user_layout_stays_the_callers(void **state)
{
	struct layout *mine = parse("_LIST_ENTRY Links");

	(void)state;
	assert_int_equal(choose(19041, mine), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "does not know a frame's links"));
	assert_null(choice.layout);
	layout_free(mine);
}

static void no_state_names_the_image(void **state)
{
	(void)state;
	triage_links(&w.t, FW_HEAD, FW_HEAD, FW_HEAD);
	triage_u32(&w.t, FW_SMALL_FRAME, 0);
	assert_int_equal(choose(19041, NULL), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "no list of frames"));
	assert_non_null(strstr(err.text, "time stamp 0x00000001, size 0x6d000"));
	assert_null(choice.layout);
	assert_true(choice.candidates.n >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nearest_build_wins_ties, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_build_takes_family, setup, teardown),
		cmocka_unit_test_setup_teardown(user_layout_is_tried_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(refused_user_layout_stays_the_callers, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_state_names_the_image, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
