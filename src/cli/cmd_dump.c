/* SPDX-License-Identifier: BSD-2-Clause */
/* info lm layouts export: about the dump as a whole. */
#include "cli/cli.h"

#include <stdlib.h>

int cmd_info(struct cli *c)
{
	struct fltscope_stats s = fltscope_stats(c->fs);
	struct view_stats stats = {s.bytes_read, s.reads, s.pages};

	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_info(&c->v, &stats);
	return cli_end(c, CLI_DONE);
}

int cmd_lm(struct cli *c)
{
	bool listed = c->m->nmodules != 0; /* no system runs without: then it was not read */

	if (!listed)
		cli_say(c, "no module was read: %s",
			c->m->not_found ? c->m->not_found : "the dump's list of them is empty");
	if (listed && c->opt->arg && !view_lm_has(c->m, c->opt->arg)) {
		cli_say(c, "no module of this dump, loaded or unloaded, has \"%s\" in its name",
			c->opt->arg);
		return CLI_UNDECIDED;
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_lm(&c->v, c->opt->arg);
	return cli_end(c, listed ? CLI_DONE : CLI_UNDECIDED);
}

int cmd_layouts(struct cli *c)
{
	size_t i, n = fltscope_layout_count();
	const char **names = calloc(n ? n : 1, sizeof(*names));
	int status = CLI_UNDECIDED;

	if (!names) {
		cli_say(c, "out of memory");
		return CLI_UNDECIDED;
	}
	for (i = 0; i < n; i++)
		names[i] = fltscope_layout_name(i);
	if (cli_begin(c)) {
		view_layouts(&c->v, names, n);
		status = cli_end(c, CLI_DONE);
	}
	free(names);
	return status;
}

int cmd_export(struct cli *c)
{
	if (!c->m->found)
		cli_say(c, "%s",
			c->m->not_found ? c->m->not_found : "no Filter Manager state was found");
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_export(&c->v);
	return cli_end(c, c->m->found ? CLI_DONE : CLI_UNDECIDED);
}
