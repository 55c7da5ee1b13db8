/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PE headers of a module in memory. Offsets: Microsoft's "PE Format"
 * specification (COFF file header, optional header, section table).
 */
#include "module/image.h"

#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"

enum {
	DOS_HEADER = 0x40,
	DOS_LFANEW = 0x3c,
	NT_HEADER = 24, /* "PE\0\0" and the COFF file header */
	SECTION_HEADER = 40,
	MAGIC_PE32 = 0x10b,
	MAGIC_PE32_PLUS = 0x20b,
	DIRECTORY_RESOURCE = 2,
	DIRECTORY_EXCEPTION = 3,
	DIRECTORY_DEBUG = 6,
	OPTIONAL_MAX = 112 + 16 * 8, /* bytes of a PE32+ optional header that mean something */
};

const char *module_label(const struct module *m)
{
	return m->name ? m->name : "a module without a name";
}

static enum fs_status image_va(const struct module *m, uint64_t rva, size_t n, const char *what,
			       uint64_t *ret, struct fs_error *err)
{
	if (range_ok(rva, n, m->size) && add_u64(m->base, rva, ret))
		return FS_OK;
	return fs_fail_at(err, FS_CORRUPT, m->base,
			  "%s: %s at offset 0x%llx is outside the image of 0x%x bytes",
			  module_label(m), what, (unsigned long long)rva, m->size);
}

enum fs_status image_read(struct vm *vm, const struct module *m, uint64_t rva, void *buf, size_t n,
			  const char *what, struct fs_error *err)
{
	uint64_t va = 0;
	enum fs_status st = image_va(m, rva, n, what, &va, err);

	if (st)
		return st;
	st = vm_read(vm, va, buf, n, what, err);
	return st ? fs_prepend(err, st, "%s", module_label(m)) : FS_OK;
}

enum fs_status image_read_any(struct vm *vm, const struct module *m, uint64_t rva, void *buf,
			      size_t n, const char *what, struct fs_error *err)
{
	uint64_t va = 0;
	enum fs_status st = image_va(m, rva, n, what, &va, err);

	if (st)
		return st;
	st = vm_read_any(vm, va, buf, n, what, NULL, err);
	return st ? fs_prepend(err, st, "%s", module_label(m)) : FS_OK;
}

struct nt_headers {
	uint64_t rva; /* of "PE\0\0" */
	uint16_t nsections, optional_size;
	uint32_t timestamp;
	uint16_t machine;
	uint8_t optional[OPTIONAL_MAX];
	size_t noptional; /* bytes of it that are there */
};

static enum fs_status read_nt_headers(struct vm *vm, const struct module *m, struct nt_headers *h,
				      struct fs_error *err)
{
	uint8_t dos[DOS_HEADER], nt[NT_HEADER];
	enum fs_status st = image_read(vm, m, 0, dos, sizeof(dos), "DOS header", err);

	if (st)
		return st;
	if (memcmp(dos, "MZ", 2) != 0)
		return fs_fail_at(err, FS_CORRUPT, m->base,
				  "%s: DOS header begins with 0x%04x, expected MZ", module_label(m),
				  load_u16(dos));
	h->rva = load_u32(dos + DOS_LFANEW);
	st = image_read(vm, m, h->rva, nt, sizeof(nt), "PE header", err);
	if (st)
		return st;
	if (memcmp(nt, "PE\0\0", 4) != 0)
		return fs_fail_at(err, FS_CORRUPT, m->base + h->rva,
				  "%s: PE header begins with 0x%08x, expected PE", module_label(m),
				  load_u32(nt));
	h->machine = load_u16(nt + 4);
	h->nsections = load_u16(nt + 6);
	h->timestamp = load_u32(nt + 8);
	h->optional_size = load_u16(nt + 20);
	h->noptional = h->optional_size < OPTIONAL_MAX ? h->optional_size : (size_t)OPTIONAL_MAX;
	return image_read(vm, m, h->rva + NT_HEADER, h->optional, h->noptional, "optional header",
			  err);
}

