/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes, threads, processors, what threads wait for and their kernel stacks.
 * Part of the model (model.h): plain data, owned by the handle. Names are those of
 * nt's PDB (_EPROCESS, _KTHREAD, _KWAIT_BLOCK, _KPRCB) and of WinDbg's !thread.
 */
#ifndef FLTSCOPE_THREADS_H
#define FLTSCOPE_THREADS_H

#include "fltscope/holders.h"
#include "fltscope/value.h"

/* One object that a thread waits for: a KWAIT_BLOCK of KTHREAD.WaitBlockList. */
struct fs_wait {
	uint64_t address;	    /* KWAIT_BLOCK */
	struct fs_value wait_type;  /* WAIT_TYPE (wdm.h): of several objects, all or any */
	const char *wait_type_name; /* "WaitAll", "WaitAny" …; NULL: not known */
	struct fs_value object;	    /* VA of the DISPATCHER_HEADER */
	struct fs_value type;	    /* DISPATCHER_HEADER.Type (KOBJECTS) */
	const char *kind;	    /* "NotificationEvent", "Mutant" …; NULL: not known */
	struct fs_value signal_state;
	struct fs_value owner; /* of a mutant: KMUTANT.OwnerThread */
	int32_t owner_thread;  /* index of it, -1 */
	int32_t thread;	       /* the object is this thread itself, -1 */
};

/* How a frame was found. Scanned frames and those of a chain of frame pointers are guesses, however
 * well checked: some may be missing between them, and a scanned one may be stale. */
enum fs_frame_how {
	FS_FRAME_CONTEXT, /* where the thread stands: registers, switch or trap frame */
	FS_FRAME_UNWOUND, /* by the image's unwind data */
	FS_FRAME_TRAP,	  /* through a machine or trap frame */
	FS_FRAME_SCANNED, /* a stack slot whose value follows a call instruction */
	FS_FRAME_POINTER, /* x86: a return address behind the EBP that was saved, checked likewise
			   */
};

/* One frame, innermost first, with WinDbg's columns. */
struct fs_stack_frame {
	uint64_t sp;	     /* Child-SP, VA */
	struct fs_code ip;   /* call site: where this frame's function continues */
	struct fs_value ret; /* RetAddr; `at` is the stack slot it was read from */
	enum fs_frame_how how;
	bool from_image; /* found with bytes of an image file (-i), not of the dump alone */
	/* [function, function_end): the function that ip is in, by the image's unwind data; 0: that
	 * is not known */
	uint64_t function, function_end;
};
static inline bool fs_frame_is_guess(const struct fs_stack_frame *f)
{
	return f->how == FS_FRAME_SCANNED || f->how == FS_FRAME_POINTER;
}
/* May a verdict rest on this frame? Neither a guess nor somebody's file. */
static inline bool fs_frame_proves(const struct fs_stack_frame *f)
{
	return !fs_frame_is_guess(f) && !f->from_image;
}

enum fs_stack_end {
	FS_STACK_NOT_LOOKED,
	FS_STACK_BOTTOM,     /* the thread's first frame was reached */
	FS_STACK_USER,	     /* user mode was reached */
	FS_STACK_UNREADABLE, /* stack or unwind data not in the dump */
	FS_STACK_BROKEN,     /* the stack or the unwind data make no sense from here */
	FS_STACK_LIMIT,
	FS_STACK_RUNNING, /* it runs on a processor whose registers are not in the dump */
};

struct fs_stack {
	struct fs_stack_frame *frame; /* innermost first */
	size_t n;
	enum fs_stack_end end;
	const char *why; /* a sentence when it ends early, NULL */
	/* Slots that point into a module whose code is not there to tell a return address by:
	 * what a scan passed over. */
	size_t unverified;
};

