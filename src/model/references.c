/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose a logged reference is. */
#include "fltscope/model.h"

static bool own_module(const struct fs_filter *f, int32_t module)
{
	size_t i;

	for (i = 0; i < FS_CB_COUNT; i++) {
		const struct fs_code *c = &f->callback[i];

		if (i != FS_CB_OldDriverUnload && fs_has(&c->va, UINT64_MAX) && !c->va.unproved &&
		    c->module == module)
			return true;
	}
	return false;
}

const struct fs_code *fs_ref_event_own(const struct fs_filter *f, const struct fs_ref_event *e)
{
	size_t i;

	for (i = 0; i < e->nframes; i++)
		if (e->frame[i].module >= 0 && own_module(f, e->frame[i].module))
			return &e->frame[i];
	return NULL;
}
