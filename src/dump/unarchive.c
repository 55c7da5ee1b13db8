/* SPDX-License-Identifier: BSD-2-Clause */
/* The only file that knows libarchive. Its headers give the prototypes; nothing is linked. */
#include "dump/unarchive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<archive.h>)
#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <unistd.h>

#define BLOCK (256u << 10)

#define NAMES_MAX 1000u /* files of an archive that are counted */

struct lib {
	void *handle;
	struct archive *a;
	__typeof__(archive_read_new) *new;
	__typeof__(archive_read_free) *free;
	__typeof__(archive_read_open_fd) *open_fd;
	__typeof__(archive_read_next_header) *next;
	__typeof__(archive_read_data) *data;
	__typeof__(archive_error_string) *error;
	__typeof__(archive_entry_pathname) *pathname;
	__typeof__(archive_entry_filetype) *filetype;
	__typeof__(archive_entry_size) *size;
	__typeof__(archive_entry_size_is_set) *size_is_set;
	__typeof__(archive_entry_is_encrypted) *is_encrypted;
	char why[200];
};

static enum fs_status load(struct lib *l, struct fs_error *err)
{
	l->handle = dlopen("libarchive.so.13", RTLD_LAZY | RTLD_LOCAL);
	if (!l->handle)
		return fs_fail(err, FS_UNSUPPORTED,
			       "libarchive.so.13, which unpacks it, is not installed (Debian, "
			       "Ubuntu: apt-get install libarchive13); unpack it by hand");
		/* through void * to the function, as POSIX has dlsym used */
#define SYM(field, name) ((*(void **)&l->field = dlsym(l->handle, name)) != NULL)
	if (SYM(new, "archive_read_new") && SYM(free, "archive_read_free") &&
	    SYM(open_fd, "archive_read_open_fd") && SYM(next, "archive_read_next_header") &&
	    SYM(data, "archive_read_data") && SYM(error, "archive_error_string") &&
	    SYM(pathname, "archive_entry_pathname") && SYM(filetype, "archive_entry_filetype") &&
	    SYM(size, "archive_entry_size") && SYM(size_is_set, "archive_entry_size_is_set") &&
	    SYM(is_encrypted, "archive_entry_is_encrypted"))
		return FS_OK;
#undef SYM
	return fs_fail(err, FS_UNSUPPORTED, "libarchive.so.13 lacks functions it must have");
}

/* Its sentences may end with a line's end, which is no part of ours. */
static const char *why(struct lib *l)
{
	const char *s = l->a ? l->error(l->a) : NULL;
	size_t i, n = 0;

	for (i = 0; s && s[i] && i + 1 < sizeof(l->why); i++) {
		l->why[i] = (unsigned char)s[i] < 0x20 ? ' ' : s[i];
		if (l->why[i] != ' ')
			n = i + 1;
	}
	l->why[n] = '\0';
	return n ? l->why : "no reason is given";
}

/* Only what its first bytes say: nothing else is guessed, and no program is started. */
static enum fs_status enable(struct lib *l, const char *kind, struct fs_error *err)
{
	static const struct {
		const char *kind, *function;
	} wanted[] = {
		{"zstd", "archive_read_support_filter_zstd"},
		{"xz", "archive_read_support_filter_xz"},
		{"bzip2", "archive_read_support_filter_bzip2"},
		{"zip", "archive_read_support_format_zip"},
		{"7z", "archive_read_support_format_7zip"},
		{"cab", "archive_read_support_format_cab"},
	};
	int (*support)(struct archive *) = NULL;
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strcmp(kind, wanted[i].kind) != 0)
			continue;
		*(void **)&support = dlsym(l->handle, wanted[i].function);
		if (!support || support(l->a) != ARCHIVE_OK)
			break;
		if (!strstr(wanted[i].function, "_filter_"))
			return FS_OK;
		*(void **)&support = dlsym(l->handle, "archive_read_support_format_raw");
		if (support && support(l->a) == ARCHIVE_OK)
			return FS_OK;
	}
	return fs_fail(err, FS_UNSUPPORTED, "this libarchive was built without %s", kind);
}

/* The next entry that is no directory. ARCHIVE_EOF at the end. */
static int next_file(struct lib *l, struct archive_entry **ret)
{
	int r;

	do
		r = l->next(l->a, ret);
	while ((r == ARCHIVE_OK || r == ARCHIVE_WARN) && l->filetype(*ret) == AE_IFDIR);
	return r == ARCHIVE_WARN ? ARCHIVE_OK : r;
}

/* Names as the archive has them: who shows them escapes. */
static void append_name(struct lib *l, struct archive_entry *e, char *names, size_t size)
{
	const char *name = l->pathname(e);
	size_t n = strlen(names);

	if (size - n > 60)
		(void)snprintf(names + n, size - n, "%s\"%.48s\"", n ? ", " : "",
			       name ? name : "(unreadable name)");
}

static enum fs_status read_failed(struct lib *l, struct fs_error *err)
{
	return fs_fail(err, FS_CORRUPT, "it breaks off or is damaged (libarchive: %s)", why(l));
}

static enum fs_status begin(struct lib *l, struct dump *d, const char *kind, struct fs_error *err)
{
	enum fs_status st;

	if (l->a)
		(void)l->free(l->a);
	l->a = l->new ();
	if (!l->a || lseek(d->file.fd, 0, SEEK_SET) != 0)
		return fs_fail(err, FS_NO_MEMORY, "libarchive does not start");
	st = enable(l, kind, err);
	if (st == FS_OK && l->open_fd(l->a, d->file.fd, BLOCK) != ARCHIVE_OK)
		st = read_failed(l, err);
	return st;
}

