/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts: makedumpfile's diskdump_mod.h and IMPLEMENTATION, QEMU include/sysemu/dump.h. */
#include "dump/kdump_header.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "dump/bitmap.h"
#include "dump/notes.h"

/* struct disk_dump_header: a time stamp of two longs stands in between. */
enum {
	H_VERSION = 8,
	H_MACHINE = 12 + 4 * 65, /* utsname.machine */
	H_MACHINE_SIZE = 65,
	H_BLOCK_32 = 416,
	H_BLOCK_64 = 428,
	/* from H_BLOCK_* */
	H_SUB_BLOCKS = 4,
	H_BITMAP_BLOCKS = 8,
	H_MAX_MAPNR = 12,
	H_SIZE = 464,
};

/* struct kdump_sub_header: longs are 4 or 8 bytes. Of a split file, its first page and the one
 * behind its last follow. */
enum {
	S_SPLIT_32 = 8,
	S_SPLIT_64 = 12,
	S_START_32 = 12,
	S_START_64 = 16,
	S_NOTES_32 = 32,
	S_NOTES_64 = 48,
	S_NOTES_SIZE_32 = 40,
	S_NOTES_SIZE_64 = 56,
	S_START64_32 = 56,
	S_START64_64 = 80,
	S_MAX_MAPNR_32 = 72,
	S_MAX_MAPNR_64 = 96,
	S_SIZE = 104,
};

/* Which version brought what. */
enum { VERSION_SPLIT = 2, VERSION_NOTES = 4, VERSION_64_BITS = 6 };

static bool block_ok(uint32_t block)
{
	return block >= DUMP_PAGE_SIZE && block <= KDUMP_BLOCK_MAX && (block & (block - 1)) == 0;
}

/* 32-bit products: no overflow. */
static bool take_geometry(struct kdump_header *h, const uint8_t *p, bool is64)
{
	const uint8_t *at = p + (is64 ? H_BLOCK_64 : H_BLOCK_32);

	h->is64 = is64;
	h->block = load_u32(at);
	h->sub_blocks = load_u32(at + H_SUB_BLOCKS);
	h->bitmap_blocks = load_u32(at + H_BITMAP_BLOCKS);
	h->bits = load_u32(at + H_MAX_MAPNR);
	if (!block_ok(h->block) || h->sub_blocks == 0 || h->bitmap_blocks < 2)
		return false;
	h->bitmap = (1 + (uint64_t)h->sub_blocks) * h->block;
	h->descriptors = h->bitmap + (uint64_t)h->bitmap_blocks * h->block;
	return true;
}

static bool machine_of(struct dump *d, const char *name, bool is64)
{
	/* QEMU names its own machine, and writes 32-bit headers for a 32-bit guest on it. */
	if (strcmp(name, "x86_64") == 0)
		return notes_machine(d, is64 ? 62 : 3);
	if (strcmp(name, "aarch64") == 0)
		return notes_machine(d, 183);
	if (name[0] == 'i' && strcmp(name + 2, "86") == 0)
		return notes_machine(d, 3);
	return false;
}

static enum fs_status take_machine(struct kdump_header *h, const uint8_t *p, struct dump *d,
				   struct fs_error *err)
{
	char name[H_MACHINE_SIZE + 1], quoted[4 * H_MACHINE_SIZE + 1];

	memcpy(name, p + H_MACHINE, H_MACHINE_SIZE);
	name[H_MACHINE_SIZE] = '\0';
	if (strlen(name) > 2 && machine_of(d, name, h->is64))
		return FS_OK;
	dump_quote(p + H_MACHINE, strlen(name), quoted, sizeof(quoted));
	return fs_fail_at(err, FS_UNSUPPORTED, H_MACHINE,
			  "kdump file of machine \"%s\" at 0x%x: expected x86_64, i686 or aarch64",
			  quoted, H_MACHINE);
}

static enum fs_status check_bitmaps(struct kdump_header *h, const struct flat *f,
				    struct fs_error *err)
{
	uint64_t bytes = (uint64_t)h->bitmap_blocks * h->block, half = bytes / 2;
	uint64_t most = half < BITMAP_BITS_MAX / 8 ? half * 8 : BITMAP_BITS_MAX;

	if (!range_ok(h->bitmap, bytes, f->size))
		return fs_fail(err, FS_CORRUPT,
			       "kdump header: %u blocks of bitmaps at 0x%" PRIx64
			       " end past the file's 0x%" PRIx64 " bytes",
			       h->bitmap_blocks, h->bitmap, f->size);
	if (h->bits == 0 || h->bits > most)
		return fs_fail(err, FS_CORRUPT,
			       "kdump header: max_mapnr is 0x%" PRIx64 ", expected 1 to 0x%" PRIx64
			       " (the bitmap's bits)",
			       h->bits, most);
	h->bitmap += half;
	return FS_OK;
}

