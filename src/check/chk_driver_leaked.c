/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 25: DriverUnload was handed over, no filter of the driver is registered any
 * more, and its DRIVER_OBJECT and image are still there: somebody holds a reference
 * (facts: 25 [doc], [case], so never more than likely). Driver objects are known by
 * the filters, devices, files and work items that lead to them; one that nothing
 * leads to is not found. Look-alikes that stay silent: a filter of it that drains, and
 * a zombie whose pointer leads to another driver's object (27).
 */
#include "check/unload.h"

#include <string.h>

/* Has the driver a filter whose unregistration is not done? By its DRIVER_OBJECT, or by callbacks
 * in the driver's image: one of the two may be damaged. */
static bool has_filter(const struct check_run *run, size_t driver)
{
	const struct fs_model *m = run->m;
	const char *symbol;
	bool gone;
	size_t i;

	for (i = 0; i < m->nfilters; i++)
		if ((run->stages[i] != FS_S5 ||
		     m->filters[i].object.rundown.state != FS_RUNDOWN_DRAINED) &&
		    (m->filters[i].driver == (int32_t)driver ||
		     filter_code_module(m, &m->filters[i], &gone, &symbol) ==
			     m->drivers[driver].module))
			return true;
	return false;
}

/* Is every filter of the frame on its list as it says? */
static bool list_is_sound(const struct fs_list *l)
{
	return l->stop == FS_STOP_CLOSED && !l->wrong_at && !l->broken_at &&
	       fs_is_read(&l->count) && l->count.v == l->n;
}

/* A filter that was reached, but whose driver was not: it may be this one's. */
static bool all_known(const struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nframes; i++)
		if (!list_is_sound(&m->frames[i].filters))
			return false;
	for (i = 0; i < m->nfilters; i++)
		if (!fs_is_read(&m->filters[i].driver_object))
			return false;
	return list_is_sound(&m->frame_list);
}

/* FltpDoUnloadFilter has a reference of its own on the object until it is done. */
static bool unload_may_run(const struct check_run *run)
{
	size_t i;

	for (i = 0; i < run->m->nframes; i++)
		if (!run->unloads[i].free)
			return true;
	return false;
}

static void conclude(struct check_run *run, const struct fs_driver *d, const struct fs_finding *fd)
{
	struct fs_verdict *v;
	size_t i;

	/* a zombie of it has the verdict */
	for (i = 0; i < run->verdicts.n; i++)
		if (run->verdicts.v[i].driver_object == d->address)
			return;
	v = vec_push(&run->verdicts);
	if (!v) {
		run->out_of_memory = true;
		return;
	}
	v->driver = driver_label(run, (size_t)(d - run->m->drivers));
	v->driver_object = d->address;
	v->name = v->driver;
	v->stage = FS_STAGE_UNKNOWN;
	v->culprit.name = "";
	v->state = FS_ST_LEFTOVER;
	verdict_tells(run, v, fd);
}

static void fire(struct check_run *run, size_t i)
{
	const struct fs_model *m = run->m;
	const struct fs_driver *d = &m->drivers[i];
	const struct fs_module *mod = &m->modules[d->module];
	enum fs_confidence c = all_known(run) && !unload_may_run(run) ? FS_LIKELY : FS_POSSIBLE;
	const char *name = driver_label(run, i);
	struct fs_finding *fd;
	evidence_vec ev = {0};

	c = confidence_cap(confidence_cap(c, &d->flags.value), &d->pointer_count);
	fd = finding_add(run, "driver-object-leaked", c, "driver", d->address, name);
	if (!fd)
		return;
	fd->message =
		run_text(run,
			 "DriverUnload of %s was called and no filter of it is registered, but "
			 "its DRIVER_OBJECT still has %llu reference%s, so that %s stays loaded",
			 name[0] ? name : "a driver", (unsigned long long)d->pointer_count.v,
			 plural(d->pointer_count.v), mod->name ? mod->name : "its image");
	evidence_hex(run, &ev, &d->flags.value, d->address, "DRIVER_OBJECT.Flags",
		     "DRVO_UNLOAD_INVOKED: DriverUnload was handed to a worker");
	evidence_add(run, &ev, &d->pointer_count, d->address, "OBJECT_HEADER.PointerCount",
		     "references to the object", "%llu", (unsigned long long)d->pointer_count.v);
	evidence_hex(run, &ev, &d->driver_start, d->address, "DRIVER_OBJECT.DriverStart",
		     "its image is loaded");
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	conclude(run, d, fd);
	driver_threads(run, d->module, "driver", d->address, name);
}

void chk_driver_leaked(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->ndrivers; i++) {
		const struct fs_driver *d = &m->drivers[i];

		if (!d->valid || d->module < 0 || d->module == m->fltmgr_module ||
		    !fs_has(&d->flags.value, FS_DRVO_UNLOAD_INVOKED) || has_filter(run, i))
			continue;
		if (!fs_is_read(&d->pointer_count))
			not_checked_add(run, "driver-object-leaked",
					"the PointerCount of a DRIVER_OBJECT was not read");
		else if (!all_known(run))
			not_checked_add(run, "driver-object-leaked",
					"not every filter was reached: one may be the driver's");
		else if (d->pointer_count.v)
			fire(run, i);
	}
}
