/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs of readable pages. */
#include "support/fakedump.h"

#define VA 0xffffa20f10e5b000ull

static bool next(struct vm *vm, uint64_t *at, uint64_t *va, uint64_t *size)
{
	if (!vm_next_range(vm, *at, UINT64_MAX, va, size))
		return false;
	*at = *va + *size;
	return true;
}

static void runs_and_holes(void **state)
{
	struct fakedump *d = fake_new(4);
	uint64_t at = 0xffff800000000000, va, n;
	struct vm *vm;

	(void)state;
	(void)fake_at(d, VA);
	(void)fake_at(d, VA + 0x1000);
	/* VA + 0x2000 is mapped to a page that the dump does not have. */
	fake_put64(d, fake_entry(d, VA + 0x2000, 1), 0x7777063);
	(void)fake_at(d, VA + 0x3000);
	/* Paged out, and a run over the edge of a page table. */
	fake_put64(d, fake_entry(d, VA + 0x4000, 1), 0xffffa20f12340400);
	(void)fake_at(d, 0xffffb000001ff000);
	(void)fake_at(d, 0xffffb00000200000);
	vm = fake_vm(d);
	assert_true(next(vm, &at, &va, &n) && va == VA && n == 0x2000);
	assert_true(next(vm, &at, &va, &n) && va == VA + 0x3000 && n == 0x1000);
	assert_true(next(vm, &at, &va, &n) && va == 0xffffb000001ff000 && n == 0x2000);
	assert_true(next(vm, &at, &va, &n) && va == (FAKE_LIST & ~0xfffull) && n == 0x1000);
	assert_false(next(vm, &at, &va, &n));
	assert_false(vm_range_limited(vm));
	/* From inside a page, and up to an end inside a page. */
	assert_true(vm_next_range(vm, VA + 0x10, VA + 0x1010, &va, &n));
	assert_true(va == VA + 0x10 && n == 0x1000);
	assert_false(vm_next_range(vm, VA + 0x2000, VA + 0x3000, &va, &n));
	assert_false(vm_next_range(vm, VA, VA, &va, &n));
	vm_destroy(vm);
	free(d);
}

static void user_half_and_the_very_end(void **state)
{
	struct fakedump *d = fake_new(4);
	uint64_t at = 0, va, n;
	struct vm *vm;

	(void)state;
	(void)fake_at(d, 0x7ff612340000);
	(void)fake_at(d, 0xfffffffffffff000);
	vm = fake_vm(d);
	assert_true(next(vm, &at, &va, &n) && va == 0x7ff612340000 && n == 0x1000);
	assert_true(next(vm, &at, &va, &n) && va == (FAKE_LIST & ~0xfffull));
	assert_true(next(vm, &at, &va, &n) && va == 0xfffffffffffff000 && n == 0xfff);
	assert_false(next(vm, &at, &va, &n));
	vm_destroy(vm);
	free(d);
}

/* Of a large page, only what the dump holds. */
static void large_page_in_part(void **state)
{
	struct fakedump *d = fake_new(4);
	uint64_t at = 0xffff900000000000, va, n;
	struct vm *vm;

	(void)state;
	fake_put64(d, fake_entry(d, 0xffff900000000000, 2), 0x406010e3 | 0x1000);
	(void)fake_page(d, 0x40600000 + 0x5000);
	(void)fake_page(d, 0x40600000 + 0x6000);
	(void)fake_page(d, 0x40600000 + 0x1ff000);
	vm = fake_vm(d);
	assert_true(next(vm, &at, &va, &n) && va == 0xffff900000005000 && n == 0x2000);
	assert_true(next(vm, &at, &va, &n) && va == 0xffff9000001ff000 && n == 0x1000);
	assert_true(next(vm, &at, &va, &n) && va == (FAKE_LIST & ~0xfffull));
	vm_destroy(vm);
	free(d);
}

/* Long runs come in pieces of 256 KiB that adjoin. */
static void long_runs_are_cut(void **state)
{
	struct fakedump *d = fake_new(4);
	uint64_t at = 0xffff900000000000, va, n, i;
	struct vm *vm;

	(void)state;
	for (i = 0; i < 70; i++)
		(void)fake_at(d, 0xffff900000000000 + i * 0x1000);
	vm = fake_vm(d);
	assert_true(next(vm, &at, &va, &n) && va == 0xffff900000000000 && n == 0x40000);
	assert_true(next(vm, &at, &va, &n) && va == 0xffff900000040000 && n == 0x6000);
	vm_destroy(vm);
	free(d);
}

