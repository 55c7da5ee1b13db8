/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Published real dumps, where the folder is there (REAL_DUMPS, else
 * ../shared/real-dumps). Expected figures are those of the folder's own README.
 */
#include <unistd.h>

#include "base/cursor.h"
#include "base/str.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

#define FRAME_TYPE_WORD 0x0780f103u

static struct dump *open_real(const char *name)
{
	const char *dir = getenv("REAL_DUMPS");
	struct fs_error err = {0};
	struct dump *d = NULL;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/real-dumps", name);
	if (access(path, R_OK) != 0) {
		print_message("skipped: no %s\n", path);
		skip();
	}
	if (dump_open(path, &d, &err) != FS_OK)
		fail_msg("%s", err.text);
	return d;
}

/* What holds for each of them: whole, nothing contradictory, every block
 * readable, every driver named, bases page-aligned in the kernel half. */
static void check_sane(struct dump *d, enum dump_machine machine, uint32_t build)
{
	const struct dump_info *i = dump_info(d);
	struct dump_unloaded u;
	struct dump_driver r;
	size_t k;

	assert_string_equal(i->format, "dmp-triage");
	assert_int_equal(i->machine, machine);
	assert_true(i->build.present && i->build.v == build);
	assert_false(i->truncated);
	assert_int_equal(dump_note_count(d), 0);
	assert_int_equal(dump_block_conflicts(d), 0);
	assert_true(bytes_exercise(d) > 100);
	for (k = 0; k < dump_driver_count(d); k++) {
		assert_int_equal(dump_driver(d, k, &r, NULL), FS_OK);
		assert_true(r.name_read && strlen(r.name) > 4);
		assert_true(r.base >> 47 == 0x1ffff && r.base % 4096 == 0);
		assert_true(r.size > 0 && r.size < 0x10000000);
	}
	for (k = 0; k < dump_unloaded_count(d); k++) {
		assert_int_equal(dump_unloaded(d, k, &u, NULL), FS_OK);
		assert_true(u.name_read && u.start < u.end && u.start % 4096 == 0);
	}
	assert_int_equal(dump_driver(d, 0, &r, NULL), FS_OK);
	assert_true(str_ieq(path_base(r.name), "ntoskrnl.exe"));
}

static bool find_driver(struct dump *d, const char *name, struct dump_driver *ret)
{
	size_t k;

	for (k = 0; k < dump_driver_count(d); k++) {
		assert_int_equal(dump_driver(d, k, ret, NULL), FS_OK);
		if (str_ieq(path_base(ret->name), name))
			return true;
	}
	return false;
}

static void expect_u32(struct dump *d, uint64_t va, uint32_t want)
{
	struct fs_error err = {0};
	uint8_t p[4];

	if (dump_read_virt(d, va, p, 4, &err) != FS_OK)
		fail_msg("%s", err.text);
	assert_int_equal(load_u32(p), want);
}

static void x64_100623(void **state)
{
	struct dump *d = open_real("100623-6156-01.dmp");
	struct dump_driver r;

	(void)state;
	check_sane(d, DUMP_X64, 19041);
	assert_int_equal(dump_info(d)->bugcheck.v, 0x50);
	assert_int_equal(dump_driver_count(d), 192);
	assert_true(find_driver(d, "fltmgr.sys", &r));
	assert_true(r.base == 0xfffff80552430000);
	assert_int_equal(r.size, 0x6d000);
	expect_u32(d, 0xffffe78f8d415010, FRAME_TYPE_WORD);
	dump_close(d);
}

static void x64_other(void **state)
{
	struct dump *d = open_real("triage_x64.dmp");
	struct dump_driver r;
	uint8_t links[16];

	(void)state;
	check_sane(d, DUMP_X64, 19041);
	assert_int_equal(dump_info(d)->bugcheck.v, 0x1000007e);
	expect_u32(d, 0xffffc08be3ac7050, FRAME_TYPE_WORD);
	assert_int_equal(dump_read_virt(d, 0xffffc08be3ac7058, links, 16, NULL), FS_OK);
	assert_true(find_driver(d, "fltmgr.sys", &r));
	assert_true(load_u64(links) == r.base + 0x2b6c0);
	assert_true(load_u64(links + 8) == r.base + 0x2b6c0);
	dump_close(d);
}

static void arm64(void **state)
{
	struct dump *d = open_real("triage_arm64.dmp");
	struct dump_driver r;
	uint8_t links[16];

	(void)state;
	check_sane(d, DUMP_ARM64, 22000);
	assert_int_equal(dump_info(d)->bugcheck.v, 0x1c8);
	assert_int_equal(dump_driver_count(d), 245);
	expect_u32(d, 0xffffbb8eb4fe6010, FRAME_TYPE_WORD);
	assert_int_equal(dump_read_virt(d, 0xffffbb8eb4fe6018, links, 16, NULL), FS_OK);
	assert_true(find_driver(d, "fltmgr.sys", &r));
	assert_true(load_u64(links) == r.base + 0x276c0);
	dump_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x64_100623),
		cmocka_unit_test(x64_other),
		cmocka_unit_test(arm64),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
