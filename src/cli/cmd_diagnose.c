/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cli.h"

int cmd_diagnose(struct cli *c)
{
	const struct fs_report *report = NULL;
	struct fs_error err = {0};
	enum view_answer answer;

	if (fltscope_diagnose(c->fs, &report, &err) != FS_OK) {
		cli_say(c, "%s", err.text);
		return CLI_UNDECIDED;
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	answer = view_diagnose(&c->v, report, c->opt->driver);
	if (answer == VIEW_NOT_KNOWN)
		cli_say(c, "no driver, filter or module named \"%s\" was found", c->opt->driver);
	return cli_end(c, answer == VIEW_ANSWERED ? CLI_DONE : CLI_UNDECIDED);
}

int cmd_rules(struct cli *c)
{
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_rules(&c->v, fs_rule_at, fs_rule_count());
	return cli_end(c, CLI_DONE);
}
