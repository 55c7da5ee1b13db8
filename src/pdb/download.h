/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One file over http or https into a store's temporary file. libcurl is loaded when
 * the first URL is asked for, not before: it costs about 12 MB resident.
 */
#ifndef PDB_DOWNLOAD_H
#define PDB_DOWNLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

/* Zero takes the default in parentheses. */
struct symbol_limits {
	uint64_t max_bytes;	    /* of one file, also unpacked or copied (1 GiB) */
	uint32_t connect_ms;	    /* until connected (10,000) */
	uint32_t low_speed_bytes;   /* slower than this many bytes a second (1024) ... */
	uint32_t low_speed_seconds; /* ... for so long ends it (20) */
	uint32_t total_ms;	    /* for one file (900,000) */
	uint32_t redirects;	    /* followed (5) */
};

/* Bytes so far and in all (0: not told). False ends the download. */
typedef bool symbol_progress_fn(void *arg, const char *url, uint64_t done, uint64_t total);

struct download {
	const char *url;   /* asked for */
	const char *shown; /* the same for messages, without passwords */
	/* takes the body; anything but FS_OK ends the download with that error */
	enum fs_status (*sink)(void *arg, const void *p, size_t n, struct fs_error *err);
	void *sink_arg;
	symbol_progress_fn *progress; /* NULL: none */
	void *progress_arg;
	uint64_t max_bytes; /* of the body on the wire */
	/* answers */
	uint64_t received;
	bool server_down; /* no use asking this server again in this session */
	bool interrupted; /* progress said so */
};

struct downloader;

/* FS_UNSUPPORTED with what to install when libcurl cannot be loaded. Limits are copied. */
enum fs_status downloader_create(const struct symbol_limits *limits, struct downloader **ret,
				 struct fs_error *err);
/* NULL is fine. */
void downloader_destroy(struct downloader *d);

/*
 * FS_OK: the whole body went to the sink. FS_NOT_FOUND: the server has none (HTTP 404
 * and the like). FS_CORRUPT: the body was cut. FS_LIMIT: too large, too slow, too many
 * redirects. FS_INVALID: a redirect to another protocol, or interrupted. FS_SYSTEM: the
 * network or the server failed.
 */
enum fs_status download(struct downloader *d, struct download *job, struct fs_error *err);

#endif
