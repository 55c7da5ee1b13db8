/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/build.h"

struct world {
	struct fs_model model;
	struct arena arena;
	struct model_builder b;
};

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){0};
	model_begin(&w.b, &w.model, &w.arena);
	*state = &w;
	return w.b.out_of_memory;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	model_end(&w->b);
	model_free(&w->model);
	arena_deinit(&w->arena);
	return 0;
}

static void entities_are_found_by_kind_and_address(void **state)
{
	struct world *w = *state;
	const uint64_t va = 0xfffffa8006dcc960;
	size_t i;

	assert_int_equal(model_find_filter(&w->b, va), -1);
	assert_int_equal(model_add_driver(&w->b, va - 8, &i), FS_OK);
	assert_int_equal(i, 0);
	assert_int_equal(model_add_driver(&w->b, va, &i), FS_OK);
	assert_int_equal(i, 1);
	assert_int_equal(model_find_driver(&w->b, va), 1);
	/* The same address as another kind of object is not it. */
	assert_int_equal(model_find_filter(&w->b, va), -1);
	assert_int_equal(model_find_device(&w->b, va), -1);
	assert_int_equal(model_find_driver(&w->b, va + 8), -1);
	assert_true(w->model.drivers[1].address == va);
}

static void new_entities_refer_to_nothing(void **state)
{
	struct world *w = *state;
	size_t i;

	assert_int_equal(model_add_frame(&w->b, 1, &i), FS_OK);
	assert_int_equal(w->model.frames[0].filters.gap, -1);
	assert_int_equal(w->model.frames[0].volumes.gap, -1);
	assert_int_equal(model_add_filter(&w->b, 1, &i), FS_OK);
	assert_int_equal(w->model.filters[0].frame, -1);
	assert_int_equal(w->model.filters[0].driver, -1);
	assert_int_equal(w->model.filters[0].instances.gap, -1);
	assert_int_equal(w->model.filters[0].callback[FS_CB_COUNT - 1].module, -1);
	assert_int_equal(model_add_instance(&w->b, 1, &i), FS_OK);
	assert_int_equal(w->model.instances[0].filter, -1);
	assert_int_equal(w->model.instances[0].volume, -1);
	assert_int_equal(model_add_volume(&w->b, 1, &i), FS_OK);
	assert_int_equal(w->model.volumes[0].frame, -1);
	assert_int_equal(model_add_driver(&w->b, 1, &i), FS_OK);
	assert_int_equal(w->model.drivers[0].module, -1);
	assert_int_equal(w->model.drivers[0].devices_gap, -1);
	assert_int_equal(w->model.drivers[0].major[27].module, -1);
	assert_int_equal(model_add_device(&w->b, 1, &i), FS_OK);
	assert_int_equal(w->model.devices[0].driver, -1);
	assert_int_equal(w->model.devices[0].reference_count.state, FS_NONE);
}

static void bounds_are_told(void **state)
{
	struct world *w = *state;
	size_t n, i = 0;

	for (n = 0; n < MODEL_MAX_FRAMES; n++)
		assert_int_equal(model_add_frame(&w->b, 0x1000 + n, &i), FS_OK);
	assert_int_equal(model_add_frame(&w->b, 0x9000, &i), FS_LIMIT);
	assert_int_equal(i, MODEL_MAX_FRAMES - 1);
	assert_int_equal(w->model.nframes, MODEL_MAX_FRAMES);
	assert_int_equal(model_find_frame(&w->b, 0x9000), -1);
	assert_false(w->b.out_of_memory);
}

/* Addresses that are equal in their low 32 bits, as a hostile dump may have. */
static void many_entities_stay_findable(void **state)
{
	struct world *w = *state;
	size_t n, i;

	for (n = 0; n < 20000; n++)
		assert_int_equal(model_add_device(&w->b, (uint64_t)n << 32, &i), FS_OK);
	for (n = 0; n < 20000; n += 7)
		assert_int_equal(model_find_device(&w->b, (uint64_t)n << 32), n);
	assert_int_equal(model_find_device(&w->b, 1), -1);
}

static void a_built_model_grows_on(void **state)
{
	struct world *w = *state;
	struct fs_error err;
	size_t n, i;

	for (n = 0; n < 9; n++)
		assert_int_equal(model_add_driver(&w->b, 0x100 * n, &i), FS_OK);
	(void)fs_fail_at(&err, FS_NOT_IN_DUMP, 0x77, "page");
	assert_int_equal(model_gap(&w->b, "a", &err), 0);
	model_end(&w->b);
	model_begin(&w->b, &w->model, &w->arena);
	assert_int_equal(model_find_driver(&w->b, 0x300), 3);
	assert_int_equal(model_gap(&w->b, "a", &err), 0);
	assert_int_equal(model_add_driver(&w->b, 0x5000, &i), FS_OK);
	assert_int_equal(i, 9);
	assert_int_equal(model_find_driver(&w->b, 0x5000), 9);
}

