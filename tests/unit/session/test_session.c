/* SPDX-License-Identifier: BSD-2-Clause */
/* The public handle: what opens, what is refused, what stays useful when parts are missing. */
#include "fltscope/fltscope.h"
#include "support/flt_world.h"
#include "support/test.h"

static struct flt_world w;

static int setup(void **state)
{
	(void)state;
	fw_small(&w);
	/* Two drivers with an object each, FoxMon's and DeltaAv's. */
	triage_u64(&w.t, FW_SMALL_FOX + 0x60, FW_POOL + 0x8010);
	triage_u64(&w.t, FW_SMALL_DELTA + 0x60, FW_POOL + 0x8810);
	triage_u32(&w.t, FW_POOL + 0x8010, 0x01500004);
	triage_u32(&w.t, FW_POOL + 0x8810, 0x01500004);
	triage_u32(&w.t, FW_POOL + 0x9010, 0x01500004); /* one that no filter has */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fw_end(&w);
	return 0;
}

static struct fltscope *must_open(const char *path)
{
	struct fltscope *fs = NULL;
	struct fs_error err;

	if (fltscope_open(path, NULL, &fs, &err) != FS_OK)
		fail_msg("%s", err.text);
	return fs;
}

static void a_dump_opens_whole(void **state)
{
	struct fltscope *fs = must_open(triage_write(&w.t));
	const struct fs_report *report = NULL, *again = NULL;
	const struct fs_model *m = fltscope_model(fs);
	struct fs_error err;

	(void)state;
	assert_true(m->found);
	assert_null(m->not_found);
	assert_string_equal(m->dump.format, "dmp-triage");
	assert_string_equal(m->dump.machine, "x64");
	assert_int_equal(m->nmodules, 3);
	assert_string_equal(m->modules[m->fltmgr_module].name, "fltmgr.sys");
	assert_string_equal(m->fltmgr.id, "fltmgr-19041-x64");
	assert_int_equal(m->fltmgr.source, FS_LAYOUT_FAMILY);
	assert_true(m->fltmgr.nchecks > 10 && m->fltmgr.ncandidates >= 5);
	assert_string_equal(m->located_by, "searching fltmgr's data");
	assert_int_equal(m->globals.v, FW_GLOBALS);
	/* FltGlobals as a whole may begin elsewhere: only its list was seen. */
	assert_true(m->globals.unproved);
	assert_int_equal(m->nframes, 1);
	assert_int_equal(m->nfilters, 2);
	assert_int_equal(m->ninstances, 2);
	assert_int_equal(m->nvolumes, 1);
	assert_int_equal(m->ndrivers, 2);
	assert_true(fltscope_stats(fs).bytes_read > 0);
	assert_int_equal(fltscope_diagnose(fs, &report, &err), FS_OK);
	assert_int_equal(fltscope_diagnose(fs, &again, &err), FS_OK);
	assert_ptr_equal(report, again);
	fltscope_close(fs);
}

static void objects_are_added_on_request(void **state)
{
	struct fltscope *fs = must_open(triage_write(&w.t));
	struct fs_error err;
	size_t i = 99, n = fltscope_model(fs)->ndrivers;

	(void)state;
	assert_int_equal(fltscope_add_driver(fs, FW_POOL + 0x9010, &i, &err), FS_OK);
	assert_int_equal(fltscope_model(fs)->ndrivers, n + 1);
	assert_int_equal(fltscope_model(fs)->drivers[i].address, FW_POOL + 0x9010);
	/* A filter is no device. */
	i = 99;
	assert_int_equal(fltscope_add_device(fs, FW_SMALL_FOX, &i, &err), FS_CORRUPT);
	assert_int_equal(i, 99);
	fltscope_close(fs);
}

/* No Filter Manager: the handle opens, says so, and still has the modules. */
static void without_state_the_rest_is_there(void **state)
{
	const struct fs_report *report = NULL;
	struct fltscope *fs;
	struct fs_error err;

	(void)state;
	triage_links(&w.t, FW_HEAD, FW_HEAD, FW_HEAD);
	triage_u32(&w.t, FW_SMALL_FRAME, 0);
	fs = must_open(triage_write(&w.t));
	assert_false(fltscope_model(fs)->found);
	assert_non_null(strstr(fltscope_model(fs)->not_found, "no list of frames"));
	assert_int_equal(fltscope_model(fs)->nmodules, 3);
	assert_null(fltscope_model(fs)->fltmgr.id);
	assert_true(fltscope_model(fs)->fltmgr.ncandidates >= 5);
	assert_int_equal(fltscope_diagnose(fs, &report, &err), FS_OK);
	fltscope_close(fs);
}

static void what_is_no_dump_is_refused(void **state)
{
	struct fltscope *fs = NULL;
	struct fs_error err;

	(void)state;
	assert_int_equal(fltscope_open("/nonexistent/MEMORY.DMP", NULL, &fs, &err), FS_SYSTEM);
	assert_non_null(strstr(err.text, "MEMORY.DMP"));
	assert_int_equal(fltscope_open("/dev/null", NULL, &fs, NULL), FS_CORRUPT);
	assert_null(fs);
	fltscope_close(NULL);
}

static void layout_files_are_checked_first(void **state)
{
	const char *missing[] = {"/nonexistent/mine.layout"};
	struct fltscope_options opts = {.layout_files = missing, .nlayout_files = 1};
	struct fltscope *fs = NULL;
	struct fs_error err;

	(void)state;
	assert_int_equal(fltscope_open(triage_write(&w.t), &opts, &fs, &err), FS_INVALID);
	assert_int_equal(err.status, FS_INVALID);
	assert_non_null(strstr(err.text, "mine.layout"));
	assert_null(fs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_dump_opens_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(objects_are_added_on_request, setup, teardown),
		cmocka_unit_test_setup_teardown(without_state_the_rest_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_dump_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(layout_files_are_checked_first, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
