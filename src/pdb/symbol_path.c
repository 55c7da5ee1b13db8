/* SPDX-License-Identifier: BSD-2-Clause */
#include "pdb/symbol_path.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct parser {
	struct symbol_path *sp;
	const struct symbol_defaults *defaults;
	struct symbol_element *e; /* the one being made */
	const char *cache;	  /* of the cache* to the left, or NULL */
	bool no_memory;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A copy of [s, s+n) without the white space and the quotes around it. */
static char *trimmed(struct parser *p, const char *s, size_t n)
{
	char *copy;

	while (n > 0 && is_space(*s)) {
		s++;
		n--;
	}
	while (n > 0 && is_space(s[n - 1]))
		n--;
	if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
		s++;
		n -= 2;
	}
	copy = arena_strndup(&p->sp->mem, s, n);
	if (!copy)
		p->no_memory = true;
	return copy;
}

/* "http://user:secret@host/" is shown as "http://...@host/". */
static const char *without_secrets(struct parser *p, const char *s)
{
	const char *host, *at;
	char *copy = arena_alloc(&p->sp->mem, strlen(s) + 1);
	size_t n = 0;

	if (!copy) {
		p->no_memory = true;
		return s;
	}
	while ((host = strstr(s, "://")) != NULL) {
		size_t skip = (size_t)(host + 3 - s), authority = strcspn(host + 3, "/\\?#*;");

		memcpy(copy + n, s, skip);
		n += skip;
		s += skip;
		at = memrchr(s, '@', authority);
		/* a name of one or two bytes leaves no room for the dots, and needs none */
		if (at && at - s >= 3) {
			memcpy(copy + n, "...", 3);
			n += 3;
		}
		if (at)
			s = at;
	}
	memcpy(copy + n, s, strlen(s) + 1);
	return copy;
}

static void problem(struct parser *p, const char *what, const char *why)
{
	const char *old = p->e->problem, *shown = without_secrets(p, what);

	p->e->problem = old ? arena_printf(&p->sp->mem, "%s; '%s': %s", old, shown, why)
			    : arena_printf(&p->sp->mem, "'%s': %s", shown, why);
	if (!p->e->problem)
		p->no_memory = true;
}

static void add_tier(struct parser *p, enum symbol_tier_kind kind, const char *where)
{
	struct symbol_tier *t;

	if (p->e->ntiers == SYMBOL_TIERS_MAX) {
		problem(p, where, "too many stores in one element");
		return;
	}
	t = &p->e->tier[p->e->ntiers++];
	t->kind = kind;
	t->where = where;
	t->shown = kind == SYMBOL_TIER_URL ? without_secrets(p, where) : where;
}

static bool is_url(const char *s)
{
	return strstr(s, "://") != NULL;
}

/* Why a store cannot be used on this system, or NULL. */
static const char *windows_path(const char *s)
{
	char c = s[0];
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

	if (letter && s[1] == ':')
		return "a Windows path (drive letter); give the folder's path on this system";
	if ((s[0] == '\\' && s[1] == '\\') || (s[0] == '/' && s[1] == '/'))
		return "a network share (UNC); mount it and give the folder's path on this system";
	if (strchr(s, '\\'))
		return "a Windows path (backslashes); give the folder's path on this system";
	if (s[0] == '%' && strchr(s + 1, '%'))
		return "a Windows variable; give the folder's path on this system";
	return NULL;
}

/* Why a URL cannot be used, or NULL. */
static const char *bad_url(const char *s)
{
	const char *host = strstr(s, "://") + 3, *at;
	size_t n = strcspn(host, "/?#");

	if (!str_istarts(s, "http://") && !str_istarts(s, "https://"))
		return "only http:// and https:// are fetched";
	at = memrchr(host, '@', n);
	if (n == 0 || (at && at + 1 == host + n))
		return "no host in this URL";
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '\\')
			return "white space, a control character or a backslash in a URL";
	if (strpbrk(host, "?#"))
		return "a symbol server's URL has no ? or #";
	return NULL;
}

static void add_url(struct parser *p, char *s)
{
	const char *why = bad_url(s);
	size_t n = strlen(s);

	if (why) {
		problem(p, s, why);
		return;
	}
	while (s[n - 1] == '/')
		s[--n] = '\0';
	add_tier(p, SYMBOL_TIER_URL, s);
}

/* The directory that a store's text means, or NULL with the problem told. */
static const char *directory(struct parser *p, const char *s)
{
	const struct symbol_defaults *d = p->defaults;
	const char *why;
	char *dir;

	if (s[0] == '\0') {
		if (!d->cache)
			problem(p, p->e->text, "no default cache is known; name a folder");
		return d->cache;
	}
	why = windows_path(s);
	if (!why && s[0] == '~' && (s[1] == '/' || s[1] == '\0') && !d->home)
		why = "no home directory is known";
	if (why) {
		problem(p, s, why);
		return NULL;
	}
	if (s[0] != '~' || (s[1] != '/' && s[1] != '\0'))
		return s;
	dir = arena_printf(&p->sp->mem, "%s%s", d->home, s + 1);
	if (!dir)
		p->no_memory = true;
	return dir;
}

static void add_store(struct parser *p, char *s)
{
	const char *dir;

	if (is_url(s)) {
		add_url(p, s);
		return;
	}
	dir = directory(p, s);
	if (dir)
		add_tier(p, SYMBOL_TIER_DIR, dir);
}

