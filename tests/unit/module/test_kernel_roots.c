/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pages of physical memory may be the top of page tables: entries bit by bit (SDM vol. 3A,
 * tables 4-4 to 4-20; Arm ARM D8.3), each candidate beside its look-alike. */
#include "support/fakedump.h"

#include "module/kernel.h"

static struct fakedump *d;
static struct kernel_hints hints;

static uint64_t next_page(const struct dump *dump, uint64_t pfn)
{
	const struct fakedump *f = dump->priv;
	uint64_t best = UINT64_MAX;
	size_t i;

	for (i = 0; i < f->npages; i++)
		if (f->page[i].pa / 4096 >= pfn && f->page[i].pa / 4096 < best)
			best = f->page[i].pa / 4096;
	return best;
}

static int make(void **state)
{
	(void)state;
	d = fake_empty(DUMP_X86);
	d->format.read_phys = fake_read_phys;
	d->format.next_page = next_page;
	return 0;
}

static int done(void **state)
{
	(void)state;
	free(d);
	return 0;
}

/* All that are found; the last one's address and levels. */
static size_t roots(enum dump_machine machine, struct vm_root *last)
{
	struct kernel_root_search s = {.dump = &d->dump, .machine = machine, .hints = &hints};
	const char *from;
	size_t n = 0;

	while (kernel_next_root(&s, last, &from)) {
		assert_int_equal(last->machine, machine);
		n++;
	}
	assert_false(s.limited || s.no_memory);
	kernel_root_search_deinit(&s);
	return n;
}

static void put32(uint64_t pa, uint32_t v)
{
	fake_store(fake_page(d, pa) + pa % 4096, v, 4);
}

static void a_page_directory(void **state)
{
	struct vm_root r;

	(void)state;
	(void)fake_page(d, 0x5000);
	assert_int_equal(roots(DUMP_X86, &r), 0);
	put32(0x5c00, 0x5063);
	assert_int_equal(roots(DUMP_X86, &r), 1);
	assert_true(r.pa == 0x5000 && r.levels == 2);
	put32(0x5c00, 0x5062); /* not present */
	assert_int_equal(roots(DUMP_X86, &r), 0);
	put32(0x5c00, 0x50e3); /* 4 MiB of memory */
	assert_int_equal(roots(DUMP_X86, &r), 0);
	put32(0x5c00, 0x6063); /* another table */
	assert_int_equal(roots(DUMP_X86, &r), 0);
	put32(0x5c00, 0);
	put32(0x5c04, 0x5063); /* not at 0xc0000000 */
	assert_int_equal(roots(DUMP_X86, &r), 0);
	assert_int_equal(roots(DUMP_X64, &r), 0);
}

/* Directories at 0x11000, 0x12000, 0x200013000 (above 4 GiB), 0x14000. */
static void put_pdpt(uint64_t at)
{
	static const uint64_t pd[4] = {0x11000, 0x12000, 0x200013000, 0x14000};
	size_t i;

	for (i = 0; i < 4; i++) {
		fake_put64(d, at + 8 * i, pd[i] | 1);
		fake_put64(d, 0x14000 + 8 * i, pd[i] | 0x63);
	}
}

static void a_pdpt(void **state)
{
	static const uint64_t bad[] = {0x14000, 0x14003, 0x14005,
				       0x14021, 0x14101, 0x8000000000014001};
	struct vm_root r;
	size_t i;

	(void)state;
	put_pdpt(0x9fe0); /* the last of its page */
	assert_int_equal(roots(DUMP_X86, &r), 1);
	assert_true(r.pa == 0x9fe0 && r.levels == 3);
	put_pdpt(0x9020);
	assert_int_equal(roots(DUMP_X86, &r), 2);
	put32(0x9c00, 0x9063); /* and the page is a directory as well */
	assert_int_equal(roots(DUMP_X86, &r), 3);
	put32(0x9c00, 0);
	for (i = 0; i < 8; i++)
		put32(0x9020 + 4 * i, 0);
	fake_put64(d, 0x9ff8, 0x14e19); /* PWT, PCD and what is ignored */
	assert_int_equal(roots(DUMP_X86, &r), 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) { /* not present, reserved bits */
		fake_put64(d, 0x9ff8, bad[i]);
		assert_int_equal(roots(DUMP_X86, &r), 0);
	}
	fake_put64(d, 0x9ff8, 0x77000 | 1); /* not in the dump */
	assert_int_equal(roots(DUMP_X86, &r), 0);
	fake_put64(d, 0x9ff8, 0x14001);
	fake_put64(d, 0x14018, 0x140e3); /* a large page */
	assert_int_equal(roots(DUMP_X86, &r), 0);
	fake_put64(d, 0x14018, 0x14063);
	fake_put64(d, 0x14010, 0x13063); /* one that is not the PDPT's */
	assert_int_equal(roots(DUMP_X86, &r), 0);
}

/* CR3 has 32 bits. */
static void above_4_gib_is_no_32_bit_root(void **state)
{
	struct vm_root r;

	(void)state;
	put_pdpt(0x100000000);
	assert_int_equal(roots(DUMP_X86, &r), 0);
	put_pdpt(0xfffff000);
	assert_int_equal(roots(DUMP_X86, &r), 1);
}

static void a_top_table_of_64_bits(void **state)
{
	uint64_t pa = 0x2345678000;
	struct vm_root r;

	(void)state;
	fake_put64(d, pa + 0x1ed * 8, pa | 0x8000000000000063);
	assert_int_equal(roots(DUMP_X64, &r), 0); /* it maps nothing else where images are */
	fake_put64(d, pa + 0x1ef * 8, 0x7063);
	assert_int_equal(roots(DUMP_X64, &r), 0);
	fake_put64(d, pa + 0x1f0 * 8, 0x7063);
	assert_int_equal(roots(DUMP_X64, &r), 1);
	assert_true(r.pa == pa && r.levels == 0);
	fake_put64(d, pa + 0x1ed * 8, pa | 0xe3); /* reserved in a top table */
	assert_int_equal(roots(DUMP_X64, &r), 0);
	fake_put64(d, pa + 0x1ed * 8, 0x45678063); /* the same low half */
	assert_int_equal(roots(DUMP_X64, &r), 0);
	fake_put64(d, pa + 0x1ed * 8, 0);
	fake_put64(d, pa + 0xed * 8, pa | 0x63); /* the user's half */
	assert_int_equal(roots(DUMP_X64, &r), 0);
	fake_put64(d, pa + 0x1fe * 8, pa | 0x63); /* where the map itself may be, too */
	assert_int_equal(roots(DUMP_X64, &r), 1);
	fake_put64(d, pa + 0x1fe * 8, pa | 0x701); /* ARM64: a block, then a table */
	assert_int_equal(roots(DUMP_ARM64, &r), 0);
	fake_put64(d, pa + 0x1fe * 8, pa | 0x703);
	assert_int_equal(roots(DUMP_ARM64, &r), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_page_directory),
		T(a_pdpt),
		T(above_4_gib_is_no_32_bit_root),
		T(a_top_table_of_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
