/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A layout out of a PDB: the types asked for, all that they hold in place, their
 * enums, symbols, and what the reader of the layout will miss. The grammar is that
 * of layout/layout.h and pdb-layouts/README.md.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "pdb/layout_write.h"

enum { MEMBER_DEPTH = 8, VISITS_MAX = 1 << 18 };

enum fs_status lw_put(struct layout_writer *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	for (;;) {
		size_t room = w->text.cap - w->text.n;
		char *v;

		va_start(ap, fmt);
		n = vsnprintf(room ? w->text.v + w->text.n : NULL, room, fmt, ap);
		va_end(ap);
		if (n >= 0 && (size_t)n < room) {
			w->text.n += (size_t)n;
			return FS_OK;
		}
		if (n < 0 || w->text.n + (size_t)n > LAYOUT_TEXT_MAX)
			return fs_fail(w->err, FS_LIMIT, "%s: the layout is longer than %d bytes",
				       w->p->name, LAYOUT_TEXT_MAX);
		room = (w->text.n + (size_t)n + 1) * 2;
		v = realloc(w->text.v, room);
		if (!v)
			return fs_fail(w->err, FS_NO_MEMORY, "%s: out of memory for the layout",
				       w->p->name);
		w->text.v = v;
		w->text.cap = room;
	}
}

bool lw_is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return n > 0 && n < 128 && !s[n]; /* 128: what the grammar's reader takes */
}

enum fs_status lw_want(struct layout_writer *w, const struct pdb_type *t)
{
	bool is_enum = t->kind == PDB_ENUM;
	size_t n = is_enum ? w->enums.n : w->types.n;
	const struct pdb_type *v = is_enum ? w->enums.v : w->types.v;
	struct pdb_type *slot;

	for (size_t i = 0; i < n; i++) {
		if (v[i].index == t->index)
			return FS_OK;
		if (strcmp(v[i].name, t->name) != 0)
			continue;
		/* a second definition of the name: a layout holds one of them */
		return v[i].size == t->size
			       ? FS_OK
			       : lw_put(w,
					"  # this %s has 0x%" PRIx64 " bytes, the one listed "
					"0x%" PRIx64 "\n",
					t->name, t->size, v[i].size);
	}
	if (n >= LAYOUT_TYPES_MAX)
		return fs_fail(w->err, FS_LIMIT, "%s: more than %d types for one layout",
			       w->p->name, LAYOUT_TYPES_MAX);
	slot = is_enum ? vec_push(&w->enums) : vec_push(&w->types);
	if (!slot)
		return fs_fail(w->err, FS_NO_MEMORY, "%s: out of memory for the layout",
			       w->p->name);
	*slot = *t;
	return FS_OK;
}

/* These the Filter Manager's layouts list without what all names begin with, in
 * upper case (pdb-layouts/README.md): so does the debugger extension. */
static const struct {
	const char *type, *prefix;
} short_names[] = {
	{"_FLT_OBJECT_FLAGS", "FLT_OBFL_"},
	{"_FLT_FILTER_FLAGS", "FLTFL_"},
	{"_FLT_INSTANCE_FLAGS", "INSFL_"},
	{"_FLT_VOLUME_FLAGS", "VOLFL_"},
	{"_CALLBACK_NODE_FLAGS", "CBNFL_"},
	{"_FILE_LIST_CTRL_FLAGS", "FLCFL_"},
	{"ICC_FLAGS", "ICCFL_"},
	{"_FLT_VERIFIER_EXTENSION_FLAGS", "FLTVFL_"},
	{"_FLT_POSTOP_CALLBACK_STATUS", "FLT_POSTOP_"},
	{"_FLT_PREOP_CALLBACK_STATUS", "FLT_PREOP_"},
	{"_IRP_CTRL_FLAGS", "IRPCTRFL_"},
	{"_NAME_CACHE_CREATE_CTRL_FLAGS", "NCCFL_"},
	{"_STREAM_LIST_CTRL_FLAGS", "SLCFL_"},
};

static const char *prefix_of(const char *enum_name)
{
	for (size_t i = 0; i < sizeof(short_names) / sizeof(short_names[0]); i++) {
		if (strcmp(short_names[i].type, enum_name) == 0)
			return short_names[i].prefix;
	}
	return NULL;
}

static void upper(char *s)
{
	for (; *s; s++)
		*s = (char)toupper((unsigned char)*s);
}

enum fs_status lw_enum(struct layout_writer *w, const struct pdb_type *t)
{
	const char *prefix = prefix_of(t->name);
	const struct pdb_value *v;
	size_t n, written = 0;
	enum fs_status st = pdb_values(w->p, t, &v, &n, w->err);

	for (size_t i = 0; !st && i < n; i++) {
		char name[128];
		const char *from = name;

		/* a flag in the top bit is no negative number; -1 would be all flags */
		if (!lw_is_name(v[i].name) ||
		    (v[i].negative && (uint32_t)v[i].value != UINT32_C(1) << 31))
			continue;
		snprintf(name, sizeof(name), "%s", v[i].name);
		if (prefix) {
			upper(name);
			if (strncmp(name, prefix, strlen(prefix)) == 0)
				from += strlen(prefix);
		}
		if (written++ == 0)
			st = lw_put(w, "\nenum %s%s%s\n", t->name, prefix ? " " : "",
					prefix ? prefix : "");
		if (!st)
			st = lw_put(w, "  value 0x%" PRIx64 " %s\n",
				    t->size == 4 ? (uint32_t)v[i].value : v[i].value, from);
	}
	return st;
}

static enum fs_status put_head(struct layout_writer *w, const struct pdb_layout_want *want)
{
	const char *machine = pdb_machine_name(w->p);
	char name[128];
	enum fs_status st;

