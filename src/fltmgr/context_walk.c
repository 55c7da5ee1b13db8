/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts of some filters on every list there is: instances, transactions,
 * volumes, streams, stream handles, sections and files (CONTEXT_LIST_CTRL is a
 * tree of CONTEXT_NODEs by their TreeLink).
 */
#include "base/checked.h"
#include "fltmgr/holders.h"

struct tree {
	struct holders *h;
	enum fs_context_place place;
	uint64_t owner;
};

static void node(void *arg, uint64_t va)
{
	struct tree *t = arg;
	size_t filter;

	(void)holders_context(t->h, va, t->place, t->owner, &filter);
}

static bool offset_of(struct collect *c, const struct fpath *p, uint32_t *ret)
{
	return path_trust(c, p, ret) >= TRUST_UNPROVED;
}

static void worse(enum fs_looked *all, enum fs_looked one)
{
	if (one != FS_LOOKED_WHOLE)
		*all = FS_LOOKED_PARTLY;
}

#define SLOTS_MAX 64
/* 26100: eight nodes stand in slots in front of the tree, each behind a word that locks it. */
static enum fs_looked walk_slots(struct tree *t, uint64_t va)
{
	const struct layout_field *f =
		layout_field(t->h->c->r.fltmgr, F_CONTEXT_LIST_CTRL_FastSlots);
	struct fobj o = {.va = va, .what = "CONTEXT_LIST_CTRL", .gap = -1};
	enum fs_looked looked = FS_LOOKED_WHOLE;
	size_t i, n = f ? f->size / (2 * t->h->c->ptr) : 0;

	for (i = 0; i < n && i < SLOTS_MAX; i++) {
		struct fs_value p = fobj_pointer_at(
			t->h->c, &o, P1(CONTEXT_LIST_CTRL, FastSlots), 2 * i + 1);

		if (!fs_is_read(&p))
			looked = FS_LOOKED_PARTLY;
		else if (p.v)
			node(t, p.v);
	}
	return looked;
}

/* The tree whose CONTEXT_LIST_CTRL stands at va. */
static enum fs_looked walk_tree(struct holders *h, uint64_t va, enum fs_context_place place,
				uint64_t owner)
{
	struct tree t = {.h = h, .place = place, .owner = owner};
	struct splay_walk w = {.what = "CONTEXT_NODE.TreeLink",
			       .left = &h->nodes_left,
			       .each = node,
			       .arg = &t};
	uint32_t list = 0, in_node = 0;
	enum fs_looked looked;

	if (!va || !offset_of(h->c, P1(CONTEXT_LIST_CTRL, List), &list) ||
	    !offset_of(h->c, P2(CONTEXT_NODE, TreeLink, TREE_NODE, Link), &in_node))
		return FS_LOOKED_PARTLY;
	w.link = in_node;
	looked = walk_slots(&t, va);
	worse(&looked, splay_walk(h->c, va + list, &w));
	return looked;
}

static void stream(struct holders *h, uint64_t va, enum fs_looked *all)
{
	struct collect *c = h->c;
	struct fs_value section;
	struct fobj o, list = {.what = "SECTION_LIST_CTRL", .gap = -1};

	fobj_open(c, &o, va, T_STREAM_LIST_CTRL, "STREAM_LIST_CTRL");
	worse(all, walk_tree(h, fobj_field_va(c, &o, P1(STREAM_LIST_CTRL, StreamContexts)),
			     FS_CTX_STREAM, va));
	worse(all, walk_tree(h, fobj_field_va(c, &o, P1(STREAM_LIST_CTRL, StreamHandleContexts)),
			     FS_CTX_STREAM_HANDLE, va));
	section = fobj_value(c, &o, P1(STREAM_LIST_CTRL, SectionContexts));
	if (section.state == FS_MISSING)
		worse(all, FS_LOOKED_PARTLY);
	if (!fs_is_read(&section) || !section.v)
		return;
	list.va = section.v;
	worse(all, walk_tree(h, fobj_field_va(c, &list, P1(SECTION_LIST_CTRL, CtxList)),
			     FS_CTX_SECTION, va));
}

static void file(struct holders *h, uint64_t va, enum fs_looked *all)
{
	struct fobj o = {.va = va, .what = "FILE_LIST_CTRL", .gap = -1};

	worse(all, walk_tree(h, fobj_field_va(h->c, &o, P1(FILE_LIST_CTRL, FileContexts)),
			     FS_CTX_FILE, va));
}

/* The list controls of one volume. */
static void controls(struct holders *h, const struct fobj *o, const struct fpath *head,
		     const struct fpath *link,
		     void (*each)(struct holders *h, uint64_t va, enum fs_looked *all),
		     enum fs_looked *all)
{
	struct fs_addresses a;
	uint32_t off = 0;
	size_t i;

	if (!offset_of(h->c, link, &off)) {
		worse(all, FS_LOOKED_PARTLY);
		return;
	}
	collect_addresses(h->c, o, head, off, &a);
	if (!fs_addresses_whole(&a))
		worse(all, FS_LOOKED_PARTLY);
	for (i = 0; i < a.n && h->nodes_left && !h->c->out_of_memory; i++) {
		h->nodes_left--;
		each(h, a.v[i], all);
	}
}

static void volume(struct holders *h, const struct fs_volume *v, enum fs_looked *all)
{
	struct fobj o = {.va = v->address, .what = "FLT_VOLUME", .gap = -1};

	worse(all, walk_tree(h, v->volume_contexts, FS_CTX_VOLUME, v->address));
	controls(h, &o, P2(FLT_VOLUME, StreamListCtrls, FLT_RESOURCE_LIST_HEAD, rList),
		 P1(STREAM_LIST_CTRL, VolumeLink), stream, all);
	controls(h, &o, P2(FLT_VOLUME, FileListCtrls, FLT_RESOURCE_LIST_HEAD, rList),
		 P1(FILE_LIST_CTRL, VolumeLink), file, all);
}

enum fs_looked known_only(const struct fs_filter *f, enum fs_looked looked)
{
	return looked == FS_LOOKED_WHOLE ? f->contexts_looked : looked;
}

void walk_contexts(struct holders *h)
{
	struct fs_model *m = h->c->b->model;
	enum fs_looked all = FS_LOOKED_WHOLE;
	size_t i, filter;

	for (i = 0; i < m->ninstances; i++) {
		const struct fs_instance *in = &m->instances[i];

		if (fs_has(&in->context, UINT64_MAX))
			(void)holders_context(h, in->context.v, FS_CTX_INSTANCE, in->address,
					      &filter);
		else if (in->context.state == FS_MISSING)
			worse(&all, FS_LOOKED_PARTLY);
		if (in->filter >= 0 && h->wanted[in->filter])
			worse(&all, walk_tree(h, in->transaction_contexts, FS_CTX_TRANSACTION,
					      in->address));
	}
	for (i = 0; i < m->nvolumes && !h->c->out_of_memory; i++)
		volume(h, &m->volumes[i], &all);
	if (!h->nodes_left) {
		all = FS_LOOKED_PARTLY;
		(void)collect_gap(h->c, "CONTEXT_NODE", 0, FS_LIMIT,
				  "more contexts and streams than are walked");
	}
	for (i = 0; i < m->nfilters; i++)
		if (h->wanted[i] && m->filters[i].holders)
			m->filters[i].holders->attached = known_only(&m->filters[i], all);
}
