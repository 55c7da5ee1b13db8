/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 11: the filter waits for files that it has open itself. Look-alikes that
 * stay silent: open files of a live filter, and a wait whose ActiveOpens is empty
 * (contexts, ports, work items).
 */
#include "check/check.h"

static void fire(struct check_run *run, size_t i, const struct fs_ledger *l,
		 const struct fs_ledger_entry *e)
{
	const struct fs_filter *f = &run->m->filters[i];
	struct fs_finding *fd = finding_add(run, "open-files", held_confidence(run, l, e), "filter",
					    f->address, filter_label(run, i));
	evidence_vec ev = {0};
	size_t k;

	if (!fd)
		return;
	fd->message = run_text(run, "%s held by %s that %s opened and has not closed",
			       held_part(run, l, e->count), e->count == 1 ? "a file" : "files",
			       fd->subject.name);
	list_count_evidence(run, &ev, &f->active_opens_count, f->active_opens,
			    "FLT_FILTER.ActiveOpens.mCount",
			    "files it has open, one reference each", e);
	for (k = 0; k < e->naddresses && k < EVIDENCE_MAX; k++)
		evidence_add(run, &ev, NULL, fs_ledger_address(run->m, l, e, k),
			     "FLT_FILTER.ActiveOpens", "an entry of the list", "0x%llx",
			     (unsigned long long)fs_ledger_address(run->m, l, e, k));
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	verdict_held(run, fd, l, e->count, (struct fs_subject){NULL, 0, ""});
}

void chk_open_files(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_ledger_entry *e;
		struct fs_ledger l;

		if (!held_account(run, i, &l))
			continue;
		e = fs_ledger_entry_of(&l, FS_H_OPEN_FILE);
		if (e)
			fire(run, i, &l, e);
		else if (!fs_ledger_was_walked(&l, FS_H_OPEN_FILE))
			not_checked_add(run, "open-files",
					run->m->filters[i].holders &&
							run->m->filters[i].holders->opens.miscounted
						? "the list of files that a draining filter has open "
						  "has another number of entries than it counts"
						: "the list of files that a draining filter has open "
						  "was not read");
	}
}
