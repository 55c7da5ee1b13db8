/* SPDX-License-Identifier: BSD-2-Clause */
/* VMware's .vmem with the .vmss or .vmsn beside it, as crash's vmware_vmss.c and volatility3's
 * vmware.py read them. */
#include <unistd.h>

#include "base/cursor.h"
#include "dump/dump.h"
#include "support/dump_bytes.h"
#include "support/test.h"

/* Memory of 4 pages: 0 and 1, and from 4 GiB on two more. Beside it a state. */
struct pair {
	struct bytes memory, state;
};

static void make_file(struct bytes *b)
{
	FILE *f = fopen(b->path, "we");

	assert_non_null(f);
	(void)fclose(f);
}

static void tag(struct bytes *s, const char *name, unsigned size, unsigned nidx, uint32_t i0,
		uint32_t i1)
{
	uint8_t head[2] = {(uint8_t)(nidx << 6 | size), (uint8_t)strlen(name)};

	bytes_put(s, s->n, head, 2);
	bytes_put(s, s->n, name, strlen(name));
	if (nidx > 0)
		bytes_u32(s, s->n, i0);
	if (nidx > 1)
		bytes_u32(s, s->n, i1);
}

static void value32(struct bytes *s, const char *name, unsigned nidx, uint32_t i0, uint32_t i1,
		    uint32_t v)
{
	tag(s, name, 4, nidx, i0, i1);
	bytes_u32(s, s->n, v);
}

static void value64(struct bytes *s, const char *name, uint32_t i0, uint32_t i1, uint64_t v)
{
	tag(s, name, 8, i1 == UINT32_MAX ? 1 : 2, i0, i1);
	bytes_u64(s, s->n, v);
}

/* 62: compressed, 63: plain; with `pad` bytes before it. */
static void block(struct bytes *s, const char *name, unsigned kind, unsigned nidx, uint32_t i0,
		  const void *p, size_t n, uint16_t pad)
{
	tag(s, name, kind, nidx, i0, 0);
	bytes_u64(s, s->n, n);
	bytes_u64(s, s->n, n);
	bytes_u16(s, s->n, pad);
	bytes_resize(s, s->n + pad);
	bytes_put(s, s->n, p, n);
}

static void end(struct bytes *s)
{
	bytes_u16(s, s->n, 0);
}

/* Header and the table of groups "cpu" and "memory"; what follows is the cpu group. */
static void put_head(struct bytes *s)
{
	bytes_resize(s, 0);
	bytes_u32(s, 0, 0xbed2bed2);
	bytes_u32(s, 4, 8);
	bytes_u32(s, 8, 2);
	bytes_resize(s, 12 + 160);
	bytes_put(s, 12, "cpu", 3);
	bytes_u64(s, 12 + 64, 172);
	bytes_put(s, 92, "memory", 6);
}

/* The names that crash's vmware_vmss.c reads, by their encoding; what both spellings of the flags
 * have is put together there. */
