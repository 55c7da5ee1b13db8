/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports and open files of a filter: so far only how many its lists say there are. */
#include "fltmgr/collect.h"

/* The word holds 2 * entries + mInvalid (facts: read in the code of 17763 to 26100,
 * and the bit is in every public PDB since 7). A layout that does not have the
 * bit is not known to count like that. */
static bool counts_in_twos(struct collect *c)
{
	const struct layout_field *count;
	struct layout_field_info invalid;

	if (c->mutex_asked)
		return c->mutex_count;
	c->mutex_asked = true;
	count = layout_field(c->r.fltmgr, F_FLT_MUTEX_LIST_HEAD_mCount);
	c->mutex_count = count &&
			 layout_find_path(c->r.fltmgr, c->r.nt, "_FLT_MUTEX_LIST_HEAD", "mInvalid",
					  &invalid) &&
			 invalid.offset == count->offset;
	return c->mutex_count;
}

struct fs_value fobj_mutex_count(struct collect *c, const struct fobj *o, const struct fpath *count)
{
	struct fs_value v;

	if (!counts_in_twos(c))
		return model_none();
	v = fobj_value(c, o, count);
	v.v >>= 1;
	return v;
}
