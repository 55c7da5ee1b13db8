/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86: the chain of frame pointers as far as it holds, then a scan of 4-byte slots. Every frame but
 * the first is marked. Call forms are the Intel SDM's (vol. 2, CALL).
 */
#include <stdlib.h>

#include "support/test.h"
#include "unwind/unwind.h"

#define BASE  0x82600000u
#define STACK 0x8d000000u
enum { CODE = 0x1000, CODE_END = 0x2000, STACK_SIZE = 0x2000 };

static struct {
	uint8_t image[CODE_END], stack[STACK_SIZE];
	size_t stack_from; /* what lies below is not in the dump */
	bool no_code;
} w;
static struct unwind *u;
static struct unwind_trace trace;

static enum fs_status read_stack(void *ctx, uint64_t va, void *buf, size_t n, struct fs_error *err)
{
	(void)ctx;
	if (va < STACK + w.stack_from || va + n > STACK + STACK_SIZE)
		return fs_fail_at(err, FS_NOT_IN_DUMP, va, "stack");
	memcpy(buf, w.stack + (va - STACK), n);
	return FS_OK;
}

static enum fs_status read_image(void *ctx, uint64_t va, void *buf, size_t n, bool *from_image,
				 struct fs_error *err)
{
	(void)ctx;
	(void)from_image;
	if (w.no_code || va < BASE || va + n > BASE + CODE_END)
		return fs_fail_at(err, FS_NOT_IN_DUMP, va, "code");
	memcpy(buf, w.image + (va - BASE), n);
	return FS_OK;
}

/* An exception directory of an x86 image is nothing to unwind by: it must not be asked for. */
static enum fs_status find_image(void *ctx, uint64_t va, struct unwind_image *ret, bool *from_image,
				 struct fs_error *err)
{
	(void)ctx;
	(void)ret;
	(void)from_image;
	(void)err;
	fail_msg("unwind data of 0x%llx was looked for", (unsigned long long)va);
	return FS_NOT_FOUND;
}

static int executable(void *ctx, uint64_t va)
{
	(void)ctx;
	return va >= BASE + CODE && va < BASE + CODE_END;
}

static bool is_kernel(void *ctx, uint64_t va)
{
	(void)ctx;
	return va >= 0x80000000u && va <= UINT32_MAX;
}

static void slot(uint32_t va, uint32_t v)
{
	size_t i;

	for (i = 0; i < 4; i++)
		w.stack[va - STACK + i] = (uint8_t)(v >> 8 * i);
}

/* Behind the n-th call of the code: call rel32 before every 0x20. */
static uint32_t behind(uint32_t n)
{
	return BASE + CODE + 0x20 * n;
}

static void renew(void)
{
	struct unwind_memory mem = {NULL,	read_stack, read_image,
				    find_image, executable, is_kernel};

	unwind_destroy(u);
	u = NULL;
	assert_int_equal(unwind_create(UNWIND_X86, &mem, &u, NULL), FS_OK);
}

static int setup(void **state)
{
	uint32_t at;

	(void)state;
	memset(&w, 0, sizeof(w));
	memset(w.image + CODE, 0xcc, CODE_END - CODE);
	for (at = CODE + 0x20; at < CODE_END; at += 0x20)
		memcpy(w.image + at - 5, "\xe8\0\0\0\0", 5);
	renew();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unwind_trace_deinit(&trace);
	trace = (struct unwind_trace){0};
	unwind_destroy(u);
	u = NULL;
	return 0;
}

static void walk(uint32_t ip, uint32_t sp, uint32_t ebp, size_t max)
{
	struct unwind_stack s = {.segment = {{STACK, STACK + STACK_SIZE}}, .n = 1};
	struct unwind_start start = {
		.regs = {.ip = ip, .sp = sp, .known = 0xff}, .exact = true, .max = max};

	start.regs.gpr[5] = ebp;
	unwind_trace_deinit(&trace);
	assert_int_equal(unwind_walk(u, &s, &start, &trace, NULL), FS_OK);
}

