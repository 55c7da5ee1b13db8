/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fltmgr/prove.h"

/* The most fields that one check touches. */
#define INV_FIELDS 6

struct inv_field {
	enum field_id field;
	bool accused;	/* contradicted when the check fails throughout */
	bool confirmed; /* when it holds */
};

struct inv_decl {
	enum inv_weight weight;
	const char *what;
	const char *fields;
	struct inv_field field[INV_FIELDS + 1]; /* F_COUNT ends it */
};

#define C1(t, f)		   {F##t##_##f, true, true},
#define C(t, f)			   {F##t##_##f, true, true},
#define S1(t, f)		   {F##t##_##f, false, true},
#define S(t, f)			   {F##t##_##f, false, true},
#define A1(t, f)		   {F##t##_##f, true, false},
#define NOFIELD(s)		   /* none */
#define INV(id, weight, what, ...) {weight, what, NULL, {__VA_ARGS__{F_COUNT, false, false}}},
static const struct inv_decl inv_decls[] = {
#include "fltmgr/invariants.def"
};
#undef C1
#undef C
#undef S1
#undef S
#undef A1
#undef NOFIELD

/* The same lines once more, as text. */
#define C1(t, f)		   #t "." #f
#define C(t, f)			   ", " #t "." #f
#define S1(t, f)		   #t "." #f
#define S(t, f)			   ", " #t "." #f
#define A1(t, f)		   #t "." #f
#define NOFIELD(s)		   s
#define INV(id, weight, what, ...) __VA_ARGS__,
static const char *const inv_fields[] = {
#include "fltmgr/invariants.def"
};

struct bracket {
	enum field_id field;
	enum inv a, b;
};

#define BRACKET(t, f, a, b) {F##t##_##f, I_##a, I_##b},
static const struct bracket brackets[] = {
#include "fltmgr/invariants.def"
};

void inv_hold(struct prover *p, enum inv id, size_t n)
{
	p->tally[id].held += n;
}

void inv_fail(struct prover *p, enum inv id, uint64_t at, const char *fmt, ...)
{
	struct tally *t = &p->tally[id];
	va_list ap;

	if (t->failed++)
		return;
	t->failed_at = at;
	va_start(ap, fmt);
	vsnprintf(t->detail, sizeof(t->detail), fmt, ap);
	va_end(ap);
}

enum finding { NO_EVIDENCE, HOLDS, MIXED, FAILS };

/*
 * A wrong offset fails on nearly every object, damage on one or two: FAILS is
 * the majority. A few failures among many do not take a proof away, but one that
 * is only just the majority proves nothing either. Where the layout belongs to
 * this very image, only a field that never once holds is contradicted.
 */
static enum finding judge(const struct tally *t, enum proof_trust trust)
{
	if (!t->held && !t->failed)
		return NO_EVIDENCE;
	if (!t->failed)
		return HOLDS;
	if (trust == TRUST_LAYOUT)
		return !t->held && t->failed > 3 ? FAILS : t->held >= 4 * t->failed ? HOLDS : MIXED;
	if (t->failed > t->held)
		return FAILS;
	return t->held >= 4 * t->failed ? HOLDS : MIXED;
}

/* Each field: contradicted by any check that accuses it, else held by any; a
 * check that is undecided adds nothing. */
static void judge_fields(const struct prover *p, enum proof_trust trust, struct proof *ret)
{
	size_t i;
	int id;

	for (id = 0; id < I_COUNT; id++) {
		enum finding f = judge(&p->tally[id], trust);
		const struct inv_field *x;

		for (x = inv_decls[id].field; x->field != F_COUNT; x++) {
			enum proof_state *s = &ret->field[x->field];

			if (f == FAILS && x->accused)
				*s = PROOF_FAILED;
			else if (f == HOLDS && *s != PROOF_FAILED &&
				 (x->confirmed || trust != TRUST_NOTHING))
				*s = PROOF_HELD;
		}
	}
	for (i = 0; i < sizeof(brackets) / sizeof(brackets[0]); i++) {
		enum proof_state *s = &ret->field[brackets[i].field];

		if (*s == PROOF_HELD && (judge(&p->tally[brackets[i].a], trust) != HOLDS ||
					 judge(&p->tally[brackets[i].b], trust) != HOLDS))
			*s = PROOF_NONE;
	}
}

