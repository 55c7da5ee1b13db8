/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PE file laid out and relocated as the loader does it, and which of its bytes are
 * certain to be the same in memory. Offsets: Microsoft's "PE Format" specification;
 * the load configuration and the dynamic value relocation table as winnt.h has them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "module/image_file.h"

enum {
	IMAGE_BYTES_MAX = 128 << 20,
	NT_HEADER = 24,
	SECTION_HEADER = 40,
	RELOCS_STRIPPED = 1,
	DIR_IMPORT = 1,
	DIR_SECURITY = 4,
	DIR_RELOC = 5,
	DIR_LOAD_CONFIG = 10,
	DIR_BOUND_IMPORT = 11,
	DIR_IAT = 12,
	DIR_DELAY_IMPORT = 13,
	REL_ABSOLUTE = 0,
	REL_HIGHLOW = 3,
	REL_DIR64 = 10,
	DVRT_IMPORT_CALL = 3, /* IMAGE_DYNAMIC_RELOCATION_GUARD_* */
	DVRT_INDIRECT_CALL = 4,
	DVRT_SWITCH_BRANCH = 5,
	SITE_BYTES = 16, /* more than the longest instruction that is patched */
};
#define SCN_DISCARDABLE 0x02000000u
#define SCN_EXECUTE	0x20000000u
#define SCN_READ	0x40000000u
#define SCN_WRITE	0x80000000u

static enum fs_status bad(const struct image_file *f, const char *what, struct fs_error *err)
{
	return fs_fail(err, FS_CORRUPT, "%s: %s", f->path, what);
}

static enum fs_status parse_headers(struct image_file *f, const uint8_t *p, size_t size,
				    const struct image_want *want, const uint8_t **ret_sections,
				    struct fs_error *err)
{
	uint32_t at, optional, ndirs, i;
	const uint8_t *opt;

	if (size < 0x40 || memcmp(p, "MZ", 2) != 0)
		return bad(f, "is no PE image: it does not begin with MZ", err);
	at = load_u32(p + 0x3c);
	if (!range_ok(at, NT_HEADER, size) || memcmp(p + at, "PE\0\0", 4) != 0)
		return bad(f, "is no PE image: no PE header where the DOS header says", err);
	f->pe.machine = load_u16(p + at + 4);
	f->pe.nsections = load_u16(p + at + 6);
	f->pe.timestamp = load_u32(p + at + 8);
	optional = load_u16(p + at + 20);
	f->characteristics = load_u16(p + at + 22);
	opt = p + at + NT_HEADER;
	if (optional < 112 || !range_ok(at + NT_HEADER, optional, size) || load_u16(opt) != 0x20b)
		return fs_fail(err, FS_UNSUPPORTED, "%s: not a 64-bit image", f->path);
	f->pe.size_of_image = load_u32(opt + 56);
	if (f->pe.timestamp != want->timestamp || f->pe.size_of_image != want->size)
		return fs_fail(err, FS_NOT_FOUND,
			       "%s: another build (time stamp 0x%08" PRIx32 ", size 0x%" PRIx32
			       "; the dump's has 0x%08" PRIx32 " and 0x%" PRIx32 ")",
			       f->path, f->pe.timestamp, f->pe.size_of_image, want->timestamp,
			       want->size);
	f->preferred_base = load_u64(opt + 24);
	ndirs = load_u32(opt + 108);
	for (i = 0; i < 16 && i < ndirs && 112 + (i + 1) * 8 <= optional; i++)
		f->directory[i] = (struct image_span){load_u32(opt + 112 + i * 8),
						      load_u32(opt + 116 + i * 8)};
	f->pe.export_rva = f->directory[0].rva;
	f->pe.export_size = f->directory[0].size;
	f->pe.exception_rva = f->directory[3].rva;
	f->pe.exception_size = f->directory[3].size;
	f->pe.debug_rva = f->directory[6].rva;
	f->pe.debug_size = f->directory[6].size;
	if (f->pe.nsections > sizeof(f->pe.section) / sizeof(f->pe.section[0]) ||
	    !range_ok((uint64_t)at + NT_HEADER + optional, f->pe.nsections * SECTION_HEADER, size))
		return bad(f, "its section headers do not fit the file", err);
	*ret_sections = opt + optional;
	return FS_OK;
}

static enum fs_status place_sections(struct image_file *f, const uint8_t *file, size_t size,
				     const uint8_t *header, struct fs_error *err)
{
	uint32_t image = f->pe.size_of_image;
	size_t i;

	for (i = 0; i < f->pe.nsections; i++, header += SECTION_HEADER) {
		struct pe_section *s = &f->pe.section[i];
		uint32_t raw = load_u32(header + 16), at = load_u32(header + 20);

		memcpy(s->name, header, 8);
		s->size = load_u32(header + 8) ? load_u32(header + 8) : raw;
		s->rva = load_u32(header + 12);
		s->characteristics = load_u32(header + 36);
		if (!range_ok(s->rva, s->size, image))
			return bad(f, "a section is outside the image", err);
		if (raw > s->size)
			raw = s->size;
		if (raw && !range_ok(at, raw, size))
			return bad(f, "a section is outside the file", err);
		if (raw)
			memcpy(f->bytes + s->rva, file + at, raw);
	}
	return FS_OK;
}

