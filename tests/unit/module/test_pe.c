/* SPDX-License-Identifier: BSD-2-Clause */
/* PE headers and RSDS records, byte by byte as Microsoft's "PE Format" has them. */
#include "support/test.h"

#include "dump/dump.h"
#include "module/module.h"
#include "support/triage_builder.h"

#define BASE	 0xfffff88001330000ull
#define NT	 0x80
#define OPT	 (NT + 24)
#define SECTIONS (OPT + 0xf0)
#define HEADERS	 (SECTIONS + 2 * 40) /* bytes that pe_read looks at */
#define DEBUG	 0x400
#define RECORD	 0x440
#define PATH	 (RECORD + 24)
#define MAPPED	 0x700
#define IMAGE	 0x6d000

static const char pdb_path[] = "d:\\build\\fltMgr.pdb";

struct image {
	struct triage t;
	struct dump *dump;
	struct vm *vm;
	struct module m;
};

static void section(struct triage *t, uint64_t at, const char *name, uint32_t rva, uint32_t size,
		    uint32_t flags)
{
	triage_put(t, at, name, strlen(name));
	triage_u32(t, at + 8, size);
	triage_u32(t, at + 12, rva);
	triage_u32(t, at + 36, flags);
}

static void make_record(struct triage *t, const char *path, size_t n)
{
	static const uint8_t guid[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
					 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

	triage_u32(t, BASE + DEBUG + 12, 2); /* IMAGE_DEBUG_TYPE_CODEVIEW */
	triage_u32(t, BASE + DEBUG + 16, (uint32_t)(24 + n));
	triage_u32(t, BASE + DEBUG + 20, RECORD);
	triage_put(t, BASE + RECORD, "RSDS", 4);
	triage_put(t, BASE + RECORD + 4, guid, sizeof(guid));
	triage_u32(t, BASE + RECORD + 20, 0x1f);
	triage_put(t, BASE + PATH, path, n);
}

/* An image as it lies in memory. */
static void make(struct image *i)
{
	struct triage *t = &i->t;

	memset(i, 0, sizeof(*i));
	triage_init(t);
	triage_map(t, BASE, MAPPED);
	triage_put(t, BASE, "MZ", 2);
	triage_u32(t, BASE + 0x3c, NT);
	triage_put(t, BASE + NT, "PE\0\0", 4);
	triage_u16(t, BASE + NT + 4, 0x8664);
	triage_u16(t, BASE + NT + 6, 2);
	triage_u32(t, BASE + NT + 8, 0x5e0eb67f);
	triage_u16(t, BASE + NT + 20, 0xf0);
	triage_u16(t, BASE + OPT, 0x20b);
	triage_u32(t, BASE + OPT + 56, IMAGE);
	triage_u32(t, BASE + OPT + 108, 16);
	triage_u32(t, BASE + OPT + 112 + 6 * 8, DEBUG);
	triage_u32(t, BASE + OPT + 112 + 6 * 8 + 4, 28);
	section(t, BASE + SECTIONS, ".text", 0x1000, 0x2000, 0x60000020);
	section(t, BASE + SECTIONS + 40, ".dataxyz", 0x3000, 0xffffffff, 0xc0000040);
	make_record(t, pdb_path, sizeof(pdb_path));
	i->m = (struct module){.name = "fltmgr.sys", .base = BASE, .size = IMAGE};
}

static void open_image(struct image *i)
{
	struct fs_error err;

	if (dump_open(triage_write(&i->t), &i->dump, &err) || vm_create(i->dump, &i->vm, &err))
		fail_msg("%s", err.text);
}

static void close_image(struct image *i)
{
	vm_destroy(i->vm);
	dump_close(i->dump);
	i->vm = NULL;
	i->dump = NULL;
}

static void done(struct image *i)
{
	close_image(i);
	triage_deinit(&i->t);
}

static enum fs_status read_pe(struct image *i, struct pe *pe, struct fs_error *err)
{
	enum fs_status st;

	open_image(i);
	st = pe_read(i->vm, &i->m, pe, err);
	close_image(i);
	return st;
}

static enum fs_status read_rsds(struct image *i, struct rsds *r, struct fs_error *err)
{
	struct pe pe;
	enum fs_status st;

	open_image(i);
	st = pe_read(i->vm, &i->m, &pe, err);
	if (!st)
		st = rsds_read(i->vm, &i->m, &pe, r, err);
	close_image(i);
	return st;
}

static void reads_pe32_plus(void **state)
{
	struct image i;
	struct pe pe;

	(void)state;
	make(&i);
	assert_int_equal(read_pe(&i, &pe, NULL), FS_OK);
	assert_int_equal(pe.machine, 0x8664);
	assert_int_equal(pe.timestamp, 0x5e0eb67f);
	assert_int_equal(pe.size_of_image, IMAGE);
	assert_int_equal(pe.debug_rva, DEBUG);
	assert_int_equal(pe.debug_size, 28);
	assert_int_equal(pe.nsections, 2);
	assert_string_equal(pe.section[0].name, ".text");
	assert_int_equal(pe.section[0].rva, 0x1000);
	assert_int_equal(pe.section[0].size, 0x2000);
	assert_int_equal(pe.section[0].characteristics, 0x60000020);
	/* Eight characters have no terminator in the file; the size is clipped to the image. */
	assert_string_equal(pe.section[1].name, ".dataxyz");
	assert_int_equal(pe.section[1].size, IMAGE - 0x3000);
	done(&i);
}

static void reads_pe32(void **state)
{
	struct image i;
	struct pe pe;

	(void)state;
	make(&i);
	triage_u16(&i.t, BASE + NT + 4, 0x14c);
	triage_u16(&i.t, BASE + OPT, 0x10b);
	triage_u32(&i.t, BASE + OPT + 92, 16);
	triage_u32(&i.t, BASE + OPT + 96 + 6 * 8, 0x123);
	triage_u32(&i.t, BASE + OPT + 96 + 6 * 8 + 4, 56);
	assert_int_equal(read_pe(&i, &pe, NULL), FS_OK);
	assert_int_equal(pe.machine, 0x14c);
	assert_int_equal(pe.size_of_image, IMAGE);
	assert_int_equal(pe.debug_rva, 0x123);
	assert_int_equal(pe.debug_size, 56);
	done(&i);
}

static void reads_rsds(void **state)
{
	struct image i;
	struct rsds r;

	(void)state;
	make(&i);
	assert_int_equal(read_rsds(&i, &r, NULL), FS_OK);
	/* Data1 to Data3 are little endian, Data4 is bytes. */
	assert_string_equal(r.guid, "00112233445566778899AABBCCDDEEFF");
	assert_int_equal(r.age, 0x1f);
	assert_string_equal(r.pdb, "d:\\build\\fltMgr.pdb");
	done(&i);
}

/* Memory that ends anywhere: missing, never wrong; the same for the image's size. */
static void truncated_everywhere(void **state)
{
	const size_t record_end = PATH + sizeof(pdb_path);
	struct image i;
	struct fs_error err;
	struct pe pe;
	struct rsds r;
	size_t n;

	(void)state;
	make(&i);
	for (n = 1; n <= record_end; n++) {
		i.t.range[0].size = n;
		assert_int_equal(read_pe(&i, &pe, &err), n < HEADERS ? FS_NOT_IN_DUMP : FS_OK);
		assert_int_equal(read_rsds(&i, &r, &err), n < record_end ? FS_NOT_IN_DUMP : FS_OK);
	}
	i.t.range[0].size = MAPPED;
	for (n = 0; n <= record_end; n++) {
		i.m.size = (uint32_t)n;
		assert_int_equal(read_pe(&i, &pe, &err), n < HEADERS ? FS_CORRUPT : FS_OK);
		assert_int_equal(read_rsds(&i, &r, &err), n < record_end ? FS_CORRUPT : FS_OK);
	}
	done(&i);
}

/* Each count and offset at its maximum: refused in words, the address of the image in them. */
static void hostile_headers(void **state)
{
	static const struct {
		uint32_t at;
		unsigned bytes;
		uint32_t v;
		enum fs_status pe, rsds;
		const char *text;
	} cases[] = {
		{0, 2, 0x4d5a, FS_CORRUPT, FS_CORRUPT, "expected MZ"},
		{0x3c, 4, 0xffffffff, FS_CORRUPT, FS_CORRUPT, "outside the image"},
		{0x3c, 4, IMAGE - 23, FS_CORRUPT, FS_CORRUPT, "outside the image"},
		{0x3c, 4, NT + 1, FS_CORRUPT, FS_CORRUPT, "expected PE"},
		{NT + 6, 2, 97, FS_CORRUPT, FS_CORRUPT, "97 sections"},
		{NT + 6, 2, 0xffff, FS_CORRUPT, FS_CORRUPT, "65535 sections"},
		{NT + 20, 2, 95, FS_CORRUPT, FS_CORRUPT, "optional header of 95 bytes"},
		{NT + 20, 2, 0xffff, FS_NOT_IN_DUMP, FS_NOT_IN_DUMP, "section header"},
		{OPT, 2, 0x107, FS_CORRUPT, FS_CORRUPT, "magic 0x107"},
		{OPT + 108, 4, 6, FS_OK, FS_NOT_FOUND, "no debug directory"},
		{OPT + 112 + 48, 4, 0, FS_OK, FS_NOT_FOUND, "no debug directory"},
		{OPT + 112 + 48, 4, 0xffffffff, FS_OK, FS_CORRUPT, "outside the image"},
		{OPT + 112 + 52, 4, 27, FS_OK, FS_NOT_FOUND, "no debug directory"},
		{OPT + 112 + 52, 4, 0xffffffff, FS_OK, FS_CORRUPT, "outside the image"},
		{DEBUG + 12, 4, 13, FS_OK, FS_NOT_FOUND, "no CodeView record"},
		{DEBUG + 16, 4, 24, FS_OK, FS_CORRUPT, "expected more than 24"},
		{DEBUG + 16, 4, 0xffffffff, FS_OK, FS_CORRUPT, "within the image"},
		{DEBUG + 20, 4, 0, FS_OK, FS_NOT_FOUND, "no CodeView record"},
		{DEBUG + 20, 4, 0xffffffff, FS_OK, FS_CORRUPT, "within the image"},
		{RECORD, 4, 0x3031424e, FS_OK, FS_CORRUPT, "expected RSDS"}, /* NB10 */
	};
	struct image i;
	struct fs_error err;
	struct pe pe;
	struct rsds r;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		make(&i);
		if (cases[k].bytes == 2)
			triage_u16(&i.t, BASE + cases[k].at, (uint16_t)cases[k].v);
		else
			triage_u32(&i.t, BASE + cases[k].at, cases[k].v);
		assert_int_equal(read_pe(&i, &pe, NULL), cases[k].pe);
		memset(&r, 0x5a, sizeof(r));
		assert_int_equal(read_rsds(&i, &r, &err), cases[k].rsds);
		if (!strstr(err.text, cases[k].text) || !strstr(err.text, "fltmgr.sys"))
			fail_msg("case %zu: \"%s\" has no \"%s\"", k, err.text, cases[k].text);
		/* Untouched on failure. */
		assert_int_equal(r.guid[0], 0x5a);
		done(&i);
	}
}

