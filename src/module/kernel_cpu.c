/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a processor's registers down to nt: its interrupt descriptor table, its KPCR.
 *
 * KPCR of the public nt PDBs, all builds: x64's and ARM64's begin alike (Self 0x18, CurrentPrcb
 * 0x20, IdtBase 0x38, Prcb 0x180); x86's has SelfPcr 0x1c, Prcb 0x20, IDT 0x38, PrcbData 0x120.
 * IDT entries: SDM vol. 3A, 6.11 and 6.14.1; the lower half of x64's 16 bytes is x86's 8.
 */
#include "base/cursor.h"
#include "module/kernel.h"

enum {
	KPCR_HEAD = 0x40,
	IDT_ENTRY = 16,
	IDT_VECTORS = 32, /* the exceptions: nt's own handlers */
	IDT_PRESENT = 0x80,
};

struct shape {
	unsigned self, prcb, idt, prcb_at;
};
static const struct shape shape64 = {0x18, 0x20, 0x38, 0x180};
static const struct shape shape32 = {0x1c, 0x20, 0x38, 0x120};

static const struct shape *shape_of(const struct vm *vm)
{
	return vm_pointer_size(vm) == 4 ? &shape32 : &shape64;
}

static uint64_t pointer_at(const struct vm *vm, const uint8_t *p)
{
	return vm_pointer_size(vm) == 4 ? load_u32(p) : load_u64(p);
}

static bool is_kpcr(struct vm *vm, uint64_t va, uint8_t b[KPCR_HEAD])
{
	const struct shape *s = shape_of(vm);

	return va && vm_is_kernel_va(vm, va) &&
	       vm_read(vm, va, b, KPCR_HEAD, "KPCR", NULL) == FS_OK &&
	       pointer_at(vm, b + s->self) == va && pointer_at(vm, b + s->prcb) == va + s->prcb_at;
}

static bool find_kpcr(struct vm *vm, const struct kernel_cpu *c, uint64_t *ret, uint8_t *b)
{
	if (vm_pointer_size(vm) == 4) { /* FS has it while the kernel runs */
		*ret = c->fs_base;
		return is_kpcr(vm, *ret, b);
	}
	*ret = c->gs_base;
	if (is_kpcr(vm, *ret, b))
		return true;
	*ret = c->kernel_gs_base;
	return is_kpcr(vm, *ret, b);
}

bool kernel_kpcr(struct vm *vm, const struct kernel_cpu *c, uint64_t *ret)
{
	uint8_t b[KPCR_HEAD];

	return find_kpcr(vm, c, ret, b);
}

struct below {
	struct vm *vm;
	struct kernel_found *k;
	struct pe *pe;
	uint64_t *budget;
	uint64_t low, high; /* addresses below which no kernel image was found */
};

static bool below(struct below *w, uint64_t va)
{
	if (!vm_is_kernel_va(w->vm, va) || (va >= w->low && va <= w->high))
		return false;
	if (kernel_image_below(w->vm, va, w->budget, &w->k->base, w->pe, NULL) == FS_OK)
		return true;
	w->low = va & ~0xffffull;
	w->high = va | 0xffffull;
	return false;
}

/* Where the handlers of exceptions are. */
static bool by_idt(struct below *w, uint64_t idt)
{
	unsigned i, size = vm_pointer_size(w->vm) == 4 ? IDT_ENTRY / 2 : IDT_ENTRY;
	uint8_t e[IDT_ENTRY] = {0};

	for (i = 0; i < IDT_VECTORS; i++) {
		if (vm_read(w->vm, idt + (uint64_t)i * size, e, size, "IDT entry", NULL))
			return false;
		if (!(e[5] & IDT_PRESENT))
			continue;
		if (below(w, load_u16(e) | (uint64_t)load_u16(e + 6) << 16 |
				     (uint64_t)load_u32(e + 8) << 32))
			return true;
	}
	return false;
}

bool kernel_image_by_cpu(struct vm *vm, const struct kernel_cpu *c, uint64_t *budget,
			 struct kernel_found *k, struct pe *pe)
{
	struct below w = {vm, k, pe, budget, 1, 0};
	uint8_t pcr[KPCR_HEAD];
	uint64_t va, idt;

	k->base_from = "the processor's interrupt descriptor table";
	if (c->idt_base && vm_is_kernel_va(vm, c->idt_base) && by_idt(&w, c->idt_base))
		return true;
	k->base_from = "the interrupt descriptor table that the KPCR names";
	if (find_kpcr(vm, c, &va, pcr)) {
		idt = pointer_at(vm, pcr + shape_of(vm)->idt);
		if (idt != c->idt_base && vm_is_kernel_va(vm, idt) && by_idt(&w, idt))
			return true;
	}
	k->base_from = "the code that the processor ran";
	return c->code && below(&w, c->code);
}
