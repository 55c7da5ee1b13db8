/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines, variables, macros, conditions, repetition. */
#include "mkworld.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 32
#define LINE_MAX_ 4096

void text_load(struct world *w, const char *path, struct block *ret)
{
	char *line = NULL;
	const char *name = xstrdup(path);
	size_t cap = 0;
	ssize_t n;
	int no = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		die(w, "%s: %s", path, strerror(errno));
	while ((n = getline(&line, &cap, f)) >= 0) {
		struct line *l = push(w, ret);

		while (n > 0 && isspace((unsigned char)line[n - 1]))
			line[--n] = '\0';
		l->text = xstrdup(line);
		l->file = name;
		l->no = ++no;
	}
	free(line);
	(void)fclose(f);
}

const char *var_get(const struct world *w, const char *name)
{
	for (size_t i = w->vars.n; i-- > 0;)
		if (!strcmp(w->vars.v[i].name, name))
			return w->vars.v[i].value;
	return NULL;
}

void var_set(struct world *w, const char *name, const char *value)
{
	struct var *v = push(w, &w->vars);

	v->name = xstrdup(name);
	v->value = xstrdup(value);
}

/* Length of "$name" or "${name}". */
static size_t variable_name(const struct world *w, const char *text, char *dst, size_t size)
{
	size_t brace = text[1] == '{', len = 0;
	const char *p = text + 1 + brace;

	while (isalnum((unsigned char)p[len]) || p[len] == '_')
		len++;
	if (len >= size || (brace && p[len] != '}'))
		die(w, "bad variable: %s", text);
	memcpy(dst, p, len);
	dst[len] = '\0';
	return 1 + brace + len + brace;
}

/* Replace $name and ${name}; a quoted value loses its quotes inside a string. Comments go. */
void subst_line(struct world *w, const char *text, char *dst, size_t size)
{
	size_t n = 0;
	bool quoted = false;

	while (*text) {
		char name[64];
		const char *value;
		size_t len = 0;

		if (*text == '#' && !quoted)
			break;
		if (*text == '"' && (n == 0 || dst[n - 1] != '\\' || !quoted))
			quoted = !quoted;
		if (*text != '$' || !(isalpha((unsigned char)text[1]) || text[1] == '{')) {
			if (n + 1 >= size)
				die(w, "line too long");
			dst[n++] = *text++;
			continue;
		}
		text += variable_name(w, text, name, sizeof(name));
		value = var_get(w, name);
		if (!value)
			die(w, "no variable $%s (use -D %s=…)", name, name);
		len = strlen(value);
		if (quoted && len >= 2 && value[0] == '"' && value[len - 1] == '"') {
			value++;
			len -= 2;
		}
		if (n + len + 1 >= size)
			die(w, "line too long");
		memcpy(dst + n, value, len);
		n += len;
	}
	dst[n] = '\0';
}

bool next_line(struct world *w, struct stream *s, char *dst, size_t size)
{
	if (s->i >= s->b->n)
		return false;
	w->at = &s->b->v[s->i++];
	subst_line(w, w->at->text, dst, size);
	return true;
}

static bool starts(const char *text, const char *word)
{
	size_t n = strlen(word);

	text += strspn(text, " \t");
	return !strncmp(text, word, n) && !isalnum((unsigned char)text[n]) && text[n] != '_';
}

/* Collect lines up to the matching end word; nested ones stay inside. */
static struct block collect(struct world *w, struct stream *s, const char *begin, const char *end)
{
	struct block b = {0};
	unsigned depth = 1;

	while (s->i < s->b->n) {
		const struct line *l = &s->b->v[s->i++];

		if (starts(l->text, begin))
			depth++;
		if (starts(l->text, end) && --depth == 0)
			return b;
		*(struct line *)push(w, &b) = *l;
	}
	die(w, "no '%s' for this '%s'", end, begin);
}

static void define_macro(struct lex *l, struct stream *s)
{
	struct macro *m = xalloc(sizeof(*m));
	char word[128];

	lex_need(l, word, sizeof(word), "a macro name");
	m->name = xstrdup(word);
	while (lex_word(l, word, sizeof(word)))
		*(char **)push(l->w, &m->params) = xstrdup(word);
	m->body = collect(l->w, s, "macro", "endmacro");
	*(struct macro **)push(l->w, &l->w->macros) = m;
}

/* One argument: a quoted string, or text up to a space outside parentheses. */
static char *macro_arg(struct lex *l)
{
	const char *start;
	unsigned depth = 0;
	bool quoted = false;

	lex_space(l);
	start = l->p;
	while (*l->p && (quoted || depth || !isspace((unsigned char)*l->p))) {
		if (*l->p == '"' && (l->p == start || l->p[-1] != '\\'))
			quoted = !quoted;
		else if (!quoted && *l->p == '(')
			depth++;
		else if (!quoted && *l->p == ')' && depth)
			depth--;
		l->p++;
	}
	return l->p > start ? xstrndup(start, (size_t)(l->p - start)) : NULL;
}

