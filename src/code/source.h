/* SPDX-License-Identifier: BSD-2-Clause */
/* Where code bytes come from: a dump's memory, or an image that the caller holds. */
#ifndef CODE_SOURCE_H
#define CODE_SOURCE_H

#include "code/insn.h"

struct vm;

struct code_source {
	enum insn_machine machine;
	/* vm_read's contract: on failure err->address is the first VA not read, and the
	 * bytes before it are in buf. */
	enum fs_status (*read)(void *ctx, uint64_t va, void *buf, size_t n, struct fs_error *err);
	void *ctx;
	/* Where a function may have code, [begin, end): its image. A branch out of it is a call. */
	uint64_t begin, end; /* VA */
};

/* FS_UNSUPPORTED for a machine that is not disassembled. The vm must outlive the source. */
enum fs_status code_source_vm(struct vm *vm, uint64_t begin, uint64_t end, struct code_source *ret,
			      struct fs_error *err);

/* Is anything of an instruction at va there? To be asked before a decoder is made: most dumps hold
 * no such code, and need no disassembler. Fails as code_decode does. */
enum fs_status code_readable(const struct code_source *s, uint64_t va, struct fs_error *err);

/* Read and decode the instruction at va. Fails when it cannot be read whole. */
enum fs_status code_decode(const struct code_source *s, struct insn_decoder *d, uint64_t va,
			   struct insn *ret, struct fs_error *err);

#endif
