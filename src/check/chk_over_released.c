/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 32: a context that is still attached and that nobody holds any more was
 * released once too often; freeing it ends in bug check 0xF5. An orphan without
 * references is only freed memory, and stays silent. A leaked context (1) has
 * references; this one has none that could be given back, and yet holds the filter.
 */
#include "check/check.h"

bool over_released(const struct fs_context *x)
{
	return x->place != FS_CTX_ORPHAN && fs_is_read(&x->use_count) &&
	       (x->use_count.v == 0 || x->use_count.v > INT32_MAX);
}

static void fire(struct check_run *run, size_t i, const struct fs_context *x, uint64_t all)
{
	struct fs_finding *fd =
		finding_add(run, "context-over-released", confidence_cap(FS_LIKELY, &x->use_count),
			    "context", x->address, filter_label(run, i));
	evidence_vec ev = {0};
	struct fs_ledger l;
	bool held = held_account(run, i, &l);

	if (!fd)
		return;
	fd->message = run_text(
		run,
		"%s %s context of %s is attached with a use count of %d: it was released more "
		"often than referenced%s",
		held ? "A" : "a", fs_context_place_name(x->place), fd->subject.name,
		(int)(int32_t)x->use_count.v,
		held ? run_text(run, ", and it has one of %s", held_total(run, &l)) : "");
	evidence_hex(run, &ev, &x->reg, x->address, "CONTEXT_NODE.RegInfo",
		     "a context of the filter");
	evidence_hex(run, &ev, &x->use_count, x->address, "CONTEXT_NODE.UseCount",
		     "an attached context has at least 1");
	evidence_add(run, &ev, NULL, x->owner, "its owner", "it is still attached to this",
		     "0x%llx", (unsigned long long)x->owner);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	/* the filter waits for it as for any context */
	if (held)
		verdict_cause(run, i, fd, all, (struct fs_subject){"context", x->address, ""});
}

void chk_over_released(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i, k;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter_holders *h = m->filters[i].holders;
		uint64_t all = 0;

		for (k = 0; h && k < h->ncontexts; k++)
			all += over_released(&h->contexts[k]);
		for (k = 0; all && k < h->ncontexts; k++)
			if (over_released(&h->contexts[k]))
				fire(run, i, &h->contexts[k], all);
	}
}
