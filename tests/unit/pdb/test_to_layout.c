/* SPDX-License-Identifier: BSD-2-Clause */
/* Layouts out of PDBs, read back by the layouts' own parser; and damage to a PDB that
 * has something of everything. */
#include "layout/layout.h"
#include "pdb/pdb.h"
#include "support/pdb_maker.h"
#include "support/test.h"

static uint32_t words(struct pdb_maker *m, uint32_t kind, const char *name, size_t n,
		      const uint32_t *v)
{
	struct blob b = {0};
	uint32_t index;

	for (size_t i = 0; i < n; i++)
		blob_u32(&b, v[i]);
	if (name)
		blob_str(&b, name);
	index = pm_type(m, kind, &b, name);
	free(b.v);
	return index;
}
#define WORDS(m, kind, name, ...)                                                                  \
	words(m, kind, name, sizeof((const uint32_t[]){__VA_ARGS__}) / 4,                          \
	      (const uint32_t[]){__VA_ARGS__})

static void value(struct blob *b, uint32_t v, const char *name)
{
	blob_u16(b, 0x1502);
	blob_u16(b, 3);
	blob_u16(b, 0x8004);
	blob_u32(b, v);
	blob_str(b, name);
}

/* _FLT_OBJECT with an enum, a union inside of one name and one without, bits, arrays. */
static void make(struct pdb_maker *m)
{
	struct maker_dbi d = maker_dbi();
	struct blob b = {0};
	uint32_t flags, list, link, bits, named, array, inner, fn;

	pm_init(m, 512);
	pm_info(m, 1, NULL, 0);
	value(&b, 1, "FLT_OBFL_DRAINING");
	value(&b, 2, "FLT_OBFL_ZOMBIED");
	value(&b, 0x80000000, "FLT_OBFL_TOP");
	value(&b, 0xffffffff, "FLT_OBFL_ALL");
	list = pm_list(m, &b);
	flags = WORDS(m, 0x1507, "_FLT_OBJECT_FLAGS", 4, 0x74, list);
	link = pm_struct(m, 0x1505, "_LIST_ENTRY", 0x80, 0, 0);
	link = WORDS(m, 0x1002, NULL, link, 0x1000c);
	pm_member(&b, link, 0, "Flink");
	pm_member(&b, link, 8, "Blink");
	link = pm_struct(m, 0x1505, "_LIST_ENTRY", 0, pm_list(m, &b), 16);
	bits = WORDS(m, 0x1205, NULL, 0x22, 3 | 5 << 8); /* 3 bits at bit 5 */
	pm_member(&b, 0x22, 0, "Low");
	pm_member(&b, 0x12, 4, "High");
	inner = pm_struct(m, 0x1505, "<unnamed-tag>", 0, pm_list(m, &b), 8);
	pm_member(&b, inner, 0, "u");
	pm_member(&b, 0x23, 0, "Quad");
	named = pm_struct(m, 0x1506, "_FLT_OBJECT::<unnamed-type-Where>", 8, pm_list(m, &b), 8);
	array = WORDS(m, 0x1503, NULL, link, 0x23, 0x40);
	/* that one ends in a number of 2 bytes and an empty name: 0x40 bytes, "" */
	fn = WORDS(m, 0x1008, NULL, 3, 0, 0);
	fn = WORDS(m, 0x1002, NULL, fn, 0x1000c);
	pm_member(&b, flags, 0, "Flags");
	pm_member(&b, bits, 4, "Bits");
	pm_member(&b, 0x22, 4, "All");
	pm_member(&b, named, 8, "Where");
	pm_member(&b, array, 0x10, "Lists");
	pm_member(&b, fn, 0x50, "Callback");
	pm_member(&b, 0x603, 0x58, "Pointer");
	pm_member(&b, 0x41, 0x60, "Real");
	pm_struct(m, 0x1505, "_FLT_OBJECT", 0, pm_list(m, &b), 0x68);
	pm_tpi(m, 1);
	d.records = pm_stream(m);
	d.sections = pm_stream(m);
	pm_section(m, d.sections, ".data", 0x3000, 0x200);
	pm_public(&m->stream[d.records], "FltGlobals", 1, 0x40);
	pm_dbi(m, &d);
	pm_build(m);
}

static const char *const type_names[] = {"_FLT_OBJECT", "_NOT_THERE"};
static const char *const symbol_names[] = {"FltGlobals", "FltNothing"};
static const char *const field_names[] = {"_FLT_OBJECT.Flags", "_FLT_OBJECT.Name", "_OTHER.x"};
static const struct pdb_layout_want want = {.module = "fltmgr.sys",
					    .build = 19041,
					    .types = type_names,
					    .n_types = 2,
					    .symbols = symbol_names,
					    .n_symbols = 2,
					    .fields = field_names,
					    .n_fields = 3};

