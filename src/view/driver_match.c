/* SPDX-License-Identifier: BSD-2-Clause */
/* Which things of a dump does the name of --driver mean? */
#include "view/driver_match.h"
#include "view/common.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"

struct matching {
	struct arena *a;
	const struct fs_model *m;
	const char *name;
	bool *filters, *drivers, *modules; /* by index */
	VEC(uint64_t) addresses;
	VEC(struct res_match) matches;
	bool failed;
};

static void found(struct matching *k, const char *kind, const char *name, uint64_t address)
{
	struct res_match *p = vec_push(&k->matches);

	if (p)
		*p = (struct res_match){kind, name ? name : "", address};
	else
		k->failed = true;
}

static void belongs(struct matching *k, uint64_t address)
{
	uint64_t *p = address ? vec_push(&k->addresses) : NULL;

	if (p)
		*p = address;
	else if (address)
		k->failed = true;
}

static bool same(const struct matching *k, const char *s)
{
	return s && view_same_driver(s, k->name);
}

static void match_modules(struct matching *k, bool *ret_loaded, bool *ret_unloaded)
{
	const struct fs_model *m = k->m;
	size_t i;

	for (i = 0; i < m->nmodules; i++) {
		const char *name = m->modules[i].name ? m->modules[i].name : m->modules[i].path;

		k->modules[i] = name && same(k, path_base(name));
		if (k->modules[i])
			found(k, "image", name, m->modules[i].base);
		*ret_loaded |= k->modules[i];
	}
	for (i = 0; i < m->nunloaded; i++) {
		if (!m->unloaded[i].name || !same(k, path_base(m->unloaded[i].name)))
			continue;
		found(k, "unloaded-image", m->unloaded[i].name, m->unloaded[i].start);
		*ret_unloaded = true;
	}
}

static void driver_belongs(struct matching *k, const struct fs_driver *d)
{
	size_t i;

	belongs(k, d->address);
	for (i = 0; i < d->ndevices; i++)
		belongs(k, k->m->devices[d->devices[i]].address);
}

static void match_drivers(struct matching *k)
{
	const struct fs_model *m = k->m;
	size_t i;

	for (i = 0; i < m->ndrivers; i++) {
		const struct fs_driver *d = &m->drivers[i];
		const char *service = plain(&d->service_key);

		if (same(k, plain(&d->name)))
			found(k, "driver-object", d->name.s, d->address);
		else if (same(k, plain(&d->object_name)))
			found(k, "driver-object", d->object_name.s, d->address);
		else if (service && same(k, path_base(service)))
			found(k, "service", service, d->address);
		else if (d->module < 0 || (size_t)d->module >= m->nmodules ||
			 !k->modules[d->module])
			continue;
		k->drivers[i] = true;
		driver_belongs(k, d);
	}
}

/* Do its callbacks lie in an image of that name? */
static bool code_matches(const struct matching *k, const struct fs_filter *f)
{
	size_t i;

	for (i = 0; i < FS_CB_COUNT; i++) {
		const struct fs_code *c = &f->callback[i];

		/* OldDriverUnload may be anything that the driver hooked */
		if (i != FS_CB_OldDriverUnload && fs_has(&c->va, UINT64_MAX) && c->module >= 0 &&
		    (size_t)c->module < k->m->nmodules && k->modules[c->module])
			return true;
	}
	return same(k, f->name_by_callbacks) || view_code_was_in(f, k->name);
}

static void match_filters(struct matching *k, const struct fs_report *r, struct driver_match *d)
{
	const struct fs_model *m = k->m;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_filter *f = &m->filters[i];

		if (same(k, plain(&f->name)))
			found(k, "filter", f->name.s, f->address);
		else if (!code_matches(k, f) &&
			 !(f->driver >= 0 && (size_t)f->driver < m->ndrivers &&
			   k->drivers[f->driver]))
			continue;
		k->filters[i] = true;
		belongs(k, f->address);
		/* of a zombied filter the DRIVER_OBJECT may be another driver's by now (rule 27) */
		if (f->driver >= 0 && (size_t)f->driver < m->ndrivers &&
		    fs_lacks(&f->object.flags.value, FS_OBJ_ZOMBIED))
			driver_belongs(k, &m->drivers[f->driver]);
		d->filters++;
		d->decided += r->stages ? r->stages[i] != FS_STAGE_UNKNOWN
					: fs_is_read(&f->object.flags.value);
	}
	for (i = 0; i < m->ninstances; i++) {
		int32_t f = m->instances[i].filter;

		if (f >= 0 && (size_t)f < m->nfilters && k->filters[f])
			belongs(k, m->instances[i].address);
	}
}

