/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/flt_world.h"
#include "support/test.h"

/* The public fltMgr.pdb of 19041, as far as the tests need it. */
static const char fltmgr_text[] =
	"module fltmgr.sys build 19041 machine x64\n"
	"type _FLT_RESOURCE_LIST_HEAD 0x80\n"
	"  field 0x0 _ERESOURCE rLock\n"
	"  field 0x68 _LIST_ENTRY rList\n"
	"  field 0x78 u32 rCount\n"
	"type _FLT_MUTEX_LIST_HEAD 0x50\n"
	"  field 0x38 _LIST_ENTRY mList\n"
	"  field 0x48 u32 mCount\n"
	"  field 0x48 bits:1@0 mInvalid\n"
	"type _FLT_TYPE 0x4\n"
	"  field 0x0 u16 Signature\n"
	"  field 0x2 u16 Size\n"
	"type _FLT_OBJECT 0x30\n"
	"  field 0x0 enum:_FLT_OBJECT_FLAGS Flags\n"
	"  field 0x4 u32 PointerCount\n"
	"  field 0x8 _EX_RUNDOWN_REF RundownRef\n"
	"  field 0x10 _LIST_ENTRY PrimaryLink\n"
	"type _GLOBALS 0x1280\n"
	"  field 0x58 _FLT_RESOURCE_LIST_HEAD FrameList\n"
	"type _FLTP_FRAME 0x780\n"
	"  field 0x0 _FLT_TYPE Type\n"
	"  field 0x8 _LIST_ENTRY Links\n"
	"  field 0x18 u32 FrameID\n"
	"  field 0x20 _UNICODE_STRING AltitudeIntervalLow\n"
	"  field 0x30 _UNICODE_STRING AltitudeIntervalHigh\n"
	"  field 0x40 u8 LargeIrpCtrlStackSize\n"
	"  field 0x41 u8 SmallIrpCtrlStackSize\n"
	"  field 0x48 _FLT_RESOURCE_LIST_HEAD RegisteredFilters\n"
	"  field 0xc8 _FLT_RESOURCE_LIST_HEAD AttachedVolumes\n"
	"  field 0x148 _LIST_ENTRY MountingVolumes\n"
	"  field 0x158 _FLT_MUTEX_LIST_HEAD AttachedFileSystems\n"
	"  field 0x1a8 _FLT_MUTEX_LIST_HEAD ZombiedFltObjectContexts\n"
	"  field 0x208 _ERESOURCE FilterUnloadLock\n"
	"type _FLT_FILTER 0x2b0\n"
	"  field 0x0 _FLT_OBJECT Base\n"
	"  field 0x30 ptr:_FLTP_FRAME Frame\n"
	"  field 0x38 _UNICODE_STRING Name\n"
	"  field 0x48 _UNICODE_STRING DefaultAltitude\n"
	"  field 0x58 enum:_FLT_FILTER_FLAGS Flags\n"
	"  field 0x60 ptr:_DRIVER_OBJECT DriverObject\n"
	"  field 0x68 _FLT_RESOURCE_LIST_HEAD InstanceList\n"
	"  field 0xe8 ptr VerifierExtension\n"
	"  field 0x100 fptr FilterUnload\n"
	"  field 0x108 fptr InstanceSetup\n"
	"  field 0x110 fptr InstanceQueryTeardown\n"
	"  field 0x118 fptr InstanceTeardownStart\n"
	"  field 0x120 fptr InstanceTeardownComplete\n"
	"  field 0x130 ptr:_ALLOCATE_CONTEXT_HEADER[7] SupportedContexts\n"
	"  field 0x168 fptr PreVolumeMount\n"
	"  field 0x170 fptr PostVolumeMount\n"
	"  field 0x178 fptr GenerateFileName\n"
	"  field 0x180 fptr NormalizeNameComponent\n"
	"  field 0x188 fptr NormalizeNameComponentEx\n"
	"  field 0x190 fptr NormalizeContextCleanup\n"
	"  field 0x198 fptr KtmNotification\n"
	"  field 0x1a0 fptr SectionNotification\n"
	"  field 0x1a8 ptr:_FLT_OPERATION_REGISTRATION Operations\n"
	"  field 0x1b0 fptr OldDriverUnload\n"
	"  field 0x1b8 _FLT_MUTEX_LIST_HEAD ActiveOpens\n"
	"  field 0x208 _FLT_MUTEX_LIST_HEAD ConnectionList\n"
	"  field 0x258 _FLT_MUTEX_LIST_HEAD PortList\n"
	"type _FLT_OPERATION_REGISTRATION 0x20\n"
	"  field 0x0 u8 MajorFunction\n"
	"  field 0x4 u32 Flags\n"
	"  field 0x8 fptr PreOperation\n"
	"  field 0x10 fptr PostOperation\n"
	"type _ALLOCATE_CONTEXT_HEADER 0x20\n"
	"  field 0x0 ptr:_FLT_FILTER Filter\n"
	"  field 0x10 ptr:_ALLOCATE_CONTEXT_HEADER Next\n"
	"  field 0x18 u16 ContextType\n"
	"  field 0x1b u8 AllocationType\n"
	"type _FLT_INSTANCE 0x230\n"
	"  field 0x0 _FLT_OBJECT Base\n"
	"  field 0x30 ptr OperationRundownRef\n"
	"  field 0x38 ptr:_FLT_VOLUME Volume\n"
	"  field 0x40 ptr:_FLT_FILTER Filter\n"
	"  field 0x48 enum:_FLT_INSTANCE_FLAGS Flags\n"
	"  field 0x50 _UNICODE_STRING Altitude\n"
	"  field 0x60 _UNICODE_STRING Name\n"
	"  field 0x70 _LIST_ENTRY FilterLink\n"
	"  field 0x80 _EX_PUSH_LOCK ContextLock\n"
	"  field 0x88 ptr Context\n"
	"  field 0x90 _CONTEXT_LIST_CTRL TransactionContexts\n"
	"  field 0x98 ptr TrackCompletionNodes\n"
	"  field 0xa0 ptr[50] CallbackNodes\n"
	"type _FLT_VOLUME 0x758\n"
	"  field 0x0 _FLT_OBJECT Base\n"
	"  field 0x30 enum:_FLT_VOLUME_FLAGS Flags\n"
	"  field 0x34 enum:_FLT_FILESYSTEM_TYPE FileSystemType\n"
	"  field 0x38 ptr DeviceObject\n"
	"  field 0x40 ptr DiskDeviceObject\n"
	"  field 0x48 ptr:_FLT_VOLUME FrameZeroVolume\n"
	"  field 0x50 ptr:_FLT_VOLUME VolumeInNextFrame\n"
	"  field 0x58 ptr:_FLTP_FRAME Frame\n"
	"  field 0x60 _UNICODE_STRING DeviceName\n"
	"  field 0x70 _UNICODE_STRING GuidName\n"
	"  field 0x80 _UNICODE_STRING CDODeviceName\n"
	"  field 0x90 _UNICODE_STRING CDODriverName\n"
	"  field 0xa0 _FLT_RESOURCE_LIST_HEAD InstanceList\n"
	"  field 0x120 _CALLBACK_CTRL Callbacks\n"
	"  field 0x508 _EX_PUSH_LOCK ContextLock\n"
	"  field 0x510 _CONTEXT_LIST_CTRL VolumeContexts\n"
	"  field 0x518 _FLT_RESOURCE_LIST_HEAD StreamListCtrls\n"
	"  field 0x598 _FLT_RESOURCE_LIST_HEAD FileListCtrls\n"
	"  field 0x618 _NAME_CACHE_VOLUME_CTRL NameCacheCtrl\n"
	"  field 0x738 i32 TargetedOpenActiveCount\n"
	"enum _FLT_OBJECT_FLAGS\n"
	"  value 0x1 draining\n"
	"  value 0x2 zombied\n"
	"  value 0x1000000 type_instance\n"
	"  value 0x2000000 type_filter\n"
	"  value 0x4000000 type_volume\n"
	"enum _FLT_FILTER_FLAGS\n"
	"  value 0x1 FLTFL_MANDATORY_UNLOAD_IN_PROGRESS\n"
	"  value 0x2 FLTFL_FILTERING_INITIATED\n"
	"  value 0x10 FLTFL_BACKED_BY_PAGEFILE\n"
	"enum _FLT_VOLUME_FLAGS\n"
	"  value 0x4 mount_setup_notifies_called\n"
	"  value 0x20 enable_name_caching\n"
	"  value 0x40 filter_ever_attached\n"
	"enum _FLT_FILESYSTEM_TYPE\n"
	"  value 0x2 ntfs\n"
	"  value 0xd FLT_FSTYPE_MUP\n";

