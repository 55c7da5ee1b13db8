/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DumpType 4, the minidump: TRIAGE_DUMP64 at 0x2000 or TRIAGE_DUMP32 at 0x1000 points at copies of
 * what the crash touched, each with its virtual address. There are no page tables.
 * 64 bits: layout as volatility3, kdmp-parser and the published real dumps agree on it.
 * 32 bits: triage.h names the sources; no real file of that kind was at hand.
 */
#include "dump/triage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "dump/dmp.h"

/* TRIAGE_DATA_BLOCK: VirtualAddress u64, Offset u32, Size u32; the WDK 10 has one for both widths.
 * Ghidra reads 12 bytes of 32-bit dumps: such a table would have no address of 32 bits here, and
 * nothing of it would be believed. */
#define BLOCK_SIZE 16u

static const struct triage_shape shape64 = {
	.base = 0x2000,
	.end = 0x2080,
	.width = 8,
	.page_address = 0x60,
	.page_offset = 0x68,
	.page_size = 0x6c,
	.kdbg_offset = 0x70,
	.kdbg_size = 0x74,
	.blocks_offset = 0x78,
	.blocks_count = 0x7c,
	.context = DMP_CONTEXT,
	.driver = {0x38, 0x40, 0x48, 0x80, 0x88, 0x90},
	.unloaded = {0x10, 0x28, 0x30, 0x38},
};
static const struct triage_shape shape32 = {
	.base = 0x1000,
	.end = 0x1068,
	.width = 4,
	.page_address = 0x4c,
	.page_offset = 0x50,
	.page_size = 0x54,
	.kdbg_offset = 0x58,
	.kdbg_size = 0x5c,
	.blocks_offset = 0x60,
	.blocks_count = 0x64,
	.context = DMP32_CONTEXT,
	.driver = {0x1c, 0x20, 0x24, 0x44, 0x48, 0x4c},
	.unloaded = {0x8, 0x20, 0x24, 0x28},
};

/* KDDEBUGGER_DATA64 (wdbgexts.h). */
enum {
	KDBG_TAG = 0x10, /* "KDBG" */
	KDBG_THREAD_APC_PROCESS = 0x2a0,
	KDBG_SIZE_EPROCESS = 0x2a8,
	KDBG_PRCB_CURRENT_THREAD = 0x2b4,
	KDBG_PRCB_NUMBER = 0x2be,
	KDBG_SIZE_ETHREAD = 0x2c0,
	KDBG_NEEDED = 0x2c2,
};

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	(void)err;
	return dmp_is_type(first, DMP_TYPE_TRIAGE) || dmp32_is_type(first, DMP_TYPE_TRIAGE)
		       ? DUMP_PROBE_MINE
		       : DUMP_PROBE_NOT_MINE;
}

uint64_t dmp_triage_pointer(const struct triage_shape *s, const uint8_t *p)
{
	return s->width == 8 ? load_u64(p) : load_u32(p);
}

uint32_t dmp_triage_u32(const struct dmp_triage *t, size_t field)
{
	return dmp_u32(t->header, field).v;
}

/* One captured range, clipped to the file. Ranges that cannot be are left out. */
static void add_range(struct dump *d, struct dmp_triage *t, uint64_t va, uint32_t off,
		      uint32_t size)
{
	uint64_t left = off < d->file.size ? d->file.size - off : 0, end;
	struct range *r;

	if (size == 0)
		return;
	if (!add_u64(va, size, &end) || (t->shape->width == 4 && end > 1ull << 32)) {
		t->wrapped++;
		return;
	}
	dump_promise(d, (uint64_t)off + size);
	if (left == 0)
		return;
	r = &t->in[t->nin++];
	*r = (struct range){va, size < left ? size : left, off};
}

/* A kernel address in the copy of an object that stands at file offset `copy`. */
static bool copied_pointer(struct dump *d, const struct dmp_triage *t, uint32_t copy,
			   uint16_t field, uint64_t *ret)
{
	uint8_t width = t->shape->width, p[8];
	uint64_t end = (uint64_t)copy + field + width;

	if (copy < t->shape->end || end > dmp_triage_next(d, t, copy) ||
	    dump_file_read(&d->file, end - width, p, width, "copied object", NULL) != FS_OK ||
	    !dmp_triage_is_kernel(t->shape, dmp_triage_pointer(t->shape, p)))
		return false;
	*ret = dmp_triage_pointer(t->shape, p);
	return true;
}

