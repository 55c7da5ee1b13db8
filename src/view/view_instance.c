/* SPDX-License-Identifier: BSD-2-Clause */
/* FLT_INSTANCE, as !fltkd.instance prints it (facts: transcripts 02). */
#include "view/common.h"

void head_instance(struct view *v, size_t index)
{
	const struct fs_instance *in = &v->m->instances[index];

	if (!emit_is_text(v->e))
		return;
	emit_line(v->e, "FLT_INSTANCE: %s %s %s%s", text_ptr(v, in->address),
		  text_string(v, &in->name, "[NoName]"), text_string(v, &in->altitude, "[NoName]"),
		  text_mark(v, in->name.unproved || in->altitude.unproved));
}

void show_instance(struct view *v, const char *key, size_t index)
{
	const struct fs_instance *in = &v->m->instances[index];
	struct fs_ledger ledger;
	struct fields f;

	entity_begin(v);
	head_instance(v, index);
	fields_begin(v, &f, key);
	emit_address(v->e, "address", in->address);
	show_string(v, &f, "name", NULL, &in->name);
	show_string(v, &f, "altitude", NULL, &in->altitude);
	emit_indent(v->e, 1);
	show_object(v, &in->object, in->address);
	show_operation_rundown(v, &f, in);
	show_flags(v, &f, "flags", "Flags", &in->flags);
	show_ref(v, &f, "volume", "Volume", &in->volume_pointer, name_of_volume(v, in->volume));
	show_ref(v, &f, "filter", "Filter", &in->filter_pointer, name_of_filter(v, in->filter));
	show_value(v, &f, "track_completion_nodes", "TrackCompletionNodes",
		   &in->track_completion_nodes, NUM_PTR);
	show_inside(v, "ContextLock", in->context_lock);
	show_value(v, &f, "context", "Context", &in->context, NUM_PTR);
	show_inside(v, "CallbackNodes", in->callback_nodes);
	show_links(v, NULL, NULL, "VolumeLink", &in->object.primary_link);
	show_links(v, &f, "filter_link", "FilterLink", &in->filter_link);
	show_unproved(v);
	fs_ledger_instance(v->m, index, &ledger);
	show_ledger(v, &ledger);
	emit_indent(v->e, -1);
	fields_end(v, &f);
}

void view_instance(struct view *v, size_t index)
{
	show_instance(v, "instance", index);
}
