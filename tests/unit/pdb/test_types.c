/* SPDX-License-Identifier: BSD-2-Clause */
/* Types from literal records: names, members, enumerators, and records that lie. */
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

static uint32_t list_of(struct pdb_maker *m, struct blob *b)
{
	uint32_t index = pm_type(m, 0x1203, b, NULL);

	free(b->v);
	*b = (struct blob){0};
	return index;
}

/* A record of u32s and u16s: the number of bytes, then the value. */
static uint32_t record(struct pdb_maker *m, uint32_t kind, size_t n, const uint32_t (*v)[2])
{
	struct blob b = {0};
	uint32_t index;

	for (size_t i = 0; i < n; i++) {
		if (v[i][0] == 4)
			blob_u32(&b, v[i][1]);
		else if (v[i][0] == 2)
			blob_u16(&b, v[i][1]);
		else
			blob(&b, &(uint8_t){(uint8_t)v[i][1]}, 1);
	}
	index = pm_type(m, kind, &b, NULL);
	free(b.v);
	return index;
}
#define RECORD(m, kind, ...)                                                                       \
	record(m, kind, sizeof((const uint32_t[][2]){__VA_ARGS__}) / 8,                            \
	       (const uint32_t[][2]){__VA_ARGS__})

/* _A { u32 one; _B *two; _B in_place (a forward reference) } with _B after it. */
static void two_structs(struct pdb_maker *m)
{
	struct blob b = {0};
	uint32_t fwd, ptr, fields;

	fwd = pm_struct(m, 0x1505, "_B", 0x80, 0, 0);
	ptr = RECORD(m, 0x1002, {4, fwd}, {4, 0x1000c});
	pm_member(&b, 0x75, 0, "one");
	pm_member(&b, ptr, 8, "two");
	pm_member(&b, fwd, 16, "in_place");
	fields = list_of(m, &b);
	pm_struct(m, 0x1505, "_A", 0, fields, 0x20);
	pm_member(&b, 0x12, 4, "x");
	fields = list_of(m, &b);
	pm_struct(m, 0x1505, "_B", 0, fields, 0x10);
}

static void check_two(struct pdb *p)
{
	const struct pdb_member *v;
	struct fs_error err;
	struct pdb_type t;
	size_t n;

	assert_int_equal(pdb_find_type(p, "_A", &t, &err), FS_OK);
	assert_int_equal(t.kind, PDB_STRUCT);
	assert_int_equal(t.size, 0x20);
	assert_int_equal(pdb_members(p, &t, &v, &n, &err), FS_OK);
	assert_int_equal(n, 3);
	assert_string_equal(v[0].name, "one");
	assert_int_equal(v[2].offset, 16);
	assert_int_equal(pdb_type(p, v[1].type, &t, &err), FS_OK);
	assert_int_equal(t.kind, PDB_POINTER);
	assert_int_equal(t.size, 8);
	assert_int_equal(pdb_type_declared(p, t.target, &t, &err), FS_OK);
	assert_true(t.forward);
	assert_int_equal(pdb_type(p, v[2].type, &t, &err), FS_OK);
	assert_false(t.forward);
	assert_int_equal(t.size, 0x10);
	assert_string_equal(t.name, "_B");
	assert_int_equal(pdb_find_type(p, "_C", &t, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "\"_C\""));
}

static void by_name_with_and_without_hash(void **state)
{
	(void)state;
	for (int with = 0; with < 2; with++) {
		struct pdb_maker m;
		struct pdb *p;

		pm_init(&m, 512);
		two_structs(&m);
		p = build(&m, with);
		check_two(p);
		check_two(p); /* from what was remembered */
		assert_int_equal(pdb_info(p)->types, 6);
		pdb_close(p);
		pm_free(&m);
	}
}

