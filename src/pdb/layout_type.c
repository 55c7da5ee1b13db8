/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One struct or union in the grammar of layouts (layout/layout.h).
 *
 * Members of unnamed aggregates that have no name of their own go one level up, as
 * C has it and as Microsoft's compiler writes them; where they then overlap, an
 * `overlay` line says that this is no mistake. A named member of unnamed type is
 * `struct{SIZE}` or `union{SIZE}` and its members follow with its name before them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdb/layout_write.h"

enum {
	DEPTH_MAX = 8,	      /* unnamed in unnamed */
	VISITS_MAX = 1 << 18, /* members looked at for one type */
	TYPE_TEXT = 300,
	PATH_TEXT = 600,
	POINTERS_MAX = 4, /* ptr:ptr:… */
};

static const uint32_t no_parent = UINT32_MAX;

struct flat {
	uint32_t offset;     /* bytes from the start of the type */
	uint64_t begin, end; /* the same in bits */
	uint32_t parent;     /* the named aggregate it is in */
	uint32_t seq;
	bool is_union; /* a named union of unnamed type: its members may overlap */
	char *name, *type;
	const char *note; /* may be NULL */
};

struct flatten {
	struct layout_writer *w;
	struct arena mem;
	VEC(struct flat) v;
	unsigned visits;
};

static enum fs_status fail_memory(struct layout_writer *w)
{
	return fs_fail(w->err, FS_NO_MEMORY, "%s: out of memory for the layout", w->p->name);
}

/* What the type of a member looks like in the text. */
struct spelling {
	char text[TYPE_TEXT]; /* "" when the grammar has no word for it */
	uint64_t count;	      /* elements, 1 when it is no array */
	bool is_array;
	bool inside; /* an unnamed aggregate: its members follow */
	const char *note;
};

static void spell_scalar(struct spelling *s, uint64_t size, bool is_signed)
{
	switch (size) {
	case 1:
	case 2:
	case 4:
	case 8:
		snprintf(s->text, sizeof(s->text), "%c%u", is_signed ? 'i' : 'u',
			 (unsigned)size * 8);
		break;
	case 0:
		break;
	default: /* 128 bits, 80-bit floats */
		snprintf(s->text, sizeof(s->text), "u8");
		s->count *= size;
		s->is_array = true;
	}
}

/* ptr, fptr, ptr:u16, ptr:_NAME, ptr:ptr:_NAME */
static enum fs_status spell_pointer(struct layout_writer *w, const struct pdb_type *t,
				    struct spelling *s)
{
	struct pdb_type to = *t;
	size_t n = 0;

	if (t->size != pointer_size(w->p)) { /* __ptr32 in a 64-bit program */
		spell_scalar(s, t->size, false);
		s->note = "a pointer of another size";
		return FS_OK;
	}
	for (unsigned i = 0; i < POINTERS_MAX; i++) {
		enum fs_status st = pdb_type_declared(w->p, to.target, &to, w->err);

		if (st)
			return st;
		if (to.kind == PDB_FUNCTION) {
			n += (size_t)snprintf(s->text + n, sizeof(s->text) - n, "fptr");
			return FS_OK;
		}
		n += (size_t)snprintf(s->text + n, sizeof(s->text) - n, "ptr");
		if (to.kind != PDB_POINTER)
			break;
		s->text[n++] = ':';
		s->text[n] = '\0';
	}
	if (to.kind == PDB_INT && to.size <= 8)
		snprintf(s->text + n, sizeof(s->text) - n, ":%c%u", to.is_signed ? 'i' : 'u',
			 (unsigned)to.size * 8);
	else if (lw_is_name(to.name) && !to.unnamed)
		snprintf(s->text + n, sizeof(s->text) - n, ":%s", to.name);
	else if (s->text[n - 1] == ':')
		snprintf(s->text + n, sizeof(s->text) - n, "ptr");
	return FS_OK;
}

static enum fs_status spell_enum(struct layout_writer *w, const struct pdb_type *t,
				 struct spelling *s)
{
	/* the grammar's enums are the compiler's usual ones of 4 bytes */
	if (t->size != 4 || t->unnamed || !lw_is_name(t->name)) {
		spell_scalar(s, t->size, t->is_signed);
		if (!t->unnamed && lw_is_name(t->name))
			s->note = t->name;
		return FS_OK;
	}
	snprintf(s->text, sizeof(s->text), "enum:%s", t->name);
	return lw_want(w, t);
}

static enum fs_status spell_aggregate(struct layout_writer *w, const struct pdb_type *t,
				      struct spelling *s)
{
	if (t->forward || t->size == 0)
		return FS_OK;
	if (!t->unnamed && lw_is_name(t->name)) {
		snprintf(s->text, sizeof(s->text), "%s", t->name);
		return lw_want(w, t);
	}
	snprintf(s->text, sizeof(s->text), "%s{0x%" PRIx64 "}",
		 t->kind == PDB_UNION ? "union" : "struct", t->size);
	s->inside = true;
	return FS_OK;
}

