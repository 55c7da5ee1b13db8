/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keeps a zombied filter from user mode: each handle to FltMgr's device has a
 * FLT_CCB as its FILE_OBJECT's FsContext2, and that names the filter (type word F109) or
 * the client's port (F10C; facts: fltkd-commands.md, the names are inferred by
 * use). They are on no list: memory is searched for the pointers.
 */
#include <string.h>

#include "base/checked.h"
#include "fltmgr/holders.h"

#define REFS_MAX 4096
/* Type of a FILE_OBJECT (wdm.h: IO_TYPE_FILE). */
#define IO_TYPE_FILE 5u

struct users {
	struct holders *h;
	va_vec values;
	uint32_t port, filter; /* offsets of the two pointers in a FLT_CCB */
	VEC(struct fs_user_ref) refs;
	bool limited;
};

static bool offsets(struct users *x)
{
	struct collect *c = x->h->c;
	uint32_t data, in;

	if (path_trust(c, P1(FLT_CCB, Data), &data) < TRUST_UNPROVED ||
	    path_trust(c, P1(PORT_CCB, Port), &in) < TRUST_UNPROVED ||
	    __builtin_add_overflow(data, in, &x->port) ||
	    path_trust(c, P1(FILTER_CCB, Filter), &in) < TRUST_UNPROVED ||
	    __builtin_add_overflow(data, in, &x->filter))
		return false;
	return true;
}

static void keep(struct users *x, uint64_t at, uint32_t offset, uint64_t value, unsigned type)
{
	struct collect *c = x->h->c;
	struct fs_user_ref *p;
	struct fs_value word, size;
	struct fobj o;

	if (at < offset || (at - offset) % (2 * c->ptr))
		return;
	fobj_open(c, &o, at - offset, T_FLT_CCB, "FLT_CCB");
	word = fobj_value(c, &o, P2(FLT_CCB, Type, FLT_TYPE, Signature));
	size = fobj_value(c, &o, P2(FLT_CCB, Type, FLT_TYPE, Size));
	if (!fs_is_read(&word) || word.v != type || !fs_is_read(&size) ||
	    size.v != layout_type_size(c->r.fltmgr, T_FLT_CCB))
		return;
	if (x->refs.n >= REFS_MAX) {
		x->limited = true;
		return;
	}
	p = vec_push(&x->refs);
	if (!p) {
		c->out_of_memory = true;
		return;
	}
	memset(p, 0, sizeof(*p));
	p->ccb = at - offset;
	p->type = word;
	p->object = (struct fs_value){.v = value, .at = at, .state = FS_READ, .gap = -1};
	p->object.unproved = c->choice->match == LMATCH_FAMILY;
}

static void note_ccb(void *arg, uint64_t at, uint64_t value)
{
	struct users *x = arg;

	keep(x, at, x->port, value, FS_CCB_PORT);
	keep(x, at, x->filter, value, FS_CCB_FILTER);
}

/* --- the FILE_OBJECTs ---------------------------------------------------------- */

static void note_file(void *arg, uint64_t at, uint64_t value)
{
	struct users *x = arg;
	struct collect *c = x->h->c;
	struct fobj o = {.what = "FILE_OBJECT", .gap = -1};
	struct fs_value type, size;
	uint32_t off = 0;
	size_t i;

	if (path_trust(c, P1(FILE_OBJECT, FsContext2), &off) < TRUST_UNPROVED || at < off ||
	    (at - off) % (2 * c->ptr))
		return;
	o.va = at - off;
	type = fobj_value(c, &o, P1(FILE_OBJECT, Type));
	size = fobj_value(c, &o, P1(FILE_OBJECT, Size));
	if (!fs_is_read(&type) || type.v != IO_TYPE_FILE || !fs_is_read(&size) ||
	    size.v != layout_type_size(c->r.nt, T_FILE_OBJECT))
		return;
	for (i = 0; i < x->refs.n; i++)
		if (x->refs.v[i].ccb == value && !x->refs.v[i].file) {
			x->refs.v[i].file = o.va;
			x->refs.v[i].file_link = (struct fs_value){
				.v = value, .at = at, .state = FS_READ, .gap = -1};
		}
}

