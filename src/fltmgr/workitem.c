/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work items that a driver has queued through the Filter Manager. Facts
 * (unload-causes.md 9 and 10, fltkd-commands.md): FLT_GENERIC_WORKITEM (type word
 * F120) holds its FltObject, a filter or an instance, FLT_DEFERRED_IO_WORKITEM (F121)
 * its Instance, from the moment it is queued until its routine is through; the
 * WORK_QUEUE_ITEM's parameter is the item. They are found in the dumped memory by
 * that pointer and tested in every other field. One that both its neighbours name is
 * queued; one on no list runs now, or was freed: which of the two its memory
 * does not tell. Where a neighbour could not be read, neither is known.
 */
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "fltmgr/holders.h"
#include "fltmgr/workitem.h"
#include "fltscope/ledger.h"

#define GENERIC_SIGNATURE  0xf120u
#define DEFERRED_SIGNATURE 0xf121u
/* More than any queue of a system that still answers. */
#define ITEMS_MAX 4096

struct work_form {
	const char *what;
	uint32_t signature;
	enum type_id type;
	struct fpath work, object, routine;
};
#define PATH(type, field)                                                                          \
	{                                                                                          \
#type "." #field, F_##type##_##field, F_COUNT, false                               \
	}

/* Indexed by fs_work_item.deferred. */
static const struct work_form forms[] = {
	{"FLT_GENERIC_WORKITEM", GENERIC_SIGNATURE, T_FLT_GENERIC_WORKITEM,
	 PATH(FLT_GENERIC_WORKITEM, FltWork), PATH(FLT_GENERIC_WORKITEM, FltObject),
	 PATH(FLT_GENERIC_WORKITEM, GenericWorkerRoutine)},
	{"FLT_DEFERRED_IO_WORKITEM", DEFERRED_SIGNATURE, T_FLT_DEFERRED_IO_WORKITEM,
	 PATH(FLT_DEFERRED_IO_WORKITEM, FltWork), PATH(FLT_DEFERRED_IO_WORKITEM, Instance),
	 PATH(FLT_DEFERRED_IO_WORKITEM, DeferredWorkerRoutine)},
};

bool work_known(struct collect *c)
{
	uint32_t off;

	return path_trust(c, P1(FLT_GENERIC_WORKITEM, FltObject), &off) >= TRUST_UNPROVED &&
	       path_trust(c, P1(FLT_DEFERRED_IO_WORKITEM, Instance), &off) >= TRUST_UNPROVED &&
	       path_trust(c, P2(FLTP_WORKITEM, WorkItem, WORK_QUEUE_ITEM, List), &off) >=
		       TRUST_UNPROVED;
}

/* Everything that its type demands; the reads of a hit that is none leave no gap. */
static bool is_item(struct collect *c, const struct work_form *f, struct fs_work_item *x,
		    const struct fobj *work)
{
	struct fs_value size = fobj_value(c, work, P2(FLTP_WORKITEM, Type, FLT_TYPE, Size));
	struct fs_code worker =
		fobj_code(c, work, P2(FLTP_WORKITEM, WorkItem, WORK_QUEUE_ITEM, WorkerRoutine));

	x->parameter = fobj_value(c, work, P2(FLTP_WORKITEM, WorkItem, WORK_QUEUE_ITEM, Parameter));
	x->links = fobj_links(c, work, P2(FLTP_WORKITEM, WorkItem, WORK_QUEUE_ITEM, List));
	return fs_is_read(&size) && size.v == layout_type_size(c->r.fltmgr, f->type) &&
	       fs_is_read(&x->parameter) && x->parameter.v == x->address && worker.module >= 0 &&
	       worker.module == c->b->model->fltmgr_module &&
	       (x->routine.module >= 0 || x->routine.unloaded);
}

