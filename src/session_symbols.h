/* SPDX-License-Identifier: BSD-2-Clause */
/* What session_symbols.c and session_names.c share. */
#ifndef SESSION_SYMBOLS_H
#define SESSION_SYMBOLS_H

#include "module/exports.h"
#include "module/image_file.h"
#include "pdb/symbols.h"
#include "session.h"

/* Of one module; strings in the arena below unless said otherwise. */
struct module_symbols {
	bool identified, tried, tried_online, image_tried, exports_tried;
	const char *name, *key; /* NULL: no debug record. name may be the model's */
	struct pdb *pdb;
	const char *path; /* the finder's */
	const char *why;
	const char **places;
	size_t nplaces;
	struct image_file *image;
	const char *image_why;
	struct exports exports;
	struct pe *pe; /* NULL: not readable */
};

struct session_symbols {
	struct arena arena;
	struct symbol_path path;
	struct symbols *finder; /* NULL: no symbol path */
	const char *image_path; /* NULL: none */
	bool offline;
	bool local;
	struct module_symbols *of; /* as fs->modules.list */
	size_t n;
};

/* session_pdb.c: what the tool reads of a module (fields.def), as pdb_to_layout wants it. */
struct pdb_wanted {
	const char *types[T_COUNT];
	const char *fields[F_COUNT]; /* "TYPE.FIELD" */
	size_t n_types, n_fields;
};
/* NULL: out of memory. */
struct pdb_wanted *pdb_wanted(struct arena *a, enum layout_module lm);

/* session_names.c */
modules_resolver session_resolve;
vm_fallback session_image_bytes;
/* The module's image file; NULL when there is none. */
const struct image_file *session_image(struct fltscope *fs, size_t module);

#endif
