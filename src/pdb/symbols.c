/* SPDX-License-Identifier: BSD-2-Clause */
#include "pdb/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdb/symbols_impl.h"

#define FILE_BYTES_MAX ((uint64_t)1 << 30)
#define ANSWERS_MAX    4096 /* remembered; beyond that one asks again */
#define REPORT_WHY_MAX FS_ERROR_TEXT

enum fs_status symbols_create(const struct symbols_options *options, struct symbols **ret,
			      struct fs_error *err)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return fs_fail(err, FS_NO_MEMORY, "symbols: out of memory");
	s->o = *options;
	if (s->o.limits.max_bytes == 0)
		s->o.limits.max_bytes = FILE_BYTES_MAX;
	*ret = s;
	return FS_OK;
}

void symbols_destroy(struct symbols *s)
{
	if (!s)
		return;
	downloader_destroy(s->downloader);
	vec_free(&s->answer);
	vec_free(&s->server);
	vec_free(&s->report.place);
	arena_deinit(&s->report.mem);
	arena_deinit(&s->mem);
	free(s);
}

const struct symbol_report *symbols_report(const struct symbols *s)
{
	return &s->report;
}

void found_out(struct search *f, const char *where, enum fs_status status, const char *fmt, ...)
{
	struct symbol_report *r = &f->s->report;
	char why[REPORT_WHY_MAX];
	struct symbol_place *p;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(why, sizeof(why), fmt, ap) < 0)
		why[0] = '\0';
	va_end(ap);
	p = vec_push(&r->place);
	if (!p) {
		f->no_memory = true;
		return;
	}
	p->status = status;
	p->where = arena_strdup(&r->mem, where);
	p->why = arena_strdup(&r->mem, why);
	if (!p->where || !p->why) {
		f->no_memory = true;
		r->place.n--;
	}
}

bool seen_before(struct search *f, const char *what)
{
	const char **slot;
	size_t i;

	for (i = 0; i < f->seen.n; i++)
		if (strcmp(f->seen.v[i], what) == 0)
			return true;
	slot = vec_push(&f->seen);
	if (slot)
		*slot = what;
	else
		f->no_memory = true;
	return false;
}

const char *cache_dir(const struct search *f, size_t i, bool need)
{
	size_t t = f->e ? f->tier : 0, found = 0;

	while (t-- > 0) {
		if (f->e->tier[t].kind != SYMBOL_TIER_DIR)
			continue;
		if (found++ == i)
			return f->e->tier[t].where;
	}
	return need && found == 0 && i == 0 ? f->s->o.default_cache : NULL;
}

/* Into every directory before the one where it was found; the leftmost copy is the answer, as
 * the next search meets it first. A cache that cannot be written to is told, no more. */
static const char *spread(struct search *f, const char *path)
{
	struct fs_error err = {0};
	const char *root, *copy = NULL, *best = path;
	enum fs_status st;
	size_t i, n;

	for (i = 0; (root = cache_dir(f, i, false)) != NULL; i++) {
		n = strlen(root);
		if (strncmp(path, root, n) == 0 && path[n] == '/')
			continue;
		st = store_copy(&f->s->mem, path, root, &f->id, f->limit, &f->req->check, &copy,
				&err);
		if (st == FS_OK)
			best = copy;
		else
			found_out(f, root, st, "not copied here: %s", err.text);
	}
	return best;
}

static const char *along_path(struct search *f)
{
	const struct symbol_path *sp = f->s->o.path;
	const char *path = NULL;
	size_t i;

	for (i = 0; i < sp->element.n; i++) {
		f->e = &sp->element.v[i];
		if (f->e->problem)
			found_out(f, f->e->text, FS_INVALID, "%s", f->e->problem);
		for (f->tier = 0; f->tier < f->e->ntiers; f->tier++) {
			path = f->e->tier[f->tier].kind == SYMBOL_TIER_DIR ? find_in_dir(f)
									   : find_at_url(f);
			if (path)
				return spread(f, path);
			if (f->interrupted || f->no_memory)
				return NULL;
		}
	}
	return NULL;
}

static struct symbol_answer *remembered(struct symbols *s, const struct search *f)
{
	size_t i;

	for (i = 0; i < s->answer.n; i++) {
		struct symbol_answer *a = &s->answer.v[i];

		/* what was not found without the network may be found with it */
		if ((a->path || !a->offline || f->req->offline) &&
		    strcmp(a->id.name, f->id.name) == 0 && strcmp(a->id.key, f->id.key) == 0)
			return a;
	}
	return NULL;
}

