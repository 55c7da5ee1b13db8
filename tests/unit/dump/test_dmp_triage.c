/* SPDX-License-Identifier: BSD-2-Clause */
/* DumpType 4: virtual ranges, drivers, unloaded drivers, CONTEXT. */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/test.h"
#include "support/triage_bytes.h"

static void ranges(void **state)
{
	struct bytes b = {0};
	struct dump_block k;
	struct dump *d;
	uint8_t p[8];
	size_t i;

	(void)state;
	triage_bytes(&b);
	d = bytes_open(&b);
	assert_string_equal(dump_info(d)->format, "dmp-triage");
	assert_true(dump_is_virtual(d));
	assert_int_equal(dump_info(d)->pages, 0);
	assert_false(dump_info(d)->truncated);
	assert_int_equal(dump_note_count(d), 0);
	assert_int_equal(dump_block_conflicts(d), 0);
	assert_int_equal(dump_read_phys(d, 0x1000, p, 8, NULL), FS_NOT_IN_DUMP);
	expect_at(d, BLOCK_VA + 0x1000, DATA);
	expect_at(d, BLOCK_VA + 0x107c, DATA + 0x7c);
	expect_at(d, BLOCK_VA, DATA + 0x80);
	expect_at(d, BLOCK_VA + 0xfc, DATA + 0x17c);
	expect_at(d, BLOCK_VA + 0x140, DATA + 0x1c0);
	/* Across two blocks, whose bytes adjoin in memory. */
	assert_int_equal(dump_read_virt(d, BLOCK_VA + 0xfc, p, 8, NULL), FS_OK);
	assert_int_equal(load_u32(p + 4), 0xd0000000 + DATA + 0x180);
	expect_missing(d, BLOCK_VA + 0x140, 8, BLOCK_VA + 0x144);
	expect_missing(d, BLOCK_VA + 0x144, 1, BLOCK_VA + 0x144);
	expect_missing(d, BLOCK_VA - 4, 8, BLOCK_VA - 4);
	expect_missing(d, BLOCK_VA + 0x107f, 2, BLOCK_VA + 0x1080);
	expect_missing(d, 0, 1, 0);
	expect_missing(d, UINT64_MAX, 2, UINT64_MAX);
	expect_missing(d, UINT64_MAX, 1, UINT64_MAX);
	assert_int_equal(dump_read_virt(d, 0, p, 0, NULL), FS_OK);
	/* Sorted by VA: stack, thread, process, the two that adjoin, the third, KDBG. */
	assert_int_equal(dump_block_count(d), 6);
	for (i = 1; i < 6; i++)
		assert_true(dump_block(d, i - 1).va < dump_block(d, i).va);
	k = dump_block(d, 3);
	assert_true(k.va == BLOCK_VA && k.size == 0x144);
	dump_close(d);
	bytes_deinit(&b);
}

/* What the dump holds outside its data blocks, as far as its address is known. */
static void other_copies(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[8];

	(void)state;
	triage_bytes(&b);
	bytes_u64(&b, 0x2060, 0xffff800012345000); /* data page */
	bytes_u32(&b, 0x2068, DATA + 0x100);
	bytes_u32(&b, 0x206c, 0x40);
	d = bytes_open(&b);
	expect_at(d, STACK_VA, STACK);
	expect_at(d, STACK_VA + 0x7c, STACK + 0x7c);
	expect_missing(d, STACK_VA + 0x80, 1, STACK_VA + 0x80);
	expect_at(d, 0xffff800012345000, DATA + 0x100);
	expect_missing(d, 0xffff80001234503c, 5, 0xffff800012345040);
	expect_at(d, THREAD_VA + 0x10, THREAD + 0x10);
	expect_at(d, PROCESS_VA + 0x1c, PROCESS + 0x1c);
	expect_missing(d, PROCESS_VA + 0x20, 1, PROCESS_VA + 0x20);
	assert_int_equal(dump_read_virt(d, KDBG_VA + 0x10, p, 4, NULL), FS_OK);
	assert_memory_equal(p, "KDBG", 4);
	dump_close(d);
	/* Without its tag KDBG is not believed: not its address, nor what it says of others. */
	bytes_put(&b, KDBG + 0x10, "KDBX", 4);
	d = bytes_open(&b);
	expect_missing(d, KDBG_VA, 1, KDBG_VA);
	expect_missing(d, THREAD_VA, 1, THREAD_VA);
	expect_at(d, STACK_VA, STACK);
	dump_close(d);
	/* A thread that would run into the call stack's copy is not the thread. */
	bytes_put(&b, KDBG + 0x10, "KDBG", 4);
	bytes_u16(&b, KDBG + 0x2c0, 0xc1);
	d = bytes_open(&b);
	expect_missing(d, THREAD_VA, 1, THREAD_VA);
	expect_at(d, PROCESS_VA + 0x1c, PROCESS + 0x1c);
	dump_close(d);
	/* A thread at a user address is no thread. */
	bytes_put(&b, KDBG + 0x10, "KDBG", 4);
	bytes_u64(&b, PRCB + 8, 0x1000);
	d = bytes_open(&b);
	expect_missing(d, 0x1000, 1, 0x1000);
	expect_missing(d, PROCESS_VA, 1, PROCESS_VA);
	dump_close(d);
	bytes_deinit(&b);
}

