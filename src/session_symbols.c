/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever gives names to addresses of a module: its PDB along the symbol path, its
 * exports, its image file along the image path. Each is looked for when it is first
 * asked for, and what came of it is remembered.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module/exports.h"
#include "module/image_file.h"
#include "pdb/pdb.h"
#include "pdb/symbols.h"
#include "session.h"
#include "session_symbols.h"

enum fs_status session_symbols_begin(struct fltscope *fs, struct fs_error *err)
{
	struct session_symbols *s = calloc(1, sizeof(*s));
	enum fs_status st = FS_OK;

	if (!s)
		return fs_fail(err, FS_NO_MEMORY, "symbols: out of memory");
	fs->symbols = s;
	s->offline = fs->opts.offline;
	s->local = true;
	s->n = fs->modules.list.n;
	s->of = calloc(s->n ? s->n : 1, sizeof(*s->of));
	if (!s->of)
		return fs_fail(err, FS_NO_MEMORY, "symbols: out of memory");
	if (fs->opts.symbol_path && fs->opts.symbol_path[0]) {
		struct symbol_defaults d = {symbol_default_cache(&s->arena), getenv("HOME")};
		struct symbols_options o = {.path = &s->path, .default_cache = d.cache};

		st = symbol_path_parse(fs->opts.symbol_path, &d, &s->path, err);
		if (st == FS_OK)
			st = symbols_create(&o, &s->finder, err);
		if (st != FS_OK && st != FS_NO_MEMORY)
			return fs_prepend(err, FS_INVALID, "symbol path"), FS_INVALID;
	}
	if (st == FS_OK && fs->opts.image_path && fs->opts.image_path[0]) {
		s->image_path = arena_strdup(&s->arena, fs->opts.image_path);
		if (!s->image_path)
			return fs_fail(err, FS_NO_MEMORY, "symbols: out of memory");
		vm_set_fallback(fs->vm, session_image_bytes, fs);
	}
	fs->modules.resolve = session_resolve;
	fs->modules.resolve_arg = fs;
	return st;
}

void session_symbols_local(struct fltscope *fs, bool local)
{
	if (fs->symbols)
		fs->symbols->local = local;
}

void session_symbols_end(struct fltscope *fs)
{
	struct session_symbols *s = fs->symbols;
	size_t i;

	if (!s)
		return;
	for (i = 0; s->of && i < s->n; i++) {
		pdb_close(s->of[i].pdb);
		exports_deinit(&s->of[i].exports);
		image_file_close(s->of[i].image);
	}
	free(s->of);
	symbols_destroy(s->finder);
	symbol_path_deinit(&s->path);
	arena_deinit(&s->arena);
	free(s);
	fs->symbols = NULL;
}

/* --- which PDB ----------------------------------------------------------------- */

static struct module_symbols *slot(struct fltscope *fs, size_t module)
{
	return fs->symbols && module < fs->symbols->n ? &fs->symbols->of[module] : NULL;
}

/* Name and key: the dump's debug record, else the image file's. */
static void identify(struct fltscope *fs, size_t module, struct module_symbols *x)
{
	const struct fs_module *m = &fs->model.modules[module];
	struct arena *a = &fs->symbols->arena;
	struct rsds rsds;

	if (x->identified)
		return;
	x->identified = true;
	if (m->pdb_guid && m->pdb_name) {
		x->name = m->pdb_name;
		x->key = arena_printf(a, "%s%" PRIX32, m->pdb_guid, m->pdb_age);
	} else if (session_image(fs, module) && image_file_rsds(x->image, &rsds, NULL) == FS_OK) {
		x->name = arena_strdup(a, rsds.pdb);
		x->key = arena_printf(a, "%s%" PRIX32, rsds.guid, rsds.age);
	}
	if (!x->name || !x->key)
		x->name = x->key = NULL;
}

static enum fs_status verify(void *arg, const char *path, struct fs_error *err)
{
	struct pdb *p = NULL;
	enum fs_status st = pdb_open(path, &p, err);

	if (st == FS_OK)
		st = pdb_match(p, arg, err);
	pdb_close(p);
	return st;
}

static bool progress(void *arg, const char *url, uint64_t done, uint64_t total)
{
	struct fltscope *fs = arg;

	if (fs->opts.progress)
		fs->opts.progress(fs->opts.progress_arg, url, done, total);
	return true;
}