static enum fs_status spell(struct layout_writer *w, const struct pdb_type *type,
			    struct spelling *s)
{
	struct pdb_type t = *type;

	*s = (struct spelling){.count = 1};
	while (t.kind == PDB_ARRAY) { /* as deep as pdb_type() let it be */
		enum fs_status st;

		s->is_array = true;
		if (__builtin_mul_overflow(s->count, t.count, &s->count))
			return fs_fail(w->err, FS_CORRUPT, "%s: an array of too many elements",
				       w->p->name);
		st = pdb_type(w->p, t.target, &t, w->err);
		if (st)
			return st;
		if (t.kind == PDB_ARRAY)
			s->note = "of more dimensions than one";
	}
	switch (t.kind) {
	case PDB_INT:
		spell_scalar(s, t.size, t.is_signed);
		break;
	case PDB_FLOAT:
		spell_scalar(s, t.size, false);
		s->note = "floating point";
		break;
	case PDB_POINTER:
		return spell_pointer(w, &t, s);
	case PDB_ENUM:
		return spell_enum(w, &t, s);
	case PDB_STRUCT:
	case PDB_UNION:
		return spell_aggregate(w, &t, s);
	case PDB_BITFIELD:
		snprintf(s->text, sizeof(s->text), "bits:%u@%u", t.bit_len, t.bit_pos);
		break;
	default:
		break;
	}
	return FS_OK;
}

static enum fs_status add_field(struct flatten *f, const struct pdb_type *t, const char *path,
				uint64_t offset, uint32_t parent, const struct spelling *s)
{
	struct flat *v;

	if (f->w->fields + f->v.n >= LAYOUT_FIELDS_MAX)
		return fs_fail(f->w->err, FS_LIMIT, "%s: more than %d fields for one layout",
			       f->w->p->name, LAYOUT_FIELDS_MAX);
	v = vec_push(&f->v);
	if (!v)
		return fail_memory(f->w);
	v->offset = (uint32_t)offset;
	v->begin = offset * 8 + (t->kind == PDB_BITFIELD ? t->bit_pos : 0);
	v->end = t->kind == PDB_BITFIELD ? v->begin + t->bit_len : v->begin + t->size * 8;
	v->parent = parent;
	v->seq = (uint32_t)f->v.n;
	v->is_union = s->inside && t->kind == PDB_UNION;
	v->note = s->note;
	v->name = arena_strdup(&f->mem, path);
	v->type = s->is_array ? arena_printf(&f->mem, "%s[%" PRIu64 "]", s->text, s->count)
			      : arena_strdup(&f->mem, s->text);
	return v->name && v->type ? FS_OK : fail_memory(f->w);
}

static enum fs_status flatten(struct flatten *f, const struct pdb_type *t, uint64_t base,
			      const char *prefix, uint32_t parent, unsigned depth);

static enum fs_status flatten_member(struct flatten *f, const struct pdb_member *m, uint64_t base,
				     const char *prefix, uint32_t parent, unsigned depth)
{
	struct layout_writer *w = f->w;
	uint64_t offset = base + m->offset;
	char path[PATH_TEXT];
	struct pdb_type t;
	struct spelling s;
	enum fs_status st = pdb_type(w->p, m->type, &t, w->err);

	if (st)
		return st;
	if (!*m->name) { /* its members are members of this one */
		if (t.kind != PDB_STRUCT && t.kind != PDB_UNION)
			return FS_OK;
		return flatten(f, &t, offset, prefix, parent, depth + 1);
	}
	st = spell(w, &t, &s);
	if (st)
		return st;
	if (offset > UINT32_MAX)
		return fs_fail(w->err, FS_CORRUPT, "%s: %s%.80s at offset 0x%" PRIx64, w->p->name,
			       prefix, m->name, offset);
	if (!*s.text || !lw_is_name(m->name) ||
	    (size_t)snprintf(path, sizeof(path), "%s%s", prefix, m->name) >= sizeof(path))
		return lw_put(
			w, "  # left out: a member at 0x%" PRIx64 " that this grammar cannot say\n",
			offset);
	st = add_field(f, &t, path, offset, parent, &s);
	if (st || !s.inside || s.is_array)
		return st;
	if ((size_t)snprintf(path, sizeof(path), "%s%s.", prefix, m->name) >= sizeof(path))
		return fs_fail(w->err, FS_LIMIT, "%s: the path to %s%.80s is too long", w->p->name,
			       prefix, m->name);
	return flatten(f, &t, offset, path, (uint32_t)(f->v.n - 1), depth + 1);
}