static void drivers(void **state)
{
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump_unloaded u;
	struct dump_driver r;
	struct dump *d;

	(void)state;
	triage_bytes(&b);
	d = bytes_open(&b);
	assert_int_equal(dump_driver_count(d), 2);
	assert_int_equal(dump_driver(d, 1, &r, NULL), FS_OK);
	assert_true(r.name_read);
	assert_string_equal(r.name, "\\Drivers\\FLTMGR.SYS");
	assert_true(r.base == 0xfffff80552430000 && r.entry == r.base + 0x10);
	assert_int_equal(r.size, 0x6d000);
	assert_int_equal(r.checksum, 0xa6a325);
	assert_true(r.timestamp == 0xb57cd7ef);
	assert_int_equal(dump_driver(d, 0, &r, NULL), FS_OK);
	assert_string_equal(r.name, "ntoskrnl.exe");
	assert_int_equal(dump_driver(d, 2, &r, &err), FS_INVALID);
	assert_int_equal(dump_unloaded_count(d), 2);
	assert_int_equal(dump_unloaded(d, 0, &u, NULL), FS_OK);
	assert_true(u.name_read);
	assert_string_equal(u.name, "dam.sys");
	assert_true(u.start == 0xfffff80487de0000 && u.end == 0xfffff80487dfc000);
	assert_int_equal(dump_unloaded(d, 1, &u, NULL), FS_OK);
	assert_string_equal(u.name, "dump_storpor");
	assert_int_equal(dump_unloaded(d, 2, &u, &err), FS_INVALID);
	dump_close(d);
	bytes_deinit(&b);
}

/* A name that does not lie in the string pool whole is not a name. */
static void names_outside_the_pool(void **state)
{
	static const uint32_t bad[] = {0, POOL - 4, POOL + 0x5d, POOL + 0x60, STACK, 0xffffffff};
	static const uint32_t lengths[] = {0, 0x2f, 261, 0x7fffffff, 0x80000000, 0xffffffff};
	struct bytes b = {0};
	struct dump_driver r;
	struct dump *d;
	size_t i;

	(void)state;
	for (i = 0; i < 12; i++) {
		triage_bytes(&b);
		if (i < 6)
			bytes_u32(&b, DRIVERS, bad[i]);
		else
			bytes_u32(&b, POOL, lengths[i - 6]);
		d = bytes_open(&b);
		assert_int_equal(dump_driver(d, 0, &r, NULL), FS_OK);
		assert_false(r.name_read);
		assert_string_equal(r.name, "");
		assert_true(r.base == NT_BASE);
		dump_close(d);
	}
	/* The pool's last unit still belongs to it. */
	bytes_u32(&b, POOL, 0x2e);
	d = bytes_open(&b);
	assert_int_equal(dump_driver(d, 0, &r, NULL), FS_OK);
	assert_true(r.name_read);
	dump_close(d);
	/* An unloaded driver's name has 12 characters at most. */
	for (i = 0; i < 3; i++) {
		static const uint16_t bytes[] = {0, 26, 13};
		struct dump_unloaded u;

		bytes_u16(&b, UNLOADED + 8, bytes[i]);
		d = bytes_open(&b);
		assert_int_equal(dump_unloaded(d, 0, &u, NULL), FS_OK);
		assert_false(u.name_read);
		dump_close(d);
	}
	bytes_deinit(&b);
}

/* The stride is derived, so a wrong count shows in it. */
static void driver_list_bounds(void **state)
{
	static const uint32_t counts[] = {3, 4, 1000, 0x7fffffff, 0xffffffff};
	struct bytes b = {0};
	struct dump_driver r;
	struct dump *d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		d = triage_bytes_with(&b, 0x2034, counts[i]);
		assert_int_equal(dump_driver_count(d), 0);
		assert_int_equal(dump_note_count(d), 1);
		assert_non_null(strstr(dump_note(d, 0), "driver list"));
		assert_int_equal(dump_unloaded_count(d), 2);
		dump_close(d);
	}
	/* A list before its pool, in the header, behind the file. */
	d = triage_bytes_with(&b, 0x2038, DRIVERS);
	assert_int_equal(dump_driver_count(d), 0);
	dump_close(d);
	d = triage_bytes_with(&b, 0x2030, 0x2000);
	assert_int_equal(dump_driver_count(d), 0);
	dump_close(d);
	triage_bytes(&b);
	bytes_u32(&b, 0x2030, 0xffff0000);
	bytes_u32(&b, 0x2038, 0xffff0000 + 2 * 0x90);
	d = bytes_open(&b);
	assert_int_equal(dump_driver_count(d), 0);
	assert_true(dump_info(d)->truncated);
	dump_close(d);
	/* A pool that is rounded up by four bytes, one driver; then a longer entry. */
	triage_bytes(&b);
	bytes_u32(&b, 0x2034, 1);
	bytes_u32(&b, 0x2038, DRIVERS + 0x94);
	d = bytes_open(&b);
	assert_int_equal(dump_driver_count(d), 1);
	assert_int_equal(dump_note_count(d), 0);
	dump_close(d);
	bytes_u32(&b, 0x2038, DRIVERS + 0xa0);
	d = bytes_open(&b);
	assert_int_equal(dump_driver_count(d), 1);
	assert_int_equal(dump_note_count(d), 1);
	assert_int_equal(dump_driver(d, 0, &r, NULL), FS_OK);
	assert_true(r.base == NT_BASE);
	dump_close(d);
	bytes_deinit(&b);
}

