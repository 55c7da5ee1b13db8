/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames: where everything hangs, and FltGlobals around their list. */
#include <stdlib.h>
#include <string.h>

#include "fltmgr/prove.h"

static void frame_type(struct prover *p, uint64_t frame)
{
	uint64_t va, sig, size;
	uint32_t want = layout_type_size(p->r.fltmgr, T_FLTP_FRAME);

	if (obj_read2(&p->r, frame, F_FLTP_FRAME_Type, F_FLT_TYPE_Signature, &sig, NULL) != FS_OK)
		return;
	obj_field(&p->r, frame, F_FLTP_FRAME_Type, &va, NULL);
	if (sig != FRAME_SIGNATURE) {
		inv_fail(p, I_FRAME_TYPE, va, "signature is 0x%llx, expected 0x%x",
			 (unsigned long long)sig, FRAME_SIGNATURE);
		return;
	}
	inv_hold(p, I_FRAME_TYPE, 1);
	if (!want ||
	    obj_read2(&p->r, frame, F_FLTP_FRAME_Type, F_FLT_TYPE_Size, &size, NULL) != FS_OK)
		return;
	if (size == want)
		inv_hold(p, I_FRAME_SIZE, 1);
	else
		inv_fail(p, I_FRAME_SIZE, va, "size is 0x%llx, the layout's 0x%x",
			 (unsigned long long)size, want);
}

/* Compare two altitudes as decimal numbers of any length; fractions as text. */
static int altitude_order(const char *a, const char *b)
{
	size_t na, nb;

	a += strspn(a, "0");
	b += strspn(b, "0");
	na = strspn(a, "0123456789");
	nb = strspn(b, "0123456789");
	if (na != nb)
		return na < nb ? -1 : 1;
	return strcmp(a, b);
}

static void frame_altitudes(struct prover *p, uint64_t frame)
{
	struct ustr low, high;
	enum pv_string l, h;

	l = pv_string(p, frame, F_FLTP_FRAME_AltitudeIntervalLow, &low);
	h = pv_string(p, frame, F_FLTP_FRAME_AltitudeIntervalHigh, &high);
	if (l == PV_STR_BAD || h == PV_STR_BAD || (l == PV_STR_OK && !pv_is_altitude(low.text)) ||
	    (h == PV_STR_OK && !pv_is_altitude(high.text)))
		inv_fail(p, I_FRAME_ALTITUDES, frame, "no altitude");
	else if (l == PV_STR_OK && h == PV_STR_OK) {
		if (altitude_order(low.text, high.text) < 0)
			inv_hold(p, I_FRAME_ALTITUDES, 1);
		else
			inv_fail(p, I_FRAME_ALTITUDES, frame, "low is not below high");
	}
}

static void frame_small_numbers(struct prover *p, uint64_t frame)
{
	uint64_t va, both, id, other;
	size_t i;

	/* Two bytes and nothing else in their word: any other field has more in it. */
	if (pv_offset(p, F_FLTP_FRAME_SmallIrpCtrlStackSize) ==
		    pv_offset(p, F_FLTP_FRAME_LargeIrpCtrlStackSize) + 1 &&
	    obj_field(&p->r, frame, F_FLTP_FRAME_LargeIrpCtrlStackSize, &va, NULL) == FS_OK &&
	    pv_u64(p, va, &both) && both) {
		uint64_t large = both & 0xff, small = both >> 8;

		if (small && small <= large && large <= 64)
			inv_hold(p, I_FRAME_STACKS, 1);
		else
			inv_fail(p, I_FRAME_STACKS, frame, "0x%llx", (unsigned long long)both);
	}
	if (!pv_read(p, frame, F_FLTP_FRAME_FrameID, &id))
		return;
	if (id > 0xffff) {
		inv_fail(p, I_FRAME_ID, frame, "FrameID is 0x%llx", (unsigned long long)id);
		return;
	}
	/* One frame's number 0 is what padding says; several differ from each other. */
	for (i = 0; i < p->frames.n; i++) {
		if (p->frames.v[i] == frame ||
		    !pv_read(p, p->frames.v[i], F_FLTP_FRAME_FrameID, &other))
			continue;
		if (other == id)
			inv_fail(p, I_FRAME_ID, frame, "two frames are number %llu",
				 (unsigned long long)id);
		else if (other == id + 1 || id == other + 1)
			inv_hold(p, I_FRAME_ID, 1);
	}
}

static void frame_mounting(struct prover *p, uint64_t frame)
{
	struct list_links l;

	if (obj_links(&p->r, frame, F_FLTP_FRAME_MountingVolumes, &l, NULL) != FS_OK)
		return;
	switch (pv_linked(p, l.self)) {
	case PV_YES:
		inv_hold(p, I_FRAME_MOUNTING, 1);
		break;
	case PV_NO:
		inv_fail(p, I_FRAME_MOUNTING, l.self, "links do not agree");
		break;
	case PV_UNREADABLE:
		break;
	}
}

