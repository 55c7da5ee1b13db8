/* SPDX-License-Identifier: BSD-2-Clause */
/* One field's value as dt prints it (facts: transcripts 02, 11, 12), and for machines. */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "base/str.h"
#include "view/dt.h"

#define STRING_MAX 65534 /* bytes: Length is a USHORT, and even */

static bool get(struct dt *t, uint64_t va, void *buf, size_t n, struct fs_error *err)
{
	size_t got = 0;

	return t->d->read(t->d->fs, va, buf, n, &got, NULL, err) == FS_OK && got == n;
}

static bool number(struct dt *t, uint64_t va, size_t n, uint64_t *ret, struct fs_error *err)
{
	uint8_t b[8] = {0};

	if (n > sizeof(b) || !get(t, va, b, n, err))
		return false;
	*ret = load_u64(b);
	return true;
}

bool dt_pointer(struct dt *t, uint64_t va, uint64_t *ret)
{
	return number(t, va, t->d->pointer, ret, NULL);
}

static const char *missing(struct dt *t, uint64_t va, const struct fs_error *err)
{
	return text_printf(t->v, "(%s at 0x%" PRIx64 ")", fs_status_name(err->status),
			   err->has_address ? err->address : va);
}

static const char *pointer(struct dt *t, uint64_t va)
{
	return text_printf(t->v, "0x%s", text_tick(t->v, t->d, va));
}

/* 0 to 9 plain, the rest in hex, beyond 32 bits with the tick. */
static const char *hex(struct dt *t, uint64_t n)
{
	if (n < 10)
		return text_printf(t->v, "%" PRIu64, n);
	if (n > UINT32_MAX)
		return text_printf(t->v, "0x%" PRIx64 "`%08" PRIx64, n >> 32, n & UINT32_MAX);
	return text_printf(t->v, "0x%" PRIx64, n);
}

static int64_t sign_extend(uint64_t n, size_t size)
{
	unsigned shift = 64 - 8 * (unsigned)size;

	return (int64_t)(n << shift) >> shift;
}

static const char *scalar(struct dt *t, const struct fs_field *f, uint64_t n)
{
	if (f->size == 1)
		return text_printf(t->v, "%s%" PRIx64 " '%.*s'", n ? "0x" : "", n,
				   n >= ' ' && n < 0x7f ? 1 : 0, (const char[]){(char)n, '\0'});
	if (f->is_signed)
		return text_printf(t->v, "0n%" PRId64, sign_extend(n, f->size));
	return hex(t, n);
}

static const char *enumerator(struct dt *t, const struct fs_field *f, uint64_t n)
{
	const char *name = f->enum_name ? t->d->enum_name(t->d->fs, f->enum_name, n) : NULL;

	return name ? text_printf(t->v, "%" PRIx64 " ( %s )", n, name)
		    : text_printf(t->v, "%s (No matching name)", hex(t, n));
}

static uint64_t bit_value(const struct fs_field *f, uint64_t n)
{
	uint64_t mask = f->bit_len >= 64 ? UINT64_MAX : (UINT64_C(1) << f->bit_len) - 1;

	return (n >> f->bit_pos) & mask;
}

static const char *bits(struct dt *t, const struct fs_field *f, uint64_t n)
{
	uint64_t value = bit_value(f, n);
	char digits[65] = "";
	unsigned i;

	for (i = 0; i < f->bit_len && i < 64; i++)
		digits[i] = value >> (f->bit_len - 1 - i) & 1 ? '1' : '0';
	if (f->bit_len == 1)
		return text_printf(t->v, "0y%s", digits);
	return text_printf(t->v, "0y%s (%s%" PRIx64 ")", digits, value < 10 ? "" : "0x", value);
}

/* "Ptr64 _FLTP_FRAME" without the Ptr64. */
static const char *pointed(const struct fs_field *f)
{
	const char *s = strstr(f->type, "Ptr");

	s = s ? strchr(s, ' ') : NULL;
	return s ? s + 1 : "";
}

