/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which layout reads this kernel. The one circle of the design is cut here: the
 * module list is walked with types that have never moved, then the kernel's own PDB
 * id (or build) picks the layout for everything else.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* Does a candidate read nt's own loader entry as the stable types did? */
static bool reads_loader(struct fltscope *fs, const struct layout *l, const struct module *nt)
{
	struct reader r = fs->reader;
	uint64_t base, entry;

	r.nt = l;
	if (!nt->ldr || !layout_field(l, F_KLDR_DATA_TABLE_ENTRY_DllBase) ||
	    obj_read(&r, nt->ldr, F_KLDR_DATA_TABLE_ENTRY_DllBase, &base, NULL) != FS_OK)
		return true;
	if (base != nt->base)
		return false;
	return !layout_field(l, F_KLDR_DATA_TABLE_ENTRY_EntryPoint) ||
	       obj_read(&r, nt->ldr, F_KLDR_DATA_TABLE_ENTRY_EntryPoint, &entry, NULL) != FS_OK ||
	       entry == nt->entry;
}

static enum fs_status record(struct fltscope *fs, const struct layout_candidate *c, bool refused,
			     struct fs_layout_candidate *ret, struct fs_error *err)
{
	static const char *const names[] = {
		[LMATCH_EXACT] = "exact", [LMATCH_BUILD] = "build", [LMATCH_FAMILY] = "family"};

	ret->id = arena_strdup(&fs->arena, layout_id(c->layout));
	ret->match = names[c->match];
	ret->refused = refused;
	if (!session_build(fs) && c->match == LMATCH_FAMILY) {
		struct layout_score score = session_score_nt(fs, c->layout);

		ret->held = score.held;
		ret->failed = score.failed;
	}
	ret->why = refused ? "it reads the kernel's own loader entry differently" : NULL;
	return ret->id ? FS_OK : fs_fail(err, FS_NO_MEMORY, "out of memory");
}

/* The build is not known, and neither is the image. */
static bool is_compared(const struct fltscope *fs, const struct layout_candidates *all)
{
	return !session_build(fs) && all->n && all->v[0].match == LMATCH_FAMILY;
}

/* Each candidate is tried on the processes, and the one that reads them best is moved to the
 * front. The newest stays first where nothing tells. */
static enum fs_status best_first(struct fltscope *fs, struct layout_candidates *all,
				 const struct module *nt, struct fs_error *err)
{
	struct layout_candidate front;
	int64_t best_score = 0;
	size_t i, best = 0;

	if (!is_compared(fs, all))
		return FS_OK;
	for (i = 0; i < all->n; i++) {
		enum fs_status st = layout_candidate_load(&all->v[i], err);
		int64_t score;

		if (st != FS_OK)
			return st;
		if (nt && !reads_loader(fs, all->v[i].layout, nt))
			continue;
		score = layout_score_of(session_score_nt(fs, all->v[i].layout));
		if (i == 0 || score > best_score) {
			best = i;
			best_score = score;
		}
	}
	front = all->v[best];
	memmove(&all->v[1], &all->v[0], best * sizeof(front));
	all->v[0] = front;
	return FS_OK;
}

static enum fs_status take_best(struct fltscope *fs, struct layout_candidates *all,
				const struct module *nt, struct fs_error *err)
{
	struct fs_layout *info = &fs->model.nt;
	bool compared = is_compared(fs, all); /* then all of them are told */
	size_t i;

	info->candidates = arena_alloc(&fs->arena, (all->n + 1) * sizeof(*info->candidates));
	if (!info->candidates)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	if (fs->pdb_refused[LM_NT].id)
		info->candidates[info->ncandidates++] = fs->pdb_refused[LM_NT];
	for (i = 0; i < all->n && (!fs->nt || compared); i++) {
		struct layout_candidate *c = &all->v[i];
		enum fs_status st = layout_candidate_load(c, err);
		bool fits = st == FS_OK && (!nt || reads_loader(fs, c->layout, nt));

		if (st == FS_OK)
			st = record(fs, c, !fits, &info->candidates[info->ncandidates], err);
		if (st != FS_OK)
			return st;
		info->ncandidates++;
		if (!fits || fs->nt)
			continue;
		info->source = c->match == LMATCH_EXACT ? FS_LAYOUT_EXACT : FS_LAYOUT_FAMILY;
		fs->nt = c->layout;
		c->layout = NULL;
	}
	return FS_OK;
}

