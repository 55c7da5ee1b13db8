/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who of user mode holds a filter: the process in whose handle table stands a handle
 * on the filter itself, or on a port of one of its clients (rules 12, 13 and 28).
 */
#include "check/check.h"

static const struct fs_handle *port_handle(const struct fs_model *m, uint64_t port)
{
	return port ? fs_handle_to(m, NULL, FS_HANDLE_PORT, port) : NULL;
}

const struct fs_handle *client_handle(const struct check_run *run, const struct fs_filter *f)
{
	const struct fs_filter_holders *h = f->holders;
	const struct fs_handle *x = fs_handle_to(run->m, NULL, FS_HANDLE_FILTER, f->address);
	size_t i;

	for (i = 0; !x && h && i < h->nlost; i++)
		x = port_handle(run->m, h->lost[i].client_port);
	for (i = 0; !x && h && i < h->nclients; i++)
		x = port_handle(run->m, h->clients[i].address);
	return x;
}

static const struct fs_process *process_of(const struct check_run *run, const struct fs_handle *h)
{
	return h->process >= 0 && (size_t)h->process < run->m->nprocesses
		       ? &run->m->processes[h->process]
		       : NULL;
}

static const char *image(const struct fs_process *p)
{
	return p->image.state == FS_READ ? p->image.s : "a process whose name was not read";
}

const char *handle_text(struct check_run *run, const struct fs_handle *h)
{
	const struct fs_process *p = process_of(run, h);

	if (!p)
		return run_text(run, "a handle 0x%llx of a process that was not read",
				(unsigned long long)h->value);
	return run_text(run, "%s (process 0x%llx%s) by its handle 0x%llx", image(p),
			(unsigned long long)p->address,
			fs_is_read(&p->pid)
				? run_text(run, ", pid 0x%llx", (unsigned long long)p->pid.v)
				: "",
			(unsigned long long)h->value);
}

void handle_evidence(struct check_run *run, evidence_vec *ev, const struct fs_handle *h)
{
	if (h)
		evidence_add(run, ev, NULL, h->entry, "HANDLE_TABLE_ENTRY.Object",
			     h->kind == FS_HANDLE_FILTER ? "a handle on the filter"
							 : "a handle on the client's port",
			     "0x%llx", (unsigned long long)h->object);
}

struct fs_subject handle_culprit(struct check_run *run, const struct fs_handle *h)
{
	const struct fs_process *p = h ? process_of(run, h) : NULL;

	if (!p)
		return (struct fs_subject){NULL, 0, ""};
	return (struct fs_subject){"process", p->address, image(p)};
}
