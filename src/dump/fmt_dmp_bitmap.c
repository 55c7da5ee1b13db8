/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DumpTypes 5 (all of memory), 6 (kernel pages) and 2 (kernel pages, before Windows 8): a second
 * header behind the first, with a bitmap of the page numbers that are held; the n-th set bit's page
 * is the n-th page of the file.
 *
 * 5 and 6: kdmp-parser, volatility3 crash.py and Ghidra's FullDumpHeader; by the latter two, 32-bit
 * dumps have the same header with the same 64-bit numbers, behind their smaller first one.
 * 2: SUMMARY_DUMP32 and SUMMARY_DUMP64 as the WDK 10's types are published, and for 32 bits as S2E's
 * WindowsCrashDumpGenerator and Ghidra's SummaryHeader have it. Nobody here saw a file of that
 * type, so it has to prove itself: what it says twice must agree.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "dump/bitmap.h"
#include "dump/dmp.h"

/* Where the second header stands, and what in it. */
struct shape {
	size_t at;
	uint8_t width; /* bytes of a number: 8, 4 */
	uint8_t first_page, total, bits;
	uint8_t bits_again; /* RTL_BITMAP.SizeOfBitMap of type 2; 0: none */
	uint8_t map;
};
enum { SHAPE_SIGNATURE = 0, SHAPE_VALID = 4, SHAPE_SIZE_MAX = 0x38 };
static const struct shape bitmap64 = {DMP_HEADER_SIZE, 8, 0x20, 0x28, 0x30, 0, 0x38};
static const struct shape bitmap32 = {DMP32_HEADER_SIZE, 8, 0x20, 0x28, 0x30, 0, 0x38};
static const struct shape summary64 = {DMP_HEADER_SIZE, 4, 0xc, 0x14, 0x10, 0x18, 0x28};
static const struct shape summary32 = {DMP32_HEADER_SIZE, 4, 0xc, 0x14, 0x10, 0x18, 0x20};

#define KNOWN_PAGES 64u

struct pages {
	const struct shape *shape;
	struct bitmap map;
	uint64_t first_page; /* file offset of the first page */
	/* Where pages that were read last are: a rank costs more than all the rest of a read. */
	struct {
		uint64_t pfn, off; /* off 0: none */
	} known[KNOWN_PAGES];
};

static const struct shape *shape_of(const struct dump_first *first)
{
	if (dmp_is_type(first, DMP_TYPE_BITMAP_FULL) || dmp_is_type(first, DMP_TYPE_BITMAP_KERNEL))
		return &bitmap64;
	if (dmp32_is_type(first, DMP_TYPE_BITMAP_FULL) ||
	    dmp32_is_type(first, DMP_TYPE_BITMAP_KERNEL))
		return &bitmap32;
	if (dmp_is_type(first, DMP_TYPE_SUMMARY))
		return &summary64;
	return dmp32_is_type(first, DMP_TYPE_SUMMARY) ? &summary32 : NULL;
}

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	(void)err;
	return shape_of(first) ? DUMP_PROBE_MINE : DUMP_PROBE_NOT_MINE;
}

static uint64_t number(const struct shape *s, const uint8_t *h, size_t field)
{
	return s->width == 8 ? load_u64(h + field) : load_u32(h + field);
}

static enum fs_status check_signature(const struct shape *s, const uint8_t *h, struct fs_error *err)
{
	bool full = memcmp(h + SHAPE_SIGNATURE, "FDMP", 4) == 0 && !s->bits_again;
	char quoted[8 * 4 + 1];

	if ((memcmp(h + SHAPE_SIGNATURE, "SDMP", 4) == 0 || full) &&
	    memcmp(h + SHAPE_VALID, "DUMP", 4) == 0)
		return FS_OK;
	dump_quote(h, 8, quoted, sizeof(quoted));
	return fs_fail_at(err, FS_CORRUPT, s->at,
			  "bitmap header at 0x%zx: expected SDMPDUMP%s, found \"%s\"", s->at,
			  s->bits_again ? "" : " or FDMPDUMP", quoted);
}

/* Type 2 says twice how many bits there are. */
static enum fs_status check_again(const struct shape *s, const uint8_t *h, uint64_t bits,
				  struct fs_error *err)
{
	uint64_t again = s->bits_again ? number(s, h, s->bits_again) : bits;

