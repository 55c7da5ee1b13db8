/* SPDX-License-Identifier: BSD-2-Clause */
/* Export directories, byte by byte as Microsoft's "PE Format" has them; and reads that an
 * image completes where the dump has a hole. */
#include "support/test.h"

#include "dump/dump.h"
#include "module/exports.h"
#include "support/triage_builder.h"

#define BASE  0xfffff88001330000ull
#define IMAGE 0x8000
#define EDATA 0x200 /* directory, tables and names, to 0x300 */
#define FUNCS (EDATA + 40)
#define NAMES (FUNCS + 4 * 4)
#define ORDS  (NAMES + 4 * 4)
#define TEXT  (ORDS + 4 * 2)
#define END   0x300

static struct triage t;
static struct dump *dump;
static struct vm *vm;
static struct module m;
static struct pe pe;
static struct exports x;

/* Two functions (FltB below FltA), a forwarder, and a name with an escape sequence. */
static int make(void **state)
{
	static const char names[] = "FltA\0FltB\0Fwd\0\x1b[31m";
	static const uint32_t rva[4] = {0x2000, 0x1000, EDATA + 0xe0, 0x3000};
	static const uint16_t at[4] = {0, 5, 10, 14};
	uint32_t i;

	(void)state;
	triage_init(&t);
	triage_map(&t, BASE + EDATA, END - EDATA);
	triage_u32(&t, BASE + EDATA + 20, 4);
	triage_u32(&t, BASE + EDATA + 24, 4);
	triage_u32(&t, BASE + EDATA + 28, FUNCS);
	triage_u32(&t, BASE + EDATA + 32, NAMES);
	triage_u32(&t, BASE + EDATA + 36, ORDS);
	triage_put(&t, BASE + TEXT, names, sizeof(names));
	for (i = 0; i < 4; i++) {
		triage_u32(&t, BASE + FUNCS + 4 * i, rva[i]);
		triage_u32(&t, BASE + NAMES + 4 * i, TEXT + at[i]);
		triage_u16(&t, BASE + ORDS + 2 * i, (uint16_t)i);
	}
	m = (struct module){.name = "fltmgr.sys", .base = BASE, .size = IMAGE};
	pe = (struct pe){.size_of_image = IMAGE, .export_rva = EDATA, .export_size = END - EDATA};
	return 0;
}

static int done(void **state)
{
	(void)state;
	exports_deinit(&x);
	vm_destroy(vm);
	dump_close(dump);
	vm = NULL;
	dump = NULL;
	triage_deinit(&t);
	return 0;
}

static void open_it(void)
{
	struct fs_error err;

	vm_destroy(vm);
	dump_close(dump);
	if (dump_open(triage_write(&t), &dump, &err) || vm_create(dump, &vm, &err))
		fail_msg("%s", err.text);
}

static enum fs_status read_it(struct fs_error *err)
{
	exports_deinit(&x);
	open_it();
	return exports_read(vm, &m, &pe, &x, err);
}

static void sorted_without_forwarders(void **state)
{
	(void)state;
	assert_int_equal(read_it(NULL), FS_OK);
	assert_int_equal(x.list.n, 2);
	assert_string_equal(x.list.v[0].name, "FltB");
	assert_int_equal(x.list.v[0].rva, 0x1000);
	assert_string_equal(x.list.v[1].name, "FltA");
	assert_null(exports_at(&x, 0xfff));
	assert_string_equal(exports_at(&x, 0x1000)->name, "FltB");
	assert_string_equal(exports_at(&x, 0x1fff)->name, "FltB");
	assert_string_equal(exports_at(&x, UINT64_MAX)->name, "FltA");
}

static void two_names_of_one_address(void **state)
{
	(void)state;
	triage_u32(&t, BASE + FUNCS + 4, 0x2000);
	assert_int_equal(read_it(NULL), FS_OK);
	assert_string_equal(exports_at(&x, 0x2004)->name, "FltA");
}

