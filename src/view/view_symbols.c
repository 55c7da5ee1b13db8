/* SPDX-License-Identifier: BSD-2-Clause */
#include "view/symbols.h"

#include <inttypes.h>

#include "base/str.h"
#include "view/common.h"

/* A name from the dump may be a whole path of the machine that built it. */
static void one(struct view *v, const struct fs_module_symbols *s)
{
	size_t i;

	emit_object_begin(v->e, NULL);
	emit_string(v->e, "module", s->module);
	emit_string(v->e, "pdb", s->pdb_name ? path_base(s->pdb_name) : NULL);
	emit_string(v->e, "key", s->key);
	emit_string(v->e, "path", s->path);
	if (s->why)
		emit_string(v->e, "why", s->why);
	emit_array_begin(v->e, "places");
	for (i = 0; i < s->nplaces; i++)
		emit_string(v->e, NULL, s->places[i]);
	emit_array_end(v->e);
	emit_object_end(v->e);
}

void view_symbols(struct view *v, view_symbols_of *of, void *arg)
{
	size_t i, k, n = v->m->nmodules;

	emit_array_begin(v->e, "symbols");
	for (i = 0; i < n; i++) {
		struct fs_module_symbols s = {0};

		entity_begin(v);
		if (of(arg, i, &s, NULL) != FS_OK)
			continue;
		one(v, &s);
		if (!emit_is_text(v->e) || !s.key)
			continue;
		emit_line(v->e, "%-16s %s/%s", s.module ? s.module : "?", path_base(s.pdb_name),
			  s.key);
		emit_indent(v->e, 1);
		if (s.path)
			emit_styled(v->e, EMIT_GOOD, "%s", s.path);
		else
			for (k = 0; k < s.nplaces; k++)
				emit_styled(v->e, EMIT_FAINT, "%s", s.places[k]);
		emit_indent(v->e, -1);
	}
	emit_array_end(v->e);
}

void view_fetch_begin(struct view *v)
{
	emit_array_begin(v->e, "fetched");
}

void view_fetch_module(struct view *v, const struct fs_module_symbols *s)
{
	entity_begin(v);
	one(v, s);
	if (s->path)
		emit_line(v->e, "%-16s %s", s->module ? s->module : "?", s->path);
	else
		emit_styled(v->e, EMIT_WARN, "%-16s %s", s->module ? s->module : "?",
			    s->why ? s->why : "not found");
}

void view_fetch_end(struct view *v)
{
	emit_array_end(v->e);
}

void view_pdb_info(struct view *v, const char *path, const struct fs_pdb_info *p)
{
	emit_string(v->e, "path", path);
	emit_string(v->e, "key", p->key);
	emit_string(v->e, "guid", p->guid);
	emit_uint(v->e, "age", p->age);
	emit_string(v->e, "machine", p->machine[0] ? p->machine : NULL);
	emit_uint(v->e, "signature", p->signature);
	emit_bool(v->e, "stripped", p->stripped);
	emit_bool(v->e, "fastlink", p->fastlink);
	emit_bool(v->e, "omap", p->omap);
	emit_bool(v->e, "has_types", p->has_types);
	if (!p->has_types)
		emit_string(v->e, "no_types", p->no_types);
	emit_uint(v->e, "types", p->types);
	emit_uint(v->e, "publics", p->publics);
	emit_uint(v->e, "sections", p->sections);
	emit_uint(v->e, "block_size", p->block_size);
	emit_uint(v->e, "blocks", p->blocks);
	emit_uint(v->e, "streams", p->streams);
	emit_row(v->e, "Key", "%s", p->key);
	emit_row(v->e, "Machine", "%s", p->machine[0] ? p->machine : "unknown");
	emit_row(v->e, "Private symbols", "%s",
		 p->fastlink   ? "in object files elsewhere (FASTLINK)"
		 : p->stripped ? "stripped"
			       : "not stripped");
	if (p->has_types)
		emit_row(v->e, "Types", "%" PRIu32 " records", p->types);
	else
		emit_row(v->e, "Types", "none: %s", p->no_types);
	emit_row(v->e, "Public symbols", "%" PRIu64, p->publics);
	emit_row(v->e, "Sections", "%" PRIu32 "%s", p->sections,
		 p->omap ? ", rearranged after linking (OMAP)" : "");
	emit_row(v->e, "File", "%" PRIu32 " blocks of %" PRIu32 " bytes, %" PRIu32 " streams",
		 p->blocks, p->block_size, p->streams);
}

void view_pdb_layout(struct view *v, const struct fs_pdb_layout *l)
{
	emit_uint(v->e, "types", l->types);
	emit_uint(v->e, "missing", l->missing);
	emit_string(v->e, "layout", l->text);
}
