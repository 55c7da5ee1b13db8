/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session: one open dump with everything that was read from it. The only
 * files that know all library layers are session*.c.
 */
#ifndef SESSION_H
#define SESSION_H

#include "base/arena.h"
#include "dump/dump.h"
#include "fltmgr/fltmgr.h"
#include "fltscope/fltscope.h"
#include "layout/layout.h"
#include "model/build.h"
#include "module/module.h"
#include "vm/vm.h"

struct fltscope {
	struct dump *dump;
	struct vm *vm;	       /* NULL: this machine's memory is not understood */
	struct layout *stable; /* what has not moved in any nt: enough for the module list */
	struct layout *nt;     /* the kernel's own layout; NULL when none fits */
	struct layout *user_nt, *user_fltmgr; /* --layout, until chosen */
	struct modules modules;
	struct fltmgr_choice choice;
	struct reader reader;
	uint64_t text_left; /* reader.text_left leads here */
	struct arena arena;
	struct fs_model model;
	struct model_builder builder;
	bool building; /* model_begin was called */
	struct fs_report report;
	bool diagnosed;
	struct fltscope_options opts;
};

void session_progress(struct fltscope *fs, const char *what);
/* "x64", "x86", "arm64", "unknown" (JSON contract). */
const char *session_machine(const struct fltscope *fs);
uint32_t session_build(const struct fltscope *fs); /* 0 unknown */

/* session_dump.c: header facts and modules into the model. */
void session_dump_facts(struct fltscope *fs);
enum fs_status session_modules(struct fltscope *fs, struct fs_error *err);

/* session_nt.c: which layout reads this kernel, and what it says of page tables. */
enum fs_status session_stable(struct fltscope *fs, struct fs_error *err);
enum fs_status session_choose_nt(struct fltscope *fs, struct fs_error *err);
/* After collecting: what the objects say about nt's layout. */
enum fs_status session_judge_nt(struct fltscope *fs, struct fs_error *err);

/* session_fltmgr.c: FltGlobals, the Filter Manager's layout, its objects. */
enum fs_status session_fltmgr(struct fltscope *fs, struct fs_error *err);

#endif
