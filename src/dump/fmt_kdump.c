/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kdump-compressed, as QEMU's dump-guest-memory (-z, -l, -s), virsh dump --memory-only
 * --format kdump-*, and makedumpfile write it: a bitmap of the pages that are there, a
 * descriptor for each set bit, and the pages, each compressed alone. Plain or flattened.
 *
 * Only the unpacking is left to libraries (unpack_page.c). Of 2000 damaged headers that were
 * tried on libkdumpfile 0.5.1, 79 crashed inside it (SIGSEGV, double free) and 3 hung;
 * and it reads no flattened form, so that a dump would have to be copied whole first.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "dump/bitmap.h"
#include "dump/kdump_header.h"
#include "dump/notes.h"
#include "dump/unpack_page.h"

#define DESCRIPTOR_SIZE 24u /* off_t offset, u32 size, u32 flags, u64 page_flags */
/* The last pages show where the file should end; earlier ones may share a page of zeros. */
#define TAIL_PAGES 32u
#define AHEAD	   128u /* descriptors */

struct kdump {
	struct flat file;
	struct kdump_header h;
	struct bitmap dumped;
	uint8_t *packed, *plain; /* a block each */
	uint64_t plain_block;	 /* what `plain` holds */
	uint64_t plain_at;	 /* and its descriptor, which many blocks of zeros share */
	uint32_t plain_size, plain_flags;
	bool plain_valid;
	bool unplaced; /* which descriptor is whose page is not known */
	uint64_t doubt, doubt_end; /* nor is it of the blocks from, up to: the bitmaps differ */
	struct unpacker unpacker;
	uint64_t last_descriptor, ahead_first, ahead_n;
	uint8_t ahead[AHEAD * DESCRIPTOR_SIZE];
	struct pagecache cache; /* by PA */
};

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	(void)err;
	if (first->size >= 8 && (memcmp(first->data, KDUMP_SIGNATURE, 8) == 0 ||
				 memcmp(first->data, KDUMP_OLD_SIGNATURE, 8) == 0))
		return DUMP_PROBE_MINE;
	return flat_signature(first->data, first->size) ? DUMP_PROBE_MINE : DUMP_PROBE_NOT_MINE;
}

static enum fs_status read_notes(struct dump *d, struct kdump *k, struct fs_error *err)
{
	uint64_t size = k->h.notes_size;
	struct notes notes = {0};
	uint8_t *data;
	enum fs_status st;

	if (size == 0 || k->h.notes == 0)
		return FS_OK;
	if (size > NOTES_SIZE_MAX || !range_ok(k->h.notes, size, k->file.size)) {
		dump_note_add(d,
			      "notes: 0x%" PRIx64 " bytes at 0x%" PRIx64
			      " are more than the file has or than is read: none is read",
			      size, k->h.notes);
		return FS_OK;
	}
	data = malloc((size_t)size);
	if (!data)
		return fs_fail(err, FS_NO_MEMORY, "no memory for 0x%" PRIx64 " bytes of notes",
			       size);
	st = flat_read(&k->file, d, k->h.notes, data, (size_t)size, "kdump notes", err);
	if (st == FS_OK)
		st = notes_parse(&notes, d, data, (size_t)size, err);
	if (st == FS_OK)
		st = notes_finish(&notes, d, err);
	notes_deinit(&notes);
	free(data);
	if (st != FS_NOT_IN_DUMP)
		return st;
	dump_note_add(d, "notes: %.200s", err ? err->text : "not in the file");
	return FS_OK;
}

struct descriptor {
	uint64_t offset;
	uint32_t size, flags;
};

/* Who asks for one after the other, as a search of all memory does, will ask for the next. */
static bool from_ahead(struct dump *d, struct kdump *k, uint64_t n, uint8_t *p)
{
	bool there = k->ahead_n && n >= k->ahead_first && n - k->ahead_first < k->ahead_n;

	if (!there && n > 0 && n == k->last_descriptor + 1) {
		there = flat_read(&k->file, d, k->h.descriptors + n * DESCRIPTOR_SIZE, k->ahead,
				  sizeof(k->ahead), "page descriptors", NULL) == FS_OK;
		k->ahead_n = there ? AHEAD : 0;
		k->ahead_first = n;
	}
	k->last_descriptor = n;
	if (!there)
		return false;
	memcpy(p, k->ahead + (n - k->ahead_first) * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE);
	return true;
}

