/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has the width of a pointer, on 32 bits. Literal offsets: HANDLE_TABLE.TableCode is at 8 and
 * NextHandleNeedingPool at 0 (10), at 0 and 0x34 (7); an entry has 8 bytes, GrantedAccess at 4; the
 * body is 0x18 behind the header (public nt PDBs). An entry of MmUnloadedDrivers has 0x18 bytes.
 */
#include "base/cursor.h"
#include "module/module.h"
#include "nt/handles.h"
#include "support/fakedump.h"

enum { SPAN = 0x6000 };
#define BASE   0x8a000000ull
#define TABLE  (BASE + 0x10)
#define PAGE0  (BASE + 0x1000)
#define PAGE1  (BASE + 0x2000)
#define TOP    (BASE + 0x3000)
#define TOP2   (BASE + 0x4000)
#define RING   (BASE + 0x5000)
#define HEADER 0x8b005678ull

struct narrow {
	struct fakedump *d;
	struct vm *vm;
	struct layout *nt;
	struct reader r;
	struct fs_model model;
	struct arena arena;
	struct model_builder b;
	uint8_t bytes[SPAN];
};

struct seen {
	size_t n;
	struct nt_handle v[16];
};

/* `have`: bytes of memory that are in the dump. */
static struct narrow *make(const char *layout, size_t have)
{
	struct narrow *w = calloc(1, sizeof(*w));
	struct fs_error err = {0};

	assert_non_null(w);
	if (layout_load_shipped(layout, &w->nt, &err) != FS_OK)
		fail_msg("%s", err.text);
	w->d = fake_triage(DUMP_X86);
	fake_block(w->d, BASE, w->bytes, have);
	w->vm = fake_vm(w->d);
	w->r = (struct reader){.vm = w->vm, .nt = w->nt};
	model_begin(&w->b, &w->model, &w->arena);
	assert_int_equal(vm_pointer_size(w->vm), 4);
	return w;
}

static void done(struct narrow *w)
{
	model_end(&w->b);
	model_free(&w->model);
	arena_deinit(&w->arena);
	vm_destroy(w->vm);
	layout_free(w->nt);
	free(w->d);
	free(w);
}

static void put(struct narrow *w, uint64_t va, uint64_t v, size_t n)
{
	assert_true(va >= BASE && va + n <= BASE + SPAN);
	fake_store(w->bytes + (va - BASE), v, n);
}

static void entry(struct narrow *w, uint64_t page, unsigned i, uint64_t low, uint32_t access)
{
	put(w, page + 8 * i, low, 4);
	put(w, page + 8 * i + 4, access, 4);
}

static void note(void *arg, const struct nt_handle *h)
{
	struct seen *s = arg;

	if (s->n < 16)
		s->v[s->n] = *h;
	s->n++;
}

static enum fs_looked look(struct narrow *w, struct seen *s)
{
	struct nt_handle_walk walk = {
		.r = &w->r, .b = &w->b, .left = 1 << 20, .visit = note, .arg = s};
	uint64_t count = 0;
	enum fs_looked looked;

	memset(s, 0, sizeof(*s));
	looked = nt_walk_handles(&walk, TABLE, &count);
	assert_true(looked == FS_LOOKED_NOT || count == s->n);
	return looked;
}

