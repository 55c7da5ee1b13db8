/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters in the middle of FltUnregisterFilter: S1 to S4; and those of which an instance
 * alone is torn down (FltDetachVolume, a dismount). Who holds the missing
 * reference is for the rules that follow; what the filter itself says is told here.
 */
#include "check/unload.h"

/* The instance whose operations are waited for; NULL when that does not show. */
static const struct fs_instance *waiting(const struct check_run *run, const struct fs_filter *f)
{
	const struct fs_model *m = run->m;
	size_t i, own = run->own_instance[f - m->filters];

	if (own != SIZE_MAX)
		return operations_of(&m->instances[own]).counted ? &m->instances[own] : NULL;
	for (i = 0; i < f->instances.n; i++) {
		const struct fs_instance *in = &m->instances[f->instances.entries[i]];

		if (instance_stage(in) == FS_S1 && operations_of(in).counted)
			return in;
	}
	return NULL;
}

/* What is wrong with a wait block's Count; NULL: it can be one. The last reference that goes sets
 * the event, so that a thread which waits with 0 has been woken. */
static const char *count_wrong(struct check_run *run, const struct fs_value *count)
{
	if (!fs_is_read(count))
		return NULL;
	if (!count->v)
		return "the wait block counts 0 references, so none is held any more and the wait "
		       "is about to end, or the count is damaged";
	if (count->v > FS_REFERENCES_MAX)
		return run_text(run, "the wait block counts %llu references: it is damaged",
				(unsigned long long)count->v);
	return NULL;
}

/* The Count of what the stage waits for; NULL: not known. */
static const struct fs_value *count_of(const struct check_run *run, const struct fs_filter *f)
{
	const struct fs_model *m = run->m;
	size_t i, own = run->own_instance[f - m->filters];
	enum fs_stage s = run->stages[f - m->filters];

	if (s == FS_S3)
		return &f->object.rundown.wait_count;
	if (s == FS_S1 && waiting(run, f))
		return &waiting(run, f)->holders->operations.wait_count;
	for (i = 0; s == FS_S2 && i < f->instances.n; i++) {
		const struct fs_instance *in = &m->instances[f->instances.entries[i]];

		if ((own == SIZE_MAX || own == f->instances.entries[i]) &&
		    instance_stage(in) == FS_S2 && in->object.rundown.state == FS_RUNDOWN_WAITING)
			return &in->object.rundown.wait_count;
	}
	return NULL;
}

static const char *wrong(struct check_run *run, const struct fs_filter *f)
{
	const struct fs_value *v = count_of(run, f);

	return v ? count_wrong(run, v) : NULL;
}

static const char *operations_left(struct check_run *run, const struct fs_filter *f)
{
	const struct fs_instance *in = waiting(run, f);
	uint64_t n = in ? operations_of(in).count : 0;

	if (wrong(run, f))
		return run_text(run, " (%s)", wrong(run, f));
	return in ? run_text(run, " (%llu reference%s of operations)", (unsigned long long)n,
			     plural(n))
		  : "";
}

/* The references that are waited for are those of live instances, which nobody tears down: the
 * first of them. NULL when something else has one as well, or that does not show. */
static const struct fs_instance *live_holder(const struct check_run *run, const struct fs_filter *f,
					     const struct fs_ledger *l)
{
	const struct fs_ledger_entry *e = fs_ledger_entry_of(l, FS_H_INSTANCE);
	size_t i;

	if (!e || !l->unexplained_known || l->unexplained || e->count != l->total ||
	    e->count != f->instances.n)
		return NULL;
	for (i = 0; i < f->instances.n; i++)
		if (!fs_lacks(&run->m->instances[f->instances.entries[i]].object.flags.value,
			      FS_OBJ_DRAINING))
			return NULL;
	return f->instances.n ? &run->m->instances[f->instances.entries[0]] : NULL;
}

static const char *held_by(struct check_run *run, const struct fs_filter *f,
			   const struct fs_ledger *l)
{
	const struct fs_instance *in = live_holder(run, f, l);
	const char *name;

	if (!in)
		return "";
	name = in->name.state == FS_READ && in->name.s[0] ? run_text(run, " \"%s\"", in->name.s)
							  : "";
	if (l->total == 1)
		return run_text(run,
				". It is that of FLT_INSTANCE 0x%llx%s, which is not DRAINING: "
				"nobody has begun to tear it down",
				(unsigned long long)in->address, name);
	return run_text(run,
			". They are those of its %llu instances, the first FLT_INSTANCE 0x%llx%s, "
			"which are not DRAINING: nobody has begun to tear them down",
			(unsigned long long)l->total, (unsigned long long)in->address, name);
}

