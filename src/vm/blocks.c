/* SPDX-License-Identifier: BSD-2-Clause */
/* Triage dumps: memory as captured virtual ranges, sorted and merged by src/dump. */
#include <inttypes.h>

#include "vm/impl.h"

/* The first block that ends above va; count when there is none. */
static size_t find_block(const struct dump *d, uint64_t va)
{
	size_t lo = 0, hi = dump_block_count(d);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct dump_block b = dump_block(d, mid);

		if (va >= b.va && va - b.va >= b.size)
			lo = mid + 1;
		else if (va < b.va)
			hi = mid;
		else
			return mid;
	}
	return lo;
}

/* No CR4 and no page tables: a captured range that only LA57 can address is the
 * evidence that the machine used it. */
void blocks_set_halves(struct vm *vm)
{
	uint64_t kernel_start;
	struct dump_block b;
	size_t i;

	vm_set_halves(vm, 4);
	kernel_start = vm->kernel_start;
	vm_set_halves(vm, 5);
	i = find_block(vm->dump, vm->kernel_start);
	if (i < dump_block_count(vm->dump)) {
		b = dump_block(vm->dump, i);
		if (b.va >= vm->kernel_start && b.va < kernel_start)
			return;
	}
	vm_set_halves(vm, 4);
}

static enum fs_status fail_missing(const struct vm *vm, uint64_t va, size_t n, uint64_t missing,
				   const char *what, struct fs_error *err)
{
	if (!vm_is_canonical(vm, missing))
		return fs_fail_at(err, FS_CORRUPT, missing,
				  "%s at 0x%" PRIx64 " (%zu bytes), from 0x%" PRIx64
				  ": not canonical on this machine",
				  what, va, n, missing);
	return fs_fail_at(err, FS_NOT_IN_DUMP, missing,
			  "%s at 0x%" PRIx64 " (%zu bytes), from 0x%" PRIx64
			  ": in no captured range of the triage dump",
			  what, va, n, missing);
}

enum fs_status blocks_read(struct vm *vm, uint64_t va, void *buf, size_t n, const char *what,
			   struct fs_error *err)
{
	size_t i = find_block(vm->dump, va), have = n;
	struct dump_block b;
	enum fs_status st;

	if (i == dump_block_count(vm->dump))
		return fail_missing(vm, va, n, va, what, err);
	b = dump_block(vm->dump, i);
	if (va < b.va)
		return fail_missing(vm, va, n, va, what, err);
	if (b.size - (va - b.va) < n)
		have = (size_t)(b.size - (va - b.va));
	st = dump_read_virt(vm->dump, va, buf, have, err);
	if (st != FS_OK)
		return fs_prepend(err, st, "%s at 0x%" PRIx64 " (%zu bytes)", what, va, n);
	if (have < n) /* ranges that adjoin are one, so the next byte is in none */
		return fail_missing(vm, va, n, va + have, what, err);
	return FS_OK;
}

bool blocks_next(const struct vm *vm, uint64_t va, uint64_t end, uint64_t *ret_va,
		 uint64_t *ret_size)
{
	size_t i = find_block(vm->dump, va);
	struct dump_block b;
	uint64_t from, size;

	if (i == dump_block_count(vm->dump))
		return false;
	b = dump_block(vm->dump, i);
	from = va > b.va ? va : b.va;
	if (from >= end)
		return false;
	size = b.size - (from - b.va);
	*ret_va = from;
	*ret_size = size < end - from ? size : end - from;
	return true;
}
