/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 27 and its look-alikes. Expectations: unload-causes.md 27 (Windows 7 SP1
 * gives up at the zombie, 17763 and later go on) and the article of the seed case.
 */
#include "check/check.h"
#include "support/model_maker.h"
#include "support/test.h"

#define DRV  0xfffffa8003673c80ull
#define SOME 0xfffffa8006dcc960ull
#define MINE 0xfffffa800290d900ull

struct bench {
	struct model_maker k;
	struct arena a;
	struct fs_report r;
	size_t zombie, victim, driver;
};

/* The seed: Frame 1 with the zombie stands before Frame 0 with the victim. */
static void seed(struct bench *b)
{
	size_t f1, f0;

	memset(b, 0, sizeof(*b));
	mm_begin(&b->k);
	f1 = mm_frame(&b->k, 0xfffffa80039e5010, 1);
	f0 = mm_frame(&b->k, 0xfffffa8001b2aac0, 0);
	b->zombie = mm_filter(&b->k, f1, SOME, "SomeDrv", DRV);
	mm_zombie(&b->k, b->zombie);
	(void)mm_filter(&b->k, f0, 0xfffffa8001cb5380, "Other", 0xfffffa8001111111);
	b->victim = mm_filter(&b->k, f0, MINE, "MyDrv", DRV);
	b->driver = mm_driver(&b->k, DRV, "\\Driver\\MyDrv");
	mm_link_drivers(&b->k);
	b->k.m.unload_walk = "gives-up";
}

static void ask_for_unload(struct bench *b)
{
	b->k.driver[b->driver].flags.value.v |= FS_DRVO_UNLOAD_INVOKED;
	b->k.device[0].extension_flags.value.v |= FS_DOE_UNLOAD_PENDING;
}

static void run(struct bench *b)
{
	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
}

static void done(struct bench *b)
{
	arena_deinit(&b->a);
}

static void seed_is_stuck_and_proved(void **state)
{
	struct bench b;
	const struct fs_verdict *v;
	const struct fs_finding *f;
	bool saw_zombie = false;
	size_t i;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	run(&b);
	v = mm_verdict(&b.r, MINE);
	assert_non_null(v);
	assert_ptr_equal(v, &b.r.verdicts[0]); /* the stuck one comes first */
	assert_int_equal(v->state, FS_ST_STUCK);
	assert_int_equal(v->stage, FS_S0);
	assert_string_equal(v->cause_id, "driver-object-crosslink");
	assert_int_equal(v->confidence, FS_PROVED);
	assert_true(v->culprit.address == SOME);
	assert_string_equal(v->culprit.name, "SomeDrv");
	assert_string_equal(v->driver, "\\Driver\\MyDrv");
	assert_non_null(strstr(v->summary, "MyDrv cannot unload"));
	assert_non_null(strstr(v->summary, "0xfffffa8003673c80"));
	assert_non_null(
		strstr(v->summary, "0xfffffa8006dcc960 \"SomeDrv\" (DRAINING ZOMBIED) of Frame 1"));
	assert_non_null(
		strstr(v->summary, "0xfffffa800290d900 was never asked (no UnloadInProgress)"));
	for (i = 0; i < v->nbecause; i++)
		saw_zombie |= v->because[i].address == SOME &&
			      strcmp(v->because[i].value, "0xfffffa8003673c80") == 0;
	assert_true(saw_zombie);
	f = mm_finding(&b.r, "driver-object-crosslink");
	assert_int_equal(f->severity, FS_ERROR);
	assert_non_null(mm_finding(&b.r, "zombie-leftover"));
	assert_null(mm_finding(&b.r, "corrupt-list"));
	done(&b);
}

static void build_that_goes_on_only_warns(void **state)
{
	struct bench b;
	const struct fs_finding *f;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.m.unload_walk = "goes-on";
	run(&b);
	f = mm_finding(&b.r, "driver-object-crosslink");
	assert_int_equal(f->severity, FS_WARNING);
	assert_non_null(strstr(f->message, "goes on"));
	/* asked for and not done: told, but not blamed on the cross-link */
	assert_int_equal(mm_verdict(&b.r, MINE)->state, FS_ST_UNKNOWN);
	assert_null(mm_verdict(&b.r, MINE)->cause_id);
	done(&b);
}

static void unknown_build_names_both_outcomes(void **state)
{
	struct bench b;
	const struct fs_verdict *v;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.m.unload_walk = NULL;
	run(&b);
	v = mm_verdict(&b.r, MINE);
	assert_int_equal(v->state, FS_ST_UNKNOWN);
	assert_int_equal(v->confidence, FS_POSSIBLE);
	assert_string_equal(v->cause_id, "driver-object-crosslink");
	assert_non_null(strstr(v->summary, "gives up"));
	assert_non_null(strstr(v->summary, "goes on"));
	done(&b);
}

