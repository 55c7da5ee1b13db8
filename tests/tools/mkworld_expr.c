/* SPDX-License-Identifier: BSD-2-Clause */
/* Words, strings and numbers of one line of a world. */
#include "mkworld.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void lex_space(struct lex *l)
{
	while (*l->p == ' ' || *l->p == '\t')
		l->p++;
}

bool lex_done(struct lex *l)
{
	lex_space(l);
	return !*l->p;
}

void lex_end(struct lex *l)
{
	if (!lex_done(l))
		die(l->w, "not understood: %s", l->p);
}

bool lex_take(struct lex *l, const char *punct)
{
	size_t n = strlen(punct);

	lex_space(l);
	if (strncmp(l->p, punct, n) != 0)
		return false;
	l->p += n;
	return true;
}

void lex_expect(struct lex *l, const char *punct)
{
	if (!lex_take(l, punct))
		die(l->w, "'%s' expected before: %s", punct, l->p);
}

bool lex_word(struct lex *l, char *dst, size_t size)
{
	size_t n = 0;

	lex_space(l);
	while (l->p[n] && !isspace((unsigned char)l->p[n]))
		n++;
	if (!n)
		return false;
	if (n >= size)
		die(l->w, "a word of %zu characters is too long", n);
	memcpy(dst, l->p, n);
	dst[n] = '\0';
	l->p += n;
	return true;
}

void lex_need(struct lex *l, char *dst, size_t size, const char *what)
{
	if (!lex_word(l, dst, size))
		die(l->w, "%s expected", what);
}

bool lex_keyword(struct lex *l, const char *word)
{
	size_t n = strlen(word);

	lex_space(l);
	if (strncmp(l->p, word, n) != 0 || isalnum((unsigned char)l->p[n]) || l->p[n] == '_')
		return false;
	l->p += n;
	return true;
}

/* A name: letters, digits, '_', and with `path` also '.', '[', ']'. */
static size_t take_name(struct lex *l, char *dst, size_t size, bool path)
{
	size_t n = 0;

	while (isalnum((unsigned char)l->p[n]) || l->p[n] == '_' ||
	       (path && strchr(".[]", l->p[n]) && l->p[n]))
		n++;
	if (n >= size)
		die(l->w, "a name of %zu characters is too long", n);
	memcpy(dst, l->p, n);
	dst[n] = '\0';
	l->p += n;
	return n;
}

uint64_t lex_ref(struct lex *l, char *type, char *path, size_t size)
{
	char name[128];
	const struct label *label;
	struct place place;

	lex_expect(l, "@");
	if (!take_name(l, name, sizeof(name), false))
		die(l->w, "a label is expected after @");
	label = label_find(l->w, name);
	if (!label)
		die(l->w, "no label %s", name);
	path[0] = type[0] = '\0';
	if (*l->p != '.') {
		if (label->type && strlen(label->type) < size)
			memcpy(type, label->type, strlen(label->type) + 1);
		return label->va;
	}
	l->p++;
	take_name(l, path, size, true);
	if (!label->type)
		die(l->w, "label %s has no type", name);
	if (!field_find(l->w, label->type, path, &place))
		die(l->w, "this build's %s has no field %s", label->type, path);
	if (strlen(place.type) < size)
		memcpy(type, place.type, strlen(place.type) + 1);
	return label->va + place.offset;
}

static uint64_t module_size(struct world *w, const char *stem)
{
	for (size_t i = 0; i < w->modules.n; i++)
		if (!strcmp(w->modules.v[i].stem, stem))
			return w->modules.v[i].size;
	die(w, "no module %s", stem);
}

