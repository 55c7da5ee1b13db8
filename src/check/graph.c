/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wait-for graph out of the model: only what waits or is waited for becomes a
 * node. Facts: unload-causes.md, "How to read a wait", causes 21 to 23.
 */
#include "check/graph.h"

#include <string.h>

const char *fs_node_kind_name(enum fs_node_kind k)
{
	static const char *const names[] = {"thread", "lock",	  "mutant", "rundown",
					    "filter", "instance", "holder"};

	return (size_t)k < sizeof(names) / sizeof(names[0]) ? names[k] : "unknown";
}

/* SIZE_MAX when there is no room (or memory: the run knows). */
static size_t add_node(struct graph_builder *b, uint32_t *slot, enum fs_node_kind kind,
		       uint64_t address, int32_t index, const char *label)
{
	struct fs_node *n;

	if (slot && *slot)
		return *slot - 1;
	if (b->node.n >= GRAPH_MAX_NODES) {
		b->limited = true;
		return SIZE_MAX;
	}
	n = vec_push(&b->node);
	if (!n) {
		b->run->out_of_memory = true;
		return SIZE_MAX;
	}
	*n = (struct fs_node){kind, address, index, label, false};
	if (slot)
		*slot = (uint32_t)b->node.n;
	return b->node.n - 1;
}

/* The word that an edge rests on: where it stands and what it is. */
struct word {
	uint64_t at, value;
};

static struct word word_of(const struct fs_value *v)
{
	return (struct word){v->at, v->v};
}

static void add_edge(struct graph_builder *b, size_t from, size_t to, const char *what,
		     const char *field, struct word word, bool certain)
{
	struct fs_edge *e;

	if (from == SIZE_MAX || to == SIZE_MAX || from == to)
		return;
	if (b->edge.n >= GRAPH_MAX_EDGES) {
		b->limited = true;
		return;
	}
	e = vec_push(&b->edge);
	if (!e) {
		b->run->out_of_memory = true;
		return;
	}
	*e = (struct fs_edge){from, to, what, field, word.at, word.value, certain, false};
}

/* --- nodes --------------------------------------------------------------------- */

static size_t thread_node(struct graph_builder *b, int32_t t)
{
	if (t < 0)
		return SIZE_MAX;
	return add_node(b, &b->thread[t], FS_NODE_THREAD, b->run->m->threads[t].address, t,
			thread_label(b->run, t));
}

static size_t filter_node(struct graph_builder *b, size_t i)
{
	return add_node(b, &b->filter[i], FS_NODE_FILTER, b->run->m->filters[i].address, (int32_t)i,
			run_text(b->run, "filter %s (%s)", filter_label(b->run, i),
				 fs_stage_name(b->run->stages[i])));
}

static const char *instance_label(struct graph_builder *b, size_t i)
{
	const struct fs_instance *in = &b->run->m->instances[i];

	return run_text(b->run, "instance 0x%llx%s%s", (unsigned long long)in->address,
			in->name.state == FS_READ ? " " : "",
			in->name.state == FS_READ ? in->name.s : "");
}

static size_t instance_node(struct graph_builder *b, size_t i)
{
	return add_node(b, &b->instance[i], FS_NODE_INSTANCE, b->run->m->instances[i].address,
			(int32_t)i, instance_label(b, i));
}

static const char *left_words(struct graph_builder *b, const struct fs_value *count)
{
	if (!fs_is_read(count))
		return "";
	return run_text(b->run, " (%llu left)", (unsigned long long)count->v);
}

static size_t lock_node(struct graph_builder *b, const struct fs_lock *l)
{
	size_t i = (size_t)(l - b->run->m->locks);

	return add_node(b, &b->lock[i], FS_NODE_LOCK, l->address, (int32_t)i, lock_words(b->run, l));
}

static size_t mutant_node(struct graph_builder *b, uint64_t va)
{
	size_t i;

	for (i = 0; i < b->node.n; i++)
		if (b->node.v[i].kind == FS_NODE_MUTANT && b->node.v[i].address == va)
			return i;
	return add_node(b, NULL, FS_NODE_MUTANT, va, -1,
			run_text(b->run, "mutant 0x%llx", (unsigned long long)va));
}

/* --- locks and dispatcher objects ------------------------------------------------- */

