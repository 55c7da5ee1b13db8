/* SPDX-License-Identifier: BSD-2-Clause */
/* u uf x ln pte: code, symbols and page tables as WinDbg prints them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "view/common.h"
#include "view/debug.h"

struct listing {
	struct view *v;
	const struct view_debug *d;
	uint64_t next;
	size_t n;
};

static const char *hex(struct view *v, const uint8_t *b, size_t n)
{
	char text[33] = "";
	size_t i;

	for (i = 0; i < n && i < 16; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", b[i]);
	return text_printf(v, "%s", text);
}

/* "fltmgr!Foo:" where a symbol begins, and above the first line wherever that is. */
static void heading(struct listing *l, const struct fs_insn *in)
{
	struct fs_symbol sym;

	if (!emit_is_text(l->v->e) || l->d->symbol_at(l->d->fs, in->va, &sym, NULL) != FS_OK ||
	    !sym.text[0])
		return;
	if (l->n == 0 || (sym.offset == 0 && sym.source > FS_SYM_MODULE))
		emit_line(l->v->e, "%s:", sym.text);
}

static bool line(void *arg, const struct fs_insn *in)
{
	struct listing *l = arg;
	struct emit *e = l->v->e;

	if (l->n && in->va != l->next && emit_is_text(e))
		emit_blank(e); /* the rest was moved elsewhere */
	entity_begin(l->v);
	heading(l, in);
	emit_object_begin(e, NULL);
	emit_address(e, "address", in->va);
	emit_string(e, "bytes", hex(l->v, in->bytes, in->size));
	emit_string(e, "mnemonic", in->mnemonic);
	emit_string(e, "operands", in->operands);
	emit_object_end(e);
	if (emit_is_text(e))
		emit_line(e, "%s %-15s %-7s %s", text_tick(l->v, l->d, in->va),
			  hex(l->v, in->bytes, in->size), in->mnemonic, in->operands);
	l->next = in->va + in->size;
	l->n++;
	return true;
}

struct view_result view_unassemble(struct view *v, const struct view_debug *d, uint64_t va,
				   size_t count)
{
	struct listing l = {.v = v, .d = d, .next = va};
	struct view_result r = {0};

	emit_array_begin(v->e, "instructions");
	r.status = d->disassemble(d->fs, va, count, line, &l, &r.err);
	emit_array_end(v->e);
	if (r.status != FS_OK && emit_is_text(v->e))
		emit_line(v->e, "%s %-15s %s", text_tick(v, d, l.next), "??", "???");
	r.shown = l.n;
	return r;
}

struct view_result view_function(struct view *v, const struct view_debug *d, uint64_t va)
{
	struct listing l = {.v = v, .d = d, .next = va};
	struct view_result r = {0};
	struct fs_error why = {0};
	bool complete = false;

	emit_array_begin(v->e, "instructions");
	r.status = d->function(d->fs, va, line, &l, &complete, &why, &r.err);
	emit_array_end(v->e);
	emit_bool(v->e, "complete", complete && r.status == FS_OK);
	r.shown = l.n;
	if (r.status == FS_OK && !complete) {
		r.status = why.status ? why.status : FS_LIMIT;
		r.err = why;
	}
	return r;
}

static void json_symbol(struct view *v, const char *key, const struct fs_symbol *s)
{
	static const char *const sources[] = {"none", "module", "export", "pdb"};

	emit_object_begin(v->e, key);
	emit_address(v->e, "address", s->va);
	emit_string(v->e, "module", s->module);
	if (s->name[0])
		emit_string(v->e, "name", s->name);
	emit_uint(v->e, "offset", s->offset);
	emit_string(v->e, "source", sources[s->source <= FS_SYM_PDB ? s->source : FS_SYM_NONE]);
	emit_object_end(v->e);
}

static const char *tick(struct view *v, uint64_t va)
{
	return text_tick(v, &(struct view_debug){.pointer = strlen(text_ptr(v, 0)) == 8 ? 4 : 8},
			 va);
}

void view_symbols_begin(struct view *v)
{
	emit_array_begin(v->e, "symbols");
}

