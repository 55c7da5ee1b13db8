/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images: PE header, sections, RSDS record, loader entry; and in the first
 * image's data (it is nt) the list heads, the debugger block and the table of
 * unloaded drivers. Offsets: the PE/COFF specification; facts/dump-formats.md.
 */
#include "mkworld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCN_CODE 0x60000020u /* execute, read */
#define SCN_DATA 0xc8000040u /* read, write */
#define SCN_READ 0x40000040u

/* Where things stand in nt's data section. */
#define NT_LOADED    0x100
#define NT_ACTIVE    0x120
#define NT_KDBG	     0x200
#define NT_UNLOADED  0x600 /* MmUnloadedDrivers, then MmLastUnloadedDriver */
#define NT_WORLD     0x800 /* @nt_data: for what worlds put there */
#define UNLOADED_MAX 50

static void add_section(struct world *w, struct module *m, const char *name, uint32_t rva,
			uint32_t size, uint32_t flags)
{
	struct section *s = push(w, &m->sections);

	(void)snprintf(s->name, sizeof(s->name), "%.8s", name);
	s->rva = rva;
	s->size = size;
	s->flags = flags;
}

static void section_option(struct lex *l, struct module *m)
{
	char name[9], kind[8];
	uint32_t rva, size;

	lex_need(l, name, sizeof(name), "a section name");
	rva = (uint32_t)lex_expr(l);
	size = (uint32_t)lex_expr(l);
	lex_need(l, kind, sizeof(kind), "rx, rw or r");
	add_section(l->w, m, name, rva, size,
		    !strcmp(kind, "rx")	  ? SCN_CODE
		    : !strcmp(kind, "rw") ? SCN_DATA
					  : SCN_READ);
}

static void module_options(struct lex *l, struct module *m)
{
	char word[128];

	while (!lex_done(l)) {
		if (lex_keyword(l, "timestamp")) {
			m->timestamp = (uint32_t)lex_expr(l);
		} else if (lex_keyword(l, "checksum")) {
			m->checksum = (uint32_t)lex_expr(l);
		} else if (lex_keyword(l, "ldr")) {
			m->ldr = lex_expr(l);
		} else if (lex_keyword(l, "section")) {
			section_option(l, m);
		} else if (lex_keyword(l, "pdb")) {
			if (lex_is_string(l))
				lex_ascii(l, word, sizeof(word));
			else
				lex_need(l, word, sizeof(word), "a PDB name");
			m->pdb = xstrdup(word);
			lex_need(l, word, sizeof(word), "a GUID of 32 hex digits");
			if (strlen(word) != 32)
				die(l->w, "a GUID of 32 hex digits is expected");
			m->guid = xstrdup(word);
			m->age = (uint32_t)lex_expr(l);
		} else {
			die(l->w, "no module option: %s", l->p);
		}
	}
}

/* .text a half, .data from there on; the last page is for the debug record. */
static void default_sections(struct world *w, struct module *m)
{
	uint32_t half = (m->size / 2) & ~0xfffu;

	if (m->size < 0x5000)
		die(w, "module %s is too small for its sections", m->name);
	if (!m->sections.n) {
		add_section(w, m, ".text", 0x1000, half - 0x1000, SCN_CODE);
		add_section(w, m, ".data", half, 0x1000, SCN_DATA);
	}
	add_section(w, m, ".rdata", m->size - 0x1000, 0x1000, SCN_READ);
	for (size_t i = m->sections.n; i-- > 0;)
		if (m->sections.v[i].flags == SCN_DATA)
			m->data_rva = m->sections.v[i].rva;
}

static void put_sections(struct world *w, const struct module *m, uint64_t at)
{
	for (size_t i = 0; i < m->sections.n; i++, at += 40) {
		const struct section *s = &m->sections.v[i];

		mem_write(w, at, s->name, 8);
		mem_put(w, at + 8, s->size, 4);
		mem_put(w, at + 12, s->rva, 4);
		mem_put(w, at + 16, s->size, 4);
		mem_put(w, at + 20, s->rva, 4);
		mem_put(w, at + 36, s->flags, 4);
		if (s->flags == SCN_DATA) /* a whole data section is there to be searched */
			for (uint32_t k = 0; k < s->size; k += PAGE)
				(void)page_make(w, m->base + s->rva + k);
	}
}

static uint32_t machine_number(const struct world *w)
{
	static const uint32_t number[] = {
		[MACHINE_X64] = 0x8664, [MACHINE_X86] = 0x14c, [MACHINE_ARM64] = 0xaa64};

	return number[w->machine];
}

