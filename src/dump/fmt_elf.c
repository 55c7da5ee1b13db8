/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ELF core of a machine: QEMU's dump-guest-memory with and without -p, virsh dump
 * --memory-only, and other hypervisors'. PT_LOAD by p_paddr is physical memory; p_vaddr,
 * which is filled with -p alone, is not used: page tables say it better.
 *
 * Read here, not through libkdumpfile 0.5.1: that library faults inside on a section
 * entry size of 0, hangs on some damaged headers, returns zeros with status OK for what
 * is past the end of RAM or of the file, and looks up segments one by one, of which a -p
 * dump has tens of thousands.
 *
 * Facts: elf.h; QEMU dump/dump.c (p_offset -1 and p_filesz 0 for mappings that are no
 * RAM; e_phnum PN_XNUM with the real count in sh_info of section 0).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "dump/notes.h"
#include "dump/segments.h"

enum {
	EI_CLASS = 4,
	EI_DATA = 5,
	CLASS_32 = 1,
	CLASS_64 = 2,
	DATA_LSB = 1,
	E_TYPE = 16,
	E_MACHINE = 18,
	ET_CORE = 4,
	PN_XNUM = 0xffff,
	PT_LOAD = 1,
	PT_NOTE = 4,
	EHDR32_SIZE = 52,
	EHDR64_SIZE = 64,
	PHDR32_SIZE = 32,
	PHDR64_SIZE = 56,
};

/* A program header is 56 bytes: the file must hold them, and this many take a second. */
#define PHDRS_MAX  (1u << 24)
#define PHDR_CHUNK 64u

struct phdr {
	uint32_t type;
	uint64_t offset, vaddr, paddr, filesz;
};

struct elf {
	struct segments segments;
	struct notes notes;
	bool is64;
	uint64_t phoff, shoff;
	uint32_t phnum;
	uint32_t phentsize;
	uint64_t notes_read;   /* bytes */
	size_t left_out;       /* program headers that make no sense */
	size_t loads, at_zero; /* PT_LOAD with bytes; those of them with p_paddr 0 */
};

static enum dump_probe broken(struct fs_error *err, enum fs_status st, uint64_t at,
			      const char *what)
{
	fs_fail_at(err, st, at, "%s", what);
	return DUMP_PROBE_BROKEN;
}

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	const uint8_t *h = first->data;

	if (first->size < 4 || memcmp(h, "\177ELF", 4) != 0)
		return DUMP_PROBE_NOT_MINE;
	if (first->size < EHDR32_SIZE || (h[EI_CLASS] == CLASS_64 && first->size < EHDR64_SIZE))
		return broken(err, FS_CORRUPT, first->size, "ELF header: the file ends inside it");
	if (h[EI_CLASS] != CLASS_32 && h[EI_CLASS] != CLASS_64)
		return broken(err, FS_CORRUPT, EI_CLASS,
			      "ELF header: EI_CLASS at 4 is neither 32 nor 64 bits");
	if (h[EI_DATA] != DATA_LSB)
		return broken(
			err, FS_UNSUPPORTED, EI_DATA,
			"ELF header: EI_DATA at 5 is not little endian, as all of Windows is");
	if (load_u16(h + E_TYPE) != ET_CORE)
		return broken(err, FS_UNSUPPORTED, E_TYPE,
			      "an ELF file, but no core: e_type at 0x10 is not ET_CORE");
	return DUMP_PROBE_MINE;
}

static enum fs_status parse_ehdr(struct dump *d, struct elf *e, const uint8_t *h,
				 struct fs_error *err)
{
	uint16_t machine = load_u16(h + E_MACHINE);

	e->is64 = h[EI_CLASS] == CLASS_64;
	if (!notes_machine(d, machine))
		return fs_fail_at(err, FS_UNSUPPORTED, E_MACHINE,
				  "ELF core of e_machine %u at 0x12: expected x86 (3), x64 (62) or "
				  "ARM64 (183)",
				  machine);
	e->phoff = e->is64 ? load_u64(h + 32) : load_u32(h + 28);
	e->shoff = e->is64 ? load_u64(h + 40) : load_u32(h + 32);
	e->phentsize = load_u16(h + (e->is64 ? 54 : 42));
	e->phnum = load_u16(h + (e->is64 ? 56 : 44));
	if (e->phentsize < (e->is64 ? PHDR64_SIZE : PHDR32_SIZE))
		return fs_fail_at(err, FS_CORRUPT, e->is64 ? 54 : 42,
				  "ELF header: e_phentsize is %u, expected %u", e->phentsize,
				  e->is64 ? PHDR64_SIZE : PHDR32_SIZE);
	return FS_OK;
}

