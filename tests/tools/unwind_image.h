/* SPDX-License-Identifier: BSD-2-Clause */
/* An image for Windows in this process's memory, for the tests of the unwinder. */
#ifndef UNWIND_IMAGE_H
#define UNWIND_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind/unwind.h"

struct test_image {
	uint8_t *bytes; /* laid out as in memory */
	uint64_t base;	/* where it thinks it is; `mapped`: and where bytes is */
	uint32_t size, nexports, nsections;
	uint16_t machine;
	uint32_t table_rva, table_size, export_rva;
	struct {
		uint32_t rva, size;
		bool code;
	} section[16];
	/* the stack of who runs in it */
	uint64_t stack_low, stack_high;
	enum fs_status (*read_stack)(uint64_t va, void *buf, size_t n);
};

/* Exits with a message when it cannot. `map`: at its base, executable. */
void test_image_load(struct test_image *t, const char *path, bool map);
/* NULL past the last. */
const char *test_image_export(const struct test_image *t, uint32_t i, uint64_t *ret_va);
uint64_t test_image_symbol(const struct test_image *t, const char *name); /* 0: none */
struct unwind_memory test_image_memory(struct test_image *t);

#endif
