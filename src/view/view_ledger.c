/* SPDX-License-Identifier: BSD-2-Clause */
/* Who holds a filter, an instance or a volume, as an account; and its ports. */
#include "view/common.h"

#include <inttypes.h>

/* Text shows so many addresses of a holder; machine formats all of them. */
#define SHOWN_MAX 8

static void json_entry(struct view *v, const struct fs_ledger *l, const struct fs_ledger_entry *e)
{
	size_t i;

	emit_object_begin(v->e, NULL);
	emit_string(v->e, "holder", fs_holder_name(e->holder));
	emit_uint(v->e, "count", e->count);
	if (!e->whole)
		emit_bool(v->e, "at_least", true);
	if (e->naddresses) {
		emit_array_begin(v->e, "addresses");
		for (i = 0; i < e->naddresses; i++)
			emit_address(v->e, NULL, fs_ledger_address(v->m, l, e, i));
		emit_array_end(v->e);
	}
	emit_object_end(v->e);
}

static void json_ledger(struct view *v, const struct fs_ledger *l)
{
	size_t i;

	emit_object_begin(v->e, "ledger");
	if (l->total_known)
		emit_uint(v->e, "total", l->total);
	else
		emit_null(v->e, "total");
	emit_array_begin(v->e, "entries");
	for (i = 0; i < l->n; i++)
		json_entry(v, l, &l->entry[i]);
	emit_array_end(v->e);
	if (l->unexplained_known)
		emit_uint(v->e, "unexplained", l->unexplained);
	else
		emit_null(v->e, "unexplained");
	if (l->total_known && !l->unexplained_known)
		emit_uint(v->e, "overexplained", l->explained - l->total);
	if (l->nnot_walked) {
		emit_array_begin(v->e, "not_walked");
		for (i = 0; i < l->nnot_walked; i++)
			emit_string(v->e, NULL, fs_holder_name(l->not_walked[i]));
		emit_array_end(v->e);
	}
	emit_object_end(v->e);
}

/* "5 = 1 registration + 3 instance + 1 server-port" */
static const char *account(struct view *v, const struct fs_ledger *l)
{
	const char *s = "";
	size_t i;

	for (i = 0; i < l->n; i++)
		s = text_printf(v, "%s%s%s%" PRIu64 " %s", s, i ? " + " : "",
				l->entry[i].whole ? "" : "at least ", l->entry[i].count,
				fs_holder_name(l->entry[i].holder));
	if (!l->total_known)
		return text_printf(v, "(total not read) = %s", *s ? s : "nothing found");
	if (l->unexplained_known && (l->unexplained || !l->n))
		s = text_printf(v, "%s%s%" PRIu64 "%s", s, l->n ? " + " : "", l->unexplained,
				l->unexplained ? " not explained" : "");
	if (!l->unexplained_known)
		s = text_printf(v, "%s: %" PRIu64 " more than it counts", s,
				l->explained - l->total);
	return text_printf(v, "%" PRIu64 " = %s", l->total, s);
}

static void rows(struct view *v, const struct fs_ledger *l)
{
	const char *s = "";
	size_t i, k;

	emit_row(v->e, "Ledger", "%s%s", account(v, l),
		 l->waiting ? "  (somebody waits for these)" : "");
	emit_indent(v->e, 1);
	for (i = 0; i < l->n; i++) {
		const struct fs_ledger_entry *e = &l->entry[i];

		/* instances stand in their own list */
		if (e->holder == FS_H_INSTANCE)
			continue;
		for (k = 0; k < e->naddresses && k < SHOWN_MAX; k++)
			emit_line(v->e, "%s %s", fs_holder_name(e->holder),
				  text_ptr(v, fs_ledger_address(v->m, l, e, k)));
		if (e->naddresses > SHOWN_MAX)
			emit_line(v->e, "and %zu more", e->naddresses - SHOWN_MAX);
	}
	for (i = 0; i < l->nnot_walked; i++)
		s = text_printf(v, "%s%s%s", s, i ? ", " : "", fs_holder_name(l->not_walked[i]));
	if (l->nnot_walked && (!l->unexplained_known || l->unexplained))
		emit_line(v->e, "not or not wholly looked at: %s", s);
	emit_indent(v->e, -1);
}

void show_ledger(struct view *v, const struct fs_ledger *l)
{
	json_ledger(v, l);
	if (rows_wanted(v) && (l->total_known || l->n))
		rows(v, l);
}

static void server_port(struct view *v, const struct fs_server_port *p)
{
	struct fields f;

	fields_begin(v, &f, NULL);
	emit_address(v->e, "address", p->address);
	show_value(v, &f, "filter", NULL, &p->filter, NUM_PTR);
	show_value(v, &f, "cookie", NULL, &p->cookie, NUM_PTR);
	show_value(v, &f, "flags", NULL, &p->flags, NUM_DEC);
	show_value(v, &f, "connections", NULL, &p->connections, NUM_DEC);
	show_value(v, &f, "max_connections", NULL, &p->max_connections, NUM_DEC);
	show_code(v, &f, "connect_notify", NULL, &p->connect);
	show_code(v, &f, "disconnect_notify", NULL, &p->disconnect);
	show_code(v, &f, "message_notify", NULL, &p->message);
	fields_end(v, &f);
}

static void client_port(struct view *v, const struct fs_client_port *p)
{
	struct fields f;

	fields_begin(v, &f, NULL);
	emit_address(v->e, "address", p->address);
	show_value(v, &f, "server_port", NULL, &p->server_port, NUM_PTR);
	show_value(v, &f, "cookie", NULL, &p->cookie, NUM_PTR);
	show_value(v, &f, "disconnected", NULL, &p->disconnected, NUM_DEC);
	show_value(v, &f, "msg_notif_rundown", NULL, &p->messages.raw, NUM_PTR);
	if (p->message_queue)
		emit_address(v->e, "message_queue", p->message_queue);
	fields_end(v, &f);
}

void json_ports(struct view *v, const struct fs_filter_holders *h)
{
	size_t i;

	if (!h || (!h->server_list.head && !h->client_list.head))
		return;
	emit_array_begin(v->e, "server_ports");
	for (i = 0; i < h->nservers; i++)
		server_port(v, &h->servers[i]);
	emit_array_end(v->e);
	emit_array_begin(v->e, "client_ports");
	for (i = 0; i < h->nclients; i++)
		client_port(v, &h->clients[i]);
	emit_array_end(v->e);
}
