/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Layouts held against code: the article's FltpMiniFilterDriverUnload, at the distance from
 * FltGlobals that it has there, with DriverObject moved to where 19041 has it.
 */
#include "fltmgr/from_code.h"
#include "fltmgr/prove.h"
#include "support/article_bytes.h"
#include "support/flt_world.h"
#include "support/test.h"

#define AT(va)	  ((va)-ARTICLE_GLOBALS + FW_GLOBALS)
#define CODE_PAGE ((AT(UNLOAD)) & ~UINT64_C(0xfff))
/* cmp qword ptr [rsi+50h],rbp: its last byte is the offset of DriverObject. */
#define COMPARE	  UINT64_C(0xfffff88001345013)
#define BRANCH	  UINT64_C(0xfffff88001345096) /* js: it gives up */
#define DRIVER(i) (FW_POOL + 0x8010 + 0x800 * (uint64_t)(i))

static struct flt_world world;
static struct proof proof;

static void put_code(uint8_t driver_object)
{
	struct code c;

	article(&c);
	c.bytes[COMPARE + 3 - UNLOAD] = driver_object;
	triage_map(&world.t, CODE_PAGE, 0x1000);
	triage_put(&world.t, AT(UNLOAD), c.bytes, c.n);
}

static int setup(void **state)
{
	static const uint64_t filters[] = {FW_SMALL_FOX, FW_SMALL_DELTA};
	size_t i;

	(void)state;
	fw_small(&world);
	for (i = 0; i < 2; i++) {
		triage_u64(&world.t, filters[i] + 0x60, DRIVER(i));
		triage_u32(&world.t, DRIVER(i), 0x01500004);
		triage_u64(&world.t, DRIVER(i) + 0x18, i ? FW_DRIVER_B : FW_DRIVER_A);
		triage_u64(&world.t, DRIVER(i) + 0x68, AT(UNLOAD)); /* DriverUnload */
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	proof_deinit(&proof);
	fw_end(&world);
	return 0;
}

static void prove(const struct proof_code *code)
{
	struct reader r;
	struct fs_error err;

	fw_collect(&world);
	r = world.r;
	r.fltmgr = world.choice.layout;
	assert_int_equal(fltmgr_prove(&r, &world.modules, &world.choice.site, TRUST_NOTHING, code,
				      &proof, &err),
			 FS_OK);
}

static const struct proof_check *check(const char *what)
{
	size_t i;

	for (i = 0; i < proof.checks.n; i++)
		if (strstr(proof.checks.v[i].what, what))
			return &proof.checks.v[i];
	return NULL;
}

static void expect(const char *what, size_t held, size_t failed)
{
	const struct proof_check *c = check(what);

	assert_non_null(c);
	assert_int_equal(c->held, held);
	assert_int_equal(c->failed, failed);
}

/* Two filters, one function: it counts once. */
static void code_agrees(void **state)
{
	(void)state;
	put_code(0x60);
	prove(NULL);
	expect("walks begin at this FrameList", 1, 0);
	expect("walks follow RegisteredFilters", 1, 0);
	expect("walks take the list's lock", 1, 0);
	expect("by PrimaryLink", 1, 0);
	expect("compares DriverObject", 1, 0);
	assert_string_equal(proof.unload_walk, "gives-up");
	assert_int_equal(proof.unload_walk_at, AT(BRANCH));
}

static void code_contradicts(void **state)
{
	(void)state;
	put_code(0x50);
	prove(NULL);
	expect("compares DriverObject", 0, 1);
	assert_int_equal(check("compares DriverObject")->failed_at, AT(COMPARE));
	assert_non_null(
		strstr(check("compares DriverObject")->detail, "code says 0x50, the layout 0x60"));
	assert_int_equal(proof.field[F_FLT_FILTER_DriverObject], PROOF_FAILED);
	assert_int_equal(proof.field[F_FLT_OBJECT_PrimaryLink], PROOF_HELD);
	assert_true(proof.accepted); /* one field, no anchor */
}

static void no_code(void **state)
{
	(void)state;
	prove(NULL);
	assert_null(check("code says"));
	assert_null(proof.unload_walk);
	assert_true(proof.accepted);
}

/* The same code, but another module's: a driver's own unload routine says nothing. */
static void another_modules_routine(void **state)
{
	struct code c;

	(void)state;
	article(&c);
	triage_map(&world.t, FW_DRIVER_A + 0x1000, 0x1000);
	triage_put(&world.t, FW_DRIVER_A + 0x1000, c.bytes, c.n);
	triage_u64(&world.t, DRIVER(0) + 0x68, FW_DRIVER_A + 0x1000);
	triage_u64(&world.t, DRIVER(1) + 0x68, 0);
	prove(NULL);
	assert_null(check("code says"));
	assert_null(proof.unload_walk);
}

/* What exported functions showed is compared field by field. */
static void exported_functions(void **state)
{
	struct recover_offsets o = {
		.filter_name = {true, FW_FILTER_NAME, FW_FLTMGR + 0x1111},
		.instance_list = {true, FW_FILTER_INSTANCES + FW_RLIST, FW_FLTMGR + 0x2222},
		.instance_filter_link = {true, FW_INSTANCE_LINK + 8, FW_FLTMGR + 0x3333},
		.rundown = {true, FW_BASE_RUNDOWN, FW_FLTMGR + 0x4444},
	};

	(void)state;
	prove(&(struct proof_code){&o, false});
	expect("compares Name", 1, 0);
	expect("follows InstanceList", 1, 0);
	expect("by FilterLink", 0, 1);
	expect("takes RundownRef", 1, 0);
	assert_int_equal(check("by FilterLink")->failed_at, FW_FLTMGR + 0x3333);
	assert_int_equal(proof.field[F_FLT_INSTANCE_FilterLink], PROOF_FAILED);
	assert_null(check("walks begin")); /* not known to these functions */
}

/* A layout made of the code is not proved by that code. */
static void no_proof_in_a_circle(void **state)
{
	(void)state;
	put_code(0x60);
	prove(&(struct proof_code){NULL, true});
	assert_null(check("code says"));
	assert_string_equal(proof.unload_walk, "gives-up");
	assert_true(proof.accepted);
}

/* With nothing known but code: from the frames to the drivers' unload routine, and back. */
static void layout_from_code(void **state)
{
	static const struct recover_offsets nothing;
	struct from_code f;
	struct fs_error err;

	(void)state;
	put_code(0x60);
	fw_collect(&world);
	if (fltmgr_from_code(&world.r, &world.modules, 19999, "x64", &nothing, &f, &err) != FS_OK)
		fail_msg("%s", err.text);
	assert_int_equal(f.site.frame_list, FW_HEAD);
	assert_int_equal(f.links, FW_FRAME_LINKS);
	assert_int_equal(f.links_at, FW_SMALL_FRAME);
	assert_int_equal(layout_build(f.layout), 19999);
	assert_int_equal(layout_field(f.layout, F_FLT_FILTER_DriverObject)->offset, 0x60);
	assert_int_equal(layout_field(f.layout, F_FLT_OBJECT_PrimaryLink)->offset, FW_BASE_LINK);
	assert_int_equal(layout_field(f.layout, F_FLTP_FRAME_RegisteredFilters)->offset,
			 FW_FRAME_FILTERS);
	assert_int_equal(layout_field(f.layout, F_FLT_RESOURCE_LIST_HEAD_rList)->offset, FW_RLIST);
	assert_null(layout_field(f.layout, F_FLT_OBJECT_Flags));
	assert_true(layout_field_unknown(f.layout, F_FLT_OBJECT_Flags));
	assert_null(layout_field(f.layout, F_FLT_FILTER_Name));
	from_code_deinit(&f);
}

static void from_code_nothing(void **state)
{
	static const struct recover_offsets nothing;
	struct from_code f;
	struct fs_error err = {0};

	(void)state;
	fw_collect(&world);
	assert_int_equal(
		fltmgr_from_code(&world.r, &world.modules, 19999, "x64", &nothing, &f, &err),
		FS_NOT_FOUND);
	assert_false(err.has_address);
	assert_null(f.layout);
}

/* Exported functions that walk another list than the unload routine. */
static void from_code_disagrees(void **state)
{
	const struct recover_offsets other = {
		.primary_link = {true, FW_BASE_LINK + 8, FW_FLTMGR + 0x5555}};
	struct from_code f;
	struct fs_error err;

	(void)state;
	put_code(0x60);
	fw_collect(&world);
	assert_int_equal(fltmgr_from_code(&world.r, &world.modules, 19999, "x64", &other, &f, &err),
			 FS_CORRUPT);
	assert_non_null(strstr(err.text, "primary_link is 0x18"));
	assert_null(f.layout);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(code_agrees),
		T(code_contradicts),
		T(no_code),
		T(another_modules_routine),
		T(exported_functions),
		T(no_proof_in_a_circle),
		T(layout_from_code),
		T(from_code_nothing),
		T(from_code_disagrees),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
