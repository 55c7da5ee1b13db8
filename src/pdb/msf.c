/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The container: MSF 7.00, a file of equal blocks that holds numbered streams.
 *
 * Superblock and stream directory as in LLVM's "The MSF File Format". One thing
 * is from Microsoft's microsoft-pdb (union BIGMSF_HDR): from offset 52 on the
 * superblock has a *list* of blocks that hold the directory's block numbers, of
 * which LLVM knows the first only; a directory of more than block_size / 4 blocks
 * has several. The free block maps say what a writer may reuse and are not read.
 */
#include "pdb/impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"

enum {
	MAGIC_SIZE = 32,
	MAP_LIST_AT = 52,
	BLOCK_SIZE_MIN = 512,
	BLOCK_SIZE_MAX = 65536,
	STREAMS_MAX = 65536,
	CACHE_BYTES = 256 * 1024,
	CACHE_SLOTS_MIN = 16,
	CACHE_SLOTS_MAX = 128,
};

static const char magic_7[MAGIC_SIZE] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
					"DS\0\0";
static const char magic_2[] = "Microsoft C/C++ program database 2.00\r\n\x1a"
			      "JG";

static enum fs_status read_file(struct pdb *p, uint64_t off, void *buf, size_t n,
				struct fs_error *err)
{
	uint8_t *to = buf;
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(p->msf.fd, to + done, n - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fs_fail(err, FS_SYSTEM, "%s: reading %zu bytes at 0x%llx: %s",
				       p->name, n, (unsigned long long)off, strerror(errno));
		if (got == 0)
			return fs_fail(err, FS_CORRUPT,
				       "%s: the file ends at 0x%llx while 0x%zx bytes at 0x%llx "
				       "are read; did it shrink?",
				       p->name, (unsigned long long)(off + done), n,
				       (unsigned long long)off);
		done += (size_t)got;
		p->msf.cost.reads++;
		p->msf.cost.bytes += (uint64_t)got;
	}
	return FS_OK;
}

static enum fs_status no_memory(struct pdb *p, struct fs_error *err)
{
	return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", p->name);
}

/* A block by number, from the cache; least recently used goes first. */
static enum fs_status cached_block(struct pdb *p, uint32_t number, const uint8_t **ret,
				   struct fs_error *err)
{
	struct msf *m = &p->msf;
	struct msf_block *oldest = &m->cache[0];
	enum fs_status st;

	for (uint32_t i = 0; i < m->cache_n; i++) {
		struct msf_block *b = &m->cache[i];

		if (b->used && b->number == number) {
			b->used = ++m->clock;
			*ret = b->data;
			return FS_OK;
		}
		if (b->used < oldest->used)
			oldest = b;
	}
	if (!oldest->data) {
		oldest->data = malloc(m->block_size);
		if (!oldest->data)
			return no_memory(p, err);
	}
	oldest->used = 0;
	st = read_file(p, (uint64_t)number * m->block_size, oldest->data, m->block_size, err);
	if (st)
		return st;
	oldest->number = number;
	oldest->used = ++m->clock;
	*ret = oldest->data;
	return FS_OK;
}

static enum fs_status check_block(struct pdb *p, uint32_t block, const char *of,
				  struct fs_error *err)
{
	if (block < p->msf.blocks)
		return FS_OK;
	return fs_fail(err, FS_CORRUPT, "%s: %s is said to lie in block %u, the file has %u",
		       p->name, of, block, p->msf.blocks);
}

/* Copy n bytes at `off` of the directory. */
static enum fs_status read_directory(struct pdb *p, uint64_t off, void *buf, size_t n,
				     struct fs_error *err)
{
	struct msf *m = &p->msf;
	uint8_t *to = buf;

