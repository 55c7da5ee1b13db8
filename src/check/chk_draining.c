/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters in the middle of FltUnregisterFilter: S1 to S4. Who holds the missing
 * reference is for the rules that follow; what the filter itself says is told here.
 */
#include "check/check.h"

static const char *waits_for(struct check_run *run, const struct fs_filter *f,
			     const struct fs_ledger *l, enum fs_stage s)
{
	const struct fs_rundown *r = &f->object.rundown;

	switch (s) {
	case FS_S1:
		return "an instance's teardown has begun, and its I/O has not drained";
	case FS_S2:
		return "an instance's teardown is done, and references to the instance are still "
		       "held";
	case FS_S3:
		if (l->contradicted)
			return "it waits for its rundown: how many references to the filter are "
			       "still held is not known, more were found than the wait block "
			       "counts, so one of the two is wrong";
		if (fs_is_read(&r->wait_count))
			return run_text(run,
					"it waits for its rundown: %llu reference%s to the filter "
					"%s still held",
					(unsigned long long)r->wait_count.v,
					r->wait_count.v == 1 ? "" : "s",
					r->wait_count.v == 1 ? "is" : "are");
		return "it waits for its rundown: references to the filter are still held (how "
		       "many is not known)";
	case FS_S4:
		return "its references are gone, and a port's disconnect or the Filter Verifier is "
		       "still to finish";
	default:
		return "how far it is cannot be told";
	}
}

static void count_evidence(struct check_run *run, evidence_vec *ev, const struct fs_value *v,
			   uint64_t head, const char *field, const char *fact)
{
	if (fs_is_read(v))
		evidence_add(run, ev, v, head, field, fact, "%llu", (unsigned long long)v->v);
}

static void explain(struct check_run *run, size_t i, struct fs_verdict *v)
{
	const struct fs_filter *f = &run->m->filters[i];
	evidence_vec ev = {0};
	struct fs_ledger l;

	fs_ledger_filter(run->m, i, &l);
	if (l.contradicted && run->stages[i] == FS_S3)
		not_checked_add(run, "leaked-filter-reference",
				"more references were found than the wait block counts, so what is "
				"leaked cannot be told");
	v->state = FS_ST_STUCK;
	/* one picture cannot tell a slow wait from an endless one */
	v->confidence = confidence_cap(FS_LIKELY, &f->object.flags.value);
	v->confidence = confidence_cap(v->confidence, &f->object.rundown.raw);
	v->summary = run_text(run, "%s is being unloaded and has not finished: %s.", v->name,
			      waits_for(run, f, &l, run->stages[i]));
	v->advice =
		"Take a second dump later: when the same numbers stand there, the references are "
		"leaked. fltscope's `filter` command shows what the filter still has.";
	evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "FltUnregisterFilter has marked the filter DRAINING");
	evidence_hex(run, &ev, &f->object.rundown.raw, f->address, "FLT_OBJECT.RundownRef",
		     run->stages[i] == FS_S3 ? "somebody waits for the rundown"
					     : "the rundown as it is");
	if (f->object.rundown.state == FS_RUNDOWN_WAITING)
		count_evidence(run, &ev, &f->object.rundown.wait_count,
			       f->object.rundown.wait_block, "EX_RUNDOWN_WAIT_BLOCK.Count",
			       l.contradicted ? "references still held, by a count that does not "
						"fit what was found"
					      : "references still held");
	count_evidence(run, &ev, &f->active_opens_count, f->active_opens,
		       "FLT_FILTER.ActiveOpens.mCount", "files it has open");
	count_evidence(run, &ev, &f->connection_count, f->connection_list,
		       "FLT_FILTER.ConnectionList.mCount", "server ports");
	count_evidence(run, &ev, &f->port_count, f->port_list, "FLT_FILTER.PortList.mCount",
		       "client ports");
	v->because = evidence_take(run, &ev, &v->nbecause);
}

void chk_draining(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_value *flags = &m->filters[i].object.flags.value;
		struct fs_verdict *v;

		if (!fs_has(flags, FS_OBJ_DRAINING) || fs_has(flags, FS_OBJ_ZOMBIED))
			continue;
		v = verdict_for(run, i);
		if (v)
			explain(run, i, v);
	}
}
