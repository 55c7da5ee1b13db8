/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: what was asked, and what the commands share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emit/results.h"
#include "fltscope/fltscope.h"
#include "view/view.h"

/* DESIGN.md, Command line. 1 belongs to `check` alone. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_USAGE = 2,	   /* also: a layout file is wrong, the answer cannot be written */
	CLI_NO_DUMP = 3,   /* the file cannot be read as a dump */
	CLI_UNDECIDED = 4, /* no Filter Manager state, or what was asked for is not there */
};

enum cli_needs {
	NEEDS_STATE = 1, /* of the Filter Manager: without it the answer is exit 4 */
	NEEDS_ARG = 2,	 /* DUMP and one argument */
	TAKES_ARG = 4,	 /* DUMP and perhaps one argument */
	DUMP_OPTIONAL = 8,
	NO_DUMP = 16,
	MANY_ARGS = 32,	  /* more behind the first */
	SUBCOMMAND = 64,  /* a second word before the file: cli_options.sub */
	OTHER_FILE = 128, /* the file is no dump: it is not opened as one */
	MANY_DUMPS = 256, /* DUMP…; the command opens them itself */
	HAS_LEDGER = 1024,   /* takes --ledger */
	NEEDS_THREADS = 512, /* read processes and threads, whatever the state says */
};

struct cli;
struct command {
	const char *name, *args, *help;
	unsigned needs; /* enum cli_needs */
	int (*run)(struct cli *c);
};
const struct command *command_find(const char *name); /* NULL when there is none */

/* How check answers. */
enum cli_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_NDJSON, FORMAT_JUNIT, FORMAT_SARIF };
enum cli_colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct cli_options {
	const struct command *command; /* NULL when only help or version is wanted */
	const char *dump, *arg;	       /* NULL when not given */
	const char *const *args;       /* all behind the dump; args[0] is arg */
	size_t nargs;
	const char *sub;	 /* of commands with SUBCOMMAND */
	const char *symbol_path; /* -y; NULL: the environment's */
	const char *image_path;	 /* -i */
	const char *store;	 /* --store, of symbols fetch */
	unsigned build;		 /* --build, of pdb layout; 0 not given */
	uint64_t dtb;		 /* --dtb; 0 not given */
	bool raw;		 /* --raw, --raw-hole */
	uint64_t raw_hole_start, raw_hole_end;
	bool offline;
	unsigned recurse; /* -r */
	bool blocks;	  /* -b */
	const char *cxr; /* --cxr, of k: a CONTEXT's address */
	const char *processor; /* --processor, of k: its number */
	/* us, hang: which threads */
	const char *process, *through; /* -p, --through; NULL any */
	bool running;		       /* -cpu */
	const char *driver;
	const char **layouts; /* owned: options_deinit */
	size_t nlayouts;
	/* check */
	const char **dumps, **rules; /* owned likewise */
	size_t ndumps, nrules;
	const char *ignore; /* a file, NULL */
	enum res_level fail_on;
	enum cli_format format;
	bool read_threads;	/* a rule that was asked for needs them */
	const char *only_check; /* an option given that is check's alone, NULL */
	enum cli_colour colour;
	bool json, help, version;
	bool threads; /* -t */
	bool ledger; /* walk the contexts of live filters too */
	bool dot;    /* diagnose: who waits for whom, for Graphviz */
	bool dump_by_default; /* `fltscope DUMP`: the word may have been meant as a command */
};

/* False with a sentence in `why` when the line makes no sense. Strings are argv's. */
bool options_parse(int argc, char **argv, struct cli_options *ret, char *why, size_t why_size);
void options_deinit(struct cli_options *o);
void options_help(FILE *out, const struct command *command); /* NULL: all commands */

/* A command that runs. */
struct cli {
	const struct cli_options *opt;
	struct fltscope *fs;	  /* NULL for commands without a dump */
	const struct fs_model *m; /* NULL likewise */
	struct view v;
	size_t at, of; /* which of how many dumps; 0 for one */
};

/* "fltscope: PATH: message" on stderr; whatever the dump put into it is escaped. */
__attribute__((format(printf, 2, 3))) void cli_say(const struct cli *c, const char *fmt, ...);

/* Begin the answer on stdout (its schema is fltscope.<command>/1) and end it;
 * cli_end returns the exit status, `status` unless writing failed. */
bool cli_begin(struct cli *c);
int cli_end(struct cli *c, int status);
/* Open opt->dump into fs and m: CLI_DONE, or the exit status with *ret_why (may be NULL;
 * not escaped) told on stderr too. fltscope_close(c->fs) is the caller's. */
int cli_open(struct cli *c, struct fs_error *ret_why);
/* Notes about the dump on stderr. */
void cli_notes(const struct cli *c);
bool cli_wants_colour(const struct cli_options *o);
/* Progress goes to a terminal only: wipe its line before anything else is said. */
void cli_progress_end(void);
/* Which threads the options ask for. False has told what is wrong with them. */
struct view_threads;
bool cli_threads_wanted(struct cli *c, struct view_threads *ret);
/* Open the dump, run the command, close: the exit status. */
int cli_run(const struct cli_options *opt);

#define COMMAND(name, args, needs, help) int cmd_##name(struct cli *c);
#include "cli/commands.def"

#endif
