/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 9 and 10: queued work of a filter (S3) or an instance (S1, S2), and what looks like it. */
#include "check/check.h"
#include "support/model_maker.h"
#include "support/test.h"

#define VA	 0xffffa20f10e19010ull
#define INSTANCE 0xffffa20f10e01c10ull
#define BLOCK	 0xffffee05000166f8ull
#define ITEM	 0xffffa20f12000010ull
#define DATA	 0xffffa20f130000e8ull

struct bench {
	struct model_maker k;
	struct arena a;
	struct fs_report r;
	struct fs_filter_holders fh;
	struct fs_instance_holders ih;
	struct fs_work_item item[2];
	struct fs_pending p;
};

static void live(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	mm_begin(&b->k);
	b->k.m.rundown_accounting = "itemised";
	(void)mm_frame(&b->k, 0xffffa20f10cc8010, 0);
	(void)mm_filter(&b->k, 0, VA, "FoxMon", 0xffffa20f10e10b40);
	b->k.filter[0].holders = &b->fh;
	b->k.filter[0].contexts_looked = FS_LOOKED_WHOLE;
	b->k.filter[0].active_opens_count = mm_value(0);
	b->k.filter[0].connection_count = mm_value(0);
	b->fh.opens.stop = b->fh.server_list.stop = b->fh.client_list.stop = FS_STOP_CLOSED;
	b->fh.attached = b->fh.searched = b->fh.work.searched = FS_LOOKED_WHOLE;
}

static void wait_for(struct fs_object *o, uint64_t left)
{
	o->flags.value.v |= FS_OBJ_DRAINING;
	o->rundown.raw = mm_value(BLOCK | 1);
	o->rundown.state = FS_RUNDOWN_WAITING;
	o->rundown.wait_block = BLOCK;
	o->rundown.wait_count = mm_value(left);
}

static void add(struct bench *b, struct fs_work *w, uint64_t object, bool deferred,
		enum fs_work_place place)
{
	struct fs_work_item *x = &b->item[w->n];

	*x = (struct fs_work_item){.address = ITEM + w->n * 0x100,
				   .deferred = deferred,
				   .place = place,
				   .type = mm_value(deferred ? 0xf121 : 0xf120),
				   .object = mm_value(object),
				   .callback_data = mm_value(DATA),
				   .links = {mm_value(ITEM + 8), mm_value(ITEM + 8)},
				   .routine = {.va = mm_value(0xfffff80234004000), .module = -1}};
	w->item = b->item;
	w->n++;
	w->queued += place == FS_WORK_LISTED || place == FS_WORK_QUEUED;
}

/* A filter in S3 with `left` references. */
static void waits(struct bench *b, uint64_t left)
{
	live(b);
	wait_for(&b->k.filter[0].object, left);
}

/* An instance in S2 (waiting for itself) or S1 (waiting for its operations). */
static void tears(struct bench *b, bool s1)
{
	struct fs_instance *in;

	live(b);
	b->k.filter[0].object.flags.value.v |= FS_OBJ_DRAINING;
	in = &b->k.instance[mm_instance(&b->k, 0, INSTANCE)];
	in->object.flags.value.v |= FS_OBJ_DRAINING;
	in->holders = &b->ih;
	in->track_completion_nodes = mm_value(s1 ? 0xffffa20f14000010 : 0);
	b->ih.work.searched = b->ih.tracked = b->ih.searched = FS_LOOKED_WHOLE;
	b->ih.operations.state = s1 ? FS_RUNDOWN_WAITING : FS_RUNDOWN_ACTIVE;
	if (!s1) {
		wait_for(&in->object, 1);
		return;
	}
	/* a pended operation has two ([run] 6) */
	b->ih.operations.wait_count = mm_value(2);
	/* one for its own teardown, and one that work may have */
	in->object.rundown.raw = mm_value(4);
	in->object.rundown.state = FS_RUNDOWN_ACTIVE;
	in->object.rundown.count = 2;
}

