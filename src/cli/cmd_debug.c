/* SPDX-License-Identifier: BSD-2-Clause */
/* dt x ln u uf db dw dd dq dps pte: the debugger's basics. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "view/debug.h"

#define COUNT_MAX 65536 /* instructions or values of one command */

static struct view_debug functions(struct cli *c)
{
	return (struct view_debug){
		.fs = c->fs,
		.pointer = fltscope_pointer_size(c->fs),
		.read = fltscope_read,
		.symbol_at = fltscope_symbol_at,
		.type = fltscope_type,
		.enum_name = fltscope_enum_name,
		.disassemble = fltscope_disassemble,
		.function = fltscope_disassemble_function,
	};
}

/* An address or symbol; false has told what is wrong with it. */
static bool address_of(struct cli *c, const char *expression, uint64_t *ret)
{
	struct fs_error err = {0};

	if (fltscope_evaluate(c->fs, expression, ret, &err) == FS_OK)
		return true;
	cli_say(c, "%s: %s", expression, err.text);
	return false;
}

/* As WinDbg: hexadecimal; 0n25 is decimal. */
static bool number(const char *s, uint64_t *ret)
{
	bool decimal = s[0] == '0' && (s[1] == 'n' || s[1] == 'N');
	const char *digits = decimal ? s + 2 : s;
	char *end = NULL;

	if (!isxdigit((unsigned char)*digits))
		return false;
	*ret = strtoull(digits, &end, decimal ? 10 : 16);
	return *end == '\0';
}

/* "L25", "L 25", behind the address. False has told what is wrong with it. */
static bool count_of(struct cli *c, size_t *ret)
{
	const struct cli_options *o = c->opt;
	const char *s = NULL;
	uint64_t n;

	if (o->nargs == 2 && (o->args[1][0] | 0x20) == 'l')
		s = o->args[1] + 1;
	else if (o->nargs == 3 && (o->args[1][0] | 0x20) == 'l' && !o->args[1][1])
		s = o->args[2];
	else if (o->nargs > 1)
		s = "";
	if (!s)
		return true;
	if (!number(s, &n) || n == 0 || n > COUNT_MAX) {
		cli_say(c, "%s: a count is L and a hexadecimal number up to %x, not '%s'",
			o->command->name, COUNT_MAX, o->args[o->nargs - 1]);
		return false;
	}
	*ret = (size_t)n;
	return true;
}

/* What is missing is told; nothing at all is exit 4. */
static int finish(struct cli *c, const struct view_result *r)
{
	if (r->status != FS_OK)
		cli_say(c, "%s%s", r->shown ? "note: " : "", r->err.text);
	return cli_end(c, r->shown ? CLI_DONE : CLI_UNDECIDED);
}

/* --- dt -------------------------------------------------------------------------- */

static bool is_field(const struct fs_type *t, const char *s)
{
	size_t i, n = strcspn(s, ".");

	for (i = 0; i < t->nfields; i++)
		if (strlen(t->fields[i].name) == n && strncmp(t->fields[i].name, s, n) == 0)
			return true;
	return false;
}

/* The second word may be a field: a name wins over an address that is spelt like it. */
static bool is_address(const struct fs_type *t, const char *s)
{
	uint64_t va;

	return !is_field(t, s) && (strchr(s, '!') || parse_address(s, &va));
}

