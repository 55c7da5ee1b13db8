/* SPDX-License-Identifier: BSD-2-Clause */
/* Between to_layout.c (which types, in which order) and layout_type.c (one type). */
#ifndef PDB_LAYOUT_WRITE_H
#define PDB_LAYOUT_WRITE_H

#include "pdb/impl.h"

/* The bounds of the grammar's reader (layout/layout.h): more would not be read. */
enum {
	LAYOUT_TEXT_MAX = 4 << 20, /* bytes */
	LAYOUT_TYPES_MAX = 4096,
	LAYOUT_FIELDS_MAX = 65536,
};

struct layout_writer {
	struct pdb *p;
	struct fs_error *err;
	struct {
		char *v;
		size_t n, cap;
	} text;
	VEC(struct pdb_type) types; /* to write, in this order; grows while writing */
	VEC(struct pdb_type) enums;
	size_t fields; /* written so far */
};

/* Append to the text. */
__attribute__((format(printf, 2, 3))) enum fs_status lw_put(struct layout_writer *w,
							    const char *fmt, ...);
/* Have a struct, union or enum written too, unless it is there already. */
enum fs_status lw_want(struct layout_writer *w, const struct pdb_type *t);
/* Is it a name that the grammar takes: a C identifier? */
bool lw_is_name(const char *s);
enum fs_status lw_type(struct layout_writer *w, const struct pdb_type *t);
enum fs_status lw_enum(struct layout_writer *w, const struct pdb_type *t);

#endif