static const char nt_text[] = "module ntoskrnl.exe build 19041 machine x64\n"
			      "type _LIST_ENTRY 0x10\n"
			      "  field 0x0 ptr Flink\n"
			      "  field 0x8 ptr Blink\n"
			      "type _UNICODE_STRING 0x10\n"
			      "  field 0x0 u16 Length\n"
			      "  field 0x2 u16 MaximumLength\n"
			      "  field 0x8 ptr Buffer\n"
			      "type _DRIVER_OBJECT 0x150\n"
			      "  field 0x0 i16 Type\n"
			      "  field 0x2 i16 Size\n"
			      "  field 0x8 ptr DeviceObject\n"
			      "  field 0x10 u32 Flags\n"
			      "  field 0x18 ptr DriverStart\n"
			      "  field 0x20 u32 DriverSize\n"
			      "  field 0x38 _UNICODE_STRING DriverName\n"
			      "  field 0x68 ptr DriverUnload\n";

char *fw_layout_text(const char *without)
{
	char *text = calloc(1, sizeof(fltmgr_text)), *to = text;
	const char *line = fltmgr_text;

	assert_non_null(text);
	while (*line) {
		size_t n = strcspn(line, "\n") + 1;
		char copy[128] = {0};

		assert_true(n < sizeof(copy));
		memcpy(copy, line, n);
		if (!without || !strstr(copy, without)) {
			memcpy(to, line, n);
			to += n;
		}
		line += n;
	}
	return text;
}

