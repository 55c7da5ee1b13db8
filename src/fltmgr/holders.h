/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files share that look for holders of filters after the Filter Manager's
 * objects are read: contexts (context_walk.c), what is on no list any more
 * (orphans.c, lost_ports.c, search.c), operations in flight (operation.c).
 */
#ifndef FLTMGR_HOLDERS_H
#define FLTMGR_HOLDERS_H

#include <stdlib.h>

#include "fltmgr/collect.h"

typedef VEC(struct fs_context) context_vec;
typedef VEC(uint64_t) va_vec;
static inline bool va_push(va_vec *v, uint64_t va)
{
	uint64_t *p = vec_push(v);

	if (p)
		*p = va;
	return p != NULL;
}

/* A registration of contexts, and whose it is. */
struct registration {
	uint64_t address; /* ALLOCATE_CONTEXT_HEADER */
	size_t filter;
};

struct holders {
	struct collect *c;
	const struct fltmgr_wants *wants;
	VEC(struct registration) regs; /* of the filters whose contexts are looked for, sorted */
	context_vec *found;	       /* by filter index */
	bool *wanted;		       /* by filter index */
	size_t nodes_left;	       /* context nodes that may still be read */
	uint64_t budget;	       /* bytes that may still be searched */
	bool hole_told;		       /* that the dump lacks memory is among the gaps */
	size_t logs_left;	       /* reference logs that may still be read */
};

/* The filter whose registration this is, among those wanted; -1 none. */
int32_t holders_owner(const struct holders *h, uint64_t reg);
/* Read a node; false when it is none of a wanted filter's, or it was met before. */
bool holders_context(struct holders *h, uint64_t va, enum fs_context_place place, uint64_t owner,
		     size_t *ret_filter);

/* All lists of contexts of the system, for the wanted filters. */
void walk_contexts(struct holders *h);
/* Contexts are known by their registrations: no more was looked at than of these. */
enum fs_looked known_only(const struct fs_filter *f, enum fs_looked looked);

/* splay.c: a tree of TREE_NODEs. */
struct splay_walk {
	const char *what; /* static, for gaps */
	uint32_t link;	  /* offset of the TREE_NODE in its object */
	size_t *left;	  /* nodes that may still be read */
	void (*each)(void *arg, uint64_t object);
	void *arg;
};
/* The one whose TREE_ROOT stands at `root`; 0 or unreadable: PARTLY. */
enum fs_looked splay_walk(struct collect *c, uint64_t root, const struct splay_walk *w);
/* verifier.c: what the Filter Verifier keeps about a filter. */
void read_verifier(struct holders *h, size_t filter);
/* reflog.c: the log of its references, where the build has one and it is on. */
void read_reflog(struct holders *h, size_t filter);

/* Words of kernel memory that are one of v (which gets sorted). */
struct search {
	uint64_t *v;
	size_t n;
	void (*hit)(void *arg, uint64_t at, uint64_t value);
	void *arg;
};
enum fs_looked search_memory(struct holders *h, const struct search *s);

/* A DISPATCHER_HEADER of that type and size, which is all of the object. */
bool is_dispatcher(struct collect *c, uint64_t va, unsigned type, size_t size);
/* Both neighbours of the LIST_ENTRY name it. */
bool is_linked(struct collect *c, uint64_t link);
static inline bool pointer_or_null(const struct collect *c, uint64_t v)
{
	return v == 0 || (vm_is_kernel_va(c->r.vm, v) && v % c->ptr == 0);
}

/* Contexts whose object is gone, and ports of zombied filters. */
void find_orphans(struct holders *h);
void find_lost_ports(struct holders *h);
/* users.c: what handles of user mode lead to zombied filters and their ports. */
void find_users(struct holders *h);
/* What an instance that drains waits for. */
void instance_operations(struct holders *h, size_t instance);
/* OperationRundownRef of every instance that instance_operations did not read. */
void instance_rundowns(struct holders *h);
/* The instance's own part of the model, made when it is not there; NULL out of memory. */
struct fs_instance_holders *instance_holders(struct collect *c, size_t instance);

#endif
