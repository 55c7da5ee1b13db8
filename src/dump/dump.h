/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A dump file: header facts, and bytes by physical address or, for triage
 * minidumps, by virtual address. One format is one fmt_*.c behind `struct
 * dump_format` (format.h); formats.def lists them and says how to add one.
 *
 * Facts: offsets are those of DUMP_HEADER64 as public readers agree on them
 * (kdmp-parser, volatility3 crash.py, QEMU win_dump_defs.h).
 */
#ifndef DUMP_DUMP_H
#define DUMP_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

#define DUMP_PAGE_SIZE 4096u

struct dump;

/* A header field that holds the PAGE filler was never set: !present. Where the container
 * has no Windows header nothing of it is present. */
struct dump_u32 {
	uint32_t v;
	bool present;
};
struct dump_u64 {
	uint64_t v;
	bool present;
};

enum dump_machine { DUMP_MACHINE_UNKNOWN, DUMP_X64, DUMP_X86, DUMP_ARM64 };
const char *
dump_machine_name(enum dump_machine m); /* "x64", "x86", "arm64", "unknown": JSON, layouts */

struct dump_info {
	const char
		*format; /* "dmp-full", "dmp-bitmap", "dmp-kernel", "dmp-rdmp", "dmp-triage", "elf",
			  * "kdump", "vmware", "raw" (JSON contract) */
	uint32_t dump_type; /* DumpType of the header; 0: no Windows header */
	enum dump_machine machine;
	uint32_t machine_raw;	      /* IMAGE_FILE_MACHINE_* */
	struct dump_u32 major, build; /* MajorVersion, MinorVersion (= build number) */
	struct dump_u32 processors;
	struct dump_u32 bugcheck;
	struct dump_u64 bugcheck_parameter[4];
	struct dump_u64 system_time;	      /* FILETIME: 100 ns since 1601 UTC */
	struct dump_u64 uptime;		      /* 100 ns units */
	struct dump_u64 directory_table_base; /* PA */
	struct dump_u32 pae_enabled;	      /* PaeEnabled of 32-bit headers: 0 or 1 */
	struct dump_u64 pfn_database;	      /* VA */
	struct dump_u64 ps_loaded_module_list, ps_active_process_head; /* VA */
	struct dump_u64 kd_debugger_data_block;			       /* VA */
	struct dump_u32 exception_code;	   /* EXCEPTION_RECORD64 or 32 of the header (winnt.h) */
	struct dump_u64 exception_address; /* VA */
	/* Of a triage dump, out of its copy of the crashing processor's KPRCB. */
	struct dump_u64 current_thread;	   /* VA of the ETHREAD */
	struct dump_u32 current_processor; /* its number */
	char comment[129];	/* escaped by whoever shows it */
	uint64_t file_size;	/* bytes */
	uint64_t pages;		/* physical pages the dump says it holds; 0 for triage */
	bool truncated;		/* the file is shorter than its own header promises */
	uint64_t missing_bytes; /* how much shorter, when truncated */
};

/* Open and validate. FS_SYSTEM: cannot be opened or read. FS_UNSUPPORTED: a
 * dump, but a type that is not read (its number is in the text). FS_CORRUPT: no
 * dump, or its header contradicts the file. A truncated file opens with
 * info.truncated set as long as its header is whole. Owner: dump_close. */
enum fs_status dump_open(const char *path, struct dump **ret, struct fs_error *err);

/* What only the user can know about a file. All zero: nothing. */
struct dump_options {
	bool raw; /* when no format knows it, it is physical memory from address 0; taken
		   * for x64's until its kernel says otherwise */
	/* raw: physical addresses [start, end) are not in the file, what is above them follows
	 * what is below; whole pages. start >= end: no such hole. */
	uint64_t raw_hole_start, raw_hole_end;
	/* A compressed file: bytes that it may become; 0: what a dump of its size could be. */
	uint64_t unpack_max;
	/* Called while it is unpacked, as fltscope_options.progress is. May be NULL. */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
	void *progress_arg;
};
/* The same; FS_INVALID: options that cannot be meant for this file. */
enum fs_status dump_open_with(const char *path, const struct dump_options *options,
			      struct dump **ret, struct fs_error *err);
