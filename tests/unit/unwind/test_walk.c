/* SPDX-License-Identifier: BSD-2-Clause */
/* What a walk believes: damaged stacks and unwind data give fewer frames, never made-up ones. */
#include "support/test.h"

#include "support/unwind_world.h"

/* version 1, prologue of 4 bytes: sub rsp, 0x28 */
static const uint8_t plain[] = {1, 4, 1, 0, 4, 0x42};
enum { FRAME = 0x30 }; /* bytes of it with the return address */

static struct unwind_trace trace;
static struct uw w;

/* Three plain functions at 0x1000, 0x1100, 0x1200, of which the last was called by nobody. */
static void three(void)
{
	uint32_t i;

	uw_init(&w, UNWIND_X64);
	for (i = 0; i < 3; i++)
		(void)uw_function(&w, 0x1000 + i * 0x100, 0x1100 + i * 0x100, plain, sizeof(plain));
	uw_slot(&w, UW_STACK + 0x128, uw_call(0x140));
	uw_slot(&w, UW_STACK + 0x158, uw_call(0x240));
	uw_slot(&w, UW_STACK + 0x188, 0);
}

static void walk(uint64_t ip, uint64_t sp)
{
	unwind_trace_deinit(&trace);
	trace = uw_walk(&w, ip, sp, false);
}

static void walk_three(void)
{
	walk(uw_call(0x40), UW_STACK + 0x100);
}

static int setup(void **state)
{
	(void)state;
	three();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	uw_deinit(&w);
	unwind_trace_deinit(&trace);
	trace = (struct unwind_trace){0};
	return 0;
}

static void frames_are(size_t n, enum fs_stack_end end)
{
	assert_int_equal(trace.frames.n, n);
	assert_int_equal(trace.end, end);
}

static void whole(void **state)
{
	size_t i;

	(void)state;
	walk_three();
	frames_are(3, FS_STACK_BOTTOM);
	for (i = 0; i < 3; i++) {
		assert_true(trace.frames.v[i].ip == uw_call(0x40 + (uint32_t)i * 0x100));
		assert_true(trace.frames.v[i].sp == UW_STACK + 0x100 + FRAME * i);
		assert_true(trace.frames.v[i].ret_at == UW_STACK + 0x128 + FRAME * i);
		assert_int_equal(trace.frames.v[i].how, i ? FS_FRAME_UNWOUND : FS_FRAME_CONTEXT);
	}
	assert_string_equal(trace.why.text, "");
}

/* Where the stack is cut, or overwritten, at any slot, the frames before it stay. */
static void damaged_slots(void **state)
{
	static const uint64_t bad[] = {
		0x41,	   0xdead0000beef, UW_BASE + 0x3000, UW_BASE + 0x1143, UW_STACK + 0x100,
		UINT64_MAX};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uw_slot(&w, UW_STACK + 0x158, bad[i]);
		walk_three();
		frames_are(2, FS_STACK_BROKEN);
		assert_true(trace.why.text[0]);
	}
	uw_slot(&w, UW_STACK + 0x158, uw_call(0x240));
	for (w.stack_bytes = 0x188; w.stack_bytes > 0x100; w.stack_bytes -= 8) {
		walk_three();
		frames_are(w.stack_bytes > 0x158   ? 3
			   : w.stack_bytes > 0x128 ? 2
						   : 1,
			   FS_STACK_UNREADABLE);
	}
}

/* A function that calls itself for ever: each frame is one, and there is a bound. */
static void bounded(void **state)
{
	struct unwind_start start = {.regs = {.ip = uw_call(0x40), .sp = UW_STACK + 0x100},
				     .max = 7};
	uint32_t i;

	(void)state;
	for (i = 0; i < 0x1e00 / FRAME - 1; i++)
		uw_slot(&w, UW_STACK + 0x128 + FRAME * i, uw_call(0x40));
	walk_three();
	assert_true(trace.frames.n > 100 && trace.frames.n < UNWIND_FRAMES_MAX);
	assert_true(trace.end == FS_STACK_BROKEN || trace.end == FS_STACK_BOTTOM);
	unwind_trace_deinit(&trace);
	assert_int_equal(unwind_walk(w.u, &w.segments, &start, &trace, NULL), FS_OK);
	frames_are(7, FS_STACK_LIMIT);
}

/* A return address 0 ends the stack where the thread began, in the image that begins threads. In
 * the middle of a stack it is damage, as any other address that nothing was called from. */
