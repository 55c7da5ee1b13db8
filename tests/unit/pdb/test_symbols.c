/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols and addresses: sections, OMAP from literal bytes, publics with and without
 * their hash, module symbols, the nearest symbol. */
#include "pdb/impl.h"
#include "support/pdb_maker.h"
#include "support/test.h"

struct world {
	struct pdb_maker m;
	struct maker_dbi d;
	struct pdb *p;
};

/* .text 0x1000+0x800, .data 0x3000+0x200 */
static void begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	pm_init(&w->m, 512);
	pm_info(&w->m, 1, NULL, 0);
	w->d = maker_dbi();
	w->d.records = pm_stream(&w->m);
	w->d.sections = pm_stream(&w->m);
	pm_section(&w->m, w->d.sections, ".text", 0x1000, 0x800);
	pm_section(&w->m, w->d.sections, ".data", 0x3000, 0x200);
}

static struct blob *records(struct world *w)
{
	return &w->m.stream[w->d.records];
}

static void finish(struct world *w)
{
	struct fs_error err;

	pm_dbi(&w->m, &w->d);
	pm_build(&w->m);
	if (pdb_open_fd(pm_fd(w->m.file.v, w->m.file.n), "t.pdb", &w->p, &err))
		fail_msg("%s", err.text);
}

static void end(struct world *w)
{
	pdb_close(w->p);
	free(w->d.modules.v);
	pm_free(&w->m);
}

static void assert_rva(struct world *w, const char *name, uint32_t rva)
{
	struct fs_error err = {0};
	struct pdb_symbol s;

	if (pdb_symbol_by_name(w->p, name, &s, &err))
		fail_msg("%s: %s", name, err.text);
	assert_true(s.has_rva);
	assert_int_equal(s.rva, rva);
}

static void assert_near(struct world *w, uint32_t rva, const char *name)
{
	struct fs_error err = {0};
	struct pdb_symbol s;
	enum fs_status st = pdb_symbol_by_rva(w->p, rva, &s, &err);

	if (!name) {
		assert_int_equal(st, FS_NOT_FOUND);
		return;
	}
	assert_int_equal(st, FS_OK);
	assert_string_equal(s.name, name);
}

static void publics(void **state)
{
	struct world w;
	struct pdb_symbol s;

	(void)state;
	begin(&w);
	pm_public(records(&w), "last", 1, 0x400);
	pm_public(records(&w), "first", 1, 0x10);
	pm_public(records(&w), "FltGlobals", 2, 0x20);
	pm_public(records(&w), "__guard_flags", 3, 0x500); /* absolute: past the sections */
	finish(&w);
	assert_rva(&w, "FltGlobals", 0x3020);
	assert_rva(&w, "first", 0x1010);
	assert_int_equal(pdb_symbol_by_name(w.p, "__guard_flags", &s, NULL), FS_OK);
	assert_false(s.has_rva);
	assert_true(s.is_public && s.is_function && s.segment == 3);
	assert_int_equal(pdb_symbol_by_name(w.p, "flt", &s, NULL), FS_NOT_FOUND);
	assert_int_equal(pdb_symbol_by_name(w.p, "fltglobals", &s, NULL), FS_NOT_FOUND);
	assert_near(&w, 0x1010, "first");
	assert_near(&w, 0x13ff, "first");
	assert_near(&w, 0x1400, "last");
	assert_near(&w, 0x17ff, "last");
	assert_near(&w, 0x100f, NULL); /* before the first */
	assert_near(&w, 0x1800, NULL); /* behind the section */
	assert_near(&w, 0x3000, NULL); /* in the next, before its first */
	assert_near(&w, 0x3030, "FltGlobals");
	assert_near(&w, 0xffffffff, NULL);
	end(&w);
}

static void x86_decoration(void **state)
{
	(void)state;
	for (int x86 = 0; x86 < 2; x86++) {
		struct world w;
		struct pdb_symbol s;
		enum fs_status want = x86 ? FS_OK : FS_NOT_FOUND;

		begin(&w);
		w.d.machine = x86 ? 0x14c : 0x8664;
		pm_public(records(&w), "_plain", 1, 1);
		pm_public(records(&w), "_std@12", 1, 2);
		pm_public(records(&w), "@fast@8", 1, 3);
		pm_public(records(&w), "_std@x", 1, 4);
		pm_public(records(&w), "_stdmore@4", 1, 5);
		finish(&w);
		assert_int_equal(pdb_symbol_by_name(w.p, "plain", &s, NULL), want);
		assert_int_equal(pdb_symbol_by_name(w.p, "fast", &s, NULL), want);
		assert_int_equal(pdb_symbol_by_name(w.p, "std", &s, NULL), want);
		if (x86)
			assert_string_equal(s.name, "_std@12");
		assert_int_equal(pdb_symbol_by_name(w.p, "stdmor", &s, NULL), FS_NOT_FOUND);
		assert_int_equal(pdb_symbol_by_name(w.p, "_std@12", &s, NULL), FS_OK);
		end(&w);
	}
}

