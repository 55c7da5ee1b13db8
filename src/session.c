/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

/* Bytes of names that are kept. The model's bounds with names of usual length need less. */
#define TEXT_MIN (1u << 20)
#define TEXT_MAX (32u << 20)

#include <stdlib.h>

#include "check/check.h"
#include "nt/nt.h"

void session_progress(struct fltscope *fs, const char *what)
{
	if (fs->opts.progress)
		fs->opts.progress(fs->opts.progress_arg, what, 0, 0);
}

const char *session_machine(const struct fltscope *fs)
{
	return dump_machine_name(dump_info(fs->dump)->machine);
}

uint32_t session_build(const struct fltscope *fs)
{
	const struct dump_info *info = dump_info(fs->dump);

	return info->build.present ? info->build.v : 0;
}

/* The files of --layout: at most one for each module. */
static enum fs_status load_user_layouts(struct fltscope *fs, struct fs_error *err)
{
	size_t i;

	for (i = 0; i < fs->opts.nlayout_files; i++) {
		const char *path = fs->opts.layout_files[i];
		struct layout *l = NULL, **slot;
		enum fs_status st = layout_load_file(path, &l, err);

		if (st == FS_NO_MEMORY)
			return st;
		if (st != FS_OK) {
			if (err)
				err->status = FS_INVALID;
			return FS_INVALID;
		}
		slot = layout_module(l) == LM_NT ? &fs->user_nt : &fs->user_fltmgr;
		if (*slot) {
			st = fs_fail(err, FS_INVALID,
				     "%s: a layout for this module was already given (%s)", path,
				     layout_id(*slot));
			layout_free(l);
			return st;
		}
		*slot = l;
	}
	return FS_OK;
}

/* Everything that follows from memory. Each step that finds nothing leaves its
 * reason in the model; only a lack of memory ends the open. */
static enum fs_status read_memory(struct fltscope *fs, struct fs_error *err)
{
	enum fs_status st;

	if (!fs->vm) {
		fs->model.not_found = fs->model.dump.translation_problem;
		return FS_OK;
	}
	fs->model.dump.paging_levels = vm_levels(fs->vm);
	if (vm_root_problem(fs->vm))
		fs->model.dump.translation_problem =
			arena_strdup(&fs->arena, vm_root_problem(fs->vm));
	fs->reader.vm = fs->vm;
	/* No two names of a healthy system share their characters, so together they are
	 * smaller than the dump; sparse files are larger than what they hold. */
	fs->text_left = fs->model.dump.file_size;
	if (fs->text_left < TEXT_MIN)
		fs->text_left = TEXT_MIN;
	if (fs->text_left > TEXT_MAX)
		fs->text_left = TEXT_MAX;
	fs->reader.text_left = &fs->text_left;
	st = session_modules(fs, err);
	if (st == FS_OK)
		st = session_symbols_begin(fs, err);
	if (st == FS_OK)
		st = session_encoded_kdbg(fs, err);
	if (st == FS_OK)
		session_crash(fs);
	if (st == FS_OK)
		st = session_registers(fs, err);
	if (st == FS_OK)
		st = session_choose_nt(fs, err);
	if (st == FS_OK)
		st = session_fltmgr(fs, err);
	if (st == FS_OK)
		st = session_judge_nt(fs, err);
	if (st == FS_OK)
		st = session_threads(fs, err);
	if (st == FS_OK)
		st = session_stacks(fs, err);
	return st;
}

enum fs_status fltscope_open(const char *path, const struct fltscope_options *opts,
			     struct fltscope **ret, struct fs_error *err)
{
	struct fltscope *fs = calloc(1, sizeof(*fs));
	struct dump_options how = {0};
	struct fs_error e = {0};
	enum fs_status st;

