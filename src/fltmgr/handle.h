/* SPDX-License-Identifier: BSD-2-Clause */
/* Handles that lead to something of the Filter Manager, out of all handles of all processes. */
#ifndef FLTMGR_HANDLE_H
#define FLTMGR_HANDLE_H

#include "model/build.h"
#include "read/object.h"

/* Fills fs_model.handles, handles_looked and fs_process.handle_count. Needs the processes and the
 * holders of filters. `bytes` bounds how much of tables is read. FS_NO_MEMORY only. */
enum fs_status fltmgr_collect_handles(const struct reader *r, struct model_builder *b,
				      uint64_t bytes, struct fs_error *err);

#endif