static bool read_item(struct collect *c, uint64_t va, bool deferred, struct fs_work_item *ret)
{
	const struct work_form *f = &forms[deferred];
	struct fs_work_item x = {.address = va, .deferred = deferred};
	struct fobj o, work;

	fobj_open(c, &o, va, f->type, f->what);
	if (!o.size || !fobj_field_va(c, &o, &f->work))
		return false;
	fobj_open(c, &work, fobj_field_va(c, &o, &f->work), T_FLTP_WORKITEM, f->what);
	if (!work.size)
		return false;
	x.type = fobj_value(c, &work, P2(FLTP_WORKITEM, Type, FLT_TYPE, Signature));
	if (!fs_is_read(&x.type) || x.type.v != f->signature)
		return false;
	x.object = fobj_value(c, &o, &f->object);
	x.routine = fobj_code(c, &o, &f->routine);
	if (deferred)
		x.callback_data = fobj_value(c, &o, P1(FLT_DEFERRED_IO_WORKITEM, CallbackData));
	if (!is_item(c, f, &x, &work))
		return false;
	/* every field is what it must be: that confirms a layout of this build */
	if (c->choice->match != LMATCH_FAMILY)
		x.type.unproved = x.object.unproved = x.parameter.unproved =
			x.links.flink.unproved = x.links.blink.unproved = false;
	*ret = x;
	return true;
}

/* --- where its list leads --------------------------------------------------- */

/* Does the neighbour's link at `va` name this one? */
static enum work_link names(struct collect *c, uint64_t va, uint64_t link,
			    struct work_unread *unread)
{
	uint64_t back;
	enum work_link r = work_link(c, va, &back, unread);

	return r == WORK_LINK_READ && back != link ? WORK_LINK_NONE : r;
}

/* One neighbour that names another entry is enough: it is on no list. */
static enum fs_work_place neighbours(struct collect *c, struct fs_work_item *x,
				     struct work_unread *unread)
{
	const struct fs_value *flink = &x->links.flink, *blink = &x->links.blink;
	uint64_t link = flink->at;
	enum work_link next = WORK_LINK_UNREAD, prev = WORK_LINK_UNREAD;

	if (fs_is_read(flink))
		next = flink->v == link ? WORK_LINK_NONE
					: names(c, flink->v + c->ptr, link, unread);
	if (fs_is_read(blink))
		prev = blink->v == link ? WORK_LINK_NONE : names(c, blink->v, link, unread);
	if (next == WORK_LINK_NONE || prev == WORK_LINK_NONE)
		return FS_WORK_LOOSE;
	if (next == WORK_LINK_READ && prev == WORK_LINK_READ)
		return FS_WORK_LISTED;
	/* its own links are a gap already */
	if (!fs_is_read(flink) || !fs_is_read(blink))
		x->unread = fs_is_read(flink) ? blink->at : flink->at;
	return FS_WORK_UNREAD;
}

static void place(struct collect *c, struct fs_work_item *x)
{
	struct work_unread unread = {0};

	x->place = neighbours(c, x, &unread);
	if (x->place == FS_WORK_LISTED)
		x->queue = work_queue_of(c, x->links.flink.at, &unread);
	if (x->queue)
		x->place = FS_WORK_QUEUED;
	else if (x->place != FS_WORK_LOOSE && unread.va) {
		x->unread = unread.va;
		(void)model_gap(c->b, "WORK_QUEUE_ITEM.List", &unread.err);
	}
}

/* --- from the search --------------------------------------------------------- */

static bool known(const struct work_search *w, uint64_t va)
{
	size_t i;

	for (i = 0; i < w->items.n; i++)
		if (w->items.v[i].address == va)
			return true;
	return false;
}

static void take(struct work_search *w, uint64_t va, bool deferred)
{
	struct collect *c = w->h->c;
	struct fs_work_item x, *p;

	if (!vm_is_kernel_va(c->r.vm, va) || known(w, va) || !read_item(c, va, deferred, &x))
		return;
	if (w->items.n >= ITEMS_MAX) {
		w->limited = true;
		return;
	}
	place(c, &x);
	p = vec_push(&w->items);
	if (p)
		*p = x;
	else
		c->out_of_memory = true;
}

void work_hit(struct work_search *w, uint64_t at)
{
	struct collect *c = w->h->c;
	uint32_t off = 0;
	size_t i;

	/* pool blocks stand on 16 bytes, 8 on 32-bit machines */
	for (i = 0; i < 2; i++)
		if (path_trust(c, &forms[i].object, &off) >= TRUST_UNPROVED && at >= off &&
		    (at - off) % (2 * c->ptr) == 0)
			take(w, at - off, i == 1);
}

