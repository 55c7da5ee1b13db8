/* SPDX-License-Identifier: BSD-2-Clause */
/* FLT_VOLUME: names, devices, file system, instances, callback lists. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "fltmgr/prove.h"

/* One list head for each of the 50 majors that FltMgr knows. */
#define CALLBACK_LISTS 50
/* They take 200 reads a volume: a few volumes are enough. */
#define CALLBACK_VOLUMES 8

static bool begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

enum volume_name { NAME_DEVICE, NAME_GUID, NAME_CDO_DEVICE, NAME_CDO_DRIVER };

/* Each of the four names has a form that the other three do not have. */
static bool name_fits(enum volume_name kind, const char *s)
{
	switch (kind) {
	case NAME_DEVICE:
		return begins(s, "\\Device\\");
	case NAME_GUID:
		return begins(s, "\\??\\");
	case NAME_CDO_DRIVER:
		return begins(s, "\\FileSystem\\") || begins(s, "\\Driver\\");
	case NAME_CDO_DEVICE:
		break;
	}
	return s[0] == '\\' && !begins(s, "\\??\\") && !begins(s, "\\FileSystem\\") &&
	       !begins(s, "\\Driver\\");
}

static void volume_strings(struct prover *p, uint64_t volume)
{
	static const struct {
		enum field_id field;
		enum inv id;
		enum volume_name kind;
	} names[] = {
		{F_FLT_VOLUME_DeviceName, I_VOLUME_NAME, NAME_DEVICE},
		{F_FLT_VOLUME_GuidName, I_VOLUME_GUID, NAME_GUID},
		{F_FLT_VOLUME_CDODeviceName, I_VOLUME_CDO_DEVICE, NAME_CDO_DEVICE},
		{F_FLT_VOLUME_CDODriverName, I_VOLUME_CDO_DRIVER, NAME_CDO_DRIVER},
	};
	uint32_t size = layout_type_size(p->r.fltmgr, T_FLT_VOLUME);
	struct ustr s;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum pv_string got = pv_string(p, volume, names[i].field, &s);

		/* \Device\Mup is a CDO's name, too, but could as well be the volume's. */
		bool unclear = names[i].kind == NAME_CDO_DEVICE && got == PV_STR_OK &&
			       begins(s.text, "\\Device\\");

		if (got == PV_STR_BAD || (got == PV_STR_OK && !name_fits(names[i].kind, s.text)))
			inv_fail(p, names[i].id, volume, "no such name");
		else if (got == PV_STR_OK && !unclear)
			inv_hold(p, names[i].id, 1);
		if (names[i].kind != NAME_CDO_DEVICE || got != PV_STR_OK || !size)
			continue;
		if (s.buffer == volume + size)
			inv_hold(p, I_VOLUME_SIZE, 1);
		else
			inv_fail(p, I_VOLUME_SIZE, volume, "CDODeviceName is at 0x%llx",
				 (unsigned long long)s.buffer);
	}
}

/* FILE_DEVICE_* of wdm.h that only one of the two devices can have. */
static bool is_storage(uint64_t type)
{
	return type == 0x02 || type == 0x07 || type == 0x24 || type == 0x2d || type == 0x33;
}

static bool is_file_system(uint64_t type)
{
	return type == 0x03 || type == 0x08 || type == 0x0c || type == 0x10 || type == 0x11 ||
	       type == 0x14 || type == 0x20;
}

static void volume_device(struct prover *p, uint64_t volume, enum field_id f, enum inv id,
			  bool (*must_be)(uint64_t), bool (*must_not_be)(uint64_t))
{
	uint64_t device, type;

	if (!pv_read(p, volume, f, &device) || !device)
		return;
	switch (pv_device(p, device)) {
	case PV_YES:
		if (!pv_read(p, device, F_DEVICE_OBJECT_DeviceType, &type))
			break;
		if (must_not_be(type))
			inv_fail(p, id, volume, "0x%llx is the other kind of device",
				 (unsigned long long)device);
		else if (must_be(type))
			inv_hold(p, id, 1);
		break;
	case PV_NO:
		inv_fail(p, id, volume, "0x%llx is no DEVICE_OBJECT", (unsigned long long)device);
		break;
	case PV_UNREADABLE:
		break;
	}
}

