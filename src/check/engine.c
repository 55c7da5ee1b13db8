/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"
#include "check/graph.h"
#include "check/unload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fs_rule rules[] = {
#define RULE(number_, id_, severity_, function_, title_, explanation_, reads_, advice_)            \
	{.id = id_,                                                                                \
	 .title = title_,                                                                          \
	 .number = number_,                                                                        \
	 .severity = severity_,                                                                    \
	 .explanation = explanation_,                                                              \
	 .reads = reads_,                                                                          \
	 .advice = advice_},
#include "check/checks.def"
#undef RULE
};

static void (*const functions[])(struct check_run *) = {
	/* what is going on, before why */
	chk_draining,
#define RULE(number_, id_, severity_, function_, title_, explanation_, reads_, advice_) function_,
#include "check/checks.def"
#undef RULE
	/* only what no rule explains */
	chk_unload_open,
	chk_pending,
	chk_waiters,
};

size_t fs_rule_count(void)
{
	return sizeof(rules) / sizeof(rules[0]);
}

const struct fs_rule *fs_rule_at(size_t i)
{
	return i < fs_rule_count() ? &rules[i] : NULL;
}

static const struct fs_rule *rule_named(const char *id)
{
	size_t i;

	for (i = 0; i < fs_rule_count(); i++)
		if (strcmp(rules[i].id, id) == 0)
			return &rules[i];
	return NULL;
}

const char *rule_advice(const char *id)
{
	const struct fs_rule *r = rule_named(id);

	return r ? r->advice : "";
}

const char *run_text(struct check_run *run, const char *fmt, ...)
{
	static const char cut[] = " ... (cut)";
	char buf[1024];
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	/* names of a hostile dump may be longer than any sentence */
	if (n >= (int)sizeof(buf))
		memcpy(buf + sizeof(buf) - sizeof(cut), cut, sizeof(cut));
	s = arena_strdup(run->a, buf);
	if (!s) {
		run->out_of_memory = true;
		return "";
	}
	return s;
}

