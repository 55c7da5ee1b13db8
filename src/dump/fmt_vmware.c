/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMware: memory in a .vmem file, with the .vmss (suspended) or .vmsn (snapshot) of the same
 * name beside it, which says where each region of physical memory stands (above the devices'
 * hole below 4 GiB, addresses and places part); or all in one .vmss. Either file may be named.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "dump/segments.h"
#include "dump/vmware_state.h"

#define PAGES_MAX (SEGMENT_PA_LIMIT / DUMP_PAGE_SIZE)

static bool named(const char *path, const char *extension)
{
	size_t n = strlen(path), k = strlen(extension);

	return n > k && strcasecmp(path + n - k, extension) == 0;
}

/* The path with another extension of the same length. NULL: no memory. */
static char *beside(const char *path, const char *extension)
{
	char *p = strdup(path);

	if (p)
		memcpy(p + strlen(p) - strlen(extension), extension, strlen(extension));
	return p;
}

/* Opens the file beside the dump's; FS_NOT_FOUND when there is none. */
static enum fs_status open_beside(struct dump *d, const char *extension, struct dump_file *f,
				  struct fs_error *err)
{
	char *path = beside(d->path, extension);
	struct fs_error why = {0};
	enum fs_status st;

	if (!path)
		return fs_fail(err, FS_NO_MEMORY, "no memory for a path");
	st = dump_file_open(f, path, &why);
	if (st != FS_OK) {
		dump_file_deinit(f);
		st = fs_fail(err, FS_NOT_FOUND, "%s: %s", path, why.text);
	}
	free(path);
	return st;
}

/* A .vmem is recognised by its name alone: it is plain memory. With --raw and no state beside
 * it, it is read as that. */
static enum dump_probe probe_vmem(const struct dump_first *first, struct fs_error *err)
{
	static const char *const extensions[] = {".vmss", ".vmsn"};
	size_t i;

	for (i = 0; i < 2; i++) {
		char *path = beside(first->path, extensions[i]);
		FILE *f = path ? fopen(path, "re") : NULL;

		free(path);
		if (f) {
			(void)fclose(f);
			return DUMP_PROBE_MINE;
		}
	}
	if (first->options->raw)
		return DUMP_PROBE_NOT_MINE;
	fs_fail(err, FS_UNSUPPORTED,
		"VMware memory (.vmem) without its map: the .vmss or .vmsn of the same name is not "
		"beside it. Bring that file; or read it with --raw, where memory from 3 GiB on may "
		"stand at other addresses");
	return DUMP_PROBE_BROKEN;
}

static enum dump_probe probe(const struct dump_first *first, struct fs_error *err)
{
	int magic = vmware_magic(first->data, first->size);

	if (magic > 0)
		return DUMP_PROBE_MINE;
	if (magic == 0)
		return named(first->path, ".vmem") ? probe_vmem(first, err) : DUMP_PROBE_NOT_MINE;
	fs_fail_at(err, FS_UNSUPPORTED, 0,
		   "a VMware state file of the old 32-bit form: it is not read");
	return DUMP_PROBE_BROKEN;
}

static enum fs_status add(struct segments *s, uint64_t ppn, uint64_t pagenum, uint64_t pages,
			  uint64_t off, struct fs_error *err)
{
	struct segment seg;

	/* so that nothing below overflows */
	if (!range_ok(ppn, pages, PAGES_MAX) || !range_ok(pagenum, pages, PAGES_MAX))
		return fs_fail(err, FS_CORRUPT,
			       "memory region: expected page numbers below 0x%llx, found 0x%" PRIx64
			       " pages at 0x%" PRIx64 ", place 0x%" PRIx64,
			       PAGES_MAX, pages, ppn, pagenum);
	seg = (struct segment){
		.pa = ppn * DUMP_PAGE_SIZE,
		.size = pages * DUMP_PAGE_SIZE,
		.off = off + pagenum * DUMP_PAGE_SIZE,
	};
	return segments_add(s, &seg, err);
}

/* size: bytes of memory, as far as the state or the memory file says it. */
static enum fs_status map_memory(struct dump *d, const struct vmware_state *v, uint64_t off,
				 uint64_t size, struct fs_error *err)
{
	struct segments *s = d->priv;
	uint64_t bytes = 0, end = 0, i;
	enum fs_status st = FS_OK;

	if (v->nregions == 0) {
		end = size / DUMP_PAGE_SIZE;
		st = add(s, 0, 0, end, off, err);
	}
	for (i = 0; st == FS_OK && i < v->nregions; i++) {
		const struct vmware_region *r = &v->region[i];

		st = add(s, r->ppn, r->pagenum, r->size, off, err);
		if (st == FS_OK && r->pagenum + r->size > end)
			end = r->pagenum + r->size;
	}
	if (st == FS_OK)
		st = segments_build(s, &bytes, err);
	if (st != FS_OK)
		return st;
	if (bytes == 0)
		return fs_fail(err, FS_CORRUPT, "VMware state: expected memory, found no page");
	if (s->overlap)
		dump_note_add(d, "memory regions overlap: a page that is held twice is read only "
				 "where both copies agree");
	d->info.pages = bytes / DUMP_PAGE_SIZE;
	dump_promise(d, off + end * DUMP_PAGE_SIZE);
	return FS_OK;
}

static enum fs_status keep_cpus(struct dump *d, const struct vmware_state *v, struct fs_error *err)
{
	size_t i, idle = 0;

