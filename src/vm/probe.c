/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 4-level or LA57? A DMP does not store CR4, so both are tried on addresses that
 * the header names and the better one is taken. Evidence counts upwards; a
 * translation that can be right is never given up because the page behind it was
 * cut off.
 */
#include <inttypes.h>
#include <string.h>

#include "base/cursor.h"
#include "vm/impl.h"

enum proof {
	PROOF_NONE,	  /* contradicts: nothing mapped, or reserved bits */
	PROOF_OPEN,	  /* ended at a table that is missing, or an entry not understood */
	PROOF_TRANSLATED, /* a page is mapped there */
	PROOF_POINTER,	  /* and holds a kernel pointer */
	PROOF_CLOSED,	  /* whose target points back: a LIST_ENTRY */
};

struct witness {
	const char *name;
	struct dump_u64 va;
};

static bool read_phys_u64(struct vm *vm, uint64_t va, uint64_t *ret)
{
	struct vm_xlat x;
	uint8_t b[8];

	if (va % sizeof(b) != 0 || !vm_is_canonical(vm, va) ||
	    walk_va(vm->walk, &vm->rules, va, &x, NULL, NULL) != FS_OK ||
	    dump_read_phys(vm->dump, x.pa, b, sizeof(b), NULL) != FS_OK)
		return false;
	*ret = load_u64(b);
	return true;
}

/* All witnesses are, or begin with, a LIST_ENTRY (KDBG's header does too). */
static enum proof try_levels(struct vm *vm, unsigned levels, uint64_t va, struct fs_error *err)
{
	struct walk_stop stop;
	struct vm_xlat x;
	uint64_t flink, blink;
	enum fs_status st;

	walk_set_levels(vm->walk, levels);
	vm_set_halves(vm, levels);
	if (!vm_is_kernel_va(vm, va)) {
		(void)fs_fail_at(err, FS_CORRUPT, va, "no kernel address");
		return PROOF_NONE;
	}
	st = walk_va(vm->walk, &vm->rules, va, &x, &stop, err);
	if (st != FS_OK)
		return stop.depth > 0 && (stop.table_missing || st == FS_UNSUPPORTED) ? PROOF_OPEN
										      : PROOF_NONE;
	if (!read_phys_u64(vm, va, &flink) || !vm_is_kernel_va(vm, flink))
		return PROOF_TRANSLATED;
	if (!read_phys_u64(vm, flink + 8, &blink) || blink != va)
		return PROOF_POINTER;
	return PROOF_CLOSED;
}

static void set_problem(struct vm *vm, const struct witness *w, const struct fs_error *e4,
			const struct fs_error *e5)
{
	struct fs_error e;

	/* A table that is missing is a smaller matter than a root that is none. */
	vm->problem_status = e4->status == e5->status ? e4->status : FS_CORRUPT;
	(void)fs_fail(&e, vm->problem_status,
		      "DirectoryTableBase 0x%" PRIx64 " does not translate %s 0x%" PRIx64
		      ": as 4-level tables: %.120s; as LA57: %.120s",
		      walk_root(vm->walk), w->name, w->va.v, e4->text, e5->text);
	memcpy(vm->problem, e.text, sizeof(vm->problem));
}

/* True when this witness decides. */
static bool ask(struct vm *vm, const struct witness *w)
{
	struct fs_error e4, e5;
	enum proof p4 = try_levels(vm, 4, w->va.v, &e4);
	enum proof p5 = try_levels(vm, 5, w->va.v, &e5);

	vm->levels = 0;
	if (p4 >= PROOF_TRANSLATED || p5 >= PROOF_TRANSLATED)
		vm->levels = p5 > p4 ? 5 : 4;
	else if (p4 != p5) /* one contradicts, the other only lacks pages */
		vm->levels = p5 > p4 ? 5 : 4;
	if (p4 < PROOF_TRANSLATED && p5 < PROOF_TRANSLATED) {
		set_problem(vm, w, &e4, &e5);
		return false;
	}
	vm->problem[0] = '\0';
	return true;
}

void vm_probe_root(struct vm *vm)
{
	const struct dump_info *info = dump_info(vm->dump);
	const struct witness witness[] = {
		{"KdDebuggerDataBlock", info->kd_debugger_data_block},
		{"PsActiveProcessHead", info->ps_active_process_head},
		{"PsLoadedModuleList", info->ps_loaded_module_list},
	};
	size_t i = sizeof(witness) / sizeof(witness[0]);
	bool asked = false, decided = false;

	/* PsLoadedModuleList first. When none decides, its words are the last: the
	 * others may be odd in dumps by other tools (facts: DumpIt, LiveKd). */
	while (i-- > 0 && !decided) {
		if (!witness[i].va.present)
			continue;
		decided = ask(vm, &witness[i]);
		asked = true;
	}
	if (asked && !decided && witness[2].va.present)
		(void)ask(vm, &witness[2]);
	if (!asked) {
		struct fs_error e;

		vm->problem_status =
			fs_fail(&e, FS_NOT_FOUND,
				"the dump's header names no kernel address, so whether "
				"DirectoryTableBase 0x%" PRIx64
				" is the root of 4-level or LA57 tables cannot be told",
				walk_root(vm->walk));
		memcpy(vm->problem, e.text, sizeof(vm->problem));
	}
	vm_set_halves(vm, vm->levels == 5 ? 5 : 4);
	walk_set_levels(vm->walk, vm->levels == 5 ? 5 : 4);
}