/* KPRCB.Number of the copy: 32 bits since Windows 7, one byte before, but never of a system
 * with more than 64 processors then. */
static void find_processor(struct dump *d, const struct dmp_triage *t, uint16_t field)
{
	uint32_t prcb = dmp_triage_u32(t, TRIAGE_PRCB_OFFSET);
	uint64_t end = (uint64_t)prcb + field + 4;
	uint8_t p[4];

	if (field == 0 || prcb < t->shape->end || end > dmp_triage_next(d, t, prcb) ||
	    dump_file_read(&d->file, end - 4, p, sizeof(p), "KPRCB.Number", NULL) != FS_OK)
		return;
	if (d->info.processors.present && load_u32(p) < d->info.processors.v)
		d->info.current_processor = (struct dump_u32){load_u32(p), true};
}

/* A size that runs into what stands behind the copy is not the copy's. */
static void add_copy(struct dump *d, struct dmp_triage *t, uint64_t va, uint32_t off, uint16_t size)
{
	if (off >= t->shape->end && (uint64_t)off + size <= dmp_triage_next(d, t, off))
		add_range(d, t, va, off, size);
}

/* The copies of the current thread and process: PRCB and KTHREAD say where they
 * were, KDBG says where in them that stands. Both copies agreed, byte for byte,
 * with the data blocks of the published real dumps. */
static void add_thread_and_process(struct dump *d, struct dmp_triage *t, const uint8_t *kdbg)
{
	uint32_t thread = dmp_triage_u32(t, TRIAGE_THREAD_OFFSET);
	uint64_t va;

	if (!copied_pointer(d, t, dmp_triage_u32(t, TRIAGE_PRCB_OFFSET),
			    load_u16(kdbg + KDBG_PRCB_CURRENT_THREAD), &va))
		return;
	d->info.current_thread = (struct dump_u64){va, true};
	find_processor(d, t, load_u16(kdbg + KDBG_PRCB_NUMBER));
	add_copy(d, t, va, thread, load_u16(kdbg + KDBG_SIZE_ETHREAD));
	if (!copied_pointer(d, t, thread, load_u16(kdbg + KDBG_THREAD_APC_PROCESS), &va))
		return;
	add_copy(d, t, va, dmp_triage_u32(t, TRIAGE_PROCESS_OFFSET),
		 load_u16(kdbg + KDBG_SIZE_EPROCESS));
}

static void add_kdbg(struct dump *d, struct dmp_triage *t)
{
	struct dump_u64 va = d->info.kd_debugger_data_block;
	uint32_t off = dmp_triage_u32(t, t->shape->kdbg_offset);
	uint32_t size = dmp_triage_u32(t, t->shape->kdbg_size);
	uint8_t kdbg[KDBG_NEEDED];

	if (off < t->shape->end || size < sizeof(kdbg) ||
	    dump_file_read(&d->file, off, kdbg, sizeof(kdbg), "KDBG", NULL) != FS_OK ||
	    memcmp(kdbg + KDBG_TAG, "KDBG", 4) != 0)
		return;
	if (va.present && dmp_triage_is_kernel(t->shape, va.v))
		add_range(d, t, va.v, off, size);
	add_thread_and_process(d, t, kdbg);
}

