/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shipped layouts against numbers seen elsewhere: debugger transcripts and
 * tables other people published. None of these were made by this project.
 */
#include "support/test.h"

#include "layout/layout.h"

/* `fields`: "Name OFFSET Name OFFSET ...", offsets in hex. */
struct seen {
	const char *layout, *type, *fields;
};

static struct layout *shipped(const char *name)
{
	struct layout *l = NULL;
	struct fs_error err = {0};

	if (layout_load_shipped(name, &l, &err) != FS_OK)
		fail_msg("%s", err.text);
	return l;
}

static size_t compare(const struct seen *s)
{
	struct layout *l = shipped(s->layout);
	char name[64];
	unsigned offset;
	size_t n = 0;
	int used;

	for (const char *p = s->fields; sscanf(p, " %63s %x%n", name, &offset, &used) == 2;
	     p += used) {
		struct layout_field_info f;

		if (!layout_find_path(l, NULL, s->type, name, &f))
			fail_msg("%s: no %s.%s", s->layout, s->type, name);
		if (f.offset != offset)
			fail_msg("%s: %s.%s at 0x%x, seen at 0x%x", s->layout, s->type, name,
				 f.offset, offset);
		n++;
	}
	layout_free(l);
	return n;
}

static void compare_all(const struct seen *s, size_t n, size_t fields)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += compare(&s[i]);
	/* so that a slip in the table above does not compare nothing */
	assert_int_equal(sum, fields);
}

/* dt transcript of 7601.18229, page bbs.kanxue.com/thread-180477-1.htm */
static const struct seen windows7[] = {
	{"fltmgr/7601-x64.layout", "_FLT_FILTER",
	 "Base 0 Frame 20 Name 28 DefaultAltitude 38 Flags 48 DriverObject 50 "
	 "InstanceList 58 VerifierExtension d8 VerifiedFiltersLink e0 FilterUnload f0 "
	 "InstanceSetup f8 InstanceQueryTeardown 100 InstanceTeardownStart 108 "
	 "InstanceTeardownComplete 110 SupportedContextsListHead 118 "
	 "SupportedContexts 120 PreVolumeMount 150 PostVolumeMount 158 "
	 "GenerateFileName 160 NormalizeNameComponent 168 NormalizeNameComponentEx 170 "
	 "NormalizeContextCleanup 178 KtmNotification 180 Operations 188 "
	 "OldDriverUnload 190 ActiveOpens 198 ConnectionList 1e8 PortList 238 "
	 "PortLock 288 "},
	{"fltmgr/7601-x64.layout", "_FLT_INSTANCE",
	 "Base 0 OperationRundownRef 20 Volume 28 Filter 30 Flags 38 Altitude 40 Name 50 "
	 "FilterLink 60 ContextLock 70 Context 78 TransactionContexts 80 "
	 "TrackCompletionNodes 88 CallbackNodes 90 "},
	{"fltmgr/7601-x64.layout", "_FLT_VOLUME",
	 "Base 0 Flags 20 FileSystemType 24 DeviceObject 28 DiskDeviceObject 30 "
	 "FrameZeroVolume 38 VolumeInNextFrame 40 Frame 48 DeviceName 50 GuidName 60 "
	 "CDODeviceName 70 CDODriverName 80 InstanceList 90 Callbacks 110 "
	 "ContextLock 4f8 VolumeContexts 500 StreamListCtrls 508 FileListCtrls 588 "
	 "NameCacheCtrl 608 MountNotifyLock 6b8 TargetedOpenActiveCount 720 "
	 "TxVolContextListLock 728 TxVolContexts 730 "},
};

/* !fltkd on 32 bits, addresses less that of their object. The first two: Windows 7,
 * fsfilters.blogspot.com/2011/12. The filter: Vista SP1, community.osr.com 32933. */
static const struct seen narrow[] = {
	{"fltmgr/7601-x86.layout", "_FLT_OBJECT", "PrimaryLink c "},
	{"fltmgr/7601-x86.layout", "_FLTP_FRAME", "RegisteredFilters.rList 5c "},
	{"fltmgr/7601-x86.layout", "_FLT_FILTER",
	 "Base.PrimaryLink c SupportedContexts 98 ActiveOpens d4 ConnectionList 100 "
	 "PortList 12c "},
};

