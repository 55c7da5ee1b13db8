/* SPDX-License-Identifier: BSD-2-Clause */
/* Volumes by frame, as !fltkd.volumes (facts: transcripts 09, 27, 30, 31). */
#include "view/common.h"

static void list_head(struct view *v, const struct fs_frame *fr, size_t index)
{
	const char *name = name_of_frame(v, (int32_t)index);

	if (!emit_is_text(v->e))
		return;
	emit_blank(v->e);
	emit_line(v->e, "Volume List: %s %s%s",
		  fr->volumes.head ? text_ptr(v, fr->volumes.head) : "(not known)",
		  name ? name : text_value(v, &fr->id, NUM_DEC),
		  text_mark(v, name && fr->id.unproved));
}

static bool listed(const struct fs_volume *vol)
{
	return (vol->by_forward || vol->by_backward) && vol->frame >= 0;
}

void view_volumes(struct view *v)
{
	const struct fs_model *m = v->m;
	bool told = false;
	size_t i, j;

	emit_array_begin(v->e, "volumes");
	v->brief++;
	for (i = 0; i < m->nframes; i++) {
		const struct fs_list *l = &m->frames[i].volumes;

		list_head(v, &m->frames[i], i);
		emit_indent(v->e, 1);
		for (j = 0; j <= l->n; j++) {
			remark_walk(v, l, j);
			if (j < l->n)
				show_volume(v, NULL, l->entries[j]);
		}
		emit_indent(v->e, -1);
	}
	for (i = 0; i < m->nvolumes; i++) {
		if (listed(&m->volumes[i]))
			continue;
		if (!told) {
			emit_blank(v->e);
			emit_line(v->e, "On no reached part of a list, but named by an instance:");
			told = true;
		}
		emit_indent(v->e, 1);
		show_volume(v, NULL, i);
		emit_indent(v->e, -1);
	}
	v->brief--;
	emit_array_end(v->e);
}
