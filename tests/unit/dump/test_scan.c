/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scan of all memory, against what dump_read_phys says of each page: every whole page that is
 * not all zeros comes once, in ascending order, with its bytes, and nothing else does.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/cursor.h"
#include "dump/dump.h"
#include "support/core_bytes.h"
#include "support/kdump_bytes.h"
#include "support/test.h"

static uint8_t chunk[DUMP_SCAN_PAGES * DUMP_PAGE_SIZE];

static bool zeros(const uint8_t *p)
{
	return p[0] == 0 && memcmp(p, p + 1, DUMP_PAGE_SIZE - 1) == 0;
}

/* Pages from `from` to below `end`; how many came. */
static size_t scan(struct dump *d, uint64_t from, uint64_t end)
{
	struct dump_scan s = {.pfn = from, .end = end, .most = UINT64_MAX};
	uint64_t first, next = from, pfn;
	uint8_t page[DUMP_PAGE_SIZE];
	size_t n, i, seen = 0;

	do {
		n = dump_scan_next(d, &s, chunk, &first);
		assert_true(n <= DUMP_SCAN_PAGES &&
			    (n == 0 || (first >= next && first + n <= end)));
		/* what was passed over is nothing or zeros */
		for (pfn = next; pfn < (n ? first : end) && pfn < next + 20000; pfn++)
			assert_true(dump_read_phys(d, pfn * 4096, page, 4096, NULL) != FS_OK ||
				    zeros(page));
		for (i = 0; i < n; i++) {
			assert_int_equal(dump_read_phys(d, (first + i) * 4096, page, 4096, NULL),
					 FS_OK);
			assert_memory_equal(page, chunk + i * 4096, 4096);
			seen += !zeros(page);
		}
		next = first + n;
	} while (n);
	assert_true(s.passed <= (end < UINT64_MAX ? end - from : dump_info(d)->pages + 1));
	return seen;
}

static struct dump *open_raw(struct bytes *b)
{
	struct dump_options o = {.raw = true};
	struct fs_error err;
	struct dump *d;

	if (dump_open_with(b->path, &o, &d, &err) != FS_OK)
		fail_msg("%s", err.text);
	return d;
}

/* A page at its place in a file that is a hole elsewhere. */
static void put_at(const struct bytes *b, uint64_t pfn)
{
	uint8_t page[DUMP_PAGE_SIZE];
	int fd = open(b->path, O_WRONLY);
	size_t i;

	for (i = 0; i < 512; i++)
		memcpy(page + 8 * i, &(uint64_t){pfn * 4096 + i}, 8);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, page, 4096, (off_t)(pfn * 4096)), 4096);
	assert_int_equal(close(fd), 0);
}

/* A hole is memory that holds zeros. It is not looked at, and it is in the dump. */
static void holes_of_a_file_are_zeros(void **state)
{
	static const uint64_t pfns[] = {3, 4, 600, 1023, 70000, (4u << 18) - 1};
	struct dump_stats before, after;
	struct bytes b = {0};
	uint8_t p[8] = {1};
	struct dump *d;
	size_t i;

	(void)state;
	bytes_u64(&b, 0, 0);
	(void)bytes_save(&b);
	assert_int_equal(truncate(b.path, 4ll << 30), 0);
	for (i = 0; i < 6; i++)
		put_at(&b, pfns[i]);
	d = open_raw(&b);
	before = dump_stats(d);
	assert_int_equal(scan(d, 0, 2048), 4);
	assert_int_equal(dump_read_phys(d, 0xc0000000, p, 8, NULL), FS_OK);
	assert_int_equal(load_u64(p), 0);
	assert_true(dump_next_page(d, 0xc0000) == 0xc0000);
	dump_close(d);
	d = open_raw(&b);
	{ /* the file system tells holes, or 4 GiB are read */
		struct dump_scan s = {.end = UINT64_MAX, .most = UINT64_MAX};
		uint64_t first;
		size_t n, found = 0;

		while ((n = dump_scan_next(d, &s, chunk, &first)) > 0)
			for (i = 0; i < 6; i++)
				found += pfns[i] >= first && pfns[i] < first + n;
		assert_int_equal(found, 6);
		assert_int_equal(s.passed, 4u << 18);
	}
	after = dump_stats(d);
	assert_int_equal(after.pages, 0); /* nothing through the page cache */
	assert_int_equal(before.pages, 0);
	dump_close(d);
	bytes_deinit(&b);
}

static void ends_where_it_is_told(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	size_t i;

	(void)state;
	for (i = 0; i < 700; i++)
		bytes_page(&b, i * 4096, i);
	bytes_resize(&b, 700 * 4096 + 100); /* the last page is cut */
	(void)bytes_save(&b);
	d = open_raw(&b);
	assert_int_equal(scan(d, 0, 1000), 700);
	assert_int_equal(scan(d, 0, 513), 513);
	assert_int_equal(scan(d, 256, 256), 0);
	assert_int_equal(scan(d, 699, UINT64_MAX), 1);
	dump_close(d);
	bytes_deinit(&b);
}

