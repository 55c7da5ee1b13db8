/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random page tables against a walker written by hand from the manual (SDM vol.
 * 3A, 4.5) and the PDBs' entry formats, that shares no code with src/vm. Tables
 * point anywhere: to themselves, to each other, out of the dump.
 */
#include "support/fakedump.h"
#include "vm/impl.h"

#define FRAMES 24u /* pages of the dump: PFN 0x100 and up */
#define FIRST  0x100ull

static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t random_entry(void)
{
	uint64_t frame = FIRST + rnd() % (FRAMES + 2); /* two are not in the dump */
	uint64_t pa = frame << 12, soft = (rnd() & 0x8ff) << 52;

	switch (rnd() % 16) {
	case 0:
		return 0;
	case 1: /* large where the level has it; bit 12 is PAT */
		return soft | (rnd() % 4) << 30 | (rnd() % 2) << 21 | (rnd() % 2) << 12 | 0xe3;
	case 2: /* transition */
		return soft | pa | 0x800 | (rnd() & 0x3e0);
	case 3: /* transition, swizzle bit set */
		return soft | pa | 0x810 | (rnd() & 0x3e0);
	case 4: /* transition, flipped */
		return pa | 0x300000000000 | 0x800 | (rnd() & 0x3e0);
	case 5: /* prototype */
		return (rnd() & ~0x411ull) | 0x400;
	case 6: /* page file */
		return rnd() << 32 | 0x80;
	case 7: /* PFN bits above 36 */
		return pa | 0x0003000000000063;
	default:
		return soft | pa | 0x63;
	}
}

static struct fakedump *random_dump(void)
{
	struct fakedump *d = fake_new(4);
	unsigned f, i;

	d->npages = 0;
	d->dump.info.directory_table_base.v = FIRST << 12;
	for (f = 0; f < FRAMES; f++)
		for (i = 0; i < 512; i++)
			/* few indices are used, so most of a table stays empty */
			if (i % 64 < 4 || i == 511)
				fake_put64(d, (FIRST + f) << 12 | i * 8, random_entry());
	return d;
}

static uint64_t random_va(unsigned levels)
{
	uint64_t va = rnd() & 0xfff;
	unsigned l;

	for (l = 0; l < levels; l++) {
		uint64_t idx = (rnd() % 8) * 64 + rnd() % 5;

		va |= (rnd() % 8 == 0 ? 511 : idx) << (12 + 9 * l);
	}
	if (va >> (11 + 9 * levels) & 1)
		va |= ~0ull << (12 + 9 * levels);
	return va;
}

struct answer {
	enum fs_status status;
	uint64_t pa, size;
	bool transition;
};

static struct answer absent(uint64_t e, const struct vm_pte_rules *r, uint64_t mask)
{
	struct answer a = {.status = FS_OK};

	if (e == 0)
		a.status = FS_NOT_IN_DUMP;
	else if ((e >> 10 & 3) != 2)
		a.status = FS_PAGED_OUT;
	else if (!r->known && ((e & 0x10) == 0 || (e & mask & ~0x0000ffffffffffffull)))
		a.status = FS_UNSUPPORTED;
	else if (r->known && r->swizzle && (e & 0x10) == 0)
		e &= ~r->invalid_mask;
	a.pa = e & mask;
	return a;
}

static struct answer walk_by_hand(struct fakedump *d, unsigned levels, const struct vm_pte_rules *r,
				  uint64_t va)
{
	uint64_t mask = r->known && r->pfn_bits == 36 ? 0x0000fffffffff000 : 0x000ffffffffff000;
	uint64_t table = FIRST << 12, size;
	unsigned l;

	for (l = levels; l >= 1; l--) {
		struct answer a = {.status = FS_OK};
		uint64_t e;

		if (!fake_find(d, table))
			return (struct answer){.status = FS_NOT_IN_DUMP};
		e = fake_get64(d, table + (va >> (12 + 9 * (l - 1)) & 511) * 8);
		size = 1ull << (12 + 9 * (l - 1));
		if (e & 1) {
			a.pa = e & mask;
			if (l >= 4 && (e & 0x80))
				return (struct answer){.status = FS_CORRUPT};
			if (l == 1 || (e & 0x80))
				return (struct answer){FS_OK,
						       (a.pa & ~(size - 1)) | (va & (size - 1)),
						       size, false};
		} else {
			a = absent(e, r, mask);
			if (a.status != FS_OK)
				return a;
			if (l == 1)
				return (struct answer){FS_OK, a.pa | (va & 0xfff), 4096, true};
		}
		table = a.pa;
	}
	return (struct answer){.status = FS_CORRUPT};
}

