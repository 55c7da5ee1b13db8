/* SPDX-License-Identifier: BSD-2-Clause */
/* Offsets by name: the same layouts and parser that the tool itself uses. */
#include "mkworld.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "fltscope/error.h"

/* "19041", "19041-x64" and "nt/19041-x64.layout" are one. */
static bool same_layout(const char *shipped, const char *dir, const char *name)
{
	size_t len = strlen(dir);

	if (!strcmp(shipped, name))
		return true;
	if (strncmp(shipped, dir, len) != 0 || shipped[len] != '/')
		return false;
	shipped += len + 1;
	len = strlen(name);
	return !strncmp(shipped, name, len) &&
	       (!strcmp(shipped + len, ".layout") || !strcmp(shipped + len, "-x64.layout"));
}

static bool is_shipped(const char *dir, const char *name)
{
	for (size_t i = 0; i < layout_shipped_count(); i++)
		if (same_layout(layout_shipped(i).name, dir, name))
			return true;
	return false;
}

static struct layout *load_named(struct world *w, const char *dir, const char *name)
{
	struct layout *ret;
	struct fs_error err;

	for (size_t i = 0; i < layout_shipped_count(); i++) {
		const char *shipped = layout_shipped(i).name;

		if (!same_layout(shipped, dir, name))
			continue;
		if (layout_load_shipped(shipped, &ret, &err) != FS_OK)
			die(w, "%s", err.text);
		return ret;
	}
	die(w, "no shipped layout %s/%s.layout or %s/%s-x64.layout", dir, name, dir, name);
}

void layouts_named(struct world *w)
{
	if (w->nt_name && !w->nt)
		w->nt = load_named(w, "nt", w->nt_name);
	if (w->fltmgr_name && !w->fltmgr)
		w->fltmgr = load_named(w, "fltmgr", w->fltmgr_name);
}

void layouts_use(struct world *w, const char *path)
{
	struct layout *l;
	struct fs_error err;

	if (layout_load_file(path, &l, &err) != FS_OK)
		die(w, "%s", err.text);
	if (layout_module(l) == LM_NT)
		w->nt = l;
	else
		w->fltmgr = l;
}

/* Once `build` is known, on first use. */
void layouts_load(struct world *w)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%u", w->build);
	if (w->machine == MACHINE_X86) {
		/* 7 SP1 is shipped, and the loader entries of every build */
		(void)snprintf(name, sizeof(name), "%u-x86", w->build);
		if (!w->nt && is_shipped("nt", name))
			w->nt = load_named(w, "nt", name);
		if (!w->fltmgr && is_shipped("fltmgr", name))
			w->fltmgr = load_named(w, "fltmgr", name);
		if (!w->stable)
			w->stable = load_named(w, "nt", "nt/stable-x86.layout");
		return;
	}
	if (!w->nt)
		w->nt = load_named(w, "nt", name);
	if (!w->fltmgr)
		w->fltmgr = load_named(w, "fltmgr", name);
	if (!w->stable)
		w->stable = load_named(w, "nt", "stable");
}

/* nt's own types come from nt, even when fltmgr's PDB repeats them. */
static const struct layout *owner(struct world *w, const char *type, size_t *ret)
{
	const struct layout *order[3];

	layouts_load(w);
	order[0] = w->nt;
	order[1] = w->stable;
	order[2] = w->fltmgr;
	for (size_t i = 0; i < 3; i++)
		if (order[i] && layout_find_type(order[i], type, ret))
			return order[i];
	return NULL;
}

bool has_type(struct world *w, const char *type)
{
	size_t i;

	return owner(w, type, &i);
}

/* Where the last known field of a type of unknown size ends; 0: none is known. */
static uint64_t span(struct world *w, const struct layout *l, size_t type, unsigned depth)
{
	struct layout_type_info t = layout_type_at(l, type);
	uint64_t end = t.size;

	for (size_t k = 0; !t.size && k < t.fields; k++) {
		struct layout_field_info f = layout_field_at(l, type, k);
		uint64_t size = f.size;
		size_t sub;

		if (!size && depth < 8 && layout_find_type(l, f.type, &sub))
			size = span(w, l, sub, depth + 1);
		if (f.offset + size > end)
			end = f.offset + size;
	}
	return (end + 15) & ~15ull;
}

uint64_t type_size(struct world *w, const char *type)
{
	size_t i;
	const struct layout *l = owner(w, type, &i);
	uint64_t n;

	if (!l)
		die(w, "no type %s in %s, %s", type, layout_id(w->nt), layout_id(w->fltmgr));
	n = layout_type_at(l, i).size;
	if (!n)
		n = span(w, l, i, 0);
	if (!n)
		die(w, "%s does not know the size of %s", layout_id(l), type);
	return n;
}

bool field_find(struct world *w, const char *type, const char *path, struct place *ret)
{
	struct layout_field_info info;
	size_t i;
	const struct layout *l = owner(w, type, &i);

	if (!l)
		die(w, "no type %s", type);
	if (!layout_find_path(l, l == w->fltmgr ? w->nt : w->stable, type, path, &info))
		return false;
	ret->offset = info.offset;
	ret->size = info.size;
	(void)snprintf(ret->type, sizeof(ret->type), "%s", info.type);
	return true;
}

uint64_t enum_mask(struct world *w, const char *name)
{
	uint64_t m;

	layouts_load(w);
	m = layout_enum_mask(w->fltmgr, name);
	return m ? m : layout_enum_mask(w->nt, name);
}

bool has_swizzle(struct world *w)
{
	const char *fact;

	layouts_load(w);
	fact = w->nt ? layout_fact(w->nt, "pte-swizzle") : NULL;
	return fact && !strcmp(fact, "yes");
}

void mark_fields(struct world *w, const char *type, uint8_t *map, uint64_t size, unsigned depth)
{
	size_t i;
	const struct layout *l = owner(w, type, &i);
	struct layout_type_info t;

	if (!l || depth > 8)
		return;
	t = layout_type_at(l, i);
	for (size_t k = 0; k < t.fields; k++) {
		struct layout_field_info f = layout_field_at(l, i, k);
		size_t sub;

		if (f.offset >= size)
			continue;
		if (owner(w, f.type, &sub))
			mark_fields(w, f.type, map + f.offset, size - f.offset, depth + 1);
		else if (f.size && f.size <= size - f.offset)
			memset(map + f.offset, 1, f.size);
		else
			map[f.offset] = 1;
	}
}
