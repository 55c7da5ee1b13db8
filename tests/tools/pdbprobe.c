/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints what src/pdb reads, one fact a line, for check_pdb.py to compare with
 * llvm-pdbutil; and damages a PDB in every way that fits into a few seconds.
 *
 *   pdbprobe info|types|symbols FILE
 *   pdbprobe find FILE TYPE...        sizes, and what the search cost
 *   pdbprobe near FILE RVA...         nearest symbols
 *   pdbprobe layout FILE MODULE BUILD NAME...   NAME: a type; @NAME: a symbol;
 *                                     NAME.FIELD: a field that will be asked for
 *   pdbprobe match FILE KEY
 *   pdbprobe cut FILE STEP            all truncations, every STEP bytes
 *   pdbprobe mutate FILE SEED COUNT   damaged copies
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pdb/pdb.h"

static int complain(const struct fs_error *err)
{
	fprintf(stderr, "pdbprobe: %s: %s\n", fs_status_name(err->status), err->text);
	return 1;
}

static const char *const kinds[] = {"void", "int",   "float",	 "pointer",  "struct", "union",
				    "enum", "array", "bitfield", "function", "other"};

static int info(struct pdb *p)
{
	const struct pdb_info *i = pdb_info(p);
	struct fs_error err = {0};
	const char *machine = pdb_machine_name(p);
	enum fs_status st = pdb_has_types(p, &err);

	printf("key %s\nsignature %u\ninfo-age %u\nage %u\n", i->key, i->signature, i->info_age,
	       i->age);
	printf("block-size %u\nblocks %u\nstreams %u\n", i->block_size, i->blocks, i->streams);
	printf("machine %s 0x%x\nstripped %d\nfastlink %d\nomap %d\n", machine ? machine : "-",
	       i->machine, i->stripped, i->fastlink, i->has_omap);
	printf("types %u\n", pdb_info(p)->types);
	for (size_t k = 0; k < i->sections; k++) {
		struct pdb_section s = pdb_section(p, k);

		printf("section %s 0x%x 0x%x 0x%x\n", s.name, s.rva, s.size, s.flags);
	}
	return st ? complain(&err) : 0;
}

struct visit {
	struct pdb *p;
	bool quiet;
	struct fs_error err;
	enum fs_status st;
	size_t n;
};

static void show_member(struct visit *v, const struct pdb_member *m)
{
	struct pdb_type t;
	enum fs_status st = pdb_type(v->p, m->type, &t, &v->err);

	if (st)
		v->st = st;
	if (st || v->quiet)
		return;
	printf("  m %" PRIu64 " 0x%x %s\n", m->offset, m->type, *m->name ? m->name : "-");
	printf("  t 0x%x %s %" PRIu64 " 0x%x %" PRIu64 " %u %u %s\n", m->type, kinds[t.kind],
	       t.size, t.target, t.count, t.bit_pos, t.bit_len, *t.name ? t.name : "-");
}

static bool show_type(void *arg, const struct pdb_type *found)
{
	struct visit *v = arg;
	struct pdb_type t;
	const struct pdb_member *m;
	const struct pdb_value *e;
	size_t n = 0;
	enum fs_status st = pdb_type(v->p, found->index, &t, &v->err);

	v->n++;
	if (!st && !v->quiet)
		printf("0x%x %s %" PRIu64 " %s\n", t.index, kinds[t.kind], t.size, t.name);
	if (!st && t.kind == PDB_ENUM) {
		st = pdb_values(v->p, &t, &e, &n, &v->err);
		for (size_t i = 0; !st && !v->quiet && i < n; i++)
			printf("  v %" PRId64 " %s\n", (int64_t)e[i].value, e[i].name);
	} else if (!st) {
		st = pdb_members(v->p, &t, &m, &n, &v->err);
		for (size_t i = 0; !st && i < n; i++)
			show_member(v, &m[i]);
	}
	if (st)
		v->st = st;
	return v->quiet || !st; /* damaged: go on with the next */
}

static int types(struct pdb *p)
{
	struct visit v = {.p = p};
	enum fs_status st = pdb_types(p, show_type, &v, &v.err);

	return st || v.st ? complain(&v.err) : 0;
}

