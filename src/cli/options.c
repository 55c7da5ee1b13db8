/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum {
	OPT_JSON = 256,
	OPT_LAYOUT,
	OPT_COLOUR,
	OPT_DRIVER,
	OPT_LEDGER,
	OPT_VERSION,
	OPT_FAIL_ON,
	OPT_FORMAT,
	OPT_RULE,
	OPT_IGNORE,
	OPT_OFFLINE,
	OPT_STORE,
	OPT_BUILD,
	OPT_DTB,
	OPT_DOT,
	OPT_CXR,
	OPT_PROCESSOR,
	OPT_THROUGH,
	OPT_CPU,
	OPT_RAW,
	OPT_RAW_HOLE
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"layout", required_argument, NULL, OPT_LAYOUT},
	{"color", required_argument, NULL, OPT_COLOUR},
	{"colour", required_argument, NULL, OPT_COLOUR},
	{"driver", required_argument, NULL, OPT_DRIVER},
	{"ledger", no_argument, NULL, OPT_LEDGER},
	{"dot", no_argument, NULL, OPT_DOT},
	{"fail-on", required_argument, NULL, OPT_FAIL_ON},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"rule", required_argument, NULL, OPT_RULE},
	{"ignore", required_argument, NULL, OPT_IGNORE},
	{"offline", no_argument, NULL, OPT_OFFLINE},
	{"store", required_argument, NULL, OPT_STORE},
	{"raw", no_argument, NULL, OPT_RAW},
	{"raw-hole", required_argument, NULL, OPT_RAW_HOLE},
	{"build", required_argument, NULL, OPT_BUILD},
	{"dtb", required_argument, NULL, OPT_DTB},
	{"cxr", required_argument, NULL, OPT_CXR},
	{"processor", required_argument, NULL, OPT_PROCESSOR},
	{"through", required_argument, NULL, OPT_THROUGH},
	{"cpu", no_argument, NULL, OPT_CPU},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static bool parse_colour(const char *s, enum cli_colour *ret)
{
	if (strcmp(s, "auto") == 0)
		*ret = COLOUR_AUTO;
	else if (strcmp(s, "always") == 0)
		*ret = COLOUR_ALWAYS;
	else if (strcmp(s, "never") == 0)
		*ret = COLOUR_NEVER;
	else
		return false;
	return true;
}

static bool parse_fail_on(const char *s, enum res_level *ret)
{
	int i;

	for (i = RES_NOTE; i <= RES_ERROR; i++)
		if (strcmp(s, res_level_name((enum res_level)i)) == 0) {
			*ret = (enum res_level)i;
			return true;
		}
	return false;
}

static bool parse_format(const char *s, enum cli_format *ret)
{
	static const char *const names[] = {"text", "json", "ndjson", "junit", "sarif"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(s, names[i]) == 0) {
			*ret = (enum cli_format)i;
			return true;
		}
	return false;
}

/* An empty name is a script's variable that was not set: it must not ask for nothing, or all. */
static bool given(const char *value, const char *option, char *why, size_t n)
{
	if (*value)
		return true;
	(void)snprintf(why, n, "%s needs a value, and it is empty", option);
	return false;
}

/* The options that only check has. */
static bool take_check_option(struct cli_options *o, int opt, char *why, size_t n)
{
	switch (opt) {
	case OPT_FAIL_ON:
		o->only_check = "--fail-on";
		if (parse_fail_on(optarg, &o->fail_on))
			return true;
		(void)snprintf(why, n, "--fail-on takes error, warning or note, not '%s'", optarg);
		return false;
	case OPT_FORMAT:
		o->only_check = "--format";
		if (parse_format(optarg, &o->format))
			return true;
		(void)snprintf(why, n,
			       "--format takes text, json, ndjson, junit or sarif, not '%s'",
			       optarg);
		return false;
	case OPT_RULE:
		o->only_check = "--rule";
		o->rules[o->nrules++] = optarg;
		return given(optarg, "--rule", why, n);
	default:
		o->only_check = "--ignore";
		if (o->ignore)
			(void)snprintf(why, n, "--ignore can be given once");
		o->ignore = optarg;
		return why[0] == '\0';
	}
}

/* -r alone is one level, as -r1. */
static bool take_depth(struct cli_options *o, char *why, size_t n)
{
	char *end = NULL;
	unsigned long depth = optarg ? strtoul(optarg, &end, 10) : 1;

	if (depth == 0 || depth > 16 || (end && *end)) {
		(void)snprintf(why, n, "-r takes a number of levels, 1 to 16, not '%s'",
			       optarg ? optarg : "");
		return false;
	}
	o->recurse = (unsigned)depth;
	return true;
}

/* Where symbols and images are. False: it is none of these. */
static bool take_place(struct cli_options *o, int opt)
{
	if (opt == 'y')
		o->symbol_path = optarg;
	else if (opt == 'i')
		o->image_path = optarg;
	else if (opt == OPT_OFFLINE)
		o->offline = true;
	else if (opt == OPT_STORE)
		o->store = optarg;
	else
		return false;
	return true;
}

