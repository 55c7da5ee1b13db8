/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the model to events: one file per command. Each thing is told once, to
 * machine formats and to text alike; fltkd's words and order for what !fltkd
 * prints, DESIGN's keys for JSON.
 *
 *	view_open(&v, emit, model, "fltscope.frames/1");
 *	view_frames(&v);
 *	view_close(&v);
 *
 * Views do not fail: what cannot be shown is an error of the emitter, and
 * emit_finish tells it. Everything is borrowed and must outlive the view.
 */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

#include "base/arena.h"
#include "emit/emit.h"
#include "fltscope/finding.h"
#include "fltscope/model.h"

struct view {
	struct emit *e;
	const struct fs_model *m; /* NULL for what needs no dump */
	struct arena tmp;	  /* formatted values, dropped entity by entity */
	unsigned brief;		  /* > 0: text shows only the first line of an entity */
	size_t unproved;	  /* values shown that are unproved */
	const char *marked;	  /* labels of the unproved rows since show_unproved, or NULL */
};

/* Begin the document: schema and, with a model, `dump`. */
void view_open(struct view *v, struct emit *e, const struct fs_model *m, const char *schema);
/* The gaps, the meaning of marks, and the end of the document. */
void view_close(struct view *v);

void view_frames(struct view *v);
void view_filters(struct view *v);
void view_instances(struct view *v);
void view_volumes(struct view *v);
void view_frame(struct view *v, size_t index);
void view_filter(struct view *v, size_t index);
void view_instance(struct view *v, size_t index);
void view_volume(struct view *v, size_t index);
void view_drvobj(struct view *v, size_t index);
void view_devobj(struct view *v, size_t index);
/* Modules whose name contains `pattern` (ASCII case ignored); NULL for all. */
void view_lm(struct view *v, const char *pattern);
bool view_lm_has(const struct fs_model *m, const char *pattern); /* is there one? */
/* How much of the file was looked at, for info. */
struct view_stats {
	uint64_t bytes_read, reads, pages;
};
void view_info(struct view *v, const struct view_stats *stats);
/* `known` are the shipped layouts' names. */
void view_layouts(struct view *v, const char *const *known, size_t nknown);
void view_export(struct view *v);
/* `driver`: only what concerns what has this name (view/driver_match.h); NULL for all. */
enum view_answer {
	VIEW_ANSWERED,
	VIEW_NO_MEMORY,
	VIEW_UNDECIDED, /* nothing that would decide it could be read */
	VIEW_NOT_KNOWN, /* the dump has nothing of that name; text is left empty */
};
enum view_answer view_diagnose(struct view *v, const struct fs_report *report, const char *driver);
/* `only`: the id or the number of the one that is shown; NULL for all. */
/* By id or number; check's own rule has no number. */
bool view_is_rule(const struct fs_rule *r, const char *name);
void view_rules(struct view *v, const struct fs_rule *(*at)(size_t), size_t n, const char *only);
/* In place of an answer, when the dump holds no Filter Manager state. */
void view_not_found(struct view *v);

/* A driver's name without `\Driver\`, `\FileSystem\` and `.sys`, compared as the
 * I/O manager compares. */
bool view_same_driver(const char *a, const char *b);
/* Do callbacks of the filter lie where an image of that name was before it was unloaded? */
bool view_code_was_in(const struct fs_filter *f, const char *driver);

#endif
