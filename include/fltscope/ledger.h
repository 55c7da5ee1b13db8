/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger: RundownRef of a filter, an instance or a volume as an account.
 * What it must hold is known (facts: rundown accounting): a filter's is 1 for its
 * registration, and one each for instances, contexts, server ports, open files,
 * MessageNotify calls and queued work items; a volume's 1, and one each for
 * instances and targeted opens; an instance's is 0 at rest, and 1 while its own
 * teardown runs. While somebody waits, the total is the wait block's Count, and
 * the registration (a volume's base, a teardown) is dropped already.
 *
 * On a live filter a remainder is normal: its contexts are not walked unless asked for.
 */
#ifndef FLTSCOPE_LEDGER_H
#define FLTSCOPE_LEDGER_H

#include "fltscope/model.h"

enum fs_holder {
	FS_H_REGISTRATION,
	FS_H_TEARDOWN,
	FS_H_TARGETED_OPEN,
	FS_H_INSTANCE,
	FS_H_CONTEXT,
	FS_H_SERVER_PORT,
	FS_H_OPEN_FILE,
	FS_H_MESSAGE,
	FS_H_WORK_ITEM,
	FS_H_COUNT
};
const char *fs_holder_name(enum fs_holder h); /* "registration", "server-port" … */

enum fs_ledger_of { FS_LEDGER_FILTER, FS_LEDGER_INSTANCE, FS_LEDGER_VOLUME };

struct fs_ledger_entry {
	enum fs_holder holder;
	uint64_t count;
	size_t naddresses; /* fs_ledger_address tells them */
	bool whole;	   /* false: at least so many */
	bool unproved;	   /* counted through an offset that nothing confirms */
};

/* More references than any system has memory or time for: a total above is not believed, and
 * counts as not known. */
#define FS_REFERENCES_MAX 0x7fffffffu

struct fs_ledger {
	enum fs_ledger_of of;
	size_t index; /* of the filter, instance or volume */
	bool total_known;
	bool waiting; /* the total is the wait block's Count */
	uint64_t total;
	struct fs_ledger_entry entry[FS_H_COUNT]; /* those that hold something */
	size_t n;
	uint64_t explained; /* the sum of the entries */
	bool contradicted; /* the total is below that sum, so one of the two cannot be right */
	/* total - explained, when the total is known and not below. */
	bool unexplained_known;
	uint64_t unexplained;
	enum fs_holder not_walked[FS_H_COUNT]; /* holders that were not or not wholly looked at */
	size_t nnot_walked;
};

void fs_ledger_filter(const struct fs_model *m, size_t filter, struct fs_ledger *ret);
void fs_ledger_instance(const struct fs_model *m, size_t instance, struct fs_ledger *ret);
void fs_ledger_volume(const struct fs_model *m, size_t volume, struct fs_ledger *ret);
/* Address i < naddresses of an entry. */
uint64_t fs_ledger_address(const struct fs_model *m, const struct fs_ledger *l,
			   const struct fs_ledger_entry *e, size_t i);
/* NULL when this holder holds nothing that was found. */
const struct fs_ledger_entry *fs_ledger_entry_of(const struct fs_ledger *l, enum fs_holder h);
bool fs_ledger_was_walked(const struct fs_ledger *l, enum fs_holder h);

#endif
