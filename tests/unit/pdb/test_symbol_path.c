/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar. Expectations: Microsoft, "Advanced SymSrv Use", "Symbol path for Windows debuggers".
 */
#include "support/test.h"

#include "pdb/symbol_path.h"

static const struct symbol_defaults defaults = {.cache = "/cache", .home = "/home/me"};

/* "F /a" a folder, "S /a,http://h" a server's tiers, "C /a" a cache, "!" a problem; one element
 * after another, separated by "; ". */
static char *shown(const struct symbol_path *sp)
{
	static const char kinds[] = {
		[SYMBOL_FOLDER] = 'F', [SYMBOL_SERVER] = 'S', [SYMBOL_CACHE] = 'C'};
	char *text = NULL;
	size_t size = 0, i, t;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (i = 0; i < sp->element.n; i++) {
		const struct symbol_element *e = &sp->element.v[i];

		fprintf(f, "%s%c", i ? "; " : "", kinds[e->kind]);
		for (t = 0; t < e->ntiers; t++) {
			const char *w = e->tier[t].where;

			fprintf(f, "%c%s", t ? ',' : ' ', w);
			assert_int_equal(e->tier[t].kind,
					 strstr(w, "://") ? SYMBOL_TIER_URL : SYMBOL_TIER_DIR);
		}
		if (e->problem)
			fprintf(f, " !");
	}
	fclose(f);
	return text;
}

static void expect_with(const char *text, const struct symbol_defaults *d, const char *wanted)
{
	struct symbol_path sp;
	struct fs_error err = {0};
	char *got;

	if (symbol_path_parse(text, d, &sp, &err) != FS_OK)
		fail_msg("%s: %s", text, err.text);
	got = shown(&sp);
	if (strcmp(got, wanted) != 0)
		fail_msg("'%s': got '%s', expected '%s'", text, got, wanted);
	free(got);
	symbol_path_deinit(&sp);
}

static void expect(const char *text, const char *wanted)
{
	expect_with(text, &defaults, wanted);
}

static void folders(void **state)
{
	(void)state;
	expect("", "");
	expect(";;  ; ", "");
	expect("/a", "F /a");
	expect("/a;b/c; /d ;", "F /a; F b/c; F /d");
	expect("\"/with space\"", "F /with space");
	expect("~/sym", "F /home/me/sym");
	expect("~", "F /home/me");
	expect("~me/sym", "F ~me/sym"); /* only a shell knows other people's */
	expect("/100%/x%", "F /100%/x%");
	expect("/srv", "F /srv"); /* no star, no keyword */
	expect("cache", "F cache");
}

static void servers(void **state)
{
	(void)state;
	expect("srv*/a*https://h/s", "S /a,https://h/s");
	expect("SRV*/a*HTTPS://h/s/", "S /a,HTTPS://h/s");
	expect("srv*/a*/b*http://h:8080", "S /a,/b,http://h:8080");
	expect("srv*/a", "S /a");
	expect("srv*", "S /cache");
	expect("srv**", "S /cache");
	expect("srv**https://h", "S /cache,https://h");
	expect("srv*/a**https://h", "S /a,/cache,https://h");
	expect("srv*https://h", "S /cache,https://h");
	expect("srv*/a*", "S /a");
	expect("srv*~/s*https://h", "S /home/me/s,https://h");
	expect("symsrv*symsrv.dll*/a*https://h", "S /a,https://h");
	expect("SymSrv*SYMSRV.DLL*https://h", "S /cache,https://h");
	expect("symsrv*symsrv.dll**https://h", "S /cache,https://h");
	expect("symsrv*c:\\dbg\\symsrv.dll*/a", "S /a");
	expect("https://h/s", "S /cache,https://h/s");
	expect("srv*/1*/2*/3*/4*/5*/6*/7*/8*/9*https://h",
	       "S /1,/2,/3,/4,/5,/6,/7,/8,/9,https://h");
}

static void caches(void **state)
{
	(void)state;
	expect("cache*/c", "C /c");
	expect("cache*", "C /cache");
	expect("/a;cache*/c;/b;srv*https://h", "F /a; C /c; F /c,/b; S /c,https://h");
	expect("cache*/c;srv*/d*https://h", "C /c; S /c,/d,https://h");
	expect("Cache*/c;/a;cache*/e;/b", "C /c; F /c,/a; C /e; F /e,/b");
	expect("cache*/c;srv*/1*/2*/3*/4*/5*/6*/7*/8*/9*https://h",
	       "C /c; S /c,/1,/2,/3,/4,/5,/6,/7,/8,/9,https://h");
}

static void not_usable_here(void **state)
{
	(void)state;
	expect("C:\\symbols", "F !");
	expect("c:/symbols", "F !");
	expect("c:", "F !");
	expect("\\\\server\\share", "F !");
	expect("//server/share", "F !");
	expect("symbols\\sys", "F !");
	expect("%SystemRoot%/symbols", "F !");
	/* the rest of the element serves */
	expect("srv*C:\\symbols*https://h", "S /cache,https://h !");
	expect("srv*/a*\\\\server\\share*https://h", "S /a,https://h !");
	expect("cache*C:\\c;/a", "C !; F /a");
	expect("cache*/c;C:\\symbols", "C /c; F !");
	expect("cache*https://h;/a", "C !; F /a");
	expect("cache*/a*/b", "C !");
	expect("symsrv*mysrv.dll*/a", "S !");
	expect("symsrv*symsrv.dll", "S !");
	expect("symsrv*", "S !");
	expect("foo*/a", "F !");
	expect("srv*ftp://h", "S !");
	expect("srv*file:///etc", "S !");
	expect("srv*https://", "S !");
	expect("srv*https:///path", "S !");
	expect("srv*https://user@/path", "S !");
	expect("srv*https://h/a b", "S !");
	expect("srv*https://h/?sas=1", "S !");
	expect("srv*https://h\\x", "S !");
}

