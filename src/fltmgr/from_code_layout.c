/* SPDX-License-Identifier: BSD-2-Clause */
/* Recovered offsets as the text of a layout, so that they are read as any other's are. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fltmgr/from_code.h"
#include "fltmgr/from_code_impl.h"

#define TEXT_MAX 32768
/* Far more than any structure has; recover.c has the same bound. */
#define OFFSET_MAX 0x8000u

struct place {
	bool known;
	uint64_t offset;
	const char *type;
};

struct text {
	char *s;
	size_t n;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, TEXT_MAX - t->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->n += (size_t)n < TEXT_MAX - t->n ? (size_t)n : TEXT_MAX - t->n - 1;
}

static void put(struct place *v, enum field_id f, uint64_t offset, const char *type)
{
	v[f] = (struct place){true, offset, type};
}

/*
 * A _FLT_RESOURCE_LIST_HEAD begins with its lock where the code takes one; else with what is
 * known of it, the list itself. Every list head has the same form.
 */
static bool list_heads(const struct recover_offsets *o, uint64_t links, struct place *v)
{
	uint64_t frames = 0, filters = 0, instances = 0, list;

	if (o->frame_list.known && o->frame_list_lock.known)
		frames = o->frame_list.value - o->frame_list_lock.value;
	if (o->link_to_filters.known && o->link_to_filters_lock.known)
		filters = o->link_to_filters.value - o->link_to_filters_lock.value;
	if (o->instance_list.known && o->instance_list_lock.known)
		instances = o->instance_list.value - o->instance_list_lock.value;
	list = frames ? frames : filters ? filters : instances;
	if ((frames && frames != list) || (filters && filters != list) ||
	    (instances && instances != list))
		return false;
	if (list)
		put(v, F_FLT_RESOURCE_LIST_HEAD_rLock, 0, "_ERESOURCE");
	put(v, F_FLT_RESOURCE_LIST_HEAD_rList, list, "_LIST_ENTRY");
	if (o->link_to_filters.known) {
		uint64_t at = o->link_to_filters.value + links;

		if (at < list)
			return false;
		put(v, F_FLTP_FRAME_RegisteredFilters, at - list, "_FLT_RESOURCE_LIST_HEAD");
	}
	if (o->instance_list.known) {
		if (o->instance_list.value < list)
			return false;
		put(v, F_FLT_FILTER_InstanceList, o->instance_list.value - list,
		    "_FLT_RESOURCE_LIST_HEAD");
	}
	return true;
}

/* The code hands filters and instances out by the address that it references: the
 * _FLT_OBJECT stands at their beginning. */
static void objects(const struct recover_offsets *o, struct place *v)
{
	if (o->primary_link.known) {
		put(v, F_FLT_FILTER_Base, 0, "_FLT_OBJECT");
		put(v, F_FLT_OBJECT_PrimaryLink, o->primary_link.value, "_LIST_ENTRY");
	}
	if (o->rundown.known)
		put(v, F_FLT_OBJECT_RundownRef, o->rundown.value, "_EX_RUNDOWN_REF");
	if (o->driver_object.known)
		put(v, F_FLT_FILTER_DriverObject, o->driver_object.value, "ptr:_DRIVER_OBJECT");
	if (o->filter_name.known)
		put(v, F_FLT_FILTER_Name, o->filter_name.value, "_UNICODE_STRING");
	if (o->instance_filter_link.known) {
		put(v, F_FLT_INSTANCE_Base, 0, "_FLT_OBJECT");
		put(v, F_FLT_INSTANCE_FilterLink, o->instance_filter_link.value, "_LIST_ENTRY");
	}
}

