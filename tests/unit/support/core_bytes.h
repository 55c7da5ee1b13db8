/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF core made byte by byte: offsets of elf.h and of QEMU's notes as numbers, not taken
 * from the reader.
 */
#ifndef SUPPORT_CORE_BYTES_H
#define SUPPORT_CORE_BYTES_H

#include "support/dump_bytes.h"

struct core_load {
	uint64_t pa, size, off;
};

/* An ELF header of n program headers behind it at 0x40. */
void core_header(struct bytes *b, uint16_t machine, size_t n);
/* Program header i of type 1 (PT_LOAD) or 4 (PT_NOTE). */
void core_phdr(struct bytes *b, size_t i, uint32_t type, const struct core_load *l);

/* Append a note at *at, which moves behind it; yields where its description begins. */
size_t core_note(struct bytes *b, size_t *at, const char *name, uint32_t type, uint32_t size);
/* The notes of one started x64 processor, registers made of `seed`. */
void core_prstatus_x64(struct bytes *b, size_t *at, uint64_t seed);
void core_qemu_x64(struct bytes *b, size_t *at, uint64_t seed, uint64_t cr3);

#endif
