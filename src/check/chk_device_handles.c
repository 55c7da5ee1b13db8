/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 24: NtUnloadDriver has marked every device of the driver, and does not call
 * DriverUnload while one of them is open or attached to (facts: 24 [doc], [case], so
 * never more than likely). Look-alikes that stay silent: DRVO_UNLOAD_INVOKED is set,
 * so that DriverUnload was handed over (27, 20, or queued); an idle device.
 */
#include "check/unload.h"

#include <inttypes.h>

static bool held(const struct fs_device *dev)
{
	return fs_has(&dev->reference_count, UINT64_MAX) ||
	       fs_has(&dev->attached_device, UINT64_MAX);
}

static const char *device_words(struct check_run *run, const struct fs_device *dev)
{
	const char *name = dev->name.state == FS_READ && dev->name.s[0]
				   ? run_text(run, " \"%s\"", dev->name.s)
				   : "";

	if (fs_has(&dev->reference_count, UINT64_MAX))
		return run_text(
			run, "DEVICE_OBJECT 0x%" PRIx64 "%s is open (ReferenceCount %" PRIu64 ")",
			dev->address, name, dev->reference_count.v);
	return run_text(run, "DEVICE_OBJECT 0x%" PRIx64 "%s has 0x%" PRIx64 " attached to it",
			dev->address, name, dev->attached_device.v);
}

static void evidence_of(struct check_run *run, evidence_vec *ev, const struct fs_driver *d)
{
	size_t i;

	evidence_hex(run, ev, &d->flags.value, d->address, "DRIVER_OBJECT.Flags",
		     "DRVO_UNLOAD_INVOKED is clear: DriverUnload was not called");
	for (i = 0; i < d->ndevices && ev->n < 3 * EVIDENCE_MAX; i++) {
		const struct fs_device *dev = &run->m->devices[d->devices[i]];

		if (fs_has(&dev->extension_flags.value, FS_DOE_UNLOAD_PENDING))
			evidence_hex(run, ev, &dev->extension_flags.value, dev->devobj_extension.v,
				     "_DEVOBJ_EXTENSION.ExtensionFlags",
				     "DOE_UNLOAD_PENDING: the unload was asked for");
		if (fs_has(&dev->reference_count, UINT64_MAX))
			evidence_hex(run, ev, &dev->reference_count, dev->address,
				     "DEVICE_OBJECT.ReferenceCount", "a device of it is open");
		if (fs_has(&dev->attached_device, UINT64_MAX))
			evidence_hex(run, ev, &dev->attached_device, dev->address,
				     "DEVICE_OBJECT.AttachedDevice",
				     "another driver's device is attached");
	}
}

static void fire(struct check_run *run, size_t i, const struct fs_driver *d,
		 const struct fs_device *dev)
{
	const struct fs_filter *f = &run->m->filters[i];
	enum fs_confidence c = FS_LIKELY;
	struct fs_finding *fd;
	struct fs_verdict *v;
	evidence_vec ev = {0};
	const char *symbol;
	bool gone;

	/* the pointer is not counted: the object must be known to be this driver's */
	if (d->module < 0 || d->module != filter_code_module(run->m, f, &gone, &symbol))
		c = FS_POSSIBLE;
	c = confidence_cap(confidence_cap(c, &d->flags.value), &f->object.flags.value);
	fd = finding_add(run, "device-handles-open", c, "filter", f->address, filter_label(run, i));
	if (!fd)
		return;
	fd->message = run_text(run,
			       "The I/O manager does not call DriverUnload of %s while a device of "
			       "it is in use: %s",
			       fd->subject.name, device_words(run, dev));
	/* nobody has a handle to close */
	if (!fs_has(&dev->reference_count, UINT64_MAX))
		fd->advice = "Unload the driver of the attached device first, or let it detach "
			     "(IoDetachDevice) and delete its device.";
	evidence_of(run, &ev, d);
	fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	if (!pending_verdict(run, i))
		return;
	verdict_cause(run, i, fd, 0,
		      (struct fs_subject){"device", dev->address,
					  dev->name.state == FS_READ ? dev->name.s : ""});
	v = verdict_for(run, i);
	if (v && v->cause_id == fd->rule)
		v->advice = fd->advice;
}

void chk_device_handles(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i, k;

	for (i = 0; i < m->nfilters; i++) {
		struct unload_request q = unload_requested(m, m->filters[i].driver);
		const struct fs_device *dev = NULL;
		const struct fs_driver *d;

		if (run->stages[i] != FS_S0 || !q.pending_device || in_progress(&m->filters[i]) ||
		    unload_lock_of(run, i)->filter == (int32_t)i)
			continue;
		d = &m->drivers[m->filters[i].driver];
		if (!q.known)
			not_checked_add(run, "device-handles-open",
					"not all devices of the driver could be read");
		if (!fs_lacks(&d->flags.value, FS_DRVO_UNLOAD_INVOKED))
			continue;
		for (k = 0; k < d->ndevices && !dev; k++)
			if (held(&m->devices[d->devices[k]]))
				dev = &m->devices[d->devices[k]];
		if (dev)
			fire(run, i, d, dev);
	}
}
