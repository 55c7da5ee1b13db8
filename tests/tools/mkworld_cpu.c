/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notes as QEMU writes them (target/i386/arch_dump.c): NT_PRSTATUS and QEMU's own for each
 * processor. Registers: the world's, its CR3; IDT and KPCRs where it has labels idt, kpcr0, ...
 */
#include "mkworld_cpu.h"

#include <stdio.h>
#include <string.h>

#define PRSTATUS   336u
#define PRSTATUS32 144u
#define CPUSTATE   440u

static uint64_t place(const struct world *w, const char *label)
{
	const struct label *l = label_find(w, label);

	return l ? l->va : 0;
}

static uint64_t kpcr(const struct world *w, unsigned cpu)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "kpcr%u", cpu);
	return place(w, name);
}

static uint8_t *note(struct world *w, struct notes_out *n, const char *name, uint32_t type,
		     uint32_t size)
{
	uint32_t named = (uint32_t)strlen(name) + 1, at = 12 + (named + 3) / 4 * 4;
	uint8_t *p;

	if (n->n + at + size > sizeof(n->data))
		die(w, "too many processors for %zu bytes of notes", sizeof(n->data));
	p = n->data + n->n;
	st32(p, named);
	st32(p + 4, size);
	st32(p + 8, type);
	memcpy(p + 12, name, named);
	n->n += at + (size + 3) / 4 * 4;
	return p + at;
}

struct world_cpu cpu_of(const struct world *w, unsigned cpu)
{
	if (cpu < CPUS_MAX && w->cpus[cpu].set)
		return w->cpus[cpu];
	return (struct world_cpu){false, w->ctx_rip, w->ctx_rsp, w->ctx_rbp, 0, 0};
}

uint64_t cpu_gpr(const struct world_cpu *c, unsigned cpu, unsigned r)
{
	return r == 4 ? c->rsp : r == 5 ? c->rbp : c->set ? 0x5eed0000u + 0x100 * cpu + r : 0;
}

/* Whose place is which register, by its encoding: user_regs_struct of i386 and x86-64. */
static const uint8_t regs32[8] = {6, 1, 2, 0, 15, 5, 3, 4};
static const uint8_t regs64[16] = {10, 11, 12, 5, 19, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0};

static void prstatus32_fill(const struct world *w, uint8_t *p, unsigned cpu)
{
	struct world_cpu c = cpu_of(w, cpu);

	st32(p + 24, cpu + 1);
	if (!c.set && !has_context32(w))
		return;
	for (unsigned r = 0; r < 8; r++)
		st32(p + 72 + 4 * regs32[r], (uint32_t)cpu_gpr(&c, cpu, r));
	st32(p + 72 + 4 * 12, (uint32_t)c.rip);
	st32(p + 72 + 4 * 13, (uint32_t)c.cs);
}

static void prstatus_fill(const struct world *w, uint8_t *p, unsigned cpu)
{
	struct world_cpu c = cpu_of(w, cpu);

	st32(p + 32, cpu + 1);
	for (unsigned r = 0; r < 16; r++)
		st64(p + 112 + 8 * regs64[r], cpu_gpr(&c, cpu, r));
	st64(p + 112 + 8 * 16, c.rip);
	st64(p + 112 + 8 * 17, c.cs);
	if (!(c.cs & 3))
		st64(p + 112 + 8 * 22, kpcr(w, cpu));
}

static void segment_fill(uint8_t *p, unsigned n, uint64_t base)
{
	st64(p + 152 + 24 * n + 16, base);
}

/* rax rbx rcx rdx rsi rdi rsp rbp r8 to r15, by their encoding. */
static const uint8_t state_regs[16] = {0, 2, 3, 1, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

static void cpustate_fill(const struct world *w, uint8_t *p, unsigned cpu)
{
	struct world_cpu c = cpu_of(w, cpu);

	st32(p, 1);
	st32(p + 4, CPUSTATE);
	if (w->machine != MACHINE_X86 || c.set || has_context32(w)) {
		for (unsigned r = 0; r < (w->machine == MACHINE_X86 ? 8u : 16u); r++)
			st64(p + 8 + 8 * state_regs[r], cpu_gpr(&c, cpu, r));
		st64(p + 8 + 8 * 16, c.rip);
		st32(p + 152, (uint32_t)c.cs);
	}
	/* in user mode the KPCR is where SWAPGS takes it from */
	if (c.cs & 3) {
		st64(p + 432, kpcr(w, cpu));
		segment_fill(p, 4, c.user_gs);
	} else {
		st64(p + 432, c.user_gs);
		segment_fill(p, w->machine == MACHINE_X86 ? 3 : 4, kpcr(w, cpu));
	}
	segment_fill(p, 9, place(w, "idt"));
	st64(p + 392, 0x80050033);
	st64(p + 392 + 24, w->cr3);
	st64(p + 392 + 32, world_cr4(w));
}

void notes_make(struct world *w, struct notes_out *n)
{
	memset(n, 0, sizeof(*n));
	if (w->no_notes)
		return;
	for (unsigned i = 0; i < w->processors; i++) {
		if (w->machine == MACHINE_X86)
			prstatus32_fill(w, note(w, n, "CORE", 1, PRSTATUS32), i);
		else
			prstatus_fill(w, note(w, n, "CORE", 1, PRSTATUS), i);
	}
	for (unsigned i = 0; i < w->processors; i++)
		cpustate_fill(w, note(w, n, "QEMU", 0, CPUSTATE), i);
	if (w->guest_header && w->machine == MACHINE_X86)
		die(w, "--guest-header: of x64 only");
	if (w->guest_header)
		header_fill(w, note(w, n, "VMCOREINFO", 0, 8192), 1);
}
