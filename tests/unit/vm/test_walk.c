/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation. Entries are literal values: bit 0 present, 7 large page, 12 PAT in
 * a large page, 63 NX, 52..62 software (Intel SDM vol. 3A, 4.5; _MMPTE_HARDWARE).
 */
#include "support/fakedump.h"

#define VA 0xffffa20f10e5b210ull

static const struct vm_pte_rules win7 = {.known = true, .pfn_bits = 36};

static struct vm_xlat translate(struct vm *vm, uint64_t va)
{
	struct vm_xlat x = {0};
	struct fs_error err = {0};

	if (vm_translate(vm, va, &x, &err) != FS_OK)
		fail_msg("%s", err.text);
	return x;
}

/* Fails with this status, at the VA itself, naming `text`. */
static void refuses(struct vm *vm, uint64_t va, enum fs_status status, const char *text)
{
	struct vm_xlat x = {.pa = 77};
	struct fs_error err = {0};
	enum fs_status st = vm_translate(vm, va, &x, &err);

	if (st != status || !strstr(err.text, text) || err.status != status || !err.has_address ||
	    err.address != va || x.pa != 77)
		fail_msg("0x%llx: %s at 0x%llx: %s", (unsigned long long)va, fs_status_name(st),
			 (unsigned long long)err.address, err.text);
}

static void page_sizes(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;
	struct vm_xlat x;

	(void)state;
	fake_put64(d, fake_entry(d, VA, 1), 0x8a70000000345963);
	fake_put64(d, fake_entry(d, 0xffff800000000000, 2), 0x8a700000406011e3);
	fake_put64(d, fake_entry(d, 0xffffb00000000000, 3), 0x8a700000800011e3);
	vm = fake_vm(d);
	assert_null(vm_root_problem(vm));
	assert_int_equal(vm_levels(vm), 4);
	x = translate(vm, VA);
	assert_true(x.pa == 0x345210 && x.page_size == 0x1000 && !x.transition);
	assert_true(x.pte == 0x8a70000000345963);
	/* PAT (bit 12) is no part of a large page's address. */
	x = translate(vm, 0xffff800000123456);
	assert_true(x.pa == 0x40723456 && x.page_size == 0x200000);
	x = translate(vm, 0xffffb00012345678);
	assert_true(x.pa == 0x92345678 && x.page_size == 0x40000000);
	assert_true(x.pte == 0x8a700000800011e3);
	/* Again, now from the TLB. */
	x = translate(vm, 0xffffb00012345679);
	assert_true(x.pa == 0x92345679 && x.page_size == 0x40000000);
	vm_destroy(vm);
	free(d);
}

/* Pages that share a TLB slot do not answer for each other. */
static void tlb_tells_pages_apart(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;
	uint64_t i, k;

	(void)state;
	for (i = 0; i < 64; i++)
		fake_put64(d, fake_entry(d, VA + i * 0x200000, 1), 0x345063 + i * 0x1000);
	vm = fake_vm(d);
	for (k = 0; k < 2; k++)
		for (i = 0; i < 64; i++)
			assert_true(translate(vm, VA + i * 0x200000).pa == 0x345210 + i * 0x1000);
	vm_destroy(vm);
	free(d);
}

/* The PFN is as wide as the build says; the architecture's 40 bits before. */
static void pfn_width(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;

	(void)state;
	fake_put64(d, fake_entry(d, VA, 1), 0x7ff5000000345063);
	vm = fake_vm(d);
	assert_true(translate(vm, VA).pa == 0x5000000345210);
	vm_set_pte_rules(vm, &win7); /* also forgets what was cached */
	assert_true(translate(vm, VA).pa == 0x345210);
	vm_destroy(vm);
	free(d);
}

/* The width also holds for what points to page-table pages. */
static void pfn_width_of_tables(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;
	uint64_t pde;

	(void)state;
	fake_put64(d, fake_entry(d, VA, 1), 0x345063);
	pde = fake_entry(d, VA, 2);
	fake_put64(d, pde, fake_get64(d, pde) | 0x800f000000000000);
	vm = fake_vm(d);
	refuses(vm, VA, FS_NOT_IN_DUMP, "page-table page is not in the dump");
	vm_set_pte_rules(vm, &win7);
	assert_true(translate(vm, VA).pa == 0x345210);
	vm_destroy(vm);
	free(d);
}

