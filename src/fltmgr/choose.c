/* SPDX-License-Identifier: BSD-2-Clause */
/* Which layout reads this Filter Manager truly: every candidate is tried and scored. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "fltmgr/from_code.h"
#include "fltmgr/prove.h"

/* What is known of the image that the layout must fit. */
struct image {
	const struct module *module;
	uint32_t timestamp, size;
	char guid_age[48]; /* "" when there is no debug record in the dump */
	char pdb[64];
};

struct trial {
	const struct fltmgr_given *given;
	const struct reader *r; /* the caller's; fltmgr is set for each trial */
	const struct modules *m;
	const struct image *image;
	const struct recover_offsets *exports; /* what fltmgr's exported functions show */
	struct arena *arena;
	const char *machine;
	bool foreign; /* the layouts are of another machine: nothing counts as proved */
	bool user;
};

/* One layout tried. */
struct outcome {
	struct layout *layout; /* borrowed from the candidates */
	enum layout_match match;
	bool pdb; /* made from the image's own PDB */
	struct fltmgr_site site;
	struct proof proof;
	bool code;    /* made of what the code shows */
	bool located; /* frames were found; they do not fit the layout */
	long score;
};

static void read_image(const struct reader *r, const struct module *fm, struct image *ret)
{
	struct pe pe;
	struct rsds rsds;

	*ret = (struct image){.module = fm, .size = fm->size};
	if (fm->timestamp_read)
		ret->timestamp = fm->timestamp;
	if (pe_read(r->vm, fm, &pe, NULL) != FS_OK)
		return;
	ret->timestamp = pe.timestamp;
	ret->size = pe.size_of_image;
	if (rsds_read(r->vm, fm, &pe, &rsds, NULL) != FS_OK)
		return;
	snprintf(ret->guid_age, sizeof(ret->guid_age), "%s%" PRIX32, rsds.guid, rsds.age);
	snprintf(ret->pdb, sizeof(ret->pdb), "%.63s", path_base(rsds.pdb));
}

/* FltGlobals of exactly this image; a user's layout may simply say it. */
static bool known_rva(const struct trial *t, const struct layout *l, uint64_t *ret)
{
	size_t i;

	for (i = 0; i < layout_image_count(l); i++) {
		struct layout_image x = layout_image(l, i);
		bool same = t->image->guid_age[0] && x.guid_age[0]
				    ? str_ieq(t->image->guid_age, x.guid_age)
				    : x.timestamp && x.timestamp == t->image->timestamp &&
					      x.size_of_image == t->image->size;

		if (same && layout_image_symbol(l, i, "FltGlobals", ret))
			return true;
	}
	return t->user && layout_symbol(l, "FltGlobals", ret);
}

/* A field that a check confirmed counts one, a contradicted one takes two away. */
static long score(const struct proof *p)
{
	long n = 0;
	size_t i;

	for (i = 0; i < F_COUNT; i++) {
		if (p->field[i] == PROOF_HELD)
			n++;
		else if (p->field[i] == PROOF_FAILED)
			n -= 2;
	}
	return n;
}

static void distrust(struct proof *p)
{
	size_t i;

	for (i = 0; i < F_COUNT; i++) {
		if (p->field[i] == PROOF_HELD)
			p->field[i] = PROOF_NONE;
	}
}

static void outcome_deinit(struct outcome *o)
{
	fltmgr_site_deinit(&o->site);
	proof_deinit(&o->proof);
}

/* Not even the order of the members was seen in a PDB of this build and machine: then it knows no
 * more of this image than the layout of another build does. */
static bool order_inferred(const struct layout *l)
{
	const char *v = l ? layout_fact(l, "member-order") : NULL;

	return v && strcmp(v, "inferred") == 0;
}

/* Only out of memory ends the choice; a layout that finds nothing is refused with the reason. */
static enum fs_status try_layout(const struct trial *t, struct outcome *o, struct fs_error *err)
{
	struct reader r = *t->r;
	struct locate_in in = {.r = &r, .fltmgr = t->image->module};
	/* A user's layout is held to the structures like any other: it may be for
	 * another dump. */
	bool foreign = t->foreign && !o->pdb;
	bool ordered = o->match == LMATCH_BUILD && !foreign && !order_inferred(o->layout);
	enum proof_trust trust = t->user || ordered	   ? TRUST_ORDER
				 : o->match == LMATCH_EXACT ? TRUST_LAYOUT
							    : TRUST_NOTHING;
	enum fs_status st;

