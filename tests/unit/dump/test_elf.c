/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF cores of machines: memory by PT_LOAD. Notes: test_notes.c. */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/core_bytes.h"
#include "support/test.h"

#define X64 62

/* Pages of the given loads, each u64 its own physical address. */
static void core(struct bytes *b, const struct core_load *l, size_t n)
{
	size_t i;
	uint64_t k;

	core_header(b, X64, n);
	for (i = 0; i < n; i++) {
		core_phdr(b, i, 1, &l[i]);
		for (k = 0; k + 8 <= l[i].size; k += 8)
			bytes_u64(b, (size_t)(l[i].off + k), l[i].pa + k);
	}
}

static void expect(struct bytes *b, enum fs_status st, const char *words)
{
	struct fs_error err = {0};
	struct dump *d;

	assert_int_equal(dump_open(bytes_save(b), &d, &err), st);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

static bool reads(struct dump *d, uint64_t pa)
{
	struct fs_error err = {0};
	uint8_t p[8];
	enum fs_status st = dump_read_phys(d, pa, p, 8, &err);

	if (st == FS_OK) {
		assert_true(load_u64(p) == pa);
		return true;
	}
	assert_int_equal(st, FS_NOT_IN_DUMP);
	assert_true(err.has_address && err.address >= pa && err.address < pa + 8);
	return false;
}

/* Three pieces in no order, at odd places of the file, one above 4 GiB. */
static void memory_by_load(void **state)
{
	static const struct core_load l[] = {
		{0x100000, 0x3000, 0x748}, {0x1000, 0x2000, 0x3748}, {0x140000000, 0x1000, 0x5748}};
	struct bytes b = {0};
	struct dump *d;
	uint8_t buf[0x3000];
	uint64_t pa;

	(void)state;
	core(&b, l, 3);
	d = bytes_open(&b);
	assert_string_equal(dump_info(d)->format, "elf");
	assert_int_equal(dump_info(d)->machine, DUMP_X64);
	assert_int_equal(dump_info(d)->pages, 6);
	assert_int_equal(dump_info(d)->dump_type, 0);
	assert_false(dump_info(d)->truncated);
	assert_false(dump_info(d)->build.present || dump_info(d)->directory_table_base.present ||
		     dump_info(d)->ps_loaded_module_list.present ||
		     dump_info(d)->bugcheck.present || dump_info(d)->processors.present);
	assert_int_equal(dump_note_count(d) + dump_cpu_count(d), 0);
	for (pa = 0; pa < 0x110000; pa += 0x1000)
		assert_int_equal(reads(d, pa + 8), (pa >= 0x1000 && pa < 0x3000) ||
							   (pa >= 0x100000 && pa < 0x103000));
	assert_true(reads(d, 0x140000ff8));
	assert_false(reads(d, 0x140001000));
	assert_false(reads(d, 0x13ffffff8));
	assert_int_equal(dump_read_phys(d, 0x100000, buf, 0x3000, NULL), FS_OK);
	dump_close(d);
	bytes_deinit(&b);
}

/* Mappings of one place are one piece of memory, as QEMU's -p writes them by the thousand. */
static void many_mappings_of_one_place(void **state)
{
	struct core_load l[600];
	struct bytes b = {0};
	struct dump *d;
	size_t i;

	(void)state;
	for (i = 0; i < 600; i++)
		l[i] = (struct core_load){0x1000 * (i % 200 + 1), 0x1000,
					  0x9000 + 0x1000 * (i % 200)};
	core(&b, l, 600);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->pages, 200);
	assert_int_equal(dump_note_count(d), 0);
	assert_true(reads(d, 0x1000) && reads(d, 200 * 0x1000) && !reads(d, 201 * 0x1000));
	dump_close(d);
	bytes_deinit(&b);
}

/* One address at two places: data while both agree, else nobody's. */
static void overlap(void **state)
{
	static const struct core_load l[] = {{0x1000, 0x3000, 0x1000}, {0x2000, 0x3000, 0x9000}};
	struct bytes b = {0};
	struct fs_error err;
	struct dump *d;
	uint8_t p[8];

	(void)state;
	core(&b, l, 2);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->pages, 4);
	assert_true(bytes_noted(d, "program headers overlap"));
	assert_true(reads(d, 0x1000) && reads(d, 0x2000) && reads(d, 0x3ff8) && reads(d, 0x4000));
	dump_close(d);
	bytes_u64(&b, 0x9010, 7);
	d = bytes_open(&b);
	assert_true(reads(d, 0x2008) && reads(d, 0x2018));
	assert_int_equal(dump_read_phys(d, 0x2010, p, 8, &err), FS_CORRUPT);
	assert_true(err.has_address && err.address == 0x2010);
	assert_non_null(strstr(err.text, "two memory segments with different bytes"));
	dump_close(d);
	bytes_deinit(&b);
}

