/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bitmap of page numbers, kept as it is in the file (32 KiB a GiB of RAM) with one count
 * per 512 bits on top (4 KiB a GiB): the rank of a bit, which is where its page stands, is
 * one addition and at most eight popcounts. Private to src/dump.
 */
#ifndef DUMP_BITMAP_H
#define DUMP_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

/* One bit is a page of RAM: 256 TiB, more than any Windows manages. */
#define BITMAP_BITS_MAX (1ull << 36)

/* Zero-initialise. */
struct bitmap {
	uint64_t bits;
	uint8_t *map;	/* padded with zeros to a multiple of a group */
	uint64_t *rank; /* set bits before each group */
};

/* Room for `bits` bits, 1 to BITMAP_BITS_MAX; the caller fills the first *ret_bytes of map. */
enum fs_status bitmap_alloc(struct bitmap *b, uint64_t bits, size_t *ret_bytes,
			    struct fs_error *err);
/* Count once map is filled; bits past the end are cleared. *ret_set: how many are set. */
void bitmap_count(struct bitmap *b, uint64_t *ret_set);
void bitmap_deinit(struct bitmap *b);

/* bit < bits. */
static inline bool bitmap_has(const struct bitmap *b, uint64_t bit)
{
	return b->map[bit / 8] >> bit % 8 & 1;
}
/* Set bits below bit; bit < bits. */
uint64_t bitmap_rank(const struct bitmap *b, uint64_t bit);

/* The first set bit from `bit` on; UINT64_MAX: none. */
uint64_t bitmap_next(const struct bitmap *b, uint64_t bit);

#endif
