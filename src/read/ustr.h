/* SPDX-License-Identifier: BSD-2-Clause */
/* UNICODE_STRING out of the dump, as UTF-8. */
#ifndef READ_USTR_H
#define READ_USTR_H

#include "base/arena.h"
#include "read/object.h"

struct ustr {
	uint16_t length, maximum_length; /* bytes */
	uint64_t buffer;                 /* VA */
	const char *text; /* UTF-8 in the arena; "" for an empty string; NULL when not read */
	bool sane;        /* no control characters, NULs or lone surrogates */
};

/* Reads the descriptor at va, then the buffer. FS_CORRUPT when Length is odd or
 * exceeds MaximumLength, or Buffer is no kernel address while Length > 0;
 * FS_LIMIT when r->text_left does not allow as much. On
 * failure after the descriptor was read, ret's numbers are set and text is NULL
 * (the one out-parameter rule that is relaxed, so that evidence survives). */
enum fs_status ustr_read(const struct reader *r, uint64_t va, const char *what, struct arena *a,
			 struct ustr *ret, struct fs_error *err);
/* The USTR field of an object. */
enum fs_status obj_ustr(const struct reader *r, uint64_t addr, enum field_id f, struct arena *a,
			struct ustr *ret, struct fs_error *err);

#endif
