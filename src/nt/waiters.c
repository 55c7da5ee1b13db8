/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits for an ERESOURCE. Three encodings (facts: unload-causes.md, "How to read a wait"),
 * told apart by the type of SharedWaiters and ExclusiveWaiters in the layout: a pointer to a
 * KSEMAPHORE or KEVENT has a list of wait blocks; a KWAIT_CHAIN is a list of entries on the
 * waiters' stacks; of an untyped pointer it is only known that it leads to the stack of one that
 * waits.
 */
#include "nt/waiters.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "read/list.h"

#define WAITERS_MAX 65536u
/* How far behind the start of a waiter's entry on its stack the event can lie that it waits for. */
#define ENTRY_BYTES 0x80u
/* Kernel stacks that are searched, in all. */
#define STACKS_MAX  (64u << 20)
#define STACK_CHUNK 4096u

typedef VEC(struct fs_lock_waiter) waiter_vec;

/* The lock that is being looked at. */
struct target {
	const struct fs_lock *l;
	waiter_vec found;
};

static bool has(const struct target *t, int32_t thread)
{
	size_t i;

	for (i = 0; i < t->found.n; i++)
		if (t->found.v[i].thread == thread)
			return true;
	return false;
}

/* A word of the dump: where it stands and what it is. */
struct word {
	uint64_t at, value;
};

static struct word word_of(const struct fs_value *v)
{
	return (struct word){v->at, v->v};
}

/* `list`: the resource's own word that led there, NULL none. */
static bool add(struct waiters *w, struct target *t, int32_t thread, enum fs_waiter_how how,
		int exclusive, struct word says, const struct fs_value *list)
{
	struct fs_lock_waiter *p;

	if (has(t, thread))
		return true;
	p = t->found.n < WAITERS_MAX ? vec_push(&t->found) : NULL;
	if (!p) {
		w->k->b->out_of_memory |= t->found.n < WAITERS_MAX;
		return false;
	}
	*p = (struct fs_lock_waiter){
		thread,	    how, exclusive > 0, exclusive >= 0, says.at, says.value, list ? list->at : 0,
		list ? list->v : 0};
	return true;
}

static int by_limit(const void *a, const void *b)
{
	const struct stack_range *x = a, *y = b;

	return x->limit < y->limit ? -1 : x->limit > y->limit;
}

static void list_stacks(struct waiters *w)
{
	const struct fs_model *m = w->k->b->model;
	size_t i;

	for (i = 0; i < m->nthreads; i++) {
		const struct fs_thread *t = &m->threads[i];
		struct stack_range *s;

		if (!fs_is_read(&t->state) || t->state.v != FS_THREAD_WAITING ||
		    !fs_is_read(&t->stack_limit) || !fs_is_read(&t->stack_base) ||
		    t->stack_limit.v >= t->stack_base.v)
			continue;
		s = vec_push(&w->stacks);
		if (!s) {
			w->k->b->out_of_memory = true;
			return;
		}
		*s = (struct stack_range){t->stack_limit.v, t->stack_base.v, (int32_t)i};
	}
	if (w->stacks.n)
		qsort(w->stacks.v, w->stacks.n, sizeof(*w->stacks.v), by_limit);
}

int32_t waiters_stack_of(const struct waiters *w, uint64_t va)
{
	size_t lo = 0, hi = w->stacks.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->stacks.v[mid].limit <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && va < w->stacks.v[lo - 1].base ? w->stacks.v[lo - 1].thread : -1;
}

/* The wait of t whose object lies in [from, from + n); NULL none. */
static const struct fs_wait *wait_in(const struct fs_thread *t, uint64_t from, uint64_t n)
{
	size_t i;

	for (i = 0; i < t->nwaits; i++)
		if (fs_is_read(&t->waits[i].object) && t->waits[i].object.v >= from &&
		    t->waits[i].object.v - from < n)
			return &t->waits[i];
	return NULL;
}

/* All that wait for the semaphore or event that the word points at. */
static void by_object(struct waiters *w, struct target *t, const struct fs_value *word,
		      int exclusive)
{
	const struct fs_model *m = w->k->b->model;
	size_t i;

	if (!fs_is_read(word) || !word->v)
		return;
	nt_reach_waiters(w->k, word->v);
	for (i = 0; i < m->nthreads; i++) {
		const struct fs_wait *x = fs_thread_waits_for(&m->threads[i], word->v);

		if (x)
			(void)add(w, t, (int32_t)i, FS_WAITER_OBJECT, exclusive,
				  word_of(&x->object), word);
	}
}

/* One entry of a chain, or what an untyped pointer leads to, and the word that points at it;
 * false: it is on no waiter's stack. */