/* dt transcript, github.com/alfarom256/MinifilterResearch, Write-up.md */
static const struct seen windows11[] = {
	{"fltmgr/22000-x64.layout", "_FLT_FILTER",
	 "Base 0 Frame 30 Name 38 DefaultAltitude 48 Flags 58 DriverObject 60 "
	 "InstanceList 68 VerifierExtension e8 VerifiedFiltersLink f0 FilterUnload 100 "
	 "InstanceSetup 108 InstanceQueryTeardown 110 InstanceTeardownStart 118 "
	 "InstanceTeardownComplete 120 SupportedContextsListHead 128 "
	 "SupportedContexts 130 PreVolumeMount 168 PostVolumeMount 170 "
	 "GenerateFileName 178 NormalizeNameComponent 180 NormalizeNameComponentEx 188 "
	 "NormalizeContextCleanup 190 KtmNotification 198 SectionNotification 1a0 "
	 "Operations 1a8 OldDriverUnload 1b0 ActiveOpens 1b8 ConnectionList 208 "
	 "PortList 258 PortLock 2a8 "},
	{"fltmgr/22000-x64.layout", "_FLT_INSTANCE",
	 "Base 0 OperationRundownRef 30 Volume 38 Filter 40 Flags 48 Altitude 50 Name 60 "
	 "FilterLink 70 ContextLock 80 Context 90 TransactionContexts 98 "
	 "TrackCompletionNodes a0 CallbackNodes a8 "},
	{"fltmgr/22000-x64.layout", "_FLT_VOLUME",
	 "Base 0 Flags 30 FileSystemType 34 DeviceObject 38 DiskDeviceObject 40 "
	 "FrameZeroVolume 48 VolumeInNextFrame 50 Frame 58 DeviceName 60 GuidName 70 "
	 "CDODeviceName 80 CDODriverName 90 InstanceList a0 Callbacks 120 "
	 "ContextLock 508 VolumeContexts 518 StreamListCtrls 520 FileListCtrls 5a0 "
	 "NameCacheCtrl 620 MountNotifyLock 6d8 TargetedOpenActiveCount 740 "
	 "TxVolContextListLock 748 TxVolContexts 758 SupportedFeatures 760 "
	 "BypassFailingFltNameLen 764 BypassFailingFltName 766 "},
	{"fltmgr/22000-x64.layout", "_FLTP_FRAME",
	 "Type 0 Links 8 FrameID 18 AltitudeIntervalLow 20 AltitudeIntervalHigh 30 "
	 "LargeIrpCtrlStackSize 40 SmallIrpCtrlStackSize 41 RegisteredFilters 48 "
	 "AttachedVolumes c8 MountingVolumes 148 AttachedFileSystems 158 "
	 "ZombiedFltObjectContexts 1a8 KtmResourceManagerHandle 1f8 "
	 "KtmResourceManager 200 FilterUnloadLock 208 DeviceObjectAttachLock 270 "
	 "Prcb 2a8 PrcbPoolToFree 2b0 LookasidePoolToFree 2b8 IrpCtrlStackProfiler 2c0 "
	 "SmallIrpCtrlLookasideList 400 LargeIrpCtrlLookasideList 480 "
	 "ReserveIrpCtrls 500 "},
	{"fltmgr/22000-x64.layout", "_CALLBACK_CTRL", "OperationLists 0 OperationFlags 320 "},
	{"fltmgr/22000-x64.layout", "_CALLBACK_NODE",
	 "CallbackLinks 0 Instance 10 PreOperation 18 PostOperation 20 "
	 "GenerateFileName 18 NormalizeNameComponent 18 NormalizeNameComponentEx 18 "
	 "NormalizeContextCleanup 20 Flags 28 "},
};

static void agrees_with_dt_of_windows_7(void **state)
{
	(void)state;
	compare_all(windows7, sizeof(windows7) / sizeof(windows7[0]), 65);
}

static void agrees_with_fltkd_of_32_bits(void **state)
{
	struct layout *l = shipped("fltmgr/7601-x86.layout");
	uint32_t size;

	(void)state;
	compare_all(narrow, sizeof(narrow) / sizeof(narrow[0]), 7);
	/* the table that Operations points to stands right behind the filter */
	assert_true(layout_size_of(l, "_FLT_FILTER", &size));
	assert_int_equal(size, 0x15c);
	layout_free(l);
}

