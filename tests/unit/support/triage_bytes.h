/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_TRIAGE_BYTES_H
#define SUPPORT_TRIAGE_BYTES_H

#include "support/dump_bytes.h"

/*
 * A small minidump, in the order in which real ones have their parts:
 *	0x2100 unloaded drivers (2)	0x2180 PRCB copy	0x21a0 process copy
 *	0x21c0 thread copy		0x2280 call stack	0x2300 driver list (2)
 *	0x2420 string pool (0x60)	0x2500 KDBG copy (0x380)
 *	0x2900 data blocks (3)		0x3000 their bytes	0x3200 TRGD
 */
enum {
	UNLOADED = 0x2100,
	PRCB = 0x2180,
	PROCESS = 0x21a0,
	THREAD = 0x21c0,
	STACK = 0x2280,
	DRIVERS = 0x2300,
	POOL = 0x2420,
	KDBG = 0x2500,
	BLOCKS = 0x2900,
	DATA = 0x3000,
	VALID = 0x3200,
	END = 0x3204,
};

#define STACK_VA   0xffffcc0400001000ull
#define KDBG_VA	   0xfffff80000a00b20ull
#define THREAD_VA  0xffffe78f00002040ull
#define PROCESS_VA 0xffffe78f000071c0ull
#define BLOCK_VA   0xffffe78f00100000ull
#define NT_BASE	   0xfffff80000000000ull

/* The whole of it, from its first byte. */
void triage_bytes(struct bytes *b);
/* Set entry i of the data block table, and the count to i + 1 or more. */
void triage_bytes_block(struct bytes *b, size_t i, uint64_t va, size_t off, size_t size);
/* The same dump with one u32 changed, opened. */
struct dump *triage_bytes_with(struct bytes *b, size_t off, uint32_t v);

/* The u32 at va must be the pattern that stands at file offset `off`. */
void expect_at(struct dump *d, uint64_t va, size_t off);
/* Reading n bytes (at most 64) at va must fail, first at `missing`. */
void expect_missing(struct dump *d, uint64_t va, size_t n, uint64_t missing);

#endif