static void put_pe(struct world *w, const struct module *m)
{
	uint64_t nt = m->base + 0xd8, opt = nt + 24;
	uint64_t dirs = opt + (pointer_size(w) == 8 ? 112 : 96); /* PE32+, PE32 */

	mem_fill(w, m->base, 0, PAGE);
	mem_put(w, m->base, 0x5a4d, 2);
	mem_put(w, m->base + 0x3c, 0xd8, 4);
	mem_put(w, nt, 0x4550, 4);
	mem_put(w, nt + 4, machine_number(w), 2);
	mem_put(w, nt + 6, m->sections.n, 2);
	mem_put(w, nt + 8, m->timestamp, 4);
	mem_put(w, nt + 20, dirs - opt + 16 * 8, 2);
	mem_put(w, nt + 22, 0x22, 2);
	mem_put(w, opt, pointer_size(w) == 8 ? 0x20b : 0x10b, 2);
	mem_put(w, opt + 16, 0x1000, 4); /* AddressOfEntryPoint */
	mem_put(w, opt + (pointer_size(w) == 8 ? 24 : 28), m->base, pointer_size(w));
	mem_put(w, opt + 32, 0x1000, 4);
	mem_put(w, opt + 36, 0x200, 4);
	mem_put(w, opt + 56, m->size, 4);
	mem_put(w, opt + 60, 0x400, 4);
	mem_put(w, opt + 64, m->checksum, 4);
	mem_put(w, opt + 68, 1, 2); /* native */
	mem_put(w, dirs - 4, 16, 4);
	if (m->pdb) {
		mem_put(w, dirs + 6 * 8, m->size - 0x1000, 4); /* debug directory */
		mem_put(w, dirs + 6 * 8 + 4, 0x1c, 4);
	}
	put_sections(w, m, dirs + 16 * 8);
}

static void put_rsds(struct world *w, const struct module *m)
{
	uint64_t dir = m->base + m->size - 0x1000, rec = dir + 0x40;
	unsigned b[16];
	static const unsigned char order[16] = {3, 2, 1,  0,  5,  4,  7,  6,
						8, 9, 10, 11, 12, 13, 14, 15};

	if (!m->pdb)
		return;
	for (unsigned i = 0; i < 16; i++)
		if (sscanf(m->guid + i * 2, "%2x", &b[i]) != 1)
			die(w, "bad GUID %s", m->guid);
	mem_fill(w, dir, 0, PAGE);
	mem_put(w, dir + 4, m->timestamp, 4);
	mem_put(w, dir + 12, 2, 4); /* CodeView */
	mem_put(w, dir + 16, 24 + strlen(m->pdb) + 1, 4);
	mem_put(w, dir + 20, m->size - 0x1000 + 0x40, 4);
	mem_put(w, dir + 24, m->size - 0x1000 + 0x40, 4);
	mem_write(w, rec, "RSDS", 4);
	for (unsigned i = 0; i < 16; i++)
		mem_put(w, rec + 4 + i, b[order[i]], 1);
	mem_put(w, rec + 20, m->age, 4);
	mem_write(w, rec + 24, m->pdb, strlen(m->pdb) + 1);
}

static uint64_t ldr_field(struct world *w, const char *path)
{
	struct place p;

	if (!field_find(w, "_KLDR_DATA_TABLE_ENTRY", path, &p))
		die(w, "no _KLDR_DATA_TABLE_ENTRY.%s in the nt layout", path);
	return p.offset;
}

/* Older PDBs do not describe the kernel's loader entry beyond its first part. */
static void ldr_optional(struct world *w, const struct module *m, const char *path, uint32_t v)
{
	struct place p;

	if (field_find(w, "_KLDR_DATA_TABLE_ENTRY", path, &p))
		mem_put(w, m->ldr + p.offset, v, 4);
}

static void ascii_ustr(struct world *w, uint64_t va, const char *prefix, const char *name)
{
	uint16_t u[512];
	size_t n = 0;

	for (; *prefix && n < 511; prefix++)
		u[n++] = (uint8_t)*prefix;
	for (; *name && n < 511; name++)
		u[n++] = (uint8_t)*name;
	put_ustr(w, va, u, n, 0);
}

static void put_ldr(struct world *w, struct module *m)
{
	unsigned n = pointer_size(w);
	uint64_t links;

	if (!m->ldr)
		m->ldr = mem_alloc(w, 0x120);
	mem_fill(w, m->ldr, 0, 0x120);
	mem_put(w, m->ldr + ldr_field(w, "DllBase"), m->base, pointer_size(w));
	mem_put(w, m->ldr + ldr_field(w, "EntryPoint"), m->base + 0x1000, pointer_size(w));
	mem_put(w, m->ldr + ldr_field(w, "SizeOfImage"), m->size, 4);
	ldr_optional(w, m, "CheckSum", m->checksum);
	ldr_optional(w, m, "TimeDateStamp", m->timestamp);
	ascii_ustr(w, m->ldr + ldr_field(w, "BaseDllName"), "", m->name);
	ascii_ustr(w, m->ldr + ldr_field(w, "FullDllName"),
		   m == w->modules.v ? "\\SystemRoot\\system32\\"
				     : "\\SystemRoot\\system32\\drivers\\",
		   m->name);
	links = m->ldr + ldr_field(w, "InLoadOrderLinks");
	mem_put(w, links, w->loaded_list, n);
	mem_put(w, links + n, mem_get(w, w->loaded_list + n, n), n);
	mem_put(w, mem_get(w, w->loaded_list + n, n), links, n);
	mem_put(w, w->loaded_list + n, links, n);
}