	if (again == bits)
		return FS_OK;
	return fs_fail_at(err, FS_CORRUPT, s->at + s->bits_again,
			  "kernel summary dump: BitmapSize at 0x%zx is 0x%" PRIx64
			  ", SizeOfBitMap at 0x%zx 0x%" PRIx64
			  ": this is not the layout that is known of type 2, no page is read",
			  s->at + s->bits, bits, s->at + s->bits_again, again);
}

/* Where the bitmap and the pages lie, against the size of the file. */
static enum fs_status check_extent(const struct dump *d, const struct pages *b, uint64_t bits,
				   struct fs_error *err)
{
	const struct shape *s = b->shape;
	uint64_t bytes = (bits + 7) / 8, map = s->at + s->map;

	if (bits == 0 || bits > BITMAP_BITS_MAX)
		return fs_fail_at(
			err, FS_CORRUPT, s->at + s->bits,
			"bitmap size at 0x%zx: expected 1 to 0x%llx bits, found 0x%" PRIx64,
			s->at + s->bits, BITMAP_BITS_MAX, bits);
	if (!range_ok(map, bytes, d->file.size))
		return fs_fail_at(err, FS_CORRUPT, s->at + s->bits,
				  "bitmap size at 0x%zx: 0x%" PRIx64 " bits from 0x%" PRIx64
				  " end past the file's 0x%" PRIx64 " bytes",
				  s->at + s->bits, bits, map, d->file.size);
	if (b->first_page < map + bytes)
		return fs_fail_at(err, FS_CORRUPT, s->at + s->first_page,
				  "first page offset at 0x%zx: expected 0x%" PRIx64
				  " or more (the end of the bitmap), found 0x%" PRIx64,
				  s->at + s->first_page, map + bytes, b->first_page);
	return FS_OK;
}

/* Everything that the header says. */
static enum fs_status check_header(struct dump *d, struct pages *b, uint64_t *ret_total,
				   struct fs_error *err)
{
	const struct shape *s = b->shape;
	uint8_t h[SHAPE_SIZE_MAX];
	uint64_t bits;
	enum fs_status st;

	if (!range_ok(s->at, s->map, d->file.size))
		return fs_fail_at(err, FS_CORRUPT, d->file.size,
				  "bitmap header at 0x%zx: expected 0x%x bytes, the file ends at "
				  "0x%" PRIx64,
				  s->at, s->map, d->file.size);
	st = dump_file_read(&d->file, s->at, h, s->map, "bitmap header", err);
	if (st == FS_OK)
		st = check_signature(s, h, err);
	if (st != FS_OK)
		return st;
	b->first_page = number(s, h, s->first_page);
	*ret_total = number(s, h, s->total);
	bits = number(s, h, s->bits);
	st = check_extent(d, b, bits, err);
	if (st == FS_OK)
		st = check_again(s, h, bits, err);
	b->map.bits = bits;
	return st;
}

/* How many pages there are is said twice, too: of a layout that others have read, the bitmap is
 * believed; type 2 is only read where both agree. */
static enum fs_status check_total(struct dump *d, const struct pages *b, uint64_t total,
				  struct fs_error *err)
{
	const struct shape *s = b->shape;

	if (total == d->info.pages)
		return FS_OK;
	if (s->bits_again)
		return fs_fail_at(err, FS_CORRUPT, s->at + s->total,
				  "kernel summary dump: Pages at 0x%zx is 0x%" PRIx64
				  ", the bitmap has 0x%" PRIx64
				  " bits set: this is not the layout that is known of type 2, no "
				  "page is read",
				  s->at + s->total, total, d->info.pages);
	dump_note_add(d,
		      "total present pages at 0x%zx is 0x%" PRIx64 ", the bitmap has 0x%" PRIx64
		      " bits set: the bitmap is used",
		      s->at + s->total, total, d->info.pages);
	return FS_OK;
}

static enum fs_status load_map(struct dump *d, struct pages *b, uint64_t *ret_set,
			       struct fs_error *err)
{
	size_t bytes = 0;
	enum fs_status st = bitmap_alloc(&b->map, b->map.bits, &bytes, err);

	if (st == FS_OK)
		st = dump_file_read(&d->file, b->shape->at + b->shape->map, b->map.map, bytes,
				    "page bitmap", err);
	if (st == FS_OK)
		bitmap_count(&b->map, ret_set);
	return st;
}

