/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * _FLT_VERIFIER_EXTENSION: the Filter Verifier counts what a verified filter has
 * allocated or referenced, by kind, and lists each of them in a tree of
 * FLT_VERIFIER_OBJECTs (facts: unload-causes.md 26; transcript 14 for the kinds).
 */
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "fltmgr/holders.h"

/* A driver that leaks more has been told enough. */
#define OBJECTS_MAX 4096u

static struct fs_value count_at(struct collect *c, uint64_t va, bool unproved)
{
	struct fobj o = {.va = va, .gap = -1};
	uint8_t raw[8] = {0};
	struct fs_error err;

	if (fobj_bytes(c, &o, 0, raw, 4, "FLT_VERIFIER_EXTENSION.Count", &err) != FS_OK)
		return value_gap(model_gap(c->b, "FLT_VERIFIER_EXTENSION.Count", &err), va);
	return (struct fs_value){
		.v = load_u64(raw), .at = va, .state = FS_READ, .unproved = unproved, .gap = -1};
}

static void counts(struct collect *c, const struct fobj *o, struct fs_verifier *v)
{
	const struct fpath *p = P1(FLT_VERIFIER_EXTENSION, Count);
	const struct layout_field *f = layout_field(c->r.fltmgr, p->f);
	uint64_t at = fobj_field_va(c, o, p);
	uint32_t off;
	size_t i, n = f ? f->size / 4 : 0;

	if (!at || n > FS_VERIFIER_KINDS_MAX)
		return;
	for (i = 0; i < n; i++)
		v->count[v->ncounts++] =
			count_at(c, at + i * 4, path_trust(c, p, &off) != TRUST_FULL);
}

struct objects {
	struct collect *c;
	VEC(struct fs_verified) v;
};

static bool is_flt_object(const struct fs_model *m, uint64_t va)
{
	size_t i;

	for (i = 0; i < m->nfilters; i++)
		if (m->filters[i].address == va)
			return true;
	for (i = 0; i < m->ninstances; i++)
		if (m->instances[i].address == va)
			return true;
	for (i = 0; i < m->nvolumes; i++)
		if (m->volumes[i].address == va)
			return true;
	return false;
}

static void object(void *arg, uint64_t va)
{
	struct objects *x = arg;
	struct fs_verified *p;
	struct fobj o;

	if (x->v.n >= OBJECTS_MAX)
		return;
	p = vec_push(&x->v);
	if (!p) {
		x->c->out_of_memory = true;
		return;
	}
	memset(p, 0, sizeof(*p));
	fobj_open(x->c, &o, va, T_FLT_VERIFIER_OBJECT, "FLT_VERIFIER_OBJECT");
	p->address = va;
	p->type = fobj_value(x->c, &o, P1(FLT_VERIFIER_OBJECT, Type));
	p->object = fobj_value(x->c, &o, P1(FLT_VERIFIER_OBJECT, Object));
	p->ref_count = fobj_value(x->c, &o, P1(FLT_VERIFIER_OBJECT, RefCount));
	p->is_flt_object = fs_is_read(&p->object) && is_flt_object(x->c->b->model, p->object.v);
}

static void objects(struct collect *c, const struct fobj *o, struct fs_verifier *v)
{
	struct objects x = {.c = c};
	size_t left = OBJECTS_MAX;
	struct splay_walk w = {
		.what = "FLT_VERIFIER_OBJECT", .left = &left, .each = object, .arg = &x};
	uint64_t root = fobj_field_va(c, o, P1(FLT_VERIFIER_EXTENSION, List));

	if (!root || path_trust(c, P2(FLT_VERIFIER_OBJECT, TreeLink, TREE_NODE, Link), &w.link) <
			     TRUST_UNPROVED)
		return;
	v->listed = splay_walk(c, root, &w);
	if (x.v.n) {
		v->object = arena_alloc(c->b->arena, x.v.n * sizeof(*x.v.v));
		if (v->object) {
			memcpy(v->object, x.v.v, x.v.n * sizeof(*x.v.v));
			v->n = x.v.n;
		} else {
			c->out_of_memory = true;
		}
	}
	vec_free(&x.v);
}

void read_verifier(struct holders *h, size_t filter)
{
	struct collect *c = h->c;
	struct fs_filter *f = &c->b->model->filters[filter];
	struct fs_verifier *v;
	struct fobj o;

	if (!f->holders || !fs_has(&f->verifier_extension, UINT64_MAX) ||
	    !vm_is_kernel_va(c->r.vm, f->verifier_extension.v))
		return;
	v = arena_alloc(c->b->arena, sizeof(*v));
	if (!v) {
		c->out_of_memory = true;
		return;
	}
	v->address = f->verifier_extension.v;
	fobj_open(c, &o, v->address, T_FLT_VERIFIER_EXTENSION, "FLT_VERIFIER_EXTENSION");
	counts(c, &o, v);
	objects(c, &o, v);
	/* its list holds together, every node of it */
	if (v->listed == FS_LOOKED_WHOLE && v->n && c->choice->match != LMATCH_FAMILY)
		f->verifier_extension.unproved = false;
	f->holders->verifier = v;
}
