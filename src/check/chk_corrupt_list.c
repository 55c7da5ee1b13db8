/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 29: lists that do not hold together. Missing memory is no corruption: a
 * walk that ran into a hole stays silent here and is told with the list itself.
 */
#include "check/check.h"

struct where {
	const struct fs_list *list;
	const char *field; /* "FLTP_FRAME.RegisteredFilters" */
	uint64_t owner;
	const char *owner_kind, *owner_name, *entry_kind;
};

static void report(struct check_run *run, const struct where *w, enum fs_confidence c,
		   const char *message, evidence_vec *ev)
{
	struct fs_finding *f =
		finding_add(run, "corrupt-list", c, w->owner_kind, w->owner, w->owner_name);

	if (!f) {
		vec_free(ev);
		return;
	}
	f->message =
		run_text(run, "%s of %s %s: %s", w->field, w->owner_kind, w->owner_name, message);
	f->evidence = evidence_take(run, ev, &f->nevidence);
}

/* A list read through an offset that nothing confirms may be no list at all. rCount
 * stands in the same structure as the head, so its proof is the head's. */
static enum fs_confidence sure(const struct fs_list *l)
{
	return l->count.unproved ? FS_POSSIBLE : FS_PROVED;
}

static void check_links(struct check_run *run, const struct where *w)
{
	const struct fs_list *l = w->list;
	evidence_vec ev = {0};

	if (l->broken_at) {
		evidence_add(run, &ev, NULL, l->broken_at, "LIST_ENTRY.Blink",
			     "points back to something that is not the entry before it", "0x%llx",
			     (unsigned long long)l->broken_blink);
		evidence_add(run, &ev, NULL, l->broken_expected, "LIST_ENTRY",
			     "the entry before it", "0x%llx",
			     (unsigned long long)l->broken_expected);
		report(run, w, sure(l), "a back link does not fit", &ev);
	}
	if (l->stop == FS_STOP_CYCLE || l->stop == FS_STOP_BAD_LINK) {
		evidence_add(run, &ev, NULL, l->stop_at, "LIST_ENTRY.Flink",
			     l->stop == FS_STOP_CYCLE ? "goes back into the list, not to its head"
						      : "is no address a link can have",
			     "0x%llx", (unsigned long long)l->stop_value);
		report(run, w, sure(l),
		       l->stop == FS_STOP_CYCLE ? "it never comes back to its head"
						: "a link points nowhere",
		       &ev);
	}
}

static void check_count(struct check_run *run, const struct where *w)
{
	const struct fs_list *l = w->list;
	evidence_vec ev = {0};

	if (l->wrong_at) {
		evidence_add(run, &ev, NULL, l->wrong_at, w->entry_kind,
			     "is linked into the list, and its header says it is something else",
			     "0x%llx", (unsigned long long)l->wrong_at);
		if (l->wrong_from)
			evidence_add(run, &ev, NULL, l->wrong_from, "LIST_ENTRY.Flink",
				     "leads there", "0x%llx", (unsigned long long)l->wrong_at);
		report(run, w, sure(l), run_text(run, "an entry is no %s", w->entry_kind), &ev);
		return;
	}
	/* only a list that came round can contradict its count */
	if (l->stop != FS_STOP_CLOSED)
		return;
	if (fs_is_read(&l->count) && l->count.v != l->forward) {
		evidence_add(run, &ev, &l->count, l->head, "rCount",
			     "says how many entries there are", "%llu",
			     (unsigned long long)l->count.v);
		evidence_add(run, &ev, NULL, l->head, w->field,
			     "entries walked, in both directions", "%zu", l->forward);
		/* an insertion or removal under way looks the same for a moment */
		report(run, w, confidence_cap(FS_LIKELY, &l->count),
		       "its count differs from its entries", &ev);
	}
}

static void check_list(struct check_run *run, const struct where *w)
{
	if (w->list->head == 0)
		return;
	check_links(run, w);
	check_count(run, w);
}

static const char *text_of(const struct fs_string *s)
{
	return s->state == FS_READ ? s->s : "(name not read)";
}

void chk_corrupt_list(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	check_list(run, &(struct where){&m->frame_list, "FltGlobals.FrameList", m->globals.v,
					"globals", "", "FLTP_FRAME"});
	for (i = 0; i < m->nframes; i++) {
		const struct fs_frame *f = &m->frames[i];
		const char *name = run_text(run, "Frame %llu", (unsigned long long)f->id.v);

		if (!fs_is_read(&f->id))
			name = "(frame id not read)";
		check_list(run, &(struct where){&f->filters, "FLTP_FRAME.RegisteredFilters",
						f->address, "frame", name, "FLT_FILTER"});
		check_list(run, &(struct where){&f->volumes, "FLTP_FRAME.AttachedVolumes",
						f->address, "frame", name, "FLT_VOLUME"});
	}
	for (i = 0; i < m->nfilters; i++)
		check_list(run, &(struct where){&m->filters[i].instances, "FLT_FILTER.InstanceList",
						m->filters[i].address, "filter",
						filter_label(run, i), "FLT_INSTANCE"});
	for (i = 0; i < m->nvolumes; i++)
		check_list(run,
			   &(struct where){&m->volumes[i].instances, "FLT_VOLUME.InstanceList",
					   m->volumes[i].address, "volume",
					   text_of(&m->volumes[i].device_name), "FLT_INSTANCE"});
}
