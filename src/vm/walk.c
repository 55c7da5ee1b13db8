/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/walk.h"

#include <inttypes.h>
#include <libkdumpfile/addrxlat.h>
#include <stdlib.h>
#include <string.h>

/* libaddrxlat keeps up to four pages of ours in its own read cache and gives them
 * back through put_page when it likes, so they must not move or be reused before.
 * Sixteen hold those and the tables of a walk with its neighbours. */
#define WALK_PAGES 16u

struct walk_page {
	uint64_t pa;
	uint64_t used; /* clock of the last use; 0: empty */
	unsigned pins; /* handed to libaddrxlat and not yet put back */
	uint8_t bytes[DUMP_PAGE_SIZE];
};

struct walk {
	struct dump *dump;
	addrxlat_ctx_t *ctx;
	addrxlat_meth_t meth;
	enum dump_machine machine;
	enum pte_kind kind;
	uint64_t register_value; /* CR3, as it was given */
	uint64_t clock;
	enum fs_status page_status; /* why the last get_page failed */
	struct walk_page page[WALK_PAGES];
};

static struct walk_page *find_page(struct walk *w, uint64_t pa)
{
	struct walk_page *victim = NULL;
	size_t i;

	for (i = 0; i < WALK_PAGES; i++) {
		struct walk_page *p = &w->page[i];

		if (p->used && p->pa == pa) {
			p->used = ++w->clock;
			return p;
		}
		if (p->pins == 0 && (!victim || p->used < victim->used))
			victim = p;
	}
	if (!victim) { /* more pins than the library can hold: its contract changed */
		w->page_status = FS_LIMIT;
		return NULL;
	}
	victim->used = 0;
	w->page_status = dump_read_phys(w->dump, pa, victim->bytes, DUMP_PAGE_SIZE, NULL);
	if (w->page_status != FS_OK)
		return NULL;
	victim->pa = pa;
	victim->used = ++w->clock;
	return victim;
}

static void put_page(const addrxlat_buffer_t *buf)
{
	struct walk_page *p = buf->priv;

	p->pins--;
}

static addrxlat_status get_page(const addrxlat_cb_t *cb, addrxlat_buffer_t *buf)
{
	uint64_t pa = buf->addr.addr & ~(uint64_t)(DUMP_PAGE_SIZE - 1);
	struct walk_page *p = find_page(cb->priv, pa);

	if (!p)
		return ADDRXLAT_ERR_NODATA;
	p->pins++;
	buf->addr.addr = pa;
	buf->ptr = p->bytes;
	buf->size = DUMP_PAGE_SIZE;
	buf->byte_order = ADDRXLAT_LITTLE_ENDIAN;
	buf->put_page = put_page;
	buf->priv = p;
	return ADDRXLAT_OK;
}

static unsigned long read_caps(const addrxlat_cb_t *cb)
{
	(void)cb;
	return ADDRXLAT_CAPS(ADDRXLAT_MACHPHYSADDR);
}

enum fs_status walk_create(struct dump *d, enum dump_machine machine, uint64_t root,
			   struct walk **ret, struct fs_error *err)
{
	struct walk *w = calloc(1, sizeof(*w));
	addrxlat_cb_t *cb;

	if (!w)
		return fs_fail(err, FS_NO_MEMORY, "page-table walk: out of memory");
	w->dump = d;
	w->machine = machine;
	w->register_value = root;
	w->ctx = addrxlat_ctx_new();
	cb = w->ctx ? addrxlat_ctx_add_cb(w->ctx) : NULL;
	if (!cb) {
		walk_destroy(w);
		return fs_fail(err, FS_NO_MEMORY, "page-table walk: out of memory");
	}
	cb->priv = w;
	cb->get_page = get_page;
	cb->read_caps = read_caps;
	w->meth.kind = ADDRXLAT_PGT;
	w->meth.target_as = ADDRXLAT_MACHPHYSADDR;
	w->meth.param.pgt.root.as = ADDRXLAT_MACHPHYSADDR;
	walk_set_levels(w, machine == DUMP_X86 ? 3 : 4);
	*ret = w;
	return FS_OK;
}

void walk_destroy(struct walk *w)
{
	if (!w)
		return;
	if (w->ctx)
		addrxlat_ctx_decref(w->ctx);
	free(w);
}

void walk_set_levels(struct walk *w, unsigned levels)
{
	static const addrxlat_pte_format_t format[] = {
		[PTE_X64] = ADDRXLAT_PTE_X86_64,
		[PTE_X86] = ADDRXLAT_PTE_IA32,
		[PTE_X86_PAE] = ADDRXLAT_PTE_IA32_PAE,
		[PTE_ARM64] = ADDRXLAT_PTE_AARCH64,
	};
	addrxlat_paging_form_t *pf = &w->meth.param.pgt.pf;
	unsigned i;

	w->kind = pte_kind(w->machine, levels);
	pf->pte_format = format[w->kind];
	pf->nfields = (unsigned short)(levels + 1);
	pf->fieldsz[0] = 12;
	for (i = 1; i <= levels; i++)
		pf->fieldsz[i] =
			(unsigned short)__builtin_ctz(pte_entries(w->kind, i));
	/* With PAE the top table has 32 bytes, on a boundary of as many. */
	w->meth.param.pgt.root.addr = w->register_value & (w->kind == PTE_X86_PAE
								   ? 0xffffffe0ull
								   : pte_address_bits(w->kind));
}

enum pte_kind walk_kind(const struct walk *w)
{
	return w->kind;
}

unsigned walk_levels(const struct walk *w)
{
	return w->meth.param.pgt.pf.nfields - 1u;
}

uint64_t walk_root(const struct walk *w)
{
	return w->meth.param.pgt.root.addr;
}

