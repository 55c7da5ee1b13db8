/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DBI stream: age, machine, flags, where symbols are, and the streams of the
 * optional debug header. Offsets: LLVM's "The PDB DBI (Debug Info) Stream"; a
 * section header is the PE format's IMAGE_SECTION_HEADER.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "pdb/impl.h"

enum {
	DBI_HEADER = 64,
	SECTION_HEADER = 40,
	SECTIONS_MAX = 65535,
	FLAG_STRIPPED = 2,
	/* Positions in the optional debug header, u16 stream numbers. */
	DBG_OMAP_TO = 3,
	DBG_OMAP_FROM = 4,
	DBG_SECTIONS = 5,
	DBG_ORIGINAL = 10,
	DBG_USED = 11,
};

const char *pdb_machine_name(const struct pdb *p)
{
	switch (p->info.machine) {
	case 0x8664:
		return "x64";
	case 0x14c:
		return "x86";
	case 0xaa64:
		return "arm64";
	default:
		return NULL;
	}
}

static enum fs_status read_sections(struct pdb *p, uint32_t stream, const char *what,
				    struct pdb_section **ret, uint32_t *ret_n, struct fs_error *err)
{
	uint32_t n = msf_size(p, stream) / SECTION_HEADER;
	struct pdb_section *s;
	uint8_t b[SECTION_HEADER];
	enum fs_status st = FS_OK;

	if (n > SECTIONS_MAX)
		return fs_fail(err, FS_CORRUPT, "%s: %s: %u of them, at most %d can be", p->name,
			       what, n, SECTIONS_MAX);
	s = calloc((size_t)n + 1, sizeof(*s));
	if (!s)
		return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", p->name);
	for (uint32_t i = 0; !st && i < n; i++) {
		st = msf_read(p, stream, (uint64_t)i * SECTION_HEADER, b, sizeof(b), what, err);
		if (st)
			break;
		memcpy(s[i].name, b, 8);
		s[i].size = load_u32(b + 8);
		s[i].rva = load_u32(b + 12);
		s[i].flags = load_u32(b + 36);
	}
	if (st) {
		free(s);
		return st;
	}
	*ret = s;
	*ret_n = n;
	return FS_OK;
}

/* The streams that the optional debug header names; a shorter one names fewer. */
static enum fs_status debug_streams(struct pdb *p, uint64_t at, uint32_t size, struct fs_error *err)
{
	uint32_t number[DBG_USED];
	uint8_t b[2];
	enum fs_status st = FS_OK;

	for (unsigned i = 0; !st && i < DBG_USED; i++) {
		number[i] = STREAM_NONE;
		if ((i + 1) * 2 > size)
			continue;
		st = msf_read(p, STREAM_DBI, at + i * 2, b, sizeof(b), "optional debug header",
			      err);
		if (!st)
			number[i] = load_u16(b);
		if (!st && number[i] != STREAM_NONE && !msf_has(p, number[i]))
			return fs_fail(err, FS_CORRUPT,
				       "%s: optional debug header: entry %u names stream %u, there "
				       "are %u",
				       p->name, i, number[i], p->msf.streams_n);
	}
	if (st)
		return st;
	p->dbi.omap_to = number[DBG_OMAP_TO];
	p->dbi.omap_from = number[DBG_OMAP_FROM];
	p->info.has_omap = msf_size(p, p->dbi.omap_from) > 0;
	if (number[DBG_SECTIONS] != STREAM_NONE)
		st = read_sections(p, number[DBG_SECTIONS], "section headers", &p->dbi.sections,
				   &p->dbi.sections_n, err);
	if (!st && p->info.has_omap && number[DBG_ORIGINAL] != STREAM_NONE)
		st = read_sections(p, number[DBG_ORIGINAL], "original section headers",
				   &p->dbi.original, &p->dbi.original_n, err);
	p->info.sections = p->dbi.sections_n;
	return st;
}

/* Sizes of the substreams in their order; the optional debug header is the last. */
static enum fs_status substreams(struct pdb *p, const uint8_t *h, uint64_t *ret_debug,
				 struct fs_error *err)
{
	static const struct {
		unsigned at;
		const char *name;
	} order[] = {{24, "module list"},	   {28, "section contributions"},
		     {32, "section map"},	   {36, "source files"},
		     {40, "type servers"},	   {52, "edit and continue"},
		     {48, "optional debug header"}};
	uint64_t at = DBI_HEADER;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		uint32_t size = load_u32(h + order[i].at);

		if (!range_ok(at, size, msf_size(p, STREAM_DBI)))
			return fs_fail(err, FS_CORRUPT,
				       "%s: DBI stream: %s of 0x%x bytes at 0x%llx end outside its "
				       "0x%x bytes",
				       p->name, order[i].name, size, (unsigned long long)at,
				       msf_size(p, STREAM_DBI));
		*ret_debug = at;
		at += size;
	}
	return FS_OK;
}

enum fs_status dbi_open(struct pdb *p, struct fs_error *err)
{
	uint8_t h[DBI_HEADER];
	uint64_t debug_at = 0;
	enum fs_status st;

	p->dbi.omap_from = p->dbi.omap_to = STREAM_NONE;
	p->dbi.sym_records = p->dbi.publics = p->dbi.globals = STREAM_NONE;
	/* a compiler's own PDB of types has none */
	if (msf_size(p, STREAM_DBI) == 0)
		return FS_OK;
	st = msf_read(p, STREAM_DBI, 0, h, sizeof(h), "DBI stream header", err);
	if (st)
		return st;
	if (load_u32(h) != UINT32_MAX)
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s: DBI stream: signature 0x%x, expected 0xffffffff; it is of a "
			       "linker before Visual C++ 5",
			       p->name, load_u32(h));
	st = substreams(p, h, &debug_at, err);
	if (st)
		return st;
	p->info.has_dbi = true;
	p->info.age = load_u32(h + 8);
	p->info.stripped = (load_u16(h + 56) & FLAG_STRIPPED) != 0;
	p->info.machine = load_u16(h + 58);
	p->dbi.globals = load_u16(h + 12);
	p->dbi.publics = load_u16(h + 16);
	p->dbi.sym_records = load_u16(h + 20);
	p->dbi.modules_at = DBI_HEADER;
	p->dbi.modules_size = load_u32(h + 24);
	return debug_streams(p, debug_at, load_u32(h + 48), err);
}

struct pdb_section pdb_section(const struct pdb *p, size_t i)
{
	return i < p->dbi.sections_n ? p->dbi.sections[i] : (struct pdb_section){0};
}
