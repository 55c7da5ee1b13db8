/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session: one open dump with everything that was read from it. The only
 * files that know all library layers are session*.c.
 */
#ifndef SESSION_H
#define SESSION_H

#include "base/arena.h"
#include "dump/dump.h"
#include "fltmgr/fltmgr.h"
#include "fltscope/debug.h"
#include "fltscope/fltscope.h"
#include "layout/layout.h"
#include "model/build.h"
#include "module/module.h"
#include "vm/vm.h"

/* A type that was asked for; strings and fields in the session's arena. */
struct session_type {
	const char *asked;
	struct fs_type type;
};

struct session_type_layout {
	size_t module;
	const char *stem, *from;
	struct layout *layout;
};

struct session_symbols;
struct session_stacks;

struct fltscope {
	struct dump *dump;
	struct vm *vm;	       /* NULL: this machine's memory is not understood */
	struct layout *stable; /* what has not moved in any nt: enough for the module list */
	struct layout *nt;     /* the kernel's own layout; NULL when none fits */
	struct layout *user_nt, *user_fltmgr; /* --layout, until chosen */
	struct modules modules;
	struct fltmgr_choice choice;
	struct reader reader;
	uint64_t text_left; /* reader.text_left leads here */
	struct arena arena;
	struct fs_model model;
	struct model_builder builder;
	bool building; /* model_begin was called */
	struct fs_report report;
	bool diagnosed;
	struct fltscope_options opts; /* during the open; progress to the end */
	struct session_symbols *symbols;
	struct session_stacks *stacks; /* NULL: none was walked yet */
	uint8_t *kdbg; /* KDDEBUGGER_DATA64, decoded; NULL: it was not encoded, or is not known */
	bool globals_by_symbol; /* where FltGlobals is, its PDB says */
	/* What the PDBs of nt and fltmgr were good for, when they were found and gave no layout. */
	struct fs_layout_candidate pdb_refused[2]; /* by enum layout_module; id NULL: nothing to tell */
	VEC(struct session_type) types;
	VEC(struct session_type_layout) type_layouts; /* out of PDBs, for dt; owned */
};

void session_progress(struct fltscope *fs, const char *what);
/* "x64", "x86", "arm64", "unknown" (JSON contract). */
const char *session_machine(const struct fltscope *fs);
uint32_t session_build(const struct fltscope *fs); /* 0 unknown */

/* session_kernel.c: fs->vm, over the header's root or one that was searched for, and what of
 * the header had to be found or repaired (told in the dump's notes). FS_OK with fs->vm NULL:
 * this machine's memory is not understood, the model says why. */
enum fs_status session_kernel(struct fltscope *fs, struct fs_error *err);

/* session_hole.c: the same; of raw memory also with the holes that hypervisors leave out of such
 * files, where the file alone does not hold together. What proved one is told in a note. */
enum fs_status session_memory(struct fltscope *fs, struct fs_error *err);

/* After the symbols: an encoded KDDEBUGGER_DATA64 is decoded with nt's PDB, and what it leads
 * to is read. */
enum fs_status session_encoded_kdbg(struct fltscope *fs, struct fs_error *err);
/* The modules that were unloaded, into the model; again when they are found later. */
enum fs_status session_unloaded(struct fltscope *fs, struct fs_error *err);

/* session_dump.c: header facts and modules into the model. */
void session_dump_facts(struct fltscope *fs);
enum fs_status session_modules(struct fltscope *fs, struct fs_error *err);
/* session_crash.c: once modules are known: CONTEXT and exception record of the header, and what
 * the bug check's parameters point to. */
void session_crash(struct fltscope *fs);

/* session_cpu.c: the container's registers into the model, once modules are known. */
enum fs_status session_registers(struct fltscope *fs, struct fs_error *err);
/* How many processors, where neither header nor container says it; before the header's facts. */
void session_count_processors(struct fltscope *fs);
bool session_processors_sane(const struct dump_info *info);

/* session_nt.c: which layout reads this kernel, and what it says of page tables. */
enum fs_status session_choose_nt(struct fltscope *fs, struct fs_error *err);
/* After collecting: what the objects say about nt's layout. */
enum fs_status session_judge_nt(struct fltscope *fs, struct fs_error *err);

/* session_nt_score.c: what of the kernel's processes this layout reads as they must be. */
struct layout_score {
	size_t held, failed;
};
struct layout_score session_score_nt(struct fltscope *fs, const struct layout *l);
/* Higher is better; 0 nothing is known, below it the layout is refuted. */
int64_t layout_score_of(struct layout_score s);

/* session_fltmgr.c: FltGlobals, the Filter Manager's layout, its objects. */
enum fs_status session_fltmgr(struct fltscope *fs, struct fs_error *err);

/* session_threads.c: locks, and the threads when they matter. After session_judge_nt. */
enum fs_status session_threads(struct fltscope *fs, struct fs_error *err);
/* A pointer of KDDEBUGGER_DATA64, and a symbol of the kernel; VAs, 0 not known. */
uint64_t session_kdbg_pointer(struct fltscope *fs, unsigned offset);
uint64_t session_nt_symbol(struct fltscope *fs, const char *name);
uint64_t session_process_head(struct fltscope *fs); /* PsActiveProcessHead */

/* session_stack.c: the stacks of the threads that were read. After session_threads. */
enum fs_status session_stacks(struct fltscope *fs, struct fs_error *err);
void session_stacks_end(struct fltscope *fs);

/* session_symbols.c: PDBs, image files and exports of modules, found when they are asked for. */
enum fs_status session_symbols_begin(struct fltscope *fs, struct fs_error *err);
/* While local (as from the beginning of the open to its end), modules other than nt and
 * fltmgr are not asked for at servers. */
void session_symbols_local(struct fltscope *fs, bool local);
void session_symbols_end(struct fltscope *fs);
/* The PDB that belongs to a module (index in fs->modules.list); NULL when there is none. */
struct pdb;
struct pdb *session_pdb(struct fltscope *fs, size_t module);

/* session_names.c */
/* Exports by name, sorted by RVA; NULL when none can be read. */
struct exports;
const struct exports *session_exports(struct fltscope *fs, size_t module);
/* A PDB's name as WinDbg shows it: import pointers without the first underscore. */
const char *session_shown_name(const char *name);
/* The name nearest to rva. */
enum fs_symbol_source session_name_at(struct fltscope *fs, size_t module, uint64_t rva,
				      struct module_name *ret);

/* session_pdb.c: layout and places out of a PDB. */
/* *ret is NULL when there is no PDB, or it gives none (told in fs->pdb_refused). Only
 * FS_NO_MEMORY. */
enum fs_status session_pdb_layout(struct fltscope *fs, enum layout_module lm, struct layout **ret,
				  struct fs_error *err);
/* RVA of a symbol in the module's PDB. */
bool session_pdb_symbol(struct fltscope *fs, size_t module, const char *name, uint64_t *ret_rva);
/* RVA of MiState.Hardware.InvalidPteMask by nt's PDB. */
bool session_pdb_pte_mask(struct fltscope *fs, uint64_t *ret_rva);

#endif
