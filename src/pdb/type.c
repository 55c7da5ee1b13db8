/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types by index and by name: modifiers looked through, forward references
 * followed to the definition of that name, results remembered.
 */
#include <stdlib.h>
#include <string.h>

#include "pdb/impl.h"

enum {
	MODIFIERS_MAX = 16, /* const of volatile of ...: real chains have one */
	DEPTH_MAX = 16,	    /* dimensions of an array, and what a bit field lies in */
};

static enum fs_status describe(struct pdb *p, uint32_t index, bool follow, unsigned depth,
			       struct pdb_type *ret, struct fs_error *err);

/* A name that the compiler made up, or one inside another type. */
static bool made_up(const char *name)
{
	return strchr(name, '<') || strchr(name, ':') || strchr(name, '`') || !*name ||
	       strncmp(name, "__unnamed", 9) == 0;
}

static enum fs_status keep_name(struct pdb *p, const char *name, const char **ret,
				struct fs_error *err)
{
	*ret = *name ? arena_strdup(&p->mem, name) : "";
	return *ret ? FS_OK : fs_fail(err, FS_NO_MEMORY, "%s: out of memory", p->name);
}

static enum fs_status from_udt(struct pdb *p, uint32_t index, const struct leaf_udt *u,
			       unsigned depth, struct pdb_type *ret, struct fs_error *err)
{
	struct pdb_type t = {.index = index, .kind = u->kind, .size = u->size, .fields = u->fields};
	struct pdb_type below;
	enum fs_status st;

	t.forward = (u->prop & PROP_FORWARD) != 0;
	t.unnamed = made_up(u->name);
	if (u->kind == PDB_ENUM) {
		t.target = u->below;
		/* an enum that is only declared has no integer below it */
		if (!t.forward || u->below) {
			st = describe(p, u->below, false, depth + 1, &below, err);
			if (st)
				return st;
			t.size = below.size;
			t.is_signed = below.is_signed;
		}
	}
	if (t.forward)
		t.size = 0;
	st = keep_name(p, u->name, &t.name, err);
	if (!st)
		*ret = t;
	return st;
}

/* Search for a definition: candidates of a hash bucket are looked at one by one. */
struct search {
	struct pdb *p;
	const char *name, *unique; /* unique may be NULL */
	bool any;		   /* any kind will do */
	bool need_exact;	   /* of the compiler's own names only the unique one says which */
	enum pdb_kind kind;	   /* unless any */
	bool found, exact, ambiguous;
	uint32_t index;
	uint64_t size;
	enum fs_status st;
	struct fs_error *err;
};

static bool candidate(void *arg, uint32_t index)
{
	struct search *s = arg;
	struct type_record r;
	struct leaf_udt u;
	bool exact;

	s->st = tpi_record(s->p, index, &r, s->err);
	if (s->st)
		return false;
	if (!leaf_is_udt(r.kind) || leaf_udt(&r, &u, NULL) != FS_OK || (u.prop & PROP_FORWARD) ||
	    strcmp(u.name, s->name) != 0 || (!s->any && u.kind != s->kind)) {
		type_record_free(&r);
		return true;
	}
	exact = s->unique && u.unique && strcmp(u.unique, s->unique) == 0;
	if (s->need_exact && !exact) {
		type_record_free(&r);
		return true;
	}
	if (s->found && u.size != s->size && exact == s->exact)
		s->ambiguous = true;
	if (!s->found || (exact && !s->exact)) {
		if (s->found)
			s->ambiguous = false;
		s->found = true;
		s->exact = exact;
		s->index = index;
		s->size = u.size;
	}
	type_record_free(&r);
	return true;
}

/* A definition inside another type hashes by its unique name. */
static enum fs_status search(struct search *s)
{
	enum fs_status st = tpi_candidates(s->p, s->name, false, candidate, s, s->err);

	if (!st && !s->st && !s->found && s->unique)
		st = tpi_candidates(s->p, s->unique, false, candidate, s, s->err);
	if (!st && !s->st && !s->found)
		st = tpi_candidates(s->p, s->name, true, candidate, s, s->err);
	return st ? st : s->st;
}

static enum fs_status follow_forward(struct pdb *p, const struct leaf_udt *u, unsigned depth,
				     struct pdb_type *ret, bool *ret_found, struct fs_error *err)
{
	struct search s = {.p = p,
			   .name = u->name,
			   .unique = u->unique,
			   .kind = u->kind,
			   .need_exact = strchr(u->name, '<') != NULL,
			   .err = err};
	enum fs_status st = search(&s);

	*ret_found = s.found;
	if (st || !s.found)
		return st;
	st = describe(p, s.index, false, depth + 1, ret, err);
	ret->ambiguous = s.ambiguous;
	return st;
}

