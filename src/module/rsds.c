/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The debug directory and its CodeView record. Offsets: Microsoft's "PE Format"
 * specification, "Debug Directory"; the RSDS record {"RSDS", GUID, age,
 * path} as every public PDB reader has it.
 */
#include "module/image.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "base/str.h"

enum {
	DEBUG_ENTRY = 28,
	DEBUG_ENTRIES_MAX = 64, /* real images have fewer than ten */
	TYPE_CODEVIEW = 2,
	RSDS_HEADER = 24,
	PATH_MAX_BYTES = 260, /* with its terminator */
};

/* Where the CodeView data is, as the entry says. */
struct codeview {
	uint32_t rva, size;
};

static enum fs_status find_codeview(struct vm *vm, const struct module *m, const struct pe *pe,
				    uint32_t image, struct codeview *ret, struct fs_error *err)
{
	uint32_t i, n = pe->debug_size / DEBUG_ENTRY;
	uint8_t b[DEBUG_ENTRY];
	enum fs_status st;

	if (!range_ok(pe->debug_rva, pe->debug_size, image))
		return fs_fail_at(err, FS_CORRUPT, m->base,
				  "%s: debug directory at offset 0x%x with 0x%x bytes is outside "
				  "the image of 0x%x bytes",
				  module_label(m), pe->debug_rva, pe->debug_size, image);
	for (i = 0; i < n && i < DEBUG_ENTRIES_MAX; i++) {
		st = image_read(vm, m, pe->debug_rva + (uint64_t)i * DEBUG_ENTRY, b, sizeof(b),
				"debug directory", err);
		if (st)
			return st;
		/* AddressOfRawData 0: in the file only. */
		if (load_u32(b + 12) == TYPE_CODEVIEW && load_u32(b + 20) != 0) {
			ret->size = load_u32(b + 16);
			ret->rva = load_u32(b + 20);
			return FS_OK;
		}
	}
	if (i < n)
		return fs_fail_at(err, FS_LIMIT, m->base + pe->debug_rva,
				  "%s: no CodeView record in the first %u of %u debug directory "
				  "entries",
				  module_label(m), (unsigned)DEBUG_ENTRIES_MAX, n);
	return fs_fail_at(err, FS_NOT_FOUND, m->base + pe->debug_rva,
			  "%s: no CodeView record in its debug directory", module_label(m));
}

/* The path is somebody else's text: valid UTF-8 at most 259 bytes afterwards. */
static void copy_path(const char *src, size_t n, char *dst, size_t size)
{
	char whole[3 * PATH_MAX_BYTES + 1];
	size_t len = utf8_repair(src, n, whole, sizeof(whole));

	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)whole[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(dst, whole, len);
	dst[len] = '\0';
}

static void format_guid(const uint8_t *g, char dst[33])
{
	(void)snprintf(dst, 33, "%08X%04X%04X%02X%02X%02X%02X%02X%02X%02X%02X", load_u32(g),
		       load_u16(g + 4), load_u16(g + 6), g[8], g[9], g[10], g[11], g[12], g[13],
		       g[14], g[15]);
}

static enum fs_status parse_rsds(const struct module *m, uint64_t va, const uint8_t *b, size_t n,
				 struct rsds *ret, struct fs_error *err)
{
	const char *path = (const char *)b + RSDS_HEADER;
	size_t room = n - RSDS_HEADER, len = strnlen(path, room);

	if (memcmp(b, "RSDS", 4) != 0)
		return fs_fail_at(err, FS_CORRUPT, va,
				  "%s: CodeView record begins with 0x%08x, expected RSDS",
				  module_label(m), load_u32(b));
	if (len == room)
		return fs_fail_at(err, FS_CORRUPT, va + RSDS_HEADER,
				  "%s: PDB path has no terminator within %zu bytes",
				  module_label(m), room);
	format_guid(b + 4, ret->guid);
	ret->age = load_u32(b + 20);
	copy_path(path, len, ret->pdb, sizeof(ret->pdb));
	return FS_OK;
}

enum fs_status rsds_parse(const uint8_t *b, size_t n, struct rsds *ret, struct fs_error *err)
{
	static const struct module nameless;

	if (n <= RSDS_HEADER)
		return fs_fail(err, FS_CORRUPT, "CodeView record of %zu bytes", n);
	if (n > RSDS_HEADER + PATH_MAX_BYTES)
		n = RSDS_HEADER + PATH_MAX_BYTES;
	return parse_rsds(&nameless, 0, b, n, ret, err);
}

enum fs_status rsds_read(struct vm *vm, const struct module *m, const struct pe *pe,
			 struct rsds *ret, struct fs_error *err)
{
	uint32_t image = pe->size_of_image < m->size ? pe->size_of_image : m->size;
	uint8_t b[RSDS_HEADER + PATH_MAX_BYTES];
	struct codeview cv = {0};
	enum fs_status st;
	size_t n;

	if (pe->debug_rva == 0 || pe->debug_size < DEBUG_ENTRY)
		return fs_fail_at(err, FS_NOT_FOUND, m->base, "%s: no debug directory",
				  module_label(m));
	st = find_codeview(vm, m, pe, image, &cv, err);
	if (st)
		return st;
	if (cv.size <= RSDS_HEADER || !range_ok(cv.rva, cv.size, image))
		return fs_fail_at(err, FS_CORRUPT, m->base,
				  "%s: CodeView record at offset 0x%x with 0x%x bytes, expected "
				  "more than %d within the image of 0x%x bytes",
				  module_label(m), cv.rva, cv.size, RSDS_HEADER, image);
	n = cv.size < sizeof(b) ? cv.size : sizeof(b);
	st = image_read(vm, m, cv.rva, b, n, "CodeView record", err);
	if (st)
		return st;
	return parse_rsds(m, m->base + cv.rva, b, n, ret, err);
}
