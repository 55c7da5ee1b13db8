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

static void sort_by_base(struct modules *m, struct sort_key *key)
{
	size_t i, furthest = 0;

	for (i = 0; i < m->list.n; i++)
		key[i] = (struct sort_key){m->list.v[i].base, (uint32_t)i};
	qsort(key, m->list.n, sizeof(*key), by_base);
	for (i = 0; i < m->list.n; i++) {
		uint64_t end = last_byte(&m->list.v[key[i].index]);

		m->by_base[i] = key[i].index;
		m->reach[i] = end;
		if (i > 0 && key[i].base <= m->reach[i - 1]) {
			tell_overlap(m, &m->list.v[key[furthest].index], &m->list.v[key[i].index]);
			if (end < m->reach[i - 1])
				m->reach[i] = m->reach[i - 1];
		}
		if (m->reach[i] == end)
			furthest = i;
	}
}

const struct module *module_at(const struct modules *m, uint64_t va)
{
	size_t lo = 0, hi = m->list.n;

	if (!m->by_base)
		return NULL;
	/* The number of modules whose base is not above va. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->list.v[m->by_base[mid]].base <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo > 0 && m->reach[lo - 1] >= va; lo--) {
		const struct module *mod = &m->list.v[m->by_base[lo - 1]];

		if (va - mod->base < mod->size)
			return mod;
	}
	return NULL;
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

	m->nt = -1;
	if (m->list.n == 0)
		return FS_OK;
	key = calloc(m->list.n, sizeof(*key));
	m->by_base = calloc(m->list.n, sizeof(*m->by_base));
	m->reach = calloc(m->list.n, sizeof(*m->reach));
	if (!key || !m->by_base || !m->reach) {
		free(key);
		return fs_fail(err, FS_NO_MEMORY, "loaded modules: out of memory");
	}
	sort_by_base(m, key);
	free(key);
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
