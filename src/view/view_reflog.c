/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference trace log of a filter. */
#include "view/common.h"

#include <inttypes.h>

/* Text shows so many of the newest; machine formats all of them. */
#define SHOWN_MAX 8

static const char *delta(const struct fs_ref_event *e)
{
	return e->delta > 0 ? "+1" : "-1";
}

static void json_event(struct view *v, const struct fs_ref_event *e)
{
	size_t i;

	emit_object_begin(v->e, NULL);
	emit_string(v->e, "delta", delta(e));
	emit_address(v->e, "rundown", e->rundown);
	emit_array_begin(v->e, "stack");
	for (i = 0; i < e->nframes; i++) {
		emit_object_begin(v->e, NULL);
		emit_address(v->e, "address", e->frame[i].va.v);
		if (e->frame[i].symbol)
			emit_string(v->e, "symbol", e->frame[i].symbol);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
	emit_object_end(v->e);
}

/* The driver's own frame says most; without one, the innermost. */
static void event_line(struct view *v, const struct fs_filter *fl, const struct fs_ref_event *e)
{
	const struct fs_code *c = fs_ref_event_own(fl, e);

	if (!c && e->nframes)
		c = &e->frame[0];
	emit_line(v->e, "%s %s", delta(e),
		  !c	      ? "(no stack)"
		  : c->symbol ? c->symbol
			      : text_ptr(v, c->va.v));
}

static void rows(struct view *v, const struct fs_filter *fl, const struct fs_ref_log *log)
{
	size_t i, own = 0;

	for (i = 0; i < log->n; i++)
		own += fs_ref_event_own(fl, &log->event[i]) != NULL;
	emit_row(v->e, "Reference log", "%s%zu %s, %zu of the driver's own%s",
		 log->looked == FS_LOOKED_WHOLE ? "" : "at least ", log->n,
		 log->n == 1 ? "entry" : "entries", own, log->n ? "; newest last:" : "");
	emit_indent(v->e, 1);
	for (i = log->n > SHOWN_MAX ? log->n - SHOWN_MAX : 0; i < log->n; i++)
		event_line(v, fl, &log->event[i]);
	emit_indent(v->e, -1);
	row_mark(v, "Reference log", log->pointer.unproved);
}

void show_reflog(struct view *v, struct fields *f, const struct fs_filter *fl)
{
	const struct fs_ref_log *log = fl->holders ? fl->holders->log : NULL;
	size_t i;

	/* off: there is nothing to say */
	if (!log || fs_lacks(&log->pointer, UINT64_MAX))
		return;
	fields_mark(f, "reference_log", log->pointer.unproved);
	if (log->looked == FS_LOOKED_NOT) {
		emit_null(v->e, "reference_log");
		if (rows_wanted(v) && log->pointer.state == FS_MISSING)
			emit_row(v->e, "Reference log", "%s", text_missing(v, log->pointer.gap));
		else if (rows_wanted(v))
			emit_row(v->e, "Reference log", "%s  (not read)",
				 text_ptr(v, log->pointer.v));
		return;
	}
	emit_array_begin(v->e, "reference_log");
	for (i = 0; i < log->n; i++)
		json_event(v, &log->event[i]);
	emit_array_end(v->e);
	if (log->looked != FS_LOOKED_WHOLE)
		emit_bool(v->e, "reference_log_at_least", true);
	if (rows_wanted(v))
		rows(v, fl, log);
}
