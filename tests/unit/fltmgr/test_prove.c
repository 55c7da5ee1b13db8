/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A layout is believed where the live structures answer for it. The world stays
 * as it is; what is wrong is the layout it is read with.
 */
#include "fltmgr/prove.h"
#include "support/flt_world.h"
#include "support/test.h"

static struct flt_world world;

/* Give the small world what a typical filter has: code, operations behind it, a
 * callback node behind its instance. */
static void furnish(struct flt_world *w)
{
	static const uint64_t filters[] = {FW_SMALL_FOX, FW_SMALL_DELTA};
	static const uint64_t instances[] = {FW_SMALL_I_FOX, FW_SMALL_I_DELTA};
	static const uint64_t drivers[] = {FW_POOL + 0x8010, FW_POOL + 0x8810};
	static const uint64_t code[] = {FW_DRIVER_A, FW_DRIVER_B};
	size_t i;

	for (i = 0; i < 2; i++) {
		uint64_t table = filters[i] + FW_FILTER_SIZE;

		triage_u64(&w->t, filters[i] + 0x60, drivers[i]);
		triage_u32(&w->t, drivers[i], 0x01500004); /* IO_TYPE_DRIVER, its Size */
		triage_u64(&w->t, drivers[i] + 0x18, code[i]);
		triage_u64(&w->t, filters[i] + FW_BASE_RUNDOWN, 4); /* itself and one instance */
		triage_u64(&w->t, filters[i] + FW_FILTER_UNLOAD, code[i] + 0x1100);
		triage_u64(&w->t, filters[i] + FW_FILTER_SETUP, code[i] + 0x1200);
		triage_u64(&w->t, filters[i] + FW_FILTER_OPERATIONS, table);
		triage_u64(&w->t, table + 8, code[i] + 0x1300);
		triage_u8(&w->t, table + 0x20, 0x80);
	}
	for (i = 0; i < 2; i++) {
		uint64_t node = instances[i] + FW_INSTANCE_SIZE;

		triage_u64(&w->t, instances[i] + 0xa0 + 22 * 8, node); /* IRP_MJ_CREATE */
		triage_links(&w->t, node, node, node);
		triage_u64(&w->t, node + 0x10, instances[i]);
		triage_u64(&w->t, node + 0x18, code[i] + 0x1300);
	}
	for (i = 0; i < 50; i++)
		triage_links(&w->t, FW_SMALL_VOLUME + 0x120 + 16 * i,
			     FW_SMALL_VOLUME + 0x120 + 16 * i, FW_SMALL_VOLUME + 0x120 + 16 * i);
	triage_u64(&w->t, FW_SMALL_VOLUME + FW_BASE_RUNDOWN, 6);
	triage_u64(&w->t, FW_SMALL_VOLUME + 0x48, FW_SMALL_VOLUME); /* FrameZeroVolume */
}

/* The world's layout, and the one type more that these tests have objects of. */
static char *layout_text(void)
{
	static const char node[] = "type _CALLBACK_NODE 0x30\n"
				   "  field 0x0 _LIST_ENTRY CallbackLinks\n"
				   "  field 0x10 ptr:_FLT_INSTANCE Instance\n"
				   "  field 0x18 fptr PreOperation\n"
				   "  field 0x20 fptr PostOperation\n";
	char *own = fw_layout_text(NULL), *text = calloc(1, strlen(own) + sizeof(node));

	assert_non_null(text);
	strcpy(text, own);
	strcat(text, node);
	free(own);
	return text;
}

static char *world_text;

static int setup(void **state)
{
	(void)state;
	fw_small(&world);
	furnish(&world);
	world.layout_text = world_text = layout_text();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fw_end(&world);
	free(world_text);
	return 0;
}

/* Read the world with this layout; fields of the layout's text stand where it says. */
static struct proof prove_with(const struct layout *l, enum proof_trust trust)
{
	struct reader r = world.r;
	struct proof p;
	struct fs_error err;

	r.fltmgr = l;
	assert_int_equal(fltmgr_prove(&r, &world.modules, &world.choice.site, trust, NULL, &p, &err),
			 FS_OK);
	return p;
}

static struct proof prove_own(enum proof_trust trust)
{
	fw_collect(&world);
	return prove_with(world.choice.layout, trust);
}

