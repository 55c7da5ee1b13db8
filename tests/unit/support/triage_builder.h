/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for a test: a triage minidump (DumpType 4) whose virtual ranges hold
 * what the test put there. The cheapest dump there is, because virtual ranges
 * need no page tables. Offsets: the dump-formats facts, written down here a second time so
 * that reader and writer do not share a mistake.
 *
 *	struct triage t;
 *	triage_init(&t);
 *	triage_map(&t, 0xfffff88001330000, 0x1000);	zero-filled
 *	triage_u64(&t, 0xfffff88001330010, 42);
 *	triage_driver(&t, "fltmgr.sys", base, size, timestamp);
 *	path = triage_write(&t);			a new file in TMPDIR
 *	...
 *	triage_deinit(&t);				removes the file, too
 */
#ifndef SUPPORT_TRIAGE_BUILDER_H
#define SUPPORT_TRIAGE_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#define TRIAGE_RANGES	64
#define TRIAGE_DRIVERS	32
#define TRIAGE_UNLOADED 16

struct triage_range {
	uint64_t va;
	size_t size;
	uint8_t *bytes;
};
struct triage_driver {
	char name[64]; /* ASCII; "" writes a name offset of 0 */
	uint64_t base;
	uint32_t size, timestamp;
};
struct triage_unloaded {
	char name[13]; /* at most 12 characters, as the format stores */
	uint64_t start, end;
};
struct triage {
	uint32_t machine, build; /* 0x8664 and 19041 from triage_init */
	uint64_t modules, kdbg;	 /* PsLoadedModuleList, KdDebuggerDataBlock; 0: PAGE filler */
	struct triage_range range[TRIAGE_RANGES];
	size_t nranges;
	struct triage_driver driver[TRIAGE_DRIVERS];
	size_t ndrivers;
	struct triage_unloaded unloaded[TRIAGE_UNLOADED];
	size_t nunloaded;
	char path[256];
};

void triage_init(struct triage *t);
void triage_deinit(struct triage *t);

/* A range of zero bytes; ranges must not overlap. Everything else is not in the dump. */
void triage_map(struct triage *t, uint64_t va, size_t size);
/* Put bytes into mapped ranges; a test that misses them is wrong and aborts. */
void triage_put(struct triage *t, uint64_t va, const void *p, size_t n);
void triage_u8(struct triage *t, uint64_t va, uint8_t v);
void triage_u16(struct triage *t, uint64_t va, uint16_t v);
void triage_u32(struct triage *t, uint64_t va, uint32_t v);
void triage_u64(struct triage *t, uint64_t va, uint64_t v);
/* ASCII as UTF-16LE without a terminator; returns the bytes written. */
size_t triage_utf16(struct triage *t, uint64_t va, const char *s);
/* An x64 UNICODE_STRING at va whose characters are put at buffer. */
void triage_ustr(struct triage *t, uint64_t va, uint64_t buffer, const char *s);
/* An x64 LIST_ENTRY. */
void triage_links(struct triage *t, uint64_t va, uint64_t flink, uint64_t blink);

void triage_driver(struct triage *t, const char *name, uint64_t base, uint32_t size,
		   uint32_t timestamp);
void triage_unloaded(struct triage *t, const char *name, uint64_t start, uint64_t end);

/* Write (again) and give the path. */
const char *triage_write(struct triage *t);
/* The same memory as a full dump (DumpType 1) with 4-level page tables (x64
 * only); what a range leaves of its first and last page is zero. The driver
 * lists are a triage dump's own and not in it. */
const char *triage_write_full(struct triage *t);

#endif
