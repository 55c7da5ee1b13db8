/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists that are torn or lie, and what is reached in spite of them. */
#include "support/flt_world.h"
#include "support/test.h"

#define FRAME	FW_SMALL_FRAME
#define FOX	FW_SMALL_FOX
#define DELTA	FW_SMALL_DELTA
#define VOLUME	FW_SMALL_VOLUME
#define I_FOX	FW_SMALL_I_FOX
#define FRAME1	(FW_POOL + 0x0810)
#define GOLF	(FW_POOL + 0x1810)
#define OUTSIDE UINT64_C(0xffffe20000001010) /* mapped by the tests that want it */

/* An instance hooked into the filter list: it is readable and says what it is. */
static void wrong_type_is_no_entity(void **state)
{
	const struct fs_list *l;
	struct flt_world w;

	(void)state;
	fw_small(&w);
	fw_list(&w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 3, (uint64_t[]){FOX, I_FOX, DELTA});
	fw_collect(&w);
	l = &w.model.frames[0].filters;
	assert_int_equal(l->count.v, 3);
	assert_int_equal(l->n, 2);
	assert_int_equal(l->forward, 2);
	assert_int_equal(l->stop, FS_STOP_CLOSED);
	assert_int_equal(w.model.filters[l->entries[1]].address, DELTA);
	assert_int_equal(w.model.nfilters, 2);
	assert_int_equal(fw_gaps(&w, "FLT_FILTER.Base.Flags", FS_CORRUPT), 1);
	fw_end(&w);
}

/* The list is torn in the middle; each direction has a part of it. */
static void torn_list_is_walked_from_both_ends(void **state)
{
	const struct fs_list *l;
	struct flt_world w;

	(void)state;
	fw_small(&w);
	fw_filter(&w, GOLF, "GolfTop", "409800");
	fw_list(&w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 3, (uint64_t[]){GOLF, FOX, DELTA});
	/* GOLF is followed by something outside, DELTA is preceded by FOX, FOX by it. */
	triage_u64(&w.t, GOLF + FW_BASE_LINK, OUTSIDE + FW_BASE_LINK);
	triage_u64(&w.t, FOX + FW_BASE_LINK + 8, OUTSIDE + FW_BASE_LINK);
	triage_u32(&w.t, FRAME + FW_FRAME_FILTERS + FW_RCOUNT, 5);
	fw_collect(&w);
	l = &w.model.frames[0].filters;
	assert_int_equal(l->count.v, 5);
	assert_int_equal(l->n, 4);
	assert_int_equal(l->forward, 2);
	assert_int_equal(l->backward, 3);
	assert_int_equal(w.model.filters[l->entries[0]].address, GOLF);
	assert_int_equal(w.model.filters[l->entries[1]].address, OUTSIDE);
	assert_int_equal(w.model.filters[l->entries[2]].address, FOX);
	assert_int_equal(w.model.filters[l->entries[3]].address, DELTA);
	assert_true(fw_find_filter(&w, GOLF)->by_forward);
	assert_false(fw_find_filter(&w, GOLF)->by_backward);
	assert_true(fw_find_filter(&w, OUTSIDE)->by_forward);
	assert_true(fw_find_filter(&w, OUTSIDE)->by_backward);
	assert_false(fw_find_filter(&w, FOX)->by_forward);
	assert_true(fw_find_filter(&w, FOX)->by_backward);
	assert_true(l->gap >= 0);
	fw_end(&w);
}

static void reached_only_through_an_instance(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	fw_small(&w);
	fw_list(&w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 1, (uint64_t[]){FOX});
	fw_collect(&w);
	f = fw_find_filter(&w, DELTA);
	assert_non_null(f);
	assert_true(f->by_instance && !f->by_forward && !f->by_backward);
	assert_int_equal(f->frame, 0); /* by its Frame pointer */
	assert_int_equal(w.model.frames[0].filters.n, 1);
	assert_int_equal(f->instances.n, 1);
	assert_false(fw_find_filter(&w, FOX)->by_instance);
	fw_end(&w);
}

