/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kdump-compressed as QEMU's dump-guest-memory writes it (include/sysemu/dump.h): header
 * version 6, both bitmaps alike, zlib where it helps, one descriptor target for all pages
 * of zeros; plain, or flattened as through a pipe.
 */
#include "mkworld_cpu.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define DESCRIPTOR    24u
#define RECORD	      16u
#define ALL_PAGES_MAX (64u << 10) /* RAM up to 256 MiB is written whole */
#define PIPE_PIECE    16384u	  /* what QEMU gathers before it writes a record */

/* Where bytes go: at their offset, or as the next record. */
struct sink {
	struct world *w;
	int fd;
	bool flat;
	uint64_t at; /* flat: file offset of the next record */
};

static void be64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static void sink_put(struct sink *s, uint64_t off, const void *buf, size_t n)
{
	const uint8_t *p = buf;

	if (!s->flat) {
		out_write(s->w, s->fd, off, buf, n);
		return;
	}
	while (n) {
		size_t now = n < PIPE_PIECE ? n : PIPE_PIECE;
		uint8_t head[RECORD];

		be64(head, off);
		be64(head + 8, now);
		out_write(s->w, s->fd, s->at, head, RECORD);
		out_write(s->w, s->fd, s->at + RECORD, p, now);
		s->at += RECORD + now;
		off += now;
		p += now;
		n -= now;
	}
}

static void sink_begin(struct sink *s)
{
	static uint8_t head[PAGE];

	if (!s->flat)
		return;
	memcpy(head, "makedumpfile", 12);
	be64(head + 16, 1);
	be64(head + 24, 1);
	out_write(s->w, s->fd, 0, head, PAGE);
	s->at = PAGE;
}

static void sink_end(struct sink *s, uint64_t size)
{
	uint8_t head[RECORD];

	memset(head, 0xff, sizeof(head));
	if (s->flat) {
		out_write(s->w, s->fd, s->at, head, RECORD);
		size = s->at + RECORD;
	}
	out_close(s->w, s->fd, size);
}

struct shape {
	uint64_t bitmap_blocks, sub_blocks, bitmap, descriptors, pages;
};

/* kdump32. Longs of 4 bytes: QEMU's DiskDumpHeader32 and KdumpSubHeader32. In the other form QEMU
 * names the machine "x86_64" of 32-bit guests, too. */
static void header32_put(struct sink *s, const struct shape *k, const struct notes_out *n)
{
	uint8_t h[PAGE] = {0}, sub[PAGE] = {0};

	memcpy(h, "KDUMP   ", 8);
	st32(h + 8, 6);
	memcpy(h + 12 + 4 * 65, "i686", 4);
	st32(h + 412, 1); /* zlib */
	st32(h + 416, PAGE);
	st32(h + 420, (uint32_t)k->sub_blocks);
	st32(h + 424, (uint32_t)k->bitmap_blocks);
	st32(h + 428, (uint32_t)s->w->ram_pages);
	st32(h + 448, s->w->processors);
	sink_put(s, 0, h, PAGE);
	st32(sub + 4, 1);
	st64(sub + 32, PAGE + 104);
	st32(sub + 40, (uint32_t)n->n);
	st64(sub + 72, s->w->ram_pages);
	sink_put(s, PAGE, sub, 104);
	sink_put(s, PAGE + 104, n->data, n->n);
}

static void header_put(struct sink *s, const struct shape *k, const struct notes_out *n)
{
	uint8_t h[PAGE] = {0}, sub[PAGE] = {0};
	uint64_t mapnr = s->w->ram_pages;

	if (s->w->narrow_file) {
		header32_put(s, k, n);
		return;
	}
	memcpy(h, "KDUMP   ", 8);
	st32(h + 8, 6);
	memcpy(h + 12 + 4 * 65, "x86_64", 6);
	st32(h + 424, 1); /* zlib */
	st32(h + 428, PAGE);
	st32(h + 432, (uint32_t)k->sub_blocks);
	st32(h + 436, (uint32_t)k->bitmap_blocks);
	st32(h + 440, mapnr < UINT32_MAX ? (uint32_t)mapnr : UINT32_MAX);
	st32(h + 460, s->w->processors);
	sink_put(s, 0, h, PAGE);
	st32(sub + 8, 1);
	st64(sub + 48, PAGE + 104);
	st64(sub + 56, n->n);
	st64(sub + 96, mapnr);
	sink_put(s, PAGE, sub, 104);
	sink_put(s, PAGE + 104, n->data, n->n);
}

static void bitmap_put(struct sink *s, const struct shape *k, const struct ram_run *runs,
		       size_t nruns)
{
	uint64_t half = k->bitmap_blocks / 2 * PAGE;
	uint8_t *map = xalloc((size_t)half);

	memcpy(map, s->w->bitmap, (size_t)((s->w->ram_pages + 7) / 8));
	for (size_t i = 0; i < nruns; i++)
		for (uint64_t p = runs[i].base; p < runs[i].base + runs[i].count; p++)
			map[p / 8] |= (uint8_t)(1u << p % 8);
	sink_put(s, k->bitmap, map, (size_t)half);
	sink_put(s, k->bitmap + half, map, (size_t)half);
	free(map);
}

