/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DumpTypes 8 (kernel), 9 (kernel and user) and 10 (complete) of newer Windows and of
 * WinDbg's .dump: a second header at 0x2000 and a table of page ranges from 0x2030; the
 * pages follow the table in its order (kdmp-parser: RDMP_HEADER64, KERNEL_RDMP_HEADER64,
 * FULL_RDMP_HEADER64 and what it does with them).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "dump/dmp.h"
#include "dump/segments.h"

/* File offsets. */
enum {
	RDMP_MARKER = 0x2000,	     /* u32, 0x40 */
	RDMP_SIGNATURE = 0x2004,     /* "RDMP", then "DUMP" */
	RDMP_METADATA_SIZE = 0x2010, /* u64: from 0x2020 to the first page */
	RDMP_FIRST_PAGE = 0x2018,    /* u64: file offset of the first page */
	RDMP_METADATA = 0x2020,
	RDMP_TOTAL = 0x2028, /* u64, type 10 only: pages in all; it ends the table */
	RDMP_RANGES = 0x2030,
};
#define RDMP_MARKER_VALUE 0x40u
#define RANGE_SIZE	  16u /* page number u64, number of pages u64 */
#define CHUNK		  (256u * RANGE_SIZE)

struct rdmp {
	struct segments segments;
	uint64_t first_page; /* file offset; the table ends here */
	uint64_t total;	     /* pages; UINT64_MAX where the header does not say */
};

/* The table while it is read. */
struct table {
	uint64_t pages; /* of the ranges so far */
	size_t n;	/* ranges */
	bool ended;
};

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	(void)err;
	return dmp_is_type(first, DMP_TYPE_KERNEL) || dmp_is_type(first, DMP_TYPE_KERNEL_USER) ||
			       dmp_is_type(first, DMP_TYPE_COMPLETE)
		       ? DUMP_PROBE_MINE
		       : DUMP_PROBE_NOT_MINE;
}

static enum fs_status check_signature(const uint8_t *h, struct fs_error *err)
{
	char quoted[8 * 4 + 1];

	if (load_u32(h) != RDMP_MARKER_VALUE)
		return fs_fail_at(err, FS_CORRUPT, RDMP_MARKER,
				  "RDMP header at 0x2000: expected 0x%x, found 0x%x",
				  RDMP_MARKER_VALUE, load_u32(h));
	if (memcmp(h + 4, "RDMPDUMP", 8) == 0)
		return FS_OK;
	dump_quote(h + 4, 8, quoted, sizeof(quoted));
	return fs_fail_at(err, FS_CORRUPT, RDMP_SIGNATURE,
			  "RDMP header at 0x2004: expected RDMPDUMP, found \"%s\"", quoted);
}

/* The table lies between the header and the first page: both of its sizes must say so, since
 * with a wrong one every page would be another one. */
static enum fs_status check_header(struct dump *d, struct rdmp *r, struct fs_error *err)
{
	uint8_t h[RDMP_RANGES - RDMP_MARKER];
	uint64_t metadata;
	enum fs_status st;

	if (!range_ok(RDMP_MARKER, sizeof(h), d->file.size))
		return fs_fail_at(err, FS_CORRUPT, d->file.size,
				  "RDMP header at 0x2000: expected 0x%zx bytes, the file ends at "
				  "0x%" PRIx64,
				  sizeof(h), d->file.size);
	st = dump_file_read(&d->file, RDMP_MARKER, h, sizeof(h), "RDMP header", err);
	if (st == FS_OK)
		st = check_signature(h, err);
	if (st != FS_OK)
		return st;
	metadata = load_u64(h + (RDMP_METADATA_SIZE - RDMP_MARKER));
	r->first_page = load_u64(h + (RDMP_FIRST_PAGE - RDMP_MARKER));
	r->total = d->info.dump_type == DMP_TYPE_COMPLETE ? load_u64(h + (RDMP_TOTAL - RDMP_MARKER))
							  : UINT64_MAX;
	if (r->first_page < RDMP_RANGES + RANGE_SIZE || r->first_page > d->file.size)
		return fs_fail_at(err, FS_CORRUPT, RDMP_FIRST_PAGE,
				  "first page offset at 0x2018: expected 0x%x to 0x%" PRIx64
				  " (the file's size), found 0x%" PRIx64,
				  RDMP_RANGES + RANGE_SIZE, d->file.size, r->first_page);
	if (metadata != r->first_page - RDMP_METADATA)
		return fs_fail_at(err, FS_CORRUPT, RDMP_METADATA_SIZE,
				  "metadata size at 0x2010: expected 0x%" PRIx64
				  " (from 0x2020 to the first page at 0x%" PRIx64
				  "), found 0x%" PRIx64,
				  r->first_page - RDMP_METADATA, r->first_page, metadata);
	return FS_OK;
}

