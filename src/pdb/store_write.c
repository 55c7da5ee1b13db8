/* SPDX-License-Identifier: BSD-2-Clause */
/* Putting a file into a store: a temporary file beside the target, to disk, checked, renamed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "pdb/store.h"

#define COPY_BLOCK 16384

/* mkdir -p; `path` is changed on the way and is itself again at the end. */
static bool make_dirs(char *path)
{
	char *s = path;

	for (;;) {
		char c;

		s += strspn(s, "/");
		s += strcspn(s, "/");
		c = *s;
		*s = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST && (errno != EROFS || c == '\0')) {
			*s = c;
			return false;
		}
		*s = c;
		if (c == '\0')
			return true;
	}
}

/* Two-tier when the root says so, as SymSrv decides it. */
static bool two_tier(const char *root)
{
	char path[4096];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/index2.txt", root);

	return n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool names(struct arena *mem, const char *root, const struct symbol_id *id,
		  struct store_file *f, char **dir)
{
	uint64_t r = 0;
	char two[9] = "";

	if (two_tier(root))
		symbol_name_tier(id->name, two);
	/* only to keep two writers apart; O_EXCL is what makes sure */
	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		r = (uint64_t)getpid();
	f->name_dir = two[0] ? arena_printf(mem, "%s/%s/%s", root, two, id->name)
			     : arena_printf(mem, "%s/%s", root, id->name);
	if (!f->name_dir)
		return false;
	*dir = arena_printf(mem, "%s/%s", f->name_dir, id->key);
	if (!*dir)
		return false;
	f->dir = *dir;
	f->target = arena_printf(mem, "%s/%s", f->dir, id->name);
	f->temp = arena_printf(mem, "%s/.fltscope-%016llx.tmp", f->dir, (unsigned long long)r);
	return f->target && f->temp;
}

/* Only those that are empty go. */
static void remove_dirs(const struct store_file *f)
{
	if (rmdir(f->dir) == 0)
		(void)rmdir(f->name_dir);
}

enum fs_status store_file_open(struct arena *mem, const char *root, const struct symbol_id *id,
			       uint64_t limit, struct store_file *ret, struct fs_error *err)
{
	struct store_file f = {.fd = -1, .limit = limit};
	unsigned attempt;
	char *dir = NULL;

	*ret = f;
	if (!names(mem, root, id, &f, &dir))
		return fs_fail(err, FS_NO_MEMORY, "store %s: out of memory", root);
	/* another process that gives up may take the empty folder away in between */
	for (attempt = 0; attempt < 3 && f.fd < 0; attempt++) {
		if (!make_dirs(dir))
			return fs_fail(err, FS_SYSTEM, "cannot make the folder %s: %s", dir,
				       strerror(errno));
		f.fd = open(f.temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (f.fd < 0 && errno != ENOENT)
			break;
	}
	if (f.fd < 0) {
		fs_fail(err, FS_SYSTEM, "cannot write into %s: %s", dir, strerror(errno));
		remove_dirs(&f);
		return FS_SYSTEM;
	}
	*ret = f;
	return FS_OK;
}

enum fs_status store_file_write(struct store_file *f, const void *p, size_t n, struct fs_error *err)
{
	const char *s = p;

	if (f->size > f->limit || !range_ok(f->size, n, f->limit))
		return fs_fail(err, FS_LIMIT, "larger than the limit of %llu bytes",
			       (unsigned long long)f->limit);
	while (n > 0) {
		ssize_t put = write(f->fd, s, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return fs_fail(err, FS_SYSTEM, "cannot write to %s: %s", f->temp,
				       put < 0 ? strerror(errno) : "nothing was taken");
		s += put;
		n -= (size_t)put;
		f->size += (uint64_t)put;
	}
	return FS_OK;
}

void store_file_abort(struct store_file *f)
{
	if (f->fd < 0)
		return;
	(void)close(f->fd);
	f->fd = -1;
	(void)unlink(f->temp);
	remove_dirs(f);
}

/* A rename survives a power cut only when its folder is on disk, too; a file system that
 * cannot do that has done what it can. */
static void sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	(void)close(fd);
}

enum fs_status store_file_commit(struct store_file *f, const struct store_check *check,
				 struct fs_error *err)
{
	enum fs_status st = FS_OK;

	if (fsync(f->fd) != 0)
		st = fs_fail(err, FS_SYSTEM, "cannot write %s to disk: %s", f->temp,
			     strerror(errno));
	if (st == FS_OK && check)
		st = check->verify(check->arg, f->temp, err);
	if (st == FS_OK && rename(f->temp, f->target) != 0)
		st = fs_fail(err, FS_SYSTEM, "cannot rename to %s: %s", f->target, strerror(errno));
	if (st != FS_OK) {
		store_file_abort(f);
		return st;
	}
	(void)close(f->fd);
	f->fd = -1;
	sync_dir(f->dir);
	return FS_OK;
}

enum fs_status store_copy(struct arena *mem, const char *from, const char *root,
			  const struct symbol_id *id, uint64_t limit,
			  const struct store_check *check, const char **ret, struct fs_error *err)
{
	struct store_file f;
	char block[COPY_BLOCK];
	enum fs_status st;
	int fd = store_open_regular(from, err);

	if (fd < 0)
		return err ? err->status : FS_SYSTEM;
	st = store_file_open(mem, root, id, limit, &f, err);
	while (st == FS_OK) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n == 0)
			break;
		if (n > 0)
			st = store_file_write(&f, block, (size_t)n, err);
		else if (errno != EINTR)
			st = fs_fail(err, FS_SYSTEM, "cannot read %s: %s", from, strerror(errno));
	}
	(void)close(fd);
	if (st == FS_OK)
		st = store_file_commit(&f, check, err);
	else
		store_file_abort(&f);
	if (st == FS_OK)
		*ret = f.target;
	return st;
}
