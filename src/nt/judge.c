/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the threads and processes that were read say about nt's layout. Its offsets need
 * no proof when it is this image's own; else a value whose field no claim
 * confirmed is marked unproved.
 */
#include "nt/look.h"

#include <string.h>

struct claim {
	const char *what, *fields;
	enum field_id field[4];
	size_t nfields;
};

static const struct claim claims[CLAIMS] = {
	[CLAIM_THREAD_TYPE] = {"what is reached as a thread has the type of one",
			       "_DISPATCHER_HEADER.Type",
			       {F_DISPATCHER_HEADER_Type},
			       1},
	[CLAIM_STACK] = {"kernel stacks are whole pages, with InitialStack in them",
			 "_KTHREAD.InitialStack, _KTHREAD.StackLimit, _KTHREAD.StackBase",
			 {F_KTHREAD_InitialStack, F_KTHREAD_StackLimit, F_KTHREAD_StackBase},
			 3},
	[CLAIM_STACK_CURRENT] = {"a waiting thread stands on its kernel stack",
				 "_KTHREAD.KernelStack",
				 {F_KTHREAD_KernelStack},
				 1},
	[CLAIM_THREAD_PROCESS] = {"threads point back at the process whose list they are on",
				  "_KTHREAD.Process, _ETHREAD.ThreadListEntry, "
				  "_EPROCESS.ThreadListHead",
				  {F_KTHREAD_Process, F_ETHREAD_ThreadListEntry,
				   F_EPROCESS_ThreadListHead},
				  3},
	[CLAIM_CID] = {"Cid.UniqueProcess is the process's UniqueProcessId",
		       "_ETHREAD.Cid, _EPROCESS.UniqueProcessId",
		       {F_ETHREAD_Cid, F_EPROCESS_UniqueProcessId},
		       2},
	[CLAIM_PROCESS_TYPE] = {"what is reached as a process has the type of one",
				"_EPROCESS.ActiveProcessLinks",
				{F_EPROCESS_ActiveProcessLinks},
				1},
	[CLAIM_IMAGE] = {"image names are text",
			 "_EPROCESS.ImageFileName",
			 {F_EPROCESS_ImageFileName},
			 1},
	[CLAIM_RUNNING] = {"a processor's current thread is Running",
			   "_KPRCB.CurrentThread, _KTHREAD.State",
			   {F_KPRCB_CurrentThread, F_KTHREAD_State},
			   2},
	[CLAIM_WAIT_THREAD] = {"wait blocks point back at the thread that waits",
			       "_KTHREAD.WaitBlockList, _KWAIT_BLOCK.Thread",
			       {F_KTHREAD_WaitBlockList, F_KWAIT_BLOCK_Thread},
			       2},
	[CLAIM_WAIT_OBJECT] = {"the only wait block of an object is on that object's list",
			       "_KWAIT_BLOCK.Object, _DISPATCHER_HEADER.WaitListHead",
			       {F_KWAIT_BLOCK_Object, F_DISPATCHER_HEADER_WaitListHead},
			       2},
	[CLAIM_START] = {"kernel threads start in a module",
			 "_ETHREAD.StartAddress",
			 {F_ETHREAD_StartAddress},
			 1},
	[CLAIM_OWNER] = {"owners of ERESOURCEs are threads",
			 "_OWNER_ENTRY.OwnerThread",
			 {F_OWNER_ENTRY_OwnerThread},
			 1},
};

/* A few that fail in a damaged dump do not make the offset wrong. */
static bool good(const struct nt_tally *t)
{
	return t->held > 9 * t->failed;
}

static bool proved(const struct nt_look *k, enum field_id f)
{
	size_t c, i;

	for (c = 0; c < CLAIMS; c++)
		for (i = 0; i < claims[c].nfields; i++)
			if (claims[c].field[i] == f)
				return k->claim[c].held > 0 && good(&k->claim[c]);
	return false;
}

static void mark_one(const struct nt_look *k, struct fs_value *v, bool unproved)
{
	v->unproved = unproved;
	if (unproved && k->sites.foreign)
		*v = model_none();
}

static void mark(const struct nt_look *k, void *entity, const struct nt_field *fields, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct fs_value *v = (void *)((char *)entity + fields[i].at);

		mark_one(k, v, v->state == FS_READ && !proved(k, fields[i].f));
	}
}

