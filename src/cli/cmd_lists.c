/* SPDX-License-Identifier: BSD-2-Clause */
/* frames filters instances volumes: a whole list, no argument. */
#include "cli/cli.h"

static int show(struct cli *c, void (*view)(struct view *v))
{
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view(&c->v);
	return cli_end(c, CLI_DONE);
}

int cmd_frames(struct cli *c)
{
	return show(c, view_frames);
}

int cmd_filters(struct cli *c)
{
	return show(c, view_filters);
}

int cmd_instances(struct cli *c)
{
	return show(c, view_instances);
}

int cmd_volumes(struct cli *c)
{
	return show(c, view_volumes);
}
