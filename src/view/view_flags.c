/* SPDX-License-Identifier: BSD-2-Clause */
/* Flag words: the names of the PDB for machines, the words of !fltkd for people. */
#include "view/common.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/str.h"

#define TYPE_INSTANCE 0x1000000u
#define TYPE_FILTER   0x2000000u
#define TYPE_VOLUME   0x4000000u
#define TYPE_BITS     (TYPE_INSTANCE | TYPE_FILTER | TYPE_VOLUME)

/* Where !fltkd's word is not just the PDB's name in camel case (facts:
 * fltkd-commands.md, "Filter flags" and "Volume flags"). */
static const struct {
	const char *name, *word;
} words[] = {
	{"MANDATORY_UNLOAD_IN_PROGRESS", "UnloadInProgress"},
	{"MOUNT_SETUP_NOTIFIES_CALLED", "SetupNotifyCalled"},
	{"FILTER_EVER_ATTACHED", "FilterAttached"},
};

/* FILTERING_INITIATED gives FilteringInitiated. */
static const char *camel(struct view *v, const char *name)
{
	size_t i, n = 0, len = strlen(name);
	bool start = true;
	char *s;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_ieq(name, words[i].name))
			return words[i].word;
	s = arena_alloc(&v->tmp, len + 1);
	if (!s)
		return name;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c == '_') {
			start = true;
			continue;
		}
		s[n++] = (char)(start ? toupper(c) : tolower(c));
		start = false;
	}
	return s;
}

void json_flags(struct view *v, struct fields *f, const char *key, const struct fs_flags *flags,
		uint64_t type_bits)
{
	size_t i;

	if (flags->value.state == FS_NONE)
		return;
	if (flags->value.state == FS_MISSING) {
		emit_null(v->e, key);
		return;
	}
	fields_mark(f, key, flags->value.unproved);
	emit_object_begin(v->e, key);
	emit_uint(v->e, "value", flags->value.v);
	emit_array_begin(v->e, "names");
	for (i = 0; i < flags->count; i++)
		emit_string(v->e, NULL, flags->names[i]);
	emit_array_end(v->e);
	emit_address(v->e, "unknown", flags->unknown & ~type_bits);
	emit_object_end(v->e);
}

const char *text_flags(struct view *v, const struct fs_flags *flags)
{
	const char *s;
	size_t i;

	if (flags->value.state != FS_READ)
		return text_value(v, &flags->value, NUM_HEX8);
	s = text_printf(v, "[%08" PRIx64 "]", flags->value.v);
	for (i = 0; i < flags->count; i++)
		s = text_printf(v, "%s %s", s, camel(v, flags->names[i]));
	if (flags->unknown)
		s = text_printf(v, "%s 0x%" PRIx64, s, flags->unknown);
	return s;
}

void show_flags(struct view *v, struct fields *f, const char *key, const char *label,
		const struct fs_flags *flags)
{
	if (key)
		json_flags(v, f, key, flags, 0);
	if (label && flags->value.state != FS_NONE && rows_wanted(v)) {
		emit_row(v->e, label, "%s", text_flags(v, flags));
		row_mark(v, label, flags->value.state == FS_READ && flags->value.unproved);
	}
}

const char *text_header_flags(struct view *v, const struct fs_flags *flags, const char *prefix,
			      const char *separator)
{
	const char *s = "";
	size_t i;

	if (flags->value.state != FS_READ)
		return s;
	for (i = 0; i < flags->count; i++)
		s = text_printf(v, "%s%s%s%s", s, i > 0 ? separator : "",
				str_istarts(flags->names[i], prefix) ? "" : prefix,
				flags->names[i]);
	if (flags->unknown)
		s = text_printf(v, "%s%s0x%" PRIx64, s, flags->count > 0 ? separator : "",
				flags->unknown);
	return s;
}

static const char *type_word(uint64_t flags)
{
	switch (flags & TYPE_BITS) {
	case TYPE_INSTANCE:
		return "Instance";
	case TYPE_FILTER:
		return "Filter";
	case TYPE_VOLUME:
		return "Volume";
	default:
		return "(no type)";
	}
}

