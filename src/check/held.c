/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rules about references to a draining filter share (S3: 1, 2, 10, 11,
 * 12): its account, how sure an entry of it is, and which of them is the main cause.
 */
#include "check/unload.h"

#include <string.h>

bool held_account(const struct check_run *run, size_t filter, struct fs_ledger *ret)
{
	if (run->stages[filter] != FS_S3)
		return false;
	fs_ledger_filter(run->m, filter, ret);
	return true;
}

enum fs_confidence held_confidence(const struct check_run *run, const struct fs_ledger *l,
				   const struct fs_ledger_entry *e)
{
	const struct fs_filter *f = &run->m->filters[l->index];
	enum fs_confidence c = FS_PROVED;

	/* what takes a reference is known for builds whose code was read; an account
	 * with more in it than it counts is not understood */
	if (!run->m->rundown_accounting || !l->unexplained_known || !e->whole ||
	    wait_block_is_stray(run->m, f->object.rundown.wait_block))
		c = FS_LIKELY;
	if (e->unproved || l->contradicted)
		c = FS_POSSIBLE;
	c = confidence_cap(c, &f->object.flags.value);
	c = confidence_cap(c, &f->object.rundown.raw);
	return l->total_known ? confidence_cap(c, &f->object.rundown.wait_count) : c;
}

bool no_work_items(const struct fs_work *w)
{
	return w->searched == FS_LOOKED_WHOLE && !w->n;
}

void each_draining(struct check_run *run, size_t filter,
		   void (*each)(struct check_run *run, size_t filter, size_t instance))
{
	const struct fs_list *list = &run->m->filters[filter].instances;
	size_t k;

	for (k = 0; k < list->n; k++)
		if (torn_down(&run->m->instances[list->entries[k]]))
			each(run, filter, list->entries[k]);
}

const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

const char *held_total(struct check_run *run, const struct fs_ledger *l)
{
	if (!l->total_known || l->contradicted)
		return "references to the filter (how many is not known)";
	return run_text(run, "%llu reference%s to the filter", (unsigned long long)l->total,
			plural(l->total));
}

void list_count_evidence(struct check_run *run, evidence_vec *ev, const struct fs_value *count,
			 uint64_t head, const char *field, const char *fact,
			 const struct fs_ledger_entry *e)
{
	if (!fs_is_read(count))
		evidence_add(run, ev, count, head, field, fact, "not read");
	else
		evidence_add(run, ev, count, head, field,
			     count->v == e->count
				     ? fact
				     : "a count that does not fit the entries and the references",
			     "%llu", (unsigned long long)count->v);
}

const char *held_part(struct check_run *run, const struct fs_ledger *l, uint64_t n)
{
	if (l->contradicted)
		return "References to the filter (how many is not known: its own count of them "
		       "is less than what was found) are";
	if (!l->total_known)
		return run_text(run, "%llu reference%s to the filter (of how many is not known) %s",
				(unsigned long long)n, plural(n), n == 1 ? "is" : "are");
	return run_text(run, "%llu of %s %s", (unsigned long long)n, held_total(run, l),
			n == 1 ? "is" : "are");
}

static bool told(const struct fs_evidence *e, size_t n, const struct fs_evidence *x)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (e[i].address == x->address && strcmp(e[i].field, x->field) == 0)
			return true;
	return false;
}

/* The premises of the stage, then those of the cause that are not among them. */
static void add_because(struct check_run *run, struct fs_verdict *v, size_t base,
			const struct fs_finding *fd)
{
	struct fs_evidence *e = arena_alloc(run->a, (base + fd->nevidence + 1) * sizeof(*e));
	size_t i;

	if (!e) {
		run->out_of_memory = true;
		return;
	}
	if (base)
		memcpy(e, v->because, base * sizeof(*e));
	v->nbecause = base;
	for (i = 0; i < fd->nevidence; i++)
		if (!told(e, base, &fd->evidence[i]))
			e[v->nbecause++] = fd->evidence[i];
	v->because = e;
}

