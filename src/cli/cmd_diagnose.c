/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cli.h"
#include "view/check_results.h"
#include "view/dot.h"

#include <errno.h>
#include <string.h>

/* For `dot`: who waits for whom. Nobody waiting is an answer as well. */
static int draw(struct cli *c, const struct fs_graph *g)
{
	struct arena a = {0};
	struct dot_graph dot;
	int status = CLI_DONE;

	if (!view_dot(&a, g, &dot)) {
		cli_say(c, "out of memory");
		status = CLI_UNDECIDED;
	} else if (!dot_write(stdout, &dot) && errno != EPIPE) {
		cli_say(c, "cannot write the answer: %s", strerror(errno));
		status = CLI_USAGE;
	} else if (g->nnodes == 0) {
		cli_say(c, "note: no unload or lock is waited for: the graph is empty");
	}
	arena_deinit(&a);
	return status;
}

int cmd_diagnose(struct cli *c)
{
	const struct fs_report *report = NULL;
	struct fs_error err = {0};
	enum view_answer answer;

	if (fltscope_diagnose(c->fs, &report, &err) != FS_OK) {
		cli_say(c, "%s", err.text);
		return CLI_UNDECIDED;
	}
	if (c->opt->dot)
		return draw(c, report->wait_for);
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	answer = view_diagnose(&c->v, report, c->opt->driver);
	if (answer == VIEW_NOT_KNOWN)
		cli_say(c, "no filter, driver object, service or image named \"%s\" was found",
			c->opt->driver);
	if (answer == VIEW_NO_MEMORY)
		cli_say(c, "out of memory");
	return cli_end(c, answer == VIEW_ANSWERED ? CLI_DONE : CLI_UNDECIDED);
}

/* By its id or by the catalogue's number. */
static bool rule_exists(const char *id)
{
	size_t i, n = check_rule_count();

	for (i = 0; i < n; i++)
		if (view_is_rule(check_rule_at(i), id))
			return true;
	return false;
}

int cmd_rules(struct cli *c)
{
	const char *id = c->opt->arg;
	size_t i, n = check_rule_count();

	if (id && !rule_exists(id)) {
		cli_say(c, "there is no rule \"%s\"; the rules are:", id);
		for (i = 0; i < n; i++) /* a line each: no number of rules is cut short */
			cli_say(c, "   %s", check_rule_at(i)->id);
		return CLI_USAGE;
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_rules(&c->v, check_rule_at, n, id);
	return cli_end(c, CLI_DONE);
}
