/* SPDX-License-Identifier: BSD-2-Clause */
/* What is a dump, what is refused and with which words, and what the header says. */
#include <sys/stat.h>
#include <unistd.h>

#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

static void expect(struct bytes *b, enum fs_status want, const char *words)
{
	struct fs_error err = {0};
	struct dump *d = (struct dump *)b;

	assert_int_equal(dump_open(bytes_save(b), &d, &err), want);
	assert_int_equal(err.status, want);
	assert_ptr_equal(d, b);
	if (!strstr(err.text, words))
		fail_msg("expected \"%s\" in \"%s\"", words, err.text);
	/* Every message names the file. */
	assert_non_null(strstr(err.text, b->path));
	assert_int_equal(dump_open(b->path, &d, NULL), want);
}

/* A full dump of one page, PFN 1. */
static void one_page(struct bytes *b)
{
	bytes_dmp_header(b, 1);
	bytes_u32(b, 0x88, 1);
	bytes_u64(b, 0x90, 1);
	bytes_u64(b, 0x98, 1);
	bytes_u64(b, 0xa0, 1);
	bytes_page(b, 0x2000, 1);
}

static void not_a_dump(void **state)
{
	static const char elf[] = "\177ELF\2\1\1\0\0\0\0\0";
	struct bytes b = {0};

	(void)state;
	expect(&b, FS_CORRUPT, "at offset 0: expected PAGEDU64, the file is empty");
	bytes_put(&b, 0, "Hi\n", 3);
	expect(&b, FS_CORRUPT, "at offset 0: expected PAGEDU64, found \"Hi\\x0a\"");
	bytes_put(&b, 0, elf, sizeof(elf));
	expect(&b, FS_CORRUPT, "ELF header: the file ends inside it");
	bytes_put(&b, 0, "PAGEDU65", 8);
	expect(&b, FS_CORRUPT, "found \"PAGEDU65\"");
	/* Hostile bytes in a message: quote, backslash and escape stay visible. */
	bytes_put(&b, 0, "\"\\\033[2J\302\205", 8);
	expect(&b, FS_CORRUPT, "found \"\\x22\\x5c\\x1b[2J\\xc2\\x85\"");
	bytes_deinit(&b);
}

static void not_a_file(void **state)
{
	struct fs_error err = {0};
	struct dump *d = NULL;
	char fifo[64];

	(void)state;
	assert_int_equal(dump_open("/", &d, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "directory"));
	assert_int_equal(dump_open("/nonexistent/x.dmp", &d, &err), FS_SYSTEM);
	assert_non_null(strstr(err.text, "/nonexistent/x.dmp: cannot open: No such file"));
	assert_int_equal(dump_open("/dev/null", &d, &err), FS_CORRUPT);
	/* A pipe without a writer must not hang. */
	(void)snprintf(fifo, sizeof(fifo), "/tmp/test-header-%ld", (long)getpid());
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(dump_open(fifo, &d, &err), FS_CORRUPT);
	(void)unlink(fifo);
	assert_null(d);
	dump_close(NULL);
}

static void refused_by_number(void **state)
{
	static const struct {
		uint32_t type;
		const char *words;
	} cases[] = {
		{0, "DumpType 0 (0x0)"},
		{3, "DumpType 3 at 0xf98: a header-only dump holds no memory"},
		{7, "DumpType 7 at 0xf98: \"automatic\" is a setting"},
		{11, "DumpType 11 (0xb)"},
		{0xffffffff, "DumpType 4294967295 (0xffffffff)"},
	};
	struct bytes b = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bytes_dmp_header(&b, cases[i].type);
		bytes_page(&b, 0x2000, 1);
		expect(&b, FS_UNSUPPORTED, cases[i].words);
	}
	bytes_dmp_header(&b, 0x45474150);
	expect(&b, FS_CORRUPT, "DumpType at 0xf98: expected a number, found PAGE filler");
	bytes_deinit(&b);
}