void fw_begin(struct flt_world *w)
{
	memset(w, 0, sizeof(*w));
	triage_init(&w->t);
	triage_map(&w->t, FW_POOL, FW_POOL_SIZE);
	w->next_string = FW_POOL + 0x30000;
	triage_map(&w->t, FW_GLOBALS, 0x200);
	triage_links(&w->t, FW_HEAD, FW_HEAD, FW_HEAD);
	triage_driver(&w->t, "fltmgr.sys", FW_FLTMGR, 0x6d000, 1);
	triage_driver(&w->t, "foxmon.sys", FW_DRIVER_A, 0x20000, 1);
	triage_driver(&w->t, "deltaav.sys", FW_DRIVER_B, 0x20000, 1);
	w->choice.source = FS_LAYOUT_EXACT;
	w->choice.site.globals_known = true;
	w->choice.site.globals = FW_GLOBALS;
	w->choice.site.frame_list = FW_HEAD;
}

void fw_string(struct flt_world *w, uint64_t va, const char *s)
{
	triage_ustr(&w->t, va, w->next_string, s);
	w->next_string += (2 * strlen(s) + 15) / 16 * 16;
}

static void empty_list(struct flt_world *w, uint64_t list)
{
	fw_list(w, list, 0, 0, NULL);
}

static void empty_mutex_list(struct flt_world *w, uint64_t list)
{
	triage_links(&w->t, list + 0x38, list + 0x38, list + 0x38);
}

void fw_frame(struct flt_world *w, uint64_t va, uint32_t id)
{
	triage_u32(&w->t, va, 0x0780f103);
	triage_u32(&w->t, va + 0x18, id);
	fw_string(w, va + 0x20, "0");
	fw_string(w, va + 0x30, "409800");
	triage_u8(&w->t, va + 0x40, 14);
	triage_u8(&w->t, va + 0x41, 4);
	empty_list(w, va + FW_FRAME_FILTERS);
	empty_list(w, va + FW_FRAME_VOLUMES);
	triage_links(&w->t, va + 0x148, va + 0x148, va + 0x148);
	empty_mutex_list(w, va + 0x158);
	empty_mutex_list(w, va + FW_FRAME_ZOMBIES);
}

static void base(struct flt_world *w, uint64_t va, uint32_t flags, uint64_t rundown)
{
	triage_u32(&w->t, va, flags);
	triage_u32(&w->t, va + 4, 1);
	triage_u64(&w->t, va + FW_BASE_RUNDOWN, rundown);
	triage_links(&w->t, va + FW_BASE_LINK, va + FW_BASE_LINK, va + FW_BASE_LINK);
}

