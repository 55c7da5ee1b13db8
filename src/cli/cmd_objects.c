/* SPDX-License-Identifier: BSD-2-Clause */
/* frame filter instance volume drvobj devobj: one object by address or name. */
#include "cli/resolve.h"

static int show(struct cli *c, enum entity kind, void (*view)(struct view *v, size_t index))
{
	size_t index = 0;
	int status = resolve_arg(c, kind, &index);

	if (status != CLI_DONE)
		return status;
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view(&c->v, index);
	return cli_end(c, CLI_DONE);
}

int cmd_frame(struct cli *c)
{
	return show(c, ENT_FRAME, view_frame);
}

int cmd_filter(struct cli *c)
{
	return show(c, ENT_FILTER, view_filter);
}

int cmd_instance(struct cli *c)
{
	return show(c, ENT_INSTANCE, view_instance);
}

int cmd_volume(struct cli *c)
{
	return show(c, ENT_VOLUME, view_volume);
}

int cmd_drvobj(struct cli *c)
{
	return show(c, ENT_DRIVER, view_drvobj);
}

int cmd_devobj(struct cli *c)
{
	return show(c, ENT_DEVICE, view_devobj);
}
