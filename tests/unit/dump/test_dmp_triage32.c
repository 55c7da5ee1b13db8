/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DumpType 4 of 32-bit systems. Offsets are literal: TRIAGE_DUMP32, DUMP_UNLOADED_DRIVERS32 and
 * TRIAGE_DATA_BLOCK of the WDK 10's types, KLDR_DATA_TABLE_ENTRY32 of ntoskrnl's (the driver's
 * entry is that behind a name offset, 0x4c bytes on XP SP3); values are invented.
 */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/test.h"
#include "support/triage_bytes.h" /* expect_at, expect_missing */

enum {
	UNLOADED32 = 0x1100,
	PRCB32 = 0x1180,
	PROCESS32 = 0x11a0,
	THREAD32 = 0x11c0,
	STACK32 = 0x1280,
	DRIVERS32 = 0x1300,
	POOL32 = 0x1398, /* two entries of 0x4c */
	KDBG32 = 0x1500,
	BLOCKS32 = 0x1900,
	DATA32 = 0x1a00,
	VALID32 = 0x1c00,
	END32 = 0x1c04,
};
#define STACK32_VA   0x8d00a000u
#define THREAD32_VA  0x85f12030u
#define PROCESS32_VA 0x85e04a20u
#define BLOCK32_VA   0x86100000u

static void pattern(struct bytes *b, size_t off, size_t n)
{
	size_t i;

	for (i = 0; i < n; i += 4)
		bytes_u32(b, off + i, (uint32_t)(0xd0000000 + off + i));
}

static void utf16(struct bytes *b, size_t off, const char *s)
{
	for (; *s; s++, off += 2)
		bytes_u16(b, off, (uint8_t)*s);
}

static void block(struct bytes *b, size_t i, uint64_t va, size_t off, size_t size)
{
	bytes_u64(b, BLOCKS32 + 16 * i, va);
	bytes_u32(b, BLOCKS32 + 16 * i + 8, (uint32_t)off);
	bytes_u32(b, BLOCKS32 + 16 * i + 12, (uint32_t)size);
	bytes_u32(b, 0x1064, (uint32_t)i + 1);
}

