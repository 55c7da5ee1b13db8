/* SPDX-License-Identifier: BSD-2-Clause */
/* symbols list, symbols fetch, pdb info, pdb layout. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "fltscope/debug.h"
#include "fltscope/pdb.h"
#include "view/symbols.h"

static enum fs_status of_module(void *arg, size_t module, struct fs_module_symbols *ret,
				struct fs_error *err)
{
	return fltscope_module_symbols(arg, module, ret, err);
}

static int list(struct cli *c)
{
	if (c->opt->nargs) {
		cli_say(c, "symbols list: '%s' is one argument too many", c->opt->arg);
		return CLI_USAGE;
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_symbols(&c->v, of_module, c->fs);
	return cli_end(c, CLI_DONE);
}

/* "fltmgr", "fltmgr.sys", "nt". */
static bool is_called(const struct fs_model *m, size_t i, const char *name)
{
	const char *own = m->modules[i].name;
	size_t n = strlen(name);

	if (!own)
		return false;
	if (str_ieq(own, name) || (str_istarts(own, name) && own[n] == '.'))
		return true;
	return str_ieq(name, "nt") &&
	       (str_ieq(own, "ntoskrnl.exe") || str_ieq(own, "ntkrnlmp.exe"));
}

/* The module that a filter's code lies in; -1. */
static int32_t filter_module(const struct fs_model *m, const struct fs_filter *f)
{
	int i;

	for (i = 0; i < FS_CB_COUNT; i++)
		if (f->callback[i].module >= 0)
			return f->callback[i].module;
	return f->driver >= 0 ? m->drivers[f->driver].module : -1;
}

/* The modules to fetch for; false has told what is wrong. */
static bool choose(struct cli *c, bool *wanted)
{
	const struct fs_model *m = c->m;
	size_t i, k;

	for (k = 0; k < c->opt->nargs; k++) {
		bool found = false;

		for (i = 0; i < m->nmodules; i++) {
			if (!is_called(m, i, c->opt->args[k]))
				continue;
			wanted[i] = found = true;
		}
		if (!found) {
			cli_say(c, "no module is called \"%s\"", c->opt->args[k]);
			return false;
		}
	}
	if (c->opt->nargs)
		return true;
	for (i = 0; i < m->nmodules; i++)
		if (is_called(m, i, "nt") || is_called(m, i, "fltmgr"))
			wanted[i] = true;
	for (i = 0; i < m->nfilters; i++)
		if (filter_module(m, &m->filters[i]) >= 0)
			wanted[filter_module(m, &m->filters[i])] = true;
	return true;
}

static int fetch(struct cli *c)
{
	size_t i, missing = 0, n = c->m->nmodules;
	bool *wanted = calloc(n ? n : 1, sizeof(*wanted));
	int status = CLI_USAGE;

	if (!c->opt->store)
		cli_say(c, "symbols fetch needs --store DIR");
	else if (!wanted)
		cli_say(c, "out of memory");
	else if (choose(c, wanted) && cli_begin(c)) {
		view_fetch_begin(&c->v);
		for (i = 0; i < n; i++) {
			struct fs_module_symbols info = {0};
			const char *path = NULL;
			struct fs_error err = {0};

			if (!wanted[i])
				continue;
			if (fltscope_fetch_symbols(c->fs, i, c->opt->store, &path, &err) != FS_OK) {
				path = NULL;
				missing++;
			}
			cli_progress_end();
			/* name and key; that it is not found again is no news */
			(void)fltscope_module_symbols(c->fs, i, &info, NULL);
			info.module = c->m->modules[i].name;
			info.path = path;
			info.why = path ? NULL : err.text;
			view_fetch_module(&c->v, &info);
		}
		view_fetch_end(&c->v);
		status = cli_end(c, missing ? CLI_UNDECIDED : CLI_DONE);
	}
	free(wanted);
	return status;
}

int cmd_symbols(struct cli *c)
{
	if (strcmp(c->opt->sub, "list") == 0)
		return list(c);
	if (strcmp(c->opt->sub, "fetch") == 0)
		return fetch(c);
	cli_say(c, "symbols takes: %s", c->opt->command->args);
	return CLI_USAGE;
}

static int pdb_layout(struct cli *c)
{
	const struct cli_options *o = c->opt;
	struct fs_pdb_layout l = {0};
	struct fs_error err = {0};
	enum fs_status st = fs_pdb_layout(o->dump, o->build, o->args, o->nargs, &l, &err);
	int status = CLI_DONE;

	if (st != FS_OK) {
		cli_say(c, "%s", err.text);
		return st == FS_NOT_FOUND ? CLI_UNDECIDED : CLI_NO_DUMP;
	}
	if (l.missing)
		cli_say(c, "note: %zu of the types asked for are not in this PDB", l.missing);
	if (!o->json) {
		/* a file to be read by machines: as it is, nothing escaped or coloured */
		if (fwrite(l.text, 1, strlen(l.text), stdout) != strlen(l.text))
			status = CLI_USAGE;
	} else if (cli_begin(c)) {
		view_pdb_layout(&c->v, &l);
		status = cli_end(c, CLI_DONE);
	}
	fs_pdb_layout_free(&l);
	return status;
}

static int pdb_info(struct cli *c)
{
	struct fs_pdb_info info = {0};
	struct fs_error err = {0};

	if (c->opt->nargs) {
		cli_say(c, "pdb info: '%s' is one argument too many", c->opt->arg);
		return CLI_USAGE;
	}
	if (fs_pdb_info(c->opt->dump, &info, &err) != FS_OK) {
		cli_say(c, "%s", err.text);
		return CLI_NO_DUMP;
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_pdb_info(&c->v, c->opt->dump, &info);
	return cli_end(c, CLI_DONE);
}

int cmd_pdb(struct cli *c)
{
	if (strcmp(c->opt->sub, "info") == 0)
		return pdb_info(c);
	if (strcmp(c->opt->sub, "layout") == 0)
		return pdb_layout(c);
	cli_say(c, "pdb takes: %s", c->opt->command->args);
	return CLI_USAGE;
}
