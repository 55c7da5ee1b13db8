/* SPDX-License-Identifier: BSD-2-Clause */
/* What `check` found, for people (short) and as JSON: one document, or one a dump. */
#include "view/check_results.h"
#include "view/common.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct check_writer {
	struct results base;
	struct view *v;
	enum check_shape shape;
};

static struct view *view_of(struct results *w)
{
	return ((struct check_writer *)w)->v;
}

static void optional_string(struct view *v, const char *key, const char *s)
{
	if (s)
		emit_string(v->e, key, s);
}

static void json_thing(struct view *v, const char *key, const char *kind, uint64_t address,
		       const char *name)
{
	if (!kind)
		return;
	emit_object_begin(v->e, key);
	emit_string(v->e, "kind", kind);
	if (address)
		emit_address(v->e, "address", address);
	json_name(v, kind, address, name);
	emit_object_end(v->e);
}

static void json_asked(struct view *v, const struct res_run *run)
{
	size_t i;

	emit_object_begin(v->e, "asked");
	emit_string(v->e, "fail_on", res_level_name(run->fail_on));
	optional_string(v, "driver", run->driver);
	emit_array_begin(v->e, "rules");
	for (i = 0; i < run->nrules; i++)
		if (run->rules[i].asked)
			emit_string(v->e, NULL, run->rules[i].id);
	emit_array_end(v->e);
	emit_object_end(v->e);
}