void dump_close(struct dump *d); /* NULL is fine */

const struct dump_info *dump_info(const struct dump *d);
const char *dump_path(const struct dump *d);

/* Sentences about a header that contradicts itself without being useless (a page
 * count that is not the bitmap's, overlapping runs, a driver list that is no
 * list); at most 16. Borrowed, valid until dump_close. */
size_t dump_note_count(const struct dump *d);
const char *dump_note(const struct dump *d, size_t i);
/* Keep one more such sentence (none beyond the 16th). */
__attribute__((format(printf, 2, 3))) void dump_note_add(struct dump *d, const char *fmt, ...);

/* What was found in memory and takes the place of what the header says, or does not say;
 * a value that is not present changes nothing. Whoever calls tells it in a note. */
struct dump_learned {
	enum dump_machine machine; /* DUMP_MACHINE_UNKNOWN: none */
	bool machine_unknown;	   /* what was taken for the machine is refuted, or was a guess */
	struct dump_u32 build, major;
	struct dump_u64 directory_table_base;
	struct dump_u64 ps_loaded_module_list, ps_active_process_head;
	struct dump_u64 kd_debugger_data_block;
	struct dump_u32 processors;
};
void dump_learn(struct dump *d, const struct dump_learned *l);

/* dump_info and the notes as they are now, for dump_recall; free() ends it. NULL: no memory. */
struct dump_memo *dump_remember(const struct dump *d);
void dump_recall(struct dump *d, const struct dump_memo *memo);

/* Raw memory from now on as dump_options' raw_hole_start and raw_hole_end have it; both 0: without
 * a hole. FS_UNSUPPORTED: it is no raw memory; FS_INVALID as dump_open_with. After an error it is
 * read as before. */
enum fs_status dump_raw_hole(struct dump *d, uint64_t start, uint64_t end, struct fs_error *err);

/* Copy n bytes at physical address pa; may cross pages. FS_NOT_IN_DUMP with the
 * PA of the first missing byte; FS_CORRUPT when the dump holds the page twice
 * with different bytes. Always FS_NOT_IN_DUMP for a triage dump. After a failure
 * buf may hold the pages before the failing one. */
enum fs_status dump_read_phys(struct dump *d, uint64_t pa, void *buf, size_t n,
			      struct fs_error *err);

/* The first page number from pfn on whose page the file may hold, for searches of all memory:
 * what lies between is not in the dump. UINT64_MAX: none. */
uint64_t dump_next_page(const struct dump *d, uint64_t pfn);

/* All of memory once, for searches: in large pieces, without filling the page cache. */
#define DUMP_SCAN_PAGES 256u
struct dump_scan {
	uint64_t pfn;	 /* goes on here; set it to begin */
	uint64_t end;	 /* first page number not wanted */
	uint64_t most;	 /* ends when more are passed: a file may claim to hold any number */
	uint64_t passed; /* pages of the dump that are behind it, for progress */
};
/* The next pages in a row into buf, which has room for DUMP_SCAN_PAGES; how many, 0 at the end.
 * Holes of a sparse file are passed over: they are memory, and all of it zeros (dump_read_phys
 * reads them so). So is what cannot be read. */
size_t dump_scan_next(struct dump *d, struct dump_scan *s, uint8_t *buf, uint64_t *ret_pfn);

/* Is memory addressed by virtual ranges (triage) rather than by page tables? */
bool dump_is_virtual(const struct dump *d);

