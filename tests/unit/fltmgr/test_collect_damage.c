/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects that are cut, and parts of them that lie. */
#include "support/flt_world.h"
#include "support/test.h"

#define FRAME	FW_SMALL_FRAME
#define FOX	FW_SMALL_FOX
#define DELTA	FW_SMALL_DELTA
#define GOLF	(FW_POOL + 0x1810)
#define OPS	(FW_POOL + 0x7000)
#define NODES	(FW_POOL + 0x8000)
#define OUTSIDE UINT64_C(0xffffe20000001010) /* mapped by the tests that want it */

/* An object of which no byte is there: reached, and one gap speaks for it. */
static void missing_object_has_one_gap(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;
	size_t i, gaps = 0;

	(void)state;
	fw_small(&w);
	fw_list(&w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 1, (uint64_t[]){FOX});
	triage_u64(&w.t, FOX + FW_BASE_LINK, OUTSIDE + FW_BASE_LINK);
	triage_u32(&w.t, FRAME + FW_FRAME_FILTERS + FW_RCOUNT, 2);
	fw_collect(&w);
	f = fw_find_filter(&w, OUTSIDE);
	assert_non_null(f);
	assert_int_equal(f->frame, 0);
	assert_true(f->by_forward && !f->by_backward);
	assert_int_equal(f->object.flags.value.state, FS_MISSING);
	assert_int_equal(f->name.state, FS_MISSING);
	assert_null(f->name.s);
	assert_int_equal(f->name.gap, f->object.flags.value.gap);
	assert_int_equal(f->callback[FS_CB_FilterUnload].va.gap, f->name.gap);
	assert_int_equal(f->callback[FS_CB_FilterUnload].va.at, OUTSIDE + FW_FILTER_UNLOAD);
	assert_int_equal(f->instances.stop, FS_STOP_UNREADABLE);
	assert_int_equal(f->instances.gap, f->name.gap);
	assert_string_equal(w.model.gaps[f->name.gap].what, "FLT_FILTER");
	assert_int_equal(w.model.gaps[f->name.gap].address, OUTSIDE);
	assert_int_equal(w.model.gaps[f->name.gap].reason, FS_NOT_IN_DUMP);
	/* The list's own gap, where the walk stopped, and no other. */
	for (i = 0; i < w.model.ngaps; i++)
		gaps += w.model.gaps[i].address >= OUTSIDE &&
			w.model.gaps[i].address < OUTSIDE + FW_FILTER_SIZE;
	assert_int_equal(gaps, 2);
	assert_int_equal(w.model.frames[0].filters.stop, FS_STOP_UNREADABLE);
	assert_int_equal(w.model.frames[0].filters.stop_at, OUTSIDE + FW_BASE_LINK);
	fw_end(&w);
}

/* Triage ranges cut objects anywhere: what is there is read, the rest is not made up. */
static void cut_object_keeps_its_head(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	fw_small(&w);
	triage_map(&w.t, OUTSIDE, 0x100); /* up to FilterUnload */
	triage_u32(&w.t, OUTSIDE, 0x02000000);
	triage_u32(&w.t, OUTSIDE + 4, 6);
	fw_string(&w, OUTSIDE + FW_FILTER_NAME, "GolfTop");
	fw_list(&w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 3, (uint64_t[]){OUTSIDE, FOX, DELTA});
	fw_collect(&w);
	f = fw_find_filter(&w, OUTSIDE);
	assert_string_equal(f->name.s, "GolfTop");
	assert_int_equal(f->object.pointer_count.v, 6);
	assert_int_equal(f->callback[FS_CB_FilterUnload].va.state, FS_MISSING);
	assert_int_equal(fw_gap(&w, FS_MISSING, f->callback[FS_CB_FilterUnload].va.gap)->address,
			 OUTSIDE + FW_FILTER_UNLOAD);
	assert_int_equal(f->active_opens_count.state, FS_MISSING);
	assert_int_equal(f->operations_stop, FS_STOP_NOT_WALKED);
	fw_end(&w);
}

/* At every length: no crash, the walk goes on, and a value is there or missing. */
static void cut_at_every_length(void **state)
{
	struct flt_world w;
	size_t n;

	(void)state;
	for (n = 0; n < FW_FILTER_SIZE; n += 12) {
		const struct fs_filter *f;

		fw_small(&w);
		fw_filter(&w, GOLF, "GolfTop", "409800");
		if (n)
			triage_map(&w.t, OUTSIDE, n);
		triage_u64(&w.t, DELTA + FW_BASE_LINK, OUTSIDE + FW_BASE_LINK);
		if (n >= 4)
			triage_u32(&w.t, OUTSIDE, 0x02000000);
		if (n >= FW_BASE_LINK + 8)
			triage_u64(&w.t, OUTSIDE + FW_BASE_LINK,
				   FRAME + FW_FRAME_FILTERS + FW_RLIST);
		fw_collect(&w);
		f = fw_find_filter(&w, OUTSIDE);
		assert_non_null(f);
		assert_int_equal(w.model.frames[0].filters.n, 3);
		assert_int_equal(f->object.flags.value.state, n >= 4 ? FS_READ : FS_MISSING);
		assert_int_equal(f->driver_object.state, n >= 0x68 ? FS_READ : FS_MISSING);
		assert_int_equal(f->port_count.state, n >= 0x2a4 ? FS_READ : FS_MISSING);
		fw_end(&w);
	}
}