/* How many entries of the data block table are there to be read. */
static uint32_t bound_blocks(struct dump *d, const struct dmp_triage *t)
{
	uint64_t off = dmp_triage_u32(t, t->shape->blocks_offset);
	uint64_t count = dmp_triage_u32(t, t->shape->blocks_count);
	uint64_t fit = off < d->file.size ? (d->file.size - off) / BLOCK_SIZE : 0;

	if (count == 0)
		return 0;
	if (off < t->shape->end) {
		dump_note_add(d,
			      "DataBlocksOffset at 0x%x: expected 0x%x or more, found 0x%" PRIx64
			      ": no data block is read",
			      t->shape->base + t->shape->blocks_offset, t->shape->end, off);
		return 0;
	}
	dump_promise(d, off + count * BLOCK_SIZE);
	if (count > fit) {
		dump_note_add(d,
			      "DataBlocksCount at 0x%x: of %" PRIu64 " entries from 0x%" PRIx64
			      " the file holds %" PRIu64,
			      t->shape->base + t->shape->blocks_count, count, off, fit);
		count = fit;
	}
	if (count > RANGES_MAX) {
		dump_note_add(d, "only the first %u of %" PRIu64 " data blocks are read (limit)",
			      RANGES_MAX, count);
		count = RANGES_MAX;
	}
	return (uint32_t)count;
}

/* An address of the block table. Of 32 bits it may be zero or sign extended. */
static bool block_address(const struct triage_shape *s, const uint8_t *b, uint64_t *ret)
{
	uint64_t va = load_u64(b);

	*ret = s->width == 8 ? va : (uint32_t)va;
	return *ret == va || (uint64_t)(int64_t)(int32_t)va == va;
}

static enum fs_status add_blocks(struct dump *d, struct dmp_triage *t, uint32_t count,
				 struct fs_error *err)
{
	uint64_t off = dmp_triage_u32(t, t->shape->blocks_offset);
	uint8_t buf[BLOCK_SIZE * 256];

	while (count > 0) {
		uint32_t now = count < 256 ? count : 256, i;
		enum fs_status st = dump_file_read(&d->file, off, buf, (size_t)now * BLOCK_SIZE,
						   "data block table", err);

		if (st != FS_OK)
			return st;
		for (i = 0; i < now; i++) {
			const uint8_t *b = buf + (size_t)i * BLOCK_SIZE;
			uint64_t va;

			if (block_address(t->shape, b, &va))
				add_range(d, t, va, load_u32(b + 8), load_u32(b + 12));
			else
				t->wide++;
		}
		off += (uint64_t)now * BLOCK_SIZE;
		count -= now;
	}
	return FS_OK;
}

/* The data page's address says that there is one: the sources of the 32-bit header disagree about
 * what else could stand there. */
static void add_stack_and_page(struct dump *d, struct dmp_triage *t)
{
	const struct triage_shape *s = t->shape;
	uint64_t page = dmp_triage_pointer(s, t->header + s->page_address);

	if (dmp_triage_u32(t, TRIAGE_STACK_OFFSET) >= s->end)
		add_range(d, t, dmp_triage_pointer(s, t->header + TRIAGE_TOP_OF_STACK),
			  dmp_triage_u32(t, TRIAGE_STACK_OFFSET),
			  dmp_triage_u32(t, TRIAGE_STACK_SIZE));
	if (dmp_triage_u32(t, s->page_offset) >= s->end &&
	    (s->width == 8 || dmp_triage_is_kernel(s, page)))
		add_range(d, t, page, dmp_triage_u32(t, s->page_offset),
			  dmp_triage_u32(t, s->page_size));
}

/* The table's blocks come last: where they overlap the copies made elsewhere, they win. */
static enum fs_status collect(struct dump *d, struct dmp_triage *t, struct fs_error *err)
{
	uint32_t count = bound_blocks(d, t);
	enum fs_status st;

	t->in = malloc(((size_t)count + TRIAGE_OTHER_RANGES) * sizeof(*t->in));
	if (!t->in)
		return fs_fail(err, FS_NO_MEMORY, "no memory for %u data blocks", count);
	add_stack_and_page(d, t);
	add_kdbg(d, t);
	st = add_blocks(d, t, count, err);
	if (st == FS_OK)
		st = ranges_build(&t->ranges, t->in, t->nin, &d->file, err);
	free(t->in);
	t->in = NULL;
	if (st != FS_OK)
		return st;
	if (t->wrapped > 0)
		dump_note_add(d, "%zu captured ranges wrap around the address space: left out",
			      t->wrapped);
	if (t->wide > 0)
		dump_note_add(d, "%zu captured ranges have no address of 32 bits: left out",
			      t->wide);
	if (t->ranges.uncompared)
		dump_note_add(d, "captured ranges overlap so much that not all were compared");
	return FS_OK;
}

