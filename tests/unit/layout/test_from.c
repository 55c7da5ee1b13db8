/* SPDX-License-Identifier: BSD-2-Clause */
/* Composites, paths through nested types, files. */
#include "support/test.h"

#include "layout/layout.h"

#define HEAD "module fltmgr.sys build 9600 machine x64\n"

struct text {
	const char *name, *text;
};

static const char *from_table(void *arg, const char *name, size_t *ret_len)
{
	for (const struct text *t = arg; t->name; t++) {
		if (strcmp(t->name, name) == 0) {
			*ret_len = strlen(t->text);
			return t->text;
		}
	}
	return NULL;
}

static enum fs_status parse(const struct text *table, struct layout **ret, struct fs_error *err)
{
	return layout_parse(table->name, table->text, strlen(table->text), from_table,
			    (void *)table, ret, err);
}

static struct layout *good(const struct text *table)
{
	struct layout *l = NULL;
	struct fs_error err = {0};

	if (parse(table, &l, &err) != FS_OK)
		fail_msg("%s", err.text);
	return l;
}

static const struct text composite[] = {
	{"own", HEAD "from other\n"
		     "type _FLT_OBJECT 0x20\n  field 0x4 u32 PointerCount\n"
		     "enum _FLT_OBJECT_FLAGS\n  value 1 DRAINING\n"},
	{"other", "module fltmgr.sys build 14393 machine x64\n"
		  "image 1 2 ED2863C6FA7552FA5C922F86ED4418F01\n  rva FltGlobals 5\n"
		  "symbol S 1\nfact unload-walk goes-on\n"
		  "type _FLT_OBJECT 0x30\n  field 0 u32 Flags\n  field 8 u32 PointerCount\n"
		  "type _FLT_FILTER 0x40\n  field 0 _FLT_OBJECT Base\n  overlay 0x30 8\n"
		  "  field 0x30 ptr Frame\n  field 0x30 ptr[1] Alias\n"
		  "absent _FLT_VOLUME.Frame\n"
		  "enum _FLT_OBJECT_FLAGS\n  value 2 ZOMBIED\n"
		  "enum _FLT_FILTER_FLAGS\n  value 2 FILTERING_INITIATED\n"},
	{0},
};

static void takes_over_what_is_not_said(void **state)
{
	struct layout *l = good(composite);
	uint64_t rva;
	size_t type;

	(void)state;
	assert_true(layout_is_composite(l));
	/* its own type stays whole: the other's Flags is not mixed in */
	assert_int_equal(layout_field(l, F_FLT_OBJECT_PointerCount)->offset, 4);
	assert_int_equal(layout_field(l, F_FLT_OBJECT_PointerCount)->origin, FO_KNOWN);
	assert_null(layout_field(l, F_FLT_OBJECT_Flags));
	assert_int_equal(layout_type_size(l, T_FLT_OBJECT), 0x20);
	/* the other's type is there, inferred, with sizes as this build has them */
	assert_int_equal(layout_field(l, F_FLT_FILTER_Frame)->offset, 0x30);
	assert_int_equal(layout_field(l, F_FLT_FILTER_Frame)->origin, FO_INFERRED);
	assert_int_equal(layout_field(l, F_FLT_FILTER_Base)->size, 0x20);
	assert_true(layout_find_type(l, "_FLT_FILTER", &type));
	assert_int_equal(layout_overlay_count(l, type), 1);
	assert_int_equal(layout_overlay(l, type, 0).offset, 0x30);
	assert_string_equal(layout_enum_name(l, "_FLT_OBJECT_FLAGS", 1), "DRAINING");
	assert_null(layout_enum_name(l, "_FLT_OBJECT_FLAGS", 2));
	assert_string_equal(layout_enum_name(l, "_FLT_FILTER_FLAGS", 2), "FILTERING_INITIATED");
	/* statements about the other build are not about this one */
	assert_int_equal(layout_image_count(l), 0);
	assert_false(layout_symbol(l, "S", &rva));
	assert_null(layout_fact(l, "unload-walk"));
	assert_false(layout_field_absent(l, F_FLT_VOLUME_Frame));
	layout_free(l);
}

