/* SPDX-License-Identifier: BSD-2-Clause */
#include "read/reader_fixture.h"
#include "read/ustr.h"

#define STR (OBJ + 0x38)
#define BUF 0xffffa20f20000010ull

static void put_string(struct fakedump *d, uint16_t length, uint16_t max, uint64_t buffer)
{
	fake_write(d, STR, length, 2);
	fake_write(d, STR + 2, max, 2);
	fake_write(d, STR + 4, 0xcccccccc, 4); /* padding */
	fake_write(d, STR + 8, buffer, 8);
}

static void put_units(struct fakedump *d, uint64_t va, const uint16_t *units, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		fake_write(d, va + i * 2, units[i], 2);
}

static void reads_names(void **state)
{
	static const uint16_t name[] = {'W', 'd', 0xe4, 0x20ac, 0xd83d, 0xde00};
	struct fixture f;
	struct arena a = {0};
	struct ustr u;

	(void)state;
	fixture_make(&f);
	put_string(f.d, 12, 14, BUF);
	put_units(f.d, BUF, name, 6);
	fixture_reader(&f);
	assert_int_equal(obj_ustr(&f.r, OBJ, F_FLT_FILTER_Name, &a, &u, NULL), FS_OK);
	assert_string_equal(u.text, "Wd\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_true(u.length == 12 && u.maximum_length == 14 && u.buffer == BUF && u.sane);
	assert_int_equal(obj_ustr(&f.r, OBJ, F_FLT_FILTER_Flags, &a, &u, NULL), FS_INVALID);
	arena_deinit(&a);
	fixture_free(&f);
}

static void empty_needs_no_buffer(void **state)
{
	struct fixture f;
	struct arena a = {0};
	struct ustr u;

	(void)state;
	fixture_make(&f);
	put_string(f.d, 0, 0, 0);
	assert_int_equal(ustr_read(fixture_reader(&f), STR, "x", &a, &u, NULL), FS_OK);
	assert_string_equal(u.text, "");
	arena_deinit(&a);
	fixture_free(&f);
}

/* Two descriptors may lead to one buffer; what is kept has a bound all the same. */
static void text_has_a_bound(void **state)
{
	static const uint16_t name[] = {'a', 'b', 'c', 'd'};
	uint64_t left = 20;
	struct fixture f;
	struct arena a = {0};
	struct fs_error err;
	struct reader r;
	struct ustr u;

	(void)state;
	fixture_make(&f);
	put_string(f.d, 8, 8, BUF);
	put_units(f.d, BUF, name, 4);
	r = *fixture_reader(&f);
	r.text_left = &left;
	assert_int_equal(ustr_read(&r, STR, "x", &a, &u, NULL), FS_OK);
	assert_int_equal(ustr_read(&r, STR, "x", &a, &u, NULL), FS_OK);
	assert_int_equal(left, 4);
	assert_int_equal(ustr_read(&r, STR, "x", &a, &u, &err), FS_LIMIT);
	assert_null(u.text);
	assert_int_equal(u.length, 8);
	assert_true(err.address == STR);
	put_string(f.d, 4, 4, BUF);
	assert_int_equal(ustr_read(&r, STR, "x", &a, &u, NULL), FS_OK);
	assert_int_equal(left, 0);
	arena_deinit(&a);
	fixture_free(&f);
}

/* The longest there can be; also the path that needs the heap. */
static void longest(void **state)
{
	struct fixture f;
	struct arena a = {0};
	struct ustr u;
	size_t i;

	(void)state;
	fixture_make(&f);
	put_string(f.d, 0xfffe, 0xffff, BUF);
	for (i = 0; i < 0x7fff; i++)
		fake_write(f.d, BUF + i * 2, 0x20ac, 2);
	assert_int_equal(ustr_read(fixture_reader(&f), STR, "x", &a, &u, NULL), FS_OK);
	assert_int_equal(strlen(u.text), 0x7fff * 3);
	arena_deinit(&a);
	fixture_free(&f);
}

/* Around the size up to which no heap is used. */
static void lengths_around_the_short_buffer(void **state)
{
	size_t n;

	(void)state;
	for (n = 255; n <= 257; n++) {
		struct fixture f;
		struct arena a = {0};
		struct ustr u;
		size_t i;

		fixture_make(&f);
		put_string(f.d, (uint16_t)(n * 2), (uint16_t)(n * 2), BUF);
		for (i = 0; i < n; i++)
			fake_write(f.d, BUF + i * 2, 0x20ac, 2);
		assert_int_equal(ustr_read(fixture_reader(&f), STR, "x", &a, &u, NULL), FS_OK);
		assert_int_equal(strlen(u.text), n * 3);
		arena_deinit(&a);
		fixture_free(&f);
	}
}

static void insane_is_evidence_not_failure(void **state)
{
	static const uint16_t bad[][3] = {
		{'a', 0, 'b'}, {'a', 7, 'b'}, {'a', 0xd800, 'b'}, {'a', 'b', 0xdc00}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture f;
		struct arena a = {0};
		struct ustr u;

		fixture_make(&f);
		put_string(f.d, 6, 6, BUF);
		put_units(f.d, BUF, bad[i], 3);
		assert_int_equal(ustr_read(fixture_reader(&f), STR, "x", &a, &u, NULL), FS_OK);
		assert_non_null(u.text);
		assert_false(u.sane);
		arena_deinit(&a);
		fixture_free(&f);
	}
}

static void refuses_impossible_ones(void **state)
{
	static const struct {
		uint16_t length, max;
		uint64_t buffer;
		const char *text;
	} cases[] = {
		{7, 8, BUF, "Length 7 and MaximumLength 8"},
		{8, 6, BUF, "Length 8 and MaximumLength 6"},
		{0xffff, 0xffff, BUF, "Length 65535"},
		{2, 2, 0, "Buffer 0x0 of 2 bytes"},
		{2, 2, 0x7ff612340000, "no kernel address"},
		{2, 2, 0x1234567890123456, "no kernel address"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		struct fs_error err = {0};
		struct arena a = {0};
		struct ustr u = {.text = "old"};

		fixture_make(&f);
		put_string(f.d, cases[i].length, cases[i].max, cases[i].buffer);
		(void)fake_at(f.d, BUF);
		assert_int_equal(
			ustr_read(fixture_reader(&f), STR, "FLT_FILTER.Name", &a, &u, &err),
			FS_CORRUPT);
		assert_non_null(strstr(err.text, "FLT_FILTER.Name at 0xffffa20f10e5b138"));
		assert_non_null(strstr(err.text, cases[i].text));
		assert_true(err.address == STR && !u.text && u.length == cases[i].length);
		assert_true(u.maximum_length == cases[i].max && u.buffer == cases[i].buffer);
		arena_deinit(&a);
		fixture_free(&f);
	}
}

/* The characters end before Length: the numbers survive, the text is missing. */
static void buffer_not_in_dump(void **state)
{
	struct fixture f;
	struct fs_error err = {0};
	struct arena a = {0};
	struct ustr u;

	(void)state;
	fixture_make(&f);
	put_string(f.d, 8, 8, 0xffffa20f20000ffc);
	(void)fake_at(f.d, 0xffffa20f20000ffc);
	assert_int_equal(ustr_read(fixture_reader(&f), STR, "x", &a, &u, &err), FS_NOT_IN_DUMP);
	assert_true(err.address == 0xffffa20f20001000);
	assert_true(!u.text && u.length == 8 && u.buffer == 0xffffa20f20000ffc);
	arena_deinit(&a);
	fixture_free(&f);
}

static void descriptor_not_in_dump(void **state)
{
	struct fixture f;
	struct arena a = {0};
	struct ustr u = {.length = 77};

	(void)state;
	fixture_make(&f);
	assert_int_equal(ustr_read(fixture_reader(&f), STR, "x", &a, &u, NULL), FS_NOT_IN_DUMP);
	assert_int_equal(u.length, 77);
	arena_deinit(&a);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_names),
		cmocka_unit_test(empty_needs_no_buffer),
		cmocka_unit_test(text_has_a_bound),
		cmocka_unit_test(longest),
		cmocka_unit_test(lengths_around_the_short_buffer),
		cmocka_unit_test(insane_is_evidence_not_failure),
		cmocka_unit_test(refuses_impossible_ones),
		cmocka_unit_test(buffer_not_in_dump),
		cmocka_unit_test(descriptor_not_in_dump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