static enum fs_status open_bitmap(struct dump *d, const struct dump_first *first,
				  struct fs_error *err)
{
	struct pages *b = calloc(1, sizeof(*b));
	uint64_t total = 0, end;
	enum fs_status st;

	if (memcmp(first->data, "PAGEDU64", 8) == 0)
		dmp_parse_header(d, first);
	else
		dmp32_parse_header(d, first);
	d->info.format = d->info.dump_type == DMP_TYPE_BITMAP_FULL ? "dmp-bitmap" : "dmp-kernel";
	if (!b)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the bitmap");
	b->shape = shape_of(first);
	d->priv = b;
	st = check_header(d, b, &total, err);
	if (st == FS_OK)
		st = load_map(d, b, &d->info.pages, err);
	if (st == FS_OK)
		st = check_total(d, b, total, err);
	if (st != FS_OK)
		return st;
	/* At most BITMAP_BITS_MAX pages: the product does not overflow, the sum may. */
	if (!add_u64(b->first_page, d->info.pages * DUMP_PAGE_SIZE, &end))
		return fs_fail_at(err, FS_CORRUPT, b->shape->at + b->shape->first_page,
				  "first page offset at 0x%zx: 0x%" PRIx64 " and 0x%" PRIx64
				  " pages after it wrap around",
				  b->shape->at + b->shape->first_page, b->first_page, d->info.pages);
	dump_promise(d, end);
	return FS_OK;
}

static enum fs_status read_phys(struct dump *d, uint64_t pa, void *buf, size_t n,
				struct fs_error *err)
{
	struct pages *b = d->priv;
	uint64_t pfn = pa / DUMP_PAGE_SIZE, off;
	size_t i = (size_t)(pfn % KNOWN_PAGES);

	if (b->known[i].off && b->known[i].pfn == pfn)
		return dump_read_page_at(d, b->known[i].off, pa, buf, n, err);
	if (pfn >= b->map.bits)
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa,
				  "PA 0x%" PRIx64 " is past the dump's bitmap of 0x%" PRIx64
				  " pages",
				  pa, b->map.bits);
	if (!bitmap_has(&b->map, pfn))
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa,
				  "PA 0x%" PRIx64 ": its page is not in the dump's bitmap", pa);
	off = b->first_page + bitmap_rank(&b->map, pfn) * DUMP_PAGE_SIZE;
	b->known[i].pfn = pfn;
	b->known[i].off = off;
	return dump_read_page_at(d, off, pa, buf, n, err);
}

static uint64_t next_page(const struct dump *d, uint64_t pfn)
{
	const struct pages *b = d->priv;

	pfn = pfn < b->map.bits ? bitmap_next(&b->map, pfn) : UINT64_MAX;
	/* pages stand in the order of their numbers: behind the file's end there is no further one */
	if (pfn != UINT64_MAX &&
	    b->first_page + bitmap_rank(&b->map, pfn) * DUMP_PAGE_SIZE >= d->file.size)
		return UINT64_MAX;
	return pfn;
}

/* Set bits in a row, as many as a scan takes at once. */
static bool run(const struct dump *d, uint64_t pfn, uint64_t *ret_off, uint64_t *ret_pages)
{
	const struct pages *b = d->priv;
	uint64_t n = 0, left;

	if (pfn >= b->map.bits || !bitmap_has(&b->map, pfn))
		return false;
	*ret_off = b->first_page + bitmap_rank(&b->map, pfn) * DUMP_PAGE_SIZE;
	left = *ret_off < d->file.size ? (d->file.size - *ret_off) / DUMP_PAGE_SIZE : 0;
	while (n < left && n < DUMP_SCAN_PAGES && pfn + n < b->map.bits &&
	       bitmap_has(&b->map, pfn + n))
		n++;
	*ret_pages = n;
	return n > 0;
}

static void close_bitmap(struct dump *d)
{
	struct pages *b = d->priv;

	if (b)
		bitmap_deinit(&b->map);
	free(b);
	d->priv = NULL;
}

const struct dump_format dump_format_dmp_bitmap = {
	.name = "dmp-bitmap",
	.probe = probe,
	.open = open_bitmap,
	.read_phys = read_phys,
	.next_page = next_page,
	.run = run,
	.close = close_bitmap,
};