static void refused(const struct text *table, const char *message)
{
	struct layout *l = NULL;
	struct fs_error err = {0};

	assert_int_equal(parse(table, &l, &err), FS_INVALID);
	assert_null(l);
	if (!strstr(err.text, message))
		fail_msg("expected \"%s\" in \"%s\"", message, err.text);
}

static void ends_circles_and_long_chains(void **state)
{
	static const struct text self[] = {{"a", HEAD "from a\n"}, {0}};
	static const struct text circle[] = {{"a", HEAD "from b\n"}, {"b", HEAD "from a\n"}, {0}};
	static const struct text four[] = {
		{"a", HEAD "from b\n"}, {"b", HEAD "from c\n"},	  {"c", HEAD "from d\n"},
		{"d", HEAD "from e\n"}, {"e", HEAD "type X 8\n"}, {0},
	};
	static const struct text five[] = {
		{"a", HEAD "from b\n"},
		{"b", HEAD "from c\n"},
		{"c", HEAD "from d\n"},
		{"d", HEAD "from e\n"},
		{"e", HEAD "\nfrom f\n"},
		{"f", HEAD "type X 8\n"},
		{0},
	};
	size_t type;
	struct layout *l;

	(void)state;
	refused(self, "a:2: from a: more than 4 layouts deep, or in a circle");
	refused(circle, "more than 4 layouts deep, or in a circle");
	refused(five, "e:3: from f: more than 4 layouts deep");
	l = good(four);
	assert_true(layout_find_type(l, "X", &type));
	layout_free(l);
}

static void says_which_file_of_a_chain_is_bad(void **state)
{
	static const struct text bad[] = {{"a", HEAD "from b\n"}, {"b", HEAD "what\n"}, {0}};
	static const struct text nt[] = {
		{"a", HEAD "from b\n"}, {"b", "module ntoskrnl.exe build 1 machine x64\n"}, {0}};
	static const struct text x86[] = {
		{"a", HEAD "from b\n"}, {"b", "module fltmgr.sys build 1 machine x86\n"}, {0}};
	static const struct text none[] = {{"a", HEAD "from b\n"}, {0}};
	/* the nested type that is taken over no longer fits */
	static const struct text outside[] = {
		{"a", HEAD "from b\ntype X 8\nfield 4 Y A\n"}, {"b", HEAD "type Y 6\n"}, {0}};

	(void)state;
	refused(bad, "a:2: b:2: unknown statement \"what\"");
	refused(nt, "a:2: from b: it is of another module or machine");
	refused(x86, "a:2: from b: it is of another module or machine");
	refused(none, "a:2: from b: there is no layout of that name");
	refused(outside, "a:4: X.A: 0x6 bytes at 0x4 end outside");
}

static const struct text fltmgr[] = {
	{"fltmgr", "module fltmgr.sys build 19041 machine x64\n"
		   "type _FLT_RESOURCE_LIST_HEAD 0x80\n"
		   "  field 0x0 _ERESOURCE rLock #I\n  field 0x68 _LIST_ENTRY rList\n"
		   "type _FLT_FILTER 0x2b0\n"
		   "  field 0x68 _FLT_RESOURCE_LIST_HEAD InstanceList\n"
		   "  field 0x100 ptr:_X[7] SupportedContexts\n"
		   "  field 0x200 struct{0x10} u\n  field 0x208 u32 u.Low\n"
		   "  field 0x210 Loop L\n"
		   "type _CALLBACK_CTRL ?\n  field 0x0 _LIST_ENTRY[50] OperationLists\n"
		   "type Loop 8\n  field 0 Loop L\n"},
	{0},
};
static const struct text nt[] = {
	{"nt", "module ntoskrnl.exe build 19041 machine x64\n"
	       "type _LIST_ENTRY 0x10\n  field 0x0 ptr Flink\n  field 0x8 ptr Blink\n"
	       "type _ERESOURCE 0x68\n  field 0x18 i16 ActiveCount\n"},
	{0},
};

