/* SPDX-License-Identifier: BSD-2-Clause */
/* kdump-compressed files, plain and flattened. */
#include <unistd.h>

#include "base/cursor.h"
#include "dump/dump.h"
#include "support/core_bytes.h"
#include "support/kdump_bytes.h"
#include "support/test.h"

static const uint64_t PFN[] = {1, 2, 63, 64, 511, 512, 700, 9999};
static const uint32_t METHODS[] = {1, 2, 4, 0x20, 0};
#define NPFN (sizeof(PFN) / sizeof(PFN[0]))

static void whole(struct bytes *b)
{
	kd_header(b, 10001);
	kd_pages(b, PFN, NPFN, METHODS, 5);
}

static void expect(struct bytes *b, enum fs_status st, const char *words)
{
	struct fs_error err = {0};
	struct dump *d;

	assert_int_equal(dump_open(bytes_save(b), &d, &err), st);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

static enum fs_status read_at(struct dump *d, uint64_t pa, const char *words)
{
	struct fs_error err = {0};
	uint8_t p[8];
	enum fs_status st = dump_read_phys(d, pa, p, 8, &err);

	if (st == FS_OK) {
		assert_true(load_u64(p) == pa);
		return st;
	}
	assert_true(err.has_address && err.address == pa);
	if (words && !strstr(err.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
	return st;
}

static bool is_there(uint64_t pfn)
{
	size_t i;

	for (i = 0; i < NPFN; i++)
		if (PFN[i] == pfn)
			return true;
	return false;
}

static void all_pages(struct dump *d)
{
	uint64_t pfn;

	for (pfn = 0; pfn < 10010; pfn++) {
		enum fs_status st = read_at(d, pfn * 4096 + 8 * (pfn % 512), NULL);

		assert_int_equal(st, is_there(pfn) ? FS_OK : FS_NOT_IN_DUMP);
	}
	assert_int_equal(read_at(d, UINT64_MAX - 7, NULL), FS_NOT_IN_DUMP);
}

/* Every compression, by the n-th bit's descriptor. */
static void pages_of_every_method(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	whole(&b);
	d = bytes_open(&b);
	assert_string_equal(dump_info(d)->format, "kdump");
	assert_int_equal(dump_info(d)->machine, DUMP_X64);
	assert_int_equal(dump_info(d)->pages, NPFN);
	assert_int_equal(dump_info(d)->dump_type, 0);
	assert_false(dump_info(d)->truncated || dump_info(d)->build.present);
	assert_int_equal(dump_note_count(d), 0);
	all_pages(d);
	all_pages(d);
	bytes_next_pages(d, 10000, true);
	assert_true(dump_next_page(d, 10000) == UINT64_MAX);
	dump_close(d);
	bytes_deinit(&b);
}

/* Records of every size, down to one that cuts each number. */
static void flattened(void **state)
{
	static const size_t piece[] = {16384, 4096, 1000, 24, 7};
	struct bytes b = {0}, f = {0};
	struct dump *d;
	size_t i;

	(void)state;
	whole(&b);
	for (i = 0; i < 5; i++) {
		kd_flatten(&f, &b, piece[i]);
		d = bytes_open(&f);
		assert_string_equal(dump_info(d)->format, "kdump");
		assert_false(dump_info(d)->truncated);
		assert_int_equal(dump_note_count(d), 0);
		all_pages(d);
		dump_close(d);
	}
	bytes_deinit(&b);
	bytes_deinit(&f);
}

/* makedumpfile writes its header again at the end: the later record counts. */
static void a_record_written_twice(void **state)
{
	struct bytes b = {0}, f = {0}, spoilt = {0};
	struct dump *d;
	size_t at;

	(void)state;
	whole(&b);
	whole(&spoilt);
	bytes_u32(&spoilt, 440, 5);
	bytes_u64(&spoilt, KD_SUB + 96, 5);
	kd_flatten(&f, &spoilt, 4096);
	/* instead of the end mark: the second page once more, then the end */
	at = f.n - 16;
	bytes_put(&f, at, f.v + 4096 + 4112, 4112);
	bytes_put(&f, at + 16, b.v + KD_SUB, 4096);
	bytes_filler(&f, at + 4112, 16);
	memset(f.v + at + 4112, 0xff, 16);
	d = bytes_open(&f);
	assert_int_equal(dump_note_count(d), 0);
	all_pages(d);
	dump_close(d);
	bytes_deinit(&b);
	bytes_deinit(&f);
	bytes_deinit(&spoilt);
}

static void impossible_headers(void **state)
{
	static const struct {
		size_t at;
		uint32_t v;
		enum fs_status st;
		const char *words;
	} of[] = {
		{8, 0, FS_CORRUPT, "header_version at 8 is 0x0"},
		{8, UINT32_MAX, FS_CORRUPT, "header_version"},
		{428, 0, FS_CORRUPT, "block size 0"},
		{428, 2048, FS_CORRUPT, "block size 2048"},
		{428, 4097, FS_CORRUPT, "block size 4097"},
		{428, 131072, FS_CORRUPT, "block size 131072"},
		{428, UINT32_MAX, FS_CORRUPT, "block size 4294967295"},
		{432, 0, FS_CORRUPT, "0 sub header blocks"},
		{432, UINT32_MAX, FS_CORRUPT, "end past the file"},
		{436, 0, FS_CORRUPT, "0 bitmap blocks"},
		{436, UINT32_MAX, FS_CORRUPT, "4294967295 blocks of bitmaps"},
		{272, 0x33333333, FS_UNSUPPORTED, "machine \"333364\""},
		{272, 0, FS_UNSUPPORTED, "machine \"\""},
		{KD_SUB + 96, 0, FS_CORRUPT, "max_mapnr is 0x0"},
		{KD_SUB + 96, 32769, FS_CORRUPT, "max_mapnr is 0x8001"},
		{KD_SUB + 100, UINT32_MAX, FS_CORRUPT, "max_mapnr is 0xffffffff"},
		{0, 0x4b534944, FS_UNSUPPORTED, "diskdump"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct bytes b = {0};

		whole(&b);
		if (of[i].at == 0)
			bytes_put(&b, 0, "DISKDUMP", 8);
		else
			bytes_u32(&b, of[i].at, of[i].v);
		expect(&b, of[i].st, of[i].words);
		bytes_deinit(&b);
	}
}

/* A descriptor that lies costs its own page and nothing else. */
static void impossible_descriptors(void **state)
{
	static const struct {
		uint64_t off;
		uint32_t size, flags;
		enum fs_status st;
	} of[] = {
		{0, 4096, 0, FS_CORRUPT},
		{KD_DESCRIPTORS + 24 * NPFN - 1, 4096, 0, FS_CORRUPT}, /* a descriptor */
		{KD_DESCRIPTORS + 24 * NPFN, 0, 1, FS_CORRUPT},
		{KD_DESCRIPTORS + 24 * NPFN, 4097, 1, FS_CORRUPT},
		{KD_DESCRIPTORS + 24 * NPFN, UINT32_MAX, 1, FS_CORRUPT},
		{KD_DESCRIPTORS + 24 * NPFN, 64, 0, FS_CORRUPT},
		{KD_DESCRIPTORS + 24 * NPFN, 64, 1, FS_CORRUPT},
		{KD_DESCRIPTORS + 24 * NPFN, 64, 2, FS_CORRUPT},
		{KD_DESCRIPTORS + 24 * NPFN, 64, 4, FS_CORRUPT},
		{KD_DESCRIPTORS + 24 * NPFN, 64, 0x20, FS_CORRUPT},
		{KD_DESCRIPTORS + 24 * NPFN, 64, 8, FS_UNSUPPORTED},
		{KD_DESCRIPTORS + 24 * NPFN, 64, 3, FS_UNSUPPORTED},
		{UINT64_MAX, 64, 1, FS_NOT_IN_DUMP},
		{UINT64_MAX - 63, 64, 1, FS_NOT_IN_DUMP},
		{1ull << 62, 64, 1, FS_NOT_IN_DUMP},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct bytes b = {0};
		struct dump *d;

		whole(&b);
		kd_descriptor(&b, 2, of[i].off, of[i].size, of[i].flags);
		d = bytes_open(&b);
		assert_int_equal(read_at(d, 63 * 4096, "PA 0x3f000"), of[i].st);
		assert_int_equal(read_at(d, 64 * 4096, NULL), FS_OK);
		assert_int_equal(read_at(d, 63 * 4096, NULL), of[i].st);
		dump_close(d);
		bytes_deinit(&b);
	}
}

/* Each bit says which descriptor is whose: with one more or one less, or with many, all pages
 * behind it would be other pages' data. */
static void lying_bitmap(void **state)
{
	static const uint8_t set[] = {0x01, 0x80};
	struct bytes b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < NPFN; i++) { /* one is missing */
		whole(&b);
		b.v[KD_BITMAP + PFN[i] / 8] &= (uint8_t)~(1u << PFN[i] % 8);
		expect(&b, FS_CORRUPT, "the bitmap at 0x3000 has 0x7 pages");
	}
	for (i = 0; i < 2; i++) { /* one is too many */
		whole(&b);
		b.v[KD_BITMAP + 20] = set[i];
		expect(&b, FS_CORRUPT, "the bitmap at 0x3000 has 0x9 pages");
	}
	whole(&b);
	memset(b.v + KD_BITMAP, 0xff, 0x1000);
	expect(&b, FS_CORRUPT, "which data is whose page is not known");
	bytes_deinit(&b);
}

/* The page of zeros that QEMU and makedumpfile write before all others: data that no bit's
 * descriptor may lead to. Of anything else in its place it is not known what it is. */
static void zeros_before_the_first_page(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	uint64_t at = KD_DESCRIPTORS + 24;

	(void)state;
	kd_header(&b, 4096);
	kd_bit(&b, 7);
	kd_descriptor(&b, 0, at + 4096, 4096, 0);
	bytes_filler(&b, at, 4096);
	memset(b.v + at, 0, 4096);
	bytes_page(&b, at + 4096, 7);
	d = bytes_open(&b);
	assert_int_equal(read_at(d, 0x7008, NULL), FS_OK);
	dump_close(d);
	b.v[at + 4095] = 1;
	expect(&b, FS_CORRUPT, "which data is whose page is not known");
	b.v[at + 4095] = 0;
	kd_bit(&b, 8);
	expect(&b, FS_CORRUPT, "has 0x2 pages");
	bytes_deinit(&b);
}

static void cut_anywhere(void **state)
{
	struct bytes b = {0}, f = {0};
	struct fs_error err;
	struct dump *d;
	size_t n, flat;
	uint64_t last = PFN[NPFN - 1] * 4096;

	(void)state;
	whole(&b);
	kd_flatten(&f, &b, 500);
	for (flat = 0; flat < 2; flat++) {
		struct bytes *from = flat ? &f : &b;

		for (n = 1; n < from->n; n += n < 0x200 || n > from->n - 0x200 ? 1 : 89) {
			enum fs_status st = dump_open(bytes_save_n(from, n), &d, &err);

			if (st != FS_OK) {
				assert_int_equal(st, FS_CORRUPT);
				continue;
			}
			assert_true(n >= KD_DESCRIPTORS);
			assert_true(dump_info(d)->truncated && dump_info(d)->missing_bytes > 0);
			assert_true(read_at(d, last, NULL) != FS_OK || (flat && n > f.n - 17));
			(void)bytes_exercise(d);
			bytes_next_pages(d, 600, false);
			dump_close(d);
		}
	}
	bytes_deinit(&b);
	bytes_deinit(&f);
}

/* Cut after it was opened: an error, never zeros, never a signal. */
static void cut_while_open(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	whole(&b);
	d = bytes_open(&b);
	assert_int_equal(truncate(b.path, KD_DESCRIPTORS + 24 * NPFN + 10), 0);
	assert_int_equal(read_at(d, 4096, "is shorter now"), FS_SYSTEM);
	assert_int_equal(read_at(d, 9999 * 4096, "is shorter now"), FS_SYSTEM);
	dump_close(d);
	bytes_deinit(&b);
}

static void records_that_make_no_sense(void **state)
{
	static const struct {
		uint64_t off, size;
	} of[] = {{0, 0}, {UINT64_MAX, 16}, {16, UINT64_MAX}, {1ull << 63, 16}, {16, 1ull << 62}};
	struct bytes b = {0}, f = {0};
	struct dump *d;
	size_t i, k, at;

	(void)state;
	whole(&b);
	for (i = 0; i < 5; i++) {
		kd_flatten(&f, &b, 4096);
		at = 4096 + 5 * 4112;
		for (k = 0; k < 8; k++) {
			f.v[at + k] = (uint8_t)(of[i].off >> (56 - 8 * k));
			f.v[at + 8 + k] = (uint8_t)(of[i].size >> (56 - 8 * k));
		}
		/* five pages hold header, bitmaps and descriptors */
		d = bytes_open(&f);
		assert_true(dump_info(d)->truncated);
		assert_non_null(strstr(dump_note(d, 0), "flattened form: record 5"));
		(void)bytes_exercise(d);
		dump_close(d);
	}
	/* a flattened file of something else */
	kd_flatten(&f, &b, 4096);
	f.v[4096 + 16] = 'X';
	expect(&f, FS_UNSUPPORTED, "something else than a kdump file");
	bytes_resize(&f, 4096);
	expect(&f, FS_CORRUPT, "kdump file");
	bytes_deinit(&b);
	bytes_deinit(&f);
}

static void notes(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	size_t at, begin;

	(void)state;
	whole(&b);
	at = begin = b.n;
	core_prstatus_x64(&b, &at, 0x100);
	core_qemu_x64(&b, &at, 0x100, 0x1aa000);
	bytes_u64(&b, KD_SUB + 48, begin);
	bytes_u64(&b, KD_SUB + 56, at - begin);
	d = bytes_open(&b);
	assert_int_equal(dump_cpu_count(d), 1);
	assert_true(dump_cpu_at(d, 0).cr3.v == 0x1aa000);
	assert_int_equal(dump_note_count(d), 0);
	dump_close(d);
	bytes_u64(&b, KD_SUB + 56, UINT64_MAX);
	d = bytes_open(&b);
	assert_int_equal(dump_cpu_count(d), 0);
	assert_non_null(strstr(dump_note(d, 0), "none is read"));
	all_pages(d);
	dump_close(d);
	bytes_u64(&b, KD_SUB + 56, at - begin);
	bytes_u64(&b, KD_SUB + 48, UINT64_MAX - 100);
	d = bytes_open(&b);
	assert_int_equal(dump_cpu_count(d), 0);
	dump_close(d);
	bytes_deinit(&b);
}

/* A 32-bit machine's header has its numbers elsewhere; ARM64's blocks may be 64 KiB. */
static void header_32_and_large_blocks(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	size_t k;

	(void)state;
	bytes_resize(&b, KD_DESCRIPTORS);
	bytes_put(&b, 0, "KDUMP   ", 8);
	bytes_u32(&b, 8, 6);
	bytes_put(&b, 272, "i686", 4);
	bytes_u32(&b, 416, 4096);
	bytes_u32(&b, 420, 1);
	bytes_u32(&b, 424, 2);
	bytes_u32(&b, 428, 4096);
	bytes_u64(&b, KD_SUB + 72, 4096);
	kd_bit(&b, 7);
	kd_descriptor(&b, 0, KD_DESCRIPTORS + 24, 4096, 0);
	bytes_page(&b, KD_DESCRIPTORS + 24, 7);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->machine, DUMP_X86);
	assert_int_equal(read_at(d, 0x7008, NULL), FS_OK);
	dump_close(d);
	bytes_resize(&b, 0);
	bytes_resize(&b, 0x40000);
	bytes_put(&b, 0, "KDUMP   ", 8);
	bytes_u32(&b, 8, 6);
	bytes_put(&b, 272, "aarch64", 7);
	bytes_u32(&b, 428, 65536);
	bytes_u32(&b, 432, 1);
	bytes_u32(&b, 436, 2);
	bytes_u64(&b, 0x10000 + 96, 100);
	b.v[0x30000] = 0x20;
	bytes_u64(&b, 0x40000, 0x40018);
	bytes_u32(&b, 0x40008, 65536);
	for (k = 0; k < 16; k++)
		bytes_page(&b, 0x40018 + 4096 * k, 5 * 16 + k);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->machine, DUMP_ARM64);
	assert_int_equal(dump_info(d)->pages, 16);
	for (k = 0; k < 16; k++)
		assert_int_equal(read_at(d, 0x50000 + 4096 * k + 16, NULL), FS_OK);
	assert_int_equal(read_at(d, 0x60000, NULL), FS_NOT_IN_DUMP);
	bytes_next_pages(d, 100, true);
	dump_close(d);
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_every_method),
		cmocka_unit_test(flattened),
		cmocka_unit_test(a_record_written_twice),
		cmocka_unit_test(impossible_headers),
		cmocka_unit_test(impossible_descriptors),
		cmocka_unit_test(lying_bitmap),
		cmocka_unit_test(zeros_before_the_first_page),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(cut_while_open),
		cmocka_unit_test(records_that_make_no_sense),
		cmocka_unit_test(notes),
		cmocka_unit_test(header_32_and_large_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
