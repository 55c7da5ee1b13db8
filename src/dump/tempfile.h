/* SPDX-License-Identifier: BSD-2-Clause */
/* A temporary file without a name: whatever ends the process, it is gone. Private to src/dump. */
#ifndef DUMP_TEMPFILE_H
#define DUMP_TEMPFILE_H

#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

struct tempfile {
	int fd;
	const char *dir; /* where it is, for messages */
	uint64_t size;	 /* bytes so far; zeros among them take no room */
	uint64_t max;	 /* bytes that it may become */
};

/* In TMPDIR, else /var/tmp. *ret_room: bytes that are free there. */
enum fs_status tempfile_create(struct tempfile *t, uint64_t *ret_room, struct fs_error *err);
/* Append n bytes. FS_LIMIT: past max, past the limit of the process (RLIMIT_FSIZE), or nearly no
 * room is left on the disk. */
enum fs_status tempfile_append(struct tempfile *t, const uint8_t *p, size_t n,
			       struct fs_error *err);
/* After the last byte: its length, zeros at its end too. */
enum fs_status tempfile_finish(struct tempfile *t, struct fs_error *err);
void tempfile_close(struct tempfile *t);

#endif
