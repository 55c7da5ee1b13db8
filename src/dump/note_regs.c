/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers out of NT_PRSTATUS (struct elf_prstatus of Linux's elfcore.h, whose registers are
 * those of sys/user.h and asm/ptrace.h) and out of QEMU's own note (struct QEMUCPUState,
 * target/i386/arch_dump.c).
 */
#include "dump/notes.h"

#include <string.h>

#include "base/cursor.h"

/* Where the registers begin, and how many there are. */
enum {
	PRSTATUS_X86_REGS = 72,
	PRSTATUS_X86_COUNT = 17,
	PRSTATUS_REGS = 112,
	PRSTATUS_X64_COUNT = 27,
	PRSTATUS_ARM64_COUNT = 34,
};

/* Which is which: the general ones by encoding, then the others. */
struct places {
	uint8_t gpr[16], gprs;
	uint8_t ip, cs, flags, sp;
};
/* user_regs_struct of i386: ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss
 */
static const struct places x86_places = {
	.gpr = {6, 1, 2, 0, 15, 5, 3, 4}, .gprs = 8, .ip = 12, .cs = 13, .flags = 14, .sp = 15};
/* Of x86-64: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp
 * ss fs_base gs_base ds es fs gs */
static const struct places x64_places = {
	.gpr = {10, 11, 12, 5, 19, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0},
	.gprs = 16,
	.ip = 16,
	.cs = 17,
	.flags = 18,
	.sp = 19};
enum {
	PRSTATUS_X64_GS_BASE = 22,
	ARM64_GPRS = 31,
	ARM64_SP = 31,
	ARM64_PC = 32,
	ARM64_PSTATE = 33
};

/* Version, size, 16 registers, RIP, RFLAGS, ten segments of {selector, limit, flags, pad, base},
 * CR0 to CR4, and in later ones the kernel's GS base. */
enum {
	QEMU_VERSION = 0,
	QEMU_SIZE = 4,
	QEMU_GPRS = 8,
	QEMU_RIP = 8 + 8 * 16,
	QEMU_RFLAGS = 8 + 8 * 17,
	QEMU_SEGMENTS = 8 + 8 * 18,
	QEMU_SEGMENT = 24,
	QEMU_SEGMENT_BASE = 16,
	QEMU_CS = QEMU_SEGMENTS,
	QEMU_FS = QEMU_SEGMENTS + 3 * QEMU_SEGMENT,
	QEMU_GS = QEMU_SEGMENTS + 4 * QEMU_SEGMENT,
	QEMU_GDT = QEMU_SEGMENTS + 8 * QEMU_SEGMENT,
	QEMU_IDT = QEMU_SEGMENTS + 9 * QEMU_SEGMENT,
	QEMU_CR = QEMU_SEGMENTS + 10 * QEMU_SEGMENT,
	QEMU_KERNEL_GS = QEMU_CR + 8 * 5,
};
_Static_assert(QEMU_KERNEL_GS == NOTE_QEMU_BYTES, "the first form ends with CR4");
/* rax rbx rcx rdx rsi rdi rsp rbp r8 to r15: which is the one of this encoding */
static const uint8_t qemu_gpr[16] = {0, 2, 3, 1, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

static struct dump_u64 word(const uint8_t *p, size_t size)
{
	return (struct dump_u64){size == 4 ? load_u32(p) : load_u64(p), true};
}

static void take(const uint8_t *regs, size_t size, const struct places *at, struct dump_cpu *ret)
{
	unsigned i;

	for (i = 0; i < at->gprs; i++)
		ret->gpr[i] = word(regs + size * at->gpr[i], size).v;
	ret->gprs = (1u << at->gprs) - 1;
	ret->rip = word(regs + size * at->ip, size);
	ret->rsp = word(regs + size * at->sp, size);
	ret->flags = word(regs + size * at->flags, size);
	ret->cs = word(regs + size * at->cs, size);
	ret->cs.v &= UINT16_MAX;
}

bool note_prstatus(enum dump_machine machine, const uint8_t *p, size_t n, struct dump_cpu *ret)
{
	const uint8_t *regs = p + PRSTATUS_REGS;
	unsigned i;

	ret->from = "NT_PRSTATUS";
	switch (machine) {
	case DUMP_X86:
		if (n < PRSTATUS_X86_REGS + 4 * PRSTATUS_X86_COUNT)
			return false;
		take(p + PRSTATUS_X86_REGS, 4, &x86_places, ret);
		return true;
	case DUMP_X64:
		if (n < PRSTATUS_REGS + 8 * PRSTATUS_X64_COUNT)
			return false;
		take(regs, 8, &x64_places, ret);
		ret->gs_base = word(regs + 8 * PRSTATUS_X64_GS_BASE, 8);
		return true;
	case DUMP_ARM64:
		if (n < PRSTATUS_REGS + 8 * PRSTATUS_ARM64_COUNT)
			return false;
		for (i = 0; i < ARM64_GPRS; i++)
			ret->gpr[i] = load_u64(regs + 8 * i);
		ret->gprs = (uint32_t)((1ull << ARM64_GPRS) - 1);
		ret->rsp = word(regs + 8 * ARM64_SP, 8);
		ret->rip = word(regs + 8 * ARM64_PC, 8);
		ret->flags = word(regs + 8 * ARM64_PSTATE, 8);
		return true;
	case DUMP_MACHINE_UNKNOWN:
		break;
	}
	return false;
}

bool note_qemu(enum dump_machine machine, const uint8_t *p, size_t n, struct dump_cpu *ret)
{
	unsigned i;

	ret->from = "QEMU note";
	if (n < QEMU_KERNEL_GS || load_u32(p + QEMU_VERSION) != NOTE_QEMU_VERSION ||
	    load_u32(p + QEMU_SIZE) < QEMU_KERNEL_GS || load_u32(p + QEMU_SIZE) > n)
		return false;
	for (i = 0; i < (machine == DUMP_X86 ? 8u : 16u); i++) {
		ret->gpr[i] = load_u64(p + QEMU_GPRS + 8u * qemu_gpr[i]);
		ret->gprs |= 1u << i;
	}
	ret->rsp = (struct dump_u64){ret->gpr[4], true};
	ret->rip = word(p + QEMU_RIP, 8);
	ret->flags = word(p + QEMU_RFLAGS, 8);
	ret->cs = word(p + QEMU_CS, 4);
	ret->gs_base = word(p + QEMU_GS + QEMU_SEGMENT_BASE, 8);
	ret->fs_base = word(p + QEMU_FS + QEMU_SEGMENT_BASE, 8);
	ret->gdt_base = word(p + QEMU_GDT + QEMU_SEGMENT_BASE, 8);
	ret->idt_base = word(p + QEMU_IDT + QEMU_SEGMENT_BASE, 8);
	ret->cr3 = word(p + QEMU_CR + 8 * 3, 8);
	ret->cr4 = word(p + QEMU_CR + 8 * 4, 8);
	if (load_u32(p + QEMU_SIZE) >= QEMU_KERNEL_GS + 8)
		ret->kernel_gs_base = word(p + QEMU_KERNEL_GS, 8);
	return true;
}
