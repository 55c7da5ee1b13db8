/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values out of a dump: each says whether it was read, from where, and if not why not.
 */
#ifndef FLTSCOPE_VALUE_H
#define FLTSCOPE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"
#include "fltscope/walk.h"

enum fs_state {
	FS_NONE,    /* not looked at, or this build's layout has no such field */
	FS_READ,
	FS_MISSING, /* the gap says where and why */
};

/* Why something is not there. */
struct fs_gap {
	const char *what; /* "FLT_FILTER.Name" */
	uint64_t address; /* VA (or PA where the text says so) */
	bool has_address;
	enum fs_status reason;
	const char *text;
	bool of_dump; /* of what struct fs_dump holds: the container lacks it, not the memory */
};

struct fs_value {
	uint64_t v;
	uint64_t at; /* VA it was read from, or where it should have been; 0 when it is no field */
	enum fs_state state;
	bool unproved; /* read through an offset that nothing in this dump confirms */
	int32_t gap;   /* index into gaps, -1 */
};

struct fs_string {
	const char *s; /* NULL unless FS_READ */
	enum fs_state state;
	bool unproved;
	int32_t gap;
	uint64_t buffer;  /* VA of the characters, when the descriptor was read */
	uint32_t length;  /* bytes, when the descriptor was read */
	bool descriptor_read;
};

/* A flags word with the names of this build's enum. */
struct fs_flags {
	struct fs_value value;
	const char *const *names; /* PDB names without prefix: "DRAINING" */
	size_t count;
	uint64_t unknown; /* bits without a name */
};

/* A code address. */
struct fs_code {
	struct fs_value va;
	const char *symbol; /* "module+0x1234"; NULL for 0 or outside every module */
	int32_t module;     /* index, -1 */
	bool unloaded;      /* lies in a module that was unloaded (symbol names it) */
};

struct fs_links {
	struct fs_value flink, blink; /* VA */
};

/* A walked list. entries are indices of the entities, in list order: those
 * reached forwards, then those only reached backwards. */
struct fs_list {
	uint64_t head;         /* VA of the LIST_ENTRY head; 0 when the build's offset is not known */
	struct fs_value count; /* rCount, or mCount >> 1 */
	size_t *entries;
	size_t n;
	size_t forward, backward; /* entries reached by each direction */
	enum fs_stop stop, backward_stop;
	uint64_t stop_at, stop_value; /* link at which the forward walk stopped, and its Flink */
	uint64_t backward_stop_at;
	uint64_t broken_at, broken_blink, broken_expected; /* first unfitting Blink; 0 when none */
	int32_t gap; /* of an unreadable link, -1 */
	/* VA of the first linked object that is of another type, 0 when none, and of the
	 * LIST_ENTRY whose Flink leads there (0: only the backward walk met it). */
	uint64_t wrong_at, wrong_from;
};

/* An EX_RUNDOWN_REF. Facts: even = count << 1; 1 = drained; other odd = address
 * of an EX_RUNDOWN_WAIT_BLOCK on the waiter's stack | 1. */
enum fs_rundown_state { FS_RUNDOWN_UNKNOWN, FS_RUNDOWN_ACTIVE, FS_RUNDOWN_WAITING, FS_RUNDOWN_DRAINED };
struct fs_rundown {
	struct fs_value raw;
	enum fs_rundown_state state;
	uint64_t count;             /* active: references */
	uint64_t wait_block;        /* waiting: VA */
	struct fs_value wait_count; /* waiting: references still held, from the wait block */
};

/* FLT_OBJECT */
struct fs_object {
	struct fs_flags flags; /* names without the type bits */
	struct fs_value pointer_count;
	struct fs_rundown rundown;
	struct fs_links primary_link;
};
#define FS_OBJ_DRAINING 0x1u
#define FS_OBJ_ZOMBIED  0x2u

/* Is the value there and does bit-and with mask give something? False when missing. */
static inline bool fs_has(const struct fs_value *v, uint64_t mask)
{
	return v->state == FS_READ && (v->v & mask) != 0;
}
/* Is the value there and are these bits all clear? False when missing. */
static inline bool fs_lacks(const struct fs_value *v, uint64_t mask)
{
	return v->state == FS_READ && (v->v & mask) == 0;
}
static inline bool fs_is_read(const struct fs_value *v)
{
	return v->state == FS_READ;
}

#endif
