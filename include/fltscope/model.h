/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was found in a dump, as plain data. Entities refer to each other by
 * index (-1: not reached); every value says whether it was read. Everything is owned by
 * the handle of fltscope.h and valid until fltscope_close. Strings are UTF-8
 * and may hold anything the dump held: escape them before showing.
 *
 * Names are those of the PDB and of !fltkd (facts: public fltMgr.pdb types).
 */
#ifndef FLTSCOPE_MODEL_H
#define FLTSCOPE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fltscope/dump.h"
#include "fltscope/handles.h"
#include "fltscope/holders.h"
#include "fltscope/locks.h"
#include "fltscope/threads.h"
#include "fltscope/value.h"

struct fs_module {
	const char *name, *path; /* NULL when not read */
	uint64_t base;           /* VA */
	uint64_t size;           /* bytes */
	struct fs_value timestamp;
	const char *pdb_name, *pdb_guid; /* NULL when there is no debug record in the dump */
	uint32_t pdb_age;
};
struct fs_unloaded {
	const char *name;
	uint64_t start, end;
};

struct fs_device {
	uint64_t address;
	struct fs_string name; /* from the object header */
	struct fs_value reference_count, driver_object, next_device, attached_device, current_irp;
	struct fs_value flags, characteristics, type, device_type, security_descriptor;
	struct fs_value device_extension, devobj_extension, device_queue_busy, vpb, stack_size;
	struct fs_value attached_to, device_node;
	struct fs_flags extension_flags; /* _DEVOBJ_EXTENSION.ExtensionFlags */
	int32_t driver;
};
#define FS_DOE_UNLOAD_PENDING 0x1u

struct fs_driver {
	uint64_t address; /* DRIVER_OBJECT */
	bool valid;       /* Type is IO_TYPE_DRIVER (4) and Size fits */
	struct fs_string name;        /* DRIVER_OBJECT.DriverName */
	struct fs_string object_name; /* leaf name from the object header */
	struct fs_value type, size;
	struct fs_flags flags; /* DRVO_* of wdm.h */
	struct fs_value driver_start, driver_size, driver_section, driver_extension;
	struct fs_string service_key;
	struct fs_code driver_init, driver_start_io, driver_unload, major[28];
	struct fs_value device_object; /* first device */
	size_t *devices;               /* indices, in NextDevice order */
	size_t ndevices;
	enum fs_stop devices_stop;
	int32_t devices_gap;
	int32_t module; /* the one that DriverStart lies in, -1 */
	struct fs_value pointer_count, handle_count; /* OBJECT_HEADER */
};
#define FS_DRVO_UNLOAD_INVOKED 0x1u
#define FS_DRVO_INITIALIZED    0x10u

enum fs_callback {
	FS_CB_FilterUnload, FS_CB_InstanceSetup, FS_CB_InstanceQueryTeardown,
	FS_CB_InstanceTeardownStart, FS_CB_InstanceTeardownComplete, FS_CB_PreVolumeMount,
	FS_CB_PostVolumeMount, FS_CB_GenerateFileName, FS_CB_NormalizeNameComponent,
	FS_CB_NormalizeNameComponentEx, FS_CB_NormalizeContextCleanup, FS_CB_KtmNotification,
	FS_CB_SectionNotification, FS_CB_OldDriverUnload,
	FS_CB_COUNT
};
const char *fs_callback_name(enum fs_callback cb); /* "FilterUnload" */

struct fs_operation {
	uint64_t address; /* FLT_OPERATION_REGISTRATION */
	uint8_t major;    /* IRP_MJ_* as in fltKernel.h, 0xff.. for FltMgr's own */
	uint32_t flags;
	struct fs_code pre, post;
};
/* "IRP_MJ_CREATE", NULL when unknown. Source: wdm.h, fltKernel.h. */
const char *fs_major_name(uint8_t major);

/* One registration of a context type. */
struct fs_context_node {
	uint64_t address; /* ALLOCATE_CONTEXT_HEADER */
	unsigned slot;    /* index in SupportedContexts: 0 volume, 1 instance, 2 file … */
	uint8_t allocation_type;
	uint64_t filter;
};

