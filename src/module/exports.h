/* SPDX-License-Identifier: BSD-2-Clause */
/* What a module exports by name, from its image in memory (or its image file). */
#ifndef MODULE_EXPORTS_H
#define MODULE_EXPORTS_H

#include "module/module.h"

struct export
{
	const char *name; /* printable ASCII */
	uint32_t rva;
};
struct exports {
	struct arena arena;
	VEC(struct export) list; /* by RVA, then name */
};

/* Forwarders and names that are no names are left out. FS_NOT_FOUND: it exports nothing.
 * Owner: exports_deinit, also after a failure (which leaves *ret empty). */
enum fs_status exports_read(struct vm *vm, const struct module *m, const struct pe *pe,
			    struct exports *ret, struct fs_error *err);
/* The nearest at or below; NULL when there is none. */
const struct export *exports_at(const struct exports *x, uint64_t rva);
void exports_deinit(struct exports *x);

#endif
