/* SPDX-License-Identifier: BSD-2-Clause */
/* See driver_world.h. Values: the article of the seed case. */
#include "support/driver_world.h"

/* Offsets of the x64 PDBs from Windows 7 to 11 21H2 (the nt layout facts). */
static const char layout_text[] = "# what these tests need\n"
				  "module ntoskrnl.exe build 7601 machine x64\n"
				  "type _QUAD 0x8\n"
				  "type _DRIVER_OBJECT 0x150\n"
				  "  field 0x0 i16 Type\n"
				  "  field 0x2 i16 Size\n"
				  "  field 0x8 ptr:_DEVICE_OBJECT DeviceObject\n"
				  "  field 0x10 u32 Flags\n"
				  "  field 0x18 ptr DriverStart\n"
				  "  field 0x20 u32 DriverSize\n"
				  "  field 0x28 ptr DriverSection\n"
				  "  field 0x30 ptr:_DRIVER_EXTENSION DriverExtension\n"
				  "  field 0x38 _UNICODE_STRING DriverName\n"
				  "  field 0x58 fptr DriverInit\n"
				  "  field 0x60 fptr DriverStartIo\n"
				  "  field 0x68 fptr DriverUnload\n"
				  "  field 0x70 fptr[28] MajorFunction\n"
				  "type _DRIVER_EXTENSION 0x28\n"
				  "  field 0x0 ptr:_DRIVER_OBJECT DriverObject\n"
				  "  field 0x18 _UNICODE_STRING ServiceKeyName\n"
				  "type _KDEVICE_QUEUE 0x28\n"
				  "  field 0x20 u8 Busy\n"
				  "type _DEVICE_OBJECT 0x150\n"
				  "  field 0x0 i16 Type\n"
				  "  field 0x2 u16 Size\n"
				  "  field 0x4 i32 ReferenceCount\n"
				  "  field 0x8 ptr:_DRIVER_OBJECT DriverObject\n"
				  "  field 0x10 ptr:_DEVICE_OBJECT NextDevice\n"
				  "  field 0x18 ptr:_DEVICE_OBJECT AttachedDevice\n"
				  "  field 0x20 ptr CurrentIrp\n"
				  "  field 0x30 u32 Flags\n"
				  "  field 0x34 u32 Characteristics\n"
				  "  field 0x38 ptr Vpb\n"
				  "  field 0x40 ptr DeviceExtension\n"
				  "  field 0x48 u32 DeviceType\n"
				  "  field 0x4c i8 StackSize\n"
				  "  field 0xa0 _KDEVICE_QUEUE DeviceQueue\n"
				  "  field 0x110 ptr SecurityDescriptor\n"
				  "  field 0x138 ptr:_DEVOBJ_EXTENSION DeviceObjectExtension\n"
				  "type _DEVOBJ_EXTENSION 0x70\n"
				  "  field 0x8 ptr:_DEVICE_OBJECT DeviceObject\n"
				  "  field 0x20 u32 ExtensionFlags\n"
				  "  field 0x28 ptr DeviceNode\n"
				  "  field 0x30 ptr:_DEVICE_OBJECT AttachedTo\n"
				  "type _OBJECT_HEADER 0x38\n"
				  "  field 0x0 i64 PointerCount\n"
				  "  field 0x8 i64 HandleCount\n"
				  "  field 0x1a u8 InfoMask\n"
				  "  field 0x30 _QUAD Body\n"
				  "type _OBJECT_HEADER_NAME_INFO 0x20\n"
				  "  field 0x0 ptr Directory\n"
				  "  field 0x8 _UNICODE_STRING Name\n"
				  "type _OBJECT_HEADER_CREATOR_INFO 0x20\n"
				  "  field 0x0 _LIST_ENTRY TypeList\n"
				  "type _LIST_ENTRY 0x10\n"
				  "  field 0x0 ptr:_LIST_ENTRY Flink\n"
				  "  field 0x8 ptr:_LIST_ENTRY Blink\n"
				  "type _UNICODE_STRING 0x10\n"
				  "  field 0x0 u16 Length\n"
				  "  field 0x2 u16 MaximumLength\n"
				  "  field 0x8 ptr:u16 Buffer\n";

void driver_put_name(struct triage *t, uint64_t object, uint8_t mask, const char *name)
{
	/* Every object has its own characters. */
	uint64_t text = TEXT + (object >> 4 & 0xff0) + 0x100;

	triage_u8(t, object - 0x30 + 0x1a, mask);
	triage_ustr(t, object - 0x30 - 0x20 - (mask & 1 ? 0x20 : 0) + 8, text, name);
}

