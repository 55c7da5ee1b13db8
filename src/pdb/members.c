/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Field lists: members and enumerators. Layouts of the entries: LLVM's "CodeView
 * Type Records" (LF_FIELDLIST) and cvinfo.h of microsoft-pdb. A list longer than a
 * record goes on in another one (LF_INDEX).
 */
#include <stdlib.h>
#include <string.h>

#include "pdb/impl.h"

enum {
	MEMBERS_MAX = 1 << 17, /* more than any compiler takes */
};

struct list {
	struct pdb *p;
	bool values;
	VEC(struct pdb_member) members;
	VEC(struct pdb_value) enumerators;
	uint32_t next;	/* where the list goes on, 0 nowhere */
	uint64_t bytes; /* of the records read: more than all there are is a circle */
	struct fs_error *err;
};

static enum fs_status no_memory(struct list *l)
{
	return fs_fail(l->err, FS_NO_MEMORY, "%s: out of memory", l->p->name);
}

static enum fs_status add_member(struct list *l, const char *name, uint32_t type, uint64_t offset,
				 bool is_base)
{
	struct pdb_member *m;

	if (l->members.n >= MEMBERS_MAX)
		return fs_fail(l->err, FS_LIMIT, "%s: more than %d members in one type", l->p->name,
			       MEMBERS_MAX);
	m = vec_push(&l->members);
	if (!m)
		return no_memory(l);
	*m = (struct pdb_member){.name = "", .type = type, .offset = offset, .is_base = is_base};
	if (*name)
		m->name = arena_strdup(&l->p->mem, name);
	return m->name ? FS_OK : no_memory(l);
}

/* {u16 attributes, u32 type, numeric offset, name unless it is a base} */
static enum fs_status member(struct list *l, struct cursor *c, bool is_base)
{
	const char *name = "";
	uint32_t type;
	uint64_t offset;
	bool negative;
	enum fs_status st = cursor_skip(c, 2, l->err);

	if (!st)
		st = cursor_u32(c, &type, l->err);
	if (!st)
		st = leaf_numeric(c, &offset, &negative, l->err);
	if (!st && (negative || offset > UINT32_MAX))
		st = fs_fail(l->err, FS_CORRUPT, "%s at 0x%llx: a member at offset 0x%llx", c->what,
			     (unsigned long long)(c->base + c->prev), (unsigned long long)offset);
	if (!st && !is_base)
		st = leaf_name(c, &name, l->err);
	if (st || l->values)
		return st;
	return add_member(l, name, type, offset, is_base);
}

static enum fs_status enumerate(struct list *l, struct cursor *c)
{
	struct pdb_value v, *slot;
	enum fs_status st = cursor_skip(c, 2, l->err);

	if (!st)
		st = leaf_numeric(c, &v.value, &v.negative, l->err);
	if (!st)
		st = leaf_name(c, &v.name, l->err);
	if (st || !l->values)
		return st;
	if (l->enumerators.n >= MEMBERS_MAX)
		return fs_fail(l->err, FS_LIMIT, "%s: more than %d enumerators in one enum",
			       l->p->name, MEMBERS_MAX);
	v.name = arena_strdup(&l->p->mem, v.name);
	slot = v.name ? vec_push(&l->enumerators) : NULL;
	if (!slot)
		return no_memory(l);
	*slot = v;
	return FS_OK;
}

/* Skip `fixed` bytes, `numerics` numbers and a name if there is one. */
static enum fs_status skip(struct list *l, struct cursor *c, size_t fixed, unsigned numerics,
			   bool has_name)
{
	const char *name;
	uint64_t v;
	bool negative;
	enum fs_status st = cursor_skip(c, fixed, l->err);

	while (!st && numerics--)
		st = leaf_numeric(c, &v, &negative, l->err);
	return st || !has_name ? st : leaf_name(c, &name, l->err);
}

/* {u16 attributes, u32 type, u32 vtable offset when it introduces a virtual, name} */
static enum fs_status one_method(struct list *l, struct cursor *c)
{
	uint16_t attributes;
	unsigned property;
	enum fs_status st = cursor_u16(c, &attributes, l->err);

	if (st)
		return st;
	property = attributes >> 2 & 7;
	return skip(l, c, property == 4 || property == 6 ? 8 : 4, 0, true);
}

static enum fs_status entry(struct list *l, struct cursor *c)
{
	uint16_t kind;
	enum fs_status st = cursor_u16(c, &kind, l->err);

	if (st)
		return st;
	switch (kind) {
	case LF_MEMBER:
		return member(l, c, false);
	case LF_BCLASS:
	case LF_BINTERFACE:
		return member(l, c, true);
	case LF_ENUMERATE:
		return enumerate(l, c);
	case LF_STMEMBER:
	case LF_METHOD:
	case LF_NESTTYPE:
	case LF_NESTTYPEEX:
	case LF_FRIENDFCN:
		return skip(l, c, 6, 0, true);
	case LF_ONEMETHOD:
		return one_method(l, c);
	case LF_VBCLASS:
	case LF_IVBCLASS:
		return skip(l, c, 10, 2, false);
	case LF_VFUNCTAB:
	case LF_FRIENDCLS:
		return skip(l, c, 6, 0, false);
	case LF_VFUNCOFF:
		return skip(l, c, 10, 0, false);
	case LF_INDEX:
		st = cursor_skip(c, 2, l->err);
		return st ? st : cursor_u32(c, &l->next, l->err);
	default:
		st = leaf_refuse_old(l->p, kind, l->err);
		return st ? st
			  : fs_fail(l->err, FS_UNSUPPORTED,
				    "%s: %s at 0x%llx: entry 0x%x of a field list is not known, so "
				    "what follows it cannot be read",
				    l->p->name, c->what, (unsigned long long)(c->base + c->prev),
				    kind);
	}
}

