/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line, and what a user types for an object. */
#include "support/article.h"
#include "support/test.h"

#include "cli/resolve.h"

static struct cli_options o;
static char why[512];

static bool parse(const char *a, const char *b, const char *c, const char *d, const char *e)
{
	const char *argv[7] = {"fltscope", a, b, c, d, e, NULL};
	int argc = 1;

	while (argv[argc])
		argc++;
	options_deinit(&o);
	why[0] = '\0';
	return options_parse(argc, (char **)argv, &o, why, sizeof(why));
}

static void a_dump_alone_is_diagnosed(void **state)
{
	(void)state;
	assert_true(parse("MEMORY.DMP", NULL, NULL, NULL, NULL));
	assert_string_equal(o.command->name, "diagnose");
	assert_string_equal(o.dump, "MEMORY.DMP");
	assert_true(o.dump_by_default);
	assert_false(o.json);
	assert_true(parse("--json", "MEMORY.DMP", "--driver", "MyDrv", NULL));
	assert_string_equal(o.command->name, "diagnose");
	assert_string_equal(o.driver, "MyDrv");
	assert_true(o.json);
}

static void commands_take_their_arguments(void **state)
{
	(void)state;
	assert_true(parse("filter", "M.DMP", "MyDrv", "--json", NULL));
	assert_string_equal(o.command->name, "filter");
	assert_string_equal(o.dump, "M.DMP");
	assert_string_equal(o.arg, "MyDrv");
	assert_false(o.dump_by_default);
	assert_true(parse("lm", "M.DMP", NULL, NULL, NULL));
	assert_null(o.arg);
	assert_true(parse("lm", "M.DMP", "fltmgr", NULL, NULL));
	assert_string_equal(o.arg, "fltmgr");
	assert_true(parse("layouts", NULL, NULL, NULL, NULL));
	assert_null(o.dump);
	assert_true(parse("layouts", "M.DMP", NULL, NULL, NULL));
	assert_string_equal(o.dump, "M.DMP");
	assert_true(parse("rules", "an-id", NULL, NULL, NULL));
	assert_null(o.dump);
	assert_string_equal(o.arg, "an-id");
	assert_true(parse("rules", NULL, NULL, NULL, NULL));
	/* a word after -- is no option */
	assert_true(parse("info", "--", "--json", NULL, NULL));
	assert_string_equal(o.dump, "--json");
}

static void layouts_repeat(void **state)
{
	(void)state;
	assert_true(parse("--layout", "a", "--layout=b", "info", "M.DMP"));
	assert_int_equal(o.nlayouts, 2);
	assert_string_equal(o.layouts[0], "a");
	assert_string_equal(o.layouts[1], "b");
}

static void colour(void **state)
{
	(void)state;
	assert_true(parse("info", "M.DMP", NULL, NULL, NULL));
	assert_int_equal(o.colour, COLOUR_AUTO);
	assert_true(parse("--color=always", "info", "M.DMP", NULL, NULL));
	assert_int_equal(o.colour, COLOUR_ALWAYS);
	assert_true(parse("--color", "never", "info", "M.DMP", NULL));
	assert_int_equal(o.colour, COLOUR_NEVER);
	assert_false(parse("--color=sometimes", "info", "M.DMP", NULL, NULL));
	assert_non_null(strstr(why, "sometimes"));
}

/* Each of them a sentence, none a crash. */
static void senseless_lines(void **state)
{
	(void)state;
	assert_false(parse(NULL, NULL, NULL, NULL, NULL));
	assert_non_null(strstr(why, "no dump"));
	assert_false(parse("frames", NULL, NULL, NULL, NULL));
	assert_non_null(strstr(why, "frames: no dump"));
	assert_false(parse("framez", "M.DMP", NULL, NULL, NULL));
	assert_non_null(strstr(why, "unknown command 'framez'"));
	assert_false(parse("frames", "M.DMP", "extra", NULL, NULL));
	assert_non_null(strstr(why, "extra"));
	assert_false(parse("filter", "M.DMP", NULL, NULL, NULL));
	assert_non_null(strstr(why, "filter takes: DUMP FILTER"));
	assert_false(parse("filter", "M.DMP", "a", "b", NULL));
	assert_false(parse("rules", "an-id", "another", NULL, NULL));
	assert_false(parse("--bogus", "M.DMP", NULL, NULL, NULL));
	assert_non_null(strstr(why, "--bogus"));
	assert_false(parse("M.DMP", "--layout", NULL, NULL, NULL));
	assert_non_null(strstr(why, "--layout needs a value"));
	assert_false(parse("frames", "M.DMP", "--driver", "x", NULL));
	assert_non_null(strstr(why, "--driver"));
}

