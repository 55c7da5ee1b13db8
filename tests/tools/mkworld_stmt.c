/* SPDX-License-Identifier: BSD-2-Clause */
/* Statements that are not objects: machine facts, raw memory, page states. */
#include "mkworld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILETIME_EPOCH 11644473600ull /* seconds from 1601 to 1970 */

static void set_time(struct lex *l)
{
	char word[64];
	struct tm tm = {0};

	lex_need(l, word, sizeof(word), "a time");
	if (sscanf(word, "%d-%d-%dT%d:%d:%dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		   &tm.tm_min, &tm.tm_sec) != 6)
		die(l->w, "a time looks like 2015-01-13T09:30:00Z");
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	l->w->time = ((uint64_t)timegm(&tm) + FILETIME_EPOCH) * 10000000u;
}

static void put_values(struct lex *l, unsigned size)
{
	uint64_t va = lex_expr(l), at = va;

	do {
		mem_put(l->w, at, lex_expr(l), size);
		at += size;
	} while (!lex_done(l));
	mem_extent(l->w, va, at - va);
}

/* bytes ADDR hex pairs, with or without spaces */
static void put_bytes(struct lex *l)
{
	uint64_t va = lex_expr(l), at = va;

	while (!lex_done(l)) {
		unsigned v;

		if (sscanf(l->p, "%2x", &v) != 1)
			die(l->w, "bad hex: %s", l->p);
		mem_put(l->w, at++, v, 1);
		l->p += 2;
	}
	mem_extent(l->w, va, at - va);
}

static void put_utf16(struct lex *l)
{
	uint16_t u[512];
	uint64_t va = lex_expr(l);
	size_t n = lex_string(l, u, 512);

	mem_utf16(l->w, va, u, n);
}

/* ascii ADDR "…": bytes without a terminator. */
static void put_ascii(struct lex *l)
{
	uint16_t u[512];
	uint64_t va = lex_expr(l);
	size_t n = lex_string(l, u, 512);

	mem_extent(l->w, va, n);
	for (size_t i = 0; i < n; i++)
		mem_put(l->w, va + i, u[i], 1);
}

static void set_page(struct lex *l)
{
	static const char *const names[] = {
		[PG_PRESENT] = "present",
		[PG_TRANSITION] = "transition",
		[PG_TRANSITION_MASKED] = "transition-masked",
		[PG_PAGEFILE] = "pagefile",
		[PG_PROTOTYPE] = "prototype",
		[PG_DEMANDZERO] = "demandzero",
		[PG_MISSING] = "missing",
		[PG_UNMAPPED] = "unmapped",
		[PG_ABSENT_TABLE] = "absent-table",
	};
	uint64_t va = lex_expr(l);
	char word[64];

	lex_need(l, word, sizeof(word), "a page state");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], word)) {
			page_make(l->w, va)->state = (enum page_state)i;
			return;
		}
	die(l->w, "no page state %s", word);
}

static void set_large(struct lex *l)
{
	struct large *g = push(l->w, &l->w->larges);
	char word[16];

	g->va = lex_expr(l);
	lex_need(l, word, sizeof(word), "2M or 1G");
	g->size = !strcmp(word, "2M") ? 0x200000 : !strcmp(word, "1G") ? 0x40000000 : 0;
	if (!g->size)
		die(l->w, "a large page is 2M or 1G");
	g->va &= ~(g->size - 1);
}

static void add_unloaded(struct lex *l)
{
	struct unloaded *u = push(l->w, &l->w->unloaded);
	char word[256];

	lex_need(l, word, sizeof(word), "a name");
	u->name = xstrdup(word);
	u->start = lex_expr(l);
	u->end = lex_expr(l);
}

static void add_label(struct lex *l)
{
	char name[128], type[128];
	uint64_t va;

	lex_need(l, name, sizeof(name), "a label");
	va = lex_expr(l);
	label_add(l->w, name, va, lex_word(l, type, sizeof(type)) ? type : NULL);
}

/* alloc LABEL SIZE: zeroed pool memory */
static void alloc(struct lex *l)
{
	char name[128];
	uint64_t va, size;

	lex_need(l, name, sizeof(name), "a label");
	size = lex_expr(l);
	va = mem_alloc(l->w, size);
	mem_fill(l->w, va, 0, size);
	mem_extent(l->w, va, size);
	label_add(l->w, name, va, NULL);
}

/* drop ADDR SIZE: a triage dump did not capture this */
static void drop(struct lex *l)
{
	struct extent *e = push(l->w, &l->w->extents);

	e->va = lex_expr(l);
	e->size = lex_expr(l);
	e->dropped = true;
}

static void set_bugcheck(struct lex *l)
{
	l->w->bugcheck = (uint32_t)lex_expr(l);
	for (unsigned i = 0; i < 4 && !lex_done(l); i++)
		l->w->bugcheck_parameter[i] = lex_expr(l);
}

