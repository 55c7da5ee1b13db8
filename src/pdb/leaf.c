/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one type record says. Numbers and layouts: LLVM's "CodeView Type Records",
 * Microsoft's cvinfo.h (microsoft-pdb) for leaf numbers and built-in types; the
 * newer LF_STRUCTURE2 family as the issues of that repository describe it.
 */
#include <stddef.h>
#include <string.h>

#include "pdb/impl.h"

bool leaf_is_udt(uint16_t kind)
{
	switch (kind) {
	case LF_CLASS:
	case LF_STRUCTURE:
	case LF_INTERFACE:
	case LF_UNION:
	case LF_ENUM:
	case LF_CLASS2:
	case LF_STRUCTURE2:
	case LF_INTERFACE2:
		return true;
	default:
		return false;
	}
}

enum fs_status leaf_refuse_old(struct pdb *p, uint16_t kind, struct fs_error *err)
{
	/* LF_*_ST of cvinfo.h; 0x1001, 0x1002, 0x1008 and 0x1009 were not renumbered */
	static const uint16_t st[] = {0x0403, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007, 0x100a,
				      0x100b, 0x100c, 0x100d, 0x1010, 0x1011, 0x1012, 0x1405,
				      0x1406, 0x1407, 0x1408, 0x140b, 0x140d, 0x140e, 0x140f};

	if ((kind >= 0x0001 && kind <= 0x0009) ||
	    (kind >= 0x0200 && kind < 0x0500 && kind != st[0]))
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s: type record 0x%x has 16-bit type indices, of a compiler before "
			       "Visual C++ 5; such types are not read",
			       p->name, kind);
	for (size_t i = 0; i < sizeof(st) / sizeof(st[0]); i++) {
		if (kind == st[i])
			return fs_fail(
				err, FS_UNSUPPORTED,
				"%s: type record 0x%x has length-prefixed names (LF_..._ST), "
				"of a compiler before Visual C++ 7; such types are not read",
				p->name, kind);
	}
	if (kind == LF_UNION2)
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s: type record 0x%x (LF_UNION2) is not known well enough to be "
			       "read",
			       p->name, kind);
	return FS_OK;
}

/* A number below 0x8000 is the u16 itself, else the u16 says what follows. */
enum fs_status leaf_numeric(struct cursor *c, uint64_t *ret, bool *ret_negative,
			    struct fs_error *err)
{
	static const struct {
		uint8_t bytes;
		bool is_signed;
	} forms[] = {{1, true}, {2, true}, {2, false}, {4, true}, {4, false}, {0, 0},
		     {0, 0},	{0, 0},	   {0, 0},     {8, true}, {8, false}};
	const uint8_t *b;
	uint16_t v;
	uint64_t value = 0;
	bool negative;
	unsigned bits;
	enum fs_status st = cursor_u16(c, &v, err);

	if (st)
		return st;
	if (v < 0x8000) {
		*ret = v;
		*ret_negative = false;
		return FS_OK;
	}
	v = (uint16_t)(v - 0x8000);
	if (v >= sizeof(forms) / sizeof(forms[0]) || forms[v].bytes == 0)
		return fs_fail(err, FS_CORRUPT,
			       "%s at 0x%llx: numeric leaf 0x%x is no integer of up to 64 bits",
			       c->what, (unsigned long long)(c->base + c->prev), v + 0x8000);
	st = cursor_view(c, forms[v].bytes, &b, err);
	if (st)
		return st;
	for (unsigned i = forms[v].bytes; i-- > 0;)
		value = value << 8 | b[i];
	bits = 8u * forms[v].bytes;
	negative = forms[v].is_signed && (value >> (bits - 1) & 1);
	if (negative && bits < 64)
		value |= UINT64_MAX << bits;
	*ret = value;
	*ret_negative = negative;
	return FS_OK;
}

enum fs_status leaf_name(struct cursor *c, const char **ret, struct fs_error *err)
{
	const uint8_t *b = c->data + c->pos;
	const uint8_t *end = c->pos < c->size ? memchr(b, 0, c->size - c->pos) : NULL;

	if (!end)
		return fs_fail(err, FS_CORRUPT, "%s at 0x%llx: a name without an end", c->what,
			       (unsigned long long)(c->base + c->pos));
	*ret = (const char *)b;
	return cursor_skip(c, (size_t)(end - b) + 1, err);
}

static enum fs_status size_leaf(struct cursor *c, uint64_t *ret, struct fs_error *err)
{
	bool negative;
	enum fs_status st = leaf_numeric(c, ret, &negative, err);

	if (!st && (negative || *ret > UINT32_MAX))
		return fs_fail(err, FS_CORRUPT, "%s at 0x%llx: a size of 0x%llx bytes", c->what,
			       (unsigned long long)(c->base + c->prev), (unsigned long long)*ret);
	return st;
}

/* {u16 count, u16 property, u32 fields}, then what differs by kind. */
static enum fs_status udt_head(struct cursor *c, struct leaf_udt *u, struct fs_error *err)
{
	uint16_t prop;
	enum fs_status st = cursor_skip(c, 2, err);

	if (!st)
		st = cursor_u16(c, &prop, err);
	if (!st) {
		u->prop = prop;
		st = cursor_u32(c, &u->fields, err);
	}
	return st;
}

