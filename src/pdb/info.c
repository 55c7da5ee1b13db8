/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening and closing; the info stream: who this PDB is, and its named streams.
 * Offsets: LLVM's "The PDB Info Stream" and "The PDB Serialized Hash Table Format".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/str.h"
#include "pdb/impl.h"

enum {
	INFO_HEADER = 28,
	INFO_MAX = 1 << 20, /* bytes read of it; real ones have a few hundred */
	/* The versions that have a GUID; LLVM reads the same ones. */
	VERSION_VC70_DEP = 19990604,
	VERSION_VC70 = 20000404,
	VERSION_VC80 = 20030901,
	VERSION_VC110 = 20091201,
	VERSION_VC140 = 20140508,
	/* Feature words behind the named streams. */
	FEATURE_VC110 = 20091201,      /* nothing follows */
	FEATURE_FASTLINK = 0x494e494d, /* "MINI": minimal debug info */
};

/* The stream as a whole, or its first INFO_MAX bytes. */
static enum fs_status load_info(struct pdb *p, uint8_t **ret, size_t *ret_n, struct fs_error *err)
{
	size_t n = msf_size(p, STREAM_INFO);

	if (n < INFO_HEADER)
		return fs_fail(err, FS_CORRUPT,
			       "%s: info stream: expected at least %d bytes, it has %zu", p->name,
			       INFO_HEADER, n);
	*ret_n = n < INFO_MAX ? n : INFO_MAX;
	return msf_load(p, STREAM_INFO, 0, *ret_n, "info stream", ret, err);
}

/* A bit vector: number of words, words. */
static enum fs_status bits(struct cursor *c, const uint8_t **ret, uint32_t *ret_words,
			   struct fs_error *err)
{
	enum fs_status st = cursor_u32(c, ret_words, err);

	return st ? st : cursor_view(c, (size_t)*ret_words * 4, ret, err);
}

/* Walk the named stream map; the cursor stands behind it afterwards. When `name`
 * is there, *ret is its stream. */
static enum fs_status named_map(struct cursor *c, const char *name, uint32_t *ret, bool *ret_found,
				struct fs_error *err)
{
	uint32_t strings_n, size, capacity, words, deleted_words, seen = 0;
	const uint8_t *strings, *present, *deleted;
	enum fs_status st = cursor_u32(c, &strings_n, err);

	*ret_found = false;
	if (!st)
		st = cursor_view(c, strings_n, &strings, err);
	if (!st)
		st = cursor_u32(c, &size, err);
	if (!st)
		st = cursor_u32(c, &capacity, err);
	if (!st)
		st = bits(c, &present, &words, err);
	if (!st)
		st = bits(c, &deleted, &deleted_words, err);
	for (uint64_t i = 0; !st && i < (uint64_t)words * 32; i++) {
		uint32_t at, stream = 0;

		if (!(present[i / 8] >> (i % 8) & 1))
			continue;
		seen++;
		st = cursor_u32(c, &at, err);
		if (!st)
			st = cursor_u32(c, &stream, err);
		if (st || !name || at >= strings_n)
			continue;
		if (strnlen((const char *)strings + at, strings_n - at) < strings_n - at &&
		    strcmp((const char *)strings + at, name) == 0) {
			*ret = stream;
			*ret_found = true;
		}
	}
	if (!st && seen != size)
		return fs_fail(err, FS_CORRUPT, "%s: named streams: %u are counted, %u are there",
			       c->what, size, seen);
	return st;
}

static void read_features(struct cursor *c, struct pdb_info *info)
{
	uint32_t word;

	while (cursor_u32(c, &word, NULL) == FS_OK && word != FEATURE_VC110) {
		if (word == FEATURE_FASTLINK)
			info->fastlink = true;
	}
}

static enum fs_status check_version(struct pdb *p, uint32_t version, struct fs_error *err)
{
	switch (version) {
	case VERSION_VC70_DEP:
	case VERSION_VC70:
	case VERSION_VC80:
	case VERSION_VC110:
	case VERSION_VC140:
		return FS_OK;
	default:
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s: info stream: version %u is not one that is known (%d to %d)",
			       p->name, version, VERSION_VC70_DEP, VERSION_VC140);
	}
}

/* The dashes of a GUID's text stand where its parts end; the key has none. */
static void make_key(struct pdb_info *info)
{
	const uint8_t *g = info->guid;

	snprintf(info->key, sizeof(info->key), "%08X%04X%04X%02X%02X%02X%02X%02X%02X%02X%02X%X",
		 load_u32(g), load_u16(g + 4), load_u16(g + 6), g[8], g[9], g[10], g[11], g[12],
		 g[13], g[14], g[15], info->age);
}

