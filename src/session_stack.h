/* SPDX-License-Identifier: BSD-2-Clause */
/* What session_stack.c and session_stack_thread.c share. */
#ifndef SESSION_STACK_H
#define SESSION_STACK_H

#include "fltscope/registers.h"
#include "module/module.h"
#include "session.h"
#include "unwind/unwind.h"

/* Of one module, read when it is first asked for. */
struct stack_image {
	bool tried, from_image;
	enum fs_status status;
	struct pe *pe; /* in the session's arena */
};

/* Names of places are looked up once: threads wait in few of them. */
struct stack_name {
	uint64_t ip; /* 0: free */
	struct fs_code code;
};

struct session_stacks {
	struct fltscope *fs;
	struct unwind *unwind;
	struct stack_image *image; /* as fs->modules.list */
	struct stack_name *names;  /* open addressing; capacity a power of two */
	size_t nnames, names_cap;
	bool files; /* image files may help */
};

/* The unwinder, with image files or by the dump alone. FS_UNSUPPORTED: not for this machine. */
enum fs_status session_unwinder(struct fltscope *fs, bool files, struct fs_error *err);
/* Which names: those of other images or of servers may be known by now. */
void session_stack_forget(struct fltscope *fs);
/* An address with its name. */
struct fs_code session_stack_code(struct fltscope *fs, uint64_t ip);

/* session_stack_thread.c: one thread's, by the unwinder at hand. Only FS_NO_MEMORY. */
enum fs_status session_walk_thread(struct fltscope *fs, size_t thread, struct fs_error *err);
enum fs_status session_walk_context(struct fltscope *fs, const uint8_t *context, size_t n,
				    struct fs_stack *ret, struct fs_error *err);
/* The registers of a CONTEXT. False: it has none, or they are of another machine. */
bool session_context_regs(const struct fltscope *fs, const uint8_t *b, size_t n,
			  struct unwind_regs *ret);
/* From registers; interrupted: the thread whose stack it goes on with behind an interrupt's. */
enum fs_status session_walk_regs(struct fltscope *fs, const struct unwind_regs *regs,
				 int32_t interrupted, struct fs_stack *ret, struct fs_error *err);
#define CONTEXT_BYTES 0x390 /* of what is looked at, all machines */
/* What the processor of this KPRCB stored of itself when the system was stopped; b has
 * CONTEXT_BYTES. False: it is not known, or not in the dump. */
bool session_stored_context(struct fltscope *fs, uint64_t prcb, uint8_t *b);

/* session_cpu.c: processors by the container's registers. */
enum fs_cpu_mode session_cpu_mode(const struct fltscope *fs, const struct dump_cpu *c);
/* False: not in kernel mode, or not known. */
bool session_cpu_regs(const struct fltscope *fs, const struct dump_cpu *c, struct unwind_regs *ret);
/* Is it the processor with this KPRCB? By its GS bases, of x86 FS'. */
enum session_whose { CPU_NOT_KNOWN, CPU_ITS, CPU_ANOTHERS };
enum session_whose session_cpu_whose(const struct fltscope *fs, const struct dump_cpu *c,
				     uint64_t prcb);
/* Of this dump's machine: x86's CONTEXT is shorter. */
size_t session_context_bytes(const struct fltscope *fs);

#endif
