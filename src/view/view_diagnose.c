/* SPDX-License-Identifier: BSD-2-Clause */
/* What is stuck, who holds it, on what evidence; and what was not looked at. */
#include "view/common.h"
#include "view/driver_match.h"
#include "view/waits.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"

static void evidence(struct view *v, const char *key, const struct fs_evidence *e, size_t n,
		     bool rows)
{
	size_t i;

	emit_array_begin(v->e, key);
	for (i = 0; i < n; i++) {
		emit_object_begin(v->e, NULL);
		if (e[i].fact)
			emit_string(v->e, "fact", e[i].fact);
		emit_address(v->e, "address", e[i].address);
		if (e[i].field)
			emit_string(v->e, "field", e[i].field);
		if (e[i].value)
			emit_string(v->e, "value", e[i].value);
		emit_object_end(v->e);
		if (rows && emit_is_text(v->e))
			emit_line(v->e, "0x%s  %s = %s%s%s", text_ptr(v, e[i].address),
				  e[i].field ? e[i].field : "", e[i].value ? e[i].value : "",
				  e[i].fact ? "  " : "", e[i].fact ? e[i].fact : "");
	}
	emit_array_end(v->e);
}

static void json_subject(struct view *v, const char *key, const struct fs_subject *s,
			 uint64_t thread)
{
	if (!s->kind)
		return;
	emit_object_begin(v->e, key);
	emit_string(v->e, "kind", s->kind);
	if (s->address)
		emit_address(v->e, "address", s->address);
	json_name(v, s->kind, s->address, s->name);
	if (thread)
		emit_address(v->e, "thread", thread);
	emit_object_end(v->e);
}

/* An empty text is one that is not known. */
static bool given(const char *s)
{
	return s && s[0];
}

/* The frame whose unload it is, and the filters that it can be. */
static void json_candidates(struct view *v, const struct fs_verdict *d)
{
	size_t i;

	if (!d->frame)
		return;
	emit_address(v->e, "frame", d->frame);
	emit_array_begin(v->e, "candidates");
	for (i = 0; i < d->ncandidates; i++)
		emit_address(v->e, NULL, d->candidates[i]);
	emit_array_end(v->e);
}

static void json_verdict(struct view *v, const struct fs_verdict *d)
{
	if (given(d->driver))
		emit_string(v->e, "driver", d->driver);
	if (d->driver_object)
		emit_address(v->e, "driver_object", d->driver_object);
	if (d->filter)
		emit_address(v->e, "filter", d->filter);
	json_name(v, "filter", d->filter, d->name);
	json_candidates(v, d);
	emit_string(v->e, "state", fs_verdict_state_name(d->state));
	emit_string(v->e, "stage", fs_stage_name(d->stage));
	if (d->cause_id) {
		emit_object_begin(v->e, "cause");
		emit_string(v->e, "id", d->cause_id);
		emit_string(v->e, "title", d->cause_title ? d->cause_title : d->cause_id);
		emit_object_end(v->e);
	}
	emit_string(v->e, "confidence", fs_confidence_name(d->confidence));
	if (given(d->summary))
		emit_string(v->e, "summary", d->summary);
	json_waiter(v, d);
	json_subject(v, "culprit", &d->culprit, d->culprit_thread);
	if (given(d->advice))
		emit_string(v->e, "advice", d->advice);
}

static enum emit_style verdict_style(enum fs_verdict_state state)
{
	switch (state) {
	case FS_ST_STUCK:
		return EMIT_BAD;
	case FS_ST_LEFTOVER:
	case FS_ST_REFUSED:
		return EMIT_WARN;
	case FS_ST_HEALTHY:
		return EMIT_GOOD;
	case FS_ST_UNKNOWN:
		break;
	}
	return EMIT_STRONG;
}

/* The headline: who, in what state, why, how sure. */
static void verdict_title(struct view *v, const struct fs_verdict *d)
{
	const char *s;

	if (!emit_is_text(v->e))
		return;
	if (given(d->name) && given(d->driver) && !view_same_driver(d->name, d->driver))
		s = text_printf(v, "%s (%s)", d->name, d->driver);
	else
		s = given(d->driver) ? d->driver : given(d->name) ? d->name : "(no name)";
	s = text_printf(v, "%s: %s", s, fs_verdict_state_name(d->state));
	s = text_printf(v, "%s, %s (%s)", s, d->cause_id ? d->cause_id : "cause not known",
			fs_confidence_name(d->confidence));
	emit_styled(v->e, verdict_style(d->state), "%s", s);
	emit_indent(v->e, 1);
	if (d->filter)
		emit_line(v->e, "FLT_FILTER: %s %s  stage %s", text_ptr(v, d->filter),
			  given(d->name) ? text_quoted(v, d->name) : "", fs_stage_name(d->stage));
	else if (d->frame)
		emit_line(v->e, "FLTP_FRAME: %s", text_ptr(v, d->frame));
	emit_indent(v->e, -1);
}

