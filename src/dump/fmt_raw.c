/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory as it is, from address 0, because the user says so: QEMU's `pmemsave`, a
 * memory-backend-file, winpmem's raw form. Nothing in such a file says what it is: it is taken
 * for x64's until a kernel is found (dump_learn). A backend file has no hole for the devices below 4 GiB: what is above them follows
 * what is below (QEMU hw/i386/pc_piix.c: above_4g_mem_size), so the user names the hole.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "dump/segments.h"

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	(void)err;
	return first->options->raw && first->file_size > 0 ? DUMP_PROBE_MINE : DUMP_PROBE_NOT_MINE;
}

static enum fs_status add_memory(struct dump *d, struct segments *s, uint64_t start, uint64_t end,
				 struct fs_error *err)
{
	uint64_t size = d->file.size;
	struct segment below = {.size = size}, above;

	if (start >= end)
		return segments_add(s, &below, err);
	if (start % DUMP_PAGE_SIZE || end % DUMP_PAGE_SIZE || start == 0 || start >= size)
		return fs_fail(
			err, FS_INVALID,
			"expected a hole of whole pages that begins within the file's 0x%" PRIx64
			" bytes, found 0x%" PRIx64 "-0x%" PRIx64,
			size, start, end);
	below.size = start;
	above = (struct segment){.pa = end, .size = size - start, .off = start};
	if (segments_add(s, &below, err) != FS_OK)
		return err ? err->status : FS_NO_MEMORY;
	return segments_add(s, &above, err);
}

static enum fs_status open_raw(struct dump *d, const struct dump_first *first, struct fs_error *err)
{
	struct segments *s = calloc(1, sizeof(*s));
	uint64_t bytes;
	enum fs_status st;

	(void)first;
	d->info.format = "raw";
	d->info.machine = DUMP_X64;
	if (!s)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the memory's map");
	d->priv = s;
	st = add_memory(d, s, d->options.raw_hole_start, d->options.raw_hole_end, err);
	if (st == FS_OK)
		st = segments_build(s, &bytes, err);
	if (st != FS_OK)
		return st;
	d->info.pages = bytes / DUMP_PAGE_SIZE;
	if (d->file.size % DUMP_PAGE_SIZE)
		dump_note_add(d,
			      "raw memory of 0x%" PRIx64
			      " bytes, which are no whole pages: its end may be cut off",
			      d->file.size);
	return FS_OK;
}

enum fs_status dump_raw_hole(struct dump *d, uint64_t start, uint64_t end, struct fs_error *err)
{
	struct segments s = {0};
	uint64_t bytes;
	enum fs_status st;

	if (d->format != &dump_format_raw)
		return fs_fail(err, FS_UNSUPPORTED, "the dump is no raw memory");
	st = add_memory(d, &s, start, end, err);
	if (st == FS_OK)
		st = segments_build(&s, &bytes, err);
	if (st != FS_OK) {
		segments_deinit(&s);
		return st;
	}
	segments_deinit(d->priv);
	*(struct segments *)d->priv = s;
	return FS_OK;
}

static enum fs_status read_phys(struct dump *d, uint64_t pa, void *buf, size_t n,
				struct fs_error *err)
{
	return segments_read(d->priv, d, pa, buf, n, err);
}

static uint64_t next_page(const struct dump *d, uint64_t pfn)
{
	return segments_next_page(d->priv, d, pfn);
}

static bool run(const struct dump *d, uint64_t pfn, uint64_t *ret_off, uint64_t *ret_pages)
{
	return segments_run(d->priv, d, pfn, ret_off, ret_pages);
}

static void close_raw(struct dump *d)
{
	if (d->priv)
		segments_deinit(d->priv);
	free(d->priv);
	d->priv = NULL;
}

const struct dump_format dump_format_raw = {
	.name = "raw",
	.probe = probe,
	.open = open_raw,
	.read_phys = read_phys,
	.next_page = next_page,
	.run = run,
	.close = close_raw,
};
