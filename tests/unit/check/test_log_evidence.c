/* SPDX-License-Identifier: BSD-2-Clause */
/* What the reference trace log adds to a reference that leaked: premises, and no confidence. */
#include "check/check.h"
#include "support/model_maker.h"
#include "support/test.h"

#define VA    0xffffa20f10e19010ull
#define BLOCK 0xffffee05000166f8ull
#define LOG   0xffffa20f14000000ull
#define RULE  "leaked-filter-reference"

struct bench {
	struct model_maker k;
	struct arena a;
	struct fs_report r;
	struct fs_filter_holders h;
	struct fs_ref_log log;
	struct fs_ref_event event[16];
};

/* One reference is held, and nothing that was found holds it. */
static void begin(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	mm_begin(&b->k);
	b->k.m.rundown_accounting = "itemised";
	(void)mm_frame(&b->k, 0xffffa20f10cc8010, 0);
	(void)mm_filter(&b->k, 0, VA, "FoxMon", 0);
	mm_code_of(&b->k, 0, mm_module(&b->k, "foxmon.sys", 0xfffff80560000000));
	(void)mm_module(&b->k, "deltaav.sys", 0xfffff80560100000);
	mm_drain(&b->k, 0, BLOCK, 1);
	b->k.filter[0].contexts_looked = FS_LOOKED_WHOLE;
	b->k.filter[0].holders = &b->h;
	b->h.opens.stop = b->h.server_list.stop = b->h.client_list.stop = FS_STOP_CLOSED;
	b->h.attached = b->h.searched = FS_LOOKED_WHOLE;
	b->h.work.searched = FS_LOOKED_WHOLE;
	b->log.event = b->event;
	b->log.pointer = mm_value(LOG);
	b->log.looked = FS_LOOKED_WHOLE;
}

/* Through another module; `module` is the outer one. */
static void event(struct bench *b, int32_t delta, int32_t module, const char *symbol)
{
	struct fs_ref_event *e = &b->event[b->log.n++];

	e->delta = delta;
	e->at = LOG + b->log.n * 0x80;
	e->frame[0] = (struct fs_code){.va = mm_value(0xfffff80552431000), .module = -1};
	e->frame[1] = (struct fs_code){
		.va = mm_value(0xfffff80560001000), .symbol = symbol, .module = module};
	e->frame[1].va.at = e->at + 0x18;
	e->nframes = 2;
}

/* The finding's confidence; its premises of the log are counted. */
static enum fs_confidence run(struct bench *b, size_t *ret_n, const struct fs_evidence **ret_first)
{
	const struct fs_finding *fd;
	size_t i;

	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
	fd = mm_finding(&b->r, RULE);
	assert_non_null(fd);
	*ret_n = 0;
	*ret_first = NULL;
	for (i = 0; i < fd->nevidence; i++)
		if (strcmp(fd->evidence[i].field, "reference log") == 0 && (*ret_n)++ == 0)
			*ret_first = &fd->evidence[i];
	return fd->confidence;
}

static void own_references_are_evidence(void **state)
{
	const struct fs_evidence *e;
	enum fs_confidence without;
	struct bench b;
	size_t n;

	(void)state;
	begin(&b);
	without = run(&b, &n, &e);
	assert_int_equal(n, 0);
	assert_false(mm_unchecked(&b.r, RULE));
	arena_deinit(&b.a);
	begin(&b);
	b.h.log = &b.log;
	event(&b, 1, 0, "foxmon+0x1000");
	event(&b, 1, 0, "foxmon+0x1234");
	event(&b, -1, 0, "foxmon+0x2000"); /* released */
	event(&b, 1, 1, "deltaav+0x1000"); /* somebody else's */
	event(&b, 1, -1, "nowhere");
	assert_int_equal(run(&b, &n, &e), without);
	assert_int_equal(n, 2);
	assert_string_equal(e->value, "foxmon+0x1234");
	assert_string_equal(e->fact, "a reference was taken here");
	assert_int_equal(e->address, LOG + 2 * 0x80 + 0x18);
	assert_false(mm_unchecked(&b.r, RULE));
	arena_deinit(&b.a);
}

static void the_last_are_named(void **state)
{
	static const char *const symbol[] = {
		"foxmon+0x0", "foxmon+0x1", "foxmon+0x2", "foxmon+0x3", "foxmon+0x4", "foxmon+0x5",
		"foxmon+0x6", "foxmon+0x7", "foxmon+0x8", "foxmon+0x9", "foxmon+0xa", "foxmon+0xb"};
	const struct fs_evidence *e;
	struct bench b;
	size_t i, n;

	(void)state;
	begin(&b);
	b.h.log = &b.log;
	for (i = 0; i < 12; i++)
		event(&b, 1, 0, symbol[i]);
	(void)run(&b, &n, &e);
	assert_int_equal(n, EVIDENCE_MAX);
	assert_string_equal(e[0].value, "foxmon+0xb");
	assert_string_equal(e[EVIDENCE_MAX - 1].value, "foxmon+0x4");
	arena_deinit(&b.a);
}

static void off_and_unread_are_told_apart(void **state)
{
	const struct fs_evidence *e;
	struct bench b;
	size_t n;

	(void)state;
	begin(&b);
	b.h.log = &b.log;
	b.log.pointer = mm_value(0);
	b.log.looked = FS_LOOKED_NOT;
	(void)run(&b, &n, &e);
	assert_int_equal(n, 0);
	assert_false(mm_unchecked(&b.r, RULE));
	arena_deinit(&b.a);
	b.log.pointer = mm_missing();
	(void)run(&b, &n, &e);
	assert_true(mm_unchecked(&b.r, RULE));
	arena_deinit(&b.a);
	/* it is on, and the dump does not hold it */
	b.log.pointer = mm_value(LOG);
	(void)run(&b, &n, &e);
	assert_true(mm_unchecked(&b.r, RULE));
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_references_are_evidence),
		cmocka_unit_test(the_last_are_named),
		cmocka_unit_test(off_and_unread_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
