/* SPDX-License-Identifier: BSD-2-Clause */
/* threads process running locks vm. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "view/threads.h"

/* A number as kd reads one: hexadecimal, with or without 0x. */
static bool number(const char *s, uint64_t *ret)
{
	return parse_address(s, ret);
}

/* What has been read of threads was read; what is not there may be in the dump all the same. */
static int nothing(struct cli *c, const char *what)
{
	const char *arg = c->opt->arg ? c->opt->arg : "";

	cli_say(c, "no %s%s%s was read in this dump%s%s", what, *arg ? " " : "", arg,
		c->m->threads_why ? ": " : "", c->m->threads_why ? c->m->threads_why : "");
	return CLI_UNDECIDED;
}

static bool is_thread(const struct fs_thread *t, uint64_t n)
{
	return t->address == n || (fs_is_read(&t->tid) && t->tid.v == n);
}

int cmd_threads(struct cli *c)
{
	const struct fs_model *m = c->m;
	uint64_t n;
	size_t i, found = m->nthreads;

	if (!m->nthreads)
		return nothing(c, "thread");
	if (c->opt->arg) {
		if (!number(c->opt->arg, &n))
			return nothing(c, "thread");
		for (i = 0; i < m->nthreads && found == m->nthreads; i++)
			if (is_thread(&m->threads[i], n))
				found = i;
		if (found == m->nthreads)
			return nothing(c, "thread");
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	if (c->opt->arg)
		view_thread(&c->v, found);
	else
		view_threads(&c->v);
	return cli_end(c, CLI_DONE);
}

/* By name, with or without its suffix; else by address or process id. */
static bool is_process(const struct fs_process *p, const char *arg)
{
	const char *image = p->image.state == FS_READ ? p->image.s : NULL;
	size_t len = strlen(arg);
	uint64_t n;

	if (!arg[0] || strcmp(arg, "0") == 0)
		return true; /* !process 0 0: all */
	if (image &&
	    (str_ieq(image, arg) || (str_istarts(image, arg) && str_ieq(image + len, ".exe"))))
		return true;
	return number(arg, &n) && (p->address == n || (fs_is_read(&p->pid) && p->pid.v == n));
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
		if (is_process(&m->processes[i], arg))
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
	if (!c->m->nprocessors)
		return nothing(c, "processor");
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
