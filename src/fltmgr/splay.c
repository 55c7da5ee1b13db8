/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tree of TREE_NODEs by their splay links (RtlInitializeSplayLinks: the root's
 * parent is itself). A child must name its parent, which also keeps a hostile tree
 * from leading anywhere twice.
 */
#include "fltmgr/holders.h"

struct splay_step {
	uint64_t link, parent;
};

struct splay {
	struct collect *c;
	const struct splay_walk *w;
	VEC(struct splay_step) todo;
	enum fs_looked looked;
};

static void push(struct splay *t, uint64_t link, uint64_t parent)
{
	struct splay_step *s = vec_push(&t->todo);

	if (!s) {
		t->c->out_of_memory = true;
		return;
	}
	s->link = link;
	s->parent = parent;
}

static void step(struct splay *t, struct splay_step s)
{
	struct collect *c = t->c;
	struct fobj o;
	struct fs_value parent, left, right;

	if (!vm_is_kernel_va(c->r.vm, s.link) || s.link < t->w->link || !*t->w->left) {
		t->looked = FS_LOOKED_PARTLY;
		return;
	}
	--*t->w->left;
	fobj_open(c, &o, s.link, T_RTL_SPLAY_LINKS, t->w->what);
	parent = fobj_value(c, &o, P1(RTL_SPLAY_LINKS, Parent));
	left = fobj_value(c, &o, P1(RTL_SPLAY_LINKS, LeftChild));
	right = fobj_value(c, &o, P1(RTL_SPLAY_LINKS, RightChild));
	if (!fs_is_read(&parent) || !fs_is_read(&left) || !fs_is_read(&right)) {
		t->looked = FS_LOOKED_PARTLY;
		return;
	}
	if (parent.v != s.parent) {
		(void)collect_gap(c, t->w->what, s.link, FS_CORRUPT,
				  "a node of a tree does not name its parent 0x%llx",
				  (unsigned long long)s.parent);
		t->looked = FS_LOOKED_PARTLY;
		return;
	}
	t->w->each(t->w->arg, s.link - t->w->link);
	if (left.v && left.v != s.link)
		push(t, left.v, s.link);
	if (right.v && right.v != s.link && right.v != left.v)
		push(t, right.v, s.link);
}

enum fs_looked splay_walk(struct collect *c, uint64_t root, const struct splay_walk *w)
{
	struct splay t = {.c = c, .w = w, .looked = FS_LOOKED_WHOLE};
	struct fobj o = {.va = root, .what = w->what, .gap = -1};
	struct fs_value tree;

	if (!root)
		return FS_LOOKED_PARTLY;
	tree = fobj_value(c, &o, P1(TREE_ROOT, Tree));
	if (!fs_is_read(&tree))
		return FS_LOOKED_PARTLY;
	if (tree.v)
		push(&t, tree.v, tree.v);
	while (t.todo.n && !c->out_of_memory)
		step(&t, t.todo.v[--t.todo.n]);
	vec_free(&t.todo);
	return t.looked;
}
