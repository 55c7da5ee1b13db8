/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A dump file made byte by byte. Offsets are written in the tests as numbers,
 * from the public descriptions of DUMP_HEADER64, not taken from the reader.
 *
 *	struct bytes b = { 0 };
 *	bytes_dmp_header(&b, 1);	PAGE filler and a plausible header
 *	bytes_u32(&b, 0x88, 2);		grows as needed, zero-filled
 *	dump_open(bytes_save(&b), ...);	a file in TMPDIR, rewritten by each save
 *	bytes_deinit(&b);		removes it
 */
#ifndef SUPPORT_DUMP_BYTES_H
#define SUPPORT_DUMP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dump;

struct bytes {
	uint8_t *v;
	size_t n, cap;
	char path[256];
};

void bytes_deinit(struct bytes *b);
void bytes_resize(struct bytes *b, size_t n);
void bytes_put(struct bytes *b, size_t off, const void *p, size_t n);
void bytes_u16(struct bytes *b, size_t off, uint16_t v);
void bytes_u32(struct bytes *b, size_t off, uint32_t v);
void bytes_u64(struct bytes *b, size_t off, uint64_t v);
/* n bytes of PAGEPAGE... */
void bytes_filler(struct bytes *b, size_t off, size_t n);

/* Write all of it, or the first n bytes only, and give the path. */
const char *bytes_save(struct bytes *b);
const char *bytes_save_n(struct bytes *b, size_t n);

/* 8 KiB of filler with signature, DumpType, build 19041, x64, 2 processors. */
void bytes_dmp_header(struct bytes *b, uint32_t type);
/* A page of which every u64 is its own physical address. */
void bytes_page(struct bytes *b, size_t off, uint64_t pfn);

/* Open what was built; the test fails with the error's words when it does not. */
struct dump *bytes_open(struct bytes *b);

/* Walk over everything that an open dump offers and read it: must never crash,
 * whatever the file says. Returns the number of reads that succeeded. */
size_t bytes_exercise(struct dump *d);

/* dump_next_page from every one of the first `pfns` page numbers on, against what can be read:
 * it passes over no page of which anything is there, and, when exact, stops at none whose first
 * byte is not. */
void bytes_next_pages(struct dump *d, uint64_t pfns, bool exact);

/* Is this part of one of the dump's notes? */
bool bytes_noted(const struct dump *d, const char *words);

/* Heap bytes in use, 0 where the build cannot tell. */
size_t heap_used(void);

#endif
