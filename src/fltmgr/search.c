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
	uint64_t done, told;
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

enum fs_looked search_memory(struct holders *h, const struct search *s)
{
	struct vm *vm = h->c->r.vm;
	/* the kernel's half of the widest address space; holes are skipped whole */
	uint64_t va = h->c->ptr == 8 ? 0xff00000000000000ull : 0x80000000u, start, size;
	struct scan *sc;
	bool partly = false;

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
	while (vm_next_range(vm, va, UINT64_MAX, &start, &size) && size) {
		uint64_t begin = ((start > va ? start : va) + h->c->ptr - 1) & ~(h->c->ptr - 1ull);
		uint64_t end = start + size;

		if (end <= va || !range(sc, begin, end)) {
			partly = true;
			break;
		}
		va = end;
	}
	partly |= sc->partly || vm_range_limited(vm);
	free(sc);
	if (partly)
		(void)collect_gap(h->c, "kernel memory", va, FS_LIMIT,
				  "the search of kernel memory for pointers ended at 0x%llx",
				  (unsigned long long)va);
	return partly || holds_part(vm) ? FS_LOOKED_PARTLY : FS_LOOKED_WHOLE;
}