static void set_build(struct lex *l)
{
	if (l->w->build)
		die(l->w, "build was already given");
	l->w->build = (uint32_t)lex_expr(l);
	if (!l->w->major)
		l->w->major = 15;
}

static void set_context(struct lex *l)
{
	l->w->ctx_rip = lex_expr(l);
	l->w->ctx_rsp = lex_expr(l);
	if (!lex_done(l))
		l->w->ctx_rbp = lex_expr(l);
}

/* cpu N RIP RSP RBP CS [USERGS] */
static void set_cpu(struct lex *l)
{
	uint64_t n = lex_expr(l);

	if (n >= CPUS_MAX)
		die(l->w, "at most %u processors have registers of their own", CPUS_MAX);
	l->w->cpus[n].set = true;
	l->w->cpus[n].rip = lex_expr(l);
	l->w->cpus[n].rsp = lex_expr(l);
	l->w->cpus[n].rbp = lex_expr(l);
	l->w->cpus[n].cs = lex_expr(l);
	l->w->cpus[n].user_gs = lex_done(l) ? 0 : lex_expr(l);
}

/* Before any module: pointers have its size. */
static void set_machine(struct lex *l)
{
	static const char *const names[] = {
		[MACHINE_X64] = "x64", [MACHINE_X86] = "x86", [MACHINE_ARM64] = "arm64"};
	char word[16];

	lex_need(l, word, sizeof(word), "a machine");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], word)) {
			l->w->machine = (enum machine)i;
			return;
		}
	die(l->w, "no machine %s", word);
}

static bool machine_fact(struct lex *l)
{
	struct world *w = l->w;

	if (lex_keyword(l, "build"))
		set_build(l);
	else if (lex_keyword(l, "machine"))
		set_machine(l);
	else if (lex_keyword(l, "nopae"))
		w->nopae = true;
	else if (lex_keyword(l, "major"))
		w->major = (uint32_t)lex_expr(l);
	else if (lex_keyword(l, "processors"))
		w->processors = (uint32_t)lex_expr(l);
	else if (lex_keyword(l, "bugcheck"))
		set_bugcheck(l);
	else if (lex_keyword(l, "time"))
		set_time(l);
	else if (lex_keyword(l, "uptime"))
		w->uptime = lex_expr(l) * 10000000u;
	else if (lex_keyword(l, "comment"))
		lex_ascii(l, w->comment, sizeof(w->comment));
	else if (lex_keyword(l, "context"))
		set_context(l);
	else if (lex_keyword(l, "cpu"))
		set_cpu(l);
	else if (lex_keyword(l, "la57"))
		w->la57 = true;
	else if (lex_keyword(l, "high"))
		w->high = true;
	else if (lex_keyword(l, "pool"))
		w->pool = lex_expr(l);
	else if (lex_keyword(l, "padding"))
		w->padding = (uint8_t)lex_expr(l);
	else if (lex_keyword(l, "pte_mask"))
		w->pte_mask = lex_expr(l);
	else
		return false;
	return true;
}

static bool memory(struct lex *l)
{
	if (lex_keyword(l, "bytes"))
		put_bytes(l);
	else if (lex_keyword(l, "u8"))
		put_values(l, 1);
	else if (lex_keyword(l, "u16"))
		put_values(l, 2);
	else if (lex_keyword(l, "u32"))
		put_values(l, 4);
	else if (lex_keyword(l, "u64"))
		put_values(l, 8);
	else if (lex_keyword(l, "ptr"))
		put_values(l, pointer_size(l->w));
	else if (lex_keyword(l, "utf16"))
		put_utf16(l);
	else if (lex_keyword(l, "ascii"))
		put_ascii(l);
	else if (lex_keyword(l, "page"))
		set_page(l);
	else if (lex_keyword(l, "large"))
		set_large(l);
	else if (lex_keyword(l, "alloc"))
		alloc(l);
	else if (lex_keyword(l, "drop"))
		drop(l);
	else
		return false;
	return true;
}

void stmt_run(struct lex *l, struct stream *s)
{
	lex_space(l);
	if (*l->p == '@')
		stmt_assign(l);
	else if (lex_keyword(l, "object"))
		stmt_object(l, s);
	else if (lex_keyword(l, "amend"))
		stmt_amend(l, s);
	else if (lex_keyword(l, "list"))
		stmt_list(l);
	else if (lex_keyword(l, "append"))
		stmt_append(l);
	else if (lex_keyword(l, "emptylist"))
		stmt_emptylist(l);
	else if (lex_keyword(l, "module"))
		stmt_module(l);
	else if (lex_keyword(l, "unloaded"))
		add_unloaded(l);
	else if (lex_keyword(l, "label"))
		add_label(l);
	else if (!machine_fact(l) && !memory(l))
		die(l->w, "no statement or macro: %s", l->p);
}