static const char *const gprs[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
				     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static void put_gprs(struct bytes *s, uint32_t cpu)
{
	uint64_t i;

	for (i = 0; i < 16; i++)
		if (i != 4)
			value64(s, gprs[i], cpu, UINT32_MAX, 0xfffff80000009000 + i);
	value32(s, "eflags", 1, cpu, 0, 0x202);
	value32(s, "EFLAGS", 1, cpu, 0, 0x44);
}

/* In one block, in the order of crash's struct vmssregs64: RBP before RSP. */
static void put_gpregs(struct bytes *s, uint32_t cpu, size_t n)
{
	static const uint8_t encoding[16] = {0, 1, 2, 3, 5, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t b[136] = {0};
	size_t i;

	for (i = 0; i < 16; i++) {
		b[8 * i] = encoding[i];
		b[8 * i + 1] = 0x70;
	}
	block(s, "gpregs", 63, 1, cpu, b, n, 3);
}

static void put_cpus(struct bytes *s)
{
	uint8_t cr[72] = {0},
		idt[10] = {0xff, 0x0f, 0x00, 0x10, 0x20, 0x30, 0x40, 0xf8, 0xff, 0xff};

	cr[24 + 1] = 0xa0; /* CR3 0x1aa000 */
	cr[24 + 2] = 0x1a;
	cr[32] = 0xf8;
	value32(s, "cpu:numVCPUs", 0, 0, 0, 3);
	block(s, "CR64", 63, 1, 0, cr, sizeof(cr), 5);
	block(s, "IDTR", 63, 1, 0, idt, sizeof(idt), 0);
	value64(s, "S.base64", 0, 4, 0x1111); /* FS */
	value64(s, "S.base64", 0, 5, 0xfffff80012345000);
	value64(s, "rip", 0, UINT32_MAX, 0xfffff80001681000);
	value64(s, "rsp", 0, UINT32_MAX, 0xfffff80000b9c000);
	put_gprs(s, 0);
	value64(s, "CR64", 1, 3, 0x2bb003);
	value64(s, "CR64", 1, 4, 0x1000);
	put_gpregs(s, 1, 128);
	value32(s, "S", 2, 1, 0, 0x2b); /* ES */
	value32(s, "S", 2, 1, 1, 0x33);
	value32(s, "IDTR", 2, 1, 1, 0x55667788);
	value32(s, "IDTR", 2, 1, 2, 0xfffff801);
	value64(s, "CR64", 2, 3, 0); /* never started */
	end(s);
}

static void put_regions(struct bytes *s)
{
	bytes_u64(s, 92 + 64, s->n);
	value32(s, "align_mask", 1, 0, 0, 0xffff);
	value32(s, "regionsCount", 0, 0, 0, 2);
	value32(s, "regionPageNum", 1, 0, 0, 0);
	value32(s, "regionPPN", 1, 0, 0, 0);
	value32(s, "regionSize", 1, 0, 0, 2);
	value32(s, "regionPageNum", 1, 1, 0, 2);
	value32(s, "regionPPN", 1, 1, 0, 0x100000);
	value32(s, "regionSize", 1, 1, 0, 2);
	end(s);
}

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	char stem[200];
	size_t i;

	for (i = 0; i < 4; i++)
		bytes_page(&p->memory, i * 4096, i < 2 ? i : 0x100000 + i - 2);
	(void)snprintf(stem, sizeof(stem), "%s", bytes_save(&p->memory));
	(void)unlink(stem);
	(void)snprintf(p->memory.path, sizeof(p->memory.path), "%s.vmem", stem);
	(void)snprintf(p->state.path, sizeof(p->state.path), "%s.vmss", stem);
	make_file(&p->memory);
	make_file(&p->state);
	(void)bytes_save(&p->memory);
	put_head(&p->state);
	put_cpus(&p->state);
	put_regions(&p->state);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	bytes_deinit(&p->memory);
	bytes_deinit(&p->state);
	free(p);
	return 0;
}

static void check_memory(struct dump *d)
{
	static const struct {
		uint64_t pfn;
		bool there;
	} pages[] = {{0, true},	       {1, true},	 {2, false},	   {0xbffff, false},
		     {0xfffff, false}, {0x100000, true}, {0x100001, true}, {0x100002, false}};
	size_t i;

	assert_string_equal(dump_info(d)->format, "vmware");
	assert_int_equal(dump_info(d)->pages, 4);
	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct fs_error err = {0};
		uint64_t pa = pages[i].pfn * 4096 + 0x88;
		uint8_t b[8];
		enum fs_status st = dump_read_phys(d, pa, b, 8, &err);

		assert_int_equal(st, pages[i].there ? FS_OK : FS_NOT_IN_DUMP);
		if (st == FS_OK)
			assert_true(load_u64(b) == pa);
	}
}

