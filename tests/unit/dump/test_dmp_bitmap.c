/* SPDX-License-Identifier: BSD-2-Clause */
/* DumpTypes 5 and 6: pages by bitmap. */
#include <unistd.h>

#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

/* A bitmap dump of the pages whose bit is set, in the form the public readers
 * agree on. Bits past `bits` in the last byte stay as they are in `map`. */
static void put_dump(struct bytes *b, uint32_t type, const uint8_t *map, uint64_t bits)
{
	size_t bytes = (size_t)((bits + 7) / 8), off = (0x2038 + bytes + 0xfff) & ~(size_t)0xfff;
	uint64_t pfn, pages = 0;

	bytes_dmp_header(b, type);
	bytes_put(b, 0x2000, type == 5 ? "FDMPDUMP" : "SDMPDUMP", 8);
	bytes_u64(b, 0x2020, off);
	bytes_u64(b, 0x2030, bits);
	bytes_put(b, 0x2038, map, bytes);
	bytes_resize(b, off);
	for (pfn = 0; pfn < bits; pfn++) {
		if (map[pfn / 8] >> pfn % 8 & 1)
			bytes_page(b, off + 4096 * pages++, pfn);
	}
	bytes_u64(b, 0x2028, pages);
}

/* What a naive reader says: bit set or not, and the page carries its own address. */
static void agree(struct dump *d, const uint8_t *map, uint64_t bits)
{
	uint64_t pfn, pages = 0;

	for (pfn = 0; pfn < bits + 200; pfn++) {
		bool there = pfn < bits && (map[pfn / 8] >> pfn % 8 & 1);
		struct fs_error err = {0};
		uint64_t pa = pfn * 4096 + 8 * (pfn % 512);
		uint8_t p[8];
		enum fs_status st = dump_read_phys(d, pa, p, 8, &err);

		assert_int_equal(st, there ? FS_OK : FS_NOT_IN_DUMP);
		if (there)
			assert_true(load_u64(p) == pa);
		else
			assert_true(err.has_address && err.address == pa);
		pages += there;
	}
	assert_int_equal(dump_info(d)->pages, pages);
}

/* Lengths that are no multiple of 8, 32 or 64, around the reader's groups of 512
 * too. The bits after the end are set, so that one who reads on is found out. */
static void odd_lengths(void **state)
{
	static const uint64_t lengths[] = {1,	7,   8,	  9,   31,  32,	 33,  63,   64,	 65,
					   100, 511, 512, 513, 520, 575, 577, 1000, 1025};
	struct bytes b = {0};
	uint8_t map[160];
	uint32_t seed = 1;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t bits = lengths[i];
		struct dump *d;

		for (k = 0; k < sizeof(map); k++) {
			seed = seed * 1103515245 + 12345;
			map[k] = (uint8_t)(seed >> 16) & (uint8_t)(seed >> 24);
		}
		/* The last page, which others lose, is always there. */
		map[(bits - 1) / 8] |= (uint8_t)(1u << (bits - 1) % 8);
		for (k = (size_t)bits; k < (bits + 7) / 8 * 8; k++)
			map[k / 8] |= (uint8_t)(1u << k % 8);
		put_dump(&b, i % 2 ? 5 : 6, map, bits);
		d = bytes_open(&b);
		assert_string_equal(dump_info(d)->format, i % 2 ? "dmp-bitmap" : "dmp-kernel");
		assert_int_equal(dump_note_count(d), 0);
		assert_false(dump_info(d)->truncated);
		agree(d, map, bits);
		agree(d, map, bits); /* now from what is known of the pages */
		dump_close(d);
	}
	bytes_deinit(&b);
}

static void small_dump(struct bytes *b)
{
	static const uint8_t map[] = {0x06, 0x00, 0x02};

	put_dump(b, 6, map, 20); /* PFN 1, 2 and 17 */
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

static void signatures(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	small_dump(&b);
	bytes_put(&b, 0x2000, "FDMP", 4); /* both are seen with both types */
	d = bytes_open(&b);
	dump_close(d);
	bytes_put(&b, 0x2000, "XDMP", 4);
	expect_corrupt(&b, 0x2000, "expected SDMPDUMP or FDMPDUMP, found \"XDMPDUMP\"");
	bytes_put(&b, 0x2000, "SDMPPAGE", 8);
	expect_corrupt(&b, 0x2000, "found \"SDMPPAGE\"");
	bytes_put(&b, 0x2000, "RDMPDUMP", 8);
	expect_corrupt(&b, 0x2000, "found \"RDMPDUMP\"");
	bytes_deinit(&b);
}

static void hostile_bit_counts(void **state)
{
	static const uint64_t bad[] = {0, 1ull << 37, UINT64_MAX, UINT64_MAX - 6,
				       0x4547415045474150};
	struct bytes b = {0};
	size_t i;

	(void)state;
	small_dump(&b);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bytes_u64(&b, 0x2030, bad[i]);
		expect_corrupt(&b, 0x2030, "bitmap size at 0x2030: expected 1 to");
	}
	/* One byte more than the file has. */
	bytes_u64(&b, 0x2030, (b.n - 0x2038) * 8 + 1);
	expect_corrupt(&b, 0x2030, "end past the file's");
	bytes_u64(&b, 0x2030, 1ull << 36);
	expect_corrupt(&b, 0x2030, "end past the file's");
	bytes_deinit(&b);
}

