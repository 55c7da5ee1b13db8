/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/winpte.h"

static const char *const level_names[] = {
	"entry", "PTE", "PDE", "PDPTE", "PML4E", "PML5E",
};

const char *winpte_level_name(unsigned level)
{
	return level <= WINPTE_MAX_LEVEL ? level_names[level] : level_names[0];
}

#define ARM64_TABLE 2ull /* with VALID: a table, or at level 1 a page */

enum pte_kind pte_kind(enum dump_machine machine, unsigned levels)
{
	if (machine == DUMP_ARM64)
		return PTE_ARM64;
	if (machine == DUMP_X86)
		return levels == 2 ? PTE_X86 : PTE_X86_PAE;
	return PTE_X64;
}

bool pte_is_valid(enum pte_kind k, uint64_t pte, unsigned level)
{
	if (k == PTE_ARM64 && level == 1)
		return (pte & (WINPTE_PRESENT | ARM64_TABLE)) == (WINPTE_PRESENT | ARM64_TABLE);
	return pte & WINPTE_PRESENT;
}

bool pte_is_leaf(enum pte_kind k, uint64_t pte, unsigned level)
{
	if (level == 1)
		return true;
	return k == PTE_ARM64 ? !(pte & ARM64_TABLE) : (pte & WINPTE_LARGE) != 0;
}

bool pte_is_reserved(enum pte_kind k, uint64_t pte, unsigned level)
{
	unsigned first = k == PTE_X86_PAE ? 3 : 4; /* level without large pages */

	return level >= first && pte_is_leaf(k, pte, level);
}

uint64_t pte_address_bits(enum pte_kind k)
{
	switch (k) {
	case PTE_X86:
		return 0xfffff000ull;
	case PTE_ARM64:
		return 0x0000fffffffff000ull;
	case PTE_X64:
	case PTE_X86_PAE:
		break;
	}
	return 0x000ffffffffff000ull;
}

#define PFN_SHIFT     12u
#define PFN_BITS_OLD  36u /* _MMPTE_*.PageFrameNumber up to 19045 */
#define PFN_BITS_ARCH 40u /* MAXPHYADDR is at most 52 */

static uint64_t pfn_mask(unsigned bits)
{
	return ((1ull << bits) - 1) << PFN_SHIFT;
}

uint64_t winpte_address_mask(const struct vm_pte_rules *rules)
{
	unsigned bits = PFN_BITS_ARCH;

	if (rules->known && rules->pfn_bits > 0 && rules->pfn_bits < PFN_BITS_ARCH)
		bits = rules->pfn_bits;
	return pfn_mask(bits);
}

/*
 * Undo the L1TF flip of a non-present entry: a clear swizzle bit means that the
 * bits of MiState.Hardware.InvalidPteMask are to be removed. False when the entry
 * can be read in two ways with what is known.
 */
static bool unswizzle(const struct vm_pte_rules *rules, uint64_t pte, uint64_t *ret)
{
	/* Set: never flipped where the bit is a swizzle bit, and bit 4 changes
	 * nothing about the rest where it is CacheDisable or IoTracker. */
	if ((pte & WINPTE_SWIZZLE) || (rules->known && !rules->swizzle)) {
		*ret = pte;
		return true;
	}
	if (!rules->known || !rules->mask_known)
		return false;
	*ret = pte & ~rules->invalid_mask;
	return true;
}

static enum fs_status decode_transition(const struct vm_pte_rules *rules, uint64_t pte,
					uint64_t *ret_pa, const char **ret_why)
{
	uint64_t plain, pa;

	if (!unswizzle(rules, pte, &plain)) {
		*ret_why = rules->known
				   ? "transition entry with flipped PFN bits (L1TF), and "
				     "MiState.Hardware.InvalidPteMask is not known"
				   : "transition entry, and this build's rule for flipped PFN bits "
				     "(L1TF) is not known";
		return FS_UNSUPPORTED;
	}
	pa = plain & winpte_address_mask(rules);
	/* 36 or 40 bits? It matters only when the upper four are in use. */
	if (!rules->known && (pa & ~pfn_mask(PFN_BITS_OLD))) {
		*ret_why = "transition entry, and the width of this build's PFN is not known";
		return FS_UNSUPPORTED;
	}
	*ret_pa = pa;
	return FS_OK;
}

/* _MMPTE_SOFTWARE: PageFileHigh is bits 32..63 in every x64 build and with PAE, bits
 * 12..31 without; without a page file offset the entry asks for a zeroed page. */
static const char *software_kind(enum pte_kind kind, const struct vm_pte_rules *rules, uint64_t pte)
{
	uint64_t plain;

	if (kind == PTE_X86)
		pte = pte >> 12 << 32 | (pte & 0xfff);
	if (pte >> 32 == 0)
		return "demand zero: the page was never written";
	if (!unswizzle(rules, pte, &plain))
		return "page file or demand zero (the L1TF mask is not known)";
	return plain >> 32 == 0 ? "demand zero: the page was never written"
				: "the page is in a page file";
}

enum fs_status winpte_decode(enum pte_kind kind, const struct vm_pte_rules *rules, uint64_t pte,
			     uint64_t *ret_pa, const char **ret_why)
{
	enum fs_status st;

	if (pte == 0) {
		*ret_why = "nothing is mapped here";
		return FS_NOT_IN_DUMP;
	}
	/* Bit 11 of a prototype entry belongs to its protection (or is Combined). */
	if (pte & WINPTE_PROTOTYPE) {
		*ret_why = "prototype entry: the page belongs to a section";
		return FS_PAGED_OUT;
	}
	if (pte & WINPTE_TRANSITION) {
		st = decode_transition(rules, pte, ret_pa, ret_why);
		if (st == FS_OK)
			*ret_pa &= pte_address_bits(kind);
		return st;
	}
	*ret_why = software_kind(kind, rules, pte);
	return FS_PAGED_OUT;
}