static void add_objects(struct prover *p, struct pv_addresses *found, uint64_t **v, size_t *n,
			size_t *cap, size_t max)
{
	size_t i;

	for (i = 0; i < found->a.n && *n < max; i++) {
		uint64_t *slot;

		if (!pv_once(*v, *n, found->a.v[i]))
			continue;
		slot = vec_push_((void **)v, n, cap, sizeof(**v));
		if (!slot) {
			p->out_of_memory = true;
			return;
		}
		*slot = found->a.v[i];
	}
}

static void frame_objects(struct prover *p, uint64_t frame)
{
	uint64_t link = pv_offset(p, F_FLT_OBJECT_PrimaryLink);
	uint64_t filter = link + pv_base(p, OBJ_TYPE_FILTER);
	uint64_t volume = link + pv_base(p, OBJ_TYPE_VOLUME);
	struct pv_addresses found;

	pv_field_list(
		p, frame, F_FLTP_FRAME_RegisteredFilters,
		(struct pv_list){0, filter, I_FILTER_LIST, PROVE_MAX_FILTERS, PROVE_WALK_FRAME},
		&found);
	add_objects(p, &found, &p->filters.v, &p->filters.n, &p->filters.cap, PROVE_MAX_FILTERS);
	vec_free(&found.a);
	pv_field_list(
		p, frame, F_FLTP_FRAME_AttachedVolumes,
		(struct pv_list){0, volume, I_VOLUME_LIST, PROVE_MAX_VOLUMES, PROVE_WALK_FRAME},
		&found);
	add_objects(p, &found, &p->volumes.v, &p->volumes.n, &p->volumes.cap, PROVE_MAX_VOLUMES);
	vec_free(&found.a);
}

/* FltGlobals: is what stands around FrameList what the layout says? */
static void globals(struct prover *p)
{
	uint64_t driver, start, device, owner;

	if (!p->site->globals || !p->fltmgr)
		return;
	if (pv_read(p, p->site->globals, F_GLOBALS_DriverObject, &driver)) {
		enum pv_is is = pv_driver(p, driver);

		if (is == PV_YES && pv_read(p, driver, F_DRIVER_OBJECT_DriverStart, &start) &&
		    start == p->fltmgr->base)
			inv_hold(p, I_GLOBALS_DRIVER, 1);
		else if (is != PV_UNREADABLE)
			inv_fail(p, I_GLOBALS_DRIVER, driver, "no driver object of fltmgr");
	}
	if (!pv_read(p, p->site->globals, F_GLOBALS_ControlDeviceObject, &device))
		return;
	switch (pv_device(p, device)) {
	case PV_YES:
		if (pv_read(p, device, F_DEVICE_OBJECT_DriverObject, &owner) &&
		    pv_driver(p, owner) == PV_YES &&
		    pv_read(p, owner, F_DRIVER_OBJECT_DriverStart, &start) &&
		    start == p->fltmgr->base)
			inv_hold(p, I_GLOBALS_CDO, 1);
		break;
	case PV_NO:
		inv_fail(p, I_GLOBALS_CDO, device, "no device object");
		break;
	case PV_UNREADABLE:
		break;
	}
}

static void find_frames(struct prover *p)
{
	struct pv_addresses found = {.total = SIZE_MAX};
	struct list_links links;
	size_t i;

	if (p->site->frame_list)
		pv_resource_list(
			p,
			&(struct pv_list){p->site->frame_list -
						  pv_offset(p, F_FLT_RESOURCE_LIST_HEAD_rList),
					  pv_offset(p, F_FLTP_FRAME_Links), I_FRAME_LIST,
					  PROVE_MAX_FRAMES, PROVE_MAX_FRAMES},
			&found);
	add_objects(p, &found, &p->frames.v, &p->frames.n, &p->frames.cap, PROVE_MAX_FRAMES);
	vec_free(&found.a);
	found = (struct pv_addresses){.a = {p->site->frames.v, p->site->frames.n, 0}};
	add_objects(p, &found, &p->frames.v, &p->frames.n, &p->frames.cap, PROVE_MAX_FRAMES);
	/* Frames found by type word: their links lead to one head inside the Filter Manager. */
	for (i = 0; i < p->site->frames.n; i++) {
		if (p->site->head_by_links &&
		    obj_links(&p->r, p->site->frames.v[i], F_FLTP_FRAME_Links, &links, NULL) ==
			    FS_OK &&
		    links.flink == p->site->head_by_links && links.blink == links.flink)
			inv_hold(p, I_FRAME_LIST, 1);
	}
}

void prove_frames(struct prover *p)
{
	size_t i;

	find_frames(p);
	globals(p);
	for (i = 0; i < p->frames.n; i++) {
		uint64_t frame = p->frames.v[i], lock;

		frame_type(p, frame);
		frame_altitudes(p, frame);
		frame_small_numbers(p, frame);
		frame_mounting(p, frame);
		pv_mutex_list(p, frame, F_FLTP_FRAME_AttachedFileSystems, I_FRAME_FILESYSTEMS);
		pv_mutex_list(p, frame, F_FLTP_FRAME_ZombiedFltObjectContexts, I_FRAME_ZOMBIES);
		if (obj_field(&p->r, frame, F_FLTP_FRAME_FilterUnloadLock, &lock, NULL) == FS_OK)
			pv_resource(p, lock, I_FRAME_UNLOAD_LOCK);
		frame_objects(p, frame);
	}
}
