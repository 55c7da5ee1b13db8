/* SPDX-License-Identifier: BSD-2-Clause */
/* Types as dt shows them, out of the layouts that read this dump. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdb/pdb.h"
#include "session.h"

/* One layout to look into, and the name of its module. */
struct source {
	const struct layout *l;
	const char *module;
	const char *from; /* what fs_type.source says */
};

static const struct {
	const char *word, *shown;
	uint8_t size;
	bool is_signed;
} scalars[] = {
	{"u8", "UChar", 1, false},   {"i8", "Char", 1, true},	  {"u16", "Uint2B", 2, false},
	{"i16", "Int2B", 2, true},   {"u32", "Uint4B", 4, false}, {"i32", "Int4B", 4, true},
	{"u64", "Uint8B", 8, false}, {"i64", "Int8B", 8, true},
};

static bool spell_scalar(struct fs_field *f, const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
		if (strcmp(word, scalars[i].word) != 0)
			continue;
		f->kind = FS_T_SCALAR;
		f->type = scalars[i].shown;
		f->size = scalars[i].size;
		f->is_signed = scalars[i].is_signed;
		return true;
	}
	return false;
}

/* "ptr:ptr:_X": what stands behind the pointers is named by the last word. */
static bool spell_pointer(struct fltscope *fs, struct fs_field *f, const char *word)
{
	unsigned bits = f->size * 8, depth = 0;
	const char *to = word;
	struct fs_field what = {0};
	char text[256] = "";
	size_t n = 0;

	for (;; to += 4, depth++) {
		if (n < sizeof(text) - 8)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "Ptr%u ", bits);
		if (strncmp(to, "ptr:", 4) != 0)
			break;
	}
	f->kind = FS_T_POINTER;
	if (strcmp(to, "ptr") == 0) {
		to = "Void";
	} else if (strcmp(to, "fptr") == 0) {
		/* what it returns is not recorded */
		to = "function";
		f->kind = depth ? FS_T_POINTER : FS_T_FUNCTION_POINTER;
	} else {
		text[n > 6 ? n - 6 : 0] = '\0'; /* one Ptr too many: the last word is a type */
		if (spell_scalar(&what, to))
			to = what.type;
		else if (depth == 1)
			f->struct_name = arena_strdup(&fs->arena, to);
	}
	f->type = arena_printf(&fs->arena, "%s%s", text, to);
	return f->type != NULL;
}

static bool spell_bits(struct fltscope *fs, struct fs_field *f, const char *word)
{
	char *end = NULL;
	unsigned long len = strtoul(word, &end, 10),
		      pos = *end == '@' ? strtoul(end + 1, NULL, 10) : 64;

	if (len == 0 || len > 64 || pos + len > 64)
		return false;
	f->kind = FS_T_BITS;
	f->bit_len = (uint8_t)len;
	f->bit_pos = (uint8_t)pos;
	f->type = arena_printf(&fs->arena, "Pos %lu, %lu Bit%s", pos, len, len == 1 ? "" : "s");
	return f->type != NULL;
}

/* One element, without an array's [n]. `path` names a member of unnamed type. */
static bool spell_element(struct fltscope *fs, struct fs_field *f, const char *word,
			  const char *path)
{
	if (spell_scalar(f, word))
		return true;
	if (strncmp(word, "ptr", 3) == 0 && (word[3] == '\0' || word[3] == ':'))
		return spell_pointer(fs, f, word);
	if (strcmp(word, "fptr") == 0)
		return spell_pointer(fs, f, word);
	if (strncmp(word, "bits:", 5) == 0)
		return spell_bits(fs, f, word + 5);
	if (strncmp(word, "enum:", 5) == 0) {
		f->kind = FS_T_ENUM;
		f->type = f->enum_name = arena_strdup(&fs->arena, word + 5);
		return f->type != NULL;
	}
	f->kind = FS_T_STRUCT;
	if (strncmp(word, "struct{", 7) == 0 || strncmp(word, "union{", 6) == 0) {
		f->type = "<unnamed-tag>";
		f->struct_name = path;
		return true;
	}
	if (strcmp(word, "_UNICODE_STRING") == 0)
		f->kind = FS_T_UNICODE_STRING;
	else if (strcmp(word, "_LIST_ENTRY") == 0)
		f->kind = FS_T_LIST_ENTRY;
	f->type = f->struct_name = arena_strdup(&fs->arena, word);
	return f->type != NULL;
}

