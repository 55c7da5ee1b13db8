/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/decompress.h"

#include <inttypes.h>
#include <string.h>

#include "dump/gunzip.h"
#include "dump/unarchive.h"

/* Memory is mostly zeros: a real dump shrinks to a hundredth at times, and a small one to
 * less. What would grow beyond this is no dump. */
#define GROWTH_MAX 1000u
#define SMALL_MAX  (1ull << 30)

static const struct kind {
	const char *name;
	uint8_t size, magic[10];
} kinds[] = {
	{"gzip", 3, {0x1f, 0x8b, 0x08}},
	{"zstd", 4, {0x28, 0xb5, 0x2f, 0xfd}},
	{"xz", 6, {0xfd, '7', 'z', 'X', 'Z', 0}},
	{"bzip2", 3, {'B', 'Z', 'h'}},
	{"zip", 4, {'P', 'K', 3, 4}},
	{"zip", 4, {'P', 'K', 5, 6}}, /* with nothing in it */
	{"7z", 6, {'7', 'z', 0xbc, 0xaf, 0x27, 0x1c}},
	{"cab", 8, {'M', 'S', 'C', 'F', 0, 0, 0, 0}},
};

const char *dump_packed_kind(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (n >= kinds[i].size && memcmp(p, kinds[i].magic, kinds[i].size) == 0)
			return kinds[i].name;
	return NULL;
}

static uint64_t most(const struct dump *d)
{
	if (d->options.unpack_max)
		return d->options.unpack_max;
	if (d->file.size > UINT64_MAX / GROWTH_MAX)
		return UINT64_MAX;
	return d->file.size * GROWTH_MAX > SMALL_MAX ? d->file.size * GROWTH_MAX : SMALL_MAX;
}

enum fs_status dump_unpack(struct dump *d, const char *kind, struct fs_error *err)
{
	struct tempfile t;
	uint64_t room = 0;
	enum fs_status st = tempfile_create(&t, &room, err);

	t.max = most(d);
	if (st == FS_OK && strcmp(kind, "gzip") == 0)
		st = gunzip(d, &t, err);
	else if (st == FS_OK)
		st = unarchive(d, kind, &t, room, err);
	if (st == FS_OK)
		st = tempfile_finish(&t, err);
	if (st != FS_OK) {
		tempfile_close(&t);
		return fs_prepend(err, st, "a %s file", kind);
	}
	dump_note_add(d, "unpacked from %s: %" PRIu64 " bytes, of %" PRIu64 " compressed", kind,
		      t.size, d->file.size);
	dump_file_deinit(&d->file);
	d->file.fd = t.fd;
	d->file.size = t.size;
	return FS_OK;
}
