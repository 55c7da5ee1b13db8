/* SPDX-License-Identifier: BSD-2-Clause */
/* From an address or a name to a module. */
#include "module/collect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* VA of the last byte; the base itself for a module whose size is 0 or unknown. */
static uint64_t last_byte(const struct module *m)
{
	uint64_t n = m->size ? m->size - 1 : 0;

	return m->base > UINT64_MAX - n ? UINT64_MAX : m->base + n;
}

struct sort_key {
	uint64_t base;
	uint32_t index;
};

static int by_base(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void tell_overlap(struct modules *m, const struct module *low, const struct module *high)
{
	struct fs_error e;

	(void)fs_fail_at(&e, FS_CORRUPT, high->base,
			 "module %s (0x%" PRIx64 ", 0x%x bytes) overlaps %s (0x%" PRIx64
			 ", 0x%x bytes)",
			 high->name ? high->name : "without a name", high->base, high->size,
			 low->name ? low->name : "without a name", low->base, low->size);
	modules_gap(m, "loaded modules", &e);
}

static void tell_overlaps(struct modules *m, const struct sort_key *key)
{
	uint64_t reach = 0; /* highest last byte so far */
	size_t i, furthest = 0;

	for (i = 0; i < m->list.n; i++) {
		uint64_t end = last_byte(&m->list.v[key[i].index]);

		if (i > 0 && key[i].base <= reach)
			tell_overlap(m, &m->list.v[key[furthest].index], &m->list.v[key[i].index]);
		if (i == 0 || end >= reach) {
			reach = end;
			furthest = i;
		}
	}
}

/* The modules that the sweep is inside of, the one with the highest base on top. */
struct sweep {
	struct modules *m;
	uint32_t *stack;
	size_t n;
	uint64_t at; /* nothing before it is left to tell */
	bool failed;
};

static void add_range(struct sweep *s, uint64_t last)
{
	struct module_range *r = vec_push(&s->m->ranges);

	if (r)
		*r = (struct module_range){s->at, last, s->stack[s->n - 1]};
	else
		s->failed = true;
}

/* Every address below `end` gets its module; at the very end those up to `end` itself. */
static void sweep_to(struct sweep *s, uint64_t end, bool inclusive)
{
	while (s->n > 0) {
		uint64_t last = last_byte(&s->m->list.v[s->stack[s->n - 1]]);

		if (last >= end && !inclusive) {
			if (s->at < end)
				add_range(s, end - 1);
			break;
		}
		if (last >= s->at)
			add_range(s, last);
		s->n--;
		if (last == UINT64_MAX)
			return;
		if (last >= s->at)
			s->at = last + 1;
	}
	s->at = end;
}

/* However the ranges of a hostile list are nested, looking one up is a binary search. */
static bool make_ranges(struct modules *m, const struct sort_key *key)
{
	struct sweep s = {.m = m, .stack = calloc(m->list.n, sizeof(*s.stack))};
	size_t i;

	if (!s.stack)
		return false;
	for (i = 0; i < m->list.n; i++) {
		if (m->list.v[key[i].index].size == 0)
			continue;
		sweep_to(&s, key[i].base, false);
		s.stack[s.n++] = key[i].index;
	}
	sweep_to(&s, UINT64_MAX, true);
	free(s.stack);
	return !s.failed;
}

const struct module *module_at(const struct modules *m, uint64_t va)
{
	size_t lo = 0, hi = m->ranges.n;

	/* The number of ranges that do not begin above va. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->ranges.v[mid].first <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || m->ranges.v[lo - 1].last < va)
		return NULL;
	return &m->list.v[m->ranges.v[lo - 1].module];
}

const struct unloaded_module *unloaded_at(const struct modules *m, uint64_t va)
{
	size_t i;

	for (i = 0; i < m->unloaded.n; i++)
		if (va >= m->unloaded.v[i].start && va < m->unloaded.v[i].end)
			return &m->unloaded.v[i];
	return NULL;
}

/* Length of the name without the suffix that images of the kernel have. */
static size_t stem_length(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot && dot != name &&
	    (str_ieq(dot, ".sys") || str_ieq(dot, ".exe") || str_ieq(dot, ".dll")))
		return (size_t)(dot - name);
	return strlen(name);
}

static bool named(const char *have, const char *want)
{
	size_t n = stem_length(have);

	return str_ieq(have, want) || (strlen(want) == n && str_istarts(have, want));
}

const struct module *module_named(const struct modules *m, const char *name)
{
	const struct module *found = NULL;
	size_t i;

	if (str_ieq(name, "nt"))
		return module_nt(m);
	for (i = 0; i < m->list.n; i++) {
		if (!m->list.v[i].name || !named(m->list.v[i].name, name))
			continue;
		if (found)
			return NULL;
		found = &m->list.v[i];
	}
	return found;
}

const struct module *module_fltmgr(const struct modules *m)
{
	return module_named(m, "fltmgr.sys");
}

const struct module *module_nt(const struct modules *m)
{
	return m->nt >= 0 && (size_t)m->nt < m->list.n ? &m->list.v[m->nt] : NULL;
}

static int32_t find_nt(const struct modules *m)
{
	/* The names of the file on disk, on all kinds of x86 and x64 machines. */
	static const char *const names[] = {"ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe",
					    "ntkrpamp.exe"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct module *found = module_named(m, names[i]);

		if (found)
			return (int32_t)(found - m->list.v);
	}
	/* The loader puts the kernel first. */
	return m->first_read ? 0 : -1;
}

enum fs_status modules_index(struct modules *m, struct fs_error *err)
{
	struct sort_key *key;
	bool made;
	size_t i;

	m->nt = -1;
	if (m->list.n == 0)
		return FS_OK;
	key = calloc(m->list.n, sizeof(*key));
	if (!key)
		return fs_fail(err, FS_NO_MEMORY, "loaded modules: out of memory");
	for (i = 0; i < m->list.n; i++)
		key[i] = (struct sort_key){m->list.v[i].base, (uint32_t)i};
	qsort(key, m->list.n, sizeof(*key), by_base);
	tell_overlaps(m, key);
	made = make_ranges(m, key);
	free(key);
	if (!made)
		return fs_fail(err, FS_NO_MEMORY, "loaded modules: out of memory");
	m->nt = find_nt(m);
	return FS_OK;
}

int module_stem(const struct modules *m, const struct module *mod, char *dst, size_t size)
{
	if (mod == module_nt(m))
		return snprintf(dst, size, "nt");
	if (mod->name)
		return snprintf(dst, size, "%.*s", (int)stem_length(mod->name), mod->name);
	return snprintf(dst, size, "Unknown_Module_%016" PRIx64, mod->base);
}

bool module_symbol(const struct modules *m, uint64_t va, char *dst, size_t size)
{
	const struct module *mod = module_at(m, va);
	struct module_name name;
	size_t n;
	int len;

	if (!mod)
		return false;
	len = module_stem(m, mod, dst, size);
	n = len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1;
	if (!m->resolve || !m->resolve(m->resolve_arg, mod, va - mod->base, &name))
		(void)snprintf(dst + n, size - n, "+0x%" PRIx64, va - mod->base);
	else if (name.rva == va - mod->base)
		(void)snprintf(dst + n, size - n, "!%s", name.name);
	else
		(void)snprintf(dst + n, size - n, "!%s+0x%" PRIx64, name.name,
			       va - mod->base - name.rva);
	return true;
}

bool module_unloaded_symbol(const struct modules *m, uint64_t va, char *dst, size_t size)
{
	const struct unloaded_module *u = unloaded_at(m, va);

	if (!u)
		return false;
	(void)snprintf(dst, size, "<Unloaded_%s>+0x%" PRIx64, u->name ? u->name : "",
		       va - u->start);
	return true;
}
