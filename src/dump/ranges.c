/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/ranges.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How often a byte of the file may be compared before overlaps are given up on. */
#define COMPARE_FACTOR 4u

struct item {
	struct range r;
	uint32_t order; /* index in the input: the higher wins */
	bool lost;	/* holds other bytes than the winner somewhere */
};

/* A sweep over VA. The heap has the items that began at or before `pos`, the
 * winner on top; items that ended are dropped when they come to the top. */
struct sweep {
	struct ranges *out;
	struct dump_file *file;
	struct item *item; /* sorted by VA */
	size_t n, next;	   /* next item that has not begun */
	uint32_t *heap;	   /* indices into item */
	size_t nheap;
	uint64_t pos;
	uint64_t budget; /* bytes and heap entries that may still be looked at to compare */
};

static int by_va(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->r.va != y->r.va)
		return x->r.va < y->r.va ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static uint64_t range_end(const struct range *r)
{
	return r->va + r->size;
}

static bool above(const struct sweep *s, size_t a, size_t b)
{
	return s->item[s->heap[a]].order > s->item[s->heap[b]].order;
}

static void swap(struct sweep *s, size_t a, size_t b)
{
	uint32_t t = s->heap[a];

	s->heap[a] = s->heap[b];
	s->heap[b] = t;
}

