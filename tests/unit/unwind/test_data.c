/* SPDX-License-Identifier: BSD-2-Clause */
/* Unwind data that lies: cut, out of bounds, chained to itself, at its maxima, random. */
#include "support/test.h"

#include "base/cursor.h"
#include "support/unwind_world.h"
#include "unwind/impl.h"

static struct uw w;

static int teardown(void **state)
{
	(void)state;
	uw_deinit(&w);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	uw_init(&w, UNWIND_X64);
	return 0;
}

static enum fs_status step(uint64_t ip, bool exact, struct unwind_result *r)
{
	struct unwind_regs regs = {.ip = ip, .sp = UW_STACK + 0x100, .known = 0xffff};
	struct unwind_result ignored;

	regs.gpr[5] = UW_STACK + 0x200;
	return unwind_step(w.u, &w.segments, &regs, exact, r ? r : &ignored, NULL);
}

static enum fs_status with_info(const void *info, size_t n)
{
	w.nfunctions = 0;
	w.info_at = UW_INFO;
	(void)uw_function(&w, 0x1000, 0x1100, info, n);
	uw_again(&w);
	return step(uw_call(0x40), false, NULL);
}

static void versions(void **state)
{
	uint8_t info[4] = {0, 0, 0, 0};
	unsigned v;

	(void)state;
	for (v = 0; v < 8; v++) {
		info[0] = (uint8_t)v;
		assert_int_equal(with_info(info, sizeof(info)),
				 v == 1 || v == 2 ? FS_OK : FS_UNSUPPORTED);
	}
}

/* Every operation, with every information, in too few slots and in enough. */
static void operations(void **state)
{
	/* slots that Microsoft's table gives: 0 stands for none such */
	static const uint8_t slots[16] = {1, 2, 1, 1, 2, 3, 2, 3, 2, 3, 1};
	uint8_t info[4 + 2 * 4];
	unsigned op, more, have;

	(void)state;
	for (op = 0; op < 16; op++)
		for (more = 0; more < 16; more++)
			for (have = 1; have < 5; have++) {
				struct x64_info x;
				unsigned need = slots[op];
				bool good;

				if (op == 1)
					need = more > 1 ? 0 : 2 + more;
				if (op == 10 && more > 1)
					need = 0;
				memset(info, 0, sizeof(info)); /* 0: push rax */
				info[0] = 1;
				info[2] = (uint8_t)have;
				info[3] = 5;
				info[5] = (uint8_t)(more << 4 | op);
				good = need && need <= have;
				assert_int_equal(x64_info_parse(info, info + 4, &x, NULL),
						 good ? FS_OK : FS_CORRUPT);
				if (good)
					assert_int_equal(x.nops, 1 + have - need);
			}
}

/* 255 slots, the most there can be: 255 pushes. Cut at every byte: never a frame. */
static void maxima(void **state)
{
	uint8_t info[4 + 2 * 256] = {1, 0, 255, 0};
	struct unwind_result r;
	uint32_t end;

	(void)state;
	uw_slot(&w, UW_STACK + 0x100 + 255 * 8, uw_call(0x80));
	assert_int_equal(with_info(info, sizeof(info)), FS_OK);
	assert_int_equal(step(uw_call(0x40), false, &r), FS_OK);
	assert_true(r.regs.ip == uw_call(0x80) && r.ret_at == UW_STACK + 0x100 + 255 * 8);
	end = UW_INFO + 4 + 2 * 255;
	for (w.readable = end - 1; w.readable >= UW_INFO; w.readable--) {
		uw_again(&w);
		assert_int_equal(step(uw_call(0x40), false, NULL), FS_NOT_IN_DUMP);
	}
	/* and the table itself */
	for (w.readable = UW_TABLE + 11; w.readable >= UW_TABLE; w.readable--) {
		uw_again(&w);
		assert_int_equal(step(uw_call(0x40), false, NULL), FS_NOT_IN_DUMP);
	}
}

static void chains(void **state)
{
	uint8_t info[16] = {0x21, 0, 0, 0};
	uint32_t self[3] = {0x1000, 0x1100, UW_INFO};
	unsigned i;

	(void)state;
	memcpy(info + 4, self, sizeof(self));
	assert_int_equal(with_info(info, sizeof(info)), FS_CORRUPT);
	/* a long one that ends is followed, a longer one is not */
	for (i = 30; i < 34; i++) {
		unsigned k;

		uw_deinit(&w);
		uw_init(&w, UNWIND_X64);
		for (k = 0; k <= i; k++) {
			self[2] = UW_INFO + 16 * (k + 1);
			memcpy(info + 4, self, sizeof(self));
			info[0] = k < i ? 0x21 : 0x01;
			uw_put(&w, UW_INFO + 16 * k, info, sizeof(info));
		}
		uw_entry(&w, 0x1000, 0x1100, UW_INFO);
		assert_int_equal(step(uw_call(0x40), false, NULL), i < 32 ? FS_OK : FS_CORRUPT);
	}
	/* out of the image */
	self[2] = UW_IMAGE - 2;
	memcpy(info + 4, self, sizeof(self));
	info[0] = 0x21;
	assert_int_equal(with_info(info, sizeof(info)), FS_CORRUPT);
	self[2] = 0xfffffffc;
	memcpy(info + 4, self, sizeof(self));
	assert_int_equal(with_info(info, sizeof(info)), FS_CORRUPT);
}

