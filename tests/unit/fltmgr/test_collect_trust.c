/* SPDX-License-Identifier: BSD-2-Clause */
/* How far a value is trusted: the layout's source and the proof of its field. */
#include "support/flt_world.h"
#include "support/test.h"

#define FRAME (FW_POOL + 0x0010)
#define FOX   (FW_POOL + 0x1010)
#define DELTA (FW_POOL + 0x1410)

static void build(struct flt_world *w, enum fs_layout_source source)
{
	size_t i;

	fw_begin(w);
	fw_frame(w, FRAME, 0);
	fw_frames(w, 1, (uint64_t[]){FRAME});
	fw_filter(w, FOX, "FoxMon", "389220");
	fw_filter(w, DELTA, "DeltaAv", "328010");
	triage_u64(&w->t, FOX + FW_FILTER_FRAME, FRAME);
	triage_u64(&w->t, DELTA + FW_FILTER_FRAME, FRAME);
	fw_list(w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 2, (uint64_t[]){FOX, DELTA});
	w->choice.source = source;
	for (i = 0; i < F_COUNT; i++)
		w->choice.proof.field[i] = PROOF_HELD;
}

static void family_marks_what_nothing_confirms(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	build(&w, FS_LAYOUT_FAMILY);
	w.choice.proof.field[F_FLT_FILTER_VerifierExtension] = PROOF_NONE;
	w.choice.proof.field[F_FLT_FILTER_Name] = PROOF_NONE;
	w.choice.proof.field[F_FLT_OBJECT_RundownRef] = PROOF_NONE;
	w.choice.proof.field[F_FLT_MUTEX_LIST_HEAD_mCount] = PROOF_NONE;
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	assert_true(f->verifier_extension.unproved && fs_is_read(&f->verifier_extension));
	assert_true(f->name.unproved);
	assert_string_equal(f->name.s, "FoxMon");
	/* A field of an embedded structure needs both offsets. */
	assert_true(f->object.rundown.raw.unproved);
	assert_true(f->active_opens_count.unproved);
	assert_false(f->object.flags.value.unproved);
	assert_false(f->altitude.unproved);
	assert_int_equal(w.model.ngaps, 0);
	fw_end(&w);
}

static void contradicted_field_is_not_read(void **state)
{
	const struct fs_filter *f, *g;
	struct flt_world w;

	(void)state;
	build(&w, FS_LAYOUT_FAMILY);
	w.choice.proof.field[F_FLT_FILTER_VerifierExtension] = PROOF_FAILED;
	w.choice.proof.field[F_FLT_FILTER_DefaultAltitude] = PROOF_FAILED;
	w.choice.proof.field[F_FLT_FILTER_ActiveOpens] = PROOF_FAILED;
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	g = fw_find_filter(&w, DELTA);
	assert_int_equal(fw_gap(&w, f->verifier_extension.state, f->verifier_extension.gap)->reason,
			 FS_UNSUPPORTED);
	assert_int_equal(f->verifier_extension.v, 0);
	assert_null(f->altitude.s);
	assert_int_equal(f->altitude.state, FS_MISSING);
	assert_int_equal(f->active_opens, 0);
	assert_int_equal(f->active_opens_count.state, FS_MISSING);
	assert_string_equal(f->name.s, "FoxMon");
	/* One gap for the field, whatever number of objects have it. */
	assert_int_equal(f->verifier_extension.gap, g->verifier_extension.gap);
	assert_int_equal(w.model.ngaps, 3);
	fw_end(&w);
}

/* A list whose head is contradicted is not walked; its count may still be there. */
static void contradicted_list_is_not_walked(void **state)
{
	const struct fs_frame *f;
	struct flt_world w;

	(void)state;
	build(&w, FS_LAYOUT_FAMILY);
	w.choice.proof.field[F_FLTP_FRAME_RegisteredFilters] = PROOF_FAILED;
	fw_collect(&w);
	f = &w.model.frames[0];
	assert_int_equal(f->filters.stop, FS_STOP_NOT_WALKED);
	assert_int_equal(f->filters.head, 0);
	assert_int_equal(f->filters.n, 0);
	assert_int_equal(fw_gap(&w, FS_MISSING, f->filters.gap)->reason, FS_UNSUPPORTED);
	assert_int_equal(f->volumes.stop, FS_STOP_CLOSED);
	assert_int_equal(w.model.nfilters, 0);
	fw_end(&w);
}