void view_symbol(struct view *v, const struct fs_symbol *s)
{
	entity_begin(v);
	json_symbol(v, NULL, s);
	if (emit_is_text(v->e))
		emit_line(v->e, "%s          %s!%s", tick(v, s->va), s->module, s->name);
}

void view_symbols_end(struct view *v)
{
	emit_array_end(v->e);
}

static const char *near_text(struct view *v, const struct fs_symbol *s)
{
	return text_printf(v, "(%s)   %s", tick(v, s->va),
			   s->name[0] ? text_printf(v, "%s!%s", s->module, s->name) : s->module);
}

void view_nearest(struct view *v, uint64_t va, const struct fs_symbol *at,
		  const struct fs_symbol *next)
{
	emit_address(v->e, "address", va);
	json_symbol(v, "symbol", at);
	if (next)
		json_symbol(v, "next", next);
	if (!emit_is_text(v->e))
		return;
	emit_line(v->e, "%s%s%s%s", near_text(v, at),
		  at->offset ? text_printf(v, "+0x%" PRIx64, at->offset) : "", next ? "   |  " : "",
		  next ? near_text(v, next) : "");
	if (at->offset == 0 && at->name[0]) {
		emit_line(v->e, "Exact matches:");
		emit_line(v->e, "    %s!%s", at->module, at->name);
	}
}

/* ---DA--KWEV: copy on write, global, large, dirty, accessed, cache disable, write
 * through, owner, writable, executable, valid (Intel SDM vol. 3, 4.5; bit 9 is Windows'). */
static const char *bits(struct view *v, const struct fs_pte_level *l)
{
	uint64_t e = l->value;
	bool table = strcmp(l->name, "PTE") != 0;

	if (!(e & 1))
		return "not valid";
	return text_printf(v, "%c%c%c%c%c%c%c%c%c%c%c", e & 0x200 ? 'C' : '-',
			   e & 0x100 ? 'G' : '-', table && e & 0x80 ? 'L' : '-',
			   e & 0x40 ? 'D' : '-', e & 0x20 ? 'A' : '-', e & 0x10 ? 'N' : '-',
			   e & 8 ? 'T' : '-', e & 4 ? 'U' : 'K', e & 2 ? 'W' : 'R',
			   e >> 63 ? '-' : 'E', 'V');
}

static void pte_text(struct view *v, uint64_t va, const struct fs_pte *p)
{
	size_t i;

	emit_line(v->e, "%43s %s", "VA", text_ptr(v, va));
	for (i = 0; i < p->levels; i++) {
		const struct fs_pte_level *l = &p->level[i];

		emit_line(v->e, "%-5s at PA %016" PRIx64 "  contains %016" PRIx64 "  %s", l->name,
			  l->entry_pa, l->value,
			  l->value & 1 ? text_printf(v, "pfn %-9" PRIx64 " %s",
						     (l->value >> 12) & UINT64_C(0xffffffffff),
						     bits(v, l))
				       : bits(v, l));
	}
	if (p->status == FS_OK)
		emit_line(v->e, "%s: PA %016" PRIx64 ", page of 0x%" PRIx64 " bytes",
			  p->text ? p->text : "valid", p->pa, p->page_size);
	else
		emit_line(v->e, "%s: %s", fs_status_name(p->status), p->text ? p->text : "");
}

void view_pte(struct view *v, uint64_t va, const struct fs_pte *p)
{
	size_t i;

	emit_address(v->e, "address", va);
	emit_array_begin(v->e, "levels");
	for (i = 0; i < p->levels; i++) {
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "name", p->level[i].name);
		emit_address(v->e, "entry", p->level[i].entry_pa);
		emit_address(v->e, "value", p->level[i].value);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
	emit_string(v->e, "status", p->status == FS_OK ? "ok" : fs_status_name(p->status));
	emit_bool(v->e, "transition", p->transition);
	if (p->text)
		emit_string(v->e, "text", p->text);
	if (p->status == FS_OK) {
		emit_address(v->e, "physical", p->pa);
		emit_uint(v->e, "page_size", p->page_size);
	}
	if (emit_is_text(v->e))
		pte_text(v, va, p);
}
