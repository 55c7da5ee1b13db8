/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Windows keeps in page-table entries, present or not. Pure functions
 * over one raw entry.
 *
 * Facts: _MMPTE_HARDWARE, _MMPTE_TRANSITION, _MMPTE_PROTOTYPE and _MMPTE_SOFTWARE
 * of the public nt PDBs. Prototype is bit 10 and Transition bit 11 in every x64
 * build; the PFN begins at bit 12 and is 36 bits wide up to 19045, 40 bits from
 * 20348 on; SwizzleBit (bit 4) came with the L1TF updates of 2018, before them
 * bit 4 means something else. x86 and ARM64 have the two bits in the same places
 * (public nt PDBs of x86; MemProcFS for ARM64).
 */
#ifndef VM_WINPTE_H
#define VM_WINPTE_H

#include "vm/vm.h"

#define WINPTE_PRESENT	  (1ull << 0)
#define WINPTE_WRITE	  (1ull << 1)
#define WINPTE_UNCACHED	  (3ull << 3) /* of a valid entry: PWT, PCD */
#define WINPTE_SWIZZLE	  (1ull << 4)
#define ARM64_READ_ONLY	  (1ull << 7) /* of a valid entry: AP[2] */
#define WINPTE_LARGE	  (1ull << 7)
#define WINPTE_PROTOTYPE  (1ull << 10)
#define WINPTE_TRANSITION (1ull << 11)

/* Levels count from the page: 1 = PTE, 2 = PDE, 3 = PDPTE, 4 = PML4E, 5 = PML5E. */
#define WINPTE_MAX_LEVEL 5u
const char *winpte_level_name(unsigned level);

/*
 * What the processor makes of an entry. x64 and x86: Intel SDM vol. 3A, 4.3 to 4.5. ARM64:
 * Arm ARM D8.3, VMSAv8-64 with a 4 KiB granule; Windows keeps both halves of the address
 * space in one top table, the kernel's in the upper 256 entries (MemProcFS reads it so), and
 * TTBR1 may name that half of the page.
 */
enum pte_kind { PTE_X64, PTE_X86, PTE_X86_PAE, PTE_ARM64 };
enum pte_kind pte_kind(enum dump_machine machine, unsigned levels);

static inline unsigned pte_size(enum pte_kind k) /* bytes */
{
	return k == PTE_X86 ? 4 : 8;
}

static inline unsigned pte_entries(enum pte_kind k, unsigned level)
{
	if (k == PTE_X86)
		return 1024;
	return k == PTE_X86_PAE && level == 3 ? 4 : 512;
}

/* Bytes that one entry of this level maps. */
static inline uint64_t pte_span(enum pte_kind k, unsigned level)
{
	return 1ull << (12 + (k == PTE_X86 ? 10 : 9) * (level - 1));
}

/* Index of va in the table whose entries have this level. */
static inline unsigned pte_index(enum pte_kind k, uint64_t va, unsigned level)
{
	return (unsigned)(va / pte_span(k, level)) & (pte_entries(k, level) - 1);
}

/* Does the processor follow it? */
bool pte_is_valid(enum pte_kind k, uint64_t pte, unsigned level);
/* Does a valid entry map memory, rather than name a table? */
bool pte_is_leaf(enum pte_kind k, uint64_t pte, unsigned level);
/* Leaf where the architecture has none: the processor would fault. */
bool pte_is_reserved(enum pte_kind k, uint64_t pte, unsigned level);
/* Bits that are an address at all. */
uint64_t pte_address_bits(enum pte_kind k);

/* The bits of an entry (or of CR3) that are a physical address: from bit 12, as
 * wide as the build says, never the software and NX bits above. Without rules it is
 * the architecture's 40 bits (Intel SDM vol. 3A, 4.5). */
uint64_t winpte_address_mask(const struct vm_pte_rules *rules);

/*
 * Decode an entry whose present bit is 0. FS_OK: transition, *ret_pa is the page
 * in RAM that it still owns (a page-table page above level 1). Otherwise
 * FS_PAGED_OUT (prototype, page file, demand zero), FS_NOT_IN_DUMP (nothing is
 * mapped) or FS_UNSUPPORTED (two builds would read it differently), and *ret_why
 * is a static string that says which.
 */
enum fs_status winpte_decode(enum pte_kind kind, const struct vm_pte_rules *rules, uint64_t pte,
			     uint64_t *ret_pa, const char **ret_why);

#endif
