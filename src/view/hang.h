/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIEW_HANG_H
#define VIEW_HANG_H

#include "fltscope/hang.h"
#include "view/view.h"

struct view_threads;
bool view_hang(struct view *v, const struct fs_hang *hang, const struct view_threads *which);

#endif