	if (!range_ok(off, n, m->dir_size))
		return fs_fail(err, FS_CORRUPT,
			       "%s: stream directory: expected %zu bytes at 0x%llx, it has 0x%x",
			       p->name, n, (unsigned long long)off, m->dir_size);
	while (n) {
		uint64_t entry = off / m->block_size * 4;
		uint32_t in = (uint32_t)(off % m->block_size), block;
		size_t part = m->block_size - in;
		const uint8_t *data;
		enum fs_status st;

		st = cached_block(p, m->map[entry / m->block_size], &data, err);
		if (st)
			return st;
		block = load_u32(data + entry % m->block_size);
		st = check_block(p, block, "a part of the stream directory", err);
		if (!st)
			st = cached_block(p, block, &data, err);
		if (st)
			return st;
		if (part > n)
			part = n;
		memcpy(to, data + in, part);
		to += part;
		off += part;
		n -= part;
	}
	return FS_OK;
}

bool msf_has(const struct pdb *p, uint32_t stream)
{
	return stream < p->msf.streams_n;
}

uint32_t msf_size(const struct pdb *p, uint32_t stream)
{
	return msf_has(p, stream) ? p->msf.streams[stream].size : 0;
}

static enum fs_status stream_block(struct pdb *p, uint32_t stream, uint64_t i, uint32_t *ret,
				   const char *what, struct fs_error *err)
{
	struct msf *m = &p->msf;
	uint8_t b[4];
	enum fs_status st;

	if (m->has_last && m->last_stream == stream && m->last_i == i) {
		*ret = m->last_block;
		return FS_OK;
	}
	st = read_directory(p, m->streams[stream].list_at + i * 4, b, sizeof(b), err);
	if (st)
		return st;
	st = check_block(p, load_u32(b), what, err);
	if (st)
		return st;
	m->has_last = true;
	m->last_stream = stream;
	m->last_i = i;
	m->last_block = *ret = load_u32(b);
	return FS_OK;
}

/* How many blocks from `first` on lie one after the other in the file? At most `max`. */
static enum fs_status run_length(struct pdb *p, uint32_t stream, uint64_t i, uint32_t first,
				 uint64_t max, uint64_t *ret, const char *what,
				 struct fs_error *err)
{
	uint64_t n = 1;

	while (n < max) {
		uint32_t next;
		enum fs_status st = stream_block(p, stream, i + n, &next, what, err);

		if (st)
			return st;
		if (next != first + n)
			break;
		n++;
	}
	*ret = n;
	return FS_OK;
}

enum fs_status msf_read(struct pdb *p, uint32_t stream, uint64_t off, void *buf, size_t n,
			const char *what, struct fs_error *err)
{
	const uint32_t bs = p->msf.block_size;
	uint8_t *to = buf;

	if (!msf_has(p, stream))
		return fs_fail(err, FS_CORRUPT, "%s: %s: stream %u does not exist, there are %u",
			       p->name, what, stream, p->msf.streams_n);
	if (!range_ok(off, n, msf_size(p, stream)))
		return fs_fail(err, FS_CORRUPT,
			       "%s: %s: expected %zu bytes at 0x%llx of stream %u, it has 0x%x",
			       p->name, what, n, (unsigned long long)off, stream,
			       msf_size(p, stream));
	while (n) {
		uint64_t i = off / bs, run;
		uint32_t in = (uint32_t)(off % bs), block;
		size_t part = bs - in;
		const uint8_t *data;
		enum fs_status st = stream_block(p, stream, i, &block, what, err);

		if (st)
			return st;
		if (in == 0 && n >= 2 * (size_t)bs) {
			st = run_length(p, stream, i, block, n / bs, &run, what, err);
			if (st)
				return st;
			part = (size_t)run * bs;
			st = read_file(p, (uint64_t)block * bs, to, part, err);
		} else {
			part = part < n ? part : n;
			st = cached_block(p, block, &data, err);
			if (!st)
				memcpy(to, data + in, part);
		}
		if (st)
			return st;
		to += part;
		off += part;
		n -= part;
	}
	return FS_OK;
}