static void files(struct users *x)
{
	struct search s = {.hit = note_file, .arg = x};
	va_vec v = {0};
	size_t i;
	bool ok = true;

	for (i = 0; ok && i < x->refs.n; i++)
		ok = va_push(&v, x->refs.v[i].ccb);
	s.v = v.v;
	s.n = v.n;
	if (ok && x->h->c->r.nt)
		(void)search_memory(x->h, &s);
	else if (!ok)
		x->h->c->out_of_memory = true;
	vec_free(&v);
}

/* --- whose ------------------------------------------------------------------------ */

static bool is_its(const struct fs_filter *f, const struct fs_user_ref *r)
{
	const struct fs_filter_holders *h = f->holders;
	size_t i;

	if (r->object.v == f->address)
		return r->type.v == FS_CCB_FILTER;
	for (i = 0; i < h->nclients; i++)
		if (h->clients[i].address == r->object.v)
			return r->type.v == FS_CCB_PORT;
	for (i = 0; i < h->nlost; i++)
		if (h->lost[i].client_port == r->object.v)
			return r->type.v == FS_CCB_PORT;
	return false;
}

static void give(struct users *x, struct fs_filter *f)
{
	struct fs_filter_holders *h = f->holders;
	size_t i, n = 0;

	for (i = 0; i < x->refs.n; i++)
		n += is_its(f, &x->refs.v[i]);
	h->users = n ? arena_alloc(x->h->c->b->arena, n * sizeof(*h->users)) : NULL;
	if (n && !h->users) {
		x->h->c->out_of_memory = true;
		return;
	}
	for (i = 0; i < x->refs.n; i++)
		if (is_its(f, &x->refs.v[i]))
			h->users[h->nusers++] = x->refs.v[i];
}

/* Zombies, whom only user mode is known to keep; and filters that were asked for. */
static bool wanted(const struct holders *h, size_t i)
{
	const struct fs_filter *f = &h->c->b->model->filters[i];

	return f->holders && (h->wants->all || fs_has(&f->object.flags.value, FS_OBJ_ZOMBIED));
}

static bool values(struct users *x)
{
	const struct fs_model *m = x->h->c->b->model;
	size_t i, k;
	bool ok = true;

	for (i = 0; ok && i < m->nfilters; i++) {
		const struct fs_filter_holders *h = m->filters[i].holders;

		if (!wanted(x->h, i))
			continue;
		ok = va_push(&x->values, m->filters[i].address);
		for (k = 0; ok && k < h->nclients; k++)
			ok = va_push(&x->values, h->clients[k].address);
		for (k = 0; ok && k < h->nlost; k++)
			if (h->lost[k].client_port)
				ok = va_push(&x->values, h->lost[k].client_port);
	}
	return ok;
}

void find_users(struct holders *h)
{
	struct fs_model *m = h->c->b->model;
	struct users x = {.h = h};
	struct search s = {.hit = note_ccb, .arg = &x};
	enum fs_looked looked;
	size_t i;

	if (!offsets(&x))
		return;
	if (values(&x)) {
		s.v = x.values.v;
		s.n = x.values.n;
		looked = search_memory(h, &s);
		if (x.limited && looked == FS_LOOKED_WHOLE)
			looked = FS_LOOKED_PARTLY;
		if (x.refs.n)
			files(&x);
		for (i = 0; i < m->nfilters; i++)
			if (wanted(h, i)) {
				m->filters[i].holders->users_searched = looked;
				give(&x, &m->filters[i]);
			}
	} else {
		h->c->out_of_memory = true;
	}
	vec_free(&x.values);
	vec_free(&x.refs);
}
