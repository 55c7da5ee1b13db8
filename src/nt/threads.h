/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nt's processes, threads, processors, waits and ERESOURCEs into the model
 * (fltscope/threads.h, fltscope/locks.h).
 *
 * A look is one pass over all of it: create, read in the order below, finish, free.
 * Nothing of it fails but for want of memory: what cannot be read is a gap, a
 * list that breaks says how (threads_stop), and fs_model.threads_looked tells how far
 * it went.
 */
#ifndef NT_THREADS_H
#define NT_THREADS_H

#include "model/build.h"
#include "module/module.h"
#include "read/object.h"

/* Where nt's lists begin; 0: not known. VAs. */
struct nt_sites {
	uint64_t process_head;	    /* PsActiveProcessHead */
	uint64_t processor_block;   /* KiProcessorBlock: an array of KPRCB pointers */
	uint32_t processors;	    /* how many of them count; 0 not known */
	uint64_t tick_count;	    /* KeTickCount */
	uint64_t maximum_increment; /* KeMaximumIncrement: u32, 100 ns in a tick */
	/* Of a triage dump: what it stored about the processor that crashed. */
	uint64_t current_thread;
	uint32_t current_processor;
	bool current_processor_known;
	/* The nt layout is this image's own, so its offsets need no proof. */
	bool exact;
	/* The nt layout is of another machine: what nothing confirms is not reported at all. */
	bool foreign;
};

struct nt_look;
/* NULL when out of memory. Everything borrowed outlives the look. Owner: nt_look_free. */
struct nt_look *nt_look_create(const struct reader *r, const struct modules *m,
			       struct model_builder *b, const struct nt_sites *sites);
void nt_look_free(struct nt_look *k); /* NULL is fine */

/* Every KPRCB, and the threads that run. */
void nt_read_processors(struct nt_look *k);
/* PsActiveProcessHead and each process's threads. */
void nt_read_processes(struct nt_look *k);
/* The thread at an address, read when it is new: its index, -1 when it is none (gap). */
int32_t nt_reach_thread(struct nt_look *k, uint64_t va);
/* Threads that wait for a dispatcher object (VA), by its list of wait blocks. */
void nt_reach_waiters(struct nt_look *k, uint64_t object);

/* Which lock, for fs_lock. `what` is static. */
struct nt_lock_place {
	const char *what;
	enum fs_lock_of of;
	size_t index;
	bool keep; /* also when nobody owns it or waits for it */
};
/* The ERESOURCE at va, with its owners; threads are not read for it. False: it could not be
 * read (a gap only when place->keep). One that nobody owns or waits for is read, but not kept. */
bool nt_read_lock(struct nt_look *k, uint64_t va, const struct nt_lock_place *place);
/* Owners' threads, reached when they were not; who waits for the locks of the model. Needs
 * the threads. */
void nt_finish_locks(struct nt_look *k);
/* What needs all threads: processes of lone threads, who a mutant's owner is, how long waits last,
 * the proof of nt's offsets. Sets threads_looked and threads_why. */
void nt_finish_threads(struct nt_look *k);

#endif
