/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages by bitmap behind the other headers: types 5 and 6 of 32-bit systems (volatility3's
 * _SUMMARY_DUMP at 0x1000, with 64-bit numbers) and type 2 of both widths (_SUMMARY_DUMP32 and 64
 * of the WDK 10's types, with 32-bit numbers). Offsets are literal; values are invented.
 */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

struct form {
	const char *format;
	uint32_t type;
	size_t at;    /* the second header */
	size_t width; /* bytes of a number */
	size_t first, total, bits, again, map;
};
static const struct form forms[] = {
	{"dmp-bitmap", 5, 0x1000, 8, 0x1020, 0x1028, 0x1030, 0, 0x1038},
	{"dmp-kernel", 6, 0x1000, 8, 0x1020, 0x1028, 0x1030, 0, 0x1038},
	{"dmp-kernel", 2, 0x1000, 4, 0x100c, 0x1014, 0x1010, 0x1018, 0x1020},
	{"dmp-kernel", 2, 0x2000, 4, 0x200c, 0x2014, 0x2010, 0x2018, 0x2028},
};
#define NFORMS (sizeof(forms) / sizeof(forms[0]))

static void put(const struct form *f, struct bytes *b, size_t off, uint64_t v)
{
	if (f->width == 8)
		bytes_u64(b, off, v);
	else
		bytes_u32(b, off, (uint32_t)v);
}

static void put_header32(struct bytes *b, uint32_t type)
{
	bytes_filler(b, 0, 0x1000);
	bytes_put(b, 0, "PAGEDUMP", 8);
	bytes_u32(b, 0xc, 7601);
	bytes_u32(b, 0x10, 0x185000);
	bytes_u32(b, 0x20, 0x14c);
	bytes_u32(b, 0xf88, type);
}

/* Pages by their bits; those past `bits` in the last byte stay as `map` has them. */
static void put_dump(const struct form *f, struct bytes *b, const uint8_t *map, uint64_t bits)
{
	size_t bytes = (size_t)((bits + 7) / 8), off = (f->map + bytes + 0xfff) & ~(size_t)0xfff;
	uint64_t pfn, pages = 0;

	b->n = 0;
	if (f->at == 0x1000)
		put_header32(b, f->type);
	else
		bytes_dmp_header(b, f->type);
	bytes_put(b, f->at, f->type == 5 ? "FDMPDUMP" : "SDMPDUMP", 8);
	bytes_resize(b, f->map);
	memset(b->v + f->at + 8, 0, f->map - f->at - 8);
	put(f, b, f->first, off);
	put(f, b, f->bits, bits);
	if (f->again)
		put(f, b, f->again, bits);
	bytes_put(b, f->map, map, bytes);
	bytes_resize(b, off);
	for (pfn = 0; pfn < bits; pfn++) {
		if (map[pfn / 8] >> pfn % 8 & 1)
			bytes_page(b, off + 4096 * pages++, pfn);
	}
	put(f, b, f->total, pages);
}

static void small_dump(const struct form *f, struct bytes *b)
{
	static const uint8_t map[] = {0x06, 0x00, 0x02};

	put_dump(f, b, map, 20); /* PFN 1, 2 and 17 */
}

/* Bit set or not, and the page carries its own address. */
static void agree(struct dump *d, const uint8_t *map, uint64_t bits)
{
	uint64_t pfn, pages = 0;

	for (pfn = 0; pfn < bits + 100; pfn++) {
		bool there = pfn < bits && (map[pfn / 8] >> pfn % 8 & 1);
		uint64_t pa = pfn * 4096 + 8 * (pfn % 512);
		struct fs_error err = {0};
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
	bytes_next_pages(d, bits + 2, true);
}

static void odd_lengths(void **state)
{
	static const uint64_t lengths[] = {1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 511, 512, 513, 577};
	struct bytes b = {0};
	uint8_t map[80];
	uint32_t seed = 1;
	size_t f, i, k;

	(void)state;
	for (f = 0; f < NFORMS; f++) {
		for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			uint64_t bits = lengths[i];
			struct dump *d;

			for (k = 0; k < sizeof(map); k++) {
				seed = seed * 1103515245 + 12345;
				map[k] = (uint8_t)(seed >> 16) & (uint8_t)(seed >> 24);
			}
			/* the last page, which others lose, is there; bits behind it are no pages
			 */
			for (k = (size_t)bits - 1; k < (bits + 7) / 8 * 8; k++)
				map[k / 8] |= (uint8_t)(1u << k % 8);
			put_dump(&forms[f], &b, map, bits);
			d = bytes_open(&b);
			assert_string_equal(dump_info(d)->format, forms[f].format);
			assert_int_equal(dump_info(d)->dump_type, forms[f].type);
			assert_int_equal(dump_info(d)->machine,
					 forms[f].at == 0x1000 ? DUMP_X86 : DUMP_X64);
			assert_int_equal(dump_note_count(d), 0);
			assert_false(dump_info(d)->truncated);
			agree(d, map, bits);
			dump_close(d);
		}
	}
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

static void signatures(void **state)
{
	struct bytes b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < NFORMS; i++) {
		const struct form *f = &forms[i];

		small_dump(f, &b);
		bytes_put(&b, f->at, "SDMPDUMP", 8); /* all have this one */
		dump_close(bytes_open(&b));
		bytes_put(&b, f->at, "XDMP", 4);
		expect_corrupt(&b, f->at, "found \"XDMPDUMP\"");
		bytes_put(&b, f->at, "SDMPPAGE", 8);
		expect_corrupt(&b, f->at, "found \"SDMPPAGE\"");
		bytes_put(&b, f->at, "FDMPDUMP", 8);
		if (f->type == 2)
			expect_corrupt(&b, f->at, "expected SDMPDUMP, found \"FDMPDUMP\"");
		else
			dump_close(bytes_open(&b));
	}
	bytes_deinit(&b);
}

static uint64_t widest(const struct form *f)
{
	return f->width == 8 ? UINT64_MAX : UINT32_MAX;
}

static void hostile_bit_counts(void **state)
{
	struct bytes b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < NFORMS; i++) {
		const struct form *f = &forms[i];

		small_dump(f, &b);
		put(f, &b, f->bits, 0);
		expect_corrupt(&b, f->bits, "expected 1 to");
		put(f, &b, f->bits, widest(f));
		expect_corrupt(&b, f->bits,
			       f->width == 8 ? "expected 1 to" : "end past the file's");
		put(f, &b, f->bits, (b.n - f->map) * 8 + 1);
		expect_corrupt(&b, f->bits, "end past the file's");
		if (f->again) { /* plausible by itself, and not what is said the second time */
			put(f, &b, f->bits, 24);
			expect_corrupt(&b, f->again, "is not the layout that is known of type 2");
			put(f, &b, f->bits, 20);
			put(f, &b, f->again, UINT32_MAX);
			expect_corrupt(&b, f->again, "is not the layout that is known of type 2");
		}
	}
	bytes_deinit(&b);
}

