/* SPDX-License-Identifier: BSD-2-Clause */
/* 4-level or LA57, and what is said when neither fits. */
#include "support/fakedump.h"

static void machines(void **state)
{
	struct fakedump *d = fake_new(4);
	struct fs_error err = {0};
	struct vm *vm = NULL;

	(void)state;
	d->dump.info.machine = DUMP_MACHINE_UNKNOWN;
	d->dump.info.machine_raw = 0x1234;
	assert_int_equal(vm_create(&d->dump, &vm, &err), FS_UNSUPPORTED);
	assert_non_null(strstr(err.text, "0x1234"));
	assert_null(vm);
	free(d);
}

static void both_depths(void **state)
{
	unsigned levels;

	(void)state;
	for (levels = 4; levels <= 5; levels++) {
		struct fakedump *d = fake_new(levels);
		struct vm *vm = fake_vm(d);

		assert_int_equal(vm_levels(vm), levels);
		assert_null(vm_root_problem(vm));
		vm_destroy(vm);
		free(d);
	}
}

/* CR3's low 12 bits are PCID and flags. */
static void cr3_flags_are_dropped(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;

	(void)state;
	d->dump.info.directory_table_base.v |= 0x8000000000000002;
	vm = fake_vm(d);
	assert_int_equal(vm_levels(vm), 4);
	vm_destroy(vm);
	free(d);
}

/* The look-alike: as LA57 tables the root also translates the list head, to some
 * page. The one whose list points back is taken. */
static void list_that_closes_wins(void **state)
{
	struct fakedump *d = fake_new(4);
	struct fakedump *d5 = fake_new(5);
	struct vm *vm;
	const uint64_t other = 0x900000;

	(void)state;
	/* In the 4-level dump: PML5E 511 and below lead to a page of plausible pointers. */
	fake_put64(d, FAKE_ROOT + 511 * 8, 0x800063);
	fake_put64(d, 0x800000 + 0x1f0 * 8, 0x801063);
	fake_put64(d, 0x801000 + 0 * 8, 0x802063);
	fake_put64(d, 0x802000 + (FAKE_LIST >> 21 & 511) * 8, 0x803063);
	fake_put64(d, 0x803000 + (FAKE_LIST >> 12 & 511) * 8, other | 0x63);
	fake_put64(d, other + 0x678, FAKE_LIST + 0x100);
	vm = fake_vm(d);
	assert_int_equal(vm_levels(vm), 4);
	vm_destroy(vm);
	/* And the other way round. */
	fake_put64(d5, FAKE_ROOT + 0x1f0 * 8, 0x801063);
	fake_put64(d5, 0x801000 + 0 * 8, 0x802063);
	fake_put64(d5, 0x802000 + (FAKE_LIST >> 21 & 511) * 8, 0x803063);
	fake_put64(d5, 0x803000 + (FAKE_LIST >> 12 & 511) * 8, other | 0x63);
	fake_put64(d5, other + 0x678, FAKE_LIST + 0x100);
	vm = fake_vm(d5);
	assert_int_equal(vm_levels(vm), 5);
	vm_destroy(vm);
	free(d);
	free(d5);
}

/* A head that holds a pointer beats a page of zeros, even when its list is broken. */
static void pointer_beats_zeros(void **state)
{
	struct fakedump *d = fake_new(5);
	struct vm *vm;

	(void)state;
	fake_links(d, FAKE_LIST, 0xfffff80099999000, FAKE_LIST);
	fake_put64(d, FAKE_ROOT + 0x1f0 * 8, 0x801063);
	fake_put64(d, 0x801000 + 0 * 8, 0x802063);
	fake_put64(d, 0x802000 + (FAKE_LIST >> 21 & 511) * 8, 0x803063);
	fake_put64(d, 0x803000 + (FAKE_LIST >> 12 & 511) * 8, 0x900063);
	(void)fake_page(d, 0x900000);
	vm = fake_vm(d);
	assert_int_equal(vm_levels(vm), 5);
	vm_destroy(vm);
	free(d);
}

/* A page of data that was cut off is no reason to give the tables up. */
static void list_page_missing(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;

	(void)state;
	fake_drop(d, fake_get64(d, fake_entry(d, FAKE_LIST, 1)) & 0xffffffffff000);
	vm = fake_vm(d);
	assert_int_equal(vm_levels(vm), 4);
	assert_null(vm_root_problem(vm));
	vm_destroy(vm);
	free(d);
}

/* A page-table page that was cut off: the other addresses still translate, and
 * the problem is said. */
