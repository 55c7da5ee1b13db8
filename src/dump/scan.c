/* SPDX-License-Identifier: BSD-2-Clause */
/* All of physical memory once, in large pieces and past the page cache. */
#include "dump/format.h"

/* A format that cannot say which pages there are is asked for this many: 64 GiB. */
#define UNLISTED_PAGES (16ull << 20)

/* One page where nothing better is known of the file. */
static size_t one_page(struct dump *d, struct dump_scan *s, uint8_t *buf)
{
	uint64_t pfn = s->pfn++;

	s->passed++;
	return dump_read_phys(d, pfn * DUMP_PAGE_SIZE, buf, DUMP_PAGE_SIZE, NULL) == FS_OK;
}

/* From a run of pages in the file; 0: nothing but a hole, or not readable. */
static size_t from_run(struct dump *d, struct dump_scan *s, uint64_t off, uint64_t pages,
		       uint8_t *buf)
{
	uint64_t hole = (dump_file_data(&d->file, off) - off) / DUMP_PAGE_SIZE;

	if (hole > pages)
		hole = pages;
	s->pfn += hole;
	s->passed += hole;
	pages -= hole;
	if (pages > DUMP_SCAN_PAGES)
		pages = DUMP_SCAN_PAGES;
	s->pfn += pages;
	s->passed += pages;
	if (pages == 0 || dump_file_read(&d->file, off + hole * DUMP_PAGE_SIZE, buf,
					 (size_t)pages * DUMP_PAGE_SIZE, "memory", NULL) != FS_OK)
		return 0;
	return (size_t)pages;
}

size_t dump_scan_next(struct dump *d, struct dump_scan *s, uint8_t *buf, uint64_t *ret_pfn)
{
	const struct dump_format *f = d->format;
	uint64_t off, pages;
	size_t n;

	for (;;) {
		s->pfn = dump_next_page(d, s->pfn);
		if (s->pfn >= s->end || s->passed > s->most || (!f->next_page && s->pfn >= UNLISTED_PAGES))
			return 0;
		if (f->run && f->run(d, s->pfn, &off, &pages)) {
			if (pages > s->end - s->pfn)
				pages = s->end - s->pfn;
			n = from_run(d, s, off, pages, buf);
		} else {
			n = one_page(d, s, buf);
		}
		if (n) {
			*ret_pfn = s->pfn - n;
			return n;
		}
	}
}