/* SizeOfImage stands at the same place in both forms; the directories do not. */
static enum fs_status parse_optional(const struct module *m, const struct nt_headers *h,
				     struct pe *ret, struct fs_error *err)
{
	uint64_t at = m->base + h->rva + NT_HEADER;
	size_t ndirs_at, dir;
	uint16_t magic;

	if (h->noptional < 96)
		return fs_fail_at(err, FS_CORRUPT, at,
				  "%s: optional header of %u bytes, expected at least 96",
				  module_label(m), h->optional_size);
	magic = load_u16(h->optional);
	if (magic != MAGIC_PE32 && magic != MAGIC_PE32_PLUS)
		return fs_fail_at(err, FS_CORRUPT, at,
				  "%s: optional header magic 0x%x, expected 0x10b or 0x20b",
				  module_label(m), magic);
	ret->size_of_image = load_u32(h->optional + 56);
	ndirs_at = magic == MAGIC_PE32_PLUS ? 108 : 92;
	dir = ndirs_at + 4 + DIRECTORY_DEBUG * 8;
	if (h->noptional >= dir + 8 && load_u32(h->optional + ndirs_at) > DIRECTORY_DEBUG) {
		ret->debug_rva = load_u32(h->optional + dir);
		ret->debug_size = load_u32(h->optional + dir + 4);
	}
	dir = ndirs_at + 4; /* exports come first */
	if (h->noptional >= dir + 8 && load_u32(h->optional + ndirs_at) > 0) {
		ret->export_rva = load_u32(h->optional + dir);
		ret->export_size = load_u32(h->optional + dir + 4);
	}
	dir = ndirs_at + 4 + DIRECTORY_RESOURCE * 8;
	if (h->noptional >= dir + 8 && load_u32(h->optional + ndirs_at) > DIRECTORY_RESOURCE)
		ret->resource_rva = load_u32(h->optional + dir);
	dir = ndirs_at + 4 + DIRECTORY_EXCEPTION * 8;
	if (h->noptional >= dir + 8 && load_u32(h->optional + ndirs_at) > DIRECTORY_EXCEPTION) {
		ret->exception_rva = load_u32(h->optional + dir);
		ret->exception_size = load_u32(h->optional + dir + 4);
	}
	return FS_OK;
}

static void parse_section(const uint8_t *b, uint32_t image, struct pe_section *s)
{
	uint32_t size = load_u32(b + 8); /* VirtualSize; SizeOfRawData where a linker left it 0 */

	memcpy(s->name, b, 8);
	s->name[8] = '\0';
	s->rva = load_u32(b + 12);
	if (size == 0)
		size = load_u32(b + 16);
	if (s->rva >= image)
		s->size = 0;
	else
		s->size = size < image - s->rva ? size : image - s->rva;
	s->characteristics = load_u32(b + 36);
}

enum fs_status pe_read(struct vm *vm, const struct module *m, struct pe *ret, struct fs_error *err)
{
	struct nt_headers h = {0};
	struct pe pe = {0};
	uint8_t b[SECTION_HEADER];
	uint32_t image;
	size_t i;
	enum fs_status st = read_nt_headers(vm, m, &h, err);

	if (!st)
		st = parse_optional(m, &h, &pe, err);
	if (st)
		return st;
	if (h.nsections > sizeof(pe.section) / sizeof(pe.section[0]))
		return fs_fail_at(err, FS_CORRUPT, m->base + h.rva + 6,
				  "%s: %u sections, the loader takes at most 96", module_label(m),
				  h.nsections);
	pe.machine = h.machine;
	pe.timestamp = h.timestamp;
	image = pe.size_of_image < m->size ? pe.size_of_image : m->size;
	for (i = 0; i < h.nsections; i++) {
		st = image_read(vm, m, h.rva + NT_HEADER + h.optional_size + i * SECTION_HEADER, b,
				sizeof(b), "section header", err);
		if (st)
			return st;
		parse_section(b, image, &pe.section[i]);
	}
	pe.nsections = h.nsections;
	*ret = pe;
	return FS_OK;
}
