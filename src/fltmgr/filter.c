/* SPDX-License-Identifier: BSD-2-Clause */
/* FLT_FILTER: one registration, with its driver, callbacks, contexts and instances. */
#include "fltmgr/collect.h"
#include "nt/nt.h"

static void note_instance(struct collect *c, size_t entity, size_t owner,
			  const struct list_entry *e)
{
	struct fs_instance *i = &c->b->model->instances[entity];

	(void)e;
	i->by_filter = true;
	if (i->filter < 0)
		i->filter = (int32_t)owner;
	else if ((size_t)i->filter != owner)
		(void)collect_gap(c, "FLT_FILTER.InstanceList", i->address, FS_CORRUPT,
				  "FLT_INSTANCE 0x%llx is on the list of FLT_FILTER 0x%llx but "
				  "belongs to FLT_FILTER 0x%llx",
				  (unsigned long long)i->address,
				  (unsigned long long)c->b->model->filters[owner].address,
				  (unsigned long long)c->b->model->filters[i->filter].address);
}

/* The frame whose list it is on is what counts; Frame is what it says itself. */
static void find_frame(struct collect *c, struct fs_filter *f)
{
	int32_t said =
		fs_is_read(&f->frame_pointer) ? model_find_frame(c->b, f->frame_pointer.v) : -1;

	if (f->frame < 0)
		f->frame = said;
	else if (fs_is_read(&f->frame_pointer) && said != f->frame)
		(void)collect_gap(c, "FLT_FILTER.Frame", f->address, FS_CORRUPT,
				  "FLT_FILTER 0x%llx is on the list of FLTP_FRAME 0x%llx but its "
				  "Frame is 0x%llx",
				  (unsigned long long)f->address,
				  (unsigned long long)c->b->model->frames[f->frame].address,
				  (unsigned long long)f->frame_pointer.v);
}

static void find_driver(struct collect *c, struct fs_filter *f)
{
	struct fs_error err = {.status = FS_OK};
	enum fs_status st;
	size_t index;

	if (!fs_is_read(&f->driver_object) || !f->driver_object.v)
		return;
	st = nt_add_driver(&c->r, c->m, c->b, f->driver_object.v, &index, &err);
	if (st == FS_NO_MEMORY)
		c->out_of_memory = true;
	else if (st != FS_OK)
		(void)model_gap(c->b, "FLT_FILTER.DriverObject", &err);
	f->driver = model_find_driver(c->b, f->driver_object.v);
}

static void read_lists(struct collect *c, const struct fobj *o, struct fs_filter *f, size_t index)
{
	const struct list_spec instances = {
		.head = P2(FLT_FILTER, InstanceList, FLT_RESOURCE_LIST_HEAD, rList),
		.count = P2(FLT_FILTER, InstanceList, FLT_RESOURCE_LIST_HEAD, rCount),
		.link = P1(FLT_INSTANCE, FilterLink),
		.what = "FLT_FILTER.InstanceList",
		.reach = reach_instance,
		.note = note_instance,
		.owner = index,
	};

	f->instance_list = fobj_field_va(c, o, P1(FLT_FILTER, InstanceList));
	f->active_opens = fobj_field_va(c, o, P1(FLT_FILTER, ActiveOpens));
	f->connection_list = fobj_field_va(c, o, P1(FLT_FILTER, ConnectionList));
	f->port_list = fobj_field_va(c, o, P1(FLT_FILTER, PortList));
	f->active_opens_count =
		fobj_mutex_count(c, o, P2(FLT_FILTER, ActiveOpens, FLT_MUTEX_LIST_HEAD, mCount));
	f->connection_count =
		fobj_mutex_count(c, o, P2(FLT_FILTER, ConnectionList, FLT_MUTEX_LIST_HEAD, mCount));
	f->port_count =
		fobj_mutex_count(c, o, P2(FLT_FILTER, PortList, FLT_MUTEX_LIST_HEAD, mCount));
	collect_list(c, o, &instances, &f->instances);
	filter_holders(c, o, &c->b->model->filters[index]);
}

void filter_read(struct collect *c, size_t index)
{
	struct fs_filter *f = &c->b->model->filters[index];
	struct fobj o;

	fobj_open(c, &o, f->address, T_FLT_FILTER, "FLT_FILTER");
	f->object = FOBJ_BASE(c, &o, FLT_FILTER);
	f->name = fobj_string(c, &o, P1(FLT_FILTER, Name));
	f->altitude = fobj_string(c, &o, P1(FLT_FILTER, DefaultAltitude));
	f->flags = fobj_flags(c, &o, P1(FLT_FILTER, Flags), FLAGS_FILTER);
	f->frame_pointer = fobj_value(c, &o, P1(FLT_FILTER, Frame));
	find_frame(c, f);
	f->driver_object = fobj_value(c, &o, P1(FLT_FILTER, DriverObject));
	find_driver(c, f);
	filter_callbacks(c, &o, f);
	f->operations_pointer = fobj_value(c, &o, P1(FLT_FILTER, Operations));
	filter_operations(c, f);
	filter_name_by_callbacks(c, f);
	f->verifier_extension = fobj_value(c, &o, P1(FLT_FILTER, VerifierExtension));
	filter_contexts(c, &o, f);
	read_lists(c, &o, f, index);
}
