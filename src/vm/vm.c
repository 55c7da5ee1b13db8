/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/vm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cursor.h"
#include "vm/impl.h"

#define PAGE_MASK ((uint64_t)DUMP_PAGE_SIZE - 1)

void vm_set_halves(struct vm *vm, unsigned levels)
{
	/* SDM vol. 1, 3.3.7.1. ARM64 has one top table of 48 bits for both halves. */
	unsigned bits = levels == 5 ? 57 : 48;

	if (vm->machine == DUMP_X86) { /* 2 GiB each; with /3GB user addresses reach higher */
		vm->user_end = vm->kernel_start = 0x80000000u;
		return;
	}
	vm->user_end = 1ull << (bits - 1);
	vm->kernel_start = ~(vm->user_end - 1);
}

static void set_machine_halves(struct vm *vm)
{
	if (vm->is_virtual && vm->machine == DUMP_X86) {
		/* 32-bit pointers, which some 64-bit header fields hold sign-extended:
		 * everything is canonical. */
		vm->user_end = vm->kernel_start = 0x80000000u;
	} else if (vm->machine == DUMP_ARM64) {
		/* TTBR1 with 48-bit addresses. */
		vm->user_end = 1ull << 48;
		vm->kernel_start = ~(vm->user_end - 1);
	} else if (vm->is_virtual) {
		blocks_set_halves(vm);
	} else {
		vm_set_halves(vm, 4);
	}
}

static enum fs_status check_machine(const struct vm *vm, const struct dump_info *info,
				    struct fs_error *err)
{
	if (vm->machine != DUMP_MACHINE_UNKNOWN)
		return FS_OK;
	return fs_fail(err, FS_UNSUPPORTED,
		       "page tables of machine 0x%" PRIx32
		       " are not translated: only x64 (0x8664), x86 (0x14c) and ARM64 (0xaa64)",
		       info->machine_raw);
}

static enum fs_status open_root(struct vm *vm, const struct dump_info *info, struct fs_error *err)
{
	enum fs_status st = check_machine(vm, info, err);

	if (st != FS_OK)
		return st;
	if (!info->directory_table_base.present) {
		struct fs_error e;

		vm->problem_status = fs_fail(&e, FS_NOT_FOUND,
					     "%s, so no virtual address can be translated",
					     info->dump_type
						     ? "the dump's header has no DirectoryTableBase"
						     : "no page tables were found");
		memcpy(vm->problem, e.text, sizeof(vm->problem));
		return FS_OK;
	}
	st = walk_create(vm->dump, vm->machine, info->directory_table_base.v, &vm->walk, err);
	if (st == FS_OK)
		vm_probe_root(vm);
	return st;
}

static struct vm *blank(void)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	/* without entropy it stays 0: slower on a hostile dump, never wrong */
	if (vm && getrandom(&vm->seed, sizeof(vm->seed), GRND_NONBLOCK) != (ssize_t)sizeof(vm->seed))
		vm->seed = 0;
	return vm;
}

enum fs_status vm_create(struct dump *d, struct vm **ret, struct fs_error *err)
{
	const struct dump_info *info = dump_info(d);
	struct vm *vm = blank();
	enum fs_status st = FS_OK;

	if (!vm)
		return fs_fail(err, FS_NO_MEMORY, "virtual memory: out of memory");
	vm->dump = d;
	vm->is_virtual = dump_is_virtual(d);
	vm->machine = info->machine;
	set_machine_halves(vm);
	if (!vm->is_virtual)
		st = open_root(vm, info, err);
	if (st != FS_OK) {
		vm_destroy(vm);
		return st;
	}
	*ret = vm;
	return FS_OK;
}

enum fs_status vm_create_at(struct dump *d, const struct vm_root *root, struct vm **ret,
			    struct fs_error *err)
{
	struct vm *vm = blank();
	enum fs_status st;

