/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts that every document has: dump, gaps, modules, the layout in short. */
#include "view/common.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* FILETIME is in 100 ns since 1601-01-01 (MSDN FILETIME). */
#define FILETIME_TO_UNIX UINT64_C(11644473600)
#define TICKS_PER_SECOND UINT64_C(10000000)

const char *text_filetime(struct view *v, uint64_t filetime)
{
	uint64_t s = filetime / TICKS_PER_SECOND;
	char buf[40];
	struct tm tm;
	time_t t;

	/* The year 9999 is enough; gmtime_r may fail beyond. */
	if (s < FILETIME_TO_UNIX || s - FILETIME_TO_UNIX > UINT64_C(253402300799))
		return NULL;
	t = (time_t)(s - FILETIME_TO_UNIX);
	if (!gmtime_r(&t, &tm) || strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return NULL;
	return text_printf(v, "%s", buf);
}

void json_filetime(struct view *v, struct fields *f, const char *key, const struct fs_value *val)
{
	const char *t = fs_is_read(val) ? text_filetime(v, val->v) : NULL;

	fields_mark(f, key, fs_is_read(val) && val->unproved);
	if (val->state == FS_MISSING)
		emit_null(v->e, key);
	else if (t)
		emit_string(v->e, key, t);
	else if (fs_is_read(val))
		emit_address(v->e, text_printf(v, "%s_raw", key), val->v);
}

static void json_time(struct view *v, const struct fs_dump *d)
{
	const char *t;

	if (d->time.state == FS_MISSING) {
		emit_null(v->e, "time");
	} else if (d->time.state == FS_READ) {
		t = text_filetime(v, d->time.v);
		if (t)
			emit_string(v->e, "time", t);
		else
			emit_address(v->e, "time_raw", d->time.v);
	}
	if (d->uptime.state == FS_MISSING)
		emit_null(v->e, "uptime_seconds");
	else if (d->uptime.state == FS_READ)
		emit_uint(v->e, "uptime_seconds", d->uptime.v / TICKS_PER_SECOND);
}

static void json_bugcheck(struct view *v, const struct fs_dump *d)
{
	size_t i;

	if (d->bugcheck.state == FS_NONE)
		return;
	if (d->bugcheck.state == FS_MISSING) {
		emit_null(v->e, "bugcheck");
		return;
	}
	emit_object_begin(v->e, "bugcheck");
	emit_uint(v->e, "code", d->bugcheck.v);
	if (fs_bugcheck_name(d->bugcheck.v))
		emit_string(v->e, "name", fs_bugcheck_name(d->bugcheck.v));
	emit_array_begin(v->e, "parameters");
	for (i = 0; i < 4; i++) {
		if (d->bugcheck_parameter[i].state == FS_READ)
			emit_address(v->e, NULL, d->bugcheck_parameter[i].v);
		else if (d->bugcheck_parameter[i].state == FS_MISSING)
			emit_null(v->e, NULL);
	}
	emit_array_end(v->e);
	emit_object_end(v->e);
}

/* Of the dump object, or of all else. */
static void gaps_of(struct view *v, bool dump)
{
	const struct fs_model *m = v->m;
	size_t i;

	emit_array_begin(v->e, "gaps");
	for (i = 0; i < m->ngaps; i++) {
		const struct fs_gap *g = &m->gaps[i];

		if (g->of_dump != dump)
			continue;
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "what", g->what);
		if (g->has_address)
			emit_address(v->e, "address", g->address);
		emit_string(v->e, "reason", fs_status_name(g->reason));
		if (g->text)
			emit_string(v->e, "text", g->text);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
}

void json_dump(struct view *v)
{
	const struct fs_dump *d = &v->m->dump;
	size_t i, dump_gaps = 0;

	for (i = 0; i < v->m->ngaps; i++)
		dump_gaps += v->m->gaps[i].of_dump;
	emit_object_begin(v->e, "dump");
	emit_string(v->e, "path", d->path);
	emit_string(v->e, "format", d->format);
	if (d->machine)
		emit_string(v->e, "machine", d->machine);
	show_value(v, NULL, "build", NULL, &d->build, NUM_DEC);
	show_value(v, NULL, "processors", NULL, &d->processors, NUM_DEC);
	json_bugcheck(v, d);
	json_time(v, d);
	show_value(v, NULL, "directory_table_base", NULL, &d->directory_table_base, NUM_PTR);
	emit_bool(v->e, "truncated", d->truncated);
	if (d->truncated)
		emit_uint(v->e, "missing_bytes", d->missing_bytes);
	if (d->translation_problem)
		emit_string(v->e, "translation_problem", d->translation_problem);
	if (d->nnotes) {
		emit_array_begin(v->e, "notes");
		for (i = 0; i < d->nnotes; i++)
			emit_string(v->e, NULL, d->notes[i]);
		emit_array_end(v->e);
	}
	if (dump_gaps)
		gaps_of(v, true);
	emit_object_end(v->e);
}

void json_gaps(struct view *v)
{
	gaps_of(v, false);
	if (v->m->gaps_limited)
		emit_bool(v->e, "gaps_limited", true);
}

const char *text_gaps(struct view *v, bool dump)
{
	const struct fs_model *m = v->m;
	size_t by[FS_NO_MEMORY + 1] = {0}, n = 0, i;
	const char *s = "";

	for (i = 0; i < m->ngaps; i++) {
		if ((m->gaps[i].of_dump && !dump) || (size_t)m->gaps[i].reason > FS_NO_MEMORY)
			continue;
		by[m->gaps[i].reason]++;
		n++;
	}
	if (n == 0)
		return "Every value that was looked for could be read";
	for (i = 0; i <= FS_NO_MEMORY; i++)
		if (by[i])
			s = text_printf(v, "%s%s%zu %s", s, *s ? ", " : "", by[i],
					fs_status_name((enum fs_status)i));
	/* what is corrupt was mostly read, and contradicts what is beside it */
	return text_printf(v, "%s%s could not be read%s (%s)", m->gaps_limited ? "more than " : "",
			   text_count(v, n, "value"), by[FS_CORRUPT] ? " or trusted" : "", s);
}

void json_module(struct view *v, const struct fs_module *mod)
{
	emit_object_begin(v->e, NULL);
	if (mod->name)
		emit_string(v->e, "name", mod->name);
	if (mod->path)
		emit_string(v->e, "path", mod->path);
	emit_address(v->e, "base", mod->base);
	emit_uint(v->e, "size", mod->size);
	show_value(v, NULL, "timestamp", NULL, &mod->timestamp, NUM_DEC);
	if (mod->pdb_guid) {
		emit_object_begin(v->e, "pdb");
		if (mod->pdb_name)
			emit_string(v->e, "name", mod->pdb_name);
		emit_string(v->e, "guid", mod->pdb_guid);
		emit_uint(v->e, "age", mod->pdb_age);
		emit_object_end(v->e);
	}
	emit_object_end(v->e);
}

void json_modules(struct view *v)
{
	const struct fs_model *m = v->m;
	size_t i;

	emit_array_begin(v->e, "modules");
	for (i = 0; i < m->nmodules; i++)
		json_module(v, &m->modules[i]);
	emit_array_end(v->e);
	emit_array_begin(v->e, "unloaded_modules");
	for (i = 0; i < m->nunloaded; i++) {
		emit_object_begin(v->e, NULL);
		if (m->unloaded[i].name)
			emit_string(v->e, "name", m->unloaded[i].name);
		emit_address(v->e, "start", m->unloaded[i].start);
		emit_address(v->e, "end", m->unloaded[i].end);
		emit_object_end(v->e);
	}
	emit_array_end(v->e);
}

void json_layout_summary(struct view *v, const char *key, const struct fs_layout *l)
{
	if (!l->id)
		return;
	emit_object_begin(v->e, key);
	emit_string(v->e, "id", l->id);
	emit_string(v->e, "source", fs_layout_source_name(l->source));
	emit_object_begin(v->e, "checks");
	emit_uint(v->e, "held", l->held);
	emit_uint(v->e, "failed", l->failed);
	emit_object_end(v->e);
	emit_object_end(v->e);
}

void view_open(struct view *v, struct emit *e, const struct fs_model *m, const char *schema)
{
	memset(v, 0, sizeof(*v));
	v->e = e;
	v->m = m;
	emit_object_begin(e, NULL);
	emit_string(e, "schema", schema);
	if (m)
		json_dump(v);
}

void view_close(struct view *v)
{
	if (v->m)
		json_gaps(v);
	emit_object_end(v->e);
	show_unproved(v);
	if (v->unproved > 0 && v->m) {
		emit_blank(v->e);
		emit_paragraph(
			v->e,
			text_printf(v,
				    "? (%s): unproved, read through an offset that nothing in "
				    "this dump confirms (layouts: %s, %s; %s, %s).",
				    text_count(v, v->unproved, "value"),
				    v->m->fltmgr.id ? v->m->fltmgr.id : "none",
				    fs_layout_source_name(v->m->fltmgr.source),
				    v->m->nt.id ? v->m->nt.id : "none",
				    fs_layout_source_name(v->m->nt.source)));
	}
	arena_deinit(&v->tmp);
}

void view_not_found(struct view *v)
{
	if (v->m->not_found)
		emit_string(v->e, "not_found", v->m->not_found);
}
