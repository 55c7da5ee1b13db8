/* SPDX-License-Identifier: BSD-2-Clause */
/* Compressed pages. Private to src/dump. */
#ifndef DUMP_UNPACK_PAGE_H
#define DUMP_UNPACK_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

/* DUMP_DH_COMPRESSED_* of makedumpfile's diskdump_mod.h, the flags of a page descriptor. */
enum unpack_method {
	UNPACK_NONE = 0,
	UNPACK_ZLIB = 0x1,
	UNPACK_LZO = 0x2,
	UNPACK_SNAPPY = 0x4,
	UNPACK_ZSTD = 0x20,
};

/* Zero-initialise. libsnappy is in C++, and would add its runtime to the memory of every
 * run: it is loaded with the first page that needs it. */
struct unpacker {
	void *snappy;
	void (*uncompress)(void);
};
void unpacker_deinit(struct unpacker *u);

/* Exactly size bytes out of n, or FS_CORRUPT; FS_UNSUPPORTED for other methods,
 * and for snappy where libsnappy is not installed. Never writes past size, whatever the bytes say.
 */
enum fs_status unpack_page(struct unpacker *u, uint32_t method, const uint8_t *src, size_t n,
			   uint8_t *dst, size_t size, struct fs_error *err);

#endif