static bool spell(struct fltscope *fs, const struct source *s, struct fs_field *f, const char *word,
		  const char *path)
{
	const char *open = strchr(word, '[');
	char element[160];
	uint32_t size = 0;

	snprintf(element, sizeof(element), "%.*s", open ? (int)(open - word) : (int)strlen(word),
		 word);
	if (!layout_size_of(s->l, element, &size) || !size) {
		/* fltmgr's layouts hold kernel types by name only */
		if (fs->nt && s->l != fs->nt)
			(void)layout_size_of(fs->nt, element, &size);
	}
	f->size = size;
	if (!spell_element(fs, f, element, path))
		return false;
	if (!open)
		return true;
	f->count = (uint32_t)strtoul(open + 1, NULL, 10);
	f->type = arena_printf(&fs->arena, "[%u] %s", f->count, f->type);
	return f->type != NULL;
}

/* What the proof says of a field; one that it does not know rests on the layout alone. */
static void doubt(const struct fltscope *fs, const struct source *s, const char *type,
		  const struct layout_field_info *info, struct fs_field *f)
{
	enum proof_state state = PROOF_NONE;
	int id;

	f->inferred = info->origin == FO_INFERRED;
	if (s->l == fs->nt) {
		f->inferred |= layout_build(s->l) != session_build(fs) &&
			       fs->model.nt.source == FS_LAYOUT_FAMILY;
		return;
	}
	if (s->l != fs->choice.layout)
		return;
	for (id = 0; id < F_COUNT; id++) {
		const struct field_decl *d = field_decl((enum field_id)id);

		if (d->module == LM_FLTMGR && strcmp(d->type_name, type) == 0 &&
		    strcmp(d->name, f->name) == 0)
			state = fs->choice.proof.field[id];
	}
	f->refused = state == PROOF_FAILED;
	if (state == PROOF_HELD)
		f->inferred = false;
	else if (fs->choice.source == FS_LAYOUT_FAMILY || fs->choice.source == FS_LAYOUT_CODE)
		f->inferred = true;
}

/* The members whose path begins with `prefix` and goes no deeper; offsets from `base` on. */
static enum fs_status members(struct fltscope *fs, const struct source *s, size_t type,
			      const char *prefix, uint32_t base, struct fs_type *ret,
			      struct fs_error *err)
{
	struct layout_type_info t = layout_type_at(s->l, type);
	struct fs_field *v = arena_alloc(&fs->arena, (t.fields + 1) * sizeof(*v));
	size_t i, skip = strlen(prefix), n = 0;

	if (!v)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	for (i = 0; i < t.fields; i++) {
		struct layout_field_info info = layout_field_at(s->l, type, i);
		const char *path;

		if (strncmp(info.name, prefix, skip) != 0 || strchr(info.name + skip, '.') ||
		    info.offset < base)
			continue;
		path = arena_printf(&fs->arena, "%s.%s", t.name, info.name);
		v[n].name = arena_strdup(&fs->arena, info.name + skip);
		if (!path || !v[n].name)
			return fs_fail(err, FS_NO_MEMORY, "out of memory");
		v[n].offset = info.offset - base;
		if (!spell(fs, s, &v[n], info.type, path))
			return fs_fail(err, FS_NO_MEMORY, "out of memory");
		doubt(fs, s, t.name, &info, &v[n]);
		n++;
	}
	ret->fields = v;
	ret->nfields = n;
	return FS_OK;
}

