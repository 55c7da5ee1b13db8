/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the two files of offsets from code. */
#ifndef FLTMGR_FROM_CODE_IMPL_H
#define FLTMGR_FROM_CODE_IMPL_H

#include "code/recover.h"
#include "layout/layout.h"

/* The layout that has what `o` shows and `links`, and says of everything else that it is not
 * known. FS_CORRUPT: the values do not go together. Owner: layout_free. */
enum fs_status from_code_layout(const struct recover_offsets *o, uint64_t links, uint32_t build,
				const char *machine, struct layout **ret, struct fs_error *err);

#endif