static void write_text(const struct place *v, uint32_t build, const char *machine, struct text *t)
{
	int f, last = -1;

	add(t,
	    "# Offsets out of the code of fltmgr.sys in this dump.\n"
	    "module fltmgr.sys build %u machine %s\n",
	    build, machine);
	add(t, "type _LIST_ENTRY 0x10\nfield 0 ptr:_LIST_ENTRY Flink\n"
	       "field 8 ptr:_LIST_ENTRY Blink\n"
	       "type _UNICODE_STRING 0x10\nfield 0 u16 Length\nfield 2 u16 MaximumLength\n"
	       "field 8 ptr:u16 Buffer\n");
	for (f = 0; f < F_COUNT; f++) {
		const struct field_decl *d = field_decl((enum field_id)f);

		if (!v[f].known)
			continue;
		if ((int)d->type != last)
			add(t, "type %s ?\n", d->type_name);
		last = (int)d->type;
		add(t, "field 0x%llx %s %s\n", (unsigned long long)v[f].offset, v[f].type, d->name);
	}
	for (f = 0; f < F_COUNT; f++) {
		const struct field_decl *d = field_decl((enum field_id)f);

		if (d->module == LM_FLTMGR && !v[f].known)
			add(t, "unknown %s.%s\n", d->type_name, d->name);
	}
}

enum fs_status from_code_layout(const struct recover_offsets *o, uint64_t links, uint32_t build,
				const char *machine, struct layout **ret, struct fs_error *err)
{
	struct place v[F_COUNT] = {{0}};
	struct text t = {calloc(1, TEXT_MAX), 0};
	char name[64];
	enum fs_status st;
	int f;

	*ret = NULL;
	if (!t.s)
		return fs_fail(err, FS_NO_MEMORY, "out of memory for a layout");
	put(v, F_FLT_TYPE_Signature, 0, "u16");
	put(v, F_FLT_TYPE_Size, 2, "u16");
	put(v, F_FLTP_FRAME_Type, 0, "_FLT_TYPE");
	put(v, F_FLTP_FRAME_Links, links, "_LIST_ENTRY");
	objects(o, v);
	st = list_heads(o, links, v) ? FS_OK : FS_CORRUPT;
	for (f = 0; f < F_COUNT; f++)
		if (v[f].known && v[f].offset > OFFSET_MAX)
			st = FS_CORRUPT;
	if (st == FS_OK) {
		write_text(v, build, machine, &t);
		snprintf(name, sizeof(name), "code-%s.layout", machine);
		st = layout_parse(name, t.s, t.n, NULL, NULL, ret, err);
	} else {
		st = fs_fail(
			err, st,
			"offsets from fltmgr's code do not go together: its list heads differ");
	}
	free(t.s);
	return st;
}

bool from_code_list(const struct from_code *f, struct fltmgr_choice *ret)
{
	const struct recover_offsets *o = &f->offsets;
	const struct {
		const char *what;
		struct recovered r;
	} all[] = {
		{"FltGlobals.FrameList.rList", o->frame_list},
		{"FltGlobals.FrameList.rLock", o->frame_list_lock},
		{"_FLTP_FRAME.Links", {true, f->links, f->links_at}},
		{"_FLTP_FRAME.RegisteredFilters.rList",
		 recover_in_frame(&o->link_to_filters, f->links)},
		{"_FLTP_FRAME.RegisteredFilters.rLock",
		 recover_in_frame(&o->link_to_filters_lock, f->links)},
		{"_FLT_OBJECT.PrimaryLink", o->primary_link},
		{"_FLT_OBJECT.RundownRef", o->rundown},
		{"_FLT_FILTER.DriverObject", o->driver_object},
		{"_FLT_FILTER.Name", o->filter_name},
		{"_FLT_FILTER.InstanceList.rList", o->instance_list},
		{"_FLT_FILTER.InstanceList.rLock", o->instance_list_lock},
		{"_FLT_INSTANCE.FilterLink", o->instance_filter_link},
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct fs_layout_code *c;

		if (!all[i].r.known)
			continue;
		c = vec_push(&ret->code);
		if (!c)
			return false;
		*c = (struct fs_layout_code){all[i].what, all[i].r.value, all[i].r.at};
	}
	return true;
}