static void hostile_first_page(void **state)
{
	struct fs_error err = {0};
	struct bytes b = {0};
	uint8_t p[8];
	size_t i;

	(void)state;
	for (i = 0; i < NFORMS; i++) {
		const struct form *f = &forms[i];
		struct dump *d;

		small_dump(f, &b);
		put(f, &b, f->first, 0);
		expect_corrupt(&b, f->first, "the end of the bitmap");
		put(f, &b, f->first, f->map + 2);
		expect_corrupt(&b, f->first, "the end of the bitmap");
		put(f, &b, f->first, widest(f));
		if (f->width == 8) {
			expect_corrupt(&b, f->first, "wrap around");
			continue;
		}
		/* far away is a file that has been cut */
		d = bytes_open(&b);
		assert_true(dump_info(d)->truncated);
		assert_true(dump_info(d)->missing_bytes == UINT32_MAX + 0x3000ull - b.n);
		assert_int_equal(dump_read_phys(d, 0x1000, p, 8, &err), FS_NOT_IN_DUMP);
		bytes_next_pages(d, 24, true);
		dump_close(d);
	}
	bytes_deinit(&b);
}

/* Of types 5 and 6 the bitmap is believed; type 2 has to agree with itself. */
static void total_that_is_not_the_bitmap(void **state)
{
	static const uint64_t totals[] = {0, 2, 4, UINT64_MAX};
	struct bytes b = {0};
	size_t i, k;

	(void)state;
	for (i = 0; i < NFORMS; i++) {
		const struct form *f = &forms[i];

		for (k = 0; k < sizeof(totals) / sizeof(totals[0]); k++) {
			struct dump *d;

			small_dump(f, &b);
			put(f, &b, f->total, totals[k]);
			if (f->type == 2) {
				expect_corrupt(&b, f->total, "the bitmap has 0x3 bits set");
				continue;
			}
			d = bytes_open(&b);
			assert_int_equal(dump_note_count(d), 1);
			assert_non_null(strstr(dump_note(d, 0), "the bitmap has 0x3 bits set"));
			agree(d, b.v + f->map, 20);
			dump_close(d);
		}
	}
	bytes_deinit(&b);
}

