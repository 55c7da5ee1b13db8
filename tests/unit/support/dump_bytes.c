/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/dump_bytes.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "dump/dump.h"
#include "support/test.h"

static void die(const char *why)
{
	perror(why);
	abort();
}

void bytes_deinit(struct bytes *b)
{
	if (b->path[0])
		(void)unlink(b->path);
	free(b->v);
	memset(b, 0, sizeof(*b));
}

void bytes_resize(struct bytes *b, size_t n)
{
	if (n > b->cap) {
		b->v = realloc(b->v, 2 * n);
		if (!b->v)
			die("dump bytes");
		b->cap = 2 * n;
	}
	if (n > b->n)
		memset(b->v + b->n, 0, n - b->n);
	b->n = n;
}

void bytes_put(struct bytes *b, size_t off, const void *p, size_t n)
{
	if (off + n > b->n)
		bytes_resize(b, off + n);
	memcpy(b->v + off, p, n);
}

static void put_le(struct bytes *b, size_t off, uint64_t v, size_t n)
{
	uint8_t le[8];
	size_t i;

	for (i = 0; i < n; i++)
		le[i] = (uint8_t)(v >> 8 * i);
	bytes_put(b, off, le, n);
}

void bytes_u16(struct bytes *b, size_t off, uint16_t v)
{
	put_le(b, off, v, 2);
}

void bytes_u32(struct bytes *b, size_t off, uint32_t v)
{
	put_le(b, off, v, 4);
}

void bytes_u64(struct bytes *b, size_t off, uint64_t v)
{
	put_le(b, off, v, 8);
}

void bytes_filler(struct bytes *b, size_t off, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		bytes_put(b, off + i, &"PAGE"[i % 4], 1);
}

const char *bytes_save_n(struct bytes *b, size_t n)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	if (!b->path[0]) {
		(void)snprintf(b->path, sizeof(b->path), "%s/dump-bytes-XXXXXX",
			       dir && strlen(dir) < 200 ? dir : "/tmp");
		fd = mkstemp(b->path);
	} else {
		fd = open(b->path, O_WRONLY | O_TRUNC);
	}
	if (fd < 0 || write(fd, b->v, n) != (ssize_t)n || close(fd) != 0)
		die(b->path);
	return b->path;
}

const char *bytes_save(struct bytes *b)
{
	return bytes_save_n(b, b->n);
}

void bytes_dmp_header(struct bytes *b, uint32_t type)
{
	bytes_resize(b, 0);
	bytes_filler(b, 0, 0x2000);
	bytes_put(b, 0, "PAGEDU64", 8);
	bytes_u32(b, 0x8, 15);
	bytes_u32(b, 0xc, 19041);
	bytes_u32(b, 0x30, 0x8664);
	bytes_u32(b, 0x34, 2);
	bytes_u32(b, 0xf98, type);
}

void bytes_page(struct bytes *b, size_t off, uint64_t pfn)
{
	size_t i;

	for (i = 0; i < 4096; i += 8)
		bytes_u64(b, off + i, pfn * 4096 + i);
}

struct dump *bytes_open(struct bytes *b)
{
	struct fs_error err = {0};
	struct dump *d = NULL;

	if (dump_open(bytes_save(b), &d, &err) != FS_OK)
		fail_msg("%s", err.text);
	return d;
}

static size_t exercise_blocks(struct dump *d)
{
	size_t i, good = 0;

	for (i = 0; i < dump_block_count(d); i++) {
		struct dump_block k = dump_block(d, i);
		uint64_t at, now;
		uint8_t page[4096];

		assert_true(k.size > 0 && k.va + k.size > k.va);
		for (at = 0; at < k.size; at += now) {
			now = k.size - at < sizeof(page) ? k.size - at : sizeof(page);
			/* A block is what can be read: every byte of it. */
			assert_int_equal(dump_read_virt(d, k.va + at, page, (size_t)now, NULL), 0);
			good++;
		}
	}
	return good;
}

size_t bytes_exercise(struct dump *d)
{
	struct dump_driver driver;
	struct dump_unloaded unloaded;
	struct fs_error err;
	uint8_t buf[8192];
	size_t i, len, good = 0;

	assert_non_null(dump_info(d)->format);
	assert_int_equal(dump_info(d)->truncated, dump_info(d)->missing_bytes > 0);
	for (i = 0; i < dump_note_count(d); i++)
		assert_true(strlen(dump_note(d, i)) > 0);
	for (i = 0; i < 64; i++)
		good += dump_read_phys(d, i * 4096, buf, 4096, &err) == FS_OK;
	good += dump_read_phys(d, UINT64_MAX - 4095, buf, 4096, &err) == FS_OK;
	good += dump_read_phys(d, UINT64_MAX, buf, 1, &err) == FS_OK;
	good += exercise_blocks(d);
	for (i = 0; i < dump_driver_count(d) && i < 100; i++)
		good += dump_driver(d, i, &driver, &err) == FS_OK;
	for (i = 0; i < dump_unloaded_count(d) && i < 100; i++)
		good += dump_unloaded(d, i, &unloaded, &err) == FS_OK;
	good += dump_context(d, buf, sizeof(buf), &len, &err) == FS_OK;
	return good;
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

bool bytes_noted(const struct dump *d, const char *words)
{
	size_t i;

	for (i = 0; i < dump_note_count(d); i++)
		if (strstr(dump_note(d, i), words))
			return true;
	return false;
}

size_t heap_used(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
						       : 0;
}

void bytes_next_pages(struct dump *d, uint64_t pfns, bool exact)
{
	uint64_t pfn, next = dump_next_page(d, pfns);
	uint8_t b;

	assert_true(dump_next_page(d, UINT64_MAX) == UINT64_MAX);
	for (pfn = pfns; pfn-- > 0;) {
		enum fs_status first = dump_read_phys(d, pfn * 4096, &b, 1, NULL);
		enum fs_status last = dump_read_phys(d, pfn * 4096 + 4095, &b, 1, NULL);
		bool here = dump_next_page(d, pfn) == pfn;

		if (first == FS_OK || last == FS_OK)
			assert_true(here);
		if (exact && first == FS_NOT_IN_DUMP && last == FS_NOT_IN_DUMP)
			assert_false(here);
		if (here)
			next = pfn;
		assert_true(dump_next_page(d, pfn) == next);
	}
}