static void without_defaults(void **state)
{
	static const struct symbol_defaults none = {0};

	(void)state;
	expect_with("srv*https://h", &none, "S !");
	expect_with("srv**https://h", &none, "S !");
	expect_with("srv*/a*https://h", &none, "S /a,https://h");
	expect_with("srv*", &none, "S !");
	expect_with("cache*", &none, "C !");
	expect_with("~/a", &none, "F !");
	expect_with("cache*/c;srv*https://h", &none, "C /c; S /c,https://h");
}

static void says_what_and_why(void **state)
{
	struct symbol_path sp;

	(void)state;
	assert_int_equal(
		symbol_path_parse("srv*C:\\symbols*https://h;\\\\s\\x", &defaults, &sp, NULL),
		FS_OK);
	assert_non_null(strstr(sp.element.v[0].problem, "'C:\\symbols'"));
	assert_non_null(strstr(sp.element.v[0].problem, "Windows path"));
	assert_non_null(strstr(sp.element.v[1].problem, "UNC"));
	symbol_path_deinit(&sp);
}

static void passwords_are_not_shown(void **state)
{
	struct symbol_path sp;
	const struct symbol_element *e;

	(void)state;
	assert_int_equal(symbol_path_parse("srv*/a*https://me:secret@h/s;ftp://me:secret@h",
					   &defaults, &sp, NULL),
			 FS_OK);
	e = &sp.element.v[0];
	assert_string_equal(e->text, "srv*/a*https://...@h/s");
	assert_string_equal(e->tier[1].where, "https://me:secret@h/s");
	assert_string_equal(e->tier[1].shown, "https://...@h/s");
	e = &sp.element.v[1];
	assert_non_null(e->problem);
	assert_null(strstr(e->problem, "secret"));
	assert_null(strstr(e->text, "secret"));
	symbol_path_deinit(&sp);
}

static void bounds(void **state)
{
	struct symbol_path sp = {0};
	char text[SYMBOL_PATH_MAX + 2];
	size_t i;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[SYMBOL_PATH_MAX + 1] = '\0';
	assert_int_equal(symbol_path_parse(text, &defaults, &sp, NULL), FS_LIMIT);
	text[SYMBOL_PATH_MAX] = '\0';
	assert_int_equal(symbol_path_parse(text, &defaults, &sp, NULL), FS_OK);
	symbol_path_deinit(&sp);

	for (i = 0; i < 2 * (SYMBOL_ELEMENTS_MAX + 1); i += 2)
		memcpy(text + i, "a;", 3);
	assert_int_equal(symbol_path_parse(text, &defaults, &sp, NULL), FS_LIMIT);
	text[2 * SYMBOL_ELEMENTS_MAX] = '\0';
	assert_int_equal(symbol_path_parse(text, &defaults, &sp, NULL), FS_OK);
	assert_int_equal(sp.element.n, SYMBOL_ELEMENTS_MAX);
	symbol_path_deinit(&sp);

	assert_int_equal(symbol_path_parse("srv*1*2*3*4*5*6*7*8*9*10*11", &defaults, &sp, NULL),
			 FS_LIMIT);
	expect("srv*1*2*3*4*5*6*7*8*9*10", "S 1,2,3,4,5,6,7,8,9,10");
	expect("cache*0;srv*1*2*3*4*5*6*7*8*9*10", "C 0; S 0,1,2,3,4,5,6,7,8,9,10");
}

static void text_from_the_environment(void **state)
{
	struct arena mem = {0};

	(void)state;
	unsetenv("_NT_SYMBOL_PATH");
	unsetenv("_NT_ALT_SYMBOL_PATH");
	assert_string_equal(symbol_path_text(&mem, NULL), "");
	setenv("_NT_SYMBOL_PATH", "srv*/a", 1);
	assert_string_equal(symbol_path_text(&mem, NULL), "srv*/a");
	setenv("_NT_ALT_SYMBOL_PATH", "/b", 1);
	assert_string_equal(symbol_path_text(&mem, NULL), "/b;srv*/a");
	assert_string_equal(symbol_path_text(&mem, "/y"), "/y");
	assert_string_equal(symbol_path_text(&mem, ""), ""); /* -y "": none */
	arena_deinit(&mem);
}

static void default_cache(void **state)
{
	struct arena mem = {0};

	(void)state;
	setenv("XDG_CACHE_HOME", "/x", 1);
	setenv("HOME", "/h", 1);
	assert_string_equal(symbol_default_cache(&mem), "/x/fltscope/symbols");
	setenv("XDG_CACHE_HOME", "relative", 1);
	assert_string_equal(symbol_default_cache(&mem), "/h/.cache/fltscope/symbols");
	unsetenv("XDG_CACHE_HOME");
	assert_string_equal(symbol_default_cache(&mem), "/h/.cache/fltscope/symbols");
	unsetenv("HOME");
	assert_null(symbol_default_cache(&mem));
	arena_deinit(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders),
		cmocka_unit_test(servers),
		cmocka_unit_test(caches),
		cmocka_unit_test(not_usable_here),
		cmocka_unit_test(without_defaults),
		cmocka_unit_test(says_what_and_why),
		cmocka_unit_test(passwords_are_not_shown),
		cmocka_unit_test(bounds),
		cmocka_unit_test(text_from_the_environment),
		cmocka_unit_test(default_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
