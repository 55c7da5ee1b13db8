/* SPDX-License-Identifier: BSD-2-Clause */
/* DRIVER_OBJECT and the chain of its devices. */
#include "nt/impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { IO_TYPE_DRIVER = 4 }; /* wdm.h */

/* wdm.h and ntddk.h: macros, so that no PDB has them. */
static const struct nt_bit drvo_bits[] = {
	{0x1, "UNLOAD_INVOKED"},    {0x2, "LEGACY_DRIVER"}, {0x4, "BUILTIN_DRIVER"},
	{0x8, "REINIT_REGISTERED"}, {0x10, "INITIALIZED"},  {0x20, "BOOTREINIT_REGISTERED"},
	{0x40, "LEGACY_RESOURCES"},
};

/* Type and Size into d; FS_OK only when it is a driver object. */
static enum fs_status check_type(const struct reader *r, struct model_builder *b,
				 struct fs_driver *d, struct fs_error *err)
{
	uint32_t size = r->nt ? layout_type_size(r->nt, T_DRIVER_OBJECT) : 0;
	uint64_t va = d->address;

	if (!vm_is_kernel_va(r->vm, va) || va % 8)
		return fs_fail_at(err, FS_CORRUPT, va,
				  "0x%" PRIx64 " cannot be the address of a DRIVER_OBJECT", va);
	d->type = nt_value(r, b, va, F_DRIVER_OBJECT_Type);
	d->size = nt_value(r, b, va, F_DRIVER_OBJECT_Size);
	if (d->type.state == FS_NONE || d->size.state == FS_NONE || size == 0)
		return fs_fail(
			err, FS_UNSUPPORTED,
			"DRIVER_OBJECT: no layout of this build has Type, Size and its size");
	if (d->type.state == FS_MISSING || d->size.state == FS_MISSING) {
		int32_t gap = d->type.state == FS_MISSING ? d->type.gap : d->size.gap;

		if (gap < 0)
			return fs_fail_at(err, FS_NOT_IN_DUMP, va, "DRIVER_OBJECT.Type");
		return fs_fail_at(err, b->model->gaps[gap].reason, b->model->gaps[gap].address,
				  "%s", b->model->gaps[gap].text);
	}
	if (d->type.v != IO_TYPE_DRIVER || d->size.v != size)
		return fs_fail_at(err, FS_CORRUPT, va,
				  "DRIVER_OBJECT.Type is %" PRIu64 " and Size 0x%" PRIx64
				  ", expected 4 and 0x%x",
				  d->type.v, d->size.v, size);
	d->valid = true;
	return FS_OK;
}

static void read_majors(const struct reader *r, const struct modules *m, struct model_builder *b,
			struct fs_driver *d)
{
	const size_t n = sizeof(d->major) / sizeof(d->major[0]);
	unsigned width = vm_pointer_size(r->vm);
	struct fs_error err = {0};
	uint64_t va = 0;
	int32_t gap = -1;
	size_t i;

	if (obj_field(r, d->address, F_DRIVER_OBJECT_MajorFunction, &va, NULL))
		return;
	for (i = 0; i < n; i++) {
		struct fs_value v = model_none();
		uint64_t at = va + i * width;
		uint64_t p = 0;
		uint32_t p32 = 0;
		enum fs_status st;

		if (width == 8) {
			st = vm_read_u64(r->vm, at, &p, "DRIVER_OBJECT.MajorFunction", &err);
		} else {
			st = vm_read_u32(r->vm, at, &p32, "DRIVER_OBJECT.MajorFunction", &err);
			p = p32;
		}
		v.at = at;
		v.state = st ? FS_MISSING : FS_READ;
		v.v = st ? 0 : p;
		/* One gap for all that are missing. */
		if (st && gap < 0)
			gap = model_gap(b, "DRIVER_OBJECT.MajorFunction", &err);
		if (st)
			v.gap = gap;
		d->major[i] = nt_code(b, m, v);
	}
}

static void read_service_key(const struct reader *r, struct model_builder *b, struct fs_driver *d)
{
	uint64_t ext = d->driver_extension.v;
	struct fs_value back;

	d->service_key.gap = -1;
	if (d->driver_extension.state != FS_READ || ext == 0)
		return;
	back = nt_value(r, b, ext, F_DRIVER_EXTENSION_DriverObject);
	if (back.state == FS_READ && back.v != d->address) {
		struct fs_error e;

		(void)fs_fail_at(&e, FS_CORRUPT, back.at,
				 "DRIVER_EXTENSION.DriverObject is 0x%" PRIx64
				 ", expected the driver 0x%" PRIx64,
				 back.v, d->address);
		d->service_key.state = FS_MISSING;
		d->service_key.gap = model_gap(b, "DRIVER_EXTENSION.ServiceKeyName", &e);
		return;
	}
	d->service_key = nt_string(r, b, ext, F_DRIVER_EXTENSION_ServiceKeyName);
}

static void read_fields(const struct reader *r, const struct modules *m, struct model_builder *b,
			struct fs_driver *d)
{
	uint64_t va = d->address, header;

