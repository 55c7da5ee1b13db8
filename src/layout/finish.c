/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From statements to a layout that can be asked: `from` is taken over, sizes
 * and ranges are checked, the names of fields.def are looked up once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "layout/parser.h"

static int compare_refs(const void *a, const void *b)
{
	const struct name_ref *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name ? by_name : (x->index > y->index) - (x->index < y->index);
}

static enum fs_status index_types(struct parser *p)
{
	struct layout *l = p->l;

	l->by_name = arena_alloc(&l->mem, (l->types.n + 1) * sizeof(*l->by_name));
	if (!l->by_name)
		return layout_no_memory(p);
	for (size_t i = 0; i < l->types.n; i++)
		l->by_name[i] = (struct name_ref){l->types.v[i].name, i};
	qsort(l->by_name, l->types.n, sizeof(*l->by_name), compare_refs);
	l->indexed = l->types.n;
	for (size_t i = 1; i < l->types.n; i++) {
		if (strcmp(l->by_name[i - 1].name, l->by_name[i].name) == 0)
			return layout_fail_at(p, l->types.v[l->by_name[i].index].line,
					      "type %.60s was declared in line %u",
					      l->by_name[i].name,
					      l->types.v[l->by_name[i - 1].index].line);
	}
	return FS_OK;
}

/* Is one of the fields of this type there twice? `refs` has room for all. */
static enum fs_status check_names(struct parser *p, const struct ltype *t, struct name_ref *refs)
{
	const struct lfield *f = &p->l->fields.v[t->first];

	for (size_t i = 0; i < t->n; i++)
		refs[i] = (struct name_ref){f[i].name, i};
	qsort(refs, t->n, sizeof(*refs), compare_refs);
	for (size_t i = 1; i < t->n; i++) {
		if (strcmp(refs[i - 1].name, refs[i].name) == 0)
			return layout_fail_at(p, f[refs[i].index].line,
					      "%.60s.%.60s was declared in line %u", t->name,
					      refs[i].name, f[refs[i - 1].index].line);
	}
	return FS_OK;
}

static enum fs_status check_ranges(struct parser *p, const struct ltype *t)
{
	struct layout *l = p->l;

	for (size_t i = 0; i < t->n; i++) {
		struct lfield *f = &l->fields.v[t->first + i];

		if (!layout_parse_type(l, f->type, &f->size))
			return layout_fail_at(p, f->line, "%.60s.%.60s: %.60s is too large",
					      t->name, f->name, f->type);
		if (t->size && !range_ok(f->offset, f->size, t->size))
			return layout_fail_at(
				p, f->line,
				"%.60s.%.60s: 0x%x bytes at 0x%x end outside the 0x%x bytes of "
				"the type",
				t->name, f->name, f->size, f->offset, t->size);
	}
	for (size_t i = 0; i < t->overlays; i++) {
		struct layout_overlay o = l->overlays.v[t->first_overlay + i];

		if (t->size && !range_ok(o.offset, o.size, t->size))
			return layout_fail_at(p, t->line,
					      "%.60s: overlay 0x%x bytes at 0x%x ends outside it",
					      t->name, o.size, o.offset);
	}
	return FS_OK;
}

static enum fs_status check_types(struct parser *p)
{
	struct layout *l = p->l;
	struct name_ref *refs = malloc((l->fields.n + 1) * sizeof(*refs));
	enum fs_status st = refs ? FS_OK : layout_no_memory(p);

	for (size_t i = 0; st == FS_OK && i < l->types.n; i++) {
		st = check_names(p, &l->types.v[i], refs);
		if (st == FS_OK)
			st = check_ranges(p, &l->types.v[i]);
	}
	free(refs);
	return st;
}

static bool copy_type(struct layout *l, const struct layout *o, const struct ltype *from)
{
	struct ltype *t = vec_push(&l->types);

	if (!t)
		return false;
	*t = *from;
	t->name = arena_strdup(&l->mem, from->name);
	t->first = l->fields.n;
	t->first_overlay = l->overlays.n;
	for (size_t i = 0; i < from->n; i++) {
		const struct lfield *src = &o->fields.v[from->first + i];
		struct lfield *f = vec_push(&l->fields);

		if (!f)
			return false;
		*f = *src;
		f->origin = FO_INFERRED;
		f->name = arena_strdup(&l->mem, src->name);
		f->type = arena_strdup(&l->mem, src->type);
		f->element = src->element ? arena_strdup(&l->mem, src->element) : NULL;
		if (!f->name || !f->type || (src->element && !f->element))
			return false;
	}
	for (size_t i = 0; i < from->overlays; i++) {
		struct layout_overlay *v = vec_push(&l->overlays);

		if (!v)
			return false;
		*v = o->overlays.v[from->first_overlay + i];
	}
	return t->name != NULL;
}

static bool copy_enum(struct layout *l, const struct layout *o, const struct lenum *from)
{
	struct lenum *e = vec_push(&l->enums);

	if (!e)
		return false;
	*e = *from;
	e->name = arena_strdup(&l->mem, from->name);
	e->prefix = arena_strdup(&l->mem, from->prefix);
	e->first = l->values.n;
	for (size_t i = 0; i < from->n; i++) {
		struct lvalue *v = vec_push(&l->values);

		if (!v)
			return false;
		v->value = o->values.v[from->first + i].value;
		v->name = arena_strdup(&l->mem, o->values.v[from->first + i].name);
		if (!v->name)
			return false;
	}
	return e->name && e->prefix;
}

