/* SPDX-License-Identifier: BSD-2-Clause */
/* The Filter Manager: its layout with the proof, and its objects, into the model. */
#include <string.h>

#include "base/str.h"
#include "session.h"

/* The names of all fields of one proof state. */
static enum fs_status fields_in(struct fltscope *fs, enum proof_state state, const char ***ret,
				size_t *ret_n, struct fs_error *err)
{
	const struct fltmgr_choice *c = &fs->choice;
	const char **v = arena_alloc(&fs->arena, (F_COUNT + 1) * sizeof(*v));
	size_t n = 0;
	int f;

	if (!v)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	for (f = 0; f < F_COUNT; f++) {
		const struct field_decl *d = field_decl((enum field_id)f);

		if (d->module == LM_FLTMGR && c->proof.field[f] == state &&
		    layout_field(c->layout, (enum field_id)f))
			v[n++] = d->full;
	}
	*ret = v;
	*ret_n = n;
	return FS_OK;
}

static enum fs_status tell_candidates(struct fltscope *fs, struct fs_error *err)
{
	const struct fltmgr_choice *c = &fs->choice;
	struct fs_layout *l = &fs->model.fltmgr;

	const struct fs_layout_candidate *refused = &fs->pdb_refused[LM_FLTMGR];

	if (!c->candidates.n && !refused->id)
		return FS_OK;
	l->candidates = arena_alloc(&fs->arena, (c->candidates.n + 1) * sizeof(*l->candidates));
	if (!l->candidates)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	if (refused->id)
		l->candidates[l->ncandidates++] = *refused;
	if (c->candidates.n)
		memcpy(l->candidates + l->ncandidates, c->candidates.v,
		       c->candidates.n * sizeof(*l->candidates));
	l->ncandidates += c->candidates.n;
	return FS_OK;
}

static enum fs_status tell_layout(struct fltscope *fs, struct fs_error *err)
{
	const struct fltmgr_choice *c = &fs->choice;
	struct fs_layout *l = &fs->model.fltmgr;
	size_t i, n = c->proof.checks.n;
	enum fs_status st;

	l->id = arena_strdup(&fs->arena, layout_id(c->layout));
	l->source = c->source;
	l->composite = layout_is_composite(c->layout);
	l->nfields = layout_count_fields(c->layout, &l->ninferred);
	l->held = c->proof.held;
	l->failed = c->proof.failed;
	l->checks = arena_alloc(&fs->arena, (n ? n : 1) * sizeof(*l->checks));
	if (!l->id || !l->checks)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	for (i = 0; i < n; i++) {
		const struct proof_check *x = &c->proof.checks.v[i];

		l->checks[i] = (struct fs_layout_check){x->what,   x->fields,	 x->held,
							x->failed, x->failed_at, NULL};
		if (!x->failed)
			continue;
		l->checks[i].detail = arena_strdup(&fs->arena, x->detail);
		if (!l->checks[i].detail)
			return fs_fail(err, FS_NO_MEMORY, "out of memory");
	}
	l->nchecks = n;
	l->code = c->code.v; /* the choice lives as long as the model */
	l->ncode = c->code.n;
	st = fields_in(fs, PROOF_HELD, &l->proved, &l->nproved, err);
	if (st == FS_OK)
		st = fields_in(fs, PROOF_NONE, &l->unproved, &l->nunproved, err);
	if (st == FS_OK)
		st = fields_in(fs, PROOF_FAILED, &l->refused, &l->nrefused, err);
	return st;
}

/* At some GiB a second this is seconds, and more than a kernel dump of most machines holds. */
#define SEARCH_BYTES (8ull << 30)

static enum fs_status holders(struct fltscope *fs, struct fs_error *err)
{
	const struct fltmgr_wants wants = {
		.search_bytes = fs->opts.search_bytes ? fs->opts.search_bytes : SEARCH_BYTES,
		.all = fs->opts.contexts,
		.progress = fs->opts.progress,
		.progress_arg = fs->opts.progress_arg,
	};

	return fltmgr_collect_holders(&fs->reader, &fs->modules, &fs->choice, &wants, &fs->builder,
				      err);
}

static enum fs_status collect(struct fltscope *fs, struct fs_error *err)
{
	struct fs_model *m = &fs->model;
	/* What the code does is known for the layout's own build and machine only. */
	bool own = fs->choice.match != LMATCH_FAMILY &&
		   strcmp(layout_machine(fs->choice.layout), session_machine(fs)) == 0;
	const char *walk = own ? layout_fact(fs->choice.layout, "unload-walk") : NULL;
	const char *accounting = own ? layout_fact(fs->choice.layout, "rundown-accounting") : NULL;
	enum fs_status st;