void fw_filter(struct flt_world *w, uint64_t va, const char *name, const char *altitude)
{
	base(w, va, 0x02000000, 2);
	fw_string(w, va + FW_FILTER_NAME, name);
	fw_string(w, va + FW_FILTER_ALTITUDE, altitude);
	triage_u32(&w->t, va + FW_FILTER_FLAGS, 2);
	empty_list(w, va + FW_FILTER_INSTANCES);
	empty_mutex_list(w, va + FW_FILTER_OPENS);
	empty_mutex_list(w, va + FW_FILTER_CONNECTIONS);
	empty_mutex_list(w, va + FW_FILTER_PORTS);
}

void fw_instance(struct flt_world *w, uint64_t va, uint64_t filter, uint64_t volume)
{
	base(w, va, 0x01000000, 0);
	triage_u64(&w->t, va + FW_INSTANCE_FILTER, filter);
	triage_u64(&w->t, va + FW_INSTANCE_VOLUME, volume);
	fw_string(w, va + 0x50, "389220");
	fw_string(w, va + 0x60, "FoxMon Instance");
	triage_links(&w->t, va + FW_INSTANCE_LINK, va + FW_INSTANCE_LINK, va + FW_INSTANCE_LINK);
}

void fw_volume(struct flt_world *w, uint64_t va, const char *name)
{
	base(w, va, 0x04000000, 2);
	fw_string(w, va + FW_VOLUME_NAME, name);
	fw_string(w, va + 0x80, "\\Ntfs");
	fw_string(w, va + 0x90, "\\FileSystem\\Ntfs");
	triage_u32(&w->t, va + FW_VOLUME_FLAGS, 0x64);
	triage_u32(&w->t, va + FW_VOLUME_FSTYPE, 2);
	empty_list(w, va + FW_VOLUME_INSTANCES);
	empty_list(w, va + 0x518);
	empty_list(w, va + 0x598);
}

/* Objects at n + 1 places round the ring; the head is at neither end. */
static void ring(struct flt_world *w, uint64_t head, uint64_t link, size_t n,
		 const uint64_t *objects)
{
	uint64_t before = head, here;
	size_t i;

	for (i = 0; i < n; i++) {
		here = objects[i] + link;
		triage_u64(&w->t, before, here);
		triage_u64(&w->t, here + 8, before);
		before = here;
	}
	triage_u64(&w->t, before, head);
	triage_u64(&w->t, head + 8, before);
}

void fw_list(struct flt_world *w, uint64_t list, uint64_t link, size_t n, const uint64_t *objects)
{
	ring(w, list + FW_RLIST, link, n, objects);
	triage_u32(&w->t, list + FW_RCOUNT, (uint32_t)n);
}

void fw_frames(struct flt_world *w, size_t n, const uint64_t *frames)
{
	ring(w, FW_HEAD, FW_FRAME_LINKS, n, frames);
	triage_u32(&w->t, FW_HEAD + 0x10, (uint32_t)n);
}

void fw_small(struct flt_world *w)
{
	fw_begin(w);
	fw_frame(w, FW_SMALL_FRAME, 0);
	fw_frames(w, 1, (uint64_t[]){FW_SMALL_FRAME});
	fw_filter(w, FW_SMALL_FOX, "FoxMon", "389220");
	fw_filter(w, FW_SMALL_DELTA, "DeltaAv", "328010");
	triage_u64(&w->t, FW_SMALL_FOX + FW_FILTER_FRAME, FW_SMALL_FRAME);
	triage_u64(&w->t, FW_SMALL_DELTA + FW_FILTER_FRAME, FW_SMALL_FRAME);
	fw_list(w, FW_SMALL_FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 2,
		(uint64_t[]){FW_SMALL_FOX, FW_SMALL_DELTA});
	fw_volume(w, FW_SMALL_VOLUME, "\\Device\\HarddiskVolume3");
	triage_u64(&w->t, FW_SMALL_VOLUME + FW_VOLUME_FRAME, FW_SMALL_FRAME);
	fw_list(w, FW_SMALL_FRAME + FW_FRAME_VOLUMES, FW_BASE_LINK, 1,
		(uint64_t[]){FW_SMALL_VOLUME});
	fw_instance(w, FW_SMALL_I_FOX, FW_SMALL_FOX, FW_SMALL_VOLUME);
	fw_instance(w, FW_SMALL_I_DELTA, FW_SMALL_DELTA, FW_SMALL_VOLUME);
	fw_list(w, FW_SMALL_FOX + FW_FILTER_INSTANCES, FW_INSTANCE_LINK, 1,
		(uint64_t[]){FW_SMALL_I_FOX});
	fw_list(w, FW_SMALL_DELTA + FW_FILTER_INSTANCES, FW_INSTANCE_LINK, 1,
		(uint64_t[]){FW_SMALL_I_DELTA});
	fw_list(w, FW_SMALL_VOLUME + FW_VOLUME_INSTANCES, FW_BASE_LINK, 2,
		(uint64_t[]){FW_SMALL_I_FOX, FW_SMALL_I_DELTA});
}

