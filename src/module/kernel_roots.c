/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where page tables may begin, when nothing that is trusted says so: a search of physical
 * memory. Every candidate is to be proved by what it maps. Entries: SDM vol. 3A, 4.3 to 4.5.
 *
 * Windows' tables contain themselves, so that the kernel can edit them: on x64 and ARM64 an
 * entry of the top table's kernel half is the table's own; on x86 without PAE it is that for
 * 0xc0000000; with PAE the first four entries of the last of the four page directories are the
 * directories (MmPteBase 0xc0000000: PTEs of all 4 GiB in 8 MiB).
 */
#include <stdlib.h>
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

#define PA_MASK	     0x000ffffffffff000ull
#define ENTRY_VALID  1u
#define ENTRY_LARGE  0x80u /* of a root it would be reserved */
#define ENTRY_TABLE  2u	   /* ARM64: a table, not a block */
#define SELF_FIRST   256u  /* the kernel's half */
#define SELF_ENTRIES 256u
/* Nothing that is an image is mapped below 0xfffff80000000000, with five levels below the
 * last entry of the top table. */
#define IMAGES_FIRST 0x1f0u

#define X86_SELF      0x300u /* the entry of 0xc0000000 */
#define X86_MASK      0xfffff000u
#define X86_PFNS      (1ull << 20) /* CR3 has 32 bits */
#define PDPT_BYTES    32u
#define PDPTS_PER_PAGE (DUMP_PAGE_SIZE / PDPT_BYTES)
/* Bits 1, 2, 5 to 8 and those above any physical address are reserved in a PDPTE. */
#define PDPTE_MBZ 0xffff0000000001e6ull

/* A hostile file says that it holds the same bytes at many addresses, or one page of zeros as
 * endless memory: this many pages, or twice as many as the file has, are looked at. */
#define PAGES_MAX (16ull << 20) /* 64 GiB */

/* Directories that four entries in a row lead to are read this often; of real memory a few are. */
#define PDPT_READS_MAX (1u << 20)

static bool low_stub(struct kernel_root_search *s, struct vm_root *ret)
{
	uint8_t b[STUB_BYTES];
	uint64_t target, cr3;

	while (s->low < LOW_PAGES) {
		if (dump_read_phys(s->dump, s->low++ * DUMP_PAGE_SIZE, b, sizeof(b), NULL) != FS_OK)
			continue;
		target = load_u64(b + STUB_TARGET);
		cr3 = load_u64(b + STUB_CR3);
		if ((load_u64(b + STUB_JUMP) & STUB_JUMP_MASK) != STUB_JUMP_VALUE ||
		    target < 0xfffff80000000000ull || !cr3 || cr3 & ~PA_MASK)
			continue;
		*ret = (struct vm_root){s->machine, cr3, 0};
		return true;
	}
	return false;
}

/* Cheap, and without branches so that it runs over memory as fast as it is read: does any
 * aligned word look like the low half of an entry for pa? */
static bool mentions(const uint8_t *half, uint32_t pa)
{
	uint32_t w[SELF_ENTRIES * 2], hit = 0;
	size_t i;

	memcpy(w, half, sizeof(w));
	for (i = 0; i < SELF_ENTRIES * 2; i++)
		hit |= (uint32_t)((w[i] & X86_MASK) == pa);
	return hit != 0;
}

static bool is_self(enum dump_machine machine, uint64_t e, uint64_t pa)
{
	if (!(e & ENTRY_VALID) || (e & PA_MASK & 0xffffffffffffull) != pa)
		return false;
	return machine == DUMP_ARM64 ? e & ENTRY_TABLE : !(e & ENTRY_LARGE);
}

/* It contains itself, and maps something where images are. */
static bool maps_itself(enum dump_machine machine, const uint8_t *page, uint64_t pa)
{
	bool self = false, images = false;
	unsigned i;

	if (!mentions(page + SELF_FIRST * 8, (uint32_t)pa & X86_MASK))
		return false;
	for (i = SELF_FIRST; i < SELF_FIRST + SELF_ENTRIES; i++) {
		uint64_t e = load_u64(page + (size_t)i * 8);

		if (is_self(machine, e, pa))
			self = true;
		else if (i >= IMAGES_FIRST && e != 0)
			images = true;
	}
	return self && images;
}

