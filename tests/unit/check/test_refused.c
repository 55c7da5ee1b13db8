/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 15, 17, 18, 30 and 4: each with the look-alike that must stay silent. */
#include "check/check.h"
#include "support/model_maker.h"
#include "support/test.h"

#define VA     0xffffa20f10e19010ull
#define DRIVER 0xffffa20f10e10b40ull

struct bench {
	struct model_maker k;
	struct arena a;
	struct fs_report r;
	struct fs_filter *f;
	struct fs_driver *d;
};

/* A live filter with its code in a loaded module, which its DRIVER_OBJECT names too. */
static void live(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	mm_begin(&b->k);
	b->k.module[0] = (struct fs_module){
		.name = "FoxMon.sys", .base = 0xfffff80760100000, .size = 0x20000};
	b->k.m.nmodules = 1;
	b->k.m.rundown_accounting = "itemised";
	(void)mm_frame(&b->k, 0xffffa20f10cc8010, 0);
	(void)mm_filter(&b->k, 0, VA, "FoxMon", DRIVER);
	(void)mm_driver(&b->k, DRIVER, "\\FileSystem\\FoxMon");
	mm_link_drivers(&b->k);
	b->f = &b->k.filter[0];
	b->d = &b->k.driver[0];
	b->d->module = 0;
	b->d->driver_unload.va = mm_value(0xfffff8075b6a5aa0);
	b->f->callback[FS_CB_FilterUnload] =
		(struct fs_code){.va = mm_value(0xfffff807601010c0), .module = 0};
	b->f->callback[FS_CB_InstanceSetup] =
		(struct fs_code){.va = mm_value(0xfffff80760101200), .module = 0};
}

static void run(struct bench *b)
{
	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
}

static void only(struct bench *b, const char *rule)
{
	static const char *const rules[] = {"no-unload-callback", "service-stop-not-supported",
					    "unloaded-without-unregister", "zombie-leftover"};
	size_t i;

	run(b);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		assert_int_equal(mm_count(&b->r, rules[i]), rule && strcmp(rules[i], rule) == 0);
}

static void the_two_refusals_differ_by_filter_unload(void **state)
{
	struct bench b;

	(void)state;
	live(&b);
	only(&b, NULL);
	b.d->driver_unload.va = mm_value(0);
	only(&b, "service-stop-not-supported");
	assert_int_equal(mm_finding(&b.r, "service-stop-not-supported")->severity, FS_NOTE);
	assert_null(mm_verdict(&b.r, VA));
	b.f->callback[FS_CB_FilterUnload] = (struct fs_code){.va = mm_value(0), .module = -1};
	only(&b, "no-unload-callback");
	assert_int_equal(mm_finding(&b.r, "no-unload-callback")->confidence, FS_PROVED);
	/* what was not read is not 0 */
	b.f->callback[FS_CB_FilterUnload].va = mm_missing();
	only(&b, NULL);
	arena_deinit(&b.a);
}

static void who_was_asked_refused(void **state)
{
	struct bench b;
	const struct fs_verdict *v;

	(void)state;
	live(&b);
	b.f->callback[FS_CB_FilterUnload] = (struct fs_code){.va = mm_value(0), .module = -1};
	b.k.device[0].extension_flags.value = mm_value(0x801);
	only(&b, "no-unload-callback");
	v = mm_verdict(&b.r, VA);
	assert_non_null(v);
	assert_int_equal(v->state, FS_ST_REFUSED);
	assert_string_equal(v->cause_id, "no-unload-callback");
	arena_deinit(&b.a);
}

/* Look-alike of 17: the DRIVER_OBJECT is another driver's by now (rule 27). */
static void a_strange_driver_object_tells_nothing(void **state)
{
	struct bench b;

	(void)state;
	live(&b);
	b.d->driver_unload.va = mm_value(0);
	b.d->module = -1;
	only(&b, NULL);
	arena_deinit(&b.a);
}

static void gone(struct bench *b)
{
	size_t i;

	live(b);
	b->d->module = -1;
	for (i = 0; i < FS_CB_COUNT; i++)
		if (b->f->callback[i].va.v) {
			b->f->callback[i].module = -1;
			b->f->callback[i].unloaded = true;
			b->f->callback[i].symbol = "<Unloaded_FoxMon.sys>+0x10c0";
		}
}

