/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables and physical memory. Entries: Intel SDM vol. 3, 4.5; non-present
 * ones: the _MMPTE_* types of nt's PDB (facts/layouts). PFNs are handed out in
 * a scattered order with holes, so that neither a rank off by one nor "next
 * virtual page is next physical page" can pass unnoticed.
 */
#include "mkworld.h"

#include <stdlib.h>
#include <string.h>

#define E_TABLE	     0x67u
#define E_LARGE	     0xe3u /* with the PS bit */
#define E_LEAF	     (0x63u | 1ull << 63)
#define E_PROTECTION 0x80u
#define SELF_MAP     0x1edu
/* ARM64 (Arm ARM D8.3): valid, table or page, access flag; PXN and UXN on data */
#define A_TABLE	     0x3u
#define A_LEAF	     (0x703u | 3ull << 53)
#define A_BLOCK	     (0x701u | 3ull << 53)
#define LOW_PFN	     0x100u

struct tables {
	struct map index; /* level and prefix -> v */
	VEC(struct vpage *) v;
	unsigned levels;
};

static unsigned index_bits(const struct world *w)
{
	return w->machine == MACHINE_X86 && w->nopae ? 10 : 9;
}

static unsigned top_level(const struct world *w)
{
	if (w->machine == MACHINE_X86)
		return w->nopae ? 2 : 3;
	return w->la57 ? 5 : 4;
}

static struct vpage *table(struct world *w, struct tables *t, uint64_t va, unsigned level)
{
	/* A table of level n spans 12 + 9n bits; its key must differ from all others'. */
	uint64_t span = 12 + index_bits(w) * (uint64_t)level;
	uint64_t key = ((va & 0x1ffffffffffffffu) >> span) << 4 | level;
	struct vpage *p;
	size_t i;

	if (level == t->levels)
		key = level;
	if (map_get(&t->index, key, &i))
		return t->v.v[i];
	p = xalloc(sizeof(*p));
	map_put(w, &t->index, key, t->v.n);
	*(struct vpage **)push(w, &t->v) = p;
	return p;
}

static size_t entry_index(const struct world *w, uint64_t va, unsigned level)
{
	return (size_t)(va >> (12 + index_bits(w) * (level - 1))) & ((1u << index_bits(w)) - 1);
}

/* x86 without PAE has entries of 4 bytes; the top table of PAE four entries. */
static void put_entry(const struct world *w, struct vpage *table, size_t i, uint64_t e)
{
	if (w->machine == MACHINE_X86 && w->nopae)
		st32(table->data + i * 4, (uint32_t)e);
	else
		st64(table->data + i * 8, e);
}

static const struct large *large_of(const struct world *w, uint64_t va)
{
	for (size_t i = 0; i < w->larges.n; i++)
		if (va - w->larges.v[i].va < w->larges.v[i].size)
			return &w->larges.v[i];
	return NULL;
}

static unsigned leaf_level(const struct large *g)
{
	return !g ? 1 : g->size == 0x200000 ? 2 : 3;
}

static bool has_frame(enum page_state s)
{
	return s == PG_PRESENT || s == PG_TRANSITION || s == PG_TRANSITION_MASKED ||
	       s == PG_MISSING || s == PG_ABSENT_TABLE;
}

static uint64_t leaf(const struct world *w, uint64_t pfn)
{
	if (w->machine == MACHINE_ARM64)
		return pfn << 12 | A_LEAF;
	return pfn << 12 | (w->machine == MACHINE_X86 ? 0x63u : E_LEAF);
}

static uint64_t table_entry(const struct world *w, uint64_t pfn, unsigned level)
{
	if (w->machine == MACHINE_ARM64)
		return pfn << 12 | A_TABLE;
	/* a PDPTE of PAE has only the present bit */
	return pfn << 12 | (w->machine == MACHINE_X86 && level == 3 ? 1u : E_TABLE);
}

static uint64_t leaf_entry(struct world *w, const struct vpage *p)
{
	switch (p->state) {
	case PG_PRESENT:
	case PG_MISSING:
	case PG_ABSENT_TABLE:
		return leaf(w, p->pfn);
	case PG_TRANSITION:
		return p->pfn << 12 | 0x800 | E_PROTECTION | (has_swizzle(w) ? 0x10 : 0);
	case PG_TRANSITION_MASKED:
		return (p->pfn << 12 | 0x800 | E_PROTECTION) | w->pte_mask;
	case PG_PAGEFILE:
		return 0x1234ull << 32 | E_PROTECTION;
	case PG_PROTOTYPE:
		return 0xf8a000123450ull << 16 | 0x400;
	case PG_DEMANDZERO:
		return E_PROTECTION;
	case PG_UNMAPPED:
		break;
	}
	return 0;
}

