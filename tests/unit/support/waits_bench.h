/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame with two filters of two drivers in their modules, FltMgr and nt, and the
 * frame's free unload lock; and what the tests of the rules about threads and locks ask.
 */
#ifndef SUPPORT_WAITS_BENCH_H
#define SUPPORT_WAITS_BENCH_H

#include "check/check.h"
#include "support/model_maker.h"
#include "support/test.h"

#define FOX    0xffffa20f10e19010ull
#define DELTA  0xffffa20f10dbd210ull
#define FRAME0 0xffffa20f10cc8010ull
#define WORKER 0xffffa20f10ead090ull
#define SECOND 0xffffa20f10eb3090ull
#define STACK1 0xffffee0500011000ull
#define STACK2 0xffffee0500018000ull
#define BLOCK1 (STACK1 + 0x56f8)
#define BLOCK2 (STACK2 + 0x56f8)

enum { NT, FLTMGR, FOX_SYS, DELTA_SYS };

struct bench {
	struct model_maker k;
	struct arena a;
	struct fs_report r;
	size_t fox, delta, worker, second, lock;
};

static inline void bench_begin(struct bench *b)
{
	arena_deinit(&b->a); /* of the model before */
	memset(b, 0, sizeof(*b));
	mm_begin(&b->k);
	b->k.m.rundown_accounting = "itemised";
	(void)mm_module(&b->k, "ntoskrnl.exe", 0xfffff8075bc00000ull);
	(void)mm_module(&b->k, "FLTMGR.SYS", 0xfffff8075b650000ull);
	(void)mm_module(&b->k, "foxmon.sys", 0xfffff80760100000ull);
	(void)mm_module(&b->k, "deltaav.sys", 0xfffff807600c0000ull);
	b->k.m.fltmgr_module = FLTMGR;
	(void)mm_frame(&b->k, FRAME0, 0);
	b->fox = mm_filter(&b->k, 0, FOX, "FoxMon", 0xffffa20f10e10b40ull);
	b->delta = mm_filter(&b->k, 0, DELTA, "DeltaAv", 0xffffa20f10dbd060ull);
	(void)mm_driver(&b->k, 0xffffa20f10e10b40ull, "\\FileSystem\\FoxMon");
	(void)mm_driver(&b->k, 0xffffa20f10dbd060ull, "\\FileSystem\\DeltaAv");
	mm_link_drivers(&b->k);
	mm_code_of(&b->k, b->fox, FOX_SYS);
	mm_code_of(&b->k, b->delta, DELTA_SYS);
	b->k.driver[0].driver_unload.va = b->k.driver[1].driver_unload.va = mm_value(0x1000);
	b->k.filter[b->fox].connection_count = b->k.filter[b->delta].connection_count = mm_value(0);
	b->worker = mm_thread(&b->k, WORKER, STACK1);
	b->second = mm_thread(&b->k, SECOND, STACK2);
	b->lock = mm_unload_lock(&b->k, 0);
	mm_all_looked(&b->k);
}

/* FoxMon waits in S3 under the unload lock, in `worker`, for `left` references. */
static inline void bench_s3(struct bench *b, uint64_t left)
{
	mm_drain(&b->k, b->fox, BLOCK1, left);
	mm_unloading(&b->k, b->fox, false);
	mm_wait_block(&b->k, b->worker, BLOCK1);
	mm_own(&b->k, b->lock, b->worker);
}

static inline void bench_run(struct bench *b)
{
	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
}

/* These rules stay silent; NULL ends. */
static inline void bench_silent(const struct bench *b, const char *const *rules)
{
	for (; *rules; rules++)
		if (mm_finding(&b->r, *rules)) {
			print_error("%s fired\n", *rules);
			assert_null(mm_finding(&b->r, *rules));
		}
}
#define SILENT(b, ...) bench_silent(b, (const char *const[]){__VA_ARGS__, NULL})

static inline const struct fs_verdict *bench_verdict(const struct bench *b, uint64_t filter,
						     const char *cause, enum fs_confidence c)
{
	const struct fs_verdict *v = mm_verdict(&b->r, filter);

	assert_non_null(v);
	assert_non_null(v->cause_id);
	assert_string_equal(v->cause_id, cause);
	assert_int_equal(v->confidence, c);
	assert_int_equal(v->state, FS_ST_STUCK);
	return v;
}

static inline bool bench_cites(const struct fs_evidence *e, size_t n, const char *field)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(e[i].field, field) == 0)
			return true;
	return false;
}

#endif
