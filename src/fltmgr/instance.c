/* SPDX-License-Identifier: BSD-2-Clause */
/* FLT_INSTANCE: a filter on a volume. It stands on two lists and points at both ends. */
#include "fltmgr/collect.h"

static void find_filter(struct collect *c, size_t index)
{
	struct fs_instance *i = &c->b->model->instances[index];
	struct fs_filter *f;
	bool known;
	size_t to;

	if (!fs_is_read(&i->filter_pointer))
		return;
	known = model_find_filter(c->b, i->filter_pointer.v) >= 0;
	if (i->filter >= 0) {
		f = &c->b->model->filters[i->filter];
		if (f->address == i->filter_pointer.v)
			return;
		(void)collect_gap(c, "FLT_INSTANCE.Filter", i->address, FS_CORRUPT,
				  "FLT_INSTANCE 0x%llx is on the list of FLT_FILTER 0x%llx but its "
				  "Filter is 0x%llx",
				  (unsigned long long)i->address, (unsigned long long)f->address,
				  (unsigned long long)i->filter_pointer.v);
	}
	if (!reach_filter(c, i->filter_pointer.v, "FLT_INSTANCE.Filter", &to))
		return;
	i->filter = (int32_t)to;
	if (!known)
		c->b->model->filters[to].by_instance = true;
}

static void find_volume(struct collect *c, size_t index)
{
	struct fs_instance *i = &c->b->model->instances[index];
	struct fs_volume *v;
	bool known;
	size_t to;

	if (!fs_is_read(&i->volume_pointer))
		return;
	known = model_find_volume(c->b, i->volume_pointer.v) >= 0;
	if (i->volume >= 0) {
		v = &c->b->model->volumes[i->volume];
		if (v->address == i->volume_pointer.v)
			return;
		(void)collect_gap(c, "FLT_INSTANCE.Volume", i->address, FS_CORRUPT,
				  "FLT_INSTANCE 0x%llx is on the list of FLT_VOLUME 0x%llx but its "
				  "Volume is 0x%llx",
				  (unsigned long long)i->address, (unsigned long long)v->address,
				  (unsigned long long)i->volume_pointer.v);
	}
	if (!reach_volume(c, i->volume_pointer.v, "FLT_INSTANCE.Volume", &to))
		return;
	i->volume = (int32_t)to;
	if (!known)
		c->b->model->volumes[to].by_instance = true;
}

void instance_read(struct collect *c, size_t index)
{
	struct fs_instance *i = &c->b->model->instances[index];
	struct fobj o;

	fobj_open(c, &o, i->address, T_FLT_INSTANCE, "FLT_INSTANCE");
	i->object = FOBJ_BASE(c, &o, FLT_INSTANCE);
	i->name = fobj_string(c, &o, P1(FLT_INSTANCE, Name));
	i->altitude = fobj_string(c, &o, P1(FLT_INSTANCE, Altitude));
	i->flags = fobj_flags(c, &o, P1(FLT_INSTANCE, Flags), FLAGS_INSTANCE);
	i->filter_pointer = fobj_value(c, &o, P1(FLT_INSTANCE, Filter));
	i->volume_pointer = fobj_value(c, &o, P1(FLT_INSTANCE, Volume));
	i->filter_link = fobj_links(c, &o, P1(FLT_INSTANCE, FilterLink));
	i->operation_rundown = fobj_value(c, &o, P1(FLT_INSTANCE, OperationRundownRef));
	i->context = fobj_value(c, &o, P1(FLT_INSTANCE, Context));
	i->track_completion_nodes = fobj_value(c, &o, P1(FLT_INSTANCE, TrackCompletionNodes));
	i->context_lock = fobj_field_va(c, &o, P1(FLT_INSTANCE, ContextLock));
	i->callback_nodes = fobj_field_va(c, &o, P1(FLT_INSTANCE, CallbackNodes));
	i->transaction_contexts = fobj_field_va(c, &o, P1(FLT_INSTANCE, TransactionContexts));
	find_filter(c, index);
	find_volume(c, index);
}
