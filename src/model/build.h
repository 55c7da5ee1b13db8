/* SPDX-License-Identifier: BSD-2-Clause */
/* Growing a model. Counts are bounded here, so that no reader can forget to. */
#ifndef MODEL_BUILD_H
#define MODEL_BUILD_H

#include "base/arena.h"
#include "fltscope/model.h"

/* More than any real system has; a dump that claims more is told so (limit). */
#define MODEL_MAX_FRAMES    64
#define MODEL_MAX_FILTERS   4096
#define MODEL_MAX_INSTANCES 262144
#define MODEL_MAX_VOLUMES   16384
#define MODEL_MAX_DRIVERS   4096
#define MODEL_MAX_DEVICES   65536
#define MODEL_MAX_THREADS   262144
#define MODEL_MAX_PROCESSES 65536
#define MODEL_MAX_LOCKS	    65536
#define MODEL_MAX_GAPS	    20000

struct model_builder {
	struct fs_model *model;
	struct arena *arena;
	size_t cap[16]; /* capacities of the model's arrays, by enum in build.c */
	bool out_of_memory;
	void *index; /* address -> entity, see model_find_* */
};

/*
 * Who owns what: the arrays that model_add_* and model_gap grow (frames,
 * filters, instances, volumes, drivers, devices, threads, processes, locks, gaps) are the model's own and
 * freed by model_free; everything that an entity points to (strings, entries,
 * names, operations), and modules and unloaded, lives in the arena or longer.
 *
 * `model` and `arena` must outlive the builder. A model that was built before
 * may be begun again, and then grows on.
 */
void model_begin(struct model_builder *b, struct fs_model *model, struct arena *arena);
void model_end(struct model_builder *b); /* frees the index only */
/* Frees the arrays above and forgets them; the arena is its owner's. */
void model_free(struct fs_model *model);

/* Append a zeroed entity with its address and -1 indices; its index in *ret.
 * FS_LIMIT past the bound, FS_NO_MEMORY. Pointers into an array die with the next add. */
enum fs_status model_add_frame(struct model_builder *b, uint64_t va, size_t *ret);
enum fs_status model_add_filter(struct model_builder *b, uint64_t va, size_t *ret);
enum fs_status model_add_instance(struct model_builder *b, uint64_t va, size_t *ret);
enum fs_status model_add_volume(struct model_builder *b, uint64_t va, size_t *ret);
enum fs_status model_add_driver(struct model_builder *b, uint64_t va, size_t *ret);
enum fs_status model_add_device(struct model_builder *b, uint64_t va, size_t *ret);
enum fs_status model_add_thread(struct model_builder *b, uint64_t va, size_t *ret);
enum fs_status model_add_process(struct model_builder *b, uint64_t va, size_t *ret);
enum fs_status model_add_lock(struct model_builder *b, uint64_t va, size_t *ret);

/* By address, O(1); -1 when not there. */
int32_t model_find_frame(const struct model_builder *b, uint64_t va);
int32_t model_find_filter(const struct model_builder *b, uint64_t va);
int32_t model_find_instance(const struct model_builder *b, uint64_t va);
int32_t model_find_volume(const struct model_builder *b, uint64_t va);
int32_t model_find_driver(const struct model_builder *b, uint64_t va);
int32_t model_find_device(const struct model_builder *b, uint64_t va);
int32_t model_find_thread(const struct model_builder *b, uint64_t va);
int32_t model_find_process(const struct model_builder *b, uint64_t va);
int32_t model_find_lock(const struct model_builder *b, uint64_t va);

/* Record a gap from an error; identical ones (what, address) are kept once. Returns its index, -1
 * at the bound. */
int32_t model_gap(struct model_builder *b, const char *what, const struct fs_error *err);

/* The empty value: not looked at. */
struct fs_value model_none(void);
/* A value from a read: FS_READ, or FS_MISSING with its gap. FS_UNSUPPORTED
 * without an address ("the layout has no such field") gives FS_NONE and no gap;
 * with an address (a page-table entry that cannot be read) it is a gap. */
struct fs_value model_value(struct model_builder *b, const char *what, enum fs_status st,
			    uint64_t v, const struct fs_error *err);
/* A copy of text in the arena; NULL (and out_of_memory) when there is none. */
const char *model_text(struct model_builder *b, const char *text);

#endif
