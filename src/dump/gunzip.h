/* SPDX-License-Identifier: BSD-2-Clause */
/* gzip by zlib: libarchive does not look at gzip's check sums. Private to src/dump. */
#ifndef DUMP_GUNZIP_H
#define DUMP_GUNZIP_H

#include "dump/format.h"
#include "dump/tempfile.h"

/* Append d->file, unpacked, to t; d->options.progress is called. FS_CORRUPT: it breaks off, or
 * a check sum does not hold. FS_UNSUPPORTED: no zlib. */
enum fs_status gunzip(struct dump *d, struct tempfile *t, struct fs_error *err);

#endif
