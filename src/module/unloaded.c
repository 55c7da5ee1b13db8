/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modules that were unloaded. nt keeps the last 50 in a ring (WinObjEx64 reads
 * as many); KDDEBUGGER_DATA64 holds the addresses of the variables.
 */
#include "module/collect.h"

#include <inttypes.h>

#include "base/cursor.h"
#include "read/ustr.h"

enum {
	KDBG_TAG = 0x10,	  /* "KDBG", after the LIST_ENTRY of DBGKD_DEBUG_DATA_HEADER64 */
	KDBG_MM_UNLOADED = 0x220, /* address of MmUnloadedDrivers, itself a pointer */
	ENTRIES = 50,
};

/* One entry of the ring: a UNICODE_STRING, start and end as wide as a pointer, a time of 8 bytes
 * (facts: dump-formats.md for 64 bits; 32 bits have the same members). */
static size_t entry_size(const struct vm *vm)
{
	return 4 * (size_t)vm_pointer_size(vm) + 8;
}

static enum fs_status add(struct modules *m, const char *name, uint64_t start, uint64_t end,
			  struct fs_error *err)
{
	struct unloaded_module *u = vec_push(&m->unloaded);

	if (!u)
		return fs_fail(err, FS_NO_MEMORY, "unloaded modules: out of memory");
	*u = (struct unloaded_module){name, start, end};
	return FS_OK;
}

enum fs_status modules_read_triage_unloaded(struct dump *d, struct modules *m, struct fs_error *err)
{
	size_t i, n = dump_unloaded_count(d);

	for (i = 0; i < n && i < MODULE_LIMIT; i++) {
		struct dump_unloaded u = {0};
		struct fs_error e;
		const char *name = NULL;
		enum fs_status st = dump_unloaded(d, i, &u, &e);

		if (st) {
			modules_gap(m, "triage unloaded drivers", &e);
			continue;
		}
		if (u.name_read) {
			name = arena_strdup(&m->arena, u.name);
			if (!name)
				return fs_fail(err, FS_NO_MEMORY,
					       "unloaded modules: out of memory");
		}
		st = add(m, name, u.start, u.end, err);
		if (st)
			return st;
	}
	return FS_OK;
}

/* Where the variable is that leads to the ring. */
static enum fs_status find_variable(struct vm *vm, uint64_t kdbg, uint64_t *ret,
				    struct fs_error *err)
{
	uint32_t tag;
	enum fs_status st;

	st = vm_read_u32(vm, kdbg + KDBG_TAG, &tag, "KDDEBUGGER_DATA64.OwnerTag", err);
	if (st)
		return st;
	if (tag != 0x4742444b) /* "KDBG" */
		return fs_fail_at(err, FS_UNSUPPORTED, kdbg + KDBG_TAG,
				  "KDDEBUGGER_DATA64.OwnerTag is 0x%08x, expected KDBG (the block "
				  "is encoded, or not there)",
				  tag);
	st = vm_read_u64(vm, kdbg + KDBG_MM_UNLOADED, ret, "KDDEBUGGER_DATA64.MmUnloadedDrivers",
			 err);
	/* a 32-bit system's addresses stand there sign-extended */
	if (st == FS_OK && vm_pointer_size(vm) == 4)
		*ret = (uint32_t)*ret;
	return st;
}

/* Where the ring is; FS_NOT_FOUND when nothing was ever unloaded. */
static enum fs_status find_ring(struct vm *vm, uint64_t variable, uint64_t *ret,
				struct fs_error *err)
{
	uint64_t ring;
	enum fs_status st = vm_read_ptr(vm, variable, &ring, "MmUnloadedDrivers", err);

	if (st)
		return st;
	if (ring == 0)
		return fs_fail(err, FS_NOT_FOUND, "no module was unloaded");
	if (!vm_is_kernel_va(vm, ring))
		return fs_fail_at(err, FS_CORRUPT, variable,
				  "MmUnloadedDrivers is 0x%" PRIx64 ", no kernel address", ring);
	*ret = ring;
	return FS_OK;
}

/* One entry; false when the ring is over or cannot be read on. */
static bool read_entry(const struct reader *r, uint64_t va, struct modules *m)
{
	const unsigned ptr = vm_pointer_size(r->vm);
	uint64_t buffer, start, end;
	struct ustr u = {0};
	struct fs_error e;

	if (vm_read_ptr(r->vm, va + ptr, &buffer, "MmUnloadedDrivers", &e) ||
	    vm_read_ptr(r->vm, va + 2 * ptr, &start, "MmUnloadedDrivers", &e) ||
	    vm_read_ptr(r->vm, va + 3 * ptr, &end, "MmUnloadedDrivers", &e)) {
		modules_gap(m, "MmUnloadedDrivers", &e);
		return false;
	}
	if (buffer == 0 && start == 0)
		return true; /* a slot that is free */
	if (start >= end || !vm_is_kernel_va(r->vm, start)) {
		(void)fs_fail_at(&e, FS_CORRUPT, va,
				 "MmUnloadedDrivers: an entry from 0x%" PRIx64 " to 0x%" PRIx64
				 " is no module",
				 start, end);
		modules_gap(m, "MmUnloadedDrivers", &e);
		return false;
	}
	if (ustr_read(r, va, "MmUnloadedDrivers.Name", &m->arena, &u, &e))
		modules_gap(m, "MmUnloadedDrivers.Name", &e);
	return add(m, u.text && u.text[0] ? u.text : NULL, start, end, NULL) == FS_OK;
}

void modules_read_unloaded_at(const struct reader *r, uint64_t variable, struct modules *m)
{
	struct fs_error e;
	uint64_t ring = 0;
	unsigned i;
	enum fs_status st = find_ring(r->vm, variable, &ring, &e);

	if (st == FS_NOT_FOUND)
		return;
	if (st) {
		modules_gap(m, "MmUnloadedDrivers", &e);
		return;
	}
	for (i = 0; i < ENTRIES; i++)
		if (!read_entry(r, ring + i * entry_size(r->vm), m))
			return;
}

void modules_read_unloaded(const struct reader *r, uint64_t kdbg, struct modules *m)
{
	struct fs_error e;
	uint64_t variable = 0;

	if (dump_is_virtual(vm_dump(r->vm)))
		return;
	if (find_variable(r->vm, kdbg, &variable, &e) != FS_OK)
		modules_gap(m, "MmUnloadedDrivers", &e);
	else
		modules_read_unloaded_at(r, variable, m);
}
