/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports of zombied filters. They hang on no list any more: a client's port is only
 * known by its server port, and that one by the filter (facts: unload-causes.md 13
 * with its amendment 3). Memory that merely holds such a pointer is told from the real
 * thing by all its other fields, as the code of 10.0.19041.1806 leaves them when it has
 * unregistered a filter: the rundown of messages is drained, the queue of waiters is a
 * list that is closed, its semaphore and its two events are dispatcher objects.
 * Disconnected is not among them: that code leaves it 0.
 */
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "fltmgr/holders.h"

#define HITS_MAX 65536
/* KOBJECTS (nt's PDB); 0 and 1 are the two kinds of event. */
#define SEMAPHORE_OBJECT 5u
#define EVENT_OBJECT_LAST 1u

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

/* Entries of the queue of waiters name it as their neighbour; mostly there are none. */
static bool waiter_list(struct collect *c, uint64_t queue)
{
	struct fobj q;
	uint64_t head;

	fobj_open(c, &q, queue, T_FLT_MESSAGE_WAITER_QUEUE, "FLT_MESSAGE_WAITER_QUEUE");
	head = fobj_field_va(c, &q, P2(FLT_MESSAGE_WAITER_QUEUE, WaiterQ, FLT_MUTEX_LIST_HEAD, mList));
	return head && is_linked(c, head);
}

static bool is_event(struct collect *c, uint64_t va, size_t size)
{
	unsigned type;

	for (type = 0; type <= EVENT_OBJECT_LAST; type++)
		if (is_dispatcher(c, va, type, size))
			return true;
	return false;
}

static bool overlaps(uint64_t a, size_t na, uint64_t b, size_t nb)
{
	return a < b ? b - a < na : a - b < nb;
}

/* What stands inside an object of the lists is no object of its own. */
static bool inside_another(struct collect *c, uint64_t va, enum type_id type)
{
	const struct fs_model *m = c->b->model;
	const struct layout *l = c->r.fltmgr;
	size_t n = layout_type_size(l, type), i;

	for (i = 0; i < m->nframes; i++)
		if (overlaps(va, n, m->frames[i].address, layout_type_size(l, T_FLTP_FRAME)))
			return true;
	for (i = 0; i < m->nfilters; i++)
		if (overlaps(va, n, m->filters[i].address, layout_type_size(l, T_FLT_FILTER)))
			return true;
	for (i = 0; i < m->ninstances; i++)
		if (overlaps(va, n, m->instances[i].address, layout_type_size(l, T_FLT_INSTANCE)))
			return true;
	for (i = 0; i < m->nvolumes; i++)
		if (overlaps(va, n, m->volumes[i].address, layout_type_size(l, T_FLT_VOLUME)))
			return true;
	return false;
}

/* FltUnregisterFilter has waited for its calls. On a list or not, its own link is no garbage. */
static bool is_client_port(struct collect *c, uint64_t va, uint64_t server)
{
	struct fobj o;
	struct fs_value gone;
	struct fs_rundown r;
	struct fs_links l;
	uint64_t waiters, semaphore, event, disconnect;
	size_t head = 2 * c->ptr + 8; /* of a DISPATCHER_HEADER, which is all of a KEVENT */

	fobj_open(c, &o, va, T_FLT_PORT_OBJECT, "FLT_PORT_OBJECT");
	if (!o.size || inside_another(c, va, T_FLT_PORT_OBJECT) ||
	    overlaps(va, o.size, server, layout_type_size(c->r.fltmgr, T_FLT_SERVER_PORT_OBJECT)))
		return false;
	l = fobj_links(c, &o, P1(FLT_PORT_OBJECT, FilterLink));
	gone = fobj_value(c, &o, P1(FLT_PORT_OBJECT, Disconnected));
	r = fobj_rundown(c, &o, P1(FLT_PORT_OBJECT, MsgNotifRundownRef));
	if (!fs_is_read(&gone) || gone.v > 1 || r.state != FS_RUNDOWN_DRAINED ||
	    !fs_is_read(&l.flink) || !pointer_or_null(c, l.flink.v) || !fs_is_read(&l.blink) ||
	    !pointer_or_null(c, l.blink.v))
		return false;
	waiters = fobj_field_va(c, &o, P1(FLT_PORT_OBJECT, MsgQ));
	semaphore = fobj_field_va(
		c, &o, P2(FLT_PORT_OBJECT, MsgQ, FLT_MESSAGE_WAITER_QUEUE, Semaphore));
	event = fobj_field_va(c, &o, P2(FLT_PORT_OBJECT, MsgQ, FLT_MESSAGE_WAITER_QUEUE, Event));
	disconnect = fobj_field_va(c, &o, P1(FLT_PORT_OBJECT, DisconnectEvent));
	return waiters && waiter_list(c, waiters) &&
	       is_dispatcher(c, semaphore, SEMAPHORE_OBJECT, head + c->ptr) &&
	       is_event(c, event, head) && is_event(c, disconnect, head);
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
		    is_server_port(h->c, va) &&
		    !inside_another(h->c, va, T_FLT_SERVER_PORT_OBJECT))
			add_lost(h->c, m->filters[f].holders, va, link_value(x, i));
	}
}

static void take_clients(struct holders *h, const struct pointer_hits *x)
{
	struct fs_model *m = h->c->b->model;
	size_t i, f, k;

	for (i = 0; i < x->v.n; i++) {
		uint64_t va = x->v.v[i].object;

		if (!is_client_port(h->c, va, x->v.v[i].value))
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
	if (looked == FS_LOOKED_WHOLE && !m->modules_whole)
		looked = FS_LOOKED_PARTLY; /* a server port is known by its callbacks */
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
