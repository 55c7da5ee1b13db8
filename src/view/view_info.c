/* SPDX-License-Identifier: BSD-2-Clause */
/* What file this is, of what machine, and how far the Filter Manager was found in it. */
#include "view/common.h"

#include <inttypes.h>
#include <string.h>

static void row_value(struct view *v, const char *label, const struct fs_value *val,
		      enum number_style style)
{
	show_value(v, NULL, NULL, label, val, style);
}

static void dump_rows(struct view *v)
{
	const struct fs_dump *d = &v->m->dump;
	const char *t;
	size_t i;

	emit_row(v->e, "Dump", "%s", d->path ? d->path : "");
	if (d->type)
		emit_row(v->e, "Format", "%s (type %" PRIu32 ")", d->format ? d->format : "unknown",
			 d->type);
	else
		emit_row(v->e, "Format", "%s (no Windows header)",
			 d->format ? d->format : "unknown");
	emit_row(v->e, "Machine", "%s", d->machine ? d->machine : "unknown");
	row_value(v, "Windows build", &d->build, NUM_DEC);
	row_value(v, "Processors", &d->processors, NUM_DEC);
	if (d->bugcheck.state == FS_READ)
		emit_row(v->e, "Bug check", "%s%s0x%" PRIx64 " (%s, %s, %s, %s)",
			 fs_bugcheck_name(d->bugcheck.v) ? fs_bugcheck_name(d->bugcheck.v) : "",
			 fs_bugcheck_name(d->bugcheck.v) ? " " : "", d->bugcheck.v,
			 text_value(v, &d->bugcheck_parameter[0], NUM_PTR_0X),
			 text_value(v, &d->bugcheck_parameter[1], NUM_PTR_0X),
			 text_value(v, &d->bugcheck_parameter[2], NUM_PTR_0X),
			 text_value(v, &d->bugcheck_parameter[3], NUM_PTR_0X));
	else
		row_value(v, "Bug check", &d->bugcheck, NUM_HEX8);
	crash_rows(v);
	register_rows(v);
	t = d->time.state == FS_READ ? text_filetime(v, d->time.v) : NULL;
	if (t)
		emit_row(v->e, "Time", "%s", t);
	else
		row_value(v, "Time", &d->time, NUM_PTR_0X);
	if (d->uptime.state == FS_READ)
		emit_row(v->e, "Uptime", "%" PRIu64 " s", d->uptime.v / 10000000);
	row_value(v, "DirectoryTableBase", &d->directory_table_base, NUM_PTR_0X);
	row_value(v, "PsLoadedModuleList", &d->ps_loaded_module_list, NUM_PTR);
	row_value(v, "KdDebuggerDataBlock", &d->kd_debugger_data_block, NUM_PTR);
	emit_row(v->e, "File size", "%" PRIu64 " bytes, %" PRIu64 " pages", d->file_size, d->pages);
	if (d->paging_levels)
		emit_row(v->e, "Translation", "%u levels of page tables", d->paging_levels);
	else if (!d->translation_problem)
		emit_row(v->e, "Translation", "virtual ranges of the dump");
	if (d->translation_problem)
		emit_row(v->e, "Translation problem", "%s", d->translation_problem);
	if (d->truncated)
		emit_row(v->e, "Truncated", "%" PRIu64 " bytes are missing", d->missing_bytes);
	for (i = 0; i < d->nnotes; i++)
		emit_row(v->e, "Note", "%s", d->notes[i]);
}

static void json_file(struct view *v)
{
	const struct fs_dump *d = &v->m->dump;

	emit_object_begin(v->e, "file");
	emit_uint(v->e, "size", d->file_size);
	emit_uint(v->e, "pages", d->pages);
	emit_uint(v->e, "type", d->type);
	emit_uint(v->e, "paging_levels", d->paging_levels);
	show_value(v, NULL, "ps_loaded_module_list", NULL, &d->ps_loaded_module_list, NUM_PTR);
	show_value(v, NULL, "kd_debugger_data_block", NULL, &d->kd_debugger_data_block, NUM_PTR);
	emit_object_end(v->e);
}