/* One range. Behind a bad one nobody knows where the pages are: the table ends there. */
static enum fs_status add_range(struct dump *d, struct rdmp *r, struct table *t, uint64_t at,
				const uint8_t *entry, struct fs_error *err)
{
	uint64_t pfn = load_u64(entry), count = load_u64(entry + 8);
	struct segment seg;

	/* A page number of 0 is the end, as the public reader has it. */
	if (pfn == 0) {
		t->ended = true;
		if (count != 0)
			dump_note_add(
				d,
				"page range %zu at 0x%" PRIx64 " begins at page 0, which ends "
				"the table, and claims 0x%" PRIx64 " pages: they are not read",
				t->n, at, count);
		return FS_OK;
	}
	if (!range_ok(pfn, count, DMP_PFN_LIMIT) || count > DMP_PFN_LIMIT - t->pages) {
		t->ended = true;
		dump_note_add(d,
			      "page range %zu at 0x%" PRIx64 " is none (page 0x%" PRIx64
			      ", 0x%" PRIx64 " pages): it and what follows is not read",
			      t->n, at, pfn, count);
		return FS_OK;
	}
	if (count > r->total - t->pages) {
		dump_note_add(d,
			      "page range %zu at 0x%" PRIx64 " has 0x%" PRIx64
			      " pages, more than the total at 0x2028 leaves: 0x%" PRIx64
			      " are read",
			      t->n, at, count, r->total - t->pages);
		count = r->total - t->pages;
	}
	seg = (struct segment){
		.pa = pfn * DUMP_PAGE_SIZE,
		.size = count * DUMP_PAGE_SIZE,
		.off = r->first_page + t->pages * DUMP_PAGE_SIZE,
	};
	t->pages += count;
	t->n++;
	t->ended = t->pages == r->total;
	return segments_add(&r->segments, &seg, err);
}

/* The table's length is bounded by the file, its ranges by SEGMENTS_MAX. */
static enum fs_status read_table(struct dump *d, struct rdmp *r, struct table *t,
				 struct fs_error *err)
{
	uint64_t at = RDMP_RANGES;
	uint8_t chunk[CHUNK];
	enum fs_status st = FS_OK;

	while (st == FS_OK && !t->ended && r->first_page - at >= RANGE_SIZE) {
		uint64_t left = (r->first_page - at) / RANGE_SIZE * RANGE_SIZE;
		size_t n = left < CHUNK ? (size_t)left : CHUNK, i;

		st = dump_file_read(&d->file, at, chunk, n, "page ranges", err);
		for (i = 0; st == FS_OK && !t->ended && i < n; i += RANGE_SIZE)
			st = add_range(d, r, t, at + i, chunk + i, err);
		at += n;
	}
	return st;
}

static enum fs_status open_rdmp(struct dump *d, const struct dump_first *first,
				struct fs_error *err)
{
	struct rdmp *r = calloc(1, sizeof(*r));
	struct table t = {0};
	uint64_t bytes = 0;
	enum fs_status st;

	dmp_parse_header(d, first);
	d->info.format = "dmp-rdmp";
	if (!r)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the page ranges");
	d->priv = r;
	st = check_header(d, r, err);
	if (st == FS_OK)
		st = read_table(d, r, &t, err);
	if (st == FS_OK && t.pages)
		st = segments_build(&r->segments, &bytes, err);
	if (st != FS_OK)
		return st;
	if (t.pages == 0)
		return fs_fail_at(err, FS_CORRUPT, RDMP_RANGES,
				  "page ranges at 0x2030: expected one at least, found none");
	if (r->total != UINT64_MAX && t.pages != r->total)
		dump_note_add(d,
			      "total pages at 0x2028 is 0x%" PRIx64 ", the ranges have 0x%" PRIx64,
			      r->total, t.pages);
	if (r->segments.overlap)
		dump_note_add(d, "page ranges overlap: a page that is held twice is read only "
				 "where both copies agree");
	d->info.pages = bytes / DUMP_PAGE_SIZE;
	/* Both below 2^52: no overflow. */
	dump_promise(d, r->first_page + t.pages * DUMP_PAGE_SIZE);
	return FS_OK;
}

static enum fs_status read_phys(struct dump *d, uint64_t pa, void *buf, size_t n,
				struct fs_error *err)
{
	const struct rdmp *r = d->priv;

	return segments_read(&r->segments, d, pa, buf, n, err);
}

static uint64_t next_page(const struct dump *d, uint64_t pfn)
{
	return segments_next_page(&((const struct rdmp *)d->priv)->segments, d, pfn);
}

static bool run(const struct dump *d, uint64_t pfn, uint64_t *ret_off, uint64_t *ret_pages)
{
	return segments_run(&((const struct rdmp *)d->priv)->segments, d, pfn, ret_off, ret_pages);
}

static void close_rdmp(struct dump *d)
{
	struct rdmp *r = d->priv;

	if (r)
		segments_deinit(&r->segments);
	free(r);
	d->priv = NULL;
}

const struct dump_format dump_format_rdmp = {
	.name = "dmp-rdmp",
	.probe = probe,
	.open = open_rdmp,
	.read_phys = read_phys,
	.next_page = next_page,
	.run = run,
	.close = close_rdmp,
};
