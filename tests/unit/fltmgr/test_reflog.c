/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference trace log of build 26100, by the facts of fltmgr-26100: _FLT_OBJECT+0x20. */
#include "support/flt_world.h"
#include "support/test.h"

#define FOX	 FW_SMALL_FOX
#define POINTER	 (FOX + 0x20)
#define LOG	 UINT64_C(0xffffe20000200000) /* in a range of its own */
#define LOG_SIZE 0x20008
#define WHAT	 "FLT_FILTER.Base.ReferenceTraceLog"

/* The layout of the small world with the pointer that 26100 has. */
static char *layout(const char *tag)
{
	static const char after[] = "_LIST_ENTRY PrimaryLink\n";
	char *whole = fw_layout_text(NULL), *at = strstr(whole, after), *text;

	assert_non_null(at);
	at += strlen(after);
	assert_true(asprintf(&text, "%.*s  field 0x20 ptr ReferenceTraceLog%s\n%s",
			     (int)(at - whole), whole, tag, at) > 0);
	free(whole);
	return text;
}

static void begin(struct flt_world *w, size_t size)
{
	fw_small(w);
	w->layout_text = layout("");
	if (size)
		triage_map(&w->t, LOG, size);
	triage_u64(&w->t, POINTER, LOG);
}

static void end(struct flt_world *w)
{
	char *text = (char *)(uintptr_t)w->layout_text;

	fw_end(w);
	free(text);
}

static const struct fs_ref_log *collect(struct flt_world *w)
{
	struct fltmgr_wants wants = {.filter = FOX};
	struct fs_error err;

	fw_collect(w);
	model_begin(&w->b, &w->model, &w->arena);
	assert_int_equal(
		fltmgr_collect_holders(&w->r, &w->modules, &w->choice, &wants, &w->b, &err), FS_OK);
	model_end(&w->b);
	assert_non_null(fw_find_filter(w, FOX)->holders);
	return fw_find_filter(w, FOX)->holders->log;
}

static uint64_t entry_at(size_t i)
{
	return LOG + (i << 7);
}

static void entry(struct flt_world *w, size_t i, uint32_t delta, uint64_t rundown)
{
	triage_u32(&w->t, entry_at(i) + 8, delta);
	triage_u64(&w->t, entry_at(i) + 0x10, rundown);
}

static void frame(struct flt_world *w, size_t i, size_t k, uint64_t v)
{
	triage_u64(&w->t, entry_at(i) + 0x18 + k * 8, v);
}

static void off_is_no_log(void **state)
{
	const struct fs_ref_log *log;
	struct flt_world w;

	(void)state;
	begin(&w, LOG_SIZE);
	triage_u64(&w.t, POINTER, 0);
	entry(&w, 0, 1, 4);
	log = collect(&w);
	assert_int_equal(log->pointer.state, FS_READ);
	assert_int_equal(log->pointer.v, 0);
	assert_int_equal(log->pointer.at, POINTER);
	assert_int_equal(log->next.state, FS_NONE);
	assert_int_equal(log->looked, FS_LOOKED_NOT);
	assert_int_equal(log->n, 0);
	assert_int_equal(fw_gaps(&w, WHAT, FS_CORRUPT), 0);
	/* another filter was not asked for */
	if (fw_find_filter(&w, FW_SMALL_DELTA)->holders)
		assert_null(fw_find_filter(&w, FW_SMALL_DELTA)->holders->log);
	end(&w);
}

static void builds_without_it_have_none(void **state)
{
	struct flt_world w;

	(void)state;
	fw_small(&w);
	triage_map(&w.t, LOG, LOG_SIZE);
	triage_u64(&w.t, POINTER, LOG);
	assert_null(collect(&w));
	fw_end(&w);
}

