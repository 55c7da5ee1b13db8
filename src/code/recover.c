/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the values in a Filter Manager function mean. Read in the article's listing of
 * Windows 7's FltpMiniFilterDriverUnload and, by hand, in the code of 17763, 19041 and
 * 22000; the documented prototypes say what the arguments of the exported ones are.
 *
 * No instruction pattern is looked for: a list is a list because an element of it is
 * compared with its head, a filter a filter because it is what the function hands out.
 */
#include "code/recover.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "code/follow.h"

#define MAX_EVENTS 2000
#define MAX_OFFSET 0x4000 /* far more than any of the structures has */
#define MAX_LOCK   0x200  /* an ERESOURCE stands right before its list, 0x68 on x64 */
/* ntstatus.h: STATUS_FLT_DELETING_OBJECT, STATUS_NO_MORE_ENTRIES */
#define STATUS_DELETING 0xc01c000b
#define STATUS_NO_MORE	0x8000001a

/* The path's marks. */
enum {
	MARK_FILTER,  /* origin of the list element that matched */
	MARK_RESULT,  /* origin of what the call with it returned */
	MARK_OUTCOME, /* 1: that was a failure, 2: success */
};

struct watch {
	enum recover_role role;
	struct follow_result *r;
	VEC(struct follow_event) events;
	bool full;
	/* the unload walk after a failed reference */
	bool goes_on, next_frame, gives_up;
	uint64_t sign_at;
};

/* An element's origin and its list: head = parent + off. */
struct list {
	unsigned element;
	struct follow_value head;
};

const char *recover_role_name(enum recover_role role)
{
	static const char *const names[] = {
		[RECOVER_DRIVER_UNLOAD] = "FltpMiniFilterDriverUnload",
		[RECOVER_FILTER_FROM_NAME] = "FltGetFilterFromName",
		[RECOVER_ENUMERATE_FILTERS] = "FltEnumerateFilters",
		[RECOVER_INSTANCES_BY_FILTER] = "FltEnumerateInstanceInformationByFilter",
		[RECOVER_OBJECT_REFERENCE] = "FltObjectReference",
	};

	return role < RECOVER_ROLES ? names[role] : "?";
}

static const struct follow_origin *loaded(const struct follow_result *r, unsigned origin)
{
	if (origin < FOLLOW_FIRST || origin >= r->origins || r->origin[origin].is_result)
		return NULL;
	return &r->origin[origin];
}

/* Is this the element of a list in an element of a list at a fixed address? */
static bool is_second_level(const struct follow_result *r, unsigned origin)
{
	const struct follow_origin *o = loaded(r, origin), *p = o ? loaded(r, o->parent) : NULL;

	return p && p->parent == FOLLOW_CONST;
}

/* --- while the paths are followed ------------------------------------------- */

/* DriverObject of a list element, compared with the argument. */
static unsigned matched_element(const struct follow_result *r, struct follow_value a,
				struct follow_value b)
{
	const struct follow_origin *o = loaded(r, a.origin);

	if (!o || a.off != 0 || b.origin != FOLLOW_ARG || b.off != 0)
		return 0;
	return is_second_level(r, o->parent) ? o->parent : 0;
}

/* After a failed reference: where does the path go? False ends it. */
static bool after_failure(struct watch *w, const struct follow_event *e, unsigned element)
{
	unsigned frame = w->r->origin[element].parent;
	unsigned a = e->a.origin, b = e->b.origin;

	if (e->kind == FOLLOW_RETURN) {
		w->gives_up = true;
	} else if ((e->kind == FOLLOW_LOAD && a == element && e->a.off == 0) ||
		   (e->kind == FOLLOW_COMPARE &&
		    ((a == element && b == frame) || (a == frame && b == element)))) {
		w->goes_on = true;
		return false;
	} else if ((e->kind == FOLLOW_LOAD && a == frame && e->a.off == 0) ||
		   (e->kind == FOLLOW_COMPARE &&
		    ((a == frame && b == FOLLOW_CONST) || (a == FOLLOW_CONST && b == frame)))) {
		w->next_frame = true;
		return false;
	}
	return true;
}