	if (!fs)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	if (opts)
		fs->opts = *opts;
	how.progress = fs->opts.progress;
	how.progress_arg = fs->opts.progress_arg;
	how.raw = fs->opts.raw;
	how.raw_hole_start = fs->opts.raw_hole_start;
	how.raw_hole_end = fs->opts.raw_hole_end;
	st = load_user_layouts(fs, &e);
	if (st == FS_OK)
		st = dump_open_with(path, &how, &fs->dump, &e);
	if (st == FS_OK) {
		model_begin(&fs->builder, &fs->model, &fs->arena);
		fs->building = true;
		fs->model.fltmgr_module = -1;
		st = session_memory(fs, &e);
	}
	if (st == FS_OK) {
		session_count_processors(fs);
		session_dump_facts(fs);
		st = read_memory(fs, &e);
	}
	if (st == FS_OK && fs->builder.out_of_memory)
		st = fs_fail(&e, FS_NO_MEMORY, "out of memory");
	if (st != FS_OK) {
		if (err)
			*err = e;
		fltscope_close(fs);
		return st;
	}
	/* The caller's options need not outlive the call. */
	fs->opts = (struct fltscope_options){.progress = fs->opts.progress,
					     .progress_arg = fs->opts.progress_arg};
	session_symbols_local(fs, false);
	*ret = fs;
	return FS_OK;
}

void fltscope_close(struct fltscope *fs)
{
	if (!fs)
		return;
	if (fs->building)
		model_end(&fs->builder);
	model_free(&fs->model);
	session_stacks_end(fs);
	session_symbols_end(fs);
	free(fs->kdbg);
	fltmgr_choice_deinit(&fs->choice);
	modules_deinit(&fs->modules);
	vec_free(&fs->types);
	for (size_t i = 0; i < fs->type_layouts.n; i++)
		layout_free(fs->type_layouts.v[i].layout);
	vec_free(&fs->type_layouts);
	layout_free(fs->nt);
	layout_free(fs->stable);
	layout_free(fs->user_nt);
	layout_free(fs->user_fltmgr);
	vm_destroy(fs->vm);
	dump_close(fs->dump);
	arena_deinit(&fs->arena);
	free(fs);
}

const struct fs_model *fltscope_model(const struct fltscope *fs)
{
	return &fs->model;
}

enum fs_status fltscope_diagnose(struct fltscope *fs, const struct fs_report **ret,
				 struct fs_error *err)
{
	if (!fs->diagnosed) {
		enum fs_status st = check_all(&fs->model, &fs->arena, &fs->report, err);

		if (st != FS_OK)
			return st;
		fs->diagnosed = true;
	}
	*ret = &fs->report;
	return FS_OK;
}

static enum fs_status can_add(const struct fltscope *fs, struct fs_error *err)
{
	if (!fs->vm)
		return fs_fail(err, FS_UNSUPPORTED, "%s",
			       fs->model.dump.translation_problem
				       ? fs->model.dump.translation_problem
				       : "the memory of this machine is not understood");
	if (!fs->nt)
		return fs_fail(err, FS_UNSUPPORTED,
			       "no layout of the kernel's objects is known for build %u",
			       session_build(fs));
	return FS_OK;
}

enum fs_status fltscope_add_driver(struct fltscope *fs, uint64_t va, size_t *ret_index,
				   struct fs_error *err)
{
	enum fs_status st = can_add(fs, err);
	size_t index;

	if (st == FS_OK)
		st = nt_add_driver(&fs->reader, &fs->modules, &fs->builder, va, &index, err);
	if (st == FS_OK)
		*ret_index = index;
	return st;
}

enum fs_status fltscope_add_device(struct fltscope *fs, uint64_t va, size_t *ret_index,
				   struct fs_error *err)
{
	enum fs_status st = can_add(fs, err);
	size_t index;

	if (st == FS_OK)
		st = nt_add_device(&fs->reader, &fs->modules, &fs->builder, va, &index, err);
	if (st == FS_OK)
		*ret_index = index;
	return st;
}

struct fltscope_stats fltscope_stats(const struct fltscope *fs)
{
	struct dump_stats s = dump_stats(fs->dump);

	return (struct fltscope_stats){s.bytes_read, s.reads, s.pages};
}

size_t fltscope_layout_count(void)
{
	return layout_shipped_count();
}

const char *fltscope_layout_name(size_t i)
{
	return layout_shipped(i).name;
}