static void volume_numbers(struct prover *p, uint64_t volume)
{
	uint64_t v, known = layout_enum_mask(p->r.fltmgr, "_FLT_VOLUME_FLAGS");

	if (pv_read(p, volume, F_FLT_VOLUME_Flags, &v)) {
		if (v > 0xffff)
			inv_fail(p, I_VOLUME_FLAGS, volume, "flags are 0x%llx",
				 (unsigned long long)v);
		/* Below 0x20 the number could be a file system's. */
		else if (v >= 0x20 && !(v & ~known))
			inv_hold(p, I_VOLUME_FLAGS, 1);
	}
	if (pv_read(p, volume, F_FLT_VOLUME_FileSystemType, &v) && v) {
		if (layout_enum_name(p->r.fltmgr, "_FLT_FILESYSTEM_TYPE", v))
			inv_hold(p, I_VOLUME_FS, 1);
		else if (v >= 0x40)
			inv_fail(p, I_VOLUME_FS, volume, "file system %llu", (unsigned long long)v);
	}
}

static void volume_frames(struct prover *p, uint64_t volume)
{
	uint64_t frame, zero, next, its_zero;
	size_t i;

	if (pv_read(p, volume, F_FLT_VOLUME_Frame, &frame)) {
		for (i = 0; i < p->frames.n && p->frames.v[i] != frame; i++)
			continue;
		if (i < p->frames.n)
			inv_hold(p, I_VOLUME_FRAME, 1);
		else
			inv_fail(p, I_VOLUME_FRAME, volume, "0x%llx is no frame",
				 (unsigned long long)frame);
	}
	if (pv_read(p, volume, F_FLT_VOLUME_FrameZeroVolume, &zero) && zero) {
		enum pv_is is = pv_object(p, zero, OBJ_TYPE_VOLUME);

		if (is == PV_YES && pv_read(p, zero, F_FLT_VOLUME_FrameZeroVolume, &its_zero) &&
		    its_zero == zero)
			inv_hold(p, I_VOLUME_ZERO, 1);
		else if (is != PV_UNREADABLE)
			inv_fail(p, I_VOLUME_ZERO, volume, "0x%llx is no volume of frame 0",
				 (unsigned long long)zero);
	}
	if (pv_read(p, volume, F_FLT_VOLUME_VolumeInNextFrame, &next) && next) {
		enum pv_is is = pv_object(p, next, OBJ_TYPE_VOLUME);

		if (is == PV_YES && next != volume)
			inv_hold(p, I_VOLUME_NEXT, 1);
		else if (is != PV_UNREADABLE)
			inv_fail(p, I_VOLUME_NEXT, volume, "0x%llx is no other volume",
				 (unsigned long long)next);
	}
}

/* Exactly 50 heads in a row: neither the 16 bytes before nor those after are one. */
static void volume_callbacks(struct prover *p, uint64_t volume)
{
	unsigned i, ptr = vm_pointer_size(p->r.vm);
	uint64_t va, head;

	if (obj_field(&p->r, volume, F_FLT_VOLUME_Callbacks, &va, NULL) != FS_OK)
		return;
	for (i = 0, head = va; i < CALLBACK_LISTS; i++, head += 2 * ptr) {
		switch (pv_linked(p, head)) {
		case PV_YES:
			break;
		case PV_NO:
			inv_fail(p, I_VOLUME_CALLBACKS, head, "list %u is not linked", i);
			return;
		case PV_UNREADABLE:
			return;
		}
	}
	if (pv_linked(p, head) == PV_NO && pv_linked(p, va - 2 * ptr) == PV_NO)
		inv_hold(p, I_VOLUME_CALLBACKS, 1);
}

/* The type word of a list's first entry: 0xF201 is a STREAM_LIST_CTRL's (facts:
 * CHANGES.md 7). It stands before the link, how far is not asked here. 0: none. */
static uint64_t entry_type(const struct prover *p, uint64_t head)
{
	uint64_t link, word;
	unsigned back, ptr = vm_pointer_size(p->r.vm);

	if (!pv_u64(p, head, &link) || link == head)
		return 0;
	for (back = ptr; back <= 8 * ptr; back += ptr) {
		if (pv_u64(p, link - back, &word) && (word & 0xff00) == 0xf200 &&
		    (word >> 16 & 0xffff) >= back && (word >> 16 & 0xffff) < 0x1000)
			return word & 0xffff;
	}
	return 0;
}

/* These lists may have hundreds of thousands of entries: only the ends are looked at. */
static void long_list(struct prover *p, uint64_t volume, enum field_id f, enum inv list,
		      enum inv entry)
{
	uint64_t va, type;

