/* SPDX-License-Identifier: BSD-2-Clause */
/* What fmt_dmp_triage.c and triage_drivers.c share. Private to src/dump. */
#ifndef DUMP_TRIAGE_H
#define DUMP_TRIAGE_H

#include "dump/format.h"
#include "dump/ranges.h"

/* TRIAGE_DUMP64: it stands at file offset 0x2000; fields by offset inside it. */
enum {
	TRIAGE_BASE = 0x2000,
	TRIAGE_END = 0x2080, /* file offset: what the header points at lies behind */

	TRIAGE_DUMP_SIZE = 0x04,
	TRIAGE_VALID_OFFSET = 0x08,
	TRIAGE_CONTEXT_OFFSET = 0x0c,
	TRIAGE_EXCEPTION_OFFSET = 0x10,
	TRIAGE_MM_OFFSET = 0x14,
	TRIAGE_UNLOADED_OFFSET = 0x18,
	TRIAGE_PRCB_OFFSET = 0x1c,
	TRIAGE_PROCESS_OFFSET = 0x20,
	TRIAGE_THREAD_OFFSET = 0x24,
	TRIAGE_STACK_OFFSET = 0x28,
	TRIAGE_STACK_SIZE = 0x2c,
	TRIAGE_DRIVERS_OFFSET = 0x30,
	TRIAGE_DRIVER_COUNT = 0x34,
	TRIAGE_POOL_OFFSET = 0x38,
	TRIAGE_POOL_SIZE = 0x3c,
	TRIAGE_TOP_OF_STACK = 0x48, /* u64 */
	TRIAGE_PAGE_ADDRESS = 0x60, /* u64 */
	TRIAGE_PAGE_OFFSET = 0x68,
	TRIAGE_PAGE_SIZE = 0x6c,
	TRIAGE_KDBG_OFFSET = 0x70,
	TRIAGE_KDBG_SIZE = 0x74,
	TRIAGE_BLOCKS_OFFSET = 0x78,
	TRIAGE_BLOCKS_COUNT = 0x7c,
};

/* Ranges besides the data blocks: stack, data page, KDBG, thread, process. */
#define TRIAGE_OTHER_RANGES 5u

struct dmp_triage {
	uint8_t header[TRIAGE_END - TRIAGE_BASE];
	struct range *in; /* while opening: the ranges as the file lists them */
	size_t nin, wrapped;
	struct ranges ranges;
	size_t ndrivers;
	uint32_t driver_stride; /* bytes */
	size_t nunloaded;
};

/* A u32 of the header; 0 when it is filler. */
uint32_t dmp_triage_u32(const struct dmp_triage *t, size_t field);

/* File offset where the next thing after `off` that the header points at begins,
 * at most the end of the dump: what stands at `off` ends there. */
uint64_t dmp_triage_next(const struct dump *d, const struct dmp_triage *t, uint64_t off);

/* In the upper half of the address space, where everything Windows captures is. */
static inline bool dmp_triage_is_kernel(uint64_t va)
{
	return va >> 63 != 0;
}

/* Bound the two lists; what is wrong with them becomes a note. */
void dmp_triage_find_drivers(struct dump *d, struct dmp_triage *t);
void dmp_triage_find_unloaded(struct dump *d, struct dmp_triage *t);

size_t dmp_triage_driver_count(const struct dump *d);
enum fs_status dmp_triage_driver(struct dump *d, size_t i, struct dump_driver *ret,
				 struct fs_error *err);
size_t dmp_triage_unloaded_count(const struct dump *d);
enum fs_status dmp_triage_unloaded(struct dump *d, size_t i, struct dump_unloaded *ret,
				   struct fs_error *err);

#endif