static enum fs_status select_nt(struct fltscope *fs, struct fs_error *err)
{
	const struct module *nt = fs->modules.list.n ? module_nt(&fs->modules) : NULL;
	struct layout_want want = {
		.module = LM_NT, .machine = session_machine(fs), .build = session_build(fs)};
	struct layout_candidates all = {0};
	char guid_age[48];
	struct rsds rsds;
	struct pe pe;
	enum fs_status st;

	if (nt && pe_read(fs->vm, nt, &pe, NULL) == FS_OK) {
		want.timestamp = pe.timestamp;
		want.size_of_image = pe.size_of_image;
		if (rsds_read(fs->vm, nt, &pe, &rsds, NULL) == FS_OK) {
			snprintf(guid_age, sizeof(guid_age), "%s%" PRIX32, rsds.guid, rsds.age);
			want.guid_age = guid_age;
		}
	} else if (nt && nt->timestamp_read) {
		want.timestamp = nt->timestamp;
		want.size_of_image = nt->size;
	}
	st = layout_select(&want, &all, err);
	if ((st == FS_NOT_FOUND || (st == FS_OK && !all.n)) && vm_pointer_size(fs->vm) == 8 &&
	    strcmp(want.machine, "x64") != 0) {
		layout_candidates_free(&all);
		all = (struct layout_candidates){0};
		want.machine = "x64";
		st = layout_select(&want, &all, err);
	}
	if (st == FS_OK)
		st = best_first(fs, &all, nt, err);
	if (st == FS_OK)
		st = take_best(fs, &all, nt, err);
	layout_candidates_free(&all);
	return st == FS_NOT_FOUND ? FS_OK : st;
}

static bool fact_is(const struct layout *l, const char *name, const char *value)
{
	const char *v = layout_fact(l, name);

	return v && strcmp(v, value) == 0;
}

/* The mask that newer builds put into non-present entries (L1TF), where the
 * layout knows nt's MiState. Left unknown otherwise: such entries are then
 * `unsupported`, never guessed. */
static void read_pte_mask(struct fltscope *fs, struct vm_pte_rules *rules)
{
	const struct module *nt = fs->modules.list.n ? module_nt(&fs->modules) : NULL;
	struct layout_field_info f;
	uint64_t rva, mask;
	size_t i;

	if (nt && session_pdb_pte_mask(fs, &rva) && rva < nt->size) {
		if (vm_read_u64(fs->vm, nt->base + rva, &mask, "MiState.Hardware.InvalidPteMask",
				NULL) == FS_OK) {
			rules->mask_known = true;
			rules->invalid_mask = mask;
		}
		return;
	}
	if (!nt || !layout_find_path(fs->nt, NULL, "_MI_SYSTEM_INFORMATION",
				     "Hardware.InvalidPteMask", &f))
		return;
	if (fs->model.nt.source != FS_LAYOUT_EXACT && fs->model.nt.source != FS_LAYOUT_USER)
		return;
	for (i = 0; i < layout_image_count(fs->nt); i++) {
		if (layout_image(fs->nt, i).size_of_image != nt->size ||
		    !layout_image_symbol(fs->nt, i, "MiState", &rva) || rva >= nt->size)
			continue;
		if (vm_read_u64(fs->vm, nt->base + rva + f.offset, &mask,
				"MiState.Hardware.InvalidPteMask", NULL) == FS_OK) {
			rules->mask_known = true;
			rules->invalid_mask = mask;
		}
		return;
	}
}

static void set_pte_rules(struct fltscope *fs)
{
	const char *bits = layout_fact(fs->nt, "pte-pfn-bits");
	struct vm_pte_rules rules = {0};

	if (!bits || !layout_fact(fs->nt, "pte-swizzle"))
		return;
	rules.pfn_bits = (unsigned)strtoul(bits, NULL, 10);
	if (rules.pfn_bits < 24 || rules.pfn_bits > 40)
		return;
	rules.known = true;
	rules.swizzle = fact_is(fs->nt, "pte-swizzle", "yes");
	read_pte_mask(fs, &rules);
	vm_set_pte_rules(fs->vm, &rules);
}

