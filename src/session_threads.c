/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks of the Filter Manager, and the threads, processes and processors. A machine has
 * ten thousand threads: they are read when something makes them matter, or when they
 * are asked for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "fltmgr/handle.h"
#include "nt/threads.h"
#include "session.h"

static const char nothing_asks[] =
	"nothing in the Filter Manager's state asks for them (no unload is under way)";

/* The RVA of a symbol of the kernel's own image, out of its PDB or of a layout that was
 * recorded for this very image. */
static bool nt_rva(struct fltscope *fs, const char *name, uint64_t *ret)
{
	const struct module *nt = fs->modules.list.n ? module_nt(&fs->modules) : NULL;
	size_t index = nt ? (size_t)(nt - fs->modules.list.v) : 0, i;
	const struct fs_module *m = nt ? &fs->model.modules[index] : NULL;
	char guid_age[48];

	if (!nt)
		return false;
	if (session_pdb_symbol(fs, index, name, ret))
		return *ret < nt->size;
	if (!m->pdb_guid || !fs->nt)
		return false;
	(void)snprintf(guid_age, sizeof(guid_age), "%s%" PRIX32, m->pdb_guid, m->pdb_age);
	for (i = 0; i < layout_image_count(fs->nt); i++)
		if (strcmp(layout_image(fs->nt, i).guid_age, guid_age) == 0 &&
		    layout_image_symbol(fs->nt, i, name, ret))
			return *ret < nt->size;
	return false;
}

/*
 * KDDEBUGGER_DATA64 (wdbgexts.h): the debugger's block of addresses. It is scrambled in a
 * running system and plain in a crash dump: OwnerTag "KDBG" tells.
 */
enum { KDBG_TAG = 0x10, KDBG_PROCESS_HEAD = 0x50, KDBG_PROCESSOR_BLOCK = 0x218 };
#define KDBG_TAG_VALUE 0x4742444bu

uint64_t session_kdbg_pointer(struct fltscope *fs, unsigned offset)
{
	struct dump_u64 kdbg = dump_info(fs->dump)->kd_debugger_data_block;
	uint32_t tag;
	uint64_t v;

	if (fs->kdbg)
		v = load_u64(fs->kdbg + offset);
	else if (!kdbg.present || !vm_is_kernel_va(fs->vm, kdbg.v) ||
		 vm_read_u32(fs->vm, kdbg.v + KDBG_TAG, &tag, "KDBG", NULL) ||
		 tag != KDBG_TAG_VALUE ||
		 vm_read_u64(fs->vm, kdbg.v + offset, &v, "KDBG", NULL))
		return 0;
	/* a 32-bit system's addresses stand there sign-extended */
	if (vm_pointer_size(fs->vm) == 4)
		v = (uint32_t)v;
	return vm_is_kernel_va(fs->vm, v) ? v : 0;
}

uint64_t session_nt_symbol(struct fltscope *fs, const char *name)
{
	uint64_t rva;

	return nt_rva(fs, name, &rva) ? module_nt(&fs->modules)->base + rva : 0;
}

uint64_t session_process_head(struct fltscope *fs)
{
	struct dump_u64 in_header = dump_info(fs->dump)->ps_active_process_head;
	uint64_t head = in_header.present ? in_header.v
					  : session_kdbg_pointer(fs, KDBG_PROCESS_HEAD);

	return vm_is_kernel_va(fs->vm, head) ? head : session_nt_symbol(fs, "PsActiveProcessHead");
}

static struct nt_sites find_sites(struct fltscope *fs)
{
	const struct dump_info *info = dump_info(fs->dump);
	const struct fs_value *n = &fs->model.dump.processors;
	struct nt_sites s = {.processors = fs_is_read(n) ? (uint32_t)n->v : 0};
	enum fs_layout_source source = fs->model.nt.source;

