/* SPDX-License-Identifier: BSD-2-Clause */
/* DumpTypes 8, 9 and 10: pages by the table of ranges (kdmp-parser's structs). */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

#define FIRST 0x3000u /* the first page, as put_dump() places it */

struct range {
	uint64_t pfn, count;
};

/* Ranges 0x20..0x22, 3..3 and above 4 GiB 0x100000..0x100001: in no order. */
static const struct range some[] = {{0x20, 3}, {3, 1}, {0x100000, 2}};

static void put_dump(struct bytes *b, uint32_t type, const struct range *r, size_t n)
{
	uint64_t pages = 0;
	size_t i, k;

	bytes_dmp_header(b, type);
	bytes_u32(b, 0x2000, 0x40);
	bytes_put(b, 0x2004, "RDMPDUMP", 8);
	bytes_u32(b, 0x200c, 0);
	bytes_u64(b, 0x2010, FIRST - 0x2020);
	bytes_u64(b, 0x2018, FIRST);
	bytes_u64(b, 0x2020, 0);
	bytes_resize(b, 0x2030);
	bytes_resize(b, FIRST);
	for (i = 0; i < n; i++) {
		bytes_u64(b, 0x2030 + 16 * i, r[i].pfn);
		bytes_u64(b, 0x2038 + 16 * i, r[i].count);
		for (k = 0; k < r[i].count; k++)
			bytes_page(b, FIRST + 4096 * pages++, r[i].pfn + k);
	}
	bytes_u64(b, 0x2028, type == 10 ? pages : 0);
}

static bool reads(struct dump *d, uint64_t pa)
{
	struct fs_error err = {0};
	uint8_t p[8];
	enum fs_status st = dump_read_phys(d, pa, p, 8, &err);

	if (st == FS_OK) {
		assert_true(load_u64(p) == pa);
		return true;
	}
	assert_int_equal(st, FS_NOT_IN_DUMP);
	assert_true(err.has_address && err.address == pa);
	return false;
}

static void has_some(struct dump *d)
{
	static const uint64_t near[] = {0, 0x100000 - 8, 0x200000 - 8};
	size_t i;
	uint64_t k;

	for (i = 0; i < 3; i++) {
		for (k = near[i]; k < near[i] + 64; k++) {
			bool there = k == 3 || (k >= 0x20 && k < 0x23) ||
				     (k >= 0x100000 && k < 0x100002);

			assert_int_equal(reads(d, k * 4096 + 8), there);
		}
	}
}

static void pages_by_range(void **state)
{
	static const uint32_t types[] = {8, 9, 10};
	struct bytes b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct dump *d;

		put_dump(&b, types[i], some, 3);
		d = bytes_open(&b);
		assert_string_equal(dump_info(d)->format, "dmp-rdmp");
		assert_int_equal(dump_info(d)->dump_type, types[i]);
		assert_int_equal(dump_info(d)->pages, 6);
		assert_int_equal(dump_note_count(d), 0);
		assert_false(dump_info(d)->truncated);
		assert_int_equal(dump_info(d)->build.v, 19041);
		has_some(d);
		bytes_next_pages(d, 64, true);
		assert_true(dump_next_page(d, 0x23) == 0x100000);
		assert_true(dump_next_page(d, 0x100002) == UINT64_MAX);
		dump_close(d);
	}
	bytes_deinit(&b);
}

/* The look-alikes of an end: page number 0 ends 8 and 9; the total ends 10, whatever
 * stands behind it. */
static void where_the_table_ends(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	put_dump(&b, 10, some, 3);
	memset(b.v + 0x2060, 0x55, 0x1000 - 0x60);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->pages, 6);
	assert_int_equal(dump_note_count(d), 0);
	has_some(d);
	dump_close(d);
	/* in a kernel dump the same bytes are a bad range, and it is said */
	put_dump(&b, 8, some, 3);
	memset(b.v + 0x2060, 0x55, 0x1000 - 0x60);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->pages, 6);
	assert_int_equal(dump_note_count(d), 1);
	assert_non_null(strstr(dump_note(d, 0), "page range 3 at 0x2060 is none"));
	has_some(d);
	dump_close(d);
	/* page 0 with a count: which of both is meant is not known */
	put_dump(&b, 8, some, 3);
	bytes_u64(&b, 0x2040, 0);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->pages, 3);
	assert_int_equal(dump_note_count(d), 1);
	assert_non_null(strstr(dump_note(d, 0), "at 0x2040 begins at page 0"));
	assert_true(reads(d, 0x22000));
	assert_false(reads(d, 0x3000));
	dump_close(d);
	bytes_deinit(&b);
}

static void totals_that_are_not_the_sum(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	put_dump(&b, 10, some, 3);
	bytes_u64(&b, 0x2028, UINT64_MAX - 1);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 1);
	assert_non_null(strstr(dump_note(d, 0), "the ranges have 0x6"));
	has_some(d);
	dump_close(d);
	bytes_u64(&b, 0x2028, 5);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 1);
	assert_non_null(strstr(dump_note(d, 0), "has 0x2 pages, more than the total"));
	assert_int_equal(dump_info(d)->pages, 5);
	assert_true(reads(d, 0x100000ull * 4096));
	assert_false(reads(d, 0x100001ull * 4096));
	dump_close(d);
	bytes_deinit(&b);
}