/* Which threads and stacks. False: it is none of these. */
static bool take_threads(struct cli_options *o, int opt)
{
	if (opt == OPT_CXR)
		o->cxr = optarg;
	else if (opt == OPT_PROCESSOR)
		o->processor = optarg;
	else if (opt == 'p')
		o->process = optarg;
	else if (opt == OPT_THROUGH)
		o->through = optarg;
	else if (opt == OPT_CPU)
		o->running = true;
	else
		return false;
	return true;
}

static bool take_build(struct cli_options *o, char *why, size_t n)
{
	char *end = NULL;
	unsigned long v = strtoul(optarg, &end, 10);

	if (v == 0 || v > 999999 || *end) {
		(void)snprintf(why, n, "--build takes a build number, not '%s'", optarg);
		return false;
	}
	o->build = (unsigned)v;
	return true;
}

static bool take_dtb(struct cli_options *o, char *why, size_t n)
{
	if (parse_address(optarg, &o->dtb) && o->dtb != 0)
		return true;
	(void)snprintf(why, n, "--dtb takes the physical address of page tables, not '%s'", optarg);
	return false;
}

/* START-END, physical addresses: what the file does not have below 4 GiB. */
static bool take_raw_hole(struct cli_options *o, char *why, size_t n)
{
	const char *dash = strchr(optarg, '-');
	char start[32];

	o->raw = true;
	if (dash && (size_t)(dash - optarg) < sizeof(start)) {
		memcpy(start, optarg, (size_t)(dash - optarg));
		start[dash - optarg] = '\0';
		if (parse_address(start, &o->raw_hole_start) &&
		    parse_address(dash + 1, &o->raw_hole_end) &&
		    o->raw_hole_start < o->raw_hole_end)
			return true;
	}
	(void)snprintf(why, n,
		       "--raw-hole takes two addresses, as 0xc0000000-0x100000000, not '%s'",
		       optarg);
	return false;
}

static bool take_option(struct cli_options *o, int opt, char **argv, char *why, size_t n)
{
	if (take_place(o, opt) || take_threads(o, opt))
		return true;
	switch (opt) {
	case OPT_BUILD:
		return take_build(o, why, n);
	case OPT_DTB:
		return take_dtb(o, why, n);
	case OPT_RAW_HOLE:
		return take_raw_hole(o, why, n);
	case OPT_RAW:
		o->raw = true;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_LAYOUT:
		o->layouts[o->nlayouts++] = optarg;
		return true;
	case OPT_DRIVER:
		o->driver = optarg;
		return given(optarg, "--driver", why, n);
	case OPT_LEDGER:
		o->ledger = true;
		return true;
	case OPT_DOT:
		o->dot = true;
		return true;
	case OPT_VERSION:
		o->version = true;
		return true;
	case OPT_FAIL_ON:
	case OPT_FORMAT:
	case OPT_RULE:
	case OPT_IGNORE:
		return take_check_option(o, opt, why, n);
	case 'h':
		o->help = true;
		return true;
	case 'b':
		o->blocks = true;
		return true;
	case 't':
		o->threads = true;
		return true;
	case 'r':
		return take_depth(o, why, n);
	case OPT_COLOUR:
		if (parse_colour(optarg, &o->colour))
			return true;
		(void)snprintf(why, n, "--color takes auto, always or never, not '%s'", optarg);
		return false;
	case ':':
		(void)snprintf(why, n, "%s needs a value", argv[optind - 1]);
		return false;
	default:
		(void)snprintf(why, n, "unknown option '%s'", argv[optind - 1]);
		return false;
	}
}

/* Options of the commands about stacks. */
static bool check_threads(const struct cli_options *o, char *why, size_t size)
{
	const char *name = o->command->name;
	bool k = strcmp(name, "k") == 0 || strcmp(name, "kc") == 0 || strcmp(name, "kv") == 0;
	bool many = strcmp(name, "us") == 0 || strcmp(name, "hang") == 0;

	if (o->cxr && (!k || o->arg))
		(void)snprintf(why, size, "--cxr belongs to k, kc and kv without a thread");
	else if (o->processor && (!k || o->arg || o->cxr))
		(void)snprintf(why, size,
			       "--processor belongs to k, kc and kv without a thread and --cxr");
	else if ((o->process || o->through || o->running) && !many)
		(void)snprintf(why, size, "-p, -cpu and --through belong to us and hang, not to %s",
			       name);
	else
		return (!o->cxr || given(o->cxr, "--cxr", why, size)) &&
		       (!o->process || given(o->process, "-p", why, size)) &&
		       (!o->through || given(o->through, "--through", why, size));
	return false;
}