/* Five places are more than anybody compares. */
static void too_many_copies(void **state)
{
	struct core_load l[6];
	struct bytes b = {0};
	struct fs_error err;
	struct dump *d;
	uint8_t p[8];
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++)
		l[i] = (struct core_load){0x1000, 0x1000, 0x1000 + 0x1000 * i};
	l[5] = (struct core_load){0x2000, 0x1000, 0x8000};
	core(&b, l, 6);
	d = bytes_open(&b);
	assert_int_equal(dump_read_phys(d, 0x1000, p, 8, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "more than 4 memory segments"));
	assert_true(reads(d, 0x2000));
	dump_close(d);
	bytes_deinit(&b);
}

/* Pieces that begin and end within a page, with nothing of a page before the first. */
static void parts_of_pages(void **state)
{
	static const struct core_load l[] = {{0x1f00, 0x180, 0x0c0}, {0x2100, 0x100, 0x800}};
	struct bytes b = {0};
	struct fs_error err;
	struct dump *d;
	uint8_t p[16];

	(void)state;
	core(&b, l, 2);
	d = bytes_open(&b);
	assert_true(reads(d, 0x1f00) && reads(d, 0x1ff8) && reads(d, 0x2000) && reads(d, 0x2078));
	assert_false(reads(d, 0x1ef8) || reads(d, 0x2080) || reads(d, 0x2200));
	assert_true(reads(d, 0x2100) && reads(d, 0x21f8));
	assert_int_equal(dump_read_phys(d, 0x2078, p, 16, &err), FS_NOT_IN_DUMP);
	assert_true(err.address == 0x2080);
	bytes_next_pages(d, 4, true);
	assert_true(dump_next_page(d, 4) == UINT64_MAX);
	dump_close(d);
	bytes_deinit(&b);
}

/* p_memsz beyond p_filesz, and mappings of no RAM (p_offset -1), are not in the file: never
 * zeros. */
static void memory_that_is_not_in_the_file(void **state)
{
	static const struct core_load l[] = {
		{0x1000, 0x1000, 0x1000}, {0xfee00000, 0, UINT64_MAX}, {0x5000, 0, 0}};
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	core(&b, l, 3);
	bytes_u64(&b, 0x40 + 40, 0x3000);
	bytes_u64(&b, 0x40 + 56 + 40, 0x1000);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 0);
	assert_false(dump_info(d)->truncated);
	assert_true(reads(d, 0x1000));
	assert_false(reads(d, 0x2000) || reads(d, 0xfee00000) || reads(d, 0x5000));
	dump_close(d);
	bytes_deinit(&b);
}

static void load_past_the_end(void **state)
{
	static const struct core_load l[] = {{0x1000, 0x2000, 0x1000}, {0x100000, 0x2000, 0x3000}};
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	core(&b, l, 2);
	bytes_u64(&b, 0x40 + 56 + 32, 0x100000);
	d = bytes_open(&b);
	assert_true(dump_info(d)->truncated);
	assert_int_equal(dump_info(d)->missing_bytes, 0xfe000);
	assert_true(reads(d, 0x101ff8));
	assert_false(reads(d, 0x102000));
	dump_close(d);
	bytes_deinit(&b);
}

/* Addresses and places that no machine has: that header is left out and told, the rest stays. */
static void impossible_loads(void **state)
{
	static const uint64_t bad[][3] = {
		{UINT64_MAX - 0xfff, 0x1000, 0x1000},
		{1ull << 52, 0x1000, 0x1000},
		{0x2000, UINT64_MAX, 0x1000},
		{0x2000, 0x1000, UINT64_MAX - 10},
	};
	static const struct core_load l[] = {{0x1000, 0x1000, 0x1000}, {0x2000, 0, 0x2000}};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct core_load broken = {bad[i][0], bad[i][1], bad[i][2]};
		struct bytes b = {0};
		struct dump *d;

		core(&b, l, 2);
		core_phdr(&b, 1, 1, &broken);
		d = bytes_open(&b);
		assert_true(
			bytes_noted(d, "program header 1 is left out: expected physical addresses"));
		assert_true(reads(d, 0x1000) && !reads(d, 0x2000));
		dump_close(d);
		bytes_deinit(&b);
	}
}

