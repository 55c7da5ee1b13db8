/* SPDX-License-Identifier: BSD-2-Clause */
/* DRIVER_OBJECT, as !drvobj prints it (facts: transcripts 00, 16), and more below. */
#include "view/common.h"

#include <inttypes.h>

#define DEVICES_A_LINE 4

static const char *name_of(struct view *v, const struct fs_driver *d)
{
	const char *s = plain(&d->name);

	if (!s)
		s = plain(&d->object_name);
	return s ? s : text_string(v, &d->name, NULL);
}

static void device_list(struct view *v, const struct fs_driver *d)
{
	const char *line = "";
	size_t i, shown = 0;

	if (!emit_is_text(v->e))
		return;
	emit_line(v->e, "Device Object list:");
	for (i = 0; i < d->ndevices; i++) {
		line = text_printf(v, "%s%s%s", line, shown ? "  " : "",
				   text_ptr(v, v->m->devices[d->devices[i]].address));
		if (++shown == DEVICES_A_LINE || i + 1 == d->ndevices) {
			emit_line(v->e, "%s", line);
			line = "";
			shown = 0;
		}
	}
	if (d->device_object.state == FS_MISSING)
		emit_line(v->e, "%s", text_missing(v, d->device_object.gap));
	else if (d->devices_stop == FS_STOP_UNREADABLE && d->devices_gap >= 0)
		emit_styled(v->e, EMIT_WARN, "(the rest: %s)", text_reason(v, d->devices_gap));
	else if (d->devices_stop != FS_STOP_CLOSED && d->devices_stop != FS_STOP_NOT_WALKED)
		emit_styled(v->e, EMIT_WARN, "(stopped: %s)", fs_stop_name(d->devices_stop));
}

static void dispatch(struct view *v, const struct fs_driver *d)
{
	size_t i;

	emit_array_begin(v->e, "major_functions");
	for (i = 0; i < sizeof(d->major) / sizeof(d->major[0]); i++) {
		const char *name = fs_major_name((uint8_t)i);

		if (d->major[i].va.state == FS_NONE)
			continue;
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "major", name ? name : text_printf(v, "0x%02zx", i));
		show_code(v, NULL, "function",
			  text_printf(v, "[%02zx] %s", i, name ? name : "IRP_MJ_?"), &d->major[i]);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
}

static void flags(struct view *v, struct fields *f, const struct fs_driver *d)
{
	json_flags(v, f, "flags", &d->flags, 0);
	if (d->flags.value.state == FS_NONE || !rows_wanted(v))
		return;
	if (d->flags.value.state == FS_MISSING)
		emit_row(v->e, "Flags", "%s", text_missing(v, d->flags.value.gap));
	else
		emit_row(v->e, "Flags", "[%08" PRIx64 "] %s", d->flags.value.v,
			 text_header_flags(v, &d->flags, "DRVO_", " "));
}

static void rows(struct view *v, struct fields *f, const struct fs_driver *d)
{
	flags(v, f, d);
	show_value(v, f, "type", NULL, &d->type, NUM_DEC);
	show_value(v, f, "size", NULL, &d->size, NUM_DEC);
	show_value(v, f, "driver_start", "DriverStart", &d->driver_start, NUM_PTR);
	show_value(v, f, "driver_size", "DriverSize", &d->driver_size, NUM_HEX8);
	if (d->module >= 0 && (size_t)d->module < v->m->nmodules && v->m->modules[d->module].name) {
		emit_string(v->e, "module", v->m->modules[d->module].name);
		if (rows_wanted(v))
			emit_row(v->e, "Module", "%s", v->m->modules[d->module].name);
	}
	show_value(v, f, "driver_section", "DriverSection", &d->driver_section, NUM_PTR);
	show_value(v, f, "driver_extension", "DriverExtension", &d->driver_extension, NUM_PTR);
	show_string(v, f, "service_key", "ServiceKeyName", &d->service_key);
	show_code(v, f, "driver_init", "DriverInit", &d->driver_init);
	show_code(v, f, "driver_start_io", "DriverStartIo", &d->driver_start_io);
	show_code(v, f, "driver_unload", "DriverUnload", &d->driver_unload);
	show_value(v, f, "pointer_count", "PointerCount", &d->pointer_count, NUM_DEC);
	show_value(v, f, "handle_count", "HandleCount", &d->handle_count, NUM_DEC);
}

static void devices(struct view *v, const struct fs_driver *d)
{
	size_t i;

	if (emit_is_text(v->e))
		return; /* in text the list of addresses stands above */
	emit_array_begin(v->e, "devices");
	for (i = 0; i < d->ndevices; i++)
		show_device(v, NULL, d->devices[i]);
	emit_array_end(v->e);
	if (d->devices_stop != FS_STOP_CLOSED)
		emit_string(v->e, "devices_stopped", fs_stop_name(d->devices_stop));
}

void show_driver(struct view *v, const char *key, size_t index)
{
	const struct fs_driver *d = &v->m->drivers[index];
	struct fields f;

	entity_begin(v);
	if (emit_is_text(v->e)) {
		emit_line(v->e, "Driver object (%s) is for:", text_ptr(v, d->address));
		emit_line(v->e, "    %s", name_of(v, d));
		if (!d->valid)
			emit_styled(v->e, EMIT_WARN, "(Type and Size are not a DRIVER_OBJECT's)");
		emit_line(v->e, "Driver Extension List: (id , addr)");
		emit_line(v->e, "    (not read)");
	}
	device_list(v, d);
	fields_begin(v, &f, key);
	emit_address(v->e, "address", d->address);
	emit_bool(v->e, "valid", d->valid);
	show_string(v, &f, "name", NULL, &d->name);
	show_string(v, &f, "object_name", NULL, &d->object_name);
	emit_blank(v->e);
	rows(v, &f, d);
	emit_blank(v->e);
	if (rows_wanted(v))
		emit_line(v->e, "Dispatch routines:");
	dispatch(v, d);
	devices(v, d);
	fields_end(v, &f);
}

void view_drvobj(struct view *v, size_t index)
{
	show_driver(v, "driver", index);
}