/* "_DEVICE_OBJECT.Queue": the member of unnamed type. */
static bool find_member(const struct source *s, size_t type, const char *path,
			struct layout_field_info *ret)
{
	size_t i;

	for (i = 0; i < layout_type_at(s->l, type).fields; i++) {
		*ret = layout_field_at(s->l, type, i);
		if (strcmp(ret->name, path) == 0)
			return true;
	}
	return false;
}

static enum fs_status describe(struct fltscope *fs, const struct source *s, const char *name,
			       struct fs_type *ret, struct fs_error *err)
{
	char outer[160], prefix[160] = "";
	const char *dot = strchr(name, '.');
	struct layout_field_info member = {0};
	struct layout_type_info t;
	struct fs_type out = {0};
	enum fs_status st;
	size_t type;

	if (strlen(name) >= sizeof(outer) - 1)
		return FS_NOT_FOUND;
	snprintf(outer, sizeof(outer), "%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
	if (!layout_find_type(s->l, outer, &type))
		return FS_NOT_FOUND;
	t = layout_type_at(s->l, type);
	if (dot) {
		if (!find_member(s, type, dot + 1, &member))
			return FS_NOT_FOUND;
		snprintf(prefix, sizeof(prefix), "%s.", dot + 1);
	}
	out.module = s->module;
	out.name = dot ? arena_strdup(&fs->arena, name) : t.name;
	out.size = dot ? member.size : t.size;
	out.is_union = dot ? strncmp(member.type, "union", 5) == 0 : t.is_union;
	out.source = s->from;
	if (!out.name)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	st = members(fs, s, type, prefix, member.offset, &out, err);
	if (st == FS_OK)
		*ret = out;
	return st;
}

/* A type that no layout at hand has, out of the PDB of its module: with all that it holds.
 * The grammar knows two modules; which one stands in the text is of no account here. */
static enum fs_status from_pdb(struct fltscope *fs, size_t module, const char *type,
			       struct source *ret, struct fs_error *err)
{
	struct pdb *pdb = session_pdb(fs, module);
	struct pdb_layout_want want = {.module = "fltmgr.sys", .types = &type, .n_types = 1};
	struct pdb_layout_result text = {0};
	struct session_type_layout *x;
	char stem[300];
	enum fs_status st;

	if (!pdb)
		return FS_NOT_FOUND;
	st = pdb_to_layout(pdb, &want, &text, err);
	if (st != FS_OK)
		return st;
	x = vec_push(&fs->type_layouts);
	if (!x)
		st = fs_fail(err, FS_NO_MEMORY, "out of memory");
	else
		st = layout_parse("types of a PDB", text.text, text.len, NULL, NULL, &x->layout,
				  err);
	free(text.text);
	if (st != FS_OK) {
		fs->type_layouts.n -= x != NULL;
		return st;
	}
	(void)module_stem(&fs->modules, &fs->modules.list.v[module], stem, sizeof(stem));
	x->module = module;
	x->stem = arena_strdup(&fs->arena, stem);
	x->from = arena_printf(&fs->arena, "pdb %s", pdb_info(pdb)->key);
	if (!x->stem || !x->from)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	*ret = (struct source){x->layout, x->stem, x->from};
	return FS_OK;
}

/* What is at hand for a module; fltmgr and nt have layouts without a PDB, too. The order is
 * that of trust. */
static void try_module(struct fltscope *fs, size_t module, const char *type, struct fs_type *ret,
		       enum fs_status *st, struct fs_error *err)
{
	bool fltmgr = fs->model.fltmgr_module == (int32_t)module,
	     nt = fs->modules.nt == (int32_t)module;
	struct source own = {fltmgr ? fs->choice.layout : NULL, "fltmgr", fs->model.fltmgr.id}, pdb;
	bool exact = fltmgr && fs->choice.source == FS_LAYOUT_PDB;
	size_t i;

