/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical memory as it is, only when the user says so. */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

static void put_pages(struct bytes *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		bytes_page(b, i * 4096, i);
}

static enum fs_status open_raw(struct bytes *b, uint64_t start, uint64_t end, struct dump **ret,
			       struct fs_error *err)
{
	struct dump_options o = {.raw = true, .raw_hole_start = start, .raw_hole_end = end};

	return dump_open_with(bytes_save(b), &o, ret, err);
}

static void as_it_is(void **state)
{
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[16];
	uint64_t at;

	(void)state;
	put_pages(&b, 4);
	assert_int_equal(open_raw(&b, 0, 0, &d, &err), FS_OK);
	assert_string_equal(dump_info(d)->format, "raw");
	assert_int_equal(dump_info(d)->pages, 4);
	assert_int_equal(dump_info(d)->dump_type, 0);
	assert_int_equal(dump_note_count(d), 0);
	/* nothing is known that nobody said */
	assert_false(dump_info(d)->build.present);
	assert_false(dump_info(d)->directory_table_base.present);
	assert_int_equal(dump_info(d)->machine, DUMP_X64);
	for (at = 0; at < 0x4000; at += 8) {
		assert_int_equal(dump_read_phys(d, at, p, 8, &err), FS_OK);
		assert_true(load_u64(p) == at);
	}
	assert_int_equal(dump_read_phys(d, 0x3ff8, p, 16, &err), FS_NOT_IN_DUMP);
	assert_true(err.address == 0x4000);
	assert_int_equal(dump_read_phys(d, UINT64_MAX - 7, p, 8, &err), FS_NOT_IN_DUMP);
	dump_close(d);
	bytes_deinit(&b);
}

/* The look-alike: without the user's word it is no dump. */
static void not_without_being_told(void **state)
{
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	put_pages(&b, 4);
	assert_int_equal(dump_open(bytes_save(&b), &d, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "--raw"));
	bytes_resize(&b, 0);
	assert_int_equal(open_raw(&b, 0, 0, &d, &err), FS_CORRUPT);
	bytes_deinit(&b);
}

/* A file that knows its own pages is never read flat, whatever is asked for. */
static void a_dump_is_not_flat(void **state)
{
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	bytes_dmp_header(&b, 1);
	bytes_u32(&b, 0x88, 1);
	bytes_u64(&b, 0x90, 1);
	bytes_u64(&b, 0x98, 5);
	bytes_u64(&b, 0xa0, 1);
	bytes_page(&b, 0x2000, 5);
	assert_int_equal(open_raw(&b, 0, 0, &d, &err), FS_OK);
	assert_string_equal(dump_info(d)->format, "dmp-full");
	assert_int_equal(dump_note_count(d), 1);
	assert_non_null(strstr(dump_note(d, 0), "raw memory was asked for"));
	dump_close(d);
	/* nor one of a type that is refused */
	bytes_u32(&b, 0xf98, 3);
	assert_int_equal(open_raw(&b, 0, 0, &d, &err), FS_UNSUPPORTED);
	bytes_deinit(&b);
}

/* Two pages below the hole, two above it. */
static void compacted(void **state)
{
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[8];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		bytes_page(&b, i * 4096, i < 2 ? i : 0x100000 + i - 2);
	assert_int_equal(open_raw(&b, 0x2000, 0x100000000, &d, &err), FS_OK);
	assert_int_equal(dump_info(d)->pages, 4);
	for (i = 0; i < 4; i++) {
		uint64_t pa = (i < 2 ? i : 0x100000 + i - 2) * 4096 + 16;

		assert_int_equal(dump_read_phys(d, pa, p, 8, &err), FS_OK);
		assert_true(load_u64(p) == pa);
	}
	assert_int_equal(dump_read_phys(d, 0x2000, p, 8, &err), FS_NOT_IN_DUMP);
	assert_int_equal(dump_read_phys(d, 0xfffff000, p, 8, &err), FS_NOT_IN_DUMP);
	assert_int_equal(dump_read_phys(d, 0x100002000, p, 8, &err), FS_NOT_IN_DUMP);
	dump_close(d);
	bytes_deinit(&b);
}