static bool by_entry(struct waiters *w, struct target *t, struct word link, bool chain,
		     int exclusive, const struct fs_value *list)
{
	int32_t thread = waiters_stack_of(w, link.value);
	const struct fs_wait *x;

	if (thread < 0)
		return false;
	x = wait_in(&w->k->b->model->threads[thread], link.value, ENTRY_BYTES);
	if (chain)
		return add(w, t, thread, FS_WAITER_CHAIN, exclusive, link, list);
	return add(w, t, thread, x ? FS_WAITER_OBJECT : FS_WAITER_STACK, exclusive,
		   x ? word_of(&x->object) : link, list);
}

/* A singly linked chain: the first word of each entry is the next one's address. */
static void by_chain(struct waiters *w, struct target *t, const struct fs_value *word,
		     uint64_t count, int exclusive)
{
	struct word link = word_of(word);
	uint64_t n;

	if (!fs_is_read(word))
		return;
	for (n = 0; link.value && n < count && n < WAITERS_MAX; n++) {
		uint8_t b[8] = {0};

		if (!by_entry(w, t, link, true, exclusive, word) ||
		    vm_read(w->k->r->vm, link.value, b, vm_pointer_size(w->k->r->vm), "KWAIT_CHAIN",
			    NULL))
			return;
		link = (struct word){link.value, load_u64(b)};
	}
}

static void by_word(struct waiters *w, struct target *t, const char *field,
		    const struct fs_value *word, const struct fs_value *count, int exclusive)
{
	struct layout_field_info f;

	if (!fs_is_read(count) || !count->v ||
	    !layout_find_path(w->k->r->nt, NULL, "_ERESOURCE", field, &f))
		return;
	if (strcmp(f.type, "ptr:_KSEMAPHORE") == 0 || strcmp(f.type, "ptr:_KEVENT") == 0) {
		by_object(w, t, word, exclusive);
	} else if (strcmp(f.type, "_KWAIT_CHAIN") == 0) {
		by_chain(w, t, word, count->v, exclusive);
	} else if (fs_is_read(word) && word->v) {
		(void)by_entry(w, t, word_of(word), false, exclusive, word);
	}
}

/* Threads whose wait object lies in the resource itself. */
static void by_inside(struct waiters *w, struct target *t)
{
	const struct fs_model *m = w->k->b->model;
	uint32_t size = layout_type_size(w->k->r->nt, T_ERESOURCE);
	size_t i;

	for (i = 0; i < m->nthreads; i++) {
		const struct fs_wait *x = wait_in(&m->threads[i], t->l->address, size);

		if (x)
			(void)add(w, t, (int32_t)i, FS_WAITER_OBJECT, -1, word_of(&x->object),
				  NULL);
	}
}

/* Where in a thread's live stack a word of [from, from + size) stands; at 0: nowhere (that could
 * be read). */
static struct word on_stack(struct waiters *w, const struct fs_thread *t, uint64_t from,
			    uint64_t size)
{
	const size_t ptr = vm_pointer_size(w->k->r->vm);
	uint64_t va = t->kernel_stack.v & ~(uint64_t)(ptr - 1), end = t->stack_base.v;
	uint8_t b[STACK_CHUNK];
	const struct word none = {0, 0};
	bool readable;

	while (va < end) {
		size_t n = STACK_CHUNK - va % STACK_CHUNK, i;

		n = end - va < n ? (size_t)(end - va) : n;
		if (w->left < n)
			return none;
		w->left -= n;
		readable = vm_read(w->k->r->vm, va, b, n, "kernel stack", NULL) == FS_OK;
		for (i = 0; readable && i + ptr <= n; i += ptr) {
			uint64_t v = ptr == 8 ? load_u64(b + i) : load_u32(b + i);

			if (v - from < size)
				return (struct word){va + i, v};
		}
		va += n;
	}
	return none;
}

/* It waits, for a resource as far as its wait reason says, and it is known where it stands. */
static bool may_wait(const struct fs_thread *t)
{
	const char *reason = t->wait_reason_name;

	return fs_is_read(&t->kernel_stack) && t->kernel_stack.v >= t->stack_limit.v &&
	       t->kernel_stack.v < t->stack_base.v &&
	       (!reason || strcmp(reason, "WrResource") == 0);
}

/* Guesses: threads on whose stacks such a word is. With `at_most`, only when there are no more of
 * them than are missing: none is better than the other then. */
static void by_stack(struct waiters *w, struct target *t, uint64_t from, uint64_t size,
		     size_t at_most)
{
	const struct fs_model *m = w->k->b->model;
	struct target guess = {.l = t->l};
	size_t i;

	for (i = 0; i < w->stacks.n; i++) {
		int32_t thread = w->stacks.v[i].thread;
		struct word at = {0, 0};

		if (may_wait(&m->threads[thread]))
			at = on_stack(w, &m->threads[thread], from, size);
		if (at.at && !has(t, thread))
			(void)add(w, &guess, thread, FS_WAITER_STACK, -1, at, NULL);
	}
	for (i = 0; i < guess.found.n && guess.found.n <= at_most; i++)
		(void)add(w, t, guess.found.v[i].thread, FS_WAITER_STACK, -1,
			  (struct word){guess.found.v[i].at, guess.found.v[i].value}, NULL);
	vec_free(&guess.found);
}