/* The kernel's own PDB, when it reads the kernel's loader entry. */
static enum fs_status take_pdb(struct fltscope *fs, struct fs_error *err)
{
	const struct module *nt = fs->modules.list.n ? module_nt(&fs->modules) : NULL;
	struct layout *l = NULL;
	enum fs_status st = session_pdb_layout(fs, LM_NT, &l, err);

	if (st != FS_OK || !l)
		return st;
	if (nt && !reads_loader(fs, l, nt)) {
		fs->pdb_refused[LM_NT] = (struct fs_layout_candidate){
			.id = arena_strdup(&fs->arena, layout_id(l)),
			.match = "pdb",
			.refused = true,
			.why = "it reads the kernel's own loader entry differently"};
		layout_free(l);
		return FS_OK;
	}
	fs->nt = l;
	fs->model.nt.source = FS_LAYOUT_PDB;
	return FS_OK;
}

/* What the code does is known for the layout's own build only. */
static enum fs_status set_facts(struct fltscope *fs, struct fs_error *err)
{
	const char *v = layout_build(fs->nt) == session_build(fs)
				? layout_fact(fs->nt, "load-unload")
				: NULL;

	if (!v)
		return FS_OK;
	fs->model.load_unload = arena_strdup(&fs->arena, v);
	return fs->model.load_unload ? FS_OK : fs_fail(err, FS_NO_MEMORY, "out of memory");
}

/* Of no machine, or where neither build nor image is known, none is nearer than another. */
static bool has_nearest(const struct fltscope *fs)
{
	const struct dump_info *info = dump_info(fs->dump);

	return info->machine != DUMP_MACHINE_UNKNOWN && (info->build.present || fs->modules.list.n);
}

enum fs_status session_choose_nt(struct fltscope *fs, struct fs_error *err)
{
	enum fs_status st = FS_OK;

	session_progress(fs, "choosing the kernel's layout");
	if (fs->user_nt) {
		fs->nt = fs->user_nt;
		fs->user_nt = NULL;
		fs->model.nt.source = FS_LAYOUT_USER;
	} else {
		st = take_pdb(fs, err);
		if (st == FS_OK && !fs->nt && has_nearest(fs))
			st = select_nt(fs, err);
	}
	if (st != FS_OK || !fs->nt)
		return st;
	fs->reader.nt = fs->nt;
	fs->model.nt.id = arena_strdup(&fs->arena, layout_id(fs->nt));
	fs->model.nt.composite = layout_is_composite(fs->nt);
	fs->model.nt.nfields = layout_count_fields(fs->nt, &fs->model.nt.ninferred);
	if (!fs->model.nt.id)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	set_pte_rules(fs);
	return set_facts(fs, err);
}

/* --- what the objects that were read say about nt's layout ------------------- */

enum nt_check { NT_DRIVER_TYPE, NT_DRIVER_START, NT_DEVICE_DRIVER, NT_DRIVER_NAME, NT_CHECKS };

struct nt_check_decl {
	const char *what, *fields;
	enum field_id field[4];
	size_t nfields;
};

static const struct nt_check_decl nt_checks[NT_CHECKS] = {
	[NT_DRIVER_TYPE] = {"DRIVER_OBJECT Type and Size",
			    "_DRIVER_OBJECT.Type, _DRIVER_OBJECT.Size",
			    {F_DRIVER_OBJECT_Type, F_DRIVER_OBJECT_Size},
			    2},
	[NT_DRIVER_START] = {"DriverStart and DriverSize are a loaded module's",
			     "_DRIVER_OBJECT.DriverStart, _DRIVER_OBJECT.DriverSize",
			     {F_DRIVER_OBJECT_DriverStart, F_DRIVER_OBJECT_DriverSize},
			     2},
	[NT_DEVICE_DRIVER] = {"devices point back at the driver that they hang on",
			      "_DRIVER_OBJECT.DeviceObject, _DEVICE_OBJECT.DriverObject, "
			      "_DEVICE_OBJECT.Type",
			      {F_DRIVER_OBJECT_DeviceObject, F_DEVICE_OBJECT_DriverObject,
			       F_DEVICE_OBJECT_Type},
			      3},
	[NT_DRIVER_NAME] = {"driver names begin with \\Driver\\ or \\FileSystem\\",
			    "_DRIVER_OBJECT.DriverName",
			    {F_DRIVER_OBJECT_DriverName},
			    1},
};

