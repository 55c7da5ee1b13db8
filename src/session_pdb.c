/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a PDB that belongs to the image says: the first source of layouts, exact on
 * every build. Behaviour is in no PDB: it is taken from a shipped layout of the same
 * image or build, or stays unknown.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "pdb/pdb.h"
#include "session_symbols.h"

enum { FACTS_TEXT = 512 };

static int32_t module_of(const struct fltscope *fs, enum layout_module lm)
{
	return lm == LM_NT ? fs->modules.nt : fs->model.fltmgr_module;
}

bool session_pdb_symbol(struct fltscope *fs, size_t module, const char *name, uint64_t *ret_rva)
{
	struct pdb *p = session_pdb(fs, module);
	struct pdb_symbol s;

	char decorated[PDB_SYMBOL_NAME];

	if (strncmp(name, "_imp_", 5) == 0) { /* as session_shown_name cut it */
		(void)snprintf(decorated, sizeof(decorated), "_%s", name);
		name = decorated;
	}
	if (!p || pdb_symbol_by_name(p, name, &s, NULL) != FS_OK || !s.has_rva)
		return false;
	*ret_rva = s.rva;
	return true;
}

/* A member by its name, directly in the type. */
static bool member(struct pdb *p, const struct pdb_type *t, const char *name, uint64_t *ret_offset,
		   struct pdb_type *ret)
{
	const struct pdb_member *m;
	size_t i, n;

	if (pdb_members(p, t, &m, &n, NULL) != FS_OK)
		return false;
	for (i = 0; i < n; i++) {
		if (strcmp(m[i].name, name) != 0)
			continue;
		*ret_offset += m[i].offset;
		return pdb_type(p, m[i].type, ret, NULL) == FS_OK;
	}
	return false;
}

bool session_pdb_pte_mask(struct fltscope *fs, uint64_t *ret_rva)
{
	struct pdb *p = fs->modules.nt >= 0 ? session_pdb(fs, (size_t)fs->modules.nt) : NULL;
	struct pdb_type t, hardware, mask;
	uint64_t offset = 0, rva;

	if (!p || pdb_find_type(p, "_MI_SYSTEM_INFORMATION", &t, NULL) != FS_OK ||
	    !member(p, &t, "Hardware", &offset, &hardware) ||
	    !member(p, &hardware, "InvalidPteMask", &offset, &mask) || mask.size != 8 ||
	    !session_pdb_symbol(fs, (size_t)fs->modules.nt, "MiState", &rva))
		return false;
	*ret_rva = rva + offset;
	return true;
}

/* Page-table facts of nt's own types (the L1TF swizzle bit, the width of a PFN). */
static void pte_facts(struct pdb *p, char *dst, size_t size)
{
	struct pdb_type t, pfn, swizzle;
	uint64_t at = 0;

	if (pdb_find_type(p, "_MMPTE_TRANSITION", &t, NULL) != FS_OK ||
	    !member(p, &t, "PageFrameNumber", &at, &pfn) || pfn.kind != PDB_BITFIELD)
		return;
	(void)snprintf(dst, size, "fact pte-pfn-bits %u\nfact pte-swizzle %s\n", pfn.bit_len,
		       member(p, &t, "SwizzleBit", &at, &swizzle) ? "yes" : "no");
}

/* Behaviour, of a shipped layout for this very image or build. */
static enum fs_status known_facts(struct fltscope *fs, enum layout_module lm, const char *key,
				  char *dst, size_t size, struct fs_error *err)
{
	const struct fs_module *m = &fs->model.modules[module_of(fs, lm)];
	struct layout_want want = {
		.module = lm,
		.machine = session_machine(fs),
		.build = session_build(fs),
		.timestamp = fs_is_read(&m->timestamp) ? (uint32_t)m->timestamp.v : 0,
		.size_of_image = (uint32_t)m->size,
		.guid_age = key,
	};
	struct layout_candidates all = {0};
	enum fs_status st = layout_select(&want, &all, err);
	const char *walk;
	size_t i;

	for (i = 0; st == FS_OK && i < all.n; i++) {
		if (all.v[i].match == LMATCH_FAMILY)
			continue;
		walk = layout_fact(all.v[i].layout, "unload-walk");
		if (walk && strlen(walk) < 64)
			(void)snprintf(dst, size, "fact unload-walk %s\n", walk);
		break;
	}
	layout_candidates_free(&all);
	return st == FS_NO_MEMORY ? st : FS_OK;
}

