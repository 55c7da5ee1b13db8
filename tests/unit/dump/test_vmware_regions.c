/* SPDX-License-Identifier: BSD-2-Clause */
/* VMware's map of regions where it lies, in a state with the memory within (as test_vmware.c has
 * its parts from crash's vmware_vmss.c and volatility3's vmware.py). */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

#define PAD 7u

static void tag(struct bytes *s, const char *name, unsigned size, unsigned nidx, uint32_t index)
{
	uint8_t head[2] = {(uint8_t)(nidx << 6 | size), (uint8_t)strlen(name)};

	bytes_put(s, s->n, head, 2);
	bytes_put(s, s->n, name, strlen(name));
	if (nidx > 0)
		bytes_u32(s, s->n, index);
}

static void region(struct bytes *s, uint32_t i, uint32_t ppn, uint32_t place, uint32_t pages)
{
	tag(s, "regionPPN", 4, 1, i);
	bytes_u32(s, s->n, ppn);
	tag(s, "regionPageNum", 4, 1, i);
	bytes_u32(s, s->n, place);
	tag(s, "regionSize", 4, 1, i);
	bytes_u32(s, s->n, pages);
}

/* Four pages, 0 to 3, in two regions: the first of page 0 and 1, the second as given. */
static struct dump *two_regions(struct bytes *s, uint32_t ppn, uint32_t pages)
{
	size_t i, at;

	bytes_resize(s, 0);
	bytes_u32(s, 0, 0xbed2bed2);
	bytes_u32(s, 4, 8);
	bytes_u32(s, 8, 1);
	bytes_resize(s, 12 + 80);
	bytes_put(s, 12, "memory", 6);
	bytes_u64(s, 12 + 64, s->n);
	tag(s, "regionsCount", 4, 0, 0);
	bytes_u32(s, s->n, 2);
	region(s, 0, 0, 0, 2);
	region(s, 1, ppn, 2, pages);
	tag(s, "Memory", 63, 1, 0);
	bytes_u64(s, s->n, 0x4000);
	bytes_u64(s, s->n, 0x4000);
	bytes_u16(s, s->n, PAD);
	at = s->n + PAD;
	for (i = 0; i < 4; i++)
		bytes_page(s, at + i * 4096, i);
	bytes_u16(s, s->n, 0);
	return bytes_open(s);
}

static void expect(struct dump *d, uint64_t pa, enum fs_status want, uint64_t value)
{
	struct fs_error err = {0};
	uint8_t b[8];

	assert_int_equal(dump_read_phys(d, pa, b, 8, &err), want);
	if (want == FS_OK)
		assert_true(load_u64(b) == value);
	else
		assert_true(err.has_address && err.address >= pa && err.address < pa + 8);
}

/* A page that two regions hold is read only where both agree. */
static void one_over_another(void **state)
{
	struct bytes s = {0};
	struct dump *d;

	(void)state;
	d = two_regions(&s, 1, 2);
	assert_int_equal(dump_info(d)->pages, 3);
	assert_true(bytes_noted(d, "memory regions overlap"));
	expect(d, 0x8, FS_OK, 0x8);
	expect(d, 0x1008, FS_CORRUPT, 0);
	expect(d, 0x2008, FS_OK, 0x3008);
	dump_close(d);
	/* the look-alike: they touch */
	d = two_regions(&s, 2, 2);
	assert_int_equal(dump_info(d)->pages, 4);
	assert_false(bytes_noted(d, "overlap"));
	expect(d, 0x1008, FS_OK, 0x1008);
	expect(d, 0x2008, FS_OK, 0x2008);
	dump_close(d);
	bytes_deinit(&s);
}

static void no_pages_or_too_many(void **state)
{
	struct bytes s = {0};
	struct dump *d;

	(void)state;
	d = two_regions(&s, 0x100000, 0);
	assert_int_equal(dump_info(d)->pages, 2);
	expect(d, 0x1008, FS_OK, 0x1008);
	expect(d, 0x100000008, FS_NOT_IN_DUMP, 0);
	dump_close(d);
	d = two_regions(&s, 0x100000, UINT32_MAX);
	assert_true(dump_info(d)->truncated);
	expect(d, 0x100001008, FS_OK, 0x3008);
	expect(d, 0x100003008, FS_NOT_IN_DUMP, 0);
	dump_close(d);
	bytes_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_over_another),
		cmocka_unit_test(no_pages_or_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
