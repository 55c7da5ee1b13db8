/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules 5, 6 and 7: operations that an instance's teardown waits for (S1). Told
 * apart by the IRP_CTRL of each (facts: unload-causes.md 5 to 7):
 *   InitiatingInstance is the instance       the filter's own I/O (7)
 *   FltWork is a queued item (F123)          its post-operation work (6)
 *   PendingCallbackNode is the instance's    a pended pre-operation (5)
 * 6 is inferred there, so it is never more than likely; nor is 7, since a freed
 * IRP_CTRL keeps its words. A callback that still runs (8) has the node as well,
 * without PendingCallbackNode. How many references are waited for is the wait block's
 * Count (facts: How to read a wait); a pended pre-operation has two of them, a pended
 * post-operation one ([run] 6), and I/O of the filter's own at least one.
 */
#include "check/unload.h"

#include <string.h>

#define IRP_CTRL_SIGNATURE 0xf104u
#define IRP_WORK_SIGNATURE 0xf123u

struct kind {
	const char *rule, *what, *field, *fact;
	enum fs_confidence best;
	unsigned references;
};
static const struct kind kinds[] = {
	{"pended-pre-operation", "pended and has not completed (FltCompletePendedPreOperation)",
	 "CALLBACK_NODE.Instance", "the pending callback is the instance's", FS_PROVED, 2},
	{"pended-post-operation", "has post-operation work left for", "IRP_CTRL.FltWork.Type",
	 "its work item is queued", FS_LIKELY, 1},
	{"own-io-outstanding", "issued itself and that has not completed",
	 "IRP_CTRL.InitiatingInstance", "the instance issued it", FS_LIKELY, 1},
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

struct operations operations_of(const struct fs_instance *in)
{
	const struct fs_instance_holders *h = in->holders;
	struct operations o = {0};
	size_t i;

	for (i = 0; h && i < h->npending; i++)
		if (kind_of(in, &h->pending[i]) >= 0)
			o.found += kinds[kind_of(in, &h->pending[i])].references;
	o.waits = h && h->operations.state == FS_RUNDOWN_WAITING;
	o.counted = o.waits && fs_is_read(&h->operations.wait_count);
	if (!o.counted)
		return o;
	o.count = h->operations.wait_count.v;
	o.damaged = o.count > FS_REFERENCES_MAX;
	o.left = o.count > o.found ? o.count - o.found : 0;
	return o;
}

void operations_evidence(struct check_run *run, evidence_vec *ev, const struct fs_instance *in)
{
	const struct fs_instance_holders *h = in->holders;

	if (!operations_of(in).waits)
		return;
	if (fs_is_read(&h->operations.number))
		evidence_add(run, ev, &h->operations.number, h->operations.slots.v,
			     "EX_RUNDOWN_REF_CACHE_AWARE.Number",
			     "slots of OperationRundownRef; somebody waits for them to drain",
			     "%llu", (unsigned long long)h->operations.number.v);
	if (fs_is_read(&h->operations.wait_count))
		evidence_add(run, ev, &h->operations.wait_count, h->operations.wait_block,
			     "EX_RUNDOWN_WAIT_BLOCK.Count",
			     "references of operations that the instance waits for", "%llu",
			     (unsigned long long)h->operations.wait_count.v);
}

/* ": 2 of the 7 references that it waits for; …" */
static const char *share(struct check_run *run, const struct operations *o, uint64_t n)
{
	if (!o->counted)
		return o->waits ? ". How many references it waits for was not read" : "";
	if (o->damaged)
		return run_text(run, ". The wait block counts %llu references: it is damaged",
				(unsigned long long)o->count);
	if (o->found > o->count)
		return run_text(run,
				". That would be more than the %llu reference%s that it waits for: "
				"some of it is over, or the count is damaged",
				(unsigned long long)o->count, plural(o->count));
	return run_text(run, ": %llu of the %llu reference%s that it waits for%s",
			(unsigned long long)n, (unsigned long long)o->count, plural(o->count),
			o->left ? run_text(run, "; who has %llu of them was not found",
					   (unsigned long long)o->left)
				: "");
}

enum fs_confidence operations_sure(const struct fs_model *m, enum fs_confidence c,
				   const struct fs_instance *in)
{
	struct operations o = operations_of(in);

	if (!o.waits)
		return c < FS_LIKELY ? c : FS_LIKELY;
	if (o.counted && !o.count)
		return FS_POSSIBLE;
	if (!o.counted || wait_block_is_stray(m, in->holders->operations.wait_block) || o.damaged ||
	    o.found > o.count)
		c = c < FS_LIKELY ? c : FS_LIKELY;
	return o.counted ? confidence_cap(c, &in->holders->operations.wait_count) : c;
}

static enum fs_confidence sure(const struct check_run *run, const struct fs_instance *in, size_t k,
			       const struct fs_pending *p)
{
	enum fs_confidence c = run->m->rundown_accounting ? kinds[k].best : FS_LIKELY;

	c = operations_sure(run->m, c, in);
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
	struct operations o = operations_of(in);
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
	fd->message = run_text(run, "FLT_INSTANCE 0x%llx waits for %zu operation%s that %s %s%s",
			       (unsigned long long)in->address, n, plural(n), fd->subject.name,
			       kinds[k].what, share(run, &o, (uint64_t)n * kinds[k].references));
	operations_evidence(run, &ev, in);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	verdict_operations(run, filter, instance, fd, n, culprit);
}

static void operations(struct check_run *run, size_t k)
{
	const struct fs_model *m = run->m;
	size_t i, j;

	for (i = 0; i < m->nfilters; i++) {
		if (!instances_matter(run, i))
			continue;
		for (j = 0; j < m->filters[i].instances.n; j++) {
			size_t n = m->filters[i].instances.entries[j];
			const struct fs_instance_holders *h = m->instances[n].holders;

			if (!torn_down(&m->instances[n]) ||
			    instance_stage(&m->instances[n]) == FS_S2)
				continue;
			if (h)
				fire(run, i, n, k);
			if (!h || (k == 2 ? h->searched : h->tracked) != FS_LOOKED_WHOLE)
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
