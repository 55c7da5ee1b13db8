/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets out of fltmgr's own code (source 4 of the layouts): what its functions do with
 * the lists and filters tells where the fields are, on any build, without symbols.
 *
 * A function is asked as what the caller knows it to be (its role). Nothing comes back
 * from a function that does not do the whole of what its role does; a value is known only
 * when an instruction shows it, and that one is named.
 *
 * FltpMiniFilterDriverUnload is exported nowhere, but every minifilter that can be
 * stopped as a service has it in DRIVER_OBJECT.DriverUnload: FltRegisterFilter puts it there.
 */
#ifndef CODE_RECOVER_H
#define CODE_RECOVER_H

#include "code/source.h"

enum recover_role {
	/* FltpMiniFilterDriverUnload(DriverObject): walks frames and filters to the first
	 * filter with that DriverObject, and references it. */
	RECOVER_DRIVER_UNLOAD,
	/* FltGetFilterFromName(Name, *Filter) */
	RECOVER_FILTER_FROM_NAME,
	/* FltEnumerateFilters(Filters[], Count, *Returned) */
	RECOVER_ENUMERATE_FILTERS,
	/* FltEnumerateInstanceInformationByFilter(Filter, …) */
	RECOVER_INSTANCES_BY_FILTER,
	/* FltObjectReference(Object): 0 or STATUS_FLT_DELETING_OBJECT */
	RECOVER_OBJECT_REFERENCE,
	RECOVER_ROLES
};
/* "FltGetFilterFromName" and so on: the export's name, or the internal one. Static. */
const char *recover_role_name(enum recover_role role);

struct recovered {
	bool known;
	uint64_t value;
	uint64_t at; /* VA of the instruction that shows it */
};

/* What the unload walk does when the filter it picked cannot be referenced. */
enum recover_walk {
	RECOVER_WALK_UNKNOWN,
	RECOVER_WALK_GIVES_UP,
	RECOVER_WALK_GOES_ON,	 /* to the next filter */
	RECOVER_WALK_NEXT_FRAME, /* not to the next filter, but to the next frame */
};

/*
 * Offsets in bytes. The code holds a frame by its list link (_FLTP_FRAME.Links) and never
 * says where in the frame that is: what is relative to the link is named so. See
 * recover_in_frame.
 */
struct recover_offsets {
	struct recovered frame_list;	  /* VA: _GLOBALS.FrameList.rList */
	struct recovered frame_list_lock; /* VA: _GLOBALS.FrameList.rLock, where it begins */
	struct recovered link_to_filters; /* RegisteredFilters.rList - Links */
	struct recovered link_to_filters_lock;
	struct recovered primary_link;	/* _FLT_OBJECT.PrimaryLink */
	struct recovered driver_object; /* _FLT_FILTER.DriverObject */
	struct recovered filter_name;	/* _FLT_FILTER.Name (UNICODE_STRING) */
	struct recovered instance_list; /* _FLT_FILTER.InstanceList.rList */
	struct recovered instance_list_lock;
	struct recovered instance_filter_link; /* _FLT_INSTANCE.FilterLink */
	struct recovered rundown;	       /* _FLT_OBJECT.RundownRef */
	enum recover_walk walk;
	uint64_t walk_at; /* VA of the branch on the reference's failure */
};

/*
 * FS_OK: the function is what `role` says; what it shows is in ret (zeroed before).
 * FS_NOT_FOUND: it is not, and the text says what was missed. Else why its code could not
 * be followed. ret is untouched on failure.
 */
enum fs_status recover_offsets(const struct code_source *s, enum recover_role role, uint64_t va,
			       struct recover_offsets *ret, struct fs_error *err);

/* Add what `more` knows to `all`. FS_CORRUPT when two functions disagree; all is then
 * untouched and the text names field, values and instructions. */
enum fs_status recover_merge(struct recover_offsets *all, const struct recover_offsets *more,
			     struct fs_error *err);

/* From the link to the frame: `links` is the offset of _FLTP_FRAME.Links, from elsewhere
 * (the frame's type word 0xF103 stands at its beginning). Unknown stays unknown. */
struct recovered recover_in_frame(const struct recovered *r, uint64_t links);

#endif