static void omap(struct world *w, uint32_t *stream, size_t n, const uint32_t (*v)[2])
{
	*stream = pm_stream(&w->m);
	for (size_t i = 0; i < n; i++) {
		blob_u32(&w->m.stream[*stream], v[i][0]);
		blob_u32(&w->m.stream[*stream], v[i][1]);
	}
}

/* As linked: .text 0x1000, .data 0x2000. As it is: .text 0x1000, .data 0x3000; the
 * functions at 0x1000 and 0x1100 have changed places, that at 0x1200 is gone. */
static const uint32_t from_source[][2] = {
	{0x1000, 0x1300}, {0x1100, 0x1010}, {0x1200, 0}, {0x1300, 0x1500}, {0x2000, 0x3000}};
static const uint32_t to_source[][2] = {
	{0x1000, 0}, {0x1010, 0x1100}, {0x1300, 0x1000}, {0x1500, 0x1300}, {0x3000, 0x2000}};

static void rearranged(struct world *w)
{
	begin(w);
	w->d.original = pm_stream(&w->m);
	pm_section(&w->m, w->d.original, ".text", 0x1000, 0x800);
	pm_section(&w->m, w->d.original, ".data", 0x2000, 0x200);
	omap(w, &w->d.omap_from, 5, from_source);
	omap(w, &w->d.omap_to, 5, to_source);
	pm_public(records(w), "a", 1, 0);
	pm_public(records(w), "b", 1, 0x100);
	pm_public(records(w), "gone", 1, 0x210);
	pm_public(records(w), "c", 1, 0x310);
	pm_public(records(w), "FltGlobals", 2, 0x40);
	finish(w);
}

static void omap_both_ways(void **state)
{
	struct world w;
	struct pdb_symbol s;
	struct fs_error err;
	uint32_t rva, segment, offset;

	(void)state;
	rearranged(&w);
	assert_true(pdb_info(w.p)->has_omap);
	assert_rva(&w, "a", 0x1300);
	assert_rva(&w, "b", 0x1010);
	assert_rva(&w, "c", 0x1510);
	/* segment 2 began at 0x2000 when the symbol was written, not at 0x3000 */
	assert_rva(&w, "FltGlobals", 0x3040);
	assert_int_equal(pdb_symbol_by_name(w.p, "gone", &s, NULL), FS_OK);
	assert_false(s.has_rva);
	assert_int_equal(pdb_rva(w.p, 1, 0x210, &rva, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "eliminated"));
	assert_near(&w, 0x1020, "b");
	assert_near(&w, 0x1310, "a");
	assert_near(&w, 0x3050, "FltGlobals");
	static const uint32_t places[][2] = {{0x1010, 0x100}, {0x110f, 0x1ff}, {0x1300, 0},
					     {0x13ff, 0xff},  {0x1500, 0x300}, {0x1570, 0x370}};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		assert_int_equal(pdb_segment(w.p, places[i][0], &segment, &offset, &err), FS_OK);
		assert_int_equal(segment, 1);
		assert_int_equal(offset, places[i][1]);
		assert_int_equal(pdb_rva(w.p, segment, offset, &rva, &err), FS_OK);
		assert_int_equal(rva, places[i][0]);
	}
	assert_int_equal(pdb_segment(w.p, 0x1008, &segment, &offset, &err), FS_NOT_FOUND);
	assert_int_equal(pdb_segment(w.p, 0x10, &segment, &offset, &err), FS_NOT_FOUND);
	end(&w);
}

static void omap_that_lies(void **state)
{
	static const uint32_t unsorted[][2] = {
		{0x1000, 0x1000}, {0x1200, 0x1200}, {0x1100, 0x1100}};
	static const uint32_t overflow[][2] = {{0x1000, 0xfffffff0}};
	static const uint32_t late[][2] = {{0x1800, 0x1800}};
	static const struct {
		const uint32_t (*v)[2];
		size_t n;
		enum fs_status status;
		const char *words;
	} cases[] = {{unsorted, 3, FS_CORRUPT, "not sorted"},
		     {overflow, 1, FS_CORRUPT, "past the end of 32 bits"},
		     {late, 1, FS_NOT_FOUND, "nothing at or before"}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world w;
		struct fs_error err;
		uint32_t rva, segment, offset;

		begin(&w);
		omap(&w, &w.d.omap_from, cases[i].n, cases[i].v);
		finish(&w);
		assert_int_equal(pdb_rva(w.p, 1, 0x20, &rva, &err), cases[i].status);
		assert_non_null(strstr(err.text, cases[i].words));
		/* there is no way back in this one */
		assert_int_equal(pdb_segment(w.p, 0x1000, &segment, &offset, &err), FS_NOT_FOUND);
		end(&w);
	}
}

