/* SPDX-License-Identifier: BSD-2-Clause */
/* DumpType 4: blocks that overlap, hostile headers, cut files. */
#include "base/cursor.h"
#include "dump/dump.h"
#include "support/test.h"
#include "support/triage_bytes.h"

/* Later entries of the table win; the loser is counted once, however often it loses. */
static void overlapping_blocks(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	uint8_t p[4];

	(void)state;
	triage_bytes(&b);
	triage_bytes_block(&b, 0, BLOCK_VA, DATA, 0x100);
	triage_bytes_block(&b, 1, BLOCK_VA + 0x20, DATA + 0x100, 0x20);
	triage_bytes_block(&b, 2, BLOCK_VA + 0x60, DATA + 0x140, 0x20);
	d = bytes_open(&b);
	assert_int_equal(dump_block_conflicts(d), 1);
	expect_at(d, BLOCK_VA + 0x1c, DATA + 0x1c);
	expect_at(d, BLOCK_VA + 0x20, DATA + 0x100);
	expect_at(d, BLOCK_VA + 0x3c, DATA + 0x11c);
	expect_at(d, BLOCK_VA + 0x40, DATA + 0x40);
	expect_at(d, BLOCK_VA + 0x60, DATA + 0x140);
	expect_at(d, BLOCK_VA + 0x80, DATA + 0x80);
	assert_true(dump_block(d, 3).va == BLOCK_VA && dump_block(d, 3).size == 0x100);
	dump_close(d);
	/* The same bytes twice are no conflict, even if they stand at two places. */
	bytes_put(&b, DATA + 0x100, b.v + DATA + 0x20, 0x20);
	bytes_put(&b, DATA + 0x140, b.v + DATA + 0x60, 0x20);
	d = bytes_open(&b);
	assert_int_equal(dump_block_conflicts(d), 0);
	expect_at(d, BLOCK_VA + 0x20, DATA + 0x20);
	dump_close(d);
	/* A block in the table wins over the stack copy. */
	triage_bytes_block(&b, 0, STACK_VA + 4, DATA, 4);
	d = bytes_open(&b);
	assert_int_equal(dump_block_conflicts(d), 1);
	expect_at(d, STACK_VA, STACK);
	expect_at(d, STACK_VA + 4, DATA);
	dump_close(d);
	/* One that wraps around is left out, the others stay. */
	triage_bytes_block(&b, 0, UINT64_MAX - 3, DATA, 8);
	d = bytes_open(&b);
	assert_int_equal(dump_note_count(d), 1);
	assert_int_equal(dump_read_virt(d, UINT64_MAX - 3, p, 1, NULL), FS_NOT_IN_DUMP);
	expect_at(d, BLOCK_VA + 0x24, DATA + 0x24);
	dump_close(d);
	bytes_deinit(&b);
}

#define SPACE 96u

/* Random blocks over a small space against a byte map painted in table order. */
static void blocks_against_painting(void **state)
{
	struct bytes b = {0};
	uint32_t seed = 7;
	size_t round, i, k;

	(void)state;
	for (round = 0; round < 300; round++) {
		int paint[SPACE], n = 2 + (int)(round % 12);
		bool lost[16] = {false};
		struct {
			uint64_t va, off, size;
		} in[16];
		size_t conflicts = 0;
		struct dump *d;

		triage_bytes(&b);
		bytes_put(&b, KDBG + 0x10, "none", 4);
		bytes_u32(&b, 0x202c, 0);
		bytes_u32(&b, 0x207c, 0);
		for (i = 0; i < SPACE; i++)
			paint[i] = -1;
		for (i = 0; i < (size_t)n; i++) {
			seed = seed * 1103515245 + 12345;
			in[i].va = (seed >> 8) % 80;
			in[i].size = 1 + (seed >> 16) % 16;
			/* Half of them hold what belongs there. */
			in[i].off =
				seed >> 30 & 1 ? DATA + in[i].va : DATA + 0x80 + (seed >> 20) % 64;
			triage_bytes_block(&b, i, BLOCK_VA + in[i].va, in[i].off, in[i].size);
			for (k = 0; k < in[i].size; k++)
				paint[in[i].va + k] = (int)i;
		}
		for (i = 0; i < (size_t)n; i++) {
			for (k = 0; k < in[i].size; k++) {
				size_t w = (size_t)paint[in[i].va + k];

				lost[i] |= b.v[in[i].off + k] !=
					   b.v[in[w].off + (in[i].va + k - in[w].va)];
			}
			conflicts += lost[i];
		}
		d = bytes_open(&b);
		assert_int_equal(dump_block_conflicts(d), conflicts);
		for (i = 0; i < SPACE; i++) {
			enum fs_status st;
			uint8_t got;

			st = dump_read_virt(d, BLOCK_VA + i, &got, 1, NULL);
			assert_int_equal(st, paint[i] < 0 ? FS_NOT_IN_DUMP : FS_OK);
			if (st == FS_OK)
				assert_int_equal(got,
						 b.v[in[paint[i]].off + (i - in[paint[i]].va)]);
		}
		for (i = 1; i < dump_block_count(d); i++)
			assert_true(dump_block(d, i).va >
				    dump_block(d, i - 1).va + dump_block(d, i - 1).size);
		dump_close(d);
	}
	bytes_deinit(&b);
}

