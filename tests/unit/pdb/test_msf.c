/* SPDX-License-Identifier: BSD-2-Clause */
/* The container, and who a PDB is: superblock, directory, info stream, DBI header. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pdb/impl.h"
#include "support/pdb_maker.h"
#include "support/test.h"

static struct pdb *open_maker(struct pdb_maker *m, struct fs_error *err)
{
	struct pdb *p = NULL;

	pm_build(m);
	return pdb_open_fd(pm_fd(m->file.v, m->file.n), "t.pdb", &p, err) ? NULL : p;
}

/* Info and DBI streams that are in order, nothing else. */
static void sound(struct pdb_maker *m, uint32_t block_size)
{
	struct maker_dbi d = maker_dbi();

	pm_init(m, block_size);
	pm_info(m, 3, NULL, 0);
	d.age = 0x1f;
	pm_dbi(m, &d);
}

static void assert_refused(struct pdb_maker *m, enum fs_status status, const char *words)
{
	struct fs_error err = {0};
	struct pdb *p = NULL;

	assert_int_equal(pdb_open_fd(pm_fd(m->file.v, m->file.n), "t.pdb", &p, &err), status);
	assert_null(p);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

static void every_block_size(void **state)
{
	(void)state;
	for (uint32_t bs = 512; bs <= 65536; bs *= 2) {
		struct pdb_maker m;
		struct fs_error err;
		uint32_t s;
		uint8_t *b;
		struct pdb *p;

		sound(&m, bs);
		s = pm_stream(&m);
		for (uint32_t i = 0; i < 50000; i++)
			blob_u32(&m.stream[s], i);
		p = open_maker(&m, &err);
		assert_non_null(p);
		assert_int_equal(pdb_info(p)->block_size, bs);
		assert_int_equal(msf_size(p, s), 200000);
		assert_int_equal(msf_load(p, s, 0, 200000, "all", &b, &err), FS_OK);
		assert_memory_equal(b, m.stream[s].v, 200000);
		free(b);
		/* over a block's edge, both sides of it, and past the end */
		for (uint32_t at = bs - 6; at < bs + 2; at++) {
			uint8_t some[9];

			assert_int_equal(msf_read(p, s, at, some, 9, "some", &err), FS_OK);
			assert_memory_equal(some, m.stream[s].v + at, 9);
		}
		assert_int_equal(msf_read(p, s, 199999, &b, 2, "end", &err), FS_CORRUPT);
		assert_int_equal(msf_read(p, s, UINT64_MAX, &b, 2, "end", &err), FS_CORRUPT);
		assert_int_equal(msf_read(p, 77, 0, &b, 1, "none", &err), FS_CORRUPT);
		pdb_close(p);
		pm_free(&m);
	}
}

/* A directory of so many blocks that their numbers fill more than one block. */
static void directory_map_of_several_blocks(void **state)
{
	struct pdb_maker m;
	struct fs_error err;
	struct pdb *p;
	uint32_t s;
	uint8_t b[4];

	(void)state;
	sound(&m, 512);
	s = pm_stream(&m);
	blob_zeros(&m.stream[s], 512 * 17000); /* 133 blocks of directory, 2 of their numbers */
	blob_set_u32(&m.stream[s], 512 * 16999 + 8, 0xfeedf00d);
	p = open_maker(&m, &err);
	assert_non_null(p);
	assert_int_equal(p->msf.map_n, 2);
	assert_int_equal(msf_read(p, s, 512 * 16999 + 8, b, 4, "far", &err), FS_OK);
	assert_int_equal(load_u32(b), 0xfeedf00d);
	pdb_close(p);
	pm_free(&m);
}

/* The last block of a file of 5 GiB (a hole but for it). */
static void past_4_gib(void **state)
{
	struct pdb_maker m;
	struct fs_error err;
	struct pdb *p = NULL;
	uint64_t at = (UINT64_C(5) << 30) - 4096;
	uint32_t s, list;
	uint8_t b[4];
	int fd;

	(void)state;
	sound(&m, 4096);
	s = pm_stream(&m);
	blob_u32(&m.stream[s], 0x600df00d);
	pm_build(&m);
	/* the stream's only block number is the directory's last word */
	list = load_u32(m.file.v + 44) - 4;
	for (size_t i = 0; i + 4 <= m.file.n; i += 4096) {
		if (load_u32(m.file.v + i) == m.streams && load_u32(m.file.v + i + 4) == 0)
			blob_set_u32(&m.file, i + list, (uint32_t)(at / 4096));
	}
	blob_set_u32(&m.file, 40, (uint32_t)(at / 4096) + 1);
	fd = pm_fd(m.file.v, m.file.n);
	assert_int_equal(ftruncate(fd, (off_t)at + 4096), 0);
	assert_int_equal(pwrite(fd, "\x0d\xf0\x0d\x60", 4, (off_t)at), 4);
	assert_int_equal(pdb_open_fd(fd, "t.pdb", &p, &err), FS_OK);
	assert_int_equal(msf_read(p, s, 0, b, 4, "far", &err), FS_OK);
	assert_int_equal(load_u32(b), 0x600df00d);
	pdb_close(p);
	pm_free(&m);
}

static void a_nil_stream_is_empty(void **state)
{
	struct pdb_maker m;
	struct fs_error err;
	struct pdb *p;

	(void)state;
	sound(&m, 1024);
	m.nil = 1 << 4;
	p = open_maker(&m, &err);
	assert_non_null(p);
	assert_true(msf_has(p, 4));
	assert_int_equal(msf_size(p, 4), 0);
	assert_int_equal(pdb_has_types(p, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "holds no types"));
	pdb_close(p);
	pm_free(&m);
}

static void other_files_are_named(void **state)
{
	static const struct {
		const char *bytes, *words;
		size_t n;
	} cases[] = {
		{"", "is empty", 0},
		{"Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0", "format 2.00", 44},
		{"BSJB\1\0\1\0", "portable PDB of .NET", 8},
		{"MSCF\0\0\0\0", "a cabinet", 8},
		{"MZ\x90\0", "not a PDB", 4},
		{"Microsoft C/C++ MSF 7.00\r\n\x1a"
		 "DX\0\0\0",
		 "signature is damaged", 32},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pdb_maker m = {0};

		blob(&m.file, cases[i].bytes, cases[i].n);
		assert_refused(&m, strstr(cases[i].words, "damaged") ? FS_CORRUPT : FS_UNSUPPORTED,
			       cases[i].words);
		pm_free(&m);
	}
}

static void superblock_counts_at_their_maximum(void **state)
{
	static const struct {
		uint32_t at, value;
		const char *words;
	} cases[] = {
		{32, 0, "block size"},
		{32, 1000, "block size"},
		{32, 256, "block size"},
		{32, 131072, "block size"},
		{32, 0xffffffff, "block size"},
		{40, 0xffffffff, "cut off"},
		{40, 0, "directory"},
		{44, 0xffffffff, "directory"},
		{44, 0, "directory"},
		{44, 3, "directory"},
		{52, 0xffffffff, "list of the directory's blocks"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pdb_maker m;

		sound(&m, 512);
		pm_build(&m);
		blob_set_u32(&m.file, cases[i].at, cases[i].value);
		assert_refused(&m, FS_CORRUPT, cases[i].words);
		pm_free(&m);
	}
}

static void directory_counts_at_their_maximum(void **state)
{
	struct pdb_maker m;
	size_t dir;

	(void)state;
	for (uint32_t word = 0; word < 9; word++) {
		sound(&m, 512);
		pm_build(&m);
		/* the directory's block stands before the list of it, which is last */
		dir = m.file.n - 1024;
		assert_int_equal(load_u32(m.file.v + dir), m.streams);
		blob_set_u32(&m.file, dir + 4 * (size_t)word, 0xfffffff0);
		assert_refused(&m, FS_CORRUPT,
			       word == 0  ? "streams in a directory"
			       : word < 6 ? "no room for its block list"
					  : "is said to lie in block");
		pm_free(&m);
		if (word == 6)
			break; /* the info stream's block; later ones are not read at once */
	}
}

static void cut_off_anywhere(void **state)
{
	struct pdb_maker m, part = {0};

	(void)state;
	sound(&m, 512);
	pm_build(&m);
	for (size_t n = 0; n < m.file.n; n++) {
		struct fs_error err = {0};
		struct pdb *p = NULL;

		assert_int_not_equal(pdb_open_fd(pm_fd(m.file.v, n), "t.pdb", &p, &err), FS_OK);
		assert_null(p);
		assert_non_null(strstr(err.text, "t.pdb"));
	}
	pm_free(&part);
	pm_free(&m);
}

static void shrinks_after_opening(void **state)
{
	struct pdb_maker m;
	struct fs_error err;
	struct pdb *p = NULL;
	uint32_t s;
	uint8_t b;
	int fd;

	(void)state;
	sound(&m, 512);
	s = pm_stream(&m);
	blob_zeros(&m.stream[s], 600);
	pm_build(&m);
	fd = pm_fd(m.file.v, m.file.n);
	assert_int_equal(pdb_open_fd(fd, "t.pdb", &p, &err), FS_OK);
	assert_int_equal(ftruncate(fd, 512), 0);
	assert_int_equal(msf_read(p, s, 599, &b, 1, "tail", &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "did it shrink"));
	pdb_close(p);
	pm_free(&m);
}

static void who_it_is(void **state)
{
	static const uint32_t vc140 = 20140508;
	struct pdb_maker m;
	struct maker_dbi d = maker_dbi();
	struct fs_error err;
	const struct pdb_info *i;
	struct pdb *p;
	uint32_t stream;

	(void)state;
	pm_init(&m, 4096);
	pm_info(&m, 3, &vc140, 1);
	d.age = 0x1f;
	d.flags = 2;
	d.machine = 0xaa64;
	pm_dbi(&m, &d);
	p = open_maker(&m, &err);
	assert_non_null(p);
	i = pdb_info(p);
	/* the DBI stream's age, not the info stream's; no leading zeros */
	assert_string_equal(i->key, MAKER_GUID "1F");
	assert_int_equal(i->info_age, 3);
	assert_int_equal(i->signature, 0x5f5e1000);
	assert_true(i->stripped && i->has_dbi && !i->fastlink && !i->has_omap);
	assert_string_equal(pdb_machine_name(p), "arm64");
	assert_int_equal(pdb_match(p, "00112233445566778899aabbccddeeff1f", &err), FS_OK);
	assert_int_equal(pdb_match(p, MAKER_GUID "3", &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "age is 1F"));
	assert_int_equal(pdb_match(p, "10112233445566778899AABBCCDDEEFF1F", &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "the wrong PDB"));
	assert_int_equal(pdb_match(p, "1F", &err), FS_INVALID);
	assert_int_equal(pdb_named_stream(p, "/names", &stream, &err), FS_OK);
	assert_int_equal(stream, 4);
	assert_int_equal(pdb_named_stream(p, "/LinkInfo", &stream, &err), FS_NOT_FOUND);
	/* stripped of its types is not the same as made without any */
	assert_int_equal(pdb_has_types(p, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "stripped: private symbols and all types"));
	pdb_close(p);
	pm_free(&m);
}

static void fastlink_has_its_own_sentence(void **state)
{
	static const uint32_t features[] = {20140508, 0x494e494d};
	struct pdb_maker m;
	struct fs_error err;
	struct pdb_type t;
	struct pdb *p;

	(void)state;
	pm_init(&m, 4096);
	pm_info(&m, 1, features, 2);
	p = open_maker(&m, &err);
	assert_non_null(p);
	assert_true(pdb_info(p)->fastlink);
	assert_false(pdb_info(p)->has_dbi);
	assert_string_equal(pdb_info(p)->key, MAKER_GUID "1");
	assert_int_equal(pdb_find_type(p, "_X", &t, &err), FS_UNSUPPORTED);
	assert_non_null(strstr(err.text, "/DEBUG:FASTLINK"));
	pdb_close(p);
	pm_free(&m);
}

/* "VC110" ends the features: what looks like FASTLINK behind it is none. */
static void features_end_at_vc110(void **state)
{
	static const uint32_t features[] = {20091201, 0x494e494d};
	struct pdb_maker m;
	struct pdb *p;

	(void)state;
	pm_init(&m, 4096);
	pm_info(&m, 1, features, 2);
	p = open_maker(&m, NULL);
	assert_non_null(p);
	assert_false(pdb_info(p)->fastlink);
	pdb_close(p);
	pm_free(&m);
}

static void hostile_headers(void **state)
{
	static const struct {
		uint32_t stream, at, value;
		enum fs_status status;
		const char *words;
	} cases[] = {
		{1, 0, 19960307, FS_UNSUPPORTED, "version 19960307"},
		{3, 0, 0, FS_UNSUPPORTED, "signature 0x0"},
		{3, 24, 0xffffffff, FS_CORRUPT, "module list"},
		{3, 28, 0x7fffffff, FS_CORRUPT, "section contributions"},
		{3, 32, 0x80000000, FS_CORRUPT, "section map"},
		{3, 36, 1000, FS_CORRUPT, "source files"},
		{3, 40, 1000, FS_CORRUPT, "type servers"},
		{3, 52, 1000, FS_CORRUPT, "edit and continue"},
		{3, 48, 0xffffffff, FS_CORRUPT, "optional debug header"},
		{3, 64 + 10, 0xfffe, FS_CORRUPT, "entry 5 names stream 65534"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pdb_maker m;

		sound(&m, 1024);
		blob_set_u32(&m.stream[cases[i].stream], cases[i].at, cases[i].value);
		pm_build(&m);
		assert_refused(&m, cases[i].status, cases[i].words);
		pm_free(&m);
	}
}

static void named_streams_at_their_maximum(void **state)
{
	(void)state;
	/* string bytes, count, capacity, words of both bit vectors */
	for (size_t at = 28; at < 28 + 4 + 7 + 16; at += at == 28 ? 11 : 4) {
		struct pdb_maker m;
		struct fs_error err = {0};
		uint32_t stream;
		struct pdb *p;

		sound(&m, 1024);
		blob_set_u32(&m.stream[MAKER_INFO], at, 0xffffffff);
		p = open_maker(&m, &err);
		assert_non_null(p);    /* who it is can be read all the same */
		if (at == 28 + 11 + 4) /* the capacity is of no use to a reader */
			assert_int_equal(pdb_named_stream(p, "/names", &stream, &err), FS_OK);
		else
			assert_int_equal(pdb_named_stream(p, "/names", &stream, &err), FS_CORRUPT);
		pdb_close(p);
		pm_free(&m);
	}
}

static void not_a_file(void **state)
{
	struct fs_error err;
	struct pdb *p = NULL;

	(void)state;
	assert_int_equal(pdb_open("/nowhere/x.pdb", &p, &err), FS_SYSTEM);
	assert_non_null(strstr(err.text, "/nowhere/x.pdb"));
	assert_int_equal(pdb_open("/", &p, &err), FS_INVALID);
	assert_non_null(strstr(err.text, "not a regular file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block_size),
		cmocka_unit_test(directory_map_of_several_blocks),
		cmocka_unit_test(past_4_gib),
		cmocka_unit_test(a_nil_stream_is_empty),
		cmocka_unit_test(other_files_are_named),
		cmocka_unit_test(superblock_counts_at_their_maximum),
		cmocka_unit_test(directory_counts_at_their_maximum),
		cmocka_unit_test(cut_off_anywhere),
		cmocka_unit_test(shrinks_after_opening),
		cmocka_unit_test(who_it_is),
		cmocka_unit_test(fastlink_has_its_own_sentence),
		cmocka_unit_test(features_end_at_vc110),
		cmocka_unit_test(hostile_headers),
		cmocka_unit_test(named_streams_at_their_maximum),
		cmocka_unit_test(not_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
