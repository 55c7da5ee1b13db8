/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 14: a callback of a communication port does not come back. A MessageNotify
 * that runs holds the filter (S3, MsgNotifRundownRef of its client's port is not 0); a
 * DisconnectNotify that does not return leaves S4, which only the Filter Verifier's
 * wait (26) looks like; a thread that waits in FltSendMessage stands in a callback of an
 * operation, so it is S1, and its wait names the port.
 */
#include "check/unload.h"

static struct fs_finding *begin(struct check_run *run, size_t i, enum fs_confidence c)
{
	const struct fs_filter *f = &run->m->filters[i];

	return finding_add(run, "port-callback-stuck", c, "filter", f->address,
			   filter_label(run, i));
}

static const char *code_name(struct check_run *run, const struct fs_code *c)
{
	if (c->symbol)
		return c->symbol;
	return fs_has(&c->va, UINT64_MAX) ? run_text(run, "0x%llx", (unsigned long long)c->va.v)
					  : "";
}

/* --- S3: MessageNotify ------------------------------------------------------- */

static bool in_message(const struct fs_client_port *p)
{
	return p->messages.state == FS_RUNDOWN_ACTIVE && p->messages.count;
}

static void message(struct check_run *run, size_t i, const struct fs_ledger *l,
		    const struct fs_ledger_entry *e)
{
	const struct fs_filter_holders *h = run->m->filters[i].holders;
	struct fs_ledger_entry sure = *e;
	const struct fs_client_port *first = NULL;
	struct inside in = {.thread = -1};
	struct fs_finding *fd;
	evidence_vec ev = {0};
	enum fs_confidence c;
	size_t k;

	sure.whole = true;
	c = held_confidence(run, l, &sure);
	for (k = 0; k < h->nclients; k++) {
		const struct fs_client_port *p = &h->clients[k];

		if (!in_message(p))
			continue;
		if (!first)
			first = p;
		c = confidence_cap(c, &p->messages.raw);
		if (ev.n >= EVIDENCE_MAX)
			continue;
		evidence_hex(run, &ev, &p->messages.raw, p->address,
			     "FLT_PORT_OBJECT.MsgNotifRundownRef",
			     "twice the MessageNotify calls that run for this client");
		evidence_add(run, &ev, &p->message.va, p->address,
			     "FLT_SERVER_PORT_OBJECT.MessageNotify", "the callback", "%s",
			     code_name(run, &p->message));
		if (in.thread < 0)
			in = thread_inside(run, &p->message, waiter_of(run, i).thread);
	}
	if (in.thread >= 0)
		inside_evidence(run, &ev, &in);
	fd = first ? begin(run, i, c) : NULL;
	if (!fd) {
		vec_free(&ev);
		return;
	}
	fd->message =
		run_text(run, "%s held by MessageNotify of %s, which has not returned%s%s",
			 held_part(run, l, e->count), fd->subject.name,
			 in.thread >= 0 ? ": " : "",
			 in.thread >= 0 ? inside_words(run, &in) : "");
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	verdict_held(run, fd, l, e->count,
		     (struct fs_subject){"client-port", first->address,
					 code_name(run, &first->message)});
}

/* --- S4: DisconnectNotify ---------------------------------------------------- */

/* A thread that fltmgr called into this module, by a stack that was unwound: its index. */
static int32_t thread_in_module(const struct fs_model *m, int32_t module)
{
	size_t t, k;

	for (t = 0; module >= 0 && t < m->nthreads; t++) {
		const struct fs_stack *s = &m->threads[t].stack;
		bool own = false;

		for (k = 0; k < s->n && !fs_frame_is_guess(&s->frame[k]); k++) {
			own |= s->frame[k].ip.module == module;
			if (own && s->frame[k].ip.module == m->fltmgr_module)
				return (int32_t)t;
		}
	}
	return -1;
}

/* The client whose DisconnectNotify is told about: one that is disconnected. */
static const struct fs_client_port *disconnected(const struct fs_filter_holders *h)
{
	const struct fs_client_port *any = NULL;
	size_t k;

	for (k = 0; h && k < h->nclients; k++) {
		if (fs_has(&h->clients[k].disconnected, UINT64_MAX))
			return &h->clients[k];
		if (!any)
			any = &h->clients[k];
	}
	return any;
}

static void port_evidence(struct check_run *run, evidence_vec *ev, const struct fs_client_port *p)
{
	if (!p)
		return;
	evidence_hex(run, ev, &p->disconnected, p->address, "FLT_PORT_OBJECT.Disconnected",
		     fs_has(&p->disconnected, UINT64_MAX) ? "the client is disconnected"
							  : "a client that is still connected");
	evidence_add(run, ev, &p->disconnect.va, p->address,
		     "FLT_SERVER_PORT_OBJECT.DisconnectNotify", "what is called for it", "%s",
		     code_name(run, &p->disconnect));
}

/* Its list of clients was read, and is empty. */
static bool no_client(const struct fs_filter *f)
{
	return fs_is_read(&f->port_count) && !f->port_count.v &&
	       (!f->holders || !f->holders->nclients);
}

static const char *s4_words(const struct fs_filter *f)
{
	bool watched = !fs_lacks(&f->verifier_extension, UINT64_MAX);

	if (no_client(f))
		return watched ? "waits for the Filter Verifier, or for DisconnectNotify of a "
				 "client's port, of which none is on its list"
			       : "may wait for DisconnectNotify of a client's port, but none is on "
				 "its list";
	return watched ? "waits for DisconnectNotify of a client's port, or for the Filter Verifier"
		       : "waits for DisconnectNotify of its client's port, which has not returned";
}

/* S4 is 14's and 26's alone: without a verifier only DisconnectNotify is left, though a
 * picture cannot tell it slow from stuck, unless a thread is seen inside. */
static enum fs_confidence s4_sure(const struct check_run *run, size_t i, int32_t thread)
{
	const struct fs_filter *f = &run->m->filters[i];
	enum fs_confidence c = thread >= 0 ? FS_PROVED : FS_LIKELY;

	if (!run->m->rundown_accounting && c == FS_PROVED)
		c = FS_LIKELY;
	if (!fs_lacks(&f->verifier_extension, UINT64_MAX) && thread < 0)
		c = FS_POSSIBLE;
	if (no_client(f))
		c = FS_POSSIBLE;
	if (thread < 0)
		c = confidence_cap(c, &f->verifier_extension);
	c = confidence_cap(c, &f->object.flags.value);
	return confidence_cap(c, &f->object.rundown.raw);
}

static void disconnect(struct check_run *run, size_t i)
{
	const struct fs_filter *f = &run->m->filters[i];
	const struct fs_client_port *p = disconnected(f->holders);
	int32_t thread = p ? thread_in_module(run->m, p->disconnect.module) : -1;
	const char *words = waits_for_words(run, thread);
	struct fs_finding *fd = begin(run, i, s4_sure(run, i, thread));
	struct fs_subject culprit = {NULL, 0, ""};
	evidence_vec ev = {0};

	if (!fd)
		return;
	fd->message = run_text(
		run, "No reference and no instance is left: %s %s%s", fd->subject.name, s4_words(f),
		thread >= 0 ? run_text(run, "; %s stands in the driver, called by FltMgr%s%s",
				       thread_label(run, thread), words ? ", and waits for " : "",
				       words ? words : "")
			    : "");
	evidence_hex(run, &ev, &f->object.rundown.raw, f->address, "FLT_OBJECT.RundownRef",
		     "1: the rundown is drained");
	evidence_hex(run, &ev, &f->verifier_extension, f->address, "FLT_FILTER.VerifierExtension",
		     fs_lacks(&f->verifier_extension, UINT64_MAX)
			     ? "the Filter Verifier does not watch it, so it waits for nothing of "
			       "that"
			     : "the Filter Verifier may be what it waits for");
	evidence_hex(run, &ev, &f->port_count, f->port_list, "FLT_FILTER.PortList.mCount",
		     no_client(f) ? "no client's port is on its list" : "client ports");
	port_evidence(run, &ev, p);
	if (thread >= 0)
		evidence_add(run, &ev, NULL, run->m->threads[thread].address, "ETHREAD",
			     "a thread that FltMgr called into the driver", "0x%llx",
			     (unsigned long long)run->m->threads[thread].address);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	if (p)
		culprit = (struct fs_subject){"client-port", p->address,
					      code_name(run, &p->disconnect)};
	verdict_cause(run, i, fd, 1, culprit);
	if (run->m->stacks_looked == FS_LOOKED_NOT)
		not_checked_add(run, "port-callback-stuck",
				"the stack that would show DisconnectNotify was not read");
}

/* --- S1: FltSendMessage ------------------------------------------------------ */

static const struct fs_wait *waits_in(const struct fs_thread *t, const struct fs_client_port *p)
{
	const uint64_t object[] = {p->semaphore, p->event, p->disconnect_event};
	size_t i;

	for (i = 0; i < sizeof(object) / sizeof(object[0]); i++) {
		const struct fs_wait *w = object[i] ? fs_thread_waits_for(t, object[i]) : NULL;

		if (w)
			return w;
	}
	return NULL;
}

static void sender(struct check_run *run, size_t i, const struct fs_client_port *p,
		   const struct fs_thread *t, const struct fs_wait *w)
{
	struct fs_finding *fd = begin(run, i, confidence_cap(FS_LIKELY, &w->object));
	evidence_vec ev = {0};

	if (!fd)
		return;
	fd->message = run_text(run,
			       "A thread of %s waits in FltSendMessage for the client of "
			       "FLT_PORT_OBJECT 0x%llx",
			       fd->subject.name, (unsigned long long)p->address);
	evidence_hex(run, &ev, &w->object, w->address, "KWAIT_BLOCK.Object",
		     "the thread waits for an object inside the client's port");
	evidence_add(run, &ev, NULL, t->address, "ETHREAD", "the thread", "0x%llx",
		     (unsigned long long)t->address);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	verdict_cause(run, i, fd, 1, (struct fs_subject){"client-port", p->address, ""});
}

static void senders(struct check_run *run, size_t i)
{
	const struct fs_filter_holders *h = run->m->filters[i].holders;
	size_t k, t;

	if (!h || !h->nclients)
		return;
	if (run->m->threads_looked != FS_LOOKED_WHOLE)
		not_checked_add(run, "port-callback-stuck",
				"not all threads were read, so one that waits in FltSendMessage "
				"may not be seen");
	for (k = 0; k < h->nclients; k++)
		for (t = 0; t < run->m->nthreads; t++) {
			const struct fs_wait *w = waits_in(&run->m->threads[t], &h->clients[k]);

			if (w)
				sender(run, i, &h->clients[k], &run->m->threads[t], w);
		}
}

void chk_port_stuck(struct check_run *run)
{
	const struct fs_ledger_entry *e;
	struct fs_ledger l;
	size_t i;

	for (i = 0; i < run->m->nfilters; i++) {
		if (run->stages[i] == FS_S1)
			senders(run, i);
		if (run->stages[i] == FS_S4)
			disconnect(run, i);
		if (!held_account(run, i, &l))
			continue;
		e = fs_ledger_entry_of(&l, FS_H_MESSAGE);
		if (e)
			message(run, i, &l, e);
		else if (!fs_ledger_was_walked(&l, FS_H_MESSAGE))
			not_checked_add(run, "port-callback-stuck",
					"the clients of a draining filter were not all read");
	}
}
