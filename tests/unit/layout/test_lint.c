/* SPDX-License-Identifier: BSD-2-Clause */
/* Each rule of check-layouts: one layout that breaks it, one that only looks like it. */
#include "support/test.h"

#include "layout/layout.h"
#include "support/layout_lint.h"

/* `build 0` asks for whole types only, so that a test can be small. */
#define HEAD	  "# from somewhere\nmodule fltmgr.sys build 0 machine x64\n"
#define FILE_NAME "fltmgr/stable-x64.layout"

struct heard {
	char text[4096];
};

static void hear(void *arg, const char *text)
{
	struct heard *h = arg;
	size_t at = strlen(h->text);

	snprintf(h->text + at, sizeof(h->text) - at, "%s\n", text);
}

static size_t complaints(const char *text, const char *file, struct heard *h)
{
	struct lint lint = {.say = hear, .arg = h};
	struct fs_error err = {0};
	struct layout *l = NULL;

	memset(h, 0, sizeof(*h));
	if (layout_parse(file, text, strlen(text), NULL, NULL, &l, &err) != FS_OK)
		fail_msg("%s", err.text);
	lint_layout(&lint, l, file);
	layout_free(l);
	return lint.complaints;
}

static void wrong(const char *text, const char *message)
{
	struct heard h;

	/* that rule and no other */
	if (complaints(text, FILE_NAME, &h) != 1 || !strstr(h.text, message))
		fail_msg("expected \"%s\", heard:\n%s", message, h.text);
}

static void right(const char *text)
{
	struct heard h;

	if (complaints(text, FILE_NAME, &h))
		fail_msg("heard: %s", h.text);
}

static void overlaps(void **state)
{
	(void)state;
	wrong(HEAD "type T 16\nfield 0 u64 A\nfield 4 u32 B\n",
	      "T.A and B overlap outside a union");
	right(HEAD "type T 16\nfield 0 u64 A\nfield 8 u32 B\n");
	right(HEAD "union T 16\nfield 0 u64 A\nfield 4 u32 B\n");
	right(HEAD "type T 16\noverlay 0 8\nfield 0 u64 A\nfield 4 u32 B\n");
	/* an overlay elsewhere allows nothing here */
	wrong(HEAD "type T 16\noverlay 0 8\nfield 0 u64 A\nfield 4 u32 B\nfield 8 u64 C\n"
		   "field 8 u8 D\n",
	      "T.C and D overlap outside a union");
}

static void bit_fields(void **state)
{
	(void)state;
	right(HEAD "type T 8\nfield 0 bits:4@0 A\nfield 0 bits:4@4 B\n");
	wrong(HEAD "type T 8\nfield 0 bits:5@0 A\nfield 0 bits:4@4 B\n", "T.A and B overlap");
	wrong(HEAD "type T 8\nfield 0 bits:1@8 A\nfield 1 u8 B\n", "T.A and B overlap");
	right(HEAD "type T 8\nfield 0 bits:1@7 A\nfield 1 u8 B\n");
}

static void unused_overlay(void **state)
{
	(void)state;
	wrong(HEAD "type T 16\noverlay 8 8\nfield 0 u64 A\nfield 8 u64 B\n",
	      "T: the overlay at 0x8 holds no two members that overlap");
}

static void unnamed_aggregates(void **state)
{
	(void)state;
	right(HEAD "type T 16\nfield 0 union{8} u\nfield 0 u32 u.A\nfield 0 u64 u.B\n");
	wrong(HEAD "type T 16\nfield 0 struct{8} s\nfield 0 u32 s.A\nfield 0 u64 s.B\n",
	      "T.s.A and s.B overlap");
	/* members of two unions of one union are no neighbours */
	right(HEAD "type T 16\nfield 0 union{8} u\nfield 0 struct{8} u.a\nfield 0 struct{8} u.b\n"
		   "field 0 u32 u.a.X\nfield 0 u32 u.b.X\n");
	wrong(HEAD "type T 32\nfield 8 union{8} u\nfield 16 u64 u.A\n", "T.u.A lies outside u");
	wrong(HEAD "type T 16\nfield 0 u64 u.A\n", "T.u.A is in no unnamed struct or union");
	wrong(HEAD "type T 16\nfield 0 u64 u\nfield 0 u64 u.A\n", "T.u.A is in no unnamed");
}

