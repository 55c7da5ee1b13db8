/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kdump file as it would stand on disk, whether it does or came through a pipe in
 * makedumpfile's flattened form: records of {offset, size, bytes}, which is what QEMU's
 * dump-guest-memory and virsh write. Read through an index of the records, so that nothing
 * is copied. Private to src/dump.
 */
#ifndef DUMP_FLAT_H
#define DUMP_FLAT_H

#include "dump/format.h"
#include "dump/ranges.h"

/* QEMU writes 16 KiB a record: 32 GiB of incompressible memory. */
#define FLAT_RECORDS_MAX (1u << 21)

/* Zero-initialise. */
struct flat {
	bool flattened;
	uint64_t size; /* bytes, as it would stand on disk */
	struct ranges index;
};

bool flat_signature(const uint8_t *data, size_t n);

/* Index the records when the file begins with the signature. A record that makes no sense
 * or is cut ends them: d->info is then truncated, with a dump_note. */
enum fs_status flat_open(struct flat *f, struct dump *d, bool flattened, struct fs_error *err);
/* As dump_file_read; a place that no record has is FS_NOT_IN_DUMP. */
enum fs_status flat_read(const struct flat *f, struct dump *d, uint64_t off, void *buf, size_t n,
			 const char *what, struct fs_error *err);
void flat_deinit(struct flat *f);

#endif
