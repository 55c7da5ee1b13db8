/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking things up in a parsed layout. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "layout/impl.h"

const char *layout_id(const struct layout *l)
{
	return l->id;
}

enum layout_module layout_module(const struct layout *l)
{
	return l->module;
}

uint32_t layout_build(const struct layout *l)
{
	return l->build;
}

const char *layout_machine(const struct layout *l)
{
	return l->machine;
}

bool layout_is_composite(const struct layout *l)
{
	return l->composite;
}

size_t layout_count_fields(const struct layout *l, size_t *ret_inferred)
{
	size_t n = 0;
	int id;

	*ret_inferred = 0;
	for (id = 0; id < F_COUNT; id++) {
		if (!l->has[id] || field_decl((enum field_id)id)->module != l->module)
			continue;
		n++;
		*ret_inferred += l->known[id].origin == FO_INFERRED;
	}
	return n;
}

const char *layout_provenance(const struct layout *l)
{
	return l->provenance;
}

const struct layout_field *layout_field(const struct layout *l, enum field_id id)
{
	return (unsigned)id < F_COUNT && l->has[id] ? &l->known[id] : NULL;
}

bool layout_field_absent(const struct layout *l, enum field_id id)
{
	return (unsigned)id < F_COUNT && l->absent[id];
}

bool layout_field_unknown(const struct layout *l, enum field_id id)
{
	return (unsigned)id < F_COUNT && l->unknown[id];
}

uint32_t layout_type_size(const struct layout *l, enum type_id id)
{
	return (unsigned)id < T_COUNT ? l->type_size[id] : 0;
}

const char *layout_fact(const struct layout *l, const char *name)
{
	for (size_t i = 0; i < l->facts.n; i++) {
		if (strcmp(l->facts.v[i].name, name) == 0)
			return l->facts.v[i].value;
	}
	return NULL;
}

static bool find_symbol(const struct layout *l, size_t image, const char *name, uint64_t *ret_rva)
{
	for (size_t i = 0; i < l->symbols.n; i++) {
		const struct lsymbol *s = &l->symbols.v[i];

		if (s->image == image && strcmp(s->name, name) == 0) {
			*ret_rva = s->rva;
			return true;
		}
	}
	return false;
}

bool layout_symbol(const struct layout *l, const char *name, uint64_t *ret_rva)
{
	return find_symbol(l, 0, name, ret_rva);
}

bool layout_image_symbol(const struct layout *l, size_t i, const char *name, uint64_t *ret_rva)
{
	return i < l->images.n &&
	       (find_symbol(l, i + 1, name, ret_rva) || find_symbol(l, 0, name, ret_rva));
}

static const struct lenum *find_enum(const struct layout *l, const char *name)
{
	for (size_t i = 0; i < l->enums.n; i++) {
		if (strcmp(l->enums.v[i].name, name) == 0)
			return &l->enums.v[i];
	}
	return NULL;
}

const char *layout_enum_name(const struct layout *l, const char *enum_name, uint64_t value)
{
	const struct lenum *e = find_enum(l, enum_name);

	for (size_t i = 0; e && i < e->n; i++) {
		if (l->values.v[e->first + i].value == value)
			return l->values.v[e->first + i].name;
	}
	return NULL;
}

const char *layout_enum_prefix(const struct layout *l, const char *enum_name)
{
	const struct lenum *e = find_enum(l, enum_name);

	return e ? e->prefix : "";
}

uint64_t layout_enum_mask(const struct layout *l, const char *enum_name)
{
	const struct lenum *e = find_enum(l, enum_name);
	uint64_t mask = 0;

	for (size_t i = 0; e && i < e->n; i++)
		mask |= l->values.v[e->first + i].value;
	return mask;
}

size_t layout_image_count(const struct layout *l)
{
	return l->images.n;
}

struct layout_image layout_image(const struct layout *l, size_t i)
{
	return i < l->images.n ? l->images.v[i] : (struct layout_image){0};
}

size_t layout_types(const struct layout *l)
{
	return l->types.n;
}

struct layout_type_info layout_type_at(const struct layout *l, size_t i)
{
	const struct ltype *t;

	if (i >= l->types.n)
		return (struct layout_type_info){.name = ""};
	t = &l->types.v[i];
	return (struct layout_type_info){t->name, t->size, t->is_union, t->n};
}

static int compare_key(const void *key, const void *ref)
{
	return strcmp(key, ((const struct name_ref *)ref)->name);
}

bool layout_find_type(const struct layout *l, const char *name, size_t *ret_index)
{
	const struct name_ref *r = NULL;

	if (l->indexed)
		r = bsearch(name, l->by_name, l->indexed, sizeof(*r), compare_key);
	if (!r)
		return false;
	*ret_index = r->index;
	return true;
}

