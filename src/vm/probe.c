/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 4-level or LA57, PAE or not? A DMP does not store CR4, so both are tried on addresses that
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

static bool read_pointer(struct vm *vm, uint64_t va, uint64_t *ret)
{
	struct vm_xlat x;
	uint8_t b[8] = {0};
	unsigned n = vm_pointer_size(vm);

	if (va % n != 0 || !vm_is_canonical(vm, va) ||
	    walk_va(vm->walk, &vm->rules, va, &x, NULL, NULL) != FS_OK ||
	    dump_read_phys(vm->dump, x.pa, b, n, NULL) != FS_OK)
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
	if (!read_pointer(vm, va, &flink) || !vm_is_kernel_va(vm, flink))
		return PROOF_TRANSLATED;
	if (!read_pointer(vm, flink + vm_pointer_size(vm), &blink) || blink != va)
		return PROOF_POINTER;
	return PROOF_CLOSED;
}

/* The forms that this machine's tables may have: the usual one, and another or 0. */
struct forms {
	unsigned a, b;
	const char *a_name, *b_name;
};

static struct forms forms_of(const struct vm *vm)
{
	const struct dump_info *info = dump_info(vm->dump);

	if (vm->machine == DUMP_ARM64)
		return (struct forms){4, 0, "4-level tables", NULL};
	if (vm->machine == DUMP_X64)
		return (struct forms){4, 5, "4-level tables", "LA57"};
	/* PaeEnabled of the header is one byte, and dumps by other tools may not set it. */
	if (info->pae_enabled.present && info->pae_enabled.v == 0)
		return (struct forms){2, 3, "tables without PAE", "PAE"};
	return (struct forms){3, 2, "PAE tables", "tables without PAE"};
}

static void set_problem(struct vm *vm, const struct witness *w, const struct forms *f,
			const struct fs_error *ea, const struct fs_error *eb)
{
	struct fs_error e;

	/* A table that is missing is a smaller matter than a root that is none. */
	vm->problem_status = !f->b || ea->status == eb->status ? ea->status : FS_CORRUPT;
	(void)fs_fail(&e, vm->problem_status,
		      "DirectoryTableBase 0x%" PRIx64 " does not translate %s 0x%" PRIx64
		      ": as %s: %.120s%s%s%s%.120s",
		      walk_root(vm->walk), w->name, w->va.v, f->a_name, ea->text,
		      f->b ? "; as " : "", f->b ? f->b_name : "", f->b ? ": " : "",
		      f->b ? eb->text : "");
	memcpy(vm->problem, e.text, sizeof(vm->problem));
}

/* True when this witness decides. */
static bool ask(struct vm *vm, const struct witness *w)
{
	const struct forms f = forms_of(vm);
	struct fs_error ea, eb = {0};
	enum proof pa = try_levels(vm, f.a, w->va.v, &ea);
	enum proof pb = f.b ? try_levels(vm, f.b, w->va.v, &eb) : PROOF_NONE;

	vm->levels = 0;
	if (pa >= PROOF_TRANSLATED || pb >= PROOF_TRANSLATED)
		vm->levels = pb > pa ? f.b : f.a;
	else if (pa != pb) /* one contradicts, the other only lacks pages */
		vm->levels = pb > pa ? f.b : f.a;
	if (pa < PROOF_TRANSLATED && pb < PROOF_TRANSLATED) {
		set_problem(vm, w, &f, &ea, &eb);
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
	vm_set_halves(vm, vm->levels ? vm->levels : forms_of(vm).a);
	walk_set_levels(vm->walk, vm->levels ? vm->levels : forms_of(vm).a);
}