/* FLT_OBJECT's first line: DRAINING and ZOMBIED stay in capitals. */
static const char *text_object_flags(struct view *v, const struct fs_flags *flags)
{
	const char *s;
	size_t i;

	if (flags->value.state != FS_READ)
		return text_value(v, &flags->value, NUM_HEX8);
	s = text_printf(v, "[%08" PRIx64 "] %s", flags->value.v, type_word(flags->value.v));
	for (i = 0; i < flags->count; i++)
		s = text_printf(v, "%s %s", s, flags->names[i]);
	if (flags->unknown & ~(uint64_t)TYPE_BITS)
		s = text_printf(v, "%s 0x%" PRIx64, s, flags->unknown & ~(uint64_t)TYPE_BITS);
	return s;
}

static const char *rundown_state(enum fs_rundown_state state)
{
	switch (state) {
	case FS_RUNDOWN_ACTIVE:
		return "active";
	case FS_RUNDOWN_WAITING:
		return "waiting";
	case FS_RUNDOWN_DRAINED:
		return "drained";
	case FS_RUNDOWN_UNKNOWN:
		break;
	}
	return "unknown";
}

/* Text shows so many slots of a cache-aware rundown; machine formats all that were kept. */
#define SLOTS_SHOWN 8

static void json_cache_aware(struct view *v, const struct fs_cache_aware *r)
{
	size_t i;

	show_value(v, NULL, "slots_address", NULL, &r->slots, NUM_PTR);
	show_value(v, NULL, "slots", NULL, &r->number, NUM_DEC);
	show_value(v, NULL, "stride", NULL, &r->stride, NUM_DEC);
	emit_string(v->e, "state", rundown_state(r->state));
	if (r->state == FS_RUNDOWN_ACTIVE && (int64_t)r->count < 0)
		emit_uint(v->e, "deficit", 0 - r->count);
	else if (r->state == FS_RUNDOWN_ACTIVE || r->state == FS_RUNDOWN_DRAINED)
		emit_uint(v->e, "count", r->state == FS_RUNDOWN_ACTIVE ? r->count : 0);
	if (r->state == FS_RUNDOWN_WAITING) {
		show_value(v, NULL, "count", NULL, &r->wait_count, NUM_DEC);
		emit_address(v->e, "wait_block", r->wait_block);
	}
	if (!r->nslot)
		return;
	emit_array_begin(v->e, "values");
	for (i = 0; i < r->nslot; i++)
		emit_address(v->e, NULL, r->slot[i]);
	emit_array_end(v->e);
}

/* "(1)  2 slots of 64 bytes at ffffe001…", as !fltkd has it for a RundownRef. */
static const char *text_cache_aware(struct view *v, const struct fs_cache_aware *r)
{
	const char *s = "";

	if (fs_is_read(&r->slots) && fs_is_read(&r->number) && fs_is_read(&r->stride))
		s = text_printf(v, "  %s of %" PRIu64 " bytes at %s",
				text_count(v, r->number.v, "slot"), r->stride.v,
				text_ptr(v, r->slots.v));
	switch (r->state) {
	case FS_RUNDOWN_ACTIVE:
		/* taken here and dropped there: below 0 as a whole, more was dropped than taken */
		return text_printf(v, "(%" PRId64 ")%s%s", (int64_t)r->count, s,
				   (int64_t)r->count < 0 ? "  do not add up" : "");
	case FS_RUNDOWN_DRAINED:
		return text_printf(v, "(0) drained%s", s);
	case FS_RUNDOWN_WAITING:
		return text_printf(v, "(%s) waiting, wait block %s%s",
				   text_value(v, &r->wait_count, NUM_DEC),
				   text_ptr(v, r->wait_block), s);
	case FS_RUNDOWN_UNKNOWN:
		break;
	}
	return text_printf(v, "(unknown)%s", s);
}

static void cache_aware_rows(struct view *v, const struct fs_cache_aware *r)
{
	const char *s = "";
	size_t i;

	if (!r->nslot || !fs_is_read(&r->number) || r->number.v > SLOTS_SHOWN)
		return;
	for (i = 0; i < r->nslot; i++)
		s = text_printf(v, "%s%s0x%" PRIx64, s, i ? " " : "", r->slot[i]);
	emit_row(v->e, "   Slots", "%s%s", s, r->nslot < r->number.v ? " ..." : "");
}

