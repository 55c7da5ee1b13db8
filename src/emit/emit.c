/* SPDX-License-Identifier: BSD-2-Clause */
#include "emit/impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The label column of !fltkd (facts: fltkd-commands.md). */
#define LABEL_COLUMNS 25

struct emit *emit_new(size_t size, const struct emit_ops *ops, FILE *out)
{
	struct emit *e = calloc(1, size);

	if (!e)
		return NULL;
	e->ops = ops;
	e->out = out;
	return e;
}

void emit_fail(struct emit *e, int error)
{
	if (!e->error)
		e->error = error ? error : EIO;
}

void emit_write(struct emit *e, const char *s, size_t n)
{
	if (e->error || n == 0)
		return;
	errno = 0;
	if (fwrite(s, 1, n, e->out) != n)
		emit_fail(e, errno);
}

void emit_puts(struct emit *e, const char *s)
{
	emit_write(e, s, strlen(s));
}

bool emit_finish(struct emit *e)
{
	int error;

	if (e->ops->finish)
		e->ops->finish(e);
	errno = 0;
	if (!e->error && (fflush(e->out) != 0 || ferror(e->out)))
		emit_fail(e, errno);
	error = e->error;
	free(e);
	errno = error;
	return error == 0;
}

bool emit_is_text(const struct emit *e)
{
	return e->ops->is_text;
}

void emit_object_begin(struct emit *e, const char *key)
{
	if (e->ops->object_begin)
		e->ops->object_begin(e, key);
}

void emit_object_end(struct emit *e)
{
	if (e->ops->object_end)
		e->ops->object_end(e);
}

void emit_array_begin(struct emit *e, const char *key)
{
	if (e->ops->array_begin)
		e->ops->array_begin(e, key);
}

void emit_array_end(struct emit *e)
{
	if (e->ops->array_end)
		e->ops->array_end(e);
}

void emit_string(struct emit *e, const char *key, const char *s)
{
	if (!s)
		emit_null(e, key);
	else if (e->ops->string)
		e->ops->string(e, key, s);
}

void emit_uint(struct emit *e, const char *key, uint64_t v)
{
	if (e->ops->uint)
		e->ops->uint(e, key, v);
}

void emit_address(struct emit *e, const char *key, uint64_t v)
{
	char buf[20];

	(void)snprintf(buf, sizeof(buf), "0x%" PRIx64, v);
	if (e->ops->string)
		e->ops->string(e, key, buf);
}

void emit_bool(struct emit *e, const char *key, bool v)
{
	if (e->ops->boolean)
		e->ops->boolean(e, key, v);
}

void emit_null(struct emit *e, const char *key)
{
	if (e->ops->null)
		e->ops->null(e, key);
}

void emit_indent(struct emit *e, int levels)
{
	if (e->ops->indent)
		e->ops->indent(e, levels);
}

/* Format into memory of the right size: names from a dump have up to 64 KiB. */
__attribute__((format(printf, 4, 0))) static void
format_line(struct emit *e, enum emit_style style, const char *label, const char *fmt, va_list ap)
{
	char small[256], *text = small;
	size_t head = 0, size;
	va_list again;
	int n;

	va_copy(again, ap);
	if (label)
		head = (size_t)snprintf(NULL, 0, "%-*s: ", LABEL_COLUMNS, label);
	n = vsnprintf(NULL, 0, fmt, ap);
	size = n < 0 ? 0 : head + (size_t)n + 1;
	if (size > sizeof(small))
		text = malloc(size);
	if (n < 0 || !text) {
		emit_fail(e, n < 0 ? EINVAL : ENOMEM);
	} else {
		if (label)
			(void)snprintf(text, size, "%-*s: ", LABEL_COLUMNS, label);
		(void)vsnprintf(text + head, size - head, fmt, again);
		e->ops->line(e, style, text);
	}
	va_end(again);
	if (text != small)
		free(text);
}

void emit_line(struct emit *e, const char *fmt, ...)
{
	va_list ap;

	if (!e->ops->line)
		return;
	va_start(ap, fmt);
	format_line(e, EMIT_PLAIN, NULL, fmt, ap);
	va_end(ap);
}

void emit_styled(struct emit *e, enum emit_style style, const char *fmt, ...)
{
	va_list ap;

	if (!e->ops->line)
		return;
	va_start(ap, fmt);
	format_line(e, style, NULL, fmt, ap);
	va_end(ap);
}

void emit_row(struct emit *e, const char *label, const char *fmt, ...)
{
	va_list ap;

	if (!e->ops->line)
		return;
	va_start(ap, fmt);
	format_line(e, EMIT_PLAIN, label, fmt, ap);
	va_end(ap);
}

void emit_paragraph(struct emit *e, const char *text)
{
	if (e->ops->paragraph)
		e->ops->paragraph(e, text);
}

void emit_blank(struct emit *e)
{
	if (e->ops->line)
		e->ops->line(e, EMIT_PLAIN, "");
}