static void volume_reached_only_through_an_instance(void **state)
{
	const struct fs_volume *v;
	struct flt_world w;

	(void)state;
	fw_small(&w);
	fw_list(&w, FRAME + FW_FRAME_VOLUMES, FW_BASE_LINK, 0, NULL);
	triage_u64(&w.t, VOLUME + FW_VOLUME_FRAME, FRAME1); /* a frame that was not reached */
	fw_collect(&w);
	v = fw_find_volume(&w, VOLUME);
	assert_non_null(v);
	assert_true(v->by_instance && !v->by_forward);
	assert_int_equal(v->frame, -1);
	assert_int_equal(v->frame_pointer.v, FRAME1);
	assert_int_equal(v->instances.n, 2);
	fw_end(&w);
}

/* The list and the instance's own pointer name different filters. */
static void instance_disagrees_with_its_list(void **state)
{
	struct flt_world w;

	(void)state;
	fw_small(&w);
	triage_u64(&w.t, I_FOX + FW_INSTANCE_FILTER, DELTA);
	fw_collect(&w);
	assert_int_equal(fw_gaps(&w, "FLT_INSTANCE.Filter", FS_CORRUPT), 1);
	assert_int_equal(w.model.filters[fw_find_instance(&w, I_FOX)->filter].address, DELTA);
	assert_int_equal(fw_find_filter(&w, FOX)->instances.n, 1);
	fw_end(&w);
}

static void instance_that_points_nowhere(void **state)
{
	const struct fs_instance *i;
	struct flt_world w;

	(void)state;
	fw_small(&w);
	triage_u64(&w.t, I_FOX + FW_INSTANCE_FILTER, 0x41414141);
	triage_u64(&w.t, I_FOX + FW_INSTANCE_VOLUME, FOX); /* a filter, not a volume */
	fw_collect(&w);
	i = fw_find_instance(&w, I_FOX);
	assert_int_equal(i->filter_pointer.v, 0x41414141);
	/* What the lists say still holds. */
	assert_int_equal(w.model.filters[i->filter].address, FOX);
	assert_int_equal(w.model.volumes[i->volume].address, VOLUME);
	assert_int_equal(w.model.nfilters, 2);
	assert_int_equal(w.model.nvolumes, 1);
	fw_end(&w);
}

/* A kernel address, but no object can be at an odd one. */
static void instance_that_points_beside(void **state)
{
	struct flt_world w;

	(void)state;
	fw_small(&w);
	triage_u64(&w.t, I_FOX + FW_INSTANCE_FILTER, OUTSIDE + 4);
	fw_collect(&w);
	assert_int_equal(w.model.nfilters, 2);
	assert_int_equal(w.model.filters[fw_find_instance(&w, I_FOX)->filter].address, FOX);
	assert_int_equal(fw_gaps(&w, "FLT_INSTANCE.Filter", FS_CORRUPT), 2);
	fw_end(&w);
}

static void filter_on_two_frames(void **state)
{
	struct flt_world w;

	(void)state;
	fw_small(&w);
	fw_frame(&w, FRAME1, 1);
	fw_frames(&w, 2, (uint64_t[]){FRAME, FRAME1});
	triage_links(&w.t, FRAME1 + FW_FRAME_FILTERS + FW_RLIST, FOX + FW_BASE_LINK,
		     DELTA + FW_BASE_LINK);
	fw_collect(&w);
	assert_int_equal(fw_find_filter(&w, FOX)->frame, 0);
	assert_true(fw_gaps(&w, "FLTP_FRAME.RegisteredFilters", FS_CORRUPT) >= 2);
	fw_end(&w);
}

static void frame_by_its_type_word(void **state)
{
	const struct fs_frame *f;
	struct flt_world w;
	uint64_t *v;

	(void)state;
	fw_small(&w);
	w.choice.site.frame_list = 0;
	v = vec_push(&w.choice.site.frames);
	assert_non_null(v);
	*v = FRAME;
	v = vec_push(&w.choice.site.frames);
	assert_non_null(v);
	*v = FOX; /* readable, and no frame */
	fw_collect(&w);
	assert_int_equal(w.model.nframes, 1);
	f = &w.model.frames[0];
	assert_true(f->by_type_word && !f->by_forward);
	assert_int_equal(f->filters.n, 2);
	assert_int_equal(w.model.frame_list.stop, FS_STOP_NOT_WALKED);
	assert_int_equal(fw_gaps(&w, "FLTP_FRAME.Type.Signature", FS_CORRUPT), 1);
	fw_end(&w);
}

