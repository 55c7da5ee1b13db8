/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking into stores and folders, copying into caches. */
#include "pdb/store_world.h"

static void every_arrangement(void **state)
{
	static const char *const places[] = {
		"d/x.pdb/" KEY "/x.pdb",
		"d/x.pd/x.pdb/" KEY "/x.pdb", /* look-alike: two letters are "x." */
		"d/x./x.pdb/" KEY "/x.pdb",
		"d/x.pdb",
		"d/sys/x.pdb",
		"d/symbols/sys/x.pdb",
		"d/symbols/exe/x.pdb",
		"d/dll/x.pdb",
		"d/X.PDB/844374f1c0a34d0c9a1e0f1e2d3c4b5a1/X.pdb", /* from a Windows disk */
		"d/X.pDb",
		"d/x.pdb/" OTHER "/x.pdb", /* look-alike: another key */
		"d/y.pdb/" KEY "/y.pdb",
		"d/x.pdb/" KEY "/x.pdb.bak",
	};
	static const bool found[] = {true, false, true, true,  true,  true, true,
				     true, true,  true, false, false, false};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		put(w, places[i], RIGHT);
		use(w, "$/d");
		if ((find(w, "x.pdb") != NULL) != found[i])
			fail_msg("%s: %s", places[i], found[i] ? "not found" : "found");
		use(w, "srv*$/d");
		if ((find(w, "x.pdb") != NULL) != found[i])
			fail_msg("srv: %s", places[i]);
		nftw(at(w, "d"), remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
}

static void wrong_ones_are_passed_over(void **state)
{
	struct world *w = *state;

	put(w, "a/x.pdb/" KEY "/x.pdb", WRONG);
	put(w, "a/sys/x.pdb", WRONG);
	put(w, "b/x.pdb", RIGHT);
	use(w, "$/none;$/a;$/b;$/c");
	assert_string_equal(find(w, "x.pdb"), at(w, "b/x.pdb"));
	assert_int_equal(place(w, "/none")->status, FS_NOT_FOUND);
	assert_int_equal(place(w, "a/x.pdb/" KEY "/x.pdb")->status, FS_CORRUPT);
	assert_int_equal(place(w, "a/sys/x.pdb")->status, FS_CORRUPT);
	assert_int_equal(place(w, "b/x.pdb")->status, FS_OK);
	assert_int_equal(symbols_report(w->s)->place.n, 4); /* c was not needed */
	assert_string_equal(place(w, "b/x.pdb")->why, "");
}

static void a_miss_names_the_telling_reason(void **state)
{
	struct world *w = *state;
	struct symbol_request r = request(w, "x.pdb");
	struct fs_error err = {0};
	const char *path = "untouched";

	put(w, "a/y", "");
	put(w, "b/x.pdb", WRONG);
	use(w, "$/a;$/b");
	assert_int_equal(symbol_find(w->s, &r, &path, &err), FS_NOT_FOUND);
	assert_string_equal(path, "untouched");
	assert_non_null(strstr(err.text, "x.pdb " KEY));
	assert_non_null(strstr(err.text, "another GUID and age"));
	use(w, "");
	assert_int_equal(symbol_find(w->s, &r, &path, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "symbol path is empty"));
	use(w, "C:\\symbols");
	assert_int_equal(symbol_find(w->s, &r, &path, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "Windows path"));
	use(w, "srv*$/a*https://symbols.example/s");
	assert_int_equal(symbol_find(w->s, &r, &path, &err), FS_NOT_FOUND);
	assert_non_null(strstr(place(w, "example/s")->why, "offline"));
}

static void copies_into_the_caches(void **state)
{
	struct world *w = *state;
	struct stat st;

	put(w, "up/x.pdb/" KEY "/x.pdb", RIGHT);
	use(w, "srv*$/c1*$/c2*$/up");
	assert_string_equal(find(w, "x.pdb"), at(w, "c1/x.pdb/" KEY "/x.pdb"));
	assert_string_equal(content(at(w, "c2/x.pdb/" KEY "/x.pdb")), RIGHT);
	assert_int_equal(files_below(w, "c1"), 1);
	assert_int_equal(files_below(w, "c2"), 1);
	assert_int_equal(stat(at(w, "c1/x.pdb/" KEY "/x.pdb"), &st), 0);
	assert_true(S_ISREG(st.st_mode) && (st.st_mode & 0444) != 0);
	/* from then on the first one serves */
	remove(at(w, "up/x.pdb/" KEY "/x.pdb"));
	use(w, "srv*$/c1*$/c2*$/up");
	assert_non_null(find(w, "x.pdb"));
	assert_int_equal(symbols_report(w->s)->place.n, 1);
}

static void cache_star_serves_what_is_right_of_it(void **state)
{
	struct world *w = *state;

	put(w, "left/x.pdb", RIGHT);
	use(w, "$/left;cache*$/c;$/right");
	assert_string_equal(find(w, "x.pdb"), at(w, "left/x.pdb"));
	assert_int_equal(files_below(w, "c"), 0);
	put(w, "right/y.pdb", RIGHT);
	assert_string_equal(find(w, "y.pdb"), at(w, "c/y.pdb/" KEY "/y.pdb"));
	assert_string_equal(content(at(w, "right/y.pdb")), RIGHT);
}

static void two_tier_caches_stay_two_tier(void **state)
{
	struct world *w = *state;

	put(w, "c/index2.txt", "");
	put(w, "up/ntx.pdb", RIGHT);
	use(w, "srv*$/c*$/up");
	assert_string_equal(find(w, "ntx.pdb"), at(w, "c/nt/ntx.pdb/" KEY "/ntx.pdb"));
	use(w, "srv*$/c");
	assert_non_null(find(w, "ntx.pdb"));
}

static void wrong_file_in_the_cache_is_replaced(void **state)
{
	struct world *w = *state;

	put(w, "c/x.pdb/" KEY "/x.pdb", "half a fi");
	put(w, "up/x.pdb", RIGHT);
	use(w, "srv*$/c*$/up");
	assert_string_equal(find(w, "x.pdb"), at(w, "c/x.pdb/" KEY "/x.pdb"));
	assert_int_equal(files_below(w, "c"), 1);
}

static void a_cache_that_takes_nothing(void **state)
{
	struct world *w = *state;

	put(w, "c", "a file where the cache should be");
	put(w, "up/x.pdb", RIGHT);
	use(w, "srv*$/c*$/up");
	assert_string_equal(find(w, "x.pdb"), at(w, "up/x.pdb"));
	assert_int_equal(place(w, "/c")->status, FS_SYSTEM);
	assert_non_null(strstr(place(w, "/c")->why, "not copied here"));
	/* a directory where the file should be: nothing is lost, nothing is left */
	put(w, "d/x.pdb/" KEY "/x.pdb/in the way", "");
	use(w, "srv*$/d*$/up");
	assert_string_equal(find(w, "x.pdb"), at(w, "up/x.pdb"));
	assert_int_equal(files_below(w, "d"), 1);
}

static void too_large_is_not_copied(void **state)
{
	struct world *w = *state;

	put(w, "up/x.pdb", RIGHT);
	use_limit(w, "srv*$/c*$/up", NULL, sizeof(RIGHT) - 2);
	assert_string_equal(find(w, "x.pdb"), at(w, "up/x.pdb"));
	assert_int_equal(place(w, "/c")->status, FS_LIMIT);
	assert_int_equal(files_below(w, "c"), 0);
	use_limit(w, "srv*$/c*$/up", NULL, sizeof(RIGHT) - 1);
	assert_string_equal(find(w, "x.pdb"), at(w, "c/x.pdb/" KEY "/x.pdb"));
}

static void asked_once(void **state)
{
	struct world *w = *state;
	const char *path;

	put(w, "d/x.pdb", WRONG);
	use(w, "$/d");
	assert_null(find(w, "x.pdb"));
	assert_int_equal(w->checks, 1);
	put(w, "d/x.pdb", RIGHT);
	assert_null(find(w, "x.pdb")); /* from memory */
	assert_int_equal(w->checks, 1);
	assert_int_equal(symbols_report(w->s)->place.n, 0);
	use(w, "$/d");
	path = find(w, "x.pdb");
	assert_ptr_equal(find(w, "x.pdb"), path);
	assert_int_equal(w->checks, 2);
}

static void hostile_requests(void **state)
{
	static const char *const names[] = {"..", "nul.pdb", "a\nb", "", "x.pdb:s", NULL};
	static const char *const keys[] = {"../../../x", "", NULL, "12345678", KEY "/", KEY " "};
	struct world *w = *state;
	struct symbol_request r = request(w, "x.pdb");
	const char *path = "untouched";
	struct fs_error err = {0};
	size_t i;

	use(w, "$/d");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		r.name = names[i];
		assert_int_equal(symbol_find(w->s, &r, &path, &err), FS_INVALID);
		assert_int_equal(symbol_fetch(w->s, &r, at(w, "out"), &path, &err), FS_INVALID);
	}
	r.name = "x.pdb";
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		r.guid_age = keys[i];
		assert_int_equal(symbol_find(w->s, &r, &path, &err), FS_INVALID);
	}
	r.guid_age = KEY;
	r.check.verify = NULL;
	assert_int_equal(symbol_find(w->s, &r, &path, &err), FS_INVALID);
	assert_string_equal(path, "untouched");
	assert_int_equal(access(at(w, "out"), F_OK), -1);
	/* a name with a way up in it is only its last part */
	put(w, "d/passwd", RIGHT);
	assert_string_equal(find(w, "..\\..\\etc/passwd"), at(w, "d/passwd"));
}