static void agrees_with_dt_of_windows_11(void **state)
{
	(void)state;
	compare_all(windows11, sizeof(windows11) / sizeof(windows11[0]), 103);
}

/* github.com/wavestone-cdt/EDRSandblast, FltmgrOffsets.csv: rows 14393-0, 17763-1,
 * 19041-264, 22000-1. Only the last column but one differs: 22000 moved it. */
static void agrees_with_published_offsets(void **state)
{
	static const struct {
		const char *layout;
		uint32_t callback_nodes;
	} rows[] = {
		{"fltmgr/14393-x64.layout", 0xa0},
		{"fltmgr/17763-x64.layout", 0xa0},
		{"fltmgr/19041-x64.layout", 0xa0},
		{"fltmgr/22000-x64.layout", 0xa8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct layout *l = shipped(rows[i].layout);

		assert_int_equal(layout_field(l, F_GLOBALS_FrameList)->offset, 0x58);
		assert_int_equal(layout_field(l, F_FLT_RESOURCE_LIST_HEAD_rList)->offset, 0x68);
		assert_int_equal(layout_field(l, F_FLTP_FRAME_Links)->offset, 0x8);
		assert_int_equal(layout_field(l, F_FLTP_FRAME_RegisteredFilters)->offset, 0x48);
		assert_int_equal(layout_field(l, F_FLT_OBJECT_PrimaryLink)->offset, 0x10);
		assert_int_equal(layout_field(l, F_FLT_FILTER_DriverObject)->offset, 0x60);
		assert_int_equal(layout_field(l, F_FLT_FILTER_InstanceList)->offset, 0x68);
		assert_int_equal(layout_field(l, F_FLT_INSTANCE_FilterLink)->offset, 0x70);
		assert_int_equal(layout_field(l, F_FLT_INSTANCE_CallbackNodes)->offset,
				 rows[i].callback_nodes);
		layout_free(l);
	}
	for (size_t i = 0; i < layout_shipped_count(); i++) {
		struct layout *l;

		if (strncmp(layout_shipped(i).name, "nt/", 3) != 0 ||
		    strstr(layout_shipped(i).name, "stable"))
			continue;
		l = shipped(layout_shipped(i).name);
		/* the same table's tenth column, from 10 on; wdm.h has it for all */
		assert_int_equal(layout_field(l, F_DRIVER_OBJECT_DriverInit)->offset,
				 strcmp(layout_machine(l), "x86") == 0 ? 0x2c : 0x58);
		layout_free(l);
	}
}

/* 24H2: dt in public sources guarded by build 26100, and constants of
 * github.com/V-i-x-x/kernel-callback-removal (its header, not its Readme). */
static const struct seen windows11_24h2[] = {
	{"fltmgr/26100-x64.layout", "_FLT_FILTER",
	 "Frame 38 Name 40 DefaultAltitude 50 Flags 60 DriverObject 68 InstanceList 70 "
	 "VerifierExtension f0 VerifiedFiltersLink f8 FilterUnload 108 InstanceSetup 110 "
	 "PreVolumeMount 170 Operations 1b0"},
	{"fltmgr/26100-x64.layout", "_FLT_INSTANCE", "FilterLink 78 CallbackNodes 130"},
	{"fltmgr/26100-x64.layout", "_FLT_VOLUME", "DeviceName 70 Callbacks 140"},
	{"fltmgr/26100-x64.layout", "_FLTP_FRAME",
	 "Links 8 RegisteredFilters 48 AttachedVolumes c8"},
	{"fltmgr/26100-x64.layout", "_GLOBALS",
	 "ControlDeviceObject 30 DriverObject 38 FrameList 58"},
};

static void agrees_with_what_is_seen_of_24h2(void **state)
{
	struct layout *l = shipped("fltmgr/26100-x64.layout");

	(void)state;
	compare_all(windows11_24h2, sizeof(windows11_24h2) / sizeof(windows11_24h2[0]), 22);
	/* dt output is known; what was read in disassembly is not */
	assert_int_equal(layout_field(l, F_FLT_FILTER_DriverObject)->origin, FO_KNOWN);
	assert_int_equal(layout_field(l, F_FLT_INSTANCE_CallbackNodes)->origin, FO_KNOWN);
	assert_int_equal(layout_field(l, F_FLT_FILTER_SectionNotification)->origin, FO_INFERRED);
	assert_int_equal(layout_field(l, F_FLT_VOLUME_Frame)->origin, FO_INFERRED);
	layout_free(l);
}

/* facts of wdm.h and of the object manager that x64 never changed */
static void agrees_with_public_kernel_types(void **state)
{
	static const char *const names[] = {"nt/7601-x64.layout",  "nt/9600-x64.layout",
					    "nt/14393-x64.layout", "nt/19041-x64.layout",
					    "nt/22000-x64.layout", "nt/22631-x64.layout"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct layout *l = shipped(names[i]);

		assert_int_equal(layout_type_size(l, T_DRIVER_OBJECT), 0x150);
		assert_int_equal(layout_type_size(l, T_DEVICE_OBJECT), 0x150);
		assert_int_equal(layout_type_size(l, T_ERESOURCE), 0x68);
		assert_int_equal(layout_type_size(l, T_OBJECT_HEADER), 0x38);
		assert_int_equal(layout_field(l, F_DRIVER_OBJECT_MajorFunction)->offset, 0x70);
		assert_int_equal(layout_field(l, F_DRIVER_OBJECT_MajorFunction)->size, 28 * 8);
		assert_int_equal(layout_field(l, F_DEVICE_OBJECT_DeviceObjectExtension)->offset,
				 0x138);
		/* the source that counts a union's offset twice puts these past the end */
		assert_int_equal(layout_field(l, F_DEVICE_OBJECT_DeviceQueue)->offset, 0xa0);
		layout_free(l);
	}
}

static void repairs_members_of_named_unions(void **state)
{
	static const char *const names[] = {"nt/7601-x64.layout", "nt/19041-x64.layout",
					    "nt/22621-x64.layout"};
	struct layout_field_info f;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct layout *l = shipped(names[i]);

		/* wdm.h: Queue is at 0x50; an IRP is 0xd0 bytes, its Tail at 0x78 */
		assert_true(layout_find_path(l, NULL, "_DEVICE_OBJECT", "Queue.Wcb", &f));
		assert_int_equal(f.offset, 0x50);
		assert_true(layout_find_path(l, NULL, "_IRP", "Tail.Overlay.Thread", &f));
		assert_int_equal(f.offset, 0x98);
		assert_true(
			layout_find_path(l, NULL, "_IRP", "Tail.Overlay.CurrentStackLocation", &f));
		assert_int_equal(f.offset, 0xb8);
		assert_true(layout_find_path(l, NULL, "_IRP", "AssociatedIrp.SystemBuffer", &f));
		assert_int_equal(f.offset, 0x18);
		layout_free(l);
	}
}

