/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking a run of CodeView records: {u16 length of what follows, u16 kind, data}
 * (LLVM's documentation, "CodeView Type Records" and "CodeView Symbol Records").
 * Reads ahead in growing steps: a short walk costs one block, a long one few reads.
 */
#include <stdlib.h>

#include "base/checked.h"
#include "pdb/impl.h"

enum {
	STEP_MIN = 4096,
	STEP_MAX = 1 << 17, /* more than the longest record */
};

enum fs_status records_init(struct record_reader *r, struct pdb *p, uint32_t stream, uint32_t begin,
			    uint32_t end, const char *what, struct fs_error *err)
{
	*r = (struct record_reader){
		.p = p, .what = what, .stream = stream, .at = begin, .end = end};
	if (begin > end || end > msf_size(p, stream))
		return fs_fail(err, FS_CORRUPT,
			       "%s: %s: bytes 0x%x to 0x%x are expected in stream %u, it has 0x%x",
			       p->name, what, begin, end, stream, msf_size(p, stream));
	return FS_OK;
}

/* Have n bytes at r->at in the buffer; the caller checked that they are in range. */
static enum fs_status have(struct record_reader *r, uint32_t n, struct fs_error *err)
{
	uint32_t step, left = r->end - r->at;
	enum fs_status st;

	if (r->buf && r->at >= r->buf_at && range_ok(r->at - r->buf_at, n, r->buf_n))
		return FS_OK;
	step = r->buf_cap ? r->buf_cap * 2 : STEP_MIN;
	if (step < n)
		step = n;
	if (step > STEP_MAX)
		step = STEP_MAX;
	if (step > left)
		step = left;
	if (step > r->buf_cap) {
		free(r->buf);
		r->buf_n = 0;
		r->buf_cap = step;
		r->buf = malloc(step);
		if (!r->buf)
			return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", r->p->name);
	}
	st = msf_read(r->p, r->stream, r->at, r->buf, step, r->what, err);
	if (st)
		return st;
	r->buf_at = r->at;
	r->buf_n = step;
	return FS_OK;
}

bool records_next(struct record_reader *r, enum fs_status *st, struct fs_error *err)
{
	const uint8_t *b;
	uint32_t len;

	*st = FS_OK;
	if (r->at == r->end)
		return false;
	if (r->end - r->at < 4) {
		*st = fs_fail(err, FS_CORRUPT,
			      "%s: %s: record at 0x%x: expected 4 bytes of header, have %u",
			      r->p->name, r->what, r->at, r->end - r->at);
		return false;
	}
	*st = have(r, 4, err);
	if (*st)
		return false;
	len = load_u16(r->buf + (r->at - r->buf_at));
	if (len < 2 || len + 2 > r->end - r->at) {
		*st = fs_fail(err, FS_CORRUPT,
			      "%s: %s: record at 0x%x has a length of %u, expected 2 to %u",
			      r->p->name, r->what, r->at, len, r->end - r->at - 2);
		return false;
	}
	*st = have(r, len + 2, err);
	if (*st)
		return false;
	b = r->buf + (r->at - r->buf_at);
	r->kind = load_u16(b + 2);
	r->data = b + 4;
	r->len = len - 2;
	r->here = r->at;
	r->at += len + 2;
	return true;
}

void records_done(struct record_reader *r)
{
	free(r->buf);
	r->buf = NULL;
}
