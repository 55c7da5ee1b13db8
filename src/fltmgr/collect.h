/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the collecting files of the Filter Manager share: one object of the dump
 * with its typed fields as model values, the lists between objects, and the
 * places where newly reached objects are noted.
 *
 * An object is copied whole when the dump holds it whole; else (triage dumps cut
 * objects anywhere) each field is read for itself. Every value says whether it
 * was read, and how far its offset can be trusted (struct proof).
 */
#ifndef FLTMGR_COLLECT_H
#define FLTMGR_COLLECT_H

#include "fltmgr/fltmgr.h"
#include "read/list.h"

/* _FLT_OBJECT_FLAGS of the public PDB: the same three bits on every
 * known build, and no other use of that byte on any. */
#define FLT_OBFL_TYPE_INSTANCE 0x01000000u
#define FLT_OBFL_TYPE_FILTER   0x02000000u
#define FLT_OBFL_TYPE_VOLUME   0x04000000u
#define FLT_OBFL_TYPES	       0xff000000u
/* _FLT_TYPE.Signature of a FLTP_FRAME (facts: fltkd-commands). */
#define FLTP_FRAME_SIGNATURE 0xf103u

/* Flags words whose names come from the layout's enums. */
enum flags_kind { FLAGS_OBJECT, FLAGS_FILTER, FLAGS_INSTANCE, FLAGS_VOLUME, FLAGS_KINDS };

struct flag_names {
	const char *bit[64]; /* in the model's arena; NULL: no name on this build */
	uint64_t known;	     /* bits with a name */
	uint64_t last;	     /* named bits that last_names were made for */
	const char *const *last_names;
	size_t last_count;
	bool learnt;
};

struct collect {
	struct reader r; /* fltmgr is the chosen layout */
	const struct modules *m;
	const struct fltmgr_choice *choice;
	struct model_builder *b;
	size_t ptr;	  /* bytes of a pointer */
	bool mutex_count; /* mCount shares its word with mInvalid: count = mCount >> 1 */
	bool mutex_asked;
	bool limited;	   /* an object was left out because there are too many */
	size_t links_left; /* list entries that may still be walked, over all lists */
	bool out_of_memory;
	struct flag_names flags[FLAGS_KINDS];
	size_t extent[T_COUNT]; /* bytes of a type's known fields, and 1; 0: not asked yet */
	int32_t failed_gap[F_COUNT]; /* one gap for each contradicted field; -1 not made yet */
	/* The page of an object that was last found missing: one gap for all its values there. */
	struct {
		uint64_t object, page;
		int32_t gap;
	} missing;
	size_t next_frame, next_filter, next_volume, next_instance; /* the worklist */
};

