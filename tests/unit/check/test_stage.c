/* SPDX-License-Identifier: BSD-2-Clause */
/* Stages by the table of unload-causes.md section 0, with its amendments 5, 7 and 8. */
#include "check/check.h"
#include "support/model_maker.h"
#include "support/test.h"

#define VA 0xffffa20f10e19010ull

struct bench {
	struct model_maker k;
	struct arena a;
	struct fs_report r;
	size_t f;
};

static void live(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	mm_begin(&b->k);
	(void)mm_frame(&b->k, 0xffffa20f10cc8010, 0);
	b->f = mm_filter(&b->k, 0, VA, "FoxMon", 0xffffa20f10e10b40);
	(void)mm_driver(&b->k, 0xffffa20f10e10b40, "\\FileSystem\\FoxMon");
	mm_link_drivers(&b->k);
}

static void draining(struct bench *b)
{
	live(b);
	b->k.filter[b->f].object.flags.value.v |= FS_OBJ_DRAINING;
}

static void waits(struct bench *b, uint64_t left)
{
	struct fs_rundown *r = &b->k.filter[b->f].object.rundown;

	r->raw = mm_value(0xffffee05000166f9);
	r->state = FS_RUNDOWN_WAITING;
	r->wait_block = 0xffffee05000166f8;
	r->wait_count = mm_value(left);
}

static enum fs_stage stage(struct bench *b)
{
	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
	assert_non_null(b->r.stage_why[b->f]);
	return b->r.stages[b->f];
}

static bool unchecked(const struct bench *b, const char *rule)
{
	size_t i;

	for (i = 0; i < b->r.nnot_checked; i++)
		if (strcmp(b->r.not_checked[i].rule, rule) == 0)
			return true;
	return false;
}

static void s0_is_silent(void **state)
{
	struct bench b;

	(void)state;
	live(&b);
	assert_int_equal(stage(&b), FS_S0);
	assert_int_equal(b.r.nverdicts, 0);
	assert_int_equal(b.r.nfindings, 0);
	assert_int_equal(b.r.nnot_checked, 0);
	arena_deinit(&b.a);
}

/* FltUnregisterFilter sets DRAINING first: such a filter is not clean, it is not decided. */
static void ended_rundown_without_draining_is_no_s0(void **state)
{
	struct bench b;

	(void)state;
	live(&b);
	b.k.filter[b.f].object.rundown.raw = mm_value(1);
	b.k.filter[b.f].object.rundown.state = FS_RUNDOWN_DRAINED;
	assert_int_equal(stage(&b), FS_STAGE_UNKNOWN);
	assert_non_null(strstr(b.r.stage_why[b.f], "RundownRef is 1 (drained) without DRAINING"));
	assert_int_equal(b.r.nverdicts, 0);
	arena_deinit(&b.a);
	live(&b);
	waits(&b, 2);
	assert_int_equal(stage(&b), FS_STAGE_UNKNOWN);
	assert_non_null(strstr(b.r.stage_why[b.f], "wait block without DRAINING"));
	arena_deinit(&b.a);
	/* look-alike: many references are held on a live filter, and that is normal */
	live(&b);
	b.k.filter[b.f].object.rundown.raw = mm_value(174992 << 1);
	b.k.filter[b.f].object.rundown.state = FS_RUNDOWN_ACTIVE;
	assert_int_equal(stage(&b), FS_S0);
	arena_deinit(&b.a);
}

static void s1_and_s2_differ_by_track_completion_nodes(void **state)
{
	struct bench b;
	size_t in;

	(void)state;
	draining(&b);
	in = mm_instance(&b.k, b.f, 0xffffa20f10e01c10);
	b.k.instance[in].object.flags.value.v |= FS_OBJ_DRAINING;
	assert_int_equal(stage(&b), FS_S1);
	assert_true(unchecked(&b, "pended-pre-operation"));
	assert_false(unchecked(&b, "leaked-context"));
	b.k.instance[in].track_completion_nodes = mm_value(0);
	assert_int_equal(stage(&b), FS_S2);
	assert_true(unchecked(&b, "deferred-io-outstanding"));
	/* look-alike: TeardownComplete still runs, nobody waits for the instance */
	assert_null(mm_finding(&b.r, "leaked-instance-reference"));
	b.k.instance[in].object.rundown.raw = mm_value(0xffffee05000166f9);
	b.k.instance[in].object.rundown.state = FS_RUNDOWN_WAITING;
	b.k.instance[in].object.rundown.wait_count = mm_value(1);
	assert_int_equal(stage(&b), FS_S2);
	assert_string_equal(mm_verdict(&b.r, VA)->cause_id, "leaked-instance-reference");
	assert_int_equal(mm_verdict(&b.r, VA)->confidence, FS_POSSIBLE);
	b.k.instance[in].track_completion_nodes = mm_missing();
	assert_int_equal(stage(&b), FS_STAGE_UNKNOWN);
	arena_deinit(&b.a);
}

