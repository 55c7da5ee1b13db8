/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JUnit XML, as the readers of CI systems agree on it (Jenkins' junit-10.xsd; there
 * is no standard): a testsuite a dump, a testcase a rule, and one more for each
 * further subject of a rule. A finding that counts is a failure, what could not be
 * decided is an error, what is ignored or was not checked is skipped. A rule passes
 * only where the dump was decided.
 *
 * libxml2's writer quotes; it does not know which characters XML 1.0 cannot say.
 */
#include "emit/results.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/xmlwriter.h>

#include "base/shlib.h"
#include "base/str.h"

/* Loaded here: JUnit is one of five formats, and libxml2 and what it needs are large. */
#define XML_SO	(LIBXML_VERSION < 21400 ? "libxml2.so.2" : "libxml2.so.16")
#define XML_DEB (LIBXML_VERSION < 21400 ? "libxml2" : "libxml2-16")

struct xml_writer {
	__typeof__(xmlTextWriterEndDocument) *end_document;
	__typeof__(xmlTextWriterEndElement) *end_element;
	__typeof__(xmlTextWriterFlush) *flush;
	__typeof__(xmlTextWriterSetIndent) *set_indent;
	__typeof__(xmlTextWriterSetIndentString) *set_indent_string;
	__typeof__(xmlTextWriterStartDocument) *start_document;
	__typeof__(xmlTextWriterStartElement) *start_element;
	__typeof__(xmlTextWriterWriteAttribute) *write_attribute;
	__typeof__(xmlTextWriterWriteString) *write_string;
	__typeof__(xmlNewTextWriter) *new_writer;
	__typeof__(xmlFreeTextWriter) *free_writer;
	__typeof__(xmlOutputBufferCreateIO) *create_buffer;
	__typeof__(xmlOutputBufferClose) *close_buffer;
};

struct junit {
	struct results base;
	FILE *out;
	struct xml_writer lib;
	xmlTextWriterPtr xml;
};

static enum fs_status load(struct xml_writer *w, struct fs_error *err)
{
	const struct shlib_function f[] = {
		{"xmlTextWriterEndDocument", &w->end_document},
		{"xmlTextWriterEndElement", &w->end_element},
		{"xmlTextWriterFlush", &w->flush},
		{"xmlTextWriterSetIndent", &w->set_indent},
		{"xmlTextWriterSetIndentString", &w->set_indent_string},
		{"xmlTextWriterStartDocument", &w->start_document},
		{"xmlTextWriterStartElement", &w->start_element},
		{"xmlTextWriterWriteAttribute", &w->write_attribute},
		{"xmlTextWriterWriteString", &w->write_string},
		{"xmlNewTextWriter", &w->new_writer},
		{"xmlFreeTextWriter", &w->free_writer},
		{"xmlOutputBufferCreateIO", &w->create_buffer},
		{"xmlOutputBufferClose", &w->close_buffer},
	};

	return shlib_load(XML_SO, XML_DEB, f, sizeof(f) / sizeof(f[0]), err);
}

static void fail(struct junit *j, int error)
{
	if (!j->base.error)
		j->base.error = error ? error : EIO;
}

/* A failure is kept, not returned: libxml2 would print it. */
static int write_out(void *context, const char *buf, int n)
{
	struct junit *j = context;

	errno = 0;
	if (n > 0 && !j->base.error && fwrite(buf, 1, (size_t)n, j->out) != (size_t)n)
		fail(j, errno);
	return n;
}

/* The writer's functions give -1 on failure. */
static void ok(struct junit *j, int result)
{
	if (result < 0)
		fail(j, ENOMEM);
}

/* Only what XML 1.0 can say (its production 2, Char), the rest made visible. Newlines are
 * the caller's own: no text of a dump has any left. NULL when out of memory. */
static xmlChar *sayable(struct junit *j, const char *s)
{
	size_t n = escape_terminal(s, NULL, 0) + 1;
	char *safe = malloc(n);

	if (!safe) {
		fail(j, ENOMEM);
		return NULL;
	}
	(void)escape_terminal(s, safe, n);
	return (xmlChar *)safe;
}

static void text(struct junit *j, const char *s)
{
	xmlChar *safe = sayable(j, s);

	if (safe)
		ok(j, j->lib.write_string(j->xml, safe));
	free(safe);
}