static void add_lock(struct graph_builder *b, const struct fs_lock *l)
{
	bool unload = l->of == FS_LOCK_FRAME && l->what && strstr(l->what, "FilterUnloadLock");
	size_t node, i;

	if (!l->nwaiters && !(unload && l->nowners))
		return;
	node = lock_node(b, l);
	for (i = 0; i < l->nowners; i++)
		if (l->owners[i].is_thread)
			add_edge(b, node, thread_node(b, l->owners[i].index), "is owned by",
				 "ERESOURCE.OwnerThread", word_of(&l->owners[i].thread), true);
	for (i = 0; i < l->nwaiters; i++)
		add_edge(b, thread_node(b, l->waiters[i].thread), node, "waits for",
			 lock_waiter_field(&l->waiters[i]),
			 (struct word){l->waiters[i].at, l->waiters[i].value},
			 l->waiters[i].how != FS_WAITER_STACK);
}

/* A thread that waits for any of several objects may be woken by another one. */
static void add_waits(struct graph_builder *b, int32_t t)
{
	const struct fs_thread *th = &b->run->m->threads[t];
	size_t i;

	if (!thread_waits(th))
		return;
	for (i = 0; i < th->nwaits; i++) {
		const struct fs_wait *w = &th->waits[i];
		size_t to = SIZE_MAX, owner = SIZE_MAX;

		if (!fs_is_read(&w->object))
			continue;
		if (w->thread >= 0 && w->thread != t) {
			to = thread_node(b, w->thread);
		} else if (w->owner_thread >= 0 && w->owner_thread != t) {
			to = mutant_node(b, w->object.v);
			owner = thread_node(b, w->owner_thread);
		} else {
			continue;
		}
		add_edge(b, thread_node(b, t), to, "waits for", "KWAIT_BLOCK.Object",
			 word_of(&w->object), th->nwaits == 1);
		add_edge(b, to, owner, "is owned by", "KMUTANT.OwnerThread", word_of(&w->owner),
			 true);
	}
}

/* --- unloads ------------------------------------------------------------------------ */

static struct word stack_limit(struct graph_builder *b, const struct waiter *w)
{
	return word_of(&b->run->m->threads[w->thread].stack_limit);
}

static void add_wait(struct graph_builder *b, const struct waiter *w, size_t rundown)
{
	add_edge(b, thread_node(b, w->thread), rundown, "waits for",
		 w->wait ? "KWAIT_BLOCK.Object" : "KTHREAD.StackLimit",
		 w->wait ? word_of(&w->wait->object) : stack_limit(b, w), w->sure == FS_PROVED);
}

/* An instance whose teardown another thread runs: 23, and plain S1 and S2. */
static size_t add_instance(struct graph_builder *b, size_t i)
{
	const struct fs_instance *in = &b->run->m->instances[i];
	struct waiter w = waiter_of_instance(b->run->m, in);
	const struct fs_value *count = &in->object.rundown.wait_count;
	uint64_t at = in->object.rundown.raw.at ? in->object.rundown.raw.at : in->address;
	bool done = b->instance[i] != 0, own = in->object.rundown.state == FS_RUNDOWN_WAITING;
	size_t node = instance_node(b, i), rundown;

	if (done || !w.block)
		return node;
	if (!own) {
		count = &in->holders->operations.wait_count;
		at = in->holders->operations.slots.v;
	}
	rundown = add_node(b, &b->instance_rundown[i], FS_NODE_RUNDOWN, at, (int32_t)i,
			   run_text(b->run, "%s of %s%s",
				    own ? "FLT_INSTANCE.RundownRef" : "OperationRundownRef",
				    instance_label(b, i), left_words(b, count)));
	if (w.thread >= 0) {
		add_edge(b, node, thread_node(b, w.thread), "is torn down by", "KTHREAD.StackLimit",
			 stack_limit(b, &w), w.sure == FS_PROVED);
		add_wait(b, &w, rundown);
	} else {
		add_edge(b, node, rundown, "waits for", "EX_RUNDOWN_WAIT_BLOCK",
			 (struct word){w.block, 0}, true);
	}
	return node;
}

