/* SPDX-License-Identifier: BSD-2-Clause */
/* Processors' registers in containers that have them (mkworld_cpu.c), and their notes. */
#ifndef MKWORLD_CPU_H
#define MKWORLD_CPU_H

#include "mkworld.h"

struct notes_out {
	uint8_t data[256 << 10];
	size_t n;
};
static inline uint64_t world_cr4(const struct world *w)
{
	return w->la57 ? 0x3416f8 : w->nopae ? 0x3406d8 : 0x3406f8;
}
struct world_cpu cpu_of(const struct world *w, unsigned cpu);
/* What register r (by its encoding) of a processor holds: another value in each that is set, but
 * for RSP and RBP. */
uint64_t cpu_gpr(const struct world_cpu *c, unsigned cpu, unsigned r);
void notes_make(struct world *w, struct notes_out *n);

#endif