static void a_page_has_512_entries(void **state)
{
	static const struct {
		const char *layout;
		unsigned code, limit;
	} build[] = {{"nt/7601-x86.layout", 0, 0x34},
		     {"nt/9600-x86.layout", 8, 0},
		     {"nt/14393-x86.layout", 8, 0},
		     {"nt/19041-x86.layout", 8, 0}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct narrow *w = make(build[i].layout, SPAN);
		struct seen s;

		put(w, TABLE + build[i].limit, 0x800, 4);
		put(w, TABLE + build[i].code, PAGE0, 4);
		entry(w, PAGE0, 0, HEADER | 1, 7);	  /* the page's own */
		entry(w, PAGE0, 1, HEADER | 7, 0x12019f); /* attributes stand in the low bits */
		entry(w, PAGE0, 2, 0x00005678 | 1, 3);	  /* in user space: free */
		entry(w, PAGE0, 511, HEADER + 0x100, 0xffffffff);
		assert_int_equal(look(w, &s), FS_LOOKED_WHOLE);
		assert_int_equal(s.n, 2);
		assert_true(s.v[0].value == 4 && s.v[0].entry == PAGE0 + 8);
		assert_true(s.v[0].header == HEADER && s.v[0].object == HEADER + 0x18);
		assert_true(s.v[0].access == 0x12019f && s.v[0].access_at == PAGE0 + 12);
		assert_true(s.v[1].value == 511 * 4 && s.v[1].header == HEADER + 0x100);
		assert_int_equal(s.v[1].access, 0x1ffffff); /* 25 bits */
		done(w);
	}
}

static void a_table_has_1024_pages(void **state)
{
	struct narrow *w = make("nt/19041-x86.layout", SPAN);
	struct seen s;

	(void)state;
	put(w, TABLE, 0xffffffff, 4);
	put(w, TABLE + 8, TOP | 1, 4);
	put(w, TOP, PAGE0, 4);
	put(w, TOP + 4, PAGE1, 4);
	entry(w, PAGE0, 2, HEADER | 1, 0);
	entry(w, PAGE1, 3, HEADER | 1, 0);
	assert_int_equal(look(w, &s), FS_LOOKED_WHOLE);
	assert_int_equal(s.n, 2);
	assert_true(s.v[0].value == 8 && s.v[1].value == 512 * 4 + 12);
	/* no handle beyond what was given out */
	put(w, TABLE, 512 * 4 + 12, 4);
	assert_int_equal(look(w, &s), FS_LOOKED_WHOLE);
	assert_int_equal(s.n, 1);
	/* two levels above the entries */
	put(w, TABLE, 0xffffffff, 4);
	put(w, TABLE + 8, TOP2 | 2, 4);
	put(w, TOP2, TOP, 4);
	put(w, TOP2 + 4, TOP, 4);
	assert_int_equal(look(w, &s), FS_LOOKED_WHOLE);
	assert_int_equal(s.n, 4);
	assert_true(s.v[2].value == 512ull * 1024 * 4 + 8);
	/* a page that is no kernel address */
	put(w, TOP + 4, 0x7fff0000, 4);
	assert_int_equal(look(w, &s), FS_LOOKED_PARTLY);
	assert_int_equal(s.n, 2);
	/* a level that there is not */
	put(w, TABLE + 8, TOP2 | 3, 4);
	assert_int_equal(look(w, &s), FS_LOOKED_NOT);
	done(w);
}

static void a_page_that_is_cut(void **state)
{
	struct narrow *w = make("nt/14393-x86.layout", 0x1fff); /* PAGE0 lacks its last byte */
	struct seen s;

	(void)state;
	put(w, TABLE, 0x800, 4);
	put(w, TABLE + 8, PAGE0, 4);
	entry(w, PAGE0, 1, HEADER | 1, 0);
	assert_int_equal(look(w, &s), FS_LOOKED_PARTLY);
	assert_int_equal(s.n, 0);
	done(w);
}

static void a_pointer_is_4_bytes(void **state)
{
	struct narrow *w = make("nt/19041-x86.layout", 0x108);
	struct fs_error err = {0};
	uint64_t v = 0;

	(void)state;
	put(w, BASE + 0x100, 0x89abcdef, 4);
	put(w, BASE + 0x104, 0x41414141, 4);
	assert_int_equal(vm_read_ptr(w->vm, BASE + 0x100, &v, "a pointer", &err), FS_OK);
	assert_true(v == 0x89abcdef);
	/* the last one of all that is there */
	assert_int_equal(vm_read_ptr(w->vm, BASE + 0x104, &v, "a pointer", &err), FS_OK);
	assert_true(v == 0x41414141);
	assert_int_not_equal(vm_read_ptr(w->vm, BASE + 0x105, &v, "a pointer", &err), FS_OK);
	assert_true(err.has_address && err.address == BASE + 0x108);
	assert_true(v == 0x41414141); /* untouched */
	done(w);
}

