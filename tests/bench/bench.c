/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench LABEL DUMP [RUNS]: one line of figures for one dump: time to open and
 * collect, time to diagnose, time of 100,000 virtual reads of 8 bytes in random order
 * around the objects found, peak memory, bytes read, preads, pages touched. The counts are
 * exact, and of opening alone; the times are the least of RUNS (default 5), since this
 * kind of noise only ever adds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "fltscope/debug.h"
#include "fltscope/fltscope.h"

#define READS 100000u

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct figures {
	double open_ms, diagnose_ms, reads_ms;
	struct fltscope_stats stats;
	size_t filters, instances, verdicts;
};

/* 0: the dump has nothing to read around. */
static double random_reads(struct fltscope *fs)
{
	const struct fs_model *m = fltscope_model(fs);
	size_t n = m->nfilters + m->ninstances + m->nvolumes, got = 0, done = 0;
	uint64_t state = 1, buf;
	double t0 = now_ms();

	for (unsigned i = 0; i < READS && n > 0; i++) {
		size_t k;
		uint64_t va;

		state = state * 6364136223846793005ull + 1442695040888963407ull;
		k = (size_t)((state >> 33) % n);
		va = k < m->nfilters ? m->filters[k].address
		     : k - m->nfilters < m->ninstances
			     ? m->instances[k - m->nfilters].address
			     : m->volumes[k - m->nfilters - m->ninstances].address;
		if (fltscope_read(fs, va + (state >> 20) % 64 * 8, &buf, sizeof(buf), &got, NULL,
				  NULL) == FS_OK)
			done += got;
	}
	return done > 0 ? now_ms() - t0 : 0;
}

static int measure(const char *path, struct figures *f)
{
	struct fltscope *fs;
	const struct fs_report *r;
	struct fs_error err;
	double t0 = now_ms(), t1, t2;

	if (fltscope_open(path, NULL, &fs, &err) != FS_OK) {
		fprintf(stderr, "bench: %s: %s\n", path, err.text);
		return 1;
	}
	t1 = now_ms();
	if (fltscope_diagnose(fs, &r, &err) != FS_OK) {
		fprintf(stderr, "bench: %s: %s\n", path, err.text);
		fltscope_close(fs);
		return 1;
	}
	t2 = now_ms();
	if (f->open_ms <= 0 || t1 - t0 < f->open_ms)
		f->open_ms = t1 - t0;
	if (f->diagnose_ms <= 0 || t2 - t1 < f->diagnose_ms)
		f->diagnose_ms = t2 - t1;
	f->stats = fltscope_stats(fs);
	t1 = random_reads(fs);
	if (f->reads_ms <= 0 || t1 < f->reads_ms)
		f->reads_ms = t1;
	f->filters = fltscope_model(fs)->nfilters;
	f->instances = fltscope_model(fs)->ninstances;
	f->verdicts = r->nverdicts;
	fltscope_close(fs);
	return 0;
}

int main(int argc, char **argv)
{
	struct figures f = {0};
	struct rusage ru = {0};
	int i, runs;

	if (argc < 3) {
		fprintf(stderr, "usage: bench LABEL DUMP [RUNS]\n");
		return 2;
	}
	runs = argc > 3 ? atoi(argv[3]) : 5;
	for (i = 0; i < runs; i++) {
		if (measure(argv[2], &f))
			return 1;
		/* the peak of one dump, not what repeating leaves in the heap */
		if (i == 0)
			(void)getrusage(RUSAGE_SELF, &ru);
	}
	printf("%-15s open+collect %8.3f ms  diagnose %7.3f ms  %u reads %7.3f ms  peak %6ld KiB  "
	       "read %9llu bytes in %5llu preads, %5llu pages  (%zu filters, %zu instances, %zu "
	       "verdicts)\n",
	       argv[1], f.open_ms, f.diagnose_ms, READS, f.reads_ms, ru.ru_maxrss,
	       (unsigned long long)f.stats.bytes_read, (unsigned long long)f.stats.reads,
	       (unsigned long long)f.stats.pages, f.filters, f.instances, f.verdicts);
	return 0;
}
