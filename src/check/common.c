/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions about the model that several checks ask. */
#include "check/check.h"

const char *filter_label(struct check_run *run, size_t filter)
{
	const struct fs_filter *f = &run->m->filters[filter];

	if (f->name.state == FS_READ)
		return f->name.s[0] ? f->name.s : "[NoName]";
	if (f->name_by_callbacks)
		return run_text(run, "(name not read; callbacks are in %s)", f->name_by_callbacks);
	return "(name not read)";
}

const char *driver_label(const struct check_run *run, size_t driver)
{
	const struct fs_driver *d = &run->m->drivers[driver];

	if (d->name.state == FS_READ)
		return d->name.s;
	return d->object_name.state == FS_READ ? d->object_name.s : "";
}

bool filter_code_unknown(const struct fs_model *m, const struct fs_filter *f)
{
	bool any = false;
	size_t i;

	for (i = 0; i < FS_CB_COUNT; i++) {
		const struct fs_code *c = &f->callback[i];

		if (i == FS_CB_OldDriverUnload || c->va.state != FS_READ || c->va.v == 0)
			continue;
		if (c->module >= 0)
			return false;
		any = true;
	}
	return any && !m->modules_whole;
}

int32_t filter_code_module(const struct fs_model *m, const struct fs_filter *f, bool *ret_gone,
			   const char **ret_symbol)
{
	int32_t module = -1;
	bool any = false, gone = true;
	size_t i;

	*ret_symbol = NULL;
	for (i = 0; i < FS_CB_COUNT; i++) {
		const struct fs_code *c = &f->callback[i];

		/* OldDriverUnload is the driver's too, but may be anything it hooked */
		if (i == FS_CB_OldDriverUnload || c->va.state != FS_READ || c->va.v == 0 ||
		    c->va.unproved)
			continue;
		any = true;
		if (c->module >= 0) {
			gone = false;
			if (module < 0)
				module = c->module;
		} else if (c->unloaded && !*ret_symbol) {
			*ret_symbol = c->symbol;
		}
	}
	*ret_gone = any && gone && m->modules_whole;
	return module;
}

struct unload_request unload_requested(const struct fs_model *m, int32_t driver)
{
	struct unload_request r = {0};
	const struct fs_driver *d;
	size_t i;

	if (driver < 0 || !m->drivers[driver].valid)
		return r;
	d = &m->drivers[driver];
	r.known = fs_is_read(&d->flags.value) && d->devices_stop == FS_STOP_CLOSED;
	r.invoked = fs_has(&d->flags.value, FS_DRVO_UNLOAD_INVOKED);
	for (i = 0; i < d->ndevices; i++) {
		const struct fs_device *dev = &m->devices[d->devices[i]];

		if (!r.pending_device && fs_has(&dev->extension_flags.value, FS_DOE_UNLOAD_PENDING))
			r.pending_device = dev;
		if (!fs_is_read(&dev->extension_flags.value))
			r.known = false;
		if (!r.held_device && (fs_has(&dev->reference_count, UINT64_MAX) ||
				       fs_has(&dev->attached_device, UINT64_MAX)))
			r.held_device = dev;
	}
	return r;
}
