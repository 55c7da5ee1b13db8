/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program databases (PDB), read block by block and never as a whole.
 *
 * Sources of the format: LLVM's "The PDB File Format" documentation (MSF file,
 * PDB info stream, TPI, DBI, public and global symbol streams, hash tables),
 * Microsoft's published microsoft-pdb repository for what that leaves out (the
 * list of directory map blocks at superblock offset 52, the leaf and symbol
 * numbers of cvinfo.h), and what llvm-pdbutil prints, which the tests compare.
 *
 * Everything in the file is hostile: counts are bounded by the file or stream
 * that holds them, chains by a fixed depth. Errors: FS_CORRUPT says what was
 * read, where, and what was expected; FS_UNSUPPORTED a format that is known but
 * not read here (2.00, length-prefixed names, FASTLINK); FS_NOT_FOUND something
 * that a sound PDB just does not hold (no types, no such name).
 *
 * Ownership: strings and arrays handed out belong to the struct pdb and live until
 * pdb_close(), but for struct pdb_symbol, which holds its own name. Nothing is
 * thread-safe: one struct pdb, one thread.
 */
#ifndef PDB_PDB_H
#define PDB_PDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

struct pdb;

/* --- the file ------------------------------------------------------------- */

/* Opens and reads superblock, directory, info and DBI headers, nothing else. */
enum fs_status pdb_open(const char *path, struct pdb **ret, struct fs_error *err);
/* The same of an open file; the descriptor is taken over (closed on failure too).
 * `name` is for messages and is copied. */
enum fs_status pdb_open_fd(int fd, const char *name, struct pdb **ret, struct fs_error *err);
void pdb_close(struct pdb *p);

enum { PDB_KEY_SIZE = 41 }; /* 32 digits of GUID, at most 8 of age, NUL */

struct pdb_info {
	uint32_t signature; /* time stamp of creation, seconds since 1970 */
	uint32_t info_age;  /* of the info stream: counts writes of the file */
	uint32_t age;	    /* of the DBI stream when there is one, else info_age: the key's */
	uint8_t guid[16];   /* as in the file: the first three parts little-endian */
	/* What symbol servers and the RSDS record of the image go by: upper-case GUID
	 * without dashes, then `age` in hex without leading zeros. */
	char key[PDB_KEY_SIZE];
	uint16_t machine; /* IMAGE_FILE_MACHINE_*; 0 when there is no DBI stream */
	bool has_dbi;
	bool stripped;		     /* DBI: private symbols were removed */
	bool fastlink;		     /* types and symbols are in object files elsewhere */
	bool has_omap;		     /* the image was rearranged after linking */
	uint32_t block_size, blocks; /* bytes; number */
	uint32_t streams;
	uint32_t types; /* records in the type stream; 0 before pdb_has_types() */
	uint32_t sections;
};
const struct pdb_info *pdb_info(const struct pdb *p);
/* "x64", "x86", "arm64" as layouts say it; NULL for others and when not known. */
const char *pdb_machine_name(const struct pdb *p);
/* FS_OK when this is the PDB of an image with that key ("GUIDAGE" as above, any
 * case). FS_NOT_FOUND with a sentence that says whether GUID or age differ. */
enum fs_status pdb_match(const struct pdb *p, const char *key, struct fs_error *err);
/* Stream number of a named stream ("/names", "/LinkInfo"); FS_NOT_FOUND. */
enum fs_status pdb_named_stream(struct pdb *p, const char *name, uint32_t *ret,
				struct fs_error *err);

/* What the reader cost so far. */
struct pdb_cost {
	uint64_t reads, bytes; /* preads done, bytes they gave */
};
struct pdb_cost pdb_cost(const struct pdb *p);

/* --- types ------------------------------------------------------------------ */

/* FS_OK when types can be asked for. Else one of: made with /DEBUG:FASTLINK
 * (FS_UNSUPPORTED), stripped of its types, made without any (both FS_NOT_FOUND). */
enum fs_status pdb_has_types(struct pdb *p, struct fs_error *err);

enum pdb_kind {
	PDB_VOID,
	PDB_INT, /* is_signed, is_char, is_bool tell more */
	PDB_FLOAT,
	PDB_POINTER, /* target */
	PDB_STRUCT,  /* also class and interface */
	PDB_UNION,
	PDB_ENUM,     /* target: the integer below */
	PDB_ARRAY,    /* target, count */
	PDB_BITFIELD, /* target: the integer it lies in; bit_pos, bit_len */
	PDB_FUNCTION,
	PDB_OTHER, /* a record that is not needed for layouts (vtable shape, …) */
};

struct pdb_type {
	uint32_t index; /* type index; of the definition when that was found */
	enum pdb_kind kind;
	const char *name; /* of struct, union, enum; "" otherwise */
	uint64_t size;	  /* bytes; 0 of void, functions and what is only declared */
	uint32_t target;  /* type index */
	uint32_t fields;  /* type index of the field list, 0 none */
	uint64_t count;	  /* elements of an array; 0 when the element's size is not known */
	uint8_t bit_pos, bit_len;
	bool is_signed, is_char, is_bool;
	bool forward; /* declared here, defined nowhere in this PDB */
	bool unnamed; /* the compiler's own name, or one inside another type */
	/* Another definition of the same name has another size: this is the first. */
	bool ambiguous;
};

/* Describe type `index`. Modifiers (const, volatile) are looked through, forward
 * references followed to their definition by name. */
enum fs_status pdb_type(struct pdb *p, uint32_t index, struct pdb_type *ret, struct fs_error *err);
/* The same without following forward references: enough for what a pointer points
 * to, and cheap. The size of a mere declaration is 0. */
