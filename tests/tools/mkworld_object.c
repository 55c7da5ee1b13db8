/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects by field name, and the lists that tie them. */
#include "mkworld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNITS 8192

static void put_string(struct lex *l, uint64_t va)
{
	uint16_t *s = xalloc(UNITS * sizeof(*s));
	size_t n = lex_string(l, s, UNITS);
	uint64_t at = lex_keyword(l, "at") ? lex_expr(l) : 0;

	put_ustr(l->w, va, s, n, at);
	free(s);
}

/* `= value` or `+= value` for the place at va. */
static void assign(struct lex *l, uint64_t va, const struct place *place, const char *what)
{
	struct world *w = l->w;
	bool add = lex_take(l, "+=");
	uint64_t v;

	if (!add)
		lex_expect(l, "=");
	if (lex_is_string(l)) {
		put_string(l, va);
		lex_end(l);
		return;
	}
	if (lex_keyword(l, "ustr")) { /* Length MaximumLength Buffer, as they are */
		mem_put(w, va, lex_expr(l), 2);
		mem_put(w, va + 2, lex_expr(l), 2);
		mem_put(w, va + pointer_size(w), lex_expr(l), pointer_size(w));
		lex_end(l);
		return;
	}
	if (place->size != 1 && place->size != 2 && place->size != 4 && place->size != 8)
		die(w, "%s is no scalar: %s of %llu bytes", what, place->type,
		    (unsigned long long)place->size);
	v = lex_expr(l);
	lex_end(l);
	if (add)
		v += mem_get(w, va, (unsigned)place->size);
	if (!add && place->size < 8 && v >> (place->size * 8) && v >> 31 != 0x1ffffffffu)
		die(w, "0x%llx does not fit %s", (unsigned long long)v, what);
	mem_put(w, va, v, (unsigned)place->size);
}

static void fields(struct lex *l, struct stream *s, const char *type, uint64_t va)
{
	struct world *w = l->w;
	char text[4096];

	lex_expect(l, "{");
	lex_end(l);
	for (;;) {
		struct lex in = {w, text};
		char path[256];
		struct place place;
		size_t n;
		bool optional;

		if (!next_line(w, s, text, sizeof(text)))
			die(w, "no '}' for this object");
		if (lex_done(&in))
			continue;
		if (lex_take(&in, "}"))
			return lex_end(&in);
		n = strcspn(in.p, " \t=+?");
		if (n >= sizeof(path))
			die(w, "a field path is too long");
		memcpy(path, in.p, n);
		path[n] = '\0';
		in.p += n;
		optional = lex_take(&in, "?");
		if (field_find(w, type, path, &place))
			assign(&in, va + place.offset, &place, path);
		else if (!optional)
			die(w, "this build's %s has no field %s (write %s? to skip it)", type, path,
			    path);
	}
}

/* object TYPE ADDR|auto LABEL [{] */
void stmt_object(struct lex *l, struct stream *s)
{
	struct world *w = l->w;
	char type[128], label[128];
	uint64_t va, size;
	uint8_t *map;

	lex_need(l, type, sizeof(type), "a type");
	size = type_size(w, type);
	va = lex_keyword(l, "auto") ? mem_alloc(w, size) : lex_expr(l);
	lex_need(l, label, sizeof(label), "a label");
	label_add(w, label, va, type);
	mem_extent(w, va, size);
	mem_fill(w, va, 0, size);
	if (w->padding) {
		map = xalloc(size);
		mark_fields(w, type, map, size, 0);
		for (uint64_t i = 0; i < size; i++)
			if (!map[i])
				mem_put(w, va + i, w->padding, 1);
		free(map);
	}
	if (!lex_done(l))
		fields(l, s, type, va);
}

/* amend LABEL { … } */
void stmt_amend(struct lex *l, struct stream *s)
{
	char name[128];
	const struct label *label;

	lex_need(l, name, sizeof(name), "a label");
	label = label_find(l->w, name);
	if (!label || !label->type)
		die(l->w, "no object %s", name);
	fields(l, s, label->type, label->va);
}