static void layout_row(struct view *v, const char *label, const struct fs_layout *l)
{
	const char *machine = v->m->dump.machine;

	if (!l->id && machine && strcmp(machine, "unknown") == 0)
		emit_row(v->e, label, "(none: which machine's memory this is is not known)");
	else if (!l->id)
		emit_row(v->e, label, "(none)");
	else
		emit_row(v->e, label, "%s (%s%s%s; %zu checks held, %zu failed)", l->id,
			 fs_layout_source_name(l->source), l->composite ? ", composite" : "",
			 text_inferred(v, l), l->held, l->failed);
}

static void state_rows(struct view *v)
{
	const struct fs_model *m = v->m;
	bool has = m->fltmgr_module >= 0 && (size_t)m->fltmgr_module < m->nmodules;

	emit_blank(v->e);
	layout_row(v, "nt layout", &m->nt);
	layout_row(v, "Filter Manager layout", &m->fltmgr);
	if (has)
		emit_row(v->e, "Filter Manager", "%s at %s",
			 m->modules[m->fltmgr_module].name ? m->modules[m->fltmgr_module].name
							   : "?",
			 text_ptr(v, m->modules[m->fltmgr_module].base));
	if (!m->found) {
		emit_row(v->e, "State", "not found: %s", m->not_found ? m->not_found : "");
		return;
	}
	row_value(v, "FltGlobals", &m->globals, NUM_PTR);
	if (m->located_by)
		emit_row(v->e, "Located by", "%s", m->located_by);
	emit_row(v->e, "Unload walk", "%s%s", m->unload_walk ? m->unload_walk : "not known",
		 m->unload_walk_at
			 ? text_printf(v, " (fltmgr's code at %s)", text_ptr(v, m->unload_walk_at))
			 : "");
	emit_row(v->e, "Found", "%s, %s, %s, %s, %s, %s", text_count(v, m->nframes, "frame"),
		 text_count(v, m->nfilters, "filter"), text_count(v, m->ninstances, "instance"),
		 text_count(v, m->nvolumes, "volume"), text_count(v, m->ndrivers, "driver"),
		 text_count(v, m->ndevices, "device"));
}

static void json_state(struct view *v)
{
	const struct fs_model *m = v->m;

	json_layout_summary(v, "nt_layout", &m->nt);
	json_fltmgr(v);
	emit_bool(v->e, "found", m->found);
	if (m->not_found)
		emit_string(v->e, "not_found", m->not_found);
	emit_object_begin(v->e, "counts");
	emit_uint(v->e, "modules", m->nmodules);
	emit_uint(v->e, "unloaded_modules", m->nunloaded);
	emit_uint(v->e, "frames", m->nframes);
	emit_uint(v->e, "filters", m->nfilters);
	emit_uint(v->e, "instances", m->ninstances);
	emit_uint(v->e, "volumes", m->nvolumes);
	emit_uint(v->e, "drivers", m->ndrivers);
	emit_uint(v->e, "devices", m->ndevices);
	emit_uint(v->e, "gaps", m->ngaps);
	emit_object_end(v->e);
}

void view_info(struct view *v, const struct view_stats *stats)
{
	const struct fs_model *m = v->m;

	json_file(v);
	json_crash(v);
	json_registers(v);
	json_state(v);
	if (stats) {
		emit_object_begin(v->e, "stats");
		emit_uint(v->e, "bytes_read", stats->bytes_read);
		emit_uint(v->e, "reads", stats->reads);
		emit_uint(v->e, "pages", stats->pages);
		emit_object_end(v->e);
	}
	if (!emit_is_text(v->e))
		return;
	dump_rows(v);
	state_rows(v);
	emit_row(v->e, "Modules", "%zu loaded, %zu unloaded", m->nmodules, m->nunloaded);
	emit_row(v->e, "Gaps", "%s", text_gaps(v, true));
	if (stats)
		emit_row(v->e, "Read", "%" PRIu64 " bytes in %" PRIu64 " reads", stats->bytes_read,
			 stats->reads);
}