	if (!vm)
		return fs_fail(err, FS_NO_MEMORY, "virtual memory: out of memory");
	vm->dump = d;
	vm->machine = root->machine;
	st = check_machine(vm, dump_info(d), err);
	if (st == FS_OK)
		st = walk_create(d, root->machine, root->pa, &vm->walk, err);
	if (st != FS_OK) {
		vm_destroy(vm);
		return st;
	}
	vm->levels = root->levels ? root->levels : walk_levels(vm->walk);
	vm_set_halves(vm, vm->levels);
	walk_set_levels(vm->walk, vm->levels);
	*ret = vm;
	return FS_OK;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	walk_destroy(vm->walk);
	free(vm);
}

const char *vm_root_problem(const struct vm *vm)
{
	return vm->problem[0] ? vm->problem : NULL;
}

unsigned vm_levels(const struct vm *vm)
{
	return vm->levels;
}

void vm_set_pte_rules(struct vm *vm, const struct vm_pte_rules *rules)
{
	vm->rules = *rules;
	/* The rules decide about addresses that are already cached. */
	memset(vm->tlb, 0, sizeof(vm->tlb));
}

struct dump *vm_dump(const struct vm *vm)
{
	return vm->dump;
}

uint64_t vm_seed(const struct vm *vm)
{
	return vm->seed;
}

unsigned vm_pointer_size(const struct vm *vm)
{
	return vm->machine == DUMP_X86 ? 4 : 8;
}

bool vm_is_canonical(const struct vm *vm, uint64_t va)
{
	return va < vm->user_end || va >= vm->kernel_start;
}

bool vm_is_kernel_va(const struct vm *vm, uint64_t va)
{
	if (vm->machine == DUMP_X86 && va > UINT32_MAX)
		return false;
	return va >= vm->kernel_start;
}

/* Without err: texts are only made for somebody. */
static enum fs_status cannot_translate(const struct vm *vm, uint64_t va, struct fs_error *err)
{
	if (vm->is_virtual)
		return fs_fail_at(err, FS_UNSUPPORTED, va,
				  "a triage dump has virtual ranges and no page tables");
	return fs_fail_at(err, vm->problem_status, va, "no address is translated in this dump: %s",
			  vm->problem);
}

static struct vm_tlb *tlb_slot(struct vm *vm, uint64_t va)
{
	uint64_t vpn = va >> 12;

	return &vm->tlb[(vpn ^ vpn >> 9) % VM_TLB_ENTRIES];
}

/* The TLB entry of va, filled when needed. Misses are not kept: they are not hot. */
static enum fs_status translate(struct vm *vm, uint64_t va, const struct vm_tlb **ret,
				struct fs_error *err)
{
	struct vm_tlb *t = tlb_slot(vm, va);
	uint64_t tag = (va & ~PAGE_MASK) | 1;
	struct vm_xlat x;
	enum fs_status st;

	if (t->tag == tag) {
		*ret = t;
		return FS_OK;
	}
	if (vm->levels == 0)
		return cannot_translate(vm, va, err);
	if (vm->machine == DUMP_X86 && va > UINT32_MAX)
		return fs_fail_at(err, FS_CORRUPT, va, "no address of a 32-bit system");
	if (!vm_is_canonical(vm, va))
		return fs_fail_at(err, FS_CORRUPT, va, "not canonical with %u-level paging",
				  vm->levels);
	st = walk_va(vm->walk, &vm->rules, va, &x, NULL, err);
	if (st != FS_OK)
		return st;
	t->tag = tag;
	t->pa = x.pa & ~PAGE_MASK;
	t->pte = x.pte;
	t->page_size = x.page_size | (x.transition ? 1 : 0);
	*ret = t;
	return FS_OK;
}

enum fs_status vm_translate(struct vm *vm, uint64_t va, struct vm_xlat *ret, struct fs_error *err)
{
	const struct vm_tlb *t;
	enum fs_status st = translate(vm, va, &t, err);

	if (st != FS_OK)
		return fs_prepend(err, st, "0x%" PRIx64, va);
	*ret = (struct vm_xlat){
		.pa = t->pa | (va & PAGE_MASK),
		.page_size = t->page_size & ~1ull,
		.pte = t->pte,
		.transition = t->page_size & 1,
	};
	return FS_OK;
}

