/* SPDX-License-Identifier: BSD-2-Clause */
/* Flags words and file system types, with the names that this build's enums give them. */
#include <ctype.h>
#include <string.h>

#include "fltmgr/collect.h"

/* Some layouts keep the PDB's prefix, others its rest in lower case: the model has
 * the rest in upper case. */
static const struct {
	const char *enum_name, *prefix;
} kinds[FLAGS_KINDS] = {
	[FLAGS_OBJECT] = {"_FLT_OBJECT_FLAGS", "FLT_OBFL_"},
	[FLAGS_FILTER] = {"_FLT_FILTER_FLAGS", "FLTFL_"},
	[FLAGS_INSTANCE] = {"_FLT_INSTANCE_FLAGS", "INSFL_"},
	[FLAGS_VOLUME] = {"_FLT_VOLUME_FLAGS", "VOLFL_"},
};

static char *upper(struct collect *c, const char *prefix, const char *name)
{
	char *s = arena_printf(c->b->arena, "%s%s", prefix, name), *p;

	if (!s) {
		c->out_of_memory = true;
		return NULL;
	}
	for (p = s; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return s;
}

static void learn_names(struct collect *c, enum flags_kind kind)
{
	struct flag_names *n = &c->flags[kind];
	uint64_t mask = layout_enum_mask(c->r.fltmgr, kinds[kind].enum_name);
	unsigned i;

	n->learnt = true;
	if (kind == FLAGS_OBJECT)
		mask &= ~(uint64_t)FLT_OBFL_TYPES; /* the type, not a state */
	for (i = 0; i < 64; i++) {
		uint64_t bit = (uint64_t)1 << i;
		const char *name;
		size_t skip = strlen(kinds[kind].prefix);

		if (!(mask & bit))
			continue;
		name = layout_enum_name(c->r.fltmgr, kinds[kind].enum_name, bit);
		if (!name)
			continue;
		n->bit[i] =
			upper(c, "", strncmp(name, kinds[kind].prefix, skip) ? name : name + skip);
		if (n->bit[i])
			n->known |= bit;
	}
}

static void make_names(struct collect *c, struct flag_names *n, uint64_t v)
{
	const char **names;
	size_t count = 0;
	unsigned i;

	n->last = v;
	n->last_names = NULL;
	n->last_count = 0;
	if (!v)
		return;
	names = arena_alloc(c->b->arena, sizeof(*names) * (size_t)__builtin_popcountll(v));
	if (!names) {
		c->out_of_memory = true;
		return;
	}
	for (i = 0; i < 64; i++)
		if (v & (uint64_t)1 << i)
			names[count++] = n->bit[i];
	n->last_names = names;
	n->last_count = count;
}

struct fs_flags fobj_flags(struct collect *c, const struct fobj *o, const struct fpath *p,
			   enum flags_kind kind)
{
	struct fs_flags f = {.value = fobj_value(c, o, p)};
	struct flag_names *n = &c->flags[kind];
	uint64_t v = f.value.v;

	if (f.value.state != FS_READ)
		return f;
	if (!n->learnt)
		learn_names(c, kind);
	/* Most objects of a kind have the same flags as the one before. */
	if (n->last != (v & n->known))
		make_names(c, n, v & n->known);
	f.names = n->last_names;
	f.count = n->last_count;
	f.unknown = v & ~n->known;
	if (kind == FLAGS_OBJECT)
		f.unknown &= ~(uint64_t)FLT_OBFL_TYPES;
	return f;
}

const char *file_system_name(struct collect *c, uint64_t value)
{
	const char *name = layout_enum_name(c->r.fltmgr, "_FLT_FILESYSTEM_TYPE", value);

	if (!name)
		return NULL;
	return upper(c, strncmp(name, "FLT_FSTYPE_", 11) ? "FLT_FSTYPE_" : "", name);
}