static struct layout_field_info field_info(const struct lfield *f)
{
	return (struct layout_field_info){f->name, f->type, f->offset, f->size, f->origin};
}

struct layout_field_info layout_field_at(const struct layout *l, size_t type, size_t i)
{
	if (type >= l->types.n || i >= l->types.v[type].n)
		return (struct layout_field_info){.name = "", .type = ""};
	return field_info(&l->fields.v[l->types.v[type].first + i]);
}

size_t layout_overlay_count(const struct layout *l, size_t type)
{
	return type < l->types.n ? l->types.v[type].overlays : 0;
}

struct layout_overlay layout_overlay(const struct layout *l, size_t type, size_t i)
{
	if (type >= l->types.n || i >= l->types.v[type].overlays)
		return (struct layout_overlay){0};
	return l->overlays.v[l->types.v[type].first_overlay + i];
}

bool layout_size_of(const struct layout *l, const char *type, uint32_t *ret_size)
{
	return layout_parse_type(l, type, ret_size);
}

const struct lfield *layout_lookup(const struct layout *l, size_t type, const char *name,
				   size_t name_len)
{
	const struct ltype *t = &l->types.v[type];

	for (size_t i = 0; i < t->n; i++) {
		const struct lfield *f = &l->fields.v[t->first + i];

		if (strncmp(f->name, name, name_len) == 0 && f->name[name_len] == '\0')
			return f;
	}
	return NULL;
}

/* Members of unnamed aggregates are stored with their dot ("u.LowPart"), so the
 * longest prefix of the path that names a field wins. */
static const struct lfield *longest(const struct layout *l, size_t type, const char *path,
				    size_t *ret_len)
{
	size_t len = strlen(path);

	while (len) {
		if (path[len] == '\0' || path[len] == '.' || path[len] == '[') {
			const struct lfield *f = layout_lookup(l, type, path, len);

			if (f) {
				*ret_len = len;
				return f;
			}
		}
		len--;
	}
	return NULL;
}

/* "[3]" at the start of *path: which element. */
static bool take_index(const char **path, uint32_t *ret)
{
	uint64_t v = 0;
	const char *p = *path + 1;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (uint64_t)(*p - '0');
		if (v > LAYOUT_SIZE_MAX)
			return false;
	}
	if (*p != ']')
		return false;
	*path = p + 1;
	*ret = (uint32_t)v;
	return true;
}

/* The size as the layout with the type knows it, else as the other does. */
static uint32_t size_in(const struct layout *a, const struct layout *b, const char *type)
{
	uint32_t size = 0;

	if (layout_parse_type(a, type, &size) && size)
		return size;
	if (b && layout_parse_type(b, type, &size))
		return size;
	return 0;
}

static bool pick_element(const struct layout *l, const struct layout *fallback,
			 const struct lfield *f, const char **path, struct layout_field_info *at)
{
	uint32_t index, total = size_in(l, fallback, f->type);
	uint64_t off;

	if (!f->element || !take_index(path, &index))
		return false;
	at->type = f->element;
	at->size = size_in(l, fallback, f->element);
	if (at->size == 0 || !range_ok((uint64_t)index * at->size, at->size, total))
		return false;
	off = (uint64_t)at->offset + (uint64_t)index * at->size;
	if (off > LAYOUT_SIZE_MAX)
		return false;
	at->offset = (uint32_t)off;
	return true;
}

bool layout_find_path(const struct layout *l, const struct layout *fallback, const char *type,
		      const char *path, struct layout_field_info *ret)
{
	struct layout_field_info at = {.type = type, .origin = FO_KNOWN};

	for (unsigned depth = 0; depth < LAYOUT_PATH_DEPTH; depth++) {
		const struct layout *in = l;
		const struct lfield *f;
		size_t index, len;

		if (!layout_find_type(in, at.type, &index)) {
			in = fallback;
			if (!in || !layout_find_type(in, at.type, &index))
				return false;
		}
		f = longest(in, index, path, &len);
		if (!f || f->offset > LAYOUT_SIZE_MAX - at.offset)
			return false;
		path += len;
		at.offset += f->offset;
		at.name = f->name;
		at.type = f->type;
		at.size = size_in(in, in == l ? fallback : l, f->type);
		if (f->origin == FO_INFERRED)
			at.origin = FO_INFERRED;
		if (*path == '[' && !pick_element(in, in == l ? fallback : l, f, &path, &at))
			return false;
		if (*path == '\0') {
			*ret = at;
			return true;
		}
		if (*path != '.')
			return false;
		path++;
	}
	return false;
}