static void hostile_first_page(void **state)
{
	static const uint64_t far[] = {0x6000, 1ull << 40, 1ull << 63, UINT64_MAX - 0x3000};
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[8];
	size_t i;

	(void)state;
	small_dump(&b);
	bytes_u64(&b, 0x2020, 0);
	expect_corrupt(&b, 0x2020, "first page offset at 0x2020: expected 0x203b or more");
	bytes_u64(&b, 0x2020, 0x203a);
	expect_corrupt(&b, 0x2020, "found 0x203a");
	bytes_u64(&b, 0x2020, UINT64_MAX);
	expect_corrupt(&b, 0x2020, "wrap around");
	/* Far away is a file that has been cut: nothing is there, and it says so. */
	for (i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		bytes_u64(&b, 0x2020, far[i]);
		d = bytes_open(&b);
		assert_true(dump_info(d)->truncated);
		assert_true(dump_info(d)->missing_bytes == far[i] + 0x3000 - b.n);
		assert_int_equal(dump_read_phys(d, 0x1000, p, 8, &err), FS_NOT_IN_DUMP);
		assert_true(err.address == 0x1000);
		dump_close(d);
	}
	bytes_deinit(&b);
}

/* The bitmap says where pages are; a count that differs is said, not followed. */
static void total_that_is_not_the_bitmap(void **state)
{
	static const uint64_t totals[] = {0, 2, 4, UINT64_MAX};
	struct bytes b = {0};
	size_t i;

	(void)state;
	small_dump(&b);
	for (i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		struct dump *d;

		bytes_u64(&b, 0x2028, totals[i]);
		d = bytes_open(&b);
		assert_int_equal(dump_info(d)->pages, 3);
		assert_int_equal(dump_note_count(d), 1);
		assert_non_null(strstr(dump_note(d, 0), "the bitmap has 0x3 bits set"));
		assert_false(dump_info(d)->truncated);
		agree(d, b.v + 0x2038, 20);
		dump_close(d);
	}
	bytes_deinit(&b);
}

static void cut_anywhere(void **state)
{
	struct bytes b = {0};
	size_t n;

	(void)state;
	small_dump(&b);
	assert_int_equal(b.n, 0x6000);
	for (n = 0x1ff0; n <= b.n; n += n < 0x2048 || n % 4096 < 4 || n % 4096 > 4092 ? 1 : 16) {
		struct fs_error err = {0};
		struct dump *d = NULL;
		enum fs_status st = dump_open(bytes_save_n(&b, n), &d, &err);
		uint8_t p[16];
		uint64_t at;

		/* The bitmap has 3 bytes: from 0x203b on it is whole. */
		assert_int_equal(st, n < 0x203b ? FS_CORRUPT : FS_OK);
		if (st != FS_OK)
			continue;
		assert_int_equal(dump_info(d)->missing_bytes, b.n - n);
		for (at = 0; at < 4096; at += 16 * 17) {
			/* PFN 17 is the third page, at file offset 0x5000. */
			st = dump_read_phys(d, 0x11000 + at, p, 16, &err);
			assert_int_equal(st, n >= 0x5010 + at ? FS_OK : FS_NOT_IN_DUMP);
			if (st == FS_OK)
				assert_true(load_u64(p + 8) == 0x11008 + at);
			else
				assert_true(err.address ==
					    (n > 0x5000 + at ? 0xc000 + n : 0x11000 + at));
		}
		bytes_next_pages(d, 24, true);
		dump_close(d);
	}
	bytes_deinit(&b);
}

/* 4 GiB of RAM: opening reads the header and the bitmap once, and keeps the bitmap
 * (128 KiB) and at most 4 KiB a GiB on top; pages cost nothing until they are read. */
static void cost_of_opening(void **state)
{
	struct bytes b = {0};
	size_t before, after;
	struct dump *d;
	uint8_t p[8];

	(void)state;
	bytes_dmp_header(&b, 6);
	bytes_put(&b, 0x2000, "SDMPDUMP", 8);
	bytes_u64(&b, 0x2020, 0x23000);
	bytes_u64(&b, 0x2028, 1 << 20);
	bytes_u64(&b, 0x2030, 1 << 20);
	bytes_resize(&b, 0x2038);
	bytes_resize(&b, 0x2038 + 0x20000);
	memset(b.v + 0x2038, 0xff, 0x20000);
	(void)bytes_save(&b);
	assert_int_equal(truncate(b.path, 0x23000 + (1ll << 32)), 0);
	before = heap_used();
	assert_int_equal(dump_open(b.path, &d, NULL), FS_OK);
	after = heap_used();
	assert_true(after > before && after - before < 0x20000 + 4 * 4096 + 0x8000);
	assert_int_equal(dump_info(d)->pages, 1 << 20);
	assert_false(dump_info(d)->truncated);
	assert_int_equal(dump_stats(d).bytes_read, 0x2000 + 0x38 + 0x20000);
	assert_int_equal(dump_stats(d).pages, 0);
	assert_int_equal(dump_read_phys(d, 0xfffffff8, p, 8, NULL), FS_OK);
	assert_int_equal(dump_stats(d).pages, 1);
	assert_int_equal(dump_stats(d).bytes_read, 0x2000 + 0x38 + 0x20000 + 4096);
	dump_close(d);
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_lengths),
		cmocka_unit_test(signatures),
		cmocka_unit_test(hostile_bit_counts),
		cmocka_unit_test(hostile_first_page),
		cmocka_unit_test(total_that_is_not_the_bitmap),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(cost_of_opening),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
