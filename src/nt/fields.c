/* SPDX-License-Identifier: BSD-2-Clause */
/* Fields of nt's objects as values of the model. */
#include "nt/impl.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "read/ustr.h"

void nt_what(enum field_id f, char dst[NT_WHAT])
{
	const struct field_decl *d = field_decl(f);
	const char *type = d->type_name;

	(void)snprintf(dst, NT_WHAT, "%s.%s", type[0] == '_' ? type + 1 : type, d->name);
}

static bool lacks(const struct reader *r, enum field_id f)
{
	return !r->nt || !layout_field(r->nt, f);
}

struct fs_value nt_value(const struct reader *r, struct model_builder *b, uint64_t object,
			 enum field_id f)
{
	char what[NT_WHAT];
	struct fs_error err = {0};
	struct fs_value ret;
	uint64_t va = 0, v = 0;
	enum fs_status st;

	if (lacks(r, f))
		return model_none();
	nt_what(f, what);
	st = obj_field(r, object, f, &va, &err);
	if (!st)
		st = obj_read(r, object, f, &v, &err);
	ret = model_value(b, what, st, v, &err);
	ret.at = va;
	return ret;
}

struct fs_value nt_value2(const struct reader *r, struct model_builder *b, uint64_t object,
			  enum field_id f, enum field_id g)
{
	struct fs_error err = {0};
	uint64_t va;

	if (lacks(r, f) || lacks(r, g))
		return model_none();
	if (obj_field(r, object, f, &va, &err)) {
		char what[NT_WHAT];

		nt_what(f, what);
		return model_value(b, what, err.status, 0, &err);
	}
	return nt_value(r, b, va, g);
}

struct fs_string nt_string(const struct reader *r, struct model_builder *b, uint64_t object,
			   enum field_id f)
{
	struct fs_string ret = {.gap = -1};
	struct fs_error err = {0};
	struct ustr u = {0};
	char what[NT_WHAT];
	enum fs_status st;

	if (lacks(r, f))
		return ret;
	st = obj_ustr(r, object, f, b->arena, &u, &err);
	/* An all-zero descriptor is an empty string and no failure. */
	ret.descriptor_read = !st || u.length || u.maximum_length || u.buffer;
	ret.buffer = u.buffer;
	ret.length = u.length;
	if (!st) {
		ret.s = u.text;
		ret.state = FS_READ;
		return ret;
	}
	nt_what(f, what);
	ret.state = FS_MISSING;
	ret.gap = model_gap(b, what, &err);
	return ret;
}

static const char *bit_name(const struct reader *r, uint64_t bit, const char *enum_name,
			    const char *prefix, const struct nt_bit *table, size_t n)
{
	const char *name = r->nt ? layout_enum_name(r->nt, enum_name, bit) : NULL;
	size_t i;

	if (name)
		return strncmp(name, prefix, strlen(prefix)) ? name : name + strlen(prefix);
	if (r->nt && layout_enum_mask(r->nt, enum_name))
		return NULL;
	for (i = 0; i < n; i++)
		if (table[i].bit == bit)
			return table[i].name;
	return NULL;
}

struct fs_flags nt_flags(const struct reader *r, struct model_builder *b, struct fs_value v,
			 const char *enum_name, const char *prefix, const struct nt_bit *table,
			 size_t n)
{
	struct fs_flags ret = {.value = v};
	const char **names;
	unsigned i;

	if (v.state != FS_READ || v.v == 0)
		return ret;
	names = arena_alloc(b->arena, 64 * sizeof(*names));
	if (!names)
		b->out_of_memory = true;
	for (i = 0; i < 64; i++) {
		uint64_t bit = v.v & 1ull << i;
		const char *name = NULL;

		if (!bit)
			continue;
		if (names)
			name = bit_name(r, bit, enum_name, prefix, table, n);
		/* A layout's text may not outlive the model. */
		if (name)
			name = model_text(b, name);
		if (name)
			names[ret.count++] = name;
		else
			ret.unknown |= bit;
	}
	ret.names = names;
	return ret;
}

struct fs_code nt_code(struct model_builder *b, const struct modules *m, struct fs_value va)
{
	struct fs_code ret = {.va = va, .module = -1};
	const struct module *mod;
	char symbol[MODULE_NAME_MAX + 320]; /* and the module, and the offset */

	if (va.state != FS_READ || va.v == 0 || !m)
		return ret;
	mod = module_at(m, va.v);
	if (mod) {
		ret.module = (int32_t)(mod - m->list.v);
		if (module_symbol(m, va.v, symbol, sizeof(symbol)))
			ret.symbol = model_text(b, symbol);
	} else if (module_unloaded_symbol(m, va.v, symbol, sizeof(symbol))) {
		ret.symbol = model_text(b, symbol);
		ret.unloaded = true;
	}
	return ret;
}
