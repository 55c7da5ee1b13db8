/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A dump of a few pages or virtual ranges in memory: a format behind the real
 * src/dump. Page tables are written entry by entry.
 */
#ifndef SUPPORT_FAKEDUMP_H
#define SUPPORT_FAKEDUMP_H

#include "dump/format.h"
#include "support/test.h"
#include "vm/vm.h"

#define FAKE_PAGES  256
#define FAKE_BLOCKS 64
#define FAKE_ROOT   0x1ab000ull
#define FAKE_LIST   0xfffff80012345678ull /* PsLoadedModuleList: an empty list */

struct fakedump {
	struct dump dump; /* priv points back here */
	struct dump_format format;
	unsigned levels; /* of fake_entry */
	uint64_t next;	 /* PA of the next page that is made */
	size_t npages;
	struct {
		uint64_t pa;
		uint8_t bytes[DUMP_PAGE_SIZE];
	} page[FAKE_PAGES];
	size_t nblocks;
	struct {
		struct dump_block b;
		const uint8_t *bytes;
	} block[FAKE_BLOCKS];
	size_t reads; /* of physical memory */
	uint64_t cut; /* PA from which its page is behind the end of the file; 0: none */
};

static inline uint8_t *fake_find(struct fakedump *d, uint64_t pa)
{
	size_t i;

	for (i = 0; i < d->npages; i++)
		if (d->page[i].pa == pa / DUMP_PAGE_SIZE * DUMP_PAGE_SIZE)
			return d->page[i].bytes;
	return NULL;
}

static inline enum fs_status fake_read_phys(struct dump *dump, uint64_t pa, void *buf, size_t n,
					    struct fs_error *err)
{
	struct fakedump *d = dump->priv;
	const uint8_t *p = fake_find(d, pa);

	d->reads++;
	if (!p)
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa, "PA 0x%llx: not in the dump",
				  (unsigned long long)pa);
	if (d->cut != 0 && pa / DUMP_PAGE_SIZE == d->cut / DUMP_PAGE_SIZE && pa + n > d->cut)
		return fs_fail_at(err, FS_NOT_IN_DUMP, pa > d->cut ? pa : d->cut, "file is cut");
	memcpy(buf, p + pa % DUMP_PAGE_SIZE, n);
	return FS_OK;
}

static inline size_t fake_block_count(const struct dump *dump)
{
	const struct fakedump *d = dump->priv;

	return d->nblocks;
}

static inline struct dump_block fake_block_at(const struct dump *dump, size_t i)
{
	const struct fakedump *d = dump->priv;

	assert_true(i < d->nblocks);
	return d->block[i].b;
}

static inline enum fs_status fake_read_virt(struct dump *dump, uint64_t va, void *buf, size_t n,
					    struct fs_error *err)
{
	struct fakedump *d = dump->priv;
	size_t i;

	for (i = 0; i < d->nblocks; i++) {
		uint64_t off = va - d->block[i].b.va;

		if (va < d->block[i].b.va || off >= d->block[i].b.size)
			continue;
		assert_true(n <= d->block[i].b.size - off);
		memcpy(buf, d->block[i].bytes + off, n);
		return FS_OK;
	}
	return fs_fail_at(err, FS_NOT_IN_DUMP, va, "in no range");
}

/* The page at pa, made when it is not there. */
static inline uint8_t *fake_page(struct fakedump *d, uint64_t pa)
{
	uint8_t *p = fake_find(d, pa);

	if (p)
		return p;
	assert_true(d->npages < FAKE_PAGES);
	d->page[d->npages].pa = pa / DUMP_PAGE_SIZE * DUMP_PAGE_SIZE;
	d->dump.info.pages = d->npages + 1;
	return d->page[d->npages++].bytes;
}

/* Take a page out of the dump. */
static inline void fake_drop(struct fakedump *d, uint64_t pa)
{
	size_t i;

	for (i = 0; i < d->npages; i++)
		if (d->page[i].pa == pa / DUMP_PAGE_SIZE * DUMP_PAGE_SIZE)
			d->page[i] = d->page[--d->npages];
}