void evidence_add(struct check_run *run, evidence_vec *ev, const struct fs_value *v,
		  uint64_t object, const char *field, const char *fact, const char *fmt, ...)
{
	struct fs_evidence *e = vec_push(ev);
	char buf[512];
	va_list ap;

	if (!e) {
		run->out_of_memory = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	e->fact = fact;
	e->address = v && v->at ? v->at : object;
	e->field = field;
	e->value = run_text(run, "%s", buf);
}

void evidence_hex(struct check_run *run, evidence_vec *ev, const struct fs_value *v,
		  uint64_t object, const char *field, const char *fact)
{
	if (v->state == FS_READ)
		evidence_add(run, ev, v, object, field, fact, "0x%llx", (unsigned long long)v->v);
	else
		evidence_add(run, ev, v, object, field, fact, "not read");
}

struct fs_evidence *evidence_take(struct check_run *run, evidence_vec *ev, size_t *ret_n)
{
	struct fs_evidence *e = NULL;

	*ret_n = 0;
	if (ev->n > 0) {
		e = arena_alloc(run->a, ev->n * sizeof(*e));
		if (e) {
			memcpy(e, ev->v, ev->n * sizeof(*e));
			*ret_n = ev->n;
		} else {
			run->out_of_memory = true;
		}
	}
	vec_free(ev);
	return e;
}

struct fs_finding *finding_add(struct check_run *run, const char *rule, enum fs_confidence c,
			       const char *kind, uint64_t address, const char *name)
{
	const struct fs_rule *r = rule_named(rule);
	struct fs_finding *f = vec_push(&run->findings);

	if (!f) {
		run->out_of_memory = true;
		return NULL;
	}
	f->rule = rule;
	f->title = r ? r->title : rule;
	f->severity = r ? r->severity : FS_WARNING;
	f->confidence = c;
	f->subject = (struct fs_subject){kind, address, name};
	f->message = "";
	f->advice = r ? r->advice : "";
	return f;
}

bool verdict_exists(const struct check_run *run, size_t filter)
{
	size_t i;

	for (i = 0; i < run->verdicts.n; i++)
		if (run->verdicts.v[i].filter == run->m->filters[filter].address)
			return true;
	return false;
}

struct fs_verdict *verdict_for(struct check_run *run, size_t filter)
{
	const struct fs_filter *f = &run->m->filters[filter];
	struct fs_verdict *v;
	size_t i;

	for (i = 0; i < run->verdicts.n; i++)
		if (run->verdicts.v[i].filter == f->address)
			return &run->verdicts.v[i];
	v = vec_push(&run->verdicts);
	if (!v) {
		run->out_of_memory = true;
		return NULL;
	}
	v->filter = f->address;
	v->driver_object = fs_is_read(&f->driver_object) ? f->driver_object.v : 0;
	v->driver = f->driver >= 0 ? driver_label(run, (size_t)f->driver) : "";
	v->name = filter_label(run, filter);
	v->stage = run->stages[filter];
	v->summary = "";
	v->culprit.name = "";
	return v;
}

void verdict_tells(struct check_run *run, struct fs_verdict *v, const struct fs_finding *fd)
{
	v->cause_id = fd->rule;
	v->cause_title = fd->title;
	v->confidence = fd->confidence;
	v->because = fd->evidence;
	v->nbecause = fd->nevidence;
	v->summary = run_text(run, "%s.", fd->message);
	v->advice = rule_advice(fd->rule);
}

void not_checked_add(struct check_run *run, const char *rule, const char *why)
{
	struct fs_not_checked *n;
	size_t i;

	for (i = 0; i < run->not_checked.n; i++)
		if (strcmp(run->not_checked.v[i].rule, rule) == 0)
			return;
	n = vec_push(&run->not_checked);
	if (!n) {
		run->out_of_memory = true;
		return;
	}
	n->rule = rule;
	n->why = why;
}

enum fs_confidence confidence_cap(enum fs_confidence c, const struct fs_value *v)
{
	return v->state != FS_READ || v->unproved ? FS_POSSIBLE : c;
}

/* What needs a person first comes first; otherwise the order of the walk. */
static int rank(const struct fs_verdict *v)
{
	static const int order[] = {[FS_ST_STUCK] = 0,
				    [FS_ST_UNKNOWN] = 1,
				    [FS_ST_LEFTOVER] = 2,
				    [FS_ST_REFUSED] = 3,
				    [FS_ST_HEALTHY] = 4};

	return order[v->state] * 2 + (v->cause_id ? 0 : 1);
}

static void sort_verdicts(struct check_run *run)
{
	size_t i, j;

	/* stable insertion sort: there are as many verdicts as drivers in trouble */
	for (i = 1; i < run->verdicts.n; i++) {
		struct fs_verdict v = run->verdicts.v[i];

		for (j = i; j > 0 && rank(&run->verdicts.v[j - 1]) > rank(&v); j--)
			run->verdicts.v[j] = run->verdicts.v[j - 1];
		run->verdicts.v[j] = v;
	}
}

static void *to_arena(struct check_run *run, const void *p, size_t n, size_t size)
{
	void *q;

	if (n == 0)
		return NULL;
	q = arena_alloc(run->a, n * size);
	if (!q) {
		run->out_of_memory = true;
		return NULL;
	}
	memcpy(q, p, n * size);
	return q;
}

static void take_report(struct check_run *run, struct fs_report *r)
{
	sort_verdicts(run);
	r->verdicts = to_arena(run, run->verdicts.v, run->verdicts.n, sizeof(*run->verdicts.v));
	r->nverdicts = run->verdicts.n;
	r->findings = to_arena(run, run->findings.v, run->findings.n, sizeof(*run->findings.v));
	r->nfindings = run->findings.n;
	r->not_checked =
		to_arena(run, run->not_checked.v, run->not_checked.n, sizeof(*run->not_checked.v));
	r->nnot_checked = run->not_checked.n;
	r->stages = run->stages;
	r->stage_why = run->stage_why;
	r->wait_for = run->graph;
}

static bool make_stages(struct check_run *run)
{
	size_t i, n = run->m->nfilters;

	run->stages = arena_alloc(run->a, (n + 1) * sizeof(*run->stages));
	run->stage_why = arena_alloc(run->a, (n + 1) * sizeof(*run->stage_why));
	run->causes = arena_alloc(run->a, (n + 1) * sizeof(*run->causes));
	run->own_instance = arena_alloc(run->a, (n + 1) * sizeof(*run->own_instance));
	if (!run->stages || !run->stage_why || !run->causes || !run->own_instance || !make_unload_locks(run))
		return false;
	for (i = 0; i < n; i++)
		run->own_instance[i] = find_unload_instance(run, i);
	for (i = 0; i < n; i++)
		run->stages[i] = stage_of(run, i, &run->stage_why[i]);
	name_unload_locks(run);
	return graph_build(run);
}

enum fs_status check_all(const struct fs_model *model, struct arena *arena, struct fs_report *ret,
			 struct fs_error *err)
{
	struct check_run run = {.m = model, .a = arena};
	struct fs_report report = {0};
	size_t i;

	if (make_stages(&run))
		for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
			functions[i](&run);
	else
		run.out_of_memory = true;
	if (run.graph && !graph_finish(&run))
		run.out_of_memory = true;
	take_report(&run, &report);
	vec_free(&run.findings);
	vec_free(&run.verdicts);
	vec_free(&run.not_checked);
	if (run.out_of_memory)
		return fs_fail(err, FS_NO_MEMORY, "out of memory while running the checks");
	*ret = report;
	return FS_OK;
}
