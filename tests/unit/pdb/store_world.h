/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores on disk for a test, without a network. A "PDB" here is a file whose text begins with the
 * key it belongs to; the check compares that, as the real one compares GUID and age.
 */
#ifndef TESTS_PDB_STORE_WORLD_H
#define TESTS_PDB_STORE_WORLD_H

#include "support/test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pdb/symbols.h"
#include "pdb/unpack.h"

#define KEY   "844374F1C0A34D0C9A1E0F1E2D3C4B5A1"
#define OTHER "00000000C0A34D0C9A1E0F1E2D3C4B5A1"
#define RIGHT KEY " and the rest of the file"
#define WRONG OTHER " and the rest of the file"

struct world {
	char root[256];
	struct symbol_path sp;
	struct symbols *s;
	const char *wanted; /* key that the check compares */
	unsigned checks;
};

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(w);
	snprintf(w->root, sizeof(w->root), "%s/fltscope-store-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(w->root));
	w->wanted = KEY;
	*state = w;
	return 0;
}

static inline void forget(struct world *w)
{
	symbols_destroy(w->s);
	symbol_path_deinit(&w->sp);
	w->s = NULL;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	forget(w);
	nftw(w->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

/* ROOT/relative, in one of a few static buffers. */
static inline char *at(const struct world *w, const char *relative)
{
	static char buf[8][512];
	static unsigned next;
	char *p = buf[next++ % 8];

	snprintf(p, sizeof(buf[0]), "%s/%s", w->root, relative);
	return p;
}

static inline void put_n(const struct world *w, const char *relative, const void *bytes, size_t n)
{
	char *path = at(w, relative), *s;
	FILE *f;

	for (s = path + strlen(w->root) + 1; (s = strchr(s, '/')) != NULL; s++) {
		*s = '\0';
		mkdir(path, 0755);
		*s = '/';
	}
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static inline void put(const struct world *w, const char *relative, const char *text)
{
	put_n(w, relative, text, strlen(text));
}

static inline const char *content(const char *path)
{
	static char buf[256];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return "(no such file)";
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

static unsigned files_seen;
static bool leftovers;

static inline int count_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	if (kind == FTW_F)
		files_seen++;
	if (strncmp(path + ftw->base, ".fltscope", 9) == 0)
		leftovers = true;
	return 0;
}

/* Regular files below; a temporary file that was left fails the test. */
static inline unsigned files_below(const struct world *w, const char *relative)
{
	files_seen = 0;
	leftovers = false;
	nftw(at(w, relative), count_one, 16, FTW_PHYS);
	assert_false(leftovers);
	return files_seen;
}

static inline enum fs_status compare(void *arg, const char *path, struct fs_error *err)
{
	struct world *w = arg;

	w->checks++;
	if (strncmp(content(path), w->wanted, strlen(w->wanted)) == 0)
		return FS_OK;
	return fs_fail(err, FS_CORRUPT, "another GUID and age");
}

/* Every $ in the path's text is the world's root. */
static inline void use_limit(struct world *w, const char *path, const char *cache, uint64_t max)
{
	struct symbol_defaults d = {.cache = cache};
	struct symbols_options o = {.default_cache = cache, .limits = {.max_bytes = max}};
	char text[2048] = "";
	size_t n = 0;

	for (; *path; path++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, *path == '$' ? "%s" : "%.1s",
				      *path == '$' ? w->root : path);
	forget(w);
	assert_int_equal(symbol_path_parse(text, &d, &w->sp, NULL), FS_OK);
	o.path = &w->sp;
	assert_int_equal(symbols_create(&o, &w->s, NULL), FS_OK);
}

static inline void use(struct world *w, const char *path)
{
	use_limit(w, path, NULL, 0);
}

static inline struct symbol_request request(struct world *w, const char *name)
{
	return (struct symbol_request){
		.name = name, .guid_age = KEY, .check = {compare, w}, .offline = true};
}

static inline const char *find(struct world *w, const char *name)
{
	struct symbol_request r = request(w, name);
	struct fs_error err = {0};
	const char *path = NULL;
	enum fs_status st = symbol_find(w->s, &r, &path, &err);

	if (st != FS_OK) {
		assert_null(path);
		assert_int_equal(st, err.status);
		return NULL;
	}
	assert_string_equal(content(path), RIGHT);
	return path;
}

/* The report's last entry that ends in `where`. */
static inline const struct symbol_place *place(const struct world *w, const char *where)
{
	const struct symbol_report *r = symbols_report(w->s);
	size_t i = r->place.n, n, m = strlen(where);

	while (i-- > 0) {
		n = strlen(r->place.v[i].where);
		if (n >= m && strcmp(r->place.v[i].where + n - m, where) == 0)
			return &r->place.v[i];
	}
	fail_msg("'%s' is not in the report", where);
	return NULL;
}

#endif
