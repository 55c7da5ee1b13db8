/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding symbol files along a symbol path, and fetching them into a store.
 *
 *	symbols_create(&options, &s, &err);
 *	symbol_find(s, &request, &path, &err)	a local file that verified
 *	symbols_report(s)			where the last one was looked for
 *	symbols_destroy(s);
 *
 * Two of these at once are fine; one is not for two threads.
 */
#ifndef PDB_SYMBOLS_H
#define PDB_SYMBOLS_H

#include "base/arena.h"
#include "base/vec.h"
#include "fltscope/error.h"
#include "pdb/download.h"
#include "pdb/store.h"
#include "pdb/symbol_path.h"

struct symbols_options {
	const struct symbol_path *path; /* borrowed until symbols_destroy */
	/* Where a compressed file without a store before it is unpacked to; NULL: nowhere.
	 * Borrowed until symbols_destroy. */
	const char *default_cache;
	struct symbol_limits limits;
};

struct symbol_request {
	const char *name;	      /* from the dump, as hostile as it is */
	const char *guid_age;	      /* the key: symbol_key() */
	struct store_check check;     /* must have a function */
	bool offline;		      /* no network */
	symbol_progress_fn *progress; /* NULL: none */
	void *progress_arg;
};

/* One place where a file was looked for, for people and JSON. Strings live until the next
 * request of the same `struct symbols`. They may quote bytes of a dump or a server: escape
 * before showing. */
struct symbol_place {
	const char *where;     /* a directory, file or URL, passwords taken out */
	enum fs_status status; /* FS_OK: this one was taken */
	const char *why;       /* "" when FS_OK */
};

struct symbol_report {
	VEC(struct symbol_place) place;
	struct arena mem;
};

struct symbols;

enum fs_status symbols_create(const struct symbols_options *options, struct symbols **ret,
			      struct fs_error *err);
/* NULL is fine. */
void symbols_destroy(struct symbols *s);

/*
 * The elements of the path from left to right, in each the stores from left to right;
 * what is found is copied into the directories before it. *path lives until
 * symbols_destroy. What was asked before is answered from memory: also that it is not
 * there, and a server that did not answer is not asked again.
 *
 * FS_NOT_FOUND: nowhere (the message names the most telling reason). FS_INVALID: the name or
 * key is unfit for a path or URL, or the request was interrupted.
 */
enum fs_status symbol_find(struct symbols *s, const struct symbol_request *req, const char **path,
			   struct fs_error *err);

/* The same, and a copy in the store at `dir` (made when it is not there); *path is in
 * that store. A right file that is already there is left alone and nothing is asked. */
enum fs_status symbol_fetch(struct symbols *s, const struct symbol_request *req, const char *dir,
			    const char **path, struct fs_error *err);

/* Of the last request; empty when it was answered from memory. */
const struct symbol_report *symbols_report(const struct symbols *s);

#endif