/* e_phnum has 16 bits: more headers than that are counted in section 0. */
static enum fs_status real_count(struct dump *d, struct elf *e, struct fs_error *err)
{
	size_t at = e->is64 ? 44 : 28;
	uint64_t end;
	uint8_t info[4];
	enum fs_status st;

	if (e->phnum != PN_XNUM)
		return FS_OK;
	if (e->shoff == 0 || !add_u64(e->shoff, at, &end) ||
	    !range_ok(end, sizeof(info), d->file.size))
		return fs_fail(err, FS_CORRUPT,
			       "ELF header: e_phnum is PN_XNUM, and section 0 at 0x%" PRIx64
			       " is not in the file",
			       e->shoff);
	st = dump_file_read(&d->file, end, info, sizeof(info), "ELF section 0", err);
	if (st == FS_OK)
		e->phnum = load_u32(info);
	return st;
}

static struct phdr parse_phdr(const struct elf *e, const uint8_t *p)
{
	if (e->is64)
		return (struct phdr){load_u32(p), load_u64(p + 8), load_u64(p + 16),
				     load_u64(p + 24), load_u64(p + 32)};
	return (struct phdr){load_u32(p), load_u32(p + 4), load_u32(p + 8), load_u32(p + 12),
			     load_u32(p + 16)};
}

/* What p_memsz has beyond p_filesz is not in the file: missing, never zeros. */
static enum fs_status take_load(struct dump *d, struct elf *e, const struct phdr *p, size_t i,
				struct fs_error *err)
{
	struct segment s = {p->paddr, p->filesz, p->offset};
	struct fs_error why;
	enum fs_status st;

	if (p->filesz == 0)
		return FS_OK;
	st = segments_add(&e->segments, &s, &why);
	if (st == FS_CORRUPT) {
		if (e->left_out++ == 0)
			dump_note_add(d, "program header %zu is left out: %.160s", i, why.text);
		return FS_OK;
	}
	if (st != FS_OK) {
		if (err)
			*err = why;
		return fs_prepend(err, st, "program headers");
	}
	e->loads++;
	e->at_zero += p->paddr == 0 && p->vaddr != 0;
	dump_promise(d, p->offset + p->filesz);
	return FS_OK;
}

static enum fs_status take_notes(struct dump *d, struct elf *e, const struct phdr *p,
				 struct fs_error *err)
{
	uint64_t size = p->filesz;
	enum fs_status st;
	uint8_t *data;

	if (p->offset > d->file.size || size > d->file.size - p->offset) {
		size = p->offset > d->file.size ? 0 : d->file.size - p->offset;
		dump_note_add(d,
			      "notes: 0x%" PRIx64 " bytes at 0x%" PRIx64
			      " end past the file, 0x%" PRIx64 " are there",
			      p->filesz, p->offset, size);
	}
	if (size > NOTES_SIZE_MAX - e->notes_read) {
		size = NOTES_SIZE_MAX - e->notes_read;
		dump_note_add(d, "notes: only the first 0x%x bytes are read", NOTES_SIZE_MAX);
	}
	if (size == 0)
		return FS_OK;
	e->notes_read += size;
	data = malloc((size_t)size);
	if (!data)
		return fs_fail(err, FS_NO_MEMORY, "no memory for 0x%" PRIx64 " bytes of notes",
			       size);
	st = dump_file_read(&d->file, p->offset, data, (size_t)size, "ELF notes", err);
	if (st == FS_OK)
		st = notes_parse(&e->notes, d, data, (size_t)size, err);
	free(data);
	return st;
}

/* How many program headers the file holds of those it counts. */
static enum fs_status bound_phdrs(struct dump *d, struct elf *e, struct fs_error *err)
{
	uint64_t room = e->phoff < d->file.size ? (d->file.size - e->phoff) / e->phentsize : 0;