static void tables(void **state)
{
	static const uint8_t plain[] = {1, 0, 0, 0};

	(void)state;
	uw_put(&w, UW_INFO, plain, sizeof(plain));
	uw_entry(&w, 0x1000, 0x1100, UW_INFO + 1); /* stands for another entry: there is none */
	assert_int_equal(step(uw_call(0x40), false, NULL), FS_CORRUPT);
	w.nfunctions = 0;
	uw_entry(&w, 0x1000, 0x1100, UW_TABLE + 1); /* for itself */
	uw_again(&w);
	assert_int_equal(step(uw_call(0x40), false, NULL), FS_CORRUPT);
	w.nfunctions = 0;
	uw_entry(&w, 0x1000, 0xfffffff0, UW_INFO); /* out of the image */
	uw_again(&w);
	assert_int_equal(step(uw_call(0x40), false, NULL), FS_CORRUPT);
	w.nfunctions = 0;
	uw_entry(&w, 0x1000, 0x1010, UW_INFO); /* ends before */
	uw_again(&w);
	assert_int_equal(step(uw_call(0x40), false, NULL), FS_NOT_FOUND);
	w.nfunctions = 0;
	uw_entry(&w, 0x1000, 0x1100, 0xfffffffc);
	uw_again(&w);
	assert_int_equal(step(uw_call(0x40), false, NULL), FS_CORRUPT);
	w.nfunctions = 0x10000000 / 12; /* more than an image has room for */
	uw_again(&w);
	assert_int_equal(step(uw_call(0x40), false, NULL), FS_CORRUPT);
	w.nfunctions = 0; /* none at all: nothing is known, no leaf either */
	uw_again(&w);
	assert_int_equal(step(uw_call(0x40), true, NULL), FS_UNSUPPORTED);
}

/* Only where the processor stands can a function without an entry be a leaf. */
static void leaves(void **state)
{
	static const uint8_t plain[] = {1, 0, 0, 0};
	struct unwind_result r;

	(void)state;
	(void)uw_function(&w, 0x1000, 0x1100, plain, sizeof(plain));
	uw_slot(&w, UW_STACK + 0x100, uw_call(0x40));
	assert_int_equal(step(UW_BASE + 0x1200, true, &r), FS_OK);
	assert_true(r.regs.ip == uw_call(0x40) && r.regs.sp == UW_STACK + 0x108);
	assert_int_equal(step(UW_BASE + 0x1200, false, NULL), FS_NOT_FOUND);
	assert_int_equal(step(UW_STACK, true, NULL), FS_NOT_FOUND); /* in no image */
}

/* Random data of both machines: it ends, and each frame is code behind a call. */
static void noise(enum unwind_machine machine, unsigned seed)
{
	struct unwind_trace t;
	unsigned k;
	size_t i;

	for (k = 0; k < 300; k++) {
		uw_deinit(&w);
		uw_init(&w, machine);
		srand(seed + k);
		for (i = 0; i < 0x400; i++)
			w.image[UW_INFO + i] = (uint8_t)rand();
		for (i = 0; i < 16; i++)
			uw_entry(&w, 0x1000 + (uint32_t)i * 0x80,
				 machine == UNWIND_X64 ? 0x1080 + (uint32_t)i * 0x80
				 : k % 2	       ? (UW_INFO + (uint32_t)i * 0x20)
						       : (uint32_t)rand(),
				 UW_INFO + (uint32_t)i * 0x20);
		for (i = 0; i < 0x400; i += machine == UNWIND_X64 ? 0x20 : 0x40)
			w.image[UW_INFO + i] =
				(uint8_t)(machine == UNWIND_X64 ? 1 + rand() % 2 : 0x20);
		for (i = 0; i < UW_STACK_SIZE; i += 8)
			uw_slot(&w, UW_STACK + i,
				rand() % 3 ? uw_call((uint32_t)rand() % 0x800)
					   : UW_STACK + (uint64_t)(rand() % UW_STACK_SIZE));
		t = uw_walk(&w, uw_call(0x40), UW_STACK + 0x100, k % 3 == 0);
		assert_true(t.frames.n >= 1 && t.frames.n <= UNWIND_FRAMES_MAX);
		for (i = 1; i < t.frames.n; i++)
			assert_true(t.frames.v[i].how == FS_FRAME_TRAP ||
				    (t.frames.v[i].ip & 0x1f) == 0);
		unwind_trace_deinit(&t);
	}
}

static void noise_x64(void **state)
{
	(void)state;
	noise(UNWIND_X64, 1000);
}

static void noise_arm64(void **state)
{
	(void)state;
	noise(UNWIND_ARM64, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(versions, setup, teardown),
		cmocka_unit_test_setup_teardown(operations, setup, teardown),
		cmocka_unit_test_setup_teardown(maxima, setup, teardown),
		cmocka_unit_test_setup_teardown(chains, setup, teardown),
		cmocka_unit_test_setup_teardown(tables, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(noise_x64, setup, teardown),
		cmocka_unit_test_setup_teardown(noise_arm64, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
