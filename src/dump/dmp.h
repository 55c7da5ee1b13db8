/* SPDX-License-Identifier: BSD-2-Clause */
/* DUMP_HEADER64, which all Microsoft DMP formats begin with. Private to src/dump. */
#ifndef DUMP_DMP_H
#define DUMP_DMP_H

#include "dump/format.h"

/* File offsets, as kdmp-parser, volatility3 crash.py and QEMU win_dump_defs.h agree on them. */
enum {
	DMP_MAJOR = 0x8,
	DMP_BUILD = 0xc,
	DMP_DTB = 0x10,
	DMP_PFN_DATABASE = 0x18,
	DMP_MODULE_LIST = 0x20,
	DMP_PROCESS_HEAD = 0x28,
	DMP_MACHINE = 0x30,
	DMP_PROCESSORS = 0x34,
	DMP_BUGCHECK = 0x38,
	DMP_BUGCHECK_PARAMETERS = 0x40,
	DMP_KDBG = 0x80,
	DMP_RUN_COUNT = 0x88,
	DMP_PAGE_COUNT = 0x90,
	DMP_RUNS = 0x98,
	DMP_RUNS_END = 0x344, /* PhysicalMemoryBlockBuffer is 700 bytes from 0x88 */
	DMP_CONTEXT = 0x348,
	DMP_EXCEPTION = 0xf00,
	DMP_TYPE = 0xf98,
	DMP_SYSTEM_TIME = 0xfa8,
	DMP_COMMENT = 0xfb0,
	DMP_UPTIME = 0x1030,
	DMP_HEADER_SIZE = 0x2000,
};

/* DUMP_HEADER32 (volatility crash_vtypes, Bin2Dmp dmp.h, QEMU win_dump_defs.h). */
enum {
	DMP32_DTB = 0x10,
	DMP32_PFN_DATABASE = 0x14,
	DMP32_MODULE_LIST = 0x18,
	DMP32_PROCESS_HEAD = 0x1c,
	DMP32_MACHINE = 0x20,
	DMP32_PROCESSORS = 0x24,
	DMP32_BUGCHECK = 0x28,
	DMP32_BUGCHECK_PARAMETERS = 0x2c,
	DMP32_PAE = 0x5c, /* one byte */
	DMP32_KDBG = 0x60,
	DMP32_RUN_COUNT = 0x64,
	DMP32_PAGE_COUNT = 0x68,
	DMP32_RUNS = 0x6c,
	DMP32_RUNS_END = 0x320, /* PhysicalMemoryBlockBuffer is 700 bytes from 0x64 */
	DMP32_CONTEXT = 0x320,
	DMP32_EXCEPTION = 0x7d0,
	DMP32_COMMENT = 0x820,
	DMP32_TYPE = 0xf88,
	DMP32_UPTIME = 0xfb8,
	DMP32_SYSTEM_TIME = 0xfc0,
	DMP32_HEADER_SIZE = 0x1000,
};

enum dmp_type {
	DMP_TYPE_FULL = 1,
	DMP_TYPE_SUMMARY = 2,
	DMP_TYPE_HEADER = 3,
	DMP_TYPE_TRIAGE = 4,
	DMP_TYPE_BITMAP_FULL = 5,
	DMP_TYPE_BITMAP_KERNEL = 6,
	DMP_TYPE_AUTOMATIC = 7,
	DMP_TYPE_KERNEL = 8,
	DMP_TYPE_KERNEL_USER = 9,
	DMP_TYPE_COMPLETE = 10,
};

/* x64 and ARM64 physical addresses have at most 52 bits. */
#define DMP_PFN_LIMIT (1ull << 40)

/* Windows fills what it does not set with "PAGE": such a field is not present. */
struct dump_u32 dmp_u32(const uint8_t *header, size_t off);
struct dump_u64 dmp_u64(const uint8_t *header, size_t off);

/* A whole DUMP_HEADER64 with this DumpType? Never sets an error. */
bool dmp_is_type(const struct dump_first *first, uint32_t type);

/* The same of a DUMP_HEADER32. */
bool dmp32_is_type(const struct dump_first *first, uint32_t type);

/* What a whole DUMP_HEADER64 says; other members of *info stay. */
void dmp_parse_info(struct dump_info *info, const uint8_t *header);

/* Fill everything of d->info that the header says, and where CONTEXT is. */
void dmp_parse_header(struct dump *d, const struct dump_first *first);
/* The same of a DUMP_HEADER32. */
void dmp32_parse_header(struct dump *d, const struct dump_first *first);

#endif