static void mark_waits(const struct nt_look *k, struct fs_thread *t)
{
	bool objects = proved(k, F_KWAIT_BLOCK_Object);
	size_t i;

	for (i = 0; i < t->nwaits; i++) {
		mark_one(k, &t->waits[i].object, !objects);
		mark_one(k, &t->waits[i].type, !objects);
		mark_one(k, &t->waits[i].signal_state, !objects);
		mark_one(k, &t->waits[i].owner, true);
	}
}

/* Words for values that are not there any more. */
static void drop_words(struct fs_thread *t)
{
	if (!fs_is_read(&t->state))
		t->state_name = NULL;
	if (!fs_is_read(&t->wait_reason))
		t->wait_reason_name = NULL;
	if (!fs_is_read(&t->start.va))
		t->start = (struct fs_code){.va = model_none(), .module = -1};
	if (!fs_is_read(&t->win32_start.va))
		t->win32_start = (struct fs_code){.va = model_none(), .module = -1};
}

static void mark_all(struct nt_look *k)
{
	struct fs_model *m = k->b->model;
	const struct nt_field *tf, *pf;
	size_t nt, np, i;

	tf = nt_thread_fields(&nt);
	pf = nt_process_fields(&np);
	for (i = 0; i < m->nthreads; i++) {
		struct fs_thread *t = &m->threads[i];

		mark(k, t, tf, nt);
		mark_one(k, &t->pid, fs_is_read(&t->pid) && !proved(k, F_ETHREAD_Cid));
		mark_one(k, &t->tid, fs_is_read(&t->tid) && !proved(k, F_ETHREAD_Cid));
		t->waiting_ticks.unproved = t->wait_time.unproved;
		mark_waits(k, t);
		if (k->sites.foreign)
			drop_words(t);
	}
	for (i = 0; i < m->nprocesses; i++) {
		mark(k, &m->processes[i], pf, np);
		m->processes[i].image.unproved = !proved(k, F_EPROCESS_ImageFileName);
	}
	for (i = 0; i < m->nprocessors; i++)
		if (m->processors[i].prcb) {
			m->processors[i].current_thread.unproved =
				!proved(k, F_KPRCB_CurrentThread);
			m->processors[i].idle_thread.unproved = true;
			m->processors[i].next_thread.unproved = true;
		}
}

/* A longer array in the arena; NULL when out of memory. */
static void *grown(struct nt_look *k, const void *old, size_t n, size_t more, size_t size)
{
	void *v = arena_alloc(k->b->arena, (n + more) * size);

	if (!v)
		k->b->out_of_memory = true;
	else if (n)
		memcpy(v, old, n * size);
	return v;
}

static void name_fields(struct nt_look *k, const struct claim *c, const char **list, size_t *n)
{
	size_t i;

	for (i = 0; i < c->nfields; i++) {
		const struct field_decl *d = field_decl(c->field[i]);

		if (!layout_field(k->r->nt, c->field[i]))
			continue;
		list[*n] = arena_printf(k->b->arena, "%s.%s", d->type_name, d->name);
		if (list[*n])
			(*n)++;
		else
			k->b->out_of_memory = true;
	}
}

void nt_judge_threads(struct nt_look *k)
{
	struct fs_layout *l = &k->b->model->nt;
	size_t c;

	if (!k->sites.exact)
		mark_all(k);
	l->checks = grown(k, l->checks, l->nchecks, CLAIMS, sizeof(*l->checks));
	l->proved = grown(k, l->proved, l->nproved, (size_t)CLAIMS * 4, sizeof(*l->proved));
	l->refused = grown(k, l->refused, l->nrefused, (size_t)CLAIMS * 4, sizeof(*l->refused));
	for (c = 0; c < CLAIMS && l->checks && l->proved && l->refused; c++) {
		const struct nt_tally *t = &k->claim[c];

		if (!t->held && !t->failed)
			continue;
		l->checks[l->nchecks++] = (struct fs_layout_check){
			claims[c].what, claims[c].fields, t->held, t->failed, t->failed_at, NULL};
		l->held += t->held;
		l->failed += t->failed;
		if (good(t))
			name_fields(k, &claims[c], l->proved, &l->nproved);
		else
			name_fields(k, &claims[c], l->refused, &l->nrefused);
	}
}
