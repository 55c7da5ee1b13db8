/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stage of an unload from memory alone (facts: unload-causes.md section 0,
 * amended by "Read this first": the filter's own wait block is tested before
 * its instances, since S3 may still have an instance of another thread).
 */
#include "check/check.h"

static bool zombied(const struct fs_object *o)
{
	return fs_has(&o->flags.value, FS_OBJ_ZOMBIED);
}

/* S1 or S2 by the first instance that is being torn down; UNKNOWN when none is. */
static enum fs_stage stage_of_instances(struct check_run *run, const struct fs_filter *f,
					const char **ret_why)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < f->instances.n; i++) {
		const struct fs_instance *in = &m->instances[f->instances.entries[i]];

		if (!fs_has(&in->object.flags.value, FS_OBJ_DRAINING) || zombied(&in->object))
			continue;
		if (!fs_is_read(&in->track_completion_nodes)) {
			*ret_why = run_text(
				run,
				"FLT_INSTANCE 0x%llx is DRAINING, but its TrackCompletionNodes was "
				"not read: S1 or S2",
				(unsigned long long)in->address);
			return FS_STAGE_UNKNOWN;
		}
		*ret_why = run_text(run,
				    "FLT_INSTANCE 0x%llx is DRAINING with TrackCompletionNodes %s",
				    (unsigned long long)in->address,
				    in->track_completion_nodes.v ? "still set" : "already 0");
		return in->track_completion_nodes.v ? FS_S1 : FS_S2;
	}
	return FS_STAGE_UNKNOWN;
}

enum fs_stage stage_of(struct check_run *run, size_t filter, const char **ret_why)
{
	const struct fs_filter *f = &run->m->filters[filter];
	const struct fs_rundown *r = &f->object.rundown;
	enum fs_stage s;

	if (!fs_is_read(&f->object.flags.value)) {
		*ret_why = "FLT_OBJECT.Flags was not read";
		return FS_STAGE_UNKNOWN;
	}
	if (fs_lacks(&f->object.flags.value, FS_OBJ_DRAINING)) {
		*ret_why = zombied(&f->object)
				   ? "ZOMBIED without DRAINING: FltMgr never leaves that"
				   : "not DRAINING";
		return zombied(&f->object) ? FS_STAGE_UNKNOWN : FS_S0;
	}
	if (zombied(&f->object)) {
		/* FltUnregisterFilter waits for the rundown first */
		if (r->state != FS_RUNDOWN_DRAINED && fs_is_read(&r->raw)) {
			*ret_why = "ZOMBIED, but RundownRef is not 1: FltMgr never leaves that";
			return FS_STAGE_UNKNOWN;
		}
		*ret_why = "DRAINING and ZOMBIED";
		return FS_S5;
	}
	if (r->state == FS_RUNDOWN_WAITING) {
		*ret_why = "DRAINING, and RundownRef holds the address of a wait block";
		return FS_S3;
	}
	*ret_why = NULL;
	s = stage_of_instances(run, f, ret_why);
	if (s != FS_STAGE_UNKNOWN || *ret_why)
		return s;
	if (r->state == FS_RUNDOWN_DRAINED && f->instances.n == 0 &&
	    f->instances.stop == FS_STOP_CLOSED && !f->instances.wrong_at) {
		*ret_why = "DRAINING, rundown drained, no instances left, not ZOMBIED";
		return FS_S4;
	}
	*ret_why = "DRAINING, but neither its rundown nor its instances tell how far it is";
	return FS_STAGE_UNKNOWN;
}
