/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules about drivers: 19 against 20, 24 against 27, 25 against 25b, 31. */
#include "support/waits_bench.h"

/* DriverEntry of FoxMon failed: FltUnregisterFilter waits, without the unload lock. */
static void entry(struct bench *b, enum fs_frame_how how)
{
	bench_begin(b);
	mm_drain(&b->k, b->fox, BLOCK1, 1);
	b->k.driver[0].flags.value = mm_value(0x2); /* no DRVO_INITIALIZED */
	mm_wait_block(&b->k, b->worker, BLOCK1);
	mm_call(&b->k, b->worker, NT, "nt!KiSwapContext+0x76", FS_FRAME_CONTEXT);
	mm_call(&b->k, b->worker, FLTMGR, "FLTMGR!FltUnregisterFilter+0x1a2", how);
	mm_call(&b->k, b->worker, FOX_SYS, "foxmon+0x5026", how);
	mm_call(&b->k, b->worker, NT, "nt!IopLoadDriver+0x8ba", how);
}

static void a_driver_entry_that_fails(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	entry(&b, FS_FRAME_UNWOUND);
	bench_run(&b);
	v = bench_verdict(&b, FOX, "unregister-in-driver-entry", FS_PROVED);
	assert_int_equal(v->stage, FS_S3);
	assert_int_equal(v->waiter_thread, WORKER);
	SILENT(&b, "unload-callback-blocked", "blocked-by-other-unload", "teardown-race");
	entry(&b, FS_FRAME_SCANNED);
	bench_run(&b);
	(void)bench_verdict(&b, FOX, "unregister-in-driver-entry", FS_LIKELY);
	/* another filter's unload holds the lock: FoxMon's waiter still does not */
	mm_unloading(&b.k, b.delta, true);
	mm_own(&b.k, b.lock, b.second);
	bench_run(&b);
	(void)bench_verdict(&b, FOX, "unregister-in-driver-entry", FS_LIKELY);
	assert_string_equal(mm_verdict(&b.r, DELTA)->cause_id, "unload-callback-blocked");
	arena_deinit(&b.a);
}

static void an_unload_is_no_driver_entry(void **state)
{
	struct bench b = {0};

	(void)state;
	entry(&b, FS_FRAME_UNWOUND);
	b.k.driver[0].flags.value = mm_value(0x12); /* DriverEntry has succeeded */
	bench_run(&b);
	SILENT(&b, "unregister-in-driver-entry");
	entry(&b, FS_FRAME_UNWOUND);
	mm_own(&b.k, b.lock, b.worker); /* FltpDoUnloadFilter holds it */
	bench_run(&b);
	SILENT(&b, "unregister-in-driver-entry");
	entry(&b, FS_FRAME_UNWOUND);
	b.k.stack[b.worker][3].ip.symbol = "FLTMGR!FltpDoUnloadFilter+0xa3";
	bench_run(&b);
	SILENT(&b, "unregister-in-driver-entry");
	/* another driver's object: the pointer is not counted */
	entry(&b, FS_FRAME_UNWOUND);
	b.k.driver[0].module = DELTA_SYS;
	bench_run(&b);
	SILENT(&b, "unregister-in-driver-entry");
	assert_true(mm_unchecked(&b.r, "unregister-in-driver-entry"));
	entry(&b, FS_FRAME_UNWOUND);
	b.k.frame[0].filter_unload_lock = 0;
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "unregister-in-driver-entry")->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
}

/* A holder that was found is the cause; that it is DriverEntry's is a finding beside it. */
static void a_leak_in_driver_entry(void **state)
{
	struct bench b = {0};

	(void)state;
	entry(&b, FS_FRAME_SCANNED);
	b.k.filter[b.fox].active_opens_count = mm_value(1);
	bench_run(&b);
	assert_non_null(mm_finding(&b.r, "unregister-in-driver-entry"));
	(void)bench_verdict(&b, FOX, "open-files", FS_PROVED);
	arena_deinit(&b.a);
}

