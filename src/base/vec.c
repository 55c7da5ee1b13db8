/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

bool vec_reserve_(void **v, size_t n, size_t *cap, size_t size)
{
	size_t want, bytes;
	void *p;

	if (n < *cap)
		return true;
	want = *cap ? *cap * 2 : 8;
	if (!mul_size(want, size, &bytes))
		return false;
	p = realloc(*v, bytes);
	if (!p)
		return false;
	*v = p;
	*cap = want;
	return true;
}

void *vec_push_(void **v, size_t *n, size_t *cap, size_t size)
{
	unsigned char *p;

	if (!vec_reserve_(v, *n, cap, size))
		return NULL;
	p = (unsigned char *)*v + *n * size;
	memset(p, 0, size);
	(*n)++;
	return p;
}