	if (nt) {
		own = (struct source){fs->nt ? fs->nt : fs->stable, "nt",
				      fs->nt ? fs->model.nt.id : "what has not moved in any build"};
		exact = fs->nt && fs->model.nt.source == FS_LAYOUT_PDB;
	}
	if (exact && own.l)
		*st = describe(fs, &own, type, ret, err);
	for (i = 0; i < fs->type_layouts.n && *st == FS_NOT_FOUND; i++) {
		const struct session_type_layout *x = &fs->type_layouts.v[i];

		pdb = (struct source){x->layout, x->stem, x->from};
		if (x->module == module)
			*st = describe(fs, &pdb, type, ret, err);
	}
	if (*st == FS_NOT_FOUND && !strchr(type, '.') &&
	    from_pdb(fs, module, type, &pdb, err) == FS_OK)
		*st = describe(fs, &pdb, type, ret, err);
	if (*st == FS_NOT_FOUND && !exact && own.l)
		*st = describe(fs, &own, type, ret, err);
}

static enum fs_status find_type(struct fltscope *fs, const char *name, struct fs_type *ret,
				struct fs_error *err)
{
	const char *bang = strchr(name, '!'), *type = bang ? bang + 1 : name;
	const struct module *m;
	enum fs_status st = FS_NOT_FOUND;
	char module[128];

	if (bang) {
		(void)snprintf(module, sizeof(module), "%.*s", (int)(bang - name), name);
		m = module_named(&fs->modules, module);
		if (!m)
			return fs_fail(
				err, FS_NOT_FOUND,
				"no module, or more than one, is called \"%.80s\" in this dump",
				module);
		try_module(fs, (size_t)(m - fs->modules.list.v), type, ret, &st, err);
	} else {
		if (fs->model.fltmgr_module >= 0)
			try_module(fs, (size_t)fs->model.fltmgr_module, type, ret, &st, err);
		if (st == FS_NOT_FOUND && fs->modules.nt >= 0)
			try_module(fs, (size_t)fs->modules.nt, type, ret, &st, err);
	}
	if (st == FS_NOT_FOUND)
		return fs_fail(err, FS_NOT_FOUND, "no type %.120s is known%s%s", name,
			       fs->model.fltmgr.id ? "; the Filter Manager's are those of " : "",
			       fs->model.fltmgr.id ? fs->model.fltmgr.id : "");
	return st;
}

enum fs_status fltscope_type(struct fltscope *fs, const char *name, struct fs_type *ret,
			     struct fs_error *err)
{
	struct session_type *known;
	enum fs_status st;
	size_t i;

	for (i = 0; i < fs->types.n; i++) {
		if (strcmp(fs->types.v[i].asked, name) == 0) {
			*ret = fs->types.v[i].type;
			return FS_OK;
		}
	}
	st = find_type(fs, name, ret, err);
	if (st != FS_OK)
		return st;
	known = vec_push(&fs->types);
	if (!known)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	known->type = *ret;
	known->asked = arena_strdup(&fs->arena, name);
	if (known->asked)
		return FS_OK;
	fs->types.n--;
	return fs_fail(err, FS_NO_MEMORY, "out of memory");
}

static const char *named_value(struct fltscope *fs, const struct layout *l, const char *enum_name,
			       uint64_t value)
{
	const char *s = l ? layout_enum_name(l, enum_name, value) : NULL;
	const char *prefix = s ? layout_enum_prefix(l, enum_name) : "";

	return s && *prefix ? arena_printf(&fs->arena, "%s%s", prefix, s) : s;
}

const char *fltscope_enum_name(struct fltscope *fs, const char *enum_name, uint64_t value)
{
	const char *s = named_value(fs, fs->choice.layout, enum_name, value);
	size_t i;

	if (!s)
		s = named_value(fs, fs->nt, enum_name, value);
	for (i = 0; !s && i < fs->type_layouts.n; i++)
		s = named_value(fs, fs->type_layouts.v[i].layout, enum_name, value);
	return s;
}
