/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The check engine. A check is a pure function over the model: it adds
 * findings and, where it explains why a driver does not unload, verdicts.
 * checks.def lists them and says how to add one.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/arena.h"
#include "fltscope/finding.h"

struct check_run; /* engine state: model, arena, report under construction */

/* Run all checks. Everything in *ret lives in the arena. */
enum fs_status check_all(const struct fs_model *model, struct arena *arena, struct fs_report *ret,
			 struct fs_error *err);

#endif