static void cut(const struct form *f, struct bytes *b)
{
	size_t n;

	small_dump(f, b);
	for (n = f->at - 8; n <= b->n;
	     n += n < f->map + 8 || n % 4096 < 4 || n % 4096 > 4092 ? 1 : 16) {
		struct fs_error err = {0};
		struct dump *d = NULL;
		enum fs_status st = dump_open(bytes_save_n(b, n), &d, &err);
		uint64_t at;
		uint8_t p[16];

		assert_int_equal(st, n < f->map + 3 ? FS_CORRUPT : FS_OK);
		if (st != FS_OK)
			continue;
		assert_int_equal(dump_info(d)->missing_bytes, b->n - n);
		for (at = 0; at < 4096; at += 16 * 17) {
			/* PFN 17 is the last page of the file */
			st = dump_read_phys(d, 0x11000 + at, p, 16, &err);
			assert_int_equal(st, n + 4096 >= b->n + 16 + at ? FS_OK : FS_NOT_IN_DUMP);
		}
		bytes_next_pages(d, 24, true);
		dump_close(d);
	}
}

static void cut_anywhere(void **state)
{
	struct bytes b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < NFORMS; i++)
		cut(&forms[i], &b);
	bytes_deinit(&b);
}

/* The processor's registers and the exception, where 32-bit headers have them. */
static void context_and_exception(void **state)
{
	struct bytes b = {0};
	uint8_t p[0x500];
	struct dump *d;
	size_t n = 0;

	(void)state;
	small_dump(&forms[1], &b);
	d = bytes_open(&b);
	assert_int_equal(dump_context(d, p, sizeof(p), &n, NULL), FS_NOT_FOUND);
	assert_false(dump_info(d)->exception_code.present);
	assert_false(dump_info(d)->exception_address.present);
	dump_close(d);
	bytes_u32(&b, 0x320, 0x1001f);
	bytes_u32(&b, 0x320 + 0xb8, 0x82641234);
	bytes_u32(&b, 0x7d0, 0xc0000005);
	bytes_u32(&b, 0x7dc, 0x8123abcd);
	d = bytes_open(&b);
	assert_int_equal(dump_context(d, p, sizeof(p), &n, NULL), FS_OK);
	assert_int_equal(n, 0x2cc);
	assert_int_equal(load_u32(p + 0xb8), 0x82641234);
	assert_int_equal(dump_info(d)->exception_code.v, 0xc0000005);
	assert_int_equal(dump_info(d)->exception_address.v, 0x8123abcd);
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
		cmocka_unit_test(context_and_exception),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