enum fs_status msf_load(struct pdb *p, uint32_t stream, uint64_t off, size_t n, const char *what,
			uint8_t **ret, struct fs_error *err)
{
	uint8_t *mem;
	enum fs_status st;

	/* before the allocation: a size from the file is worth what the stream has */
	if (!range_ok(off, n, msf_size(p, stream)))
		return fs_fail(err, FS_CORRUPT,
			       "%s: %s: expected %zu bytes at 0x%llx of stream %u, it has 0x%x",
			       p->name, what, n, (unsigned long long)off, stream,
			       msf_size(p, stream));
	if (n == 0) {
		*ret = NULL;
		return FS_OK;
	}
	mem = malloc(n);
	if (!mem)
		return no_memory(p, err);
	st = msf_read(p, stream, off, mem, n, what, err);
	if (st) {
		free(mem);
		return st;
	}
	*ret = mem;
	return FS_OK;
}

/* What else people hand over. */
static enum fs_status refuse_magic(struct pdb *p, const uint8_t *b, size_t n, struct fs_error *err)
{
	if (n == 0)
		return fs_fail(err, FS_UNSUPPORTED, "%s: the file is empty", p->name);
	if (n >= sizeof(magic_2) - 1 && memcmp(b, magic_2, sizeof(magic_2) - 1) == 0)
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s: a program database of format 2.00 (Visual C++ 6 and before); "
			       "only format 7.00 is read",
			       p->name);
	if (n >= 4 && memcmp(b, "BSJB", 4) == 0)
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s: a portable PDB of .NET, which describes no native types",
			       p->name);
	if (n >= 4 && memcmp(b, "MSCF", 4) == 0)
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s: a cabinet, so this is a compressed PDB: expand it first",
			       p->name);
	if (n >= MAGIC_SIZE - 4 && memcmp(b, magic_7, 24) == 0)
		return fs_fail(err, FS_CORRUPT,
			       "%s: the file begins like a PDB of format 7.00 but its signature is "
			       "damaged or cut off",
			       p->name);
	return fs_fail(err, FS_UNSUPPORTED, "%s: not a PDB: it does not begin with \"%.24s\"",
		       p->name, magic_7);
}

static enum fs_status check_superblock(struct pdb *p, const uint8_t *b, size_t n,
				       struct fs_error *err)
{
	struct msf *m = &p->msf;

	if (n < MAGIC_SIZE || memcmp(b, magic_7, MAGIC_SIZE) != 0)
		return refuse_magic(p, b, n, err);
	if (n < MAP_LIST_AT + 4)
		return fs_fail(err, FS_CORRUPT, "%s: %zu bytes are too few for a superblock",
			       p->name, n);
	m->block_size = load_u32(b + 32);
	m->blocks = load_u32(b + 40);
	m->dir_size = load_u32(b + 44);
	if (m->block_size < BLOCK_SIZE_MIN || m->block_size > BLOCK_SIZE_MAX ||
	    (m->block_size & (m->block_size - 1)) != 0)
		return fs_fail(err, FS_CORRUPT,
			       "%s: superblock: block size %u, expected a power of two from %d to "
			       "%d",
			       p->name, m->block_size, BLOCK_SIZE_MIN, BLOCK_SIZE_MAX);
	if ((uint64_t)m->blocks * m->block_size > m->file_size)
		return fs_fail(err, FS_CORRUPT,
			       "%s: cut off: %u blocks of %u bytes are expected, that is 0x%llx; "
			       "the file has 0x%llx",
			       p->name, m->blocks, m->block_size,
			       (unsigned long long)m->blocks * m->block_size,
			       (unsigned long long)m->file_size);
	if (m->dir_size < 4 || m->dir_size > (uint64_t)m->blocks * m->block_size)
		return fs_fail(err, FS_CORRUPT,
			       "%s: superblock: a stream directory of 0x%x bytes in a file of %u "
			       "blocks",
			       p->name, m->dir_size, m->blocks);
	return FS_OK;
}

static enum fs_status read_map(struct pdb *p, struct fs_error *err)
{
	struct msf *m = &p->msf;
	uint64_t dir_blocks = (m->dir_size + (uint64_t)m->block_size - 1) / m->block_size;
	uint64_t n = (dir_blocks * 4 + m->block_size - 1) / m->block_size;
	const uint8_t *b;
	enum fs_status st;