static void operations_without_end(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	fw_small(&w);
	triage_u64(&w.t, FOX + FW_FILTER_OPERATIONS, OPS); /* zeros: IRP_MJ_CREATE for ever */
	/* Two entries, then the page ends. */
	triage_u64(&w.t, DELTA + FW_FILTER_OPERATIONS, FW_POOL + FW_POOL_SIZE - 0x40);
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	assert_int_equal(f->operations_stop, FS_STOP_LIMIT);
	assert_int_equal(f->noperations, 64);
	assert_int_equal(fw_gaps(&w, "FLT_FILTER.Operations", FS_LIMIT), 1);
	f = fw_find_filter(&w, DELTA);
	assert_int_equal(f->operations_stop, FS_STOP_UNREADABLE);
	assert_int_equal(f->noperations, 2);
	fw_end(&w);
}

static void context_chain_in_a_circle(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	fw_small(&w);
	triage_u64(&w.t, FOX + FW_FILTER_CONTEXTS, NODES);
	triage_u64(&w.t, NODES, FOX);
	triage_u64(&w.t, NODES + 0x10, NODES + 0x20);
	triage_u64(&w.t, NODES + 0x20, FOX);
	triage_u64(&w.t, NODES + 0x30, NODES);
	triage_u64(&w.t, DELTA + FW_FILTER_CONTEXTS, 0x1000);
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	assert_int_equal(f->ncontexts, 2);
	assert_int_equal(fw_find_filter(&w, DELTA)->ncontexts, 0);
	assert_int_equal(fw_gaps(&w, "ALLOCATE_CONTEXT_HEADER.Next", FS_CORRUPT), 2);
	fw_end(&w);
}

/* A name that was not captured, told by the callbacks' module, and the look-alikes. */
static void name_by_callbacks(void **state)
{
	struct flt_world w;

	(void)state;
	fw_small(&w);
	fw_filter(&w, GOLF, "GolfTop", "409800");
	fw_list(&w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 3, (uint64_t[]){GOLF, FOX, DELTA});
	triage_u64(&w.t, FOX + FW_FILTER_NAME + 8, OUTSIDE);
	triage_u64(&w.t, FOX + FW_FILTER_UNLOAD, FW_DRIVER_A + 0x10);
	triage_u64(&w.t, FOX + FW_FILTER_SETUP, FW_DRIVER_A + 0x20);
	/* What was there before registering may be anybody's. */
	triage_u64(&w.t, FOX + 0x1b0, FW_DRIVER_B + 0x30);
	/* Two modules: whose it is cannot be said. */
	triage_u64(&w.t, DELTA + FW_FILTER_NAME + 8, OUTSIDE);
	triage_u64(&w.t, DELTA + FW_FILTER_UNLOAD, FW_DRIVER_B + 0x10);
	triage_u64(&w.t, DELTA + FW_FILTER_SETUP, FW_DRIVER_A + 0x20);
	/* The name is there. */
	triage_u64(&w.t, GOLF + FW_FILTER_UNLOAD, FW_DRIVER_B + 0x10);
	fw_collect(&w);
	assert_string_equal(fw_find_filter(&w, FOX)->name_by_callbacks, "foxmon.sys");
	assert_true(fw_find_filter(&w, FOX)->name.descriptor_read);
	assert_int_equal(fw_find_filter(&w, FOX)->name.buffer, OUTSIDE);
	assert_int_equal(fw_find_filter(&w, FOX)->name.length, 12);
	assert_null(fw_find_filter(&w, DELTA)->name_by_callbacks);
	assert_null(fw_find_filter(&w, GOLF)->name_by_callbacks);
	fw_forget(&w);
	/* One callback lies in no module, be it the last or the first. */
	triage_u64(&w.t, FOX + FW_FILTER_SETUP, FW_POOL);
	fw_collect(&w);
	assert_null(fw_find_filter(&w, FOX)->name_by_callbacks);
	fw_forget(&w);
	triage_u64(&w.t, FOX + FW_FILTER_SETUP, FW_DRIVER_A);
	triage_u64(&w.t, FOX + FW_FILTER_UNLOAD, FW_POOL);
	fw_collect(&w);
	assert_null(fw_find_filter(&w, FOX)->name_by_callbacks);
	fw_end(&w);
}

static void name_by_operations(void **state)
{
	struct flt_world w;

	(void)state;
	fw_small(&w);
	triage_u64(&w.t, FOX + FW_FILTER_NAME + 8, OUTSIDE);
	triage_u64(&w.t, FOX + FW_FILTER_OPERATIONS, OPS);
	triage_u64(&w.t, OPS + 8, FW_DRIVER_B + 0x100);
	triage_u8(&w.t, OPS + 0x20, 0x80);
	fw_collect(&w);
	assert_string_equal(fw_find_filter(&w, FOX)->name_by_callbacks, "deltaav.sys");
	fw_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_object_has_one_gap),
		cmocka_unit_test(cut_object_keeps_its_head),
		cmocka_unit_test(cut_at_every_length),
		cmocka_unit_test(operations_without_end),
		cmocka_unit_test(context_chain_in_a_circle),
		cmocka_unit_test(name_by_callbacks),
		cmocka_unit_test(name_by_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
