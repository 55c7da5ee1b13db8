/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking into directories: plain folders, stores and caches alike. */
#include "pdb/symbols_impl.h"

#include <unistd.h>

#include "pdb/unpack.h"

const char *unpack_into_cache(struct search *f, const char *cab, const char *shown)
{
	const char *root;
	size_t i;

	for (i = 0; (root = cache_dir(f, i, true)) != NULL; i++) {
		struct fs_error err = {0};
		struct store_file out;
		enum fs_status st;

		st = store_file_open(&f->s->mem, root, &f->id, f->limit, &out, &err);
		if (st != FS_OK) {
			found_out(f, root, st, "%s", err.text);
			continue;
		}
		st = unpack(cab, &out, &err);
		if (st == FS_OK)
			st = store_file_commit(&out, &f->req->check, &err);
		else
			store_file_abort(&out);
		if (st == FS_OK) {
			found_out(f, shown, FS_OK, "%s", "");
			return out.target;
		}
		found_out(f, shown, st, "%s", err.text);
		/* another directory would unpack the same bytes */
		return NULL;
	}
	if (i == 0)
		found_out(f, shown, FS_INVALID,
			  "compressed, and there is no folder to unpack it to: write srv*DIR*...");
	return NULL;
}

static const char *take(struct search *f, const char *path, const char *shown)
{
	struct fs_error err = {0};
	enum fs_status st = f->req->check.verify(f->req->check.arg, path, &err);

	if (st == FS_OK) {
		found_out(f, shown, FS_OK, "%s", "");
		return path;
	}
	found_out(f, shown, st, "%s", err.text);
	return NULL;
}

/* One step: a pointer to a pointer is not followed. */
static const char *follow(struct search *f, const char *pointer)
{
	const char *target = NULL;
	struct fs_error err = {0};
	enum fs_status st = store_pointer_read(&f->s->mem, pointer, &target, &err);
	int fd;

	if (st == FS_OK) {
		/* a device or FIFO is not for the check to open */
		fd = store_open_regular(target, &err);
		if (fd < 0)
			st = err.status;
		else
			(void)close(fd);
	}
	if (st != FS_OK) {
		found_out(f, pointer, st, "%s", err.text);
		return NULL;
	}
	return take(f, target, target);
}

static const char *find_in(struct search *f, const char *root)
{
	struct fs_error err = {0};
	enum fs_status st = store_exists(root, &err);
	size_t before = f->s->report.place.n, i;
	struct store_candidates c;
	const char *path = NULL;
	unsigned stage;

	if (st != FS_OK) {
		found_out(f, root, st, "%s", err.text);
		return NULL;
	}
	for (stage = 0; stage < STORE_STAGES && !path; stage++) {
		st = store_candidates(&f->s->mem, root, &f->id, (enum store_stage)stage, &c, &err);
		if (st != FS_OK) {
			f->no_memory = true;
			return NULL;
		}
		for (i = 0; i < c.n && !path; i++) {
			const char *p = c.v[i].path;

			if (seen_before(f, p))
				continue;
			if (c.v[i].kind == STORE_FILE)
				path = take(f, p, p);
			else if (c.v[i].kind == STORE_COMPRESSED)
				path = unpack_into_cache(f, p, p);
			else
				path = follow(f, p);
		}
	}
	if (!path && f->s->report.place.n == before)
		found_out(f, root, FS_NOT_FOUND, "holds neither %s/%s/%s nor %s", f->id.name,
			  f->id.key, f->id.name, f->id.name);
	return path;
}

const char *find_in_dir(struct search *f)
{
	const char *root = f->e->tier[f->tier].where;

	/* a cache stands before several elements */
	if (seen_before(f, root))
		return NULL;
	return find_in(f, root);
}
