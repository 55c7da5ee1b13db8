/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of !fltkd.frames (facts: transcripts 00, 07). */
#include "view/common.h"

/* The line above the first frame, when there is a list that was found. */
static void list_head(struct view *v)
{
	const struct fs_model *m = v->m;

	if (!emit_is_text(v->e))
		return;
	emit_blank(v->e);
	if (m->frame_list.head)
		emit_line(v->e, "Frame List: %s", text_ptr(v, m->frame_list.head));
	else
		emit_line(v->e, "Frame List: (not known; located by %s)",
			  m->located_by ? m->located_by : "other means");
}

void view_frames(struct view *v)
{
	const struct fs_model *m = v->m;
	const struct fs_list *l = &m->frame_list;
	size_t i;

	list_head(v);
	emit_array_begin(v->e, "frames");
	emit_indent(v->e, 1);
	v->brief++;
	for (i = 0; i < m->nframes; i++) {
		if (l->head && i < l->n)
			remark_walk(v, l, i);
		show_frame(v, NULL, i);
	}
	if (l->head)
		remark_walk(v, l, l->n);
	v->brief--;
	emit_array_end(v->e);
	if (l->head)
		show_walk(v, "walk", l);
	show_others(v, -1);
	emit_indent(v->e, -1);
}