static void add_draining(struct graph_builder *b, size_t i, const struct waiter *w, size_t thread)
{
	const struct fs_filter *f = &b->run->m->filters[i];
	const struct fs_rundown *r = &f->object.rundown;
	size_t k, rundown = SIZE_MAX;

	if (b->run->stages[i] == FS_S3) {
		rundown =
			add_node(b, &b->filter_rundown[i], FS_NODE_RUNDOWN,
				 r->raw.at ? r->raw.at : f->address, (int32_t)i,
				 run_text(b->run, "FLT_FILTER.RundownRef of %s%s",
					  filter_label(b->run, i), left_words(b, &r->wait_count)));
		if (thread == SIZE_MAX)
			add_edge(b, filter_node(b, i), rundown, "waits for",
				 "FLT_OBJECT.RundownRef", word_of(&r->raw), true);
		else if (w->block)
			add_wait(b, w, rundown);
	}
	for (k = 0; k < f->instances.n; k++) {
		const struct fs_object *o = &b->run->m->instances[f->instances.entries[k]].object;
		size_t node;

		if (!fs_has(&o->flags.value, FS_OBJ_DRAINING) ||
		    fs_has(&o->flags.value, FS_OBJ_ZOMBIED))
			continue;
		node = add_instance(b, f->instances.entries[k]);
		if (rundown != SIZE_MAX)
			add_edge(b, rundown, node, "is held by", "FLT_OBJECT.Flags",
				 word_of(&o->flags.value), true);
	}
}

static void add_filter(struct graph_builder *b, size_t i)
{
	const struct fs_filter *f = &b->run->m->filters[i];
	enum fs_stage s = b->run->stages[i];
	const struct unload_lock *u = unload_lock_of(b->run, i);
	bool drains = s == FS_S1 || s == FS_S2 || s == FS_S3 || s == FS_S4;
	struct waiter w = waiter_of(b->run, i);
	size_t thread = thread_node(b, w.thread);

	if (thread != SIZE_MAX)
		add_edge(b, filter_node(b, i), thread, "is unloaded by",
			 w.held ? "FilterUnloadLock.OwnerThread" : "KTHREAD.StackLimit",
			 w.held ? word_of(w.held) : stack_limit(b, &w), w.sure == FS_PROVED);
	if (drains)
		add_draining(b, i, &w, thread);
	else if (s == FS_S0 && u->held && u->filter >= 0 && u->filter != (int32_t)i &&
		 unload_runs(b->run, i) != RUNS_NOT && unload_asked(b->run, i))
		add_edge(b, filter_node(b, i), lock_node(b, u->lock), "waits for",
			 "FLT_FILTER.Flags", word_of(&f->flags.value), false);
}

static bool make_slots(struct graph_builder *b)
{
	const struct fs_model *m = b->run->m;
	struct {
		uint32_t **slots;
		size_t n;
	} of[] = {{&b->thread, m->nthreads},	     {&b->lock, m->nlocks},
		  {&b->filter, m->nfilters},	     {&b->instance, m->ninstances},
		  {&b->filter_rundown, m->nfilters}, {&b->instance_rundown, m->ninstances}};
	size_t i;
	bool ok = true;

	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		*of[i].slots = calloc(of[i].n + 1, sizeof(**of[i].slots));
		ok = ok && *of[i].slots;
	}
	return ok;
}

static void free_slots(struct graph_builder *b)
{
	free(b->thread);
	free(b->lock);
	free(b->filter);
	free(b->instance);
	free(b->filter_rundown);
	free(b->instance_rundown);
	vec_free(&b->node);
	vec_free(&b->edge);
}

static void *keep(struct check_run *run, const void *p, size_t n, size_t size)
{
	void *q = arena_alloc(run->a, (n + 1) * size);

	if (q && n)
		memcpy(q, p, n * size);
	return q;
}

static bool take(struct graph_builder *b, struct fs_graph *g)
{
	g->node = keep(b->run, b->node.v, b->node.n, sizeof(*g->node));
	g->edge = keep(b->run, b->edge.v, b->edge.n, sizeof(*g->edge));
	if (!g->node || !g->edge)
		return false;
	g->nnodes = b->node.n;
	g->nedges = b->edge.n;
	g->limited = b->limited;
	return true;
}

