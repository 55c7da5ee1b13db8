/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 22 and the wait-for graph; the look-alike is a chain that ends. The two locks
 * are those of the dokany case (facts: transcript 32), with FltMgr's in one's place. */
#include "support/waits_bench.h"

#include "check/graph.h"

#define VOLUME_LOCK 0xffffaa05c9626400ull

/* `worker` unloads DeltaAv under the unload lock and waits for a lock that `second`
 * owns; `second` waits for the unload lock when `closed`. */
static size_t deadlock(struct bench *b, bool closed, enum fs_waiter_how how)
{
	size_t lock;

	bench_begin(b);
	lock = mm_lock(&b->k, VOLUME_LOCK, "ERESOURCE");
	mm_unloading(&b->k, b->delta, true);
	mm_own(&b->k, b->lock, b->worker);
	mm_own(&b->k, lock, b->second);
	mm_wait_lock(&b->k, lock, b->worker, how);
	if (closed)
		mm_wait_lock(&b->k, b->lock, b->second, how);
	return lock;
}

static void a_cycle_is_found(void **state)
{
	struct bench b = {0};
	const struct fs_verdict *v;
	const struct fs_finding *f;

	(void)state;
	(void)deadlock(&b, true, FS_WAITER_OBJECT);
	bench_run(&b);
	assert_int_equal(b.r.wait_for->ncycles, 1);
	assert_int_equal(b.r.wait_for->cycle[0].n, 4);
	assert_true(b.r.wait_for->cycle[0].certain);
	f = mm_finding(&b.r, "lock-cycle");
	assert_non_null(f);
	/* the catalogue has the mechanism as inferred */
	assert_int_equal(f->confidence, FS_LIKELY);
	assert_int_equal(f->nevidence, 4);
	v = bench_verdict(&b, DELTA, "lock-cycle", FS_LIKELY);
	assert_string_equal(v->culprit.kind, "thread");
	assert_int_equal(v->culprit.address, SECOND);
	assert_int_equal(v->waiter_thread, WORKER);
	/* that the callback does not come back is true as well, but it is not the cause */
	assert_non_null(mm_finding(&b.r, "unload-callback-blocked"));
	SILENT(&b, "blocked-by-other-unload");
	arena_deinit(&b.a);
}

static void scanned_waiters_must_be_as_many_as_counted(void **state)
{
	struct bench b = {0};

	(void)state;
	(void)deadlock(&b, true, FS_WAITER_STACK);
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "lock-cycle")->confidence, FS_LIKELY);
	b.k.lock[b.lock].exclusive_count = mm_value(3);
	bench_run(&b);
	assert_int_equal(mm_finding(&b.r, "lock-cycle")->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
}

static void a_chain_that_ends_is_none(void **state)
{
	struct bench b = {0};
	size_t lock;

	(void)state;
	lock = deadlock(&b, false, FS_WAITER_OBJECT);
	bench_run(&b);
	assert_int_equal(b.r.wait_for->ncycles, 0);
	SILENT(&b, "lock-cycle");
	(void)bench_verdict(&b, DELTA, "unload-callback-blocked", FS_LIKELY);
	/* not all locks' waiters are known: the rule is open */
	b.k.lock[lock].waiters_looked = FS_LOOKED_PARTLY;
	bench_run(&b);
	assert_true(mm_unchecked(&b.r, "lock-cycle"));
	arena_deinit(&b.a);
}