static const char *address(struct dt *t, const struct fs_field *f, uint64_t va)
{
	struct fs_symbol sym;

	if (!va)
		return "(null) ";
	if (f->kind == FS_T_POINTER)
		return text_printf(t->v, "%s %s", pointer(t, va), pointed(f));
	if (t->d->symbol_at(t->d->fs, va, &sym, NULL) != FS_OK || !sym.text[0])
		return text_printf(t->v, "%s     +0", pointer(t, va));
	return text_printf(t->v, "%s     %s%s", pointer(t, va), sym.text,
			   sym.source > FS_SYM_MODULE && !sym.offset ? "+0" : "");
}

struct string {
	uint64_t length, maximum, buffer;
	const char *text; /* NULL: not read, err says why */
	uint64_t at;	  /* VA of what could not be read */
};

static bool unicode(struct dt *t, uint64_t va, struct string *s, struct fs_error *err)
{
	uint8_t *raw;
	char *utf8;

	*s = (struct string){.at = va};
	if (!number(t, va, 2, &s->length, err) || !number(t, va + 2, 2, &s->maximum, err) ||
	    !number(t, va + t->d->pointer, t->d->pointer, &s->buffer, err))
		return false;
	s->at = s->buffer;
	if (s->length % 2 || s->length > s->maximum || s->length > STRING_MAX) {
		s->at = va;
		(void)fs_fail_at(err, FS_CORRUPT, va, "Length %" PRIu64 " of %" PRIu64, s->length,
				 s->maximum);
		return true;
	}
	raw = arena_alloc(&t->v->tmp, s->length + 1);
	utf8 = arena_alloc(&t->v->tmp, 3 * s->length + 1);
	if (!raw || !utf8) {
		(void)fs_fail(err, FS_NO_MEMORY, "out of memory");
		return true;
	}
	if (s->length && !get(t, s->buffer, raw, s->length, err))
		return true;
	(void)utf16le_to_utf8(raw, s->length / 2, utf8, 3 * s->length + 1);
	s->text = utf8;
	return true;
}

static const char *unicode_text(struct dt *t, uint64_t va)
{
	struct fs_error err = {0};
	struct string s;

	if (!unicode(t, va, &s, &err))
		return missing(t, va, &err);
	return text_printf(t->v, "_UNICODE_STRING %s",
			   s.text ? text_quoted(t->v, s.text) : missing(t, s.at, &err));
}

static const char *list_text(struct dt *t, uint64_t va)
{
	struct fs_error err = {0};
	uint64_t flink, blink;

	if (!number(t, va, t->d->pointer, &flink, &err) ||
	    !number(t, va + t->d->pointer, t->d->pointer, &blink, &err))
		return missing(t, va, &err);
	return text_printf(t->v, "_LIST_ENTRY [ %s - %s ]", pointer(t, flink), pointer(t, blink));
}

static size_t value_size(const struct dt *t, const struct fs_field *f)
{
	if (f->kind == FS_T_POINTER || f->kind == FS_T_FUNCTION_POINTER)
		return t->d->pointer;
	return f->size;
}

static const char *element_text(struct dt *t, const struct fs_field *f, uint64_t va)
{
	size_t size = value_size(t, f);
	struct fs_error err = {0};
	uint64_t n;

	if (f->kind == FS_T_UNICODE_STRING)
		return unicode_text(t, va);
	if (f->kind == FS_T_LIST_ENTRY)
		return list_text(t, va);
	if (f->kind == FS_T_STRUCT || f->kind == FS_T_UNKNOWN || !size || size > 8)
		return f->count ? strchr(f->type, ']') + 2 : f->type;
	if (!number(t, va, size, &n, &err))
		return missing(t, va, &err);
	switch (f->kind) {
	case FS_T_ENUM:
		return enumerator(t, f, n);
	case FS_T_BITS:
		return bits(t, f, n);
	case FS_T_POINTER:
	case FS_T_FUNCTION_POINTER:
		return address(t, f, n);
	default:
		return scalar(t, f, n);
	}
}