static uint64_t call_function(struct lex *l, const char *name)
{
	char arg[256], *dot;
	struct place place;
	uint64_t v;

	lex_space(l);
	if (!strcmp(name, "deref")) {
		v = mem_get(l->w, lex_expr(l), pointer_size(l->w));
		lex_expect(l, ")");
		return v;
	}
	if (!take_name(l, arg, sizeof(arg), true))
		die(l->w, "%s(…) needs a name", name);
	lex_expect(l, ")");
	if (!strcmp(name, "sizeof"))
		return type_size(l->w, arg);
	if (!strcmp(name, "modsize"))
		return module_size(l->w, arg);
	if (!strcmp(name, "enummask"))
		return enum_mask(l->w, arg);
	if (strcmp(name, "offsetof") != 0)
		die(l->w, "no function %s", name);
	dot = strchr(arg, '.');
	if (!dot)
		die(l->w, "offsetof needs TYPE.FIELD");
	*dot = '\0';
	if (!field_find(l->w, arg, dot + 1, &place))
		die(l->w, "this build's %s has no field %s", arg, dot + 1);
	return place.offset;
}

static uint64_t primary(struct lex *l)
{
	char type[128], path[128], name[64];
	char *end;
	uint64_t v;

	lex_space(l);
	if (lex_take(l, "(")) {
		v = lex_expr(l);
		lex_expect(l, ")");
		return v;
	}
	if (*l->p == '@')
		return lex_ref(l, type, path, sizeof(type));
	if (isdigit((unsigned char)*l->p)) {
		v = strtoull(l->p, &end, 0);
		if (isalnum((unsigned char)*end))
			die(l->w, "bad number: %s", l->p);
		l->p = end;
		return v;
	}
	if (take_name(l, name, sizeof(name), false) && *l->p == '(') {
		l->p++;
		return call_function(l, name);
	}
	die(l->w, "a number, @label or function is expected before: %s%s", name, l->p);
}

/* Left to right, no precedence: parentheses say what is meant. */
uint64_t lex_expr(struct lex *l)
{
	uint64_t v = primary(l);

	for (;;) {
		const char *p = l->p;

		while (*p == ' ' || *p == '\t')
			p++;
		if (*p == '+' && p[1] != '=') {
			l->p = p + 1;
			v += primary(l);
		} else if (*p == '-') {
			l->p = p + 1;
			v -= primary(l);
		} else if (*p == '*') {
			l->p = p + 1;
			v *= primary(l);
		} else if (*p == '|') {
			l->p = p + 1;
			v |= primary(l);
		} else if (*p == '&') {
			l->p = p + 1;
			v &= primary(l);
		} else {
			return v;
		}
	}
}

bool lex_is_string(struct lex *l)
{
	lex_space(l);
	return *l->p == '"';
}

/* One character of a string: an escape or UTF-8. */
static uint32_t string_char(struct lex *l)
{
	unsigned char c = (unsigned char)*l->p;
	unsigned n;
	uint32_t v;
	char *end;

	if (c == '\\' && (l->p[1] == 'u' || l->p[1] == 'x') && l->p[2] == '{') {
		v = (uint32_t)strtoul(l->p + 3, &end, 16);
		if (*end != '}')
			die(l->w, "'}' expected in an escape");
		l->p = end + 1;
		return v;
	}
	if (c == '\\' && l->p[1] == '"') {
		l->p += 2;
		return '"';
	}
	n = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	v = n == 0 ? c : c & (0x3fu >> n);
	l->p++;
	while (n--)
		v = v << 6 | ((unsigned char)*l->p++ & 0x3f);
	return v;
}

size_t lex_string(struct lex *l, uint16_t *dst, size_t cap)
{
	size_t n = 0;

	lex_expect(l, "\"");
	while (*l->p != '"') {
		uint32_t c;

		if (!*l->p)
			die(l->w, "a string is not closed");
		c = string_char(l);
		if (n + 2 > cap)
			die(l->w, "a string is too long");
		if (c > 0xffff) {
			dst[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
			dst[n++] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
		} else {
			dst[n++] = (uint16_t)c;
		}
	}
	l->p++;
	return n;
}

void lex_ascii(struct lex *l, char *dst, size_t size)
{
	uint16_t u[512];
	size_t n = lex_string(l, u, 512);

	if (n >= size)
		die(l->w, "a string of %zu characters is too long here", n);
	for (size_t i = 0; i < n; i++)
		dst[i] = (char)u[i];
	dst[n] = '\0';
}
