/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that lives as long as its owner (a model, a layout): no single frees. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t used; /* bytes handed out, for limits and statistics */
};

/* Zero-initialise to begin (`struct arena a = {0}`). */
void arena_deinit(struct arena *a);
/* Zeroed, 16-byte aligned; NULL when out of memory. */
void *arena_alloc(struct arena *a, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* printf into the arena; NULL when out of memory. */
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *fmt, ...);

#endif