/* Windows writes TRGD last: where it is missing the writer may have been cut off. */
static void check_valid(struct dump *d, const struct dmp_triage *t)
{
	uint32_t off = dmp_triage_u32(t, TRIAGE_VALID_OFFSET);
	char quoted[4 * 4 + 1];
	uint8_t tag[4];

	if (dump_file_read(&d->file, off, tag, sizeof(tag), "TRGD", NULL) != FS_OK) {
		dump_note_add(d, "TRGD at ValidOffset 0x%x: past the end of the file", off);
	} else if (memcmp(tag, "TRGD", 4) != 0) {
		dump_quote(tag, 4, quoted, sizeof(quoted));
		dump_note_add(d, "ValidOffset 0x%x: expected TRGD, found \"%s\"", off, quoted);
	}
}

static void find_context(struct dump *d, const struct dmp_triage *t)
{
	uint32_t off = dmp_triage_u32(t, TRIAGE_CONTEXT_OFFSET);

	if (off == t->shape->context)
		return; /* the header's own, already found or found unset */
	d->context_offset = 0;
	if (off == 0)
		return;
	if (off < t->shape->end || off >= d->file.size) {
		dump_note_add(d, "ContextOffset at 0x%x: 0x%x is no place for it",
			      t->shape->base + TRIAGE_CONTEXT_OFFSET, off);
		return;
	}
	d->context_offset = off;
	d->context_room = (size_t)(d->file.size - off);
}

static enum fs_status open_triage(struct dump *d, const struct dump_first *first,
				  struct fs_error *err)
{
	bool wide = dmp_is_type(first, DMP_TYPE_TRIAGE);
	const struct triage_shape *s = wide ? &shape64 : &shape32;
	struct dmp_triage *t;
	enum fs_status st;

	if (wide)
		dmp_parse_header(d, first);
	else
		dmp32_parse_header(d, first);
	d->info.format = "dmp-triage";
	if (d->file.size < s->end)
		return fs_fail_at(err, FS_CORRUPT, d->file.size,
				  "triage header at 0x%x: expected 0x%x bytes, the file ends at "
				  "0x%" PRIx64,
				  s->base, s->end - s->base, d->file.size);
	t = calloc(1, sizeof(*t));
	if (!t)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the triage header");
	t->shape = s;
	d->priv = t;
	st = dump_file_read(&d->file, s->base, t->header, s->end - s->base, "triage header", err);
	if (st != FS_OK)
		return st;
	dump_promise(d, dmp_triage_u32(t, TRIAGE_DUMP_SIZE));
	check_valid(d, t);
	find_context(d, t);
	dmp_triage_find_drivers(d, t);
	dmp_triage_find_unloaded(d, t);
	return collect(d, t, err);
}

static enum fs_status read_virt(struct dump *d, uint64_t va, void *buf, size_t n,
				struct fs_error *err)
{
	const struct dmp_triage *t = d->priv;

	return ranges_read(&t->ranges, &d->file, va, buf, n, err);
}

static size_t block_count(const struct dump *d)
{
	const struct dmp_triage *t = d->priv;

	return t->ranges.block.n;
}

static struct dump_block block(const struct dump *d, size_t i)
{
	const struct dmp_triage *t = d->priv;

	return t->ranges.block.v[i];
}

static size_t block_conflicts(const struct dump *d)
{
	const struct dmp_triage *t = d->priv;

	return t->ranges.conflicts;
}

static void close_triage(struct dump *d)
{
	struct dmp_triage *t = d->priv;

	if (t) {
		ranges_deinit(&t->ranges);
		free(t->in);
	}
	free(t);
	d->priv = NULL;
}

const struct dump_format dump_format_dmp_triage = {
	.name = "dmp-triage",
	.probe = probe,
	.open = open_triage,
	.read_virt = read_virt,
	.block_count = block_count,
	.block = block,
	.block_conflicts = block_conflicts,
	.driver_count = dmp_triage_driver_count,
	.driver = dmp_triage_driver,
	.unloaded_count = dmp_triage_unloaded_count,
	.unloaded = dmp_triage_unloaded,
	.close = close_triage,
};
