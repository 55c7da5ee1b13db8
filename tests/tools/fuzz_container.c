/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_container FILE ROUNDS [SEED]: damages the headers of a dump again and again (single
 * numbers at their extremes, bytes, whole stretches, the file's length) and reads what is
 * left. No crash, no hang, bounded memory; and where only the length was changed, every
 * byte that is read is the whole file's. The same seed does the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/dump.h"

#define ZONE	   (96u << 10) /* headers, notes, bitmaps, descriptors of a small dump */
#define EDITS_MAX  8u
#define PAGES	   300u
#define SAMPLE	   32u /* pages read in a round */
#define SECONDS	   20u /* a round takes a few milliseconds */
#define MEMORY_MAX (64u << 20)

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));
void __sanitizer_set_death_callback(void (*f)(void)) __attribute__((weak));

static unsigned long long round_no, round_seed;

static void say_round(void)
{
	fprintf(stderr, "fuzz_container: in round %llu (seed %llu)\n", round_no, round_seed);
}

static void too_slow(int sig)
{
	static const char words[] = "fuzz_container: a round hangs\n";

	(void)sig;
	(void)!write(2, words, sizeof(words) - 1);
	say_round();
	_exit(1);
}

static void die(const char *why)
{
	fprintf(stderr, "fuzz_container: %s: %s\n", why, strerror(errno));
	exit(2);
}

struct fuzz {
	uint8_t *whole;
	size_t size;
	int fd;
	char path[64];
	uint64_t state;
	uint8_t *page[PAGES]; /* what the whole file reads; NULL: nothing */
	unsigned long long opened, pages;
};

/* xorshift64* */
static uint64_t next(struct fuzz *f)
{
	f->state ^= f->state >> 12;
	f->state ^= f->state << 25;
	f->state ^= f->state >> 27;
	return f->state * 0x2545f4914f6cdd1dull;
}

static void put(const struct fuzz *f, size_t off, const void *p, size_t n)
{
	if (off < f->size &&
	    pwrite(f->fd, p, n < f->size - off ? n : f->size - off, (off_t)off) < 0)
		die("write");
}

