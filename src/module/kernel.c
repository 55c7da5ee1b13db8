/* SPDX-License-Identifier: BSD-2-Clause */
/* The search as a whole: which roots are tried in which order, and what proves one. */
#include "module/kernel.h"

#include <inttypes.h>
#include <string.h>

#include "base/cursor.h"

#define CR4_LA57 (1ull << 12)

enum {
	KPCR_SELF = 0x18,
	KPCR_PRCB = 0x20, /* CurrentPrcb */
	KPCR_IDT = 0x38,
	KPCR_HEAD = 0x40,
	KPCR_PRCB_AT = 0x180, /* where the KPRCB itself is */
	IDT_ENTRY = 16,
	IDT_VECTORS = 32, /* the exceptions: nt's own handlers */
	IDT_PRESENT = 0x80,
};

/* _KPRCB.KernelDirectoryTableBase in every x64 build that has it (public nt PDBs: 7601 to
 * 22000). Which build it is is not known yet: each is tried, and what it holds is proved. */
static const uint16_t kernel_directory[] = {0x5e80, 0x6e80, 0x8e80, 0x9e80};

struct finder {
	struct dump *dump;
	const struct kernel_hints *hints;
	struct kernel_found *found;
	struct fs_error best; /* the farthest that any root came */
	bool searched_all;    /* an attempt may look at all mapped pages for nt */
};

/* x64's and ARM64's KPCR begins alike (KPCR.Self and CurrentPrcb of the PDBs are x64's). */
static bool is_kpcr(struct vm *vm, uint64_t va, uint8_t b[KPCR_HEAD])
{
	return va && vm_is_kernel_va(vm, va) &&
	       vm_read(vm, va, b, KPCR_HEAD, "KPCR", NULL) == FS_OK &&
	       load_u64(b + KPCR_SELF) == va && load_u64(b + KPCR_PRCB) == va + KPCR_PRCB_AT;
}

static bool find_kpcr(struct vm *vm, const struct kernel_cpu *c, uint64_t *ret, uint8_t *b)
{
	*ret = c->gs_base;
	if (is_kpcr(vm, *ret, b))
		return true;
	*ret = c->kernel_gs_base;
	return is_kpcr(vm, *ret, b);
}

struct walked {
	uint64_t low, high; /* addresses below which no kernel image was found */
};

static bool below(struct finder *f, struct vm *vm, uint64_t va, struct walked *w, struct pe *pe)
{
	if (!vm_is_kernel_va(vm, va) || (va >= w->low && va <= w->high))
		return false;
	if (kernel_image_below(vm, va, &f->found->base, pe, NULL) == FS_OK)
		return true;
	w->low = va & ~0xffffull;
	w->high = va | 0xffffull;
	return false;
}

/* Where the handlers of exceptions are: IDT entries of x64 (SDM vol. 3A, 6.14.1). */
static bool by_idt(struct finder *f, struct vm *vm, uint64_t idt, struct pe *pe)
{
	uint8_t e[IDT_ENTRY];
	struct walked w = {1, 0};
	unsigned i;

	for (i = 0; i < IDT_VECTORS; i++) {
		if (vm_read(vm, idt + (uint64_t)i * IDT_ENTRY, e, sizeof(e), "IDT entry", NULL))
			return false;
		if (!(e[5] & IDT_PRESENT))
			continue;
		if (below(f, vm,
			  load_u16(e) | (uint64_t)load_u16(e + 6) << 16 |
				  (uint64_t)load_u32(e + 8) << 32,
			  &w, pe))
			return true;
	}
	return false;
}

static bool by_cpu(struct finder *f, struct vm *vm, const struct kernel_cpu *c, struct pe *pe)
{
	uint8_t pcr[KPCR_HEAD];
	struct walked w = {1, 0};
	uint64_t va;

	f->found->base_from = "the processor's interrupt descriptor table";
	if (c->idt_base && vm_is_kernel_va(vm, c->idt_base) && by_idt(f, vm, c->idt_base, pe))
		return true;
	f->found->base_from = "the interrupt descriptor table that the KPCR names";
	if (find_kpcr(vm, c, &va, pcr) && load_u64(pcr + KPCR_IDT) != c->idt_base &&
	    vm_is_kernel_va(vm, load_u64(pcr + KPCR_IDT)) &&
	    by_idt(f, vm, load_u64(pcr + KPCR_IDT), pe))
		return true;
	f->found->base_from = "the code that the processor ran";
	return c->code && below(f, vm, c->code, &w, pe);
}

