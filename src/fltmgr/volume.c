/* SPDX-License-Identifier: BSD-2-Clause */
/* FLT_VOLUME: a volume that a frame is attached to, and the instances on it. */
#include "fltmgr/collect.h"
#include "nt/nt.h"

static void note_instance(struct collect *c, size_t entity, size_t owner,
			  const struct list_entry *e)
{
	struct fs_instance *i = &c->b->model->instances[entity];

	(void)e;
	i->by_volume = true;
	if (i->volume < 0)
		i->volume = (int32_t)owner;
	else if ((size_t)i->volume != owner)
		(void)collect_gap(c, "FLT_VOLUME.InstanceList", i->address, FS_CORRUPT,
				  "FLT_INSTANCE 0x%llx is on the list of FLT_VOLUME 0x%llx but "
				  "belongs to FLT_VOLUME 0x%llx",
				  (unsigned long long)i->address,
				  (unsigned long long)c->b->model->volumes[owner].address,
				  (unsigned long long)c->b->model->volumes[i->volume].address);
}

static void find_frame(struct collect *c, struct fs_volume *v)
{
	int32_t said =
		fs_is_read(&v->frame_pointer) ? model_find_frame(c->b, v->frame_pointer.v) : -1;

	if (v->frame < 0)
		v->frame = said;
	else if (fs_is_read(&v->frame_pointer) && said != v->frame)
		(void)collect_gap(c, "FLT_VOLUME.Frame", v->address, FS_CORRUPT,
				  "FLT_VOLUME 0x%llx is on the list of FLTP_FRAME 0x%llx but its "
				  "Frame is 0x%llx",
				  (unsigned long long)v->address,
				  (unsigned long long)c->b->model->frames[v->frame].address,
				  (unsigned long long)v->frame_pointer.v);
}

static void find_device(struct collect *c, const struct fs_value *device, const char *what)
{
	struct fs_error err = {.status = FS_OK};
	enum fs_status st;
	size_t index;

	if (!fs_is_read(device) || !device->v)
		return;
	st = nt_add_device(&c->r, c->m, c->b, device->v, &index, &err);
	if (st == FS_NO_MEMORY)
		c->out_of_memory = true;
	else if (st != FS_OK)
		(void)model_gap(c->b, what, &err);
}

static void read_parts(struct collect *c, const struct fobj *o, struct fs_volume *v)
{
	v->instance_list = fobj_field_va(c, o, P1(FLT_VOLUME, InstanceList));
	v->callbacks = fobj_field_va(c, o, P1(FLT_VOLUME, Callbacks));
	v->context_lock = fobj_field_va(c, o, P1(FLT_VOLUME, ContextLock));
	v->volume_contexts = fobj_field_va(c, o, P1(FLT_VOLUME, VolumeContexts));
	v->stream_list_ctrls = fobj_field_va(c, o, P1(FLT_VOLUME, StreamListCtrls));
	v->file_list_ctrls = fobj_field_va(c, o, P1(FLT_VOLUME, FileListCtrls));
	v->name_cache_ctrl = fobj_field_va(c, o, P1(FLT_VOLUME, NameCacheCtrl));
	v->stream_list_count =
		fobj_value(c, o, P2(FLT_VOLUME, StreamListCtrls, FLT_RESOURCE_LIST_HEAD, rCount));
	v->file_list_count =
		fobj_value(c, o, P2(FLT_VOLUME, FileListCtrls, FLT_RESOURCE_LIST_HEAD, rCount));
	v->targeted_open_count = fobj_value(c, o, P1(FLT_VOLUME, TargetedOpenActiveCount));
}

static void read_list(struct collect *c, const struct fobj *o, struct fs_volume *v, size_t index)
{
	const struct list_spec instances = {
		.head = P2(FLT_VOLUME, InstanceList, FLT_RESOURCE_LIST_HEAD, rList),
		.count = P2(FLT_VOLUME, InstanceList, FLT_RESOURCE_LIST_HEAD, rCount),
		.link = P2(FLT_INSTANCE, Base, FLT_OBJECT, PrimaryLink),
		.what = "FLT_VOLUME.InstanceList",
		.reach = reach_instance,
		.note = note_instance,
		.owner = index,
	};

	collect_list(c, o, &instances, &v->instances);
}

void volume_read(struct collect *c, size_t index)
{
	struct fs_volume *v = &c->b->model->volumes[index];
	struct fobj o;

	fobj_open(c, &o, v->address, T_FLT_VOLUME, "FLT_VOLUME");
	v->object = FOBJ_BASE(c, &o, FLT_VOLUME);
	v->device_name = fobj_string(c, &o, P1(FLT_VOLUME, DeviceName));
	v->guid_name = fobj_string(c, &o, P1(FLT_VOLUME, GuidName));
	v->cdo_device_name = fobj_string(c, &o, P1(FLT_VOLUME, CDODeviceName));
	v->cdo_driver_name = fobj_string(c, &o, P1(FLT_VOLUME, CDODriverName));
	v->flags = fobj_flags(c, &o, P1(FLT_VOLUME, Flags), FLAGS_VOLUME);
	v->file_system_type = fobj_value(c, &o, P1(FLT_VOLUME, FileSystemType));
	if (fs_is_read(&v->file_system_type))
		v->file_system = file_system_name(c, v->file_system_type.v);
	v->device_object = fobj_value(c, &o, P1(FLT_VOLUME, DeviceObject));
	v->disk_device_object = fobj_value(c, &o, P1(FLT_VOLUME, DiskDeviceObject));
	v->frame_zero_volume = fobj_value(c, &o, P1(FLT_VOLUME, FrameZeroVolume));
	v->volume_in_next_frame = fobj_value(c, &o, P1(FLT_VOLUME, VolumeInNextFrame));
	v->frame_pointer = fobj_value(c, &o, P1(FLT_VOLUME, Frame));
	find_frame(c, v);
	read_parts(c, &o, v);
	read_list(c, &o, v, index);
	find_device(c, &v->device_object, "FLT_VOLUME.DeviceObject");
	find_device(c, &v->disk_device_object, "FLT_VOLUME.DiskDeviceObject");
}