/* The image's own layout needs no proof, but an inferred offset in it does. */
static void exact_layout_is_trusted(void **state)
{
	char *whole = fw_layout_text(NULL), *end = strstr(whole, "VerifierExtension"), *text;
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	assert_non_null(end);
	end += strlen("VerifierExtension");
	assert_true(asprintf(&text, "%.*s #I%s", (int)(end - whole), whole, end) > 0);
	free(whole);
	build(&w, FS_LAYOUT_EXACT);
	w.choice.proof.field[F_FLT_FILTER_VerifierExtension] = PROOF_NONE;
	w.choice.proof.field[F_FLT_FILTER_Name] = PROOF_NONE;
	w.layout_text = text;
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	assert_true(f->verifier_extension.unproved);
	assert_false(f->name.unproved);
	assert_string_equal(f->name.s, "FoxMon");
	fw_end(&w);
	free(text);
}

/* A user's layout is believed where nothing speaks against it, and no further. */
static void user_layout_is_believed_until_contradicted(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	build(&w, FS_LAYOUT_USER);
	w.choice.proof.field[F_FLT_FILTER_VerifierExtension] = PROOF_FAILED;
	w.choice.proof.field[F_FLT_FILTER_Name] = PROOF_NONE;
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	assert_int_equal(f->verifier_extension.state, FS_MISSING);
	assert_string_equal(f->name.s, "FoxMon");
	assert_false(f->name.unproved);
	fw_end(&w);
}

static void field_that_the_layout_lacks(void **state)
{
	char *text = fw_layout_text("SectionNotification");
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	build(&w, FS_LAYOUT_EXACT);
	triage_u64(&w.t, FOX + FW_FILTER_SECTION, FW_DRIVER_A);
	w.layout_text = text;
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	assert_int_equal(f->callback[FS_CB_SectionNotification].va.state, FS_NONE);
	assert_int_equal(f->callback[FS_CB_KtmNotification].va.state, FS_READ);
	assert_int_equal(w.model.ngaps, 0);
	fw_end(&w);
	free(text);
}

/* Without mInvalid in the layout nothing says that the word counts in twos. */
static void mutex_count_needs_its_bit(void **state)
{
	char *text = fw_layout_text("mInvalid");
	struct flt_world w;

	(void)state;
	build(&w, FS_LAYOUT_EXACT);
	triage_u32(&w.t, FOX + FW_FILTER_OPENS + FW_MCOUNT, 4);
	w.layout_text = text;
	fw_collect(&w);
	assert_int_equal(fw_find_filter(&w, FOX)->active_opens_count.state, FS_NONE);
	fw_end(&w);
	free(text);
}

/* Sizes that are not known: the fields are read all the same. */
static void object_of_unknown_size(void **state)
{
	char *text = fw_layout_text(NULL), *size = strstr(text, "_FLT_FILTER 0x2b0");
	struct flt_world w;

	(void)state;
	assert_non_null(size);
	memcpy(size, "_FLT_FILTER ?    ", 17);
	build(&w, FS_LAYOUT_EXACT);
	w.layout_text = text;
	fw_collect(&w);
	assert_string_equal(fw_find_filter(&w, DELTA)->name.s, "DeltaAv");
	assert_int_equal(fw_find_filter(&w, DELTA)->port_count.state, FS_READ);
	fw_end(&w);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(family_marks_what_nothing_confirms),
		cmocka_unit_test(contradicted_field_is_not_read),
		cmocka_unit_test(contradicted_list_is_not_walked),
		cmocka_unit_test(exact_layout_is_trusted),
		cmocka_unit_test(user_layout_is_believed_until_contradicted),
		cmocka_unit_test(field_that_the_layout_lacks),
		cmocka_unit_test(mutex_count_needs_its_bit),
		cmocka_unit_test(object_of_unknown_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