static void put_header(struct bytes *b)
{
	static const struct {
		uint32_t field, value;
	} set[] = {
		{0x04, END32},	    {0x08, VALID32},  {0x0c, 0x320},	  {0x10, 0x7d0},
		{0x18, UNLOADED32}, {0x1c, PRCB32},   {0x20, PROCESS32},  {0x24, THREAD32},
		{0x28, STACK32},    {0x2c, 0x80},     {0x30, DRIVERS32},  {0x34, 2},
		{0x38, POOL32},	    {0x3c, 0x60},     {0x48, STACK32_VA}, {0x58, KDBG32},
		{0x5c, 0x380},	    {0x60, BLOCKS32},
	};
	size_t i;

	bytes_filler(b, 0, 0x1000);
	bytes_put(b, 0, "PAGEDUMP", 8);
	bytes_u32(b, 0xc, 7601);
	bytes_u32(b, 0x20, 0x14c);
	bytes_u32(b, 0x24, 2);
	bytes_u32(b, 0x60, 0x82f6dbe8);
	bytes_u64(b, 0x320, 0x1001f);
	bytes_u32(b, 0x320 + 0xb8, 0x82641234);
	bytes_u32(b, 0xf88, 4);
	bytes_resize(b, 0x1068);
	memset(b->v + 0x1000, 0, 0x68);
	for (i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		bytes_u32(b, 0x1000 + set[i].field, set[i].value);
}

static void put_driver(struct bytes *b, size_t i, uint32_t name, uint32_t base)
{
	size_t e = DRIVERS32 + 0x4c * i;

	bytes_u32(b, e, name);
	bytes_u32(b, e + 4 + 0x18, base);
	bytes_u32(b, e + 4 + 0x1c, base + 0x10);
	bytes_u32(b, e + 4 + 0x20, 0x34000);
	bytes_u32(b, e + 4 + 0x40, 0xa6a325);
	bytes_u32(b, e + 4 + 0x44, 0x4ce788b0);
}

static void put_all(struct bytes *b)
{
	b->n = 0;
	put_header(b);
	bytes_u64(b, UNLOADED32, 2);
	bytes_u16(b, UNLOADED32 + 8, 14);
	utf16(b, UNLOADED32 + 8 + 8, "dam.sys");
	bytes_u32(b, UNLOADED32 + 8 + 0x20, 0x8bde0000);
	bytes_u32(b, UNLOADED32 + 8 + 0x24, 0x8bdfc000);
	bytes_u16(b, UNLOADED32 + 0x30, 24);
	utf16(b, UNLOADED32 + 0x30 + 8, "dump_storpor");
	bytes_u32(b, UNLOADED32 + 0x30 + 0x20, 0x1000);
	bytes_u32(b, UNLOADED32 + 0x30 + 0x24, 0x2000);
	bytes_u32(b, PRCB32 + 4, THREAD32_VA);
	bytes_u32(b, PRCB32 + 8, 1); /* Number */
	pattern(b, PROCESS32, 0x20);
	pattern(b, THREAD32, 0xc0);
	bytes_u32(b, THREAD32 + 0xb8, PROCESS32_VA);
	pattern(b, STACK32, 0x80);
	put_driver(b, 0, POOL32, 0x82600000);
	put_driver(b, 1, POOL32 + 0x20, 0x86a00000);
	bytes_u32(b, POOL32, 12);
	utf16(b, POOL32 + 4, "ntkrpamp.exe");
	bytes_u32(b, POOL32 + 0x20, 19);
	utf16(b, POOL32 + 0x24, "\\Drivers\\FLTMGR.SYS");
	bytes_resize(b, KDBG32 + 0x380);
	bytes_put(b, KDBG32 + 0x10, "KDBG", 4); /* KDDEBUGGER_DATA64 on 32 bits, too */
	bytes_u16(b, KDBG32 + 0x2a0, 0xb8);
	bytes_u16(b, KDBG32 + 0x2a8, 0x20);
	bytes_u16(b, KDBG32 + 0x2b4, 4);
	bytes_u16(b, KDBG32 + 0x2be, 8);
	bytes_u16(b, KDBG32 + 0x2c0, 0xc0);
	block(b, 0, BLOCK32_VA + 0x1000, DATA32, 0x80);
	block(b, 1, BLOCK32_VA, DATA32 + 0x80, 0x100);
	block(b, 2, 0xffffffff00000000 | (BLOCK32_VA + 0x100), DATA32 + 0x180, 0x44); /* signed */
	bytes_resize(b, DATA32);
	pattern(b, DATA32, 0x1c4);
	bytes_resize(b, VALID32);
	bytes_put(b, VALID32, "TRGD", 4);
}

static void ranges(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[0x300];
	size_t n = 0;

	(void)state;
	put_all(&b);
	d = bytes_open(&b);
	assert_string_equal(dump_info(d)->format, "dmp-triage");
	assert_int_equal(dump_info(d)->machine, DUMP_X86);
	assert_true(dump_is_virtual(d));
	assert_false(dump_info(d)->truncated);
	assert_int_equal(dump_note_count(d), 0);
	assert_int_equal(dump_block_conflicts(d), 0);
	expect_at(d, BLOCK32_VA + 0x1000, DATA32);
	expect_at(d, BLOCK32_VA, DATA32 + 0x80);
	expect_at(d, BLOCK32_VA + 0x140, DATA32 + 0x1c0);
	expect_missing(d, BLOCK32_VA + 0x140, 8, BLOCK32_VA + 0x144);
	expect_at(d, STACK32_VA + 0x7c, STACK32 + 0x7c);
	expect_missing(d, STACK32_VA + 0x80, 1, STACK32_VA + 0x80);
	expect_at(d, THREAD32_VA + 0x10, THREAD32 + 0x10);
	expect_at(d, PROCESS32_VA + 0x1c, PROCESS32 + 0x1c);
	assert_int_equal(dump_read_virt(d, 0x82f6dbf8, p, 4, NULL), FS_OK);
	assert_memory_equal(p, "KDBG", 4);
	assert_int_equal(dump_info(d)->current_thread.v, THREAD32_VA);
	assert_true(dump_info(d)->current_processor.present);
	assert_int_equal(dump_info(d)->current_processor.v, 1);
	assert_int_equal(dump_context(d, p, sizeof(p), &n, NULL), FS_OK);
	assert_int_equal(n, 0x2cc);
	assert_int_equal(load_u32(p + 0xb8), 0x82641234);
	dump_close(d);
	bytes_deinit(&b);
}

static void lists(void **state)
{
	struct bytes b = {0};
	struct dump_unloaded u;
	struct dump_driver r;
	struct dump *d;

	(void)state;
	put_all(&b);
	d = bytes_open(&b);
	assert_int_equal(dump_driver_count(d), 2);
	assert_int_equal(dump_driver(d, 1, &r, NULL), FS_OK);
	assert_true(r.name_read);
	assert_string_equal(r.name, "\\Drivers\\FLTMGR.SYS");
	assert_int_equal(r.base, 0x86a00000);
	assert_int_equal(r.entry, 0x86a00010);
	assert_int_equal(r.size, 0x34000);
	assert_int_equal(r.checksum, 0xa6a325);
	assert_int_equal(r.timestamp, 0x4ce788b0);
	assert_int_equal(dump_unloaded_count(d), 2);
	assert_int_equal(dump_unloaded(d, 0, &u, NULL), FS_OK);
	assert_string_equal(u.name, "dam.sys");
	assert_int_equal(u.start, 0x8bde0000);
	assert_int_equal(u.end, 0x8bdfc000);
	assert_int_equal(dump_unloaded(d, 1, &u, NULL), FS_OK);
	assert_string_equal(u.name, "dump_storpor");
	dump_close(d);
	/* one driver: the pool behind it begins at the next 8 bytes */
	bytes_u32(&b, 0x1034, 1);
	bytes_u32(&b, 0x1038, DRIVERS32 + 0x50);
	d = bytes_open(&b);
	assert_int_equal(dump_driver_count(d), 1);
	assert_int_equal(dump_note_count(d), 0);
	dump_close(d);
	bytes_deinit(&b);
}

/* A data page is one only where its address is the kernel's. */
static void data_page(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	put_all(&b);
	bytes_u32(&b, 0x104c, 0x8f012000);
	bytes_u32(&b, 0x1050, DATA32 + 0x100);
	bytes_u32(&b, 0x1054, 0x40);
	d = bytes_open(&b);
	expect_at(d, 0x8f012000, DATA32 + 0x100);
	expect_missing(d, 0x8f01203c, 5, 0x8f012040);
	dump_close(d);
	bytes_u32(&b, 0x104c, 0x1f012000);
	d = bytes_open(&b);
	expect_missing(d, 0x1f012000, 1, 0x1f012000);
	dump_close(d);
	bytes_deinit(&b);
}

/* Nothing reaches past 4 GiB, and a table of 12 bytes an entry is not believed. */
static void blocks_of_another_width(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	size_t i;

	(void)state;
	put_all(&b);
	block(&b, 0, 0xfffffff0, DATA32, 0x20);
	d = bytes_open(&b);
	expect_missing(d, 0xfffffff0, 1, 0xfffffff0);
	assert_non_null(strstr(dump_note(d, 0), "1 captured ranges wrap around"));
	dump_close(d);
	put_all(&b);
	for (i = 0; i < 3; i++) {
		bytes_u32(&b, BLOCKS32 + 12 * i, (uint32_t)(BLOCK32_VA + 0x1000 * i));
		bytes_u32(&b, BLOCKS32 + 12 * i + 4, (uint32_t)(DATA32 + 0x20 * i));
		bytes_u32(&b, BLOCKS32 + 12 * i + 8, 0x20);
	}
	bytes_u64(&b, BLOCKS32 + 36, 0x2086105000);
	d = bytes_open(&b);
	assert_non_null(strstr(dump_note(d, 0), "3 captured ranges have no address of 32 bits"));
	expect_missing(d, BLOCK32_VA, 1, BLOCK32_VA);
	expect_at(d, STACK32_VA, STACK32);
	dump_close(d);
	bytes_deinit(&b);
}

/* A pointer below 2 GiB is no thread; a size that runs into the next copy is not the thread's. */
static void thread_that_is_none(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	put_all(&b);
	bytes_u32(&b, PRCB32 + 4, 0x7ff12030);
	d = bytes_open(&b);
	assert_false(dump_info(d)->current_thread.present);
	expect_missing(d, 0x7ff12030, 1, 0x7ff12030);
	dump_close(d);
	put_all(&b);
	bytes_u16(&b, KDBG32 + 0x2c0, 0xc1);
	d = bytes_open(&b);
	expect_missing(d, THREAD32_VA, 1, THREAD32_VA);
	expect_at(d, PROCESS32_VA + 0x1c, PROCESS32 + 0x1c);
	dump_close(d);
	bytes_deinit(&b);
}

/* Every field of the header at its worst: it opens or is refused, and nothing breaks. */
static void hostile_fields(void **state)
{
	static const uint32_t bad[] = {0,     1,	  0x1000,     0x1067,	  END32 - 1,
				       END32, 0x7fffffff, 0x80000000, 0xfffffff0, UINT32_MAX};
	struct bytes b = {0};
	size_t off, i;

	(void)state;
	for (off = 0x1000; off < 0x1068; off += 4) {
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct dump *d = NULL;

			put_all(&b);
			bytes_u32(&b, off, bad[i]);
			if (dump_open(bytes_save(&b), &d, NULL) == FS_OK)
				(void)bytes_exercise(d);
			dump_close(d);
		}
	}
	bytes_deinit(&b);
}