/* A script's variable that was not set asks for nothing, and for all: neither is meant. */
static void empty_names(void **state)
{
	static const char *const lines[][4] = {
		{"check", "M.DMP", "--driver", ""}, {"diagnose", "M.DMP", "--driver="},
		{"check", "M.DMP", "--rule", ""},   {"filter", "M.DMP", ""},
		{"process", "M.DMP", ""},	    {"lm", "M.DMP", ""},
		{"us", "M.DMP", "-p", ""},	    {"us", "M.DMP", "--through="},
		{"k", "M.DMP", "--cxr="},	    {"dt", "M.DMP", "_FILE_OBJECT", ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (parse(lines[i][0], lines[i][1], lines[i][2], lines[i][3], NULL))
			fail_msg("%s %s was taken", lines[i][0], lines[i][2]);
		assert_non_null(strstr(why, "empty"));
	}
	assert_true(parse("check", "M.DMP", "--driver", "x", NULL));
	assert_true(parse("process", "M.DMP", NULL, NULL, NULL));
	assert_true(parse("frames", "M.DMP", "-y", "", NULL)); /* no symbol path */
}

static void threads_and_stacks(void **state)
{
	(void)state;
	assert_true(parse("us", "M.DMP", "-p", "explorer.exe", "-cpu"));
	assert_string_equal(o.process, "explorer.exe");
	assert_true(o.running);
	assert_true(parse("hang", "M.DMP", "--through", "TmXPFlt", NULL));
	assert_string_equal(o.through, "TmXPFlt");
	assert_true(parse("k", "M.DMP", "ffffab06b8121080", NULL, NULL));
	assert_string_equal(o.arg, "ffffab06b8121080");
	assert_true(parse("kv", "M.DMP", "--cxr", "fffffadf27925360", NULL));
	assert_string_equal(o.cxr, "fffffadf27925360");
	/* a thread and a CONTEXT; options of other commands */
	assert_false(parse("k", "M.DMP", "1588", "--cxr", "1000"));
	assert_false(parse("k", "M.DMP", "-p", "explorer.exe", NULL));
	assert_false(parse("frames", "M.DMP", "-cpu", NULL, NULL));
	assert_true(parse("info", "--", "-cpu", NULL, NULL));
	assert_string_equal(o.dump, "-cpu");
}

static void check_takes_many(void **state)
{
	(void)state;
	assert_true(parse("check", "A.DMP", "B.DMP", "C.DMP", NULL));
	assert_string_equal(o.command->name, "check");
	assert_int_equal(o.ndumps, 3);
	assert_string_equal(o.dumps[2], "C.DMP");
	assert_null(o.dump);
	assert_int_equal(o.fail_on, RES_ERROR);
	assert_int_equal(o.format, FORMAT_TEXT);
	assert_true(parse("check", "A.DMP", "--fail-on=note", "--format=sarif", "--driver=x"));
	assert_int_equal(o.fail_on, RES_NOTE);
	assert_int_equal(o.format, FORMAT_SARIF);
	assert_string_equal(o.driver, "x");
	assert_true(parse("check", "--rule=a", "--rule", "b", "A.DMP"));
	assert_int_equal(o.nrules, 2);
	assert_string_equal(o.rules[1], "b");
	assert_true(parse("check", "--ignore", "f", "A.DMP", "--json"));
	assert_string_equal(o.ignore, "f");
	assert_false(parse("check", NULL, NULL, NULL, NULL));
	assert_non_null(strstr(why, "check: no dump"));
	assert_false(parse("check", "A.DMP", "--fail-on", "fatal", NULL));
	assert_non_null(strstr(why, "fatal"));
	assert_false(parse("check", "A.DMP", "--format", "xml", NULL));
	assert_non_null(strstr(why, "xml"));
	assert_false(parse("check", "A.DMP", "--json", "--format=junit", NULL));
	assert_true(parse("check", "A.DMP", "--json", "--format=json", NULL));
	assert_false(parse("check", "A.DMP", "--ignore=a", "--ignore=b", NULL));
	assert_false(parse("diagnose", "A.DMP", "--rule", "b", NULL));
	assert_non_null(strstr(why, "--rule belongs to check"));
	assert_false(parse("diagnose", "A.DMP", "B.DMP", NULL, NULL));
}

static void help_wants_no_dump(void **state)
{
	(void)state;
	assert_true(parse("--help", NULL, NULL, NULL, NULL));
	assert_true(o.help);
	assert_null(o.command);
	assert_true(parse("filter", "--help", NULL, NULL, NULL));
	assert_string_equal(o.command->name, "filter");
	assert_true(parse("--version", NULL, NULL, NULL, NULL));
	assert_true(o.version);
}

/* Dispatch and help come from one table. */
static void help_names_every_command(void **state)
{
	static const char *const names[] = {"diagnose", "frames", "filters", "instances", "check",
					    "volumes",	"frame",  "filter",  "instance",  "volume",
					    "drvobj",	"devobj", "lm",	     "info",	  "layouts",
					    "export",	"rules"};
	char *text = NULL;
	size_t i, n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	assert_non_null(f);
	options_help(f, NULL);
	(void)fclose(f);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char line[32];

		assert_non_null(command_find(names[i]));
		(void)snprintf(line, sizeof(line), "\n  %s ", names[i]);
		assert_non_null(strstr(text, line));
	}
	assert_null(command_find("checks"));
	assert_non_null(strstr(text, "0xfade"));
	free(text);
}

