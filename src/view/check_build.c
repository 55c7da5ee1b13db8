/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judgement of `check`. A finding at or above the level makes 1. Without one,
 * 0 needs that everything asked was decided: every filter's stage was read, no list
 * breaks off, no unload is left unexplained, and each rule asked could be checked.
 */
#include "view/check_results.h"
#include "view/common.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* A key by which a finding finds the verdict that tells of the same. */
struct tie {
	uintptr_t key;
	const struct fs_verdict *verdict;
};

/* Did a finding tell of a verdict? */
enum told { NOT_TOLD, TOLD, TOLD_BELOW /* the level, so that it does not count */ };

struct building {
	struct arena *a;
	struct check_ask *ask;
	const struct fs_model *m;
	const struct fs_report *r;
	struct driver_match match;
	struct tie *ties;
	size_t nties;
	enum told *told; /* by verdict */
	bool trouble;	 /* a verdict about what was asked is not healthy */
	bool whole;	 /* every list of frames and filters is */
	struct res_dump *d;
};

static enum res_level level_of(enum fs_severity s)
{
	return s == FS_ERROR ? RES_ERROR : s == FS_WARNING ? RES_WARNING : RES_NOTE;
}

static bool named(const struct check_ask *ask, const char *rule)
{
	size_t i;

	for (i = 0; i < ask->nrules; i++)
		if (strcmp(ask->rules[i], rule) == 0)
			return true;
	return false;
}

static bool asked(const struct check_ask *ask, const char *rule)
{
	return ask->nrules == 0 || named(ask, rule);
}

struct res_rule *check_rules(struct arena *a, const struct check_ask *ask, size_t *ret_n)
{
	size_t i, n = check_rule_count();
	struct res_rule *rules = arena_alloc(a, n * sizeof(*rules));

	for (i = 0; rules && i < n; i++) {
		const struct fs_rule *r = check_rule_at(i);

		rules[i] = (struct res_rule){
			.id = r->id,
			.title = r->title,
			.explanation = r->explanation,
			.reads = r->reads,
			.advice = r->advice,
			.level = level_of(r->severity),
			.asked = asked(ask, r->id),
		};
	}
	*ret_n = rules ? n : 0;
	return rules;
}

static const char *or_null(const char *s)
{
	return s && s[0] ? s : NULL;
}

/* --- ignored ------------------------------------------------------------------ */

static bool ignores(const struct check_ignore *g, const struct res_item *it)
{
	if (strcmp(g->rule, it->rule) != 0)
		return false;
	if (!g->subject)
		return true;
	if (it->name && (str_ieq(it->name, g->subject) || view_same_driver(it->name, g->subject)))
		return true;
	return it->driver && view_same_driver(it->driver, g->subject);
}

/* The first line that fits is the one that is needed. */
static void judge(struct building *b, struct res_item *it, bool matters)
{
	struct res_dump *d = b->d;
	size_t i;

	it->fate = matters ? RES_COUNTS : RES_TOLD;
	for (i = 0; i < b->ask->nignores; i++) {
		if (!ignores(&b->ask->ignores[i], it))
			continue;
		b->ask->ignores[i].used = true;
		it->fate = RES_IGNORED;
		it->reason = b->ask->ignores[i].reason;
		break;
	}
	d->findings += it->kind == RES_FINDING;
	d->counted += it->kind == RES_FINDING && it->fate == RES_COUNTS;
	d->open += it->kind == RES_OPEN && it->fate == RES_COUNTS;
	d->ignored += it->fate == RES_IGNORED;
}

/* --- findings and verdicts ------------------------------------------------------ */

static int by_key(const void *x, const void *y)
{
	const struct tie *a = x, *b = y;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return (a->verdict > b->verdict) - (a->verdict < b->verdict);
}

static void add_tie(struct building *b, const struct fs_verdict *v, uint64_t key)
{
	if (key)
		b->ties[b->nties++] = (struct tie){(uintptr_t)key, v};
}

