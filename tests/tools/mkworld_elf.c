/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ELF as QEMU's dump-guest-memory writes it (dump/dump.c, target/i386/arch_dump.c): all of
 * RAM, and a PT_LOAD for each piece of it; with -p a PT_LOAD for each mapping instead. Of a
 * 32-bit guest EM_386 and x86_elf_prstatus, as QEMU 7.2 does; the file has 64 bits, since a PC's
 * firmware ends at 4 GiB, and 32 with elf32, for a machine without it.
 */
#include "mkworld_cpu.h"

#include <stdio.h>
#include <string.h>

#define EHDR	64u
#define PHDR	56u
#define EHDR32	52u
#define PHDR32	32u
#define SHDR	64u
#define PN_XNUM 0xffffu

struct load {
	uint64_t va, pa, size, off;
};
struct out {
	struct ram_run runs[RAM_RUNS_MAX];
	size_t nruns;
	VEC(struct load) loads;
};

/* File offset of a page, less the headers. */
static uint64_t place_of(const struct out *o, uint64_t pfn)
{
	uint64_t before = 0;

	for (size_t i = 0; i < o->nruns; before += o->runs[i++].count)
		if (pfn >= o->runs[i].base && pfn - o->runs[i].base < o->runs[i].count)
			return (before + pfn - o->runs[i].base) * PAGE;
	return UINT64_MAX;
}

static void add_load(struct world *w, struct out *o, struct load l)
{
	struct load *last = o->loads.n ? &o->loads.v[o->loads.n - 1] : NULL;

	if (last && last->va + last->size == l.va && last->pa + last->size == l.pa &&
	    last->off + last->size == l.off)
		last->size += l.size;
	else
		*(struct load *)push(w, &o->loads) = l;
}

static void loads_flat(struct world *w, struct out *o)
{
	uint64_t off = 0;

	for (size_t i = 0; i < o->nruns; i++) {
		uint64_t size = o->runs[i].count * PAGE;

		add_load(w, o, (struct load){0, o->runs[i].base * PAGE, size, off});
		off += size;
	}
}

/* The page tables are mapped too, as by Windows' self-map; every page is mapped twice, as
 * by a direct map: such copies are the same place of the file. */
static void loads_paging(struct world *w, struct out *o)
{
	for (size_t i = 0; i < w->frames.n; i++) {
		const struct vpage *p = w->frames.v[i];
		uint64_t off = place_of(o, p->pfn), pa = p->pfn * PAGE;

		if (p->state == PG_MISSING)
			continue;
		add_load(w, o, (struct load){p->va, pa, PAGE, off});
	}
	for (size_t i = 0; i < w->frames.n; i++) {
		const struct vpage *p = w->frames.v[i];
		uint64_t off = place_of(o, p->pfn), pa = p->pfn * PAGE;

		if (p->state != PG_MISSING)
			add_load(w, o, (struct load){0xffff800000000000u + pa, pa, PAGE, off});
	}
	/* A mapping of a device: in no RAM, so not in the file. */
	*(struct load *)push(w, &o->loads) =
		(struct load){0xffffd00000000000u, 0xfee00000u, 0x1000, UINT64_MAX};
}

static void phdr_fill(uint8_t *p, const struct load *l, uint64_t memory)
{
	bool ram = l->off != UINT64_MAX;

	st32(p, 1);
	st64(p + 8, ram ? memory + l->off : UINT64_MAX);
	st64(p + 16, l->va);
	st64(p + 24, l->pa);
	st64(p + 32, ram ? l->size : 0);
	st64(p + 40, l->size);
}

static void phdr32_fill(uint8_t *p, const struct load *l, uint64_t memory)
{
	st32(p, 1);
	st32(p + 4, (uint32_t)(memory + l->off));
	st32(p + 8, (uint32_t)l->va);
	st32(p + 12, (uint32_t)l->pa);
	st32(p + 16, (uint32_t)l->size);
	st32(p + 20, (uint32_t)l->size);
}

static void ehdr32_fill(uint8_t *h, size_t phnum)
{
	memcpy(h, "\177ELF\1\1\1", 7);
	st16(h + 16, 4);
	st16(h + 18, 3);
	st32(h + 20, 1);
	st32(h + 28, EHDR32);
	st16(h + 40, EHDR32);
	st16(h + 42, PHDR32);
	st16(h + 44, (uint16_t)phnum);
}

