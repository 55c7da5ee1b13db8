/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How well a layout reads the kernel's processes. Where nothing says which build this is,
 * it is what tells the candidates apart: PsActiveProcessHead leads to the same links
 * whatever the layout, but only the right one has an EPROCESS around them.
 */
#include "nt/look.h"
#include "read/list.h"
#include "session.h"

enum { PROCESSES = 16, SYSTEM_PID = 4, IMAGE_NAME = 15 };
/* The id of a process is an index into a handle table, in steps of four. */
#define PID_MAX (1u << 26)

struct score {
	struct reader r;
	struct layout_score *ret;
};

/* What is not in the dump says nothing of the layout. */
static bool value(const struct score *s, uint64_t va, enum field_id f, uint64_t *ret)
{
	return layout_field(s->r.nt, f) && obj_read(&s->r, va, f, ret, NULL) == FS_OK;
}

static bool tell(const struct score *s, bool held)
{
	if (held)
		s->ret->held++;
	else
		s->ret->failed++;
	return held;
}

static void score_image(const struct score *s, uint64_t process)
{
	char name[IMAGE_NAME];
	uint64_t va;
	size_t n;

	if (obj_field(&s->r, process, F_EPROCESS_ImageFileName, &va, NULL) ||
	    vm_read(s->r.vm, va, name, sizeof(name), "EPROCESS.ImageFileName", NULL))
		return;
	for (n = 0; n < sizeof(name) && name[n] >= ' ' && name[n] < 0x7f; n++)
		;
	tell(s, n > 0 && n < sizeof(name) && name[n] == '\0');
}

/* The first thread on the process's list points back at the process, by pointer and by id. */
static void score_thread(const struct score *s, uint64_t process, uint64_t pid)
{
	const struct layout_field *link = layout_field(s->r.nt, F_ETHREAD_ThreadListEntry);
	struct list_links l;
	uint64_t thread, v;

	if (!link || !layout_field(s->r.nt, F_EPROCESS_ThreadListHead) ||
	    obj_links(&s->r, process, F_EPROCESS_ThreadListHead, &l, NULL) || l.flink == l.self)
		return;
	if (!tell(s, vm_is_kernel_va(s->r.vm, l.flink) && l.flink % vm_pointer_size(s->r.vm) == 0))
		return;
	thread = l.flink - link->offset;
	if (value(s, thread, F_DISPATCHER_HEADER_Type, &v))
		tell(s, KOBJECT_TYPE(v) == KOBJECT_THREAD);
	if (value(s, thread, F_KTHREAD_Process, &v))
		tell(s, v == process);
	if (layout_field(s->r.nt, F_ETHREAD_Cid) &&
	    obj_read2(&s->r, thread, F_ETHREAD_Cid, F_CLIENT_ID_UniqueProcess, &v, NULL) == FS_OK)
		tell(s, v == pid);
}

static void score_process(const struct score *s, uint64_t link, bool first)
{
	uint64_t process = link - layout_field(s->r.nt, F_EPROCESS_ActiveProcessLinks)->offset;
	uint64_t type, pid;

	if (value(s, process, F_DISPATCHER_HEADER_Type, &type) &&
	    !tell(s, KOBJECT_TYPE(type) == KOBJECT_PROCESS))
		return;
	if (!value(s, process, F_EPROCESS_UniqueProcessId, &pid) ||
	    !tell(s, pid && pid % 4 == 0 && pid < PID_MAX))
		return;
	if (first && pid == SYSTEM_PID)
		s->ret->held++;
	score_image(s, process);
	score_thread(s, process, pid);
}

struct layout_score session_score_nt(struct fltscope *fs, const struct layout *l)
{
	struct layout_score ret = {0};
	struct score s = {fs->reader, &ret};
	uint64_t head = session_process_head(fs);
	struct list_walk w;
	size_t i;

	s.r.nt = l;
	if (!head || !layout_field(l, F_EPROCESS_ActiveProcessLinks) ||
	    list_walk(fs->vm, head, PROCESSES, "PsActiveProcessHead", &w, NULL))
		return ret;
	for (i = 0; i < w.forward && i < w.entries.n; i++)
		score_process(&s, w.entries.v[i].link, i == 0);
	list_walk_deinit(&w);
	return ret;
}

/* A few that fail in a damaged dump do not make a layout wrong, but one of which more fails
 * is worse than one that does not claim to know. */
int64_t layout_score_of(struct layout_score s)
{
	return (int64_t)s.held - 9 * (int64_t)s.failed;
}