/* Each count and each table at its maximum, each address out of the image. */
static void hostile_directories(void **state)
{
	static const uint32_t field[] = {20, 24, 28, 32, 36};
	static const uint32_t value[] = {UINT32_MAX, 0x80000000u, IMAGE, 0x10001};
	struct fs_error err;
	size_t i, k;

	for (i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		for (k = 0; k < sizeof(value) / sizeof(value[0]); k++) {
			triage_u32(&t, BASE + EDATA + field[i], value[k]);
			assert_int_equal(read_it(&err), FS_CORRUPT);
			assert_non_null(strstr(err.text, "fltmgr.sys"));
			assert_int_equal(x.list.n, 0);
		}
		(void)done(state);
		(void)make(state);
	}
	pe.export_rva = IMAGE - 8;
	assert_int_equal(read_it(&err), FS_CORRUPT);
	pe.export_rva = 0;
	assert_int_equal(read_it(&err), FS_NOT_FOUND);
}

static void hostile_entries(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		triage_u32(&t, BASE + NAMES + 4 * i, i % 2 ? UINT32_MAX : IMAGE - 1);
		triage_u16(&t, BASE + ORDS + 2 * i, 0xffff);
	}
	assert_int_equal(read_it(NULL), FS_OK);
	assert_int_equal(x.list.n, 0);
}

/* --- where the dump has a hole ---------------------------------------------------- */

static size_t asked_at;

static size_t image(void *arg, uint64_t va, void *buf, size_t n)
{
	(void)arg;
	if (va < BASE + END || va >= BASE + END + 0x40)
		return 0;
	asked_at = (size_t)(va - BASE);
	if (n > BASE + END + 0x40 - va)
		n = (size_t)(BASE + END + 0x40 - va);
	memset(buf, 0xcc, n);
	return n;
}

static void image_completes_a_read(void **state)
{
	uint8_t b[0x60];
	struct fs_error err;
	bool from_image = false;

	(void)state;
	triage_u8(&t, BASE + END - 1, 0xaa);
	triage_map(&t, BASE + END + 0x10, 8); /* what the dump has wins */
	open_it();
	assert_int_equal(vm_read_any(vm, BASE + END - 1, b, 0x21, "x", &from_image, &err),
			 FS_NOT_IN_DUMP);
	vm_set_fallback(vm, image, NULL);
	assert_int_equal(vm_read_any(vm, BASE + END - 1, b, 0x21, "x", &from_image, &err), FS_OK);
	assert_true(from_image);
	assert_int_equal(b[0], 0xaa);
	assert_int_equal(b[1], 0xcc);
	assert_int_equal(b[0x10], 0xcc);
	assert_int_equal(b[0x11], 0);
	assert_int_equal(b[0x18], 0);
	assert_int_equal(b[0x19], 0xcc);
	assert_int_equal(asked_at, END + 0x18);
	/* All from the dump: not marked. Past what the image has: where it ends. */
	assert_int_equal(vm_read_any(vm, BASE + END - 1, b, 1, "x", &from_image, &err), FS_OK);
	assert_false(from_image);
	assert_int_equal(vm_read_any(vm, BASE + END, b, 0x50, "x", &from_image, &err),
			 FS_NOT_IN_DUMP);
	assert_int_equal(err.address, BASE + END + 0x40);
	/* What is collected and proved never rests on it. */
	assert_int_equal(vm_read(vm, BASE + END, b, 1, "x", &err), FS_NOT_IN_DUMP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sorted_without_forwarders, make, done),
		cmocka_unit_test_setup_teardown(two_names_of_one_address, make, done),
		cmocka_unit_test_setup_teardown(hostile_directories, make, done),
		cmocka_unit_test_setup_teardown(hostile_entries, make, done),
		cmocka_unit_test_setup_teardown(image_completes_a_read, make, done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
