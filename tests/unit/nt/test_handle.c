/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handle tables. An entry has 16 bytes: up to Windows 7 the OBJECT_HEADER's address with
 * attributes in its low 3 bits, later bits 4 to 47 of it from bit 20 on; GrantedAccess at 8. The
 * body is 0x30 behind the header. TableCode is at 0 on 7, at 8 later; NextHandleNeedingPool at 0x5c
 * and 0.
 */
#include "nt/handles.h"
#include "support/thread_world.h"

#define TABLE  0xffffa00000060010ull
#define PAGE0  0xffffa00000061000ull
#define PAGE1  0xffffa00000062000ull
#define TOP    0xffffa00000063000ull
#define HEADER 0xffffa00012345670ull

struct seen {
	size_t n;
	struct nt_handle v[16];
};

static void note(void *arg, const struct nt_handle *h)
{
	struct seen *s = arg;

	if (s->n < 16)
		s->v[s->n] = *h;
	s->n++;
}

static void code(struct thread_world *w, uint64_t table_code, uint32_t limit)
{
	bool seven = w->o->wait_count == 0;

	fake_write(w->d, TABLE, 0, 8);
	fake_write(w->d, TABLE + 0x58, 0, 8);
	fake_write(w->d, TABLE + (seven ? 0 : 8), table_code, 8);
	fake_write(w->d, TABLE + (seven ? 0x5c : 0), limit, 4);
}

/* A page of entries, all free. */
static void page(struct thread_world *w, uint64_t va)
{
	size_t i;

	for (i = 0; i < 4096; i += 8)
		fake_write(w->d, va + i, 0, 8);
}

static void put(struct thread_world *w, uint64_t va, unsigned i, uint64_t header, uint32_t access)
{
	bool seven = w->o->wait_count == 0;

	fake_write(w->d, va + i * 16u, seven ? header | 1 : (header >> 4) << 20 | 0x1fff1, 8);
	fake_write(w->d, va + i * 16u + 8, access, 8);
}

static enum fs_looked look(struct thread_world *w, struct seen *s, uint64_t bytes)
{
	struct nt_handle_walk walk = {.left = bytes, .visit = note, .arg = s};
	uint64_t count = 0;
	enum fs_looked looked;

	memset(s, 0, sizeof(*s));
	if (!w->k)
		tw_begin(w);
	walk.r = &w->r;
	walk.b = &w->b;
	looked = nt_walk_handles(&walk, TABLE, &count);
	assert_true(looked == FS_LOOKED_NOT || count == s->n);
	return looked;
}

static void one_page(void **state)
{
	static const char *const builds[] = {"nt/7601-x64.layout", "nt/14393-x64.layout",
					     "nt/19041-x64.layout"};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct thread_world w;
		struct seen s;

		tw_make(&w, builds[i]);
		code(&w, PAGE0, 0x400);
		page(&w, PAGE0);
		put(&w, PAGE0, 0, HEADER, 7); /* the page's own */
		put(&w, PAGE0, 1, HEADER, 0x12019f);
		put(&w, PAGE0, 255, HEADER + 0x100, 1u << 25 | 3);
		assert_int_equal(look(&w, &s, 1 << 20), FS_LOOKED_WHOLE);
		assert_int_equal(s.n, 2);
		assert_true(s.v[0].value == 4 && s.v[0].entry == PAGE0 + 16);
		assert_true(s.v[0].header == HEADER && s.v[0].object == HEADER + 0x30);
		assert_int_equal(s.v[0].access, 0x12019f);
		assert_true(s.v[1].value == 0x3fc && s.v[1].header == HEADER + 0x100);
		assert_int_equal(s.v[1].access, 3); /* 25 bits */
		tw_free(&w);
	}
}

static void tables_of_pages(void **state)
{
	struct thread_world w;
	struct seen s;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	code(&w, TOP | 1, 0x800);
	page(&w, TOP);
	page(&w, PAGE0);
	page(&w, PAGE1);
	fake_write(w.d, TOP, PAGE0, 8);
	fake_write(w.d, TOP + 8, PAGE1, 8);
	put(&w, PAGE0, 2, HEADER, 0);
	put(&w, PAGE1, 3, HEADER, 0);
	assert_int_equal(look(&w, &s, 1 << 20), FS_LOOKED_WHOLE);
	assert_int_equal(s.n, 2);
	assert_true(s.v[0].value == 8 && s.v[1].value == 0x400 + 12);
	/* no handle beyond what was given out */
	fake_write(w.d, TABLE, 0x400 + 12, 4);
	assert_int_equal(look(&w, &s, 1 << 20), FS_LOOKED_WHOLE);
	assert_int_equal(s.n, 1);
	tw_free(&w);
	/* two levels above the entries */
	tw_make(&w, "nt/19041-x64.layout");
	code(&w, (TOP + 0x1000) | 2, 0xffffffff);
	page(&w, TOP + 0x1000);
	page(&w, TOP);
	page(&w, PAGE0);
	fake_write(w.d, TOP + 0x1000 + 8, TOP, 8);
	fake_write(w.d, TOP + 0x1000, TOP, 8);
	fake_write(w.d, TOP, PAGE0, 8);
	put(&w, PAGE0, 5, HEADER, 0);
	assert_int_equal(look(&w, &s, 1 << 20), FS_LOOKED_WHOLE);
	assert_int_equal(s.n, 2);
	assert_true(s.v[1].value == 512ull * 256 * 4 + 20);
	tw_free(&w);
}

static void a_table_that_leads_to_itself_is_bounded(void **state)
{
	struct thread_world w;
	struct seen s;
	size_t i;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	code(&w, TOP | 2, 0xffffffff);
	for (i = 0; i < 4096; i += 8)
		fake_write(w.d, TOP + i, TOP, 8);
	assert_int_equal(look(&w, &s, 64 * 4096), FS_LOOKED_PARTLY);
	assert_true(s.n <= 64 * 256);
	tw_free(&w);
}

static void what_is_not_there(void **state)
{
	static const uint64_t codes[] = {0,
					 0x1000,
					 0xffffe00000000000,
					 0xffffffffffffffff,
					 TOP + 3,
					 0xffffa00000070001,
					 PAGE0 + 8};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct thread_world w;
		struct seen s;

		tw_make(&w, "nt/19041-x64.layout");
		code(&w, codes[i], 0x400);
		page(&w, PAGE0);
		page(&w, PAGE1);
		assert_int_not_equal(look(&w, &s, 1 << 20), FS_LOOKED_WHOLE);
		assert_int_equal(s.n, 0);
		assert_true(w.model.ngaps > 0);
		tw_free(&w);
	}
}

static void a_page_of_many_is_missing(void **state)
{
	struct thread_world w;
	struct seen s;

	(void)state;
	tw_make(&w, "nt/19041-x64.layout");
	code(&w, TOP | 1, 0xc00);
	page(&w, TOP);
	page(&w, PAGE1);
	fake_write(w.d, TOP, 0xffffe00000000000, 8);
	fake_write(w.d, TOP + 8, PAGE1, 8);
	put(&w, PAGE1, 3, HEADER, 0);
	assert_int_equal(look(&w, &s, 1 << 20), FS_LOOKED_PARTLY);
	assert_int_equal(s.n, 1);
	assert_int_equal(w.model.ngaps, 1);
	tw_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_page),
		cmocka_unit_test(tables_of_pages),
		cmocka_unit_test(a_table_that_leads_to_itself_is_bounded),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(a_page_of_many_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
