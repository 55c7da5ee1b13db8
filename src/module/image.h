/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading inside one image; for pe.c and rsds.c only. */
#ifndef MODULE_IMAGE_H
#define MODULE_IMAGE_H

#include "module/module.h"

/* The module's name for messages. Never NULL. */
const char *module_label(const struct module *m);
/* n bytes at an offset of the image. FS_CORRUPT when they are not all within it. */
enum fs_status image_read(struct vm *vm, const struct module *m, uint64_t rva, void *buf, size_t n,
			  const char *what, struct fs_error *err);
/* The same, and what the dump lacks of it from the image's file (vm_read_any). */
enum fs_status image_read_any(struct vm *vm, const struct module *m, uint64_t rva, void *buf,
			      size_t n, const char *what, struct fs_error *err);

#endif
