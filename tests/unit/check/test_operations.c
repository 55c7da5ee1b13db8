/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 5, 6 and 7 (S1), and 32, with what tells them apart. */
#include "check/check.h"
#include "support/model_maker.h"
#include "support/test.h"

#define VA	 0xffffa20f10e19010ull
#define INSTANCE 0xffffa20f10e01c10ull

struct bench {
	struct model_maker k;
	struct arena a;
	struct fs_report r;
	struct fs_filter_holders fh;
	struct fs_instance_holders ih;
	struct fs_pending p;
	struct fs_context x;
};

/* An instance whose teardown waits, with one operation that tells nothing by itself. */
static void tearing(struct bench *b)
{
	struct fs_instance *in;

	memset(b, 0, sizeof(*b));
	mm_begin(&b->k);
	b->k.m.rundown_accounting = "itemised";
	(void)mm_frame(&b->k, 0xffffa20f10cc8010, 0);
	(void)mm_filter(&b->k, 0, VA, "FoxMon", 0xffffa20f10e10b40);
	b->k.filter[0].object.flags.value.v |= FS_OBJ_DRAINING;
	in = &b->k.instance[mm_instance(&b->k, 0, INSTANCE)];
	in->object.flags.value.v |= FS_OBJ_DRAINING;
	in->holders = &b->ih;
	/* its own teardown has one reference, and nothing else has */
	in->object.rundown.raw = mm_value(2);
	in->object.rundown.state = FS_RUNDOWN_ACTIVE;
	in->object.rundown.count = 1;
	b->ih.operations.state = FS_RUNDOWN_WAITING;
	b->ih.operations.wait_count = mm_value(1);
	b->ih.pending = &b->p;
	b->ih.npending = 1;
	b->ih.tracked = b->ih.searched = FS_LOOKED_WHOLE;
	b->p.address = 0xffffa20f11000010;
	b->p.irp_ctrl = mm_value(0xffffa20f12000010);
	b->p.type = mm_value(0xf104);
	b->p.initiating = mm_value(0);
	b->p.work_type = mm_value(0);
	b->p.pending_node = mm_value(0);
}

static void only(struct bench *b, const char *rule, enum fs_confidence c)
{
	static const char *const rules[] = {"pended-pre-operation", "pended-post-operation",
					    "own-io-outstanding", "leaked-instance-reference"};
	const struct fs_verdict *v;
	size_t i;

	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
	v = mm_verdict(&b->r, VA);
	assert_int_equal(v->stage, FS_S1);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		assert_int_equal(mm_count(&b->r, rules[i]), rule && strcmp(rules[i], rule) == 0);
	if (rule) {
		assert_string_equal(v->cause_id, rule);
		assert_int_equal(v->confidence, c);
	} else {
		assert_null(v->cause_id);
	}
	arena_deinit(&b->a);
}

static void pended(struct bench *b)
{
	tearing(b);
	b->p.pending_node = mm_value(0xffffa20f10e01f00);
	b->p.pending_instance = mm_value(INSTANCE);
	b->ih.operations.wait_count = mm_value(2); /* [run] 6 */
}

static void each_is_told_by_its_irp_ctrl(void **state)
{
	struct bench b;

	(void)state;
	pended(&b);
	only(&b, "pended-pre-operation", FS_PROVED);
	tearing(&b);
	b.p.work_type = mm_value(0xf123);
	only(&b, "pended-post-operation", FS_LIKELY);
	tearing(&b);
	b.p.initiating = mm_value(INSTANCE);
	only(&b, "own-io-outstanding", FS_LIKELY);
	/* look-alike: a callback that still runs (8) */
	tearing(&b);
	only(&b, NULL, FS_POSSIBLE);
	/* look-alike: another instance has it pended */
	pended(&b);
	b.p.pending_instance = mm_value(INSTANCE + 0x1000);
	only(&b, NULL, FS_POSSIBLE);
	/* look-alike: one more reference, and deferred I/O was not looked for everywhere */
	pended(&b);
	b.k.instance[0].object.rundown.count = 2;
	b.ih.work.searched = FS_LOOKED_PARTLY;
	only(&b, "pended-pre-operation", FS_LIKELY);
	pended(&b);
	b.k.instance[0].object.rundown.count = 2;
	b.ih.work.searched = FS_LOOKED_WHOLE;
	only(&b, "pended-pre-operation", FS_PROVED);
	/* look-alike: no IRP_CTRL stands there */
	pended(&b);
	b.p.type = mm_value(0x1234);
	only(&b, NULL, FS_POSSIBLE);
}

static void what_was_not_read_makes_it_weaker(void **state)
{
	struct bench b;

	(void)state;
	pended(&b);
	b.p.pending_instance.unproved = true;
	only(&b, "pended-pre-operation", FS_POSSIBLE);
	/* nobody is seen waiting for the operations */
	pended(&b);
	b.ih.operations.state = FS_RUNDOWN_UNKNOWN;
	only(&b, "pended-pre-operation", FS_LIKELY);
	pended(&b);
	b.k.m.rundown_accounting = NULL;
	only(&b, "pended-pre-operation", FS_LIKELY);
	pended(&b);
	b.p.type = mm_missing();
	only(&b, NULL, FS_POSSIBLE);
}