static enum fs_status flatten(struct flatten *f, const struct pdb_type *t, uint64_t base,
			      const char *prefix, uint32_t parent, unsigned depth)
{
	const struct pdb_member *m;
	size_t n;
	enum fs_status st = pdb_members(f->w->p, t, &m, &n, f->w->err);

	if (!st && depth > DEPTH_MAX)
		return fs_fail(f->w->err, FS_LIMIT, "%s: unnamed types nested more than %d deep",
			       f->w->p->name, DEPTH_MAX);
	for (size_t i = 0; !st && i < n; i++) {
		if (++f->visits > VISITS_MAX)
			return fs_fail(f->w->err, FS_LIMIT, "%s: more than %d members in one type",
				       f->w->p->name, VISITS_MAX);
		st = flatten_member(f, &m[i], base, prefix, parent, depth);
	}
	return st;
}

/* Siblings together, by place; those of no parent last. */
static int by_begin(const void *a, const void *b)
{
	const struct flat *x = *(const struct flat *const *)a, *y = *(const struct flat *const *)b;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static int by_offset(const void *a, const void *b)
{
	const struct flat *x = *(const struct flat *const *)a, *y = *(const struct flat *const *)b;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

struct overlay {
	uint64_t offset, size;
};

static int by_place(const void *a, const void *b)
{
	const struct overlay *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->size > y->size) - (x->size < y->size);
}

/* Runs of overlapping siblings, unless they are a union's by name. */
static size_t find_overlays(const struct flatten *f, struct flat *const *v, bool top_union,
			    struct overlay *o)
{
	size_t found = 0, n = f->v.n;

	for (size_t i = 0; i < n;) {
		uint64_t end = v[i]->end;
		size_t j = i + 1, hits = 0;

		for (; j < n && v[j]->parent == v[i]->parent && v[j]->begin < end; j++) {
			hits += v[j]->end > v[j]->begin;
			end = v[j]->end > end ? v[j]->end : end;
		}
		if (hits && v[i]->end > v[i]->begin &&
		    !(v[i]->parent == no_parent ? top_union : f->v.v[v[i]->parent].is_union))
			o[found++] =
				(struct overlay){v[i]->begin / 8, (end + 7) / 8 - v[i]->begin / 8};
		i = j;
	}
	qsort(o, found, sizeof(*o), by_place);
	return found;
}

static enum fs_status put_overlays(struct flatten *f, struct flat **v, bool top_union)
{
	struct overlay *o = calloc(f->v.n + 1, sizeof(*o));
	size_t n;
	enum fs_status st = FS_OK;

	if (!o)
		return fail_memory(f->w);
	qsort(v, f->v.n, sizeof(struct flat *), by_begin);
	n = find_overlays(f, v, top_union, o);
	for (size_t i = 0; !st && i < n; i++) {
		if (i == 0 || by_place(&o[i], &o[i - 1]) != 0)
			st = lw_put(f->w, "  overlay 0x%" PRIx64 " 0x%" PRIx64 "\n", o[i].offset,
				    o[i].size);
	}
	free(o);
	return st;
}

/* Siblings from `first` on, each followed by what is inside it. */
static enum fs_status put_fields(struct flatten *f, struct flat **v, size_t first, unsigned depth)
{
	enum fs_status st = FS_OK;

	for (size_t i = first; !st && i < f->v.n && v[i]->parent == v[first]->parent; i++) {
		uint32_t self = v[i]->seq - 1;
		size_t lo = 0, hi = f->v.n;

		st = lw_put(f->w, "  field 0x%x %s %s%s%s\n", v[i]->offset, v[i]->type, v[i]->name,
			    v[i]->note ? " # " : "", v[i]->note ? v[i]->note : "");
		while (lo < hi) { /* the first of its members */
			size_t mid = lo + (hi - lo) / 2;

			if (v[mid]->parent < self)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (!st && lo < f->v.n && v[lo]->parent == self && depth <= DEPTH_MAX)
			st = put_fields(f, v, lo, depth + 1);
	}
	return st;
}

static size_t first_top(struct flat *const *v, size_t n)
{
	size_t i = n;

	while (i > 0 && v[i - 1]->parent == no_parent)
		i--;
	return i;
}

enum fs_status lw_type(struct layout_writer *w, const struct pdb_type *t)
{
	struct flatten f = {.w = w};
	struct flat **v = NULL;
	enum fs_status st;

	st = lw_put(w, "\n%s %s 0x%" PRIx64 "%s\n", t->kind == PDB_UNION ? "union" : "type",
		    t->name, t->size,
		    t->ambiguous ? " # another definition of this name differs" : "");
	if (!st)
		st = flatten(&f, t, 0, "", no_parent, 0);
	if (!st) {
		v = calloc(f.v.n + 1, sizeof(struct flat *));
		if (!v)
			st = fail_memory(w);
	}
	for (size_t i = 0; !st && i < f.v.n; i++)
		v[i] = &f.v.v[i];
	if (!st && f.v.n)
		st = put_overlays(&f, v, t->kind == PDB_UNION);
	if (!st && f.v.n) {
		qsort(v, f.v.n, sizeof(struct flat *), by_offset);
		st = put_fields(&f, v, first_top(v, f.v.n), 0);
	}
	w->fields += f.v.n;
	free(v);
	vec_free(&f.v);
	arena_deinit(&f.mem);
	return st;
}