static void false_bottoms(void **state)
{
	(void)state;
	uw_slot(&w, UW_STACK + 0x158, 0);
	walk_three();
	frames_are(2, FS_STACK_BOTTOM);
	w.segments.first = UW_STACK + 0x160 + UNWIND_FIRST_BYTES;
	walk_three();
	frames_are(2, FS_STACK_BOTTOM);
	w.segments.first += 8;
	walk_three();
	frames_are(2, FS_STACK_BROKEN);
	assert_non_null(strstr(trace.why.text, "not where the thread began"));
	w.segments.first = 0; /* not known */
	walk_three();
	frames_are(2, FS_STACK_BROKEN);
	w.segments.first = UW_OTHER; /* on a stretch that it did not get to */
	walk_three();
	frames_are(2, FS_STACK_BROKEN);
	w.segments.first = UW_STACK + UW_FIRST;
	w.segments.first_image = UW_BASE - UW_IMAGE;
	walk_three();
	frames_are(2, FS_STACK_BROKEN);
	assert_non_null(strstr(trace.why.text, "no thread begins in"));
}

/* Frame pointers that lead down, out of the stack, or round. */
static void frame_pointers(void **state)
{
	/* push rbp; lea rbp, [rsp]: the frame register is rbp */
	static const uint8_t with_rbp[] = {1, 4, 2, 5, 4, 0x03, 1, 0x50};
	static const uint64_t bad[] = {
		UW_STACK, UW_STACK + 0x100 - 8, UW_STACK + UW_STACK_SIZE + 8, UW_OTHER + 0x100, 0,
		8,	  UINT64_MAX - 7};
	struct unwind_start start = {.regs = {.ip = uw_call(0x440), .sp = UW_STACK + 0x100}};
	size_t i;

	(void)state;
	(void)uw_function(&w, 0x1400, 0x1500, with_rbp, sizeof(with_rbp));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start.regs.gpr[5] = bad[i];
		start.regs.known = 1u << 5;
		if (bad[i] == UW_STACK) /* leads down to a whole frame */
			uw_slot(&w, UW_STACK + 8, uw_call(0x140));
		unwind_trace_deinit(&trace);
		assert_int_equal(unwind_walk(w.u, &w.segments, &start, &trace, NULL), FS_OK);
		frames_are(1, FS_STACK_BROKEN);
	}
	/* not known at all: nothing is assumed about it */
	start.regs.known = 0;
	start.no_scan = true;
	unwind_trace_deinit(&trace);
	assert_int_equal(unwind_walk(w.u, &w.segments, &start, &trace, NULL), FS_OK);
	frames_are(1, FS_STACK_UNREADABLE);
	assert_non_null(strstr(trace.why.text, "register 5"));
}

/* A machine frame leads to another stretch of the stack, once. */
static void stretches(void **state)
{
	static const uint8_t machine[] = {1, 0, 1, 0, 0, 0x0a};

	(void)state;
	(void)uw_function(&w, 0x1400, 0x1500, machine, sizeof(machine));
	uw_slot(&w, UW_STACK + 0x158, uw_call(0x440));
	uw_slot(&w, UW_STACK + 0x160, uw_call(0x40)); /* rip, cs, flags, rsp, ss */
	uw_slot(&w, UW_STACK + 0x168, 0x10);
	uw_slot(&w, UW_STACK + 0x178, UW_OTHER + 0x100);
	uw_slot(&w, UW_OTHER + 0x128, 0);
	walk_three();
	frames_are(3, FS_STACK_BROKEN); /* that memory is no stack of this thread */
	w.segments.segment[w.segments.n++] =
		(struct unwind_segment){UW_OTHER, UW_OTHER + UW_STACK_SIZE};
	w.segments.first = UW_OTHER + UW_FIRST;
	walk_three();
	frames_are(4, FS_STACK_BOTTOM);
	assert_int_equal(trace.frames.v[3].how, FS_FRAME_TRAP);
	/* and back: refused, or it would go round */
	uw_slot(&w, UW_OTHER + 0x128, uw_call(0x440));
	uw_slot(&w, UW_OTHER + 0x130, uw_call(0x40));
	uw_slot(&w, UW_OTHER + 0x138, 0x10);
	uw_slot(&w, UW_OTHER + 0x148, UW_STACK + 0x100);
	walk_three();
	frames_are(5, FS_STACK_BROKEN);
	/* no code selector: no machine frame */
	uw_slot(&w, UW_STACK + 0x168, 0x1234567);
	walk_three();
	frames_are(3, FS_STACK_BROKEN);
	/* user mode */
	uw_slot(&w, UW_STACK + 0x160, 0x7ffe863c5ce4);
	uw_slot(&w, UW_STACK + 0x168, 0x33);
	walk_three();
	frames_are(3, FS_STACK_USER);
	assert_true(trace.frames.v[2].ret == 0x7ffe863c5ce4);
	uw_slot(&w, UW_STACK + 0x160, uw_call(0x40)); /* kernel code does not run there */
	walk_three();
	frames_are(3, FS_STACK_BROKEN);
}