	for (i = 0; i < v->cpus.n; i++) {
		struct dump_cpu *c;

		if (!v->cpus.v[i].cr3.present || v->cpus.v[i].cr3.v == 0) {
			idle++;
			continue;
		}
		c = vec_push(&d->cpus);
		if (!c)
			return fs_fail(err, FS_NO_MEMORY, "no memory for the processors");
		*c = v->cpus.v[i];
		if (!c->idt_base.present) /* not the half of one */
			c->idt_base.v = 0;
	}
	if (idle)
		dump_note_add(d, "%zu of %zu processors have no CR3: they are left out", idle,
			      v->cpus.n);
	if (!v->has_cpus)
		dump_note_add(d, "VMware's state has no cpu group: no registers are known");
	if (v->processors_known && v->processors == v->cpus.n && v->cpus.n > 0)
		d->info.processors = (struct dump_u32){(uint32_t)d->cpus.n, true};
	else if (v->processors_known)
		dump_note_add(d,
			      "VMware's state counts %" PRIu64 " processors and has registers of "
			      "%zu: how many there are is not taken from it",
			      v->processors, v->cpus.n);
	return FS_OK;
}

#define CR3_PA 0x000ffffffffff000ull

/* Memory in one piece: no region says how large it was, but a page that a processor uses was in it. */
static void judge_end(struct dump *d, const struct vmware_state *v)
{
	size_t i;

	if (v->nregions != 0)
		return;
	if (!v->has_memory && d->file.size % DUMP_PAGE_SIZE)
		dump_note_add(d, "the .vmem has 0x%" PRIx64 " bytes, which are no whole pages: its end "
				 "may be cut off",
			      d->file.size);
	for (i = 0; i < d->cpus.n; i++) {
		uint64_t pa = d->cpus.v[i].cr3.v & CR3_PA;

		if (pa / DUMP_PAGE_SIZE < d->info.pages)
			continue;
		dump_note_add(d,
			      "the page tables of processor %u at PA 0x%" PRIx64
			      " (its CR3) lie behind the 0x%" PRIx64
			      " pages of memory: the file is cut off, or not of this state",
			      d->cpus.v[i].number, pa, d->info.pages);
		return;
	}
}

/* The state file was named: memory is in it, or in the .vmem beside it, which takes its place. */
static enum fs_status from_state(struct dump *d, struct vmware_state *v, struct fs_error *err)
{
	struct dump_file *memory;
	enum fs_status st = vmware_state_read(v, d, &d->file, err);

	if (st != FS_OK)
		return st;
	if (v->has_memory) {
		if (v->memory_off > d->file.size)
			return fs_fail_at(
				err, FS_CORRUPT, d->file.size,
				"VMware state: the file ends before its memory at 0x%" PRIx64,
				v->memory_off);
		return map_memory(d, v, v->memory_off, v->memory_size, err);
	}
	if (!named(d->path, ".vmss") && !named(d->path, ".vmsn"))
		return fs_fail(err, FS_UNSUPPORTED,
			       "a VMware state without its memory, and not named .vmss or .vmsn: "
			       "name the .vmem instead");
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the memory file");
	memory->fd = -1;
	st = open_beside(d, ".vmem", memory, err);
	if (st == FS_OK) {
		dump_file_deinit(&d->file);
		d->file = *memory;
		d->info.file_size = d->file.size;
		st = map_memory(d, v, 0, d->file.size, err);
	} else if (st == FS_NOT_FOUND) {
		if (err)
			err->status = FS_UNSUPPORTED;
		st = fs_prepend(err, FS_UNSUPPORTED,
				"a VMware state without memory; its .vmem is needed beside it");
	}
	free(memory);
	return st;
}

/* The memory file was named. The .vmss is preferred, as volatility3 does. */
static enum fs_status from_vmem(struct dump *d, struct vmware_state *v, struct fs_error *err)
{
	struct dump_file *state = calloc(1, sizeof(*state));
	uint8_t magic[12];
	enum fs_status st;

	if (!state)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the state file");
	state->fd = -1;
	st = open_beside(d, ".vmss", state, err);
	if (st == FS_NOT_FOUND)
		st = open_beside(d, ".vmsn", state, err);
	if (st == FS_OK &&
	    (state->size < sizeof(magic) ||
	     dump_file_read(state, 0, magic, sizeof(magic), "state", NULL) != FS_OK ||
	     vmware_magic(magic, sizeof(magic)) <= 0))
		st = fs_fail(
			err, FS_CORRUPT,
			"the .vmss or .vmsn beside this .vmem is no VMware state that can be read");
	if (st == FS_OK)
		st = vmware_state_read(v, d, state, err);
	dump_file_deinit(state);
	free(state);
	return st == FS_OK ? map_memory(d, v, 0, d->file.size, err) : st;
}

static enum fs_status open_vmware(struct dump *d, const struct dump_first *first,
				  struct fs_error *err)
{
	struct vmware_state *v = calloc(1, sizeof(*v));
	enum fs_status st;

	d->info.format = "vmware";
	d->info.machine = DUMP_X64;
	d->priv = calloc(1, sizeof(struct segments));
	if (!v || !d->priv)
		st = fs_fail(err, FS_NO_MEMORY, "no memory for VMware's state");
	else if (vmware_magic(first->data, first->size) > 0)
		st = from_state(d, v, err);
	else
		st = from_vmem(d, v, err);
	if (st == FS_OK)
		st = keep_cpus(d, v, err);
	if (st == FS_OK)
		judge_end(d, v);
	if (v)
		vmware_state_deinit(v);
	free(v);
	return st;
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

static void close_vmware(struct dump *d)
{
	if (d->priv)
		segments_deinit(d->priv);
	free(d->priv);
	d->priv = NULL;
}

const struct dump_format dump_format_vmware = {
	.name = "vmware",
	.probe = probe,
	.open = open_vmware,
	.read_phys = read_phys,
	.next_page = next_page,
	.run = run,
	.close = close_vmware,
};
