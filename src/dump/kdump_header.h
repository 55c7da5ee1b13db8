/* SPDX-License-Identifier: BSD-2-Clause */
/* The header of a kdump-compressed file, checked against the file. Private to src/dump. */
#ifndef DUMP_KDUMP_HEADER_H
#define DUMP_KDUMP_HEADER_H

#include "dump/flat.h"

#define KDUMP_BLOCK_MAX	    65536u
#define KDUMP_SIGNATURE	    "KDUMP   "
#define KDUMP_OLD_SIGNATURE "DISKDUMP"

struct kdump_header {
	bool is64; /* struct disk_dump_header of a 64-bit machine */
	uint32_t version;
	uint32_t block; /* bytes; a power of two, 4096 to KDUMP_BLOCK_MAX */
	uint32_t sub_blocks, bitmap_blocks;
	uint64_t bits;	      /* pages that the bitmaps tell of */
	uint64_t bitmap;      /* offset of the second bitmap: pages that are there */
	uint64_t descriptors; /* offset of the first page descriptor */
	uint64_t notes, notes_size;
};

/* d->info.machine too. FS_CORRUPT, FS_UNSUPPORTED with what is wrong. */
enum fs_status kdump_header_read(struct kdump_header *h, const struct flat *f, struct dump *d,
				 struct fs_error *err);

/* A header or bitmap that the file has not whole: FS_CORRUPT for FS_NOT_IN_DUMP. */
enum fs_status kdump_corrupt(struct fs_error *err);

#endif