static void refused_32_bit(void **state)
{
	struct bytes b = {0};

	(void)state;
	bytes_put(&b, 0, "PAGEDUMP", 8);
	expect(&b, FS_CORRUPT, "header of a 32-bit dump: expected 0x1000 bytes");
	bytes_resize(&b, 0x2000);
	bytes_u32(&b, 0xf88, 8);
	expect(&b, FS_UNSUPPORTED, "a 32-bit dump of DumpType 8 (0x8) at 0xf88: of 32-bit dumps 1 (full)");
	expect(&b, FS_UNSUPPORTED, "write another with .dump /f");
	bytes_u32(&b, 0xf88, 0xffffffff);
	expect(&b, FS_UNSUPPORTED, "DumpType 4294967295 (0xffffffff) at 0xf88");
	bytes_u32(&b, 0xf88, 3);
	expect(&b, FS_UNSUPPORTED, "of DumpType 3 at 0xf88: a header-only dump holds no memory");
	bytes_u32(&b, 0xf88, 7);
	expect(&b, FS_UNSUPPORTED, "of DumpType 7 at 0xf88: \"automatic\" is a setting");
	bytes_filler(&b, 0xf88, 4);
	expect(&b, FS_CORRUPT, "DumpType of a 32-bit dump at 0xf88: expected a number, found PAGE");
	bytes_deinit(&b);
}

/* Every length of a header: 8 bytes are needed to know it for a dump. */
static void header_cut_anywhere(void **state)
{
	struct bytes b = {0};
	struct fs_error err;
	struct dump *d;
	size_t n;

	(void)state;
	one_page(&b);
	for (n = 0; n < 0x2000; n += n < 0x40 || n > 0x1fc0 ? 1 : 16) {
		assert_int_equal(dump_open(bytes_save_n(&b, n), &d, &err), FS_CORRUPT);
		if (n >= 8)
			assert_non_null(strstr(err.text, "header: expected 0x2000 bytes"));
		else
			assert_non_null(strstr(err.text, "expected PAGEDU64"));
	}
	d = bytes_open(&b);
	assert_false(dump_info(d)->truncated);
	dump_close(d);
	bytes_deinit(&b);
}

static void filler_is_not_a_value(void **state)
{
	struct bytes b = {0};
	const struct dump_info *i;
	struct fs_error err;
	struct dump *d;
	uint8_t context[16];
	size_t len = 77, k;

	(void)state;
	one_page(&b);
	bytes_filler(&b, 0x8, 8);
	bytes_filler(&b, 0x34, 4);
	d = bytes_open(&b);
	i = dump_info(d);
	assert_false(i->major.present || i->build.present || i->processors.present);
	assert_false(i->bugcheck.present || i->system_time.present || i->uptime.present);
	for (k = 0; k < 4; k++)
		assert_false(i->bugcheck_parameter[k].present || i->bugcheck_parameter[k].v);
	assert_false(i->directory_table_base.present || i->pfn_database.present);
	assert_false(i->ps_loaded_module_list.present || i->ps_active_process_head.present);
	assert_false(i->kd_debugger_data_block.present);
	assert_string_equal(i->comment, "");
	assert_int_equal(dump_context(d, context, sizeof(context), &len, &err), FS_NOT_FOUND);
	assert_int_equal(len, 77);
	dump_close(d);
	bytes_deinit(&b);
}

/* Values chosen so that each field can be mistaken for no other. A parameter of
 * 0x45474150 is a value: only eight bytes of filler make an unset u64. */
