/* SPDX-License-Identifier: BSD-2-Clause */
/* A walked list of the dump as a list of the model's entities. */
#include <string.h>

#include "base/checked.h"
#include "fltmgr/collect.h"

/* Why a direction did not come round, as a gap: what lies behind is not known. */
static int32_t stop_gap(struct collect *c, const char *what, const char *direction,
			enum fs_stop stop, enum fs_status why, uint64_t at, uint64_t value)
{
	switch (stop) {
	case FS_STOP_UNREADABLE:
		return collect_gap(c, what, at, why == FS_OK ? FS_NOT_IN_DUMP : why,
				   "%s: walked %s, the links at 0x%llx cannot be read (%s)", what,
				   direction, (unsigned long long)at,
				   fs_status_name(why == FS_OK ? FS_NOT_IN_DUMP : why));
	case FS_STOP_BAD_LINK:
		return collect_gap(c, what, at, FS_CORRUPT,
				   "%s: walked %s, the link at 0x%llx leads to 0x%llx, where no "
				   "entry can be",
				   what, direction, (unsigned long long)at,
				   (unsigned long long)value);
	case FS_STOP_CYCLE:
		return collect_gap(c, what, at, FS_CORRUPT,
				   "%s: walked %s, the link at 0x%llx leads back to 0x%llx, an "
				   "entry before it",
				   what, direction, (unsigned long long)at,
				   (unsigned long long)value);
	case FS_STOP_LIMIT:
		return collect_gap(c, what, at, FS_LIMIT,
				   "%s: walked %s, more entries than are walked", what, direction);
	case FS_STOP_NOT_WALKED:
	case FS_STOP_CLOSED:
		break;
	}
	return -1;
}

static void copy_bookkeeping(struct collect *c, const struct list_walk *w, const char *what,
			     struct fs_list *ret)
{
	ret->stop = w->stop;
	ret->backward_stop = w->backward_stop;
	ret->stop_at = w->stop_at;
	ret->stop_value = w->stop_value;
	ret->backward_stop_at = w->backward_stop_at;
	ret->broken_at = w->broken_at;
	ret->broken_blink = w->broken_blink;
	ret->broken_expected = w->broken_expected;
	ret->gap = stop_gap(c, what, "forwards", w->stop, w->why, w->stop_at, w->stop_value);
	(void)stop_gap(c, what, "backwards", w->backward_stop, w->why, w->backward_stop_at,
		       w->backward_stop_value);
}

static void note_wrong(const struct list_walk *w, size_t i, uint32_t link_offset,
		       struct fs_list *ret)
{
	const struct list_entry *e = &w->entries.v[i];

	ret->wrong_at = e->link - link_offset;
	ret->wrong_from = 0;
	if (e->by_forward)
		ret->wrong_from = i ? w->entries.v[i - 1].link : w->head;
}

static void keep_entries(struct collect *c, const struct list_walk *w, const struct list_spec *s,
			 uint32_t link_offset, struct fs_list *ret)
{
	size_t i;

	if (!w->entries.n)
		return;
	ret->entries = arena_alloc(c->b->arena, w->entries.n * sizeof(*ret->entries));
	if (!ret->entries) {
		c->out_of_memory = true;
		return;
	}
	for (i = 0; i < w->entries.n && !c->out_of_memory; i++) {
		const struct list_entry *e = &w->entries.v[i];
		size_t entity;

		if (e->link < link_offset) {
			(void)collect_gap(c, s->what, e->link, FS_CORRUPT,
					  "%s: no entry can contain the link 0x%llx", s->what,
					  (unsigned long long)e->link);
			if (!ret->wrong_at)
				note_wrong(w, i, 0, ret);
			continue;
		}
		if (!s->reach(c, e->link - link_offset, s->what, &entity)) {
			if (c->limited)
				ret->stop = FS_STOP_LIMIT;
			else if (!ret->wrong_at)
				note_wrong(w, i, link_offset, ret);
			continue;
		}
		if (s->note)
			s->note(c, entity, s->owner, e);
		ret->entries[ret->n++] = entity;
		ret->forward += e->by_forward;
		ret->backward += e->by_backward;
	}
}

void collect_list_at(struct collect *c, const struct fobj *o, uint64_t head,
		     const struct list_spec *s, struct fs_list *ret)
{
	struct list_walk w = {0};
	uint32_t link_offset = 0;
	struct fs_error err;

	ret->head = head;
	ret->gap = -1;
	if (path_trust(c, s->link, &link_offset) < TRUST_UNPROVED) {
		ret->gap = collect_gap(c, s->what, head, FS_UNSUPPORTED,
				       "%s: the offset of %s is not known in this dump", s->what,
				       s->link->what);
		return;
	}
	if (list_walk(c->r.vm, head, c->links_left, s->what, &w, &err) != FS_OK) {
		ret->stop = FS_STOP_UNREADABLE;
		ret->stop_at = head;
		ret->gap = o ? fobj_gap(c, o, s->what, &err) : model_gap(c->b, s->what, &err);
		return;
	}
	c->links_left -= w.entries.n < c->links_left ? w.entries.n : c->links_left;
	copy_bookkeeping(c, &w, s->what, ret);
	keep_entries(c, &w, s, link_offset, ret);
	list_walk_deinit(&w);
}

void collect_list(struct collect *c, const struct fobj *o, const struct list_spec *s,
		  struct fs_list *ret)
{
	uint32_t offset = 0;
	enum trust trust = path_trust(c, s->head, &offset);
	uint64_t head;

	memset(ret, 0, sizeof(*ret));
	ret->gap = -1;
	ret->count = fobj_value(c, o, s->count);
	if (trust == TRUST_ABSENT)
		return;
	if (trust == TRUST_FAILED) {
		/* The value carries the gap that says which offset was contradicted. */
		ret->gap = fobj_value(c, o, s->head).gap;
		return;
	}
	if (!add_u64(o->va, offset, &head))
		return;
	if (o->gone) {
		ret->head = head;
		ret->stop = FS_STOP_UNREADABLE;
		ret->stop_at = head;
		ret->gap = o->gap;
		return;
	}
	collect_list_at(c, o, head, s, ret);
}
