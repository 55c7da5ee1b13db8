/* SPDX-License-Identifier: BSD-2-Clause */
/* Values as text, and values told to both sides. */
#include "view/common.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OUT_OF_MEMORY "(out of memory)"

/* A caller's own strings must outlive the entities it shows, so nothing goes
 * while the amount is small. */
#define TMP_BYTES 65536

void entity_begin(struct view *v)
{
	show_unproved(v);
	if (v->tmp.used > TMP_BYTES)
		arena_deinit(&v->tmp);
}

const char *text_printf(struct view *v, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0)
		s = arena_alloc(&v->tmp, (size_t)n + 1);
	if (!s)
		return OUT_OF_MEMORY;
	va_start(ap, fmt);
	(void)vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

const char *text_inferred(struct view *v, const struct fs_layout *l)
{
	if (!l->ninferred)
		return "";
	if (l->ninferred == l->nfields)
		return ", inferred";
	return text_printf(v, ", %zu of %zu fields inferred", l->ninferred, l->nfields);
}

const char *text_ptr(struct view *v, uint64_t va)
{
	bool narrow = v->m && fs_pointer_size(&v->m->dump) == 4;

	/* A wide value in a 32-bit dump would be a defect of the reader: show it whole. */
	return text_printf(v, "%0*" PRIx64, narrow && va <= UINT32_MAX ? 8 : 16, va);
}

/* The quotes are ours: a name that holds one must not look as if it ended there. */
const char *text_quoted(struct view *v, const char *s)
{
	size_t i, n = 0, extra = 0;
	char *q;

	for (i = 0; s[i]; i++)
		extra += s[i] == '"' ? 3 : 0;
	q = arena_alloc(&v->tmp, i + extra + 3);
	if (!q)
		return OUT_OF_MEMORY;
	q[n++] = '"';
	for (; *s; s++) {
		if (*s == '"') {
			memcpy(q + n, "\\x22", 4);
			n += 4;
		} else {
			q[n++] = *s;
		}
	}
	q[n++] = '"';
	return q;
}

const char *text_count(struct view *v, uint64_t n, const char *what)
{
	return text_printf(v, "%" PRIu64 " %s%s", n, what, n == 1 ? "" : "s");
}

const char *text_reason(struct view *v, int32_t gap)
{
	const struct fs_gap *g;

	if (!v->m || gap < 0 || (size_t)gap >= v->m->ngaps)
		return "missing";
	g = &v->m->gaps[gap];
	if (!g->has_address)
		return fs_status_name(g->reason);
	return text_printf(v, "%s at 0x%" PRIx64, fs_status_name(g->reason), g->address);
}

const char *text_missing(struct view *v, int32_t gap)
{
	return text_printf(v, "(%s)", text_reason(v, gap));
}

const char *text_mark(struct view *v, bool unproved)
{
	if (!unproved)
		return "";
	v->unproved++;
	return " ?";
}

/* Is `word` one of the words of `list`? */
static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);
	const char *p;

	for (p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == '\0' || p[n] == ','))
			return true;
	return false;
}

void row_mark(struct view *v, const char *label, bool unproved)
{
	if (!unproved)
		return;
	v->unproved++;
	if (!v->marked)
		v->marked = label;
	else if (!listed(v->marked, label))
		v->marked = text_printf(v, "%s, %s", v->marked, label);
}

void show_unproved(struct view *v)
{
	if (v->marked)
		emit_paragraph(v->e, text_printf(v, "? unproved: %s", v->marked));
	v->marked = NULL;
}

const char *text_value(struct view *v, const struct fs_value *val, enum number_style style)
{
	if (val->state == FS_NONE)
		return "(not known)";
	if (val->state == FS_MISSING)
		return text_missing(v, val->gap);
	switch (style) {
	case NUM_DEC:
		return text_printf(v, "%" PRIu64, val->v);
	case NUM_HEX8:
		return text_printf(v, "0x%08" PRIx64, val->v);
	case NUM_HEX2:
		return text_printf(v, "0x%02" PRIx64, val->v);
	case NUM_PTR_0X:
		return text_printf(v, "0x%s", text_ptr(v, val->v));
	case NUM_PTR:
		break;
	}
	return text_ptr(v, val->v);
}

const char *text_string(struct view *v, const struct fs_string *s, const char *empty)
{
	if (s->state == FS_NONE)
		return "(not known)";
	if (s->state == FS_MISSING || !s->s)
		return text_missing(v, s->gap);
	return text_quoted(v, s->s[0] == '\0' && empty ? empty : s->s);
}

void json_name(struct view *v, const char *kind, uint64_t address, const char *called)
{
	const struct fs_model *m = v->m;
	size_t i;

	for (i = 0; m && address && strcmp(kind, "filter") == 0 && i < m->nfilters; i++) {
		const struct fs_string *s = &m->filters[i].name;

		if (m->filters[i].address != address)
			continue;
		if (s->state == FS_READ && s->s && s->s[0])
			break;
		if (s->state == FS_READ && s->s)
			emit_string(v->e, "name", "");
		else
			emit_null(v->e, "name");
		return;
	}
	if (called && called[0])
		emit_string(v->e, "name", called);
}

bool rows_wanted(const struct view *v)
{
	return v->brief == 0 && emit_is_text(v->e);
}

const char *plain(const struct fs_string *s)
{
	return s->state == FS_READ ? s->s : NULL;
}

