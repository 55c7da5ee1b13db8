/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entities that no list reached, but a pointer did: a filter or volume that only
 * an instance names, an instance that only a volume's list holds. Damaged and
 * triage dumps are full of them, and they must not get lost.
 */
#include "view/common.h"

static bool on_list(const struct view *v, const struct fs_filter *fl)
{
	return (fl->by_forward || fl->by_backward) && fl->frame >= 0 &&
	       (size_t)fl->frame < v->m->nframes;
}

static bool volume_on_list(const struct view *v, const struct fs_volume *vol)
{
	return (vol->by_forward || vol->by_backward) && vol->frame >= 0 &&
	       (size_t)vol->frame < v->m->nframes;
}

/* Shown among its filter's instances? */
static bool instance_shown(const struct view *v, const struct fs_instance *in)
{
	return in->by_filter && in->filter >= 0 && (size_t)in->filter < v->m->nfilters &&
	       on_list(v, &v->m->filters[in->filter]);
}

static int32_t known_frame(const struct view *v, int32_t frame)
{
	return frame >= 0 && (size_t)frame < v->m->nframes ? frame : -1;
}

static int32_t frame_of_instance(const struct view *v, const struct fs_instance *in)
{
	if (in->volume >= 0 && (size_t)in->volume < v->m->nvolumes)
		return known_frame(v, v->m->volumes[in->volume].frame);
	if (in->filter >= 0 && (size_t)in->filter < v->m->nfilters)
		return known_frame(v, v->m->filters[in->filter].frame);
	return -1;
}

static void heading(struct view *v, size_t shown, const char *what)
{
	if (shown == 0)
		emit_styled(v->e, EMIT_WARN, "(%s:)", what);
}

static void other_filters(struct view *v, int32_t frame)
{
	size_t i, shown = 0;

	for (i = 0; i < v->m->nfilters; i++) {
		const struct fs_filter *fl = &v->m->filters[i];

		if (on_list(v, fl) || known_frame(v, fl->frame) != frame)
			continue;
		if (shown == 0)
			emit_array_begin(v->e, "other_filters");
		heading(v, shown++, "on no reached part of the list, but named by an instance");
		show_filter(v, NULL, i, FILTER_WITHOUT_INSTANCES);
	}
	if (shown > 0)
		emit_array_end(v->e);
}

static void other_volumes(struct view *v, int32_t frame)
{
	size_t i, shown = 0;

	if (emit_is_text(v->e))
		return; /* the tree of frames has no volumes; `volumes` shows them */
	for (i = 0; i < v->m->nvolumes; i++) {
		const struct fs_volume *vol = &v->m->volumes[i];

		if (volume_on_list(v, vol) || known_frame(v, vol->frame) != frame)
			continue;
		if (shown++ == 0)
			emit_array_begin(v->e, "other_volumes");
		show_volume(v, NULL, i);
	}
	if (shown > 0)
		emit_array_end(v->e);
}

static void other_instances(struct view *v, int32_t frame)
{
	size_t i, shown = 0;

	if (frame >= 0)
		emit_array_begin(v->e, "other_instances");
	for (i = 0; i < v->m->ninstances; i++) {
		const struct fs_instance *in = &v->m->instances[i];

		if (instance_shown(v, in) || frame_of_instance(v, in) != frame)
			continue;
		if (frame < 0 && shown == 0)
			emit_array_begin(v->e, "other_instances");
		heading(v, shown++, "reached only through a volume");
		show_instance(v, NULL, i);
	}
	if (frame >= 0 || shown > 0)
		emit_array_end(v->e);
}

void show_others(struct view *v, int32_t frame)
{
	v->brief++;
	other_filters(v, frame);
	other_volumes(v, frame);
	other_instances(v, frame);
	v->brief--;
}

const char *name_of_frame(struct view *v, int32_t index)
{
	if (known_frame(v, index) < 0 || v->m->frames[index].id.state != FS_READ)
		return NULL;
	return text_printf(v, "\"Frame %u\"", (unsigned)v->m->frames[index].id.v);
}

const char *name_of_filter(struct view *v, int32_t index)
{
	const char *s;

	if (index < 0 || (size_t)index >= v->m->nfilters)
		return NULL;
	s = plain(&v->m->filters[index].name);
	return s ? text_quoted(v, s) : NULL;
}

const char *name_of_volume(struct view *v, int32_t index)
{
	const char *s;

	if (index < 0 || (size_t)index >= v->m->nvolumes)
		return NULL;
	s = plain(&v->m->volumes[index].device_name);
	return s ? text_quoted(v, s) : NULL;
}