static void json_evidence(struct view *v, const struct res_item *it)
{
	size_t i;

	emit_array_begin(v->e, "evidence");
	for (i = 0; i < it->nevidence; i++) {
		const struct res_evidence *e = &it->evidence[i];

		emit_object_begin(v->e, NULL);
		optional_string(v, "fact", e->fact);
		emit_address(v->e, "address", e->address);
		optional_string(v, "field", e->field);
		optional_string(v, "value", e->value);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
}

static void json_item(struct view *v, const struct res_item *it)
{
	emit_object_begin(v->e, NULL);
	emit_string(v->e, "rule", it->rule);
	emit_string(v->e, "title", it->title);
	emit_string(v->e, "severity", res_level_name(it->level));
	optional_string(v, "confidence", it->confidence);
	emit_bool(v->e, "counts", it->fate == RES_COUNTS);
	if (it->fate == RES_IGNORED) {
		emit_object_begin(v->e, "ignored");
		emit_string(v->e, "reason", it->reason);
		emit_object_end(v->e);
	}
	emit_string(v->e, it->kind == RES_FINDING ? "message" : "why", it->message);
	json_thing(v, "subject", it->subject, it->address, it->name);
	optional_string(v, "driver", it->driver);
	optional_string(v, "state", it->state);
	optional_string(v, "stage", it->stage);
	json_thing(v, "culprit", it->culprit_kind, it->culprit_address, it->culprit);
	optional_string(v, "advice", it->advice);
	json_evidence(v, it);
	emit_object_end(v->e);
}

static enum emit_style style_of(const struct res_item *it)
{
	if (it->fate == RES_IGNORED)
		return EMIT_FAINT;
	if (it->fate == RES_TOLD)
		return EMIT_PLAIN;
	return it->level == RES_ERROR && it->kind == RES_FINDING ? EMIT_BAD : EMIT_WARN;
}

static const char *head_of_item(struct view *v, const struct res_item *it)
{
	const char *what = it->kind == RES_OPEN ? "not decided" : res_level_name(it->level), *s;

	s = text_printf(v, "%s: %s", what, it->rule);
	if (it->subject)
		s = text_printf(v, "%s  %s %s", s, it->subject, it->name ? it->name : "");
	if (it->address)
		s = text_printf(v, "%s 0x%" PRIx64, s, it->address);
	if (it->confidence)
		s = text_printf(v, "%s (%s)", s, it->confidence);
	return it->fate == RES_IGNORED ? text_printf(v, "ignored: %s", s) : s;
}

static void text_item(struct view *v, const struct res_item *it, const char *head)
{
	emit_styled(v->e, style_of(it), "%s", head);
	emit_indent(v->e, 1);
	if (it->fate == RES_IGNORED)
		emit_paragraph(v->e, text_printf(v, "Reason: %s", it->reason));
	if (it->driver)
		emit_line(v->e, "Driver %s: %s, stage %s", it->driver, it->state, it->stage);
	emit_paragraph(v->e, it->message);
	if (it->advice && it->fate == RES_COUNTS)
		emit_paragraph(v->e, it->advice);
	emit_indent(v->e, -1);
}

/* Questions that are open for one reason share a line. */
static bool same_question(const struct res_item *a, const struct res_item *b)
{
	return a->kind == RES_OPEN && b->kind == RES_OPEN && !a->subject && !b->subject &&
	       a->fate == RES_COUNTS && b->fate == RES_COUNTS &&
	       strcmp(a->message, b->message) == 0;
}

/* Findings whole; of the questions those that count and those ignored, and how many others
 * there are: the machine formats name them. */
static void text_items(struct view *v, const struct res_dump *d, enum res_kind kind)
{
	size_t i, untold = 0;

	for (i = 0; i < d->nitems; i++) {
		const struct res_item *it = &d->items[i];
		const char *head;

		if (it->kind != kind)
			continue;
		if (kind == RES_OPEN && it->fate == RES_TOLD) {
			untold++;
			continue;
		}
		entity_begin(v);
		head = head_of_item(v, it);
		while (i + 1 < d->nitems && same_question(it, &d->items[i + 1]))
			head = text_printf(v, "%s, %s", head, d->items[++i].rule);
		text_item(v, it, head);
	}
	if (untold)
		emit_line(v->e, "%s not checked, and not asked for (--format json names them)",
			  text_count(v, untold, "rule"));
}

static void items(struct view *v, const struct res_dump *d, enum res_kind kind)
{
	size_t i;

	if (emit_is_text(v->e)) {
		text_items(v, d, kind);
		return;
	}
	emit_array_begin(v->e, kind == RES_FINDING ? "findings" : "undecided");
	for (i = 0; i < d->nitems; i++)
		if (d->items[i].kind == kind)
			json_item(v, &d->items[i]);
	emit_array_end(v->e);
}

static void text_head(struct view *v, const struct results *w, const struct res_dump *d)
{
	static const enum emit_style styles[] = {EMIT_GOOD, EMIT_BAD, EMIT_BAD, EMIT_BAD,
						 EMIT_WARN};
	const char *s = res_status_name(d->status);

	if (!emit_is_text(v->e))
		return;
	if (d->status == RES_FINDINGS)
		s = text_printf(v, "%s at or above %s", text_count(v, d->counted, "finding"),
				res_level_name(w->run->fail_on));
	if (d->findings > d->counted)
		s = text_printf(v, "%s; %s ignored or below %s", s,
				text_count(v, d->findings - d->counted, "finding"),
				res_level_name(w->run->fail_on));
	emit_styled(v->e, styles[d->status], "%s: %s", d->path, s);
	emit_indent(v->e, 1);
	if (d->problem)
		emit_paragraph(v->e, d->problem);
	if (d->looked_at)
		emit_paragraph(v->e, d->looked_at);
	emit_indent(v->e, -1);
}

static void check_dump(struct results *w, const struct res_dump *d)
{
	struct check_writer *k = (struct check_writer *)w;
	struct view *v = k->v;

	entity_begin(v);
	text_head(v, w, d);
	emit_object_begin(v->e, NULL);
	if (k->shape == CHECK_LINES)
		emit_string(v->e, "schema", "fltscope.check/1");
	emit_string(v->e, "path", d->path);
	emit_uint(v->e, "status", (uint64_t)d->status);
	emit_string(v->e, "result", res_status_name(d->status));
	optional_string(v, "problem", d->problem);
	optional_string(v, "looked_at", d->looked_at);
	if (k->shape == CHECK_LINES)
		json_asked(v, w->run);
	if (v->m)
		json_dump(v);
	emit_indent(v->e, 1);
	show_matches(v, d->matches, d->nmatches);
	items(v, d, RES_FINDING);
	items(v, d, RES_OPEN);
	emit_indent(v->e, -1);
	if (v->m)
		json_gaps(v);
	emit_object_end(v->e);
}

static void check_begin(struct results *w)
{
	struct check_writer *k = (struct check_writer *)w;

	if (k->shape == CHECK_LINES)
		return;
	emit_object_begin(k->v->e, NULL);
	emit_string(k->v->e, "schema", "fltscope.check/1");
	json_asked(k->v, w->run);
	emit_array_begin(k->v->e, "dumps");
}

static void text_totals(struct view *v, const struct res_totals *t)
{
	if (!emit_is_text(v->e) || t->dumps < 2)
		return;
	emit_blank(v->e);
	emit_line(v->e,
		  "%zu dumps: %zu clean, %zu with findings, %zu undecided, %zu unreadable; "
		  "exit status %d",
		  t->dumps, t->clean, t->findings, t->undecided, t->unreadable, (int)t->status);
}

static void check_end(struct results *w, const struct res_unused *unused, size_t n)
{
	struct check_writer *k = (struct check_writer *)w;
	struct view *v = view_of(w);
	size_t i;

	entity_begin(v);
	text_totals(v, &w->totals);
	if (k->shape == CHECK_LINES)
		return;
	emit_array_end(v->e);
	emit_array_begin(v->e, "unused_ignores");
	for (i = 0; i < n; i++) {
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "file", unused[i].file);
		emit_uint(v->e, "line", unused[i].line);
		emit_string(v->e, "rule", unused[i].rule);
		optional_string(v, "subject", unused[i].subject);
		emit_string(v->e, "reason", unused[i].reason);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
	emit_uint(v->e, "status", (uint64_t)w->totals.status);
	emit_string(v->e, "result", res_status_name(w->totals.status));
	emit_object_end(v->e);
}

static const struct results_ops check_ops = {
	.begin = check_begin,
	.dump = check_dump,
	.end = check_end,
};

struct results *view_check_create(struct view *v, enum check_shape shape)
{
	struct check_writer *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->base.ops = &check_ops;
	k->v = v;
	k->shape = shape;
	return &k->base;
}
