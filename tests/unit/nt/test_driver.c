/* SPDX-License-Identifier: BSD-2-Clause */
/* DRIVER_OBJECT: the article's, damaged, cut, without a layout. */
#include "support/driver_world.h"

static void the_article(void **state)
{
	struct driver_world *w = *state;
	const struct fs_driver *d = driver_add(w, FS_OK);
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
	struct driver_world *w = *state;
	const struct fs_driver *d = driver_add(w, FS_OK);

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
	struct driver_world *w = *state;
	size_t i = 99;

	(void)driver_add(w, FS_OK);
	assert_int_equal(nt_add_driver(&w->r, &w->m, &w->b, DRIVER, &i, NULL), FS_OK);
	assert_int_equal(i, 0);
	assert_int_equal(nt_add_device(&w->r, &w->m, &w->b, DEVICE, &i, NULL), FS_OK);
	assert_int_equal(i, 0);
	assert_int_equal(w->model.ndrivers, 1);
	assert_int_equal(w->model.ndevices, 1);
}

static void no_driver_object(void **state)
{
	struct driver_world *w = *state;
	const struct fs_driver *d;
	size_t i = 99;

	triage_u16(&w->t, DRIVER, 3);
	d = driver_add(w, FS_CORRUPT);
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
	struct driver_world *w = *state;

	triage_u16(&w->t, DRIVER + 2, 0x158);
	assert_false(driver_add(w, FS_CORRUPT)->valid);
}

static void a_driver_that_is_not_in_the_dump(void **state)
{
	struct driver_world *w = *state;
	size_t i = 99;

	(void)driver_begin(w);
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

static void a_driver_cut_anywhere(void **state)
{
	struct driver_world *w = *state;
	size_t n;

	for (n = 0; n <= 0x150; n += 8) {
		const struct fs_driver *d;
		void *again = w;

		w->t.range[0].size = 0x100 + n;
		d = driver_add(w, n < 8 ? FS_NOT_IN_DUMP : FS_OK);
		assert_int_equal(d->valid, n >= 8);
		if (n >= 8) {
			assert_int_equal(d->driver_unload.va.state,
					 n >= 0x70 ? FS_READ : FS_MISSING);
			assert_int_equal(d->major[27].va.state, n >= 0x150 ? FS_READ : FS_MISSING);
			assert_int_equal(d->ndevices, n >= 0x10 ? 1 : 0);
		}
		(void)driver_tear_down(&again);
		(void)driver_set_up(&again);
	}
}

static void no_layout(void **state)
{
	struct driver_world *w = *state;
	struct fs_string s;
	size_t i = 99;

	(void)driver_begin(w);
	w->r.nt = NULL;
	assert_int_equal(nt_add_driver(&w->r, &w->m, &w->b, DRIVER, &i, NULL), FS_UNSUPPORTED);
	assert_int_equal(i, 0);
	assert_false(w->model.drivers[0].valid);
	assert_int_equal(nt_object_name(&w->r, DRIVER, &w->b, &s), FS_UNSUPPORTED);
	assert_int_equal(w->model.ngaps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRIVER_TEST(the_article),
		DRIVER_TEST(flags_and_code),
		DRIVER_TEST(once_per_address),
		DRIVER_TEST(no_driver_object),
		DRIVER_TEST(a_driver_of_another_size),
		DRIVER_TEST(a_driver_that_is_not_in_the_dump),
		DRIVER_TEST(a_driver_cut_anywhere),
		DRIVER_TEST(no_layout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