static void no_sections_no_addresses(void **state)
{
	struct world w;
	struct pdb_symbol s;
	struct fs_error err;
	uint32_t rva;

	(void)state;
	begin(&w);
	w.d.sections = MAKER_NIL;
	pm_public(records(&w), "here", 1, 0);
	finish(&w);
	assert_int_equal(pdb_symbol_by_name(w.p, "here", &s, NULL), FS_OK);
	assert_false(s.has_rva);
	assert_int_equal(pdb_rva(w.p, 1, 0, &rva, &err), FS_NOT_FOUND);
	assert_non_null(strstr(err.text, "no section headers"));
	assert_near(&w, 0x1000, NULL);
	end(&w);
}

/* The public symbol hash: header of 28 bytes, then {-1, version, bytes of records,
 * bytes of buckets}, records of {offset + 1, 1}, 516 bytes of bitmap, buckets. */
static void hash_of_one(struct world *w, uint32_t bucket, uint32_t record)
{
	struct blob *b = &w->m.stream[w->d.publics = pm_stream(&w->m)];

	blob_zeros(b, 28);
	blob_u32(b, 0xffffffff);
	blob_u32(b, 0xf12f091a);
	blob_u32(b, 8);
	blob_u32(b, 516 + 4);
	blob_u32(b, record + 1);
	blob_u32(b, 1);
	blob_zeros(b, 516);
	b->v[b->n - 516 + bucket / 8] |= (uint8_t)(1 << bucket % 8);
	blob_u32(b, 0);
}

static void hash_that_leads_elsewhere(void **state)
{
	(void)state;
	/* the right record, another one, one amid a record, one behind all; the hash is
	 * a hint, the name decides */
	for (int what = 0; what < 4; what++) {
		struct world w;
		uint32_t bucket = pdb_hash_name("FltGlobals", 10) % 4096, a, b;

		begin(&w);
		a = pm_public(records(&w), "other", 1, 4);
		b = pm_public(records(&w), "FltGlobals", 2, 8);
		hash_of_one(&w, bucket, (const uint32_t[]){b, a, b + 2, 0xfffffff0}[what]);
		finish(&w);
		assert_rva(&w, "FltGlobals", 0x3008);
		assert_rva(&w, "other", 0x1004);
		end(&w);
	}
	for (uint32_t at = 28; at < 28 + 16 + 8; at += 4) { /* each number at its maximum */
		struct world w;

		begin(&w);
		pm_public(records(&w), "FltGlobals", 2, 8);
		hash_of_one(&w, pdb_hash_name("FltGlobals", 10) % 4096, 0);
		blob_set_u32(&w.m.stream[w.d.publics], at, at == 28 ? 0 : 0xffffffff);
		finish(&w);
		assert_rva(&w, "FltGlobals", 0x3008);
		end(&w);
	}
}

/* Of two publics of one name the hash says which: it is used, not just tolerated. */
static void hash_is_used(void **state)
{
	struct world w;
	uint32_t second;

	(void)state;
	begin(&w);
	pm_public(records(&w), "FltGlobals", 2, 0x10);
	second = pm_public(records(&w), "FltGlobals", 2, 0x20);
	hash_of_one(&w, pdb_hash_name("FltGlobals", 10) % 4096, second);
	finish(&w);
	assert_rva(&w, "FltGlobals", 0x3020);
	end(&w);
}

/* One module with a function that has no public, and a datum. */
static void add_module(struct world *w)
{
	struct blob d = {0}, *s;
	uint32_t stream = pm_stream(&w->m);

	s = &w->m.stream[stream];
	blob_u32(s, 4);
	blob_zeros(&d, 12); /* S_LPROC32: parent, end, next; size, debugging, type, place */
	blob_u32(&d, 0x30);
	blob_zeros(&d, 12);
	blob_u32(&d, 0x100);
	blob_u16(&d, 1);
	blob(&d, "", 1);
	blob_str(&d, "hidden");
	pm_symbol(s, 0x110f, &d);
	d.n = 0;
	blob_u32(&d, 0x74);
	blob_u32(&d, 0x10);
	blob_u16(&d, 2);
	blob_str(&d, "counter");
	pm_symbol(s, 0x110c, &d);
	pm_symbol(s, 0x1012, &(struct blob){.v = (uint8_t *)"........", .n = 8}); /* S_FRAMEPROC */
	blob_zeros(&w->d.modules, 34);
	blob_u16(&w->d.modules, stream);
	blob_u32(&w->d.modules, (uint32_t)s->n);
	blob_zeros(&w->d.modules, 24);
	blob_str(&w->d.modules, "a.obj");
	blob_str(&w->d.modules, "lib.lib");
	blob_zeros(&w->d.modules, (4 - w->d.modules.n % 4) % 4);
	free(d.v);
}