static void driver(struct narrow *w, unsigned i, uint64_t name, uint64_t start, uint64_t end)
{
	uint64_t e = RING + 0x18 * i;

	put(w, e, 6, 2);
	put(w, e + 2, 6, 2);
	put(w, e + 4, name, 4);
	put(w, e + 8, start, 4);
	put(w, e + 12, end, 4);
	put(w, e + 16, 0x1d9a00000000000, 8);
}

static void unloaded_modules_have_24_bytes(void **state)
{
	struct narrow *w = make("nt/14393-x86.layout", SPAN);
	struct modules m = {0};

	(void)state;
	put(w, BASE + 0x800, RING, 4);
	put(w, BASE + 0x804, 2, 4); /* MmLastUnloadedDriver: no part of the pointer */
	put(w, BASE + 0x810, 'a' | 'b' << 16 | 0x63ull << 32, 8);
	driver(w, 0, BASE + 0x810, 0x8c000000, 0x8c028000);
	driver(w, 1, BASE + 0x810, 0x8d000000, 0x8d001000);
	modules_read_unloaded_at(&w->r, BASE + 0x800, &m);
	assert_int_equal(m.unloaded.n, 2);
	assert_string_equal(m.unloaded.v[0].name, "abc");
	assert_true(m.unloaded.v[0].start == 0x8c000000 && m.unloaded.v[0].end == 0x8c028000);
	assert_true(m.unloaded.v[1].start == 0x8d000000 && m.unloaded.v[1].end == 0x8d001000);
	assert_int_equal(m.gaps.n, 0);
	modules_deinit(&m);
	/* an entry that ends before it begins is none, and nothing behind it is read */
	memset(&m, 0, sizeof(m));
	driver(w, 1, BASE + 0x810, 0x8d001000, 0x8d000000);
	driver(w, 2, BASE + 0x810, 0x8e000000, 0x8e001000);
	modules_read_unloaded_at(&w->r, BASE + 0x800, &m);
	assert_int_equal(m.unloaded.n, 1);
	assert_int_equal(m.gaps.n, 1);
	modules_deinit(&m);
	done(w);
}

static void a_ring_that_is_cut(void **state)
{
	/* at every length the entries that are whole, and a gap for the first that is not */
	(void)state;
	for (size_t have = 0x5000; have < 0x5000 + 0x30; have++) {
		struct narrow *w = make("nt/19041-x86.layout", have);
		struct modules m = {0};
		/* the time at its end is not looked at */
		size_t whole = have >= 0x5028 ? 2 : have >= 0x5010 ? 1 : 0;

		put(w, BASE + 0x800, RING, 4);
		put(w, BASE + 0x810, 'a' | 'b' << 16 | 0x63ull << 32, 8);
		driver(w, 0, BASE + 0x810, 0x8c000000, 0x8c028000);
		driver(w, 1, BASE + 0x810, 0x8d000000, 0x8d001000);
		modules_read_unloaded_at(&w->r, BASE + 0x800, &m);
		assert_int_equal(m.unloaded.n, whole);
		assert_true(m.gaps.n >= 1);
		modules_deinit(&m);
		done(w);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_has_512_entries),
		cmocka_unit_test(a_table_has_1024_pages),
		cmocka_unit_test(a_page_that_is_cut),
		cmocka_unit_test(a_pointer_is_4_bytes),
		cmocka_unit_test(unloaded_modules_have_24_bytes),
		cmocka_unit_test(a_ring_that_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
