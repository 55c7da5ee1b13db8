/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything as one document (DESIGN.md, JSON contract). */
#include "view/common.h"
#include "view/threads.h"

void json_fltmgr(struct view *v)
{
	const struct fs_model *m = v->m;
	bool has = m->fltmgr_module >= 0 && (size_t)m->fltmgr_module < m->nmodules;

	if (!has && !m->found)
		return;
	emit_object_begin(v->e, "fltmgr");
	if (has)
		emit_address(v->e, "base", m->modules[m->fltmgr_module].base);
	show_value(v, NULL, "globals", NULL, &m->globals, NUM_PTR);
	json_layout_summary(v, "layout", &m->fltmgr);
	if (m->located_by)
		emit_string(v->e, "located_by", m->located_by);
	if (m->unload_walk)
		emit_string(v->e, "unload_walk", m->unload_walk);
	if (m->unload_walk_at)
		emit_address(v->e, "unload_walk_at", m->unload_walk_at);
	emit_object_end(v->e);
}

void view_export(struct view *v)
{
	const struct fs_model *m = v->m;
	size_t i;

	json_modules(v);
	json_fltmgr(v);
	if (m->found) {
		view_frames(v);
		emit_array_begin(v->e, "drivers");
		for (i = 0; i < m->ndrivers; i++)
			show_driver(v, NULL, i);
		emit_array_end(v->e);
		json_threads(v);
	} else {
		view_not_found(v);
	}
}