static uint64_t odd_number(struct fuzz *f)
{
	static const uint64_t odd[] = {0,
				       1,
				       2,
				       0x7f,
				       0xff,
				       0xfff,
				       0x1000,
				       0xffff,
				       0x10000,
				       0x7fffffff,
				       0x80000000,
				       0xffffffff,
				       0x100000000,
				       0x7fffffffffffffff,
				       0x8000000000000000,
				       0xfffffffffffff000,
				       0xffffffffffffffff};
	uint64_t r = next(f);

	switch (r % 4) {
	case 0:
		return odd[(r >> 8) % (sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return f->size + (r >> 8) % 64 - 32;
	case 2:
		return 1ull << (r >> 8) % 64;
	default:
		return next(f);
	}
}

/* Where headers are, mostly at their beginning. */
static size_t some_place(struct fuzz *f)
{
	static const size_t upto[] = {64, 512, 4096 + 128, ZONE};
	uint64_t r = next(f);
	size_t n = upto[r % 4];

	return (size_t)((r >> 8) % (n < f->size ? n : f->size));
}

static void edit(struct fuzz *f)
{
	static const size_t width[] = {1, 2, 4, 8};
	uint64_t r = next(f), v = odd_number(f);
	size_t at = some_place(f), n = width[r % 4], i;
	uint8_t noise[256];

	if (r % 16 < 14) {
		if (r % 3)
			at -= at % n;
		for (i = 0; i < n; i++)
			noise[i] = (uint8_t)(v >> 8 * i);
	} else {
		n = (size_t)(r >> 8) % sizeof(noise) + 1;
		for (i = 0; i < n; i++)
			noise[i] = (uint8_t)(r % 16 == 14 ? next(f) : v);
	}
	put(f, at, noise, n);
}

static void read_some(struct fuzz *f, struct dump *d, bool compare)
{
	uint8_t page[DUMP_PAGE_SIZE];
	struct fs_error err;
	size_t i, k;

	for (k = 0; k < SAMPLE; k++) {
		i = (size_t)(next(f) % PAGES);
		if (dump_read_phys(d, i * DUMP_PAGE_SIZE, page, sizeof(page), &err) != FS_OK)
			continue;
		f->pages++;
		if (compare && (!f->page[i] || memcmp(page, f->page[i], sizeof(page)) != 0)) {
			fprintf(stderr, "fuzz_container: page %zu is not the whole file's\n", i);
			say_round();
			exit(1);
		}
	}
	for (i = 0; i < 16; i++)
		(void)dump_read_phys(d, next(f) >> i * 4, page, (size_t)next(f) % 4096, &err);
	for (i = 0; i < dump_cpu_count(d); i++)
		(void)dump_cpu_at(d, i);
}

/* What is held by virtual address, and the lists of a triage dump. */
static void read_ranges(struct fuzz *f, struct dump *d)
{
	uint8_t b[DUMP_PAGE_SIZE];
	struct dump_unloaded gone;
	struct dump_driver driver;
	struct fs_error err;
	size_t i, n = dump_block_count(d);

	for (i = 0; i < n && i < SAMPLE; i++) {
		struct dump_block at = dump_block(d, (size_t)(next(f) % n));
		size_t want = at.size < sizeof(b) ? (size_t)at.size : sizeof(b);

		f->pages += dump_read_virt(d, at.va, b, want, &err) == FS_OK;
		(void)dump_read_virt(d, at.va + at.size - 1, b, sizeof(b), &err);
	}
	for (i = 0; i < dump_driver_count(d) && i < SAMPLE; i++)
		(void)dump_driver(d, i, &driver, &err);
	for (i = 0; i < dump_unloaded_count(d) && i < SAMPLE; i++)
		(void)dump_unloaded(d, i, &gone, &err);
}

/* Stretches of memory only grow, and begin where something may be. */
static void walk_pages(struct dump *d)
{
	uint64_t pfn = 0, to;
	unsigned i;

	for (i = 0; i < 4 * SAMPLE; i++, pfn = to + 1) {
		to = dump_next_page(d, pfn);
		if (to == UINT64_MAX)
			return;
		if (to < pfn) {
			fprintf(stderr, "fuzz_container: the page after 0x%llx is 0x%llx\n",
				(unsigned long long)pfn, (unsigned long long)to);
			say_round();
			exit(1);
		}
	}
}

/* What a search of all memory sees is what is read. */
static void scan_some(struct fuzz *f, struct dump *d)
{
	static uint8_t chunk[DUMP_SCAN_PAGES * DUMP_PAGE_SIZE];
	struct dump_scan s = {.end = UINT64_MAX, .most = 1 << 20};
	uint8_t page[DUMP_PAGE_SIZE];
	uint64_t first;
	size_t n, i, k;

	for (k = 0; k < SAMPLE && (n = dump_scan_next(d, &s, chunk, &first)) > 0; k++) {
		i = (size_t)(next(f) % n);
		if (dump_read_phys(d, (first + i) * DUMP_PAGE_SIZE, page, sizeof(page), NULL) ==
			    FS_OK &&
		    memcmp(page, chunk + i * DUMP_PAGE_SIZE, sizeof(page)) == 0)
			continue;
		fprintf(stderr, "fuzz_container: page 0x%llx is another in a scan\n",
			(unsigned long long)(first + i));
		say_round();
		exit(1);
	}
}

static void check_memory(void)
{
	if (__sanitizer_get_current_allocated_bytes &&
	    __sanitizer_get_current_allocated_bytes() > MEMORY_MAX) {
		fprintf(stderr, "fuzz_container: %zu bytes of memory\n",
			__sanitizer_get_current_allocated_bytes());
		say_round();
		exit(1);
	}
}

static void one(struct fuzz *f)
{
	unsigned edits = (unsigned)(next(f) % (EDITS_MAX + 1)), i;
	bool cut = edits == 0 || next(f) % 8 == 0;
	struct fs_error err;
	struct dump *d;

	for (i = 0; i < edits; i++)
		edit(f);
	if (cut && ftruncate(f->fd, (off_t)(next(f) % (f->size + 1))) < 0)
		die("truncate");
	(void)alarm(SECONDS);
	if (dump_open(f->path, &d, &err) == FS_OK) {
		f->opened++;
		check_memory();
		read_some(f, d, edits == 0);
		read_ranges(f, d);
		walk_pages(d);
		scan_some(f, d);
		dump_close(d);
	}
	(void)alarm(0);
	if (cut)
		put(f, 0, f->whole, f->size);
	else
		put(f, 0, f->whole, ZONE + 256);
}

static void load(struct fuzz *f, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		die(path);
	f->size = (size_t)st.st_size;
	f->whole = malloc(f->size);
	if (!f->whole || read(fd, f->whole, f->size) != (ssize_t)f->size)
		die(path);
	(void)close(fd);
	f->fd = memfd_create("fuzz", 0);
	if (f->fd < 0)
		die("memfd");
	(void)snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
	put(f, 0, f->whole, f->size);
}

static void remember(struct fuzz *f)
{
	struct fs_error err;
	struct dump *d;
	size_t i;

	if (dump_open(f->path, &d, &err) != FS_OK) {
		fprintf(stderr, "fuzz_container: %s\n", err.text);
		exit(2);
	}
	for (i = 0; i < PAGES; i++) {
		f->page[i] = malloc(DUMP_PAGE_SIZE);
		if (!f->page[i])
			die("memory");
		if (dump_read_phys(d, i * DUMP_PAGE_SIZE, f->page[i], DUMP_PAGE_SIZE, &err) !=
		    FS_OK) {
			free(f->page[i]);
			f->page[i] = NULL;
		}
	}
	dump_close(d);
}

int main(int argc, char **argv)
{
	static struct fuzz f;
	unsigned long long rounds;
	size_t i;

	if (argc < 3) {
		fprintf(stderr, "usage: fuzz_container FILE ROUNDS [SEED]\n");
		return 2;
	}
	rounds = strtoull(argv[2], NULL, 0);
	round_seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
	(void)signal(SIGALRM, too_slow);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(say_round);
	load(&f, argv[1]);
	remember(&f);
	for (round_no = 0; round_no < rounds; round_no++) {
		f.state = (round_seed + 1) * 0x9e3779b97f4a7c15ull ^ (round_no + 1) << 20;
		one(&f);
	}
	for (i = 0; i < PAGES; i++)
		free(f.page[i]);
	free(f.whole);
	printf("ok - %s: %llu damaged headers, %llu of them opened, %llu pages read\n",
	       strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1], rounds, f.opened,
	       f.pages);
	return 0;
}
