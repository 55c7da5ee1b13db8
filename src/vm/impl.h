/* SPDX-License-Identifier: BSD-2-Clause */
/* struct vm. Private to src/vm. */
#ifndef VM_IMPL_H
#define VM_IMPL_H

#include "vm/vm.h"
#include "vm/walk.h"

/* Direct-mapped by page number; an entry is 4 KiB of a page of any size. */
#define VM_TLB_ENTRIES 512u

struct vm_tlb {
	uint64_t tag; /* VA of the 4 KiB | 1; 0: empty */
	uint64_t pa;  /* of the 4 KiB */
	uint64_t pte;
	uint64_t page_size; /* bytes | 1 when the entry was in transition */
};

struct vm {
	struct dump *dump;
	struct walk *walk; /* NULL for virtual ranges and without a root */
	bool is_virtual;
	enum dump_machine machine;
	uint64_t seed;
	unsigned levels;       /* 4, 5; 0: virtual ranges, or no translation works */
	uint64_t user_end;     /* first VA above the lower canonical half */
	uint64_t kernel_start; /* first VA of the upper canonical half */
	struct vm_pte_rules rules;
	enum fs_status problem_status;
	char problem[FS_ERROR_TEXT]; /* "": none */
	vm_fallback *fallback; /* NULL: none */
	void *fallback_arg;
	bool range_limited;	     /* the last vm_next_range ran out of work */
	/* The first and last page of data it passed that the dump lacks; 0: none. */
	uint64_t range_hole, range_hole_last;
	struct vm_tlb tlb[VM_TLB_ENTRIES];
};

bool vm_is_canonical(const struct vm *vm, uint64_t va);

/* probe.c: choose 4-level or LA57 for vm->walk; sets levels, or problem. */
void vm_probe_root(struct vm *vm);
/* What `levels` says about the address space. */
void vm_set_halves(struct vm *vm, unsigned levels);

/* blocks.c: virtual ranges. */
void blocks_set_halves(struct vm *vm);
enum fs_status blocks_read(struct vm *vm, uint64_t va, void *buf, size_t n, const char *what,
			   struct fs_error *err);
bool blocks_next(const struct vm *vm, uint64_t va, uint64_t end, uint64_t *ret_va,
		 uint64_t *ret_size);

/* ranges.c: page tables. */
bool tables_next(struct vm *vm, uint64_t va, uint64_t end, uint64_t *ret_va, uint64_t *ret_size);

#endif
