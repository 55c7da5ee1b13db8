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
		cmocka_unit_test(over_released_contexts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
