/* SPDX-License-Identifier: BSD-2-Clause */
/* Field lists: members, enumerators, what is stepped over, and lists that lie. */
#include "pdb/impl.h"
#include "support/pdb_maker.h"
#include "support/test.h"

static struct pdb *build(struct pdb_maker *m, int with_hash)
{
	struct fs_error err;
	struct pdb *p = NULL;

	pm_info(m, 1, NULL, 0);
	pm_tpi(m, with_hash);
	pm_build(m);
	if (pdb_open_fd(pm_fd(m->file.v, m->file.n), "t.pdb", &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static void a_list_over_several_records(void **state)
{
	struct pdb_maker m;
	struct blob b = {0};
	const struct pdb_member *v;
	uint32_t rest, fields;
	struct pdb_type t;
	struct pdb *p;
	size_t n;

	(void)state;
	pm_init(&m, 512);
	pm_member(&b, 0x20, 3, "last");
	rest = pm_list(&m, &b);
	pm_member(&b, 0x20, 1, "first");
	blob_u16(&b, 0x1404); /* LF_INDEX */
	blob_u16(&b, 0);
	blob_u32(&b, rest);
	fields = pm_list(&m, &b);
	pm_struct(&m, 0x1504, "_L", 0, fields, 4);
	p = build(&m, 1);
	assert_int_equal(pdb_find_type(p, "_L", &t, NULL), FS_OK);
	assert_int_equal(pdb_members(p, &t, &v, &n, NULL), FS_OK);
	assert_int_equal(n, 2);
	assert_string_equal(v[0].name, "first");
	assert_string_equal(v[1].name, "last");
	pdb_close(p);
	pm_free(&m);
}

static void circles_end(void **state)
{
	struct pdb_maker m;
	struct blob b = {0};
	const struct pdb_member *v;
	struct fs_error err;
	struct pdb_type t;
	struct pdb *p;
	size_t n;

	(void)state;
	pm_init(&m, 512);
	pm_member(&b, 0x20, 1, "again"); /* 0x1000: goes on in itself */
	blob_u16(&b, 0x1404);
	blob_u16(&b, 0);
	blob_u32(&b, 0x1000);
	pm_list(&m, &b);
	pm_struct(&m, 0x1505, "_ROUND", 0, 0x1000, 4);
	PM_RECORD(&m, 0x1001, {4, 0x1002}, {2, 1});		       /* const of itself */
	PM_RECORD(&m, 0x1503, {4, 0x1003}, {4, 0x23}, {2, 8}, {1, 0}); /* array of itself */
	PM_RECORD(&m, 0x1205, {4, 0x1004}, {1, 1}, {1, 0});	       /* bits of itself */
	p = build(&m, 1);
	assert_int_equal(pdb_find_type(p, "_ROUND", &t, &err), FS_OK);
	assert_int_equal(pdb_members(p, &t, &v, &n, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "circle"));
	assert_int_equal(pdb_type(p, 0x1002, &t, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "modifiers"));
	assert_int_equal(pdb_type(p, 0x1003, &t, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "nested"));
	assert_int_equal(pdb_type(p, 0x1004, &t, &err), FS_CORRUPT);
	pdb_close(p);
	pm_free(&m);
}

static void old_records_are_refused(void **state)
{
	static const struct {
		uint32_t kind;
		const char *words;
	} cases[] = {{0x1005, "length-prefixed"},     {0x1006, "length-prefixed"},
		     {0x1007, "length-prefixed"},     {0x1003, "length-prefixed"},
		     {0x0005, "16-bit type indices"}, {0x160a, "LF_UNION2"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pdb_maker m;
		struct fs_error err;
		struct pdb_type t;
		struct pdb *p;

		pm_init(&m, 512);
		PM_RECORD(&m, cases[i].kind, {4, 0}, {4, 0}, {4, 0}, {4, 0}, {4, 0});
		p = build(&m, 0);
		assert_int_equal(pdb_type(p, 0x1000, &t, &err), FS_UNSUPPORTED);
		assert_non_null(strstr(err.text, cases[i].words));
		pdb_close(p);
		pm_free(&m);
	}
	/* and members of the old form in a list of the new one */
	struct pdb_maker m;
	struct blob b = {0};
	const struct pdb_member *v;
	struct fs_error err;
	struct pdb_type t;
	struct pdb *p;
	size_t n;

	pm_init(&m, 512);
	blob_u16(&b, 0x1405);
	blob_zeros(&b, 14);
	pm_struct(&m, 0x1505, "_OLD", 0, pm_list(&m, &b), 4);
	p = build(&m, 1);
	assert_int_equal(pdb_find_type(p, "_OLD", &t, &err), FS_OK);
	assert_int_equal(pdb_members(p, &t, &v, &n, &err), FS_UNSUPPORTED);
	assert_non_null(strstr(err.text, "_OLD"));
	assert_non_null(strstr(err.text, "LF_..._ST"));
	pdb_close(p);
	pm_free(&m);
}

/* Everything else that a C++ compiler puts into a list, each with a look at what
 * follows it. */
static void other_entries_are_stepped_over(void **state)
{
	struct pdb_maker m;
	struct blob b = {0};
	const struct pdb_member *v;
	struct pdb_type t;
	struct pdb *p;
	size_t n;

	(void)state;
	pm_init(&m, 512);
#define ENTRY(kind, fixed) (blob_u16(&b, kind), blob_zeros(&b, fixed))
	blob_u16(&b, 0x1400); /* LF_BCLASS: attributes, type, offset 8 */
	blob_u16(&b, 3);
	blob_u32(&b, 0x74);
	blob_u16(&b, 8);
	blob_u16(&b, 0xf1f2);
	ENTRY(0x1401, 14); /* LF_VBCLASS: two numbers of 2 bytes */
	ENTRY(0x1409, 6);  /* LF_VFUNCTAB */
	ENTRY(0x140c, 10); /* LF_VFUNCOFF */
	ENTRY(0x140a, 6);  /* LF_FRIENDCLS */
	ENTRY(0x150e, 6);  /* LF_STMEMBER */
	blob_str(&b, "shared");
	ENTRY(0x150f, 6); /* LF_METHOD */
	blob_str(&b, "overloaded");
	ENTRY(0x1510, 6); /* LF_NESTTYPE */
	blob_str(&b, "");
	blob_u16(&b, 0x1511); /* LF_ONEMETHOD, plain: no vtable offset */
	blob_u16(&b, 3);
	blob_u32(&b, 0x1000);
	blob_str(&b, "plain");
	blob_u16(&b, 0x1511); /* introducing virtual: one */
	blob_u16(&b, 3 | 4 << 2);
	blob_u32(&b, 0x1000);
	blob_u32(&b, 24);
	blob_str(&b, "virtual");
	pm_member(&b, 0x74, 16, "seen");
	pm_struct(&m, 0x1504, "C", 0, pm_list(&m, &b), 24);
	p = build(&m, 1);
	assert_int_equal(pdb_find_type(p, "C", &t, NULL), FS_OK);
	assert_int_equal(pdb_members(p, &t, &v, &n, NULL), FS_OK);
	assert_int_equal(n, 2);
	assert_true(v[0].is_base && v[0].offset == 8 && !*v[0].name);
	assert_string_equal(v[1].name, "seen");
	assert_int_equal(v[1].offset, 16);
	pdb_close(p);
	pm_free(&m);
}

static void numbers_of_every_form(void **state)
{
	static const struct {
		uint8_t bytes[10];
		size_t n;
		uint64_t value;
		bool negative;
	} cases[] = {
		{{0xff, 0x7f}, 2, 0x7fff, false},
		{{0x00, 0x80, 0xfe}, 3, (uint64_t)-2, true},
		{{0x00, 0x80, 0x7e}, 3, 0x7e, false},
		{{0x01, 0x80, 0, 0x80}, 4, (uint64_t)-32768, true},
		{{0x02, 0x80, 0, 0x80}, 4, 0x8000, false},
		{{0x03, 0x80, 0, 0, 0, 0x80}, 6, (uint64_t)INT32_MIN, true},
		{{0x04, 0x80, 0, 0, 0, 0x80}, 6, 0x80000000, false},
		{{0x09, 0x80, 1, 0, 0, 0, 0, 0, 0, 0x80}, 10, 0x8000000000000001, true},
		{{0x0a, 0x80, 1, 0, 0, 0, 0, 0, 0, 0x80}, 10, 0x8000000000000001, false},
	};
	uint64_t v;
	bool negative;
	struct cursor c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cursor_init(&c, cases[i].bytes, cases[i].n, 0, "number");
		assert_int_equal(leaf_numeric(&c, &v, &negative, NULL), FS_OK);
		assert_true(v == cases[i].value && negative == cases[i].negative);
		assert_int_equal(c.pos, cases[i].n);
		cursor_init(&c, cases[i].bytes, cases[i].n - 1, 0, "number");
		assert_int_equal(leaf_numeric(&c, &v, &negative, NULL), FS_CORRUPT);
	}
	/* a real number, and one of 16 bytes, are no offsets */
	cursor_init(&c, "\x05\x80\0\0\0\0\0\0", 8, 0, "number");
	assert_int_equal(leaf_numeric(&c, &v, &negative, NULL), FS_CORRUPT);
	cursor_init(&c, "\x17\x80\0\0\0\0\0\0", 8, 0, "number");
	assert_int_equal(leaf_numeric(&c, &v, &negative, NULL), FS_CORRUPT);
}

/* -1 of an int is -1 however it was written, 0xffffffff of an unsigned is not. */
static void enumerators(void **state)
{
	struct pdb_maker m;
	struct blob b = {0};
	const struct pdb_value *v;
	struct pdb_type t;
	struct pdb *p;
	size_t n;

	(void)state;
	pm_init(&m, 512);
	for (int i = 0; i < 2; i++) {
		blob_u16(&b, 0x1502);
		blob_u16(&b, 3);
		blob_u16(&b, i ? 0x8004 : 0x8000);
		blob(&b, "\xff\xff\xff\xff", i ? 4 : 1);
		blob_str(&b, i ? "LONG" : "CHAR");
	}
	pm_list(&m, &b);
	for (uint32_t below = 0x74; below <= 0x75; below++) {
		blob_u16(&b, 2);
		blob_u16(&b, 0);
		blob_u32(&b, below);
		blob_u32(&b, 0x1000);
		blob_str(&b, below == 0x74 ? "_INT" : "_UINT");
		pm_type(&m, 0x1507, &b, below == 0x74 ? "_INT" : "_UINT");
		b.n = 0;
	}
	free(b.v);
	p = build(&m, 1);
	for (int i = 0; i < 4; i++) {
		bool is_signed = i % 2 == 0;

		assert_int_equal(pdb_find_type(p, is_signed ? "_INT" : "_UINT", &t, NULL), FS_OK);
		assert_int_equal(t.kind, PDB_ENUM);
		assert_int_equal(t.size, 4);
		assert_int_equal(pdb_values(p, &t, &v, &n, NULL), FS_OK);
		assert_int_equal(n, 2);
		for (size_t k = 0; k < n; k++) {
			assert_true(v[k].negative == is_signed);
			assert_true(v[k].value == (is_signed ? UINT64_MAX : 0xffffffff));
		}
	}
	pdb_close(p);
	pm_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_over_several_records),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(old_records_are_refused),
		cmocka_unit_test(other_entries_are_stepped_over),
		cmocka_unit_test(numbers_of_every_form),
		cmocka_unit_test(enumerators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
