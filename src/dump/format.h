/* SPDX-License-Identifier: BSD-2-Clause */
/* What a format owes to open.c, and what a format may use. Private to src/dump. */
#ifndef DUMP_FORMAT_H
#define DUMP_FORMAT_H

#include "base/vec.h"
#include "dump/dump.h"
#include "dump/pagecache.h"

/* The first bytes of the file, for probes. */
struct dump_first {
	const uint8_t *data;
	size_t size;	    /* bytes in data: DUMP_FIRST, less when the file is shorter */
	uint64_t file_size; /* bytes */
	const char *path;
	const struct dump_options *options;
};
#define DUMP_FIRST 0x2000u /* DUMP_HEADER64 is the largest header that is probed */

enum dump_probe {
	DUMP_PROBE_NOT_MINE, /* another format: no error is set */
	DUMP_PROBE_MINE,     /* open() is called next */
	DUMP_PROBE_BROKEN,   /* mine, and it cannot be opened: err says why, nobody else is asked */
};

struct dump_format {
	const char *name; /* of this table entry, for messages */
	enum dump_probe (*probe)(const struct dump_first *first, struct fs_error *err);
	/* Fill d->info and d->priv. `first` is gone afterwards. On failure close() is still called.
	 */
	enum fs_status (*open)(struct dump *d, const struct dump_first *first,
			       struct fs_error *err);
	/* Copy bytes of one physical page: pa and pa+n-1 lie in the same page, n > 0.
	 * NULL when memory is addressed by virtual ranges. */
	enum fs_status (*read_phys)(struct dump *d, uint64_t pa, void *buf, size_t n,
				    struct fs_error *err);
	/* dump_next_page for pfn on; the page may still be damaged. NULL: every page may be there. */
	uint64_t (*next_page)(const struct dump *d, uint64_t pfn);
	/* For dump_scan_next: page pfn and *ret_pages (1 or more) in all from there stand whole and
	 * undisputed in d->file, one behind the other from *ret_off on. False: not so, or not known.
	 * NULL: never. */
	bool (*run)(const struct dump *d, uint64_t pfn, uint64_t *ret_off, uint64_t *ret_pages);
	/* Copy n > 0 bytes at va, which does not wrap. NULL when addressed physically. */
	enum fs_status (*read_virt)(struct dump *d, uint64_t va, void *buf, size_t n,
				    struct fs_error *err);
	/* Virtual ranges, drivers, unloaded drivers: NULL when the format has none. */
	size_t (*block_count)(const struct dump *d);
	struct dump_block (*block)(const struct dump *d, size_t i);
	size_t (*block_conflicts)(const struct dump *d);
	size_t (*driver_count)(const struct dump *d);
	enum fs_status (*driver)(struct dump *d, size_t i, struct dump_driver *ret,
				 struct fs_error *err);
	size_t (*unloaded_count)(const struct dump *d);
	enum fs_status (*unloaded)(struct dump *d, size_t i, struct dump_unloaded *ret,
				   struct fs_error *err);
	/* Frees d->priv; must stand a half-made one. */
	void (*close)(struct dump *d);
};

#define DUMP_NOTES_MAX 16
#define DUMP_NOTE_TEXT 240

struct dump {
	char *path;
	struct dump_options options;
	struct dump_file file;
	struct dump_info info;
	const struct dump_format *format;
	void *priv;		 /* the format's */
	uint64_t context_offset; /* file offset of the CONTEXT record; 0: none */
	size_t context_room;	 /* bytes from there to what follows it */
	VEC(struct dump_cpu) cpus;
	uint8_t *guest_header; /* DUMP_HEADER64 or 32 out of a note */
	size_t guest_header_size;
	size_t nnotes;
	char notes[DUMP_NOTES_MAX][DUMP_NOTE_TEXT];
};

/* Bytes as text for messages: printable ASCII as it is, the rest as \xNN. Always terminated. */
void dump_quote(const uint8_t *src, size_t n, char *dst, size_t dst_size);

/* The file is to hold `promised` bytes: set truncated and missing_bytes when it does not. */
void dump_promise(struct dump *d, uint64_t promised);

/* Copy bytes of the physical page whose bytes begin at file offset page_off, for
 * read_phys: FS_NOT_IN_DUMP with the first missing PA where the file is cut. */
enum fs_status dump_read_page_at(struct dump *d, uint64_t page_off, uint64_t pa, void *buf,
				 size_t n, struct fs_error *err);

#define DUMP_FORMAT(id) extern const struct dump_format dump_format_##id;
#include "dump/formats.def"
#undef DUMP_FORMAT

#endif
