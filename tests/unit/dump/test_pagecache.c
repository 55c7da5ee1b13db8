/* SPDX-License-Identifier: BSD-2-Clause */
/* The bounded page cache: right answers after eviction, honest counters, and a
 * file that changes under us is an error, never zeros. */
#include <unistd.h>

#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

#define PAGES 1500u /* about three times what the cache holds */

static void many_pages(struct bytes *b)
{
	size_t i;

	bytes_dmp_header(b, 1);
	bytes_u32(b, 0x88, 1);
	bytes_u64(b, 0x90, PAGES);
	bytes_u64(b, 0x98, 0);
	bytes_u64(b, 0xa0, PAGES);
	bytes_resize(b, 0x2000 + PAGES * 4096);
	for (i = 0; i < PAGES; i++)
		bytes_u64(b, 0x2000 + i * 4096 + 0x10, i * 4096 + 0x10);
}

static void read_all(struct dump *d)
{
	uint64_t pa;
	uint8_t p[8];

	for (pa = 0x10; pa < PAGES * 4096; pa += 4096) {
		assert_int_equal(dump_read_phys(d, pa, p, 8, NULL), FS_OK);
		assert_true(load_u64(p) == pa);
	}
}

static void eviction(void **state)
{
	struct bytes b = {0};
	struct dump_stats s;
	struct dump *d;
	size_t before, i;
	uint8_t p[8];

	(void)state;
	many_pages(&b);
	before = heap_used();
	d = bytes_open(&b);
	read_all(d);
	read_all(d);
	s = dump_stats(d);
	/* 512 pages of 4 KiB, and little else. */
	assert_true(heap_used() - before < 512 * 4096 + 0x8000);
	assert_true(s.pages >= PAGES && s.pages <= 2 * PAGES);
	assert_int_equal(s.bytes_read, 0x2000 + s.pages * 4096);
	assert_true(s.reads == s.pages + 1);
	/* A page that was just read costs nothing. */
	assert_int_equal(dump_read_phys(d, 0x10, p, 8, NULL), FS_OK);
	s = dump_stats(d);
	for (i = 0; i < 100; i++)
		assert_int_equal(dump_read_phys(d, 0x10, p, 8, NULL), FS_OK);
	assert_int_equal(dump_stats(d).reads, s.reads);
	dump_close(d);
	bytes_deinit(&b);
}

/* The last used of a set must survive: page 0 is read between all others. */
static void hot_page_stays(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	uint64_t pa;
	uint8_t p[8];

	(void)state;
	many_pages(&b);
	d = bytes_open(&b);
	for (pa = 0x10; pa < PAGES * 4096; pa += 4096) {
		assert_int_equal(dump_read_phys(d, pa, p, 8, NULL), FS_OK);
		assert_int_equal(dump_read_phys(d, 0x10, p, 8, NULL), FS_OK);
		assert_true(load_u64(p) == 0x10);
	}
	assert_int_equal(dump_stats(d).pages, PAGES);
	dump_close(d);
	bytes_deinit(&b);
}

static void file_that_shrinks(void **state)
{
	struct fs_error err = {0};
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[8] = {1, 2, 3};

	(void)state;
	many_pages(&b);
	d = bytes_open(&b);
	assert_int_equal(dump_read_phys(d, 0x10, p, 8, NULL), FS_OK);
	assert_int_equal(truncate(b.path, 0x2800), 0);
	/* Cached before: still what was read. */
	assert_int_equal(dump_read_phys(d, 0x10, p, 8, NULL), FS_OK);
	assert_true(load_u64(p) == 0x10);
	assert_int_equal(dump_read_phys(d, 0x5010, p, 8, &err), FS_SYSTEM);
	assert_non_null(strstr(err.text, "is shorter now"));
	assert_true(load_u64(p) == 0x10);
	/* Asked again it is not in the cache as something else. */
	assert_int_equal(dump_read_phys(d, 0x5010, p, 8, &err), FS_SYSTEM);
	dump_close(d);
	bytes_deinit(&b);
}

/* A load that fails half way has overwritten a cached page: it must not be used again. */
static void failed_load_spoils_nothing(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	uint64_t pa;
	uint8_t p[8];
	size_t good = 0;

	(void)state;
	many_pages(&b);
	d = bytes_open(&b);
	read_all(d);
	assert_int_equal(truncate(b.path, 0x2000 + 5 * 4096 + 0x100), 0);
	assert_int_equal(dump_read_phys(d, 0x5010, p, 8, NULL), FS_SYSTEM);
	for (pa = 0x6010; pa < PAGES * 4096; pa += 4096) {
		enum fs_status st = dump_read_phys(d, pa, p, 8, NULL);

		assert_true(st == FS_SYSTEM || (st == FS_OK && load_u64(p) == pa));
		good += st == FS_OK;
	}
	assert_true(good > 100);
	dump_close(d);
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eviction),
		cmocka_unit_test(hot_page_stays),
		cmocka_unit_test(file_that_shrinks),
		cmocka_unit_test(failed_load_spoils_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
