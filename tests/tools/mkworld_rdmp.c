/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel (8), kernel and user (9), complete (10) dumps of newer Windows: RDMP. */
#include "mkworld.h"

#include <string.h>

#define HDR   8192u
#define TABLE (HDR + 0x30u)

/* The ranges of consecutive frames that are there, into table (NULL: only counted). */
static size_t ranges(const struct world *w, uint8_t *table, uint64_t *ret_pages)
{
	uint64_t base = 0, count = 0, pages = 0;
	size_t n = 0;

	for (size_t i = 0; i < w->frames.n; i++) {
		uint64_t pfn = w->frames.v[i]->pfn;

		if (w->frames.v[i]->state == PG_MISSING)
			continue;
		if (n == 0 || pfn != base + count) {
			base = pfn;
			count = 0;
			n++;
		}
		count++;
		pages++;
		if (table) {
			st64(table + 16 * (n - 1), base);
			st64(table + 16 * (n - 1) + 8, count);
		}
	}
	*ret_pages = pages;
	return n;
}

void write_rdmp(struct world *w, const char *path, uint32_t type)
{
	uint8_t hdr[HDR], second[0x30] = {0}, *table;
	uint64_t pages, first, k = 0;
	size_t n = ranges(w, NULL, &pages), bytes;
	int fd = out_open(w, path);

	/* room behind the last range: what ends the table is not its length */
	first = (TABLE + 16 * (n + 1) + PAGE - 1) / PAGE * PAGE;
	bytes = (size_t)(first - TABLE);
	table = xalloc(bytes);
	(void)ranges(w, table, &pages);
	/* in a complete dump what follows the last range is no end mark */
	if (type == 10)
		memset(table + 16 * n, 0x55, bytes - 16 * n);
	header_fill(w, hdr, type);
	st64(hdr + 0xfa0, first + pages * PAGE);
	out_write(w, fd, 0, hdr, HDR);
	st32(second, 0x40);
	memcpy(second + 4, "RDMPDUMP", 8);
	st64(second + 0x10, first - 0x2020);
	st64(second + 0x18, first);
	if (type == 10) {
		st32(second + 0x20, (uint32_t)n);
		st64(second + 0x28, pages);
	}
	out_write(w, fd, HDR, second, sizeof(second));
	out_write(w, fd, TABLE, table, bytes);
	for (size_t i = 0; i < w->frames.n; i++)
		if (w->frames.v[i]->state != PG_MISSING)
			out_write(w, fd, first + k++ * PAGE, w->frames.v[i]->data, PAGE);
	out_close(w, fd, first + pages * PAGE);
}
