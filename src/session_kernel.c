/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables, PsLoadedModuleList and KdDebuggerDataBlock: as the dump's header says where
 * that holds together, else searched for. Containers without a Windows header need all of
 * it; so do dumps whose header is wrong (DumpIt, LiveKd, a user-mode CR3 under KVA
 * shadowing). Whatever took the place of what a header said is told in a note.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "module/kernel.h"
#include "session.h"

/* CONTEXT.Rip of x64, .Eip of x86 (winnt.h) */
#define CONTEXT_RIP 0xf8u
#define CONTEXT_EIP 0xb8u

/* Loader entries and strings are laid out by pointer size alone; ARM64 is read with the
 * x64 ones. */
static enum fs_status load_stable(enum dump_machine machine, struct layout **ret,
				  struct fs_error *err)
{
	const char *name = machine == DUMP_X86 ? "nt/stable-x86.layout" : "nt/stable-x64.layout";
	enum fs_status st = layout_load_shipped(name, ret, err);

	return st == FS_NOT_FOUND ? FS_OK : st;
}

/* Where the crash was, by the header's CONTEXT: an address in code that may be nt's. */
static bool crash_code(struct fltscope *fs, uint64_t *ret)
{
	enum dump_machine machine = dump_info(fs->dump)->machine;
	uint8_t context[CONTEXT_RIP + 8];
	size_t len = 0;

	if ((machine != DUMP_X64 && machine != DUMP_X86) ||
	    dump_context(fs->dump, context, sizeof(context), &len, NULL) != FS_OK ||
	    len < sizeof(context))
		return false;
	*ret = machine == DUMP_X64 ? load_u64(context + CONTEXT_RIP)
				   : load_u32(context + CONTEXT_EIP);
	return true;
}

/* Registers as the container's notes have them; without, where the crash was says where
 * code is. */
static size_t processors(struct fltscope *fs, struct kernel_cpu cpu[KERNEL_CPUS_MAX])
{
	size_t i, n = dump_cpu_count(fs->dump);
	uint64_t code;

	for (i = 0; i < n && i < KERNEL_CPUS_MAX; i++) {
		struct dump_cpu c = dump_cpu_at(fs->dump, i);

		cpu[i] = (struct kernel_cpu){
			.number = c.number,
			.cr3 = c.cr3.v,
			.cr4 = c.cr4.v,
			.gs_base = c.gs_base.v,
			.kernel_gs_base = c.kernel_gs_base.v,
			.fs_base = c.fs_base.v,
			.idt_base = c.idt_base.v,
			.code = c.rip.v,
		};
	}
	if (i > 0 || !crash_code(fs, &code))
		return i;
	cpu[0] = (struct kernel_cpu){.code = code};
	return 1;
}

#define ROOT_FROM 120u

static const char *root_from(const struct kernel_found *k, char dst[ROOT_FROM])
{
	(void)snprintf(dst, ROOT_FROM, k->by_cpu ? "%s %u" : "%s", k->root_from, k->root_cpu);
	return dst;
}

static void note_unset(struct fltscope *fs, const char *what, uint64_t v, const char *from)
{
	dump_note_add(fs->dump, "%s is not set in the header: 0x%" PRIx64 " is used, found by %s",
		      what, v, from);
}

/* headless: tell_found tells the rest. */
static void learn_found(struct fltscope *fs, const struct kernel_found *k, bool headless)
{
	const struct dump_info *info = dump_info(fs->dump);
	char from[ROOT_FROM];
	struct dump_learned l = {
		.machine = k->root.machine,
		.directory_table_base = {k->root.pa, true},
		.ps_loaded_module_list = {k->module_list, true},
	};

	if (info->directory_table_base.present && info->directory_table_base.v != k->root.pa)
		dump_note_add(fs->dump,
			      "DirectoryTableBase 0x%" PRIx64
			      " of the header does not translate the kernel's addresses: 0x%" PRIx64
			      " is used, found by %s",
			      info->directory_table_base.v, k->root.pa, root_from(k, from));
	if (info->ps_loaded_module_list.present && info->ps_loaded_module_list.v != k->module_list)
		dump_note_add(fs->dump,
			      "PsLoadedModuleList 0x%" PRIx64
			      " of the header is no list of modules: 0x%" PRIx64
			      " is used, found by %s",
			      info->ps_loaded_module_list.v, k->module_list, k->list_from);
	if (!headless && !info->directory_table_base.present)
		note_unset(fs, "DirectoryTableBase", k->root.pa, root_from(k, from));
	if (!headless && !info->ps_loaded_module_list.present)
		note_unset(fs, "PsLoadedModuleList", k->module_list, k->list_from);
	if (!info->build.present && k->build)
		l.build = (struct dump_u32){k->build, true};
	if (!info->ps_active_process_head.present && k->process_head)
		l.ps_active_process_head = (struct dump_u64){k->process_head, true};
	dump_learn(fs->dump, &l);
}

