/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The debugger's views over memory, types and symbols written here. Expected lines: WinDbg's,
 * as in the transcripts of Windows 11's dt of a frame, a filter and a volume, and dq of a table.
 */
#include "support/article.h"
#include "support/shown.h"
#include "support/test.h"
#include "view/debug.h"

#define AT UINT64_C(0xffffcb0e0b3a5020)

static struct model_maker k;
static struct shown s;
static uint8_t memory[0x100];
static uint64_t hole; /* VA of a byte that is not there; 0 none */

static enum fs_status fake_read(struct fltscope *fs, uint64_t va, void *buf, size_t n, size_t *got,
				bool *from_image, struct fs_error *err)
{
	size_t i;

	(void)fs;
	if (from_image)
		*from_image = false;
	for (i = 0; i < n; i++) {
		if (va + i < AT || va + i - AT >= sizeof(memory) || va + i == hole)
			break;
		((uint8_t *)buf)[i] = memory[va + i - AT];
	}
	if (got)
		*got = i;
	return i == n ? FS_OK : fs_fail_at(err, FS_NOT_IN_DUMP, va + i, "not there");
}

static enum fs_status fake_symbol(struct fltscope *fs, uint64_t va, struct fs_symbol *ret,
				  struct fs_error *err)
{
	(void)fs;
	if (va != 0xfffff8051c643210)
		return fs_fail(err, FS_NOT_FOUND, "no module");
	*ret = (struct fs_symbol){.text = "bindflt!BfFltUnload",
				  .module = "bindflt",
				  .name = "BfFltUnload",
				  .va = va,
				  .source = FS_SYM_PDB};
	return FS_OK;
}

static const struct fs_field fields[] = {
	{.name = "Type",
	 .type = "_FLT_TYPE",
	 .struct_name = "_FLT_TYPE",
	 .kind = FS_T_STRUCT,
	 .size = 8},
	{.name = "Links",
	 .type = "_LIST_ENTRY",
	 .struct_name = "_LIST_ENTRY",
	 .kind = FS_T_LIST_ENTRY,
	 .offset = 0x8,
	 .size = 16},
	{.name = "FrameID", .type = "Uint4B", .kind = FS_T_SCALAR, .offset = 0x18, .size = 4},
	{.name = "AltitudeIntervalLow",
	 .type = "_UNICODE_STRING",
	 .kind = FS_T_UNICODE_STRING,
	 .offset = 0x20,
	 .size = 16},
	{.name = "LargeIrpCtrlStackSize",
	 .type = "UChar",
	 .kind = FS_T_SCALAR,
	 .offset = 0x30,
	 .size = 1},
	{.name = "Flags",
	 .type = "_FLAGS",
	 .enum_name = "_FLAGS",
	 .kind = FS_T_ENUM,
	 .offset = 0x34,
	 .size = 4},
	{.name = "FileSystemType",
	 .type = "_FS",
	 .enum_name = "_FS",
	 .kind = FS_T_ENUM,
	 .offset = 0x38,
	 .size = 4},
	{.name = "TargetedOpenActiveCount",
	 .type = "Int4B",
	 .kind = FS_T_SCALAR,
	 .offset = 0x3c,
	 .size = 4,
	 .is_signed = true},
	{.name = "Prcb",
	 .type = "Ptr64 _FLT_PRCB",
	 .struct_name = "_FLT_PRCB",
	 .kind = FS_T_POINTER,
	 .offset = 0x40,
	 .size = 8,
	 .inferred = true},
	{.name = "Handle", .type = "Ptr64 Void", .kind = FS_T_POINTER, .offset = 0x48, .size = 8},
	{.name = "FilterUnload",
	 .type = "Ptr64 function",
	 .kind = FS_T_FUNCTION_POINTER,
	 .offset = 0x50,
	 .size = 8},
	{.name = "SupportedContexts",
	 .type = "[7] Ptr64 _H",
	 .kind = FS_T_POINTER,
	 .offset = 0x58,
	 .size = 8,
	 .count = 7},
	{.name = "Valid",
	 .type = "Pos 0, 1 Bit",
	 .kind = FS_T_BITS,
	 .offset = 0x90,
	 .size = 1,
	 .bit_len = 1},
	{.name = "Pfn",
	 .type = "Pos 4, 6 Bits",
	 .kind = FS_T_BITS,
	 .offset = 0x90,
	 .size = 2,
	 .bit_pos = 4,
	 .bit_len = 6},
	{.name = "Wrong",
	 .type = "Uint4B",
	 .kind = FS_T_SCALAR,
	 .offset = 0x94,
	 .size = 4,
	 .refused = true},
	{.name = "Name",
	 .type = "[8] UChar",
	 .kind = FS_T_SCALAR,
	 .offset = 0x98,
	 .size = 1,
	 .count = 8},
	{.name = "Counter", .type = "Uint8B", .kind = FS_T_SCALAR, .offset = 0xa0, .size = 8},
};
static const struct fs_field inner[] = {
	{.name = "Signature", .type = "Uint2B", .kind = FS_T_SCALAR, .size = 2},
	{.name = "Size", .type = "Uint2B", .kind = FS_T_SCALAR, .offset = 2, .size = 2},
};
/* A type that holds a pointer to itself: what a damaged or hostile layout may say. */
static const struct fs_field itself[] = {
	{.name = "Me",
	 .type = "Ptr64 _SELF",
	 .struct_name = "_SELF",
	 .kind = FS_T_POINTER,
	 .size = 8},
	{.name = "In", .type = "_SELF", .struct_name = "_SELF", .kind = FS_T_STRUCT, .size = 8},
};