struct pages_out {
	uint8_t descriptors[PIPE_PIECE / DESCRIPTOR * DESCRIPTOR];
	size_t n;		    /* bytes gathered */
	uint64_t descriptor_at, at; /* offsets of what comes next */
	uint64_t zeros;		    /* where a page of zeros stands, 0 nowhere yet */
	uint32_t zeros_size;
};

static void descriptor_put(struct sink *s, struct pages_out *o, uint64_t off, uint32_t size,
			   uint32_t flags)
{
	if (o->n == sizeof(o->descriptors)) {
		sink_put(s, o->descriptor_at, o->descriptors, o->n);
		o->descriptor_at += o->n;
		o->n = 0;
	}
	st64(o->descriptors + o->n, off);
	st32(o->descriptors + o->n + 8, size);
	st32(o->descriptors + o->n + 12, flags);
	st64(o->descriptors + o->n + 16, 0);
	o->n += DESCRIPTOR;
}

static void page_put(struct sink *s, struct pages_out *o, const uint8_t *data)
{
	uint8_t packed[2 * PAGE];
	uLongf n = sizeof(packed);
	bool zeros = true;

	for (size_t i = 0; i < PAGE && zeros; i++)
		zeros = data[i] == 0;
	if (zeros && o->zeros) {
		descriptor_put(s, o, o->zeros, o->zeros_size, 1);
		return;
	}
	if (compress2(packed, &n, data, PAGE, 1) != Z_OK)
		die(s->w, "zlib");
	if (zeros) {
		o->zeros = o->at;
		o->zeros_size = (uint32_t)n;
	}
	if (n < PAGE) {
		descriptor_put(s, o, o->at, (uint32_t)n, 1);
		sink_put(s, o->at, packed, n);
	} else {
		n = PAGE;
		descriptor_put(s, o, o->at, PAGE, 0);
		sink_put(s, o->at, data, PAGE);
	}
	o->at += n;
}

/* RAM of which only the pages with something on them are written, as makedumpfile -d 1. */
static void pages_put_some(struct sink *s, struct pages_out *o)
{
	for (size_t i = 0; i < s->w->frames.n; i++)
		if (s->w->frames.v[i]->state != PG_MISSING)
			page_put(s, o, s->w->frames.v[i]->data);
	sink_put(s, o->descriptor_at, o->descriptors, o->n);
}

/* All of RAM, as QEMU does: what no object is on is a page of zeros. */
static void pages_put(struct sink *s, struct pages_out *o, const struct ram_run *runs, size_t nruns)
{
	static const uint8_t zeros[PAGE];
	size_t next = 0;

	for (size_t i = 0; i < nruns; i++) {
		for (uint64_t p = runs[i].base; p < runs[i].base + runs[i].count; p++) {
			while (next < s->w->frames.n && s->w->frames.v[next]->pfn < p)
				next++;
			page_put(s, o,
				 next < s->w->frames.n && s->w->frames.v[next]->pfn == p
					 ? s->w->frames.v[next]->data
					 : zeros);
		}
	}
	sink_put(s, o->descriptor_at, o->descriptors, o->n);
}

void write_kdump(struct world *w, const char *path, bool flat)
{
	static struct notes_out n;
	static struct pages_out o;
	struct ram_run runs[RAM_RUNS_MAX];
	size_t nruns = ram_runs(w, runs);
	struct sink s = {w, out_open(w, path), flat, 0};
	struct shape k = {0};

	notes_make(w, &n);
	if (w->ram_pages > ALL_PAGES_MAX)
		nruns = 0;
	for (size_t i = 0; i < nruns; i++)
		k.pages += runs[i].count;
	for (size_t i = 0; i < w->frames.n && !nruns; i++)
		k.pages += w->frames.v[i]->state != PG_MISSING;
	k.sub_blocks = (104 + n.n + PAGE - 1) / PAGE;
	k.bitmap_blocks = 2 * ((w->ram_pages + 8 * PAGE - 1) / (8 * PAGE));
	k.bitmap = (1 + k.sub_blocks) * PAGE;
	k.descriptors = k.bitmap + k.bitmap_blocks * PAGE;
	sink_begin(&s);
	header_put(&s, &k, &n);
	bitmap_put(&s, &k, runs, nruns);
	o.descriptor_at = k.descriptors;
	o.at = k.descriptors + k.pages * DESCRIPTOR;
	if (nruns)
		pages_put(&s, &o, runs, nruns);
	else
		pages_put_some(&s, &o);
	sink_end(&s, o.at);
}
