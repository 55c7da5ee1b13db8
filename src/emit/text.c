/* SPDX-License-Identifier: BSD-2-Clause */
/* For people: lines, indented as !fltkd does it, with nothing in them that acts on a terminal. */
#include "emit/impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/str.h"

#define COLUMNS_PER_LEVEL 3
#define MAX_LEVEL	  32
#define DEFAULT_WIDTH	  80
#define MIN_WIDTH	  40

struct text {
	struct emit base;
	bool colour;
	int level;
	size_t width; /* columns */
	char *line;   /* the escaped line, reused */
	size_t size;
};

/* ECMA-48 SGR parameters. */
static const char *const sgr[] = {
	[EMIT_PLAIN] = NULL, [EMIT_GOOD] = "32",  [EMIT_WARN] = "33",
	[EMIT_BAD] = "31",   [EMIT_STRONG] = "1", [EMIT_FAINT] = "2",
};

/* Into t->line. */
static bool escape(struct text *t, const char *s)
{
	size_t need = escape_terminal(s, t->line, t->size) + 1;

	if (need > t->size) {
		char *bigger = realloc(t->line, need);

		if (!bigger) {
			emit_fail(&t->base, ENOMEM);
			return false;
		}
		t->line = bigger;
		t->size = need;
		(void)escape_terminal(s, t->line, t->size);
	}
	return true;
}

static void put_indent(struct text *t)
{
	int i;

	for (i = 0; i < t->level; i++)
		emit_puts(&t->base, "   ");
}

static void text_indent(struct emit *e, int levels)
{
	struct text *t = (struct text *)e;

	t->level += levels;
	if (t->level < 0)
		t->level = 0;
	if (t->level > MAX_LEVEL)
		t->level = MAX_LEVEL;
}

static void text_line(struct emit *e, enum emit_style style, const char *text)
{
	struct text *t = (struct text *)e;
	const char *code =
		t->colour && (size_t)style < sizeof(sgr) / sizeof(sgr[0]) ? sgr[style] : NULL;
	size_t n;

	if (!escape(t, text))
		return;
	n = strlen(t->line);
	while (n > 0 && t->line[n - 1] == ' ')
		n--;
	if (n > 0) {
		put_indent(t);
		if (code) {
			emit_puts(e, "\x1b[");
			emit_puts(e, code);
			emit_puts(e, "m");
		}
		emit_write(e, t->line, n);
		if (code)
			emit_puts(e, "\x1b[0m");
	}
	emit_puts(e, "\n");
}

/* Columns that `n` bytes of UTF-8 take, as far as one column a character goes. */
static size_t columns(const char *s, size_t n)
{
	size_t i, c = 0;

	for (i = 0; i < n; i++)
		c += ((unsigned char)s[i] & 0xc0) != 0x80;
	return c;
}

/* Words longer than a line stay whole: they are addresses and paths to be copied. */
static void text_paragraph(struct emit *e, const char *text)
{
	struct text *t = (struct text *)e;
	size_t used = 0, indent = (size_t)t->level * COLUMNS_PER_LEVEL;
	size_t room = t->width > indent + MIN_WIDTH / 2 ? t->width - indent : MIN_WIDTH / 2;
	const char *p;

	if (!escape(t, text))
		return;
	for (p = t->line; *p;) {
		size_t n = strcspn(p, " "), c = columns(p, n);

		if (n > 0) {
			if (used > 0 && used + 1 + c > room) {
				emit_puts(e, "\n");
				used = 0;
			}
			if (used == 0)
				put_indent(t);
			else
				emit_puts(e, " ");
			emit_write(e, p, n);
			used += c + (used > 0);
		}
		p += n + (p[n] == ' ');
	}
	if (used > 0)
		emit_puts(e, "\n");
}

static void text_finish(struct emit *e)
{
	free(((struct text *)e)->line);
}

static const struct emit_ops text_ops = {
	.is_text = true,
	.indent = text_indent,
	.line = text_line,
	.paragraph = text_paragraph,
	.finish = text_finish,
};

static size_t terminal_width(FILE *out)
{
	struct winsize w;
	int fd = fileno(out);

	if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return DEFAULT_WIDTH;
	return w.ws_col < MIN_WIDTH ? MIN_WIDTH : w.ws_col;
}

struct emit *emit_text_create(FILE *out, bool colour)
{
	struct emit *e = emit_new(sizeof(struct text), &text_ops, out);
	struct text *t = (struct text *)e;

	if (!t)
		return NULL;
	t->colour = colour;
	t->width = terminal_width(out);
	return e;
}
