/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind_dump IMAGE: what the unwinder reads of each function's data, in the words of
 * llvm-readobj --unwind, for tests/tools/check_unwind.py to compare.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "unwind/impl.h"
#include "unwind_image.h"

static void x64_function(struct unwind *u, const struct unwind_image *image, struct function f)
{
	static const char *const ops[] = {"PUSH_NONVOL",     "ALLOC_LARGE",   "ALLOC_SMALL",
					  "SET_FPREG",	     "SAVE_NONVOL",   "SAVE_NONVOL_FAR",
					  "EPILOG",	     "SPARE",	      "SAVE_XMM128",
					  "SAVE_XMM128_FAR", "PUSH_MACHFRAME"};
	const struct x64_info *x = NULL;
	struct fs_error err = {0};
	unsigned i;

	printf("function %x %x %x\n", f.begin, f.end, f.data);
	if (x64_info_read(u, image, &f, &x, &err) != FS_OK) {
		printf("error %s\n", err.text);
		return;
	}
	printf("info %u %u %u %u %u\n", x->version, x->flags, x->prolog, x->frame_reg,
	       x->frame_offset);
	for (i = 0; i < x->nops; i++)
		printf("op %x %s %u %u\n", x->op[i].at, ops[x->op[i].op], x->op[i].reg,
		       x->op[i].value);
	if (x->flags & X64_CHAINED)
		printf("chained %x %x %x\n", x->parent.begin, x->parent.end, x->parent.data);
}

static void pair(const char *op, char kind, unsigned reg, unsigned n, const char *second,
		 unsigned offset, bool moves, bool epilog)
{
	printf("%s %c%u, ", op, kind, reg);
	if (n == 2 && second)
		printf("%s, ", second);
	else if (n == 2)
		printf("%c%u, ", kind, reg + 1);
	if (!moves)
		printf("[sp, #%u]\n", offset);
	else if (epilog)
		printf("[sp], #%u\n", offset);
	else
		printf("[sp, #-%u]!\n", offset);
}

static void arm64_two(const uint8_t *p, bool e)
{
	unsigned w = (unsigned)p[0] << 8 | p[1], z6 = (w & 63) * 8, z5 = (w & 31) * 8;
	unsigned x6 = w >> 6, x5 = w >> 5;
	const char *two = e ? "ldp" : "stp", *one = e ? "ldr" : "str";

	if (p[0] <= 0xc7)
		printf("%s sp, #%u\n", e ? "add" : "sub", (w & 0x7ff) * 16);
	else if (p[0] <= 0xcb)
		pair(two, 'x', 19 + (x6 & 15), 2, NULL, z6, false, e);
	else if (p[0] <= 0xcf)
		pair(two, 'x', 19 + (x6 & 15), 2, NULL, z6 + 8, true, e);
	else if (p[0] <= 0xd3)
		pair(one, 'x', 19 + (x6 & 15), 1, NULL, z6, false, e);
	else if (p[0] <= 0xd5)
		pair(one, 'x', 19 + (x5 & 15), 1, NULL, z5 + 8, true, e);
	else if (p[0] <= 0xd7)
		pair(two, 'x', 19 + 2 * (x6 & 7), 2, "lr", z6, false, e);
	else if (p[0] <= 0xd9)
		pair(two, 'd', 8 + (x6 & 7), 2, NULL, z6, false, e);
	else if (p[0] <= 0xdb)
		pair(two, 'd', 8 + (x6 & 7), 2, NULL, z6 + 8, true, e);
	else if (p[0] <= 0xdd)
		pair(one, 'd', 8 + (x6 & 7), 1, NULL, z6, false, e);
	else
		pair(one, 'd', 8 + (x5 & 7), 1, NULL, z5 + 8, true, e);
}

static void arm64_code(const uint8_t *p, bool e)
{
	const char *two = e ? "ldp" : "stp";

	if (p[0] <= 0x1f)
		printf("%s sp, #%u\n", e ? "add" : "sub", p[0] * 16u);
	else if (p[0] <= 0x3f)
		pair(two, 'x', 19, 2, NULL, (p[0] & 31) * 8u, true, e);
	else if (p[0] <= 0x7f)
		pair(two, 'x', 29, 2, NULL, (p[0] & 63) * 8u, false, e);
	else if (p[0] <= 0xbf)
		pair(two, 'x', 29, 2, NULL, (p[0] & 63) * 8u + 8, true, e);
	else if (p[0] <= 0xdf)
		arm64_two(p, e);
	else if (p[0] == 0xe0)
		printf("%s sp, #%u\n", e ? "add" : "sub",
		       ((unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3]) * 16);
	else if (p[0] == 0xe1)
		puts(e ? "mov sp, fp" : "mov fp, sp");
	else if (p[0] == 0xe2)
		printf(e ? "sub sp, fp, #%u\n" : "add fp, sp, #%u\n", p[1] * 8u);
	else if (p[0] >= 0xe3 && p[0] <= 0xe6)
		puts(((const char *const[]){"nop", "end", "end_c", "save next"})[p[0] - 0xe3]);
	else
		printf("code %02x\n", p[0]);
}

static void arm64_codes(const struct arm64_info *x, uint32_t at, const char *what, bool epilog)
{
	printf("%s\n", what);
	while (at < x->nbytes) {
		arm64_code(x->code + at, epilog);
		if (x->code[at] == 0xe4 || x->code[at] == 0xe5)
			break;
		at += arm64_code_size(x->code[at]);
	}
}

static void arm64_function(struct unwind *u, const struct unwind_image *image, struct function f)
{
	static struct arm64_info x;
	struct fs_error err = {0};
	uint32_t i, scope;
	uint8_t b[4];

	printf("function %x\n", f.begin);
	if (arm64_info_read(u, image, &f, &x, &err) != FS_OK) {
		printf("error %s\n", err.text);
		return;
	}
	printf("length %u\n", x.length * 4);
	arm64_codes(&x, 0, "prologue", false);
	if (x.single_epilog && !(f.data & 3))
		printf("epilogue at %u\n", x.epilog_index);
	for (i = 0; i < x.nscopes; i++) {
		if (unwind_bytes(u, x.scopes_va + 4 * i, b, 4, NULL) != FS_OK)
			exit(2);
		scope = load_u32(b);
		printf("scope %u %u\n", scope & 0x3ffff, scope >> 22);
		arm64_codes(&x, scope >> 22, "epilogue", true);
	}
}

int main(int argc, char **argv)
{
	static struct test_image t;
	struct unwind_memory mem = test_image_memory(&t);
	struct unwind_image image;
	struct unwind *u = NULL;
	bool arm64;
	uint32_t i, step;

	if (argc != 2)
		return 2;
	test_image_load(&t, argv[1], false);
	arm64 = t.machine == 0xaa64;
	step = arm64 ? 8 : 12;
	if (unwind_create(arm64 ? UNWIND_ARM64 : UNWIND_X64, &mem, &u, NULL) != FS_OK)
		return 2;
	image = (struct unwind_image){t.base, t.size, t.table_rva, t.table_size};
	for (i = 0; i + step <= t.table_size; i += step) {
		const uint8_t *e = t.bytes + t.table_rva + i;

		if (arm64)
			arm64_function(u, &image,
				       (struct function){load_u32(e), 0, load_u32(e + 4)});
		else
			x64_function(
				u, &image,
				(struct function){load_u32(e), load_u32(e + 4), load_u32(e + 8)});
	}
	unwind_destroy(u);
	free(t.bytes);
	return 0;
}
