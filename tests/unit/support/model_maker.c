/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/model_maker.h"

#include <string.h>

struct fs_value mm_value(uint64_t v)
{
	return (struct fs_value){.v = v, .state = FS_READ, .gap = -1};
}

struct fs_value mm_missing(void)
{
	return (struct fs_value){.state = FS_MISSING, .gap = 0};
}

struct fs_string mm_string(const char *s)
{
	return (struct fs_string){.s = s, .state = FS_READ, .gap = -1};
}

static void close_list(struct fs_list *l, uint64_t head, size_t *entries)
{
	*l = (struct fs_list){.head = head,
			      .count = mm_value(0),
			      .entries = entries,
			      .stop = FS_STOP_CLOSED,
			      .gap = -1};
}

static void append(struct fs_list *l, size_t entity)
{
	l->entries[l->n++] = entity;
	l->forward = l->n;
	l->count.v = l->n;
}

void mm_begin(struct model_maker *k)
{
	struct fs_model *m = &k->m;

	memset(k, 0, sizeof(*k));
	m->frames = k->frame;
	m->filters = k->filter;
	m->instances = k->instance;
	m->volumes = k->volume;
	m->drivers = k->driver;
	m->devices = k->device;
	m->modules = k->module;
	m->threads = k->thread;
	m->locks = k->lock;
	m->fltmgr_module = -1;
	m->modules_whole = true;
	m->dump.bugcheck = mm_value(0xe2); /* MANUALLY_INITIATED_CRASH */
	m->found = true;
	m->globals = mm_value(0xfffff88001330200);
	close_list(&m->frame_list, 0xfffff880013302c0, k->frame_entries);
}

size_t mm_frame(struct model_maker *k, uint64_t va, unsigned id)
{
	size_t i = k->m.nframes++;
	struct fs_frame *f = &k->frame[i];

	f->address = va;
	f->id = mm_value(id);
	f->by_forward = true;
	f->altitude_low = mm_string("0");
	f->altitude_high = mm_string("429998.99");
	close_list(&f->filters, va + 0xb0, k->filter_entries[i]);
	close_list(&f->volumes, va + 0x130, NULL);
	append(&k->m.frame_list, i);
	return i;
}

size_t mm_filter(struct model_maker *k, size_t frame, uint64_t va, const char *name,
		 uint64_t driver_object)
{
	size_t i = k->m.nfilters++;
	struct fs_filter *f = &k->filter[i];

	f->address = va;
	f->frame = (int32_t)frame;
	f->driver = -1;
	f->by_forward = true;
	f->name = mm_string(name);
	f->altitude = mm_string("326020");
	f->flags.value = mm_value(FS_FLTFL_FILTERING_INITIATED);
	f->object.flags.value = mm_value(0x02000000);
	f->object.pointer_count = mm_value(1);
	f->object.rundown.raw = mm_value(2);
	f->object.rundown.state = FS_RUNDOWN_ACTIVE;
	f->object.rundown.count = 1;
	f->frame_pointer = mm_value(k->frame[frame].address);
	f->driver_object = mm_value(driver_object);
	close_list(&f->instances, va + 0xc0, k->instance_entries[i]);
	append(&k->frame[frame].filters, i);
	return i;
}

void mm_zombie(struct model_maker *k, size_t filter)
{
	struct fs_filter *f = &k->filter[filter];

	f->object.flags.value = mm_value(0x02000000 | FS_OBJ_DRAINING | FS_OBJ_ZOMBIED);
	f->object.rundown.raw = mm_value(1);
	f->object.rundown.state = FS_RUNDOWN_DRAINED;
	f->object.rundown.count = 0;
	f->altitude = mm_string("");
}

size_t mm_instance(struct model_maker *k, size_t filter, uint64_t va)
{
	size_t i = k->m.ninstances++;
	struct fs_instance *in = &k->instance[i];

	in->address = va;
	in->filter = (int32_t)filter;
	in->volume = -1;
	in->by_filter = true;
	in->name = mm_string("Instance");
	in->object.flags.value = mm_value(0x01000000);
	in->object.rundown.raw = mm_value(0);
	in->object.rundown.state = FS_RUNDOWN_ACTIVE;
	in->track_completion_nodes = mm_value(0xfffffa8001000000);
	append(&k->filter[filter].instances, i);
	return i;
}

size_t mm_driver(struct model_maker *k, uint64_t va, const char *name)
{
	size_t i = k->m.ndrivers++, d = k->m.ndevices++;
	struct fs_driver *dr = &k->driver[i];

	dr->address = va;
	dr->valid = true;
	dr->name = mm_string(name);
	dr->flags.value = mm_value(FS_DRVO_INITIALIZED);
	dr->devices = k->device_entries[i];
	dr->devices[0] = d;
	dr->ndevices = 1;
	dr->devices_stop = FS_STOP_CLOSED;
	dr->devices_gap = -1;
	dr->module = -1;
	k->device[d].address = va + 0x1000;
	k->device[d].driver = (int32_t)i;
	k->device[d].reference_count = mm_value(0);
	k->device[d].attached_device = mm_value(0);
	k->device[d].devobj_extension = mm_value(va + 0x1150);
	k->device[d].extension_flags.value = mm_value(0x800);
	return i;
}

void mm_link_drivers(struct model_maker *k)
{
	size_t i, j;

	for (i = 0; i < k->m.nfilters; i++)
		for (j = 0; j < k->m.ndrivers; j++)
			if (k->filter[i].driver_object.v == k->driver[j].address)
				k->filter[i].driver = (int32_t)j;
}

const struct fs_verdict *mm_verdict(const struct fs_report *r, uint64_t filter)
{
	size_t i;

	for (i = 0; i < r->nverdicts; i++)
		if (r->verdicts[i].filter == filter)
			return &r->verdicts[i];
	return NULL;
}

const struct fs_finding *mm_finding(const struct fs_report *r, const char *rule)
{
	size_t i;

	for (i = 0; i < r->nfindings; i++)
		if (strcmp(r->findings[i].rule, rule) == 0)
			return &r->findings[i];
	return NULL;
}

size_t mm_count(const struct fs_report *r, const char *rule)
{
	size_t i, n = 0;

	for (i = 0; i < r->nfindings; i++)
		n += strcmp(r->findings[i].rule, rule) == 0;
	return n;
}
