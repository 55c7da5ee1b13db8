/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts that hang on no list any more: one whose object is gone is only known by
 * its registration (CONTEXT_NODE.RegInfo; facts: unload-causes.md, "How to read a
 * wait"). Memory that merely holds such a pointer is told from the real thing by all
 * its other fields.
 */
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "fltmgr/workitem.h"
#include "fltscope/ledger.h"

/* A context that so many hold is none. */
#define USE_COUNT_MAX 0x100000u
/* Stale pointers stand on the waiter's own stack; no kernel stack is larger. */
#define STACK_SPAN 0x8000u
#define HITS_MAX   65536

/* One pass over memory, for what names a registration, a filter or an instance. */
struct orphans {
	struct holders *h;
	uint32_t reg; /* offset of RegInfo */
	bool contexts; /* it is known */
	va_vec values, hits;
	struct work_search work;
};

static void note_hit(void *arg, uint64_t at, uint64_t value)
{
	struct orphans *x = arg;

	if (holders_owner(x->h, value) < 0) {
		work_hit(&x->work, at);
		return;
	}
	/* pool blocks stand on 16 bytes, 8 on 32-bit machines */
	if (at < x->reg || (at - x->reg) % (2 * x->h->c->ptr) || x->hits.n >= HITS_MAX)
		return;
	if (!va_push(&x->hits, at - x->reg))
		x->h->c->out_of_memory = true;
}

/* Every word before UseCount but the two keys is a pointer or null. */
static bool is_node(struct collect *c, uint64_t va)
{
	struct fobj o;
	struct fs_value use, attached, root;
	struct fs_links l;
	uint8_t raw[8] = {0};
	struct fs_error err;

	fobj_open(c, &o, va, T_CONTEXT_NODE, "CONTEXT_NODE");
	if (!o.size)
		return false;
	use = fobj_value(c, &o, P1(CONTEXT_NODE, UseCount));
	attached = fobj_value(c, &o, P1(CONTEXT_NODE, AttachedObject));
	l = fobj_links(c, &o, P2(CONTEXT_NODE, TreeLink, TREE_NODE, Link));
	root = l.blink;
	if (fobj_bytes(c, &o, 0, raw, c->ptr, "CONTEXT_NODE", &err) != FS_OK)
		return false;
	return fs_is_read(&use) && use.v && use.v < USE_COUNT_MAX && fs_is_read(&attached) &&
	       pointer_or_null(c, attached.v) && pointer_or_null(c, load_u64(raw)) &&
	       fs_is_read(&l.flink) && pointer_or_null(c, l.flink.v) && pointer_or_null(c, root.v);
}

static bool inside(const struct fs_model *m, const struct collect *c, uint64_t va)
{
	uint64_t size = layout_type_size(c->r.fltmgr, T_FLT_FILTER);
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter *f = &m->filters[i];
		uint64_t block = f->object.rundown.wait_block;

		if (va >= f->address && va - f->address < size)
			return true;
		if (block && va + STACK_SPAN >= block && va <= block + STACK_SPAN)
			return true;
	}
	return false;
}

/* Only filters that wait for more than is known are worth the search. */
static bool needs_search(const struct fs_model *m, size_t i)
{
	struct fs_ledger l;

	fs_ledger_filter(m, i, &l);
	return !l.total_known || l.unexplained > 0;
}

static bool is_header(const struct holders *h, uint64_t va)
{
	return holders_owner(h, va) >= 0;
}

static void found_contexts(struct orphans *x, enum fs_looked looked)
{
	struct holders *h = x->h;
	struct fs_model *m = h->c->b->model;
	size_t i, filter;

	if (!x->contexts)
		looked = FS_LOOKED_NOT;
	if (x->hits.n >= HITS_MAX)
		looked = FS_LOOKED_PARTLY;
	for (i = 0; i < x->hits.n; i++) {
		uint64_t va = x->hits.v[i];

		if (!inside(m, h->c, va) && !is_header(h, va) && is_node(h->c, va))
			(void)holders_context(h, va, FS_CTX_ORPHAN, 0, &filter);
	}
	for (i = 0; i < m->nfilters; i++)
		if (h->wanted[i] && m->filters[i].holders)
			m->filters[i].holders->searched = known_only(&m->filters[i], looked);
}

void find_orphans(struct holders *h)
{
	struct orphans x = {.h = h, .work = {.h = h}};
	struct search s = {.hit = note_hit, .arg = &x};
	enum fs_looked looked;
	bool work = work_known(h->c), ok = true;
	size_t i;

	x.contexts = path_trust(h->c, P1(CONTEXT_NODE, RegInfo), &x.reg) >= TRUST_UNPROVED;
	for (i = 0; x.contexts && ok && i < h->regs.n; i++)
		if (needs_search(h->c->b->model, h->regs.v[i].filter))
			ok = va_push(&x.values, h->regs.v[i].address);
	if (ok && work)
		ok = work_wanted(h, &x.values);
	if (ok) {
		s.v = x.values.v;
		s.n = x.values.n;
		looked = search_memory(h, &s);
		found_contexts(&x, looked);
		work_finish(&x.work, work ? looked : FS_LOOKED_NOT);
	} else {
		h->c->out_of_memory = true;
		vec_free(&x.work.items);
	}
	vec_free(&x.hits);
	vec_free(&x.values);
}