/* Look-alike: the unload is queued and has not run; nobody shares the object. */
static void queued_unload_is_not_a_crosslink(void **state)
{
	struct bench b;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.filter[b.zombie].driver_object.v = 0xfffffa8009999990;
	run(&b);
	assert_null(mm_finding(&b.r, "driver-object-crosslink"));
	assert_int_equal(mm_verdict(&b.r, MINE)->state, FS_ST_UNKNOWN);
	assert_null(mm_verdict(&b.r, MINE)->cause_id);
	assert_int_equal(mm_verdict(&b.r, SOME)->state, FS_ST_LEFTOVER);
	done(&b);
}

/* Look-alike: one driver that registered two filters; both live. */
static void two_live_filters_of_one_driver_are_silent(void **state)
{
	struct bench b;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.filter[b.zombie].object.flags.value = mm_value(0x02000000);
	b.k.filter[b.zombie].object.rundown.raw = mm_value(2);
	b.k.filter[b.zombie].object.rundown.state = FS_RUNDOWN_ACTIVE;
	run(&b);
	assert_null(mm_finding(&b.r, "driver-object-crosslink"));
	assert_null(mm_finding(&b.r, "zombie-leftover"));
	done(&b);
}

static void nobody_asked_gives_a_finding_but_no_verdict(void **state)
{
	struct bench b;

	(void)state;
	seed(&b);
	run(&b);
	assert_int_equal(mm_finding(&b.r, "driver-object-crosslink")->severity, FS_ERROR);
	assert_null(mm_verdict(&b.r, MINE));
	done(&b);
}

static void zombie_behind_the_victim_does_no_harm(void **state)
{
	struct bench b;
	size_t t;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	t = b.k.frame[0].filters.entries[0];
	b.k.frame[0].filters.entries[0] = b.k.frame[1].filters.entries[1];
	b.k.frame[1].filters.entries[1] = t;
	run(&b);
	assert_int_equal(mm_finding(&b.r, "driver-object-crosslink")->severity, FS_WARNING);
	assert_null(mm_verdict(&b.r, MINE)->cause_id);
	done(&b);
}

/* An unread DriverObject before the zombie could be the real first match. */
static void unread_filter_before_the_zombie_leaves_possible(void **state)
{
	struct bench b;
	size_t x, e;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	x = mm_filter(&b.k, 0, 0xfffffa8007000010, "Unread", 0);
	b.k.filter[x].driver_object = mm_missing();
	e = b.k.frame[0].filters.entries[0];
	b.k.frame[0].filters.entries[0] = b.k.frame[0].filters.entries[1];
	b.k.frame[0].filters.entries[1] = e;
	run(&b);
	assert_int_equal(mm_verdict(&b.r, MINE)->confidence, FS_POSSIBLE);
	done(&b);
}

/* A hole behind the zombie changes nothing: the walk gives up before it. */
static void hole_behind_the_zombie_changes_nothing(void **state)
{
	struct bench b;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.frame[0].filters.stop = FS_STOP_UNREADABLE;
	run(&b);
	assert_int_equal(mm_verdict(&b.r, MINE)->confidence, FS_PROVED);
	done(&b);
}

/* The same hole in front of it does. */
static void hole_before_the_zombie_leaves_possible(void **state)
{
	struct bench b;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.frame[0].filters.forward = 0;
	b.k.frame[0].filters.backward = 1;
	b.k.frame[0].filters.stop = FS_STOP_UNREADABLE;
	run(&b);
	assert_int_equal(mm_verdict(&b.r, MINE)->confidence, FS_POSSIBLE);
	done(&b);
}

static void unproved_premises_leave_possible(void **state)
{
	struct bench b;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.filter[b.zombie].driver_object.unproved = true;
	run(&b);
	assert_int_equal(mm_verdict(&b.r, MINE)->confidence, FS_POSSIBLE);
	assert_null(strstr(mm_verdict(&b.r, MINE)->summary, "unproved"));
	b.k.frame[0].id.unproved = true;
	run(&b);
	assert_non_null(
		strstr(mm_verdict(&b.r, MINE)->summary, "Frame 1 (that number is unproved)"));
	done(&b);
}

/* Without DRVO_UNLOAD_INVOKED the I/O manager may be waiting for a device. */
static void device_in_use_weakens_the_verdict(void **state)
{
	struct bench b;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.driver[b.driver].flags.value.v &= ~(uint64_t)FS_DRVO_UNLOAD_INVOKED;
	run(&b);
	assert_int_equal(mm_verdict(&b.r, MINE)->confidence, FS_LIKELY);
	b.k.device[0].reference_count = mm_value(1);
	run(&b);
	assert_int_equal(mm_verdict(&b.r, MINE)->confidence, FS_POSSIBLE);
	done(&b);
}

/* FltMgr works on the victim already: something else holds it. */
static void victim_that_was_reached_is_not_blamed_on_the_link(void **state)
{
	struct bench b;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.filter[b.victim].flags.value.v |= FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS;
	run(&b);
	assert_null(mm_verdict(&b.r, MINE)->cause_id);
	assert_int_equal(mm_verdict(&b.r, MINE)->state, FS_ST_UNKNOWN);
	done(&b);
}

