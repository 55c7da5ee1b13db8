/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files and ports of a filter. ActiveOpens and the two lists of ports are
 * FLT_MUTEX_LIST_HEADs; an entry of ActiveOpens has no type in the public PDB, so
 * only its address is kept.
 */
#include <string.h>

#include "base/checked.h"
#include "fltmgr/collect.h"

/* More handles than one filter has ports or files open. */
#define HELD_MAX 65536

/* The word holds 2 * entries + mInvalid (facts: read in the code of 17763 to 26100,
 * and the bit is in every public PDB since 7). A layout that does not have the
 * bit is not known to count like that. */
static bool counts_in_twos(struct collect *c)
{
	const struct layout_field *count;
	struct layout_field_info invalid;

	if (c->mutex_asked)
		return c->mutex_count;
	c->mutex_asked = true;
	count = layout_field(c->r.fltmgr, F_FLT_MUTEX_LIST_HEAD_mCount);
	c->mutex_count = count &&
			 layout_find_path(c->r.fltmgr, c->r.nt, "_FLT_MUTEX_LIST_HEAD", "mInvalid",
					  &invalid) &&
			 invalid.offset == count->offset;
	return c->mutex_count;
}

struct fs_value fobj_mutex_count(struct collect *c, const struct fobj *o, const struct fpath *count)
{
	struct fs_value v;

	if (!counts_in_twos(c))
		return model_none();
	v = fobj_value(c, o, count);
	v.v >>= 1;
	return v;
}

static void keep_addresses(struct collect *c, const struct list_walk *w, uint32_t link_offset,
			   struct fs_addresses *ret)
{
	size_t i;

	if (!w->entries.n)
		return;
	ret->v = arena_alloc(c->b->arena, w->entries.n * sizeof(*ret->v));
	if (!ret->v) {
		c->out_of_memory = true;
		return;
	}
	for (i = 0; i < w->entries.n; i++)
		if (w->entries.v[i].link >= link_offset)
			ret->v[ret->n++] = w->entries.v[i].link - link_offset;
}

void collect_addresses(struct collect *c, const struct fobj *o, const struct fpath *head,
		       uint32_t link_offset, struct fs_addresses *ret)
{
	size_t max = c->links_left < HELD_MAX ? c->links_left : HELD_MAX;
	struct list_walk w = {0};
	struct fs_error err;

	memset(ret, 0, sizeof(*ret));
	ret->gap = -1;
	ret->head = fobj_field_va(c, o, head);
	if (!ret->head)
		return;
	if (o->gone) {
		ret->stop = FS_STOP_UNREADABLE;
		ret->gap = o->gap;
		return;
	}
	if (list_walk(c->r.vm, ret->head, max, head->what, &w, &err) != FS_OK) {
		ret->stop = FS_STOP_UNREADABLE;
		ret->gap = fobj_gap(c, o, head->what, &err);
		return;
	}
	c->links_left -= w.entries.n < c->links_left ? w.entries.n : c->links_left;
	ret->stop = w.stop;
	if (w.stop != FS_STOP_CLOSED)
		ret->gap = collect_gap(c, head->what, w.stop_at,
				       w.stop == FS_STOP_UNREADABLE && w.why != FS_OK ? w.why
				       : w.stop == FS_STOP_LIMIT		      ? FS_LIMIT
										      : FS_CORRUPT,
				       "%s of %s 0x%llx: walked %zu entries, then %s", head->what,
				       o->what, (unsigned long long)o->va, w.entries.n,
				       fs_stop_name(w.stop));
	/* it came round, but not the same way back: some of these are not its own */
	else if (w.broken_at)
		ret->stop = FS_STOP_BAD_LINK;
	keep_addresses(c, &w, link_offset, ret);
	list_walk_deinit(&w);
}

static struct fs_server_port server_port(struct collect *c, uint64_t va)
{
	struct fs_server_port p = {.address = va};
	struct fobj o;

	fobj_open(c, &o, va, T_FLT_SERVER_PORT_OBJECT, "FLT_SERVER_PORT_OBJECT");
	p.filter = fobj_value(c, &o, P1(FLT_SERVER_PORT_OBJECT, Filter));
	p.cookie = fobj_value(c, &o, P1(FLT_SERVER_PORT_OBJECT, Cookie));
	p.flags = fobj_value(c, &o, P1(FLT_SERVER_PORT_OBJECT, Flags));
	p.connections = fobj_value(c, &o, P1(FLT_SERVER_PORT_OBJECT, NumberOfConnections));
	p.max_connections = fobj_value(c, &o, P1(FLT_SERVER_PORT_OBJECT, MaxConnections));
	p.connect = fobj_code(c, &o, P1(FLT_SERVER_PORT_OBJECT, ConnectNotify));
	p.disconnect = fobj_code(c, &o, P1(FLT_SERVER_PORT_OBJECT, DisconnectNotify));
	p.message = fobj_code(c, &o, P1(FLT_SERVER_PORT_OBJECT, MessageNotify));
	return p;
}

static struct fs_client_port client_port(struct collect *c, uint64_t va)
{
	struct fs_client_port p = {.address = va};
	struct fobj o;

	fobj_open(c, &o, va, T_FLT_PORT_OBJECT, "FLT_PORT_OBJECT");
	p.server_port = fobj_value(c, &o, P1(FLT_PORT_OBJECT, ServerPort));
	p.cookie = fobj_value(c, &o, P1(FLT_PORT_OBJECT, Cookie));
	p.disconnected = fobj_value(c, &o, P1(FLT_PORT_OBJECT, Disconnected));
	p.messages = fobj_rundown(c, &o, P1(FLT_PORT_OBJECT, MsgNotifRundownRef));
	p.message_queue = fobj_field_va(c, &o, P1(FLT_PORT_OBJECT, MsgQ));
	p.semaphore =
		fobj_field_va(c, &o, P2(FLT_PORT_OBJECT, MsgQ, FLT_MESSAGE_WAITER_QUEUE, Semaphore));
	p.event = fobj_field_va(c, &o, P2(FLT_PORT_OBJECT, MsgQ, FLT_MESSAGE_WAITER_QUEUE, Event));
	p.disconnect_event = fobj_field_va(c, &o, P1(FLT_PORT_OBJECT, DisconnectEvent));
	return p;
}