static void every_field(void **state)
{
	struct bytes b = {0};
	const struct dump_info *i;
	struct dump *d;

	(void)state;
	one_page(&b);
	bytes_u64(&b, 0x10, 0x1ad000);
	bytes_u64(&b, 0x18, 0xffffa58000000000);
	bytes_u64(&b, 0x20, 0xfffff8075c82a270);
	bytes_u64(&b, 0x28, 0xfffff8075c81df60);
	bytes_u32(&b, 0x38, 0xe2);
	bytes_u64(&b, 0x40, 0x45474150);
	bytes_u64(&b, 0x48, 0x4547415000000000);
	bytes_u64(&b, 0x50, 3);
	bytes_u64(&b, 0x58, 4);
	bytes_u64(&b, 0x80, 0xfffff8075c800b20);
	bytes_u64(&b, 0xfa8, 0x1da498aee1c5680);
	bytes_u64(&b, 0x1030, 0x861c46800);
	bytes_put(&b, 0xfb0, "made by hand", 13);
	d = bytes_open(&b);
	i = dump_info(d);
	assert_string_equal(i->format, "dmp-full");
	assert_int_equal(i->dump_type, 1);
	assert_int_equal(i->machine, DUMP_X64);
	assert_int_equal(i->machine_raw, 0x8664);
	assert_true(i->major.present && i->major.v == 15);
	assert_true(i->build.present && i->build.v == 19041);
	assert_true(i->processors.present && i->processors.v == 2);
	assert_true(i->bugcheck.present && i->bugcheck.v == 0xe2);
	assert_true(i->bugcheck_parameter[0].present && i->bugcheck_parameter[0].v == 0x45474150);
	assert_true(i->bugcheck_parameter[1].v == 0x4547415000000000);
	assert_true(i->bugcheck_parameter[2].v == 3 && i->bugcheck_parameter[3].v == 4);
	assert_true(i->directory_table_base.v == 0x1ad000);
	assert_true(i->pfn_database.v == 0xffffa58000000000);
	assert_true(i->ps_loaded_module_list.v == 0xfffff8075c82a270);
	assert_true(i->ps_active_process_head.v == 0xfffff8075c81df60);
	assert_true(i->kd_debugger_data_block.v == 0xfffff8075c800b20);
	assert_true(i->system_time.v == 0x1da498aee1c5680);
	assert_true(i->uptime.v == 0x861c46800);
	assert_string_equal(i->comment, "made by hand");
	assert_int_equal(i->file_size, 0x3000);
	dump_close(d);
	bytes_deinit(&b);
}

static void context_record(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	size_t len = 0;
	uint8_t context[0x600];

	(void)state;
	one_page(&b);
	bytes_u32(&b, 0x348 + 0x30, 0x10000f);
	d = bytes_open(&b);
	/* Filler right at 0x348 means: no CONTEXT. */
	assert_int_equal(dump_context(d, context, sizeof(context), &len, NULL), FS_NOT_FOUND);
	dump_close(d);

	/* sizeof(CONTEXT) of x64 is 0x4d0, of ARM64 0x390 (winnt.h). */
	bytes_u64(&b, 0x348, 0);
	d = bytes_open(&b);
	assert_int_equal(dump_context(d, context, sizeof(context), &len, NULL), FS_OK);
	assert_int_equal(len, 0x4d0);
	assert_int_equal(context[0x30], 0x0f);
	assert_int_equal(dump_context(d, context, 0x34, &len, NULL), FS_OK);
	assert_int_equal(len, 0x34);
	dump_close(d);
	bytes_u32(&b, 0x30, 0xaa64);
	d = bytes_open(&b);
	assert_int_equal(dump_info(d)->machine, DUMP_ARM64);
	assert_int_equal(dump_context(d, context, sizeof(context), &len, NULL), FS_OK);
	assert_int_equal(len, 0x390);
	dump_close(d);
	bytes_deinit(&b);
}

/* A comment without a terminator ends with its field. */
static void comment_without_end(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	char full[129];

	(void)state;
	memset(full, 'x', 128);
	full[128] = '\0';
	one_page(&b);
	bytes_put(&b, 0xfb0, full, 128);
	d = bytes_open(&b);
	assert_string_equal(dump_info(d)->comment, full);
	dump_close(d);
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_a_dump),	       cmocka_unit_test(not_a_file),
		cmocka_unit_test(refused_by_number),   cmocka_unit_test(refused_32_bit),
		cmocka_unit_test(header_cut_anywhere), cmocka_unit_test(filler_is_not_a_value),
		cmocka_unit_test(every_field),	       cmocka_unit_test(context_record),
		cmocka_unit_test(comment_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