static void fetch_fills_a_store(void **state)
{
	struct world *w = *state;
	struct symbol_request r = request(w, "x.pdb");
	const char *path = NULL;

	put(w, "d/x.pdb", RIGHT);
	use(w, "$/d");
	assert_int_equal(symbol_fetch(w->s, &r, at(w, "deep/out"), &path, NULL), FS_OK);
	assert_string_equal(path, at(w, "deep/out/x.pdb/" KEY "/x.pdb"));
	assert_string_equal(content(path), RIGHT);
	/* again, and nothing is asked */
	use(w, "");
	w->checks = 0;
	assert_int_equal(symbol_fetch(w->s, &r, at(w, "deep/out"), &path, NULL), FS_OK);
	assert_string_equal(path, at(w, "deep/out/x.pdb/" KEY "/x.pdb"));
	assert_int_equal(w->checks, 1);
	/* flat in the store is not where others would look */
	put(w, "flat/sys/x.pdb", RIGHT);
	use(w, "$/d");
	assert_int_equal(symbol_fetch(w->s, &r, at(w, "flat"), &path, NULL), FS_OK);
	assert_string_equal(path, at(w, "flat/x.pdb/" KEY "/x.pdb"));
	/* where a folder should be is a file */
	put(w, "flat2/x.pdb", WRONG);
	assert_int_equal(symbol_fetch(w->s, &r, at(w, "flat2"), &path, NULL), FS_SYSTEM);
	assert_string_equal(content(at(w, "flat2/x.pdb")), WRONG);
	r.name = "y.pdb";
	assert_int_equal(symbol_fetch(w->s, &r, at(w, "deep/out"), &path, NULL), FS_NOT_FOUND);
	assert_int_equal(files_below(w, "deep"), 1);
}

