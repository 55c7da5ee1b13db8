/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of processors, where the container of a machine's memory has them: QEMU's notes and
 * NT_PRSTATUS (ELF, kdump), VMware's state.
 */
#ifndef FLTSCOPE_REGISTERS_H
#define FLTSCOPE_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

#include "fltscope/value.h"

/* One that the container has; others are left out. */
struct fs_register {
	const char *name; /* as WinDbg's: "rax", "efl", "cs"; "gsbase", "kgsbase" and "idtr" are addresses */
	uint64_t v;
};

enum fs_cpu_mode { FS_CPU_MODE_UNKNOWN, FS_CPU_KERNEL, FS_CPU_USER };

struct fs_registers {
	uint32_t processor; /* as the container counts, from 0 */
	const char *from;   /* "QEMU note", "NT_PRSTATUS", "VMware state" */
	enum fs_cpu_mode mode; /* by CS or PSTATE, else by the instruction pointer's address */
	struct fs_code ip;     /* FS_NONE: not known */
	struct fs_register *reg; /* in WinDbg's order */
	size_t n;
};

const char *fs_cpu_mode_name(enum fs_cpu_mode mode); /* "kernel", "user", "unknown" */

#endif
