/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One directory that holds symbol files: looking into it, and putting a file into
 * it so that nobody ever sees half of one. No network here.
 *
 *	ROOT/name.pdb/KEY/name.pdb	a store (KEY: GUID and age); name.pd_ when
 *					compressed, file.ptr when it lies elsewhere
 *	ROOT/na/name.pdb/KEY/name.pdb	the same, two-tier: ROOT/index2.txt exists
 *	ROOT/name.pdb			flat, also in ROOT/sys, ROOT/symbols/sys (exe, dll)
 */
#ifndef PDB_STORE_H
#define PDB_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "fltscope/error.h"
#include "pdb/symbol_name.h"

/*
 * Is the file at `path` the one that is wanted (GUID and age)? FS_OK when it is, else
 * the reason. The path may be a temporary one. Called for every file before it is used.
 */
struct store_check {
	enum fs_status (*verify)(void *arg, const char *path, struct fs_error *err);
	void *arg;
};

enum store_kind {
	STORE_FILE,
	STORE_COMPRESSED, /* a cabinet with one file */
	STORE_POINTER,	  /* file.ptr */
};

/* Where to look, cheapest first. */
enum store_stage {
	STORE_KEYED,
	STORE_KEYED_ANY_CASE, /* stores copied from Windows, where case does not matter */
	STORE_FLAT,
	STORE_STAGES,
};

#define STORE_CANDIDATES_MAX 16

struct store_candidates {
	size_t n;
	struct {
		enum store_kind kind;
		const char *path;
	} v[STORE_CANDIDATES_MAX];
};

/* The regular files that are there at this stage; paths live in `mem`. A root that
 * cannot be read has none. FS_NO_MEMORY. */
enum fs_status store_candidates(struct arena *mem, const char *root, const struct symbol_id *id,
				enum store_stage stage, struct store_candidates *ret,
				struct fs_error *err);

/* Does a directory exist at all? FS_OK, else why not. */
enum fs_status store_exists(const char *root, struct fs_error *err);

/* What file.ptr says: a path on this system into *ret (in `mem`), FS_NOT_FOUND with the
 * words of a MSG:, FS_UNSUPPORTED for a path that means nothing here. */
enum fs_status store_pointer_parse(struct arena *mem, const char *text, size_t n, const char **ret,
				   struct fs_error *err);
enum fs_status store_pointer_read(struct arena *mem, const char *path, const char **ret,
				  struct fs_error *err);

/* A file on its way into a store. Either commit or abort ends it; abort after commit does
 * nothing. */
struct store_file {
	int fd; /* -1 until open and after the end */
	uint64_t size;
	uint64_t limit;	    /* bytes it may have */
	const char *dir;    /* ROOT/name.pdb/KEY */
	const char *temp;   /* in dir */
	const char *target; /* in dir */
	const char *name_dir;
};

/* Make the directories and an empty temporary file beside the target. */
enum fs_status store_file_open(struct arena *mem, const char *root, const struct symbol_id *id,
			       uint64_t limit, struct store_file *ret, struct fs_error *err);
/* Append. FS_LIMIT when it would be larger than its limit. */
enum fs_status store_file_write(struct store_file *f, const void *p, size_t n,
				struct fs_error *err);
/* To disk, checked, and renamed to its target; on failure nothing is left. `check` may
 * be NULL to leave out the check. */
enum fs_status store_file_commit(struct store_file *f, const struct store_check *check,
				 struct fs_error *err);
void store_file_abort(struct store_file *f);

/* Copy a local file into the store at root; *ret is where it is then (in `mem`). */
enum fs_status store_copy(struct arena *mem, const char *from, const char *root,
			  const struct symbol_id *id, uint64_t limit,
			  const struct store_check *check, const char **ret, struct fs_error *err);

/* Open for reading if it is a regular file (a device or FIFO would block); the descriptor or
 * -1 with the reason. */
int store_open_regular(const char *path, struct fs_error *err);

#endif