int cmd_dt(struct cli *c)
{
	const struct cli_options *o = c->opt;
	struct view_debug d = functions(c);
	struct view_dt ask = {.type = o->args[0],
			      .depth = o->recurse,
			      .blocks = o->blocks,
			      .fields = o->args + 1,
			      .nfields = o->nargs - 1};
	struct fs_error err = {0};
	struct view_result r;
	struct fs_type type;

	if (fltscope_type(c->fs, ask.type, &type, &err) != FS_OK) {
		cli_say(c, "%s", err.text);
		return CLI_UNDECIDED;
	}
	if (ask.nfields && is_address(&type, ask.fields[0])) {
		if (!address_of(c, ask.fields[0], &ask.address))
			return CLI_USAGE;
		ask.has_address = true;
		ask.fields++;
		ask.nfields--;
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	r = view_dt(&c->v, &d, &ask);
	if (r.status == FS_OK && !r.shown)
		r.status = fs_fail(&r.err, FS_NOT_FOUND, "%s!%s has no such field", type.module,
				   type.name);
	return finish(c, &r);
}

/* --- memory ------------------------------------------------------------------------ */

static int memory(struct cli *c, enum view_unit unit)
{
	struct view_debug d = functions(c);
	size_t size = unit == UNIT_SYMBOL ? d.pointer : (size_t)unit;
	size_t count = 128 / size; /* WinDbg's 8 lines */
	struct view_result r;
	uint64_t va;

	if (!count_of(c, &count) || !address_of(c, c->opt->args[0], &va))
		return CLI_USAGE;
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	r = view_memory(&c->v, &d, unit, va, count);
	return finish(c, &r);
}

int cmd_db(struct cli *c)
{
	return memory(c, UNIT_BYTE);
}

int cmd_dw(struct cli *c)
{
	return memory(c, UNIT_WORD);
}

int cmd_dd(struct cli *c)
{
	return memory(c, UNIT_DWORD);
}

int cmd_dq(struct cli *c)
{
	return memory(c, UNIT_QWORD);
}

int cmd_dps(struct cli *c)
{
	return memory(c, UNIT_SYMBOL);
}

int cmd_pte(struct cli *c)
{
	struct fs_error err = {0};
	struct fs_pte pte = {0};
	uint64_t va;

	if (!address_of(c, c->opt->args[0], &va))
		return CLI_USAGE;
	if (fltscope_pte(c->fs, va, &pte, &err) != FS_OK) {
		cli_say(c, "%s", err.text);
		return CLI_UNDECIDED;
	}
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_pte(&c->v, va, &pte);
	return cli_end(c, CLI_DONE);
}

/* --- code and symbols ---------------------------------------------------------------- */

int cmd_u(struct cli *c)
{
	struct view_debug d = functions(c);
	size_t count = 8;
	struct view_result r;
	uint64_t va;

	if (!count_of(c, &count) || !address_of(c, c->opt->args[0], &va))
		return CLI_USAGE;
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	r = view_unassemble(&c->v, &d, va, count);
	return finish(c, &r);
}

int cmd_uf(struct cli *c)
{
	struct view_debug d = functions(c);
	struct view_result r;
	uint64_t va;

	if (!address_of(c, c->opt->args[0], &va))
		return CLI_USAGE;
	if (!cli_begin(c))
		return CLI_UNDECIDED;
	r = view_function(&c->v, &d, va);
	return finish(c, &r);
}

struct found {
	struct cli *c;
	size_t n;
};

static bool show_symbol(void *arg, const struct fs_symbol *s)
{
	struct found *f = arg;

	view_symbol(&f->c->v, s);
	f->n++;
	return true;
}

int cmd_x(struct cli *c)
{
	struct found f = {.c = c};
	struct fs_error err = {0};
	enum fs_status st;

	if (!cli_begin(c))
		return CLI_UNDECIDED;
	view_symbols_begin(&c->v);
	st = fltscope_symbols(c->fs, c->opt->args[0], show_symbol, &f, &err);
	view_symbols_end(&c->v);
	if (st != FS_OK)
		cli_say(c, "%s", err.text);
	else if (!f.n)
		cli_say(c, "no symbol matches %s", c->opt->args[0]);
	return cli_end(c, f.n ? CLI_DONE : CLI_UNDECIDED);
}

struct following {
	uint64_t va;
	struct fs_symbol best;
	bool have;
};

/* Symbols come in address order: the first beyond the address ends it. */
static bool after(void *arg, const struct fs_symbol *s)
{
	struct following *f = arg;

	if (s->va <= f->va)
		return true;
	f->best = *s;
	f->have = true;
	return false;
}

int cmd_ln(struct cli *c)
{
	struct following next = {0};
	struct fs_symbol *at = calloc(1, sizeof(*at));
	struct fs_error err = {0};
	char pattern[80];
	int status = CLI_UNDECIDED;
	uint64_t va;

	if (!at || !address_of(c, c->opt->args[0], &va)) {
		free(at);
		return CLI_USAGE;
	}
	if (fltscope_symbol_at(c->fs, va, at, &err) != FS_OK) {
		cli_say(c, "%s", err.text);
	} else {
		next.va = va;
		(void)snprintf(pattern, sizeof(pattern), "%s!*", at->module);
		if (at->name[0])
			(void)fltscope_symbols(c->fs, pattern, after, &next, NULL);
		if (cli_begin(c)) {
			view_nearest(&c->v, va, at, next.have ? &next.best : NULL);
			status = cli_end(c, CLI_DONE);
		}
	}
	free(at);
	return status;
}