static void what_is_seen_is_proved(void **state)
{
	static const enum field_id seen[] = {
		F_FLTP_FRAME_Type,
		F_FLTP_FRAME_Links,
		F_FLTP_FRAME_RegisteredFilters,
		F_FLTP_FRAME_AttachedVolumes,
		F_FLTP_FRAME_AltitudeIntervalHigh,
		F_FLT_OBJECT_Flags,
		F_FLT_OBJECT_PointerCount,
		F_FLT_OBJECT_RundownRef,
		F_FLT_FILTER_Frame,
		F_FLT_FILTER_Name,
		F_FLT_FILTER_DefaultAltitude,
		F_FLT_FILTER_Flags,
		F_FLT_FILTER_InstanceList,
		F_FLT_FILTER_Operations,
		F_FLT_INSTANCE_Filter,
		F_FLT_INSTANCE_Volume,
		F_FLT_INSTANCE_Name,
		F_FLT_INSTANCE_FilterLink,
		F_FLT_VOLUME_DeviceName,
		F_FLT_VOLUME_CDODriverName,
		F_FLT_VOLUME_InstanceList,
		F_FLT_VOLUME_FileSystemType,
	};
	/* Zeros, the number 0 of an only frame, and callbacks that could be each other. */
	static const enum field_id unseen[] = {
		F_FLT_FILTER_VerifierExtension,
		F_FLT_INSTANCE_Context,
		F_FLTP_FRAME_FrameID,
		F_FLT_FILTER_InstanceSetup,
		F_FLT_VOLUME_TargetedOpenActiveCount,
		F_FLT_INSTANCE_TrackCompletionNodes,
		F_FLT_MUTEX_LIST_HEAD_mCount,
	};
	struct proof p = prove_own(TRUST_NOTHING);
	size_t i;

	(void)state;
	assert_string_equal(p.why, "");
	assert_true(p.accepted);
	for (i = 0; i < p.checks.n; i++) {
		/* Where things stand behind an object is no promise of anybody. */
		if (p.checks.v[i].failed && strncmp(p.checks.v[i].fields, "sizeof", 6) != 0)
			fail_msg("%s: %s", p.checks.v[i].what, p.checks.v[i].detail);
	}
	for (i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		if (p.field[seen[i]] != PROOF_HELD)
			fail_msg("%s.%s", field_decl(seen[i])->type_name,
				 field_decl(seen[i])->name);
	}
	for (i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		if (p.field[unseen[i]] != PROOF_NONE)
			fail_msg("%s.%s", field_decl(unseen[i])->type_name,
				 field_decl(unseen[i])->name);
	}
	proof_deinit(&p);
}

/* A build's own layout knows the order of its fields: two callbacks cannot have
 * changed places, and what stands behind them shows that they did not move. */
static void same_build_knows_the_order(void **state)
{
	struct proof p = prove_own(TRUST_ORDER);

	(void)state;
	assert_int_equal(p.field[F_FLT_FILTER_FilterUnload], PROOF_HELD);
	assert_int_equal(p.field[F_FLT_FILTER_InstanceSetup], PROOF_HELD);
	assert_int_equal(p.field[F_FLT_FILTER_InstanceQueryTeardown], PROOF_NONE);
	proof_deinit(&p);
}

/* The layout's text with one type's fields changed: `from` on (or `from` only) by delta. */
static struct layout *shifted(const char *type, uint32_t from, bool only, long delta)
{
	char *text = layout_text(), *line = text, *out, *to, name[64], kind[64];
	struct layout *l = NULL;
	bool in_type = false;
	unsigned offset;

	out = to = calloc(1, strlen(text) + 4096);
	assert_non_null(out);
	for (; *line; line += strcspn(line, "\n") + 1) {
		int n = (int)strcspn(line, "\n") + 1;

		if (strncmp(line, "type ", 5) == 0)
			in_type = strncmp(line + 5, type, strlen(type)) == 0 &&
				  line[5 + strlen(type)] == ' ';
		else if (line[0] != ' ')
			in_type = false;
		if (in_type && sscanf(line, "  field 0x%x %63s %63s", &offset, kind, name) == 3 &&
		    (only ? offset == from : offset >= from))
			to += sprintf(to, "  field 0x%lx %s %s\n", (long)offset + delta, kind,
				      name);
		else if (in_type && strncmp(line, "type ", 5) == 0)
			to += sprintf(to, "type %s 0x1200\n", type);
		else
			to += sprintf(to, "%.*s", n, line);
	}
	(void)layout_parse("moved", out, strlen(out), NULL, NULL, &l, NULL);
	free(text);
	free(out);
	return l;
}

/* No field that this layout has elsewhere may count as proved. */
static void assert_not_misread(const struct layout *l, const char *how, const char *type,
			       unsigned offset, long delta)
{
	struct proof p = prove_with(l, TRUST_NOTHING);
	int f;

	for (f = 0; p.accepted && f < F_COUNT; f++) {
		const struct layout_field *here = layout_field(l, (enum field_id)f);
		const struct layout_field *there =
			layout_field(world.choice.layout, (enum field_id)f);
		const struct field_decl *d = field_decl((enum field_id)f);

		if (d->module != LM_FLTMGR || !here || !there || here->offset == there->offset)
			continue;
		if (p.field[f] == PROOF_HELD)
			fail_msg("%s %s+0x%x by %ld: %s.%s counts as proved", how, type, offset,
				 delta, d->type_name, d->name);
	}
	proof_deinit(&p);
}