static void knows_three_images_and_their_globals(void **state)
{
	static const struct {
		const char *layout, *guid_age;
		uint32_t timestamp, size;
		uint64_t globals;
	} images[] = {
		{"fltmgr/19041-x64.layout", "ED2863C6FA7552FA5C922F86ED4418F01", 0xb57cd7ef,
		 0x6d000, 0x29600},
		{"fltmgr/17763-x64.layout", "BC51A3998E5EDB185B539372C686C5D51", 0x0a74874e,
		 0x70000, 0x2a540},
		{"fltmgr/22000-x64.layout", "03EBC525ADCF5B86BA72840D9F147BEF1", 0x5d6776e4,
		 0x73000, 0x2b6c0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		struct layout *l = shipped(images[i].layout);
		uint64_t rva = 0;

		assert_int_equal(layout_image_count(l), 1);
		assert_string_equal(layout_image(l, 0).guid_age, images[i].guid_age);
		assert_int_equal(layout_image(l, 0).timestamp, images[i].timestamp);
		assert_int_equal(layout_image(l, 0).size_of_image, images[i].size);
		assert_true(layout_image_symbol(l, 0, "FltGlobals", &rva));
		assert_int_equal(rva, images[i].globals);
		/* 19041 alone has three RVAs for it: never one for the build */
		assert_false(layout_symbol(l, "FltGlobals", &rva));
		layout_free(l);
	}
}

static void knows_kernel_symbols_by_image_only(void **state)
{
	struct layout *l = shipped("nt/19041-x64.layout");
	uint64_t rva = 0;
	size_t found = 0;

	(void)state;
	assert_int_equal(layout_image_count(l), 3);
	assert_false(layout_symbol(l, "PsLoadedModuleList", &rva));
	for (size_t i = 0; i < 3; i++) {
		/* ISF files of 10.0.19041.1288 and 10.0.19041.3570 */
		uint64_t want = 0;

		if (strcmp(layout_image(l, i).guid_age, "CA8E2F01B822EDE6357898BFBF8629971") == 0)
			want = 0xc2a270;
		if (strcmp(layout_image(l, i).guid_age, "606FF669409B00F7FC8C61A9C16701291") == 0)
			want = 0xc2a360;
		assert_true(layout_image_symbol(l, i, "PsLoadedModuleList", &rva));
		if (want) {
			assert_int_equal(rva, want);
			found++;
		}
	}
	assert_int_equal(found, 2);
	layout_free(l);
}

static void names_flags_by_suffix(void **state)
{
	struct layout *w7 = shipped("fltmgr/7601-x64.layout");
	struct layout *w10 = shipped("fltmgr/19041-x64.layout");
	struct layout *nt = shipped("nt/7601-x64.layout");

	(void)state;
	assert_string_equal(layout_enum_name(w7, "_FLT_OBJECT_FLAGS", 1), "DRAINING");
	assert_string_equal(layout_enum_name(w7, "_FLT_OBJECT_FLAGS", 2), "ZOMBIED");
	assert_string_equal(layout_enum_name(w7, "_FLT_OBJECT_FLAGS", 0x2000000), "TYPE_FILTER");
	assert_string_equal(layout_enum_name(w7, "_FLT_FILTER_FLAGS", 2), "FILTERING_INITIATED");
	/* 7 ends at 4, so that 0x10 of a later build is an unknown bit there */
	assert_int_equal(layout_enum_mask(w7, "_FLT_FILTER_FLAGS"), 0x7);
	assert_int_equal(layout_enum_mask(w10, "_FLT_FILTER_FLAGS"), 0x3f);
	assert_string_equal(layout_enum_name(w10, "_FLT_FILTER_FLAGS", 1),
			    "MANDATORY_UNLOAD_IN_PROGRESS");
	assert_string_equal(layout_enum_name(w10, "_FLT_INSTANCE_FLAGS", 2), "DELETING");
	assert_string_equal(layout_enum_name(w10, "_FLT_VOLUME_FLAGS", 1), "NETWORK_FILESYSTEM");
	/* !fltkd prints this one whole */
	assert_string_equal(layout_enum_name(w7, "_FLT_FILESYSTEM_TYPE", 2), "FLT_FSTYPE_NTFS");
	assert_string_equal(layout_enum_name(w10, "_FLT_FILESYSTEM_TYPE", 2), "FLT_FSTYPE_NTFS");
	assert_string_equal(layout_enum_name(nt, "DOE_FLAGS", 1), "UNLOAD_PENDING");
	assert_string_equal(layout_enum_name(nt, "DRVO_FLAGS", 1), "UNLOAD_INVOKED");
	assert_int_equal(layout_enum_mask(nt, "DRVO_FLAGS"), 0x7f);
	layout_free(w7);
	layout_free(w10);
	layout_free(nt);
}

/* The article of the cross-linked drivers; code of three fltmgr images: the walk gives up on 7 SP1,
 * goes on where its code was read */
static void states_behaviour_only_where_it_is_known(void **state)
{
	static const struct {
		const char *layout, *walk;
	} want[] = {
		{"fltmgr/7601-x64.layout", "gives-up"}, {"fltmgr/9600-x64.layout", NULL},
		{"fltmgr/7601-x86.layout", NULL},
		{"fltmgr/14393-x64.layout", NULL},	{"fltmgr/17763-x64.layout", "goes-on"},
		{"fltmgr/19041-x64.layout", "goes-on"}, {"fltmgr/22000-x64.layout", "goes-on"},
		{"fltmgr/26100-x64.layout", NULL},
	};
	struct layout *l;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const char *walk;

		l = shipped(want[i].layout);
		walk = layout_fact(l, "unload-walk");
		if (want[i].walk)
			assert_string_equal(walk, want[i].walk);
		else
			assert_null(walk);
		layout_free(l);
	}
	/* an update of 2018 brought the bit: 6.1.7601.17514 lacks it, .24540 has it */
	l = shipped("nt/7601-x64.layout");
	assert_null(layout_fact(l, "pte-swizzle"));
	layout_free(l);
	l = shipped("nt/7601.24540-x64.layout");
	assert_string_equal(layout_fact(l, "pte-swizzle"), "yes");
	assert_string_equal(layout_fact(l, "pte-pfn-bits"), "36");
	layout_free(l);
	l = shipped("nt/22000-x64.layout");
	assert_string_equal(layout_fact(l, "pte-pfn-bits"), "40");
	layout_free(l);
}

