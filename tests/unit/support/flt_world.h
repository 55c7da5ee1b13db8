/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small Filter Manager in a triage dump, for tests of what reads it. Offsets
 * are those of the 19041 facts, written down here a second time; the layout that
 * the reader gets is parsed from text of the test's own, so that a test can
 * take a field away.
 *
 *	struct flt_world w;
 *	fw_begin(&w);
 *	fw_frame(&w, FRAME, 0); fw_filter(&w, A, "FoxMon", "389220"); ...
 *	fw_list(&w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 1, A);
 *	fw_collect(&w);
 *	... w.model ...
 *	fw_end(&w);
 */
#ifndef SUPPORT_FLT_WORLD_H
#define SUPPORT_FLT_WORLD_H

#include "fltmgr/fltmgr.h"
#include "support/triage_builder.h"

/* Everything lies here unless a test maps more; the rest is not in the dump. */
#define FW_POOL	     UINT64_C(0xffffe10000100000)
#define FW_POOL_SIZE 0x40000
#define FW_FLTMGR    UINT64_C(0xfffff80552430000)
#define FW_GLOBALS   (FW_FLTMGR + 0x29600)
#define FW_HEAD	     (FW_GLOBALS + 0xc0)	  /* FrameList.rList */
#define FW_DRIVER_A  UINT64_C(0xfffff80560000000) /* foxmon.sys */
#define FW_DRIVER_B  UINT64_C(0xfffff80560100000) /* deltaav.sys */

enum { /* 19041 x64 */
       FW_RLIST = 0x68,
       FW_RCOUNT = 0x78,
       FW_MCOUNT = 0x48,
       FW_BASE_RUNDOWN = 0x8,
       FW_BASE_LINK = 0x10,
       FW_FRAME_LINKS = 0x8,
       FW_FRAME_FILTERS = 0x48,
       FW_FRAME_VOLUMES = 0xc8,
       FW_FRAME_ZOMBIES = 0x1a8,
       FW_FRAME_UNLOAD_LOCK = 0x208,
       FW_FRAME_SIZE = 0x780,
       FW_FILTER_FRAME = 0x30,
       FW_FILTER_NAME = 0x38,
       FW_FILTER_ALTITUDE = 0x48,
       FW_FILTER_FLAGS = 0x58,
       FW_FILTER_INSTANCES = 0x68,
       FW_FILTER_UNLOAD = 0x100,
       FW_FILTER_SETUP = 0x108,
       FW_FILTER_CONTEXTS = 0x130,
       FW_FILTER_SECTION = 0x1a0,
       FW_FILTER_OPERATIONS = 0x1a8,
       FW_FILTER_OPENS = 0x1b8,
       FW_FILTER_CONNECTIONS = 0x208,
       FW_FILTER_PORTS = 0x258,
       FW_FILTER_SIZE = 0x2b0,
       FW_INSTANCE_VOLUME = 0x38,
       FW_INSTANCE_FILTER = 0x40,
       FW_INSTANCE_LINK = 0x70,
       FW_INSTANCE_CONTEXT = 0x88,
       FW_INSTANCE_TRACK = 0x98,
       FW_INSTANCE_SIZE = 0x230,
       FW_VOLUME_FLAGS = 0x30,
       FW_VOLUME_FSTYPE = 0x34,
       FW_VOLUME_FRAME = 0x58,
       FW_VOLUME_NAME = 0x60,
       FW_VOLUME_INSTANCES = 0xa0,
       FW_VOLUME_OPENS = 0x738,
       FW_VOLUME_SIZE = 0x758,
};

struct flt_world {
	struct triage t;
	uint64_t next_string;
	const char *layout_text; /* NULL: the whole 19041 subset */
	struct dump *dump;
	struct vm *vm;
	struct layout *nt;
	struct reader r;
	struct modules modules;
	struct fltmgr_choice choice; /* fields may be set before fw_collect */
	struct arena arena;
	struct fs_model model;
	struct model_builder b;
};

/* Maps the pool, FltGlobals with an empty frame list, and three drivers. */
void fw_begin(struct flt_world *w);
void fw_end(struct flt_world *w);
/* The layout's text, without the lines that contain `without` (NULL: whole). Free it. */
char *fw_layout_text(const char *without);

void fw_string(struct flt_world *w, uint64_t va, const char *s);
void fw_frame(struct flt_world *w, uint64_t va, uint32_t id);
void fw_filter(struct flt_world *w, uint64_t va, const char *name, const char *altitude);
void fw_instance(struct flt_world *w, uint64_t va, uint64_t filter, uint64_t volume);
void fw_volume(struct flt_world *w, uint64_t va, const char *name);
/* A FLT_RESOURCE_LIST_HEAD at `list` over n objects, linked at `link` in each; sets rCount. */
void fw_list(struct flt_world *w, uint64_t list, uint64_t link, size_t n, const uint64_t *objects);
void fw_frames(struct flt_world *w, size_t n, const uint64_t *frames);

/* fw_begin, and then: one frame, two filters with one instance each, one volume. */
#define FW_SMALL_FRAME	 (FW_POOL + 0x0010)
#define FW_SMALL_FOX	 (FW_POOL + 0x1010)
#define FW_SMALL_DELTA	 (FW_POOL + 0x1410)
#define FW_SMALL_I_FOX	 (FW_POOL + 0x2010)
#define FW_SMALL_I_DELTA (FW_POOL + 0x2410)
#define FW_SMALL_VOLUME	 (FW_POOL + 0x4010)
void fw_small(struct flt_world *w);

/* Write, open and collect; asserts that it went well. */
void fw_collect(struct flt_world *w);
/* Undo fw_collect, so that the memory can be changed and collected again. */
void fw_forget(struct flt_world *w);

const struct fs_filter *fw_find_filter(const struct flt_world *w, uint64_t va);
const struct fs_instance *fw_find_instance(const struct flt_world *w, uint64_t va);
const struct fs_volume *fw_find_volume(const struct flt_world *w, uint64_t va);
/* The gap of a value, which must be missing. */
const struct fs_gap *fw_gap(const struct flt_world *w, enum fs_state state, int32_t gap);
/* Number of gaps with this `what` and reason. */
size_t fw_gaps(const struct flt_world *w, const char *what, enum fs_status reason);

#endif
