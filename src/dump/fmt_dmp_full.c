/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DumpType 1, of 64-bit and 32-bit systems: all of physical memory. PHYSICAL_MEMORY_DESCRIPTOR in the header
 * lists runs of pages; their bytes follow the header in the order of the runs
 * (kdmp-parser, volatility3 crash.py).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "dump/dmp.h"

/* Where the two headers have their PHYSICAL_MEMORY_DESCRIPTOR: a run is {BasePage,
 * PageCount}, NumberOfPages is as wide as they are. */
struct shape {
	size_t header, run_count, page_count, runs, runs_end;
	size_t width; /* bytes of a number: 8, 4 */
};
static const struct shape shape64 = {DMP_HEADER_SIZE, DMP_RUN_COUNT, DMP_PAGE_COUNT,
				     DMP_RUNS,	      DMP_RUNS_END,  8};
static const struct shape shape32 = {DMP32_HEADER_SIZE, DMP32_RUN_COUNT, DMP32_PAGE_COUNT,
				     DMP32_RUNS,	DMP32_RUNS_END,	 4};

#define RUNS_MAX ((DMP32_RUNS_END - DMP32_RUNS) / 8u) /* 64-bit headers have room for fewer */

struct run {
	uint64_t base;	/* PFN */
	uint64_t count; /* pages */
	uint64_t off;	/* file offset of the first page */
};

struct full {
	size_t nruns;
	bool overlap; /* some PFN is in more than one run */
	struct run run[RUNS_MAX];
};

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	(void)err;
	return dmp_is_type(first, DMP_TYPE_FULL) || dmp32_is_type(first, DMP_TYPE_FULL)
		       ? DUMP_PROBE_MINE
		       : DUMP_PROBE_NOT_MINE;
}

/* Any order is allowed: the lookup does not need sorted runs. */
static bool overlaps(const struct full *f)
{
	size_t i, j;

	for (i = 0; i < f->nruns; i++) {
		for (j = 0; j < i; j++) {
			const struct run *a = &f->run[i], *b = &f->run[j];

			if (a->base < b->base + b->count && b->base < a->base + a->count)
				return true;
		}
	}
	return false;
}

static uint64_t number(const struct shape *s, const uint8_t *p)
{
	return s->width == 8 ? load_u64(p) : load_u32(p);
}

/* Below DMP_PFN_LIMIT, 86 runs cannot overflow 64 bits of file offset. */
static enum fs_status parse_runs(struct full *f, const struct shape *s, const uint8_t *header,
				 uint64_t *ret_pages, struct fs_error *err)
{
	uint64_t pages = 0;
	size_t i;

	for (i = 0; i < f->nruns; i++) {
		size_t at = s->runs + 2 * s->width * i;
		struct run *r = &f->run[i];

		r->base = number(s, header + at);
		r->count = number(s, header + at + s->width);
		r->off = s->header + pages * DUMP_PAGE_SIZE;
		if (!range_ok(r->base, r->count, DMP_PFN_LIMIT))
			return fs_fail_at(err, FS_CORRUPT, at,
					  "memory run %zu at 0x%zx: expected page numbers below "
					  "0x%llx, found BasePage 0x%" PRIx64
					  ", PageCount 0x%" PRIx64,
					  i, at, DMP_PFN_LIMIT, r->base, r->count);
		pages += r->count;
	}
	*ret_pages = pages;
	return FS_OK;
}

static enum fs_status open_full(struct dump *d, const struct dump_first *first,
				struct fs_error *err)
{
	bool wide = dmp_is_type(first, DMP_TYPE_FULL);
	const struct shape *s = wide ? &shape64 : &shape32;
	struct dump_u32 nruns = dmp_u32(first->data, s->run_count);
	size_t nmax = (s->runs_end - s->runs) / (2 * s->width);
	uint64_t npages = number(s, first->data + s->page_count);
	bool npages_set = wide ? dmp_u64(first->data, s->page_count).present
			       : dmp_u32(first->data, s->page_count).present;
	struct full *f;
	enum fs_status st;