	r.fltmgr = o->layout;
	in.rva_how = "known RVA of this image";
	in.rva_known = known_rva(t, o->layout, &in.globals_rva);
	if (t->given->globals_known) {
		in.rva_known = true;
		in.globals_rva = t->given->globals_rva;
		in.rva_how = "symbol FltGlobals";
	}
	st = fltmgr_locate(&in, &o->site, err);
	if (st == FS_NO_MEMORY)
		return st;
	if (st != FS_OK) {
		snprintf(o->proof.why, sizeof(o->proof.why), "%.*s", (int)sizeof(o->proof.why) - 1,
			 err->text);
		return FS_OK;
	}
	o->located = true;
	st = fltmgr_prove(&r, t->m, &o->site, trust, &(struct proof_code){t->exports, false},
			  &o->proof, err);
	if (st != FS_OK)
		return st;
	o->score = score(&o->proof);
	if (foreign)
		distrust(&o->proof);
	return FS_OK;
}

static enum fs_status record(const struct trial *t, const struct outcome *o,
			     struct fltmgr_choice *ret, struct fs_error *err)
{
	static const char *const names[] = {
		[LMATCH_EXACT] = "exact", [LMATCH_BUILD] = "build", [LMATCH_FAMILY] = "family"};
	struct fs_layout_candidate *c = vec_push(&ret->candidates);
	bool foreign = t->foreign && !o->pdb && !o->code;

	if (!c)
		return fs_fail(err, FS_NO_MEMORY, "out of memory while choosing a layout");
	c->id = arena_strdup(t->arena, layout_id(o->layout));
	c->match = t->user ? "user" : o->pdb ? "pdb" : o->code ? "code" : names[o->match];
	c->held = o->proof.held;
	c->failed = o->proof.failed;
	c->refused = !o->proof.accepted;
	if (c->refused)
		c->why = arena_strdup(t->arena, o->proof.why);
	else if (foreign)
		c->why = arena_printf(t->arena, "a layout of another machine, read on %s: inferred",
				      t->machine);
	if (!c->id || ((c->refused || foreign) && !c->why))
		return fs_fail(err, FS_NO_MEMORY, "out of memory while choosing a layout");
	return FS_OK;
}

/* A shipped layout that lost is not needed any more; the user's and the nearest are. */
static void drop_refused(const struct trial *t, struct layout_candidate *c,
			 const struct outcome *nearest)
{
	if (c->layout == nearest->layout || c->layout == t->given->user ||
	    c->layout == t->given->pdb)
		return;
	layout_free(c->layout);
	c->layout = NULL;
}

/* Try all, keep the best in *best (best->layout NULL: none). The nearest build
 * comes first and wins ties; an image's own layout that is accepted ends it. */
static enum fs_status try_all(const struct trial *t, struct layout_candidates *all,
			      struct outcome *best, struct outcome *nearest,
			      struct fltmgr_choice *ret, struct fs_error *err)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		struct outcome o = {.match = all->v[i].match};
		struct fs_error e = {0};
		enum fs_status st = layout_candidate_load(&all->v[i], &e);

		o.layout = all->v[i].layout;
		o.pdb = o.layout == t->given->pdb;
		if (st == FS_OK)
			st = try_layout(t, &o, &e);
		if (st == FS_OK)
			st = record(t, &o, ret, &e);
		if (st != FS_OK) {
			outcome_deinit(&o);
			if (err)
				*err = e;
			return st;
		}
		if (!nearest->layout) {
			nearest->layout = o.layout;
			nearest->match = o.match;
			nearest->pdb = o.pdb;
			nearest->located = o.located;
			memcpy(nearest->proof.why, o.proof.why, sizeof(o.proof.why));
		}
		if (o.proof.accepted && (!best->layout || o.score > best->score)) {
			outcome_deinit(best);
			*best = o;
			if (o.match == LMATCH_EXACT)
				return FS_OK;
		} else {
			outcome_deinit(&o);
			drop_refused(t, &all->v[i], nearest);
		}
	}
	return FS_OK;
}

/* Functions were recognised, and still there is no layout: why. */
static enum fs_status tell_why_not(const struct trial *t, const struct fs_error *why,
				   struct fltmgr_choice *ret, struct fs_error *err)
{
	struct fs_layout_candidate *c = vec_push(&ret->candidates);

	if (c)
		*c = (struct fs_layout_candidate){.match = "code", .refused = true};
	if (c) {
		c->id = arena_printf(t->arena, "fltmgr-code-%s", t->machine);
		c->why = arena_strdup(t->arena, why->text);
	}
	return c && c->id && c->why
		       ? FS_OK
		       : fs_fail(err, FS_NO_MEMORY, "out of memory while choosing a layout");
}

/* What the code shows, when no layout fits; best->layout is then owned by the caller. A code
 * that shows nothing is no candidate. */
