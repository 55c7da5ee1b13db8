/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind_trace IMAGE TRACE: unwinds at each record of an ARM64 program's run, which
 * check_unwind.py took down from qemu's gdb stub together with the true callers. A record, in
 * words of 8 bytes: pc, sp, x0..x30, n, n pairs (return address, caller's sp) innermost first,
 * bytes of stack from sp on, these bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "unwind_image.h"

enum { REGS = 31, DEPTH_MAX = 256, MAX_FAILURES = 20 };

static struct {
	struct test_image image;
	uint64_t pc, sp, x[REGS], depth, ret[DEPTH_MAX], caller_sp[DEPTH_MAX], stack_bytes;
	uint8_t *stack;
	unsigned long checked, failures;
} T;

static enum fs_status read_stack(uint64_t va, void *buf, size_t n)
{
	memcpy(buf, T.stack + (va - T.sp), n);
	return FS_OK;
}

static bool word(FILE *f, uint64_t *ret)
{
	uint8_t b[8];

	if (fread(b, 1, 8, f) != 8)
		return false;
	*ret = load_u64(b);
	return true;
}

static bool next(FILE *f)
{
	bool ok = word(f, &T.pc) && word(f, &T.sp);
	uint64_t i;

	for (i = 0; ok && i < REGS; i++)
		ok = word(f, &T.x[i]);
	ok = ok && word(f, &T.depth) && T.depth <= DEPTH_MAX;
	for (i = 0; ok && i < T.depth; i++)
		ok = word(f, &T.ret[i]) && word(f, &T.caller_sp[i]);
	if (!ok || !word(f, &T.stack_bytes))
		return false;
	T.stack = realloc(T.stack, T.stack_bytes + 1);
	return T.stack && fread(T.stack, 1, T.stack_bytes, f) == T.stack_bytes;
}

static void fail(const struct unwind_trace *t)
{
	uint64_t i;

	if (T.failures++ >= MAX_FAILURES)
		return;
	printf("not ok - at +0x%llx\n", (unsigned long long)(T.pc - T.image.base));
	for (i = 0; i < t->frames.n; i++)
		printf("#   %llx sp %llx ret %llx how %d\n", (unsigned long long)t->frames.v[i].ip,
		       (unsigned long long)t->frames.v[i].sp,
		       (unsigned long long)t->frames.v[i].ret, t->frames.v[i].how);
	for (i = 0; i < T.depth; i++)
		printf("#   true: ret %llx, caller's sp %llx\n", (unsigned long long)T.ret[i],
		       (unsigned long long)T.caller_sp[i]);
	printf("#   end %d: %s\n", t->end, t->why.text);
}

static void check(struct unwind *u)
{
	struct unwind_stack stack = {.segment = {{T.sp, T.sp + T.stack_bytes}},
				     .n = 1,
				     .first = T.sp + T.stack_bytes};
	struct unwind_start start = {.exact = true};
	struct unwind_trace t;
	bool good;
	uint64_t i;

	T.image.stack_low = T.sp;
	T.image.stack_high = T.sp + T.stack_bytes;
	start.regs.ip = T.pc;
	start.regs.sp = T.sp;
	memcpy(start.regs.gpr, T.x, sizeof(T.x));
	start.regs.known = UINT32_MAX >> 1;
	if (unwind_walk(u, &stack, &start, &t, NULL) != FS_OK)
		exit(2);
	good = t.end == FS_STACK_BOTTOM && t.frames.n == T.depth;
	for (i = 0; good && i < T.depth; i++)
		good = t.frames.v[i].ret == T.ret[i] && t.frames.v[i].how != FS_FRAME_SCANNED &&
		       (i + 1 == T.depth || t.frames.v[i + 1].sp == T.caller_sp[i]);
	T.checked++;
	if (!good)
		fail(&t);
	unwind_trace_deinit(&t);
}

int main(int argc, char **argv)
{
	struct unwind_memory mem = test_image_memory(&T.image);
	struct unwind *u = NULL;
	FILE *f;

	if (argc != 3)
		return 2;
	test_image_load(&T.image, argv[1], false);
	T.image.read_stack = read_stack;
	f = fopen(argv[2], "rb");
	if (!f || unwind_create(UNWIND_ARM64, &mem, &u, NULL) != FS_OK)
		return 2;
	while (next(f))
		check(u);
	printf("trace: %lu instructions, %lu failures\n", T.checked, T.failures);
	(void)fclose(f);
	unwind_destroy(u);
	free(T.stack);
	free(T.image.bytes);
	return T.failures != 0;
}
