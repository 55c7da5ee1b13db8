/* SPDX-License-Identifier: BSD-2-Clause */
/* Modules in load order, and those that were unloaded, in the columns of lm. */
#include "view/common.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"

static bool contains(const char *name, const char *pattern)
{
	if (!pattern)
		return true;
	for (; name && *name; name++)
		if (str_istarts(name, pattern))
			return true;
	return false;
}

/* fffff880`01344fb0, as lm prints 64-bit addresses. */
static const char *tick(struct view *v, uint64_t va)
{
	if (strlen(text_ptr(v, va)) == 8)
		return text_ptr(v, va);
	return text_printf(v, "%08" PRIx64 "`%08" PRIx64, va >> 32, va & UINT32_MAX);
}

static void module(struct view *v, const struct fs_module *mod)
{
	uint64_t end = mod->size <= UINT64_MAX - mod->base ? mod->base + mod->size : UINT64_MAX;

	json_module(v, mod);
	if (!emit_is_text(v->e))
		return;
	emit_line(v->e, "%s %s   %s%s", tick(v, mod->base), tick(v, end),
		  mod->name ? mod->name : "(name not in dump)",
		  mod->pdb_guid ? text_printf(v, "  (%s %s %" PRIu32 ")",
					      mod->pdb_name ? path_base(mod->pdb_name) : "?",
					      mod->pdb_guid, mod->pdb_age)
				: "");
}

static void unloaded(struct view *v, const char *pattern)
{
	const struct fs_model *m = v->m;
	bool told = false;
	size_t i;

	emit_array_begin(v->e, "unloaded_modules");
	for (i = 0; i < m->nunloaded; i++) {
		const struct fs_unloaded *u = &m->unloaded[i];

		if (!contains(u->name, pattern))
			continue;
		if (!told) {
			emit_blank(v->e);
			emit_line(v->e, "Unloaded modules:");
			told = true;
		}
		emit_object_begin(v->e, NULL);
		if (u->name)
			emit_string(v->e, "name", u->name);
		emit_address(v->e, "start", u->start);
		emit_address(v->e, "end", u->end);
		emit_object_end(v->e);
		if (emit_is_text(v->e))
			emit_line(v->e, "%s %s   %s", tick(v, u->start), tick(v, u->end),
				  u->name ? u->name : "(name not in dump)");
	}
	emit_array_end(v->e);
}

bool view_lm_has(const struct fs_model *m, const char *pattern)
{
	size_t i;

	for (i = 0; i < m->nmodules; i++)
		if (contains(m->modules[i].name, pattern))
			return true;
	for (i = 0; i < m->nunloaded; i++)
		if (contains(m->unloaded[i].name, pattern))
			return true;
	return false;
}

void view_lm(struct view *v, const char *pattern)
{
	const struct fs_model *m = v->m;
	size_t i;

	if (emit_is_text(v->e) && m->nmodules)
		emit_line(v->e, "%-*s %-*s   module name", (int)strlen(tick(v, UINT64_MAX)),
			  "start", (int)strlen(tick(v, UINT64_MAX)), "end");
	emit_array_begin(v->e, "modules");
	for (i = 0; i < m->nmodules; i++) {
		entity_begin(v);
		if (contains(m->modules[i].name, pattern))
			module(v, &m->modules[i]);
	}
	emit_array_end(v->e);
	unloaded(v, pattern);
}
