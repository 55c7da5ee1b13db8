/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits for a rundown: the event stands behind the wait block's Count, which is as wide as a
 * pointer: 8 bytes on x64, 4 on x86 (facts: unload-causes.md, {+0 Count, +8 KEVENT}).
 */
#include "check/unload.h"
#include "support/waits_bench.h"

#define STACK32 0x8b02a000ull
#define BLOCK32 0x8b02fc00ull

static struct waiter ask(struct bench *b, const char *machine, uint64_t object)
{
	size_t thread;

	bench_begin(b);
	b->k.m.dump.machine = machine;
	thread = mm_thread(&b->k, 0x85814080, STACK32);
	(void)mm_wait(&b->k, thread, object, "NotificationEvent");
	return waiter_of_block(&b->k.m, BLOCK32);
}

static void the_event_is_behind_a_pointer(void **state)
{
	static const struct {
		const char *machine;
		uint64_t object;
		enum fs_confidence sure;
	} at[] = {{"x86", BLOCK32 + 4, FS_PROVED},   {"x86", BLOCK32 + 8, FS_LIKELY},
		  {"x64", BLOCK32 + 8, FS_PROVED},   {"x64", BLOCK32 + 4, FS_LIKELY},
		  {"arm64", BLOCK32 + 8, FS_PROVED}, {NULL, BLOCK32 + 8, FS_PROVED}};

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct bench b = {0};
		struct waiter w = ask(&b, at[i].machine, at[i].object);

		/* on its stack: it is the one, whatever it waits for */
		assert_true(w.thread >= 0);
		assert_int_equal(w.sure, at[i].sure);
		assert_int_equal(w.wait != NULL, at[i].sure == FS_PROVED);
		arena_deinit(&b.a);
	}
}

static void a_block_at_the_end_of_memory(void **state)
{
	struct bench b = {0};

	(void)state;
	bench_begin(&b);
	assert_int_equal(waiter_of_block(&b.k.m, UINT64_MAX - 3).thread, -1);
	assert_int_equal(waiter_of_block(&b.k.m, 0).thread, -1);
	arena_deinit(&b.a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_event_is_behind_a_pointer),
		cmocka_unit_test(a_block_at_the_end_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