enum fs_status pdb_info_open(struct pdb *p, struct fs_error *err)
{
	struct cursor c;
	uint8_t *b;
	size_t n;
	uint32_t stream;
	bool found;
	enum fs_status st = load_info(p, &b, &n, err);

	if (st)
		return st;
	p->info.signature = load_u32(b + 4);
	p->info.info_age = load_u32(b + 8);
	p->info.age = p->info.info_age;
	memcpy(p->info.guid, b + 12, sizeof(p->info.guid));
	p->info.block_size = p->msf.block_size;
	p->info.blocks = p->msf.blocks;
	p->info.streams = p->msf.streams_n;
	st = check_version(p, load_u32(b), err);
	if (!st) {
		/* Only the identity is needed to go on: a map that ends early has no
		 * feature words behind it, and pdb_named_stream() tells of it. */
		cursor_init(&c, b, n, 0, p->name);
		c.pos = INFO_HEADER;
		if (named_map(&c, NULL, &stream, &found, NULL) == FS_OK)
			read_features(&c, &p->info);
	}
	free(b);
	return st;
}

enum fs_status pdb_named_stream(struct pdb *p, const char *name, uint32_t *ret,
				struct fs_error *err)
{
	struct cursor c;
	uint8_t *b;
	size_t n;
	bool found = false;
	enum fs_status st = load_info(p, &b, &n, err);

	if (st)
		return st;
	cursor_init(&c, b, n, 0, p->name);
	c.pos = INFO_HEADER;
	st = named_map(&c, name, ret, &found, err);
	free(b);
	if (!st && !found)
		st = fs_fail(err, FS_NOT_FOUND, "%s: no stream is named \"%.80s\"", p->name, name);
	return st;
}

enum fs_status pdb_match(const struct pdb *p, const char *key, struct fs_error *err)
{
	const struct pdb_info *i = &p->info;

	if (strlen(key) < 33 || strlen(key) >= PDB_KEY_SIZE)
		return fs_fail(
			err, FS_INVALID,
			"\"%.60s\" is no PDB key: expected 32 hex digits of GUID and the age", key);
	if (str_ieq(i->key, key))
		return FS_OK;
	if (str_istarts(key, "00000000000000000000000000000000"))
		return fs_fail(err, FS_NOT_FOUND,
			       "%s: the image names no GUID, this PDB has %s: no proof that they "
			       "belong together",
			       p->name, i->key);
	if (strncasecmp(i->key, key, 32) == 0)
		return fs_fail(err, FS_NOT_FOUND,
			       "%s: the GUID is right but this PDB's age is %X, the image was "
			       "linked with age %s: another link of the same build folder",
			       p->name, i->age, key + 32);
	return fs_fail(err, FS_NOT_FOUND, "%s: the wrong PDB: it is %s, the image asks for %s",
		       p->name, i->key, key);
}

enum fs_status pdb_open_fd(int fd, const char *name, struct pdb **ret, struct fs_error *err)
{
	struct pdb *p = calloc(1, sizeof(*p));
	enum fs_status st;

	if (!p) {
		close(fd);
		return fs_fail(err, FS_NO_MEMORY, "%s: out of memory", name);
	}
	p->msf.fd = fd;
	p->name = strdup(name);
	if (!p->name) {
		pdb_close(p);
		return fs_fail(err, FS_NO_MEMORY, "%.200s: out of memory", name);
	}
	st = msf_open(p, err);
	if (!st)
		st = pdb_info_open(p, err);
	if (!st)
		st = dbi_open(p, err);
	if (st) {
		pdb_close(p);
		return st;
	}
	make_key(&p->info);
	*ret = p;
	return FS_OK;
}

enum fs_status pdb_open(const char *path, struct pdb **ret, struct fs_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return fs_fail(err, FS_SYSTEM, "%s: %s", path, strerror(errno));
	return pdb_open_fd(fd, path, ret, err);
}

void pdb_close(struct pdb *p)
{
	if (!p)
		return;
	pdb_forget(p);
	tpi_close(&p->tpi);
	free(p->dbi.sections);
	free(p->dbi.original);
	free(p->symbols);
	arena_deinit(&p->mem);
	msf_close(&p->msf);
	free(p->name);
	free(p);
}

const struct pdb_info *pdb_info(const struct pdb *p)
{
	return &p->info;
}

struct pdb_cost pdb_cost(const struct pdb *p)
{
	return p->msf.cost;
}