/* One captured virtual range, clipped to what the file really holds. */
struct dump_block {
	uint64_t va;
	uint64_t size; /* bytes */
};
/* Sorted by VA and merged: overlapping and adjoining ranges are one block. Where
 * two ranges hold different bytes for one address the later one in the file's
 * table wins, and dump_block_conflicts counts the ranges that lost an address in
 * this way: while it is 0, every byte of every block is undisputed (unless a
 * dump_note says that not all overlaps were compared). The call stack, the data
 * page, KDBG, the current thread and process are ranges too, before the table. */
size_t dump_block_count(const struct dump *d);
struct dump_block dump_block(const struct dump *d, size_t i);
size_t dump_block_conflicts(const struct dump *d);
/* Copy n bytes at va out of the virtual ranges. FS_NOT_IN_DUMP with the first
 * missing VA; then buf may hold what lies before it. */
enum fs_status dump_read_virt(struct dump *d, uint64_t va, void *buf, size_t n,
			      struct fs_error *err);

/* The triage driver list and unloaded drivers (empty for other formats). */
#define DUMP_NAME_MAX 784 /* 260 UTF-16 units as UTF-8, and the terminator */
struct dump_driver {
	char name[DUMP_NAME_MAX]; /* as stored: base name or path */
	bool name_read;
	uint64_t base, entry; /* VA */
	uint32_t size;	      /* bytes */
	uint32_t checksum, timestamp;
};
struct dump_unloaded {
	char name[DUMP_NAME_MAX];
	bool name_read;
	uint64_t start, end; /* VA */
};
size_t dump_driver_count(const struct dump *d);
enum fs_status dump_driver(struct dump *d, size_t i, struct dump_driver *ret, struct fs_error *err);
size_t dump_unloaded_count(const struct dump *d);
enum fs_status dump_unloaded(struct dump *d, size_t i, struct dump_unloaded *ret,
			     struct fs_error *err);

/* A processor's registers as the container's notes hold them; what a note does not say is not present. */
#define DUMP_GPRS 31u
struct dump_cpu {
	uint32_t number;  /* as the container counts, from 0 */
	const char *from; /* static: "QEMU note", "NT_PRSTATUS", "VMware state" */
	struct dump_u64 cr3, cr4;
	struct dump_u64 gs_base, kernel_gs_base; /* VA */
	struct dump_u64 fs_base;		 /* VA; x86: the KPCR */
	struct dump_u64 idt_base, gdt_base;	 /* VA */
	struct dump_u64 rip, rsp;		 /* VA; x86: EIP, ESP; ARM64: PC, SP */
	struct dump_u64 flags, cs; /* RFLAGS, EFLAGS, PSTATE; the selector, of x64 and x86 */
	/* By their encoding: x64 RAX 0, RCX, RDX, RBX, RSP 4, RBP, RSI, RDI, R8 to R15; x86 the
	 * first eight; ARM64 X0 to X30. Bit r of gprs: gpr[r] is present. */
	uint64_t gpr[DUMP_GPRS];
	uint32_t gprs;
};
/* Processors that never started (CR3 is 0) are left out: a dump_note counts them. None
 * in Microsoft's formats. */
size_t dump_cpu_count(const struct dump *d);
struct dump_cpu dump_cpu_at(const struct dump *d, size_t i);

/* The DUMP_HEADER64 (or 32) that the guest's driver gave its hypervisor, as a VMCOREINFO
 * note holds it; NULL when there is none. Borrowed. It was made when the guest started:
 * dump_info has its kernel addresses and versions, not its times and its bug check. */
const uint8_t *dump_guest_header(const struct dump *d, size_t *ret_size);

/* The CONTEXT record of the crashing processor as stored, at most n bytes into
 * buf; *ret_len is how many. FS_NOT_FOUND when the dump has none. */
enum fs_status dump_context(struct dump *d, void *buf, size_t n, size_t *ret_len,
			    struct fs_error *err);

/* Counters for `make bench`: how much was really looked at. */
struct dump_stats {
	uint64_t bytes_read; /* from the file */
	uint64_t reads;	     /* preads issued */
	uint64_t pages;	     /* page-cache misses */
};
struct dump_stats dump_stats(const struct dump *d);

#endif
