/* SPDX-License-Identifier: BSD-2-Clause */
#include "read/list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"

/* Where each link stands in entries: open addressing, at most half full, so a
 * walk costs O(n) whatever it runs into. The hash is seeded, since one page that is
 * mapped everywhere lets a dump choose links that would all collide. */
struct index {
	uint64_t seed;
	size_t *slot; /* position + 1; 0: empty */
	size_t cap;   /* power of two */
};

struct walker {
	struct vm *vm;
	const char *what;
	size_t max;
	struct list_walk *w;
	struct index index;
};

struct links {
	bool flink_read, blink_read;
	uint64_t flink, blink;
	enum fs_status why; /* of what was not read */
};

static size_t hash(uint64_t seed, uint64_t v)
{
	v = (v ^ v >> 33) * 0x9e3779b97f4a7c15ull + seed;
	v = (v ^ v >> 33) * 0xff51afd7ed558ccdull;
	v = (v ^ v >> 33) * 0xc4ceb9fe1a85ec53ull;
	return (size_t)(v ^ v >> 33);
}

/* The slot of `link`, or the empty one where it belongs. */
static size_t *lookup(const struct walker *k, uint64_t link)
{
	size_t i = hash(k->index.seed, link) & (k->index.cap - 1);

	while (k->index.slot[i] != 0 && k->w->entries.v[k->index.slot[i] - 1].link != link)
		i = (i + 1) & (k->index.cap - 1);
	return &k->index.slot[i];
}

static bool grow(struct walker *k)
{
	size_t cap = k->index.cap ? k->index.cap * 2 : 64, bytes, i;
	size_t *slot;

	if (!mul_size(cap, sizeof(*slot), &bytes))
		return false;
	slot = malloc(bytes);
	if (!slot)
		return false;
	k->index.seed = vm_seed(k->vm);
	memset(slot, 0, bytes);
	free(k->index.slot);
	k->index.slot = slot;
	k->index.cap = cap;
	for (i = 0; i < k->w->entries.n; i++)
		*lookup(k, k->w->entries.v[i].link) = i + 1;
	return true;
}

static struct list_entry *find_entry(const struct walker *k, uint64_t link)
{
	size_t at = k->index.cap ? *lookup(k, link) : 0;

	return at ? &k->w->entries.v[at - 1] : NULL;
}

static struct list_entry *add_entry(struct walker *k, uint64_t link)
{
	struct list_entry *e;

	if (k->w->entries.n * 2 >= k->index.cap && !grow(k))
		return NULL;
	e = vec_push(&k->w->entries);
	if (!e)
		return NULL;
	e->link = link;
	*lookup(k, link) = k->w->entries.n;
	return e;
}

/* LIST_ENTRY (wdm.h) is Flink, then Blink. One of the two may have been captured
 * without the other: triage ranges cut objects in the middle. */
static struct links read_links(const struct walker *k, uint64_t at, struct fs_error *err)
{
	const size_t ptr = vm_pointer_size(k->vm);
	struct links l = {.why = FS_OK};
	uint8_t b[16] = {0};

	l.why = vm_read(k->vm, at, b, 2 * ptr, k->what, err);
	if (l.why == FS_OK) {
		l.flink_read = l.blink_read = true;
	} else {
		uint64_t blink_at;

		l.flink_read = vm_read(k->vm, at, b, ptr, k->what, NULL) == FS_OK;
		l.blink_read = add_u64(at, ptr, &blink_at) &&
			       vm_read(k->vm, blink_at, b + ptr, ptr, k->what, NULL) == FS_OK;
	}
	l.flink = ptr == 8 ? load_u64(b) : load_u32(b);
	l.blink = ptr == 8 ? load_u64(b + 8) : load_u32(b + 4);
	return l;
}

static bool link_ok(const struct walker *k, uint64_t link)
{
	return vm_is_kernel_va(k->vm, link) && link % vm_pointer_size(k->vm) == 0;
}

/* The walk goes on past an unfitting Blink: the first one is evidence. */
static void check_blink(struct list_walk *w, uint64_t at, uint64_t blink, uint64_t expected)
{
	if (blink == expected || w->broken_at != 0)
		return;
	w->broken_at = at;
	w->broken_blink = blink;
	w->broken_expected = expected;
}

/* One direction's position. */
struct pos {
	bool backward;
	uint64_t at; /* LIST_ENTRY that `next` was read from */
	uint64_t next;
	enum fs_stop stop;
	enum fs_status why;
	size_t reached;
};

