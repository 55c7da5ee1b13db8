/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw memory may lack the devices' hole below 4 GiB: what is above 4 GiB then follows what is below
 * the hole in the file (QEMU hw/i386/pc_piix.c and pc_q35.c: above_4g_mem_size; VMware's .vmem). Nothing
 * in the file says so, but what is in memory does: the images of the modules stand where
 * page tables say, or do not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "module/kernel.h"
#include "session.h"

#define HOLE_END 0x100000000ull

static const struct hole {
	uint64_t start;
	const char *whose;
} holes[] = {
	{0xc0000000, "QEMU's pc, VMware"},
	{0x80000000, "QEMU's q35"},
};
#define NHOLES (sizeof(holes) / sizeof(holes[0]))

/* What came of one way to read the file. */
struct attempt {
	const struct hole *hole; /* NULL: without one */
	struct vm *vm;
	struct layout *stable;
	struct dump_memo *memo;
	const char *problem;
	bool found, complete;
	size_t held, failed; /* images at physical addresses that depend on it */
};

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + DUMP_PAGE_SIZE - 1) / DUMP_PAGE_SIZE;
}

/* Headers of an image where the loader's entry says, and of the entry's size. */
static void judge(struct fltscope *fs, struct attempt *a)
{
	struct reader r = {.vm = fs->vm, .nt = fs->stable};
	struct modules modules = {0};
	uint64_t from = holes[NHOLES - 1].start;
	size_t i;

	a->found = fs->vm && vm_levels(fs->vm) != 0;
	if (!a->found || modules_read(&r, &modules, NULL) != FS_OK) {
		modules_deinit(&modules);
		return;
	}
	a->complete = modules.complete;
	for (i = 0; i < modules.list.n; i++) {
		const struct module *m = &modules.list.v[i];
		struct vm_xlat x;
		struct pe pe;

		if (vm_translate(fs->vm, m->base, &x, NULL) != FS_OK || x.pa < from)
			continue;
		if (pe_read(fs->vm, m, &pe, NULL) == FS_OK &&
		    pages_of(pe.size_of_image) == pages_of(m->size))
			a->held++;
		else
			a->failed++;
	}
	modules_deinit(&modules);
}

/* What session_kernel found, taken out of fs. */
static void keep(struct fltscope *fs, struct attempt *a)
{
	a->vm = fs->vm;
	a->stable = fs->stable;
	a->problem = fs->model.dump.translation_problem;
	a->memo = dump_remember(fs->dump);
	fs->vm = NULL;
	fs->stable = NULL;
	fs->model.dump.translation_problem = NULL;
}

static void drop(struct attempt *a)
{
	vm_destroy(a->vm);
	layout_free(a->stable);
	free(a->memo);
}

static enum fs_status put_back(struct fltscope *fs, struct attempt *a, struct fs_error *err)
{
	uint64_t start = a->hole ? a->hole->start : 0;
	enum fs_status st = dump_raw_hole(fs->dump, start, start ? HOLE_END : 0, err);

	if (st != FS_OK)
		return st;
	fs->vm = a->vm;
	fs->stable = a->stable;
	fs->model.dump.translation_problem = a->problem;
	dump_recall(fs->dump, a->memo);
	a->vm = NULL;
	a->stable = NULL;
	return FS_OK;
}

static enum fs_status try_hole(struct fltscope *fs, const struct dump_memo *before,
			       const struct hole *h, struct attempt *a, struct fs_error *err)
{
	enum fs_status st = dump_raw_hole(fs->dump, h->start, HOLE_END, err);

	a->hole = h;
	if (st != FS_OK)
		return st;
	dump_recall(fs->dump, before);
	st = session_kernel(fs, err);
	if (st != FS_OK)
		return st;
	judge(fs, a);
	keep(fs, a);
	return a->memo ? FS_OK : fs_fail(err, FS_NO_MEMORY, "out of memory");
}