bool graph_build(struct check_run *run)
{
	struct graph_builder b = {.run = run};
	struct fs_graph *g = arena_alloc(run->a, sizeof(*g));
	const struct fs_model *m = run->m;
	bool ok = g && make_slots(&b);
	size_t i;

	for (i = 0; ok && i < m->nfilters; i++)
		add_filter(&b, i);
	for (i = 0; ok && i < m->nlocks; i++)
		add_lock(&b, &m->locks[i]);
	for (i = 0; ok && i < m->nthreads; i++)
		add_waits(&b, (int32_t)i);
	ok = ok && !run->out_of_memory && take(&b, g) && graph_cycles(run, g);
	free_slots(&b);
	if (!ok)
		return false;
	run->graph = g;
	return true;
}

/* --- what holds the rundowns ---------------------------------------------------------- */

/* The rundown that the filter's thread waits for, in the end. */
static size_t last_rundown(const struct fs_graph *g, const struct fs_verdict *v)
{
	size_t at = SIZE_MAX, i, steps;

	for (i = 0; i < g->nnodes && at == SIZE_MAX; i++)
		if (g->node[i].kind == FS_NODE_FILTER && g->node[i].address == v->filter)
			at = i;
	for (steps = 0; at != SIZE_MAX && steps < 3; steps++) {
		if (g->node[at].kind == FS_NODE_RUNDOWN)
			return at;
		for (i = 0; i < g->nedges; i++)
			if (g->edge[i].from == at)
				break;
		at = i < g->nedges ? g->edge[i].to : SIZE_MAX;
	}
	return SIZE_MAX;
}

static size_t node_at(const struct fs_graph *g, enum fs_node_kind kind, uint64_t address)
{
	size_t i;

	for (i = 0; address && i < g->nnodes; i++)
		if (g->node[i].kind == kind && g->node[i].address == address)
			return i;
	return SIZE_MAX;
}

/* A thread that a rule found to be the filter's: rule 21's waiter of the lock. */
static void add_victim(struct graph_builder *b, const struct fs_graph *g,
		       const struct fs_verdict *v)
{
	size_t from = node_at(g, FS_NODE_FILTER, v->filter), i;
	size_t to = node_at(g, FS_NODE_THREAD, v->waiter_thread);

	for (i = 0; i < g->nedges; i++)
		if (g->edge[i].from == from && g->edge[i].to == to)
			return;
	add_edge(b, from, to, "is unloaded by", v->cause_id ? v->cause_id : "",
		 (struct word){0, 0},
		 v->waiter_sure == FS_PROVED);
}

bool graph_finish(struct check_run *run)
{
	struct graph_builder b = {.run = run};
	struct fs_graph *g = run->graph;
	size_t i, k;
	bool ok = true;

	for (i = 0; i < g->nnodes && ok; i++) {
		struct fs_node *n = vec_push(&b.node);

		ok = n != NULL;
		if (ok)
			*n = g->node[i];
	}
	for (k = 0; k < g->nedges && ok; k++) {
		struct fs_edge *e = vec_push(&b.edge);

		ok = e != NULL;
		if (ok)
			*e = g->edge[k];
	}
	b.limited = g->limited;
	for (i = 0; i < run->verdicts.n && ok; i++)
		add_victim(&b, g, &run->verdicts.v[i]);
	for (i = 0; i < run->verdicts.n && ok; i++) {
		const struct fs_verdict *v = &run->verdicts.v[i];
		size_t rundown = v->culprit.kind && v->culprit.address &&
						 strcmp(v->culprit.kind, "filter") != 0 &&
						 strcmp(v->culprit.kind, "instance") != 0 &&
						 strcmp(v->culprit.kind, "thread") != 0
					 ? last_rundown(g, v)
					 : SIZE_MAX;

		if (rundown == SIZE_MAX)
			continue;
		k = add_node(&b, NULL, FS_NODE_HOLDER, v->culprit.address, -1,
			     run_text(run, "%s 0x%llx", v->culprit.kind,
				      (unsigned long long)v->culprit.address));
		add_edge(&b, rundown, k, "is held by", v->cause_id,
			 (struct word){v->culprit.address, 0},
			 v->confidence == FS_PROVED);
	}
	ok = ok && take(&b, g);
	free_slots(&b);
	return ok;
}
