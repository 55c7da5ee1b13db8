/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIEW_HANG_H
#define VIEW_HANG_H

#include "fltscope/hang.h"
#include "view/view.h"

struct view_threads;
bool view_hang(struct view *v, const struct fs_hang *hang, const struct view_threads *which);

/* hang_sentence.c */
const char *hang_sentence(struct view *v, const struct fs_hang_thread *h);
/* A driver's name as WinDbg has it: without its suffix. */
const char *hang_driver(struct view *v, int32_t module);
/* "explorer.exe thread ffff…" */
const char *hang_thread(struct view *v, const struct fs_thread *t);
const char *hang_call_name(enum fs_hang_call call);
/* Milliseconds that it has waited; -1: not known. */
int64_t hang_waited(const struct fs_model *m, const struct fs_thread *t);

#endif
