/* SPDX-License-Identifier: BSD-2-Clause */
/* Small models written by hand, for tests of checks and views: no dump involved. */
#ifndef SUPPORT_MODEL_MAKER_H
#define SUPPORT_MODEL_MAKER_H

#include "fltscope/finding.h"
#include "fltscope/model.h"

#define MM_MAX 16

struct model_maker {
	struct fs_model m;
	struct fs_frame frame[4];
	struct fs_filter filter[MM_MAX];
	struct fs_instance instance[MM_MAX];
	struct fs_volume volume[MM_MAX];
	struct fs_driver driver[MM_MAX];
	struct fs_device device[MM_MAX];
	struct fs_module module[MM_MAX];
	size_t frame_entries[4], filter_entries[4][MM_MAX], instance_entries[MM_MAX][MM_MAX];
	size_t device_entries[MM_MAX][MM_MAX];
};

struct fs_value mm_value(uint64_t v);
struct fs_value mm_missing(void);
struct fs_string mm_string(const char *s);

/* Everything zeroed, all lists closed and empty, state "found". */
void mm_begin(struct model_maker *k);
size_t mm_frame(struct model_maker *k, uint64_t va, unsigned id);
/* A live filter at the end of the frame's list: Flags 2, rundown (1 + 0) << 1, PointerCount 1. */
size_t mm_filter(struct model_maker *k, size_t frame, uint64_t va, const char *name,
		 uint64_t driver_object);
/* Make it DRAINING ZOMBIED with a drained rundown. */
void mm_zombie(struct model_maker *k, size_t filter);
size_t mm_instance(struct model_maker *k, size_t filter, uint64_t va);
/* A valid DRIVER_OBJECT with Flags DRVO_INITIALIZED and one idle device. */
size_t mm_driver(struct model_maker *k, uint64_t va, const char *name);
/* Point every filter at the driver whose address it has. */
void mm_link_drivers(struct model_maker *k);

const struct fs_verdict *mm_verdict(const struct fs_report *r, uint64_t filter);
const struct fs_finding *mm_finding(const struct fs_report *r, const char *rule);
size_t mm_count(const struct fs_report *r, const char *rule);

#endif