static void finds_paths(void **state)
{
	struct layout *f = good(fltmgr), *n = good(nt);
	struct layout_field_info i;

	(void)state;
	assert_true(layout_find_path(f, n, "_FLT_FILTER", "InstanceList.rList.Blink", &i));
	assert_int_equal(i.offset, 0x68 + 0x68 + 8);
	assert_int_equal(i.size, 8);
	assert_int_equal(i.origin, FO_KNOWN);
	assert_string_equal(i.name, "Blink");
	/* known only through the fallback, and the weakest origin on the way */
	assert_true(layout_find_path(f, n, "_FLT_FILTER", "InstanceList.rLock.ActiveCount", &i));
	assert_int_equal(i.offset, 0x68 + 0x18);
	assert_int_equal(i.origin, FO_INFERRED);
	assert_true(layout_find_path(f, n, "_FLT_FILTER", "InstanceList.rLock", &i));
	assert_int_equal(i.size, 0x68);
	assert_true(layout_find_path(f, n, "_FLT_FILTER", "SupportedContexts[6]", &i));
	assert_int_equal(i.offset, 0x100 + 6 * 8);
	assert_string_equal(i.type, "ptr:_X");
	assert_true(layout_find_path(f, n, "_CALLBACK_CTRL", "OperationLists[49].Flink", &i));
	assert_int_equal(i.offset, 49 * 16);
	/* a member of an unnamed aggregate */
	assert_true(layout_find_path(f, n, "_FLT_FILTER", "u.Low", &i));
	assert_int_equal(i.offset, 0x208);
	layout_free(f);
	layout_free(n);
}

static void finds_no_path_where_there_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		".",
		"InstanceList.",
		"InstanceList..rList",
		"InstanceLis",
		"InstanceList.rList.Flink.Flink", /* not through pointers */
		"SupportedContexts[7]",
		"SupportedContexts[-1]",
		"SupportedContexts[1",
		"SupportedContexts[]",
		"SupportedContexts[99999999999999999999]",
		"SupportedContexts[1]x",
		"SupportedContexts[1][1]",
		"InstanceList[0]",
		"u.High",
		"L.L.L.L.L.L.L.L.L.L.L.L.L.L.L.L.L.L",
	};
	struct layout *f = good(fltmgr), *n = good(nt);
	struct layout_field_info i = {.offset = 77};

	(void)state;
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		if (layout_find_path(f, n, "_FLT_FILTER", bad[k], &i))
			fail_msg("found \"%s\"", bad[k]);
	}
	assert_false(layout_find_path(f, n, "_NOT_HERE", "X", &i));
	assert_int_equal(i.offset, 77);
	/* without the fallback the nested type is not known, nor the element's size */
	assert_false(layout_find_path(f, NULL, "_FLT_FILTER", "InstanceList.rList.Blink", &i));
	assert_false(layout_find_path(f, NULL, "_CALLBACK_CTRL", "OperationLists[1]", &i));
	assert_true(layout_find_path(f, NULL, "_CALLBACK_CTRL", "OperationLists", &i));
	assert_int_equal(i.size, 0);
	layout_free(f);
	layout_free(n);
}

static void reads_a_file_of_the_user(void **state)
{
	char path[] = "/tmp/fltscope-layout-XXXXXX";
	struct layout *l = NULL;
	struct fs_error err = {0};
	int fd = mkstemp(path);
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	/* a user's layout may build on a shipped one */
	fputs("module fltmgr.sys build 19041 machine x64\nfrom fltmgr/19041-x64.layout\n", f);
	fclose(f);
	assert_int_equal(layout_load_file(path, &l, &err), FS_OK);
	assert_int_equal(layout_field(l, F_FLT_FILTER_DriverObject)->offset, 0x60);
	layout_free(l);
	remove(path);
	assert_int_equal(layout_load_file(path, &l, &err), FS_SYSTEM);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(layout_load_shipped("fltmgr/1-x64.layout", &l, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "fltmgr/1-x64.layout"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_over_what_is_not_said),
		cmocka_unit_test(ends_circles_and_long_chains),
		cmocka_unit_test(says_which_file_of_a_chain_is_bad),
		cmocka_unit_test(finds_paths),
		cmocka_unit_test(finds_no_path_where_there_is_none),
		cmocka_unit_test(reads_a_file_of_the_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
