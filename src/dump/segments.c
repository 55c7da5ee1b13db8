/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/segments.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/checked.h"

#define JOIN_FIRST 4096u

static uint64_t end_of(const struct segment *s)
{
	return s->pa + s->size;
}

/* Segments of one distance between address and place are copies of the same bytes. */
static int by_distance(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	uint64_t dx = x->pa - x->off, dy = y->pa - y->off;

	if (dx != dy)
		return dx < dy ? -1 : 1;
	return x->pa < y->pa ? -1 : x->pa > y->pa;
}

static int by_pa(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	if (x->pa != y->pa)
		return x->pa < y->pa ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void join(struct segments *s)
{
	struct segment *v = s->in.v;
	size_t i, n = 0;

	if (s->in.n == 0)
		return;
	qsort(v, s->in.n, sizeof(*v), by_distance);
	for (i = 1; i < s->in.n; i++) {
		if (v[i].pa - v[i].off == v[n].pa - v[n].off && v[i].pa <= end_of(&v[n])) {
			if (end_of(&v[i]) > end_of(&v[n]))
				v[n].size = end_of(&v[i]) - v[n].pa;
		} else {
			v[++n] = v[i];
		}
	}
	s->in.n = n + 1;
}

enum fs_status segments_add(struct segments *s, const struct segment *seg, struct fs_error *err)
{
	struct segment *to;
	uint64_t end;

	if (!range_ok(seg->pa, seg->size, SEGMENT_PA_LIMIT) || !add_u64(seg->off, seg->size, &end))
		return fs_fail(err, FS_CORRUPT,
			       "expected physical addresses below 0x%llx and a place in the file, "
			       "found 0x%" PRIx64 " bytes at PA 0x%" PRIx64
			       ", file offset 0x%" PRIx64,
			       SEGMENT_PA_LIMIT, seg->size, seg->pa, seg->off);
	if (seg->size == 0)
		return FS_OK;
	if (s->in.n >= s->join_at) {
		join(s);
		s->join_at = 2 * s->in.n > JOIN_FIRST ? 2 * s->in.n : JOIN_FIRST;
	}
	if (s->in.n >= SEGMENTS_MAX)
		return fs_fail(err, FS_LIMIT, "more than %u segments of memory", SEGMENTS_MAX);
	to = vec_push(&s->in);
	if (!to)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the memory segments");
	*to = *seg;
	return FS_OK;
}

/* A sweep over the boundaries. */
struct sweep {
	struct segments *s;
	struct segment live[SEGMENT_COPIES];
	unsigned n;
	uint64_t full_until; /* up to here there are more copies than `live` holds */
};

static void enter(struct sweep *w, const struct segment *seg)
{
	if (w->n < SEGMENT_COPIES)
		w->live[w->n++] = *seg;
	else if (end_of(seg) > w->full_until)
		w->full_until = end_of(seg);
}

static void leave(struct sweep *w, uint64_t at)
{
	unsigned i = 0;

	while (i < w->n) {
		if (end_of(&w->live[i]) <= at)
			w->live[i] = w->live[--w->n];
		else
			i++;
	}
}

static bool emit(struct sweep *w, uint64_t at, uint64_t end)
{
	struct segments *s = w->s;
	struct segment_part *p;
	unsigned i;

	if (w->n == 0 && at >= w->full_until)
		return true;
	p = vec_push(&s->part);
	if (!p)
		return false;
	*p = (struct segment_part){at, end - at, (uint32_t)s->copies.n, 0};
	s->overlap |= w->n > 1;
	if (at < w->full_until)
		return true;
	for (i = 0; i < w->n; i++) {
		uint64_t *off = vec_push(&s->copies);

		if (!off)
			return false;
		*off = w->live[i].off + (at - w->live[i].pa);
	}
	p->ncopies = w->n;
	return true;
}

static bool sweep(struct segments *s, const uint64_t *edge, size_t nedges)
{
	struct sweep w = {.s = s};
	size_t i, next = 0;

	for (i = 0; i < nedges; i++) {
		leave(&w, edge[i]);
		while (next < s->in.n && s->in.v[next].pa == edge[i])
			enter(&w, &s->in.v[next++]);
		if (i + 1 < nedges && edge[i + 1] > edge[i] && !emit(&w, edge[i], edge[i + 1]))
			return false;
	}
	return true;
}

enum fs_status segments_build(struct segments *s, uint64_t *ret_bytes, struct fs_error *err)
{
	uint64_t *edge, bytes = 0;
	bool ok;
	size_t i;

	join(s);
	if (s->in.n == 0) {
		*ret_bytes = 0;
		return FS_OK;
	}
	qsort(s->in.v, s->in.n, sizeof(*s->in.v), by_pa);
	edge = calloc(2 * s->in.n + 1, sizeof(*edge));
	if (!edge)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the memory segments");
	for (i = 0; i < s->in.n; i++) {
		edge[2 * i] = s->in.v[i].pa;
		edge[2 * i + 1] = end_of(&s->in.v[i]);
	}
	qsort(edge, 2 * s->in.n, sizeof(*edge), by_value);
	ok = sweep(s, edge, 2 * s->in.n);
	free(edge);
	vec_free(&s->in);
	if (!ok)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the memory segments");
	for (i = 0; i < s->part.n; i++)
		bytes += s->part.v[i].size;
	*ret_bytes = bytes;
	return FS_OK;
}

void segments_deinit(struct segments *s)
{
	vec_free(&s->in);
	vec_free(&s->part);
	vec_free(&s->copies);
}

/* The first part that ends behind pa: an index, s->part.n when there is none. */
static size_t part_from(const struct segments *s, uint64_t pa)
{
	size_t lo = 0, hi = s->part.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->part.v[mid].pa + s->part.v[mid].size <= pa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The part that holds pa, or NULL. */
static const struct segment_part *part_at(const struct segments *s, uint64_t pa)
{
	size_t i = part_from(s, pa);

	return i < s->part.n && s->part.v[i].pa <= pa ? &s->part.v[i] : NULL;
}

/* Bytes of one physical page that stand at file offset off. */
static enum fs_status read_copy(struct dump *d, uint64_t off, uint64_t pa, void *buf, size_t n,
				struct fs_error *err)
{
	uint64_t in = pa % DUMP_PAGE_SIZE;
	enum fs_status st;

	if (off >= in)
		return dump_read_page_at(d, off - in, pa, buf, n, err);
	/* Less than a page of the file stands before it: nothing to cache by. */
	st = dump_file_read(&d->file, off, buf, n, "page", err);
	if (st != FS_OK && err) {
		err->has_address = true;
		err->address = pa;
	}
	return st == FS_OK ? st : fs_prepend(err, st, "PA 0x%" PRIx64, pa);
}

static enum fs_status read_part(const struct segments *s, struct dump *d,
				const struct segment_part *p, uint64_t pa, uint8_t *buf, size_t n,
				struct fs_error *err)
{
	enum fs_status st = FS_NOT_IN_DUMP;
	uint8_t other[DUMP_PAGE_SIZE];
	uint32_t i;
	size_t k;

	if (p->ncopies == 0)
		return fs_fail_at(err, FS_CORRUPT, pa,
				  "PA 0x%" PRIx64 " is held by more than %u memory segments", pa,
				  SEGMENT_COPIES);
	for (i = 0; i < p->ncopies && st == FS_NOT_IN_DUMP; i++)
		st = read_copy(d, s->copies.v[p->copy + i] + (pa - p->pa), pa, buf, n, err);
	if (st != FS_OK)
		return st;
	for (; i < p->ncopies; i++) {
		st = read_copy(d, s->copies.v[p->copy + i] + (pa - p->pa), pa, other, n, NULL);
		for (k = 0; st == FS_OK && k < n; k++) {
			if (buf[k] != other[k])
				return fs_fail_at(err, FS_CORRUPT, pa + k,
						  "PA 0x%" PRIx64 " is held by two memory segments "
						  "with different bytes",
						  pa + k);
		}
	}
	return FS_OK;
}

enum fs_status segments_read(const struct segments *s, struct dump *d, uint64_t pa, void *buf,
			     size_t n, struct fs_error *err)
{
	uint8_t *out = buf;

	while (n > 0) {
		const struct segment_part *p = part_at(s, pa);
		enum fs_status st;
		size_t now = n;

		if (!p)
			return fs_fail_at(
				err, FS_NOT_IN_DUMP, pa,
				"PA 0x%" PRIx64 " is in none of the dump's memory segments", pa);
		if (p->pa + p->size - pa < n)
			now = (size_t)(p->pa + p->size - pa);
		st = read_part(s, d, p, pa, out, now, err);
		if (st != FS_OK)
			return st;
		pa += now;
		out += now;
		n -= now;
	}
	return FS_OK;
}

/* Bytes of a part that the file still has, in the copy that has most. */
static uint64_t kept(const struct segments *s, const struct dump *d, const struct segment_part *p)
{
	uint64_t most = 0;
	uint32_t i;

	for (i = 0; i < p->ncopies; i++) {
		uint64_t off = s->copies.v[p->copy + i];
		uint64_t left = off < d->file.size ? d->file.size - off : 0;

		if (left > most)
			most = left;
	}
	return most < p->size ? most : p->size;
}

bool segments_run(const struct segments *s, const struct dump *d, uint64_t pfn, uint64_t *ret_off,
		  uint64_t *ret_pages)
{
	uint64_t pa = pfn * DUMP_PAGE_SIZE, left, size;
	const struct segment_part *p = part_at(s, pa);

	if (!p || p->ncopies != 1)
		return false;
	*ret_off = s->copies.v[p->copy] + (pa - p->pa);
	size = p->size - (pa - p->pa);
	left = *ret_off < d->file.size ? d->file.size - *ret_off : 0;
	*ret_pages = (left < size ? left : size) / DUMP_PAGE_SIZE;
	return *ret_pages > 0;
}

uint64_t segments_next_page(const struct segments *s, const struct dump *d, uint64_t pfn)
{
	uint64_t pa;
	size_t i;

	if (pfn >= SEGMENT_PA_LIMIT / DUMP_PAGE_SIZE)
		return UINT64_MAX;
	pa = pfn * DUMP_PAGE_SIZE;
	for (i = part_from(s, pa); i < s->part.n; i++) {
		const struct segment_part *p = &s->part.v[i];
		uint64_t first = p->pa > pa ? p->pa : pa;

		if (first - p->pa < kept(s, d, p))
			return first / DUMP_PAGE_SIZE;
	}
	return UINT64_MAX;
}