void driver_put_device(struct triage *t, uint64_t va, uint64_t next, uint64_t ext)
{
	triage_u16(t, va, 3);
	triage_u16(t, va + 2, 0x150);
	triage_u64(t, va + 8, DRIVER);
	triage_u64(t, va + 0x10, next);
	triage_u32(t, va + 0x30, 0x40);
	triage_u32(t, va + 0x48, 0x22);
	triage_u8(t, va + 0x4c, 1);
	triage_u64(t, va + 0x110, 0xfffff9a1000846e1);
	triage_u64(t, va + 0x138, ext);
	if (ext) {
		triage_u16(t, ext, 13);
		triage_u64(t, ext + 8, va);
	}
}

/* MyDrv of the article: one device, its unload asked for. */
int driver_set_up(void **state)
{
	static struct driver_world w;
	struct triage *t = &w.t;

	memset(&w, 0, sizeof(w));
	triage_init(t);
	triage_map(t, DRIVER - 0x100, 0x300);
	triage_map(t, DEVICE - 0x100, 0x300);
	triage_map(t, DEVICE2 - 0x100, 0x300);
	triage_map(t, TEXT, 0x2000);
	triage_driver(t, "ntoskrnl.exe", 0xfffff80002000000, 0x5ea000, 1);
	triage_driver(t, "MyDrv.sys", IMAGE, 0x10000, 2);
	triage_unloaded(t, "SomeDrv.sys", GONE, GONE + 0x8000);
	triage_u16(t, DRIVER, 4);
	triage_u16(t, DRIVER + 2, 0x150);
	triage_u64(t, DRIVER + 8, DEVICE);
	triage_u32(t, DRIVER + 0x10, 0x80000012);
	triage_u64(t, DRIVER + 0x18, IMAGE);
	triage_u32(t, DRIVER + 0x20, 0x10000);
	triage_u64(t, DRIVER + 0x30, DRIVER_EXT);
	triage_ustr(t, DRIVER + 0x38, TEXT, "\\Driver\\MyDrv");
	triage_u64(t, DRIVER + 0x58, GONE + 0x10);
	triage_u64(t, DRIVER + 0x68, IMAGE + 0x1234);
	triage_u64(t, DRIVER + 0x70, 0xfffff80002001000);
	triage_u64(t, DRIVER + 0x70 + 27 * 8, 0x1000);
	triage_u64(t, DRIVER_EXT, DRIVER);
	triage_ustr(t, DRIVER_EXT + 0x18, TEXT + 0x80, "MyDrv");
	triage_u64(t, DRIVER - 0x30, 5);
	triage_u64(t, DRIVER - 0x28, 1);
	driver_put_name(t, DRIVER, 2, "MyDrv");
	driver_put_device(t, DEVICE, 0, EXTENSION);
	triage_u32(t, EXTENSION + 0x20, 0x801);
	driver_put_name(t, DEVICE, 2, "MyDrv");
	*state = &w;
	return 0;
}

struct model_builder *driver_begin(struct driver_world *w)
{
	struct fs_error err;

	if (layout_parse("test", layout_text, sizeof(layout_text) - 1, NULL, NULL, &w->layout,
			 &err) ||
	    dump_open(triage_write(&w->t), &w->dump, &err) || vm_create(w->dump, &w->vm, &err))
		fail_msg("%s", err.text);
	w->r = (struct reader){.vm = w->vm, .nt = w->layout};
	if (modules_read(&w->r, &w->m, &err))
		fail_msg("%s", err.text);
	model_begin(&w->b, &w->model, &w->arena);
	return &w->b;
}

int driver_tear_down(void **state)
{
	struct driver_world *w = *state;

	model_end(&w->b);
	model_free(&w->model);
	arena_deinit(&w->arena);
	if (w->vm)
		modules_deinit(&w->m);
	vm_destroy(w->vm);
	dump_close(w->dump);
	layout_free(w->layout);
	triage_deinit(&w->t);
	return 0;
}

const struct fs_driver *driver_add(struct driver_world *w, enum fs_status want)
{
	struct fs_error err = {0};
	size_t i = 99;
	enum fs_status st = nt_add_driver(&w->r, &w->m, driver_begin(w), DRIVER, &i, &err);

	if (st != want)
		fail_msg("%s: %s", fs_status_name(st), err.text);
	assert_true(i < w->model.ndrivers);
	assert_true(w->model.drivers[i].address == DRIVER);
	return &w->model.drivers[i];
}
