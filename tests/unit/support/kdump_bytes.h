/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kdump-compressed file made byte by byte: offsets of makedumpfile's disk_dump_header and
 * kdump_sub_header as numbers, not taken from the reader. Pages of 4096 bytes, one block of
 * sub header, two blocks of bitmaps: the second bitmap is at 0x3000, descriptors at 0x4000.
 */
#ifndef SUPPORT_KDUMP_BYTES_H
#define SUPPORT_KDUMP_BYTES_H

#include "support/dump_bytes.h"

#define KD_SUB	       0x1000u
#define KD_EXISTING    0x2000u
#define KD_BITMAP      0x3000u
#define KD_DESCRIPTORS 0x4000u

/* Version 6, x86_64, bitmaps of `bits` pages, none set. */
void kd_header(struct bytes *b, uint64_t bits);
/* Set the bit of a page in both bitmaps, as QEMU does. Ascending: descriptors are in the order of the bits. */
void kd_bit(struct bytes *b, uint64_t pfn);
void kd_descriptor(struct bytes *b, size_t i, uint64_t off, uint32_t size, uint32_t flags);
/* Pages by PFN, each u64 its own address; the i-th compressed with method[i % n]; stored
 * where compressing does not help. */
void kd_pages(struct bytes *b, const uint64_t *pfn, size_t n, const uint32_t *method,
	      size_t nmethods);
/* src in makedumpfile's flattened form, in records of `piece` bytes. */
void kd_flatten(struct bytes *b, const struct bytes *src, size_t piece);

#endif
