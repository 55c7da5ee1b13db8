/* SPDX-License-Identifier: BSD-2-Clause */
/* One EPROCESS, which begins with its KPROCESS; PsActiveProcessHead and every process's threads. */
#include "nt/look.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "read/list.h"

#define AT(member) offsetof(struct fs_process, member)
static const struct nt_field fields[] = {
	{AT(pid), F_EPROCESS_UniqueProcessId},
	{AT(parent_pid), F_EPROCESS_InheritedFromUniqueProcessId},
	{AT(session), F_EPROCESS_Session},
	{AT(create_time), F_EPROCESS_CreateTime},
	{AT(exit_time), F_EPROCESS_ExitTime},
	{AT(exit_status), F_EPROCESS_ExitStatus},
	{AT(directory_table_base), F_KPROCESS_DirectoryTableBase},
	{AT(peb), F_EPROCESS_Peb},
	{AT(object_table), F_EPROCESS_ObjectTable},
	{AT(image_file), F_EPROCESS_ImageFilePointer},
	{AT(commit_charge), F_EPROCESS_CommitCharge},
};

const struct nt_field *nt_process_fields(size_t *ret_n)
{
	*ret_n = sizeof(fields) / sizeof(fields[0]);
	return fields;
}

/* EPROCESS.ImageFileName: 15 bytes, of which the last one is always 0. */
enum { IMAGE_NAME = 15 };

/* The name of the image's file, when the short one is what it begins with. */
static const char *long_name(struct nt_look *k, const struct fs_process *p, const char *name)
{
	struct fs_string path;
	const char *base;

	if (!fs_is_read(&p->image_file) || !vm_is_kernel_va(k->r->vm, p->image_file.v))
		return NULL;
	path = nt_string(k->r, k->b, p->image_file.v, F_FILE_OBJECT_FileName);
	if (path.state != FS_READ)
		return NULL;
	base = strrchr(path.s, '\\');
	base = base ? base + 1 : path.s;
	return strncmp(base, name, strlen(name)) == 0 ? base : NULL;
}

static void read_image(struct nt_look *k, struct fs_process *p)
{
	const struct layout_field *lf = layout_field(k->r->nt, F_EPROCESS_ImageFileName);
	struct fs_error err = {0};
	char name[IMAGE_NAME + 1] = "", text[4 * IMAGE_NAME + 1];
	const char *more;
	size_t n;

	if (!lf)
		return;
	if (lf->offset + IMAGE_NAME <= k->object.have) {
		memcpy(name, k->object.bytes + lf->offset, IMAGE_NAME);
	} else if (vm_read(k->r->vm, p->address + lf->offset, name, IMAGE_NAME,
			   "EPROCESS.ImageFileName", &err)) {
		p->image.state = FS_MISSING;
		p->image.gap = model_gap(k->b, "EPROCESS.ImageFileName", &err);
		return;
	}
	n = strnlen(name, IMAGE_NAME);
	for (more = name; *more > ' ' && *more < 0x7f; more++)
		;
	nt_tell(k, CLAIM_IMAGE, n > 0 && n < IMAGE_NAME && (size_t)(more - name) == n, p->address);
	p->image.buffer = p->address + lf->offset;
	p->image.length = (uint32_t)n;
	p->image.descriptor_read = true;
	(void)utf8_repair(name, n, text, sizeof(text));
	more = n == IMAGE_NAME - 1 ? long_name(k, p, name) : NULL;
	p->image.s = model_text(k->b, more ? more : text);
	p->image.state = p->image.s ? FS_READ : FS_MISSING;
}

/* Is there a process? What cannot be read may be one. */
static bool is_process(struct nt_look *k)
{
	struct fs_value type = nt_object_value(k->r, k->b, &k->object, 0, F_DISPATCHER_HEADER_Type);
	bool ok = fs_is_read(&type) && KOBJECT_TYPE(type.v) == KOBJECT_PROCESS;

	if (!fs_is_read(&type))
		return false;
	nt_tell(k, CLAIM_PROCESS_TYPE, ok, k->object.va);
	if (!ok)
		nt_gap(k, "EPROCESS", k->object.va, FS_CORRUPT,
		       "there is no process at 0x%" PRIx64 ": DISPATCHER_HEADER.Type is %" PRIu64
		       ", expected %d",
		       k->object.va, type.v, KOBJECT_PROCESS);
	return ok;
}

