/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hangs on no list any more. A context whose object is gone is only known by
 * its registration (CONTEXT_NODE.RegInfo); a client's port of a zombied filter by
 * its server port, and that one by the filter (facts: unload-causes.md, "How to
 * read a wait" and 13 with its amendment 3). Memory that merely holds such a
 * pointer is told from the real thing by all its other fields.
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

static bool pointer_or_null(const struct collect *c, uint64_t v)
{
	return v == 0 || (vm_is_kernel_va(c->r.vm, v) && v % c->ptr == 0);
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

/* --- ports of zombied filters --------------------------------------------- */

struct pointer_hit {
	uint64_t object, value;
};

struct pointer_hits {
	struct collect *c;
	uint32_t offset; /* of the pointer in the object */
	bool unproved;	 /* that offset is */
	VEC(struct pointer_hit) v;
};

static void note_pointer(void *arg, uint64_t at, uint64_t value)
{
	struct pointer_hits *x = arg;

	if (at < x->offset || (at - x->offset) % x->c->ptr || x->v.n >= HITS_MAX ||
	    !vec_push(&x->v))
		return;
	x->v.v[x->v.n - 1].object = at - x->offset;
	x->v.v[x->v.n - 1].value = value;
}

/* Its callbacks are code, or not there; connections do not exceed their limit. */
static bool is_server_port(struct collect *c, uint64_t va)
{
	struct fobj o;
	struct fs_code connect, disconnect, message;
	struct fs_value n, max;

	fobj_open(c, &o, va, T_FLT_SERVER_PORT_OBJECT, "FLT_SERVER_PORT_OBJECT");
	if (!o.size)
		return false;
	connect = fobj_code(c, &o, P1(FLT_SERVER_PORT_OBJECT, ConnectNotify));
	disconnect = fobj_code(c, &o, P1(FLT_SERVER_PORT_OBJECT, DisconnectNotify));
	message = fobj_code(c, &o, P1(FLT_SERVER_PORT_OBJECT, MessageNotify));
	n = fobj_value(c, &o, P1(FLT_SERVER_PORT_OBJECT, NumberOfConnections));
	max = fobj_value(c, &o, P1(FLT_SERVER_PORT_OBJECT, MaxConnections));
	/* FltCreateCommunicationPort demands both; the driver may be gone by now */
	return (connect.module >= 0 || connect.unloaded) &&
	       (disconnect.module >= 0 || disconnect.unloaded) &&
	       (message.module >= 0 || message.unloaded || !message.va.v) && fs_is_read(&n) &&
	       fs_is_read(&max) && max.v && max.v < 0x80000000u && n.v <= max.v;
}

/* FltUnregisterFilter has disconnected it. */
static bool is_client_port(struct collect *c, uint64_t va)
{
	struct fobj o;
	struct fs_value gone;
	struct fs_rundown r;

	fobj_open(c, &o, va, T_FLT_PORT_OBJECT, "FLT_PORT_OBJECT");
	if (!o.size)
		return false;
	gone = fobj_value(c, &o, P1(FLT_PORT_OBJECT, Disconnected));
	r = fobj_rundown(c, &o, P1(FLT_PORT_OBJECT, MsgNotifRundownRef));
	return fs_is_read(&gone) && gone.v <= 1 && r.state != FS_RUNDOWN_UNKNOWN;
}

static enum fs_looked pointers_to(struct holders *h, uint64_t *v, size_t n, const struct fpath *p,
				  struct pointer_hits *ret)
{
	struct search s = {.v = v, .n = n, .hit = note_pointer, .arg = ret};
	enum trust trust;

	memset(ret, 0, sizeof(*ret));
	ret->c = h->c;
	trust = path_trust(h->c, p, &ret->offset);
	if (trust < TRUST_UNPROVED)
		return FS_LOOKED_NOT;
	/* what was found has been tested in every other field: good for a layout of this build */
	ret->unproved = trust != TRUST_FULL && h->c->choice->match == LMATCH_FAMILY;
	return search_memory(h, &s);
}

static void add_lost(struct collect *c, struct fs_filter_holders *fh, uint64_t server,
		     struct fs_value filter)
{
	struct fs_lost_port *p = arena_alloc(c->b->arena, (fh->nlost + 1) * sizeof(*p));

	if (!p) {
		c->out_of_memory = true;
		return;
	}
	if (fh->nlost)
		memcpy(p, fh->lost, fh->nlost * sizeof(*p));
	p[fh->nlost] = (struct fs_lost_port){.server_port = server, .filter = filter};
	fh->lost = p;
	fh->nlost++;
}

#define LOST_MAX 16

static struct fs_value link_value(const struct pointer_hits *x, size_t i)
{
	return (struct fs_value){.v = x->v.v[i].value,
				 .at = x->v.v[i].object + x->offset,
				 .state = FS_READ,
				 .unproved = x->unproved,
				 .gap = -1};
}

static void take_servers(struct holders *h, const struct pointer_hits *x)
{
	struct fs_model *m = h->c->b->model;
	size_t i;

	for (i = 0; i < x->v.n; i++) {
		int32_t f = model_find_filter(h->c->b, x->v.v[i].value);
		uint64_t va = x->v.v[i].object;

		if (f >= 0 && m->filters[f].holders && m->filters[f].holders->nlost < LOST_MAX &&
		    is_server_port(h->c, va))
			add_lost(h->c, m->filters[f].holders, va, link_value(x, i));
	}
}

static void take_clients(struct holders *h, const struct pointer_hits *x)
{
	struct fs_model *m = h->c->b->model;
	size_t i, f, k;

	for (i = 0; i < x->v.n; i++) {
		uint64_t va = x->v.v[i].object;

		if (!is_client_port(h->c, va))
			continue;
		for (f = 0; f < m->nfilters; f++)
			for (k = 0; m->filters[f].holders && k < m->filters[f].holders->nlost;
			     k++) {
				struct fs_lost_port *p = &m->filters[f].holders->lost[k];

				if (p->server_port != x->v.v[i].value || p->client_port)
					continue;
				p->client_port = va;
				p->server_link = link_value(x, i);
			}
	}
}

static size_t servers(const struct fs_model *m, uint64_t *v, size_t max)
{
	size_t i, k, n = 0;

	for (i = 0; i < m->nfilters; i++)
		for (k = 0; m->filters[i].holders && k < m->filters[i].holders->nlost; k++)
			if (n < max)
				v[n++] = m->filters[i].holders->lost[k].server_port;
	return n;
}

void find_lost_ports(struct holders *h)
{
	struct fs_model *m = h->c->b->model;
	struct pointer_hits x;
	uint64_t v[256];
	size_t i, n = 0;
	enum fs_looked looked;

	for (i = 0; i < m->nfilters && n < 256; i++)
		if (fs_has(&m->filters[i].object.flags.value, FS_OBJ_ZOMBIED) &&
		    fs_has(&m->filters[i].object.pointer_count, UINT64_MAX))
			v[n++] = m->filters[i].address;
	if (!n)
		return;
	looked = pointers_to(h, v, n, P1(FLT_SERVER_PORT_OBJECT, Filter), &x);
	take_servers(h, &x);
	vec_free(&x.v);
	for (i = 0; i < m->nfilters; i++)
		if (m->filters[i].holders)
			m->filters[i].holders->lost_searched = looked;
	n = servers(m, v, 256);
	if (!n)
		return;
	(void)pointers_to(h, v, n, P1(FLT_PORT_OBJECT, ServerPort), &x);
	take_clients(h, &x);
	vec_free(&x.v);
}
