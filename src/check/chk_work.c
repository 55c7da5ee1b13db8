/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules 9 and 10: work that the driver queued and that has not run. A generic item
 * holds the filter (S3) or an instance (S2), a deferred I/O item an instance (S1, S2).
 * Only one that stands in a queue is certain: one on no list may run now, or be
 * freed memory that still looks like an item, and of one whose list could not be read
 * neither is known. Look-alikes: 5 has the pended
 * operation without an item for it, 2 and 3 have no item at all.
 */
#include "check/unload.h"

struct asked {
	const char *rule;
	bool deferred;
	size_t instance; /* of whose items; SIZE_MAX: the filter's own */
};
static const struct asked generic = {"work-item-outstanding", false, SIZE_MAX};

static const char *routine(struct check_run *run, const struct fs_work_item *x)
{
	if (x->routine.symbol)
		return x->routine.symbol;
	return run_text(run, "0x%llx", (unsigned long long)x->routine.va.v);
}

static void item_evidence(struct check_run *run, evidence_vec *ev, const struct fs_work_item *x)
{
	evidence_hex(run, ev, &x->object, x->address,
		     x->deferred ? "FLT_DEFERRED_IO_WORKITEM.Instance"
				 : "FLT_GENERIC_WORKITEM.FltObject",
		     x->deferred ? "deferred I/O of this instance" : "work for this object");
	evidence_add(run, ev, &x->routine.va, x->address,
		     x->deferred ? "FLT_DEFERRED_IO_WORKITEM.DeferredWorkerRoutine"
				 : "FLT_GENERIC_WORKITEM.GenericWorkerRoutine",
		     "what is to run", "%s", routine(run, x));
	if (x->place == FS_WORK_LOOSE)
		evidence_hex(run, ev, &x->links.flink, x->address, "WORK_QUEUE_ITEM.List.Flink",
			     "it is on no list: it runs, or this memory was freed");
	else if (x->place == FS_WORK_UNREAD)
		evidence_hex(run, ev, &x->links.flink, x->address, "WORK_QUEUE_ITEM.List.Flink",
			     run_text(run, "whether it is queued could not be read (0x%llx)",
				      (unsigned long long)x->unread));
	else
		evidence_hex(run, ev, &x->links.flink, x->address, "WORK_QUEUE_ITEM.List.Flink",
			     "both its neighbours name it: it is queued");
	if (x->queue)
		evidence_add(run, ev, NULL, x->queue, "DISPATCHER_HEADER", "in this queue",
			     "0x%llx", (unsigned long long)x->queue);
}

/* What is asked for: items that are queued, on no list, or of which that is not known. */
enum standing { QUEUED, LOOSE, UNREAD };

/* Freed memory may hold many that look like items; every stack is looked at for each of these. */
#define INSIDE_MAX 64u

static enum standing standing(const struct fs_work_item *x)
{
	if (x->place == FS_WORK_LOOSE)
		return LOOSE;
	return x->place == FS_WORK_UNREAD ? UNREAD : QUEUED;
}

/* Evidence of the items asked for; how many, the least sure of them, and the first. */
struct found {
	size_t n;
	enum fs_confidence c;
	const struct fs_work_item *first;
	struct inside in; /* of an item on no list: who runs its routine */
};

static enum fs_confidence least(enum fs_confidence a, enum fs_confidence b)
{
	return a < b ? a : b;
}

static struct found gather(struct check_run *run, const struct fs_work *w, bool deferred,
			   enum standing s, int32_t waiter, evidence_vec *ev)
{
	struct found f = {.c = FS_PROVED, .in.thread = -1};
	size_t i;

	for (i = 0; i < w->n; i++) {
		const struct fs_work_item *x = &w->item[i];

		if (x->deferred != deferred || standing(x) != s)
			continue;
		if (!f.first)
			f.first = x;
		if (s == LOOSE && f.in.thread < 0 && f.n < INSIDE_MAX) {
			f.in = thread_inside(run, &x->routine, waiter);
			if (f.in.thread >= 0)
				f.first = x;
		}
		if (f.n++ < EVIDENCE_MAX)
			item_evidence(run, ev, x);
		if (x->place == FS_WORK_LISTED && f.c > FS_LIKELY)
			f.c = FS_LIKELY;
		f.c = confidence_cap(f.c, &x->object);
		f.c = confidence_cap(f.c, &x->type);
	}
	/* that a thread runs such a routine is seen; that it is this item's call, inferred */
	if (s == LOOSE && f.in.thread >= 0)
		f.c = least(f.c, FS_LIKELY);
	else if (s != QUEUED)
		f.c = FS_POSSIBLE;
	if (f.in.thread >= 0)
		inside_evidence(run, ev, &f.in);
	return f;
}

