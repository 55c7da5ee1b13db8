/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual memory under construction: pages, strings, automatic addresses, labels. */
#include "mkworld.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

void *xalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		die(NULL, "out of memory");
	return p;
}

char *xstrndup(const char *s, size_t n)
{
	char *p = xalloc(n + 1);

	memcpy(p, s, n);
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

static size_t map_slot(const struct map *m, uint64_t key)
{
	size_t i = (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (m->cap - 1);

	while (m->val[i] && m->key[i] != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

bool map_get(const struct map *m, uint64_t key, size_t *ret)
{
	size_t i;

	if (!m->cap)
		return false;
	i = map_slot(m, key);
	if (!m->val[i])
		return false;
	*ret = m->val[i] - 1;
	return true;
}

void map_put(struct world *w, struct map *m, uint64_t key, size_t val)
{
	struct map old = *m;
	size_t i;

	(void)w;
	if (m->n * 2 >= m->cap) {
		m->cap = m->cap ? m->cap * 2 : 1024;
		m->key = xalloc(m->cap * sizeof(*m->key));
		m->val = xalloc(m->cap * sizeof(*m->val));
		for (i = 0; i < old.cap; i++) {
			size_t slot;

			if (!old.val[i])
				continue;
			slot = map_slot(m, old.key[i]);
			m->key[slot] = old.key[i];
			m->val[slot] = old.val[i];
		}
		free(old.key);
		free(old.val);
	}
	i = map_slot(m, key);
	if (!m->val[i])
		m->n++;
	m->key[i] = key;
	m->val[i] = val + 1;
}

struct vpage *page_at(struct world *w, uint64_t va)
{
	size_t i;

	return map_get(&w->page_index, va / PAGE, &i) ? w->pages.v[i] : NULL;
}

struct vpage *page_make(struct world *w, uint64_t va)
{
	struct vpage *p = page_at(w, va);

	if (p)
		return p;
	p = xalloc(sizeof(*p));
	p->va = va & ~(uint64_t)(PAGE - 1);
	memset(p->data, w->padding, PAGE);
	map_put(w, &w->page_index, va / PAGE, w->pages.n);
	*(struct vpage **)push(w, &w->pages) = p;
	return p;
}

void mem_write(struct world *w, uint64_t va, const void *buf, size_t n)
{
	const uint8_t *src = buf;

	while (n) {
		size_t off = (size_t)(va % PAGE);
		size_t part = PAGE - off < n ? PAGE - off : n;

		memcpy(page_make(w, va)->data + off, src, part);
		src += part;
		va += part;
		n -= part;
	}
}

void mem_fill(struct world *w, uint64_t va, uint8_t byte, uint64_t n)
{
	while (n) {
		size_t off = (size_t)(va % PAGE);
		size_t part = PAGE - off < n ? PAGE - off : (size_t)n;

		memset(page_make(w, va)->data + off, byte, part);
		va += part;
		n -= part;
	}
}

void mem_read(struct world *w, uint64_t va, void *buf, size_t n)
{
	uint8_t *dst = buf;

	while (n) {
		size_t off = (size_t)(va % PAGE);
		size_t part = PAGE - off < n ? PAGE - off : n;
		struct vpage *p = page_at(w, va);

		if (!p)
			die(w, "nothing was placed at 0x%llx yet", (unsigned long long)va);
		memcpy(dst, p->data + off, part);
		dst += part;
		va += part;
		n -= part;
	}
}

uint64_t mem_get(struct world *w, uint64_t va, unsigned size)
{
	uint8_t b[8] = {0};

	mem_read(w, va, b, size);
	return load_u64(b);
}

void mem_put(struct world *w, uint64_t va, uint64_t v, unsigned size)
{
	uint8_t b[8];

	st64(b, v);
	mem_write(w, va, b, size);
}

void mem_extent(struct world *w, uint64_t va, uint64_t size)
{
	struct extent *e;

	if (w->quiet_extents || !size)
		return;
	e = push(w, &w->extents);
	e->va = va;
	e->size = size;
}

/* Like pool: blocks of 16 bytes with a header between them. */
uint64_t mem_alloc(struct world *w, uint64_t size)
{
	uint64_t va = w->pool + 0x10;

	w->pool = (va + size + 0xf) & ~(uint64_t)0xf;
	return va;
}

uint64_t mem_utf16(struct world *w, uint64_t va, const uint16_t *s, size_t units)
{
	if (!va)
		va = mem_alloc(w, units * 2 + 2);
	for (size_t i = 0; i < units; i++)
		mem_put(w, va + i * 2, s[i], 2);
	/* No terminator: a reader that looks for one must be caught. */
	mem_put(w, va + units * 2, 0xbdbd, 2);
	mem_extent(w, va, units * 2);
	return va;
}

void put_ustr(struct world *w, uint64_t va, const uint16_t *s, size_t units, uint64_t buffer)
{
	if (units > 0x7ffe)
		die(w, "a string of %zu units does not fit a UNICODE_STRING", units);
	if (units || buffer)
		buffer = mem_utf16(w, buffer, s, units);
	mem_put(w, va, units * 2, 2);
	mem_put(w, va + 2, units * 2, 2);
	mem_put(w, va + pointer_size(w), buffer, pointer_size(w));
}

static uint64_t name_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	while (*s)
		h = (h ^ (uint8_t)*s++) * 0x100000001b3u;
	return h;
}

void label_add(struct world *w, const char *name, uint64_t va, const char *type)
{
	struct label *l;

	if (label_find(w, name))
		die(w, "label %s is already taken", name);
	map_put(w, &w->label_index, name_hash(name), w->labels.n);
	l = push(w, &w->labels);
	l->name = xstrdup(name);
	l->type = type ? xstrdup(type) : NULL;
	l->va = va;
}

const struct label *label_find(const struct world *w, const char *name)
{
	size_t i;

	if (!map_get(&w->label_index, name_hash(name), &i))
		return NULL;
	if (strcmp(w->labels.v[i].name, name) != 0)
		die(w, "labels %s and %s collide: rename one", name, w->labels.v[i].name);
	return &w->labels.v[i];
}
