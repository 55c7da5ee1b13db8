/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 28: a filter whose unregistration is done and whose memory is still
 * linked. The look-alikes that stay silent: an empty frame (frames never go
 * away), and a filter that is draining but not ZOMBIED.
 */
#include "check/check.h"

/* Never the DRIVER_OBJECT's name: that pointer is not counted, and may be another
 * driver's by now (rule 27). What the callbacks lie in is the driver. */
static const char *whose(struct check_run *run, const struct fs_filter *f)
{
	const struct fs_model *m = run->m;
	const char *symbol;
	int32_t module;
	bool gone;
	size_t i;

	module = filter_code_module(m, f, &gone, &symbol);
	if (module >= 0)
		return m->modules[module].name ? m->modules[module].name : "";
	for (i = 0; gone && i < m->nunloaded; i++) {
		uint64_t va = f->callback[FS_CB_FilterUnload].va.v;

		if (va >= m->unloaded[i].start && va < m->unloaded[i].end && m->unloaded[i].name)
			return m->unloaded[i].name;
	}
	return "";
}

static const char *holders(const struct fs_value *pointer_count)
{
	if (!fs_is_read(pointer_count))
		return "how many still hold it was not read";
	return pointer_count->v ? "something still holds its PointerCount"
				: "its PointerCount is 0, so nothing that counts holds it";
}

/* What was found to keep it. Memory is searched for ports and handles, and freed memory
 * looks like them: one is certain when a list, a file or a handle table leads to it. */
struct keeper {
	const struct fs_lost_port *port;
	const struct fs_user_ref *user;
	const struct fs_handle *handle;
	bool port_sure, user_sure;
};

static bool leads_to(const struct check_run *run, const struct fs_filter *f, uint64_t port)
{
	const struct fs_filter_holders *h = f->holders;
	size_t i;

	for (i = 0; i < h->nusers; i++)
		if (h->users[i].file && h->users[i].object.v == port)
			return true;
	for (i = 0; fs_addresses_whole(&h->client_list) && i < h->nclients; i++)
		if (h->clients[i].address == port)
			return true;
	return fs_handle_to(run->m, NULL, FS_HANDLE_PORT, port) != NULL;
}

/* The port of a client keeps its server port, and that one the filter, until the client
 * closes its handle (facts: [run], amendment 3). */
static void find_port(const struct check_run *run, const struct fs_filter *f, struct keeper *k)
{
	const struct fs_filter_holders *h = f->holders;
	size_t i;

	for (i = 0; h && i < h->nlost && !k->port_sure; i++) {
		const struct fs_lost_port *p = &h->lost[i];

		k->port_sure = p->client_port && leads_to(run, f, p->client_port);
		if (k->port_sure || !k->port || (p->client_port && !k->port->client_port))
			k->port = p;
	}
}

static void find_user(const struct fs_filter *f, struct keeper *k)
{
	const struct fs_filter_holders *h = f->holders;
	size_t i;

	for (i = 0; h && i < h->nusers && !k->user_sure; i++) {
		k->user_sure = h->users[i].file != 0;
		if (k->user_sure || !k->user)
			k->user = &h->users[i];
	}
}

/* FltpDoUnloadFilter itself holds the last reference for a moment; once the driver's image
 * is gone it cannot be running, and what user mode has open is a holder. */
static enum fs_confidence sure(bool gone, const struct keeper *k)
{
	if (gone || (k->user_sure && !k->user->object.unproved))
		return FS_PROVED;
	if (k->port_sure && !k->port->filter.unproved && !k->port->server_link.unproved)
		return FS_PROVED;
	return FS_LIKELY;
}

static void port_evidence(struct check_run *run, evidence_vec *ev, const struct keeper *k)
{
	const struct fs_lost_port *p = k->port;

	if (!p)
		return;
	evidence_hex(run, ev, &p->filter, p->server_port, "FLT_SERVER_PORT_OBJECT.Filter",
		     k->port_sure ? "a server port that is not deleted names the filter"
				  : "what is a server port, or was one, names the filter");
	if (p->client_port)
		evidence_hex(run, ev, &p->server_link, p->client_port, "FLT_PORT_OBJECT.ServerPort",
			     k->port_sure ? "a client's port names that server port"
					  : "what may be a client's port, or was one, names that "
					    "server port");
}

static void user_evidence(struct check_run *run, evidence_vec *ev, const struct keeper *k)
{
	const struct fs_user_ref *u = k->user;
	bool filter = u && u->type.v == FS_CCB_FILTER;

	if (!u)
		return;
	evidence_hex(run, ev, &u->object, u->ccb,
		     filter ? "FLT_CCB.Data.Filter.Filter" : "FLT_CCB.Data.Port.Port",
		     !k->user_sure ? "what may be a handle's, or was one's, names it"
		     : filter	   ? "a handle on the filter (FilterCreate)"
				   : "a client's handle on its port");
	if (u->file)
		evidence_hex(run, ev, &u->file_link, u->file, "FILE_OBJECT.FsContext2",
			     "the file that this handle is open on");
}