static inline void fake_store(uint8_t *p, uint64_t v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static inline void fake_put64(struct fakedump *d, uint64_t pa, uint64_t v)
{
	fake_store(fake_page(d, pa) + pa % DUMP_PAGE_SIZE, v, 8);
}

static inline uint64_t fake_get64(struct fakedump *d, uint64_t pa)
{
	const uint8_t *p = fake_page(d, pa) + pa % DUMP_PAGE_SIZE;
	uint64_t v = 0;
	size_t i;

	for (i = 8; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* PA of the entry for va at a level (1 = PTE), with the tables above it made. */
static inline uint64_t fake_entry(struct fakedump *d, uint64_t va, unsigned level)
{
	uint64_t table = FAKE_ROOT, entry;
	unsigned l;

	(void)fake_page(d, table);
	for (l = d->levels;; l--) {
		entry = table + (va >> (12 + 9 * (l - 1)) & 511) * 8;
		if (l == level)
			return entry;
		if (fake_get64(d, entry) == 0) {
			(void)fake_page(d, d->next);
			fake_put64(d, entry, d->next | 0x63); /* present, writable, A, D */
			d->next += DUMP_PAGE_SIZE;
		}
		table = fake_get64(d, entry) & 0x000ffffffffff000ull;
	}
}

/* Where va's bytes are, mapped to a page of its own when they are not. */
static inline uint8_t *fake_at(struct fakedump *d, uint64_t va)
{
	uint64_t entry = fake_entry(d, va, 1);

	if (fake_get64(d, entry) == 0) {
		(void)fake_page(d, d->next);
		fake_put64(d, entry, d->next | 0x8000000000000963ull);
		d->next += DUMP_PAGE_SIZE;
	}
	return fake_page(d, fake_get64(d, entry) & 0x000ffffffffff000ull) + va % DUMP_PAGE_SIZE;
}

static inline void fake_write(struct fakedump *d, uint64_t va, uint64_t v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		*fake_at(d, va + i) = (uint8_t)(v >> 8 * i);
}

/* A LIST_ENTRY. */
static inline void fake_links(struct fakedump *d, uint64_t va, uint64_t flink, uint64_t blink)
{
	fake_write(d, va, flink, 8);
	fake_write(d, va + 8, blink, 8);
}

/* Nothing in it yet. Owner: free(). */
static inline struct fakedump *fake_empty(enum dump_machine machine)
{
	struct fakedump *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->dump.priv = d;
	d->dump.format = &d->format;
	d->dump.info.machine = machine;
	d->format.name = "fake";
	return d;
}

/* x64 with `levels` of tables and an empty PsLoadedModuleList. */
static inline struct fakedump *fake_new(unsigned levels)
{
	struct fakedump *d = fake_empty(DUMP_X64);

	d->format.read_phys = fake_read_phys;
	d->levels = levels;
	d->next = 0x200000;
	d->dump.info.machine_raw = 0x8664;
	d->dump.info.directory_table_base = (struct dump_u64){FAKE_ROOT, true};
	d->dump.info.ps_loaded_module_list = (struct dump_u64){FAKE_LIST, true};
	fake_links(d, FAKE_LIST, FAKE_LIST, FAKE_LIST);
	return d;
}

/* A triage dump without ranges. */
static inline struct fakedump *fake_triage(enum dump_machine machine)
{
	struct fakedump *d = fake_empty(machine);

	d->format.read_virt = fake_read_virt;
	d->format.block_count = fake_block_count;
	d->format.block = fake_block_at;
	return d;
}

/* Add ranges in ascending order; bytes are borrowed. */
static inline void fake_block(struct fakedump *d, uint64_t va, const void *bytes, uint64_t size)
{
	assert_true(d->nblocks < FAKE_BLOCKS);
	d->block[d->nblocks].b = (struct dump_block){va, size};
	d->block[d->nblocks++].bytes = bytes;
}

static inline struct vm *fake_vm(struct fakedump *d)
{
	struct fs_error err = {0};
	struct vm *vm = NULL;

	if (vm_create(&d->dump, &vm, &err) != FS_OK)
		fail_msg("vm_create: %s", err.text);
	return vm;
}

#endif