static void frame_is(size_t i, uint32_t ip, uint32_t sp, enum fs_frame_how how)
{
	assert_true(i < trace.frames.n);
	assert_int_equal(trace.frames.v[i].ip, ip);
	assert_int_equal(trace.frames.v[i].sp, sp);
	assert_int_equal(trace.frames.v[i].how, how);
}

/* EBP of 0x100 leads to 0x180, that to 0x1c0, whose saved EBP is 0. */
static void put_chain(void)
{
	slot(STACK + 0x100, STACK + 0x180);
	slot(STACK + 0x104, behind(1));
	slot(STACK + 0x180, STACK + 0x1c0);
	slot(STACK + 0x184, behind(2));
	slot(STACK + 0x1c0, 0);
	slot(STACK + 0x1c4, behind(3));
}

static void chain(void **state)
{
	(void)state;
	put_chain();
	walk(BASE + CODE + 7, STACK + 0xf0, STACK + 0x100, 0);
	assert_int_equal(trace.frames.n, 4);
	frame_is(0, BASE + CODE + 7, STACK + 0xf0, FS_FRAME_CONTEXT);
	frame_is(1, behind(1), STACK + 0x108, FS_FRAME_POINTER);
	frame_is(2, behind(2), STACK + 0x188, FS_FRAME_POINTER);
	frame_is(3, behind(3), STACK + 0x1c8, FS_FRAME_POINTER);
	assert_int_equal(trace.frames.v[1].ret, behind(2));
	assert_int_equal(trace.frames.v[1].ret_at, STACK + 0x184);
	assert_false(trace.frames.v[3].ret_known);
	/* where it ends is never said to be the whole */
	assert_int_equal(trace.end, FS_STACK_UNREADABLE);
	assert_non_null(strstr(trace.why.text, "32-bit code has no unwind data, and EBP 0x0"));
}

static void limit(void **state)
{
	(void)state;
	put_chain();
	walk(BASE + CODE + 7, STACK + 0xf0, STACK + 0x100, 2);
	assert_int_equal(trace.frames.n, 2);
	assert_int_equal(trace.end, FS_STACK_LIMIT);
}

/* Where the chain breaks a scan goes on, at slots of 4 bytes, and all that follow are its. */
static void broken_chain_is_scanned(void **state)
{
	(void)state;
	put_chain();
	slot(STACK + 0x184, behind(2) + 1); /* no call before it */
	slot(STACK + 0x14c, behind(7));
	slot(STACK + 0x150, BASE + CODE + 3); /* in code, but behind no call */
	walk(BASE + CODE + 7, STACK + 0xf0, STACK + 0x100, 0);
	assert_int_equal(trace.frames.n, 4);
	frame_is(1, behind(1), STACK + 0x108, FS_FRAME_POINTER);
	frame_is(2, behind(7), STACK + 0x150, FS_FRAME_SCANNED);
	frame_is(3, behind(3), STACK + 0x1c8, FS_FRAME_SCANNED);
	assert_int_equal(trace.end, FS_STACK_UNREADABLE);
	assert_non_null(strstr(trace.why.text, "no unwind data"));
}

/* A frame pointer that cannot be one is not followed. */
static void wild_frame_pointers(void **state)
{
	static const uint32_t wild[] = {0,
					1,
					STACK - 8,
					STACK + 0xec,  /* below the stack pointer */
					STACK + 0x102, /* askew */
					STACK + STACK_SIZE - 4,
					STACK + STACK_SIZE,
					0x7ffe0000,
					0xfffffffc,
					UINT32_MAX};
	size_t i;

	(void)state;
	put_chain();
	for (i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		walk(BASE + CODE + 7, STACK + 0xf0, wild[i], 0);
		assert_int_equal(trace.frames.n, 4);
		frame_is(1, behind(1), STACK + 0x108, FS_FRAME_SCANNED);
	}
}

/* A chain that comes back to itself ends. */
static void cycles(void **state)
{
	(void)state;
	slot(STACK + 0x100, STACK + 0x100);
	slot(STACK + 0x104, behind(1));
	walk(BASE + CODE + 7, STACK + 0xf0, STACK + 0x100, 0);
	assert_int_equal(trace.frames.n, 2);
	slot(STACK + 0x100, STACK + 0x200);
	slot(STACK + 0x200, STACK + 0x100);
	slot(STACK + 0x204, behind(2));
	walk(BASE + CODE + 7, STACK + 0xf0, STACK + 0x100, 0);
	assert_int_equal(trace.frames.n, 3);
	frame_is(2, behind(2), STACK + 0x208, FS_FRAME_POINTER);
}

