/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding a module's image file, and reading it. */
#include "module/image_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "base/str.h"

enum { PATH_BYTES = 4096, ENTRIES_MAX = 200000, FILE_BYTES_MAX = 256 << 20, DEBUG_ENTRY = 28 };

/* dir/name with any case of letters into dst. */
static bool find_entry(const char *dir, const char *name, char dst[PATH_BYTES])
{
	struct dirent *e;
	struct stat s;
	unsigned n = 0;
	bool found = false;
	DIR *d;

	if (snprintf(dst, PATH_BYTES, "%s/%s", dir, name) >= PATH_BYTES)
		return false;
	if (stat(dst, &s) == 0)
		return true;
	d = opendir(dir);
	while (d && !found && n++ < ENTRIES_MAX && (e = readdir(d)) != NULL)
		found = str_ieq(e->d_name, name) &&
			snprintf(dst, PATH_BYTES, "%s/%s", dir, e->d_name) < PATH_BYTES;
	if (d)
		(void)closedir(d);
	return found;
}

static uint8_t *read_file(const char *path, size_t *ret_size, struct fs_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat s = {0};
	uint8_t *p = NULL;
	size_t done = 0;

	if (fd < 0 || fstat(fd, &s) != 0) {
		(void)fs_fail(err, FS_SYSTEM, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(s.st_mode) || s.st_size > FILE_BYTES_MAX) {
		(void)fs_fail(err, FS_INVALID, "%s: no file of a sane size", path);
	} else {
		p = malloc((size_t)s.st_size + 1);
		while (p && done < (size_t)s.st_size) {
			ssize_t n = pread(fd, p + done, (size_t)s.st_size - done, (off_t)done);

			if (n <= 0)
				break;
			done += (size_t)n;
		}
		if (!p)
			(void)fs_fail(err, FS_NO_MEMORY, "%s: out of memory", path);
	}
	if (fd >= 0)
		(void)close(fd);
	*ret_size = done;
	return p;
}

static enum fs_status try_file(const char *path, const struct image_want *want,
			       struct image_file **ret, struct fs_error *err)
{
	struct fs_error e = {0};
	struct image_file *f;
	size_t size = 0;
	uint8_t *file = read_file(path, &size, &e);
	enum fs_status st;

	if (!file) {
		if (err)
			*err = e;
		return e.status;
	}
	f = calloc(1, sizeof(*f));
	if (f)
		f->path = strdup(path);
	st = f && f->path ? image_map(f, file, size, want, err)
			  : fs_fail(err, FS_NO_MEMORY, "%s: out of memory", path);
	free(file);
	if (st) {
		image_file_close(f);
		return st;
	}
	*ret = f;
	return FS_OK;
}

static bool is_directory(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static enum fs_status try_folder(const char *folder, const struct image_want *want,
				 struct image_file **ret, struct fs_error *err)
{
	char first[PATH_BYTES], second[PATH_BYTES], key[24];

	if (!find_entry(folder, want->name, first))
		return fs_fail(err, FS_NOT_FOUND, "%s: no %s there", folder, want->name);
	if (!is_directory(first))
		return try_file(first, want, ret, err);
	(void)snprintf(key, sizeof(key), "%08" PRIX32 "%" PRIx32, want->timestamp, want->size);
	if (!find_entry(first, key, second) || !find_entry(second, want->name, first))
		return fs_fail(err, FS_NOT_FOUND, "%s: no %s/%s there", folder, want->name, key);
	return try_file(first, want, ret, err);
}

enum fs_status image_file_find(const struct image_want *want, struct image_file **ret,
			       struct fs_error *err)
{
	enum fs_status st = FS_NOT_FOUND;
	const char *s = want->folders;
	char folder[PATH_BYTES];

	(void)fs_fail(err, FS_NOT_FOUND, "the image path is empty");
	while (*s) {
		size_t n = strcspn(s, ";");

		if (n > 0 && n < sizeof(folder)) {
			memcpy(folder, s, n);
			folder[n] = '\0';
			st = try_folder(folder, want, ret, err);
			if (st == FS_OK || st == FS_NO_MEMORY)
				return st;
		}
		s += n + (s[n] == ';');
	}
	return st;
}

void image_file_close(struct image_file *f)
{
	if (!f)
		return;
	free(f->path);
	free(f->bytes);
	vec_free(&f->serve);
	free(f);
}

const char *image_file_path(const struct image_file *f)
{
	return f->path;
}

const struct pe *image_file_pe(const struct image_file *f)
{
	return &f->pe;
}

enum fs_status image_file_rsds(const struct image_file *f, struct rsds *ret, struct fs_error *err)
{
	uint32_t image = f->pe.size_of_image, i;

	for (i = 0; i + DEBUG_ENTRY <= f->pe.debug_size && i < 64 * DEBUG_ENTRY; i += DEBUG_ENTRY) {
		const uint8_t *b = f->bytes + f->pe.debug_rva + i;
		uint32_t rva, size;

		if (!range_ok((uint64_t)f->pe.debug_rva + i, DEBUG_ENTRY, image))
			break;
		size = load_u32(b + 16);
		rva = load_u32(b + 20);
		if (load_u32(b + 12) == 2 && rva && size > 24 && range_ok(rva, size, image))
			return rsds_parse(f->bytes + rva, size, ret, err);
	}
	return fs_fail(err, FS_NOT_FOUND, "%s: no debug record", f->path);
}

size_t image_file_bytes(const struct image_file *f, uint64_t rva, void *buf, size_t n)
{
	size_t lo = 0, hi = f->serve.n;
	const struct image_span *s;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		s = &f->serve.v[mid];
		if ((uint64_t)s->rva + s->size <= rva)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == f->serve.n || f->serve.v[lo].rva > rva)
		return 0;
	s = &f->serve.v[lo];
	if (s->size - (rva - s->rva) < n)
		n = (size_t)(s->size - (rva - s->rva));
	memcpy(buf, f->bytes + rva, n);
	return n;
}