/* Next is 3, so 3 is the oldest; 4 was never used. */
static void ring_begins_at_next(void **state)
{
	const struct fs_ref_log *log;
	struct flt_world w;
	size_t k;

	(void)state;
	begin(&w, LOG_SIZE);
	triage_u32(&w.t, LOG, 3);
	entry(&w, 3, 1, 4);
	frame(&w, 3, 0, FW_FLTMGR + 0x100);
	frame(&w, 3, 1, FW_DRIVER_A + 0x2000);
	frame(&w, 3, 3, FW_DRIVER_A + 0x3000); /* behind a 0 */
	entry(&w, 1023, 0xffffffff, 2);
	entry(&w, 0, 1, 6);
	entry(&w, 2, 1, 8);
	for (k = 0; k < 14; k++)
		frame(&w, 2, k, FW_DRIVER_A + 0x100 * (k + 1));
	log = collect(&w);
	assert_int_equal(log->looked, FS_LOOKED_WHOLE);
	assert_int_equal(log->next.v, 3);
	assert_int_equal(log->next.at, LOG);
	assert_int_equal(log->n, 4);
	assert_int_equal(log->event[0].at, entry_at(3) + 8);
	assert_int_equal(log->event[0].delta, 1);
	assert_int_equal(log->event[0].rundown, 4);
	assert_int_equal(log->event[0].nframes, 2);
	assert_string_equal(log->event[0].frame[1].symbol, "foxmon+0x2000");
	assert_int_equal(log->event[0].frame[1].va.at, entry_at(3) + 0x20);
	assert_int_equal(log->event[1].delta, -1);
	assert_int_equal(log->event[1].rundown, 2);
	assert_int_equal(log->event[1].nframes, 0);
	assert_int_equal(log->event[2].rundown, 6);
	assert_int_equal(log->event[3].rundown, 8);
	assert_int_equal(log->event[3].nframes, 14);
	assert_int_equal(log->event[3].frame[13].va.v, FW_DRIVER_A + 0xe00);
	end(&w);
}

static void index_is_masked(void **state)
{
	const struct fs_ref_log *log;
	struct flt_world w;

	(void)state;
	begin(&w, LOG_SIZE);
	triage_u32(&w.t, LOG, 0xffffffff);
	entry(&w, 1022, 1, 8);
	entry(&w, 1023, 1, 4);
	entry(&w, 0, 1, 6);
	log = collect(&w);
	assert_int_equal(log->looked, FS_LOOKED_WHOLE);
	assert_int_equal(log->next.v, 0xffffffff);
	assert_int_equal(log->n, 3);
	assert_int_equal(log->event[0].rundown, 4);
	assert_int_equal(log->event[1].rundown, 6);
	assert_int_equal(log->event[2].rundown, 8);
	end(&w);
}

static void what_is_no_entry_is_left_out(void **state)
{
	const struct fs_ref_log *log;
	struct flt_world w;

	(void)state;
	begin(&w, LOG_SIZE);
	entry(&w, 0, 1, 4);
	entry(&w, 1, 7, 6);
	entry(&w, 2, 1, 8);
	frame(&w, 5, 2, FW_DRIVER_A); /* counts 0, and is not unused */
	log = collect(&w);
	assert_int_equal(log->looked, FS_LOOKED_PARTLY);
	assert_int_equal(log->n, 2);
	assert_int_equal(log->event[1].rundown, 8);
	/* the first of them is told */
	assert_int_equal(fw_gaps(&w, WHAT, FS_CORRUPT), 1);
	end(&w);
}

static void cut(size_t size, size_t n, enum fs_looked looked)
{
	const struct fs_ref_log *log;
	struct flt_world w;
	size_t i;

	begin(&w, LOG_SIZE);
	for (i = 0; i < 1024; i++)
		entry(&w, i, i % 2 ? 0xffffffff : 1, i);
	/* the file holds less of it */
	w.t.range[w.t.nranges - 1].size = size;
	log = collect(&w);
	assert_int_equal(log->n, n);
	assert_int_equal(log->looked, looked);
	assert_int_equal(fw_gaps(&w, WHAT, FS_NOT_IN_DUMP), looked != FS_LOOKED_WHOLE);
	for (i = 0; i < n; i++)
		assert_int_equal(log->event[i].rundown, i);
	end(&w);
}

