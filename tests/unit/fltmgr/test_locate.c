/* SPDX-License-Identifier: BSD-2-Clause */
/* Where FltGlobals is: by a known address, by searching, by a frame's type word. */
#include "fltmgr/prove.h"
#include "support/flt_world.h"
#include "support/test.h"

static struct flt_world w;

static int setup(void **state)
{
	(void)state;
	fw_small(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fw_end(&w);
	return 0;
}

static enum fs_status locate(uint64_t rva, struct fltmgr_site *site, struct fs_error *err)
{
	struct reader r;
	struct locate_in in = {.r = &r, .rva_known = rva != 0, .globals_rva = rva,
				.rva_how = "known RVA of this image"};

	fw_collect(&w);
	r = w.r;
	r.fltmgr = w.choice.layout;
	in.fltmgr = module_fltmgr(&w.modules);
	assert_non_null(in.fltmgr);
	return fltmgr_locate(&in, site, err);
}

static struct fltmgr_site must_locate(uint64_t rva)
{
	struct fltmgr_site site = {0};
	struct fs_error err;

	if (locate(rva, &site, &err) != FS_OK)
		fail_msg("%s", err.text);
	return site;
}

static void by_known_rva(void **state)
{
	struct fltmgr_site site = must_locate(0x29600);

	(void)state;
	assert_string_equal(site.how, "known RVA of this image");
	assert_int_equal(site.globals, FW_GLOBALS);
	assert_int_equal(site.frame_list, FW_HEAD);
}

/* A service update moved it: the RVA of another image must not be believed. */
static void wrong_rva_is_not_believed(void **state)
{
	struct fltmgr_site site = must_locate(0x29580);

	(void)state;
	assert_string_equal(site.how, "searching fltmgr's data");
	assert_int_equal(site.frame_list, FW_HEAD);
}

static void by_searching(void **state)
{
	struct fltmgr_site site = must_locate(0);

	(void)state;
	assert_string_equal(site.how, "searching fltmgr's data");
	assert_true(site.globals_known);
	assert_int_equal(site.globals, FW_GLOBALS);
	assert_int_equal(site.frame_list, FW_HEAD);
	assert_int_equal(site.frames.n, 0);
}

/* Look-alike: two pointers into the frame that are no list. The head that comes
 * round and has the right count wins. */
static void better_head_wins(void **state)
{
	struct fltmgr_site site;

	(void)state;
	triage_u64(&w.t, FW_GLOBALS + 0x10, FW_SMALL_FRAME + 8);
	triage_u64(&w.t, FW_GLOBALS + 0x18, FW_SMALL_FRAME + 8);
	site = must_locate(0);
	assert_int_equal(site.frame_list, FW_HEAD);
}

/* FltGlobals was not captured: the frame says where its list's head is. */
static void by_type_word(void **state)
{
	struct fltmgr_site site;
	uint64_t head = FW_FLTMGR + 0x2b6c0;

	(void)state;
	triage_links(&w.t, FW_HEAD, FW_HEAD, FW_HEAD);
	triage_links(&w.t, FW_SMALL_FRAME + 8, head, head);
	site = must_locate(0);
	assert_string_equal(site.how, "frame type word");
	assert_int_equal(site.frame_list, 0);
	assert_false(site.globals_known);
	assert_int_equal(site.frames.n, 1);
	assert_int_equal(site.frames.v[0], FW_SMALL_FRAME);
	assert_int_equal(site.head_by_links, head);
	fltmgr_site_deinit(&site);
}

/* Look-alikes of a frame: the type word in pool data whose next words are no
 * links, or lead to another module; a size that no frame has; a frame number
 * out of all bounds. */
static void type_word_alone_is_no_frame(void **state)
{
	struct fltmgr_site site;
	uint64_t head = FW_FLTMGR + 0x2b6c0;
	uint64_t fake = FW_POOL + 0x9000;

	(void)state;
	triage_links(&w.t, FW_HEAD, FW_HEAD, FW_HEAD);
	triage_links(&w.t, FW_SMALL_FRAME + 8, head, head);
	triage_u32(&w.t, fake, 0x0780f103);
	triage_u32(&w.t, fake + 0x1000, 0x0780f103);
	triage_links(&w.t, fake + 0x1008, FW_DRIVER_A + 0x100, FW_DRIVER_A + 0x100);
	triage_u32(&w.t, fake + 0x2000, 0x0010f103);
	triage_links(&w.t, fake + 0x2008, head, head);
	triage_u32(&w.t, fake + 0x3000, 0x0780f103);
	triage_links(&w.t, fake + 0x3008, head, head);
	triage_u32(&w.t, fake + 0x3018, 0x10000000);
	site = must_locate(0);
	assert_int_equal(site.frames.n, 1);
	assert_int_equal(site.frames.v[0], FW_SMALL_FRAME);
	fltmgr_site_deinit(&site);
}

/* Frames that name different heads: then none is believed. */
static void two_heads_are_none(void **state)
{
	struct fltmgr_site site;
	uint64_t other = FW_POOL + 0x9010;

	(void)state;
	triage_links(&w.t, FW_HEAD, FW_HEAD, FW_HEAD);
	triage_links(&w.t, FW_SMALL_FRAME + 8, FW_FLTMGR + 0x2b6c0, FW_FLTMGR + 0x2b6c0);
	fw_frame(&w, other, 1);
	triage_links(&w.t, other + 8, FW_FLTMGR + 0x2c000, FW_FLTMGR + 0x2c000);
	site = must_locate(0);
	assert_int_equal(site.frames.n, 2);
	assert_int_equal(site.head_by_links, 0);
	fltmgr_site_deinit(&site);
}

static void nothing_there(void **state)
{
	struct fltmgr_site site = {0};
	struct fs_error err;

	(void)state;
	triage_links(&w.t, FW_HEAD, FW_HEAD, FW_HEAD);
	triage_u32(&w.t, FW_SMALL_FRAME, 0);
	assert_int_equal(locate(0, &site, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "no list of frames"));
	assert_non_null(strstr(err.text, "fltmgr.sys"));
	assert_int_equal(site.frames.n, 0);
}

/* At boot the list is empty: that is a state, and it is said as such. */
static void empty_list_is_said(void **state)
{
	struct fltmgr_site site = {0};
	struct fs_error err;

	(void)state;
	triage_links(&w.t, FW_HEAD, FW_HEAD, FW_HEAD);
	triage_u32(&w.t, FW_SMALL_FRAME, 0);
	assert_int_equal(locate(0x29600, &site, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "is empty"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_known_rva, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_rva_is_not_believed, setup, teardown),
		cmocka_unit_test_setup_teardown(by_searching, setup, teardown),
		cmocka_unit_test_setup_teardown(better_head_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(by_type_word, setup, teardown),
		cmocka_unit_test_setup_teardown(type_word_alone_is_no_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(two_heads_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_there, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_list_is_said, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
