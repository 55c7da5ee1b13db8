/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules 3 and 4: references to an instance (S2) and to a volume that is being
 * dismounted. A leaked volume reference does not hold up a filter's unload
 * (facts: [run]), so a volume at rest is never looked at.
 */
#include "check/check.h"

/* Work items on the instance look the same in its rundown, and are counted in its
 * account; what is left when all memory was searched for them is a reference. */
static enum fs_confidence sure(const struct check_run *run, const struct fs_instance *in)
{
	const struct fs_rundown *r = &in->object.rundown;
	enum fs_confidence c = FS_POSSIBLE;

	if (run->m->rundown_accounting && in->holders && no_work_items(&in->holders->work))
		c = FS_LIKELY;
	c = confidence_cap(c, &in->object.flags.value);
	c = confidence_cap(c, &in->track_completion_nodes);
	c = confidence_cap(c, &r->raw);
	return confidence_cap(c, &r->wait_count);
}

/* TeardownComplete has run; a teardown that still runs does not wait here. */
static void waiting_instance(struct check_run *run, size_t filter, size_t instance)
{
	const struct fs_instance *in = &run->m->instances[instance];
	const struct fs_rundown *r = &in->object.rundown;
	struct fs_finding *fd;
	evidence_vec ev = {0};
	struct fs_ledger l;

	fs_ledger_instance(run->m, instance, &l);
	if (r->state != FS_RUNDOWN_WAITING || (l.total_known && !l.unexplained))
		return;
	fd = finding_add(run, "leaked-instance-reference", sure(run, in), "filter",
			 run->m->filters[filter].address, filter_label(run, filter));
	if (!fd)
		return;
	fd->message = run_text(
		run, "%s to FLT_INSTANCE 0x%llx of %s still held, after its teardown is done",
		l.total_known ? run_text(run, "%llu reference%s%s",
					 (unsigned long long)l.unexplained, plural(l.unexplained),
					 l.explained ? " that no queued work has" : "")
			      : "References (how many is not known)",
		(unsigned long long)in->address,
		run_text(run, "%s %s", fd->subject.name, l.unexplained == 1 ? "is" : "are"));
	evidence_hex(run, &ev, &in->object.flags.value, in->address, "FLT_OBJECT.Flags",
		     "the instance is DRAINING");
	evidence_hex(run, &ev, &in->track_completion_nodes, in->address,
		     "FLT_INSTANCE.TrackCompletionNodes",
		     "its operations are through: InstanceTeardownComplete has been reached");
	evidence_hex(run, &ev, &r->raw, in->address, "FLT_OBJECT.RundownRef",
		     "somebody waits for the instance's rundown");
	if (fs_is_read(&r->wait_count))
		evidence_add(run, &ev, &r->wait_count, r->wait_block, "EX_RUNDOWN_WAIT_BLOCK.Count",
			     "references to the instance still held", "%llu",
			     (unsigned long long)r->wait_count.v);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	verdict_cause_of(run, filter, instance, fd, l.unexplained,
			 (struct fs_subject){"instance", in->address, ""});
}

void chk_leaked_instance(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i, k;

	for (i = 0; i < m->nfilters; i++)
		for (k = 0; instances_matter(run, i) && k < m->filters[i].instances.n; k++)
			if (instance_stage(&m->instances[m->filters[i].instances.entries[k]]) ==
			    FS_S2)
				waiting_instance(run, i, m->filters[i].instances.entries[k]);
}

static void leaked_volume(struct check_run *run, size_t i, const struct fs_ledger *l)
{
	const struct fs_volume *v = &run->m->volumes[i];
	enum fs_confidence c = run->m->rundown_accounting ? FS_LIKELY : FS_POSSIBLE;
	struct fs_finding *fd;
	evidence_vec ev = {0};

	c = confidence_cap(c, &v->object.flags.value);
	c = confidence_cap(c, &v->object.rundown.raw);
	c = confidence_cap(c, &v->targeted_open_count);
	fd = finding_add(run, "leaked-volume-reference", l->nnot_walked ? FS_POSSIBLE : c, "volume",
			 v->address, v->device_name.state == FS_READ ? v->device_name.s : "");
	if (!fd)
		return;
	fd->message = run_text(run,
			       "%llu of %llu reference%s to the volume %s by no instance and no "
			       "targeted open; its dismount waits for %s, the unload of a filter "
			       "does not",
			       (unsigned long long)l->unexplained, (unsigned long long)l->total,
			       plural(l->total), l->unexplained == 1 ? "is held" : "are held",
			       l->unexplained == 1 ? "it" : "them");
	evidence_hex(run, &ev, &v->object.flags.value, v->address, "FLT_OBJECT.Flags",
		     "the volume is being torn down");
	evidence_hex(run, &ev, &v->object.rundown.raw, v->address, "FLT_OBJECT.RundownRef",
		     "references to the volume");
	evidence_hex(run, &ev, &v->targeted_open_count, v->address,
		     "FLT_VOLUME.TargetedOpenActiveCount", "targeted opens, one reference each");
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
}

void chk_leaked_volume(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nvolumes; i++) {
		const struct fs_object *o = &m->volumes[i].object;
		struct fs_ledger l;

		if (!fs_has(&o->flags.value, FS_OBJ_DRAINING) ||
		    fs_has(&o->flags.value, FS_OBJ_ZOMBIED))
			continue;
		fs_ledger_volume(m, i, &l);
		if (l.unexplained_known && l.unexplained)
			leaked_volume(run, i, &l);
	}
}