struct fs_filter {
	uint64_t address;
	struct fs_object object;
	struct fs_string name, altitude;
	/* When the name was not captured: what its callbacks' module is called, NULL else. */
	const char *name_by_callbacks;
	struct fs_flags flags;
	struct fs_value frame_pointer; /* FLT_FILTER.Frame */
	int32_t frame;                 /* whose list it was reached on, else by Frame; -1 */
	bool by_forward, by_backward;  /* how the frame's list reached it */
	bool by_instance;              /* only an instance's Filter pointer leads to it */
	struct fs_value driver_object;
	int32_t driver;
	struct fs_list instances;
	uint64_t instance_list; /* VA of its FLT_RESOURCE_LIST_HEAD, 0 unknown */
	struct fs_code callback[FS_CB_COUNT];
	struct fs_value operations_pointer;
	struct fs_operation *operations;
	size_t noperations;
	enum fs_stop operations_stop; /* CLOSED: IRP_MJ_OPERATION_END was reached */
	struct fs_value verifier_extension;
	uint64_t active_opens, connection_list, port_list, supported_contexts; /* VA of the heads, 0 unknown */
	struct fs_value active_opens_count, connection_count, port_count;      /* mCount >> 1 */
	struct fs_context_node *contexts;
	size_t ncontexts;
	size_t context_slots; /* entries of SupportedContexts on this build */
	enum fs_looked contexts_looked; /* how far the registrations were read */
	struct fs_filter_holders *holders; /* NULL: not looked at */
};
/* The innermost frame of a logged reference that lies in a module of the filter's own callbacks
 * (those read through a trusted offset; OldDriverUnload may be anybody's); NULL: none does. */
const struct fs_code *fs_ref_event_own(const struct fs_filter *f, const struct fs_ref_event *e);
#define FS_FLTFL_MANDATORY_UNLOAD_IN_PROGRESS 0x1u
#define FS_FLTFL_FILTERING_INITIATED          0x2u

struct fs_instance {
	uint64_t address;
	struct fs_object object;
	struct fs_string name, altitude;
	struct fs_flags flags;
	struct fs_value filter_pointer, volume_pointer;
	int32_t filter, volume;
	struct fs_links filter_link;
	struct fs_value operation_rundown, context, track_completion_nodes;
	uint64_t context_lock, callback_nodes, transaction_contexts; /* VA, 0 unknown */
	bool by_filter, by_volume; /* which list reached it */
	const struct fs_cache_aware *operations; /* what operation_rundown leads to; NULL: not read */
	struct fs_instance_holders *holders; /* NULL: not looked at; read while it drains */
};

struct fs_volume {
	uint64_t address;
	struct fs_object object;
	struct fs_string device_name, guid_name, cdo_device_name, cdo_driver_name;
	struct fs_flags flags;
	struct fs_value file_system_type;
	const char *file_system; /* "FLT_FSTYPE_NTFS", NULL unknown */
	struct fs_value device_object, disk_device_object, frame_zero_volume, volume_in_next_frame;
	struct fs_value frame_pointer;
	int32_t frame;
	bool by_forward, by_backward, by_instance;
	struct fs_value targeted_open_count;
	struct fs_list instances;
	uint64_t instance_list; /* VA of its FLT_RESOURCE_LIST_HEAD, 0 unknown */
	uint64_t callbacks, context_lock, volume_contexts, stream_list_ctrls, file_list_ctrls, name_cache_ctrl;
	struct fs_value stream_list_count, file_list_count;
};

struct fs_frame {
	uint64_t address;
	struct fs_value id;
	struct fs_string altitude_low, altitude_high;
	struct fs_links links;
	bool by_forward, by_backward;
	bool by_type_word; /* FltGlobals was not captured: found by its signature */
	struct fs_list filters, volumes;
	uint64_t filter_unload_lock; /* VA, 0 unknown */
	/* others, for !fltkd.frame */
	uint64_t attached_file_systems, zombied_contexts, mounting_volumes;
	struct fs_value attached_file_systems_count, zombied_contexts_count;
	struct fs_value large_irpctrl_stack_size, small_irpctrl_stack_size;
};