enum fs_status pdb_type_declared(struct pdb *p, uint32_t index, struct pdb_type *ret,
				 struct fs_error *err);
/* A struct, class, union or enum by its exact name. FS_NOT_FOUND when no definition
 * has it (a mere declaration does not count). */
enum fs_status pdb_find_type(struct pdb *p, const char *name, struct pdb_type *ret,
			     struct fs_error *err);

struct pdb_member {
	const char *name; /* "" of an unnamed member or a base class: members go one up */
	uint32_t type;	  /* type index */
	uint64_t offset;  /* bytes from the start of the type that has the list */
	bool is_base;
};
struct pdb_value {
	const char *name;
	uint64_t value; /* sign-extended to 64 bits when negative */
	bool negative;
};

/* Members of a struct or union in the file's order: data members and direct base
 * classes. Static members, methods, virtual bases and nested type names are left
 * out. Remembered. FS_INVALID when `t` is neither. */
enum fs_status pdb_members(struct pdb *p, const struct pdb_type *t, const struct pdb_member **ret,
			   size_t *ret_n, struct fs_error *err);
/* Enumerators of an enum. */
enum fs_status pdb_values(struct pdb *p, const struct pdb_type *t, const struct pdb_value **ret,
			  size_t *ret_n, struct fs_error *err);
/* Every definition of a struct, union or enum in the file's order; the callback
 * returns false to stop. The type's name is valid during the call only. */
typedef bool (*pdb_type_cb)(void *arg, const struct pdb_type *t);
enum fs_status pdb_types(struct pdb *p, pdb_type_cb cb, void *arg, struct fs_error *err);

/* --- addresses -------------------------------------------------------------- */

struct pdb_section {
	char name[9];
	uint32_t rva, size; /* of the image as it is, bytes */
	uint32_t flags;	    /* IMAGE_SCN_* */
};
struct pdb_section pdb_section(const struct pdb *p, size_t i); /* i < info.sections */

/* segment (from 1) and offset to RVA: through the original section headers and
 * OMAP-from-source where the image was rearranged. FS_NOT_FOUND: no such section
 * (absolute symbols have one past the last), no section headers in this PDB, or the
 * code was eliminated. */
enum fs_status pdb_rva(struct pdb *p, uint32_t segment, uint32_t offset, uint32_t *ret_rva,
		       struct fs_error *err);
/* And back. */
enum fs_status pdb_segment(struct pdb *p, uint32_t rva, uint32_t *ret_segment, uint32_t *ret_offset,
			   struct fs_error *err);

enum {
	PDB_SYMBOL_NAME = 1024,
	/* Which symbols to go through. */
	PDB_PUBLICS = 1,
	PDB_MODULES = 2, /* functions and data of modules, where they were not stripped */
	PDB_ALL_SYMBOLS = PDB_PUBLICS | PDB_MODULES,
};

struct pdb_symbol {
	char name[PDB_SYMBOL_NAME]; /* as in the file: publics of x86 and C++ are decorated */
	bool name_cut;		    /* it was longer */
	bool is_public, is_function;
	uint32_t segment, offset;
	uint32_t rva;  /* valid when has_rva */
	bool has_rva;  /* false: absolute, eliminated, or no section headers */
	uint32_t size; /* bytes of code; 0 unknown (publics, data) */
	uint32_t type; /* type index; 0 of publics */
};

/* The symbol with this name; publics first. On x86 the plain name also finds
 * "_name", "_name@8" and "@name@8". FS_NOT_FOUND. */
enum fs_status pdb_symbol_by_name(struct pdb *p, const char *name, struct pdb_symbol *ret,
				  struct fs_error *err);
/* The nearest symbol at or before an RVA, of the same section. FS_NOT_FOUND. The
 * first call reads all symbols once into an index of 16 bytes a symbol. */
enum fs_status pdb_symbol_by_rva(struct pdb *p, uint32_t rva, struct pdb_symbol *ret,
				 struct fs_error *err);
/* All symbols of the kinds asked in the file's order; the callback returns false
 * to stop. A function that is public and has a module symbol comes twice. */
typedef bool (*pdb_symbol_cb)(void *arg, const struct pdb_symbol *s);
enum fs_status pdb_symbols(struct pdb *p, unsigned which, pdb_symbol_cb cb, void *arg,
			   struct fs_error *err);

/* --- layouts ---------------------------------------------------------------- */

struct pdb_layout_want {
	const char *module;	  /* "fltmgr.sys": what the `module` line says */
	uint32_t build;		  /* a PDB does not hold it; 0 unknown */
	const char *provenance;	  /* rest of the first line; NULL: the PDB's own key */
	const char *const *types; /* names; all that they hold in place comes along */
	size_t n_types;
	const char *const *symbols; /* publics to write as `symbol NAME RVA` */
	size_t n_symbols;
	/* "TYPE.FIELD" that the reader of the layout will ask for: one that the type
	 * really lacks is written `absent`, one of a type that is not in this PDB
	 * `unknown`. */
	const char *const *fields;
	size_t n_fields;
};
struct pdb_layout_result {
	char *text; /* malloc'd, NUL-terminated; the caller frees */
	size_t len;
	size_t types, missing_types, missing_symbols; /* missing: asked, not in this PDB */
};
/* Write the text form of a layout (pdb-layouts/README.md). Types or symbols that
 * the PDB does not have are named in a comment and counted; FS_NOT_FOUND when none
 * of the types is there. At most 4 MiB (FS_LIMIT). */
enum fs_status pdb_to_layout(struct pdb *p, const struct pdb_layout_want *want,
			     struct pdb_layout_result *ret, struct fs_error *err);

#endif