/* What a container without a header needed: how each was found, in one sentence. */
static void tell_found(struct fltscope *fs, const struct kernel_found *k,
		       enum dump_machine machine)
{
	const char *why = dump_info(fs->dump)->dump_type ? "not set in the header"
							 : "no Windows header";
	char from[ROOT_FROM];

	dump_note_add(fs->dump,
		      "%s: page tables at 0x%" PRIx64 " by %s, nt at 0x%" PRIx64
		      " by %s",
		      why, k->root.pa, root_from(k, from), k->base, k->base_from);
	dump_note_add(fs->dump, "%s: PsLoadedModuleList 0x%" PRIx64 " by %s",
		      why, k->module_list, k->list_from);
	if (k->root.machine != machine)
		dump_note_add(fs->dump, "%s: machine %s by nt's image and page tables, with %u levels",
			      why, dump_machine_name(k->root.machine), k->root.levels);
	if (k->build)
		dump_note_add(fs->dump, "%s: build %" PRIu32 " by %s", why, k->build,
			      k->build_from);
}

/* Also: there is none. */
static bool list_refuted(struct fltscope *fs)
{
	const struct dump_u64 list = dump_info(fs->dump)->ps_loaded_module_list;
	struct reader r = {.vm = fs->vm, .nt = fs->stable};

	return !list.present || kernel_list_refuted(&r, list.v);
}

/* A container that names no machine, or the processor's and not the system's (VirtualBox), may
 * hold the memory of a 32-bit system as well. A Windows header knows better. */
static enum dump_machine also(const struct dump_info *info)
{
	bool x64 = info->machine == DUMP_X64 || info->machine == DUMP_MACHINE_UNKNOWN;

	return info->dump_type == 0 && x64 ? DUMP_X86 : DUMP_MACHINE_UNKNOWN;
}

/* What was found takes the place of what the header led to. */
static enum fs_status take_found(struct fltscope *fs, const struct kernel_found *k,
				 struct layout **also_stable, struct fs_error *err)
{
	bool headless = !dump_info(fs->dump)->directory_table_base.present &&
			!dump_info(fs->dump)->ps_loaded_module_list.present;
	enum dump_machine machine = dump_info(fs->dump)->machine;
	struct vm *vm;
	enum fs_status st = vm_create_at(fs->dump, &k->root, &vm, err);

	if (st != FS_OK)
		return st;
	vm_destroy(fs->vm);
	fs->vm = vm;
	if (k->root.machine == DUMP_X86 && *also_stable) {
		layout_free(fs->stable);
		fs->stable = *also_stable;
		*also_stable = NULL;
	}
	learn_found(fs, k, headless);
	if (headless)
		tell_found(fs, k, machine);
	return FS_OK;
}

static enum fs_status search(struct fltscope *fs, struct fs_error *err)
{
	const struct dump_info *info = dump_info(fs->dump);
	struct layout *also_stable = NULL;
	struct kernel_cpu cpu[KERNEL_CPUS_MAX];
	struct kernel_found k;
	struct kernel_hints h = {
		.machine = info->machine == DUMP_MACHINE_UNKNOWN ? DUMP_X64 : info->machine,
		.also = also(info),
		.user_root = fs->opts.directory_table_base,
		.header_root = info->directory_table_base.present ? info->directory_table_base.v : 0,
		.module_list = list_refuted(fs) ? 0 : info->ps_loaded_module_list.v,
		.cpu = cpu,
		.stable = fs->stable,
		.progress = fs->opts.progress,
		.progress_arg = fs->opts.progress_arg,
	};
	enum fs_status st = FS_OK;