static bool watch_unload(struct watch *w, const struct follow_event *e, unsigned *mark)
{
	unsigned element;

	if (mark[MARK_OUTCOME] == 1)
		return after_failure(w, e, mark[MARK_FILTER]);
	if (e->kind == FOLLOW_EQUAL && !mark[MARK_RESULT]) {
		element = matched_element(w->r, e->a, e->b);
		if (!element)
			element = matched_element(w->r, e->b, e->a);
		if (element)
			mark[MARK_FILTER] = element;
	} else if (e->kind == FOLLOW_CALL && mark[MARK_FILTER] && !mark[MARK_RESULT] &&
		   e->arg[0].origin == mark[MARK_FILTER]) {
		mark[MARK_RESULT] = e->result;
	} else if (e->kind == FOLLOW_SIGN && e->a.origin && e->a.origin == mark[MARK_RESULT]) {
		mark[MARK_OUTCOME] = e->negative ? 1 : 2;
		w->sign_at = e->va;
	} else if (e->kind == FOLLOW_LOAD && mark[MARK_FILTER] && mark[MARK_OUTCOME] == 2 &&
		   e->a.origin == mark[MARK_FILTER] && e->a.off == 0) {
		memset(mark, 0, FOLLOW_MARKS * sizeof(*mark));
	}
	return true;
}

static bool same_event(const struct follow_event *a, const struct follow_event *b)
{
	size_t i;

	if (a->kind != b->kind || a->va != b->va || a->a.origin != b->a.origin ||
	    a->a.off != b->a.off || a->b.origin != b->b.origin || a->b.off != b->b.off)
		return false;
	for (i = 0; i < 4; i++)
		if (a->arg[i].origin != b->arg[i].origin || a->arg[i].off != b->arg[i].off)
			return false;
	return true;
}

static bool observe(void *ctx, const struct follow_result *r, const struct follow_event *e,
		    unsigned mark[FOLLOW_MARKS])
{
	struct watch *w = ctx;
	struct follow_event *copy;
	size_t i;

	(void)r;
	if (w->role == RECOVER_DRIVER_UNLOAD && !watch_unload(w, e, mark))
		return false;
	if (e->kind == FOLLOW_LOAD || e->kind == FOLLOW_SIGN)
		return true;
	for (i = 0; i < w->events.n; i++)
		if (same_event(&w->events.v[i], e))
			return true;
	copy = w->events.n < MAX_EVENTS ? vec_push(&w->events) : NULL;
	if (!copy) {
		w->full = true;
		return false;
	}
	*copy = *e;
	return true;
}

/* --- afterwards --------------------------------------------------------------- */

static bool plausible_offset(int64_t off)
{
	return off >= 0 && off < MAX_OFFSET && off % 8 == 0;
}

static struct recovered found(uint64_t value, uint64_t at)
{
	return (struct recovered){true, value, at};
}

/* An element against its own head, each moved by as much: the end of a walk. */
static bool closes(const struct follow_result *r, struct follow_value element,
		   struct follow_value head, struct list *ret)
{
	const struct follow_origin *o = loaded(r, element.origin);

	if (!o || head.origin != o->parent ||
	    (uint64_t)head.off != (uint64_t)o->off + (uint64_t)element.off)
		return false;
	ret->element = element.origin;
	ret->head = (struct follow_value){o->parent, o->off, head.at};
	return true;
}

/* The only list that is walked to its end with a head in `parent`. False when there is
 * none, or more than one. */
static bool only_list(const struct watch *w, unsigned parent, struct list *ret)
{
	struct list l = {0};
	bool any = false;
	size_t i;

	for (i = 0; i < w->events.n; i++) {
		const struct follow_event *e = &w->events.v[i];

		if (e->kind != FOLLOW_COMPARE ||
		    (!closes(w->r, e->a, e->b, &l) && !closes(w->r, e->b, e->a, &l)) ||
		    l.head.origin != parent)
			continue;
		if (any && l.element != ret->element)
			return false;
		if (!any || l.head.at < ret->head.at)
			*ret = l;
		any = true;
	}
	return any;
}

/* The lock of a list: given to calls at two places or more, and right before the head. */
static struct recovered lock_of(const struct watch *w, const struct list *l)
{
	struct recovered best = {0};
	size_t i, k;

	for (i = 0; i < w->events.n; i++) {
		const struct follow_event *e = &w->events.v[i], *other;
		uint64_t before = (uint64_t)l->head.off - (uint64_t)e->arg[0].off;

		if (e->kind != FOLLOW_CALL || e->arg[0].origin != l->head.origin || before == 0 ||
		    before > MAX_LOCK || (best.known && (uint64_t)e->arg[0].off <= best.value))
			continue;
		for (k = 0; k < w->events.n; k++) {
			other = &w->events.v[k];
			if (other->kind == FOLLOW_CALL && other->va != e->va &&
			    other->arg[0].origin == e->arg[0].origin &&
			    other->arg[0].off == e->arg[0].off)
				break;
		}
		if (k < w->events.n)
			best = found((uint64_t)e->arg[0].off, e->arg[0].at);
	}
	return best;
}

