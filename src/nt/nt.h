/* SPDX-License-Identifier: BSD-2-Clause */
/* nt's objects into the model: DRIVER_OBJECT, DEVICE_OBJECT, object names. */
#ifndef NT_NT_H
#define NT_NT_H

#include "model/build.h"
#include "module/module.h"
#include "read/object.h"

/*
 * Read a DRIVER_OBJECT and its device chain into the model (once per address;
 * a second call gives the same answer). When it is no driver object (FS_CORRUPT:
 * Type, Size or the address) or its Type is not in the dump, the entity is there
 * all the same with valid = false, since a filter points at it, and nothing more of it is
 * read; *ret_index is then set, too. Only FS_LIMIT and FS_NO_MEMORY leave it.
 *
 * Devices are followed by NextDevice until one is no device object, belongs to
 * another driver or was met before; devices_stop and devices_gap tell.
 */
enum fs_status nt_add_driver(const struct reader *r, const struct modules *m,
			     struct model_builder *b, uint64_t va, size_t *ret_index,
			     struct fs_error *err);
/* Read a DEVICE_OBJECT, and the driver that it names with its other devices.
 * What is no device object (FS_CORRUPT) or not readable is not added. */
enum fs_status nt_add_device(const struct reader *r, const struct modules *m,
			     struct model_builder *b, uint64_t va, size_t *ret_index,
			     struct fs_error *err);

/* Leaf name of an object from its OBJECT_HEADER_NAME_INFO. FS_NOT_FOUND:
 * unnamed (state FS_NONE); on other failures *ret has the gap. */
enum fs_status nt_object_name(const struct reader *r, uint64_t object, struct model_builder *b,
			      struct fs_string *ret);

/* A code pointer of the model: value, and module+offset when it lies in one, or
 * "<Unloaded_x.sys>+offset" when only in one that was unloaded. `module` is the
 * index in m->list, which the model's modules follow. m may be NULL. */
struct fs_code nt_code(struct model_builder *b, const struct modules *m, struct fs_value va);

#endif
