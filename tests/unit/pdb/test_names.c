/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of PDBs as a hostile dump may give them. */
#include "support/test.h"

#include "pdb/symbol_name.h"

#define HUNDRED                                                                                    \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"890123456789"

static const struct {
	const char *raw, *safe; /* NULL: refused */
} names[] = {
	{"fltMgr.pdb", "fltMgr.pdb"},
	{"d:\\os\\obj\\amd64fre\\fltMgr.pdb", "fltMgr.pdb"},
	{"\\\\build\\share\\x\\my drv.pdb", "my drv.pdb"},
	{"/home/me/x.pdb", "x.pdb"},
	{"c:x.pdb", "x.pdb"},
	{"..\\..\\..\\etc\\passwd", "passwd"},
	{"../../x.pdb", "x.pdb"},
	{"a..b.pdb", "a..b.pdb"},
	{"100%.pdb", "100%.pdb"},
	{"%2e%2e%2fx.pdb", "%2e%2e%2fx.pdb"}, /* a file of this very name, not a way up */
	{"Pr\xc3\xbc"
	 "fung.pdb",
	 "Pr\xc3\xbc"
	 "fung.pdb"},
	{"console.pdb", "console.pdb"}, /* begins like a device */
	{"com.pdb", "com.pdb"},
	{"com10.pdb", "com10.pdb"},
	{"nul-device.pdb", "nul-device.pdb"},
	{"index2.pdb", "index2.pdb"},
	{HUNDRED "0123456789012345678901234567", HUNDRED "0123456789012345678901234567"},

	{NULL, NULL},
	{"", NULL},
	{"\\", NULL},
	{"dir/", NULL},
	{"c:", NULL},
	{".", NULL},
	{"..", NULL},
	{"x\\..", NULL},
	{"c:..", NULL},
	{"...", NULL},
	{".hidden.pdb", NULL},
	{"x.pdb.", NULL},
	{"x.pdb ", NULL},
	{" x.pdb", NULL},
	{"x.pdb:stream", NULL},
	{"cd:x.pdb", NULL},
	{"a*b.pdb", NULL},
	{"a?.pdb", NULL},
	{"a|b.pdb", NULL},
	{"<a>.pdb", NULL},
	{"\"a\".pdb", NULL},
	{"a\nb.pdb", NULL},
	{"a\rb.pdb", NULL},
	{"a\tb.pdb", NULL},
	{"\x1b[2Jx.pdb", NULL},
	{"a\x7f.pdb", NULL},
	{"a\xc2\x85.pdb", NULL},     /* C1: next line */
	{"a\xe2\x80\xae.pdb", NULL}, /* right-to-left override */
	{"a\xe2\x80\x8b.pdb", NULL}, /* zero width space */
	{"a\xff.pdb", NULL},	     /* not UTF-8 */
	{"a\xc0\xaf.pdb", NULL},     /* overlong slash */
	{"\xed\xa0\x80.pdb", NULL},  /* surrogate */
	{"CON", NULL},
	{"con.pdb", NULL},
	{"Prn.x.pdb", NULL},
	{"AUX", NULL},
	{"nul.pdb", NULL},
	{"NUL .pdb", NULL},
	{"d:\\x\\nul.pdb", NULL},
	{"COM1", NULL},
	{"com0.pdb", NULL},
	{"LPT9.pdb", NULL},
	{"COM\xc2\xb9.pdb", NULL}, /* superscript one */
	{"CONIN$", NULL},
	{"conout$.pdb", NULL},
	{"CLOCK$", NULL},
	{"index2.txt", NULL},
	{"INDEX2.TXT", NULL},
	{"file.ptr", NULL},
	{"refs.ptr", NULL},
	{"pingme.txt", NULL},
	{"000admin", NULL},
	{HUNDRED "01234567890123456789012345678", NULL},
};

static void hostile_names(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char out[SYMBOL_NAME_MAX + 1] = "untouched";
		struct fs_error err = {0};
		enum fs_status st = symbol_name_safe(names[i].raw, out, sizeof(out), &err);

		if ((st == FS_OK) != (names[i].safe != NULL))
			fail_msg("'%s': %s", names[i].raw ? names[i].raw : "(null)",
				 st == FS_OK ? out : err.text);
		assert_string_equal(out, names[i].safe ? names[i].safe : "untouched");
		if (st == FS_OK)
			continue;
		assert_int_equal(st, FS_INVALID);
		assert_int_equal(err.status, FS_INVALID);
		assert_true(strlen(err.text) > 0);
	}
}

