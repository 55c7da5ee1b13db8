/* SPDX-License-Identifier: BSD-2-Clause */
/* Beside plain reads: a walk shown entry by entry, and reads that image files complete. */
#include <inttypes.h>

#include "vm/impl.h"

#define PAGE_END(va) (((va) | ((uint64_t)DUMP_PAGE_SIZE - 1)))

enum fs_status vm_walk(struct vm *vm, uint64_t va, struct vm_entry entry[VM_ENTRIES_MAX],
		       size_t *ret_n, struct vm_xlat *ret, struct fs_error *err)
{
	struct walk_stop stop = {0};
	enum fs_status st;
	size_t i;

	*ret_n = 0;
	/* vm_translate has the words for a dump without tables and for a VA that is not canonical.
	 */
	if (vm->levels == 0 || !vm_is_canonical(vm, va))
		return vm_translate(vm, va, ret, err);
	st = walk_va(vm->walk, &vm->rules, va, ret, &stop, err);
	for (i = 0; i < stop.entries; i++)
		entry[i] = stop.entry[i];
	*ret_n = stop.entries;
	return st == FS_OK ? st : fs_prepend(err, st, "0x%" PRIx64, va);
}

void vm_set_fallback(struct vm *vm, vm_fallback *fn, void *arg)
{
	vm->fallback = fn;
	vm->fallback_arg = arg;
}

/* How many of n bytes at va may come from elsewhere, so that what the dump has wins. */
static size_t lacking(struct vm *vm, uint64_t va, size_t n)
{
	uint64_t room = PAGE_END(va) - va + 1, next, size;

	if (room < n)
		n = (size_t)room;
	if (vm->is_virtual && vm_next_range(vm, va, va + (n - 1), &next, &size) && next > va)
		n = (size_t)(next - va);
	return n;
}

enum fs_status vm_read_any(struct vm *vm, uint64_t va, void *buf, size_t n, const char *what,
			   bool *ret_from_image, struct fs_error *err)
{
	struct fs_error e = {0};
	size_t done = 0, got;
	enum fs_status st;

	if (ret_from_image)
		*ret_from_image = false;
	for (;;) {
		st = vm_read(vm, va + done, (uint8_t *)buf + done, n - done, what, &e);
		if (st == FS_OK)
			return FS_OK;
		if (e.has_address && e.address > va + done && e.address - va < n)
			done = (size_t)(e.address - va);
		if (!vm->fallback || (st != FS_NOT_IN_DUMP && st != FS_PAGED_OUT))
			break;
		got = vm->fallback(vm->fallback_arg, va + done, (uint8_t *)buf + done,
				   lacking(vm, va + done, n - done));
		if (got == 0 || got > n - done)
			break;
		done += got;
		if (ret_from_image)
			*ret_from_image = true;
		if (done == n)
			return FS_OK;
	}
	if (err)
		*err = e;
	return st;
}
