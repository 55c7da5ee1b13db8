/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks src/pdb for symbol files, for check_symsrv.py. A "PDB" here is a text that begins with
 * its key and a length: "KEY LENGTH\n", so that a cut or wrong one is told from a whole one.
 *
 * symsrv_driver [OPTION...] PATH NAME KEY [NAME KEY]...
 *	--offline  --cache DIR  --fetch DIR  --max-bytes N  --low-speed BYTES SECONDS
 *	--total-ms N  --connect-ms N  --redirects N  --stop-after BYTES
 *
 * Lines: "found PATH", "failed STATUS: TEXT", "place STATUS WHERE: WHY", "progress CALLS LAST
 * TOTAL", "libcurl loaded|not loaded".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "pdb/symbols.h"

struct options {
	struct symbols_options o;
	const char *fetch;
	bool offline;
	uint64_t stop_after;
};

struct seen {
	const struct options *o;
	unsigned calls;
	uint64_t last, total;
};

static enum fs_status verify(void *arg, const char *path, struct fs_error *err)
{
	const char *key = arg;
	char head[128] = "", want[64];
	uint64_t length = 0, size;
	FILE *f = fopen(path, "rb");
	char *end;

	if (!f)
		return fs_fail(err, FS_SYSTEM, "cannot open");
	if (!fgets(head, sizeof(head), f))
		head[0] = '\0';
	(void)fseek(f, 0, SEEK_END);
	size = (uint64_t)ftell(f);
	(void)fclose(f);
	end = strchr(head, ' ');
	if (!end)
		return fs_fail(err, FS_CORRUPT, "not a symbol file");
	length = strtoull(end, NULL, 10);
	(void)snprintf(want, sizeof(want), "%s ", key);
	if (!str_istarts(head, want))
		return fs_fail(err, FS_CORRUPT, "GUID and age %.33s, expected %s", head, key);
	if (length != size)
		return fs_fail(err, FS_CORRUPT, "%" PRIu64 " bytes, expected %" PRIu64, size,
			       length);
	return FS_OK;
}

static bool progress(void *arg, const char *url, uint64_t done, uint64_t total)
{
	struct seen *s = arg;

	(void)url;
	s->calls++;
	s->last = done;
	if (total)
		s->total = total;
	return s->o->stop_after == 0 || done < s->o->stop_after;
}

static bool libcurl_loaded(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[1024];
	bool found = false;

	while (f && fgets(line, sizeof(line), f))
		found = found || strstr(line, "libcurl");
	if (f)
		(void)fclose(f);
	return found;
}

static void ask(struct symbols *s, const struct options *o, const char *name, const char *key)
{
	struct seen seen = {.o = o};
	char *key_copy = strdup(key);
	struct symbol_request r = {.name = name,
				   .guid_age = key,
				   .check = {verify, key_copy},
				   .offline = o->offline,
				   .progress = progress,
				   .progress_arg = &seen};
	struct fs_error err = {0};
	const struct symbol_report *report = symbols_report(s);
	const char *path = NULL;
	enum fs_status st;
	size_t i;

	st = o->fetch ? symbol_fetch(s, &r, o->fetch, &path, &err)
		      : symbol_find(s, &r, &path, &err);
	if (st == FS_OK)
		printf("found %s\n", path);
	else
		printf("failed %s: %s\n", fs_status_name(st), err.text);
	for (i = 0; i < report->place.n; i++)
		printf("place %s %s: %s\n", fs_status_name(report->place.v[i].status),
		       report->place.v[i].where, report->place.v[i].why);
	printf("progress %u %" PRIu64 " %" PRIu64 "\n", seen.calls, seen.last, seen.total);
	free(key_copy);
}

static int parse(int argc, char **argv, struct options *o)
{
	struct symbol_limits *l = &o->o.limits;
	int i;

	for (i = 1; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		const char *a = argv[i];

		if (strcmp(a, "--offline") == 0)
			o->offline = true;
		else if (strcmp(a, "--cache") == 0)
			o->o.default_cache = argv[++i];
		else if (strcmp(a, "--fetch") == 0)
			o->fetch = argv[++i];
		else if (strcmp(a, "--max-bytes") == 0)
			l->max_bytes = strtoull(argv[++i], NULL, 0);
		else if (strcmp(a, "--total-ms") == 0)
			l->total_ms = (uint32_t)strtoul(argv[++i], NULL, 0);
		else if (strcmp(a, "--connect-ms") == 0)
			l->connect_ms = (uint32_t)strtoul(argv[++i], NULL, 0);
		else if (strcmp(a, "--redirects") == 0)
			l->redirects = (uint32_t)strtoul(argv[++i], NULL, 0);
		else if (strcmp(a, "--stop-after") == 0)
			o->stop_after = strtoull(argv[++i], NULL, 0);
		else if (strcmp(a, "--low-speed") == 0 && i + 2 < argc) {
			l->low_speed_bytes = (uint32_t)strtoul(argv[++i], NULL, 0);
			l->low_speed_seconds = (uint32_t)strtoul(argv[++i], NULL, 0);
		} else
			return -1;
	}
	return argc - i >= 3 && (argc - i) % 2 == 1 ? i : -1;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct symbol_path sp = {0};
	struct symbol_defaults d = {0};
	struct symbols *s = NULL;
	struct fs_error err = {0};
	int i = parse(argc, argv, &o);

	if (i < 0) {
		fprintf(stderr, "usage: symsrv_driver [OPTION...] PATH NAME KEY [NAME KEY]...\n");
		return 2;
	}
	d.cache = o.o.default_cache;
	if (symbol_path_parse(argv[i], &d, &sp, &err) != FS_OK) {
		printf("failed %s: %s\n", fs_status_name(err.status), err.text);
		return 1;
	}
	o.o.path = &sp;
	if (symbols_create(&o.o, &s, &err) != FS_OK)
		return 1;
	for (i++; i + 1 < argc; i += 2)
		ask(s, &o, argv[i], argv[i + 1]);
	printf("libcurl %s\n", libcurl_loaded() ? "loaded" : "not loaded");
	symbols_destroy(s);
	symbol_path_deinit(&sp);
	return 0;
}
