/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where page tables may begin, when nothing that is trusted says so: a search of physical
 * memory. Every candidate is to be proved by what it maps.
 */
#include <string.h>

#include "base/cursor.h"
#include "module/kernel.h"

/* PROCESSOR_START_BLOCK, which nt keeps below 1 MiB for starting processors: it begins with
 * a jump (E9 xx 06 00 01 00 00 00), LmTarget 0x70 is an address in nt, Cr3 0xa0 (MemProcFS and
 * memflow read the same places). */
enum { STUB_JUMP = 0, STUB_TARGET = 0x70, STUB_CR3 = 0xa0, STUB_BYTES = 0xa8 };
#define STUB_JUMP_MASK	0xffffffffffff00ffull
#define STUB_JUMP_VALUE 0x00000001000600e9ull
#define LOW_PAGES	0x100u

/* Roots stand low: Windows makes System's first. Beyond this the search gives up. */
#define ROOT_PFNS (16ull << 20) /* 64 GiB */

#define PA_MASK	     0x000ffffffffff000ull
#define ENTRY_VALID  1u
#define ENTRY_LARGE  0x80u /* x64: of a root it would be reserved */
#define ENTRY_TABLE  2u	   /* ARM64: a table, not a block */
#define SELF_FIRST   256u  /* the kernel's half */
#define SELF_ENTRIES 256u

static bool low_stub(struct kernel_root_search *s, struct vm_root *ret)
{
	uint8_t b[STUB_BYTES];
	uint64_t target, cr3;

	for (; s->pfn < LOW_PAGES; s->pfn++) {
		if (dump_read_phys(s->dump, s->pfn * DUMP_PAGE_SIZE, b, sizeof(b), NULL) != FS_OK)
			continue;
		target = load_u64(b + STUB_TARGET);
		cr3 = load_u64(b + STUB_CR3);
		if ((load_u64(b + STUB_JUMP) & STUB_JUMP_MASK) != STUB_JUMP_VALUE ||
		    target < 0xfffff80000000000ull || !cr3 || cr3 & ~PA_MASK)
			continue;
		*ret = (struct vm_root){s->machine, cr3, 0};
		s->pfn++;
		return true;
	}
	return false;
}

/* Windows' tables contain themselves: an entry of the kernel's half is the table's own. */
static bool maps_itself(enum dump_machine machine, const uint8_t *half, uint64_t pa)
{
	unsigned i;

	for (i = 0; i < SELF_ENTRIES; i++) {
		uint64_t e = load_u64(half + (size_t)i * 8);

		if (!(e & ENTRY_VALID) || (e & PA_MASK & 0xffffffffffffull) != pa)
			continue;
		if (machine == DUMP_ARM64 ? e & ENTRY_TABLE : !(e & ENTRY_LARGE))
			return true;
	}
	return false;
}

bool kernel_next_root(struct kernel_root_search *s, struct vm_root *ret, const char **ret_from)
{
	const struct dump_info *info = dump_info(s->dump);
	uint8_t half[DUMP_PAGE_SIZE / 2];

	if (s->machine == DUMP_X64 && !s->low_done) {
		*ret_from = "the processor start block in low memory";
		if (low_stub(s, ret))
			return true;
	}
	if (!s->low_done) {
		s->low_done = true;
		s->pfn = 0;
	}
	*ret_from = "a search of physical memory for page tables that contain themselves";
	for (;; s->pfn++) {
		uint64_t pa;

		s->pfn = dump_next_page(s->dump, s->pfn);
		if (s->pfn >= ROOT_PFNS)
			return false;
		pa = s->pfn * DUMP_PAGE_SIZE;
		if (s->hints->progress && s->seen % 0x4000 == 0)
			s->hints->progress(s->hints->progress_arg, "looking for page tables",
					   s->seen, info->pages);
		if (dump_read_phys(s->dump, pa + SELF_FIRST * 8, half, sizeof(half), NULL) !=
		    FS_OK)
			continue;
		s->seen++;
		if (!maps_itself(s->machine, half, pa))
			continue;
		*ret = (struct vm_root){s->machine, pa, 0};
		s->pfn++;
		return true;
	}
}