static const char *filter_waits(struct check_run *run, const struct fs_filter *f,
				const struct fs_ledger *l)
{
	const struct fs_value *n = &f->object.rundown.wait_count;

	if (wrong(run, f))
		return run_text(run, "it waits for its rundown, and %s", wrong(run, f));
	if (l->contradicted)
		return "it waits for its rundown: how many references to the filter are still held "
		       "is not known, more were found than the wait block counts, so one of the "
		       "two is wrong";
	if (fs_is_read(n))
		return run_text(run,
				"it waits for its rundown: %llu reference%s to the filter %s still "
				"held%s",
				(unsigned long long)n->v, plural(n->v), n->v == 1 ? "is" : "are",
				held_by(run, f, l));
	return "it waits for its rundown: references to the filter are still held (how many is not "
	       "known)";
}

static const char *waits_for(struct check_run *run, const struct fs_filter *f,
			     const struct fs_ledger *l, enum fs_stage s)
{
	switch (s) {
	case FS_S1:
		return run_text(run,
				"an instance's teardown has begun, and its I/O has not drained%s",
				operations_left(run, f));
	case FS_S2:
		if (wrong(run, f))
			return run_text(run,
					"an instance's teardown is done, and it waits for the "
					"instance's rundown; %s",
					wrong(run, f));
		return "an instance's teardown is done, and references to the instance are still "
		       "held";
	case FS_S3:
		return filter_waits(run, f, l);
	case FS_S4:
		return "its references are gone, and a port's disconnect or the Filter Verifier is "
		       "still to finish";
	default:
		return "how far it is cannot be told";
	}
}

static void count_evidence(struct check_run *run, evidence_vec *ev, const struct fs_value *v,
			   uint64_t head, const char *field, const char *fact)
{
	if (fs_is_read(v))
		evidence_add(run, ev, v, head, field, fact, "%llu", (unsigned long long)v->v);
}

static void explain(struct check_run *run, size_t i, struct fs_verdict *v)
{
	const struct fs_filter *f = &run->m->filters[i];
	evidence_vec ev = {0};
	const struct fs_instance *live;
	struct fs_ledger l;

	fs_ledger_filter(run->m, i, &l);
	live = run->stages[i] == FS_S3 ? live_holder(run, f, &l) : NULL;
	if (l.contradicted && run->stages[i] == FS_S3)
		not_checked_add(run, "leaked-filter-reference",
				"more references were found than the wait block counts, so what is "
				"leaked cannot be told");
	v->state = FS_ST_STUCK;
	/* one picture cannot tell a slow wait from an endless one */
	v->confidence = confidence_cap(FS_LIKELY, &f->object.flags.value);
	v->confidence = confidence_cap(v->confidence, &f->object.rundown.raw);
	v->summary = run_text(run, "%s is being unloaded and has not finished: %s.", v->name,
			      waits_for(run, f, &l, run->stages[i]));
	v->advice = wrong(run, f)
			    ? "Take a second dump later: what this one counts tells nothing of what "
			      "is held. fltscope's `filter` command shows what the filter still has."
		    : live ? "An unload tears its instances down before it waits for the filter. Take "
			     "a second dump later, and see whether the instance is still there."
			   : "Take a second dump later: when the same numbers stand there, the "
			     "references are leaked. fltscope's `filter` command shows what the "
			     "filter still has.";
	/* a wait for nothing: it may go on the next moment */
	if (wrong(run, f) && !count_of(run, f)->v)
		v->confidence = FS_POSSIBLE;
	evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "FltUnregisterFilter has marked the filter DRAINING");
	evidence_hex(run, &ev, &f->object.rundown.raw, f->address, "FLT_OBJECT.RundownRef",
		     run->stages[i] != FS_S3 ? "the rundown as it is"
		     : wait_block_is_stray(run->m, f->object.rundown.wait_block)
			     ? "a wait block, which is on no thread's stack"
			     : "somebody waits for the rundown");
	if (f->object.rundown.state == FS_RUNDOWN_WAITING)
		count_evidence(run, &ev, &f->object.rundown.wait_count,
			       f->object.rundown.wait_block, "EX_RUNDOWN_WAIT_BLOCK.Count",
			       count_wrong(run, &f->object.rundown.wait_count)
				       ? "a count of references that is 0, or damaged"
			       : l.contradicted ? "references still held, by a count that does not "
						  "fit what was found"
						: "references still held");
	if (run->stages[i] == FS_S1 && waiting(run, f))
		operations_evidence(run, &ev, waiting(run, f));
	if (live)
		evidence_hex(run, &ev, &live->object.flags.value, live->address, "FLT_OBJECT.Flags",
			     "an instance of the filter, which is not DRAINING");
	count_evidence(run, &ev, &f->active_opens_count, f->active_opens,
		       "FLT_FILTER.ActiveOpens.mCount",
		       f->holders && f->holders->opens.miscounted
			       ? "a count that its list's entries contradict"
			       : "files it has open");
	count_evidence(run, &ev, &f->connection_count, f->connection_list,
		       "FLT_FILTER.ConnectionList.mCount", "server ports");
	count_evidence(run, &ev, &f->port_count, f->port_list, "FLT_FILTER.PortList.mCount",
		       "client ports");
	v->because = evidence_take(run, &ev, &v->nbecause);
}