static uint64_t align(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

/* Every fifth frame belongs to nobody. */
static uint64_t slot_pfn(uint64_t base, uint64_t i)
{
	return base + i + i / 4;
}

static void place_larges(struct world *w, uint64_t *end)
{
	for (size_t i = 0; i < w->larges.n; i++) {
		struct large *g = &w->larges.v[i];

		g->pfn = align(*end, g->size / PAGE);
		*end = g->pfn + g->size / PAGE;
	}
	if (w->larges.n && w->high)
		die(w, "`large` and `high` do not go together");
}

static uint64_t stride(uint64_t n)
{
	static const uint64_t primes[] = {7, 11, 13, 17, 19, 23, 29, 31, 37};

	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
		if (n % primes[i])
			return primes[i];
	return 1;
}

static void assign_frames(struct world *w, struct tables *t)
{
	VEC(struct vpage *) all = {0};
	uint64_t base = LOW_PFN, end;

	for (size_t i = 0; i < t->v.n; i++)
		*(struct vpage **)push(w, &all) = t->v.v[i];
	for (size_t i = 0; i < w->pages.n; i++)
		if (has_frame(w->pages.v[i]->state) && !large_of(w, w->pages.v[i]->va))
			*(struct vpage **)push(w, &all) = w->pages.v[i];
	end = slot_pfn(base, all.n) + 1;
	place_larges(w, &end);
	/* Not a multiple of 8: bitmap readers like to lose the last bits. */
	w->ram_pages = w->ram ? w->ram / PAGE : end / 8 * 8 + 11;
	if (end > w->ram_pages)
		die(w, "this world needs %llu pages of RAM", (unsigned long long)end);
	if (w->high)
		base = w->ram_pages - (end - base);
	for (size_t i = 0; i < all.n; i++)
		all.v[i]->pfn = slot_pfn(base, (i * stride(all.n) + 3) % all.n);
	if (all.n)
		all.v[all.n - 1]->pfn = w->ram_pages - 1;
	/* CR3 has 32 bits there; the directories that it leads to may stand anywhere */
	if (w->machine == MACHINE_X86 && w->high)
		table(w, t, 0, t->levels)->pfn = LOW_PFN;
	for (size_t i = 0; i < all.n; i++)
		*(struct vpage **)push(w, &w->frames) = all.v[i];
	for (size_t i = 0; i < w->pages.n; i++) {
		const struct large *g = large_of(w, w->pages.v[i]->va);

		if (!g)
			continue;
		w->pages.v[i]->pfn = g->pfn + (w->pages.v[i]->va - g->va) / PAGE;
		*(struct vpage **)push(w, &w->frames) = w->pages.v[i];
	}
}

static void link_page(struct world *w, struct tables *t, uint64_t va, uint64_t entry, unsigned last)
{
	for (unsigned level = t->levels; level > last; level--) {
		struct vpage *p = table(w, t, va, level);
		uint64_t next = table(w, t, va, level - 1)->pfn;

		put_entry(w, p, entry_index(w, va, level), table_entry(w, next, level));
	}
	put_entry(w, table(w, t, va, last), entry_index(w, va, last), entry);
}

static int by_pfn(const void *a, const void *b)
{
	const struct vpage *const *x = a, *const *y = b;

	return (*x)->pfn < (*y)->pfn ? -1 : (*x)->pfn > (*y)->pfn;
}

static uint64_t large_bits(const struct world *w)
{
	if (w->machine == MACHINE_X86)
		die(w, "`large` is not built for x86");
	return w->machine == MACHINE_ARM64 ? A_BLOCK : E_LARGE | 1ull << 63;
}

/* With PAE Windows has all four page directories from the start. */
static void directories_make(struct world *w, struct tables *t)
{
	for (uint64_t i = 0; w->machine == MACHINE_X86 && !w->nopae && i < 4; i++)
		(void)table(w, t, i << 30, 2);
}

/* x86: PTEs from 0xc0000000 on, so the page directory, or all four of them, are mapped there. */
static void self_map32(struct world *w, struct tables *t, struct vpage *root)
{
	for (uint64_t i = 0; i < 4 && !w->nopae; i++) {
		uint64_t pfn = table(w, t, i << 30, 2)->pfn;

		put_entry(w, root, (size_t)i, table_entry(w, pfn, 3));
		put_entry(w, table(w, t, 0xc0000000u, 2), (size_t)i, leaf(w, pfn));
	}
	if (w->nopae)
		put_entry(w, root, 0x300, leaf(w, root->pfn));
}

void tables_build(struct world *w)
{
	struct tables t = {.levels = top_level(w)};
	struct vpage *root;

	directories_make(w, &t);

	for (size_t i = 0; i < w->pages.n; i++) {
		const struct vpage *p = w->pages.v[i];

		for (unsigned level = t.levels; level >= leaf_level(large_of(w, p->va)); level--) {
			struct vpage *here = table(w, &t, p->va, level);

			if (p->state == PG_ABSENT_TABLE && level == 1)
				here->state = PG_MISSING;
		}
	}
	assign_frames(w, &t);
	for (size_t i = 0; i < w->pages.n; i++)
		if (!large_of(w, w->pages.v[i]->va))
			link_page(w, &t, w->pages.v[i]->va, leaf_entry(w, w->pages.v[i]), 1);
	for (size_t i = 0; i < w->larges.n; i++)
		if (w->pages.n)
			link_page(w, &t, w->larges.v[i].va,
				  w->larges.v[i].pfn << 12 | large_bits(w),
				  leaf_level(&w->larges.v[i]));
	root = table(w, &t, 0, t.levels);
	if (w->machine == MACHINE_X86)
		self_map32(w, &t, root);
	else
		st64(root->data + SELF_MAP * 8, leaf(w, root->pfn));
	w->cr3 = root->pfn << 12;
	qsort(w->frames.v, w->frames.n, sizeof(struct vpage *), by_pfn);
	w->bitmap = xalloc((size_t)(w->ram_pages / 8 + 1));
	for (size_t i = 0; i < w->frames.n; i++)
		if (w->frames.v[i]->state != PG_MISSING)
			w->bitmap[w->frames.v[i]->pfn / 8] |=
				(uint8_t)(1u << w->frames.v[i]->pfn % 8);
}
