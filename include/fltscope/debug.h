/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debugger basics over an open dump: memory, symbols, types, instructions, page
 * table entries. Plain data out; strings live until fltscope_close unless said
 * otherwise, may quote the dump or a PDB, and are escaped by whoever shows them.
 */
#ifndef FLTSCOPE_DEBUG_H
#define FLTSCOPE_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

struct fltscope;

/* --- memory ------------------------------------------------------------------ */

/* Copy up to n bytes at va. *ret_read is how many could be read from the start on; FS_OK
 * only when all. from_image (may be NULL) is set when any byte came from an image file
 * of -i rather than from the dump. */
enum fs_status fltscope_read(struct fltscope *fs, uint64_t va, void *buf, size_t n, size_t *ret_read,
			     bool *from_image, struct fs_error *err);
unsigned fltscope_pointer_size(const struct fltscope *fs); /* bytes */

/* How a VA translates, level by level, as `!pte` shows it. */
struct fs_pte_level {
	const char *name;  /* "PML5E", "PXE", "PPE", "PDE", "PTE" */
	uint64_t entry_pa; /* PA of the entry */
	uint64_t value;    /* the raw entry */
};
struct fs_pte {
	struct fs_pte_level level[5];
	size_t levels;
	enum fs_status status; /* FS_OK: present (or transition) */
	bool transition;
	uint64_t pa, page_size; /* bytes; valid when FS_OK */
	const char *text;       /* in words: "valid", "transition", "page file …", why not */
};
enum fs_status fltscope_pte(struct fltscope *fs, uint64_t va, struct fs_pte *ret, struct fs_error *err);

/* --- symbols ------------------------------------------------------------------ */

enum fs_symbol_source { FS_SYM_NONE, FS_SYM_MODULE, FS_SYM_EXPORT, FS_SYM_PDB };

struct fs_symbol {
	char text[1200];     /* "fltmgr!FltpDoUnloadFilter+0x161", "fltmgr+0x2c5a0", "" none */
	char module[64];     /* as WinDbg names it: "fltmgr", "nt" */
	char name[1024];     /* "" when only the module is known */
	uint64_t va;         /* of the symbol (or of the module's base) */
	uint64_t offset;     /* bytes from there */
	enum fs_symbol_source source;
};
/* The nearest symbol at or below va. FS_NOT_FOUND: in no module. */
enum fs_status fltscope_symbol_at(struct fltscope *fs, uint64_t va, struct fs_symbol *ret,
				  struct fs_error *err);
/* "fltmgr!FltGlobals", "fltmgr!FltGlobals+0x58", "FltGlobals" when only one module has
 * it, "0x…" and bare addresses. Ambiguous: FS_INVALID, the text names the candidates. */
enum fs_status fltscope_evaluate(struct fltscope *fs, const char *expression, uint64_t *ret_va,
				 struct fs_error *err);
/* Every symbol matching "module!pattern" (* and ?, no case), in address order. */
typedef bool (*fs_symbol_cb)(void *arg, const struct fs_symbol *s); /* false stops */
enum fs_status fltscope_symbols(struct fltscope *fs, const char *pattern, fs_symbol_cb cb, void *arg,
				struct fs_error *err);

/* What is known of a module's symbols, for `symbols list` and messages. */
struct fs_module_symbols {
	const char *module, *pdb_name, *key; /* NULL unknown; key is GUIDAGE as a store wants it */
	const char *path;   /* of the PDB in use, NULL none */
	const char *why;    /* why there is none; NULL */
	const char *const *places; /* where it was looked for: "PLACE: why not" */
	size_t nplaces;
};
enum fs_status fltscope_module_symbols(struct fltscope *fs, size_t module, struct fs_module_symbols *ret,
				       struct fs_error *err);
/* Put the PDB of a module into a store directory (symbols fetch). *ret_path: where it is. */
enum fs_status fltscope_fetch_symbols(struct fltscope *fs, size_t module, const char *store,
				      const char **ret_path, struct fs_error *err);

/* --- types --------------------------------------------------------------------- */

enum fs_type_kind {
	FS_T_SCALAR,  /* integer of size bytes */
	FS_T_POINTER, FS_T_FUNCTION_POINTER,
	FS_T_ENUM, FS_T_BITS, /* bit_pos, bit_len */
	FS_T_STRUCT,  /* type names it */
	FS_T_UNICODE_STRING, FS_T_LIST_ENTRY,
	FS_T_UNKNOWN
};
struct fs_field {
	const char *name;
	const char *type;   /* as WinDbg prints it: "Ptr64 _FLTP_FRAME", "Uint4B", "[50] Ptr64 _X" */
	const char *struct_name; /* of a struct, or what a pointer points to; NULL */
	const char *enum_name;   /* NULL */
	uint32_t offset, size;   /* bytes; size of one element */
	uint32_t count;          /* elements of an array, 0 when none */
	uint8_t bit_pos, bit_len;
	bool is_signed;
	bool inferred; /* nothing in this dump, nor a PDB, confirms this offset */
	bool refused;  /* the live structures contradict it: its value must not be shown */
	enum fs_type_kind kind;
};
struct fs_type {
	const char *module, *name; /* "fltmgr", "_FLT_FILTER" */
	uint32_t size;             /* bytes, 0 unknown */
	bool is_union;
	const char *source; /* "pdb …" or the layout's id */
	const struct fs_field *fields;
	size_t nfields;
};
/* "fltmgr!_FLT_FILTER" or "_FLT_FILTER" (fltmgr and nt are searched), of any module whose PDB is
 * there, else of these two as their layouts have it. A member of unnamed type
 * is a type by its path: "_DEVICE_OBJECT.Queue", as its field's struct_name says. */
enum fs_status fltscope_type(struct fltscope *fs, const char *name, struct fs_type *ret,
			     struct fs_error *err);
/* Name of an enum's value as Windows' headers have it; NULL. */
const char *fltscope_enum_name(struct fltscope *fs, const char *enum_name, uint64_t value);

/* --- instructions --------------------------------------------------------------- */

struct fs_insn {
	uint64_t va;
	uint8_t bytes[16];
	uint8_t size;
	char mnemonic[32], operands[256]; /* targets and references already named where known */
};
/* Decode `count` instructions from va on; stops with what could be read. */
typedef bool (*fs_insn_cb)(void *arg, const struct fs_insn *in); /* false stops */
enum fs_status fltscope_disassemble(struct fltscope *fs, uint64_t va, size_t count, fs_insn_cb cb,
				    void *arg, struct fs_error *err);
/* The bounds of the function around va from .pdata; FS_NOT_FOUND when there is none. */
enum fs_status fltscope_function(struct fltscope *fs, uint64_t va, uint64_t *ret_begin,
				 uint64_t *ret_end, struct fs_error *err);
/* The instructions of the function around va, ascending; what was moved elsewhere in the image
 * comes in its place. Without .pdata va must be its first. *ret_complete (may be NULL): every
 * branch could be followed; else *ret_why (may be NULL) says what could not. */
enum fs_status fltscope_disassemble_function(struct fltscope *fs, uint64_t va, fs_insn_cb cb,
					     void *arg, bool *ret_complete,
					     struct fs_error *ret_why, struct fs_error *err);

#endif