static const struct vm_pte_rules rules[] = {
	{0},
	{.known = true, .pfn_bits = 36},
	{.known = true,
	 .swizzle = true,
	 .pfn_bits = 36,
	 .mask_known = true,
	 .invalid_mask = 0x300000000000},
	{.known = true,
	 .swizzle = true,
	 .pfn_bits = 40,
	 .mask_known = true,
	 .invalid_mask = 0x300000000000},
};

/* A vm that uses these levels whatever the probe thinks of random tables. */
static struct vm *make(struct fakedump *d, unsigned levels, size_t rule)
{
	struct vm *vm = fake_vm(d);

	vm->levels = levels;
	walk_set_levels(vm->walk, levels);
	vm_set_halves(vm, levels);
	vm_set_pte_rules(vm, &rules[rule]);
	return vm;
}

static void compare(struct fakedump *d, struct vm *vm, unsigned levels, size_t rule, uint64_t va)
{
	struct answer a = walk_by_hand(d, levels, &rules[rule], va);
	struct fs_error err = {0};
	struct vm_xlat x = {0};
	enum fs_status st = vm_translate(vm, va, &x, &err);

	if (st != a.status || (st == FS_OK && (x.pa != a.pa || x.page_size != a.size ||
					       x.transition != a.transition)))
		fail_msg("%u levels, rule %zu, VA 0x%llx: %s 0x%llx, by hand %s 0x%llx (%s)",
			 levels, rule, (unsigned long long)va, fs_status_name(st),
			 (unsigned long long)x.pa, fs_status_name(a.status),
			 (unsigned long long)a.pa, err.text);
}

static void random_translations(void **state)
{
	size_t n[FS_NO_MEMORY + 1] = {0};
	unsigned levels, round;
	size_t rule, i;

	(void)state;
	seed = 0x123456789abcdef1;
	for (round = 0; round < 4; round++) {
		struct fakedump *d = random_dump();

		for (levels = 4; levels <= 5; levels++) {
			for (rule = 0; rule < sizeof(rules) / sizeof(rules[0]); rule++) {
				struct vm *vm = make(d, levels, rule);

				for (i = 0; i < 1500; i++) {
					uint64_t va = random_va(levels);

					compare(d, vm, levels, rule, va);
					n[walk_by_hand(d, levels, &rules[rule], va).status]++;
				}
				vm_destroy(vm);
			}
		}
		free(d);
	}
	/* The tables are random enough to have met everything. */
	assert_true(n[FS_OK] > 1000 && n[FS_NOT_IN_DUMP] > 1000 && n[FS_PAGED_OUT] > 1000);
	assert_true(n[FS_UNSUPPORTED] > 100 && n[FS_CORRUPT] > 100);
}

static bool readable(struct fakedump *d, unsigned levels, size_t rule, uint64_t va)
{
	struct answer a = walk_by_hand(d, levels, &rules[rule], va);

	return a.status == FS_OK && fake_find(d, a.pa);
}

/* Within a window the ranges are exactly the readable pages. */
static void compare_window(struct fakedump *d, struct vm *vm, unsigned levels, size_t rule,
			   uint64_t va)
{
	const uint64_t end = va + 100 * 4096;
	uint64_t at = va, from, size, page;

	while (at < end && vm_next_range(vm, at, end, &from, &size)) {
		assert_true(from >= at && size > 0 && size <= end - from && size <= 256 * 1024);
		for (page = at & ~0xfffull; page < (from & ~0xfffull); page += 4096)
			assert_false(readable(d, levels, rule, page));
		for (page = from & ~0xfffull; page < from + size; page += 4096)
			assert_true(readable(d, levels, rule, page));
		assert_true(from == at || from % 4096 == 0);
		at = from + size;
	}
	assert_false(vm_range_limited(vm));
	for (page = (at + 0xfff) & ~0xfffull; page < end; page += 4096)
		assert_false(readable(d, levels, rule, page));
}

static void random_ranges(void **state)
{
	unsigned levels;
	size_t rule, i;

	(void)state;
	seed = 0xfedcba9876543211;
	for (levels = 4; levels <= 5; levels++) {
		struct fakedump *d = random_dump();

		for (rule = 0; rule < sizeof(rules) / sizeof(rules[0]); rule++) {
			struct vm *vm = make(d, levels, rule);

			for (i = 0; i < 60; i++) {
				uint64_t va = random_va(levels);

				if (va < UINT64_MAX - 0x100000 &&
				    vm_is_canonical(vm, va + 0x100000))
					compare_window(d, vm, levels, rule, va);
			}
			vm_destroy(vm);
		}
		free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_translations),
		cmocka_unit_test(random_ranges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
