/* SPDX-License-Identifier: BSD-2-Clause */
/* DEVICE_OBJECT: chains of NextDevice, and _DEVOBJ_EXTENSION, which DOE_UNLOAD_PENDING is read
 * from. */
#include "support/driver_world.h"

static void a_device_leads_to_its_driver(void **state)
{
	struct driver_world *w = *state;
	size_t i = 99;

	triage_u64(&w->t, DRIVER + 8, DEVICE2);
	driver_put_device(&w->t, DEVICE2, DEVICE, 0);
	assert_int_equal(nt_add_device(&w->r, &w->m, driver_begin(w), DEVICE, &i, NULL), FS_OK);
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
	struct driver_world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DEVICE + 0x10, DEVICE2);
	driver_put_device(&w->t, DEVICE2, DEVICE, 0);
	d = driver_add(w, FS_OK);
	assert_int_equal(d->ndevices, 2);
	assert_int_equal(d->devices_stop, FS_STOP_CYCLE);
	assert_int_equal(w->model.gaps[d->devices_gap].reason, FS_CORRUPT);
}

static void a_device_of_somebody_else(void **state)
{
	struct driver_world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DEVICE + 0x10, DEVICE2);
	driver_put_device(&w->t, DEVICE2, 0, 0);
	triage_u64(&w->t, DEVICE2 + 8, DRIVER + 0x1000);
	d = driver_add(w, FS_OK);
	assert_int_equal(d->ndevices, 1);
	assert_int_equal(d->devices_stop, FS_STOP_BAD_LINK);
	assert_true(w->model.gaps[d->devices_gap].address == DEVICE2 + 8);
}

static void a_chain_into_nothing(void **state)
{
	struct driver_world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DEVICE + 0x10, 0xfffffa8009000000);
	d = driver_add(w, FS_OK);
	assert_int_equal(d->ndevices, 1);
	assert_int_equal(d->devices_stop, FS_STOP_UNREADABLE);
	assert_int_equal(w->model.gaps[d->devices_gap].reason, FS_NOT_IN_DUMP);
}

static void a_chain_into_something_else(void **state)
{
	struct driver_world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DEVICE + 0x10, DRIVER);
	d = driver_add(w, FS_OK);
	assert_int_equal(d->ndevices, 1);
	assert_int_equal(d->devices_stop, FS_STOP_BAD_LINK);
	assert_int_equal(w->model.gaps[d->devices_gap].reason, FS_CORRUPT);
}

static void an_extension_of_somebody_else(void **state)
{
	struct driver_world *w = *state;
	const struct fs_device *dev;

	triage_u64(&w->t, EXTENSION + 8, DEVICE2);
	(void)driver_add(w, FS_OK);
	dev = &w->model.devices[0];
	assert_int_equal(dev->extension_flags.value.state, FS_MISSING);
	assert_int_equal(dev->extension_flags.count, 0);
	assert_int_equal(w->model.gaps[dev->extension_flags.value.gap].reason, FS_CORRUPT);
	assert_true(w->model.gaps[dev->extension_flags.value.gap].address == EXTENSION + 8);
	assert_false(fs_has(&dev->extension_flags.value, FS_DOE_UNLOAD_PENDING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRIVER_TEST(a_device_leads_to_its_driver),
		DRIVER_TEST(devices_in_a_circle),
		DRIVER_TEST(a_device_of_somebody_else),
		DRIVER_TEST(a_chain_into_nothing),
		DRIVER_TEST(a_chain_into_something_else),
		DRIVER_TEST(an_extension_of_somebody_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
