/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an output format implements. To add one: a file here with its table of
 * ops and a create function in emit.h; an op that is NULL ignores the event.
 */
#ifndef EMIT_IMPL_H
#define EMIT_IMPL_H

#include <stdarg.h>

#include "emit/emit.h"

struct emit_ops {
	bool is_text;
	void (*object_begin)(struct emit *e, const char *key);
	void (*object_end)(struct emit *e);
	void (*array_begin)(struct emit *e, const char *key);
	void (*array_end)(struct emit *e);
	void (*string)(struct emit *e, const char *key, const char *s);
	void (*uint)(struct emit *e, const char *key, uint64_t v);
	void (*boolean)(struct emit *e, const char *key, bool v);
	void (*null)(struct emit *e, const char *key);
	void (*indent)(struct emit *e, int levels);
	/* `text` is one line, not escaped yet. */
	void (*line)(struct emit *e, enum emit_style style, const char *text);
	void (*paragraph)(struct emit *e, const char *text);
	void (*finish)(struct emit *e); /* write what is pending and free what the format owns */
};

/* First member of every format's own state. */
struct emit {
	const struct emit_ops *ops;
	FILE *out;
	int error; /* errno of the first failure; nothing is written after it */
};

/* Zeroed state of `size` bytes that begins with a struct emit; NULL when out of memory. */
struct emit *emit_new(size_t size, const struct emit_ops *ops, FILE *out);
void emit_write(struct emit *e, const char *s, size_t n);
void emit_puts(struct emit *e, const char *s);
void emit_fail(struct emit *e, int error);

#endif