static void holes_at_each_level(void **state)
{
	static const char *const name[] = {"", "PTE 0x0 ", "PDE 0x0 ", "PDPTE 0x0 ", "PML4E 0x0 "};
	unsigned level;

	(void)state;
	for (level = 1; level <= 4; level++) {
		struct fakedump *d = fake_new(4);
		struct vm *vm;

		(void)fake_at(d, VA);
		fake_put64(d, fake_entry(d, VA, level), 0);
		vm = fake_vm(d);
		refuses(vm, VA, FS_NOT_IN_DUMP, name[level]);
		refuses(vm, VA, FS_NOT_IN_DUMP, "nothing is mapped");
		vm_destroy(vm);
		free(d);
	}
}

static void missing_table_is_told_from_hole(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;

	(void)state;
	fake_put64(d, fake_entry(d, VA, 2), 0x7777063);
	vm = fake_vm(d);
	refuses(vm, VA, FS_NOT_IN_DUMP, "PTE at PA 0x77772d8 cannot be read: its page-table page");
	vm_destroy(vm);
	free(d);
}

static void non_canonical(void **state)
{
	struct fakedump *d = fake_new(4), *d5 = fake_new(5);
	struct vm *vm, *vm5;

	(void)state;
	fake_put64(d, fake_entry(d, VA, 1), 0x345063);
	vm = fake_vm(d);
	vm5 = fake_vm(d5);
	refuses(vm, VA & 0x0000ffffffffffff, FS_CORRUPT, "not canonical");
	refuses(vm, VA & 0x7fffffffffffffff, FS_CORRUPT, "not canonical");
	refuses(vm, 0x0000800000000000, FS_CORRUPT, "not canonical");
	refuses(vm, 0xffff7fffffffffff, FS_CORRUPT, "not canonical");
	/* With LA57 the same addresses are merely not mapped. */
	refuses(vm5, 0x0000800000000000, FS_NOT_IN_DUMP, "nothing is mapped");
	refuses(vm5, 0xffff7fffffffffff, FS_NOT_IN_DUMP, "nothing is mapped");
	refuses(vm5, 0xfeffffffffffffff, FS_CORRUPT, "not canonical");
	refuses(vm5, 0x0100000000000000, FS_CORRUPT, "not canonical");
	assert_true(vm_is_kernel_va(vm, VA) && vm_is_kernel_va(vm, UINT64_MAX));
	assert_false(vm_is_kernel_va(vm, 0x00007fffffffffff));
	assert_false(vm_is_kernel_va(vm, 0xffff7ffffffffff8));
	assert_true(vm_is_kernel_va(vm5, 0xffff7ffffffffff8));
	assert_false(vm_is_kernel_va(vm5, 0xfefffffffffffff8));
	vm_destroy(vm);
	vm_destroy(vm5);
	free(d);
	free(d5);
}

static void la57(void **state)
{
	struct fakedump *d = fake_new(5);
	const uint64_t va = 0xff12345678abc123;
	struct vm *vm;

	(void)state;
	fake_put64(d, fake_entry(d, va, 1), 0x345063);
	fake_put64(d, fake_entry(d, 0xff80000000000000, 3), 0x800000e3);
	vm = fake_vm(d);
	assert_null(vm_root_problem(vm));
	assert_int_equal(vm_levels(vm), 5);
	assert_true(translate(vm, va).pa == 0x345123);
	assert_true(translate(vm, 0xff80000000000fff).page_size == 0x40000000);
	refuses(vm, va + (1ull << 48), FS_NOT_IN_DUMP, "PML5E 0x0 ");
	vm_destroy(vm);
	free(d);
}

/* Bit 7 of a PML4E is reserved: no 512 GiB pages. */
static void reserved_large_bit(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;
	uint64_t e;

	(void)state;
	(void)fake_at(d, VA);
	e = fake_entry(d, VA, 4);
	fake_put64(d, e, fake_get64(d, e) | 0x80);
	vm = fake_vm(d);
	refuses(vm, VA, FS_CORRUPT, "reserved bit 7");
	vm_destroy(vm);
	free(d);
}