static void moved_fields_are_never_proved(void **state)
{
	static const long deltas[] = {8, -8, 16, -16, 0x20};
	static const char *const types[] = {"_FLT_OBJECT", "_FLTP_FRAME", "_FLT_FILTER",
					    "_FLT_INSTANCE", "_FLT_VOLUME"};
	size_t t, k, tried = 0;
	unsigned at;

	(void)state;
	fw_collect(&world);
	for (t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		for (at = 0; at < 0x760; at += 4) {
			for (k = 0; k < 2 * sizeof(deltas) / sizeof(deltas[0]); k++) {
				bool only = k % 2;
				long delta = deltas[k / 2];
				struct layout *l;

				/* Before 0x760 every other offset has no field. */
				if ((long)at + delta < 0 || (at % 8 && at > 0x44))
					continue;
				l = shifted(types[t], at, only, delta);
				if (!l)
					continue;
				tried++;
				assert_not_misread(l, only ? "moved" : "shifted", types[t], at,
						   delta);
				layout_free(l);
				if (at > 0x280 && t < 3)
					break;
			}
		}
	}
	assert_true(tried > 500);
}

static void one_bad_object_refutes_nothing(void **state)
{
	struct proof p;

	(void)state;
	/* One filter of two names a frame that is none; both still have their type. */
	triage_u64(&world.t, FW_SMALL_FOX + FW_FILTER_FRAME, FW_POOL + 0x20000);
	p = prove_own(TRUST_NOTHING);
	assert_true(p.accepted);
	assert_int_equal(p.field[F_FLT_FILTER_Frame], PROOF_NONE);
	assert_int_equal(p.field[F_FLT_FILTER_Name], PROOF_HELD);
	proof_deinit(&p);
}

static void all_back_pointers_wrong_refuse(void **state)
{
	struct proof p;

	(void)state;
	triage_u64(&world.t, FW_SMALL_FOX + FW_FILTER_FRAME, FW_POOL + 0x20000);
	triage_u64(&world.t, FW_SMALL_DELTA + FW_FILTER_FRAME, FW_POOL + 0x20000);
	p = prove_own(TRUST_NOTHING);
	assert_false(p.accepted);
	assert_non_null(strstr(p.why, "FLT_FILTER.Frame points back: 2 of 2 failed"));
	proof_deinit(&p);
	/* With the image's own layout it is the memory that is wrong. */
	p = prove_with(world.choice.layout, TRUST_LAYOUT);
	assert_true(p.accepted);
	assert_int_equal(p.field[F_FLT_FILTER_Frame], PROOF_NONE);
	proof_deinit(&p);
}

static void unreadable_memory_is_no_evidence(void **state)
{
	struct proof p;

	(void)state;
	/* The list goes on into memory that was not captured. */
	triage_u64(&world.t, FW_SMALL_FRAME + FW_FRAME_FILTERS + FW_RLIST,
		   FW_POOL + 0x4000000 + FW_BASE_LINK);
	triage_u64(&world.t, FW_SMALL_FRAME + FW_FRAME_FILTERS + FW_RLIST + 8,
		   FW_POOL + 0x5000000 + FW_BASE_LINK);
	p = prove_own(TRUST_NOTHING);
	assert_true(p.accepted);
	assert_int_equal(p.field[F_FLT_FILTER_Name], PROOF_NONE);
	assert_int_equal(p.field[F_FLTP_FRAME_RegisteredFilters], PROOF_NONE);
	assert_int_equal(p.field[F_FLT_VOLUME_DeviceName], PROOF_HELD);
	proof_deinit(&p);
}

static void another_type_word_refuses(void **state)
{
	struct proof p;

	(void)state;
	triage_u32(&world.t, FW_SMALL_FRAME, 0x0780f104); /* an IRP_CTRL's signature */
	p = prove_own(TRUST_NOTHING);
	assert_false(p.accepted);
	assert_non_null(strstr(p.why, "frame type word"));
	proof_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_seen_is_proved, setup, teardown),
		cmocka_unit_test_setup_teardown(same_build_knows_the_order, setup, teardown),
		cmocka_unit_test_setup_teardown(moved_fields_are_never_proved, setup, teardown),
		cmocka_unit_test_setup_teardown(one_bad_object_refutes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(all_back_pointers_wrong_refuse, setup, teardown),
		cmocka_unit_test_setup_teardown(unreadable_memory_is_no_evidence, setup, teardown),
		cmocka_unit_test_setup_teardown(another_type_word_refuses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
