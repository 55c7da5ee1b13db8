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

/* Bug check codes of dumps that were taken of a running system: by the kernel itself
 * (LIVE_SYSTEM_DUMP, bugcodes.h), by DumpIt ("MATT"); none at all by other tools. */
#define LIVE_SYSTEM_DUMP 0x161u
#define DUMPIT		 0x4d415454u

/* Only of a system that had stopped is memory one moment: else a list may have been
 * changing under the copy. */
static bool had_stopped(const struct fs_model *m)
{
	const struct fs_value *code = &m->dump.bugcheck;

	return fs_is_read(code) && code->v != 0 && code->v != LIVE_SYSTEM_DUMP && code->v != DUMPIT;
}

/* A list read through an offset that nothing confirms may be no list at all. rCount
 * stands in the same structure as the head, so its proof is the head's. */
static enum fs_confidence sure(const struct fs_model *m, const struct fs_list *l)
{
	return l->count.unproved || !had_stopped(m) ? FS_POSSIBLE : FS_PROVED;
}

/* An object of another type in the list: what the walk found behind it follows from that. */
static const char *wrong_entry(struct check_run *run, const struct where *w, evidence_vec *ev)
{
	const struct fs_list *l = w->list;

	if (!l->wrong_at)
		return NULL;
	if (l->wrong_from)
		evidence_add(run, ev, NULL, l->wrong_from, "LIST_ENTRY.Flink", "leads to it",
			     "0x%llx", (unsigned long long)l->wrong_at);
	evidence_add(run, ev, NULL, l->wrong_at, w->entry_kind,
		     "its header says it is something else", "0x%llx",
		     (unsigned long long)l->wrong_at);
	return run_text(run, "an entry is no %s", w->entry_kind);
}

static const char *wrong_links(struct check_run *run, const struct where *w, evidence_vec *ev)
{
	const struct fs_list *l = w->list;
	const char *message = NULL;

	if (l->stop == FS_STOP_CYCLE || l->stop == FS_STOP_BAD_LINK) {
		evidence_add(run, ev, NULL, l->stop_at, "LIST_ENTRY.Flink",
			     l->stop == FS_STOP_CYCLE ? "goes back into the list, not to its head"
						      : "is no address a link can have",
			     "0x%llx", (unsigned long long)l->stop_value);
		message = l->stop == FS_STOP_CYCLE ? "it never comes back to its head"
						   : "a link points nowhere";
	}
	if (l->broken_at) {
		evidence_add(run, ev, NULL, l->broken_at, "LIST_ENTRY.Blink",
			     "points back to something that is not the entry before it", "0x%llx",
			     (unsigned long long)l->broken_blink);
		evidence_add(run, ev, NULL, l->broken_expected, "LIST_ENTRY.Flink",
			     "the entry before it leads there", "0x%llx",
			     (unsigned long long)l->broken_at);
		message = message ? message : "a back link does not fit";
	}
	return message;
}

/* Only a list that came round can contradict its count. */
static bool count_differs(const struct fs_list *l)
{
	return l->stop == FS_STOP_CLOSED && !l->wrong_at && fs_is_read(&l->count) &&
	       l->count.v != l->forward;
}

static void check_list(struct check_run *run, const struct where *w)
{
	const struct fs_list *l = w->list;
	const char *message, *links;
	enum fs_confidence c = sure(run->m, l);
	struct fs_finding *f;
	evidence_vec ev = {0};

	if (l->head == 0)
		return;
	message = wrong_entry(run, w, &ev);
	links = wrong_links(run, w, &ev);
	if (!message)
		message = links;
	if (!message && count_differs(l)) {
		evidence_add(run, &ev, &l->count, l->head, "rCount",
			     "says how many entries there are", "%llu",
			     (unsigned long long)l->count.v);
		evidence_add(run, &ev, NULL, l->head, w->field,
			     "entries walked, in both directions", "%zu", l->forward);
		message = "its count differs from its entries";
		/* an insertion or removal under way looks the same for a moment */
		c = confidence_cap(c == FS_PROVED ? FS_LIKELY : c, &l->count);
	}
	if (!message)
		return;
	f = finding_add(run, "corrupt-list", c, w->owner_kind, w->owner, w->owner_name);
	if (!f) {
		vec_free(&ev);
		return;
	}
	f->message =
		run_text(run, "%s of %s %s: %s%s", w->field, w->owner_kind, w->owner_name, message,
			 had_stopped(run->m) ? ""
					     : "; no bug check wrote this dump, so the list may "
					       "have been changing while it was copied");
	f->evidence = evidence_take(run, &ev, &f->nevidence);
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
