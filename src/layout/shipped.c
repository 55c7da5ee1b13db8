/* SPDX-License-Identifier: BSD-2-Clause */
/* Layouts from the binary itself and from the user's files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/impl.h"

const char *layout_shipped_source(void *arg, const char *name, size_t *ret_len)
{
	(void)arg;
	for (size_t i = 0; i < layout_shipped_count(); i++) {
		struct layout_shipped s = layout_shipped(i);

		if (strcmp(s.name, name) == 0) {
			*ret_len = s.len;
			return s.text;
		}
	}
	return NULL;
}

enum fs_status layout_load_shipped(const char *name, struct layout **ret, struct fs_error *err)
{
	size_t len;
	const char *text = layout_shipped_source(NULL, name, &len);

	if (!text)
		return fs_fail(err, FS_NOT_FOUND, "there is no shipped layout \"%.100s\"", name);
	return layout_parse(name, text, len, layout_shipped_source, NULL, ret, err);
}

static enum fs_status read_all(const char *path, FILE *f, char *text, size_t *ret_len,
			       struct fs_error *err)
{
	/* one byte more, so that a file at the bound and one above it differ */
	size_t n = fread(text, 1, LAYOUT_TEXT_MAX + 1, f);

	if (ferror(f))
		return fs_fail(err, FS_SYSTEM, "%.300s: cannot read the layout: %s", path,
			       strerror(errno));
	*ret_len = n;
	return FS_OK;
}

enum fs_status layout_load_file(const char *path, struct layout **ret, struct fs_error *err)
{
	FILE *f = fopen(path, "rb");
	enum fs_status st;
	size_t len = 0;
	char *text;

	if (!f)
		return fs_fail(err, FS_SYSTEM, "%.300s: cannot open the layout: %s", path,
			       strerror(errno));
	text = malloc(LAYOUT_TEXT_MAX + 1);
	st = text ? read_all(path, f, text, &len, err)
		  : fs_fail(err, FS_NO_MEMORY, "%.300s: out of memory for the layout", path);
	fclose(f);
	if (st == FS_OK)
		st = layout_parse(path, text, len, layout_shipped_source, NULL, ret, err);
	free(text);
	return st;
}