	s.exact = source == FS_LAYOUT_EXACT || source == FS_LAYOUT_PDB || source == FS_LAYOUT_USER;
	s.foreign = strcmp(layout_machine(fs->nt), session_machine(fs)) != 0;
	s.exact = s.exact && !s.foreign;
	s.process_head = session_process_head(fs);
	s.processor_block = session_kdbg_pointer(fs, KDBG_PROCESSOR_BLOCK);
	if (!s.processor_block)
		s.processor_block = session_nt_symbol(fs, "KiProcessorBlock");
	s.tick_count = session_nt_symbol(fs, "KeTickCount");
	s.maximum_increment = session_nt_symbol(fs, "KeMaximumIncrement");
	if (info->current_thread.present)
		s.current_thread = info->current_thread.v;
	s.current_processor = info->current_processor.v;
	s.current_processor_known = info->current_processor.present;
	if (dump_is_virtual(fs->dump))
		s.processor_block = 0; /* of one processor only something was stored */
	return s;
}

/* --- the Filter Manager's locks ----------------------------------------------- */

struct lock_walk {
	struct fltscope *fs;
	struct nt_look *k;
	size_t read, failed;
};

static void read_lock(struct lock_walk *w, uint64_t va, const char *what, enum fs_lock_of of,
		      size_t index, bool keep)
{
	const struct nt_lock_place place = {what, of, index, keep};

	if (va == 0)
		return;
	if (nt_read_lock(w->k, va, &place))
		w->read++;
	else
		w->failed++;
}

/* The rLock beside an rList, and that of a whole FLT_RESOURCE_LIST_HEAD. */
static uint64_t list_lock(const struct fltscope *fs, uint64_t list, uint64_t head)
{
	const struct layout *l = fs->choice.layout;
	const struct layout_field *lock = layout_field(l, F_FLT_RESOURCE_LIST_HEAD_rLock);
	const struct layout_field *links = layout_field(l, F_FLT_RESOURCE_LIST_HEAD_rList);

	if (!lock || !links)
		return 0;
	if (list == 0 && head != 0)
		list = head - links->offset;
	return list ? list + lock->offset : 0;
}

static uint64_t mount_lock(const struct fltscope *fs, const struct fs_volume *v)
{
	const struct layout_field *f =
		layout_field(fs->choice.layout, F_FLT_VOLUME_MountNotifyLock);

	if (!f || fs->choice.proof.field[F_FLT_VOLUME_MountNotifyLock] == PROOF_FAILED)
		return 0;
	return v->address + f->offset;
}

static void read_locks(struct lock_walk *w)
{
	struct fltscope *fs = w->fs;
	const struct fs_model *m = &fs->model;
	size_t i;

	read_lock(w, list_lock(fs, 0, m->frame_list.head), "FltGlobals.FrameList.rLock",
		  FS_LOCK_GLOBAL, 0, false);
	for (i = 0; i < m->nframes; i++) {
		const struct fs_frame *f = &m->frames[i];

		read_lock(w, f->filter_unload_lock, "FLTP_FRAME.FilterUnloadLock", FS_LOCK_FRAME, i,
			  true);
		read_lock(w, list_lock(fs, 0, f->filters.head),
			  "FLTP_FRAME.RegisteredFilters.rLock", FS_LOCK_FRAME, i, false);
		read_lock(w, list_lock(fs, 0, f->volumes.head), "FLTP_FRAME.AttachedVolumes.rLock",
			  FS_LOCK_FRAME, i, false);
	}
	for (i = 0; i < m->nfilters; i++)
		read_lock(w, list_lock(fs, m->filters[i].instance_list, 0),
			  "FLT_FILTER.InstanceList.rLock", FS_LOCK_FILTER, i, false);
	for (i = 0; i < m->nvolumes; i++) {
		read_lock(w, list_lock(fs, m->volumes[i].instance_list, 0),
			  "FLT_VOLUME.InstanceList.rLock", FS_LOCK_VOLUME, i, false);
		read_lock(w, mount_lock(fs, &m->volumes[i]), "FLT_VOLUME.MountNotifyLock",
			  FS_LOCK_VOLUME, i, false);
	}
}

static void locks(struct fltscope *fs, struct nt_look *k)
{
	struct lock_walk w = {.fs = fs, .k = k};
	const char *kind = layout_fact(fs->choice.layout, "resources");

	/* Builds that use fast resources keep their owners elsewhere. */
	if (kind && strcmp(kind, "fast") == 0)
		return;
	read_locks(&w);
	if (w.read)
		fs->model.locks_looked = w.failed ? FS_LOOKED_PARTLY : FS_LOOKED_WHOLE;
}