static bool find_image(struct finder *f, struct vm *vm, struct pe *pe, struct fs_error *err)
{
	size_t i;

	for (i = 0; i < f->hints->ncpus && i < KERNEL_CPUS_MAX; i++)
		if (by_cpu(f, vm, &f->hints->cpu[i], pe))
			return true;
	f->found->base_from = "a search of all mapped pages";
	return kernel_image_anywhere(vm, &f->found->base, pe, err) == FS_OK;
}

/* The list that a header names proves its root, whether or not nt's own pages are there. */
static bool by_given_list(struct finder *f, const struct reader *r, struct pe *pe, bool *ret_image)
{
	struct kernel_found *k = f->found;
	uint64_t flink, head = f->hints->module_list;

	*ret_image = false;
	if (!head || !kernel_list_proves(r, head, 0))
		return false;
	k->module_list = head;
	k->list_from = "the header's PsLoadedModuleList";
	k->base_from = "the first entry of PsLoadedModuleList";
	if (vm_read_u64(r->vm, head, &flink, "PsLoadedModuleList", NULL) == FS_OK &&
	    obj_read(r, flink, F_KLDR_DATA_TABLE_ENTRY_DllBase, &k->base, NULL) == FS_OK &&
	    kernel_image_at(r->vm, k->base, pe, NULL) == FS_OK)
		*ret_image = true;
	else
		k->base = 0;
	return true;
}

/* ARM64's tables can be walked as x64's, and lead to its nt: whose they are, nt's image says. */
static bool of_this_machine(struct finder *f, const struct pe *pe, struct fs_error *err)
{
	enum dump_machine m = kernel_machine_of(pe);

	if (m == DUMP_MACHINE_UNKNOWN || m == f->hints->machine)
		return true;
	(void)fs_fail_at(err, FS_UNSUPPORTED, f->found->base,
			 "nt at 0x%" PRIx64 " is for machine %s (IMAGE_FILE_HEADER.Machine 0x%x), "
			 "its memory was taken for %s's",
			 f->found->base, dump_machine_name(m), pe->machine,
			 dump_machine_name(f->hints->machine));
	return false;
}

static bool prove_root(struct finder *f, struct vm *vm, struct fs_error *err)
{
	struct reader r = {.vm = vm, .nt = f->hints->stable};
	struct kernel_found *k = f->found;
	struct pe pe = {0};
	bool image;

	if (by_given_list(f, &r, &pe, &image)) {
		if (image && !of_this_machine(f, &pe, err))
			return false;
		if (image)
			k->kdbg = kernel_kdbg_search(vm, k->base, &pe);
	} else {
		if (!find_image(f, vm, &pe, err) || !of_this_machine(f, &pe, err) ||
		    kernel_list_find(&r, k, &pe, err) != FS_OK)
			return false;
		image = true;
	}
	if (image) {
		k->size = pe.size_of_image;
		kernel_build_find(vm, k, &pe);
	}
	return true;
}

/* How far an attempt came: no image, no list. */
static void keep_best(struct finder *f, const struct fs_error *e, uint64_t root)
{
	bool better = f->best.status == FS_OK || (e->has_address && !f->best.has_address) ||
		      (e->status == FS_UNSUPPORTED && f->best.status != FS_UNSUPPORTED);

	if (!better)
		return;
	f->best = *e;
	(void)fs_prepend(&f->best, e->status, "page tables at 0x%" PRIx64, root);
}

static bool try_levels(struct finder *f, struct vm_root root, unsigned levels)
{
	struct fs_error e = {0};
	struct vm *vm;
	bool proved;

	root.levels = levels;
	*f->found = (struct kernel_found){.root = root};
	if (vm_create_at(f->dump, &root, &vm, &e) != FS_OK) {
		keep_best(f, &e, root.pa);
		return false;
	}
	proved = prove_root(f, vm, &e);
	vm_destroy(vm);
	if (!proved)
		keep_best(f, &e, root.pa);
	return proved;
}

