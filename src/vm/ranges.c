/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of readable pages, found by scanning the page tables that exist: an entry
 * that maps nothing skips everything below it. Tables that point to themselves
 * or to each other (Windows' own self-map does) only cost work, which is counted
 * and bounded.
 */
#include "base/cursor.h"
#include "vm/impl.h"

/* A run ends here even when the next page is readable too, so that what was
 * probed is still in the page cache of src/dump when the caller reads it. */
#define RUN_MAX (64ull * DUMP_PAGE_SIZE)

/* Entries looked at in one call. A real machine has one table for 512 pages, and
 * a second view of each through the self-map; the floor serves small dumps. */
#define WORK_MIN (1ull << 18)
#define WORK_MAX (1ull << 26)

struct scan {
	struct vm *vm;
	uint64_t end;  /* exclusive */
	uint64_t work; /* entries left to look at */
	bool data;     /* the last page found is mapped as memory that the kernel writes to */
};

static uint64_t work_limit(const struct dump_info *info)
{
	if (info->pages >= (WORK_MAX - WORK_MIN) / 4)
		return WORK_MAX;
	return WORK_MIN + info->pages * 4;
}

/* Where an entry leads. False: nowhere. */
static bool follow(const struct vm *vm, uint64_t pte, unsigned level, uint64_t *ret_pa,
		   bool *ret_leaf)
{
	enum pte_kind kind = walk_kind(vm->walk);
	uint64_t mask = winpte_address_mask(&vm->rules) & pte_address_bits(kind);
	const char *why;

	if (!pte_is_valid(kind, pte, level)) {
		*ret_leaf = level == 1;
		return !(pte & WINPTE_PRESENT) &&
		       winpte_decode(kind, &vm->rules, pte, ret_pa, &why) == FS_OK;
	}
	*ret_leaf = pte_is_leaf(kind, pte, level);
	if (pte_is_reserved(kind, pte, level))
		return false;
	*ret_pa = pte & mask & (*ret_leaf ? ~(pte_span(kind, level) - 1) : ~0ull);
	return true;
}

/* Ordinary memory that can be written: no code, no device's registers. */
static bool is_data(const struct scan *s, uint64_t pte, unsigned level)
{
	enum pte_kind kind = walk_kind(s->vm->walk);

	if (!pte_is_valid(kind, pte, level))
		return false;
	if (kind == PTE_ARM64) /* AP[2] read-only (Arm ARM D8.4); attributes are indirect */
		return !(pte & ARM64_READ_ONLY);
	return (pte & WINPTE_WRITE) && !(pte & WINPTE_UNCACHED);
}

static void note_hole(struct scan *s, uint64_t va)
{
	struct vm *vm = s->vm;

	/* the run before it ends here, or the search goes beyond */
	if (va >= s->end)
		return;
	if (!vm->range_hole)
		vm->range_hole = va;
	vm->range_hole_last = va;
}

/* The first entry at or after va's in this table that is not zero; *va moves to
 * what it maps. False when the table has no more, with *va behind it all. */
static bool next_entry(struct scan *s, const uint8_t *table, unsigned level, uint64_t *va,
		       uint64_t *ret_pte)
{
	enum pte_kind kind = walk_kind(s->vm->walk);
	uint64_t span = pte_span(kind, level);
	unsigned i;

	for (i = pte_index(kind, *va, level); i < pte_entries(kind, level); i++) {
		*ret_pte = pte_size(kind) == 8 ? load_u64(table + (size_t)i * 8)
					       : load_u32(table + (size_t)i * 4);
		if (*ret_pte != 0)
			return true;
		if (s->work == 0)
			return false;
		s->work--;
		*va = (*va & ~(span - 1)) + span; /* may wrap to 0 at the very end */
		if (*va == 0)
			return false;
	}
	return false;
}

enum found { FOUND_PAGE, FOUND_NOTHING, FOUND_END };

/* Descend to *va. FOUND_PAGE: the 4 KiB page at *va is mapped to *ret_pa, and
 * *ret_left bytes from there belong to the same entry. FOUND_NOTHING: *va has
 * moved past a hole. */
static enum found descend(struct scan *s, uint64_t *va, uint64_t *ret_pa, uint64_t *ret_left)
{
	enum pte_kind kind = walk_kind(s->vm->walk);
	uint64_t pa = walk_root(s->vm->walk), from = *va, pte, span;
	unsigned level;
	bool leaf, self = false;

	for (level = s->vm->levels; level > 0; level--) {
		const uint8_t *table =
			walk_table(s->vm->walk, pa & ~(uint64_t)(DUMP_PAGE_SIZE - 1));
		bool usable = false;

		if (table) /* the top table of PAE begins within a page */
			table += pa & (DUMP_PAGE_SIZE - 1);
		span = pte_span(kind, level);
		if (s->work == 0)
			return FOUND_END;
		s->work--;
		if (!table) {
			/* The whole table is missing: everything that it maps. Below the self-map
			 * those are the page tables themselves. */
			if (level < s->vm->levels && !self)
				note_hole(s, *va);
			span = level == s->vm->levels ? 0 : pte_span(kind, level + 1);
		} else if (!next_entry(s, table, level, va, &pte)) {
			return *va == 0 || s->work == 0 ? FOUND_END : FOUND_NOTHING;
		} else {
			if (*va != from)
				return FOUND_NOTHING; /* canonical and end checks first */
			usable = follow(s->vm, pte, level, &pa, &leaf);
			self |= usable && !leaf && pa == walk_root(s->vm->walk);
			s->data = usable && leaf && !self && is_data(s, pte, level);
		}
		if (!usable) {
			*va = span ? (*va & ~(span - 1)) + span : 0;
			return *va == 0 ? FOUND_END : FOUND_NOTHING;
		}
		if (leaf) {
			*ret_pa = pa + (*va & (span - 1));
			*ret_left = span - (*va & (span - 1));
			return FOUND_PAGE;
		}
	}
	return FOUND_END;
}

static bool page_in_dump(const struct vm *vm, uint64_t pa)
{
	uint8_t b;

	/* The last byte: a page that the end of the file cuts is no whole page. */
	return dump_read_phys(vm->dump, pa | (DUMP_PAGE_SIZE - 1), &b, 1, NULL) == FS_OK;
}

/* The next readable page at or above *va. */
static bool next_page(struct scan *s, uint64_t *va)
{
	uint64_t pa, left;

	while (s->work > 0) {
		if (!vm_is_canonical(s->vm, *va))
			*va = s->vm->kernel_start;
		if (*va >= s->end)
			return false;
		switch (descend(s, va, &pa, &left)) {
		case FOUND_END:
			return false;
		case FOUND_NOTHING:
			continue;
		case FOUND_PAGE:
			break;
		}
		for (; left > 0 && s->work > 0; s->work--) {
			uint64_t step = DUMP_PAGE_SIZE - (*va & (DUMP_PAGE_SIZE - 1));

			if (page_in_dump(s->vm, pa))
				return *va < s->end;
			if (s->data)
				note_hole(s, *va);
			pa += step;
			left -= step;
			*va += step;
			if (*va == 0 || *va >= s->end)
				return false;
		}
	}
	return false;
}

bool tables_next(struct vm *vm, uint64_t va, uint64_t end, uint64_t *ret_va, uint64_t *ret_size)
{
	struct scan s = {.vm = vm, .end = end, .work = work_limit(dump_info(vm->dump))};
	uint64_t from, at;

	vm->range_limited = false;
	vm->range_hole = vm->range_hole_last = 0;
	if (vm->machine == DUMP_X86 && s.end > 1ull << 32)
		s.end = end = 1ull << 32;
	if (!next_page(&s, &va)) {
		vm->range_limited = s.work == 0;
		return false;
	}
	from = va;
	do {
		at = (va & ~((uint64_t)DUMP_PAGE_SIZE - 1)) +
		     DUMP_PAGE_SIZE; /* 0 at the very end */
		va = at;
	} while (at != 0 && at < end && at - from < RUN_MAX && next_page(&s, &va) && va == at);
	*ret_va = from;
	*ret_size = (at == 0 || at > end ? end : at) - from;
	return true;
}
