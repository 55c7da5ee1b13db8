/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the proof of a layout: where a layout's frames are (locate.c), what
 * is tested on them (prove_*.c), and what follows for each field (prove.c).
 */
#ifndef FLTMGR_PROVE_H
#define FLTMGR_PROVE_H

#include "code/recover.h"
#include "fltmgr/fltmgr.h"
#include "read/list.h"
#include "read/ustr.h"

/* Type word of an FLTP_FRAME (facts: CHANGES.md 7); the same on every build known. */
#define FRAME_SIGNATURE 0xf103u

/* Type bits of FLT_OBJECT.Flags (_FLT_OBJECT_FLAGS; the same on every build known). */
#define OBJ_TYPE_MASK	  0xff000000u
#define OBJ_TYPE_INSTANCE 0x01000000u
#define OBJ_TYPE_FILTER	  0x02000000u
#define OBJ_TYPE_VOLUME	  0x04000000u
#define OBJ_STATE_MASK	  0x000000ffu /* DRAINING, ZOMBIED and room for more */

/* --- locate.c --- */

struct locate_in {
	const struct reader *r; /* r->fltmgr is the candidate */
	const struct module *fltmgr;
	bool rva_known; /* of FltGlobals, for this exact image */
	uint64_t globals_rva;
	const char *rva_how; /* static: who says so */
};

/* FS_NOT_FOUND: err says what was looked at. Owner: fltmgr_site_deinit. */
enum fs_status fltmgr_locate(const struct locate_in *in, struct fltmgr_site *ret,
			     struct fs_error *err);

/* --- prove*.c --- */

/* What a failed check means. */
enum inv_weight {
	INV_ANCHOR, /* the layout is refused when it fails throughout */
	INV_FIELD,  /* its fields are contradicted */
	INV_SIZE,   /* nothing by itself: confirms look-alike neighbours (BRACKET) */
};

enum inv {
#define INV(id, weight, what, ...) I_##id,
#include "fltmgr/invariants.def"
	I_COUNT
};

struct tally {
	size_t held, failed;
	uint64_t failed_at;
	char detail[120]; /* of the first failure */
};

/* Enough objects to tell a wrong offset from a damaged object; more would only cost time. */
#define PROVE_MAX_FRAMES    64
#define PROVE_MAX_FILTERS   48
#define PROVE_MAX_VOLUMES   24
#define PROVE_MAX_INSTANCES 128
#define PROVE_MAX_PER_LIST  16
/* Links followed in a list: a frame's are whole on any system, an object's
 * own may be very long and are not needed to their end. */
#define PROVE_WALK_FRAME  4096
#define PROVE_WALK_OBJECT 96

struct prover {
	struct reader r; /* r.fltmgr is the candidate */
	const struct modules *m;
	const struct module *fltmgr;
	const struct fltmgr_site *site;
	struct arena scratch; /* strings */
	struct tally tally[I_COUNT];
	VEC(uint64_t) frames;
	VEC(uint64_t) filters;
	VEC(uint64_t) volumes;
	VEC(uint64_t) instances;
	/* Of the unload walk, out of the code; NULL: not known. */
	const char *walk;
	uint64_t walk_at; /* VA of the branch that shows it */
	bool walk_seen;
	const struct recover_offsets *exports; /* NULL: no exported function shows anything */
	bool from_code; /* the layout is what the code says: that it agrees proves nothing */
	bool out_of_memory;
};

void inv_hold(struct prover *p, enum inv id, size_t n);
__attribute__((format(printf, 4, 5))) void inv_fail(struct prover *p, enum inv id, uint64_t at,
						    const char *fmt, ...);

/* Reads: true when read. Unreadable memory is no evidence at all. */
bool pv_read(const struct prover *p, uint64_t obj, enum field_id f, uint64_t *ret);
bool pv_u64(const struct prover *p, uint64_t va, uint64_t *ret);
bool pv_kernel(const struct prover *p, uint64_t va); /* kernel address, 8-byte aligned */
bool pv_has(const struct prover *p, enum field_id f);
/* Offset of the FLT_OBJECT in an object of this type (OBJ_TYPE_*). */
uint64_t pv_base(const struct prover *p, uint32_t type);

