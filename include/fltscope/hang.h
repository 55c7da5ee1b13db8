/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads inside a filter: their kernel stack passes through fltmgr into the image of a
 * minifilter, or of another driver that fltmgr called.
 */
#ifndef FLTSCOPE_HANG_H
#define FLTSCOPE_HANG_H

#include "fltscope/model.h"

struct fltscope;

/* The operation that the Filter Manager passes on: found as a pointer on its own part of the
 * thread's stack, to an IRP that names this thread. */
struct fs_hang_operation {
	uint64_t irp, at;	     /* VA of the IRP; of the slot; 0: none was found */
	struct fs_value major;	     /* IRP_MJ_*, of the IRP's current stack location */
	struct fs_value file_object; /* VA */
	struct fs_string file_name;
};

#define FS_HANG_IRPS 4

enum fs_hang_call {
	FS_HANG_CALLBACK,
	FS_HANG_PRE,
	FS_HANG_POST,
	FS_HANG_OWN, /* none: the filter's own code called fltmgr, and waits there */
};

/* The rundown that a thread waits for, as an unload does: its wait block has the event. */
struct fs_hang_rundown {
	uint64_t address; /* of the object; 0: it waits for none that is known */
	const char *of;	  /* "FLT_FILTER", "FLT_INSTANCE" … */
	int32_t filter;	  /* whose it is, -1 */
	bool unload;	  /* and that filter is DRAINING */
};

struct fs_hang_thread {
	size_t thread;		/* index */
	size_t called;		/* index of the frame that fltmgr called (FS_HANG_OWN: that called it) */
	size_t blocked;		/* of the innermost frame that is not the kernel's */
	int32_t module;		/* index of the module that fltmgr called */
	int32_t blocked_in;	/* of the module of `blocked` */
	int32_t inner;		/* of the innermost module that fltmgr called on this stack */
	int32_t filter;		/* FLT_FILTER whose callbacks lie in `module`; -1 not a known one */
	enum fs_hang_call call; /* by the name of fltmgr's function, where it is known */
	bool waits;		/* KTHREAD.State is Waiting */
	bool proved;		/* every frame up to fltmgr is unwound by the dump's own data */
	struct fs_code object;	/* the first object it waits for, where it lies */
	struct fs_hang_rundown rundown;
	const struct fs_lock *lock; /* that it waits for, NULL; the model's */
	/* irp 0 also when several different IRPs of the thread's lie there: which of them is left
	 * over from an earlier call, the stack does not say. Then they are in `possible`. */
	struct fs_hang_operation operation;
	struct fs_hang_operation possible[FS_HANG_IRPS];
	size_t npossible;
};

/* In the order of the model's threads; a thread stands once under each driver that it passes
 * through, the innermost first. */
struct fs_hang {
	struct fs_hang_thread *v;
	size_t n;
};

/* Where a stack passes from fltmgr into another driver: the innermost such place at or above frame
 * `from`. Where fltmgr called nobody, the place at which a filter's own code called fltmgr and
 * waits. False: neither. Fills what depends on the model alone. */
bool fs_hang_next(const struct fs_model *m, size_t thread, size_t from,
		  struct fs_hang_thread *ret);
/* The innermost one. */
bool fs_hang_of(const struct fs_model *m, size_t thread, struct fs_hang_thread *ret);

/* All of them; walks the stacks (fltscope_stacks). *ret lives until fltscope_close. */
enum fs_status fltscope_hang(struct fltscope *fs, struct fs_hang *ret, struct fs_error *err);

#endif