static const char *const rules[] = {"work-item-outstanding",   "deferred-io-outstanding",
				    "leaked-filter-reference", "leaked-instance-reference",
				    "leaked-context",	       "pended-pre-operation"};

/* Only `rule` fires of all that could be taken for it; NULL: none. */
static void only(struct bench *b, const char *rule, enum fs_confidence c)
{
	const struct fs_verdict *v;
	size_t i;

	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		assert_int_equal(mm_count(&b->r, rules[i]), rule && strcmp(rules[i], rule) == 0);
	v = mm_verdict(&b->r, VA);
	if (rule) {
		assert_string_equal(v->cause_id, rule);
		assert_int_equal(v->confidence, c);
		if (strncmp(rule, "leaked", 6) != 0)
			assert_int_equal(v->culprit.address, ITEM);
	}
	arena_deinit(&b->a);
}

static void filters_own(void **state)
{
	struct bench b;

	(void)state;
	waits(&b, 1);
	add(&b, &b.fh.work, VA, false, FS_WORK_QUEUED);
	only(&b, "work-item-outstanding", FS_PROVED);
	/* the list leads to no queue object */
	waits(&b, 1);
	add(&b, &b.fh.work, VA, false, FS_WORK_LISTED);
	only(&b, "work-item-outstanding", FS_LIKELY);
	waits(&b, 1);
	add(&b, &b.fh.work, VA, false, FS_WORK_QUEUED);
	b.k.m.rundown_accounting = NULL;
	only(&b, "work-item-outstanding", FS_LIKELY);
	waits(&b, 1);
	add(&b, &b.fh.work, VA, false, FS_WORK_QUEUED);
	b.item[0].object.unproved = true;
	only(&b, "work-item-outstanding", FS_POSSIBLE);
	/* look-alike: no work at all, and everything was searched */
	waits(&b, 1);
	only(&b, "leaked-filter-reference", FS_LIKELY);
	/* look-alike: a live filter queues work all the time */
	live(&b);
	add(&b, &b.fh.work, VA, false, FS_WORK_QUEUED);
	only(&b, NULL, FS_POSSIBLE);
}

