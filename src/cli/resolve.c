/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/resolve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* How many candidates a message names. */
#define MAX_SHOWN 40

const char *entity_kind(enum entity kind)
{
	static const char *const names[] = {"FLTP_FRAME", "FLT_FILTER",	   "FLT_INSTANCE",
					    "FLT_VOLUME", "DRIVER_OBJECT", "DEVICE_OBJECT"};

	return names[kind];
}

size_t entity_count(const struct fs_model *m, enum entity kind)
{
	switch (kind) {
	case ENT_FRAME:
		return m->nframes;
	case ENT_FILTER:
		return m->nfilters;
	case ENT_INSTANCE:
		return m->ninstances;
	case ENT_VOLUME:
		return m->nvolumes;
	case ENT_DRIVER:
		return m->ndrivers;
	case ENT_DEVICE:
		return m->ndevices;
	}
	return 0;
}

uint64_t entity_address(const struct fs_model *m, enum entity kind, size_t i)
{
	switch (kind) {
	case ENT_FRAME:
		return m->frames[i].address;
	case ENT_FILTER:
		return m->filters[i].address;
	case ENT_INSTANCE:
		return m->instances[i].address;
	case ENT_VOLUME:
		return m->volumes[i].address;
	case ENT_DRIVER:
		return m->drivers[i].address;
	case ENT_DEVICE:
		return m->devices[i].address;
	}
	return 0;
}

const char *entity_name(const struct fs_model *m, enum entity kind, size_t i)
{
	const struct fs_string *s = NULL;

	switch (kind) {
	case ENT_FRAME:
		return NULL;
	case ENT_FILTER:
		s = &m->filters[i].name;
		break;
	case ENT_INSTANCE:
		s = &m->instances[i].name;
		break;
	case ENT_VOLUME:
		s = &m->volumes[i].device_name;
		break;
	case ENT_DRIVER:
		s = &m->drivers[i].name;
		break;
	case ENT_DEVICE:
		s = &m->devices[i].name;
		break;
	}
	return s && s->state == FS_READ ? s->s : NULL;
}

/* "1" or "Frame 1". */
static bool is_frame_number(const struct fs_frame *f, const char *s)
{
	unsigned long long n;
	char *end;

	if (str_istarts(s, "Frame "))
		s += 6;
	if (f->id.state != FS_READ || strspn(s, "0123456789") != strlen(s) || !*s)
		return false;
	n = strtoull(s, &end, 10);
	return strlen(s) < 10 && n == f->id.v;
}

bool entity_has_name(const struct fs_model *m, enum entity kind, size_t i, const char *name)
{
	const char *own = entity_name(m, kind, i);

	if (kind == ENT_FRAME)
		return is_frame_number(&m->frames[i], name);
	if (!own || !*own || !*name)
		return false;
	if (kind == ENT_DRIVER)
		return view_same_driver(own, name);
	if (str_ieq(own, name))
		return true;
	/* \Device\X and X are one device */
	if (kind == ENT_VOLUME && str_istarts(own, "\\Device\\"))
		return str_ieq(own + strlen("\\Device\\"), name);
	if (kind == ENT_DEVICE && str_istarts(name, "\\Device\\"))
		return str_ieq(own, name + strlen("\\Device\\"));
	return false;
}

/* Where a filter's own name does not match: its driver's, or that of its callbacks' module. */
static bool filter_known_as(const struct fs_model *m, size_t i, const char *name)
{
	const struct fs_filter *f = &m->filters[i];

	if (f->name.state != FS_READ && view_same_driver(f->name_by_callbacks, name))
		return true;
	return f->driver >= 0 && (size_t)f->driver < m->ndrivers &&
	       entity_has_name(m, ENT_DRIVER, (size_t)f->driver, name);
}

static size_t by_name(const struct fs_model *m, enum entity kind, const char *arg, size_t *ret)
{
	size_t i, n = 0, total = entity_count(m, kind);

	for (i = 0; i < total; i++)
		if (entity_has_name(m, kind, i, arg) && n++ == 0)
			*ret = i;
	for (i = 0; i < total && n == 0 && kind == ENT_FILTER; i++)
		if (filter_known_as(m, i, arg))
			break;
	if (n == 0 && kind == ENT_FILTER && i < total)
		for (*ret = i; i < total; i++)
			n += filter_known_as(m, i, arg);
	return n;
}

