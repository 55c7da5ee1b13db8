/* SPDX-License-Identifier: BSD-2-Clause */
/* DRIVER_OBJECT, DEVICE_OBJECT and object names: the seed's article for the values. */
#include "support/test.h"

#include "dump/dump.h"
#include "nt/nt.h"
#include "support/triage_builder.h"

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

#define DRIVER	   0xfffffa8003673c80ull
#define DEVICE	   0xfffffa8002e8f550ull
#define EXTENSION  0xfffffa8002e8f6a0ull /* DevObjExt of the article */
#define DEVICE2	   0xfffffa8002f00150ull
#define DRIVER_EXT 0xfffffa8003673dd0ull
#define TEXT	   0xfffff8a000001000ull
#define IMAGE	   0xfffff88004000000ull
#define GONE	   0xfffff88005000000ull

struct world {
	struct triage t;
	struct dump *dump;
	struct vm *vm;
	struct layout *layout;
	struct modules m;
	struct reader r;
	struct fs_model model;
	struct arena arena;
	struct model_builder b;
};

static void put_name(struct triage *t, uint64_t object, uint8_t mask, const char *name)
{
	/* Every object has its own characters. */
	uint64_t text = TEXT + (object >> 4 & 0xff0) + 0x100;

	triage_u8(t, object - 0x30 + 0x1a, mask);
	triage_ustr(t, object - 0x30 - 0x20 - (mask & 1 ? 0x20 : 0) + 8, text, name);
}

static void put_device(struct triage *t, uint64_t va, uint64_t next, uint64_t ext)
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
static int set_up(void **state)
{
	static struct world w;
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
	put_name(t, DRIVER, 2, "MyDrv");
	put_device(t, DEVICE, 0, EXTENSION);
	triage_u32(t, EXTENSION + 0x20, 0x801);
	put_name(t, DEVICE, 2, "MyDrv");
	*state = &w;
	return 0;
}

/* The dump is written when the test has changed what it wants to change. */
static struct model_builder *begin(struct world *w)
{
	struct fs_error err;

	if (layout_parse("test", layout_text, sizeof(layout_text) - 1, NULL, NULL, &w->layout,
			 &err) ||
	    dump_open(triage_write(&w->t), &w->dump, &err) || vm_create(w->dump, &w->vm, &err))
		fail_msg("%s", err.text);
	w->r = (struct reader){w->vm, w->layout, NULL};
	if (modules_read(&w->r, &w->m, &err))
		fail_msg("%s", err.text);
	model_begin(&w->b, &w->model, &w->arena);
	return &w->b;
}