/* Three tables full of each other map 22 TiB that are not there: the search ends
 * and says that it did not see everything. */
static void tables_full_of_themselves(void **state)
{
	struct fakedump *d = fake_new(4);
	uint64_t va, n, i;
	struct vm *vm;

	(void)state;
	for (i = 256; i < 300; i++)
		fake_put64(d, FAKE_ROOT + i * 8, 0x900063);
	for (i = 0; i < 512; i++) {
		fake_put64(d, 0x900000 + i * 8, 0x901063);
		fake_put64(d, 0x901000 + i * 8, 0x902063);
		fake_put64(d, 0x902000 + i * 8, 0x7777063); /* not in the dump */
	}
	vm = fake_vm(d);
	assert_false(vm_next_range(vm, 0xffff800000000000, UINT64_MAX, &va, &n));
	assert_true(vm_range_limited(vm));
	vm_destroy(vm);
	free(d);
}

/* Is VA + 0x1000, mapped by this entry to nothing that the dump has, told of as a hole? */
static bool hole(uint64_t pte)
{
	struct fakedump *d = fake_new(4);
	uint64_t va, n, first, last;
	struct vm *vm;
	bool told;

	(void)fake_at(d, VA);
	fake_put64(d, fake_entry(d, VA + 0x1000, 1), pte);
	(void)fake_at(d, VA + 0x2000);
	vm = fake_vm(d);
	assert_true(vm_next_range(vm, VA, UINT64_MAX, &va, &n) && va == VA && n == 0x1000);
	assert_true(vm_next_range(vm, VA + 0x1000, UINT64_MAX, &va, &n) && va == VA + 0x2000);
	told = vm_range_hole(vm, &first, &last);
	assert_true(!told || (first == VA + 0x1000 && last == first));
	/* what lies behind the end is not asked about */
	(void)vm_next_range(vm, VA, VA + 0x1000, &va, &n);
	assert_false(vm_range_hole(vm, &first, &last));
	vm_destroy(vm);
	free(d);
	return told;
}

static void data_that_the_dump_lacks(void **state)
{
	(void)state;
	assert_true(hole(0x7777063));
	assert_false(hole(0x7777061)); /* read-only: code */
	assert_false(hole(0x7777073)); /* not cached: a device */
	assert_false(hole(0));
	assert_false(hole(0xffffa20f12340400)); /* a section's */
}

/* A page table that is not there hides what it maps; one of the page tables' own view does not. */
static void a_table_that_the_dump_lacks(void **state)
{
	struct fakedump *d = fake_new(4);
	uint64_t va, n, first, last;
	struct vm *vm;

	(void)state;
	(void)fake_at(d, VA);
	fake_put64(d, FAKE_ROOT + 0x1ed * 8, FAKE_ROOT | 0x63);
	fake_put64(d, FAKE_ROOT + 3 * 8, 0x7777063); /* of user mode, and seen below 0x1ed */
	vm = fake_vm(d);
	assert_true(vm_next_range(vm, 0xfffff68000000000, 0xfffff70000000000, &va, &n));
	assert_false(vm_range_hole(vm, &first, &last));
	vm_destroy(vm);
	fake_put64(d, fake_entry(d, VA + 0x200000, 2), 0x7777063);
	vm = fake_vm(d);
	assert_false(vm_next_range(vm, VA + 0x1000, VA + 0x400000, &va, &n));
	assert_true(vm_range_hole(vm, &first, &last));
	assert_true(first == ((VA + 0x200000) & ~0x1fffffull));
	vm_destroy(vm);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_that_the_dump_lacks),
		cmocka_unit_test(a_table_that_the_dump_lacks),
		cmocka_unit_test(runs_and_holes),
		cmocka_unit_test(user_half_and_the_very_end),
		cmocka_unit_test(large_page_in_part),
		cmocka_unit_test(long_runs_are_cut),
		cmocka_unit_test(tables_full_of_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
