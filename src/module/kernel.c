/* SPDX-License-Identifier: BSD-2-Clause */
/* The search as a whole: which roots are tried in which order, and what proves one. */
#include "module/kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

#define CR4_PAE	 (1ull << 5)
#define CR4_LA57 (1ull << 12)

#define KPCR_PRCB_AT 0x180u /* x64: where the KPRCB itself is */

/* _KPRCB.KernelDirectoryTableBase in every x64 build that has it (public nt PDBs: 7601 to
 * 22000). Which build it is is not known yet: each is tried, and what it holds is proved. */
static const uint16_t kernel_directory[] = {0x5e80, 0x6e80, 0x8e80, 0x9e80};

/*
 * What a hostile file can make the search do. A root under which KUSER_SHARED_DATA reads as it
 * must is looked through for nt at once; others (of what is no root most) only when everything
 * else has failed, the first few of them.
 */
#define PAGES_MAX  (2ull << 20) /* looked at for nt's image, for one machine and round: 8 GiB */
#define TRIES_MAX  32u		/* roots looked through whole, likewise */
#define LATER_MAX  32u		/* roots kept for the second round */
#define IMAGES_MAX 8u		/* roots that lead to an image named as nt, without its list */
#define LISTS_MAX  64u		/* roots under which the header's list is walked */
#define CHECKS_MAX 4096u	/* candidates of a search of which KUSER_SHARED_DATA is read */

struct attempt {
	struct vm_root root;
	const char *from;
	const struct kernel_cpu *cpu; /* NULL: no processor's */
};

struct finder {
	struct dump *dump;
	const struct kernel_hints *hints;
	struct kernel_found *found;
	enum dump_machine machine; /* which is tried now */
	const struct layout *stable;
	struct fs_error best; /* the farthest that any root came */
	unsigned rank;	      /* of best */
	bool second;	      /* round */
	bool limited;	      /* a bound was reached: not all was looked at */
	bool no_memory;
	uint64_t pages;
	unsigned tries, images, lists, checks;
	struct attempt later[LATER_MAX];
	size_t nlater;
};

/* thorough: all mapped pages may be looked at. */
static bool find_image(struct finder *f, struct vm *vm, bool thorough, struct pe *pe,
		       struct fs_error *err)
{
	size_t i;

	for (i = 0; i < f->hints->ncpus && i < KERNEL_CPUS_MAX; i++)
		if (kernel_image_by_cpu(vm, &f->hints->cpu[i], &f->pages, f->found, pe))
			return true;
	if (!thorough)
		return false;
	f->found->base_from = "a search of all mapped pages";
	return kernel_image_anywhere(vm, &f->pages, &f->found->base, pe, err) == FS_OK;
}