/* The object of the Filter Manager that the lock stands in. */
static bool holder_of(const struct waiters *w, const struct fs_lock *l, uint64_t *ret_from,
		      uint64_t *ret_size)
{
	const struct fs_model *m = w->k->b->model;
	enum type_id type;

	if (l->of == FS_LOCK_FRAME && l->index < m->nframes) {
		*ret_from = m->frames[l->index].address;
		type = T_FLTP_FRAME;
	} else if (l->of == FS_LOCK_FILTER && l->index < m->nfilters) {
		*ret_from = m->filters[l->index].address;
		type = T_FLT_FILTER;
	} else if (l->of == FS_LOCK_VOLUME && l->index < m->nvolumes) {
		*ret_from = m->volumes[l->index].address;
		type = T_FLT_VOLUME;
	} else {
		return false;
	}
	*ret_size = w->k->r->fltmgr ? layout_type_size(w->k->r->fltmgr, type) : 0;
	return *ret_size != 0;
}

/* Only one kind of waiters there: then it is known which kind each is of. */
static void tell_kind(struct target *t)
{
	const struct fs_value *s = &t->l->shared_count, *x = &t->l->exclusive_count;
	size_t i;

	if (!fs_is_read(s) || !fs_is_read(x) || (s->v && x->v))
		return;
	for (i = 0; i < t->found.n; i++) {
		t->found.v[i].exclusive_known = true;
		t->found.v[i].exclusive = x->v != 0;
	}
}

static void tell_how_far(const struct target *t, uint64_t expected, struct fs_lock *l)
{
	bool guessed = false;
	size_t i;

	for (i = 0; i < t->found.n; i++)
		guessed |= t->found.v[i].how == FS_WAITER_STACK;
	l->waiters_looked = t->found.n == expected && !guessed ? FS_LOOKED_WHOLE : FS_LOOKED_PARTLY;
	if (t->found.n < expected)
		l->waiters_why =
			"the structure names not all that wait, and not all were found among "
			"the waiting threads";
	else if (t->found.n > expected)
		l->waiters_why = "more threads seem to wait than the resource counts";
	else if (guessed)
		l->waiters_why = "the structure does not name who waits: their stacks lead to it";
}

static void look_at(struct waiters *w, size_t index)
{
	struct fs_lock l = w->k->b->model->locks[index];
	struct target t = {.l = &l};
	uint64_t expected = l.shared_count.v + l.exclusive_count.v, from, size;

	if (!fs_is_read(&l.shared_count) || !fs_is_read(&l.exclusive_count)) {
		l.waiters_why = "how many wait for it could not be read";
	} else if (expected == 0) {
		l.waiters_looked = FS_LOOKED_WHOLE;
	} else {
		by_word(w, &t, "SharedWaiters", &l.shared_waiters, &l.shared_count, 0);
		by_word(w, &t, "ExclusiveWaiters", &l.exclusive_waiters, &l.exclusive_count, 1);
		if (t.found.n < expected)
			by_inside(w, &t);
		if (t.found.n < expected)
			by_stack(w, &t, l.address, 1, SIZE_MAX);
		if (t.found.n < expected && holder_of(w, &l, &from, &size))
			by_stack(w, &t, from, size, (size_t)(expected - t.found.n));
		tell_kind(&t);
		tell_how_far(&t, expected, &l);
	}
	if (t.found.n) {
		l.waiters = arena_alloc(w->k->b->arena, t.found.n * sizeof(*l.waiters));
		if (l.waiters) {
			memcpy(l.waiters, t.found.v, t.found.n * sizeof(*l.waiters));
			l.nwaiters = t.found.n;
		} else {
			w->k->b->out_of_memory = true;
		}
	}
	vec_free(&t.found);
	w->k->b->model->locks[index] = l;
}

/* The owners' threads: read when they were not. */
static void reach_owners(struct nt_look *k, size_t index)
{
	size_t i;

	for (i = 0; i < k->b->model->locks[index].nowners; i++) {
		struct fs_lock_owner *o = &k->b->model->locks[index].owners[i];
		int32_t thread;

		if (!o->is_thread)
			continue;
		thread = nt_thread(k, o->thread.v);
		nt_tell(k, CLAIM_OWNER, thread >= 0, o->thread.at);
		o->index = thread;
	}
}

void waiters_look_at(struct waiters *w, size_t lock)
{
	reach_owners(w->k, lock);
	look_at(w, lock);
}

void nt_finish_locks(struct nt_look *k)
{
	struct waiters w = {.k = k, .left = STACKS_MAX};
	size_t i;

	for (i = 0; i < k->b->model->nlocks; i++)
		reach_owners(k, i);
	list_stacks(&w);
	for (i = 0; i < k->b->model->nlocks; i++)
		look_at(&w, i);
	nt_other_locks(&w);
	vec_free(&w.stacks);
}