static struct symbol_request request(struct fltscope *fs, const struct module_symbols *x,
				     bool offline)
{
	return (struct symbol_request){
		.name = x->name,
		.guid_age = x->key,
		.check = {verify, (void *)(uintptr_t)x->key},
		.offline = offline,
		.progress = progress,
		.progress_arg = fs,
	};
}

static void keep_places(struct session_symbols *s, struct module_symbols *x)
{
	const struct symbol_report *r = symbols_report(s->finder);
	size_t i;

	if (!r->place.n)
		return;
	x->nplaces = 0;
	x->places = arena_alloc(&s->arena, r->place.n * sizeof(*x->places));
	for (i = 0; x->places && i < r->place.n; i++) {
		const struct symbol_place *p = &r->place.v[i];
		const char *t = arena_printf(&s->arena, "%s: %s", p->where,
					     p->status == FS_OK ? "found" : p->why);

		if (t)
			x->places[x->nplaces++] = t;
	}
}

static void find_pdb(struct fltscope *fs, size_t module, struct module_symbols *x, bool offline)
{
	struct session_symbols *s = fs->symbols;
	struct fs_error err = {0};
	struct symbol_request req;
	enum fs_status st;

	x->tried = true;
	x->tried_online = !offline;
	identify(fs, module, x);
	if (!x->key) {
		x->why = "the dump does not hold its debug record";
		return;
	}
	if (!s->finder) {
		x->why = "no symbol path is given (-y, _NT_SYMBOL_PATH)";
		return;
	}
	req = request(fs, x, offline);
	st = symbol_find(s->finder, &req, &x->path, &err);
	keep_places(s, x);
	if (st == FS_OK)
		st = pdb_open(x->path, &x->pdb, &err);
	if (st == FS_OK)
		st = pdb_match(x->pdb, x->key, &err);
	if (st == FS_OK) {
		x->why = NULL;
		return;
	}
	pdb_close(x->pdb);
	x->pdb = NULL;
	x->path = NULL;
	x->why = arena_strdup(&s->arena, err.text);
	if (!x->why)
		x->why = "out of memory";
}

/* While the dump is opened only the two PDBs that decide what is read are worth a server's
 * answer; the names of other modules are then taken from local files. */
static bool stays_local(const struct fltscope *fs, size_t module)
{
	const struct session_symbols *s = fs->symbols;

	return s->offline || (s->local && (int32_t)module != fs->modules.nt &&
			      (int32_t)module != fs->model.fltmgr_module);
}

struct pdb *session_pdb(struct fltscope *fs, size_t module)
{
	struct module_symbols *x = slot(fs, module);
	bool local;

	if (!x)
		return NULL;
	local = stays_local(fs, module);
	if (!x->tried || (!x->pdb && x->key && !local && !x->tried_online))
		find_pdb(fs, module, x, local);
	return x->pdb;
}

enum fs_status fltscope_module_symbols(struct fltscope *fs, size_t module,
				       struct fs_module_symbols *ret, struct fs_error *err)
{
	struct module_symbols *x = slot(fs, module);

	if (!x)
		return fs_fail(err, FS_INVALID, "there is no module %zu", module);
	(void)session_pdb(fs, module);
	*ret = (struct fs_module_symbols){
		.module = fs->model.modules[module].name,
		.pdb_name = x->name,
		.key = x->key,
		.path = x->path,
		.why = x->pdb ? NULL : x->why,
		.places = x->places,
		.nplaces = x->nplaces,
	};
	return FS_OK;
}

enum fs_status fltscope_fetch_symbols(struct fltscope *fs, size_t module, const char *store,
				      const char **ret_path, struct fs_error *err)
{
	struct module_symbols *x = slot(fs, module);
	struct symbol_request req;
	const char *name;
	enum fs_status st;

	if (!x)
		return fs_fail(err, FS_INVALID, "there is no module %zu", module);
	name = fs->model.modules[module].name ? fs->model.modules[module].name : "?";
	identify(fs, module, x);
	if (!x->key)
		return fs_fail(err, FS_NOT_FOUND, "%s: the dump does not hold its debug record",
			       name);
	if (!fs->symbols->finder)
		return fs_fail(err, FS_INVALID, "no symbol path is given (-y, _NT_SYMBOL_PATH)");
	req = request(fs, x, fs->symbols->offline);
	st = symbol_fetch(fs->symbols->finder, &req, store, ret_path, err);
	keep_places(fs->symbols, x);
	return st;
}
