/* SPDX-License-Identifier: BSD-2-Clause */
#include "pdb/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

/* A folder of a store has one entry a name or a key; beyond this it is not searched. */
#define DIR_ENTRIES_MAX 200000
#define POINTER_MAX	4096

static bool is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

enum fs_status store_exists(const char *root, struct fs_error *err)
{
	struct stat st;

	if (stat(root, &st) != 0)
		return fs_fail(err, errno == ENOENT ? FS_NOT_FOUND : FS_SYSTEM, "directory: %s",
			       strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return fs_fail(err, FS_INVALID, "not a directory");
	return FS_OK;
}

int store_open_regular(const char *path, struct fs_error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		fs_fail(err, FS_SYSTEM, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	fs_fail(err, FS_INVALID, "%s: not a regular file", path);
	(void)close(fd);
	return -1;
}

/* dir/name, or in a case-blind search the entry of dir that differs in case only. NULL: none
 * (or no memory, which the next allocation will tell). */
static const char *entry(struct arena *mem, const char *dir, const char *name, bool any_case)
{
	const char *path = arena_printf(mem, "%s/%s", dir, name);
	struct dirent *d;
	struct stat st;
	size_t n = 0;
	DIR *h;

	if (!path || stat(path, &st) == 0)
		return path;
	if (!any_case)
		return NULL;
	h = opendir(dir);
	if (!h)
		return NULL;
	path = NULL;
	while (!path && n++ < DIR_ENTRIES_MAX && (d = readdir(h)) != NULL)
		if (str_ieq(d->d_name, name))
			path = arena_printf(mem, "%s/%s", dir, d->d_name);
	(void)closedir(h);
	return path;
}

static void candidate(struct store_candidates *c, enum store_kind kind, const char *path)
{
	size_t i;

	if (!path || !is_regular(path) || c->n == STORE_CANDIDATES_MAX)
		return;
	for (i = 0; i < c->n; i++)
		if (strcmp(c->v[i].path, path) == 0)
			return;
	c->v[c->n].kind = kind;
	c->v[c->n++].path = path;
}

/* The file and its compressed form in one folder. */
static void pair(struct arena *mem, const char *dir, const char *name, bool any_case,
		 struct store_candidates *ret)
{
	char packed[SYMBOL_NAME_MAX + 1];

	symbol_name_compressed(name, packed);
	candidate(ret, STORE_FILE, entry(mem, dir, name, any_case));
	candidate(ret, STORE_COMPRESSED, entry(mem, dir, packed, any_case));
}

/* top/name.pdb/KEY/ */
static void keyed(struct arena *mem, const char *top, const struct symbol_id *id, bool any_case,
		  struct store_candidates *ret)
{
	const char *dir = entry(mem, top, id->name, any_case);

	if (dir)
		dir = entry(mem, dir, id->key, any_case);
	if (!dir)
		return;
	pair(mem, dir, id->name, any_case, ret);
	candidate(ret, STORE_POINTER, entry(mem, dir, "file.ptr", any_case));
}

/* WinDbg looks for DIR/sys/x.pdb and DIR/symbols/sys/x.pdb, after the image's extension,
 * which a PDB's name does not tell. */
static void flat(struct arena *mem, const char *root, const char *name,
		 struct store_candidates *ret)
{
	static const char *const under[] = {"sys",	   "exe",	  "dll",
					    "symbols/sys", "symbols/exe", "symbols/dll"};
	const char *dir;
	size_t i;

	pair(mem, root, name, true, ret);
	for (i = 0; i < sizeof(under) / sizeof(under[0]); i++) {
		dir = entry(mem, root, under[i], false);
		if (dir)
			pair(mem, dir, name, true, ret);
	}
}

enum fs_status store_candidates(struct arena *mem, const char *root, const struct symbol_id *id,
				enum store_stage stage, struct store_candidates *ret,
				struct fs_error *err)
{
	bool any_case = stage == STORE_KEYED_ANY_CASE;
	const char *top;
	char two[9];

	ret->n = 0;
	if (stage == STORE_FLAT) {
		flat(mem, root, id->name, ret);
	} else {
		/* both layouts whatever index2.txt says: a converted store may hold both */
		symbol_name_tier(id->name, two);
		top = entry(mem, root, two, any_case);
		if (top)
			keyed(mem, top, id, any_case, ret);
		keyed(mem, root, id, any_case, ret);
	}
	if (!arena_alloc(mem, 1))
		return fs_fail(err, FS_NO_MEMORY, "looking into %s: out of memory", root);
	return FS_OK;
}

/* The first line, without the white space around it. */
static char *first_line(struct arena *mem, const char *text, size_t n)
{
	const char *s = text, *end = memchr(text, '\0', n);

	if (end)
		n = (size_t)(end - text);
	while (n > 0 && (unsigned char)*s <= ' ') {
		s++;
		n--;
	}
	end = memchr(s, '\n', n);
	if (end)
		n = (size_t)(end - s);
	while (n > 0 && (unsigned char)s[n - 1] <= ' ')
		n--;
	return arena_strndup(mem, s, n);
}

enum fs_status store_pointer_parse(struct arena *mem, const char *text, size_t n, const char **ret,
				   struct fs_error *err)
{
	char *s = first_line(mem, text, n);

	if (!s)
		return fs_fail(err, FS_NO_MEMORY, "file.ptr: out of memory");
	if (str_istarts(s, "MSG:"))
		return fs_fail(err, FS_NOT_FOUND, "file.ptr holds no file but a message: %.300s",
			       s + 4);
	if (str_istarts(s, "PATH:"))
		s += 5;
	if (*s == '\0')
		return fs_fail(err, FS_CORRUPT, "file.ptr is empty, expected PATH: or MSG:");
	if (s[0] != '/' || s[1] == '/')
		return fs_fail(err, FS_UNSUPPORTED,
			       "file.ptr points to '%.300s', which is no path on this system", s);
	*ret = s;
	return FS_OK;
}

enum fs_status store_pointer_read(struct arena *mem, const char *path, const char **ret,
				  struct fs_error *err)
{
	char text[POINTER_MAX];
	size_t n = 0;
	ssize_t got;
	int fd = store_open_regular(path, err);

	if (fd < 0)
		return err ? err->status : FS_SYSTEM;
	while (n < sizeof(text)) {
		got = read(fd, text + n, sizeof(text) - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	(void)close(fd);
	if (n == sizeof(text))
		return fs_fail(err, FS_LIMIT, "%s: larger than %d bytes, no pointer", path,
			       POINTER_MAX - 1);
	return store_pointer_parse(mem, text, n, ret, err);
}