static void attribute(struct junit *j, const char *name, const char *s)
{
	xmlChar *safe = sayable(j, s);

	if (safe)
		ok(j, j->lib.write_attribute(j->xml, BAD_CAST name, safe));
	free(safe);
}

static void attribute_count(struct junit *j, const char *name, size_t n)
{
	char buf[24];

	(void)snprintf(buf, sizeof(buf), "%zu", n);
	attribute(j, name, buf);
}

static void begin_element(struct junit *j, const char *name)
{
	ok(j, j->lib.start_element(j->xml, BAD_CAST name));
}

static void end_element(struct junit *j)
{
	ok(j, j->lib.end_element(j->xml));
}

static void line(struct junit *j, const char *label, const char *s)
{
	if (!s || !s[0])
		return;
	text(j, label);
	text(j, s);
	ok(j, j->lib.write_string(j->xml, BAD_CAST "\n"));
}

/* "0x… FIELD = VALUE  FACT" */
static void evidence(struct junit *j, const struct res_evidence *e)
{
	char at[24];

	(void)snprintf(at, sizeof(at), "0x%" PRIx64, e->address);
	text(j, at);
	text(j, " ");
	text(j, e->field ? e->field : "");
	text(j, " = ");
	text(j, e->value ? e->value : "");
	text(j, "  ");
	line(j, "", e->fact ? e->fact : " ");
}

static void details(struct junit *j, const struct res_item *it)
{
	size_t i;

	line(j, "", it->message);
	line(j, "Severity: ", res_level_name(it->level));
	line(j, "Confidence: ", it->confidence);
	line(j, "Driver: ", it->driver);
	line(j, "State: ", it->state);
	line(j, "Stage: ", it->stage);
	line(j, "Culprit: ", it->culprit);
	line(j, "Advice: ", it->advice);
	line(j, "Ignored: ", it->reason);
	if (it->nevidence > 0)
		line(j, "", "Evidence:");
	for (i = 0; i < it->nevidence; i++)
		evidence(j, &it->evidence[i]);
}

static void begin_case(struct junit *j, const char *rule, const char *name)
{
	begin_element(j, "testcase");
	attribute(j, "classname", rule);
	attribute(j, "name", name);
	attribute(j, "time", "0");
}

/* <failure type message>, <error …>: the text follows. */
static void begin_outcome(struct junit *j, const char *element, const char *type,
			  const char *message)
{
	begin_element(j, element);
	if (type)
		attribute(j, "type", type);
	attribute(j, "message", message);
}

/* The subject that tells this testcase from others of its rule. */
static void begin_item(struct junit *j, const struct res_item *it)
{
	const char *kind = it->subject ? it->subject : it->title, *name = it->name ? it->name : "";
	size_t n = strlen(kind) + strlen(name) + 32;
	char *s = malloc(n);

	if (!s) {
		fail(j, ENOMEM);
		begin_case(j, it->rule, kind);
		return;
	}
	if (it->address)
		(void)snprintf(s, n, "%s %s%s0x%" PRIx64, kind, name, name[0] ? " " : "",
			       it->address);
	else
		(void)snprintf(s, n, "%s%s%s", kind, name[0] ? " " : "", name);
	begin_case(j, it->rule, s);
	free(s);
}

static void item(struct junit *j, const struct res_item *it)
{
	begin_item(j, it);
	if (it->fate == RES_IGNORED)
		begin_outcome(j, "skipped", NULL, it->reason);
	else if (it->kind == RES_OPEN && it->fate == RES_TOLD)
		begin_outcome(j, "skipped", NULL, it->message);
	else if (it->kind == RES_OPEN)
		begin_outcome(j, "error", "undecided", it->message);
	else if (it->fate == RES_COUNTS)
		begin_outcome(j, "failure", res_level_name(it->level), it->message);
	else
		begin_element(j, "system-out"); /* below the level: it passes, and is told */
	details(j, it);
	end_element(j);
	end_element(j);
}

static bool has_item(const struct res_dump *d, const char *rule)
{
	size_t i;

	for (i = 0; i < d->nitems; i++)
		if (strcmp(d->items[i].rule, rule) == 0)
			return true;
	return false;
}

