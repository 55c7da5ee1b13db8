/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"

#define PIECE 4096u
/* What others on this disk keep. */
#define RESERVE (64ull << 20)

/* Not every file system has files without a name. Then it has one for a moment, in which no
 * signal may end the process. */
static int create_and_unlink(const char *dir)
{
	char path[4096];
	sigset_t all, before;
	int fd, n = snprintf(path, sizeof(path), "%s/fltscope-XXXXXX", dir);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return fd;
}

static bool room(const struct tempfile *t, uint64_t *ret)
{
	struct statvfs v;

	return fstatvfs(t->fd, &v) == 0 && mul_u64(v.f_bavail, v.f_frsize, ret);
}

enum fs_status tempfile_create(struct tempfile *t, uint64_t *ret_room, struct fs_error *err)
{
	const char *dir = getenv("TMPDIR");

	/* file-hierarchy(7): /tmp may be memory; large files belong here */
	*t = (struct tempfile){.dir = dir && *dir ? dir : "/var/tmp", .max = UINT64_MAX};
	t->fd = open(t->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (t->fd < 0)
		t->fd = create_and_unlink(t->dir);
	if (t->fd < 0)
		return fs_fail(err, FS_SYSTEM,
			       "no temporary file in %s: %s (TMPDIR names another place)", t->dir,
			       strerror(errno));
	if (!room(t, ret_room))
		*ret_room = UINT64_MAX;
	*ret_room = *ret_room > RESERVE ? *ret_room - RESERVE : 0;
	return FS_OK;
}

/* write() past RLIMIT_FSIZE raises SIGXFSZ, which ends a process that does not expect it: here
 * it is an error like a full disk. */
static ssize_t write_quietly(int fd, const void *p, size_t n, off_t at)
{
	static const struct timespec now = {0, 0};
	sigset_t xfsz, before, pending;
	ssize_t got;
	int saved;
	bool was = false;

	(void)sigemptyset(&xfsz);
	(void)sigaddset(&xfsz, SIGXFSZ);
	(void)pthread_sigmask(SIG_BLOCK, &xfsz, &before);
	if (sigpending(&pending) == 0)
		was = sigismember(&pending, SIGXFSZ) == 1;
	got = pwrite(fd, p, n, at);
	saved = errno;
	if (got < 0 && saved == EFBIG && !was)
		(void)sigtimedwait(&xfsz, NULL, &now);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return got;
}

static enum fs_status failed(const struct tempfile *t, int why, struct fs_error *err)
{
	return fs_fail(err, why == ENOSPC || why == EDQUOT || why == EFBIG ? FS_LIMIT : FS_SYSTEM,
		       "the temporary file in %s after %" PRIu64
		       " bytes: %s (TMPDIR names another place)",
		       t->dir, t->size, strerror(why));
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static enum fs_status put(struct tempfile *t, const uint8_t *p, size_t n, struct fs_error *err)
{
	while (n > 0) {
		ssize_t k = write_quietly(t->fd, p, n, (off_t)t->size);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return failed(t, k < 0 ? errno : EIO, err);
		p += k;
		n -= (size_t)k;
		t->size += (uint64_t)k;
	}
	return FS_OK;
}

enum fs_status tempfile_append(struct tempfile *t, const uint8_t *p, size_t n, struct fs_error *err)
{
	uint64_t left, end;

	if (!add_u64(t->size, n, &end) || end > t->max || end > INT64_MAX)
		return fs_fail(err, FS_LIMIT,
			       "it grows beyond %" PRIu64 " bytes, which no dump of that size does: "
			       "unpack it by hand if it is one",
			       t->max);
	if (room(t, &left) && left < RESERVE)
		return failed(t, ENOSPC, err);
	while (n > 0) {
		size_t now = PIECE - t->size % PIECE < n ? (size_t)(PIECE - t->size % PIECE) : n;

		if (all_zero(p, now)) {
			t->size += now;
		} else {
			enum fs_status st = put(t, p, now, err);

			if (st != FS_OK)
				return st;
		}
		p += now;
		n -= now;
	}
	return FS_OK;
}

/* ftruncate() minds RLIMIT_FSIZE as write() does: one byte is written by the same way first,
 * a zero that was to be there. */
enum fs_status tempfile_finish(struct tempfile *t, struct fs_error *err)
{
	if (t->size == 0)
		return FS_OK;
	if (lseek(t->fd, 0, SEEK_END) >= (off_t)t->size)
		return FS_OK;
	t->size--;
	return put(t, (const uint8_t *)"", 1, err);
}

void tempfile_close(struct tempfile *t)
{
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
}
