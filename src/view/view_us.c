/* SPDX-License-Identifier: BSD-2-Clause */
/* us: every different stack once, with the threads that have it (Mex's !us). */
#include <inttypes.h>
#include <stdlib.h>

#include "view/common.h"
#include "view/stacks.h"

enum { ADDRESSES_SHOWN = 10 };

struct group {
	const struct fs_stack *stack;
	uint64_t hash;
	size_t *thread; /* indices, in the model's order */
	size_t n, cap;
};

struct groups {
	struct group *v;
	size_t n, cap;
	size_t *table; /* index + 1; 0 free */
	size_t size;   /* a power of two */
	size_t shown, without, total;
};

bool thread_is_wanted(const struct fs_model *m, const struct fs_thread *t,
		      const struct view_threads *which)
{
	size_t i;

	(void)m;
	if (which->process >= 0 && t->process != which->process)
		return false;
	if (which->running && t->processor < 0)
		return false;
	for (i = 0; which->through >= 0 && i < t->stack.n; i++)
		if (t->stack.frame[i].ip.module == which->through)
			return true;
	return which->through < 0;
}

static uint64_t hash_of(const struct fs_stack *s)
{
	uint64_t h = 0xcbf29ce484222325ull;
	size_t i;

	for (i = 0; i < s->n; i++)
		h = (h ^ s->frame[i].ip.va.v) * 0x100000001b3ull + (h >> 29);
	return h;
}

static bool same(const struct fs_stack *a, const struct fs_stack *b)
{
	size_t i;

	if (a->n != b->n || a->end != b->end)
		return false;
	for (i = 0; i < a->n; i++)
		if (a->frame[i].ip.va.v != b->frame[i].ip.va.v ||
		    a->frame[i].how != b->frame[i].how)
			return false;
	return true;
}

static bool add_thread(struct group *g, size_t thread)
{
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 4;
		size_t *p = realloc(g->thread, cap * sizeof(*p));

		if (!p)
			return false;
		g->thread = p;
		g->cap = cap;
	}
	g->thread[g->n++] = thread;
	return true;
}

static bool add(struct groups *all, const struct fs_stack *s, size_t thread)
{
	uint64_t h = hash_of(s);
	size_t at = (size_t)h & (all->size - 1);

	for (; all->table[at]; at = (at + 1) & (all->size - 1)) {
		struct group *g = &all->v[all->table[at] - 1];

		if (g->hash == h && same(g->stack, s))
			return add_thread(g, thread);
	}
	all->v[all->n] = (struct group){.stack = s, .hash = h};
	all->table[at] = ++all->n;
	return add_thread(&all->v[all->n - 1], thread);
}

static bool collect(const struct fs_model *m, const struct view_threads *which, struct groups *all)
{
	size_t i;

	for (all->size = 16; all->size < 2 * m->nthreads; all->size *= 2)
		;
	all->table = calloc(all->size, sizeof(*all->table));
	all->v = calloc(m->nthreads + 1, sizeof(*all->v));
	if (!all->table || !all->v)
		return false;
	for (i = 0; i < m->nthreads; i++) {
		const struct fs_thread *t = &m->threads[i];

		if (!thread_is_wanted(m, t, which))
			continue;
		all->total++;
		all->without += t->stack.n == 0;
		all->shown += t->stack.n != 0;
		if (t->stack.n && !add(all, &t->stack, i))
			return false;
	}
	return true;
}

/* Rare ones first, as Mex has them: they tell more. */
static int by_count(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->thread[0] < y->thread[0] ? -1 : x->thread[0] > y->thread[0];
}

static void json_group(struct view *v, const struct group *g)
{
	size_t i;

	emit_object_begin(v->e, NULL);
	emit_uint(v->e, "count", g->n);
	emit_array_begin(v->e, "threads");
	for (i = 0; i < g->n; i++)
		emit_address(v->e, NULL, v->m->threads[g->thread[i]].address);
	emit_array_end(v->e);
	json_kernel_stack(v, g->stack);
	emit_object_end(v->e);
}

static void text_group(struct view *v, const struct group *g)
{
	const char *addresses = "";
	size_t i;

	for (i = 0; i < g->n && i < ADDRESSES_SHOWN; i++)
		addresses = text_printf(v, "%s %s", addresses,
					text_ptr(v, v->m->threads[g->thread[i]].address));
	emit_line(v->e, "%s:%s%s", text_count(v, g->n, "thread"), addresses,
		  g->n > ADDRESSES_SHOWN ? " ..." : "");
	for (i = 0; i < g->stack->n; i++) {
		const struct fs_stack_frame *f = &g->stack->frame[i];

		emit_line(v->e, "    %s %s%s", text_ptr(v, f->ip.va.v), text_site(v, &f->ip),
			  text_how(f));
	}
	if (g->stack->why)
		emit_line(v->e, "    (%s: %s)", fs_stack_end_name(g->stack->end), g->stack->why);
	emit_blank(v->e);
}

bool view_us(struct view *v, const struct view_threads *which)
{
	struct groups all = {0};
	bool good = collect(v->m, which, &all);
	size_t i;

	if (good && all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_count);
	emit_array_begin(v->e, "stacks");
	for (i = 0; good && i < all.n; i++) {
		entity_begin(v);
		json_group(v, &all.v[i]);
		if (emit_is_text(v->e))
			text_group(v, &all.v[i]);
	}
	emit_array_end(v->e);
	emit_uint(v->e, "threads_total", all.total);
	emit_uint(v->e, "threads_without_stack", all.without);
	if (emit_is_text(v->e) && all.total) {
		emit_line(v->e, "%zu stack(s) with %zu threads displayed (%zu Total threads)",
			  all.n, all.shown, all.total);
		if (all.without)
			emit_line(v->e,
				  "%zu thread(s) are not displayed: no frame of theirs could be "
				  "read",
				  all.without);
	}
	for (i = 0; i < all.n; i++)
		free(all.v[i].thread);
	free(all.v);
	free(all.table);
	return good && all.shown > 0;
}
