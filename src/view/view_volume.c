/* SPDX-License-Identifier: BSD-2-Clause */
/* FLT_VOLUME, as !fltkd.volume prints it (facts: transcripts 27). */
#include "view/common.h"

#include <inttypes.h>

void head_volume(struct view *v, size_t index)
{
	const struct fs_volume *vol = &v->m->volumes[index];

	if (emit_is_text(v->e))
		emit_line(v->e, "FLT_VOLUME: %s %s%s", text_ptr(v, vol->address),
			  text_string(v, &vol->device_name, NULL),
			  text_mark(v, vol->device_name.unproved));
}

static void file_system(struct view *v, struct fields *f, const struct fs_volume *vol)
{
	const struct fs_value *type = &vol->file_system_type;

	if (type->state == FS_NONE)
		return;
	fields_mark(f, "file_system", type->state == FS_READ && type->unproved);
	if (type->state == FS_MISSING)
		emit_null(v->e, "file_system");
	else if (vol->file_system)
		emit_string(v->e, "file_system", vol->file_system);
	show_value(v, NULL, "file_system_type", NULL, type, NUM_DEC);
	if (!rows_wanted(v))
		return;
	if (type->state == FS_MISSING)
		emit_row(v->e, "FileSystemType", "%s", text_missing(v, type->gap));
	else
		emit_row(v->e, "FileSystemType", "[%08" PRIx64 "] %s", type->v,
			 vol->file_system ? vol->file_system : "");
	row_mark(v, "FileSystemType", type->state == FS_READ && type->unproved);
}

static void instances(struct view *v, const struct fs_volume *vol)
{
	bool rows = rows_wanted(v);
	size_t i;

	show_value(v, NULL, "instance_count", NULL, &vol->instances.count, NUM_DEC);
	if (rows) {
		show_counted(v, NULL, NULL, "InstanceList", vol->instance_list, "rCount",
			     &vol->instances.count);
		emit_indent(v->e, 1);
	}
	emit_array_begin(v->e, "instances");
	for (i = 0; i <= vol->instances.n; i++) {
		remark_walk(v, &vol->instances, i);
		if (i == vol->instances.n)
			break;
		emit_address(v->e, NULL, v->m->instances[vol->instances.entries[i]].address);
		head_instance(v, vol->instances.entries[i]);
	}
	emit_array_end(v->e);
	if (rows)
		emit_indent(v->e, -1);
	show_walk(v, "walk", &vol->instances);
}

void show_volume(struct view *v, const char *key, size_t index)
{
	const struct fs_volume *vol = &v->m->volumes[index];
	struct fs_ledger ledger;
	struct fields f;

	entity_begin(v);
	head_volume(v, index);
	fields_begin(v, &f, key);
	emit_address(v->e, "address", vol->address);
	show_string(v, &f, "name", NULL, &vol->device_name);
	emit_indent(v->e, 1);
	show_object(v, &vol->object, vol->address);
	show_ref(v, &f, "frame", "Frame", &vol->frame_pointer, name_of_frame(v, vol->frame));
	show_flags(v, &f, "flags", "Flags", &vol->flags);
	file_system(v, &f, vol);
	show_links(v, NULL, NULL, "VolumeLink", &vol->object.primary_link);
	show_value(v, &f, "device_object", "DeviceObject", &vol->device_object, NUM_PTR);
	show_value(v, &f, "disk_device_object", "DiskDeviceObject", &vol->disk_device_object,
		   NUM_PTR);
	show_value(v, &f, "frame_zero_volume", "FrameZeroVolume", &vol->frame_zero_volume, NUM_PTR);
	show_value(v, &f, "volume_in_next_frame", "VolumeInNextFrame", &vol->volume_in_next_frame,
		   NUM_PTR);
	show_string(v, &f, "guid_name", "Guid", &vol->guid_name);
	show_string(v, &f, "cdo_device_name", "CDODeviceName", &vol->cdo_device_name);
	show_string(v, &f, "cdo_driver_name", "CDODriverName", &vol->cdo_driver_name);
	show_value(v, &f, "targeted_open_count", "TargetedOpenCount", &vol->targeted_open_count,
		   NUM_DEC);
	show_inside(v, "Callbacks", vol->callbacks);
	show_inside(v, "ContextLock", vol->context_lock);
	show_inside(v, "VolumeContexts", vol->volume_contexts);
	show_counted(v, &f, "stream_list_count", "StreamListCtrls", vol->stream_list_ctrls,
		     "rCount", &vol->stream_list_count);
	show_counted(v, &f, "file_list_count", "FileListCtrls", vol->file_list_ctrls, "rCount",
		     &vol->file_list_count);
	show_inside(v, "NameCacheCtrl", vol->name_cache_ctrl);
	show_unproved(v);
	instances(v, vol);
	fs_ledger_volume(v->m, index, &ledger);
	show_ledger(v, &ledger);
	emit_indent(v->e, -1);
	fields_end(v, &f);
}

void view_volume(struct view *v, size_t index)
{
	show_volume(v, "volume", index);
}
