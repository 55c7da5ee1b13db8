/* SPDX-License-Identifier: BSD-2-Clause */
/* threads process running locks vm. */
#include <stdlib.h>
#include <string.h>

#include "cli/resolve.h"
#include "view/threads.h"

/* What has been read of threads was read; what is not there may be in the dump all the same. */
static int nothing(struct cli *c, const char *what)
{
	const char *arg = c->opt->arg ? c->opt->arg : "";

	cli_say(c, "no %s%s%s was read in this dump%s%s", what, *arg ? " " : "", arg,
		c->m->threads_why ? ": " : "", c->m->threads_why ? c->m->threads_why : "");
	return CLI_UNDECIDED;
}

int cmd_threads(struct cli *c)
{
	int32_t found = c->opt->arg ? resolve_thread(c->m, c->opt->arg) : 0;

	if (found == -2) {
		cli_say(c, "%s is not the ID of one thread alone; give an address", c->opt->arg);
		return CLI_UNDECIDED;
	}
	if (!c->m->nthreads || found < 0)
		return nothing(c, "thread");
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	if (c->opt->arg)
		view_thread(&c->v, (size_t)found);
	else
		view_threads(&c->v);
	return cli_end(c, CLI_DONE);
}

int cmd_process(struct cli *c)
{
	const struct fs_model *m = c->m;
	const char *arg = c->opt->arg ? c->opt->arg : "";
	size_t *index = calloc(m->nprocesses + 1, sizeof(*index)), i, n = 0;
	int status = CLI_UNDECIDED;

	if (!index) {
		cli_say(c, "out of memory");
		return CLI_UNDECIDED;
	}
	for (i = 0; i < m->nprocesses; i++)
		if (!arg[0] || strcmp(arg, "0") == 0 || /* !process 0 0: all */
		    process_matches(m, &m->processes[i], arg))
			index[n++] = i;
	if (!n)
		status = nothing(c, "process");
	else if (cli_begin(c)) {
		/* one process's threads are shown whole, those of all in short */
		view_process(&c->v, index, n, !c->opt->threads ? 0 : n == 1 ? 2 : 1);
		status = cli_end(c, CLI_DONE);
	}
	free(index);
	return status;
}

int cmd_running(struct cli *c)
{
	if (!c->m->nprocessors) {
		cli_say(c, "no processor was read in this dump: they are found through "
			   "KiProcessorBlock, which KDDEBUGGER_DATA64 or nt's PDB (-y) names%s%s",
			c->m->threads_why ? "; " : "", c->m->threads_why ? c->m->threads_why : "");
		return CLI_UNDECIDED;
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_running(&c->v);
	return cli_end(c, CLI_DONE);
}

int cmd_locks(struct cli *c)
{
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_locks(&c->v);
	return cli_end(c, CLI_DONE);
}

int cmd_vm(struct cli *c)
{
	const struct fs_counter *list = NULL;
	struct view_counter *v;
	struct fs_error err = {0};
	int status = CLI_UNDECIDED;
	bool any = false;
	size_t n = 0, i;

	if (fltscope_memory_counters(c->fs, &list, &n, &err)) {
		cli_say(c, "%s", err.text);
		return CLI_UNDECIDED;
	}
	v = calloc(n + 1, sizeof(*v));
	if (!v) {
		cli_say(c, "out of memory");
		return CLI_UNDECIDED;
	}
	for (i = 0; i < n; i++) {
		v[i] = (struct view_counter){list[i].name, list[i].bytes, list[i].value};
		any |= fs_is_read(&list[i].value);
	}
	for (i = 0; i < c->m->nprocesses; i++)
		any |= fs_is_read(&c->m->processes[i].commit_charge);
	if (cli_begin(c)) {
		view_vm(&c->v, v, n);
		status = cli_end(c, any ? CLI_DONE : CLI_UNDECIDED);
	}
	free(v);
	return status;
}