static bool apply(struct image_file *f, uint32_t rva, unsigned type, uint64_t delta)
{
	uint8_t *p = f->bytes + rva;
	uint64_t v;
	unsigned i, n = type == REL_DIR64 ? 8 : 4;

	if (type == REL_ABSOLUTE)
		return true;
	if ((type != REL_DIR64 && type != REL_HIGHLOW) || !range_ok(rva, n, f->pe.size_of_image))
		return false;
	v = (n == 8 ? load_u64(p) : load_u32(p)) + delta;
	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return true;
}

static enum fs_status relocate(struct image_file *f, uint64_t delta, struct fs_error *err)
{
	struct image_span d = f->directory[DIR_RELOC];
	uint32_t at = 0, i;

	if (!delta)
		return FS_OK;
	if ((f->characteristics & RELOCS_STRIPPED) || !d.size)
		return fs_fail(
			err, FS_UNSUPPORTED,
			"%s: cannot be moved to where the dump has it: it has no relocations",
			f->path);
	if (!range_ok(d.rva, d.size, f->pe.size_of_image))
		return bad(f, "its relocations are outside the image", err);
	while (d.size - at >= 8) {
		const uint8_t *b = f->bytes + d.rva + at;
		uint32_t page = load_u32(b), size = load_u32(b + 4);

		if (size < 8 || size > d.size - at)
			return bad(f, "a block of relocations has a wrong size", err);
		for (i = 8; i + 2 <= size; i += 2) {
			/* The block may relocate itself in a hostile file: read it afresh. */
			uint16_t e = load_u16(f->bytes + d.rva + at + i);

			if (page > f->pe.size_of_image ||
			    !apply(f, page + (e & 0xfffu), e >> 12, delta))
				return bad(f, "a relocation cannot be applied", err);
		}
		at += size;
	}
	return FS_OK;
}

/* --- what is certain --------------------------------------------------------- */

/* Take [rva, rva + size) out of what is served. False: out of memory. */
static bool exclude(struct image_file *f, uint64_t rva, uint64_t size)
{
	uint64_t end = rva + size;
	size_t i, n = f->serve.n;

	for (i = 0; i < n; i++) {
		struct image_span *s = &f->serve.v[i], *rest;
		uint64_t s_end = (uint64_t)s->rva + s->size;

		if (end <= s->rva || rva >= s_end)
			continue;
		if (end < s_end && rva > s->rva) {
			struct image_span tail = {(uint32_t)end, (uint32_t)(s_end - end)};

			s->size = (uint32_t)(rva - s->rva);
			rest = vec_push(&f->serve);
			if (!rest)
				return false;
			*rest = tail;
		} else if (rva > s->rva) {
			s->size = (uint32_t)(rva - s->rva);
		} else {
			s->size = end < s_end ? (uint32_t)(s_end - end) : 0;
			s->rva = (uint32_t)(end < s_end ? end : s_end);
		}
	}
	return true;
}

