/* SPDX-License-Identifier: BSD-2-Clause */
/* symbols and pdb: what is known of symbol files. */
#ifndef VIEW_SYMBOLS_H
#define VIEW_SYMBOLS_H

#include "fltscope/debug.h"
#include "fltscope/pdb.h"
#include "view/view.h"

typedef enum fs_status view_symbols_of(void *arg, size_t module, struct fs_module_symbols *ret,
				       struct fs_error *err);

/* All modules with the names of their PDBs, and those that were found. */
void view_symbols(struct view *v, view_symbols_of *of, void *arg);
/* One module fetched, or why not. */
void view_fetch_begin(struct view *v);
void view_fetch_module(struct view *v, const struct fs_module_symbols *s);
void view_fetch_end(struct view *v);
void view_pdb_info(struct view *v, const char *path, const struct fs_pdb_info *info);
void view_pdb_layout(struct view *v, const struct fs_pdb_layout *l); /* machine formats only */

#endif
