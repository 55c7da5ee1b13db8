/* SPDX-License-Identifier: BSD-2-Clause */
/* DumpType 1: pages by memory runs. */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

struct run {
	uint64_t base, count;
};

static void put_runs(struct bytes *b, const struct run *r, size_t n)
{
	size_t i, k, off = 0x2000;
	uint64_t pages = 0;

	bytes_dmp_header(b, 1);
	bytes_u32(b, 0x88, (uint32_t)n);
	for (i = 0; i < n; i++) {
		bytes_u64(b, 0x98 + 16 * i, r[i].base);
		bytes_u64(b, 0xa0 + 16 * i, r[i].count);
		for (k = 0; k < r[i].count; k++, off += 4096)
			bytes_page(b, off, r[i].base + k);
		pages += r[i].count;
	}
	bytes_u64(b, 0x90, pages);
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

/* Two runs with a hole; the second begins lower, as no order is promised. */
static void pages_by_run(void **state)
{
	static const struct run runs[] = {{16, 3}, {2, 2}};
	struct bytes b = {0};
	struct dump *d;
	uint64_t pfn;

	(void)state;
	put_runs(&b, runs, 2);
	d = bytes_open(&b);
	assert_string_equal(dump_info(d)->format, "dmp-full");
	assert_int_equal(dump_info(d)->pages, 5);
	assert_int_equal(dump_note_count(d), 0);
	assert_false(dump_info(d)->truncated);
	assert_false(dump_is_virtual(d));
	assert_int_equal(dump_block_count(d) + dump_driver_count(d) + dump_unloaded_count(d), 0);
	for (pfn = 0; pfn < 32; pfn++) {
		bool there = (pfn >= 16 && pfn < 19) || (pfn >= 2 && pfn < 4);

		assert_int_equal(reads(d, pfn * 4096), there);
		assert_int_equal(reads(d, pfn * 4096 + 4088), there);
	}
	assert_false(reads(d, UINT64_MAX - 7));
	dump_close(d);
	bytes_deinit(&b);
}

static void across_pages(void **state)
{
	static const struct run runs[] = {{16, 3}, {2, 2}};
	struct fs_error err = {0};
	struct bytes b = {0};
	static uint8_t buf[3 * 4096];
	struct dump *d;
	size_t i;

	(void)state;
	put_runs(&b, runs, 2);
	d = bytes_open(&b);
	assert_int_equal(dump_read_phys(d, 0x10008, buf, 3 * 4096 - 8, &err), FS_OK);
	for (i = 0; i + 8 < sizeof(buf); i += 8)
		assert_true(load_u64(buf + i) == 0x10008 + i);
	/* The address of the error is the first byte that is missing. */
	assert_int_equal(dump_read_phys(d, 0x12ff8, buf, 16, &err), FS_NOT_IN_DUMP);
	assert_true(err.has_address && err.address == 0x13000);
	assert_int_equal(dump_read_phys(d, 0x10000, buf, 0, &err), FS_OK);
	assert_int_equal(dump_read_phys(d, UINT64_MAX, buf, 2, &err), FS_NOT_IN_DUMP);
	assert_int_equal(dump_read_virt(d, 0x10000, buf, 8, &err), FS_NOT_IN_DUMP);
	dump_close(d);
	bytes_deinit(&b);
}

/* RAM below a PCI hole, above 4 GiB, and at the end of 46 bits: nothing is cut to 32 bits,
 * and what lies between is missing, not the neighbour's. */
static void above_4_gib(void **state)
{
	static const struct run runs[] = {{0xbffff, 1}, {0x100000, 2}, {(1ull << 34) - 1, 1}};
	static const uint64_t not_there[] = {0,	       1,	       0xbfffe,	 0xc0000,
					     0xfffff,  0x100002,       0x1bffff, 0x200000,
					     1u << 31, (1ull << 34) - 2, 1ull << 34};
	struct bytes b = {0};
	struct dump *d;
	size_t i;

	(void)state;
	put_runs(&b, runs, 3);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->pages, 4);
	assert_true(reads(d, 0xbffff000ull));
	assert_true(reads(d, 0x100000000ull));
	assert_true(reads(d, 0x100001ff8ull));
	assert_true(reads(d, 0x3ffffffff000ull));
	for (i = 0; i < sizeof(not_there) / sizeof(not_there[0]); i++)
		assert_false(reads(d, not_there[i] * 4096));
	dump_close(d);
	bytes_deinit(&b);
}

static void page_count_that_is_not_the_sum(void **state)
{
	static const struct run runs[] = {{1, 2}};
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	put_runs(&b, runs, 1);
	bytes_u64(&b, 0x90, UINT64_MAX);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->pages, 2);
	assert_int_equal(dump_note_count(d), 1);
	assert_non_null(strstr(dump_note(d, 0), "0xffffffffffffffff, the runs add up to 0x2"));
	assert_true(reads(d, 0x2000));
	dump_close(d);
	/* Unset is no contradiction. */
	bytes_filler(&b, 0x90, 8);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 0);
	dump_close(d);
	bytes_deinit(&b);
}

