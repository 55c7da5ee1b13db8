/* SPDX-License-Identifier: BSD-2-Clause */
/* What every command needs around it: opening, notes, the emitter, the exit status. */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

/* `path` NULL: none. */
static void say(const char *path, const char *text)
{
	char safe[4096], safe_path[1024];

	(void)escape_terminal(text, safe, sizeof(safe));
	(void)escape_terminal(path ? path : "", safe_path, sizeof(safe_path));
	(void)fprintf(stderr, "fltscope: %s%s%s\n", safe_path, path ? ": " : "", safe);
}

void cli_say(const struct cli *c, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(c->opt->dump, text);
}

bool cli_wants_colour(const struct cli_options *o)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (o->colour != COLOUR_AUTO)
		return o->colour == COLOUR_ALWAYS;
	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

bool cli_begin(struct cli *c)
{
	const char *name = c->opt->command->name, *sub = c->opt->sub;
	bool json = c->opt->json || strcmp(name, "export") == 0;
	struct emit *e = json ? emit_json_create(stdout)
			      : emit_text_create(stdout, cli_wants_colour(c->opt));
	char schema[64];

	if (!e) {
		cli_say(c, "out of memory");
		return false;
	}
	(void)snprintf(schema, sizeof(schema), "fltscope.%s%s%.16s/1", name, sub ? "-" : "",
		       sub ? sub : "");
	view_open(&c->v, e, c->m, schema);
	return true;
}

int cli_end(struct cli *c, int status)
{
	view_close(&c->v);
	if (emit_finish(c->v.e))
		return status;
	if (errno == EPIPE)
		return status; /* the reader has what it wanted */
	cli_say(c, "cannot write the answer: %s", strerror(errno));
	return CLI_USAGE;
}

static void progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	const struct cli *c = arg;
	char safe[128];

	(void)escape_terminal(what ? what : "", safe, sizeof(safe));
	(void)fputs("\r\x1b[K", stderr);
	if (c->of > 1)
		(void)fprintf(stderr, "[%zu/%zu] ", c->at, c->of);
	if (total)
		(void)fprintf(stderr, "%s %" PRIu64 "/%" PRIu64, safe, done, total);
	else
		(void)fputs(safe, stderr);
	(void)fflush(stderr);
}

static void open_failed(const struct cli_options *o, enum fs_status st, const struct fs_error *err)
{
	char text[FS_ERROR_TEXT + 64];
	size_t n = strlen(o->dump);
	bool named = strncmp(err->text, o->dump, n) == 0 && err->text[n] == ':';

	(void)snprintf(text, sizeof(text), "%s%s", err->text[0] ? err->text : fs_status_name(st),
		       o->dump_by_default && st == FS_SYSTEM ? " (nor is it a command: see --help)"
							     : "");
	/* the library names the file itself, or the layout file that is wrong */
	say(named || st == FS_INVALID ? NULL : o->dump, text);
}

void cli_progress_end(void)
{
	if (isatty(STDERR_FILENO) == 1)
		(void)fputs("\r\x1b[K", stderr);
}

/* -y, else what the environment says, joined as WinDbg joins it. NULL: no symbol path, or no
 * memory for it; owned. */
static char *symbol_path(const struct cli_options *o)
{
	const char *alt = getenv("_NT_ALT_SYMBOL_PATH"), *nt = getenv("_NT_SYMBOL_PATH");
	char *path = NULL;

	if (o->symbol_path)
		return strdup(o->symbol_path);
	alt = alt ? alt : "";
	nt = nt ? nt : "";
	if ((!*alt && !*nt) || asprintf(&path, "%s%s%s", alt, *alt && *nt ? ";" : "", nt) < 0)
		return NULL;
	return path;
}

int cli_open(struct cli *c, struct fs_error *ret_why)
{
	const struct cli_options *o = c->opt;
	char *symbols = symbol_path(o);
	bool listing = o->sub && strcmp(o->sub, "list") == 0;
	bool terminal = isatty(STDERR_FILENO) == 1;
	struct fltscope_options fo = {
		.layout_files = o->layouts,
		.nlayout_files = o->nlayouts,
		.directory_table_base = o->dtb,
		.raw = o->raw,
		.raw_hole_start = o->raw_hole_start,
		.raw_hole_end = o->raw_hole_end,
		.symbol_path = symbols,
		.image_path = o->image_path,
		/* what is there is listed; nothing is fetched by the way */
		.offline = o->offline || listing,
		.progress = terminal ? progress : NULL,
		.contexts = o->ledger,
		.threads = (o->command->needs & NEEDS_THREADS) != 0 || o->read_threads,
		.handles = (o->command->needs & NEEDS_THREADS) != 0,
		.progress_arg = c,
	};
	struct fs_error err = {0};
	enum fs_status st = fltscope_open(o->dump, &fo, &c->fs, &err);

	free(symbols);
	cli_progress_end();
	if (st == FS_OK) {
		c->m = fltscope_model(c->fs);
		return CLI_DONE;
	}
	open_failed(o, st, &err);
	if (ret_why)
		*ret_why = err;
	return st == FS_INVALID ? CLI_USAGE : CLI_NO_DUMP;
}

static void note_layout(const struct cli *c, const struct fs_layout *l)
{
	char inferred[96] = "";

	if (l->ninferred)
		(void)snprintf(inferred, sizeof(inferred),
			       "; %zu of its %zu fields are inferred, seen in no PDB of this build",
			       l->ninferred, l->nfields);
	cli_say(c,
		"note: layout %s (%s) is not this image's own: %zu fields are confirmed by "
		"nothing in this dump (shown as unproved), %zu are contradicted and left out%s",
		l->id, fs_layout_source_name(l->source), l->nunproved, l->nrefused, inferred);
}

/* What the reader of any answer about this dump must know. */
void cli_notes(const struct cli *c)
{
	const struct fs_model *m = c->m;
	bool shown = (c->opt->command->needs & NEEDS_STATE) != 0 ||
		     strcmp(c->opt->command->name, "export") == 0;
	bool confirmed = m->fltmgr.source == FS_LAYOUT_EXACT || m->fltmgr.source == FS_LAYOUT_PDB;

	if (m->dump.truncated)
		cli_say(c,
			"note: truncated: %" PRIu64 " bytes that the header promises are missing",
			m->dump.missing_bytes);
	if (m->dump.translation_problem)
		cli_say(c, "note: address translation: %s", m->dump.translation_problem);
	if (shown && m->found && m->fltmgr.id && !confirmed &&
	    m->fltmgr.nunproved + m->fltmgr.nrefused > 0)
		note_layout(c, &m->fltmgr);
}

/* A document for machines all the same: a thousand dumps are sorted by it. */
static int no_state(struct cli *c)
{
	cli_say(c, "%s", c->m->not_found ? c->m->not_found : "no Filter Manager state was found");
	if (!c->opt->json)
		return CLI_UNDECIDED;
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_not_found(&c->v);
	return cli_end(c, CLI_UNDECIDED);
}

int cli_run(const struct cli_options *opt)
{
	struct cli c = {.opt = opt};
	int status = CLI_DONE;

	if (opt->dump && !(opt->command->needs & OTHER_FILE))
		status = cli_open(&c, NULL);
	if (status == CLI_DONE) {
		if (c.m)
			cli_notes(&c);
		if (c.m && (opt->command->needs & NEEDS_STATE) && !c.m->found)
			status = no_state(&c);
		else
			status = opt->command->run(&c);
	}
	fltscope_close(c.fs);
	return status;
}
