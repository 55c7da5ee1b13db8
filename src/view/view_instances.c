/* SPDX-License-Identifier: BSD-2-Clause */
/* Instances by filter, each with its volume. !fltkd has no such command that a
 * transcript shows; the lines are those of its other lists. */
#include "view/common.h"

static void one(struct view *v, size_t index)
{
	const struct fs_instance *in = &v->m->instances[index];

	v->brief++;
	show_instance(v, NULL, index);
	v->brief--;
	emit_indent(v->e, 1);
	show_ref(v, NULL, NULL, "Volume", &in->volume_pointer, name_of_volume(v, in->volume));
	show_unproved(v);
	emit_indent(v->e, -1);
}

static void of_filter(struct view *v, size_t index)
{
	const struct fs_list *l = &v->m->filters[index].instances;
	size_t i;

	head_filter(v, index);
	emit_indent(v->e, 1);
	for (i = 0; i <= l->n; i++) {
		remark_walk(v, l, i);
		if (i < l->n)
			one(v, l->entries[i]);
	}
	emit_indent(v->e, -1);
}

void view_instances(struct view *v)
{
	const struct fs_model *m = v->m;
	bool told = false;
	size_t i;

	emit_array_begin(v->e, "instances");
	emit_blank(v->e);
	for (i = 0; i < m->nfilters; i++)
		of_filter(v, i);
	for (i = 0; i < m->ninstances; i++) {
		if (m->instances[i].by_filter && m->instances[i].filter >= 0)
			continue;
		if (!told)
			emit_line(v->e, "Reached only through a volume:");
		told = true;
		emit_indent(v->e, 1);
		one(v, i);
		emit_indent(v->e, -1);
	}
	emit_array_end(v->e);
}