/* The list that a header names proves its root, whether or not nt's own pages are there. */
static bool by_given_list(struct finder *f, const struct reader *r, struct pe *pe, bool *ret_image)
{
	struct kernel_found *k = f->found;
	uint64_t flink, head = f->hints->module_list;

	*ret_image = false;
	if (!head || !kernel_list_credible(r, head) || f->lists >= LISTS_MAX)
		return false;
	f->lists++;
	if (!kernel_list_proves(r, head, 0))
		return false;
	k->module_list = head;
	k->list_from = "the header's PsLoadedModuleList";
	k->base_from = "the first entry of PsLoadedModuleList";
	if (vm_read_ptr(r->vm, head, &flink, "PsLoadedModuleList", NULL) == FS_OK &&
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

	if (m == DUMP_MACHINE_UNKNOWN || m == f->machine)
		return true;
	(void)fs_fail_at(err, FS_UNSUPPORTED, f->found->base,
			 "nt at 0x%" PRIx64 " is for machine %s (IMAGE_FILE_HEADER.Machine 0x%x), "
			 "its memory was taken for %s's",
			 f->found->base, dump_machine_name(m), pe->machine,
			 dump_machine_name(f->machine));
	return false;
}

static bool prove_root(struct finder *f, struct vm *vm, bool thorough, struct fs_error *err)
{
	struct reader r = {.vm = vm, .nt = f->stable};
	struct kernel_found *k = f->found;
	struct pe pe = {0};
	bool image;

	if (by_given_list(f, &r, &pe, &image)) {
		if (image && !of_this_machine(f, &pe, err))
			return false;
		if (image)
			k->kdbg = kernel_kdbg_search(vm, k->base, &pe);
	} else {
		if (f->images >= IMAGES_MAX) {
			f->limited = true;
			return false;
		}
		if (!find_image(f, vm, thorough, &pe, err))
			return false;
		f->images++;
		if (!of_this_machine(f, &pe, err) || kernel_list_find(&r, k, &pe, err) != FS_OK)
			return false;
		image = true;
	}
	if (image) {
		k->size = pe.size_of_image;
		kernel_build_find(vm, k, &pe);
	}
	return true;
}

/* How far an attempt came: another machine's nt; an image without its list; nothing. */
static void keep_best(struct finder *f, const struct fs_error *e, uint64_t root)
{
	unsigned rank = e->status == FS_UNSUPPORTED ? 4
			: e->has_address	    ? 3
			: e->status == FS_LIMIT	    ? 2
						    : 1;

	if (e->status == FS_OK || rank <= f->rank)
		return;
	f->rank = rank;
	f->limited |= e->status == FS_LIMIT;
	f->best = *e;
	(void)fs_prepend(&f->best, e->status, "page tables at 0x%" PRIx64, root);
}

static bool same_root(const struct attempt *a, const struct attempt *b)
{
	return a->root.machine == b->root.machine && a->root.pa == b->root.pa &&
	       a->root.levels == b->root.levels;
}

static void keep_for_later(struct finder *f, const struct attempt *a)
{
	size_t i;

	for (i = 0; i < f->nlater; i++)
		if (same_root(&f->later[i], a))
			return;
	if (f->nlater < LATER_MAX)
		f->later[f->nlater++] = *a;
	else
		f->limited = true;
}

/* With the levels that the root has. */
static bool try_levels(struct finder *f, const struct attempt *a)
{
	struct fs_error e = {0};
	struct vm *vm;
	bool proved, thorough;

	*f->found = (struct kernel_found){
		.root = a->root,
		.root_from = a->from,
		.by_cpu = a->cpu != NULL,
		.root_cpu = a->cpu ? a->cpu->number : 0,
	};
	if (vm_create_at(f->dump, &a->root, &vm, &e) != FS_OK) {
		f->no_memory |= e.status == FS_NO_MEMORY;
		keep_best(f, &e, a->root.pa);
		return false;
	}
	thorough = f->second || kernel_user_shared_data(vm);
	if (thorough && f->tries++ >= TRIES_MAX) {
		thorough = false;
		f->limited = true;
	}
	proved = prove_root(f, vm, thorough, &e);
	vm_destroy(vm);
	if (!proved)
		keep_best(f, &e, a->root.pa);
	if (!proved && !thorough)
		keep_for_later(f, a);
	return proved;
}

/* Levels that are not known are tried in turn, the more usual first. */
static bool try_root(struct finder *f, struct vm_root root, const char *from,
		     const struct kernel_cpu *cpu)
{
	struct attempt a = {root, from, cpu};
	unsigned first = root.machine == DUMP_X86 ? 3 : 4, other = 0;

	if (root.machine == DUMP_X86)
		other = 2;
	else if (root.machine == DUMP_X64)
		other = 5;
	if (root.levels)
		return try_levels(f, &a);
	a.root.levels = first;
	if (try_levels(f, &a))
		return true;
	a.root.levels = other;
	return other && try_levels(f, &a);
}

static unsigned cpu_levels(enum dump_machine machine, const struct kernel_cpu *c)
{
	if (c->cr4 == 0)
		return 0;
	if (machine == DUMP_X86)
		return c->cr4 & CR4_PAE ? 3 : 2;
	return machine == DUMP_X64 && (c->cr4 & CR4_LA57) ? 5 : 4;
}

/* With KVA shadowing the CR3 of a processor in user mode maps almost nothing of the kernel,
 * but its KPCR, and there KernelDirectoryTableBase. */
static bool by_shadow(struct finder *f, size_t cpu)
{
	const struct kernel_cpu *c = &f->hints->cpu[cpu];
	struct vm_root root = {f->machine, c->cr3, cpu_levels(f->machine, c)};
	uint64_t va, cr3[sizeof(kernel_directory) / sizeof(kernel_directory[0])] = {0};
	struct vm *vm;
	size_t i;

	if (vm_create_at(f->dump, &root, &vm, NULL) != FS_OK)
		return false;
	if (kernel_kpcr(vm, c, &va))
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
		struct vm_root root = {f->machine, c->cr3, cpu_levels(f->machine, c)};

		if (c->cr3 && try_root(f, root, "CR3 of processor", c))
			return true;
	}
	for (i = 0; i < n && f->machine == DUMP_X64; i++)
		if (f->hints->cpu[i].cr3 && by_shadow(f, i))
			return true;
	return false;
}

