/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One JSON document, written as it is told: a tree of a hostile dump's quarter
 * of a million instances would not fit beside it. jansson encodes the scalars.
 * Keys keep their order; the indent is two columns, or the document is one line.
 */
#include "emit/impl.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define MAX_DEPTH 32

/* Beyond this a reader that keeps numbers as doubles (RFC 8259, section 6) loses bits. */
#define MAX_EXACT ((UINT64_C(1) << 53) - 1)

struct json {
	struct emit base;
	unsigned depth;
	struct {
		bool is_array;
		bool any; /* something stands in it already */
	} level[MAX_DEPTH];
	bool done;  /* the root is closed */
	bool lines; /* each root on a line of its own, as many as there are */
};

static int write_chunk(const char *s, size_t n, void *arg)
{
	struct emit *e = arg;
	const char *del;

	/* DEL is ASCII to jansson; it only stands inside strings */
	while ((del = memchr(s, 0x7f, n)) != NULL) {
		emit_write(e, s, (size_t)(del - s));
		emit_puts(e, "\\u007f");
		n -= (size_t)(del - s) + 1;
		s = del + 1;
	}
	emit_write(e, s, n);
	return e->error ? -1 : 0;
}

/*
 * Takes over the reference. Only ASCII leaves: a terminal that shows the document acts on C1
 * controls and on the bidirectional ones in names of the dump, and JSON can say all of them.
 */
static void put_scalar(struct emit *e, json_t *v)
{
	if (!v)
		emit_fail(e, ENOMEM);
	else if (json_dump_callback(v, write_chunk, e, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) != 0)
		emit_fail(e, EINVAL);
	json_decref(v);
}

/* Text of the dump may hold anything; JSON is UTF-8 and nothing else. */
static json_t *string_of(const char *s)
{
	size_t n = strlen(s), need = utf8_repair(s, n, NULL, 0);
	char *fixed = malloc(need + 1);
	json_t *v;

	if (!fixed)
		return NULL;
	(void)utf8_repair(s, n, fixed, need + 1);
	v = json_stringn(fixed, need);
	free(fixed);
	return v;
}

static void new_line(struct json *j)
{
	unsigned i;

	if (j->lines)
		return;
	emit_puts(&j->base, "\n");
	for (i = 0; i < j->depth; i++)
		emit_puts(&j->base, "  ");
}

/* Comma, line and key before a value. A view that forgets a key, or gives one
 * inside an array, has a defect: no document rather than a wrong one. */
static bool lead_in(struct json *j, const char *key)
{
	if (j->base.error)
		return false;
	if (j->depth == 0) {
		if (key || (j->done && !j->lines))
			emit_fail(&j->base, EINVAL);
		return !j->base.error;
	}
	if (j->level[j->depth - 1].is_array == (key != NULL)) {
		emit_fail(&j->base, EINVAL);
		return false;
	}
	if (j->level[j->depth - 1].any)
		emit_puts(&j->base, ",");
	j->level[j->depth - 1].any = true;
	new_line(j);
	if (key) {
		put_scalar(&j->base, string_of(key));
		emit_puts(&j->base, j->lines ? ":" : ": ");
	}
	return !j->base.error;
}

static void begin(struct emit *e, const char *key, bool is_array)
{
	struct json *j = (struct json *)e;

	if (!lead_in(j, key))
		return;
	if (j->depth == MAX_DEPTH) {
		emit_fail(e, EOVERFLOW);
		return;
	}
	emit_puts(e, is_array ? "[" : "{");
	j->level[j->depth].is_array = is_array;
	j->level[j->depth].any = false;
	j->depth++;
}

static void end(struct emit *e, bool is_array)
{
	struct json *j = (struct json *)e;

	if (e->error)
		return;
	if (j->depth == 0 || j->level[j->depth - 1].is_array != is_array) {
		emit_fail(e, EINVAL);
		return;
	}
	j->depth--;
	if (j->level[j->depth].any)
		new_line(j);
	emit_puts(e, is_array ? "]" : "}");
	if (j->depth == 0)
		j->done = true;
	if (j->depth == 0 && j->lines)
		emit_puts(e, "\n");
}

static void json_object_begin(struct emit *e, const char *key)
{
	begin(e, key, false);
}

static void json_object_end(struct emit *e)
{
	end(e, false);
}

static void json_array_begin(struct emit *e, const char *key)
{
	begin(e, key, true);
}

static void json_array_end(struct emit *e)
{
	end(e, true);
}

static void put_string(struct emit *e, const char *key, const char *s)
{
	if (lead_in((struct json *)e, key))
		put_scalar(e, string_of(s));
}

/* What does not fit a double exactly becomes a "0x…" string, as addresses are. */
static void put_uint(struct emit *e, const char *key, uint64_t v)
{
	char buf[20];

	if (v > MAX_EXACT) {
		(void)snprintf(buf, sizeof(buf), "0x%" PRIx64, v);
		put_string(e, key, buf);
		return;
	}
	if (lead_in((struct json *)e, key))
		put_scalar(e, json_integer((json_int_t)v));
}

static void put_bool(struct emit *e, const char *key, bool v)
{
	if (lead_in((struct json *)e, key))
		put_scalar(e, json_boolean(v));
}

static void put_null(struct emit *e, const char *key)
{
	if (lead_in((struct json *)e, key))
		put_scalar(e, json_null());
}

static void json_finish(struct emit *e)
{
	struct json *j = (struct json *)e;

	if (!e->error && j->depth > 0)
		emit_fail(e, EINVAL);
	if (!e->error && j->done && !j->lines)
		emit_puts(e, "\n");
}

static const struct emit_ops json_ops = {
	.object_begin = json_object_begin,
	.object_end = json_object_end,
	.array_begin = json_array_begin,
	.array_end = json_array_end,
	.string = put_string,
	.uint = put_uint,
	.boolean = put_bool,
	.null = put_null,
	.finish = json_finish,
};

struct emit *emit_json_create(FILE *out)
{
	return emit_new(sizeof(struct json), &json_ops, out);
}

struct emit *emit_json_lines_create(FILE *out)
{
	struct emit *e = emit_json_create(out);

	if (e)
		((struct json *)e)->lines = true;
	return e;
}
