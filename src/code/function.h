/* SPDX-License-Identifier: BSD-2-Clause */
/* The instructions that belong to a function, as `uf` lists them. */
#ifndef CODE_FUNCTION_H
#define CODE_FUNCTION_H

#include "base/vec.h"
#include "code/source.h"

#define CODE_MAX_INSNS 20000
/* How far an unconditional jump may go when the function's bounds are not known: one that
 * goes further, or backwards past the entry, is taken for a call in tail position. */
#define CODE_NEAR 0x1000 /* bytes */

struct code_line {
	uint64_t va;
	unsigned size; /* bytes */
};

struct code_function {
	VEC(struct code_line) lines; /* ascending by VA; gaps are other functions or data */
	bool complete;		     /* false: unreadable code, or the bound */
	struct fs_error why;	     /* when not complete: the first reason */
};
void code_function_deinit(struct code_function *fn);

/*
 * Follow the code from `entry`: straight on, and along branches that stay within
 * [begin, end), the function's bounds (both 0: not known). A conditional branch is followed
 * out of the bounds too: compilers put rarely used parts of a function elsewhere in the
 * image. Every address once. `ret` is zero-initialised by the caller and deinited in any
 * case. Fails only when the first instruction cannot be read, or without memory.
 */
enum fs_status code_function_walk(const struct code_source *s, uint64_t entry, uint64_t begin,
				  uint64_t end, struct code_function *ret, struct fs_error *err);

#endif