static void verdict(struct view *v, const struct fs_verdict *d)
{
	entity_begin(v);
	verdict_title(v, d);
	emit_indent(v->e, 1);
	if (given(d->summary))
		emit_paragraph(v->e, d->summary);
	if (given(d->advice))
		emit_paragraph(v->e, d->advice);
	emit_object_begin(v->e, NULL);
	json_verdict(v, d);
	if (d->nbecause > 0)
		emit_line(v->e, "Evidence:");
	emit_indent(v->e, 1);
	evidence(v, "because", d->because, d->nbecause, true);
	emit_indent(v->e, -1);
	text_waiter(v, d);
	emit_object_end(v->e);
	emit_indent(v->e, -1);
	emit_blank(v->e);
}

static void finding(struct view *v, const struct fs_finding *f, bool again)
{
	enum emit_style style = f->severity == FS_ERROR	    ? EMIT_BAD
				: f->severity == FS_WARNING ? EMIT_WARN
							    : EMIT_PLAIN;

	entity_begin(v);
	emit_object_begin(v->e, NULL);
	emit_string(v->e, "rule", f->rule);
	if (f->title)
		emit_string(v->e, "title", f->title);
	emit_string(v->e, "severity", fs_severity_name(f->severity));
	emit_string(v->e, "confidence", fs_confidence_name(f->confidence));
	json_subject(v, "subject", &f->subject, 0);
	if (f->message)
		emit_string(v->e, "message", f->message);
	if (given(f->advice))
		emit_string(v->e, "advice", f->advice);
	if (!again) {
		emit_styled(v->e, style, "%s: %s (%s)", fs_severity_name(f->severity), f->rule,
			    fs_confidence_name(f->confidence));
		emit_indent(v->e, 1);
		if (f->message)
			emit_paragraph(v->e, f->message);
		if (given(f->advice))
			emit_paragraph(v->e, f->advice);
		emit_indent(v->e, 1);
	}
	evidence(v, "evidence", f->evidence, f->nevidence, !again);
	if (!again)
		emit_indent(v->e, -2);
	emit_object_end(v->e);
}

/* Rules that share a reason share a line. Quadratic in a table of some forty. */
static void not_checked(struct view *v, const struct fs_report *r)
{
	size_t i, j;

	emit_array_begin(v->e, "not_checked");
	for (i = 0; i < r->nnot_checked; i++) {
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "rule", r->not_checked[i].rule);
		emit_string(v->e, "why", r->not_checked[i].why);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
	if (!emit_is_text(v->e) || r->nnot_checked == 0)
		return;
	emit_line(v->e, "Not checked:");
	emit_indent(v->e, 1);
	for (i = 0; i < r->nnot_checked; i++) {
		const char *why = r->not_checked[i].why, *s = r->not_checked[i].rule;
		bool first = true;

		for (j = 0; j < i && first; j++)
			first = strcmp(r->not_checked[j].why, why) != 0;
		for (j = i + 1; j < r->nnot_checked && first; j++)
			if (strcmp(r->not_checked[j].why, why) == 0)
				s = text_printf(v, "%s, %s", s, r->not_checked[j].rule);
		if (first)
			emit_paragraph(v->e, text_printf(v, "%s: %s", s, why));
	}
	emit_indent(v->e, -1);
}

/* Not at rest: under way, or in a state that was read and cannot be. */
static bool worth_a_line(const struct fs_filter *f, enum fs_stage s)
{
	return s == FS_STAGE_UNKNOWN ? fs_is_read(&f->object.flags.value) : s != FS_S0;
}

/* Every filter with the stage of its unload; text shows those that are not at rest. */
static void stages(struct view *v, const struct fs_report *r)
{
	size_t i;

	if (!r->stages)
		return;
	emit_array_begin(v->e, "stages");
	for (i = 0; i < v->m->nfilters; i++) {
		const struct fs_filter *fl = &v->m->filters[i];
		const char *why = r->stage_why ? r->stage_why[i] : NULL;

		entity_begin(v);
		emit_object_begin(v->e, NULL);
		emit_address(v->e, "filter", fl->address);
		show_string(v, NULL, "name", NULL, &fl->name);
		emit_string(v->e, "stage", fs_stage_name(r->stages[i]));
		if (why)
			emit_string(v->e, "why", why);
		emit_object_end(v->e);
		if (worth_a_line(fl, r->stages[i]) && emit_is_text(v->e))
			emit_line(v->e, "%s  FLT_FILTER: %s %s%s%s",
				  r->stages[i] == FS_STAGE_UNKNOWN ? "S?"
								   : fs_stage_name(r->stages[i]),
				  text_ptr(v, fl->address), text_string(v, &fl->name, "[NoName]"),
				  why ? "  " : "", why ? why : "");
	}
	emit_array_end(v->e);
}

/* What the answer is about. */
struct shown_report {
	struct view *v;
	const struct fs_report *r;
	struct driver_match match;
};

static bool verdict_concerns(const struct shown_report *s, const struct fs_verdict *d)
{
	return driver_match_verdict(&s->match, s->v->m, d);
}

