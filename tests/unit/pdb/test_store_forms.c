/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are elsewhere (file.ptr) or compressed (name.pd_). */
#include "pdb/store_world.h"

static void pointers(void **state)
{
	struct world *w = *state;
	char text[600];

	put(w, "elsewhere/real.pdb", RIGHT);
	snprintf(text, sizeof(text), "PATH:%s\r\n", at(w, "elsewhere/real.pdb"));
	put(w, "s/x.pdb/" KEY "/file.ptr", text);
	use(w, "srv*$/s");
	assert_string_equal(find(w, "x.pdb"), at(w, "elsewhere/real.pdb"));
	put(w, "s/x.pdb/" KEY "/file.ptr", text + 5); /* without PATH: */
	use(w, "srv*$/c*$/s");
	assert_string_equal(find(w, "x.pdb"), at(w, "c/x.pdb/" KEY "/x.pdb"));

	put(w, "elsewhere/real.pdb", WRONG);
	use(w, "srv*$/s");
	assert_null(find(w, "x.pdb"));
	assert_int_equal(place(w, "elsewhere/real.pdb")->status, FS_CORRUPT);

	put(w, "s/x.pdb/" KEY "/file.ptr", "PATH:/dev/zero");
	w->checks = 0;
	use(w, "srv*$/s");
	assert_null(find(w, "x.pdb"));
	assert_non_null(strstr(place(w, "file.ptr")->why, "not a regular file"));
	assert_int_equal(w->checks, 0);
}

static void pointer_texts(void **state)
{
	static const struct {
		const char *text;
		enum fs_status status;
		const char *part; /* of the message, or the path */
	} t[] = {
		{"PATH:/a/b.pdb", FS_OK, "/a/b.pdb"},
		{"path:/a/b.pdb\n/c", FS_OK, "/a/b.pdb"},
		{"\r\n /a b \r\n", FS_OK, "/a b"},
		{"MSG: archived, ask build team", FS_NOT_FOUND, "ask build team"},
		{"msg:/a/b.pdb", FS_NOT_FOUND, "/a/b.pdb"},
		{"PATH:\\\\server\\share\\x.pdb", FS_UNSUPPORTED, "\\\\server"},
		{"PATH://server/share/x.pdb", FS_UNSUPPORTED, "//server"},
		{"PATH:C:\\x.pdb", FS_UNSUPPORTED, "C:\\x.pdb"},
		{"PATH:../x.pdb", FS_UNSUPPORTED, "../x.pdb"},
		{"PATH:https://h/x.pdb", FS_UNSUPPORTED, "https:"},
		{"PATH:", FS_CORRUPT, "empty"},
		{"", FS_CORRUPT, "empty"},
		{"\n\n", FS_CORRUPT, "empty"},
	};
	struct arena mem = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct fs_error err = {0};
		const char *path = NULL;

		assert_int_equal(
			store_pointer_parse(&mem, t[i].text, strlen(t[i].text), &path, &err),
			t[i].status);
		if (t[i].status == FS_OK)
			assert_string_equal(path, t[i].part);
		else
			assert_non_null(strstr(err.text, t[i].part));
	}
	arena_deinit(&mem);
}

static void a_huge_pointer_is_none(void **state)
{
	struct world *w = *state;
	char text[5000];

	memset(text, '/', sizeof(text));
	put_n(w, "s/x.pdb/" KEY "/file.ptr", text, 4096);
	use(w, "srv*$/s");
	assert_null(find(w, "x.pdb"));
	assert_int_equal(place(w, "file.ptr")->status, FS_LIMIT);
}

/*
 * A cabinet by the published format: CFHEADER 36 bytes, CFFOLDER 8, CFFILE 16 and the name,
 * CFDATA 8 and the bytes; compression type 0 (none), checksum 0 (not computed).
 */
static size_t cabinet(uint8_t *c, const char *name, const char *text, uint16_t files)
{
	size_t n = strlen(text), entry = 16 + strlen(name) + 1, data = 44 + files * entry, i;
	size_t total = data + 8 + n;

	memset(c, 0, total);
	memcpy(c, "MSCF", 4);
	c[8] = (uint8_t)total;
	c[9] = (uint8_t)(total >> 8);
	c[16] = 44; /* first CFFILE */
	c[24] = 3;  /* version 1.3 */
	c[25] = 1;
	c[26] = 1; /* folders */
	c[28] = (uint8_t)files;
	c[36] = (uint8_t)data;
	c[37] = (uint8_t)(data >> 8);
	c[40] = 1; /* data blocks */
	for (i = 0; i < files; i++) {
		c[44 + i * entry] = (uint8_t)n;
		memcpy(c + 44 + i * entry + 16, name, strlen(name));
	}
	c[data + 4] = c[data + 6] = (uint8_t)n;
	memcpy(c + data + 8, text, n);
	return total;
}

static void compressed_ones_are_unpacked(void **state)
{
	struct world *w = *state;
	uint8_t c[512];
	size_t n = cabinet(c, "../../../evil.pdb", RIGHT, 1);

	if (!unpack_built())
		skip();
	put_n(w, "up/x.pdb/" KEY "/x.pd_", c, n);
	use(w, "srv*$/c*$/up");
	assert_string_equal(find(w, "x.pdb"), at(w, "c/x.pdb/" KEY "/x.pdb"));
	assert_int_equal(files_below(w, "c"), 1);
	assert_int_equal(files_below(w, "up"), 1);
	/* no folder before it */
	use(w, "$/up");
	assert_null(find(w, "x.pdb"));
	assert_non_null(strstr(place(w, "x.pd_")->why, "no folder to unpack"));
	use_limit(w, "$/up", at(w, "default"), 0);
	assert_string_equal(find(w, "x.pdb"), at(w, "default/x.pdb/" KEY "/x.pdb"));
	/* too large */
	use_limit(w, "srv*$/c3*$/up", NULL, strlen(RIGHT) - 1);
	assert_null(find(w, "x.pdb"));
	assert_int_equal(place(w, "x.pd_")->status, FS_LIMIT);
	/* a wrong one */
	put_n(w, "up/x.pdb/" KEY "/x.pd_", c, cabinet(c, "x.pdb", WRONG, 1));
	use(w, "srv*$/c4*$/up");
	assert_null(find(w, "x.pdb"));
	assert_int_equal(place(w, "x.pd_")->status, FS_CORRUPT);
	assert_int_equal(files_below(w, "c3") + files_below(w, "c4"), 0);
}

static void broken_cabinets(void **state)
{
	struct world *w = *state;
	uint8_t c[512];
	size_t n = cabinet(c, "x.pdb", RIGHT, 1), i;

	if (!unpack_built())
		skip();
	for (i = 0; i < n; i++) {
		put_n(w, "up/x.pdb/" KEY "/x.pd_", c, i);
		use(w, "srv*$/c*$/up");
		assert_null(find(w, "x.pdb"));
		assert_int_equal(place(w, "x.pd_")->status, FS_CORRUPT);
	}
	assert_int_equal(files_below(w, "c"), 0);
	put_n(w, "up/x.pdb/" KEY "/x.pd_", c, cabinet(c, "x.pdb", RIGHT, 2));
	use(w, "srv*$/c*$/up");
	assert_null(find(w, "x.pdb"));
	assert_non_null(strstr(place(w, "x.pd_")->why, "more than one file"));
	assert_int_equal(files_below(w, "c"), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(pointers),
		cmocka_unit_test(pointer_texts),
		T(a_huge_pointer_is_none),
		T(compressed_ones_are_unpacked),
		T(broken_cabinets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