static int tear_down(void **state)
{
	struct world *w = *state;

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

static const struct fs_driver *add(struct world *w, enum fs_status want)
{
	struct fs_error err = {0};
	size_t i = 99;
	enum fs_status st = nt_add_driver(&w->r, &w->m, begin(w), DRIVER, &i, &err);

	if (st != want)
		fail_msg("%s: %s", fs_status_name(st), err.text);
	assert_true(i < w->model.ndrivers);
	assert_true(w->model.drivers[i].address == DRIVER);
	return &w->model.drivers[i];
}

static void the_article(void **state)
{
	struct world *w = *state;
	const struct fs_driver *d = add(w, FS_OK);
	const struct fs_device *dev = &w->model.devices[0];

	assert_true(d->valid);
	assert_string_equal(d->name.s, "\\Driver\\MyDrv");
	assert_string_equal(d->object_name.s, "MyDrv");
	assert_string_equal(d->service_key.s, "MyDrv");
	assert_int_equal(d->module, 1);
	assert_int_equal(d->devices_stop, FS_STOP_CLOSED);
	assert_int_equal(d->ndevices, 1);
	assert_int_equal(w->model.ndevices, 1);
	assert_int_equal(d->devices[0], 0);
	assert_true(dev->address == DEVICE);
	assert_string_equal(dev->name.s, "MyDrv");
	assert_int_equal(dev->driver, 0);
	assert_true(dev->reference_count.state == FS_READ && dev->reference_count.v == 0);
	assert_int_equal(dev->device_type.v, 0x22);
	assert_int_equal(dev->flags.v, 0x40);
	assert_true(dev->security_descriptor.v == 0xfffff9a1000846e1);
	assert_true(dev->devobj_extension.v == EXTENSION);
	assert_true(dev->devobj_extension.at == DEVICE + 0x138);
	assert_int_equal(dev->extension_flags.value.v, 0x801);
	assert_true(dev->extension_flags.value.at == EXTENSION + 0x20);
	assert_int_equal(dev->extension_flags.count, 2);
	assert_string_equal(dev->extension_flags.names[0], "UNLOAD_PENDING");
	assert_string_equal(dev->extension_flags.names[1], "DEFAULT_SD_PRESENT");
	assert_true(fs_has(&dev->extension_flags.value, FS_DOE_UNLOAD_PENDING));
	assert_int_equal(dev->device_queue_busy.v, 0);
	assert_int_equal(w->model.ngaps, 0);
}

static void flags_and_code(void **state)
{
	struct world *w = *state;
	const struct fs_driver *d = add(w, FS_OK);

	/* LEGACY_DRIVER | INITIALIZED and a bit that nobody named. */
	assert_int_equal(d->flags.count, 2);
	assert_string_equal(d->flags.names[0], "LEGACY_DRIVER");
	assert_string_equal(d->flags.names[1], "INITIALIZED");
	assert_true(d->flags.unknown == 0x80000000);
	assert_true(fs_lacks(&d->flags.value, FS_DRVO_UNLOAD_INVOKED));
	assert_string_equal(d->driver_unload.symbol, "MyDrv+0x1234");
	assert_int_equal(d->driver_unload.module, 1);
	assert_false(d->driver_unload.unloaded);
	assert_string_equal(d->driver_init.symbol, "<Unloaded_SomeDrv.sys>+0x10");
	assert_true(d->driver_init.unloaded);
	assert_int_equal(d->driver_init.module, -1);
	/* 0 is a value, and no code. */
	assert_int_equal(d->driver_start_io.va.state, FS_READ);
	assert_null(d->driver_start_io.symbol);
	assert_string_equal(d->major[0].symbol, "nt+0x1000");
	assert_true(d->major[27].va.v == 0x1000);
	assert_null(d->major[27].symbol);
	assert_true(d->major[27].va.at == DRIVER + 0x70 + 27 * 8);
	assert_int_equal(d->pointer_count.v, 5);
	assert_int_equal(d->handle_count.v, 1);
}

static void once_per_address(void **state)
{
	struct world *w = *state;
	size_t i = 99;

	(void)add(w, FS_OK);
	assert_int_equal(nt_add_driver(&w->r, &w->m, &w->b, DRIVER, &i, NULL), FS_OK);
	assert_int_equal(i, 0);
	assert_int_equal(nt_add_device(&w->r, &w->m, &w->b, DEVICE, &i, NULL), FS_OK);
	assert_int_equal(i, 0);
	assert_int_equal(w->model.ndrivers, 1);
	assert_int_equal(w->model.ndevices, 1);
}

/* A filter points at it, so it stays in the model; but nothing of it is believed. */
static void no_driver_object(void **state)
{
	struct world *w = *state;
	const struct fs_driver *d;
	size_t i = 99;

	triage_u16(&w->t, DRIVER, 3);
	d = add(w, FS_CORRUPT);
	assert_false(d->valid);
	assert_int_equal(d->type.v, 3);
	assert_int_equal(d->name.state, FS_NONE);
	assert_int_equal(w->model.ndevices, 0);
	assert_int_equal(nt_add_driver(&w->r, &w->m, &w->b, DRIVER, &i, NULL), FS_CORRUPT);
	assert_int_equal(i, 0);
	assert_int_equal(w->model.ndrivers, 1);
}

static void a_driver_of_another_size(void **state)
{
	struct world *w = *state;

	triage_u16(&w->t, DRIVER + 2, 0x158);
	assert_false(add(w, FS_CORRUPT)->valid);
}

static void a_driver_that_is_not_in_the_dump(void **state)
{
	struct world *w = *state;
	size_t i = 99;

	(void)begin(w);
	assert_int_equal(nt_add_driver(&w->r, &w->m, &w->b, 0xfffffa8009000000, &i, NULL),
			 FS_NOT_IN_DUMP);
	assert_int_equal(i, 0);
	assert_false(w->model.drivers[0].valid);
	assert_int_equal(w->model.drivers[0].type.state, FS_MISSING);
	/* No kernel address, and none that an object can have. */
	assert_int_equal(nt_add_driver(&w->r, &w->m, &w->b, 0x1000, &i, NULL), FS_CORRUPT);
	assert_int_equal(nt_add_driver(&w->r, &w->m, &w->b, DRIVER + 1, &i, NULL), FS_CORRUPT);
	assert_int_equal(w->model.ndrivers, 3);
	assert_int_equal(nt_add_device(&w->r, &w->m, &w->b, 0xfffffa8009000000, &i, NULL),
			 FS_NOT_IN_DUMP);
	assert_int_equal(nt_add_device(&w->r, &w->m, &w->b, DRIVER, &i, NULL), FS_CORRUPT);
	assert_int_equal(w->model.ndevices, 0);
}

static void a_device_leads_to_its_driver(void **state)
{
	struct world *w = *state;
	size_t i = 99;

	triage_u64(&w->t, DRIVER + 8, DEVICE2);
	put_device(&w->t, DEVICE2, DEVICE, 0);
	assert_int_equal(nt_add_device(&w->r, &w->m, begin(w), DEVICE, &i, NULL), FS_OK);
	assert_int_equal(i, 0);
	assert_int_equal(w->model.ndrivers, 1);
	assert_int_equal(w->model.devices[0].driver, 0);
	assert_int_equal(w->model.drivers[0].ndevices, 2);
	/* NextDevice order, not the order in which they were met. */
	assert_int_equal(w->model.drivers[0].devices[0], 1);
	assert_int_equal(w->model.drivers[0].devices[1], 0);
}

static void devices_in_a_circle(void **state)
{
	struct world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DEVICE + 0x10, DEVICE2);
	put_device(&w->t, DEVICE2, DEVICE, 0);
	d = add(w, FS_OK);
	assert_int_equal(d->ndevices, 2);
	assert_int_equal(d->devices_stop, FS_STOP_CYCLE);
	assert_int_equal(w->model.gaps[d->devices_gap].reason, FS_CORRUPT);
}

