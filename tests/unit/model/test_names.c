/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fltscope/finding.h"
#include "fltscope/model.h"

/* wdm.h: 0 to IRP_MJ_MAXIMUM_FUNCTION 0x1b without a hole. fltKernel.h: (UCHAR)-n. */
static void majors(void **state)
{
	unsigned i, named = 0;

	(void)state;
	assert_string_equal(fs_major_name(0), "IRP_MJ_CREATE");
	assert_string_equal(fs_major_name(0x0d), "IRP_MJ_FILE_SYSTEM_CONTROL");
	assert_string_equal(fs_major_name(0x12), "IRP_MJ_CLEANUP");
	assert_string_equal(fs_major_name(0x1b), "IRP_MJ_PNP");
	assert_null(fs_major_name(0x1c));
	assert_string_equal(fs_major_name((uint8_t)-1),
			    "IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION");
	assert_string_equal(fs_major_name((uint8_t)-6), "IRP_MJ_RELEASE_FOR_CC_FLUSH");
	assert_string_equal(fs_major_name((uint8_t)-7), "IRP_MJ_QUERY_OPEN");
	for (i = 8; i <= 12; i++)
		assert_null(fs_major_name((uint8_t)-i));
	assert_string_equal(fs_major_name((uint8_t)-13), "IRP_MJ_FAST_IO_CHECK_IF_POSSIBLE");
	assert_string_equal(fs_major_name((uint8_t)-20), "IRP_MJ_VOLUME_DISMOUNT");
	assert_null(fs_major_name((uint8_t)-21));
	assert_string_equal(fs_major_name(0x80), "IRP_MJ_OPERATION_END");
	for (i = 0; i < 256; i++)
		named += fs_major_name((uint8_t)i) != NULL;
	assert_int_equal(named, 28 + 15 + 1);
}

static void enums(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < FS_CB_COUNT; i++)
		assert_string_not_equal(fs_callback_name((enum fs_callback)i), "unknown");
	assert_string_equal(fs_callback_name(FS_CB_FilterUnload), "FilterUnload");
	assert_string_equal(fs_callback_name(FS_CB_OldDriverUnload), "OldDriverUnload");
	assert_string_equal(fs_callback_name(FS_CB_COUNT), "unknown");
	assert_string_equal(fs_layout_source_name(FS_LAYOUT_FAMILY), "family");
	assert_string_equal(fs_layout_source_name(FS_LAYOUT_USER), "user");
	assert_string_equal(fs_severity_name(FS_ERROR), "error");
	assert_string_equal(fs_severity_name(FS_NOTE), "note");
	assert_string_equal(fs_confidence_name(FS_PROVED), "proved");
	assert_string_equal(fs_confidence_name(FS_POSSIBLE), "possible");
	assert_string_equal(fs_verdict_state_name(FS_ST_STUCK), "stuck");
	assert_string_equal(fs_verdict_state_name(FS_ST_UNKNOWN), "unknown");
	assert_string_equal(fs_stage_name(FS_S0), "S0");
	assert_string_equal(fs_stage_name(FS_S5), "S5");
	assert_string_equal(fs_stage_name(FS_STAGE_UNKNOWN), "unknown");
	assert_string_equal(fs_stage_name((enum fs_stage)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(majors),
		cmocka_unit_test(enums),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