static const char expected[] = "\nmodule fltmgr.sys build 19041 machine x64\n"
			       "# type _NOT_THERE is not in this PDB\n"
			       "\n"
			       "type _FLT_OBJECT 0x68\n"
			       "  overlay 0x4 0x4\n"
			       "  field 0x0 enum:_FLT_OBJECT_FLAGS Flags\n"
			       "  field 0x4 bits:3@5 Bits\n"
			       "  field 0x4 u32 All\n"
			       "  field 0x8 union{0x8} Where\n"
			       "  field 0x8 struct{0x8} Where.u\n"
			       "  field 0x8 u32 Where.u.Low\n"
			       "  field 0xc i32 Where.u.High\n"
			       "  field 0x8 u64 Where.Quad\n"
			       "  field 0x10 _LIST_ENTRY[4] Lists\n"
			       "  field 0x50 fptr Callback\n"
			       "  field 0x58 ptr Pointer\n"
			       "  field 0x60 u64 Real # floating point\n"
			       "\n"
			       "type _LIST_ENTRY 0x10\n"
			       "  field 0x0 ptr:_LIST_ENTRY Flink\n"
			       "  field 0x8 ptr:_LIST_ENTRY Blink\n"
			       "\n"
			       "enum _FLT_OBJECT_FLAGS FLT_OBFL_\n"
			       "  value 0x1 DRAINING\n"
			       "  value 0x2 ZOMBIED\n"
			       "  value 0x80000000 TOP\n" /* ALL is -1 of an int: not a flag */
			       "\n"
			       "symbol FltGlobals 0x3040\n"
			       "# symbol FltNothing is not in this PDB\n"
			       "\n"
			       "absent _FLT_OBJECT.Name\n"
			       "unknown _OTHER.x\n";

static struct pdb *open_made(struct pdb_maker *m)
{
	struct fs_error err;
	struct pdb *p = NULL;

