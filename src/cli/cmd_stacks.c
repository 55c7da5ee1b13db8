/* SPDX-License-Identifier: BSD-2-Clause */
/* k kc kv us hang: kernel stacks. */
#include "cli/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "view/hang.h"
#include "view/stacks.h"

static int no_thread(const struct cli *c, const char *arg, int32_t found)
{
	if (found == -2) {
		cli_say(c, "%s is not the ID of one thread alone; give an address", arg);
		return CLI_UNDECIDED;
	}
	cli_say(c, "%s: no thread has this address or ID; %zu threads were read%s%s", arg,
		c->m->nthreads, c->m->threads_why ? ": " : "",
		c->m->threads_why ? c->m->threads_why : "");
	return CLI_UNDECIDED;
}

/* As `running` prints it: decimal. */
static bool parse_processor(const char *arg, int64_t *ret)
{
	char *end = NULL;
	unsigned long n;

	if (arg[0] < '0' || arg[0] > '9')
		return false;
	errno = 0;
	n = strtoul(arg, &end, strncmp(arg, "0x", 2) == 0 ? 16 : 10);
	*ret = (int64_t)n;
	return errno == 0 && *end == 0 && n <= INT32_MAX;
}

/* Without a thread: a processor's, where the container has its registers or one was asked for,
 * else that of the header's CONTEXT or of --cxr. */
static enum fs_status own_stack(struct cli *c, struct view_stack *s, struct fs_stack *own,
				struct fs_standing *at, struct fs_error *err)
{
	size_t n = c->m->dump.nregisters;
	int64_t number = -1;
	enum fs_status st;

	s->stack = own;
	if (c->opt->processor)
		(void)parse_processor(c->opt->processor, &number);
	if (s->context || (number < 0 && n == 0)) {
		st = fltscope_context_stack(c->fs, s->context, own, err);
		if (!s->context && st == FS_OK)
			s->thread = fltscope_current_thread(c->fs);
		return st;
	}
	st = fltscope_processor_stack(c->fs, number, own, at, err);
	if (st != FS_OK)
		return st;
	s->at = at;
	s->thread = at->thread;
	if (number < 0 && n > 1)
		cli_say(c, "note: this is processor %d of %zu (--processor N for another; info has "
			   "where each stood)",
			at->processor, n);
	return FS_OK;
}

static int stack(struct cli *c, enum view_k kind)
{
	struct view_stack s = {.kind = kind, .thread = -1, .fs = c->fs, .read = fltscope_read};
	struct fs_error err = {0};
	struct fs_standing at;
	struct fs_stack own;
	enum fs_status st = FS_OK;
	int64_t number;

	if (c->opt->processor && !parse_processor(c->opt->processor, &number)) {
		cli_say(c, "--processor takes a number, as `running` prints it, not '%s'",
			c->opt->processor);
		return CLI_USAGE;
	}
	if (c->opt->cxr && (!parse_address(c->opt->cxr, &s.context) || !s.context)) {
		cli_say(c, "--cxr takes the address of a CONTEXT, not '%s'", c->opt->cxr);
		return CLI_USAGE;
	}
	if (c->opt->arg) {
		s.thread = resolve_thread(c->m, c->opt->arg);
		if (s.thread < 0)
			return no_thread(c, c->opt->arg, s.thread);
		st = fltscope_stack(c->fs, (size_t)s.thread, &err);
		s.stack = &c->m->threads[s.thread].stack;
	} else {
		st = own_stack(c, &s, &own, &at, &err);
	}
	if (st != FS_OK) {
		cli_say(c, "%s", err.text);
		return CLI_UNDECIDED;
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_stack(&c->v, &s);
	return cli_end(c, s.stack->n || s.stack->end == FS_STACK_USER ? CLI_DONE : CLI_UNDECIDED);
}

int cmd_k(struct cli *c)
{
	return stack(c, VIEW_K);
}

int cmd_kc(struct cli *c)
{
	return stack(c, VIEW_KC);
}

int cmd_kv(struct cli *c)
{
	return stack(c, VIEW_KV);
}

/* --- us ------------------------------------------------------------------------------ */

/* -1 none, -2 several. */
static int32_t find_process(const struct cli *c, const char *arg)
{
	int32_t found = -1;
	size_t i;

	for (i = 0; i < c->m->nprocesses; i++)
		if (process_matches(c->m, &c->m->processes[i], arg))
			found = found == -1 ? (int32_t)i : -2;
	return found;
}

static int32_t find_module(const struct cli *c, const char *arg)
{
	size_t i, n = strlen(arg);

	for (i = 0; i < c->m->nmodules; i++) {
		const char *name = c->m->modules[i].name;

		if (name && (str_ieq(name, arg) || (str_istarts(name, arg) && name[n] == '.')))
			return (int32_t)i;
	}
	if (str_ieq(arg, "nt") && c->m->nmodules)
		return 0;
	return -1;
}

bool cli_threads_wanted(struct cli *c, struct view_threads *ret)
{
	const struct cli_options *o = c->opt;

	*ret = (struct view_threads){.process = -1, .through = -1, .running = o->running};
	if (o->process) {
		ret->process = find_process(c, o->process);
		if (ret->process == -2)
			cli_say(c, "several processes are named '%s'; give an address or a PID",
				o->process);
		else if (ret->process < 0)
			cli_say(c, "no process has the name, address or PID '%s'", o->process);
		if (ret->process < 0)
			return false;
	}
	if (o->through) {
		ret->through = find_module(c, o->through);
		if (ret->through < 0)
			cli_say(c, "no module is named '%s'", o->through);
	}
	return !o->through || ret->through >= 0;
}

int cmd_us(struct cli *c)
{
	struct view_threads which;
	struct fs_error err = {0};
	bool any;

	if (fltscope_stacks(c->fs, &err) != FS_OK) {
		cli_say(c, "%s", err.text);
		return CLI_UNDECIDED;
	}
	if (!cli_threads_wanted(c, &which) || !cli_begin(c))
		return CLI_UNDECIDED;
	any = view_us(&c->v, &which);
	if (!any)
		cli_say(c, "no thread of these has a stack that could be read%s%s",
			c->m->threads_why ? ": " : "", c->m->threads_why ? c->m->threads_why : "");
	return cli_end(c, any ? CLI_DONE : CLI_UNDECIDED);
}

int cmd_hang(struct cli *c)
{
	struct view_threads which;
	struct fs_error err = {0};
	struct fs_hang hang;
	bool answers;

	if (fltscope_hang(c->fs, &hang, &err) != FS_OK) {
		cli_say(c, "%s", err.text);
		return CLI_UNDECIDED;
	}
	if (!cli_threads_wanted(c, &which) || !cli_begin(c))
		return CLI_UNDECIDED;
	/* that nobody hangs is an answer only where a stack could be followed */
	answers = view_hang(&c->v, &hang, &which);
	if (!c->m->nthreads)
		cli_say(c, "no thread could be read%s%s", c->m->threads_why ? ": " : "",
			c->m->threads_why ? c->m->threads_why : "");
	return cli_end(c, answers ? CLI_DONE : CLI_UNDECIDED);
}
