/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A search of the dumped kernel memory for pointers: what hangs on no list any
 * more can be found only by what it points at. Bounded in bytes, and says when
 * the bound ended it.
 */
#include <string.h>

#include "base/cursor.h"
#include "dump/dump.h"
#include "fltmgr/holders.h"

#define CHUNK 65536u
/* Progress is told every so many bytes. */
#define TELL_EVERY (64ull << 20)

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct scan {
	struct holders *h;
	const struct search *s;
	uint64_t done, told, hole;
	bool partly;
	uint8_t chunk[CHUNK];
};

static void look(struct scan *sc, uint64_t va, size_t n)
{
	const struct search *s = sc->s;
	uint64_t low = s->v[0], span = s->v[s->n - 1] - low;
	size_t i, step = sc->h->c->ptr;

	for (i = 0; i + step <= n; i += step) {
		uint64_t word = step == 8 ? load_u64(sc->chunk + i) : load_u32(sc->chunk + i);

		/* nearly every word fails here */
		if (word - low > span || !bsearch(&word, s->v, s->n, sizeof(word), compare))
			continue;
		s->hit(s->arg, va + i, word);
	}
}

static void tell(struct scan *sc)
{
	const struct fltmgr_wants *w = sc->h->wants;

	if (!w->progress || sc->done - sc->told < TELL_EVERY)
		return;
	sc->told = sc->done;
	w->progress(w->progress_arg, "searching memory", sc->done, 0);
}

/* One captured range; false when the budget ends here. */
static bool range(struct scan *sc, uint64_t va, uint64_t end)
{
	struct vm *vm = sc->h->c->r.vm;

	while (va < end) {
		size_t n = end - va < CHUNK ? (size_t)(end - va) : CHUNK;

		if (sc->h->budget < n)
			return false;
		sc->h->budget -= n;
		if (vm_read(vm, va, sc->chunk, n, "kernel memory", NULL) == FS_OK)
			look(sc, va, n);
		else
			sc->partly = true;
		va += n;
		sc->done += n;
		tell(sc);
	}
	return true;
}

/* A triage dump holds what was picked, a cut file what came before the cut: what a search
 * does not find there may be in the rest. */
static bool holds_part(const struct vm *vm)
{
	struct dump *d = vm_dump(vm);

	return dump_is_virtual(d) || dump_info(d)->truncated;
}

/* What is looked for may stand in a page that the dump lacks. */
static void tell_hole(struct holders *h, uint64_t va)
{
	if (h->hole_told)
		return;
	h->hole_told = true;
	(void)collect_gap(h->c, "kernel memory", va, FS_NOT_IN_DUMP,
			  "memory from 0x%llx on is mapped and not in the dump, so a search of "
			  "memory for pointers may have missed some",
			  (unsigned long long)va);
}

/* No pool lies in a driver's image. */
static bool in_one_module(const struct fs_model *m, uint64_t first, uint64_t last)
{
	size_t i;

	for (i = 0; i < m->nmodules; i++)
		if (first >= m->modules[i].base && last - m->modules[i].base < m->modules[i].size)
			return true;
	return false;
}

static void note_hole(struct scan *sc)
{
	uint64_t first, last;

	if (!sc->hole && vm_range_hole(sc->h->c->r.vm, &first, &last) &&
	    !in_one_module(sc->h->c->b->model, first, last))
		sc->hole = first;
}

/* Every range from va on; false when it ended early. */
static bool ranges(struct scan *sc, uint64_t *va)
{
	struct vm *vm = sc->h->c->r.vm;
	uint64_t start, size, align = sc->h->c->ptr - 1ull;
	bool more;

	for (;;) {
		uint64_t begin, end;

		more = vm_next_range(vm, *va, UINT64_MAX, &start, &size) && size;
		note_hole(sc);
		if (!more)
			return true;
		begin = ((start > *va ? start : *va) + align) & ~align;
		end = start + size;
		if (end <= *va || !range(sc, begin, end))
			return false;
		*va = end;
	}
}

enum fs_looked search_memory(struct holders *h, const struct search *s)
{
	struct vm *vm = h->c->r.vm;
	/* the kernel's half of the widest address space; holes are skipped whole */
	uint64_t va = h->c->ptr == 8 ? 0xff00000000000000ull : 0x80000000u;
	struct scan *sc;
	bool partly;
	uint64_t hole;

	if (!s->n)
		return FS_LOOKED_WHOLE;
	sc = calloc(1, sizeof(*sc));
	if (!sc) {
		h->c->out_of_memory = true;
		return FS_LOOKED_PARTLY;
	}
	qsort(s->v, s->n, sizeof(*s->v), compare);
	sc->h = h;
	sc->s = s;
	partly = !ranges(sc, &va) || sc->partly || vm_range_limited(vm);
	hole = sc->hole;
	free(sc);
	if (hole)
		tell_hole(h, hole);
	if (partly)
		(void)collect_gap(h->c, "kernel memory", va, FS_LIMIT,
				  "the search of kernel memory for pointers ended at 0x%llx",
				  (unsigned long long)va);
	return partly || hole || holds_part(vm) ? FS_LOOKED_PARTLY : FS_LOOKED_WHOLE;
}
