/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Typed fields of objects in memory: vm + layouts + address. Every read names
 * TYPE.FIELD in its message. FS_UNSUPPORTED means that the layout has no such field
 * (the text says so), which a reader must show as "not known for this build".
 */
#ifndef READ_OBJECT_H
#define READ_OBJECT_H

#include "fltscope/error.h"
#include "layout/layout.h"
#include "vm/vm.h"

/* What a typed read needs; by value, borrowed pointers. fltmgr may be NULL
 * while only nt types are read. */
struct reader {
	struct vm *vm;
	const struct layout *nt;
	const struct layout *fltmgr;
	/* Bytes of strings that may still be kept, counted down by ustr_read; NULL: no
	 * bound. Descriptors may all lead to one buffer, so many small objects can ask
	 * for far more text than the dump holds. */
	uint64_t *text_left;
};

const struct layout *reader_layout(const struct reader *r, enum field_id f);
/* Address of a field; FS_UNSUPPORTED when the layout lacks it, FS_CORRUPT on wrap-around. */
enum fs_status obj_field(const struct reader *r, uint64_t addr, enum field_id f, uint64_t *ret_va,
			 struct fs_error *err);
/* The scalar of a U8..U64 or PTR field, zero-extended; sign is the caller's business. */
enum fs_status obj_read(const struct reader *r, uint64_t addr, enum field_id f, uint64_t *ret,
			struct fs_error *err);
/* Bytes of a scalar field as obj_read reads it; 0 when it is none or the layout lacks it. */
size_t obj_size(const struct reader *r, enum field_id f);
/* A LIST field: its own address and its links. */
struct list_links {
	uint64_t self, flink, blink;
};
enum fs_status obj_links(const struct reader *r, uint64_t addr, enum field_id f,
			 struct list_links *ret, struct fs_error *err);
/* A chain of two: obj_field(f) then g of the embedded structure, e.g.
 * _FLT_FILTER.InstanceList then _FLT_RESOURCE_LIST_HEAD.rCount. */
enum fs_status obj_read2(const struct reader *r, uint64_t addr, enum field_id f, enum field_id g,
			 uint64_t *ret, struct fs_error *err);

#endif