/* The entry's own pointer to its filter confirms the offsets it was reached by. */
static void server_ports(struct collect *c, struct fs_filter *f, struct fs_filter_holders *h)
{
	size_t i;

	if (!h->server_list.n)
		return;
	h->servers = arena_alloc(c->b->arena, h->server_list.n * sizeof(*h->servers));
	if (!h->servers) {
		c->out_of_memory = true;
		return;
	}
	for (i = 0; i < h->server_list.n; i++) {
		struct fs_server_port p = server_port(c, h->server_list.v[i]);

		if (fs_is_read(&p.filter) && p.filter.v != f->address) {
			(void)collect_gap(c, "FLT_SERVER_PORT_OBJECT.Filter", p.address, FS_CORRUPT,
					  "an entry of ConnectionList of FLT_FILTER 0x%llx is no "
					  "server port of it: its Filter is 0x%llx",
					  (unsigned long long)f->address,
					  (unsigned long long)p.filter.v);
			continue;
		}
		p.filter.unproved = false;
		h->servers[h->nservers++] = p;
	}
}

/* A client names its server port, and that one the filter (as prove_filter.c asks). The
 * server port may be closed, and on no list any more; its callbacks stand there all the same. */
static bool is_client_of(struct collect *c, const struct fs_filter *f, struct fs_client_port *p)
{
	struct fobj o = {.va = p->server_port.v, .what = "FLT_SERVER_PORT_OBJECT", .gap = -1};
	struct fs_value filter;

	if (!fs_is_read(&p->server_port) || !vm_is_kernel_va(c->r.vm, p->server_port.v))
		return false;
	filter = fobj_value(c, &o, P1(FLT_SERVER_PORT_OBJECT, Filter));
	/* two pointers that lead back to the filter confirm a layout of this build */
	if (fs_is_read(&filter) && filter.v == f->address && c->choice->match != LMATCH_FAMILY)
		p->messages.raw.unproved = p->disconnected.unproved = false;
	p->disconnect = fobj_code(c, &o, P1(FLT_SERVER_PORT_OBJECT, DisconnectNotify));
	p->message = fobj_code(c, &o, P1(FLT_SERVER_PORT_OBJECT, MessageNotify));
	return fs_is_read(&filter) && filter.v == f->address;
}

static void client_ports(struct collect *c, const struct fs_filter *f, struct fs_filter_holders *h)
{
	size_t i;

	if (!h->client_list.n)
		return;
	h->clients = arena_alloc(c->b->arena, h->client_list.n * sizeof(*h->clients));
	if (!h->clients) {
		c->out_of_memory = true;
		return;
	}
	for (i = 0; i < h->client_list.n; i++) {
		struct fs_client_port p = client_port(c, h->client_list.v[i]);

		if (is_client_of(c, f, &p))
			h->clients[h->nclients++] = p;
		else
			h->client_list.stop = FS_STOP_BAD_LINK;
	}
}

/* Entries that do not fit the list's own count may be another list's. */
static void compare_count(struct collect *c, struct fs_addresses *a, const struct fs_value *count,
			  const char *what)
{
	if (a->stop != FS_STOP_CLOSED || !fs_is_read(count) || count->v == a->n)
		return;
	a->stop = FS_STOP_BAD_LINK;
	a->miscounted = true;
	if (a->gap < 0)
		a->gap = collect_gap(c, what, count->at, FS_CORRUPT,
				     "%s counts %llu entries, and its list has %zu", what,
				     (unsigned long long)count->v, a->n);
}

static bool link_offset(struct collect *c, const struct fpath *link, uint32_t *ret)
{
	*ret = 0;
	return path_trust(c, link, ret) >= TRUST_UNPROVED;
}

void filter_holders(struct collect *c, const struct fobj *o, struct fs_filter *f)
{
	struct fs_filter_holders *h = arena_alloc(c->b->arena, sizeof(*h));
	uint32_t off;

	if (!h) {
		c->out_of_memory = true;
		return;
	}
	h->opens.gap = h->server_list.gap = h->client_list.gap = -1;
	f->holders = h;
	collect_addresses(c, o, P2(FLT_FILTER, ActiveOpens, FLT_MUTEX_LIST_HEAD, mList), 0,
			  &h->opens);
	compare_count(c, &h->opens, &f->active_opens_count, "FLT_FILTER.ActiveOpens");
	if (link_offset(c, P1(FLT_SERVER_PORT_OBJECT, FilterLink), &off)) {
		collect_addresses(c, o, P2(FLT_FILTER, ConnectionList, FLT_MUTEX_LIST_HEAD, mList),
				  off, &h->server_list);
		compare_count(c, &h->server_list, &f->connection_count, "FLT_FILTER.ConnectionList");
		server_ports(c, f, h);
	}
	if (link_offset(c, P1(FLT_PORT_OBJECT, FilterLink), &off)) {
		collect_addresses(c, o, P2(FLT_FILTER, PortList, FLT_MUTEX_LIST_HEAD, mList), off,
				  &h->client_list);
		compare_count(c, &h->client_list, &f->port_count, "FLT_FILTER.PortList");
		client_ports(c, f, h);
	}
}
