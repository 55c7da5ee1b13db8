/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads and what hangs on them in a fake dump, read with a shipped layout of nt. Every offset
 * that is written is literal: public PDB type sets of 7601, 14393 and 19041.
 */
#ifndef SUPPORT_THREAD_WORLD_H
#define SUPPORT_THREAD_WORLD_H

#include "nt/threads.h"
#include "support/fakedump.h"

#define TW_HEAD	   0xfffff80000001000ull /* PsActiveProcessHead */
#define TW_BLOCK   0xfffff80000001100ull /* KiProcessorBlock */
#define TW_SYSTEM  0xffffa00000010040ull /* EPROCESS */
#define TW_OTHER   0xffffa00000012040ull
#define TW_THREAD  0xffffa00000020080ull /* ETHREADs, each on pages of its own */
#define TW_THREAD2 0xffffa00000022080ull
#define TW_THREAD3 0xffffa00000024080ull
#define TW_STACK   0xffffb00000008000ull /* StackBase of the first; 0x8000 further on each */
#define TW_STACK2  0xffffb00000010000ull
#define TW_STACK3  0xffffb00000018000ull
#define TW_EVENT   0xffffa00000030010ull
#define TW_LOCK	   0xffffa00000040018ull

/* Offsets that the builds have in different places. */
struct tw_offsets {
	unsigned stack_base, kernel_stack, state, wait_reason, wait_list, wait_count, process;
	unsigned links, pid, image, tid, thread_head, thread_entry, block, block_thread,
		block_object;
};

struct thread_world {
	struct fakedump *d;
	struct vm *vm;
	struct layout *nt;
	struct reader r;
	struct fs_model model;
	struct arena arena;
	struct model_builder b;
	struct nt_sites sites;
	struct nt_look *k; /* after tw_begin */
	const struct tw_offsets *o;
};

/* "nt/19041-x64.layout", with an empty list of processes. */
void tw_make(struct thread_world *w, const char *layout);
void tw_free(struct thread_world *w);

/* On the lists' ends. */
void tw_process(struct thread_world *w, uint64_t va, uint64_t pid, const char *name);
void tw_thread(struct thread_world *w, uint64_t va, uint64_t process, uint64_t tid, uint64_t stack);
/* LIST_ENTRY before the head. */
void tw_append(struct thread_world *w, uint64_t head, uint64_t link);
/* A DISPATCHER_HEADER that nobody waits for. */
void tw_object(struct thread_world *w, uint64_t va, uint8_t type);
/* The thread waits for an object with its i-th block, of n in all. */
void tw_wait(struct thread_world *w, uint64_t thread, unsigned i, unsigned n, uint64_t object);

/* System with two threads and another process with one, which waits for TW_EVENT. */
void tw_three(struct thread_world *w);

/* Once the memory is written: everything is read as the session does. */
void tw_begin(struct thread_world *w);
void tw_read(struct thread_world *w);
const struct fs_thread *tw_at(const struct thread_world *w,
			      uint64_t va); /* fails the test when it is not there */

#endif
