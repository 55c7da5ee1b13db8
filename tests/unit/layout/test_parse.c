/* SPDX-License-Identifier: BSD-2-Clause */
/* The text form: what is read, what is refused and where the message points. */
#include "support/test.h"

#include "layout/layout.h"

#define HEAD "# where it comes from\nmodule fltmgr.sys build 19041 machine x64\n"

static enum fs_status parse(const char *text, size_t len, struct layout **ret, struct fs_error *err)
{
	return layout_parse("a/b.layout", text, len, NULL, NULL, ret, err);
}

static struct layout *good(const char *text)
{
	struct layout *l = NULL;
	struct fs_error err = {0};

	if (parse(text, strlen(text), &l, &err) != FS_OK)
		fail_msg("%s", err.text);
	return l;
}

static void refused(const char *text, const char *message)
{
	struct layout *l = (struct layout *)(uintptr_t)1;
	struct fs_error err = {0};

	assert_int_equal(parse(text, strlen(text), &l, &err), FS_INVALID);
	if (!strstr(err.text, message))
		fail_msg("expected \"%s\" in \"%s\"", message, err.text);
	assert_ptr_equal(l, (void *)(uintptr_t)1);
}

static void reads_each_statement(void **state)
{
	struct layout *l = good(HEAD "image 0xb57cd7ef 0x6d000 ED2863C6FA7552FA5C922F86ED4418F01\n"
				     "  rva FltGlobals 0x29600\n"
				     "image ? 4096 ?\n"
				     "fact unload-walk goes-on\n"
				     "symbol Everywhere 0x10\n"
				     "type _FLT_OBJECT 0x30\n"
				     "  field 0x0 enum:_FLT_OBJECT_FLAGS Flags\n"
				     "  field 4 u32 PointerCount #I\n"
				     "  field 0x18 u32 Other # Inferred in words is no tag\n"
				     "union _FLT_TYPE 4\n"
				     "  field 0 u16 Signature\n"
				     "type _FLT_FILTER ?\n"
				     "absent _FLT_FILTER.SectionNotification\n"
				     "unknown _FLT_FILTER.Frame\n"
				     "enum _FLT_OBJECT_FLAGS\n"
				     "  value 0x1 DRAINING\n"
				     "  value 33554432 TYPE_FILTER\n");
	uint64_t rva = 0;
	size_t type;

	(void)state;
	assert_string_equal(layout_id(l), "fltmgr-b");
	assert_string_equal(layout_provenance(l), "where it comes from");
	assert_int_equal(layout_module(l), LM_FLTMGR);
	assert_int_equal(layout_build(l), 19041);
	assert_false(layout_is_composite(l));
	assert_int_equal(layout_image_count(l), 2);
	assert_true(layout_image(l, 0).timestamp == 0xb57cd7efu);
	assert_string_equal(layout_image(l, 0).guid_age, "ED2863C6FA7552FA5C922F86ED4418F01");
	assert_int_equal(layout_image(l, 1).timestamp, 0);
	assert_int_equal(layout_image(l, 1).size_of_image, 4096);
	assert_string_equal(layout_image(l, 1).guid_age, "");
	/* an RVA belongs to its image, never to the build */
	assert_true(layout_image_symbol(l, 0, "FltGlobals", &rva));
	assert_int_equal(rva, 0x29600);
	assert_false(layout_image_symbol(l, 1, "FltGlobals", &rva));
	assert_false(layout_symbol(l, "FltGlobals", &rva));
	assert_true(layout_image_symbol(l, 1, "Everywhere", &rva));
	assert_string_equal(layout_fact(l, "unload-walk"), "goes-on");
	assert_null(layout_fact(l, "pte-swizzle"));
	assert_int_equal(layout_type_size(l, T_FLT_OBJECT), 0x30);
	assert_int_equal(layout_type_size(l, T_FLT_FILTER), 0);
	assert_int_equal(layout_field(l, F_FLT_OBJECT_Flags)->size, 4);
	assert_int_equal(layout_field(l, F_FLT_OBJECT_Flags)->origin, FO_KNOWN);
	assert_int_equal(layout_field(l, F_FLT_OBJECT_PointerCount)->offset, 4);
	assert_int_equal(layout_field(l, F_FLT_OBJECT_PointerCount)->origin, FO_INFERRED);
	assert_true(layout_find_type(l, "_FLT_OBJECT", &type));
	assert_int_equal(layout_field_at(l, type, 2).origin, FO_KNOWN);
	assert_true(layout_find_type(l, "_FLT_TYPE", &type));
	assert_true(layout_type_at(l, type).is_union);
	layout_free(l);
}

