/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DumpTypes 5 (all of memory) and 6 (kernel pages): a second header at 0x2000
 * with a bitmap of the page numbers that are held; the n-th set bit's page is
 * the n-th page of the file (kdmp-parser, volatility3 crash.py).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "dump/bitmap.h"
#include "dump/dmp.h"

/* File offsets. */
enum {
	BMP_SIGNATURE = 0x2000, /* "SDMP" or "FDMP" */
	BMP_VALID = 0x2004,	/* "DUMP" */
	BMP_FIRST_PAGE = 0x2020,
	BMP_TOTAL = 0x2028,
	BMP_BITS = 0x2030,
	BMP_BITMAP = 0x2038,
	BMP_HEADER_SIZE = BMP_BITMAP - BMP_SIGNATURE,
};

struct pages {
	struct bitmap map;
	uint64_t first_page; /* file offset of the first page */
};

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	(void)err;
	return dmp_is_type(first, DMP_TYPE_BITMAP_FULL) ||
			       dmp_is_type(first, DMP_TYPE_BITMAP_KERNEL)
		       ? DUMP_PROBE_MINE
		       : DUMP_PROBE_NOT_MINE;
}

static enum fs_status check_signature(const uint8_t *h, struct fs_error *err)
{
	char quoted[8 * 4 + 1];

	if ((memcmp(h, "SDMP", 4) == 0 || memcmp(h, "FDMP", 4) == 0) &&
	    memcmp(h + 4, "DUMP", 4) == 0)
		return FS_OK;
	dump_quote(h, 8, quoted, sizeof(quoted));
	return fs_fail_at(err, FS_CORRUPT, BMP_SIGNATURE,
			  "bitmap header at 0x2000: expected SDMPDUMP or FDMPDUMP, found \"%s\"",
			  quoted);
}

/* Everything that the header says, against the size of the file. */
static enum fs_status check_header(struct dump *d, struct pages *b, uint64_t *ret_total,
				   struct fs_error *err)
{
	uint64_t bits;
	uint8_t h[BMP_HEADER_SIZE];
	uint64_t bytes;
	enum fs_status st;

	if (!range_ok(BMP_SIGNATURE, sizeof(h), d->file.size))
		return fs_fail_at(err, FS_CORRUPT, d->file.size,
				  "bitmap header at 0x2000: expected 0x%x bytes, the file ends at "
				  "0x%" PRIx64,
				  BMP_HEADER_SIZE, d->file.size);
	st = dump_file_read(&d->file, BMP_SIGNATURE, h, sizeof(h), "bitmap header", err);
	if (st != FS_OK)
		return st;
	st = check_signature(h, err);
	if (st != FS_OK)
		return st;
	b->first_page = load_u64(h + (BMP_FIRST_PAGE - BMP_SIGNATURE));
	*ret_total = load_u64(h + (BMP_TOTAL - BMP_SIGNATURE));
	bits = load_u64(h + (BMP_BITS - BMP_SIGNATURE));
	if (bits == 0 || bits > BITMAP_BITS_MAX)
		return fs_fail_at(
			err, FS_CORRUPT, BMP_BITS,
			"bitmap size at 0x2030: expected 1 to 0x%llx bits, found 0x%" PRIx64,
			BITMAP_BITS_MAX, bits);
	bytes = (bits + 7) / 8;
	if (!range_ok(BMP_BITMAP, bytes, d->file.size))
		return fs_fail_at(err, FS_CORRUPT, BMP_BITS,
				  "bitmap size at 0x2030: 0x%" PRIx64
				  " bits from 0x2038 end past the file's 0x%" PRIx64 " bytes",
				  bits, d->file.size);
	if (b->first_page < BMP_BITMAP + bytes)
		return fs_fail_at(err, FS_CORRUPT, BMP_FIRST_PAGE,
				  "first page offset at 0x2020: expected 0x%" PRIx64
				  " or more (the end of the bitmap), found 0x%" PRIx64,
				  BMP_BITMAP + bytes, b->first_page);
	b->map.bits = bits;
	return FS_OK;
}

static enum fs_status load_map(struct dump *d, struct pages *b, uint64_t *ret_set,
			       struct fs_error *err)
{
	size_t bytes = 0;
	enum fs_status st = bitmap_alloc(&b->map, b->map.bits, &bytes, err);

	if (st == FS_OK)
		st = dump_file_read(&d->file, BMP_BITMAP, b->map.map, bytes, "page bitmap", err);
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

	dmp_parse_header(d, first);
	d->info.format = d->info.dump_type == DMP_TYPE_BITMAP_FULL ? "dmp-bitmap" : "dmp-kernel";
	if (!b)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the bitmap");
	d->priv = b;
	st = check_header(d, b, &total, err);
	if (st == FS_OK)
		st = load_map(d, b, &d->info.pages, err);
	if (st != FS_OK)
		return st;
	if (total != d->info.pages)
		dump_note_add(d,
			      "total present pages at 0x2028 is 0x%" PRIx64
			      ", the bitmap has 0x%" PRIx64 " bits set: the bitmap is used",
			      total, d->info.pages);
	/* At most BITMAP_BITS_MAX pages: the product does not overflow, the sum may. */
	if (!add_u64(b->first_page, d->info.pages * DUMP_PAGE_SIZE, &end))
		return fs_fail_at(err, FS_CORRUPT, BMP_FIRST_PAGE,
				  "first page offset at 0x2020: 0x%" PRIx64 " and 0x%" PRIx64
				  " pages after it wrap around",
				  b->first_page, d->info.pages);
	dump_promise(d, end);
	return FS_OK;
}

static enum fs_status read_phys(struct dump *d, uint64_t pa, void *buf, size_t n,
				struct fs_error *err)
{
	const struct pages *b = d->priv;
	uint64_t pfn = pa / DUMP_PAGE_SIZE;

	if (pfn >= b->map.bits)
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa,
				  "PA 0x%" PRIx64 " is past the dump's bitmap of 0x%" PRIx64
				  " pages",
				  pa, b->map.bits);
	if (!bitmap_has(&b->map, pfn))
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa,
				  "PA 0x%" PRIx64 ": its page is not in the dump's bitmap", pa);
	return dump_read_page_at(d, b->first_page + bitmap_rank(&b->map, pfn) * DUMP_PAGE_SIZE, pa,
				 buf, n, err);
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
	.close = close_bitmap,
};