static const struct fs_finding *with_count(struct bench *b, struct fs_value count)
{
	pended(b);
	b->ih.operations.wait_count = count;
	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
	return mm_finding(&b->r, "pended-pre-operation");
}

/* While somebody waits, the wait block's Count is the total (How to read a wait). */
static void the_count_is_the_total(void **state)
{
	static const struct {
		uint64_t count;
		enum fs_confidence sure;
		const char *says;
	} each[] = {
		{2, FS_PROVED, "2 of the 2 references"},
		{7, FS_PROVED, "2 of the 7 references that it waits for; who has 5 of them"},
		{1, FS_LIKELY, "more than the 1 reference"},
		{0, FS_POSSIBLE, "more than the 0 references"},
		{UINT64_MAX, FS_LIKELY, "damaged"},
	};
	const struct fs_finding *f;
	struct bench b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		f = with_count(&b, mm_value(each[i].count));
		assert_int_equal(f->confidence, each[i].sure);
		assert_non_null(strstr(f->message, each[i].says));
		assert_string_equal(f->evidence[f->nevidence - 1].field,
				    "EX_RUNDOWN_WAIT_BLOCK.Count");
		arena_deinit(&b.a);
	}
	f = with_count(&b, mm_missing());
	assert_int_equal(f->confidence, FS_LIKELY);
	assert_non_null(strstr(f->message, "not read"));
	arena_deinit(&b.a);
}

/* FltDetachVolume or a dismount: the filter itself is not unloaded (S0). */
static void a_teardown_without_an_unload(void **state)
{
	const struct fs_verdict *v;
	struct bench b;

	(void)state;
	pended(&b);
	b.k.filter[0].object.flags.value.v &= ~(uint64_t)FS_OBJ_DRAINING;
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	v = mm_verdict(&b.r, VA);
	assert_int_equal(v->stage, FS_S0);
	assert_int_equal(v->state, FS_ST_STUCK);
	assert_string_equal(v->cause_id, "pended-pre-operation");
	assert_int_equal(v->confidence, FS_PROVED);
	assert_non_null(strstr(v->summary, "by a detach or a dismount"));
	arena_deinit(&b.a);
	/* nothing shows what it waits for */
	tearing(&b);
	b.k.filter[0].object.flags.value.v &= ~(uint64_t)FS_OBJ_DRAINING;
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	v = mm_verdict(&b.r, VA);
	assert_int_equal(v->state, FS_ST_UNKNOWN);
	assert_null(v->cause_id);
	arena_deinit(&b.a);
	/* an unload that was asked for does not wait for it */
	pended(&b);
	b.k.filter[0].object.flags.value.v &= ~(uint64_t)FS_OBJ_DRAINING;
	b.k.filter[0].flags.value.v |= FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS;
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	v = mm_verdict(&b.r, VA);
	assert_true(!v->cause_id || strcmp(v->cause_id, "pended-pre-operation") != 0);
	assert_non_null(mm_finding(&b.r, "pended-pre-operation"));
	arena_deinit(&b.a);
	/* look-alikes: one that is done, and one at rest */
	pended(&b);
	b.k.filter[0].object.flags.value.v &= ~(uint64_t)FS_OBJ_DRAINING;
	b.k.instance[0].object.flags.value.v |= FS_OBJ_ZOMBIED;
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	assert_null(mm_verdict(&b.r, VA));
	arena_deinit(&b.a);
}

/* Every thread was read, and none has the wait block: nobody is sure to wait. */
static void a_stray_wait_block(void **state)
{
	struct bench b;

	(void)state;
	pended(&b);
	b.ih.operations.wait_block = 0xffffe00100777700ull;
	only(&b, "pended-pre-operation", FS_PROVED);
	pended(&b);
	b.ih.operations.wait_block = 0xffffe00100777700ull;
	b.k.m.threads_looked = FS_LOOKED_WHOLE;
	only(&b, "pended-pre-operation", FS_LIKELY);
}

static void over_released_contexts(void **state)
{
	struct bench b;

	(void)state;
	tearing(&b);
	b.k.filter[0].holders = &b.fh;
	b.fh.contexts = &b.x;
	b.fh.ncontexts = 1;
	b.x = (struct fs_context){.address = 0xffffdc0710d64760,
				  .place = FS_CTX_STREAM,
				  .reg = mm_value(0xffffa20f10e1a000),
				  .use_count = mm_value(1)};
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	assert_null(mm_finding(&b.r, "context-over-released"));
	b.x.use_count = mm_value(0xffffffff);
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	assert_non_null(strstr(mm_finding(&b.r, "context-over-released")->message, "count of -1"));
	/* look-alike: nothing is attached to it, it is freed memory */
	b.x.place = FS_CTX_ORPHAN;
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	assert_null(mm_finding(&b.r, "context-over-released"));
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_by_its_irp_ctrl),
		cmocka_unit_test(what_was_not_read_makes_it_weaker),
		cmocka_unit_test(the_count_is_the_total),
		cmocka_unit_test(a_teardown_without_an_unload),
		cmocka_unit_test(a_stray_wait_block),
		cmocka_unit_test(over_released_contexts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