static bool by_search(struct finder *f)
{
	struct kernel_root_search s = {.dump = f->dump, .machine = f->machine, .hints = f->hints};
	struct vm_root root;
	const char *from;
	bool found = false;

	while (!found && kernel_next_root(&s, &root, &from)) {
		if (f->checks++ >= CHECKS_MAX) {
			f->limited = true;
			break;
		}
		found = try_root(f, root, from, NULL);
	}
	f->limited |= s.limited;
	f->no_memory |= s.no_memory;
	kernel_root_search_deinit(&s);
	return found;
}

static void begin_round(struct finder *f, enum dump_machine machine, const struct layout *stable)
{
	f->machine = machine;
	f->stable = stable;
	f->pages = PAGES_MAX;
	f->tries = f->images = f->lists = f->checks = 0;
}

static bool first_round(struct finder *f, enum dump_machine machine, const struct layout *stable)
{
	const struct kernel_hints *h = f->hints;
	struct vm_root header = {machine, h->header_root, 0}, user = {machine, h->user_root, 0};

	begin_round(f, machine, stable);
	if (h->user_root)
		return try_root(f, user, "--dtb", NULL);
	return by_cpus(f) ||
	       (h->header_root && machine == h->machine &&
		try_root(f, header, "the header's DirectoryTableBase", NULL)) ||
	       by_search(f);
}

static bool second_round(struct finder *f, enum dump_machine machine, const struct layout *stable)
{
	size_t i;

	begin_round(f, machine, stable);
	f->second = true;
	for (i = 0; i < f->nlater; i++)
		if (f->later[i].root.machine == machine && try_levels(f, &f->later[i]))
			return true;
	return false;
}

static enum fs_status not_found(const struct finder *f, struct fs_error *err)
{
	const struct kernel_hints *h = f->hints;
	struct fs_error none;
	char machines[32];

	*f->found = (struct kernel_found){0};
	if (f->no_memory)
		return fs_fail(err, FS_NO_MEMORY, "out of memory looking for the kernel");
	(void)snprintf(machines, sizeof(machines), "%s%s%s", dump_machine_name(h->machine),
		       h->also ? " and " : "", h->also ? dump_machine_name(h->also) : "");
	if (f->rank == 0)
		(void)fs_fail(&none, FS_NOT_FOUND, "no page tables were found in this dump");
	else
		none = f->best;
	if (err)
		*err = none;
	if (h->user_root)
		return fs_prepend(err, none.status,
				  "--dtb 0x%" PRIx64 " leads to no kernel (looked for: %s); without "
				  "--dtb page tables are searched for",
				  h->user_root, machines);
	return fs_prepend(err, none.status, "the kernel was not found (looked for: %s%s)", machines,
			  f->limited ? "; not all was looked at, a bound was reached" : "");
}

enum fs_status kernel_find(struct dump *d, const struct kernel_hints *h, struct kernel_found *ret,
			   struct fs_error *err)
{
	struct finder f = {.dump = d, .hints = h, .found = ret};

	if (first_round(&f, h->machine, h->stable) ||
	    (h->also && first_round(&f, h->also, h->also_stable)) ||
	    second_round(&f, h->machine, h->stable) ||
	    (h->also && second_round(&f, h->also, h->also_stable)))
		return FS_OK;
	return not_found(&f, err);
}
