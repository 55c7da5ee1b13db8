/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 13: clients are connected. That does not hold up the unload (connecting
 * gives its reference back), but leaves a zombie until they close: so a note while
 * the filter lives, a warning for a zombie that still lists them.
 */
#include "check/check.h"

#include <string.h>

/* Rule 14 tells what the unload waits for then: a call for one of the clients. */
static bool in_a_callback(const struct check_run *run, const struct fs_filter *f)
{
	size_t i;

	for (i = 0; i < run->findings.n; i++)
		if (strcmp(run->findings.v[i].rule, "port-callback-stuck") == 0 &&
		    run->findings.v[i].subject.address == f->address)
			return true;
	return false;
}

void chk_client_ports(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i, k;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter *f = &m->filters[i];
		const struct fs_filter_holders *h = f->holders;
		const struct fs_handle *handle = h ? client_handle(run, f) : NULL;
		struct fs_finding *fd;
		evidence_vec ev = {0};

		if (!h || !h->nclients || run->stages[i] == FS_STAGE_UNKNOWN)
			continue;
		fd = finding_add(
			run, "client-ports-open",
			confidence_cap(fs_addresses_whole(&h->client_list) ? FS_PROVED : FS_LIKELY,
				       &f->port_count),
			"filter", f->address, filter_label(run, i));
		if (!fd)
			return;
		if (run->stages[i] == FS_S5)
			fd->severity = FS_WARNING;
		fd->message =
			run_text(run,
				 "%zu client%s connected to %s; its unload %s, but leaves a "
				 "zombied filter until %s%s",
				 h->nclients, h->nclients == 1 ? " is" : "s are", fd->subject.name,
				 in_a_callback(run, f)
					 ? "waits for what port-callback-stuck tells and for no "
					   "connection"
				 : h->nclients == 1 ? "does not wait for the connection"
						    : "does not wait for the connections",
				 h->nclients == 1 ? "the client closes its handle"
						  : "the clients close their handles",
				 handle ? run_text(run, ": %s", handle_text(run, handle)) : "");
		evidence_add(run, &ev, &f->port_count, f->port_list, "FLT_FILTER.PortList.mCount",
			     "clients", "%zu", h->nclients);
		for (k = 0; k < h->nclients && k < EVIDENCE_MAX; k++)
			evidence_hex(run, &ev, &h->clients[k].server_port, h->clients[k].address,
				     "FLT_PORT_OBJECT.ServerPort", "a client of this server port");
		handle_evidence(run, &ev, handle);
		fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	}
}