int32_t nt_process(struct nt_look *k, uint64_t va)
{
	int32_t known = model_find_process(k->b, va);
	struct fs_process p;
	size_t i = 0, f;

	if (known >= 0)
		return known;
	if (!vm_is_kernel_va(k->r->vm, va) || va % 8) {
		nt_gap(k, "EPROCESS", va, FS_CORRUPT,
		       "0x%" PRIx64 " cannot be the address of a process", va);
		return -1;
	}
	nt_object_open(k->r, &k->object, va, k->process_span, "EPROCESS");
	if (!is_process(k))
		return -1;
	if (model_add_process(k->b, va, &i)) {
		nt_limited(k, "there are more processes than are kept");
		return -1;
	}
	p = k->b->model->processes[i];
	for (f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
		*(struct fs_value *)(void *)((char *)&p + fields[f].at) =
			nt_object_value(k->r, k->b, &k->object, 0, fields[f].f);
	p.handle_count = model_none();
	read_image(k, &p);
	k->b->model->processes[i] = p;
	return (int32_t)i;
}

/* Where a process's list of threads is: as WinDbg walks it, else the scheduler's own. */
static bool thread_list(struct nt_look *k, uint64_t process, uint64_t *ret_head, uint64_t *ret_link)
{
	enum field_id head = F_EPROCESS_ThreadListHead, link = F_ETHREAD_ThreadListEntry;
	const struct layout *l = k->r->nt;

	k->thread_links_own = layout_field(l, head) && layout_field(l, link);
	if (!k->thread_links_own) {
		head = F_KPROCESS_ThreadListHead;
		link = F_KTHREAD_ThreadListEntry;
	}
	if (!layout_field(l, head) || !layout_field(l, link))
		return false;
	*ret_link = layout_field(l, link)->offset;
	return obj_field(k->r, process, head, ret_head, NULL) == FS_OK;
}

/* A thread on the list of process p. */
static void take_thread(struct nt_look *k, size_t p, uint64_t va, size_t *list, size_t *n)
{
	int32_t i = nt_thread(k, va);
	struct fs_thread *t;

	if (i < 0)
		return;
	t = &k->b->model->threads[i];
	if (t->by_process) {
		nt_gap(k, "EPROCESS.ThreadListHead", va, FS_CORRUPT,
		       "thread 0x%" PRIx64 " is on the lists of two processes", va);
		return;
	}
	t->by_process = true;
	t->process = (int32_t)p;
	list[(*n)++] = (size_t)i;
	if (fs_is_read(&t->process_pointer))
		nt_tell(k, CLAIM_THREAD_PROCESS,
			t->process_pointer.v == k->b->model->processes[p].address, va);
	if (fs_is_read(&t->pid) && fs_is_read(&k->b->model->processes[p].pid))
		nt_tell(k, CLAIM_CID, t->pid.v == k->b->model->processes[p].pid.v, va);
}

static void read_threads(struct nt_look *k, size_t index)
{
	uint64_t va = k->b->model->processes[index].address, head, link;
	struct fs_error err = {0};
	struct fs_process *p;
	struct list_walk w;
	size_t i, n = 0, *list;

	if (!thread_list(k, va, &head, &link))
		return;
	if (list_walk(k->r->vm, head, MODEL_MAX_THREADS, "EPROCESS.ThreadListHead", &w, &err)) {
		p = &k->b->model->processes[index];
		p->threads_stop = FS_STOP_UNREADABLE;
		p->threads_gap = model_gap(k->b, "EPROCESS.ThreadListHead", &err);
		nt_limited(k, "the thread list of a process is not in the dump");
		return;
	}
	list = arena_alloc(k->b->arena, (w.entries.n + 1) * sizeof(*list));
	for (i = 0; list && i < w.entries.n; i++)
		take_thread(k, index, w.entries.v[i].link - link, list, &n);
	if (!list)
		k->b->out_of_memory = true;
	p = &k->b->model->processes[index];
	p->threads = list;
	p->nthreads = n;
	p->threads_stop = w.stop;
	if (w.stop != FS_STOP_CLOSED) {
		p->threads_gap = nt_gap(k, "EPROCESS.ThreadListHead", w.stop_at,
					w.stop == FS_STOP_UNREADABLE ? w.why : FS_CORRUPT,
					"the thread list of process 0x%" PRIx64
					" does not come round (%s at 0x%" PRIx64 ")",
					va, fs_stop_name(w.stop), w.stop_at);
		nt_limited(k, "the thread list of a process does not come round");
	}
	list_walk_deinit(&w);
}

/* Every process of PsActiveProcessHead that is one. */
static void walk_processes(struct nt_look *k, uint64_t offset)
{
	struct fs_error err = {0};
	struct list_walk w;
	size_t i;

	if (list_walk(k->r->vm, k->sites.process_head, MODEL_MAX_PROCESSES, "PsActiveProcessHead",
		      &w, &err)) {
		model_gap(k->b, "PsActiveProcessHead", &err);
		nt_limited(k, "PsActiveProcessHead is not in the dump");
		return;
	}
	for (i = 0; i < w.entries.n; i++) {
		int32_t p = nt_process(k, w.entries.v[i].link - offset);

		if (p < 0) {
			nt_limited(k, "a process on PsActiveProcessHead is not in the dump");
			continue;
		}
		k->b->model->processes[p].by_list = true;
		read_threads(k, (size_t)p);
	}
	if (w.stop != FS_STOP_CLOSED) {
		nt_gap(k, "PsActiveProcessHead", w.stop_at,
		       w.stop == FS_STOP_UNREADABLE ? w.why : FS_CORRUPT,
		       "the list of processes does not come round (%s at 0x%" PRIx64 ")",
		       fs_stop_name(w.stop), w.stop_at);
		nt_limited(k, "the list of processes does not come round");
	}
	list_walk_deinit(&w);
}

void nt_read_processes(struct nt_look *k)
{
	const struct layout_field *link =
		k->r->nt ? layout_field(k->r->nt, F_EPROCESS_ActiveProcessLinks) : NULL;

	if (!k->sites.process_head)
		nt_limited(k, "where PsActiveProcessHead is, is not known");
	else if (!link)
		nt_limited(k, "where EPROCESS.ActiveProcessLinks is, is not known for this build");
	else
		walk_processes(k, link->offset);
}
