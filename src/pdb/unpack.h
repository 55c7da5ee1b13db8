/* SPDX-License-Identifier: BSD-2-Clause */
/* Compressed symbol files (name.pd_): cabinets with one file, through libmspack, loaded when
 * the first one is met. */
#ifndef PDB_UNPACK_H
#define PDB_UNPACK_H

#include "fltscope/error.h"
#include "pdb/store.h"

/* Was this program built to unpack? If not, unpack() says what to install. */
bool unpack_built(void);

/*
 * The one file in the cabinet at `path` into `out`, whose limit holds for it; the name in
 * the cabinet is not used. `out` stays open either way. FS_CORRUPT: not a cabinet, or
 * a broken one. FS_UNSUPPORTED: no libmspack.
 */
enum fs_status unpack(const char *path, struct store_file *out, struct fs_error *err);

#endif