static void ehdr_fill(const struct world *w, uint8_t *h, size_t phnum)
{
	memcpy(h, "\177ELF\2\1\1", 7);
	st16(h + 16, 4);
	st16(h + 18, w->machine == MACHINE_X86 ? 3 : 62);
	st32(h + 20, 1);
	st64(h + 32, EHDR);
	st16(h + 52, EHDR);
	st16(h + 54, PHDR);
	st16(h + 56, phnum < PN_XNUM ? (uint16_t)phnum : PN_XNUM);
	st16(h + 58, SHDR);
	if (phnum >= PN_XNUM) {
		st64(h + 40, EHDR + phnum * PHDR);
		st16(h + 60, 1);
	}
}

static void write_memory(struct world *w, int fd, const struct out *o, uint64_t memory)
{
	for (size_t i = 0; i < w->frames.n; i++)
		if (w->frames.v[i]->state != PG_MISSING)
			out_write(w, fd, memory + place_of(o, w->frames.v[i]->pfn),
				  w->frames.v[i]->data, PAGE);
}

static void write_elf64(struct world *w, const char *path, bool paging)
{
	static struct notes_out n;
	struct out o = {0};
	uint8_t ehdr[EHDR] = {0}, phdr[PHDR] = {0}, shdr[SHDR] = {0};
	uint64_t notes, memory, total = 0;
	int fd = out_open(w, path);
	size_t phnum;

	o.nruns = ram_runs(w, o.runs);
	for (size_t i = 0; i < o.nruns; i++)
		total += o.runs[i].count * PAGE;
	if (paging)
		loads_paging(w, &o);
	else
		loads_flat(w, &o);
	notes_make(w, &n);
	phnum = o.loads.n + 1;
	notes = EHDR + phnum * PHDR + (phnum >= PN_XNUM ? SHDR : 0);
	memory = notes + n.n;
	ehdr_fill(w, ehdr, phnum);
	out_write(w, fd, 0, ehdr, EHDR);
	st32(phdr, 4);
	st64(phdr + 8, notes);
	st64(phdr + 32, n.n);
	st64(phdr + 40, n.n);
	out_write(w, fd, EHDR, phdr, PHDR);
	for (size_t i = 0; i < o.loads.n; i++) {
		phdr_fill(phdr, &o.loads.v[i], memory);
		out_write(w, fd, EHDR + (i + 1) * PHDR, phdr, PHDR);
	}
	st32(shdr + 44, (uint32_t)phnum);
	if (phnum >= PN_XNUM)
		out_write(w, fd, EHDR + phnum * PHDR, shdr, SHDR);
	out_write(w, fd, notes, n.data, n.n);
	write_memory(w, fd, &o, memory);
	out_close(w, fd, memory + total);
}

/* All of RAM in an ELF file of 32 bits. */
static void write_elf32(struct world *w, const char *path)
{
	static struct notes_out n;
	struct out o = {0};
	uint8_t ehdr[EHDR32] = {0}, phdr[PHDR32] = {0};
	uint64_t notes, memory, total = 0;
	int fd = out_open(w, path);

	o.nruns = ram_runs(w, o.runs);
	for (size_t i = 0; i < o.nruns; i++)
		total += o.runs[i].count * PAGE;
	loads_flat(w, &o);
	notes_make(w, &n);
	notes = EHDR32 + (o.loads.n + 1) * PHDR32;
	memory = notes + n.n;
	ehdr32_fill(ehdr, o.loads.n + 1);
	out_write(w, fd, 0, ehdr, EHDR32);
	st32(phdr, 4);
	st32(phdr + 4, (uint32_t)notes);
	st32(phdr + 16, (uint32_t)n.n);
	st32(phdr + 20, (uint32_t)n.n);
	out_write(w, fd, EHDR32, phdr, PHDR32);
	for (size_t i = 0; i < o.loads.n; i++) {
		phdr32_fill(phdr, &o.loads.v[i], memory);
		out_write(w, fd, EHDR32 + (i + 1) * PHDR32, phdr, PHDR32);
	}
	out_write(w, fd, notes, n.data, n.n);
	write_memory(w, fd, &o, memory);
	out_close(w, fd, memory + total);
}

void write_elf(struct world *w, const char *path, bool paging)
{
	if (w->narrow_file) {
		write_elf32(w, path);
		return;
	}
	write_elf64(w, path, paging);
}