	if (!machine)
		return fs_fail(w->err, FS_UNSUPPORTED,
			       "%s: machine 0x%x: layouts are for x64, x86 and arm64", w->p->name,
			       w->p->info.machine);
	if (want->provenance) {
		st = lw_put(w, "# %s\n", want->provenance);
	} else {
		escape_terminal(path_base(w->p->name), name, sizeof(name));
		st = lw_put(w, "# Types of the PDB %s %s, as its own records have them.\n", name,
			    w->p->info.key);
	}
	return st ? st
		  : lw_put(w, "\nmodule %s build %u machine %s\n", want->module, want->build,
			   machine);
}

static enum fs_status find_types(struct layout_writer *w, const struct pdb_layout_want *want,
				 struct pdb_layout_result *ret)
{
	enum fs_status st = pdb_has_types(w->p, w->err);

	for (size_t i = 0; !st && i < want->n_types; i++) {
		struct pdb_type t;

		st = pdb_find_type(w->p, want->types[i], &t, w->err);
		if (st == FS_NOT_FOUND || (!st && !lw_is_name(t.name))) {
			ret->missing_types++;
			st = lw_put(w, "# type %.100s is not in this PDB\n", want->types[i]);
		} else if (!st) {
			st = lw_want(w, &t);
		}
	}
	if (!st && w->types.n + w->enums.n == 0)
		return fs_fail(w->err, FS_NOT_FOUND, "%s: holds none of the %zu types asked for",
			       w->p->name, want->n_types);
	return st;
}

static enum fs_status put_symbols(struct layout_writer *w, const struct pdb_layout_want *want,
				  struct pdb_layout_result *ret)
{
	enum fs_status st = FS_OK;

	if (want->n_symbols)
		st = lw_put(w, "\n");
	for (size_t i = 0; !st && i < want->n_symbols; i++) {
		struct pdb_symbol s;

		st = pdb_symbol_by_name(w->p, want->symbols[i], &s, w->err);
		if (st == FS_NOT_FOUND || (!st && !s.has_rva)) {
			ret->missing_symbols++;
			st = lw_put(w, "# symbol %.100s %s\n", want->symbols[i],
				    st ? "is not in this PDB" : "has no place in the image");
		} else if (!st) {
			st = lw_put(w, "symbol %s 0x%x\n", want->symbols[i], s.rva);
		}
	}
	return st;
}

/* Has `t`, or something unnamed in it, a member of that name? */
static enum fs_status has_member(struct layout_writer *w, const struct pdb_type *t,
				 const char *name, unsigned depth, unsigned *visits, bool *ret)
{
	const struct pdb_member *m;
	size_t n;
	enum fs_status st = pdb_members(w->p, t, &m, &n, w->err);

	for (size_t i = 0; !st && !*ret && i < n && ++*visits < VISITS_MAX; i++) {
		struct pdb_type inner;

		if (strcmp(m[i].name, name) == 0)
			*ret = true;
		if (*m[i].name || depth == MEMBER_DEPTH)
			continue;
		st = pdb_type(w->p, m[i].type, &inner, w->err);
		if (!st && (inner.kind == PDB_STRUCT || inner.kind == PDB_UNION))
			st = has_member(w, &inner, name, depth + 1, visits, ret);
	}
	return st;
}

static enum fs_status put_missing(struct layout_writer *w, const char *path)
{
	const char *dot = strchr(path, '.');
	char type[128];
	struct pdb_type t;
	unsigned visits = 0;
	bool has = false;
	enum fs_status st;

	if (!dot || (size_t)(dot - path) >= sizeof(type))
		return fs_fail(w->err, FS_INVALID, "expected TYPE.FIELD, found \"%.100s\"", path);
	snprintf(type, sizeof(type), "%.*s", (int)(dot - path), path);
	st = pdb_find_type(w->p, type, &t, w->err);
	if (st == FS_NOT_FOUND)
		return lw_put(w, "unknown %s\n", path);
	if (!st && (t.kind == PDB_STRUCT || t.kind == PDB_UNION))
		st = has_member(w, &t, dot + 1, 0, &visits, &has);
	if (st || has)
		return st;
	return lw_put(w, "absent %s\n", path);
}

static enum fs_status write_all(struct layout_writer *w, const struct pdb_layout_want *want,
				struct pdb_layout_result *ret)
{
	enum fs_status st = put_head(w, want);

	if (!st)
		st = find_types(w, want, ret);
	/* both lists grow while they are written */
	for (size_t i = 0; !st && i < w->types.n; i++) {
		struct pdb_type t = w->types.v[i];

		st = lw_type(w, &t);
	}
	for (size_t i = 0; !st && i < w->enums.n; i++)
		st = lw_enum(w, &w->enums.v[i]);
	if (!st)
		st = put_symbols(w, want, ret);
	if (!st && want->n_fields)
		st = lw_put(w, "\n");
	for (size_t i = 0; !st && i < want->n_fields; i++)
		st = put_missing(w, want->fields[i]);
	ret->types = w->types.n;
	return st;
}

enum fs_status pdb_to_layout(struct pdb *p, const struct pdb_layout_want *want,
			     struct pdb_layout_result *ret, struct fs_error *err)
{
	struct layout_writer w = {.p = p, .err = err};
	struct pdb_layout_result r = {0};
	enum fs_status st = write_all(&w, want, &r);

	vec_free(&w.types);
	vec_free(&w.enums);
	if (st) {
		free(w.text.v);
		return st;
	}
	r.text = w.text.v;
	r.len = w.text.n;
	*ret = r;
	return FS_OK;
}
