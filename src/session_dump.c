/* SPDX-License-Identifier: BSD-2-Clause */
/* What the dump's header says, and its modules, as model data. */
#include <inttypes.h>
#include <stdio.h>

#include "base/cursor.h"
#include "nt/nt.h"
#include "session.h"

/* A header field that was never set is a gap: nobody shall take 0 for its value. */
static struct fs_value header_value(struct fltscope *fs, const char *what, bool present, uint64_t v)
{
	struct fs_error err;

	if (present)
		return model_value(&fs->builder, what, FS_OK, v, NULL);
	if (dump_info(fs->dump)->dump_type == 0)
		(void)fs_fail(&err, FS_NOT_FOUND, "%s: this container has no Windows header that "
						  "says it",
			      what);
	else
		(void)fs_fail(&err, FS_NOT_FOUND, "%s: the dump's header does not have it set",
			      what);
	return model_value(&fs->builder, what, FS_NOT_FOUND, 0, &err);
}

/* Too many for any Windows: read, and not to be believed. */
static struct fs_value processors(struct fltscope *fs)
{
	const struct dump_info *info = dump_info(fs->dump);
	struct fs_error err;

	if (!info->processors.present || session_processors_sane(info))
		return header_value(fs, "DUMP_HEADER.NumberProcessors", info->processors.present,
				    info->processors.v);
	(void)fs_fail(&err, FS_CORRUPT,
		      "DUMP_HEADER.NumberProcessors is 0x%" PRIx32 ", which no Windows has",
		      info->processors.v);
	return model_value(&fs->builder, "DUMP_HEADER.NumberProcessors", FS_CORRUPT, 0, &err);
}

#define HEADER32(name, field) header_value(fs, "DUMP_HEADER." name, field.present, field.v)

static void dump_notes(struct fltscope *fs)
{
	struct fs_dump *d = &fs->model.dump;
	size_t i, n = dump_note_count(fs->dump);

	d->notes = arena_alloc(&fs->arena, (n + 1) * sizeof(*d->notes));
	for (i = 0; d->notes && i < n; i++) {
		d->notes[i] = arena_strdup(&fs->arena, dump_note(fs->dump, i));
		if (!d->notes[i])
			break;
		d->nnotes++;
	}
	if (d->nnotes < n)
		fs->builder.out_of_memory = true;
}

static void machine_gap(struct fltscope *fs)
{
	struct fs_error err;

	(void)fs_fail(&err, FS_NOT_FOUND,
		      "which machine's memory this is is not known: no header says it, or nt's image "
		      "contradicts the header");
	(void)model_gap(&fs->builder, "dump.machine", &err);
}

/* One world lacks the same whatever container it is in; what containers do not say is told apart. */
static void mark_gaps(struct fltscope *fs, size_t from)
{
	size_t i;

	for (i = from; i < fs->model.ngaps; i++)
		fs->model.gaps[i].of_dump = true;
}

void session_dump_facts(struct fltscope *fs)
{
	const struct dump_info *info = dump_info(fs->dump);
	struct fs_dump *d = &fs->model.dump;
	static const char *const parameter[4] = {
		"DUMP_HEADER.BugCheckParameter1", "DUMP_HEADER.BugCheckParameter2",
		"DUMP_HEADER.BugCheckParameter3", "DUMP_HEADER.BugCheckParameter4"};
	size_t i, gaps = fs->model.ngaps;

	d->path = arena_strdup(&fs->arena, dump_path(fs->dump));
	d->format = info->format;
	d->machine = session_machine(fs);
	if (info->machine == DUMP_MACHINE_UNKNOWN)
		machine_gap(fs);
	d->type = info->dump_type;
	d->build = HEADER32("MinorVersion", info->build);
	d->major = HEADER32("MajorVersion", info->major);
	d->processors = processors(fs);
	d->bugcheck = HEADER32("BugCheckCode", info->bugcheck);
	for (i = 0; i < 4; i++)
		d->bugcheck_parameter[i] =
			header_value(fs, parameter[i], info->bugcheck_parameter[i].present,
				     info->bugcheck_parameter[i].v);
	d->time = HEADER32("SystemTime", info->system_time);
	d->uptime = HEADER32("SystemUpTime", info->uptime);
	d->directory_table_base = HEADER32("DirectoryTableBase", info->directory_table_base);
	d->ps_loaded_module_list = HEADER32("PsLoadedModuleList", info->ps_loaded_module_list);
	d->kd_debugger_data_block = HEADER32("KdDebuggerDataBlock", info->kd_debugger_data_block);
	d->file_size = info->file_size;
	d->pages = info->pages;
	d->truncated = info->truncated;
	d->missing_bytes = info->missing_bytes;
	if (!d->path)
		fs->builder.out_of_memory = true;
	mark_gaps(fs, gaps);
	dump_notes(fs);
}