static void absent_is_not_unknown(void **state)
{
	struct layout *l = good(HEAD "absent _FLT_FILTER.SectionNotification\n"
				     "unknown _FLT_FILTER.Frame\n");

	(void)state;
	assert_true(layout_field_absent(l, F_FLT_FILTER_SectionNotification));
	assert_false(layout_field_unknown(l, F_FLT_FILTER_SectionNotification));
	assert_false(layout_field_absent(l, F_FLT_FILTER_Frame));
	assert_true(layout_field_unknown(l, F_FLT_FILTER_Frame));
	/* not mentioned is neither */
	assert_false(layout_field_absent(l, F_FLT_FILTER_Name));
	assert_false(layout_field_unknown(l, F_FLT_FILTER_Name));
	assert_null(layout_field(l, F_FLT_FILTER_SectionNotification));
	assert_null(layout_field(l, F_FLT_FILTER_Frame));
	layout_free(l);
}

static void names_bits_and_values(void **state)
{
	struct layout *l = good(HEAD "enum E\n  value 1 A\n  value 2 B\n  value 0x4000000 C\n"
				     "enum P FLT_OBFL_\n  value 1 DRAINING\n");

	(void)state;
	assert_string_equal(layout_enum_name(l, "E", 2), "B");
	assert_null(layout_enum_name(l, "E", 3));
	assert_null(layout_enum_name(l, "F", 1));
	assert_int_equal(layout_enum_mask(l, "E"), 0x4000003);
	assert_int_equal(layout_enum_mask(l, "F"), 0);
	/* the prefix is told apart from the name */
	assert_string_equal(layout_enum_prefix(l, "P"), "FLT_OBFL_");
	assert_string_equal(layout_enum_name(l, "P", 1), "DRAINING");
	assert_string_equal(layout_enum_prefix(l, "E"), "");
	assert_string_equal(layout_enum_prefix(l, "F"), "");
	layout_free(l);
}

static void sizes_follow_the_machine(void **state)
{
	static const struct {
		const char *type;
		uint32_t x64, x86;
	} want[] = {
		{"u8", 1, 1},
		{"i16", 2, 2},
		{"u32", 4, 4},
		{"i64", 8, 8},
		{"ptr", 8, 4},
		{"ptr:_X", 8, 4},
		{"ptr:ptr:_X", 8, 4},
		{"fptr", 8, 4},
		{"enum:E", 4, 4},
		{"u16[3]", 6, 6},
		{"ptr:_X[50]", 400, 200},
		{"bits:1@0", 1, 1},
		{"bits:9@7", 2, 2},
		{"bits:48@16", 8, 8},
		{"struct{0x28}", 0x28, 0x28},
		{"union{8}", 8, 8},
		{"_NOT_HERE", 0, 0},
		{"u8[0]", 0, 0},
	};
	struct layout *x64 = good("module ntoskrnl.exe build 1 machine x64\n");
	struct layout *x86 = good("module ntoskrnl.exe build 1 machine x86\n");
	uint32_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(layout_size_of(x64, want[i].type, &size));
		assert_int_equal(size, want[i].x64);
		assert_true(layout_size_of(x86, want[i].type, &size));
		assert_int_equal(size, want[i].x86);
	}
	assert_false(layout_size_of(x64, "u8[4][2]", &size));
	layout_free(x64);
	layout_free(x86);
}

struct bad {
	const char *text, *message;
};

static void all_refused(const struct bad *bad, size_t n)
{
	for (size_t i = 0; i < n; i++)
		refused(bad[i].text, bad[i].message);
}

