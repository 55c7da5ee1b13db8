/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules 5, 6 and 7: operations that an instance's teardown waits for (S1). Told
 * apart by the IRP_CTRL of each (facts: unload-causes.md 5 to 7):
 *   InitiatingInstance is the instance       the filter's own I/O (7)
 *   FltWork is a queued item (F123)          its post-operation work (6)
 *   PendingCallbackNode is the instance's    a pended pre-operation (5)
 * 6 is inferred there, so it is never more than likely; nor is 7, since a freed
 * IRP_CTRL keeps its words. A callback that still runs (8) has the node as well,
 * without PendingCallbackNode.
 */
#include "check/check.h"

#include <string.h>

#define IRP_CTRL_SIGNATURE 0xf104u
#define IRP_WORK_SIGNATURE 0xf123u

struct kind {
	const char *rule, *what, *field, *fact;
	enum fs_confidence best;
};
static const struct kind kinds[] = {
	{"pended-pre-operation", "pended and has not completed (FltCompletePendedPreOperation)",
	 "CALLBACK_NODE.Instance", "the pending callback is the instance's", FS_PROVED},
	{"pended-post-operation", "has post-operation work left for", "IRP_CTRL.FltWork.Type",
	 "its work item is queued", FS_LIKELY},
	{"own-io-outstanding", "issued itself and that has not completed",
	 "IRP_CTRL.InitiatingInstance", "the instance issued it", FS_LIKELY},
};

static const struct fs_value *value_of(size_t kind, const struct fs_pending *p)
{
	return kind == 0 ? &p->pending_instance : kind == 1 ? &p->work_type : &p->initiating;
}

/* Index in kinds, -1 when none of them. */
static int kind_of(const struct fs_instance *in, const struct fs_pending *p)
{
	if (!fs_is_read(&p->type) || p->type.v != IRP_CTRL_SIGNATURE)
		return -1;
	if (fs_is_read(&p->initiating) && p->initiating.v == in->address)
		return 2;
	if (fs_is_read(&p->work_type) && p->work_type.v == IRP_WORK_SIGNATURE)
		return 1;
	if (fs_is_read(&p->pending_instance) && p->pending_instance.v == in->address)
		return 0;
	return -1;
}

static enum fs_confidence sure(const struct check_run *run, const struct fs_instance *in, size_t k,
			       const struct fs_pending *p)
{
	enum fs_confidence c = run->m->rundown_accounting ? kinds[k].best : FS_LIKELY;

	if (c == FS_PROVED && in->holders->operations.state != FS_RUNDOWN_WAITING)
		c = FS_LIKELY;
	c = confidence_cap(c, &in->object.flags.value);
	c = confidence_cap(c, &in->track_completion_nodes);
	c = confidence_cap(c, &p->irp_ctrl);
	return confidence_cap(c, value_of(k, p));
}

static void fire(struct check_run *run, size_t filter, size_t instance, size_t k)
{
	const struct fs_instance *in = &run->m->instances[instance];
	const struct fs_instance_holders *h = in->holders;
	struct fs_subject culprit = {"irp-ctrl", 0, ""};
	enum fs_confidence c = FS_POSSIBLE;
	struct fs_finding *fd;
	evidence_vec ev = {0};
	size_t i, n = 0;

	for (i = 0; i < h->npending; i++) {
		const struct fs_pending *p = &h->pending[i];

		if (kind_of(in, p) != (int)k)
			continue;
		if (n++ >= EVIDENCE_MAX)
			continue;
		if (sure(run, in, k, p) > c)
			c = sure(run, in, k, p);
		if (!culprit.address)
			culprit.address = p->irp_ctrl.v;
		evidence_hex(run, &ev, p->address ? &p->irp_ctrl : &p->type,
			     p->address ? p->address : p->irp_ctrl.v,
			     p->address ? "COMPLETION_NODE.IrpCtrl" : "IRP_CTRL.Type",
			     p->address ? "an operation that the instance waits for"
					: "this is an IRP_CTRL");
		evidence_hex(run, &ev, value_of(k, p), p->irp_ctrl.v, kinds[k].field,
			     kinds[k].fact);
	}
	if (!n) {
		vec_free(&ev);
		return;
	}
	fd = finding_add(run, kinds[k].rule, c, "filter", run->m->filters[filter].address,
			 filter_label(run, filter));
	if (!fd) {
		vec_free(&ev);
		return;
	}
	fd->message = run_text(run, "FLT_INSTANCE 0x%llx waits for %zu operation%s that %s %s",
			       (unsigned long long)in->address, n, plural(n), fd->subject.name,
			       kinds[k].what);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	verdict_operations(run, filter, instance, fd, n, culprit);
}

static void operations(struct check_run *run, size_t k)
{
	const struct fs_model *m = run->m;
	size_t i, j;

	for (i = 0; i < m->nfilters; i++) {
		if (run->stages[i] != FS_S1)
			continue;
		for (j = 0; j < m->filters[i].instances.n; j++) {
			size_t n = m->filters[i].instances.entries[j];
			const struct fs_instance *in = &m->instances[n];

			if (!fs_has(&in->object.flags.value, FS_OBJ_DRAINING) ||
			    fs_has(&in->object.flags.value, FS_OBJ_ZOMBIED))
				continue;
			if (in->holders)
				fire(run, i, n, k);
			if (!in->holders || (k == 2 ? in->holders->searched
						    : in->holders->tracked) != FS_LOOKED_WHOLE)
				not_checked_add(run, kinds[k].rule,
						"not all operations that the instance may wait for "
						"could be looked at");
		}
	}
}

void chk_pended_pre(struct check_run *run)
{
	operations(run, 0);
}

void chk_pended_post(struct check_run *run)
{
	operations(run, 1);
}

void chk_own_io(struct check_run *run)
{
	operations(run, 2);
}