static void temporary_files_are_never_found(void **state)
{
	struct world *w = *state;
	struct arena mem = {0};
	struct symbol_id id = {"x.pdb", KEY};
	struct store_check check = {compare, w};
	struct store_file f;

	assert_int_equal(store_file_open(&mem, at(w, "d"), &id, 1000, &f, NULL), FS_OK);
	assert_int_equal(store_file_write(&f, RIGHT, strlen(RIGHT), NULL), FS_OK);
	use(w, "$/d");
	assert_null(find(w, "x.pdb"));
	assert_int_equal(store_file_commit(&f, &check, NULL), FS_OK);
	store_file_abort(&f); /* after the end: nothing */
	use(w, "$/d");
	assert_non_null(find(w, "x.pdb"));

	/* given up: not even the folders stay */
	id.name = "y.pdb";
	assert_int_equal(store_file_open(&mem, at(w, "d"), &id, 1000, &f, NULL), FS_OK);
	assert_int_equal(access(at(w, "d/y.pdb/" KEY), F_OK), 0);
	store_file_abort(&f);
	assert_int_equal(access(at(w, "d/y.pdb"), F_OK), -1);
	assert_int_equal(files_below(w, "d"), 1);
	arena_deinit(&mem);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_arrangement),
		T(wrong_ones_are_passed_over),
		T(a_miss_names_the_telling_reason),
		T(copies_into_the_caches),
		T(cache_star_serves_what_is_right_of_it),
		T(two_tier_caches_stay_two_tier),
		T(wrong_file_in_the_cache_is_replaced),
		T(a_cache_that_takes_nothing),
		T(too_large_is_not_copied),
		T(asked_once),
		T(hostile_requests),
		T(fetch_fills_a_store),
		T(temporary_files_are_never_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