static void refuses_with_the_line(void **state)
{
	static const struct bad bad[] = {
		{"", "b.layout: no `module` line"},
		{"# only words\n", "b.layout: no `module` line"},
		{"type X 8\n", "b.layout:1: `type` before the `module` line"},
		{"module ndis.sys build 1 machine x64\n", ":1: module: expected fltmgr.sys"},
		{"module fltmgr.sys build x machine x64\n",
		 ":1: build: expected a number, found \"x\""},
		{"module fltmgr.sys build 4294967296 machine x64\n",
		 ":1: build: 4294967296 is more"},
		{"module fltmgr.sys build 1 machine ia64\n", ":1: machine: expected x64"},
		{"module fltmgr.sys size 1 machine x64\n",
		 ":1: module: expected `module NAME build"},
		{HEAD "module fltmgr.sys build 1 machine x64\n", ":3: a second `module` line"},
		{HEAD "\n\nfeild 0 u8 X\n", ":5: unknown statement \"feild\""},
		{HEAD "field 0 u8 X\n", ":3: `field` without a `type` before it"},
		{HEAD "enum E\nfield 0 u8 X\n", ":4: `field` without a `type` before it"},
		{HEAD "value 0 X\n", ":3: `value` without an `enum` before it"},
		{HEAD "rva X 1\n", ":3: `rva` without an `image` before it"},
		{HEAD "type X 1\nrva X 1\n", ":4: `rva` without an `image` before it"},
		{HEAD "overlay 0 8\n", ":3: `overlay` without a `type` before it"},
		{HEAD "type X 8\noverlay 0 0\n", ":4: overlay: a size of 0"},
		{HEAD "type X 8\noverlay 4 8\n", ":3: X: overlay 0x8 bytes at 0x4"},
		{HEAD "type X\n", ":3: expected `type NAME SIZE|?`, found 2 words"},
		{HEAD "type X 8 9\n", ":3: expected `type NAME SIZE|?`, found 4 words"},
		{HEAD "type a b c d e f g h\n", ":3: more than 8 words"},
		{HEAD "type X -8\n", ":3: size: expected a number, found \"-8\""},
		{HEAD "type X 0x10000001\n", ":3: size: 0x10000001 is more than 0x10000000"},
		{HEAD "type X.Y 8\n", ":3: type: \"X.Y\" is no name"},
	};

	(void)state;
	all_refused(bad, sizeof(bad) / sizeof(bad[0]));
}

static void refuses_members_with_the_line(void **state)
{
	static const struct bad bad[] = {
		{HEAD "type X 8\nfield 0x u8 A\n", ":4: offset: expected a number, found \"0x\""},
		{HEAD "type X 8\nfield 0 u24 A\nfield 0 u99[ A\n",
		 ":5: field A: \"u99[\" is no type"},
		{HEAD "type X 8\nfield 0 bits:0@1 A\n", ":4: field A: \"bits:0@1\" is no type"},
		{HEAD "type X 8\nfield 0 bits:33@32 A\n", ":4: field A: \"bits:33@32\" is no type"},
		{HEAD "type X 8\nfield 0 struct{} A\n", ":4: field A: \"struct{}\" is no type"},
		{HEAD "type X 8\nfield 0 u32[99999999] A\n", ":4: field A:"},
		{HEAD "type X 8\nfield 0 u8 A-B\n", ":4: field: \"A-B\" is no name"},
		{HEAD "type X 8\nfield 0 u8 A..B\n", ":4: field: \"A..B\" is no name"},
		{HEAD "type X 8\nfield 4 u64 A\n", ":4: X.A: 0x8 bytes at 0x4 end outside the 0x8"},
		{HEAD "type X 8\nfield 8 u8 A\n", ":4: X.A: 0x1 bytes at 0x8 end outside"},
		/* the nested type is declared later, and longer than fits */
		{HEAD "type X 8\nfield 4 Y A\ntype Y 6\n", ":4: X.A: 0x6 bytes at 0x4 end outside"},
		{HEAD "type X 8\ntype Y 8\nunion X 4\n", ":5: type X was declared in line 3"},
		{HEAD "type X 8\nfield 0 u8 A\nfield 1 u8 A\n", ":5: X.A was declared in line 4"},
		{HEAD "enum E\nenum E\n", ":4: enum E was declared in line 3"},
		{HEAD "enum E\nvalue 18446744073709551616 A\n", ":4: value: expected a number"},
		{HEAD "fact a b\nfact a c\n", ":4: fact a is there already"},
		{HEAD "absent X\n", ":3: absent: expected TYPE.FIELD, found \"X\""},
		{HEAD "unknown .X\n", ":3: unknown: expected TYPE.FIELD"},
		{HEAD "type X 8\nfield 0 u8 A\nabsent X.A\n", ":5: X.A is both there and missing"},
		{HEAD "image 1 2 ed2863c6\n", ":3: image: expected 32 upper-case hex digits"},
		{HEAD "image 1 2 ED2863C6FA7552FA5C922F86ED4418F0\n", ":3: image: expected 32"},
		{HEAD "image 0x100000000 2 ?\n", ":3: image timestamp: 0x100000000 is more"},
		{HEAD "symbol X 0x100000000\n", ":3: RVA: 0x100000000 is more"},
		{HEAD "from a.layout\nfrom b.layout\n", ":4: a second `from` line"},
		{HEAD "from a.layout\n", ":3: from a.layout: there is no layout of that name"},
	};

	(void)state;
	all_refused(bad, sizeof(bad) / sizeof(bad[0]));
}