/* Does the line hold together? */
static bool check_words(const struct cli_options *o, char *why, size_t size)
{
	const struct command *cmd = o->command;
	unsigned needs = cmd->needs;

	if (!o->sub && (needs & SUBCOMMAND))
		(void)snprintf(why, size, "%s takes: %s", cmd->name, cmd->args);
	else if (!o->dump && o->ndumps == 0 && !(needs & (NO_DUMP | DUMP_OPTIONAL)))
		(void)snprintf(why, size, "%s: no %s is named", cmd->name,
			       needs & OTHER_FILE ? "file" : "dump");
	else if (!o->arg && (needs & NEEDS_ARG))
		(void)snprintf(why, size, "%s takes: %s", cmd->name, cmd->args);
	else if ((o->recurse || o->blocks) && strcmp(cmd->name, "dt") != 0)
		(void)snprintf(why, size, "-r and -b belong to dt, not to %s", cmd->name);
	else if (o->threads && strcmp(cmd->name, "process") != 0)
		(void)snprintf(why, size, "-t belongs to process, not to %s", cmd->name);
	else if (o->driver && strcmp(cmd->name, "diagnose") != 0 && !(needs & MANY_DUMPS))
		(void)snprintf(why, size, "--driver belongs to diagnose and check, not to %s",
			       cmd->name);
	else if (o->only_check && !(needs & MANY_DUMPS))
		(void)snprintf(why, size, "%s belongs to check, not to %s", o->only_check,
			       cmd->name);
	else if (o->json && (needs & MANY_DUMPS) && o->format != FORMAT_TEXT &&
		 o->format != FORMAT_JSON)
		(void)snprintf(why, size, "--json and --format cannot both be meant");
	else if (o->ledger && !(needs & HAS_LEDGER))
		(void)snprintf(why, size,
			       "--ledger belongs to filter, instance, volume and export, not to %s",
			       cmd->name);
	else if (o->dot && strcmp(cmd->name, "diagnose") != 0)
		(void)snprintf(why, size, "--dot belongs to diagnose, not to %s", cmd->name);
	else if (o->dot && (o->json || o->driver))
		(void)snprintf(why, size, "--dot draws the whole graph, and not as JSON");
	else if (o->store && strcmp(cmd->name, "symbols") != 0)
		(void)snprintf(why, size, "--store belongs to symbols fetch, not to %s", cmd->name);
	else if (o->build && strcmp(cmd->name, "pdb") != 0)
		(void)snprintf(why, size, "--build belongs to pdb layout, not to %s", cmd->name);
	else
		return check_threads(o, why, size);
	return false;
}

/* The words that are no options: [COMMAND] DUMP [ARG]. */
static bool take_words(struct cli_options *o, int n, char **words, char *why, size_t size)
{
	const struct command *cmd = n > 0 ? command_find(words[0]) : NULL;
	unsigned needs;
	size_t i;

	if (cmd) {
		n--;
		words++;
	} else if (n > 1) {
		(void)snprintf(why, size, "unknown command '%s'", words[0]);
		return false;
	} else if (n == 1) {
		cmd = command_find("diagnose");
		o->dump_by_default = true;
	}
	o->command = cmd;
	if (o->help || o->version)
		return true;
	if (!cmd) {
		(void)snprintf(why, size, "no dump is named");
		return false;
	}
	needs = cmd->needs;
	while (n > 0 && (needs & MANY_DUMPS)) {
		o->dumps[o->ndumps++] = *words++;
		n--;
	}
	if (n > 0 && (needs & SUBCOMMAND)) {
		o->sub = *words++;
		n--;
	}
	if (n > 0 && !(needs & NO_DUMP)) {
		o->dump = *words++;
		n--;
	}
	if (n > 0 && (needs & (NEEDS_ARG | TAKES_ARG))) {
		o->arg = *words;
		o->args = (const char *const *)words;
		o->nargs = needs & MANY_ARGS ? (size_t)n : 1;
		words += o->nargs;
		n -= (int)o->nargs;
	}
	if (n > 0) {
		(void)snprintf(why, size, "%s: '%s' is one argument too many", cmd->name, *words);
		return false;
	}
	for (i = 0; i < o->nargs; i++)
		if (!*o->args[i]) {
			(void)snprintf(why, size, "%s: an argument is empty", cmd->name);
			return false;
		}
	return check_words(o, why, size);
}

bool options_parse(int argc, char **argv, struct cli_options *ret, char *why, size_t why_size)
{
	static char cpu[] = "--cpu";
	size_t n = (size_t)(argc > 0 ? argc : 1);
	int opt, i;

	memset(ret, 0, sizeof(*ret));
	ret->layouts = calloc(n, sizeof(*ret->layouts));
	ret->dumps = calloc(n, sizeof(*ret->dumps));
	ret->rules = calloc(n, sizeof(*ret->rules));
	ret->fail_on = RES_ERROR;
	if (!ret->layouts || !ret->dumps || !ret->rules) {
		(void)snprintf(why, why_size, "out of memory");
		return false;
	}
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) /* Mex writes it so */
		if (strcmp(argv[i], "-cpu") == 0)
			argv[i] = cpu;
	optind = 0; /* getopt begins anew (glibc, musl) */
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":hbtr::y:i:p:", long_options, NULL)) != -1)
		if (!take_option(ret, opt, argv, why, why_size))
			return false;
	return take_words(ret, argc - optind, argv + optind, why, why_size);
}

void options_deinit(struct cli_options *o)
{
	free(o->layouts);
	free(o->dumps);
	free(o->rules);
	memset(o, 0, sizeof(*o));
}