static bool try_root(struct finder *f, struct vm_root root, const char *from,
		     const struct kernel_cpu *cpu)
{
	bool ok = root.levels ? try_levels(f, root, root.levels)
			      : try_levels(f, root, 4) ||
					(root.machine == DUMP_X64 && try_levels(f, root, 5));

	f->found->root_from = from;
	f->found->by_cpu = cpu != NULL;
	f->found->root_cpu = cpu ? cpu->number : 0;
	return ok;
}

static unsigned cpu_levels(const struct kernel_cpu *c)
{
	return c->cr4 == 0 ? 0 : c->cr4 & CR4_LA57 ? 5 : 4;
}

/* With KVA shadowing the CR3 of a processor in user mode maps almost nothing of the kernel,
 * but its KPCR, and there KernelDirectoryTableBase. */
static bool by_shadow(struct finder *f, size_t cpu)
{
	const struct kernel_cpu *c = &f->hints->cpu[cpu];
	struct vm_root root = {f->hints->machine, c->cr3, cpu_levels(c)};
	uint8_t pcr[KPCR_HEAD];
	struct vm *vm;
	uint64_t va, cr3[sizeof(kernel_directory) / sizeof(kernel_directory[0])] = {0};
	size_t i;

	if (vm_create_at(f->dump, &root, &vm, NULL) != FS_OK)
		return false;
	if (find_kpcr(vm, c, &va, pcr))
		for (i = 0; i < sizeof(cr3) / sizeof(cr3[0]); i++)
			if (vm_read_u64(vm, va + KPCR_PRCB_AT + kernel_directory[i], &cr3[i],
					"KPRCB.KernelDirectoryTableBase", NULL) != FS_OK)
				cr3[i] = 0;
	vm_destroy(vm);
	for (i = 0; i < sizeof(cr3) / sizeof(cr3[0]); i++) {
		root.pa = cr3[i];
		if (cr3[i] && try_root(f, root, "KPRCB.KernelDirectoryTableBase of processor", c))
			return true;
	}
	return false;
}

static bool by_cpus(struct finder *f)
{
	size_t i, n = f->hints->ncpus < KERNEL_CPUS_MAX ? f->hints->ncpus : KERNEL_CPUS_MAX;

	for (i = 0; i < n; i++) {
		const struct kernel_cpu *c = &f->hints->cpu[i];
		struct vm_root root = {f->hints->machine, c->cr3, cpu_levels(c)};

		if (c->cr3 && try_root(f, root, "CR3 of processor", c))
			return true;
	}
	for (i = 0; i < n && f->hints->machine == DUMP_X64; i++)
		if (f->hints->cpu[i].cr3 && by_shadow(f, i))
			return true;
	return false;
}

static bool by_search(struct finder *f)
{
	struct kernel_root_search s = {
		.dump = f->dump, .machine = f->hints->machine, .hints = f->hints};
	struct vm_root root;
	const char *from;

	while (kernel_next_root(&s, &root, &from))
		if (try_root(f, root, from, NULL))
			return true;
	return false;
}

enum fs_status kernel_find(struct dump *d, const struct kernel_hints *h, struct kernel_found *ret,
			   struct fs_error *err)
{
	struct finder f = {.dump = d, .hints = h, .found = ret};
	struct vm_root header = {h->machine, h->header_root, 0};
	struct vm_root user = {h->machine, h->user_root, 0};
	bool ok;

	if (h->user_root)
		ok = try_root(&f, user, "--dtb", NULL);
	else
		ok = by_cpus(&f) ||
		     (h->header_root && try_root(&f, header, "the header's DirectoryTableBase", NULL)) ||
		     by_search(&f);
	if (ok)
		return FS_OK;
	*ret = (struct kernel_found){0};
	if (f.best.status == FS_OK)
		return fs_fail(err, FS_NOT_FOUND, "no page tables were found in this dump");
	if (err)
		*err = f.best;
	return fs_prepend(err, f.best.status, "the kernel was not found");
}
