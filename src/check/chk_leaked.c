/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules 1, 2 and 10: what a waiting filter's account leaves over when ports,
 * open files and instances are taken off. Contexts that were found are named
 * (rule 1), queued work items are rule 10's. What is left then is a reference that
 * FltObjectReference and its like took (rule 2), a routine that still runs, or a
 * context that the dump does not hold: likely when all memory was searched, else at
 * most possible, since nothing tells these apart.
 */
#include "check/check.h"

/* One that was released too often has no reference that could be given back (32). */
static bool leaked(const struct fs_context *x)
{
	return !over_released(x);
}

static void context_evidence(struct check_run *run, evidence_vec *ev,
			     const struct fs_filter_holders *h)
{
	size_t k, n = 0;

	for (k = 0; k < h->ncontexts && n < EVIDENCE_MAX; k++) {
		const struct fs_context *x = &h->contexts[k];

		if (!leaked(x))
			continue;
		n++;
		evidence_hex(run, ev, &x->reg, x->address, "CONTEXT_NODE.RegInfo",
			     x->place == FS_CTX_ORPHAN
				     ? "a context of the filter, attached to nothing that is left"
				     : "a context of the filter");
		evidence_hex(run, ev, &x->use_count, x->address, "CONTEXT_NODE.UseCount",
			     "references to it that were not released");
	}
}

/* The nodes themselves may have been read through offsets that nothing confirms. */
static enum fs_confidence context_confidence(const struct check_run *run, const struct fs_ledger *l,
					     const struct fs_ledger_entry *e)
{
	const struct fs_filter_holders *h = run->m->filters[l->index].holders;
	struct fs_ledger_entry whole = *e;
	enum fs_confidence c;
	size_t k;

	/* that there are these is enough; there may be more */
	whole.whole = true;
	c = held_confidence(run, l, &whole);
	for (k = 0; k < h->ncontexts; k++) {
		if (!leaked(&h->contexts[k]))
			continue;
		c = confidence_cap(c, &h->contexts[k].reg);
		c = confidence_cap(c, &h->contexts[k].use_count);
	}
	return c;
}

static void found_contexts(struct check_run *run, size_t i, const struct fs_ledger *l,
			   const struct fs_ledger_entry *e)
{
	const struct fs_filter *f = &run->m->filters[i];
	const struct fs_context *first = NULL;
	struct fs_finding *fd;
	evidence_vec ev = {0};
	uint64_t n = 0;
	size_t k;

	for (k = f->holders->ncontexts; k-- > 0;)
		if (leaked(&f->holders->contexts[k])) {
			first = &f->holders->contexts[k];
			n++;
		}
	fd = first ? finding_add(run, "leaked-context", context_confidence(run, l, e), "filter",
				 f->address, filter_label(run, i))
		   : NULL;
	if (!fd)
		return;
	fd->message = run_text(run, "%s held by %s that %s allocated and that %s still referenced",
			       held_part(run, l, n), n == 1 ? "a context" : "contexts",
			       fd->subject.name, n == 1 ? "is" : "are");
	context_evidence(run, &ev, f->holders);
	(void)verifier_evidence(run, i, &ev);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	verdict_held(run, fd, l, n, (struct fs_subject){"context", first->address, ""});
}

static const char *left_over(struct check_run *run, const struct fs_ledger *l)
{
	return run_text(run,
			"%s no port, no open file, no instance, no queued work and no context that "
			"was found",
			held_part(run, l, l->unexplained));
}

/* The log is a ring of what happened, not a list of what is held: it adds to what a
 * person can look at, and nothing to the confidence. */
static void log_evidence(struct check_run *run, evidence_vec *ev, const struct fs_filter *f)
{
	const struct fs_ref_log *log = f->holders ? f->holders->log : NULL;
	size_t i, n = 0;

	for (i = log ? log->n : 0; i-- > 0 && n < EVIDENCE_MAX;) {
		const struct fs_code *own;

		if (log->event[i].delta != 1)
			continue;
		own = fs_ref_event_own(f, &log->event[i]);
		if (!own)
			continue;
		n++;
		evidence_add(run, ev, &own->va, log->event[i].at, "reference log",
			     "a reference was taken here", "%s",
			     own->symbol ? own->symbol : "(no symbol)");
	}
}