/* Both lists, or what is missing. */
static const char *frames_and_filters(const struct watch *w, struct recover_offsets *ret,
				      struct list *filters)
{
	struct list frames = {0};

	if (!only_list(w, FOLLOW_CONST, &frames) || (uint64_t)frames.head.off % 8 != 0)
		return "no walk of one list with a fixed head";
	if (!only_list(w, frames.element, filters) || !plausible_offset(filters->head.off))
		return "no walk of one list in each element of the first";
	ret->frame_list = found((uint64_t)frames.head.off, frames.head.at);
	ret->frame_list_lock = lock_of(w, &frames);
	ret->link_to_filters = found((uint64_t)filters->head.off, filters->head.at);
	ret->link_to_filters_lock = lock_of(w, filters);
	return NULL;
}

/* Every call that is given `element` as its first argument is given the same offset of it. */
static bool given_to_calls(const struct watch *w, unsigned element, struct follow_value *ret)
{
	bool any = false;
	size_t i;

	for (i = 0; i < w->events.n; i++) {
		const struct follow_event *e = &w->events.v[i];

		if (e->kind != FOLLOW_CALL || e->arg[0].origin != element)
			continue;
		if (any && e->arg[0].off != ret->off)
			return false;
		if (!any || e->arg[0].at < ret->at)
			*ret = e->arg[0];
		any = true;
	}
	return any;
}

static const char *read_driver_unload(const struct watch *w, struct recover_offsets *ret)
{
	struct follow_value object = {0};
	struct list filters = {0};
	const char *missing = frames_and_filters(w, ret, &filters);
	bool matched = false;
	size_t i;

	if (missing)
		return missing;
	for (i = 0; i < w->events.n && !matched; i++) {
		const struct follow_event *e = &w->events.v[i];
		bool left = matched_element(w->r, e->a, e->b) == filters.element;
		bool right = matched_element(w->r, e->b, e->a) == filters.element;
		int64_t off;

		if (e->kind != FOLLOW_COMPARE || (!left && !right))
			continue;
		matched = true;
		off = w->r->origin[left ? e->a.origin : e->b.origin].off;
		if (!given_to_calls(w, filters.element, &object) ||
		    !plausible_offset(-object.off) || !w->sign_at)
			continue;
		ret->primary_link = found((uint64_t)-object.off, object.at);
		if (plausible_offset(off - object.off))
			ret->driver_object = found((uint64_t)(off - object.off), e->va);
	}
	if (!matched)
		return "no field of a list element compared with the argument";
	if (!w->sign_at)
		return "no element given to a call whose status is tested";
	if (w->r->complete && w->goes_on + w->gives_up + w->next_frame == 1) {
		ret->walk = w->goes_on	  ? RECOVER_WALK_GOES_ON
			    : w->gives_up ? RECOVER_WALK_GIVES_UP
					  : RECOVER_WALK_NEXT_FRAME;
		ret->walk_at = w->sign_at;
	}
	return NULL;
}

/* The function hands an element out: it is stored where an argument points. The address
 * of an array's element is not followed: there an unknown one will do. */
static bool handed_out(const struct watch *w, unsigned element, unsigned arg, bool in_array,
		       struct follow_value *ret)
{
	bool any = false;
	size_t i;

	for (i = 0; i < w->events.n; i++) {
		const struct follow_event *e = &w->events.v[i];

		if (e->kind != FOLLOW_STORE || e->b.origin != element ||
		    (e->a.origin != arg && !(in_array && e->a.origin == FOLLOW_UNKNOWN)))
			continue;
		if (any && e->b.off != ret->off)
			return false;
		*ret = e->b;
		any = true;
	}
	return any && plausible_offset(-ret->off);
}

static const char *read_filter_from_name(const struct watch *w, struct recover_offsets *ret)
{
	struct follow_value object = {0};
	struct list filters = {0};
	const char *missing = frames_and_filters(w, ret, &filters);
	size_t i, k;

	if (missing)
		return missing;
	if (!handed_out(w, filters.element, FOLLOW_ARG + 1, false, &object))
		return "no element stored where the second argument points";
	ret->primary_link = found((uint64_t)-object.off, object.at);
	for (i = 0; i < w->events.n; i++) {
		const struct follow_event *e = &w->events.v[i];

		for (k = 0; k < 2 && e->kind == FOLLOW_CALL; k++) {
			struct follow_value name = e->arg[k], wanted = e->arg[1 - k];

			if (wanted.origin == FOLLOW_ARG && wanted.off == 0 &&
			    name.origin == filters.element &&
			    plausible_offset(name.off - object.off))
				ret->filter_name =
					found((uint64_t)(name.off - object.off), name.at);
		}
	}
	return ret->filter_name.known ? NULL : "no call with the name and a part of an element";
}