#define TYPE(n, f)                                                                                 \
	{                                                                                          \
		.module = "fltmgr", .name = n, .source = "test", .fields = f,                      \
		.nfields = sizeof(f) / sizeof(f[0])                                                \
	}

static enum fs_status fake_type(struct fltscope *fs, const char *name, struct fs_type *ret,
				struct fs_error *err)
{
	static const struct fs_type types[] = {TYPE("_FLTP_FRAME", fields),
					       TYPE("_FLT_TYPE", inner), TYPE("_SELF", itself)};
	const char *bang = strchr(name, '!');
	size_t i;

	(void)fs;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(bang ? bang + 1 : name, types[i].name) != 0)
			continue;
		*ret = types[i];
		return FS_OK;
	}
	return fs_fail(err, FS_NOT_FOUND, "no such type");
}

static const char *fake_enum(struct fltscope *fs, const char *name, uint64_t value)
{
	(void)fs;
	return strcmp(name, "_FS") == 0 && value == 0xd ? "FLT_FSTYPE_MUP" : NULL;
}

static enum fs_status fake_code(struct fltscope *fs, uint64_t va, size_t count, fs_insn_cb cb,
				void *arg, struct fs_error *err)
{
	static const struct fs_insn in[] = {
		{.bytes = {0x48, 0x8b, 0xc4}, .size = 3, .mnemonic = "mov", .operands = "rax,rsp"},
		{.bytes = {0xc3}, .size = 1, .mnemonic = "ret"}};
	struct fs_insn one;

	(void)fs;
	one = in[0];
	one.va = va;
	if (!cb(arg, &one) || count < 2)
		return FS_OK;
	one = in[1];
	one.va = va + 3;
	if (!cb(arg, &one) || count < 3)
		return FS_OK;
	return fs_fail_at(err, FS_NOT_IN_DUMP, va + 4, "not there");
}

static const struct view_debug d = {.pointer = 8,
				    .read = fake_read,
				    .symbol_at = fake_symbol,
				    .type = fake_type,
				    .enum_name = fake_enum,
				    .disassemble = fake_code};

static void put(size_t at, uint64_t value, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		memory[at + i] = (uint8_t)(value >> (8 * i));
}