/* What a verdict about it names besides: its waiter, its culprit. */
static void match_verdicts(struct matching *k, const struct fs_report *r, struct driver_match *d)
{
	size_t i;

	for (i = 0; i < r->nverdicts; i++) {
		const struct fs_verdict *v = &r->verdicts[i];

		if (!driver_match_verdict(d, k->m, v))
			continue;
		d->known = true;
		belongs(k, v->filter);
		belongs(k, v->driver_object);
		belongs(k, v->culprit.address);
		belongs(k, v->waiter_thread);
	}
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void *keep(struct matching *k, const void *p, size_t n, size_t size)
{
	void *q = arena_alloc(k->a, (n ? n : 1) * size);

	if (!q)
		k->failed = true;
	else if (n)
		memcpy(q, p, n * size);
	return q;
}

bool driver_match(struct arena *a, const struct fs_model *m, const struct fs_report *r,
		  const char *name, struct driver_match *ret)
{
	struct matching k = {.a = a, .m = m, .name = name};

	*ret = (struct driver_match){.all = !name, .name = name};
	if (!name)
		return true;
	k.filters = arena_alloc(a, m->nfilters + 1);
	k.drivers = arena_alloc(a, m->ndrivers + 1);
	k.modules = arena_alloc(a, m->nmodules + 1);
	if (!k.filters || !k.drivers || !k.modules)
		return false;
	match_modules(&k, &ret->loaded, &ret->unloaded);
	match_drivers(&k);
	match_filters(&k, r, ret);
	ret->is_filter = k.filters;
	ret->is_driver = k.drivers;
	ret->nfilters = m->nfilters;
	ret->ndrivers = m->ndrivers;
	match_verdicts(&k, r, ret);
	ret->known |= k.matches.n + k.addresses.n > 0;
	ret->addresses = keep(&k, k.addresses.v, k.addresses.n, sizeof(*k.addresses.v));
	ret->n = k.addresses.n;
	ret->matches = keep(&k, k.matches.v, k.matches.n, sizeof(*k.matches.v));
	ret->nmatches = k.matches.n;
	vec_free(&k.addresses);
	vec_free(&k.matches);
	if (k.failed)
		return false;
	qsort(ret->addresses, ret->n, sizeof(*ret->addresses), by_address);
	return true;
}

bool driver_match_address(const struct driver_match *d, uint64_t address)
{
	return d->all || (address && bsearch(&address, d->addresses, d->n, sizeof(address),
					     by_address) != NULL);
}

static bool is_filter(const struct driver_match *d, const struct fs_model *m, uint64_t address)
{
	size_t i;

	for (i = 0; address && i < d->nfilters; i++)
		if (d->is_filter[i] && m->filters[i].address == address)
			return true;
	return false;
}

bool driver_match_verdict(const struct driver_match *d, const struct fs_model *m,
			  const struct fs_verdict *v)
{
	size_t i;

	if (d->all || view_same_driver(v->name, d->name) ||
	    view_same_driver(v->driver, d->name) || is_filter(d, m, v->filter))
		return true;
	/* what was asked for may be any of the filters that it can be about */
	for (i = 0; i < v->ncandidates; i++)
		if (is_filter(d, m, v->candidates[i]))
			return true;
	/* a filter's DRIVER_OBJECT may be another driver's by now (rule 27) */
	for (i = 0; !v->filter && v->driver_object && i < d->ndrivers; i++)
		if (d->is_driver[i] && m->drivers[i].address == v->driver_object)
			return true;
	return false;
}

bool driver_match_finding(const struct driver_match *d, const struct fs_model *m,
			  const struct fs_finding *f, const struct fs_verdict *v)
{
	return d->all || driver_match_address(d, f->subject.address) ||
	       view_same_driver(f->subject.name, d->name) || (v && driver_match_verdict(d, m, v));
}

void show_matches(struct view *v, const struct res_match *matches, size_t n)
{
	size_t i;

	if (n == 0)
		return;
	emit_array_begin(v->e, "matches");
	for (i = 0; i < n; i++) {
		const struct res_match *k = &matches[i];

		entity_begin(v);
		emit_object_begin(v->e, NULL);
		emit_string(v->e, "kind", k->kind);
		if (k->address)
			emit_address(v->e, "address", k->address);
		emit_string(v->e, "name", k->name);
		emit_object_end(v->e);
		if (emit_is_text(v->e))
			emit_line(v->e, "matches %s %s 0x%" PRIx64, k->kind, k->name, k->address);
	}
	emit_array_end(v->e);
}