static bool count(void *arg, const struct pdb_symbol *s)
{
	(void)s;
	++*(int *)arg;
	return true;
}

static bool stop(void *arg, const struct pdb_symbol *s)
{
	count(arg, s);
	return false;
}

static void module_symbols(void **state)
{
	struct world w;
	struct pdb_symbol s;
	int n = 0;

	(void)state;
	begin(&w);
	pm_public(records(&w), "shown", 1, 0x80);
	pm_public(records(&w), "?hidden@@YAXXZ", 1, 0x100); /* the same place, decorated */
	add_module(&w);
	add_module(&w);
	finish(&w);
	assert_rva(&w, "hidden", 0x1100);
	assert_int_equal(pdb_symbol_by_name(w.p, "counter", &s, NULL), FS_OK);
	assert_true(!s.is_function && !s.is_public && s.rva == 0x3010 && s.type == 0x74);
	assert_near(&w, 0x1110, "hidden");
	assert_near(&w, 0x10ff, "shown");
	assert_int_equal(pdb_symbols(w.p, PDB_ALL_SYMBOLS, count, &n, NULL), FS_OK);
	assert_int_equal(n, 2 + 2 * 2);
	n = 0;
	assert_int_equal(pdb_symbols(w.p, PDB_PUBLICS, count, &n, NULL), FS_OK);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(pdb_symbols(w.p, PDB_ALL_SYMBOLS, stop, &n, NULL), FS_OK);
	assert_int_equal(n, 1);
	end(&w);
}

static void hostile_records(void **state)
{
	struct world w;
	struct fs_error err;
	uint32_t at;
	int n = 0;

	(void)state;
	for (int what = 0; what < 3; what++) {
		begin(&w);
		pm_public(records(&w), "fine", 1, 0);
		at = pm_public(records(&w), "broken", 1, 0);
		if (what < 2)
			blob_set_u16(records(&w), at, what ? 0xffff : 1);
		else
			blob(records(&w), "\2", 1);
		finish(&w);
		n = 0;
		assert_int_equal(pdb_symbols(w.p, PDB_PUBLICS, count, &n, &err), FS_CORRUPT);
		assert_non_null(strstr(err.text, "symbol records"));
		assert_int_equal(n, what < 2 ? 1 : 2);
		assert_rva(&w, "fine", 0x1000);
		end(&w);
	}
	/* a name without an end takes what the record has, a very long one is cut */
	begin(&w);
	{
		struct blob d = {0};
		struct pdb_symbol s;

		blob_zeros(&d, 8);
		blob_u16(&d, 1);
		blob(&d, "ab", 2);
		pm_symbol(records(&w), 0x110e, &d);
		while (d.n < 3000)
			blob(&d, "abcdefgh", 8);
		pm_symbol(records(&w), 0x110e, &d);
		free(d.v);
		finish(&w);
		assert_rva(&w, "ab", 0x1000);
		assert_int_equal(pdb_symbol_by_rva(w.p, 0x1000, &s, NULL), FS_OK);
	}
	end(&w);
}

static void module_list_at_its_maximum(void **state)
{
	static const uint32_t at[] = {34, 36};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct world w;
		struct fs_error err;
		int n = 0;

		begin(&w);
		add_module(&w);
		if (i == 3) { /* names without an end: the list ends there */
			memset(w.d.modules.v + 64, 'x', w.d.modules.n - 64);
			finish(&w);
			assert_int_equal(pdb_symbols(w.p, PDB_MODULES, count, &n, &err), FS_OK);
			assert_int_equal(n, 2);
			end(&w);
			continue;
		}
		if (i == 0)
			blob_set_u16(&w.d.modules, at[0], 0xfffe);
		else if (i == 1)
			blob_set_u32(&w.d.modules, at[1], 0xffffffff);
		else
			w.d.modules.n = 60; /* not even a header */
		finish(&w);
		assert_int_equal(pdb_symbols(w.p, PDB_MODULES, count, &n, &err), FS_CORRUPT);
		end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(publics),
		cmocka_unit_test(x86_decoration),
		cmocka_unit_test(omap_both_ways),
		cmocka_unit_test(omap_that_lies),
		cmocka_unit_test(no_sections_no_addresses),
		cmocka_unit_test(hash_that_leads_elsewhere),
		cmocka_unit_test(hash_is_used),
		cmocka_unit_test(module_symbols),
		cmocka_unit_test(hostile_records),
		cmocka_unit_test(module_list_at_its_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
