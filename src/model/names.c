/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the enums of the public headers. */
#include "fltscope/finding.h"
#include "fltscope/model.h"

#define COUNT(a)      (sizeof(a) / sizeof((a)[0]))
#define NAME(a, i)    ((size_t)(i) < COUNT(a) ? (a)[i] : NULL)
#define NAME_OR(a, i) (NAME(a, i) ? NAME(a, i) : "unknown")

#define CB(name) [FS_CB_##name] = #name
static const char *const callback_names[FS_CB_COUNT] = {
	CB(FilterUnload),
	CB(InstanceSetup),
	CB(InstanceQueryTeardown),
	CB(InstanceTeardownStart),
	CB(InstanceTeardownComplete),
	CB(PreVolumeMount),
	CB(PostVolumeMount),
	CB(GenerateFileName),
	CB(NormalizeNameComponent),
	CB(NormalizeNameComponentEx),
	CB(NormalizeContextCleanup),
	CB(KtmNotification),
	CB(SectionNotification),
	CB(OldDriverUnload),
};

const char *fs_callback_name(enum fs_callback cb)
{
	return NAME_OR(callback_names, cb);
}

/*
 * IRP_MJ_CREATE .. IRP_MJ_PNP: wdm.h, equal to IRP_MJ_MAXIMUM_FUNCTION 0x1b.
 * The upper ones are the Filter Manager's own, (UCHAR)-n in fltKernel.h; -8 to
 * -12 are reserved there. IRP_MJ_OPERATION_END ends a registration.
 */
#define FLT(n) (0x100 - (n))
static const char *const major_names[256] = {
	[0x00] = "IRP_MJ_CREATE",
	[0x01] = "IRP_MJ_CREATE_NAMED_PIPE",
	[0x02] = "IRP_MJ_CLOSE",
	[0x03] = "IRP_MJ_READ",
	[0x04] = "IRP_MJ_WRITE",
	[0x05] = "IRP_MJ_QUERY_INFORMATION",
	[0x06] = "IRP_MJ_SET_INFORMATION",
	[0x07] = "IRP_MJ_QUERY_EA",
	[0x08] = "IRP_MJ_SET_EA",
	[0x09] = "IRP_MJ_FLUSH_BUFFERS",
	[0x0a] = "IRP_MJ_QUERY_VOLUME_INFORMATION",
	[0x0b] = "IRP_MJ_SET_VOLUME_INFORMATION",
	[0x0c] = "IRP_MJ_DIRECTORY_CONTROL",
	[0x0d] = "IRP_MJ_FILE_SYSTEM_CONTROL",
	[0x0e] = "IRP_MJ_DEVICE_CONTROL",
	[0x0f] = "IRP_MJ_INTERNAL_DEVICE_CONTROL",
	[0x10] = "IRP_MJ_SHUTDOWN",
	[0x11] = "IRP_MJ_LOCK_CONTROL",
	[0x12] = "IRP_MJ_CLEANUP",
	[0x13] = "IRP_MJ_CREATE_MAILSLOT",
	[0x14] = "IRP_MJ_QUERY_SECURITY",
	[0x15] = "IRP_MJ_SET_SECURITY",
	[0x16] = "IRP_MJ_POWER",
	[0x17] = "IRP_MJ_SYSTEM_CONTROL",
	[0x18] = "IRP_MJ_DEVICE_CHANGE",
	[0x19] = "IRP_MJ_QUERY_QUOTA",
	[0x1a] = "IRP_MJ_SET_QUOTA",
	[0x1b] = "IRP_MJ_PNP",
	[0x80] = "IRP_MJ_OPERATION_END",
	[FLT(1)] = "IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION",
	[FLT(2)] = "IRP_MJ_RELEASE_FOR_SECTION_SYNCHRONIZATION",
	[FLT(3)] = "IRP_MJ_ACQUIRE_FOR_MOD_WRITE",
	[FLT(4)] = "IRP_MJ_RELEASE_FOR_MOD_WRITE",
	[FLT(5)] = "IRP_MJ_ACQUIRE_FOR_CC_FLUSH",
	[FLT(6)] = "IRP_MJ_RELEASE_FOR_CC_FLUSH",
	[FLT(7)] = "IRP_MJ_QUERY_OPEN",
	[FLT(13)] = "IRP_MJ_FAST_IO_CHECK_IF_POSSIBLE",
	[FLT(14)] = "IRP_MJ_NETWORK_QUERY_OPEN",
	[FLT(15)] = "IRP_MJ_MDL_READ",
	[FLT(16)] = "IRP_MJ_MDL_READ_COMPLETE",
	[FLT(17)] = "IRP_MJ_PREPARE_MDL_WRITE",
	[FLT(18)] = "IRP_MJ_MDL_WRITE_COMPLETE",
	[FLT(19)] = "IRP_MJ_VOLUME_MOUNT",
	[FLT(20)] = "IRP_MJ_VOLUME_DISMOUNT",
};

const char *fs_major_name(uint8_t major)
{
	return major_names[major];
}

static const char *const source_names[] = {
	[FS_LAYOUT_NONE] = "none",     [FS_LAYOUT_PDB] = "pdb",	  [FS_LAYOUT_EXACT] = "exact",
	[FS_LAYOUT_FAMILY] = "family", [FS_LAYOUT_CODE] = "code", [FS_LAYOUT_USER] = "user",
};

const char *fs_layout_source_name(enum fs_layout_source s)
{
	return NAME_OR(source_names, s);
}

static const char *const severity_names[] = {
	[FS_NOTE] = "note",
	[FS_WARNING] = "warning",
	[FS_ERROR] = "error",
};

const char *fs_severity_name(enum fs_severity s)
{
	return NAME_OR(severity_names, s);
}

static const char *const confidence_names[] = {
	[FS_POSSIBLE] = "possible",
	[FS_LIKELY] = "likely",
	[FS_PROVED] = "proved",
};

const char *fs_confidence_name(enum fs_confidence c)
{
	return NAME_OR(confidence_names, c);
}

static const char *const state_names[] = {
	[FS_ST_UNKNOWN] = "unknown",   [FS_ST_HEALTHY] = "healthy", [FS_ST_REFUSED] = "refused",
	[FS_ST_LEFTOVER] = "leftover", [FS_ST_STUCK] = "stuck",
};

const char *fs_verdict_state_name(enum fs_verdict_state s)
{
	return NAME_OR(state_names, s);
}

static const char *const stage_names[] = {
	[FS_STAGE_UNKNOWN] = "unknown",
	[FS_S0] = "S0",
	[FS_S1] = "S1",
	[FS_S2] = "S2",
	[FS_S3] = "S3",
	[FS_S4] = "S4",
	[FS_S5] = "S5",
};

const char *fs_stage_name(enum fs_stage s)
{
	return NAME_OR(stage_names, s);
}
