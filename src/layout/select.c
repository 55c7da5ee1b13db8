/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which shipped layouts may fit an image, best first. This offers candidates;
 * whether one is right is proved on the live structures elsewhere.
 */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "layout/parser.h"

static bool is_image(const struct layout_want *want, const struct layout_image *image)
{
	/* the PDB's id decides where both sides have it: builds are relinked
	 * with the same time stamp (reproducible builds make it a hash) */
	if (want->guid_age && want->guid_age[0] && image->guid_age[0])
		return strcmp(want->guid_age, image->guid_age) == 0;
	return want->timestamp && want->size_of_image && want->timestamp == image->timestamp &&
	       want->size_of_image == image->size_of_image;
}

static enum layout_match match_of(const struct layout_want *want, const struct layout *l)
{
	for (size_t i = 0; i < layout_image_count(l); i++) {
		struct layout_image image = layout_image(l, i);

		if (is_image(want, &image))
			return LMATCH_EXACT;
	}
	return want->build && want->build == layout_build(l) ? LMATCH_BUILD : LMATCH_FAMILY;
}

/* The newest build that is not newer than the wanted one; 0 when all are newer. */
static uint32_t older_neighbour(const struct layout_want *want, const struct layout_candidates *c)
{
	uint32_t best = 0;

	for (size_t i = 0; i < c->n; i++) {
		uint32_t build = layout_build(c->v[i].layout);

		if (build <= want->build && build > best)
			best = build;
	}
	return best;
}

struct order {
	const struct layout_want *want;
	uint32_t older;
};

static uint32_t distance(uint32_t a, uint32_t b)
{
	return a > b ? a - b : b - a;
}

/* Best match first; the older neighbour before the rest, which goes by distance. */
static int compare(const void *pa, const void *pb, void *arg)
{
	const struct layout_candidate *a = pa, *b = pb;
	const struct order *o = arg;
	uint32_t x = layout_build(a->layout), y = layout_build(b->layout);
	uint32_t dx = distance(x, o->want->build), dy = distance(y, o->want->build);

	if (a->match != b->match)
		return (int)a->match - (int)b->match;
	if ((x == o->older) != (y == o->older))
		return x == o->older ? -1 : 1;
	/* nothing to be near to: what most machines run comes first */
	if (o->want->build == 0)
		return (x < y) - (x > y);
	if (dx != dy)
		return dx < dy ? -1 : 1;
	if (x != y)
		return x < y ? -1 : 1;
	return strcmp(layout_id(a->layout), layout_id(b->layout));
}

static enum fs_status add_one(const struct layout_want *want, size_t index, void **v, size_t *n,
			      size_t *cap, struct fs_error *err)
{
	struct layout_shipped shipped = layout_shipped(index);
	struct layout_candidate *c;
	struct layout *l;
	enum fs_status st;

	st = layout_parse_head(shipped.name, shipped.text, shipped.len, &l, err);
	if (st != FS_OK)
		return st;
	/* build 0 is what no build moved: no candidate for one of them */
	if (layout_module(l) != want->module || strcmp(layout_machine(l), want->machine) != 0 ||
	    layout_build(l) == 0) {
		layout_free(l);
		return FS_OK;
	}
	c = vec_push_(v, n, cap, sizeof(*c));
	if (!c) {
		layout_free(l);
		return fs_fail(err, FS_NO_MEMORY, "out of memory for the layouts");
	}
	c->layout = l;
	c->match = match_of(want, l);
	c->shipped = index;
	c->head_only = true;
	return FS_OK;
}

enum fs_status layout_select(const struct layout_want *want, struct layout_candidates *ret,
			     struct fs_error *err)
{
	/* the folder is the module: nothing of the other one need be parsed */
	const char *folder = want->module == LM_NT ? "nt/" : "fltmgr/";
	struct layout_candidates c = {0};
	struct order order = {.want = want};
	enum fs_status st = FS_OK;
	size_t cap = 0;
	void *v = NULL;

	for (size_t i = 0; st == FS_OK && i < layout_shipped_count(); i++) {
		struct layout_shipped shipped = layout_shipped(i);

		if (strncmp(shipped.name, folder, strlen(folder)) == 0)
			st = add_one(want, i, &v, &c.n, &cap, err);
		c.v = v;
	}
	if (st == FS_OK && c.n == 0)
		st = fs_fail(err, FS_NOT_FOUND, "no shipped layout of %s for %s",
			     want->module == LM_NT ? "ntoskrnl.exe" : "fltmgr.sys", want->machine);
	if (st != FS_OK) {
		layout_candidates_free(&c);
		return st;
	}
	order.older = older_neighbour(want, &c);
	qsort_r(c.v, c.n, sizeof(*c.v), compare, &order);
	*ret = c;
	return FS_OK;
}

enum fs_status layout_candidate_load(struct layout_candidate *c, struct fs_error *err)
{
	struct layout_shipped s;
	struct layout *whole;
	enum fs_status st;

	if (!c->head_only)
		return FS_OK;
	s = layout_shipped(c->shipped);
	st = layout_parse(s.name, s.text, s.len, layout_shipped_source, NULL, &whole, err);
	if (st != FS_OK)
		return st;
	layout_free(c->layout);
	c->layout = whole;
	c->head_only = false;
	return FS_OK;
}

void layout_candidates_free(struct layout_candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		layout_free(c->v[i].layout);
	free(c->v);
	*c = (struct layout_candidates){0};
}