static void identical_gaps_are_kept_once(void **state)
{
	struct world *w = *state;
	struct fs_error err;

	(void)fs_fail_at(&err, FS_NOT_IN_DUMP, 0xfffff80000001000, "FLT_FILTER.Name: not there");
	assert_int_equal(model_gap(&w->b, "FLT_FILTER.Name", &err), 0);
	assert_int_equal(model_gap(&w->b, "FLT_FILTER.Name", &err), 0);
	assert_int_equal(model_gap(&w->b, "FLT_FILTER.Flags", &err), 1);
	err.address++;
	assert_int_equal(model_gap(&w->b, "FLT_FILTER.Name", &err), 2);
	/* No address is not address 0. */
	(void)fs_fail_at(&err, FS_PAGED_OUT, 0, "at zero");
	assert_int_equal(model_gap(&w->b, "x", &err), 3);
	(void)fs_fail(&err, FS_UNSUPPORTED, "nowhere");
	assert_int_equal(model_gap(&w->b, "x", &err), 4);
	assert_int_equal(w->model.ngaps, 5);
	assert_string_equal(w->model.gaps[0].what, "FLT_FILTER.Name");
	assert_string_equal(w->model.gaps[0].text, "FLT_FILTER.Name: not there");
	assert_int_equal(w->model.gaps[0].reason, FS_NOT_IN_DUMP);
	assert_true(w->model.gaps[0].has_address);
	assert_true(w->model.gaps[0].address == 0xfffff80000001000);
	assert_false(w->model.gaps[4].has_address);
	assert_false(w->model.gaps_limited);
}

static void too_many_gaps_are_told(void **state)
{
	struct world *w = *state;
	struct fs_error err;
	int32_t i = 0;

	for (i = 0; i < MODEL_MAX_GAPS; i++) {
		(void)fs_fail_at(&err, FS_CORRUPT, (uint64_t)i, "x");
		assert_int_equal(model_gap(&w->b, "y", &err), i);
	}
	assert_false(w->model.gaps_limited);
	(void)fs_fail_at(&err, FS_CORRUPT, (uint64_t)i, "x");
	assert_int_equal(model_gap(&w->b, "y", &err), -1);
	assert_true(w->model.gaps_limited);
	/* One that is kept is still found. */
	err.address = 5;
	assert_int_equal(model_gap(&w->b, "y", &err), 5);
}

static void a_value_is_read_or_missing_or_no_field(void **state)
{
	struct world *w = *state;
	struct fs_error err;
	struct fs_value v = model_value(&w->b, "T.F", FS_OK, 0, NULL);

	assert_int_equal(v.state, FS_READ);
	assert_int_equal(v.gap, -1);
	(void)fs_fail_at(&err, FS_PAGED_OUT, 0x10, "T.F");
	v = model_value(&w->b, "T.F", FS_PAGED_OUT, 5, &err);
	assert_int_equal(v.state, FS_MISSING);
	assert_true(v.v == 0);
	assert_int_equal(v.gap, 0);
	/* The layout lacks the field: nothing is missing. */
	(void)fs_fail(&err, FS_UNSUPPORTED, "T.F: not known for this build");
	v = model_value(&w->b, "T.F", FS_UNSUPPORTED, 5, &err);
	assert_int_equal(v.state, FS_NONE);
	assert_int_equal(v.gap, -1);
	/* A page-table entry that is not understood is another thing: it is there. */
	(void)fs_fail_at(&err, FS_UNSUPPORTED, 0x20, "T.F: swizzled transition entry");
	v = model_value(&w->b, "T.F", FS_UNSUPPORTED, 5, &err);
	assert_int_equal(v.state, FS_MISSING);
	assert_int_equal(w->model.gaps[v.gap].reason, FS_UNSUPPORTED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(entities_are_found_by_kind_and_address),
		T(new_entities_refer_to_nothing),
		T(bounds_are_told),
		T(many_entities_stay_findable),
		T(a_built_model_grows_on),
		T(identical_gaps_are_kept_once),
		T(too_many_gaps_are_told),
		T(a_value_is_read_or_missing_or_no_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
