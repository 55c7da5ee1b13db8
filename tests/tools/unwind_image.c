/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cursor.h"

static uint8_t *slurp(const char *path, size_t *ret)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = malloc(16 << 20);

	if (!f || !p) {
		perror(path);
		exit(2);
	}
	*ret = fread(p, 1, 16 << 20, f);
	(void)fclose(f);
	return p;
}

void test_image_load(struct test_image *t, const char *path, bool map)
{
	size_t size, i, n;
	uint8_t *file = slurp(path, &size), *pe = file + load_u32(file + 0x3c), *opt = pe + 24, *s;

	t->machine = load_u16(pe + 4);
	t->base = load_u64(opt + 24);
	t->size = load_u32(opt + 56);
	t->export_rva = load_u32(opt + 112);
	t->table_rva = load_u32(opt + 136);
	t->table_size = load_u32(opt + 140);
	t->nsections = load_u16(pe + 6);
	t->bytes =
		map ? mmap((void *)(uintptr_t)t->base, t->size, PROT_READ | PROT_WRITE | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)
		    : calloc(1, t->size);
	if (t->bytes == MAP_FAILED || !t->bytes || t->nsections > 16) {
		(void)fprintf(stderr, "%s: cannot be laid out\n", path);
		exit(2);
	}
	for (i = 0, s = opt + load_u16(pe + 20); i < t->nsections; i++, s += 40) {
		t->section[i].rva = load_u32(s + 12);
		t->section[i].size = load_u32(s + 8);
		t->section[i].code = load_u32(s + 36) & 0x20000000;
		n = load_u32(s + 16) < t->section[i].size ? load_u32(s + 16) : t->section[i].size;
		memcpy(t->bytes + t->section[i].rva, file + load_u32(s + 20), n);
	}
	if (t->export_rva)
		t->nexports = load_u32(t->bytes + t->export_rva + 24);
	free(file);
}

const char *test_image_export(const struct test_image *t, uint32_t i, uint64_t *ret_va)
{
	const uint8_t *d = t->bytes + t->export_rva, *b = t->bytes;
	uint32_t ordinal;

	if (i >= t->nexports)
		return NULL;
	ordinal = load_u16(b + load_u32(d + 36) + 2 * i);
	*ret_va = t->base + load_u32(b + load_u32(d + 28) + 4 * ordinal);
	return (const char *)b + load_u32(b + load_u32(d + 32) + 4 * i);
}

uint64_t test_image_symbol(const struct test_image *t, const char *name)
{
	const char *s;
	uint64_t va;
	uint32_t i;

	for (i = 0; (s = test_image_export(t, i, &va)) != NULL; i++)
		if (strcmp(s, name) == 0)
			return va;
	return 0;
}

static enum fs_status read_stack(void *ctx, uint64_t va, void *buf, size_t n, struct fs_error *err)
{
	const struct test_image *t = ctx;

	if (va < t->stack_low || va > t->stack_high || n > t->stack_high - va)
		return fs_fail_at(err, FS_NOT_IN_DUMP, va, "not the stack");
	if (t->read_stack)
		return t->read_stack(va, buf, n);
	memcpy(buf, (const void *)(uintptr_t)va, n);
	return FS_OK;
}

static enum fs_status read_image(void *ctx, uint64_t va, void *buf, size_t n, bool *from_image,
				 struct fs_error *err)
{
	const struct test_image *t = ctx;

	(void)from_image;
	if (va < t->base || va - t->base >= t->size)
		return fs_fail_at(err, FS_NOT_IN_DUMP, va, "not the image");
	if (n > t->size - (va - t->base)) {
		memcpy(buf, t->bytes + (va - t->base), t->size - (size_t)(va - t->base));
		return fs_fail_at(err, FS_NOT_IN_DUMP, t->base + t->size, "the image ends");
	}
	memcpy(buf, t->bytes + (va - t->base), n);
	return FS_OK;
}

static enum fs_status find_image(void *ctx, uint64_t va, struct unwind_image *ret, bool *from_image,
				 struct fs_error *err)
{
	const struct test_image *t = ctx;

	(void)from_image;
	if (va < t->base || va - t->base >= t->size)
		return fs_fail(err, FS_NOT_FOUND, "in no image");
	*ret = (struct unwind_image){t->base, t->size, t->table_rva, t->table_size};
	return FS_OK;
}

static int executable(void *ctx, uint64_t va)
{
	const struct test_image *t = ctx;
	uint32_t i;

	for (i = 0; i < t->nsections; i++)
		if (t->section[i].code && va >= t->base + t->section[i].rva &&
		    va - t->base - t->section[i].rva < t->section[i].size)
			return 1;
	return 0;
}

static bool is_kernel(void *ctx, uint64_t va)
{
	(void)ctx;
	return va >= 0x10000;
}

struct unwind_memory test_image_memory(struct test_image *t)
{
	return (struct unwind_memory){t, read_stack, read_image, find_image, executable, is_kernel};
}
