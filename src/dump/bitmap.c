/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/bitmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define GROUP_BITS  512u
#define GROUP_BYTES (GROUP_BITS / 8)

static size_t bytes_of(const struct bitmap *b)
{
	return (size_t)((b->bits + 7) / 8);
}

static size_t groups_of(const struct bitmap *b)
{
	return (bytes_of(b) + GROUP_BYTES - 1) / GROUP_BYTES;
}

static unsigned popcount_bytes(const uint8_t *p, size_t words)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < words; i++)
		n += (unsigned)__builtin_popcountll(load_u64(p + 8 * i));
	return n;
}

enum fs_status bitmap_alloc(struct bitmap *b, uint64_t bits, size_t *ret_bytes,
			    struct fs_error *err)
{
	size_t bytes, groups;

	b->bits = bits;
	bytes = bytes_of(b);
	groups = groups_of(b);
	b->map = malloc(groups * GROUP_BYTES);
	b->rank = malloc(groups * sizeof(*b->rank));
	if (!b->map || !b->rank)
		return fs_fail(err, FS_NO_MEMORY, "no memory for a bitmap of 0x%zx bytes", bytes);
	memset(b->map + bytes, 0, groups * GROUP_BYTES - bytes);
	*ret_bytes = bytes;
	return FS_OK;
}

void bitmap_count(struct bitmap *b, uint64_t *ret_set)
{
	size_t groups = groups_of(b), i;
	uint64_t set = 0;

	if (b->bits % 8 != 0)
		b->map[bytes_of(b) - 1] &= (uint8_t)((1u << b->bits % 8) - 1);
	for (i = 0; i < groups; i++) {
		b->rank[i] = set;
		set += popcount_bytes(b->map + i * GROUP_BYTES, GROUP_BYTES / 8);
	}
	*ret_set = set;
}

uint64_t bitmap_rank(const struct bitmap *b, uint64_t bit)
{
	size_t group = (size_t)(bit / GROUP_BITS);
	const uint8_t *p = b->map + group * GROUP_BYTES;
	size_t words = (size_t)(bit % GROUP_BITS / 64);
	uint64_t below = (1ull << bit % 64) - 1;

	return b->rank[group] + popcount_bytes(p, words) +
	       (unsigned)__builtin_popcountll(load_u64(p + 8 * words) & below);
}

uint64_t bitmap_next(const struct bitmap *b, uint64_t bit)
{
	uint64_t mask = ~0ull << bit % 64, word;

	/* the map is padded to whole groups, hence to whole words */
	for (bit -= bit % 64; bit < b->bits; bit += 64, mask = ~0ull) {
		word = load_u64(b->map + bit / 8) & mask;
		if (word)
			return bit + (unsigned)__builtin_ctzll(word);
	}
	return UINT64_MAX;
}

void bitmap_deinit(struct bitmap *b)
{
	free(b->map);
	free(b->rank);
	b->map = NULL;
	b->rank = NULL;
}
