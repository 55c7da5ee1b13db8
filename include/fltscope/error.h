/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One error value: what kind, where, and why in words.
 *
 * A function that can fail returns enum fs_status and takes `struct fs_error
 * *err` as its last parameter. err may be NULL (the caller does not want the
 * words). Out-parameters are untouched on failure. No function below
 * src/cli prints: callers prepend what they were doing and pass the error up.
 */
#ifndef FLTSCOPE_ERROR_H
#define FLTSCOPE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* The kinds separate what a reader of the report must be able to tell apart. */
enum fs_status {
	FS_OK = 0,
	FS_NOT_IN_DUMP, /* the dump does not hold this page or range */
	FS_PAGED_OUT,   /* the page was in a page file or behind a prototype PTE */
	FS_CORRUPT,     /* read, but it cannot be what it must be */
	FS_UNSUPPORTED, /* a format, build or encoding that is not known here */
	FS_LIMIT,       /* a bound of ours was reached before the end */
	FS_NOT_FOUND,   /* looked for in full and not there */
	FS_INVALID,     /* the caller (or the user) asked for something impossible */
	FS_SYSTEM,      /* the operating system failed (errno text in the message) */
	FS_NO_MEMORY,
};

#define FS_ERROR_TEXT 512

struct fs_error {
	enum fs_status status;
	bool has_address;
	uint64_t address; /* VA or PA of the failed read, as the text says */
	/* UTF-8, may quote bytes of the dump: escape before showing */
	char text[FS_ERROR_TEXT];
};

/* The word used in `gaps` and messages: "not-in-dump", "paged-out", "corrupt",
 * "unsupported", "limit", "not-found", "invalid", "system", "no-memory"; FS_OK
 * is "ok". Static string. */
const char *fs_status_name(enum fs_status status);

/* Set the error and return `status`, so that a failure is one statement. */
__attribute__((format(printf, 3, 4))) enum fs_status
fs_fail(struct fs_error *err, enum fs_status status, const char *fmt, ...);

/* The same, with the address of the read that failed kept as data. */
__attribute__((format(printf, 4, 5))) enum fs_status
fs_fail_at(struct fs_error *err, enum fs_status status, uint64_t address, const char *fmt, ...);

/* Put "what was being done: " before the text while unwinding. Returns
 * err->status, or `status` when err is NULL. */
__attribute__((format(printf, 3, 4))) enum fs_status
fs_prepend(struct fs_error *err, enum fs_status status, const char *fmt, ...);

#endif
