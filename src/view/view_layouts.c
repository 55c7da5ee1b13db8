/* SPDX-License-Identifier: BSD-2-Clause */
/* Which layouts there are, which were chosen for this dump, and on what proof. */
#include "view/common.h"

#include <inttypes.h>

static void json_names(struct view *v, const char *key, const char *const *names, size_t n)
{
	size_t i;

	emit_array_begin(v->e, key);
	for (i = 0; i < n; i++)
		emit_string(v->e, NULL, names[i]);
	emit_array_end(v->e);
}

static void names(struct view *v, const char *key, const char *what, const char *const *list,
		  size_t n)
{
	const char *s = "";
	size_t i;

	json_names(v, key, list, n);
	if (n == 0 || !emit_is_text(v->e))
		return;
	emit_line(v->e, "%s (%zu):", what, n);
	emit_indent(v->e, 1);
	for (i = 0; i < n; i++)
		s = text_printf(v, "%s%s%s", s, i ? " " : "", list[i]);
	emit_paragraph(v->e, s);
	emit_indent(v->e, -1);
}

static void check(struct view *v, const struct fs_layout_check *c)
{
	emit_object_begin(v->e, NULL);
	emit_string(v->e, "what", c->what);
	emit_string(v->e, "fields", c->fields ? c->fields : "");
	emit_uint(v->e, "held", c->held);
	emit_uint(v->e, "failed", c->failed);
	if (c->failed) {
		emit_address(v->e, "failed_at", c->failed_at);
		if (c->detail)
			emit_string(v->e, "detail", c->detail);
	}
	emit_object_end(v->e);
	if (c->failed)
		emit_styled(v->e, EMIT_WARN, "%s: %zu held, %zu failed, first at 0x%" PRIx64 "%s%s",
			    c->what, c->held, c->failed, c->failed_at, c->detail ? ": " : "",
			    c->detail ? c->detail : "");
	else
		emit_line(v->e, "%s: %zu held", c->what, c->held);
}

static void candidate(struct view *v, const struct fs_layout_candidate *c)
{
	emit_object_begin(v->e, NULL);
	emit_string(v->e, "id", c->id);
	if (c->match)
		emit_string(v->e, "match", c->match);
	emit_uint(v->e, "held", c->held);
	emit_uint(v->e, "failed", c->failed);
	emit_bool(v->e, "refused", c->refused);
	if (c->why)
		emit_string(v->e, "why", c->why);
	emit_object_end(v->e);
	emit_line(v->e, "%s (%s): %zu held, %zu failed%s%s%s", c->id, c->match ? c->match : "?",
		  c->held, c->failed, c->refused ? ", refused" : "", c->why ? ": " : "",
		  c->why ? c->why : "");
}

/* What a layout made of code rests on: each value with the instruction that shows it. */
static void recovered(struct view *v, const struct fs_layout *l)
{
	size_t i;

	if (!l->ncode)
		return;
	emit_array_begin(v->e, "recovered");
	emit_line(v->e, "Recovered from code:");
	emit_indent(v->e, 1);
	for (i = 0; i < l->ncode; i++) {
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "what", l->code[i].what);
		emit_address(v->e, "value", l->code[i].value);
		emit_address(v->e, "at", l->code[i].at);
		emit_object_end(v->e);
		emit_line(v->e, "%s 0x%" PRIx64 ", shown at 0x%" PRIx64, l->code[i].what,
			  l->code[i].value, l->code[i].at);
	}
	emit_indent(v->e, -1);
	emit_array_end(v->e);
}

static void lists(struct view *v, const struct fs_layout *l)
{
	size_t i;

	recovered(v, l);

	emit_array_begin(v->e, "proof");
	if (l->nchecks)
		emit_line(v->e, "Proof:");
	emit_indent(v->e, 1);
	for (i = 0; i < l->nchecks; i++)
		check(v, &l->checks[i]);
	emit_indent(v->e, -1);
	emit_array_end(v->e);
	names(v, "proved", "Fields that an invariant confirmed", l->proved, l->nproved);
	names(v, "unproved", "Fields that nothing in this dump confirms", l->unproved,
	      l->nunproved);
	names(v, "refused", "Fields that are contradicted, not reported", l->refused, l->nrefused);
	emit_array_begin(v->e, "candidates");
	if (l->ncandidates)
		emit_line(v->e, "Candidates:");
	emit_indent(v->e, 1);
	for (i = 0; i < l->ncandidates; i++)
		candidate(v, &l->candidates[i]);
	emit_indent(v->e, -1);
	emit_array_end(v->e);
}

static void layout(struct view *v, const char *key, const struct fs_layout *l)
{
	emit_object_begin(v->e, key);
	if (l->id) {
		emit_string(v->e, "id", l->id);
		emit_bool(v->e, "composite", l->composite);
		emit_uint(v->e, "fields", l->nfields);
		emit_uint(v->e, "inferred", l->ninferred);
	}
	emit_string(v->e, "source", fs_layout_source_name(l->source));
	emit_object_begin(v->e, "checks");
	emit_uint(v->e, "held", l->held);
	emit_uint(v->e, "failed", l->failed);
	emit_object_end(v->e);
	emit_blank(v->e);
	if (l->id)
		emit_styled(v->e, EMIT_STRONG, "%s: %s (%s%s%s), %zu checks held, %zu failed", key,
			    l->id, fs_layout_source_name(l->source),
			    l->composite ? ", composite" : "", text_inferred(v, l), l->held,
			    l->failed);
	else
		emit_styled(v->e, EMIT_STRONG, "%s: no layout was accepted", key);
	emit_indent(v->e, 1);
	lists(v, l);
	emit_indent(v->e, -1);
	emit_object_end(v->e);
}

void view_layouts(struct view *v, const char *const *known, size_t nknown)
{
	if (v->m) {
		layout(v, "nt", &v->m->nt);
		layout(v, "fltmgr", &v->m->fltmgr);
		emit_blank(v->e);
	}
	names(v, "known", "Shipped layouts", known, nknown);
}
