/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory as a container's table of segments lists it (unsorted, overlapping,
 * of any length), made into sorted stretches. Private to src/dump.
 */
#ifndef DUMP_SEGMENTS_H
#define DUMP_SEGMENTS_H

#include "base/vec.h"
#include "dump/format.h"

/* After joining what adjoins; QEMU's paging dumps list every mapping, yet join to a few. */
#define SEGMENTS_MAX (1u << 19)
/* More copies of one address than this are not compared: it is not readable. */
#define SEGMENT_COPIES 4u
/* x64 and ARM64 physical addresses have at most 52 bits. */
#define SEGMENT_PA_LIMIT (1ull << 52)

struct segment {
	uint64_t pa;
	uint64_t size; /* bytes; pa + size is at most SEGMENT_PA_LIMIT */
	uint64_t off;  /* file offset, off + size does not wrap; it may be past the file's end */
};

struct segment_part {
	uint64_t pa, size;
	uint32_t copy, ncopies; /* indices into copies; 0: more than SEGMENT_COPIES */
};

/* Zero-initialise. */
struct segments {
	VEC(struct segment) in;
	size_t join_at;		       /* join when so many are there */
	VEC(struct segment_part) part; /* sorted by PA, disjoint */
	VEC(uint64_t) copies;	       /* file offsets of a part's first byte */
	bool overlap;		       /* an address is held at two places of the file */
};

/* One more; size 0 is nothing. FS_CORRUPT past the limits above, FS_LIMIT past SEGMENTS_MAX. */
enum fs_status segments_add(struct segments *s, const struct segment *seg, struct fs_error *err);
/* After the last add: O(n log n). *ret_bytes: how many addresses there are. */
enum fs_status segments_build(struct segments *s, uint64_t *ret_bytes, struct fs_error *err);
void segments_deinit(struct segments *s);

/* dump_format.read_phys over segments. Copies that the file still has must agree. */
enum fs_status segments_read(const struct segments *s, struct dump *d, uint64_t pa, void *buf,
			     size_t n, struct fs_error *err);

/* dump_format.next_page over segments. */
uint64_t segments_next_page(const struct segments *s, const struct dump *d, uint64_t pfn);
/* dump_format.run over segments: false where an address has two places. */
bool segments_run(const struct segments *s, const struct dump *d, uint64_t pfn, uint64_t *ret_off,
		  uint64_t *ret_pages);

#endif
