/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Windows keeps in x64 page-table entries, present or not. Pure functions
 * over one raw entry.
 *
 * Facts: _MMPTE_HARDWARE, _MMPTE_TRANSITION, _MMPTE_PROTOTYPE and _MMPTE_SOFTWARE
 * of the public nt PDBs. Prototype is bit 10 and Transition bit 11 in every x64
 * build; the PFN begins at bit 12 and is 36 bits wide up to 19045, 40 bits from
 * 20348 on; SwizzleBit (bit 4) came with the L1TF updates of 2018, before them
 * bit 4 means something else.
 */
#ifndef VM_WINPTE_H
#define VM_WINPTE_H

#include "vm/vm.h"

#define WINPTE_PRESENT	  (1ull << 0)
#define WINPTE_SWIZZLE	  (1ull << 4)
#define WINPTE_LARGE	  (1ull << 7)
#define WINPTE_PROTOTYPE  (1ull << 10)
#define WINPTE_TRANSITION (1ull << 11)

/* Levels count from the page: 1 = PTE, 2 = PDE, 3 = PDPTE, 4 = PML4E, 5 = PML5E. */
#define WINPTE_MAX_LEVEL 5u
const char *winpte_level_name(unsigned level);

/* Bytes that one entry of this level maps. */
static inline uint64_t winpte_span(unsigned level)
{
	return 1ull << (12 + 9 * (level - 1));
}

/* Index of va in the table whose entries have this level. */
static inline unsigned winpte_index(uint64_t va, unsigned level)
{
	return (unsigned)(va >> (12 + 9 * (level - 1))) & 511u;
}

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
enum fs_status winpte_decode(const struct vm_pte_rules *rules, uint64_t pte, uint64_t *ret_pa,
			     const char **ret_why);

#endif
