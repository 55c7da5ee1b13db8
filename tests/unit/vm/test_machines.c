/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of x86 (with and without PAE) and ARM64, entry by entry: Intel SDM vol. 3A,
 * 4.3 and 4.4; Arm ARM D8.3 (4 KiB granule). Non-present entries: _MMPTE_* of the public x86
 * PDBs.
 */
#include "support/fakedump.h"

static void put32(struct fakedump *d, uint64_t pa, uint32_t v)
{
	fake_store(fake_page(d, pa) + pa % DUMP_PAGE_SIZE, v, 4);
}

static struct vm *open_at(struct fakedump *d, enum dump_machine m, uint64_t root, unsigned levels)
{
	struct vm_root r = {m, root, levels};
	struct fs_error err = {0};
	struct vm *vm = NULL;

	d->format.read_phys = fake_read_phys;
	if (vm_create_at(&d->dump, &r, &vm, &err) != FS_OK)
		fail_msg("%s", err.text);
	return vm;
}

static uint64_t pa_of(struct vm *vm, uint64_t va)
{
	struct vm_xlat x = {0};
	struct fs_error err = {0};

	if (vm_translate(vm, va, &x, &err) != FS_OK)
		fail_msg("%s", err.text);
	return x.pa;
}

static void refuses(struct vm *vm, uint64_t va, enum fs_status status, const char *text)
{
	struct vm_xlat x;
	struct fs_error err = {0};

	if (vm_translate(vm, va, &x, &err) != status || !strstr(err.text, text))
		fail_msg("0x%llx: %s", (unsigned long long)va, err.text);
}

static void x86_without_pae(void **state)
{
	struct fakedump *d = fake_empty(DUMP_X86);
	struct vm *vm;
	uint64_t va, size;

	(void)state;
	/* VA 0x82345678: directory entry 0x208, table entry 0x345 */
	put32(d, 0x185000 + 0x208 * 4, 0x00200067);
	put32(d, 0x200000 + 0x345 * 4, 0x12345163);
	put32(d, 0x200000 + 0x346 * 4, 0x00777880); /* transition: bit 11 */
	put32(d, 0x200000 + 0x347 * 4, 0x00012c80); /* prototype and transition bits */
	put32(d, 0x200000 + 0x348 * 4, 0x00012080); /* page file */
	put32(d, 0x200000 + 0x349 * 4, 0x00000080); /* demand zero */
	put32(d, 0x185000 + 0x3ff * 4, 0x40c001e3); /* 4 MiB at the very end */
	(void)fake_page(d, 0x12345000);
	vm = open_at(d, DUMP_X86, 0x185000, 2);
	assert_int_equal(pa_of(vm, 0x82345678), 0x12345678);
	assert_int_equal(pa_of(vm, 0xffd23456), 0x40d23456);
	assert_int_equal(vm_pointer_size(vm), 4);
	refuses(vm, 0x82346000, FS_UNSUPPORTED, "transition");
	refuses(vm, 0x82347000, FS_PAGED_OUT, "prototype");
	refuses(vm, 0x82348000, FS_PAGED_OUT, "page file");
	refuses(vm, 0x82349000, FS_PAGED_OUT, "demand zero");
	refuses(vm, 0x8234a000, FS_NOT_IN_DUMP, "nothing is mapped");
	refuses(vm, 0x182345678, FS_CORRUPT, "32-bit");
	/* The only page whose bytes are there, and no end beyond 4 GiB. */
	assert_true(vm_next_range(vm, 0x80000000, UINT64_MAX, &va, &size));
	assert_true(va == 0x82345000 && size == 0x1000);
	assert_false(vm_next_range(vm, va + size, UINT64_MAX, &va, &size));
	vm_destroy(vm);
	free(d);
}

static void x86_pae(void **state)
{
	struct fakedump *d = fake_empty(DUMP_X86);
	struct vm *vm;
	uint64_t va, size;

	(void)state;
	/* CR3 on a boundary of 32 bytes: pointers 2 at 0x185030; VA 0x82345678: 2, 0x11, 0x145 */
	fake_put64(d, 0x185020 + 2 * 8, 0x00300001);
	fake_put64(d, 0x300000 + 0x11 * 8, 0x00301067);
	fake_put64(d, 0x301000 + 0x145 * 8, 0x8000000312345163ull); /* NX, above 4 GiB */
	fake_put64(d, 0x301000 + 0x146 * 8, 0x0000123400000080ull); /* page file */
	fake_put64(d, 0x300000 + 0x12 * 8, 0x00000001406001e3ull);  /* 2 MiB */
	fake_put64(d, 0x185020 + 3 * 8, 0x00302000); /* not present */
	(void)fake_page(d, 0x312345000);
	vm = open_at(d, DUMP_X86, 0x185020, 3);
	assert_int_equal(pa_of(vm, 0x82345678), 0x312345678);
	assert_int_equal(pa_of(vm, 0x82412345), 0x140612345);
	refuses(vm, 0x82346000, FS_PAGED_OUT, "page file");
	refuses(vm, 0xc0000000, FS_PAGED_OUT, "");
	assert_true(vm_next_range(vm, 0, UINT64_MAX, &va, &size));
	assert_true(va == 0x82345000 && size == 0x1000);
	assert_false(vm_next_range(vm, va + size, UINT64_MAX, &va, &size));
	vm_destroy(vm);
	free(d);
}