static void refused(void **state)
{
	static const struct core_load l[] = {{0x1000, 0x1000, 0x1000}, {0, 0x1000, 0x2000}};
	struct bytes b = {0};

	(void)state;
	core(&b, l, 1);
	bytes_u16(&b, 18, 2);
	expect(&b, FS_UNSUPPORTED, "ELF core of e_machine 2 at 0x12");
	bytes_u16(&b, 18, X64);
	bytes_u16(&b, 16, 3);
	expect(&b, FS_UNSUPPORTED, "an ELF file, but no core");
	bytes_u16(&b, 16, 4);
	bytes_put(&b, 5, "\2", 1);
	expect(&b, FS_UNSUPPORTED, "not little endian");
	bytes_put(&b, 4, "\3\1", 2);
	expect(&b, FS_CORRUPT, "EI_CLASS");
	bytes_put(&b, 4, "\2", 1);
	bytes_u16(&b, 54, 55);
	expect(&b, FS_CORRUPT, "e_phentsize is 55");
	bytes_u16(&b, 54, 56);
	bytes_u16(&b, 56, 0);
	expect(&b, FS_CORRUPT, "none of its 0 program headers");
	bytes_u16(&b, 56, 0xffff);
	expect(&b, FS_CORRUPT, "e_phnum is PN_XNUM");
	/* every address 0: what Linux writes for a process */
	core(&b, l, 2);
	bytes_u64(&b, 0x40 + 24, 0);
	bytes_u64(&b, 0x40 + 16, 0x400000);
	bytes_u64(&b, 0x40 + 56 + 16, 0x7f0000000000);
	expect(&b, FS_UNSUPPORTED, "an ELF core of a process");
	bytes_deinit(&b);
}

/* More program headers than 16 bits count: the number stands in section 0. */
static void extended_count(void **state)
{
	static const struct core_load l[] = {{0x1000, 0x1000, 0x1000}};
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	core(&b, l, 1);
	bytes_u16(&b, 56, 0xffff);
	bytes_u64(&b, 40, 0x2000);
	bytes_u32(&b, 0x2000 + 44, 1);
	bytes_resize(&b, 0x2040);
	d = bytes_open(&b);
	assert_true(reads(d, 0x1000));
	assert_int_equal(dump_note_count(d), 0);
	dump_close(d);
	/* more than the file holds: the ones that are there */
	bytes_u32(&b, 0x2000 + 44, 0x10000);
	d = bytes_open(&b);
	assert_true(dump_info(d)->truncated && bytes_noted(d, "65536 program headers at 0x40"));
	assert_true(reads(d, 0x1000));
	dump_close(d);
	bytes_u32(&b, 0x2000 + 44, UINT32_MAX);
	expect(&b, FS_LIMIT, "4294967295 program headers");
	bytes_deinit(&b);
}

static void class_32(void **state)
{
	struct bytes b = {0};
	struct dump *d;

	(void)state;
	bytes_put(&b, 0, "\177ELF\1\1\1", 7);
	bytes_u16(&b, 16, 4);
	bytes_u16(&b, 18, 3);
	bytes_u32(&b, 28, 0x34);
	bytes_u16(&b, 42, 32);
	bytes_u16(&b, 44, 1);
	bytes_u32(&b, 0x34, 1);
	bytes_u32(&b, 0x34 + 4, 0x1000);
	bytes_u32(&b, 0x34 + 12, 0x7000);
	bytes_u32(&b, 0x34 + 16, 0x1000);
	bytes_page(&b, 0x1000, 7);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->machine, DUMP_X86);
	assert_int_equal(dump_info(d)->machine_raw, 0x14c);
	assert_true(reads(d, 0x7000) && !reads(d, 0x8000));
	dump_close(d);
	bytes_deinit(&b);
}

/* Every length of the file; what opens reads its own bytes or says what is missing. */
static void cut_anywhere(void **state)
{
	static const struct core_load l[] = {{0x1000, 0x1000, 0x200}, {0x2000, 0x1000, 0x1200}};
	struct bytes b = {0};
	struct fs_error err;
	struct dump *d;
	size_t n;

	(void)state;
	core(&b, l, 2);
	for (n = 1; n < b.n; n += n < 0x220 ? 1 : 61) {
		enum fs_status st = dump_open(bytes_save_n(&b, n), &d, &err);

		if (n < 0x40 + 56)
			assert_int_equal(st, FS_CORRUPT);
		if (st != FS_OK)
			continue;
		assert_true(dump_info(d)->truncated);
		assert_int_equal(reads(d, 0x1000), n >= 0x208);
		assert_int_equal(reads(d, 0x2ff8), false);
		(void)bytes_exercise(d);
		bytes_next_pages(d, 8, true);
		dump_close(d);
	}
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_by_load),
		cmocka_unit_test(many_mappings_of_one_place),
		cmocka_unit_test(overlap),
		cmocka_unit_test(too_many_copies),
		cmocka_unit_test(parts_of_pages),
		cmocka_unit_test(memory_that_is_not_in_the_file),
		cmocka_unit_test(load_past_the_end),
		cmocka_unit_test(impossible_loads),
		cmocka_unit_test(refused),
		cmocka_unit_test(extended_count),
		cmocka_unit_test(class_32),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