static void table_page_missing(void **state)
{
	struct fakedump *d = fake_new(4);
	const uint64_t va = 0xffffa20f10e5b000;
	struct vm *vm;
	uint64_t v = 0;

	(void)state;
	fake_write(d, va, 0x1234, 8);
	fake_drop(d, fake_get64(d, fake_entry(d, FAKE_LIST, 2)) & 0xffffffffff000);
	vm = fake_vm(d);
	assert_int_equal(vm_levels(vm), 4);
	assert_non_null(vm_root_problem(vm));
	assert_non_null(strstr(vm_root_problem(vm), "PTE at PA"));
	assert_int_equal(vm_read_u64(vm, va, &v, "x", NULL), FS_OK);
	assert_true(v == 0x1234);
	vm_destroy(vm);
	free(d);
}

static void second_witness(void **state)
{
	struct fakedump *d = fake_new(5);
	struct vm *vm;

	(void)state;
	d->dump.info.ps_loaded_module_list.v = 0xfffff80099999000;
	d->dump.info.ps_active_process_head = (struct dump_u64){FAKE_LIST, true};
	vm = fake_vm(d);
	assert_int_equal(vm_levels(vm), 5);
	assert_null(vm_root_problem(vm));
	vm_destroy(vm);
	free(d);
}

/* For example a user-mode CR3 under KVA shadowing. */
static void neither_translates(void **state)
{
	struct fakedump *d = fake_new(4);
	struct fs_error err = {0};
	const char *p;
	struct vm *vm;
	uint64_t v = 77, n;

	(void)state;
	fake_put64(d, fake_entry(d, FAKE_LIST, 4), 0);
	vm = fake_vm(d);
	p = vm_root_problem(vm);
	assert_non_null(p);
	assert_non_null(strstr(p, "DirectoryTableBase 0x1ab000"));
	assert_non_null(strstr(p, "PsLoadedModuleList 0xfffff80012345678"));
	assert_non_null(strstr(p, "4-level tables: PML4E 0x0 at PA 0x1abf80"));
	assert_non_null(strstr(p, "LA57: PML5E 0x0 at PA 0x1abff8"));
	assert_int_equal(vm_levels(vm), 0);
	assert_int_not_equal(vm_read_u64(vm, FAKE_LIST, &v, "x", &err), FS_OK);
	assert_true(v == 77 && err.address == FAKE_LIST);
	assert_non_null(strstr(err.text, "DirectoryTableBase 0x1ab000"));
	assert_false(vm_next_range(vm, 0, UINT64_MAX, &v, &n));
	vm_destroy(vm);
	free(d);
}

static void root_page_missing(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;
	uint64_t v;

	(void)state;
	d->dump.info.directory_table_base.v = 0x777000;
	vm = fake_vm(d);
	assert_int_equal(vm_levels(vm), 0);
	assert_non_null(strstr(vm_root_problem(vm), "DirectoryTableBase 0x777000"));
	assert_int_equal(vm_read_u64(vm, FAKE_LIST, &v, "x", NULL), FS_NOT_IN_DUMP);
	vm_destroy(vm);
	free(d);
}

static void header_without_root_or_witness(void **state)
{
	struct fakedump *d = fake_new(4);
	struct vm *vm;
	uint64_t v;

	(void)state;
	d->dump.info.ps_loaded_module_list.present = false;
	vm = fake_vm(d);
	assert_non_null(strstr(vm_root_problem(vm), "names no kernel address"));
	assert_int_equal(vm_levels(vm), 0);
	vm_destroy(vm);
	d->dump.info.ps_loaded_module_list.present = true;
	d->dump.info.ps_loaded_module_list.v = 0x12345678; /* user half */
	vm = fake_vm(d);
	assert_non_null(strstr(vm_root_problem(vm), "no kernel address"));
	vm_destroy(vm);
	d->dump.info.directory_table_base.present = false;
	vm = fake_vm(d);
	assert_non_null(strstr(vm_root_problem(vm), "no page tables were found"));
	vm_destroy(vm);
	d->dump.info.dump_type = 1;
	vm = fake_vm(d);
	assert_non_null(strstr(vm_root_problem(vm), "header has no DirectoryTableBase"));
	assert_int_not_equal(vm_read_u64(vm, FAKE_LIST, &v, "x", NULL), FS_OK);
	vm_destroy(vm);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines),
		cmocka_unit_test(both_depths),
		cmocka_unit_test(cr3_flags_are_dropped),
		cmocka_unit_test(list_that_closes_wins),
		cmocka_unit_test(pointer_beats_zeros),
		cmocka_unit_test(list_page_missing),
		cmocka_unit_test(table_page_missing),
		cmocka_unit_test(second_witness),
		cmocka_unit_test(neither_translates),
		cmocka_unit_test(root_page_missing),
		cmocka_unit_test(header_without_root_or_witness),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