void show_operation_rundown(struct view *v, struct fields *f, const struct fs_instance *in)
{
	const struct fs_value *raw = &in->operation_rundown;
	/* Windows 7's PDB does not describe what it leads to */
	bool known = in->operations && in->operations->slots.state != FS_NONE;
	struct fields own;

	if (raw->state == FS_NONE)
		return;
	fields_mark(f, "operation_rundown", raw->state == FS_READ && raw->unproved);
	fields_begin(v, &own, "operation_rundown");
	show_value(v, &own, "raw", NULL, raw, NUM_PTR);
	if (known)
		json_cache_aware(v, in->operations);
	fields_end(v, &own);
	if (!rows_wanted(v))
		return;
	emit_row(v->e, "OperationRundownRef", "%s%s%s", text_value(v, raw, NUM_PTR),
		 known ? " " : "", known ? text_cache_aware(v, in->operations) : "");
	row_mark(v, "OperationRundownRef", raw->state == FS_READ && raw->unproved);
	if (known)
		cache_aware_rows(v, in->operations);
}

static void json_rundown(struct view *v, struct fields *f, const struct fs_rundown *r)
{
	struct fields own;

	if (r->raw.state == FS_NONE)
		return;
	if (r->raw.state == FS_MISSING) {
		emit_null(v->e, "rundown");
		return;
	}
	fields_mark(f, "rundown", r->raw.unproved);
	fields_begin(v, &own, "rundown");
	emit_address(v->e, "raw", r->raw.v);
	emit_string(v->e, "state", rundown_state(r->state));
	if (r->state == FS_RUNDOWN_ACTIVE || r->state == FS_RUNDOWN_DRAINED)
		emit_uint(v->e, "count", r->state == FS_RUNDOWN_ACTIVE ? r->count : 0);
	if (r->state == FS_RUNDOWN_WAITING) {
		show_value(v, &own, "count", NULL, &r->wait_count, NUM_DEC);
		emit_address(v->e, "wait_block", r->wait_block);
	}
	fields_end(v, &own);
}

static const char *text_rundown(struct view *v, const struct fs_rundown *r)
{
	const char *raw = text_value(v, &r->raw, NUM_PTR_0X);

	if (r->raw.state != FS_READ)
		return raw;
	switch (r->state) {
	case FS_RUNDOWN_ACTIVE:
		return text_printf(v, "%s (%" PRIu64 ")", raw, r->count);
	case FS_RUNDOWN_DRAINED:
		return text_printf(v, "%s (0) drained", raw);
	case FS_RUNDOWN_WAITING:
		/* !fltkd's words for a wait it can read are not known: these are ours. */
		return text_printf(v, "%s (%s) waiting, wait block %s", raw,
				   text_value(v, &r->wait_count, NUM_DEC),
				   text_ptr(v, r->wait_block));
	case FS_RUNDOWN_UNKNOWN:
		break;
	}
	return text_printf(v, "%s (unknown)", raw);
}

void show_object(struct view *v, const struct fs_object *o, uint64_t va)
{
	bool marked = o->flags.value.state == FS_READ && o->flags.value.unproved;
	struct fields f;

	fields_begin(v, &f, "object");
	json_flags(v, &f, "flags", &o->flags, TYPE_BITS);
	if (rows_wanted(v)) {
		emit_line(v->e, "FLT_OBJECT: %s  %s", text_ptr(v, va),
			  text_object_flags(v, &o->flags));
		row_mark(v, "FLT_OBJECT", marked);
	}
	emit_indent(v->e, 1);
	json_rundown(v, &f, &o->rundown);
	if (o->rundown.raw.state != FS_NONE && rows_wanted(v)) {
		emit_row(v->e, "RundownRef", "%s", text_rundown(v, &o->rundown));
		row_mark(v, "RundownRef",
			 o->rundown.raw.state == FS_READ && o->rundown.raw.unproved);
	}
	show_value(v, &f, "pointer_count", "PointerCount", &o->pointer_count, NUM_HEX8);
	show_links(v, &f, "primary_link", "PrimaryLink", &o->primary_link);
	emit_indent(v->e, -1);
	fields_end(v, &f);
}