void fw_collect(struct flt_world *w)
{
	char *text = w->layout_text ? NULL : fw_layout_text(NULL);
	const char *use = w->layout_text ? w->layout_text : text;
	struct fs_error err = {0};

	assert_int_equal(
		layout_parse("test", use, strlen(use), NULL, NULL, &w->choice.layout, &err), FS_OK);
	assert_int_equal(layout_parse("nt", nt_text, strlen(nt_text), NULL, NULL, &w->nt, &err),
			 FS_OK);
	free(text);
	assert_int_equal(dump_open(triage_write(&w->t), &w->dump, &err), FS_OK);
	assert_int_equal(vm_create(w->dump, &w->vm, &err), FS_OK);
	w->r = (struct reader){.vm = w->vm, .nt = w->nt};
	assert_int_equal(modules_read(&w->r, &w->modules, &err), FS_OK);
	model_begin(&w->b, &w->model, &w->arena);
	if (fltmgr_collect(&w->r, &w->modules, &w->choice, &w->b, &err) != FS_OK)
		fail_msg("fltmgr_collect: %s", err.text);
	model_end(&w->b);
}

void fw_forget(struct flt_world *w)
{
	model_free(&w->model);
	memset(&w->model, 0, sizeof(w->model));
	arena_deinit(&w->arena);
	modules_deinit(&w->modules);
	memset(&w->modules, 0, sizeof(w->modules));
	layout_free(w->choice.layout);
	layout_free(w->nt);
	vm_destroy(w->vm);
	dump_close(w->dump);
	w->choice.layout = w->nt = NULL;
	w->vm = NULL;
	w->dump = NULL;
}

void fw_end(struct flt_world *w)
{
	fw_forget(w);
	free(w->choice.site.frames.v);
	triage_deinit(&w->t);
}

const struct fs_filter *fw_find_filter(const struct flt_world *w, uint64_t va)
{
	size_t i;

	for (i = 0; i < w->model.nfilters; i++)
		if (w->model.filters[i].address == va)
			return &w->model.filters[i];
	return NULL;
}

const struct fs_instance *fw_find_instance(const struct flt_world *w, uint64_t va)
{
	size_t i;

	for (i = 0; i < w->model.ninstances; i++)
		if (w->model.instances[i].address == va)
			return &w->model.instances[i];
	return NULL;
}

const struct fs_volume *fw_find_volume(const struct flt_world *w, uint64_t va)
{
	size_t i;

	for (i = 0; i < w->model.nvolumes; i++)
		if (w->model.volumes[i].address == va)
			return &w->model.volumes[i];
	return NULL;
}

const struct fs_gap *fw_gap(const struct flt_world *w, enum fs_state state, int32_t gap)
{
	assert_int_equal(state, FS_MISSING);
	assert_true(gap >= 0 && (size_t)gap < w->model.ngaps);
	return &w->model.gaps[gap];
}

size_t fw_gaps(const struct flt_world *w, const char *what, enum fs_status reason)
{
	size_t i, n = 0;

	for (i = 0; i < w->model.ngaps; i++)
		n += w->model.gaps[i].reason == reason && strcmp(w->model.gaps[i].what, what) == 0;
	return n;
}