/* `of`: "2 references to the filter", "FLT_INSTANCE 0x…". */
static void fire(struct check_run *run, size_t filter, const struct asked *a, const struct found *f,
		 enum fs_confidence c, const char *message, evidence_vec *ev,
		 const struct fs_ledger *l, uint64_t weight)
{
	struct fs_subject culprit = {"work-item", f->first->address, routine(run, f->first)};
	struct fs_finding *fd =
		finding_add(run, a->rule, c, "filter", run->m->filters[filter].address,
			    filter_label(run, filter));

	if (!fd) {
		vec_free(ev);
		return;
	}
	fd->message = message;
	fd->evidence = evidence_take(run, ev, &fd->nevidence);
	if (a->instance != SIZE_MAX)
		verdict_cause_of(run, filter, a->instance, fd, weight, culprit);
	else if (l->of == FS_LEDGER_FILTER)
		verdict_held(run, fd, l, weight, culprit);
	else
		verdict_cause(run, filter, fd, weight, culprit);
}

static void not_all(struct check_run *run, const struct asked *a, const struct fs_work *w)
{
	if (w->searched != FS_LOOKED_WHOLE)
		not_checked_add(run, a->rule,
				w->why ? w->why
				       : "not all of kernel memory was searched for queued work");
}

static const char *uncertain(struct check_run *run, enum standing s, const struct found *x)
{
	size_t n = x->n;

	if (x->in.thread >= 0)
		return run_text(run, "a work item of it runs: %s", inside_words(run, &x->in));
	if (s == UNREAD)
		return run_text(run, "whether %zu work item%s of it %s queued could not be read", n,
				plural(n), n == 1 ? "is" : "are");
	return run_text(run,
			"%zu work item%s of it %s on no list: %s may run now, or be freed memory",
			n, plural(n), n == 1 ? "is" : "are", n == 1 ? "it" : "they");
}

/* References that nothing explains, and items that may be what has them. `rest`:
 * "2 references to FLT_INSTANCE 0x… are not explained". */
static void fire_uncertain(struct check_run *run, size_t filter, const struct asked *a,
			   const struct fs_work *w, const struct fs_ledger *l, const char *rest)
{
	static const enum standing each[] = {LOOSE, UNREAD};
	size_t i;

	for (i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		evidence_vec ev = {0};
		struct found x = gather(run, w, a->deferred, each[i], waiter_of(run, filter).thread,
					&ev);

		if (x.n)
			fire(run, filter, a, &x, x.c,
			     run_text(run, "%s, and %s", rest, uncertain(run, each[i], &x)), &ev, l,
			     l->unexplained);
		vec_free(&ev);
	}
}

/* --- the filter's own items (S3) ---------------------------------------------- */

static void filter_items(struct check_run *run, size_t i, const struct fs_ledger *l)
{
	const struct fs_filter *f = &run->m->filters[i];
	const struct fs_ledger_entry *e = fs_ledger_entry_of(l, FS_H_WORK_ITEM);
	evidence_vec ev = {0};
	struct found x;

	if (!f->holders)
		return;
	not_all(run, &generic, &f->holders->work);
	if (e) {
		struct fs_ledger_entry sure = *e;

		sure.whole = true; /* there may be more; these are */
		x = gather(run, &f->holders->work, false, QUEUED, -1, &ev);
		if (x.n)
			fire(run, i, &generic, &x, least(x.c, held_confidence(run, l, &sure)),
			     run_text(run,
				      "%s held by %s that %s queued and that %s not run",
				      held_part(run, l, e->count), e->count == 1 ? "a work item" : "work items",
				      filter_label(run, i), e->count == 1 ? "has" : "have"),
			     &ev, l, e->count);
		vec_free(&ev);
	}
	if (!l->unexplained_known || !l->unexplained)
		return;
	fire_uncertain(run, i, &generic, &f->holders->work, l,
		       run_text(run, "%s not explained", held_part(run, l, l->unexplained)));
}