static int setup(void **state)
{
	(void)state;
	article_make(&k);
	memset(memory, 0, sizeof(memory));
	hole = 0;
	put(0, 0x0780f103, 4);
	put(0x8, 0xfffff8050fcbb780, 8);
	put(0x10, 0xfffff8050fcbb780, 8);
	put(0x20, 0x00020002, 4); /* Length, MaximumLength */
	put(0x28, AT + 0xf0, 8);
	put(0x30, 6, 1);
	put(0x34, 0xd6, 4);
	put(0x38, 0xd, 4);
	put(0x3c, 0xffffffff, 4);
	put(0x40, 0xffffcb0e0b2a3dc0, 8);
	put(0x48, 0xffffffff800001cc, 8);
	put(0x50, 0xfffff8051c643210, 8);
	put(0x90, 0x121, 2);
	put(0x98, 0x004d5953, 4); /* "SYM" */
	put(0xa0, 0x14, 8);
	put(0xf0, '0', 2);
	return 0;
}

static void text(const struct view_dt *ask)
{
	shown_text(&s, &k.m);
	(void)view_dt(&s.v, &d, ask);
	assert_true(shown_end(&s));
}

static void values_are_as_windbg_prints_them(void **state)
{
	(void)state;
	text(&(struct view_dt){.type = "_FLTP_FRAME", .has_address = true, .address = AT});
	assert_true(lines_in_order(
		s.c.text,
		"fltmgr!_FLTP_FRAME\n"
		"   +0x000 Type             : _FLT_TYPE\n"
		"   +0x008 Links            : _LIST_ENTRY [ 0xfffff805`0fcbb780 - "
		"0xfffff805`0fcbb780 ]\n"
		"   +0x018 FrameID          : 0\n"
		"   +0x020 AltitudeIntervalLow : _UNICODE_STRING \"0\"\n"
		"   +0x030 LargeIrpCtrlStackSize : 0x6 ''\n"
		"   +0x034 Flags            : 0xd6 (No matching name)\n"
		"   +0x038 FileSystemType   : d ( FLT_FSTYPE_MUP )\n"
		"   +0x03c TargetedOpenActiveCount : 0n-1\n"
		"   +0x040 Prcb             : 0xffffcb0e`0b2a3dc0 _FLT_PRCB\n"
		"   +0x048 Handle           : 0xffffffff`800001cc Void\n"
		"   +0x050 FilterUnload     : 0xfffff805`1c643210     bindflt!BfFltUnload+0\n"
		"   +0x058 SupportedContexts : [7] (null)\n"
		"   +0x090 Valid            : 0y1\n"
		"   +0x090 Pfn              : 0y010010 (0x12)\n"
		"   +0x094 Wrong            : (Uint4B: contradicted by this dump)\n"
		"   +0x098 Name             : [8]  \"SYM\"\n"
		"   +0x0a0 Counter          : 0x14\n"
		"? unproved: Prcb\n"));
	/* to the column */
	assert_non_null(strstr(s.c.text, "\n   +0x018 FrameID          : 0\n"));
	shown_free(&s);
}

static void types_without_an_address(void **state)
{
	(void)state;
	text(&(struct view_dt){.type = "fltmgr!_FLTP_FRAME"});
	assert_null(strstr(s.c.text, "fltmgr!_FLTP_FRAME"));
	assert_true(has_line(s.c.text, "+0x040 Prcb : Ptr64 _FLT_PRCB"));
	assert_true(has_line(s.c.text, "+0x058 SupportedContexts : [7] Ptr64 _H"));
	assert_true(has_line(s.c.text, "+0x090 Pfn : Pos 4, 6 Bits"));
	shown_free(&s);
}

