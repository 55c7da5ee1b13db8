/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two bitmaps of a kdump file (makedumpfile's IMPLEMENTATION: pages that exist, and those of
 * them that were dumped), and the mark of a split file.
 */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/kdump_bytes.h"
#include "support/test.h"

static const uint64_t PFN[] = {1, 2, 63, 64, 511, 512, 700, 9999};
static const uint32_t STORED[] = {0};
#define NPFN (sizeof(PFN) / sizeof(PFN[0]))

static void whole(struct bytes *b)
{
	kd_header(b, 10001);
	kd_pages(b, PFN, NPFN, STORED, 1);
}

static void flip(struct bytes *b, size_t bitmap, uint64_t pfn)
{
	b->v[bitmap + pfn / 8] ^= (uint8_t)(1u << pfn % 8);
}

static void refused(struct bytes *b, enum fs_status want, const char *words)
{
	struct fs_error err = {0};
	struct dump *d;

	assert_int_equal(dump_open(bytes_save(b), &d, &err), want);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

/* Every page outside of [low, high] is its own; none within is anything. */
static void sure_outside(struct dump *d, uint64_t low, uint64_t high)
{
	size_t i;

	for (i = 0; i < NPFN; i++) {
		uint64_t pa = PFN[i] * 4096 + 8;
		struct fs_error err = {0};
		uint8_t p[8];
		enum fs_status st = dump_read_phys(d, pa, p, 8, &err);

		if (PFN[i] >= low && PFN[i] <= high) {
			assert_int_equal(st, FS_CORRUPT);
			assert_true(err.has_address && err.address == pa);
			continue;
		}
		assert_int_equal(st, FS_OK);
		assert_true(load_u64(p) == pa);
	}
}

/* QEMU's are alike: what a bit that moved leaves in doubt lies between its places. */
static void moved_bits(void **state)
{
	static const struct {
		uint64_t from, to, high;
	} of[] = {{63, 300, 300},
		  {300, 63, 300},
		  {1, 10000, 10000},
		  {9999, 0, 9999},
		  {511, 510, 511}};
	struct bytes b = {0};
	struct fs_error err = {0};
	struct dump *d;
	size_t i;
	uint8_t p[8];

	(void)state;
	whole(&b);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 0);
	sure_outside(d, 1, 0);
	dump_close(d);
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		uint64_t low = of[i].from < of[i].to ? of[i].from : of[i].to;

		/* 300 is in neither: then the first bitmap is what moved */
		whole(&b);
		flip(&b, of[i].from == 300 ? KD_EXISTING : KD_BITMAP, of[i].from);
		flip(&b, of[i].from == 300 ? KD_EXISTING : KD_BITMAP, of[i].to);
		d = bytes_open(&b);
		assert_true(bytes_noted(d, "the bitmaps of existing and of dumped pages differ from PA"));
		sure_outside(d, low, of[i].high);
		/* the page that the bit moved to has nobody's data */
		assert_int_equal(dump_read_phys(d, of[i].to * 4096, p, 8, &err), FS_CORRUPT);
		dump_close(d);
	}
	bytes_deinit(&b);
}

/* makedumpfile leaves pages out: a page that was dumped and does not exist is told, whose data is
 * whose is not known; the look-alike, pages that exist and were not dumped, says nothing. */
static void filtered(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	whole(&b);
	flip(&b, KD_EXISTING, 3);
	flip(&b, KD_EXISTING, 600);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 0);
	sure_outside(d, 1, 0);
	dump_close(d);
	flip(&b, KD_BITMAP, 63);
	flip(&b, KD_BITMAP, 300);
	refused(&b, FS_CORRUPT,
		"0x1 pages of the bitmap at 0x3000 are not in that of pages that exist");
	bytes_deinit(&b);
}

/* A first bitmap with fewer pages than were dumped is the one that is wrong; with none it was
 * never written. */
static void first_bitmap_damaged(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	whole(&b);
	flip(&b, KD_EXISTING, 64);
	d = bytes_open(&b);
	assert_true(
		bytes_noted(d, "the bitmap of pages that exist has 0x7 pages, that of dumped pages 0x8"));
	sure_outside(d, 1, 0);
	dump_close(d);
	memset(b.v + KD_EXISTING, 0, 0x1000);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 0);
	sure_outside(d, 1, 0);
	dump_close(d);
	/* bits behind the last page are no pages */
	b.v[KD_EXISTING + 10001 / 8] = 0xfe;
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 0);
	dump_close(d);
	bytes_deinit(&b);
}

/* The advice to join files is for files of a split dump alone. */
static void split_files(void **state)
{
	struct bytes b = {0};
	static const struct {
		uint32_t split;
		uint64_t start, end, start64, end64;
		enum fs_status st;
		const char *words;
	} of[] = {
		{1, 0, 0x1388, 0, 0x1388, FS_UNSUPPORTED, "--reassemble"},
		{1, 0, 0, 0x1388, 0x2711, FS_UNSUPPORTED,
		 "pages 0x1388 to 0x2711): makedumpfile --reassemble"},
		{1, 0, 0, 0, 0, FS_CORRUPT, "it is damaged"},
		{2, 0, 0x1388, 0, 0x1388, FS_CORRUPT, "the mark of a split file is 0x2"},
		{UINT32_MAX, UINT64_MAX, 0, 0, 0, FS_CORRUPT, "or the block size 4096"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct fs_error err = {0};
		struct dump *d;

		whole(&b);
		bytes_u32(&b, KD_SUB + 12, of[i].split);
		bytes_u64(&b, KD_SUB + 16, of[i].start);
		bytes_u64(&b, KD_SUB + 24, of[i].end);
		bytes_u64(&b, KD_SUB + 80, of[i].start64);
		bytes_u64(&b, KD_SUB + 88, of[i].end64);
		refused(&b, of[i].st, of[i].words);
		if (of[i].st == FS_UNSUPPORTED)
			continue;
		assert_int_equal(dump_open(bytes_save(&b), &d, &err), FS_CORRUPT);
		assert_null(strstr(err.text, "reassemble"));
	}
	/* a wrong block size leads to other data than the sub header */
	whole(&b);
	bytes_u32(&b, 428, 8192);
	memset(b.v + 0x2000, 0xff, 0x1000);
	refused(&b, FS_CORRUPT, "or the block size 8192, at which it stands, is wrong");
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moved_bits),
		cmocka_unit_test(filtered),
		cmocka_unit_test(first_bitmap_damaged),
		cmocka_unit_test(split_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