static void counts_at_their_maximum(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	put_all(&b);
	bytes_u32(&b, 0x1034, UINT32_MAX);
	d = bytes_open(&b);
	assert_int_equal(dump_driver_count(d), 0);
	assert_non_null(strstr(dump_note(d, 0), "driver list"));
	dump_close(d);
	put_all(&b);
	bytes_u64(&b, UNLOADED32, UINT64_MAX);
	d = bytes_open(&b);
	assert_int_equal(dump_unloaded_count(d), 0);
	assert_non_null(strstr(dump_note(d, 0), "run into what follows"));
	dump_close(d);
	put_all(&b);
	bytes_u32(&b, 0x1064, UINT32_MAX);
	d = bytes_open(&b);
	assert_true(dump_info(d)->truncated);
	assert_non_null(strstr(dump_note(d, 0), "DataBlocksCount at 0x1064"));
	expect_at(d, BLOCK32_VA, DATA32 + 0x80);
	dump_close(d);
	put_all(&b);
	bytes_u32(&b, 0x1060, 0x800);
	d = bytes_open(&b);
	assert_non_null(strstr(dump_note(d, 0), "DataBlocksOffset at 0x1060: expected 0x1068"));
	expect_missing(d, BLOCK32_VA, 1, BLOCK32_VA);
	dump_close(d);
	bytes_deinit(&b);
}

static void cut_anywhere(void **state)
{
	struct bytes b = {0};
	size_t n;

	(void)state;
	put_all(&b);
	for (n = 0xff8; n < END32; n += n < 0x1080 ? 1 : 3) {
		struct fs_error err = {0};
		struct dump *d = NULL;
		enum fs_status st = dump_open(bytes_save_n(&b, n), &d, &err);

		assert_int_equal(st, n < 0x1068 ? FS_CORRUPT : FS_OK);
		if (st == FS_OK) {
			assert_true(dump_info(d)->truncated);
			(void)bytes_exercise(d);
		} else {
			assert_non_null(strstr(err.text, n < 0x1000 ? "header of a 32-bit dump"
								    : "triage header at 0x1000"));
		}
		dump_close(d);
	}
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(lists),
		cmocka_unit_test(data_page),
		cmocka_unit_test(blocks_of_another_width),
		cmocka_unit_test(thread_that_is_none),
		cmocka_unit_test(hostile_fields),
		cmocka_unit_test(counts_at_their_maximum),
		cmocka_unit_test(cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
