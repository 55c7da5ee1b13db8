/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 19: a DriverEntry that fails calls FltUnregisterFilter, and that waits. The
 * traces (facts: 19 [case], [code]; [run]: FltUnregisterFilter alone takes no lock):
 * the filter drains, its waiter does not hold the frame's FilterUnloadLock, and nt
 * has not set DRVO_INITIALIZED, which it does when DriverEntry has succeeded.
 * Look-alike that stays silent: 20, where FltpDoUnloadFilter holds the lock.
 */
#include "check/unload.h"

static const struct fs_driver *own_driver(const struct check_run *run, size_t i, int32_t module)
{
	const struct fs_filter *f = &run->m->filters[i];
	const struct fs_driver *d = f->driver >= 0 ? &run->m->drivers[f->driver] : NULL;

	/* the pointer is not counted: another driver's object says nothing */
	if (!d || !d->valid || (d->module >= 0 && module >= 0 && d->module != module))
		return NULL;
	return d;
}

/* Does the waiter hold the lock that FltpDoUnloadFilter would? */
enum holds { HOLDS_UNKNOWN, HOLDS, HOLDS_NOT };
static enum holds lock_of_waiter(const struct check_run *run, size_t i, const struct waiter *w)
{
	const struct unload_lock *u = unload_lock_of(run, i);

	if (u->free)
		return HOLDS_NOT;
	if (!u->held)
		return HOLDS_UNKNOWN;
	if (w->thread >= 0 && fs_is_read(&u->owner->thread))
		return u->owner->thread.v == run->m->threads[w->thread].address ? HOLDS : HOLDS_NOT;
	return u->filter == (int32_t)i ? HOLDS : HOLDS_UNKNOWN;
}

/* Its stack: code of the driver that nt called, and nothing of FltMgr's unload. */
static bool stack_shows(const struct check_run *run, const struct waiter *w, int32_t module,
			const struct fs_stack_frame **ret_driver,
			const struct fs_stack_frame **ret_nt)
{
	const struct fs_thread *t = w->thread >= 0 ? &run->m->threads[w->thread] : NULL;
	struct on_stack any;

	*ret_driver = *ret_nt = NULL;
	if (!t || module < 0)
		return false;
	any = stack_code_of(t, module, -1);
	*ret_driver = any.frame;
	*ret_nt = stack_function(t, "IopLoadDriver");
	if (!*ret_nt)
		*ret_nt = stack_function(t, "DriverEntry");
	if (!*ret_nt && any.caller && any.caller->ip.module >= 0 &&
	    any.caller->ip.module != run->m->fltmgr_module && any.sure == FS_PROVED)
		*ret_nt = any.caller;
	return any.frame && *ret_nt;
}

static bool unloads(const struct check_run *run, const struct waiter *w)
{
	return w->thread >= 0 &&
	       (stack_function(&run->m->threads[w->thread], "FltpDoUnloadFilter") ||
		stack_function(&run->m->threads[w->thread], "FltpMiniFilterDriverUnload"));
}

static void fire(struct check_run *run, size_t i, const struct fs_driver *d, int32_t module)
{
	const struct fs_filter *f = &run->m->filters[i];
	struct waiter w = waiter_of(run, i);
	const struct unload_lock *u = unload_lock_of(run, i);
	const struct fs_stack_frame *in_driver, *in_nt;
	bool seen = stack_shows(run, &w, module, &in_driver, &in_nt);
	enum fs_confidence c = FS_LIKELY;
	struct fs_finding *fd;
	evidence_vec ev = {0};

	if (seen && w.sure == FS_PROVED && stack_is_whole(&run->m->threads[w.thread]))
		c = mechanism_known(run);
	if (lock_of_waiter(run, i, &w) != HOLDS_NOT)
		c = FS_POSSIBLE;
	c = confidence_cap(confidence_cap(c, &f->object.flags.value), &d->flags.value);
	fd = finding_add(run, "unregister-in-driver-entry", c, "filter", f->address,
			 filter_label(run, i));
	if (!fd)
		return;
	fd->message = run_text(run,
			       "DriverEntry of %s failed after FltRegisterFilter and %s waits in "
			       "FltUnregisterFilter: no other driver can be loaded meanwhile",
			       fd->subject.name, thread_label(run, w.thread));
	evidence_hex(run, &ev, &d->flags.value, d->address, "DRIVER_OBJECT.Flags",
		     "DRVO_INITIALIZED is clear: DriverEntry has not succeeded");
	evidence_hex(run, &ev, &f->object.flags.value, f->address, "FLT_OBJECT.Flags",
		     "FltUnregisterFilter has marked the filter DRAINING");
	if (u->lock)
		evidence_hex(
			run, &ev, u->held ? &u->owner->thread : &u->lock->active_count,
			u->lock->address,
			u->held ? "FilterUnloadLock.OwnerThread" : "FilterUnloadLock.ActiveCount",
			u->held ? "who holds the frame's unload lock"
				: "nobody holds the frame's unload lock, as FltMgr's unload would");
	waiter_evidence(run, &ev, &w);
	frame_evidence(run, &ev, in_driver, "the driver's code, on the waiter's stack");
	frame_evidence(run, &ev, in_nt, "who called it");
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	/* more than a remainder that nobody can name; a holder that is proved is surer */
	verdict_cause(run, i, fd, UINT64_MAX - 1, (struct fs_subject){"driver", d->address, ""});
}

void chk_driver_entry(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i;

	for (i = 0; i < m->nfilters; i++) {
		const struct fs_value *flags = &m->filters[i].object.flags.value;
		const struct fs_driver *d;
		struct waiter w;
		const char *symbol;
		int32_t module;
		bool gone;

		if (!fs_has(flags, FS_OBJ_DRAINING) || fs_has(flags, FS_OBJ_ZOMBIED))
			continue;
		module = filter_code_module(m, &m->filters[i], &gone, &symbol);
		d = own_driver(run, i, module);
		w = waiter_of(run, i);
		if (!d || !fs_is_read(&d->flags.value)) {
			not_checked_add(run, "unregister-in-driver-entry",
					"the Flags of the filter's DRIVER_OBJECT were not read");
			continue;
		}
		if (fs_has(&d->flags.value, FS_DRVO_INITIALIZED) ||
		    lock_of_waiter(run, i, &w) == HOLDS || unloads(run, &w))
			continue;
		fire(run, i, d, module);
	}
}