static enum fs_status try_code(const struct trial *t, uint32_t build, struct outcome *best,
			       struct fltmgr_choice *ret, struct fs_error *err)
{
	struct outcome o = {.match = LMATCH_FAMILY, .code = true};
	struct reader r = *t->r;
	struct from_code f;
	struct fs_error why = {0};
	enum fs_status st = fltmgr_from_code(t->r, t->m, build, t->machine, t->exports, &f, &why);

	if (st == FS_NO_MEMORY) {
		if (err)
			*err = why;
		return st;
	}
	if (st == FS_CORRUPT || (st != FS_OK && why.has_address))
		return tell_why_not(t, &why, ret, err);
	if (st != FS_OK)
		return FS_OK; /* as if there were no code */
	o.layout = f.layout;
	o.site = f.site;
	r.fltmgr = f.layout;
	st = fltmgr_prove(&r, t->m, &o.site, TRUST_NOTHING, &(struct proof_code){t->exports, true},
			  &o.proof, err);
	if (st == FS_OK)
		st = record(t, &o, ret, err);
	if (st == FS_OK && o.proof.accepted && !from_code_list(&f, ret))
		st = fs_fail(err, FS_NO_MEMORY, "out of memory while choosing a layout");
	if (st == FS_OK && o.proof.accepted) {
		*best = o;
		return FS_OK;
	}
	proof_deinit(&o.proof);
	from_code_deinit(&f);
	return st;
}

/* The image by what a symbol server asks for: the debug record names the PDB, else time stamp
 * and size name the image. */
static void name_image(const struct image *x, char *ret, size_t size)
{
	if (x->guid_age[0])
		(void)snprintf(ret, size, "%s %s", x->pdb, x->guid_age);
	else if (x->timestamp)
		(void)snprintf(ret, size,
			       "time stamp 0x%08" PRIx32 ", size 0x%" PRIx32
			       ", no debug record in the dump",
			       x->timestamp, x->size);
	else
		(void)snprintf(ret, size, "size 0x%" PRIx32 ", no header in the dump", x->size);
}

/* What to bring where no layout is this build's own. */
static enum fs_status not_known(const struct trial *t, uint32_t build,
				const struct outcome *nearest, struct fs_error *err)
{
	char image[192], of[64] = "";

	name_image(t->image, image, sizeof(image));
	if (build)
		(void)snprintf(of, sizeof(of), " (%" PRIu32 ", %s)", build, t->machine);
	else
		(void)snprintf(of, sizeof(of), " (%s, its number not known)", t->machine);
	if (!nearest->layout)
		return fs_fail(err, FS_NOT_FOUND,
			       "the layout of this build%s is not known, and none for %s is: bring "
			       "fltmgr.sys's PDB and give it with -y (%s)",
			       of, t->machine, image);
	return fs_fail(err, FS_NOT_FOUND,
		       "the layout of this build%s is not known, and %s (nearest, %s: %s): bring "
		       "fltmgr.sys's PDB and give it with -y (%s)",
		       of,
		       nearest->located ? "no known one fits the Filter Manager's state"
					: "no Filter Manager state was found with the others",
		       layout_id(nearest->layout), nearest->proof.why, image);
}

static enum fs_status nothing_fits(const struct trial *t, uint32_t build,
				   const struct outcome *nearest, struct fs_error *err)
{
	char image[192];

	if (!nearest->layout ||
	    (!t->user && !nearest->pdb && (nearest->match == LMATCH_FAMILY || t->foreign ||
					       order_inferred(nearest->layout))))
		return not_known(t, build, nearest, err);
	name_image(t->image, image, sizeof(image));
	return fs_fail(err, FS_NOT_FOUND, "%s: %s (layout %s; fltmgr.sys: %s)",
		       nearest->located ? "no known layout fits the Filter Manager's state"
					: "no Filter Manager state was found",
		       nearest->proof.why, layout_id(nearest->layout), image);
}

static enum fs_layout_source source_of(const struct trial *t, const struct outcome *o)
{
	if (t->user)
		return FS_LAYOUT_USER;
	if (o->pdb)
		return FS_LAYOUT_PDB;
	if (o->code)
		return FS_LAYOUT_CODE;
	return o->match == LMATCH_EXACT ? FS_LAYOUT_EXACT : FS_LAYOUT_FAMILY;
}

/* Before all others: what the image's own PDB says. Owned by the list from here on. */
static enum fs_status put_first(struct layout *pdb, struct layout_candidates *all,
				struct fs_error *err)
{
	struct layout_candidate *v = calloc(all->n + 1, sizeof(*v));