static void heap_push(struct sweep *s, size_t item)
{
	size_t i = s->nheap++;

	s->heap[i] = (uint32_t)item;
	for (; i > 0 && above(s, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(s, i, (i - 1) / 2);
}

static void heap_pop(struct sweep *s)
{
	size_t i = 0;

	s->heap[0] = s->heap[--s->nheap];
	for (;;) {
		size_t best = i, k;

		for (k = 2 * i + 1; k <= 2 * i + 2 && k < s->nheap; k++) {
			if (above(s, k, best))
				best = k;
		}
		if (best == i)
			return;
		swap(s, i, best);
		i = best;
	}
}

/* Copy n bytes at a file offset through the cache, in the file's own pages. */
static enum fs_status read_file(struct dump_file *f, uint64_t off, uint8_t *buf, uint64_t n,
				struct fs_error *err)
{
	while (n > 0) {
		size_t in = (size_t)(off % DUMP_PAGE_SIZE);
		size_t now = DUMP_PAGE_SIZE - in;
		enum fs_status st;

		if (now > n)
			now = (size_t)n;
		st = dump_cached_read(f, off - in, in, buf, now, NULL, err);
		if (st != FS_OK)
			return st;
		off += now;
		buf += now;
		n -= now;
	}
	return FS_OK;
}

static enum fs_status same_bytes(struct dump_file *f, uint64_t a, uint64_t b, uint64_t n, bool *ret,
				 struct fs_error *err)
{
	uint8_t x[512], y[512];
	enum fs_status st = FS_OK;

	while (n > 0) {
		uint64_t now = n < sizeof(x) ? n : sizeof(x);

		st = read_file(f, a, x, now, err);
		if (st == FS_OK)
			st = read_file(f, b, y, now, err);
		if (st != FS_OK)
			return st;
		if (memcmp(x, y, (size_t)now) != 0)
			break;
		a += now;
		b += now;
		n -= now;
	}
	*ret = n == 0;
	return FS_OK;
}

static bool spend(struct sweep *s, uint64_t cost)
{
	if (cost > s->budget) {
		s->budget = 0;
		s->out->uncompared = true;
		return false;
	}
	s->budget -= cost;
	return true;
}

/* Compare what lies under the winner in [s->pos, end) with it. */
static enum fs_status compare_losers(struct sweep *s, uint64_t end, struct fs_error *err)
{
	const struct range *w = &s->item[s->heap[0]].r;
	size_t i;

	if (s->out->later_wins)
		return FS_OK;
	for (i = 1; i < s->nheap; i++) {
		struct item *it = &s->item[s->heap[i]];
		uint64_t stop = range_end(&it->r) < end ? range_end(&it->r) : end;
		bool same = true;
		enum fs_status st;

		if (!spend(s, 1))
			return FS_OK;
		/* The same file bytes for the same address need no look. */
		if (it->lost || stop <= s->pos || it->r.va - it->r.off == w->va - w->off)
			continue;
		if (!spend(s, stop - s->pos))
			return FS_OK;
		st = same_bytes(s->file, w->off + (s->pos - w->va), it->r.off + (s->pos - it->r.va),
				stop - s->pos, &same, err);
		if (st != FS_OK)
			return st;
		it->lost = !same;
		s->out->conflicts += it->lost;
	}
	return FS_OK;
}

static enum fs_status emit(struct sweep *s, uint64_t end, struct fs_error *err)
{
	const struct range *w = &s->item[s->heap[0]].r;
	uint64_t off = w->off + (s->pos - w->va);
	struct ranges *o = s->out;
	struct range *last = o->part.n > 0 ? &o->part.v[o->part.n - 1] : NULL;
	struct dump_block *block = o->block.n > 0 ? &o->block.v[o->block.n - 1] : NULL;

	if (!last || range_end(last) != s->pos || last->off + last->size != off) {
		last = vec_push(&o->part);
		if (!last)
			return fs_fail(err, FS_NO_MEMORY, "no memory for the virtual ranges");
		*last = (struct range){s->pos, 0, off};
	}
	last->size += end - s->pos;
	if (!block || block->va + block->size != s->pos) {
		block = vec_push(&o->block);
		if (!block)
			return fs_fail(err, FS_NO_MEMORY, "no memory for the virtual ranges");
		*block = (struct dump_block){s->pos, 0};
	}
	block->size += end - s->pos;
	return FS_OK;
}

/* Each turn passes the beginning of an item or the end of a winner: at most 2n turns. */
static enum fs_status sweep(struct sweep *s, struct fs_error *err)
{
	enum fs_status st;
	uint64_t end;

	for (;;) {
		while (s->nheap > 0 && range_end(&s->item[s->heap[0]].r) <= s->pos)
			heap_pop(s);
		if (s->nheap == 0) {
			if (s->next == s->n)
				return FS_OK;
			s->pos = s->item[s->next].r.va;
		}
		while (s->next < s->n && s->item[s->next].r.va <= s->pos)
			heap_push(s, s->next++);
		end = range_end(&s->item[s->heap[0]].r);
		if (end <= s->pos)
			continue;
		if (s->next < s->n && s->item[s->next].r.va < end)
			end = s->item[s->next].r.va;
		st = compare_losers(s, end, err);
		if (st == FS_OK)
			st = emit(s, end, err);
		if (st != FS_OK)
			return st;
		s->pos = end;
	}
}

enum fs_status ranges_build(struct ranges *r, const struct range *in, size_t n, struct dump_file *f,
			    struct fs_error *err)
{
	struct sweep s = {.out = r, .file = f};
	enum fs_status st;
	size_t i;

	s.budget = f->size * COMPARE_FACTOR + 16 * (uint64_t)n;
	s.item = calloc(n + 1, sizeof(*s.item));
	s.heap = calloc(n + 1, sizeof(*s.heap));
	if (!s.item || !s.heap) {
		st = fs_fail(err, FS_NO_MEMORY, "no memory for %zu virtual ranges", n);
	} else {
		for (i = 0; i < n; i++) {
			if (in[i].size > 0)
				s.item[s.n++] = (struct item){in[i], (uint32_t)i, false};
		}
		qsort(s.item, s.n, sizeof(*s.item), by_va);
		st = sweep(&s, err);
	}
	free(s.item);
	free(s.heap);
	return st;
}

void ranges_deinit(struct ranges *r)
{
	vec_free(&r->part);
	vec_free(&r->block);
}

/* The part that holds va, or NULL. */
static const struct range *part_at(const struct ranges *r, uint64_t va)
{
	size_t lo = 0, hi = r->part.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (range_end(&r->part.v[mid]) <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->part.n && r->part.v[lo].va <= va ? &r->part.v[lo] : NULL;
}

enum fs_status ranges_read(const struct ranges *r, struct dump_file *f, uint64_t va, void *buf,
			   size_t n, struct fs_error *err)
{
	const struct range *p = part_at(r, va);
	const struct range *end = p ? r->part.v + r->part.n : NULL;
	uint8_t *out = buf;

	for (;;) {
		uint64_t now;
		enum fs_status st;

		if (!p || p == end || p->va > va)
			return fs_fail_at(
				err, FS_NOT_IN_DUMP, va,
				"VA 0x%" PRIx64 " is in none of the dump's virtual ranges", va);
		now = range_end(p) - va < n ? range_end(p) - va : n;
		st = read_file(f, p->off + (va - p->va), out, now, err);
		if (st != FS_OK)
			return fs_prepend(err, st, "VA 0x%" PRIx64, va);
		va += now;
		out += now;
		n -= (size_t)now;
		if (n == 0)
			return FS_OK;
		p++;
	}
}
