/* SPDX-License-Identifier: BSD-2-Clause */
/* DEVICE_OBJECT and its DEVOBJ_EXTENSION. */
#include "nt/impl.h"

#include <inttypes.h>

enum { IO_TYPE_DEVICE = 3 }; /* wdm.h */

/* Values of public headers and of Microsoft's !devobj documentation, for a
 * layout without the enum. */
static const struct nt_bit doe_bits[] = {
	{0x1, "UNLOAD_PENDING"},	{0x2, "DELETE_PENDING"},
	{0x4, "REMOVE_PENDING"},	{0x8, "REMOVE_PROCESSED"},
	{0x10, "START_PENDING"},	{0x800, "DEFAULT_SD_PRESENT"},
	{0x20000000, "RAW_FDO"},	{0x40000000, "BOTTOM_OF_FDO_STACK"},
	{0x80000000, "DESIGNATED_FDO"},
};

/* Is it a device object at all? Everything else rests on that. */
static enum fs_status check_type(const struct reader *r, uint64_t va, uint64_t *ret,
				 struct fs_error *err)
{
	uint64_t type = 0;
	enum fs_status st;

	if (!vm_is_kernel_va(r->vm, va) || va % 8)
		return fs_fail_at(err, FS_CORRUPT, va,
				  "0x%" PRIx64 " cannot be the address of a DEVICE_OBJECT", va);
	st = obj_read(r, va, F_DEVICE_OBJECT_Type, &type, err);
	if (st)
		return st;
	if (type != IO_TYPE_DEVICE)
		return fs_fail_at(err, FS_CORRUPT, va,
				  "DEVICE_OBJECT.Type is %" PRIu64 ", expected 3", type);
	*ret = type;
	return FS_OK;
}

static struct fs_value missing(struct model_builder *b, const char *what,
			       const struct fs_error *err, uint64_t at)
{
	struct fs_value v = {.state = FS_MISSING, .gap = model_gap(b, what, err), .at = at};

	return v;
}

static void read_extension(const struct reader *r, struct model_builder *b, struct fs_device *d)
{
	uint64_t ext = d->devobj_extension.v;
	struct fs_value flags, back;
	struct fs_error e;

	if (d->devobj_extension.state != FS_READ || ext == 0)
		return;
	back = nt_value(r, b, ext, F_DEVOBJ_EXTENSION_DeviceObject);
	if (back.state == FS_READ && back.v != d->address) {
		(void)fs_fail_at(&e, FS_CORRUPT, back.at,
				 "DEVOBJ_EXTENSION.DeviceObject is 0x%" PRIx64
				 ", expected the device 0x%" PRIx64,
				 back.v, d->address);
		d->extension_flags.value = missing(b, "DEVOBJ_EXTENSION.ExtensionFlags", &e, ext);
		d->device_node = missing(b, "DEVOBJ_EXTENSION.DeviceNode", &e, ext);
		d->attached_to = missing(b, "DEVOBJ_EXTENSION.AttachedTo", &e, ext);
		return;
	}
	flags = nt_value(r, b, ext, F_DEVOBJ_EXTENSION_ExtensionFlags);
	d->extension_flags = nt_flags(r, b, flags, "DOE_FLAGS", "DOE_", doe_bits,
				      sizeof(doe_bits) / sizeof(doe_bits[0]));
	d->device_node = nt_value(r, b, ext, F_DEVOBJ_EXTENSION_DeviceNode);
	d->attached_to = nt_value(r, b, ext, F_DEVOBJ_EXTENSION_AttachedTo);
}

static void read_fields(const struct reader *r, struct model_builder *b, struct fs_device *d)
{
	uint64_t va = d->address;

	d->type = nt_value(r, b, va, F_DEVICE_OBJECT_Type);
	d->reference_count = nt_value(r, b, va, F_DEVICE_OBJECT_ReferenceCount);
	d->driver_object = nt_value(r, b, va, F_DEVICE_OBJECT_DriverObject);
	d->next_device = nt_value(r, b, va, F_DEVICE_OBJECT_NextDevice);
	d->attached_device = nt_value(r, b, va, F_DEVICE_OBJECT_AttachedDevice);
	d->current_irp = nt_value(r, b, va, F_DEVICE_OBJECT_CurrentIrp);
	d->flags = nt_value(r, b, va, F_DEVICE_OBJECT_Flags);
	d->characteristics = nt_value(r, b, va, F_DEVICE_OBJECT_Characteristics);
	d->vpb = nt_value(r, b, va, F_DEVICE_OBJECT_Vpb);
	d->device_extension = nt_value(r, b, va, F_DEVICE_OBJECT_DeviceExtension);
	d->device_type = nt_value(r, b, va, F_DEVICE_OBJECT_DeviceType);
	d->stack_size = nt_value(r, b, va, F_DEVICE_OBJECT_StackSize);
	d->device_queue_busy =
		nt_value2(r, b, va, F_DEVICE_OBJECT_DeviceQueue, F_KDEVICE_QUEUE_Busy);
	d->security_descriptor = nt_value(r, b, va, F_DEVICE_OBJECT_SecurityDescriptor);
	d->devobj_extension = nt_value(r, b, va, F_DEVICE_OBJECT_DeviceObjectExtension);
	(void)nt_object_name(r, va, b, &d->name);
	read_extension(r, b, d);
}

enum fs_status nt_read_device(const struct reader *r, struct model_builder *b, uint64_t va,
			      size_t *ret_index, struct fs_error *err)
{
	int32_t known = model_find_device(b, va);
	struct fs_device d;
	uint64_t type;
	size_t i;
	enum fs_status st;

	if (known >= 0) {
		*ret_index = (size_t)known;
		return FS_OK;
	}
	st = check_type(r, va, &type, err);
	if (st)
		return st;
	st = model_add_device(b, va, &i);
	if (st)
		return fs_fail_at(err, st, va, "DEVICE_OBJECT: no room for one more device");
	d = b->model->devices[i];
	read_fields(r, b, &d);
	if (d.driver_object.state == FS_READ)
		d.driver = model_find_driver(b, d.driver_object.v);
	b->model->devices[i] = d;
	*ret_index = i;
	return FS_OK;
}

enum fs_status nt_add_device(const struct reader *r, const struct modules *m,
			     struct model_builder *b, uint64_t va, size_t *ret_index,
			     struct fs_error *err)
{
	struct fs_device *d;
	size_t i = 0, driver;
	enum fs_status st = nt_read_device(r, b, va, &i, err);

	if (st)
		return st;
	d = &b->model->devices[i];
	if (d->driver < 0 && fs_has(&d->driver_object, UINT64_MAX)) {
		uint64_t object = d->driver_object.v;

		/* Its own troubles are in its entity and the gaps. */
		(void)nt_add_driver(r, m, b, object, &driver, NULL);
		b->model->devices[i].driver = model_find_driver(b, object);
	}
	*ret_index = i;
	return FS_OK;
}