static void set_cause(struct check_run *run, size_t filter, const struct fs_finding *fd,
		      enum fs_confidence sure, uint64_t weight, struct fs_subject culprit)
{
	struct cause *c = &run->causes[filter];
	struct fs_verdict *v = verdict_for(run, filter);

	if (!v)
		return;
	if (!v->cause_id) {
		c->base = v->nbecause;
		c->summary = v->summary;
	} else if (v->confidence > sure ||
		   (v->confidence == sure && c->weight >= weight)) {
		return;
	}
	c->weight = weight;
	/* an unload that has not begun its work, for a reason nobody can be sure of, may be slow */
	v->state = run->stages[filter] == FS_S0 && sure == FS_POSSIBLE ? FS_ST_UNKNOWN
										  : FS_ST_STUCK;
	v->cause_id = fd->rule;
	v->cause_title = fd->title;
	v->confidence = sure;
	v->summary = run_text(run, "%s %s.", c->summary, fd->message);
	v->culprit = culprit;
	v->advice = rule_advice(fd->rule);
	add_because(run, v, c->base, fd);
}

void verdict_cause(struct check_run *run, size_t filter, const struct fs_finding *fd,
		   uint64_t weight, struct fs_subject culprit)
{
	set_cause(run, filter, fd, fd->confidence, weight, culprit);
}

static enum fs_confidence least(enum fs_confidence a, enum fs_confidence b)
{
	return a < b ? a : b;
}

/* Is another thread's teardown in sight, or could it be? An unload takes its instances one by
 * one: of two, one is another thread's. So is one that the unload's thread does not wait for. */
static bool may_be_anothers(const struct check_run *run, size_t filter)
{
	const struct fs_list *l = &run->m->filters[filter].instances;
	const struct unload_lock *u = unload_lock_of(run, filter);
	size_t k, n = 0;

	for (k = 0; k < l->n; k++)
		n += torn_down(&run->m->instances[l->entries[k]]);
	return n > 1 || l->stop != FS_STOP_CLOSED || l->wrong_at ||
	       (u->held && u->thread >= 0 && (u->filter < 0 || u->filter == (int32_t)filter));
}

static void of_instance(struct check_run *run, size_t filter, size_t instance,
			const struct fs_finding *fd, enum fs_confidence c, uint64_t weight,
			struct fs_subject culprit)
{
	size_t own = run->own_instance[filter];

	/* an unload that has not come to its instances does not wait for one */
	if (run->stages[filter] == FS_S0 &&
	    (unload_asked(run, filter) ||
	     unload_lock_of(run, filter)->filter == (int32_t)filter))
		return;
	if (run->stages[filter] != FS_S0 && own == SIZE_MAX && may_be_anothers(run, filter))
		c = least(c, FS_LIKELY);
	if (own == SIZE_MAX || own == instance)
		set_cause(run, filter, fd, c, weight, culprit);
}

void verdict_cause_of(struct check_run *run, size_t filter, size_t instance,
		      const struct fs_finding *fd, uint64_t weight, struct fs_subject culprit)
{
	of_instance(run, filter, instance, fd, fd->confidence, weight, culprit);
}

void verdict_held(struct check_run *run, const struct fs_finding *fd, const struct fs_ledger *l,
		  uint64_t weight, struct fs_subject culprit)
{
	bool hidden = l->nnot_walked && (!l->unexplained_known || l->unexplained >= weight);

	set_cause(run, l->index, fd, hidden ? least(fd->confidence, FS_LIKELY) : fd->confidence,
		  weight, culprit);
}

bool deferred_excluded(const struct check_run *run, size_t instance)
{
	const struct fs_instance_holders *h = run->m->instances[instance].holders;
	struct fs_ledger l;

	if (h && h->work.searched == FS_LOOKED_WHOLE)
		return true;
	fs_ledger_instance(run->m, instance, &l);
	return l.unexplained_known && !l.unexplained;
}

void verdict_operations(struct check_run *run, size_t filter, size_t instance,
			const struct fs_finding *fd, uint64_t weight, struct fs_subject culprit)
{
	of_instance(run, filter, instance, fd,
		    deferred_excluded(run, instance) ? fd->confidence
						     : least(fd->confidence, FS_LIKELY),
		    weight, culprit);
}
