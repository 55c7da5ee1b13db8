/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One walk through page tables: libaddrxlat steps, winpte.c decides what a
 * non-present entry means. walk.c is the only file that knows libaddrxlat.
 * Every walk has at most five steps, whatever the tables hold.
 */
#ifndef VM_WALK_H
#define VM_WALK_H

#include "vm/winpte.h"

struct walk;

/* Borrows the dump. `root` is CR3 (or TTBR): what in it is no address (PCID, flags) is
 * dropped once the levels are known. */
enum fs_status walk_create(struct dump *d, enum dump_machine machine, uint64_t root,
			   struct walk **ret, struct fs_error *err);
void walk_destroy(struct walk *w);
void walk_set_levels(struct walk *w, unsigned levels); /* x64: 4, 5; x86: 2, 3; ARM64: 4 */
unsigned walk_levels(const struct walk *w);
enum pte_kind walk_kind(const struct walk *w);
uint64_t walk_root(const struct walk *w); /* PA of the top table */

/* How far a walk came that failed: evidence for probe.c. */
struct walk_stop {
	unsigned depth;	    /* entries passed */
	bool table_missing; /* ended at a page-table page that the dump does not hold */
	size_t entries;	    /* that could be read, the last one that failed included */
	struct vm_entry entry[VM_ENTRIES_MAX];
};

/* ret_stop may be NULL, and is set in any case. A VA that is not canonical is FS_CORRUPT. */
enum fs_status walk_va(struct walk *w, const struct vm_pte_rules *rules, uint64_t va,
		       struct vm_xlat *ret, struct walk_stop *ret_stop, struct fs_error *err);

/* The 4096 bytes of the page-table page at pa (page aligned). Valid until the next
 * call of a walk_ function; NULL when the dump does not hold it. */
const uint8_t *walk_table(struct walk *w, uint64_t pa);

#endif