static void nt_data(struct world *w, const struct module *m)
{
	uint64_t data = m->base + m->data_rva;
	/* KDDEBUGGER_DATA64 has addresses of 32 bits sign-extended */
	uint64_t sign = w->machine == MACHINE_X86 ? 0xffffffff00000000u : 0;
	unsigned n = pointer_size(w);

	w->loaded_list = data + NT_LOADED;
	w->active_list = data + NT_ACTIVE;
	w->kdbg = data + NT_KDBG;
	mem_fill(w, data, 0, PAGE);
	mem_put(w, w->loaded_list, w->loaded_list, n);
	mem_put(w, w->loaded_list + n, w->loaded_list, n);
	mem_put(w, w->active_list, w->active_list, n);
	mem_put(w, w->active_list + n, w->active_list, n);
	mem_write(w, w->kdbg + 0x10, "KDBG", 4);
	mem_put(w, w->kdbg + 0x14, 0x340, 4);
	mem_put(w, w->kdbg + 0x18, m->base | sign, 8);
	mem_put(w, w->kdbg + 0x48, w->loaded_list | sign, 8);
	mem_put(w, w->kdbg + 0x50, w->active_list | sign, 8);
	mem_put(w, w->kdbg + 0x220, (data + NT_UNLOADED) | sign, 8);
	mem_put(w, w->kdbg + 0x228, (data + NT_UNLOADED + 8) | sign, 8);
}

/* module NAME BASE SIZE [timestamp T] [checksum C] [ldr VA] [section N RVA SIZE rx|rw|r]… [pdb NAME
 * GUID AGE] */
void stmt_module(struct lex *l)
{
	struct world *w = l->w;
	struct module *m = push(w, &w->modules);
	char word[256], *dot;

	lex_need(l, word, sizeof(word), "a module name");
	m->name = xstrdup(word);
	dot = strrchr(word, '.');
	if (dot)
		*dot = '\0';
	m->stem = xstrdup(w->modules.n == 1 ? "nt" : word);
	m->base = lex_expr(l);
	m->size = (uint32_t)lex_expr(l);
	m->timestamp = 0x4a5bc000u + (uint32_t)w->modules.n * 0x1234u;
	module_options(l, m);
	default_sections(w, m);
	w->quiet_extents = true;
	put_pe(w, m);
	put_rsds(w, m);
	if (w->modules.n == 1) {
		nt_data(w, m);
		label_add(w, "nt_data", m->base + m->data_rva + NT_WORLD, NULL);
		label_add(w, "kdbg", w->kdbg, NULL);
		label_add(w, "PsActiveProcessHead", w->active_list, NULL);
	}
	put_ldr(w, m);
	w->quiet_extents = false;
	label_add(w, m->stem, m->base, NULL);
	(void)snprintf(word, sizeof(word), "ldr_%.200s", m->stem);
	label_add(w, word, m->ldr, NULL);
}

/* The table is circular: the newest entry stands below MmLastUnloadedDriver. */
void modules_finish(struct world *w)
{
	const unsigned n = pointer_size(w), size = 4 * n + 8;
	uint64_t data, table;

	if (!w->modules.n)
		die(w, "a world needs at least one module: the kernel");
	if (!w->unloaded.n)
		return;
	if (w->unloaded.n > UNLOADED_MAX)
		die(w, "at most %d unloaded drivers", UNLOADED_MAX);
	w->quiet_extents = true;
	data = w->modules.v[0].base + w->modules.v[0].data_rva;
	table = mem_alloc(w, UNLOADED_MAX * size);
	mem_fill(w, table, 0, UNLOADED_MAX * size);
	for (size_t i = 0; i < w->unloaded.n; i++) {
		uint64_t e = table + i * size;

		ascii_ustr(w, e, "", w->unloaded.v[i].name);
		mem_put(w, e + 2 * n, w->unloaded.v[i].start, n);
		mem_put(w, e + 3 * n, w->unloaded.v[i].end, n);
		mem_put(w, e + 4 * n, w->time, 8);
	}
	mem_put(w, data + NT_UNLOADED, table, n);
	mem_put(w, data + NT_UNLOADED + 8, w->unloaded.n, 4);
	w->quiet_extents = false;
}
