/* SPDX-License-Identifier: BSD-2-Clause */
/* check: many dumps, one status. A dump that cannot be read does not stop the others. */
#include "cli/cli.h"
#include "cli/ignore.h"
#include "view/check_results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checking {
	struct cli *c;
	struct check_ask ask;
	struct ignore_file ignore;
	struct arena rules; /* lives as long as the run */
	struct res_run run;
	struct results *out;
	struct emit *e; /* of text, json and ndjson */
	struct view v;
	enum res_status status;
};

static bool ask(struct checking *k)
{
	const struct cli_options *o = k->c->opt;
	char why[256] = "";
	size_t i;

	k->ask = (struct check_ask){
		.fail_on = o->fail_on, .driver = o->driver, .rules = o->rules, .nrules = o->nrules};
	for (i = 0; i < o->nrules; i++) {
		if (check_rule_named(o->rules[i]))
			continue;
		cli_say(k->c, "--rule: there is no rule \"%s\" (see 'fltscope rules')",
			o->rules[i]);
		return false;
	}
	if (o->ignore && !ignore_read(&k->ignore, o->ignore, why, sizeof(why))) {
		cli_say(k->c, "%s: %s", o->ignore, why);
		return false;
	}
	k->ask.ignores = k->ignore.lines;
	k->ask.nignores = k->ignore.n;
	k->run = (struct res_run){.tool = "fltscope",
				  .version = FLTSCOPE_VERSION,
				  .fail_on = o->fail_on,
				  .driver = o->driver};
	k->run.rules = check_rules(&k->rules, &k->ask, &k->run.nrules);
	if (!k->run.rules)
		cli_say(k->c, "out of memory");
	return k->run.rules != NULL;
}

static bool begin(struct checking *k)
{
	enum cli_format f = k->c->opt->json ? FORMAT_JSON : k->c->opt->format;
	struct fs_error err = {0};

	switch (f) {
	case FORMAT_TEXT:
		k->e = emit_text_create(stdout, cli_wants_colour(k->c->opt));
		break;
	case FORMAT_JSON:
		k->e = emit_json_create(stdout);
		break;
	case FORMAT_NDJSON:
		k->e = emit_json_lines_create(stdout);
		break;
	case FORMAT_JUNIT:
		k->out = results_junit_create(stdout, &err);
		break;
	case FORMAT_SARIF:
		k->out = results_sarif_create(stdout, &err);
		break;
	}
	if (k->e) {
		k->v.e = k->e;
		k->out =
			view_check_create(&k->v, f == FORMAT_NDJSON ? CHECK_LINES : CHECK_DOCUMENT);
	}
	if (!k->out) {
		cli_say(k->c, "%s", err.text[0] ? err.text : "out of memory");
		return false;
	}
	results_begin(k->out, &k->run);
	return true;
}

/* What is known of an open dump, into `d`. */
static void judge(struct checking *k, struct cli *c, struct arena *a, struct res_dump *d)
{
	const struct fs_report *report = NULL;
	struct fs_error err = {0};
	const char *path = d->path;

	if (!c->m->found) {
		check_cannot(d, RES_UNDECIDED,
			     c->m->not_found ? c->m->not_found
					     : "no Filter Manager state was found");
		return;
	}
	if (fltscope_diagnose(c->fs, &report, &err) == FS_OK &&
	    check_build(a, &k->ask, c->m, report, d))
		return;
	*d = (struct res_dump){.path = path};
	check_cannot(d, RES_UNDECIDED, "out of memory");
}

/* Without the path, which the library may have put in front. */
static const char *why_not(const struct fs_error *err, const char *path)
{
	size_t n = strlen(path);

	if (!err->text[0])
		return fs_status_name(err->status);
	return strncmp(err->text, path, n) == 0 && strncmp(err->text + n, ": ", 2) == 0
		       ? err->text + n + 2
		       : err->text;
}

/* A rule that was named looks at threads even where nothing is stuck. */
static bool wants_threads(const struct cli_options *o)
{
	size_t i;

	for (i = 0; i < o->nrules; i++)
		if (check_needs_threads(o->rules[i]))
			return true;
	return false;
}

/* False when it makes no sense to go on: a layout file is wrong. */
static bool one(struct checking *k, const char *path, size_t at)
{
	struct cli_options o = *k->c->opt;
	struct cli c = {.opt = &o, .at = at, .of = k->c->opt->ndumps};
	struct res_dump d = {.path = path};
	struct fs_error err = {0};
	struct arena a = {0};
	int opened;

	o.dump = path;
	o.read_threads = wants_threads(&o);
	opened = cli_open(&c, &err);
	if (opened == CLI_DONE) {
		cli_notes(&c);
		judge(k, &c, &a, &d);
	} else {
		check_cannot(&d, RES_UNREADABLE, why_not(&err, path));
	}
	if (opened != CLI_USAGE) {
		k->v.m = c.m;
		results_dump(k->out, &d);
		(void)fflush(stdout); /* what was said stands, whatever the next dump does */
		k->status = res_worse(k->status, d.status);
		arena_deinit(&k->v.tmp);
		k->v.m = NULL;
	}
	arena_deinit(&a);
	fltscope_close(c.fs);
	return opened != CLI_USAGE;
}

static bool finish(struct checking *k)
{
	struct res_unused *unused = calloc(k->ignore.n + 1, sizeof(*unused));
	size_t i, n = 0;
	bool ok;
	int error;

	for (i = 0; i < k->ignore.n; i++) {
		const struct check_ignore *g = &k->ignore.lines[i];

		if (g->used)
			continue;
		cli_say(k->c, "note: %s: line %zu (%s %s) was not needed", k->c->opt->ignore,
			g->line, g->rule, g->subject ? g->subject : "*");
		if (unused)
			unused[n++] = (struct res_unused){k->c->opt->ignore, g->rule, g->subject,
							  g->reason, g->line};
	}
	ok = results_end(k->out, unused, n);
	error = errno;
	k->out = NULL;
	if (k->e && !emit_finish(k->e) && ok) {
		ok = false;
		error = errno;
	}
	k->e = NULL;
	free(unused);
	/* A CI that reads half an answer must know: not even a reader that went away is fine. */
	if (!ok)
		cli_say(k->c, "cannot write the answer: %s", strerror(error));
	return ok;
}

static void drop(struct checking *k)
{
	arena_deinit(&k->v.tmp);
	arena_deinit(&k->rules);
	ignore_deinit(&k->ignore);
}

int cmd_check(struct cli *c)
{
	struct checking k = {.c = c};
	bool sense = true;
	size_t i;

	if (!ask(&k) || !begin(&k)) {
		if (k.e)
			(void)emit_finish(k.e);
		drop(&k);
		return CLI_USAGE;
	}
	for (i = 0; sense && i < c->opt->ndumps; i++)
		sense = one(&k, c->opt->dumps[i], i + 1);
	sense = finish(&k) && sense;
	drop(&k);
	return sense ? (int)k.status : CLI_USAGE;
}