static void check_gprs(struct dump *d)
{
	struct dump_cpu c = dump_cpu_at(d, 0);
	uint64_t i;

	assert_string_equal(c.from, "VMware state");
	assert_int_equal(c.gprs, 0xffff);
	for (i = 0; i < 16; i++)
		assert_true(c.gpr[i] == (i == 4 ? 0xfffff80000b9c000 : 0xfffff80000009000 + i));
	assert_true(c.flags.present && c.flags.v == 0x246);
	assert_false(c.cs.present);
	c = dump_cpu_at(d, 1);
	assert_int_equal(c.gprs, 0xffff);
	for (i = 0; i < 16; i++)
		assert_true(c.gpr[i] == 0x7000 + i);
	assert_true(c.rsp.present && c.rsp.v == 0x7004);
	assert_true(c.cs.present && c.cs.v == 0x33);
	assert_false(c.flags.present);
	/* the third one never started */
	assert_true(dump_info(d)->processors.present && dump_info(d)->processors.v == 2);
}

/* Either file may be named. */
static void regions_and_registers(void **state)
{
	struct pair *p = *state;
	const char *paths[2];
	size_t i;

	paths[0] = bytes_save(&p->memory);
	paths[1] = bytes_save(&p->state);
	for (i = 0; i < 2; i++) {
		struct fs_error err = {0};
		struct dump *d;
		struct dump_cpu c;

		if (dump_open(paths[i], &d, &err) != FS_OK)
			fail_msg("%s", err.text);
		check_memory(d);
		check_gprs(d);
		assert_int_equal(dump_info(d)->file_size, 0x4000);
		assert_int_equal(dump_cpu_count(d), 2);
		c = dump_cpu_at(d, 0);
		assert_true(c.number == 0 && c.cr3.present && c.cr3.v == 0x1aa000);
		assert_true(c.cr4.present && c.cr4.v == 0xf8);
		assert_true(c.idt_base.present && c.idt_base.v == 0xfffff84030201000);
		assert_true(c.gs_base.present && c.gs_base.v == 0xfffff80012345000);
		assert_true(c.rip.v == 0xfffff80001681000 && c.rsp.v == 0xfffff80000b9c000);
		assert_false(c.kernel_gs_base.present || c.gdt_base.present);
		c = dump_cpu_at(d, 1);
		assert_true(c.number == 1 && c.cr3.v == 0x2bb003 && c.cr4.v == 0x1000);
		assert_true(c.idt_base.present && c.idt_base.v == 0xfffff80155667788);
		assert_false(c.gs_base.present || c.rip.present);
		assert_int_equal(dump_note_count(d), 1);
		assert_non_null(strstr(dump_note(d, 0), "1 of 3 processors"));
		dump_close(d);
	}
}

/* A count of processors that is not that of the registers is told and not taken. */
static void processors_miscounted(void **state)
{
	static const uint32_t said[] = {0, 2, 4, UINT32_MAX};
	struct pair *p = *state;
	size_t i;

	for (i = 0; i < 4; i++) {
		struct fs_error err = {0};
		struct dump *d;

		bytes_u32(&p->state, 172 + 2 + strlen("cpu:numVCPUs"), said[i]);
		if (dump_open(bytes_save(&p->state), &d, &err) != FS_OK)
			fail_msg("%s", err.text);
		assert_false(dump_info(d)->processors.present);
		assert_int_equal(dump_note_count(d), 2);
		assert_non_null(strstr(dump_note(d, 1), "and has registers of 3"));
		dump_close(d);
	}
}

/* Half of an IDTR is none, nor is a block of another size or a code segment without its place. */
static void half_registers(void **state)
{
	struct pair *p = *state;
	struct fs_error err = {0};
	struct dump_cpu c;
	struct dump *d;

	put_head(&p->state);
	value64(&p->state, "CR64", 0, 3, 0x1000);
	value32(&p->state, "IDTR", 2, 0, 1, 0x55667788);
	put_gpregs(&p->state, 0, 120);
	put_gpregs(&p->state, 0, 136);
	block(&p->state, "gpregs", 62, 1, 0, (uint8_t[128]){0}, 128, 0);
	value32(&p->state, "S", 1, 0, 0, 0x10);
	value64(&p->state, "S", 0, 1, 0x10);
	value64(&p->state, "gpregs", 0, UINT32_MAX, 1);
	end(&p->state);
	put_regions(&p->state);
	(void)bytes_save(&p->state);
	assert_int_equal(dump_open(p->memory.path, &d, &err), FS_OK);
	assert_int_equal(dump_cpu_count(d), 1);
	c = dump_cpu_at(d, 0);
	assert_true(c.idt_base.v == 0 && c.gprs == 0);
	assert_false(c.idt_base.present || c.cs.present || c.rsp.present || c.rip.present || c.flags.present);
	dump_close(d);
}