static bool show_symbol(void *arg, const struct pdb_symbol *s)
{
	struct visit *v = arg;

	v->n++;
	if (!v->quiet)
		printf("%s %u 0x%x %s0x%x 0x%x %s\n",
		       s->is_public	? "public"
		       : s->is_function ? "function"
					: "data",
		       s->segment, s->offset, s->has_rva ? "" : "-", s->rva, s->size, s->name);
	return true;
}

static int symbols(struct pdb *p)
{
	struct visit v = {.p = p};

	return pdb_symbols(p, PDB_ALL_SYMBOLS, show_symbol, &v, &v.err) ? complain(&v.err) : 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Peak memory in KiB; getrusage() would count what the parent had before exec. */
static long peak(void)
{
	char line[128];
	long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib;
}

static int find(struct pdb *p, double began, char **name, int n)
{
	struct fs_error err = {0};
	struct pdb_type t;
	const struct pdb_member *m;
	size_t members = 0;

	for (int i = 0; i < n; i++) {
		if (pdb_find_type(p, name[i], &t, &err) ||
		    (t.kind != PDB_ENUM && pdb_members(p, &t, &m, &members, &err)))
			return complain(&err);
		printf("%s %s %" PRIu64 " %zu%s\n", name[i], kinds[t.kind], t.size, members,
		       t.ambiguous ? " ambiguous" : "");
	}
	printf("cost %.3f ms, %ld KiB, %" PRIu64 " reads, %" PRIu64 " bytes\n", now() - began,
	       peak(), pdb_cost(p).reads, pdb_cost(p).bytes);
	return 0;
}

static int near(struct pdb *p, char **arg, int n)
{
	struct fs_error err = {0};
	struct pdb_symbol s;

	for (int i = 0; i < n; i++) {
		uint32_t rva = (uint32_t)strtoul(arg[i], NULL, 0), segment = 0, offset = 0;

		if (pdb_symbol_by_rva(p, rva, &s, &err)) {
			printf("0x%x -\n", rva);
			continue;
		}
		pdb_segment(p, rva, &segment, &offset, NULL);
		printf("0x%x %s 0x%x %u:0x%x\n", rva, s.name, s.rva, segment, offset);
	}
	return 0;
}

static int layout(struct pdb *p, char **arg, int n)
{
	const char *type[256], *symbol[256], *field[256];
	struct pdb_layout_want want = {.types = type, .symbols = symbol, .fields = field};
	struct pdb_layout_result r;
	struct fs_error err = {0};

	if (n < 2)
		return 2;
	want.module = arg[0];
	want.build = (uint32_t)strtoul(arg[1], NULL, 0);
	for (int i = 2; i < n && i < 256; i++) {
		if (arg[i][0] == '@')
			symbol[want.n_symbols++] = arg[i] + 1;
		else if (strchr(arg[i], '.'))
			field[want.n_fields++] = arg[i];
		else
			type[want.n_types++] = arg[i];
	}
	if (pdb_to_layout(p, &want, &r, &err))
		return complain(&err);
	fwrite(r.text, 1, r.len, stdout);
	free(r.text);
	return 0;
}

/* Everything that can be asked, of bytes in memory. True: it could be opened. */
static bool ask_all(const uint8_t *b, size_t n, struct fs_error *err)
{
	static const char *const type[] = {"_BIG", "_LIST_ENTRY", "_FLT_FILTER", "_NOT_THERE"};
	static const char *const symbol[] = {"DriverEntry", "not_there"};
	static const char *const field[] = {"_BIG.Nothing", "_NOT_THERE.x"};
	struct pdb_layout_want want = {.module = "fltmgr.sys",
				       .types = type,
				       .n_types = 4,
				       .symbols = symbol,
				       .n_symbols = 2,
				       .fields = field,
				       .n_fields = 2};
	struct visit v = {.quiet = true};
	struct pdb_layout_result r;
	struct pdb_symbol s;
	uint32_t a, c;
	int fd = memfd_create("pdb", 0);

	if (fd < 0 || write(fd, b, n) != (ssize_t)n)
		abort();
	if (pdb_open_fd(fd, "damaged.pdb", &v.p, err))
		return false;
	pdb_named_stream(v.p, "/names", &a, err);
	pdb_match(v.p, "00112233445566778899AABBCCDDEEFF1", err);
	pdb_types(v.p, show_type, &v, &v.err);
	pdb_symbols(v.p, PDB_ALL_SYMBOLS, show_symbol, &v, &v.err);
	pdb_symbol_by_name(v.p, "DriverEntry", &s, err);
	for (uint32_t rva = 0; rva < 0x8000; rva += 0x555) {
		pdb_symbol_by_rva(v.p, rva, &s, err);
		pdb_segment(v.p, rva, &a, &c, err);
	}
	if (pdb_to_layout(v.p, &want, &r, err) == FS_OK)
		free(r.text);
	pdb_close(v.p);
	return true;
}

static uint8_t *load(const char *path, size_t *n)
{
	struct stat sb;
	uint8_t *b;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &sb) < 0)
		return NULL;
	*n = (size_t)sb.st_size;
	b = malloc(*n + 1);
	if (b && read(fd, b, *n) != (ssize_t)*n) {
		free(b);
		b = NULL;
	}
	close(fd);
	return b;
}

