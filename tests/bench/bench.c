/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench LABEL DUMP [RUNS]: one line of figures for one dump: time to open and
 * collect, time to diagnose, peak memory, bytes read, preads, pages touched. The
 * counts are exact; the times are the least of RUNS (default 5), since this
 * kind of noise only ever adds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "fltscope/fltscope.h"

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct figures {
	double open_ms, diagnose_ms;
	struct fltscope_stats stats;
	size_t filters, instances, verdicts;
};

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
	printf("%-10s open+collect %8.3f ms  diagnose %7.3f ms  peak %6ld KiB  read %9llu bytes in "
	       "%5llu "
	       "preads, %5llu pages  (%zu filters, %zu instances, %zu verdicts)\n",
	       argv[1], f.open_ms, f.diagnose_ms, ru.ru_maxrss,
	       (unsigned long long)f.stats.bytes_read, (unsigned long long)f.stats.reads,
	       (unsigned long long)f.stats.pages, f.filters, f.instances, f.verdicts);
	return 0;
}