static void what_is_missing_says_where(void **state)
{
	(void)state;
	hole = AT + 0xf0; /* the characters, not the descriptor */
	text(&(struct view_dt){.type = "_FLTP_FRAME", .has_address = true, .address = AT});
	assert_true(has_line(s.c.text, "+0x020 AltitudeIntervalLow : _UNICODE_STRING "
				       "(not-in-dump at 0xffffcb0e0b3a5110)"));
	shown_free(&s);
	hole = AT + 0x1a;
	text(&(struct view_dt){.type = "_FLTP_FRAME", .has_address = true, .address = AT});
	assert_true(has_line(s.c.text, "+0x018 FrameID : (not-in-dump at 0xffffcb0e0b3a503a)"));
	shown_free(&s);
	/* a Length above MaximumLength is no string, whatever stands at Buffer */
	hole = 0;
	put(0x20, 4, 2);
	text(&(struct view_dt){.type = "_FLTP_FRAME", .has_address = true, .address = AT});
	assert_true(has_line(s.c.text, "+0x020 AltitudeIntervalLow : _UNICODE_STRING "
				       "(corrupt at 0xffffcb0e0b3a5040)"));
	shown_free(&s);
}

static void fields_by_name_pattern_and_path(void **state)
{
	static const char *const asked[] = {"f*", "Type.Sig*"};

	(void)state;
	text(&(struct view_dt){.type = "_FLTP_FRAME",
			       .has_address = true,
			       .address = AT,
			       .fields = asked,
			       .nfields = 2});
	assert_string_equal(s.c.text, "fltmgr!_FLTP_FRAME\n"
				      "   +0x000 Type             :\n"
				      "      +0x000 Signature        : 0xf103\n"
				      "   +0x018 FrameID          : 0\n"
				      "   +0x034 Flags            : 0xd6 (No matching name)\n"
				      "   +0x038 FileSystemType   : d ( FLT_FSTYPE_MUP )\n"
				      "   +0x050 FilterUnload     : 0xfffff805`1c643210     "
				      "bindflt!BfFltUnload+0\n");
	shown_free(&s);
}

static void nesting_ends(void **state)
{
	struct view_dt ask = {.type = "_SELF", .has_address = true, .address = AT, .depth = 16};
	struct view_result r;

	(void)state;
	put(0, AT, 8);
	shown_text(&s, &k.m);
	r = view_dt(&s.v, &d, &ask);
	assert_true(shown_end(&s));
	assert_int_equal(r.status, FS_LIMIT);
	assert_in_range(r.shown, 1000, 20000);
	shown_free(&s);
}

static void the_same_for_machines(void **state)
{
	struct view_dt ask = {.type = "_FLTP_FRAME", .has_address = true, .address = AT};

	(void)state;
	hole = AT + 0x18;
	shown_json(&s, &k.m);
	(void)view_dt(&s.v, &d, &ask);
	assert_true(shown_end(&s));
	assert_string_equal(string_at(s.doc, "fields.1.value.flink"), "0xfffff8050fcbb780");
	assert_string_equal(string_at(s.doc, "fields.2.value"), "(null)");
	assert_string_equal(string_at(s.doc, "fields.2.missing.address"), "0xffffcb0e0b3a5038");
	assert_string_equal(string_at(s.doc, "fields.3.value.text"), "0");
	assert_string_equal(string_at(s.doc, "fields.6.enumerator"), "FLT_FSTYPE_MUP");
	assert_string_equal(string_at(s.doc, "fields.10.symbol"), "bindflt!BfFltUnload");
	assert_int_equal(int_at(s.doc, "fields.13.value"), 0x12);
	/* a contradicted offset gives no value, not even a missing one */
	assert_string_equal(string_at(s.doc, "fields.14.value"), "(absent)");
	shown_free(&s);
}

