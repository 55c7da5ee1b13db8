/* SPDX-License-Identifier: BSD-2-Clause */
/* Growable arrays: `struct { T *v; size_t n, cap; }` and one function. */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define VEC(T)                 \
	struct {               \
		T *v;          \
		size_t n, cap; \
	}

/* Make room for one more element of `size` bytes; false when out of memory. */
bool vec_reserve_(void **v, size_t n, size_t *cap, size_t size);

/* Append a zeroed element; yields a pointer to it, or NULL. */
void *vec_push_(void **v, size_t *n, size_t *cap, size_t size);

#define vec_push(vec) vec_push_((void **)&(vec)->v, &(vec)->n, &(vec)->cap, sizeof(*(vec)->v))
#define vec_free(vec)            \
	do {                     \
		free((vec)->v);  \
		(vec)->v = NULL; \
		(vec)->n = 0;    \
		(vec)->cap = 0;  \
	} while (0)

#endif
