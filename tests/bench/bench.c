/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench [--raw] [--dtb PA] LABEL DUMP [RUNS]: one line of figures for one dump: time to open and
 * collect, to diagnose, for 100,000 random reads of 8 bytes in images and objects, peak memory
 * at open and at the end, bytes read, preads, pages touched. The counts are exact; the times are
 * the least of RUNS (default 5), since this kind of noise only ever adds.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "fltscope/debug.h"
#include "fltscope/fltscope.h"

#define READS 100000u
#define PAGES 4096u

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct figures {
	double open_ms, diagnose_ms, reads_ms;
	long open_kib;		     /* peak when it was open */
	size_t answered, read_pages; /* of the random reads */
	struct fltscope_stats stats; /* before them */
	size_t filters, instances, verdicts;
};

static long peak_kib(void)
{
	struct rusage ru = {0};

	(void)getrusage(RUSAGE_SELF, &ru);
	return ru.ru_maxrss;
}

static void least(double *of, double ms)
{
	if (*of <= 0 || ms < *of)
		*of = ms;
}

/* Pages that can be read: of the images and around the objects. Not timed. */
static size_t readable(struct fltscope *fs, uint64_t page[PAGES])
{
	const struct fs_model *m = fltscope_model(fs);
	size_t i, n = 0, got = 0;
	uint64_t va;
	uint8_t b;

	for (i = 0; i < m->ninstances && n < PAGES; i++)
		page[n++] = m->instances[i].address & ~0xfffull;
	for (i = 0; i < m->nmodules; i++)
		for (va = m->modules[i].base;
		     va < m->modules[i].base + m->modules[i].size && n < PAGES; va += 0x1000)
			if (fltscope_read(fs, va, &b, 1, &got, NULL, NULL) == FS_OK)
				page[n++] = va;
	return n;
}

/* The same addresses each time: a sequence of Knuth's MMIX generator. */
static void random_reads(struct fltscope *fs, struct figures *f)
{
	static uint64_t page[PAGES];
	size_t i, got = 0, n = readable(fs, page);
	uint64_t seed = 1;
	double t0 = now_ms();

	f->answered = 0;
	f->read_pages = n;
	for (i = 0; n && i < READS; i++) {
		uint8_t b[8];

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		f->answered += fltscope_read(fs, page[(seed >> 33) % n] + (seed >> 20) % 511 * 8, b,
					     sizeof(b), &got, NULL, NULL) == FS_OK;
	}
	least(&f->reads_ms, now_ms() - t0);
}

static int measure(const char *path, const struct fltscope_options *o, struct figures *f)
{
	struct fltscope *fs;
	const struct fs_report *r;
	struct fs_error err;
	double t0 = now_ms(), t1, t2;

	if (fltscope_open(path, o, &fs, &err) != FS_OK) {
		fprintf(stderr, "bench: %s: %s\n", path, err.text);
		return 1;
	}
	t1 = now_ms();
	if (f->open_kib == 0)
		f->open_kib = peak_kib();
	if (fltscope_diagnose(fs, &r, &err) != FS_OK) {
		fprintf(stderr, "bench: %s: %s\n", path, err.text);
		fltscope_close(fs);
		return 1;
	}
	t2 = now_ms();
	least(&f->open_ms, t1 - t0);
	least(&f->diagnose_ms, t2 - t1);
	f->stats = fltscope_stats(fs);
	f->filters = fltscope_model(fs)->nfilters;
	f->instances = fltscope_model(fs)->ninstances;
	f->verdicts = r->nverdicts;
	random_reads(fs, f);
	fltscope_close(fs);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"raw", no_argument, NULL, 'r'}, {"dtb", required_argument, NULL, 'd'}, {0}};
	struct fltscope_options o = {0};
	struct figures f = {0};
	int i, runs, opt;
	long peak = 0;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'r')
			o.raw = true;
		else if (opt == 'd')
			o.directory_table_base = strtoull(optarg, NULL, 16);
		else
			return 2;
	}
	argv += optind;
	argc -= optind;
	if (argc < 2) {
		fprintf(stderr, "usage: bench [--raw] [--dtb PA] LABEL DUMP [RUNS]\n");
		return 2;
	}
	runs = argc > 2 ? atoi(argv[2]) : 5;
	for (i = 0; i < runs; i++) {
		if (measure(argv[1], &o, &f))
			return 1;
		/* the peak of one dump, not what repeating leaves in the heap */
		if (i == 0)
			peak = peak_kib();
	}
	printf("%-22s open+collect %8.3f ms  diagnose %7.3f ms  %u reads in %zu pages "
	       "%8.3f ms (%zu answered)  "
	       "peak %6ld KiB open, %6ld KiB in all  read %9llu bytes in %5llu preads, %5llu pages "
	       " "
	       "(%zu filters, %zu instances, %zu verdicts)\n",
	       argv[0], f.open_ms, f.diagnose_ms, READS, f.read_pages, f.reads_ms, f.answered,
	       f.open_kib, peak, (unsigned long long)f.stats.bytes_read,
	       (unsigned long long)f.stats.reads, (unsigned long long)f.stats.pages, f.filters,
	       f.instances, f.verdicts);
	return 0;
}