/* FltGlobals was not captured; the frame's links say where its head must be. */
static void frame_list_head_by_links(void **state)
{
	const struct fs_list *l;
	struct flt_world w;
	uint64_t *v;

	(void)state;
	fw_small(&w);
	w.choice.site.frame_list = 0;
	w.choice.site.head_by_links = FW_FLTMGR + 0x2b6c0;
	v = vec_push(&w.choice.site.frames);
	assert_non_null(v);
	*v = FRAME;
	fw_collect(&w);
	l = &w.model.frame_list;
	assert_int_equal(l->head, FW_FLTMGR + 0x2b6c0);
	assert_int_equal(l->stop, FS_STOP_UNREADABLE);
	assert_int_equal(fw_gap(&w, FS_MISSING, l->gap)->reason, FS_NOT_IN_DUMP);
	assert_int_equal(fw_gap(&w, l->count.state, l->count.gap)->address, FW_FLTMGR + 0x2b6d0);
	assert_int_equal(w.model.nframes, 1);
	assert_true(w.model.frames[0].by_type_word);
	fw_end(&w);
}

/* The heads of many filters lead into one long list: each instance is read once,
 * and the lists together are not walked for ever. */
static void many_heads_into_one_ring(void **state)
{
	enum { FILTERS = 320, INSTANCES = 2000 };
	static uint64_t filters[FILTERS], instances[INSTANCES];
	const uint64_t base = UINT64_C(0xffffe30000000000);
	size_t i, links = 0;
	struct flt_world w;

	(void)state;
	fw_begin(&w);
	triage_map(&w.t, base, FILTERS * 0x400 + INSTANCES * 0x240);
	fw_frame(&w, FRAME, 0);
	fw_frames(&w, 1, (uint64_t[]){FRAME});
	for (i = 0; i < FILTERS; i++) {
		filters[i] = base + i * 0x400;
		triage_u32(&w.t, filters[i], 0x02000000);
		triage_u32(&w.t, filters[i] + FW_FILTER_INSTANCES + FW_RCOUNT, INSTANCES);
	}
	for (i = 0; i < INSTANCES; i++) {
		instances[i] = base + FILTERS * 0x400 + i * 0x240;
		triage_u32(&w.t, instances[i], 0x01000000);
	}
	/* The first filter's list is whole; the other heads point into it. */
	fw_list(&w, filters[0] + FW_FILTER_INSTANCES, FW_INSTANCE_LINK, INSTANCES, instances);
	for (i = 1; i < FILTERS; i++)
		triage_links(&w.t, filters[i] + FW_FILTER_INSTANCES + FW_RLIST,
			     instances[0] + FW_INSTANCE_LINK,
			     instances[INSTANCES - 1] + FW_INSTANCE_LINK);
	fw_list(&w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, FILTERS, filters);
	fw_collect(&w);
	assert_int_equal(w.model.nfilters, FILTERS);
	assert_int_equal(w.model.ninstances, INSTANCES);
	assert_int_equal(fw_find_filter(&w, filters[0])->instances.stop, FS_STOP_CLOSED);
	assert_int_equal(fw_find_filter(&w, filters[1])->instances.stop, FS_STOP_CYCLE);
	assert_int_equal(fw_find_filter(&w, filters[FILTERS - 1])->instances.stop, FS_STOP_LIMIT);
	for (i = 0; i < FILTERS; i++)
		links += w.model.filters[i].instances.n;
	/* Twice the most instances that a model takes, and some: collect.c, LINKS_MAX. */
	assert_in_range(links, INSTANCES, 2 * MODEL_MAX_INSTANCES + 32768);
	fw_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_type_is_no_entity),
		cmocka_unit_test(torn_list_is_walked_from_both_ends),
		cmocka_unit_test(reached_only_through_an_instance),
		cmocka_unit_test(volume_reached_only_through_an_instance),
		cmocka_unit_test(instance_disagrees_with_its_list),
		cmocka_unit_test(instance_that_points_nowhere),
		cmocka_unit_test(instance_that_points_beside),
		cmocka_unit_test(filter_on_two_frames),
		cmocka_unit_test(frame_by_its_type_word),
		cmocka_unit_test(frame_list_head_by_links),
		cmocka_unit_test(many_heads_into_one_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