static enum fs_status describe_udt(struct pdb *p, struct type_record *r, bool follow,
				   unsigned depth, struct pdb_type *ret, struct fs_error *err)
{
	struct leaf_udt u;
	bool found = false;
	enum fs_status st = leaf_udt(r, &u, err);

	if (st)
		return st;
	if (follow && (u.prop & PROP_FORWARD)) {
		st = follow_forward(p, &u, depth, ret, &found, err);
		if (st || found)
			return st;
	}
	return from_udt(p, r->index, &u, depth, ret, err);
}

/* Pointer attributes: bits 0 to 4 the kind, 13 to 18 the size in bytes, which
 * older compilers leave 0. */
static enum fs_status describe_pointer(struct pdb *p, struct type_record *r, struct pdb_type *t,
				       struct fs_error *err)
{
	uint32_t attributes;
	enum fs_status st = cursor_u32(&r->c, &t->target, err);

	if (!st)
		st = cursor_u32(&r->c, &attributes, err);
	if (st)
		return st;
	t->kind = PDB_POINTER;
	t->size = attributes >> 13 & 0x3f;
	if (t->size == 0)
		t->size = (attributes & 0x1f) == 0x0c	? 8
			  : (attributes & 0x1f) == 0x0a ? 4
							: pointer_size(p);
	return FS_OK;
}

static enum fs_status describe_array(struct pdb *p, struct type_record *r, bool follow,
				     unsigned depth, struct pdb_type *t, struct fs_error *err)
{
	struct pdb_type element;
	bool negative;
	enum fs_status st = cursor_u32(&r->c, &t->target, err);

	if (!st)
		st = cursor_skip(&r->c, 4, err); /* type of the index */
	if (!st)
		st = leaf_numeric(&r->c, &t->size, &negative, err);
	if (!st && (negative || t->size > UINT32_MAX))
		st = fs_fail(err, FS_CORRUPT, "%s: array type 0x%x has 0x%llx bytes", p->name,
			     r->index, (unsigned long long)t->size);
	if (!st)
		st = describe(p, t->target, follow, depth + 1, &element, err);
	if (st)
		return st;
	t->kind = PDB_ARRAY;
	t->count = element.size ? t->size / element.size : 0;
	return FS_OK;
}

static enum fs_status describe_bits(struct pdb *p, struct type_record *r, unsigned depth,
				    struct pdb_type *t, struct fs_error *err)
{
	struct pdb_type below;
	enum fs_status st = cursor_u32(&r->c, &t->target, err);

	if (!st)
		st = cursor_u8(&r->c, &t->bit_len, err);
	if (!st)
		st = cursor_u8(&r->c, &t->bit_pos, err);
	if (!st)
		st = describe(p, t->target, true, depth + 1, &below, err);
	if (st)
		return st;
	if (t->bit_len == 0 || t->bit_len + t->bit_pos > 8 * below.size)
		return fs_fail(err, FS_CORRUPT,
			       "%s: bit field type 0x%x: %u bits at bit %u of %u bytes", p->name,
			       r->index, t->bit_len, t->bit_pos, (unsigned)below.size);
	t->kind = PDB_BITFIELD;
	t->size = below.size;
	t->is_signed = below.is_signed;
	return FS_OK;
}

static enum fs_status describe_record(struct pdb *p, struct type_record *r, bool follow,
				      unsigned depth, struct pdb_type *ret, struct fs_error *err)
{
	struct pdb_type t = {.index = r->index, .name = "", .kind = PDB_OTHER};
	enum fs_status st = FS_OK;

	if (leaf_is_udt(r->kind))
		return describe_udt(p, r, follow, depth, ret, err);
	switch (r->kind) {
	case LF_POINTER:
		st = describe_pointer(p, r, &t, err);
		break;
	case LF_ARRAY:
		st = describe_array(p, r, follow, depth, &t, err);
		break;
	case LF_BITFIELD:
		st = describe_bits(p, r, depth, &t, err);
		break;
	case LF_PROCEDURE:
	case LF_MFUNCTION:
		t.kind = PDB_FUNCTION;
		break;
	default:
		st = leaf_refuse_old(p, r->kind, err);
	}
	if (!st)
		*ret = t;
	return st;
}

static enum fs_status describe(struct pdb *p, uint32_t index, bool follow, unsigned depth,
			       struct pdb_type *ret, struct fs_error *err)
{
	struct type_record r = {0};
	enum fs_status st;

	if (depth > DEPTH_MAX)
		return fs_fail(err, FS_CORRUPT, "%s: type 0x%x: nested more than %d deep", p->name,
			       index, DEPTH_MAX);
	for (unsigned i = 0; i < MODIFIERS_MAX; i++) {
		if (index < 0x1000) {
			if (leaf_builtin(index, pointer_size(p), ret))
				return FS_OK;
			return fs_fail(err, FS_UNSUPPORTED,
				       "%s: built-in type 0x%x is not one that is known", p->name,
				       index);
		}
		st = tpi_record(p, index, &r, err);
		if (st)
			return st;
		if (r.kind != LF_MODIFIER) {
			st = describe_record(p, &r, follow, depth, ret, err);
			type_record_free(&r);
			return st;
		}
		st = cursor_u32(&r.c, &index, err);
		type_record_free(&r);
		if (st)
			return st;
	}
	return fs_fail(err, FS_CORRUPT, "%s: type 0x%x: more than %d modifiers on one another",
		       p->name, index, MODIFIERS_MAX);
}