/* A ZOMBIED instance is done: it does not make S1 or S2. */
static void finished_instance_is_no_stage(void **state)
{
	struct bench b;
	size_t in;

	(void)state;
	draining(&b);
	in = mm_instance(&b.k, b.f, 0xffffa20f10e01c10);
	b.k.instance[in].object.flags.value.v |= FS_OBJ_DRAINING | FS_OBJ_ZOMBIED;
	assert_int_equal(stage(&b), FS_STAGE_UNKNOWN);
	arena_deinit(&b.a);
}

static void s3_says_how_many_are_left(void **state)
{
	struct bench b;
	const struct fs_verdict *v;

	(void)state;
	draining(&b);
	waits(&b, 1);
	assert_int_equal(stage(&b), FS_S3);
	v = mm_verdict(&b.r, VA);
	assert_int_equal(v->state, FS_ST_STUCK);
	/* nothing was looked at: a context and a reference are both possible */
	assert_int_equal(v->confidence, FS_POSSIBLE);
	assert_string_equal(v->cause_id, "leaked-context");
	assert_non_null(mm_finding(&b.r, "leaked-filter-reference"));
	assert_non_null(strstr(v->summary, "1 reference to the filter is still held"));
	b.k.filter[b.f].object.rundown.wait_count = mm_missing();
	assert_int_equal(stage(&b), FS_S3);
	assert_non_null(strstr(mm_verdict(&b.r, VA)->summary, "how many is not known"));
	assert_true(unchecked(&b, "leaked-context"));
	assert_true(unchecked(&b, "open-files"));
	/* no cause is named, so the stage's own words decide how sure it is */
	assert_int_equal(mm_verdict(&b.r, VA)->confidence, FS_LIKELY);
	b.k.filter[b.f].object.rundown.raw.unproved = true;
	assert_int_equal(stage(&b), FS_S3);
	assert_int_equal(mm_verdict(&b.r, VA)->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
}

/* Cause 23: S3 with an instance that another thread tears down. */
static void own_wait_comes_before_instances(void **state)
{
	struct bench b;
	size_t in;

	(void)state;
	draining(&b);
	waits(&b, 1);
	in = mm_instance(&b.k, b.f, 0xffffa20f10e01c10);
	b.k.instance[in].object.flags.value.v |= FS_OBJ_DRAINING;
	assert_int_equal(stage(&b), FS_S3);
	arena_deinit(&b.a);
}

static void s4_needs_an_empty_list_that_came_round(void **state)
{
	struct bench b;

	(void)state;
	draining(&b);
	b.k.filter[b.f].object.rundown.raw = mm_value(1);
	b.k.filter[b.f].object.rundown.state = FS_RUNDOWN_DRAINED;
	assert_int_equal(stage(&b), FS_S4);
	assert_true(unchecked(&b, "verifier-wait"));
	b.k.filter[b.f].instances.stop = FS_STOP_UNREADABLE;
	assert_int_equal(stage(&b), FS_STAGE_UNKNOWN);
	/* look-alike: it came round, and what is linked there was not taken for an instance */
	b.k.filter[b.f].instances.stop = FS_STOP_CLOSED;
	b.k.filter[b.f].instances.wrong_at = 0xffffa20f10e77010;
	assert_int_equal(stage(&b), FS_STAGE_UNKNOWN);
	arena_deinit(&b.a);
}

static void s5_is_leftover(void **state)
{
	struct bench b;
	const struct fs_verdict *v;

	(void)state;
	live(&b);
	mm_zombie(&b.k, b.f);
	assert_int_equal(stage(&b), FS_S5);
	v = mm_verdict(&b.r, VA);
	assert_int_equal(v->state, FS_ST_LEFTOVER);
	assert_string_equal(v->cause_id, "zombie-leftover");
	/* FltpDoUnloadFilter could be about to free it: its code is not known to be gone */
	assert_int_equal(v->confidence, FS_LIKELY);
	assert_int_equal(mm_finding(&b.r, "zombie-leftover")->severity, FS_WARNING);
	b.k.filter[b.f].callback[FS_CB_FilterUnload].va = mm_value(0xfffff88005551000);
	b.k.filter[b.f].callback[FS_CB_FilterUnload].module = -1;
	(void)stage(&b);
	assert_int_equal(mm_verdict(&b.r, VA)->confidence, FS_PROVED);
	/* a count that was not read holds nothing */
	b.k.filter[b.f].callback[FS_CB_FilterUnload].va = mm_missing();
	b.k.filter[b.f].object.pointer_count = mm_missing();
	(void)stage(&b);
	assert_null(strstr(mm_verdict(&b.r, VA)->summary, "something still holds"));
	b.k.filter[b.f].callback[FS_CB_FilterUnload].va = mm_value(0xfffff88005551000);
	/* look-alike: its driver may be on the stretch of the module list that was not reached */
	b.k.m.modules_whole = false;
	(void)stage(&b);
	assert_int_equal(mm_verdict(&b.r, VA)->confidence, FS_LIKELY);
	assert_null(strstr(mm_verdict(&b.r, VA)->summary, "no longer loaded"));
	arena_deinit(&b.a);
}

static void unread_flags_are_unknown_not_s0(void **state)
{
	struct bench b;

	(void)state;
	live(&b);
	b.k.filter[b.f].object.flags.value = mm_missing();
	assert_int_equal(stage(&b), FS_STAGE_UNKNOWN);
	assert_int_equal(b.r.nverdicts, 0);
	arena_deinit(&b.a);
}

/* fltmc unload does not set UnloadInProgress; a service stop does (facts: 0, 3). */
static void unload_in_progress_without_draining_is_told(void **state)
{
	struct bench b;
	const struct fs_verdict *v;

	(void)state;
	live(&b);
	b.k.filter[b.f].flags.value.v |= FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS;
	assert_int_equal(stage(&b), FS_S0);
	v = mm_verdict(&b.r, VA);
	assert_int_equal(v->state, FS_ST_UNKNOWN);
	assert_true(unchecked(&b, "blocked-by-other-unload"));
	assert_true(unchecked(&b, "unload-callback-blocked"));
	arena_deinit(&b.a);
}

static void corrupt_lists_fire_and_holes_do_not(void **state)
{
	struct bench b;
	struct fs_list *l;

	(void)state;
	live(&b);
	l = &b.k.frame[0].filters;
	l->stop = FS_STOP_UNREADABLE; /* look-alike: missing memory */
	l->count.v = 10;
	(void)stage(&b);
	assert_null(mm_finding(&b.r, "corrupt-list"));
	l->stop = FS_STOP_CLOSED; /* came round with another count */
	(void)stage(&b);
	assert_int_equal(mm_finding(&b.r, "corrupt-list")->confidence, FS_LIKELY);
	l->count.v = 1;
	(void)stage(&b);
	assert_null(mm_finding(&b.r, "corrupt-list"));
	l->broken_at = 0xffffa20f10cc80c0;
	l->broken_blink = 0x41414141;
	(void)stage(&b);
	assert_int_equal(mm_finding(&b.r, "corrupt-list")->confidence, FS_PROVED);
	assert_string_equal(mm_finding(&b.r, "corrupt-list")->evidence[0].value, "0x41414141");
	l->count.unproved = true; /* the offset itself is not proved */
	(void)stage(&b);
	assert_int_equal(mm_finding(&b.r, "corrupt-list")->confidence, FS_POSSIBLE);
	l->count.unproved = false;
	l->broken_at = 0;
	l->stop = FS_STOP_CYCLE;
	(void)stage(&b);
	assert_non_null(strstr(mm_finding(&b.r, "corrupt-list")->message, "never comes back"));
	l->stop = FS_STOP_CLOSED;
	l->wrong_at = 0xffffa20f10e77010; /* linked, and no filter by its type bits */
	(void)stage(&b);
	assert_non_null(strstr(mm_finding(&b.r, "corrupt-list")->message, "is no FLT_FILTER"));
	arena_deinit(&b.a);
}

/* Live captures are not atomic: there corruption is at most possible. */
static void corruption_of_a_running_system_is_possible(void **state)
{
	static const uint64_t codes[] = {0, 0x161, 0x4d415454};
	struct bench b;
	struct fs_list *l;
	size_t i;

	(void)state;
	live(&b);
	l = &b.k.frame[0].filters;
	l->broken_at = 0xffffa20f10cc80c0;
	l->broken_blink = 0x41414141;
	(void)stage(&b);
	assert_int_equal(mm_finding(&b.r, "corrupt-list")->confidence, FS_PROVED);
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		b.k.m.dump.bugcheck = mm_value(codes[i]);
		(void)stage(&b);
		assert_int_equal(mm_finding(&b.r, "corrupt-list")->confidence, FS_POSSIBLE);
	}
	b.k.m.dump.bugcheck = mm_missing();
	l->broken_at = 0;
	l->count.v = 9;
	(void)stage(&b);
	assert_int_equal(mm_finding(&b.r, "corrupt-list")->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s0_is_silent),
		cmocka_unit_test(ended_rundown_without_draining_is_no_s0),
		cmocka_unit_test(s1_and_s2_differ_by_track_completion_nodes),
		cmocka_unit_test(finished_instance_is_no_stage),
		cmocka_unit_test(s3_says_how_many_are_left),
		cmocka_unit_test(own_wait_comes_before_instances),
		cmocka_unit_test(s4_needs_an_empty_list_that_came_round),
		cmocka_unit_test(s5_is_leftover),
		cmocka_unit_test(unread_flags_are_unknown_not_s0),
		cmocka_unit_test(unload_in_progress_without_draining_is_told),
		cmocka_unit_test(corrupt_lists_fire_and_holes_do_not),
		cmocka_unit_test(corruption_of_a_running_system_is_possible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
