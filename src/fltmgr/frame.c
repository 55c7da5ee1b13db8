/* SPDX-License-Identifier: BSD-2-Clause */
/* FLTP_FRAME: the filters registered in it and the volumes it is attached to. */
#include "fltmgr/collect.h"

static void note_filter(struct collect *c, size_t entity, size_t owner, const struct list_entry *e)
{
	struct fs_filter *f = &c->b->model->filters[entity];

	if (f->frame >= 0 && (size_t)f->frame != owner) {
		(void)collect_gap(c, "FLTP_FRAME.RegisteredFilters", f->address, FS_CORRUPT,
				  "FLT_FILTER 0x%llx is on the lists of two frames",
				  (unsigned long long)f->address);
		return;
	}
	f->frame = (int32_t)owner;
	f->by_forward = e->by_forward;
	f->by_backward = e->by_backward;
}

static void note_volume(struct collect *c, size_t entity, size_t owner, const struct list_entry *e)
{
	struct fs_volume *v = &c->b->model->volumes[entity];

	if (v->frame >= 0 && (size_t)v->frame != owner) {
		(void)collect_gap(c, "FLTP_FRAME.AttachedVolumes", v->address, FS_CORRUPT,
				  "FLT_VOLUME 0x%llx is on the lists of two frames",
				  (unsigned long long)v->address);
		return;
	}
	v->frame = (int32_t)owner;
	v->by_forward = e->by_forward;
	v->by_backward = e->by_backward;
}

static void read_lists(struct collect *c, const struct fobj *o, struct fs_frame *f, size_t index)
{
	const struct list_spec filters = {
		.head = P2(FLTP_FRAME, RegisteredFilters, FLT_RESOURCE_LIST_HEAD, rList),
		.count = P2(FLTP_FRAME, RegisteredFilters, FLT_RESOURCE_LIST_HEAD, rCount),
		.link = P2(FLT_FILTER, Base, FLT_OBJECT, PrimaryLink),
		.what = "FLTP_FRAME.RegisteredFilters",
		.reach = reach_filter,
		.note = note_filter,
		.owner = index,
	};
	const struct list_spec volumes = {
		.head = P2(FLTP_FRAME, AttachedVolumes, FLT_RESOURCE_LIST_HEAD, rList),
		.count = P2(FLTP_FRAME, AttachedVolumes, FLT_RESOURCE_LIST_HEAD, rCount),
		.link = P2(FLT_VOLUME, Base, FLT_OBJECT, PrimaryLink),
		.what = "FLTP_FRAME.AttachedVolumes",
		.reach = reach_volume,
		.note = note_volume,
		.owner = index,
	};

	collect_list(c, o, &filters, &f->filters);
	collect_list(c, o, &volumes, &f->volumes);
}

void frame_read(struct collect *c, size_t index)
{
	struct fs_frame *f = &c->b->model->frames[index];
	struct fobj o;

	fobj_open(c, &o, f->address, T_FLTP_FRAME, "FLTP_FRAME");
	f->id = fobj_value(c, &o, P1(FLTP_FRAME, FrameID));
	f->altitude_low = fobj_string(c, &o, P1(FLTP_FRAME, AltitudeIntervalLow));
	f->altitude_high = fobj_string(c, &o, P1(FLTP_FRAME, AltitudeIntervalHigh));
	f->links = fobj_links(c, &o, P1(FLTP_FRAME, Links));
	f->filter_unload_lock = fobj_field_va(c, &o, P1(FLTP_FRAME, FilterUnloadLock));
	f->attached_file_systems = fobj_field_va(c, &o, P1(FLTP_FRAME, AttachedFileSystems));
	f->zombied_contexts = fobj_field_va(c, &o, P1(FLTP_FRAME, ZombiedFltObjectContexts));
	f->mounting_volumes = fobj_field_va(c, &o, P1(FLTP_FRAME, MountingVolumes));
	f->attached_file_systems_count = fobj_mutex_count(
		c, &o, P2(FLTP_FRAME, AttachedFileSystems, FLT_MUTEX_LIST_HEAD, mCount));
	f->zombied_contexts_count = fobj_mutex_count(
		c, &o, P2(FLTP_FRAME, ZombiedFltObjectContexts, FLT_MUTEX_LIST_HEAD, mCount));
	f->large_irpctrl_stack_size = fobj_value(c, &o, P1(FLTP_FRAME, LargeIrpCtrlStackSize));
	f->small_irpctrl_stack_size = fobj_value(c, &o, P1(FLTP_FRAME, SmallIrpCtrlStackSize));
	read_lists(c, &o, f, index);
}
