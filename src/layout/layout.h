/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Layouts: the types of one build of one module, as pure data.
 *
 * Text form (pdb-layouts/README.md):
 *   # provenance …
 *   module fltmgr.sys            build 19041            machine x64
 *   image TIMESTAMP SIZEOFIMAGE GUIDAGE                  (exact images this is known for)
 *   from OTHER.layout            declared composite: types taken from another build
 *     rva NAME RVA               (a symbol of just that image)
 *   type NAME SIZE|?             `union NAME SIZE` where all members overlap
 *     field OFFSET TYPE NAME [#I]  #I: inferred, not seen in a PDB or dt output
 *     overlay OFFSET SIZE          an unnamed union: members in this range may overlap
 *   enum NAME [PREFIX]           PREFIX: what Windows' own names begin with and these do not
 *     value N NAME
 *   symbol NAME RVA
 *   absent TYPE.FIELD            this build really has no such field
 *   unknown TYPE.FIELD           not known whether or where
 *   fact NAME VALUE              behaviour, e.g. `fact unload-walk gives-up`
 *
 * Code never tests a Windows version: it asks layout_field() and layout_fact().
 */
#ifndef LAYOUT_LAYOUT_H
#define LAYOUT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/error.h"

/* Every type.field the tool uses: fields.def. F_<type without leading _>_<field>. */
enum field_kind {
	FK_U8,
	FK_U16,
	FK_U32,
	FK_U64,	   /* I32 etc. read as unsigned of the same size */
	FK_WORD,   /* a number as wide as a pointer */
	FK_PTR,	   /* 8 or 4 bytes by machine */
	FK_USTR,   /* _UNICODE_STRING in place */
	FK_LIST,   /* _LIST_ENTRY in place */
	FK_STRUCT, /* address only */
};

enum field_id {
#define FIELD(module, type, field, kind) F##type##_##field,
#include "layout/fields.def"
	F_COUNT
};

enum type_id {
#define TYPE(module, type) T##type,
#include "layout/fields.def"
	T_COUNT
};

enum layout_module { LM_NT, LM_FLTMGR };

/* Static facts of the table above. */
struct field_decl {
	enum layout_module module;
	enum type_id type;
	const char *type_name; /* "_FLT_FILTER" */
	const char *name;      /* "Flags" */
	const char *full;      /* "_FLT_FILTER.Flags" */
	enum field_kind kind;
};
const struct field_decl *field_decl(enum field_id id);
const char *type_name(enum type_id id);
enum layout_module type_module(enum type_id id);

struct layout;

enum field_origin {
	FO_KNOWN,    /* read in a PDB or dt transcript of this build */
	FO_INFERRED, /* tagged #I, or taken over by `from` */
};

struct layout_field {
	uint32_t offset; /* bytes */
	uint32_t size;	 /* bytes; 0 when the type's size is not known */
	enum field_origin origin;
};

/* Fetches the text behind a `from` line; NULL when there is none of that name. */
typedef const char *(*layout_source)(void *arg, const char *name, size_t *ret_len);

/* Parse one layout. `name` is the file's name for messages. Bounds: file 4 MiB,
 * 4096 types, 65536 fields, `from` depth 4. Messages carry name:line.
 * Owner: layout_free. */
enum fs_status layout_parse(const char *name, const char *text, size_t len, layout_source source,
			    void *arg, struct layout **ret, struct fs_error *err);
void layout_free(struct layout *l);

const char *layout_id(const struct layout *l); /* "fltmgr-19041-x64" */
enum layout_module layout_module(const struct layout *l);
uint32_t layout_build(const struct layout *l);
const char *layout_machine(const struct layout *l); /* "x64", "x86", "arm64" */
bool layout_is_composite(const struct layout *l);
/* How many fields of its module in fields.def it has; *ret_inferred: those that were seen in no PDB and no
 * debugger's output (#I, or taken over from another build). */
size_t layout_count_fields(const struct layout *l, size_t *ret_inferred);
const char *layout_provenance(const struct layout *l); /* first comment line */

/* NULL when the build has no such field or it is not known which. */
const struct layout_field *layout_field(const struct layout *l, enum field_id id);
/* Explicitly absent (a fact), rather than unknown? */
bool layout_field_absent(const struct layout *l, enum field_id id);
/* Declared `unknown`: the authors looked and no source says. For lint and `layouts`. */
bool layout_field_unknown(const struct layout *l, enum field_id id);
/* 0 when not known. */
uint32_t layout_type_size(const struct layout *l, enum type_id id);
/* NULL when the layout does not say. */
const char *layout_fact(const struct layout *l, const char *name);
bool layout_symbol(const struct layout *l, const char *name, uint64_t *ret_rva);

/* Name of a value or bit of an enum, NULL when unknown. */
const char *layout_enum_name(const struct layout *l, const char *enum_name, uint64_t value);
/* What to put before it for the name that the PDB has ("FLT_OBFL_"); "" none. */
const char *layout_enum_prefix(const struct layout *l, const char *enum_name);
/* All known bits of a flags enum (0 when the enum is unknown). */
uint64_t layout_enum_mask(const struct layout *l, const char *enum_name);

/* Exact image this layout was recorded for. */
struct layout_image {
	uint32_t timestamp, size_of_image;
	char guid_age[48]; /* upper-case GUID without dashes, then the age in hex; "" unknown */
};
size_t layout_image_count(const struct layout *l);
struct layout_image layout_image(const struct layout *l, size_t i);
/* A symbol of exactly image i (an RVA belongs to an image, not to a build). */
bool layout_image_symbol(const struct layout *l, size_t i, const char *name, uint64_t *ret_rva);

/* General access for `dt`, lint and the world builder. */
struct layout_type_info {
	const char *name;
	uint32_t size; /* 0 unknown */
	bool is_union;
	size_t fields;
};
struct layout_field_info {
	const char *name;
	const char *type; /* as written */
	uint32_t offset;
	uint32_t size; /* 0 unknown */
	enum field_origin origin;
};
/* A declared unnamed union inside a type. */
struct layout_overlay {
	uint32_t offset, size; /* bytes */
};
size_t layout_types(const struct layout *l);
struct layout_type_info layout_type_at(const struct layout *l, size_t i);
bool layout_find_type(const struct layout *l, const char *name, size_t *ret_index);
struct layout_field_info layout_field_at(const struct layout *l, size_t type, size_t i);
size_t layout_overlay_count(const struct layout *l, size_t type);
struct layout_overlay layout_overlay(const struct layout *l, size_t type, size_t i);
/* Size of a type as written in a field ("u32[3]", "ptr:_X", "_FLT_TYPE"); false
 * when it is no type of the grammar, 0 when its size is not known here. */
bool layout_size_of(const struct layout *l, const char *type, uint32_t *ret_size);
/* Dotted path ("Base.Flags", "InstanceList.rList.Flink") through nested types,
 * arrays by index ("OperationLists[3].Flink"). A type this layout lacks is looked
 * up in `fallback` (nt for fltmgr), which may be NULL. ret->offset is from the
 * start of `type`; the origin is the weakest on the way. */
bool layout_find_path(const struct layout *l, const struct layout *fallback, const char *type,
		      const char *path, struct layout_field_info *ret);

/* The shipped layouts, embedded at build time. */
struct layout_shipped {
	const char *name; /* "fltmgr/19041-x64.layout" */
	const char *text;
	size_t len;
};
size_t layout_shipped_count(void);
struct layout_shipped layout_shipped(size_t i);
const char *layout_shipped_source(void *arg, const char *name, size_t *ret_len);
enum fs_status layout_load_shipped(const char *name, struct layout **ret, struct fs_error *err);
enum fs_status layout_load_file(const char *path, struct layout **ret, struct fs_error *err);

/* select.c: candidates for a module of an image, best first. */
struct layout_want {
	enum layout_module module;
	const char *machine;
	uint32_t build;			   /* 0 unknown */
	uint32_t timestamp, size_of_image; /* 0 unknown */
	const char *guid_age;		   /* NULL or as in layout_image */
};
enum layout_match { LMATCH_EXACT, LMATCH_BUILD, LMATCH_FAMILY };
struct layout_candidate {
	/* Owned by the list. Until layout_candidate_load only what stands above the first
	 * type is in it: id, build, machine, images. */
	struct layout *layout;
	enum layout_match match;
	size_t shipped; /* index of layout_shipped */
	bool head_only;
};
/* Read the whole layout, so that the types of those that are never tried cost nothing. */
enum fs_status layout_candidate_load(struct layout_candidate *c, struct fs_error *err);
struct layout_candidates {
	struct layout_candidate *v;
	size_t n;
};
/* All shipped layouts of that module and machine: exact ones, then those of the
 * build, then the nearest older build (fields are added over time), then the rest
 * by distance; with build 0, the newest first. Layouts of build 0 (what no build
 * moved) are no candidates. FS_NOT_FOUND when there is none. Owner of ret:
 * layout_candidates_free. */
enum fs_status layout_select(const struct layout_want *want, struct layout_candidates *ret,
			     struct fs_error *err);
void layout_candidates_free(struct layout_candidates *c);

#endif