/* Addresses of user mode are no frames, and no proof that user mode was reached. */
static void user_addresses(void **state)
{
	(void)state;
	slot(STACK + 0x100, 0x0012ff80);
	slot(STACK + 0x104, 0x76e41174);
	walk(BASE + CODE + 7, STACK + 0xf0, STACK + 0x100, 0);
	assert_int_equal(trace.frames.n, 1);
	assert_int_equal(trace.end, FS_STACK_UNREADABLE);
}

static void missing_stack_and_code(void **state)
{
	(void)state;
	put_chain();
	w.stack_from = 0x1000;
	walk(BASE + CODE + 7, STACK + 0xf0, STACK + 0x100, 0);
	assert_int_equal(trace.frames.n, 1);
	assert_int_equal(trace.end, FS_STACK_UNREADABLE);
	w.stack_from = 0;
	w.no_code = true;
	renew();
	walk(BASE + CODE + 7, STACK + 0xf0, STACK + 0x100, 0);
	assert_int_equal(trace.frames.n, 1);
	assert_int_equal(trace.unverified_slots, 3);
}

static void calls(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int is_call;
	} form[] = {
		{"\xe8\x10\0\0\0", 5, 1},	    /* call rel32 */
		{"\xff\xd0", 2, 1},		    /* call eax */
		{"\xff\x13", 2, 1},		    /* call [ebx] */
		{"\xff\x50\x18", 3, 1},		    /* call [eax+18h] */
		{"\xff\x15\x34\x12\x60\x82", 6, 1}, /* call ds:[82601234h] */
		{"\xff\x94\x24\x80\0\0\0", 7, 1},   /* call [esp+80h] */
		{"\xe9\x10\0\0\0", 5, 0},	    /* jmp */
		{"\xff\xe0", 2, 0},		    /* jmp eax */
		{"\xff\x30", 2, 0},		    /* push [eax] */
		{"\x41\xff\xe0", 3, 0},		    /* inc ecx; jmp eax: 41 is no prefix here */
		{"\x90\x90\x90\x90", 4, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		bool file = false;

		memset(w.image + CODE, 0xcc, 0x40);
		memcpy(w.image + CODE + 0x20 - form[i].n, form[i].bytes, form[i].n);
		renew();
		assert_int_equal(unwind_call_before(u, BASE + CODE + 0x20, &file), form[i].is_call);
	}
}

/* Whatever a stack holds: it ends, and frames go up. */
static void noise(void **state)
{
	size_t round, i;

	(void)state;
	srand(1);
	for (round = 0; round < 400; round++) {
		for (i = 0; i < STACK_SIZE; i += 4)
			slot((uint32_t)(STACK + i),
			     rand() % 3 == 0   ? behind(1 + (uint32_t)rand() % 100)
			     : rand() % 2 == 0 ? STACK + ((uint32_t)rand() % STACK_SIZE & ~3u)
					       : (uint32_t)rand());
		walk(BASE + CODE + 7, STACK + 0x100, STACK + ((uint32_t)rand() % STACK_SIZE), 0);
		for (i = 1; i < trace.frames.n; i++)
			assert_true(trace.frames.v[i].sp > trace.frames.v[i - 1].sp);
		assert_true(trace.frames.n <= UNWIND_FRAMES_MAX);
		assert_true(trace.end == FS_STACK_UNREADABLE || trace.end == FS_STACK_LIMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chain, setup, teardown),
		cmocka_unit_test_setup_teardown(limit, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_chain_is_scanned, setup, teardown),
		cmocka_unit_test_setup_teardown(wild_frame_pointers, setup, teardown),
		cmocka_unit_test_setup_teardown(cycles, setup, teardown),
		cmocka_unit_test_setup_teardown(user_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_stack_and_code, setup, teardown),
		cmocka_unit_test_setup_teardown(calls, setup, teardown),
		cmocka_unit_test_setup_teardown(noise, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