static void a_device_of_somebody_else(void **state)
{
	struct world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DEVICE + 0x10, DEVICE2);
	put_device(&w->t, DEVICE2, 0, 0);
	triage_u64(&w->t, DEVICE2 + 8, DRIVER + 0x1000);
	d = add(w, FS_OK);
	assert_int_equal(d->ndevices, 1);
	assert_int_equal(d->devices_stop, FS_STOP_BAD_LINK);
	assert_true(w->model.gaps[d->devices_gap].address == DEVICE2 + 8);
}

static void a_chain_into_nothing(void **state)
{
	struct world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DEVICE + 0x10, 0xfffffa8009000000);
	d = add(w, FS_OK);
	assert_int_equal(d->ndevices, 1);
	assert_int_equal(d->devices_stop, FS_STOP_UNREADABLE);
	assert_int_equal(w->model.gaps[d->devices_gap].reason, FS_NOT_IN_DUMP);
}

static void a_chain_into_something_else(void **state)
{
	struct world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DEVICE + 0x10, DRIVER);
	d = add(w, FS_OK);
	assert_int_equal(d->ndevices, 1);
	assert_int_equal(d->devices_stop, FS_STOP_BAD_LINK);
	assert_int_equal(w->model.gaps[d->devices_gap].reason, FS_CORRUPT);
}

/* DOE_UNLOAD_PENDING of another device's extension would be a wrong verdict. */
static void an_extension_of_somebody_else(void **state)
{
	struct world *w = *state;
	const struct fs_device *dev;

	triage_u64(&w->t, EXTENSION + 8, DEVICE2);
	(void)add(w, FS_OK);
	dev = &w->model.devices[0];
	assert_int_equal(dev->extension_flags.value.state, FS_MISSING);
	assert_int_equal(dev->extension_flags.count, 0);
	assert_int_equal(w->model.gaps[dev->extension_flags.value.gap].reason, FS_CORRUPT);
	assert_true(w->model.gaps[dev->extension_flags.value.gap].address == EXTENSION + 8);
	assert_false(fs_has(&dev->extension_flags.value, FS_DOE_UNLOAD_PENDING));
}

