/* SPDX-License-Identifier: BSD-2-Clause */
/* The account of a rundown reference, from the model alone (ledger.h). */
#include "fltscope/ledger.h"

#include <string.h>

const char *fs_holder_name(enum fs_holder h)
{
	static const char *const names[FS_H_COUNT] = {
		[FS_H_REGISTRATION] = "registration",
		[FS_H_TEARDOWN] = "teardown",
		[FS_H_TARGETED_OPEN] = "targeted-open",
		[FS_H_INSTANCE] = "instance",
		[FS_H_CONTEXT] = "context",
		[FS_H_SERVER_PORT] = "server-port",
		[FS_H_OPEN_FILE] = "open-file",
		[FS_H_MESSAGE] = "message-notify",
		[FS_H_WORK_ITEM] = "work-item",
	};

	return (unsigned)h < FS_H_COUNT ? names[h] : "unknown";
}

const char *fs_work_place_name(enum fs_work_place p)
{
	static const char *const names[] = {
		[FS_WORK_LOOSE] = "loose",
		[FS_WORK_LISTED] = "listed",
		[FS_WORK_QUEUED] = "queued",
		[FS_WORK_UNREAD] = "unread",
	};

	return (size_t)p < sizeof(names) / sizeof(names[0]) ? names[p] : "unknown";
}

const char *fs_verifier_kind_name(size_t kind)
{
	static const char *const names[] = {
		"FLT_CONTEXT",	       "FLT_CALLBACK_DATA",	    "FLT_DEFERRED_IO_WORKITEM",
		"FLT_GENERIC_WORKITEM", "FLT_FILE_NAME_INFORMATION", "open file",
		"FLT_OBJECT",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

const char *fs_context_place_name(enum fs_context_place p)
{
	static const char *const names[] = {
		[FS_CTX_INSTANCE] = "instance",
		[FS_CTX_TRANSACTION] = "transaction",
		[FS_CTX_VOLUME] = "volume",
		[FS_CTX_STREAM] = "stream",
		[FS_CTX_STREAM_HANDLE] = "stream-handle",
		[FS_CTX_SECTION] = "section",
		[FS_CTX_FILE] = "file",
		[FS_CTX_ORPHAN] = "orphan",
	};

	return (size_t)p < sizeof(names) / sizeof(names[0]) ? names[p] : "unknown";
}

static void begin(struct fs_ledger *l, enum fs_ledger_of of, size_t index,
		  const struct fs_rundown *r)
{
	memset(l, 0, sizeof(*l));
	l->of = of;
	l->index = index;
	l->waiting = r->state == FS_RUNDOWN_WAITING;
	if (r->state == FS_RUNDOWN_ACTIVE)
		l->total = r->count;
	else if (l->waiting && fs_is_read(&r->wait_count))
		l->total = r->wait_count.v;
	l->total_known = (r->state == FS_RUNDOWN_ACTIVE || r->state == FS_RUNDOWN_DRAINED ||
			  (l->waiting && fs_is_read(&r->wait_count))) &&
			 l->total <= FS_REFERENCES_MAX;
	if (!l->total_known)
		l->total = 0;
}

static void not_walked(struct fs_ledger *l, enum fs_holder h)
{
	if (fs_ledger_was_walked(l, h))
		l->not_walked[l->nnot_walked++] = h;
}

/* Nothing is no entry; but whether all was looked at is kept all the same. */
static void add(struct fs_ledger *l, enum fs_holder h, uint64_t count, size_t addresses, bool whole,
		bool unproved)
{
	if (!whole)
		not_walked(l, h);
	if (!count || l->n >= FS_H_COUNT)
		return;
	l->entry[l->n++] = (struct fs_ledger_entry){h, count, addresses, whole, unproved};
	/* every count is one of a bounded list or of a 32-bit field */
	l->explained += count;
}

static void finish(struct fs_ledger *l)
{
	l->contradicted = l->total_known && l->total < l->explained;
	l->unexplained_known = l->total_known && l->total >= l->explained;
	l->unexplained = l->unexplained_known ? l->total - l->explained : 0;
}

/* The list's own count stands in for entries that were not reached, when the total has room
 * for as many. */
static bool stands_in(const struct fs_ledger *l, const struct fs_value *count, size_t n)
{
	return fs_is_read(count) && count->v >= n && count->v <= FS_REFERENCES_MAX &&
	       (!l->total_known || count->v <= l->total);
}

static void add_instances(struct fs_ledger *l, const struct fs_list *list)
{
	bool closed = list->stop == FS_STOP_CLOSED && !list->wrong_at;

	if (!closed && stands_in(l, &list->count, list->n))
		add(l, FS_H_INSTANCE, list->count.v, list->n, true, list->count.unproved);
	else
		add(l, FS_H_INSTANCE, list->n, list->n, closed, false);
}

static void add_list(struct fs_ledger *l, enum fs_holder h, const struct fs_addresses *a, size_t n,
		     const struct fs_value *count)
{
	bool whole = fs_addresses_whole(a);

	/* a list that came round has no entries that were not reached */
	if (!whole && !a->miscounted && stands_in(l, count, n))
		add(l, h, count->v, n, true, count->unproved);
	else
		add(l, h, n, n, whole, count->unproved);
}

/* One reference for each call that runs (facts: [run] 1). */
static uint64_t messages(const struct fs_filter_holders *h, bool *ret_whole)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < h->nclients; i++) {
		const struct fs_rundown *r = &h->clients[i].messages;

		*ret_whole &= r->state != FS_RUNDOWN_UNKNOWN;
		if (r->state == FS_RUNDOWN_ACTIVE && r->count <= FS_REFERENCES_MAX)
			n += r->count;
	}
	return n;
}

