/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking a kernel stack by the unwind data of its images. Pure over memory callbacks:
 * nothing here knows dumps, layouts or the model.
 *
 * Sources: Microsoft's "x64 exception handling" and "ARM64 exception handling"; what these
 * leave out (UWOP_EPILOG of version 2, indirect entries, ARM64 frames of the kernel) as the
 * published unwinder of .NET (dotnet/runtime, src/coreclr/unwinder) and LLVM read it.
 *
 * Nothing is guessed silently: a frame is unwound by unwind data, reached through a machine
 * or trap frame, or found by a verified scan and then marked so, with all that follow. x86 has no
 * unwind data: its frames are the chain of frame pointers, marked so, and then scanned ones.
 */
#ifndef UNWIND_UNWIND_H
#define UNWIND_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "fltscope/error.h"
#include "fltscope/threads.h"

enum unwind_machine { UNWIND_X64, UNWIND_ARM64, UNWIND_X86 };

#define UNWIND_FRAMES_MAX   1024
#define UNWIND_SEGMENTS_MAX 8

/* Registers by their encoding: x64 rax 0, rcx, rdx, rbx, rsp 4, rbp 5, rsi, rdi, r8..r15; x86 the
 * first eight; ARM64 x0..x30 (29 fp, 30 lr). The stack pointer is `sp` only. */
struct unwind_regs {
	uint64_t ip, sp; /* VA */
	uint64_t gpr[31];
	uint32_t known; /* bit r: gpr[r] is; a thread that waits has saved few of them */
};

/* An image in memory. */
struct unwind_image {
	uint64_t base;
	uint32_t size;			/* bytes */
	uint32_t table_rva, table_size; /* its exception directory; size 0: it has none */
};

/* Where bytes come from. Contracts as vm_read's: on failure err->address is the first VA
 * that was not read, and the bytes before it are in buf. */
struct unwind_memory {
	void *ctx;
	/* The stack: the dump's own bytes only. */
	enum fs_status (*stack)(void *ctx, uint64_t va, void *buf, size_t n, struct fs_error *err);
	/* Code and unwind data; sets *from_image (never clears it) when an image file had to help.
	 */
	enum fs_status (*image_bytes)(void *ctx, uint64_t va, void *buf, size_t n, bool *from_image,
				      struct fs_error *err);
	/* The image that va lies in. FS_NOT_FOUND: none; else why its headers say nothing. */
	enum fs_status (*image)(void *ctx, uint64_t va, struct unwind_image *ret, bool *from_image,
				struct fs_error *err);
	/* Does va lie in a section that is executable? 1 yes, 0 no (also: in no image), -1: in an
	 * image whose section headers cannot be read. */
	int (*executable)(void *ctx, uint64_t va);
	/* Is va an address of kernel mode? */
	bool (*kernel)(void *ctx, uint64_t va);
};

/* The memory that a thread's kernel stack occupies, [low, high): one stretch, more when it was
 * expanded. Nothing else is ever taken for a stack. */
struct unwind_segment {
	uint64_t low, high;
};
struct unwind_stack {
	struct unwind_segment segment[UNWIND_SEGMENTS_MAX];
	size_t n;
	/* Where the thread began: a return address 0 ends the stack only within UNWIND_FIRST_BYTES
	 * below this, and in code of the image that starts threads. */
	uint64_t first;	      /* VA, InitialStack; 0: not known, then no 0 is its end */
	uint64_t first_image; /* base; 0: not known, any */
};
/* The first frames' own, and what nt keeps above them. */
#define UNWIND_FIRST_BYTES 0x400

bool unwind_is_on_stack(const struct unwind_stack *s, uint64_t va);

struct unwind; /* decoder and caches; one for many stacks */

/* FS_UNSUPPORTED, FS_NO_MEMORY. `mem` is copied. */
enum fs_status unwind_create(enum unwind_machine machine, const struct unwind_memory *mem,
			     struct unwind **ret, struct fs_error *err);
void unwind_destroy(struct unwind *u); /* NULL is fine */

/* How the caller of a frame was found. */
struct unwind_result {
	struct unwind_regs regs;
	uint64_t ret_at;  /* VA of the slot that held its ip; 0: a register did */
	uint64_t code_at; /* VA that must stand before the return address; 0: an interrupt */
	bool trap;	  /* through a machine or trap frame: ip is exact, not a return address */
	bool user;	  /* that frame says: user mode */
	bool from_image;  /* with bytes of an image file */
};

/*
 * One frame up. `exact`: regs->ip is where the processor stood, not a return address: only
 * there prologues, epilogues and leaf functions are possible.
 * FS_NOT_FOUND: no unwind data for ip (and no leaf). FS_NOT_IN_DUMP, FS_PAGED_OUT: unwind data,
 * code or stack are missing. FS_CORRUPT: they make no sense. FS_UNSUPPORTED: another version.
 */
enum fs_status unwind_step(struct unwind *u, const struct unwind_stack *stack,
			   const struct unwind_regs *regs, bool exact, struct unwind_result *ret,
			   struct fs_error *err);

/* Does a call end right before va? 1 yes, 0 no, -1: the bytes there are not known. */
int unwind_call_before(struct unwind *u, uint64_t va, bool *from_image);

/* Can va be where a call comes back to? A call stands before it, or a function begins there, or
 * its code cannot be read. */
bool unwind_is_call_site(struct unwind *u, uint64_t va);

struct unwind_frame {
	uint64_t ip, sp; /* VA */
	uint64_t ret;	 /* the caller's ip, or the address at which the walk ended */
	uint64_t ret_at; /* VA of the slot it was read from, 0: none */
	bool ret_known;
	enum fs_frame_how how;
	bool from_image; /* found with bytes of an image file */
	uint64_t function, function_end; /* VA of the function that ip is in, by .pdata; 0: in none */
};

struct unwind_trace {
	VEC(struct unwind_frame) frames; /* innermost first */
	enum fs_stack_end end;
	struct fs_error why;	 /* text empty when it ended as it should */
	size_t unverified_slots; /* stack slots that point into code which cannot be looked at */
};
void unwind_trace_deinit(struct unwind_trace *t);

struct unwind_start {
	struct unwind_regs regs;
	bool exact;   /* regs.ip is where the processor stood */
	bool no_ip;   /* only regs.sp is known: the first frame is found by a scan */
	bool no_scan; /* end where unwind data ends */
	size_t max;   /* frames; 0: UNWIND_FRAMES_MAX */
};

/* Only FS_NO_MEMORY: whatever else happens is told in the trace. */
enum fs_status unwind_walk(struct unwind *u, const struct unwind_stack *stack,
			   const struct unwind_start *start, struct unwind_trace *ret,
			   struct fs_error *err);

/* A return address of ARM64 without its pointer authentication code: bit 55 says which half
 * of the address space, 48 bits are the address (Arm ARM, "Pointer authentication"). */
uint64_t unwind_strip_pac(uint64_t va);

#endif