static void unloaded_bounds(void **state)
{
	static const uint64_t counts[] = {3, 0x1000, 1ull << 60, UINT64_MAX};
	struct bytes b = {0};
	struct dump *d;
	size_t i;

	(void)state;
	/* Two fit before the PRCB copy: 0x2108 + 2 * 0x38 = 0x2178. */
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		triage_bytes(&b);
		bytes_u64(&b, UNLOADED, counts[i]);
		d = bytes_open(&b);
		assert_int_equal(dump_unloaded_count(d), 0);
		assert_int_equal(dump_note_count(d), 1);
		assert_non_null(strstr(dump_note(d, 0), "run into what follows"));
		dump_close(d);
	}
	d = triage_bytes_with(&b, 0x2018, 0);
	assert_int_equal(dump_unloaded_count(d) + dump_note_count(d), 0);
	dump_close(d);
	d = triage_bytes_with(&b, 0x2018, 0xfffffff0);
	assert_int_equal(dump_unloaded_count(d), 0);
	assert_int_equal(dump_note_count(d), 1);
	dump_close(d);
	bytes_deinit(&b);
}

static void context(void **state)
{
	struct bytes b = {0};
	uint8_t buf[0x600];
	struct dump *d;
	size_t len = 0;

	(void)state;
	triage_bytes(&b);
	bytes_u32(&b, 0x348 + 0x30, 0x10000f);
	d = bytes_open(&b);
	assert_int_equal(dump_context(d, buf, sizeof(buf), &len, NULL), FS_OK);
	assert_int_equal(len, 0x4d0);
	assert_int_equal(load_u32(buf + 0x30), 0x10000f);
	dump_close(d);
	/* Elsewhere in the file. */
	bytes_u32(&b, 0x200c, STACK);
	d = bytes_open(&b);
	assert_int_equal(dump_context(d, buf, 8, &len, NULL), FS_OK);
	assert_int_equal(load_u32(buf), 0xd0000000 + STACK);
	dump_close(d);
	/* Cut by the end of the file: as much as there is. */
	bytes_u32(&b, 0x200c, END - 16);
	d = bytes_open(&b);
	assert_int_equal(dump_context(d, buf, sizeof(buf), &len, NULL), FS_OK);
	assert_int_equal(len, 16);
	dump_close(d);
	bytes_u32(&b, 0x200c, 0xffffffff);
	d = bytes_open(&b);
	assert_int_equal(dump_context(d, buf, sizeof(buf), &len, NULL), FS_NOT_FOUND);
	assert_int_equal(dump_note_count(d), 1);
	dump_close(d);
	/* A field that was never set. */
	bytes_filler(&b, 0x200c, 4);
	d = bytes_open(&b);
	assert_int_equal(dump_context(d, buf, sizeof(buf), &len, NULL), FS_NOT_FOUND);
	assert_int_equal(dump_note_count(d), 0);
	dump_close(d);
	bytes_deinit(&b);
}

/* ARM64 minidumps have the same form. */
static void arm64(void **state)
{
	struct bytes b = {0};
	uint8_t buf[0x600];
	struct dump *d;
	size_t len = 0;

	(void)state;
	triage_bytes(&b);
	bytes_u32(&b, 0x30, 0xaa64);
	bytes_u32(&b, 0xc, 22000);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->machine, DUMP_ARM64);
	assert_int_equal(dump_driver_count(d), 2);
	expect_at(d, BLOCK_VA, DATA + 0x80);
	assert_int_equal(dump_context(d, buf, sizeof(buf), &len, NULL), FS_OK);
	assert_int_equal(len, 0x390);
	dump_close(d);
	bytes_deinit(&b);
}

static void trgd(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	triage_bytes(&b);
	bytes_put(&b, VALID, "TRGX", 4);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 1);
	assert_non_null(strstr(dump_note(d, 0), "0x3200: expected TRGD, found \"TRGX\""));
	expect_at(d, BLOCK_VA, DATA + 0x80);
	dump_close(d);
	d = triage_bytes_with(&b, 0x2008, 0xffffffff);
	assert_int_equal(dump_note_count(d), 1);
	dump_close(d);
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(other_copies),
		cmocka_unit_test(drivers),
		cmocka_unit_test(names_outside_the_pool),
		cmocka_unit_test(driver_list_bounds),
		cmocka_unit_test(unloaded_bounds),
		cmocka_unit_test(context),
		cmocka_unit_test(arm64),
		cmocka_unit_test(trgd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
