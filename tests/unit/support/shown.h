/* SPDX-License-Identifier: BSD-2-Clause */
/* A view's answer as text or as a JSON document that was read back strictly. */
#ifndef SUPPORT_SHOWN_H
#define SUPPORT_SHOWN_H

#include <jansson.h>

#include "support/capture.h"
#include "view/view.h"

struct shown {
	struct capture c;
	struct view v;
	json_t *doc; /* NULL for text */
};

/* Call views on &s->v between the two. */
void shown_text(struct shown *s, const struct fs_model *m);
void shown_json(struct shown *s, const struct fs_model *m);
/* False when the emitter failed or the document is no JSON. */
bool shown_end(struct shown *s);
void shown_free(struct shown *s);

/* By path: "frames.0.filters.1.name"; NULL when it is not there. */
json_t *at(const json_t *doc, const char *path);
/* The string there; "(absent)", "(null)" or "(other)". */
const char *string_at(const json_t *doc, const char *path);
/* The integer there; -1 when there is none. */
long long int_at(const json_t *doc, const char *path);
/* Does the array at `path` hold this string? */
bool array_has(const json_t *doc, const char *path, const char *s);

#endif