static enum fs_status read_descriptor(struct dump *d, struct kdump *k, uint64_t n,
				      struct descriptor *ret, struct fs_error *err)
{
	uint8_t p[DESCRIPTOR_SIZE];
	enum fs_status st = FS_OK;

	if (!from_ahead(d, k, n, p))
		st = flat_read(&k->file, d, k->h.descriptors + n * DESCRIPTOR_SIZE, p, sizeof(p),
			       "page descriptor", err);
	if (st == FS_OK)
		*ret = (struct descriptor){load_u64(p), load_u32(p + 8), load_u32(p + 12)};
	return st;
}

/* A page of zeros that all pages of zeros share stands first, never packed. */
static bool shared_zeros(struct dump *d, const struct kdump *k, uint64_t at)
{
	if (flat_read(&k->file, d, at, k->plain, k->h.block, "page of zeros", NULL) != FS_OK)
		return false;
	return k->plain[0] == 0 && memcmp(k->plain, k->plain + 1, k->h.block - 1) == 0;
}

/*
 * A descriptor is a page's by the bits set before the page's own, so that one wrong bit gives
 * all pages after it other pages' data. The descriptors stand where data begins less 24 bytes
 * for each set bit: QEMU (write_dump_pages) and makedumpfile (write_kdump_pages) put the first
 * page's data right behind them, or behind one page of zeros. No count of wrong bits moves that
 * by a whole block, as no power of two is a multiple of 24.
 */
static enum fs_status judge_count(struct dump *d, struct kdump *k, struct fs_error *err)
{
	uint64_t end = k->h.descriptors + d->info.pages * DESCRIPTOR_SIZE;
	struct descriptor first;

	if (d->info.pages == 0)
		return FS_OK;
	if (read_descriptor(d, k, 0, &first, NULL) != FS_OK) {
		k->unplaced = true;
		return FS_OK;
	}
	if (first.offset == end ||
	    (first.offset > end && first.offset - end == k->h.block && shared_zeros(d, k, end)))
		return FS_OK;
	if (first.offset > end && first.offset - end == k->h.block &&
	    !range_ok(end, k->h.block, k->file.size)) { /* cut before it */
		k->unplaced = true;
		return FS_OK;
	}
	return fs_fail_at(err, FS_CORRUPT, k->h.descriptors,
			  "kdump file: the bitmap at 0x%" PRIx64 " has 0x%" PRIx64
			  " pages, whose descriptors at 0x%" PRIx64 " end at 0x%" PRIx64
			  ", but the first page's data is at 0x%" PRIx64
			  ": which data is whose page is not known",
			  k->h.bitmap, d->info.pages, k->h.descriptors, end, first.offset);
}

/* Where should the file end? */
static void judge_end(struct dump *d, struct kdump *k)
{
	uint64_t end = k->h.descriptors + d->info.pages * DESCRIPTOR_SIZE, i, e;
	struct descriptor last;

	for (i = 0; i < TAIL_PAGES && i < d->info.pages; i++) {
		if (read_descriptor(d, k, d->info.pages - 1 - i, &last, NULL) == FS_OK &&
		    last.size <= k->h.block && add_u64(last.offset, last.size, &e) && e > end)
			end = e;
	}
	if (end > k->file.size)
		dump_promise(d, end - k->file.size <= UINT64_MAX - d->file.size
					? d->file.size + (end - k->file.size)
					: UINT64_MAX);
}

static enum fs_status load_map(struct dump *d, struct kdump *k, struct fs_error *err)
{
	size_t bytes = 0;
	enum fs_status st = bitmap_alloc(&k->dumped, k->h.bits, &bytes, err);

	if (st == FS_OK)
		st = flat_read(&k->file, d, k->h.bitmap, k->dumped.map, bytes, "kdump bitmap", err);
	if (st == FS_NOT_IN_DUMP)
		return kdump_corrupt(err);
	if (st == FS_OK)
		bitmap_count(&k->dumped, &d->info.pages);
	return st;
}

/* Where the two bitmaps of pages differ. */
struct bitmap_pair {
	uint64_t existing;  /* pages in the first one */
	uint64_t strangers; /* pages in the second one alone */
	uint64_t low, high; /* the first and the last page that differ; low > high: none */
};

static void compare(struct bitmap_pair *p, uint64_t at, uint8_t exists, uint8_t dumped)
{
	uint8_t differs = exists ^ dumped;

	p->existing += (unsigned)__builtin_popcount(exists);
	p->strangers += (unsigned)__builtin_popcount(dumped & ~exists);
	if (!differs)
		return;
	if (p->low > p->high)
		p->low = at + (unsigned)__builtin_ctz(differs);
	p->high = at + 31 - (unsigned)__builtin_clz(differs);
}