/* Rules without anything to say about this dump. */
static size_t silent_rules(struct junit *j, const struct res_dump *d, bool write)
{
	const struct res_run *run = j->base.run;
	size_t i, n = 0;

	if (d->status == RES_UNREADABLE)
		return 0;
	for (i = 0; i < run->nrules; i++) {
		if (!run->rules[i].asked || has_item(d, run->rules[i].id))
			continue;
		n++;
		if (!write)
			continue;
		begin_case(j, run->rules[i].id, run->rules[i].title);
		if (d->problem) {
			begin_outcome(j, "skipped", NULL,
				      "nothing was found, but not all could be "
				      "looked at");
			end_element(j);
		}
		end_element(j);
	}
	return n;
}

static bool whole_is_error(const struct res_dump *d)
{
	return d->problem != NULL;
}

static void whole(struct junit *j, const struct res_dump *d)
{
	bool unreadable = d->status == RES_UNREADABLE;

	begin_case(j, "dump", unreadable ? "can be read" : "can be decided");
	if (whole_is_error(d)) {
		begin_outcome(j, "error", unreadable ? "unreadable" : "undecided", d->problem);
		end_element(j);
	} else if (d->looked_at) {
		begin_element(j, "system-out");
		text(j, d->looked_at);
		end_element(j);
	}
	end_element(j);
}

static void properties(struct junit *j, const struct res_dump *d)
{
	size_t i;

	if (d->nmatches == 0)
		return;
	begin_element(j, "properties");
	for (i = 0; i < d->nmatches; i++) {
		begin_element(j, "property");
		attribute(j, "name", d->matches[i].kind);
		attribute(j, "value", d->matches[i].name);
		end_element(j);
	}
	end_element(j);
}

static void junit_dump(struct results *w, const struct res_dump *d)
{
	struct junit *j = (struct junit *)w;
	size_t i, silent = silent_rules(j, d, false), told = 0;

	for (i = 0; i < d->nitems; i++)
		told += d->items[i].kind == RES_OPEN && d->items[i].fate == RES_TOLD;
	begin_element(j, "testsuite");
	attribute(j, "name", d->path);
	attribute_count(j, "tests", 1 + d->nitems + silent);
	attribute_count(j, "failures", d->counted);
	attribute_count(j, "errors", d->open + whole_is_error(d));
	attribute_count(j, "skipped", d->ignored + told + (d->problem ? silent : 0));
	attribute(j, "time", "0");
	properties(j, d);
	whole(j, d);
	for (i = 0; i < d->nitems; i++)
		item(j, &d->items[i]);
	(void)silent_rules(j, d, true);
	end_element(j);
}

static void junit_begin(struct results *w)
{
	struct junit *j = (struct junit *)w;

	ok(j, j->lib.set_indent(j->xml, 1));
	ok(j, j->lib.set_indent_string(j->xml, BAD_CAST "  "));
	ok(j, j->lib.start_document(j->xml, "1.0", "UTF-8", NULL));
	begin_element(j, "testsuites");
	attribute(j, "name", "fltscope check");
}

static void junit_end(struct results *w, const struct res_unused *unused, size_t n)
{
	struct junit *j = (struct junit *)w;

	(void)unused; /* a JUnit document has no place for them; the command says it too */
	(void)n;
	ok(j, j->lib.end_document(j->xml));
	ok(j, j->lib.flush(j->xml));
	j->lib.free_writer(j->xml);
	errno = 0;
	if (fflush(j->out) != 0 || ferror(j->out))
		fail(j, errno);
}

static const struct results_ops junit_ops = {
	.begin = junit_begin,
	.dump = junit_dump,
	.end = junit_end,
};

struct results *results_junit_create(FILE *out, struct fs_error *err)
{
	struct junit *j = calloc(1, sizeof(*j));
	xmlOutputBufferPtr buffer = NULL;

	if (j && load(&j->lib, err) != FS_OK) {
		(void)fs_prepend(err, err->status, "JUnit XML");
		free(j);
		return NULL;
	}
	if (j) {
		j->base.ops = &junit_ops;
		j->out = out;
		buffer = j->lib.create_buffer(write_out, NULL, j, NULL);
		j->xml = buffer ? j->lib.new_writer(buffer) : NULL; /* takes the buffer over */
	}
	if (j && j->xml)
		return &j->base;
	if (buffer)
		(void)j->lib.close_buffer(buffer);
	free(j);
	(void)fs_fail(err, FS_NO_MEMORY, "JUnit XML: out of memory");
	return NULL;
}