static void a_live_filter_without_code(void **state)
{
	struct bench b;

	(void)state;
	gone(&b);
	only(&b, "unloaded-without-unregister");
	assert_int_equal(mm_finding(&b.r, "unloaded-without-unregister")->confidence, FS_PROVED);
	assert_int_equal(mm_verdict(&b.r, VA)->state, FS_ST_LEFTOVER);
	/* look-alike: a zombie's code is never called again */
	mm_zombie(&b.k, 0);
	only(&b, "zombie-leftover");
	arena_deinit(&b.a);
	/* look-alike: its module may stand on the stretch that was not read */
	gone(&b);
	b.k.m.modules_whole = false;
	only(&b, NULL);
	arena_deinit(&b.a);
	/* one callback in a loaded module: it is gone in part, or a pointer is damaged */
	gone(&b);
	b.f->callback[FS_CB_InstanceSetup].module = 0;
	only(&b, "unloaded-without-unregister");
	assert_int_equal(mm_finding(&b.r, "unloaded-without-unregister")->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
}

static struct fs_volume *volume(struct bench *b, uint64_t va, int32_t frame)
{
	struct fs_volume *v = &b->k.volume[b->k.m.nvolumes++];

	v->address = va;
	v->frame = frame;
	v->device_name = mm_string("\\Device\\HarddiskVolume1");
	v->object.flags.value = mm_value(0x04000000);
	v->object.rundown.state = FS_RUNDOWN_ACTIVE;
	v->object.rundown.raw = mm_value(2);
	v->object.rundown.count = 1;
	v->instances = (struct fs_list){
		.head = va + 0x100, .count = mm_value(0), .stop = FS_STOP_CLOSED, .gap = -1};
	v->targeted_open_count = mm_value(0);
	v->volume_in_next_frame = mm_value(0);
	return v;
}

static void a_legacy_filter_splits_a_volume(void **state)
{
	struct bench b;
	struct fs_volume *low;

	(void)state;
	live(&b);
	(void)mm_frame(&b.k, 0xffffa20f10dd8010, 1);
	low = volume(&b, 0xffffa20f10d2e010, 0);
	(void)volume(&b, 0xffffa20f10d31010, 1);
	run(&b);
	/* look-alike: two frames, and no volume in both */
	assert_null(mm_finding(&b.r, "legacy-filter-between"));
	low->volume_in_next_frame = mm_value(0xffffa20f10d31010);
	run(&b);
	assert_int_equal(mm_finding(&b.r, "legacy-filter-between")->severity, FS_NOTE);
	arena_deinit(&b.a);
}

static void volumes_leak_only_while_they_go(void **state)
{
	struct bench b;
	struct fs_volume *v;

	(void)state;
	live(&b);
	v = volume(&b, 0xffffa20f10d2e010, 0);
	v->object.rundown.count = 5;
	run(&b);
	assert_null(mm_finding(&b.r, "leaked-volume-reference"));
	v->object.flags.value.v |= FS_OBJ_DRAINING;
	v->object.rundown.state = FS_RUNDOWN_WAITING;
	v->object.rundown.wait_count = mm_value(3);
	run(&b);
	assert_int_equal(mm_finding(&b.r, "leaked-volume-reference")->severity, FS_WARNING);
	assert_non_null(strstr(mm_finding(&b.r, "leaked-volume-reference")->message,
			       "3 of 3 references to the volume are held by"));
	v->object.rundown.wait_count = mm_value(1);
	run(&b);
	assert_non_null(strstr(mm_finding(&b.r, "leaked-volume-reference")->message,
			       "1 of 1 reference to the volume is held by"));
	v->object.rundown.wait_count = mm_value(3);
	/* look-alike: files that fltmgr has open on it */
	v->targeted_open_count = mm_value(3);
	run(&b);
	assert_null(mm_finding(&b.r, "leaked-volume-reference"));
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_two_refusals_differ_by_filter_unload),
		cmocka_unit_test(who_was_asked_refused),
		cmocka_unit_test(a_strange_driver_object_tells_nothing),
		cmocka_unit_test(a_live_filter_without_code),
		cmocka_unit_test(a_legacy_filter_splits_a_volume),
		cmocka_unit_test(volumes_leak_only_while_they_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
