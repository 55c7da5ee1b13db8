/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment:offset to RVA and back. Where a tool rearranged the image after linking
 * (Microsoft did so with its kernels up to Windows 7), symbols still speak of the
 * image as it was linked: the *original* section headers give an address in that,
 * and OMAP-from-source, an array of {u32 from, u32 to} sorted by `from`, says where
 * the piece it lies in has gone; 0 means that it was thrown away. OMAP-to-source is
 * the way back. Source: the OMAP structure of Microsoft's dbghelp documentation,
 * streams by LLVM's "Optional Debug Header Stream".
 */
#include <stdlib.h>

#include "pdb/impl.h"

enum { OMAP_ENTRY = 8, PIECE = 1024 /* entries read at a time */ };

/* Searching by halves needs rising entries: seen once a stream, then believed. */
static enum fs_status check_sorted(struct pdb *p, uint32_t stream, bool *checked,
				   struct fs_error *err)
{
	uint32_t n = msf_size(p, stream) / OMAP_ENTRY, last = 0;
	uint8_t *b;
	enum fs_status st = FS_OK;

	if (*checked)
		return FS_OK;
	b = malloc(PIECE * OMAP_ENTRY);
	if (!b)
		return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", p->name);
	for (uint32_t i = 0; !st && i < n; i += PIECE) {
		uint32_t part = n - i < PIECE ? n - i : PIECE;

		st = msf_read(p, stream, (uint64_t)i * OMAP_ENTRY, b, (size_t)part * OMAP_ENTRY,
			      "OMAP", err);
		for (uint32_t k = 0; !st && k < part; k++) {
			uint32_t from = load_u32(b + (size_t)k * OMAP_ENTRY);

			if (from < last)
				st = fs_fail(err, FS_CORRUPT,
					     "%s: OMAP stream %u: entry %u is of 0x%x, after 0x%x: "
					     "not sorted",
					     p->name, stream, i + k, from, last);
			last = from;
		}
	}
	free(b);
	if (!st)
		*checked = true;
	return st;
}

static enum fs_status entry(struct pdb *p, uint32_t stream, uint32_t i, uint32_t *ret_from,
			    uint32_t *ret_to, struct fs_error *err)
{
	uint8_t b[OMAP_ENTRY];
	enum fs_status st =
		msf_read(p, stream, (uint64_t)i * OMAP_ENTRY, b, sizeof(b), "OMAP", err);

	if (st)
		return st;
	*ret_from = load_u32(b);
	*ret_to = load_u32(b + 4);
	return FS_OK;
}

static enum fs_status translate(struct pdb *p, uint32_t stream, bool *checked, uint32_t rva,
				uint32_t *ret, struct fs_error *err)
{
	uint32_t lo = 0, hi = msf_size(p, stream) / OMAP_ENTRY, from, to;
	enum fs_status st = check_sorted(p, stream, checked, err);

	if (st)
		return st;
	while (lo < hi) { /* the first entry behind rva */
		uint32_t mid = lo + (hi - lo) / 2;

		st = entry(p, stream, mid, &from, &to, err);
		if (st)
			return st;
		if (from <= rva)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return fs_fail(err, FS_NOT_FOUND, "%s: OMAP has nothing at or before RVA 0x%x",
			       p->name, rva);
	st = entry(p, stream, lo - 1, &from, &to, err);
	if (st)
		return st;
	if (to == 0)
		return fs_fail(err, FS_NOT_FOUND,
			       "%s: RVA 0x%x has no counterpart: that part was eliminated or added "
			       "after linking",
			       p->name, rva);
	if (rva - from > UINT32_MAX - to)
		return fs_fail(err, FS_CORRUPT, "%s: OMAP sends RVA 0x%x past the end of 32 bits",
			       p->name, rva);
	*ret = to + (rva - from);
	return FS_OK;
}

enum fs_status pdb_rva(struct pdb *p, uint32_t segment, uint32_t offset, uint32_t *ret_rva,
		       struct fs_error *err)
{
	const struct pdb_section *s = p->dbi.original ? p->dbi.original : p->dbi.sections;
	uint32_t n = p->dbi.original ? p->dbi.original_n : p->dbi.sections_n;

	if (n == 0)
		return fs_fail(
			err, FS_NOT_FOUND,
			"%s: no section headers in this PDB: its symbols cannot be placed in "
			"the image",
			p->name);
	if (segment == 0 || segment > n)
		return fs_fail(err, FS_NOT_FOUND,
			       "%s: segment %u is none of the %u sections: the symbol is absolute",
			       p->name, segment, n);
	if (offset > UINT32_MAX - s[segment - 1].rva)
		return fs_fail(err, FS_CORRUPT, "%s: %u:0x%x is past the end of 32 bits", p->name,
			       segment, offset);
	offset += s[segment - 1].rva;
	if (p->info.has_omap)
		return translate(p, p->dbi.omap_from, &p->dbi.omap_checked[0], offset, ret_rva,
				 err);
	*ret_rva = offset;
	return FS_OK;
}

enum fs_status pdb_segment(struct pdb *p, uint32_t rva, uint32_t *ret_segment, uint32_t *ret_offset,
			   struct fs_error *err)
{
	const struct pdb_section *s = p->dbi.original ? p->dbi.original : p->dbi.sections;
	uint32_t n = p->dbi.original ? p->dbi.original_n : p->dbi.sections_n;

	if (p->info.has_omap) {
		enum fs_status st;

		if (msf_size(p, p->dbi.omap_to) == 0)
			return fs_fail(
				err, FS_NOT_FOUND,
				"%s: the image was rearranged and the PDB does not say how to "
				"get back",
				p->name);
		st = translate(p, p->dbi.omap_to, &p->dbi.omap_checked[1], rva, &rva, err);
		if (st)
			return st;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (rva >= s[i].rva && rva - s[i].rva < s[i].size) {
			*ret_segment = i + 1;
			*ret_offset = rva - s[i].rva;
			return FS_OK;
		}
	}
	return fs_fail(err, FS_NOT_FOUND, "%s: RVA 0x%x lies in none of the %u sections", p->name,
		       rva, n);
}
