/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Non-present entries. The values are put together by hand from the bit fields of
 * _MMPTE_TRANSITION, _MMPTE_PROTOTYPE and _MMPTE_SOFTWARE in the public PDBs:
 * Prototype 10, Transition 11, PFN from 12 (36 bits up to 19045, 40 from 20348),
 * SwizzleBit 4, PageFileHigh 32..63.
 */
#include "support/test.h"
#include "vm/winpte.h"

#define MASK 0x0000300000000000ull

static const struct vm_pte_rules unknown = {0};
static const struct vm_pte_rules win7 = {.known = true, .pfn_bits = 36};
static const struct vm_pte_rules w19041 = {
	.known = true, .swizzle = true, .pfn_bits = 36, .mask_known = true, .invalid_mask = MASK};
static const struct vm_pte_rules w22000 = {
	.known = true, .swizzle = true, .pfn_bits = 40, .mask_known = true, .invalid_mask = MASK};
static const struct vm_pte_rules no_mask = {.known = true, .swizzle = true, .pfn_bits = 36};

struct expect {
	uint64_t pte;
	const struct vm_pte_rules *rules;
	enum fs_status status;
	uint64_t pa;	 /* FS_OK */
	const char *why; /* otherwise */
};

static const struct expect cases[] = {
	/* Transition, bit 4 clear, mask bits not set: only the new builds need the mask. */
	{0x00000abcd00008c0, &win7, FS_OK, 0xabcd0000000, NULL},
	{0x00000abcd00008c0, &w19041, FS_OK, 0xabcd0000000, NULL},
	{0x00000abcd00008c0, &no_mask, FS_UNSUPPORTED, 0, "InvalidPteMask"},
	{0x00000abcd00008c0, &unknown, FS_UNSUPPORTED, 0, "L1TF"},
	/* Flipped: the same bits are an address on one build and noise on the other. */
	{0x0000300012345880, &win7, FS_OK, 0x300012345000, NULL},
	{0x0000300012345880, &w19041, FS_OK, 0x12345000, NULL},
	{0x0000300012345880, &w22000, FS_OK, 0x12345000, NULL},
	{0x0000300012345880, &unknown, FS_UNSUPPORTED, 0, "L1TF"},
	/* Bit 4 set: never flipped, so every reading agrees. */
	{0x0000300012345890, &win7, FS_OK, 0x300012345000, NULL},
	{0x0000300012345890, &w19041, FS_OK, 0x300012345000, NULL},
	{0x0000300012345890, &no_mask, FS_OK, 0x300012345000, NULL},
	{0x0000300012345890, &unknown, FS_OK, 0x300012345000, NULL},
	/* Bits 48..51: unused with 36 bits, PFN with 40. */
	{0x000f000012345890, &win7, FS_OK, 0x12345000, NULL},
	{0x000f000012345890, &w22000, FS_OK, 0xf000012345000, NULL},
	{0x000f000012345890, &unknown, FS_UNSUPPORTED, 0, "width"},
	/* Bits 52..63 are never part of an address. */
	{0xfff0000012345890, &win7, FS_OK, 0x12345000, NULL},
	{0xfff0000012345890, &w22000, FS_OK, 0x12345000, NULL},
	{0xfff0000012345890, &unknown, FS_OK, 0x12345000, NULL},
	/* Prototype, with and without what would be the transition bit. */
	{0xffffa20f12340400, &win7, FS_PAGED_OUT, 0, "prototype"},
	{0xffffa20f12340c00, &win7, FS_PAGED_OUT, 0, "prototype"},
	{0xffffa20f12340c10, &unknown, FS_PAGED_OUT, 0, "prototype"},
	{0x0000000000000400, &w22000, FS_PAGED_OUT, 0, "prototype"},
	/* Page file. */
	{0x0000123400000082, &win7, FS_PAGED_OUT, 0, "in a page file"},
	{0x0000123400001090, &w19041, FS_PAGED_OUT, 0, "in a page file"},
	{0x0000123400001080, &w19041, FS_PAGED_OUT, 0, "in a page file"},
	/* Demand zero; flipped it looks like page file offset 0x3000. */
	{0x0000000000000080, &win7, FS_PAGED_OUT, 0, "demand zero:"},
	{0x0000000000000080, &unknown, FS_PAGED_OUT, 0, "demand zero:"},
	{0x0000300000000080, &w19041, FS_PAGED_OUT, 0, "demand zero:"},
	{0x0000300000000080, &win7, FS_PAGED_OUT, 0, "in a page file"},
	{0x0000300000000080, &no_mask, FS_PAGED_OUT, 0, "page file or demand zero"},
	{0x0000300000000080, &unknown, FS_PAGED_OUT, 0, "page file or demand zero"},
	/* Nothing. */
	{0, &unknown, FS_NOT_IN_DUMP, 0, "nothing is mapped"},
	{0, &w19041, FS_NOT_IN_DUMP, 0, "nothing is mapped"},
};

static void decodes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expect *c = &cases[i];
		uint64_t pa = 77;
		const char *why = "";
		enum fs_status st = winpte_decode(PTE_X64, c->rules, c->pte, &pa, &why);

		if (st != c->status || pa != (st == FS_OK ? c->pa : 77) ||
		    (c->why && !strstr(why, c->why)))
			fail_msg("case %zu: PTE 0x%llx gives %s, PA 0x%llx, \"%s\"", i,
				 (unsigned long long)c->pte, fs_status_name(st),
				 (unsigned long long)pa, why);
	}
}

/* A width that no build has must not widen the address. */
static void address_is_at_most_52_bits(void **state)
{
	struct vm_pte_rules odd = {.known = true, .pfn_bits = 64};

	(void)state;
	assert_true(winpte_address_mask(&odd) == 0x000ffffffffff000ull);
	odd.pfn_bits = 0;
	assert_true(winpte_address_mask(&odd) == 0x000ffffffffff000ull);
	assert_true(winpte_address_mask(&unknown) == 0x000ffffffffff000ull);
	assert_true(winpte_address_mask(&win7) == 0x0000fffffffff000ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),
		cmocka_unit_test(address_is_at_most_52_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