/* Page 0x21 twice: data only where both copies agree. */
static void overlapping_ranges(void **state)
{
	static const struct range twice[] = {{0x20, 3}, {0x21, 1}};
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[16];

	(void)state;
	put_dump(&b, 8, twice, 2);
	bytes_u64(&b, FIRST + 0x3108, 0);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 1);
	assert_int_equal(dump_info(d)->pages, 3);
	assert_true(reads(d, 0x21100));
	assert_int_equal(dump_read_phys(d, 0x21100, p, 16, &err), FS_CORRUPT);
	assert_true(err.address == 0x21108);
	dump_close(d);
	bytes_deinit(&b);
}

static void expect_corrupt(struct bytes *b, uint64_t address, const char *words)
{
	struct fs_error err = {0};
	struct dump *d;

	assert_int_equal(dump_open(bytes_save(b), &d, &err), FS_CORRUPT);
	if (!strstr(err.text, words))
		fail_msg("expected \"%s\" in \"%s\"", words, err.text);
	assert_true(err.has_address && err.address == address);
}

static void headers_that_lie(void **state)
{
	static const uint64_t bad[] = {0, 0x2030, 0x203f, 1ull << 40, 1ull << 63, UINT64_MAX};
	struct bytes b = {0};
	size_t i;

	(void)state;
	put_dump(&b, 8, some, 3);
	bytes_u32(&b, 0x2000, 0x41);
	expect_corrupt(&b, 0x2000, "expected 0x40, found 0x41");
	put_dump(&b, 8, some, 3);
	bytes_put(&b, 0x2004, "SDMP", 4);
	expect_corrupt(&b, 0x2004, "expected RDMPDUMP, found \"SDMPDUMP\"");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_dump(&b, 8, some, 3);
		bytes_u64(&b, 0x2018, bad[i]);
		expect_corrupt(&b, 0x2018, "first page offset at 0x2018: expected 0x2040 to");
		put_dump(&b, 8, some, 3);
		bytes_u64(&b, 0x2010, bad[i]);
		expect_corrupt(&b, 0x2010, "metadata size at 0x2010: expected 0xfe0");
	}
	put_dump(&b, 10, some, 3);
	bytes_u64(&b, 0x2028, 0);
	expect_corrupt(&b, 0x2030, "expected one at least, found none");
	put_dump(&b, 8, some, 0);
	expect_corrupt(&b, 0x2030, "expected one at least, found none");
	bytes_deinit(&b);
}

/* Every number of every range at its worst: what stands before it is still read. */
static void huge_ranges(void **state)
{
	static const uint64_t huge[] = {UINT64_MAX, 1ull << 63, 1ull << 52,	   1ull << 40,
					1ull << 39, 0xffffffff, 0x4547415045474150};
	struct bytes b = {0};
	size_t i, at;
	uint32_t type;

	(void)state;
	for (type = 8; type <= 10; type++) {
		for (at = 0x2030; at < 0x2060; at += 8) {
			for (i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
				struct fs_error err = {0};
				struct dump *d = NULL;
				enum fs_status st;

				put_dump(&b, type, some, 3);
				bytes_u64(&b, at, huge[i]);
				st = dump_open(bytes_save(&b), &d, &err);
				if (st != FS_OK) {
					assert_int_equal(st, FS_CORRUPT);
					assert_true(at < 0x2040 && huge[i] >= 1ull << 40);
					continue;
				}
				if (at >= 0x2040)
					assert_true(reads(d, 0x22000));
				(void)bytes_exercise(d);
				dump_close(d);
			}
		}
	}
	bytes_deinit(&b);
}

/* Every length: what is there is read, the rest is missing. */
static void cut_anywhere(void **state)
{
	struct bytes b = {0};
	size_t n;

	(void)state;
	put_dump(&b, 8, some, 2);
	assert_int_equal(b.n, 0x7000);
	for (n = 0x1ff0; n <= b.n; n += n < 0x2050 || n % 4096 < 4 || n % 4096 > 4092 ? 1 : 61) {
		struct fs_error err = {0};
		struct dump *d = NULL;
		enum fs_status st = dump_open(bytes_save_n(&b, n), &d, &err);
		uint8_t p[8];
		uint64_t at;

		assert_int_equal(st, n < FIRST ? FS_CORRUPT : FS_OK);
		if (st != FS_OK)
			continue;
		assert_int_equal(dump_info(d)->missing_bytes, b.n - n);
		for (at = 0; at < 4096; at += 248) {
			/* page 3 is the fourth of the file, at 0x6000 */
			st = dump_read_phys(d, 0x3000 + at, p, 8, &err);
			assert_int_equal(st, n >= 0x6008 + at ? FS_OK : FS_NOT_IN_DUMP);
			if (st == FS_OK)
				assert_true(load_u64(p) == 0x3000 + at);
		}
		bytes_next_pages(d, 64, true);
		assert_true(dump_next_page(d, 0x23) == UINT64_MAX);
		dump_close(d);
	}
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_by_range),
		cmocka_unit_test(where_the_table_ends),
		cmocka_unit_test(totals_that_are_not_the_sum),
		cmocka_unit_test(overlapping_ranges),
		cmocka_unit_test(headers_that_lie),
		cmocka_unit_test(huge_ranges),
		cmocka_unit_test(cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
