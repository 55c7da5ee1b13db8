/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts: makedumpfile.h (makedumpfile_header, makedumpfile_data_header, all big endian),
 * QEMU dump/dump.c write_start_flat_header, write_buffer. */
#include "dump/flat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define SIGNATURE   "makedumpfile\0\0\0" /* 16 bytes with the literal's own NUL */
#define HEADER_SIZE 4096u
#define RECORD_HEAD 16u
#define OFFSET_MAX  (1ull << 62)

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

bool flat_signature(const uint8_t *data, size_t n)
{
	return n >= RECORD_HEAD && memcmp(data, SIGNATURE, RECORD_HEAD) == 0;
}

struct records {
	VEC(struct range) v;
	uint64_t at; /* file offset of the next record */
};

/* Everything behind a broken record is lost: where the next one begins is not known. */
static void stop(struct dump *d, const struct records *r, uint64_t promised, const char *why)
{
	dump_note_add(d,
		      "flattened form: record %zu at file offset 0x%" PRIx64
		      " %s: nothing from there is read",
		      r->v.n, r->at, why);
	dump_promise(d, promised > d->file.size ? promised : d->file.size + RECORD_HEAD);
}

/* *ret_more false: the end mark, or as far as it goes. */
static enum fs_status next(struct dump *d, struct records *r, uint64_t *size, bool *ret_more,
			   struct fs_error *err)
{
	uint8_t head[RECORD_HEAD];
	uint64_t off, n, left;
	struct range *to;
	enum fs_status st;

	*ret_more = false;
	if (!range_ok(r->at, RECORD_HEAD, d->file.size)) {
		stop(d, r, r->at + RECORD_HEAD, "is cut off");
		return FS_OK;
	}
	st = dump_file_read(&d->file, r->at, head, sizeof(head), "flattened record", err);
	if (st != FS_OK)
		return st;
	off = load_be64(head);
	n = load_be64(head + 8);
	if (off == UINT64_MAX && n == UINT64_MAX)
		return FS_OK;
	if (n == 0 || off >= OFFSET_MAX || n >= OFFSET_MAX) {
		stop(d, r, 0, "has an impossible offset or size");
		return FS_OK;
	}
	if (r->v.n == FLAT_RECORDS_MAX)
		return fs_fail(err, FS_LIMIT,
			       "flattened form: more than %u records; makedumpfile -R makes a "
			       "plain file of it",
			       FLAT_RECORDS_MAX);
	if (off + n > *size)
		*size = off + n;
	left = d->file.size - r->at - RECORD_HEAD;
	if (n > left)
		stop(d, r, r->at + 2 * RECORD_HEAD + n, "is cut off");
	to = vec_push(&r->v);
	if (!to)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the flattened form's records");
	*to = (struct range){off, n < left ? n : left, r->at + RECORD_HEAD};
	r->at += RECORD_HEAD + n;
	*ret_more = n <= left;
	return FS_OK;
}

enum fs_status flat_open(struct flat *f, struct dump *d, bool flattened, struct fs_error *err)
{
	struct records r = {.at = HEADER_SIZE};
	bool more = true;
	enum fs_status st = FS_OK;

	f->flattened = flattened;
	f->size = flattened ? 0 : d->file.size;
	if (!flattened)
		return FS_OK;
	/* makedumpfile writes the header again at the end: the later record counts, and that
	 * they differ says nothing. */
	f->index.later_wins = true;
	while (st == FS_OK && more)
		st = next(d, &r, &f->size, &more, err);
	if (st == FS_OK)
		st = ranges_build(&f->index, r.v.v, r.v.n, &d->file, err);
	vec_free(&r.v);
	return st;
}

enum fs_status flat_read(const struct flat *f, struct dump *d, uint64_t off, void *buf, size_t n,
			 const char *what, struct fs_error *err)
{
	struct fs_error why;
	enum fs_status st;

	if (!f->flattened)
		return dump_file_read(&d->file, off, buf, n, what, err);
	if (!range_ok(off, n, f->size))
		return fs_fail(err, FS_NOT_IN_DUMP,
			       "%s: expected %zu bytes at offset 0x%" PRIx64
			       ", the flattened file ends at 0x%" PRIx64,
			       what, n, off, f->size);
	st = n == 0 ? FS_OK : ranges_read(&f->index, &d->file, off, buf, n, &why);
	if (st == FS_NOT_IN_DUMP)
		return fs_fail(err, st,
			       "%s: %zu bytes at offset 0x%" PRIx64
			       " are in no record of the flattened file",
			       what, n, off);
	if (st != FS_OK && err)
		*err = why;
	return st;
}

void flat_deinit(struct flat *f)
{
	ranges_deinit(&f->index);
}
