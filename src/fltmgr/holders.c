/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who holds what, once all objects are read: contexts of the filters that drain (or
 * that were asked for), orphans in memory, ports of zombied filters. On a live system
 * an antivirus filter has hundreds of thousands of contexts, so nothing of
 * this is done for filters at rest unless asked for.
 */
#include "fltmgr/workitem.h"

#include <string.h>

/* A server's streams with some contexts each. */
#define NODES_MAX 2000000u
/* Every filter of a full system; a log takes nearly 1 MB of the model. */
#define LOGS_MAX 64u

static int by_address(const void *a, const void *b)
{
	const struct registration *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

int32_t holders_owner(const struct holders *h, uint64_t reg)
{
	struct registration key = {.address = reg}, *r = NULL;

	if (h->regs.n)
		r = bsearch(&key, h->regs.v, h->regs.n, sizeof(key), by_address);
	return r ? (int32_t)r->filter : -1;
}

bool holders_context(struct holders *h, uint64_t va, enum fs_context_place place, uint64_t owner,
		     size_t *ret_filter)
{
	struct collect *c = h->c;
	struct fs_context x = {.address = va, .place = place, .owner = owner}, *p;
	struct fobj o;
	int32_t filter;
	size_t i;

	if (!vm_is_kernel_va(c->r.vm, va))
		return false;
	fobj_open(c, &o, va, T_CONTEXT_NODE, "CONTEXT_NODE");
	x.reg = fobj_value(c, &o, P1(CONTEXT_NODE, RegInfo));
	filter = fs_is_read(&x.reg) ? holders_owner(h, x.reg.v) : -1;
	if (filter < 0)
		return false;
	/* lists never lead to one twice; the search finds what the lists had */
	for (i = 0; place == FS_CTX_ORPHAN && i < h->found[filter].n; i++)
		if (h->found[filter].v[i].address == va)
			return false;
	x.attached = fobj_value(c, &o, P1(CONTEXT_NODE, AttachedObject));
	x.use_count = fobj_value(c, &o, P1(CONTEXT_NODE, UseCount));
	/* The node names a registration of the filter, and its other fields were found to be what
	 * a node's are: that confirms a layout of this build. */
	x.reg.unproved = false;
	if (c->choice->match != LMATCH_FAMILY)
		x.use_count.unproved = false;
	p = vec_push(&h->found[filter]);
	if (!p) {
		c->out_of_memory = true;
		return false;
	}
	*p = x;
	*ret_filter = (size_t)filter;
	return true;
}

/* Whose contexts are looked for: filters that are being unloaded, and those asked for. */
static bool choose(struct holders *h)
{
	const struct fs_model *m = h->c->b->model;
	bool any = false;
	size_t i, k;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter *f = &m->filters[i];
		const struct fs_value *flags = &f->object.flags.value;

		h->wanted[i] = h->wants->all || f->address == h->wants->filter ||
			       (fs_has(flags, FS_OBJ_DRAINING) && fs_lacks(flags, FS_OBJ_ZOMBIED));
		any |= h->wanted[i];
		for (k = 0; h->wanted[i] && k < f->ncontexts; k++) {
			struct registration *r = vec_push(&h->regs);

			if (!r) {
				h->c->out_of_memory = true;
				return false;
			}
			r->address = f->contexts[k].address;
			r->filter = i;
		}
	}
	if (h->regs.n)
		qsort(h->regs.v, h->regs.n, sizeof(*h->regs.v), by_address);
	return any;
}

static int context_by_address(const void *a, const void *b)
{
	const struct fs_context *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* Where nodes stand in slots as well (26100), one may be met twice. */
static void once_each(const struct holders *h, context_vec *v)
{
	size_t i, n = 0;

	if (v->n < 2 || !layout_field(h->c->r.fltmgr, F_CONTEXT_LIST_CTRL_FastSlots))
		return;
	qsort(v->v, v->n, sizeof(*v->v), context_by_address);
	for (i = 0; i < v->n; i++)
		if (!n || v->v[n - 1].address != v->v[i].address)
			v->v[n++] = v->v[i];
	v->n = n;
}

static void keep(struct holders *h)
{
	struct fs_model *m = h->c->b->model;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		struct fs_filter_holders *fh = m->filters[i].holders;
		context_vec *v = &h->found[i];

		once_each(h, v);
		if (fh && v->n) {
			fh->contexts = arena_alloc(h->c->b->arena, v->n * sizeof(*v->v));
			if (fh->contexts) {
				memcpy(fh->contexts, v->v, v->n * sizeof(*v->v));
				fh->ncontexts = v->n;
			} else {
				h->c->out_of_memory = true;
			}
		}
	}
}

static void look(struct holders *h)
{
	struct fs_model *m = h->c->b->model;
	size_t i;

	if (choose(h)) {
		read_throttles(h->c);
		walk_contexts(h);
		keep(h);
		find_orphans(h);
		keep(h);
	}
	find_lost_ports(h);
	find_users(h);
	for (i = 0; i < m->nfilters; i++)
		if (h->wanted[i]) {
			read_verifier(h, i);
			read_reflog(h, i);
		}
	for (i = 0; i < m->ninstances && !h->c->out_of_memory; i++)
		if (fs_has(&m->instances[i].object.flags.value, FS_OBJ_DRAINING) &&
		    fs_lacks(&m->instances[i].object.flags.value, FS_OBJ_ZOMBIED))
			instance_operations(h, i);
	instance_rundowns(h);
	for (i = 0; i < m->nfilters; i++)
		vec_free(&h->found[i]);
}

enum fs_status fltmgr_collect_holders(const struct reader *r, const struct modules *m,
				      const struct fltmgr_choice *choice,
				      const struct fltmgr_wants *wants, struct model_builder *b,
				      struct fs_error *err)
{
	struct holders h = {.wants = wants,
			    .nodes_left = NODES_MAX,
			    .budget = wants->search_bytes,
			    .logs_left = LOGS_MAX};
	size_t n = b->model->nfilters + 1;
	bool failed = true;

	h.c = collect_create(r, m, choice, b);
	h.found = calloc(n, sizeof(*h.found));
	h.wanted = calloc(n, sizeof(*h.wanted));
	if (h.c && h.found && h.wanted) {
		look(&h);
		failed = h.c->out_of_memory || b->out_of_memory;
	}
	vec_free(&h.regs);
	free(h.found);
	free(h.wanted);
	free(h.c);
	if (failed)
		return fs_fail(err, FS_NO_MEMORY, "out of memory while reading the Filter Manager");
	return FS_OK;
}