/* --- do threads matter? ------------------------------------------------------- */

static bool unload_asked(const struct fs_model *m)
{
	size_t i;

	for (i = 0; i < m->ndrivers; i++)
		if (fs_has(&m->drivers[i].flags.value, FS_DRVO_UNLOAD_INVOKED))
			return true;
	for (i = 0; i < m->ndevices; i++)
		if (fs_has(&m->devices[i].extension_flags.value, FS_DOE_UNLOAD_PENDING))
			return true;
	return false;
}

static bool threads_matter(const struct fs_model *m)
{
	size_t i;

	for (i = 0; i < m->nfilters; i++)
		if (fs_has(&m->filters[i].object.flags.value, FS_OBJ_DRAINING | FS_OBJ_ZOMBIED) ||
		    fs_has(&m->filters[i].flags.value, FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS))
			return true;
	for (i = 0; i < m->ninstances; i++)
		if (fs_has(&m->instances[i].object.flags.value, FS_OBJ_DRAINING))
			return true;
	for (i = 0; i < m->nvolumes; i++)
		if (m->volumes[i].object.rundown.state == FS_RUNDOWN_WAITING)
			return true;
	for (i = 0; i < m->nlocks; i++)
		if (m->locks[i].of == FS_LOCK_FRAME && m->locks[i].owned)
			return true;
	return unload_asked(m);
}

/* EX_RUNDOWN_WAIT_BLOCK {Count, KEVENT}: whoever waits for its event. */
static void rundown_waiter(struct fltscope *fs, struct nt_look *k, const struct fs_rundown *r)
{
	if (r->state == FS_RUNDOWN_WAITING)
		nt_reach_waiters(k, r->wait_block + vm_pointer_size(fs->vm));
}

/* Waiters that the lists of threads may not lead to. */
static void rundown_waiters(struct fltscope *fs, struct nt_look *k)
{
	const struct fs_model *m = &fs->model;
	size_t i;

	for (i = 0; i < m->nfilters; i++)
		rundown_waiter(fs, k, &m->filters[i].object.rundown);
	for (i = 0; i < m->ninstances; i++)
		rundown_waiter(fs, k, &m->instances[i].object.rundown);
	for (i = 0; i < m->nvolumes; i++)
		rundown_waiter(fs, k, &m->volumes[i].object.rundown);
}

/* Four million handles. */
#define HANDLE_BYTES (64ull << 20)

/* Is there something of the Filter Manager that a handle may hold? */
static enum fs_status handles(struct fltscope *fs, struct fs_error *err)
{
	if (!fs->model.found || !fs->model.nprocesses)
		return FS_OK;
	if (!fs->opts.handles && !threads_matter(&fs->model))
		return FS_OK;
	session_progress(fs, "reading handles");
	return fltmgr_collect_handles(&fs->reader, &fs->builder, HANDLE_BYTES, err);
}

enum fs_status session_threads(struct fltscope *fs, struct fs_error *err)
{
	struct nt_sites sites;
	struct nt_look *k;
	bool matter;

	fs->model.threads_why = fs->model.handles_why = nothing_asks;
	if (!fs->nt)
		fs->model.threads_why = "no layout of this kernel is known";
	if (!fs->nt || (!fs->model.found && !fs->opts.threads))
		return FS_OK;
	sites = find_sites(fs);
	k = nt_look_create(&fs->reader, &fs->modules, &fs->builder, &sites);
	if (!k)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	if (fs->model.found)
		locks(fs, k);
	matter = fs->opts.threads || fs->opts.handles || threads_matter(&fs->model);
	if (matter) {
		session_progress(fs, "reading threads");
		nt_read_processors(k);
		nt_read_processes(k);
		rundown_waiters(fs, k);
		nt_finish_locks(k);
		nt_finish_threads(k);
	}
	nt_look_free(k);
	if (fs->builder.out_of_memory)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	return matter ? handles(fs, err) : FS_OK;
}
