/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bug check: what its parameters mean, and the records that they point to. Source of the
 * meanings: Microsoft's "Bug Check Code Reference". What is not documented has no name here.
 */
#ifndef FLTSCOPE_CRASH_H
#define FLTSCOPE_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/value.h"

enum fs_argument_kind {
	FS_ARG_PLAIN,		 /* a number, an address of data, or reserved */
	FS_ARG_EXCEPTION_CODE,	 /* an NTSTATUS */
	FS_ARG_INSTRUCTION,	 /* the instruction that faulted; 0 where it is not known */
	FS_ARG_CODE,		 /* an address in code that did not fault itself */
	FS_ARG_EXCEPTION_RECORD, /* EXCEPTION_RECORD */
	FS_ARG_CONTEXT,		 /* CONTEXT */
	FS_ARG_TRAP_FRAME,	 /* KTRAP_FRAME */
};
struct fs_argument {
	const char *name; /* "exception code"; "reserved" */
	enum fs_argument_kind kind;
};
/* What the four parameters of a bug check mean, where some depend on the first; 0x1000007e as
 * 0x7e. NULL: not in the table. `ret_sure` (may be NULL): false where the records stand there
 * only if an exception led to the bug check. */
const struct fs_argument *fs_bugcheck_arguments(uint64_t code, uint64_t parameter1, bool *ret_sure);
/* "STATUS_ACCESS_VIOLATION" of ntstatus.h, of the codes that exceptions have; NULL. */
const char *fs_exception_name(uint64_t code);

/* EXCEPTION_RECORD of winnt.h. */
struct fs_exception {
	uint64_t record; /* VA; 0: no parameter points to one */
	struct fs_value code, flags;
	struct fs_code at;	      /* ExceptionAddress */
	struct fs_value parameter[2]; /* of an access violation: operation, address */
	const char *misfit; /* NULL; else a sentence: it is not what the parameters tell of */
};
/* Where registers say a thread stood. */
struct fs_stood {
	uint64_t record; /* VA; 0: no parameter points to one */
	struct fs_code instruction;
	struct fs_value stack_pointer;
};
struct fs_crash {
	const struct fs_argument *argument; /* four, NULL when not known */
	struct fs_code argument_code[4];    /* of those that are addresses of code */
	struct fs_exception exception;
	struct fs_stood context, trap_frame;
	/* The instruction that faulted, and what says so: "exception record", "trap frame",
	 * "context record", "argument 4"; NULL: the bug check tells of none. */
	struct fs_code fault;
	const char *fault_by;
};

#endif