static void memory_in_columns(void **state)
{
	struct view_result r;

	(void)state;
	hole = AT + 0x12;
	shown_text(&s, &k.m);
	(void)view_memory(&s.v, &d, UNIT_QWORD, AT, 3);
	(void)view_memory(&s.v, &d, UNIT_DWORD, AT + 0x10, 3);
	(void)view_memory(&s.v, &d, UNIT_WORD, AT + 0x10, 2);
	r = view_memory(&s.v, &d, UNIT_BYTE, AT + 0x10, 18);
	(void)view_memory(&s.v, &d, UNIT_SYMBOL, AT + 0x50, 2);
	assert_true(shown_end(&s));
	assert_int_equal(r.status, FS_NOT_IN_DUMP);
	assert_int_equal(r.err.address, hole);
	assert_string_equal(
		s.c.text, "ffffcb0e`0b3a5020  00000000`0780f103 fffff805`0fcbb780\n"
			  "ffffcb0e`0b3a5030  ????????`????????\n"
			  "ffffcb0e`0b3a5030  ???????? fffff805 00000000\n"
			  "ffffcb0e`0b3a5030  b780 ????\n"
			  "ffffcb0e`0b3a5030  80 b7 ?? 0f 05 f8 ff ff-00 00 00 00 00 00 00 00  "
			  "..?.............\n"
			  "ffffcb0e`0b3a5040  02 00                                            ..\n"
			  "ffffcb0e`0b3a5070  fffff805`1c643210 bindflt!BfFltUnload\n"
			  "ffffcb0e`0b3a5078  00000000`00000000\n");
	shown_free(&s);
}

static void code_ends_where_memory_does(void **state)
{
	struct view_result r;

	(void)state;
	shown_text(&s, &k.m);
	r = view_unassemble(&s.v, &d, 0xfffff8051c643210, 3);
	assert_true(shown_end(&s));
	assert_int_equal(r.shown, 2);
	assert_int_equal(r.status, FS_NOT_IN_DUMP);
	assert_string_equal(s.c.text, "bindflt!BfFltUnload:\n"
				      "fffff805`1c643210 488bc4          mov     rax,rsp\n"
				      "fffff805`1c643213 c3              ret\n"
				      "fffff805`1c643214 ??              ???\n");
	shown_free(&s);
}

static void symbols_and_page_tables(void **state)
{
	struct fs_symbol at = {
		.module = "fltmgr", .name = "A", .va = 0xfffff88001344fb0, .offset = 4};
	struct fs_symbol next = {.module = "fltmgr", .name = "B", .va = 0xfffff880013450b0};
	struct fs_pte pte = {
		.level = {{"PXE", 0x103f88, 0x15b063}, {"PTE", 0x102a20, 0x8000000000153163}},
		.levels = 2,
		.pa = 0x153fb0,
		.page_size = 0x1000,
		.text = "valid"};

	(void)state;
	shown_text(&s, &k.m);
	view_nearest(&s.v, at.va + 4, &at, &next);
	view_pte(&s.v, 0xfffff88001344fb0, &pte);
	assert_true(shown_end(&s));
	assert_true(has_line(s.c.text,
			     "(fffff880`01344fb0) fltmgr!A+0x4 | (fffff880`013450b0) fltmgr!B"));
	assert_null(strstr(s.c.text, "Exact matches"));
	assert_true(has_line(
		s.c.text,
		"PXE at PA 0000000000103f88 contains 000000000015b063 pfn 15b ---DA--KWEV"));
	assert_true(has_line(
		s.c.text,
		"PTE at PA 0000000000102a20 contains 8000000000153163 pfn 153 -G-DA--KW-V"));
	shown_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(values_are_as_windbg_prints_them, setup),
		cmocka_unit_test_setup(types_without_an_address, setup),
		cmocka_unit_test_setup(what_is_missing_says_where, setup),
		cmocka_unit_test_setup(fields_by_name_pattern_and_path, setup),
		cmocka_unit_test_setup(nesting_ends, setup),
		cmocka_unit_test_setup(the_same_for_machines, setup),
		cmocka_unit_test_setup(memory_in_columns, setup),
		cmocka_unit_test_setup(code_ends_where_memory_does, setup),
		cmocka_unit_test_setup(symbols_and_page_tables, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