static void truncated_everywhere(void **state)
{
	(void)state;
	cut(3, 0, FS_LOOKED_NOT);
	cut(4, 0, FS_LOOKED_PARTLY);
	cut(8 + 0x7f, 0, FS_LOOKED_PARTLY);
	cut(8 + 0x80, 1, FS_LOOKED_PARTLY);
	cut(0x1000, 31, FS_LOOKED_PARTLY);
	cut(LOG_SIZE - 1, 1023, FS_LOOKED_PARTLY);
	cut(LOG_SIZE, 1024, FS_LOOKED_WHOLE);
}

static void not_there(uint64_t pointer, enum fs_status reason)
{
	const struct fs_ref_log *log;
	struct flt_world w;

	begin(&w, 0);
	triage_u64(&w.t, POINTER, pointer);
	log = collect(&w);
	assert_int_equal(log->pointer.v, pointer);
	assert_int_equal(log->looked, FS_LOOKED_NOT);
	assert_int_equal(log->n, 0);
	assert_int_equal(fw_gaps(&w, WHAT, reason), 1);
	end(&w);
}

static void pointers_that_lead_nowhere(void **state)
{
	(void)state;
	not_there(LOG, FS_NOT_IN_DUMP);
	not_there(0x7ff812340000, FS_CORRUPT);	   /* user mode */
	not_there(0x1234567812345678, FS_CORRUPT); /* not canonical */
	not_there(UINT64_MAX - 0x1000, FS_CORRUPT);
}

static void inferred_offset_is_marked(void **state)
{
	const struct fs_ref_log *log;
	struct flt_world w;
	char *plain;

	(void)state;
	begin(&w, LOG_SIZE);
	plain = (char *)(uintptr_t)w.layout_text;
	w.layout_text = layout(" #I");
	free(plain);
	entry(&w, 0, 1, 4);
	frame(&w, 0, 0, FW_DRIVER_A);
	log = collect(&w);
	assert_true(log->pointer.unproved && log->next.unproved);
	assert_true(log->event[0].frame[0].va.unproved);
	end(&w);
}

/* Each may be nearly 1 MB of the model: a dump that claims thousands gets no more than 64. */
static void number_of_logs_is_bounded(void **state)
{
	struct fltmgr_wants wants = {.all = true};
	uint64_t va[66];
	struct fs_error err;
	struct flt_world w;
	size_t i, whole = 0;

	(void)state;
	begin(&w, LOG_SIZE);
	for (i = 0; i < 66; i++) {
		va[i] = FW_POOL + 0x10010 + i * 0x400;
		fw_filter(&w, va[i], "x", "1");
		triage_u64(&w.t, va[i] + FW_FILTER_FRAME, FW_SMALL_FRAME);
		triage_u64(&w.t, va[i] + 0x20, LOG);
	}
	fw_list(&w, FW_SMALL_FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 66, va);
	fw_collect(&w);
	model_begin(&w.b, &w.model, &w.arena);
	assert_int_equal(fltmgr_collect_holders(&w.r, &w.modules, &w.choice, &wants, &w.b, &err),
			 FS_OK);
	model_end(&w.b);
	assert_true(w.model.nfilters >= 66);
	for (i = 0; i < w.model.nfilters; i++)
		whole += w.model.filters[i].holders->log->looked == FS_LOOKED_WHOLE;
	assert_int_equal(whole, 64);
	assert_int_equal(fw_gaps(&w, WHAT, FS_LIMIT) > 0, 1);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_is_no_log),
		cmocka_unit_test(builds_without_it_have_none),
		cmocka_unit_test(ring_begins_at_next),
		cmocka_unit_test(index_is_masked),
		cmocka_unit_test(what_is_no_entry_is_left_out),
		cmocka_unit_test(truncated_everywhere),
		cmocka_unit_test(pointers_that_lead_nowhere),
		cmocka_unit_test(inferred_offset_is_marked),
		cmocka_unit_test(number_of_logs_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
