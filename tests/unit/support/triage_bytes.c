/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/triage_bytes.h"

#include "base/cursor.h"
#include "dump/dump.h"
#include "support/test.h"

static void put_utf16(struct bytes *b, size_t off, const char *s)
{
	for (; *s; s++, off += 2)
		bytes_u16(b, off, (uint8_t)*s);
}

/* Data that tells where in the file it stands. */
static void put_pattern(struct bytes *b, size_t off, size_t n)
{
	size_t i;

	for (i = 0; i < n; i += 4)
		bytes_u32(b, off + i, (uint32_t)(0xd0000000 + off + i));
}

void triage_bytes_block(struct bytes *b, size_t i, uint64_t va, size_t off, size_t size)
{
	bytes_u64(b, BLOCKS + 16 * i, va);
	bytes_u32(b, BLOCKS + 16 * i + 8, (uint32_t)off);
	bytes_u32(b, BLOCKS + 16 * i + 12, (uint32_t)size);
	if (b->v[0x207c] <= i)
		bytes_u32(b, 0x207c, (uint32_t)i + 1);
}

static void put_driver(struct bytes *b, size_t i, uint32_t name, uint64_t base)
{
	size_t e = DRIVERS + 0x90 * i;

	bytes_u32(b, e, name);
	bytes_u64(b, e + 0x38, base);
	bytes_u64(b, e + 0x40, base + 0x10);
	bytes_u32(b, e + 0x48, 0x6d000);
	bytes_u32(b, e + 0x80, 0xa6a325);
	bytes_u32(b, e + 0x88, 0xb57cd7ef);
}

static void put_lists(struct bytes *b)
{
	bytes_u64(b, UNLOADED, 2);
	bytes_u16(b, UNLOADED + 8, 14);
	put_utf16(b, UNLOADED + 8 + 0x10, "dam.sys");
	bytes_u64(b, UNLOADED + 8 + 0x28, 0xfffff80487de0000);
	bytes_u64(b, UNLOADED + 8 + 0x30, 0xfffff80487dfc000);
	bytes_u16(b, UNLOADED + 0x40, 24);
	put_utf16(b, UNLOADED + 0x40 + 0x10, "dump_storpor");
	bytes_u64(b, UNLOADED + 0x40 + 0x28, 0x1000);
	bytes_u64(b, UNLOADED + 0x40 + 0x30, 0x2000);
	put_driver(b, 0, POOL, NT_BASE);
	put_driver(b, 1, POOL + 0x20, 0xfffff80552430000);
	bytes_u32(b, POOL, 12);
	put_utf16(b, POOL + 4, "ntoskrnl.exe");
	bytes_u32(b, POOL + 0x20, 19);
	put_utf16(b, POOL + 0x24, "\\Drivers\\FLTMGR.SYS");
	bytes_resize(b, POOL + 0x60);
}

static void put_copies(struct bytes *b)
{
	bytes_u64(b, PRCB + 8, THREAD_VA);
	put_pattern(b, PROCESS, 0x20);
	put_pattern(b, THREAD, 0xc0);
	bytes_u64(b, THREAD + 0xb8, PROCESS_VA);
	put_pattern(b, STACK, 0x80);
	bytes_resize(b, KDBG + 0x380);
	bytes_put(b, KDBG + 0x10, "KDBG", 4);
	bytes_u16(b, KDBG + 0x2a0, 0xb8);
	bytes_u16(b, KDBG + 0x2a8, 0x20);
	bytes_u16(b, KDBG + 0x2b4, 0x8);
	bytes_u16(b, KDBG + 0x2c0, 0xc0);
}

static void put_header(struct bytes *b)
{
	static const struct {
		uint32_t field, value;
	} set[] = {
		{0x04, END},	 {0x08, VALID},	  {0x0c, 0x348},  {0x10, 0xf00}, {0x18, UNLOADED},
		{0x1c, PRCB},	 {0x20, PROCESS}, {0x24, THREAD}, {0x28, STACK}, {0x2c, 0x80},
		{0x30, DRIVERS}, {0x34, 2},	  {0x38, POOL},	  {0x3c, 0x60},	 {0x70, KDBG},
		{0x74, 0x380},	 {0x78, BLOCKS},  {0x7c, 0},
	};
	size_t i;

	bytes_dmp_header(b, 4);
	bytes_u64(b, 0x80, KDBG_VA);
	bytes_u64(b, 0xfa0,
		  0x2ab236); /* RequiredDumpSpace: far more than the file, as in real ones */
	bytes_u64(b, 0x348, 0);
	bytes_resize(b, 0x2080);
	for (i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		bytes_u32(b, 0x2000 + set[i].field, set[i].value);
	bytes_u64(b, 0x2048, STACK_VA);
}

void triage_bytes(struct bytes *b)
{
	put_header(b);
	put_lists(b);
	put_copies(b);
	/* Unsorted, one adjoining another, one that cuts an object in the middle. */
	triage_bytes_block(b, 0, BLOCK_VA + 0x1000, DATA, 0x80);
	triage_bytes_block(b, 1, BLOCK_VA, DATA + 0x80, 0x100);
	triage_bytes_block(b, 2, BLOCK_VA + 0x100, DATA + 0x180, 0x44);
	bytes_resize(b, DATA);
	put_pattern(b, DATA, 0x1c4);
	bytes_resize(b, VALID);
	bytes_put(b, VALID, "TRGD", 4);
}

struct dump *triage_bytes_with(struct bytes *b, size_t off, uint32_t v)
{
	triage_bytes(b);
	bytes_u32(b, off, v);
	return bytes_open(b);
}

void expect_at(struct dump *d, uint64_t va, size_t off)
{
	struct fs_error err = {0};
	uint8_t p[4] = {0};

	if (dump_read_virt(d, va, p, 4, &err) != FS_OK)
		fail_msg("%s", err.text);
	assert_int_equal(load_u32(p), 0xd0000000 + off);
}

void expect_missing(struct dump *d, uint64_t va, size_t n, uint64_t missing)
{
	struct fs_error err = {0};
	uint8_t p[64];

	assert_int_equal(dump_read_virt(d, va, p, n, &err), FS_NOT_IN_DUMP);
	assert_true(err.has_address && err.address == missing);
}