static void says_what_it_does_not_know(void **state)
{
	struct layout *l = shipped("fltmgr/7601-x64.layout");

	(void)state;
	/* Windows 8 brought section notifications */
	assert_true(layout_field_absent(l, F_FLT_FILTER_SectionNotification));
	assert_int_equal(layout_field(l, F_FLT_FILTER_DriverObject)->origin, FO_KNOWN);
	assert_int_equal(layout_field(l, F_FLTP_FRAME_RegisteredFilters)->origin, FO_INFERRED);
	layout_free(l);
	l = shipped("fltmgr/9600-x64.layout");
	assert_true(layout_is_composite(l));
	/* the only offset seen for 8.1 */
	assert_int_equal(layout_field(l, F_FLT_FILTER_Operations)->offset, 0x198);
	assert_int_equal(layout_field(l, F_FLT_FILTER_Operations)->origin, FO_KNOWN);
	assert_int_equal(layout_field(l, F_FLT_FILTER_DriverObject)->origin, FO_INFERRED);
	assert_int_equal(layout_field(l, F_GLOBALS_FrameList)->origin, FO_INFERRED);
	assert_true(layout_field_unknown(l, F_FLT_VOLUME_StreamListCtrls));
	assert_false(layout_field_absent(l, F_FLT_VOLUME_StreamListCtrls));
	layout_free(l);
	l = shipped("nt/26100-x64.layout");
	assert_true(layout_is_composite(l));
	for (unsigned i = 0; i < F_COUNT; i++) {
		const struct layout_field *f = layout_field(l, (enum field_id)i);

		/* one offset of the process object was seen */
		assert_true(!f || (f->origin == FO_INFERRED) != (i == F_EPROCESS_ObjectTable));
	}
	assert_int_equal(layout_field(l, F_EPROCESS_ObjectTable)->offset, 0x300);
	assert_true(layout_field_unknown(l, F_EPROCESS_UniqueProcessId));
	layout_free(l);
}