static void a_driver_extension_of_somebody_else(void **state)
{
	struct world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DRIVER_EXT, DRIVER + 0x1000);
	d = add(w, FS_OK);
	assert_int_equal(d->service_key.state, FS_MISSING);
	assert_null(d->service_key.s);
}

/* The object header's optional headers: creator info lies between it and the name. */
static void names_behind_creator_info(void **state)
{
	static const struct {
		uint8_t mask;
		bool named;
	} cases[] = {{0, false}, {1, false}, {2, true},	  {3, true},
		     {4, false}, {6, true},  {0xb, true}, {0x7f, true}};
	struct world *w = *state;
	struct fs_string s;
	size_t k;

	for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		void *again = w;

		memset(w->t.range[2].bytes, 0, w->t.range[2].size);
		put_name(&w->t, DEVICE2, cases[k].mask, "Zwei");
		assert_int_equal(nt_object_name(&w->r, DEVICE2, begin(w), &s),
				 cases[k].named ? FS_OK : FS_NOT_FOUND);
		if (cases[k].named)
			assert_string_equal(s.s, "Zwei");
		else
			assert_int_equal(s.state, FS_NONE);
		assert_int_equal(w->model.ngaps, 0);
		(void)tear_down(&again);
		(void)set_up(&again);
	}
}

static void a_name_whose_characters_are_missing(void **state)
{
	struct world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DRIVER + 0x40, 0xfffff8a009000000);
	triage_u64(&w->t, DRIVER - 0x50 + 0x10, 0xfffff8a009000100);
	d = add(w, FS_OK);
	assert_true(d->valid);
	assert_int_equal(d->name.state, FS_MISSING);
	assert_true(d->name.descriptor_read);
	assert_true(d->name.buffer == 0xfffff8a009000000);
	assert_int_equal(d->name.length, 2 * strlen("\\Driver\\MyDrv"));
	assert_string_equal(w->model.gaps[d->name.gap].what, "DRIVER_OBJECT.DriverName");
	assert_true(w->model.gaps[d->name.gap].address == 0xfffff8a009000000);
	assert_int_equal(d->object_name.state, FS_MISSING);
}

/* Captured to any length: what is there is read, the rest is missing with its address. */
static void a_driver_cut_anywhere(void **state)
{
	struct world *w = *state;
	size_t n;

	for (n = 0; n <= 0x150; n += 8) {
		const struct fs_driver *d;
		void *again = w;

		w->t.range[0].size = 0x100 + n;
		d = add(w, n < 8 ? FS_NOT_IN_DUMP : FS_OK);
		assert_int_equal(d->valid, n >= 8);
		if (n >= 8) {
			assert_int_equal(d->driver_unload.va.state,
					 n >= 0x70 ? FS_READ : FS_MISSING);
			assert_int_equal(d->major[27].va.state, n >= 0x150 ? FS_READ : FS_MISSING);
			assert_int_equal(d->ndevices, n >= 0x10 ? 1 : 0);
		}
		(void)tear_down(&again);
		(void)set_up(&again);
	}
}

/* A build whose layout is not known: not read, and said so. */
static void no_layout(void **state)
{
	struct world *w = *state;
	struct fs_string s;
	size_t i = 99;

	(void)begin(w);
	w->r.nt = NULL;
	assert_int_equal(nt_add_driver(&w->r, &w->m, &w->b, DRIVER, &i, NULL), FS_UNSUPPORTED);
	assert_int_equal(i, 0);
	assert_false(w->model.drivers[0].valid);
	assert_int_equal(nt_object_name(&w->r, DRIVER, &w->b, &s), FS_UNSUPPORTED);
	assert_int_equal(w->model.ngaps, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_article),
		T(flags_and_code),
		T(once_per_address),
		T(no_driver_object),
		T(a_driver_of_another_size),
		T(a_driver_that_is_not_in_the_dump),
		T(a_device_leads_to_its_driver),
		T(devices_in_a_circle),
		T(a_device_of_somebody_else),
		T(a_chain_into_nothing),
		T(a_chain_into_something_else),
		T(an_extension_of_somebody_else),
		T(a_driver_extension_of_somebody_else),
		T(names_behind_creator_info),
		T(a_name_whose_characters_are_missing),
		T(a_driver_cut_anywhere),
		T(no_layout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