static enum fs_status read_part(struct list *l, uint32_t index)
{
	struct type_record r;
	enum fs_status st = tpi_record(l->p, index, &r, l->err);

	if (st)
		return st;
	l->next = 0;
	l->bytes += 4 + r.c.size;
	if (r.kind != LF_FIELDLIST) {
		st = leaf_refuse_old(l->p, r.kind, l->err);
		if (!st)
			st = fs_fail(l->err, FS_CORRUPT,
				     "%s: type 0x%x: expected a field list, found record 0x%x",
				     l->p->name, index, r.kind);
	}
	while (!st && r.c.pos < r.c.size) {
		/* entries are padded to 4 bytes with 0xf1 to 0xff: how many are left */
		if (r.c.data[r.c.pos] >= 0xf0) {
			r.c.pos++;
			continue;
		}
		st = entry(l, &r.c);
	}
	type_record_free(&r);
	return st;
}

static enum fs_status read_list(struct list *l, uint32_t fields)
{
	uint32_t index = fields;

	while (index) {
		enum fs_status st = read_part(l, index);

		if (st)
			return st;
		if (l->bytes > l->p->tpi.bytes)
			return fs_fail(l->err, FS_CORRUPT,
				       "%s: field list 0x%x goes round in a circle", l->p->name,
				       fields);
		index = l->next;
	}
	return FS_OK;
}

static struct known_list *known_list(struct pdb *p, uint32_t fields, bool values)
{
	size_t at;

	if (!p->lists_cap)
		return NULL;
	at = slot_of(fields, p->lists_cap);
	for (; p->lists[at].fields; at = (at + 1) & (p->lists_cap - 1)) {
		if (p->lists[at].fields == fields && p->lists[at].values == values)
			return &p->lists[at];
	}
	return NULL;
}

static void put_list(struct known_list *v, size_t cap, const struct known_list *l)
{
	size_t at = slot_of(l->fields, cap);

	while (v[at].fields)
		at = (at + 1) & (cap - 1);
	v[at] = *l;
}

static bool lists_room(struct pdb *p)
{
	size_t cap = p->lists_cap ? p->lists_cap * 2 : 64;
	struct known_list *v;

	if (p->lists_n * 4 < p->lists_cap * 3)
		return true;
	v = calloc(cap, sizeof(*v));
	if (!v)
		return false;
	for (size_t i = 0; i < p->lists_cap; i++) {
		if (p->lists[i].fields)
			put_list(v, cap, &p->lists[i]);
	}
	free(p->lists);
	p->lists = v;
	p->lists_cap = cap;
	return true;
}

/* Read a list, or take it from those read before. The result may be empty. */
static enum fs_status get_list(struct pdb *p, uint32_t fields, bool values, struct known_list *ret,
			       struct fs_error *err)
{
	struct list l = {.p = p, .values = values, .err = err};
	struct known_list *k = known_list(p, fields, values), n = {.fields = fields};
	enum fs_status st;

	if (fields == 0) {
		*ret = n;
		return FS_OK;
	}
	if (k) {
		*ret = *k;
		return FS_OK;
	}
	st = read_list(&l, fields);
	if (!st && !lists_room(p))
		st = no_memory(&l);
	if (st) {
		vec_free(&l.members);
		vec_free(&l.enumerators);
		return st;
	}
	n.values = values;
	n.v = values ? (void *)l.enumerators.v : (void *)l.members.v;
	n.n = values ? l.enumerators.n : l.members.n;
	/* the other one stayed empty */
	put_list(p->lists, p->lists_cap, &n);
	p->lists_n++;
	*ret = n;
	return FS_OK;
}

enum fs_status pdb_members(struct pdb *p, const struct pdb_type *t, const struct pdb_member **ret,
			   size_t *ret_n, struct fs_error *err)
{
	struct known_list l;
	enum fs_status st;

	if (t->kind != PDB_STRUCT && t->kind != PDB_UNION)
		return fs_fail(err, FS_INVALID, "%s: type 0x%x has no members", p->name, t->index);
	st = get_list(p, t->forward ? 0 : t->fields, false, &l, err);
	if (st)
		return fs_prepend(err, st, "members of \"%.80s\"", t->name);
	*ret = l.v;
	*ret_n = l.n;
	return FS_OK;
}

/* Compilers write -1 of a 4-byte enum as a signed or as an unsigned number: what it
 * means the integer below says. The same again when it was done before. */
static void fit_values(struct pdb_value *v, size_t n, const struct pdb_type *t)
{
	uint64_t mask = t->size < 8 ? (UINT64_C(1) << (8 * t->size)) - 1 : UINT64_MAX;

	for (size_t i = 0; t->size && i < n; i++) {
		v[i].value &= mask;
		v[i].negative = t->is_signed && v[i].value > mask / 2;
		if (v[i].negative)
			v[i].value |= ~mask;
	}
}

enum fs_status pdb_values(struct pdb *p, const struct pdb_type *t, const struct pdb_value **ret,
			  size_t *ret_n, struct fs_error *err)
{
	struct known_list l;
	enum fs_status st;

	if (t->kind != PDB_ENUM)
		return fs_fail(err, FS_INVALID, "%s: type 0x%x is no enum", p->name, t->index);
	st = get_list(p, t->forward ? 0 : t->fields, true, &l, err);
	if (st)
		return fs_prepend(err, st, "values of \"%.80s\"", t->name);
	fit_values(l.v, l.n, t);
	*ret = l.v;
	*ret_n = l.n;
	return FS_OK;
}

void pdb_forget(struct pdb *p)
{
	for (size_t i = 0; i < p->lists_cap; i++)
		free(p->lists[i].v);
	free(p->lists);
	free(p->types);
}