static struct model_maker k;

static void resolves_to(enum entity kind, const char *arg, size_t index)
{
	size_t i = 999;
	uint64_t va = 0;

	if (resolve(&k.m, kind, arg, &i, &va) != RESOLVED || i != index)
		fail_msg("%s: index %zu", arg, i);
}

static void addresses_in_every_spelling(void **state)
{
	uint64_t va = 0;
	size_t i = 999;

	(void)state;
	article_make(&k);
	resolves_to(ENT_FILTER, "0xfffffa8006dcc960", 0);
	resolves_to(ENT_FILTER, "fffffa8006dcc960", 0);
	resolves_to(ENT_FILTER, "FFFFFA80`06DCC960", 0);
	resolves_to(ENT_FRAME, "fffffa8001b2aac0", 1);
	resolves_to(ENT_INSTANCE, "fffffa8003658b40", 2);
	resolves_to(ENT_DRIVER, "0xfffffa80`03673c80", 0);
	resolves_to(ENT_DEVICE, "fffffa8002e8f550", 0);
	/* an address of another kind of object is none of this kind */
	assert_int_equal(resolve(&k.m, ENT_FILTER, "fffffa8001b2aac0", &i, &va), RESOLVED_ADDRESS);
	assert_true(va == 0xfffffa8001b2aac0);
	assert_int_equal(i, 999);
	assert_int_equal(resolve(&k.m, ENT_FILTER, "0x12345678901234567", &i, &va),
			 RESOLVED_NOTHING);
	assert_int_equal(resolve(&k.m, ENT_FILTER, "", &i, &va), RESOLVED_NOTHING);
}

static void names_where_unique(void **state)
{
	uint64_t va = 0;
	size_t i = 999;

	(void)state;
	article_make(&k);
	resolves_to(ENT_FILTER, "mydrv", 1);
	resolves_to(ENT_FILTER, "SomeDrv", 0);
	resolves_to(ENT_DRIVER, "\\Driver\\MyDrv", 0);
	resolves_to(ENT_DRIVER, "MyDrv", 0);
	resolves_to(ENT_DRIVER, "MyDrv.sys", 0);
	resolves_to(ENT_DEVICE, "MyDrv", 0);
	resolves_to(ENT_DEVICE, "\\Device\\MyDrv", 0);
	/* three instances have this name; two filters have this driver, but one this name */
	assert_int_equal(resolve(&k.m, ENT_INSTANCE, "MyDrv Instance", &i, &va), RESOLVED_MANY);
	assert_int_equal(resolve(&k.m, ENT_FILTER, "\\Driver\\MyDrv", &i, &va), RESOLVED_MANY);
	assert_int_equal(resolve(&k.m, ENT_FILTER, "MyDrv2", &i, &va), RESOLVED_NOTHING);
	assert_int_equal(resolve(&k.m, ENT_FILTER, "MyDr", &i, &va), RESOLVED_NOTHING);
	assert_int_equal(i, 999);
}