/* PFN 3 is held twice. As long as both copies agree it is data. */
static void overlapping_runs(void **state)
{
	static const struct run runs[] = {{2, 2}, {3, 2}};
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[16];
	uint64_t pfn;

	(void)state;
	put_runs(&b, runs, 2);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 1);
	for (pfn = 2; pfn < 5; pfn++)
		assert_true(reads(d, pfn * 4096));
	dump_close(d);
	/* The second copy of PFN 3 is the third page of the file. */
	bytes_u64(&b, 0x4000 + 0x108, 0);
	d = bytes_open(&b);
	assert_true(reads(d, 0x3100));
	assert_int_equal(dump_read_phys(d, 0x3100, p, 16, &err), FS_CORRUPT);
	assert_true(err.address == 0x3108);
	assert_non_null(strstr(err.text, "two memory runs with different bytes"));
	dump_close(d);
	bytes_deinit(&b);
}

/* 0x98 to 0x344 has room for 42 runs. */
static void run_count_bounds(void **state)
{
	static const uint32_t bad[] = {0, 43, 0x7fffffff, 0x80000000, 0xffffffff, 0x45474150};
	struct fs_error err = {0};
	struct bytes b = {0};
	struct run runs[42];
	struct dump *d;
	size_t i;

	(void)state;
	for (i = 0; i < 42; i++)
		runs[i] = (struct run){2 * i + 1, 1};
	put_runs(&b, runs, 42);
	d = bytes_open(&b);
	for (i = 0; i < 84; i++)
		assert_int_equal(reads(d, i * 4096), i % 2 == 1);
	dump_close(d);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bytes_u32(&b, 0x88, bad[i]);
		assert_int_equal(dump_open(bytes_save(&b), &d, &err), FS_CORRUPT);
		assert_non_null(strstr(err.text, "NumberOfRuns at 0x88: expected 1 to 42"));
		assert_true(err.address == 0x88);
	}
	bytes_deinit(&b);
}

/* Huge numbers in each field: an error, or an answer about the pages that are there. */
static void huge_runs(void **state)
{
	static const uint64_t huge[] = {UINT64_MAX, 1ull << 63, 1ull << 52,	   1ull << 40,
					1ull << 39, 0xffffffff, 0x4547415045474150};
	static const struct run runs[] = {{1, 2}, {8, 1}};
	struct bytes b = {0};
	struct dump *d;
	size_t i, at;

	(void)state;
	for (at = 0x98; at < 0xb8; at += 8) {
		for (i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
			struct fs_error err = {0};
			enum fs_status st;

			put_runs(&b, runs, 2);
			bytes_u64(&b, at, huge[i]);
			st = dump_open(bytes_save(&b), &d, &err);
			if (huge[i] >= 1ull << 40) {
				assert_int_equal(st, FS_CORRUPT);
				assert_non_null(strstr(err.text, "expected page numbers below"));
				continue;
			}
			assert_int_equal(st, FS_OK);
			/* A huge count promises what the file has not. */
			assert_int_equal(dump_info(d)->truncated, at % 16 == 0);
			assert_true(bytes_exercise(d) > 0);
			dump_close(d);
		}
	}
	bytes_deinit(&b);
}

/* Every length from the header to the end: what is there is read, the rest is missing. */
static void cut_anywhere(void **state)
{
	static const struct run runs[] = {{1, 2}};
	struct bytes b = {0};
	size_t n;

	(void)state;
	put_runs(&b, runs, 1);
	for (n = 0x2000; n <= 0x4000; n += n % 4096 < 24 || n % 4096 > 4080 ? 1 : 61) {
		struct fs_error err = {0};
		struct dump *d = NULL;
		uint8_t p[8];
		size_t at;

		assert_int_equal(dump_open(bytes_save_n(&b, n), &d, &err), FS_OK);
		assert_int_equal(dump_info(d)->truncated, n < 0x4000);
		assert_int_equal(dump_info(d)->missing_bytes, 0x4000 - n);
		for (at = 0; at + 8 <= 0x2000; at += 248) {
			enum fs_status st = dump_read_phys(d, 0x1000 + at, p, 8, &err);

			assert_int_equal(st, at + 8 <= n - 0x2000 ? FS_OK : FS_NOT_IN_DUMP);
			if (st == FS_OK)
				assert_true(load_u64(p) == 0x1000 + at);
			else
				assert_true(err.address ==
					    0x1000 + (at > n - 0x2000 ? at : n - 0x2000));
		}
		bytes_next_pages(d, 8, true);
		dump_close(d);
	}
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_by_run),
		cmocka_unit_test(across_pages),
		cmocka_unit_test(above_4_gib),
		cmocka_unit_test(page_count_that_is_not_the_sum),
		cmocka_unit_test(overlapping_runs),
		cmocka_unit_test(run_count_bounds),
		cmocka_unit_test(huge_runs),
		cmocka_unit_test(cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
