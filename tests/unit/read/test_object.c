/* SPDX-License-Identifier: BSD-2-Clause */
#include "read/reader_fixture.h"

static void reads_fields(void **state)
{
	struct fixture f;
	const struct reader *r;
	struct list_links links;
	uint64_t v = 0;

	(void)state;
	fixture_make(&f);
	fake_write(f.d, OBJ + 0x30, 0xffffe78f8d415010, 8);
	fake_write(f.d, OBJ + 0x60, 0xffffffff80000002, 8); /* the upper half is a neighbour */
	fake_links(f.d, OBJ + 0x20, 0xfffff80552459700, 0xfffff80552459708);
	fake_write(f.d, OBJ + 0x70 + 0x78, 28, 4);
	r = fixture_reader(&f);
	assert_int_equal(obj_read(r, OBJ, F_FLT_FILTER_Frame, &v, NULL), FS_OK);
	assert_true(v == 0xffffe78f8d415010);
	assert_int_equal(obj_read(r, OBJ, F_FLT_FILTER_Flags, &v, NULL), FS_OK);
	assert_true(v == 0x80000002);
	assert_int_equal(obj_field(r, OBJ, F_FLT_FILTER_Name, &v, NULL), FS_OK);
	assert_true(v == OBJ + 0x38);
	assert_int_equal(obj_links(r, OBJ, F_FLT_OBJECT_PrimaryLink, &links, NULL), FS_OK);
	assert_true(links.self == OBJ + 0x20 && links.flink == 0xfffff80552459700 &&
		    links.blink == 0xfffff80552459708);
	assert_int_equal(obj_read2(r, OBJ, F_FLT_FILTER_InstanceList,
				   F_FLT_RESOURCE_LIST_HEAD_rCount, &v, NULL),
			 FS_OK);
	assert_true(v == 28);
	fixture_free(&f);
}

/* fields.def says 64 bits; this layout's field has 32 and a neighbour. */
static void layout_size_wins(void **state)
{
	struct fixture f;
	uint64_t v = 0;

	(void)state;
	fixture_make(&f);
	fake_write(f.d, OBJ, 0x1111111100000002, 8);
	assert_int_equal(obj_read(fixture_reader(&f), OBJ, F_OBJECT_HEADER_PointerCount, &v, NULL),
			 FS_OK);
	assert_true(v == 2);
	fixture_free(&f);
}

static void says_what_is_unknown(void **state)
{
	struct fixture f;
	struct fs_error err = {0};
	struct reader none;
	uint64_t v = 77;

	(void)state;
	fixture_make(&f);
	(void)fake_at(f.d, OBJ);
	none = *fixture_reader(&f);
	none.fltmgr = NULL;
	assert_int_equal(obj_read(&f.r, OBJ, F_FLT_FILTER_SectionNotification, &v, &err),
			 FS_UNSUPPORTED);
	assert_non_null(strstr(err.text, "this build has no _FLT_FILTER.SectionNotification"));
	assert_int_equal(obj_read(&f.r, OBJ, F_FLT_FILTER_DriverObject, &v, &err), FS_UNSUPPORTED);
	assert_non_null(strstr(err.text, "_FLT_FILTER.DriverObject is not known"));
	assert_int_equal(obj_read(&none, OBJ, F_FLT_FILTER_Flags, &v, &err), FS_UNSUPPORTED);
	assert_non_null(strstr(err.text, "no fltmgr layout was chosen"));
	assert_int_equal(obj_read(&f.r, OBJ, F_FLT_FILTER_Name, &v, &err), FS_INVALID);
	assert_int_equal(obj_links(&f.r, OBJ, F_FLT_FILTER_Name, NULL, &err), FS_INVALID);
	assert_true(v == 77);
	fixture_free(&f);
}

static void names_what_it_read(void **state)
{
	struct fixture f;
	struct fs_error err = {0};
	const uint64_t edge = 0xffffa20f10e5c000 - 0x70 - 0x78;
	uint64_t v = 77;

	(void)state;
	fixture_make(&f);
	(void)fake_at(f.d, edge);
	assert_int_equal(obj_read2(fixture_reader(&f), edge, F_FLT_FILTER_InstanceList,
				   F_FLT_RESOURCE_LIST_HEAD_rCount, &v, &err),
			 FS_NOT_IN_DUMP);
	assert_true(err.has_address && err.address == 0xffffa20f10e5c000 && v == 77);
	assert_non_null(
		strstr(err.text, "_FLT_FILTER.InstanceList: _FLT_RESOURCE_LIST_HEAD.rCount"));
	fixture_free(&f);
}

static void never_wraps(void **state)
{
	struct fixture f;
	struct fs_error err = {0};
	uint64_t v = 77;
	const struct reader *r;

	(void)state;
	fixture_make(&f);
	(void)fake_at(f.d, 0);
	r = fixture_reader(&f);
	assert_int_equal(obj_field(r, UINT64_MAX - 0x20, F_FLT_FILTER_Frame, &v, &err), FS_CORRUPT);
	assert_true(err.address == UINT64_MAX - 0x20);
	assert_int_equal(obj_read(r, UINT64_MAX - 0x20, F_FLT_FILTER_Frame, &v, &err), FS_CORRUPT);
	assert_int_equal(obj_read(r, UINT64_MAX - 0x33, F_FLT_FILTER_Frame, &v, &err), FS_CORRUPT);
	assert_true(v == 77);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_fields),		cmocka_unit_test(layout_size_wins),
		cmocka_unit_test(says_what_is_unknown), cmocka_unit_test(names_what_it_read),
		cmocka_unit_test(never_wraps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