static void frames_by_number(void **state)
{
	uint64_t va = 0;
	size_t i = 999;

	(void)state;
	article_make(&k);
	resolves_to(ENT_FRAME, "1", 0); /* Frame 1 stands first */
	resolves_to(ENT_FRAME, "0", 1);
	resolves_to(ENT_FRAME, "Frame 1", 0);
	assert_int_equal(resolve(&k.m, ENT_FRAME, "2", &i, &va), RESOLVED_ADDRESS);
	assert_int_equal(resolve(&k.m, ENT_FRAME, "4294967297", &i, &va), RESOLVED_ADDRESS);
	k.frame[0].id = mm_missing();
	assert_int_equal(resolve(&k.m, ENT_FRAME, "1", &i, &va), RESOLVED_ADDRESS);
}

/* "fade" is a name when there is one, and 0xfade else. */
static void a_name_wins_over_an_address(void **state)
{
	uint64_t va = 0;
	size_t i = 999;

	(void)state;
	article_make(&k);
	assert_int_equal(resolve(&k.m, ENT_FILTER, "fade", &i, &va), RESOLVED_ADDRESS);
	assert_true(va == 0xfade);
	k.filter[0].address = 0xfade;
	k.filter[1].name = mm_string("Fade");
	resolves_to(ENT_FILTER, "fade", 1);
	resolves_to(ENT_FILTER, "0xfade", 0);
}

/* A filter whose name was not captured is found by its callbacks' module; one whose
 * name was read is not renamed by it. */
static void a_name_that_was_not_captured(void **state)
{
	uint64_t va = 0;
	size_t i = 999;

	(void)state;
	article_make(&k);
	k.filter[1].name_by_callbacks = "Other.sys";
	assert_int_equal(resolve(&k.m, ENT_FILTER, "other", &i, &va), RESOLVED_NOTHING);
	k.filter[1].name = (struct fs_string){.state = FS_MISSING, .gap = -1};
	resolves_to(ENT_FILTER, "other", 1);
	assert_int_equal(resolve(&k.m, ENT_FILTER, "MyDrv Instance", &i, &va), RESOLVED_NOTHING);
}

static void volumes_by_device(void **state)
{
	(void)state;
	article_make(&k);
	k.m.nvolumes = 2;
	k.volume[0].address = 0x1000;
	k.volume[0].device_name = mm_string("\\Device\\Mup");
	k.volume[1].address = 0x2000;
	k.volume[1].device_name = (struct fs_string){.state = FS_MISSING, .gap = -1};
	resolves_to(ENT_VOLUME, "\\Device\\Mup", 0);
	resolves_to(ENT_VOLUME, "mup", 0);
	resolves_to(ENT_VOLUME, "2000", 1);
}

static int end(void **state)
{
	(void)state;
	options_deinit(&o);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_alone_is_diagnosed),
		cmocka_unit_test(commands_take_their_arguments),
		cmocka_unit_test(layouts_repeat),
		cmocka_unit_test(colour),
		cmocka_unit_test(senseless_lines),
		cmocka_unit_test(empty_names),
		cmocka_unit_test(threads_and_stacks),
		cmocka_unit_test(check_takes_many),
		cmocka_unit_test(help_wants_no_dump),
		cmocka_unit_test(help_names_every_command),
		cmocka_unit_test(addresses_in_every_spelling),
		cmocka_unit_test(names_where_unique),
		cmocka_unit_test(frames_by_number),
		cmocka_unit_test(a_name_wins_over_an_address),
		cmocka_unit_test(a_name_that_was_not_captured),
		cmocka_unit_test(volumes_by_device),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