	if (e->phnum > PHDRS_MAX)
		return fs_fail(err, FS_LIMIT, "ELF header: %u program headers, at most %u are read",
			       e->phnum, PHDRS_MAX);
	if (e->phnum <= room)
		return FS_OK;
	dump_note_add(d,
		      "ELF header: %u program headers at 0x%" PRIx64 ", the file holds 0x%" PRIx64
		      " of them",
		      e->phnum, e->phoff, room);
	dump_promise(d, e->phoff < UINT64_MAX / 2 ? e->phoff + (uint64_t)e->phnum * e->phentsize
						  : UINT64_MAX);
	e->phnum = (uint32_t)room;
	return FS_OK;
}

static enum fs_status read_phdrs(struct dump *d, struct elf *e, struct fs_error *err)
{
	uint8_t *chunk = malloc((size_t)PHDR_CHUNK * e->phentsize);
	enum fs_status st = chunk ? FS_OK : fs_fail(err, FS_NO_MEMORY, "no memory for ELF headers");
	uint32_t i = 0, k;

	while (st == FS_OK && i < e->phnum) {
		uint32_t now = e->phnum - i < PHDR_CHUNK ? e->phnum - i : PHDR_CHUNK;

		st = dump_file_read(&d->file, e->phoff + (uint64_t)i * e->phentsize, chunk,
				    (size_t)now * e->phentsize, "ELF program headers", err);
		for (k = 0; st == FS_OK && k < now; k++) {
			struct phdr p = parse_phdr(e, chunk + (size_t)k * e->phentsize);

			if (p.type == PT_LOAD)
				st = take_load(d, e, &p, i + k, err);
			else if (p.type == PT_NOTE)
				st = take_notes(d, e, &p, err);
		}
		i += now;
	}
	free(chunk);
	return st;
}

static enum fs_status judge(struct dump *d, const struct elf *e, uint64_t bytes,
			    struct fs_error *err)
{
	d->info.pages = bytes / DUMP_PAGE_SIZE;
	if (e->left_out > 1)
		dump_note_add(d, "%zu program headers in all are left out", e->left_out);
	if (e->loads > 1 && e->loads == e->at_zero)
		return fs_fail(err, FS_UNSUPPORTED,
			       "an ELF core of a process, not of a machine: every PT_LOAD has "
			       "p_paddr 0");
	if (bytes == 0)
		return fs_fail(err, FS_CORRUPT,
			       "an ELF core without memory: none of its %u program headers is a "
			       "PT_LOAD with bytes",
			       e->phnum);
	if (e->segments.overlap)
		dump_note_add(d, "program headers overlap: memory that is held twice is read only "
				 "where both copies agree");
	return FS_OK;
}

static enum fs_status open_elf(struct dump *d, const struct dump_first *first, struct fs_error *err)
{
	struct elf *e = calloc(1, sizeof(*e));
	uint64_t bytes = 0;
	enum fs_status st;

	d->info.format = "elf";
	if (!e)
		return fs_fail(err, FS_NO_MEMORY, "no memory for ELF headers");
	d->priv = e;
	st = parse_ehdr(d, e, first->data, err);
	if (st == FS_OK)
		st = real_count(d, e, err);
	if (st == FS_OK)
		st = bound_phdrs(d, e, err);
	if (st == FS_OK)
		st = read_phdrs(d, e, err);
	if (st == FS_OK)
		st = segments_build(&e->segments, &bytes, err);
	if (st == FS_OK)
		st = judge(d, e, bytes, err);
	if (st == FS_OK)
		st = notes_finish(&e->notes, d, err);
	notes_deinit(&e->notes);
	return st;
}

static enum fs_status read_phys(struct dump *d, uint64_t pa, void *buf, size_t n,
				struct fs_error *err)
{
	const struct elf *e = d->priv;

	return segments_read(&e->segments, d, pa, buf, n, err);
}

static uint64_t next_page(const struct dump *d, uint64_t pfn)
{
	return segments_next_page(&((const struct elf *)d->priv)->segments, d, pfn);
}

static bool run(const struct dump *d, uint64_t pfn, uint64_t *ret_off, uint64_t *ret_pages)
{
	return segments_run(&((const struct elf *)d->priv)->segments, d, pfn, ret_off, ret_pages);
}

static void close_elf(struct dump *d)
{
	struct elf *e = d->priv;

	if (e) {
		segments_deinit(&e->segments);
		notes_deinit(&e->notes);
	}
	free(e);
	d->priv = NULL;
}

const struct dump_format dump_format_elf = {
	.name = "elf",
	.probe = probe,
	.open = open_elf,
	.read_phys = read_phys,
	.next_page = next_page,
	.run = run,
	.close = close_elf,
};