static const char *nobody(const struct fs_filter *f)
{
	if (f->holders && f->holders->lost_searched == FS_LOOKED_WHOLE &&
	    f->holders->users_searched == FS_LOOKED_WHOLE)
		return "Who holds it is not known: no port of it and no handle on it is in the "
		       "dump";
	return "Who holds it is not known: not all of memory was searched for its ports and "
	       "handles";
}

/* What was found, and nothing leads to it. */
static const char *perhaps(struct check_run *run, const struct fs_filter *f, const struct keeper *k)
{
	const struct fs_lost_port *p = k->port;

	if (p && p->client_port)
		return run_text(run,
				"Who holds it is not known: 0x%llx may be the FLT_PORT_OBJECT of a "
				"client of server port 0x%llx, but no list, file or handle that "
				"was found leads to it, so it may be freed memory",
				(unsigned long long)p->client_port,
				(unsigned long long)p->server_port);
	if (k->user)
		return run_text(run,
				"Who holds it is not known: 0x%llx may be the FLT_CCB of a handle, "
				"but no FILE_OBJECT that was found leads to it, so it may be freed "
				"memory",
				(unsigned long long)k->user->ccb);
	if (p)
		return run_text(run,
				"Who holds it is not known: 0x%llx may be a server port of it that "
				"is not deleted, but no client's port of that was found",
				(unsigned long long)p->server_port);
	return nobody(f);
}

static const char *holder(struct check_run *run, const struct fs_filter *f, const struct keeper *k)
{
	if (k->user_sure && k->user->type.v == FS_CCB_FILTER)
		return run_text(run,
				"A program of user mode still has a handle on the filter: FLT_CCB "
				"0x%llx of FILE_OBJECT 0x%llx. It goes when that handle is closed",
				(unsigned long long)k->user->ccb,
				(unsigned long long)k->user->file);
	if (k->port_sure)
		return run_text(
			run,
			"A client still has its port open: FLT_PORT_OBJECT 0x%llx of server "
			"port 0x%llx. It goes when the client closes its handle",
			(unsigned long long)k->port->client_port,
			(unsigned long long)k->port->server_port);
	return k->handle ? "A program of user mode still has a handle on it"
			 : perhaps(run, f, k);
}

static void accuse(struct fs_verdict *v, const struct keeper *k)
{
	if (v->culprit.kind)
		return;
	if (k->user_sure && k->user->type.v == FS_CCB_FILTER)
		v->culprit = (struct fs_subject){"filter-handle", k->user->ccb, ""};
	else if (k->port_sure)
		v->culprit = (struct fs_subject){"client-port", k->port->client_port, ""};
}

static void zombie_evidence(struct check_run *run, evidence_vec *ev, const struct fs_filter *f,
			    const struct keeper *k)
{
	evidence_hex(run, ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "FltUnregisterFilter has finished");
	evidence_hex(run, ev, &f->object.rundown.raw, f->address, "FLT_OBJECT.RundownRef",
		     "the rundown is drained when this is 1");
	evidence_hex(run, ev, &f->object.pointer_count, f->address, "FLT_OBJECT.PointerCount",
		     "holders that keep the memory");
	port_evidence(run, ev, k);
	user_evidence(run, ev, k);
	handle_evidence(run, ev, k->handle);
}

void chk_zombie(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter *f = &m->filters[i];
		struct keeper k = {.handle = client_handle(run, f)};
		const char *symbol, *name;
		struct fs_finding *fd;
		struct fs_verdict *v;
		evidence_vec ev = {0};
		bool gone;

		if (run->stages[i] != FS_S5)
			continue;
		find_port(run, f, &k);
		find_user(f, &k);
		(void)filter_code_module(m, f, &gone, &symbol);
		name = filter_label(run, i);
		fd = finding_add(run, "zombie-leftover",
				 confidence_cap(sure(gone, &k), &f->object.flags.value),
				 "filter", f->address, name);
		if (!fd)
			return;
		/* who holds it is part of the finding: `check` tells nothing else */
		fd->message = run_text(
			run, "%s is unregistered (DRAINING ZOMBIED) but still linked; %s. %s%s", name,
			gone ? "the code its callbacks were in is no longer loaded"
			     : holders(&f->object.pointer_count),
			holder(run, f, &k),
			k.handle ? run_text(run, ". That is %s", handle_text(run, k.handle)) : "");
		zombie_evidence(run, &ev, f, &k);
		fd->evidence = evidence_take(run, &ev, &fd->nevidence);
		v = verdict_for(run, i);
		if (!v)
			return;
		v->driver = whose(run, f);
		v->state = FS_ST_LEFTOVER;
		verdict_tells(run, v, fd);
		v->culprit = handle_culprit(run, k.handle);
		accuse(v, &k);
	}
}