	if (pdb_open_fd(pm_fd(m->file.v, m->file.n), "dir/f.pdb", &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static void the_text(void **state)
{
	struct pdb_maker m;
	struct pdb_layout_result r;
	struct fs_error err = {0};
	struct layout *l;
	struct layout_field_info f;
	struct pdb *p;
	uint64_t rva;

	(void)state;
	make(&m);
	p = open_made(&m);
	if (pdb_to_layout(p, &want, &r, &err))
		fail_msg("%s", err.text);
	assert_int_equal(r.len, strlen(r.text));
	assert_true(strncmp(r.text, "# Types of the PDB f.pdb " MAKER_GUID "1,", 50) == 0);
	assert_string_equal(strchr(r.text, '\n') + 1, expected);
	assert_int_equal(r.types, 2);
	assert_int_equal(r.missing_types, 1);
	assert_int_equal(r.missing_symbols, 1);
	/* and its reader takes it */
	if (layout_parse("f", r.text, r.len, NULL, NULL, &l, &err))
		fail_msg("%s", err.text);
	assert_true(layout_find_path(l, NULL, "_FLT_OBJECT", "Lists[3].Blink", &f));
	assert_int_equal(f.offset, 0x10 + 3 * 16 + 8);
	assert_true(layout_find_path(l, NULL, "_FLT_OBJECT", "Where.u.High", &f));
	assert_int_equal(f.offset, 0xc);
	assert_true(layout_symbol(l, "FltGlobals", &rva) && rva == 0x3040);
	assert_string_equal(layout_enum_name(l, "_FLT_OBJECT_FLAGS", 2), "ZOMBIED");
	layout_free(l);
	free(r.text);
	pdb_close(p);
	pm_free(&m);
}

static void none_of_the_types(void **state)
{
	struct pdb_layout_want w = want;
	struct pdb_layout_result r;
	struct pdb_maker m;
	struct fs_error err;
	struct pdb *p;

	(void)state;
	make(&m);
	p = open_made(&m);
	w.types++;
	w.n_types = 1;
	assert_int_equal(pdb_to_layout(p, &w, &r, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "none of the 1 types"));
	pdb_close(p);
	pm_free(&m);
}

static void other_machines_have_no_layouts(void **state)
{
	struct pdb_layout_result r;
	struct pdb_maker m;
	struct fs_error err;
	struct pdb *p;

	(void)state;
	make(&m);
	blob_set_u16(&m.stream[MAKER_DBI], 58, 0x1c4);
	pm_build(&m);
	p = open_made(&m);
	assert_int_equal(pdb_to_layout(p, &want, &r, &err), FS_UNSUPPORTED);
	assert_non_null(strstr(err.text, "machine 0x1c4"));
	pdb_close(p);
	pm_free(&m);
}

/* Names that would break the text's lines stay out of it. */
static void hostile_names(void **state)
{
	struct pdb_maker m;
	struct blob b = {0};
	const char *const names[] = {"_X"};
	struct pdb_layout_want w = {.module = "fltmgr.sys", .types = names, .n_types = 1};
	struct pdb_layout_result r;
	struct maker_dbi d = maker_dbi();
	struct fs_error err = {0};
	struct pdb *p;
	uint32_t enumeration;

	(void)state;
	pm_init(&m, 512);
	pm_info(&m, 1, NULL, 0);
	value(&b, 1, "A\nfact unload-walk goes-on");
	value(&b, 2, "FINE");
	enumeration = WORDS(&m, 0x1507, "E\nfact x y", 2, 0x20, pm_list(&m, &b));
	pm_member(&b, 0x22, 0, "a\nfield 0x0 u32 b");
	pm_member(&b, 0x22, 4, "c d");
	pm_member(&b, enumeration, 8, "e");
	pm_member(&b, 0x22, 0xc, "good");
	pm_struct(&m, 0x1505, "_X", 0, pm_list(&m, &b), 0x10);
	pm_tpi(&m, 1);
	pm_dbi(&m, &d);
	pm_build(&m);
	p = open_made(&m);
	if (pdb_to_layout(p, &w, &r, &err))
		fail_msg("%s", err.text);
	assert_string_equal(strchr(r.text, '\n') + 1,
			    "\nmodule fltmgr.sys build 0 machine x64\n"
			    "\ntype _X 0x10\n"
			    "  # left out: a member at 0x0 that this grammar cannot say\n"
			    "  # left out: a member at 0x4 that this grammar cannot say\n"
			    "  field 0x8 u8 e\n"
			    "  field 0xc u32 good\n");
	free(r.text);
	pdb_close(p);
	pm_free(&m);
}

/* Unnamed in unnamed, each twice: 2^n members out of n records. */
static void explosions_have_an_end(void **state)
{
	struct pdb_maker m;
	struct blob b = {0};
	const char *const names[] = {"_BOOM"};
	struct pdb_layout_want w = {.module = "fltmgr.sys", .types = names, .n_types = 1};
	struct pdb_layout_result r;
	struct maker_dbi d = maker_dbi();
	struct fs_error err;
	struct pdb *p;
	uint32_t t = 0x22;

	(void)state;
	pm_init(&m, 512);
	pm_info(&m, 1, NULL, 0);
	for (int depth = 0; depth < 6; depth++) {
		for (int i = 0; i < 60; i++)
			pm_member(&b, t, 0, depth ? "" : "x");
		t = pm_struct(&m, 0x1505, depth == 5 ? "_BOOM" : "<unnamed-tag>", 0,
			      pm_list(&m, &b), 8);
	}
	pm_tpi(&m, 1);
	pm_dbi(&m, &d);
	pm_build(&m);
	p = open_made(&m);
	assert_int_equal(pdb_to_layout(p, &w, &r, &err), FS_LIMIT);
	pdb_close(p);
	pm_free(&m);
}

/* Ask a damaged file for everything; what matters is that it ends and that what
 * is refused is refused in words. */
static bool ask(const uint8_t *v, size_t n)
{
	struct fs_error err = {0};
	struct pdb_layout_result r;
	struct pdb_symbol s;
	struct pdb *p = NULL;

	if (pdb_open_fd(pm_fd(v, n), "t.pdb", &p, &err)) {
		assert_true(*err.text);
		return false;
	}
	if (pdb_to_layout(p, &want, &r, &err) == FS_OK)
		free(r.text);
	else
		assert_true(*err.text);
	if (pdb_symbol_by_rva(p, 0x3050, &s, &err))
		assert_true(*err.text);
	pdb_close(p);
	return true;
}

static void every_truncation(void **state)
{
	struct pdb_maker m;

	(void)state;
	make(&m);
	for (size_t n = 0; n < m.file.n; n++)
		assert_false(ask(m.file.v, n));
	assert_true(ask(m.file.v, m.file.n));
	pm_free(&m);
}

static void every_byte(void **state)
{
	static const uint8_t to[] = {0, 0xff};
	struct pdb_maker m;
	size_t opened = 0;

	(void)state;
	make(&m);
	for (size_t i = 0; i < m.file.n; i++) {
		uint8_t old = m.file.v[i];

		for (size_t k = 0; k < sizeof(to); k++) {
			m.file.v[i] = to[k];
			opened += ask(m.file.v, m.file.n);
		}
		m.file.v[i] = old;
	}
	assert_true(opened > m.file.n); /* most damage is further in */
	pm_free(&m);
}

static void random_damage(void **state)
{
	struct pdb_maker m;
	uint32_t seed = 0x2545f491;
	uint8_t *copy;

	(void)state;
	make(&m);
	copy = malloc(m.file.n);
	assert_non_null(copy);
	for (int round = 0; round < 4000; round++) {
		memcpy(copy, m.file.v, m.file.n);
		for (int hits = 1 + round % 6; hits > 0; hits--) {
			seed ^= seed << 13;
			seed ^= seed >> 17;
			seed ^= seed << 5;
			copy[(seed >> 8) % m.file.n] = (uint8_t)seed;
		}
		ask(copy, m.file.n);
	}
	free(copy);
	pm_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text),
		cmocka_unit_test(none_of_the_types),
		cmocka_unit_test(other_machines_have_no_layouts),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(explosions_have_an_end),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
