/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one way to take little-endian values out of a byte block. A read never
 * advances on failure; `prev` is where the last successful read began, so that
 * a later semantic error can point at the value.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

struct cursor {
	const uint8_t *data;
	size_t size;
	size_t pos;
	size_t prev;
	uint64_t base;    /* file offset or VA of data[0], for messages */
	const char *what; /* names the block in messages */
};

void cursor_init(struct cursor *c, const void *data, size_t size, uint64_t base, const char *what);
enum fs_status cursor_seek(struct cursor *c, size_t pos, struct fs_error *err);
enum fs_status cursor_skip(struct cursor *c, size_t n, struct fs_error *err);
enum fs_status cursor_u8(struct cursor *c, uint8_t *ret, struct fs_error *err);
enum fs_status cursor_u16(struct cursor *c, uint16_t *ret, struct fs_error *err);
enum fs_status cursor_u32(struct cursor *c, uint32_t *ret, struct fs_error *err);
enum fs_status cursor_u64(struct cursor *c, uint64_t *ret, struct fs_error *err);
enum fs_status cursor_bytes(struct cursor *c, void *ret, size_t n, struct fs_error *err);
/* Borrow n bytes in place; valid as long as the block. */
enum fs_status cursor_view(struct cursor *c, size_t n, const uint8_t **ret, struct fs_error *err);

/* Unchecked little-endian loads for bytes that are known to be there. */
static inline uint16_t load_u16(const void *p)
{
	const uint8_t *b = p;
	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t load_u32(const void *p)
{
	const uint8_t *b = p;
	return (uint32_t)load_u16(b) | (uint32_t)load_u16(b + 2) << 16;
}

static inline uint64_t load_u64(const void *p)
{
	const uint8_t *b = p;
	return (uint64_t)load_u32(b) | (uint64_t)load_u32(b + 4) << 32;
}

#endif