/* A URL needs a folder before it: a download is checked before it is used, and kept. */
static void need_cache(struct parser *p)
{
	struct symbol_element *e = p->e;
	const char *cache = p->defaults->cache;
	size_t i;

	if (e->ntiers == 0 || e->tier[0].kind == SYMBOL_TIER_DIR)
		return;
	if (cache && e->ntiers < SYMBOL_TIERS_MAX) {
		for (i = e->ntiers++; i > 0; i--)
			e->tier[i] = e->tier[i - 1];
		e->tier[0] = (struct symbol_tier){SYMBOL_TIER_DIR, cache, cache};
		return;
	}
	e->ntiers = 0;
	problem(p, e->text,
		"a URL needs a folder to keep files in, and no default cache is known: "
		"write srv*DIR*URL");
}

/* What follows srv* or symsrv*symsrv.dll*. Changes `s`. */
static enum fs_status server(struct parser *p, char *s, struct fs_error *err)
{
	size_t n = 0;
	char *next;

	p->e->kind = SYMBOL_SERVER;
	for (; s; s = next) {
		next = strchr(s, '*');
		if (next)
			*next++ = '\0';
		if (++n > SYMBOL_STORES_MAX)
			return fs_fail(err, FS_LIMIT, "symbol path: more than %d stores in '%s'",
				       SYMBOL_STORES_MAX, p->e->text);
		/* srv*DIR* and srv*URL* : nothing follows, so nothing is meant */
		if (*s == '\0' && !next && n > 1)
			break;
		add_store(p, s);
	}
	return FS_OK;
}

static void cache_element(struct parser *p, const char *s)
{
	const char *dir;

	p->e->kind = SYMBOL_CACHE;
	if (strchr(s, '*') || is_url(s)) {
		problem(p, s, "cache* takes one folder");
		return;
	}
	dir = directory(p, s);
	if (!dir)
		return;
	p->cache = dir;
	add_tier(p, SYMBOL_TIER_DIR, dir);
}

static enum fs_status symsrv(struct parser *p, char *s, struct fs_error *err)
{
	char *stores = strchr(s, '*');

	p->e->kind = SYMBOL_SERVER;
	if (stores)
		*stores++ = '\0';
	if (!str_ieq(path_base(s), "symsrv.dll")) {
		problem(p, s, "only symsrv.dll's stores are understood, not another server's DLL");
		p->e->ntiers = 0;
		return FS_OK;
	}
	if (!stores) {
		problem(p, p->e->text, "no store after symsrv.dll");
		return FS_OK;
	}
	return server(p, stores, err);
}

static enum fs_status element(struct parser *p, char *s, struct fs_error *err)
{
	enum fs_status st = FS_OK;

	if (str_istarts(s, "cache*")) {
		cache_element(p, s + 6);
		return FS_OK;
	}
	if (p->cache)
		add_tier(p, SYMBOL_TIER_DIR, p->cache);
	if (str_istarts(s, "srv*")) {
		st = server(p, s + 4, err);
	} else if (str_istarts(s, "symsrv*")) {
		st = symsrv(p, s + 7, err);
	} else if (strchr(s, '*')) {
		problem(p, s, "not srv*, symsrv* or cache*");
	} else {
		p->e->kind = is_url(s) ? SYMBOL_SERVER : SYMBOL_FOLDER;
		add_store(p, s);
	}
	/* the cache alone would be searched a second time for nothing */
	if (p->cache && p->e->ntiers == 1)
		p->e->ntiers = 0;
	need_cache(p);
	return st;
}

enum fs_status symbol_path_parse(const char *text, const struct symbol_defaults *defaults,
				 struct symbol_path *ret, struct fs_error *err)
{
	struct symbol_path sp = {0};
	struct parser p = {.sp = &sp, .defaults = defaults};
	enum fs_status st = FS_OK;
	const char *s = text;

	if (strlen(text) > SYMBOL_PATH_MAX)
		return fs_fail(err, FS_LIMIT, "symbol path: longer than %d bytes", SYMBOL_PATH_MAX);
	while (st == FS_OK && !p.no_memory && *s) {
		size_t n = strcspn(s, ";");
		char *one = trimmed(&p, s, n);

		s += n + (s[n] == ';');
		if (!one || *one == '\0')
			continue;
		if (sp.element.n == SYMBOL_ELEMENTS_MAX) {
			st = fs_fail(err, FS_LIMIT, "symbol path: more than %d elements",
				     SYMBOL_ELEMENTS_MAX);
			break;
		}
		p.e = vec_push(&sp.element);
		if (!p.e) {
			p.no_memory = true;
			break;
		}
		p.e->text = without_secrets(&p, one);
		st = element(&p, one, err);
	}
	if (p.no_memory)
		st = fs_fail(err, FS_NO_MEMORY, "symbol path: out of memory");
	if (st != FS_OK)
		symbol_path_deinit(&sp);
	else
		*ret = sp;
	return st;
}

void symbol_path_deinit(struct symbol_path *sp)
{
	vec_free(&sp->element);
	arena_deinit(&sp->mem);
}

const char *symbol_path_text(struct arena *mem, const char *given)
{
	const char *alt = getenv("_NT_ALT_SYMBOL_PATH"), *usual = getenv("_NT_SYMBOL_PATH");

	if (given)
		return arena_strdup(mem, given);
	return arena_printf(mem, "%s%s%s", alt ? alt : "", alt && usual ? ";" : "",
			    usual ? usual : "");
}

const char *symbol_default_cache(struct arena *mem)
{
	const char *dir = getenv("XDG_CACHE_HOME");

	/* the XDG specification has relative ones ignored */
	if (dir && dir[0] == '/')
		return arena_printf(mem, "%s/fltscope/symbols", dir);
	dir = getenv("HOME");
	if (dir && dir[0] == '/')
		return arena_printf(mem, "%s/.cache/fltscope/symbols", dir);
	return NULL;
}