/* Is there something at va that claims to be this type (low bits of state allowed)? */
enum pv_is { PV_UNREADABLE, PV_NO, PV_YES };
enum pv_is pv_object(const struct prover *p, uint64_t va, uint32_t type);
/* A DRIVER_OBJECT or DEVICE_OBJECT by its Type and Size. */
enum pv_is pv_driver(const struct prover *p, uint64_t va);
enum pv_is pv_device(const struct prover *p, uint64_t va);

/* A string field. EMPTY: Length 0. BAD: no UNICODE_STRING, or characters that no
 * name has. The text lives until the proof ends. */
enum pv_string { PV_STR_UNREADABLE, PV_STR_EMPTY, PV_STR_BAD, PV_STR_OK };
enum pv_string pv_string(struct prover *p, uint64_t obj, enum field_id f, struct ustr *ret);
bool pv_is_altitude(const char *s); /* digits, or digits '.' digits; not empty */
bool pv_is_name(const char *s);	    /* has a letter and is no altitude */

/*
 * Walk the rList of a _FLT_RESOURCE_LIST_HEAD, telling `closed` what
 * held and LIST_COUNT and LIST_LOCK what followed. Object addresses (link -
 * `link_offset`) of at most `max` entries go to `ret`. Returns false when the
 * head could not be read. *ret_total is the number of entries when the list closed, else SIZE_MAX.
 */
struct pv_list {
	uint64_t list; /* VA of the _FLT_RESOURCE_LIST_HEAD */
	uint64_t link_offset;
	enum inv closed;
	size_t max;  /* addresses wanted */
	size_t walk; /* links followed */
};
struct pv_addresses {
	VEC(uint64_t) a;
	size_t total; /* SIZE_MAX when the list did not close */
};
bool pv_resource_list(struct prover *p, const struct pv_list *list, struct pv_addresses *ret);
/* The same for the list that is a field of obj. */
bool pv_field_list(struct prover *p, uint64_t obj, enum field_id head, struct pv_list list,
		   struct pv_addresses *ret);
void pv_mutex_list(struct prover *p, uint64_t obj, enum field_id head, enum inv closed);
/* Links of one LIST_ENTRY agree with both neighbours? */
enum pv_is pv_linked(const struct prover *p, uint64_t link);
void pv_resource(struct prover *p, uint64_t va, enum inv id);
/* `object` is the FLT_OBJECT; `least`: references that must be there unless it is on its way out.
 */
void pv_rundown(struct prover *p, uint64_t object, uint64_t least);
bool pv_once(const uint64_t *v, size_t n, uint64_t va);
/* An instance to look at later, once, and at most PROVE_MAX_INSTANCES of them. */
void pv_keep_instance(struct prover *p, uint64_t va);
uint64_t pv_offset(const struct prover *p, enum field_id f); /* 0 when the layout lacks it */

void prove_frames(struct prover *p);
void prove_filters(struct prover *p);
void prove_instances(struct prover *p);
void prove_volumes(struct prover *p);

/* Which callbacks are code of `own` (NULL: not known). */
enum pv_code { PV_CODE_ZERO, PV_CODE_OWN, PV_CODE_OTHER, PV_CODE_BAD };
enum pv_code pv_code(const struct prover *p, uint64_t va, const struct module *own);
const struct module *pv_filter_module(const struct prover *p, uint64_t filter);
void prove_callbacks(struct prover *p, uint64_t filter, const struct module *own);
void prove_operations(struct prover *p, uint64_t filter, const struct module *own);
void prove_unload(struct prover *p); /* the code of the unload walk, by all filters */
void prove_filter_unload(struct prover *p); /* over all filters */

/*
 * A layout that was recorded for exactly this image is contradicted only by what
 * cannot be damage. One that the user gave, or of the same build number, has the
 * fields in the right order: an update may have moved them together, not
 * exchanged them. One of another build is believed nothing.
 */
enum proof_trust { TRUST_LAYOUT, TRUST_ORDER, TRUST_NOTHING };

/* What fltmgr's code has to do with the layout. */
struct proof_code {
	const struct recover_offsets *exports; /* what exported functions show; NULL: nothing */
	bool is_layout;			       /* the layout was made of it */
};

/* Test the layout r->fltmgr on the structures at `site`, and hold it against the code (code
 * may be NULL). FS_NO_MEMORY only. */
enum fs_status fltmgr_prove(const struct reader *r, const struct modules *m,
			    const struct fltmgr_site *site, enum proof_trust trust,
			    const struct proof_code *code, struct proof *ret,
			    struct fs_error *err);

#endif