/* --- instances that are torn down without an unload of their filter -------------------- */

static const char *instance_waits(struct check_run *run, const struct fs_instance *in)
{
	struct operations o = operations_of(in);
	const struct fs_rundown *r = &in->object.rundown;
	const struct fs_value *n = r->state == FS_RUNDOWN_WAITING ? &r->wait_count
				   : o.counted ? &in->holders->operations.wait_count
					       : NULL;
	const char *bad = n ? count_wrong(run, n) : NULL;

	if (bad)
		return run_text(run, "%s; %s",
				r->state == FS_RUNDOWN_WAITING ? "references to the instance"
							       : "operations of the instance",
				bad);
	if (r->state == FS_RUNDOWN_WAITING && fs_is_read(&r->wait_count))
		return run_text(run, "%llu reference%s to the instance",
				(unsigned long long)r->wait_count.v, plural(r->wait_count.v));
	if (r->state == FS_RUNDOWN_WAITING)
		return "references to the instance";
	if (o.counted)
		return run_text(run, "%llu reference%s of operations", (unsigned long long)o.count,
				plural(o.count));
	return o.waits ? "operations of the instance" : NULL;
}

static void instance_evidence(struct check_run *run, evidence_vec *ev, const struct fs_instance *in)
{
	const struct fs_rundown *r = &in->object.rundown;

	evidence_hex(run, ev, &in->object.flags.value, in->address, "FLT_OBJECT.Flags",
		     "the instance is DRAINING, and not done");
	evidence_hex(run, ev, &in->track_completion_nodes, in->address,
		     "FLT_INSTANCE.TrackCompletionNodes",
		     instance_stage(in) == FS_S2 ? "its operations are through"
						 : "its operations are not through");
	operations_evidence(run, ev, in);
	if (r->state == FS_RUNDOWN_WAITING)
		count_evidence(run, ev, &r->wait_count, r->wait_block,
			       "EX_RUNDOWN_WAIT_BLOCK.Count", "references to the instance");
}

static void detach(struct check_run *run, size_t i, const struct fs_instance *in, size_t n)
{
	struct fs_verdict *v = unload_asked(run, i) ? pending_verdict(run, i) : verdict_for(run, i);
	struct waiter w = waiter_of_instance(run->m, in);
	const char *what = instance_waits(run, in), *begun = v ? v->summary : "";
	evidence_vec ev = {0};
	size_t k;

	if (!v)
		return;
	v->state = FS_ST_UNKNOWN;
	v->confidence = FS_POSSIBLE;
	for (k = 0; k < v->nbecause; k++)
		evidence_add(run, &ev, NULL, v->because[k].address, v->because[k].field,
			     v->because[k].fact, "%s", v->because[k].value);
	v->summary = run_text(
		run,
		"%s%sThe teardown of FLT_INSTANCE 0x%llx of %s%s, by a detach or a dismount, has "
		"begun and is not done: %s%s%s.",
		begun, begun[0] ? " " : "", (unsigned long long)in->address, v->name,
		n > 1 ? run_text(run, " (and of %zu more)", n - 1) : "",
		w.thread >= 0 ? thread_label(run, w.thread) : "somebody",
		what ? " waits for " : " may be in a teardown callback of the driver",
		what ? what : "");
	if (!v->advice)
		v->advice = "Take a second dump later: when the same numbers stand there, it hangs. "
			    "What the instance still has is what it waits for.";
	instance_evidence(run, &ev, in);
	waiter_evidence(run, &ev, &w);
	v->because = evidence_take(run, &ev, &v->nbecause);
	if (w.thread < 0 || unload_asked(run, i) ||
	    unload_lock_of(run, i)->filter == (int32_t)i)
		return;
	v->waiter_thread = run->m->threads[w.thread].address;
	v->waiter_sure = w.sure;
}

static void look_at_instances(struct check_run *run, size_t i)
{
	const struct fs_list *l = &run->m->filters[i].instances;
	const struct fs_instance *first = NULL;
	size_t k, n = 0;

	for (k = 0; k < l->n; k++) {
		const struct fs_instance *in = &run->m->instances[l->entries[k]];

		if (!torn_down(in))
			continue;
		n++;
		/* one that is seen to wait says more */
		if (!first || (!waiter_of_instance(run->m, first).block &&
			       waiter_of_instance(run->m, in).block))
			first = in;
	}
	if (first)
		detach(run, i, first, n);
}

void chk_draining(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_value *flags = &m->filters[i].object.flags.value;
		struct fs_verdict *v;

		if (run->stages[i] == FS_S0)
			look_at_instances(run, i);
		if (!fs_has(flags, FS_OBJ_DRAINING) || fs_has(flags, FS_OBJ_ZOMBIED))
			continue;
		v = verdict_for(run, i);
		if (v)
			explain(run, i, v);
	}
}