static void transition_page_is_data(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;
	struct vm_xlat x;
	uint32_t v = 0;

	(void)state;
	memcpy(fake_page(d, 0x345000) + 0x210, "\x78\x56\x34\x12", 4);
	fake_put64(d, fake_entry(d, VA, 1), 0x3458c0);
	vm = fake_vm(d);
	refuses(vm, VA, FS_UNSUPPORTED, "transition");
	vm_set_pte_rules(vm, &win7);
	x = translate(vm, VA);
	assert_true(x.pa == 0x345210 && x.transition && x.page_size == 0x1000 && x.pte == 0x3458c0);
	assert_int_equal(vm_read_u32(vm, VA, &v, "a field", NULL), FS_OK);
	assert_int_equal(v, 0x12345678);
	vm_destroy(vm);
	free(d);
}

/* A page-table page in transition is read from its PFN. Bit 7 belongs to the
 * protection there and makes no large page. */
static void transition_page_table(void **state)
{
	unsigned level;

	(void)state;
	for (level = 2; level <= 4; level++) {
		struct fakedump *d = fake_new(4);
		struct vm *vm;
		struct vm_xlat x;
		uint64_t e;

		fake_put64(d, fake_entry(d, VA, 1), 0x345063);
		e = fake_entry(d, VA, level);
		fake_put64(d, e, (fake_get64(d, e) & ~0xfffull) | 0x8c0);
		vm = fake_vm(d);
		refuses(vm, VA, FS_UNSUPPORTED, "transition");
		vm_set_pte_rules(vm, &win7);
		x = translate(vm, VA);
		assert_true(x.pa == 0x345210 && x.page_size == 0x1000 && !x.transition);
		vm_destroy(vm);
		free(d);
	}
}

static void paged_out_says_which(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;

	(void)state;
	fake_put64(d, fake_entry(d, VA, 1), 0xffffa20f12340c00);
	fake_put64(d, fake_entry(d, VA + 0x1000, 1), 0x0000123400000090);
	fake_put64(d, fake_entry(d, VA + 0x2000, 1), 0x80);
	fake_put64(d, fake_entry(d, VA + 0x200000, 2), 0x0000123400000090);
	vm = fake_vm(d);
	refuses(vm, VA, FS_PAGED_OUT, "PTE 0xffffa20f12340c00 at PA");
	refuses(vm, VA, FS_PAGED_OUT, "prototype");
	refuses(vm, VA + 0x1000, FS_PAGED_OUT, "page file");
	refuses(vm, VA + 0x2000, FS_PAGED_OUT, "demand zero");
	refuses(vm, VA + 0x200000, FS_PAGED_OUT, "PDE 0x123400000090 ");
	vm_destroy(vm);
	free(d);
}

/* Windows' self-map: the walk passes the root four times, and no more. */
static void self_map(void **state)
{
	struct fakedump *d = fake_new(4);
	/* Every index is 0x1ed: PXE of the self-map entry itself. */
	const uint64_t pxe = 0xfffff6fb7dbed000 + 0x1ed * 8;
	struct vm *vm;
	uint64_t v = 0;

	(void)state;
	(void)fake_page(d, FAKE_ROOT);
	fake_put64(d, FAKE_ROOT + 0x1ed * 8, FAKE_ROOT | 0x8000000000000063);
	vm = fake_vm(d);
	assert_true(translate(vm, pxe).pa == FAKE_ROOT + 0x1ed * 8);
	assert_int_equal(vm_read_u64(vm, pxe, &v, "PXE", NULL), FS_OK);
	assert_true(v == (FAKE_ROOT | 0x8000000000000063));
	vm_destroy(vm);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_sizes),
		cmocka_unit_test(tlb_tells_pages_apart),
		cmocka_unit_test(pfn_width),
		cmocka_unit_test(pfn_width_of_tables),
		cmocka_unit_test(holes_at_each_level),
		cmocka_unit_test(missing_table_is_told_from_hole),
		cmocka_unit_test(non_canonical),
		cmocka_unit_test(la57),
		cmocka_unit_test(reserved_large_bit),
		cmocka_unit_test(transition_page_is_data),
		cmocka_unit_test(transition_page_table),
		cmocka_unit_test(paged_out_says_which),
		cmocka_unit_test(self_map),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