/* One that is on no list may as well be freed memory, and of one whose list could not be
 * read nobody knows: they are not counted. */
static void add_work(struct fs_ledger *l, const struct fs_work *w)
{
	bool unproved = false;
	size_t i;

	for (i = 0; w && i < w->queued; i++)
		unproved |= w->item[i].object.unproved;
	add(l, FS_H_WORK_ITEM, w ? w->queued : 0, w ? w->queued : 0,
	    w && w->searched == FS_LOOKED_WHOLE, unproved);
}

static void add_holders(struct fs_ledger *l, const struct fs_filter *f)
{
	const struct fs_filter_holders *h = f->holders;
	uint64_t running;
	bool whole;

	if (!h) {
		static const struct fs_addresses none = {.gap = -1};

		not_walked(l, FS_H_CONTEXT);
		add_list(l, FS_H_SERVER_PORT, &none, 0, &f->connection_count);
		add_list(l, FS_H_OPEN_FILE, &none, 0, &f->active_opens_count);
		not_walked(l, FS_H_MESSAGE);
		return;
	}
	/* Only a search of all memory finds contexts whose stream is gone. */
	add(l, FS_H_CONTEXT, h->ncontexts, h->ncontexts,
	    h->attached == FS_LOOKED_WHOLE && h->searched == FS_LOOKED_WHOLE, false);
	add_list(l, FS_H_SERVER_PORT, &h->server_list, h->nservers, &f->connection_count);
	add_list(l, FS_H_OPEN_FILE, &h->opens, h->opens.n, &f->active_opens_count);
	whole = fs_addresses_whole(&h->client_list);
	running = messages(h, &whole);
	add(l, FS_H_MESSAGE, running, 0, whole, false);
}

void fs_ledger_filter(const struct fs_model *m, size_t filter, struct fs_ledger *ret)
{
	const struct fs_filter *f = &m->filters[filter];
	const struct fs_rundown *r = &f->object.rundown;

	begin(ret, FS_LEDGER_FILTER, filter, r);
	if (r->state == FS_RUNDOWN_DRAINED) {
		finish(ret);
		return;
	}
	if (r->state == FS_RUNDOWN_ACTIVE)
		add(ret, FS_H_REGISTRATION, 1, 0, true, false);
	add_instances(ret, &f->instances);
	add_holders(ret, f);
	add_work(ret, f->holders ? &f->holders->work : NULL);
	finish(ret);
}

void fs_ledger_instance(const struct fs_model *m, size_t instance, struct fs_ledger *ret)
{
	const struct fs_instance *in = &m->instances[instance];
	const struct fs_rundown *r = &in->object.rundown;

	begin(ret, FS_LEDGER_INSTANCE, instance, r);
	if (r->state == FS_RUNDOWN_ACTIVE && fs_has(&in->object.flags.value, FS_OBJ_DRAINING))
		add(ret, FS_H_TEARDOWN, 1, 0, true, false);
	if (r->state != FS_RUNDOWN_DRAINED)
		add_work(ret, in->holders ? &in->holders->work : NULL);
	finish(ret);
}

void fs_ledger_volume(const struct fs_model *m, size_t volume, struct fs_ledger *ret)
{
	const struct fs_volume *v = &m->volumes[volume];
	const struct fs_rundown *r = &v->object.rundown;

	begin(ret, FS_LEDGER_VOLUME, volume, r);
	if (r->state == FS_RUNDOWN_ACTIVE)
		add(ret, FS_H_REGISTRATION, 1, 0, true, false);
	if (r->state != FS_RUNDOWN_DRAINED) {
		add_instances(ret, &v->instances);
		add(ret, FS_H_TARGETED_OPEN,
		    fs_is_read(&v->targeted_open_count) ? v->targeted_open_count.v : 0, 0,
		    fs_is_read(&v->targeted_open_count), v->targeted_open_count.unproved);
	}
	finish(ret);
}

uint64_t fs_ledger_address(const struct fs_model *m, const struct fs_ledger *l,
			   const struct fs_ledger_entry *e, size_t i)
{
	const struct fs_filter_holders *h =
		l->of == FS_LEDGER_FILTER ? m->filters[l->index].holders : NULL;
	const struct fs_list *list = l->of == FS_LEDGER_VOLUME ? &m->volumes[l->index].instances
							       : &m->filters[l->index].instances;

	if (e->holder == FS_H_WORK_ITEM)
		return l->of == FS_LEDGER_FILTER ? h->work.item[i].address
						 : m->instances[l->index].holders->work.item[i].address;
	switch (e->holder) {
	case FS_H_INSTANCE:
		return m->instances[list->entries[i]].address;
	case FS_H_CONTEXT:
		return h->contexts[i].address;
	case FS_H_SERVER_PORT:
		return h->servers[i].address;
	case FS_H_OPEN_FILE:
		return h->opens.v[i];
	default:
		return 0;
	}
}

const struct fs_ledger_entry *fs_ledger_entry_of(const struct fs_ledger *l, enum fs_holder h)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->entry[i].holder == h)
			return &l->entry[i];
	return NULL;
}

bool fs_ledger_was_walked(const struct fs_ledger *l, enum fs_holder h)
{
	size_t i;

	for (i = 0; i < l->nnot_walked; i++)
		if (l->not_walked[i] == h)
			return false;
	return true;
}
