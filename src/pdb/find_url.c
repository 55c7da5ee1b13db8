/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking a symbol server, in SymSrv's order: the file, its compressed form, file.ptr. */
#include "pdb/symbols_impl.h"

#include <string.h>

#include "pdb/unpack.h"

#define SMALL_MAX 4096 /* bytes of file.ptr or index2.txt that are read */

struct body {
	struct search *f;
	const char *root;
	struct store_file out; /* made with the first byte, so that a miss leaves nothing */
	bool open;
	bool refused; /* the cache cannot be written to */
};

struct small {
	char text[SMALL_MAX];
	size_t n;
};

static enum fs_status to_store(void *arg, const void *p, size_t n, struct fs_error *err)
{
	struct body *b = arg;
	enum fs_status st;

	if (!b->open) {
		st = store_file_open(&b->f->s->mem, b->root, &b->f->id, b->f->limit, &b->out, err);
		b->refused = st != FS_OK;
		if (st != FS_OK)
			return st;
		b->open = true;
	}
	return store_file_write(&b->out, p, n, err);
}

static enum fs_status to_memory(void *arg, const void *p, size_t n, struct fs_error *err)
{
	struct small *s = arg;

	if (n > sizeof(s->text) - s->n)
		return fs_fail(err, FS_LIMIT, "larger than %d bytes", SMALL_MAX);
	memcpy(s->text + s->n, p, n);
	s->n += n;
	return FS_OK;
}

/* BASE/[na/]name.pdb/KEY/file, each component encoded. */
static const char *address(struct search *f, const char *base, bool two_tier, const char *file)
{
	char name[SYMBOL_URL_NAME], last[SYMBOL_URL_NAME], two[SYMBOL_URL_NAME] = "", tier[9];
	const char *url;

	symbol_name_url(f->id.name, name);
	symbol_name_url(file, last);
	if (two_tier) {
		symbol_name_tier(f->id.name, tier);
		symbol_name_url(tier, two);
	}
	url = arena_printf(&f->s->mem, "%s/%s%s%s/%s/%s", base, two, two_tier ? "/" : "", name,
			   f->id.key, last);
	if (!url)
		f->no_memory = true;
	return url;
}

/* What comes later says it again: the first request's report is often shown to nobody. */
static void server_failed(struct search *f, struct symbol_server *server,
			  const struct fs_error *err)
{
	server->down = true;
	server->why = arena_strdup(&f->s->mem, err->text);
	if (!server->why)
		f->no_memory = true;
}

static enum fs_status ask(struct search *f, struct symbol_server *server, struct download *job,
			  struct fs_error *err)
{
	struct symbols *s = f->s;
	enum fs_status st;

	if (!s->downloader) {
		st = downloader_create(&s->o.limits, &s->downloader, err);
		if (st != FS_OK) {
			server_failed(f, server, err);
			return st;
		}
	}
	job->progress = f->req->progress;
	job->progress_arg = f->req->progress_arg;
	st = download(s->downloader, job, err);
	if (job->server_down)
		server_failed(f, server, err);
	f->interrupted |= job->interrupted;
	return st;
}

struct asked {
	const char *url;
	const char *shown;
	struct symbol_server *server;
	bool compressed;
	bool miss; /* answer: the server has no such file */
};

/* Download into the cache at `root`; *done says that no other cache would do better. */
static const char *get(struct search *f, struct asked *a, const char *root, bool *done)
{
	struct body b = {.f = f, .root = root};
	struct download job = {.url = a->url, .shown = a->shown, .sink = to_store, .sink_arg = &b};
	struct fs_error err = {0};
	const char *path = NULL;
	enum fs_status st;

	job.max_bytes = f->limit;
	st = ask(f, a->server, &job, &err);
	*done = !b.refused;
	a->miss = st == FS_NOT_FOUND;
	if (st == FS_OK && !b.open)
		st = fs_fail(&err, FS_CORRUPT, "the server sent an empty file");
	if (st == FS_OK && a->compressed) {
		path = unpack_into_cache(f, b.out.temp, a->shown);
		store_file_abort(&b.out);
		return path;
	}
	if (st == FS_OK)
		st = store_file_commit(&b.out, &f->req->check, &err);
	else if (b.open)
		store_file_abort(&b.out);
	found_out(f, a->shown, st, "%s", st == FS_OK ? "" : err.text);
	return st == FS_OK ? b.out.target : NULL;
}

