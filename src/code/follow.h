/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Follow the values of a function along its paths, without running it: which
 * address a register was loaded from, what is compared with what, what a call is
 * given. For recover.c, which knows what a Filter Manager function does with them.
 *
 * A value is a base plus an offset. The bases are what is known about where a value
 * comes from; a value whose origin is lost is UNKNOWN and says nothing. One rule is
 * made for linked lists: what a LIST_ENTRY's first field points to is, as an origin,
 * the same as the LIST_ENTRY itself, when that one was loaded too. So every element of
 * a list has the origin "loaded from the head".
 *
 * Everything is bounded: origins, nesting, paths, steps. Code that runs into a bound
 * is reported as incomplete.
 */
#ifndef CODE_FOLLOW_H
#define CODE_FOLLOW_H

#include "code/source.h"

enum {
	FOLLOW_UNKNOWN,
	FOLLOW_CONST, /* the offset is the value */
	FOLLOW_BYTE,  /* the same, of which only the low byte is known */
	FOLLOW_STACK, /* the stack pointer at entry */
	FOLLOW_ARG,   /* and the next three: the first four arguments */
	FOLLOW_FIRST = FOLLOW_ARG + 4,
	FOLLOW_ORIGINS = 256,
	FOLLOW_MAX_NESTING = 6, /* loads of loads of … */
	FOLLOW_MAX_STEPS = 20000,
	FOLLOW_MAX_PATHS = 1000,
	FOLLOW_SLOTS = 24, /* stack slots remembered */
	FOLLOW_FACTS = 4,
	FOLLOW_MARKS = 4,
};

struct follow_value {
	unsigned origin;
	int64_t off;
	uint64_t at; /* VA of the instruction that made it; 0: there from the beginning */
};

/* Origins from FOLLOW_FIRST on. */
struct follow_origin {
	bool is_result;	 /* what the call at `va` returned */
	unsigned parent; /* else: loaded (8 bytes) from parent + off */
	int64_t off;
	uint64_t va;
	unsigned nesting;
};

enum follow_kind {
	FOLLOW_LOAD,	/* a: the address that is read */
	FOLLOW_STORE,	/* a: the address, b: what is stored there; never the stack */
	FOLLOW_COMPARE, /* a with b, 8 bytes wide */
	FOLLOW_EQUAL,	/* this path goes on where a == b, 8 bytes wide */
	FOLLOW_CALL,	/* arg; `target` when direct; `result` is the origin of what it returns */
	FOLLOW_SIGN,	/* this path goes on where a, 32 bits wide, is negative, or is not */
	FOLLOW_RETURN,	/* a: what is returned (32 bits wide), or UNKNOWN after a tail call */
};

struct follow_event {
	enum follow_kind kind;
	uint64_t va;
	struct follow_value a, b, arg[4];
	uint64_t target;
	unsigned result;
	bool negative;
};

struct follow_result {
	bool complete;				     /* every path was followed to its end */
	struct fs_error why;			     /* when not complete: the first reason */
	struct follow_origin origin[FOLLOW_ORIGINS]; /* those below FOLLOW_FIRST are empty */
	unsigned origins;
};

/* Called for everything that happens on a path, in its order. `mark` belongs to the path:
 * zero at entry, the observer's to write. False ends the path. */
typedef bool (*follow_observer)(void *ctx, const struct follow_result *r,
				const struct follow_event *e, unsigned mark[FOLLOW_MARKS]);

/* From the function's entry; `ret` is filled in any case. FS_OK also when incomplete;
 * FS_UNSUPPORTED for x86 (its arguments are not in registers), FS_NO_MEMORY, or why the
 * first instruction could not be read. */
enum fs_status follow_function(const struct code_source *s, uint64_t entry, follow_observer observe,
			       void *ctx, struct follow_result *ret, struct fs_error *err);

#endif