static void unread_driver_object_is_said(void **state)
{
	struct bench b;
	size_t i;
	bool said = false;

	(void)state;
	seed(&b);
	b.k.filter[b.zombie].driver_object = mm_missing();
	run(&b);
	for (i = 0; i < b.r.nnot_checked; i++)
		said |= strcmp(b.r.not_checked[i].rule, "driver-object-crosslink") == 0;
	assert_true(said);
	done(&b);
}

/* Look-alike: ZOMBIED, but its rundown still gives references. The walk takes it. */
static void zombie_that_can_be_referenced_is_no_proof(void **state)
{
	struct bench b;
	const struct fs_verdict *v;
	size_t i;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.filter[b.zombie].object.rundown.raw = mm_value(4);
	b.k.filter[b.zombie].object.rundown.state = FS_RUNDOWN_ACTIVE;
	run(&b);
	v = mm_verdict(&b.r, MINE);
	assert_int_equal(v->confidence, FS_POSSIBLE);
	assert_int_equal(v->state, FS_ST_UNKNOWN);
	assert_null(strstr(v->summary, "cannot unload"));
	assert_null(strstr(mm_finding(&b.r, "driver-object-crosslink")->message, "cannot unload"));
	for (i = 0; i < v->nbecause; i++)
		assert_null(strstr(v->because[i].fact, "so FltObjectReference fails"));
	done(&b);
}

/* The walk ends at the first filter with that object; what is behind it has no say. */
static void living_filter_before_the_zombie_is_met_first(void **state)
{
	struct bench b;
	size_t x, e;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	x = mm_filter(&b.k, 0, 0xfffffa8007000010, "MyDrvToo", DRV);
	b.k.filter[x].driver = (int32_t)b.driver;
	e = b.k.frame[0].filters.entries[0];
	b.k.frame[0].filters.entries[0] = b.k.frame[0].filters.entries[1];
	b.k.frame[0].filters.entries[1] = e;
	run(&b);
	assert_int_equal(mm_count(&b.r, "driver-object-crosslink"), 1);
	assert_int_equal(mm_finding(&b.r, "driver-object-crosslink")->severity, FS_WARNING);
	assert_null(mm_verdict(&b.r, MINE)->cause_id);
	done(&b);
}

/* As many findings as filters, not as pairs of them. */
static void findings_grow_with_filters_not_with_pairs(void **state)
{
	struct bench b;
	size_t i, x;

	(void)state;
	seed(&b);
	for (i = 0; i < 5; i++) {
		x = mm_filter(&b.k, 0, 0xfffffa8007000010 + i * 0x1000, "Zombie", DRV);
		mm_zombie(&b.k, x);
		(void)mm_filter(&b.k, 1, 0xfffffa8008000010 + i * 0x1000, "Living", DRV);
	}
	run(&b);
	/* six living ones behind the first zombie, five zombies more */
	assert_int_equal(mm_count(&b.r, "driver-object-crosslink"), 11);
	done(&b);
}

/* An entry that is no filter by its type bits: what the walk finds there is not known. */
static void wrong_object_on_the_list_leaves_possible(void **state)
{
	struct bench b;

	(void)state;
	seed(&b);
	ask_for_unload(&b);
	b.k.frame[0].filters.wrong_at = 0xfffffa8007000010;
	run(&b);
	assert_int_equal(mm_verdict(&b.r, MINE)->confidence, FS_POSSIBLE);
	done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seed_is_stuck_and_proved),
		cmocka_unit_test(build_that_goes_on_only_warns),
		cmocka_unit_test(unknown_build_names_both_outcomes),
		cmocka_unit_test(queued_unload_is_not_a_crosslink),
		cmocka_unit_test(two_live_filters_of_one_driver_are_silent),
		cmocka_unit_test(nobody_asked_gives_a_finding_but_no_verdict),
		cmocka_unit_test(zombie_behind_the_victim_does_no_harm),
		cmocka_unit_test(unread_filter_before_the_zombie_leaves_possible),
		cmocka_unit_test(hole_behind_the_zombie_changes_nothing),
		cmocka_unit_test(hole_before_the_zombie_leaves_possible),
		cmocka_unit_test(unproved_premises_leave_possible),
		cmocka_unit_test(device_in_use_weakens_the_verdict),
		cmocka_unit_test(victim_that_was_reached_is_not_blamed_on_the_link),
		cmocka_unit_test(unread_driver_object_is_said),
		cmocka_unit_test(zombie_that_can_be_referenced_is_no_proof),
		cmocka_unit_test(living_filter_before_the_zombie_is_met_first),
		cmocka_unit_test(findings_grow_with_filters_not_with_pairs),
		cmocka_unit_test(wrong_object_on_the_list_leaves_possible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
