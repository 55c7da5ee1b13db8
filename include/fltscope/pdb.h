/* SPDX-License-Identifier: BSD-2-Clause */
/* Program databases by themselves, without a dump. */
#ifndef FLTSCOPE_PDB_H
#define FLTSCOPE_PDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

struct fs_pdb_info {
	char key[48];	   /* GUID and age, as stores and servers name it */
	char guid[33];	   /* 32 hex digits */
	uint32_t age;
	char machine[16];  /* "x64", "x86", "arm64", "" unknown */
	uint32_t signature; /* time of creation, seconds since 1970 */
	bool stripped;	   /* private symbols were removed */
	bool fastlink;	   /* types and symbols are in object files elsewhere */
	bool omap;	   /* the image was rearranged after linking */
	bool has_types;
	char no_types[256]; /* why not */
	uint32_t block_size, blocks, streams, types, sections; /* bytes; numbers */
	uint64_t publics;
};
/* FS_SYSTEM, FS_CORRUPT, FS_UNSUPPORTED: not a PDB that can be read. */
enum fs_status fs_pdb_info(const char *path, struct fs_pdb_info *ret, struct fs_error *err);

struct fs_pdb_layout {
	char *text; /* of a .layout file */
	size_t types, missing; /* written; asked for and not there */
};
/*
 * The text form of a layout with these types and all that they hold in place; without
 * any, the types that the tool reads of fltmgr or, where the PDB has none of these, of
 * nt. build: for its head, 0 unknown. FS_NOT_FOUND: the PDB has no types, or none of
 * these. Owner: fs_pdb_layout_free.
 */
enum fs_status fs_pdb_layout(const char *path, uint32_t build, const char *const *types, size_t n,
			     struct fs_pdb_layout *ret, struct fs_error *err);
void fs_pdb_layout_free(struct fs_pdb_layout *l);

#endif
