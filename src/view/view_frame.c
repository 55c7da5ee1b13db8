/* SPDX-License-Identifier: BSD-2-Clause */
/* FLTP_FRAME. No transcript of !fltkd.frame is known: its first line is that of
 * !fltkd.frames, the rest follows the style and the names of the PDB. */
#include "view/common.h"

#include <inttypes.h>
#include <string.h>

/* "429998.99 to 429999.280700" in one pair of quotes when both were read. */
static const char *altitudes(struct view *v, const struct fs_frame *fr)
{
	const char *low = plain(&fr->altitude_low), *high = plain(&fr->altitude_high);

	if (low && high)
		return text_quoted(v, text_printf(v, "%s to %s", low, high));
	return text_printf(v, "%s to %s", text_string(v, &fr->altitude_low, NULL),
			   text_string(v, &fr->altitude_high, NULL));
}

void head_frame(struct view *v, size_t index)
{
	const struct fs_frame *fr = &v->m->frames[index];
	const char *name;

	if (!emit_is_text(v->e))
		return;
	name = fr->id.state == FS_READ ? text_printf(v, "\"Frame %" PRIu64 "\"", fr->id.v)
				       : text_value(v, &fr->id, NUM_DEC);
	emit_line(v->e, "FLTP_FRAME: %s %s %s%s%s", text_ptr(v, fr->address), name,
		  altitudes(v, fr),
		  text_mark(v, fr->id.unproved || fr->altitude_low.unproved ||
				       fr->altitude_high.unproved),
		  fr->by_type_word ? "  (found by its type word)" : "");
}

static void identity(struct view *v, struct fields *f, const struct fs_frame *fr)
{
	struct fields sub;

	emit_address(v->e, "address", fr->address);
	show_value(v, f, "id", "FrameID", &fr->id, NUM_DEC);
	if (fr->id.state == FS_READ)
		emit_string(v->e, "name", text_printf(v, "Frame %" PRIu64, fr->id.v));
	fields_begin(v, &sub, "altitude");
	show_string(v, &sub, "low", "AltitudeIntervalLow", &fr->altitude_low);
	show_string(v, &sub, "high", "AltitudeIntervalHigh", &fr->altitude_high);
	fields_end(v, &sub);
	if (fr->by_type_word)
		emit_bool(v->e, "by_type_word", true);
}

static void rows(struct view *v, struct fields *f, const struct fs_frame *fr)
{
	show_links(v, f, "links", "Links", &fr->links);
	show_value(v, f, "large_irpctrl_stack_size", "LargeIrpCtrlStackSize",
		   &fr->large_irpctrl_stack_size, NUM_DEC);
	show_value(v, f, "small_irpctrl_stack_size", "SmallIrpCtrlStackSize",
		   &fr->small_irpctrl_stack_size, NUM_DEC);
	show_inside(v, "MountingVolumes", fr->mounting_volumes);
	show_counted(v, f, "attached_file_system_count", "AttachedFileSystems",
		     fr->attached_file_systems, "mCount", &fr->attached_file_systems_count);
	show_counted(v, f, "zombied_context_count", "ZombiedFltObjectContexts",
		     fr->zombied_contexts, "mCount", &fr->zombied_contexts_count);
	show_inside(v, "FilterUnloadLock", fr->filter_unload_lock);
}

static void filters(struct view *v, const struct fs_frame *fr)
{
	bool detail = rows_wanted(v);
	size_t i;

	show_value(v, NULL, "filter_count", NULL, &fr->filters.count, NUM_DEC);
	if (detail) {
		show_counted(v, NULL, NULL, "RegisteredFilters", fr->filters.head, "rCount",
			     &fr->filters.count);
		emit_indent(v->e, 1);
	}
	emit_array_begin(v->e, "filters");
	v->brief++;
	for (i = 0; i <= fr->filters.n; i++) {
		remark_walk(v, &fr->filters, i);
		if (i < fr->filters.n)
			show_filter(v, NULL, fr->filters.entries[i], FILTER_WHOLE);
	}
	v->brief--;
	emit_array_end(v->e);
	show_walk(v, "walk", &fr->filters);
	if (detail)
		emit_indent(v->e, -1);
}

/* !fltkd.frames shows no volumes. */
static void volumes(struct view *v, const struct fs_frame *fr)
{
	size_t i;

	if (emit_is_text(v->e) && v->brief > 0)
		return;
	show_value(v, NULL, "volume_count", NULL, &fr->volumes.count, NUM_DEC);
	show_counted(v, NULL, NULL, "AttachedVolumes", fr->volumes.head, "rCount",
		     &fr->volumes.count);
	emit_indent(v->e, 1);
	emit_array_begin(v->e, "volumes");
	v->brief++;
	for (i = 0; i <= fr->volumes.n; i++) {
		remark_walk(v, &fr->volumes, i);
		if (i < fr->volumes.n)
			show_volume(v, NULL, fr->volumes.entries[i]);
	}
	v->brief--;
	emit_array_end(v->e);
	emit_indent(v->e, -1);
	show_walk(v, "volumes_walk", &fr->volumes);
}

void show_frame(struct view *v, const char *key, size_t index)
{
	const struct fs_frame *fr = &v->m->frames[index];
	struct fields f;

	entity_begin(v);
	head_frame(v, index);
	emit_indent(v->e, 1);
	fields_begin(v, &f, key);
	identity(v, &f, fr);
	rows(v, &f, fr);
	show_unproved(v);
	filters(v, fr);
	volumes(v, fr);
	show_others(v, (int32_t)index);
	fields_end(v, &f);
	emit_indent(v->e, -1);
}

void view_frame(struct view *v, size_t index)
{
	show_frame(v, "frame", index);
}
