/* SPDX-License-Identifier: BSD-2-Clause */
/* What waiters.c and resources.c share. */
#ifndef NT_WAITERS_H
#define NT_WAITERS_H

#include "base/vec.h"
#include "nt/look.h"

/* A range of addresses and the waiting thread whose stack it is. */
struct stack_range {
	uint64_t limit, base;
	int32_t thread;
};

struct waiters {
	struct nt_look *k;
	VEC(struct stack_range) stacks; /* of waiting threads, ascending */
	size_t left;			/* bytes of stacks that may still be searched */
};

/* The waiting thread on whose stack va lies; -1 none. */
int32_t waiters_stack_of(const struct waiters *w, uint64_t va);
/* Owners and waiters of the model's lock. */
void waiters_look_at(struct waiters *w, size_t lock);
/* The resources of others that a thread waits for. */
void nt_other_locks(struct waiters *w);

#endif