static bool make_ties(struct building *b)
{
	size_t i;

	b->ties = arena_alloc(b->a, (b->r->nverdicts + 1) * 4 * sizeof(*b->ties));
	b->told = arena_alloc(b->a, (b->r->nverdicts + 1) * sizeof(*b->told));
	if (!b->ties || !b->told)
		return false;
	for (i = 0; i < b->r->nverdicts; i++) {
		const struct fs_verdict *v = &b->r->verdicts[i];

		if (!v->cause_id)
			continue;
		add_tie(b, v, (uintptr_t)v->because);
		add_tie(b, v, v->filter);
		add_tie(b, v, v->driver_object);
		add_tie(b, v, v->culprit.address);
	}
	qsort(b->ties, b->nties, sizeof(*b->ties), by_key);
	return true;
}

static const struct fs_verdict *verdict_by(const struct building *b, uint64_t key, const char *rule)
{
	size_t low = 0, high = b->nties;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (b->ties[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	for (; key && low < b->nties && b->ties[low].key == key; low++)
		if (strcmp(b->ties[low].verdict->cause_id, rule) == 0)
			return b->ties[low].verdict;
	return NULL;
}

/* A verdict's premises are its finding's; else both are about the same thing. */
static const struct fs_verdict *verdict_of(const struct building *b, const struct fs_finding *f)
{
	const struct fs_verdict *v = verdict_by(b, (uintptr_t)f->evidence, f->rule);

	return v ? v : verdict_by(b, f->subject.address, f->rule);
}

static bool take_evidence(struct building *b, struct res_item *it, const struct fs_evidence *e,
			  size_t n)
{
	size_t i;

	it->evidence = arena_alloc(b->a, (n ? n : 1) * sizeof(*it->evidence));
	if (!it->evidence)
		return false;
	for (i = 0; i < n; i++)
		it->evidence[i] =
			(struct res_evidence){e[i].fact, e[i].field, e[i].value, e[i].address};
	it->nevidence = n;
	return true;
}

static void take_verdict(struct res_item *it, const struct fs_verdict *v)
{
	it->driver = or_null(v->driver);
	it->state = fs_verdict_state_name(v->state);
	it->stage = fs_stage_name(v->stage);
	if (or_null(v->advice))
		it->advice = v->advice;
	if (v->culprit.kind) {
		it->culprit_kind = v->culprit.kind;
		it->culprit = or_null(v->culprit.name);
		it->culprit_address = v->culprit.address;
	}
}

static bool add_finding(struct building *b, const struct fs_finding *f)
{
	const struct fs_verdict *v = verdict_of(b, f);
	const struct fs_rule *rule = check_rule_named(f->rule);
	struct res_item *it;

	if (v)
		b->told[v - b->r->verdicts] = TOLD;
	if (!asked(b->ask, f->rule) || !driver_match_finding(&b->match, b->m, f, v))
		return true;
	it = &b->d->items[b->d->nitems++];
	*it = (struct res_item){
		.kind = RES_FINDING,
		.rule = f->rule,
		.title = f->title ? f->title : f->rule,
		.level = level_of(f->severity),
		.message = f->message ? f->message : "",
		.confidence = fs_confidence_name(f->confidence),
		.subject = f->subject.kind,
		.name = or_null(f->subject.name),
		.address = f->subject.address,
		.advice = rule ? rule->advice : NULL,
	};
	if (v)
		take_verdict(it, v);
	judge(b, it, it->level >= b->ask->fail_on);
	if (v && it->fate == RES_TOLD)
		b->told[v - b->r->verdicts] = TOLD_BELOW;
	return take_evidence(b, it, f->evidence, f->nevidence);
}

static enum res_level level_of_state(enum fs_verdict_state s)
{
	return s == FS_ST_LEFTOVER ? RES_WARNING : s == FS_ST_REFUSED ? RES_NOTE : RES_ERROR;
}

/* A verdict that no finding tells of. A driver of which nobody knows whether it is stuck is an
 * open question, even when a cause below the level is found: it must not pass. */
static bool add_verdict(struct building *b, const struct fs_verdict *v)
{
	enum told told = b->told[v - b->r->verdicts];
	bool unknown = v->state == FS_ST_UNKNOWN;
	bool named_cause = v->cause_id && told == NOT_TOLD;
	const char *id = named_cause ? v->cause_id : CHECK_RULE_UNFINISHED;
	const struct fs_rule *rule = check_rule_named(id);
	enum res_level level =
		named_cause && rule ? level_of(rule->severity) : level_of_state(v->state);
	struct res_item *it;

	if (v->state == FS_ST_HEALTHY || !driver_match_verdict(&b->match, b->m, v))
		return true;
	b->trouble = true;
	if (told == TOLD || (told == TOLD_BELOW && !unknown) || !asked(b->ask, id))
		return true;
	it = &b->d->items[b->d->nitems++];
	*it = (struct res_item){
		.kind = unknown && (!named_cause || level < b->ask->fail_on) ? RES_OPEN
										    : RES_FINDING,
		.rule = id,
		.title = rule		  ? rule->title
			 : v->cause_title ? v->cause_title
					  : id,
		.level = level,
		.message = v->summary ? v->summary : "",
		.confidence = fs_confidence_name(v->confidence),
		.subject = v->filter ? "filter" : v->frame ? "frame" : "driver",
		.name = or_null(v->name) ? v->name : or_null(v->driver),
		.address = v->filter ? v->filter : v->frame ? v->frame : v->driver_object,
		.advice = rule ? rule->advice : NULL,
	};
	take_verdict(it, v);
	judge(b, it, it->kind == RES_OPEN || level >= b->ask->fail_on);
	return take_evidence(b, it, v->because, v->nbecause);
}

/* --- what stays open -------------------------------------------------------------- */

/* A rule that the dump could not answer. Nobody knows for which driver it would have
 * fired: with --driver it matters when that driver is in trouble, or when it was named. */
static void add_open(struct building *b, const struct fs_not_checked *n)
{
	const struct fs_rule *rule = check_rule_named(n->rule);
	struct res_item *it;

	if (!asked(b->ask, n->rule))
		return;
	it = &b->d->items[b->d->nitems++];
	*it = (struct res_item){
		.kind = RES_OPEN,
		.rule = n->rule,
		.title = rule ? rule->title : n->rule,
		.level = rule ? level_of(rule->severity) : RES_ERROR,
		.message = n->why ? n->why : "",
	};
	judge(b, it,
	      named(b->ask, n->rule) ||
		      (it->level >= b->ask->fail_on && (b->match.all || b->trouble)));
}

/* A sentence that must not get lost: without it a dump would pass. */
static const char *kept(const char *s)
{
	return s ? s : "out of memory";
}

/* Loaded, and no filter of it: an image that stays after an unload looks like this
 * (rule 25), and so does a driver that never registered one. */
static void add_loaded(struct building *b)
{
	static const struct fs_not_checked open = {
		"driver-object-leaked",
		"the driver is loaded and has no filter: whether it is still to be unloaded, or its "
		"driver object is leaked, is not known"};
	static const struct fs_not_checked unread = {
		"driver-object-leaked",
		"the driver is loaded; whether it has a filter is not known, since not every list "
		"of frames and filters is whole"};
	size_t i;

	if (b->match.all || b->match.filters || !b->match.loaded || !asked(b->ask, open.rule))
		return;
	for (i = 0; i < b->d->nitems; i++)
		if (strcmp(b->d->items[i].rule, open.rule) == 0)
			return;
	b->trouble = true;
	add_open(b, b->whole ? &open : &unread);
}

/* A rule that was named is answered only when what it reads was read: the checks themselves say
 * so only where something is stuck, and a silent rule that looked at nothing is no pass. */
static void add_not_read(struct building *b)
{
	size_t i, j;

	for (i = 0; i < check_rule_count(); i++) {
		struct fs_not_checked open = {check_rule_at(i)->id, NULL};

		if (!named(b->ask, open.rule))
			continue;
		open.why = check_not_read(b->m, open.rule);
		for (j = 0; open.why && j < b->d->nitems; j++)
			if (strcmp(b->d->items[j].rule, open.rule) == 0)
				open.why = NULL;
		if (open.why)
			add_open(b, &open);
	}
}

/* The dump as a whole: NULL when it answers. */
static const char *problem(struct building *b, const struct coverage *c)
{
	const struct driver_match *k = &b->match;

	if (k->all && coverage_is_full(c))
		return NULL;
	if (k->all)
		return kept(arena_printf(b->a,
					 "not all could be decided: %" PRIu64
					 " filters counted, %zu reached, the state of %zu told%s",
					 c->counted, c->filters, c->decided,
					 c->whole ? "" : "; not every list is whole"));
	if (!k->known)
		return kept(
			arena_printf(b->a,
				     "%s was never seen in this dump: no filter, driver object, "
				     "service or image, loaded or unloaded, has that name",
				     k->name));
	if (k->filters > 0 && k->decided == k->filters)
		return NULL;
	if (k->filters > 0)
		return kept(arena_printf(b->a,
					 "the state of %zu of the %zu filters of %s cannot be told",
					 k->filters - k->decided, k->filters, k->name));
	if (!c->whole || (!k->loaded && !b->m->modules_whole))
		return kept(arena_printf(
			b->a, "no filter of %s was reached, and not all could be: %s", k->name,
			c->whole ? "the module list is not whole"
				 : "not every list of frames and filters is whole"));
	return NULL;
}

static const char *looked_at(struct building *b)
{
	const struct fs_model *m = b->m;
	const struct driver_match *k = &b->match;

	if (k->all)
		return arena_printf(b->a, "frames %zu, filters %zu, instances %zu, volumes %zu",
				    m->nframes, m->nfilters, m->ninstances, m->nvolumes);
	if (k->filters > 0)
		return arena_printf(b->a, "%s: filters %zu", k->name, k->filters);
	if (!k->loaded && k->unloaded)
		return arena_printf(b->a,
				    "%s was unloaded: it is in the list of unloaded drivers, "
				    "has no filter and is not loaded",
				    k->name);
	return arena_printf(b->a, "%s has no filter registered", k->name);
}

void check_cannot(struct res_dump *d, enum res_status status, const char *why)
{
	d->status = status;
	d->problem = why;
}

static bool add_items(struct building *b)
{
	const struct fs_report *r = b->r;
	size_t i;

	b->d->items = arena_alloc(b->a, (r->nfindings + r->nverdicts + r->nnot_checked + 2 +
					check_rule_count()) *
					       sizeof(*b->d->items));
	if (!b->d->items || !make_ties(b))
		return false;
	for (i = 0; i < r->nfindings; i++)
		if (!add_finding(b, &r->findings[i]))
			return false;
	for (i = 0; i < r->nverdicts; i++)
		if (!add_verdict(b, &r->verdicts[i]))
			return false;
	for (i = 0; i < r->nnot_checked; i++)
		add_open(b, &r->not_checked[i]);
	add_loaded(b);
	add_not_read(b);
	return true;
}

bool check_build(struct arena *a, struct check_ask *ask, const struct fs_model *m,
		 const struct fs_report *r, struct res_dump *ret)
{
	struct building b = {.a = a, .ask = ask, .m = m, .r = r, .d = ret};
	struct coverage c;

	c = coverage_of(m, r, NULL);
	b.whole = c.whole;
	if (!driver_match(a, m, r, ask->driver, &b.match) || !add_items(&b))
		return false;
	ret->matches = b.match.matches;
	ret->nmatches = b.match.nmatches;
	ret->problem = problem(&b, &c);
	if (!ret->problem)
		ret->looked_at = looked_at(&b);
	if (!ret->problem && !ret->looked_at)
		return false;
	ret->status = ret->counted		  ? RES_FINDINGS
		      : ret->problem || ret->open ? RES_UNDECIDED
						  : RES_CLEAN;
	return true;
}