struct pdb_wanted *pdb_wanted(struct arena *a, enum layout_module lm)
{
	struct pdb_wanted *w = arena_alloc(a, sizeof(*w));
	int i;

	for (i = 0; w && i < T_COUNT; i++)
		if (type_module((enum type_id)i) == lm)
			w->types[w->n_types++] = type_name((enum type_id)i);
	for (i = 0; w && i < F_COUNT; i++) {
		const struct field_decl *d = field_decl((enum field_id)i);

		if (d->module == lm)
			w->fields[w->n_fields++] = d->full;
	}
	return w;
}

static enum fs_status write_layout(struct fltscope *fs, enum layout_module lm, struct pdb *p,
				   struct layout **ret, struct fs_error *err)
{
	struct pdb_wanted *w = pdb_wanted(&fs->arena, lm);
	struct pdb_layout_want want = {.module = lm == LM_NT ? "ntoskrnl.exe" : "fltmgr.sys",
				       .build = session_build(fs)};
	struct pdb_layout_result r = {0};
	char facts[FACTS_TEXT] = "", *text = NULL;
	enum fs_status st;

	if (!w)
		return fs_fail(err, FS_NO_MEMORY, "out of memory for a layout");
	want.types = w->types;
	want.n_types = w->n_types;
	want.fields = w->fields;
	want.n_fields = w->n_fields;
	st = pdb_to_layout(p, &want, &r, err);
	if (st == FS_OK && lm == LM_NT)
		pte_facts(p, facts, sizeof(facts));
	else if (st == FS_OK)
		st = known_facts(fs, lm, pdb_info(p)->key, facts, sizeof(facts), err);
	if (st == FS_OK) {
		size_t n = r.len + strlen(facts) + 2;

		text = malloc(n);
		if (!text)
			st = fs_fail(err, FS_NO_MEMORY, "out of memory for a layout");
		else
			n = (size_t)snprintf(text, n, "%s\n%s", r.text, facts);
		if (st == FS_OK)
			st = layout_parse(pdb_info(p)->key, text, n, NULL, NULL, ret, err);
	}
	free(text);
	free(r.text);
	return st;
}

enum fs_status session_pdb_layout(struct fltscope *fs, enum layout_module lm, struct layout **ret,
				  struct fs_error *err)
{
	struct fs_layout_candidate *c = &fs->pdb_refused[lm];
	int32_t module = module_of(fs, lm);
	struct pdb *p = module >= 0 ? session_pdb(fs, (size_t)module) : NULL;
	struct fs_module_symbols info;
	struct fs_error e = {0};
	enum fs_status st;

	*ret = NULL;
	if (!p)
		return FS_OK;
	session_progress(fs, "reading types of a PDB");
	st = write_layout(fs, lm, p, ret, &e);
	if (st == FS_OK)
		return st;
	*ret = NULL;
	if (st == FS_NO_MEMORY) {
		if (err)
			*err = e;
		return st;
	}
	if (fltscope_module_symbols(fs, (size_t)module, &info, NULL) != FS_OK)
		return FS_OK;
	c->id = arena_strdup(&fs->arena, path_base(info.path ? info.path : ""));
	c->match = "pdb";
	c->refused = true;
	c->why = arena_strdup(&fs->arena, e.text);
	if (c->id && c->why)
		return FS_OK;
	return fs_fail(err, FS_NO_MEMORY, "out of memory");
}
