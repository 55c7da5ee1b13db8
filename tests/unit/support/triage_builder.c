/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/triage_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HEADER = 0x2000,
	TRIAGE = 0x2000, /* TRIAGE_DUMP64 */
	LISTS = 0x2100,	 /* unloaded drivers, driver list, string pool, blocks: in this order */
	DRIVER_STRIDE = 0x90,
	UNLOADED_STRIDE = 0x38,
	NAME_STRIDE = 4 + 2 * 64,
};

static void die(const char *why, uint64_t va)
{
	(void)fprintf(stderr, "triage builder: %s at 0x%llx\n", why, (unsigned long long)va);
	abort();
}

void triage_init(struct triage *t)
{
	memset(t, 0, sizeof(*t));
	t->machine = 0x8664;
	t->build = 19041;
}

void triage_deinit(struct triage *t)
{
	size_t i;

	for (i = 0; i < t->nranges; i++)
		free(t->range[i].bytes);
	if (t->path[0])
		(void)unlink(t->path);
	triage_init(t);
}

void triage_map(struct triage *t, uint64_t va, size_t size)
{
	struct triage_range *r = &t->range[t->nranges];

	if (t->nranges == TRIAGE_RANGES)
		die("too many ranges", va);
	r->va = va;
	r->size = size;
	r->bytes = calloc(1, size);
	if (!r->bytes)
		die("out of memory", va);
	t->nranges++;
}

void triage_put(struct triage *t, uint64_t va, const void *p, size_t n)
{
	const uint8_t *src = p;
	size_t i, k;

	for (k = 0; k < n; k++) {
		for (i = 0; i < t->nranges; i++)
			if (va + k - t->range[i].va < t->range[i].size)
				break;
		if (i == t->nranges)
			die("not mapped", va + k);
		t->range[i].bytes[va + k - t->range[i].va] = src[k];
	}
}

static void store(uint8_t *p, uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8)
		*p++ = (uint8_t)v;
}

static void put_le(struct triage *t, uint64_t va, uint64_t v, size_t n)
{
	uint8_t b[8];

	store(b, v, n);
	triage_put(t, va, b, n);
}

void triage_u8(struct triage *t, uint64_t va, uint8_t v)
{
	put_le(t, va, v, 1);
}

void triage_u16(struct triage *t, uint64_t va, uint16_t v)
{
	put_le(t, va, v, 2);
}

void triage_u32(struct triage *t, uint64_t va, uint32_t v)
{
	put_le(t, va, v, 4);
}

void triage_u64(struct triage *t, uint64_t va, uint64_t v)
{
	put_le(t, va, v, 8);
}

size_t triage_utf16(struct triage *t, uint64_t va, const char *s)
{
	size_t i;

	for (i = 0; s[i]; i++)
		triage_u16(t, va + 2 * i, (uint8_t)s[i]);
	return 2 * i;
}

void triage_ustr(struct triage *t, uint64_t va, uint64_t buffer, const char *s)
{
	uint16_t n = (uint16_t)triage_utf16(t, buffer, s);

	triage_u16(t, va, n);
	triage_u16(t, va + 2, (uint16_t)(n + 2));
	triage_u64(t, va + 8, buffer);
}

void triage_links(struct triage *t, uint64_t va, uint64_t flink, uint64_t blink)
{
	triage_u64(t, va, flink);
	triage_u64(t, va + 8, blink);
}

void triage_driver(struct triage *t, const char *name, uint64_t base, uint32_t size,
		   uint32_t timestamp)
{
	struct triage_driver *d = &t->driver[t->ndrivers];

	if (t->ndrivers == TRIAGE_DRIVERS || strlen(name) >= sizeof(d->name))
		die("too many drivers or long name", base);
	(void)snprintf(d->name, sizeof(d->name), "%s", name);
	d->base = base;
	d->size = size;
	d->timestamp = timestamp;
	t->ndrivers++;
}

void triage_unloaded(struct triage *t, const char *name, uint64_t start, uint64_t end)
{
	struct triage_unloaded *u = &t->unloaded[t->nunloaded];

	if (t->nunloaded == TRIAGE_UNLOADED || strlen(name) >= sizeof(u->name))
		die("too many unloaded drivers or long name", start);
	(void)snprintf(u->name, sizeof(u->name), "%s", name);
	u->start = start;
	u->end = end;
	t->nunloaded++;
}

/* Fields that are not set hold the filler, as Windows leaves them. */
static void write_header(const struct triage *t, uint32_t type, uint8_t *f)
{
	size_t i;

	for (i = 0; i < HEADER; i += 4)
		memcpy(f + i, "PAGE", 4);
	memcpy(f + 4, "DU64", 4);
	store(f + 0x8, 15, 4);
	store(f + 0xc, t->build, 4);
	if (t->modules)
		store(f + 0x20, t->modules, 8);
	if (t->kdbg)
		store(f + 0x80, t->kdbg, 8);
	store(f + 0x30, t->machine, 4);
	store(f + 0x34, 1, 4);
	store(f + 0x38, 0xe2, 4);
	memset(f + 0x40, 0, 32);
	store(f + 0xf98, type, 4);
}

static size_t write_unloaded(const struct triage *t, uint8_t *f, size_t at)
{
	size_t i, k;

	store(f + at, t->nunloaded, 8);
	at += 8;
	for (i = 0; i < t->nunloaded; i++, at += UNLOADED_STRIDE) {
		const struct triage_unloaded *u = &t->unloaded[i];
		size_t n = strlen(u->name);

		store(f + at, 2 * n, 2);
		store(f + at + 2, 24, 2);
		for (k = 0; k < n; k++)
			f[at + 0x10 + 2 * k] = (uint8_t)u->name[k];
		store(f + at + 0x28, u->start, 8);
		store(f + at + 0x30, u->end, 8);
	}
	return at;
}