/* A file that ends early is refused: a download broke off. */
static int cut(const char *path, size_t step)
{
	size_t n, tried = 0, opened = 0;
	uint8_t *b = load(path, &n);

	for (size_t len = 0; b && len < n; len += step, tried++) {
		struct fs_error err = {0};

		if (ask_all(b, len, &err)) {
			opened++;
		} else if (!*err.text || !strstr(err.text, "damaged.pdb")) {
			fprintf(stderr, "pdbprobe: cut at %zu: no message\n", len);
			return 1;
		}
	}
	free(b);
	printf("cut %zu opened %zu\n", tried, opened);
	return tried == 0 || opened != 0;
}

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

static void damage(uint8_t *b, size_t n, uint32_t *state)
{
	static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x1000, 0xffff};
	unsigned hits = 1 + next(state) % 8;

	while (hits--) {
		size_t at = next(state) % n;

		/* the first blocks and the directory decide most: every third hit goes there */
		if (next(state) % 3 == 0)
			at = next(state) % 4 ? at % 64 : n - 1 - at % 4096;
		if (next(state) & 1 && at + 4 <= n)
			memcpy(b + at, &values[next(state) % 7], 4);
		else
			b[at] = (uint8_t)next(state);
	}
}

static int mutate(const char *path, uint32_t seed, unsigned count)
{
	size_t n, opened = 0;
	uint8_t *b = load(path, &n), *copy = b ? malloc(n) : NULL;
	double worst = 0;

	for (unsigned i = 0; copy && i < count; i++) {
		struct fs_error err = {0};
		double began = now();

		memcpy(copy, b, n);
		damage(copy, n, &seed);
		opened += ask_all(copy, n, &err);
		if (now() - began > worst)
			worst = now() - began;
	}
	free(b);
	free(copy);
	printf("mutate %u opened %zu worst %.1f ms\n", count, opened, worst);
	return !copy || worst > 2000;
}

int main(int argc, char **argv)
{
	struct fs_error err = {0};
	struct pdb *p;
	double began = now();
	int rc = 2;

	if (argc >= 4 && !strcmp(argv[1], "cut"))
		return cut(argv[2], strtoul(argv[3], NULL, 0));
	if (argc >= 5 && !strcmp(argv[1], "mutate"))
		return mutate(argv[2], (uint32_t)strtoul(argv[3], NULL, 0),
			      (unsigned)strtoul(argv[4], NULL, 0));
	if (argc < 3)
		return 2;
	if (pdb_open(argv[2], &p, &err))
		return complain(&err);
	if (!strcmp(argv[1], "info"))
		rc = info(p);
	else if (!strcmp(argv[1], "types"))
		rc = types(p);
	else if (!strcmp(argv[1], "symbols"))
		rc = symbols(p);
	else if (!strcmp(argv[1], "find"))
		rc = find(p, began, argv + 3, argc - 3);
	else if (!strcmp(argv[1], "near"))
		rc = near(p, argv + 3, argc - 3);
	else if (!strcmp(argv[1], "layout"))
		rc = layout(p, argv + 3, argc - 3);
	else if (!strcmp(argv[1], "match") && argc > 3)
		rc = pdb_match(p, argv[3], &err) ? complain(&err) : 0;
	pdb_close(p);
	return rc;
}
