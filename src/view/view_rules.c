/* SPDX-License-Identifier: BSD-2-Clause */
/* The catalogue of causes, for people who want to know what is looked for. */
#include <string.h>

#include "view/common.h"

static void optional(struct view *v, const char *key, const char *label, const char *text)
{
	if (!text)
		return;
	emit_string(v->e, key, text);
	if (emit_is_text(v->e))
		emit_paragraph(v->e, text_printf(v, "%s%s", label, text));
}

bool view_is_rule(const struct fs_rule *r, const char *name)
{
	return strcmp(r->id, name) == 0 || (r->number[0] && strcmp(r->number, name) == 0);
}

void view_rules(struct view *v, const struct fs_rule *(*at)(size_t), size_t n, const char *only)
{
	size_t i;

	emit_array_begin(v->e, "rules");
	for (i = 0; i < n; i++) {
		const struct fs_rule *r = at(i);

		if (only && !view_is_rule(r, only))
			continue;
		entity_begin(v);
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "id", r->id);
		emit_string(v->e, "number", r->number);
		emit_string(v->e, "title", r->title);
		emit_string(v->e, "severity", fs_severity_name(r->severity));
		emit_styled(v->e, EMIT_STRONG, "%s (%s%s%s): %s", r->id, r->number,
			    r->number[0] ? ", " : "", fs_severity_name(r->severity), r->title);
		emit_indent(v->e, 1);
		optional(v, "explanation", "", r->explanation);
		optional(v, "reads", "Reads: ", r->reads);
		optional(v, "advice", "Advice: ", r->advice);
		emit_indent(v->e, -1);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
}
