/* SPDX-License-Identifier: BSD-2-Clause */
/* nt's objects into the model: DRIVER_OBJECT, DEVICE_OBJECT, object names. */
#ifndef NT_NT_H
#define NT_NT_H

#include "model/build.h"
#include "module/module.h"
#include "read/object.h"

/* Read a DRIVER_OBJECT and its device chain into the model (once per address).
 * FS_CORRUPT when it is none; the entity is added all the same with valid =
 * false, since a filter points at it. */
enum fs_status nt_add_driver(const struct reader *r, const struct modules *m,
			     struct model_builder *b, uint64_t va, size_t *ret_index,
			     struct fs_error *err);
enum fs_status nt_add_device(const struct reader *r, const struct modules *m,
			     struct model_builder *b, uint64_t va, size_t *ret_index,
			     struct fs_error *err);

/* Leaf name of an object from its OBJECT_HEADER_NAME_INFO. FS_NOT_FOUND: unnamed. */
enum fs_status nt_object_name(const struct reader *r, uint64_t object, struct model_builder *b,
			      struct fs_string *ret);

/* A code pointer of the model: value, and module+offset when it lies in one. */
struct fs_code nt_code(struct model_builder *b, const struct modules *m, struct fs_value va);

#endif
