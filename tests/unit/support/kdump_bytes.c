/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/kdump_bytes.h"

#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "support/test.h"

void kd_header(struct bytes *b, uint64_t bits)
{
	bytes_resize(b, 0);
	bytes_resize(b, KD_DESCRIPTORS);
	bytes_put(b, 0, "KDUMP   ", 8);
	bytes_u32(b, 8, 6);
	bytes_put(b, 272, "x86_64", 6);
	bytes_u32(b, 428, 4096);
	bytes_u32(b, 432, 1);
	bytes_u32(b, 436, 2);
	bytes_u32(b, 440, bits < UINT32_MAX ? (uint32_t)bits : UINT32_MAX);
	bytes_u64(b, KD_SUB + 96, bits);
}

void kd_bit(struct bytes *b, uint64_t pfn)
{
	b->v[KD_EXISTING + pfn / 8] |= (uint8_t)(1u << pfn % 8);
	b->v[KD_BITMAP + pfn / 8] |= (uint8_t)(1u << pfn % 8);
}

void kd_descriptor(struct bytes *b, size_t i, uint64_t off, uint32_t size, uint32_t flags)
{
	size_t at = KD_DESCRIPTORS + 24 * i;

	bytes_u64(b, at, off);
	bytes_u32(b, at + 8, size);
	bytes_u32(b, at + 12, flags);
	bytes_u64(b, at + 16, 0);
}

static size_t pack(uint32_t method, const uint8_t *src, uint8_t *dst, size_t room)
{
	static uint8_t work[LZO1X_1_MEM_COMPRESS] __attribute__((aligned(16)));
	uLongf z = room;
	lzo_uint l = 0;
	size_t s = room;

	switch (method) {
	case 1:
		assert_int_equal(compress(dst, &z, src, 4096), Z_OK);
		return z;
	case 2:
		assert_int_equal(lzo1x_1_compress(src, 4096, dst, &l, work), LZO_E_OK);
		return l;
	case 4:
		assert_int_equal(snappy_compress((const char *)src, 4096, (char *)dst, &s),
				 SNAPPY_OK);
		return s;
	case 0x20:
		s = ZSTD_compress(dst, room, src, 4096, 1);
		assert_false(ZSTD_isError(s));
		return s;
	default:
		memcpy(dst, src, 4096);
		return 4096;
	}
}

void kd_pages(struct bytes *b, const uint64_t *pfn, size_t n, const uint32_t *method,
	      size_t nmethods)
{
	size_t i, at = KD_DESCRIPTORS + 24 * n;
	struct bytes page = {0};
	uint8_t packed[16384];

	for (i = 0; i < n; i++) {
		uint32_t m = method[i % nmethods];
		size_t size;

		bytes_page(&page, 0, pfn[i]);
		size = pack(m, page.v, packed, sizeof(packed));
		if (size >= 4096) {
			m = 0;
			size = pack(m, page.v, packed, sizeof(packed));
		}
		kd_bit(b, pfn[i]);
		kd_descriptor(b, i, at, (uint32_t)size, m);
		bytes_put(b, at, packed, size);
		at += size;
	}
	free(page.v);
}

static void be64(struct bytes *b, size_t off, uint64_t v)
{
	uint8_t p[8];
	size_t i;

	for (i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
	bytes_put(b, off, p, 8);
}

void kd_flatten(struct bytes *b, const struct bytes *src, size_t piece)
{
	size_t off, at = 4096;

	bytes_resize(b, 0);
	bytes_resize(b, 4096);
	bytes_put(b, 0, "makedumpfile", 12);
	be64(b, 16, 1);
	be64(b, 24, 1);
	for (off = 0; off < src->n; off += piece) {
		size_t n = src->n - off < piece ? src->n - off : piece;

		be64(b, at, off);
		be64(b, at + 8, n);
		bytes_put(b, at + 16, src->v + off, n);
		at += 16 + n;
	}
	be64(b, at, UINT64_MAX);
	be64(b, at + 8, UINT64_MAX);
}