/* Without unwind data: slots behind a call in code, and nothing else, marked. */
static void scan(void **state)
{
	size_t i;

	(void)state;
	w.nfunctions = 0;
	uw_slot(&w, UW_STACK + 0x108, UW_BASE + 0x1143); /* not behind a call */
	uw_slot(&w, UW_STACK + 0x110, UW_BASE + 0x3000); /* no code */
	uw_slot(&w, UW_STACK + 0x118, UW_STACK + 0x128); /* no image */
	uw_slot(&w, UW_STACK + 0x120, 0x7ffe863c5ce4);
	uw_slot(&w, UW_STACK + 0x100, uw_call(0x40)); /* where it stands, as a saved CONTEXT has it */
	walk_three();
	frames_are(3, FS_STACK_UNREADABLE);
	for (i = 1; i < 3; i++) {
		assert_int_equal(trace.frames.v[i].how, FS_FRAME_SCANNED);
		assert_true(trace.frames.v[i].sp == UW_STACK + 0x100 + FRAME * i);
	}
	/* a scan only starts it: data goes on, but what rests on a guess is one */
	uw_deinit(&w);
	three();
	w.nfunctions = 2;
	w.no_sections = false;
	uw_slot(&w, UW_STACK + 0x158, uw_call(0x440)); /* in no function */
	uw_slot(&w, UW_STACK + 0x178, uw_call(0x60));
	uw_slot(&w, UW_STACK + 0x178 + FRAME - 8 + 8, 0);
	walk_three();
	assert_int_equal(trace.frames.v[1].how, FS_FRAME_UNWOUND);
	assert_int_equal(trace.frames.v[2].how, FS_FRAME_UNWOUND);
	assert_int_equal(trace.frames.v[3].how, FS_FRAME_SCANNED);
	for (i = 4; i < trace.frames.n; i++)
		assert_int_equal(trace.frames.v[i].how, FS_FRAME_SCANNED);
	/* code that cannot be read proves nothing */
	w.nfunctions = 0;
	w.readable = UW_CODE;
	uw_again(&w);
	walk_three();
	frames_are(1, FS_STACK_UNREADABLE);
	assert_true(trace.unverified_slots > 0);
}

/* What was interrupted may be a jump to nowhere; its caller is found by what it pushed. */
static void jump_to_nowhere(void **state)
{
	static const uint8_t machine[] = {1, 0, 1, 0, 0, 0x1a}; /* with an error code */

	(void)state;
	(void)uw_function(&w, 0x1400, 0x1500, machine, sizeof(machine));
	uw_slot(&w, UW_STACK + 0x158, uw_call(0x440));
	uw_slot(&w, UW_STACK + 0x160, 2);
	uw_slot(&w, UW_STACK + 0x168, 0x1000); /* rip */
	uw_slot(&w, UW_STACK + 0x170, 0x10);
	uw_slot(&w, UW_STACK + 0x180, UW_STACK + 0x190); /* rsp */
	uw_slot(&w, UW_STACK + 0x190, uw_call(0x60));
	uw_slot(&w, UW_STACK + 0x198 + 0x28, 0);
	walk_three();
	assert_true(trace.frames.n >= 5);
	assert_true(trace.frames.v[3].ip == 0x1000);
	assert_int_equal(trace.frames.v[3].how, FS_FRAME_TRAP);
	assert_true(trace.frames.v[4].ip == uw_call(0x60));
	assert_int_equal(trace.frames.v[4].how, FS_FRAME_SCANNED);
}

static void no_stack(void **state)
{
	(void)state;
	walk(uw_call(0x40), UW_OTHER);
	frames_are(0, FS_STACK_BROKEN);
	walk(uw_call(0x40), UINT64_MAX);
	frames_are(0, FS_STACK_BROKEN);
	w.segments.n = 0;
	walk_three();
	frames_are(0, FS_STACK_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_slots, setup, teardown),
cmocka_unit_test_setup_teardown(false_bottoms, setup, teardown),
		cmocka_unit_test_setup_teardown(bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(frame_pointers, setup, teardown),
		cmocka_unit_test_setup_teardown(stretches, setup, teardown),
		cmocka_unit_test_setup_teardown(scan, setup, teardown),
		cmocka_unit_test_setup_teardown(jump_to_nowhere, setup, teardown),
		cmocka_unit_test_setup_teardown(no_stack, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