/* A field, or a field of a structure embedded in an object. */
struct fpath {
	const char *what; /* static, "FLT_FILTER.InstanceList.rCount" */
	enum field_id f, g;
	bool nested; /* g counts */
};
#define P1(type, field)                                                                            \
	(&(const struct fpath){#type "." #field, F_##type##_##field, F_COUNT, false})
#define P2(type, field, type2, field2)                                                             \
	(&(const struct fpath){#type "." #field "." #field2, F_##type##_##field,                   \
			       F_##type2##_##field2, true})

/* How far an offset may be trusted in this dump. */
enum trust { TRUST_ABSENT, TRUST_FAILED, TRUST_UNPROVED, TRUST_FULL };
enum trust path_trust(const struct collect *c, const struct fpath *p, uint32_t *ret_offset);

/* fobj.c: one object of the dump. */
#define FOBJ_MAX 4096
struct fobj {
	uint64_t va;
	const char *what; /* "FLT_FILTER" */
	size_t size;	  /* bytes of the copy; 0: read each field for itself */
	bool gone;	  /* no byte of it is in the dump: gap says so for all its values */
	int32_t gap;
	uint8_t bytes[FOBJ_MAX];
};
void fobj_open(struct collect *c, struct fobj *o, uint64_t va, enum type_id type, const char *what);
/* Raw bytes of an object, from the copy or from the dump. */
enum fs_status fobj_bytes(struct collect *c, const struct fobj *o, uint32_t offset, void *buf,
			  size_t n, const char *what, struct fs_error *err);
struct fs_value value_gap(int32_t gap, uint64_t at);
/* The gap of something of an object that could not be read. */
int32_t fobj_gap(struct collect *c, const struct fobj *o, const char *what,
		 const struct fs_error *err);
/* A scalar; a field of kind STRUCT is read as a pointer-sized word. */
struct fs_value fobj_value(struct collect *c, const struct fobj *o, const struct fpath *p);
/* The i-th pointer of an array field. */
struct fs_value fobj_pointer_at(struct collect *c, const struct fobj *o, const struct fpath *p,
				size_t i);
struct fs_links fobj_links(struct collect *c, const struct fobj *o, const struct fpath *p);
struct fs_string fobj_string(struct collect *c, const struct fobj *o, const struct fpath *p);
struct fs_code fobj_code(struct collect *c, const struct fobj *o, const struct fpath *p);
/* VA of a field; 0 when its offset is not known or contradicted. */
uint64_t fobj_field_va(const struct collect *c, const struct fobj *o, const struct fpath *p);
/* The FLT_OBJECT at the beginning of a filter, instance or volume. */
#define FOBJ_BASE(c, o, type)                                                                      \
	((struct fs_object){                                                                       \
		.flags = fobj_flags((c), (o), P2(type, Base, FLT_OBJECT, Flags), FLAGS_OBJECT),    \
		.pointer_count = fobj_value((c), (o), P2(type, Base, FLT_OBJECT, PointerCount)),   \
		.rundown = fobj_rundown((c), (o), P2(type, Base, FLT_OBJECT, RundownRef)),         \
		.primary_link = fobj_links((c), (o), P2(type, Base, FLT_OBJECT, PrimaryLink)),     \
	})

/* flags.c */
struct fs_flags fobj_flags(struct collect *c, const struct fobj *o, const struct fpath *p,
			   enum flags_kind kind);
/* "FLT_FSTYPE_NTFS" in the model's arena, NULL when this build's enum has no such value. */
const char *file_system_name(struct collect *c, uint64_t value);

/* rundown.c: an EX_RUNDOWN_REF with its wait block. */
struct fs_rundown fobj_rundown(struct collect *c, const struct fobj *o, const struct fpath *p);
/* Count of the EX_RUNDOWN_WAIT_BLOCK at block. */
struct fs_value wait_block_count(struct collect *c, uint64_t block, bool unproved);

/* port.c: how many entries a FLT_MUTEX_LIST_HEAD says it has. `list` is the
 * field that holds the head. */
struct fs_value fobj_mutex_count(struct collect *c, const struct fobj *o,
				 const struct fpath *count);
/* Where the entries of a list stand whose link is link_offset bytes into them. */
void collect_addresses(struct collect *c, const struct fobj *o, const struct fpath *head,
		       uint32_t link_offset, struct fs_addresses *ret);
/* The filter's open files, server ports and clients. */
void filter_holders(struct collect *c, const struct fobj *o, struct fs_filter *f);

/* context.c, callbacks.c: parts of a filter. */
void filter_contexts(struct collect *c, const struct fobj *o, struct fs_filter *f);
void filter_callbacks(struct collect *c, const struct fobj *o, struct fs_filter *f);
void filter_operations(struct collect *c, struct fs_filter *f);
void filter_name_by_callbacks(struct collect *c, struct fs_filter *f);

/* reach.c: the entity at an address, added when it is new. False: it is none
 * (gap) or the model is full (gap). `by` names what pointed at it. */
bool reach_frame(struct collect *c, uint64_t va, const char *by, size_t *ret);
bool reach_filter(struct collect *c, uint64_t va, const char *by, size_t *ret);
bool reach_instance(struct collect *c, uint64_t va, const char *by, size_t *ret);
bool reach_volume(struct collect *c, uint64_t va, const char *by, size_t *ret);
/* A gap from parts; returns its index. */
__attribute__((format(printf, 5, 6))) int32_t collect_gap(struct collect *c, const char *what,
							  uint64_t va, enum fs_status reason,
							  const char *fmt, ...);

/* lists.c: one list of entities. */
struct list_spec {
	const struct fpath *head;  /* the rList in its object */
	const struct fpath *count; /* its rCount */
	const struct fpath *link;  /* the LIST_ENTRY in the entities */
	const char *what;	   /* "FLTP_FRAME.RegisteredFilters" */
	bool (*reach)(struct collect *c, uint64_t va, const char *by, size_t *ret);
	/* Told about every entity of the list. */
	void (*note)(struct collect *c, size_t entity, size_t owner, const struct list_entry *e);
	size_t owner; /* index of the entity whose list it is */
};
void collect_list(struct collect *c, const struct fobj *o, const struct list_spec *s,
		  struct fs_list *ret);
/* The same with the head's address; o is NULL when it lies in no object of the model
 * (FltGlobals.FrameList). Leaves the count alone. */
void collect_list_at(struct collect *c, const struct fobj *o, uint64_t head,
		     const struct list_spec *s, struct fs_list *ret);

/* collect.c: what reading needs; NULL when out of memory. Owner: free(). */
struct collect *collect_create(const struct reader *r, const struct modules *m,
			       const struct fltmgr_choice *choice, struct model_builder *b);

/* One entity each: read it and note what it leads to. */
void frame_read(struct collect *c, size_t index);
void filter_read(struct collect *c, size_t index);
void instance_read(struct collect *c, size_t index);
void volume_read(struct collect *c, size_t index);

#endif