/* The record is found behind others, and the search among hostile many ends. */
static void many_debug_entries(void **state)
{
	struct image i;
	struct fs_error err;
	struct rsds r;

	(void)state;
	make(&i);
	triage_map(&i.t, BASE + 0x10000, 0x1000 * 28);
	triage_u32(&i.t, BASE + OPT + 112 + 48, 0x10000);
	triage_u32(&i.t, BASE + OPT + 112 + 52, 3 * 28);
	triage_u32(&i.t, BASE + 0x10000 + 12, 13); /* POGO */
	/* A CodeView entry that is in the file only is not the one. */
	triage_u32(&i.t, BASE + 0x10000 + 28 + 12, 2);
	triage_u32(&i.t, BASE + 0x10000 + 56 + 12, 2);
	triage_u32(&i.t, BASE + 0x10000 + 56 + 16, 24 + sizeof(pdb_path));
	triage_u32(&i.t, BASE + 0x10000 + 56 + 20, RECORD);
	assert_int_equal(read_rsds(&i, &r, &err), FS_OK);
	triage_u32(&i.t, BASE + 0x10000 + 56 + 12, 13);
	triage_u32(&i.t, BASE + OPT + 112 + 52, 0x1000 * 28);
	assert_int_equal(read_rsds(&i, &r, &err), FS_LIMIT);
	done(&i);
}