	if (wide)
		dmp_parse_header(d, first);
	else
		dmp32_parse_header(d, first);
	d->info.format = "dmp-full";
	if (!nruns.present || nruns.v == 0 || nruns.v > nmax)
		return fs_fail_at(err, FS_CORRUPT, s->run_count,
				  "NumberOfRuns at 0x%zx: expected 1 to %zu, found %s%u",
				  s->run_count, nmax, nruns.present ? "" : "PAGE filler, ", nruns.v);
	f = calloc(1, sizeof(*f));
	if (!f)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the memory runs");
	d->priv = f;
	f->nruns = nruns.v;
	st = parse_runs(f, s, first->data, &d->info.pages, err);
	if (st != FS_OK)
		return st;
	if (npages_set && npages != d->info.pages)
		dump_note_add(d,
			      "NumberOfPages at 0x%zx is 0x%" PRIx64
			      ", the runs add up to 0x%" PRIx64 ": the runs are used",
			      s->page_count, npages, d->info.pages);
	f->overlap = overlaps(f);
	if (f->overlap)
		dump_note_add(d, "memory runs overlap: a page that is held twice is read only "
				 "where both copies agree");
	dump_promise(d, s->header + d->info.pages * DUMP_PAGE_SIZE);
	return FS_OK;
}

static enum fs_status read_run(struct dump *d, const struct run *r, uint64_t pa, void *buf,
			       size_t n, struct fs_error *err)
{
	uint64_t off = r->off + (pa / DUMP_PAGE_SIZE - r->base) * DUMP_PAGE_SIZE;

	return dump_read_page_at(d, off, pa, buf, n, err);
}

static bool run_has(const struct run *r, uint64_t pfn)
{
	return pfn >= r->base && pfn - r->base < r->count;
}

/* Two runs that hold one page must agree about its bytes. */
static enum fs_status check_other_copies(struct dump *d, size_t i, uint64_t pa, const uint8_t *buf,
					 size_t n, struct fs_error *err)
{
	const struct full *f = d->priv;
	uint8_t other[DUMP_PAGE_SIZE];
	size_t k;

	for (; i < f->nruns; i++) {
		if (!run_has(&f->run[i], pa / DUMP_PAGE_SIZE) ||
		    read_run(d, &f->run[i], pa, other, n, NULL) != FS_OK)
			continue;
		for (k = 0; k < n; k++) {
			if (buf[k] != other[k])
				return fs_fail_at(
					err, FS_CORRUPT, pa + k,
					"PA 0x%" PRIx64
					" is held by two memory runs with different bytes",
					pa + k);
		}
	}
	return FS_OK;
}

static enum fs_status read_phys(struct dump *d, uint64_t pa, void *buf, size_t n,
				struct fs_error *err)
{
	const struct full *f = d->priv;
	enum fs_status st = FS_NOT_IN_DUMP;
	bool found = false;
	size_t i;

	for (i = 0; i < f->nruns && st == FS_NOT_IN_DUMP; i++) {
		if (!run_has(&f->run[i], pa / DUMP_PAGE_SIZE))
			continue;
		found = true;
		st = read_run(d, &f->run[i], pa, buf, n, err);
	}
	if (!found)
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa,
				  "PA 0x%" PRIx64 " is in none of the dump's %zu memory runs", pa,
				  f->nruns);
	if (st == FS_OK && f->overlap)
		st = check_other_copies(d, i, pa, buf, n, err);
	return st;
}

/* Pages of a run that the file still has. */
static uint64_t kept(const struct dump *d, const struct run *r)
{
	uint64_t left = r->off < d->file.size ? d->file.size - r->off : 0;
	uint64_t pages = left / DUMP_PAGE_SIZE + (left % DUMP_PAGE_SIZE != 0);

	return pages < r->count ? pages : r->count;
}

static uint64_t next_page(const struct dump *d, uint64_t pfn)
{
	const struct full *f = d->priv;
	uint64_t best = UINT64_MAX;
	size_t i;

	for (i = 0; i < f->nruns; i++) {
		const struct run *r = &f->run[i];
		uint64_t first = r->base > pfn ? r->base : pfn;

		if (first - r->base < kept(d, r) && first < best)
			best = first;
	}
	return best;
}

static bool run_at(const struct dump *d, uint64_t pfn, uint64_t *ret_off, uint64_t *ret_pages)
{
	const struct full *f = d->priv;
	size_t i;

	for (i = 0; i < f->nruns && !f->overlap; i++) {
		const struct run *r = &f->run[i];
		uint64_t left = r->off < d->file.size ? (d->file.size - r->off) / DUMP_PAGE_SIZE : 0;

		if (left > r->count)
			left = r->count;
		if (pfn < r->base || pfn - r->base >= left)
			continue;
		*ret_off = r->off + (pfn - r->base) * DUMP_PAGE_SIZE;
		*ret_pages = left - (pfn - r->base);
		return true;
	}
	return false;
}

static void close_full(struct dump *d)
{
	free(d->priv);
	d->priv = NULL;
}

const struct dump_format dump_format_dmp_full = {
	.name = "dmp-full",
	.probe = probe,
	.open = open_full,
	.read_phys = read_phys,
	.next_page = next_page,
	.run = run_at,
	.close = close_full,
};
