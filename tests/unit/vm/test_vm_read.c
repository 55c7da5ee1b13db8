/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies through page tables and out of triage ranges. */
#include "support/fakedump.h"

#define VA 0xffffa20f10e5b000ull

static void fill(struct fakedump *d, uint64_t va, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		*fake_at(d, va + i) = (uint8_t)(i * 7 + 1);
}

static bool same(const uint8_t *b, size_t from, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (b[i] != (uint8_t)((from + i) * 7 + 1))
			return false;
	return true;
}

static void crosses_pages(void **state)
{
	struct fakedump *d = fake_new(4);
	uint8_t b[3 * 4096];
	struct vm *vm;

	(void)state;
	fill(d, VA, sizeof(b));
	vm = fake_vm(d);
	assert_int_equal(vm_read(vm, VA, b, sizeof(b), "three pages", NULL), FS_OK);
	assert_true(same(b, 0, sizeof(b)));
	assert_int_equal(vm_read(vm, VA + 0xffd, b, 0x1007, "over two edges", NULL), FS_OK);
	assert_true(same(b, 0xffd, 0x1007));
	vm_destroy(vm);
	free(d);
}

/* Whatever the reason, the address is the first VA not read, what comes before it
 * has been read and what comes after is untouched. */
static void says_where_it_stopped(void **state)
{
	static const struct {
		uint64_t pte;
		enum fs_status status;
		const char *text;
	} cases[] = {
		{0, FS_NOT_IN_DUMP, "nothing is mapped"},
		{0x7777063, FS_NOT_IN_DUMP, "PA 0x7777000"},
		{0xffffa20f12340400, FS_PAGED_OUT, "prototype"},
		{0x7777880, FS_UNSUPPORTED, "transition"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fakedump *d = fake_new(4);
		struct fs_error err = {0};
		uint8_t b[64];
		struct vm *vm;

		fill(d, VA, 4096);
		fake_put64(d, fake_entry(d, VA + 4096, 1), cases[i].pte);
		vm = fake_vm(d);
		memset(b, 0xee, sizeof(b));
		assert_int_equal(vm_read(vm, VA + 4096 - 24, b, sizeof(b), "FLT_FILTER.Name", &err),
				 cases[i].status);
		assert_int_equal(err.status, cases[i].status);
		assert_true(err.has_address && err.address == VA + 4096);
		assert_non_null(
			strstr(err.text, "FLT_FILTER.Name at 0xffffa20f10e5bfe8 (64 bytes)"));
		assert_non_null(strstr(err.text, "from 0xffffa20f10e5c000"));
		assert_non_null(strstr(err.text, cases[i].text));
		assert_true(same(b, 4096 - 24, 24));
		assert_true(b[24] == 0xee && b[63] == 0xee);
		vm_destroy(vm);
		free(d);
	}
}

/* A truncated file may end inside a page. */
static void cut_page(void **state)
{
	struct fakedump *d = fake_new(4);
	struct fs_error err = {0};
	uint64_t va, n;
	uint8_t b[64];
	struct vm *vm;

	(void)state;
	fill(d, VA, 4096);
	d->cut = (fake_get64(d, fake_entry(d, VA, 1)) & 0xffffffffff000) + 0x123;
	vm = fake_vm(d);
	memset(b, 0xee, sizeof(b));
	assert_int_equal(vm_read(vm, VA + 0x120, b, sizeof(b), "x", &err), FS_NOT_IN_DUMP);
	assert_true(err.has_address && err.address == VA + 0x123);
	assert_non_null(strstr(err.text, "from 0xffffa20f10e5b123"));
	assert_true(same(b, 0x120, 3) && b[3] == 0xee);
	assert_int_equal(vm_read(vm, VA + 0x200, b, 1, "x", &err), FS_NOT_IN_DUMP);
	assert_true(err.address == VA + 0x200);
	assert_int_equal(vm_read(vm, VA + 0x122, b, 1, "x", NULL), FS_OK);
	/* No whole page, so no range for searches. */
	assert_false(vm_next_range(vm, VA, VA + 0x1000, &va, &n));
	vm_destroy(vm);
	free(d);
}

static void never_wraps(void **state)
{
	struct fakedump *d = fake_new(4);
	uint8_t b[16] = {0xee};
	struct fs_error err = {0};
	uint64_t v = 0;
	struct vm *vm;

	(void)state;
	fill(d, 0xfffffffffffff000, 4096);
	fill(d, 0, 4096); /* what a wrapped read would find */
	vm = fake_vm(d);
	assert_int_equal(vm_read_u64(vm, 0xfffffffffffffff8, &v, "the last", NULL), FS_OK);
	assert_int_equal(vm_read(vm, 0xfffffffffffffff8, b, 9, "beyond", &err), FS_CORRUPT);
	assert_true(err.address == 0xfffffffffffffff8 && b[0] == 0xee);
	assert_int_equal(vm_read(vm, UINT64_MAX, b, SIZE_MAX, "all", &err), FS_CORRUPT);
	assert_int_equal(vm_read(vm, 2, b, SIZE_MAX, "all", NULL), FS_CORRUPT);
	assert_int_equal(vm_read(vm, UINT64_MAX, b, 1, "one", NULL), FS_OK);
	assert_int_equal(vm_read(vm, 0x0000900000000000, b, 0, "nothing", NULL), FS_OK);
	vm_destroy(vm);
	free(d);
}

/* A read that runs from the lower half into the hole is not canonical there. */
static void does_not_enter_the_hole(void **state)
{
	struct fakedump *d = fake_new(4);
	struct fs_error err = {0};
	uint8_t b[16];
	struct vm *vm;

	(void)state;
	fill(d, 0x00007ffffffff000, 4096);
	vm = fake_vm(d);
	assert_int_equal(vm_read(vm, 0x00007ffffffffff8, b, 16, "x", &err), FS_CORRUPT);
	assert_true(err.address == 0x0000800000000000);
	vm_destroy(vm);
	free(d);
}

static void scalars_are_little_endian_and_atomic(void **state)
{
	struct fakedump *d = fake_new(4);
	uint64_t v = 77;
	uint32_t w = 77;
	struct vm *vm;

	(void)state;
	fake_write(d, VA + 0xff8, 0x1122334455667788, 8);
	vm = fake_vm(d);
	assert_int_equal(vm_read_u64(vm, VA + 0xff9, &v, "x", NULL), FS_NOT_IN_DUMP);
	assert_int_equal(vm_read_u32(vm, VA + 0xffd, &w, "x", NULL), FS_NOT_IN_DUMP);
	assert_true(v == 77 && w == 77);
	assert_int_equal(vm_read_u64(vm, VA + 0xff8, &v, "x", NULL), FS_OK);
	assert_int_equal(vm_read_u32(vm, VA + 0xffc, &w, "x", NULL), FS_OK);
	assert_true(v == 0x1122334455667788 && w == 0x11223344);
	vm_destroy(vm);
	free(d);
}

/* A hot page costs one physical read each time, not a walk. */
static void hot_translations_are_kept(void **state)
{
	struct fakedump *d = fake_new(4);
	uint64_t v;
	size_t before, i;
	struct vm *vm;

	(void)state;
	fake_write(d, VA, 1, 8);
	vm = fake_vm(d);
	assert_int_equal(vm_read_u64(vm, VA, &v, "x", NULL), FS_OK);
	before = d->reads;
	for (i = 0; i < 100; i++)
		assert_int_equal(vm_read_u64(vm, VA + i, &v, "x", NULL), FS_OK);
	assert_int_equal(d->reads - before, 100);
	vm_destroy(vm);
	free(d);
}

static const uint8_t bytes[0x300] = {[0] = 1, [0xff] = 2, [0x100] = 3, [0x2ff] = 4};

static void triage_ranges(void **state)
{
	struct fakedump *d = fake_triage(DUMP_ARM64);
	struct fs_error err = {0};
	uint8_t b[0x200];
	struct vm_xlat x;
	struct vm *vm;

	(void)state;
	fake_block(d, VA, bytes, 0x100);
	fake_block(d, VA + 0x1000, bytes + 0x100, 0x200);
	vm = fake_vm(d);
	assert_null(vm_root_problem(vm));
	assert_int_equal(vm_levels(vm), 0);
	assert_int_equal(vm_pointer_size(vm), 8);
	assert_true(vm_is_kernel_va(vm, 0xffffbb8eb4fe6010));
	assert_int_equal(vm_read(vm, VA, b, 0x100, "x", NULL), FS_OK);
	assert_true(b[0] == 1 && b[0xff] == 2);
	assert_int_equal(vm_read(vm, VA + 0x11ff, b, 1, "x", NULL), FS_OK);
	assert_int_equal(vm_read(vm, VA + 0x1000, b, 0x200, "x", NULL), FS_OK);
	assert_true(b[0] == 3 && b[0x1ff] == 4);
	/* Cut in the middle of an object. */
	memset(b, 0xee, sizeof(b));
	assert_int_equal(vm_read(vm, VA + 0xff, b, 8, "FLT_FILTER.Flags", &err), FS_NOT_IN_DUMP);
	assert_true(err.has_address && err.address == VA + 0x100);
	assert_non_null(strstr(err.text, "FLT_FILTER.Flags at 0xffffa20f10e5b0ff (8 bytes)"));
	assert_true(b[0] == 2 && b[1] == 0xee);
	/* Before, between and behind. */
	assert_int_equal(vm_read(vm, VA - 1, b, 2, "x", &err), FS_NOT_IN_DUMP);
	assert_true(err.address == VA - 1);
	assert_int_equal(vm_read(vm, VA + 0xfff, b, 2, "x", &err), FS_NOT_IN_DUMP);
	assert_true(err.address == VA + 0xfff);
	assert_int_equal(vm_read(vm, VA + 0x1200, b, 1, "x", &err), FS_NOT_IN_DUMP);
	assert_int_equal(vm_read(vm, 0x1234567890123456, b, 1, "x", &err), FS_CORRUPT);
	assert_int_equal(vm_translate(vm, VA, &x, &err), FS_UNSUPPORTED);
	vm_destroy(vm);
	free(d);
}

static void triage_next_range(void **state)
{
	struct fakedump *d = fake_triage(DUMP_X64);
	uint64_t va = 0, n = 0;
	struct vm *vm;

	(void)state;
	fake_block(d, VA, bytes, 0x100);
	fake_block(d, VA + 0x1000, bytes + 0x100, 0x200);
	vm = fake_vm(d);
	assert_true(vm_next_range(vm, 0, UINT64_MAX, &va, &n));
	assert_true(va == VA && n == 0x100);
	assert_true(vm_next_range(vm, VA + 0xff, UINT64_MAX, &va, &n));
	assert_true(va == VA + 0xff && n == 1);
	assert_true(vm_next_range(vm, VA + 0x100, VA + 0x1010, &va, &n));
	assert_true(va == VA + 0x1000 && n == 0x10);
	assert_false(vm_next_range(vm, VA + 0x100, VA + 0x1000, &va, &n));
	assert_false(vm_next_range(vm, VA + 0x1200, UINT64_MAX, &va, &n));
	vm_destroy(vm);
	free(d);
}

/* No CR4 in a triage dump: a range below 0xffff8000… shows that LA57 was on. */
static void triage_la57(void **state)
{
	struct fakedump *d = fake_triage(DUMP_X64);
	struct vm *vm;

	(void)state;
	fake_block(d, VA, bytes, 0x100);
	vm = fake_vm(d);
	assert_false(vm_is_kernel_va(vm, 0xff23456789abcdf0));
	vm_destroy(vm);
	d->nblocks = 0;
	fake_block(d, 0x1234567800000000, bytes, 0x10); /* no address at all: no evidence */
	fake_block(d, VA, bytes, 0x100);
	vm = fake_vm(d);
	assert_false(vm_is_kernel_va(vm, 0xff23456789abcdf0));
	vm_destroy(vm);
	d->nblocks = 0;
	fake_block(d, 0xff23456789abc000, bytes, 0x100);
	fake_block(d, VA, bytes, 0x100);
	vm = fake_vm(d);
	assert_true(vm_is_kernel_va(vm, 0xff23456789abcdf0));
	vm_destroy(vm);
	free(d);
}

static void triage_x86(void **state)
{
	struct fakedump *d = fake_triage(DUMP_X86);
	struct vm *vm;
	uint8_t b;

	(void)state;
	fake_block(d, 0x81234000, bytes, 0x100);
	vm = fake_vm(d);
	assert_int_equal(vm_pointer_size(vm), 4);
	assert_int_equal(vm_read(vm, 0x81234000, &b, 1, "x", NULL), FS_OK);
	assert_true(vm_is_kernel_va(vm, 0x80000000) && !vm_is_kernel_va(vm, 0x7fffffff));
	assert_false(vm_is_kernel_va(vm, 0x180000000));
	vm_destroy(vm);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crosses_pages),
		cmocka_unit_test(says_where_it_stopped),
		cmocka_unit_test(cut_page),
		cmocka_unit_test(never_wraps),
		cmocka_unit_test(does_not_enter_the_hole),
		cmocka_unit_test(scalars_are_little_endian_and_atomic),
		cmocka_unit_test(hot_translations_are_kept),
		cmocka_unit_test(triage_ranges),
		cmocka_unit_test(triage_next_range),
		cmocka_unit_test(triage_la57),
		cmocka_unit_test(triage_x86),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
