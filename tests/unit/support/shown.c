/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/shown.h"

#include <stdlib.h>
#include <string.h>

void shown_text(struct shown *s, const struct fs_model *m)
{
	memset(s, 0, sizeof(*s));
	capture_begin(&s->c);
	view_open(&s->v, emit_text_create(s->c.f, false), m, "fltscope.test/1");
}

void shown_json(struct shown *s, const struct fs_model *m)
{
	memset(s, 0, sizeof(*s));
	capture_begin(&s->c);
	view_open(&s->v, emit_json_create(s->c.f), m, "fltscope.test/1");
}

bool shown_end(struct shown *s)
{
	bool text = emit_is_text(s->v.e);
	json_error_t err;

	view_close(&s->v);
	if (!capture_end(&s->c, s->v.e))
		return false;
	if (text)
		return true;
	s->doc = json_loads(s->c.text, JSON_REJECT_DUPLICATES, &err);
	if (!s->doc)
		(void)fprintf(stderr, "line %d: %s\n", err.line, err.text);
	return s->doc != NULL;
}

void shown_free(struct shown *s)
{
	json_decref(s->doc);
	capture_free(&s->c);
}

json_t *at(const json_t *doc, const char *path)
{
	char buf[256], *word, *save = NULL;

	(void)snprintf(buf, sizeof(buf), "%s", path);
	for (word = strtok_r(buf, ".", &save); word && doc; word = strtok_r(NULL, ".", &save)) {
		if (json_is_array(doc))
			doc = json_array_get(doc, (size_t)strtoul(word, NULL, 10));
		else
			doc = json_object_get(doc, word);
	}
	return (json_t *)doc;
}

const char *string_at(const json_t *doc, const char *path)
{
	const json_t *v = at(doc, path);

	if (!v)
		return "(absent)";
	if (json_is_null(v))
		return "(null)";
	return json_is_string(v) ? json_string_value(v) : "(other)";
}

long long int_at(const json_t *doc, const char *path)
{
	const json_t *v = at(doc, path);

	return json_is_integer(v) ? (long long)json_integer_value(v) : -1;
}

bool array_has(const json_t *doc, const char *path, const char *s)
{
	const json_t *a = at(doc, path);
	size_t i;

	for (i = 0; i < json_array_size(a); i++)
		if (json_is_string(json_array_get(a, i)) &&
		    strcmp(json_string_value(json_array_get(a, i)), s) == 0)
			return true;
	return false;
}