/* A build that has the log, and whether it is on, or what it says, was not read. */
static bool log_unread(const struct fs_filter *f)
{
	const struct fs_ref_log *log = f->holders ? f->holders->log : NULL;

	return log &&
	       (!fs_is_read(&log->pointer) || (log->pointer.v && log->looked == FS_LOOKED_NOT));
}

static void guess(struct check_run *run, size_t i, const struct fs_ledger *l, const char *rule,
		  enum fs_confidence c, const char *then)
{
	const struct fs_filter *f = &run->m->filters[i];
	struct fs_finding *fd =
		finding_add(run, rule, c, "filter", f->address, filter_label(run, i));
	evidence_vec ev = {0};

	if (!fd)
		return;
	fd->message = run_text(run, "%s: %s", left_over(run, l), then);
	evidence_add(run, &ev, &f->object.rundown.wait_count, f->object.rundown.wait_block,
		     "EX_RUNDOWN_WAIT_BLOCK.Count", "references still held", "%llu",
		     (unsigned long long)l->total);
	(void)verifier_evidence(run, i, &ev);
	log_evidence(run, &ev, f);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	verdict_cause(run, i, fd, l->unexplained, (struct fs_subject){NULL, 0, ""});
}

/* Has it registered contexts at all? Without, none can be leaked. */
static bool may_have_contexts(const struct fs_filter *f)
{
	return f->ncontexts > 0 || f->contexts_looked != FS_LOOKED_WHOLE;
}

static const char unread[] = "how many references are left is not known";

void chk_leaked_context(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_ledger_entry *e;
		struct fs_ledger l;

		if (!held_account(run, i, &l))
			continue;
		e = fs_ledger_entry_of(&l, FS_H_CONTEXT);
		if (e)
			found_contexts(run, i, &l, e);
		else if (!l.total_known)
			not_checked_add(run, "leaked-context", unread);
		else if (l.unexplained_known && l.unexplained &&
			 may_have_contexts(&run->m->filters[i]) &&
			 !fs_ledger_was_walked(&l, FS_H_CONTEXT))
			guess(run, i, &l, "leaked-context", FS_POSSIBLE,
			      "a context whose memory was not searched, or not found");
	}
}

/* Every other holder was looked for and has none: that a routine of the driver runs
 * whose work item is freed already is all that is left beside the leak. */
static bool nothing_else(const struct check_run *run, size_t i, const struct fs_ledger *l)
{
	const struct fs_filter *f = &run->m->filters[i];
	size_t k;

	for (k = 0; k < l->nnot_walked; k++)
		if (l->not_walked[k] != FS_H_CONTEXT || may_have_contexts(f))
			return false;
	return f->holders && no_work_items(&f->holders->work);
}

static enum fs_confidence remainder_sure(const struct check_run *run, size_t i,
					 const struct fs_ledger *l)
{
	const struct fs_object *o = &run->m->filters[i].object;
	enum fs_confidence c = FS_POSSIBLE;

	if (run->m->rundown_accounting && nothing_else(run, i, l))
		c = FS_LIKELY;
	c = confidence_cap(c, &o->flags.value);
	c = confidence_cap(c, &o->rundown.raw);
	return confidence_cap(c, &o->rundown.wait_count);
}

static const char *remainder_is(struct check_run *run, size_t i, const struct fs_ledger *l)
{
	const struct fs_filter *f = &run->m->filters[i];

	return run_text(run,
			"references that FltObjectReference, FltGetFilterFromName or "
			"FltEnumerateFilters gave%s%s",
			f->holders && no_work_items(&f->holders->work)
				? ", or a work item's routine that still runs"
				: ", or a work item that was not found",
			may_have_contexts(f) && !fs_ledger_was_walked(l, FS_H_CONTEXT)
				? ", or a context that is not in the dump"
				: "");
}

void chk_leaked_filter(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		struct fs_ledger l;

		if (!held_account(run, i, &l))
			continue;
		if (!l.total_known)
			not_checked_add(run, "leaked-filter-reference", unread);
		if (!l.unexplained_known || !l.unexplained)
			continue;
		if (log_unread(&run->m->filters[i]))
			not_checked_add(run, "leaked-filter-reference",
					"the filter's reference trace log was not read");
		guess(run, i, &l, "leaked-filter-reference", remainder_sure(run, i, &l),
		      remainder_is(run, i, &l));
	}
}