/* sc stop of DeltaAv, whose control device is open. */
static void stop(struct bench *b, uint64_t references)
{
	bench_begin(b);
	b->k.device[1].extension_flags.value = mm_value(0x801);
	b->k.device[1].reference_count = mm_value(references);
}

static void a_device_that_is_open(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	stop(&b, 2);
	bench_run(&b);
	v = bench_verdict(&b, DELTA, "device-handles-open", FS_LIKELY);
	assert_string_equal(v->culprit.kind, "device");
	assert_int_equal(v->culprit.address, b.k.device[1].address);
	assert_true(bench_cites(v->because, v->nbecause, "DEVICE_OBJECT.ReferenceCount"));
	SILENT(&b, "driver-object-crosslink", "unload-callback-blocked", "blocked-by-other-unload");
	stop(&b, 0); /* another driver is attached to it */
	b.k.device[1].attached_device = mm_value(0xffffa20f15555550ull);
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "device-handles-open", FS_LIKELY);
	/* queued: nothing holds it up */
	stop(&b, 0);
	bench_run(&b);
	SILENT(&b, "device-handles-open");
	assert_int_equal(mm_verdict(&b.r, DELTA)->state, FS_ST_UNKNOWN);
	/* DriverUnload was handed over: it is not the device */
	stop(&b, 2);
	b.k.driver[1].flags.value.v |= FS_DRVO_UNLOAD_INVOKED;
	bench_run(&b);
	SILENT(&b, "device-handles-open");
	/* a device that is in use on a driver nobody wants to unload */
	stop(&b, 2);
	b.k.device[1].extension_flags.value = mm_value(0x800);
	bench_run(&b);
	assert_int_equal(b.r.nverdicts + b.r.nfindings, 0);
	arena_deinit(&b.a);
}

/* 24 and 27: the same zombie in the way, told apart by DRVO_UNLOAD_INVOKED. */
static void open_device_or_crosslink(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;

	(void)state;
	stop(&b, 2);
	b.k.m.unload_walk = "gives-up";
	mm_zombie(&b.k, b.fox);
	b.k.filter[b.fox].driver_object = mm_value(0xffffa20f10dbd060ull);
	mm_link_drivers(&b.k);
	bench_run(&b);
	(void)bench_verdict(&b, DELTA, "device-handles-open", FS_LIKELY);
	assert_int_equal(mm_finding(&b.r, "driver-object-crosslink")->confidence, FS_POSSIBLE);
	b.k.driver[1].flags.value.v |= FS_DRVO_UNLOAD_INVOKED;
	bench_run(&b);
	v = mm_verdict(&b.r, DELTA);
	assert_string_equal(v->cause_id, "driver-object-crosslink");
	assert_int_equal(v->confidence, FS_PROVED);
	SILENT(&b, "device-handles-open");
	arena_deinit(&b.a);
}

/* DeltaAv's filter is gone, its DriverUnload was called, its image is loaded. */
static void leaked(struct bench *b)
{
	bench_begin(b);
	b->k.m.nfilters = 1;
	b->k.frame[0].filters.n = b->k.frame[0].filters.forward = 1;
	b->k.frame[0].filters.count = mm_value(1);
	b->k.driver[1].flags.value.v |= FS_DRVO_UNLOAD_INVOKED;
	b->k.driver[1].pointer_count = mm_value(1);
}

