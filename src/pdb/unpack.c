/* SPDX-License-Identifier: BSD-2-Clause */
/* The only file that knows libmspack. Its header gives the prototypes; nothing is linked. */
#include "pdb/unpack.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if __has_include(<mspack.h>)
#include <mspack.h>

/* What libmspack sees as a file: the cabinet for reading or the store's file for writing. */
struct cab_stream {
	struct mspack_file base;
	struct cab_io *io;
	bool writing;
	off_t pos; /* of the cabinet */
};

/* What libmspack sees as the system: two files, whatever name it asks for, and no printing. */
struct cab_io {
	struct mspack_system base;
	int fd;
	off_t size;
	struct store_file *out;
	struct fs_error why; /* of the first failed write */
	bool write_failed;
};

/* The structs begin with libmspack's own, so the pointers are the same. */
static struct cab_io *io_of(struct mspack_system *s)
{
	return (struct cab_io *)(void *)s;
}

static struct cab_stream *stream_of(struct mspack_file *f)
{
	return (struct cab_stream *)(void *)f;
}

static struct mspack_file *io_open(struct mspack_system *self, const char *name, int mode)
{
	struct cab_stream *s = calloc(1, sizeof(*s));

	(void)name;
	if (!s)
		return NULL;
	s->io = io_of(self);
	s->writing = mode != MSPACK_SYS_OPEN_READ;
	return &s->base;
}

static void io_close(struct mspack_file *f)
{
	free(stream_of(f));
}

static int io_read(struct mspack_file *f, void *buf, int n)
{
	struct cab_stream *s = stream_of(f);
	ssize_t got;

	if (s->writing || n < 0)
		return -1;
	got = pread(s->io->fd, buf, (size_t)n, s->pos);
	if (got > 0)
		s->pos += got;
	return (int)got;
}

static int io_write(struct mspack_file *f, void *buf, int n)
{
	struct cab_stream *s = stream_of(f);

	if (!s->writing || n < 0)
		return -1;
	if (store_file_write(s->io->out, buf, (size_t)n, &s->io->why) == FS_OK)
		return n;
	s->io->write_failed = true;
	return -1;
}

static int io_seek(struct mspack_file *f, off_t off, int mode)
{
	struct cab_stream *s = stream_of(f);
	off_t from = mode == MSPACK_SYS_SEEK_CUR   ? s->pos
		     : mode == MSPACK_SYS_SEEK_END ? s->io->size
						   : 0;
	off_t to;

	if (s->writing || __builtin_add_overflow(from, off, &to) || to < 0 || to > s->io->size)
		return -1;
	s->pos = to;
	return 0;
}

static off_t io_tell(struct mspack_file *f)
{
	struct cab_stream *s = stream_of(f);

	return s->writing ? (off_t)s->io->out->size : s->pos;
}

/* libmspack's warnings: what matters comes back as an error. */
static void io_message(struct mspack_file *f, const char *format, ...)
{
	(void)f;
	(void)format;
}

static void *io_alloc(struct mspack_system *self, size_t n)
{
	(void)self;
	return malloc(n);
}

static void io_copy(void *from, void *to, size_t n)
{
	memcpy(to, from, n);
}

struct mspack_lib {
	void *lib;
	__typeof__(mspack_create_cab_decompressor) *create;
	__typeof__(mspack_destroy_cab_decompressor) *destroy;
	__typeof__(mspack_sys_selftest_internal) *selftest;
};

bool unpack_built(void)
{
	return true;
}

static enum fs_status load(struct mspack_lib *m, struct fs_error *err)
{
	m->lib = dlopen("libmspack.so.0", RTLD_LAZY | RTLD_LOCAL);
	if (!m->lib)
		return fs_fail(err, FS_UNSUPPORTED,
			       "compressed, and libmspack.so.0 is not installed (Debian, Ubuntu: "
			       "apt-get install libmspack0)");
	/* through void * to the function, as POSIX has dlsym used */
	*(void **)&m->create = dlsym(m->lib, "mspack_create_cab_decompressor");
	*(void **)&m->destroy = dlsym(m->lib, "mspack_destroy_cab_decompressor");
	*(void **)&m->selftest = dlsym(m->lib, "mspack_sys_selftest_internal");
	if (m->create && m->destroy && m->selftest &&
	    m->selftest((int)sizeof(off_t)) == MSPACK_ERR_OK)
		return FS_OK;
	(void)dlclose(m->lib);
	return fs_fail(err, FS_UNSUPPORTED, "compressed, and this libmspack.so.0 does not fit");
}

static enum fs_status extract(struct mscab_decompressor *d, struct cab_io *io, struct fs_error *err)
{
	struct mscabd_cabinet *cab = d->open(d, "");
	enum fs_status st = FS_OK;
	int code;

	if (!cab)
		return fs_fail(err, FS_CORRUPT, "compressed: not a cabinet (libmspack error %d)",
			       d->last_error(d));
	if (!cab->files || cab->files->next)
		st = fs_fail(err, FS_CORRUPT, "compressed: a cabinet with %s, expected one",
			     cab->files ? "more than one file" : "no file");
	else if (cab->files->length > io->out->limit)
		st = fs_fail(err, FS_LIMIT, "compressed: %u bytes unpacked, the limit is %llu",
			     cab->files->length, (unsigned long long)io->out->limit);
	if (st == FS_OK) {
		code = d->extract(d, cab->files, "");
		if (io->write_failed) {
			st = io->why.status;
			if (err)
				*err = io->why;
		} else if (code != MSPACK_ERR_OK || io->out->size != cab->files->length) {
			st = fs_fail(err, FS_CORRUPT,
				     "compressed: broken after %llu of %u bytes (libmspack error "
				     "%d)",
				     (unsigned long long)io->out->size, cab->files->length, code);
		}
	}
	d->close(d, cab);
	return st;
}

enum fs_status unpack(const char *path, struct store_file *out, struct fs_error *err)
{
	struct cab_io io = {.base = {.open = io_open,
				     .close = io_close,
				     .read = io_read,
				     .write = io_write,
				     .seek = io_seek,
				     .tell = io_tell,
				     .message = io_message,
				     .alloc = io_alloc,
				     .free = free,
				     .copy = io_copy},
			    .out = out};
	struct mspack_lib m = {0};
	struct mscab_decompressor *d;
	enum fs_status st = load(&m, err);

	if (st != FS_OK)
		return st;
	io.fd = store_open_regular(path, err);
	if (io.fd < 0) {
		(void)dlclose(m.lib);
		return err ? err->status : FS_SYSTEM;
	}
	io.size = lseek(io.fd, 0, SEEK_END);
	d = m.create(&io.base);
	st = d ? extract(d, &io, err) : fs_fail(err, FS_NO_MEMORY, "compressed: out of memory");
	if (d)
		m.destroy(d);
	(void)close(io.fd);
	(void)dlclose(m.lib);
	return st;
}

#else

bool unpack_built(void)
{
	return false;
}

enum fs_status unpack(const char *path, struct store_file *out, struct fs_error *err)
{
	(void)path;
	(void)out;
	return fs_fail(err, FS_UNSUPPORTED,
		       "compressed, and this fltscope was built without libmspack's header "
		       "(Debian, Ubuntu: libmspack-dev)");
}

#endif
