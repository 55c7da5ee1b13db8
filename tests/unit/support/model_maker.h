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
	struct fs_thread thread[MM_MAX];
	struct fs_wait wait[MM_MAX][4];
	struct fs_stack_frame stack[MM_MAX][8];
	struct fs_lock lock[MM_MAX];
	struct fs_lock_owner owner[MM_MAX][4];
	struct fs_lock_waiter waiter[MM_MAX][4];
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

/* --- threads and locks (model_threads.c) ----------------------------------- */

/* A loaded module; callbacks and drivers refer to it by index. */
size_t mm_module(struct model_maker *k, const char *name, uint64_t base);
/* The filter's FilterUnload lies in this module, and so does its driver, if it has one. */
void mm_code_of(struct model_maker *k, size_t filter, size_t module);
/* A waiting thread of no process: Executive wait, no wait block, stack [limit, limit + 0x6000). */
size_t mm_thread(struct model_maker *k, uint64_t va, uint64_t stack_limit);
/* It waits for this object; `kind` as KOBJECTS has it. */
struct fs_wait *mm_wait(struct model_maker *k, size_t thread, uint64_t object, const char *kind);
/* It waits for the event of this wait block, which lies on its stack. */
void mm_wait_block(struct model_maker *k, size_t thread, uint64_t block);
/* The next outer frame of its stack, "module!function" or "module+0x…". */
void mm_call(struct model_maker *k, size_t thread, int32_t module, const char *symbol,
	     enum fs_frame_how how);
/* A free FilterUnloadLock of a frame, or another ERESOURCE. */
size_t mm_unload_lock(struct model_maker *k, size_t frame);
size_t mm_lock(struct model_maker *k, uint64_t va, const char *what);
void mm_own(struct model_maker *k, size_t lock, size_t thread);
void mm_wait_lock(struct model_maker *k, size_t lock, size_t thread, enum fs_waiter_how how);
/* Threads, stacks and locks were read whole. */
void mm_all_looked(struct model_maker *k);
/* DRAINING, and its RundownRef holds this wait block with so many left. */
void mm_drain(struct model_maker *k, size_t filter, uint64_t block, uint64_t left);
/* FltpDoUnloadFilter is at work on it: one more PointerCount; `flag`: a service stop's. */
void mm_unloading(struct model_maker *k, size_t filter, bool flag);

bool mm_unchecked(const struct fs_report *r, const char *rule);
const struct fs_verdict *mm_verdict(const struct fs_report *r, uint64_t filter);
const struct fs_finding *mm_finding(const struct fs_report *r, const char *rule);
size_t mm_count(const struct fs_report *r, const char *rule);

#endif