/* It runs, or it is freed memory: counted nowhere, and both possibilities are named. */
static void on_no_list(void **state)
{
	struct bench b;
	struct fs_ledger l;

	(void)state;
	waits(&b, 1);
	add(&b, &b.fh.work, VA, false, FS_WORK_LOOSE);
	fs_ledger_filter(&b.k.m, 0, &l);
	assert_int_equal(l.unexplained, 1);
	assert_null(fs_ledger_entry_of(&l, FS_H_WORK_ITEM));
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	assert_int_equal(mm_finding(&b.r, "work-item-outstanding")->confidence, FS_POSSIBLE);
	assert_int_equal(mm_finding(&b.r, "leaked-filter-reference")->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
	/* nothing is left to explain: freed memory, and not worth a word */
	waits(&b, 0);
	add(&b, &b.fh.work, VA, false, FS_WORK_LOOSE);
	only(&b, NULL, FS_POSSIBLE);
}

/* The dump lacks its neighbour: neither counted as queued nor told to be on no list. */
static void unread_list(void **state)
{
	static const char why[] = "whether a work item is queued could not be read";
	const struct fs_finding *f;
	struct bench b;
	struct fs_ledger l;
	size_t i, said = 0;

	(void)state;
	waits(&b, 1);
	add(&b, &b.fh.work, VA, false, FS_WORK_UNREAD);
	b.item[0].unread = ITEM + 0x5000;
	b.fh.work.searched = FS_LOOKED_PARTLY;
	b.fh.work.why = why;
	fs_ledger_filter(&b.k.m, 0, &l);
	assert_int_equal(l.unexplained, 1);
	assert_null(fs_ledger_entry_of(&l, FS_H_WORK_ITEM));
	assert_false(fs_ledger_was_walked(&l, FS_H_WORK_ITEM));
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	f = mm_finding(&b.r, "work-item-outstanding");
	assert_int_equal(f->confidence, FS_POSSIBLE);
	assert_null(strstr(f->message, "on no list"));
	assert_non_null(strstr(f->message, "could not be read"));
	assert_int_equal(mm_finding(&b.r, "leaked-filter-reference")->confidence, FS_POSSIBLE);
	for (i = 0; i < b.r.nnot_checked; i++)
		said += strcmp(b.r.not_checked[i].rule, "work-item-outstanding") == 0 &&
			strcmp(b.r.not_checked[i].why, why) == 0;
	assert_int_equal(said, 1);
	arena_deinit(&b.a);
}

static void instances(void **state)
{
	struct bench b;

	(void)state;
	tears(&b, false);
	add(&b, &b.ih.work, INSTANCE, false, FS_WORK_QUEUED);
	only(&b, "work-item-outstanding", FS_PROVED);
	tears(&b, false);
	add(&b, &b.ih.work, INSTANCE, true, FS_WORK_QUEUED);
	only(&b, "deferred-io-outstanding", FS_PROVED);
	/* look-alike: a reference */
	tears(&b, false);
	only(&b, "leaked-instance-reference", FS_LIKELY);
	tears(&b, false);
	b.ih.work.searched = FS_LOOKED_PARTLY;
	only(&b, "leaked-instance-reference", FS_POSSIBLE);
	/* S1: is it what the operation waits for? */
	tears(&b, true);
	add(&b, &b.ih.work, INSTANCE, true, FS_WORK_QUEUED);
	only(&b, "deferred-io-outstanding", FS_LIKELY);
	tears(&b, true);
	add(&b, &b.ih.work, INSTANCE, true, FS_WORK_QUEUED);
	b.ih.pending = &b.p;
	b.ih.npending = 1;
	b.p.data = DATA;
	only(&b, "deferred-io-outstanding", FS_PROVED);
}

static void the_account_adds_up(void **state)
{
	struct bench b;
	struct fs_ledger l;

	(void)state;
	waits(&b, 3);
	add(&b, &b.fh.work, VA, false, FS_WORK_QUEUED);
	add(&b, &b.fh.work, VA, false, FS_WORK_LISTED);
	fs_ledger_filter(&b.k.m, 0, &l);
	assert_int_equal(fs_ledger_entry_of(&l, FS_H_WORK_ITEM)->count, 2);
	assert_int_equal(fs_ledger_address(&b.k.m, &l, fs_ledger_entry_of(&l, FS_H_WORK_ITEM), 1),
			 ITEM + 0x100);
	assert_int_equal(l.unexplained, 1);
	tears(&b, false);
	add(&b, &b.ih.work, INSTANCE, true, FS_WORK_QUEUED);
	fs_ledger_instance(&b.k.m, 0, &l);
	assert_int_equal(l.unexplained, 0);
	assert_int_equal(l.nnot_walked, 0);
	assert_int_equal(fs_ledger_address(&b.k.m, &l, &l.entry[0], 0), ITEM);
}

static void not_searched_is_said(void **state)
{
	struct bench b;
	size_t i;
	bool said = false;

	(void)state;
	waits(&b, 1);
	b.fh.work.searched = FS_LOOKED_NOT;
	b.fh.work.why = "not known";
	assert_int_equal(check_all(&b.k.m, &b.a, &b.r, NULL), FS_OK);
	for (i = 0; i < b.r.nnot_checked; i++)
		said |= strcmp(b.r.not_checked[i].rule, "work-item-outstanding") == 0 &&
			strcmp(b.r.not_checked[i].why, "not known") == 0;
	assert_true(said);
	assert_int_equal(mm_finding(&b.r, "leaked-filter-reference")->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_own),
		cmocka_unit_test(on_no_list),
		cmocka_unit_test(unread_list),
		cmocka_unit_test(instances),
		cmocka_unit_test(the_account_adds_up),
		cmocka_unit_test(not_searched_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
