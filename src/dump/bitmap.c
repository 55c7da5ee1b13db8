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

/* Set bits of at most GROUP_BYTES / 8 words, the last one masked. Counts are kept in bytes, 8
 * of each word, and added up once: compilers call a function for __builtin_popcountll where
 * they may not assume POPCNT. */
static unsigned count_bits(const uint8_t *p, size_t words, uint64_t last_mask)
{
	const uint64_t m1 = 0x5555555555555555ull, m2 = 0x3333333333333333ull,
		       m4 = 0x0f0f0f0f0f0f0f0full, m8 = 0x00ff00ff00ff00ffull;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < words; i++) {
		uint64_t v = load_u64(p + 8 * i) & (i + 1 == words ? last_mask : ~0ull);

		v -= v >> 1 & m1;
		v = (v & m2) + (v >> 2 & m2);
		sum += (v + (v >> 4)) & m4;
	}
	/* a byte has at most 64 by now, 512 in all: too much for a byte */
	sum = (sum & m8) + (sum >> 8 & m8);
	return (unsigned)(sum * 0x0001000100010001ull >> 48);
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
		set += count_bits(b->map + i * GROUP_BYTES, GROUP_BYTES / 8, ~0ull);
	}
	*ret_set = set;
}

uint64_t bitmap_rank(const struct bitmap *b, uint64_t bit)
{
	size_t group = (size_t)(bit / GROUP_BITS);
	const uint8_t *p = b->map + group * GROUP_BYTES;
	size_t words = (size_t)(bit % GROUP_BITS / 64);
	uint64_t below = (1ull << bit % 64) - 1;

	return b->rank[group] + count_bits(p, words + 1, below);
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
