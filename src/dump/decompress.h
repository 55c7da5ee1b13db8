/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dumps that were compressed to be sent: .gz, .zst, .xz, .bz2 and archives (.zip, .7z, .cab)
 * with one file in them. Unpacked by libarchive into a temporary file that has no name.
 * Private to src/dump.
 */
#ifndef DUMP_DECOMPRESS_H
#define DUMP_DECOMPRESS_H

#include "dump/format.h"

/* Which of them it is by its first bytes ("gzip", "zip", ...); NULL: none. */
const char *dump_packed_kind(const uint8_t *p, size_t n);

/*
 * Unpack d->file, and put the result in its place; a dump_note says so. The temporary file
 * is in TMPDIR, else /var/tmp, and gone with the process, however that ends.
 * FS_UNSUPPORTED: no libarchive, several files (their names are in the text), encrypted.
 * FS_LIMIT: larger than options.unpack_max, or than there is room for. FS_CORRUPT: it breaks
 * off or does not hold together. Nothing is kept then.
 */
enum fs_status dump_unpack(struct dump *d, const char *kind, struct fs_error *err);

#endif