/* A hash and index offsets that lie cost time, not truth. */
static void lying_hash_and_index_offsets(void **state)
{
	(void)state;
	for (int what = 0; what < 5; what++) {
		struct pdb_maker m;
		struct pdb *p;

		pm_init(&m, 512);
		two_structs(&m);
		if (what == 0)
			memset(m.hashes.v, 0, m.hashes.n);
		if (what == 1)
			blob_set_u32(&m.anchors, 0, 0x1001); /* not the first */
		if (what == 2)
			blob_set_u32(&m.anchors, 4, 4); /* amid a record */
		if (what >= 3) { /* one anchor more, which leads amid a record, or behind all */
			blob_u32(&m.anchors, 0x1003);
			blob_u32(&m.anchors, what == 3 ? 6 : 0xfffffff0);
		}
		p = build(&m, 1);
		check_two(p);
		pdb_close(p);
		pm_free(&m);
	}
}

static void hostile_tpi_headers(void **state)
{
	static const struct {
		uint32_t at, value;
		enum fs_status status;
	} cases[] = {
		{0, 19950410, FS_UNSUPPORTED}, {4, 0, FS_CORRUPT},
		{4, 0xffffffff, FS_CORRUPT},   {8, 0, FS_CORRUPT},
		{8, 0xffffffff, FS_CORRUPT},   {12, 0, FS_CORRUPT},
		{12, 0xffffffff, FS_CORRUPT},  {12, 0x1007, FS_CORRUPT},
		{16, 0xffffffff, FS_CORRUPT},  {16, 20, FS_CORRUPT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pdb_maker m;
		struct fs_error err = {0};
		struct pdb *p = NULL;
		struct pdb_type t;

		pm_init(&m, 512);
		two_structs(&m);
		pm_info(&m, 1, NULL, 0);
		pm_tpi(&m, 0);
		blob_set_u32(&m.stream[MAKER_TPI], cases[i].at, cases[i].value);
		pm_build(&m);
		assert_int_equal(pdb_open_fd(pm_fd(m.file.v, m.file.n), "t.pdb", &p, &err), FS_OK);
		assert_int_equal(pdb_find_type(p, "_A", &t, &err), cases[i].status);
		assert_non_null(strstr(err.text, "type stream"));
		pdb_close(p);
		pm_free(&m);
	}
	/* what only the hash needs is not missed */
	for (uint32_t at = 20; at < 56; at += 4) {
		struct pdb_maker m;
		struct pdb *p = NULL;

		pm_init(&m, 512);
		two_structs(&m);
		pm_info(&m, 1, NULL, 0);
		pm_tpi(&m, 1);
		blob_set_u32(&m.stream[MAKER_TPI], at, 0xffffffff);
		pm_build(&m);
		assert_int_equal(pdb_open_fd(pm_fd(m.file.v, m.file.n), "t.pdb", &p, NULL), FS_OK);
		check_two(p);
		pdb_close(p);
		pm_free(&m);
	}
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
	rest = list_of(&m, &b);
	pm_member(&b, 0x20, 1, "first");
	blob_u16(&b, 0x1404); /* LF_INDEX */
	blob_u16(&b, 0);
	blob_u32(&b, rest);
	fields = list_of(&m, &b);
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
	list_of(&m, &b);
	pm_struct(&m, 0x1505, "_ROUND", 0, 0x1000, 4);
	RECORD(&m, 0x1001, {4, 0x1002}, {2, 1});		    /* const of itself */
	RECORD(&m, 0x1503, {4, 0x1003}, {4, 0x23}, {2, 8}, {1, 0}); /* array of itself */
	RECORD(&m, 0x1205, {4, 0x1004}, {1, 1}, {1, 0});	    /* bits of itself */
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
		RECORD(&m, cases[i].kind, {4, 0}, {4, 0}, {4, 0}, {4, 0}, {4, 0});
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
	pm_struct(&m, 0x1505, "_OLD", 0, list_of(&m, &b), 4);
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
	pm_struct(&m, 0x1504, "C", 0, list_of(&m, &b), 24);
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
	list_of(&m, &b);
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

static void two_definitions_of_a_name(void **state)
{
	struct pdb_maker m;
	struct pdb_type t;
	struct pdb *p;

	(void)state;
	pm_init(&m, 512);
	pm_struct(&m, 0x1505, "_SAME", 0, 0, 8);
	pm_struct(&m, 0x1505, "_SAME", 0, 0, 8);
	pm_struct(&m, 0x1505, "_OTHER", 0, 0, 8);
	pm_struct(&m, 0x1506, "_OTHER", 0, 0, 16);
	p = build(&m, 1);
	assert_int_equal(pdb_find_type(p, "_SAME", &t, NULL), FS_OK);
	assert_false(t.ambiguous);
	assert_int_equal(pdb_find_type(p, "_OTHER", &t, NULL), FS_OK);
	assert_true(t.ambiguous);
	assert_int_equal(t.size, 8);
	pdb_close(p);
	pm_free(&m);
}

/* Forward references of unnamed types go by their unique name or nowhere. */
static void unnamed_types_are_not_mixed_up(void **state)
{
	struct pdb_maker m;
	struct blob b = {0};
	struct pdb_type t;
	struct pdb *p;

	(void)state;
	pm_init(&m, 512);
	for (int i = 0; i < 4; i++) { /* two definitions, references to the 2nd and to none */
		blob_u16(&b, 0);
		blob_u16(&b, i < 2 ? 0x200 : 0x280);
		blob_zeros(&b, 12);
		blob_u16(&b, i < 2 ? 4 + (uint32_t)i : 0);
		blob_str(&b, "<unnamed-tag>");
		blob_str(&b, i == 0 ? ".?AU1@@" : i == 3 ? ".?AU3@@" : ".?AU2@@");
		pm_type(&m, 0x1505, &b, NULL);
		b.n = 0;
	}
	free(b.v);
	p = build(&m, 1);
	assert_int_equal(pdb_type(p, 0x1002, &t, NULL), FS_OK);
	assert_int_equal(t.size, 5);
	assert_true(t.unnamed && !t.forward);
	assert_int_equal(pdb_type(p, 0x1003, &t, NULL), FS_OK);
	assert_true(t.forward);
	assert_int_equal(t.size, 0);
	pdb_close(p);
	pm_free(&m);
}

static void odd_references(void **state)
{
	struct pdb_maker m;
	struct fs_error err;
	struct pdb_type t;
	const struct pdb_member *v;
	struct pdb *p;
	size_t n;

	(void)state;
	pm_init(&m, 512);
	RECORD(&m, 0x1205, {4, 0x75}, {1, 0}, {1, 0});	 /* no bits */
	RECORD(&m, 0x1205, {4, 0x75}, {1, 20}, {1, 13}); /* bits past the word */
	RECORD(&m, 0x1002, {4, 0x9999}, {4, 0x1000c});	 /* to what is not there */
	pm_struct(&m, 0x1505, "_S", 0, 0x1002, 4);	 /* its list is a pointer */
	RECORD(&m, 0x1503, {4, 0x75}, {4, 0x23}, {2, 0x8004}, {4, 0xffffffff}, {1, 0});
	p = build(&m, 1);
	assert_int_equal(pdb_type(p, 0x1000, &t, &err), FS_CORRUPT);
	assert_int_equal(pdb_type(p, 0x1001, &t, &err), FS_CORRUPT);
	assert_int_equal(pdb_type(p, 0x1002, &t, &err), FS_OK);
	assert_int_equal(pdb_type(p, t.target, &t, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "type 0x9999 does not exist"));
	assert_int_equal(pdb_find_type(p, "_S", &t, &err), FS_OK);
	assert_int_equal(pdb_members(p, &t, &v, &n, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "expected a field list"));
	assert_int_equal(pdb_values(p, &t, NULL, &n, &err), FS_INVALID);
	assert_int_equal(pdb_type(p, 0x1004, &t, &err), FS_OK);
	assert_int_equal(t.count, 0xffffffff / 4);
	assert_int_equal(pdb_type(p, 0x5, &t, &err), FS_UNSUPPORTED);
	pdb_close(p);
	pm_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name_with_and_without_hash),
		cmocka_unit_test(lying_hash_and_index_offsets),
		cmocka_unit_test(hostile_tpi_headers),
		cmocka_unit_test(a_list_over_several_records),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(old_records_are_refused),
		cmocka_unit_test(other_entries_are_stepped_over),
		cmocka_unit_test(numbers_of_every_form),
		cmocka_unit_test(enumerators),
		cmocka_unit_test(two_definitions_of_a_name),
		cmocka_unit_test(unnamed_types_are_not_mixed_up),
		cmocka_unit_test(odd_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