/* PaeEnabled decides; where the header does not say, PsLoadedModuleList does. */
static void x86_probes(void **state)
{
	struct fakedump *d = fake_empty(DUMP_X86);
	uint8_t *list;
	struct vm *vm;

	(void)state;
	d->format.read_phys = fake_read_phys;
	d->dump.info.directory_table_base = (struct dump_u64){0x185000, true};
	d->dump.info.ps_loaded_module_list = (struct dump_u64){0x82345678, true};
	put32(d, 0x185000 + 0x208 * 4, 0x00200067);
	put32(d, 0x200000 + 0x345 * 4, 0x00345163);
	list = fake_page(d, 0x345000) + 0x678;
	fake_store(list, 0x82345678, 4);
	fake_store(list + 4, 0x82345678, 4);
	vm = fake_vm(d);
	assert_null(vm_root_problem(vm));
	assert_int_equal(vm_levels(vm), 2);
	vm_destroy(vm);
	d->dump.info.pae_enabled = (struct dump_u32){1, true}; /* a header that lies */
	vm = fake_vm(d);
	assert_int_equal(vm_levels(vm), 2);
	vm_destroy(vm);
	put32(d, 0x200000 + 0x345 * 4, 0);
	vm = fake_vm(d);
	assert_non_null(strstr(vm_root_problem(vm), "tables without PAE"));
	vm_destroy(vm);
	free(d);
}

#define ARM_VA 0xfffff80012345678ull /* 0x1f0, 0, 0x91, 0x145 */

static void arm64(void **state)
{
	struct fakedump *d = fake_empty(DUMP_ARM64);
	struct vm *vm;
	uint64_t va, size;

	(void)state;
	fake_put64(d, 0x185000 + 0x1f0 * 8, 0x00300003);
	fake_put64(d, 0x300000, 0x0060000000301003ull); /* upper attributes are no address */
	fake_put64(d, 0x301000 + 0x91 * 8, 0x00302003);
	fake_put64(d, 0x302000 + 0x145 * 8, 0x0060000012345f03ull); /* page */
	fake_put64(d, 0x302000 + 0x146 * 8, 0x0060000012345f01ull); /* 01 is reserved there */
	fake_put64(d, 0x302000 + 0x147 * 8, 0x0000000012345880ull); /* transition */
	fake_put64(d, 0x301000 + 0x92 * 8, 0x0060000040600f01ull);  /* block of 2 MiB */
	fake_put64(d, 0x300000 + 8, 0x0060000080000f01ull);	    /* block of 1 GiB */
	fake_put64(d, 0x185000 + 0x1f1 * 8, 0x0060000000000f01ull); /* no block of 512 GiB */
	(void)fake_page(d, 0x12345000);
	/* TTBR1 with an ASID, naming the upper half of the page. */
	vm = open_at(d, DUMP_ARM64, 0x0042000000185800ull, 0);
	assert_int_equal(vm_levels(vm), 4);
	assert_int_equal(pa_of(vm, ARM_VA), 0x12345678);
	assert_int_equal(pa_of(vm, 0xfffff80012412345ull), 0x40612345);
	assert_int_equal(pa_of(vm, 0xfffff80052345678ull), 0x92345678);
	refuses(vm, 0xfffff80012346000ull, FS_UNSUPPORTED, "");
	refuses(vm, 0xfffff80012347000ull, FS_UNSUPPORTED, "transition");
	refuses(vm, 0xfffff88000000000ull, FS_CORRUPT, "reserved bit 1 is clear");
	refuses(vm, 0xffff000000000000ull, FS_CORRUPT, "canonical");
	assert_true(vm_next_range(vm, 0xfffff80000000000ull, UINT64_MAX, &va, &size));
	assert_true(va == (ARM_VA & ~0xfffull) && size == 0x1000);
	vm_destroy(vm);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x86_without_pae),
		cmocka_unit_test(x86_pae),
		cmocka_unit_test(x86_probes),
		cmocka_unit_test(arm64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