static enum fs_status compare_maps(struct dump *d, const struct kdump *k, struct bitmap_pair *p,
				   struct fs_error *err)
{
	uint64_t first = k->h.bitmap - (uint64_t)k->h.bitmap_blocks * k->h.block / 2, at = 0;
	uint64_t bytes = (k->h.bits + 7) / 8, i;
	uint8_t exists[4096];
	enum fs_status st = FS_OK;

	for (; st == FS_OK && at < bytes; at += sizeof(exists)) {
		size_t n = bytes - at < sizeof(exists) ? (size_t)(bytes - at) : sizeof(exists);

		st = flat_read(&k->file, d, first + at, exists, n, "first kdump bitmap", err);
		if (st == FS_OK && at + n == bytes && k->h.bits % 8 != 0)
			exists[n - 1] &= (uint8_t)((1u << k->h.bits % 8) - 1);
		for (i = 0; st == FS_OK && i < n; i++)
			compare(p, (at + i) * 8, exists[i], k->dumped.map[at + i]);
	}
	return st;
}

/*
 * A bit that moved leaves the count as it was, and gives the pages between its old and its new
 * place other pages' data. The first bitmap tells it where it has not the new place: it has
 * every page that exists, the second one those that were dumped (makedumpfile's
 * IMPLEMENTATION). QEMU dumps all and writes the same twice (write_dump_bitmap): then what lies
 * outside of the difference is sure. That both moved alike, or a bit moved to another page that exists,
 * nothing in the file shows.
 */
static enum fs_status judge_maps(struct dump *d, struct kdump *k, struct fs_error *err)
{
	struct bitmap_pair p = {.low = 1};
	enum fs_status st = compare_maps(d, k, &p, err);

	if (st == FS_NOT_IN_DUMP) {
		dump_note_add(d, "the bitmap of pages that exist is not in the file: that of "
				 "dumped pages is not held against it");
		return FS_OK;
	}
	if (st != FS_OK || p.strangers == 0 || p.existing == 0)
		return st;
	if (p.existing < d->info.pages) {
		dump_note_add(d,
			      "the bitmap of pages that exist has 0x%" PRIx64
			      " pages, that of dumped pages 0x%" PRIx64
			      ": it is damaged, and they are not held against each other",
			      p.existing, d->info.pages);
		return FS_OK;
	}
	if (p.existing > d->info.pages)
		return fs_fail_at(err, FS_CORRUPT, k->h.bitmap,
				  "kdump file: 0x%" PRIx64
				  " pages of the bitmap at 0x%" PRIx64
				  " are not in that of pages that exist: which data is whose page "
				  "is not known",
				  p.strangers, k->h.bitmap);
	k->doubt = p.low;
	k->doubt_end = p.high + 1;
	dump_note_add(d,
		      "the bitmaps of existing and of dumped pages differ from PA 0x%" PRIx64
		      " to 0x%" PRIx64 ": which data is whose page is not known there",
		      p.low * k->h.block, (p.high + 1) * k->h.block);
	return FS_OK;
}

static enum fs_status open_kdump(struct dump *d, const struct dump_first *first,
				 struct fs_error *err)
{
	struct kdump *k = calloc(1, sizeof(*k));
	enum fs_status st;

	d->info.format = "kdump";
	if (!k)
		return fs_fail(err, FS_NO_MEMORY, "no memory for a kdump file");
	d->priv = k;
	st = flat_open(&k->file, d, flat_signature(first->data, first->size), err);
	if (st == FS_OK)
		st = kdump_header_read(&k->h, &k->file, d, err);
	if (st == FS_OK)
		st = load_map(d, k, err);
	if (st != FS_OK)
		return st;
	k->packed = malloc(k->h.block);
	k->plain = malloc(k->h.block);
	if (!k->packed || !k->plain)
		return fs_fail(err, FS_NO_MEMORY, "no memory for a page");
	st = judge_count(d, k, err);
	if (st == FS_OK)
		st = judge_maps(d, k, err);
	if (st == FS_OK)
		st = read_notes(d, k, err);
	judge_end(d, k);
	d->info.pages *= k->h.block / DUMP_PAGE_SIZE;
	return st;
}

static enum fs_status unpack_block(struct dump *d, struct kdump *k, uint64_t block,
				   struct fs_error *err)
{
	struct descriptor e;
	uint64_t data;
	enum fs_status st = read_descriptor(d, k, bitmap_rank(&k->dumped, block), &e, err);

