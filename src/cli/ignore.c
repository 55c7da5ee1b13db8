/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ignore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)1 << 20)

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Without white space at both ends; cuts `s`. */
static char *trim(char *s)
{
	size_t n;

	while (is_space(*s))
		s++;
	n = strlen(s);
	while (n > 0 && is_space(s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

/* The '#' that begins the reason: NULL when there is none. */
static char *reason_of(char *s)
{
	char *p;

	for (p = s; *p; p++)
		if (*p == '#' && (p == s || is_space(p[-1])))
			return p;
	return NULL;
}

static const char *parse_line(char *line, struct check_ignore *ret)
{
	char *reason = reason_of(line), *rule, *subject;

	if (!reason)
		return "there is no reason (RULE [SUBJECT] # reason)";
	*reason++ = '\0';
	rule = trim(line);
	reason = trim(reason);
	if (!*reason)
		return "the reason is empty (RULE [SUBJECT] # reason)";
	subject = rule + strcspn(rule, " \t");
	if (*subject)
		*subject++ = '\0';
	subject = trim(subject);
	if (!check_rule_named(rule))
		return "there is no such rule (`fltscope rules` lists them)";
	ret->rule = rule;
	ret->subject = *subject && strcmp(subject, "*") != 0 ? subject : NULL;
	ret->reason = reason;
	return NULL;
}

bool ignore_parse(struct ignore_file *f, char *text, size_t n, char *why, size_t why_size)
{
	size_t count = 1, i, line = 0;
	const char *problem;
	char *s, *next;

	*f = (struct ignore_file){.text = text};
	if (memchr(text, '\0', n)) {
		(void)snprintf(why, why_size, "it is no text");
		return false;
	}
	for (i = 0; i < n; i++)
		count += text[i] == '\n';
	f->lines = calloc(count, sizeof(*f->lines));
	if (!f->lines) {
		(void)snprintf(why, why_size, "out of memory");
		return false;
	}
	for (s = text; s; s = next) {
		next = strchr(s, '\n');
		if (next)
			*next++ = '\0';
		line++;
		s = trim(s);
		if (!*s || *s == '#')
			continue;
		problem = parse_line(s, &f->lines[f->n]);
		if (problem) {
			(void)snprintf(why, why_size, "line %zu: %s", line, problem);
			return false;
		}
		f->lines[f->n++].line = line;
	}
	return true;
}

bool ignore_read(struct ignore_file *f, const char *path, char *why, size_t why_size)
{
	FILE *in = fopen(path, "rb");
	char *text = in ? malloc(MAX_BYTES + 2) : NULL;
	size_t n = 0;

	*f = (struct ignore_file){0};
	errno = in ? 0 : errno;
	if (text)
		n = fread(text, 1, MAX_BYTES + 1, in);
	if (!text || ferror(in)) {
		(void)snprintf(why, why_size, "%s",
			       in && !text ? "out of memory" : strerror(errno));
		n = SIZE_MAX;
	} else if (n > MAX_BYTES) {
		(void)snprintf(why, why_size, "it has more than %zu bytes", MAX_BYTES);
		n = SIZE_MAX;
	}
	if (in)
		(void)fclose(in);
	if (n == SIZE_MAX) {
		free(text);
		return false;
	}
	text[n] = '\0';
	return ignore_parse(f, text, n, why, why_size);
}

void ignore_deinit(struct ignore_file *f)
{
	free(f->lines);
	free(f->text);
	*f = (struct ignore_file){0};
}
