/* SPDX-License-Identifier: BSD-2-Clause */
/* What a list walk reached, and why not more. */
#include "view/common.h"

#include <inttypes.h>

bool list_is_whole(const struct fs_list *l)
{
	return l->stop == FS_STOP_CLOSED && l->broken_at == 0 && l->wrong_at == 0 && l->gap < 0 &&
	       (l->count.state != FS_READ || l->count.v == l->n);
}

void show_walk(struct view *v, const char *key, const struct fs_list *l)
{
	if (list_is_whole(l))
		return;
	emit_object_begin(v->e, key);
	show_value(v, NULL, "count", NULL, &l->count, NUM_DEC);
	emit_uint(v->e, "forward", l->forward);
	emit_uint(v->e, "backward", l->backward);
	emit_string(v->e, "stopped", fs_stop_name(l->stop));
	emit_uint(v->e, "reached", l->n);
	if (l->head)
		emit_address(v->e, "head", l->head);
	if (l->stop_at)
		emit_address(v->e, "stopped_at", l->stop_at);
	if (l->stop_at && l->stop != FS_STOP_UNREADABLE)
		emit_address(v->e, "stopped_value", l->stop_value);
	if (l->backward_stop != FS_STOP_NOT_WALKED)
		emit_string(v->e, "backward_stopped", fs_stop_name(l->backward_stop));
	if (l->backward_stop_at)
		emit_address(v->e, "backward_stopped_at", l->backward_stop_at);
	if (l->wrong_at)
		emit_address(v->e, "wrong_type_at", l->wrong_at);
	if (l->broken_at) {
		emit_object_begin(v->e, "broken");
		emit_address(v->e, "address", l->broken_at);
		emit_address(v->e, "blink", l->broken_blink);
		emit_address(v->e, "expected", l->broken_expected);
		emit_object_end(v->e);
	}
	emit_object_end(v->e);
}

/* "7 of 10 reached: 3 forward, 4 backward" */
static const char *reached(struct view *v, const struct fs_list *l)
{
	const char *of = "";

	if (l->count.state == FS_READ)
		of = text_printf(v, " of %" PRIu64, l->count.v);
	else if (l->count.state == FS_MISSING)
		of = text_printf(v, " of an unknown number (%s)", text_reason(v, l->count.gap));
	if (l->stop == FS_STOP_NOT_WALKED && l->n == 0)
		return text_printf(v, "list not walked%s",
				   l->count.state == FS_READ
					   ? text_printf(v, ", %" PRIu64 " counted", l->count.v)
					   : "");
	if (l->n == 0 && l->count.state == FS_MISSING)
		return "list not read";
	return text_printf(v, "%zu%s reached: %zu forward, %zu backward", l->n, of, l->forward,
			   l->backward);
}

static const char *why_stopped(struct view *v, const struct fs_list *l)
{
	switch (l->stop) {
	case FS_STOP_NOT_WALKED:
		return l->gap >= 0 ? text_printf(v, "; %s", text_reason(v, l->gap)) : "";
	case FS_STOP_CLOSED:
		return "; the links are closed";
	case FS_STOP_UNREADABLE:
		if (l->gap >= 0 && v->m && (size_t)l->gap < v->m->ngaps)
			return text_printf(v, "; %s", text_reason(v, l->gap));
		return text_printf(v, "; links not readable at 0x%" PRIx64, l->stop_at);
	case FS_STOP_CYCLE:
		return text_printf(v, "; cycle: 0x%" PRIx64 " leads back to 0x%" PRIx64, l->stop_at,
				   l->stop_value);
	case FS_STOP_BAD_LINK:
		return text_printf(v, "; bad link at 0x%" PRIx64 ": 0x%" PRIx64, l->stop_at,
				   l->stop_value);
	case FS_STOP_LIMIT:
		return text_printf(v, "; limit reached at 0x%" PRIx64, l->stop_at);
	}
	return "";
}

void remark_walk(struct view *v, const struct fs_list *l, size_t i)
{
	/* Between what the forward and what the backward walk found. */
	size_t where = l->forward < l->n ? l->forward : l->n;

	if (i != where || list_is_whole(l) || !emit_is_text(v->e))
		return;
	emit_styled(v->e, EMIT_WARN, "(%s%s)", reached(v, l), why_stopped(v, l));
	if (l->wrong_at)
		emit_styled(v->e, EMIT_WARN, "(the object at 0x%" PRIx64 " is of another type)",
			    l->wrong_at);
	if (l->broken_at)
		emit_styled(v->e, EMIT_WARN,
			    "(Blink at 0x%" PRIx64 " is 0x%" PRIx64 ", expected 0x%" PRIx64 ")",
			    l->broken_at, l->broken_blink, l->broken_expected);
}