/* What the loader's list needs is the same in every layout of the kernel. */
static void check_stable(const char *name, uint32_t base_name)
{
	struct layout *s = shipped(name);

	for (size_t k = 0; k < layout_shipped_count(); k++) {
		struct layout *l;

		if (strncmp(layout_shipped(k).name, "nt/", 3) != 0)
			continue;
		l = shipped(layout_shipped(k).name);
		if (strcmp(layout_machine(l), layout_machine(s)) != 0) {
			layout_free(l);
			continue;
		}
		for (unsigned i = 0; i < F_COUNT; i++) {
			const struct layout_field *a = layout_field(s, (enum field_id)i);
			const struct layout_field *b = layout_field(l, (enum field_id)i);

			if (!a)
				continue;
			assert_non_null(b);
			assert_int_equal(a->offset, b->offset);
			assert_int_equal(a->size, b->size);
		}
		layout_free(l);
	}
	assert_int_equal(layout_field(s, F_KLDR_DATA_TABLE_ENTRY_BaseDllName)->offset, base_name);
	layout_free(s);
}

static void stable_is_stable(void **state)
{
	(void)state;
	check_stable("nt/stable-x64.layout", 0x58);
	check_stable("nt/stable-x86.layout", 0x2c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_dt_of_windows_7),
		cmocka_unit_test(agrees_with_fltkd_of_32_bits),
		cmocka_unit_test(agrees_with_dt_of_windows_11),
		cmocka_unit_test(agrees_with_published_offsets),
		cmocka_unit_test(agrees_with_what_is_seen_of_24h2),
		cmocka_unit_test(agrees_with_public_kernel_types),
		cmocka_unit_test(repairs_members_of_named_unions),
		cmocka_unit_test(knows_three_images_and_their_globals),
		cmocka_unit_test(knows_kernel_symbols_by_image_only),
		cmocka_unit_test(names_flags_by_suffix),
		cmocka_unit_test(states_behaviour_only_where_it_is_known),
		cmocka_unit_test(says_what_it_does_not_know),
		cmocka_unit_test(stable_is_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
