/* SPDX-License-Identifier: BSD-2-Clause */
/* Context registrations of a filter: one chain of ALLOCATE_CONTEXT_HEADERs for each type. */
#include "base/vec.h"
#include "fltmgr/collect.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 16 /* 6 on 7, 7 from 8 on */
#define CHAIN_MAX                                                                                  \
	64 /* registrations of one type; three is the most that FltRegisterFilter takes            \
	    */

struct nodes {
	VEC(struct fs_context_node) list;
	bool partly; /* a registration was not read */
};

/* One node; false when the chain ends here. */
static bool read_node(struct collect *c, uint64_t va, unsigned slot, struct nodes *nodes,
		      size_t first, uint64_t *ret_next)
{
	struct fs_value filter, next, type, allocation;
	struct fs_context_node *n;
	struct fobj o;
	size_t i;

	for (i = first; i < nodes->list.n; i++) {
		if (nodes->list.v[i].address != va)
			continue;
		(void)collect_gap(c, "ALLOCATE_CONTEXT_HEADER.Next", va, FS_CORRUPT,
				  "context registrations of type %u: chain comes back to 0x%llx",
				  slot, (unsigned long long)va);
		nodes->partly = true;
		return false;
	}
	fobj_open(c, &o, va, T_ALLOCATE_CONTEXT_HEADER, "ALLOCATE_CONTEXT_HEADER");
	filter = fobj_value(c, &o, P1(ALLOCATE_CONTEXT_HEADER, Filter));
	next = fobj_value(c, &o, P1(ALLOCATE_CONTEXT_HEADER, Next));
	type = fobj_value(c, &o, P1(ALLOCATE_CONTEXT_HEADER, ContextType));
	allocation = fobj_value(c, &o, P1(ALLOCATE_CONTEXT_HEADER, AllocationType));
	/* A node that is only half there has no place in the model; its gap has. */
	if (!fs_is_read(&filter) || !fs_is_read(&next) || !fs_is_read(&allocation)) {
		nodes->partly = true;
		return false;
	}
	/* Next goes on to the filter's other types (SupportedContextsListHead begins the whole). */
	if (nodes->list.n > first && fs_is_read(&type) && type.v && type.v != 1u << slot)
		return false;
	n = vec_push(&nodes->list);
	if (!n) {
		c->out_of_memory = true;
		return false;
	}
	n->address = va;
	n->slot = slot;
	n->allocation_type = (uint8_t)allocation.v;
	n->filter = filter.v;
	*ret_next = next.v;
	return next.v != 0;
}

static void read_chain(struct collect *c, uint64_t va, unsigned slot, struct nodes *nodes)
{
	size_t first = nodes->list.n;
	unsigned n;

	for (n = 0; n < CHAIN_MAX; n++) {
		if (!vm_is_kernel_va(c->r.vm, va)) {
			(void)collect_gap(c, "ALLOCATE_CONTEXT_HEADER.Next", va, FS_CORRUPT,
					  "context registration 0x%llx is no kernel address",
					  (unsigned long long)va);
			nodes->partly = true;
			return;
		}
		if (!read_node(c, va, slot, nodes, first, &va))
			return;
	}
	nodes->partly = true;
	(void)collect_gap(c, "ALLOCATE_CONTEXT_HEADER.Next", va, FS_LIMIT,
			  "more than %u context registrations of type %u", CHAIN_MAX, slot);
}

void filter_contexts(struct collect *c, const struct fobj *o, struct fs_filter *f)
{
	const struct fpath *p = P1(FLT_FILTER, SupportedContexts);
	const struct layout_field *lf = layout_field(c->r.fltmgr, p->f);
	struct nodes nodes = {{0}, false};
	size_t i;

	f->supported_contexts = fobj_field_va(c, o, p);
	/* How many types there are is the length of the array on this build. */
	if (!lf || lf->size < c->ptr || lf->size / c->ptr > SLOTS_MAX)
		return;
	f->context_slots = lf->size / c->ptr;
	for (i = 0; i < f->context_slots; i++) {
		struct fs_value head = fobj_pointer_at(c, o, p, i);

		if (head.state != FS_READ)
			nodes.partly = true;
		else if (head.v)
			read_chain(c, head.v, (unsigned)i, &nodes);
	}
	f->contexts_looked = nodes.partly ? FS_LOOKED_PARTLY : FS_LOOKED_WHOLE;
	if (nodes.list.n) {
		f->contexts = arena_alloc(c->b->arena, nodes.list.n * sizeof(*f->contexts));
		if (f->contexts) {
			memcpy(f->contexts, nodes.list.v, nodes.list.n * sizeof(*f->contexts));
			f->ncontexts = nodes.list.n;
		} else {
			c->out_of_memory = true;
		}
	}
	vec_free(&nodes.list);
}