/* 20,000 blocks that all hold the same addresses at different places: bounded work. */
static void everything_overlaps(void **state)
{
	struct bytes b = {0};
	struct dump *d;
	size_t i, n = 20000;

	(void)state;
	triage_bytes(&b);
	bytes_resize(&b, 0x200000);
	bytes_u32(&b, 0x2078, 0x100000);
	bytes_u32(&b, 0x207c, (uint32_t)n);
	for (i = 0; i < n; i++) {
		bytes_u64(&b, 0x100000 + 16 * i, BLOCK_VA + i % 64);
		bytes_u32(&b, 0x100000 + 16 * i + 8, (uint32_t)(0x4000 + i % 4096));
		bytes_u32(&b, 0x100000 + 16 * i + 12, 0x80000);
	}
	d = bytes_open(&b);
	assert_true(dump_note_count(d) > 0);
	assert_non_null(strstr(dump_note(d, dump_note_count(d) - 1), "not all were compared"));
	assert_true(dump_block_count(d) > 0);
	dump_close(d);
	bytes_deinit(&b);
}

/* Every u32 of the header at its maximum and around the file's size: never a
 * crash, never much memory, and blocks that can really be read. */
static void every_header_field_hostile(void **state)
{
	static const uint32_t values[] = {0,	      1,	  0x2000,    0x2080,	 VALID,
					  END - 1,    END,	  END + 1,   0x7fffffff, 0x80000000,
					  0xfffffff0, 0xffffffff, 0x45474150};
	struct bytes b = {0};
	size_t at, i, before;

	(void)state;
	for (at = 0x2000; at < 0x2080; at += 4) {
		for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			struct dump *d;

			before = heap_used();
			d = triage_bytes_with(&b, at, values[i]);
			assert_true(heap_used() - before < 0x40000);
			(void)bytes_exercise(d);
			dump_close(d);
		}
	}
	/* Likewise each field of a block. */
	for (at = BLOCKS; at < BLOCKS + 0x30; at += 4) {
		struct dump *d = triage_bytes_with(&b, at, 0xffffffff);

		(void)bytes_exercise(d);
		dump_close(d);
	}
	bytes_deinit(&b);
}

/* Every length: the answer shrinks with the file, and says by how much. */
static void cut_anywhere(void **state)
{
	struct bytes b = {0};
	size_t n;

	(void)state;
	triage_bytes(&b);
	assert_int_equal(b.n, END);
	for (n = 0x1ff0; n <= END; n += n < 0x2090 || n >= DATA ? 1 : 5) {
		struct fs_error err = {0};
		struct dump *d = NULL;
		enum fs_status st = dump_open(bytes_save_n(&b, n), &d, &err);
		uint8_t p[4];

		assert_int_equal(st, n < 0x2080 ? FS_CORRUPT : FS_OK);
		if (st != FS_OK)
			continue;
		assert_int_equal(dump_info(d)->missing_bytes, END - n);
		(void)bytes_exercise(d);
		/* Block 1 stands at DATA + 0x80. */
		st = dump_read_virt(d, BLOCK_VA + 0x40, p, 4, &err);
		assert_int_equal(st, n >= DATA + 0xc4 ? FS_OK : FS_NOT_IN_DUMP);
		if (n > DATA + 0xc0 && n < DATA + 0xc4)
			assert_true(err.address == BLOCK_VA + 0x40 + (n - DATA - 0xc0));
		assert_int_equal(dump_driver_count(d), n >= DRIVERS + 0x120  ? 2
						       : n >= DRIVERS + 0x90 ? 1
									     : 0);
		assert_int_equal(dump_unloaded_count(d), n >= UNLOADED + 0x78	? 2
							 : n >= UNLOADED + 0x40 ? 1
										: 0);
		dump_close(d);
	}
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlapping_blocks),  cmocka_unit_test(blocks_against_painting),
		cmocka_unit_test(everything_overlaps), cmocka_unit_test(every_header_field_hostile),
		cmocka_unit_test(cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