	session_progress(fs, "looking for the kernel");
	h.ncpus = processors(fs, cpu);
	if (h.also)
		st = load_stable(h.also, &also_stable, err);
	h.also_stable = also_stable;
	if (st == FS_OK)
		st = kernel_find(fs->dump, &h, &k, err);
	if (st == FS_OK)
		st = take_found(fs, &k, &also_stable, err);
	layout_free(also_stable);
	return st;
}

/* nt's base by the first loader entry. */
static bool first_module(struct fltscope *fs, uint64_t *ret)
{
	struct reader r = {.vm = fs->vm, .nt = fs->stable};
	uint64_t head = dump_info(fs->dump)->ps_loaded_module_list.v;
	struct list_walk w = {0};
	const struct layout_field *links =
		fs->stable ? layout_field(fs->stable, F_KLDR_DATA_TABLE_ENTRY_InLoadOrderLinks)
			   : NULL;
	bool ok = false;

	if (!links || list_walk(fs->vm, head, 1, "PsLoadedModuleList", &w, NULL) != FS_OK)
		return false;
	if (w.entries.n && w.entries.v[0].by_forward)
		ok = obj_read(&r, w.entries.v[0].link - links->offset,
			      F_KLDR_DATA_TABLE_ENTRY_DllBase, ret, NULL) == FS_OK;
	list_walk_deinit(&w);
	return ok;
}

/* KdDebuggerDataBlock of DumpIt and LiveKd is a pool address, or was never set. */
static void check_kdbg(struct fltscope *fs)
{
	const struct dump_info *info = dump_info(fs->dump);
	struct dump_u64 said = info->kd_debugger_data_block;
	struct dump_learned l = {0};
	uint64_t base, found;
	struct pe pe;

	if (!first_module(fs, &base) || (said.present && kernel_kdbg_at(fs->vm, said.v, base)) ||
	    kernel_image_at(fs->vm, base, &pe, NULL) != FS_OK)
		return;
	found = kernel_kdbg_search(fs->vm, base, &pe);
	if (found) {
		l.kd_debugger_data_block = (struct dump_u64){found, true};
		if (said.present)
			dump_note_add(fs->dump,
				      "KdDebuggerDataBlock 0x%" PRIx64
				      " of the header is no KDDEBUGGER_DATA64 of nt's: 0x%" PRIx64
				      " is used, found in nt's data",
				      said.v, found);
		else
			dump_note_add(fs->dump, "KdDebuggerDataBlock 0x%" PRIx64
						" was found in nt's data",
				      found);
		dump_learn(fs->dump, &l);
	}
}

/* Does what the header says hold together? */
static bool header_holds(struct fltscope *fs)
{
	const struct dump_info *info = dump_info(fs->dump);
	struct reader r = {.vm = fs->vm, .nt = fs->stable};

	return !fs->opts.directory_table_base && info->directory_table_base.present &&
	       info->ps_loaded_module_list.present && !vm_root_problem(fs->vm) &&
	       kernel_list_credible(&r, info->ps_loaded_module_list.v) && !list_refuted(fs);
}

/* The memory of another machine is not read by this one's structures. */
static enum fs_status refuse_machine(struct fltscope *fs, const char *why)
{
	const struct dump_learned l = {.machine_unknown = true};

	dump_note_add(fs->dump, "%s", why);
	dump_learn(fs->dump, &l);
	vm_destroy(fs->vm);
	fs->vm = NULL;
	fs->model.dump.translation_problem = arena_strdup(&fs->arena, why);
	return fs->model.dump.translation_problem ? FS_OK : FS_NO_MEMORY;
}

/* The search found nothing: what does that leave? */
static enum fs_status not_found(struct fltscope *fs, const struct fs_error *err)
{
	const struct dump_info *info = dump_info(fs->dump);
	const struct dump_learned unknown = {.machine_unknown = true};

	if (err->status == FS_UNSUPPORTED)
		return refuse_machine(fs, err->text);
	dump_note_add(fs->dump, "%s", err->text);
	if (fs->opts.directory_table_base && info->directory_table_base.present &&
	    vm_levels(fs->vm) != 0)
		dump_note_add(fs->dump,
			      "--dtb 0x%" PRIx64 " does not lead to the kernel and is not used: "
			      "the header's DirectoryTableBase 0x%" PRIx64 " is",
			      fs->opts.directory_table_base, info->directory_table_base.v);
	/* A container that names no machine was taken for x64's to look for the kernel. */
	if (info->machine_raw == 0)
		dump_learn(fs->dump, &unknown);
	return FS_OK;
}

