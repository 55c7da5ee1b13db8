/* SPDX-License-Identifier: BSD-2-Clause */
/* fltscope/pdb.h: a PDB by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fltscope/pdb.h"
#include "pdb/pdb.h"
#include "session_symbols.h"

static bool count(void *arg, const struct pdb_symbol *s)
{
	(void)s;
	(*(uint64_t *)arg)++;
	return true;
}

enum fs_status fs_pdb_info(const char *path, struct fs_pdb_info *ret, struct fs_error *err)
{
	struct fs_error e = {0};
	const struct pdb_info *i;
	struct pdb *p = NULL;
	enum fs_status st = pdb_open(path, &p, err);

	if (st != FS_OK)
		return st;
	*ret = (struct fs_pdb_info){0};
	ret->has_types = pdb_has_types(p, &e) == FS_OK;
	if (!ret->has_types)
		(void)snprintf(ret->no_types, sizeof(ret->no_types), "%.*s",
			       (int)sizeof(ret->no_types) - 1, e.text);
	i = pdb_info(p);
	(void)snprintf(ret->key, sizeof(ret->key), "%s", i->key);
	(void)snprintf(ret->guid, sizeof(ret->guid), "%.32s", i->key);
	(void)snprintf(ret->machine, sizeof(ret->machine), "%s",
		       pdb_machine_name(p) ? pdb_machine_name(p) : "");
	ret->age = i->age;
	ret->signature = i->signature;
	ret->stripped = i->stripped;
	ret->fastlink = i->fastlink;
	ret->omap = i->has_omap;
	ret->block_size = i->block_size;
	ret->blocks = i->blocks;
	ret->streams = i->streams;
	ret->types = i->types;
	ret->sections = i->sections;
	st = pdb_symbols(p, PDB_PUBLICS, count, &ret->publics, err);
	pdb_close(p);
	return st == FS_NOT_FOUND ? FS_OK : st;
}

static enum fs_status write(struct pdb *p, uint32_t build, const char *const *types, size_t n,
			    struct fs_pdb_layout *ret, struct fs_error *err)
{
	static const char *const places[] = {"FltGlobals", "MiState"};
	struct pdb_type t;
	bool fltmgr = pdb_find_type(p, "_FLT_FILTER", &t, NULL) == FS_OK;
	enum layout_module lm = fltmgr ? LM_FLTMGR : LM_NT;
	struct pdb_layout_want want = {.module = fltmgr ? "fltmgr.sys" : "ntoskrnl.exe",
				       .build = build,
				       .types = types,
				       .n_types = n,
				       .symbols = &places[fltmgr ? 0 : 1],
				       .n_symbols = 1};
	struct pdb_layout_result r = {0};
	struct arena arena = {0};
	struct pdb_wanted *w = n ? NULL : pdb_wanted(&arena, lm);
	enum fs_status st;

	if (!n && !w)
		return fs_fail(err, FS_NO_MEMORY, "out of memory for a layout");
	if (w) {
		want.types = w->types;
		want.n_types = w->n_types;
		want.fields = w->fields;
		want.n_fields = w->n_fields;
	}
	st = pdb_to_layout(p, &want, &r, err);
	arena_deinit(&arena);
	if (st == FS_OK)
		*ret = (struct fs_pdb_layout){r.text, r.types, r.missing_types};
	return st;
}

enum fs_status fs_pdb_layout(const char *path, uint32_t build, const char *const *types, size_t n,
			     struct fs_pdb_layout *ret, struct fs_error *err)
{
	struct pdb *p = NULL;
	enum fs_status st = pdb_open(path, &p, err);

	if (st == FS_OK)
		st = pdb_has_types(p, err);
	if (st == FS_OK)
		st = write(p, build, types, n, ret, err);
	pdb_close(p);
	return st;
}

void fs_pdb_layout_free(struct fs_pdb_layout *l)
{
	free(l->text);
	*l = (struct fs_pdb_layout){0};
}