void fields_begin(struct view *v, struct fields *f, const char *key)
{
	f->n = 0;
	emit_object_begin(v->e, key);
}

void fields_mark(struct fields *f, const char *key, bool unproved)
{
	if (f && key && unproved && f->n < sizeof(f->unproved) / sizeof(f->unproved[0]))
		f->unproved[f->n++] = key;
}

void fields_end(struct view *v, struct fields *f)
{
	size_t i;

	if (f->n > 0) {
		emit_array_begin(v->e, "unproved");
		for (i = 0; i < f->n; i++)
			emit_string(v->e, NULL, f->unproved[i]);
		emit_array_end(v->e);
	}
	emit_object_end(v->e);
}

static void json_value(struct view *v, struct fields *f, const char *key,
		       const struct fs_value *val, bool is_address)
{
	if (!key || val->state == FS_NONE)
		return;
	fields_mark(f, key, val->unproved && val->state == FS_READ);
	if (val->state == FS_MISSING)
		emit_null(v->e, key);
	else if (is_address)
		emit_address(v->e, key, val->v);
	else
		emit_uint(v->e, key, val->v);
}

static bool is_marked(const struct fs_value *val)
{
	return val->state == FS_READ && val->unproved;
}

void show_value(struct view *v, struct fields *f, const char *key, const char *label,
		const struct fs_value *val, enum number_style style)
{
	json_value(v, f, key, val, style == NUM_PTR || style == NUM_PTR_0X);
	if (label && val->state != FS_NONE && rows_wanted(v)) {
		emit_row(v->e, label, "%s", text_value(v, val, style));
		row_mark(v, label, is_marked(val));
	}
}

void show_ref(struct view *v, struct fields *f, const char *key, const char *label,
	      const struct fs_value *val, const char *name)
{
	json_value(v, f, key, val, true);
	if (label && val->state != FS_NONE && rows_wanted(v)) {
		emit_row(v->e, label, "%s%s%s", text_value(v, val, NUM_PTR), name ? " " : "",
			 name ? name : "");
		row_mark(v, label, is_marked(val));
	}
}

void show_string(struct view *v, struct fields *f, const char *key, const char *label,
		 const struct fs_string *s)
{
	bool marked = s->state == FS_READ && s->unproved;

	if (s->state == FS_NONE)
		return;
	if (key) {
		fields_mark(f, key, marked);
		emit_string(v->e, key, plain(s));
	}
	if (label && rows_wanted(v)) {
		emit_row(v->e, label, "%s", text_string(v, s, NULL));
		row_mark(v, label, marked);
	}
}

void show_links(struct view *v, struct fields *f, const char *key, const char *label,
		const struct fs_links *l)
{
	struct fields own;
	bool marked = is_marked(&l->flink) || is_marked(&l->blink);

	if (l->flink.state == FS_NONE && l->blink.state == FS_NONE)
		return;
	if (key) {
		fields_mark(f, key, marked);
		fields_begin(v, &own, key);
		json_value(v, NULL, "flink", &l->flink, true);
		json_value(v, NULL, "blink", &l->blink, true);
		fields_end(v, &own);
	}
	if (label && rows_wanted(v)) {
		emit_row(v->e, label, "[%s-%s]", text_value(v, &l->flink, NUM_PTR),
			 text_value(v, &l->blink, NUM_PTR));
		row_mark(v, label, marked);
	}
}

void show_inside(struct view *v, const char *label, uint64_t va)
{
	if (va != 0 && rows_wanted(v))
		emit_row(v->e, label, "(%s)", text_ptr(v, va));
}

void show_counted(struct view *v, struct fields *f, const char *key, const char *label, uint64_t va,
		  const char *word, const struct fs_value *count)
{
	json_value(v, f, key, count, false);
	if (!rows_wanted(v) || (va == 0 && count->state == FS_NONE))
		return;
	if (count->state == FS_NONE)
		emit_row(v->e, label, "(%s)", text_ptr(v, va));
	else
		emit_row(v->e, label, "(%s)  %s=%s", va ? text_ptr(v, va) : "not known", word,
			 text_value(v, count, NUM_DEC));
	row_mark(v, label, is_marked(count));
}

/* "(null)", "module+0x1234", or that it lies in no module that is loaded. */
static const char *symbol_text(struct view *v, const struct fs_code *c)
{
	if (c->va.v == 0)
		return "(null)";
	if (!c->symbol)
		return "(no module)";
	return c->unloaded ? text_printf(v, "%s (unloaded)", c->symbol) : c->symbol;
}

void show_code(struct view *v, struct fields *f, const char *key, const char *label,
	       const struct fs_code *c)
{
	if (c->va.state == FS_NONE)
		return;
	if (key) {
		fields_mark(f, key, is_marked(&c->va));
		if (c->va.state == FS_MISSING) {
			emit_null(v->e, key);
		} else {
			emit_object_begin(v->e, key);
			emit_address(v->e, "address", c->va.v);
			if (c->symbol)
				emit_string(v->e, "symbol", c->symbol);
			if (c->unloaded)
				emit_bool(v->e, "unloaded", true);
			emit_object_end(v->e);
		}
	}
	if (!label || !rows_wanted(v))
		return;
	if (c->va.state == FS_MISSING)
		emit_row(v->e, label, "%s", text_missing(v, c->va.gap));
	else
		emit_row(v->e, label, "%s  %s", text_ptr(v, c->va.v), symbol_text(v, c));
	row_mark(v, label, is_marked(&c->va));
}