/* @label.Path = value, @label.Path? = value */
void stmt_assign(struct lex *l)
{
	char type[128], path[128], *dot;
	char name[256];
	const struct label *label;
	struct place place;
	size_t n;

	lex_expect(l, "@");
	n = strcspn(l->p, " \t=+?");
	if (n >= sizeof(name))
		die(l->w, "a name is too long");
	memcpy(name, l->p, n);
	name[n] = '\0';
	l->p += n;
	dot = strchr(name, '.');
	if (!dot)
		die(l->w, "@label.Field expected");
	*dot = '\0';
	label = label_find(l->w, name);
	if (!label || !label->type)
		die(l->w, "no object %s", name);
	(void)snprintf(type, sizeof(type), "%s", label->type);
	(void)snprintf(path, sizeof(path), "%s", dot + 1);
	if (field_find(l->w, type, path, &place)) {
		(void)lex_take(l, "?");
		assign(l, label->va + place.offset, &place, path);
	} else if (!lex_take(l, "?")) {
		die(l->w, "this build's %s has no field %s", type, path);
	}
}

struct head {
	uint64_t va;
	uint64_t count_va; /* 0: the head has no counter */
	unsigned step;
};

/* rList has rCount beside it, mList has mCount, which counts in twos. */
static struct head take_head(struct lex *l)
{
	char type[128], path[128], name[128];
	const char *at;
	struct head h = {0};
	struct place place;
	size_t n, len;

	lex_space(l);
	at = l->p;
	if (*at != '@') {
		h.va = lex_expr(l);
		return h;
	}
	h.va = lex_ref(l, type, path, sizeof(type));
	n = strlen(path);
	if (n < 5 || (strcmp(path + n - 5, "rList") != 0 && strcmp(path + n - 5, "mList") != 0))
		return h;
	len = strcspn(at + 1, ".");
	memcpy(name, at + 1, len < 127 ? len : 127);
	name[len < 127 ? len : 127] = '\0';
	(void)snprintf(path + n - 4, sizeof(path) - n + 4, "Count");
	if (!field_find(l->w, label_find(l->w, name)->type, path, &place))
		return h;
	h.count_va = label_find(l->w, name)->va + place.offset;
	h.step = path[n - 5] == 'm' ? 2 : 1;
	return h;
}

static void init_head(struct world *w, const struct head *h)
{
	unsigned n = pointer_size(w);

	mem_put(w, h->va, h->va, n);
	mem_put(w, h->va + n, h->va, n);
	if (h->count_va)
		mem_put(w, h->count_va, 0, 4);
}

static void insert_tail(struct world *w, const struct head *h, uint64_t link)
{
	unsigned n = pointer_size(w);
	uint64_t blink = mem_get(w, h->va + n, n);

	mem_put(w, link, h->va, n);
	mem_put(w, link + n, blink, n);
	mem_put(w, blink, link, n);
	mem_put(w, h->va + n, link, n);
	if (h->count_va)
		mem_put(w, h->count_va, mem_get(w, h->count_va, 4) + h->step, 4);
}

/* list HEAD : [LINK…] */
void stmt_list(struct lex *l)
{
	struct head h = take_head(l);

	lex_expect(l, ":");
	init_head(l->w, &h);
	while (!lex_done(l))
		insert_tail(l->w, &h, lex_expr(l));
}

/* append HEAD LINK: at the tail; the head must have been made by list or emptylist */
void stmt_append(struct lex *l)
{
	struct head h = take_head(l);
	uint64_t link = lex_expr(l);
	unsigned n = pointer_size(l->w);

	lex_end(l);
	if (!mem_get(l->w, h.va + n, n))
		die(l->w, "the list head at 0x%llx was never made", (unsigned long long)h.va);
	insert_tail(l->w, &h, link);
}

/* emptylist HEAD [COUNT]: COUNT heads in a row */
void stmt_emptylist(struct lex *l)
{
	struct head h = take_head(l);
	uint64_t n = lex_done(l) ? 1 : lex_expr(l);

	lex_end(l);
	for (uint64_t i = 0; i < n; i++) {
		init_head(l->w, &h);
		h.va += 2 * (uint64_t)pointer_size(l->w);
	}
}