/* One file there must be. Archives have a table of them; what filters unpack has none, and to
 * look for another would be to unpack it all. */
static enum fs_status only_one(struct lib *l, struct fs_error *err)
{
	struct archive_entry *e = NULL;
	char names[200] = "";
	size_t n = 0;
	int r;

	while ((r = next_file(l, &e)) == ARCHIVE_OK && n < NAMES_MAX) {
		append_name(l, e, names, sizeof(names));
		n++;
	}
	if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
		return read_failed(l, err);
	if (n == 0)
		return fs_fail(err, FS_UNSUPPORTED, "there is no file in it");
	if (n > 1)
		return fs_fail(
			err, FS_UNSUPPORTED,
			"%zu%s files are in it (%s): unpack it, and name the one that is the "
			"dump",
			n, n == NAMES_MAX ? " or more" : "", names);
	return FS_OK;
}

/* To the file that is wanted, and what its header says against the room there is. */
static enum fs_status to_the_file(struct lib *l, bool archive, uint64_t max, uint64_t room,
				  uint64_t *ret_declared, struct fs_error *err)
{
	struct archive_entry *e = NULL;
	int r = next_file(l, &e);

	*ret_declared = UINT64_MAX;
	if (r != ARCHIVE_OK)
		return read_failed(l, err);
	if (l->is_encrypted(e))
		return fs_fail(err, FS_UNSUPPORTED, "it is encrypted: unpack it by hand");
	if (archive && l->filetype(e) != AE_IFREG)
		return fs_fail(err, FS_UNSUPPORTED, "what is in it is a link or a device, no file");
	if (!archive || !l->size_is_set(e))
		return FS_OK;
	if (l->size(e) < 0)
		return fs_fail(err, FS_CORRUPT, "it claims a negative size");
	*ret_declared = (uint64_t)l->size(e);
	if (*ret_declared > max)
		return fs_fail(err, FS_LIMIT,
			       "it claims %" PRIu64
			       " bytes, more than a dump of that size could be "
			       "(%" PRIu64 "): unpack it by hand if it is one",
			       *ret_declared, max);
	if (*ret_declared > room)
		return fs_fail(err, FS_LIMIT,
			       "it needs %" PRIu64 " bytes of temporary room, there are %" PRIu64
			       " (TMPDIR names another place)",
			       *ret_declared, room);
	return FS_OK;
}

static void tell(const struct dump *d)
{
	const struct dump_options *o = &d->options;
	off_t at = lseek(d->file.fd, 0, SEEK_CUR);

	if (o->progress)
		o->progress(o->progress_arg, "unpacking (MiB)", at > 0 ? (uint64_t)at >> 20 : 0,
			    d->file.size >> 20);
}

static enum fs_status copy(struct lib *l, struct dump *d, struct tempfile *t, uint64_t declared,
			   struct fs_error *err)
{
	uint8_t *buf = malloc(BLOCK);
	enum fs_status st = FS_OK;
	la_ssize_t n;

	if (!buf)
		return fs_fail(err, FS_NO_MEMORY, "no memory to unpack");
	while (st == FS_OK && (n = l->data(l->a, buf, BLOCK)) != 0) {
		if (n < 0) {
			st = read_failed(l, err);
			break;
		}
		st = tempfile_append(t, buf, (size_t)n, err);
		tell(d);
	}
	free(buf);
	if (st == FS_LIMIT && t->size > t->max - BLOCK)
		return fs_fail(err, FS_LIMIT,
			       "it grows beyond %" PRIu64
			       " bytes, which no dump of that size does: "
			       "unpack it by hand if it is one",
			       t->max);
	if (st == FS_OK && declared != UINT64_MAX && t->size != declared)
		return fs_fail(err, FS_CORRUPT,
			       "%" PRIu64 " bytes are in it, its table says %" PRIu64, t->size,
			       declared);
	return st;
}

static enum fs_status into(struct lib *l, struct dump *d, const char *kind, struct tempfile *t,
			   uint64_t room, struct fs_error *err)
{
	bool archive =
		strcmp(kind, "zip") == 0 || strcmp(kind, "7z") == 0 || strcmp(kind, "cab") == 0;
	enum fs_status st = load(l, err);
	uint64_t declared;

	if (st == FS_OK)
		st = begin(l, d, kind, err);
	if (st == FS_OK && archive) {
		st = only_one(l, err);
		if (st == FS_OK)
			st = begin(l, d, kind, err);
	}
	if (st == FS_OK)
		st = to_the_file(l, archive, t->max, room, &declared, err);
	return st == FS_OK ? copy(l, d, t, declared, err) : st;
}

enum fs_status unarchive(struct dump *d, const char *kind, struct tempfile *t, uint64_t room,
			 struct fs_error *err)
{
	struct lib l = {0};
	enum fs_status st = into(&l, d, kind, t, room, err);

	if (l.a)
		(void)l.free(l.a);
	if (l.handle)
		(void)dlclose(l.handle);
	return st;
}

#else

enum fs_status unarchive(struct dump *d, const char *kind, struct tempfile *t, uint64_t room,
			 struct fs_error *err)
{
	(void)d;
	(void)kind;
	(void)t;
	(void)room;
	return fs_fail(err, FS_UNSUPPORTED,
		       "this fltscope was built without libarchive's headers (Debian, Ubuntu: "
		       "libarchive-dev); unpack it by hand");
}

#endif
