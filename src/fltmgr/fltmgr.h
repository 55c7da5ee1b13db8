/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Filter Manager in memory: where its state is (locate.c), whether a layout
 * reads it truly (prove.c), and its objects into the model (collect.c and one
 * file per object).
 */
#ifndef FLTMGR_FLTMGR_H
#define FLTMGR_FLTMGR_H

#include "layout/layout.h"
#include "model/build.h"
#include "module/module.h"
#include "read/object.h"

/* What is known of one field's offset in this dump. */
enum proof_state {
	PROOF_NONE,   /* no invariant touched it */
	PROOF_HELD,   /* at least one invariant that a wrong offset would break held, none failed */
	PROOF_FAILED, /* contradicted: its values must not be reported */
};

struct proof_check {
	const char *what;
	const char *fields;
	size_t held, failed;
	uint64_t failed_at;
	char detail[160];
};

struct proof {
	enum proof_state field[F_COUNT];
	VEC(struct proof_check) checks;
	size_t held, failed;
	bool accepted;   /* every anchor held: lists, type words, back pointers */
	char why[200];   /* when not accepted */
	/* What the unload walk does after a failed reference, out of the code in this dump
	 * ("gives-up", "goes-on", static; NULL: not known), and the VA of the branch. */
	const char *unload_walk;
	uint64_t unload_walk_at;
};
void proof_deinit(struct proof *p);

/* Where the state begins. */
struct fltmgr_site {
	bool globals_known;
	uint64_t globals;         /* VA of FltGlobals */
	uint64_t frame_list;      /* VA of FrameList.rList (the head); 0 when only frames were found */
	uint64_t head_by_links;   /* where the head must be by the links of `frames`, unread; 0 else */
	const char *how;          /* static string for model.located_by */
	VEC(uint64_t) frames;     /* frames found by type word (triage), when no head is readable */
};
void fltmgr_site_deinit(struct fltmgr_site *s);

struct fltmgr_choice {
	struct layout *layout; /* owned; NULL when every candidate was refused */
	enum fs_layout_source source;
	enum layout_match match; /* FAMILY: behaviour (facts) of the layout's build need not be this one's */
	struct fltmgr_site site;
	struct proof proof;
	/* Every candidate with its score, for `layouts`. Strings in the arena given. */
	VEC(struct fs_layout_candidate) candidates;
	/* What the code showed, when the layout was made of that. Strings are static. */
	VEC(struct fs_layout_code) code;
};
void fltmgr_choice_deinit(struct fltmgr_choice *c);

/* What is known before the choice. All of it is optional. */
struct fltmgr_given {
	struct layout *user; /* of --layout: tried alone */
	struct layout *pdb;  /* of the image's own PDB: tried first. Taken over by the choice */
	bool globals_known;  /* RVA of the symbol FltGlobals, of this very image */
	uint64_t globals_rva;
};

/*
 * Find FltGlobals and the layout that reads it, in the order of DESIGN.md:
 * the PDB's, an exact image's layout and RVA, the build's, the family's; accepted only when
 * proved on the live structures. r->fltmgr is ignored. FS_NOT_FOUND: no Filter Manager state
 * (err says what was looked for and what is missing). given (may be NULL) ->user belongs to
 * the choice on success, else to the caller; the candidates are listed in ret either way
 * (deinit it always).
 */
enum fs_status fltmgr_choose(const struct reader *r, const struct modules *m, uint32_t build,
			     const struct fltmgr_given *given, struct arena *arena,
			     struct fltmgr_choice *ret, struct fs_error *err);

/* Fill frames, filters, instances, volumes, drivers and devices of the model,
 * through r->fltmgr = choice->layout; fields that failed are not reported, unproved ones are marked. */
enum fs_status fltmgr_collect(const struct reader *r, const struct modules *m,
			      const struct fltmgr_choice *choice, struct model_builder *b,
			      struct fs_error *err);

/* What to look for beyond the objects themselves. */
struct fltmgr_wants {
	uint64_t search_bytes; /* how much memory may be searched, in all */
	bool all;	       /* contexts of live filters too */
	uint64_t filter;       /* and of this one; 0 none */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total); /* or NULL */
	void *progress_arg;
};

/* After fltmgr_collect: contexts of filters that drain, what is left of them in memory,
 * and ports that keep zombied filters. */
enum fs_status fltmgr_collect_holders(const struct reader *r, const struct modules *m,
				      const struct fltmgr_choice *choice,
				      const struct fltmgr_wants *wants, struct model_builder *b,
				      struct fs_error *err);

#endif
