/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SARIF 2.1.0 (OASIS): one run with the rule table as reportingDescriptors, a result
 * a finding, and what could not be read or decided as toolExecutionNotifications of
 * the one invocation. Section numbers below are the standard's.
 */
#include "emit/results.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "emit/emit.h"

/* They come after the results: kept until the end. */
struct notification {
	const char *level;	  /* static */
	char *path, *rule, *text; /* owned; path and rule may be NULL */
};

struct sarif {
	struct results base;
	struct emit *e;
	VEC(struct notification) notifications;
};

static char *copy(struct sarif *s, const char *text)
{
	char *p = text ? strdup(text) : NULL;

	if (text && !p)
		s->base.error = ENOMEM;
	return p;
}

static void notify(struct sarif *s, const char *level, const char *path, const char *rule,
		   const char *text)
{
	struct notification *n = vec_push(&s->notifications);

	if (!n) {
		s->base.error = ENOMEM;
		return;
	}
	*n = (struct notification){level, copy(s, path), copy(s, rule), copy(s, text)};
}

static void message(struct emit *e, const char *key, const char *text)
{
	emit_object_begin(e, key);
	emit_string(e, "text", text);
	emit_object_end(e);
}

/* A URI reference (RFC 3986): what is not unreserved or a slash is percent-encoded. A relative
 * path whose first segment has a colon is none until the colon is. */
static void uri(struct emit *e, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	size_t n = 0, size = 3 * strlen(path) + 16;
	char *s = malloc(size);

	if (!s) {
		emit_string(e, "uri", "");
		return;
	}
	if (path[0] == '/')
		n = (size_t)snprintf(s, size, "file://");
	for (; *path; path++) {
		if (strchr(plain, *path))
			s[n++] = *path;
		else
			n += (size_t)snprintf(s + n, size - n, "%%%02X", (unsigned char)*path);
	}
	s[n] = '\0';
	emit_string(e, "uri", s);
	free(s);
}

static void artifact(struct emit *e, const char *path)
{
	emit_object_begin(e, "physicalLocation");
	emit_object_begin(e, "artifactLocation");
	uri(e, path);
	emit_object_end(e);
	emit_object_end(e);
}

/* 3.33.7: names outside the list are allowed, those of the list preferred. */
static void logical(struct emit *e, const char *kind, const char *name, uint64_t address)
{
	char at[24];

	(void)snprintf(at, sizeof(at), "0x%" PRIx64, address);
	emit_object_begin(e, NULL);
	emit_string(e, "name", name ? name : address ? at : kind);
	emit_string(e, "kind", strcmp(kind, "driver") == 0 ? "module" : "object");
	emit_object_begin(e, "properties");
	emit_string(e, "kind", kind);
	if (address)
		emit_address(e, "address", address);
	emit_object_end(e);
	emit_object_end(e);
}

static void locations(struct emit *e, const struct res_dump *d, const struct res_item *it)
{
	emit_array_begin(e, "locations");
	emit_object_begin(e, NULL);
	artifact(e, d->path);
	emit_array_begin(e, "logicalLocations");
	if (it->subject)
		logical(e, it->subject, it->name, it->address);
	if (it->driver)
		logical(e, "driver", it->driver, 0);
	emit_array_end(e);
	emit_object_end(e);
	emit_array_end(e);
}

static void optional(struct emit *e, const char *key, const char *s)
{
	if (s)
		emit_string(e, key, s);
}

static void properties(struct emit *e, const struct res_item *it)
{
	size_t i;

	emit_object_begin(e, "properties");
	emit_bool(e, "counts", it->fate == RES_COUNTS);
	optional(e, "confidence", it->confidence);
	optional(e, "driver", it->driver);
	optional(e, "state", it->state);
	optional(e, "stage", it->stage);
	if (it->culprit_kind) {
		emit_object_begin(e, "culprit");
		emit_string(e, "kind", it->culprit_kind);
		if (it->culprit_address)
			emit_address(e, "address", it->culprit_address);
		optional(e, "name", it->culprit);
		emit_object_end(e);
	}
	optional(e, "advice", it->advice);
	emit_array_begin(e, "evidence");
	for (i = 0; i < it->nevidence; i++) {
		emit_object_begin(e, NULL);
		optional(e, "fact", it->evidence[i].fact);
		emit_address(e, "address", it->evidence[i].address);
		optional(e, "field", it->evidence[i].field);
		optional(e, "value", it->evidence[i].value);
		emit_object_end(e);
	}
	emit_array_end(e);
	emit_object_end(e);
}

/* 3.35: reviewed outside of what was analysed. */
static void suppression(struct emit *e, const struct res_item *it)
{
	emit_array_begin(e, "suppressions");
	if (it->fate == RES_IGNORED) {
		emit_object_begin(e, NULL);
		emit_string(e, "kind", "external");
		emit_string(e, "status", "accepted");
		emit_string(e, "justification", it->reason);
		emit_object_end(e);
	}
	emit_array_end(e);
}

static void rule_reference(struct sarif *s, const char *id)
{
	const struct res_run *run = s->base.run;
	size_t i;

	emit_string(s->e, "ruleId", id);
	for (i = 0; i < run->nrules; i++)
		if (strcmp(run->rules[i].id, id) == 0)
			emit_uint(s->e, "ruleIndex", i);
}

/* An open question about one subject is a result of kind "open", whose level is "none" (3.27.9,
 * 3.27.10); one about the whole dump is a notification. */