/* The name of a PDB is somebody else's text. */
static void hostile_pdb_names(void **state)
{
	char longest[400];
	struct image i;
	struct fs_error err;
	struct rsds r;

	(void)state;
	make(&i);
	/* Separators and control characters are data: kept, whoever shows it escapes. */
	make_record(&i.t, "..\\../\x1b[2Jx.pdb", sizeof("..\\../\x1b[2Jx.pdb"));
	assert_int_equal(read_rsds(&i, &r, &err), FS_OK);
	assert_string_equal(r.pdb, "..\\../\x1b[2Jx.pdb");
	make_record(&i.t, "a\xff\xc3(.pdb", sizeof("a\xff\xc3(.pdb"));
	assert_int_equal(read_rsds(&i, &r, &err), FS_OK);
	assert_string_equal(r.pdb, "a\xef\xbf\xbd\xef\xbf\xbd(.pdb");
	/* No terminator within the record. */
	make_record(&i.t, "abc.pdb", 7);
	assert_int_equal(read_rsds(&i, &r, &err), FS_CORRUPT);
	assert_non_null(strstr(err.text, "no terminator"));
	memset(longest, 'x', sizeof(longest));
	longest[259] = '\0';
	make_record(&i.t, longest, 260);
	assert_int_equal(read_rsds(&i, &r, &err), FS_OK);
	assert_int_equal(strlen(r.pdb), 259);
	longest[259] = 'x';
	longest[399] = '\0';
	make_record(&i.t, longest, 400);
	assert_int_equal(read_rsds(&i, &r, &err), FS_CORRUPT);
	done(&i);
}

/* 259 bytes that grow threefold when repaired: cut between characters. */
static void repaired_names_fit(void **state)
{
	char bad[260];
	struct image i;
	struct rsds r;

	(void)state;
	memset(bad, 0xff, sizeof(bad));
	bad[0] = 'a';
	bad[259] = '\0';
	make(&i);
	make_record(&i.t, bad, 260);
	assert_int_equal(read_rsds(&i, &r, NULL), FS_OK);
	assert_int_equal(strlen(r.pdb), 1 + 3 * 86);
	assert_string_equal(r.pdb + 1 + 3 * 85, "\xef\xbf\xbd");
	done(&i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_pe32_plus),   cmocka_unit_test(reads_pe32),
		cmocka_unit_test(reads_rsds),	     cmocka_unit_test(truncated_everywhere),
		cmocka_unit_test(hostile_headers),   cmocka_unit_test(many_debug_entries),
		cmocka_unit_test(hostile_pdb_names), cmocka_unit_test(repaired_names_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