/* Made for the kernel to write into, whatever the flags say. */
static bool is_patched(const char *name)
{
	static const char *const names[] = {"INITKDBG", "CFGRO", "ALMOSTRO", "KVASCODE",
					    "RETPOL",	"GFIDS", "fothk",    ".retplne"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool serve_sections(struct image_file *f, bool code)
{
	size_t i;

	f->serve.n = 0;
	for (i = 0; i < f->pe.nsections; i++) {
		const struct pe_section *s = &f->pe.section[i];
		struct image_span *x;

		if (!(s->characteristics & SCN_READ) || !s->size ||
		    (s->characteristics & (SCN_WRITE | SCN_DISCARDABLE)) || is_patched(s->name) ||
		    (!code && (s->characteristics & SCN_EXECUTE)))
			continue;
		x = vec_push(&f->serve);
		if (!x)
			return false;
		*x = (struct image_span){s->rva, s->size};
	}
	/* A byte that also belongs to a section that may change is no sure one. */
	for (i = 0; i < f->pe.nsections; i++) {
		const struct pe_section *s = &f->pe.section[i];

		if ((s->characteristics & (SCN_WRITE | SCN_DISCARDABLE)) &&
		    !exclude(f, s->rva, s->size))
			return false;
	}
	return true;
}

static bool exclude_directories(struct image_file *f)
{
	static const uint8_t dirs[] = {DIR_IMPORT, DIR_BOUND_IMPORT, DIR_IAT, DIR_DELAY_IMPORT};
	size_t i;

	for (i = 0; i < sizeof(dirs); i++)
		if (!exclude(f, f->directory[dirs[i]].rva, f->directory[dirs[i]].size))
			return false;
	return true;
}

/* One group of sites that the loader rewrites. False: not understood, or no memory. */
static bool exclude_sites(struct image_file *f, uint32_t at, uint32_t size, unsigned entry)
{
	while (size >= 8) {
		uint32_t page = load_u32(f->bytes + at), n = load_u32(f->bytes + at + 4), i;

		if (n < 8 || n > size)
			return false;
		for (i = 8; i + entry <= n; i += entry)
			if (!exclude(f, (uint64_t)page + (load_u16(f->bytes + at + i) & 0xfffu),
				     SITE_BYTES))
				return false;
		at += n;
		size -= n;
	}
	return true;
}

/* IMAGE_DYNAMIC_RELOCATION_TABLE, version 1. */
static bool exclude_dynamic(struct image_file *f, uint64_t rva)
{
	uint32_t size, at = 8;

	if (!range_ok(rva, 8, f->pe.size_of_image) || load_u32(f->bytes + rva) != 1)
		return false;
	size = load_u32(f->bytes + rva + 4);
	if (!range_ok(rva + 8, size, f->pe.size_of_image))
		return false;
	for (size += 8; size - at >= 12;) {
		const uint8_t *b = f->bytes + rva + at;
		uint64_t symbol = load_u64(b);
		uint32_t n = load_u32(b + 8);

		if (n > size - at - 12 || symbol < DVRT_IMPORT_CALL ||
		    symbol > DVRT_SWITCH_BRANCH ||
		    !exclude_sites(f, (uint32_t)rva + at + 12, n,
				   symbol == DVRT_IMPORT_CALL ? 4 : 2))
			return false;
		at += 12 + n;
	}
	return true;
}

/* False: what the loader patches in code is not understood, so that none is certain. */
static bool exclude_guarded(struct image_file *f, uint64_t base)
{
	/* Slots that the loader fills, where they stand read-only: the CF check and dispatch,
	 * return flow, XFG, CastGuard and memcpy guards. */
	static const uint16_t slots[] = {0x70, 0x78, 0xd8, 0xe8, 0x118, 0x120, 0x128, 0x130, 0x138};
	struct image_span d = f->directory[DIR_LOAD_CONFIG];
	const uint8_t *p;
	uint32_t size;
	size_t i;

	if (!d.rva)
		return true;
	if (!range_ok(d.rva, 4, f->pe.size_of_image))
		return false;
	p = f->bytes + d.rva;
	size = load_u32(p);
	if (!range_ok(d.rva, size, f->pe.size_of_image))
		return false;
	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		if (slots[i] + 8u <= size && load_u64(p + slots[i]) >= base &&
		    !exclude(f, load_u64(p + slots[i]) - base, 8))
			return false;
	if (size >= 0xc8 && load_u64(p + 0xc0))
		return load_u64(p + 0xc0) >= base && exclude_dynamic(f, load_u64(p + 0xc0) - base);
	if (size >= 0xe6 && load_u16(p + 0xe4)) {
		i = load_u16(p + 0xe4); /* a section's number, from 1 */
		return i <= f->pe.nsections &&
		       exclude_dynamic(f, (uint64_t)f->pe.section[i - 1].rva + load_u32(p + 0xe0));
	}
	return true;
}

static int by_rva(const void *a, const void *b)
{
	const struct image_span *x = a, *y = b;

	return x->rva < y->rva ? -1 : x->rva > y->rva;
}

enum fs_status image_map(struct image_file *f, const uint8_t *file, size_t size,
			 const struct image_want *want, struct fs_error *err)
{
	const uint8_t *sections = NULL;
	enum fs_status st = parse_headers(f, file, size, want, &sections, err);
	bool code = !want->data_only, ok;

	if (st)
		return st;
	if (f->pe.size_of_image == 0 || f->pe.size_of_image > IMAGE_BYTES_MAX)
		return fs_fail(err, FS_LIMIT, "%s: an image of 0x%" PRIx32 " bytes", f->path,
			       f->pe.size_of_image);
	f->bytes = calloc(1, f->pe.size_of_image);
	if (!f->bytes)
		return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", f->path);
	st = place_sections(f, file, size, sections, err);
	if (!st)
		st = relocate(f, want->base - f->preferred_base, err);
	if (st)
		return st;
	ok = serve_sections(f, code) && exclude_directories(f);
	if (ok && !exclude_guarded(f, want->base))
		ok = serve_sections(f, false) && exclude_directories(f);
	if (!ok)
		return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", f->path);
	if (f->serve.n)
		qsort(f->serve.v, f->serve.n, sizeof(*f->serve.v), by_rva);
	return FS_OK;
}