	d->name = nt_string(r, b, va, F_DRIVER_OBJECT_DriverName);
	(void)nt_object_name(r, va, b, &d->object_name);
	d->flags = nt_flags(r, b, nt_value(r, b, va, F_DRIVER_OBJECT_Flags), "DRVO_FLAGS", "DRVO_",
			    drvo_bits, sizeof(drvo_bits) / sizeof(drvo_bits[0]));
	d->driver_start = nt_value(r, b, va, F_DRIVER_OBJECT_DriverStart);
	d->driver_size = nt_value(r, b, va, F_DRIVER_OBJECT_DriverSize);
	d->driver_section = nt_value(r, b, va, F_DRIVER_OBJECT_DriverSection);
	d->driver_extension = nt_value(r, b, va, F_DRIVER_OBJECT_DriverExtension);
	read_service_key(r, b, d);
	d->driver_init = nt_code(b, m, nt_value(r, b, va, F_DRIVER_OBJECT_DriverInit));
	d->driver_start_io = nt_code(b, m, nt_value(r, b, va, F_DRIVER_OBJECT_DriverStartIo));
	d->driver_unload = nt_code(b, m, nt_value(r, b, va, F_DRIVER_OBJECT_DriverUnload));
	read_majors(r, m, b, d);
	d->device_object = nt_value(r, b, va, F_DRIVER_OBJECT_DeviceObject);
	if (m && d->driver_start.state == FS_READ && d->driver_start.v) {
		const struct module *mod = module_at(m, d->driver_start.v);

		d->module = mod ? (int32_t)(mod - m->list.v) : -1;
	}
	if (!nt_object_header(r, va, &header, NULL)) {
		d->pointer_count = nt_value(r, b, header, F_OBJECT_HEADER_PointerCount);
		d->handle_count = nt_value(r, b, header, F_OBJECT_HEADER_HandleCount);
	}
}

/* A chain under way: which devices of the model it has met. */
struct chain {
	VEC(size_t) entries;
	uint8_t met[MODEL_MAX_DEVICES / 8];
};

static enum fs_stop stop_at(struct model_builder *b, struct fs_driver *d, enum fs_stop why,
			    const struct fs_error *err)
{
	d->devices_gap = model_gap(b, "DRIVER_OBJECT.DeviceObject", err);
	return why;
}

/* Take the device at va into the chain; false when the chain ends here, with *stop. */
static bool take_device(const struct reader *r, struct model_builder *b, struct fs_driver *d,
			int32_t driver, uint64_t va, struct chain *c, enum fs_stop *stop)
{
	struct fs_error err = {0};
	struct fs_device *dev;
	size_t i = 0, *slot;
	enum fs_status st = nt_read_device(r, b, va, &i, &err);

	if (st) {
		*stop = stop_at(b, d,
				st == FS_CORRUPT ? FS_STOP_BAD_LINK
				: st == FS_LIMIT ? FS_STOP_LIMIT
						 : FS_STOP_UNREADABLE,
				&err);
		return false;
	}
	dev = &b->model->devices[i];
	if (c->met[i / 8] & 1u << i % 8) {
		(void)fs_fail_at(&err, FS_CORRUPT, va,
				 "the chain of devices comes back to 0x%" PRIx64, va);
		*stop = stop_at(b, d, FS_STOP_CYCLE, &err);
		return false;
	}
	if (dev->driver_object.state == FS_READ && dev->driver_object.v != d->address) {
		(void)fs_fail_at(&err, FS_CORRUPT, dev->driver_object.at,
				 "DEVICE_OBJECT.DriverObject is 0x%" PRIx64
				 ", expected the driver 0x%" PRIx64 " whose chain leads here",
				 dev->driver_object.v, d->address);
		*stop = stop_at(b, d, FS_STOP_BAD_LINK, &err);
		return false;
	}
	slot = vec_push(&c->entries);
	if (!slot) {
		b->out_of_memory = true;
		*stop = FS_STOP_LIMIT;
		return false;
	}
	*slot = i;
	c->met[i / 8] |= (uint8_t)(1u << i % 8);
	dev->driver = driver;
	return true;
}

static void follow_devices(const struct reader *r, struct model_builder *b, int32_t driver,
			   struct fs_driver *d)
{
	struct chain c = {0};
	struct fs_value next = d->device_object;
	enum fs_stop stop = FS_STOP_CLOSED;

	while (next.state == FS_READ && next.v) {
		if (!take_device(r, b, d, driver, next.v, &c, &stop))
			break;
		next = b->model->devices[c.entries.v[c.entries.n - 1]].next_device;
	}
	if (next.state == FS_MISSING) {
		stop = FS_STOP_UNREADABLE;
		d->devices_gap = next.gap;
	} else if (next.state == FS_NONE) {
		stop = FS_STOP_NOT_WALKED;
	}
	d->devices_stop = stop;
	if (c.entries.n > 0) {
		d->devices = arena_alloc(b->arena, c.entries.n * sizeof(*d->devices));
		if (d->devices) {
			memcpy(d->devices, c.entries.v, c.entries.n * sizeof(*d->devices));
			d->ndevices = c.entries.n;
		} else {
			b->out_of_memory = true;
		}
	}
	vec_free(&c.entries);
}

enum fs_status nt_add_driver(const struct reader *r, const struct modules *m,
			     struct model_builder *b, uint64_t va, size_t *ret_index,
			     struct fs_error *err)
{
	int32_t known = model_find_driver(b, va);
	struct fs_driver d;
	size_t i = 0;
	enum fs_status st;

	if (known >= 0) {
		*ret_index = (size_t)known;
		d = b->model->drivers[known];
		return d.valid ? FS_OK : check_type(r, b, &d, err);
	}
	st = model_add_driver(b, va, &i);
	if (st)
		return fs_fail_at(err, st, va, "DRIVER_OBJECT: no room for one more driver");
	d = b->model->drivers[i];
	st = check_type(r, b, &d, err);
	if (!st) {
		read_fields(r, m, b, &d);
		follow_devices(r, b, (int32_t)i, &d);
	}
	b->model->drivers[i] = d;
	*ret_index = i;
	return st;
}