/* The hole that turned out later; what is known and the notes are as they were before. */
static void a_hole_found_later(void **state)
{
	struct dump_learned l = {.machine_unknown = true, .build = {19041, true}};
	struct dump_memo *memo;
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[8];

	(void)state;
	put_pages(&b, 4);
	assert_int_equal(open_raw(&b, 0, 0, &d, &err), FS_OK);
	memo = dump_remember(d);
	assert_non_null(memo);
	dump_note_add(d, "a guess");
	dump_learn(d, &l);
	assert_int_equal(dump_raw_hole(d, 0x2000, 0x100000000, &err), FS_OK);
	dump_recall(d, memo);
	assert_int_equal(dump_note_count(d), 0);
	assert_int_equal(dump_info(d)->machine, DUMP_X64);
	assert_false(dump_info(d)->build.present);
	assert_int_equal(dump_info(d)->pages, 4);
	assert_int_equal(dump_read_phys(d, 0x2010, p, 8, &err), FS_NOT_IN_DUMP);
	assert_int_equal(dump_read_phys(d, 0x100000010, p, 8, &err), FS_OK);
	assert_true(load_u64(p) == 0x2010); /* as the file has it there */
	/* what cannot be a hole changes nothing */
	assert_int_equal(dump_raw_hole(d, 0x2001, 0x100000000, &err), FS_INVALID);
	assert_int_equal(dump_read_phys(d, 0x100000010, p, 8, &err), FS_OK);
	assert_int_equal(dump_raw_hole(d, 0, 0, &err), FS_OK);
	assert_int_equal(dump_read_phys(d, 0x2010, p, 8, &err), FS_OK);
	assert_int_equal(dump_read_phys(d, 0x100000010, p, 8, &err), FS_NOT_IN_DUMP);
	free(memo);
	dump_close(d);
	bytes_deinit(&b);
}

static void holes_that_cannot_be(void **state)
{
	static const uint64_t bad[][2] = {{0, 0x1000},		{0x1001, 0x3000},
					  {0x1000, 0x3001},	{0x4000, 0x5000},
					  {0x5000, UINT64_MAX}, {0x1000, UINT64_MAX - 0xfff},
					  {0x1000, 1ull << 52}, {0x1000, (1ull << 52) - 0x2000}};
	struct bytes b = {0};
	size_t i;

	(void)state;
	put_pages(&b, 4);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fs_error err = {0};
		struct dump *d = NULL;
		enum fs_status st = open_raw(&b, bad[i][0], bad[i][1], &d, &err);

		assert_true(st == FS_INVALID || st == FS_CORRUPT);
		assert_null(d);
	}
	bytes_deinit(&b);
}

static void cut_anywhere(void **state)
{
	struct bytes b = {0};
	size_t n;

	(void)state;
	put_pages(&b, 2);
	for (n = 1; n <= b.n; n += n < 40 || n % 4096 < 4 || n % 4096 > 4092 ? 1 : 61) {
		struct dump_options o = {.raw = true};
		struct fs_error err = {0};
		struct dump *d;
		uint8_t p[8];
		uint64_t at;

		assert_int_equal(dump_open_with(bytes_save_n(&b, n), &o, &d, &err), FS_OK);
		assert_int_equal(dump_note_count(d), n % 4096 != 0);
		for (at = 0; at < 0x2000; at += 248) {
			enum fs_status st = dump_read_phys(d, at, p, 8, &err);

			assert_int_equal(st, at + 8 <= n ? FS_OK : FS_NOT_IN_DUMP);
			if (st == FS_OK)
				assert_true(load_u64(p) == at);
		}
		bytes_next_pages(d, 4, true);
		dump_close(d);
	}
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_it_is),
		cmocka_unit_test(not_without_being_told),
		cmocka_unit_test(a_dump_is_not_flat),
		cmocka_unit_test(compacted),
		cmocka_unit_test(a_hole_found_later),
		cmocka_unit_test(holes_that_cannot_be),
		cmocka_unit_test(cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