static void sizes(void **state)
{
	(void)state;
	wrong(HEAD "type T 16\nfield 0 _ELSEWHERE A\n", "T.A: the size of _ELSEWHERE is not known");
	right(HEAD "type T 16\nfield 0 ptr:_ELSEWHERE A\n");
	right(HEAD "type T 16\nfield 0 _OPAQUE A\ntype _OPAQUE 8\n");
	wrong(HEAD "type T 16\nfield 0 _OPAQUE A\ntype _OPAQUE ?\n",
	      "size of _OPAQUE is not known");
	right(HEAD "type T 16\nfield 16 u8[0] A\n");
	wrong(HEAD "type T 16\nfield 4 ptr A\n", "T.A at 0x4 is not aligned as ptr on x64");
	wrong(HEAD "type T 16\nfield 2 u32 A\n", "not aligned as u32");
	wrong(HEAD "type _LIST_ENTRY 8\nfield 0 ptr Flink\nunknown _LIST_ENTRY.Blink\n",
	      "a _LIST_ENTRY of 8 bytes on x64");
	wrong(HEAD "type _UNICODE_STRING 8\n", "a _UNICODE_STRING of 8 bytes on x64");
}

#define TYPE_WORD "type _FLT_TYPE 4\nfield 0 u16 Signature\n"

static void whole_by_fields_def(void **state)
{
	(void)state;
	wrong(HEAD TYPE_WORD, "_FLT_TYPE.Size is neither there nor `absent` nor `unknown`");
	right(HEAD TYPE_WORD "field 2 u16 Size\n");
	right(HEAD TYPE_WORD "absent _FLT_TYPE.Size\n");
	right(HEAD TYPE_WORD "unknown _FLT_TYPE.Size\n");
	wrong(HEAD TYPE_WORD "absent _FLT_TYPE.Size\nunknown _FLT_TYPE.Size\n",
	      "_FLT_TYPE.Size is both `absent` and `unknown`");
	wrong(HEAD TYPE_WORD "field 2 u8 Size\n", "_FLT_TYPE.Size: type u8 is not what fields.def");
	wrong(HEAD "type _FLT_MUTEX_LIST_HEAD 0x50\nfield 0 u64[7] mLock\nfield 0x38 u64[2] mList\n"
		   "field 0x48 u32 mCount\n",
	      "_FLT_MUTEX_LIST_HEAD.mList: type u64[2] is not what fields.def reads");
}

static void a_build_lacks_no_type(void **state)
{
	struct heard h;

	(void)state;
	complaints("# x\nmodule fltmgr.sys build 1 machine x64\n", "fltmgr/1-x64.layout", &h);
	assert_non_null(strstr(h.text, "_GLOBALS.FrameList is neither there"));
	/* the other module's fields are not its business */
	assert_null(strstr(h.text, "_DRIVER_OBJECT."));
}

static void names_of_files(void **state)
{
	struct heard h;

	(void)state;
	assert_int_equal(complaints(HEAD, FILE_NAME, &h), 0);
	assert_int_equal(complaints(HEAD, "nt/stable-x64.layout", &h), 1);
	assert_int_equal(complaints(HEAD, "fltmgr/stable-x86.layout", &h), 1);
	assert_int_equal(complaints("module fltmgr.sys build 0 machine x64\n", FILE_NAME, &h), 1);
	assert_non_null(strstr(h.text, "no comment says where it comes from"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlaps),
		cmocka_unit_test(bit_fields),
		cmocka_unit_test(unused_overlay),
		cmocka_unit_test(unnamed_aggregates),
		cmocka_unit_test(sizes),
		cmocka_unit_test(whole_by_fields_def),
		cmocka_unit_test(a_build_lacks_no_type),
		cmocka_unit_test(names_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