	/* The code of this very dump knows better than a layout. */
	if (fs->choice.proof.unload_walk) {
		walk = fs->choice.proof.unload_walk;
		m->unload_walk_at = fs->choice.proof.unload_walk_at;
	}
	session_progress(fs, "reading the Filter Manager's objects");
	m->located_by = fs->choice.site.how;
	m->globals = model_none();
	if (fs->choice.site.globals_known)
		m->globals = model_value(&fs->builder, "FltGlobals", FS_OK, fs->choice.site.globals,
					 NULL);
	/* Found by its list, its beginning is as good as the layout's word for it. */
	m->globals.unproved = fs->choice.source == FS_LAYOUT_FAMILY && !fs->globals_by_symbol;
	if (walk) {
		m->unload_walk = arena_strdup(&fs->arena, walk);
		if (!m->unload_walk)
			return fs_fail(err, FS_NO_MEMORY, "out of memory");
	}
	if (accounting) {
		m->rundown_accounting = arena_strdup(&fs->arena, accounting);
		if (!m->rundown_accounting)
			return fs_fail(err, FS_NO_MEMORY, "out of memory");
	}
	fs->reader.fltmgr = fs->choice.layout;
	st = fltmgr_collect(&fs->reader, &fs->modules, &fs->choice, &fs->builder, err);
	if (st == FS_NO_MEMORY)
		return st;
	if (st == FS_OK) {
		m->found = true;
		return holders(fs, err);
	}
	m->not_found = arena_strdup(&fs->arena, err->text);
	return FS_OK;
}

static const char *pdb_of(struct fltscope *fs, const struct module *mod, const char *else_name)
{
	const struct fs_module *m = mod ? &fs->model.modules[mod - fs->modules.list.v] : NULL;

	if (!m || !m->pdb_name)
		return else_name;
	return arena_printf(&fs->arena, "%s, %s%X", path_base(m->pdb_name), m->pdb_guid,
			    m->pdb_age);
}

/* What to bring: the PDBs' names and keys, as symbol servers have them. */
static enum fs_status no_layout(struct fltscope *fs, struct fs_error *err)
{
	const char *nt = pdb_of(fs, module_nt(&fs->modules), "nt's");
	const char *fm = pdb_of(fs, module_fltmgr(&fs->modules), "fltmgr's");

	if (nt && fm)
		fs->model.not_found =
			arena_printf(&fs->arena,
				     "the layout of this build (%u, %s) is not known, so no list "
				     "can be walked: give its PDBs with -y (%s; %s)",
				     session_build(fs), session_machine(fs), nt, fm);
	return fs->model.not_found ? FS_OK : fs_fail(err, FS_NO_MEMORY, "out of memory");
}

enum fs_status session_fltmgr(struct fltscope *fs, struct fs_error *err)
{
	struct fltmgr_given given = {0};
	enum fs_status st;

	if (!fs->modules.list.n) {
		if (!fs->model.not_found)
			fs->model.not_found =
				"the dump has no module list, so fltmgr.sys was not found";
		return FS_OK;
	}
	if (!fs->nt) {
		return no_layout(fs, err);
	}
	given.user = fs->user_fltmgr;
	if (fs->model.fltmgr_module >= 0) {
		if (!given.user) {
			st = session_pdb_layout(fs, LM_FLTMGR, &given.pdb, err);
			if (st != FS_OK)
				return st;
		}
		given.globals_known = session_pdb_symbol(fs, (size_t)fs->model.fltmgr_module,
							 "FltGlobals", &given.globals_rva);
	}
	session_progress(fs, "proving the Filter Manager's layout");
	st = fltmgr_choose(&fs->reader, &fs->modules, session_build(fs), &given, &fs->arena,
			   &fs->choice, err);
	fs->globals_by_symbol =
		st == FS_OK && given.globals_known && fs->choice.site.globals_known &&
		fs->choice.site.globals == module_fltmgr(&fs->modules)->base + given.globals_rva;
	if (st == FS_NO_MEMORY)
		return st;
	if (st == FS_OK)
		fs->user_fltmgr = NULL; /* the choice's now */
	if (tell_candidates(fs, err) != FS_OK)
		return FS_NO_MEMORY;
	if (st != FS_OK) {
		fs->model.not_found = arena_strdup(&fs->arena, err->text);
		return fs->model.not_found ? FS_OK : fs_fail(err, FS_NO_MEMORY, "out of memory");
	}
	st = tell_layout(fs, err);
	return st == FS_OK ? collect(fs, err) : st;
}
