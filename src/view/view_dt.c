/* SPDX-License-Identifier: BSD-2-Clause */
/* dt: which fields are shown, how deep, in which lines. What a value looks like: view_dt_value.c.
 */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "view/dt.h"

#define DEPTH_MAX    16
#define LINES_MAX    20000 /* nested types can name each other for ever */
#define ELEMENTS_MAX 256   /* of an array, -b */

/* * and ?, no case: as the patterns of x. */
static bool matches(const char *s, const char *pattern)
{
	const char *star = NULL, *again = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			again = s;
		} else if (*s && (*pattern == '?' || (*pattern | 0x20) == (*s | 0x20))) {
			pattern++;
			s++;
		} else if (!*s && !*pattern) {
			return true;
		} else if (star && *again) {
			pattern = star;
			s = ++again;
		} else {
			return false;
		}
	}
}

/* Does one of the asked paths name this field? *ret_rest: what it goes on with, NULL. */
static bool wanted(struct dt *t, const struct fs_field *f, const char *const *ask, size_t n,
		   const char **ret_rest)
{
	size_t i;

	*ret_rest = NULL;
	for (i = 0; i < n; i++) {
		const char *dot = strchr(ask[i], '.');
		const char *first =
			dot ? text_printf(t->v, "%.*s", (int)(dot - ask[i]), ask[i]) : ask[i];

		if (!matches(f->name, first))
			continue;
		if (dot && dot[1])
			*ret_rest = dot + 1;
		return true;
	}
	return n == 0;
}

static bool type_of(struct dt *t, const char *module, const char *name, struct fs_type *ret)
{
	const char *asked = text_printf(t->v, "%s!%s", module, name);

	if (t->d->type(t->d->fs, asked, ret, NULL) == FS_OK && ret->nfields)
		return true;
	return t->d->type(t->d->fs, name, ret, NULL) == FS_OK && ret->nfields;
}

static void fields(struct dt *t, const struct fs_type *type, struct dt_place at,
		   const char *const *ask, size_t n);

/* What lies in place, or what the pointer leads to. */
static void inside(struct dt *t, const struct fs_type *type, const struct fs_field *f,
		   struct dt_place at, const char *rest)
{
	bool pointer = f->kind == FS_T_POINTER;
	struct dt_place to = {at.has, at.va, at.depth + 1};
	struct fs_type inner;

	if (!f->struct_name || at.depth >= DEPTH_MAX)
		return;
	if (!rest && (t->ask->blocks ? pointer : at.depth >= t->ask->depth))
		return;
	if (pointer && (!at.has || !dt_pointer(t, at.va, &to.va) || !to.va))
		return;
	if (!type_of(t, type->module, f->struct_name, &inner))
		return;
	emit_indent(t->v->e, 1);
	emit_array_begin(t->v->e, "fields");
	fields(t, &inner, to, &rest, rest ? 1 : 0);
	emit_array_end(t->v->e);
	emit_indent(t->v->e, -1);
}

static void elements(struct dt *t, const struct fs_type *type, const struct fs_field *f,
		     struct dt_place at)
{
	struct fs_field one = *f;
	uint32_t i;

	one.count = 0;
	emit_array_begin(t->v->e, "elements");
	for (i = 0; i < f->count && i < ELEMENTS_MAX && t->r.shown < LINES_MAX; i++) {
		struct dt_place place = at;

		if (!f->size || !add_u64(at.va, (uint64_t)i * f->size, &place.va))
			break;
		emit_object_begin(t->v->e, NULL);
		dt_value(t, &one, place);
		if (emit_is_text(t->v->e))
			emit_line(t->v->e, "    [%02" PRIu32 "] %s", i, dt_text(t, &one, place));
		inside(t, type, &one, place, NULL);
		emit_object_end(t->v->e);
		t->r.shown++;
	}
	emit_array_end(t->v->e);
	if (i < f->count && emit_is_text(t->v->e))
		emit_line(t->v->e, "    … %" PRIu32 " more", f->count - i);
}

static void field(struct dt *t, const struct fs_type *type, const struct fs_field *f,
		  struct dt_place at, const char *rest)
{
	struct view *v = t->v;
	struct dt_place place = at;

	if (at.has && !add_u64(at.va, f->offset, &place.va))
		place.has = false;
	emit_object_begin(v->e, NULL);
	emit_string(v->e, "name", f->name);
	emit_uint(v->e, "offset", f->offset);
	emit_string(v->e, "type", f->type);
	if (f->inferred)
		emit_bool(v->e, "unproved", true);
	if (f->refused)
		emit_bool(v->e, "contradicted", true);
	if (place.has && !f->refused)
		dt_value(t, f, place);
	if (emit_is_text(v->e)) {
		/* 3 columns of indent are the emitter's for each level */
		emit_line(v->e, "   +0x%03" PRIx32 " %-16s : %s", f->offset, f->name,
			  rest ? "" : dt_text(t, f, place));
		row_mark(v, f->name, f->inferred && !f->refused);
	}
	t->r.shown++;
	if (f->count && t->ask->blocks && place.has && !f->refused)
		elements(t, type, f, place);
	else if (!f->count && !f->refused)
		inside(t, type, f, place, rest);
	emit_object_end(v->e);
}

static void fields(struct dt *t, const struct fs_type *type, struct dt_place at,
		   const char *const *ask, size_t n)
{
	size_t i;

	for (i = 0; i < type->nfields; i++) {
		const char *rest;

		if (t->r.shown >= LINES_MAX) {
			t->r.status = FS_LIMIT;
			return;
		}
		if (wanted(t, &type->fields[i], ask, n, &rest))
			field(t, type, &type->fields[i], at, rest);
	}
}

struct view_result view_dt(struct view *v, const struct view_debug *d, const struct view_dt *ask)
{
	struct dt t = {.v = v, .d = d, .ask = ask};
	struct dt_place at = {ask->has_address, ask->address, 0};
	struct fs_type type;

	t.r.status = d->type(d->fs, ask->type, &type, &t.r.err);
	if (t.r.status != FS_OK)
		return t.r;
	emit_string(v->e, "module", type.module);
	emit_string(v->e, "name", type.name);
	if (type.size)
		emit_uint(v->e, "size", type.size);
	emit_string(v->e, "source", type.source);
	if (ask->has_address)
		emit_address(v->e, "address", ask->address);
	/* WinDbg names the type only when it had to look for it. */
	if (emit_is_text(v->e) && !strchr(ask->type, '!'))
		emit_line(v->e, "%s!%s", type.module, type.name);
	emit_array_begin(v->e, "fields");
	fields(&t, &type, at, ask->fields, ask->nfields);
	emit_array_end(v->e);
	if (t.r.status == FS_LIMIT)
		(void)fs_fail(&t.r.err, FS_LIMIT, "more than %d lines: ask for less depth",
			      LINES_MAX);
	entity_begin(v);
	return t.r;
}