/* --- an instance's ------------------------------------------------------------- */

/* S1 waits for operations: a deferred item is what one of them waits for when its
 * CallbackData is in the operation's IRP_CTRL. */
static bool tied(const struct fs_instance_holders *h)
{
	size_t i, k;

	for (i = 0; i < h->work.queued; i++)
		for (k = 0; h->work.item[i].deferred && k < h->npending; k++)
			if (h->pending[k].data &&
			    fs_has(&h->work.item[i].callback_data, UINT64_MAX) &&
			    h->work.item[i].callback_data.v == h->pending[k].data)
				return true;
	return false;
}

static enum fs_confidence instance_sure(const struct check_run *run, const struct fs_instance *in,
					const struct fs_ledger *l)
{
	const struct fs_instance_holders *h = in->holders;
	enum fs_confidence c = run->m->rundown_accounting ? FS_PROVED : FS_LIKELY;

	if (instance_stage(in) == FS_S1 ? h->operations.state != FS_RUNDOWN_WAITING || !tied(h)
					 : in->object.rundown.state != FS_RUNDOWN_WAITING)
		c = FS_LIKELY;
	if (in->object.rundown.state == FS_RUNDOWN_WAITING &&
	    wait_block_is_stray(run->m, in->object.rundown.wait_block))
		c = FS_LIKELY;
	if (instance_stage(in) == FS_S1)
		c = operations_sure(run->m, c, in);
	else if (!l->unexplained_known)
		c = least(c, FS_LIKELY);
	if (l->contradicted)
		c = FS_POSSIBLE;
	c = confidence_cap(c, &in->object.flags.value);
	c = confidence_cap(c, &in->track_completion_nodes);
	return confidence_cap(c, &in->object.rundown.raw);
}

static void instance_items(struct check_run *run, size_t filter, const struct asked *a)
{
	size_t instance = a->instance;
	const struct fs_instance *in = &run->m->instances[instance];
	evidence_vec ev = {0};
	struct fs_ledger l;
	struct found x;

	if (!in->holders) {
		not_checked_add(run, a->rule, "the instance's holders were not read");
		return;
	}
	not_all(run, a, &in->holders->work);
	fs_ledger_instance(run->m, instance, &l);
	x = gather(run, &in->holders->work, a->deferred, QUEUED, -1, &ev);
	if (x.n)
		/* a pended operation has two references of its own */
		fire(run, filter, a, &x, least(x.c, instance_sure(run, in, &l)),
		     run_text(
			     run,
			     "FLT_INSTANCE 0x%llx is held by %zu %s item%s that %s queued and that "
			     "%s not run",
			     (unsigned long long)in->address, x.n,
			     a->deferred ? "deferred I/O work" : "work", plural(x.n),
			     filter_label(run, filter), x.n == 1 ? "has" : "have"),
		     &ev, &l, 2 * x.n + 1);
	vec_free(&ev);
	if (!l.unexplained_known || !l.unexplained)
		return;
	fire_uncertain(run, filter, a, &in->holders->work, &l,
		       run_text(run, "%llu reference%s to FLT_INSTANCE 0x%llx %s not explained",
				(unsigned long long)l.unexplained, plural(l.unexplained),
				(unsigned long long)in->address, l.unexplained == 1 ? "is" : "are"));
}

/* Operations are waited for first (S1), by what a deferred item is about too. */
static void instance_generic(struct check_run *run, size_t filter, size_t instance)
{
	struct asked a = {generic.rule, false, instance};

	if (instance_stage(&run->m->instances[instance]) == FS_S2)
		instance_items(run, filter, &a);
}

static void instance_deferred(struct check_run *run, size_t filter, size_t instance)
{
	struct asked a = {"deferred-io-outstanding", true, instance};

	if (instance_stage(&run->m->instances[instance]) != FS_STAGE_UNKNOWN)
		instance_items(run, filter, &a);
}

void chk_work_item(struct check_run *run)
{
	struct fs_ledger l;
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		if (held_account(run, i, &l))
			filter_items(run, i, &l);
		else if (instances_matter(run, i))
			each_draining(run, i, instance_generic);
	}
}

void chk_deferred_io(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++)
		if (instances_matter(run, i))
			each_draining(run, i, instance_deferred);
}