/* One file of the server's, into the first cache that takes it. */
static const char *get_file(struct search *f, struct symbol_server *server, bool two_tier,
			    bool compressed, bool *miss)
{
	const struct symbol_tier *t = &f->e->tier[f->tier];
	char packed[SYMBOL_NAME_MAX + 1];
	struct asked a = {.server = server, .compressed = compressed};
	const char *file = f->id.name, *root, *path = NULL;
	bool done = false;
	size_t i;

	if (compressed) {
		symbol_name_compressed(f->id.name, packed);
		file = packed;
	}
	a.url = address(f, t->where, two_tier, file);
	a.shown = address(f, t->shown, two_tier, file);
	if (f->no_memory)
		return NULL;
	for (i = 0; !path && !done && (root = cache_dir(f, i, true)) != NULL; i++)
		path = get(f, &a, root, &done);
	*miss = a.miss;
	return path;
}

/* What a server's file.ptr says is told, not followed: a server has no business naming
 * files of this machine. */
static void tell_pointer(struct search *f, struct symbol_server *server, bool two_tier)
{
	const struct symbol_tier *t = &f->e->tier[f->tier];
	struct small text = {.n = 0};
	struct download job = {.sink = to_memory, .sink_arg = &text, .max_bytes = SMALL_MAX};
	struct fs_error err = {0};
	const char *target = NULL;
	enum fs_status st;

	job.url = address(f, t->where, two_tier, "file.ptr");
	job.shown = address(f, t->shown, two_tier, "file.ptr");
	if (f->no_memory)
		return;
	st = ask(f, server, &job, &err);
	if (st == FS_NOT_FOUND)
		return;
	if (st != FS_OK) {
		found_out(f, job.shown, st, "%s", err.text);
		return;
	}
	st = store_pointer_parse(&f->s->mem, text.text, text.n, &target, &err);
	if (st == FS_OK)
		st = fs_fail(&err, FS_UNSUPPORTED,
			     "file.ptr points to '%.300s'; a server's pointer into this machine is "
			     "not followed",
			     target);
	found_out(f, job.shown, st, "%s", err.text);
}

/* *miss: the server has nothing there. When it answered with a wrong file or an error, its
 * other forms and places are no better, and it is not asked for them. */
static const char *ask_server(struct search *f, struct symbol_server *server, bool two_tier,
			      bool *miss)
{
	const char *path = get_file(f, server, two_tier, false, miss);

	if (!*miss || server->down || f->interrupted || f->no_memory)
		return path;
	if (unpack_built())
		path = get_file(f, server, two_tier, true, miss);
	else
		found_out(f, f->e->tier[f->tier].shown, FS_UNSUPPORTED,
			  "a compressed file was not asked for: built without libmspack");
	if (!*miss || server->down || f->interrupted || f->no_memory)
		return path;
	tell_pointer(f, server, two_tier);
	return NULL;
}

static struct symbol_server *server_of(struct search *f, const char *url)
{
	struct symbols *s = f->s;
	struct symbol_server *server;
	size_t i;

	for (i = 0; i < s->server.n; i++)
		if (strcmp(s->server.v[i].url, url) == 0)
			return &s->server.v[i];
	server = vec_push(&s->server);
	if (server)
		server->url = url;
	else
		f->no_memory = true;
	return server;
}

/* Asked once a session, and only after a miss in the usual layout. */
static bool is_two_tier(struct search *f, struct symbol_server *server)
{
	struct small text = {.n = 0};
	struct download job = {.sink = to_memory, .sink_arg = &text, .max_bytes = SMALL_MAX};
	struct fs_error err = {0};
	enum fs_status st;

	if (server->asked_two_tier)
		return server->two_tier;
	server->asked_two_tier = true;
	job.url = arena_printf(&f->s->mem, "%s/index2.txt", server->url);
	job.shown = f->e->tier[f->tier].shown;
	if (!job.url) {
		f->no_memory = true;
		return false;
	}
	st = ask(f, server, &job, &err);
	/* what it holds does not matter, so a long one is one, too */
	server->two_tier = st == FS_OK || (st == FS_LIMIT && !server->down);
	if (server->down)
		found_out(f, job.shown, st, "%s", err.text);
	return server->two_tier;
}

const char *find_at_url(struct search *f)
{
	const struct symbol_tier *t = &f->e->tier[f->tier];
	struct symbol_server *server;
	const char *path;
	bool two, miss = false;

	if (seen_before(f, t->where))
		return NULL;
	if (f->req->offline) {
		found_out(f, t->shown, FS_NOT_FOUND, "not asked: offline");
		return NULL;
	}
	server = server_of(f, t->where);
	if (!server)
		return NULL;
	if (server->down) {
		found_out(f, t->shown, FS_SYSTEM, "not asked again: it failed before: %s",
			  server->why ? server->why : "");
		return NULL;
	}
	two = server->two_tier;
	path = ask_server(f, server, two, &miss);
	if (path || !miss || two || server->down || f->interrupted || f->no_memory)
		return path;
	if (!is_two_tier(f, server) || server->down || f->interrupted)
		return NULL;
	return ask_server(f, server, true, &miss);
}
