/* SPDX-License-Identifier: BSD-2-Clause */
/* DEVICE_OBJECT, as !devobj prints it (facts: transcripts 00, 17). */
#include "view/common.h"

#include <inttypes.h>

/* !devobj prints pointers at least eight digits wide, so that NULL is short. */
static const char *short_ptr(struct view *v, const struct fs_value *val)
{
	if (val->state != FS_READ)
		return text_value(v, val, NUM_PTR);
	return text_printf(v, "%08" PRIx64 "%s", val->v, text_mark(v, val->unproved));
}

static const char *number(struct view *v, const struct fs_value *val, const char *zero)
{
	if (val->state != FS_READ)
		return text_value(v, val, NUM_HEX8);
	if (val->v == 0)
		return zero;
	return text_printf(v, "0x%08" PRIx64, val->v);
}

static const char *driver_name(struct view *v, int32_t driver)
{
	const char *s = NULL;

	if (driver >= 0 && (size_t)driver < v->m->ndrivers)
		s = plain(&v->m->drivers[driver].name);
	return s ? s : "(driver not known)";
}

static const char *device_name(struct view *v, const struct fs_device *d)
{
	if (d->name.state == FS_MISSING)
		return text_printf(v, "%s ", text_missing(v, d->name.gap));
	if (!plain(&d->name) || d->name.s[0] == '\0')
		return "";
	return text_printf(v, "%s ", d->name.s);
}

static void attachment(struct view *v, const char *label, const struct fs_value *val)
{
	if (val->state == FS_MISSING || (val->state == FS_READ && val->v != 0))
		emit_line(v->e, "%s %s", label, short_ptr(v, val));
}

static void text(struct view *v, const struct fs_device *d)
{
	bool node = d->device_node.state == FS_READ && d->device_node.v != 0;

	emit_line(v->e, "Device object (%s) is for:", text_ptr(v, d->address));
	emit_line(v->e, "    %s%s DriverObject %s", device_name(v, d), driver_name(v, d->driver),
		  short_ptr(v, &d->driver_object));
	emit_line(v->e, "Current Irp %s RefCount %s Type %s Flags %s",
		  short_ptr(v, &d->current_irp), text_value(v, &d->reference_count, NUM_DEC),
		  short_ptr(v, &d->device_type), short_ptr(v, &d->flags));
	emit_line(v->e, "Dacl %s DevExt %s DevObjExt %s%s%s", short_ptr(v, &d->security_descriptor),
		  short_ptr(v, &d->device_extension), short_ptr(v, &d->devobj_extension),
		  node ? " DevNode " : "", node ? short_ptr(v, &d->device_node) : "");
	emit_line(v->e, "ExtensionFlags (%s) %s",
		  number(v, &d->extension_flags.value, "0000000000"),
		  text_header_flags(v, &d->extension_flags, "DOE_", ", "));
	emit_line(v->e, "Characteristics (%s)", number(v, &d->characteristics, "0000000000"));
	attachment(v, "AttachedDevice (Upper)", &d->attached_device);
	attachment(v, "AttachedTo (Lower)", &d->attached_to);
	if (d->device_queue_busy.state == FS_READ)
		emit_line(v->e, "Device queue is %s.",
			  d->device_queue_busy.v ? "busy" : "not busy");
	else if (d->device_queue_busy.state == FS_MISSING)
		emit_line(v->e, "Device queue: %s.", text_reason(v, d->device_queue_busy.gap));
}

void show_device(struct view *v, const char *key, size_t index)
{
	const struct fs_device *d = &v->m->devices[index];
	struct fields f;

	entity_begin(v);
	if (emit_is_text(v->e))
		text(v, d);
	fields_begin(v, &f, key);
	emit_address(v->e, "address", d->address);
	show_string(v, &f, "name", NULL, &d->name);
	show_value(v, &f, "driver_object", NULL, &d->driver_object, NUM_PTR);
	if (d->driver >= 0 && (size_t)d->driver < v->m->ndrivers)
		show_string(v, NULL, "driver_name", NULL, &v->m->drivers[d->driver].name);
	show_value(v, &f, "type", NULL, &d->type, NUM_DEC);
	show_value(v, &f, "device_type", NULL, &d->device_type, NUM_DEC);
	show_value(v, &f, "flags", NULL, &d->flags, NUM_DEC);
	show_value(v, &f, "characteristics", NULL, &d->characteristics, NUM_DEC);
	show_value(v, &f, "reference_count", NULL, &d->reference_count, NUM_DEC);
	show_value(v, &f, "current_irp", NULL, &d->current_irp, NUM_PTR);
	show_value(v, &f, "next_device", NULL, &d->next_device, NUM_PTR);
	show_value(v, &f, "attached_device", NULL, &d->attached_device, NUM_PTR);
	show_value(v, &f, "attached_to", NULL, &d->attached_to, NUM_PTR);
	show_value(v, &f, "device_node", NULL, &d->device_node, NUM_PTR);
	show_value(v, &f, "vpb", NULL, &d->vpb, NUM_PTR);
	show_value(v, &f, "stack_size", NULL, &d->stack_size, NUM_DEC);
	show_value(v, &f, "security_descriptor", NULL, &d->security_descriptor, NUM_PTR);
	show_value(v, &f, "device_extension", NULL, &d->device_extension, NUM_PTR);
	show_value(v, &f, "devobj_extension", NULL, &d->devobj_extension, NUM_PTR);
	show_value(v, &f, "device_queue_busy", NULL, &d->device_queue_busy, NUM_DEC);
	json_flags(v, &f, "extension_flags", &d->extension_flags, 0);
	fields_end(v, &f);
}

void view_devobj(struct view *v, size_t index)
{
	show_device(v, "device", index);
}
