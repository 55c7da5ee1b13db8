/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compressed dumps: gzip (RFC 1952, with stored blocks of RFC 1951) and zip (PKWARE's
 * APPNOTE, stored) made here byte by byte. The other kinds: tests/tools/check_packed.py.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t c = 0xffffffff;
	size_t i;
	int k;

	for (i = 0; i < n; i++) {
		c ^= p[i];
		for (k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}

/* A full dump of pages 5 to 8. */
static void put_dump(struct bytes *b)
{
	size_t i;

	bytes_dmp_header(b, 1);
	bytes_u32(b, 0x88, 1);
	bytes_u64(b, 0x90, 4);
	bytes_u64(b, 0x98, 5);
	bytes_u64(b, 0xa0, 4);
	for (i = 0; i < 4; i++)
		bytes_page(b, 0x2000 + 4096 * i, 5 + i);
}

static void gzip(struct bytes *to, const struct bytes *from)
{
	static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
	size_t at = 0;

	bytes_resize(to, 0);
	bytes_put(to, 0, head, sizeof(head));
	while (at < from->n) {
		size_t n = from->n - at < 0x4000 ? from->n - at : 0x4000;
		uint8_t last = at + n == from->n;

		bytes_put(to, to->n, &last, 1);
		bytes_u16(to, to->n, (uint16_t)n);
		bytes_u16(to, to->n, (uint16_t)~n);
		bytes_put(to, to->n, from->v + at, n);
		at += n;
	}
	bytes_u32(to, to->n, crc32_of(from->v, from->n));
	bytes_u32(to, to->n, (uint32_t)from->n);
}

struct member {
	const char *name;
	const struct bytes *data; /* NULL: nothing, as a folder has */
	uint32_t claimed;	  /* its size in the tables; 0: the right one */
	uint16_t flags;
};

static void zip_fields(struct bytes *z, const struct member *m)
{
	uint32_t n = m->data ? (uint32_t)m->data->n : 0;

	bytes_u16(z, z->n, 20);
	bytes_u16(z, z->n, m->flags);
	bytes_u32(z, z->n, 0); /* stored; no time */
	bytes_u16(z, z->n, 0x21);
	bytes_u32(z, z->n, m->data ? crc32_of(m->data->v, n) : 0);
	bytes_u32(z, z->n, m->claimed ? m->claimed : n);
	bytes_u32(z, z->n, m->claimed ? m->claimed : n);
	bytes_u16(z, z->n, (uint16_t)strlen(m->name));
}

static void zip(struct bytes *z, const struct member *m, size_t n)
{
	size_t at[4], i, table;

	bytes_resize(z, 0);
	for (i = 0; i < n; i++) {
		at[i] = z->n;
		bytes_u32(z, z->n, 0x04034b50);
		zip_fields(z, &m[i]);
		bytes_u16(z, z->n, 0);
		bytes_put(z, z->n, m[i].name, strlen(m[i].name));
		if (m[i].data)
			bytes_put(z, z->n, m[i].data->v, m[i].data->n);
	}
	table = z->n;
	for (i = 0; i < n; i++) {
		bytes_u32(z, z->n, 0x02014b50);
		bytes_u16(z, z->n, 20);
		zip_fields(z, &m[i]);
		bytes_resize(z, z->n + 12);
		bytes_u32(z, z->n, (uint32_t)at[i]);
		bytes_put(z, z->n, m[i].name, strlen(m[i].name));
	}
	i = z->n;
	bytes_u32(z, z->n, 0x06054b50);
	bytes_u32(z, z->n, 0);
	bytes_u16(z, z->n, (uint16_t)n);
	bytes_u16(z, z->n, (uint16_t)n);
	bytes_u32(z, z->n, (uint32_t)(i - table));
	bytes_u32(z, z->n, (uint32_t)table);
	bytes_u16(z, z->n, 0);
}

/* A folder of its own for temporary files: whatever is left there is a leak. */
static char dir[64];

static enum fs_status open_it(const char *path, const struct dump_options *o, struct dump **ret,
			      struct fs_error *err)
{
	enum fs_status st;

	assert_int_equal(setenv("TMPDIR", dir, 1), 0);
	st = dump_open_with(path, o, ret, err);
	assert_int_equal(setenv("TMPDIR", "/tmp", 1), 0);
	return st;
}

static size_t files_left(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n - 2;
}

static size_t open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static const struct dump_options none;

static void whole(struct bytes *packed, const char *note)
{
	size_t before = open_files();
	struct fs_error err = {0};
	struct dump *d = NULL;

	if (open_it(bytes_save(packed), &none, &d, &err) != FS_OK)
		fail_msg("%s", err.text);
	assert_string_equal(dump_info(d)->format, "dmp-full");
	assert_int_equal(dump_info(d)->file_size, 0x6000);
	assert_false(dump_info(d)->truncated);
	assert_int_equal(dump_note_count(d), 1);
	assert_string_equal(dump_note(d, 0), note);
	assert_true(bytes_exercise(d) > 0);
	assert_int_equal(files_left(), 0);
	dump_close(d);
	assert_int_equal(open_files(), before);
}

static void expect(struct bytes *packed, const struct dump_options *o, enum fs_status want,
		   const char *words)
{
	size_t before = open_files();
	struct fs_error err = {0};
	struct dump *d = NULL;

	assert_int_equal(open_it(bytes_save(packed), o, &d, &err), want);
	if (!strstr(err.text, words))
		fail_msg("expected \"%s\" in \"%s\"", words, err.text);
	assert_int_equal(files_left(), 0);
	assert_int_equal(open_files(), before);
}

static void unpacked(void **state)
{
	struct bytes plain = {0}, packed = {0};
	struct member m[2] = {{"folder/", NULL, 0, 0}, {"folder/MEMORY.DMP", &plain, 0, 0}};
	char note[100];

	(void)state;
	put_dump(&plain);
	gzip(&packed, &plain);
	(void)snprintf(note, sizeof(note), "unpacked from gzip: 24576 bytes, of %zu compressed",
		       packed.n);
	whole(&packed, note);
	zip(&packed, m, 2);
	(void)snprintf(note, sizeof(note), "unpacked from zip: 24576 bytes, of %zu compressed",
		       packed.n);
	whole(&packed, note);
	bytes_deinit(&plain);
	bytes_deinit(&packed);
}

static void refused(void **state)
{
	struct bytes plain = {0}, packed = {0}, twice = {0};
	struct member two[2] = {{"\x1b[31mone", &plain, 0, 0}, {"two", &plain, 0, 0}};
	struct member folder = {"only/", NULL, 0, 0}, locked = {"a", &plain, 0, 1};

	(void)state;
	put_dump(&plain);
	zip(&packed, two, 2);
	/* as it is: who shows it escapes */
	expect(&packed, &none, FS_UNSUPPORTED, "2 files are in it (\"\x1b[31mone\", \"two\")");
	zip(&packed, &folder, 1);
	expect(&packed, &none, FS_UNSUPPORTED, "there is no file in it");
	zip(&packed, &folder, 0);
	expect(&packed, &none, FS_UNSUPPORTED, "there is no file in it");
	zip(&packed, &locked, 1);
	expect(&packed, &none, FS_UNSUPPORTED, "encrypted");
	zip(&twice, two + 1, 1);
	gzip(&packed, &twice);
	expect(&packed, &none, FS_UNSUPPORTED, "a zip file within a gzip file");
	bytes_deinit(&plain);
	bytes_deinit(&packed);
	bytes_deinit(&twice);
}

static void too_large(void **state)
{
	struct dump_options small = {.unpack_max = 0x5fff}, fits = {.unpack_max = 0x6000};
	struct bytes plain = {0}, packed = {0};
	struct member liar = {"a", &plain, 0xfffffff0, 0}, m = {"a", &plain, 0, 0};
	struct fs_error err = {0};
	struct dump *d;

	(void)state;
	put_dump(&plain);
	gzip(&packed, &plain);
	expect(&packed, &small, FS_LIMIT, "it grows beyond 24575 bytes");
	assert_int_equal(open_it(bytes_save(&packed), &fits, &d, &err), FS_OK);
	dump_close(d);
	zip(&packed, &m, 1);
	expect(&packed, &small, FS_LIMIT, "it claims 24576 bytes");
	/* 4 GiB out of 24 KiB: refused by its table, before a byte is written */
	zip(&packed, &liar, 1);
	expect(&packed, &none, FS_LIMIT, "it claims 4294967280 bytes");
	bytes_deinit(&plain);
	bytes_deinit(&packed);
}

/* RLIMIT_FSIZE stands for a full disk; its signal does not end us. */
static void no_room(void **state)
{
	struct rlimit was, now;
	struct bytes plain = {0}, packed = {0};
	struct fs_error err = {0};
	struct dump *d;
	sigset_t pending;

	(void)state;
	put_dump(&plain);
	gzip(&packed, &plain);
	(void)bytes_save(&packed);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	now = was;
	now.rlim_cur = 0x3800;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	assert_int_equal(open_it(packed.path, &none, &d, &err), FS_LIMIT);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_non_null(strstr(err.text, "TMPDIR names another place"));
	assert_int_equal(sigpending(&pending), 0);
	assert_int_equal(sigismember(&pending, SIGXFSZ), 0);
	assert_int_equal(files_left(), 0);
	assert_int_equal(setenv("TMPDIR", "/nonexistent", 1), 0);
	assert_int_equal(dump_open(packed.path, &d, &err), FS_SYSTEM);
	assert_non_null(strstr(err.text, "no temporary file in /nonexistent"));
	assert_int_equal(setenv("TMPDIR", "/tmp", 1), 0);
	bytes_deinit(&plain);
	bytes_deinit(&packed);
}

/* Every page is itself. */
static void is_whole(struct dump *d)
{
	uint64_t pa;

	assert_int_equal(dump_info(d)->file_size, 0x6000);
	for (pa = 0x5000; pa < 0x9000; pa += 8) {
		uint8_t b[8];

		assert_int_equal(dump_read_phys(d, pa, b, 8, NULL), FS_OK);
		assert_true(load_u64(b) == pa);
	}
	dump_close(d);
}

/* Every length, and every byte flipped: the whole dump (a zip can do without its table), or an
 * error that says why; never other pages. */
static void damaged(struct bytes *packed, bool cut_is_seen)
{
	size_t n, opened = 0;

	for (n = 1; n < packed->n; n += n < 64 || n > packed->n - 200 ? 1 : 97) {
		struct fs_error err = {0};
		struct dump *d = NULL;

		if (open_it(bytes_save_n(packed, n), &none, &d, &err) == FS_OK) {
			is_whole(d);
			opened++;
		}
	}
	assert_true(!cut_is_seen || opened == 0);
	for (n = 0; n < packed->n; n += n < 64 || n > packed->n - 200 ? 1 : 97) {
		struct fs_error err = {0};
		struct dump *d = NULL;

		packed->v[n] ^= 0x10;
		if (open_it(bytes_save(packed), &none, &d, &err) == FS_OK)
			is_whole(d);
		packed->v[n] ^= 0x10;
	}
	assert_int_equal(files_left(), 0);
}

static void damage(void **state)
{
	struct bytes plain = {0}, packed = {0};
	struct member m = {"MEMORY.DMP", &plain, 0, 0};
	size_t before = open_files();

	(void)state;
	put_dump(&plain);
	gzip(&packed, &plain);
	damaged(&packed, true);
	zip(&packed, &m, 1);
	damaged(&packed, false);
	assert_int_equal(open_files(), before);
	bytes_deinit(&plain);
	bytes_deinit(&packed);
}

static void count(void *arg, const char *what, uint64_t done, uint64_t total)
{
	(void)what;
	assert_true(done <= total);
	++*(int *)arg;
}

/* gzip(1): several streams are one file; what a tape leaves behind the last is none. */
static void streams_and_padding(void **state)
{
	struct bytes plain = {0}, first = {0}, second = {0}, half = {0};
	struct fs_error err = {0};
	struct dump *d;

	(void)state;
	put_dump(&plain);
	bytes_put(&half, 0, plain.v, 0x2345);
	gzip(&first, &half);
	bytes_resize(&half, 0);
	bytes_put(&half, 0, plain.v + 0x2345, plain.n - 0x2345);
	gzip(&second, &half);
	bytes_put(&first, first.n, second.v, second.n);
	assert_int_equal(open_it(bytes_save(&first), &none, &d, &err), FS_OK);
	assert_int_equal(dump_info(d)->file_size, 0x6000);
	assert_int_equal(dump_note_count(d), 1);
	dump_close(d);
	bytes_resize(&first, first.n + 512);
	assert_int_equal(open_it(bytes_save(&first), &none, &d, &err), FS_OK);
	assert_int_equal(dump_note_count(d), 2);
	assert_non_null(strstr(dump_note(d, 0), "what follows the gzip data"));
	dump_close(d);
	bytes_deinit(&plain);
	bytes_deinit(&first);
	bytes_deinit(&second);
	bytes_deinit(&half);
}

static void progress_is_told(void **state)
{
	int calls = 0;
	struct dump_options o = {.progress = count, .progress_arg = &calls};
	struct bytes plain = {0}, packed = {0};
	struct fs_error err = {0};
	struct dump *d;

	(void)state;
	put_dump(&plain);
	gzip(&packed, &plain);
	assert_int_equal(open_it(bytes_save(&packed), &o, &d, &err), FS_OK);
	assert_true(calls > 0);
	dump_close(d);
	bytes_deinit(&plain);
	bytes_deinit(&packed);
}

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test-packed-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unpacked),	    cmocka_unit_test(refused),
		cmocka_unit_test(too_large),	    cmocka_unit_test(no_room),
		cmocka_unit_test(damage),	    cmocka_unit_test(streams_and_padding),
		cmocka_unit_test(progress_is_told),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