/* The verdict that tells the same thing; NULL: none does. */
static const struct fs_verdict *verdict_of(const struct shown_report *s, const struct fs_finding *f)
{
	size_t i;

	for (i = 0; i < s->r->nverdicts; i++) {
		const struct fs_verdict *d = &s->r->verdicts[i];

		if (verdict_concerns(s, d) && d->cause_id && f->rule &&
		    strcmp(d->cause_id, f->rule) == 0 && f->subject.address != 0 &&
		    (f->subject.address == d->filter || f->subject.address == d->driver_object ||
		     f->subject.address == d->culprit.address))
			return d;
	}
	return NULL;
}

static bool finding_concerns(const struct shown_report *s, const struct fs_finding *f)
{
	return driver_match_finding(&s->match, s->v->m, f, verdict_of(s, f));
}

/* What is so by design does not concern who asks what is wrong: text tells it when a
 * driver is asked for, and else that it is there. */
static bool held_back(const struct shown_report *s, const struct fs_finding *f)
{
	return emit_is_text(s->v->e) && s->match.all && f->severity == FS_NOTE;
}

static void notes_line(const struct shown_report *s)
{
	size_t i, n = 0;

	for (i = 0; i < s->r->nfindings; i++)
		n += held_back(s, &s->r->findings[i]);
	if (n)
		emit_line(s->v->e, "Not shown: %s (--driver NAME or --json shows them).",
			  text_count(s->v, n, "note"));
}

struct counts {
	size_t verdicts; /* about a driver that is not healthy */
	size_t findings;
};

static struct counts count(const struct shown_report *s)
{
	const struct fs_report *r = s->r;
	struct counts c = {0, 0};
	size_t i;

	for (i = 0; i < r->nverdicts; i++)
		c.verdicts += r->verdicts[i].state != FS_ST_HEALTHY &&
			      verdict_concerns(s, &r->verdicts[i]);
	for (i = 0; i < r->nfindings; i++)
		c.findings += finding_concerns(s, &r->findings[i]) &&
			      !held_back(s, &r->findings[i]);
	return c;
}

static void verdicts(const struct shown_report *s)
{
	const struct fs_report *r = s->r;
	size_t i;

	emit_array_begin(s->v->e, "verdicts");
	for (i = 0; i < r->nverdicts; i++)
		if (verdict_concerns(s, &r->verdicts[i]) &&
		    (!emit_is_text(s->v->e) || r->verdicts[i].state != FS_ST_HEALTHY))
			verdict(s->v, &r->verdicts[i]);
	emit_array_end(s->v->e);
}

static void findings(const struct shown_report *s)
{
	const struct fs_report *r = s->r;
	bool any = false;
	size_t i;

	emit_array_begin(s->v->e, "findings");
	for (i = 0; i < r->nfindings; i++) {
		const struct fs_finding *f = &r->findings[i];
		bool told;

		if (!finding_concerns(s, f) || held_back(s, f))
			continue;
		told = verdict_of(s, f) != NULL;
		finding(s->v, f, told);
		any |= !told;
	}
	emit_array_end(s->v->e);
	if (any)
		emit_blank(s->v->e);
}

static enum view_answer show_report(const struct shown_report *s)
{
	struct coverage cover = coverage_of(s->v->m, s->r, &s->match);
	struct counts c = count(s);
	const char *driver = s->match.name;
	bool text = emit_is_text(s->v->e), silent = c.verdicts + c.findings == 0;

	if (silent && !cover.known && text)
		return VIEW_NOT_KNOWN;
	/* "none was found stuck" above an outcome that is not known would reassure */
	if (c.verdicts == 0)
		coverage_line(s->v, &cover, s->r, driver, silent);
	show_matches(s->v, s->match.matches, s->match.nmatches);
	if (text && !silent && s->match.nmatches > 0)
		emit_blank(s->v->e);
	if (silent && text) {
		stages(s->v, s->r);
		return coverage_answers(&cover, driver) ? VIEW_ANSWERED : VIEW_UNDECIDED;
	}
	json_coverage(s->v, &cover);
	verdicts(s);
	findings(s);
	stages(s->v, s->r);
	json_wait_for(s->v, s->r->wait_for);
	not_checked(s->v, s->r);
	notes_line(s);
	if (text)
		emit_line(s->v->e, "Gaps: %s.", text_gaps(s->v, false));
	if (!silent)
		return VIEW_ANSWERED;
	if (!cover.known)
		return VIEW_NOT_KNOWN;
	return coverage_answers(&cover, driver) ? VIEW_ANSWERED : VIEW_UNDECIDED;
}

enum view_answer view_diagnose(struct view *v, const struct fs_report *r, const char *driver)
{
	struct shown_report s = {.v = v, .r = r};
	enum view_answer answer = VIEW_NO_MEMORY;
	struct arena a = {0};

	if (driver_match(&a, v->m, r, driver, &s.match))
		answer = show_report(&s);
	arena_deinit(&a);
	return answer;
}