/* The newer form: {u32 property, u32 fields, u32 derived, u32 vshape, count}. */
static enum fs_status udt_head2(struct cursor *c, struct leaf_udt *u, struct fs_error *err)
{
	uint64_t count;
	bool negative;
	enum fs_status st = cursor_u32(c, &u->prop, err);

	if (!st)
		st = cursor_u32(c, &u->fields, err);
	if (!st)
		st = cursor_skip(c, 8, err);
	return st ? st : leaf_numeric(c, &count, &negative, err);
}

enum fs_status leaf_udt(struct type_record *r, struct leaf_udt *ret, struct fs_error *err)
{
	struct leaf_udt u = {.kind = PDB_STRUCT};
	struct cursor *c = &r->c;
	bool second = r->kind == LF_CLASS2 || r->kind == LF_STRUCTURE2 || r->kind == LF_INTERFACE2;
	enum fs_status st = second ? udt_head2(c, &u, err) : udt_head(c, &u, err);

	if (st)
		return st;
	if (r->kind == LF_ENUM) {
		u.kind = PDB_ENUM;
		u.below = u.fields; /* here the integer comes first */
		st = cursor_u32(c, &u.fields, err);
	} else {
		if (r->kind == LF_UNION)
			u.kind = PDB_UNION;
		else if (!second)
			st = cursor_skip(c, 8, err); /* derived, vshape */
		if (!st)
			st = size_leaf(c, &u.size, err);
	}
	if (!st)
		st = leaf_name(c, &u.name, err);
	/* a unique name that is cut off costs nothing but itself */
	if (!st && (!(u.prop & PROP_UNIQUE) || leaf_name(c, &u.unique, NULL) != FS_OK))
		u.unique = NULL;
	if (!st)
		*ret = u;
	return st;
}

bool leaf_builtin(uint32_t index, uint32_t pointer_size, struct pdb_type *ret)
{
	static const struct {
		uint8_t id, kind, size;
		bool is_signed, is_char, is_bool;
	} table[] = {
		{0x03, PDB_VOID, 0, 0, 0, 0},	{0x08, PDB_INT, 4, 1, 0, 0}, /* HRESULT */
		{0x10, PDB_INT, 1, 1, 1, 0},	{0x11, PDB_INT, 2, 1, 0, 0},
		{0x12, PDB_INT, 4, 1, 0, 0},	{0x13, PDB_INT, 8, 1, 0, 0},
		{0x14, PDB_INT, 16, 1, 0, 0},	{0x20, PDB_INT, 1, 0, 1, 0},
		{0x21, PDB_INT, 2, 0, 0, 0},	{0x22, PDB_INT, 4, 0, 0, 0},
		{0x23, PDB_INT, 8, 0, 0, 0},	{0x24, PDB_INT, 16, 0, 0, 0},
		{0x30, PDB_INT, 1, 0, 0, 1},	{0x31, PDB_INT, 2, 0, 0, 1},
		{0x32, PDB_INT, 4, 0, 0, 1},	{0x33, PDB_INT, 8, 0, 0, 1},
		{0x40, PDB_FLOAT, 4, 1, 0, 0},	{0x41, PDB_FLOAT, 8, 1, 0, 0},
		{0x42, PDB_FLOAT, 10, 1, 0, 0}, {0x43, PDB_FLOAT, 16, 1, 0, 0},
		{0x44, PDB_FLOAT, 6, 1, 0, 0},	{0x46, PDB_FLOAT, 2, 1, 0, 0},
		{0x68, PDB_INT, 1, 1, 0, 0},	{0x69, PDB_INT, 1, 0, 0, 0},
		{0x70, PDB_INT, 1, 1, 1, 0},	{0x71, PDB_INT, 2, 0, 1, 0}, /* wchar_t */
		{0x72, PDB_INT, 2, 1, 0, 0},	{0x73, PDB_INT, 2, 0, 0, 0},
		{0x74, PDB_INT, 4, 1, 0, 0},	{0x75, PDB_INT, 4, 0, 0, 0},
		{0x76, PDB_INT, 8, 1, 0, 0},	{0x77, PDB_INT, 8, 0, 0, 0},
		{0x78, PDB_INT, 16, 1, 0, 0},	{0x79, PDB_INT, 16, 0, 0, 0},
		{0x7a, PDB_INT, 2, 0, 1, 0},	{0x7b, PDB_INT, 4, 0, 1, 0},
		{0x7c, PDB_INT, 1, 0, 1, 0},
	};
	/* bits 8 to 10: a pointer to the type below; bytes by how far it reaches */
	static const uint8_t reach[] = {0, 2, 4, 4, 4, 6, 8, 16};
	uint32_t mode = index >> 8 & 0xf;

	if (index >= 0x1000 || mode > 7)
		return false;
	*ret = (struct pdb_type){.index = index, .name = ""};
	if (mode) {
		ret->kind = PDB_POINTER;
		ret->target = index & 0xff;
		ret->size = mode == 1 ? pointer_size : reach[mode];
		return true;
	}
	if (index == 0) { /* "no type": what a typeless record refers to */
		ret->kind = PDB_OTHER;
		return true;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].id != index)
			continue;
		ret->kind = (enum pdb_kind)table[i].kind;
		ret->size = table[i].size;
		ret->is_signed = table[i].is_signed;
		ret->is_char = table[i].is_char;
		ret->is_bool = table[i].is_bool;
		return true;
	}
	return false;
}
