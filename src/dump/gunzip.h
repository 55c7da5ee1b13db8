/* SPDX-License-Identifier: BSD-2-Clause */
/* zlib: gzip files whole (libarchive does not look at gzip's check sums), and the pages of
 * kdump files. Private to src/dump. */
#ifndef DUMP_GUNZIP_H
#define DUMP_GUNZIP_H

#include "dump/format.h"
#include "dump/tempfile.h"

/* Append d->file, unpacked, to t; d->options.progress is called. FS_CORRUPT: it breaks off, or
 * a check sum does not hold. */
enum fs_status gunzip(struct dump *d, struct tempfile *t, struct fs_error *err);

/* One zlib stream of n bytes into dst. *size: its room, then what was written. */
bool inflate_page(const uint8_t *src, size_t n, uint8_t *dst, size_t *size);

#endif
