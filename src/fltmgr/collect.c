/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Filter Manager's objects into the model: a worklist over frames, filters,
 * volumes and instances. Each object is read once; each list is walked both ways;
 * what one object points at is noted and read in its turn.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "fltmgr/collect.h"

/* Every instance stands on two lists, everything else on one: a healthy system of
 * the model's size fits. A dump whose heads all lead into one long list does not
 * get to have it walked for each of them. */
#define LINKS_MAX                                                                                  \
	(2 * (size_t)MODEL_MAX_INSTANCES + MODEL_MAX_FILTERS + MODEL_MAX_VOLUMES + MODEL_MAX_FRAMES)

static void note_frame(struct collect *c, size_t entity, size_t owner, const struct list_entry *e)
{
	struct fs_frame *f = &c->b->model->frames[entity];

	(void)owner;
	f->by_forward = e->by_forward;
	f->by_backward = e->by_backward;
}

/* rCount of the structure that the head lies in. */
static struct fs_value frame_count(struct collect *c, uint64_t head)
{
	const struct fpath *list = P1(FLT_RESOURCE_LIST_HEAD, rList);
	struct fobj o = {.what = "FltGlobals.FrameList", .gap = -1};
	uint32_t offset = 0;

	if (path_trust(c, list, &offset) < TRUST_UNPROVED || head < offset)
		return model_none();
	o.va = head - offset;
	return fobj_value(c, &o, P1(FLT_RESOURCE_LIST_HEAD, rCount));
}

static void find_frames(struct collect *c)
{
	const struct fltmgr_site *site = &c->choice->site;
	const struct list_spec frames = {
		.link = P1(FLTP_FRAME, Links),
		.what = "FltGlobals.FrameList",
		.reach = reach_frame,
		.note = note_frame,
	};
	/* A head that only the frames' own links name is not in the dump: the walk says so. */
	uint64_t head = site->frame_list ? site->frame_list : site->head_by_links;
	size_t i, index;

	c->b->model->frame_list = (struct fs_list){.gap = -1, .count = model_none()};
	if (head) {
		c->b->model->frame_list.count = frame_count(c, head);
		collect_list_at(c, NULL, head, &frames, &c->b->model->frame_list);
	}
	for (i = 0; i < site->frames.n; i++) {
		if (model_find_frame(c->b, site->frames.v[i]) >= 0)
			continue;
		if (reach_frame(c, site->frames.v[i], "the frame's type word", &index))
			c->b->model->frames[index].by_type_word = true;
	}
}

/* One step of the worklist; false when nothing is left. Frames come first, so that
 * filters and volumes are in the order of their frames' lists, and are known
 * before an instance can point at them. */
static bool read_next(struct collect *c)
{
	const struct fs_model *m = c->b->model;

	if (c->next_frame < m->nframes)
		frame_read(c, c->next_frame++);
	else if (c->next_filter < m->nfilters)
		filter_read(c, c->next_filter++);
	else if (c->next_volume < m->nvolumes)
		volume_read(c, c->next_volume++);
	else if (c->next_instance < m->ninstances)
		instance_read(c, c->next_instance++);
	else
		return false;
	return !c->out_of_memory && !c->b->out_of_memory;
}

struct collect *collect_create(const struct reader *r, const struct modules *m,
			       const struct fltmgr_choice *choice, struct model_builder *b)
{
	struct collect *c = calloc(1, sizeof(*c));
	size_t i;

	if (!c)
		return NULL;
	c->r = *r;
	c->r.fltmgr = choice->layout;
	c->m = m;
	c->choice = choice;
	c->b = b;
	c->ptr = vm_pointer_size(r->vm);
	c->links_left = LINKS_MAX;
	for (i = 0; i < F_COUNT; i++)
		c->failed_gap[i] = -1;
	return c;
}

enum fs_status fltmgr_collect(const struct reader *r, const struct modules *m,
			      const struct fltmgr_choice *choice, struct model_builder *b,
			      struct fs_error *err)
{
	struct collect *c;
	bool failed;

	if (!choice->layout)
		return fs_fail(err, FS_INVALID, "no layout of fltmgr.sys was accepted");
	c = collect_create(r, m, choice, b);
	if (!c)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	find_frames(c);
	while (read_next(c))
		;
	failed = c->out_of_memory || b->out_of_memory;
	free(c);
	if (failed)
		return fs_fail(err, FS_NO_MEMORY, "out of memory while reading the Filter Manager");
	return FS_OK;
}