/* Not being able to remember is no failure of the request. */
static void remember(struct symbols *s, const struct search *f, const char *path, const char *why)
{
	struct symbol_answer *a;

	if (s->answer.n == ANSWERS_MAX)
		return;
	a = vec_push(&s->answer);
	if (!a)
		return;
	a->id.name = arena_strdup(&s->mem, f->id.name);
	a->id.key = arena_strdup(&s->mem, f->id.key);
	a->offline = f->req->offline;
	a->path = path;
	a->why = path ? "" : arena_strdup(&s->mem, why);
	if (!a->id.name || !a->id.key || !a->why)
		s->answer.n--;
}

static enum fs_status not_found(const struct search *f, struct fs_error *err)
{
	const struct symbol_report *r = &f->s->report;
	const struct symbol_place *p = NULL;
	size_t i;

	if (r->place.n == 0)
		return fs_fail(err, FS_NOT_FOUND,
			       "%s %s: not found, because the symbol path is empty (-y, "
			       "_NT_SYMBOL_PATH)",
			       f->id.name, f->id.key);
	/* a plain miss tells least */
	for (i = 0; i < r->place.n; i++)
		if (!p || (p->status == FS_NOT_FOUND && r->place.v[i].status != FS_NOT_FOUND))
			p = &r->place.v[i];
	return fs_fail(err, FS_NOT_FOUND, "%s %s: not found in %zu place%s; %.120s: %.200s",
		       f->id.name, f->id.key, r->place.n, r->place.n == 1 ? "" : "s", p->where,
		       p->why);
}

/* The name and key made safe, the report emptied. */
static enum fs_status begin(struct symbols *s, const struct symbol_request *req, struct search *f,
			    struct fs_error *err)
{
	enum fs_status st;

	*f = (struct search){.s = s, .req = req, .limit = s->o.limits.max_bytes};
	s->report.place.n = 0;
	arena_deinit(&s->report.mem);
	if (!req->check.verify)
		return fs_fail(err, FS_INVALID, "a symbol request without a check");
	st = symbol_name_safe(req->name, f->name, sizeof(f->name), err);
	if (st != FS_OK)
		return st;
	if (!symbol_key_ok(req->guid_age))
		return fs_fail(err, FS_INVALID,
			       "%s: key '%.60s' is not %d to %d hexadecimal digits", f->name,
			       req->guid_age ? req->guid_age : "", 9, SYMBOL_KEY_MAX);
	f->id = (struct symbol_id){f->name, req->guid_age};
	return FS_OK;
}

static enum fs_status search(struct search *f, const char **path, struct fs_error *err)
{
	const struct symbol_answer *a = remembered(f->s, f);
	struct fs_error why = {0};
	const char *found;

	if (a && a->path) {
		*path = a->path;
		return FS_OK;
	}
	if (a)
		return fs_fail(err, FS_NOT_FOUND, "when it was asked for before: %s", a->why);
	found = along_path(f);
	if (f->no_memory)
		return fs_fail(err, FS_NO_MEMORY, "looking for %s: out of memory", f->id.name);
	if (f->interrupted)
		return fs_fail(err, FS_INVALID, "looking for %s: interrupted", f->id.name);
	if (!found)
		(void)not_found(f, &why);
	remember(f->s, f, found, why.text);
	if (!found)
		return fs_fail(err, FS_NOT_FOUND, "%s", why.text);
	*path = found;
	return FS_OK;
}

enum fs_status symbol_find(struct symbols *s, const struct symbol_request *req, const char **path,
			   struct fs_error *err)
{
	struct search f;
	enum fs_status st = begin(s, req, &f, err);

	if (st == FS_OK)
		st = search(&f, path, err);
	vec_free(&f.seen);
	return st;
}

/* Whole and right under its key: neither flat, nor compressed, nor elsewhere. */
static const char *already_in(struct search *f, const char *dir)
{
	struct store_candidates c;
	size_t i;

	if (store_candidates(&f->s->mem, dir, &f->id, STORE_KEYED, &c, NULL) != FS_OK)
		return NULL;
	for (i = 0; i < c.n; i++) {
		const char *p = c.v[i].path;

		if (c.v[i].kind != STORE_FILE ||
		    f->req->check.verify(f->req->check.arg, p, NULL) != FS_OK)
			continue;
		found_out(f, p, FS_OK, "%s", "");
		return p;
	}
	return NULL;
}

enum fs_status symbol_fetch(struct symbols *s, const struct symbol_request *req, const char *dir,
			    const char **path, struct fs_error *err)
{
	const char *found = NULL, *copy;
	struct search f;
	enum fs_status st = begin(s, req, &f, err);

	copy = st == FS_OK ? already_in(&f, dir) : NULL;
	if (copy) {
		*path = copy;
		return FS_OK;
	}
	if (st == FS_OK)
		st = search(&f, &found, err);
	if (st == FS_OK)
		st = store_copy(&s->mem, found, dir, &f.id, f.limit, &req->check, &copy, err);
	vec_free(&f.seen);
	if (st == FS_OK)
		*path = copy;
	return st;
}
