/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source 4 of the layouts: offsets that fltmgr's own code in the dump shows.
 * Exported functions are found by name, FltpMiniFilterDriverUnload through the driver
 * objects that the filters lead to.
 */
#ifndef FLTMGR_FROM_CODE_H
#define FLTMGR_FROM_CODE_H

#include "code/recover.h"
#include "fltmgr/fltmgr.h"

/* What the exported functions show together. FS_NOT_FOUND: nothing (no code, no exports, or
 * functions that are not what is known). FS_CORRUPT: they contradict each other. *ret is
 * zeroed on failure. */
enum fs_status fltmgr_exported_code(const struct reader *r, const struct module *fltmgr,
				    struct recover_offsets *ret, struct fs_error *err);

struct from_code {
	struct layout *layout; /* owned */
	struct fltmgr_site site;
	struct recover_offsets offsets;
	uint64_t links;	   /* offset of _FLTP_FRAME.Links */
	uint64_t links_at; /* VA of the frame's type word that shows it */
};
void from_code_deinit(struct from_code *f);

/*
 * A layout of nothing but what the code shows, for a Filter Manager that no other layout
 * reads; r->fltmgr is ignored. exports may be all unknown. FS_NOT_FOUND: the code shows
 * nothing, or not enough to get from frames to filters (err says what is missing; it has an
 * address only when a function was recognised). FS_CORRUPT: functions disagree.
 */
enum fs_status fltmgr_from_code(const struct reader *r, const struct modules *m, uint32_t build,
				const char *machine, const struct recover_offsets *exports,
				struct from_code *ret, struct fs_error *err);

/* The recovered values one by one, for `layouts`. Strings are static. */
bool from_code_list(const struct from_code *f, struct fltmgr_choice *ret);

#endif