/* Step onto p->next. FS_OK with p->stop NOT_WALKED: go on. */
static enum fs_status step(struct walker *k, struct pos *p, struct fs_error *err)
{
	struct list_entry *e;
	struct links l;

	if (!link_ok(k, p->next)) {
		p->stop = FS_STOP_BAD_LINK;
		return FS_OK;
	}
	e = find_entry(k, p->next);
	if (e && (p->backward ? e->by_backward : e->by_forward)) {
		p->stop = FS_STOP_CYCLE;
		return FS_OK;
	}
	if (!e && k->w->entries.n >= k->max) {
		p->stop = FS_STOP_LIMIT;
		return FS_OK;
	}
	if (!e)
		e = add_entry(k, p->next);
	if (!e)
		return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", k->what);
	*(p->backward ? &e->by_backward : &e->by_forward) = true;
	p->reached++;
	l = read_links(k, e->link, NULL);
	e->links_read = l.flink_read && l.blink_read;
	if (!p->backward && l.blink_read)
		check_blink(k->w, e->link, l.blink, p->at);
	p->at = e->link;
	p->next = p->backward ? l.blink : l.flink;
	if (!(p->backward ? l.blink_read : l.flink_read)) {
		p->stop = FS_STOP_UNREADABLE;
		p->why = l.why;
		p->next = 0;
	}
	return FS_OK;
}

static enum fs_status run(struct walker *k, struct pos *p, struct fs_error *err)
{
	enum fs_status st = FS_OK;

	/* Ends: every step reaches an entry that this direction had not reached,
	 * and there are at most max. */
	while (st == FS_OK && p->stop == FS_STOP_NOT_WALKED) {
		if (p->next == k->w->head)
			p->stop = FS_STOP_CLOSED;
		else
			st = step(k, p, err);
	}
	return st;
}

static void reverse_from(struct list_walk *w, size_t first)
{
	size_t i = first, j = w->entries.n;

	for (; i + 1 < j; i++) {
		struct list_entry e = w->entries.v[i];

		w->entries.v[i] = w->entries.v[--j];
		w->entries.v[j] = e;
	}
}

static enum fs_status walk_forward(struct walker *k, const struct links *head, struct fs_error *err)
{
	struct pos p = {.at = k->w->head, .next = head->flink};
	enum fs_status st;

	if (!head->flink_read) {
		p.stop = FS_STOP_UNREADABLE;
		p.why = head->why;
	}
	st = run(k, &p, err);
	if (p.stop == FS_STOP_CLOSED && head->blink_read)
		check_blink(k->w, k->w->head, head->blink, p.at);
	k->w->stop = p.stop;
	k->w->stop_at = p.at;
	k->w->stop_value = p.next;
	k->w->why = p.why;
	k->w->forward = p.reached;
	return st;
}

static enum fs_status walk_backward(struct walker *k, const struct links *head,
				    struct fs_error *err)
{
	struct pos p = {.backward = true, .at = k->w->head, .next = head->blink};
	size_t first = k->w->entries.n;
	enum fs_status st;

	if (!head->blink_read) {
		p.stop = FS_STOP_UNREADABLE;
		p.why = head->why;
	}
	st = run(k, &p, err);
	k->w->backward_stop = p.stop;
	k->w->backward_stop_at = p.at;
	k->w->backward_stop_value = p.next;
	k->w->backward = p.reached;
	if (k->w->why == FS_OK)
		k->w->why = p.why;
	reverse_from(k->w, first); /* into list order */
	return st;
}

enum fs_status list_walk(struct vm *vm, uint64_t head, size_t max, const char *what,
			 struct list_walk *ret, struct fs_error *err)
{
	struct list_walk w = {.head = head};
	struct walker k = {.vm = vm, .what = what, .max = max, .w = &w};
	struct links l = read_links(&k, head, err);
	enum fs_status st;

	if (!l.flink_read && !l.blink_read)
		return l.why;
	st = walk_forward(&k, &l, err);
	if (st == FS_OK && w.stop != FS_STOP_CLOSED)
		st = walk_backward(&k, &l, err);
	free(k.index.slot);
	if (st != FS_OK) {
		list_walk_deinit(&w);
		return st;
	}
	*ret = w;
	return FS_OK;
}

void list_walk_deinit(struct list_walk *w)
{
	vec_free(&w->entries);
}
