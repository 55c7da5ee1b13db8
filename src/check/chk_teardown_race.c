/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 23: FltUnregisterFilter skips an instance that another thread tears down, as
 * in a dismount, and then waits for that instance's reference on the filter (S3 with
 * an instance that is still linked; facts: 23 [code], [run]). Look-alikes that stay
 * silent: S1 and S2, where the filter's own thread tears the instance down. While that
 * waits for another instance, the race is told, but is not what the unload waits for yet.
 */
#include "check/unload.h"

static enum fs_confidence sure(const struct check_run *run, const struct fs_ledger *l,
			       const struct fs_instance *in, const struct waiter *own,
			       const struct waiter *other)
{
	const struct fs_ledger_entry *e = fs_ledger_entry_of(l, FS_H_INSTANCE);
	enum fs_confidence c = e ? held_confidence(run, l, e) : FS_LIKELY;

	/* its callbacks may run, and then nobody waits for the instance */
	if (own->sure != FS_PROVED || other->sure != FS_PROVED)
		c = c < FS_LIKELY ? c : FS_LIKELY;
	return confidence_cap(c, &in->object.flags.value);
}

static const char *by_whom(struct check_run *run, const struct fs_instance *in,
			   const struct waiter *w)
{
	const struct fs_instance_holders *h = in->holders;

	if (w->thread < 0)
		return "a thread that does not wait for its rundown, or was not read";
	return run_text(run, "%s, which waits for the %s", thread_label(run, w->thread),
			in->object.rundown.state == FS_RUNDOWN_WAITING ? "instance's own references"
			: h ? "operations on the instance"
			    : "instance");
}

static void fire(struct check_run *run, size_t i, const struct fs_ledger *l, size_t instance)
{
	const struct fs_instance *in = &run->m->instances[instance];
	struct waiter own = waiter_of(run, i), other = waiter_of_instance(run->m, in);
	struct fs_subject culprit = {"instance", in->address, ""};
	struct fs_finding *fd;
	struct fs_verdict *v;
	evidence_vec ev = {0};

	/* its own thread: what is seen then is no race */
	if (own.thread >= 0 && own.thread == other.thread)
		return;
	fd = finding_add(run, "teardown-race", sure(run, l, in, &own, &other), "filter",
			 run->m->filters[i].address, filter_label(run, i));
	if (!fd)
		return;
	fd->message =
		run_text(run,
			 "FLT_INSTANCE 0x%llx of %s is being torn down by %s; it holds one of "
			 "%s until that is done",
			 (unsigned long long)in->address, fd->subject.name,
			 by_whom(run, in, &other), held_total(run, l));
	evidence_hex(run, &ev, &in->object.flags.value, in->address, "FLT_OBJECT.Flags",
		     "an instance that is DRAINING is still linked to the filter");
	evidence_hex(run, &ev, &run->m->filters[i].object.rundown.raw, run->m->filters[i].address,
		     "FLT_OBJECT.RundownRef",
		     "the filter's unload is past its instances, and waits for the filter");
	waiter_evidence(run, &ev, &own);
	waiter_evidence(run, &ev, &other);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	if (other.thread >= 0)
		culprit = (struct fs_subject){"thread", run->m->threads[other.thread].address, ""};
	if (cycle_explains(run, i))
		return;
	verdict_cause(run, i, fd, 1, culprit);
	v = verdict_for(run, i);
	if (v && v->cause_id == fd->rule && other.thread >= 0)
		v->culprit_thread = culprit.address;
}

/* S1 and S2: the unload's thread waits for `own`, and another one for this instance. */
static void ahead(struct check_run *run, size_t i, size_t own, size_t instance)
{
	const struct fs_instance *in = &run->m->instances[instance];
	struct waiter mine = waiter_of_instance(run->m, &run->m->instances[own]);
	struct waiter other = waiter_of_instance(run->m, in);
	struct fs_finding *fd;
	evidence_vec ev = {0};

	if (mine.thread < 0 || other.thread < 0 || mine.thread == other.thread)
		return;
	fd = finding_add(run, "teardown-race",
			 confidence_cap(mine.sure == FS_PROVED && other.sure == FS_PROVED
						? FS_LIKELY
						: FS_POSSIBLE,
					&in->object.flags.value),
			 "filter", run->m->filters[i].address, filter_label(run, i));
	if (!fd)
		return;
	fd->message = run_text(run,
			       "FLT_INSTANCE 0x%llx of %s is being torn down by %s, and not by "
			       "the thread that unloads the filter: the unload cannot be done "
			       "before that teardown is",
			       (unsigned long long)in->address, fd->subject.name,
			       by_whom(run, in, &other));
	evidence_hex(run, &ev, &in->object.flags.value, in->address, "FLT_OBJECT.Flags",
		     "the instance is DRAINING");
	evidence_hex(run, &ev, &unload_lock_of(run, i)->owner->thread,
		     unload_lock_of(run, i)->lock->address, "FilterUnloadLock.OwnerThread",
		     "the thread that unloads the filter");
	waiter_evidence(run, &ev, &mine);
	waiter_evidence(run, &ev, &other);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
}

static void look_ahead(struct check_run *run, size_t i)
{
	const struct fs_list *l = &run->m->filters[i].instances;
	size_t k, own = run->own_instance[i];

	for (k = 0; own != SIZE_MAX && k < l->n; k++)
		if (l->entries[k] != own && torn_down(&run->m->instances[l->entries[k]]))
			ahead(run, i, own, l->entries[k]);
}

void chk_teardown_race(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i, k;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_list *list = &m->filters[i].instances;
		struct fs_ledger l;

		if (run->stages[i] == FS_S1 || run->stages[i] == FS_S2)
			look_ahead(run, i);
		if (!held_account(run, i, &l))
			continue;
		if (list->stop != FS_STOP_CLOSED || list->wrong_at)
			not_checked_add(run, "teardown-race",
					"not every instance of the filter was reached");
		for (k = 0; k < list->n; k++) {
			const struct fs_instance *in = &m->instances[list->entries[k]];

			if (torn_down(in))
				fire(run, i, &l, list->entries[k]);
			else if (!fs_is_read(&in->object.flags.value))
				not_checked_add(run, "teardown-race",
						"the flags of an instance were not read");
		}
	}
}