static const char *read_enumerate_filters(const struct watch *w, struct recover_offsets *ret)
{
	struct follow_value object = {0}, given = {0};
	struct list filters = {0};
	const char *missing = frames_and_filters(w, ret, &filters);

	if (missing)
		return missing;
	if (!handed_out(w, filters.element, FOLLOW_ARG, true, &object))
		return "no element handed out";
	if (!given_to_calls(w, filters.element, &given) || given.off != object.off)
		return "no reference to what is handed out";
	ret->primary_link = found((uint64_t)-object.off, object.at);
	return NULL;
}

static const char *read_instances_by_filter(const struct watch *w, struct recover_offsets *ret)
{
	struct follow_value object = {0};
	struct list instances = {0};
	bool ends = false;
	size_t i;

	if (!only_list(w, FOLLOW_ARG, &instances) || !plausible_offset(instances.head.off))
		return "no walk of one list in the first argument";
	if (!given_to_calls(w, instances.element, &object) || !plausible_offset(-object.off))
		return "no element given to a call";
	for (i = 0; i < w->events.n && !ends; i++)
		ends = w->events.v[i].kind == FOLLOW_RETURN &&
		       w->events.v[i].a.origin == FOLLOW_CONST &&
		       (uint32_t)w->events.v[i].a.off == STATUS_NO_MORE;
	if (!ends)
		return "it does not return STATUS_NO_MORE_ENTRIES";
	ret->instance_list = found((uint64_t)instances.head.off, instances.head.at);
	ret->instance_list_lock = lock_of(w, &instances);
	ret->instance_filter_link = found((uint64_t)-object.off, object.at);
	return NULL;
}

static const char *read_object_reference(const struct watch *w, struct recover_offsets *ret)
{
	struct follow_value rundown = {0};
	bool success = false, deleting = false, other = false;
	size_t i;

	for (i = 0; i < w->events.n; i++) {
		const struct follow_event *e = &w->events.v[i];

		if (e->kind != FOLLOW_RETURN)
			continue;
		success |= e->a.origin == FOLLOW_CONST && e->a.off == 0;
		deleting |= e->a.origin == FOLLOW_CONST && (uint32_t)e->a.off == STATUS_DELETING;
		other |= e->a.origin != FOLLOW_CONST ||
			 (e->a.off != 0 && (uint32_t)e->a.off != STATUS_DELETING);
	}
	if (!success || !deleting || other)
		return "it does not return 0 or STATUS_FLT_DELETING_OBJECT";
	if (!given_to_calls(w, FOLLOW_ARG, &rundown) || !plausible_offset(rundown.off))
		return "no part of the argument given to a call";
	ret->rundown = found((uint64_t)rundown.off, rundown.at);
	return NULL;
}

enum fs_status recover_offsets(const struct code_source *s, enum recover_role role, uint64_t va,
			       struct recover_offsets *ret, struct fs_error *err)
{
	static const char *(*const readers[])(const struct watch *, struct recover_offsets *) = {
		[RECOVER_DRIVER_UNLOAD] = read_driver_unload,
		[RECOVER_FILTER_FROM_NAME] = read_filter_from_name,
		[RECOVER_ENUMERATE_FILTERS] = read_enumerate_filters,
		[RECOVER_INSTANCES_BY_FILTER] = read_instances_by_filter,
		[RECOVER_OBJECT_REFERENCE] = read_object_reference,
	};
	struct watch w = {.role = role};
	struct recover_offsets o = {0};
	enum fs_status status;
	const char *missing;

	if (role >= RECOVER_ROLES)
		return fs_fail(err, FS_INVALID, "no such role: %d", (int)role);
	w.r = calloc(1, sizeof(*w.r));
	if (!w.r)
		return fs_fail(err, FS_NO_MEMORY, "offsets from code: out of memory");
	status = follow_function(s, va, observe, &w, w.r, err);
	if (status == FS_OK && w.full)
		w.r->complete = false;
	if (status == FS_OK) {
		missing = readers[role](&w, &o);
		if (missing)
			status = fs_fail_at(
				err, FS_NOT_FOUND, va,
				"the code at 0x%llx is not %s as it is known: %s%s%.200s",
				(unsigned long long)va, recover_role_name(role), missing,
				w.r->complete ? "" : "; not all of it was followed: ",
				w.r->complete ? "" : w.r->why.text);
		else
			*ret = o;
	}
	vec_free(&w.events);
	free(w.r);
	return status;
}
