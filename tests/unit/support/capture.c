/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/capture.h"

#include <stdlib.h>
#include <string.h>

#include "emit/emit.h"

void capture_begin(struct capture *c)
{
	c->text = NULL;
	c->n = 0;
	c->f = open_memstream(&c->text, &c->n);
	if (!c->f)
		abort();
}

bool capture_end(struct capture *c, struct emit *e)
{
	bool ok = emit_finish(e);

	(void)fclose(c->f);
	c->f = NULL;
	return ok;
}

void capture_free(struct capture *c)
{
	free(c->text);
	c->text = NULL;
}

/* Compare one line, white space aside. */
static bool same(const char *a, size_t na, const char *b, size_t nb)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < na && (a[i] == ' ' || a[i] == '\t'))
			i++;
		while (j < nb && (b[j] == ' ' || b[j] == '\t'))
			j++;
		if (i == na || j == nb)
			return i == na && j == nb;
		if (a[i++] != b[j++])
			return false;
	}
}

static size_t line_length(const char *s)
{
	return strcspn(s, "\n");
}

bool lines_in_order(const char *text, const char *wanted)
{
	while (*wanted) {
		size_t n = line_length(wanted);

		while (*text && !same(text, line_length(text), wanted, n))
			text += line_length(text) + (text[line_length(text)] == '\n');
		if (!*text) {
			(void)fprintf(stderr, "not there, or not in order: %.*s\n", (int)n, wanted);
			return false;
		}
		text += line_length(text) + (text[line_length(text)] == '\n');
		wanted += n + (wanted[n] == '\n');
	}
	return true;
}

bool has_line(const char *text, const char *line)
{
	return lines_in_order(text, line);
}