static void pieces_of_an_elf_file(void **state)
{
	/* two places of one page, a piece that begins within one, one past the file */
	static const struct core_load l[] = {{0x1000, 0x3000, 0x1000},
					     {0x3000, 0x2000, 0x5000},
					     {0x8800, 0x2800, 0x8000},
					     {0x20000, 0x1000, 0x4000},
					     {0x30000, 0x4000, 0xf000}};
	struct bytes b = {0};
	struct dump *d;
	size_t i;

	(void)state;
	core_header(&b, 62, 5);
	for (i = 0; i < 5; i++)
		core_phdr(&b, i, 1, &l[i]);
	for (i = 1; i < 0x11; i++)
		bytes_page(&b, i * 0x1000, i);
	bytes_page(&b, 0x5000, 3);
	d = bytes_open(&b);
	assert_int_equal(scan(d, 0, 0x40), 3 + 1 + 2 + 1 + 2);
	dump_close(d);
	bytes_u64(&b, 0x5008, 99); /* the copies of 0x3000 disagree */
	d = bytes_open(&b);
	assert_int_equal(scan(d, 0, 0x40), 3 + 1 + 2 + 1 + 2 - 1);
	dump_close(d);
	bytes_deinit(&b);
}

/* A file of 120 KiB whose bytes are at 400 addresses each, as if they were 47 MiB. */
static void one_place_many_addresses(void **state)
{
	struct dump_scan s = {.end = UINT64_MAX, .most = 1000};
	struct bytes b = {0};
	struct dump *d;
	uint64_t first;
	size_t i, n, seen = 0;

	(void)state;
	core_header(&b, 62, 400);
	for (i = 0; i < 400; i++) {
		const struct core_load l = {0x100000 * i, 0x1e000, 0x6000};

		core_phdr(&b, i, 1, &l);
	}
	for (i = 6; i < 36; i++)
		bytes_page(&b, i * 0x1000, i);
	d = bytes_open(&b);
	while ((n = dump_scan_next(d, &s, chunk, &first)) > 0)
		seen += n;
	assert_true(s.passed > 1000 && s.passed <= 1030);
	assert_int_equal(seen, s.passed);
	dump_close(d);
	bytes_deinit(&b);
}

static void microsofts_formats(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	size_t i;

	(void)state;
	bytes_dmp_header(&b, 1);
	bytes_u32(&b, 0x88, 2);
	bytes_u64(&b, 0x90, 8);
	bytes_u64(&b, 0x98, 1);
	bytes_u64(&b, 0xa0, 3);
	bytes_u64(&b, 0xa8, 0x40);
	bytes_u64(&b, 0xb0, 5);
	for (i = 0; i < 8; i++)
		bytes_page(&b, 0x2000 + i * 4096, i < 3 ? 1 + i : 0x40 + i - 3);
	d = bytes_open(&b);
	assert_int_equal(scan(d, 0, 0x80), 8);
	dump_close(d);
	(void)bytes_save_n(&b, 0x2000 + 6 * 4096 + 8); /* cut in the seventh */
	{
		struct fs_error err;

		assert_int_equal(dump_open(b.path, &d, &err), FS_OK);
	}
	assert_int_equal(scan(d, 0, 0x80), 6);
	dump_close(d);
	bytes_dmp_header(&b, 5);
	bytes_put(&b, 0x2000, "FDMPDUMP", 8);
	bytes_u64(&b, 0x2020, 0x3000);
	bytes_u64(&b, 0x2028, 6);
	bytes_u64(&b, 0x2030, 40);
	bytes_u64(&b, 0x2038, 0x80000000e6);
	for (i = 0; i < 7; i++)
		bytes_page(&b, 0x3000 + i * 4096, i + 100);
	d = bytes_open(&b);
	assert_int_equal(scan(d, 0, 64), 6);
	dump_close(d);
	bytes_deinit(&b);
}

/* Many pages of zeros are one page of the file; a page of its own between them is its own. */
static void kdump_page_by_page(void **state)
{
	static const uint64_t pfn[] = {1, 2, 63, 64, 511};
	static const uint32_t method[] = {1, 0};
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	kd_header(&b, 600);
	kd_pages(&b, pfn, 5, method, 2);
	d = bytes_open(&b);
	assert_int_equal(scan(d, 0, 600), 5);
	dump_close(d);
	/* the third shares the first one's data */
	bytes_put(&b, KD_DESCRIPTORS + 2 * 24, b.v + KD_DESCRIPTORS, 24);
	d = bytes_open(&b);
	assert_int_equal(scan(d, 0, 600), 5);
	dump_close(d);
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_of_a_file_are_zeros),
		cmocka_unit_test(ends_where_it_is_told),
		cmocka_unit_test(pieces_of_an_elf_file),
		cmocka_unit_test(one_place_many_addresses),
		cmocka_unit_test(microsofts_formats),
		cmocka_unit_test(kdump_page_by_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