struct fs_thread {
	uint64_t address; /* ETHREAD, which begins with its KTHREAD */
	int32_t process;  /* index, -1 */
	struct fs_value process_pointer, pid, tid;
	struct fs_value state;	       /* KTHREAD_STATE */
	const char *state_name;	       /* "Running", "Waiting" … NULL: not known */
	struct fs_value wait_reason;   /* KWAIT_REASON; means something while it waits */
	const char *wait_reason_name;  /* "Executive", "WrRundown" … NULL: not known */
	struct fs_value wait_mode;     /* 0 kernel, 1 user */
	struct fs_value wait_time;     /* tick count when the wait began */
	struct fs_value waiting_ticks; /* how long it has waited, in ticks; FS_NONE without the
					* tick count, or when that is before WaitTime */
	/* Times: FILETIME. exit_time: of a Terminated thread; while it lives the kernel has
	 * KeyedWaitChain in its place. */
	struct fs_value context_switches, priority, create_time, exit_time;
	struct fs_value base_priority, kernel_time, user_time; /* times: ticks it has run */
	struct fs_value win32_thread;
	struct fs_code start, win32_start; /* StartAddress, Win32StartAddress */
	/* VA: InitialStack and StackBase are the high end, StackLimit the low one. */
	struct fs_value initial_stack, stack_base, stack_limit, kernel_stack, trap_frame, teb;
	int32_t processor; /* that it runs on, -1 */
	struct fs_wait *waits;
	size_t nwaits;
	enum fs_looked waits_looked; /* WHOLE also for a thread that does not wait */
	struct fs_stack stack;
	bool by_process, by_processor; /* how it was reached; neither: an address led to it */
};
/* KTHREAD_STATE (ntddk.h, nt's PDB) */
#define FS_THREAD_READY		 1u
#define FS_THREAD_RUNNING	 2u
#define FS_THREAD_STANDBY	 3u
#define FS_THREAD_TERMINATED	 4u
#define FS_THREAD_WAITING	 5u
#define FS_THREAD_DEFERRED_READY 7u

struct fs_process {
	uint64_t address;	/* EPROCESS */
	struct fs_string image; /* ImageFileName or the longer SeAuditProcessCreationInfo name */
	struct fs_value pid, parent_pid, session, create_time,
		exit_time; /* FILETIME; exit 0: lives */
	struct fs_value directory_table_base, peb, object_table, handle_count, exit_status;
	struct fs_value image_file;    /* FILE_OBJECT of the image */
	struct fs_value commit_charge; /* pages */
	size_t *threads;	       /* indices, in ThreadListHead order */
	size_t nthreads;
	enum fs_stop threads_stop;
	int32_t threads_gap;
	bool by_list; /* on PsActiveProcessHead; else a thread led to it */
};

struct fs_processor {
	uint32_t number;
	uint64_t prcb; /* VA of the KPRCB */
	struct fs_value current_thread, next_thread, idle_thread;
	int32_t thread; /* index of the current one, -1 */
	bool idle;	/* it runs its idle thread */
};

/* Index of the thread whose kernel stack holds va (StackLimit <= va < StackBase), or
 * -1. Two threads that claim the same memory: -1. */
struct fs_model;
int32_t fs_thread_of_stack(const struct fs_model *m, uint64_t va);
/* Is it the idle thread of a processor, which runs it? No driver is called on it. */
bool fs_thread_is_idle(const struct fs_model *m, size_t thread);
/* By its address; -1. */
int32_t fs_thread_at(const struct fs_model *m, uint64_t address);
/* Does it wait for this object (a DISPATCHER_HEADER's VA)? The wait block, or NULL. */
const struct fs_wait *fs_thread_waits_for(const struct fs_thread *t, uint64_t object);
/* Of a thread that waits for several objects: "all" of them, or "any" of them, as every one of
 * its wait blocks says; NULL: not known, or neither. */
const char *fs_thread_waits_for_which(const struct fs_thread *t);
const char *fs_thread_state_name(uint64_t state);     /* KTHREAD_STATE; NULL unknown */
const char *fs_stack_end_name(enum fs_stack_end end); /* "bottom", "user" … */

#endif
