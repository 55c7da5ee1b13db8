/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The export directory of a module in memory. Offsets: Microsoft's "PE Format"
 * specification, "The .edata Section". Everything in it is hostile: counts are bounded
 * by the image, names by EXPORT_NAME.
 */
#include "module/exports.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "module/image.h"

enum {
	DIRECTORY_SIZE = 40,
	EXPORTS_MAX = 65536, /* ordinals are 16 bits wide */
	EXPORT_NAME = 512,
	CHUNK = 64,
};

struct tables {
	uint32_t functions, nfunctions;
	uint32_t names, nnames;
	uint32_t ordinals;
	uint32_t begin, end; /* RVA of the directory: a function within is a forwarder */
};

static enum fs_status read_directory(struct vm *vm, const struct module *m, const struct pe *pe,
				     struct tables *t, struct fs_error *err)
{
	uint8_t b[DIRECTORY_SIZE];
	enum fs_status st;

	if (!pe->export_rva || pe->export_size < DIRECTORY_SIZE)
		return fs_fail_at(err, FS_NOT_FOUND, m->base, "%s: exports nothing",
				  module_label(m));
	if (!range_ok(pe->export_rva, pe->export_size, m->size))
		return fs_fail_at(err, FS_CORRUPT, m->base,
				  "%s: export directory at offset 0x%x with 0x%x bytes is outside "
				  "the image of 0x%x bytes",
				  module_label(m), pe->export_rva, pe->export_size, m->size);
	st = image_read_any(vm, m, pe->export_rva, b, sizeof(b), "export directory", err);
	if (st)
		return st;
	t->nfunctions = load_u32(b + 20);
	t->nnames = load_u32(b + 24);
	t->functions = load_u32(b + 28);
	t->names = load_u32(b + 32);
	t->ordinals = load_u32(b + 36);
	t->begin = pe->export_rva;
	t->end = pe->export_rva + pe->export_size;
	if (t->nfunctions > EXPORTS_MAX || t->nnames > EXPORTS_MAX ||
	    !range_ok(t->functions, (uint64_t)t->nfunctions * 4, m->size) ||
	    !range_ok(t->names, (uint64_t)t->nnames * 4, m->size) ||
	    !range_ok(t->ordinals, (uint64_t)t->nnames * 2, m->size))
		return fs_fail_at(err, FS_CORRUPT, m->base + pe->export_rva,
				  "%s: export directory: %u functions and %u names do not fit the "
				  "image",
				  module_label(m), t->nfunctions, t->nnames);
	return FS_OK;
}

/* A C string of printable ASCII; NULL when it is none, or is not there. */
static const char *read_name(struct vm *vm, const struct module *m, uint32_t rva, struct arena *a)
{
	char name[EXPORT_NAME];
	size_t n = 0, i;

	while (n < sizeof(name)) {
		size_t part = sizeof(name) - n < CHUNK ? sizeof(name) - n : (size_t)CHUNK;
		const char *end;

		if (rva + n >= m->size)
			return NULL;
		if (part > m->size - rva - n)
			part = m->size - rva - n;
		/* The last bytes before a hole: one at a time. */
		if (image_read_any(vm, m, rva + n, name + n, part, "export name", NULL)) {
			part = 1;
			if (image_read_any(vm, m, rva + n, name + n, 1, "export name", NULL))
				return NULL;
		}
		end = memchr(name + n, 0, part);
		n = end ? (size_t)(end - name) : n + part;
		if (end)
			break;
	}
	for (i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return NULL;
	return n > 0 && n < sizeof(name) ? arena_strdup(a, name) : NULL;
}

static int by_rva(const void *a, const void *b)
{
	const struct export *x = a, *y = b;

	if (x->rva != y->rva)
		return x->rva < y->rva ? -1 : 1;
	return strcmp(x->name, y->name);
}

static enum fs_status read_names(struct vm *vm, const struct module *m, const struct tables *t,
				 struct exports *ret, struct fs_error *err)
{
	uint8_t *names = malloc((size_t)t->nnames * 4 + 1);
	uint8_t *ordinals = malloc((size_t)t->nnames * 2 + 1);
	uint8_t *functions = malloc((size_t)t->nfunctions * 4 + 1);
	enum fs_status st = FS_OK;
	uint32_t i;

	if (!names || !ordinals || !functions)
		st = fs_fail(err, FS_NO_MEMORY, "exports: out of memory");
	if (!st)
		st = image_read_any(vm, m, t->names, names, (size_t)t->nnames * 4, "export names",
				    err);
	if (!st)
		st = image_read_any(vm, m, t->ordinals, ordinals, (size_t)t->nnames * 2,
				    "export ordinals", err);
	if (!st)
		st = image_read_any(vm, m, t->functions, functions, (size_t)t->nfunctions * 4,
				    "export addresses", err);
	for (i = 0; !st && i < t->nnames; i++) {
		uint16_t ordinal = load_u16(ordinals + (size_t)i * 2);
		struct export x = {0};
		struct export *slot;

		if (ordinal >= t->nfunctions)
			continue;
		x.rva = load_u32(functions + (size_t)ordinal * 4);
		if (!x.rva || x.rva >= m->size || (x.rva >= t->begin && x.rva < t->end))
			continue;
		x.name = read_name(vm, m, load_u32(names + (size_t)i * 4), &ret->arena);
		if (!x.name)
			continue;
		slot = vec_push(&ret->list);
		if (!slot)
			st = fs_fail(err, FS_NO_MEMORY, "exports: out of memory");
		else
			*slot = x;
	}
	free(names);
	free(ordinals);
	free(functions);
	return st;
}

enum fs_status exports_read(struct vm *vm, const struct module *m, const struct pe *pe,
			    struct exports *ret, struct fs_error *err)
{
	struct tables t = {0};
	enum fs_status st;

	*ret = (struct exports){0};
	st = read_directory(vm, m, pe, &t, err);
	if (!st)
		st = read_names(vm, m, &t, ret, err);
	if (st) {
		exports_deinit(ret);
		return st;
	}
	if (ret->list.n)
		qsort(ret->list.v, ret->list.n, sizeof(*ret->list.v), by_rva);
	return FS_OK;
}

const struct export *exports_at(const struct exports *x, uint64_t rva)
{
	size_t lo = 0, hi = x->list.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->list.v[mid].rva <= rva)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return NULL;
	/* Of several names of one address the first. */
	for (lo--; lo > 0 && x->list.v[lo - 1].rva == x->list.v[lo].rva; lo--)
		;
	return &x->list.v[lo];
}

void exports_deinit(struct exports *x)
{
	vec_free(&x->list);
	arena_deinit(&x->arena);
}
