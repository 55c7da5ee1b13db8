/* SPDX-License-Identifier: BSD-2-Clause */
/* Types from literal records: by name, by index, and records that lie. */
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

/* _A { u32 one; _B *two; _B in_place (a forward reference) } with _B after it. */
static void two_structs(struct pdb_maker *m)
{
	struct blob b = {0};
	uint32_t fwd, ptr, fields;

	fwd = pm_struct(m, 0x1505, "_B", 0x80, 0, 0);
	ptr = PM_RECORD(m, 0x1002, {4, fwd}, {4, 0x1000c});
	pm_member(&b, 0x75, 0, "one");
	pm_member(&b, ptr, 8, "two");
	pm_member(&b, fwd, 16, "in_place");
	fields = pm_list(m, &b);
	pm_struct(m, 0x1505, "_A", 0, fields, 0x20);
	pm_member(&b, 0x12, 4, "x");
	fields = pm_list(m, &b);
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

/* Only the second is in the hash: so the hash is used, not just tolerated. */
static void hash_is_used(void **state)
{
	struct pdb_maker m;
	struct pdb_type t;
	struct pdb *p;

	(void)state;
	pm_init(&m, 512);
	pm_struct(&m, 0x1505, "_SAME", 0, 0, 8);
	pm_struct(&m, 0x1505, "_SAME", 0, 0, 12);
	blob_set_u32(&m.hashes, 0, load_u32(m.hashes.v) + 1);
	p = build(&m, 1);
	assert_int_equal(pdb_find_type(p, "_SAME", &t, NULL), FS_OK);
	assert_int_equal(t.size, 12);
	assert_false(p->tpi.names_made);
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
	PM_RECORD(&m, 0x1205, {4, 0x75}, {1, 0}, {1, 0});   /* no bits */
	PM_RECORD(&m, 0x1205, {4, 0x75}, {1, 20}, {1, 13}); /* bits past the word */
	PM_RECORD(&m, 0x1002, {4, 0x9999}, {4, 0x1000c});   /* to what is not there */
	pm_struct(&m, 0x1505, "_S", 0, 0x1002, 4);	    /* its list is a pointer */
	PM_RECORD(&m, 0x1503, {4, 0x75}, {4, 0x23}, {2, 0x8004}, {4, 0xffffffff}, {1, 0});
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
		cmocka_unit_test(hash_is_used),
		cmocka_unit_test(two_definitions_of_a_name),
		cmocka_unit_test(unnamed_types_are_not_mixed_up),
		cmocka_unit_test(odd_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
