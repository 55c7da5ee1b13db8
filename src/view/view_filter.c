/* SPDX-License-Identifier: BSD-2-Clause */
/* FLT_FILTER, as !fltkd.filter prints it (facts: transcripts 00, 01, 03, 28). */
#include "view/common.h"

#include <inttypes.h>
#include <string.h>

void head_filter(struct view *v, size_t index)
{
	const struct fs_filter *fl = &v->m->filters[index];
	const char *by = "";

	if (!emit_is_text(v->e))
		return;
	if (fl->name_by_callbacks)
		by = text_printf(v, "  (callbacks in %s)", fl->name_by_callbacks);
	emit_line(v->e, "FLT_FILTER: %s %s %s%s%s", text_ptr(v, fl->address),
		  text_string(v, &fl->name, "[NoName]"), text_string(v, &fl->altitude, "[NoName]"),
		  text_mark(v, fl->name.unproved || fl->altitude.unproved), by);
}

/* In the order of !fltkd; those it does not print stand behind those it does. */
static const enum fs_callback callback_order[] = {
	FS_CB_PreVolumeMount,
	FS_CB_PostVolumeMount,
	FS_CB_FilterUnload,
	FS_CB_InstanceSetup,
	FS_CB_InstanceQueryTeardown,
	FS_CB_InstanceTeardownStart,
	FS_CB_InstanceTeardownComplete,
	FS_CB_GenerateFileName,
	FS_CB_NormalizeNameComponent,
	FS_CB_NormalizeNameComponentEx,
	FS_CB_NormalizeContextCleanup,
	FS_CB_KtmNotification,
	FS_CB_SectionNotification,
};

static void callbacks(struct view *v, const struct fs_filter *fl)
{
	struct fields f;
	size_t i;

	fields_begin(v, &f, "callbacks");
	for (i = 0; i < sizeof(callback_order) / sizeof(callback_order[0]); i++) {
		const char *name = fs_callback_name(callback_order[i]);

		show_code(v, &f, name, name, &fl->callback[callback_order[i]]);
	}
	show_code(v, &f, fs_callback_name(FS_CB_OldDriverUnload), NULL,
		  &fl->callback[FS_CB_OldDriverUnload]);
	fields_end(v, &f);
}

static void operations(struct view *v, struct fields *f, const struct fs_filter *fl)
{
	size_t i;

	show_value(v, f, "operations_address", "Operations", &fl->operations_pointer, NUM_PTR);
	if (fl->operations_stop == FS_STOP_NOT_WALKED && fl->noperations == 0)
		return;
	emit_array_begin(v->e, "operations");
	emit_indent(v->e, 1);
	for (i = 0; i < fl->noperations; i++) {
		const struct fs_operation *op = &fl->operations[i];
		const char *major = fs_major_name(op->major);

		if (!major)
			major = text_printf(v, "0x%02x", op->major);
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "major", major);
		if (op->flags)
			emit_uint(v->e, "flags", op->flags);
		if (rows_wanted(v))
			emit_line(v->e, "%s%s", major,
				  op->flags ? text_printf(v, "  flags 0x%" PRIx32, op->flags) : "");
		emit_indent(v->e, 1);
		show_code(v, NULL, "pre", "PreOperation", &op->pre);
		show_code(v, NULL, "post", "PostOperation", &op->post);
		emit_indent(v->e, -1);
		emit_object_end(v->e);
	}
	if (fl->operations_stop != FS_STOP_CLOSED && rows_wanted(v))
		emit_styled(v->e, EMIT_WARN, "(%zu read, IRP_MJ_OPERATION_END not reached: %s)",
			    fl->noperations, fs_stop_name(fl->operations_stop));
	emit_indent(v->e, -1);
	emit_array_end(v->e);
	if (fl->operations_stop != FS_STOP_CLOSED)
		emit_string(v->e, "operations_stopped", fs_stop_name(fl->operations_stop));
}

/* The slots of SupportedContexts by index; !fltkd prints "(null)" for those it has no name for. */
static const char *const slot_names[] = {
	"VolumeContexts", "InstanceContexts",	  "FileContexts",
	"StreamContexts", "StreamHandleContexts", "TransactionContext",
};

static const char *slot_name(size_t slot)
{
	return slot < sizeof(slot_names) / sizeof(slot_names[0]) ? slot_names[slot] : "(null)";
}

/* The words of !fltkd (transcripts 01); others are not known. */
static const char *allocation_word(uint8_t type)
{
	return type == 1 ? "LookasideList" : type == 2 ? "AllocateDirectly" : "";
}

static void context_node(struct view *v, const struct fs_context_node *c, int32_t filter)
{
	const char *name = name_of_filter(v, filter);

	emit_object_begin(v->e, NULL);
	emit_string(v->e, "type", slot_name(c->slot));
	emit_address(v->e, "address", c->address);
	emit_uint(v->e, "allocation_type", c->allocation_type);
	emit_address(v->e, "filter", c->filter);
	emit_object_end(v->e);
	if (rows_wanted(v))
		emit_line(v->e, "ALLOCATE_CONTEXT_NODE: %s %s [%02x] %s", text_ptr(v, c->address),
			  name ? name : text_ptr(v, c->filter), c->allocation_type,
			  allocation_word(c->allocation_type));
}

