/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles that matter: which process holds what keeps a filter's driver, its devices, its
 * ports or the filter itself. Part of the model (model.h).
 *
 * How rules use it. Handles are searched when something could be held by one: an unload that is
 * under way, a filter that drains or is zombied, or when they are asked for
 *(fltscope_options.handles). model.handles_looked says how far: only WHOLE makes "nobody holds it"
 *an answer. cause 24 (devices with open handles)   fs_handle_to(m, NULL, FS_HANDLE_DEVICE, device)
 *	cause 28 and 13 (client ports)         fs_handle_to(m, NULL, FS_HANDLE_PORT, FLT_PORT_OBJECT
 *or 0) a FilterCreate or FilterFindFirst handle  fs_handle_to(m, NULL, FS_HANDLE_FILTER, filter) a
 *port that its filter left open       fs_handle_to(m, NULL, FS_HANDLE_SERVER_PORT, port) and again
 *with the handle that came, until NULL. Kernel references without a handle are not seen here.
 */
#ifndef FLTSCOPE_HANDLES_H
#define FLTSCOPE_HANDLES_H

#include "fltscope/value.h"

/* What the handle leads to. */
enum fs_handle_kind {
	FS_HANDLE_DRIVER,   /* the object is a DRIVER_OBJECT of the model */
	FS_HANDLE_DEVICE,   /* a FILE_OBJECT whose DeviceObject is a device of a filter's driver */
	FS_HANDLE_FILTER,   /* a FILE_OBJECT whose FLT_CCB leads to a FLT_FILTER */
	FS_HANDLE_INSTANCE, /* … to a FLT_INSTANCE */
	FS_HANDLE_FRAME,    /* … to a FLTP_FRAME (FilterFindFirst over all filters) */
	FS_HANDLE_PORT,	    /* … to a FLT_PORT_OBJECT: a client's connection */
	FS_HANDLE_SERVER_PORT, /* the object is a FLT_SERVER_PORT_OBJECT */
};
const char *fs_handle_kind_name(enum fs_handle_kind k); /* "device", "server-port" … */

struct fs_handle {
	int32_t process; /* index of the one in whose table it stands */
	uint64_t value;	 /* of the handle, a multiple of 4 */
	uint64_t entry;	 /* VA of the HANDLE_TABLE_ENTRY */
	uint64_t object; /* VA of the object's body */
	struct fs_value granted_access;
	enum fs_handle_kind kind;
	uint64_t target; /* VA of what it leads to */
	int32_t index;	 /* of the target in its array of the model; of a port: its filter's; -1 */
	struct fs_value
		link; /* the pointer that leads there; FS_NONE when the object is the target */
	uint64_t ccb; /* FLT_CCB of a Filter Manager's file, 0 else */
};

/* The next handle after `after` (NULL: the first) of that kind that leads to target (0: any). */
struct fs_model;
const struct fs_handle *fs_handle_to(const struct fs_model *m, const struct fs_handle *after,
				     enum fs_handle_kind kind, uint64_t target);

#endif