/* One proof step of the chosen layout. */
struct fs_layout_check {
	const char *what;   /* "frame type word", "filter.Frame points back" … */
	const char *fields; /* the type.field names it proves, comma separated */
	size_t held, failed;
	uint64_t failed_at; /* VA of the first failure */
	const char *detail; /* of the first failure, NULL */
};
enum fs_layout_source { FS_LAYOUT_NONE, FS_LAYOUT_PDB, FS_LAYOUT_EXACT, FS_LAYOUT_FAMILY, FS_LAYOUT_CODE, FS_LAYOUT_USER };
const char *fs_layout_source_name(enum fs_layout_source s); /* "pdb", "exact", … */
struct fs_layout_candidate {
	const char *id;
	const char *match; /* "exact", "build", "family" */
	size_t held, failed;
	bool refused;
	const char *why;
};
/* One value of a layout that was recovered from the Filter Manager's code in the dump. */
struct fs_layout_code {
	const char *what; /* "_FLT_FILTER.DriverObject"; FltGlobals.… is a VA, all else an offset */
	uint64_t value;
	uint64_t at; /* VA of the instruction that shows it; for _FLTP_FRAME.Links of a frame's type word */
};
struct fs_layout {
	const char *id; /* NULL: none could be accepted */
	enum fs_layout_source source;
	bool composite;
	/* Of the fields that the tool uses and the layout has, those whose offsets were seen in no
	 * PDB and no debugger's output of this build: worked out from another one. */
	size_t nfields, ninferred;
	struct fs_layout_check *checks;
	size_t nchecks;
	size_t held, failed;
	const char **proved;   /* "_FLT_FILTER.Name" … fields an invariant confirmed */
	size_t nproved;
	const char **unproved; /* read, but nothing in this dump confirms the offset */
	size_t nunproved;
	const char **refused;  /* contradicted: their values are not reported */
	size_t nrefused;
	struct fs_layout_candidate *candidates;
	size_t ncandidates;
	const struct fs_layout_code *code; /* of FS_LAYOUT_CODE */
	size_t ncode;
};

struct fs_model {
	struct fs_dump dump;
	struct fs_layout nt, fltmgr;
	int32_t fltmgr_module; /* index, -1 */
	bool found;            /* Filter Manager state was found */
	const char *not_found; /* why not, one sentence, when !found */
	struct fs_value globals;   /* VA of FltGlobals */
	struct fs_list frame_list; /* FltGlobals.FrameList.rList */
	const char *located_by;    /* "known RVA of this image", "searching fltmgr's data", "fltmgr's code", "frame type word" */
	const char *unload_walk;   /* "gives-up", "goes-on", NULL not known */
	uint64_t unload_walk_at;   /* VA of the branch in this dump's code that shows it; 0: a layout's fact */
	const char *rundown_accounting; /* layout fact: "itemised", NULL: not known for this build */
	const char *load_unload; /* layout fact of nt: "races", "serialised", NULL not known */

	struct fs_module *modules;         size_t nmodules;
	/* Every loaded module is in modules with its range: an address in none of them is
	 * in no loaded module. Else it may be in one that was not reached. */
	bool modules_whole;
	struct fs_unloaded *unloaded;      size_t nunloaded;
	struct fs_frame *frames;           size_t nframes; /* in FrameList order */
	struct fs_filter *filters;         size_t nfilters;
	struct fs_instance *instances;     size_t ninstances;
	struct fs_volume *volumes;         size_t nvolumes;
	struct fs_driver *drivers;         size_t ndrivers;
	struct fs_device *devices;         size_t ndevices;
	struct fs_process *processes;      size_t nprocesses; /* in PsActiveProcessHead order, then others */
	struct fs_thread *threads;         size_t nthreads;
	struct fs_processor *processors;   size_t nprocessors;
	struct fs_lock *locks;             size_t nlocks;
	/* Locks of the Filter Manager: WHOLE: each was read, and those that are not in `locks` are
	 * owned by nobody and waited for by nobody. NOT: this build's are of a kind that is not known. */
	enum fs_looked locks_looked;
	struct fs_handle *handles;         size_t nhandles; /* by process, then by value */
	enum fs_looked handles_looked; /* NOT until something asks for them */
	const char *handles_why;       /* a sentence when not WHOLE, NULL */
	/* How far processes and threads were read: NOT until something asks for them. */
	enum fs_looked threads_looked;
	enum fs_looked stacks_looked; /* threads[].stack: PARTLY: of those that matter only */
	const char *threads_why;      /* a sentence when they were not read whole, NULL */
	struct fs_value tick_count;   /* KeTickCount, ticks since start */
	struct fs_value tick_100ns;   /* KeMaximumIncrement: 100 ns in a tick */
	struct fs_throttle *throttles;     size_t nthrottles; /* in the arena; 0: not known */
	struct fs_gap *gaps;               size_t ngaps;
	bool gaps_limited; /* more gaps than are kept */
};

#endif