static void a_driver_object_that_stays(void **state)
{
	struct bench b = {0};
	const struct fs_finding *f;

	(void)state;
	leaked(&b);
	bench_run(&b);
	f = mm_finding(&b.r, "driver-object-leaked");
	assert_non_null(f);
	assert_int_equal(f->confidence, FS_LIKELY);
	assert_int_equal(f->subject.address, b.k.driver[1].address);
	assert_int_equal(b.r.nverdicts, 1);
	assert_int_equal(b.r.verdicts[0].state, FS_ST_LEFTOVER);
	assert_int_equal(b.r.verdicts[0].driver_object, b.k.driver[1].address);
	SILENT(&b, "driver-thread-running");
	/* 25b: a thread of it says who holds it */
	b.k.thread[b.second].start =
		(struct fs_code){.va = mm_value(0xfffff807600c3000ull), .module = DELTA_SYS};
	bench_run(&b);
	assert_non_null(mm_finding(&b.r, "driver-object-leaked"));
	assert_non_null(mm_finding(&b.r, "driver-thread-running"));
	b.k.thread[b.second].state = mm_value(4);
	b.k.thread[b.second].state_name = "Terminated";
	bench_run(&b);
	SILENT(&b, "driver-thread-running");
	/* an unload that runs has a reference on the object */
	mm_own(&b.k, b.lock, b.worker);
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "driver-object-leaked")->confidence, FS_POSSIBLE);
	/* it was never asked to go */
	leaked(&b);
	b.k.driver[1].flags.value.v = FS_DRVO_INITIALIZED;
	bench_run(&b);
	assert_int_equal(b.r.nverdicts + b.r.nfindings, 0);
	arena_deinit(&b.a);
}

static void threads_of_a_live_filter_are_as_they_should_be(void **state)
{
	struct bench b = {0};

	(void)state;
	bench_begin(&b);
	b.k.thread[b.second].win32_start =
		(struct fs_code){.va = mm_value(0xfffff80760103000ull), .module = FOX_SYS};
	bench_run(&b);
	assert_int_equal(b.r.nverdicts + b.r.nfindings, 0);
	/* the same thread while FoxMon's unload waits */
	bench_s3(&b, 1);
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "driver-thread-running")->severity, FS_WARNING);
	assert_int_equal(mm_finding(&b.r, "driver-thread-running")->confidence, FS_LIKELY);
	SILENT(&b, "driver-object-leaked");
	arena_deinit(&b.a);
}

static void race(struct bench *b)
{
	bench_begin(b);
	b->k.m.load_unload = "races";
	mm_call(&b->k, b->worker, FOX_SYS, "foxmon+0x10c0", FS_FRAME_UNWOUND);
	mm_call(&b->k, b->worker, FLTMGR, "fltmgr!FltpMiniFilterDriverUnload+0x11c",
		FS_FRAME_UNWOUND);
	mm_call(&b->k, b->worker, NT, "nt!IopLoadUnloadDriver+0x1b", FS_FRAME_UNWOUND);
	mm_call(&b->k, b->second, FOX_SYS, "foxmon+0x5026", FS_FRAME_UNWOUND);
	mm_call(&b->k, b->second, NT, "nt!IopLoadUnloadDriver+0x55", FS_FRAME_UNWOUND);
}

static void a_load_while_the_unload_runs(void **state)
{
	struct bench b = {0};

	(void)state;
	race(&b);
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "load-unload-race")->confidence, FS_LIKELY);
	assert_int_equal(mm_finding(&b.r, "load-unload-race")->severity, FS_WARNING);
	b.k.m.load_unload = NULL;
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "load-unload-race")->confidence, FS_POSSIBLE);
	b.k.m.load_unload = "serialised";
	bench_run(&b);
	SILENT(&b, "load-unload-race");
	/* an unload alone */
	race(&b);
	b.k.thread[b.second].stack.n = 0;
	bench_run(&b);
	SILENT(&b, "load-unload-race");
	/* no names: two objects of one image, one going and one coming */
	(void)mm_driver(&b.k, 0xffffa20f10e20b40ull, "\\FileSystem\\FoxMon");
	b.k.driver[2].module = FOX_SYS;
	b.k.driver[2].flags.value = mm_value(0x2);
	b.k.driver[0].flags.value.v |= FS_DRVO_UNLOAD_INVOKED;
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "load-unload-race")->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_driver_entry_that_fails),
		cmocka_unit_test(an_unload_is_no_driver_entry),
		cmocka_unit_test(a_leak_in_driver_entry),
		cmocka_unit_test(a_device_that_is_open),
		cmocka_unit_test(open_device_or_crosslink),
		cmocka_unit_test(a_driver_object_that_stays),
		cmocka_unit_test(threads_of_a_live_filter_are_as_they_should_be),
		cmocka_unit_test(a_load_while_the_unload_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
