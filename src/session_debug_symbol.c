/* SPDX-License-Identifier: BSD-2-Clause */
/* debug.h: from addresses to symbols and back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "module/exports.h"
#include "pdb/pdb.h"
#include "session.h"

enum { SYMBOLS_MAX = 1 << 20, CANDIDATES_SHOWN = 8, EXPRESSION_MAX = 1200 };

static void fill(struct fltscope *fs, size_t module, const char *name, uint64_t rva, uint64_t va,
		 enum fs_symbol_source source, struct fs_symbol *ret)
{
	const struct module *mod = &fs->modules.list.v[module];
	char offset[32] = "";

	memset(ret, 0, sizeof(*ret));
	(void)module_stem(&fs->modules, mod, ret->module, sizeof(ret->module));
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->va = mod->base + rva;
	ret->offset = va - ret->va;
	ret->source = source;
	if (ret->offset || !*name)
		(void)snprintf(offset, sizeof(offset), "+0x%" PRIx64, ret->offset);
	(void)snprintf(ret->text, sizeof(ret->text), "%s%s%s%s", ret->module, *name ? "!" : "",
		       name, offset);
}

enum fs_status fltscope_symbol_at(struct fltscope *fs, uint64_t va, struct fs_symbol *ret,
				  struct fs_error *err)
{
	const struct module *mod = module_at(&fs->modules, va);
	enum fs_symbol_source source;
	struct module_name name = {0};
	size_t i;

	memset(ret, 0, sizeof(*ret));
	if (!mod)
		return fs_fail_at(err, FS_NOT_FOUND, va, "0x%" PRIx64 " is in no module", va);
	i = (size_t)(mod - fs->modules.list.v);
	source = session_name_at(fs, i, va - mod->base, &name);
	if (source == FS_SYM_MODULE)
		name = (struct module_name){0};
	fill(fs, i, name.name, name.rva, va, source, ret);
	return FS_OK;
}

/* RVA of a name in one module. Exports are compared as WinDbg does, without case. */
static bool find_in(struct fltscope *fs, size_t module, const char *name, uint64_t *ret_rva)
{
	const struct exports *x;
	size_t i;

	if (session_pdb_symbol(fs, module, name, ret_rva))
		return true;
	x = session_exports(fs, module);
	for (i = 0; x && i < x->list.n; i++) {
		if (!str_ieq(x->list.v[i].name, name))
			continue;
		*ret_rva = x->list.v[i].rva;
		return true;
	}
	return false;
}

/* A name without a module: in all of them, of which those other than nt and fltmgr are not
 * asked for at servers. */
static enum fs_status find_anywhere(struct fltscope *fs, const char *name, uint64_t *ret_va,
				    struct fs_error *err)
{
	char found[512] = "", stem[300];
	size_t i, n = 0, used = 0;
	uint64_t rva;

	session_symbols_local(fs, true);
	for (i = 0; i < fs->modules.list.n; i++) {
		const struct module *mod = &fs->modules.list.v[i];

		if (!find_in(fs, i, name, &rva))
			continue;
		if (n++ == 0)
			*ret_va = mod->base + rva;
		(void)module_stem(&fs->modules, mod, stem, sizeof(stem));
		if (n <= CANDIDATES_SHOWN && used < sizeof(found))
			used += (size_t)snprintf(found + used, sizeof(found) - used,
						 "%s%.60s!%.80s", n > 1 ? ", " : "", stem, name);
	}
	session_symbols_local(fs, false);
	if (n == 1)
		return FS_OK;
	if (n > 1)
		return fs_fail(err, FS_INVALID, "\"%.80s\" is in %zu modules: %s", name, n, found);
	return fs_fail(err, FS_NOT_FOUND, "no symbol named \"%.80s\" is known", name);
}

static enum fs_status no_module(const char *name, struct fs_error *err)
{
	return fs_fail(err, FS_NOT_FOUND,
		       "no module, or more than one, is called \"%.80s\" in this dump", name);
}

static enum fs_status find_qualified(struct fltscope *fs, const char *module, const char *name,
				     uint64_t *ret_va, struct fs_error *err)
{
	const struct module *mod = module_named(&fs->modules, module);
	struct fs_module_symbols info = {0};
	uint64_t rva;
	size_t i;

	if (!mod)
		return no_module(module, err);
	i = (size_t)(mod - fs->modules.list.v);
	if (find_in(fs, i, name, &rva)) {
		*ret_va = mod->base + rva;
		return FS_OK;
	}
	(void)fltscope_module_symbols(fs, i, &info, NULL);
	return fs_fail(err, FS_NOT_FOUND, "%.60s has no symbol \"%.80s\"%s%.200s", module, name,
		       info.path ? "" : " among its exports; its PDB: ",
		       info.path  ? ""
		       : info.why ? info.why
				  : "not found");
}

/* "+0x58", "-8" at the end, in hex as debuggers take numbers. */
static bool split_offset(char *s, uint64_t *ret)
{
	char *at = strrchr(s, '+');
	char *minus = strrchr(s, '-');
	uint64_t v;

	*ret = 0;
	if (!at || (minus && minus > at))
		at = minus;
	if (!at || at == s)
		return true;
	if (!parse_address(at + 1, &v))
		return false;
	*ret = *at == '-' ? 0 - v : v;
	*at = '\0';
	return true;
}

enum fs_status fltscope_evaluate(struct fltscope *fs, const char *expression, uint64_t *ret_va,
				 struct fs_error *err)
{
	char s[EXPRESSION_MAX];
	uint64_t offset, va = 0;
	enum fs_status st;
	bool number;
	char *bang;

