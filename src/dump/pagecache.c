/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/pagecache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"

enum fs_status dump_file_open(struct dump_file *f, const char *path, struct fs_error *err)
{
	struct stat st;

	/* A FIFO must not hang us before it is refused. */
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return fs_fail(err, FS_SYSTEM, "cannot open: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fs_fail(err, FS_CORRUPT, "expected a dump file, found a directory");
	if (!S_ISREG(st.st_mode))
		return fs_fail(err, FS_CORRUPT, "expected a dump file, found a device or pipe");
	f->size = (uint64_t)st.st_size;
	return FS_OK;
}

enum fs_status dump_file_read(struct dump_file *f, uint64_t off, void *buf, size_t n,
			      const char *what, struct fs_error *err)
{
	uint8_t *p = buf;
	size_t done = 0;

	if (!range_ok(off, n, f->size))
		return fs_fail(err, FS_NOT_IN_DUMP,
			       "%s: expected %zu bytes at file offset 0x%" PRIx64
			       ", the file ends at 0x%" PRIx64,
			       what, n, off, f->size);
	while (done < n) {
		ssize_t got = pread(f->fd, p + done, n - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		f->stats.reads++;
		if (got < 0)
			return fs_fail(err, FS_SYSTEM, "%s: read at file offset 0x%" PRIx64 ": %s",
				       what, off + done, strerror(errno));
		if (got == 0)
			return fs_fail(err, FS_SYSTEM,
				       "%s: read at file offset 0x%" PRIx64
				       ": the file had 0x%" PRIx64
				       " bytes when it was opened and is shorter now",
				       what, off + done, f->size);
		done += (size_t)got;
		f->stats.bytes_read += (uint64_t)got;
	}
	return FS_OK;
}

uint64_t dump_file_data(struct dump_file *f, uint64_t off)
{
	off_t at = off < f->size ? lseek(f->fd, (off_t)off, SEEK_DATA) : -1;

	if (at < 0)
		return off < f->size && errno == ENXIO ? f->size : off;
	return (uint64_t)at < f->size ? (uint64_t)at : f->size;
}

static uint8_t *page_of(const struct pagecache *c, size_t set, size_t way)
{
	return c->pages + (set * PAGECACHE_WAYS + way) * DUMP_PAGE_SIZE;
}

/* A free place, or the one that was used longest ago. */
static size_t victim_of(const struct pagecache *c, const struct pagecache_entry *e)
{
	size_t way, victim = 0;

	for (way = 0; way < PAGECACHE_WAYS; way++)
		/* Ages are differences, so that the clock may wrap. */
		if (e[way].len == 0 ||
		    (e[victim].len > 0 && c->clock - e[way].used > c->clock - e[victim].used))
			victim = way;
	return victim;
}

enum fs_status pagecache_get(struct pagecache *c, uint64_t key, pagecache_load load, void *ctx,
			     const uint8_t **ret_page, size_t *ret_len, struct fs_error *err)
{
	/* Fibonacci hashing: page offsets differ in few and regular bits. */
	size_t set = (size_t)((key * 0x9e3779b97f4a7c15ull) >> 57);
	struct pagecache_entry *e = c->entry[set];
	size_t way = 0;
	enum fs_status st;

	_Static_assert(PAGECACHE_SETS == 1u << (64 - 57), "the hash yields a set");
	if (!c->pages)
		c->pages = malloc((size_t)PAGECACHE_SETS * PAGECACHE_WAYS * DUMP_PAGE_SIZE);
	if (!c->pages)
		return fs_fail(err, FS_NO_MEMORY, "no memory for the page cache");
	while (way < PAGECACHE_WAYS && (e[way].len == 0 || e[way].key != key))
		way++;
	if (way == PAGECACHE_WAYS) {
		uint32_t len = 0;

		way = victim_of(c, e);
		/* The old page is gone as soon as its bytes are being overwritten. */
		e[way].len = 0;
		st = load(ctx, key, page_of(c, set, way), &len, err);
		if (st != FS_OK)
			return st;
		e[way].key = key;
		e[way].len = len;
	}
	e[way].used = c->clock++;
	*ret_page = page_of(c, set, way);
	*ret_len = e[way].len;
	return FS_OK;
}

void pagecache_deinit(struct pagecache *c)
{
	free(c->pages);
	c->pages = NULL;
}

/* By file offset, below the file's size. */
static enum fs_status load_file(void *ctx, uint64_t off, uint8_t *page, uint32_t *ret_len,
				struct fs_error *err)
{
	struct dump_file *f = ctx;
	uint64_t left = f->size - off;
	uint32_t len = left < DUMP_PAGE_SIZE ? (uint32_t)left : DUMP_PAGE_SIZE;
	enum fs_status st = dump_file_read(f, off, page, len, "page", err);

	if (st != FS_OK)
		return st;
	f->stats.pages++;
	*ret_len = len;
	return FS_OK;
}

enum fs_status dump_cached_read(struct dump_file *f, uint64_t page_off, size_t in, void *buf,
				size_t n, size_t *ret_have, struct fs_error *err)
{
	const uint8_t *page = NULL;
	size_t len = 0;
	enum fs_status st;

	if (page_off < f->size) {
		st = pagecache_get(&f->cache, page_off, load_file, f, &page, &len, err);
		if (st != FS_OK)
			return st;
	}
	if (!page || !range_ok(in, n, len)) {
		if (ret_have)
			*ret_have = in < len ? len - in : 0;
		return fs_fail(err, FS_NOT_IN_DUMP,
			       "%zu bytes at file offset 0x%" PRIx64
			       " are past the end of the file (0x%" PRIx64 " bytes)",
			       n, page_off + in, f->size);
	}
	memcpy(buf, page + in, n);
	return FS_OK;
}

void dump_file_deinit(struct dump_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	pagecache_deinit(&f->cache);
}