	if (obj_field(&p->r, volume, f, &va, NULL) != FS_OK)
		return;
	va += pv_offset(p, F_FLT_RESOURCE_LIST_HEAD_rList);
	switch (pv_linked(p, va)) {
	case PV_YES:
		inv_hold(p, list, 1);
		type = entry_type(p, va);
		if (!type)
			break;
		if ((type == 0xf201) == (entry == I_VOLUME_STREAM))
			inv_hold(p, entry, 1);
		else
			inv_fail(p, entry, va, "entries have type word 0x%llx",
				 (unsigned long long)type);
		break;
	case PV_NO:
		inv_fail(p, list, va, "links do not agree");
		break;
	case PV_UNREADABLE:
		break;
	}
}

static void volume_instances(struct prover *p, uint64_t volume, size_t *ret_total)
{
	struct pv_addresses found;
	size_t i;

	pv_field_list(p, volume, F_FLT_VOLUME_InstanceList,
		      (struct pv_list){0,
				       pv_base(p, OBJ_TYPE_INSTANCE) +
					       pv_offset(p, F_FLT_OBJECT_PrimaryLink),
				       I_VOLUME_INSTANCES, PROVE_MAX_PER_LIST, PROVE_WALK_OBJECT},
		      &found);
	for (i = 0; i < found.a.n; i++) {
		uint64_t va = found.a.v[i], back;

		switch (pv_object(p, va, OBJ_TYPE_INSTANCE)) {
		case PV_NO:
			inv_fail(p, I_VOLUME_INSTANCES, va, "not an instance");
			continue;
		case PV_UNREADABLE:
			continue;
		case PV_YES:
			break;
		}
		if (pv_read(p, va, F_FLT_INSTANCE_Volume, &back)) {
			if (back == volume)
				inv_hold(p, I_VOLUME_INSTANCES, 1);
			else
				inv_fail(p, I_VOLUME_INSTANCES, va, "its Volume is 0x%llx",
					 (unsigned long long)back);
		}
		pv_keep_instance(p, va);
	}
	*ret_total = found.total;
	vec_free(&found.a);
}

/* At rest RundownRef >> 1 = 1 + instances + targeted opens (facts: unload-causes.md). */
static void volume_opens(struct prover *p, uint64_t volume, size_t instances)
{
	uint64_t va, raw, opens;

	if (instances == SIZE_MAX ||
	    !pv_read(p, volume, F_FLT_VOLUME_TargetedOpenActiveCount, &opens) || !opens ||
	    obj_field(&p->r, volume + pv_base(p, OBJ_TYPE_VOLUME), F_FLT_OBJECT_RundownRef, &va,
		      NULL) != FS_OK ||
	    !pv_u64(p, va, &raw) || (raw & 1))
		return;
	/* References that somebody holds for a moment come on top: only more is wrong. */
	if (1 + instances + opens == raw >> 1)
		inv_hold(p, I_VOLUME_OPENS, 1);
	else if (1 + instances + opens > raw >> 1)
		inv_fail(p, I_VOLUME_OPENS, volume, "1 + %zu + %llu is more than %llu", instances,
			 (unsigned long long)opens, (unsigned long long)raw >> 1);
}

void prove_volumes(struct prover *p)
{
	size_t i, total = 0;

	for (i = 0; i < p->volumes.n; i++) {
		uint64_t volume = p->volumes.v[i];

		switch (pv_object(p, volume, OBJ_TYPE_VOLUME)) {
		case PV_YES:
			inv_hold(p, I_VOLUME_TYPE, 1);
			break;
		case PV_NO:
			inv_fail(p, I_VOLUME_TYPE, volume, "not a volume");
			continue;
		case PV_UNREADABLE:
			continue;
		}
		volume_instances(p, volume, &total);
		pv_rundown(p, volume + pv_base(p, OBJ_TYPE_VOLUME),
			   total == SIZE_MAX ? 1 : 1 + total);
		volume_frames(p, volume);
		volume_numbers(p, volume);
		volume_strings(p, volume);
		volume_device(p, volume, F_FLT_VOLUME_DeviceObject, I_VOLUME_DEVICE, is_file_system,
			      is_storage);
		volume_device(p, volume, F_FLT_VOLUME_DiskDeviceObject, I_VOLUME_DISK, is_storage,
			      is_file_system);
		if (i < CALLBACK_VOLUMES)
			volume_callbacks(p, volume);
		long_list(p, volume, F_FLT_VOLUME_StreamListCtrls, I_VOLUME_STREAMS,
			  I_VOLUME_STREAM);
		long_list(p, volume, F_FLT_VOLUME_FileListCtrls, I_VOLUME_FILES, I_VOLUME_FILE);
		volume_opens(p, volume, total);
	}
}
