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

#endif