/* Driver entries, then their names: {characters u32, UTF-16}. */
static size_t write_drivers(const struct triage *t, uint8_t *f, size_t at)
{
	size_t i, k, pool = at + t->ndrivers * DRIVER_STRIDE;

	store(f + TRIAGE + 0x30, at, 4);
	store(f + TRIAGE + 0x34, t->ndrivers, 4);
	store(f + TRIAGE + 0x38, pool, 4);
	store(f + TRIAGE + 0x3c, t->ndrivers * NAME_STRIDE, 4);
	for (i = 0; i < t->ndrivers; i++, at += DRIVER_STRIDE) {
		const struct triage_driver *d = &t->driver[i];
		size_t n = strlen(d->name), name = pool + i * NAME_STRIDE;

		store(f + at, n ? name : 0, 4);
		store(f + at + 8 + 0x30, d->base, 8);
		store(f + at + 8 + 0x38, d->base + 0x1000, 8);
		store(f + at + 8 + 0x40, d->size, 4);
		store(f + at + 8 + 0x80, d->timestamp, 4);
		store(f + name, n, 4);
		for (k = 0; k < n; k++)
			f[name + 4 + 2 * k] = (uint8_t)d->name[k];
	}
	return pool + t->ndrivers * NAME_STRIDE;
}

static size_t write_blocks(const struct triage *t, uint8_t *f, size_t at)
{
	size_t i, data = at + t->nranges * 16;

	store(f + TRIAGE + 0x78, at, 4);
	store(f + TRIAGE + 0x7c, t->nranges, 4);
	for (i = 0; i < t->nranges; i++, at += 16) {
		store(f + at, t->range[i].va, 8);
		store(f + at + 8, data, 4);
		store(f + at + 12, t->range[i].size, 4);
		memcpy(f + data, t->range[i].bytes, t->range[i].size);
		data += t->range[i].size;
	}
	return data;
}

static void save(struct triage *t, const uint8_t *f, size_t size)
{
	const char *dir = getenv("TMPDIR");
	FILE *out;
	int fd = -1;

	if (!t->path[0]) {
		(void)snprintf(t->path, sizeof(t->path), "%s/triageXXXXXX", dir ? dir : "/tmp");
		fd = mkstemp(t->path);
	}
	out = fd >= 0 ? fdopen(fd, "wb") : fopen(t->path, "wb");
	if (!out || fwrite(f, 1, size, out) != size || fclose(out))
		die(t->path, 0);
}

const char *triage_write(struct triage *t)
{
	size_t i, at,
		size = LISTS + 8 + t->nunloaded * UNLOADED_STRIDE +
		       t->ndrivers * (DRIVER_STRIDE + NAME_STRIDE) + t->nranges * 16 + 16;
	uint8_t *f;

	for (i = 0; i < t->nranges; i++)
		size += t->range[i].size;
	f = calloc(1, size);
	if (!f)
		die("out of memory", size);
	write_header(t, 4, f);
	store(f + TRIAGE + 0x18, LISTS, 4);
	at = write_unloaded(t, f, LISTS);
	at = write_drivers(t, f, at);
	at = write_blocks(t, f, at);
	memcpy(f + at, "TRGD", 4);
	store(f + TRIAGE + 0x8, at, 4);
	store(f + TRIAGE + 0x4, at + 4, 4);
	save(t, f, at + 4);
	free(f);
	return t->path;
}

/* A full dump under construction: page i of `page` is physical page i + 1. */
struct pages {
	uint8_t (*page)[4096];
	size_t n, cap;
};

static size_t new_page(struct pages *p)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 16;
		p->page = realloc(p->page, p->cap * sizeof(*p->page));
		if (!p->page)
			die("out of memory", p->n);
	}
	memset(p->page[p->n], 0, sizeof(*p->page));
	return p->n++;
}

/* The page that va maps to; tables are made on the way (SDM vol. 3, 4-level paging). */
static size_t page_of(struct pages *p, uint64_t va)
{
	size_t table = 0;
	int shift;

	for (shift = 39; shift >= 12; shift -= 9) {
		size_t slot = va >> shift & 511, next;
		uint64_t entry = 0;

		memcpy(&entry, &p->page[table][8 * slot], 8);
		if (!entry) {
			next = new_page(p);
			entry = ((uint64_t)next + 1) << 12 | 0x63; /* present, writable, A, D */
			memcpy(&p->page[table][8 * slot], &entry, 8);
		}
		table = (size_t)(entry >> 12) - 1;
	}
	return table;
}

const char *triage_write_full(struct triage *t)
{
	struct pages p = {0};
	size_t i, k, size;
	uint8_t *f;

	(void)new_page(&p);
	for (i = 0; i < t->nranges; i++)
		for (k = 0; k < t->range[i].size; k++) {
			uint64_t va = t->range[i].va + k;
			size_t page = page_of(&p, va);

			p.page[page][va & 4095] = t->range[i].bytes[k];
		}
	size = HEADER + p.n * 4096;
	f = calloc(1, size);
	if (!f)
		die("out of memory", size);
	write_header(t, 1, f);
	store(f + 0x10, 0x1000, 8);
	store(f + 0x88, 1, 4);
	store(f + 0x90, p.n, 8);
	store(f + 0x98, 1, 8);
	store(f + 0xa0, p.n, 8);
	memcpy(f + HEADER, p.page, p.n * 4096);
	save(t, f, size);
	free(f);
	free(p.page);
	return t->path;
}