/* Small machines are in one piece; snapshots have the memory in the state file itself. */
static void one_piece_and_embedded(void **state)
{
	struct pair *p = *state;
	struct bytes *s = &p->state;
	struct fs_error err = {0};
	struct dump *d;
	uint8_t b[8];

	put_head(s);
	end(s);
	bytes_u64(s, 92 + 64, s->n);
	value32(s, "regionsCount", 0, 0, 0, 0);
	end(s);
	(void)bytes_save(s);
	assert_int_equal(dump_open(p->memory.path, &d, &err), FS_OK);
	assert_int_equal(dump_info(d)->pages, 4);
	assert_int_equal(dump_read_phys(d, 0x1010, b, 8, &err), FS_OK);
	assert_true(load_u64(b) == 0x1010);
	dump_close(d);
	put_head(s);
	end(s);
	put_regions(s);
	bytes_resize(s, s->n - 2);
	block(s, "Memory", 63, 1, 0, p->memory.v, p->memory.n, 77);
	end(s);
	(void)unlink(p->memory.path);
	assert_int_equal(dump_open(bytes_save(s), &d, &err), FS_OK);
	check_memory(d);
	dump_close(d);
	/* cut within the memory: what is there is read */
	assert_int_equal(dump_open(bytes_save_n(s, s->n - 0x1002), &d, &err), FS_OK);
	assert_true(dump_info(d)->truncated);
	assert_int_equal(dump_info(d)->missing_bytes, 0x1000);
	assert_int_equal(dump_read_phys(d, 0x100000008, b, 8, &err), FS_OK);
	assert_true(load_u64(b) == 0x100000008);
	assert_int_equal(dump_read_phys(d, 0x100001008, b, 8, &err), FS_NOT_IN_DUMP);
	dump_close(d);
	/* but not when the map of regions was behind it: they would be at wrong addresses */
	put_head(s);
	end(s);
	bytes_u64(s, 92 + 64, s->n);
	block(s, "Memory", 63, 1, 0, p->memory.v, p->memory.n, 77);
	value32(s, "regionsCount", 0, 0, 0, 2);
	assert_int_equal(dump_open(bytes_save_n(s, s->n - 4), &d, &err), FS_CORRUPT);
}

static void what_is_missing_is_said(void **state)
{
	struct pair *p = *state;
	struct dump_options raw = {.raw = true};
	struct fs_error err = {0};
	struct dump *d;

	(void)bytes_save(&p->state);
	(void)unlink(p->memory.path);
	assert_int_equal(dump_open(p->state.path, &d, &err), FS_UNSUPPORTED);
	assert_non_null(strstr(err.text, "its .vmem is needed beside it"));
	make_file(&p->memory);
	(void)bytes_save(&p->memory);
	(void)unlink(p->state.path);
	assert_int_equal(dump_open(p->memory.path, &d, &err), FS_UNSUPPORTED);
	assert_non_null(strstr(err.text, "the .vmss or .vmsn of the same name is not beside it"));
	assert_int_equal(dump_open_with(p->memory.path, &raw, &d, &err), FS_OK);
	assert_string_equal(dump_info(d)->format, "raw");
	dump_close(d);
	make_file(&p->state);
	bytes_u32(&p->state, 0, 0xbed0bed0);
	assert_int_equal(dump_open(bytes_save(&p->state), &d, &err), FS_UNSUPPORTED);
	bytes_u32(&p->state, 0, 0x12345678);
	(void)bytes_save(&p->state);
	assert_int_equal(dump_open(p->memory.path, &d, &err), FS_CORRUPT);
}

