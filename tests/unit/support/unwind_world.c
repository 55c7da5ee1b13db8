/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/unwind_world.h"

#include <string.h>

#include "base/cursor.h"
#include "support/test.h"

static enum fs_status copy(uint64_t va, uint64_t base, const uint8_t *from, size_t have, void *buf,
			   size_t n, struct fs_error *err)
{
	size_t at, got;

	if (va < base || va - base >= have)
		return fs_fail_at(err, FS_NOT_IN_DUMP, va, "0x%llx is not in the dump",
				  (unsigned long long)va);
	at = (size_t)(va - base);
	got = n < have - at ? n : have - at;
	memcpy(buf, from + at, got);
	return got == n ? FS_OK
			: fs_fail_at(err, FS_NOT_IN_DUMP, base + have,
				     "the rest is not in the dump");
}

static enum fs_status read_stack(void *ctx, uint64_t va, void *buf, size_t n, struct fs_error *err)
{
	struct uw *w = ctx;

	if (va >= UW_OTHER)
		return copy(va, UW_OTHER, w->other, sizeof(w->other), buf, n, err);
	return copy(va, UW_STACK, w->stack, w->stack_bytes, buf, n, err);
}

static enum fs_status read_image(void *ctx, uint64_t va, void *buf, size_t n, bool *from_image,
				 struct fs_error *err)
{
	struct uw *w = ctx;

	(void)from_image;
	return copy(va, UW_BASE, w->image, w->readable, buf, n, err);
}

static enum fs_status find_image(void *ctx, uint64_t va, struct unwind_image *ret, bool *from_image,
				 struct fs_error *err)
{
	struct uw *w = ctx;

	(void)from_image;
	if (va < UW_BASE || va - UW_BASE >= UW_IMAGE)
		return fs_fail(err, FS_NOT_FOUND, "in no image");
	if (w->no_sections)
		return fs_fail(err, FS_NOT_IN_DUMP, "its headers are not in the dump");
	*ret = (struct unwind_image){UW_BASE, UW_IMAGE, UW_TABLE,
				     w->nfunctions * (w->machine == UNWIND_X64 ? 12u : 8u)};
	return FS_OK;
}

static int executable(void *ctx, uint64_t va)
{
	struct uw *w = ctx;

	if (va < UW_BASE || va - UW_BASE >= UW_IMAGE)
		return 0;
	if (w->no_sections)
		return -1;
	return va - UW_BASE >= UW_CODE && va - UW_BASE < UW_CODE + UW_CODE_SIZE;
}

static bool is_kernel(void *ctx, uint64_t va)
{
	(void)ctx;
	return va >> 47 == 0x1ffff;
}

void uw_again(struct uw *w)
{
	struct unwind_memory mem = {w, read_stack, read_image, find_image, executable, is_kernel};

	unwind_destroy(w->u);
	w->u = NULL;
	assert_int_equal(unwind_create(w->machine, &mem, &w->u, NULL), FS_OK);
}

void uw_init(struct uw *w, enum unwind_machine machine)
{
	static const uint8_t call[5] = {0xe8, 0, 0, 0, 0};
	static const uint8_t bl[4] = {0, 0, 0, 0x94};
	uint32_t at;

	memset(w, 0, sizeof(*w));
	w->machine = machine;
	w->readable = UW_IMAGE;
	w->stack_bytes = UW_STACK_SIZE;
	w->info_at = UW_INFO;
	memset(w->image + UW_CODE, 0xcc, UW_CODE_SIZE);
	for (at = UW_CODE + 0x20; at < UW_CODE + UW_CODE_SIZE; at += 0x20)
		if (machine == UNWIND_X64)
			uw_put(w, at - (uint32_t)sizeof(call), call, sizeof(call));
		else
			uw_put(w, at - (uint32_t)sizeof(bl), bl, sizeof(bl));
	w->segments.segment[0] = (struct unwind_segment){UW_STACK, UW_STACK + UW_STACK_SIZE};
	w->segments.n = 1;
	w->segments.first = UW_STACK + UW_FIRST;
	w->segments.first_image = UW_BASE;
	uw_again(w);
}

void uw_deinit(struct uw *w)
{
	unwind_destroy(w->u);
}

void uw_put(struct uw *w, uint32_t rva, const void *bytes, size_t n)
{
	assert_true(rva + n <= UW_IMAGE);
	memcpy(w->image + rva, bytes, n);
}

void uw_entry(struct uw *w, uint32_t begin, uint32_t second, uint32_t third)
{
	uint32_t e[3] = {begin, second, third};
	size_t n = w->machine == UNWIND_X64 ? 12 : 8;

	uw_put(w, UW_TABLE + (uint32_t)n * w->nfunctions++, e, n);
}

uint32_t uw_function(struct uw *w, uint32_t begin, uint32_t end, const void *info, size_t n)
{
	uint32_t at = w->info_at;

	uw_put(w, at, info, n);
	w->info_at = (at + (uint32_t)n + 3) & ~3u;
	uw_entry(w, begin, end, at);
	return at;
}

void uw_slot(struct uw *w, uint64_t va, uint64_t value)
{
	uint8_t *to = va >= UW_OTHER ? w->other + (va - UW_OTHER) : w->stack + (va - UW_STACK);

	memcpy(to, &value, sizeof(value));
}

uint64_t uw_call(uint32_t rva)
{
	return UW_BASE + UW_CODE + (rva & ~0x1fu);
}

struct unwind_trace uw_walk(struct uw *w, uint64_t ip, uint64_t sp, bool exact)
{
	struct unwind_start start = {.regs = {.ip = ip, .sp = sp}, .exact = exact};
	struct unwind_trace t;

	assert_int_equal(unwind_walk(w->u, &w->segments, &start, &t, NULL), FS_OK);
	return t;
}
