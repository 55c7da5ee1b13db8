/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file behind a dump and a bounded cache of its pages. Only pread: a file
 * that is cut or vanishes while being read must be an error, never a SIGBUS,
 * and never zeros.
 */
#ifndef DUMP_PAGECACHE_H
#define DUMP_PAGECACHE_H

#include <stddef.h>
#include <stdint.h>

#include "dump/dump.h"

/* 512 pages are 2 MiB: page tables of a walk and the objects around it stay. */
#define PAGECACHE_SETS 128u
#define PAGECACHE_WAYS 4u

struct pagecache_entry {
	uint64_t key;
	uint32_t len; /* valid bytes; 0: empty. Less than a page only at the end of the file */
	uint32_t used;
};

/* Zero-initialise. */
struct pagecache {
	uint32_t clock;
	struct pagecache_entry entry[PAGECACHE_SETS][PAGECACHE_WAYS];
	uint8_t *pages; /* made at the first read */
};

/* Fill `page` (DUMP_PAGE_SIZE bytes); *ret_len is how many of them are valid, 1 or more. */
typedef enum fs_status (*pagecache_load)(void *ctx, uint64_t key, uint8_t *page, uint32_t *ret_len,
					 struct fs_error *err);
/* The page of this key, loaded when it is not there; *ret_page is valid until the next call. */
enum fs_status pagecache_get(struct pagecache *c, uint64_t key, pagecache_load load, void *ctx,
			     const uint8_t **ret_page, size_t *ret_len, struct fs_error *err);
void pagecache_deinit(struct pagecache *c);

struct dump_file {
	int fd;
	uint64_t size; /* bytes, when opened */
	struct dump_stats stats;
	struct pagecache cache; /* by file offset */
};

/* A regular file into a zeroed f. Also after a failure: dump_file_deinit. FS_SYSTEM: cannot be
 * opened; FS_CORRUPT: a directory, a device, a pipe. */
enum fs_status dump_file_open(struct dump_file *f, const char *path, struct fs_error *err);

/* Copy exactly n bytes at file offset off. FS_NOT_IN_DUMP when the file ends
 * before, FS_SYSTEM when it fails or got shorter since it was opened. The error
 * has the file offset in its text, not as its address. */
enum fs_status dump_file_read(struct dump_file *f, uint64_t off, void *buf, size_t n,
			      const char *what, struct fs_error *err);

/* The first offset from off on that is no hole of a sparse file; the file's size when there is
 * none, off where the file system does not tell. */
uint64_t dump_file_data(struct dump_file *f, uint64_t off);

/* Copy n bytes out of the page whose DUMP_PAGE_SIZE bytes begin at page_off;
 * in + n is at most a page. *ret_have is how many bytes of the page, from
 * `in`, can be had when the file ends inside it (FS_NOT_IN_DUMP); may be NULL.
 * Pages are known by page_off alone: use one set of page_off for a file. */
enum fs_status dump_cached_read(struct dump_file *f, uint64_t page_off, size_t in, void *buf,
				size_t n, size_t *ret_have, struct fs_error *err);

void dump_file_deinit(struct dump_file *f);

#endif
