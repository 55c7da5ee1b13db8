/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Triage minidump (type 4): what was placed as objects becomes virtual ranges.
 * Offsets: facts/dump-formats.md, "Triage minidump"; of 32 bits the WDK 10's types (_TRIAGE_DUMP32,
 * _DUMP_DRIVER_ENTRY32, _DUMP_UNLOADED_DRIVERS32) and ntoskrnl's (_KLDR_DATA_TABLE_ENTRY32).
 */
#include "mkworld.h"

#include <stdlib.h>
#include <string.h>

#define HDR 8192u

/* A driver's entry: the name's offset, then the loader's entry at `ldr`. */
struct form {
	unsigned width; /* bytes of a pointer */
	unsigned header, ldr, base, entry, size, checksum, timestamp, driver_stride;
	unsigned name, start, end, unloaded_stride;
	unsigned blocks, context;
};
static const struct form form64 = {8,	 HDR,  8,    0x30, 0x38, 0x40, 0x78, 0x80,
				   0x90, 0x10, 0x28, 0x30, 0x38, 0x78, 0x4d0};
static const struct form form32 = {4,	 HDR32, 4,    0x18, 0x1c, 0x20, 0x40, 0x44,
				   0x4c, 0x8,	0x20, 0x24, 0x28, 0x60, CONTEXT32_BYTES};

struct out {
	struct world *w;
	const struct form *f;
	uint8_t *v;
	size_t n, cap;
};

static void put_pointer(const struct out *o, size_t at, uint64_t v)
{
	if (o->f->width == 8)
		st64(o->v + at, v);
	else
		st32(o->v + at, (uint32_t)v);
}

static size_t grow(struct out *o, size_t n)
{
	size_t at = (o->n + 7) & ~(size_t)7;

	if (at + n > o->cap) {
		size_t cap = (at + n) * 2;
		uint8_t *v = realloc(o->v, cap);

		if (!v)
			die(o->w, "out of memory");
		memset(v + o->cap, 0, cap - o->cap);
		o->v = v;
		o->cap = cap;
	}
	o->n = at + n;
	return at;
}

/* Is the byte in a range that the dump did not capture? */
static bool dropped(const struct world *w, uint64_t va)
{
	struct vpage *const *pages = w->pages.v;
	size_t i;

	for (i = 0; i < w->extents.n; i++)
		if (w->extents.v[i].dropped && va - w->extents.v[i].va < w->extents.v[i].size)
			return true;
	if (!map_get(&w->page_index, va / PAGE, &i))
		return true;
	return pages[i]->state != PG_PRESENT && pages[i]->state != PG_TRANSITION;
}

static void put_blocks(struct out *o, size_t *table, size_t *count, size_t room)
{
	struct world *w = o->w;

	for (size_t i = 0; i < w->extents.n; i++) {
		const struct extent *e = &w->extents.v[i];
		uint64_t size = w->cut && e->size > w->cut ? w->cut : e->size;
		uint64_t at = 0;

		while (!e->dropped && at < size) {
			uint64_t n = 0;
			size_t data;

			while (at < size && dropped(w, e->va + at))
				at++;
			while (at + n < size && !dropped(w, e->va + at + n))
				n++;
			if (!n)
				break;
			if (*count == room)
				die(w, "too many blocks");
			data = grow(o, (size_t)n);
			mem_read(w, e->va + at, o->v + data, (size_t)n);
			st64(o->v + *table + *count * 16, e->va + at);
			st32(o->v + *table + *count * 16 + 8, (uint32_t)data);
			st32(o->v + *table + *count * 16 + 12, (uint32_t)n);
			(*count)++;
			at += n;
		}
	}
}