	if (st != FS_OK)
		return st;
	if (k->unplaced)
		return fs_fail(err, FS_NOT_IN_DUMP,
			       "whether the bitmap's count is right is not known: the first page "
			       "descriptor at 0x%" PRIx64 ", or what it leads to, is not in the file",
			       k->h.descriptors);
	data = k->h.descriptors + d->info.pages / (k->h.block / DUMP_PAGE_SIZE) * DESCRIPTOR_SIZE;
	if (e.size == 0 || e.size > k->h.block || e.offset < data)
		return fs_fail(err, FS_CORRUPT,
			       "page descriptor: 0x%x bytes at 0x%" PRIx64
			       ", expected 1 to 0x%x from 0x%" PRIx64 " on, behind the descriptors",
			       e.size, e.offset, k->h.block, data);
	if (k->plain_valid && k->plain_at == e.offset && k->plain_size == e.size &&
	    k->plain_flags == e.flags) {
		k->plain_block = block;
		return FS_OK;
	}
	st = flat_read(&k->file, d, e.offset, k->packed, e.size, "page", err);
	k->plain_valid = false;
	if (st == FS_OK)
		st = unpack_page(&k->unpacker, e.flags, k->packed, e.size, k->plain, k->h.block,
				 err);
	if (st != FS_OK)
		return st;
	k->plain_block = block;
	k->plain_at = e.offset;
	k->plain_size = e.size;
	k->plain_flags = e.flags;
	k->plain_valid = true;
	return FS_OK;
}

static enum fs_status load(void *ctx, uint64_t pa, uint8_t *page, uint32_t *ret_len,
			   struct fs_error *err)
{
	struct dump *d = ctx;
	struct kdump *k = d->priv;
	uint64_t block = pa / k->h.block;
	enum fs_status st = FS_OK;

	if (!k->plain_valid || k->plain_block != block)
		st = unpack_block(d, k, block, err);
	if (st != FS_OK)
		return st;
	memcpy(page, k->plain + pa % k->h.block, DUMP_PAGE_SIZE);
	d->file.stats.pages++;
	*ret_len = DUMP_PAGE_SIZE;
	return FS_OK;
}

static enum fs_status read_phys(struct dump *d, uint64_t pa, void *buf, size_t n,
				struct fs_error *err)
{
	struct kdump *k = d->priv;
	uint64_t in = pa % DUMP_PAGE_SIZE, block = pa / k->h.block;
	const uint8_t *page = NULL;
	size_t len = 0;
	enum fs_status st;

	if (block >= k->dumped.bits)
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa,
				  "PA 0x%" PRIx64 " is past the dump's bitmap of 0x%" PRIx64
				  " pages",
				  pa, k->dumped.bits);
	if (block >= k->doubt && block < k->doubt_end)
		return fs_fail_at(err, FS_CORRUPT, pa,
				  "PA 0x%" PRIx64 ": the file's two bitmaps differ around its page: "
				  "which data is its own is not known",
				  pa);
	if (!bitmap_has(&k->dumped, block))
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa,
				  "PA 0x%" PRIx64 ": its page is not in the dump's bitmap", pa);
	st = pagecache_get(&k->cache, pa - in, load, d, &page, &len, err);
	if (st != FS_OK) {
		if (err) {
			err->has_address = true;
			err->address = pa;
		}
		return fs_prepend(err, st, "PA 0x%" PRIx64, pa);
	}
	memcpy(buf, page + in, n);
	return FS_OK;
}

static uint64_t next_page(const struct dump *d, uint64_t pfn)
{
	const struct kdump *k = d->priv;
	uint64_t per = k->h.block / DUMP_PAGE_SIZE, block = pfn / per, next;

	next = block < k->dumped.bits ? bitmap_next(&k->dumped, block) : UINT64_MAX;
	if (next == block || next == UINT64_MAX)
		return next == block ? pfn : next;
	return next * per;
}

static void close_kdump(struct dump *d)
{
	struct kdump *k = d->priv;

	if (k) {
		flat_deinit(&k->file);
		bitmap_deinit(&k->dumped);
		pagecache_deinit(&k->cache);
		unpacker_deinit(&k->unpacker);
		free(k->packed);
		free(k->plain);
	}
	free(k);
	d->priv = NULL;
}

const struct dump_format dump_format_kdump = {
	.name = "kdump",
	.probe = probe,
	.open = open_kdump,
	.read_phys = read_phys,
	.next_page = next_page,
	.close = close_kdump,
};
