/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where views write to. A view tells each thing once: the structured events
 * (object, array, values) reach machine formats, lines and rows reach text. An
 * emitter ignores what is not for it. Emitters escape: views never do.
 *
 * Only src/emit and src/cli print.
 */
#ifndef EMIT_EMIT_H
#define EMIT_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct emit;

enum emit_style { EMIT_PLAIN, EMIT_GOOD, EMIT_WARN, EMIT_BAD, EMIT_STRONG, EMIT_FAINT };

/* Owner: emit_finish, which writes what is pending and returns false when writing failed. */
struct emit *emit_text_create(FILE *out, bool colour);
struct emit *emit_json_create(FILE *out);
/* Any number of documents, each one line. */
struct emit *emit_json_lines_create(FILE *out);
bool emit_finish(struct emit *e);
bool emit_is_text(const struct emit *e); /* to skip costly text preparation only */

/* Structure, for machine formats. key is NULL inside arrays and for the root. */
void emit_object_begin(struct emit *e, const char *key);
void emit_object_end(struct emit *e);
void emit_array_begin(struct emit *e, const char *key);
void emit_array_end(struct emit *e);
void emit_string(struct emit *e, const char *key, const char *s); /* NULL gives null */
void emit_uint(struct emit *e, const char *key, uint64_t v);
void emit_address(struct emit *e, const char *key, uint64_t v); /* "0x…", lower case */
void emit_bool(struct emit *e, const char *key, bool v);
void emit_null(struct emit *e, const char *key);

/* Text. Each call is one line at the current indent (3 columns a level, as fltkd). */
void emit_indent(struct emit *e, int levels); /* relative */
__attribute__((format(printf, 2, 3))) void emit_line(struct emit *e, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void emit_styled(struct emit *e, enum emit_style style,
						       const char *fmt, ...);
/* "Label padded to 25 columns: value" (facts: fltkd-commands.md). */
__attribute__((format(printf, 3, 4))) void emit_row(struct emit *e, const char *label,
						    const char *fmt, ...);
/* A paragraph wrapped at the terminal's width (80 when not a terminal). */
void emit_paragraph(struct emit *e, const char *text);
void emit_blank(struct emit *e);

#endif
