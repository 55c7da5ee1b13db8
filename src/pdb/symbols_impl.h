/* SPDX-License-Identifier: BSD-2-Clause */
/* Between symbols.c (memory, order), find_local.c (directories) and find_url.c (servers). */
#ifndef PDB_SYMBOLS_IMPL_H
#define PDB_SYMBOLS_IMPL_H

#include "pdb/symbols.h"

/* What was asked before. */
struct symbol_answer {
	struct symbol_id id;
	bool offline;
	const char *path; /* NULL: not found */
	const char *why;  /* then */
};

struct symbol_server {
	const char *url;
	bool down;	 /* did not answer */
	const char *why; /* then */
	bool two_tier;	 /* has index2.txt */
	bool asked_two_tier;
};

struct symbols {
	struct symbols_options o;
	struct arena mem; /* answers, servers, paths given out */
	VEC(struct symbol_answer) answer;
	VEC(struct symbol_server) server;
	struct downloader *downloader; /* NULL until a URL is asked */
	struct symbol_report report;
};

/* One request on its way. */
struct search {
	struct symbols *s;
	const struct symbol_request *req;
	struct symbol_id id; /* safe */
	char name[SYMBOL_NAME_MAX + 1];
	uint64_t limit;	  /* bytes a file may have */
	bool interrupted; /* stop everything */
	bool no_memory;
	const struct symbol_element *e; /* where we are */
	size_t tier;
	VEC(const char *) seen; /* files and directories that need no second look */
};

/* Add to the report. */
__attribute__((format(printf, 4, 5))) void found_out(struct search *f, const char *where,
						     enum fs_status status, const char *fmt, ...);

/* Was it seen before in this search? Remembers it. */
bool seen_before(struct search *f, const char *what);

/*
 * The directories that a file found at f->tier may be put into, the nearest first, the default
 * cache when there is none and `need` is set. i = 0, 1, ...; NULL at the end.
 */
const char *cache_dir(const struct search *f, size_t i, bool need);

/* A verified file in the directory f->e->tier[f->tier], or unpacked from there; NULL: none. */
const char *find_in_dir(struct search *f);

/* The same for a URL; the file is then in one of the directories before it. */
const char *find_at_url(struct search *f);

/* Unpack the cabinet into the first cache that takes it; `shown` names it in the report. */
const char *unpack_into_cache(struct search *f, const char *cab, const char *shown);

#endif
