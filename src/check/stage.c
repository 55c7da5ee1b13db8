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

bool torn_down(const struct fs_instance *in)
{
	return fs_has(&in->object.flags.value, FS_OBJ_DRAINING) &&
	       fs_lacks(&in->object.flags.value, FS_OBJ_ZOMBIED);
}

enum fs_stage instance_stage(const struct fs_instance *in)
{
	if (!torn_down(in) || !fs_is_read(&in->track_completion_nodes))
		return FS_STAGE_UNKNOWN;
	return in->track_completion_nodes.v ? FS_S1 : FS_S2;
}

bool instances_matter(const struct check_run *run, size_t filter)
{
	const struct fs_list *l = &run->m->filters[filter].instances;
	size_t i;

	if (run->stages[filter] != FS_S0)
		return run->stages[filter] == FS_S1 || run->stages[filter] == FS_S2;
	for (i = 0; i < l->n; i++)
		if (torn_down(&run->m->instances[l->entries[i]]))
			return true;
	return false;
}

/* S1 or S2 by the instance that the unload tears down; UNKNOWN when there is none. */
static enum fs_stage stage_of_instances(struct check_run *run, size_t filter, const char **ret_why)
{
	const struct fs_filter *f = &run->m->filters[filter];
	size_t i, n = run->own_instance[filter];

	for (i = 0; n == SIZE_MAX && i < f->instances.n; i++)
		if (torn_down(&run->m->instances[f->instances.entries[i]]))
			n = f->instances.entries[i];
	if (n == SIZE_MAX)
		return FS_STAGE_UNKNOWN;
	if (!fs_is_read(&run->m->instances[n].track_completion_nodes)) {
		*ret_why = run_text(run,
				    "FLT_INSTANCE 0x%llx is DRAINING, but its TrackCompletionNodes "
				    "was not read: S1 or S2",
				    (unsigned long long)run->m->instances[n].address);
		return FS_STAGE_UNKNOWN;
	}
	*ret_why =
		run_text(run, "FLT_INSTANCE 0x%llx is DRAINING with TrackCompletionNodes %s",
			 (unsigned long long)run->m->instances[n].address,
			 run->m->instances[n].track_completion_nodes.v ? "still set" : "already 0");
	return instance_stage(&run->m->instances[n]);
}

/* FltUnregisterFilter sets DRAINING before it touches the rundown: nothing ends that of a live
 * filter. */
static enum fs_stage stage_of_live(const struct fs_filter *f, const char **ret_why)
{
	const struct fs_rundown *r = &f->object.rundown;

	*ret_why = "not DRAINING";
	if (zombied(&f->object))
		*ret_why = "ZOMBIED without DRAINING: FltMgr never leaves that";
	else if (r->state == FS_RUNDOWN_DRAINED)
		*ret_why = "RundownRef is 1 (drained) without DRAINING: FltMgr never leaves that";
	else if (r->state == FS_RUNDOWN_WAITING)
		*ret_why = "RundownRef holds a wait block without DRAINING: FltMgr never leaves "
			   "that";
	else
		return FS_S0;
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
	if (fs_lacks(&f->object.flags.value, FS_OBJ_DRAINING))
		return stage_of_live(f, ret_why);
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
	s = stage_of_instances(run, filter, ret_why);
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