const uint8_t *walk_table(struct walk *w, uint64_t pa)
{
	struct walk_page *p = find_page(w, pa);

	return p ? p->bytes : NULL;
}

/* Where a walk stands, for decisions and messages. */
struct walk_at {
	enum pte_kind kind;
	const struct vm_pte_rules *rules;
	addrxlat_step_t step;
	uint64_t mask; /* address bits of an entry */
	uint64_t va;
	uint64_t entry_pa; /* of the entry of `level` */
	unsigned level;
	unsigned depth; /* entries passed */
	struct walk_stop *stop;
};

static enum fs_status fail_page(const struct walk *w, const struct walk_at *at,
				struct fs_error *err)
{
	return fs_fail_at(err, w->page_status == FS_OK ? FS_NOT_IN_DUMP : w->page_status, at->va,
			  "%s at PA 0x%" PRIx64 " cannot be read: its page-table page is %s",
			  winpte_level_name(at->level), at->entry_pa,
			  w->page_status == FS_SYSTEM ? "unreadable in the file"
						      : "not in the dump");
}

/* A non-present entry. FS_OK: the walk goes on in the page that it still owns. */
static enum fs_status pass_absent(struct walk_at *at, struct fs_error *err)
{
	const char *why;
	uint64_t pte = at->step.raw.pte, pa;
	enum fs_status st = winpte_decode(at->kind, at->rules, pte, &pa, &why);

	if (st != FS_OK)
		return fs_fail_at(err, st, at->va, "%s 0x%" PRIx64 " at PA 0x%" PRIx64 ": %s",
				  winpte_level_name(at->level), pte, at->entry_pa, why);
	/* A transition entry never maps a large page (bit 7 belongs to its
	 * protection): above level 1 the page is a page-table page. */
	at->step.base.as = ADDRXLAT_MACHPHYSADDR;
	at->step.base.addr = pa;
	return FS_OK;
}

static void note_entry(struct walk_at *at)
{
	struct walk_stop *s = at->stop;

	if (s->entries < VM_ENTRIES_MAX)
		s->entry[s->entries++] =
			(struct vm_entry){at->level, at->entry_pa, at->step.raw.pte};
}

/* One entry: read it, check it, go to what it points to. */
static enum fs_status pass_entry(struct walk *w, struct walk_at *at, bool *ret_transition,
				 struct fs_error *err)
{
	addrxlat_status xs;
	enum fs_status st;

	at->level = at->step.remain - 1u;
	at->entry_pa = at->step.base.addr +
		       (uint64_t)pte_size(at->kind) * pte_index(at->kind, at->va, at->level);
	*ret_transition = false;
	w->page_status = FS_OK;
	xs = addrxlat_step(&at->step);
	if (xs == ADDRXLAT_OK || xs == ADDRXLAT_ERR_NOTPRESENT)
		note_entry(at);
	if (xs == ADDRXLAT_ERR_NOTPRESENT) {
		st = pass_absent(at, err);
		if (st != FS_OK)
			return st;
		*ret_transition = true;
	} else if (xs != ADDRXLAT_OK && w->page_status != FS_OK) {
		return fail_page(w, at, err);
	} else if ((xs == ADDRXLAT_OK || xs == ADDRXLAT_ERR_INVALID) &&
		   pte_is_reserved(at->kind, at->step.raw.pte, at->level)) {
		/* Reserved there (SDM vol. 3A, table 4-15; Arm ARM D8.3): the processor would fault. */
		return fs_fail_at(err, FS_CORRUPT, at->va,
				  "%s 0x%" PRIx64 " at PA 0x%" PRIx64
				  ": reserved bit %u is %s",
				  winpte_level_name(at->level), (uint64_t)at->step.raw.pte,
				  at->entry_pa, at->kind == PTE_ARM64 ? 1 : 7,
				  at->kind == PTE_ARM64 ? "clear" : "set");
	} else if (xs != ADDRXLAT_OK) {
		return fs_fail_at(err, FS_UNSUPPORTED, at->va, "%s at PA 0x%" PRIx64 ": %s",
				  winpte_level_name(at->level), at->entry_pa,
				  addrxlat_strerror(xs));
	}
	at->step.base.addr &= at->mask;
	at->depth++;
	return FS_OK;
}

enum fs_status walk_va(struct walk *w, const struct vm_pte_rules *rules, uint64_t va,
		       struct vm_xlat *ret, struct walk_stop *ret_stop, struct fs_error *err)
{
	struct walk_stop stop = {0};
	struct walk_at at = {
		.kind = w->kind,
		.rules = rules,
		.mask = winpte_address_mask(rules) & pte_address_bits(w->kind),
		.va = va,
		.stop = &stop,
	};
	enum fs_status st = FS_OK;
	bool transition = false;

	w->page_status = FS_OK;
	at.step.ctx = w->ctx;
	at.step.meth = &w->meth;
	if (addrxlat_launch(&at.step, va) != ADDRXLAT_OK)
		st = fs_fail_at(err, FS_CORRUPT, va, "0x%" PRIx64 " is not canonical", va);
	/* remain is 1 when only the offset within the page is left, also after a
	 * large page; it only ever falls. */
	while (st == FS_OK && at.step.remain > 1)
		st = pass_entry(w, &at, &transition, err);
	stop.depth = at.depth;
	stop.table_missing = w->page_status != FS_OK;
	if (ret_stop)
		*ret_stop = stop;
	if (st != FS_OK)
		return st;
	*ret = (struct vm_xlat){
		.pa = at.step.base.addr | (va & (pte_span(w->kind, at.level) - 1)),
		.page_size = pte_span(w->kind, at.level),
		.pte = at.step.raw.pte,
		.transition = transition,
	};
	return FS_OK;
}
