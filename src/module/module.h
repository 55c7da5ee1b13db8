/* SPDX-License-Identifier: BSD-2-Clause */
/* Loaded and unloaded modules, their PE headers and debug records, and which one
 * an address belongs to. */
#ifndef MODULE_MODULE_H
#define MODULE_MODULE_H

#include "base/arena.h"
#include "base/vec.h"
#include "read/list.h"
#include "read/object.h"

#define MODULE_LIMIT 4096

struct module {
	const char *name;     /* base name, "fltmgr.sys"; NULL when not read */
	const char *path;     /* full name, NULL when not read */
	uint64_t base, entry; /* VA */
	uint32_t size;	      /* bytes */
	uint32_t timestamp, checksum;
	bool timestamp_read;
	uint64_t ldr; /* VA of its KLDR_DATA_TABLE_ENTRY, 0 for triage */
};
struct unloaded_module {
	const char *name; /* NULL when not read */
	uint64_t start, end;
};
/* A gap while listing: shown in `gaps`. */
struct module_gap {
	const char *what;
	uint64_t address;
	enum fs_status why;
	const char *text;
};

/* A name for a place in a module. */
#define MODULE_NAME_MAX 1024
struct module_name {
	char name[MODULE_NAME_MAX];
	uint64_t rva; /* where it begins; at or below what was asked */
};
/* Who knows names (symbols, exports): an upward call that the session makes known.
 * False: nothing is known there. */
typedef bool modules_resolver(void *arg, const struct module *mod, uint64_t rva,
			      struct module_name *ret);

/* A stretch of addresses and whose it is: of the modules that contain it, the one
 * with the highest base. */
struct module_range {
	uint64_t first, last; /* VA, both included */
	uint32_t module;      /* index in list */
};

struct modules {
	modules_resolver *resolve; /* NULL: module+offset it is */
	void *resolve_arg;
	struct arena arena;
	VEC(struct module) list; /* in load order */
	VEC(struct unloaded_module) unloaded;
	VEC(struct module_gap) gaps;
	VEC(struct module_range) ranges; /* ascending, disjoint: what module_at searches */
	int32_t nt;			 /* index of the kernel, -1 */
	bool first_read;		 /* list.v[0] is the first in load order */
	bool complete;			 /* the list came round, and each entry's range was read */
	struct list_walk walk;		 /* of PsLoadedModuleList; empty for triage */
};

/*
 * From PsLoadedModuleList with the stable nt layout, or the triage driver list
 * (with it the unloaded drivers that such a dump stores). A damaged list gives
 * what was reached, with gaps; no list at all is an error. A range that overlaps
 * another's is kept and told in the gaps. timestamp_read stays false where the
 * layout does not know the field: the PE header has it, too.
 * Owner: modules_deinit, also after a failure (which leaves *ret empty).
 */
enum fs_status modules_read(const struct reader *r, struct modules *ret, struct fs_error *err);
/* KDBG+0x220/+0x228: MmUnloadedDrivers (dump-formats.md). Adds to m->unloaded;
 * never fails the open. Nothing to do for a triage dump. */
void modules_read_unloaded(const struct reader *r, uint64_t kdbg, struct modules *m);
void modules_deinit(struct modules *m);

/* NULL when va lies in no loaded module. O(log n). Where ranges overlap it is
 * the one with the highest base. Its index is the pointer minus m->list.v. */
const struct module *module_at(const struct modules *m, uint64_t va);
const struct unloaded_module *unloaded_at(const struct modules *m, uint64_t va);
/* Case-insensitive, with or without ".sys"/".exe"/".dll"; "nt" is the kernel.
 * NULL when absent or ambiguous. */
const struct module *module_named(const struct modules *m, const char *name);
/* The module that is the Filter Manager: fltmgr.sys. */
const struct module *module_fltmgr(const struct modules *m);
/* The kernel: ntoskrnl.exe (or as its other kinds are called), else the first in load order. */
const struct module *module_nt(const struct modules *m);

/* How WinDbg names a module: the file's stem, "nt" for the kernel, "Unknown_Module_" with the
 * base when the name was not read. Returns the length that it has (like snprintf). */
int module_stem(const struct modules *m, const struct module *mod, char *dst, size_t size);
/* "fltmgr!FltGlobals+0x58" where the resolver knows a name, else "fltmgr+0x2c5a0" into dst, "(no module)" style is the caller's; false when in
 * none. The name is the file's stem as WinDbg prints it, "nt" for the kernel,
 * and WinDbg's "Unknown_Module_" with the base when the name was not read. */
bool module_symbol(const struct modules *m, uint64_t va, char *dst, size_t size);
/* "<Unloaded_SomeDrv.sys>+0x1234", as WinDbg prints it; false when in none. */
bool module_unloaded_symbol(const struct modules *m, uint64_t va, char *dst, size_t size);

/* PE header of a module in memory. Every read lies within the loader's
 * SizeOfImage (struct module.size); sections are clipped to the smaller of that and the header's.
 */
struct pe_section {
	char name[9];
	uint32_t rva, size;	  /* bytes, clipped to the image */
	uint32_t characteristics; /* IMAGE_SCN_*: 0x20000000 execute, 0x80000000 write */
};
struct pe {
	uint16_t machine;
	uint32_t timestamp, size_of_image;
	uint32_t debug_rva, debug_size;
	uint32_t export_rva, export_size;
	uint32_t resource_rva;
	uint32_t exception_rva, exception_size; /* .pdata */
	size_t nsections;
	struct pe_section section[96]; /* IMAGE loader limit */
};
enum fs_status pe_read(struct vm *vm, const struct module *m, struct pe *ret, struct fs_error *err);

/* The RSDS record: which PDB belongs to the image. */
struct rsds {
	char guid[33]; /* upper-case hex, no dashes, in symbol-server order */
	uint32_t age;
	/* The path as stored: hostile; invalid UTF-8 repaired, a path without a
	 * terminator refused. Its file's name is path_base() of it. */
	char pdb[260];
};
/* The record itself, n bytes of it. */
enum fs_status rsds_parse(const uint8_t *b, size_t n, struct rsds *ret, struct fs_error *err);
/* FS_NOT_FOUND: the image has no debug directory or no CodeView record. */
enum fs_status rsds_read(struct vm *vm, const struct module *m, const struct pe *pe,
			 struct rsds *ret, struct fs_error *err);

#endif