/* Worth a search: a filter or instance that has more references than are known. */
static bool unsettled(const struct fs_ledger *l)
{
	return !l->total_known || l->unexplained > 0;
}

static bool wanted_instance(const struct holders *h, size_t i)
{
	const struct fs_model *m = h->c->b->model;
	struct fs_ledger l;

	if (m->instances[i].filter < 0 || !h->wanted[m->instances[i].filter] ||
	    m->instances[i].object.rundown.state == FS_RUNDOWN_UNKNOWN)
		return false;
	fs_ledger_instance(m, i, &l);
	return unsettled(&l);
}

bool work_wanted(const struct holders *h, va_vec *ret)
{
	const struct fs_model *m = h->c->b->model;
	struct fs_ledger l;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		fs_ledger_filter(m, i, &l);
		if (h->wanted[i] && unsettled(&l) && !va_push(ret, m->filters[i].address))
			return false;
	}
	for (i = 0; i < m->ninstances; i++)
		if (wanted_instance(h, i) && !va_push(ret, m->instances[i].address))
			return false;
	return true;
}

/* --- to the model ------------------------------------------------------------ */

static void add(struct work_search *w, uint64_t object, bool queued, struct fs_work *ret)
{
	size_t i;

	for (i = 0; i < w->items.n; i++) {
		const struct fs_work_item *x = &w->items.v[i];

		if (x->object.v == object &&
		    (x->place == FS_WORK_LISTED || x->place == FS_WORK_QUEUED) == queued)
			ret->item[ret->n++] = *x;
	}
}

static void give(struct work_search *w, uint64_t object, enum fs_looked looked, struct fs_work *ret)
{
	size_t i, n = 0;
	uint64_t unread = 0;

	ret->searched = looked;
	if (looked == FS_LOOKED_NOT) {
		ret->why = "this build's FLT_GENERIC_WORKITEM is not known";
	} else if (!w->h->c->b->model->modules_whole) {
		/* its routines must lie in modules */
		ret->searched = FS_LOOKED_PARTLY;
		ret->why = "the list of modules was not read whole, and a work item is known by "
			   "the code that it is for";
	}
	for (i = 0; i < w->items.n; i++) {
		if (w->items.v[i].object.v != object)
			continue;
		n++;
		if (w->items.v[i].place == FS_WORK_UNREAD && !unread)
			unread = w->items.v[i].unread;
	}
	if (!n)
		return;
	if (unread) {
		ret->searched = FS_LOOKED_PARTLY;
		ret->why = arena_printf(w->h->c->b->arena,
					"whether a work item is queued could not be read (0x%llx)",
					(unsigned long long)unread);
	}
	ret->item = arena_alloc(w->h->c->b->arena, n * sizeof(*ret->item));
	if (!ret->item) {
		w->h->c->out_of_memory = true;
		return;
	}
	add(w, object, true, ret);
	ret->queued = ret->n;
	add(w, object, false, ret);
}

struct fs_instance_holders *instance_holders(struct collect *c, size_t instance)
{
	struct fs_instance *in = &c->b->model->instances[instance];

	if (!in->holders)
		in->holders = arena_alloc(c->b->arena, sizeof(*in->holders));
	if (!in->holders)
		c->out_of_memory = true;
	return in->holders;
}

void work_finish(struct work_search *w, enum fs_looked looked)
{
	struct fs_model *m = w->h->c->b->model;
	size_t i;

	if (w->limited && looked == FS_LOOKED_WHOLE)
		looked = FS_LOOKED_PARTLY;
	for (i = 0; i < m->ninstances; i++) {
		struct fs_instance_holders *ih;

		if (!wanted_instance(w->h, i))
			continue;
		ih = instance_holders(w->h->c, i);
		if (ih)
			give(w, m->instances[i].address, looked, &ih->work);
	}
	for (i = 0; i < m->nfilters; i++)
		if (w->h->wanted[i] && m->filters[i].holders)
			give(w, m->filters[i].address, looked, &m->filters[i].holders->work);
	vec_free(&w->items);
}