/* {u32 characters, UTF-16} */
static size_t put_name(struct out *o, const char *name)
{
	size_t n = strlen(name), at = grow(o, 4 + n * 2 + 2);

	st32(o->v + at, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		st16(o->v + at + 4 + i * 2, (uint8_t)name[i]);
	return at;
}

static void put_drivers(struct out *o, size_t tri)
{
	struct world *w = o->w;
	size_t list = grow(o, w->modules.n * o->f->driver_stride), pool = o->n;

	for (size_t i = 0; i < w->modules.n; i++) {
		const struct module *m = &w->modules.v[i];
		size_t name = put_name(o, m->name);
		size_t e = list + i * o->f->driver_stride, ldr = e + o->f->ldr;

		st32(o->v + e, (uint32_t)name);
		put_pointer(o, ldr + o->f->base, m->base);
		put_pointer(o, ldr + o->f->entry, m->base + 0x1000);
		st32(o->v + ldr + o->f->size, m->size);
		st32(o->v + ldr + o->f->checksum, m->checksum);
		st32(o->v + ldr + o->f->timestamp, m->timestamp);
	}
	st32(o->v + tri + 0x30, (uint32_t)list);
	st32(o->v + tri + 0x34, (uint32_t)w->modules.n);
	st32(o->v + tri + 0x38, (uint32_t)pool);
	st32(o->v + tri + 0x3c, (uint32_t)(o->n - pool));
}

static void put_unloaded(struct out *o, size_t tri)
{
	struct world *w = o->w;
	size_t at = grow(o, 8 + w->unloaded.n * o->f->unloaded_stride);

	st64(o->v + at, w->unloaded.n);
	for (size_t i = 0; i < w->unloaded.n; i++) {
		const struct unloaded *u = &w->unloaded.v[i];
		size_t to = at + 8 + i * o->f->unloaded_stride;
		uint8_t *e = o->v + to;
		size_t n = strlen(u->name) < 12 ? strlen(u->name) : 12;

		st16(e, (uint16_t)(n * 2));
		st16(e + 2, 24);
		for (size_t k = 0; k < n; k++)
			st16(e + o->f->name + k * 2, (uint8_t)u->name[k]);
		put_pointer(o, to + o->f->start, u->start);
		put_pointer(o, to + o->f->end, u->end);
	}
	st32(o->v + tri + 0x18, (uint32_t)at);
}

void write_triage(struct world *w, const char *path)
{
	bool narrow = w->machine == MACHINE_X86;
	struct out o = {.w = w, .f = narrow ? &form32 : &form64};
	size_t tri, ctx, exc, valid, table, count = 0;
	size_t room = w->extents.n * 8 + 64;
	int fd;

	(void)grow(&o, o.f->header);
	tri = grow(&o, 0x100);
	ctx = narrow && !has_context32(w) ? 0 : grow(&o, o.f->context);
	exc = grow(&o, 0x98);
	if (narrow)
		header32_fill(w, o.v, 4);
	else
		header_fill(w, o.v, 4);
	if (ctx && narrow)
		context32_fill(w, o.v + ctx);
	else if (ctx)
		context_fill(w, o.v + ctx);
	put_drivers(&o, tri);
	put_unloaded(&o, tri);
	table = grow(&o, room * 16);
	put_blocks(&o, &table, &count, room);
	valid = grow(&o, 4);
	memcpy(o.v + valid, "TRGD", 4);
	st32(o.v + tri, w->build);
	st32(o.v + tri + 4, (uint32_t)o.n);
	st32(o.v + tri + 8, (uint32_t)valid);
	st32(o.v + tri + 0xc, (uint32_t)ctx);
	st32(o.v + tri + 0x10, (uint32_t)exc);
	if (!narrow || ctx)
		put_pointer(&o, tri + 0x48, w->ctx_rsp);
	st32(o.v + tri + o.f->blocks, (uint32_t)table);
	st32(o.v + tri + o.f->blocks + 4, (uint32_t)count);
	st64(o.v + 0xfa0, o.n + 0x3000); /* real ones promise more than the file holds, too */
	fd = out_open(w, path);
	out_write(w, fd, 0, o.v, o.n);
	out_close(w, fd, o.n);
}