static bool has_enum(const struct layout *l, const char *name)
{
	for (size_t i = 0; i < l->enums.n; i++) {
		if (strcmp(l->enums.v[i].name, name) == 0)
			return true;
	}
	return false;
}

/* What is not said here is taken over, as inferred: types and enums only. Never
 * images, symbols, facts or absences, which are statements about that build. */
static enum fs_status take_over(struct parser *p, const struct layout *o)
{
	struct layout *l = p->l;

	if (o->module != l->module || o->machine != l->machine)
		return layout_fail_at(p, p->from_line,
				      "from %.80s: it is of another module or machine", p->from);
	if (l->types.n + o->types.n > LAYOUT_TYPES_MAX ||
	    l->fields.n + o->fields.n > LAYOUT_FIELDS_MAX ||
	    l->values.n + o->values.n > LAYOUT_OTHERS_MAX ||
	    l->overlays.n + o->overlays.n > LAYOUT_OTHERS_MAX)
		return layout_fail_at(p, p->from_line,
				      "from %.80s: more types or fields than are kept", p->from);
	for (size_t i = 0; i < o->types.n; i++) {
		size_t own;

		/* the index is of the own types, which come first */
		if (!layout_find_type(l, o->types.v[i].name, &own) &&
		    !copy_type(l, o, &o->types.v[i]))
			return layout_no_memory(p);
	}
	for (size_t i = 0; i < o->enums.n; i++) {
		if (!has_enum(l, o->enums.v[i].name) && !copy_enum(l, o, &o->enums.v[i]))
			return layout_no_memory(p);
	}
	return FS_OK;
}

static enum fs_status resolve_from(struct parser *p)
{
	struct layout *other = NULL;
	enum fs_status st;
	const char *text;
	size_t len = 0;

	if (p->depth >= LAYOUT_FROM_MAX)
		return layout_fail_at(p, p->from_line,
				      "from %.80s: more than %d layouts deep, or in a circle",
				      p->from, LAYOUT_FROM_MAX);
	text = p->source ? p->source(p->arg, p->from, &len) : NULL;
	if (!text)
		return layout_fail_at(p, p->from_line,
				      "from %.80s: there is no layout of that name", p->from);
	st = layout_parse_depth(p->from, text, len, p->depth + 1, p->source, p->arg, &other,
				p->err);
	if (st != FS_OK)
		return fs_prepend(p->err, st, "%.100s:%u", p->name, p->from_line);
	st = take_over(p, other);
	layout_free(other);
	return st;
}

/* Turn names into the arrays that layout_field() reads. */
static enum fs_status resolve_fields(struct parser *p)
{
	struct layout *l = p->l;

	for (unsigned i = 0; i < T_COUNT; i++) {
		size_t t;

		if (layout_find_type(l, type_name((enum type_id)i), &t))
			l->type_size[i] = l->types.v[t].size;
	}
	for (unsigned i = 0; i < F_COUNT; i++) {
		const struct field_decl *d = field_decl((enum field_id)i);
		const struct lfield *f = NULL;
		size_t t;

		if (layout_find_type(l, d->type_name, &t))
			f = layout_lookup(l, t, d->name, strlen(d->name));
		if (f)
			l->known[i] = (struct layout_field){f->offset, f->size, f->origin};
		l->has[i] = f != NULL;
	}
	for (size_t m = 0; m < l->missing.n; m++) {
		const struct lmissing *x = &l->missing.v[m];
		size_t t;

		if (layout_find_type(l, x->type, &t) &&
		    layout_lookup(l, t, x->field, strlen(x->field)))
			return layout_fail_at(p, x->line, "%.60s.%.60s is both there and missing",
					      x->type, x->field);
		for (unsigned i = 0; i < F_COUNT; i++) {
			const struct field_decl *d = field_decl((enum field_id)i);

			if (strcmp(d->type_name, x->type) == 0 && strcmp(d->name, x->field) == 0)
				*(x->known_absent ? &l->absent[i] : &l->unknown[i]) = true;
		}
	}
	return FS_OK;
}

/* "pdb-layouts/fltmgr/19041-x64.layout" is "fltmgr-19041-x64". */
static char *make_id(struct layout *l, const char *name)
{
	const char *base = strrchr(name, '/');
	const char *dir = l->module == LM_NT ? "nt" : "fltmgr";
	size_t len;

	base = base ? base + 1 : name;
	len = strlen(base);
	if (len > 7 && strcmp(base + len - 7, ".layout") == 0)
		len -= 7;
	return arena_printf(&l->mem, "%s-%.*s", dir, (int)(len < 200 ? len : 200), base);
}

enum fs_status layout_finish(struct parser *p)
{
	enum fs_status st = index_types(p);

	if (st == FS_OK && p->from)
		st = resolve_from(p);
	if (st == FS_OK && p->from)
		st = index_types(p);
	if (st == FS_OK)
		st = check_types(p);
	if (st == FS_OK)
		st = resolve_fields(p);
	if (st != FS_OK)
		return st;
	if (!p->l->provenance)
		p->l->provenance = "";
	p->l->id = make_id(p->l, p->name);
	return p->l->id ? FS_OK : layout_no_memory(p);
}