/* Room for one more at three quarters full; a table that cannot grow just
 * remembers no more. */
static bool types_room(struct pdb *p)
{
	size_t cap = p->types_cap ? p->types_cap * 2 : 256;
	struct known_type *v;

	if (p->types_n * 4 < p->types_cap * 3)
		return true;
	v = calloc(cap, sizeof(*v));
	if (!v)
		return false;
	for (size_t i = 0; i < p->types_cap; i++) {
		size_t at = slot_of(p->types[i].index, cap);

		if (!p->types[i].index)
			continue;
		while (v[at].index)
			at = (at + 1) & (cap - 1);
		v[at] = p->types[i];
	}
	free(p->types);
	p->types = v;
	p->types_cap = cap;
	return true;
}

static const struct pdb_type *known(const struct pdb *p, uint32_t index)
{
	size_t at;

	if (!p->types_cap)
		return NULL;
	at = slot_of(index, p->types_cap);
	for (; p->types[at].index; at = (at + 1) & (p->types_cap - 1)) {
		if (p->types[at].index == index)
			return &p->types[at].type;
	}
	return NULL;
}

static void remember(struct pdb *p, uint32_t index, const struct pdb_type *t)
{
	size_t at;

	if (known(p, index) || !types_room(p))
		return;
	at = slot_of(index, p->types_cap);
	while (p->types[at].index)
		at = (at + 1) & (p->types_cap - 1);
	p->types[at] = (struct known_type){index, *t};
	p->types_n++;
}

enum fs_status pdb_type(struct pdb *p, uint32_t index, struct pdb_type *ret, struct fs_error *err)
{
	const struct pdb_type *k = index >= 0x1000 ? known(p, index) : NULL;
	struct pdb_type t;
	enum fs_status st;

	if (k) {
		*ret = *k;
		return FS_OK;
	}
	st = describe(p, index, true, 0, &t, err);
	if (st)
		return st;
	if (index >= 0x1000)
		remember(p, index, &t);
	*ret = t;
	return FS_OK;
}

enum fs_status pdb_type_declared(struct pdb *p, uint32_t index, struct pdb_type *ret,
				 struct fs_error *err)
{
	const struct pdb_type *k = index >= 0x1000 ? known(p, index) : NULL;

	if (k && k->index == index) { /* not one that was followed elsewhere */
		*ret = *k;
		return FS_OK;
	}
	return describe(p, index, false, 0, ret, err);
}

enum fs_status pdb_find_type(struct pdb *p, const char *name, struct pdb_type *ret,
			     struct fs_error *err)
{
	struct search s = {.p = p, .name = name, .any = true, .err = err};
	struct pdb_type t;
	enum fs_status st = pdb_has_types(p, err);

	if (!st)
		st = search(&s);
	if (st)
		return st;
	if (!s.found)
		return fs_fail(err, FS_NOT_FOUND, "%s: no definition of a type named \"%.100s\"",
			       p->name, name);
	st = pdb_type(p, s.index, &t, err);
	if (st)
		return st;
	t.ambiguous = s.ambiguous;
	*ret = t;
	return FS_OK;
}

enum fs_status pdb_types(struct pdb *p, pdb_type_cb cb, void *arg, struct fs_error *err)
{
	struct tpi *t = &p->tpi;
	struct record_reader r;
	uint32_t index;
	bool more = true;
	enum fs_status st = pdb_has_types(p, err);

	if (st)
		return st;
	index = t->begin;
	st = records_init(&r, p, STREAM_TPI, t->first_at, t->first_at + t->bytes, "type records",
			  err);
	for (; !st && more && records_next(&r, &st, err); index++) {
		struct type_record rec = {.index = index, .kind = r.kind};
		struct leaf_udt u;
		struct pdb_type type;

		if (!leaf_is_udt(r.kind))
			continue;
		cursor_init(&rec.c, r.data, r.len, r.here + 4, "type record");
		if (leaf_udt(&rec, &u, NULL) != FS_OK || (u.prop & PROP_FORWARD))
			continue;
		type = (struct pdb_type){.index = index,
					 .kind = u.kind,
					 .name = u.name,
					 .size = u.size,
					 .fields = u.fields,
					 .target = u.below,
					 .unnamed = made_up(u.name)};
		more = cb(arg, &type);
	}
	records_done(&r);
	return st;
}
