/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/core_bytes.h"

#include <string.h>

void core_header(struct bytes *b, uint16_t machine, size_t n)
{
	bytes_resize(b, 0);
	bytes_resize(b, 0x40 + 56 * n);
	bytes_put(b, 0, "\177ELF\2\1\1", 7);
	bytes_u16(b, 16, 4);
	bytes_u16(b, 18, machine);
	bytes_u32(b, 20, 1);
	bytes_u64(b, 32, 0x40);
	bytes_u16(b, 52, 64);
	bytes_u16(b, 54, 56);
	bytes_u16(b, 56, (uint16_t)n);
}

void core_phdr(struct bytes *b, size_t i, uint32_t type, const struct core_load *l)
{
	size_t at = 0x40 + 56 * i;

	bytes_u32(b, at, type);
	bytes_u64(b, at + 8, l->off);
	bytes_u64(b, at + 24, l->pa);
	bytes_u64(b, at + 32, l->size);
	bytes_u64(b, at + 40, l->size);
}

size_t core_note(struct bytes *b, size_t *at, const char *name, uint32_t type, uint32_t size)
{
	uint32_t named = (uint32_t)strlen(name) + 1;
	size_t desc = *at + 12 + (named + 3) / 4 * 4;

	bytes_u32(b, *at, named);
	bytes_u32(b, *at + 4, size);
	bytes_u32(b, *at + 8, type);
	bytes_put(b, *at + 12, name, named);
	bytes_resize(b, desc + (size + 3) / 4 * 4);
	*at = b->n;
	return desc;
}

/* struct elf_prstatus of x64: registers from 112, RIP the 16th, RSP the 19th, GS base the 22nd. */
void core_prstatus_x64(struct bytes *b, size_t *at, uint64_t seed)
{
	size_t desc = core_note(b, at, "CORE", 1, 336);

	bytes_u64(b, desc + 240, seed + 1);
	bytes_u64(b, desc + 264, seed + 2);
	bytes_u64(b, desc + 288, seed + 3);
}

/* struct QEMUCPUState: 440 bytes. */
void core_qemu_x64(struct bytes *b, size_t *at, uint64_t seed, uint64_t cr3)
{
	size_t desc = core_note(b, at, "QEMU", 0, 440);

	bytes_u32(b, desc, 1);
	bytes_u32(b, desc + 4, 440);
	bytes_u64(b, desc + 56, seed + 2);  /* RSP */
	bytes_u64(b, desc + 136, seed + 1); /* RIP */
	bytes_u64(b, desc + 264, seed + 3); /* GS base */
	bytes_u64(b, desc + 360, seed + 4); /* GDT base */
	bytes_u64(b, desc + 384, seed + 5); /* IDT base */
	bytes_u64(b, desc + 416, cr3);	    /* CR3 */
	bytes_u64(b, desc + 424, seed + 6); /* CR4 */
	bytes_u64(b, desc + 432, seed + 7); /* kernel GS base */
}
