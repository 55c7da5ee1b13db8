/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 12: the filter waits for a communication port that it did not close.
 * Look-alikes that stay silent: ports of a live filter, and clients that are
 * connected (rule 13: a client's port holds no reference).
 */
#include "check/check.h"

static void fire(struct check_run *run, size_t i, const struct fs_ledger *l,
		 const struct fs_ledger_entry *e)
{
	const struct fs_filter *f = &run->m->filters[i];
	struct fs_finding *fd = finding_add(run, "server-port-open", held_confidence(run, l, e),
					    "filter", f->address, filter_label(run, i));
	struct fs_subject culprit = {"server-port", 0, ""};
	evidence_vec ev = {0};
	size_t k;

	if (!fd)
		return;
	fd->message = run_text(run, "%s held by %s that %s created and has not closed",
			       held_part(run, l, e->count),
			       e->count == 1 ? "a server port" : "server ports", fd->subject.name);
	list_count_evidence(run, &ev, &f->connection_count, f->connection_list,
			    "FLT_FILTER.ConnectionList.mCount", "server ports, one reference each",
			    e);
	for (k = 0; k < e->naddresses && k < EVIDENCE_MAX; k++) {
		const struct fs_server_port *p = &f->holders->servers[k];

		evidence_hex(run, &ev, &p->filter, p->address, "FLT_SERVER_PORT_OBJECT.Filter",
			     "the port belongs to the filter");
		if (!culprit.address)
			culprit.address = p->address;
	}
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	if (!culprit.address)
		culprit.kind = NULL;
	verdict_held(run, fd, l, e->count, culprit);
}

void chk_server_port(struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		const struct fs_ledger_entry *e;
		struct fs_ledger l;

		if (!held_account(run, i, &l))
			continue;
		e = fs_ledger_entry_of(&l, FS_H_SERVER_PORT);
		if (e)
			fire(run, i, &l, e);
		else if (!fs_ledger_was_walked(&l, FS_H_SERVER_PORT))
			not_checked_add(
				run, "server-port-open",
				"the list of server ports of a draining filter was not read");
	}
}