/* The PE header has the time stamp when the loader's entry did not give it, and
 * leads to the debug record. A header that is not in the dump is a gap only where
 * nothing else has the time stamp. */
static void module_image(struct fltscope *fs, const struct module *from, struct fs_module *to)
{
	struct fs_error err;
	struct rsds rsds;
	struct pe pe;
	enum fs_status st = pe_read(fs->vm, from, &pe, &err);

	if (from->timestamp_read)
		to->timestamp =
			model_value(&fs->builder, "TimeDateStamp", FS_OK, from->timestamp, NULL);
	else
		to->timestamp = model_value(&fs->builder, "IMAGE_FILE_HEADER.TimeDateStamp", st,
					    st == FS_OK ? pe.timestamp : 0, &err);
	if (st != FS_OK || rsds_read(fs->vm, from, &pe, &rsds, NULL) != FS_OK)
		return;
	to->pdb_name = arena_strdup(&fs->arena, rsds.pdb);
	to->pdb_guid = arena_strdup(&fs->arena, rsds.guid);
	to->pdb_age = rsds.age;
}

static void module_gaps(struct fltscope *fs)
{
	size_t i;

	for (i = 0; i < fs->modules.gaps.n; i++) {
		const struct module_gap *g = &fs->modules.gaps.v[i];
		struct fs_error err;

		if (g->address)
			(void)fs_fail_at(&err, g->why, g->address, "%s", g->text ? g->text : "");
		else
			(void)fs_fail(&err, g->why, "%s", g->text ? g->text : "");
		(void)model_gap(&fs->builder, g->what, &err);
	}
}

enum fs_status session_unloaded(struct fltscope *fs, struct fs_error *err)
{
	struct fs_model *m = &fs->model;
	size_t i, u = fs->modules.unloaded.n;

	m->unloaded = arena_alloc(&fs->arena, (u ? u : 1) * sizeof(*m->unloaded));
	if (!m->unloaded)
		return fs_fail(err, FS_NO_MEMORY, "out of memory for %zu modules", u);
	for (i = 0; i < u; i++)
		m->unloaded[i] = (struct fs_unloaded){
			.name = fs->modules.unloaded.v[i].name,
			.start = fs->modules.unloaded.v[i].start,
			.end = fs->modules.unloaded.v[i].end,
		};
	m->nunloaded = u;
	return FS_OK;
}

/* The model's modules follow modules.list, so that indices mean the same in both. */
static enum fs_status fill_modules(struct fltscope *fs, struct fs_error *err)
{
	const struct module *fltmgr = module_fltmgr(&fs->modules);
	struct fs_model *m = &fs->model;
	size_t i, n = fs->modules.list.n;

	m->modules = arena_alloc(&fs->arena, (n ? n : 1) * sizeof(*m->modules));
	if (!m->modules)
		return fs_fail(err, FS_NO_MEMORY, "out of memory for %zu modules", n);
	for (i = 0; i < n; i++) {
		const struct module *from = &fs->modules.list.v[i];

		m->modules[i] = (struct fs_module){
			.name = from->name,
			.path = from->path,
			.base = from->base,
			.size = from->size,
		};
		module_image(fs, from, &m->modules[i]);
		if (from == fltmgr)
			m->fltmgr_module = (int32_t)i;
	}
	m->nmodules = n;
	m->modules_whole = fs->modules.complete;
	return session_unloaded(fs, err);
}

enum fs_status session_modules(struct fltscope *fs, struct fs_error *err)
{
	const struct dump_info *info = dump_info(fs->dump);
	enum fs_status st;

	session_progress(fs, "reading the module list");
	fs->reader.nt = fs->stable;
	st = modules_read(&fs->reader, &fs->modules, err);
	if (st == FS_NO_MEMORY)
		return st;
	if (st != FS_OK) {
		(void)model_gap(&fs->builder, "PsLoadedModuleList", err);
		fs->model.not_found = arena_strdup(&fs->arena, err->text);
		return FS_OK;
	}
	if (!dump_is_virtual(fs->dump) && info->kd_debugger_data_block.present)
		modules_read_unloaded(&fs->reader, info->kd_debugger_data_block.v, &fs->modules);
	module_gaps(fs);
	return fill_modules(fs, err);
}