static bool maps_itself32(const uint8_t *page, uint64_t pa)
{
	uint32_t e = load_u32(page + X86_SELF * 4);

	return (e & ENTRY_VALID) && !(e & ENTRY_LARGE) && (e & X86_MASK) == pa;
}

/* Four page directories, the last of which holds all four of them. */
static bool is_pdpt(struct kernel_root_search *s, const uint8_t *p)
{
	uint8_t self[PDPT_BYTES];
	uint64_t e = 0;
	unsigned i;

	for (i = 0; i < 4; i++) {
		e = load_u64(p + 8 * (size_t)i);
		if (!(e & ENTRY_VALID) || (e & PDPTE_MBZ))
			return false;
	}
	if (s->pdpt_reads == PDPT_READS_MAX) {
		s->limited = true;
		return false;
	}
	s->pdpt_reads++;
	if (dump_read_phys(s->dump, e & PA_MASK, self, sizeof(self), NULL) != FS_OK)
		return false;
	for (i = 0; i < 4; i++) {
		e = load_u64(self + 8 * (size_t)i);
		if (!(e & ENTRY_VALID) || (e & ENTRY_LARGE) ||
		    (e & PA_MASK) != (load_u64(p + 8 * (size_t)i) & PA_MASK))
			return false;
	}
	return true;
}

/* One page holds the top tables of many processes. Directory first: it is one look. */
static bool narrow_root(struct kernel_root_search *s, const uint8_t *page, uint64_t pa,
			struct vm_root *ret)
{
	if (s->in_page == 0 && maps_itself32(page, pa)) {
		s->in_page = 1;
		*ret = (struct vm_root){DUMP_X86, pa, 2};
		return true;
	}
	if (s->in_page == 0)
		s->in_page = 1;
	while (s->in_page <= PDPTS_PER_PAGE) {
		size_t off = (s->in_page++ - 1) * (size_t)PDPT_BYTES;

		if ((page[off] & ENTRY_VALID) && is_pdpt(s, page + off)) {
			*ret = (struct vm_root){DUMP_X86, pa + off, 3};
			return true;
		}
	}
	s->in_page = 0;
	return false;
}

static bool in_chunk(struct kernel_root_search *s, struct vm_root *ret)
{
	for (; s->at < s->n; s->at++) {
		const uint8_t *page = s->chunk + s->at * DUMP_PAGE_SIZE;
		uint64_t pa = (s->first + s->at) * DUMP_PAGE_SIZE;

		if (s->machine == DUMP_X86) {
			if (narrow_root(s, page, pa, ret))
				return true;
		} else if (maps_itself(s->machine, page, pa)) {
			*ret = (struct vm_root){s->machine, pa, 0};
			s->at++;
			return true;
		}
	}
	return false;
}

bool kernel_next_root(struct kernel_root_search *s, struct vm_root *ret, const char **ret_from)
{
	const struct dump_info *info = dump_info(s->dump);

	*ret_from = "the processor start block in low memory";
	if (s->machine == DUMP_X64 && low_stub(s, ret))
		return true;
	*ret_from = "a search of physical memory for page tables that contain themselves";
	if (!s->chunk) {
		s->scan.most = info->file_size / DUMP_PAGE_SIZE * 2;
		if (s->scan.most < PAGES_MAX)
			s->scan.most = PAGES_MAX;
		s->scan.end = s->machine == DUMP_X86 ? X86_PFNS : UINT64_MAX;
		s->chunk = malloc((size_t)DUMP_SCAN_PAGES * DUMP_PAGE_SIZE);
		s->no_memory = !s->chunk;
	}
	while (s->chunk) {
		if (in_chunk(s, ret))
			return true;
		if (s->hints->progress && s->scan.passed >= s->told) {
			s->hints->progress(s->hints->progress_arg, "looking for page tables",
					   s->scan.passed, info->pages);
			s->told = s->scan.passed + 0x4000;
		}
		s->at = 0;
		s->n = dump_scan_next(s->dump, &s->scan, s->chunk, &s->first);
		s->limited |= s->n == 0 && s->scan.passed > s->scan.most;
		if (s->n == 0)
			return false;
	}
	return false;
}

void kernel_root_search_deinit(struct kernel_root_search *s)
{
	free(s->chunk);
	s->chunk = NULL;
}