	if (strlen(expression) >= sizeof(s))
		return fs_fail(err, FS_INVALID, "an expression of more than %zu characters",
			       sizeof(s) - 1);
	strcpy(s, expression);
	if (!split_offset(s, &offset) || !s[0])
		return fs_fail(err, FS_INVALID, "\"%.100s\" is no address and no symbol",
			       expression);
	number = parse_address(s, &va);
	bang = strchr(s, '!');
	if (number && (strchr("0123456789", s[0]) || strchr(s, '`'))) {
		st = FS_OK;
	} else if (bang) {
		*bang = '\0';
		st = find_qualified(fs, s, bang + 1, &va, err);
	} else {
		st = find_anywhere(fs, s, &va, err);
		if (st == FS_NOT_FOUND && module_named(&fs->modules, s)) {
			va = module_named(&fs->modules, s)->base;
			st = FS_OK;
		} else if (st == FS_NOT_FOUND && number && parse_address(s, &va)) {
			st = FS_OK;
		}
	}
	if (st == FS_OK)
		*ret_va = va + offset;
	return st;
}

/* --- x module!pattern ---------------------------------------------------------- */

/* * and ?, no case; bounded by the lengths' product. */
static bool matches(const char *pattern, const char *s)
{
	const char *star = NULL, *retry = NULL;
	char a[2] = "", b[2] = "";

	while (*s) {
		a[0] = *pattern;
		b[0] = *s;
		if (*pattern == '*') {
			star = pattern++;
			retry = s;
		} else if (*pattern && (*pattern == '?' || str_ieq(a, b))) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star + 1;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

struct hit {
	uint64_t rva;
	const char *name;
};
struct hits {
	const char *pattern;
	struct arena names;
	VEC(struct hit) list;
	enum fs_status status;
};

static bool add_hit(struct hits *h, const char *name, uint64_t rva)
{
	struct hit *x;

	if (!matches(h->pattern, name))
		return true;
	x = h->list.n < SYMBOLS_MAX ? vec_push(&h->list) : NULL;
	if (!x) {
		h->status = h->list.n < SYMBOLS_MAX ? FS_NO_MEMORY : FS_LIMIT;
		return false;
	}
	x->rva = rva;
	x->name = arena_strdup(&h->names, name);
	if (!x->name) {
		h->list.n--;
		h->status = FS_NO_MEMORY;
	}
	return x->name != NULL;
}

static bool pdb_hit(void *arg, const struct pdb_symbol *s)
{
	return !s->has_rva || s->name_cut || add_hit(arg, session_shown_name(s->name), s->rva);
}

static int by_address(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->rva != y->rva)
		return x->rva < y->rva ? -1 : 1;
	return strcmp(x->name, y->name);
}

static enum fs_status collect_hits(struct fltscope *fs, size_t module, struct hits *h,
				   enum fs_symbol_source *ret_source, struct fs_error *err)
{
	struct pdb *p = session_pdb(fs, module);
	const struct exports *x = p ? NULL : session_exports(fs, module);
	enum fs_status st = FS_OK;
	size_t i;

	*ret_source = p ? FS_SYM_PDB : FS_SYM_EXPORT;
	if (p)
		st = pdb_symbols(p, PDB_ALL_SYMBOLS, pdb_hit, h, err);
	for (i = 0; x && i < x->list.n && add_hit(h, x->list.v[i].name, x->list.v[i].rva); i++)
		;
	if (st == FS_OK && h->status != FS_OK)
		st = fs_fail(err, h->status, "more symbols match than are kept");
	if (h->list.n)
		qsort(h->list.v, h->list.n, sizeof(*h->list.v), by_address);
	return st;
}

/* False when the callback has enough. */
static enum fs_status symbols_of(struct fltscope *fs, size_t module, const char *pattern,
				 fs_symbol_cb cb, void *arg, bool *ret_go_on, struct fs_error *err)
{
	struct hits h = {.pattern = pattern};
	enum fs_symbol_source source = FS_SYM_NONE;
	enum fs_status st = collect_hits(fs, module, &h, &source, err);
	uint64_t base = fs->modules.list.v[module].base;
	struct fs_symbol s;
	size_t i;

	for (i = 0; st == FS_OK && *ret_go_on && i < h.list.n; i++) {
		const struct hit *x = &h.list.v[i];

		if (i && by_address(x, x - 1) == 0)
			continue;
		fill(fs, module, x->name, x->rva, base + x->rva, source, &s);
		*ret_go_on = cb(arg, &s);
	}
	vec_free(&h.list);
	arena_deinit(&h.names);
	return st;
}

enum fs_status fltscope_symbols(struct fltscope *fs, const char *pattern, fs_symbol_cb cb,
				void *arg, struct fs_error *err)
{
	const char *bang = strchr(pattern, '!');
	char module[EXPRESSION_MAX], stem[300];
	enum fs_status st = FS_OK;
	const struct module *mod;
	bool go_on = true;
	size_t i;

	if (!bang || (size_t)(bang - pattern) >= sizeof(module))
		return fs_fail(err, FS_INVALID, "\"%.100s\": expected module!pattern", pattern);
	(void)snprintf(module, sizeof(module), "%.*s", (int)(bang - pattern), pattern);
	if (!strpbrk(module, "*?")) {
		mod = module_named(&fs->modules, module);
		if (!mod)
			return no_module(module, err);
		return symbols_of(fs, (size_t)(mod - fs->modules.list.v), bang + 1, cb, arg, &go_on,
				  err);
	}
	session_symbols_local(fs, true);
	for (i = 0; st == FS_OK && go_on && i < fs->modules.list.n; i++) {
		(void)module_stem(&fs->modules, &fs->modules.list.v[i], stem, sizeof(stem));
		if (matches(module, stem))
			st = symbols_of(fs, i, bang + 1, cb, arg, &go_on, err);
	}
	session_symbols_local(fs, false);
	return st;
}