	if (!v) {
		layout_free(pdb);
		return fs_fail(err, FS_NO_MEMORY, "out of memory while choosing a layout");
	}
	v[0] = (struct layout_candidate){.layout = pdb, .match = LMATCH_EXACT};
	if (all->n)
		memcpy(v + 1, all->v, all->n * sizeof(*v));
	free(all->v);
	all->v = v;
	all->n++;
	return FS_OK;
}

static enum fs_status candidates(struct trial *t, uint32_t build, struct layout *user,
				 struct layout_candidates *ret, struct fs_error *err)
{
	struct layout_want want = {
		.module = LM_FLTMGR,
		.machine = t->machine,
		.build = build,
		.timestamp = t->image->timestamp,
		.size_of_image = t->image->size,
		.guid_age = t->image->guid_age[0] ? t->image->guid_age : NULL,
	};
	enum fs_status st;

	if (user) {
		t->user = true;
		ret->v = calloc(1, sizeof(*ret->v));
		if (!ret->v)
			return fs_fail(err, FS_NO_MEMORY, "out of memory while choosing a layout");
		ret->v[0] = (struct layout_candidate){.layout = user, .match = LMATCH_EXACT};
		ret->n = 1;
		return FS_OK;
	}
	st = layout_select(&want, ret, err);
	if (st == FS_NOT_FOUND || (st == FS_OK && !ret->n)) {
		/* The structures of a build are the same on all 64-bit machines as far as is
		 * known, which is not proof: they are read as inferred. */
		if (vm_pointer_size(t->r->vm) != 8)
			return FS_OK;
		t->foreign = true;
		want.machine = "x64";
		layout_candidates_free(ret);
		*ret = (struct layout_candidates){0};
		st = layout_select(&want, ret, err);
	}
	return st == FS_NOT_FOUND ? FS_OK : st;
}

enum fs_status fltmgr_choose(const struct reader *r, const struct modules *m, uint32_t build,
			     const struct fltmgr_given *given, struct arena *arena,
			     struct fltmgr_choice *ret, struct fs_error *err)
{
	static const struct fltmgr_given nothing;

	const struct module *fm = module_fltmgr(m);
	struct image image;
	struct layout *user;
	struct trial t = {.r = r, .m = m, .image = &image, .arena = arena};
	struct layout_candidates all = {0};
	struct outcome best = {0}, nearest = {0};
	struct recover_offsets exports;
	enum fs_status st;
	size_t i;

	*ret = (struct fltmgr_choice){0};
	t.given = given ? given : &nothing;
	user = t.given->user;
	if (!fm) {
		layout_free(t.given->pdb);
		return fs_fail(err, FS_NOT_FOUND,
			       "fltmgr.sys is not among the %zu modules of this dump%s", m->list.n,
			       m->complete ? "" : " that could be read: their list is not whole");
	}
	t.machine = dump_machine_name(dump_info(vm_dump(r->vm))->machine);
	read_image(r, fm, &image);
	t.exports = &exports;
	st = fltmgr_exported_code(r, fm, &exports, err);
	if (st != FS_NO_MEMORY)
		st = candidates(&t, build, user, &all, err);
	if (t.given->pdb) {
		enum fs_status put = put_first(t.given->pdb, &all, err);

		st = st == FS_OK ? put : st;
	}
	if (st == FS_OK)
		st = try_all(&t, &all, &best, &nearest, ret, err);
	if (st == FS_OK && !best.layout && !t.user)
		st = try_code(&t, build, &best, ret, err);
	if (st == FS_OK && !best.layout)
		st = nothing_fits(&t, build, &nearest, err);
	if (st == FS_OK) {
		ret->layout = best.layout;
		ret->source = source_of(&t, &best);
		ret->match = best.match == LMATCH_BUILD && order_inferred(best.layout)
				     ? LMATCH_FAMILY
				     : best.match;
		ret->site = best.site;
		ret->proof = best.proof;
		for (i = 0; i < all.n; i++) {
			if (all.v[i].layout == best.layout)
				all.v[i].layout = NULL; /* now the choice's */
		}
	} else {
		if (best.code)
			layout_free(best.layout);
		outcome_deinit(&best);
	}
	if (user && all.n && all.v[0].layout == user)
		all.v[0].layout = NULL; /* refused: still the caller's */
	layout_candidates_free(&all);
	return st;
}

void fltmgr_choice_deinit(struct fltmgr_choice *c)
{
	layout_free(c->layout);
	fltmgr_site_deinit(&c->site);
	proof_deinit(&c->proof);
	vec_free(&c->candidates);
	vec_free(&c->code);
	*c = (struct fltmgr_choice){0};
}
