/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"

static int usage(const char *why)
{
	char safe[1024];

	(void)escape_terminal(why, safe, sizeof(safe));
	(void)fprintf(stderr, "fltscope: %s\nTry 'fltscope --help'.\n", safe);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	struct cli_options opt;
	char why[512] = "";
	int status = CLI_DONE;

	/* A reader that goes away (head) is seen as EPIPE by the emitter. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (!options_parse(argc, argv, &opt, why, sizeof(why)))
		status = usage(why);
	else if (opt.help)
		options_help(stdout, opt.dump_by_default ? NULL : opt.command);
	else if (opt.version)
		(void)printf("fltscope %s\n", FLTSCOPE_VERSION);
	else
		status = cli_run(&opt);
	if (fflush(stdout) != 0 && errno != EPIPE)
		status = CLI_USAGE;
	options_deinit(&opt);
	return status;
}
