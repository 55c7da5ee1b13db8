/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of objects, of drivers and of their service keys. */
#include "support/driver_world.h"

static void names_behind_creator_info(void **state)
{
	static const struct {
		uint8_t mask;
		bool named;
	} cases[] = {{0, false}, {1, false}, {2, true},	  {3, true},
		     {4, false}, {6, true},  {0xb, true}, {0x7f, true}};
	struct driver_world *w = *state;
	struct fs_string s;
	size_t k;

	for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		void *again = w;

		memset(w->t.range[2].bytes, 0, w->t.range[2].size);
		driver_put_name(&w->t, DEVICE2, cases[k].mask, "Zwei");
		assert_int_equal(nt_object_name(&w->r, DEVICE2, driver_begin(w), &s),
				 cases[k].named ? FS_OK : FS_NOT_FOUND);
		if (cases[k].named)
			assert_string_equal(s.s, "Zwei");
		else
			assert_int_equal(s.state, FS_NONE);
		assert_int_equal(w->model.ngaps, 0);
		(void)driver_tear_down(&again);
		(void)driver_set_up(&again);
	}
}

static void a_name_whose_characters_are_missing(void **state)
{
	struct driver_world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DRIVER + 0x40, 0xfffff8a009000000);
	triage_u64(&w->t, DRIVER - 0x50 + 0x10, 0xfffff8a009000100);
	d = driver_add(w, FS_OK);
	assert_true(d->valid);
	assert_int_equal(d->name.state, FS_MISSING);
	assert_true(d->name.descriptor_read);
	assert_true(d->name.buffer == 0xfffff8a009000000);
	assert_int_equal(d->name.length, 2 * strlen("\\Driver\\MyDrv"));
	assert_string_equal(w->model.gaps[d->name.gap].what, "DRIVER_OBJECT.DriverName");
	assert_true(w->model.gaps[d->name.gap].address == 0xfffff8a009000000);
	assert_int_equal(d->object_name.state, FS_MISSING);
}

static void a_driver_extension_of_somebody_else(void **state)
{
	struct driver_world *w = *state;
	const struct fs_driver *d;

	triage_u64(&w->t, DRIVER_EXT, DRIVER + 0x1000);
	d = driver_add(w, FS_OK);
	assert_int_equal(d->service_key.state, FS_MISSING);
	assert_null(d->service_key.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRIVER_TEST(names_behind_creator_info),
		DRIVER_TEST(a_name_whose_characters_are_missing),
		DRIVER_TEST(a_driver_extension_of_somebody_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
