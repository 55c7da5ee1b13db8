/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The debugger's basics, in the columns that WinDbg has. These views read as they go: they
 * get the public functions as a table, which a test replaces by its own.
 */
#ifndef VIEW_DEBUG_H
#define VIEW_DEBUG_H

#include "fltscope/debug.h"
#include "view/view.h"

struct view_debug {
	struct fltscope *fs; /* only handed on */
	unsigned pointer;    /* bytes */
	enum fs_status (*read)(struct fltscope *fs, uint64_t va, void *buf, size_t n,
			       size_t *ret_read, bool *from_image, struct fs_error *err);
	enum fs_status (*symbol_at)(struct fltscope *fs, uint64_t va, struct fs_symbol *ret,
				    struct fs_error *err);
	enum fs_status (*type)(struct fltscope *fs, const char *name, struct fs_type *ret,
			       struct fs_error *err);
	const char *(*enum_name)(struct fltscope *fs, const char *enum_name, uint64_t value);
	enum fs_status (*disassemble)(struct fltscope *fs, uint64_t va, size_t count, fs_insn_cb cb,
				      void *arg, struct fs_error *err);
	enum fs_status (*function)(struct fltscope *fs, uint64_t va, fs_insn_cb cb, void *arg,
				   bool *ret_complete, struct fs_error *ret_why,
				   struct fs_error *err);
};

/* What a view of this kind came to; the text says why not. */
struct view_result {
	enum fs_status status;
	struct fs_error err;
	size_t shown; /* fields, instructions, symbols; values that were read */
};

/* dt */
struct view_dt {
	const char *type;
	bool has_address;
	uint64_t address;
	const char *const *fields; /* names or patterns (* ?), dotted for nested ones; none: all */
	size_t nfields;
	unsigned depth; /* -r: levels of nested types, what pointers lead to as well */
	bool blocks;	/* -b: all that lies in place, arrays whole; no pointer is followed */
};
struct view_result view_dt(struct view *v, const struct view_debug *d, const struct view_dt *ask);

/* db dw dd dq dps: 1, 2, 4, 8 bytes; dps as wide as pointers, with symbols. */
enum view_unit { UNIT_BYTE = 1, UNIT_WORD = 2, UNIT_DWORD = 4, UNIT_QWORD = 8, UNIT_SYMBOL = 9 };
struct view_result view_memory(struct view *v, const struct view_debug *d, enum view_unit unit,
			       uint64_t va, size_t count);

/* u */
struct view_result view_unassemble(struct view *v, const struct view_debug *d, uint64_t va,
				   size_t count);
/* uf */
struct view_result view_function(struct view *v, const struct view_debug *d, uint64_t va);

/* x, one symbol a call between begin and end. */
void view_symbols_begin(struct view *v);
void view_symbol(struct view *v, const struct fs_symbol *s);
void view_symbols_end(struct view *v);
/* ln. `next` may be NULL. */
void view_nearest(struct view *v, uint64_t va, const struct fs_symbol *at,
		  const struct fs_symbol *next);
void view_pte(struct view *v, uint64_t va, const struct fs_pte *pte);

/* fffff880`01344fb0; 8 digits where pointers have 4 bytes. */
const char *text_tick(struct view *v, const struct view_debug *d, uint64_t va);

#endif