/* Only with this hole the kernel is found, or its list of modules whole; or all images stand
 * right where without it some do not. */
static bool proves(const struct attempt *a, const struct attempt *plain)
{
	if (!a->found || a->failed)
		return false;
	return !plain->found || (a->complete && !plain->complete) || (a->held && plain->failed);
}

static void tell_proved(struct fltscope *fs, const struct attempt *a, const struct attempt *plain)
{
	char how[100];

	(void)snprintf(how, sizeof(how), "read as --raw-hole 0x%" PRIx64 "-0x%llx (%s)",
		       a->hole->start, HOLE_END, a->hole->whose);
	if (!plain->found)
		dump_note_add(fs->dump, "%s: only so the kernel is found", how);
	else if (plain->failed)
		dump_note_add(fs->dump,
			      "%s: so all %zu images of modules from PA 0x%" PRIx64
			      " on are where they are mapped, without it %zu are not",
			      how, a->held, holes[NHOLES - 1].start, plain->failed);
	else
		dump_note_add(fs->dump, "%s: only so the list of modules is whole", how);
}

static void tell_open(struct fltscope *fs, const struct attempt *plain)
{
	if (!plain->found)
		dump_note_add(fs->dump,
			      "nor is the kernel found with --raw-hole 0x%" PRIx64 "-0x%llx (%s) "
			      "or 0x%" PRIx64 "-0x%llx (%s)",
			      holes[0].start, HOLE_END, holes[0].whose, holes[1].start, HOLE_END,
			      holes[1].whose);
	else if (plain->failed)
		dump_note_add(fs->dump,
			      "%zu images of modules are not where they are mapped, nor are all with "
			      "--raw-hole 0x%" PRIx64 "-0x%llx or 0x%" PRIx64 "-0x%llx: the file is "
			      "cut off, or has another hole",
			      plain->failed, holes[0].start, HOLE_END, holes[1].start, HOLE_END);
}

static enum fs_status try_holes(struct fltscope *fs, const struct dump_memo *before,
				struct attempt *plain, struct fs_error *err)
{
	struct attempt with[NHOLES] = {{0}}, *best = NULL;
	enum fs_status st = FS_OK;
	size_t i, proved = 0;

	keep(fs, plain);
	if (!plain->memo)
		st = fs_fail(err, FS_NO_MEMORY, "out of memory");
	for (i = 0; st == FS_OK && i < NHOLES; i++) {
		if (dump_info(fs->dump)->file_size <= holes[i].start)
			continue;
		st = try_hole(fs, before, &holes[i], &with[i], err);
		if (st == FS_OK && proves(&with[i], plain)) {
			best = &with[i];
			proved++;
		}
	}
	/* of two that seem to prove themselves none does */
	if (st == FS_OK)
		st = put_back(fs, proved == 1 ? best : plain, err);
	if (st == FS_OK && proved == 1)
		tell_proved(fs, best, plain);
	else if (st == FS_OK)
		tell_open(fs, plain);
	drop(plain);
	for (i = 0; i < NHOLES; i++)
		drop(&with[i]);
	return st;
}

enum fs_status session_memory(struct fltscope *fs, struct fs_error *err)
{
	bool may_lack = !fs->opts.raw_hole_end &&
			dump_info(fs->dump)->file_size > holes[NHOLES - 1].start &&
			dump_raw_hole(fs->dump, 0, 0, NULL) == FS_OK;
	struct dump_memo *before = may_lack ? dump_remember(fs->dump) : NULL;
	struct attempt plain = {0};
	enum fs_status st;

	if (may_lack && !before)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	st = session_kernel(fs, err);
	if (st == FS_OK && may_lack && fs->vm) { /* without: another machine's, whatever the hole */
		judge(fs, &plain);
		if (!plain.found || plain.failed || !plain.complete)
			st = try_holes(fs, before, &plain, err);
	}
	free(before);
	return st;
}
