/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of src/nt share: fields of objects as values of the model. */
#ifndef NT_IMPL_H
#define NT_IMPL_H

#include "nt/nt.h"

/* "DRIVER_OBJECT.Flags": the name that gaps give a field. */
#define NT_WHAT 96
void nt_what(enum field_id f, char dst[NT_WHAT]);

/* A scalar field: read, missing with its gap, or FS_NONE when the layout lacks it. */
struct fs_value nt_value(const struct reader *r, struct model_builder *b, uint64_t object,
			 enum field_id f);
/* Field g of the structure embedded at field f. */
struct fs_value nt_value2(const struct reader *r, struct model_builder *b, uint64_t object,
			  enum field_id f, enum field_id g);
/* A UNICODE_STRING field. */
struct fs_string nt_string(const struct reader *r, struct model_builder *b, uint64_t object,
			   enum field_id f);

struct nt_bit {
	uint64_t bit;
	const char *name;
};
/* Names of the bits of v: those of the layout's enum without `prefix`, else those
 * of the table (n entries). */
struct fs_flags nt_flags(const struct reader *r, struct model_builder *b, struct fs_value v,
			 const char *enum_name, const char *prefix, const struct nt_bit *table,
			 size_t n);

/* The VA of the OBJECT_HEADER before an object; FS_UNSUPPORTED without a layout. */
enum fs_status nt_object_header(const struct reader *r, uint64_t object, uint64_t *ret,
				struct fs_error *err);

/* One device into the model, without its driver: see nt_add_device. */
enum fs_status nt_read_device(const struct reader *r, struct model_builder *b, uint64_t va,
			      size_t *ret_index, struct fs_error *err);

/*
 * An object copied as far as the dump holds it in one piece: what is missing of it is
 * one gap for all its values, not one each.
 */
#define NT_OBJECT_MAX 4096
struct nt_object {
	uint64_t va;
	const char *what; /* "ETHREAD" */
	size_t have;	  /* bytes from its beginning that were read */
	int32_t gap;	  /* of the rest; -1 none yet */
	uint8_t bytes[NT_OBJECT_MAX];
};
void nt_object_open(const struct reader *r, struct nt_object *o, uint64_t va, size_t size,
		    const char *what);
/* A scalar at the field's offset from `base` bytes into the object; FS_NONE when the layout lacks it. */
struct fs_value nt_object_value(const struct reader *r, struct model_builder *b,
				struct nt_object *o, size_t base, enum field_id f);
/* The first n bytes of the object that hold every field of a type that fields.def has. */
size_t nt_type_span(const struct reader *r, enum type_id t);

/* Which fields of a model entity are read from which of an object. */
struct nt_field {
	size_t at; /* offset of the fs_value in the entity */
	enum field_id f;
};

#endif