/* nt as the list names it. */
static bool find_nt(struct fltscope *fs, uint64_t *ret, struct pe *pe)
{
	return first_module(fs, ret) && kernel_image_at(fs->vm, *ret, pe, NULL) == FS_OK;
}

/* nt's image, if a triage dump captured its headers, against the dump's header. FS_OK with
 * fs->vm NULL as above: it is another machine's. */
static enum fs_status check_triage(struct fltscope *fs)
{
	enum dump_machine said = dump_info(fs->dump)->machine, m;
	struct reader r = {.vm = fs->vm, .nt = fs->stable};
	struct modules modules = {0};
	const struct module *nt;
	enum fs_status st = FS_OK;
	struct pe pe;
	char why[160];

	if (modules_read(&r, &modules, NULL) == FS_OK) {
		nt = module_nt(&modules);
		m = nt && pe_read(fs->vm, nt, &pe, NULL) == FS_OK ? kernel_machine_of(&pe)
								 : DUMP_MACHINE_UNKNOWN;
		if (m != DUMP_MACHINE_UNKNOWN && m != said) {
			(void)snprintf(why, sizeof(why),
				       "nt at 0x%" PRIx64 " is for machine %s "
				       "(IMAGE_FILE_HEADER.Machine 0x%x), the header says %s",
				       nt->base, dump_machine_name(m), pe.machine,
				       dump_machine_name(said));
			st = refuse_machine(fs, why);
		}
	}
	modules_deinit(&modules);
	return st;
}

/* What nt itself says against the header that led to it: FS_OK with fs->vm NULL, it is
 * another machine's. */
static enum fs_status check_nt(struct fltscope *fs)
{
	const struct dump_info *info = dump_info(fs->dump);
	struct kernel_found k = {0};
	struct dump_learned l = {0};
	enum dump_machine m;
	size_t guest;
	struct pe pe;
	char why[160];

	if (!find_nt(fs, &k.base, &pe))
		return FS_OK;
	m = kernel_machine_of(&pe);
	if (m != DUMP_MACHINE_UNKNOWN && m != info->machine) {
		(void)snprintf(why, sizeof(why),
			       "nt at 0x%" PRIx64 " is for machine %s (IMAGE_FILE_HEADER.Machine "
			       "0x%x), the header says %s",
			       k.base, dump_machine_name(m), pe.machine,
			       dump_machine_name(info->machine));
		return refuse_machine(fs, why);
	}
	(void)dump_guest_header(fs->dump, &guest);
	if (guest == 0 || !info->build.present)
		return FS_OK;
	kernel_build_find(fs->vm, &k, &pe);
	if (k.build == 0 || k.build == info->build.v || !strstr(k.build_from, "NtBuildNumber"))
		return FS_OK;
	dump_note_add(fs->dump, "build %" PRIu32 " of the guest's own header is not nt's: %" PRIu32
				" is used, by %s",
		      info->build.v, k.build, k.build_from);
	l.build = (struct dump_u32){k.build, true};
	dump_learn(fs->dump, &l);
	return FS_OK;
}

enum fs_status session_kernel(struct fltscope *fs, struct fs_error *err)
{
	enum fs_status st = load_stable(dump_info(fs->dump)->machine, &fs->stable, err);

	if (st == FS_OK)
		st = vm_create(fs->dump, &fs->vm, err);
	if (st == FS_NO_MEMORY || st == FS_INVALID)
		return st;
	if (st != FS_OK) {
		fs->model.dump.translation_problem = arena_strdup(&fs->arena, err->text);
		return FS_OK;
	}
	if (dump_is_virtual(fs->dump))
		return check_triage(fs);
	if (!header_holds(fs)) {
		st = search(fs, err);
		if (st == FS_NO_MEMORY)
			return st;
		if (st != FS_OK)
			st = not_found(fs, err);
	}
	if (fs->vm && vm_levels(fs->vm) != 0)
		st = check_nt(fs);
	if (fs->vm && vm_levels(fs->vm) != 0)
		check_kdbg(fs);
	return st;
}