/* A mutant and a thread object wait as locks do. */
static void mutants_and_threads_are_edges(void **state)
{
	struct bench b = {0};
	struct fs_wait *w;

	(void)state;
	bench_begin(&b);
	w = mm_wait(&b.k, b.worker, 0xffffa20f11111110ull, "Mutant");
	w->owner = mm_value(SECOND);
	w->owner_thread = (int32_t)b.second;
	w = mm_wait(&b.k, b.second, WORKER, "Thread");
	w->thread = (int32_t)b.worker;
	bench_run(&b);
	assert_int_equal(b.r.wait_for->ncycles, 1);
	assert_non_null(mm_finding(&b.r, "lock-cycle"));
	assert_int_equal(b.r.nverdicts, 0); /* no filter is in it */
	/* a thread that waits for any of two objects may be woken by the other */
	(void)mm_wait(&b.k, b.second, 0xffffa20f11111190ull, "NotificationEvent");
	bench_run(&b);
	assert_false(b.r.wait_for->cycle[0].certain);
	assert_int_equal(mm_finding(&b.r, "lock-cycle")->confidence, FS_POSSIBLE);
	/* a thread that does not wait any more is no edge, whatever its wait blocks hold */
	b.k.thread[b.second].state = mm_value(FS_THREAD_RUNNING);
	bench_run(&b);
	assert_int_equal(b.r.wait_for->ncycles, 0);
	arena_deinit(&b.a);
}

/* A long ring and many of them: no recursion, one finding each. */
static void rings(void **state)
{
	struct bench b = {0};
	size_t i, n = 6;

	(void)state;
	bench_begin(&b);
	for (i = 2; i < n; i++)
		(void)mm_thread(&b.k, WORKER + 0x1000 * i, STACK2 + 0x7000 * i);
	for (i = 0; i < n; i++) {
		struct fs_wait *w = mm_wait(&b.k, i, 0, "Thread");
		size_t to = i < 3 ? (i + 1) % 3 : 3 + (i - 3 + 1) % 3;

		w->thread = (int32_t)to;
		w->object = mm_value(b.k.thread[to].address);
	}
	bench_run(&b);
	assert_int_equal(b.r.wait_for->ncycles, 2);
	assert_int_equal(mm_count(&b.r, "lock-cycle"), 2);
	arena_deinit(&b.a);
}

static size_t edges_from(const struct fs_graph *g, enum fs_node_kind kind, uint64_t address,
			 enum fs_node_kind to)
{
	size_t i, n = 0;

	for (i = 0; i < g->nedges; i++)
		n += g->node[g->edge[i].from].kind == kind &&
		     g->node[g->edge[i].from].address == address &&
		     g->node[g->edge[i].to].kind == to;
	return n;
}

static void the_graph_leads_from_victim_to_culprit(void **state)
{
	struct bench b = {0};
	const struct fs_graph *g;

	(void)state;
	bench_begin(&b);
	bench_s3(&b, 1);
	mm_unloading(&b.k, b.delta, true);
	mm_wait_lock(&b.k, b.lock, b.second, FS_WAITER_STACK);
	bench_run(&b);
	g = b.r.wait_for;
	assert_int_equal(edges_from(g, FS_NODE_FILTER, DELTA, FS_NODE_LOCK), 1);
	assert_int_equal(edges_from(g, FS_NODE_THREAD, SECOND, FS_NODE_LOCK), 1);
	assert_int_equal(edges_from(g, FS_NODE_LOCK, FRAME0 + 0x208, FS_NODE_THREAD), 1);
	assert_int_equal(edges_from(g, FS_NODE_THREAD, WORKER, FS_NODE_RUNDOWN), 1);
	assert_int_equal(edges_from(g, FS_NODE_FILTER, FOX, FS_NODE_THREAD), 1);
	assert_int_equal(g->ncycles, 0);
	arena_deinit(&b.a);
}

static void a_quiet_system_has_no_graph(void **state)
{
	struct bench b = {0};

	(void)state;
	bench_begin(&b);
	bench_run(&b);
	assert_int_equal(b.r.wait_for->nnodes + b.r.wait_for->nedges, 0);
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cycle_is_found),
		cmocka_unit_test(scanned_waiters_must_be_as_many_as_counted),
		cmocka_unit_test(a_chain_that_ends_is_none),
		cmocka_unit_test(mutants_and_threads_are_edges),
		cmocka_unit_test(rings),
		cmocka_unit_test(the_graph_leads_from_victim_to_culprit),
		cmocka_unit_test(a_quiet_system_has_no_graph),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