/* makedumpfile sets 1, and the pages that are in this one of the files; anything else is damage,
 * also of the block size, which says where this header is. */
static enum fs_status check_split(const struct kdump_header *h, const uint8_t *s,
				  struct fs_error *err)
{
	uint32_t split = load_u32(s + (h->is64 ? S_SPLIT_64 : S_SPLIT_32));
	const uint8_t *wide = s + (h->is64 ? S_START64_64 : S_START64_32);
	uint64_t start, end;

	if (split == 0)
		return FS_OK;
	start = h->is64 ? load_u64(s + S_START_64) : load_u32(s + S_START_32);
	end = h->is64 ? load_u64(s + S_START_64 + 8) : load_u32(s + S_START_32 + 4);
	if (h->version >= VERSION_64_BITS && load_u64(wide + 8) != 0) {
		start = load_u64(wide);
		end = load_u64(wide + 8);
	}
	if (split == 1 && start < end)
		return fs_fail(err, FS_UNSUPPORTED,
			       "one file of a split kdump (pages 0x%" PRIx64 " to 0x%" PRIx64
			       "): makedumpfile --reassemble joins them",
			       start, end);
	return fs_fail_at(err, FS_CORRUPT, h->block,
			  "kdump sub header: the mark of a split file is 0x%x, its pages are 0x%" PRIx64
			  " to 0x%" PRIx64 ": it is damaged, or the block size %u, at which it stands, is "
			  "wrong",
			  split, start, end, h->block);
}

static enum fs_status take_sub_header(struct kdump_header *h, const struct flat *f, struct dump *d,
				      struct fs_error *err)
{
	uint8_t s[S_SIZE];
	enum fs_status st = flat_read(f, d, h->block, s, sizeof(s), "kdump sub header", err);

	if (st != FS_OK)
		return st;
	st = h->version >= VERSION_SPLIT ? check_split(h, s, err) : FS_OK;
	if (st != FS_OK)
		return st;
	if (h->version >= VERSION_NOTES) {
		h->notes = load_u64(s + (h->is64 ? S_NOTES_64 : S_NOTES_32));
		h->notes_size =
			h->is64 ? load_u64(s + S_NOTES_SIZE_64) : load_u32(s + S_NOTES_SIZE_32);
	}
	if (h->version >= VERSION_64_BITS)
		h->bits = load_u64(s + (h->is64 ? S_MAX_MAPNR_64 : S_MAX_MAPNR_32));
	return FS_OK;
}

enum fs_status kdump_corrupt(struct fs_error *err)
{
	if (err)
		err->status = FS_CORRUPT;
	return fs_prepend(err, FS_CORRUPT, "kdump file");
}

enum fs_status kdump_header_read(struct kdump_header *h, const struct flat *f, struct dump *d,
				 struct fs_error *err)
{
	uint8_t p[H_SIZE];
	enum fs_status st = flat_read(f, d, 0, p, sizeof(p), "kdump header", err);

	if (st == FS_NOT_IN_DUMP)
		return kdump_corrupt(err);
	if (st != FS_OK)
		return st;
	if (memcmp(p, KDUMP_OLD_SIGNATURE, 8) == 0)
		return fs_fail_at(err, FS_UNSUPPORTED, 0,
				  "a diskdump file (DISKDUMP at offset 0): only kdump is read");
	if (memcmp(p, KDUMP_SIGNATURE, 8) != 0)
		return fs_fail_at(err, FS_UNSUPPORTED, 0,
				  "flattened form of something else than a kdump file");
	h->version = load_u32(p + H_VERSION);
	if (h->version == 0 || h->version > 0xffff)
		return fs_fail_at(err, FS_CORRUPT, H_VERSION,
				  "kdump header: header_version at 8 is 0x%x", h->version);
	if (!take_geometry(h, p, true) && !take_geometry(h, p, false))
		return fs_fail_at(
			err, FS_CORRUPT, H_BLOCK_64,
			"kdump header: block size %u, %u sub header blocks, %u bitmap "
			"blocks: expected a power of two from %u to %u, 1 or more, 2 or more",
			load_u32(p + H_BLOCK_64), load_u32(p + H_BLOCK_64 + H_SUB_BLOCKS),
			load_u32(p + H_BLOCK_64 + H_BITMAP_BLOCKS), DUMP_PAGE_SIZE,
			KDUMP_BLOCK_MAX);
	st = take_machine(h, p, d, err);
	if (st == FS_OK)
		st = take_sub_header(h, f, d, err);
	if (st == FS_OK)
		st = check_bitmaps(h, f, err);
	return st == FS_NOT_IN_DUMP ? kdump_corrupt(err) : st;
}