	if (m->blocks == 0 || n > (m->block_size - MAP_LIST_AT) / 4)
		return fs_fail(err, FS_CORRUPT,
			       "%s: superblock: the directory's 0x%llx block numbers need %llu "
			       "blocks, there is room to name %u",
			       p->name, (unsigned long long)dir_blocks, (unsigned long long)n,
			       (m->block_size - MAP_LIST_AT) / 4);
	m->map = calloc((size_t)n, sizeof(*m->map));
	if (!m->map)
		return no_memory(p, err);
	m->map_n = (uint32_t)n;
	st = cached_block(p, 0, &b, err);
	for (uint32_t i = 0; !st && i < m->map_n; i++) {
		m->map[i] = load_u32(b + MAP_LIST_AT + 4 * (size_t)i);
		st = check_block(p, m->map[i], "the list of the directory's blocks", err);
	}
	return st;
}

static enum fs_status read_streams(struct pdb *p, struct fs_error *err)
{
	struct msf *m = &p->msf;
	uint64_t lists;
	uint8_t b[4];
	enum fs_status st = read_directory(p, 0, b, sizeof(b), err);

	if (st)
		return st;
	m->streams_n = load_u32(b);
	if (m->streams_n > STREAMS_MAX || !range_ok(4, (uint64_t)m->streams_n * 4, m->dir_size)) {
		uint32_t n = m->streams_n;

		m->streams_n = 0;
		return fs_fail(err, FS_CORRUPT,
			       "%s: stream directory: %u streams in a directory of 0x%x bytes",
			       p->name, n, m->dir_size);
	}
	m->streams = calloc((size_t)m->streams_n + 1, sizeof(*m->streams));
	if (!m->streams)
		return no_memory(p, err);
	lists = 4 + (uint64_t)m->streams_n * 4;
	for (uint32_t i = 0; i < m->streams_n; i++) {
		uint64_t blocks;

		st = read_directory(p, 4 + (uint64_t)i * 4, b, sizeof(b), err);
		if (st)
			return st;
		/* all ones: a nil stream, deleted or never written */
		m->streams[i].size = load_u32(b) == UINT32_MAX ? 0 : load_u32(b);
		blocks = (m->streams[i].size + (uint64_t)m->block_size - 1) / m->block_size;
		if (blocks > m->blocks || !range_ok(lists, blocks * 4, m->dir_size))
			return fs_fail(err, FS_CORRUPT,
				       "%s: stream directory: stream %u of 0x%x bytes has no room "
				       "for its block list",
				       p->name, i, m->streams[i].size);
		m->streams[i].list_at = (uint32_t)lists;
		lists += blocks * 4;
	}
	return FS_OK;
}

enum fs_status msf_open(struct pdb *p, struct fs_error *err)
{
	struct msf *m = &p->msf;
	uint8_t head[MAP_LIST_AT + 4] = {0};
	struct stat sb;
	size_t n;
	enum fs_status st;

	if (fstat(m->fd, &sb) < 0)
		return fs_fail(err, FS_SYSTEM, "%s: %s", p->name, strerror(errno));
	if (!S_ISREG(sb.st_mode))
		return fs_fail(err, FS_INVALID, "%s: not a regular file", p->name);
	m->file_size = (uint64_t)sb.st_size;
	n = m->file_size < sizeof(head) ? (size_t)m->file_size : sizeof(head);
	st = read_file(p, 0, head, n, err);
	if (!st)
		st = check_superblock(p, head, n, err);
	if (st)
		return st;
	m->cache_n = CACHE_BYTES / m->block_size;
	if (m->cache_n < CACHE_SLOTS_MIN)
		m->cache_n = CACHE_SLOTS_MIN;
	if (m->cache_n > CACHE_SLOTS_MAX)
		m->cache_n = CACHE_SLOTS_MAX;
	m->cache = calloc(m->cache_n, sizeof(*m->cache));
	if (!m->cache)
		return no_memory(p, err);
	st = read_map(p, err);
	if (!st)
		st = read_streams(p, err);
	return st;
}

void msf_close(struct msf *m)
{
	for (uint32_t i = 0; m->cache && i < m->cache_n; i++)
		free(m->cache[i].data);
	free(m->cache);
	free(m->map);
	free(m->streams);
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}