static void refuses_bytes_that_are_no_text(void **state)
{
	static const char nul[] = HEAD "type X 8\n\0field 0 u8 A\n";
	struct fs_error err = {0};
	struct layout *l = NULL;
	char *big;

	(void)state;
	assert_int_equal(parse(nul, sizeof(nul) - 1, &l, &err), FS_INVALID);
	assert_non_null(strstr(err.text, "a NUL byte"));
	big = malloc((4u << 20) + 1);
	assert_non_null(big);
	memset(big, '\n', (4u << 20) + 1);
	assert_int_equal(parse(big, (4u << 20) + 1, &l, &err), FS_LIMIT);
	/* at the bound it is read, and found to be nothing */
	assert_int_equal(parse(big, 4u << 20, &l, &err), FS_INVALID);
	assert_non_null(strstr(err.text, "no `module` line"));
	free(big);
}

/* `n` lines "LINE<number>END" after the head. */
static char *many(const char *before, const char *line, const char *end, size_t n)
{
	size_t len = strlen(HEAD) + strlen(before) + n * (strlen(line) + strlen(end) + 10) + 1, at;
	char *s = malloc(len);

	assert_non_null(s);
	at = (size_t)snprintf(s, len, "%s%s", HEAD, before);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(s + at, len - at, "%s%u%s", line, (unsigned)i, end);
	return s;
}

static void bounds_every_count(void **state)
{
	static const struct {
		const char *before, *line, *end, *message;
		size_t max;
	} counts[] = {
		{"", "type T", " 8\n", "more than 4096 types", 4096},
		{"type T 8\n", "field 0 u8 F", "\n", "more than 65536 fields", 65536},
		{"type T 8\n", "overlay 0 8 #", "\n", "more than 65536 overlays", 65536},
		{"", "symbol S", " 1\n", "more than 65536 symbols", 65536},
		{"", "image ", " 1 ?\n", "more than 65536 images", 65536},
		{"enum E\n", "value 1 V", "\n", "more than 65536 enum values", 65536},
		{"", "absent T.F", "\n", "more than 65536 absent or unknown fields", 65536},
		{"", "enum E", "\n", "more than 4096 enums", 4096},
		{"", "fact f", " x\n", "more than 4096 facts", 4096},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const char *before = counts[i].before, *line = counts[i].line, *end = counts[i].end;
		char *s = many(before, line, end, counts[i].max);

		layout_free(good(s));
		free(s);
		s = many(before, line, end, counts[i].max + 1);
		refused(s, counts[i].message);
		free(s);
	}
}

static const char whole[] = HEAD "image 1 2 ED2863C6FA7552FA5C922F86ED4418F01\n"
				 "  rva A 0x10\n"
				 "fact unload-walk goes-on\n"
				 "type T 0x10 # words\n"
				 "  overlay 0 8\n"
				 "  field 0x0 ptr:T A\n"
				 "  field 0x0 bits:3@2 B #I\n"
				 "  field 0x8 struct{0x8} u\n"
				 "  field 0x8 u8[4] u.C\n"
				 "absent T.D\n"
				 "enum E\n"
				 "  value 0x10 X\n";

/* A cut file is read only when it ends with a line; a cut number is never one. */
static void survives_truncation_at_every_length(void **state)
{
	size_t read = 0, lines = 0;

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		/* on the heap and without terminator, so that one byte too far is seen */
		char *copy = malloc(len + 1);
		struct layout *l = NULL;
		struct fs_error err = {0};
		enum fs_status st;

		assert_non_null(copy);
		memcpy(copy, whole, len);
		copy = realloc(copy, len ? len : 1);
		st = parse(copy, len, &l, &err);
		lines += len && whole[len - 1] == '\n';
		if (st == FS_OK) {
			assert_true(whole[len - 1] == '\n');
			read++;
			layout_free(l);
		} else {
			assert_int_equal(st, FS_INVALID);
			assert_true(err.text[0]);
		}
		free(copy);
	}
	/* all but the comment that comes before `module` */
	assert_int_equal(read, lines - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_statement),
		cmocka_unit_test(absent_is_not_unknown),
		cmocka_unit_test(names_bits_and_values),
		cmocka_unit_test(sizes_follow_the_machine),
		cmocka_unit_test(refuses_with_the_line),
		cmocka_unit_test(refuses_members_with_the_line),
		cmocka_unit_test(refuses_bytes_that_are_no_text),
		cmocka_unit_test(bounds_every_count),
		cmocka_unit_test(survives_truncation_at_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