enum resolved resolve(const struct fs_model *m, enum entity kind, const char *arg,
		      size_t *ret_index, uint64_t *ret_address)
{
	size_t i, index = 0, n = by_name(m, kind, arg, &index);
	uint64_t va;

	if (n == 1) {
		*ret_index = index;
		return RESOLVED;
	}
	if (n > 1)
		return RESOLVED_MANY;
	if (!parse_address(arg, &va))
		return RESOLVED_NOTHING;
	for (i = 0; i < entity_count(m, kind); i++)
		if (entity_address(m, kind, i) == va) {
			*ret_index = i;
			return RESOLVED;
		}
	*ret_address = va;
	return RESOLVED_ADDRESS;
}

static void say_entity(const struct cli *c, enum entity kind, size_t i)
{
	const char *name = entity_name(c->m, kind, i);
	uint64_t va = entity_address(c->m, kind, i);

	if (kind == ENT_FRAME && c->m->frames[i].id.state == FS_READ)
		cli_say(c, "   0x%" PRIx64 " Frame %" PRIu64, va, c->m->frames[i].id.v);
	else
		cli_say(c, "   0x%" PRIx64 " %s%s%s", va, name ? "\"" : "",
			name ? name : "(name not read)", name ? "\"" : "");
}

/* Those of that name, or all when name is NULL. */
static void say_candidates(const struct cli *c, enum entity kind, const char *name)
{
	size_t i, shown = 0, total = entity_count(c->m, kind);

	for (i = 0; i < total; i++) {
		if (name && !entity_has_name(c->m, kind, i, name) &&
		    !(kind == ENT_FILTER && filter_known_as(c->m, i, name)))
			continue;
		if (shown++ < MAX_SHOWN)
			say_entity(c, kind, i);
	}
	if (shown > MAX_SHOWN)
		cli_say(c, "   and %zu more", shown - MAX_SHOWN);
}

/* What of this dump's objects stands there instead; ENT_DEVICE + 1: none. */
static unsigned kind_at(const struct fs_model *m, uint64_t va, size_t *ret_index)
{
	unsigned kind;
	size_t i;

	for (kind = ENT_FRAME; kind <= ENT_DEVICE; kind++)
		for (i = 0; i < entity_count(m, (enum entity)kind); i++)
			if (entity_address(m, (enum entity)kind, i) == va) {
				*ret_index = i;
				return kind;
			}
	return kind;
}

static void say_other_kind(const struct cli *c, enum entity asked, uint64_t va)
{
	size_t i = 0;
	unsigned kind = kind_at(c->m, va, &i);
	const char *name;

	if (kind > ENT_DEVICE || kind == (unsigned)asked)
		return;
	name = entity_name(c->m, (enum entity)kind, i);
	cli_say(c, "0x%" PRIx64 " is the %s%s%s%s", va, entity_kind((enum entity)kind),
		name ? " \"" : "", name ? name : "", name ? "\"" : "");
}

static int read_object(struct cli *c, enum entity kind, uint64_t va, size_t *ret_index)
{
	struct fs_error err = {0};
	enum fs_status st;

	st = kind == ENT_DRIVER ? fltscope_add_driver(c->fs, va, ret_index, &err)
				: fltscope_add_device(c->fs, va, ret_index, &err);
	c->m = fltscope_model(c->fs);
	if (st == FS_OK)
		return CLI_DONE;
	say_other_kind(c, kind, va);
	cli_say(c, "no %s at 0x%" PRIx64 ": %s", entity_kind(kind), va, err.text);
	return CLI_UNDECIDED;
}

int resolve_arg(struct cli *c, enum entity kind, size_t *ret_index)
{
	const char *arg = c->opt->arg;
	uint64_t va = 0;

	switch (resolve(c->m, kind, arg, ret_index, &va)) {
	case RESOLVED:
		return CLI_DONE;
	case RESOLVED_MANY:
		cli_say(c, "several %ss are named \"%s\"; give an address:", entity_kind(kind),
			arg);
		say_candidates(c, kind, arg);
		return CLI_USAGE;
	case RESOLVED_ADDRESS:
		if (kind == ENT_DRIVER || kind == ENT_DEVICE)
			return read_object(c, kind, va, ret_index);
		say_other_kind(c, kind, va);
		cli_say(c, "no %s at 0x%" PRIx64 "; this dump has %zu:", entity_kind(kind), va,
			entity_count(c->m, kind));
		break;
	case RESOLVED_NOTHING:
		cli_say(c, "no %s named \"%s\" among the %zu that %s:", entity_kind(kind), arg,
			entity_count(c->m, kind),
			kind == ENT_DRIVER || kind == ENT_DEVICE
				? "the filters lead to (others need an address)"
				: "this dump has");
		break;
	}
	say_candidates(c, kind, NULL);
	return CLI_UNDECIDED;
}