static void result(struct sarif *s, const struct res_dump *d, const struct res_item *it)
{
	struct emit *e = s->e;

	emit_object_begin(e, NULL);
	rule_reference(s, it->rule);
	emit_string(e, "kind", it->kind == RES_OPEN ? "open" : "fail");
	emit_string(e, "level", it->kind == RES_OPEN ? "none" : res_level_name(it->level));
	message(e, "message", it->message && it->message[0] ? it->message : it->title);
	locations(e, d, it);
	suppression(e, it);
	properties(e, it);
	emit_object_end(e);
}

static void sarif_dump(struct results *w, const struct res_dump *d)
{
	struct sarif *s = (struct sarif *)w;
	size_t i;

	if (d->problem)
		notify(s, "error", d->path, NULL, d->problem);
	for (i = 0; i < d->nitems; i++) {
		const struct res_item *it = &d->items[i];

		if (it->kind == RES_FINDING || it->subject)
			result(s, d, it);
		if (it->kind == RES_OPEN)
			notify(s, it->fate == RES_COUNTS ? "error" : "note", d->path, it->rule,
			       it->fate == RES_IGNORED ? it->reason : it->message);
	}
}

static void rule(struct emit *e, const struct res_rule *r)
{
	emit_object_begin(e, NULL);
	emit_string(e, "id", r->id);
	message(e, "shortDescription", r->title);
	message(e, "fullDescription", r->explanation ? r->explanation : r->title);
	message(e, "help", r->advice ? r->advice : r->title);
	emit_object_begin(e, "defaultConfiguration");
	emit_string(e, "level", res_level_name(r->level));
	emit_object_end(e);
	emit_object_begin(e, "properties");
	emit_bool(e, "asked", r->asked);
	optional(e, "reads", r->reads);
	emit_object_end(e);
	emit_object_end(e);
}

static void sarif_begin(struct results *w)
{
	struct sarif *s = (struct sarif *)w;
	struct emit *e = s->e;
	size_t i;

	emit_object_begin(e, NULL);
	emit_string(e, "$schema",
		    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
		    "sarif-schema-2.1.0.json");
	emit_string(e, "version", "2.1.0");
	emit_array_begin(e, "runs");
	emit_object_begin(e, NULL);
	emit_object_begin(e, "tool");
	emit_object_begin(e, "driver");
	emit_string(e, "name", w->run->tool);
	emit_string(e, "version", w->run->version);
	emit_array_begin(e, "rules");
	for (i = 0; i < w->run->nrules; i++)
		rule(e, &w->run->rules[i]);
	emit_array_end(e);
	emit_object_end(e);
	emit_object_end(e);
	emit_array_begin(e, "results");
}

static void notification(struct emit *e, const struct notification *n)
{
	emit_object_begin(e, NULL);
	emit_string(e, "level", n->level);
	message(e, "message", n->text ? n->text : "");
	if (n->rule) {
		emit_object_begin(e, "associatedRule");
		emit_string(e, "id", n->rule);
		emit_object_end(e);
	}
	if (n->path) {
		emit_array_begin(e, "locations");
		emit_object_begin(e, NULL);
		artifact(e, n->path);
		emit_object_end(e);
		emit_array_end(e);
	}
	emit_object_end(e);
}

static void invocation(struct sarif *s)
{
	struct emit *e = s->e;
	size_t i;

	emit_array_begin(e, "invocations");
	emit_object_begin(e, NULL);
	emit_bool(e, "executionSuccessful", s->base.totals.unreadable == 0);
	emit_uint(e, "exitCode", (uint64_t)s->base.totals.status);
	emit_string(e, "exitCodeDescription", res_status_name(s->base.totals.status));
	emit_array_begin(e, "toolExecutionNotifications");
	for (i = 0; i < s->notifications.n; i++)
		notification(e, &s->notifications.v[i]);
	emit_array_end(e);
	emit_object_end(e);
	emit_array_end(e);
}

static void sarif_end(struct results *w, const struct res_unused *unused, size_t n)
{
	struct sarif *s = (struct sarif *)w;
	char text[512];
	size_t i;

	for (i = 0; i < n; i++) {
		(void)snprintf(text, sizeof(text), "line %zu of the ignore file was not needed: %s",
			       unused[i].line, unused[i].reason);
		notify(s, "note", NULL, unused[i].rule, text);
	}
	emit_array_end(s->e);
	invocation(s);
	emit_object_end(s->e);
	emit_array_end(s->e);
	emit_object_end(s->e);
	for (i = 0; i < s->notifications.n; i++) {
		free(s->notifications.v[i].path);
		free(s->notifications.v[i].rule);
		free(s->notifications.v[i].text);
	}
	vec_free(&s->notifications);
	if (!emit_finish(s->e))
		s->base.error = errno ? errno : EIO;
}

static const struct results_ops sarif_ops = {
	.begin = sarif_begin,
	.dump = sarif_dump,
	.end = sarif_end,
};

struct results *results_sarif_create(FILE *out, struct fs_error *err)
{
	struct sarif *s = calloc(1, sizeof(*s));

	if (s) {
		s->base.ops = &sarif_ops;
		s->e = emit_json_create(out);
	}
	if (s && s->e)
		return &s->base;
	free(s);
	(void)fs_fail(err, FS_NO_MEMORY, "SARIF: out of memory");
	return NULL;
}