static void expect(struct pair *p, enum fs_status want, const char *words)
{
	struct fs_error err = {0};
	struct dump *d = NULL;

	(void)bytes_save(&p->state);
	assert_int_equal(dump_open(p->memory.path, &d, &err), want);
	if (!strstr(err.text, words))
		fail_msg("expected \"%s\" in \"%s\"", words, err.text);
}

static void states_that_lie(void **state)
{
	struct pair *p = *state;
	struct bytes *s = &p->state;
	uint8_t byte = 0;

	bytes_u32(s, 8, UINT32_MAX);
	expect(p, FS_CORRUPT, "expected at most 1024 groups at 0x8, found 4294967295");
	bytes_u32(s, 8, 1); /* cpu only */
	expect(p, FS_CORRUPT, "there is no memory group");
	bytes_u32(s, 8, 2);
	bytes_u64(s, 92 + 64, UINT64_MAX - 1);
	expect(p, FS_CORRUPT, "memory group");
	put_head(s);
	end(s);
	bytes_u64(s, 92 + 64, s->n);
	value32(s, "regionsCount", 0, 0, 0, UINT32_MAX);
	end(s);
	expect(p, FS_CORRUPT, "expected at most 256, found 4294967295");
	put_head(s);
	end(s);
	put_regions(s);
	s->v[s->n - 2 - 4 - 4 - 1] = 'X'; /* "regionSize" of region 1 is another name now */
	expect(p, FS_CORRUPT, "memory region 1 of 2: expected regionPPN, regionPageNum and");
	put_head(s);
	end(s);
	bytes_u64(s, 92 + 64, s->n);
	block(s, "Memory", 62, 1, 0, &byte, 1, 0);
	end(s);
	expect(p, FS_UNSUPPORTED, "compressed within the file");
	put_head(s);
	end(s);
	bytes_u64(s, 92 + 64, s->n);
	tag(s, "block", 63, 3, 1, 2);
	bytes_u32(s, s->n, 3);
	bytes_u64(s, s->n, UINT64_MAX);
	bytes_u64(s, s->n, UINT64_MAX);
	bytes_u16(s, s->n, 0xffff);
	expect(p, FS_CORRUPT, "a block at 0x");
}

/* Registers do not come before memory: a cpu group that breaks off is told, no more. */
static void a_broken_cpu_group(void **state)
{
	struct pair *p = *state;
	struct fs_error err = {0};
	struct dump *d;

	bytes_u64(&p->state, 12 + 64, UINT64_MAX - 0xfff);
	(void)bytes_save(&p->state);
	assert_int_equal(dump_open(p->memory.path, &d, &err), FS_OK);
	check_memory(d);
	assert_int_equal(dump_cpu_count(d), 0);
	assert_int_equal(dump_note_count(d), 1);
	assert_non_null(strstr(dump_note(d, 0), "cpu group broke off"));
	dump_close(d);
}

/* Every length and every byte: an error or an answer, and memory that is itself. */
static void cut_and_flipped(void **state)
{
	static const uint8_t flips[] = {0xff, 0x01, 0x80, 0x40};
	struct pair *p = *state;
	struct bytes *s = &p->state;
	size_t n, k;

	for (n = 0; n < s->n; n++) {
		struct fs_error err = {0};
		struct dump *d = NULL;

		(void)bytes_save_n(s, n);
		assert_int_equal(dump_open(p->memory.path, &d, &err), FS_CORRUPT);
	}
	for (n = 0; n < s->n; n++) {
		for (k = 0; k < sizeof(flips); k++) {
			struct fs_error err = {0};
			struct dump *d = NULL;

			s->v[n] ^= flips[k];
			(void)bytes_save(s);
			s->v[n] ^= flips[k];
			if (dump_open(p->memory.path, &d, &err) != FS_OK)
				continue;
			(void)bytes_exercise(d);
			dump_close(d);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regions_and_registers),   TEST(processors_miscounted),
		TEST(half_registers),
		TEST(one_piece_and_embedded),
		TEST(what_is_missing_is_said), TEST(states_that_lie), TEST(a_broken_cpu_group),
		TEST(cut_and_flipped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
