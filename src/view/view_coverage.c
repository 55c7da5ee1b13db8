/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much an answer of `diagnose` rests on. "Nothing found" is worth as much as
 * what was looked at: a filter whose flags are not in the dump may be stuck.
 */
#include "view/common.h"
#include "view/driver_match.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

/* Without the directory of the object namespace. */
static const char *leaf(const char *s)
{
	static const char *const prefixes[] = {"\\Driver\\", "\\FileSystem\\"};
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (str_istarts(s, prefixes[i]))
			return s + strlen(prefixes[i]);
	return s;
}

/* Length without ".sys". */
static size_t stem(const char *s)
{
	size_t n = strlen(s);

	return n > 4 && str_ieq(s + n - 4, ".sys") ? n - 4 : n;
}

bool view_same_driver(const char *a, const char *b)
{
	size_t na, nb;

	if (!a || !b)
		return false;
	a = leaf(a);
	b = leaf(b);
	na = stem(a);
	nb = stem(b);
	return na > 0 && na == nb && strncasecmp(a, b, na) == 0;
}

/* symbol: "<Unloaded_NAME>+0x1234", as WinDbg writes it */
static bool was_in(const char *symbol, const char *driver)
{
	static const char prefix[] = "<Unloaded_";
	const char *name, *end;
	char image[256];
	size_t n;

	if (!symbol || strncmp(symbol, prefix, sizeof(prefix) - 1) != 0)
		return false;
	name = symbol + sizeof(prefix) - 1;
	end = strrchr(name, '>');
	n = end ? (size_t)(end - name) : sizeof(image);
	if (n >= sizeof(image))
		return false;
	memcpy(image, name, n);
	image[n] = '\0';
	return view_same_driver(path_base(image), driver);
}

bool view_code_was_in(const struct fs_filter *f, const char *driver)
{
	size_t i;

	for (i = 0; i < FS_CB_COUNT; i++) {
		const struct fs_code *c = &f->callback[i];

		/* OldDriverUnload may be anything that the driver hooked */
		if (i != FS_CB_OldDriverUnload && c->unloaded && fs_has(&c->va, UINT64_MAX) &&
		    was_in(c->symbol, driver))
			return true;
	}
	return false;
}

struct coverage coverage_of(const struct fs_model *m, const struct fs_report *r,
			    const struct driver_match *d)
{
	struct coverage c = {.whole = m->frame_list.head != 0 && list_is_whole(&m->frame_list),
			     .known = true};
	size_t i;

	for (i = 0; i < m->nframes; i++) {
		const struct fs_list *l = &m->frames[i].filters;

		c.whole = c.whole && list_is_whole(l);
		c.counted += l->count.state == FS_READ && l->count.v > l->n ? l->count.v : l->n;
	}
	if (d && !d->all) {
		c.known = d->known;
		c.filters = d->filters;
		c.decided = d->decided;
		return c;
	}
	for (i = 0; i < m->nfilters; i++)
		c.decided += r->stages ? r->stages[i] != FS_STAGE_UNKNOWN
				       : fs_is_read(&m->filters[i].object.flags.value);
	c.filters = m->nfilters;
	return c;
}

void json_coverage(struct view *v, const struct coverage *c)
{
	emit_object_begin(v->e, "coverage");
	emit_uint(v->e, "filters_counted", c->counted);
	emit_uint(v->e, "filters_reached", c->filters);
	emit_uint(v->e, "filters_decided", c->decided);
	emit_bool(v->e, "lists_whole", c->whole);
	emit_object_end(v->e);
}

bool coverage_is_full(const struct coverage *c)
{
	return c->whole && c->decided == c->filters;
}

bool coverage_answers(const struct coverage *c, const char *driver)
{
	if (!driver)
		return c->decided > 0 || coverage_is_full(c);
	return c->filters > 0 ? c->decided == c->filters : c->whole;
}

/* One driver was asked for and nothing is said about it. */
static const char *about_driver(struct view *v, const struct coverage *c, const char *driver)
{
	if (c->filters > 0 && c->decided == c->filters)
		return text_printf(v,
				   "%s was not found stuck, refused or left over (a refused `fltmc "
				   "unload` leaves no trace in memory).",
				   driver);
	if (c->filters > 0)
		return text_printf(v,
				   "Nothing can be said about %s: the state of a filter of it "
				   "cannot be told.",
				   driver);
	if (c->whole)
		return text_printf(v,
				   "%s has no filter registered, so no unload of one is stuck.",
				   driver);
	return text_printf(v,
			   "Nothing can be said about %s: no filter of it was reached, and not all "
			   "could be.",
			   driver);
}

static const char *about_all(struct view *v, const struct coverage *c)
{
	const struct fs_model *m = v->m;

	if (coverage_is_full(c))
		return text_printf(v,
				   "No driver was found stuck, refused or left over: %s, %s, %s, "
				   "%s looked at.",
				   text_count(v, m->nframes, "frame"),
				   text_count(v, m->nfilters, "filter"),
				   text_count(v, m->ninstances, "instance"),
				   text_count(v, m->nvolumes, "volume"));
	if (c->decided == 0)
		return text_printf(v,
				   "Nothing can be said: %s counted, %zu reached, and the state of "
				   "none could be told.",
				   text_count(v, c->counted, "filter"), c->filters);
	return text_printf(v,
			   "No driver was found stuck, refused or left over among the %s whose "
			   "state could be told (%" PRIu64 " counted, %zu reached%s).",
			   text_count(v, c->decided, "filter"), c->counted, c->filters,
			   c->whole ? "" : ", not every list whole");
}

/* Threads are read when an unload asks for them: that nobody hangs in a filter was not looked at. */
static const char *no_threads(const struct view *v)
{
	return v->m->threads_looked == FS_LOOKED_NOT && v->m->nt.source != FS_LAYOUT_NONE
		       ? " Threads were not read: `fltscope hang` looks for those inside a filter."
		       : "";
}

/* "; 3 rules not checked" */
static const char *unchecked(struct view *v, const struct fs_report *r)
{
	if (r->nnot_checked == 0)
		return "";
	return text_printf(v, "; %s not checked (--json names them)",
			   text_count(v, r->nnot_checked, "rule"));
}

/* The whole answer when there is nothing else to say, the first line of it when
 * there are only findings. */
void coverage_line(struct view *v, const struct coverage *c, const struct fs_report *r,
		   const char *driver, bool alone)
{
	const struct fs_model *m = v->m;
	enum emit_style style = !coverage_is_full(c) ? EMIT_WARN : alone ? EMIT_GOOD : EMIT_STRONG;
	const char *rest = "";

	if (!emit_is_text(v->e))
		return;
	if (alone && (m->ngaps || r->nnot_checked))
		rest = text_printf(v, " %s%s.", text_gaps(v, false), unchecked(v, r));
	emit_styled(v->e, style, "%s%s%s", driver ? about_driver(v, c, driver) : about_all(v, c),
		    alone && !driver ? no_threads(v) : "", rest);
	if (!alone)
		emit_blank(v->e);
}