/* An array shows its first element, of characters what they spell. */
const char *dt_text(struct dt *t, const struct fs_field *f, struct dt_place at)
{
	char text[65] = "";

	if (f->refused)
		return text_printf(t->v, "(%s: contradicted by this dump)", f->type);
	if (!at.has)
		return f->type;
	if (!f->count)
		return element_text(t, f, at.va);
	if (f->kind == FS_T_SCALAR && f->size == 1) {
		size_t n = f->count < sizeof(text) ? f->count : sizeof(text) - 1;
		struct fs_error err = {0};
		uint8_t raw[64];

		if (!get(t, at.va, raw, n, &err))
			return text_printf(t->v, "[%" PRIu32 "] %s", f->count,
					   missing(t, at.va, &err));
		memcpy(text, raw, n);
		return text_printf(t->v, "[%" PRIu32 "]  %s", f->count, text_quoted(t->v, text));
	}
	return text_printf(t->v, "[%" PRIu32 "] %s", f->count, element_text(t, f, at.va));
}

static void json_missing(struct dt *t, const char *key, uint64_t va, const struct fs_error *err)
{
	emit_null(t->v->e, key);
	emit_object_begin(t->v->e, "missing");
	emit_address(t->v->e, "address", err->has_address ? err->address : va);
	emit_string(t->v->e, "reason", fs_status_name(err->status));
	emit_object_end(t->v->e);
}

static void json_string(struct dt *t, uint64_t va)
{
	struct emit *e = t->v->e;
	struct fs_error err = {0};
	struct string s;

	if (!unicode(t, va, &s, &err)) {
		json_missing(t, "value", va, &err);
		return;
	}
	emit_object_begin(e, "value");
	emit_uint(e, "length", s.length);
	emit_uint(e, "maximum_length", s.maximum);
	emit_address(e, "buffer", s.buffer);
	if (s.text)
		emit_string(e, "text", s.text);
	else
		json_missing(t, "text", s.at, &err);
	emit_object_end(e);
}

static void json_list(struct dt *t, uint64_t va)
{
	struct fs_error err = {0};
	uint64_t flink, blink;

	if (!number(t, va, t->d->pointer, &flink, &err) ||
	    !number(t, va + t->d->pointer, t->d->pointer, &blink, &err)) {
		json_missing(t, "value", va, &err);
		return;
	}
	emit_object_begin(t->v->e, "value");
	emit_address(t->v->e, "flink", flink);
	emit_address(t->v->e, "blink", blink);
	emit_object_end(t->v->e);
}

static void json_number(struct dt *t, const struct fs_field *f, uint64_t n)
{
	struct emit *e = t->v->e;
	struct fs_symbol sym;
	const char *name;

	switch (f->kind) {
	case FS_T_POINTER:
	case FS_T_FUNCTION_POINTER:
		emit_address(e, "value", n);
		if (f->kind == FS_T_FUNCTION_POINTER && n &&
		    t->d->symbol_at(t->d->fs, n, &sym, NULL) == FS_OK && sym.text[0])
			emit_string(e, "symbol", sym.text);
		break;
	case FS_T_ENUM:
		emit_uint(e, "value", n);
		name = f->enum_name ? t->d->enum_name(t->d->fs, f->enum_name, n) : NULL;
		if (name)
			emit_string(e, "enumerator", name);
		break;
	case FS_T_BITS:
		emit_uint(e, "value", bit_value(f, n));
		break;
	default:
		/* numbers beyond what JSON readers hold exactly go out as the bits are */
		if (f->size == 8)
			emit_address(e, "value", n);
		else
			emit_uint(e, "value", n);
	}
}

/* Of an array, the first element: what the text shows; -b lists them all. */
void dt_value(struct dt *t, const struct fs_field *f, struct dt_place at)
{
	size_t size = value_size(t, f);
	struct fs_error err = {0};
	uint64_t n;

	if (emit_is_text(t->v->e) || !at.has)
		return;
	if (f->count)
		emit_uint(t->v->e, "count", f->count);
	if (f->kind == FS_T_UNICODE_STRING)
		json_string(t, at.va);
	else if (f->kind == FS_T_LIST_ENTRY)
		json_list(t, at.va);
	else if (f->kind == FS_T_STRUCT || f->kind == FS_T_UNKNOWN || !size || size > 8)
		emit_address(t->v->e, "address", at.va);
	else if (!number(t, at.va, size, &n, &err))
		json_missing(t, "value", at.va, &err);
	else
		json_number(t, f, n);
}
