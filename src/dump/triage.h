/* SPDX-License-Identifier: BSD-2-Clause */
/* What fmt_dmp_triage.c and triage_drivers.c share. Private to src/dump. */
#ifndef DUMP_TRIAGE_H
#define DUMP_TRIAGE_H

#include "dump/format.h"
#include "dump/ranges.h"

/*
 * TRIAGE_DUMP64 stands at file offset 0x2000, TRIAGE_DUMP32 at 0x1000; fields by offset inside it.
 * Up to 0x44 both are the same. The 32-bit one is from the published types of the WDK 10
 * (_TRIAGE_DUMP32, 0x68 bytes); Ghidra's TriageDump has the same places but for the data page's.
 */
enum {
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
	TRIAGE_TOP_OF_STACK = 0x48, /* as wide as a pointer */
	TRIAGE_SIZE_MAX = 0x80,
};

/* A driver entry: name offset u32, then a KLDR_DATA_TABLE_ENTRY copy. 64 bits: seen on builds 9600
 * to 22000. 32 bits: _KLDR_DATA_TABLE_ENTRY32 of the public PDBs of ntoskrnl (ntdiff/headers), and
 * the stride measured on minidumps of XP SP3 (voidsstr/retro-agent, xpminidump.py). */
struct triage_driver_shape {
	uint8_t base, entry, size, checksum, timestamp, stride;
};
/* An unloaded driver: UNICODE_STRING (its Length first), 24 bytes of the name itself, start and
 * end. 32 bits: _DUMP_UNLOADED_DRIVERS32 of the WDK 10, the count as Ghidra's Pagedump reads it. */
struct triage_unloaded_shape {
	uint8_t name, start, end, stride;
};

struct triage_shape {
	uint32_t base, end; /* file offsets: what the header points at lies behind `end` */
	uint8_t width;	    /* bytes of a pointer: 8, 4 */
	uint8_t page_address, page_offset, page_size; /* the data page */
	uint8_t kdbg_offset, kdbg_size, blocks_offset, blocks_count;
	uint32_t context; /* file offset of the header's own CONTEXT */
	struct triage_driver_shape driver;
	struct triage_unloaded_shape unloaded;
};

/* Ranges besides the data blocks: stack, data page, KDBG, thread, process. */
#define TRIAGE_OTHER_RANGES 5u

struct dmp_triage {
	const struct triage_shape *shape;
	uint8_t header[TRIAGE_SIZE_MAX];
	struct range *in; /* while opening: the ranges as the file lists them */
	size_t nin, wrapped;
	size_t wide; /* blocks of a 32-bit dump that have no address of 32 bits */
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

/* A pointer as wide as the dump's. */
uint64_t dmp_triage_pointer(const struct triage_shape *s, const uint8_t *p);

/* In the upper half of the address space, where everything Windows captures is. */
static inline bool dmp_triage_is_kernel(const struct triage_shape *s, uint64_t va)
{
	return va >> (8 * s->width - 1) == 1;
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
