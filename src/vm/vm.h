/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel virtual memory: page tables (libaddrxlat) or triage ranges behind one
 * read. x64 4-level and LA57 (a DMP does not store CR4: both are probed).
 *
 * Non-present entries are Windows': a transition PTE is data that is still in
 * RAM; prototype and page-file PTEs are FS_PAGED_OUT; demand zero is
 * FS_PAGED_OUT too, and the text says which.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dump/dump.h"
#include "fltscope/error.h"

struct vm;

/* What the build does with non-present PTEs: facts of the nt layout. Until
 * vm_set_pte_rules, a transition entry that two builds would read differently
 * is FS_UNSUPPORTED, never guessed. */
struct vm_pte_rules {
	bool known;
	bool swizzle;	   /* software bit 4 tells whether high PFN bits are flipped (L1TF) */
	unsigned pfn_bits; /* width of the PFN field from bit 12: 36 or 40 */
	bool mask_known;   /* invalid_mask was read from MiState.Hardware.InvalidPteMask */
	uint64_t invalid_mask;
};

/* Borrows the dump, which must outlive the vm. The root is the header's
 * DirectoryTableBase; which of 4-level and LA57 (on x86: with and without PAE) is meant is
 * decided by translating PsLoadedModuleList. FS_UNSUPPORTED for machines that are not
 * translated; the vm of a triage dump needs no root and always succeeds.
 * When no translation works the vm is still made, and vm_root_problem says why. */
enum fs_status vm_create(struct dump *d, struct vm **ret, struct fs_error *err);
/* Page tables that a processor's register or a search names, not the header. */
struct vm_root {
	enum dump_machine machine;
	uint64_t pa;	 /* as the register holds it: flags and PCID are dropped */
	unsigned levels; /* x64: 4, 5; x86: 2, 3 (PAE); ARM64: 4; 0 takes 4, on x86 3 */
};
/* As vm_create, with this root and nothing probed: whether it translates anything the
 * caller finds out. FS_UNSUPPORTED for machines that are not translated. */
enum fs_status vm_create_at(struct dump *d, const struct vm_root *root, struct vm **ret,
			    struct fs_error *err);
void vm_destroy(struct vm *vm);
/* NULL when page tables translate what the header says they must. Otherwise one
 * sentence; vm_levels is then 0 and every read fails with it, unless one of the two
 * was only hindered by page-table pages that the dump lacks: that one is used. */
const char *vm_root_problem(const struct vm *vm);
unsigned vm_levels(const struct vm *vm); /* 4, 5, on x86 2, 3, or 0 for virtual ranges and without a root */
void vm_set_pte_rules(struct vm *vm, const struct vm_pte_rules *rules);
struct dump *vm_dump(const struct vm *vm);
unsigned vm_pointer_size(const struct vm *vm); /* 8 or 4 bytes */
/* Another number in each handle, for hash tables whose keys a hostile dump chooses. */
uint64_t vm_seed(const struct vm *vm);

/* Copy n bytes at va; may cross pages; never wraps around the end of the
 * address space. `what` names the thing read in messages, for example
 * "FLT_FILTER.Flags". On failure err->address is the first VA not read: the bytes
 * before it are in buf, the rest of buf is untouched. */
enum fs_status vm_read(struct vm *vm, uint64_t va, void *buf, size_t n, const char *what,
		       struct fs_error *err);
enum fs_status vm_read_u32(struct vm *vm, uint64_t va, uint32_t *ret, const char *what,
			   struct fs_error *err);
enum fs_status vm_read_u64(struct vm *vm, uint64_t va, uint64_t *ret, const char *what,
			   struct fs_error *err);
/* A word as wide as a pointer of this machine (ULONG_PTR), zero-extended. */
enum fs_status vm_read_ptr(struct vm *vm, uint64_t va, uint64_t *ret, const char *what,
			   struct fs_error *err);

/* How a VA translates, for `pte` and messages. */
struct vm_xlat {
	uint64_t pa;	    /* of the byte at va */
	uint64_t page_size; /* 4 KiB, 2 MiB or 1 GiB */
	uint64_t pte;	    /* the raw last entry */
	bool transition;
};
enum fs_status vm_translate(struct vm *vm, uint64_t va, struct vm_xlat *ret, struct fs_error *err);

/* The entries of a walk from the top of the tables down, as far as they could be read. */
struct vm_entry {
	unsigned level; /* 1 PTE, 2 PDE, 3 PDPTE, 4 PML4E, 5 PML5E */
	uint64_t pa;	/* of the entry */
	uint64_t value; /* raw */
};
#define VM_ENTRIES_MAX 5
/* As vm_translate, and the entries passed in *ret_n and entry, also after a failure. */
enum fs_status vm_walk(struct vm *vm, uint64_t va, struct vm_entry entry[VM_ENTRIES_MAX],
		       size_t *ret_n, struct vm_xlat *ret, struct fs_error *err);

/*
 * Bytes that the dump lacks, from an image file. An upward call, which the session makes
 * known: copies up to n bytes at va to buf and returns how many it has from va on.
 * Only vm_read_any asks it, never vm_read: what is collected, proved and diagnosed rests
 * on the dump alone.
 */
typedef size_t vm_fallback(void *arg, uint64_t va, void *buf, size_t n);
void vm_set_fallback(struct vm *vm, vm_fallback *fn, void *arg);
/* As vm_read, and where the dump lacks bytes (FS_NOT_IN_DUMP, FS_PAGED_OUT), the fallback's.
 * *ret_from_image (may be NULL) tells whether any byte is from there. */
enum fs_status vm_read_any(struct vm *vm, uint64_t va, void *buf, size_t n, const char *what,
			   bool *ret_from_image, struct fs_error *err);

/* The next range with data at or above va and below `end`, for searches: a
 * virtual range of a triage dump, else a run of pages that are mapped and in the
 * dump (cut at 256 KiB: the next call goes on there). False when none. Holes of the
 * page tables are skipped whole. The work of one call is bounded by the size of the
 * dump, but tables that map one page many times can make many ranges out of it:
 * a search needs its own bound on how much it reads. */
bool vm_next_range(struct vm *vm, uint64_t va, uint64_t end, uint64_t *ret_va, uint64_t *ret_size);
/* Did the last vm_next_range say "none" because its bound of work was reached? */
bool vm_range_limited(const struct vm *vm);
/* Did the last vm_next_range pass over pages that are mapped as memory the kernel writes to
 * and that are not in the dump, or whose page table is not? The first and the last of them. */
bool vm_range_hole(const struct vm *vm, uint64_t *ret_first, uint64_t *ret_last);

/* Canonical kernel-half address for this machine? Evidence for pointers. */
bool vm_is_kernel_va(const struct vm *vm, uint64_t va);

#endif
