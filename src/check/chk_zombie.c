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

/* The port of a client that was disconnected keeps its server port, and that one the
 * filter, until the client closes its handle (facts: [run], amendment 3). */
static const struct fs_lost_port *held_by_port(const struct fs_filter *f)
{
	const struct fs_filter_holders *h = f->holders;
	size_t i;

	for (i = 0; h && i < h->nlost; i++)
		if (h->lost[i].client_port)
			return &h->lost[i];
	return h && h->nlost ? &h->lost[0] : NULL;
}

/* The handle of user mode that was found to keep it: one whose file is known rather. */
static const struct fs_user_ref *held_by_user(const struct fs_filter *f)
{
	const struct fs_filter_holders *h = f->holders;
	size_t i;

	for (i = 0; h && i < h->nusers; i++)
		if (h->users[i].file)
			return &h->users[i];
	return h && h->nusers ? &h->users[0] : NULL;
}

/* FltpDoUnloadFilter itself holds the last reference for a moment; once the driver's image
 * is gone it cannot be running, and a client's port is a holder that was found. */
static enum fs_confidence sure(bool gone, const struct fs_lost_port *p, const struct fs_user_ref *u)
{
	if (gone || (u && !u->object.unproved))
		return FS_PROVED;
	if (p && p->client_port && !p->filter.unproved && !p->server_link.unproved)
		return FS_PROVED;
	return FS_LIKELY;
}

static void port_evidence(struct check_run *run, evidence_vec *ev, const struct fs_lost_port *p)
{
	if (!p)
		return;
	evidence_hex(run, ev, &p->filter, p->server_port, "FLT_SERVER_PORT_OBJECT.Filter",
		     "a server port that is not deleted names the filter");
	if (p->client_port)
		evidence_hex(run, ev, &p->server_link, p->client_port, "FLT_PORT_OBJECT.ServerPort",
			     "a client's port, disconnected, names that server port");
}

static void user_evidence(struct check_run *run, evidence_vec *ev, const struct fs_user_ref *u)
{
	if (!u)
		return;
	evidence_hex(run, ev, &u->object, u->ccb,
		     u->type.v == FS_CCB_FILTER ? "FLT_CCB.Data.Filter.Filter"
						: "FLT_CCB.Data.Port.Port",
		     u->type.v == FS_CCB_FILTER ? "a handle on the filter (FilterCreate)"
						: "a client's handle on its port");
	if (u->file)
		evidence_hex(run, ev, &u->file_link, u->file, "FILE_OBJECT.FsContext2",
			     "the file that this handle is open on");
}

static const char *holder(struct check_run *run, const struct fs_filter *f,
			  const struct fs_lost_port *p, const struct fs_user_ref *u)
{
	if (u && u->type.v == FS_CCB_FILTER)
		return run_text(run,
				"A program of user mode still has a handle on the filter: FLT_CCB "
				"0x%llx%s. It goes when that handle is closed",
				(unsigned long long)u->ccb,
				u->file ? run_text(run, " of FILE_OBJECT 0x%llx",
						   (unsigned long long)u->file)
					: "");
	if (p && p->client_port)
		return run_text(
			run,
			"A client still has its port open: FLT_PORT_OBJECT 0x%llx of server "
			"port 0x%llx. It goes when the client closes its handle",
			(unsigned long long)p->client_port, (unsigned long long)p->server_port);
	if (p)
		return run_text(run,
				"The server port 0x%llx is not deleted; no client's port of it was "
				"found",
				(unsigned long long)p->server_port);
	if (f->holders && f->holders->lost_searched == FS_LOOKED_WHOLE &&
	    f->holders->users_searched == FS_LOOKED_WHOLE)
		return "Who holds it is not known: no port of it and no handle on it is in the "
		       "dump";
	return "Who holds it is not known: not all of memory was searched for its ports and "
	       "handles";
}

static void accuse(struct fs_verdict *v, const struct fs_lost_port *p, const struct fs_user_ref *u)
{
	if (u && u->type.v == FS_CCB_FILTER)
		v->culprit = (struct fs_subject){"filter-handle", u->ccb, ""};
	else if (p && p->client_port)
		v->culprit = (struct fs_subject){"client-port", p->client_port, ""};
	else if (p)
		v->culprit = (struct fs_subject){"server-port", p->server_port, ""};
}

void chk_zombie(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter *f = &m->filters[i];
		const struct fs_lost_port *port = held_by_port(f);
		const struct fs_user_ref *user = held_by_user(f);
		const char *symbol, *name;
		struct fs_finding *fd;
		struct fs_verdict *v;
		evidence_vec ev = {0};
		bool gone;

		if (run->stages[i] != FS_S5)
			continue;
		(void)filter_code_module(m, f, &gone, &symbol);
		name = filter_label(run, i);
		fd = finding_add(run, "zombie-leftover",
				 confidence_cap(sure(gone, port, user), &f->object.flags.value),
				 "filter", f->address, name);
		if (!fd)
			return;
		fd->message = run_text(
			run, "%s is unregistered (DRAINING ZOMBIED) but still linked; %s", name,
			gone ? "the code its callbacks were in is no longer loaded"
			     : holders(&f->object.pointer_count));
		evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
			     "FltUnregisterFilter has finished");
		evidence_hex(run, &ev, &f->object.rundown.raw, f->address, "FLT_OBJECT.RundownRef",
			     "the rundown is drained when this is 1");
		evidence_hex(run, &ev, &f->object.pointer_count, f->address,
			     "FLT_OBJECT.PointerCount", "holders that keep the memory");
		port_evidence(run, &ev, port);
		user_evidence(run, &ev, user);
		fd->evidence = evidence_take(run, &ev, &fd->nevidence);
		v = verdict_for(run, i);
		if (!v)
			return;
		v->driver = whose(run, f);
		v->state = FS_ST_LEFTOVER;
		v->cause_id = fd->rule;
		v->cause_title = fd->title;
		v->confidence = fd->confidence;
		v->because = fd->evidence;
		v->nbecause = fd->nevidence;
		v->summary = run_text(run, "%s. %s.", fd->message, holder(run, f, port, user));
		accuse(v, port, user);
		v->advice = rule_advice(fd->rule);
	}
}