static void contexts(struct view *v, size_t index)
{
	const struct fs_filter *fl = &v->m->filters[index];
	size_t slot, i, width = strlen(text_ptr(v, 0)) / 2;

	if (fl->context_slots == 0)
		return;
	show_inside(v, "SupportedContexts", fl->supported_contexts);
	emit_array_begin(v->e, "supported_contexts");
	emit_indent(v->e, 1);
	for (slot = 0; slot < fl->context_slots; slot++) {
		if (fl->supported_contexts)
			show_inside(v, slot_name(slot), fl->supported_contexts + slot * width);
		emit_indent(v->e, 1);
		for (i = 0; i < fl->ncontexts; i++)
			if (fl->contexts[i].slot == slot)
				context_node(v, &fl->contexts[i],
					     fl->contexts[i].filter == fl->address ? (int32_t)index
										   : -1);
		emit_indent(v->e, -1);
	}
	emit_indent(v->e, -1);
	emit_array_end(v->e);
}

static void driver_object(struct view *v, struct fields *f, const struct fs_filter *fl)
{
	const struct fs_model *m = v->m;
	const struct fs_driver *d = NULL;

	if (fl->driver >= 0 && (size_t)fl->driver < m->ndrivers)
		d = &m->drivers[fl->driver];
	show_value(v, NULL, NULL, "DriverObject", &fl->driver_object, NUM_PTR_0X);
	if (fl->driver_object.state == FS_NONE)
		return;
	if (fl->driver_object.state == FS_MISSING) {
		emit_null(v->e, "driver_object");
		return;
	}
	fields_mark(f, "driver_object", fl->driver_object.unproved);
	emit_object_begin(v->e, "driver_object");
	emit_address(v->e, "address", fl->driver_object.v);
	if (d) {
		show_string(v, NULL, "name", "DriverName", &d->name);
		if (d->module >= 0 && (size_t)d->module < m->nmodules && m->modules[d->module].name)
			emit_string(v->e, "module", m->modules[d->module].name);
		if (!d->valid) {
			emit_bool(v->e, "valid", false);
			if (rows_wanted(v))
				emit_styled(v->e, EMIT_WARN, "(no DRIVER_OBJECT stands there)");
		}
	}
	emit_object_end(v->e);
}

static void instances(struct view *v, const struct fs_filter *fl)
{
	size_t i;

	show_value(v, NULL, "instance_count", NULL, &fl->instances.count, NUM_DEC);
	if (rows_wanted(v)) {
		show_counted(v, NULL, NULL, "InstanceList", fl->instance_list, "rCount",
			     &fl->instances.count);
		emit_indent(v->e, 1);
	}
	emit_array_begin(v->e, "instances");
	v->brief++;
	for (i = 0; i <= fl->instances.n; i++) {
		remark_walk(v, &fl->instances, i);
		if (i < fl->instances.n)
			show_instance(v, NULL, fl->instances.entries[i]);
	}
	v->brief--;
	emit_array_end(v->e);
	if (rows_wanted(v))
		emit_indent(v->e, -1);
	show_walk(v, "walk", &fl->instances);
}

static void ports(struct view *v, struct fields *f, const struct fs_filter *fl)
{
	show_counted(v, f, "active_opens", "ActiveOpens", fl->active_opens, "mCount",
		     &fl->active_opens_count);
	show_counted(v, f, "server_port_count", "Communication Port List", fl->connection_list,
		     "mCount", &fl->connection_count);
	show_counted(v, f, "client_port_count", "Client Port List", fl->port_list, "mCount",
		     &fl->port_count);
}

void show_filter(struct view *v, const char *key, size_t index, enum filter_parts parts)
{
	const struct fs_filter *fl = &v->m->filters[index];
	struct fs_ledger ledger;
	struct fields f;

	entity_begin(v);
	head_filter(v, index);
	fields_begin(v, &f, key);
	emit_address(v->e, "address", fl->address);
	show_string(v, &f, "name", NULL, &fl->name);
	if (fl->name_by_callbacks)
		emit_string(v->e, "name_by_callbacks", fl->name_by_callbacks);
	show_string(v, &f, "altitude", NULL, &fl->altitude);
	emit_indent(v->e, 1);
	show_object(v, &fl->object, fl->address);
	show_ref(v, &f, "frame", "Frame", &fl->frame_pointer, name_of_frame(v, fl->frame));
	show_flags(v, &f, "flags", "Flags", &fl->flags);
	driver_object(v, &f, fl);
	show_links(v, NULL, NULL, "FilterLink", &fl->object.primary_link);
	callbacks(v, fl);
	ports(v, &f, fl);
	json_ports(v, fl->holders);
	show_value(v, &f, "verifier_extension", "VerifierExtension", &fl->verifier_extension,
		   NUM_PTR);
	operations(v, &f, fl);
	show_code(v, NULL, NULL, "OldDriverUnload", &fl->callback[FS_CB_OldDriverUnload]);
	contexts(v, index);
	show_unproved(v);
	if (parts == FILTER_WHOLE)
		instances(v, fl);
	fs_ledger_filter(v->m, index, &ledger);
	show_ledger(v, &ledger);
	show_reflog(v, &f, fl);
	emit_indent(v->e, -1);
	fields_end(v, &f);
}

void view_filter(struct view *v, size_t index)
{
	show_filter(v, "filter", index, FILTER_WHOLE);
}