/* Every single byte in the middle of a name: what passes is what a Windows name may have. */
static void every_byte(void **state)
{
	unsigned c;

	(void)state;
	for (c = 1; c < 256; c++) {
		char raw[] = "ab?cd.pdb", out[SYMBOL_NAME_MAX + 1] = "";
		bool bad = c < 0x20 || c >= 0x7f || strchr("<>:\"|?*", (int)c);
		bool separator = c == '/' || c == '\\';

		raw[2] = (char)c;
		assert_int_equal(symbol_name_safe(raw, out, sizeof(out), NULL),
				 bad ? FS_INVALID : FS_OK);
		if (!bad)
			assert_string_equal(out, separator ? "cd.pdb" : raw);
	}
}

static void room_is_respected(void **state)
{
	char out[6] = "xxxxx";

	(void)state;
	assert_int_equal(symbol_name_safe("a.pdb", out, 5, NULL), FS_INVALID);
	assert_string_equal(out, "xxxxx");
	assert_int_equal(symbol_name_safe("a.pdb", out, 6, NULL), FS_OK);
	assert_string_equal(out, "a.pdb");
}

static void keys(void **state)
{
	/* {844374f1-c0a3-4d0c-9a1e-0f1e2d3c4b5a} as it lies in a file, age 10 */
	static const uint8_t guid[16] = {0xf1, 0x74, 0x43, 0x84, 0xa3, 0xc0, 0x0c, 0x4d,
					 0x9a, 0x1e, 0x0f, 0x1e, 0x2d, 0x3c, 0x4b, 0x5a};
	char out[SYMBOL_KEY_MAX + 1];

	(void)state;
	symbol_key(guid, 10, out);
	assert_string_equal(out, "844374F1C0A34D0C9A1E0F1E2D3C4B5Aa");
	assert_true(symbol_key_ok(out));
	symbol_key(guid, 0xffffffff, out);
	assert_string_equal(out, "844374F1C0A34D0C9A1E0F1E2D3C4B5Affffffff");
	assert_true(symbol_key_ok(out));
	assert_true(symbol_key_ok("5D6776E473000")); /* an image's */
	assert_false(symbol_key_ok(NULL));
	assert_false(symbol_key_ok(""));
	assert_false(symbol_key_ok("12345678"));
	assert_false(symbol_key_ok("../../../../etc"));
	assert_false(symbol_key_ok("844374F1C0A34D0C9A1E0F1E2D3C4B5A/1"));
	assert_false(symbol_key_ok("844374F1C0A34D0C9A1E0F1E2D3C4B5Afffffffff"));
	assert_false(symbol_key_ok("844374F1-C0A3-4D0C-9A1E-0F1E2D3C4B5A1"));
}

static void derived_names(void **state)
{
	char url[SYMBOL_URL_NAME], packed[SYMBOL_NAME_MAX + 1], two[9];
	char longest[SYMBOL_NAME_MAX + 1];
	size_t i;

	(void)state;
	symbol_name_url("a b%2F#?&\xc3\xbc+'~_-.pdb", url);
	assert_string_equal(url, "a%20b%252F%23%3F%26%C3%BC%2B%27~_-.pdb");
	for (i = 0; i < SYMBOL_NAME_MAX; i++)
		longest[i] = '#';
	longest[i] = '\0';
	symbol_name_url(longest, url);
	assert_int_equal(strlen(url), 3 * SYMBOL_NAME_MAX);

	symbol_name_compressed("fltMgr.pdb", packed);
	assert_string_equal(packed, "fltMgr.pd_");
	symbol_name_compressed("fltMgr.sys", packed);
	assert_string_equal(packed, "fltMgr.sy_");
	symbol_name_compressed("a.\xc3\xbc", packed);
	assert_string_equal(packed, "a._");

	symbol_name_tier("ntkrnlmp.pdb", two);
	assert_string_equal(two, "nt");
	symbol_name_tier("n", two);
	assert_string_equal(two, "n");
	symbol_name_tier("\xc3\xbc\xe2\x82\xac"
			 "x.pdb",
			 two);
	assert_string_equal(two, "\xc3\xbc\xe2\x82\xac");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_names),     cmocka_unit_test(every_byte),
		cmocka_unit_test(room_is_respected), cmocka_unit_test(keys),
		cmocka_unit_test(derived_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
