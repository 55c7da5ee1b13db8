/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handle tables (HANDLE_TABLE of nt's PDB): TableCode is a page of entries, or with its two
 * low bits a table of pages (1) or of such tables (2); entry i is handle i * 4, and the
 * first one of each page is the table's own.
 */
#ifndef NT_HANDLES_H
#define NT_HANDLES_H

#include "model/build.h"
#include "read/object.h"

struct nt_handle {
	uint64_t value;	 /* a multiple of 4 */
	uint64_t entry;	 /* VA of the HANDLE_TABLE_ENTRY */
	uint64_t header; /* VA of the OBJECT_HEADER */
	uint64_t object; /* VA of the body behind it */
	uint32_t access; /* GrantedAccess, 25 bits */
	uint64_t access_at; /* VA of that word */
	bool access_known;
};

struct nt_handle_walk {
	const struct reader *r;
	struct model_builder *b;
	uint64_t left; /* bytes of tables that may still be read; counted down */
	void (*visit)(void *arg, const struct nt_handle *h);
	void *arg;
};

/*
 * Every handle of the table at va that is in use. PARTLY: pages are not in the dump (a gap) or
 * `left` was used up. NOT: this build's entries are not known, or the table is not there.
 */
enum fs_looked nt_walk_handles(struct nt_handle_walk *w, uint64_t va, uint64_t *ret_count);

#endif