static bool list_checks(const struct prover *p, struct proof *ret)
{
	int id;

	for (id = 0; id < I_COUNT; id++) {
		const struct tally *t = &p->tally[id];
		struct proof_check *c;

		if (!t->held && !t->failed)
			continue;
		c = vec_push(&ret->checks);
		if (!c)
			return false;
		c->what = inv_decls[id].what;
		c->fields = inv_fields[id];
		c->held = t->held;
		c->failed = t->failed;
		c->failed_at = t->failed_at;
		if (t->failed)
			snprintf(c->detail, sizeof(c->detail), "%zu of %zu: %s", t->failed,
				 t->held + t->failed, t->detail);
		if (inv_decls[id].weight == INV_SIZE)
			continue;
		ret->held += t->held;
		ret->failed += t->failed;
	}
	return true;
}

/* Sentence of the first anchor that refutes the layout, or NULL. */
static const struct tally *refuting(const struct prover *p, enum proof_trust trust, int *ret_id)
{
	int id;

	for (id = 0; id < I_COUNT; id++) {
		if (inv_decls[id].weight != INV_ANCHOR)
			continue;
		if (judge(&p->tally[id], trust) == FAILS) {
			*ret_id = id;
			return &p->tally[id];
		}
	}
	return NULL;
}

static void accept_or_refuse(const struct prover *p, enum proof_trust trust, struct proof *ret)
{
	const struct tally *bad;
	int id = 0;

	if (!p->frames.n) {
		snprintf(ret->why, sizeof(ret->why), "no frame was reached");
		return;
	}
	bad = refuting(p, trust, &id);
	/* With the image's own layout a contradicted anchor is damage, as long as one
	 * kind of object still answers for it. */
	if (bad && trust == TRUST_LAYOUT &&
	    (p->tally[I_FRAME_TYPE].held || p->tally[I_FILTER_TYPE].held))
		bad = NULL;
	if (bad) {
		snprintf(ret->why, sizeof(ret->why), "%s: %zu of %zu failed, first at 0x%llx: %s",
			 inv_decls[id].what, bad->failed, bad->failed + bad->held,
			 (unsigned long long)bad->failed_at, bad->detail);
		return;
	}
	if (trust != TRUST_LAYOUT && !p->tally[I_FRAME_TYPE].held) {
		snprintf(ret->why, sizeof(ret->why), "no frame could be read");
		return;
	}
	ret->accepted = true;
}

static void prover_deinit(struct prover *p)
{
	arena_deinit(&p->scratch);
	vec_free(&p->frames);
	vec_free(&p->filters);
	vec_free(&p->volumes);
	vec_free(&p->instances);
}

enum fs_status fltmgr_prove(const struct reader *r, const struct modules *m,
			    const struct fltmgr_site *site, enum proof_trust trust,
			    struct proof *ret, struct fs_error *err)
{
	struct prover *p = calloc(1, sizeof(*p));
	enum fs_status st = FS_OK;

	if (!p)
		return fs_fail(err, FS_NO_MEMORY, "out of memory while proving a layout");
	p->r = *r;
	p->r.text_left = NULL; /* PROVE_MAX_* bound what is looked at, and nothing is kept */
	p->m = m;
	p->fltmgr = module_fltmgr(m);
	p->site = site;
	prove_frames(p);
	prove_filters(p);
	prove_volumes(p);
	prove_instances(p);
	prove_unload(p);
	*ret = (struct proof){0};
	judge_fields(p, trust, ret);
	accept_or_refuse(p, trust, ret);
	ret->unload_walk = p->walk;
	ret->unload_walk_at = p->walk_at;
	if (!list_checks(p, ret) || p->out_of_memory) {
		proof_deinit(ret);
		st = fs_fail(err, FS_NO_MEMORY, "out of memory while proving a layout");
	}
	prover_deinit(p);
	free(p);
	return st;
}

void proof_deinit(struct proof *p)
{
	vec_free(&p->checks);
	*p = (struct proof){0};
}
