/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual ranges as a file's table lists them (unsorted, overlapping), made into
 * sorted stretches that each have one place in the file. Private to src/dump.
 */
#ifndef DUMP_RANGES_H
#define DUMP_RANGES_H

#include "base/vec.h"
#include "dump/dump.h"
#include "dump/pagecache.h"

/* Past this many the rest is left out (FS_LIMIT is the caller's to say). Real
 * triage dumps have some two thousand. */
#define RANGES_MAX (1u << 18)

struct range {
	uint64_t va;
	uint64_t size; /* bytes, va + size does not wrap */
	uint64_t off;  /* file offset, off + size is inside the file */
};

struct ranges {
	VEC(struct range) part;	      /* sorted by VA, disjoint */
	VEC(struct dump_block) block; /* parts that touch are one */
	size_t conflicts;	      /* input ranges that lost an address they hold otherwise */
	bool later_wins;	      /* set before building: overlaps say nothing, compare none */
	bool uncompared;	      /* there were too many overlaps to compare them all */
};

/* Where inputs overlap the one with the higher index wins, and every loser is
 * compared with the winner: the comparing is bounded by a multiple of the file's
 * size, past it `uncompared` is set. O(n log n), memory O(n). */
enum fs_status ranges_build(struct ranges *r, const struct range *in, size_t n, struct dump_file *f,
			    struct fs_error *err);
void ranges_deinit(struct ranges *r);

/* Copy n > 0 bytes at va; va + n does not wrap. */
enum fs_status ranges_read(const struct ranges *r, struct dump_file *f, uint64_t va, void *buf,
			   size_t n, struct fs_error *err);

#endif