struct nt_tally {
	size_t held, failed;
	uint64_t failed_at;
};

static void tell(struct nt_tally *t, bool held, uint64_t at)
{
	if (held) {
		t->held++;
	} else if (!t->failed++) {
		t->failed_at = at;
	}
}

static void judge_driver(const struct fs_model *m, const struct fs_driver *d,
			 struct nt_tally t[NT_CHECKS])
{
	size_t i;

	if (fs_is_read(&d->type))
		tell(&t[NT_DRIVER_TYPE], d->valid, d->address);
	if (!d->valid)
		return;
	if (fs_is_read(&d->driver_start) && fs_is_read(&d->driver_size) && d->module >= 0) {
		const struct fs_module *x = &m->modules[d->module];

		tell(&t[NT_DRIVER_START],
		     d->driver_start.v == x->base && d->driver_size.v == x->size, d->address);
	}
	if (d->name.state == FS_READ && d->name.s[0])
		tell(&t[NT_DRIVER_NAME],
		     strncmp(d->name.s, "\\Driver\\", 8) == 0 ||
			     strncmp(d->name.s, "\\FileSystem\\", 12) == 0,
		     d->address);
	for (i = 0; i < d->ndevices; i++) {
		const struct fs_device *x = &m->devices[d->devices[i]];

		if (fs_is_read(&x->driver_object))
			tell(&t[NT_DEVICE_DRIVER], x->driver_object.v == d->address, x->address);
	}
}

static bool name_field(struct fltscope *fs, const char ***list, size_t *n, enum field_id f)
{
	const struct field_decl *d = field_decl(f);
	const char *s = arena_printf(&fs->arena, "%s.%s", d->type_name, d->name);

	if (!s)
		return false;
	(*list)[(*n)++] = s;
	return true;
}

enum fs_status session_judge_nt(struct fltscope *fs, struct fs_error *err)
{
	struct fs_layout *l = &fs->model.nt;
	struct nt_tally t[NT_CHECKS] = {{0}};
	size_t i, k;

	if (!fs->nt)
		return FS_OK;
	for (i = 0; i < fs->model.ndrivers; i++)
		judge_driver(&fs->model, &fs->model.drivers[i], t);
	l->checks = arena_alloc(&fs->arena, NT_CHECKS * sizeof(*l->checks));
	l->proved = arena_alloc(&fs->arena, NT_CHECKS * 4 * sizeof(*l->proved));
	l->refused = arena_alloc(&fs->arena, NT_CHECKS * 4 * sizeof(*l->refused));
	if (!l->checks || !l->proved || !l->refused)
		return fs_fail(err, FS_NO_MEMORY, "out of memory");
	for (i = 0; i < NT_CHECKS; i++) {
		struct fs_layout_check *c = &l->checks[l->nchecks];
		bool good = t[i].held > t[i].failed;

		if (!t[i].held && !t[i].failed)
			continue;
		*c = (struct fs_layout_check){nt_checks[i].what, nt_checks[i].fields, t[i].held,
					      t[i].failed,	 t[i].failed_at,      NULL};
		l->nchecks++;
		l->held += t[i].held;
		l->failed += t[i].failed;
		for (k = 0; k < nt_checks[i].nfields; k++) {
			if (!name_field(fs, good ? &l->proved : &l->refused,
					good ? &l->nproved : &l->nrefused, nt_checks[i].field[k]))
				return fs_fail(err, FS_NO_MEMORY, "out of memory");
		}
	}
	return FS_OK;
}
