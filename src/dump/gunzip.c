/* SPDX-License-Identifier: BSD-2-Clause */
/* The only file that knows zlib. Its header gives the prototypes; nothing is linked. */
#include "dump/gunzip.h"

#include <inttypes.h>
#include <stdlib.h>

#if __has_include(<zlib.h>)
#include <dlfcn.h>
#include <zlib.h>

#define BLOCK  (256u << 10)
#define GZIP   31 /* windowBits: 15, and 16 for gzip's header and check sums (zlib.h) */
#define MAGIC1 0x1f
#define MAGIC2 0x8b

struct gunzip {
	void *handle;
	z_stream z;
	bool begun;
	uint8_t *in, *out;
	__typeof__(inflateInit2_) *init;
	__typeof__(inflate) *inflate;
	__typeof__(inflateReset) *reset;
	__typeof__(inflateEnd) *end;
};

static enum fs_status begin(struct gunzip *g, struct fs_error *err)
{
	g->handle = dlopen("libz.so.1", RTLD_LAZY | RTLD_LOCAL);
	if (!g->handle)
		return fs_fail(err, FS_UNSUPPORTED,
			       "libz.so.1, which unpacks it, is not installed (Debian, Ubuntu: "
			       "apt-get install zlib1g); unpack it by hand");
		/* through void * to the function, as POSIX has dlsym used */
#define SYM(field, name) ((*(void **)&g->field = dlsym(g->handle, name)) != NULL)
	if (!SYM(init, "inflateInit2_") || !SYM(inflate, "inflate") ||
	    !SYM(reset, "inflateReset") || !SYM(end, "inflateEnd"))
		return fs_fail(err, FS_UNSUPPORTED, "libz.so.1 lacks functions it must have");
#undef SYM
	g->in = malloc(BLOCK);
	g->out = malloc(BLOCK);
	g->begun = g->in && g->out && g->init(&g->z, GZIP, ZLIB_VERSION, (int)sizeof(g->z)) == Z_OK;
	return g->begun ? FS_OK : fs_fail(err, FS_NO_MEMORY, "no memory to unpack");
}

static enum fs_status fill(struct gunzip *g, struct dump *d, uint64_t *at, struct fs_error *err)
{
	const struct dump_options *o = &d->options;
	uint64_t left = d->file.size - *at;
	size_t n = left < BLOCK ? (size_t)left : BLOCK;
	enum fs_status st = dump_file_read(&d->file, *at, g->in, n, "gzip", err);

	g->z.next_in = g->in;
	g->z.avail_in = (uInt)n;
	*at += n;
	if (o->progress)
		o->progress(o->progress_arg, "unpacking (MiB)", *at >> 20, d->file.size >> 20);
	return st;
}

/* Behind one stream there may be another (gzip(1): "concatenated"), or what a tape left. */
static enum fs_status next_stream(struct gunzip *g, struct dump *d, uint64_t *at, bool *ret_more,
				  struct fs_error *err)
{
	uint8_t magic[2];
	uint64_t here = *at - g->z.avail_in;

	*ret_more = d->file.size - here >= sizeof(magic);
	if (!*ret_more)
		return FS_OK;
	*at = here;
	g->z.avail_in = 0;
	if (dump_file_read(&d->file, here, magic, sizeof(magic), "gzip", err) != FS_OK)
		return err ? err->status : FS_SYSTEM;
	*ret_more = magic[0] == MAGIC1 && magic[1] == MAGIC2;
	if (*ret_more && g->reset(&g->z) != Z_OK)
		return fs_fail(err, FS_NO_MEMORY, "no memory to unpack");
	if (!*ret_more)
		dump_note_add(d, "what follows the gzip data from 0x%" PRIx64 " on is not read",
			      here);
	return FS_OK;
}

static enum fs_status run(struct gunzip *g, struct dump *d, struct tempfile *t,
			  struct fs_error *err)
{
	uint64_t at = 0;
	bool more = true;
	enum fs_status st = FS_OK;

	while (st == FS_OK && more) {
		int r;

		if (g->z.avail_in == 0)
			st = fill(g, d, &at, err);
		if (st != FS_OK)
			break;
		g->z.next_out = g->out;
		g->z.avail_out = BLOCK;
		r = g->inflate(&g->z, Z_NO_FLUSH);
		if (g->z.avail_out < BLOCK)
			st = tempfile_append(t, g->out, BLOCK - g->z.avail_out, err);
		if (st == FS_OK && r == Z_STREAM_END)
			st = next_stream(g, d, &at, &more, err);
		else if (st == FS_OK && r == Z_BUF_ERROR && at >= d->file.size)
			st = fs_fail(err, FS_CORRUPT, "it breaks off after %" PRIu64 " bytes",
				     t->size);
		else if (st == FS_OK && r != Z_OK && r != Z_BUF_ERROR)
			st = fs_fail(err, FS_CORRUPT,
				     "it is damaged before byte 0x%" PRIx64 " (zlib: %s)",
				     at - g->z.avail_in,
				     g->z.msg ? g->z.msg : "no reason is given");
	}
	return st;
}

enum fs_status gunzip(struct dump *d, struct tempfile *t, struct fs_error *err)
{
	struct gunzip g = {0};
	enum fs_status st = begin(&g, err);

	if (st == FS_OK)
		st = run(&g, d, t, err);
	if (g.begun)
		(void)g.end(&g.z);
	free(g.in);
	free(g.out);
	if (g.handle)
		(void)dlclose(g.handle);
	return st;
}

#else

enum fs_status gunzip(struct dump *d, struct tempfile *t, struct fs_error *err)
{
	(void)d;
	(void)t;
	return fs_fail(err, FS_UNSUPPORTED,
		       "this fltscope was built without zlib's header (Debian, Ubuntu: "
		       "zlib1g-dev); unpack it by hand");
}

#endif
