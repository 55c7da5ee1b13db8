/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Libraries that are loaded when they are needed: what most runs do not use costs them
 * neither time (a disassembler has tens of thousands of relocations) nor memory.
 */
#ifndef BASE_SHLIB_H
#define BASE_SHLIB_H

#include <stddef.h>

#include "fltscope/error.h"

struct shlib_function {
	const char *name;
	void *to; /* the address of a pointer to a function of its type */
};

/* Load `file` ("libxml2.so.2") and fill in the functions. It stays in memory until the process
 * ends, since what it allocated may outlive its user. FS_UNSUPPORTED: it is not installed (the
 * text names `package` of Debian), or lacks one of them. */
enum fs_status shlib_load(const char *file, const char *package, const struct shlib_function *f,
			  size_t n, struct fs_error *err);

#endif