/* n bytes that lie within one 4 KiB page. */
static enum fs_status read_in_page(struct vm *vm, uint64_t va, void *buf, size_t n,
				   struct fs_error *err)
{
	const struct vm_tlb *t;
	enum fs_status st = translate(vm, va, &t, err);
	uint64_t pa, done = 0;

	if (st != FS_OK)
		return st;
	pa = t->pa | (va & PAGE_MASK);
	st = dump_read_phys(vm->dump, pa, buf, n, err);
	if (st == FS_OK || !err)
		return st;
	/* The end of a truncated file may cut the page itself. */
	if (err->has_address && err->address > pa && err->address - pa < n &&
	    dump_read_phys(vm->dump, pa, buf, (size_t)(err->address - pa), NULL) == FS_OK)
		done = err->address - pa;
	if (t->page_size & 1)
		(void)fs_prepend(err, st, "by a transition entry");
	/* The caller asked for a VA; src/dump has put the PA into the text. */
	err->has_address = true;
	err->address = va + done;
	return st;
}

static enum fs_status read_pages(struct vm *vm, uint64_t va, uint8_t *buf, size_t n,
				 const char *what, struct fs_error *err)
{
	size_t done = 0;

	while (done < n) {
		size_t room = DUMP_PAGE_SIZE - (size_t)((va + done) & PAGE_MASK);
		size_t part = n - done < room ? n - done : room;
		enum fs_status st = read_in_page(vm, va + done, buf + done, part, err);

		if (st != FS_OK)
			return fs_prepend(err, st,
					  "%s at 0x%" PRIx64 " (%zu bytes), from 0x%" PRIx64, what,
					  va, n, err ? err->address : va + done);
		done += part;
	}
	return FS_OK;
}

enum fs_status vm_read(struct vm *vm, uint64_t va, void *buf, size_t n, const char *what,
		       struct fs_error *err)
{
	if (n == 0)
		return FS_OK;
	/* The last byte of the address space may be read, nothing beyond it. */
	if (n - 1 > UINT64_MAX - va)
		return fs_fail_at(err, FS_CORRUPT, va,
				  "%s at 0x%" PRIx64
				  ": %zu bytes reach past the end of the address "
				  "space",
				  what, va, n);
	if (vm->is_virtual)
		return blocks_read(vm, va, buf, n, what, err);
	return read_pages(vm, va, buf, n, what, err);
}

enum fs_status vm_read_u32(struct vm *vm, uint64_t va, uint32_t *ret, const char *what,
			   struct fs_error *err)
{
	uint8_t b[4];
	enum fs_status st = vm_read(vm, va, b, sizeof(b), what, err);

	if (st == FS_OK)
		*ret = load_u32(b);
	return st;
}

enum fs_status vm_read_u64(struct vm *vm, uint64_t va, uint64_t *ret, const char *what,
			   struct fs_error *err)
{
	uint8_t b[8];
	enum fs_status st = vm_read(vm, va, b, sizeof(b), what, err);

	if (st == FS_OK)
		*ret = load_u64(b);
	return st;
}

enum fs_status vm_read_ptr(struct vm *vm, uint64_t va, uint64_t *ret, const char *what,
			   struct fs_error *err)
{
	uint8_t b[8] = {0};
	enum fs_status st = vm_read(vm, va, b, vm_pointer_size(vm), what, err);

	if (st == FS_OK)
		*ret = load_u64(b);
	return st;
}

bool vm_range_hole(const struct vm *vm, uint64_t *ret_first, uint64_t *ret_last)
{
	*ret_first = vm->range_hole;
	*ret_last = vm->range_hole_last;
	return vm->range_hole != 0;
}

bool vm_range_limited(const struct vm *vm)
{
	return vm->range_limited;
}

bool vm_next_range(struct vm *vm, uint64_t va, uint64_t end, uint64_t *ret_va, uint64_t *ret_size)
{
	if (vm->is_virtual)
		return blocks_next(vm, va, end, ret_va, ret_size);
	if (vm->levels == 0)
		return false;
	return tables_next(vm, va, end, ret_va, ret_size);
}