static void run_macro(struct lex *l, const struct macro *m)
{
	struct world *w = l->w;
	size_t mark = w->vars.n;
	char *args[16];

	if (m->params.n > 16)
		die(w, "macro %s has too many parameters", m->name);
	for (size_t i = 0; i < m->params.n; i++) {
		args[i] = macro_arg(l);
		if (!args[i])
			die(w, "macro %s: no value for %s", m->name, m->params.v[i]);
	}
	lex_end(l);
	for (size_t i = 0; i < m->params.n; i++)
		var_set(w, m->params.v[i], args[i]);
	text_run(w, &m->body);
	w->vars.n = mark;
}

static void run_repeat(struct lex *l, struct stream *s)
{
	struct world *w = l->w;
	char name[64], value[32];
	uint64_t from, count;
	struct block body;
	size_t mark;

	lex_need(l, name, sizeof(name), "a variable");
	from = lex_expr(l);
	count = lex_expr(l);
	lex_end(l);
	body = collect(w, s, "repeat", "endrepeat");
	mark = w->vars.n;
	for (uint64_t i = 0; i < count; i++) {
		(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)(from + i));
		var_set(w, name, value);
		text_run(w, &body);
		w->vars.n = mark;
	}
}

static bool condition(struct lex *l)
{
	char a[256], b[256], op[8];
	uint64_t x, y;

	if (lex_keyword(l, "defined")) {
		lex_need(l, a, sizeof(a), "a variable");
		return var_get(l->w, a);
	}
	if (lex_keyword(l, "has")) {
		struct place p;

		lex_need(l, a, sizeof(a), "a type");
		lex_need(l, b, sizeof(b), "a field");
		return field_find(l->w, a, b, &p);
	}
	if (lex_keyword(l, "hastype")) {
		lex_need(l, a, sizeof(a), "a type");
		return has_type(l->w, a);
	}
	if (lex_keyword(l, "same")) {
		lex_need(l, a, sizeof(a), "a word");
		lex_need(l, b, sizeof(b), "a word");
		return !strcmp(a, b);
	}
	x = lex_expr(l);
	lex_need(l, op, sizeof(op), "a comparison");
	y = lex_expr(l);
	if (!strcmp(op, "=="))
		return x == y;
	if (!strcmp(op, "!="))
		return x != y;
	if (!strcmp(op, ">="))
		return x >= y;
	if (!strcmp(op, "<"))
		return x < y;
	die(l->w, "no comparison %s", op);
}

static void run_if(struct lex *l, struct stream *s)
{
	bool yes = condition(l);
	struct block all, part = {0};
	unsigned depth = 0;
	bool mine = yes;

	lex_end(l);
	all = collect(l->w, s, "if", "endif");
	for (size_t i = 0; i < all.n; i++) {
		if (starts(all.v[i].text, "if"))
			depth++;
		else if (starts(all.v[i].text, "endif"))
			depth--;
		else if (depth == 0 && starts(all.v[i].text, "else")) {
			mine = !yes;
			continue;
		}
		if (mine)
			*(struct line *)push(l->w, &part) = all.v[i];
	}
	text_run(l->w, &part);
}

static void run_include(struct lex *l)
{
	char name[512], path[1024];
	const char *slash = strrchr(l->w->at->file, '/');
	struct block b = {0};

	lex_ascii(l, name, sizeof(name));
	lex_end(l);
	(void)snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash + 1 - l->w->at->file) : 0,
		       l->w->at->file, name);
	text_load(l->w, path, &b);
	text_run(l->w, &b);
}

static void run_set(struct lex *l, bool keep)
{
	char name[64];
	char *value;

	lex_need(l, name, sizeof(name), "a variable");
	value = macro_arg(l);
	if (!value)
		die(l->w, "a value is expected");
	lex_end(l);
	if (!keep || !var_get(l->w, name))
		var_set(l->w, name, value);
}

static bool run_macro_named(struct lex *l)
{
	for (size_t i = l->w->macros.n; i-- > 0;) {
		const struct macro *m = l->w->macros.v[i];

		if (lex_keyword(l, m->name)) {
			run_macro(l, m);
			return true;
		}
	}
	return false;
}

void text_run(struct world *w, const struct block *b)
{
	struct stream s = {b, 0};
	char text[LINE_MAX_];

	if (++w->depth > MAX_DEPTH)
		die(w, "macros or files go deeper than %d", MAX_DEPTH);
	while (next_line(w, &s, text, sizeof(text))) {
		struct lex l = {w, text};

		if (lex_done(&l))
			continue;
		if (lex_keyword(&l, "macro"))
			define_macro(&l, &s);
		else if (lex_keyword(&l, "include"))
			run_include(&l);
		else if (lex_keyword(&l, "if"))
			run_if(&l, &s);
		else if (lex_keyword(&l, "repeat"))
			run_repeat(&l, &s);
		else if (lex_keyword(&l, "set"))
			run_set(&l, false);
		else if (lex_keyword(&l, "default"))
			run_set(&l, true);
		else if (!run_macro_named(&l))
			stmt_run(&l, &s);
	}
	w->depth--;
}
