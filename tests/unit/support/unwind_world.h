/* SPDX-License-Identifier: BSD-2-Clause */
/* One small image and a stack, for the unwinder's tests: what is in them is written by hand. */
#ifndef SUPPORT_UNWIND_WORLD_H
#define SUPPORT_UNWIND_WORLD_H

#include "unwind/unwind.h"

#define UW_BASE	 0xfffff80000000000ull
#define UW_STACK 0xffffb30800000000ull /* low end of the first stretch */
#define UW_OTHER 0xffffb30800100000ull /* of a second one */
enum {
	UW_IMAGE = 0x4000,
	UW_CODE = 0x1000, /* RVA of the executable section */
	UW_CODE_SIZE = 0x1000,
	UW_TABLE = 0x2000, /* RVA of .pdata */
	UW_INFO = 0x2800,  /* RVA where UNWIND_INFOs are put */
	UW_STACK_SIZE = 0x2000,
	UW_FIRST = 0x500, /* where the thread began, from the stack's low end */
};

struct uw {
	uint8_t image[UW_IMAGE], stack[UW_STACK_SIZE], other[UW_STACK_SIZE];
	uint32_t readable;    /* bytes of the image that can be read */
	uint32_t stack_bytes; /* of the stack, from its low end */
	uint32_t nfunctions, info_at;
	bool no_sections; /* its headers cannot be read */
	enum unwind_machine machine;
	struct unwind_stack segments;
	struct unwind *u;
};

/* Code is int 3 with a call that ends at every 0x20 (ARM64: bl). */
void uw_init(struct uw *w, enum unwind_machine machine);
void uw_deinit(struct uw *w);
void uw_put(struct uw *w, uint32_t rva, const void *bytes, size_t n);
/* x64: a function with the given UNWIND_INFO bytes; its RVA. In ascending order of `begin`. */
uint32_t uw_function(struct uw *w, uint32_t begin, uint32_t end, const void *info, size_t n);
void uw_entry(struct uw *w, uint32_t begin, uint32_t second, uint32_t third);
void uw_slot(struct uw *w, uint64_t va, uint64_t value);
/* A return address: behind the call at UW_CODE + rva's multiple of 0x20. */
uint64_t uw_call(uint32_t rva);
/* Walks from ip and sp; the trace is the caller's. */
struct unwind_trace uw_walk(struct uw *w, uint64_t ip, uint64_t sp, bool exact);
/* Forget what was read: after the image was changed. */
void uw_again(struct uw *w);

#endif
