/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 32-bit full dumps: DUMP_HEADER32, 4 KiB. Offsets are literal, as volatility's crash_vtypes
 * and QEMU's win_dump_defs.h have them; values are invented.
 */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

static void put_header(struct bytes *b)
{
	bytes_filler(b, 0, 0x1000);
	bytes_put(b, 0, "PAGEDUMP", 8);
	bytes_u32(b, 0x8, 15);
	bytes_u32(b, 0xc, 7601);
	bytes_u32(b, 0x10, 0x185000);
	bytes_u32(b, 0x14, 0x83000000);
	bytes_u32(b, 0x18, 0x82f8d810);
	bytes_u32(b, 0x1c, 0x82f85b98);
	bytes_u32(b, 0x20, 0x14c);
	bytes_u32(b, 0x24, 4);
	bytes_u32(b, 0x28, 0xd1);
	bytes_u32(b, 0x2c, 0xfffff000);
	bytes_u32(b, 0x30, 2);
	bytes_u32(b, 0x34, 0);
	bytes_u32(b, 0x38, 0x8a123456);
	bytes_put(b, 0x5c, "\1", 1);
	bytes_u32(b, 0x60, 0x82f6dbe8);
	bytes_u32(b, 0x64, 2);
	bytes_u32(b, 0x68, 3);
	bytes_u32(b, 0x6c, 0x10); /* base 0x10, 2 pages */
	bytes_u32(b, 0x70, 2);
	bytes_u32(b, 0x74, 0x100000); /* at 4 GiB: PAE */
	bytes_u32(b, 0x78, 1);
	bytes_u32(b, 0xf88, 1);
	bytes_u64(b, 0xfb8, 0x123456789a);
	bytes_u64(b, 0xfc0, 0x1d02f0a1b2c3d4e);
	bytes_page(b, 0x1000, 0x10);
	bytes_page(b, 0x2000, 0x11);
	bytes_page(b, 0x3000, 0x100000);
}

static bool reads(struct dump *d, uint64_t pa)
{
	uint8_t p[8];

	return dump_read_phys(d, pa, p, 8, NULL) == FS_OK && load_u64(p) == pa;
}

static void header_and_pages(void **state)
{
	struct bytes b = {0};
	const struct dump_info *i;
	struct dump *d;

	(void)state;
	put_header(&b);
	d = bytes_open(&b);
	i = dump_info(d);
	assert_string_equal(i->format, "dmp-full");
	assert_int_equal(i->machine, DUMP_X86);
	assert_int_equal(i->build.v, 7601);
	assert_int_equal(i->processors.v, 4);
	assert_int_equal(i->directory_table_base.v, 0x185000);
	assert_int_equal(i->pfn_database.v, 0x83000000);
	assert_int_equal(i->ps_loaded_module_list.v, 0x82f8d810);
	assert_int_equal(i->ps_active_process_head.v, 0x82f85b98);
	assert_int_equal(i->kd_debugger_data_block.v, 0x82f6dbe8);
	assert_int_equal(i->bugcheck.v, 0xd1);
	assert_int_equal(i->bugcheck_parameter[0].v, 0xfffff000);
	assert_int_equal(i->bugcheck_parameter[3].v, 0x8a123456);
	assert_true(i->pae_enabled.present && i->pae_enabled.v == 1);
	assert_true(i->uptime.v == 0x123456789a && i->system_time.v == 0x1d02f0a1b2c3d4e);
	assert_int_equal(i->pages, 3);
	assert_false(i->truncated);
	assert_int_equal(dump_note_count(d), 0);
	assert_true(reads(d, 0x10ff8) && reads(d, 0x11000) && reads(d, 0x100000008));
	assert_false(reads(d, 0xf000) || reads(d, 0x12000) || reads(d, 0xfffff000));
	dump_close(d);
	bytes_deinit(&b);
}

static void unset_fields(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	put_header(&b);
	bytes_filler(&b, 0x10, 4);
	bytes_filler(&b, 0x5c, 4); /* 'P' is no PaeEnabled */
	bytes_filler(&b, 0x60, 4);
	bytes_filler(&b, 0x68, 4);
	d = bytes_open(&b);
	assert_false(dump_info(d)->directory_table_base.present);
	assert_false(dump_info(d)->pae_enabled.present);
	assert_false(dump_info(d)->kd_debugger_data_block.present);
	assert_int_equal(dump_note_count(d), 0);
	dump_close(d);
	bytes_deinit(&b);
}

static enum fs_status status_of(const char *path, struct fs_error *err)
{
	struct dump *d = NULL;
	enum fs_status st = dump_open(path, &d, err);

	dump_close(d);
	return st;
}

static void counts_at_their_maximum(void **state)
{
	struct bytes b = {0};
	struct fs_error err;
	struct dump *d;

	(void)state;
	put_header(&b);
	bytes_u32(&b, 0x64, UINT32_MAX);
	assert_int_equal(status_of(bytes_save(&b), &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "NumberOfRuns at 0x64"));
	bytes_u32(&b, 0x64, 87); /* the buffer of 700 bytes holds 86 */
	assert_int_equal(status_of(bytes_save(&b), &err), FS_CORRUPT);
	bytes_u32(&b, 0x64, 0);
	assert_int_equal(status_of(bytes_save(&b), &err), FS_CORRUPT);
	bytes_u32(&b, 0x64, 2);
	bytes_u32(&b, 0x70, UINT32_MAX); /* the run goes on past the file */
	d = bytes_open(&b);
	assert_true(dump_info(d)->truncated);
	assert_true(dump_note_count(d) > 0);
	assert_true(reads(d, 0x10000));
	(void)bytes_exercise(d);
	dump_close(d);
	bytes_deinit(&b);
}

static void cut_anywhere(void **state)
{
	struct bytes b = {0};
	struct fs_error err;
	size_t n;

	(void)state;
	put_header(&b);
	for (n = 8; n < b.n; n += n < 0x40 ? 1 : 0xff) {
		struct dump *d = NULL;
		enum fs_status st = dump_open(bytes_save_n(&b, n), &d, &err);

		if (n < 0x1000) {
			assert_int_equal(st, FS_CORRUPT);
			continue;
		}
		assert_int_equal(st, FS_OK);
		assert_true(dump_info(d)->truncated);
		assert_int_equal(dump_info(d)->missing_bytes, 0x4000 - n);
		assert_int_equal(reads(d, 0x10000), n >= 0x1008);
		(void)bytes_exercise(d);
		dump_close(d);
	}
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_and_pages),
		cmocka_unit_test(unset_fields),
		cmocka_unit_test(counts_at_their_maximum),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
