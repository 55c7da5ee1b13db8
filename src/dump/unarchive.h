/* SPDX-License-Identifier: BSD-2-Clause */
/* zstd, xz, bzip2, and archives with one file in them, by libarchive. Private to src/dump. */
#ifndef DUMP_UNARCHIVE_H
#define DUMP_UNARCHIVE_H

#include "dump/format.h"
#include "dump/tempfile.h"

/* Append what is in d->file, of this kind (decompress.h), to t. room: bytes that are free for
 * it, against which a size that is told beforehand is checked. Errors: as dump_unpack. */
enum fs_status unarchive(struct dump *d, const char *kind, struct tempfile *t, uint64_t room,
			 struct fs_error *err);

#endif
